# SPDX-License-Identifier: Apache-2.0
"""Every document of the JSON parsing corpus (../shared/data/json-parsing, MIT) as an upload and as
the body of calls: what must not parse is refused by AWS's error or lands in quarantine, what may
parse is judged by its content, each is recorded, and the server stays up."""
import base64
import hashlib
import dataclasses
import json
import subprocess
import urllib.parse

import pytest

import wire
from conftest import ROOT, SLUICE, Server
from functions import make_pipeline, make_role, rows_of, until, zipped

CORPUS = ROOT.parent / "shared" / "data" / "json-parsing" / "test_parsing"
DOCUMENTS = {path.name: path.read_bytes() for path in sorted(CORPUS.glob("*.json"))}
JSON_BLANKS = b" \t\r\n"


def test_the_corpus_is_here():
    assert len(DOCUMENTS) == 318, f"{CORPUS} must stand beside the checkout"


def test_many_names_cost_no_more_than_their_number(server):
    """What a policy could ask of a batch is gathered before anybody is asked whether it is allowed.
    Each name against all others took minutes."""
    door = wire.Wire(server)
    puts, names = [], (f"{n:05x}" for n in range(500_000))
    for _ in range(8):
        attributes = ",".join(f'"{next(names)}":{{"NULL":true}}' for _ in range(62_000))
        puts.append(f'{{"PutRequest":{{"Item":{{{attributes}}}}}}}')
    call = wire.dynamodb("BatchWriteItem", {})
    body = f'{{"RequestItems":{{"no-such-table":[{",".join(puts)}]}}}}'.encode()
    answer = door.ask(dataclasses.replace(call, body=body), server.session())
    assert (answer.status, answer.code) == (400, "ResourceNotFoundException")


def test_as_uploads_each_ends_in_quarantine_with_its_reason(fresh_server):
    server = fresh_server
    bucket = make_pipeline(server)
    s3, logs = server.client("s3"), server.client("logs")
    for name, document in DOCUMENTS.items():
        s3.put_object(Bucket=bucket, Key=name, Body=document)

    def accounts():
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="/aws/lambda/pipe", filterPattern='{ $.message = "object ingested" }'
        )
        lines = [json.loads(event["message"]) for page in pages for event in page["events"]]
        return lines if {line["key"] for line in lines} == DOCUMENTS.keys() else None

    problems = []
    for line in until(accounts, seconds=120):
        name, read, rejected = line["key"], line["RecordsRead"], line["RecordsRejected"]
        if line["RecordsStored"] or line["RecordsDuplicate"] or read != rejected:
            problems.append(f"{name}: {line}")
        if (
            name.startswith("n_")
            and not rejected
            and DOCUMENTS[name].removeprefix(b"\xef\xbb\xbf").strip(JSON_BLANKS)
        ):
            problems.append(f"{name}: not rejected")
        if rejected:
            quarantine = line["quarantine"].removeprefix("s3://pipe-quarantine/")
            kept = [
                json.loads(text)
                for text in s3.get_object(Bucket="pipe-quarantine", Key=quarantine)["Body"]
                .read()
                .decode()
                .split("\n")[:-1]
            ]
            if len(kept) != rejected or not all(one["code"] and one["message"] for one in kept):
                problems.append(f"{name}: {kept}")
    assert not problems, "\n".join(problems)
    assert rows_of(server, "pipe") == []


@dataclasses.dataclass
class Place:
    """Where a document is put: the call's body around it, and the codes that are right for what
    must not parse and for the rest."""

    call: wire.Call
    refused: set
    judged: set
    before: bytes = b""
    after: bytes = b""


def json_call(service, target, version="1.1"):
    return wire.Call(
        service,
        "POST",
        "/",
        {"content-type": f"application/x-amz-json-{version}", "x-amz-target": target},
        b"",
    )


SERIALIZATION = {"SerializationException"}
POLICY_CALL = wire.Call(
    "iam", "POST", "/", {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, b""
)
PLACES = {
    "a PutItem": Place(
        json_call("dynamodb", "DynamoDB_20120810.PutItem", "1.0"),
        SERIALIZATION,
        SERIALIZATION | {"ValidationException"},
    ),
    "an attribute of an item": Place(
        json_call("dynamodb", "DynamoDB_20120810.PutItem", "1.0"),
        SERIALIZATION,
        SERIALIZATION | {"ValidationException"},
        b'{"TableName":"hostile","Item":{"device_id":{"S":"d"},"timestamp":{"S":"t"},"document":',
        b"}}",
    ),
    "a map of an item": Place(
        json_call("dynamodb", "DynamoDB_20120810.PutItem", "1.0"),
        SERIALIZATION,
        SERIALIZATION | {"ValidationException", ""},
        b'{"TableName":"hostile","Item":{"device_id":{"S":"d"},"timestamp":{"S":"t"},'
        b'"document":{"M":',
        b"}}}",
    ),
    "an Encrypt": Place(
        json_call("kms", "TrentService.Encrypt"),
        SERIALIZATION,
        SERIALIZATION | {"ValidationException"},
    ),
    "a PutLogEvents": Place(
        json_call("logs", "Logs_20140328.PutLogEvents"),
        SERIALIZATION,
        SERIALIZATION | {"InvalidParameterException", "ValidationException"},
    ),
    "a CreateFunction": Place(
        wire.Call(
            "lambda", "POST", "/2015-03-31/functions", {"content-type": "application/json"}, b""
        ),
        {"InvalidRequestContentException"},
        {
            "InvalidRequestContentException",
            "InvalidParameterValueException",
            "ValidationException",
            "SerializationException",
        },
    ),
    "an event of a function": Place(
        wire.Call(
            "lambda",
            "POST",
            "/2015-03-31/functions/echo/invocations",
            {"x-amz-invocation-type": "DryRun"},
            b"",
        ),
        {"InvalidRequestContentException"},
        {"", "InvalidRequestContentException"},
    ),
    "a bucket policy": Place(
        wire.Call("s3", "PUT", "/hostile?policy", {}, b""),
        {"MalformedPolicy", "PolicyTooLarge"},
        {"MalformedPolicy"},
    ),
    "a trust policy": Place(
        POLICY_CALL,
        {"MalformedPolicyDocument", "ValidationError", "LimitExceeded"},
        {"MalformedPolicyDocument", "ValidationError"},
    ),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("hostile")).start()
    server.client("s3").create_bucket(Bucket="hostile")
    server.client("dynamodb").create_table(
        TableName="hostile",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "device_id", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "device_id", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "S"},
        ],
    )
    server.client("lambda").create_function(
        FunctionName="echo",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=make_role(server, "hostile"),
        Code={"ZipFile": zipped()},
    )
    yield server
    if server.process.poll() is None:
        server.stop()


def requests_of(place):
    for name, document in DOCUMENTS.items():
        if place.call is POLICY_CALL:
            body = urllib.parse.urlencode(
                {
                    "Action": "CreateRole",
                    "Version": "2010-05-08",
                    "RoleName": "hostile-role",
                    "AssumeRolePolicyDocument": document,
                }
            ).encode()
        else:
            body = place.before + document + place.after
        headers = (
            {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}
            if place.call.service == "s3"
            else {}
        )
        yield name, document, dataclasses.replace(
            place.call, body=body, headers=place.call.headers | headers
        )


@pytest.mark.parametrize("where", PLACES)
def test_as_the_body_of(hostile, where):
    place, door, session, problems, ids = (
        PLACES[where],
        wire.Wire(hostile),
        hostile.session(),
        [],
        {},
    )
    connection = door.connect()
    for name, document, call in requests_of(place):
        answer = door.send(call, door.sign(call, session), connection=connection)
        ids[answer.request_id] = name
        blank = (
            not document.strip(JSON_BLANKS) and not place.before
        )  # an empty body is a request without members
        allowed = place.judged if not name.startswith("n_") or blank else place.refused
        if answer.code not in allowed or (answer.status < 400) != (answer.code == ""):
            problems.append(f"{name}: {answer}")
    assert hostile.process.poll() is None
    assert hostile.stop() == 0
    records = {}
    for record in json.loads(
        subprocess.run(
            [SLUICE.parent / "dump", hostile.data_dir], capture_output=True, text=True, check=True
        ).stdout
    )["audit"]:
        records.setdefault(record["requestID"], []).append(record)
    hostile.start()
    problems += [
        f"{name}: {len(records.get(request_id, []))} records"
        for request_id, name in ids.items()
        if len(records.get(request_id, [])) != 1
    ]
    assert not problems, "\n".join(problems)
    assert [row["document"] for row in rows_of(hostile, "hostile")] == (
        [{"M": {}}] if where == "a map of an item" else []
    )  # y_object_empty.json is a map
    hostile.client("dynamodb").delete_item(
        TableName="hostile", Key={"device_id": {"S": "d"}, "timestamp": {"S": "t"}}
    )


def test_as_text_each_comes_back_as_it_went_in(hostile):
    dynamodb, texts = hostile.client("dynamodb"), {}
    for name, document in DOCUMENTS.items():
        try:
            texts[name] = document.decode()
        except UnicodeDecodeError:
            continue
        if len(document) > 150_000:  # twice that is more than an item may have
            del texts[name]
            continue
        dynamodb.put_item(
            TableName="hostile",
            Item={
                "device_id": {"S": name},
                "timestamp": {"S": "t"},
                "document": {"S": texts[name]},
                "bytes": {"B": document},
            },
        )
    assert {
        row["device_id"]["S"]: row["document"]["S"] for row in rows_of(hostile, "hostile")
    } == texts
    assert all(
        row["bytes"]["B"] == DOCUMENTS[row["device_id"]["S"]] for row in rows_of(hostile, "hostile")
    )
    for name in texts:
        dynamodb.delete_item(
            TableName="hostile", Key={"device_id": {"S": name}, "timestamp": {"S": "t"}}
        )

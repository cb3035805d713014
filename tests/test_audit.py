# SPDX-License-Identifier: Apache-2.0
"""Every call leaves one record, allowed or not; nothing secret is in it; altering the store is
noticed."""
import base64
import json

import wire
from functions import LOGS, make_role, zipped
from records import records_of


def events(trail, **attribute):
    found, token = [], {}
    while True:
        page = trail.lookup_events(
            LookupAttributes=[
                {"AttributeKey": k, "AttributeValue": v} for k, v in attribute.items()
            ],
            MaxResults=7,
            **token,
        )
        found += page["Events"]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_every_management_call_is_recorded_once(server):
    trail, kms = server.client("cloudtrail"), server.client("kms")
    for _ in range(20):
        kms.create_key()
    created = events(trail, EventName="CreateKey")
    assert len(created) == 20 and len({e["EventId"] for e in created}) == 20
    record = json.loads(created[0]["CloudTrailEvent"])
    assert (
        record["eventSource"] == "kms.amazonaws.com"
        and record["userIdentity"]["type"] == "AssumedRole"
        and record["tlsDetails"]["tlsVersion"] == "TLSv1.3"
    )
    assert (
        record["readOnly"] is False
        and record["managementEvent"] is True
        and created[0]["Username"].startswith("uid-")
    )


def test_refusals_are_recorded_with_their_code(server, code):
    trail, s3 = server.client("cloudtrail"), server.client("s3")
    assert code(s3.delete_bucket, Bucket="no-such-bucket") == "NoSuchBucket"
    assert (
        code(server.client("kms", session=server.session() | {"SecretAccessKey": "x"}).list_aliases)
        == "InvalidSignatureException"
    )
    denied = json.loads(events(trail, EventName="DeleteBucket")[0]["CloudTrailEvent"])
    assert (
        denied["errorCode"] == "NoSuchBucket"
        and denied["requestParameters"]["bucketName"] == "no-such-bucket"
    )
    codes = {
        json.loads(e["CloudTrailEvent"]).get("errorCode")
        for e in events(trail, EventSource="kms.amazonaws.com")
    }
    assert "InvalidSignatureException" in codes


def test_secrets_and_payloads_are_in_no_record(server):
    trail, kms, sts = server.client("cloudtrail"), server.client("kms"), server.client("sts")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"CANARY-PLAINTEXT")
    kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    session = server.session()
    text = "".join(e["CloudTrailEvent"] for e in events(trail))
    assert "CANARY" not in text and "Q0FOQVJZ" not in text
    assert session["SecretAccessKey"] not in text and session["SessionToken"] not in text
    assert sts.get_caller_identity()["Account"] in text


def test_a_name_in_both_cases_shows_no_secret_and_hides_no_value(server):
    """The operation reads the one with a capital letter; the other is told beside it."""
    trail, door, session = server.client("cloudtrail"), wire.Wire(server), server.session()
    key = server.client("kms").create_key()["KeyMetadata"]["KeyId"]

    def record_of(call):
        answer = door.ask(call, session)
        assert answer.status < 300, (answer, answer.body)
        (found,) = [
            record
            for record in (json.loads(e["CloudTrailEvent"]) for e in events(trail))
            if record["requestID"] == answer.request_id
        ]
        return found["requestParameters"]

    def kms(operation, **members):
        call = wire.Call("kms", "POST", "/", {}, b"")
        return record_of(wire.as_json(call, f"TrentService.{operation}", members))

    secret = base64.b64encode(b"CANARY").decode()
    shown = kms("Encrypt", KeyId=key, Plaintext=secret, plaintext="decoy")
    assert set(shown) <= {"keyId", "encryptionAlgorithm"} and key in shown["keyId"]
    shown = kms("CreateKey", Description="true", description="decoy")
    assert shown == {"Description": "true", "description": "decoy"}
    role = make_role(server, "both-cases", LOGS)
    function = {
        "FunctionName": "both-cases",
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": role,
        "Environment": {"Variables": {"SECRET": "CANARY"}},
        "environment": {},
        "Code": {"ZipFile": base64.b64encode(zipped()).decode(), "zipFile": "CANARY"},
        "code": {"ZipFile": "CANARY"},
    }
    body = json.dumps(function).encode()
    shown = record_of(wire.Call("lambda", "POST", "/2015-03-31/functions", {}, body))
    assert shown["environment"] == {} and "Environment" not in shown
    assert shown["Code"] == shown["code"] == {}


def test_an_attribute_without_a_name_is_no_key_of_a_table_without_a_sort_key(fresh_server):
    """A key is shown with its value, so nothing else may be taken for one."""
    server = fresh_server
    db, door, session = server.client("dynamodb"), wire.Wire(server), server.session()
    db.create_table(
        TableName="nameless",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    item = {"id": {"S": "a"}, "": {"S": "CANARY-NAMELESS"}}
    for operation, asked in (
        ("PutItem", {"TableName": "nameless", "Item": item}),
        ("BatchWriteItem", {"RequestItems": {"nameless": [{"PutRequest": {"Item": item}}]}}),
    ):
        assert door.ask(wire.dynamodb(operation, asked), session).status == 200
    written = [r for r in records_of(server) if r["eventName"] in ("PutItem", "BatchWriteItem")]
    assert len(written) == 2
    assert "CANARY-NAMELESS" not in json.dumps(written), written


def test_strangers_cannot_fill_the_disk(server):
    import ssl
    import urllib.error
    import urllib.request

    trail = server.client("cloudtrail")
    before = len(events(trail))
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    for _ in range(60):
        try:
            urllib.request.urlopen(server.endpoint["endpoint"] + "/x", context=context)
        except urllib.error.HTTPError as refused:
            assert refused.code == 403
    grown = [
        e
        for e in events(trail)
        if json.loads(e["CloudTrailEvent"]).get("errorCode") == "AccessDenied"
    ]
    assert (
        len(grown) <= 20 and len(events(trail)) > before
    )  # ten a minute, at most two minutes here


def test_wrong_questions_are_refused(server, code):
    trail = server.client("cloudtrail")
    assert code(trail.lookup_events, NextToken="nonsense") == "InvalidNextTokenException"
    assert code(trail.lookup_events, StartTime=2, EndTime=1) == "InvalidTimeRangeException"
    assert (
        code(trail.create_trail, Name="later", S3BucketName="no-such-bucket")
        == "S3BucketDoesNotExistException"
    )


def test_strangers_and_unbuilt_calls_are_recorded_by_name_and_the_rest_as_a_count(tmp_path):
    from conftest import Server

    one = Server(tmp_path).start()
    session, door = one.session(), wire.Wire(one)
    unbuilt = wire.Call(
        "kms",
        "POST",
        "/",
        {
            "x-amz-target": "TrentService.CreateCustomKeyStore",
            "content-type": "application/x-amz-json-1.1",
        },
        b"{}",
    )
    assert door.ask(unbuilt, session).code == "UnknownOperationException"
    urls = door.ask(wire.Call("lambda", "GET", "/2021-10-31/functions/f/urls", {}, b""), session)
    assert urls.code == "NotImplemented" and b"ListFunctionUrlConfigs" in urls.body
    topics = wire.Call(
        "sns",
        "POST",
        "/?Action=ListTopics",
        {"content-type": "application/x-www-form-urlencoded"},
        b"",
    )
    assert b"<ErrorResponse" in door.ask(topics, session).body
    read = wire.Call("s3", "GET", "/b-of-stranger/k", {}, b"")
    for _ in range(15):
        door.send(read, door.sign(read, session | {"SecretAccessKey": "x"}))
    large = wire.Call(
        "kms",
        "POST",
        "/",
        {"x-amz-target": "TrentService.ListKeys", "content-type": "application/x-amz-json-1.1"},
        b"{}",
    )
    door.send(large, door.sign(large, session) | {"content-length": str(1 << 30)}, stranger=True)
    assert one.stop() == 0
    one.start()
    records = [json.loads(e["CloudTrailEvent"]) for e in events(one.client("cloudtrail"))]
    named = {r["eventName"]: r for r in records}
    assert {
        "CreateCustomKeyStore",
        "ListFunctionUrlConfigs",
        "ListTopics",
    } <= named.keys() and "POST" not in named
    stranger = next(r for r in records if r.get("errorCode") == "SignatureDoesNotMatch")
    assert stranger["eventName"] == "GetObject" and stranger["userIdentity"]["type"] == "Unknown"
    assert stranger["additionalEventData"]["claimedAccessKeyId"] == session["AccessKeyId"]
    assert (
        stranger["requestParameters"]["bucketName"] == "b-of-stranger"
        and stranger["requestParameters"]["key"] == "k"
    )
    proven = next(r for r in records if r["eventName"] == "ListKeys")
    assert (
        proven["userIdentity"]["type"] == "AssumedRole"
        and proven["additionalEventData"]["payloadProven"] is False
    )
    assert named["AuthenticationFailuresNotRecorded"]["serviceEventDetails"]["failures"] >= 1
    assert one.stop() == 0

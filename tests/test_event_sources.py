# SPDX-License-Identifier: Apache-2.0
"""Event source mappings: a function gets the records of a stream, in order per key, each at least
once, and what it cannot take is set aside or told."""
import json
import signal
import time
import uuid

import botocore.exceptions
import pytest

import wire
from functions import LOGS, make_assumable, make_role, until, zipped
from records import records_of
from test_dynamodb_streams import code, item, make_table  # noqa: F401, a fixture

# Tells of each call which records it got, and behaves as the first record that says so wants.
FOLLOWER = """#!/usr/bin/python3
import json, os, http.client
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, rid = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    records, path, result = event["Records"], "/response", None
    print("BATCH " + json.dumps(records), flush=True)
    asked = [r["dynamodb"].get("NewImage", {}).get("do", {}).get("S") for r in records]
    if "fail" in asked: path, result = "/error", {"errorMessage": "told to", "errorType": "Told"}
    if "report" in asked:
        failed = records[asked.index("report")]["dynamodb"]["SequenceNumber"]
        result = {"batchItemFailures": [{"itemIdentifier": failed}]}
    if "nonsense" in asked: result = {"batchItemFailures": [{"itemIdentifier": "0"}]}
    api.request("POST", "/2018-06-01/runtime/invocation/" + rid + path, json.dumps(result))
    api.getresponse().read()
"""
READ = {
    "Effect": "Allow",
    "Action": [
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:DescribeStream",
        "dynamodb:ListStreams",
    ],
    "Resource": "*",
}


class Followed:
    """A table with a stream, and a function that can follow it."""

    def __init__(self, server, *statements):
        self.server = server
        self.table, self.stream = make_table(server)
        self.function = "f" + self.table[:20]
        role = make_role(server, self.function, LOGS, READ, *statements)
        self.lambdas = server.client("lambda", parameter_validation=False)
        self.db = server.client("dynamodb")
        self.lambdas.create_function(
            FunctionName=self.function,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role,
            Code={"ZipFile": zipped(FOLLOWER)},
        )

    def follow(self, **more):
        return self.lambdas.create_event_source_mapping(
            EventSourceArn=self.stream,
            FunctionName=self.function,
            **{"StartingPosition": "TRIM_HORIZON"} | more,
        )["UUID"]

    def put(self, name, **more):
        self.db.put_item(TableName=self.table, Item=item(name, **more))

    def batches(self):
        """The batches that the function got so far."""
        logs = self.server.client("logs")
        group = "/aws/lambda/" + self.function
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern="BATCH"
        )
        return [json.loads(event["message"][6:]) for page in pages for event in page["events"]]

    def names(self):
        return [[r["dynamodb"]["Keys"]["p"]["S"] for r in batch] for batch in self.batches()]

    def seen(self):
        return [name for batch in self.names() for name in batch]


@pytest.fixture
def followed(server):
    one = Followed(server)
    yield one
    for mapping in one.lambdas.list_event_source_mappings(FunctionName=one.function)[
        "EventSourceMappings"
    ]:
        one.lambdas.delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_function_gets_the_records_in_order_and_as_aws_shows_them(followed):
    for n in range(5):
        followed.put(f"k{n}")
    followed.follow()
    until(lambda: len(followed.seen()) == 5)
    followed.put("later")
    until(lambda: len(followed.seen()) == 6)
    assert followed.seen() == [f"k{n}" for n in range(5)] + ["later"]
    record = followed.batches()[0][0]
    change = record.pop("dynamodb")
    assert set(record) == {
        "eventID",
        "eventName",
        "eventVersion",
        "eventSource",
        "awsRegion",
        "eventSourceARN",
    }
    assert record["eventSourceARN"] == followed.stream and record["eventName"] == "INSERT"
    assert change["NewImage"] == item("k0") and isinstance(
        change["ApproximateCreationDateTime"], int
    )


def test_the_settings_are_shown_changed_listed_and_deleted(followed, code):
    lambdas = followed.lambdas
    made = lambdas.create_event_source_mapping(
        EventSourceArn=followed.stream,
        FunctionName=followed.function,
        StartingPosition="LATEST",
        BatchSize=7,
        MaximumBatchingWindowInSeconds=1,
        ParallelizationFactor=2,
        MaximumRetryAttempts=3,
        MaximumRecordAgeInSeconds=60,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
        Enabled=False,
    )
    uuid_of = made["UUID"]
    asked = {
        "StartingPosition": "LATEST",
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 1,
        "ParallelizationFactor": 2,
        "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
        "EventSourceArn": followed.stream,
    }
    assert made["State"] == "Creating" and made["ResponseMetadata"]["HTTPStatusCode"] == 202
    got = lambdas.get_event_source_mapping(UUID=uuid_of)
    assert {name: got[name] for name in asked} == asked
    assert got["State"] == "Disabled" and got["LastProcessingResult"] == "No records processed"
    assert got["FunctionArn"].endswith(":function:" + followed.function)
    again = dict(EventSourceArn=followed.stream, FunctionName=followed.function)
    assert (
        code(lambdas.create_event_source_mapping, StartingPosition="LATEST", **again)
        == "ResourceConflictException"
    )
    changed = lambdas.update_event_source_mapping(
        UUID=uuid_of, BatchSize=8, FilterCriteria={"Filters": []}, Enabled=True
    )
    assert changed["BatchSize"] == 8 and "FilterCriteria" not in changed
    assert lambdas.get_event_source_mapping(UUID=uuid_of)["State"] == "Enabled"
    (listed,) = lambdas.list_event_source_mappings(EventSourceArn=followed.stream)[
        "EventSourceMappings"
    ]
    assert listed["UUID"] == uuid_of
    assert not lambdas.list_event_source_mappings(EventSourceArn=followed.stream + "x")[
        "EventSourceMappings"
    ]
    assert lambdas.delete_event_source_mapping(UUID=uuid_of)["State"] == "Deleting"
    for call in (lambdas.get_event_source_mapping, lambdas.delete_event_source_mapping):
        assert code(call, UUID=uuid_of) == "ResourceNotFoundException"


def test_what_cannot_be_is_refused(followed, code):
    def make(**more):
        arguments = dict(
            EventSourceArn=followed.stream,
            FunctionName=followed.function,
            StartingPosition="LATEST",
            Enabled=False,
        )
        for name, value in more.items():
            arguments.pop(name, None)
            if value is not None:
                arguments[name] = value
        return code(followed.lambdas.create_event_source_mapping, **arguments)

    invalid, broken = "InvalidParameterValueException", "ValidationException"
    assert make(StartingPosition=None) == broken
    assert make(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1) == invalid
    assert make(EventSourceArn=None) == invalid
    assert make(EventSourceArn="arn:aws:sqs:us-east-1:000000000000:queue") == invalid
    assert make(EventSourceArn=followed.stream[:-1] + "x") == "ResourceNotFoundException"
    assert make(FunctionName="nobody") == "ResourceNotFoundException"
    assert make(FunctionName=followed.function + ":nothing") == "ResourceNotFoundException"
    for name, edges in {
        "BatchSize": (0, 10_001),
        "MaximumBatchingWindowInSeconds": (-1, 301),
        "ParallelizationFactor": (0, 11),
        "MaximumRetryAttempts": (-2, 10_001),
        "MaximumRecordAgeInSeconds": (-2, 604_801),
        "TumblingWindowInSeconds": (-1, 901),
    }.items():
        for edge in edges:
            assert make(**{name: edge}) == broken, (name, edge)
    assert make(MaximumRecordAgeInSeconds=59) == invalid
    assert make(TumblingWindowInSeconds=1) == invalid
    assert make(FunctionResponseTypes=["Other"]) == broken
    assert make(FilterCriteria={"Filters": [{"Pattern": '{"a": "b"}'}]}) == invalid
    assert make(FilterCriteria={"Filters": [{"Pattern": "{}"}] * 6}) == invalid
    sqs = "arn:aws:sqs:us-east-1:000000000000:dead"
    assert make(DestinationConfig={"OnFailure": {"Destination": sqs}}) == invalid
    assert make(Topics=["t"]) == invalid
    assert make() == ""


def test_a_role_that_cannot_read_the_stream_is_refused_at_once(server, followed, code):
    role = make_role(server, "blind-" + followed.table[:16], LOGS)
    followed.lambdas.update_function_configuration(FunctionName=followed.function, Role=role)
    make = lambda: code(
        followed.lambdas.create_event_source_mapping,
        EventSourceArn=followed.stream,
        FunctionName=followed.function,
        StartingPosition="LATEST",
    )
    assert make() == "InvalidParameterValueException"


def test_who_may_map_which_function(server, followed):
    """A permission for one function, by lambda:FunctionArn, is none for another."""
    other = Followed(server)
    role = "mapper" + uuid.uuid4().hex[:8]
    make_assumable(server, role)
    account, region = server.endpoint["account_id"], server.endpoint["region"]
    server.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "lambda:*EventSourceMapping",
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {
                            "lambda:FunctionArn": f"arn:aws:lambda:{region}:{account}:function:"
                            + followed.function
                        }
                    },
                },
            }
        ),
    )
    narrow = server.client("lambda", role=role)
    make = lambda one, client: client.create_event_source_mapping(
        EventSourceArn=one.stream,
        FunctionName=one.function,
        StartingPosition="LATEST",
        Enabled=False,
    )["UUID"]
    mine = make(followed, narrow)
    foreign = make(other, other.lambdas)

    def refused(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"

    refused(lambda: make(other, narrow))
    refused(narrow.update_event_source_mapping, UUID=mine, FunctionName=other.function)
    refused(narrow.update_event_source_mapping, UUID=foreign, FunctionName=followed.function)
    refused(narrow.delete_event_source_mapping, UUID=foreign)
    refused(narrow.get_event_source_mapping, UUID=foreign)
    assert narrow.get_event_source_mapping(UUID=mine)["UUID"] == mine
    narrow.delete_event_source_mapping(UUID=mine)
    other.lambdas.delete_event_source_mapping(UUID=foreign)


def test_the_record_shows_what_was_asked_and_not_a_query_that_nobody_reads(server, followed):
    door, session = wire.Wire(server), server.session()

    def shown(target, asked):
        """The parameters in the record of this call, which must succeed."""
        headers, body = {"content-type": "application/json"}, json.dumps(asked).encode()
        answer = door.ask(wire.Call("lambda", "POST", target, headers, body), session)
        assert answer.status in (201, 202), answer
        attribute = {"AttributeKey": "EventSource", "AttributeValue": "lambda.amazonaws.com"}
        trail = server.client("cloudtrail").get_paginator("lookup_events")
        pages = trail.paginate(LookupAttributes=[attribute])
        found = [json.loads(e["CloudTrailEvent"]) for page in pages for e in page["Events"]]
        (record,) = [one for one in found if one["requestID"] == answer.request_id]
        return record["requestParameters"]

    decoys = "?EventSourceArn=decoy&FunctionName=decoy&FunctionVersion=9&Marker=decoy"
    asked = {
        "EventSourceArn": followed.stream,
        "FunctionName": followed.function,
        "StartingPosition": "LATEST",
    }
    assert shown("/2015-03-31/event-source-mappings" + decoys, asked) == {
        "eventSourceArn": followed.stream,
        "functionName": followed.function,
        "startingPosition": "LATEST",
    }
    aliases = f"/2015-03-31/functions/{followed.function}/aliases"
    assert shown(aliases + decoys, {"Name": "live", "FunctionVersion": "$LATEST"}) == {
        "functionName": followed.function,
        "name": "live",
        "functionVersion": "$LATEST",
    }


def test_latest_means_from_the_creation_on(followed):
    followed.put("before")
    mapping = followed.follow(StartingPosition="LATEST", Enabled=False)
    followed.put("after")
    followed.lambdas.update_event_source_mapping(UUID=mapping, Enabled=True)
    until(followed.seen)
    assert followed.seen() == ["after"]


def test_a_filter_holds_back_what_it_does_not_name(followed):
    pattern = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"p": {"S": [{"prefix": "yes"}]}}}}
    followed.follow(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    followed.put("no-1")
    followed.put("yes-1")
    followed.put("yes-1", n={"N": "2"})
    followed.put("yes-2")
    until(lambda: len(followed.seen()) == 2)
    followed.put("yes-3")
    until(lambda: len(followed.seen()) == 3)
    assert followed.seen() == ["yes-1", "yes-2", "yes-3"]


def test_a_batch_has_its_size_and_waits_for_its_window(followed):
    for n in range(7):
        followed.put(str(n))
    mapping = followed.follow(BatchSize=3)
    until(lambda: len(followed.seen()) == 7)
    assert [len(batch) for batch in followed.names()] == [3, 3, 1]
    followed.lambdas.update_event_source_mapping(
        UUID=mapping, BatchSize=100, MaximumBatchingWindowInSeconds=300
    )
    for n in range(100):  # the window ends as soon as the batch is full
        followed.put(f"w{n}")
    until(lambda: len(followed.seen()) == 107)
    assert [len(batch) for batch in followed.names()][3:] == [100]


def bucket_of(server, name):
    bucket = name + uuid.uuid4().hex[:8]
    server.client("s3").create_bucket(Bucket=bucket)
    return bucket


def set_aside(server, bucket):
    s3 = server.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return [(key, json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) for key in keys]


@pytest.fixture
def failing(server):
    bucket = bucket_of(server, "failed-")
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    one = Followed(server, put)
    one.bucket = bucket
    one.destination = {"OnFailure": {"Destination": "arn:aws:s3:::" + bucket}}
    yield one
    for mapping in one.lambdas.list_event_source_mappings(FunctionName=one.function)[
        "EventSourceMappings"
    ]:
        one.lambdas.delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_batch_that_fails_is_tried_again_and_then_set_aside_whole(server, failing):
    for name in ("a", "b", "c"):
        failing.put(name, **({"do": {"S": "fail"}} if name == "b" else {}))
    mapping = failing.follow(MaximumRetryAttempts=1, DestinationConfig=failing.destination)
    until(lambda: set_aside(server, failing.bucket))
    ((key, record),) = set_aside(server, failing.bucket)
    assert failing.names() == [["a", "b", "c"]] * 2
    info = record["DDBStreamBatchInfo"]
    assert key.startswith(f"aws/lambda/{mapping}/{info['shardId']}/")
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert info["batchSize"] == 3 and info["streamArn"] == failing.stream
    payload = json.loads(record["payload"])["Records"]
    assert payload == failing.batches()[0]
    failing.put("d")  # it goes on behind
    until(lambda: failing.names()[-1] == ["d"])
    until(
        lambda: failing.lambdas.get_event_source_mapping(UUID=mapping)["LastProcessingResult"]
        == "OK"
    )


def test_halving_finds_the_record_that_fails(server, failing):
    for n in range(8):
        failing.put(f"k{n}", **({"do": {"S": "fail"}} if n == 5 else {}))
    failing.follow(
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig=failing.destination,
    )
    until(lambda: set_aside(server, failing.bucket) and "k7" in failing.names()[-1])
    ((_, record),) = set_aside(server, failing.bucket)
    (only,) = json.loads(record["payload"])["Records"]
    assert only["dynamodb"]["Keys"] == item("k5")
    taken = [name for batch in failing.names() if "k5" not in batch for name in batch]
    assert taken == ["k0", "k1", "k2", "k3", "k4", "k6", "k7"]


def test_what_was_reported_as_failed_comes_again_and_what_came_before_does_not(server, failing):
    for n in range(4):
        failing.put(f"k{n}", **({"do": {"S": "report"}} if n == 2 else {}))
    failing.follow(
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig=failing.destination,
    )
    until(lambda: set_aside(server, failing.bucket))
    assert failing.names() == [["k0", "k1", "k2", "k3"], ["k2", "k3"], ["k2", "k3"]]
    # Whoever names a record that he did not get has failed with all of them.
    failing.put("n", do={"S": "nonsense"})
    until(lambda: len(set_aside(server, failing.bucket)) == 2)
    assert failing.names()[-2:] == [["n"], ["n"]]


def test_a_loss_is_told_in_the_log_of_the_function(server, followed):
    followed.put("a", do={"S": "fail"})
    followed.follow(MaximumRetryAttempts=0)
    logs = server.client("logs")

    def told():
        group = "/aws/lambda/" + followed.function
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        return logs.filter_log_events(logGroupName=group, filterPattern="DROPPED")["events"]

    (event,) = until(told)
    assert followed.stream in event["message"] and "RetryAttemptsExhausted" in event["message"]


def test_parallel_batches_keep_the_order_of_each_key(followed):
    for n in range(30):
        followed.put(f"k{n % 5}", n={"N": str(n)})
    followed.follow(ParallelizationFactor=5, BatchSize=4)
    until(lambda: len(followed.seen()) == 30)
    of_key = {}
    for batch in sorted(followed.batches(), key=lambda b: b[0]["dynamodb"]["SequenceNumber"]):
        for record in batch:
            change = record["dynamodb"]
            of_key.setdefault(change["Keys"]["p"]["S"], []).append(change["SequenceNumber"])
    assert len(of_key) == 5 and all(numbers == sorted(numbers) for numbers in of_key.values())
    assert len({number for numbers in of_key.values() for number in numbers}) == 30


def test_a_disabled_mapping_rests_and_goes_on_where_it_was(followed):
    followed.put("a")
    mapping = followed.follow()
    until(lambda: followed.seen() == ["a"])
    followed.lambdas.update_event_source_mapping(UUID=mapping, Enabled=False)
    followed.put("b")
    assert followed.lambdas.get_event_source_mapping(UUID=mapping)["State"] == "Disabled"
    followed.lambdas.update_event_source_mapping(UUID=mapping, Enabled=True)
    until(lambda: "b" in followed.seen())
    assert followed.seen() == ["a", "b"]


def test_the_reading_is_authorised_as_the_role(server, followed):
    """It calls as anybody would: to take the permission away stops it, to give it back goes on."""
    followed.put("a")
    mapping = followed.follow()
    until(lambda: followed.seen() == ["a"])
    iam = server.client("iam")
    policy = iam.get_role_policy(RoleName=followed.function, PolicyName="p")["PolicyDocument"]
    only_logs = {"Version": "2012-10-17", "Statement": [LOGS]}
    iam.put_role_policy(
        RoleName=followed.function, PolicyName="p", PolicyDocument=json.dumps(only_logs)
    )
    followed.put("b")
    state = lambda: followed.lambdas.get_event_source_mapping(UUID=mapping)
    until(lambda: "AccessDenied" in state()["LastProcessingResult"])
    assert followed.seen() == ["a"]
    iam.put_role_policy(
        RoleName=followed.function, PolicyName="p", PolicyDocument=json.dumps(policy)
    )
    until(lambda: followed.seen() == ["a", "b"])


def test_a_mapping_whose_table_is_deleted_rests(fresh_server):
    """Its stream can be read for a day, and has nothing more to say."""
    followed = Followed(fresh_server)
    mapping = followed.follow()
    followed.put("a")
    until(lambda: followed.seen() == ["a"])
    state = lambda: followed.lambdas.get_event_source_mapping(UUID=mapping)
    until(lambda: state()["LastProcessingResult"] == "OK")
    followed.db.delete_table(TableName=followed.table)
    time.sleep(65)  # it waits for a record for a minute: what it must not do comes behind that
    assert state()["State"] == "Enabled"
    ours = [
        record
        for record in records_of(fresh_server)
        if record["eventSource"] == "dynamodb.amazonaws.com"
        and followed.function in json.dumps(record["userIdentity"])
    ]
    assert len(ours) < 20


def test_each_record_comes_at_least_once_and_in_order_over_kills(fresh_server):
    followed = Followed(fresh_server)
    followed.follow(BatchSize=5)
    put = 0
    for kill in range(4):
        for _ in range(12):
            followed.put(f"k{put % 3}", n={"N": str(put)})
            put += 1
        if kill:
            until(lambda: len(followed.seen()) > 4 * kill)
        fresh_server.stop(signal.SIGKILL)
        fresh_server.start()
        followed.lambdas = fresh_server.client("lambda")
        followed.db = fresh_server.client("dynamodb")
    followed.put("last", n={"N": str(put)})
    until(lambda: "last" in followed.seen())
    # A record comes again only behind one that was not yet noted, so the first coming is in order.
    first_seen = list(
        dict.fromkeys(
            (r["dynamodb"]["Keys"]["p"]["S"], int(r["dynamodb"]["NewImage"]["n"]["N"]))
            for batch in followed.batches()
            for r in batch
        )
    )
    for name in ("k0", "k1", "k2"):
        mine = [n for key, n in first_seen if key == name]
        assert mine == [n for n in range(put) if f"k{n % 3}" == name]
    fresh_server.stop()
    assert "clean" in fresh_server.run("verify").stdout
    fresh_server.start()

# SPDX-License-Identifier: Apache-2.0
"""Streams: what happened to the items of a table, in the order of the commits, each once."""
import base64
import json
import struct
import time
import uuid

import botocore.exceptions
import pytest

from functions import make_assumable
from turned import Turned

VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")


def make_table(server, name=None, view="NEW_AND_OLD_IMAGES", **more):
    """A table with a stream: its name and the ARN of its stream."""
    name = name or "t" + uuid.uuid4().hex
    table = server.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        **more,
    )["TableDescription"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": view}
    assert table["LatestStreamArn"] == f"{table['TableArn']}/stream/{table['LatestStreamLabel']}"
    return name, table["LatestStreamArn"]


@pytest.fixture(scope="module")
def db(server):
    return server.client("dynamodb", parameter_validation=False)


@pytest.fixture(scope="module")
def streams(server):
    return server.client("dynamodbstreams", parameter_validation=False)


@pytest.fixture
def code():
    """The AWS error code that a call ends with; "" when it succeeds."""

    def of(call, **arguments):
        try:
            call(**arguments)
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    return of


def item(name, **more):
    return {"p": {"S": name}, **more}


def shard_of(streams, arn):
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return shard


def iterator(streams, arn, kind="TRIM_HORIZON", number=None):
    return streams.get_shard_iterator(
        StreamArn=arn,
        ShardId=shard_of(streams, arn)["ShardId"],
        ShardIteratorType=kind,
        **({"SequenceNumber": number} if number else {}),
    )["ShardIterator"]


def records_of(streams, arn, start=None, **more):
    """All records from an iterator on, page by page, until a page is empty."""
    at, found = start or iterator(streams, arn), []
    while at:
        page = streams.get_records(ShardIterator=at, **more)
        if not page["Records"]:
            break
        found += page["Records"]
        at = page.get("NextShardIterator")
    return found


def numbers(records):
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def test_each_change_is_one_record_in_the_order_of_the_commits(db, streams):
    table, arn = make_table_of(db)
    n = lambda text: {"N": text}
    db.put_item(TableName=table, Item=item("a", n=n("1")))
    db.put_item(TableName=table, Item=item("a", n=n("1.0")))  # the same item
    db.update_item(
        TableName=table,
        Key=item("a"),
        UpdateExpression="SET n = n + :one",
        ExpressionAttributeValues={":one": n("1")},
    )
    db.update_item(TableName=table, Key=item("a"), UpdateExpression="SET n = n")
    db.delete_item(TableName=table, Key=item("nobody"))
    db.batch_write_item(
        RequestItems={
            table: [
                {"PutRequest": {"Item": item("b", s={"SS": ["x", "y"]})}},
                {"DeleteRequest": {"Key": item("a")}},
            ]
        }
    )
    db.put_item(TableName=table, Item=item("b", s={"SS": ["y", "x"]}))  # the same set
    db.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": item("c")}},
            {"Update": {"TableName": table, "Key": item("b"), "UpdateExpression": "REMOVE s"}},
        ]
    )
    with pytest.raises(botocore.exceptions.ClientError):
        db.put_item(TableName=table, Item=item("never"), ConditionExpression="p = p")
    found = records_of(streams, arn)
    shown = [
        (
            r["eventName"],
            r["dynamodb"]["Keys"]["p"]["S"],
            r["dynamodb"].get("OldImage"),
            r["dynamodb"].get("NewImage"),
        )
        for r in found
    ]
    b = item("b", s={"SS": ["x", "y"]})
    assert shown == [
        ("INSERT", "a", None, item("a", n=n("1"))),
        ("MODIFY", "a", item("a", n=n("1")), item("a", n=n("2"))),
        ("INSERT", "b", None, b),
        ("REMOVE", "a", item("a", n=n("2")), None),
        ("INSERT", "c", None, item("c")),
        ("MODIFY", "b", b, item("b")),
    ]
    assert numbers(found) == sorted(set(numbers(found))) and len(numbers(found)[0]) == 21
    assert len({r["eventID"] for r in found}) == 6
    assert {(r["eventVersion"], r["eventSource"], r["awsRegion"]) for r in found} == {
        ("1.1", "aws:dynamodb", db.meta.region_name)
    }
    # Whoever reads again sees the same.
    assert records_of(streams, arn, Limit=2) == found


def make_table_of(db, view="NEW_AND_OLD_IMAGES"):
    name = "t" + uuid.uuid4().hex
    table = db.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
    )["TableDescription"]
    return name, table["LatestStreamArn"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_what_it_says_and_no_more(db, streams, view):
    table, arn = make_table_of(db, view)
    old, new = item("a", secret={"S": "old"}), item("a", secret={"S": "new"})
    db.put_item(TableName=table, Item=old)
    db.put_item(TableName=table, Item=new)
    db.delete_item(TableName=table, Key=item("a"))
    images = [
        (r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage"))
        for r in records_of(streams, arn)
    ]
    shows_old = view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")
    shows_new = view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
    assert images == [
        (None, new_ if shows_new else None)
        if i == 0
        else (old_ if shows_old else None, new_ if shows_new else None)
        for i, (old_, new_) in enumerate([(None, old), (old, new), (new, None)])
    ]
    for record in records_of(streams, arn):
        change = record["dynamodb"]
        assert change["Keys"] == item("a") and change["StreamViewType"] == view
        assert abs(change["ApproximateCreationDateTime"].timestamp() - time.time()) < 60
        assert change["SizeBytes"] > 0


def test_where_an_iterator_begins(db, streams, code):
    table, arn = make_table_of(db)
    at_first = iterator(streams, arn, "LATEST")
    for name in "abc":
        db.put_item(TableName=table, Item=item(name))
    latest = iterator(streams, arn, "LATEST")
    found = records_of(streams, arn)
    assert records_of(streams, arn, at_first) == found and len(found) == 3
    assert records_of(streams, arn, latest) == []
    second = numbers(found)[1]
    assert (
        records_of(streams, arn, iterator(streams, arn, "AT_SEQUENCE_NUMBER", second)) == found[1:]
    )
    after = iterator(streams, arn, "AFTER_SEQUENCE_NUMBER", second)
    assert records_of(streams, arn, after) == found[2:]
    db.put_item(TableName=table, Item=item("d"))
    assert [r["dynamodb"]["Keys"] for r in records_of(streams, arn, latest)] == [item("d")]
    # An iterator of an empty page goes on where it was.
    end = streams.get_records(ShardIterator=iterator(streams, arn, "LATEST"))["NextShardIterator"]
    db.put_item(TableName=table, Item=item("e"))
    assert len(records_of(streams, arn, end)) == 1

    shard = shard_of(streams, arn)["ShardId"]
    ask = lambda **more: code(streams.get_shard_iterator, StreamArn=arn, ShardId=shard, **more)
    assert ask(ShardIteratorType="AT_SEQUENCE_NUMBER") == "ValidationException"
    assert ask(ShardIteratorType="LATEST", SequenceNumber=second) == "ValidationException"
    for wrong in ("1" + "9" * 20, "2" + "0" * 20, "x" * 21, "1" + "0" * 20):
        kind = "AT_SEQUENCE_NUMBER"
        assert ask(ShardIteratorType=kind, SequenceNumber=wrong) == "ValidationException"
    assert ask(ShardIteratorType="NEWEST") == "ValidationException"
    other = code(
        streams.get_shard_iterator,
        StreamArn=arn,
        ShardId="shardId-" + "0" * 29,
        ShardIteratorType="LATEST",
    )
    assert other == "ResourceNotFoundException"


def test_a_hostile_iterator_is_refused(db, streams, code):
    table, arn = make_table_of(db)
    db.put_item(TableName=table, Item=item("a"))
    good = iterator(streams, arn)
    place = lambda number, made: base64.b64encode(struct.pack(">QQ", number, made)).decode()
    now = int(time.time() * 1000)
    ask = lambda text: code(streams.get_records, ShardIterator=text)
    assert ask(f"{arn}|1|{place(1, now - 16 * 60_000)}") == "ExpiredIteratorException"
    assert ask(f"{arn}|1|{place(0, now)}") == "TrimmedDataAccessException"
    for wrong in (
        "x",
        arn,
        arn + "|1|",
        good[:-4],
        good + "AAAA",
        "|1|" + place(1, now),
        "arn:aws:s3:::bucket|1|" + place(1, now),
        "\u00e9" * 20,
    ):
        assert ask(wrong) == "ValidationException"
    assert ask("x" * 2049) == "ValidationException"
    # Far past the end there is nothing, and nothing comes apart.
    assert ask(f"{arn}|1|{place(2**64 - 1, now)}") in ("", "ValidationException")
    assert ask(f"{arn}|1|{place(1, 2**64 - 1)}") in ("", "ExpiredIteratorException")
    gone = arn.replace(table, "t" + uuid.uuid4().hex)
    assert ask(gone + good[len(arn) :]) == "ResourceNotFoundException"


def test_a_page_has_a_thousand_records_or_a_megabyte(db, streams, code):
    table, arn = make_table_of(db, "NEW_IMAGE")
    for batch in range(42):
        db.batch_write_item(
            RequestItems={
                table: [{"PutRequest": {"Item": item(f"{batch}-{n}")}} for n in range(25)]
            }
        )
    start = iterator(streams, arn)
    get = lambda **more: streams.get_records(ShardIterator=start, **more)
    assert len(get()["Records"]) == 1000 == len(get(Limit=1000)["Records"])
    assert len(get(Limit=1)["Records"]) == 1
    for limit in (0, 1001, -1):
        assert code(streams.get_records, ShardIterator=start, Limit=limit) == "ValidationException"
    assert len(records_of(streams, arn)) == 1050
    latest = iterator(streams, arn, "LATEST")
    for n in range(5):
        db.put_item(TableName=table, Item=item("large", n={"N": str(n)}, s={"S": "x" * 390_000}))
    sizes = []
    while page := streams.get_records(ShardIterator=latest):
        if not page["Records"]:
            break
        sizes.append(len(page["Records"]))
        latest = page["NextShardIterator"]
    assert sum(sizes) == 5 and max(sizes) == 2


def test_a_stream_that_was_disabled_can_be_read_and_has_an_end(db, streams, code):
    table, arn = make_table_of(db)
    db.put_item(TableName=table, Item=item("a"))
    off = db.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    assert "StreamSpecification" not in off["TableDescription"]
    assert off["TableDescription"]["LatestStreamArn"] == arn
    db.put_item(TableName=table, Item=item("unseen"))
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    (shard,) = described["Shards"]
    (only,) = records_of(streams, arn)
    assert described["StreamStatus"] == "DISABLED"
    assert (
        shard["SequenceNumberRange"]["EndingSequenceNumber"] == only["dynamodb"]["SequenceNumber"]
    )
    last = streams.get_records(ShardIterator=iterator(streams, arn))
    assert "NextShardIterator" not in last
    assert (
        code(db.update_table, TableName=table, StreamSpecification={"StreamEnabled": False})
        == "ValidationException"
    )
    on = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    newer = db.update_table(TableName=table, StreamSpecification=on)["TableDescription"]
    assert newer["LatestStreamArn"] != arn
    assert code(db.update_table, TableName=table, StreamSpecification=on) == "ValidationException"
    db.put_item(TableName=table, Item=item("b"))
    (record,) = records_of(streams, newer["LatestStreamArn"])
    assert record["dynamodb"]["Keys"] == item("b")
    assert records_of(streams, arn) == [only]
    assert "NextShardIterator" not in streams.get_records(ShardIterator=last_of(streams, arn))


def last_of(streams, arn):
    """An iterator after the last record."""
    number = numbers(records_of(streams, arn))[-1]
    return iterator(streams, arn, "AFTER_SEQUENCE_NUMBER", number)


def test_the_stream_of_a_deleted_table_can_still_be_read(db, streams):
    table, arn = make_table_of(db)
    db.put_item(TableName=table, Item=item("a"))
    db.delete_table(TableName=table)
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    assert len(records_of(streams, arn)) == 1
    # A new table of that name has nothing to do with it.
    again, newer = (
        db.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        ),
        db.describe_table(TableName=table)["Table"]["LatestStreamArn"],
    )
    assert newer != arn and records_of(streams, newer) == [] and len(records_of(streams, arn)) == 1


def test_streams_are_listed_page_by_page(db, streams, code):
    mine = [make_table_of(db) for _ in range(3)]
    everything = []
    page = streams.list_streams(Limit=2)
    while True:
        assert len(page["Streams"]) <= 2
        everything += page["Streams"]
        last = page.get("LastEvaluatedStreamArn")
        if not last:
            break
        page = streams.list_streams(Limit=2, ExclusiveStartStreamArn=last)
    arns = [one["StreamArn"] for one in everything]
    assert len(arns) == len(set(arns)) and {arn for _, arn in mine} <= set(arns)
    table, arn = mine[0]
    (one,) = streams.list_streams(TableName=table)["Streams"]
    assert one == {"StreamArn": arn, "TableName": table, "StreamLabel": arn.rsplit("/", 1)[1]}
    assert streams.list_streams(TableName="nobody")["Streams"] == []
    assert code(streams.list_streams, Limit=0) == "ValidationException"
    assert code(streams.list_streams, Limit=101) == "ValidationException"


def test_what_a_stream_specification_may_say(db, code):
    make = lambda **asked: code(
        db.create_table,
        TableName="t" + uuid.uuid4().hex,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        StreamSpecification=asked,
    )
    assert make(StreamEnabled=False) == ""
    assert make(StreamEnabled=True) == "ValidationException"
    assert make(StreamEnabled=True, StreamViewType="ALL") == "ValidationException"
    assert make(StreamEnabled=False, StreamViewType="KEYS_ONLY") == "ValidationException"


def test_a_stream_needs_a_permission_of_its_own(server, db, streams):
    """To read a table is not to read its stream, nor is to read one stream to read another."""
    table, arn = make_table_of(db)
    _, other = make_table_of(db)
    db.put_item(TableName=table, Item=item("a"))
    make_assumable(server, "follower")
    iam = server.client("iam")

    def allow(*statements):
        iam.put_role_policy(
            RoleName="follower",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
        return server.client("dynamodbstreams", role="follower")

    def refused(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        return caught.value.response["Error"]["Code"] == "AccessDeniedException"

    start, foreign = iterator(streams, arn), iterator(streams, other)
    table_arn = arn.split("/stream/")[0]
    client = allow({"Effect": "Allow", "Action": "dynamodb:*", "Resource": table_arn})
    assert refused(client.get_records, ShardIterator=start)
    assert refused(client.describe_stream, StreamArn=arn)
    assert refused(client.list_streams)
    client = allow(
        {
            "Effect": "Allow",
            "Resource": arn,
            "Action": ["dynamodb:GetRecords", "dynamodb:DescribeStream"],
        }
    )
    assert len(client.get_records(ShardIterator=start)["Records"]) == 1
    assert client.describe_stream(StreamArn=arn)
    assert refused(client.get_records, ShardIterator=foreign)
    assert refused(
        client.get_shard_iterator,
        StreamArn=arn,
        ShardIteratorType="LATEST",
        ShardId=shard_of(streams, arn)["ShardId"],
    )


def test_without_the_key_of_the_table_its_stream_is_shut(server, streams):
    kms, db = server.client("kms"), server.client("dynamodb")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    table, arn = make_table(
        server, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    )
    db.put_item(TableName=table, Item=item("a"))
    start = iterator(streams, arn)
    kms.disable_key(KeyId=key)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        streams.get_records(ShardIterator=start)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    kms.enable_key(KeyId=key)
    # A table that changes its key keeps the records that it has.
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    db.update_table(
        TableName=table,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": other},
    )
    kms.disable_key(KeyId=key)
    assert len(records_of(streams, arn, start)) == 1


def test_a_stream_outlives_a_restart(fresh_server):
    db = fresh_server.client("dynamodb")
    table, arn = make_table(fresh_server)
    db.put_item(TableName=table, Item=item("a"))
    streams = fresh_server.client("dynamodbstreams")
    start, before = iterator(streams, arn), records_of(streams, arn)
    fresh_server.stop()
    assert "clean" in fresh_server.run("verify").stdout
    fresh_server.start()
    streams = fresh_server.client("dynamodbstreams")
    fresh_server.client("dynamodb").put_item(TableName=table, Item=item("b"))
    after = records_of(streams, arn, start)
    assert after[:1] == before and after[1]["dynamodb"]["Keys"] == item("b")


def test_what_is_older_than_a_day_goes_and_what_expires_tells_who_did_it(tmp_path, code):
    server = Turned(tmp_path).start()
    try:
        db, streams = server.client("dynamodb"), server.client("dynamodbstreams")
        table, arn = make_table(server)
        db.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
        )
        db.put_item(TableName=table, Item=item("old", until={"N": "1700000000"}))
        db.put_item(TableName=table, Item=item("stays"))
        start = iterator(streams, arn)
        server.turn(120)
        gone = records_of(streams, arn)[-1]
        assert gone["eventName"] == "REMOVE" and gone["dynamodb"]["Keys"] == item("old")
        assert gone["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
        assert "userIdentity" not in records_of(streams, arn)[0]
        server.turn(25 * 3600)
        db.put_item(TableName=table, Item=item("new"))
        (only,) = records_of(streams, arn)
        assert only["dynamodb"]["Keys"] == item("new")
        assert code(streams.get_records, ShardIterator=start) == "TrimmedDataAccessException"
        # A stream that has ended goes whole, a day later, and with it the deleted table.
        db.delete_table(TableName=table)
        assert len(records_of(streams, arn)) == 1
        server.turn(25 * 3600)
        server.turn(120)
        assert code(streams.describe_stream, StreamArn=arn) == "ResourceNotFoundException"
        assert streams.list_streams()["Streams"] == []
    finally:
        assert server.stop() == 0
    assert "clean" in server.run("verify").stdout

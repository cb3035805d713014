# SPDX-License-Identifier: Apache-2.0
"""Many writers of one key queue up: nobody is refused, and nobody's write is lost."""
import concurrent.futures

import pytest

from functions import make_recorder, recorded, until

WRITERS = 64


def side_by_side(work, count):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_conditional_writers_of_one_item(server):
    """Each raises the number that it read: a refusal is that another was faster, never that there
    are too many."""
    dynamodb, rounds = server.client("dynamodb", max_pool_connections=WRITERS), 3
    dynamodb.create_table(
        TableName="hot",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName="hot", Item={"k": {"S": "one"}, "n": {"N": "0"}})

    def raise_it(_):
        raised = 0
        while raised < rounds:
            n = int(
                dynamodb.get_item(TableName="hot", Key={"k": {"S": "one"}}, ConsistentRead=True)[
                    "Item"
                ]["n"]["N"]
            )
            try:
                dynamodb.put_item(
                    TableName="hot",
                    Item={"k": {"S": "one"}, "n": {"N": str(n + 1)}},
                    ConditionExpression="n = :n",
                    ExpressionAttributeValues={":n": {"N": str(n)}},
                )
                raised += 1
            except dynamodb.exceptions.ConditionalCheckFailedException:
                continue

    side_by_side(raise_it, WRITERS)
    assert dynamodb.get_item(TableName="hot", Key={"k": {"S": "one"}}, ConsistentRead=True)["Item"][
        "n"
    ]["N"] == str(WRITERS * rounds)


def test_counters_count_every_writer(server):
    """64 writers count in one item, in two ways: each is told another number, and none is lost."""
    dynamodb, rounds = server.client("dynamodb", max_pool_connections=WRITERS), 10
    dynamodb.create_table(
        TableName="counters",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )

    def count(_):
        return [
            dynamodb.update_item(
                TableName="counters",
                Key={"k": {"S": "one"}},
                UpdateExpression="ADD a :one SET b = if_not_exists(b, :zero) + :one",
                ExpressionAttributeValues={":one": {"N": "1"}, ":zero": {"N": "0"}},
                ReturnValues="UPDATED_NEW",
            )["Attributes"]
            for _ in range(rounds)
        ]

    told = [one for answers in side_by_side(count, WRITERS) for one in answers]
    wanted = list(range(1, WRITERS * rounds + 1))
    assert sorted(int(one["a"]["N"]) for one in told) == wanted
    assert all(one["a"] == one["b"] for one in told)


def test_writers_who_see_what_they_replaced(server):
    """128 writers, each told what it replaced: the answers chain up to one line, without a gap and
    without a refusal."""
    dynamodb = server.client("dynamodb", max_pool_connections=128)
    dynamodb.create_table(
        TableName="line",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )

    def write(writer):
        return [
            (
                f"{writer}-{n}",
                dynamodb.put_item(
                    TableName="line",
                    Item={"k": {"S": "one"}, "who": {"S": f"{writer}-{n}"}},
                    ReturnValues="ALL_OLD",
                )
                .get("Attributes", {})
                .get("who", {})
                .get("S"),
            )
            for n in range(5)
        ]

    replaced = {old: new for answers in side_by_side(write, 128) for new, old in answers}
    assert len(replaced) == 128 * 5
    line = [None]
    while line[-1] in replaced:
        line.append(replaced[line[-1]])
    assert len(line) == 1 + 128 * 5
    assert (
        dynamodb.get_item(TableName="line", Key={"k": {"S": "one"}})["Item"]["who"]["S"] == line[-1]
    )


@pytest.mark.parametrize("versioning", (True, False), ids=("versioned", "unversioned"))
def test_writers_of_one_object(server, versioning):
    """128 uploads of one key: each is there whole, the newest is the last, and their events are
    told apart in its order."""
    bucket, s3 = "hot-versions" if versioning else "hot-object", server.client(
        "s3", max_pool_connections=128
    )
    s3.create_bucket(Bucket=bucket)
    if versioning:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    make_recorder(server, bucket)
    bodies = {n: b"body %d" % n for n in range(128)}
    answers = side_by_side(lambda n: s3.put_object(Bucket=bucket, Key="one", Body=bodies[n]), 128)
    newest = s3.get_object(Bucket=bucket, Key="one")["Body"].read()
    assert newest in bodies.values()
    if versioning:
        versions = [
            v["VersionId"]
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for v in page["Versions"]
        ]
        written = {answer["VersionId"]: bodies[n] for n, answer in enumerate(answers)}
        assert len(versions) == 128 and set(versions) == set(written)
        assert written[versions[0]] == newest
        assert all(
            s3.get_object(Bucket=bucket, Key="one", VersionId=v)["Body"].read() == written[v]
            for v in versions[::16]
        )
    events = until(lambda: len(recorded(server, bucket)) == 128 and recorded(server, bucket))
    ordered = [
        event["s3"]["object"]
        for event in sorted(events, key=lambda event: event["s3"]["object"]["sequencer"])
    ]
    assert len({one["sequencer"] for one in ordered}) == 128
    if versioning:
        assert [one["versionId"] for one in ordered] == versions[::-1]

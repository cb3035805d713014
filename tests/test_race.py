# SPDX-License-Identifier: Apache-2.0
"""Racing clients: a decision is made on what is true when it commits (store.h, Staged::get),
whoever comes first."""
import concurrent.futures
import threading

import botocore.exceptions
import pytest

CLIENTS, ROUNDS = 8, 12


def race(calls):
    """Runs the calls at once; what each answered, or its error's code."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        try:
            call()
            return "won"
        except botocore.exceptions.ClientError as refused:
            return refused.response["Error"]["Code"]

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture(scope="module")
def table(server):
    dynamodb = server.client("dynamodb")
    dynamodb.create_table(
        TableName="race",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return [server.client("dynamodb") for _ in range(CLIENTS)]


def test_one_client_creates_an_item(table):
    for number in range(ROUNDS):
        outcomes = race(
            [
                lambda client=client, who=str(who): client.put_item(
                    TableName="race",
                    Item={"id": {"S": f"one-{number}"}, "who": {"S": who}},
                    ConditionExpression="attribute_not_exists(id)",
                )
                for who, client in enumerate(table)
            ]
        )
        assert (
            outcomes.count("won") == 1
            and outcomes.count("ConditionalCheckFailedException") == CLIENTS - 1
        ), outcomes
        assert table[0].get_item(TableName="race", Key={"id": {"S": f"one-{number}"}})["Item"][
            "who"
        ]["S"] == str(outcomes.index("won"))


def test_no_increment_is_lost(table):
    each = 6

    def count(client):
        done = 0
        while done < each:
            old = (
                client.get_item(TableName="race", Key={"id": {"S": "counter"}}, ConsistentRead=True)
                .get("Item", {})
                .get("n", {"N": "0"})
            )
            try:
                client.put_item(
                    TableName="race",
                    Item={"id": {"S": "counter"}, "n": {"N": str(int(old["N"]) + 1)}},
                    ConditionExpression="attribute_not_exists(n) OR n = :old",
                    ExpressionAttributeValues={":old": old},
                )
                done += 1
            except client.exceptions.ConditionalCheckFailedException:
                pass

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(count, table))
    # "attribute_not_exists(n)" holds for the first writer alone: who read nothing and came second
    # failed.
    assert table[0].get_item(TableName="race", Key={"id": {"S": "counter"}})["Item"]["n"][
        "N"
    ] == str(CLIENTS * each)


def test_one_client_creates_an_object(server):
    clients = [server.client("s3") for _ in range(CLIENTS)]
    clients[0].create_bucket(Bucket="race")
    for number in range(ROUNDS):
        body = [bytes([who]) * (10 if number % 2 else 100_000) for who in range(CLIENTS)]
        outcomes = race(
            [
                lambda client=client, who=who: client.put_object(
                    Bucket="race", Key=str(number), Body=body[who], IfNoneMatch="*"
                )
                for who, client in enumerate(clients)
            ]
        )
        assert outcomes.count("won") == 1 and set(outcomes) <= {
            "won",
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }, outcomes
        assert (
            clients[0].get_object(Bucket="race", Key=str(number))["Body"].read()
            == body[outcomes.index("won")]
        )


def test_a_bucket_is_deleted_or_written_to_but_not_both(server):
    clients = [server.client("s3") for _ in range(CLIENTS)]
    for number in range(ROUNDS):
        bucket = f"race-{number}"
        made = [lambda client=client: client.create_bucket(Bucket=bucket) for client in clients]
        assert race(made).count("won") == CLIENTS  # us-east-1 lets the owner make it again
        outcomes = race(
            [
                lambda: clients[0].delete_bucket(Bucket=bucket),
                *(
                    lambda client=client: client.put_object(Bucket=bucket, Key="k", Body=b"x")
                    for client in clients[1:]
                ),
            ]
        )
        exists = any(one["Name"] == bucket for one in clients[0].list_buckets()["Buckets"])
        written = "won" in outcomes[1:]
        assert exists == (outcomes[0] != "won"), outcomes
        assert not (written and not exists), outcomes
        if written:
            assert clients[0].get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"

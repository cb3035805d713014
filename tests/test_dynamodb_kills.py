# SPDX-License-Identifier: Apache-2.0
"""Kills of the server under mixed load: what was acknowledged is there, the two items of a
transaction are of one moment, every index holds what its items say, and the stream has each change
once and in its order."""
import concurrent.futures
import os
import signal
import threading

import botocore.exceptions

from test_dynamodb_streams import numbers, records_of

KILLS, WRITERS = int(os.environ.get("SLUICE_KILLS", 6)), 8
TABLE = "Killed"


def key(worker, which):
    return {"p": {"S": f"{worker}-{which}"}}


class Writer:
    """Counts in two items of its own, by turns in a transaction, in single updates and in a batch,
    and remembers what it was told."""

    def __init__(self, worker):
        self.worker, self.acknowledged, self.tried = worker, 0, 0

    def transact(self, db, n):
        db.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": key(self.worker, which),
                        "UpdateExpression": "SET n = :n, g = :g",
                        "ExpressionAttributeValues": {
                            ":n": {"N": str(n)},
                            ":g": {"S": str(n % 5)},
                        },
                    }
                }
                for which in "ab"
            ]
        )

    def batch(self, db, n):
        db.batch_write_item(
            RequestItems={
                TABLE: [
                    {
                        "PutRequest": {
                            "Item": key(self.worker, which)
                            | {"n": {"N": str(n)}, "g": {"S": str(n % 5)}}
                        }
                    }
                    for which in "ab"
                ]
            }
        )

    def work(self, db, stop):
        while not stop.is_set():
            self.tried += 1
            try:
                (self.transact if self.tried % 2 else self.batch)(db, self.tried)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                return
            self.acknowledged = self.tried


def replayed(records):
    """What a table holds after these changes, each of which begins where the last one ended."""
    items = {}
    for record in records:
        change = record["dynamodb"]
        name = change["Keys"]["p"]["S"]
        assert change.get("OldImage") == items.get(name)
        items[name] = change["NewImage"]
    assert numbers(records) == sorted(set(numbers(records)))
    return items


def test_nothing_acknowledged_is_lost_and_all_that_hangs_on_items_agrees(fresh_server):
    db = fresh_server.client("dynamodb")
    table = db.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "p", "AttributeType": "S"},
            {"AttributeName": "g", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [
                    {"AttributeName": "g", "KeyType": "HASH"},
                    {"AttributeName": "n", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    stream = table["TableDescription"]["LatestStreamArn"]
    writers = [Writer(worker) for worker in range(WRITERS)]
    for kill in range(KILLS):
        db = fresh_server.client("dynamodb", max_pool_connections=WRITERS)
        stop = threading.Event()
        before = sum(writer.acknowledged for writer in writers)
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            working = [pool.submit(writer.work, db, stop) for writer in writers]
            while sum(writer.acknowledged for writer in writers) < before + 40 + 13 * kill:
                assert not any(one.done() for one in working)
            fresh_server.stop(signal.SIGKILL)
            stop.set()
            for one in working:
                one.result()
        fresh_server.start()
        db = fresh_server.client("dynamodb")
        items = db.scan(TableName=TABLE, ConsistentRead=True)["Items"]
        found = {item["p"]["S"]: int(item["n"]["N"]) for item in items}
        for writer in writers:
            a, b = (found.get(key(writer.worker, which)["p"]["S"], 0) for which in "ab")
            assert a == b and writer.acknowledged <= a <= writer.tried
            writer.tried = writer.acknowledged = a
        entries = db.scan(TableName=TABLE, IndexName="by-g")["Items"]
        by_key = lambda item: item["p"]["S"]
        assert sorted(entries, key=by_key) == sorted(items, key=by_key)
        changes = records_of(fresh_server.client("dynamodbstreams"), stream)
        assert sorted(replayed(changes).values(), key=by_key) == sorted(items, key=by_key)
    fresh_server.stop()
    assert "clean" in fresh_server.run("verify").stdout
    fresh_server.start()

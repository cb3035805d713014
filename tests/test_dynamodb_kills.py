# SPDX-License-Identifier: Apache-2.0
"""Kills of the server under mixed load: what was acknowledged is there, the two items of a
transaction are of one moment, and every index holds what its items say."""
import concurrent.futures
import os
import signal
import threading

import botocore.exceptions

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


def test_nothing_acknowledged_is_lost_and_indexes_agree(fresh_server):
    db = fresh_server.client("dynamodb")
    db.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
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
    fresh_server.stop()
    assert "clean" in fresh_server.run("verify").stdout
    fresh_server.start()

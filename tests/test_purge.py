# SPDX-License-Identifier: Apache-2.0
"""What a deleted log group and a deleted table leave behind is erased in the background: nothing
waits for it, and no restart forgets it."""
import json
import signal
import subprocess
import time

import pytest

from conftest import SLUICE
from faults import Faults
from functions import make_pipeline, rows_of, until

GROUP, EVENTS, BATCH = "/many", 100_000, 10_000
ITEMS = 2_000  # more than a commit of the purge takes
RECORD = b'{"device_id": "after", "timestamp": "2026-01-01T00:00:00Z", "value": 1}'


def fill(server):
    logs, dynamodb = server.client("logs"), server.client("dynamodb")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    now = int(time.time() * 1000)
    for _ in range(EVENTS // BATCH):
        logs.put_log_events(
            logGroupName=GROUP,
            logStreamName="s",
            logEvents=[{"timestamp": now, "message": "m"}] * BATCH,
        )
    dynamodb.create_table(
        TableName="Many",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "h", "AttributeType": "N"}],
    )
    for first in range(0, ITEMS, 25):
        dynamodb.batch_write_item(
            RequestItems={
                "Many": [
                    {"PutRequest": {"Item": {"h": {"N": str(n)}}}} for n in range(first, first + 25)
                ]
            }
        )


def left(server):
    """Of a stopped server: whose keys its store has, as {table of the store: [first part of each
    key]}."""
    found = {}
    for key in json.loads(
        subprocess.run(
            [SLUICE.parent / "dump", server.data_dir], capture_output=True, text=True, check=True
        ).stdout
    )["keys"]:
        table, owner, *_ = key.split("/", 1)[1].split("\\00\\01")
        found.setdefault(table, []).append(owner)
    return found


def purges(store):
    return [queue for queue in store.get("job", []) if queue.endswith(".purge")]


@pytest.mark.parametrize("how, status", [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_purge_holds_up_no_upload_and_no_stop_and_is_finished_after_a_restart(
    fresh_server, how, status
):
    server = fresh_server
    bucket = make_pipeline(server)
    logs, dynamodb, s3 = server.client("logs"), server.client("dynamodb"), server.client("s3")
    fill(server)
    # Every commit takes a tenth of a second: the purge needs a hundred of them, the upload a few.
    with Faults(server, "fdatasync", "delay_enter=100000", when="1+"):
        logs.delete_log_group(logGroupName=GROUP)
        dynamodb.delete_table(TableName="Many")
        s3.put_object(Bucket=bucket, Key="after", Body=RECORD)
        until(lambda: rows_of(server, "pipe"))
        assert server.stop(how) == status
    store = left(server)
    assert (
        "logs.purge" in purges(store) and len(store["e"]) > EVENTS / 2
    )  # neither the row nor the end waited for it

    def purged():
        server.start()
        rows_of(server, "pipe")
        assert server.stop() == 0
        return not purges(left(server))

    until(purged)
    store = left(server)
    assert len(set(store["e"] + store["logs.stream"])) == 1  # of the function's own log group
    assert len(store["i"]) == 1
    assert "clean" in server.run("verify").stdout

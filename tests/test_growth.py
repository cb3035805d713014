# SPDX-License-Identifier: Apache-2.0
"""What four times as much takes: every read that walks over what is stored, and every job that
erases it, at N and at 4 N. Work in proportion takes four times as long, work that grows with its
square sixteen times: above eight something is walked over again and again. What is measured is the
processor time of the server, and only the ratio is looked at, so that no machine is too slow or too
busy for it."""
import concurrent.futures
import json
import time

import pytest

from functions import until

SMALL, LARGE = 400, 1600
RATIO_MAX = 8
FLOOR_S = 0.005  # below it chance is measured


@pytest.fixture(scope="module")
def grown(server):
    """Each thing twice: "small" with SMALL entries, "large" with LARGE."""
    s3, dynamodb, logs = (server.client(name) for name in ("s3", "dynamodb", "logs"))
    for name, count in (("small", SMALL), ("large", LARGE)):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda n: s3.put_object(Bucket=name, Key=f"{n % 10}/{n}", Body=b"x"),
                    range(count),
                )
            )
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "h", "KeyType": "HASH"},
                {"AttributeName": "r", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "h", "AttributeType": "S"},
                {"AttributeName": "r", "AttributeType": "N"},
            ],
        )
        for first in range(0, count * 10, 25):
            items = [{"h": {"S": "one"}, "r": {"N": str(n)}} for n in range(first, first + 25)]
            dynamodb.batch_write_item(
                RequestItems={name: [{"PutRequest": {"Item": item}} for item in items]}
            )
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="s")
        now = int(time.time() * 1000)
        for first in range(0, count * 25, 10_000):
            events = [
                {"timestamp": now, "message": f"event {n}"} for n in range(first, first + 10_000)
            ]
            logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    return server


def pages(client, operation, **arguments):
    return sum(1 for _ in client.get_paginator(operation).paginate(**arguments))


def all_events(client, name):
    token, seen = None, 0
    while True:
        more = {"nextToken": token} if token else {}
        page = client.get_log_events(
            logGroupName=name, logStreamName="s", startFromHead=True, **more
        )
        seen += len(page["events"])
        if page["nextForwardToken"] == token:
            return seen
        token = page["nextForwardToken"]


READS = {
    "ListObjectsV2": lambda c, name: pages(c("s3"), "list_objects_v2", Bucket=name),
    "ListObjectsV2, folders": lambda c, name: pages(
        c("s3"), "list_objects_v2", Bucket=name, Delimiter="/"
    ),
    "ListObjectsV2, small pages": lambda c, name: pages(
        c("s3"), "list_objects_v2", Bucket=name, PaginationConfig={"PageSize": 20}
    ),
    "ListObjectVersions": lambda c, name: pages(c("s3"), "list_object_versions", Bucket=name),
    "Scan": lambda c, name: pages(c("dynamodb"), "scan", TableName=name),
    "Query, small pages": lambda c, name: pages(
        c("dynamodb"),
        "query",
        TableName=name,
        KeyConditionExpression="h = :h",
        ExpressionAttributeValues={":h": {"S": "one"}},
        PaginationConfig={"PageSize": 100},
    ),
    "GetLogEvents": lambda c, name: all_events(c("logs"), name),
    "FilterLogEvents": lambda c, name: pages(
        c("logs"), "filter_log_events", logGroupName=name, filterPattern='"event 7"'
    ),
}


def processor_seconds(server, work):
    clock = ~server.process.pid << 3 | 2  # of all the threads of a process: clock_getcpuclockid(3)
    begun = time.clock_gettime(clock)
    work()
    return time.clock_gettime(clock) - begun


@pytest.mark.parametrize("read", READS)
def test_a_read_of_four_times_as_much_takes_four_times_as_long(grown, read):
    clients = {name: grown.client(name) for name in ("s3", "dynamodb", "logs")}
    best = {
        name: min(
            processor_seconds(grown, lambda: READS[read](clients.get, name)) for _ in range(3)
        )
        for name in ("small", "large")
    }
    assert best["large"] < RATIO_MAX * max(best["small"], FLOOR_S), best


def test_erasing_four_times_as_much_takes_four_times_as_long(grown):
    def waiting():
        rows = json.loads(grown.run("status", "--json").stdout)["queues"]
        return sum(row["waiting"] for row in rows if row["queue"].endswith(".purge"))

    took = {}
    for name in ("small", "large"):
        grown.client("logs").delete_log_group(logGroupName=name)
        grown.client("dynamodb").delete_table(TableName=name)
        took[name] = processor_seconds(grown, lambda: until(lambda: not waiting()))
    assert took["large"] < RATIO_MAX * max(took["small"], FLOOR_S), took

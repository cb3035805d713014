# SPDX-License-Identifier: Apache-2.0
"""An upload whose key is disabled before its function has read it: the event waits and is retried,
and its records arrive when the key is enabled again."""
import datetime
import json

import pytest

from conftest import ROOT
from functions import until
from turned import Turned


@pytest.fixture
def server(tmp_path):
    one = Turned(tmp_path).start()
    yield one
    assert one.stop() == 0
    assert "clean" in one.run("verify").stdout


def test_events_wait_for_their_key(server):
    server.run("deploy")
    stack = server.client("cloudformation").describe_stacks()["Stacks"][0]
    made = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    s3, kms, functions = (server.client(name) for name in ("s3", "kms", "lambda"))
    function, table, key = made["FunctionName"], made["TableName"], made["KeyArn"]

    def waiting():
        """The event of the upload, and how often it was tried."""
        return [q["waiting"] for q in server.status()["queues"] if q["queue"] == "lambda.async"]

    def runs():
        """By the metric: the log is under the key too, and tells nothing while it is disabled."""
        now = datetime.datetime.now(datetime.timezone.utc)
        points = server.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - datetime.timedelta(days=1),
            EndTime=now + datetime.timedelta(days=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    # Nothing runs the function until the key is disabled.
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    body = (ROOT / "samples" / "travel-time.ndjson").read_bytes()
    s3.put_object(Bucket=made["IngestBucket"], Key="travel-time.ndjson", Body=body)
    kms.disable_key(KeyId=key)
    functions.delete_function_concurrency(FunctionName=function)
    server.turn_without_waiting(300)  # a throttled lane is tried again
    until(runs)  # and it cannot read the object
    assert (runs(), waiting()) == (1, [1])
    kms.enable_key(KeyId=key)
    server.turn_without_waiting(60)  # the first retry comes after a minute
    until(lambda: waiting() == [0])
    items = server.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
    assert items == len({json.loads(line)["timestamp"] for line in body.splitlines()})
    assert runs() == 2
    quarantined = s3.list_objects_v2(Bucket=made["QuarantineBucket"])
    assert quarantined["KeyCount"] == 0  # nothing was given up

# SPDX-License-Identifier: Apache-2.0
"""What is done after the answer: one function's trouble is its own, and what nobody needs any more
goes by itself."""
import datetime
import json
import pathlib

from clock import moved_by, signing
from conftest import Server
from functions import LOGS, make_function, make_role, until

EVENTS = 300


def throttles(server, name):
    """How often it was tried in vain, so far as metrics have it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    found = server.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        Statistics=["Sum"],
        Period=60,
        StartTime=now - datetime.timedelta(minutes=10),
        EndTime=now + datetime.timedelta(minutes=10),
    )
    return sum(point["Sum"] for point in found["Datapoints"])


def echoes(server, name):
    """How many invocations the function's log has."""
    logs = server.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return 0
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{name}", filterPattern='"event echo"'
    )
    return sum(len(page["events"]) for page in pages)


def test_a_throttled_function_holds_up_no_other(fresh_server):
    """Its events wait on disk: one at a time is tried, whatever their number, also after a restart;
    then all are delivered."""
    server = fresh_server
    role = make_role(server, "jobs", LOGS)
    for name in ("stuck", "free"):
        make_function(server, name, role)
    functions = server.client("lambda")
    functions.put_function_concurrency(FunctionName="stuck", ReservedConcurrentExecutions=0)
    for number in range(EVENTS):
        functions.invoke(
            FunctionName="stuck", InvocationType="Event", Payload=json.dumps({"n": number})
        )
    functions.invoke(FunctionName="free", InvocationType="Event", Payload="{}")
    until(lambda: echoes(server, "free") == 1)
    assert server.stop() == 0
    server.start()
    functions = server.client("lambda")
    functions.invoke(FunctionName="free", InvocationType="Event", Payload="{}")
    until(lambda: echoes(server, "free") == 2)
    waiting = {
        row["queue"]: row for row in json.loads(server.run("status", "--json").stdout)["queues"]
    }["lambda.async"]
    assert (
        waiting["waiting"] == EVENTS
        and waiting["parked"] == 1
        and "TooManyRequestsException" in waiting["why"]
    )
    assert 0 < throttles(server, "stuck") < EVENTS / 10
    functions.delete_function_concurrency(FunctionName="stuck")
    until(lambda: echoes(server, "stuck") == EVENTS, seconds=120)


def test_an_event_from_before_the_clock_was_set_is_not_too_old(tmp_path):
    """A machine that begins without the time: what waits for its function then must not seem years
    old, and be dropped, when the time comes."""
    server, offset = Server(tmp_path), tmp_path / "offset"
    server.start(**moved_by(offset, "-2d"))
    try:
        with signing(days=-2):
            make_function(server, "early", make_role(server, "jobs", LOGS))
            functions = server.client("lambda")
            functions.put_function_concurrency(FunctionName="early", ReservedConcurrentExecutions=0)
            functions.invoke(FunctionName="early", InvocationType="Event", Payload="{}")
            metrics = server.client("cloudwatch")
            until(lambda: metrics.list_metrics(MetricName="Throttles")["Metrics"])
        offset.write_text("+0d\n")
        server.kept = (None, None)  # its session ended two days ago
        until(lambda: throttles(server, "early"))  # it was tried again since then
        server.client("lambda").delete_function_concurrency(FunctionName="early")
        until(lambda: echoes(server, "early") == 1)
    finally:
        assert server.stop() == 0


def parent(stat):
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[1]
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return None


def test_the_sandbox_of_a_deleted_function_ends(fresh_server):
    server = fresh_server
    make_function(server, "gone", make_role(server, "jobs", LOGS))
    functions = server.client("lambda")
    functions.invoke(FunctionName="gone", Payload="{}")

    def sandboxes():
        return [
            path
            for path in pathlib.Path("/proc").glob("[0-9]*/stat")
            if parent(path) == str(server.process.pid)
        ]

    assert sandboxes()
    functions.delete_function(FunctionName="gone")
    until(lambda: not sandboxes())

# SPDX-License-Identifier: Apache-2.0
"""An hour in which nobody asks for anything, on a clock that is turned: what ran ends, and the
server is as it was."""
import datetime
import json
import os
import pathlib
import re

import pytest

from functions import LOGS, descendants, make_function, make_role, until
from trails import make_trail
from turned import Turned

STEP_S, HOUR_S = 10, 3600


def held(pid):
    """What a server holds that has to come back: processes below it, threads, descriptors; and its
    memory."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    number = lambda name: int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1])
    return (
        len(descendants(pid)),
        number("Threads"),
        len(os.listdir(f"/proc/{pid}/fd")),
    ), number("VmRSS")


@pytest.fixture
def server(tmp_path):
    one = Turned(tmp_path).start()
    yield one
    assert one.stop() == 0
    assert "clean" in one.run("verify").stdout


def work(server, role, trail):
    """Calls of several services, three environments of a function, a trail to be delivered."""
    s3, functions = server.client("s3"), server.client("lambda")
    for n in range(20):
        s3.put_object(Bucket=trail, Key=f"mine/{n}", Body=os.urandom(200_000))
        assert len(s3.get_object(Bucket=trail, Key=f"mine/{n}")["Body"].read()) == 200_000
    for n in range(3):
        make_function(server, f"f{n}", role)
        answer = functions.invoke(FunctionName=f"f{n}", Payload=b'{"hello": 1}')
        assert json.loads(answer["Payload"].read()) == {"hello": 1}
        functions.invoke(FunctionName=f"f{n}", InvocationType="Event", Payload=b"{}")
    for client in (s3, functions):
        client.close()
    until(server.is_quiet)


def test_an_hour_of_idle_gives_everything_back(server):
    pid = server.process.pid
    until(server.is_quiet)
    start, memory = held(pid)
    begun = server.clock
    bucket = make_trail(server, "idle")
    work(server, make_role(server, "idle", LOGS), "idle")
    assert len(descendants(pid)) >= start[0] + 3

    ended_s = None
    for now_s in range(STEP_S, HOUR_S + STEP_S, STEP_S):
        server.turn(STEP_S)
        if ended_s is None and len(descendants(pid)) == start[0]:
            ended_s = now_s
    assert 600 <= ended_s <= 600 + 2 * STEP_S  # kIdleMaxMs, kIdleLookEvery

    def is_back():
        return all(now <= before for now, before in zip(held(pid)[0], start))

    until(is_back)
    assert held(pid)[1] < 1.5 * memory
    # A file five minutes after the traffic, and none while nothing happens; a digest after an hour.
    after = lambda seconds: begun + datetime.timedelta(seconds=seconds)
    (file,), (digest,) = bucket.logs(), bucket.digests()
    assert f"_{after(300):%Y%m%dT%H%M}Z_" in file
    assert digest["digestEndTime"] == f"{after(HOUR_S):%Y-%m-%dT%H:%M:%SZ}"
    assert [one["s3Object"] for one in digest["logFiles"]] == [file]

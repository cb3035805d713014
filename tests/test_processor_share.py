# SPDX-License-Identifier: Apache-2.0
"""While functions have to share a processor, each gets of it by its MemorySize."""
import contextlib
import json
import os
import pathlib
import signal
import threading

import pytest

from functions import descendants, make_role, until, zipped

# It never ends: the test ends it.
ENDLESS = """#!/usr/bin/python3
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("GET", "/2018-06-01/runtime/invocation/next")
api.getresponse().read()
while True: pass
"""
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def endless(server):
    """Processes of two functions that compute for ever, by their MemorySize."""
    role = make_role(server, "endless")
    client = server.client("lambda", read_timeout=600)
    calls = []
    for memory_mb in (128, 2048):
        name = f"endless-{memory_mb}"
        client.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role,
            Code={"ZipFile": zipped(ENDLESS)},
            MemorySize=memory_mb,
            Timeout=900,
        )
        calls.append(threading.Thread(target=client.invoke, kwargs={"FunctionName": name}))
        calls[-1].start()
    found = {}

    def begun():
        for pid in descendants(server.process.pid):
            process = pathlib.Path(f"/proc/{pid}")
            try:
                variables = process.joinpath("environ").read_bytes()
                if process.joinpath("comm").read_text() == "bwrap\n":
                    continue
            except OSError:  # it has ended
                continue
            for memory_mb in (128, 2048):
                if b"AWS_LAMBDA_FUNCTION_NAME=endless-%d\0" % memory_mb in variables:
                    found[memory_mb] = pid
        return len(found) == 2 and all(seconds(pid) > 0.5 for pid in found.values())

    try:
        until(begun, seconds=60)
        yield found
    finally:
        for pid in found.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for call in calls:
            call.join()
        for memory_mb in (128, 2048):
            client.delete_function(FunctionName=f"endless-{memory_mb}")


def seconds(pid):
    """What the process has had of the processor."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def test_a_function_gets_of_the_processor_by_its_memory(endless):
    one = min(os.sched_getaffinity(0))
    for pid in endless.values():
        os.sched_setaffinity(pid, {one})
    before = {memory_mb: seconds(pid) for memory_mb, pid in endless.items()}
    got = {}

    def enough():
        got.update({mb: seconds(pid) - before[mb] for mb, pid in endless.items()})
        return sum(got.values()) >= 3

    until(enough, seconds=240)
    # 2,048 MB are worth nearly four times of 128 here. Without the rule both get the same.
    assert got[2048] > 2 * got[128], got

# SPDX-License-Identifier: Apache-2.0
"""What a function may hold as a whole: all its processes, what they share, and what they leave in
memory."""
import base64
import json
import os
import pathlib
import re

import pytest

from functions import BOOTSTRAP, LOGS, descendants, make_role, until, zipped

MIB = 1 << 20
# More to do for the tests' function: hold memory in many processes and in places that belong to
# none.
GREEDY = BOOTSTRAP.replace(
    """    elif do == "large":""",
    """    elif do == "family":
        ready = [os.pipe() for _ in range(event["count"])]
        for read_end, write_end in ready:
            if os.fork() == 0:
                held = bytearray(os.urandom(4096)) * (event["mb"] << 8)
                os.write(write_end, b"x")
                time.sleep(event["seconds"])
                os._exit(0)
        for read_end, write_end in ready: os.read(read_end, 1)
        result = "held"
    elif do == "shm":
        try:
            with open("/dev/shm/x", "wb") as file:
                for _ in range(event["mb"]): file.write(b"x" * (1 << 20))
            result = "kept"
        except OSError as e: result = e.strerror
    elif do == "memfd":
        held = []
        for _ in range(event["count"]):
            held.append(os.memfd_create("m"))
            for _ in range(event["mb"]): os.write(held[-1], b"x" * (1 << 20))
        time.sleep(event["seconds"])
        result = "held"
    elif do == "sysv":
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        result = "got" if libc.shmget(0, 1 << 30, 0o1600) >= 0 else os.strerror(ctypes.get_errno())
    elif do == "tmp":
        with open("/tmp/left", "wb") as file:
            for _ in range(event["mb"]): file.write(b"x" * (1 << 20))
        result = "left"
    elif do == "bomb":
        born = 0
        try:
            while born < 20000:
                if os.fork() == 0: time.sleep(30); os._exit(0)
                born += 1
        except OSError as e:
            print("no more processes: " + e.strerror, flush=True)
            result = [born, e.strerror]
    elif do == "large":""",
)


@pytest.fixture(scope="module")
def fn(server):
    role, client = make_role(server, "greedy", LOGS), server.client("lambda")
    for name, memory_mb in (("greedy", 128), ("other", 128), ("bomb", 2048)):
        client.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role,
            Code={"ZipFile": zipped(GREEDY)},
            MemorySize=memory_mb,
            Timeout=30,
        )
    return client


def invoke(fn, event, name="greedy"):
    answer = fn.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    log = base64.b64decode(answer["LogResult"]).decode()
    return json.loads(answer["Payload"].read() or "null"), int(
        re.search(r"Max Memory Used: (\d+) MB", log)[1]
    )


def available():
    return (
        int(re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
        * 1024
    )


def test_an_ordinary_invocation_uses_some_and_is_let_be(fn):
    body, used = invoke(fn, {"hello": 1})
    assert body == {"hello": 1} and 1 <= used < 128
    assert invoke(fn, {"do": "eat", "mb": 60})[0] == "ate"


@pytest.mark.parametrize(
    "event",
    (
        {"do": "family", "count": 12, "mb": 50, "seconds": 20},
        {"do": "memfd", "count": 20, "mb": 50, "seconds": 20},
    ),
    ids=lambda event: event["do"],
)
def test_all_of_a_sandbox_together_have_one_limit(fn, event):
    """Twelve processes of 50 MB each, or files in memory that no process maps: the sandbox is
    killed and says so, the machine keeps its memory."""
    before = available()
    body, used = invoke(fn, event)
    assert body["errorType"] == "Runtime.ExitError" and body["errorMessage"].endswith(
        "Error: Runtime exited with error: signal: killed"
    )
    assert used > 100 and available() > before - 700 * MIB
    assert invoke(fn, {"hello": 1})[0] == {"hello": 1}  # the next one has a new sandbox


def test_processes_that_share_their_memory_are_not_counted_twice(fn):
    """Ten children of an interpreter share nearly all that they have."""
    body, used = invoke(fn, {"do": "family", "count": 10, "mb": 1, "seconds": 1})
    assert body == "held" and used < 128


def test_shared_memory_has_the_functions_size_and_counts(fn):
    body, _ = invoke(fn, {"do": "shm", "mb": 200}, "other")
    assert body == "No space left on device" or body["errorMessage"].endswith("signal: killed")

    def is_kept():  # the full sandbox may be ended under the next call
        body, used = invoke(fn, {"do": "shm", "mb": 40}, "other")
        return body == "kept" and used >= 40

    until(is_kept)
    assert invoke(fn, {"hello": 1}, "other")[1] >= 40  # what was left there counts for the next


def test_what_lies_in_tmp_counts(fn):
    assert invoke(fn, {"do": "tmp", "mb": 50}, "other")[0] == "left"
    assert invoke(fn, {"hello": 1}, "other")[1] >= 50


def test_memory_of_system_v_is_not_to_be_had(fn):
    assert invoke(fn, {"do": "sysv"})[0] == "Operation not permitted"


def test_dev_cannot_be_written_to(fn):
    assert invoke(fn, {"do": "write", "path": "/dev/x"})[0] == "Read-only file system"


def test_a_fork_bomb_ends_at_its_limit(fn, server):
    """The kernel refuses the next process at once, however busy the machine is; its sandbox goes
    on, and others have a limit of their own."""
    answer = fn.invoke(FunctionName="bomb", Payload=json.dumps({"do": "bomb"}), LogType="Tail")
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    born, why = body
    assert 900 < born < 1024 and why == "Resource temporarily unavailable"
    assert f"no more processes: {why}\n" in base64.b64decode(answer["LogResult"]).decode()
    # While they all live:
    assert invoke(fn, {"do": "family", "count": 10, "mb": 1, "seconds": 1}, "other")[0] == "held"
    assert invoke(fn, {"hello": 1}, "bomb")[0] == {"hello": 1}
    assert server.client("s3").list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="whose functions are root's")
def test_no_function_of_root_is_root(fn, server):
    invoke(fn, {"hello": 1})
    below = [pathlib.Path(f"/proc/{pid}/status") for pid in descendants(server.process.pid)]
    assert below and {
        re.search(r"^Uid:\s+(\d+)", status.read_text(), re.M)[1] for status in below
    } == {"65530"}

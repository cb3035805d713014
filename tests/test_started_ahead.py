# SPDX-License-Identifier: Apache-2.0
"""A function that was made or changed has an environment before somebody waits for it."""
import json
import pathlib
import re
import time

import pytest

from functions import LOGS, descendants, make_role, until
from test_runtimes import PYTHON, package

ECHO = "def handler(event, context): return event\n"


class Functions:
    def __init__(self, server):
        self.server, self.api = server, server.client("lambda", read_timeout=120)
        self.role = make_role(server, "ahead", LOGS)

    def make(self, name, code=ECHO, **more):
        self.api.create_function(
            FunctionName=name,
            Runtime=PYTHON,
            Handler="index.handler",
            Role=self.role,
            Code={"ZipFile": package({"index.py": code})},
            Timeout=20,
            **more,
        )

    def environments(self):
        """The names of the functions that have a process, one for each."""
        names = []
        for pid in descendants(self.server.process.pid):
            try:
                variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
                program = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:  # it has ended
                continue
            if name := re.search(rb"AWS_LAMBDA_FUNCTION_NAME=([^\0]+)", variables):
                if program != "bwrap":
                    names.append(name[1].decode())
        return sorted(names)

    def call(self, name):
        return json.load(self.api.invoke(FunctionName=name, Payload='{"n": 1}')["Payload"])

    def log(self, name):
        logs = self.server.client("logs")
        found = logs.filter_log_events(logGroupName="/aws/lambda/" + name)["events"]
        return [(event["message"].split()[0], event["timestamp"]) for event in found]


@pytest.fixture
def functions(fresh_server):
    return Functions(fresh_server)


def test_the_first_invocation_finds_one_that_was_started_before(functions):
    functions.make("early")
    until(lambda: functions.environments() == ["early"])
    time.sleep(0.5)  # so that the times in the log differ
    assert functions.call("early") == {"n": 1}
    assert functions.environments() == ["early"]
    times = dict(functions.log("early"))
    assert times["START"] - times["INIT_START"] >= 500
    # Another revision has its own, and the old one goes.
    functions.api.update_function_configuration(FunctionName="early", Description="again")
    functions.call("early")
    until(lambda: functions.environments() == ["early"])
    starts = [word for word, _ in functions.log("early") if word == "INIT_START"]
    assert len(starts) == 2


def test_who_calls_at_once_waits_for_the_one_that_starts(functions):
    for n in range(5):
        functions.make(f"at-once-{n}")
        assert functions.call(f"at-once-{n}") == {"n": 1}
        assert functions.environments().count(f"at-once-{n}") == 1


def test_few_wait_for_functions_that_nobody_calls(functions):
    for n in range(7):
        functions.make(f"unused-{n}")
    newest = [f"unused-{n}" for n in range(3, 7)]
    until(lambda: functions.environments() == newest)
    assert functions.call("unused-0") == {"n": 1}
    functions.make("unused-7")
    # The one that was called stays, whatever is started after it.
    until(lambda: functions.environments() == ["unused-0"] + newest[1:] + ["unused-7"])


def test_a_function_that_may_not_run_has_none(functions):
    functions.make("off")
    until(lambda: functions.environments() == ["off"])
    functions.api.put_function_concurrency(FunctionName="off", ReservedConcurrentExecutions=0)
    functions.api.update_function_configuration(FunctionName="off", Description="again")
    functions.make("on")
    until(lambda: "on" in functions.environments())
    until(lambda: functions.environments() == ["on"], seconds=30)  # the old revision goes


def test_a_start_without_an_end_is_ended(functions):
    functions.make("endless", "while True: pass\n")
    functions.make("failing", "raise ValueError('no')\n")
    until(lambda: functions.environments() == ["endless"])
    until(lambda: functions.environments() == [], seconds=40)
    assert functions.call("failing")["errorType"] == "ValueError"
    assert [word for word, _ in functions.log("failing")].count("INIT_REPORT") == 1

# SPDX-License-Identifier: Apache-2.0
"""Functions of Python and Node.js: what AWS's runtimes do for them, and what becomes of hostile
ones."""
import base64
import io
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import zipfile

import botocore.exceptions
import pytest

import conftest
from functions import LOGS, descendants, make_role, until

PYTHON = (
    "python3."
    + subprocess.check_output(
        ["/usr/bin/python3", "-c", "import sys; print(sys.version_info[1])"], text=True
    ).strip()
)
node = shutil.which("node")
NODE = (
    node
    and "nodejs%s.x"
    % subprocess.check_output(
        [node, "-p", "process.versions.node.split('.')[0]"], text=True
    ).strip()
)
needs_node = pytest.mark.skipif(not node, reason="there is no node")
BOTH = [PYTHON, pytest.param(NODE, marks=needs_node)]


def package(files, links={}):
    """A zip of texts by their paths, and of symbolic links."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for name, target in links.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return buffer.getvalue()


class Functions:
    def __init__(self, server):
        self.server = server
        self.role = make_role(
            server,
            "managed",
            LOGS,
            {"Effect": "Allow", "Action": ["s3:*", "dynamodb:*"], "Resource": "*"},
        )
        self.api = server.client("lambda", read_timeout=120)
        self.count = 0

    def make(self, code, runtime=PYTHON, handler=None, links={}, **more):
        """A new function of one text, or of files by their paths. Returns its name."""
        self.count += 1
        if not isinstance(code, dict):
            code = {"index.py" if runtime.startswith("python") else "index.js": code}
        settings = {"Timeout": 20, "MemorySize": 256, **more}
        name = f"managed-{self.count}"
        self.api.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler=handler or "index.handler",
            Role=self.role,
            Code={"ZipFile": package(code, links)},
            **settings,
        )
        return name

    def call(self, name, event=None, **more):
        """The answer's body, and the log of the invocation."""
        answer = self.api.invoke(
            FunctionName=name, Payload=json.dumps(event), LogType="Tail", **more
        )
        self.failed = answer.get("FunctionError")
        return (
            json.loads(answer["Payload"].read()),
            base64.b64decode(answer["LogResult"]).decode(),
        )

    def once(self, code, event=None, **more):
        return self.call(self.make(code, **more), event)

    def log(self, name):
        """All that is in its log group, one text an event."""
        pages = self.server.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName="/aws/lambda/" + name)
        return [event["message"] for page in found for event in page["events"]]


@pytest.fixture(scope="module")
def functions(server):
    return Functions(server)


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# ---- Which runtimes there are


def test_the_status_shows_the_runtimes(server):
    shown = json.loads(server.run("status", "--json").stdout)["runtimes"]
    [python] = [one for one in shown if one["runtime"] == PYTHON]
    assert python["interpreter"].startswith("/usr/") and python["in_place"] == "-"
    assert PYTHON in server.run("status").stdout


def test_a_runtime_without_an_interpreter_is_refused_with_both_ways_out(functions):
    there = json.loads(functions.server.run("status", "--json").stdout)["runtimes"]
    absent = next(
        name
        for name in ("python3.8", "python3.9", "python3.14", "nodejs16.x")
        if name not in [one["runtime"] for one in there]
    )
    code, text = refusal(functions.make, code="", runtime=absent)
    assert code == "InvalidParameterValueException"
    assert f"{PYTHON} by /usr/bin/" in text and f"--runtime {absent}=/path" in text
    name = functions.make("def handler(event, context): return 1")
    code, text = refusal(
        functions.api.update_function_configuration, FunctionName=name, Runtime=absent
    )
    assert code == "InvalidParameterValueException" and "--runtime" in text


@pytest.mark.parametrize("name", ["python2.7", "python3.99", "java21", "nodejs", "python3.11\n"])
def test_a_name_that_is_no_runtime_gets_the_words_of_aws(functions, name):
    code, text = refusal(functions.make, code="", runtime=name)
    assert code == "InvalidParameterValueException"
    assert "Member must satisfy enum value set: [python3.8, " in text


ECHO = """
import os, sys
def handler(event, context):
    return [sys.version.split()[0], sys.executable, os.environ["AWS_EXECUTION_ENV"]]
"""


def test_another_interpreter_can_stand_in(tmp_path):
    server = conftest.Server(tmp_path)
    other = "python3.14" if PYTHON != "python3.14" else "python3.13"
    server.options = ("--runtime", other + "=/usr/bin/python3")
    server.start()
    try:
        [shown] = [
            one
            for one in json.loads(server.run("status", "--json").stdout)["runtimes"]
            if one["runtime"] == other
        ]
        assert shown["in_place"] == "of another version"
        functions = Functions(server)
        name = functions.make(ECHO, runtime=other)
        version, _, execution = functions.call(name)[0]
        assert version == shown["version"] and execution == "AWS_Lambda_" + other
        assert (
            f"INIT_START Runtime Version: {other} by {shown['interpreter']} ({version})\t"
            in functions.log(name)[0]
        )
    finally:
        assert server.stop() == 0


def test_an_interpreter_outside_usr_is_shown_to_the_function_alone(tmp_path):
    real = os.path.realpath("/usr/bin/python3")
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        home.chmod(0o755)
        (home / "py/bin").mkdir(parents=True)
        (home / "py/lib").mkdir()
        shutil.copy(real, home / "py/bin/python3")
        (home / "py/lib" / PYTHON).symlink_to("/usr/lib/" + PYTHON)
        (home / "py/secret").write_text("not a part of the interpreter")
        server = conftest.Server(tmp_path)
        server.options = ("--runtime", f"{PYTHON}={home}/py/bin/python3")
        server.start()
        try:
            functions = Functions(server)
            body, _ = functions.once(
                ECHO + "def look(event, context): return handler(event, context)[1],"
                " sorted(os.listdir('/var/lang')), os.listdir('/var/lang/bin')\n",
                handler="index.look",
            )
            assert body == ["/var/lang/bin/python3", ["bin", "lib"], ["python3"]]
        finally:
            assert server.stop() == 0


@pytest.mark.parametrize(
    "option", ["python3.13=/nowhere", "python3.13=/usr/bin/true", "perl5=/usr/bin/perl", "x"]
)
def test_an_interpreter_that_does_not_run_is_told_at_the_start(tmp_path, option):
    done = subprocess.run(
        [conftest.SLUICE, "serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0"]
        + ["--runtime", option],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and (
        "--runtime takes" in done.stderr or "does not run" in done.stderr
    )


# ---- Python

CONTEXT = """
import os, sys
def handler(event, context):
    client = context.client_context
    return {
        "remaining": context.get_remaining_time_in_millis(), "name": context.function_name,
        "version": context.function_version, "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb, "id": context.aws_request_id,
        "group": context.log_group_name, "stream": context.log_stream_name,
        "identity": context.identity.cognito_identity_id,
        "client": client and [client.custom, client.env, client.client.app_title],
        "path": sys.path, "env": dict(os.environ)}
"""


def test_python_is_told_what_aws_tells(functions):
    name = functions.make(CONTEXT, Environment={"Variables": {"MINE": "wörld"}})
    body, log = functions.call(name, {"a": 1})
    assert 0 < body["remaining"] <= 20000 and body["name"] == name and body["version"] == "$LATEST"
    assert body["arn"].endswith(":function:" + name) and body["memory"] == "256"
    assert f"RequestId: {body['id']}" in log and body["group"] == "/aws/lambda/" + name
    assert "[$LATEST]" in body["stream"] and body["identity"] is None and body["client"] is None
    assert body["path"][:3] == [
        "/var/task",
        f"/opt/python/lib/{PYTHON}/site-packages",
        "/opt/python",
    ]
    env = body["env"]
    assert env["AWS_EXECUTION_ENV"] == "AWS_Lambda_" + PYTHON and env["MINE"] == "wörld"
    assert env["_X_AMZN_TRACE_ID"].startswith("Root=1-") and env["PYTHONPATH"] == "/var/runtime"
    assert env["LAMBDA_TASK_ROOT"] == "/var/task" and env["_HANDLER"] == "index.handler"


CLIENT = {"custom": {"k": "v"}, "env": {"make": "x"}, "client": {"app_title": "t"}}


def test_the_client_context_reaches_python(functions):
    name = functions.make(CONTEXT)
    told = base64.b64encode(json.dumps(CLIENT).encode()).decode()
    assert functions.call(name, ClientContext=told)[0]["client"] == [{"k": "v"}, {"make": "x"}, "t"]
    for bad in ("!", base64.b64encode(b"[1]").decode(), "e30=" * 1000):
        code, text = refusal(functions.api.invoke, FunctionName=name, ClientContext=bad)
        assert code == "InvalidParameterValueException" and "ClientContext" in text


@pytest.mark.parametrize(
    "files, handler, kind, text",
    [
        (
            {"index.py": "import nothing"},
            "index.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': No module named 'nothing'",
        ),
        (  # a zip with a folder above the handler
            {"project/index.py": ""},
            "index.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': No module named 'index'",
        ),
        (
            {"index.py": "x = 1"},
            "index.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'index'",
        ),
        (
            {"index.py": ""},
            "index",
            "Runtime.MalformedHandlerName",
            "Bad handler 'index': not enough values to unpack (expected 2, got 1)",
        ),
        (
            {"index.py": "def handler(:"},
            "index.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'index': ",
        ),
        ({"index.py": "1/0"}, "index.handler", "ZeroDivisionError", "division by zero"),
        (
            {"index.py": "import datetime\ndef handler(e, c): return datetime.datetime.now()"},
            "index.handler",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type datetime is not JSON serializable",
        ),
    ],
)
def test_errors_of_python_have_the_words_of_aws(functions, files, handler, kind, text):
    body, log = functions.once(files, handler=handler)
    assert functions.failed == "Unhandled"
    assert body["errorType"] == kind and body["errorMessage"].startswith(text), body
    assert isinstance(body["stackTrace"], list) and f"[ERROR] {kind}: {text}" in log


def test_an_exception_of_python_is_told_with_its_stack(functions):
    name = functions.make("def handler(event, context):\n    raise KeyError(event['a'])\n")
    body, log = functions.call(name, {"a": "b"})
    assert (body["errorType"], body["errorMessage"]) == ("KeyError", "'b'")
    assert body["stackTrace"] == [
        "  File \"/var/task/index.py\", line 2, in handler\n    raise KeyError(event['a'])\n"
    ]
    assert body["requestId"] in log and "\rTraceback (most recent call last):\r" in log
    assert functions.call(name, {})[0]["errorMessage"] == "'a'"  # the environment goes on


@pytest.mark.parametrize("handler", ["pkg.deep.mod.run", "pkg/deep/mod.run"])
def test_handlers_of_python_lie_in_packages(functions, handler):
    files = {"pkg/__init__.py": "", "pkg/deep/mod.py": "def run(e, c): return 'here'"}
    assert functions.once(files, handler=handler)[0] == "here"


LOGGING = """
import logging
logger = logging.getLogger()
logger.setLevel("INFO")
print("at the start")
def handler(event, context):
    print("raw wörld")
    logger.info("two\\nlines")
    logger.debug("unseen")
    logging.getLogger("mine").error("bad", extra={"more": 1})
    try: 1/0
    except ZeroDivisionError: logger.exception("caught")
"""


def test_python_logs_as_text(functions):
    name = functions.make(LOGGING)
    _, log = functions.call(name)
    lines = log.split("\n")
    rid = re.search(r"START RequestId: (\S+)", log)[1]
    assert "raw wörld" in lines and "unseen" not in log
    assert re.search(
        r"^\[INFO\]\t\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z\t" + rid + "\ttwo\rlines$", log, re.M
    )
    assert re.search(
        r"^\[ERROR\]\t\S+\t" + rid + "\tcaught\rTraceback .*ZeroDivisionError", log, re.M
    )
    events = functions.log(name)
    assert events[0].startswith(f"INIT_START Runtime Version: python:{PYTHON[6:]}.v")
    assert events[1] == "at the start" and events[2].startswith("START RequestId")


def test_python_logs_as_json(functions):
    name = functions.make(
        LOGGING, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"}
    )
    functions.call(name)
    events = functions.log(name)
    assert "raw wörld" in events
    lines = [json.loads(one) for one in events if one.startswith("{")]
    start, report = lines[1], lines[-1]
    assert [one["type"] for one in (lines[0], start, report)] == [
        "platform.initStart",
        "platform.start",
        "platform.report",
    ]
    rid = start["record"]["requestId"]
    assert report["record"]["status"] == "success" and report["record"]["requestId"] == rid
    assert report["record"]["metrics"]["memorySizeMB"] == 256
    said = {one["message"]: one for one in lines if "message" in one}
    assert said["bad"]["level"] == "ERROR" and said["bad"]["requestId"] == rid
    assert said["bad"]["logger"] == "mine" and said["bad"]["more"] == 1
    assert said["caught"]["errorType"] == "ZeroDivisionError" and said["caught"]["stackTrace"]


def test_the_level_of_the_application_is_told_to_python(functions):
    name = functions.make(
        "import logging\ndef handler(e, c): logging.info('low'); logging.warning('high')",
        LoggingConfig={
            "LogFormat": "JSON",
            "ApplicationLogLevel": "WARN",
            "SystemLogLevel": "WARN",
        },
    )
    functions.call(name)
    [event] = functions.log(name)
    assert json.loads(event)["message"] == "high"


def test_the_logging_of_a_function_is_checked_and_shown(functions):
    name = functions.make("")

    def put(**logging):
        return functions.api.update_function_configuration(
            FunctionName=name, LoggingConfig=logging
        )["LoggingConfig"]

    group = "/aws/lambda/" + name
    assert put(LogFormat="JSON") == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
        "LogGroup": group,
    }
    assert put(SystemLogLevel="DEBUG")["SystemLogLevel"] == "DEBUG"
    assert put(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": group}
    for bad in (
        {"LogFormat": "XML"},
        {"LogFormat": "JSON", "ApplicationLogLevel": "LOUD"},
        {"LogFormat": "JSON", "SystemLogLevel": "ERROR"},
        {"LogFormat": "Text", "SystemLogLevel": "WARN"},
        {"ApplicationLogLevel": "WARN"},
    ):
        assert refusal(put, **bad)[0] == "InvalidParameterValueException"


BOTO3 = """
import boto3, os
s3 = boto3.client("s3")
def handler(event, context):
    s3.create_bucket(Bucket=event["bucket"])
    s3.put_object(Bucket=event["bucket"], Key="a b/c", Body=b"x" * 100)
    boto3.resource("s3").Object(event["bucket"], "d").put(Body=b"y")
    table = boto3.Session().client("dynamodb")
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=event["bucket"])["Contents"]]
    os.environ["AWS_ENDPOINT_URL_S3"] = "https://127.0.0.1:1"
    return names, table.list_tables()["TableNames"], s3.meta.endpoint_url
"""


def test_boto3_finds_the_endpoint_by_itself(functions):
    name = functions.make(BOTO3)
    body, log = functions.call(name, {"bucket": "by-boto3"})
    assert not functions.failed, body
    assert body[0] == ["a b/c", "d"] and body[2].startswith("https://127.0.0.1:")


def test_an_endpoint_of_one_service_goes_first(functions):
    body, _ = functions.once(
        "import boto3\ndef handler(e, c): return [boto3.client(s).meta.endpoint_url for s in"
        " ('s3', 'logs', 'sqs')]"
        " + [boto3.client('s3', endpoint_url='https://b').meta.endpoint_url]",
        Environment={
            "Variables": {
                "AWS_ENDPOINT_URL_S3": "https://a",
                "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "https://l",
            }
        },
    )
    assert body[:2] == ["https://a", "https://l"] and body[3] == "https://b"
    assert body[2].startswith("https://127.0.0.1:")


def test_a_function_that_takes_sigterm_ends_well(functions):
    name = functions.make(
        """
import boto3, signal, sys
s3 = boto3.client("s3")
def ends(*_):
    s3.put_object(Bucket="last-words", Key="bye", Body=b"")
    print("bye")
    sys.exit(0)
signal.signal(signal.SIGTERM, ends)
def handler(event, context): return s3.list_objects_v2(Bucket="last-words")["KeyCount"]
"""
    )
    functions.server.client("s3").create_bucket(Bucket="last-words")
    assert functions.call(name)[0] == 0
    assert "bye" not in functions.log(name)
    functions.api.update_function_configuration(FunctionName=name, Description="another revision")
    functions.call(name)  # finds that the environment is one of the revision before
    until(lambda: functions.call(name)[0] == 1)
    assert functions.log(name).count("bye") == 1


def test_what_is_written_at_the_servers_end_is_logged(tmp_path):
    server = conftest.Server(tmp_path).start()
    functions = Functions(server)
    name = functions.make(
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(0)))\n"
        "def handler(event, context): pass\n"
    )
    functions.call(name)
    assert server.stop() == 0
    server.start()
    try:
        assert functions.log(name)[-1] == "bye"
    finally:
        assert server.stop() == 0


FAILS_AT_START = {
    "raises": "raise ValueError('not today')",
    "ends": "import os; os._exit(3)",
    "hangs": "import time; time.sleep(30)",
}


@pytest.mark.parametrize(
    "how, told",
    [
        ("raises", "Status: error\tError Type: ValueError"),
        ("ends", "Status: error\tError Type: Runtime.ExitError"),
        ("hangs", "Status: timeout"),
    ],
)
def test_a_start_that_fails_is_reported(functions, how, told):
    name = functions.make(FAILS_AT_START[how])
    functions.call(name)
    [line] = [one for one in functions.log(name) if one.startswith("INIT_REPORT")]
    assert re.fullmatch(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\t" + told, line)
    # One that goes well has its line REPORT alone.
    well = functions.make("def handler(event, context): pass")
    functions.call(well)
    assert not [one for one in functions.log(well) if one.startswith("INIT_REPORT")]
    # In JSON.
    name = functions.make(FAILS_AT_START[how], LoggingConfig={"LogFormat": "JSON"})
    functions.call(name)
    events = [json.loads(one) for one in functions.log(name) if one.startswith("{")]
    [report] = [one["record"] for one in events if one.get("type") == "platform.initReport"]
    assert report["phase"] == "init" and report["metrics"]["durationMs"] > 0
    assert told.startswith("Status: " + report["status"])
    assert ("errorType" in report) == (how != "hangs")


# ---- Node.js

NODE_CONTEXT = """
exports.handler = async (event, context) => ({
  remaining: context.getRemainingTimeInMillis(), name: context.functionName,
  version: context.functionVersion, arn: context.invokedFunctionArn,
  memory: context.memoryLimitInMB, id: context.awsRequestId, group: context.logGroupName,
  stream: context.logStreamName, client: context.clientContext, env: process.env, event,
  waits: context.callbackWaitsForEmptyEventLoop });
"""


@needs_node
def test_node_is_told_what_aws_tells(functions):
    name = functions.make(NODE_CONTEXT, runtime=NODE)
    told = base64.b64encode(json.dumps(CLIENT).encode()).decode()
    body, log = functions.call(name, {"wörld": 1}, ClientContext=told)
    assert 0 < body["remaining"] <= 20000 and body["name"] == name and body["version"] == "$LATEST"
    assert body["arn"].endswith(":function:" + name) and body["memory"] == "256"
    assert f"RequestId: {body['id']}" in log and body["group"] == "/aws/lambda/" + name
    assert body["client"] == CLIENT and body["event"] == {"wörld": 1} and body["waits"] is True
    env = body["env"]
    assert env["AWS_EXECUTION_ENV"] == "AWS_Lambda_" + NODE
    assert env["NODE_PATH"].startswith(f"/opt/nodejs/node{NODE[6:-2]}/node_modules:/opt/nodejs/")
    assert env["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert "client" not in functions.call(name)[0]


@needs_node
@pytest.mark.parametrize(
    "files, handler",
    [
        ({"index.js": "exports.handler = async () => 'here'"}, "index.handler"),
        ({"index.js": "exports.handler = (e, c, callback) => callback(null, 'here')"}, None),
        (
            {"index.js": "exports.handler = (e, c) => { setTimeout(() => c.succeed('here'), 5) }"},
            None,
        ),
        ({"index.js": "exports.handler = (e, c) => c.done(null, 'here')"}, None),
        ({"index.cjs": "exports.handler = async () => 'here'"}, None),
        ({"index.mjs": "export const handler = async () => 'here'"}, None),
        ({"index.mjs": "await 1; export const handler = async () => 'here'"}, None),
        (
            {
                "package.json": '{"type": "module"}',
                "index.js": "import fs from 'fs'; export const handler = async () => 'here'",
            },
            None,
        ),
        (
            {"src/app/index.js": "exports.deep = {handler: async () => 'here'}"},
            "src/app/index.deep.handler",
        ),
        (
            {
                "index.js": "exports.handler = async () => require('dep')",
                "node_modules/dep/index.js": "module.exports = 'here'",
            },
            None,
        ),
        (  # the answer waits for what the function has begun
            {
                "index.js": "exports.handler = (e, c, callback) => { const answer = ['no'];"
                "setTimeout(() => { answer[0] = 'here' }, 20); callback(null, answer) }"
            },
            None,
        ),
    ],
)
def test_handlers_of_node_have_many_forms(functions, files, handler):
    body, _ = functions.once(files, runtime=NODE, handler=handler)
    assert body in ("here", ["here"]), body


@needs_node
def test_a_callback_need_not_wait(functions):
    name = functions.make(
        "exports.handler = (e, c, callback) => { c.callbackWaitsForEmptyEventLoop = false;"
        "setInterval(() => {}, 1000); callback(null, 'at once') }",
        runtime=NODE,
    )
    assert [functions.call(name)[0] for _ in range(2)] == ["at once"] * 2


@needs_node
def test_a_handler_of_node_that_answers_nothing_answers_null(functions):
    name = functions.make("exports.handler = () => {}", runtime=NODE)
    assert [functions.call(name)[0] for _ in range(2)] == [None, None]


@needs_node
@pytest.mark.parametrize(
    "files, handler, kind, text",
    [
        (
            {"index.js": "require('nothing')"},
            "index.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'nothing'\nRequire stack:\n- /var/task/index.js",
        ),
        (
            {"project/index.js": ""},
            "index.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs",
        ),
        (
            {"index.js": ""},
            "index.handler",
            "Runtime.HandlerNotFound",
            "index.handler is undefined or not exported",
        ),
        (
            {"index.js": "exports.handler = 1"},
            "index.handler",
            "Runtime.HandlerNotFound",
            "index.handler is not a function",
        ),
        (
            {"index.js": "exports ="},
            "index.handler",
            "Runtime.UserCodeSyntaxError",
            "SyntaxError: ",
        ),
        ({"index.js": ""}, "index", "Runtime.MalformedHandlerName", "Bad handler"),
        ({"index.js": "null.x"}, "index.handler", "TypeError", "Cannot read properties of null"),
        (
            {"index.js": "exports.handler = async () => { throw new RangeError('far') }"},
            "index.handler",
            "RangeError",
            "far",
        ),
        (
            {"index.js": "exports.handler = (e, c, callback) => callback('only text')"},
            "index.handler",
            "string",
            "only text",
        ),
        (
            {"index.js": "exports.handler = async () => { const a = {}; a.a = a; return a }"},
            "index.handler",
            "Error",
            "Unable to stringify response body",
        ),
        (
            {"index.js": "exports.handler = () => { setTimeout(() => { throw Error('late') }) }"},
            "index.handler",
            "Error",
            "late",
        ),
        (
            {"index.js": "exports.handler = () => { Promise.reject(Error('lost')) }"},
            "index.handler",
            "Runtime.UnhandledPromiseRejection",
            "Error: lost",
        ),
    ],
)
def test_errors_of_node_have_the_words_of_aws(functions, files, handler, kind, text):
    name = functions.make(files, handler=handler, runtime=NODE)
    body, log = functions.call(name)
    assert functions.failed == "Unhandled"
    assert body["errorType"] == kind and body["errorMessage"].startswith(text), body
    assert isinstance(body["trace"], list) and "\tERROR\t" in log and f'"errorType":"{kind}"' in log
    assert functions.call(name)[0]["errorType"] == kind


NODE_LOGGING = """
exports.handler = async () => {
  console.log('two\\nlines', {a: 1}); console.error('bad'); console.debug('low');
  console.warn(new RangeError('far'));
};
"""


@needs_node
def test_node_logs_as_text(functions):
    _, log = functions.once(NODE_LOGGING, runtime=NODE)
    rid = re.search(r"START RequestId: (\S+)", log)[1]
    stamp = r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z\t" + rid
    assert re.search(stamp + "\tINFO\ttwo\rlines { a: 1 }$", log, re.M)
    assert re.search(stamp + "\tERROR\tbad$", log, re.M)
    assert re.search(stamp + "\tDEBUG\tlow$", log, re.M)
    assert re.search(stamp + "\tWARN\tRangeError: far\r", log, re.M)


@needs_node
def test_node_logs_as_json(functions):
    name = functions.make(NODE_LOGGING, runtime=NODE, LoggingConfig={"LogFormat": "JSON"})
    functions.call(name)
    lines = [json.loads(one) for one in functions.log(name)]
    rid = next(one for one in lines if one.get("type") == "platform.start")["record"]["requestId"]
    said = [one for one in lines if "level" in one]
    assert [(one["level"], one["requestId"]) for one in said] == [
        ("INFO", rid),
        ("ERROR", rid),
        ("WARN", rid),
    ]
    assert said[0]["message"] == "two\nlines { a: 1 }"
    assert said[2]["message"]["errorType"] == "RangeError" and said[2]["message"]["stackTrace"]


NODE_FAILURES = {
    "invoke": "exports.handler = async () => { throw new RangeError('far') };",
    "rejection": "exports.handler = () => { Promise.reject(new RangeError('far')) };",
    "uncaught": "exports.handler = () => { setTimeout(() => { throw new RangeError('far') }) };",
    "start": "throw new RangeError('far');",
}


@needs_node
@pytest.mark.parametrize("how", NODE_FAILURES)
def test_node_tells_failures_as_json(functions, how):
    name = functions.make(NODE_FAILURES[how], runtime=NODE, LoggingConfig={"LogFormat": "JSON"})
    body, _ = functions.call(name)
    assert functions.failed == "Unhandled"
    lines = [json.loads(one) for one in functions.log(name)]
    [error] = [one for one in lines if one.get("level") == "ERROR"]
    assert error["message"]["errorType"] == body["errorType"]
    assert "far" in error["message"]["errorMessage"] and "far" in error["message"]["stackTrace"][0]
    assert "trace" not in error["message"]
    rid = next(one for one in lines if one.get("type") == "platform.start")["record"]["requestId"]
    assert error.get("requestId") == (None if how == "start" else rid)
    report = lines[-1]
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == ("failure" if how == "start" else "error")


@needs_node
def test_a_handler_of_node_that_streams_is_refused(functions):
    body, _ = functions.once(
        "exports.handler = awslambda.streamifyResponse(() => {})", runtime=NODE
    )
    assert functions.failed and "not implemented" in body["errorMessage"]


# ---- Packages as people make them


def test_links_inside_a_package_are_kept(functions):
    body, _ = functions.once(
        {
            "index.py": "import linked, os\n"
            "def handler(e, c): return linked.x, os.readlink('/var/task/linked.py')",
            "real/lib/code.py": "x = 'through two links'",
            "__pycache__/other.pyc": "not compiled",
        },
        links={"linked.py": "to/code.py", "to": "./real/lib"},
    )
    assert body == ["through two links", "to/code.py"]


@pytest.mark.parametrize(
    "links",
    [
        {"a": "/etc/passwd"},
        {"a": "../x"},
        {"a": "real/../../x"},
        {"up": "deep/up", "deep/up": "..", "a": "up/../x"},  # inside by its letters alone
        {"a": "b", "b": "a"},
        {"a": ""},
        {"a": "x" * 1025},
        {"index.py": "real"},
        {"real": "elsewhere"},  # a folder of the package is a link
        {"a": "real", "a/b": "c"},
    ],
    ids=str,
)
def test_links_that_lead_outside_are_refused(functions, links):
    files = {"index.py": "", "real/file.py": ""}
    code, text = refusal(functions.make, code=files, links=links)
    assert code == "InvalidParameterValueException" and "symbolic link" in text


# ---- Hostile functions

HOSTILE = {
    "python": """
import os, signal, socket, subprocess, sys, threading, time
calls = 0
def forks():
    born = 0
    try:
        while born < 20000:
            if os.fork() == 0:
                time.sleep(30)
                os._exit(0)
            born += 1
    except OSError: pass
    return "bounded" if born < 1024 else born
def memory():
    held = []
    try:
        while True: held.append(bytearray(os.urandom(4096)) * 256)
    except MemoryError: return "refused"
def loop():
    while True: pass
def others():
    return [one for one in os.listdir("/proc") if one.isdigit() and one != str(os.getpid())]
def outside():
    try: socket.create_connection(("1.1.1.1", 53), 2)
    except OSError as e: return e.strerror
def lines():
    for n in range(1000000): print("line", n)
    return "logged"
def large(): return "x" * (7 << 20)
def leaves():
    threading.Timer(0.0, lambda: os._exit(3)).start()
    time.sleep(20)
def ends(): os._exit(3)
def late():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try: time.sleep(100)
        except BaseException: pass
def handler(event, context):
    global calls
    calls += 1
    return globals()[event]() if event else calls
""",
    "nodejs": """
const fs = require('fs'), net = require('net'), child = require('child_process');
let calls = 0;
const ways = {
  async forks() {
    let born = 0;
    for (; born < 3000; ++born) {
      const one = child.spawn('/usr/bin/sleep', ['30'], { stdio: 'ignore' });
      const refused = await new Promise((done) => {
        one.on('error', () => done(true));
        one.on('spawn', () => done(false));
      });
      if (refused) break;
    }
    return born < 1024 ? 'bounded' : born;
  },
  memory() { const held = []; for (;;) held.push(Buffer.alloc(1 << 20, 7)); },
  loop() { for (;;); },
  others() {
    return fs.readdirSync('/proc').filter((one) => /^[0-9]+$/.test(one) && one != process.pid);
  },
  outside() {
    return new Promise((done) => net.connect(53, '1.1.1.1').on('error', (e) => done(e.code)));
  },
  lines() { for (let n = 0; n < 1000000; ++n) console.log('line', n); return 'logged'; },
  large() { return 'x'.repeat(7 << 20); },
  ends() { process.exit(3); },
  leaves() {
    setTimeout(() => process.exit(3));
    return new Promise(() => setInterval(() => {}, 9));
  },
  late() { process.on('SIGTERM', () => {}); return new Promise(() => setInterval(() => {}, 9)); },
};
exports.handler = async (event) => { ++calls; return event ? ways[event]() : calls; };
""",
}


@pytest.fixture(scope="module")
def hostile(functions):
    made = {}

    def of(runtime):
        if runtime not in made:
            code = HOSTILE["python" if runtime.startswith("python") else "nodejs"]
            made[runtime] = [
                functions.make(code, runtime=runtime, Timeout=seconds) for seconds in (60, 1)
            ]
        return made[runtime]

    return of


@pytest.mark.parametrize("runtime", BOTH)
@pytest.mark.parametrize("event", ["loop", "late"])
def test_a_hostile_function_has_no_more_time(functions, hostile, runtime, event):
    _, hasty = hostile(runtime)
    body, log = functions.call(hasty, event)
    assert body["errorType"] == "Sandbox.Timedout" and "Status: timeout" in log
    assert functions.call(hasty)[0] == 1  # in a clean environment


@pytest.mark.parametrize("runtime", BOTH)
@pytest.mark.parametrize("event", ["ends", "leaves"])
def test_a_hostile_function_may_end_at_any_time(functions, hostile, runtime, event):
    patient, _ = hostile(runtime)
    body, log = functions.call(patient, event)
    assert body["errorType"] == "Runtime.ExitError" and "exit status 3" in body["errorMessage"]
    assert "Error Type: Runtime.ExitError" in log
    assert functions.call(patient)[0] == 1


@pytest.mark.parametrize("runtime", BOTH)
def test_a_hostile_function_holds_no_more_than_it_may(functions, hostile, runtime):
    patient, _ = hostile(runtime)
    body, _ = functions.call(patient, "memory")
    assert body == "refused" or body["errorType"] in ("Runtime.ExitError", "RangeError"), body
    functions.call(patient, "forks")
    body, _ = functions.call(patient)
    assert isinstance(body, int)  # the next invocation is served, whoever is left


@pytest.mark.parametrize("runtime", BOTH)
def test_a_hostile_function_forks_in_vain(functions, runtime):
    kind = "python" if runtime.startswith("python") else "nodejs"
    name = functions.make(HOSTILE[kind], runtime=runtime, Timeout=60, MemorySize=2048)
    body, _ = functions.call(name, "forks")
    assert body == "bounded" or body["errorType"] in ("Runtime.ExitError", "Sandbox.Timedout"), body
    assert isinstance(functions.call(name)[0], int)


@pytest.mark.parametrize("runtime", BOTH)
def test_a_hostile_function_is_alone(functions, hostile, runtime):
    name = functions.make(
        HOSTILE["python" if runtime.startswith("python") else "nodejs"], runtime=runtime
    )
    assert functions.call(name, "others")[0] == []
    assert functions.call(name, "outside")[0] in ("Network is unreachable", "ENETUNREACH")


@pytest.mark.parametrize("runtime", BOTH)
def test_a_hostile_function_says_too_much(functions, hostile, runtime):
    patient, _ = hostile(runtime)
    body, log = functions.call(patient, "lines")
    assert body == "logged" and "Sluice left out " in log
    body, log = functions.call(patient, "large")
    assert body["errorType"] == "Function.ResponseSizeTooLarge"
    assert "LAMBDA_RUNTIME" in log and log.index("LAMBDA_RUNTIME") < log.index("END RequestId")
    assert isinstance(functions.call(patient)[0], int)


def ended(pid):
    """All its threads have, whether its parent knows or not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return ") Z " in stat and len(os.listdir(f"/proc/{pid}/task")) == 1
    except OSError:
        return True


@pytest.mark.parametrize("runtime", BOTH)
def test_an_environment_that_ended_between_two_invocations_is_replaced(functions, runtime):
    """An event that no function has seen is given to another environment."""
    python = "import os\ndef handler(e, c): return 'done'"
    code = python if runtime == PYTHON else "exports.handler = async () => 'done'"
    name = functions.make(code, runtime=runtime)
    client = "/var/runtime/" + ("bootstrap.py" if runtime == PYTHON else "index.mjs")
    for _ in range(3):
        assert functions.call(name)[0] == "done"
        for pid in descendants(functions.server.process.pid):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                if client not in words or "bwrap" in words[0]:
                    continue
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                # bubblewrap would tell its end to the server before the next call comes.
                os.kill(int(re.search(r"PPid:\t(\d+)", status)[1]), signal.SIGSTOP)
                os.kill(pid, signal.SIGKILL)
                until(lambda: ended(pid))
            except OSError:  # one of an earlier test, which has ended by now
                pass

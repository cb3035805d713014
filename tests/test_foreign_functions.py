# SPDX-License-Identifier: Apache-2.0
"""Functions as their authors write them, with the libraries of others, run unchanged."""
import io
import json
import re
import subprocess
import sys
import zipfile

import pytest

from functions import LOGS, make_role, until, zipped
from registries import FOREIGN, installed

EVENT = {
    "Records": [
        {"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}},
        {"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "l"}}},
    ]
}


def go():
    build = ["env", "CGO_ENABLED=0", "go", "build", "-o", "bootstrap", "."]
    return installed("aws-lambda-go", [build], FOREIGN / "go", ["go"]) / "bootstrap"


def rust():
    build = ["cargo", "build", "--locked", "--release"]
    place = installed("lambda_runtime", [build], FOREIGN / "rust", ["cargo"])
    return place / "target" / "release" / "bootstrap"


@pytest.mark.parametrize("language", [go, rust], ids=["go", "rust"])
def test_a_custom_runtime_of_others(server, language):
    program = language().read_bytes()
    name = f"in-{language.__name__}"
    functions = server.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=make_role(server, name, LOGS),
        Code={"ZipFile": zipped(program)},
        MemorySize=256,
        Timeout=10,
    )
    for _ in range(2):  # cold and warm
        done = functions.invoke(FunctionName=name, Payload=json.dumps(EVENT))
        answer = json.load(done["Payload"])
        assert answer == {
            "records": 2,
            "request_id": done["ResponseMetadata"]["RequestId"],
            "function": name,
            "in_time": True,
        }, answer
    failed = functions.invoke(FunctionName=name, Payload=b"{}")
    assert failed["FunctionError"] == "Unhandled"
    assert "no records" in json.load(failed["Payload"])["errorMessage"]


def package_of(folder):
    """The folder as a zip, links and all: what `zip -r` makes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != "installed":
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def powertools_python():
    source = FOREIGN / "powertools_python"
    what = "aws-lambda-powertools[parser]==3.23.0"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "-t", ".", what]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return installed("Powertools for Python", [pip], source), f"python{version}", "app.handler"


def powertools_typescript():
    source = FOREIGN / "powertools_typescript"
    npm = ["npm", "install", "--no-progress", "--omit=dev"]
    place = installed("Powertools for TypeScript", [npm], source, ["npm", "node"])
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return place, f"nodejs{re.match('v([0-9]+)', node)[1]}.x", "index.handler"


@pytest.mark.parametrize("made", [powertools_python, powertools_typescript])
def test_powertools_in_a_managed_runtime(server, made):
    """A package made by pip install -t, or npm install, in its layout and of its size."""
    place, runtime, handler = made()
    name = made.__name__.replace("_", "-")
    functions, logs = server.client("lambda"), server.client("logs")
    metrics = server.client("cloudwatch")
    functions.create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler=handler,
        Role=make_role(server, name, LOGS),
        Code={"ZipFile": package_of(place)},
        MemorySize=512,
        Timeout=30,
    )
    records = [
        {"messageId": str(number), "body": body, "eventSource": "aws:sqs", "attributes": {}}
        for number, body in enumerate(["good", "bad", "good"])
    ]
    event = {"Records": records, "owner": "somebody"}
    for _ in range(2):
        done = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        answer = json.load(done["Payload"])
        assert answer == {
            "owner": "somebody",
            "batchItemFailures": [{"itemIdentifier": "1"}],
        }, answer
    refused = functions.invoke(FunctionName=name, Payload=json.dumps({"Records": records}))
    assert refused["FunctionError"] == "Unhandled"  # the parser's

    def lines():
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{name}", filterPattern='{ $.message = "taken" }'
        )
        found = [json.loads(one["message"]) for page in pages for one in page["events"]]
        return found if len(found) == 4 else None

    taken = until(lines, seconds=30)
    assert {line["service"] for line in taken} == {"readings"}
    assert all(line["function_request_id"] for line in taken)
    listed = metrics.list_metrics(Namespace="Foreign")["Metrics"]
    assert {"Taken", "ColdStart"} <= {one["MetricName"] for one in listed}

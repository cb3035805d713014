# SPDX-License-Identifier: Apache-2.0
"""Functions as their authors write them, with the libraries of others, run unchanged."""
import json

import pytest

from functions import LOGS, make_role, zipped
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

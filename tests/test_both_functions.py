# SPDX-License-Identifier: Apache-2.0
"""The function in C++ and the one in Python leave the same table and the same quarantine, to the
byte, for all readings and for every document of the hostile corpus."""
import json
import subprocess
import sys

from conftest import SLUICE, Server
from test_hostile_json import CORPUS
from test_ingestion_lambda import READINGS

PUT_SECONDS = 400


def ingested(directory, runtime):
    """What is in the table and in quarantine after everything was put, and what `sluice put` says
    of each file."""
    directory.mkdir()
    server = Server(directory)
    server.start()
    try:
        outputs = json.loads(
            server.run("deploy", "--json", "--parameter", f"Runtime={runtime}").stdout
        )
        done = subprocess.run(
            [SLUICE, "--data-dir", server.data_dir, "put", READINGS, CORPUS, "--wait", "--json"],
            capture_output=True,
            text=True,
            timeout=PUT_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        accounts = json.loads(done.stdout)
        function = server.client("lambda").get_function_configuration(
            FunctionName=outputs["FunctionName"]
        )
        assert function["Runtime"] == runtime
        table, s3 = server.client("dynamodb"), server.client("s3")
        pages = table.get_paginator("scan").paginate(TableName=outputs["TableName"])
        rows = [row for page in pages for row in page["Items"]]
        bucket = outputs["QuarantineBucket"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        rejected = {}
        for one in (one for page in pages for one in page.get("Contents", [])):
            key, version = one["Key"].rsplit("/", 1)  # a version has another name on each server
            body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            rejected[key, version.split(".", 1)[1]] = body
        return rows, rejected, accounts
    finally:
        server.stop()


def test_both_functions_leave_the_same(tmp_path):
    rows, rejected, _ = ingested(tmp_path / "cxx", "provided.al2023")
    python_rows, python_rejected, _ = ingested(
        tmp_path / "python", f"python3.{sys.version_info.minor}"
    )
    assert len(rows) == 152_918  # what shared/data says of the readings
    assert len(rejected) > 200
    assert python_rejected == rejected
    assert python_rows == rows

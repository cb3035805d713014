# SPDX-License-Identifier: Apache-2.0
"""The function in C++ and the one in Python leave the same table and the same quarantine, to the
byte, for readings of each kind and for every document of the hostile corpus."""
import json
import subprocess
import sys

from conftest import SLUICE, Server
from test_hostile_json import CORPUS
from test_ingestion_lambda import READINGS

PUT_SECONDS = 400
# Integers, fractions and both in one file, the largest file, and each file that has records twice.
# All 31 are judged by both functions in test_ingestion_lambda.py, record by record, and put through
# the one in C++ in test_pipeline.py.
FILES = [
    READINGS / f"{name}.json"
    for name in (
        "TravelTime_387",
        "ec2_disk_write_bytes_1ef3de",
        "ec2_network_in_5abac7",
        "ec2_request_latency_system_failure",
        "machine_temperature_system_failure",
        "occupancy_t4013",
        "speed_t4013",
    )
]


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
            [SLUICE, "--data-dir", server.data_dir, "put", *FILES, CORPUS, "--wait", "--json"],
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
    assert len(rows) == 43_635  # each once
    assert len(rejected) > 200
    assert python_rejected == rejected
    assert python_rows == rows

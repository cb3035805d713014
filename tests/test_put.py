# SPDX-License-Identifier: Apache-2.0
"""sluice put and the command line's manners: what is uploaded, what is told, how it exits."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from conftest import ROOT, SLUICE, Server
from functions import until

GOOD = '{"device_id": "d", "timestamp": "2026-01-01T00:00:00Z", "value": 1}\n'


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("put")).start()
    server.outputs = json.loads(server.run("deploy", "--json").stdout)
    server.s3 = server.client("s3")
    server.s3.create_bucket(Bucket="plain")
    yield server
    assert server.stop() == 0


def keys(server, prefix):
    return [
        found["Key"]
        for found in server.s3.list_objects_v2(Bucket="plain", Prefix=prefix).get("Contents", [])
    ]


def test_a_folder_goes_up_with_all_below_it(pipeline, tmp_path):
    for name in ("a.json", "deep/er/b.json", "deep/a.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    done = json.loads(
        pipeline.run("put", tmp_path, "--bucket", "plain", "--prefix", "folder/", "--json").stdout
    )
    assert [file["key"] for file in done["files"]] == [
        "folder/a.json",
        "folder/deep/a.json",
        "folder/deep/er/b.json",
    ]
    assert done["total"] == {"bytes": 3 * len(GOOD), "files": 3}
    assert keys(pipeline, "folder/") == [
        "folder/a.json",
        "folder/deep/a.json",
        "folder/deep/er/b.json",
    ]


def test_standard_input_goes_up_under_the_key_named(pipeline):
    arguments = [SLUICE, "put", "-", "--bucket", "plain", "--data-dir", pipeline.data_dir]
    done = subprocess.run(
        [*arguments, "--key", "from/stdin.json"], input=GOOD, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (
        pipeline.s3.get_object(Bucket="plain", Key="from/stdin.json")["Body"].read().decode()
        == GOOD
    )
    nameless = subprocess.run(arguments, input=GOOD, capture_output=True, text=True)
    assert nameless.returncode == 1 and "--key" in nameless.stderr


def test_two_files_of_one_name_are_refused_before_anything_is_sent(pipeline, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.json").write_text(GOOD)
    done = pipeline.run(
        "put",
        tmp_path / "one" / "same.json",
        tmp_path / "two" / "same.json",
        "--bucket",
        "plain",
        "--prefix",
        "same/",
        check=False,
    )
    assert done.returncode == 1 and "would both become same/same.json" in done.stderr
    assert keys(pipeline, "same/") == []


def test_a_file_that_cannot_be_read_is_found_before_anything_is_sent(pipeline, tmp_path):
    (tmp_path / "there.json").write_text(GOOD)
    done = pipeline.run(
        "put",
        tmp_path / "there.json",
        tmp_path / "absent.json",
        "--bucket",
        "plain",
        "--prefix",
        "absent/",
        check=False,
    )
    assert done.returncode == 1 and "cannot read" in done.stderr and "absent.json" in done.stderr
    assert keys(pipeline, "absent/") == []


def test_what_was_uploaded_before_a_failure_is_reported(pipeline, tmp_path):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::plain/part/b.json",
            }
        ],
    }
    pipeline.s3.put_bucket_policy(Bucket="plain", Policy=json.dumps(policy))
    for name in ("a.json", "b.json", "c.json"):
        (tmp_path / name).write_text(GOOD)
    done = pipeline.run(
        "put", tmp_path, "--bucket", "plain", "--prefix", "part/", "--jobs", 1, check=False
    )
    pipeline.s3.delete_bucket_policy(Bucket="plain")
    assert done.returncode == 1 and "AccessDenied" in done.stderr and "b.json" in done.stderr
    assert done.stdout.startswith("part/a.json version") and done.stdout.count("\n") == 1
    assert keys(pipeline, "part/") == ["part/a.json"]


def test_an_interrupt_reports_what_was_uploaded(pipeline, tmp_path):
    for number in range(2000):
        (tmp_path / f"{number:04}.json").write_text(GOOD)
    report = tmp_path.with_suffix(
        ".report"
    )  # a file: communicate() loses what readline() has read ahead
    with report.open("w") as stdout:
        put = subprocess.Popen(
            [
                SLUICE,
                "put",
                tmp_path,
                "--bucket",
                "plain",
                "--prefix",
                "many/",
                "--data-dir",
                pipeline.data_dir,
            ],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
    until(lambda: report.stat().st_size)
    put.send_signal(signal.SIGINT)
    _, errors = put.communicate(timeout=60)
    reported = sorted(line.split()[0] for line in report.read_text().splitlines())
    assert put.returncode == 1 and "interrupted" in errors
    assert 0 < len(reported) < 2000
    there = [
        found["Key"]
        for page in pipeline.s3.get_paginator("list_objects_v2").paginate(
            Bucket="plain", Prefix="many/"
        )
        for found in page.get("Contents", [])
    ]
    assert there == reported


def test_rejected_records_have_an_exit_code_of_their_own_when_asked(pipeline, tmp_path):
    (tmp_path / "half.ndjson").write_text(GOOD + "{}\n")
    (tmp_path / "good.ndjson").write_text(GOOD)
    half, good = tmp_path / "half.ndjson", tmp_path / "good.ndjson"
    assert pipeline.run("put", half, "--wait").returncode == 0
    assert pipeline.run("put", half, "--wait", "--fail-on-rejected", check=False).returncode == 3
    assert pipeline.run("put", good, "--wait", "--fail-on-rejected").returncode == 0


def test_an_error_is_passed_on_and_not_guessed(pipeline, tmp_path):
    (tmp_path / "a.json").write_text(GOOD)
    done = pipeline.run("put", tmp_path / "a.json", "--stack", "other", check=False)
    assert "no pipeline named other" in done.stderr
    endpoint = pipeline.data_dir / "endpoint.json"
    kept = endpoint.read_text()
    try:
        broken = json.loads(kept) | {"endpoint": "https://127.0.0.1:1"}
        endpoint.write_text(json.dumps(broken))
        done = pipeline.run("put", tmp_path / "a.json", check=False)
    finally:
        endpoint.write_text(kept)
    assert (
        done.returncode == 1 and "no pipeline" not in done.stderr and "127.0.0.1:1" in done.stderr
    )


@pytest.mark.parametrize(
    "arguments", [["status"], ["credentials"], ["--help"], ["--version"], ["put", "--help"]]
)
def test_output_that_cannot_be_written_is_a_failure(pipeline, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [SLUICE, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SLUICE_DATA_DIR": str(pipeline.data_dir)},
        )
    assert done.returncode == 1 and "could not be written" in done.stderr


def test_an_error_that_cannot_be_written_ends_the_command_with_1(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [SLUICE, "verify", "--data-dir", tmp_path / "none"], stdout=full, stderr=full
        )
    assert done.returncode == 1


def test_a_mistyped_command_names_the_nearest(tmp_path):
    done = subprocess.run([SLUICE, "statsu"], capture_output=True, text=True)
    assert done.returncode == 2 and "did you mean: sluice status" in done.stderr
    assert subprocess.run([SLUICE, "--version"], capture_output=True, text=True).stdout.startswith(
        "sluice "
    )


def test_an_installed_sluice_deploys_by_itself(pipeline, tmp_path):
    """What an installation needs is under its prefix: it does not know the checkout."""
    if SLUICE.parent != ROOT / "build":
        pytest.skip("a build of a sanitizer makes no function")
    subprocess.run(
        ["cmake", "--install", ROOT / "build", "--prefix", tmp_path],
        check=True,
        capture_output=True,
    )
    installed = tmp_path / "bin" / "sluice"
    done = subprocess.run(
        [
            installed,
            "deploy",
            "--stack",
            "installed",
            "--parameter",
            "TableName=Installed",
            "--json",
            "--data-dir",
            pipeline.data_dir,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["FunctionName"] == "installed-ingest"
    shipped = {path.name for path in pathlib.Path(tmp_path / "share" / "sluice").rglob("*")}
    assert {"template.yaml", "sluice-ingest.zip", "with-errors.ndjson"} <= shipped

# SPDX-License-Identifier: Apache-2.0
"""The AWS CLI that Debian 12 has (2.9.19), with a profile whose sessions come from `sluice
credentials`; and that the one which forks (aws_cli.py) is no other."""
import json
import subprocess
import time

import pytest

from aws_cli import forked
from clients import BUCKET, GROUP, NAMESPACE, TABLE
from conftest import SLUICE

CLI = "/usr/bin/aws"


@pytest.fixture
def aws(world):
    def run(*arguments):
        return world.run(forked(CLI), "--endpoint-url", world.url, *arguments)

    return run


def moment(hours):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600 * hours))


def test_files_go_up_and_come_back(aws, world, tmp_path):
    small, large = tmp_path / "small file.txt", tmp_path / "large.bin"
    small.write_text("from a file")
    large.write_bytes(bytes(range(256)) * (9 << 12))  # 9 MB: a multipart upload
    for file in (small, large):
        aws("s3", "cp", file, f"s3://{BUCKET}/cli/", "--no-progress")
    listed = aws("s3", "ls", f"s3://{BUCKET}/cli/")
    assert "small file.txt" in listed and str(9 << 20) in listed
    aws("s3", "cp", f"s3://{BUCKET}/cli/large.bin", tmp_path / "back", "--no-progress")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    aws(
        "s3api",
        "get-object",
        "--bucket",
        BUCKET,
        "--key",
        "cli/small file.txt",
        tmp_path / "small back",
    )
    assert (tmp_path / "small back").read_text() == "from a file"
    url = aws("s3", "presign", f"s3://{BUCKET}/cli/small file.txt", "--expires-in", "60").strip()
    assert world.fetch(url) == b"from a file"
    aws("s3", "rm", "--recursive", f"s3://{BUCKET}/cli/")
    assert (
        json.loads(
            aws("s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", "cli/") or "{}"
        ).get("Contents")
        is None
    )


def test_the_table_answers_a_query(aws):
    items = json.loads(
        aws(
            "dynamodb",
            "query",
            "--table-name",
            TABLE,
            "--key-condition-expression",
            "device_id = :d",
            "--expression-attribute-values",
            '{":d":{"S":"pump"}}',
        )
    )["Items"]
    assert [item["value"]["N"] for item in items] == ["2.5", "1000"]


def test_the_log_can_be_tailed_and_filtered(aws):
    assert [
        json.loads(line.split(" ", 1)[1])["text"]
        for line in aws("logs", "tail", GROUP, "--since", "1h", "--format", "short").splitlines()
    ] == ["fine", "broken"]
    events = json.loads(
        aws(
            "logs",
            "filter-log-events",
            "--log-group-name",
            GROUP,
            "--filter-pattern",
            '{ $.level = "error" }',
        )
    )["events"]
    assert [json.loads(event["message"])["text"] for event in events] == ["broken"]


def test_metrics_and_the_trail_are_read(aws):
    points = json.loads(
        aws(
            "cloudwatch",
            "get-metric-statistics",
            "--namespace",
            NAMESPACE,
            "--metric-name",
            "Given",
            "--start-time",
            moment(-1),
            "--end-time",
            moment(1),
            "--period",
            "7200",
            "--statistics",
            "Sum",
            "Maximum",
        )
    )["Datapoints"]
    assert sum(point["Sum"] for point in points) == 6 and points[0]["Unit"] == "Count"
    events = json.loads(
        aws(
            "cloudtrail",
            "lookup-events",
            "--lookup-attributes",
            "AttributeKey=EventName,AttributeValue=CreateBucket",
        )
    )["Events"]
    assert [
        json.loads(event["CloudTrailEvent"])["requestParameters"]["bucketName"] for event in events
    ] == [BUCKET]
    assert json.loads(aws("sts", "get-caller-identity"))["Arn"].split("/")[1] == "sluice-operator"


def test_the_one_that_forks_does_what_the_cli_does(world, tmp_path):
    """Its output, errors and exit codes; its input, directory and variables are the caller's."""
    (tmp_path / "here").write_text("read by its name")
    calls = [
        ("--version",),
        ("s3api", "list-buckets"),
        ("s3", "ls", "s3://no-such-bucket"),
        ("s3", "cp", "here", f"s3://{BUCKET}/forked", "--no-progress"),
        ("s3", "cp", f"s3://{BUCKET}/forked", "-"),
        ("s3", "cp", "-", f"s3://{BUCKET}/forked"),
        ("s3", "cp", f"s3://{BUCKET}/forked", "-"),
        ("no-such-service",),
    ]

    def answers(program):
        def call(arguments, **variables):
            done = subprocess.run(
                [program, "--endpoint-url", world.url, *arguments],
                input=b"typed",
                capture_output=True,
                cwd=tmp_path,
                env=world.environment | variables,
            )
            return done.returncode, done.stdout, done.stderr

        return [call(one) for one in calls] + [call(calls[1], AWS_PROFILE="nobody")]

    own, forks = answers(CLI), answers(forked(CLI))
    assert forked(CLI) != CLI
    assert forks == own
    assert {code for code, _, _ in own} == {0, 252, 254, 255}
    assert (0, b"typed", b"") in own and (0, b"read by its name", b"") in own


def test_sluice_aws_runs_the_cli_that_is_installed(world):
    done = subprocess.run(
        [SLUICE, "--data-dir", world.server.data_dir, "aws", "s3", "ls"],
        capture_output=True,
        text=True,
    )
    assert BUCKET in done.stdout, done.stderr

# SPDX-License-Identifier: Apache-2.0
"""The pipeline as a user runs it: deploy, put, wait; every record is accounted for, and a second
time changes nothing."""
import json
import os
import subprocess

import pytest
from botocore.exceptions import ClientError

from conftest import ROOT, SLUICE, Server

READINGS = sorted((ROOT.parent / "shared" / "data" / "readings").glob("*.json"))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    one = Server(tmp_path_factory.mktemp("pipeline")).start()
    one.outputs = json.loads(one.run("deploy", "--json").stdout)
    yield one
    assert one.stop() == 0
    assert "clean" in one.run("verify").stdout


def put(server, files):
    total = json.loads(server.run("put", *files, "--wait", "--json").stdout)["total"]
    return {name: total[name] for name in ("read", "stored", "duplicate", "rejected")}


def count(server):
    pages = (
        server.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=server.outputs["TableName"], Select="COUNT")
    )
    return sum(page["Count"] for page in pages)


def test_real_readings_become_rows_and_a_second_run_leaves_the_table_the_same(pipeline):
    for _ in range(2):
        assert put(pipeline, READINGS) == {
            "read": 152_965,
            "stored": 152_918,
            "duplicate": 47,
            "rejected": 0,
        }
        assert count(pipeline) == 152_918


def test_the_trail_takes_the_calls_of_every_stage(pipeline):
    """Uploads, invocations and the table's calls: the seed of an audit that leaves no stage out."""
    trail = pipeline.client("cloudtrail").get_event_selectors(
        TrailName=pipeline.outputs["TrailArn"]
    )
    chosen = {
        resource["Type"]: resource["Values"]
        for resource in trail["EventSelectors"][0]["DataResources"]
    }
    assert chosen.keys() == {"AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"}
    assert chosen["AWS::DynamoDB::Table"][0].endswith("table/" + pipeline.outputs["TableName"])
    assert chosen["AWS::Lambda::Function"][0].endswith(
        "function:" + pipeline.outputs["FunctionName"]
    )


def test_rejected_records_are_in_quarantine_as_they_came(pipeline):
    [row] = json.loads(
        pipeline.run("put", ROOT / "samples" / "with-errors.ndjson", "--wait", "--json").stdout
    )["files"]
    assert {name: row[name] for name in ("read", "stored", "duplicate", "rejected")} == {
        "read": 10,
        "stored": 4,
        "duplicate": 1,
        "rejected": 5,
    }
    bucket, key = row["quarantine"].removeprefix("s3://").split("/", 1)
    lines = [
        json.loads(line)
        for line in pipeline.client("s3")
        .get_object(Bucket=bucket, Key=key)["Body"]
        .read()
        .splitlines()
    ]
    assert [(line["index"], line["code"]) for line in lines] == [
        (1, "InvalidTimestamp"),
        (2, "InvalidValue"),
        (4, "MissingDeviceId"),
        (5, "InvalidValue"),
        (6, "MalformedJson"),
    ]
    sent = (ROOT / "samples" / "with-errors.ndjson").read_text().splitlines()
    assert [line["record"] for line in lines] == [sent[line["index"]] for line in lines]


def test_the_roles_may_do_their_work_and_nothing_else(pipeline, code):
    bucket = pipeline.outputs["IngestBucket"]
    producer = pipeline.client("s3", role="sluice-producer")
    producer.put_object(Bucket=bucket, Key="by-producer.json", Body=b"[]")
    assert code(producer.get_object, Bucket=bucket, Key="by-producer.json") == "AccessDenied"
    assert code(producer.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert (
        code(producer.put_object, Bucket=pipeline.outputs["QuarantineBucket"], Key="x", Body=b"x")
        == "AccessDenied"
    )
    assert (
        code(
            pipeline.client("dynamodb", role="sluice-producer").scan,
            TableName=pipeline.outputs["TableName"],
        )
        == "AccessDeniedException"
    )


def test_status_shows_the_pipeline_at_a_glance(pipeline):
    status = json.loads(pipeline.run("status", "--json").stdout)
    assert {row["bucket"]: (row["encryption"], row["public_access"]) for row in status["buckets"]}[
        pipeline.outputs["IngestBucket"]
    ] == ("aws:kms", "blocked")
    assert [row["function"] for row in status["functions"]] == [pipeline.outputs["FunctionName"]]
    assert [(row["trail"], row["logging"]) for row in status["trails"]] == [("sluice-trail", "yes")]
    assert {row["queue"]: row["waiting"] for row in status["queues"]} == {
        "lambda.async": 0,
        "cloudformation.work": 0,
        "dynamodb.purge": 0,
        "dynamodb.backfill": 0,
        "dynamodb.restore": 0,
        "dynamodb.export": 0,
        "dynamodb.import": 0,
        "logs.purge": 0,
        "kms.scrub": 0,
        "lambda.ahead": 0,
        "lambda.event-source": 0,
    }


def test_the_demo_ends_by_itself(tmp_path):
    done = subprocess.run(
        [SLUICE, "demo"],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
        | {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
    )
    assert done.returncode == 0, done.stderr
    assert "2004 items in ProcessedRecords" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_pipeline_works_in_another_region_and_account(tmp_path):
    server = Server(tmp_path)
    server.options = ("--region", "eu-west-1", "--account-id", "123456789012")
    server.start()
    server.outputs = json.loads(server.run("deploy", "--json").stdout)
    assert server.outputs["KeyArn"].startswith("arn:aws:kms:eu-west-1:123456789012:key/")
    row = put(server, [ROOT / "samples" / "with-errors.ndjson"])
    assert row == {"read": 10, "stored": 4, "duplicate": 1, "rejected": 5}
    assert count(server) == 4
    assert (
        server.client("s3").get_bucket_location(Bucket="sluice-code-123456789012")[
            "LocationConstraint"
        ]
        == "eu-west-1"
    )
    with pytest.raises(ClientError, match="BucketAlreadyOwnedByYou"):
        server.client("s3").create_bucket(
            Bucket="sluice-code-123456789012",
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
    server.run("deploy")  # a second time finds its bucket
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout


def test_every_bucket_of_the_product_is_tls_only_and_encrypted_with_kms(pipeline, code):
    s3 = pipeline.client("s3")
    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert f"sluice-code-{pipeline.endpoint['account_id']}" in buckets
    plain = pipeline.client("s3", endpoint=pipeline.endpoint["http_endpoint"])
    for bucket in buckets:
        [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms", bucket
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled", bucket
        assert set(
            s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()
        ) == {True}, bucket
        assert code(plain.list_objects_v2, Bucket=bucket) == "AccessDenied"


def test_a_directory_keeps_its_region_and_account(tmp_path):
    """Served under another name, everything in it would look lost."""
    server = Server(tmp_path)
    server.options = ("--region", "eu-west-1", "--account-id", "123456789012")
    server.start()
    server.stop()
    for given in (("--region", "us-east-1"), ("--account-id", "000000000000")):
        refused = subprocess.run(
            [SLUICE, "serve", "--data-dir", server.data_dir, "--listen", "127.0.0.1:0", *given],
            capture_output=True,
            text=True,
        )
        assert (
            refused.returncode == 1
            and "Region eu-west-1 and account 123456789012" in refused.stderr
        )
    server.options = ()
    server.start()
    assert (server.endpoint["region"], server.endpoint["account_id"]) == (
        "eu-west-1",
        "123456789012",
    )
    assert server.stop() == 0
    odd = subprocess.run(
        [SLUICE, "serve", "--data-dir", tmp_path / "new", "--region", "Foo Bar"],
        capture_output=True,
        text=True,
    )
    assert odd.returncode == 1 and "--region" in odd.stderr

# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a trail, each with its error shown, nothing lost, and everything delivered
once the cause is gone."""
import contextlib
import datetime
import json
import resource

import botocore.exceptions
import pytest

import faults
from aws_cli import forked
from clock import ahead, signing
from functions import until
from trails import (
    Bucket,
    arn,
    hasty,
    make_bucket,
    make_trail,
    now,
    server,
    stop_trail,
    validate,
    validators,
)


def made(bucket):
    """Ids of the keys that the delivered records say were made."""
    return {
        (r["responseElements"] or {}).get("keyMetadata", {}).get("keyId") for r in bucket.records()
    }


def error_of(server, name):
    return server.client("cloudtrail").get_trail_status(Name=name).get("LatestDeliveryError")


def test_a_bucket_that_is_deleted_and_made_again(server):
    bucket, s3, kms = make_trail(server, "gone"), server.client("s3"), server.client("kms")
    until(lambda: bucket.logs() and bucket.keys("CloudTrail-Digest"))
    while True:  # a delivery may come between
        for one in s3.list_objects_v2(Bucket="gone").get("Contents", []):
            s3.delete_object(Bucket="gone", Key=one["Key"])
        try:
            s3.delete_bucket(Bucket="gone")
            break
        except botocore.exceptions.ClientError as full:
            assert full.response["Error"]["Code"] == "BucketNotEmpty"
    wanted = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    until(lambda: error_of(server, "gone") == "NoSuchBucket")
    wanted |= {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    make_bucket(server, "gone", "gone")
    server.client("cloudtrail").update_trail(Name="gone")  # looks at once
    until(lambda: wanted <= made(bucket))
    assert error_of(server, "gone") is None
    stop_trail(server, "gone", bucket)
    assert len({r["eventID"] for r in bucket.records()}) == len(bucket.records())
    server.client("cloudtrail").delete_trail(Name="gone")


def test_status_shows_a_trail_that_is_stopped(server):
    make_trail(server, "watched")
    rows = {
        row["trail"]: row for row in json.loads(server.run("status", "--json").stdout)["trails"]
    }
    assert rows["watched"]["logging"] == "yes" and rows["watched"]["problem"] == "none"
    stop_trail(server, "watched")
    server.client("s3").delete_bucket_policy(Bucket="watched")
    rows = {
        row["trail"]: row for row in json.loads(server.run("status", "--json").stdout)["trails"]
    }
    assert rows["watched"]["logging"].startswith("NO, stopped 20")
    assert "NO, stopped" in server.run("status").stdout
    server.client("cloudtrail").delete_trail(Name="watched")


@contextlib.contextmanager
def full_disk(server):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield


def failing_sync(server):
    return faults.Faults(server, "fdatasync", "error=EIO", path=faults.current_log(server))


@pytest.mark.parametrize("fault", (full_disk, failing_sync), ids=lambda fault: fault.__name__)
def test_a_disk_that_fails(server, fault):
    """Nothing more can be written: the call fails, the server ends, and all that was answered is
    delivered when it runs again."""
    name = fault.__name__.replace("_", "-")
    bucket, kms = make_trail(server, name), server.client("kms")
    until(bucket.logs)
    wanted = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    with fault(server), pytest.raises(
        (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)
    ) as refused:
        while True:  # a delivery may meet the full disk first
            wanted.add(kms.create_key()["KeyMetadata"]["KeyId"])
    assert (
        not isinstance(refused.value, botocore.exceptions.ClientError)
        or refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    )
    assert server.process.wait(timeout=30) == faults.FAILED_STORE
    server.process.stdout.close()
    server.start()
    bucket = Bucket(server, name)
    stop_trail(server, name, bucket)
    assert wanted <= made(bucket) and len({r["eventID"] for r in bucket.records()}) == len(
        bucket.records()
    )
    assert "clean" in server.run("verify", "--trail", arn(name)).stdout
    server.client("cloudtrail").delete_trail(Name=name)


def test_a_clock_that_is_set_back(tmp_path):
    """Digests go on from the last one's end, signed with the key of days to come, and everybody
    still finds the chain whole."""
    server = hasty(tmp_path, digest_interval_s=1)  # makes its certificate by the right time
    assert server.stop() == 0
    server.start(**ahead(days=3))
    start = now() - datetime.timedelta(minutes=1)
    with signing(days=3):
        bucket = make_trail(server, "back")
        until(lambda: bucket.logs() and len(bucket.keys("CloudTrail-Digest")) >= 2)
    assert server.stop() == 0
    server.start()
    bucket = Bucket(server, "back")
    before = bucket.digests()
    assert before[-1]["digestEndTime"] > now().strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = {server.client("kms").create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    until(lambda: len(bucket.keys("CloudTrail-Digest")) >= len(before) + 2)
    stop_trail(server, "back", bucket)
    assert wanted <= made(bucket)
    digests = bucket.digests()
    assert [d["previousDigestS3Object"] for d in digests] == [None] + [
        d["digestS3Object"] for d in digests[:-1]
    ]
    assert [d["digestStartTime"] for d in digests[1:]] == [d["digestEndTime"] for d in digests[:-1]]
    end = (now() + datetime.timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for which, path in sorted(validators().items())[:1]:  # both are run in test_trail.py, unforked
        code, output = validate(
            server, which, forked(path), tmp_path / which, "back", start, "--end-time", end
        )
        assert (
            code == 0
            and f"{len(digests)}/{len(digests)} digest files valid" in output
            and "INVALID" not in output
        ), output
    assert "clean" in server.run("verify", "--trail", arn("back")).stdout
    assert server.stop() == 0
    assert (
        "clean" in server.run("verify", "--trail", arn("back")).stdout
        and "clean" in server.run("verify").stdout
    )


def test_before_the_first_digest_nothing_is_called_clean(tmp_path):
    server = hasty(tmp_path, digest_interval_s=3600)
    until(make_trail(server, "young").logs)
    told = server.run("verify", "--trail", arn("young"), check=False)
    assert (
        told.returncode == 3
        and "nothing to check yet" in told.stdout
        and "clean" not in told.stdout
    )
    assert server.stop() == 0
    told = server.run("verify", "--trail", arn("young"), "--json", check=False)
    assert told.returncode == 3 and json.loads(told.stdout)["log_files_waiting"] >= 1

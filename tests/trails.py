# SPDX-License-Identifier: Apache-2.0
"""Trails for tests: their ARNs, and buckets that take what they deliver."""
import datetime
import functools
import gzip
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import Server
from functions import until

ACCOUNT, REGION = "000000000000", "us-east-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Delivers every second, a digest every other one."""
    one = hasty(tmp_path_factory.mktemp("trails"))
    yield one
    assert one.stop() == 0
    assert "clean" in one.run("verify").stdout


def hasty(directory, digest_interval_s=2):
    one = Server(directory)
    one.options = ("--trail-interval", "1", "--digest-interval", str(digest_interval_s))
    return one.start()


def arn(name):
    return f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{name}"


def bucket_policy(bucket, name, prefix=""):
    source = {"StringEquals": {"aws:SourceArn": arn(name)}}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AWSCloudTrailAclCheck20150319",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": "s3:GetBucketAcl",
                    "Resource": f"arn:aws:s3:::{bucket}",
                    "Condition": source,
                },
                {
                    "Sid": "AWSCloudTrailWrite20150319",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{bucket}/{prefix}AWSLogs/{ACCOUNT}/*",
                    "Condition": {
                        "StringEquals": {
                            "s3:x-amz-acl": "bucket-owner-full-control",
                            "aws:SourceArn": arn(name),
                        }
                    },
                },
            ],
        }
    )


def make_bucket(server, bucket, name, prefix=""):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=bucket_policy(bucket, name, prefix))
    return bucket


class Bucket:
    """What a trail delivered, as an auditor reads it."""

    def __init__(self, server, bucket, prefix=""):
        self.s3, self.bucket, self.root = server.client("s3"), bucket, f"{prefix}AWSLogs/{ACCOUNT}/"

    def keys(self, folder):
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.root}{folder}/"
        )
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def read(self, key):
        return json.loads(
            gzip.decompress(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        )

    def logs(self):
        return self.keys("CloudTrail")

    def digests(self):
        """Oldest first: the end is the end of the key."""
        return [
            self.read(key) for key in sorted(self.keys("CloudTrail-Digest"), key=lambda k: k[-24:])
        ]

    def records(self):
        return [record for key in self.logs() for record in self.read(key)["Records"]]


def make_trail(server, name, start=True, selectors=None, **settings):
    make_bucket(
        server, name, name, settings.get("S3KeyPrefix", "") and settings["S3KeyPrefix"] + "/"
    )
    trail = server.client("cloudtrail")
    trail.create_trail(Name=name, S3BucketName=name, EnableLogFileValidation=True, **settings)
    if selectors:
        trail.put_event_selectors(TrailName=name, **selectors)
    if start:
        trail.start_logging(Name=name)
    return Bucket(server, name, settings.get("S3KeyPrefix", "") and settings["S3KeyPrefix"] + "/")


def stop_trail(server, name, bucket=None):
    """Stops, and waits until the file with the StopLogging record and the last digest, which lists
    it, are there."""
    bucket, trail = bucket or Bucket(server, name), server.client("cloudtrail")
    before = set(bucket.logs())
    trail.stop_logging(Name=name)

    def done():
        fresh = [key for key in bucket.logs() if key not in before]
        stopped = [
            key
            for key in fresh
            if any(r["eventName"] == "StopLogging" for r in bucket.read(key)["Records"])
        ]
        return stopped and any(
            f["s3Object"] in stopped for f in bucket.digests()[-1:] for f in f["logFiles"]
        )

    until(done)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


@functools.cache
def validators():
    """The installed AWS CLIs: Debian's old one, and one that knows AWS_ENDPOINT_URL."""
    found = {}
    for path in {
        p
        for p in (shutil.which("aws", path=d) for d in os.environ["PATH"].split(":") + ["/usr/bin"])
        if p
    }:
        version = (
            subprocess.run([path, "--version"], capture_output=True, text=True)
            .stdout.split("/")[1]
            .split(" ")[0]
        )
        found["debian" if version.startswith("2.9.") else "current"] = path
    return found


def validate(server, which, path, home, name, start, *more):
    """`aws cloudtrail validate-logs` -> (exit code, output). Both CLIs use the server for
    CloudTrail and for S3."""
    session = server.session()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_CA_BUNDLE": server.endpoint["ca_file"],
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_PAGER": "",
    } | {k: v for k, v in os.environ.items() if k.startswith("PYENV")}
    command = [
        path,
        "cloudtrail",
        "validate-logs",
        "--trail-arn",
        arn(name),
        "--start-time",
        start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "--verbose",
        *more,
    ]
    if which == "current":
        environment["AWS_ENDPOINT_URL"] = server.endpoint["endpoint"]
    else:  # 2.9.19 knows no such variable, and --endpoint-url reaches CloudTrail only
        models = pathlib.Path(home) / ".aws" / "models" / "s3" / "2006-03-01"
        models.mkdir(parents=True, exist_ok=True)
        sign = {
            "authSchemes": [
                {
                    "name": "sigv4",
                    "signingName": "s3",
                    "signingRegion": "{Region}",
                    "disableDoubleEncoding": True,
                }
            ]
        }
        (models / "endpoint-rule-set-1.json").write_text(
            json.dumps(
                {
                    "version": "1.0",
                    "parameters": {
                        "Bucket": {"required": False, "documentation": "", "type": "String"},
                        "Region": {
                            "required": False,
                            "documentation": "",
                            "type": "String",
                            "builtIn": "AWS::Region",
                        },
                    },
                    "rules": [
                        {
                            "conditions": [{"fn": "isSet", "argv": [{"ref": "Bucket"}]}],
                            "endpoint": {
                                "url": server.endpoint["endpoint"] + "/{Bucket}",
                                "properties": sign,
                                "headers": {},
                            },
                            "type": "endpoint",
                        },
                        {
                            "conditions": [],
                            "endpoint": {
                                "url": server.endpoint["endpoint"],
                                "properties": sign,
                                "headers": {},
                            },
                            "type": "endpoint",
                        },
                    ],
                }
            )
        )
        command[1:1] = ["--endpoint-url", server.endpoint["endpoint"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr

# SPDX-License-Identifier: Apache-2.0
"""A data directory as a release of Sluice left it, and what its server answered:
tests/releases/FORMAT.tar.xz. tests/test_migration.py opens it with the program of today. Made once
for each format, by the last program that wrote it:

    git checkout RELEASE && ./dev build
    git checkout main -- tests/release.py && /usr/bin/python3 tests/release.py FORMAT
"""
import base64
import hashlib
import json
import pathlib
import sys
import tarfile
import tempfile

import botocore.exceptions

import samples
from conftest import Server

RELEASES = pathlib.Path(__file__).resolve().parent / "releases"
READS = ("Get", "List", "Describe", "Head", "Batch", "Query", "Scan", "Decrypt")
# Answers that change with every call, or with the time.
CHANGING = {
    "LookupEvents",
    "GetTrailStatus",
    "ListPublicKeys",
    "BatchWriteItem",
    "GetMetricData",
    "GetMetricStatistics",
    "ListMetrics",
    "GetCallerIdentity",
}
# What the samples take away again, so that there is less to be seen.
TAKES_AWAY = ("Delete", "Abort", "Complete", "Remove", "Disable", "Schedule", "Execute", "Untag")
BODY = bytes(range(250)) * 280  # 70,000 bytes: too large to stand in the database


def fill(server):
    world = samples.World(server)
    calls = [
        (service, operation, arguments)
        for service, wanted in samples.samples(world).items()
        for operation, arguments in wanted.items()
    ]
    for service, operation, arguments in calls:
        if (
            not operation.startswith(READS + TAKES_AWAY)
            and f"{service}:{operation}" not in samples.ALWAYS_REFUSED
        ):
            call(server, service, operation, arguments)
    s3 = server.client("s3")
    s3.put_object(Bucket=samples.BUCKET, Key="large", Body=BODY)
    s3.put_object(Bucket=samples.BUCKET, Key="large", Body=BODY[::-1])
    return [one for one in calls if one[1].startswith(READS) and one[1] not in CHANGING] + [
        ("s3", "GetObject", {"Bucket": samples.BUCKET, "Key": "large"})
    ]


def call(server, service, operation, arguments, clients={}):
    key = (server.endpoint["endpoint"], service)
    client = clients.get(key) or clients.setdefault(
        key, server.client("cloudwatch" if service == "monitoring" else service)
    )
    method = next(
        python for python, name in client.meta.method_to_api_mapping.items() if name == operation
    )
    try:
        answer = getattr(client, method)(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    answer.pop("ResponseMetadata")
    if operation == "GetAccountSettings":  # format 2 told what waits in its queues, too
        answer["AccountUsage"].pop("Jobs", None)
    if operation == "GetAccountSummary":  # format 2 had no managed policies to tell the quotas of
        for quota in ("PolicySize", "VersionsPerPolicy", "AttachedPoliciesPerRole"):
            answer["SummaryMap"].pop(quota + "Quota", None)
    if operation == "GetRole":  # the releases did not tell who used a role
        answer["Role"].pop("RoleLastUsed", None)
    for package in ("Code", "Content"):  # the URL is another one in each answer
        if isinstance(answer.get(package), dict):
            answer[package].pop("Location", None)
    return json.loads(json.dumps(answer, default=plain))


def plain(value):
    if hasattr(value, "read"):
        value = value.read()
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


def look(server, calls):
    """Every read of the samples, with its answer."""
    return [
        [service, operation, call(server, service, operation, arguments)]
        for service, operation, arguments in calls
    ]


def as_json(calls):
    return json.loads(
        json.dumps(
            calls,
            default=lambda value: {"bytes": base64.b64encode(value).decode()}
            if isinstance(value, bytes)
            else value.isoformat(),
        )
    )


def from_json(calls):
    def unpack(value):
        return (
            base64.b64decode(value["bytes"])
            if isinstance(value, dict) and set(value) == {"bytes"}
            else value
        )

    return [
        (service, operation, {name: unpack(value) for name, value in arguments.items()})
        for service, operation, arguments in calls
    ]


def unpack(name, directory):
    """The directory, the reads and their answers."""
    with tarfile.open(RELEASES / f"{name}.tar.xz") as archive:
        archive.extractall(directory)
    told = json.loads((directory / "answers.json").read_text())
    return from_json(told["calls"]), told["answers"]


def make(name):
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(pathlib.Path(scratch)).start()
        calls = as_json(fill(server))
        assert server.stop() == 0
        server.start()
        answers = look(server, from_json(calls))
        assert server.stop() == 0
        (server.directory / "answers.json").write_text(
            json.dumps({"calls": calls, "answers": answers})
        )
        RELEASES.mkdir(exist_ok=True)
        with tarfile.open(RELEASES / f"{name}.tar.xz", "w:xz") as archive:
            for one in sorted(server.directory.rglob("*")):
                if one.is_file() and one.name not in ("reserve", "lock", "endpoint.json"):
                    archive.add(one, one.relative_to(server.directory))


if __name__ == "__main__":
    make(sys.argv[1])

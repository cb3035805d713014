# SPDX-License-Identifier: Apache-2.0
"""Readers against writers, with a model: whatever is overwritten, deleted and listed meanwhile,
each GET gives one of the bodies that were ever put under its key, whole, with the metadata that
came with it, and none that is older than what was acknowledged before the GET began."""
import random
import threading

import botocore.exceptions
import pytest

from conftest import SEED

BUCKET, KEYS, VERSIONS, READERS = "model", 6, 60, 3
SIZES = (
    0,
    1,
    1000,
    65_536,
    65_537,
    300_000,
)  # held in the database, at its edge, in a file of several chunks


def body_of(key, version):
    chance = random.Random(f"{SEED} {key} {version}")
    return chance.randbytes(chance.choice(SIZES))


class Model:
    def __init__(self, server, bucket):
        self.server, self.bucket = server, bucket
        self.acknowledged = {
            f"key-{n}": -1 for n in range(KEYS)
        }  # the newest version whose PUT was answered
        self.begun = dict(self.acknowledged)  # the newest whose PUT was sent
        self.deleted = {
            key: -1 for key in self.acknowledged
        }  # the newest at the latest DELETE that was sent
        self.problems, self.reads, self.done = [], 0, threading.Event()

    def write(self, key):
        s3, chance = self.server.client("s3", max_pool_connections=1), random.Random(
            f"{SEED} {key}"
        )
        for version in range(VERSIONS):
            self.begun[key] = version
            s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body_of(key, version),
                Metadata={"version": str(version)},
            )
            self.acknowledged[key] = version
            if chance.random() < 0.1:
                self.deleted[key] = version
                s3.delete_object(Bucket=self.bucket, Key=key)

    def read(self, seed):
        s3, chance = self.server.client("s3", max_pool_connections=1), random.Random(
            f"{SEED} {seed}"
        )
        while not self.done.is_set():
            key = chance.choice(list(self.begun))
            at_least = self.acknowledged[key]
            try:
                answer = s3.get_object(Bucket=self.bucket, Key=key)
                body = answer["Body"].read()
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey" or self.deleted[key] < at_least:
                    self.problems.append(f"{key}: {error}")
                continue
            version = int(answer["Metadata"]["version"])
            if not at_least <= version <= self.begun[key]:
                self.problems.append(
                    f"{key}: version {version}, though {at_least} was acknowledged before "
                    f"and {self.begun[key]} is the newest sent"
                )
            if body != body_of(key, version):
                self.problems.append(
                    f"{key}: the body of version {version} is not what was put ({len(body)} bytes)"
                )
            self.reads += 1

    def run(self):
        writers = [
            threading.Thread(target=self.guarded, args=(self.write, key)) for key in self.begun
        ]
        readers = [
            threading.Thread(target=self.guarded, args=(self.read, n)) for n in range(READERS)
        ]
        for thread in writers + readers:
            thread.start()
        for thread in writers:
            thread.join()
        self.done.set()
        for thread in readers:
            thread.join()

    def guarded(self, work, argument):
        try:
            work(argument)
        except Exception as bug:
            self.problems.append(repr(bug))


@pytest.mark.parametrize("versioning", (False, True))
def test_every_read_is_one_of_the_writes(server, versioning):
    bucket = f"{BUCKET}-{str(versioning).lower()}"
    s3 = server.client("s3")
    s3.create_bucket(Bucket=bucket)
    if versioning:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    model = Model(server, bucket)
    model.run()
    assert not model.problems, model.problems[:5]
    assert model.reads > KEYS * VERSIONS / 4
    for key in model.begun:  # and in the end stands what was written last
        if model.deleted[key] == VERSIONS - 1:
            continue
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body_of(key, VERSIONS - 1)

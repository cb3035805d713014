# SPDX-License-Identifier: Apache-2.0
"""A disk of a few hundred MiB that fills up: the server says so, goes on reading and deleting, and
takes in again when there is room."""
import concurrent.futures
import subprocess

import botocore.exceptions
import pytest

import conftest
from functions import until

MIB = 1 << 20
DISK, LOW_MARK, RESERVE = 320 * MIB, 64 * MIB, 64 * MIB


class SmallDisk(conftest.Server):
    """The data directory is a file system of its own, which only the server and what is run beside
    it see."""

    def start(self, **environment):
        self.data_dir.mkdir(exist_ok=True)
        mount = f'mount -t tmpfs -o size={DISK},mode=0700 none {self.data_dir} && exec "$@"'
        self.process = subprocess.Popen(
            [
                "unshare",
                "-rm",
                "sh",
                "-c",
                mount,
                "sh",
                conftest.SLUICE,
                "serve",
                "--data-dir",
                self.data_dir,
                "--listen",
                "127.0.0.1:0",
            ],
            stdout=subprocess.PIPE,
            stderr=(self.directory / "stderr").open("w"),
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            pytest.skip("no mount namespace can be made here: " + self.said())
        self.endpoint = conftest.json.loads(self.inside("cat", self.data_dir / "endpoint.json"))
        (self.directory / "ca.pem").write_text(self.inside("cat", self.endpoint["ca_file"]))
        self.endpoint["ca_file"] = str(self.directory / "ca.pem")
        return self

    def said(self):
        return (self.directory / "stderr").read_text()

    def inside(self, *command):
        return subprocess.run(
            [
                "nsenter",
                "-t",
                str(self.process.pid),
                "-U",
                "-m",
                "--preserve-credentials",
                *map(str, command),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def session(self, role=None):
        return conftest.json.loads(
            self.inside(conftest.SLUICE, "credentials", "--data-dir", self.data_dir)
        )

    def free(self):
        return int(self.inside("stat", "-f", "-c", "%a", self.data_dir)) * int(
            self.inside("stat", "-f", "-c", "%S", self.data_dir)
        )

    def leave(self, bytes_free):
        """Something else takes the rest of the disk."""
        self.inside(
            "fallocate", "-l", self.free() - bytes_free, self.data_dir / f"another-{bytes_free}"
        )

    def has_reserve(self):
        return "reserve" in self.inside("ls", self.data_dir).split()


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ServiceUnavailable",
        503,
    )
    return error["Error"]["Message"]


def accepted(call, **arguments):
    try:
        return call(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "ServiceUnavailable"


def test_a_full_disk_is_told_and_got_over(tmp_path):
    server = SmallDisk(tmp_path).start()
    s3, dynamodb = server.client("s3"), server.client("dynamodb")
    s3.create_bucket(Bucket="bulk")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName="table", Item={"k": {"S": "before"}})
    assert server.has_reserve()
    kept = []
    with pytest.raises(botocore.exceptions.ClientError) as full:
        for number in range(DISK // (8 * MIB)):
            s3.put_object(Bucket="bulk", Key=str(number), Body=bytes(8 * MIB))
            kept.append(str(number))
    assert (
        full.value.response["Error"]["Code"] == "ServiceUnavailable"
        and "full" in full.value.response["Error"]["Message"]
    )
    assert (
        LOW_MARK - MIB < server.free() < LOW_MARK + 9 * MIB and "nearly full" in server.said()
    )  # nothing is left of the last
    server.leave(32 * MIB)

    assert "full" in refused(s3.put_object, Bucket="bulk", Key="more", Body=b"x")  # what takes in
    assert "full" in refused(dynamodb.put_item, TableName="table", Item={"k": {"S": "more"}})
    assert "more" not in [one["Key"] for one in s3.list_objects_v2(Bucket="bulk")["Contents"]]
    assert all(
        len(s3.get_object(Bucket="bulk", Key=key)["Body"].read()) == 8 * MIB for key in kept
    )  # what reads
    assert "Item" in dynamodb.get_item(TableName="table", Key={"k": {"S": "before"}})

    server.leave(8 * MIB)
    s3.get_object(Bucket="bulk", Key="0")["Body"].read()
    refused(s3.put_object, Bucket="bulk", Key="more", Body=b"x")
    assert not server.has_reserve() and server.free() > LOW_MARK // 2  # given up, for what deletes
    s3.delete_object(Bucket="bulk", Key=kept.pop())
    dynamodb.delete_item(TableName="table", Key={"k": {"S": "before"}})
    server.inside("sh", "-c", f"rm {server.data_dir}/another-*")

    s3.delete_objects(
        Bucket="bulk", Delete={"Objects": [{"Key": key} for key in kept]}
    )  # what makes room
    until(
        lambda: accepted(s3.put_object, Bucket="bulk", Key="more", Body=b"x")
    )  # the files go after the answer
    until(server.has_reserve)
    assert "has room again" in server.said()
    assert server.stop() == 0


def test_small_objects_give_their_room_back(tmp_path):
    """Their bodies stand in files that many share: what is live in one is written anew."""
    server = SmallDisk(tmp_path).start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bulk")
    kept = []

    def fill(number):
        try:
            s3.put_object(Bucket="bulk", Key=str(number), Body=bytes(64 * 1024))
        except botocore.exceptions.ClientError as full:
            assert full.response["Error"]["Code"] == "ServiceUnavailable"
            return False
        kept.append(str(number))
        return True

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for first in range(0, DISK // (64 * 1024), 64):  # a log that goes makes room for a moment
            if not all(pool.map(fill, range(first, first + 64))) and len(kept) > 1500:
                break
    assert len(kept) > 1500
    full = server.free()
    for first in range(0, len(kept), 1000):
        keys = [{"Key": key} for key in kept[first : first + 1000]]
        assert "Errors" not in s3.delete_objects(Bucket="bulk", Delete={"Objects": keys})
    until(lambda: server.free() > full + len(kept) * 48 * 1024)  # the log is as long as before
    s3.put_object(Bucket="bulk", Key="more", Body=b"x")
    assert server.stop() == 0

# SPDX-License-Identifier: Apache-2.0
"""The disk fails, or the process dies, at each call by which a change gets to disk: what was
acknowledged before stays, what was under way is there or not, never half."""
import concurrent.futures
import os
import resource
import signal

import botocore.exceptions
import pytest

import conftest
from faults import FAILED_STORE, Faults, current_log
from functions import make_pipeline, rows_of, until

LOG_CALLS = [
    (call, fault)
    for call in ("pwrite64", "fdatasync")
    for fault in ("error=EIO", "error=ENOSPC", "signal=KILL")
]
FILE_CALLS = [
    ("fsync", "error=EIO", 1),
    ("fsync", "error=EIO", 2),
    ("fsync", "signal=KILL", 1),
    ("fsync", "signal=KILL", 2),
]  # the file, then its folder
BUCKET, PIPE, TABLE = "things", "pipe-in", "pipe"
SMALL, LARGE = 1_000, 300_000  # in the log; in a file of its own
RECORD = b'{"device_id": "%s", "timestamp": "2026-01-01T00:00:00Z", "value": 1}'


class Things:
    """What was acknowledged, and what may be after a change whose outcome nobody told."""

    def __init__(self, server):
        self.server, self.kept, self.number, self.batches, self.uploaded = server, {}, 0, [], []
        make_pipeline(server)
        self.connect()
        self.s3.create_bucket(Bucket=BUCKET)

    def connect(self):
        self.s3, self.dynamodb = (
            self.server.client(name, connect_timeout=10, read_timeout=30)
            for name in ("s3", "dynamodb")
        )

    def put(self, size, key=None):
        self.number += 1
        key, body = key or f"key-{self.number}", (b"%06d" % self.number) * (size // 6)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        self.kept[key] = {body}
        return key

    def attempt(self, key, outcome, call, **arguments):
        """`outcome`: what is at the key if the call was done; None for nothing. True: it was
        acknowledged."""
        before = self.kept.get(key, {None})
        try:
            call(**arguments)
            self.kept[key] = {outcome}
            return True
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as refused:
            if isinstance(refused, botocore.exceptions.ClientError):
                assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 503, refused
            self.kept[key] = before | {outcome}
            return False

    def read(self, key):
        try:
            return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None

    def check(self):
        self.connect()
        for key, allowed in self.kept.items():
            found = self.read(key)
            assert (
                found in allowed
            ), f"{key}: {found and found[:20]}, may be {[one and one[:20] for one in allowed]}"
            self.kept[key] = {found}


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    server = conftest.Server(tmp_path_factory.mktemp("faults")).start()
    yield Things(server)
    if server.process.poll() is None:
        assert server.stop() == 0
    assert "clean" in server.run("verify").stdout


def put_small(things):
    things.attempt(
        "fresh", b"s" * SMALL, things.s3.put_object, Bucket=BUCKET, Key="fresh", Body=b"s" * SMALL
    )


def put_large(things):
    things.attempt(
        "fresh-large",
        b"l" * LARGE,
        things.s3.put_object,
        Bucket=BUCKET,
        Key="fresh-large",
        Body=b"l" * LARGE,
    )


def overwrite(things):
    body = os.urandom(LARGE)
    things.attempt(
        "overwritten", body, things.s3.put_object, Bucket=BUCKET, Key="overwritten", Body=body
    )


def copy(things):
    (body,) = things.kept["overwritten"]
    things.attempt(
        "copied",
        body,
        things.s3.copy_object,
        Bucket=BUCKET,
        Key="copied",
        CopySource=f"{BUCKET}/overwritten",
    )


def delete(things):
    things.attempt("deleted", None, things.s3.delete_object, Bucket=BUCKET, Key="deleted")


def multipart(things):
    things.attempt(
        "joined",
        b"j" * LARGE,
        things.s3.complete_multipart_upload,
        Bucket=BUCKET,
        Key="joined",
        UploadId=things.upload,
        MultipartUpload={"Parts": [things.part]},
    )


def batch(things):
    """All of a batch's items or none."""
    keys = [
        {"device_id": {"S": f"batch {things.number}"}, "timestamp": {"S": str(n)}}
        for n in range(10)
    ]
    done = False
    try:
        done = not things.dynamodb.batch_write_item(
            RequestItems={TABLE: [{"PutRequest": {"Item": key}} for key in keys]}
        )["UnprocessedItems"]
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        pass
    things.batches.append((f"batch {things.number}", {10} if done else {0, 10}))


def upload_records(things):
    """An object and its event are one: its row comes, or there is neither."""
    things.number += 1
    key = f"records-{things.number}"
    try:
        things.s3.put_object(Bucket=PIPE, Key=key, Body=RECORD % key.encode())
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        pass
    things.uploaded.append(key)


OPERATIONS = (put_small, put_large, overwrite, copy, delete, multipart, batch, upload_records)


def prepare(things):
    things.put(LARGE, "overwritten")
    things.put(LARGE, "deleted")
    things.put(LARGE)
    if "joined" not in things.kept or things.kept["joined"] == {None}:
        things.upload = things.s3.create_multipart_upload(Bucket=BUCKET, Key="joined")["UploadId"]
        things.part = {
            "PartNumber": 1,
            "ETag": things.s3.upload_part(
                Bucket=BUCKET, Key="joined", UploadId=things.upload, PartNumber=1, Body=b"j" * LARGE
            )["ETag"],
        }


def check_rows(things):
    rows = [row["device_id"]["S"] for row in rows_of(things.server, TABLE)]
    for name, allowed in things.batches:
        assert rows.count(name) in allowed
    for key in things.uploaded:
        if things.s3.list_objects_v2(Bucket=PIPE, Prefix=key).get("Contents"):
            until(lambda: key in [row["device_id"]["S"] for row in rows_of(things.server, TABLE)])


def restart(things, expected):
    assert things.server.process.wait(timeout=30) == expected
    things.server.process.stdout.close()
    things.server.start()
    things.check()
    check_rows(things)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("call, fault", LOG_CALLS, ids=lambda part: part)
def test_a_failed_write_of_the_log_loses_nothing(things, operation, call, fault):
    """The outcome of the call under way is unknown until the restart: both its old files and its
    new ones must be there for it."""
    prepare(things)
    with Faults(things.server, call, fault, path=current_log(things.server)) as faults:
        operation(things)
        faults.wait_for_end()
    restart(things, -signal.SIGKILL if "KILL" in fault else FAILED_STORE)


@pytest.mark.parametrize(
    "operation", (put_large, overwrite, copy), ids=lambda operation: operation.__name__
)
@pytest.mark.parametrize("call, fault, when", FILE_CALLS, ids=lambda part: str(part))
def test_a_failed_object_file_changes_nothing(things, operation, call, fault, when):
    prepare(things)
    with Faults(things.server, call, fault, when) as faults:
        operation(things)
        if "KILL" in fault:
            faults.wait_for_end()
    if "KILL" in fault:
        return restart(things, -signal.SIGKILL)
    things.check()  # the server stays up
    operation(things)


def test_a_file_that_cannot_grow_changes_nothing(things):
    """The disk is full for an object's file, and the store's log still has room."""
    prepare(things)
    resource.prlimit(
        things.server.process.pid, resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY)
    )
    assert not things.attempt(
        "overwritten",
        b"never",
        things.s3.put_object,
        Bucket=BUCKET,
        Key="overwritten",
        Body=bytes(8 << 20),
    )
    resource.prlimit(
        things.server.process.pid,
        resource.RLIMIT_FSIZE,
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    )
    assert things.read("overwritten") != b"never"
    things.check()


def test_a_reader_keeps_the_bytes_of_what_is_replaced_or_deleted(things):
    """A GET that began before goes on to the end of the old object, whole; after it the old file is
    gone."""
    body = os.urandom(20 << 20)  # more than fits into the sockets' buffers
    for change in ("replace", "delete"):
        things.s3.put_object(Bucket=BUCKET, Key="read", Body=body)
        reading = [
            things.s3.get_object(Bucket=BUCKET, Key="read", **more)["Body"]
            for more in ({}, {"Range": "bytes=1000000-"})
        ]
        files = set(things.server.data_dir.rglob("blobs/*/*"))
        things.s3.put_object(
            Bucket=BUCKET, Key="read", Body=b"new" * LARGE
        ) if change == "replace" else things.s3.delete_object(Bucket=BUCKET, Key="read")
        assert reading[0].read() == body
        assert reading[1].read() == body[1000000:]
        until(lambda: len(files - set(things.server.data_dir.rglob("blobs/*/*"))) == 1)


def test_copies_and_parts_of_what_is_replaced_are_whole(things):
    """Sources change while they are copied: each copy is one of them, whole."""
    bodies = [bytes([n]) * (8 << 20) for n in range(4)]
    things.s3.put_object(Bucket=BUCKET, Key="source", Body=bodies[0])
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        writing = pool.submit(
            lambda: [
                things.s3.put_object(Bucket=BUCKET, Key="source", Body=body) for body in bodies * 3
            ]
        )
        copying = [
            pool.submit(
                things.s3.copy_object, Bucket=BUCKET, Key=f"copy-{n}", CopySource=f"{BUCKET}/source"
            )
            for n in range(12)
        ]
        writing.result()
        for copied in copying:
            copied.result()
    for n in range(12):
        assert things.s3.get_object(Bucket=BUCKET, Key=f"copy-{n}")["Body"].read() in bodies


def test_the_directory_is_its_owners_alone(things):
    modes = {
        str(path.relative_to(things.server.data_dir)): path.stat().st_mode & 0o777
        for path in things.server.data_dir.rglob("*")
        if path.is_file() or path.is_dir()
    }
    assert {mode for mode in modes.values()} <= {0o600, 0o700}, {
        name: oct(mode) for name, mode in modes.items() if mode not in (0o600, 0o700)
    }
    assert things.server.data_dir.stat().st_mode & 0o777 == 0o700


def test_a_disk_that_takes_tables_only_at_once_loses_nothing(things):
    """RocksDB asks for each new file whether it may be written little by little, and must survive
    each answer."""
    prepare(things)
    with Faults(things.server, "sync_file_range", "error=EIO", "1+"):
        for number in range(900):  # at 40 MiB what is in memory becomes a table and a blob file
            body = os.urandom(60_000)
            key = f"filling-{number}"
            assert things.attempt(
                key, body, things.s3.put_object, Bucket=BUCKET, Key=key, Body=body
            )
    things.check()

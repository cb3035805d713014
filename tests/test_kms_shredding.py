# SPDX-License-Identifier: Apache-2.0
"""What is destroyed is gone: from the files of a data directory that is stolen together with its
root key, and from the memory of the server. tests/tools/leftovers.cc looks into the files."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from clock import ahead, sanitized
from conftest import SLUICE, Server
from test_kms_import import bring, empty_key


def leftovers(server, *arguments):
    done = subprocess.run(
        [SLUICE.parent / "leftovers", server.data_dir, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def until_scrubbed(server, **environment):
    """Waits until the job that takes what was erased off the disk is done. `environment` is that of
    the server, so that the command line lives at the same time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for _ in range(300):
            queues = json.loads(server.run("status", "--json").stdout)["queues"]
            if not any(one["queue"] == "kms.scrub" and one["waiting"] for one in queues):
                return
            time.sleep(0.1)
    raise AssertionError("the files were not scrubbed")


def stolen(server, directory):
    """A copy of a stopped server's data directory and of its root key."""
    copy = Server(directory)
    shutil.copytree(server.data_dir, copy.data_dir, ignore=shutil.ignore_patterns("*.sock"))
    root = server.data_dir.with_name(server.data_dir.name + ".root.key")
    shutil.copy(root, copy.data_dir.with_name(copy.data_dir.name + ".root.key"))
    return copy


def fill(server, key):
    """An object, a small one, an item and a ciphertext under the key."""
    s3, dynamodb = server.client("s3"), server.client("dynamodb")
    s3.create_bucket(Bucket="doomed")
    for name, size in (("large", 200_000), ("small", 10)):
        s3.put_object(
            Bucket="doomed",
            Key=name,
            Body=b"x" * size,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key,
        )
    dynamodb.create_table(
        TableName="doomed",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    dynamodb.put_item(TableName="doomed", Item={"k": {"S": "a"}})
    return server.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]


def read_all(server, blob):
    """What each way to what the key protects answers: None, or an error."""
    s3, dynamodb, kms = (server.client(name) for name in ("s3", "dynamodb", "kms"))
    answers = []
    for call, arguments in (
        (s3.get_object, {"Bucket": "doomed", "Key": "large"}),
        (s3.get_object, {"Bucket": "doomed", "Key": "small"}),
        (dynamodb.get_item, {"TableName": "doomed", "Key": {"k": {"S": "a"}}}),
        (kms.decrypt, {"CiphertextBlob": blob}),
    ):
        try:
            call(**arguments)
            answers.append(None)
        except call.__self__.exceptions.ClientError as error:
            answers.append(error.response["Error"]["Code"])
    return answers


@pytest.mark.parametrize("crash", [False, True])
def test_a_copy_taken_after_the_deletion_reads_nothing(fresh_server, tmp_path_factory, crash):
    server = fresh_server
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.rotate_key_on_demand(KeyId=key)
    blob = fill(server, key)
    kms.update_key_description(KeyId=key, Description="written twice")
    server.stop()
    sealed = leftovers(server, "sealed", key)
    assert len(sealed) == 2
    for one in sealed:
        assert leftovers(server, "find", one), "the search finds what is there"
    before = stolen(server, tmp_path_factory.mktemp("before"))
    server.start()
    server.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    server.stop()
    server.start(**ahead(days=7, hours=1))
    if crash:  # between the deletion and the scrubbing, or after it: the next start goes on
        server.stop(signal.SIGKILL)
        server.start(**ahead(days=7, hours=1))
    until_scrubbed(server, **ahead(days=7, hours=1))
    server.stop()
    after = stolen(server, tmp_path_factory.mktemp("after"))
    for one in sealed:
        assert leftovers(after, "find", one) == []
    after.start()
    assert read_all(after, blob) == [
        "KMS.NotFoundException",
        "KMS.NotFoundException",
        "AccessDeniedException",
        "AccessDeniedException",
    ]
    after.stop()
    # The same thief with a copy from before reads all: what is missing afterwards is the key alone.
    before.start()
    assert read_all(before, blob) == [None] * 4
    before.stop()


def test_deleted_imported_material_leaves_the_files(fresh_server):
    server = fresh_server
    kms = server.client("kms")
    key = empty_key(kms)
    bring(kms, key, os.urandom(32))
    server.stop()
    sealed = leftovers(server, "sealed", key)
    assert len(sealed) == 1 and leftovers(server, "find", *sealed)
    server.start()
    server.client("kms").delete_imported_key_material(KeyId=key)
    until_scrubbed(server)
    server.stop()
    assert leftovers(server, "find", *sealed) == []


def memory_of(pid):
    """Every region of a process that can be written to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if "rw" not in rights:
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except OSError:  # [vvar] and its like
                continue


def test_key_bytes_are_wiped_from_memory(fresh_server):
    """Material that is known outside is looked for in the memory of a server that has used it."""
    server = fresh_server
    if os.geteuid() != 0 or sanitized():
        pytest.skip("reads the memory of another process")
    kms, material = server.client("kms"), os.urandom(32)
    key = empty_key(kms)
    kms.create_alias(AliasName="alias/to-be-found", TargetKeyId=key)
    bring(kms, key, material)
    for _ in range(20):
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        kms.decrypt(CiphertextBlob=blob)
    assert any(b"alias/to-be-found" in region for region in memory_of(server.process.pid))
    for piece in (material, material[:16], material[16:], material.hex().encode()):
        assert not any(piece in region for region in memory_of(server.process.pid))


def test_no_core_dump_and_locked_memory(fresh_server, tmp_path):
    if sanitized():
        pytest.skip("a sanitizer looks into its process")

    def dumps(arguments):
        """Whether a process that is told to abort leaves a core dump, where the limit lets it."""
        process = subprocess.Popen(
            arguments,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            ),
        )
        assert process.stdout.readline()
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 0
        process.stdout.close()
        return os.WCOREDUMP(status)

    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("core dumps are not allowed here")
    if not dumps([sys.executable, "-c", "print(1, flush=True); import time; time.sleep(60)"]):
        pytest.skip("core dumps are switched off here")
    fresh_server.stop()
    assert not dumps(
        [SLUICE, "serve", "--data-dir", fresh_server.data_dir, "--listen", "127.0.0.1:0"]
    )
    fresh_server.start()
    place = f"/proc/{fresh_server.process.pid}/"
    with open(place + "limits") as lines:
        limit = next(line for line in lines if line.startswith("Max core file size"))
    assert limit.split()[4:6] == ["0", "0"]  # also where it was not unlimited to begin with
    with open(place + "status") as lines:
        status = dict(line.split(":", 1) for line in lines)
    assert int(status["VmLck"].split()[0]) >= 4096

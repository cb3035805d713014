# SPDX-License-Identifier: Apache-2.0
"""Hand edits in the data directory of a stopped server, by somebody who has the root key too: which
of `sluice verify` and `sluice verify --trail` names them (docs/audit.md)."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import ROOT, SLUICE, Server
from functions import until
from trails import Bucket, arn, hasty, make_trail, stop_trail

VERIFY, TRAIL = "verify", "verify --trail"
NO_SOCKET = shutil.ignore_patterns("*.sock")


class Scene:
    """A stopped server whose trail delivered all its records, as it was; and a copy of its
    directory from before the last log file."""

    def __init__(self, directory):
        self.server, self.kept, self.older = (
            hasty(directory),
            directory / "kept",
            directory / "older",
        )
        bucket, kms = make_trail(self.server, "kept"), self.server.client("kms")
        for _ in range(6):
            kms.create_key()
        self.log = until(bucket.logs)[0]
        assert self.server.stop() == 0
        shutil.copytree(self.server.data_dir, self.older, ignore=NO_SOCKET)
        self.server.start()
        for _ in range(6):
            self.server.client("kms").create_key()
        bucket = Bucket(self.server, "kept")
        stop_trail(self.server, "kept", bucket)
        self.digest = sorted(bucket.keys("CloudTrail-Digest"))[0]
        self.other = next(key for key in bucket.logs() if key != self.log)
        records = {r["eventID"] for r in bucket.records() if r["eventName"] == "CreateKey"}
        self.server.client("s3").put_object(Bucket="kept", Key="large", Body=bytes(200_000))
        assert self.server.stop() == 0
        audit = json.loads(
            subprocess.run(
                [SLUICE.parent / "dump", self.server.data_dir],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )["audit"]
        self.records = [
            i for i, r in enumerate(audit, 1) if r["eventID"] in records
        ]  # sequences of delivered records
        self.last = len(audit)
        shutil.copytree(self.server.data_dir, self.kept, ignore=NO_SOCKET)

    def restore(self, source):
        shutil.rmtree(self.server.data_dir)
        shutil.copytree(source, self.server.data_dir)

    def rewrite(self, *arguments):
        subprocess.run(
            [SLUICE.parent / "rewrite", self.server.data_dir, *map(str, arguments)],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def database_file(self, ending):
        """The largest."""
        return max(
            (self.server.data_dir / "db").glob("*" + ending), key=lambda path: path.stat().st_size
        )

    def who_notices(self):
        looks = {
            VERIFY: self.server.run("verify", check=False),
            TRAIL: self.server.run("verify", "--trail", arn("kept"), check=False),
        }
        return {who for who, done in looks.items() if done.returncode == 1}, {
            who: done.stdout + done.stderr for who, done in looks.items()
        }


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return Scene(tmp_path_factory.mktemp("hand"))


def turn_a_bit(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def large(scene):
    return max(
        (p for p in (scene.server.data_dir / "blobs").rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )


BOTH = {VERIFY, TRAIL}
TABLE = {
    "record edited": (lambda s: s.rewrite("audit", "edit", s.records[0]), BOTH, "audit record"),
    "record deleted": (lambda s: s.rewrite("audit", "delete", s.records[0]), BOTH, "audit record"),
    "record inserted": (lambda s: s.rewrite("audit", "append", s.records[0]), BOTH, "audit record"),
    "records reordered": (
        lambda s: s.rewrite("audit", "swap", s.records[0], s.records[1]),
        BOTH,
        "audit record",
    ),
    "record edited and the chain computed anew": (
        lambda s: s.rewrite("audit", "forge", s.records[0]),
        {TRAIL},
        "stand in the audit chain",
    ),
    "delivered records cut off": (lambda s: s.rewrite("audit", "cut", s.records[0]), BOTH, "audit"),
    "newest records cut off, undelivered": (
        lambda s: s.rewrite("audit", "cut", s.last),
        BOTH,
        "the newest, are missing",
    ),
    "log file edited": (lambda s: s.rewrite("object", "edit", "kept", s.log), BOTH, "CloudTrail/"),
    "log file deleted": (
        lambda s: s.rewrite("object", "delete", "kept", s.log),
        BOTH,
        "CloudTrail/",
    ),
    "log file inserted into": (
        lambda s: s.rewrite("object", "append", "kept", s.log),
        BOTH,
        "CloudTrail/",
    ),
    "log file reordered": (
        lambda s: s.rewrite("object", "swap", "kept", s.log),
        BOTH,
        "CloudTrail/",
    ),
    "log file cut off": (lambda s: s.rewrite("object", "cut", "kept", s.log), BOTH, "CloudTrail/"),
    "log file replaced": (
        lambda s: s.rewrite("object", "replace", "kept", s.log, s.other),
        BOTH,
        "CloudTrail/",
    ),
    "digest edited": (
        lambda s: s.rewrite("object", "edit", "kept", s.digest),
        BOTH,
        "CloudTrail-Digest/",
    ),
    "digest deleted": (
        lambda s: s.rewrite("object", "delete", "kept", s.digest),
        BOTH,
        "CloudTrail-Digest/",
    ),
    "object file edited": (lambda s: turn_a_bit(large(s), 70_000), {VERIFY}, "s3://kept/large"),
    "object file cut off": (lambda s: os.truncate(large(s), 150_000), BOTH, "object file"),
    "object file deleted": (lambda s: large(s).unlink(), BOTH, "object file"),
    "whole directory replaced by an older copy": (lambda s: s.restore(s.older), set(), ""),
}


def test_untouched_both_say_so(scene):
    scene.restore(scene.kept)
    noticed, said = scene.who_notices()
    assert not noticed, said


@pytest.mark.parametrize("case", TABLE)
def test_who_notices(scene, case):
    change, wanted, named = TABLE[case]
    scene.restore(scene.kept)
    change(scene)
    noticed, said = scene.who_notices()
    assert noticed == wanted, said
    assert all(named in said[who] for who in wanted), said


def test_a_damaged_table_of_the_database_is_named(scene):
    """Whatever bit is turned: the store does not open, or what was lost is named."""
    for part in (0.1, 0.5, 0.9):
        scene.restore(scene.kept)
        path = scene.database_file(".sst")
        turn_a_bit(path, 4096 + int((path.stat().st_size - 4096) * part))
        noticed, said = scene.who_notices()
        assert noticed == BOTH, (part, said)


def test_a_damaged_log_of_the_database_is_named(scene):
    """The log of the latest commits, as a killed server leaves it: what stands before its end is
    acknowledged, so a bit turned there is damage, not the end."""
    scene.restore(scene.kept)
    scene.server.start()
    for _ in range(20):
        scene.server.client("kms").create_key()
    scene.server.stop(signal.SIGKILL)
    shutil.copytree(scene.server.data_dir, scene.kept.with_name("killed"), ignore=NO_SOCKET)
    for part in (0, 0.2, 0.5, 0.8, 0.99):
        scene.restore(scene.kept.with_name("killed"))
        path = scene.database_file(".log")
        written = len(path.read_bytes().rstrip(b"\0"))  # zeros stand behind it
        turn_a_bit(path, 4096 + int((written - 4096) * part))
        noticed, said = scene.who_notices()
        assert noticed == BOTH, (part, said)

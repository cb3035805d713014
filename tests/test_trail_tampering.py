# SPDX-License-Identifier: Apache-2.0
"""Files exchanged under a trail, in every way of docs/audit.md: who notices. The operator has first
to point the trail elsewhere, which the trail records."""
import concurrent.futures
import datetime
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from aws_cli import forked
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conftest import ROOT
from functions import until
from trails import (
    ACCOUNT,
    Bucket,
    REGION,
    arn,
    hasty,
    make_bucket,
    make_trail,
    now,
    stop_trail,
    validate,
    validators,
)

FOREIGN_KEY = rsa.generate_private_key(65537, 2048)


class Scene:
    """Two stopped trails whose buckets can be written to, every object as it was, and the three who
    look."""

    def __init__(self, directory):
        self.server, self.directory = hasty(directory), directory
        self.start = now() - datetime.timedelta(minutes=1)
        self.s3, self.trail = self.server.client("s3"), self.server.client("cloudtrail")
        make_trail(self.server, "other")
        self.bucket = make_trail(self.server, "scene")
        for count in (1, 2, 3):
            for _ in range(4):
                self.server.client("kms").create_key()
            until(
                lambda: len(self.bucket.keys("CloudTrail-Digest")) >= 2 * count
                and len(self.bucket.logs()) >= count
            )
        for name in ("scene", "other"):
            stop_trail(self.server, name)
            make_bucket(self.server, name + "-elsewhere", name)
        self.objects = {bucket: self.copy(bucket) for bucket in ("scene", "other")}
        self.program = re.search(
            r"```python\n(.*?)```", (ROOT / "docs" / "audit.md").read_text(), re.S
        )[1]

    def copy(self, bucket):
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for one in page.get("Contents", []):
                answer = self.s3.get_object(Bucket=bucket, Key=one["Key"])
                found[one["Key"]] = (answer["Body"].read(), answer["Metadata"])
        return found

    def digests(self, bucket="scene"):
        return sorted(
            (k for k in self.objects[bucket] if "/CloudTrail-Digest/" in k), key=lambda k: k[-24:]
        )

    def logs(self, bucket="scene"):
        return [
            f["s3Object"]
            for d in self.digests(bucket)
            for f in self.document(d, bucket)["logFiles"]
        ]

    def document(self, key, bucket="scene"):
        return json.loads(gzip.decompress(self.objects[bucket][key][0]))

    def write(self, changed):
        """Makes the bucket hold what it held, with these changes: key -> (body, metadata), or None
        for a deletion."""
        self.trail.update_trail(Name="scene", S3BucketName="scene-elsewhere")
        wanted, there = self.objects["scene"] | changed, self.copy("scene")
        for key, value in wanted.items():
            if value is None:
                self.s3.delete_object(Bucket="scene", Key=key)
            elif there.get(key) != value:
                self.s3.put_object(Bucket="scene", Key=key, Body=value[0], Metadata=value[1])
        for key in there.keys() - wanted.keys():
            self.s3.delete_object(Bucket="scene", Key=key)
        self.trail.update_trail(Name="scene", S3BucketName="scene")

    def look(self):
        """Who says that all is well: (validate-logs, sluice verify --trail, the program of
        docs/audit.md)."""
        session = self.server.session()
        environment = os.environ | {
            "AWS_ENDPOINT_URL": self.server.endpoint["endpoint"],
            "AWS_CA_BUNDLE": self.server.endpoint["ca_file"],
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
            "AWS_DEFAULT_REGION": REGION,
        }
        which, path = sorted(validators().items())[0]  # both are run in test_trail.py, unforked
        with concurrent.futures.ThreadPoolExecutor(2) as pool:  # the two that take long
            theirs = pool.submit(
                validate,
                self.server,
                which,
                forked(path),
                self.directory / which,
                "scene",
                self.start,
            )
            third = pool.submit(
                subprocess.run,
                [sys.executable, "-c", self.program, "scene", "scene"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            own = self.server.run("verify", "--trail", arn("scene"), check=False)
            (code, output), third = theirs.result(), third.result()
        return {
            which: code == 0 and "INVALID" not in output,
            "verify": own.returncode == 0,
            "program": third.returncode == 0,
        }, {
            which: output,
            "verify": own.stdout + own.stderr,
            "program": third.stdout + third.stderr,
        }


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    one = Scene(tmp_path_factory.mktemp("tamper"))
    yield one
    one.server.stop()


def packed(document):
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode())


def with_records(scene, key, change):
    document = scene.document(key)
    document["Records"] = change(document["Records"])
    return {key: (packed(document), scene.objects["scene"][key][1])}


def resigned(scene, digest_key, document):
    """The digest with a right signature, by another key."""
    text = json.dumps(document).encode()
    signed = "\n".join(
        [
            document["digestEndTime"],
            f"scene/{digest_key}",
            hashlib.sha256(text).hexdigest(),
            document["previousDigestSignature"] or "null",
        ]
    )
    signature = FOREIGN_KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
    return {
        digest_key: (
            gzip.compress(text),
            scene.objects["scene"][digest_key][1] | {"signature": signature},
        )
    }


def log(scene):
    return max(scene.logs(), key=lambda k: len(scene.document(k)["Records"]))


def edited_digest(scene, key):
    document = scene.document(key)
    document["logFiles"] = []
    return {key: (packed(document), scene.objects["scene"][key][1])}


def forged_log_and_digest(scene):
    """A record taken out, its digest corrected and signed again: what somebody would do who owns
    the bucket but not the key."""
    key = log(scene)
    change = with_records(scene, key, lambda r: r[:-1])
    digest = next(
        d for d in scene.digests() if key in [f["s3Object"] for f in scene.document(d)["logFiles"]]
    )
    document = scene.document(digest)
    for file in document["logFiles"]:
        if file["s3Object"] == key:
            file["hashValue"] = hashlib.sha256(gzip.decompress(change[key][0])).hexdigest()
    return change | resigned(scene, digest, document)


def unsigned_digest(scene):
    """A file, and a page that vouches for it, under a name that no trail has."""
    forged = scene.logs()[0].replace("Z_", "Z_FORGED", 1)
    page = {
        "logFiles": [
            {"s3Bucket": "scene", "s3Object": forged, "hashValue": "", "hashAlgorithm": "SHA-256"}
        ]
    }
    return {
        forged: scene.objects["scene"][scene.logs()[0]],
        scene.digests()[0].rsplit("/", 1)[0] + "/page.json.gz": (packed(page), {}),
    }


def of(scene, bucket, key):
    return scene.objects[bucket][key]


ALL, NO_VALIDATOR = {"validator", "verify", "program"}, {"verify", "program"}
TABLE = {
    "log edited": (
        lambda s: with_records(s, log(s), lambda r: [r[0] | {"eventName": "Nothing"}] + r[1:]),
        ALL,
    ),
    "log record removed": (lambda s: with_records(s, log(s), lambda r: r[1:]), ALL),
    "log record inserted": (lambda s: with_records(s, log(s), lambda r: r + r[:1]), ALL),
    "log reordered": (lambda s: with_records(s, log(s), lambda r: r[::-1]), ALL),
    "log cut off": (lambda s: {log(s): (of(s, "scene", log(s))[0][:-40], {})}, ALL),
    "log deleted": (lambda s: {log(s): None}, ALL),
    "log replaced by an older one": (lambda s: {s.logs()[-1]: of(s, "scene", s.logs()[0])}, ALL),
    "log of another trail": (lambda s: {log(s): of(s, "other", s.logs("other")[0])}, ALL),
    "log added": (
        lambda s: {s.logs()[0].replace("Z_", "Z_FORGED", 1): of(s, "scene", s.logs()[0])},
        NO_VALIDATOR,
    ),
    "log added, in a digest that nobody signed": (unsigned_digest, NO_VALIDATOR),
    "digest edited": (
        lambda s: edited_digest(s, next(d for d in s.digests() if s.document(d)["logFiles"])),
        ALL,
    ),
    "digest signed with another key": (
        lambda s: resigned(s, s.digests()[1], s.document(s.digests()[1])),
        ALL,
    ),
    "log and digest forged together": (forged_log_and_digest, ALL),
    "digest deleted in the middle": (lambda s: {s.digests()[1]: None}, ALL),
    "digest replaced by an older one": (
        lambda s: {s.digests()[2]: of(s, "scene", s.digests()[1])},
        ALL,
    ),
    "digest of another trail": (
        lambda s: {s.digests()[1]: of(s, "other", s.digests("other")[1])},
        ALL,
    ),
    "newest digest edited": (lambda s: edited_digest(s, s.digests()[-1]), ALL),
    "newest digest deleted": (lambda s: {s.digests()[-1]: None}, NO_VALIDATOR),
    "newest digest and its logs deleted": (
        lambda s: {s.digests()[-1]: None}
        | {f["s3Object"]: None for f in s.document(s.digests()[-1])["logFiles"]},
        {"verify"},
    ),
}


def test_untouched_everyone_says_so(scene):
    scene.write({})
    well, said = scene.look()
    assert all(well.values()), said


@pytest.mark.parametrize("case", TABLE)
def test_who_notices(scene, case):
    make, noticed = TABLE[case]
    scene.write(make(scene))
    well, said = scene.look()
    expected = {who: ("validator" if who in validators() else who) not in noticed for who in well}
    assert well == expected, (case, said)

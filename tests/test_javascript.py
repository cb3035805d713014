# SPDX-License-Identifier: Apache-2.0
"""The AWS SDK for JavaScript v3, as it comes from npm, against a server over TLS:
tests/js/client.mjs."""
import hashlib
import json
import shutil
import subprocess

import pytest

from clients import BUCKET, GROUP, TABLE
from conftest import ROOT, SLUICE


@pytest.fixture(scope="session")
def packages():
    """What tests/js/package-lock.json names, installed once beside the build."""
    lock = ROOT / "tests" / "js" / "package-lock.json"
    place = SLUICE.parent / f"js-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (place / "installed").exists():
        place.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(lock.parent / name, place / name)
        done = subprocess.run(
            ["npm", "ci", "--no-progress"], cwd=place, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, "npm ci: " + done.stderr
        (place / "installed").touch()
    shutil.copy(ROOT / "tests" / "js" / "client.mjs", place / "client.mjs")
    return place


def test_the_sdk_for_javascript(world, packages):
    output = world.run(
        "node",
        packages / "client.mjs",
        BUCKET,
        TABLE,
        GROUP,
        AWS_ENDPOINT_URL=world.url,
        NODE_EXTRA_CA_CERTS=world.server.endpoint["ca_file"],
        AWS_REGION="us-east-1",
    )
    seen = json.loads(output.splitlines()[-1])
    assert seen["listed"] == [["js/a string+.txt", 13], ["js/stream.bin", 400280]]
    assert seen["streamed"] is True
    assert (
        seen["presigned"] == "from a string" and seen["forged"] == 403
    )  # the signature is of one object only
    assert seen["values"] == ["2.5", "1000"]
    assert seen["selected"] == [["2.5"], ["1000"]]
    assert seen["errors"] == ["broken"]
    assert [row[0] for row in seen["statistics"]] == [True] * len(seen["statistics"]) and sum(
        row[1] for row in seen["statistics"]
    ) == 75
    assert all(abs(row[2] - 0.5) < 0.01 for row in seen["statistics"])
    assert sum(seen["doubled"]) == 150
    assert seen["metrics"] == 200
    assert seen["refused"] == ["InvalidParameterValueException", 400]
    assert seen["trail"] == [[True, TABLE]]


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (ROOT / "tests" / "js" / "package-lock.json").read_text()

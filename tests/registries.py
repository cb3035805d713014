# SPDX-License-Identifier: Apache-2.0
"""What others wrote, from the package registries: installed or built once beside the build. Where a
registry or a compiler is missing the test is skipped, and says which."""
import hashlib
import shutil
import subprocess

import pytest

from conftest import ROOT, SLUICE

FOREIGN = ROOT / "tests" / "foreign"
INSTALL_SECONDS = 900


def installed(name, commands, sources=None, needs=()):
    """The folder in which the commands ran, each of them a list. `sources`: a folder whose files
    are put there before."""
    for program in needs:
        if not shutil.which(program):
            pytest.skip(f"{name} needs {program}")
    files = sorted(path for path in sources.rglob("*") if path.is_file()) if sources else []
    digest = hashlib.sha256(repr((name, commands)).encode())
    for path in files:
        digest.update(path.read_bytes())
    place = SLUICE.parent / f"foreign-{digest.hexdigest()[:12]}"
    if (place / "installed").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for path in files:
        copy = place / path.relative_to(sources)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for command in commands:
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        if done.returncode:
            pytest.skip(f"{name} cannot be installed: {done.stderr.strip()[-300:]}")
    (place / "installed").touch()
    return place

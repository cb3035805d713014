# SPDX-License-Identifier: Apache-2.0
"""What the server holds in memory, keys among it, is not for the other programs of its own user:
they cannot look into the process, and no core dump is left of it (SECURITY.md)."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from clock import sanitized
from conftest import SLUICE

USER = 41020  # of a user that there need not be
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
AS_USER += ["--inh-caps=-all", "--bounding-set=-all"]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
    pytest.mark.skipif(sanitized(), reason="a sanitizer looks into its process"),
]


@pytest.fixture
def process():
    """The server of an unprivileged user, whose program he can read."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        shutil.copy(SLUICE, home / "sluice")
        shutil.chown(home, USER, USER)
        one = subprocess.Popen(
            [*AS_USER, home / "sluice", "serve", "--data-dir", home / "data"]
            + ["--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=home,
        )
        assert one.stdout.readline().startswith("Sluice serves")
        yield one.pid
        one.terminate()
        one.wait(timeout=30)
        one.stdout.close()


def looks_into(pid, what):
    """Whether another program of the same user can read that of the process."""
    done = subprocess.run(
        [*AS_USER, "head", "-c", "1", f"/proc/{pid}/{what}"], capture_output=True, text=True
    )
    return done.returncode == 0 or "Permission denied" not in done.stderr


def test_nobody_looks_into_the_process(process):
    other = subprocess.Popen([*AS_USER, "sleep", "1000"])
    try:
        while pathlib.Path(f"/proc/{other.pid}/comm").read_text() != "sleep\n":
            pass
        assert looks_into(other.pid, "environ")  # so it is with any program
        assert os.stat(f"/proc/{other.pid}/mem").st_uid == USER
    finally:
        other.kill()
        other.wait()
    for what in ("environ", "maps", "mem", "auxv"):
        assert not looks_into(process, what), what
    assert os.stat(f"/proc/{process}/mem").st_uid == 0
    assert f"Uid:\t{USER}" in pathlib.Path(f"/proc/{process}/status").read_text()


def test_no_core_is_left(process):
    limits = pathlib.Path(f"/proc/{process}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    locked = re.search(r"VmLck:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())
    assert int(locked[1]) > 0  # keys are not swapped out

# SPDX-License-Identifier: Apache-2.0
"""Documents that tell a reader what to type are right: each command of docs/guide.md,
docs/security-implementation.md and docs/moving-to-aws.md runs here in the order of its page, and
prints what the page shows.
"""
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from aws_cli import path_to_forked
from conftest import ROOT, SLUICE, Server

DOCS = ROOT / "docs"
STEP_SECONDS = 180
MOVED = ("machine-temperature.json", "ambient-temperature.ndjson.gz")


def steps_of(document):
    """The commands of a page, each with the output that is shown under it ("" when there is
    none)."""
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```$", document.read_text(), re.M | re.S)
    steps = []
    for kind, text in blocks:
        if kind == "sh":
            steps.append([text, ""])
        else:
            assert steps and not steps[-1][1], f"an output without a command: {text}"
            steps[-1][1] = text
    return steps


def matches(shown, printed):
    """`…` stands for what differs from run to run."""
    pattern = r"[^\n]*".join(re.escape(part) for part in shown.split("…"))
    return re.fullmatch(pattern, printed) is not None


GUIDE = steps_of(DOCS / "guide.md")


class Reader:
    """A shell into which somebody types a page."""

    END = "--- the end of a step ---"

    def __init__(self, server, directory):
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            text=True,
            start_new_session=True,
            env={
                "PATH": path_to_forked(f"{SLUICE.parent}:/usr/local/bin:/usr/bin:/bin"),
                "HOME": str(directory),
                "TMPDIR": str(directory),
                "SLUICE_DATA_DIR": str(server.data_dir),
            },
        )

    def type(self, text):
        self.shell.stdin.write(f"{text}\necho '{self.END}'\n")
        self.shell.stdin.flush()
        patience = threading.Timer(STEP_SECONDS, os.killpg, (self.shell.pid, signal.SIGKILL))
        patience.start()
        printed = ""
        for line in self.shell.stdout:
            if line.rstrip("\n") == self.END:
                patience.cancel()
                return printed
            printed += line
        raise AssertionError(f"nothing ended the step within {STEP_SECONDS} s: {text}\n{printed}")

    def close(self):
        self.shell.stdin.close()
        self.shell.wait(timeout=60)
        self.shell.stdout.close()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    directory = tmp_path_factory.mktemp("guide")
    server = Server(directory)
    server.options = ("--trail-interval", "2")  # the pages wait for as long as it takes
    server.start()
    one = Reader(server, directory)
    one.type('aws() { sluice aws "$@"; }')
    one.type("sleep() { command sleep 1; }")  # the pages give AWS more time between two looks
    yield one
    one.close()
    server.stop()


def run(reader, steps):
    here = f"python3.{sys.version_info.minor}"
    for command, shown in steps:
        printed = reader.type(command.replace("RUNTIME=python3.13", f"RUNTIME={here}"))
        assert matches(shown, printed), f"{command}\nprinted:\n{printed}\ninstead of:\n{shown}"


def test_the_guide_runs_as_it_stands_there(reader):
    run(reader, GUIDE[:-1])


def test_each_control_is_seen_as_its_page_says(reader):
    """It goes on from the guide, before what that made is taken down."""
    run(reader, steps_of(DOCS / "security-implementation.md"))


def test_what_the_guide_made_is_taken_down(reader):
    run(reader, GUIDE[-1:])


def test_data_moves_between_two_homes(tmp_path):
    here, there = (Server(tmp_path / name) for name in ("here", "there"))
    for server in (here, there):
        server.directory.mkdir()
        server.start()
    here.run("deploy")
    here.run("put", *(ROOT / "samples" / name for name in MOVED), "--wait")
    reader = Reader(here, tmp_path)
    reader.type('here() { sluice aws "$@"; }')
    reader.type(f'there() {{ sluice --data-dir {there.data_dir} aws "$@"; }}')
    try:
        run(reader, steps_of(DOCS / "moving-to-aws.md"))
    finally:
        reader.close()
        here.stop()
        there.stop()


def test_the_proofs_of_the_controls_exist():
    page = (DOCS / "security-implementation.md").read_text()
    sections = re.split(r"^## ", page, flags=re.M)[1:]
    for section in sections:
        proofs = re.findall(r"`(tests/\w+\.py)::(\w+)`", section)
        assert proofs, f"no proof is named for {section.splitlines()[0]}"
        for file, name in proofs:
            assert f"\ndef {name}(" in (ROOT / file).read_text(), f"{file}::{name}"

# SPDX-License-Identifier: Apache-2.0
"""A machine on which functions cannot start: everything says so, why, and what to do, before
anybody waits."""
import json
import subprocess

import pytest

import conftest
from functions import until

HIDDEN = (
    'mount --bind /dev/null /usr/bin/bwrap && exec "$@"'  # bubblewrap is there and does not run
)


def hidden(*command):
    return ["unshare", "-rm", "sh", "-c", HIDDEN, "sh", *map(str, command)]


@pytest.fixture
def server(tmp_path):
    one = conftest.Server(tmp_path)
    if subprocess.run(hidden("true"), capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    one.process = subprocess.Popen(
        hidden(conftest.SLUICE, "serve", "--data-dir", one.data_dir, "--listen", "127.0.0.1:0"),
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "stderr").open("w"),
        text=True,
    )
    one.banner = one.process.stdout.readline()
    one.endpoint = json.loads((one.data_dir / "endpoint.json").read_text())
    yield one
    assert one.stop() == 0


def cli(server, *arguments, command=hidden):
    return subprocess.run(
        command(conftest.SLUICE, "--data-dir", server.data_dir, *arguments),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_is_said_before_anybody_waits(server, tmp_path):
    reason = "functions cannot start: bubblewrap does not run (Permission denied); install it"
    assert reason in server.banner and server.endpoint["functions_cannot_start"].startswith(
        "bubblewrap does not run"
    )
    assert reason in cli(server, "status").stdout
    deployed = cli(server, "deploy")
    assert (
        deployed.returncode == 0 and reason in deployed.stderr and "uploads wait" in deployed.stderr
    )
    (tmp_path / "one.json").write_text(
        '{"device_id": "d", "timestamp": "2026-01-01T00:00:00Z", "value": 1}'
    )
    waited = cli(server, "put", tmp_path / "one.json", "--wait")
    assert waited.returncode == 1 and reason in waited.stderr
    assert cli(server, "put", tmp_path / "one.json").returncode == 0  # goes in, and waits
    demo = subprocess.run(
        hidden(conftest.SLUICE, "demo"), capture_output=True, text=True, timeout=60
    )
    assert demo.returncode == 1 and reason in demo.stderr
    (tmp_path / "two.json").write_text(
        '{"device_id": "e", "timestamp": "2026-01-01T00:00:00Z", "value": 1}'
    )
    for n in range(20):
        assert cli(server, "put", tmp_path / "two.json", "--key", f"more/{n}").returncode == 0
    said = until(
        lambda: [
            line
            for line in (tmp_path / "stderr").read_text().splitlines()
            if "lambda.async waits" in line
        ]
    )
    assert len(said) == 1  # not a line an event


def test_who_waits_looks_again(server, tmp_path):
    """The server could not start functions when it began; here, where the command runs, they can be
    started by now."""
    cli(server, "deploy")
    (tmp_path / "one.json").write_text(
        '{"device_id": "d", "timestamp": "2026-01-01T00:00:00Z", "value": 1}'
    )
    waited = cli(
        server,
        "put",
        tmp_path / "one.json",
        "--wait",
        "--timeout",
        "1",
        command=lambda *command: list(map(str, command)),
    )
    assert "functions cannot start" not in waited.stderr

# SPDX-License-Identifier: Apache-2.0
"""What the README tells a newcomer to type works as it stands there."""
import re
import subprocess
import sys

from conftest import ROOT, SLUICE


def test_the_profile_works_in_a_new_shell(server, tmp_path):
    """No PATH, no variables of the shell that started the server: the profile names the program and
    the directory itself."""
    lines = re.search(
        r"^    \[profile sluice\]\n(?:    .+\n)+", (ROOT / "README.md").read_text(), re.M
    )[0]
    profile = "\n".join(line.strip() for line in lines.splitlines())
    assert re.search(
        r"^credential_process = /\S+/sluice credentials --data-dir /\S+$", profile, re.M
    )
    profile = (
        profile.replace("/usr/local/bin/sluice", str(SLUICE))
        .replace("--data-dir /tmp/first", f"--data-dir {server.data_dir}")
        .replace("/tmp/first/tls/ca.pem", server.endpoint["ca_file"])
        .replace("https://127.0.0.1:4566", server.endpoint["endpoint"])
    )
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(profile + "\n")
    program = (
        "import boto3; print(boto3.Session(profile_name='sluice').client('sts', "
        "endpoint_url='%s').get_caller_identity()['Arn'])" % server.endpoint["endpoint"]
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd="/",
        env={"HOME": str(tmp_path), "PATH": "/nowhere"},
    )
    assert ":assumed-role/sluice-operator/" in done.stdout, done.stderr

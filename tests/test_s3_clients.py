# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients that are not boto3: rclone and s3cmd as Debian 12 has them."""
import os
import shutil
import subprocess
import urllib.parse

import pytest


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for name, size in (
        ("small.txt", 11),
        ("empty", 0),
        ("dir/with space+plus.bin", 70_000),
        ("dir/ü.bin", 1_000_000),
        ("large.bin", 20_000_000),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(os.urandom(size))
    return root


def contents(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.skipif(not shutil.which("rclone"), reason="rclone is not installed")
def test_rclone_syncs_both_ways(server, tree, tmp_path):
    session = server.session()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    flags = [
        "--config",
        str(tmp_path / "none"),
        "--ca-cert",
        server.endpoint["ca_file"],
        "--s3-provider",
        "Other",
        "--s3-endpoint",
        server.endpoint["endpoint"],
        "--s3-region",
        "us-east-1",
        "--s3-upload-cutoff",
        "10M",
        "--s3-access-key-id",
        session["AccessKeyId"],
        "--s3-secret-access-key",
        session["SecretAccessKey"],
        "--s3-session-token",
        session["SessionToken"],
    ]

    def rclone(*arguments):
        done = subprocess.run(
            ["rclone", *map(str, arguments), *flags],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    rclone("mkdir", ":s3:by-rclone")
    rclone("sync", tree, ":s3:by-rclone/tree")
    rclone("check", tree, ":s3:by-rclone/tree")
    rclone("sync", ":s3:by-rclone/tree", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    rclone("copyto", ":s3:by-rclone/tree/large.bin", ":s3:by-rclone/copied.bin")
    assert "copied.bin" in rclone("ls", ":s3:by-rclone")
    rclone("purge", ":s3:by-rclone")


@pytest.mark.skipif(not shutil.which("s3cmd"), reason="s3cmd is not installed")
def test_s3cmd_puts_gets_and_removes(server, tree, tmp_path):
    session = server.session()
    host = urllib.parse.urlsplit(server.endpoint["endpoint"]).netloc
    flags = [
        "--config",
        "/dev/null",
        "--access_key",
        session["AccessKeyId"],
        "--secret_key",
        session["SecretAccessKey"],
        "--access_token",
        session["SessionToken"],
        "--ca-certs",
        server.endpoint["ca_file"],
        f"--host={host}",
        f"--host-bucket={host}",
        "--region",
        "us-east-1",
        "--no-progress",
    ]

    def s3cmd(*arguments):
        done = subprocess.run(
            ["s3cmd", *flags, *map(str, arguments)], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    s3cmd("mb", "s3://by-s3cmd")
    s3cmd("sync", f"{tree}/", "s3://by-s3cmd/tree/")
    listed = s3cmd("ls", "--recursive", "s3://by-s3cmd/")
    assert all(name in listed for name in contents(tree))
    s3cmd("get", "--recursive", "s3://by-s3cmd/tree/", tmp_path)
    assert contents(tmp_path) == contents(tree)
    assert "by-s3cmd/tree/small.txt" in s3cmd("info", "s3://by-s3cmd/tree/small.txt")
    s3cmd("rb", "--recursive", "--force", "s3://by-s3cmd")

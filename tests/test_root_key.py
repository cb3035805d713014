# SPDX-License-Identifier: Apache-2.0
"""The root key as a file, a passphrase and a key of a PKCS#11 token, and its change while the
server is stopped."""
import json
import os
import random
import signal
import subprocess
import time

import pytest

from conftest import SEED, SLUICE, Server


@pytest.fixture
def stopped(tmp_path):
    """A server with an object under a KMS key; stopped."""
    one = Server(tmp_path).start()
    key = one.client("kms").create_key()["KeyMetadata"]["KeyId"]
    s3 = one.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(
        Bucket="kept", Key="k", Body=b"x" * 100_000, ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    assert one.stop() == 0
    yield one
    if one.process.poll() is None:
        assert one.stop() == 0


def reads(server, *root_key):
    """Whether the server starts with this root key, and all is there."""
    server.options = ("--root-key", *root_key) if root_key else ()
    server.start()
    body = server.client("s3").get_object(Bucket="kept", Key="k")["Body"].read()
    assert server.stop() == 0
    verified = subprocess.run(
        [SLUICE, "verify", "--data-dir", server.data_dir, *server.options],
        capture_output=True,
        text=True,
    )
    return body == b"x" * 100_000 and "clean" in verified.stdout


def refusal(server, *root_key):
    done = subprocess.run(
        [SLUICE, "serve", "--data-dir", server.data_dir, "--listen", "127.0.0.1:0", *root_key],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    return done.stderr


def rotate(server, *options, check=True):
    return server.run("root-key", "rotate", *options, check=check)


def test_a_file_is_replaced_in_its_place(stopped):
    path = stopped.directory / "data.root.key"
    old = path.read_text()
    said = rotate(stopped).stdout
    assert str(path) in said and "Keep a copy" in said
    assert path.read_text() != old and path.stat().st_mode & 0o777 == 0o600
    assert reads(stopped)
    (stopped.directory / "old.key").write_text(old)
    (stopped.directory / "old.key").chmod(0o600)
    text = refusal(stopped, "--root-key", stopped.directory / "old.key")
    assert "does not belong to the data directory" in text


def test_nothing_is_rotated_while_the_server_runs(fresh_server):
    done = rotate(fresh_server, check=False)
    assert done.returncode == 1 and "stop it" in done.stderr


def test_a_passphrase(stopped):
    words = stopped.directory / "words"
    words.write_text("correct horse battery staple\n")
    words.chmod(0o600)
    spec = f"passphrase:{words}"
    said = rotate(stopped, "--new", spec).stdout
    assert "destroy it" in said
    assert reads(stopped, spec)
    assert "is a passphrase: name it" in refusal(stopped)
    words.write_text("correct horse battery stable\n")
    assert "does not belong" in refusal(stopped, "--root-key", spec)
    words.chmod(0o644)
    assert "chmod 600" in refusal(stopped, "--root-key", spec)
    words.unlink()
    assert "cannot read the passphrase" in refusal(stopped, "--root-key", spec)


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A token of SoftHSM with an AES key; gives the URI."""
    (tmp_path / "tokens").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    pin = tmp_path / "pin"
    pin.write_text("314159\n")
    pin.chmod(0o600)
    subprocess.run(
        "softhsm2-util --init-token --free --label sluice --pin 314159 --so-pin 271828".split(),
        check=True,
        capture_output=True,
    )
    module = next(
        line.split(":", 1)[1].strip()
        for line in open("/usr/share/p11-kit/modules/softhsm2.module")
        if line.startswith("module:")
    )
    for label in ("root", "other"):
        subprocess.run(
            ["pkcs11-tool", "--module", module, "--token-label", "sluice", "--login", "--pin"]
            + ["314159", "--keygen", "--key-type", "AES:32", "--label", label],
            check=True,
            capture_output=True,
        )
    return f"pkcs11:token=sluice;object=root?pin-source={pin}"


def test_a_key_of_a_token(stopped, token):
    rotate(stopped, "--new", token)
    assert reads(stopped, token)
    assert "is a key of a PKCS#11 token: name it" in refusal(stopped)
    other = token.replace("object=root", "object=other")
    assert "does not belong" in refusal(stopped, "--root-key", other)
    for uri, why in (
        (token.replace("object=root", "object=absent"), "no such secret key"),
        (token.replace("token=sluice", "token=absent"), "no such PKCS#11 token"),
        (token.replace("/pin", "/no-pin"), "cannot read the PIN"),
        ("pkcs11:token=sluice", "names no key"),
        ("pkcs11:nonsense", "no PKCS#11 URI"),
    ):
        assert why in refusal(stopped, "--root-key", uri), uri
    (stopped.directory / "pin").chmod(0o644)
    assert "chmod 600" in refusal(stopped, "--root-key", token)
    (stopped.directory / "pin").chmod(0o600)
    shown = token.split("?")[0].replace("root", "other") + "?pin-value=314159"
    assert "314159" not in refusal(stopped, "--root-key", shown)
    with open(stopped.directory / "pin", "w") as pin:
        pin.write("000000\n")
    assert "the PIN is not accepted" in refusal(stopped, "--root-key", token)
    with open(stopped.directory / "pin", "w") as pin:
        pin.write("314159\n")
    rotate(stopped, "--root-key", token, "--new", stopped.directory / "a.key")
    assert reads(stopped, stopped.directory / "a.key")
    assert "does not belong" in refusal(stopped, "--root-key", token)


def test_a_new_directory_under_a_passphrase(tmp_path):
    """No file of the root key is ever made."""
    words = tmp_path / "words"
    words.write_text("correct horse battery staple\n")
    words.chmod(0o600)
    server = Server(tmp_path)
    server.options = ("--root-key", f"passphrase:{words}")
    server.start()
    assert server.stop() == 0
    assert not (tmp_path / "data.root.key").exists()
    assert "is a passphrase: name it with --root-key passphrase:" in refusal(server)


def test_killed_while_it_rotates_it_starts_with_the_key_in_its_place(stopped):
    """The file is changed in its place: at every instant the file that lies there opens all."""
    chance = random.Random(SEED)
    for _ in range(25):
        process = subprocess.Popen(
            [SLUICE, "root-key", "rotate", "--data-dir", stopped.data_dir],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0, 0.02))  # the instant of the kill
        process.send_signal(signal.SIGKILL)
        process.wait()
        opened = subprocess.run(
            [SLUICE, "root-key", "rotate", "--data-dir", stopped.data_dir],
            capture_output=True,
            text=True,
        )
        assert opened.returncode == 0, opened.stderr
    assert reads(stopped)
    seals = json.loads((stopped.data_dir / "keyring.json").read_text())["master_key"]
    assert len(seals) == 1 and not os.path.exists(stopped.directory / "data.root.key.next")

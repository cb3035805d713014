# SPDX-License-Identifier: Apache-2.0
"""`sluice credentials`: for a certificate, from a server anywhere; and served on loopback to the
programs of one user."""
import json
import os
import shlex
import signal
import stat
import subprocess
import urllib.error
import urllib.request

import botocore.credentials
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from aws_cli import path_to_forked
from conftest import SLUICE
from identities import Authority, private_pem
from test_rolesanywhere import BUCKET, World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("credentials"))
    yield one
    assert one.server.stop() == 0


class Device:
    """The files of a device, and its command line. It has no data directory."""

    def __init__(self, directory, world, device=None, chain=()):
        key, certificate = device or world.ca.issue()
        self.key, self.certificate = directory / "key.pem", directory / "certificate.pem"
        self.key.write_bytes(private_pem(key))
        self.certificate.write_bytes(
            b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, *chain))
        )
        self.options = {
            "certificate": self.certificate,
            "private-key": self.key,
            "role": world.role("device"),
            "endpoint": world.server.endpoint["endpoint"],
            "ca-bundle": world.server.endpoint["ca_file"],
            "trust-anchor": world.anchor,
            "profile": world.profile,
        }
        self.home = directory

    def command(self, **changed):
        options = self.options | {k.replace("_", "-"): v for k, v in changed.items()}
        return [
            SLUICE,
            "--data-dir",
            self.home / "none",
            "credentials",
            *(str(x) for k, v in options.items() if v is not None for x in ("--" + k, v)),
        ]

    def run(self, **changed):
        return subprocess.run(self.command(**changed), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("rsa_key", [False, True])
def test_a_certificate_is_enough(world, tmp_path, rsa_key):
    device = Device(tmp_path, world, world.ca.issue("fan-2", rsa_key=rsa_key))
    done = device.run(duration=900)
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)
    assert session["Version"] == 1
    s3 = world.server.client("s3", session=session)
    assert s3.put_object(Bucket=BUCKET, Key="fan-2/k", Body=b"x")


def test_a_chain_may_stand_in_one_file_or_two(world, tmp_path):
    between = Authority("Hall 5", above=world.ca)
    leaf = between.issue("fan-3")
    assert Device(tmp_path, world, leaf, [between.certificate]).run().returncode == 0
    alone = Device(tmp_path, world, leaf)
    assert "Untrusted certificate" in alone.run().stderr
    (tmp_path / "between.pem").write_bytes(between.certificate.public_bytes(Encoding.PEM))
    assert alone.run(intermediates=tmp_path / "between.pem").returncode == 0


def test_what_a_device_is_told(world, tmp_path):
    device = Device(tmp_path, world)
    (tmp_path / "other.pem").write_text(Authority("Another").pem())
    for changed, text in (
        ({"ca_bundle": tmp_path / "other.pem"}, "TLS handshake"),
        ({"ca_bundle": None}, "TLS handshake"),
        ({"ca_bundle": tmp_path / "nothing"}, "cannot read the CA"),
        ({"endpoint": world.server.endpoint["http_endpoint"]}, "https://"),
        ({"endpoint": "https://127.0.0.1:1"}, "cannot connect"),
        ({"certificate": device.key}, "must hold certificates"),
        ({"private_key": device.certificate}, "must hold a key"),
        ({"private_key": tmp_path / "nothing"}, "cannot read"),
        ({"role": world.role("outside")}, "not one of the profile's"),
        ({"trust_anchor": "x"}, "Untrusted certificate"),
    ):
        done = device.run(**changed)
        assert done.returncode == 1 and text in done.stderr and not done.stdout, changed
    assert device.run(profile=None).returncode == 2


def test_the_name_of_the_server_counts(world, tmp_path):
    """Its certificate is for localhost and 127.0.0.1, not for 127.0.0.2."""
    device = Device(tmp_path, world)
    port = world.server.endpoint["endpoint"].rsplit(":", 1)[1]
    assert device.run(endpoint=f"https://localhost:{port}").returncode == 0
    wrong = device.run(endpoint=f"https://0.0.0.0:{port}")
    assert wrong.returncode == 1 and "mismatch" in wrong.stderr


class Serving:
    def __init__(self, command, directory):
        self.token_file = directory / "token"
        self.process = subprocess.Popen(
            [*command, "--serve", "0", "--token-file", self.token_file],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.environment = {}
        for _ in range(2):
            line = self.process.stdout.readline()
            name, value = shlex.split(line)[1].split("=", 1)
            self.environment[name] = value
        self.url = self.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]

    def ask(self, method="GET", **headers):
        request = urllib.request.Request(self.url, method=method)
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        return code


def test_a_program_gets_it_on_loopback(world, tmp_path):
    serving = Serving(Device(tmp_path, world).command(), tmp_path)
    assert stat.S_IMODE(os.stat(serving.token_file).st_mode) == 0o600
    token = serving.token_file.read_text()
    assert serving.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == str(serving.token_file)
    provider = botocore.credentials.ContainerProvider(
        environ=serving.environment | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
    )
    found = provider.load().get_frozen_credentials()
    session = {
        "AccessKeyId": found.access_key,
        "SecretAccessKey": found.secret_key,
        "SessionToken": found.token,
    }
    s3 = world.server.client("s3", session=session)
    assert s3.put_object(Bucket=BUCKET, Key="pump-7/container", Body=b"x")
    assert serving.ask(Authorization=token)[1]["AccessKeyId"] == found.access_key  # it is kept
    for status, method, headers in (
        (401, "GET", {}),
        (401, "GET", {"Authorization": ""}),
        (401, "GET", {"Authorization": token[:-1]}),
        (401, "GET", {"Authorization": "Bearer " + token}),
        (405, "POST", {"Authorization": token}),
        (403, "GET", {"Authorization": token, "Host": "rebound.example.com"}),
    ):
        got, answer = serving.ask(method, **headers)
        assert got == status and "AccessKeyId" not in answer
    assert serving.stop() == 0 and not serving.token_file.exists()


def test_the_operator_can_serve_a_role(world, tmp_path):
    world.iam.create_role(
        RoleName="served",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"},
                    "Action": "sts:AssumeRole",
                },
            }
        ),
    )
    serving = Serving(
        [SLUICE, "--data-dir", world.server.data_dir, "credentials", "--role", "served"], tmp_path
    )
    status, got = serving.ask(Authorization=serving.token_file.read_text())
    assert status == 200
    session = got | {"SessionToken": got["Token"]}
    who = world.server.client("sts", session=session).get_caller_identity()
    assert ":assumed-role/served/" in who["Arn"]
    assert serving.stop() == 0


def test_serving_needs_a_session_first(world, tmp_path):
    device = Device(tmp_path, world)
    done = subprocess.run(
        [
            *device.command(role=world.role("outside")),
            "--serve",
            "0",
            "--token-file",
            tmp_path / "token",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and not (tmp_path / "token").exists()


class Enrolled:
    """What `sluice device enroll` prints is the device's whole configuration."""

    def __init__(self, world, name, directory, **more):
        self.world, self.name, self.directory = world, name, directory
        options = [str(x) for k, v in more.items() for x in ("--" + k, v)]
        done = world.server.run(
            "device", "enroll", name, "--role", "device", "--out", directory, *options
        )
        self.config = directory / "config"
        self.config.write_text(done.stdout)
        self.key = directory / f"{name}.key"
        self.certificate = directory / f"{name}.pem"

    def aws(self, *arguments):
        return subprocess.run(
            [
                "aws",
                "--endpoint-url",
                self.world.server.endpoint["endpoint"],
                "--profile",
                self.name,
                *map(str, arguments),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            env={
                "PATH": path_to_forked(f"{SLUICE.parent}:{os.environ['PATH']}"),
                "HOME": str(self.directory),
                "AWS_CONFIG_FILE": str(self.config),
                "AWS_EC2_METADATA_DISABLED": "true",
                "LC_ALL": "C.UTF-8",
            },
        )

    def put(self, prefix):
        body = self.directory / "body"
        body.write_text("{}")
        return self.aws(
            "s3api", "put-object", "--bucket", BUCKET, "--key", prefix + "/k", "--body", body
        )


def test_a_device_is_enrolled_and_revoked(world, tmp_path):
    meter, other = (Enrolled(world, name, tmp_path / name) for name in ("meter-1", "meter-2"))
    assert stat.S_IMODE(os.stat(meter.key).st_mode) == 0o600
    assert meter.put("meter-1").returncode == 0, meter.put("meter-1").stderr
    refused = meter.put("meter-2")
    assert refused.returncode != 0 and "AccessDenied" in refused.stderr
    assert other.put("meter-2").returncode == 0
    anchors = world.api.list_trust_anchors()["trustAnchors"]
    assert [a["name"] for a in anchors].count("sluice-devices") == 1
    for which in (meter.certificate, meter.certificate):  # twice does no harm
        assert "no session any more" in world.server.run("device", "revoke", which).stdout
    refused = meter.put("meter-1")
    assert refused.returncode != 0 and "It was revoked" in refused.stderr
    assert other.put("meter-2").returncode == 0
    serial = other.config.read_text().split("device revoke: ")[1].split()[0]
    world.server.run("device", "revoke", serial)
    assert "It was revoked" in other.put("meter-2").stderr
    assert "It was revoked" in meter.put("meter-1").stderr  # it stays on the list


def test_the_authority_of_devices_is_sealed(world, tmp_path):
    Enrolled(world, "meter-3", tmp_path, days=1)
    folder = world.server.data_dir / "devices"
    assert b"PRIVATE KEY" not in (folder / "ca.key.sealed").read_bytes()
    assert stat.S_IMODE(os.stat(folder / "ca.key.sealed").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    # What cannot be opened is not replaced: its devices would be locked out unnoticed.
    sealed = (folder / "ca.key.sealed").read_bytes()
    (folder / "ca.key.sealed").write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    done = world.server.run(
        "device", "enroll", "meter-4", "--role", "device", "--out", tmp_path, check=False
    )
    assert done.returncode == 1 and "cannot be opened" in done.stderr
    (folder / "ca.key.sealed").write_bytes(sealed)


@pytest.mark.parametrize("name", ["a", "a b", "a/b", "x" * 65, "a;b", "a*"])
def test_names_that_no_device_has(world, tmp_path, name):
    done = world.server.run(
        "device", "enroll", name, "--role", "device", "--out", tmp_path, check=False
    )
    assert done.returncode == 1 and not list(tmp_path.glob("*.key"))

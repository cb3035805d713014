# SPDX-License-Identifier: Apache-2.0
"""Producers on another host: a network of their own with its own addresses, a clock and a user of
their own, and nothing but the program, a certificate with its key (or a token), and the server's
CA. They reach the server by its name, over TLS."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from clock import LIBRARY, sanitized
from conftest import SLUICE, Server
from identities import Provider

SERVER_NAME, PREFIX = "plant.example", "198.18.15"  # RFC 2544: of nobody's network
USER = 41015
ISSUER = "https://ci.plant.example"


def run(*command, check=True, **more):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, **more
    )
    assert not check or done.returncode == 0, (command, done.stderr)
    return done


def why_not():
    """ "": a network can be made here."""
    if os.geteuid() != 0:
        return "only root can make a network"
    if not shutil.which("ip"):
        return "there is no ip (iproute2)"
    done = run("unshare", "--net", "ip", "link", "add", "v", "type", "veth", check=False)
    return f"no network can be made here: {done.stderr.strip()}" if done.returncode else ""


class Host:
    """A network namespace at the other end of a cable."""

    def __init__(self, name):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE
        )
        self.holder.stdout.readline()  # its network is there
        self.link = f"sl{os.getpid() % 100000}{name}"
        pid = self.holder.pid
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", pid)
        run("ip", "address", "add", f"{PREFIX}.1/24", "dev", self.link)
        run("ip", "link", "set", self.link, "up")
        inside = ["nsenter", "--net", "-t", pid]
        run(*inside, "ip", "address", "add", f"{PREFIX}.2/24", "dev", "eth0")
        run(*inside, "ip", "link", "set", "eth0", "up")
        run(*inside, "ip", "link", "set", "lo", "up")

    def end(self):
        run("ip", "link", "delete", self.link, check=False)
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Device:
    """Who works there: an unprivileged user with a home, who knows one name of a server."""

    def __init__(self, host, home, endpoint):
        self.host, self.home, self.endpoint = host, home, endpoint
        (home / "hosts").write_text(f"{PREFIX}.1 {SERVER_NAME}\n127.0.0.1 localhost\n")

    def run(self, *command, late_s=0, **environment):
        """`late_s`: how far the clock there is behind."""
        clock = (
            {
                "LD_PRELOAD": LIBRARY,
                "FAKETIME": f"{-late_s:+d}s",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
            if late_s
            else {}
        )
        return run(
            *("nsenter", "--net", "-t", self.host.holder.pid, "unshare", "--mount", "sh", "-c"),
            'mount --bind "$0" /etc/hosts && exec "$@"',
            self.home / "hosts",
            *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            *("env", *(f"{k}={v}" for k, v in clock.items())),  # for him alone
            *command,
            check=False,
            cwd=self.home,
            env={
                "PATH": f"{self.home}:/usr/bin:/bin",
                "HOME": str(self.home),
                "AWS_CONFIG_FILE": str(self.home / "config"),
                "AWS_EC2_METADATA_DISABLED": "true",
                "LC_ALL": "C.UTF-8",
            }
            | environment,
        )

    def put(self, key, profile=None, **more):
        (self.home / "body").write_text("{}")
        return self.run(
            "aws",
            *(("--profile", profile) if profile else ()),
            *("--endpoint-url", self.endpoint, "--region", "us-east-1"),
            *("s3api", "put-object", "--bucket", "plant", "--key", key, "--body", "body"),
            **more,
        )


# What a job does of which no SDK needs to be told more than the server and the role.
JOB = """
import sys, boto3
url, ca, role, token, key = sys.argv[1:]
client = lambda name, **more: boto3.client(
    name, endpoint_url=url, verify=ca, region_name="us-east-1", **more)
found = client("sts").assume_role_with_web_identity(
    RoleArn=role, RoleSessionName="job-1", WebIdentityToken=open(token).read())["Credentials"]
client("s3", aws_access_key_id=found["AccessKeyId"], aws_session_token=found["SessionToken"],
       aws_secret_access_key=found["SecretAccessKey"]
       ).put_object(Bucket="plant", Key=key, Body="{}")
"""


class Plant:
    def __init__(self, directory):
        self.server = Server(directory)
        self.server.listen = f"{PREFIX}.1:0"
        self.server.options = ("--name", SERVER_NAME)
        self.server.start()
        self.account = self.server.endpoint["account_id"]
        port = self.server.endpoint["endpoint"].rsplit(":", 1)[1]
        self.url = f"https://{SERVER_NAME}:{port}"
        self.server.client("s3").create_bucket(Bucket="plant")

    def role(self, name, trust, prefix):
        iam = self.server.client("iam")
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )
        statement = {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::plant/{prefix}/*",
        }
        iam.put_role_policy(
            RoleName=name,
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
        )


@pytest.fixture(scope="module")
def host():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    one = Host("h")
    yield one
    one.end()


@pytest.fixture(scope="module")
def plant(host, tmp_path_factory):
    one = Plant(tmp_path_factory.mktemp("plant"))
    yield one
    assert one.server.stop() == 0


@pytest.fixture
def device(host, plant):
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        home.chmod(0o755)
        shutil.copy(SLUICE, home / "sluice")
        yield Device(host, home, plant.url)


def owned(path):
    shutil.chown(path, USER, USER)
    return path


def enrolled(plant, device, name):
    """The files of a device carried over, and its configuration, as enroll prints it."""
    iam = plant.server.client("iam")
    if "device" not in {r["RoleName"] for r in iam.list_roles()["Roles"]}:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
        plant.role("device", trust, "${aws:PrincipalTag/x509Subject/CN}")
    out = device.home / name
    done = plant.server.run(
        *("device", "enroll", name, "--role", "device", "--out", out, "--endpoint", plant.url)
    )
    (device.home / "config").write_text(done.stdout)
    for path in (out, *out.iterdir()):
        owned(path)
    return out


def test_a_device_uploads_below_its_own_name_until_it_is_revoked(plant, device):
    files = enrolled(plant, device, "pump-7")
    assert sorted(path.suffix for path in files.iterdir()) == [".key", ".pem", ".pem"]
    done = device.put("pump-7/1.json", "pump-7")
    if "Permission denied" in done.stderr:
        pytest.skip("the AWS CLI is not for every user of this machine")
    assert done.returncode == 0, done.stderr
    refused = device.put("pump-8/1.json", "pump-7")
    assert refused.returncode != 0 and "AccessDenied" in refused.stderr
    found = plant.server.client("s3").list_objects_v2(Bucket="plant")["Contents"]
    assert [one["Key"] for one in found] == ["pump-7/1.json"]
    record = last_record(plant, "CreateSession")
    assert record["sourceIPAddress"] == f"{PREFIX}.2"
    plant.server.run("device", "revoke", files / "pump-7.pem")
    refused = device.put("pump-7/2.json", "pump-7")
    assert refused.returncode != 0 and "It was revoked" in refused.stderr


def last_record(plant, name):
    event = plant.server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}]
    )["Events"][0]
    return json.loads(event["CloudTrailEvent"])


def test_a_clock_that_is_wrong(plant, device):
    """By minutes it does not matter. By more the device is told so, and which way."""
    if not LIBRARY or sanitized():
        pytest.skip("libfaketime is not installed, or not to be had under a sanitizer")
    enrolled(plant, device, "fan-1")
    for late in (240, -240):
        assert device.put("fan-1/k", "fan-1", late_s=late).returncode == 0, late
    for late, way in ((1200, "behind"), (-1200, "ahead of")):
        refused = device.put("fan-1/k", "fan-1", late_s=late)
        assert refused.returncode != 0
        assert f"clock is 20 minutes {way} the server's" in refused.stderr, refused.stderr


def test_the_name_of_the_server_is_part_of_the_trust(plant, device):
    """Under an address that its certificate does not have, or to another CA, it is nobody."""
    files = enrolled(plant, device, "fan-2")
    config = (device.home / "config").read_text()
    (device.home / "hosts").write_text(
        f"{PREFIX}.1 {SERVER_NAME} other.example\n127.0.0.1 localhost\n"
    )
    (device.home / "config").write_text(config.replace(SERVER_NAME, "other.example"))
    assert "mismatch" in device.put("fan-2/k", "fan-2").stderr
    (device.home / "config").write_text(config)
    shutil.copy(files / "fan-2.pem", files / "server-ca.pem")
    assert "TLS handshake" in device.put("fan-2/k", "fan-2").stderr


def test_a_job_with_a_token_uploads(plant, device):
    provider = Provider(ISSUER, "sts.amazonaws.com")
    host = ISSUER.removeprefix("https://")
    iam = plant.server.client("iam")
    arn = iam.create_open_id_connect_provider(
        Url=ISSUER, ClientIDList=[provider.audience], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    keys = device.home / "jwks"
    keys.write_text(json.dumps(provider.jwks()))
    plant.server.run("oidc", "keys", ISSUER, "--jwks", keys)
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{host}:aud": "sts.amazonaws.com",
                f"{host}:sub": "repo:plant/sensors",
            }
        },
    }
    plant.role("job", trust, "job")
    (device.home / "ca.pem").write_bytes(
        pathlib.Path(plant.server.endpoint["ca_file"]).read_bytes()
    )
    token = device.home / "token"

    (device.home / "job.py").write_text(JOB)

    def put(key, **claims):
        token.write_text(provider.token(**claims))
        role = f"arn:aws:iam::{plant.account}:role/job"
        ca = device.home / "ca.pem"
        return device.run("/usr/bin/python3", "job.py", plant.url, ca, role, owned(token), key)

    done = put("job/1.json")
    assert done.returncode == 0, done.stderr
    assert "AccessDenied" in put("pump-7/1.json").stderr
    assert "AccessDenied" in put("job/2.json", sub="repo:plant/fork").stderr
    assert put("job/3.json", exp=1).returncode != 0

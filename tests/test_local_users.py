# SPDX-License-Identifier: Apache-2.0
"""`sluice serve --user UID=ROLE`: other users of the machine get sessions of one role each, at a
socket of theirs, and nothing that is the owner's."""
import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest

from conftest import SLUICE, Server

# Of users that there need not be; not 65534, which is everybody of another namespace.
REPORTER, GUEST, DISTRUSTED, STRANGER = 41001, 41002, 41003, 41004
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def trust(principal):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
        }
    )


class House:
    """A server, and a folder of which everybody can reach the socket, the CA and the program."""

    def __init__(self, directory, commons):
        self.commons = pathlib.Path(commons)
        self.commons.chmod(0o755)
        self.program = pathlib.Path(shutil.copy(SLUICE, self.commons / "sluice"))
        self.socket = self.commons / "users.sock"
        self.server = Server(directory)
        self.server.options = [
            x
            for uid, role in ((REPORTER, "reporter"), (GUEST, "none"), (DISTRUSTED, "closed"))
            for x in ("--user", f"{uid}={role}")
        ] + ["--user-socket", self.socket]
        self.server.start()
        ca = pathlib.Path(self.server.endpoint["ca_file"]).read_bytes()
        (self.commons / "ca.pem").write_bytes(ca)  # everybody may read it
        account = self.server.endpoint["account_id"]
        iam, s3 = self.server.client("iam"), self.server.client("s3")
        iam.create_role(
            RoleName="reporter",
            Path="/machine/",
            AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}),
        )
        other = f"arn:aws:iam::{account}:role/machine/reporter"
        iam.create_role(RoleName="closed", AssumeRolePolicyDocument=trust({"AWS": other}))
        iam.put_role_policy(
            RoleName="reporter",
            PolicyName="own",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Action": "s3:PutObject",
                        "Resource": "arn:aws:s3:::house/reporter/*",
                    },
                }
            ),
        )
        s3.create_bucket(Bucket="house")

    def run(self, uid, *command, **options):
        """As this user, in no group of anybody's."""
        return subprocess.run(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *map(str, command)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.commons,
            **options,
        )

    def credentials(self, uid, *more):
        return self.run(uid, self.program, "credentials", "--socket", self.socket, *more)

    def records(self):
        found = [
            json.loads(event["CloudTrailEvent"])
            for event in self.server.client("cloudtrail").lookup_events(
                LookupAttributes=[
                    {"AttributeKey": "EventSource", "AttributeValue": "sts.amazonaws.com"}
                ],
                MaxResults=50,
            )["Events"]
        ]
        return [one for one in found if one["userIdentity"].get("principalId")]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with tempfile.TemporaryDirectory() as commons:
        one = House(tmp_path_factory.mktemp("house"), commons)
        yield one
        assert one.server.stop() == 0
        assert "clean" in one.server.run("verify").stdout


def of_uid(records, uid):
    return [one for one in records if one["userIdentity"]["principalId"] == f"unix-uid:{uid}"]


@as_root
def test_a_user_gets_the_role_that_he_was_given_and_no_more(house):
    done = house.credentials(REPORTER, "--duration", 900)
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)
    arn = house.server.client("sts", session=session).get_caller_identity()["Arn"]
    assert arn.endswith(f":assumed-role/reporter/uid-{REPORTER}")
    record = of_uid(house.records(), REPORTER)[0]  # the newest
    assert record["requestParameters"]["roleName"] == "reporter"
    assert record["responseElements"]["assumedRoleUser"]["arn"] == arn
    assert record["resources"][0]["ARN"].endswith(":role/machine/reporter")
    assert session["SecretAccessKey"] not in json.dumps(record)


@as_root
def test_the_aws_cli_finds_the_session_by_itself(house):
    aws = shutil.which("aws", path="/usr/bin") or shutil.which("aws")
    (house.commons / "config").write_text(
        "[profile house]\nregion = us-east-1\n"
        f"credential_process = {house.program} credentials --socket {house.socket}\n"
    )
    (house.commons / "body").write_text("{}")

    def put(uid, key):
        return house.run(
            uid,
            *(aws, "--profile", "house", "--endpoint-url", house.server.endpoint["endpoint"]),
            *("s3api", "put-object", "--bucket", "house", "--key", key, "--body", "body"),
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(house.commons),
                "AWS_CONFIG_FILE": str(house.commons / "config"),
                "AWS_CA_BUNDLE": str(house.commons / "ca.pem"),
                "AWS_EC2_METADATA_DISABLED": "true",
                "LC_ALL": "C.UTF-8",
            },
        )

    allowed = put(REPORTER, "reporter/a")
    if "Permission denied" in allowed.stderr:
        pytest.skip(f"{aws} is not for every user of this machine")
    assert allowed.returncode == 0, allowed.stderr
    assert "AccessDenied" in put(REPORTER, "another/a").stderr
    assert "nobody has let in uid" in put(STRANGER, "reporter/a").stderr


@as_root
def test_who_is_not_on_the_list_is_refused_unheard_and_recorded(house):
    done = house.credentials(STRANGER)
    assert done.returncode == 1 and not done.stdout
    assert f"nobody has let in uid {STRANGER}" in done.stderr and "--user" in done.stderr
    refused = of_uid(house.records(), STRANGER)
    assert refused and {one["errorCode"] for one in refused} == {"AccessDenied"}
    # He is answered before he has said a word: he cannot hold up those who are let in.
    done = house.run(
        STRANGER,
        "/usr/bin/python3",
        "-c",
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(20);"
        f"s.connect({str(house.socket)!r}); print(s.recv(4096).decode())",
    )
    assert "error" in json.loads(done.stdout)


@as_root
@pytest.mark.parametrize("uid, role", [(GUEST, "none"), (DISTRUSTED, "closed")])
def test_the_roles_trust_policy_decides(house, uid, role):
    """A role that there is not and one that does not trust the account answer alike."""
    done = house.credentials(uid)
    account = house.server.endpoint["account_id"]
    assert done.returncode == 1
    assert done.stderr == (
        f"sluice: User: unix-uid:{uid} is not authorized to perform: sts:AssumeRole on resource: "
        f"arn:aws:iam::{account}:role/{role} because no role trust policy allows the "
        "sts:AssumeRole action\n"
    )
    refused = of_uid(house.records(), uid)
    assert refused and all(one["errorCode"].startswith("AccessDenied") for one in refused)


@as_root
def test_the_trust_policy_can_name_the_user(house):
    iam = house.server.client("iam")
    account = house.server.endpoint["account_id"]
    for named, works in ((REPORTER, True), (GUEST, False)):
        document = json.loads(trust({"AWS": f"arn:aws:iam::{account}:root"}))
        document["Statement"]["Condition"] = {
            "StringEquals": {"aws:userid": f"unix-uid:{named}"},
            "StringLike": {"sts:RoleSessionName": "uid-*"},
        }
        iam.update_assume_role_policy(RoleName="reporter", PolicyDocument=json.dumps(document))
        assert (house.credentials(REPORTER).returncode == 0) is works
    iam.update_assume_role_policy(
        RoleName="reporter",
        PolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}),
    )
    assert house.credentials(REPORTER).returncode == 0


@as_root
@pytest.mark.parametrize(
    "line", ["status", "explain x", "device d 1", "revoke 00", "oidc-keys https://a {}", "900 x"]
)
def test_no_command_of_the_owner_is_heard_at_the_users_socket(house, line):
    done = house.run(
        REPORTER,
        "/usr/bin/python3",
        "-c",
        "import socket; s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(house.socket)!r}); s.sendall({line.encode()!r} + b'\\n');"
        "print(s.makefile().read())",
    )
    assert "900 to 3600" in json.loads(done.stdout)["error"]


@as_root
def test_a_user_gets_nothing_at_the_owners_socket(house):
    """Its folder keeps him out. Where somebody opens it, the kernel's word for who he is does."""
    data = house.server.data_dir
    assert stat.S_IMODE(os.stat(data / "operator.sock").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(house.socket).st_mode) == 0o666
    door = house.commons / "opened.sock"
    os.link(data / "operator.sock", door)
    os.chmod(door, 0o666)
    try:
        for line in ("900", "status", "device d 1", "revoke 00", "oidc-keys https://a {}"):
            for uid in (REPORTER, STRANGER):
                done = house.run(
                    uid,
                    "/usr/bin/python3",
                    "-c",
                    "import socket; s = socket.socket(socket.AF_UNIX);"
                    f"s.connect({str(door)!r}); s.sendall({line.encode()!r} + b'\\n');"
                    "print(s.makefile().read())",
                )
                assert set(json.loads(done.stdout)) == {"error"}, (line, done.stdout)
    finally:
        os.chmod(door, 0o600)
        door.unlink()
    refused = of_uid(house.records(), REPORTER)
    assert any("way of proving" in one.get("errorMessage", "") for one in refused)


def test_the_owner_has_his_own_socket(house):
    """Root is not on the list either, and cannot be."""
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(house.socket))
        # He runs this server, so that he is known; but this socket gives sessions of lists alone.
        answer = json.loads(one.makefile().read())
    assert set(answer) == {"error"}


@pytest.mark.parametrize(
    "users, text",
    [
        (["41001"], "must be UID=ROLE"),
        (["alice=reporter"], "uid in digits"),
        (["-1=reporter"], "uid in digits"),
        (["4294967295=reporter"], "uid in digits"),
        (["0=reporter"], "root can take"),
        (["65534=reporter"], "another namespace"),
        (["41001="], "1 to 64"),
        (["41001=" + "r" * 65], "1 to 64"),
        (["41001=a b"], "1 to 64"),
        (["41001=sluice-operator"], "alone"),
        (["41001=arn:aws:iam::111122223333:role/r"], "not of a role of the account"),
        (["41001=arn:aws:iam::000000000000:user/r"], "not of a role of the account"),
        (["41001=a", "41001=b"], "is there twice"),
    ],
)
def test_what_cannot_be_meant_does_not_start(tmp_path, users, text):
    done = subprocess.run(
        [SLUICE, "serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0"]
        + [f"--user={user}" for user in users],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and text in done.stderr, done.stderr


def test_a_file_in_the_way_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    done = subprocess.run(
        [SLUICE, "serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0"]
        + ["--user", "41001=arn:aws:iam::000000000000:role/deep/r", "--user-socket", precious],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "is no socket" in done.stderr
    assert precious.read_text() == "mine"

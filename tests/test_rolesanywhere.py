# SPDX-License-Identifier: Apache-2.0
"""IAM Roles Anywhere: sessions for machines that hold a certificate and no other secret."""
import base64
import datetime
import hashlib
import http.client
import json
import subprocess
import time
import urllib.parse

import botocore.exceptions
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import wire
from conftest import Server
from identities import SERVER_AUTH, Authority, der, name_of, private_pem
from records import records_of
from registries import installed

ANYWHERE = {"Service": "rolesanywhere.amazonaws.com"}
ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
BUCKET = "devices"


def pem_of(crl):
    text = base64.encodebytes(crl).decode()
    return f"-----BEGIN X509 CRL-----\n{text}-----END X509 CRL-----\n".encode()


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class World:
    def __init__(self, directory):
        self.server = Server(directory).start()
        self.account = self.server.endpoint["account_id"]
        self.region = self.server.endpoint["region"]
        self.iam, self.api = self.server.client("iam"), self.server.client("rolesanywhere")
        self.ca = Authority()
        self.anchor = self.make_anchor(self.ca)
        self.make_role("device")
        self.profile = self.make_profile("devices", ["device"])
        self.server.client("s3").create_bucket(Bucket=BUCKET)
        self.device = self.ca.issue()

    def make_anchor(self, *authorities, enabled=True):
        return self.api.create_trust_anchor(
            name="plant",
            enabled=enabled,
            source={
                "sourceType": "CERTIFICATE_BUNDLE",
                "sourceData": {"x509CertificateData": "".join(a.pem() for a in authorities)},
            },
        )["trustAnchor"]["trustAnchorArn"]

    def make_role(self, name, actions=ACTIONS, condition=None):
        self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": ANYWHERE, "Action": actions}
                | ({"Condition": condition} if condition else {})
            ),
        )
        self.iam.put_role_policy(
            RoleName=name,
            PolicyName="p",
            PolicyDocument=document(
                {
                    "Effect": "Allow",
                    "Action": ["s3:PutObject", "s3:GetObject"],
                    "Resource": f"arn:aws:s3:::{BUCKET}/${{aws:PrincipalTag/x509Subject/CN}}/*",
                }
            ),
        )

    def role(self, name):
        return f"arn:aws:iam::{self.account}:role/{name}"

    def make_profile(self, name, roles, enabled=True, **more):
        return self.api.create_profile(
            name=name, roleArns=[self.role(r) for r in roles], enabled=enabled, **more
        )["profile"]["profileArn"]

    def request(self, device=None, chain=(), role="device", anchor=None, profile=None, **body):
        return SessionRequest(
            self,
            *(device or self.device),
            chain,
            {
                "profileArn": profile or self.profile,
                "roleArn": self.role(role),
                "trustAnchorArn": anchor or self.anchor,
            },
            body,
        )

    def session(self, *arguments, **more):
        status, answer = self.request(*arguments, **more).send()
        assert status == 201, answer
        return answer["credentialSet"][0]

    def credentials(self, *arguments, **more):
        given = self.session(*arguments, **more)["credentials"]
        return {k[:1].upper() + k[1:]: v for k, v in given.items()}

    def refusal(self, *arguments, **more):
        status, answer = self.request(*arguments, **more).send()
        return status, answer["message"]


class SessionRequest:
    """CreateSession as aws_signing_helper signs it; each part can be changed before it is sent."""

    def __init__(self, world, key, certificate, chain, query, body):
        self.world, self.key, self.certificate = world, key, certificate
        self.query = "&".join(
            f"{k}={urllib.parse.quote(v, safe='')}" for k, v in sorted(query.items())
        )
        self.body = json.dumps({"durationSeconds": 900} | body).encode()
        self.algorithm = (
            "AWS4-X509-RSA-SHA256"
            if isinstance(key, rsa.RSAPrivateKey)
            else "AWS4-X509-ECDSA-SHA256"
        )
        self.time = datetime.datetime.utcnow()
        self.serial = str(certificate.serial_number)
        self.service, self.region = "rolesanywhere", world.region
        self.headers = {
            "content-type": "application/json",
            "host": world.server.endpoint["endpoint"].split("//")[1],
            "x-amz-x509": base64.b64encode(der(certificate)).decode(),
        }
        if chain:
            self.headers["x-amz-x509-chain"] = ",".join(
                base64.b64encode(der(one)).decode() for one in chain
            )

    def sign(self, left_out=()):
        date = f"{self.time:%Y%m%dT%H%M%SZ}"
        self.headers["x-amz-date"] = date
        scope = f"{date[:8]}/{self.region}/{self.service}/aws4_request"
        names = sorted(self.headers.keys() - set(left_out))
        canonical = "\n".join(
            [
                "POST",
                "/sessions",
                self.query,
                *(f"{name}:{self.headers[name]}" for name in names),
                "",
                ";".join(names),
                hashlib.sha256(self.body).hexdigest(),
            ]
        )
        text = "\n".join(
            [self.algorithm, date, scope, hashlib.sha256(canonical.encode()).hexdigest()]
        ).encode()
        signature = (
            self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
            if isinstance(self.key, rsa.RSAPrivateKey)
            else self.key.sign(text, ec.ECDSA(hashes.SHA256()))
        )
        self.headers["authorization"] = (
            f"{self.algorithm} Credential={self.serial}/{scope}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature.hex()}"
        )
        return self

    def send(self):
        if "authorization" not in self.headers:
            self.sign()
        call = wire.Call(
            "rolesanywhere", "POST", "/sessions?" + self.query, self.headers, self.body
        )
        answer = wire.Wire(self.world.server).send(call, self.headers)
        return answer.status, json.loads(answer.body) if answer.body[:1] == b"{" else answer.body


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("anywhere"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


@pytest.mark.parametrize("rsa_key", [False, True])
def test_a_certificate_gives_a_session_below_its_own_prefix(world, rsa_key):
    device = world.ca.issue("fan-1", rsa_key=rsa_key)
    given = world.session(device)
    serial = f"{device[1].serial_number:x}"
    serial = "0" * (len(serial) % 2) + serial
    assert given["assumedRoleUser"]["arn"].endswith(f":assumed-role/device/{serial}")
    assert given["sourceIdentity"] == "fan-1" and given["roleArn"] == world.role("device")
    assert given["packedPolicySize"] > 0
    s3 = world.server.client(
        "s3", session={k[:1].upper() + k[1:]: v for k, v in given["credentials"].items()}
    )
    assert s3.put_object(Bucket=BUCKET, Key="fan-1/k", Body=b"x")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="pump-7/k", Body=b"x")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_a_chain_leads_to_the_anchor(world):
    between = Authority("Hall 3", above=world.ca)
    device = between.issue("valve-1")
    assert world.refusal(device)[0] == 403
    assert world.session(device, chain=[between.certificate])
    # An anchor may be an intermediate CA, and a bundle may hold several.
    anchor = world.make_anchor(Authority("Other"), between)
    assert world.session(device, anchor=anchor)
    # A certificate that is no CA signs nothing.
    key, leaf = world.ca.issue("leaf")
    pretender = Authority("Pretender")
    pretender.key, pretender.name = key, leaf.subject
    assert world.refusal(pretender.issue("x"), chain=[leaf])[0] == 403
    no_ca = Authority("Hall 4", above=world.ca, ca=False)
    assert world.refusal(no_ca.issue("x"), chain=[no_ca.certificate])[0] == 403
    # What is shown in the chain is no anchor.
    stranger = Authority()
    assert world.refusal(stranger.issue(), chain=[stranger.certificate])[0] == 403


def test_certificates_that_are_not_taken(world):
    ca = world.ca
    weak = rsa.generate_private_key(65537, 1024)
    cases = {
        "of another CA": Authority().issue(),
        "of a CA with the same name and another key": Authority("Plant CA").issue(),
        "expired": ca.issue(days=(-10, -1)),
        "not valid yet": ca.issue(days=(1, 10)),
        "without key usage": ca.issue(key_usage=False),
        "whose key does not sign": ca.issue(signs=False),
        "a CA": ca.issue(ca=True),
        "the anchor itself": (ca.key, ca.certificate),
        "for servers": ca.issue(extended=SERVER_AUTH),
        "with a weak key": ca.issue(key=weak),
        "signed with SHA-1": ca.issue(digest=hashes.SHA1()),
    }
    for what, device in cases.items():
        assert world.refusal(device)[0] == 403, what
    assert world.session(ca.issue(ca=False))
    # Which anchors there are is not told: unknown, disabled, malformed and foreign look alike.
    disabled = world.make_anchor(ca, enabled=False)
    unknown = world.anchor[:-12] + "0" * 12
    texts = {
        world.refusal(anchor=anchor)
        for anchor in (disabled, unknown, "x", world.anchor.replace(world.account, "1" * 12))
    }
    assert texts == {(403, "Untrusted certificate. Insufficient certificate")}


def test_every_part_that_is_signed_counts(world):
    def changed(change, sign_again=False, **left_out):
        request = world.request()
        if sign_again:
            change(request)
            request.sign(**left_out)
        else:
            request.sign(**left_out)
            change(request)
        return request.send()[0]

    def set_header(name, value):
        return lambda r: r.headers.__setitem__(name, value)

    def flip_signature(r):
        a = r.headers["authorization"]
        r.headers["authorization"] = a[:-1] + ("0" if a[-1] != "0" else "1")

    other_key, other = world.ca.issue("pump-7")
    assert changed(lambda r: None) == 201
    after = [
        lambda r: setattr(r, "body", r.body + b" "),
        lambda r: setattr(r, "query", r.query.replace("profileArn", "profileARN")),
        flip_signature,
        set_header("x-amz-x509", base64.b64encode(der(other)).decode()),
        set_header("x-amz-date", "20200101T000000Z"),
        set_header("x-amz-unsigned", "1"),
        set_header("content-type", "text/plain"),
        lambda r: r.headers.pop("x-amz-x509"),
    ]
    assert [changed(one) for one in after] == [403, 403, 403, 403, 403, 403, 403, 400]
    now = datetime.datetime.utcnow()
    before = [
        lambda r: setattr(r, "key", other_key),
        lambda r: setattr(r, "serial", "1"),
        lambda r: setattr(r, "service", "sts"),
        lambda r: setattr(r, "region", "eu-north-1"),
        lambda r: setattr(r, "time", now - datetime.timedelta(minutes=6)),
        lambda r: setattr(r, "time", now + datetime.timedelta(minutes=6)),
        lambda r: setattr(r, "algorithm", "AWS4-X509-RSA-SHA256"),
        lambda r: setattr(r, "algorithm", "AWS4-HMAC-SHA256"),
        lambda r: setattr(r, "algorithm", "AWS4-X509-MLDSA"),
    ]
    got = [changed(one, sign_again=True) for one in before]
    assert all(status in (400, 403) for status in got), got
    for name in ("host", "x-amz-date", "x-amz-x509"):
        assert changed(lambda r: None, left_out=[name]) == 403
    for bad in (
        "",
        "!",
        base64.b64encode(b"x").decode(),
        base64.b64encode(b"\x30" * 20000).decode(),
    ):
        assert changed(set_header("x-amz-x509", bad), sign_again=True) == 400
    good = base64.b64encode(der(world.ca.certificate)).decode()
    assert changed(set_header("x-amz-x509-chain", ",".join([good] * 6)), sign_again=True) == 400


def test_a_certificate_opens_nothing_else(world):
    request = world.request().sign()
    for method, path in (("GET", "/trustanchors"), ("POST", "/profiles"), ("GET", "/crls")):
        call = wire.Call("rolesanywhere", method, path, request.headers, request.body)
        assert wire.Wire(world.server).send(call, request.headers).status == 403
    # And a session's signature opens no session of a certificate.
    call = wire.Call("rolesanywhere", "POST", "/sessions?" + request.query, {}, request.body)
    assert wire.Wire(world.server).ask(call, world.server.session()).status == 403


def test_the_profile_and_the_trust_policy_bound_it(world):
    other = world.make_profile("off", ["device"], enabled=False)
    assert world.refusal(profile=other) == (403, "The profile is disabled.")
    world.make_role("outside")
    assert world.refusal(role="outside") == (403, "The role is not one of the profile's.")
    assert world.refusal(profile=world.profile[:-12] + "0" * 12)[0] == 404
    assert world.refusal(roleSessionName="mine")[0] == 403
    for missing in ACTIONS:
        name = missing.split(":")[1]
        world.make_role(name, actions=[a for a in ACTIONS if a != missing])
        status, text = world.refusal(role=name, profile=world.make_profile(name, [name]))
        assert status == 403 and missing in text
    conditions = {
        "right": {
            "StringEquals": {
                "aws:PrincipalTag/x509Subject/OU": "field",
                "aws:PrincipalTag/x509Issuer/CN": "Plant CA",
                "aws:SourceAccount": world.account,
            },
            "ArnEquals": {"aws:SourceArn": world.anchor},
        },
        "wrong-name": {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "pump-8"}},
        "wrong-anchor": {"ArnEquals": {"aws:SourceArn": world.anchor[:-12] + "0" * 12}},
    }
    for name, condition in conditions.items():
        world.make_role(name, condition=condition)
        profile = world.make_profile(name, [name])
        status = world.request(role=name, profile=profile).send()[0]
        assert status == (201 if name == "right" else 403), name
    # The profile's session policy bounds its sessions; its duration is the longest.
    bounded = world.make_profile(
        "bounded",
        ["device"],
        durationSeconds=900,
        sessionPolicy=document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}),
    )
    given = world.credentials(profile=bounded, durationSeconds=3600)
    left = datetime.datetime.fromisoformat(given["Expiration"].replace("Z", "+00:00"))
    assert left - datetime.datetime.now(datetime.timezone.utc) < datetime.timedelta(seconds=901)
    with pytest.raises(botocore.exceptions.ClientError):
        world.server.client("s3", session=given).put_object(Bucket=BUCKET, Key="pump-7/k")
    for seconds in (899, 43201, "900"):
        assert world.refusal(durationSeconds=seconds)[0] == 400
    too_long = world.make_profile("long", ["device"], durationSeconds=43200)
    assert world.refusal(profile=too_long, durationSeconds=3601)[0] == 400


def test_a_revoked_certificate_is_refused_at_once(world):
    ca = Authority("Hall 9")
    anchor, device, other = world.make_anchor(ca), ca.issue("a"), ca.issue("b")
    assert world.session(device, anchor=anchor)
    foreign = Authority("Hall 9").revoking(device[1])
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        world.api.import_crl(name="f", crlData=foreign, trustAnchorArn=anchor, enabled=True)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    crl = world.api.import_crl(
        name="l", crlData=ca.revoking(device[1]), trustAnchorArn=anchor, enabled=True
    )["crl"]
    assert world.refusal(device, anchor=anchor) == (
        403,
        "Untrusted certificate. It was revoked.",
    )
    assert world.session(other, anchor=anchor)
    two = pem_of(ca.revoking()) + pem_of(ca.revoking(device[1]))  # only the first would count
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        world.api.update_crl(crlId=crl["crlId"], crlData=two)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    world.api.disable_crl(crlId=crl["crlId"])
    assert world.session(device, anchor=anchor)
    world.api.enable_crl(crlId=crl["crlId"])
    world.api.update_crl(crlId=crl["crlId"], crlData=ca.revoking(other[1]))
    assert world.session(device, anchor=anchor)
    assert world.refusal(other, anchor=anchor)[0] == 403
    # An intermediate CA that the anchor revokes takes its certificates along.
    between = Authority("Hall 10", above=ca)
    below = between.issue("c")
    assert world.session(below, anchor=anchor, chain=[between.certificate])
    world.api.update_crl(crlId=crl["crlId"], crlData=ca.revoking(between.certificate))
    assert world.refusal(below, anchor=anchor, chain=[between.certificate])[0] == 403
    # What it has already ends by a policy, as on AWS.
    session = world.server.client("s3", session=world.credentials())
    assert session.put_object(Bucket=BUCKET, Key="pump-7/k")
    world.iam.put_role_policy(
        RoleName="device",
        PolicyName="revoked",
        PolicyDocument=document(
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "pump-7"}},
            }
        ),
    )
    with pytest.raises(botocore.exceptions.ClientError):
        session.put_object(Bucket=BUCKET, Key="pump-7/k")
    world.iam.delete_role_policy(RoleName="device", PolicyName="revoked")


def test_an_anchor_ends_with_its_switch_and_its_bundle(world):
    ca, next_one = Authority("A"), Authority("B")
    anchor, device = world.make_anchor(ca), ca.issue()
    one = {"trustAnchorId": anchor.split("/")[1]}
    assert world.session(device, anchor=anchor)
    world.api.disable_trust_anchor(**one)
    assert world.refusal(device, anchor=anchor)[0] == 403
    world.api.enable_trust_anchor(**one)
    assert world.session(device, anchor=anchor)
    world.api.update_trust_anchor(
        **one,
        source={
            "sourceType": "CERTIFICATE_BUNDLE",
            "sourceData": {"x509CertificateData": next_one.pem()},
        },
    )
    assert world.refusal(device, anchor=anchor)[0] == 403
    assert world.session(next_one.issue(), anchor=anchor)
    world.api.delete_trust_anchor(**one)
    assert world.refusal(next_one.issue(), anchor=anchor)[0] == 403


def test_names_that_no_tag_can_hold(world):
    """They are left out: a policy on them does not hold."""
    nameless = {"Null": {"aws:PrincipalTag/x509Subject/CN": "true"}}
    world.make_role("nameless", condition=nameless)
    profile = world.make_profile("nameless", ["nameless"])
    for cn in ("*", "a*b", "pump,7", "<x>"):
        device = world.ca.issue(subject=name_of(CN=cn))
        given = world.session(device, role="nameless", profile=profile)
        assert given["sourceIdentity"] in given["assumedRoleUser"]["arn"]  # its serial number
    assert world.refusal(role="nameless", profile=profile)[0] == 403


@pytest.mark.parametrize(
    "call, arguments, text",
    [
        ("create_trust_anchor", {"source": {"sourceType": "AWS_ACM_PCA"}}, "CERTIFICATE_BUNDLE"),
        ("create_trust_anchor", {"name": "a/b"}, "letters"),
        ("create_trust_anchor", {"tags": [{"key": "a", "value": "b"}]}, "not implemented"),
        ("create_profile", {"roleArns": ["x"]}, "no ARN"),
        ("create_profile", {"durationSeconds": 899}, "900"),
        ("create_profile", {"requireInstanceProperties": True}, "not implemented"),
        ("create_profile", {"sessionPolicy": "{}"}, "sessionPolicy"),
        ("create_profile", {"sessionPolicy": "x" * 2049}, "sessionPolicy"),
        ("import_crl", {"crlData": b"x"}, "crlData"),
        ("import_crl", {"trustAnchorArn": "x" * 20}, "trustAnchorArn"),
        ("get_profile", {"profileId": "x" * 36}, "UUID"),
    ],
)
def test_what_is_no_anchor_profile_or_list(world, call, arguments, text):
    api = world.server.client("rolesanywhere", parameter_validation=False)
    source = {
        "sourceType": "CERTIFICATE_BUNDLE",
        "sourceData": {"x509CertificateData": world.ca.pem()},
    }
    defaults = {
        "create_trust_anchor": {"name": "a", "source": source},
        "create_profile": {"name": "a", "roleArns": [world.role("device")]},
        "import_crl": {
            "name": "a",
            "crlData": world.ca.revoking(),
            "trustAnchorArn": world.anchor,
        },
        "get_profile": {},
    }
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(api, call)(**defaults[call] | arguments)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert text in refused.value.response["Error"]["Message"]


def test_only_a_ca_is_an_anchor(world):
    def refused(pem):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            world.api.create_trust_anchor(
                name="a",
                source={
                    "sourceType": "CERTIFICATE_BUNDLE",
                    "sourceData": {"x509CertificateData": pem},
                },
            )
        return caught.value.response["Error"]["Code"] == "ValidationException"

    from cryptography.hazmat.primitives.serialization import Encoding

    leaf = world.device[1].public_bytes(Encoding.PEM).decode()
    assert refused(leaf) and refused(world.ca.pem() + leaf) and refused("x")
    assert refused(private_pem(world.ca.key).decode()) and refused(world.ca.pem() * 11)


def test_lists_have_pages(world):
    for _ in range(3):
        world.make_anchor(world.ca)
    wanted = {one["trustAnchorId"] for one in world.api.list_trust_anchors()["trustAnchors"]}
    found, token = [], {}
    while True:
        page = world.api.list_trust_anchors(pageSize=2, **token)
        found += [one["trustAnchorId"] for one in page["trustAnchors"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sorted(found) == sorted(wanted) and len(found) > 2


def test_a_profile_passes_roles(world):
    world.iam.create_role(
        RoleName="admin",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"},
                "Action": "sts:AssumeRole",
            }
        ),
    )
    world.iam.put_role_policy(
        RoleName="admin",
        PolicyName="p",
        PolicyDocument=document({"Effect": "Allow", "Action": "rolesanywhere:*", "Resource": "*"}),
    )
    api = world.server.client("rolesanywhere", role="admin")
    assert api.list_profiles()
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        api.create_profile(name="x", roleArns=[world.role("device")])
    assert "iam:PassRole" in refused.value.response["Error"]["Message"]


def test_a_connection_goes_on_after_what_does_not_verify(world):
    """What OpenSSL notes of a request's certificate is not taken for the connection's end."""
    server = wire.Wire(world.server)
    connection = http.client.HTTPSConnection(server.netloc, context=server.context)
    connection.connect()
    connection.auto_open = 0  # it is not opened again
    for device, status in ((Authority().issue(), 403), (world.device, 201)) * 10:
        request = world.request(device).sign()
        connection.request(
            "POST", "/sessions?" + request.query, request.body, headers=request.headers
        )
        time.sleep(0.02)  # the server waits for the next request
        answer = connection.getresponse()
        assert answer.status == status and answer.read()
        time.sleep(0.02)
    connection.close()


def test_what_is_not_built_says_so(world, code):
    assert code(world.api.list_subjects) == "NotImplemented"
    assert code(world.api.list_tags_for_resource, resourceArn=world.anchor) == "NotImplemented"


def test_the_records_name_the_certificate(tmp_path):
    world = World(tmp_path)
    given = world.session()
    assert world.refusal(Authority().issue())[0] == 403
    records = [r for r in records_of(world.server) if r["eventName"] == "CreateSession"]
    made, refused = records
    assert made["userIdentity"]["principalId"].startswith("x509:")
    assert made["requestParameters"] == {
        "profileArn": world.profile,
        "roleArn": world.role("device"),
        "trustAnchorArn": world.anchor,
        "durationSeconds": 900,
    }
    assert made["responseElements"]["credentialSet"][0]["sourceIdentity"] == "pump-7"
    assert given["credentials"]["sessionToken"] not in json.dumps(records)
    assert given["credentials"]["secretAccessKey"] not in json.dumps(records)
    assert refused["errorCode"] == "AccessDenied"
    assert refused["userIdentity"]["type"] == "Unknown"
    assert world.server.stop() == 0


HELPER = "github.com/aws/rolesanywhere-credential-helper"


def test_the_public_helper_gets_a_session(world, tmp_path):
    """aws_signing_helper, as devices run it in credential_process."""
    place = installed(
        "aws_signing_helper",
        [
            ["go", "mod", "init", "example.com/helper"],
            ["go", "get", HELPER + "@v1.4.0"],
            ["go", "build", "-o", "aws_signing_helper", HELPER],
        ],
        needs=["go", "gcc"],
    )
    key, certificate = world.device
    (tmp_path / "key.pem").write_bytes(private_pem(key))
    from cryptography.hazmat.primitives.serialization import Encoding

    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    done = subprocess.run(
        [
            place / "aws_signing_helper",
            "credential-process",
            "--certificate",
            tmp_path / "cert.pem",
            "--private-key",
            tmp_path / "key.pem",
            "--trust-anchor-arn",
            world.anchor,
            "--profile-arn",
            world.profile,
            "--role-arn",
            world.role("device"),
            "--endpoint",
            world.server.endpoint["endpoint"].split("//")[1],
            "--region",
            world.region,
        ],
        capture_output=True,
        text=True,
        env={"SSL_CERT_FILE": world.server.endpoint["ca_file"], "PATH": "/usr/bin"},
    )
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)
    s3 = world.server.client("s3", session=session)
    assert s3.put_object(Bucket=BUCKET, Key="pump-7/helper", Body=b"x")


def test_of_a_body_larger_than_a_proof_needs_nothing_is_read(world):
    """Whoever shows a certificate and no session is answered from the head."""
    server = wire.Wire(world.server)
    connection = http.client.HTTPSConnection(server.netloc, context=server.context, timeout=10)
    request = world.request(world.device).sign()
    path, headers = "/sessions?" + request.query, dict(request.headers)
    connection.putrequest("POST", path)
    for name, value in (headers | {"content-length": "20000"}).items():
        if name.lower() != "host":
            connection.putheader(name, value)
    connection.endheaders()  # and not a byte of the body
    assert connection.getresponse().status == 413
    connection.close()


def mapped(profile):
    return {
        one["certificateField"]: [rule["specifier"] for rule in one["mappingRules"]]
        for one in profile["attributeMappings"]
    }


def test_a_profile_says_which_parts_of_a_certificate_count(world):
    """What is not mapped is neither a tag of the session nor known to the role's trust policy."""
    api = world.api
    world.make_role(
        "by-issuer", condition={"StringEquals": {"aws:PrincipalTag/x509Issuer/CN": "Plant CA"}}
    )
    arn = world.make_profile("mapped", ["device", "by-issuer"])
    one = {"profileId": arn.rsplit("/", 1)[1]}
    default = {"x509Subject": ["*"], "x509Issuer": ["*"], "x509SAN": ["DNS", "URI", "Name/*"]}
    assert mapped(api.get_profile(**one)["profile"]) == default
    assert world.credentials(role="by-issuer", profile=arn)

    def uploads():
        s3 = world.server.client("s3", session=world.credentials(profile=arn))
        try:
            return bool(s3.put_object(Bucket=BUCKET, Key="pump-7/mapped", Body=b"x"))
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            return False

    assert uploads()
    put = api.put_attribute_mapping(
        certificateField="x509Subject",
        mappingRules=[{"specifier": "OU"}, {"specifier": "OU"}],
        **one,
    )["profile"]
    assert mapped(put) == default | {"x509Subject": ["OU"]}
    assert not uploads()  # the role goes by x509Subject/CN
    api.put_attribute_mapping(
        certificateField="x509Subject", mappingRules=[{"specifier": "cn"}], **one
    )
    assert uploads()
    left = api.delete_attribute_mapping(certificateField="x509Issuer", **one)["profile"]
    assert mapped(left) == {"x509Subject": ["cn"], "x509SAN": default["x509SAN"]}
    assert world.refusal(role="by-issuer", profile=arn)[0] == 403
    left = api.delete_attribute_mapping(
        certificateField="x509SAN", specifiers=["DNS", "Name/*"], **one
    )["profile"]
    assert mapped(left)["x509SAN"] == ["URI"]
    left = api.delete_attribute_mapping(certificateField="x509Subject", specifiers=["cn"], **one)[
        "profile"
    ]
    assert mapped(left) == {"x509SAN": ["URI"]} and not uploads()
    another = world.make_profile("all-mapped", ["by-issuer"])
    assert world.credentials(role="by-issuer", profile=another)


def test_mappings_that_cannot_be(world, code):
    api = world.api
    one = {"profileId": world.make_profile("unmapped", ["device"]).rsplit("/", 1)[1]}
    for field, specifiers in (
        ("x509Serial", ["CN"]),
        ("x509Subject", []),
        ("x509Subject", [""]),
        ("x509Subject", ["C N"]),
        ("x509Subject", ["x" * 61]),
        ("x509Subject", [f"1.{n}" for n in range(51)]),
    ):
        rules = [{"specifier": s} for s in specifiers]
        put = dict(certificateField=field, mappingRules=rules, **one)
        assert code(api.put_attribute_mapping, **put) == "ValidationException", specifiers
    drop = api.delete_attribute_mapping
    assert code(drop, certificateField="x509", **one) == "ValidationException"
    gone = {"certificateField": "x509Subject", "specifiers": ["OU"]}
    assert code(drop, **gone, **one) == "ResourceNotFoundException"
    absent = {"profileId": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
    assert code(drop, certificateField="x509Subject", **absent) == "ResourceNotFoundException"

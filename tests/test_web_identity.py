# SPDX-License-Identifier: Apache-2.0
"""Sessions for who has a token of an OpenID Connect provider: which tokens are taken, whom the
role's trust policy lets in, and what nobody without a proof may do."""
import json
import time

import boto3
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.utils
import pytest
from botocore import UNSIGNED
from cryptography.hazmat.primitives.asymmetric import rsa

import wire
from conftest import Server
from identities import Provider, number, url64
from records import records_of

ISSUER, AUDIENCE = "https://ci.example.com/plant", "sts.amazonaws.com"
HOST = ISSUER.removeprefix("https://")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class World:
    def __init__(self, directory):
        self.server = Server(directory).start()
        self.account = self.server.endpoint["account_id"]
        self.iam = self.server.client("iam")
        self.provider = Provider(ISSUER, AUDIENCE)
        self.arn = self.iam.create_open_id_connect_provider(
            Url=ISSUER, ClientIDList=[AUDIENCE, "other"], ThumbprintList=["a" * 40]
        )["OpenIDConnectProviderArn"]
        self.register(self.provider.jwks())
        self.make("deploy")
        self.sts = self.stranger()

    def stranger(self):
        return boto3.client(
            "sts",
            region_name="us-east-1",
            endpoint_url=self.server.endpoint["endpoint"],
            verify=self.server.endpoint["ca_file"],
            config=botocore.config.Config(
                signature_version=UNSIGNED,
                retries={"max_attempts": 0},
                parameter_validation=False,
            ),
        )

    def register(self, jwks, issuer=ISSUER):
        path = self.server.directory / "jwks.json"
        path.write_text(json.dumps(jwks))
        return self.server.run("oidc", "keys", issuer, "--jwks", path, check=False)

    def make(self, name, condition=None, principal=None, action=None):
        self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {
                    "Effect": "Allow",
                    "Principal": principal or {"Federated": self.arn},
                    "Action": action or "sts:AssumeRoleWithWebIdentity",
                }
                | ({"Condition": condition} if condition else {})
            ),
        )
        self.iam.put_role_policy(
            RoleName=name,
            PolicyName="p",
            PolicyDocument=document(
                {
                    "Effect": "Allow",
                    "Action": ["s3:ListAllMyBuckets", "sts:AssumeRole"],
                    "Resource": "*",
                }
            ),
        )

    def assume(self, token, role="deploy", **more):
        return self.sts.assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{self.account}:role/{role}",
            RoleSessionName="job-1",
            WebIdentityToken=token,
            **more,
        )

    def refusal(self, token, role="deploy", **more):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            self.assume(token, role, **more)
        error = caught.value.response
        return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("web-identity"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


INVALID = ("InvalidIdentityToken", 400)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_token_gives_a_session(world, algorithm):
    got = world.assume(world.provider.token(algorithm), DurationSeconds=900)
    assert got["Provider"] == world.arn and got["Audience"] == AUDIENCE
    assert got["SubjectFromWebIdentityToken"] == "repo:plant/sensors"
    assert got["AssumedRoleUser"]["Arn"].endswith(":assumed-role/deploy/job-1")
    assert world.server.client("s3", session=got["Credentials"]).list_buckets()
    without_kid = world.provider.token(algorithm, header={"kid": None})
    assert world.assume(without_kid)["Credentials"]


def test_tokens_that_prove_nothing(world):
    provider, now = world.provider, int(time.time())
    good = provider.token()
    head, claims, signature = good.split(".")
    other = Provider(ISSUER, AUDIENCE)
    modulus = provider.keys["RS256"].public_key().public_numbers().n
    twice = b'{"alg":"RS256","alg":"none"}'
    other_claims = json.dumps(provider.claims(sub="x")).encode()
    cases = {
        "nothing": "x" * 4,
        "two parts": f"{head}.{claims}",
        "four parts": good + ".x",
        "no signature": f"{head}.{claims}.",
        "a signature cut off": good[:-4],
        "another signature": provider.token(signature=b"\0" * 256),
        "other claims": f"{head}.{url64(other_claims)}.{signature}",
        "another header": f"{url64(json.dumps({'alg': 'RS256'}).encode())}.{claims}.{signature}",
        "another key": other.token(),
        "none": f"{url64(json.dumps({'alg': 'none'}).encode())}.{claims}.",
        "none with a signature": provider.token(header={"alg": "none"}),
        "HMAC with the public key": hmac_token(provider, modulus),
        "ES256 named RS256": provider.token("ES256", header={"alg": "RS256"}),
        "RS256 named ES256": provider.token("RS256", header={"alg": "ES256"}),
        "another kid": provider.token(header={"kid": "ES256"}),
        "an unknown kid": provider.token(header={"kid": "x"}),
        "an extension": provider.token(header={"crit": ["b64"], "b64": False}),
        "no list": f"{head}.{url64(b'[]')}.{signature}",
        "too long": "x" * 20001,
        "deep": f"{head}.{url64(b'{' + b'[' * 5000)}.{signature}",
        "twice": f"{url64(twice)}.{claims}.{signature}",
        "another issuer": provider.token(iss="https://ci.example.org"),
        "a longer issuer": provider.token(iss=ISSUER + "/more"),
        "plain HTTP": provider.token(iss="http://" + HOST),
        "another audience": provider.token(aud="sts.example.com"),
        "no audience": provider.token(aud=None),
        "audiences of others": provider.token(aud=["a", "b"]),
        "another party": provider.token(azp="x"),
        "no subject": provider.token(sub=None),
        "a subject that is none": provider.token(sub=["repo"]),
        "no expiry": provider.token(exp=None),
        "an expiry that is none": provider.token(exp="tomorrow"),
        "no time of issue": provider.token(iat=None),
        "a beginning that is none": provider.token(nbf="now"),
    }
    found = {what: world.refusal(token) for what, token in cases.items()}
    assert found == dict.fromkeys(cases, INVALID)
    assert world.refusal(provider.token(exp=now - 61)) == ("ExpiredTokenException", 400)
    assert world.refusal(provider.token(nbf=now + 90)) == ("IDPRejectedClaim", 403)
    assert world.refusal(provider.token(iat=now + 90)) == ("IDPRejectedClaim", 403)
    for near in ({"exp": now - 30}, {"nbf": now + 30}, {"iat": now + 30}, {"exp": now + 300.5}):
        assert world.assume(provider.token(**near))
    for party in ({"azp": "other"}, {"aud": ["x", AUDIENCE]}):
        assert world.assume(provider.token(**party))


def hmac_token(provider, modulus):
    import hashlib
    import hmac

    text = ".".join(
        url64(json.dumps(p).encode()) for p in ({"alg": "HS256", "kid": "RS256"}, provider.claims())
    )
    key = modulus.to_bytes(256, "big")
    return f"{text}.{url64(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


def test_the_trust_policy_says_who_comes_in(world):
    world.make(
        "main-only",
        {"StringEquals": {f"{HOST}:sub": "repo:plant/main", f"{HOST}:aud": AUDIENCE}},
    )
    denied = ("AccessDenied", 403)
    assert world.assume(world.provider.token(sub="repo:plant/main"), "main-only")
    assert world.refusal(world.provider.token(), "main-only") == denied
    assert (
        world.refusal(world.provider.token(sub="repo:plant/main", aud="other"), "main-only")
        == denied
    )
    assert world.refusal(world.provider.token(), "never-was") == denied
    world.make("anybody", principal="*", action="sts:*")
    world.make("account", principal={"AWS": f"arn:aws:iam::{world.account}:root"}, action="sts:*")
    world.make("another", principal={"Federated": world.arn + "2"})
    world.make("assume-only", action="sts:AssumeRole")
    for role in ("anybody", "account", "another", "assume-only"):
        assert world.refusal(world.provider.token(), role) == denied


def test_what_the_token_marks_the_session_with(world):
    marking = [
        "sts:AssumeRoleWithWebIdentity",
        "sts:TagSession",
        "sts:SetSourceIdentity",
    ]
    world.make("marked", action=marking)
    claims = {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"Team": ["red"]},
            "transitive_tag_keys": ["Team"],
        },
        "https://aws.amazon.com/source_identity": "ann",
    }
    got = world.assume(world.provider.token(**claims), "marked")
    assert got["SourceIdentity"] == "ann" and got["PackedPolicySize"] > 0
    world.iam.put_role_policy(
        RoleName="marked",
        PolicyName="p",
        PolicyDocument=document(
            {
                "Effect": "Allow",
                "Action": "s3:ListAllMyBuckets",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "aws:PrincipalTag/Team": "red",
                        "aws:SourceIdentity": "ann",
                        "aws:FederatedProvider": world.arn,
                    }
                },
            }
        ),
    )
    assert world.server.client("s3", session=got["Credentials"]).list_buckets()
    # Tags and a source identity need their own trust.
    for name, claim in zip(("sts:TagSession", "sts:SetSourceIdentity"), claims):
        role = "without-" + name.split(":")[1]
        world.make(role, action=[a for a in marking if a != name])
        assert world.refusal(world.provider.token(**{claim: claims[claim]}), role) == (
            "AccessDenied",
            403,
        )
        assert world.assume(world.provider.token(), role)
    bad = {"https://aws.amazon.com/tags": {"principal_tags": {"Team": "red"}}}
    assert world.refusal(world.provider.token(**bad), "marked") == INVALID


def test_a_session_policy_and_the_rules_of_duration(world):
    deny = document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    got = world.assume(world.provider.token(), Policy=deny)
    s3 = world.server.client("s3", session=got["Credentials"])
    with pytest.raises(botocore.exceptions.ClientError):
        s3.list_buckets()
    for more in ({"DurationSeconds": 899}, {"DurationSeconds": 3601}, {"ProviderId": "x"}):
        assert world.refusal(world.provider.token(), **more) == ("ValidationError", 400)
    assert world.refusal(world.provider.token(), Policy="{}") == ("MalformedPolicyDocument", 400)


def test_without_a_signature_nothing_else_can_be_asked(world):
    one = wire.Wire(world.server)
    form = {"content-type": "application/x-www-form-urlencoded"}
    token = world.provider.token()
    role = f"arn:aws:iam::{world.account}:role/deploy"
    fields = f"RoleArn={role}&RoleSessionName=job&WebIdentityToken={token}"
    for body in (
        f"Action=AssumeRole&{fields}",
        f"Action=GetCallerIdentity&{fields}",
        f"Action=AssumeRole&Action=AssumeRoleWithWebIdentity&{fields}",
        f"{fields}",
        "x" * 70_000,
    ):
        answer = one.send(wire.Call("sts", "POST", "/", form, body.encode()), form)
        assert answer.status == 403 and b"MissingAuthenticationToken" in answer.body
    # The first of two is what is meant, here and for the operation.
    twice = f"Action=AssumeRoleWithWebIdentity&Action=AssumeRole&{fields}"
    assert one.send(wire.Call("sts", "POST", "/", form, twice.encode()), form).status == 200
    # A session's signature is no token.
    asked = wire.Call(
        "sts", "POST", "/", form, f"Action=AssumeRoleWithWebIdentity&{fields}".encode()
    )
    answer = one.ask(asked, world.server.session())
    assert answer.status == 403 and b"does not take this way" in answer.body


def test_keys_are_replaced_at_once_and_only_by_the_owner(world):
    next_one = Provider(ISSUER, AUDIENCE)
    assert world.assume(world.provider.token())
    assert "2 keys of" in world.register(next_one.jwks()).stdout
    assert world.refusal(world.provider.token()) == INVALID
    assert world.assume(next_one.token())
    world.register(world.provider.jwks())
    short = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n
    weak = {"kty": "RSA", "n": number(short), "e": "AQAB"}
    off_curve = world.provider.jwk("ES256") | {"x": url64(b"\1" * 32)}
    for bad in (
        {},
        {"keys": []},
        {"keys": [weak]},
        {"keys": [off_curve]},
        {"keys": [world.provider.jwk("RS256", use="enc")]},
        {"keys": [world.provider.jwk("RS256", alg="RS512")]},
        {"keys": [world.provider.jwk("RS256", e=url64(b"\1"))]},
        {"keys": [world.provider.jwk("RS256", kid="k" * 257)]},
        {"keys": [world.provider.jwk("RS256")] * 33},
    ):
        assert world.register(bad).returncode == 1
    assert world.register(world.provider.jwks(), "http://ci.example.com").returncode == 1
    assert world.assume(world.provider.token())


def test_a_provider_that_is_deleted_ends_it(world):
    url = "https://gone.example.com"
    gone = Provider(url, AUDIENCE)
    arn = world.iam.create_open_id_connect_provider(
        Url=url, ClientIDList=[AUDIENCE], ThumbprintList=[]
    )["OpenIDConnectProviderArn"]
    world.make("gone", principal={"Federated": arn})
    assert world.refusal(gone.token(), "gone") == INVALID  # its keys are not registered
    world.register(gone.jwks(), url)
    assert world.assume(gone.token(), "gone")
    # A token of one provider is not one of another's, whatever it says.
    assert world.refusal(gone.token(iss=ISSUER), "deploy") == INVALID
    world.iam.remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, ClientID=AUDIENCE
    )
    assert world.refusal(gone.token(), "gone") == INVALID
    world.iam.add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, ClientID=AUDIENCE
    )
    assert world.assume(gone.token(), "gone")
    world.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert world.refusal(gone.token(), "gone") == INVALID


def test_the_sdk_takes_its_token_from_a_file(world, tmp_path):
    """As botocore does for AWS_WEB_IDENTITY_TOKEN_FILE, which CI systems set."""
    (tmp_path / "token").write_text(world.provider.token())
    fetcher = botocore.credentials.AssumeRoleWithWebIdentityCredentialFetcher(
        client_creator=lambda *_, **__: world.stranger(),
        web_identity_token_loader=botocore.utils.FileWebIdentityTokenLoader(tmp_path / "token"),
        role_arn=f"arn:aws:iam::{world.account}:role/deploy",
        extra_args={"RoleSessionName": "job-2"},
    )
    got = fetcher.fetch_credentials()
    session = {
        "AccessKeyId": got["access_key"],
        "SecretAccessKey": got["secret_key"],
        "SessionToken": got["token"],
    }
    who = world.server.client("sts", session=session).get_caller_identity()
    assert who["Arn"].endswith(":assumed-role/deploy/job-2")


def test_the_records_name_the_identity(tmp_path):
    world = World(tmp_path)
    got = world.assume(world.provider.token())
    bad = world.provider.token(sub="repo:plant/other") + "AA"
    assert world.refusal(bad) == INVALID
    used = world.server.client("s3", session=got["Credentials"]).list_buckets()
    records = {r["requestID"]: r for r in records_of(world.server)}
    record = records[got["ResponseMetadata"]["RequestId"]]
    assert record["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{HOST}:{AUDIENCE}:repo:plant/sensors",
        "userName": "repo:plant/sensors",
        "identityProvider": HOST,
    }
    assert record["requestParameters"] == {
        "roleArn": f"arn:aws:iam::{world.account}:role/deploy",
        "roleSessionName": "job-1",
    }
    assert record["responseElements"]["provider"] == world.arn
    session = records[used["ResponseMetadata"]["RequestId"]]["userIdentity"]["sessionContext"]
    assert session["webIdFederationData"]["federatedProvider"] == world.arn
    refused = [r for r in records.values() if r.get("errorCode") == "InvalidIdentityToken"]
    assert [r["userIdentity"]["type"] for r in refused] == ["Unknown"]
    registered = [r for r in records.values() if r["eventName"] == "RegisterOidcKeys"]
    assert [r["requestParameters"] for r in registered] == [{"issuer": ISSUER, "keys": 2}]
    everything = json.dumps(list(records.values()))
    for secret in (
        got["Credentials"]["SessionToken"],
        bad,
        world.provider.token().split(".")[0] + ".",
    ):
        assert secret not in everything
    assert world.server.stop() == 0

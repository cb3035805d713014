"""The door: who is let in, and what a stranger learns."""
import json
import socket
import ssl
import urllib.error
import urllib.request

import pytest

DENY_ALL_BUT_READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::door/in/*"}]}


@pytest.fixture(scope="module")
def reader(server):
    """A role that may read below door/in/ and nothing else."""
    account = server.endpoint["account_id"]
    iam, s3 = server.client("iam"), server.client("s3")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:role/sluice-operator"}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(DENY_ALL_BUT_READ))
    s3.create_bucket(Bucket="door")
    for key in ("in/a", "out/a"):
        s3.put_object(Bucket="door", Key=key, Body=b"x")
    return server.client("s3", role="reader")


def test_a_role_does_what_its_policy_allows_and_nothing_else(reader, code):
    assert reader.get_object(Bucket="door", Key="in/a")["Body"].read() == b"x"
    assert code(reader.get_object, Bucket="door", Key="out/a") == "AccessDenied"
    assert code(reader.put_object, Bucket="door", Key="in/b", Body=b"x") == "AccessDenied"
    assert code(reader.list_objects_v2, Bucket="door") == "AccessDenied"
    assert code(reader.get_object, Bucket="door", Key="in/missing") == "AccessDenied"      # existence is told only to those who may list


def test_taking_the_policy_away_ends_a_live_session(server, reader, code):
    iam = server.client("iam")
    iam.delete_role_policy(RoleName="reader", PolicyName="read")
    assert code(reader.get_object, Bucket="door", Key="in/a") == "AccessDenied"
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(DENY_ALL_BUT_READ))
    assert reader.get_object(Bucket="door", Key="in/a")["Body"].read() == b"x"


def test_a_role_made_anew_does_not_inherit_old_sessions(server, code):
    iam = server.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.endpoint['account_id']}:root"}, "Action": "sts:AssumeRole"}]})
    iam.create_role(RoleName="short-lived", AssumeRolePolicyDocument=trust)
    old = server.client("sts", role="short-lived")
    assert old.get_caller_identity()["Arn"].endswith("assumed-role/short-lived/sluice-cli")
    iam.delete_role(RoleName="short-lived")
    iam.create_role(RoleName="short-lived", AssumeRolePolicyDocument=trust)
    assert code(old.get_caller_identity) == "InvalidClientTokenId"


def test_the_operators_role_cannot_be_assumed_or_changed(server, code):
    arn = f"arn:aws:iam::{server.endpoint['account_id']}:role/sluice-operator"
    assert code(server.client("sts").assume_role, RoleArn=arn, RoleSessionName="me-too") == "AccessDenied"
    assert code(server.client("iam").delete_role, RoleName="sluice-operator") == "UnmodifiableEntity"


def test_users_and_access_keys_are_refused_with_the_reason(server, code):
    assert code(server.client("iam").create_user, UserName="bob") == "InvalidInput"


@pytest.mark.parametrize("service, call, arguments, wanted", [
    ("s3", "list_buckets", {}, "SignatureDoesNotMatch"),
    ("kms", "list_keys", {}, "InvalidSignatureException"),
    ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch"),
])
def test_a_wrong_secret_is_refused(server, code, service, call, arguments, wanted):
    session = server.session() | {"SecretAccessKey": "A" * 40}
    assert code(getattr(server.client(service, session=session), call), **arguments) == wanted


@pytest.mark.parametrize("service, call, wanted", [
    ("s3", "list_buckets", "InvalidToken"), ("kms", "list_keys", "UnrecognizedClientException"), ("sts", "get_caller_identity", "InvalidClientTokenId")])
def test_a_foreign_or_altered_token_is_refused(server, code, service, call, wanted):
    session = server.session()
    token = session["SessionToken"]
    altered = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    assert code(getattr(server.client(service, session=session | {"SessionToken": altered}), call)) == wanted


def test_the_wrong_region_is_refused_and_s3_clients_are_told_the_right_one(server, reader, code):
    import boto3
    session = server.session()
    facts = dict(region_name="eu-west-1", endpoint_url=server.endpoint["endpoint"], verify=server.endpoint["ca_file"], aws_access_key_id=session["AccessKeyId"],
                 aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
    assert code(boto3.client("kms", **facts).list_keys) == "InvalidSignatureException"
    # botocore takes the Region element of AuthorizationHeaderMalformed and signs again.
    assert boto3.client("s3", **facts).get_object(Bucket="door", Key="in/a")["Body"].read() == b"x"


def test_without_a_signature_nothing_is_learnt(server):
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    answers = []
    for path in ("/door/in/a", "/no-such-bucket/x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server.endpoint["endpoint"] + path, context=context)
        answers.append((refused.value.code, refused.value.read().split(b"<RequestId>")[0]))
    assert answers[0] == answers[1] and answers[0][0] == 403


def address_of(server):
    host, port = server.endpoint["endpoint"].removeprefix("https://").rsplit(":", 1)
    return host, int(port)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(server, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(server.endpoint["ca_file"])
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(address_of(server)) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize("head, status", [
    (b"GARBAGE\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n", b"431"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
])
def test_a_malformed_head_is_refused(server, head, status):
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    with socket.create_connection(address_of(server)) as raw, context.wrap_socket(raw, server_hostname="localhost") as wire:
        wire.sendall(head)
        assert wire.recv(64).split()[1] == status


def test_a_second_server_on_the_directory_is_refused(server):
    done = server.run("serve", "--listen", "127.0.0.1:0", check=False)
    assert done.returncode == 1 and "another server" in done.stderr

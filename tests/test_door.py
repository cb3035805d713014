# SPDX-License-Identifier: Apache-2.0
"""The door: who is let in, and what a stranger learns."""
import base64
import dataclasses
import html
import json

import re
import resource
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

import botocore.exceptions
import pytest

import wire
from clock import ahead, signing
from conftest import Server

DENY_ALL_BUT_READ = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::door/in/*"}
    ],
}


@pytest.fixture(scope="module")
def reader(server):
    """A role that may read below door/in/ and nothing else."""
    account = server.endpoint["account_id"]
    iam, s3 = server.client("iam"), server.client("s3")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:role/sluice-operator"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(DENY_ALL_BUT_READ)
    )
    s3.create_bucket(Bucket="door")
    for key in ("in/a", "out/a"):
        s3.put_object(Bucket="door", Key=key, Body=b"x")
    return server.client("s3", role="reader")


def test_a_role_does_what_its_policy_allows_and_nothing_else(reader, code):
    assert reader.get_object(Bucket="door", Key="in/a")["Body"].read() == b"x"
    assert code(reader.get_object, Bucket="door", Key="out/a") == "AccessDenied"
    assert code(reader.put_object, Bucket="door", Key="in/b", Body=b"x") == "AccessDenied"
    assert code(reader.list_objects_v2, Bucket="door") == "AccessDenied"
    assert (
        code(reader.get_object, Bucket="door", Key="in/missing") == "AccessDenied"
    )  # existence is told only to those who may list


def test_taking_the_policy_away_ends_a_live_session(server, reader, code):
    iam = server.client("iam")
    iam.delete_role_policy(RoleName="reader", PolicyName="read")
    assert code(reader.get_object, Bucket="door", Key="in/a") == "AccessDenied"
    iam.put_role_policy(
        RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(DENY_ALL_BUT_READ)
    )
    assert reader.get_object(Bucket="door", Key="in/a")["Body"].read() == b"x"


def test_a_role_made_anew_does_not_inherit_old_sessions(server, code):
    iam = server.client("iam")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{server.endpoint['account_id']}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    iam.create_role(RoleName="short-lived", AssumeRolePolicyDocument=trust)
    old = server.client("sts", role="short-lived")
    assert old.get_caller_identity()["Arn"].endswith("assumed-role/short-lived/sluice-cli")
    iam.delete_role(RoleName="short-lived")
    iam.create_role(RoleName="short-lived", AssumeRolePolicyDocument=trust)
    assert code(old.get_caller_identity) == "InvalidClientTokenId"


def test_the_operators_role_cannot_be_assumed_or_changed(server, code):
    arn = f"arn:aws:iam::{server.endpoint['account_id']}:role/sluice-operator"
    assert (
        code(server.client("sts").assume_role, RoleArn=arn, RoleSessionName="me-too")
        == "AccessDenied"
    )
    assert (
        code(server.client("iam").delete_role, RoleName="sluice-operator") == "UnmodifiableEntity"
    )


def test_users_and_access_keys_are_refused_with_the_reason(server, code):
    assert code(server.client("iam").create_user, UserName="bob") == "InvalidInput"


@pytest.mark.parametrize(
    "service, call, arguments, wanted",
    [
        ("s3", "list_buckets", {}, "SignatureDoesNotMatch"),
        ("kms", "list_keys", {}, "InvalidSignatureException"),
        ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_refused(server, code, service, call, arguments, wanted):
    session = server.session() | {"SecretAccessKey": "A" * 40}
    assert code(getattr(server.client(service, session=session), call), **arguments) == wanted


@pytest.mark.parametrize(
    "service, call, wanted",
    [
        ("s3", "list_buckets", "InvalidToken"),
        ("kms", "list_keys", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
    ],
)
def test_a_foreign_or_altered_token_is_refused(server, code, service, call, wanted):
    session = server.session()
    token = session["SessionToken"]
    altered = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    assert (
        code(getattr(server.client(service, session=session | {"SessionToken": altered}), call))
        == wanted
    )


def test_the_wrong_region_is_refused_and_s3_clients_are_told_the_right_one(server, reader, code):
    import boto3

    session = server.session()
    facts = dict(
        region_name="eu-west-1",
        endpoint_url=server.endpoint["endpoint"],
        verify=server.endpoint["ca_file"],
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
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
    context.set_ciphers(
        "ALL:@SECLEVEL=0"
    )  # this client would speak it: the refusal is the server's
    with socket.create_connection(address_of(server)) as raw, pytest.raises(
        ssl.SSLError, match="(?i)protocol version"
    ):
        context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize(
    "head, status",
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"400",
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
    ],
)
def test_a_malformed_head_is_refused(server, head, status):
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    with socket.create_connection(address_of(server)) as raw, context.wrap_socket(
        raw, server_hostname="localhost"
    ) as wire:
        wire.sendall(head)
        assert wire.recv(64).split()[1] == status


def test_a_second_server_on_the_directory_is_refused(server):
    done = server.run("serve", "--listen", "127.0.0.1:0", check=False)
    assert done.returncode == 1 and "another server" in done.stderr


# One valid request of each protocol family, and what the family answers to each fault.
FAMILIES = {
    "s3": wire.Call("s3", "GET", "/?max-buckets=1&x-id=ListBuckets", {"x-amz-meta-a": "b"}, b""),
    "query": wire.Call(
        "sts",
        "POST",
        "/",
        {"content-type": "application/x-www-form-urlencoded"},
        b"Action=GetCallerIdentity&Version=2011-06-15",
    ),
    "json": wire.Call(
        "kms",
        "POST",
        "/",
        {"x-amz-target": "TrentService.ListKeys", "content-type": "application/x-amz-json-1.1"},
        b'{"Limit":1}',
    ),
    "rest-json": wire.Call(
        "lambda",
        "GET",
        "/2015-03-31/functions?MaxItems=1",
        {"content-type": "application/json"},
        b"",
    ),
}
WRONG = {
    "s3": (403, "SignatureDoesNotMatch"),
    "query": (403, "SignatureDoesNotMatch"),
    "json": (400, "InvalidSignatureException"),
    "rest-json": (403, "InvalidSignatureException"),
}
MALFORMED = {
    "s3": (400, "AuthorizationHeaderMalformed"),
    "query": (400, "IncompleteSignature"),
    "json": (400, "IncompleteSignatureException"),
    "rest-json": (403, "IncompleteSignatureException"),
}
NO_TOKEN = {
    "s3": (403, "InvalidAccessKeyId"),
    "query": (403, "InvalidClientTokenId"),
    "json": (400, "UnrecognizedClientException"),
    "rest-json": (403, "UnrecognizedClientException"),
}
BAD_TOKEN = NO_TOKEN | {"s3": (400, "InvalidToken")}
SCOPE = WRONG | {"s3": (400, "AuthorizationHeaderMalformed")}
SKEWED = WRONG | {"s3": (403, "RequestTimeTooSkewed")}
UNSIGNED = WRONG | {"s3": (403, "AccessDenied")}


@pytest.fixture(scope="module")
def door(server):
    one = wire.Wire(server)
    one.session = server.session()
    return one


def flipped(text, at=-1):
    at %= len(text)
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


def with_header(name, change):
    return lambda call, headers: (call, headers | {name: change(headers[name])})


def without(name):
    return lambda call, headers: (call, {k: v for k, v in headers.items() if k != name})


def scoped(old, new):
    return with_header("authorization", lambda a: a.replace(old, new, 1))


MUTATIONS = {
    "method": (
        lambda call, headers: (
            dataclasses.replace(call, method="PUT" if call.method == "GET" else "PATCH"),
            headers,
        ),
        WRONG,
    ),
    "path": (
        lambda call, headers: (
            dataclasses.replace(call, target=call.target.replace("/", "/x", 1)),
            headers,
        ),
        WRONG,
    ),
    "query": (
        lambda call, headers: (
            dataclasses.replace(
                call, target=call.target + ("&" if "?" in call.target else "?") + "more=1"
            ),
            headers,
        ),
        WRONG,
    ),
    "signed header": (
        lambda call, headers: with_header(
            "x-amz-meta-a" if call.service == "s3" else "content-type", lambda v: v + "x"
        )(call, headers),
        WRONG,
    ),
    "host": (with_header("host", lambda v: "x" + v), WRONG),
    "body": (
        lambda call, headers: (dataclasses.replace(call, body=call.body + b" "), headers)
        if call.body
        else (call, headers | {"host": "x"}),
        WRONG,
    ),
    "payload hash": (
        lambda call, headers: with_header("x-amz-content-sha256", flipped)(call, headers)
        if call.service == "s3"
        else (dataclasses.replace(call, body=b"x"), headers),
        WRONG,
    ),
    "second of the date": (
        with_header("x-amz-date", lambda v: v[:14] + ("0" if v[14] != "0" else "1") + "Z"),
        WRONG,
    ),
    "signature": (with_header("authorization", flipped), WRONG),
    "empty signature": (with_header("authorization", lambda a: a[:-64]), MALFORMED),
    "short signature": (with_header("authorization", lambda a: a[:-1]), WRONG),
    "signed headers left out": (scoped("SignedHeaders=", "SignedHeaders=a;"), WRONG),
    "token": (with_header("x-amz-security-token", lambda v: flipped(v, 30)), BAD_TOKEN),
    "no token": (without("x-amz-security-token"), NO_TOKEN),
    "key id": (scoped("Credential=ASIA", "Credential=ASIB"), BAD_TOKEN),
    "no date": (without("x-amz-date"), MALFORMED | {"s3": (403, "AccessDenied")}),
    "bad date": (
        with_header("x-amz-date", lambda v: "yesterday"),
        MALFORMED | {"s3": (403, "AccessDenied")},
    ),
    "unsigned header": (lambda call, headers: (call, headers | {"x-amz-more": "1"}), UNSIGNED),
    "no credential": (scoped("Credential=", "Cred="), MALFORMED),
    "short credential": (scoped("/aws4_request", ""), MALFORMED),
    "other scheme": (with_header("authorization", lambda a: "Bearer " + a), MALFORMED),
    "no scheme": (
        with_header("authorization", lambda a: a.removeprefix("AWS4-HMAC-SHA256 ")),
        MALFORMED,
    ),
    "two ways at once": (
        lambda call, headers: (
            dataclasses.replace(
                call,
                target=call.target
                + ("&" if "?" in call.target else "?")
                + "X-Amz-Signature="
                + "0" * 64,
            ),
            headers,
        ),
        dict.fromkeys(FAMILIES, (400, "InvalidArgument")),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_signed_request_that_was_changed_is_refused(door, family, mutation):
    call = FAMILIES[family]
    assert door.ask(call, door.session).status == 200
    change, wanted = MUTATIONS[mutation]
    changed, headers = change(call, door.sign(call, door.session))
    answer = door.send(changed, headers, stranger=True)
    assert (answer.status, answer.code) == wanted[family]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "part, value",
    [
        ("date", "20200101"),
        ("region", "eu-west-1"),
        ("service", "ec2"),
        ("terminator", "aws5_request"),
    ],
)
def test_the_scope_is_that_of_the_request(door, family, part, value):
    """Signed correctly, for something else."""
    if (family, part) == ("json", "service") or part != "service":
        answer = door.send(
            FAMILIES[family],
            door.sign(FAMILIES[family], door.session, **{part: value}),
            stranger=True,
        )
        assert (answer.status, answer.code) == SCOPE[family]
    else:
        answer = door.send(
            FAMILIES[family],
            door.sign(FAMILIES[family], door.session, **{part: value}),
            stranger=True,
        )
        assert answer.status >= 400


@pytest.mark.parametrize(
    "family, minutes", [("s3", 15), ("query", 5), ("json", 5), ("rest-json", 5)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_may_differ_so_far_and_no_further(door, family, minutes, sign):
    call = FAMILIES[family]
    assert (
        door.send(call, door.sign(call, door.session, late_s=sign * (minutes * 60 - 20))).status
        == 200
    )
    answer = door.send(
        call, door.sign(call, door.session, late_s=sign * (minutes * 60 + 20)), stranger=True
    )
    assert (answer.status, answer.code) == SKEWED[family]
    assert family != "s3" or b"<MaxAllowedSkewMilliseconds>900000<" in answer.body


def test_an_expired_or_bad_presigned_url_is_refused(server, door, reader):
    s3 = server.client("s3")
    good = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "door", "Key": "in/a"}, ExpiresIn=60
    )
    path = good.removeprefix(server.endpoint["endpoint"])

    def get(target):
        return door.send(wire.Call("s3", "GET", target, {}, b""), {}, stranger=True)

    def changed(**fields):
        parts = urllib.parse.urlsplit(path)
        query = [
            (name, fields.get(name.replace("-", "_"), value))
            for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        ]
        return (
            parts.path
            + "?"
            + urllib.parse.urlencode([pair for pair in query if pair[1] is not None])
        )

    assert get(path).status == 200
    with signing(seconds=-120):
        old = s3.generate_presigned_url(
            "get_object", Params={"Bucket": "door", "Key": "in/a"}, ExpiresIn=60
        ).removeprefix(server.endpoint["endpoint"])
    answer = get(old)
    assert (
        (answer.status, answer.code) == (403, "AccessDenied")
        and b"Request has expired" in answer.body
        and b"<ServerTime>" in answer.body
    )
    with signing(minutes=20):
        early = s3.generate_presigned_url(
            "get_object", Params={"Bucket": "door", "Key": "in/a"}, ExpiresIn=60
        ).removeprefix(server.endpoint["endpoint"])
    assert get(early).code == "AccessDenied"
    for fields, wanted in (
        ({"X_Amz_Expires": "0"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Expires": "604801"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Expires": "soon"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Expires": None}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Algorithm": "AWS4-HMAC-SHA1"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Credential": "x"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Date": "x"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Signature": "00"}, "AuthorizationQueryParametersError"),
        ({"X_Amz_Signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"X_Amz_Expires": "61"}, "SignatureDoesNotMatch"),
        ({"X_Amz_Security_Token": None}, "InvalidAccessKeyId"),
        ({"X_Amz_Security_Token": "x"}, "InvalidToken"),
        ({"X_Amz_SignedHeaders": "date"}, "SignatureDoesNotMatch"),
    ):
        answer = get(changed(**fields))
        assert answer.status in (400, 403) and answer.code == wanted, fields
    answer = door.send(wire.Call("s3", "PUT", path, {}, b"x"), {}, stranger=True)
    assert answer.code == "SignatureDoesNotMatch"
    answer = door.send(
        wire.Call("s3", "GET", path, {}, b""), {"x-amz-acl": "private"}, stranger=True
    )
    assert answer.code == "AccessDenied"


TEXTS = [
    # What is done to the Authorization header, what S3 says, what the others say.
    (
        lambda a: a.replace("Credential=", "Credence="),
        "the authorization component 'Credence=",
        "'Credence' is no parameter",
    ),
    (
        lambda a: a[:17] + a[a.index("SignedHeaders=") :],
        "requires three components: Credential, SignedHeaders, and Signature. Missing: Credential.",
        "Authorization header requires 'Credential' parameter.",
    ),
    (
        lambda a: a[: a.index(", Signature=")],
        "Missing: Signature.",
        "Authorization header requires 'Signature' parameter.",
    ),
    (
        lambda a: a[: a.index("SignedHeaders=")] + a[a.index("Signature=") :],
        "Missing: SignedHeaders.",
        "Authorization header requires 'SignedHeaders' parameter.",
    ),
    (
        lambda a: a[:16],
        "Missing: Credential, Signature, SignedHeaders.",
        "Authorization header requires 'Credential' parameter. Authorization header requires "
        "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
    ),
    (
        lambda a: a.replace("SignedHeaders=", "SignedHeaders"),
        "is malformed.",
        "not a valid key=value pair (missing equal-sign) in Authorization header.",
    ),
    (
        lambda a: a.replace("/aws4_request", ""),
        "the Credential is mal-formed; expecting "
        '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        "Credential must have exactly 5 slash-delimited elements",
    ),
    (lambda a: "Bearer x", "unsupported authorization type", "Unsupported authorization type"),
    (
        lambda a: re.sub(r"/us-east-1/", "/mars-1/", a),
        "the region 'mars-1' is wrong; expecting 'us-east-1'",
        "not 'mars-1'",
    ),
    (
        lambda a: a.replace("aws4_request", "aws5_request"),
        "incorrect terminal 'aws5_request'. This endpoint uses 'aws4_request'.",
        "valid terminator: 'aws4_request', not 'aws5_request'",
    ),
    (
        lambda a: re.sub(r"/\d{8}/", "/20200101/", a),
        "Invalid credential date '20200101'.",
        "Date in Credential scope does not match",
    ),
]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_names_the_component_that_is_wrong(door, family):
    """And holds nothing but what the request itself says."""
    call = FAMILIES[family]
    wrong_service = (
        lambda a: a.replace("/kms/", "/ec2/"),
        "",
        "Credential should be scoped to correct service: 'kms'.",
    )  # others are found by the service they sign for
    for change, of_s3, of_others in TEXTS + [wrong_service] * (family == "json"):
        headers = door.sign(call, door.session)
        answer = door.send(
            call, headers | {"authorization": change(headers["authorization"])}, stranger=True
        )
        text = html.unescape(answer.body.decode())
        assert answer.status in (400, 403) and (of_s3 if family == "s3" else of_others) in text, (
            text,
            of_s3 if family == "s3" else of_others,
        )
        assert (
            door.session["SecretAccessKey"] not in text and door.session["SessionToken"] not in text
        )


def test_a_payload_hash_that_is_none_is_refused_as_such(door):
    for value in ("x", "0" * 63, "z" * 64, "unsigned-payload"):
        answer = door.send(
            FAMILIES["s3"], door.sign(FAMILIES["s3"], door.session, payload=value), stranger=True
        )
        assert (answer.status, answer.code) == (
            400,
            "InvalidArgument",
        ) and b"x-amz-content-sha256 must be UNSIGNED-PAYLOAD" in answer.body


def test_a_presigned_url_ends_with_its_session(fresh_server):
    """Seven days asked for, an hour of session: after it the token has expired, as on AWS."""
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="week")
    s3.put_object(Bucket="week", Key="k", Body=b"x")
    target = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "week", "Key": "k"}, ExpiresIn=604800
    ).removeprefix(fresh_server.endpoint["endpoint"])
    ask = wire.Call("s3", "GET", target, {}, b"")
    host = {"host": urllib.parse.urlsplit(fresh_server.endpoint["endpoint"]).netloc}
    assert wire.Wire(fresh_server).send(ask, host).body == b"x"
    assert fresh_server.stop() == 0
    fresh_server.start(**ahead(hours=2))
    answer = wire.Wire(fresh_server).send(ask, host)
    assert (answer.status, answer.code) == (400, "ExpiredToken")


def test_a_caller_cannot_say_that_he_is_the_queue(server, door, reader):
    """The event id of the asynchronous queue is taken from the queue alone."""
    from functions import make_function, make_role

    make_function(server, "door-fn", make_role(server, "door-fn"))
    claimed = "00000000-0000-0000-0000-000000000000"
    answer = door.ask(
        wire.Call(
            "lambda",
            "POST",
            "/2015-03-31/functions/door-fn/invocations",
            {"x-sluice-event-id": claimed, "x-amz-log-type": "Tail"},
            b"{}",
        ),
        door.session,
    )
    log = base64.b64decode(answer.headers["x-amz-log-result"]).decode()
    assert answer.request_id in log and claimed not in log


def tls_to(server, **settings):
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def test_only_authenticated_encryption_is_spoken(server):
    for version, suites in (
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+CHACHA20"),
        (ssl.TLSVersion.TLSv1_3, None),
    ):
        context = tls_to(server, minimum_version=version, maximum_version=version)
        if suites:
            context.set_ciphers(suites)
        with socket.create_connection(address_of(server)) as raw, context.wrap_socket(
            raw, server_hostname="localhost"
        ) as spoken:
            assert any(word in spoken.cipher()[0] for word in ("GCM", "CHACHA20"))
    for suites in ("ECDHE+AES:!AESGCM:!AESCCM", "AES128-GCM-SHA256", "ALL:!ECDHE", "AES128-SHA"):
        context = tls_to(
            server, minimum_version=ssl.TLSVersion.TLSv1_2, maximum_version=ssl.TLSVersion.TLSv1_2
        )
        context.set_ciphers(suites + ":@SECLEVEL=0")
        with socket.create_connection(address_of(server)) as raw, pytest.raises(
            (ssl.SSLError, OSError)
        ):
            context.wrap_socket(raw, server_hostname="localhost")


def test_plain_http_on_the_tls_port_is_closed(server):
    with socket.create_connection(address_of(server), timeout=30) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        try:
            while piece := raw.recv(4096):
                got += piece
        except ConnectionResetError:
            pass
    assert b"HTTP" not in got


def test_a_stranger_is_refused_before_his_body_is_sent(server, door):
    """Expect: 100-continue is answered with the refusal, not with 100."""
    context = tls_to(server)
    with socket.create_connection(address_of(server)) as raw, context.wrap_socket(
        raw, server_hostname="localhost"
    ) as spoken:
        spoken.sendall(
            b"PUT /door/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        got = b""
        while piece := spoken.recv(4096):
            got += piece
    assert got.startswith(b"HTTP/1.1 403") and b"connection: close" in got


def test_head_has_no_body(server, door, reader):
    call = wire.Call("s3", "HEAD", "/door/nothing-here", {}, b"")
    answer = door.ask(call, door.session)
    assert answer.status == 404 and answer.body == b""
    assert door.ask(dataclasses.replace(call, target="/door/in/a"), door.session).status == 200


def test_descriptors_are_as_many_as_the_system_allows(tmp_path):
    """The limit that a process usually begins with is less than connections, functions and files
    may take together."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        server = Server(tmp_path).start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0] == min(hard, 65536)
    assert server.stop() == 0


def test_an_ipv4_caller_of_an_ipv6_listener_is_known_by_its_ipv4_address(tmp_path, code):
    """A Deny on an IPv4 range holds, and the audit record shows the address as AWS would."""
    server = Server(tmp_path)
    server.listen = "[::]:0"
    server.start()
    port = urllib.parse.urlsplit(server.endpoint["endpoint"]).port
    s3 = server.client("s3", endpoint=f"https://127.0.0.1:{port}")
    over_ipv6 = server.client("s3", endpoint=f"https://[::1]:{port}")
    s3.create_bucket(Bucket="ranges")

    def deny(operator, network):
        condition = {operator: {"aws:SourceIp": network}}
        s3.put_bucket_policy(
            Bucket="ranges",
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:PutObject",
                            "Resource": "arn:aws:s3:::ranges/*",
                            "Condition": condition,
                        }
                    ],
                }
            ),
        )

    for operator, network in (
        ("IpAddress", "127.0.0.0/8"),
        ("IpAddress", "::ffff:127.0.0.0/104"),
        ("NotIpAddress", "::1/128"),
    ):
        deny(operator, network)
        assert code(s3.put_object, Bucket="ranges", Key="a", Body=b"x") == "AccessDenied", (
            operator,
            network,
        )
        over_ipv6.put_object(Bucket="ranges", Key="a", Body=b"x")
    for operator, network in (("IpAddress", "::1/128"), ("NotIpAddress", "127.0.0.0/8")):
        deny(operator, network)
        s3.put_object(Bucket="ranges", Key="a", Body=b"x")
        assert code(over_ipv6.put_object, Bucket="ranges", Key="a", Body=b"x") == "AccessDenied", (
            operator,
            network,
        )
    events = server.client("cloudtrail", endpoint=f"https://127.0.0.1:{port}").lookup_events()[
        "Events"
    ]
    made = next(
        json.loads(event["CloudTrailEvent"])
        for event in events
        if event["EventName"] == "CreateBucket"
    )
    assert made["sourceIPAddress"] == "127.0.0.1"
    assert server.stop() == 0


def test_what_a_call_leaves_among_the_errors_of_openssl_does_not_end_its_connection(server):
    """The end of a PEM text is an error to OpenSSL, and stays in its thread's list: the next wait
    for bytes took it for an error of the connection."""
    anywhere = server.client("rolesanywhere")
    bundle = {"x509CertificateData": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}
    for _ in range(40):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            anywhere.create_trust_anchor(
                name="broken", source={"sourceType": "CERTIFICATE_BUNDLE", "sourceData": bundle}
            )
        assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    "head",
    [
        "POST /?Action=AssumeRoleWithWebIdentity&Version=2011-06-15 HTTP/1.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n",
    ],
)
def test_of_who_shows_no_session_no_large_body_is_read(server, head):
    """He is answered from the head: what he could make the server hold is bounded by little."""
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    address = urllib.parse.urlsplit(server.endpoint["endpoint"])
    with socket.create_connection((address.hostname, address.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=address.hostname) as wired:
            wired.sendall(head.encode() + b"Host: localhost\r\n\r\n")  # and not a byte of the body
            status = int(wired.recv(4096).split(b" ")[1])
    assert status in (400, 403, 413)

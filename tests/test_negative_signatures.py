# SPDX-License-Identifier: Apache-2.0
"""Signed requests, each changed in one way: none is let in, and each is answered alike before the
resource exists and after, byte for byte. So nobody learns without a session what there is."""
import base64
import collections
import dataclasses
import hashlib
import hmac
import http.client
import json
import re
import urllib.parse

import pytest
from urllib3.filepost import encode_multipart_formdata

import wire
from clock import ahead
from conftest import Server
from functions import make_role, zipped

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/x-amz-json-1.1"}
NAME = "negative"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def rpc(service, target, body, kind="1.1"):
    headers = {"content-type": f"application/x-amz-json-{kind}", "x-amz-target": target}
    return wire.Call(service, "POST", "/", headers, json.dumps(body).encode())


# Of each way to speak to the server, one that asks for a thing by its name.
CALLS = {
    "s3 get": wire.Call("s3", "GET", f"/{NAME}/k?x-id=GetObject", {"x-amz-meta-a": "b"}, b""),
    "s3 put": wire.Call("s3", "PUT", f"/{NAME}/new", {"x-amz-meta-a": "b"}, b"payload"),
    "dynamodb": rpc(
        "dynamodb",
        "DynamoDB_20120810.GetItem",
        {"TableName": NAME, "Key": {"k": {"S": "k"}}},
        "1.0",
    ),
    "iam": wire.Call(
        "iam", "POST", "/", FORM, f"Action=GetRole&Version=2010-05-08&RoleName={NAME}".encode()
    ),
    "sts": wire.Call(
        "sts",
        "POST",
        "/",
        FORM,
        b"Action=AssumeRole&Version=2011-06-15&RoleSessionName=ss&RoleArn="
        + f"arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2F{NAME}".encode(),
    ),
    "kms": rpc("kms", "TrentService.DescribeKey", {"KeyId": f"alias/{NAME}"}),
    "lambda": wire.Call("lambda", "GET", f"/2015-03-31/functions/{NAME}", dict(JSON), b""),
    "logs": rpc("logs", "Logs_20140328.DescribeLogStreams", {"logGroupName": NAME}),
}
# What a request may be refused with that has proven nothing.
REFUSALS = {
    *("SignatureDoesNotMatch", "InvalidSignatureException", "AuthorizationHeaderMalformed"),
    *("IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken"),
    *("MissingAuthenticationTokenException", "InvalidToken", "InvalidClientTokenId"),
    *("UnrecognizedClientException", "InvalidAccessKeyId", "RequestTimeTooSkewed"),
    *("AccessDenied", "AccessDeniedException", "InvalidArgument", "InvalidRequest"),
    *("AuthorizationQueryParametersError", "XAmzContentSHA256Mismatch", "InvalidAction"),
    *("UnknownOperationException", "ExpiredToken", "ExpiredTokenException"),
    *("InvalidPolicyDocument", "BadDigest", "MissingSecurityHeader", "IncompleteBody"),
}


class Probe:
    """A request as it goes over the wire, again and again the same."""

    def __init__(self, call, headers, body=None, known=False):
        self.call, self.headers, self.body = call, headers, body
        # S3 proves the head first: whose body alone is another is somebody, and may be told what he
        # may see.
        self.known = known


class Line:
    """One kept connection. Whoever proves nothing may lose it at any time."""

    def __init__(self, door):
        self.door, self.connection = door, door.connect()

    def ask(self, probe):
        for again in (True, False):
            try:
                return self.door.send(
                    probe.call, probe.headers, body=probe.body, connection=self.connection
                )
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = self.door.connect()
                if not again:
                    raise


def shown(answer):
    """All of an answer but what names this one request, or the moment."""
    body = answer.body
    for tag in (b"RequestId", b"HostId", b"ServerTime"):
        body = re.sub(b"<%s>[^<]*</%s>" % (tag, tag), b"", body)
    headers = {
        k: v
        for k, v in answer.headers.items()
        if k not in ("date", "x-amzn-requestid", "x-amz-request-id", "x-amz-id-2")
    }
    # JSON services say until when a signature was good.
    body = re.sub(rb"\d{8}T\d{6}Z( [+-] \d+ min\.)?", b"", body)
    headers["content-length"] = ""
    return answer.status, headers, body


def flipped(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def in_authorization(old, new):
    return lambda h: h | {"authorization": re.sub(old, new, h["authorization"], count=1)}


def header_changes(call, headers, other):
    """What is done to the headers of a signed request, by name."""
    signature = headers["authorization"].rsplit("=", 1)[1]
    listed = re.search("SignedHeaders=([^,]*)", headers["authorization"])[1].split(";")
    token, id_ = headers["x-amz-security-token"], other["AccessKeyId"]
    for name in listed:
        # These are no part of what is asked; their other values are tried below.
        if name not in ("host",):
            yield f"{name} changed", lambda h, n=name: h | {n: h[n] + "x"}
            yield f"{name} removed", lambda h, n=name: {k: v for k, v in h.items() if k != n}
        left = ";".join(one for one in listed if one != name)
        yield f"{name} unsigned", in_authorization("SignedHeaders=[^,]*", f"SignedHeaders={left}")
    yield "host changed", lambda h: h | {"host": "x" + h["host"]}
    for what, names in (
        ("reordered", listed[::-1]),
        ("doubled", [*listed, listed[-1]]),
        ("and one that is not there", [*listed, "zz"]),
        ("of none", []),
    ):
        yield f"signed headers {what}", in_authorization(
            "SignedHeaders=[^,]*", "SignedHeaders=" + ";".join(names)
        )
    for at in (0, 1, 13, 31, 32, 50, 62, 63):
        digit = "0" if signature[at] != "0" else "1"
        yield f"signature at {at}", in_authorization(
            signature, signature[:at] + digit + signature[at + 1 :]
        )
    for what, text in (
        ("empty", ""),
        ("of zeros", "0" * 64),
        ("cut", signature[:-1]),
        ("half", signature[:32]),
        ("longer", signature + "0"),
        ("doubled", signature * 2),
        ("reversed", signature[::-1]),
    ):
        yield f"signature {what}", in_authorization(signature, text)
    for at in (0, 8, 40, len(token) // 2, len(token) - 2):
        yield f"token at {at}", lambda h, t=flipped(token, at): h | {"x-amz-security-token": t}
    for what, text in (
        ("empty", ""),
        ("cut", token[:-1]),
        ("half", token[: len(token) // 2]),
        ("longer", token + "A"),
        ("doubled", token * 2),
        ("of another session", other["SessionToken"]),
        ("with another's end", token[: len(token) // 2] + other["SessionToken"][len(token) // 2 :]),
    ):
        yield f"token {what}", lambda h, t=text: h | {"x-amz-security-token": t}
    yield "key id of another session", in_authorization("Credential=[^/]*", f"Credential={id_}")
    yield "key id and token of another session", lambda h: in_authorization(
        "Credential=[^/]*", f"Credential={id_}"
    )(h | {"x-amz-security-token": other["SessionToken"]})
    yield "key id flipped", in_authorization("Credential=ASIA(.)", r"Credential=ASIA9")
    yield "key id empty", in_authorization("Credential=[^/]*", "Credential=")
    for what, old, new in (
        ("day before", r"/\d{8}/", "/20200101/"),
        ("region", "/us-east-1/", "/eu-west-1/"),
        ("service", f"/{call.service}/aws4", "/ec2/aws4"),
        ("terminator", "aws4_request", "aws5_request"),
        ("parts too few", "/us-east-1/", "/"),
        ("parts too many", "/us-east-1/", "/us-east-1/us-east-1/"),
    ):
        yield f"scope of another {what}", in_authorization(old, new)
    yield "no authorization", lambda h: {k: v for k, v in h.items() if k != "authorization"}
    yield "another algorithm", in_authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")
    second = headers["x-amz-date"]
    second = second[:14] + ("0" if second[14] != "0" else "1") + "Z"
    yield "another second", lambda h: h | {"x-amz-date": second}


def call_changes(call):
    """What is done to the request itself after it was signed."""
    path, _, query = call.target.partition("?")
    yield "method", dataclasses.replace(call, method="PATCH")
    yield "query more", dataclasses.replace(call, target=f"{path}?{query}&more=1")
    if call.service == "s3":
        yield "key", dataclasses.replace(call, target=call.target.replace("/k", "/l", 1) + "&a")
        yield "case of the path", dataclasses.replace(call, target=call.target.upper())
    if query:
        yield "query less", dataclasses.replace(call, target=path)
    if call.body:
        yield "body longer", dataclasses.replace(call, body=call.body + b" ")
        yield "body shorter", dataclasses.replace(call, body=call.body[:-1])
        yield "body of none", dataclasses.replace(call, body=b"")
        yield "body flipped", dataclasses.replace(
            call, body=call.body[:-1] + bytes([call.body[-1] ^ 1])
        )


def by_header(door, own, other):
    for name, call in CALLS.items():
        headers = door.sign(call, own)
        for what, change in header_changes(call, headers, other):
            yield f"{name}: {what}", Probe(call, change(headers))
        for what, changed in call_changes(call):
            known = call.service == "s3" and what.startswith("body")
            yield f"{name}: {what}", Probe(changed, headers, known=known)
        for what, scope in (
            ("day", {"date": "20200101"}),
            ("region", {"region": "eu-west-1"}),
            ("terminator", {"terminator": "aws5_request"}),
        ):
            yield f"{name}: signed for another {what}", Probe(call, door.sign(call, own, **scope))
        for late in (-1800, 1800):
            yield f"{name}: signed {late} s from now", Probe(
                call, door.sign(call, own, late_s=late)
            )
        yield f"{name}: signed with another's key", Probe(
            call, door.sign(call, own | {"SecretAccessKey": other["SecretAccessKey"]})
        )


def chunked(door, own, spoil=None):
    """A body in two signed chunks and the last. `spoil` changes them once they are signed."""
    parts = [b"a" * 8192, b"b" * 100, b""]
    call = wire.Call(
        "s3",
        "PUT",
        f"/{NAME}/chunked",
        {
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(sum(map(len, parts))),
        },
        b"",
    )
    headers = door.sign(call, own, STREAMING)
    scope = re.search("Credential=[^/]*/([^,]*)", headers["authorization"])[1]
    key = b"AWS4" + own["SecretAccessKey"].encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    before, chunks = headers["authorization"].rsplit("=", 1)[1], []
    for part in parts:
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256-PAYLOAD",
                headers["x-amz-date"],
                scope,
                before,
                hashlib.sha256(b"").hexdigest(),
                hashlib.sha256(part).hexdigest(),
            ]
        )
        before = hmac.new(key, text.encode(), "sha256").hexdigest()
        chunks.append([part, before])
    if spoil:
        spoil(chunks)
    body = b"".join(
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), signature.encode(), part)
        for part, signature in chunks
    )
    return Probe(call, headers, body, known=spoil is not None)


def swap(chunks, field=None):
    if field is None:
        chunks[0], chunks[1] = chunks[1], chunks[0]
    else:
        chunks[0][field], chunks[1][field] = chunks[1][field], chunks[0][field]


def by_chunks(door, own, other):
    zero = "0" * 64
    for what, spoil in {
        "byte of the first": lambda c: c[0].__setitem__(0, b"x" + c[0][0][1:]),
        "byte of the second": lambda c: c[1].__setitem__(0, b"x" + c[1][0][1:]),
        "signature of the first": lambda c: c[0].__setitem__(1, zero),
        "signature of the second": lambda c: c[1].__setitem__(1, zero),
        "signature of the last": lambda c: c[2].__setitem__(1, zero),
        "signature too short": lambda c: c[1].__setitem__(1, c[1][1][:-1]),
        "no signature": lambda c: c[1].__setitem__(1, ""),
        "order": swap,
        "signatures swapped": lambda c: swap(c, 1),
        "second twice": lambda c: c.insert(1, list(c[1])),
        "first left out": lambda c: c.pop(0),
        "second left out": lambda c: c.pop(1),
        "more without a signature": lambda c: c.insert(2, [b"more", zero]),
    }.items():
        yield f"chunks: {what}", chunked(door, own, spoil)
    forged = own | {"SecretAccessKey": other["SecretAccessKey"]}
    yield "chunks: signed with another's key", chunked(door, forged)


def by_url(door, own, s3, other):
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": NAME, "Key": "k"}, ExpiresIn=900
    )
    parts = urllib.parse.urlsplit(url)
    pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)

    def probe(pairs, path=parts.path, method="GET", headers=None):
        target = path + "?" + urllib.parse.urlencode(pairs)
        return Probe(wire.Call("s3", method, target, {}, b""), headers or {"host": door.netloc})

    def changed(name, value):
        return [(k, value(v) if k == name else v) for k, v in pairs]

    for name, value in pairs:
        yield f"url: {name} removed", probe([one for one in pairs if one[0] != name])
        yield f"url: {name} empty", probe(changed(name, lambda _: ""))
        yield f"url: {name} longer", probe(changed(name, lambda v: v + "0"))
        yield f"url: {name} cut", probe(changed(name, lambda v: v[:-1]))
        yield f"url: {name} doubled", probe([*pairs, (name, value)])
        for at in {0, len(value) // 2}:
            yield f"url: {name} at {at}", probe(changed(name, lambda v, a=at: flipped(v, a)))
    token = "X-Amz-Security-Token"
    yield "url: token of another session", probe(changed(token, lambda _: other["SessionToken"]))
    yield "url: more", probe([*pairs, ("response-content-type", "text/html")])
    yield "url: another method", probe(pairs, method="DELETE")
    yield "url: another key", probe(pairs, path=parts.path + "l")
    yield "url: a header more", probe(
        pairs, headers={"host": door.netloc, "x-amz-meta-b": "unsigned"}
    )
    yield "url: another host", probe(pairs, headers={"host": "x" + door.netloc})
    for expires, late in ((60, -61), (1, -2), (60, 1200)):
        yield f"url: of {late} s from now, for {expires} s", presigned(door, own, expires, late)


def presigned(door, own, expires, late):
    """A URL whose time is over by a second, or has not come."""
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    from clock import signing

    request = botocore.awsrequest.AWSRequest(
        "GET", f"https://{door.netloc}/{NAME}/k", headers={"host": door.netloc}
    )
    credentials = botocore.credentials.Credentials(
        own["AccessKeyId"], own["SecretAccessKey"], own["SessionToken"]
    )
    with signing(seconds=late):
        botocore.auth.S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires).add_auth(request)
    target = request.url.split(door.netloc, 1)[1]
    return Probe(wire.Call("s3", "GET", target, {}, b""), {"host": door.netloc})


def by_form(door, s3, other):
    post = s3.generate_presigned_post(
        NAME, "form", Conditions=[["content-length-range", 1, 100]], ExpiresIn=900
    )

    def probe(fields):
        body, kind = encode_multipart_formdata([*fields, ("file", ("f", b"{}", "text/plain"))])
        headers = {"host": door.netloc, "content-type": kind}
        return Probe(wire.Call("s3", "POST", f"/{NAME}", {}, body), headers)

    pairs = list(post["fields"].items())
    for name, value in pairs:
        rest = [one for one in pairs if one[0] != name]
        # The key is what the policy is about, and is looked at after the signature.
        if name == "key":
            continue
        yield f"form: {name} removed", probe(rest)
        yield f"form: {name} empty", probe([*rest, (name, "")])
        yield f"form: {name} longer", probe([*rest, (name, value + "0")])
        yield f"form: {name} cut", probe([*rest, (name, value[:-1])])
        for at in {1, len(value) // 2}:
            yield f"form: {name} at {at}", probe([*rest, (name, flipped(value, at))])
    policy = json.loads(base64.b64decode(post["fields"]["policy"]))
    policy["conditions"] = [c for c in policy["conditions"] if "content-length-range" not in c]
    wider = base64.b64encode(json.dumps(policy).encode()).decode()
    yield "form: a wider policy", probe([(k, wider if k == "policy" else v) for k, v in pairs])
    token = [(k, other["SessionToken"] if "token" in k else v) for k, v in pairs]
    yield "form: token of another session", probe(token)


def make_everything(server):
    s3, kms = server.client("s3"), server.client("kms")
    s3.create_bucket(Bucket=NAME)
    s3.put_object(Bucket=NAME, Key="k", Body=b"secret")
    server.client("dynamodb").create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    role = make_role(server, NAME)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{NAME}", TargetKeyId=key)
    server.client("lambda").create_function(
        FunctionName=NAME,
        Role=role,
        Runtime="provided.al2023",
        Handler="x",
        Code={"ZipFile": zipped()},
    )
    server.client("logs").create_log_group(logGroupName=NAME)


@pytest.fixture(scope="module")
def asked(server):
    """Each changed request with its two answers: before there is what it asks for, and after."""
    door = wire.Wire(server)
    own, other = server.session(), server.session()
    s3 = server.client("s3", session=own)
    probes = [
        *by_header(door, own, other),
        *by_chunks(door, own, other),
        *by_url(door, own, s3, other),
        *by_form(door, s3, other),
    ]
    line = Line(door)
    before = [line.ask(probe) for _, probe in probes]
    make_everything(server)
    after = [line.ask(probe) for _, probe in probes]
    return door, own, [(*one, *two) for one, *two in zip(probes, before, after)]


def test_there_are_enough_of_them(asked):
    names = [name for name, *_ in asked[2]]
    ways = collections.Counter(name.split(":")[0] for name in names)
    assert len(names) == len(set(names)) >= 300
    assert set(ways) == {*CALLS, "chunks", "url", "form"}
    assert all(count >= 14 for count in ways.values()), ways


def test_none_is_let_in(asked):
    let_in = [(name, two) for name, _, *both in asked[2] for two in both if two.status < 400]
    assert not let_in
    others = {
        (name, two.status, two.code)
        for name, probe, *both in asked[2]
        for two in both
        if two.code not in REFUSALS and not (probe.known and two.code == "NoSuchBucket")
    }
    assert not others


def test_none_tells_whether_there_is_what_it_asks_for(asked):
    told = [
        (name, before, after)
        for name, probe, before, after in asked[2]
        if not probe.known and shown(before) != shown(after)
    ]
    assert not told


def test_unchanged_they_are_let_in(server, asked):
    """So that it is the change that was refused."""
    door, own, _ = asked
    for name, call in CALLS.items():
        answer = door.send(call, door.sign(call, own))
        # The role trusts functions alone: that is for its policy to say, to who has a session.
        assert answer.status == 200 or (name == "sts" and answer.code == "AccessDenied"), name
    probe = chunked(door, own)
    assert door.send(probe.call, probe.headers, body=probe.body).status == 200
    s3 = server.client("s3")
    assert s3.get_object(Bucket=NAME, Key="chunked")["Body"].read() == b"a" * 8192 + b"b" * 100
    probe = presigned(door, own, 60, -50)
    assert door.send(probe.call, probe.headers).body == b"secret"
    keys = {one["Key"] for one in s3.list_objects_v2(Bucket=NAME)["Contents"]}
    assert keys == {"k", "new", "chunked"}


def test_a_session_that_is_over_by_a_second_tells_nothing(tmp_path):
    server = Server(tmp_path).start()
    door = wire.Wire(server)
    short = json.loads(server.run("credentials", "--duration", 900).stdout)
    assert door.ask(CALLS["s3 get"], short).code == "NoSuchBucket"
    server.listen = door.netloc
    answers = []
    for _ in range(2):
        server.stop()
        server.start(**ahead(seconds=901))
        answers.append(
            [door.send(call, door.sign(call, short, late_s=901)) for call in CALLS.values()]
        )
        server.stop()
        server.start()
        if len(answers) == 1:
            make_everything(server)
    for name, before, after in zip(CALLS, *answers):
        assert before.status in (400, 403) and "ExpiredToken" in before.code, (name, before)
        assert shown(before) == shown(after)
    assert server.stop() == 0

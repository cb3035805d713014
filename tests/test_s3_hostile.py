# SPDX-License-Identifier: Apache-2.0
"""What no honest client sends to S3: each gets AWS's error, changes nothing, and the server stays
up."""
import json
import os

import pytest

from s3_wire import Wire, document, md5, trailer_body


@pytest.fixture(scope="module")
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="hostile")
    client.put_object(Bucket="hostile", Key="k", Body=b"0123456789")
    return client


@pytest.fixture(scope="module")
def wire(server, s3):
    return Wire(server)


DOCUMENTS = (
    [
        ("PUT", "/hostile", q)
        for q in (
            "versioning",
            "encryption",
            "publicAccessBlock",
            "notification",
            "ownershipControls",
            "tagging",
            "object-lock",
        )
    ]
    + [("PUT", "/hostile/k", q) for q in ("tagging", "retention", "legal-hold")]
    + [("POST", "/hostile", "delete"), ("PUT", "/made-by-xml", "")]
)
NOT_XML = [
    b"<",
    b"\x00\xff\xfe",
    b"{}",
    b"<a></b>",
    b"<a",
    b"<Other/>",
    b"<?xml version='1.0'?>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<a>" * 5000,
    b"<a>" * 40 + b"</a>" * 40,
    # Two roots: who applies it could look at one, who records it at the other. Bytes that no reader
    # of the record would take.
    b"<bucketName>other</bucketName><PublicAccessBlockConfiguration/>",
    b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration><x/>",
    b"<VersioningConfiguration><Status>Suspended</Status><x>\xff</x></VersioningConfiguration>",
]


@pytest.mark.parametrize("method, path, query", DOCUMENTS)
def test_a_malformed_document_is_refused_and_changes_nothing(wire, s3, method, path, query):
    before = [
        wire.call("GET", "/hostile", q).body
        for q in ("versioning", "encryption", "publicAccessBlock", "notification")
    ]
    for body in NOT_XML:
        answer = wire.call(method, path, query, body, {"content-md5": md5(body)})
        assert answer.status in (400, 409) and answer.code in (
            "MalformedXML",
            "IllegalVersioningConfigurationException",
            "InvalidRequest",
        ), (body[:40], answer)
    assert before == [
        wire.call("GET", "/hostile", q).body
        for q in ("versioning", "encryption", "publicAccessBlock", "notification")
    ]
    assert wire.call("HEAD", "/made-by-xml").status == 404


@pytest.mark.parametrize(
    "query",
    [
        "versioning",
        "encryption",
        "publicAccessBlock",
        "ownershipControls",
        "policy",
        "tagging",
        "object-lock",
    ],
)
def test_a_configuration_must_prove_that_it_arrived_whole(wire, query):
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert wire.call("PUT", "/hostile", query, body).code == "InvalidRequest"
    assert (
        wire.call("PUT", "/hostile", query, body, {"content-md5": md5(b"other")}).code
        == "BadDigest"
    )
    assert wire.call("PUT", "/hostile", query, body, {"content-md5": "%%%"}).code == "InvalidDigest"
    assert (
        wire.call("PUT", "/hostile", query, body, {"x-amz-checksum-crc32": "AAAAAA=="}).code
        == "BadDigest"
    )
    assert document(wire.call("GET", "/hostile", "versioning")).findtext("Status") is None


def test_a_batch_of_deletions_must_prove_it_too(wire, s3):
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    assert wire.call("POST", "/hostile", "delete", body).code == "InvalidRequest"
    assert (
        wire.call(
            "POST", "/hostile", "delete", body, {"x-amz-checksum-sha256": "A" * 43 + "="}
        ).code
        == "BadDigest"
    )
    announced = {
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": str(len(body)),
        "content-encoding": "aws-chunked",
    }
    assert (
        wire.call(
            "POST",
            "/hostile",
            "delete",
            trailer_body(body, value="AAAAAA=="),
            announced,
            content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        ).code
        == "BadDigest"
    )
    assert s3.get_object(Bucket="hostile", Key="k")["Body"].read() == b"0123456789"
    many = b"<Delete>" + b"<Object><Key>x</Key></Object>" * 1001 + b"</Delete>"
    for bad in (
        many,
        b"<Delete/>",
        b"<Delete><Object/></Delete>",
        b"<Delete><Object><VersionId>null</VersionId></Object></Delete>",
    ):
        assert (
            wire.call("POST", "/hostile", "delete", bad, {"content-md5": md5(bad)}).code
            == "MalformedXML"
        )
    odd = (
        b"<Delete><Object><Key>k</Key><VersionId>no such</VersionId></Object><Object><Key>"
        + b"k" * 1025
        + b"</Key></Object></Delete>"
    )
    answer = document(wire.call("POST", "/hostile", "delete", odd, {"content-md5": md5(odd)}))
    assert [e.findtext("Code") for e in answer.iter("Error")] == [
        "NoSuchVersion",
        "KeyTooLongError",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "a/../b",
        "./.",
        "..",
        "//",
        "a//b/",
        "\x01",
        "new\nline",
        "tab\t",
        "quote\"'<>&",
        "%41",
        "+",
        " ",
        "ü",
        "\U0001f600",
        "a?b=c",
        "a#b",
        "\\..\\x",
    ],
)
def test_a_key_is_bytes_and_means_nothing_else(server, s3, key):
    before = {p for p in server.data_dir.parent.rglob("*")}
    s3.put_object(Bucket="hostile", Key=key, Body=key.encode())
    s3.put_object(Bucket="hostile", Key=key, Body=key.encode() * 100_000)
    assert s3.get_object(Bucket="hostile", Key=key)["Body"].read() == key.encode() * 100_000
    assert key in [o["Key"] for o in s3.list_objects_v2(Bucket="hostile")["Contents"]]
    s3.delete_object(Bucket="hostile", Key=key)
    assert key not in [o["Key"] for o in s3.list_objects_v2(Bucket="hostile")["Contents"]]
    assert all(
        "blobs" in p.parts or "db" in p.parts
        for p in set(server.data_dir.parent.rglob("*")) - before
    )


def test_keys_and_metadata_at_their_limits_and_one_past(s3, wire, code):
    for key in ("k" * 1024, "ü" * 512):
        s3.put_object(Bucket="hostile", Key=key, Body=b"x")
        s3.delete_object(Bucket="hostile", Key=key)
        assert code(s3.put_object, Bucket="hostile", Key=key + "k", Body=b"x") == "KeyTooLongError"
    s3.put_object(Bucket="hostile", Key="meta", Body=b"x", Metadata={"a": "v" * 2047})
    assert (
        code(s3.put_object, Bucket="hostile", Key="meta", Body=b"y", Metadata={"a": "v" * 2048})
        == "MetadataTooLarge"
    )
    assert (
        code(
            s3.put_object,
            Bucket="hostile",
            Key="meta",
            Body=b"y",
            Metadata={"a": "v" * 1024, "b": "v" * 1023},
        )
        == "MetadataTooLarge"
    )
    assert s3.get_object(Bucket="hostile", Key="meta")["Body"].read() == b"x"


@pytest.mark.parametrize(
    "path", ["/hostile/%FF%FE", "/hostile/%C0%AF", "/hostile/%ED%A0%80", "/hostile/a%00b"]
)
def test_a_key_that_is_not_utf8_is_refused(wire, path):
    assert wire.call("PUT", path, body=b"x").code == "InvalidURI"


@pytest.mark.parametrize("path", ["/hostile/%zz", "/hostile/%4", "/%"])
def test_a_broken_escape_is_refused(wire, path):
    # It may not even be signed: either answer keeps it out.
    assert wire.call("PUT", path, body=b"x").code in ("InvalidURI", "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "asked, status, wanted",
    [
        ("bytes=0-0", 206, b"0"),
        ("bytes=9-", 206, b"9"),
        ("bytes=9-9", 206, b"9"),
        ("bytes=0-99", 206, b"0123456789"),
        ("bytes=-1", 206, b"9"),
        ("bytes=-10", 206, b"0123456789"),
        ("bytes=-11", 206, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=10-20", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-4", 200, b"0123456789"),
        ("bytes=a-b", 200, b"0123456789"),
        ("bytes=", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=0-1", 200, b"0123456789"),
        ("bytes=0-18446744073709551616", 200, b"0123456789"),
        ("bytes=+1-2", 200, b"0123456789"),
        ("bytes=--1", 200, b"0123456789"),
        ("bytes=9223372036854775807-", 416, None),
    ],
)
def test_ranges_at_their_edges(wire, s3, asked, status, wanted):
    for method in ("GET", "HEAD"):
        answer = wire.call(method, "/hostile/k", headers={"range": asked})
        assert answer.status == status
        if status == 206:
            assert int(answer.headers["content-length"]) == len(wanted) and answer.headers[
                "content-range"
            ].endswith("/10")
        if method == "GET" and wanted is not None:
            assert answer.body == wanted


def test_a_range_of_nothing(wire, s3):
    s3.put_object(Bucket="hostile", Key="nothing", Body=b"")
    for asked in ("bytes=0-0", "bytes=-1"):
        assert wire.call("GET", "/hostile/nothing", headers={"range": asked}).code == "InvalidRange"
    assert wire.call("GET", "/hostile/nothing").status == 200


BAD_NAMES = [
    "ab",
    "a" * 64,
    "Upper",
    "under_score",
    "-edge",
    "edge-",
    ".edge",
    "edge.",
    "two..dots",
    "192.168.0.1",
    "xn--a",
    "sthree-a",
    "amzn-s3-demo-a",
    "a-s3alias",
    "a--ol-s3",
    "a.mrap",
    "a--x-s3",
    "a--table-s3",
    "sp%20ace",
    "%C3%BCber",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_no_bucket_may_have(wire, name):
    assert wire.call("PUT", f"/{name}").code == "InvalidBucketName"
    assert wire.call("HEAD", f"/{name}").status == 404


@pytest.mark.parametrize("name", ["abc", "a" * 63, "1.2.3", "a.b-c", "192.168.0.1.5"])
def test_a_name_a_bucket_may_have(wire, name):
    made = wire.call("PUT", f"/{name}")
    assert made.status == 200 and made.headers["location"] == f"/{name}"
    assert wire.call("PUT", f"/{name}").status == 200  # its owner may, in us-east-1 alone
    locked = {"x-amz-bucket-object-lock-enabled": "true"}  # but the answer must not promise a lock
    assert wire.call("PUT", f"/{name}", headers=locked).code == "BucketAlreadyOwnedByYou"
    assert wire.call("HEAD", f"/{name}").headers["x-amz-bucket-region"] == "us-east-1"
    assert wire.call("DELETE", f"/{name}").status == 204


def test_a_bucket_elsewhere_is_refused(wire):
    place = lambda region: (
        f"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>"
        "</CreateBucketConfiguration>"
    ).encode()
    assert (
        wire.call("PUT", "/elsewhere", body=place("eu-west-1")).code
        == "IllegalLocationConstraintException"
    )
    assert (
        wire.call("PUT", "/elsewhere", body=place("us-east-1")).code == "InvalidLocationConstraint"
    )
    assert wire.call("HEAD", "/elsewhere").status == 404
    answer = wire.call("GET", "/hostile", "list-type=2", region="eu-west-1")
    assert (
        answer.code == "AuthorizationHeaderMalformed"
        and document(answer).findtext("Region") == "us-east-1"
    )
    # A HEAD has no body: clients read the Region from the header, and sign anew for it.
    answer = wire.call("HEAD", "/hostile", region="eu-west-1")
    assert answer.status == 400 and answer.headers["x-amz-bucket-region"] == "us-east-1"


def test_the_expected_owner_must_be_the_owner(server, wire):
    mine, other = server.endpoint["account_id"], "123456789012"
    calls = [
        ("GET", "/hostile", "list-type=2", b""),
        ("GET", "/hostile/k", "", b""),
        ("HEAD", "/hostile", "", b""),
        ("PUT", "/hostile/k", "", b"changed"),
        ("DELETE", "/hostile/k", "", b""),
        ("GET", "/hostile", "policy", b""),
        ("POST", "/hostile/k", "uploads", b""),
        ("GET", "/hostile/k", "tagging", b""),
    ]
    for method, path, query, body in calls:
        assert (
            wire.call(method, path, query, body, {"x-amz-expected-bucket-owner": other}).status
            == 403
        ), (method, path, query)
        assert (
            wire.call(method, path, query, body, {"x-amz-expected-bucket-owner": "bob"}).status
            == 400
        )
    assert (
        wire.call(
            "PUT",
            "/hostile/copied",
            headers={
                "x-amz-copy-source": "/hostile/k",
                "x-amz-source-expected-bucket-owner": other,
            },
        ).status
        == 403
    )
    got = wire.call("GET", "/hostile/k", headers={"x-amz-expected-bucket-owner": mine})
    assert got.body == b"0123456789"


@pytest.mark.parametrize(
    "headers, code",
    [
        ({"x-amz-storage-class": "COLDEST"}, "InvalidStorageClass"),
        ({"x-amz-storage-class": "GLACIER"}, "NotImplemented"),
        ({"x-amz-acl": "public-read"}, "AccessControlListNotSupported"),
        ({"x-amz-grant-read": "id=1"}, "AccessControlListNotSupported"),
        ({"x-amz-server-side-encryption": "rot13"}, "InvalidArgument"),
        ({"x-amz-server-side-encryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"x-amz-server-side-encryption-aws-kms-key-id": "x"}, "InvalidArgument"),
        (
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "no-such-key",
            },
            "KMS.NotFoundException",
        ),
        (
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-context": "bm8ganNvbg==",
            },
            "InvalidArgument",
        ),
        ({"x-amz-server-side-encryption-customer-algorithm": "AES256"}, "NotImplemented"),
        ({"x-amz-website-redirect-location": "/"}, "NotImplemented"),
        ({"content-md5": "short"}, "InvalidDigest"),
        ({"x-amz-tagging": "a=%zz"}, "InvalidArgument"),
        ({"x-amz-copy-source": "nothing"}, "InvalidArgument"),
        ({"x-amz-copy-source": "/hostile/%ff"}, "InvalidArgument"),
        ({"x-amz-copy-source": "/hostile/k?versionId=x"}, "InvalidArgument"),
        ({"x-amz-copy-source": "/hostile/missing"}, "NoSuchKey"),
        ({"x-amz-copy-source": "/no-such-bucket/k"}, "NoSuchBucket"),
    ],
)
def test_headers_that_cannot_be_obeyed_are_refused_not_passed_over(wire, headers, code):
    assert (
        wire.call(
            "PUT",
            "/hostile/refused",
            body=b"x" if "x-amz-copy-source" not in headers else b"",
            headers=headers,
        ).code
        == code
    )
    assert wire.call("HEAD", "/hostile/refused").status == 404


@pytest.mark.parametrize("acl", ["private", "bucket-owner-full-control"])
def test_an_acl_that_says_what_is_so_is_accepted(wire, acl):
    assert wire.call("PUT", "/hostile/acl", body=b"x", headers={"x-amz-acl": acl}).status == 200


def test_acls_can_be_read_but_not_put(s3, code, server):
    account = server.endpoint["account_id"]
    for grants in (
        s3.get_bucket_acl(Bucket="hostile")["Grants"],
        s3.get_object_acl(Bucket="hostile", Key="k")["Grants"],
    ):
        assert grants == [
            {"Grantee": {"ID": account, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
        ]
    for acl in ("private", "public-read"):
        assert code(s3.put_bucket_acl, Bucket="hostile", ACL=acl) == "AccessControlListNotSupported"
        assert (
            code(s3.put_object_acl, Bucket="hostile", Key="k", ACL=acl)
            == "AccessControlListNotSupported"
        )
    assert (
        code(s3.create_bucket, Bucket="public-from-birth", ACL="public-read")
        == "InvalidBucketAclWithObjectOwnership"
    )
    s3.put_bucket_ownership_controls(
        Bucket="hostile", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    assert (
        code(
            s3.put_bucket_ownership_controls,
            Bucket="hostile",
            OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
        )
        == "NotImplemented"
    )


@pytest.mark.parametrize("version", ["", "x", "a" * 24, "null", "../" * 8])
def test_versions_that_are_none(wire, version):
    answer = wire.call("GET", "/hostile/k", f"versionId={version.replace('/', '%2F')}")
    assert (answer.status, answer.code) == {
        "a" * 24: (404, "NoSuchVersion"),
        "../" * 8: (404, "NoSuchVersion"),
        "null": (200, ""),
    }.get(version, (400, "InvalidArgument"))
    assert wire.call("PUT", "/hostile/k", "versionId=null", b"x").code == "InvalidArgument"


ABSENT = [
    ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    ("get_bucket_cors", "NoSuchCORSConfiguration"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ("get_bucket_policy", "NoSuchBucketPolicy"),
    ("get_bucket_policy_status", "NoSuchBucketPolicy"),
    ("get_bucket_tagging", "NoSuchTagSet"),
    ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
]


@pytest.mark.parametrize("call, wanted", ABSENT)
def test_what_a_bucket_does_not_have_is_absent(s3, code, call, wanted):
    assert code(getattr(s3, call), Bucket="hostile") == wanted
    assert code(getattr(s3, call), Bucket="no-such-bucket") == "NoSuchBucket"


def test_what_is_not_built_is_absent_and_cannot_be_put(s3, wire):
    assert "LoggingEnabled" not in s3.get_bucket_logging(
        Bucket="hostile"
    ) and "Status" not in s3.get_bucket_accelerate_configuration(Bucket="hostile")
    assert s3.get_bucket_request_payment(Bucket="hostile")["Payer"] == "BucketOwner"
    for query in (
        "lifecycle",
        "website",
        "replication",
        "logging",
        "accelerate",
        "requestPayment",
        "analytics",
        "inventory",
        "metrics",
        "intelligent-tiering",
    ):
        assert wire.put_document("/hostile", query, "<X/>").code == "NotImplemented", query
    for method, path, query in (
        ("POST", "/hostile/k", "restore"),
        ("GET", "/hostile/k", "torrent"),
        ("POST", "/hostile/k", "select"),
        ("DELETE", "/hostile", "lifecycle"),
    ):
        assert wire.call(method, path, query).code == "NotImplemented"
    assert wire.call("PUT", "/hostile/k", "restore", b"overwritten").code == "NotImplemented"
    assert s3.get_object(Bucket="hostile", Key="k")["Body"].read() == b"0123456789"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
        {"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}},
        {"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_a_policy_that_makes_a_bucket_public_is_refused_while_blocked(s3, code, statement):
    public = policy(
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::hostile/*",
            **statement,
        }
    )
    assert code(s3.put_bucket_policy, Bucket="hostile", Policy=public) == "AccessDenied"
    assert code(s3.get_bucket_policy, Bucket="hostile") == "NoSuchBucketPolicy"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"Version":"2012-10-17"}',
        '{"Version":"2012-10-17","Statement":[]}'.replace(
            "[]",
            '[{"Effect":"Perhaps","Principal":"*","Action":"s3:*",'
            '"Resource":"arn:aws:s3:::hostile"}]',
        ),
        policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": "arn:aws:s3:::another/*",
            }
        ),
        policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:role/nobody"},
                "Action": "s3:*",
                "Resource": "arn:aws:s3:::hostile",
            }
        ),
    ],
)
def test_a_malformed_policy_is_refused(wire, text):
    assert wire.put_document("/hostile", "policy", text).code in (
        "MalformedPolicy",
        "InvalidRequest",
        "MissingRequestBodyError",
    )
    large = policy(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::hostile",
            "Sid": "x" * 21000,
        }
    )
    assert wire.put_document("/hostile", "policy", large).code == "PolicyTooLarge"
    assert wire.call("GET", "/hostile", "policy").code == "NoSuchBucketPolicy"


def test_plain_http_is_refused_by_the_policy_that_wants_tls_and_by_nothing_else(server, s3):
    s3.create_bucket(Bucket="https-only")
    s3.put_object(Bucket="https-only", Key="k", Body=b"x")
    wire = Wire(server)
    calls = (
        ("GET", "/https-only", "list-type=2", b""),
        ("GET", "/https-only/k", "", b""),
        ("PUT", "/https-only/k", "", b"y"),
        ("DELETE", "/https-only/k", "", b""),
        ("GET", "/https-only", "policy", b""),
    )
    assert (
        wire.call("GET", "/https-only/k", secure=False).body == b"x"
    )  # the listener itself takes it
    s3.put_bucket_policy(
        Bucket="https-only",
        Policy=policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::https-only", "arn:aws:s3:::https-only/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ),
    )
    for method, path, query, body in calls:
        assert (
            refused := wire.call(method, path, query, body, secure=False)
        ).status == 403 and refused.code == "AccessDenied", (method, path)
    assert s3.get_object(Bucket="https-only", Key="k")["Body"].read() == b"x"


def test_nothing_above_harmed_what_was_there(server, s3):
    assert (
        s3.get_object(Bucket="hostile", Key="k")["Body"].read() == b"0123456789"
        and server.process.poll() is None
    )

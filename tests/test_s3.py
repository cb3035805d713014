# SPDX-License-Identifier: Apache-2.0
"""S3 over the wire, with boto3 and the AWS CLI."""
import hashlib
import os
import urllib.request
import ssl

import pytest

from functions import until


@pytest.fixture(scope="module")
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="things")
    return client


def test_bodies_of_every_size_come_back_as_they_went(s3):
    # 64 KiB is where a body moves from the store to a sealed file; the file's chunks are 64 KiB as
    # well.
    for size in (0, 1, 65535, 65536, 65537, 131072, 1_000_001):
        body = os.urandom(size)
        s3.put_object(Bucket="things", Key=f"size/{size}", Body=body, Metadata={"size": str(size)})
        got = s3.get_object(Bucket="things", Key=f"size/{size}")
        assert got["Body"].read() == body and got["Metadata"] == {"size": str(size)}
        assert got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'


def test_a_range_is_a_slice(s3):
    body = os.urandom(300_000)
    s3.put_object(Bucket="things", Key="range", Body=body)
    for asked, wanted in (
        ("bytes=0-0", body[:1]),
        ("bytes=65530-65545", body[65530:65546]),
        ("bytes=299990-", body[-10:]),
        ("bytes=-7", body[-7:]),
    ):
        got = s3.get_object(Bucket="things", Key="range", Range=asked)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206 and got["Body"].read() == wanted


def test_an_unsatisfiable_range_is_refused(s3, code):
    s3.put_object(Bucket="things", Key="short", Body=b"abc")
    assert code(s3.get_object, Bucket="things", Key="short", Range="bytes=3-") == "InvalidRange"


def test_listing_pages_and_folds_by_delimiter(s3):
    for name in ("l/a", "l/b/1", "l/b/2", "l/c", "l/ü"):
        s3.put_object(Bucket="things", Key=name, Body=b"x")
    keys, prefixes, token = [], [], {}
    while True:
        page = s3.list_objects_v2(Bucket="things", Prefix="l/", Delimiter="/", MaxKeys=1, **token)
        keys += [o["Key"] for o in page.get("Contents", [])]
        prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert (keys, prefixes) == (["l/a", "l/c", "l/ü"], ["l/b/"])


def test_versions_and_delete_markers(server, s3, code):
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket="versioned", Key="k", Body=b"2")
    assert s3.get_object(Bucket="versioned", Key="k", VersionId=first)["Body"].read() == b"1"
    marker = s3.delete_object(Bucket="versioned", Key="k")
    assert marker["DeleteMarker"]
    assert code(s3.get_object, Bucket="versioned", Key="k") == "NoSuchKey"
    listed = s3.list_object_versions(Bucket="versioned")
    assert len(listed["Versions"]) == 2 and listed["DeleteMarkers"][0]["IsLatest"]
    s3.delete_object(Bucket="versioned", Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket="versioned", Key="k")["Body"].read() == b"2"
    assert code(s3.delete_bucket, Bucket="versioned") == "BucketNotEmpty"


def test_a_wrong_checksum_is_refused_and_nothing_is_stored(s3, code):
    assert (
        code(s3.put_object, Bucket="things", Key="bad", Body=b"abc", ChecksumSHA256="A" * 43 + "=")
        == "BadDigest"
    )
    assert (
        code(s3.put_object, Bucket="things", Key="bad", Body=b"abc", ContentMD5="A" * 22 + "==")
        == "BadDigest"
    )
    assert code(s3.get_object, Bucket="things", Key="bad") == "NoSuchKey"


def test_only_one_of_two_creators_wins(s3, code):
    s3.put_object(Bucket="things", Key="once", Body=b"1", IfNoneMatch="*")
    assert (
        code(s3.put_object, Bucket="things", Key="once", Body=b"2", IfNoneMatch="*")
        == "PreconditionFailed"
    )
    assert s3.get_object(Bucket="things", Key="once")["Body"].read() == b"1"


def test_a_disabled_key_makes_its_objects_unreadable(server, s3, code):
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(
        Bucket="things",
        Key="under-key",
        Body=b"secret",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    kms.disable_key(KeyId=key)
    assert code(s3.get_object, Bucket="things", Key="under-key") == "KMS.DisabledException"
    assert (
        code(
            s3.put_object,
            Bucket="things",
            Key="other",
            Body=b"x",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key,
        )
        == "KMS.DisabledException"
    )
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket="things", Key="under-key")["Body"].read() == b"secret"


def test_a_bucket_cannot_be_made_public(s3, code):
    public = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
        '"Action":"s3:GetObject","Resource":"arn:aws:s3:::things/*"}]}'
    )
    assert code(s3.put_bucket_policy, Bucket="things", Policy=public) == "AccessDenied"
    assert (
        code(s3.put_bucket_acl, Bucket="things", ACL="public-read")
        == "AccessControlListNotSupported"
    )


def test_a_policy_that_wants_tls_refuses_plain_http(server, s3, code):
    s3.create_bucket(Bucket="tls-only")
    s3.put_bucket_policy(
        Bucket="tls-only",
        Policy=(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
            '"Action":"s3:*","Resource":["arn:aws:s3:::tls-only","arn:aws:s3:::tls-only/*"],'
            '"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
        ),
    )
    plain = server.client("s3", endpoint=server.endpoint["http_endpoint"])
    assert code(plain.list_objects_v2, Bucket="tls-only") == "AccessDenied"
    assert s3.list_objects_v2(Bucket="tls-only")["KeyCount"] == 0


def test_a_presigned_address_works_until_it_is_changed(server, s3):
    s3.put_object(Bucket="things", Key="shared", Body=b"for you")
    address = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "things", "Key": "shared"}, ExpiresIn=60
    )
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    assert urllib.request.urlopen(address, context=context).read() == b"for you"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address.replace("shared", "other"), context=context)
    assert refused.value.code == 403


def part_of(response, number):
    """A part as CompleteMultipartUpload wants it: with the checksum that UploadPart answered."""
    return {
        "PartNumber": number,
        "ETag": response["ETag"],
        **{k: v for k, v in response.items() if k.startswith("Checksum") and k != "ChecksumType"},
    }


def test_a_multipart_upload_becomes_one_object(s3, code):
    first, last = os.urandom(5 << 20), os.urandom(100_000)
    upload = {
        "Bucket": "things",
        "Key": "multi",
        "UploadId": s3.create_multipart_upload(Bucket="things", Key="multi", Metadata={"a": "b"})[
            "UploadId"
        ],
    }
    sent = [
        part_of(s3.upload_part(**upload, PartNumber=n, Body=b), n)
        for n, b in ((1, first), (2, b"replaced"), (2, last), (7, b"left out"))
    ]
    assert [p["PartNumber"] for p in s3.list_parts(**upload)["Parts"]] == [1, 2, 7]
    assert code(s3.get_object, Bucket="things", Key="multi") == "NoSuchKey"
    parts = [sent[0], sent[2]]
    assert (
        code(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts[::-1]})
        == "InvalidPartOrder"
    )
    assert (
        code(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": [parts[0], sent[1]]})
        == "InvalidPart"
    )
    assert s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})[
        "ETag"
    ].endswith('-2"')
    got = s3.get_object(Bucket="things", Key="multi")
    assert got["Body"].read() == first + last and got["Metadata"] == {"a": "b"}
    edge = s3.get_object(
        Bucket="things", Key="multi", Range=f"bytes={(5 << 20) - 3}-{(5 << 20) + 2}"
    )["Body"].read()
    assert edge == first[-3:] + last[:3]
    assert code(s3.list_parts, **upload) == "NoSuchUpload"


def test_an_aborted_upload_leaves_no_file(server, s3, code):
    files = lambda: sum(p.is_file() for p in (server.data_dir / "blobs").rglob("*"))
    before = files()
    upload = {
        "Bucket": "things",
        "Key": "aborted",
        "UploadId": s3.create_multipart_upload(Bucket="things", Key="aborted")["UploadId"],
    }
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    assert files() == before + 1
    s3.abort_multipart_upload(**upload)
    until(lambda: files() == before)
    assert code(s3.abort_multipart_upload, **upload) == "NoSuchUpload"


def test_a_copy_has_the_bytes_and_the_metadata(s3, code):
    for size in (10, 200_000):
        body = os.urandom(size)
        s3.put_object(
            Bucket="things", Key="from here", Body=body, Metadata={"k": "v"}, ContentType="text/x"
        )
        s3.copy_object(
            Bucket="things", Key="to", CopySource={"Bucket": "things", "Key": "from here"}
        )
        got = s3.get_object(Bucket="things", Key="to")
        assert (
            got["Body"].read() == body
            and got["Metadata"] == {"k": "v"}
            and got["ContentType"] == "text/x"
        )
    assert (
        code(s3.copy_object, Bucket="things", Key="to", CopySource="things/to") == "InvalidRequest"
    )
    assert code(s3.copy_object, Bucket="things", Key="to", CopySource="things/nope") == "NoSuchKey"


def test_the_aws_cli_copies_lists_and_removes(server, tmp_path):
    source = tmp_path / "file.bin"
    source.write_bytes(os.urandom(20_000_000))  # the CLI makes this a multipart upload
    server.run("aws", "s3", "mb", "s3://by-cli")
    server.run("aws", "s3", "cp", source, "s3://by-cli/dir/file.bin")
    assert "file.bin" in server.run("aws", "s3", "ls", "s3://by-cli/dir/").stdout
    server.run("aws", "s3", "cp", "s3://by-cli/dir/file.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == source.read_bytes()
    server.run("aws", "s3", "rb", "s3://by-cli", "--force")

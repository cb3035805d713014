# SPDX-License-Identifier: Apache-2.0
"""What S3 promises about one object: conditions, checksums, parts, copies, tags, and who of many
racing writers wins."""
import base64
import concurrent.futures
import hashlib
import json
import os
import threading
import zlib

import pytest

from s3_wire import Wire, document, md5, trailer_body

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="objects")
    client.create_bucket(Bucket="kept")
    client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture(scope="module")
def wire(server, s3):
    return Wire(server)


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def crc_of(data, polynomial, bits):
    """Bit by bit, so that it shares nothing with the server's tables."""
    crc = (1 << bits) - 1
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ polynomial if crc & 1 else crc >> 1
    return base64.b64encode((crc ^ (1 << bits) - 1).to_bytes(bits // 8, "big")).decode()


SUMS = {
    "crc32": crc32,
    "crc32c": lambda d: crc_of(d, 0x82F63B78, 32),
    "crc64nvme": lambda d: crc_of(d, 0x9A6C9329AC4BC9B5, 64),
    "sha1": lambda d: base64.b64encode(hashlib.sha1(d).digest()).decode(),
    "sha256": lambda d: base64.b64encode(hashlib.sha256(d).digest()).decode(),
}


@pytest.mark.parametrize("algorithm", SUMS)
def test_each_checksum_is_verified_kept_and_given_back(wire, algorithm):
    # The digits are the check input of the published CRC catalogue; in a header and behind the
    # body.
    for body in (
        b"123456789",
        os.urandom(70_000) if algorithm not in ("crc32c", "crc64nvme") else os.urandom(3000),
    ):
        name, value = f"x-amz-checksum-{algorithm}", SUMS[algorithm](body)
        wrong = base64.b64encode(
            bytes([base64.b64decode(value)[0] ^ 1]) + base64.b64decode(value)[1:]
        ).decode()
        assert (
            wire.call("PUT", "/objects/sum", body=body, headers={name: wrong}).code == "BadDigest"
        )
        assert (
            wire.call("PUT", "/objects/sum", body=body, headers={name: value}).headers[name]
            == value
        )
        head = wire.call("HEAD", "/objects/sum", headers={"x-amz-checksum-mode": "ENABLED"})
        assert head.headers[name] == value and head.headers["x-amz-checksum-type"] == "FULL_OBJECT"
        streamed = {
            "content-encoding": "aws-chunked",
            "x-amz-trailer": name,
            "x-amz-decoded-content-length": str(len(body)),
        }
        for sent, code in ((value, ""), (wrong, "BadDigest"), ("", "MalformedTrailerError")):
            assert (
                wire.call(
                    "PUT",
                    "/objects/sum",
                    body=trailer_body(body, name, sent),
                    headers=streamed,
                    content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                ).code
                == code
            )
    assert (
        wire.call(
            "PUT", "/objects/sum", body=b"x", headers={f"x-amz-checksum-{algorithm}": "AAAA"}
        ).code
        == "InvalidRequest"
    )


def test_without_a_checksum_the_server_makes_one(wire):
    assert (
        wire.call("PUT", "/objects/plain", body=b"123456789").headers["x-amz-checksum-crc64nvme"]
        == "rosUhgp5mIg="
    )


def test_two_checksums_or_one_that_is_not_built_are_refused(wire):
    both = {"x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-checksum-crc32c": "4waSgw=="}
    assert (
        wire.call("PUT", "/objects/two", body=b"123456789", headers=both).code == "InvalidRequest"
    )
    assert (
        wire.call(
            "PUT", "/objects/two", body=b"123456789", headers={"x-amz-checksum-sha512": "AAAA"}
        ).code
        == "NotImplemented"
    )
    assert (
        wire.call(
            "PUT",
            "/objects/two",
            body=b"123456789",
            headers={"x-amz-sdk-checksum-algorithm": "CRC32"},
        ).code
        == "InvalidRequest"
    )
    assert wire.call("HEAD", "/objects/two").status == 404


def test_conditions_on_a_read(wire):
    put = wire.call("PUT", "/objects/cond", body=b"abc")
    etag = put.headers["etag"]
    when = wire.call("HEAD", "/objects/cond").headers["last-modified"]
    past, future = "Wed, 01 Jan 2020 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for headers, status in (
        ({"if-match": etag}, 200),
        ({"if-match": '"no"'}, 412),
        ({"if-none-match": etag}, 304),
        ({"if-none-match": '"no"'}, 200),
        ({"if-modified-since": past}, 200),
        ({"if-modified-since": when}, 304),
        ({"if-unmodified-since": past}, 412),
        ({"if-unmodified-since": future}, 200),
        ({"if-match": etag, "if-unmodified-since": past}, 200),
        ({"if-none-match": etag, "if-modified-since": past}, 304),
        ({"if-match": "not a date at all"}, 412),
        ({"if-modified-since": "nonsense"}, 200),
    ):
        answer = wire.call("GET", "/objects/cond", headers=headers)
        assert answer.status == status, headers
        assert answer.body == (b"abc" if status == 200 else b"") or status == 412
        if status == 304:
            assert answer.headers["etag"] == etag and answer.headers["last-modified"] == when


def test_conditions_on_a_write_and_a_deletion(wire):
    assert (
        wire.call("PUT", "/objects/once", body=b"1", headers={"if-match": '"x"'}).code
        == "NoSuchKey"
    )
    etag = wire.call("PUT", "/objects/once", body=b"1", headers={"if-none-match": "*"}).headers[
        "etag"
    ]
    assert (
        wire.call("PUT", "/objects/once", body=b"2", headers={"if-none-match": "*"}).code
        == "PreconditionFailed"
    )
    assert (
        wire.call("PUT", "/objects/once", body=b"2", headers={"if-match": '"x"'}).code
        == "PreconditionFailed"
    )
    assert (
        wire.call("PUT", "/objects/once", body=b"2", headers={"if-none-match": etag}).code
        == "NotImplemented"
    )
    changed = wire.call("PUT", "/objects/once", body=b"2", headers={"if-match": etag})
    assert changed.code == ""
    assert (
        wire.call("DELETE", "/objects/once", headers={"if-match": etag}).code
        == "PreconditionFailed"
    )
    assert (
        wire.call("DELETE", "/objects/once", headers={"if-match": changed.headers["etag"]}).status
        == 204
    )
    assert wire.call("DELETE", "/objects/once", headers={"if-match": "*"}).code == "NoSuchKey"


@pytest.mark.parametrize("bucket", ["objects", "kept"])
@pytest.mark.parametrize("size", [10, 200_000])
def test_racing_unconditional_puts_all_succeed_and_one_is_whole(s3, wire, bucket, size):
    # The body of a request can be read once: a conflict must not send it back to the client, who
    # would see a 409 that S3 never gives.
    writers, rounds, key = 12, 4, f"race/{size}"
    start = threading.Barrier(writers)

    def write(i):
        start.wait()
        return [
            wire.call("PUT", f"/{bucket}/{key}", body=bytes([65 + i]) * size) for _ in range(rounds)
        ]

    with concurrent.futures.ThreadPoolExecutor(writers) as pool:
        answers = [a for list_ in pool.map(write, range(writers)) for a in list_]
    assert {a.status for a in answers} == {200}, answers
    got = s3.get_object(Bucket=bucket, Key=key)
    body = got["Body"].read()
    assert body == body[:1] * size
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    assert len(listed) == (writers * rounds if bucket == "kept" else 1)
    # The newest of the listing is what is read without a version.
    assert listed[0]["IsLatest"] and listed[0]["VersionId"] == got.get("VersionId", "null")


def test_of_racing_creators_one_wins_and_the_others_are_told(wire):
    start = threading.Barrier(8)

    def create(i):
        start.wait()
        return wire.call(
            "PUT", "/objects/created-once", body=b"%d" % i * 70_000, headers={"if-none-match": "*"}
        )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = sorted(a.code for a in pool.map(create, range(8)))
    assert codes[0] == "" and set(codes[1:]) <= {"PreconditionFailed", "ConditionalRequestConflict"}


def test_racing_deletions_of_versions_leave_a_true_newest(s3, wire):
    ids = [
        s3.put_object(Bucket="kept", Key="dwindling", Body=b"%d" % i)["VersionId"]
        for i in range(12)
    ]
    start = threading.Barrier(11)

    def remove(i):
        start.wait()
        return wire.call("DELETE", "/kept/dwindling", f"versionId={ids[i]}").status

    with concurrent.futures.ThreadPoolExecutor(11) as pool:
        assert set(pool.map(remove, range(1, 12))) == {204}
    assert s3.get_object(Bucket="kept", Key="dwindling")["Body"].read() == b"0"


def part_of(response, number):
    """A part as CompleteMultipartUpload wants it: with the checksum that UploadPart answered."""
    return {
        "PartNumber": number,
        "ETag": response["ETag"],
        **{k: v for k, v in response.items() if k.startswith("Checksum") and k != "ChecksumType"},
    }


def complete_document(parts):
    inner = "".join(
        "<Part>" + "".join(f"<{k}>{v}</{k}>" for k, v in part.items()) + "</Part>" for part in parts
    )
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


ELEMENT = {
    "crc32": "ChecksumCRC32",
    "crc32c": "ChecksumCRC32C",
    "crc64nvme": "ChecksumCRC64NVME",
    "sha1": "ChecksumSHA1",
    "sha256": "ChecksumSHA256",
}


def begin(wire, key, **headers):
    return wire.call(
        "POST",
        f"/objects/{key}",
        "uploads",
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )


@pytest.mark.parametrize(
    "algorithm, kind",
    [
        ("crc32", "FULL_OBJECT"),
        ("crc32c", "FULL_OBJECT"),
        ("crc64nvme", "FULL_OBJECT"),
        ("crc32", "COMPOSITE"),
        ("crc32c", "COMPOSITE"),
        ("sha1", "COMPOSITE"),
        ("sha256", "COMPOSITE"),
    ],
)
def test_the_checksum_of_a_multipart_object(wire, algorithm, kind):
    name = f"x-amz-checksum-{algorithm}"
    first, last = os.urandom(16) * (5 * MIB // 16), b"123456789"
    started = begin(
        wire, "mp", x_amz_checksum_algorithm=algorithm.upper(), x_amz_checksum_type=kind
    )
    assert started.headers["x-amz-checksum-type"] == kind
    upload = document(started).findtext("UploadId")
    parts, sums = [], []
    for number, body in ((1, first), (2, last)):
        sent = wire.call("PUT", "/objects/mp", f"partNumber={number}&uploadId={upload}", body=body)
        sums.append(sent.headers[name])
        parts.append(
            {
                "PartNumber": number,
                "ETag": sent.headers["etag"],
                ELEMENT[algorithm]: sent.headers[name],
            }
        )
    assert sums[1] == SUMS[algorithm](last)
    if kind == "COMPOSITE":
        raw = b"".join(map(base64.b64decode, sums))
        whole = SUMS[algorithm](raw) + "-2"
        missing = [dict(p) for p in parts]
        del missing[1][ELEMENT[algorithm]]
        assert (
            wire.call("POST", "/objects/mp", f"uploadId={upload}", complete_document(missing)).code
            == "InvalidRequest"
        )
    elif algorithm == "crc32":
        whole = crc32(first + last)
    else:  # the bitwise reference is slow: the server's own single PUT was checked against it above
        whole = wire.call(
            "PUT",
            "/objects/reference",
            body=first + last,
            headers={"content-md5": md5(first + last)},
        ).headers.get(name)
        if whole is None:
            whole = document(
                wire.call(
                    "PUT",
                    "/objects/reference2",
                    "",
                    b"",
                    {
                        "x-amz-copy-source": "/objects/reference",
                        "x-amz-checksum-algorithm": algorithm.upper(),
                    },
                )
            ).findtext(ELEMENT[algorithm])
    wrong = [parts[0], {**parts[1], ELEMENT[algorithm]: sums[0]}]
    assert (
        wire.call("POST", "/objects/mp", f"uploadId={upload}", complete_document(wrong)).code
        == "InvalidPart"
    )
    assert (
        wire.call(
            "POST", "/objects/mp", f"uploadId={upload}", complete_document(parts), {name: sums[1]}
        ).code
        == "BadDigest"
    )
    assert (
        wire.call(
            "POST",
            "/objects/mp",
            f"uploadId={upload}",
            complete_document(parts),
            {"x-amz-mp-object-size": "7"},
        ).code
        == "InvalidRequest"
    )
    assert (
        wire.call(
            "POST",
            "/objects/mp",
            f"uploadId={upload}",
            complete_document(parts),
            {"x-amz-checksum-type": "COMPOSITE" if kind == "FULL_OBJECT" else "FULL_OBJECT"},
        ).code
        == "InvalidRequest"
    )
    done = wire.call(
        "POST",
        "/objects/mp",
        f"uploadId={upload}",
        complete_document(parts),
        {name: whole, "x-amz-mp-object-size": str(len(first + last))},
    )
    assert (
        done.code == ""
        and document(done).findtext(ELEMENT[algorithm]) == whole
        and document(done).findtext("ChecksumType") == kind
    )
    got = wire.call("GET", "/objects/mp", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (
        got.body == first + last
        and got.headers[name] == whole
        and got.headers["x-amz-checksum-type"] == kind
    )
    # The answer may have been lost: completing again says the same and makes nothing.
    again = wire.call("POST", "/objects/mp", f"uploadId={upload}", complete_document(parts))
    assert again.code == "" and document(again).findtext("ETag") == document(done).findtext("ETag")


@pytest.mark.parametrize(
    "algorithm, kind",
    [
        ("SHA1", "FULL_OBJECT"),
        ("SHA256", "FULL_OBJECT"),
        ("CRC64NVME", "COMPOSITE"),
        ("CRC32", "NONE"),
        ("MD4", ""),
        ("", "COMPOSITE"),
    ],
)
def test_checksum_types_that_cannot_be_are_refused(wire, algorithm, kind):
    headers = {
        k: v
        for k, v in {"x_amz_checksum_algorithm": algorithm, "x_amz_checksum_type": kind}.items()
        if v
    }
    assert begin(wire, "never", **headers).code == "InvalidRequest"


def test_a_part_with_another_checksum_than_the_upload_is_refused(wire):
    upload = document(begin(wire, "mixed", x_amz_checksum_algorithm="SHA256")).findtext("UploadId")
    assert (
        wire.call(
            "PUT",
            "/objects/mixed",
            f"partNumber=1&uploadId={upload}",
            body=b"123456789",
            headers={"x-amz-checksum-crc32": "y/Q5Jg=="},
        ).code
        == "InvalidRequest"
    )


def test_parts_of_an_object_can_be_read_and_described(s3, wire, code):
    first, last = os.urandom(5 * MIB), os.urandom(1000)
    upload = {
        "Bucket": "objects",
        "Key": "described",
        "UploadId": document(begin(wire, "described", x_amz_checksum_algorithm="SHA256")).findtext(
            "UploadId"
        ),
    }
    parts = []
    for number, body in ((1, first), (2, last)):
        sent = wire.call(
            "PUT",
            "/objects/described",
            f"partNumber={number}&uploadId={upload['UploadId']}",
            body=body,
        )
        parts.append(
            {
                "PartNumber": number,
                "ETag": sent.headers["etag"],
                "ChecksumSHA256": sent.headers["x-amz-checksum-sha256"],
            }
        )
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    second = s3.get_object(Bucket="objects", Key="described", PartNumber=2)
    assert (
        second["Body"].read() == last
        and second["PartsCount"] == 2
        and second["ContentRange"] == f"bytes {len(first)}-{len(first) + 999}/{len(first) + 1000}"
    )
    assert s3.head_object(Bucket="objects", Key="described", PartNumber=1)["ContentLength"] == len(
        first
    )
    assert (
        code(s3.get_object, Bucket="objects", Key="described", PartNumber=3) == "InvalidPartNumber"
    )
    assert (
        wire.call("GET", "/objects/described", "partNumber=1", headers={"range": "bytes=0-1"}).code
        == "InvalidRequest"
    )
    assert wire.call("GET", "/objects/described", "partNumber=0").code == "InvalidArgument"
    about = s3.get_object_attributes(
        Bucket="objects",
        Key="described",
        ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"],
    )
    assert (
        about["ObjectSize"] == len(first) + 1000
        and about["ObjectParts"]["TotalPartsCount"] == 2
        and about["ETag"].endswith("-2")
    )
    assert [p["ChecksumSHA256"] for p in about["ObjectParts"]["Parts"]] == [
        p["ChecksumSHA256"] for p in parts
    ]
    page = s3.get_object_attributes(
        Bucket="objects",
        Key="described",
        ObjectAttributes=["ObjectParts"],
        MaxParts=1,
        PartNumberMarker=1,
    )["ObjectParts"]
    assert [p["PartNumber"] for p in page["Parts"]] == [2] and not page["IsTruncated"]
    assert (
        wire.call(
            "GET",
            "/objects/described",
            "attributes",
            headers={"x-amz-object-attributes": "Nothing"},
        ).code
        == "InvalidArgument"
    )
    s3.put_object(Bucket="objects", Key="single", Body=b"abc")
    assert s3.get_object(Bucket="objects", Key="single", PartNumber=1)["Body"].read() == b"abc"
    assert code(s3.get_object, Bucket="objects", Key="single", PartNumber=2) == "InvalidPartNumber"


def test_parts_and_uploads_are_listed_by_pages(s3):
    s3.create_bucket(Bucket="uploads")
    for key in ("a/1", "a/2", "b", "b", "c"):
        s3.create_multipart_upload(Bucket="uploads", Key=key)
    seen, marks = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket="uploads", MaxUploads=1, Delimiter="/", **marks)
        seen += [u["Key"] for u in page.get("Uploads", [])] + [
            p["Prefix"] for p in page.get("CommonPrefixes", [])
        ]
        if not page["IsTruncated"]:
            break
        marks = {
            "KeyMarker": page["NextKeyMarker"],
            **(
                {"UploadIdMarker": page["NextUploadIdMarker"]} if page["NextUploadIdMarker"] else {}
            ),
        }
    assert seen == ["a/", "b", "b", "c"]
    assert [
        u["Key"] for u in s3.list_multipart_uploads(Bucket="uploads", Prefix="a/")["Uploads"]
    ] == ["a/1", "a/2"]
    upload = {
        "Bucket": "uploads",
        "Key": "c",
        "UploadId": s3.create_multipart_upload(Bucket="uploads", Key="c")["UploadId"],
    }
    for number in (1, 2, 9, 10000):
        s3.upload_part(**upload, PartNumber=number, Body=b"x")
    numbers, marker = [], 0
    while True:
        page = s3.list_parts(**upload, MaxParts=1, PartNumberMarker=marker)
        numbers += [p["PartNumber"] for p in page.get("Parts", [])]
        if not page["IsTruncated"]:
            break
        marker = page["NextPartNumberMarker"]
    assert numbers == [1, 2, 9, 10000]
    assert "Parts" not in s3.list_parts(**upload, MaxParts=0)


def test_a_part_can_be_a_slice_of_another_object(s3, wire, code):
    source = os.urandom(5 * MIB + 12345)
    s3.put_object(Bucket="objects", Key="whole", Body=source)
    upload = {
        "Bucket": "objects",
        "Key": "sliced",
        "UploadId": s3.create_multipart_upload(Bucket="objects", Key="sliced")["UploadId"],
    }
    copy = lambda number, **more: s3.upload_part_copy(
        **upload, PartNumber=number, CopySource="objects/whole", **more
    )
    parts = [
        part_of(copy(1, CopySourceRange=f"bytes=0-{5 * MIB - 1}")["CopyPartResult"], 1),
        part_of(copy(2, CopySourceRange=f"bytes={5 * MIB}-{len(source) - 1}")["CopyPartResult"], 2),
    ]
    for bad in (
        f"bytes=0-{len(source)}",
        "bytes=5-4",
        "bytes=-5",
        "bytes=5-",
        "0-5",
        "bytes=0-1,3-4",
    ):
        assert code(copy, number=3, CopySourceRange=bad) == "InvalidArgument", bad
    assert code(copy, number=3, CopySourceIfMatch='"no"') == "PreconditionFailed"
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="objects", Key="sliced")["Body"].read() == source


def test_a_copy_with_conditions_on_its_source(s3, code):
    etag = s3.put_object(Bucket="objects", Key="src", Body=b"abc")["ETag"]
    when = s3.head_object(Bucket="objects", Key="src")["LastModified"]
    copy = lambda **more: s3.copy_object(
        Bucket="objects", Key="dst", CopySource="objects/src", **more
    )
    for refused in (
        {"CopySourceIfMatch": '"no"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfModifiedSince": when},
        {"CopySourceIfUnmodifiedSince": when.replace(year=2020)},
    ):
        assert code(copy, **refused) == "PreconditionFailed", refused
    assert code(s3.head_object, Bucket="objects", Key="dst") == "404"
    for allowed in (
        {"CopySourceIfMatch": etag},
        {"CopySourceIfNoneMatch": '"no"'},
        {"CopySourceIfModifiedSince": when.replace(year=2020)},
        {"CopySourceIfMatch": etag, "CopySourceIfUnmodifiedSince": when.replace(year=2020)},
    ):
        copy(**allowed)
    assert code(copy, MetadataDirective="KEEP") == "InvalidArgument"


def test_tags_of_objects_and_buckets(s3, wire, code):
    s3.put_object(Bucket="objects", Key="tagged", Body=b"x", Tagging="a=1&b=two%20words")
    assert s3.get_object(Bucket="objects", Key="tagged")["TagCount"] == 2
    assert s3.get_object_tagging(Bucket="objects", Key="tagged")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "two words"},
    ]
    s3.copy_object(Bucket="objects", Key="tagged-too", CopySource="objects/tagged")
    assert len(s3.get_object_tagging(Bucket="objects", Key="tagged-too")["TagSet"]) == 2
    s3.put_object_tagging(
        Bucket="objects", Key="tagged", Tagging={"TagSet": [{"Key": "c", "Value": ""}]}
    )
    assert s3.get_object_tagging(Bucket="objects", Key="tagged")["TagSet"] == [
        {"Key": "c", "Value": ""}
    ]
    s3.delete_object_tagging(Bucket="objects", Key="tagged")
    assert s3.get_object_tagging(Bucket="objects", Key="tagged")["TagSet"] == []
    tags = lambda n: {"TagSet": [{"Key": f"k{i}", "Value": "v"} for i in range(n)]}
    s3.put_object_tagging(Bucket="objects", Key="tagged", Tagging=tags(10))
    assert (
        code(s3.put_object_tagging, Bucket="objects", Key="tagged", Tagging=tags(11))
        == "BadRequest"
    )
    assert (
        code(
            s3.put_object_tagging,
            Bucket="objects",
            Key="tagged",
            Tagging={"TagSet": [{"Key": "k" * 129, "Value": ""}]},
        )
        == "InvalidTag"
    )
    assert (
        code(s3.put_object, Bucket="objects", Key="tagged", Body=b"", Tagging="a=1&a=2")
        == "InvalidTag"
    )
    assert code(s3.get_bucket_tagging, Bucket="objects") == "NoSuchTagSet"
    s3.put_bucket_tagging(Bucket="objects", Tagging=tags(50))
    assert len(s3.get_bucket_tagging(Bucket="objects")["TagSet"]) == 50
    assert code(s3.put_bucket_tagging, Bucket="objects", Tagging=tags(51)) == "BadRequest"
    s3.delete_bucket_tagging(Bucket="objects")
    assert code(s3.get_bucket_tagging, Bucket="objects") == "NoSuchTagSet"


@pytest.fixture(scope="module")
def limited(server, s3):
    """May read, write and delete below objects/mine/ and see nothing else; may not list."""
    arn = f"arn:aws:iam::{server.endpoint['account_id']}:role/sluice-operator"
    iam = server.client("iam")
    iam.create_role(
        RoleName="limited",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
    )
    iam.put_role_policy(
        RoleName="limited",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                        "Resource": "arn:aws:s3:::objects/mine/*",
                    }
                ],
            }
        ),
    )
    return server.client("s3", role="limited")


def test_who_may_not_list_is_not_told_what_is_missing(s3, limited, code):
    s3.put_object(Bucket="objects", Key="mine/here", Body=b"x")
    assert limited.get_object(Bucket="objects", Key="mine/here")["Body"].read() == b"x"
    for key in ("mine/missing", "other/missing"):
        assert code(limited.head_object, Bucket="objects", Key=key) == "403"
        assert code(limited.get_object, Bucket="objects", Key=key) == "AccessDenied"
        assert code(s3.head_object, Bucket="objects", Key=key) == "404"
    s3.delete_object(Bucket="objects", Key="mine/here")


def test_a_batch_of_deletions_is_answered_key_by_key(s3, limited):
    for key in ("mine/1", "other/1", "mine/2"):
        s3.put_object(Bucket="objects", Key=key, Body=b"x")
    answer = limited.delete_objects(
        Bucket="objects",
        Delete={"Objects": [{"Key": k} for k in ("mine/1", "other/1", "mine/missing", "mine/2")]},
    )
    assert [d["Key"] for d in answer["Deleted"]] == ["mine/1", "mine/missing", "mine/2"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("other/1", "AccessDenied")]
    assert [
        o["Key"] for o in s3.list_objects_v2(Bucket="objects", Prefix="mine/").get("Contents", [])
    ] == []
    assert s3.get_object(Bucket="objects", Key="other/1")["Body"].read() == b"x"
    # Naming a version needs another permission, which this role does not have.
    refused = limited.delete_objects(
        Bucket="objects",
        Delete={"Objects": [{"Key": "mine/1", "VersionId": "null"}], "Quiet": True},
    )
    assert refused["Errors"][0]["Code"] == "AccessDenied" and "Deleted" not in refused


def test_tags_and_attributes_need_their_own_permission(s3, limited, code):
    s3.put_object(Bucket="objects", Key="mine/tagged", Body=b"x", Tagging="a=1")
    assert "TagCount" not in limited.get_object(Bucket="objects", Key="mine/tagged")
    assert code(limited.get_object_tagging, Bucket="objects", Key="mine/tagged") == "AccessDenied"
    assert (
        code(limited.put_object, Bucket="objects", Key="mine/x", Body=b"", Tagging="a=1")
        == "AccessDenied"
    )
    assert (
        code(
            limited.get_object_attributes,
            Bucket="objects",
            Key="mine/tagged",
            ObjectAttributes=["ETag"],
        )
        == "AccessDenied"
    )


def test_suspended_versioning_keeps_one_null_version(s3):
    s3.create_bucket(Bucket="suspended")
    put = lambda body: s3.put_object(Bucket="suspended", Key="k", Body=body)
    versions = lambda: [
        (v["VersionId"], v["IsLatest"])
        for v in s3.list_object_versions(Bucket="suspended").get("Versions", [])
    ]
    assert s3.get_bucket_versioning(Bucket="suspended").get("Status") is None
    put(b"first")
    put(b"before")  # in its place
    assert versions() == [("null", True)]
    s3.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": "Enabled"})
    named = put(b"named")["VersionId"]
    assert versions() == [(named, True), ("null", False)]
    s3.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": "Suspended"})
    assert "VersionId" not in put(b"after") and versions() == [("null", True), (named, False)]
    assert s3.get_object(Bucket="suspended", Key="k", VersionId="null")["Body"].read() == b"after"
    marker = s3.delete_object(Bucket="suspended", Key="k")
    assert (
        marker["DeleteMarker"] and marker["VersionId"] == "null" and versions() == [(named, False)]
    )
    assert put(b"again") and versions() == [("null", True), (named, False)]
    s3.delete_object(Bucket="suspended", Key="k", VersionId="null")
    assert s3.get_object(Bucket="suspended", Key="k")["Body"].read() == b"named"


def test_a_key_that_xml_cannot_carry_refuses_the_whole_deletion(server, s3, wire):
    """Otherwise one key would be deleted and the answer would name another."""
    s3.put_object(Bucket="objects", Key="control/a", Body=b"x")
    for bad in ("&#1;", "\x01", "&#xFFFE;"):
        text = (
            f"<Delete><Object><Key>control/a</Key></Object><Object><Key>control/{bad}</Key>"
            "</Object></Delete>"
        ).encode()
        answer = wire.call("POST", "/objects", "delete", text, {"content-md5": md5(text)})
        assert answer.status == 400 and b"MalformedXML" in answer.body
    assert s3.list_objects_v2(Bucket="objects", Prefix="control/")["KeyCount"] == 1


def test_a_key_of_blanks_is_deleted_as_any_other(s3):
    for key in (" ", "   ", "a "):
        s3.put_object(Bucket="objects", Key=key, Body=b"x")
        assert s3.delete_objects(Bucket="objects", Delete={"Objects": [{"Key": key}]})[
            "Deleted"
        ] == [{"Key": key}]
        assert "Contents" not in s3.list_objects_v2(Bucket="objects", Prefix=key)

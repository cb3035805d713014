# SPDX-License-Identifier: Apache-2.0
"""What other people's suites ask of S3: details of its contracts that clients rely on."""
import json

import pytest

from functions import make_recorder, recorded, until
from s3_wire import Wire

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="contracts")
    return client


@pytest.fixture(scope="module")
def wire(server, s3):
    return Wire(server)


def test_a_public_access_block_that_was_deleted_is_not_there(s3, code):
    s3.create_bucket(Bucket="unblocked")
    assert (
        s3.get_public_access_block(Bucket="unblocked")["PublicAccessBlockConfiguration"][
            "BlockPublicPolicy"
        ]
        is True
    )
    s3.delete_public_access_block(Bucket="unblocked")
    assert (
        code(s3.get_public_access_block, Bucket="unblocked")
        == "NoSuchPublicAccessBlockConfiguration"
    )
    s3.put_public_access_block(
        Bucket="unblocked", PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    assert s3.get_public_access_block(Bucket="unblocked")["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }


def test_uploads_in_progress_go_with_their_bucket(server, s3, code):
    """Parts and their files too; an upload of the old bucket is none of a new one with its name."""
    s3.create_bucket(Bucket="leaving")
    files = set(server.data_dir.rglob("blobs/*/*"))
    uploads = [
        s3.create_multipart_upload(Bucket="leaving", Key=key)["UploadId"] for key in ("a", "a", "b")
    ]
    for upload, key in zip(uploads, ("a", "a", "b")):
        s3.upload_part(Bucket="leaving", Key=key, UploadId=upload, PartNumber=1, Body=b"x" * MIB)
    assert len(set(server.data_dir.rglob("blobs/*/*")) - files) == 3
    s3.delete_bucket(Bucket="leaving")
    until(lambda: set(server.data_dir.rglob("blobs/*/*")) == files)
    s3.create_bucket(Bucket="leaving")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="leaving")
    assert (
        code(
            s3.upload_part, Bucket="leaving", Key="a", UploadId=uploads[0], PartNumber=2, Body=b"x"
        )
        == "NoSuchUpload"
    )
    s3.delete_bucket(Bucket="leaving")


@pytest.mark.parametrize(
    "sent, kept",
    (
        ("deflate, gzip", "deflate, gzip"),
        ("gzip,br", "gzip,br"),
        ("aws-chunked", None),
        ("aws-chunked, gzip", "gzip"),
        ("deflate, gzip, aws-chunked", "deflate, gzip"),
    ),
)
def test_content_encoding_is_kept_to_the_blank(s3, sent, kept):
    s3.put_object(Bucket="contracts", Key="encoded", Body=b"x", ContentEncoding=sent)
    assert s3.head_object(Bucket="contracts", Key="encoded").get("ContentEncoding") == kept


@pytest.mark.parametrize(
    "sent, shown",
    (
        ("plain", "plain"),
        ("Jürgen".encode(), "=?UTF-8?B?SsO8cmdlbg==?="),
        ("=?UTF-8?Q?J=C3=BCrgen_K?=", "=?UTF-8?B?SsO8cmdlbiBL?="),
        ("=?utf-8?b?SsO8cmdlbg==?=", "=?UTF-8?B?SsO8cmdlbg==?="),
        (b"J\xfcrgen", "=?UTF-8?B?SsO8cmdlbg==?="),
        ("=?UTF-8?B?YWJj?=", "abc"),
        ("=?x?y?z?=", "=?x?y?z?="),
        ("a =?UTF-8?B?w7w=?= =?UTF-8?B?w7w=?= b", "=?UTF-8?B?YSDDvMO8IGI=?="),
        ("=?UTF-8?B?", "=?UTF-8?B?"),
    ),
)
def test_metadata_beyond_ascii_comes_back_as_a_word(wire, sent, shown):
    """RFC 2047: decoded when it comes, encoded when it goes; plain text as it is, and what is no
    word too."""
    text = (
        sent if isinstance(sent, str) else sent.decode("latin-1")
    )  # http.client sends latin-1: these bytes
    assert (
        wire.call("PUT", "/contracts/named", body=b"x", headers={"x-amz-meta-name": text}).status
        == 200
    )
    assert wire.call("HEAD", "/contracts/named").headers["x-amz-meta-name"] == shown


def test_metadata_is_measured_as_it_is_kept(wire):
    assert (
        wire.call(
            "PUT",
            "/contracts/large",
            body=b"x",
            headers={"x-amz-meta-a": "ü".encode().decode("latin-1") * 1023},
        ).status
        == 200
    )
    assert (
        wire.call(
            "PUT",
            "/contracts/large",
            body=b"x",
            headers={"x-amz-meta-a": "ü".encode().decode("latin-1") * 1024},
        ).code
        == "MetadataTooLarge"
    )


def test_an_empty_continuation_token_is_none(s3):
    """It is given back, and the listing begins at the beginning."""
    s3.create_bucket(Bucket="tokens")
    s3.put_object(Bucket="tokens", Key="a")
    page = s3.list_objects_v2(Bucket="tokens", ContinuationToken="")
    assert (
        page["ContinuationToken"] == ""
        and [one["Key"] for one in page["Contents"]] == ["a"]
        and not page["IsTruncated"]
    )


def test_buckets_are_listed_by_pages_prefix_and_region(server, wire):
    s3 = server.client("s3")
    names = [f"paged-{n}" for n in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    got, token = [], {}
    while True:
        page = s3.list_buckets(Prefix="paged-", MaxBuckets=2, **token)
        assert (
            page["Prefix"] == "paged-"
            and len(page["Buckets"]) <= 2
            and {one["BucketRegion"] for one in page["Buckets"]} == {"us-east-1"}
        )
        got += [one["Name"] for one in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert got == names
    assert (
        s3.list_buckets(BucketRegion="eu-west-1")["Buckets"] == []
        and len(s3.list_buckets(BucketRegion="us-east-1", Prefix="paged-")["Buckets"]) == 5
    )
    for bad in ("max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=!"):
        assert wire.call("GET", "/?" + bad).code == "InvalidArgument"


def test_a_multipart_object_tells_of_its_parts(s3):
    """Whatever its checksum: GET and HEAD of one part with the number of all, and the list of them
    by pages."""
    bodies = [b"a" * (5 * MIB), b"b" * 100]
    for kind in (
        {},
        {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"},
        {"ChecksumAlgorithm": "SHA256"},
    ):
        upload = s3.create_multipart_upload(Bucket="contracts", Key="parts", **kind)
        assert upload.get("ChecksumType") == {"CRC32": "FULL_OBJECT", "SHA256": "COMPOSITE"}.get(
            kind.get("ChecksumAlgorithm")
        )
        given = [
            s3.upload_part(
                Bucket="contracts",
                Key="parts",
                UploadId=upload["UploadId"],
                PartNumber=n,
                Body=body,
                **{k: v for k, v in kind.items() if k == "ChecksumAlgorithm"},
            )
            for n, body in enumerate(bodies, 1)
        ]
        parts = [
            {
                "PartNumber": n,
                "ETag": one["ETag"],
                **{
                    k: v for k, v in one.items() if k.startswith("Checksum") and k != "ChecksumType"
                },
            }
            for n, one in enumerate(given, 1)
        ]
        done = s3.complete_multipart_upload(
            Bucket="contracts",
            Key="parts",
            UploadId=upload["UploadId"],
            MultipartUpload={"Parts": parts},
        )
        assert (
            done["ChecksumType"]
            == s3.head_object(Bucket="contracts", Key="parts", ChecksumMode="ENABLED")[
                "ChecksumType"
            ]
            == ("COMPOSITE" if kind.get("ChecksumAlgorithm") == "SHA256" else "FULL_OBJECT")
        )
        for n, body in enumerate(bodies, 1):
            head, got = s3.head_object(
                Bucket="contracts", Key="parts", PartNumber=n
            ), s3.get_object(Bucket="contracts", Key="parts", PartNumber=n)
            assert (
                head["PartsCount"] == got["PartsCount"] == 2
                and head["ContentLength"] == len(body)
                and got["Body"].read() == body
            )
        told = s3.get_object_attributes(
            Bucket="contracts", Key="parts", ObjectAttributes=["ObjectParts"]
        )["ObjectParts"]
        assert told["TotalPartsCount"] == 2 and [
            (one["PartNumber"], one["Size"]) for one in told["Parts"]
        ] == [(1, 5 * MIB), (2, 100)]
        first = s3.get_object_attributes(
            Bucket="contracts", Key="parts", ObjectAttributes=["ObjectParts"], MaxParts=1
        )["ObjectParts"]
        assert first["IsTruncated"] and len(first["Parts"]) == 1
        rest = s3.get_object_attributes(
            Bucket="contracts",
            Key="parts",
            ObjectAttributes=["ObjectParts"],
            PartNumberMarker=int(first["NextPartNumberMarker"]),
        )["ObjectParts"]
        assert [one["PartNumber"] for one in rest["Parts"]] == [2]


def test_the_sequencer_follows_the_commits(server, s3):
    """Put, delete, delete the version, put again: for one key the sequencers sort as it happened,
    also over a restart; and a deletion tells neither size nor eTag."""
    s3.create_bucket(Bucket="sequence")
    s3.put_bucket_versioning(Bucket="sequence", VersioningConfiguration={"Status": "Enabled"})
    make_recorder(server, "sequence")
    version = s3.put_object(Bucket="sequence", Key="k", Body=b"one")["VersionId"]
    s3.delete_object(Bucket="sequence", Key="k")
    s3.delete_object(Bucket="sequence", Key="k", VersionId=version)
    s3.put_object(Bucket="sequence", Key="k", Body=b"two")
    s3.delete_objects(Bucket="sequence", Delete={"Objects": [{"Key": "k"}, {"Key": "k"}]})

    found = until(lambda: len(recorded(server, "sequence")) == 6 and recorded(server, "sequence"))
    ordered = sorted(found, key=lambda record: record["s3"]["object"]["sequencer"])
    assert [record["eventName"] for record in ordered] == [
        "ObjectCreated:Put",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRemoved:Delete",
        "ObjectCreated:Put",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRemoved:DeleteMarkerCreated",
    ]
    assert len({record["s3"]["object"]["sequencer"] for record in ordered}) == 6
    for record in ordered:
        assert (
            {"size", "eTag"} <= record["s3"]["object"].keys()
            if record["eventName"].startswith("ObjectCreated")
            else not {"size", "eTag"} & record["s3"]["object"].keys()
        )

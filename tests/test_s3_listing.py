# SPDX-License-Identifier: Apache-2.0
"""Listings at every boundary, compared with what Python makes of the same keys."""
import itertools
import urllib.parse

import pytest

from s3_wire import Wire, document

KEYS = sorted(
    [
        "a",
        "a/",
        "a//",
        "a/b",
        "a/b/c",
        "a/b/d",
        "a+b",
        "a b",
        "a%2Fb",
        "a&b<c>\"'",
        "b",
        "b-",
        "b-/x",
        "b/",
        "ü/1",
        "ü/2",
        "日本",
        "~",
        "../up",
        "./here",
        "tab\there",
        "\U0001f600/x",
        "\U0001f600/y",
    ],
    key=lambda k: k.encode(),
)


@pytest.fixture(scope="module")
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="listed")
    client.create_bucket(Bucket="history")
    client.put_bucket_versioning(Bucket="history", VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        client.put_object(Bucket="listed", Key=key, Body=b"x")
        for _ in range(2):
            client.put_object(Bucket="history", Key=key, Body=b"x")
    client.delete_object(Bucket="history", Key="a/b")
    return client


@pytest.fixture(scope="module")
def wire(server, s3):
    return Wire(server)


def expected(prefix, delimiter, after=""):
    """(keys, prefixes) in one list, as a listing without pages gives them."""
    out = []
    for key in KEYS:
        if not key.startswith(prefix) or key.encode() <= after.encode():
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if cut < 0 else key[: cut + len(delimiter)]
        if name not in out:
            out.append(name)
    return out


def names(page):
    return [o["Key"] for o in page.get("Contents", [])] + [
        p["Prefix"] for p in page.get("CommonPrefixes", [])
    ]


@pytest.mark.parametrize(
    "prefix, delimiter",
    list(itertools.product(["", "a", "a/", "a/b", "b", "ü", "nothing"], ["", "/", "b", "//"])),
)
def test_pages_of_every_size_make_up_the_whole(s3, prefix, delimiter):
    whole = sorted(expected(prefix, delimiter), key=lambda k: k.encode())
    facts = {
        "Bucket": "listed",
        "Prefix": prefix,
        **({"Delimiter": delimiter} if delimiter else {}),
    }
    for size in (1, 2, 3, 1000):
        seen, token = [], {}
        while True:
            page = s3.list_objects_v2(**facts, MaxKeys=size, **token)
            assert page["KeyCount"] == len(names(page)) <= size
            seen += names(page)
            if not page["IsTruncated"]:
                break
            token = {"ContinuationToken": page["NextContinuationToken"]}
        assert sorted(seen, key=lambda k: k.encode()) == whole, size
        seen, marker = [], ""
        while True:
            page = s3.list_objects(**facts, MaxKeys=size, Marker=marker)
            seen += names(page)
            if not page["IsTruncated"]:
                break
            marker = page["NextMarker"] if delimiter else names(page)[-1]
        assert sorted(seen, key=lambda k: k.encode()) == whole, size


@pytest.mark.parametrize("delimiter", ["", "/"])
def test_versions_by_pages(s3, delimiter):
    facts = {"Bucket": "history", **({"Delimiter": delimiter} if delimiter else {})}
    entries = lambda page: sorted(
        (e["Key"], e["VersionId"], e["IsLatest"])
        for kind in ("Versions", "DeleteMarkers")
        for e in page.get(kind, [])
    )
    whole = s3.list_object_versions(**facts)
    assert not whole["IsTruncated"]
    if not delimiter:
        assert len(entries(whole)) == 2 * len(KEYS) + 1
        latest = [e for e in entries(whole) if e[2]]
        assert sorted(k for k, _, _ in latest) == sorted(KEYS)
        assert [m["Key"] for m in whole["DeleteMarkers"]] == ["a/b"] and whole["DeleteMarkers"][0][
            "IsLatest"
        ]
    for size in (1, 2, 3):
        seen, prefixes, marks = [], [], {}
        while True:
            page = s3.list_object_versions(**facts, MaxKeys=size, **marks)
            assert len(entries(page)) + len(page.get("CommonPrefixes", [])) <= size
            seen += entries(page)
            prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
            if not page["IsTruncated"]:
                break
            marks = {
                "KeyMarker": page["NextKeyMarker"],
                **(
                    {"VersionIdMarker": page["NextVersionIdMarker"]}
                    if page.get("NextVersionIdMarker")
                    else {}
                ),
            }
        assert sorted(seen) == entries(whole) and prefixes == [
            p["Prefix"] for p in whole.get("CommonPrefixes", [])
        ], size


def test_a_start_may_be_a_key_or_lie_between(s3):
    for after in ("a", "a/", "a/b", "a0", "b/", "zzz", "ü"):
        assert sorted(names(s3.list_objects_v2(Bucket="listed", StartAfter=after))) == sorted(
            expected("", "", after)
        )


def test_names_that_xml_cannot_carry_come_encoded(wire):
    page = document(wire.call("GET", "/listed", "encoding-type=url&list-type=2"))
    shown = [node.text for node in page.iter("Key")]
    assert [urllib.parse.unquote_plus(k) for k in shown] == KEYS
    assert "a%2Bb" in shown and all(
        set(k) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/+")
        for k in shown
    )


def test_bad_arguments_of_a_listing(wire):
    for query in (
        "list-type=2&max-keys=x",
        "list-type=2&max-keys=-1",
        "max-keys=2147483648",
        "encoding-type=base64",
        "list-type=2&continuation-token=%3F%3F",
        "version-id-marker=x&versions=",
    ):
        assert wire.call("GET", "/listed", query).code == "InvalidArgument", query
    empty = document(wire.call("GET", "/listed", "list-type=2&max-keys=0"))
    assert (
        empty.findtext("IsTruncated") == "false"
        and empty.findtext("KeyCount") == "0"
        and empty.find("Contents") is None
    )
    assert (
        document(wire.call("GET", "/listed", "list-type=2&max-keys=2147483647")).findtext("MaxKeys")
        == "1000"
    )
    assert wire.call("GET", "/no-such-bucket", "list-type=2").code == "NoSuchBucket"


def test_a_thousand_entries_make_a_page_and_one_more_another(server, s3):
    s3.create_bucket(Bucket="thousand")
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda i: s3.put_object(Bucket="thousand", Key=f"{i:04}", Body=b""), range(1001)
            )
        )
    page = s3.list_objects_v2(Bucket="thousand")
    assert page["KeyCount"] == 1000 and page["IsTruncated"]
    assert [
        o["Key"]
        for o in s3.list_objects_v2(
            Bucket="thousand", ContinuationToken=page["NextContinuationToken"]
        )["Contents"]
    ] == ["1000"]
    answer = s3.delete_objects(
        Bucket="thousand",
        Delete={"Objects": [{"Key": f"{i:04}"} for i in range(1000)], "Quiet": True},
    )
    assert "Errors" not in answer and [
        o["Key"] for o in s3.list_objects_v2(Bucket="thousand")["Contents"]
    ] == ["1000"]

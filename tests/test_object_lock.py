# SPDX-License-Identifier: Apache-2.0
"""Object Lock: what is locked stays, whoever asks, until its date. Each test fails when its rule is
taken out of object_lock.cc or model.cc."""
import datetime
import json

import pytest

from s3_wire import Wire, md5

NOW = datetime.datetime.now(datetime.timezone.utc)
YEAR = datetime.timedelta(days=365)


def iso(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    client.create_bucket(Bucket="open")
    return client


@pytest.fixture(scope="module")
def wire(server, s3):
    return Wire(server)


@pytest.fixture(scope="module")
def clerk(server, s3):
    """Everything in S3 but the permission to bypass governance."""
    arn = f"arn:aws:iam::{server.endpoint['account_id']}:role/sluice-operator"
    iam = server.client("iam")
    iam.create_role(
        RoleName="clerk",
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
        RoleName="clerk",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "s3:*",
                        "Resource": ["arn:aws:s3:::locked", "arn:aws:s3:::locked/*"],
                    },
                    {"Effect": "Deny", "Action": "s3:BypassGovernanceRetention", "Resource": "*"},
                ],
            }
        ),
    )
    return server.client("s3", role="clerk")


def put(s3, key, mode=None, until=None, hold=None):
    lock = {
        k: v
        for k, v in (
            ("ObjectLockMode", mode),
            ("ObjectLockRetainUntilDate", until),
            ("ObjectLockLegalHoldStatus", hold),
        )
        if v
    }
    return {
        "Bucket": "locked",
        "Key": key,
        "VersionId": s3.put_object(
            Bucket="locked", Key=key, Body=b"x", ContentMD5=md5(b"x"), **lock
        )["VersionId"],
    }


def test_a_bucket_made_with_object_lock_is_versioned_and_stays_so(s3, code):
    assert s3.get_bucket_versioning(Bucket="locked")["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled"
    }
    assert (
        code(
            s3.put_bucket_versioning,
            Bucket="locked",
            VersioningConfiguration={"Status": "Suspended"},
        )
        == "InvalidBucketState"
    )
    assert (
        code(s3.get_object_lock_configuration, Bucket="open")
        == "ObjectLockConfigurationNotFoundError"
    )


def test_object_lock_on_an_existing_bucket_needs_versioning(s3, code):
    s3.create_bucket(Bucket="later")
    lock = {"ObjectLockEnabled": "Enabled"}
    assert (
        code(s3.put_object_lock_configuration, Bucket="later", ObjectLockConfiguration=lock)
        == "InvalidBucketState"
    )
    s3.put_bucket_versioning(Bucket="later", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket="later", ObjectLockConfiguration=lock)
    assert (
        code(
            s3.put_bucket_versioning,
            Bucket="later",
            VersioningConfiguration={"Status": "Suspended"},
        )
        == "InvalidBucketState"
    )


def test_compliance_yields_to_nobody_before_its_date(s3, code):
    # `s3` is the operator, who may do everything else.
    version = put(s3, "compliance", "COMPLIANCE", NOW + YEAR)
    for bypass in ({}, {"BypassGovernanceRetention": True}):
        assert code(s3.delete_object, **version, **bypass) == "AccessDenied"
        errors = s3.delete_objects(
            Bucket="locked",
            Delete={"Objects": [{"Key": "compliance", "VersionId": version["VersionId"]}]},
            **bypass,
        )["Errors"]
        assert [e["Code"] for e in errors] == ["AccessDenied"]
        for retention in (
            {"Mode": "COMPLIANCE", "RetainUntilDate": NOW + YEAR / 2},
            {"Mode": "GOVERNANCE", "RetainUntilDate": NOW + 2 * YEAR},
            {},
        ):
            assert (
                code(s3.put_object_retention, **version, Retention=retention, **bypass)
                == "AccessDenied"
            ), retention
    s3.put_object_retention(
        **version, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": NOW + 2 * YEAR}
    )
    kept = s3.get_object_retention(**version)["Retention"]
    assert kept["Mode"] == "COMPLIANCE" and iso(kept["RetainUntilDate"]) == iso(NOW + 2 * YEAR)
    assert s3.get_object(**version)["Body"].read() == b"x"
    assert code(s3.delete_bucket, Bucket="locked") == "BucketNotEmpty"


def test_governance_yields_to_who_may_bypass_and_says_so(s3, clerk, code):
    version = put(s3, "governance", "GOVERNANCE", NOW + YEAR)
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": NOW + YEAR / 2}
    # Without the header nobody, with the header only who has the permission.
    for client, bypass in ((s3, {}), (clerk, {}), (clerk, {"BypassGovernanceRetention": True})):
        assert code(client.delete_object, **version, **bypass) == "AccessDenied"
        assert (
            client.delete_objects(
                Bucket="locked",
                Delete={"Objects": [{"Key": "governance", "VersionId": version["VersionId"]}]},
                **bypass,
            )["Errors"][0]["Code"]
            == "AccessDenied"
        )
        assert (
            code(client.put_object_retention, **version, Retention=shorter, **bypass)
            == "AccessDenied"
        )
        assert (
            code(client.put_object_retention, **version, Retention={}, **bypass) == "AccessDenied"
        )
        assert (
            code(
                client.put_object_retention,
                **version,
                Retention={"Mode": "COMPLIANCE", "RetainUntilDate": NOW + 2 * YEAR},
                **bypass,
            )
            == "AccessDenied"
        )
    clerk.put_object_retention(
        **version, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": NOW + 2 * YEAR}
    )  # longer is always allowed
    s3.put_object_retention(**version, Retention=shorter, BypassGovernanceRetention=True)
    s3.put_object_retention(**version, Retention={}, BypassGovernanceRetention=True)
    assert code(s3.get_object_retention, **version) == "NoSuchObjectLockConfiguration"
    second = put(s3, "governance", "GOVERNANCE", NOW + YEAR)
    s3.delete_object(**second, BypassGovernanceRetention=True)
    clerk.delete_object(
        **version, BypassGovernanceRetention=True
    )  # not locked any more: the header is no matter
    assert code(s3.head_object, Bucket="locked", Key="governance") == "404"


def test_a_legal_hold_holds_until_it_is_taken_off(s3, code):
    version = put(s3, "held", hold="ON")
    assert code(s3.delete_object, **version, BypassGovernanceRetention=True) == "AccessDenied"
    assert s3.get_object_legal_hold(**version)["LegalHold"]["Status"] == "ON"
    s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**version)["LegalHold"]["Status"] == "OFF"
    s3.put_object_legal_hold(**version, LegalHold={"Status": "ON"})
    assert code(s3.delete_object, **version) == "AccessDenied"
    s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
    s3.delete_object(**version)


def test_retention_ends_with_its_date(s3, wire):
    # Locked for a few seconds: refused, then let go; awaited, not timed.
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
    version = put(s3, "short", "COMPLIANCE", until)
    statuses = set()
    while 204 not in statuses:
        statuses.add(
            wire.call("DELETE", "/locked/short", f"versionId={version['VersionId']}").status
        )
        assert statuses <= {403, 204} and datetime.datetime.now(
            datetime.timezone.utc
        ) < until + datetime.timedelta(seconds=30)
    assert statuses == {403, 204} and datetime.datetime.now(
        datetime.timezone.utc
    ) >= until - datetime.timedelta(seconds=1)


def test_a_delete_marker_hides_a_locked_version_and_may_go(s3):
    version = put(s3, "hidden", "COMPLIANCE", NOW + YEAR)
    marker = s3.delete_object(Bucket="locked", Key="hidden")
    assert marker["DeleteMarker"]
    s3.delete_object(Bucket="locked", Key="hidden", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket="locked", Key="hidden")["VersionId"] == version["VersionId"]


def test_overwriting_leaves_the_locked_version(s3, code):
    version = put(s3, "overwritten", "COMPLIANCE", NOW + YEAR)
    put(s3, "overwritten")
    assert (
        s3.get_object(**version)["Body"].read() == b"x"
        and code(s3.delete_object, **version) == "AccessDenied"
    )


def test_a_locked_null_version_from_before_versioning_stays(s3, code):
    s3.create_bucket(Bucket="old")
    s3.put_object(Bucket="old", Key="k", Body=b"first")
    s3.put_bucket_versioning(Bucket="old", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(
        Bucket="old", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    s3.put_object_retention(
        Bucket="old",
        Key="k",
        VersionId="null",
        Retention={"Mode": "COMPLIANCE", "RetainUntilDate": NOW + YEAR},
    )
    assert code(s3.delete_object, Bucket="old", Key="k", VersionId="null") == "AccessDenied"
    s3.put_object(Bucket="old", Key="k", Body=b"second")
    assert s3.get_object(Bucket="old", Key="k", VersionId="null")["Body"].read() == b"first"


def test_the_default_retention_falls_on_every_new_version(s3, code):
    s3.create_bucket(Bucket="by-default", ObjectLockEnabledForBucket=True)
    rule = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
    }
    s3.put_object_lock_configuration(Bucket="by-default", ObjectLockConfiguration=rule)
    assert s3.get_object_lock_configuration(Bucket="by-default")["ObjectLockConfiguration"] == rule
    s3.put_object(Bucket="by-default", Key="put", Body=b"x", ContentMD5=md5(b"x"))
    s3.copy_object(Bucket="by-default", Key="copy", CopySource="by-default/put")
    upload = {
        "Bucket": "by-default",
        "Key": "parts",
        "UploadId": s3.create_multipart_upload(Bucket="by-default", Key="parts")["UploadId"],
    }
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        **upload,
        MultipartUpload={
            "Parts": [
                {
                    "PartNumber": 1,
                    "ETag": part["ETag"],
                    **{
                        k: v
                        for k, v in part.items()
                        if k.startswith("Checksum") and k != "ChecksumType"
                    },
                }
            ]
        },
    )
    for key in ("put", "copy", "parts"):
        head = s3.head_object(Bucket="by-default", Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert (
            datetime.timedelta(days=2.9)
            < head["ObjectLockRetainUntilDate"] - NOW
            < datetime.timedelta(days=3.1)
        )
        assert (
            code(s3.delete_object, Bucket="by-default", Key=key, VersionId=head["VersionId"])
            == "AccessDenied"
        )


def test_locks_of_copies_and_multipart_uploads_come_from_their_own_headers(s3, code):
    put(s3, "source", "COMPLIANCE", NOW + YEAR)
    s3.copy_object(Bucket="locked", Key="bare-copy", CopySource="locked/source")
    assert "ObjectLockMode" not in s3.head_object(Bucket="locked", Key="bare-copy")
    lock = {
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": NOW + YEAR,
        "ObjectLockLegalHoldStatus": "ON",
    }
    s3.copy_object(Bucket="locked", Key="copy", CopySource="locked/source", **lock)
    upload = {
        "Bucket": "locked",
        "Key": "parts",
        "UploadId": s3.create_multipart_upload(Bucket="locked", Key="parts", **lock)["UploadId"],
    }
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        **upload,
        MultipartUpload={
            "Parts": [
                {
                    "PartNumber": 1,
                    "ETag": part["ETag"],
                    **{
                        k: v
                        for k, v in part.items()
                        if k.startswith("Checksum") and k != "ChecksumType"
                    },
                }
            ]
        },
    )
    for key in ("copy", "parts"):
        head = s3.head_object(Bucket="locked", Key=key)
        assert (
            head["ObjectLockMode"] == "COMPLIANCE"
            and head["ObjectLockLegalHoldStatus"] == "ON"
            and iso(head["ObjectLockRetainUntilDate"]) == iso(NOW + YEAR)
        )
        assert (
            code(s3.delete_object, Bucket="locked", Key=key, VersionId=head["VersionId"])
            == "AccessDenied"
        )


def test_lock_headers_that_say_nonsense_are_refused(wire):
    mode, date, hold = (
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-object-lock-legal-hold",
    )
    future, past = iso(NOW + YEAR), iso(NOW - YEAR)
    for headers, wanted in (
        ({mode: "GOVERNANCE"}, "InvalidArgument"),
        ({date: future}, "InvalidArgument"),
        ({mode: "SOMETIMES", date: future}, "InvalidArgument"),
        ({mode: "GOVERNANCE", date: past}, "InvalidArgument"),
        ({mode: "GOVERNANCE", date: "tomorrow"}, "InvalidArgument"),
        # In the year 10000, which no policy could compare with its own dates.
        ({mode: "COMPLIANCE", date: "9999-12-31T23:59:60Z"}, "InvalidArgument"),
        ({hold: "MAYBE"}, "InvalidArgument"),
    ):
        assert (
            wire.call(
                "PUT", "/locked/nonsense", body=b"x", headers={"content-md5": md5(b"x"), **headers}
            ).code
            == wanted
        ), headers
    # A locked body must be proven whole; a bucket without Object Lock locks nothing.
    assert (
        wire.call(
            "PUT", "/locked/nonsense", body=b"x", headers={mode: "GOVERNANCE", date: future}
        ).code
        == "InvalidRequest"
    )
    assert (
        wire.call(
            "PUT",
            "/open/nonsense",
            body=b"x",
            headers={"content-md5": md5(b"x"), mode: "GOVERNANCE", date: future},
        ).code
        == "InvalidRequest"
    )
    assert wire.call("HEAD", "/locked/nonsense").status == 404


def test_lock_documents_that_say_nonsense_are_refused(s3, wire, code):
    version = put(s3, "documents")
    retain = lambda inner: wire.put_document(
        "/locked/documents", "retention", f"<Retention>{inner}</Retention>"
    ).code
    future = f"<RetainUntilDate>{iso(NOW + YEAR)}</RetainUntilDate>"
    assert (
        retain("<Mode>GOVERNANCE</Mode>")
        == retain(future)
        == retain("<Mode>X</Mode>" + future)
        == retain("<Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate>")
        == "MalformedXML"
    )
    assert (
        retain(f"<Mode>GOVERNANCE</Mode><RetainUntilDate>{iso(NOW - YEAR)}</RetainUntilDate>")
        == "InvalidArgument"
    )
    assert (
        wire.put_document(
            "/locked/documents", "legal-hold", "<LegalHold><Status>PERHAPS</Status></LegalHold>"
        ).code
        == "MalformedXML"
    )
    assert (
        wire.call(
            "PUT", "/locked/documents", "legal-hold", b"<LegalHold><Status>ON</Status></LegalHold>"
        ).code
        == "InvalidRequest"
    )  # no Content-MD5
    configure = lambda inner: wire.put_document(
        "/locked",
        "object-lock",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
        f"<DefaultRetention>{inner}</DefaultRetention></Rule></ObjectLockConfiguration>",
    ).code
    assert (
        configure("<Mode>GOVERNANCE</Mode>")
        == configure("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>")
        == configure("<Days>1</Days>")
        == "MalformedXML"
    )
    assert (
        configure("<Mode>GOVERNANCE</Mode><Days>0</Days>")
        == configure("<Mode>GOVERNANCE</Mode><Days>36501</Days>")
        == configure("<Mode>GOVERNANCE</Mode><Years>101</Years>")
        == "InvalidArgument"
    )
    assert (
        wire.put_document("/locked", "object-lock", "<ObjectLockConfiguration/>").code
        == "MalformedXML"
    )
    for call in (s3.get_object_retention, s3.get_object_legal_hold):
        assert code(call, **version) == "NoSuchObjectLockConfiguration"
        assert code(call, Bucket="locked", Key="missing") == "NoSuchKey"
    s3.put_object(Bucket="open", Key="k", Body=b"x")
    assert code(s3.get_object_retention, Bucket="open", Key="k") == "InvalidRequest"
    assert (
        code(s3.put_object_legal_hold, Bucket="open", Key="k", LegalHold={"Status": "ON"})
        == "InvalidRequest"
    )


def test_each_lock_needs_its_own_permission(server, s3, code):
    arn = f"arn:aws:iam::{server.endpoint['account_id']}:role/sluice-operator"
    iam = server.client("iam")
    iam.create_role(
        RoleName="plain-writer",
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
        RoleName="plain-writer",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": [
                            "s3:PutObject",
                            "s3:GetObject",
                            "s3:GetObjectVersion",
                            "s3:CreateBucket",
                        ],
                        "Resource": "*",
                    }
                ],
            }
        ),
    )
    writer = server.client("s3", role="plain-writer")
    version = put(s3, "shown", "GOVERNANCE", NOW + YEAR, "ON")
    for lock in ({"mode": "GOVERNANCE", "until": NOW + YEAR}, {"hold": "ON"}):
        assert code(put, s3=writer, key="refused", **lock) == "AccessDenied"
    put(writer, "unlocked")
    for call in ("get_object_retention", "get_object_legal_hold"):
        assert code(getattr(writer, call), **version) == "AccessDenied"
    assert (
        code(
            writer.put_object_retention,
            **version,
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": NOW + 2 * YEAR},
        )
        == "AccessDenied"
    )
    assert (
        code(writer.put_object_legal_hold, **version, LegalHold={"Status": "OFF"}) == "AccessDenied"
    )
    assert (
        code(
            writer.put_object_lock_configuration,
            Bucket="locked",
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
        )
        == "AccessDenied"
    )
    assert (
        code(writer.create_bucket, Bucket="locked-by-writer", ObjectLockEnabledForBucket=True)
        == "AccessDenied"
    )
    seen = writer.head_object(**version)
    assert not [
        name for name in seen if name.startswith("ObjectLock")
    ]  # shown to who may read them
    assert s3.head_object(**version)["ObjectLockLegalHoldStatus"] == "ON"

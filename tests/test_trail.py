# SPDX-License-Identifier: Apache-2.0
"""What a trail delivers: every selected record once, in AWS's layout, signed and chained so that
AWS's own tool proves it; whatever fails or crashes on the way."""
import datetime
import json
import re
import signal

import botocore.exceptions
import pytest

import wire
from functions import trust, until
from trails import (
    ACCOUNT,
    Bucket,
    REGION,
    arn,
    bucket_policy,
    hasty,
    make_bucket,
    make_trail,
    now,
    server,
    stop_trail,
    validate,
    validators,
)

DATA = {
    "EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]
}


@pytest.fixture(autouse=True)
def no_trails(request):
    yield
    if "server" in request.fixturenames:
        client = request.getfixturevalue("server").client("cloudtrail")
        for one in client.describe_trails()["trailList"]:
            client.delete_trail(Name=one["Name"])


def names(records):
    return [r["eventName"] for r in records]


def test_records_arrive_once_in_aws_layout(server):
    bucket = make_trail(server, "layout", S3KeyPrefix="pre/fix")
    kms = server.client("kms")
    for _ in range(10):
        kms.create_key()
    stop_trail(server, "layout", bucket)
    day = r"\d{4}/\d{2}/\d{2}"
    for key in bucket.logs():
        assert re.fullmatch(
            rf"pre/fix/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{day}/"
            rf"{ACCOUNT}_CloudTrail_{REGION}_\d{{8}}T\d{{4}}Z_[A-Za-z0-9]{{16}}\.json\.gz",
            key,
        ), key
    for key in bucket.keys("CloudTrail-Digest"):
        assert re.fullmatch(
            rf"pre/fix/AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{day}/"
            rf"{ACCOUNT}_CloudTrail-Digest_{REGION}_layout_{REGION}_\d{{8}}T\d{{6}}Z\.json\.gz",
            key,
        ), key
    records = bucket.records()
    assert names(records).count("CreateKey") == 10 and len({r["eventID"] for r in records}) == len(
        records
    )
    ours = [n for n in names(records) if n in ("StartLogging", "StopLogging")]
    assert ours == [
        "StartLogging",
        "StopLogging",
    ]  # starting and stopping are events of the trail itself
    kept = {
        json.loads(e["CloudTrailEvent"])["eventID"]: json.loads(e["CloudTrailEvent"])
        for page in server.client("cloudtrail").get_paginator("lookup_events").paginate()
        for e in page["Events"]
    }
    assert all(kept[r["eventID"]] == r for r in records)  # the store tells the same
    head = server.client("s3").get_object(Bucket="layout", Key=bucket.logs()[0])
    assert head["ContentEncoding"] == "gzip" and head["ServerSideEncryption"] == "AES256"


def session_of(server, name, *statements):
    """Of a new role with one policy, "p", of these statements."""
    anyone_here = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    iam = server.client("iam")
    for call, about in (
        (iam.create_role, {"AssumeRolePolicyDocument": document(anyone_here)}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": document(*statements)}),
    ):
        call(RoleName=name, **about)
    return server.session(name)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_records_name_the_statements_that_decided(server, code):
    """The trail's files and LookupEvents alike; the caller is told no more than AWS tells him."""
    session = session_of(
        server,
        "Decided",
        {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"},
        {
            "Sid": "OwnObjects",
            "Effect": "Allow",
            "Action": "s3:*Object",
            "Resource": "arn:aws:s3:::decided/*",
        },
    )
    guarded = {
        "Sid": "Guarded",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:DeleteObject"],
        "Resource": "arn:aws:s3:::decided/guarded/*",
    }
    shared = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Decided"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::decided/open/*",
    }
    s3 = server.client("s3")
    s3.create_bucket(Bucket="decided")
    s3.put_bucket_policy(Bucket="decided", Policy=document(guarded, shared))
    bucket = make_trail(server, "deciding", selectors=DATA)
    own = server.client("s3", session=session)
    own.put_object(Bucket="decided", Key="open/k", Body=b"k")
    own.get_object(Bucket="decided", Key="open/k")
    with pytest.raises(botocore.exceptions.ClientError) as denied:
        own.get_object(Bucket="decided", Key="guarded/k")
    assert code(own.list_objects_v2, Bucket="decided") == "AccessDenied"
    own.delete_objects(
        Bucket="decided", Delete={"Objects": [{"Key": k} for k in ("open/k", "guarded/k", "k")]}
    )
    server.client("kms", session=session).list_keys()
    stop_trail(server, "deciding", bucket)

    by_role = {"policyType": "identity", "policy": "p", "sid": "OwnObjects"}
    by_bucket = {"policyType": "resource", "policy": "arn:aws:s3:::decided"}
    guards = {"effect": "Deny", **by_bucket, "sid": "Guarded"}
    found = {
        (r["eventName"], (r["requestParameters"] or {}).get("key")): r["additionalEventData"].get(
            "determiningStatements"
        )
        for r in bucket.records()
        if r["userIdentity"].get("accessKeyId") == session["AccessKeyId"]
    }
    assert found == {
        ("PutObject", "open/k"): [by_role],
        ("GetObject", "open/k"): [by_role, {**by_bucket, "index": 1}],
        ("GetObject", "guarded/k"): [guards],
        ("ListObjects", None): None,  # nothing allowed it
        ("DeleteObjects", None): [by_role, guards],
        ("ListKeys", None): [{"policyType": "identity", "policy": "p", "index": 0}],
    }
    text = denied.value.response["Error"]["Message"]
    assert text.endswith(
        'on resource: "arn:aws:s3:::decided/guarded/k" with an explicit deny in a '
        "resource-based policy"
    )
    looked_up = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": session["AccessKeyId"]}]
    )["Events"]
    assert [json.loads(e["CloudTrailEvent"])["additionalEventData"] for e in looked_up] == [
        {"determiningStatements": found["ListKeys", None]}
    ]


def test_a_record_names_eight_statements_at_most(server):
    many = [
        {"Sid": f"S{i}", "Effect": "Allow", "Action": "kms:List*", "Resource": "*"}
        for i in range(9)
    ]
    for role, statements, more in (("Eight", many[:8], None), ("Nine", many, True)):
        session = session_of(server, role, *statements)
        server.client("kms", session=session).list_keys()
        found = server.client("cloudtrail").lookup_events(
            LookupAttributes=[
                {"AttributeKey": "AccessKeyId", "AttributeValue": session["AccessKeyId"]}
            ]
        )["Events"]
        extra = json.loads(found[0]["CloudTrailEvent"])["additionalEventData"]
        assert [one["sid"] for one in extra["determiningStatements"]] == [f"S{i}" for i in range(8)]
        assert extra.get("moreDeterminingStatements") is more


def test_digests_are_chained_and_made_when_nothing_happens(server):
    bucket = make_trail(server, "chained")
    until(lambda: len(bucket.keys("CloudTrail-Digest")) >= 3)
    stop_trail(server, "chained")
    digests = bucket.digests()
    assert (
        digests[0]["previousDigestS3Object"] is None
        and digests[0]["previousDigestSignature"] is None
        and digests[0]["previousDigestHashValue"] is None
    )
    for before, after in zip(digests, digests[1:]):
        assert (
            after["digestStartTime"] == before["digestEndTime"]
            and after["previousDigestS3Object"] == before["digestS3Object"]
            and after["previousDigestHashAlgorithm"] == "SHA-256"
        )
    assert sorted(f["s3Object"] for d in digests for f in d["logFiles"]) == sorted(
        bucket.logs()
    )  # every log file is in one digest
    last = digests[-1]["digestS3Object"]
    server.client("cloudtrail").start_logging(Name="chained")
    until(lambda: len(bucket.digests()) > len(digests))
    fresh = [d for d in bucket.digests() if d["digestS3Object"] > last][0]
    assert fresh["previousDigestS3Object"] is None  # a new chain after a gap


def test_data_events_only_when_selected_and_deliveries_do_not_feed_themselves(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="watched")
    s3.create_bucket(Bucket="unwatched")
    only = {
        "EventSelectors": [
            {
                "IncludeManagementEvents": False,
                "ReadWriteType": "WriteOnly",
                "DataResources": [
                    {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::watched/in/"]}
                ],
            }
        ]
    }
    some, all_data = make_trail(server, "some-data", selectors=only), make_trail(
        server, "all-data", selectors=DATA
    )
    for key in ("in/1", "in/2", "out/1"):
        s3.put_object(Bucket="watched", Key=key, Body=b"x")
        s3.get_object(Bucket="watched", Key=key)
    s3.put_object(Bucket="unwatched", Key="in/1", Body=b"x")
    until(lambda: "GetObject" in names(all_data.records()))
    files = until(lambda: some.logs())
    until(lambda: len(some.keys("CloudTrail-Digest")) >= 3)  # time passes, nothing happens
    assert [r["requestParameters"]["key"] for r in some.records()] == [
        "in/1",
        "in/2",
    ] and some.logs() == files
    # A trail of everything sees its own deliveries too, at most one more file a digest: never a
    # file for the record of a file. The others' digests would be events of their own.
    cloudtrail = server.client("cloudtrail")
    for trail in cloudtrail.describe_trails()["trailList"]:
        if trail["Name"] != "all-data":
            cloudtrail.stop_logging(Name=trail["Name"])
    made = len(all_data.logs())
    digests = len(all_data.keys("CloudTrail-Digest"))
    until(lambda: len(all_data.keys("CloudTrail-Digest")) >= digests + 2)
    assert len(all_data.logs()) - made <= len(all_data.keys("CloudTrail-Digest")) - digests + 2


def test_management_selectors(server):
    quiet = make_trail(
        server,
        "quiet",
        selectors={
            "EventSelectors": [
                {
                    "ReadWriteType": "WriteOnly",
                    "ExcludeManagementEventSources": ["kms.amazonaws.com"],
                }
            ]
        },
    )
    exact = make_trail(
        server,
        "exact",
        selectors={
            "AdvancedEventSelectors": [
                {
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Management"]},
                        {"Field": "eventSource", "Equals": ["kms.amazonaws.com"]},
                        {"Field": "eventName", "StartsWith": ["Create"], "NotEndsWith": ["Alias"]},
                    ]
                }
            ]
        },
    )
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/exact", TargetKeyId=key)
    kms.list_keys()
    server.client("s3").list_buckets()
    server.client("s3").create_bucket(Bucket="management")
    stop_trail(server, "quiet")
    until(exact.records)
    assert "CreateBucket" in names(quiet.records()) and not {
        "ListBuckets",
        "ListKeys",
        "CreateKey",
    } & set(names(quiet.records()))
    assert names(exact.records()) == ["CreateKey"]


def test_no_call_can_hide_from_the_trail(server):
    """Text that is no UTF-8, nesting past what a reader takes, members nobody asked for: what
    succeeds is delivered, and the trail goes on."""
    bucket = make_trail(server, "nowhere-to-hide")
    iam, session, raw = server.client("iam"), server.session(), wire.Wire(server)
    iam.create_role(RoleName="hider", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
    put = wire.capture(
        iam,
        "PutRolePolicy",
        {
            "RoleName": "hider",
            "PolicyName": "p",
            "PolicyDocument": (
                '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",'
                '"Resource":"*"}]}'
            ),
        },
    )
    put.body += b"&Description=%FF"
    assert raw.ask(put, session).status == 200
    deep = b"[" * 159 + b"]" * 159
    selectors = wire.capture(
        server.client("cloudtrail"),
        "PutEventSelectors",
        {
            "TrailName": "nowhere-to-hide",
            "AdvancedEventSelectors": [
                {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
            ],
        },
    )
    selectors.body = selectors.body.replace(
        b'{"FieldSelectors"', b'{"X": ' + deep[:156] + deep[-156:] + b', "FieldSelectors"', 1
    )
    assert raw.ask(selectors, session).status == 200
    assert (
        b'"X"'
        not in raw.ask(
            wire.capture(
                server.client("cloudtrail"), "GetEventSelectors", {"TrailName": "nowhere-to-hide"}
            ),
            session,
        ).body
    )  # nobody checked it: not kept
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    describe = wire.capture(kms, "DescribeKey", {"KeyId": key})
    describe.body = describe.body[:-1] + b', "x": ' + deep + b"}"
    assert raw.ask(describe, session).status == 200
    stop = wire.capture(server.client("cloudtrail"), "StopLogging", {"Name": "nowhere-to-hide"})
    stop.body = stop.body[:-1] + b', "x": ' + deep + b"}"
    assert raw.ask(stop, session).status == 200
    until(lambda: "StopLogging" in names(bucket.records()))
    assert {"PutRolePolicy", "PutEventSelectors", "DescribeKey"} <= set(names(bucket.records()))


def test_selectors_do_not_act_backwards(server):
    """Whoever looks away afterwards is seen doing what he did, and looking away."""
    bucket, kms = make_trail(server, "backwards"), server.client("kms")
    server.client("s3").delete_bucket_policy(
        Bucket="backwards"
    )  # so that nothing is delivered meanwhile
    created = kms.create_key()["KeyMetadata"]["KeyId"]
    server.client("cloudtrail").put_event_selectors(
        TrailName="backwards", EventSelectors=[{"ReadWriteType": "ReadOnly"}]
    )
    kms.create_key()
    server.client("cloudtrail").put_event_selectors(
        TrailName="backwards", EventSelectors=[{"ReadWriteType": "All"}]
    )
    server.client("s3").put_bucket_policy(
        Bucket="backwards", Policy=bucket_policy("backwards", "backwards")
    )
    stop_trail(server, "backwards")
    records = bucket.records()
    assert [
        r["responseElements"]["keyMetadata"]["keyId"]
        for r in records
        if r["eventName"] == "CreateKey"
    ] == [created]
    assert names(records).count("PutEventSelectors") == 1 and "StopLogging" in names(
        records
    )  # the second one is a write while only reads were wanted


def test_digests_of_two_spans_have_two_names(server):
    bucket, trail = make_trail(server, "twice", start=False), server.client("cloudtrail")
    for _ in range(3):  # faster than a digest's name counts
        trail.start_logging(Name="twice")
        trail.stop_logging(Name="twice")
    until(
        lambda: names(bucket.records()).count("StopLogging") == 3
        and sorted(f["s3Object"] for d in bucket.digests() for f in d["logFiles"])
        == sorted(bucket.logs())
    )
    assert len(bucket.digests()) >= 3 and len({r["eventID"] for r in bucket.records()}) == len(
        bucket.records()
    )  # no span takes records of the next
    versions = server.client("s3").list_object_versions(Bucket="twice")["Versions"]
    assert len({v["Key"] for v in versions}) == len(versions)


def test_a_failed_delivery_is_shown_and_loses_nothing(server):
    bucket, trail, s3, kms = (
        make_trail(server, "failing"),
        server.client("cloudtrail"),
        server.client("s3"),
        server.client("kms"),
    )
    until(bucket.logs)
    s3.delete_bucket_policy(Bucket="failing")
    wanted = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    until(
        lambda: trail.get_trail_status(Name="failing").get("LatestDeliveryError") == "AccessDenied"
    )
    s3.put_bucket_policy(Bucket="failing", Policy=bucket_policy("failing", "failing"))
    trail.update_trail(Name="failing")  # looks at once
    until(
        lambda: wanted
        <= {
            (r["responseElements"] or {}).get("keyMetadata", {}).get("keyId")
            for r in bucket.records()
        }
    )
    assert "LatestDeliveryError" not in trail.get_trail_status(Name="failing")
    stop_trail(server, "failing")
    assert len({r["eventID"] for r in bucket.records()}) == len(bucket.records())


def test_only_the_trail_writes_below_its_prefix(server, code):
    bucket, s3 = make_trail(server, "guarded"), server.client("s3")
    key = until(bucket.logs)[0]
    inside, outside = bucket.root + "CloudTrail/forged.json.gz", "AWSLogs-other/file"
    assert (
        code(s3.put_object, Bucket="guarded", Key=key, Body=b"forged") == "AccessDenied"
    )  # the operator may do everything else
    assert code(s3.put_object, Bucket="guarded", Key=inside, Body=b"forged") == "AccessDenied"
    s3.put_object(Bucket="guarded", Key=outside, Body=b"mine")
    assert (
        code(s3.copy_object, Bucket="guarded", Key=inside, CopySource="guarded/" + outside)
        == "AccessDenied"
    )
    assert code(s3.create_multipart_upload, Bucket="guarded", Key=inside) == "AccessDenied"
    server.client("cloudtrail").delete_trail(Name="guarded")
    s3.put_object(Bucket="guarded", Key=inside, Body=b"free again")


def test_a_body_that_was_on_its_way_when_the_trail_came_is_refused(server):
    """What is allowed at its head is not yet written: the trail's prefix is looked at again in the
    commit."""
    make_bucket(server, "late", "late")
    raw, body = wire.Wire(server), b"forged"
    call = wire.Call("s3", "PUT", f"/late/AWSLogs/{ACCOUNT}/CloudTrail/forged.json.gz", {}, body)
    connection = raw.connect()
    connection.putrequest(call.method, call.target, skip_host=True, skip_accept_encoding=True)
    for name, value in (
        raw.sign(call, server.session())
        | {"content-length": str(len(body)), "expect": "100-continue"}
    ).items():
        connection.putheader(name, value)
    connection.endheaders()
    assert b"100 Continue" in connection.sock.recv(100)  # it was authorised
    connection.send(body[:3])
    server.client("cloudtrail").create_trail(Name="late", S3BucketName="late")
    connection.send(body[3:])
    assert wire.Answer(connection.getresponse()).code == "AccessDenied"


def test_a_log_group_gets_the_same_records(server):
    iam, logs = server.client("iam"), server.client("logs")
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:of-trail:*"
    role = iam.create_role(
        RoleName="to-logs",
        AssumeRolePolicyDocument=(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
            '"Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
        ),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="to-logs",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": (
                            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:of-trail:log-stream:*"
                        ),
                    }
                ],
            }
        ),
    )
    bucket = make_trail(
        server, "of-trail", CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role
    )
    trail = server.client("cloudtrail")
    until(
        lambda: trail.get_trail_status(Name="of-trail").get("LatestCloudWatchLogsDeliveryError")
        == "ResourceNotFoundException"
    )
    logs.create_log_group(logGroupName="of-trail")
    trail.update_trail(Name="of-trail")
    stream = f"{ACCOUNT}_CloudTrail_{REGION}"

    def events():
        return [
            json.loads(e["message"])
            for e in logs.get_log_events(
                logGroupName="of-trail", logStreamName=stream, startFromHead=True
            )["events"]
        ]

    until(lambda: "LatestCloudWatchLogsDeliveryTime" in trail.get_trail_status(Name="of-trail"))
    stop_trail(server, "of-trail")
    until(lambda: "StopLogging" in names(events()))
    key = lambda r: r["eventID"]
    assert sorted(events(), key=key) == sorted(bucket.records(), key=key)


def test_encrypted_files_and_a_key_that_is_disabled(server):
    kms, trail = server.client("kms"), server.client("cloudtrail")
    any_trail = f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "kms:GenerateDataKey*",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:SourceArn": arn("under-key")},
                "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": any_trail},
            },
        }
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    bucket = make_trail(server, "under-key", KmsKeyId=key)
    log = until(bucket.logs)[0]
    head = server.client("s3").head_object(Bucket="under-key", Key=log)
    assert head["ServerSideEncryption"] == "aws:kms" and head["SSEKMSKeyId"].endswith(key)
    kms.disable_key(KeyId=key)
    until(
        lambda: "Disabled"
        in trail.get_trail_status(Name="under-key").get("LatestDeliveryError", "")
    )
    kms.enable_key(KeyId=key)
    trail.update_trail(Name="under-key")
    until(lambda: {"DisableKey", "EnableKey"} <= set(names(bucket.records())))
    digest = server.client("s3").head_object(
        Bucket="under-key", Key=until(lambda: bucket.keys("CloudTrail-Digest"))[0]
    )
    assert digest["ServerSideEncryption"] == "AES256" and set(digest["Metadata"]) == {
        "signature",
        "signature-algorithm",
    }


def test_a_chain_that_is_gone_whole_is_missed_by_the_store_alone(tmp_path):
    """Nothing that is left names it: over the API a note says where chains begin, the store of the
    stopped server knows what was delivered."""
    server = hasty(tmp_path, digest_interval_s=60)
    bucket, s3 = make_trail(server, "two-chains"), server.client("s3")
    stop_trail(server, "two-chains", bucket)
    first = bucket.logs() + bucket.keys("CloudTrail-Digest")
    server.client("cloudtrail").start_logging(Name="two-chains")
    stop_trail(server, "two-chains", bucket)
    for key in first:
        s3.delete_object(Bucket="two-chains", Key=key)
    said = server.run("verify", "--trail", arn("two-chains"))
    assert "clean" in said.stdout and "a chain begins" in said.stdout + said.stderr
    server.stop()
    said = server.run("verify", "--trail", arn("two-chains"), check=False)
    assert said.returncode == 1 and all(
        f"{key}: missing" in said.stdout + said.stderr for key in first
    )


def test_awss_own_tool_proves_it_across_a_crash(tmp_path):
    server = hasty(tmp_path)
    start = now() - datetime.timedelta(minutes=1)
    bucket = make_trail(server, "proved", selectors=DATA)
    server.client("s3").create_bucket(Bucket="traffic")
    for crash in range(2):
        for i in range(30):
            server.client("kms").create_key()
            server.client("s3").put_object(Bucket="traffic", Key=f"{crash}/{i}", Body=b"x" * i)
        until(lambda: len(bucket.keys("CloudTrail-Digest")) >= 2 * crash + 2)
        server.stop(signal.SIGKILL)
        server.start()
        bucket = Bucket(server, "proved")
    stop_trail(server, "proved")
    counted = len(bucket.records())
    assert validators(), "no AWS CLI is installed"
    for which, path in validators().items():
        code, output = validate(server, which, path, tmp_path / which, "proved", start)
        digests, logs = len(bucket.keys("CloudTrail-Digest")), len(bucket.logs())
        assert (
            code == 0
            and f"{digests}/{digests} digest files valid" in output
            and f"{logs}/{logs} log files valid" in output
        ), output
    assert "clean" in server.run("verify", "--trail", arn("proved")).stdout
    server.stop()
    assert (
        f"{counted} records as the audit chain has them"
        in server.run("verify", "--trail", arn("proved")).stdout
    )

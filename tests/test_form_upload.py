# SPDX-License-Identifier: Apache-2.0
"""Uploads from an HTML form: the signed policy alone says what a browser may send, and nothing more
comes in."""
import base64
import datetime
import json

import pytest
import urllib3
from urllib3.filepost import encode_multipart_formdata


@pytest.fixture(scope="module")
def s3(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="forms")
    s3.create_bucket(Bucket="other")
    return s3


@pytest.fixture(scope="module")
def send(server):
    pool = urllib3.PoolManager(ca_certs=server.endpoint["ca_file"])

    def send(post, content=b"[]", name="data.json", bucket="forms", files=1, **more):
        fields = [
            *(post["fields"] | more).items(),
            *[("file", (name, content, "application/json"))] * files,
        ]
        body, kind = encode_multipart_formdata(fields)
        return pool.request(
            "POST",
            server.endpoint["endpoint"] + "/" + bucket,
            body=body,
            headers={"content-type": kind},
            redirect=False,
            retries=False,
        )

    return send


def reads(s3, key):
    return s3.get_object(Bucket="forms", Key=key)["Body"].read()


def refusal(answer):
    text = answer.data.decode()
    return (
        answer.status,
        text.split("<Code>")[1].split("</Code>")[0],
        text.split("<Message>")[1].split("</Message>")[0],
    )


def nothing(s3, key):
    return "Contents" not in s3.list_objects_v2(Bucket="forms", Prefix=key)


def test_a_form_signed_by_boto3_uploads(s3, send):
    answer = send(s3.generate_presigned_post("forms", "plain.json"), b"[1]")
    assert (answer.status, answer.data) == (204, b"") and answer.headers["location"].endswith(
        "/forms/plain.json"
    )
    assert reads(s3, "plain.json") == b"[1]"


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"\r\n--", b"-" * 100_000, bytes(range(256)) * 8192]
)
def test_bytes_arrive_as_they_were_sent(s3, send, content):
    assert send(s3.generate_presigned_post("forms", "bytes"), content).status == 204
    assert reads(s3, "bytes") == content


def test_the_key_takes_the_name_of_the_file(s3, send):
    post = s3.generate_presigned_post(
        "forms", "in/${filename}", Conditions=[["starts-with", "$key", "in/"]]
    )
    assert send(post, b"{}", name="C:\\dir\\räume.json").status == 204
    assert reads(s3, "in/räume.json") == b"{}"


def test_fields_become_what_headers_are(s3, send):
    more = {
        "Content-Type": "application/json",
        "x-amz-meta-device": "d-1",
        "tagging": "<Tagging><TagSet><Tag><Key>k</Key><Value>v w</Value></Tag></TagSet></Tagging>",
    }
    post = s3.generate_presigned_post(
        "forms",
        "fields",
        Fields=dict(more),
        Conditions=[{name: value} for name, value in more.items()],
    )
    assert send(post).status == 204
    head = s3.head_object(Bucket="forms", Key="fields")
    assert head["ContentType"] == "application/json" and head["Metadata"] == {"device": "d-1"}
    assert s3.get_object_tagging(Bucket="forms", Key="fields")["TagSet"] == [
        {"Key": "k", "Value": "v w"}
    ]


def test_the_answer_is_the_one_asked_for(s3, send):
    def posted(**fields):
        return send(
            s3.generate_presigned_post(
                "forms",
                "asked",
                Fields=dict(fields),
                Conditions=[{name: value} for name, value in fields.items()],
            )
        )

    assert posted(success_action_status="200").status == 200
    created = posted(success_action_status="201")
    assert (
        created.status == 201
        and b"<PostResponse><Location>https://" in created.data
        and b"<Bucket>forms</Bucket><Key>asked</Key>" in created.data
    )
    assert posted(success_action_status="418").status == 204
    moved = posted(success_action_redirect="https://example.com/done")
    assert moved.status == 303 and moved.headers["location"].startswith(
        "https://example.com/done?bucket=forms&key=asked&etag=%22"
    )
    assert posted(success_action_redirect="javascript:alert(1)").status == 204


@pytest.mark.parametrize(
    "more, why",
    [
        ({"x-amz-meta-extra": "1"}, "Extra input fields: x-amz-meta-extra"),
        ({"key": "denied-other"}, "Policy Condition failed"),
        ({"Content-Type": "text/html"}, "Policy Condition failed"),
        ({"x-amz-storage-class": "STANDARD"}, "Extra input fields"),
    ],
)
def test_what_the_policy_does_not_name_is_refused(s3, send, more, why):
    post = s3.generate_presigned_post(
        "forms",
        "denied",
        Fields={"Content-Type": "image/png"},
        Conditions=[["starts-with", "$Content-Type", "image/"]],
    )
    status, code, message = refusal(send(post, **more))
    assert (status, code) == (403, "AccessDenied") and why in message
    assert nothing(s3, "denied")


def test_what_may_be_ignored_needs_no_condition(s3, send):
    assert (
        send(s3.generate_presigned_post("forms", "ignored"), **{"x-ignore-me": "1"}).status == 204
    )


def test_the_policy_of_one_bucket_does_not_open_another(s3, send):
    status, code, message = refusal(
        send(s3.generate_presigned_post("forms", "crossed"), bucket="other")
    )
    assert (status, code) == (403, "AccessDenied") and "bucket" in message


@pytest.mark.parametrize(
    "size, code",
    [
        (9, "EntityTooSmall"),
        (10, None),
        (20, None),
        (21, "EntityTooLarge"),
        (200_000, "EntityTooLarge"),
    ],
)
def test_the_size_keeps_to_the_range(s3, send, size, code):
    answer = send(
        s3.generate_presigned_post(
            "forms", f"sized-{size}", Conditions=[["content-length-range", 10, 20]]
        ),
        b"x" * size,
    )
    if code:
        assert refusal(answer)[:2] == (400, code) and nothing(s3, f"sized-{size}")
    else:
        assert answer.status == 204


def test_a_changed_policy_or_signature_is_refused(s3, send):
    post = s3.generate_presigned_post("forms", "forged")
    policy = json.loads(base64.b64decode(post["fields"]["policy"]))
    policy["conditions"].append(["starts-with", "$x-amz-meta-a", ""])
    assert refusal(send(post, policy=base64.b64encode(json.dumps(policy).encode()).decode()))[
        :2
    ] == (403, "SignatureDoesNotMatch")
    signature = post["fields"]["x-amz-signature"]
    assert refusal(
        send(post, **{"x-amz-signature": ("1" if signature[0] == "0" else "0") + signature[1:]})
    )[:2] == (403, "SignatureDoesNotMatch")
    assert send({"fields": {"key": "forged"}}).status == 403
    assert nothing(s3, "forged")


def test_an_expired_policy_is_refused(s3, send):
    status, code, message = refusal(send(s3.generate_presigned_post("forms", "late", ExpiresIn=-1)))
    assert (status, code) == (403, "AccessDenied") and "Policy expired" in message
    assert nothing(s3, "late")


def test_who_may_not_put_may_not_post(server, send):
    account = server.endpoint["account_id"]
    iam = server.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(RoleName="poster", AssumeRolePolicyDocument=json.dumps(trust))
    allow = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::forms/mine/*",
                "Condition": {"StringEquals": {"s3:authType": "POST"}},
            }
        ],
    }
    iam.put_role_policy(RoleName="poster", PolicyName="post", PolicyDocument=json.dumps(allow))
    poster = server.client("s3", role="poster")
    assert send(poster.generate_presigned_post("forms", "mine/a")).status == 204
    assert refusal(send(poster.generate_presigned_post("forms", "theirs/a")))[:2] == (
        403,
        "AccessDenied",
    )


def test_a_form_has_one_file_and_bounded_fields(s3, send):
    assert (
        refusal(send(s3.generate_presigned_post("forms", "files"), files=0))[1]
        == "IncorrectNumberOfFilesInPostRequest"
    )
    assert (
        refusal(send(s3.generate_presigned_post("forms", "files"), **{"x-ignore-a": "x" * 21_000}))[
            1
        ]
        == "MaxPostPreDataLengthExceeded"
    )
    assert (
        refusal(
            send(
                s3.generate_presigned_post("forms", "files"),
                **{f"x-ignore-{n}": "" for n in range(101)},
            )
        )[1]
        == "MaxPostPreDataLengthExceeded"
    )
    assert (
        send(s3.generate_presigned_post("forms", "files"), **{"x-ignore-a": "x" * 15_000}).status
        == 204
    )


@pytest.mark.parametrize(
    "kind, body",
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="key"\r\n\r\nk',
        ),
        ("multipart/form-data; boundary=" + "b" * 71, b"--" + b"b" * 71 + b"\r\n"),
    ],
)
def test_a_malformed_form_is_refused(server, s3, kind, body):
    pool = urllib3.PoolManager(ca_certs=server.endpoint["ca_file"])
    answer = pool.request(
        "POST",
        server.endpoint["endpoint"] + "/forms",
        body=body,
        headers={"content-type": kind},
        retries=False,
    )
    assert answer.status == 400 and b"MalformedPOSTRequest" in answer.data


@pytest.mark.parametrize(
    "policy",
    [
        "!",
        base64.b64encode(b"{").decode(),
        base64.b64encode(b"{}").decode(),
        base64.b64encode(
            json.dumps(
                {"expiration": "2999-01-01T00:00:00Z", "conditions": [["gt", "$key", ""]]}
            ).encode()
        ).decode(),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused(server, s3, send, policy):
    """Signed all the same: nothing in it is guessed."""
    import hashlib
    import hmac

    session = server.session()
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    key = ("AWS4" + session["SecretAccessKey"]).encode()
    for part in (date[:8], "us-east-1", "s3", "aws4_request", policy):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    fields = {
        "key": "unread",
        "policy": policy,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-date": date,
        "x-amz-signature": key.hex(),
        "x-amz-credential": f"{session['AccessKeyId']}/{date[:8]}/us-east-1/s3/aws4_request",
        "x-amz-security-token": session["SessionToken"],
    }
    assert refusal(send({"fields": fields}))[:2] == (400, "InvalidPolicyDocument")
    assert nothing(s3, "unread")

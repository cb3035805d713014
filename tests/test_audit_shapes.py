# SPDX-License-Identifier: Apache-2.0
"""Records field by field, as CloudTrail has them: who, on what, with which parameters, and what is
left out."""
import base64
import hashlib
import json

import pytest

import wire
from functions import make_role, zipped
from records import ANY, OPERATOR_MAY, TOP, differences, key_may, operator, records_of, whole
from trails import ACCOUNT, REGION

OTHER_BUCKET = b"<bucketName>other</bucketName>"


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    """A server that was called once in every way the table names, and its whole audit log from the
    store."""
    s3, kms, dynamo, functions = (
        server.client(name) for name in ("s3", "kms", "dynamodb", "lambda")
    )
    facts = {"host": server.endpoint["endpoint"].split("//")[1]}
    facts["key"] = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="shapes")
    raw = wire.Wire(server)
    other = wire.Call(
        "s3",
        "PUT",
        "/shapes?versioning",
        {"content-md5": base64.b64encode(hashlib.md5(OTHER_BUCKET).digest()).decode()},
        OTHER_BUCKET,
    )
    assert raw.ask(other, server.session()).code == "MalformedXML"
    s3.put_bucket_versioning(Bucket="shapes", VersioningConfiguration={"Status": "Enabled"})
    facts["version"] = s3.put_object(
        Bucket="shapes",
        Key="k/1",
        Body=b"12345",
        ACL="bucket-owner-full-control",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=facts["key"],
    )["VersionId"]
    s3.get_object(Bucket="shapes", Key="k/1")
    s3.list_objects_v2(Bucket="shapes")
    facts["execution"] = make_role(server, "shapes-execution")
    functions.create_function(
        FunctionName="shapes",
        Runtime="provided.al2023",
        Role=facts["execution"],
        Handler="x",
        Code={"ZipFile": zipped("exit 1")},
        Environment={"Variables": {"SECRET": "CANARY-ENV"}},
        Timeout=3,
    )
    functions.get_function(FunctionName="shapes")
    server.client("iam").create_role(
        RoleName="shapes",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    server.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/shapes", RoleSessionName="shapes-session"
    )
    facts["records"] = records_of(server)
    return facts


def record(world, name, **parameters):
    found = [
        r
        for r in world["records"]
        if r["eventName"] == name
        and all((r["requestParameters"] or {}).get(k) == v for k, v in parameters.items())
    ]
    assert found, name
    return found[-1]


OBJECT = [
    {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::shapes/k/1"},
    {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::shapes"},
]
S3_EXTRA = {
    "SignatureVersion": "SigV4",
    "CipherSuite": ANY,
    "bytesTransferredIn": ANY,
    "bytesTransferredOut": ANY,
    "AuthenticationMethod": "AuthHeader",
    "x-amz-id-2": ANY,
}
DATA = {"managementEvent": False, "eventCategory": "Data", "eventSource": "s3.amazonaws.com"}


def test_put_object(world):
    got = record(world, "PutObject", key="k/1")
    assert got["userAgent"].startswith("[Boto3/") and got["userAgent"].endswith("]")
    assert not differences(
        got,
        whole(
            [OPERATOR_MAY, key_may(world["key"])],
            **DATA,
            eventName="PutObject",
            readOnly=False,
            resources=OBJECT,
            additionalEventData=S3_EXTRA
            | {"bytesTransferredIn": 5, "bytesTransferredOut": 0, "SSEApplied": "SSE_KMS"},
            requestParameters={
                "bucketName": "shapes",
                "key": "k/1",
                "Host": world["host"],
                "x-amz-acl": "bucket-owner-full-control",
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": world["key"],
            },
            responseElements={
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": world["key"],
                "x-amz-version-id": world["version"],
            },
        ),
    )


def test_get_object(world):
    assert not differences(
        record(world, "GetObject", key="k/1"),
        whole(
            [OPERATOR_MAY, key_may(world["key"])],
            **DATA,
            eventName="GetObject",
            readOnly=True,
            resources=OBJECT,
            additionalEventData=S3_EXTRA | {"bytesTransferredIn": 0, "bytesTransferredOut": 5},
            requestParameters={"bucketName": "shapes", "key": "k/1", "Host": world["host"]},
        ),
    )


def test_bucket_configuration(world):
    assert not differences(
        record(world, "PutBucketVersioning"),
        whole(
            eventSource="s3.amazonaws.com",
            eventName="PutBucketVersioning",
            readOnly=False,
            resources=OBJECT[1:],
            additionalEventData=S3_EXTRA,
            requestParameters={
                "bucketName": "shapes",
                "Host": world["host"],
                "versioning": "",
                "VersioningConfiguration": {"Status": "Enabled"},
            },
        ),
    )


def test_a_document_cannot_say_it_was_another_bucket(world):
    (got,) = (
        r
        for r in world["records"]
        if r["eventName"] == "PutBucketVersioning" and r.get("errorCode") == "MalformedXML"
    )
    assert got["requestParameters"]["bucketName"] == "shapes"


@pytest.mark.parametrize(
    "name, cause, shown",
    [
        ("GenerateDataKey", "PutObject", {"keySpec": "AES_256"}),
        ("Decrypt", "GetObject", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
    ],
)
def test_keys_that_s3_uses_for_a_caller(world, name, cause, shown):
    """The caller's identity, with who acted for it; no TLS, since the call never left."""
    got = record(world, name, encryptionContext={"aws:s3:arn": "arn:aws:s3:::shapes/k/1"})
    assert not differences(
        got,
        whole(
            determining=None,  # they stand in the record of the call
            eventSource="kms.amazonaws.com",
            eventName=name,
            readOnly=True,
            userIdentity=operator() | {"invokedBy": "s3.amazonaws.com"},
            sourceIPAddress="s3.amazonaws.com",
            userAgent="s3.amazonaws.com",
            tlsDetails=...,
            requestParameters=shown
            | {
                "keyId": world["key"],
                "encryptionContext": {"aws:s3:arn": "arn:aws:s3:::shapes/k/1"},
            },
            resources=[{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": world["key"]}],
        ),
    )
    assert (
        got["userIdentity"]["accessKeyId"]
        == record(world, cause, key="k/1")["userIdentity"]["accessKeyId"]
    )


def test_lists_go_by_one_name(world):
    got = record(world, "ListObjects", bucketName="shapes")
    assert (
        got["requestParameters"]["list-type"] == "2"
        and got["readOnly"] is True
        and got["responseElements"] is None
    )
    assert (
        got["resources"]
        == [{"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::shapes/"}, OBJECT[1]]
        and got["eventCategory"] == "Data"
    )


def test_lambda_names_carry_the_date_and_no_code_or_environment(world):
    got = record(world, "CreateFunction20150331")
    assert got["requestParameters"] == {
        "functionName": "shapes",
        "runtime": "provided.al2023",
        "role": world["execution"],
        "handler": "x",
        "code": {},
        "environment": {},
        "timeout": 3,
    }
    assert (
        got["responseElements"]["functionArn"]
        == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shapes"
        and got["responseElements"]["environment"] == {}
    )
    assert record(world, "GetFunction20150331v2")["responseElements"] is None


def test_secrets_are_in_no_record(world):
    assert "CANARY" not in json.dumps(world["records"])


def test_every_record_is_whole(world):
    for r in world["records"]:
        assert TOP <= r.keys(), r
        assert r["managementEvent"] == (r["eventCategory"] == "Management") and (
            "errorCode" in r
        ) == ("errorMessage" in r)

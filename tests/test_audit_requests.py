# SPDX-License-Identifier: Apache-2.0
"""Every operation of the table leaves a record that says, field by field, what the client sent and
what it got. What AWS leaves out or writes otherwise is stated here, operation by operation; a new
operation is compared as soon as it has a sample (samples.py)."""
import datetime
import functools
import json
import subprocess
import urllib.parse

import botocore
import botocore.exceptions
import pytest

import samples
from conftest import SLUICE
from records import ANY, OPERATOR_MAY, differences, key_may, records_of, trust_may, whole
from trails import ACCOUNT, REGION

TABLE = json.loads(
    subprocess.run(
        [SLUICE.parent / "operations"], capture_output=True, text=True, check=True
    ).stdout
)
ROWS = {
    f"{service['service']}:{row['name']}": (service, row)
    for service in TABLE
    for row in service["rows"]
    if row["signed"] and f"{service['service']}:{row['name']}" not in samples.SENT_BY_NO_SDK
}

# Payloads, secrets and what may hold them: in no record.
LEFT_OUT = {
    "kms": {
        "Plaintext",
        "CiphertextBlob",
        "Message",
        "Signature",
        "Mac",
        "ImportToken",
        "EncryptedKeyMaterial",
    },
    "lambda": {"ZipFile", "Payload"},
    "logs": {"logEvents"},
    "monitoring": {"MetricData"},
    "cloudformation": {"TemplateBody"},
    "dynamodb": {"ExpressionAttributeValues"},
    "iam": {"Password", "SSHPublicKeyBody", "CertificateBody"},
    "rolesanywhere": {"crlData"},
}
S3_DOCUMENTS = {
    "PutBucketVersioning": {"VersioningConfiguration": {"Status": "Enabled"}},
    "PutBucketPolicy": {"bucketPolicy": json.loads(samples.DENY_PLAIN_HTTP)},
    "PutBucketEncryption": {
        "ServerSideEncryptionConfiguration": {
            "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        }
    },
    "PutPublicAccessBlock": {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
    "PutBucketOwnershipControls": {
        "OwnershipControls": {"Rule": {"ObjectOwnership": "BucketOwnerEnforced"}}
    },
    "PutBucketCors": {
        "CORSConfiguration": {
            "CORSRule": {"AllowedMethod": "GET", "AllowedOrigin": "https://example.com"}
        }
    },
    "PutBucketTagging": {"Tagging": {"TagSet": {"Tag": {"Key": "k", "Value": "v"}}}},
    "PutObjectLockConfiguration": {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
    "PutBucketNotificationConfiguration": {
        "NotificationConfiguration": {
            "CloudFunctionConfiguration": {
                "CloudFunction": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:matrix",
                "Event": "s3:ObjectCreated:*",
                "Filter": {"S3Key": {"FilterRule": {"Name": "prefix", "Value": "in/"}}},
            }
        }
    },
    "ListObjects": {"encoding-type": "url"},
    "ListObjectsV2": {"encoding-type": "url"},
    "ListObjectVersions": {"encoding-type": "url"},
}
S3_MEMBERS = {
    "Bucket": "bucketName",
    "Key": "key",
    "UploadId": "uploadId",
    "PartNumber": "partNumber",
    "CopySource": "x-amz-copy-source",
    "ACL": "x-amz-acl",
}
S3_ANSWER = {
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-version-id",
    "x-amz-copy-source-version-id",
    "x-amz-delete-marker",
    "x-amz-expiration",
}
API_VERSIONS = {"dynamodb": "2012-08-10", "logs": "20140328"}
CRYPTOGRAPHIC = {
    "Encrypt",
    "Decrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "Sign",
    "Verify",
    "GenerateMac",
    "VerifyMac",
}


def in_words(time):
    return f"{time:%b} {time.day}, {time.year} {time.hour % 12 or 12}:{time:%M:%S} {time:%p}"


def camel(value):
    """As CloudTrail writes an API's document: members in camel case, times in words."""
    if isinstance(value, dict):
        return {k[:1].lower() + k[1:]: camel(v) for k, v in value.items()}
    if isinstance(value, list):
        return [camel(one) for one in value]
    return (
        in_words(value.astimezone(datetime.timezone.utc))
        if isinstance(value, datetime.datetime)
        else value
    )


class World:
    def __init__(self, server):
        self.host, self.samples = server.endpoint["endpoint"].split("//")[1], samples.World(server)
        self.key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{self.samples.key}"
        self.calls, client_of = {}, functools.cache(server.client)
        for service, wanted in samples.samples(self.samples).items():
            for operation, arguments in wanted.items():
                client = client_of(samples.sdk_name(service, operation))
                try:
                    answer = getattr(client, botocore.xform_name(operation))(**arguments)
                except botocore.exceptions.ClientError as refused:
                    answer = refused.response
                self.calls[f"{service}:{operation}"] = arguments, answer
        self.records = {
            r["requestID"]: r for r in records_of(server) if r["eventType"] == "AwsApiCall"
        }


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def plain(key):
    return {name: next(iter(value.values())) for name, value in key.items()}


def dynamodb_request(arguments):
    if "TransactItems" in arguments:
        return camel({k: v for k, v in arguments.items() if k != "TransactItems"}) | {
            "transactItems": [
                {
                    kind[0].lower() + kind[1:]: dynamodb_request(action)
                    for kind, action in one.items()
                }
                for one in arguments["TransactItems"]
            ]
        }
    if "Statements" in arguments:
        return {"requestItems": camel(arguments["Statements"])}
    shown = camel({k: v for k, v in arguments.items() if k not in ("Item", "Key", "RequestItems")})
    item = arguments.get("Item")
    if item or "Key" in arguments:
        shown["key"] = plain(
            {k: v for k, v in (item or arguments["Key"]).items() if k in samples.KEY}
        )
    if item:
        shown["item"] = list(item)
    for table, wanted in arguments.get("RequestItems", {}).items():
        if isinstance(wanted, dict):
            shown["requestItems"] = {table: {"keys": [plain(key) for key in wanted["Keys"]]}}
        else:
            shown["requestItems"] = {
                table: [
                    {
                        "putRequest": {
                            "key": plain(one["PutRequest"]["Item"]),
                            "item": list(one["PutRequest"]["Item"]),
                        }
                    }
                    for one in wanted
                ]
            }
    return shown


def s3_request(world, row, arguments):
    shown = (
        {S3_MEMBERS[k]: str(v) for k, v in arguments.items() if k in S3_MEMBERS}
        | {"Host": world.host}
        | S3_DOCUMENTS.get(row["name"], {})
    )
    name, equals, value = row["flag"].partition("=")
    return ({name: value} if name else {}) | shown


def wanted_request(world, service, row, arguments):
    arguments = {k: v for k, v in arguments.items() if k not in LEFT_OUT.get(service, ())}
    name = row["name"]
    if service == "s3":
        return s3_request(world, row, arguments)
    if service == "dynamodb":
        shown = dynamodb_request(arguments)
    elif service == "kms" and name in CRYPTOGRAPHIC:
        shown = (
            camel(arguments)
            | {
                "keyId": world.key.replace(
                    world.samples.key, arguments.get("KeyId", world.samples.key)
                )
            }
            | (
                {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
                if name in ("Encrypt", "Decrypt")
                else {}
            )
        )
    elif service == "lambda":
        shown = camel(arguments)
        if "Tags" in arguments:
            shown["tags"] = arguments["Tags"]
        if name == "CreateFunction":
            shown["code"] = {}
        if name == "PublishLayerVersion":
            shown["content"] = {}
        if name == "Invoke":
            shown["functionName"] = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{samples.FUNCTION}"
    elif service == "monitoring":
        shown = {
            k: datetime.datetime.fromtimestamp(v, datetime.timezone.utc).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            )
            if k in ("startTime", "endTime")
            else v
            for k, v in camel(arguments).items()
        }
    else:
        shown = camel(arguments)
    return shown or None


def wanted_answer(world, service, row, arguments, answer):
    """responseElements: null for what only reads; else the answer."""
    body, name = {
        k: v for k, v in answer.items() if k not in ("ResponseMetadata", "StatusCode")
    }, row["name"]
    if name == "AssumeRole":
        credentials = {
            k: v
            for k, v in camel(body["Credentials"]).items()
            if k not in ("secretAccessKey", "sessionToken")
        }
        return {"credentials": credentials, "assumedRoleUser": camel(body["AssumedRoleUser"])}
    if row["read_only"] or row["data_event"] and service != "s3":
        return None
    # What this machine's SDK does not know of these answers, and so leaves out.
    if name == "UpdateContinuousBackups":
        body["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"][
            "RecoveryPeriodInDays"
        ] = 35
    if name == "ExportTableToPointInTime":
        body["ExportDescription"]["ExportType"] = "FULL_EXPORT"
    if service == "s3":
        return {
            k: v for k, v in answer["ResponseMetadata"]["HTTPHeaders"].items() if k in S3_ANSWER
        } or None
    shown = camel(body)
    if service == "kms" and name != "CreateKey":
        key = arguments.get("KeyId", world.samples.key)
        shown = {
            k: v for k, v in shown.items() if k not in ("pendingWindowInDays", "grantToken")
        } | {"keyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"}
    if service == "rolesanywhere" and "profile" in shown:
        shown["profile"].setdefault("acceptRoleSessionName", False)  # older boto3 does not know it
    if service == "rolesanywhere" and "crl" in shown:
        del shown["crl"]["crlData"]  # it is kept with the list
    if name == "PublishLayerVersion":
        del shown["content"]["location"]  # it holds a session's token
    if name == "CreateRole":
        shown["role"]["assumeRolePolicyDocument"] = urllib.parse.quote(
            arguments["AssumeRolePolicyDocument"], safe=""
        )
    return shown or None


def wanted_resources(world, service, row, arguments):
    def one(kind, arn):
        return [{"type": kind, "ARN": arn, "accountId": ACCOUNT}]

    name = row["name"]
    if service == "s3":
        bucket = f"arn:aws:s3:::{arguments.get('Bucket', '')}"
        objects = [
            {"type": "AWS::S3::Object", "ARN": f"{bucket}/{key}"}
            for key in (
                [arguments["Key"]]
                if "Key" in arguments
                else [d["Key"] for d in arguments.get("Delete", {}).get("Objects", [])]
            )
        ]
        objects += (
            [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::" + arguments["CopySource"]}]
            if "CopySource" in arguments
            else []
        )
        objects += (
            [{"type": "AWS::S3::Object", "ARNPrefix": bucket + "/"}]
            if name.startswith("ListObject")
            else []
        )
        return objects + one("AWS::S3::Bucket", bucket) if "Bucket" in arguments else ...
    if samples.sdk_name(service, name) == "dynamodbstreams":
        arn = None if name == "ListStreams" else world.samples.stream
        return one("AWS::DynamoDB::Stream", arn) if arn else ...
    if service == "dynamodb":
        if name == "RestoreTableToPointInTime":
            table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
            return one("AWS::DynamoDB::Table", table + arguments["SourceTableName"]) + one(
                "AWS::DynamoDB::Table", table + arguments["TargetTableName"]
            )
        for member in ("ExportArn", "ImportArn"):
            if member in arguments:
                return one("AWS::DynamoDB::Table", arguments[member])
        table = (
            arguments.get("TableName")
            or arguments.get("ResourceArn", "").rpartition("/")[2]
            or arguments.get("TableArn", "").rpartition("/")[2]
            or arguments.get("TableCreationParameters", {}).get("TableName")
            or (("Statement" in name or "Transact" in name) and samples.TABLE)
            or next(iter(arguments.get("RequestItems", ())), None)
        )
        return (
            one("AWS::DynamoDB::Table", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
            if table
            else ...
        )
    if service == "lambda" and "Resource" in arguments:
        return one("AWS::Lambda::Function", arguments["Resource"])
    if service == "lambda" and "EventSourceMapping" not in name:
        return (
            one(
                "AWS::Lambda::Function",
                f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{arguments['FunctionName']}",
            )
            if "FunctionName" in arguments
            else ...
        )
    if service == "kms":
        if name in (
            "CreateKey",
            "ListKeys",
            "ListAliases",
            "ListRetirableGrants",
            "GenerateRandom",
        ):
            return ...
        return one(
            "AWS::KMS::Key",
            f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{arguments.get('KeyId', world.samples.key)}",
        )
    if service == "cloudformation":
        return (
            [{"type": "AWS::CloudFormation::Stack", "ARN": ANY, "accountId": ACCOUNT}]
            if "StackName" in arguments
            else ...
        )
    if service == "sts" and name == "AssumeRole":
        return one("AWS::IAM::Role", arguments["RoleArn"])
    if service == "iam" and "PolicySourceArn" in arguments:
        return one("AWS::IAM::Role", arguments["PolicySourceArn"])
    if service == "iam" and "RoleName" in arguments and f"iam:{name}" not in samples.ALWAYS_REFUSED:
        return one("AWS::IAM::Role", f"arn:aws:iam::{ACCOUNT}:role/{arguments['RoleName']}")
    if service == "iam" and f"iam:{name}" not in samples.ALWAYS_REFUSED:
        if name == "CreatePolicy":
            return one(
                "AWS::IAM::Policy", f"arn:aws:iam::{ACCOUNT}:policy/{arguments['PolicyName']}"
            )
        if "PolicyArn" in arguments:
            return one("AWS::IAM::Policy", arguments["PolicyArn"])
        if "Url" in arguments:
            provider = arguments["Url"].removeprefix("https://")
            return one("AWS::IAM::OIDCProvider", f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}")
        if "OpenIDConnectProviderArn" in arguments:
            return one("AWS::IAM::OIDCProvider", arguments["OpenIDConnectProviderArn"])
    if service == "rolesanywhere":
        for member, kind, arn in (
            ("trustAnchorId", "TrustAnchor", "trust-anchor"),
            ("profileId", "Profile", "profile"),
            ("crlId", "CRL", "crl"),
        ):
            if member in arguments:
                return one(
                    f"AWS::RolesAnywhere::{kind}",
                    f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:{arn}/{arguments[member]}",
                )
    return ...


def wanted_determining(service, row, own):
    """The operator's policy; beside it the key's, and the trust policy, where one is asked."""
    if row["action"] in samples.NEEDS_NOTHING:
        return ()
    beside = {"kms": key_may, "sts": trust_may}.get(service)
    if not beside or own["resources"] is ... or row["name"] == "RetireGrant":
        return [OPERATOR_MAY]
    return [OPERATOR_MAY] + [beside(r["ARN"]) for r in own["resources"]]


@pytest.mark.parametrize("name", ROWS)
def test_the_record_of(world, name):
    service, row = ROWS[name]
    arguments, answer = world.calls[name]
    record = world.records[answer["ResponseMetadata"]["RequestId"]]
    code = samples.ALWAYS_REFUSED.get(name)
    own = {
        "eventSource": service["event_source"],
        "eventName": row["event_name"],
        "readOnly": row["read_only"],
        "managementEvent": not row["data_event"],
        "eventCategory": "Data" if row["data_event"] else "Management",
    }
    own |= {
        "requestParameters": wanted_request(world, service["service"], row, arguments),
        "resources": wanted_resources(world, service["service"], row, arguments),
    }
    own |= (
        {"errorCode": code, "errorMessage": answer["Error"]["Message"]}
        if code
        else {"responseElements": wanted_answer(world, service["service"], row, arguments, answer)}
    )
    own |= {"apiVersion": API_VERSIONS.get(service["service"], ...)}
    if service["service"] == "s3":
        extra = {
            "SignatureVersion": "SigV4",
            "CipherSuite": ANY,
            "bytesTransferredIn": ANY,
            "bytesTransferredOut": ANY,
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": ANY,
        }
        own["additionalEventData"] = extra | (
            {"SSEApplied": "Default_SSE_S3"}
            if "SSEApplied" in record["additionalEventData"]
            else {}
        )
    if row["name"] == "Invoke":
        own["additionalEventData"] = {
            "functionVersion": (
                f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{samples.FUNCTION}:$LATEST"
            )
        }
    assert not differences(record, whole(wanted_determining(service["service"], row, own), **own))

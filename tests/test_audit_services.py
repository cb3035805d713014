# SPDX-License-Identifier: Apache-2.0
"""Records of calls that services make, of refusals, and of what AWS does by itself, field by field;
and that nothing secret is in any record."""
import base64
import datetime
import json
import ssl
import time
import urllib.request

import botocore.exceptions
import pytest

from clock import ahead
from functions import LOGS, make_function, make_role, until, zipped
from records import (
    ANY,
    OPERATOR_MAY,
    TOP,
    differences,
    key_may,
    operator,
    records_of,
    trust_may,
    whole,
)
from trails import ACCOUNT, REGION

ROOT_TRUST = json.dumps(
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
)
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shapes"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Shapes"
ITEM = {
    "id": {"S": "key-1"},
    "at": {"N": "7"},
    "secret": {"S": "CANARY-ITEM"},
    "list": {"L": [{"S": "CANARY-ITEM"}]},
}


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response


class World:
    def __init__(self, server):
        self.server, self.secrets = server, {"CANARY", base64.b64encode(b"CANARY-BYTES").decode()}
        self.host = server.endpoint["endpoint"].split("//")[1]
        self.functions()
        self.items()
        self.keys()
        self.refusals()
        self.rest()
        self.records = records_of(server)
        assert server.stop() == 0
        server.start(**ahead(days=100))  # the sweep of keys does its work before the first request
        assert server.stop() == 0
        server.start()
        self.service_events = [r for r in records_of(server) if r["eventType"] == "AwsServiceEvent"]

    def functions(self):
        server, s3, functions, logs = self.server, *(
            self.server.client(n) for n in ("s3", "lambda", "logs")
        )
        self.execution = make_role(server, "shapes-execution", LOGS)
        make_function(
            server,
            "shapes",
            self.execution,
            Environment={"Variables": {"SECRET": "CANARY-ENVIRONMENT"}},
        )
        functions.update_function_configuration(
            FunctionName="shapes", Environment={"Variables": {"OTHER": "CANARY-ENVIRONMENT"}}
        )
        functions.update_function_code(FunctionName="shapes", ZipFile=zipped())
        functions.invoke(FunctionName="shapes", Payload=b'{"CANARY": "CANARY-PAYLOAD"}')
        functions.add_permission(
            FunctionName="shapes",
            StatementId="s3",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn="arn:aws:s3:::shapes-in",
            SourceAccount=ACCOUNT,
        )
        s3.create_bucket(Bucket="shapes-in")
        s3.put_bucket_notification_configuration(
            Bucket="shapes-in",
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )
        s3.put_object(
            Bucket="shapes-in",
            Key="k/1",
            Body=b"CANARY-BYTES",
            Metadata={"note": "CANARY-METADATA"},
            Tagging="t=CANARY-TAG",
        )
        until(
            lambda: len(
                logs.filter_log_events(logGroupName="/aws/lambda/shapes", filterPattern="REPORT")[
                    "events"
                ]
            )
            >= 2
        )

    def items(self):
        dynamodb = self.server.client("dynamodb")
        dynamodb.create_table(
            TableName="Shapes",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
        )
        key, names, canary = (
            {k: ITEM[k] for k in ("id", "at")},
            {"#s": "secret"},
            {":c": {"S": "CANARY-VALUE"}},
        )
        one = {"TableName": "Shapes", "Key": key}
        dynamodb.put_item(
            TableName="Shapes",
            Item=ITEM,
            ConditionExpression="#s <> :c",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=canary,
            ReturnValues="ALL_OLD",
            ReturnConsumedCapacity="TOTAL",
        )
        dynamodb.get_item(
            **one, ProjectionExpression="#s", ExpressionAttributeNames=names, ConsistentRead=True
        )
        dynamodb.batch_write_item(
            RequestItems={
                "Shapes": [
                    {"PutRequest": {"Item": ITEM}},
                    {"DeleteRequest": {"Key": key | {"at": {"N": "8"}}}},
                ]
            },
            ReturnConsumedCapacity="TOTAL",
        )
        dynamodb.batch_get_item(
            RequestItems={
                "Shapes": {
                    "Keys": [key],
                    "ProjectionExpression": "#s",
                    "ExpressionAttributeNames": names,
                    "ConsistentRead": True,
                }
            }
        )
        dynamodb.query(
            TableName="Shapes",
            KeyConditionExpression="id = :id",
            FilterExpression="#s <> :c",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=canary | {":id": {"S": "key-1"}},
            Limit=5,
            ScanIndexForward=False,
            ExclusiveStartKey=key,
        )
        dynamodb.scan(
            TableName="Shapes",
            FilterExpression="#s = :c",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=canary,
            Select="COUNT",
            Segment=0,
            TotalSegments=2,
        )
        dynamodb.delete_item(
            **one,
            ConditionExpression="#s <> :c",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=canary,
        )

    def keys(self):
        kms = self.server.client("kms")
        self.rotated, self.doomed = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        kms.enable_key_rotation(KeyId=self.rotated, RotationPeriodInDays=90)
        self.deletion = kms.schedule_key_deletion(KeyId=self.doomed, PendingWindowInDays=7)
        sealed = kms.encrypt(
            KeyId=self.rotated, Plaintext=b"CANARY-BYTES", EncryptionContext={"Purpose": "shown"}
        )["CiphertextBlob"]
        kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"Purpose": "shown"})
        data = kms.generate_data_key(KeyId=self.rotated, KeySpec="AES_256")
        self.secrets |= {
            base64.b64encode(blob).decode()
            for blob in (sealed, data["Plaintext"], data["CiphertextBlob"])
        }

    def refusals(self):
        iam, sts = self.server.client("iam"), self.server.client("sts")
        self.bare = iam.create_role(
            RoleName="shapes-bare",
            AssumeRolePolicyDocument=ROOT_TRUST,
            Path="/team/",
            Description="a role",
            MaxSessionDuration=7200,
        )["Role"]
        self.assumed = sts.assume_role(
            RoleArn=self.bare["Arn"],
            RoleSessionName="shapes-session",
            DurationSeconds=900,
            ExternalId="an-external-id",
        )
        session = self.assumed["Credentials"]
        self.secrets |= {session["SecretAccessKey"], session["SessionToken"]}
        bare = self.server.client("s3", session=session)
        self.denied = refused(bare.get_object, Bucket="shapes-in", Key="k/1")
        self.denied_table = refused(
            self.server.client("dynamodb", session=session).get_item,
            TableName="Shapes",
            Key={k: ITEM[k] for k in ("id", "at")},
        )
        self.missing = refused(
            self.server.client("s3").get_object, Bucket="shapes-in", Key="no/such"
        )
        self.stranger = refused(
            self.server.client(
                "s3", session=self.server.session() | {"SecretAccessKey": "x"}
            ).get_object,
            Bucket="shapes-in",
            Key="k/1",
        )

    def rest(self):
        session = self.server.session()
        self.secrets |= {session["SecretAccessKey"], session["SessionToken"]}
        url = self.server.client("s3", session=session).generate_presigned_url(
            "get_object", Params={"Bucket": "shapes-in", "Key": "k/1"}, ExpiresIn=300
        )
        self.signature = url.split("X-Amz-Signature=")[1]
        self.secrets.add(self.signature)
        with urllib.request.urlopen(
            url, context=ssl.create_default_context(cafile=self.server.endpoint["ca_file"])
        ) as answer:
            assert answer.read() == b"CANARY-BYTES"
        logs = self.server.client("logs")
        logs.create_log_group(logGroupName="/shapes")
        logs.create_log_stream(logGroupName="/shapes", logStreamName="s")
        logs.put_log_events(
            logGroupName="/shapes",
            logStreamName="s",
            logEvents=[{"timestamp": int(time.time() * 1000), "message": "CANARY-MESSAGE"}],
        )
        self.server.client("cloudwatch").put_metric_data(
            Namespace="Shapes", MetricData=[{"MetricName": "m", "Value": 4711.0815}]
        )
        parameters = {
            "Resources": {
                "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}
            },
            "Parameters": {
                "Name": {"Type": "String"},
                "Secret": {"Type": "String", "NoEcho": True},
            },
            "Description": "CANARY-TEMPLATE",
        }
        cloudformation = self.server.client("cloudformation")
        self.stack = cloudformation.create_stack(
            StackName="shapes",
            TemplateBody=json.dumps(parameters),
            OnFailure="DELETE",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": "Name", "ParameterValue": "shapes-stack"},
                {"ParameterKey": "Secret", "ParameterValue": "CANARY-PARAMETER"},
            ],
        )["StackId"]
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="shapes", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        refused(
            self.server.client("iam").create_login_profile, UserName="u", Password="CANARY-PASSWORD"
        )

    def find(self, name, **wanted):
        found = [
            r
            for r in self.records
            if r["eventName"] == name and all(r.get(k) == v for k, v in wanted.items())
        ]
        assert found, name
        return found[-1]


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def service(name, **own):
    """A record of a call that a service made in its own name: no address, no TLS."""
    return whole(
        userIdentity={"type": "AWSService", "invokedBy": name},
        sourceIPAddress=name,
        userAgent=name,
        tlsDetails=...,
        **own,
    )


def bare_identity(world):
    issuer = {
        "type": "Role",
        "principalId": world.bare["RoleId"],
        "arn": world.bare["Arn"],
        "accountId": ACCOUNT,
        "userName": "shapes-bare",
    }
    return {
        "type": "AssumedRole",
        "principalId": world.bare["RoleId"] + ":shapes-session",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shapes-bare/shapes-session",
        "accountId": ACCOUNT,
        "accessKeyId": world.assumed["Credentials"]["AccessKeyId"],
        "sessionContext": {
            "sessionIssuer": issuer,
            "attributes": {"creationDate": ANY, "mfaAuthenticated": "false"},
        },
    }


INVOKE = {
    "eventSource": "lambda.amazonaws.com",
    "eventName": "Invoke",
    "readOnly": False,
    "managementEvent": False,
    "eventCategory": "Data",
    "resources": [{"type": "AWS::Lambda::Function", "ARN": FUNCTION, "accountId": ACCOUNT}],
    "additionalEventData": {"functionVersion": FUNCTION + ":$LATEST"},
}


def test_invoke_by_a_caller(world):
    found = [
        r
        for r in world.records
        if r["eventName"] == "Invoke" and r["userIdentity"]["type"] == "AssumedRole"
    ]
    assert len(found) == 1 and not differences(
        found[0],
        whole(
            **INVOKE,
            requestParameters={"functionName": FUNCTION, "invocationType": "RequestResponse"},
        ),
    )


def test_invoke_by_s3(world):
    found = [
        r
        for r in world.records
        if r["eventName"] == "Invoke" and r["userIdentity"]["type"] == "AWSService"
    ]
    assert len(found) == 1 and not differences(
        found[0],
        service(
            "s3.amazonaws.com",
            determining=[{"policyType": "resource", "policy": FUNCTION, "sid": "s3"}],
            **INVOKE,
            requestParameters=None,
        ),
    )


ASSUME = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "readOnly": True}


def test_lambda_takes_the_role_of_a_function(world):
    got = [
        r
        for r in world.records
        if r["eventName"] == "AssumeRole"
        and r["userIdentity"] == {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    ][0]
    user = {
        "assumedRoleId": ANY,
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shapes-execution/shapes",
    }
    assert not differences(
        got,
        service(
            "lambda.amazonaws.com",
            determining=[trust_may(world.execution)],
            **ASSUME,
            requestParameters={
                "roleArn": world.execution,
                "roleSessionName": "shapes",
                "durationSeconds": 3600,
            },
            sharedEventID=ANY,
            responseElements={
                "credentials": {"accessKeyId": ANY, "expiration": ANY},
                "assumedRoleUser": user,
            },
            resources=[{"type": "AWS::IAM::Role", "ARN": world.execution, "accountId": ACCOUNT}],
        ),
    )


def test_a_caller_takes_a_role(world):
    got = [
        r
        for r in world.records
        if r["eventName"] == "AssumeRole"
        and (r["requestParameters"] or {}).get("roleArn") == world.bare["Arn"]
    ][0]
    expiration = world.assumed["Credentials"]["Expiration"]
    shown = (
        f"{expiration:%b} {expiration.day}, {expiration.year} "
        f"{expiration.hour % 12 or 12}:{expiration:%M:%S} {expiration:%p}"
    )
    assert not differences(
        got,
        whole(
            [OPERATOR_MAY, trust_may(world.bare["Arn"])],
            **ASSUME,
            requestParameters={
                "roleArn": world.bare["Arn"],
                "roleSessionName": "shapes-session",
                "durationSeconds": 900,
                "externalId": "an-external-id",
            },
            responseElements={
                "credentials": {
                    "accessKeyId": world.assumed["Credentials"]["AccessKeyId"],
                    "expiration": shown,
                },
                "assumedRoleUser": {
                    "assumedRoleId": world.bare["RoleId"] + ":shapes-session",
                    "arn": world.assumed["AssumedRoleUser"]["Arn"],
                },
            },
            resources=[{"type": "AWS::IAM::Role", "ARN": world.bare["Arn"], "accountId": ACCOUNT}],
        ),
    )


def test_the_operators_session(world):
    got = [
        r
        for r in world.records
        if r["eventName"] == "AssumeRole" and r["sourceIPAddress"] == "unix"
    ][0]
    role = f"arn:aws:iam::{ACCOUNT}:role/sluice-operator"
    assert not differences(
        got,
        whole(
            determining=None,
            **ASSUME,
            userIdentity={"type": "Unknown", "principalId": ANY, "accountId": ACCOUNT},
            sourceIPAddress="unix",
            tlsDetails=...,
            requestParameters={"roleArn": role, "roleSessionName": ANY, "durationSeconds": ANY},
            responseElements={
                "credentials": {"accessKeyId": ANY, "expiration": ANY},
                "assumedRoleUser": {"assumedRoleId": ANY, "arn": ANY},
            },
            resources=[{"type": "AWS::IAM::Role", "ARN": role, "accountId": ACCOUNT}],
        ),
    )


def test_a_role_with_everything(world):
    role = world.bare
    assert not differences(
        [r for r in world.records if r["eventName"] == "CreateRole"][-1],
        whole(
            eventSource="iam.amazonaws.com",
            eventName="CreateRole",
            readOnly=False,
            requestParameters={
                "roleName": "shapes-bare",
                "path": "/team/",
                "description": "a role",
                "assumeRolePolicyDocument": ROOT_TRUST,
                "maxSessionDuration": 7200,
            },
            responseElements={
                "role": {
                    "path": "/team/",
                    "roleName": "shapes-bare",
                    "roleId": role["RoleId"],
                    "arn": role["Arn"],
                    "createDate": ANY,
                    "assumeRolePolicyDocument": ANY,
                    "description": "a role",
                    "maxSessionDuration": 7200,
                }
            },
            resources=[
                {
                    "type": "AWS::IAM::Role",
                    "ARN": f"arn:aws:iam::{ACCOUNT}:role/team/shapes-bare",
                    "accountId": ACCOUNT,
                }
            ],
        ),
    )


KEY, NAMES = {"id": "key-1", "at": "7"}, {"#s": "secret"}
ITEM_CALLS = {
    "PutItem": {
        "tableName": "Shapes",
        "key": KEY,
        "item": list(ITEM),
        "conditionExpression": "#s <> :c",
        "expressionAttributeNames": NAMES,
        "returnValues": "ALL_OLD",
        "returnConsumedCapacity": "TOTAL",
    },
    "GetItem": {
        "tableName": "Shapes",
        "key": KEY,
        "projectionExpression": "#s",
        "expressionAttributeNames": NAMES,
        "consistentRead": True,
    },
    "DeleteItem": {
        "tableName": "Shapes",
        "key": KEY,
        "conditionExpression": "#s <> :c",
        "expressionAttributeNames": NAMES,
    },
    "BatchWriteItem": {
        "requestItems": {
            "Shapes": [
                {"putRequest": {"key": KEY, "item": list(ITEM)}},
                {"deleteRequest": {"key": KEY | {"at": "8"}}},
            ]
        },
        "returnConsumedCapacity": "TOTAL",
    },
    "BatchGetItem": {
        "requestItems": {
            "Shapes": {
                "keys": [KEY],
                "projectionExpression": "#s",
                "expressionAttributeNames": NAMES,
                "consistentRead": True,
            }
        }
    },
    "Query": {
        "tableName": "Shapes",
        "keyConditionExpression": "id = :id",
        "filterExpression": "#s <> :c",
        "expressionAttributeNames": NAMES,
        "limit": 5,
        "scanIndexForward": False,
        "exclusiveStartKey": KEY,
    },
    "Scan": {
        "tableName": "Shapes",
        "filterExpression": "#s = :c",
        "expressionAttributeNames": NAMES,
        "select": "COUNT",
        "segment": 0,
        "totalSegments": 2,
    },
}


@pytest.mark.parametrize("name", ITEM_CALLS)
def test_items_show_keys_names_and_expressions_and_no_other_value(world, name):
    got = [r for r in world.records if r["eventName"] == name and "errorCode" not in r][-1]
    assert not differences(
        got,
        whole(
            eventSource="dynamodb.amazonaws.com",
            eventName=name,
            readOnly=name in ("GetItem", "BatchGetItem", "Query", "Scan"),
            managementEvent=False,
            eventCategory="Data",
            apiVersion="2012-08-10",
            requestParameters=ITEM_CALLS[name],
            resources=[{"type": "AWS::DynamoDB::Table", "ARN": TABLE, "accountId": ACCOUNT}],
        ),
    )


def key_resource(arn):
    return [{"type": "AWS::KMS::Key", "ARN": arn, "accountId": ACCOUNT}]


def test_the_deletion_of_a_key_is_scheduled(world):
    date = world.deletion["DeletionDate"].astimezone(datetime.timezone.utc)
    shown = f"{date:%b} {date.day}, {date.year} {date.hour % 12 or 12}:{date:%M:%S} {date:%p}"
    assert not differences(
        world.find("ScheduleKeyDeletion"),
        whole(
            [OPERATOR_MAY, key_may(world.doomed)],
            eventSource="kms.amazonaws.com",
            eventName="ScheduleKeyDeletion",
            readOnly=False,
            requestParameters={"keyId": world.doomed, "pendingWindowInDays": 7},
            responseElements={
                "keyId": world.doomed,
                "keyState": "PendingDeletion",
                "deletionDate": shown,
            },
            resources=key_resource(world.doomed),
        ),
    )


@pytest.mark.parametrize("name", ["Encrypt", "Decrypt"])
def test_the_encryption_context_is_shown_as_it_is(world, name):
    got = [
        r for r in world.records if r["eventName"] == name and "invokedBy" not in r["userIdentity"]
    ][-1]
    assert not differences(
        got,
        whole(
            [OPERATOR_MAY, key_may(world.rotated)],
            eventSource="kms.amazonaws.com",
            eventName=name,
            readOnly=True,
            requestParameters={
                "keyId": world.rotated,
                "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "encryptionContext": {"Purpose": "shown"},
            },
            resources=key_resource(world.rotated),
        ),
    )


@pytest.mark.parametrize("name", ["RotateKey", "DeleteKey"])
def test_what_kms_does_by_itself(world, name):
    arn = {"RotateKey": world.rotated, "DeleteKey": world.doomed}[name]
    details = {"keyId": arn.split("/")[1]} | (
        {"rotationType": "AUTOMATIC"} if name == "RotateKey" else {}
    )
    found = [r for r in world.service_events if r["eventName"] == name]
    assert len(found) == 1 and not differences(
        found[0],
        whole(
            determining=None,
            eventSource="kms.amazonaws.com",
            eventName=name,
            eventType="AwsServiceEvent",
            readOnly=False,
            userIdentity={"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
            sourceIPAddress="AWS Internal",
            userAgent="AWS Internal",
            tlsDetails=...,
            requestParameters=None,
            resources=key_resource(arn),
            serviceEventDetails=details,
        ),
    )


S3_EXTRA = {
    "SignatureVersion": "SigV4",
    "CipherSuite": ANY,
    "bytesTransferredIn": 0,
    "bytesTransferredOut": 0,
    "AuthenticationMethod": "AuthHeader",
    "x-amz-id-2": ANY,
}
GET = {
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "readOnly": True,
    "managementEvent": False,
    "eventCategory": "Data",
}


def object_resources(key):
    return [
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::shapes-in/" + key},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::shapes-in"},
    ]


def test_a_presigned_url(world):
    got = [
        r
        for r in world.records
        if r["eventName"] == "GetObject"
        and r.get("additionalEventData", {}).get("AuthenticationMethod") == "QueryString"
    ][0]
    assert not differences(
        got,
        whole(
            **GET,
            resources=object_resources("k/1"),
            additionalEventData=S3_EXTRA
            | {"AuthenticationMethod": "QueryString", "bytesTransferredOut": 12},
            requestParameters={
                "bucketName": "shapes-in",
                "key": "k/1",
                "Host": world.host,
                "X-Amz-Date": ANY,
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-SignedHeaders": "host",
                "X-Amz-Expires": "300",
            },
        ),
    )


def test_a_refusal_names_who_what_and_why(world):
    got = world.find("GetObject", errorCode="AccessDenied")
    text = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/shapes-bare/shapes-session is not authorized "
        'to perform: s3:GetObject on resource: "arn:aws:s3:::shapes-in/k/1" because no '
        "identity-based policy allows the s3:GetObject action"
    )
    assert world.denied["Error"]["Message"] == text
    assert not differences(
        got,
        whole(
            determining=None,  # nothing allowed it
            **GET,
            userIdentity=bare_identity(world),
            errorCode="AccessDenied",
            errorMessage=text,
            resources=object_resources("k/1"),
            additionalEventData=S3_EXTRA,
            requestParameters={"bucketName": "shapes-in", "key": "k/1", "Host": world.host},
        ),
    )


def test_a_refusal_by_dynamodb(world):
    got = world.find("GetItem", errorCode="AccessDenied")
    assert TABLE in world.denied_table["Error"]["Message"]
    assert not differences(
        got,
        whole(
            determining=None,
            eventSource="dynamodb.amazonaws.com",
            eventName="GetItem",
            readOnly=True,
            managementEvent=False,
            eventCategory="Data",
            apiVersion="2012-08-10",
            userIdentity=bare_identity(world),
            errorCode="AccessDenied",
            errorMessage=world.denied_table["Error"]["Message"],
            requestParameters={"tableName": "Shapes", "key": KEY},
            resources=[{"type": "AWS::DynamoDB::Table", "ARN": TABLE, "accountId": ACCOUNT}],
        ),
    )


def test_an_object_that_is_not_there(world):
    assert not differences(
        world.find("GetObject", errorCode="NoSuchKey"),
        whole(
            **GET,
            errorCode="NoSuchKey",
            errorMessage=world.missing["Error"]["Message"],
            resources=object_resources("no/such"),
            additionalEventData=S3_EXTRA,
            requestParameters={"bucketName": "shapes-in", "key": "no/such", "Host": world.host},
        ),
    )


def test_a_request_of_nobody_known(world):
    """Its signature was wrong: it is not said whose key it bore, nor what it wanted."""
    got = [r for r in world.records if r.get("errorCode") == "SignatureDoesNotMatch"][-1]
    assert (
        got["userIdentity"] == {"type": "Unknown", "principalId": "", "accountId": "anonymous"}
        and got["errorMessage"] == world.stranger["Error"]["Message"]
        and got["responseElements"] is None
        and TOP <= got.keys()
    )


def test_a_stack_and_what_it_makes_in_the_callers_name(world):
    assert not differences(
        world.find("CreateStack"),
        whole(
            eventSource="cloudformation.amazonaws.com",
            eventName="CreateStack",
            readOnly=False,
            resources=[{"type": "AWS::CloudFormation::Stack", "ARN": ANY, "accountId": ACCOUNT}],
            requestParameters={
                "stackName": "shapes",
                "onFailure": "DELETE",
                "capabilities": ["CAPABILITY_IAM"],
                "parameters": [{"parameterKey": "Name"}, {"parameterKey": "Secret"}],
            },
            responseElements={"stackId": world.stack},
        ),
    )
    name = "cloudformation.amazonaws.com"
    got = [
        r
        for r in world.records
        if r["eventName"] == "CreateBucket"
        and r["requestParameters"]["bucketName"] == "shapes-stack"
    ][0]
    assert (
        got["userIdentity"]["invokedBy"] == got["sourceIPAddress"] == got["userAgent"] == name
        and "tlsDetails" not in got
    )
    assert not differences(got["userIdentity"], operator() | {"invokedBy": name})


@pytest.mark.parametrize(
    "name, source, shown",
    [
        ("PutLogEvents", "logs", {"logGroupName": "/shapes", "logStreamName": "s"}),
        ("PutMetricData", "monitoring", {"namespace": "Shapes"}),
    ],
)
def test_logs_and_metrics_are_data_events(world, name, source, shown):
    version = {"apiVersion": "20140328"} if source == "logs" else {}
    assert not differences(
        world.find(name),
        whole(
            eventSource=source + ".amazonaws.com",
            eventName=name,
            readOnly=False,
            managementEvent=False,
            eventCategory="Data",
            requestParameters=shown,
            **version,
        ),
    )


def test_nothing_secret_is_in_any_record(world):
    """Payloads, item values, log messages, environments, templates, parameters, plaintexts,
    ciphertexts, keys, tokens, signatures, passwords, metadata."""
    text = json.dumps(world.records)
    assert not [secret for secret in world.secrets if secret in text]
    assert "4711.0815" not in text

# SPDX-License-Identifier: Apache-2.0
"""Stacks over the wire: made as their owner, rolled back whole, and the pipeline's own template."""
import io
import json
import pathlib
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
import zipfile

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
import yaml

from functions import key_policy_for_logs, make_assumable, trust, until, zipped
from test_lambda_versions import fetch
from test_runtimes import NODE, PYTHON

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Stacks:
    def __init__(self, server, role=None):
        self.cfn = server.client("cloudformation", role=role)

    def state(self, name):
        return self.cfn.describe_stacks(StackName=name)["Stacks"][0]

    def done(self, name):
        until(lambda: not self.state(name)["StackStatus"].endswith("_IN_PROGRESS"))
        return self.state(name)

    def create(self, name, template, parameters=None, **more):
        more.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        arn = self.cfn.create_stack(
            StackName=name, TemplateBody=text(template), Parameters=given(parameters), **more
        )["StackId"]
        return self.done(arn)

    def update(self, name, template, parameters=None, **more):
        more.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        self.cfn.update_stack(
            StackName=name, TemplateBody=text(template), Parameters=given(parameters), **more
        )
        return self.done(name)

    def delete(self, name, **more):
        arn = self.state(name)["StackId"]
        self.cfn.delete_stack(StackName=name, **more)
        return self.done(arn)

    def events(self, name):
        """Oldest first: (logical id, status)."""
        pages = self.cfn.get_paginator("describe_stack_events").paginate(StackName=name)
        return [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason", ""))
            for page in pages
            for e in page["StackEvents"]
        ][::-1]

    def failure(self, name):
        return next(reason for _, status, reason in self.events(name) if status.endswith("_FAILED"))


def text(template):
    return template if isinstance(template, str) else json.dumps(template)


def given(parameters):
    return [{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()]


def bucket(name, **more):
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **more}}


@pytest.fixture(scope="module")
def stacks(server):
    return Stacks(server)


@pytest.fixture
def refusal(stacks):
    """The error that a template is refused with, before anything is made."""

    def of(template, call=None, **more):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            (call or stacks.cfn.create_stack)(
                StackName="refused", TemplateBody=text(template), **more
            )
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]

    return of


EVERY_TYPE = """
AWSTemplateFormatVersion: '2010-09-09'
Description: each type but the trail
Parameters:
  Retention: {Type: Number, Default: 7}
  Secret: {Type: String, NoEcho: true, Default: hidden}
  Memory: {Type: Number, Default: 128}
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties: {EnableKeyRotation: 'true', PendingWindowInDays: 7}
  Alias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: !Sub 'alias/${AWS::StackName}', TargetKeyId: !Ref Key}
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: Permission
    Properties:
      BucketName: !Sub '${AWS::StackName}-data-${AWS::AccountId}'
      VersioningConfiguration: {Status: Enabled}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
        - ServerSideEncryptionByDefault: {SSEAlgorithm: 'aws:kms', KMSMasterKeyID: !GetAtt Key.Arn}
          BucketKeyEnabled: true
      NotificationConfiguration:
        LambdaConfigurations:
        - Event: 's3:ObjectCreated:*'
          Function: !GetAtt Function.Arn
          Filter: {S3Key: {Rules: [{Name: suffix, Value: .json}]}}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: 2012-10-17
        Statement:
        - Effect: Deny
          Principal: '*'
          Action: 's3:*'
          Resource: !Sub '${Bucket.Arn}/*'
          Condition: {Bool: {'aws:SecureTransport': 'false'}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      SSESpecification: {SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !GetAtt Key.Arn}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
        - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}
      Policies:
      - PolicyName: write
        PolicyDocument:
          Version: 2012-10-17
          Statement: [{Effect: Allow, Action: 'dynamodb:PutItem', Resource: !GetAtt Table.Arn}]
  Log:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub '/aws/lambda/${AWS::StackName}-f'
      RetentionInDays: !Ref Retention
  Function:
    Type: AWS::Lambda::Function
    DependsOn: Log
    Properties:
      FunctionName: !Sub '${AWS::StackName}-f'
      Runtime: provided.al2023
      Handler: bootstrap
      Code: {S3Bucket: the-code, S3Key: f.zip}
      Role: !GetAtt Role.Arn
      MemorySize: !Ref Memory
      Environment: {Variables: {TABLE_NAME: !Ref Table, SECRET: !Ref Secret}}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      Action: 'lambda:InvokeFunction'
      Principal: s3.amazonaws.com
      SourceArn: !Sub 'arn:aws:s3:::${AWS::StackName}-data-${AWS::AccountId}'
      SourceAccount: !Ref 'AWS::AccountId'
  Failures:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Function
      Qualifier: $LATEST
      MaximumRetryAttempts: 0
      DestinationConfig: {OnFailure: {Destination: !GetAtt Bucket.Arn}}
Outputs:
  Table: {Value: !Ref Table}
  Key: {Value: !GetAtt Key.Arn, Description: the key}
  Role: {Value: !Ref Role}
"""


@pytest.fixture(scope="module")
def code_bucket(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="the-code")
    s3.put_object(Bucket="the-code", Key="f.zip", Body=zipped())


def test_a_stack_lives(server, stacks, code_bucket):
    stack = stacks.create("whole", EVERY_TYPE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events("whole")
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert outputs["Table"].startswith("whole-Table-") and outputs["Key"].startswith("arn:aws:kms:")
    assert {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]} == {
        "Retention": "7",
        "Secret": "****",
        "Memory": "128",
    }
    account = server.endpoint["account_id"]
    s3, kms, fn, logs, iam = (server.client(s) for s in ("s3", "kms", "lambda", "logs", "iam"))
    data = f"whole-data-{account}"
    rule = s3.get_bucket_encryption(Bucket=data)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert (
        rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == outputs["Key"]
        and rule["BucketKeyEnabled"]
    )
    assert s3.get_bucket_versioning(Bucket=data)["Status"] == "Enabled"
    assert s3.get_bucket_notification_configuration(Bucket=data)["LambdaFunctionConfigurations"][0][
        "LambdaFunctionArn"
    ].endswith(":function:whole-f")
    assert kms.get_key_rotation_status(KeyId=outputs["Key"])["KeyRotationEnabled"]
    assert kms.describe_key(KeyId="alias/whole")["KeyMetadata"]["Arn"] == outputs["Key"]
    assert fn.get_function_configuration(FunctionName="whole-f")["Environment"]["Variables"] == {
        "TABLE_NAME": outputs["Table"],
        "SECRET": "hidden",
    }
    assert fn.get_function_event_invoke_config(FunctionName="whole-f")["MaximumRetryAttempts"] == 0
    assert (
        logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/whole-f")["logGroups"][0][
            "retentionInDays"
        ]
        == 7
    )
    assert iam.list_role_policies(RoleName=outputs["Role"])["PolicyNames"] == ["write"]
    summaries = stacks.cfn.list_stack_resources(StackName="whole")["StackResourceSummaries"]
    assert len(summaries) == 10 and {r["ResourceStatus"] for r in summaries} == {"CREATE_COMPLETE"}
    assert (
        stacks.cfn.describe_stack_resource(StackName="whole", LogicalResourceId="Bucket")[
            "StackResourceDetail"
        ]["PhysicalResourceId"]
        == data
    )
    assert yaml.compose(stacks.cfn.get_template(StackName="whole")["TemplateBody"]) is not None
    events = stacks.events("whole")
    assert events[0] == ("whole", "CREATE_IN_PROGRESS", "User Initiated") and events[-1] == (
        "whole",
        "CREATE_COMPLETE",
        "",
    )
    assert [e[1:] for e in events if e[0] == "Key"] == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_COMPLETE", ""),
    ]
    assert "hidden" not in json.dumps(
        stacks.cfn.describe_stack_events(StackName="whole"), default=str
    )

    # an update changes what changed, in place, and nothing else
    functions_before = fn.get_function_configuration(FunctionName="whole-f")["RevisionId"]
    changed = (
        EVERY_TYPE.replace("MaximumRetryAttempts: 0", "MaximumRetryAttempts: 2")
        .replace("Status: Enabled", "Status: Suspended")
        .replace("dynamodb:PutItem", "dynamodb:GetItem")
        .replace("SourceArn: !Sub", "SourceArn:  !Sub")
    )
    assert (
        stacks.update("whole", changed, {"Retention": "30"})["StackStatus"] == "UPDATE_COMPLETE"
    ), stacks.events("whole")
    assert (
        logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/whole-f")["logGroups"][0][
            "retentionInDays"
        ]
        == 30
    )
    assert s3.get_bucket_versioning(Bucket=data)["Status"] == "Suspended"
    assert fn.get_function_event_invoke_config(FunctionName="whole-f")["MaximumRetryAttempts"] == 2
    assert "GetItem" in json.dumps(
        iam.get_role_policy(RoleName=outputs["Role"], PolicyName="write")["PolicyDocument"]
    )
    assert fn.get_function_configuration(FunctionName="whole-f")["RevisionId"] == functions_before
    updated = {e[0] for e in stacks.events("whole") if e[1] == "UPDATE_COMPLETE"}
    assert updated == {"Log", "Bucket", "Failures", "Role", "whole"}
    with pytest.raises(botocore.exceptions.ClientError, match="No updates are to be performed."):
        stacks.update("whole", changed, {"Retention": "30"})
    # with what is there already: previous template, previous parameters, one resource less
    stacks.cfn.update_stack(
        StackName="whole",
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": "Retention", "UsePreviousValue": True},
            {"ParameterKey": "Memory", "ParameterValue": "256"},
        ],
    )
    assert stacks.done("whole")["StackStatus"] == "UPDATE_COMPLETE"
    assert fn.get_function_configuration(FunctionName="whole-f")["MemorySize"] == 256

    assert stacks.delete("whole")["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(botocore.exceptions.ClientError, match="Stack with id whole does not exist"):
        stacks.state("whole")
    assert data not in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert kms.describe_key(KeyId=outputs["Key"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/whole-f")["logGroups"]
    assert stacks.cfn.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    stacks.cfn.delete_stack(StackName="whole")  # what is gone is a success


def test_a_failed_creation_is_rolled_back_whole(server, stacks):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="taken")
    stack = stacks.create(
        "clash",
        {
            "Resources": {
                "First": bucket("clash-first"),
                "Second": {**bucket("taken"), "DependsOn": "First"},
                "Third": {**bucket("clash-third"), "DependsOn": "Second"},
            }
        },
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "you already own it" in stacks.failure("clash")
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert "taken" in names and not [n for n in names if n.startswith("clash-")]
    assert (
        "clash",
        "ROLLBACK_IN_PROGRESS",
        "The following resource(s) failed to create: [Second]. Rollback requested by user.",
    ) in stacks.events("clash")
    with pytest.raises(
        botocore.exceptions.ClientError, match="ROLLBACK_COMPLETE state and can not be updated"
    ):
        stacks.update("clash", {"Resources": {"First": bucket("clash-first")}})
    assert stacks.delete("clash")["StackStatus"] == "DELETE_COMPLETE"
    assert "taken" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    kept = stacks.create(
        "kept",
        {
            "Resources": {
                "First": bucket("kept-first"),
                "Second": {**bucket("taken"), "DependsOn": "First"},
            }
        },
        OnFailure="DO_NOTHING",
    )
    assert kept["StackStatus"] == "CREATE_FAILED" and "kept-first" in [
        b["Name"] for b in s3.list_buckets()["Buckets"]
    ]
    assert stacks.delete("kept")["StackStatus"] == "DELETE_COMPLETE"


def test_a_half_made_resource_is_removed_too(server, stacks):
    half = {
        "Resources": {"A": bucket("half-made", VersioningConfiguration={"Status": "Sometimes"})}
    }
    assert stacks.create("half", half)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "half-made" not in [b["Name"] for b in server.client("s3").list_buckets()["Buckets"]]


def test_resources_are_made_as_the_caller(server, stacks):
    account = server.endpoint["account_id"]
    iam = server.client("iam")
    iam.create_role(
        RoleName="deployer",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    allow = {
        "Effect": "Allow",
        "Action": ["cloudformation:*", "logs:CreateLogGroup", "logs:DeleteLogGroup"],
        "Resource": "*",
    }
    iam.put_role_policy(
        RoleName="deployer",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    deployer = Stacks(server, role="deployer")
    template = {
        "Resources": {
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "deployers"}},
            "Bucket": {**bucket("deployers"), "DependsOn": "Log"},
        }
    }
    assert deployer.create("theirs", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "assumed-role/deployer/" in deployer.failure(
        "theirs"
    ) and "s3:CreateBucket" in deployer.failure("theirs")
    assert "deployers" not in [b["Name"] for b in server.client("s3").list_buckets()["Buckets"]]
    assert not server.client("logs").describe_log_groups(logGroupNamePrefix="deployers")[
        "logGroups"
    ]
    record = next(
        json.loads(e["CloudTrailEvent"])
        for e in server.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateLogGroup"}]
        )["Events"]
        if "deployers" in e["CloudTrailEvent"]
    )
    assert (
        record["userIdentity"]["invokedBy"]
        == record["sourceIPAddress"]
        == record["userAgent"]
        == "cloudformation.amazonaws.com"
    )
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "deployer"
    # and without cloudformation:* there is no stack at all
    iam.put_role_policy(
        RoleName="deployer",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
            }
        ),
    )
    for call in (
        lambda: deployer.cfn.create_stack(StackName="more", TemplateBody=text(template)),
        lambda: deployer.cfn.describe_stacks(StackName="theirs"),
        lambda: deployer.cfn.delete_stack(StackName="theirs"),
        lambda: deployer.cfn.list_stacks(),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


def signed_by(server, session, sign, method, headers=None, **fields):
    """The status of CreateStack, asked with this session's signature made by `sign`."""
    asked = {"Action": "CreateStack", "Version": "2010-05-15"} | fields
    request = botocore.awsrequest.AWSRequest(
        method,
        server.endpoint["endpoint"] + "/",
        headers=headers,
        **{"data" if method == "POST" else "params": asked},
    )
    request.prepare()
    keys = [session[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    signer = sign(
        botocore.credentials.Credentials(*keys), "cloudformation", server.endpoint["region"]
    )
    signer.add_auth(request)
    ready = request.prepare()
    body = ready.body.encode() if isinstance(ready.body, str) else ready.body
    asking = urllib.request.Request(ready.url, body, dict(ready.headers), method=method)
    trusting = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    with urllib.request.urlopen(asking, context=trusting) as answer:
        return answer.status


def test_a_foreign_token_beside_the_signature_lends_no_rights(server, stacks):
    """The work goes on in the name of the session that signed, whatever other token was signed with
    it: in a header of a presigned URL, or in the form of a request that is signed by its header."""
    make_assumable(server, "poor")
    allow = {"Effect": "Allow", "Action": ["cloudformation:*", "sts:*"], "Resource": "*"}
    server.client("iam").put_role_policy(
        RoleName="poor",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
    )
    poor, foreign = server.session("poor"), server.session()["SessionToken"]
    by_url, by_header = botocore.auth.SigV4QueryAuth, botocore.auth.SigV4Auth
    token = "X-Amz-Security-Token"
    for name, sign, method, headers, fields in (
        ("by-url", by_url, "GET", {token: foreign}, {}),
        ("by-form", by_header, "POST", {}, {token: foreign}),
        ("as-if-by-url", by_header, "POST", {}, {token: foreign, "X-Amz-Signature": "0" * 64}),
    ):
        template = text({"Resources": {"Bucket": bucket("poor-" + name)}})
        asked = {"StackName": name, "TemplateBody": template} | fields
        assert signed_by(server, poor, sign, method, headers, **asked) == 200
        assert stacks.done(name)["StackStatus"] == "ROLLBACK_COMPLETE", name
        assert "assumed-role/poor/" in stacks.failure(name), name
    assert not [b for b in server.client("s3").list_buckets()["Buckets"] if "poor-" in b["Name"]]


def test_a_policy_can_tell_a_stacks_calls_from_direct_ones(server, stacks):
    """aws:CalledVia and aws:ViaAWSService, and no address that CloudFormation's calls could be
    mistaken for."""
    iam = server.client("iam")
    account = server.endpoint["account_id"]
    iam.create_role(
        RoleName="only-by-stack",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    iam.put_role_policy(
        RoleName="only-by-stack",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"},
                    {
                        "Effect": "Allow",
                        "Action": "s3:*",
                        "Resource": "*",
                        "Condition": {
                            "ForAnyValue:StringEquals": {
                                "aws:CalledVia": "cloudformation.amazonaws.com"
                            },
                            "Bool": {"aws:ViaAWSService": "true"},
                        },
                    },
                ],
            }
        ),
    )
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        server.client("s3", role="only-by-stack").create_bucket(Bucket="by-stack")
    assert (
        Stacks(server, role="only-by-stack").create(
            "by-stack", {"Resources": {"B": bucket("by-stack")}}
        )["StackStatus"]
        == "CREATE_COMPLETE"
    )
    assert stacks.delete("by-stack")["StackStatus"] == "DELETE_COMPLETE"


def test_a_full_bucket_stays_until_it_is_emptied(server, stacks):
    s3 = server.client("s3")
    template = {
        "Resources": {
            "Key": {"Type": "AWS::KMS::Key"},
            "Full": bucket(
                "full-one",
                BucketEncryption={
                    "ServerSideEncryptionConfiguration": [
                        {
                            "ServerSideEncryptionByDefault": {
                                "SSEAlgorithm": "aws:kms",
                                "KMSMasterKeyID": {"Ref": "Key"},
                            }
                        }
                    ]
                },
            ),
            "Empty": bucket("empty-one"),
            "Kept": {**bucket("kept-one"), "DeletionPolicy": "Retain"},
        }
    }
    assert stacks.create("full", template)["StackStatus"] == "CREATE_COMPLETE"
    s3.put_object(Bucket="full-one", Key="k", Body=b"x")
    assert stacks.delete("full")["StackStatus"] == "DELETE_FAILED"
    assert "not empty" in stacks.failure("full")
    assert ("Kept", "DELETE_SKIPPED", "") in stacks.events("full")
    key = stacks.cfn.describe_stack_resource(StackName="full", LogicalResourceId="Key")[
        "StackResourceDetail"
    ]["PhysicalResourceId"]
    assert (
        server.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    )  # what the bucket needs stays with it
    s3.delete_object(Bucket="full-one", Key="k")
    assert stacks.delete("full")["StackStatus"] == "DELETE_COMPLETE"
    assert [
        b["Name"]
        for b in s3.list_buckets()["Buckets"]
        if b["Name"] in ("full-one", "empty-one", "kept-one")
    ] == ["kept-one"]


def test_a_failed_update_is_rolled_back(server, stacks):
    s3, logs = server.client("s3"), server.client("logs")
    log = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": "updating", "RetentionInDays": 7},
    }
    assert (
        stacks.create("updating", {"Resources": {"ALog": log, "Bucket": bucket("updating-one")}})[
            "StackStatus"
        ]
        == "CREATE_COMPLETE"
    )
    log30 = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": "updating", "RetentionInDays": 30},
    }
    stack = stacks.update(
        "updating",
        {
            "Resources": {
                "ALog": log30,
                "New": bucket("updating-new"),
                "Bucket": {**bucket("updating-two"), "DependsOn": ["ALog", "New"]},
            }
        },
    )
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "A change of BucketName needs a replacement" in stacks.failure("updating")
    assert (
        logs.describe_log_groups(logGroupNamePrefix="updating")["logGroups"][0]["retentionInDays"]
        == 7
    )
    assert [
        b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith("updating")
    ] == ["updating-one"]
    # the stack is whole: it can be updated again, and what it does not name any more goes
    assert (
        stacks.update("updating", {"Resources": {"ALog": log30}})["StackStatus"]
        == "UPDATE_COMPLETE"
    )
    assert "updating-one" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert [
        r["LogicalResourceId"]
        for r in stacks.cfn.list_stack_resources(StackName="updating")["StackResourceSummaries"]
    ] == ["ALog"]
    assert stacks.delete("updating")["StackStatus"] == "DELETE_COMPLETE"


def test_change_sets_create_and_update(server, stacks, code):
    cfn = stacks.cfn
    first = {
        "Resources": {
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "by-set"}}
        }
    }
    made = cfn.create_change_set(
        StackName="by-set", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=text(first)
    )
    assert stacks.state("by-set")["StackStatus"] == "REVIEW_IN_PROGRESS"
    shown = cfn.describe_change_set(ChangeSetName=made["Id"])
    assert (
        shown["Status"],
        shown["ExecutionStatus"],
        shown["Changes"][0]["ResourceChange"]["Action"],
    ) == ("CREATE_COMPLETE", "AVAILABLE", "Add")
    cfn.execute_change_set(ChangeSetName="one", StackName="by-set")
    assert stacks.done("by-set")["StackStatus"] == "CREATE_COMPLETE"
    assert (
        code(cfn.execute_change_set, ChangeSetName="one", StackName="by-set")
        == "InvalidChangeSetStatus"
    )
    cfn.create_change_set(StackName="by-set", ChangeSetName="nothing", TemplateBody=text(first))
    empty = cfn.describe_change_set(StackName="by-set", ChangeSetName="nothing")
    assert empty["Status"] == "FAILED" and "didn't contain changes" in empty["StatusReason"]
    first["Resources"]["Log"]["Properties"]["RetentionInDays"] = 7
    for name in ("two", "three"):
        cfn.create_change_set(StackName="by-set", ChangeSetName=name, TemplateBody=text(first))
    change = cfn.describe_change_set(StackName="by-set", ChangeSetName="two")["Changes"][0][
        "ResourceChange"
    ]
    assert (change["Action"], change["Replacement"], change["PhysicalResourceId"]) == (
        "Modify",
        "False",
        "by-set",
    )
    cfn.execute_change_set(ChangeSetName="two", StackName="by-set")
    assert stacks.done("by-set")["StackStatus"] == "UPDATE_COMPLETE"
    assert (
        code(cfn.describe_change_set, StackName="by-set", ChangeSetName="three")
        == "ChangeSetNotFound"
    )  # it does not fit any more
    cfn.create_change_set(
        StackName="by-set",
        ChangeSetName="late",
        TemplateBody=text({"Resources": {**first["Resources"], "B": bucket("by-set")}}),
    )
    stacks.update("by-set", {"Resources": first["Resources"], "Outputs": {"A": {"Value": "b"}}})
    assert (
        code(cfn.execute_change_set, ChangeSetName="late", StackName="by-set")
        == "InvalidChangeSetStatus"
    )
    stacks.delete("by-set")


def test_the_aws_cli_deploys(server, stacks, tmp_path):
    (tmp_path / "t.json").write_text(
        text(
            {
                "Resources": {
                    "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "by-cli"}}
                }
            }
        )
    )
    for _ in range(2):  # again: an empty change set, which is no failure
        server.run(
            "aws",
            "cloudformation",
            "deploy",
            "--stack-name",
            "by-cli",
            "--template-file",
            tmp_path / "t.json",
            "--no-fail-on-empty-changeset",
        )
        second = int(time.time())
        until(
            lambda second=second: int(time.time()) > second
        )  # the CLI names a change set by the second
    assert stacks.done("by-cli")["StackStatus"] == "CREATE_COMPLETE"
    server.run("aws", "cloudformation", "delete-stack", "--stack-name", "by-cli")
    server.run("aws", "cloudformation", "wait", "stack-delete-complete", "--stack-name", "by-cli")


def test_a_table_with_a_stream_and_its_mapping(server, stacks, code_bucket):
    """A template wires a function to the stream of a table, and changes and removes both."""
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "streamed",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    }
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                },
            },
            "ManagedPolicyArns": [
                "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"
            ],
        },
    }
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Code": {"S3Bucket": "the-code", "S3Key": "f.zip"},
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        },
    }
    mapping = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
            "FunctionName": {"Ref": "Function"},
            "StartingPosition": "LATEST",
            "BatchSize": 7,
        },
    }
    template = {
        "Resources": {"Table": table, "Role": role, "Function": function, "Mapping": mapping},
        "Outputs": {"Mapping": {"Value": {"Ref": "Mapping"}}},
    }
    made = stacks.create("streams", template, Capabilities=["CAPABILITY_IAM"])
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.failure("streams")
    db, functions = server.client("dynamodb"), server.client("lambda")
    backups = lambda: db.describe_continuous_backups(TableName="streamed")[
        "ContinuousBackupsDescription"
    ]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert backups() == "ENABLED"
    uuid = made["Outputs"][0]["OutputValue"]
    found = functions.get_event_source_mapping(UUID=uuid)
    described = db.describe_table(TableName="streamed")["Table"]
    assert found["EventSourceArn"] == described["LatestStreamArn"]
    assert found["BatchSize"] == 7 and found["State"] == "Enabled"
    mapping["Properties"].pop("BatchSize")
    mapping["Properties"]["Enabled"] = False
    table["Properties"].pop("PointInTimeRecoverySpecification")
    changed = stacks.update("streams", template, Capabilities=["CAPABILITY_IAM"])
    assert changed["StackStatus"] == "UPDATE_COMPLETE", stacks.failure("streams")
    found = functions.get_event_source_mapping(UUID=uuid)
    assert found["BatchSize"] == 100 and found["State"] == "Disabled" and backups() == "DISABLED"
    stacks.delete("streams")
    assert not functions.list_event_source_mappings()["EventSourceMappings"]


def test_an_unknown_property_is_a_failure(stacks):
    assert (
        stacks.create(
            "odd",
            {
                "Resources": {
                    "B": bucket(
                        "odd-one", AccelerateConfiguration={"AccelerationStatus": "Enabled"}
                    )
                }
            },
        )["StackStatus"]
        == "ROLLBACK_COMPLETE"
    )
    assert stacks.failure("odd") == "Encountered unsupported property AccelerateConfiguration"


def test_bad_templates_are_refused(refusal, stacks):
    assert refusal(
        {
            "Resources": {
                "A": {**bucket("a"), "DependsOn": "B"},
                "B": {**bucket("b"), "DependsOn": "A"},
            }
        }
    ) == ("ValidationError", "Circular dependency between resources: [A, B]")
    assert refusal({"Resources": {"A": {"Type": "AWS::EC2::Instance"}}}) == (
        "ValidationError",
        "Template format error: Unrecognized resource types: [AWS::EC2::Instance]",
    )
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{n}: &{n} [{','.join(['*' + p] * 9)}]\n" for p, n in zip("abcdefg", "bcdefgh")
    )
    assert (
        refusal(bomb)[1]
        == "Template error: YAML aliases are not allowed in CloudFormation templates"
    )
    assert "nests deeper" in refusal("a: " + "[" * 65 + "]" * 65)[1]
    assert "51200" in refusal("# " + "x" * 51_200)[1]
    assert (
        "not one of CloudFormation's"
        in refusal("Resources: !!python/object/apply:os.system [x]")[1]
    )
    assert "not well-formed" in refusal("Resources: {")[1]
    assert (
        refusal({"Resources": {"A": bucket("a")}}, TemplateURL="https://s3/x")[1]
        == "TemplateURL is not implemented by Sluice."
    )
    assert (
        refusal({"Resources": {"A": bucket("a")}}, Tags=[{"Key": "a", "Value": "b"}])[1]
        == "Tags is not implemented by Sluice."
    )
    with pytest.raises(
        botocore.exceptions.ClientError, match="Stack with id refused does not exist"
    ):
        stacks.state("refused")
    with pytest.raises(botocore.exceptions.ClientError, match="Unrecognized resource types"):
        stacks.cfn.validate_template(
            TemplateBody=text({"Resources": {"A": {"Type": "AWS::EC2::Instance"}}})
        )


def test_limits_hold(refusal, stacks):
    resources = {f"R{i}": {"Type": "AWS::S3::Bucket"} for i in range(501)}
    assert "maximum allowed, 500" in refusal({"Resources": resources})[1]
    parameters = {f"P{i}": {"Type": "String", "Default": "x"} for i in range(201)}
    one = {"A": {"Type": "AWS::S3::Bucket"}}
    assert "maximum allowed, 200" in refusal({"Parameters": parameters, "Resources": one})[1]
    assert (
        "maximum allowed, 200"
        in refusal({"Resources": one, "Outputs": {f"O{i}": {"Value": "x"} for i in range(201)}})[1]
    )
    del resources["R500"], parameters["P200"]
    stacks.cfn.validate_template(TemplateBody=text({"Resources": resources}))
    stacks.cfn.validate_template(TemplateBody=text({"Parameters": parameters, "Resources": one}))


def test_parameters_and_capabilities_are_checked(refusal, stacks):
    with_parameter = {"Parameters": {"P": {"Type": "String"}}, "Resources": {"A": bucket("a")}}
    assert refusal(with_parameter) == ("ValidationError", "Parameters: [P] must have values")
    assert refusal(with_parameter, Parameters=given({"P": "x", "Q": "y"})) == (
        "ValidationError",
        "Parameters: [Q] do not exist in the template",
    )
    named = {
        "Resources": {
            "R": {
                "Type": "AWS::IAM::Role",
                "Properties": {"RoleName": "named", "AssumeRolePolicyDocument": {}},
            }
        }
    }
    assert refusal(named) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_NAMED_IAM]",
    )
    assert refusal(named, Capabilities=["CAPABILITY_IAM"])[0] == "InsufficientCapabilitiesException"
    summary = stacks.cfn.get_template_summary(TemplateBody=text(named))
    assert summary["Capabilities"] == ["CAPABILITY_NAMED_IAM"] and summary["ResourceTypes"] == [
        "AWS::IAM::Role"
    ]


def test_names_are_unique_among_live_stacks(stacks, code):
    template = {"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}
    first = stacks.create("again", template)
    physical = stacks.cfn.describe_stack_resources(StackName="again")["StackResources"][0][
        "PhysicalResourceId"
    ]
    assert physical.startswith("again-b-") and physical == physical.lower()
    assert (
        code(stacks.cfn.create_stack, StackName="again", TemplateBody=text(template))
        == "AlreadyExistsException"
    )
    stacks.delete("again")
    second = stacks.create("again", template)
    assert (
        first["StackId"] != second["StackId"]
        and stacks.state(first["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    )
    stacks.delete("again")


def test_the_tags_of_a_bucket_are_kept_and_changed(server, stacks):
    def tagged(**tags):
        return {
            "Resources": {
                "B": bucket("tagged-b", Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
            }
        }

    def tags():
        found = server.client("s3").get_bucket_tagging(Bucket="tagged-b")["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    assert stacks.create("tagged", tagged(team="red", a="<&>"))["StackStatus"] == "CREATE_COMPLETE"
    assert tags() == {"team": "red", "a": "<&>"}
    assert stacks.update("tagged", tagged(team="blue"))["StackStatus"] == "UPDATE_COMPLETE"
    assert tags() == {"team": "blue"}
    failed = stacks.update("tagged", tagged(**{"aws:x": "y"}))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and tags() == {"team": "blue"}
    assert "System tags" in stacks.failure("tagged")
    assert stacks.update("tagged", tagged())["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(botocore.exceptions.ClientError, match="NoSuchTagSet"):
        tags()
    assert stacks.delete("tagged")["StackStatus"] == "DELETE_COMPLETE"


INLINE_PYTHON = "import boto3\ndef answer(event, context):\n    return event['n'] + %d\n"
INLINE_NODE = "exports.answer = async (event) => event.n * 2;\n"


def inline(code, runtime=PYTHON, handler="index.answer", **more):
    """A template of one function whose code stands in it."""
    return {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": json.loads(trust("lambda.amazonaws.com"))
                },
            },
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "inline-f",
                    "Runtime": runtime,
                    "Handler": handler,
                    "Timeout": 60,
                    "Code": {"ZipFile": code, **more},
                    "PackageType": "Zip",
                    "TracingConfig": {"Mode": "PassThrough"},
                    "SnapStart": {"ApplyOn": "None"},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                },
            },
        }
    }


def test_the_code_of_a_function_may_stand_in_its_template(server, stacks):
    fn = server.client("lambda")

    def answer():
        return json.load(fn.invoke(FunctionName="inline-f", Payload='{"n": 20}')["Payload"])

    created = stacks.create("inline", inline(INLINE_PYTHON % 1))
    assert created["StackStatus"] == "CREATE_COMPLETE", stacks.events("inline")
    assert answer() == 21
    sha = fn.get_function_configuration(FunctionName="inline-f")["CodeSha256"]
    # Another text is another package; the same text is the same one.
    assert stacks.update("inline", inline(INLINE_PYTHON % 2))["StackStatus"] == "UPDATE_COMPLETE"
    assert answer() == 22
    assert stacks.update("inline", inline(INLINE_PYTHON % 1))["StackStatus"] == "UPDATE_COMPLETE"
    assert fn.get_function_configuration(FunctionName="inline-f")["CodeSha256"] == sha
    if NODE:  # the file's name comes from the runtime, also where the text is the same
        assert (
            stacks.update("inline", inline(INLINE_NODE, NODE))["StackStatus"] == "UPDATE_COMPLETE"
        )
        assert answer() == 40
        again = stacks.update("inline", inline(INLINE_NODE, PYTHON))
        assert again["StackStatus"] == "UPDATE_COMPLETE"
    package = fetch(server, fn.get_function(FunctionName="inline-f")["Code"]["Location"])
    assert zipfile.ZipFile(io.BytesIO(package)).namelist() == ["index.py"]
    assert stacks.delete("inline")["StackStatus"] == "DELETE_COMPLETE"


traced = inline("x")
traced["Resources"]["F"]["Properties"]["TracingConfig"]["Mode"] = "Active"


@pytest.mark.parametrize(
    "template, why",
    [
        (inline("x", "provided.al2023"), "ZipFile can only be used when Runtime is set to"),
        (inline("x", S3Bucket="the-code", S3Key="f.zip"), "either ZipFile or an object of S3"),
        (inline("x", "python9.9"), "python9.9"),
        (traced, "TracingConfig is not implemented"),
    ],
)
def test_code_that_cannot_stand_in_a_template_fails_the_stack(stacks, template, why):
    assert stacks.create("no-inline", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert why in stacks.failure("no-inline")
    stacks.delete("no-inline")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_restart_in_the_middle_rolls_back(fresh_server, how):
    """Nothing stays of a stack whose server stopped, whatever was being made at that moment."""
    server = fresh_server
    group = lambda i: {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": f"g{i:03}"},
        **({"DependsOn": f"G{i - 1}"} if i else {}),
    }
    template = {
        "Resources": {"Key": {"Type": "AWS::KMS::Key"}, **{f"G{i}": group(i) for i in range(150)}}
    }
    stacks = Stacks(server)
    stacks.cfn.create_stack(StackName="long", TemplateBody=text(template))
    until(lambda: any(status == "CREATE_COMPLETE" for _, status, _ in stacks.events("long")))
    server.stop(how)
    server.start()
    stacks = Stacks(server)
    assert stacks.done("long")["StackStatus"] == "ROLLBACK_COMPLETE", stacks.events("long")[-5:]
    assert not server.client("logs").describe_log_groups()["logGroups"]
    kms = server.client("kms")
    keys = [kms.describe_key(KeyId=k["KeyId"])["KeyMetadata"] for k in kms.list_keys()["Keys"]]
    assert {k["KeyState"] for k in keys if k["KeyManager"] == "CUSTOMER"} == {"PendingDeletion"}
    assert stacks.delete("long")["StackStatus"] == "DELETE_COMPLETE"
    server.stop()
    assert "clean" in server.run("verify").stdout


def test_a_stack_whose_owner_lost_the_permission_ends_as_failed(fresh_server):
    """The role's policies as they are at each call decide; somebody else may then delete the
    stack."""
    server = fresh_server
    iam = server.client("iam")
    account = server.endpoint["account_id"]
    iam.create_role(
        RoleName="leaver",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    iam.put_role_policy(
        RoleName="leaver",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
            }
        ),
    )
    leaver = Stacks(server, role="leaver")
    template = {
        "Resources": {
            f"G{i}": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": f"g{i}"},
                **({"DependsOn": f"G{i - 1}"} if i else {}),
            }
            for i in range(200)
        }
    }
    leaver.cfn.create_stack(StackName="left", TemplateBody=text(template))
    until(lambda: any(status == "CREATE_COMPLETE" for _, status, _ in leaver.events("left")))
    iam.delete_role_policy(
        RoleName="leaver", PolicyName="p"
    )  # its calls are denied from now on: the creation and its rollback fail
    stacks = Stacks(server)
    assert stacks.done("left")["StackStatus"] == "ROLLBACK_FAILED"
    assert "logs:CreateLogGroup" in stacks.failure("left")
    assert stacks.delete("left")["StackStatus"] == "DELETE_COMPLETE"
    assert not server.client("logs").describe_log_groups()["logGroups"]


# ---- the pipeline's template
def test_the_settings_of_a_table_follow_its_template(server, stacks):
    dynamodb, kms = server.client("dynamodb"), server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]

    def template(**more):
        return {
            "Resources": {
                "Table": {
                    "Type": "AWS::DynamoDB::Table",
                    "Properties": {
                        "TableName": "SettingsTable",
                        "BillingMode": "PAY_PER_REQUEST",
                        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
                        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
                        **more,
                    },
                }
            }
        }

    def found():
        d = dynamodb.describe_table(TableName="SettingsTable")["Table"]
        tags = dynamodb.list_tags_of_resource(ResourceArn=d["TableArn"])["Tags"]
        expiry = dynamodb.describe_time_to_live(TableName="SettingsTable")["TimeToLiveDescription"]
        return (
            d["DeletionProtectionEnabled"],
            {tag["Key"]: tag["Value"] for tag in tags},
            expiry.get("AttributeName"),
            d.get("SSEDescription", {}).get("KMSMasterKeyArn"),
            d["BillingModeSummary"]["BillingMode"],
        )

    made = stacks.create(
        "settings",
        template(
            Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
        ),
    )
    assert made["StackStatus"] == "CREATE_COMPLETE"
    dynamodb.put_item(TableName="SettingsTable", Item={"p": {"S": "stays"}})
    assert found() == (False, {"a": "1", "b": "2"}, "expires", None, "PAY_PER_REQUEST")
    changed = stacks.update(
        "settings",
        template(
            Tags=[{"Key": "b", "Value": "3"}],
            DeletionProtectionEnabled=True,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "other"},
            SSESpecification={"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        ),
    )
    assert changed["StackStatus"] == "UPDATE_COMPLETE"
    assert found() == (True, {"b": "3"}, "other", key, "PROVISIONED")
    stacks.update("settings", template())
    assert found() == (False, {}, None, None, "PAY_PER_REQUEST")
    assert dynamodb.scan(TableName="SettingsTable")["Items"] == [{"p": {"S": "stays"}}]
    assert stacks.delete("settings")["StackStatus"] == "DELETE_COMPLETE"


def test_the_indexes_of_a_table_follow_its_template(server, stacks):
    dynamodb = server.client("dynamodb")

    def keys(*names):
        return [
            {"AttributeName": name, "KeyType": part} for name, part in zip(names, ("HASH", "RANGE"))
        ]

    def index(name, *names, kind="ALL"):
        return {
            "IndexName": name,
            "KeySchema": keys(*names),
            "Projection": {"ProjectionType": kind},
        }

    def template(*indexes, definitions="psg", kind="S"):
        return {
            "Resources": {
                "Table": {
                    "Type": "AWS::DynamoDB::Table",
                    "Properties": {
                        "TableName": "IndexedTable",
                        "BillingMode": "PAY_PER_REQUEST",
                        "KeySchema": keys("p", "s"),
                        "AttributeDefinitions": [
                            {"AttributeName": name, "AttributeType": kind} for name in definitions
                        ],
                        "LocalSecondaryIndexes": [index("local", "p", "g")],
                        "GlobalSecondaryIndexes": list(indexes),
                    },
                }
            }
        }

    def found():
        d = dynamodb.describe_table(TableName="IndexedTable")["Table"]
        return {
            one["IndexName"]: one["Projection"]["ProjectionType"]
            for one in d["GlobalSecondaryIndexes"] + d["LocalSecondaryIndexes"]
        }

    made = stacks.create("indexed", template(index("one", "g"), index("two", "g", "s")))
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert found() == {"one": "ALL", "two": "ALL", "local": "ALL"}
    dynamodb.put_item(
        TableName="IndexedTable", Item={name: {"S": "x"} for name in ("p", "s", "g", "h")}
    )
    changed = template(index("two", "g", kind="KEYS_ONLY"), index("three", "h"), definitions="psgh")
    assert stacks.update("indexed", changed)["StackStatus"] == "UPDATE_COMPLETE"
    assert found() == {"two": "KEYS_ONLY", "three": "ALL", "local": "ALL"}
    until(
        lambda: all(
            one["IndexStatus"] == "ACTIVE"
            for one in dynamodb.describe_table(TableName="IndexedTable")["Table"][
                "GlobalSecondaryIndexes"
            ]
        )
    )
    assert dynamodb.scan(TableName="IndexedTable", IndexName="three")["Count"] == 1
    other = template(
        index("two", "g", kind="KEYS_ONLY"), index("three", "h"), definitions="psgh", kind="N"
    )
    assert stacks.update("indexed", other)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot change" in stacks.failure("indexed")
    assert stacks.delete("indexed")["StackStatus"] == "DELETE_COMPLETE"


class Short(yaml.SafeLoader):
    """Short tags as text: !Sub and !Ref as they are written, !GetAtt A.B as ${A.B}."""

    yaml_implicit_resolvers = {
        k: [r for r in v if r[0] != "tag:yaml.org,2002:timestamp"]
        for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Short.add_multi_constructor(
    "!",
    lambda loader, tag, node: (
        node.value
        if tag == "Sub"
        else "${" + node.value + "}"
        if tag in ("Ref", "GetAtt")
        else {"Fn::" + tag: loader.construct_sequence(node, deep=True)}
    ),
)
TEMPLATE = yaml.load((ROOT / "deploy" / "template.yaml").read_text(), Short)
DOCUMENTS = {
    "iam/lambda_execution_role_policy.json": ("ExecutionRole", "Policies", 0, "PolicyDocument"),
    "iam/trust_policy.json": ("ExecutionRole", "AssumeRolePolicyDocument"),
    "iam/producer_role_policy.json": ("ProducerRole", "Policies", 0, "PolicyDocument"),
    "iam/producer_trust_policy.json": ("ProducerRole", "AssumeRolePolicyDocument"),
    "iam/reader_role_policy.json": ("ReaderRole", "Policies", 0, "PolicyDocument"),
    "iam/reader_trust_policy.json": ("ReaderRole", "AssumeRolePolicyDocument"),
    "s3/bucket_policy_https_only.json": ("IngestBucketPolicy", "PolicyDocument"),
    "s3/quarantine_bucket_policy.json": ("QuarantineBucketPolicy", "PolicyDocument"),
    "s3/trail_bucket_policy.json": ("TrailBucketPolicy", "PolicyDocument"),
    "kms/kms_key_policy.json": ("DataKey", "KeyPolicy"),
}


def in_template(path):
    value = TEMPLATE["Resources"][path[0]]["Properties"]
    for step in path[1:]:
        value = value[step]
    return value


def test_the_policy_documents_are_those_of_the_template():
    kept = {
        f"{folder}/{one.name}"
        for folder in ("iam", "s3", "kms")
        for one in (ROOT / folder).glob("*.json")
    }
    assert kept == set(DOCUMENTS)
    for name, path in DOCUMENTS.items():
        assert json.loads((ROOT / name).read_text()) == in_template(path), name


def test_no_role_of_the_template_is_given_everything():
    for name in (name for name in DOCUMENTS if name.endswith("_role_policy.json")):
        for statement in in_template(DOCUMENTS[name])["Statement"]:
            for value in (statement["Action"], statement["Resource"]):
                assert not any(
                    one == "*" or one.endswith(":*") and one.count(":") == 1
                    for one in ([value] if isinstance(value, str) else value)
                ), (name, statement)


@pytest.mark.skipif(
    not shutil.which("cfn-lint"), reason="cfn-lint is not installed (pip install cfn-lint)"
)
def test_the_template_passes_cfn_lint():
    done = subprocess.run(
        ["cfn-lint", "-t", ROOT / "deploy" / "template.yaml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_log_of_a_stack_is_under_its_key(server, stacks):
    policy = key_policy_for_logs(server.endpoint["account_id"])
    properties = {"LogGroupName": "/of-a-stack", "RetentionInDays": 7, "LogGroupClass": "STANDARD"}
    template = {
        "Resources": {
            name: {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}
            for name in ("One", "Two")
        }
        | {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": properties}},
        "Outputs": {n: {"Value": {"Fn::GetAtt": [n, "Arn"]}} for n in ("One", "Two")},
    }

    def shown():
        logs = server.client("logs").describe_log_groups(logGroupNamePrefix="/of-a-stack")
        return logs["logGroups"][0].get("kmsKeyId")

    properties["KmsKeyId"] = {"Fn::GetAtt": ["One", "Arn"]}
    made = stacks.create("log-key", template)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("log-key")
    keys = {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}
    assert shown() == keys["One"]
    properties["KmsKeyId"] = {"Fn::GetAtt": ["Two", "Arn"]}
    assert stacks.update("log-key", template)["StackStatus"] == "UPDATE_COMPLETE"
    assert shown() == keys["Two"]
    del properties["KmsKeyId"]
    assert stacks.update("log-key", template)["StackStatus"] == "UPDATE_COMPLETE"
    assert shown() is None
    assert stacks.delete("log-key")["StackStatus"] == "DELETE_COMPLETE"


def test_the_pipelines_trail_can_write_into_a_log(fresh_server):
    server = fresh_server
    out = json.loads(
        server.run(
            "deploy",
            "--json",
            "--parameter",
            "TrailToLogs=true",
            "--parameter",
            "ReservedConcurrency=5",
        ).stdout
    )
    kept = server.client("lambda").get_function_concurrency(FunctionName=out["FunctionName"])
    assert kept["ReservedConcurrentExecutions"] == 5
    trail = server.client("cloudtrail").get_trail(Name=out["TrailArn"])["Trail"]
    [group] = server.client("logs").describe_log_groups(logGroupNamePrefix="/aws/cloudtrail/")[
        "logGroups"
    ]
    assert trail["CloudWatchLogsLogGroupArn"] == group["arn"]
    assert group["kmsKeyId"] == out["KeyArn"] and group["retentionInDays"] == 365


def test_the_pipeline_deploys_and_ingests(fresh_server, tmp_path):
    """deploy/template.yaml as it is, by sluice deploy: an upload ends in the table and in
    quarantine, and the protections hold."""
    server = fresh_server
    out = json.loads(server.run("deploy", "--json").stdout)
    assert set(out) == {
        "IngestBucket",
        "QuarantineBucket",
        "TrailBucket",
        "TableName",
        "FunctionName",
        "KeyArn",
        "ExecutionRoleArn",
        "ProducerRoleArn",
        "ReaderRoleArn",
        "TrailArn",
        "LogGroup",
    }
    assert (
        json.loads(server.run("deploy", "--json").stdout) == out
    )  # again: an update to the newly uploaded code
    (tmp_path / "records.json").write_text(
        '[{"device_id": "d", "timestamp": "2026-01-01T00:00:00Z", "value": 1.5}, '
        '{"device_id": "d"}]'
    )
    done = json.loads(server.run("put", tmp_path / "records.json", "--wait", "--json").stdout)[
        "files"
    ][0]
    assert (done["read"], done["stored"], done["rejected"]) == (2, 1, 1)
    assert server.client("dynamodb").scan(TableName=out["TableName"])["Items"] == [
        {"device_id": {"S": "d"}, "timestamp": {"S": "2026-01-01T00:00:00Z"}, "value": {"N": "1.5"}}
    ]
    s3 = server.client("s3")
    assert s3.list_objects_v2(Bucket=out["QuarantineBucket"])["KeyCount"] == 1
    assert (
        s3.head_object(Bucket=out["IngestBucket"], Key="records.json")["SSEKMSKeyId"]
        == out["KeyArn"]
    )
    assert s3.get_bucket_versioning(Bucket=out["IngestBucket"])["Status"] == "Enabled"

    def refused(client, **more):
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            client.put_object(Bucket=out["IngestBucket"], Key="k", Body=b"{}", **more)

    other = server.client("kms").create_key()["KeyMetadata"]["Arn"]
    refused(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=other)
    refused(s3, ServerSideEncryption="AES256")
    refused(server.client("s3", endpoint=server.endpoint["http_endpoint"]))
    producer = server.client("s3", role=out["ProducerRoleArn"].rsplit("/", 1)[1])
    producer.put_object(Bucket=out["IngestBucket"], Key="by-producer.json", Body=b"[]")
    for call in (
        lambda: producer.get_object(Bucket=out["IngestBucket"], Key="by-producer.json"),
        lambda: producer.list_objects_v2(Bucket=out["IngestBucket"]),
        lambda: producer.put_object(Bucket=out["QuarantineBucket"], Key="k", Body=b"x"),
    ):
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            call()
    trail = server.client("cloudtrail")
    assert (
        trail.get_trail_status(Name=out["TrailArn"])["IsLogging"]
        and trail.get_trail(Name=out["TrailArn"])["Trail"]["LogFileValidationEnabled"]
    )
    # a new version of the code updates the function in place
    function = server.client("lambda")
    before = function.get_function_configuration(FunctionName=out["FunctionName"])["RevisionId"]
    server.run("deploy", "--json", "--parameter", "LogRetentionInDays=30")
    assert (
        server.client("logs").describe_log_groups(logGroupNamePrefix=out["LogGroup"])["logGroups"][
            0
        ]["retentionInDays"]
        == 30
    )
    assert (
        function.get_function_configuration(FunctionName=out["FunctionName"])["RevisionId"]
        != before
    )
    # deleted: what runs goes, what holds data stays
    stacks = Stacks(server)
    assert stacks.delete("sluice")["StackStatus"] == "DELETE_COMPLETE", stacks.events("sluice")
    assert {b["Name"] for b in s3.list_buckets()["Buckets"]} >= {
        out["IngestBucket"],
        out["QuarantineBucket"],
        out["TrailBucket"],
    }
    assert out["TableName"] in server.client("dynamodb").list_tables()["TableNames"]


def test_a_key_is_made_as_its_properties_say(server, stacks):
    kms = server.client("kms")
    tag = lambda key, value: {"Key": key, "Value": value}
    properties = {
        "Mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
        "Signs": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
        "Brought": {"Origin": "EXTERNAL"},
        "Turning": {
            "Description": "one",
            "EnableKeyRotation": True,
            "RotationPeriodInDays": 100,
            "Tags": [tag("Team", "red"), tag("Line", "4")],
        },
    }
    template = {
        "Resources": {
            name: {"Type": "AWS::KMS::Key", "Properties": given}
            for name, given in properties.items()
        },
        "Outputs": {name: {"Value": {"Ref": name}} for name in properties},
    }
    made = stacks.create("keys-of-kinds", template)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("keys-of-kinds")
    keys = {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}
    shown = {n: kms.describe_key(KeyId=key)["KeyMetadata"] for n, key in keys.items()}
    assert (shown["Mac"]["KeySpec"], shown["Mac"]["KeyUsage"]) == tuple(properties["Mac"].values())
    assert shown["Signs"]["KeySpec"] == "ECC_NIST_P256"
    assert (shown["Brought"]["Origin"], shown["Brought"]["KeyState"]) == (
        "EXTERNAL",
        "PendingImport",
    )
    assert kms.get_key_rotation_status(KeyId=keys["Turning"])["RotationPeriodInDays"] == 100

    def tags():
        return {
            t["TagKey"]: t["TagValue"]
            for t in kms.list_resource_tags(KeyId=keys["Turning"])["Tags"]
        }

    assert tags() == {"Team": "red", "Line": "4"}
    properties["Turning"] |= {
        "Description": "two",
        "RotationPeriodInDays": 200,
        "Tags": [tag("Team", "blue"), tag("Site", "9")],
    }
    assert stacks.update("keys-of-kinds", template)["StackStatus"] == "UPDATE_COMPLETE"
    assert tags() == {"Team": "blue", "Site": "9"}
    assert kms.describe_key(KeyId=keys["Turning"])["KeyMetadata"]["Description"] == "two"
    assert kms.get_key_rotation_status(KeyId=keys["Turning"])["RotationPeriodInDays"] == 200
    assert stacks.delete("keys-of-kinds")["StackStatus"] == "DELETE_COMPLETE"
    wide = {"Resources": {"K": {"Type": "AWS::KMS::Key", "Properties": {"MultiRegion": True}}}}
    assert stacks.create("wide-key", wide)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "one Region only" in stacks.failure("wide-key")


def test_a_policy_stands_in_its_roles(server, stacks):
    iam = server.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    own = {
        "PolicyName": "reads",
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
        },
        "Roles": [{"Ref": "One"}],
    }
    template = {
        "Resources": {
            name: {
                "Type": "AWS::IAM::Role",
                "Properties": {"RoleName": f"in-{name}", "AssumeRolePolicyDocument": trust},
            }
            for name in ("One", "Two")
        }
        | {"Reads": {"Type": "AWS::IAM::Policy", "Properties": own}},
    }

    def policies(name):
        return {
            p: iam.get_role_policy(RoleName=f"in-{name}", PolicyName=p)["PolicyDocument"][
                "Statement"
            ][0]["Action"]
            for p in iam.list_role_policies(RoleName=f"in-{name}")["PolicyNames"]
        }

    made = stacks.create("inline", template)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("inline")
    assert policies("One") == {"reads": "s3:GetObject"} and not policies("Two")
    own["Roles"] = [{"Ref": "Two"}]
    own["PolicyDocument"]["Statement"][0]["Action"] = "s3:ListBucket"
    assert stacks.update("inline", template)["StackStatus"] == "UPDATE_COMPLETE"
    assert policies("Two") == {"reads": "s3:ListBucket"} and not policies("One")
    own["Roles"] = [{"Ref": "One"}, {"Ref": "Two"}]
    assert stacks.update("inline", template)["StackStatus"] == "UPDATE_COMPLETE"
    assert policies("One") == policies("Two") == {"reads": "s3:ListBucket"}
    assert stacks.delete("inline")["StackStatus"] == "DELETE_COMPLETE"

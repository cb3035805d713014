# SPDX-License-Identifier: Apache-2.0
"""Who may do what in the deployed pipeline: every row of iam/access.csv is tried on the real
template, by the principal itself. The function's role is tried from inside a function."""
import base64
import csv
import io
import json
import time
import zipfile

import botocore.config
import botocore.exceptions
import boto3
import pytest

from conftest import ROOT, Server

ROWS = list(csv.DictReader((ROOT / "iam" / "access.csv").open()))
# Runs in the role of the pipeline's function, and tells how a call ended.
PROBE = """
import base64, boto3, botocore.config, botocore.exceptions
def handler(event, context):
    arguments = event["arguments"]
    for name, value in arguments.items():
        if type(value) is dict and "base64" in value:
            arguments[name] = base64.b64decode(value["base64"])
    once = botocore.config.Config(retries={"max_attempts": 0})
    client = boto3.client(event["service"], config=once)
    try:
        getattr(client, event["call"])(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
"""


class Scene:
    def __init__(self, directory):
        self.server = Server(directory).start()
        self.outputs = json.loads(self.server.run("deploy", "--json").stdout)
        self.account, region = self.server.endpoint["account_id"], self.server.endpoint["region"]
        cloudformation = self.server.client("cloudformation")
        self.ids = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in cloudformation.describe_stack_resources(StackName="sluice")["StackResources"]
        }
        self.where = {
            "ingest": self.ids["IngestBucket"],
            "quarantine": self.ids["QuarantineBucket"],
            "trail": self.ids["TrailBucket"],
        }
        self.key = f"arn:aws:kms:{region}:{self.account}:key/{self.ids['DataKey']}"
        kms, s3 = self.server.client("kms"), self.server.client("s3")
        self.other_key = kms.create_key()["KeyMetadata"]["Arn"]
        self.sealed = kms.encrypt(KeyId=self.key, Plaintext=b"x")["CiphertextBlob"]
        s3.put_object(Bucket=self.where["ingest"], Key="there.json", Body=b"{}")
        s3.put_object(Bucket=self.where["quarantine"], Key="there.json", Body=b"{}")
        self.group = self.ids["IngestLogGroup"]
        self.server.client("logs").create_log_stream(
            logGroupName=self.group, logStreamName="probed"
        )
        self.make_stranger()
        self.make_probe()
        self.clients = {}

    def make_stranger(self):
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
        trust["Principal"] = {"AWS": f"arn:aws:iam::{self.account}:root"}
        self.server.client("iam").create_role(
            RoleName="stranger",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )

    def make_probe(self):
        self.lambdas = self.server.client("lambda", read_timeout=60)
        runtime = next(
            one["runtime"]
            for one in json.loads(self.server.run("status", "--json").stdout)["runtimes"]
            if one["runtime"].startswith("python3.")
        )
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("probe.py", PROBE)
        self.lambdas.create_function(
            FunctionName="probe",
            Runtime=runtime,
            Handler="probe.handler",
            Role=f"arn:aws:iam::{self.account}:role/{self.ids['ExecutionRole']}",
            Code={"ZipFile": package.getvalue()},
            Timeout=30,
            MemorySize=256,
            LoggingConfig={"LogGroup": self.group},
        )

    def client(self, principal, service, plain):
        name = principal, service, plain
        if name not in self.clients:
            role = {"producer": self.ids["ProducerRole"], "stranger": "stranger"}.get(principal)
            endpoint = self.server.endpoint["http_endpoint" if plain else "endpoint"]
            if principal == "anonymous":
                self.clients[name] = boto3.client(
                    service,
                    region_name=self.server.endpoint["region"],
                    endpoint_url=endpoint,
                    verify=self.server.endpoint["ca_file"],
                    config=botocore.config.Config(
                        signature_version=botocore.UNSIGNED, s3={"addressing_style": "path"}
                    ),
                )
            else:
                self.clients[name] = self.server.client(service, role=role, endpoint=endpoint)
        return self.clients[name]

    def outcome(self, principal, service, call, arguments, plain):
        """How the call ended: "done", or the code of the error."""
        if principal != "function":
            try:
                getattr(self.client(principal, service, plain), call)(**arguments)
            except botocore.exceptions.ClientError as error:
                return error.response["Error"]["Code"]
            return "done"
        in_json = {
            name: {"base64": base64.b64encode(value).decode()} if type(value) is bytes else value
            for name, value in arguments.items()
        }
        event = {"service": service, "call": call, "arguments": in_json}
        answer = self.lambdas.invoke(FunctionName="probe", Payload=json.dumps(event))
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    def call_of(self, action, on):
        """The call of a row: service, method, arguments, and whether over plain HTTP."""
        action, _, how = action.partition(" ")
        service, operation = action.split(":")
        bucket = self.where.get(on)
        item = {"device_id": {"S": "probe"}, "timestamp": {"S": "2026-01-01T00:00:00Z"}}
        table = {"TableName": self.ids["RecordsTable"]}
        key, group = {"KeyId": self.key}, {"logGroupName": self.group}
        role = self.ids["ProducerRole" if on == "producer" else "ExecutionRole"]
        at = {"Bucket": bucket, "Key": "there.json"}
        document = json.dumps({"Version": "2012-10-17", "Statement": []})
        encryption = {
            "under S3's own key": {"ServerSideEncryption": "AES256"},
            "under another key": {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": self.other_key,
            },
        }.get(how, {})
        arguments = {
            "s3:GetObject": at,
            "s3:PutObject": {"Bucket": bucket, "Key": "probe.json", "Body": "{}", **encryption},
            "s3:DeleteObject": at,
            "s3:ListBucket": {"Bucket": bucket},
            "s3:PutBucketPolicy": {"Bucket": bucket, "Policy": document},
            "dynamodb:PutItem": {**table, "Item": item},
            "dynamodb:BatchWriteItem": {
                "RequestItems": {table["TableName"]: [{"PutRequest": {"Item": item}}]}
            },
            "dynamodb:GetItem": {**table, "Key": item},
            "dynamodb:Scan": table,
            "dynamodb:DeleteTable": table,
            "kms:GenerateDataKey": {**key, "NumberOfBytes": 32},
            "kms:Decrypt": {"CiphertextBlob": self.sealed},
            "kms:DisableKey": key,
            "kms:PutKeyPolicy": {**key, "PolicyName": "default", "Policy": document},
            "lambda:InvokeFunction": {"FunctionName": self.ids["IngestFunction"]},
            "lambda:UpdateFunctionCode": {"FunctionName": self.ids["IngestFunction"]},
            "logs:PutLogEvents": {
                **group,
                "logStreamName": "probed",
                "logEvents": [{"timestamp": int(time.time() * 1000), "message": "probed"}],
            },
            "logs:GetLogEvents": {**group, "logStreamName": "probed"},
            "logs:DeleteLogGroup": group,
            "cloudtrail:StopLogging": {"Name": self.ids["Trail"]},
            "cloudtrail:LookupEvents": {},
            "iam:PutRolePolicy": {
                "RoleName": role,
                "PolicyName": "more",
                "PolicyDocument": document,
            },
            "iam:CreateRole": {"RoleName": "more", "AssumeRolePolicyDocument": document},
            "sts:AssumeRole": {
                "RoleArn": f"arn:aws:iam::{self.account}:role/{role}",
                "RoleSessionName": "probed",
            },
        }[action]
        if action == "lambda:UpdateFunctionCode":
            arguments = {**arguments, "S3Bucket": self.where["ingest"], "S3Key": "there.json"}
        operation = {"ListBucket": "ListObjectsV2", "InvokeFunction": "Invoke"}.get(
            operation, operation
        )
        return service, botocore.xform_name(operation), arguments, how == "over plain HTTP"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    one = Scene(tmp_path_factory.mktemp("access"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['principal']}-{row['action']}-{row['on']}"
)
def test_who_may_do_what(scene, row):
    service, call, arguments, plain = scene.call_of(row["action"], row["on"])
    outcome = scene.outcome(row["principal"], service, call, arguments, plain)
    wanted = {"allow": ("done",), "deny": ("AccessDenied", "AccessDeniedException")}
    assert outcome in wanted[row["decision"]], row["because"]

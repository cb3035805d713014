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

import wire
from conftest import ROOT, Server

ROWS = list(csv.DictReader((ROOT / "iam" / "access.csv").open()))
# The attribute that readers may read, as a projection.
VALUES = {"ProjectionExpression": "#v", "ExpressionAttributeNames": {"#v": "value"}}
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

    def reader(self, device):
        """A session that reads one device, as its tag says."""
        return self.server.client("sts").assume_role(
            RoleArn=self.outputs["ReaderRoleArn"],
            RoleSessionName="reads",
            Tags=[{"Key": "device_id", "Value": device}],
        )["Credentials"]

    def client(self, principal, service, plain):
        name = principal, service, plain
        if name not in self.clients:
            role = {"producer": self.ids["ProducerRole"], "stranger": "stranger"}.get(principal)
            session = self.reader("probe") if principal == "reader" else None
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
                self.clients[name] = self.server.client(
                    service, role=role, session=session, endpoint=endpoint
                )
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
        device = {"S": "another" if how.endswith("another device") else "probe"}
        item = {"device_id": device, "timestamp": {"S": "2026-01-01T00:00:00Z"}}
        table = {"TableName": self.ids["RecordsTable"]}
        projected = VALUES if how.startswith("of values") else {}
        key, group = {"KeyId": self.key}, {"logGroupName": self.group}
        roles = {"producer": "ProducerRole", "reader": "ReaderRole"}
        role = self.ids[roles.get(on, "ExecutionRole")]
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
            "dynamodb:GetItem": {**table, "Key": item, **projected},
            "dynamodb:BatchGetItem": {
                "RequestItems": {table["TableName"]: {"Keys": [item], **projected}}
            },
            "dynamodb:Query": {
                **table,
                "KeyConditionExpression": "device_id = :d",
                "ExpressionAttributeValues": {":d": device},
                **projected,
            },
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


MINE = {"device_id": {"S": "mine"}, "timestamp": {"S": "2026-01-01T00:00:00Z"}}
OTHER = MINE | {"device_id": {"S": "other"}}
HIDDEN = b"hidden-in-the-row"
SEARCH = {
    "KeyConditionExpression": "device_id = :d",
    "ExpressionAttributeValues": {":d": {"S": "mine"}},
}
BOUND = {
    **SEARCH,
    **VALUES,
    "ExpressionAttributeValues": {":d": {"S": "mine"}, ":x": {"S": HIDDEN.decode()}},
}


@pytest.fixture(scope="module")
def ask(scene):
    """Raw calls of the role of readers, with the tag of a device: no client checks them."""
    dynamodb = scene.server.client("dynamodb")
    table = scene.outputs["TableName"]
    for key in (MINE, OTHER):
        item = key | {"value": {"N": "1.5"}, "site": {"S": HIDDEN.decode()}}
        dynamodb.put_item(TableName=table, Item=item)
    session = scene.reader("mine")

    def call(operation, table=table, **arguments):
        body = {"TableName": table} | arguments
        if operation.startswith(("Batch", "Transact", "Execute")):
            del body["TableName"]
        return wire.Wire(scene.server).ask(wire.dynamodb(operation, body), session)

    call.table = table
    return call


def test_a_reader_sees_the_values_of_its_device(ask):
    """By each of the ways that its policy opens."""
    one = {"Item": {"value": {"N": "1.5"}}}
    assert json.loads(ask("GetItem", Key=MINE, **VALUES).body) == one
    both = ask("GetItem", Key=MINE, AttributesToGet=["timestamp", "value"])
    assert set(json.loads(both.body)["Item"]) == {"timestamp", "value"}
    found = json.loads(ask("Query", **SEARCH, **VALUES, Limit=1).body)
    assert found["Items"] == [one["Item"]] and found["LastEvaluatedKey"] == MINE
    batch = ask("BatchGetItem", RequestItems={ask.table: {"Keys": [MINE], **VALUES}})
    assert json.loads(batch.body)["Responses"] == {ask.table: [one["Item"]]}
    got = ask(
        "TransactGetItems", TransactItems=[{"Get": {"TableName": ask.table, "Key": MINE, **VALUES}}]
    )
    assert json.loads(got.body)["Responses"] == [one]


NAMES = {"#v": "value", "#s": "site"}
ROUND = {
    "the whole item": ("GetItem", {"Key": MINE}),
    "a select that GetItem has not": ("GetItem", {"Key": MINE, "Select": "SPECIFIC_ATTRIBUTES"}),
    "another attribute": ("GetItem", {"Key": MINE, "ProjectionExpression": "site"}),
    "another attribute under a name": (
        "GetItem",
        {"Key": MINE, "ProjectionExpression": "#v, #s", "ExpressionAttributeNames": NAMES},
    ),
    "a part of another attribute": ("GetItem", {"Key": MINE, "ProjectionExpression": "site[0]"}),
    "another attribute in the old way": ("GetItem", {"Key": MINE, "AttributesToGet": ["site"]}),
    "no attribute in the old way": ("GetItem", {"Key": MINE, "AttributesToGet": None}),
    "another device": ("GetItem", {"Key": OTHER, **VALUES}),
    "another device in a query": (
        "Query",
        {**SEARCH, **VALUES, "ExpressionAttributeValues": {":d": {"S": "other"}}},
    ),
    "no device": ("GetItem", {"Key": {"timestamp": MINE["timestamp"]}, **VALUES}),
    "a query of everything": ("Query", SEARCH),
    "a query that counts": ("Query", {**SEARCH, "Select": "COUNT"}),
    "all attributes and a projection": ("Query", {**SEARCH, **VALUES, "Select": "ALL_ATTRIBUTES"}),
    "specific attributes, none named": ("Query", {**SEARCH, "Select": "SPECIFIC_ATTRIBUTES"}),
    "a filter that tells what is hidden": ("Query", {**BOUND, "FilterExpression": "site = :x"}),
    "a filter on its size": (
        "Query",
        {**BOUND, "FilterExpression": "size(site) > size(:x)"},
    ),
    "a filter on its being there": (
        "Query",
        {**SEARCH, **VALUES, "FilterExpression": "attribute_exists(site)"},
    ),
    "a filter in the old way": (
        "Query",
        {
            "KeyConditions": {
                "device_id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "mine"}]}
            },
            "AttributesToGet": ["value"],
            "QueryFilter": {"site": {"ComparisonOperator": "NOT_NULL"}},
        },
    ),
    "a batch with another device": (
        "BatchGetItem",
        {"RequestItems": {"": {"Keys": [MINE, OTHER], **VALUES}}},
    ),
    "a batch of whole items": ("BatchGetItem", {"RequestItems": {"": {"Keys": [MINE]}}}),
    "a transaction with another device": (
        "TransactGetItems",
        {"TransactItems": [{"Get": {"Key": key, **VALUES}} for key in (MINE, OTHER)]},
    ),
    "a transaction of whole items": (
        "TransactGetItems",
        {"TransactItems": [{"Get": {"Key": MINE}}]},
    ),
    "a check that tells the item": (
        "TransactWriteItems",
        {
            "TransactItems": [
                {
                    "ConditionCheck": {
                        "Key": MINE,
                        "ConditionExpression": "attribute_not_exists(device_id)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                }
            ]
        },
    ),
    "an update that tells the item": (
        "UpdateItem",
        {"Key": MINE, "UpdateExpression": "REMOVE nothing", "ReturnValues": "ALL_NEW"},
    ),
    "a scan of its attributes": ("Scan", VALUES),
    "a description": ("DescribeTable", {}),
}


@pytest.mark.parametrize("way", ROUND)
def test_a_reader_is_not_told_more(ask, way):
    """What its policy shows cannot be widened by how one asks for it."""
    operation, arguments = ROUND[way]
    text = json.dumps(arguments).replace('{"": ', f'{{"{ask.table}": ')
    text = text.replace('"Key": ', f'"TableName": "{ask.table}", "Key": ')
    answer = ask(operation, **json.loads(text))
    assert HIDDEN not in answer.body and b"1.5" not in answer.body
    assert answer.code in ("AccessDeniedException", "ValidationException"), answer
    validated = ("specific attributes, none named", "all attributes and a projection")
    assert answer.code == "AccessDeniedException" or way in validated, answer


def test_a_reader_is_taken_with_a_tag_alone(scene):
    """Without the tag, or with an empty one, nobody takes the role; a star in it is a star."""
    sts = scene.server.client("sts")
    role = {"RoleArn": scene.outputs["ReaderRoleArn"], "RoleSessionName": "reads"}
    for tags in ([], [{"Key": "device_id", "Value": ""}], [{"Key": "Device", "Value": "mine"}]):
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            sts.assume_role(**role, Tags=tags)
    for value in ("*", "mi?e", "${device_id}"):
        with pytest.raises(botocore.exceptions.ClientError):
            client = scene.server.client("dynamodb", session=scene.reader(value))
            client.get_item(TableName=scene.outputs["TableName"], Key=MINE, **VALUES)

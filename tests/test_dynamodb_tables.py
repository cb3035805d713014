# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's tables over the wire, with boto3: their schema, their settings, tags, policies and
expiry."""
import json
import time

import botocore.exceptions
import pytest

import wire
from functions import until

INVALID = "One or more parameter values were invalid: "


@pytest.fixture(scope="module")
def db(server):
    return server.client("dynamodb", parameter_validation=False)


@pytest.fixture
def name(request):
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[:200]


def facts(keys=(("p", "HASH"),), definitions=(("p", "S"),)):
    return {
        "KeySchema": [{"AttributeName": key, "KeyType": part} for key, part in keys],
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": kind} for key, kind in definitions
        ],
    }


def create(db, name, **more):
    made = db.create_table(TableName=name, **{"BillingMode": "PAY_PER_REQUEST"} | facts() | more)
    return made["TableDescription"]


def described(db, name):
    return db.describe_table(TableName=name)["Table"]


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


SHOWN = (
    "[KeySchemaElement(attributeName=p, keyType=HASH), KeySchemaElement(attributeName=s, "
    "keyType=RANGE), KeySchemaElement(attributeName=t, keyType=RANGE)]"
)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (
            facts([("p", "HASH"), ("p", "RANGE")]),
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            facts([("p", "HASH"), ("p", "RANGE")], [("p", "S"), ("s", "S")]),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            facts([("p", "HASH"), ("s", "RANGE")], [("p", "S"), ("t", "S")]),
            INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: "
            "[p, s], AttributeDefinitions: [p, t]",
        ),
        (
            facts([("p", "HASH")], [("p", "S"), ("t", "S")]),
            INVALID + "Number of attributes in KeySchema does not exactly match number of "
            "attributes defined in AttributeDefinitions",
        ),
        (
            facts([("p", "RANGE")]),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            facts([("p", "HASH"), ("s", "RANGE"), ("t", "RANGE")]),
            f"1 validation error detected: Value '{SHOWN}' at 'keySchema' failed to satisfy "
            "constraint: Member must have length less than or equal to 2",
        ),
        (
            facts([("p", "KEY")], [("p", "X")]) | {"BillingMode": "FREE"},
            "3 validation errors detected: Value 'X' at "
            "'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member "
            "must satisfy enum value set: [B, N, S]; Value 'KEY' at 'keySchema.1.member.keyType' "
            "failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]; "
            "Value 'FREE' at 'billingMode' failed to satisfy constraint: Member must satisfy enum "
            "value set: [PROVISIONED, PAY_PER_REQUEST]",
        ),
        (
            facts([("p" * 256, "HASH")], [("p" * 256, "S")]),
            "2 validation errors detected: "
            + "; ".join(
                f"Value '{'p' * 256}' at '{where}.1.member.attributeName' failed to satisfy "
                "constraint: Member must have length less than or equal to 255"
                for where in ("attributeDefinitions", "keySchema")
            ),
        ),
        (
            facts() | {"BillingMode": "PROVISIONED"},
            INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED",
        ),
        (
            facts() | {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
            "BillingMode is PAY_PER_REQUEST",
        ),
        (
            facts() | {"TableName": "x!"},
            "2 validation errors detected: Value 'x!' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'x!' at "
            "'tableName' failed to satisfy constraint: Member must have length greater than or "
            "equal to 3",
        ),
        (
            facts() | {"TableName": None},
            "The parameter 'TableName' is required but was not present in the request",
        ),
    ],
)
def test_a_table_that_cannot_be_is_refused(db, arguments, text):
    arguments = {"TableName": "Refused", "BillingMode": "PAY_PER_REQUEST"} | arguments
    if arguments["TableName"] is None:
        del arguments["TableName"]
    assert refusal(db.create_table, **arguments) == ("ValidationException", text)


def test_what_would_be_lost_without_a_word_is_refused(server, db, name):
    """Nothing bounds the throughput of a table, so nobody may think that something does."""
    limited = {"OnDemandThroughput": {"MaxReadRequestUnits": 1}}
    for operation, arguments in (
        ("CreateTable", {"TableName": name, "BillingMode": "PAY_PER_REQUEST"} | facts() | limited),
        ("UpdateTable", {"TableName": name} | limited),
    ):
        call = wire.dynamodb(operation, arguments)
        answer = wire.Wire(server).ask(call, server.session())
        assert answer.code == "ValidationException" and b"OnDemandThroughput" in answer.body


def test_a_key_name_of_255_characters(db, name):
    longest = "p" * 255
    create(db, name, **facts([(longest, "HASH")], [(longest, "S")]))
    db.put_item(TableName=name, Item={longest: {"S": "x"}})
    assert db.scan(TableName=name)["Count"] == 1


def test_a_deleted_table_is_described_by_its_size(db, name):
    create(db, name)
    db.put_item(TableName=name, Item={"p": {"S": "x"}})
    d = db.delete_table(TableName=name)["TableDescription"]
    assert d["TableStatus"] == "DELETING" and d["ItemCount"] == 1 and d["TableSizeBytes"] > 0
    assert not {"CreationDateTime", "KeySchema", "AttributeDefinitions"} & set(d)


def test_what_throughput_is_asked_for_is_described(db, name):
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    d = create(db, name, BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    assert throughput.items() <= d["ProvisionedThroughput"].items()
    assert "BillingModeSummary" not in d and d["ItemCount"] == 0
    code, text = refusal(db.update_table, TableName=name, ProvisionedThroughput=throughput)
    assert code == "ValidationException" and text.startswith(
        "The provisioned throughput for the table will not change. The requested value equals"
    )
    db.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    d = described(db, name)
    assert d["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert d["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert refusal(db.update_table, TableName=name, BillingMode="PROVISIONED") == (
        "ValidationException",
        INVALID + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
    )
    db.update_table(TableName=name, BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    d = described(db, name)
    assert d["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert throughput.items() <= d["ProvisionedThroughput"].items()


def test_the_class_of_a_table(db, name):
    assert "TableClassSummary" not in create(db, name)
    db.update_table(TableName=name, TableClass="STANDARD_INFREQUENT_ACCESS")
    assert described(db, name)["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}


def test_a_protected_table_stays(db, name):
    create(db, name, DeletionProtectionEnabled=True)
    code, text = refusal(db.delete_table, TableName=name)
    assert code == "ValidationException" and "protected against deletion" in text
    db.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert not described(db, name)["DeletionProtectionEnabled"]
    db.delete_table(TableName=name)


def test_an_update_of_nothing_is_refused(db, name):
    create(db, name)
    assert refusal(db.update_table, TableName=name) == (
        "ValidationException",
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
        "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
    )
    assert refusal(db.update_table, TableName="NoSuch", TableClass="STANDARD") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: NoSuch not found",
    )


def test_a_table_changes_its_key_and_needs_the_old_one_no_more(server, db, name, code):
    kms = server.client("kms")
    keys = [kms.create_key()["KeyMetadata"] for _ in range(2)]
    create(db, name)
    item = {"p": {"S": "x"}, "v": {"S": "secret"}}
    db.put_item(TableName=name, Item=item)
    for key in keys:
        sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key["KeyId"]}
        db.update_table(TableName=name, SSESpecification=sse)
        assert described(db, name)["SSEDescription"]["KMSMasterKeyArn"] == key["Arn"]
        assert db.get_item(TableName=name, Key={"p": {"S": "x"}})["Item"] == item
    assert refusal(db.update_table, TableName=name, SSESpecification=sse) == (
        "ValidationException",
        INVALID + "Table is already encrypted by given KMSMasterKeyId",
    )
    kms.disable_key(KeyId=keys[0]["KeyId"])
    assert db.get_item(TableName=name, Key={"p": {"S": "x"}})["Item"] == item
    kms.disable_key(KeyId=keys[1]["KeyId"])
    assert code(db.get_item, TableName=name, Key={"p": {"S": "x"}}) == "AccessDeniedException"
    # Whoever cannot use the old key cannot take the table to another one.
    assert (
        code(db.update_table, TableName=name, SSESpecification={"Enabled": False})
        == "AccessDeniedException"
    )
    kms.enable_key(KeyId=keys[1]["KeyId"])
    db.update_table(TableName=name, SSESpecification={"Enabled": False})
    kms.disable_key(KeyId=keys[1]["KeyId"])
    assert "SSEDescription" not in described(db, name)
    assert db.get_item(TableName=name, Key={"p": {"S": "x"}})["Item"] == item


def test_tags_come_and_go(db, name):
    arn = create(db, name, Tags=[{"Key": "a", "Value": "1"}])["TableArn"]
    many = [{"Key": f"k{n:02}", "Value": str(n)} for n in range(49)]
    db.tag_resource(ResourceArn=arn, Tags=many)
    pages = db.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    assert [tag for page in pages for tag in page["Tags"]] == [{"Key": "a", "Value": "1"}] + many
    code, text = refusal(db.tag_resource, ResourceArn=arn, Tags=[{"Key": "b", "Value": ""}])
    assert code == "ValidationException" and "at most 50 tags" in text
    db.untag_resource(ResourceArn=arn, TagKeys=[tag["Key"] for tag in many] + ["none"])
    assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    assert refusal(db.list_tags_of_resource, ResourceArn=arn + "x") == (
        "ResourceNotFoundException",
        f"Requested resource not found: ResourcArn: {arn}x not found",
    )
    assert refusal(db.tag_resource, ResourceArn=arn, Tags=[]) == (
        "ValidationException",
        "Atleast one Tag needs to be provided as Input.",
    )
    assert refusal(db.list_tags_of_resource, ResourceArn="table") == (
        "ValidationException",
        "Invalid TableArn: Invalid ResourceArn provided as input table",
    )


@pytest.fixture(scope="module")
def stranger(server):
    """A client of a role that may do nothing."""
    iam, account = server.client("iam"), server.endpoint["account_id"]
    trust = {"AWS": f"arn:aws:iam::{account}:root"}
    iam.create_role(
        RoleName="stranger",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"},
            }
        ),
    )
    session = server.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/stranger", RoleSessionName="stranger"
    )["Credentials"]
    return server.client("dynamodb", session=session)


def policy_of(arn, effect, action, principal):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": effect,
                    "Principal": principal,
                    "Action": action,
                    "Resource": arn,
                }
            ],
        }
    )


def test_the_policy_of_a_table_allows_and_denies(server, db, name, stranger, code):
    arn = create(db, name)["TableArn"]
    account = server.endpoint["account_id"]
    read = {"TableName": name, "Key": {"p": {"S": "x"}}}
    assert code(stranger.get_item, **read) == "AccessDeniedException"
    assert code(db.get_resource_policy, ResourceArn=arn) == "PolicyNotFoundException"
    role = {"AWS": f"arn:aws:iam::{account}:role/stranger"}
    policy = policy_of(arn, "Allow", "dynamodb:GetItem", role)
    first = db.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    stranger.get_item(**read)
    assert code(stranger.scan, TableName=name) == "AccessDeniedException"
    got = db.get_resource_policy(ResourceArn=arn)
    assert json.loads(got["Policy"]) == json.loads(policy) and got["RevisionId"] == first

    deny = policy_of(arn, "Deny", "dynamodb:GetItem", "*")
    assert (
        code(db.put_resource_policy, ResourceArn=arn, Policy=deny, ExpectedRevisionId="NO_POLICY")
        == "PolicyNotFoundException"
    )
    second = db.put_resource_policy(ResourceArn=arn, Policy=deny, ExpectedRevisionId=first)
    assert code(db.get_item, **read) == "AccessDeniedException"  # though the operator may all
    assert db.delete_resource_policy(ResourceArn=arn)["RevisionId"] == second["RevisionId"]
    db.get_item(**read)
    assert "RevisionId" not in db.delete_resource_policy(ResourceArn=arn)


def test_a_policy_that_is_none_is_refused(db, name):
    arn = create(db, name)["TableArn"]
    for policy, text in (
        ("x", "Invalid policy document"),
        (policy_of(arn + "2", "Allow", "dynamodb:GetItem", "*"), "not of the table"),
        (policy_of(arn, "Allow", "dynamodb:" + "x" * 21000, "*"), "exceeds the maximum"),
        (
            policy_of(arn, "Allow", "dynamodb:GetItem", {"AWS": "arn:aws:iam::1:role/none"}),
            "Invalid policy document",
        ),
    ):
        code, message = refusal(db.put_resource_policy, ResourceArn=arn, Policy=policy)
        assert code == "ValidationException" and text in message


def test_a_table_may_be_made_with_its_policy(server, db, name, stranger):
    arn = f"arn:aws:dynamodb:us-east-1:{server.endpoint['account_id']}:table/{name}"
    role = {"AWS": f"arn:aws:iam::{server.endpoint['account_id']}:role/stranger"}
    create(db, name, ResourcePolicy=policy_of(arn, "Allow", "dynamodb:Scan", role))
    assert stranger.scan(TableName=name)["Count"] == 0


def test_tags_decide_who_may_read(server, db, name, stranger, code):
    server.client("iam").put_role_policy(
        RoleName="stranger",
        PolicyName="by-tag",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "dynamodb:Scan",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}},
                },
            }
        ),
    )
    arn = create(db, name)["TableArn"]
    assert code(stranger.scan, TableName=name) == "AccessDeniedException"
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "red"}])
    stranger.scan(TableName=name)
    server.client("iam").delete_role_policy(RoleName="stranger", PolicyName="by-tag")


def test_time_to_live_is_set_and_described(db, name):
    create(db, name)
    assert db.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "DISABLED"
    }
    on = {"Enabled": True, "AttributeName": "expires"}
    off = on | {"Enabled": False}

    def update(asked):
        return db.update_time_to_live(TableName=name, TimeToLiveSpecification=asked)

    def refused(asked):
        return refusal(db.update_time_to_live, TableName=name, TimeToLiveSpecification=asked)

    assert refused(off) == ("ValidationException", "TimeToLive is already disabled")
    assert update(on)["TimeToLiveSpecification"] == on
    assert db.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }
    assert refused(on) == ("ValidationException", "TimeToLive is already enabled")
    assert refused(on | {"AttributeName": "other"}) == (
        "ValidationException",
        "TimeToLive is active on a different AttributeName: current AttributeName is expires",
    )
    update(off)


def test_what_the_account_may_do(db, name):
    assert db.describe_limits()["AccountMaxReadCapacityUnits"] == 80000
    (endpoint,) = db.describe_endpoints()["Endpoints"]
    assert endpoint["CachePeriodInMinutes"] == 1440 and ":" in endpoint["Address"]
    create(db, name)
    backups = db.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert (
        refusal(db.describe_continuous_backups, TableName="NoSuch")[0] == "TableNotFoundException"
    )

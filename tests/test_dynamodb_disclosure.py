# SPDX-License-Identifier: Apache-2.0
"""What a role may see of an item: a policy down to the attribute cannot be got round."""
import json

import botocore.exceptions
import pytest

import wire
from functions import make_assumable

TABLE = "Disclosed"


@pytest.fixture(scope="module")
def db(server):
    client = server.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "at", "email")
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-email",
                "KeySchema": [
                    {"AttributeName": "id", "KeyType": "HASH"},
                    {"AttributeName": "email", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    client.put_item(TableName=TABLE, Item=item("1", secret={"S": "hidden"}))
    make_assumable(server, "narrow")
    return client


def item(number, **more):
    return {"id": {"S": "one"}, "at": {"S": number}, "email": {"S": number}, **more}


KEY = {"id": {"S": "one"}, "at": {"S": "1"}}


@pytest.fixture
def narrow(server, db):
    """Calls as a role that may do everything within a condition, raw: its status and body."""

    def ask(operation, condition, **arguments):
        statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
        server.client("iam").put_role_policy(
            RoleName="narrow",
            PolicyName="p",
            PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": statement | {"Condition": condition}}
            ),
        )
        call = wire.dynamodb(operation, {"TableName": TABLE} | arguments)
        return wire.Wire(server).ask(call, server.session("narrow"))

    return ask


def denied(answer):
    return answer.code == "AccessDeniedException" and b"hidden" not in answer.body


SELECTED = {
    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "at"]},
    "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
}


def test_only_a_search_has_a_select(narrow):
    """What a GetItem selects follows from its projection, whatever its body says."""
    assert narrow("GetItem", SELECTED, Key=KEY, ProjectionExpression="id").status == 200
    assert denied(narrow("GetItem", SELECTED, Key=KEY, Select="SPECIFIC_ATTRIBUTES"))
    get = {"TableName": TABLE, "Key": KEY, "Select": "SPECIFIC_ATTRIBUTES"}
    assert denied(narrow("TransactGetItems", SELECTED, TransactItems=[{"Get": get}]))


def test_an_index_of_null_is_none(narrow):
    projected = {"StringEquals": {"dynamodb:Select": "ALL_PROJECTED_ATTRIBUTES"}}
    assert narrow("Scan", projected, IndexName="by-email").status == 200
    assert denied(narrow("Scan", projected, IndexName=None))


def test_what_a_failed_condition_tells_is_a_return_value(narrow):
    mute = {"StringEquals": {"dynamodb:ReturnValues": "NONE"}}
    told = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    never = {"ConditionExpression": "attribute_not_exists(id)"}
    assert narrow("DeleteItem", mute, Key=KEY, **never).code == "ConditionalCheckFailedException"
    assert denied(narrow("DeleteItem", mute, Key=KEY, **never, **told))
    check = {"TableName": TABLE, "Key": KEY, **never, **told}
    assert denied(narrow("TransactWriteItems", mute, TransactItems=[{"ConditionCheck": check}]))


def test_a_page_tells_the_keys_of_its_last_item(narrow):
    """So they count as read, whatever is projected."""
    page = {"IndexName": "by-email", "ProjectionExpression": "id", "Limit": 1}
    assert denied(narrow("Scan", SELECTED, **page))
    wide = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "at", "email"]}}
    assert narrow("Scan", wide, **page).status == 200


def test_a_page_of_a_local_index_is_bounded_by_what_it_fetches(db):
    for number in range(2, 9):
        db.put_item(TableName=TABLE, Item=item(str(number), blob={"S": "x" * 380_000}))
    page = db.query(
        TableName=TABLE,
        IndexName="by-email",
        Select="ALL_ATTRIBUTES",
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": {"S": "one"}},
    )
    assert page["Count"] < 6 and page["LastEvaluatedKey"]


def test_a_value_used_often_is_not_copied_without_end(db):
    def refused(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(TableName=TABLE, Key=KEY, **arguments)
        return caught.value.response["Error"]["Message"]

    big = {":v": {"S": "x" * 4_000_000}}
    many = ",".join([":v"] * 1000)
    assert "too large" in refused(
        db.delete_item, ConditionExpression=f"a IN ({many})", ExpressionAttributeValues=big
    )
    sets = ",".join(f"a{n} = b" for n in range(400))
    db.update_item(
        TableName=TABLE,
        Key=KEY,
        UpdateExpression="SET b = :v",
        ExpressionAttributeValues={":v": {"S": "x" * 300_000}},
    )
    assert "exceeded the maximum" in refused(db.update_item, UpdateExpression=f"SET {sets}")

# SPDX-License-Identifier: Apache-2.0
"""The legacy conditional parameters over the wire, with boto3: they say what expressions say."""
import botocore.exceptions
import pytest

TABLE = "Legacy"
MIXED = (
    "Can not use both expression and non-expression parameters in the same request: "
    "Non-expression parameters: {%s} Expression parameters: {%s}"
)
INVALID = "One or more parameter values were invalid: "


@pytest.fixture(scope="module")
def db(server):
    client = server.client("dynamodb", parameter_validation=False)
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "p", "KeyType": "HASH"},
            {"AttributeName": "s", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "p", "AttributeType": "S"},
            {"AttributeName": "s", "AttributeType": "S"},
        ],
    )
    return client


@pytest.fixture
def key(request):
    return {"p": {"S": request.node.name}, "s": {"S": "1"}}


def item(db, key):
    return db.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(TableName=TABLE, **arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


STORED = {
    "n": {"N": "5"},
    "t": {"S": "hello"},
    "b": {"B": b"\x01\x02\x03"},
    "l": {"L": [{"N": "1"}]},
    "ss": {"SS": ["a", "b"]},
    "yes": {"BOOL": True},
}


def compare(operator, *values):
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


CONDITIONS = [
    ("n", compare("EQ", {"N": "5.0"}), True),
    ("n", compare("EQ", {"S": "5"}), False),
    ("yes", compare("EQ", {"BOOL": True}), True),
    ("n", compare("NE", {"N": "4"}), True),
    ("none", compare("NE", {"N": "4"}), True),
    ("n", compare("LT", {"N": "10"}), True),
    ("n", compare("LE", {"N": "4"}), False),
    ("n", compare("GT", {"N": "4"}), True),
    ("n", compare("GE", {"N": "6"}), False),
    ("n", compare("BETWEEN", {"N": "5"}, {"N": "6"}), True),
    ("n", compare("IN", {"N": "1"}, {"N": "5"}), True),
    ("ss", compare("IN", {"S": "a"}), False),
    ("t", compare("BEGINS_WITH", {"S": "he"}), True),
    ("t", compare("CONTAINS", {"S": "ell"}), True),
    ("b", compare("CONTAINS", {"B": b"\x02\x03"}), True),
    ("ss", compare("CONTAINS", {"S": "b"}), True),
    ("l", compare("CONTAINS", {"N": "1"}), True),
    ("ss", compare("NOT_CONTAINS", {"S": "c"}), True),
    ("ss", compare("NOT_CONTAINS", {"S": "a"}), False),
    # What is not there neither contains a thing nor lacks it.
    ("none", compare("CONTAINS", {"S": "c"}), False),
    ("none", compare("NOT_CONTAINS", {"S": "c"}), False),
    ("none", {"ComparisonOperator": "NULL"}, True),
    ("n", {"ComparisonOperator": "NOT_NULL"}, True),
]


@pytest.mark.parametrize("name, condition, holds", CONDITIONS)
def test_a_filter_and_an_expectation_hold_alike(db, key, name, condition, holds):
    db.put_item(TableName=TABLE, Item=key | STORED)
    of_key = {"p": compare("EQ", key["p"])}
    found = db.query(TableName=TABLE, KeyConditions=of_key, QueryFilter={name: condition})
    assert (found["Count"], found["ScannedCount"]) == (int(holds), 1)
    scanned = db.scan(TableName=TABLE, ScanFilter={name: condition} | of_key)
    assert scanned["Count"] == int(holds)
    try:
        db.put_item(TableName=TABLE, Item=key | STORED, Expected={name: condition})
        assert holds
    except db.exceptions.ConditionalCheckFailedException:
        assert not holds


def test_value_and_exists(db, key):
    db.put_item(TableName=TABLE, Item=key, Expected={"p": {"Exists": False}})
    with pytest.raises(db.exceptions.ConditionalCheckFailedException):
        db.put_item(TableName=TABLE, Item=key, Expected={"p": {"Exists": False}})
    with pytest.raises(db.exceptions.ConditionalCheckFailedException):
        db.delete_item(TableName=TABLE, Key=key, Expected={"n": {"Value": {"N": "1"}}})
    db.delete_item(TableName=TABLE, Key=key, Expected={"s": {"Value": {"S": "1"}, "Exists": True}})
    assert item(db, key) is None


def test_conditions_are_joined(db, key):
    db.put_item(TableName=TABLE, Item=key | STORED)
    two = {"n": {"Value": {"N": "5"}}, "t": {"Value": {"S": "other"}}}
    with pytest.raises(db.exceptions.ConditionalCheckFailedException):
        db.put_item(TableName=TABLE, Item=key, Expected=two)
    db.put_item(TableName=TABLE, Item=key, Expected=two, ConditionalOperator="OR")


def test_attribute_updates(db, key):
    def update(**updates):
        return db.update_item(
            TableName=TABLE,
            Key=key,
            AttributeUpdates={
                name: {"Action": action} | ({"Value": value} if value else {})
                for name, (action, value) in updates.items()
            },
            ReturnValues="UPDATED_NEW",
        ).get("Attributes")

    assert update(a=("DELETE", None), d=("DELETE", {"SS": ["x"]})) is None
    assert item(db, key) is None  # to take away from nothing makes nothing
    assert update(n=("ADD", {"N": "2"}), t=("PUT", {"S": "x"})) == {
        "n": {"N": "2"},
        "t": {"S": "x"},
    }
    assert update(n=("ADD", {"N": "-0.5"}), l=("ADD", {"L": [{"N": "1"}]})) == {
        "n": {"N": "1.5"},
        "l": {"L": [{"N": "1"}]},
    }
    assert update(l=("ADD", {"L": [{"S": "x"}]}), ss=("ADD", {"SS": ["b", "a"]})) == {
        "l": {"L": [{"N": "1"}, {"S": "x"}]},
        "ss": {"SS": ["a", "b"]},
    }
    assert update(ss=("DELETE", {"SS": ["a", "b"]}), t=("DELETE", None)) is None
    assert item(db, key) == key | {"n": {"N": "1.5"}, "l": {"L": [{"N": "1"}, {"S": "x"}]}}


def test_attributes_to_get(db, key):
    db.put_item(TableName=TABLE, Item=key | STORED)
    wanted = {"AttributesToGet": ["n", "none", "table"]}
    assert db.get_item(TableName=TABLE, Key=key, **wanted)["Item"] == {"n": {"N": "5"}}
    answer = db.batch_get_item(RequestItems={TABLE: {"Keys": [key], **wanted}})
    assert answer["Responses"][TABLE] == [{"n": {"N": "5"}}]
    of_key = {"p": compare("EQ", key["p"]), "s": compare("BEGINS_WITH", {"S": "1"})}
    assert db.query(TableName=TABLE, KeyConditions=of_key, **wanted)["Items"] == [{"n": {"N": "5"}}]


EQ = compare("EQ", {"S": "x"})


@pytest.mark.parametrize(
    "operation, arguments, text",
    [
        (
            "put_item",
            {"Expected": {"a": {"Exists": False}}, "ConditionExpression": "a = :a"},
            MIXED % ("Expected", "ConditionExpression"),
        ),
        (
            "update_item",
            {"AttributeUpdates": {}, "Expected": {}, "UpdateExpression": "REMOVE a"},
            MIXED % ("AttributeUpdates, Expected", "UpdateExpression"),
        ),
        (
            "get_item",
            {"AttributesToGet": ["a"], "ProjectionExpression": "a"},
            MIXED % ("AttributesToGet", "ProjectionExpression"),
        ),
        (
            "scan",
            {"ScanFilter": {"a": EQ}, "ConditionalOperator": "OR", "FilterExpression": "a = :a"},
            MIXED % ("ScanFilter, ConditionalOperator", "FilterExpression"),
        ),
        (
            "query",
            {
                "KeyConditions": {"p": EQ},
                "AttributesToGet": ["a"],
                "KeyConditionExpression": "p = :p",
            },
            MIXED % ("AttributesToGet, KeyConditions", "KeyConditionExpression"),
        ),
        (
            "query",
            {},
            "Either the KeyConditions or KeyConditionExpression parameter must be "
            "specified in the request.",
        ),
        ("query", {"KeyConditions": {}}, "Conditions can be of length 1 or 2 only"),
        ("query", {"KeyConditions": {"s": EQ}}, "Query condition missed key schema element: p"),
        (
            "query",
            {"KeyConditions": {"p": EQ, "a": EQ}},
            "Query condition missed key schema element: s",
        ),
        (
            "query",
            {"KeyConditions": {"p": compare("GT", {"S": "x"})}},
            "Query key condition not supported",
        ),
        (
            "query",
            {"KeyConditions": {"p": EQ, "s": compare("CONTAINS", {"S": "x"})}},
            "Attempted conditional constraint is not an indexable operation",
        ),
        (
            "query",
            {"KeyConditions": {"p": EQ}, "QueryFilter": {"s": EQ}},
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: s",
        ),
        (
            "scan",
            {"ScanFilter": {"a": compare("BETWEEN", {"S": "x"})}},
            INVALID + "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            "scan",
            {"ScanFilter": {"a": compare("IN", {"S": "x"}, {"N": "1"})}},
            INVALID + "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            "scan",
            {"ScanFilter": {"a": compare("BEGINS_WITH", {"N": "1"})}},
            INVALID + "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            "scan",
            {"ScanFilter": {"a": compare("BETWEEN", {"N": "2"}, {"N": "1"})}},
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
            "upper bound",
        ),
        (
            "scan",
            {"ScanFilter": {"a": {"ComparisonOperator": "LIKE"}}},
            "1 validation error detected: Value 'LIKE' at 'scanFilter.a.member.comparisonOperator' "
            "failed to satisfy constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, "
            "LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]",
        ),
        (
            "scan",
            {"ConditionalOperator": "OR"},
            "ConditionalOperator cannot be used without Filter or Expected",
        ),
        (
            "scan",
            {"ScanFilter": {"a": EQ}, "ConditionalOperator": "OR"},
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        ),
        (
            "scan",
            {"AttributesToGet": ["a"], "Select": "COUNT"},
            "Cannot specify the AttributesToGet when choosing to get only the Count",
        ),
        (
            "get_item",
            {"AttributesToGet": ["a", "a"]},
            INVALID + "Duplicate value in attribute name: a",
        ),
        (
            "put_item",
            {"Expected": {"a": {}}},
            INVALID + "Value must be provided when Exists is null for Attribute: a",
        ),
        (
            "put_item",
            {"Expected": {"a": {"Exists": False, "Value": {"N": "1"}}}},
            INVALID + "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            "put_item",
            {"Expected": {"a": EQ | {"Exists": True}}},
            INVALID + "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            "put_item",
            {"Expected": {"a": EQ | {"Value": {"N": "1"}}}},
            INVALID + "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            "update_item",
            {"AttributeUpdates": {"a": {"Action": "PUT"}}},
            INVALID + "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            "update_item",
            {"AttributeUpdates": {"a": {"Action": "ADD", "Value": {"S": "x"}}}},
            INVALID + "ADD action is not supported for the type S",
        ),
        (
            "update_item",
            {"AttributeUpdates": {"a": {"Action": "DELETE", "Value": {"N": "1"}}}},
            INVALID + "DELETE action with value is not supported for the type N",
        ),
        (
            "update_item",
            {"AttributeUpdates": {"s": {"Action": "DELETE"}}},
            INVALID + "Cannot update attribute s. This attribute is part of the key",
        ),
        (
            "update_item",
            {"AttributeUpdates": {"t": {"Action": "ADD", "Value": {"N": "1"}}}},
            "Type mismatch for attribute to update",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(db, key, operation, arguments, text):
    db.put_item(TableName=TABLE, Item=key | {"t": {"S": "text"}})
    if operation == "put_item":
        arguments = arguments | {"Item": key}
    elif operation in ("get_item", "update_item"):
        arguments = arguments | {"Key": key}
    assert refusal(getattr(db, operation), **arguments) == ("ValidationException", text)

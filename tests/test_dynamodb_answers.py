# SPDX-License-Identifier: Apache-2.0
"""Answers of DynamoDB that its documentation does not tell, as they were seen at AWS: what clients
compare with, and sizes to the byte."""
import json

import pytest

import wire

ITEM_BYTES_MAX = 409_600
TABLE, INDEXED = "Answers", "AnswersIndexed"


def keys(*names):
    return [
        {"AttributeName": name, "KeyType": "RANGE" if at else "HASH"}
        for at, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def ask(server):
    """The status, the code and text of the error, and the body of a raw call."""
    session, line = server.session(), wire.Wire(server)

    def call(operation, **arguments):
        answer = line.ask(wire.dynamodb(operation, arguments), session)
        body = json.loads(answer.body)
        return answer.status, answer.code, body.get("message"), body

    for name, more in (
        (TABLE, {}),
        (
            INDEXED,
            {
                "LocalSecondaryIndexes": [index("z-local", "pk", "i")],
                "GlobalSecondaryIndexes": [index("a-global", "i")],
            },
        ),
    ):
        names = ["pk", "sk", "i"] if more else ["pk", "sk"]
        made = call(
            "CreateTable",
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=keys("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
            **more,
        )
        assert made[0] == 200, made
    return call


def index(name, *of):
    return {"IndexName": name, "KeySchema": keys(*of), "Projection": {"ProjectionType": "ALL"}}


KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
MINE = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :p",
    "ExpressionAttributeValues": {":p": {"S": "p"}},
}


def test_a_page_that_is_full_tells_where_it_ends(ask):
    """Even when nothing comes after it; the page after is empty and ends the search."""
    ask("PutItem", TableName=TABLE, Item=KEY)
    full = ask("Query", **MINE, Limit=1)[3]
    assert full["Items"] == [KEY] and full["LastEvaluatedKey"] == KEY
    after = ask("Query", **MINE, Limit=1, ExclusiveStartKey=KEY)[3]
    assert after["Items"] == [] and "LastEvaluatedKey" not in after
    assert "LastEvaluatedKey" not in ask("Query", **MINE, Limit=2)[3]


def test_null_is_true_whatever_was_said(ask):
    for said in (True, False):
        put = {"TableName": TABLE, "Item": KEY | {"nothing": {"NULL": said}}}
        assert ask("PutItem", **put)[0] == 200
        got = ask("GetItem", TableName=TABLE, Key=KEY)[3]["Item"]
        assert got["nothing"] == {"NULL": True}
    wrong = ask("PutItem", TableName=TABLE, Item=KEY | {"nothing": {"NULL": "true"}})
    assert wrong[1] == "SerializationException"


def test_the_condition_of_a_key_may_stand_in_many_parentheses(ask):
    twice = MINE | {"KeyConditionExpression": "((pk = :p))"}
    assert ask("Query", **twice)[0] == 200
    filtered = ask("Query", **MINE, FilterExpression="((a = :p))")
    assert "redundant parentheses" in filtered[2]


@pytest.mark.parametrize(
    "number, size",
    [
        ("0", 1),
        ("1234", 3),
        ("100", 2),
        ("1E125", 2),
        ("1.5", 3),
        ("15", 2),
        ("3.14159", 5),
        ("123456", 4),
        ("100.5", 4),
        ("0.15", 2),
        ("-42", 3),
        ("12345678901234567890123456789012345678", 20),
    ],
)
def test_the_size_of_a_number_is_that_of_its_digits_on_each_side_of_the_point(ask, number, size):
    """Two digits take a byte; it is seen at the largest item, and one byte past it."""
    rest = ITEM_BYTES_MAX - len("pkpsks" "n" "x") - size
    for more, status in ((0, 200), (1, 400)):
        item = KEY | {"n": {"N": number}, "x": {"S": "x" * (rest + more)}}
        assert ask("PutItem", TableName=TABLE, Item=item)[0] == status


INVALID = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "
EMPTY = "The AttributeValue for a key attribute cannot contain an empty string value."
SCHEMA = "The provided key element does not match the schema"


def written(item):
    return {"RequestItems": {TABLE: [{"PutRequest": {"Item": item}}]}}


def read(keys, table=TABLE, **more):
    return {table: {"Keys": keys} | more}


SEEN = {
    "no table is read": (
        "BatchGetItem",
        {"RequestItems": {}},
        "The requestItems parameter is required for BatchGetItem",
    ),
    "no table is written": (
        "BatchWriteItem",
        {"RequestItems": {}},
        "The requestItems parameter is required for BatchWriteItem",
    ),
    "too many keys": (
        "BatchGetItem",
        {"RequestItems": read([{"pk": {"S": str(n)}, "sk": {"S": "s"}} for n in range(101)])},
        f"1 validation error detected: Value at 'RequestItems.{TABLE}.member.Keys' failed to "
        "satisfy constraint: Member must have length less than or equal to 100",
    ),
    "two kinds of projections": (
        "BatchGetItem",
        {
            "RequestItems": read([KEY], ProjectionExpression="pk")
            | read([KEY], INDEXED, AttributesToGet=["pk"])
        },
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributesToGet} Expression parameters: "
        "{ProjectionExpression}",
    ),
    "a key of another type": ("BatchWriteItem", written(KEY | {"sk": {"N": "5"}}), SCHEMA),
    "no key": ("BatchWriteItem", written({"pk": {"S": "p"}}), SCHEMA),
    "the first of the indexes": (
        "PutItem",
        {"TableName": INDEXED, "Item": KEY | {"i": {"N": "5"}}},
        INVALID + "Type mismatch for Index Key i Expected: S Actual: N IndexName: a-global",
    ),
    "an empty key of an index": (
        "PutItem",
        {"TableName": INDEXED, "Item": KEY | {"i": {"S": ""}}},
        f"{NOT_VALID}A value specified for a secondary index key is not supported. {EMPTY} "
        "IndexName: a-global, IndexKey: i",
    ),
    "an empty key of an index by an update": (
        "UpdateItem",
        {
            "TableName": INDEXED,
            "Key": KEY,
            "UpdateExpression": "SET i = :v",
            "ExpressionAttributeValues": {":v": {"S": ""}},
        },
        f"{NOT_VALID}The update expression attempted to update a secondary index key to a value "
        f"that is not supported. {EMPTY}",
    ),
    "a query of nothing": (
        "Query",
        MINE | {"Limit": 0},
        "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must "
        "have value greater than or equal to 1",
    ),
    "a scan of nothing": (
        "Scan",
        {"TableName": TABLE, "Limit": 0},
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member "
        "must have value greater than or equal to 1",
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_is_refused_is_told_in_the_words_of_aws(ask, name):
    operation, arguments, text = SEEN[name]
    assert ask(operation, **arguments)[1:3] == ("ValidationException", text)

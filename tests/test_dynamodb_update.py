# SPDX-License-Identifier: Apache-2.0
"""UpdateItem over the wire, with boto3. Its grammar alone is tested beside the code."""
import botocore.exceptions
import pytest

TABLE = "Updates"


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
            {"AttributeName": "s", "AttributeType": "N"},
        ],
    )
    return client


@pytest.fixture
def key(db, request):
    return {"p": {"S": request.node.name}, "s": {"N": "1"}}


def put(db, key, **attributes):
    db.put_item(TableName=TABLE, Item=key | attributes)


def update(db, key, expression, values=None, **more):
    if values:
        more["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return db.update_item(TableName=TABLE, Key=key, UpdateExpression=expression, **more)


def item(db, key):
    return db.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")


def refusal(call):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_update_makes_the_item_that_is_not_there(db, key):
    update(db, key, "SET a = :a ADD n :n", {"a": {"S": "x"}, "n": {"N": "2"}})
    assert item(db, key) == key | {"a": {"S": "x"}, "n": {"N": "2"}}


def test_an_update_that_only_takes_away_makes_no_item(db, key):
    answer = update(
        db, key, "REMOVE a, b.c DELETE d :d", {"d": {"SS": ["x"]}}, ReturnValues="ALL_NEW"
    )
    assert "Attributes" not in answer and item(db, key) is None


def test_an_update_without_an_expression_makes_the_key(db, key):
    assert "Attributes" not in db.update_item(TableName=TABLE, Key=key)
    assert item(db, key) == key
    put(db, key, a={"S": "x"})
    assert (
        db.update_item(TableName=TABLE, Key=key, ReturnValues="ALL_NEW")["Attributes"]
        == item(db, key)
        == key | {"a": {"S": "x"}}
    )


@pytest.mark.parametrize(
    "wanted, shown",
    [
        (None, None),
        ("NONE", None),
        ("ALL_OLD", {"m": {"M": {"a": {"N": "1"}, "b": {"N": "2"}}}, "l": {"L": [{"N": "0"}]}}),
        (
            "ALL_NEW",
            {"m": {"M": {"a": {"N": "3"}, "c": {"N": "3"}}}, "l": {"L": [{"N": "0"}, {"N": "3"}]}},
        ),
        ("UPDATED_OLD", {"m": {"M": {"a": {"N": "1"}, "b": {"N": "2"}}}}),
        # As on AWS, an element past the end of its list is not shown: it stands at another index.
        ("UPDATED_NEW", {"m": {"M": {"a": {"N": "3"}, "c": {"N": "3"}}}}),
    ],
)
def test_the_five_return_values(db, key, wanted, shown):
    put(db, key, m={"M": {"a": {"N": "1"}, "b": {"N": "2"}}}, l={"L": [{"N": "0"}]})
    answer = update(
        db,
        key,
        "SET m.a = :v, m.c = :v, l[7] = :v REMOVE m.b",
        {"v": {"N": "3"}},
        **({"ReturnValues": wanted} if wanted else {}),
    )
    whole = wanted and wanted.startswith("ALL")
    assert answer.get("Attributes") == (shown and (key if whole else {}) | shown)


def test_what_was_not_there_is_not_shown(db, key):
    assert "Attributes" not in update(
        db, key, "SET a = :a", {"a": {"N": "1"}}, ReturnValues="ALL_OLD"
    )
    assert "Attributes" not in update(
        db, key, "SET b = :a", {"a": {"N": "1"}}, ReturnValues="UPDATED_OLD"
    )
    assert "Attributes" not in update(db, key, "REMOVE b", ReturnValues="UPDATED_NEW")


def test_a_condition_that_fails_leaves_the_item_and_shows_it(db, key):
    put(db, key, n={"N": "1"})
    with pytest.raises(db.exceptions.ConditionalCheckFailedException) as caught:
        update(
            db,
            key,
            "SET n = :two",
            {"two": {"N": "2"}, "zero": {"N": "0"}},
            ConditionExpression="n = :zero",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"] == item(db, key) == key | {"n": {"N": "1"}}
    update(
        db,
        key,
        "SET n = n + :one",
        {"one": {"N": "1"}},
        ConditionExpression="attribute_exists(p) AND n = :one",
    )
    assert item(db, key)["n"] == {"N": "2"}


@pytest.mark.parametrize(
    "expression, values, text",
    [
        ("SET p = :v", {"v": {"S": "x"}}, "Cannot update attribute p. This attribute is part of"),
        ("REMOVE s", {}, "Cannot update attribute s. This attribute is part of the key"),
        ("SET a.b = :v", {"v": {"S": "x"}}, "path provided in the update expression is invalid"),
        ("SET a = n + :v", {"v": {"N": "1"}}, "refers to an attribute that does not exist in the"),
        ("ADD t :v", {"v": {"N": "1"}}, "operand in the update expression has an incorrect data"),
        ("SET t = :v", {"v": {"S": "x" * 409_600}}, "Item size to update has exceeded the maximum"),
        ("ADD n :v", {"v": {"N": "1" * 39}}, "contains invalid value: Attempting to store more"),
        ("SET n = :v + :w", {"v": {"N": "1e38"}, "w": {"N": "1"}}, "Number overflow"),
        ("", {}, "Invalid UpdateExpression: The expression can not be empty;"),
        ("SET a = :v", {"v": {"S": "x"}, "w": {"S": "x"}}, "unused in expressions: keys: {:w}"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(db, key, expression, values, text):
    put(db, key, t={"S": "text"})
    code, message = refusal(lambda: update(db, key, expression, values))
    assert code == "ValidationException" and text in message
    assert item(db, key) == key | {"t": {"S": "text"}}


def test_placeholders_need_an_expression_that_uses_them(db, key):
    arguments = {"TableName": TABLE, "Key": key}
    assert refusal(lambda: db.update_item(**arguments, ExpressionAttributeNames={"#a": "a"})) == (
        "ValidationException",
        "ExpressionAttributeNames can only be specified when using expressions",
    )
    assert refusal(
        lambda: db.update_item(**arguments, ExpressionAttributeValues={":a": {"N": "1"}})
    ) == (
        "ValidationException",
        "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression "
        "and ConditionExpression are null",
    )


def test_the_key_must_be_the_tables(db, key):
    for wrong in ({"p": key["p"]}, key | {"x": {"S": "1"}}, key | {"s": {"S": "1"}}):
        assert refusal(lambda: update(db, wrong, "REMOVE a")) == (
            "ValidationException",
            "The provided key element does not match the schema",
        )
    assert refusal(
        lambda: db.update_item(TableName="NoSuchTable", Key=key, UpdateExpression="REMOVE a")
    ) == ("ResourceNotFoundException", "Requested resource not found")


def test_an_update_costs_by_the_larger_item(db, key):
    put(db, key, padding={"S": "x" * 3000})
    answer = update(db, key, "REMOVE padding", ReturnConsumedCapacity="INDEXES")
    assert answer["ConsumedCapacity"] == {
        "TableName": TABLE,
        "CapacityUnits": 3.0,
        "Table": {"CapacityUnits": 3.0},
    }
    answer = update(db, key, "SET a = :a", {"a": {"N": "1"}}, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"TableName": TABLE, "CapacityUnits": 1.0}
    answer = db.put_item(
        TableName=TABLE, Item=key | {"padding": {"S": "x" * 1500}}, ReturnConsumedCapacity="TOTAL"
    )
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2
    answer = db.delete_item(TableName=TABLE, Key=key, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2

# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's transactions over the wire, with boto3."""
import concurrent.futures
import json
import uuid

import botocore.exceptions
import pytest

from functions import make_assumable
from turned import Turned

CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]"
TABLES = ("Accounts", "Receipts")


def make_tables(client):
    for table in TABLES:
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        )
    return client


@pytest.fixture(scope="module")
def db(server):
    return make_tables(
        server.client("dynamodb", parameter_validation=False, max_pool_connections=32)
    )


@pytest.fixture
def name(request):
    return request.node.name


def key(name):
    return {"p": {"S": name}}


def put(name, table="Accounts", condition=None, **attributes):
    action = {"TableName": table, "Item": key(name) | attributes}
    if condition:
        action["ConditionExpression"] = condition
    return {"Put": action}


def add(name, amount, table="Accounts", **more):
    return {
        "Update": {
            "TableName": table,
            "Key": key(name),
            "UpdateExpression": "SET n = n + :n",
            "ExpressionAttributeValues": {":n": {"N": str(amount)}},
            **more,
        }
    }


def delete(name, table="Accounts", **more):
    return {"Delete": {"TableName": table, "Key": key(name), **more}}


def check(name, condition, table="Accounts", **more):
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": key(name),
            "ConditionExpression": condition,
            **more,
        }
    }


def get(name, table="Accounts", **more):
    return {"Get": {"TableName": table, "Key": key(name), **more}}


def item(db, name, table="Accounts"):
    return db.get_item(TableName=table, Key=key(name), ConsistentRead=True).get("Item")


def write(db, *actions, **more):
    return db.transact_write_items(TransactItems=list(actions), **more)


def refusal(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def reasons(db, *actions):
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        write(db, *actions)
    answer = caught.value.response
    told = answer["CancellationReasons"]
    assert answer["Error"]["Message"] == CANCELLED % ", ".join(one["Code"] for one in told)
    return told


def test_all_actions_are_done_in_one(db, name):
    write(db, put(name + "1", n={"N": "10"}), put(name + "2", n={"N": "1"}))
    write(
        db,
        add(name + "1", -3),
        delete(name + "2"),
        put(name, "Receipts", amount={"N": "3"}),
        check(name + "3", "attribute_not_exists(p)"),
    )
    assert item(db, name + "1") == key(name + "1") | {"n": {"N": "7"}}
    assert item(db, name + "2") is None
    assert item(db, name, "Receipts") == key(name) | {"amount": {"N": "3"}}


def test_one_that_fails_undoes_all_and_says_why(db, name):
    db.put_item(TableName="Accounts", Item=key(name) | {"n": {"N": "1"}, "t": {"S": "x"}})
    show = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    told = reasons(
        db,
        put(name + "new"),
        add(name, 1, ConditionExpression="n > :n", **show),
        check(name + "none", "attribute_exists(p)", **show),
        {
            "Update": {
                "TableName": "Accounts",
                "Key": key(name + "2"),
                "UpdateExpression": "SET a = b",
            }
        },
        put(name, "Receipts"),
    )
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert told == [
        {"Code": "None"},
        failed | {"Item": key(name) | {"n": {"N": "1"}, "t": {"S": "x"}}},
        failed,
        {
            "Code": "ValidationError",
            "Message": "The provided expression refers to an attribute that does not exist in the "
            "item",
        },
        {"Code": "None"},
    ]
    assert item(db, name)["n"] == {"N": "1"}
    assert item(db, name + "new") is None and item(db, name, "Receipts") is None


def test_a_key_of_another_type_cancels_and_an_empty_one_is_refused(db, name):
    wrong = {"Put": {"TableName": "Accounts", "Item": {"p": {"N": "5"}}}}
    assert reasons(db, put(name), wrong) == [
        {"Code": "None"},
        {
            "Code": "ValidationError",
            "Message": "One or more parameter values were invalid: Type mismatch for key p "
            "expected: S actual: N",
        },
    ]
    assert reasons(db, {"Delete": {"TableName": "Accounts", "Key": {"p": {"N": "5"}}}}) == [
        {
            "Code": "ValidationError",
            "Message": "The provided key element does not match the schema",
        }
    ]
    assert refusal(write, db, put("")) == (
        "ValidationException",
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        "contain an empty string value. Key: p",
    )


@pytest.mark.parametrize(
    "actions, code, text",
    [
        (
            [],
            "ValidationException",
            "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1",
        ),
        (
            [put(str(n)) for n in range(101)],
            "ValidationException",
            "1 validation error detected: Value '[...]' at 'transactItems' failed to satisfy "
            "constraint: Member must have length less than or equal to 100",
        ),
        (
            [put("twice"), delete("twice")],
            "ValidationException",
            "Transaction request cannot include multiple operations on one item",
        ),
        (
            [put("a") | delete("b")],
            "ValidationException",
            "TransactItems can only contain one of Check, Put, Update or Delete",
        ),
        (
            [{}],
            "ValidationException",
            "TransactItems can only contain one of Check, Put, Update or Delete",
        ),
        (
            [put("a"), {"Update": {"TableName": "Accounts", "Key": key("b")}}],
            "ValidationException",
            "1 validation error detected: Value null at "
            "'transactItems.2.member.update.updateExpression' failed to satisfy constraint: Member "
            "must not be null",
        ),
        ([put("a", "NoSuchTable")], "ResourceNotFoundException", "Requested resource not found"),
        (
            [put("a", condition="a = ")],
            "ValidationException",
            'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="',
        ),
        (
            [put(str(n), padding={"S": "x" * 380_000}) for n in range(12)],
            "ValidationException",
            "The items of a transaction have at most 4 MB together.",
        ),
    ],
    ids=range(9),
)
def test_what_is_no_transaction_is_refused(db, actions, code, text):
    assert refusal(write, db, *actions) == (code, text)


def test_a_hundred_actions(db, name):
    write(db, *(put(f"{name}{n}", n={"N": str(n)}) for n in range(100)))
    got = db.transact_get_items(TransactItems=[get(f"{name}{n}") for n in range(100)])
    assert [one["Item"]["n"]["N"] for one in got["Responses"]] == [str(n) for n in range(100)]


def test_a_token_does_it_once(db, name):
    db.put_item(TableName="Accounts", Item=key(name) | {"n": {"N": "0"}})
    token = str(uuid.uuid4())
    more = {"ClientRequestToken": token, "ReturnConsumedCapacity": "TOTAL"}
    first, second = (write(db, add(name, 1), **more)["ConsumedCapacity"] for _ in range(2))
    assert item(db, name)["n"] == {"N": "1"}
    assert first == [{"TableName": "Accounts", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}]
    assert second == [{"TableName": "Accounts", "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}]
    code, _ = refusal(write, db, add(name, 2), ClientRequestToken=token)
    assert code == "IdempotentParameterMismatchException"
    write(db, add(name, 1), ClientRequestToken=token)
    assert item(db, name)["n"] == {"N": "1"}
    # What was cancelled was not done: the token is free.
    other = str(uuid.uuid4())
    assert (
        refusal(write, db, add(name + "none", 1), ClientRequestToken=other)[0]
        == "TransactionCanceledException"
    )
    write(db, add(name, 1), ClientRequestToken=other)
    assert item(db, name)["n"] == {"N": "2"}
    assert refusal(write, db, add(name, 1), ClientRequestToken="x" * 37)[0] == "ValidationException"


def test_a_token_holds_for_ten_minutes_and_over_a_restart(fresh_server, tmp_path):
    db = make_tables(fresh_server.client("dynamodb"))
    db.put_item(TableName="Accounts", Item=key("a") | {"n": {"N": "0"}})
    write(db, add("a", 1), ClientRequestToken="token")
    fresh_server.stop()
    fresh_server.start()
    db = fresh_server.client("dynamodb")
    write(db, add("a", 1), ClientRequestToken="token")
    assert item(db, "a")["n"] == {"N": "1"}
    fresh_server.stop()
    # The clock of the background is ahead, and forgets the token.
    turned = Turned(tmp_path).start()
    turned.turn(660)
    assert turned.stop() == 0
    fresh_server.start()
    db = fresh_server.client("dynamodb")
    write(db, add("a", 1), ClientRequestToken="token")
    assert item(db, "a")["n"] == {"N": "2"}


def test_reads_are_of_one_moment(db, name):
    """Two accounts whose sum never changes, under writers that move it to and fro."""
    names = [name + "a", name + "b"]
    write(db, *(put(one, n={"N": "100"}) for one in names))

    def move(worker):
        for _ in range(20):
            write(db, add(names[worker % 2], 1), add(names[1 - worker % 2], -1))

    def look(_):
        sums = set()
        for _ in range(20):
            got = db.transact_get_items(TransactItems=[get(one) for one in names])["Responses"]
            sums.add(sum(int(one["Item"]["n"]["N"]) for one in got))
        return sums

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        moved = [pool.submit(move, worker) for worker in range(8)]
        assert set().union(*pool.map(look, range(8))) == {200}
        for one in moved:
            one.result()
    assert item(db, names[0])["n"] == {"N": "100"}


def test_what_is_not_there_is_an_empty_answer(db, name):
    db.put_item(TableName="Accounts", Item=key(name) | {"n": {"N": "1"}, "m": {"S": "x"}})
    answer = db.transact_get_items(
        TransactItems=[
            get(name, ProjectionExpression="m"),
            get(name + "none"),
            get(name, "Receipts"),
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [{"Item": {"m": {"S": "x"}}}, {}, {}]
    assert answer["ConsumedCapacity"] == [
        {"TableName": "Accounts", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0},
        {"TableName": "Receipts", "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0},
    ]
    assert refusal(db.transact_get_items, TransactItems=[get(name), get(name)]) == (
        "ValidationException",
        "Transaction request cannot include multiple operations on one item",
    )
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_get_items(TransactItems=[{"Get": {"TableName": "Accounts", "Key": {}}}])
    assert caught.value.response["CancellationReasons"][0]["Code"] == "ValidationError"


def test_each_action_needs_its_own_permission(server, db, name):
    iam = server.client("iam")
    make_assumable(server, "teller")

    def allow(actions, condition=None):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        if condition:
            statement["Condition"] = condition
        iam.put_role_policy(
            RoleName="teller",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
        )

    teller = server.client("dynamodb", role="teller")
    actions = {
        "dynamodb:PutItem": put(name),
        "dynamodb:UpdateItem": {
            "Update": {
                "TableName": "Accounts",
                "Key": key(name + "2"),
                "UpdateExpression": "REMOVE a",
            }
        },
        "dynamodb:DeleteItem": delete(name + "3"),
        "dynamodb:ConditionCheckItem": check(name + "4", "attribute_not_exists(p)"),
    }
    for left_out in actions:
        allow([action for action in actions if action != left_out])
        code, text = refusal(write, teller, *actions.values())
        assert code == "AccessDeniedException" and left_out in text
    allow(list(actions))
    write(teller, *actions.values())
    # A policy may let items be written in transactions only.
    in_transactions = {
        "ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": "TransactWriteItems"}
    }
    allow("dynamodb:PutItem", in_transactions)
    write(teller, put(name))
    assert (
        refusal(teller.put_item, TableName="Accounts", Item=key(name))[0] == "AccessDeniedException"
    )
    # And only those of one partition.
    allow(
        "dynamodb:PutItem",
        {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [name]}},
    )
    write(teller, put(name), put(name, "Receipts"))
    assert refusal(write, teller, put(name), put(name + "x"))[0] == "AccessDeniedException"


def test_transactions_race_with_single_writers(db, name):
    """Counters in two items, raised together and singly: no increment is lost."""
    names = [name + "a", name + "b"]
    write(db, *(put(one, n={"N": "0"}) for one in names))

    def raise_them(worker):
        for _ in range(10):
            if worker % 2:
                write(db, *(add(one, 1) for one in names))
            else:
                for one in names:
                    db.update_item(
                        TableName="Accounts",
                        Key=key(one),
                        UpdateExpression="ADD n :one",
                        ExpressionAttributeValues={":one": {"N": "1"}},
                    )

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(raise_them, range(32)))
    assert [item(db, one)["n"]["N"] for one in names] == ["320", "320"]

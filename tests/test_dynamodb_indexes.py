# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's secondary indexes over the wire, with boto3."""
import concurrent.futures
import json
import signal

import botocore.exceptions
import pytest

from functions import make_assumable, until

INVALID = "One or more parameter values were invalid: "


@pytest.fixture(scope="module")
def db(server):
    return server.client("dynamodb", parameter_validation=False, max_pool_connections=16)


@pytest.fixture
def name(request):
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[:200]


def key_schema(*names):
    return [{"AttributeName": key, "KeyType": part} for key, part in zip(names, ("HASH", "RANGE"))]


def definitions(**types):
    return [{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()]


def index(name, *keys, projection="ALL", **more):
    return {
        "IndexName": name,
        "KeySchema": key_schema(*keys),
        "Projection": {"ProjectionType": projection, **more},
    }


LOCAL = [
    index("by-l", "p", "l", projection="KEYS_ONLY"),
    index("by-l-some", "p", "l", projection="INCLUDE", NonKeyAttributes=["a"]),
]
GLOBAL = [
    index("by-g", "g", projection="ALL"),
    index("by-g-l", "g", "l", projection="INCLUDE", NonKeyAttributes=["a"]),
]


def facts(**more):
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema("p", "s"),
        "AttributeDefinitions": definitions(p="S", s="N", l="N", g="S"),
        "LocalSecondaryIndexes": LOCAL,
        "GlobalSecondaryIndexes": GLOBAL,
    } | more


@pytest.fixture
def table(db, name):
    db.create_table(TableName=name, **facts())
    return name


def item(p, s, **attributes):
    return {"p": {"S": p}, "s": {"N": str(s)}} | {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in attributes.items()
    }


def put(db, table, *arguments, **attributes):
    db.put_item(TableName=table, Item=item(*arguments, **attributes))


def query(db, table, index, condition, **more):
    values = {name: more.pop(name) for name in list(more) if name in "pgl"}
    return db.query(
        TableName=table,
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeValues={
            f":{name}": {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in values.items()
        },
        **more,
    )


def scan(db, table, index=None):
    arguments = {"TableName": table} | ({"IndexName": index} if index else {})
    return [
        item for page in db.get_paginator("scan").paginate(**arguments) for item in page["Items"]
    ]


def refusal(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_entry_comes_and_goes_with_its_item(db, table):
    put(db, table, "x", 1, g="red", l=5, a="1", b="2")
    put(db, table, "x", 2, l=3)
    put(db, table, "y", 1, g="red")
    whole = item("x", 1, g="red", l=5, a="1", b="2")
    assert query(db, table, "by-g", "g = :g", g="red")["Items"] in (
        [whole, item("y", 1, g="red")],
        [item("y", 1, g="red"), whole],
    )
    # Who lacks an attribute of the key has no entry.
    assert query(db, table, "by-g-l", "g = :g", g="red")["Items"] == [
        item("x", 1, g="red", l=5, a="1")
    ]
    assert query(db, table, "by-l", "p = :p", p="x")["Items"] == [
        item("x", 2, l=3),
        item("x", 1, l=5),
    ]
    db.update_item(
        TableName=table,
        Key=item("x", 1),
        UpdateExpression="SET g = :g REMOVE l",
        ExpressionAttributeValues={":g": {"S": "blue"}},
    )
    assert query(db, table, "by-g", "g = :g", g="blue")["Items"] == [
        item("x", 1, g="blue", a="1", b="2")
    ]
    assert query(db, table, "by-g", "g = :g", g="red")["Items"] == [item("y", 1, g="red")]
    assert query(db, table, "by-g-l", "g = :g", g="blue")["Count"] == 0
    assert query(db, table, "by-l", "p = :p", p="x")["Items"] == [item("x", 2, l=3)]
    db.batch_write_item(
        RequestItems={
            table: [
                {"DeleteRequest": {"Key": item("x", 1)}},
                {"PutRequest": {"Item": item("z", 1, g="blue")}},
            ]
        }
    )
    db.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": item("y", 1)}}])
    assert scan(db, table, "by-g") == [item("z", 1, g="blue")]


def test_a_query_of_an_index_pages_both_ways(db, table):
    for n in range(10):
        put(db, table, f"p{n % 3}", n, g="one", l=n // 2, a=str(n))
        put(db, table, f"p{n % 3}", n + 100, g="two", l=n)

    def pages(**more):
        found, start = [], {}
        while True:
            page = query(
                db, table, "by-g-l", "g = :g AND l BETWEEN :l AND :p", g="one", l=1, p=3,
                Limit=2, **more, **start,
            )  # fmt: skip
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            assert set(page["LastEvaluatedKey"]) == {"p", "s", "g", "l"}
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    forwards = pages()
    assert [one["s"]["N"] for one in forwards] == ["3", "2", "4", "5", "6", "7"]
    assert pages(ScanIndexForward=False) == forwards[::-1]


@pytest.mark.parametrize(
    "condition, found",
    [
        ("g = :g AND l = :l", [3]),
        ("g = :g AND l < :l", [1, 2]),
        ("g = :g AND l <= :l", [1, 2, 3]),
        ("g = :g AND l > :l", [4, 5]),
        ("g = :g AND l >= :l", [3, 4, 5]),
        ("g = :g AND :l > l", [1, 2]),
    ],
)
def test_conditions_on_the_sort_key_of_an_index(db, table, condition, found):
    for n in range(1, 6):
        put(db, table, "x", n, g="one", l=n)
    items = query(db, table, "by-g-l", condition, g="one", l=3)["Items"]
    assert [int(one["l"]["N"]) for one in items] == found


def test_select_and_what_an_index_does_not_hold(db, table):
    put(db, table, "x", 1, g="red", l=5, a="1", b="2")
    whole = item("x", 1, g="red", l=5, a="1", b="2")

    def local(**more):
        return query(db, table, "by-l-some", "p = :p", p="x", **more)

    assert local()["Items"] == [item("x", 1, l=5, a="1")]
    assert local(Select="ALL_PROJECTED_ATTRIBUTES")["Items"] == [item("x", 1, l=5, a="1")]
    # A local index reads the rest from its table, and that costs.
    answer = local(Select="ALL_ATTRIBUTES", ReturnConsumedCapacity="INDEXES")
    assert answer["Items"] == [whole]
    assert answer["ConsumedCapacity"] == {
        "TableName": table,
        "CapacityUnits": 1.0,
        "Table": {"CapacityUnits": 0.5},
        "LocalSecondaryIndexes": {"by-l-some": {"CapacityUnits": 0.5}},
    }
    assert local(ProjectionExpression="b")["Items"] == [{"b": {"S": "2"}}]
    assert local(Select="COUNT")["Count"] == 1
    assert local(ConsistentRead=True)["Count"] == 1

    def of_global(**more):
        return lambda: query(db, table, "by-g-l", "g = :g", g="red", **more)

    assert refusal(of_global(Select="ALL_ATTRIBUTES")) == (
        "ValidationException",
        INVALID + "Select type ALL_ATTRIBUTES is not supported for global secondary index by-g-l "
        "because its projection type is not ALL",
    )
    assert refusal(of_global(ProjectionExpression="a, b")) == (
        "ValidationException",
        INVALID + "Global secondary index by-g-l does not project [b]",
    )
    assert refusal(of_global(ConsistentRead=True)) == (
        "ValidationException",
        "Consistent reads are not supported on global secondary indexes",
    )
    assert refusal(lambda: query(db, table, "no-such", "g = :g", g="red")) == (
        "ValidationException",
        "The table does not have the specified index: no-such",
    )
    assert refusal(lambda: query(db, table, "by-g", "p = :p", p="red")) == (
        "ValidationException",
        "Query condition missed key schema element: g",
    )


def test_a_start_key_of_an_index_has_all_keys(db, table):
    put(db, table, "x", 1, g="red", l=5)
    for start in (item("x", 1), item("x", 1, g="red"), item("x", 1, g="red", l=5, a="x")):
        assert refusal(
            lambda: query(db, table, "by-g-l", "g = :g", g="red", ExclusiveStartKey=start)
        ) == ("ValidationException", "The provided starting key is invalid")


def test_segments_of_an_index_make_up_the_whole(db, table):
    for n in range(40):
        put(db, table, "x", n, g=str(n))
    found = [
        one["s"]["N"]
        for segment in range(4)
        for one in db.scan(TableName=table, IndexName="by-g", Segment=segment, TotalSegments=4)[
            "Items"
        ]
    ]
    assert sorted(map(int, found)) == list(range(40))


@pytest.mark.parametrize(
    "attributes, text",
    [
        (
            {"g": {"N": "5"}},
            INVALID + "Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g",
        ),
        (
            {"l": {"L": []}},
            INVALID + "Type mismatch for Index Key l Expected: N Actual: L IndexName: by-g-l",
        ),
        (
            {"g": {"S": ""}},
            "One or more parameter values are not valid. A value specified for a secondary index "
            "key is not supported. The AttributeValue for a key attribute cannot contain an empty "
            "string value. IndexName: by-g, IndexKey: g",
        ),
        (
            {"g": {"S": "x" * 2049}},
            INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
    ],
)
def test_what_cannot_be_a_key_of_an_index_is_refused(db, table, attributes, text):
    assert refusal(db.put_item, TableName=table, Item=item("x", 1) | attributes) == (
        "ValidationException",
        text,
    )
    ((key, value),) = attributes.items()
    code, _ = refusal(
        db.update_item,
        TableName=table,
        Key=item("x", 1),
        UpdateExpression=f"SET {key} = :v",
        ExpressionAttributeValues={":v": value},
    )
    assert code == "ValidationException"
    assert scan(db, table) == []


def test_writes_cost_what_their_entries_cost(db, table):
    def cost(**attributes):
        answer = db.put_item(
            TableName=table,
            Item=item("x", 1, **attributes),
            ReturnConsumedCapacity="INDEXES",
            ReturnItemCollectionMetrics="SIZE",
        )
        assert answer["ItemCollectionMetrics"] == {
            "ItemCollectionKey": {"p": {"S": "x"}},
            "SizeEstimateRangeGB": [0.0, 1.0],
        }
        units = answer["ConsumedCapacity"]
        return (
            units["CapacityUnits"],
            {
                name: one["CapacityUnits"]
                for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
                for name, one in units.get(kind, {}).items()
            },
        )

    assert cost() == (1, {})
    assert cost(g="red") == (2, {"by-g": 1})
    assert cost(g="red", b="x") == (2, {"by-g": 1})
    assert cost(g="red", b="x") == (1, {})  # nothing changes
    assert cost(g="blue", b="x") == (3, {"by-g": 2})  # the entry moves


def test_indexes_are_described(db, table):
    put(db, table, "x", 1, g="red", l=5)
    d = db.describe_table(TableName=table)["Table"]
    account = d["TableArn"]
    (first, second) = sorted(d["GlobalSecondaryIndexes"], key=lambda one: one["IndexName"])
    assert first["IndexArn"] == f"{account}/index/by-g" and first["IndexStatus"] == "ACTIVE"
    assert (first["ItemCount"], second["ItemCount"]) == (1, 1) and first["IndexSizeBytes"] > 0
    assert second["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]}
    assert "IndexStatus" not in d["LocalSecondaryIndexes"][0]
    assert {one["AttributeName"] for one in d["AttributeDefinitions"]} == {"p", "s", "l", "g"}


@pytest.mark.parametrize(
    "more, text",
    [
        (
            {"KeySchema": key_schema("p"), "GlobalSecondaryIndexes": []},
            INVALID + "List of GlobalSecondaryIndexes is empty",
        ),
        (
            {"KeySchema": key_schema("p")},
            INVALID + "Table KeySchema does not have a range key, which is required when "
            "specifying a LocalSecondaryIndex",
        ),
        (
            {"LocalSecondaryIndexes": [index("one", "p")]},
            INVALID + "Index KeySchema does not have a range key for index: one",
        ),
        (
            {"LocalSecondaryIndexes": [index("one", "g", "l")]},
            INVALID + "Index KeySchema does not have the same leading hash key as table KeySchema "
            "for index: one. index hash key: g, table hash key: p",
        ),
        (
            {"GlobalSecondaryIndexes": [index("by-l", "g")]},
            INVALID + "Duplicate index name: by-l",
        ),
        (
            {"GlobalSecondaryIndexes": [index("one", "none")]},
            INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: "
            "[none], AttributeDefinitions: [p, s, l, g]",
        ),
        (
            {"GlobalSecondaryIndexes": [index("one", "l")]},
            INVALID + "Some AttributeDefinitions are not used. AttributeDefinitions: [p, s, l, g], "
            "keys used: [p, s, l]",
        ),
        (
            {"GlobalSecondaryIndexes": [index("one", "g", projection="INCLUDE")]},
            INVALID + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (
            {"GlobalSecondaryIndexes": [index("one", "g", NonKeyAttributes=["a"])]},
            INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
        (
            {"LocalSecondaryIndexes": [index(f"one{n}", "p", "l") for n in range(6)]},
            INVALID + "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        ),
        (
            {"GlobalSecondaryIndexes": [index(f"one{n}", "g") for n in range(21)]},
            INVALID + "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
        (
            {"GlobalSecondaryIndexes": [index("x!", "g")]},
            "2 validation errors detected: Value 'x!' at "
            "'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'x!' at "
            "'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must "
            "have length greater than or equal to 3",
        ),
    ],
)
def test_an_index_that_cannot_be_is_refused(db, more, text):
    assert refusal(db.create_table, TableName="Refused", **facts(**more)) == (
        "ValidationException",
        text,
    )


def add_index(db, table, which, **types):
    return db.update_table(
        TableName=table,
        AttributeDefinitions=definitions(**types),
        GlobalSecondaryIndexUpdates=[{"Create": which}],
    )["TableDescription"]


def status(db, table, name):
    for one in db.describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes", ()):
        if one["IndexName"] == name:
            return one["IndexStatus"]


def fill(db, table, count):
    def batch(first):
        db.batch_write_item(
            RequestItems={
                table: [
                    {"PutRequest": {"Item": item("x", n, c=str(n % 7), a="a")}}
                    for n in range(first, min(first + 25, count))
                ]
            }
        )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(batch, range(0, count, 25)))


def test_an_index_that_is_added_is_filled(db, table):
    fill(db, table, 1000)
    put(db, table, "other", 1, c=5)  # no string: it has no entry, and stays writable where it is
    made = add_index(db, table, index("by-c", "c", "s"), p="S", s="N", c="S")
    (described,) = [one for one in made["GlobalSecondaryIndexes"] if one["IndexName"] == "by-c"]
    assert described["IndexStatus"] == "CREATING" and described["Backfilling"]
    # What is written meanwhile is in the index as well.
    put(db, table, "new", 1, c="0")
    db.delete_item(TableName=table, Key=item("x", 7))
    until(lambda: status(db, table, "by-c") == "ACTIVE")
    assert len(scan(db, table, "by-c")) == 1000
    zero = db.query(
        TableName=table,
        IndexName="by-c",
        KeyConditionExpression="c = :c",
        ExpressionAttributeValues={":c": {"S": "0"}},
    )["Items"]
    assert sorted(int(one["s"]["N"]) for one in zero) == sorted(
        [1] + [n for n in range(0, 1000, 7) if n != 7]
    )
    db.update_table(
        TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-c"}}]
    )
    assert status(db, table, "by-c") is None
    code, text = refusal(db.scan, TableName=table, IndexName="by-c")
    assert text == "The table does not have the specified index: by-c"


def test_a_server_that_is_killed_fills_the_index_after_all(fresh_server):
    db = fresh_server.client("dynamodb")
    db.create_table(TableName="Filled", **facts())
    fill(db, "Filled", 1500)
    add_index(db, "Filled", index("by-c", "c"), c="S")
    for _ in range(3):
        fresh_server.stop(signal.SIGKILL)
        fresh_server.start()
        db = fresh_server.client("dynamodb")
    until(lambda: status(db, "Filled", "by-c") == "ACTIVE")
    assert len(scan(db, "Filled", "by-c")) == 1500
    fresh_server.stop()
    assert "clean" in fresh_server.run("verify").stdout
    fresh_server.start()


def test_an_index_of_two_is_enough_at_once(db, table):
    assert (
        refusal(
            db.update_table,
            TableName=table,
            AttributeDefinitions=definitions(c="S"),
            GlobalSecondaryIndexUpdates=[
                {"Create": index("one", "c")},
                {"Create": index("two", "c")},
            ],
        )[0]
        == "LimitExceededException"
    )
    assert (
        refusal(
            db.update_table,
            TableName=table,
            GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "none"}}],
        )[0]
        == "ResourceNotFoundException"
    )


def test_an_index_is_a_resource_of_its_own(server, db, table):
    iam = server.client("iam")
    make_assumable(server, "reader")
    arn = db.describe_table(TableName=table)["Table"]["TableArn"]
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "dynamodb:Query",
                    "Resource": f"{arn}/index/by-g",
                    "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["red"]}},
                },
            }
        ),
    )
    reader = server.client("dynamodb", role="reader")
    assert query(reader, table, "by-g", "g = :g", g="red")["Count"] == 0
    for refused in (
        lambda: query(reader, table, "by-g", "g = :g", g="blue"),
        lambda: query(reader, table, "by-g-l", "g = :g", g="red"),
        lambda: reader.scan(TableName=table, IndexName="by-g"),
        lambda: reader.query(
            TableName=table,
            KeyConditionExpression="p = :p",
            ExpressionAttributeValues={":p": {"S": "red"}},
        ),
    ):
        assert refusal(refused)[0] == "AccessDeniedException"


def test_a_deleted_table_takes_its_indexes_along(server, db, table):
    put(db, table, "x", 1, g="red", l=5)
    db.delete_table(TableName=table)
    db.create_table(TableName=table, **facts())
    assert scan(db, table, "by-g") == [] == scan(db, table, "by-l")

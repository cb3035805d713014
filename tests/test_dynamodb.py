# SPDX-License-Identifier: Apache-2.0
"""DynamoDB over the wire, with boto3."""
import concurrent.futures
import decimal
import json
import os
import pathlib
import random
import time

import botocore.exceptions
import pytest

import conftest
from functions import until

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="module")
def db(server):
    client = server.client("dynamodb", parameter_validation=False)
    create(client, "Readings")
    return client


def create(client, name, keys=(("device_id", "S"), ("timestamp", "S")), **more):
    return client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": key, "KeyType": part}
            for (key, _), part in zip(keys, ("HASH", "RANGE"))
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
        **more,
    )


def reading(device, time, **attributes):
    return {"device_id": {"S": device}, "timestamp": {"S": time}, **attributes}


def test_every_type_comes_back_as_it_went(db):
    item = reading(
        "types",
        "1",
        n={"N": "-12.50"},
        b={"B": b"\x00\xff"},
        t={"BOOL": True},
        z={"NULL": True},
        ss={"SS": ["a", "b"]},
        ns={"NS": ["1", "2.5"]},
        l={"L": [{"S": "x"}, {"M": {"k": {"N": "1"}}}]},
        m={"M": {"deep": {"L": []}}},
    )
    db.put_item(TableName="Readings", Item=item)
    got = db.get_item(TableName="Readings", Key=reading("types", "1"))["Item"]
    assert got == item | {"n": {"N": "-12.5"}}


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("1E3", "1000"),
        ("-0", "0"),
        ("0.00001000", "0.00001"),
        ("9" * 38, "9" * 38),
        ("1e-130", "0." + "0" * 129 + "1"),
        ("9.9e125", "99" + "0" * 124),
    ],
)
def test_numbers_are_exact_decimals(db, sent, kept):
    db.put_item(TableName="Readings", Item=reading("numbers", sent, v={"N": sent}))
    assert db.get_item(TableName="Readings", Key=reading("numbers", sent))["Item"]["v"]["N"] == kept


@pytest.mark.parametrize(
    "sent, text",
    [
        ("1" * 39, "more than 38 significant digits"),
        ("1e126", "overflow"),
        ("1e-131", "underflow"),
        ("abc", "cannot be converted to a numeric value"),
        ("", "cannot be converted"),
        ("0x10", "cannot be converted"),
    ],
)
def test_numbers_out_of_range_are_refused(db, sent, text):
    with pytest.raises(botocore.exceptions.ClientError, match=text):
        db.put_item(TableName="Readings", Item=reading("numbers", "bad", v={"N": sent}))


def test_number_keys_sort_as_numbers(db):
    db.create_table(
        TableName="ByNumber",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "h", "KeyType": "HASH"},
            {"AttributeName": "n", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "h", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
    )
    numbers = [
        "-1e125",
        "-100",
        "-99.9",
        "-1",
        "-0.5",
        "-1e-130",
        "0",
        "1e-130",
        "0.05",
        "0.5",
        "1",
        "9",
        "10",
        "10.01",
        "1e125",
    ]
    for n in reversed(numbers):
        db.put_item(TableName="ByNumber", Item={"h": {"S": "x"}, "n": {"N": n}})
    got = db.query(
        TableName="ByNumber",
        KeyConditionExpression="h = :h",
        ExpressionAttributeValues={":h": {"S": "x"}},
    )["Items"]
    assert [decimal.Decimal(i["n"]["N"]) for i in got] == [decimal.Decimal(n) for n in numbers]
    above = db.query(
        TableName="ByNumber",
        KeyConditionExpression="h = :h AND n > :n",
        ExpressionAttributeValues={":h": {"S": "x"}, ":n": {"N": "9"}},
    )
    assert above["Count"] == 3


def test_a_condition_lets_one_writer_of_many_win(db):
    def claim(worker):
        try:
            db.put_item(
                TableName="Readings",
                Item=reading("race", "1", by={"N": str(worker)}),
                ConditionExpression="attribute_not_exists(device_id)",
            )
            return 1
        except db.exceptions.ConditionalCheckFailedException:
            return 0

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


def test_query_pages_both_ways_and_filters(db):
    for second in range(10):
        db.put_item(
            TableName="Readings", Item=reading("pages", f"{second:02}", v={"N": str(second)})
        )
    values = {":d": {"S": "pages"}}
    for forward in (True, False):
        times, start = [], {}
        while True:
            page = db.query(
                TableName="Readings",
                KeyConditionExpression="device_id = :d",
                ExpressionAttributeValues=values,
                Limit=3,
                ScanIndexForward=forward,
                **start,
            )
            times += [i["timestamp"]["S"] for i in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert times == sorted((f"{s:02}" for s in range(10)), reverse=not forward)
    got = db.query(
        TableName="Readings",
        KeyConditionExpression="device_id = :d AND begins_with(#t, :p)",
        FilterExpression="v BETWEEN :a AND :b OR v IN (:c)",
        ProjectionExpression="v",
        ExpressionAttributeNames={"#t": "timestamp"},
        ExpressionAttributeValues=values
        | {":p": {"S": "0"}, ":a": {"N": "2"}, ":b": {"N": "3"}, ":c": {"N": "7"}},
    )
    assert (
        got["Items"] == [{"v": {"N": "2"}}, {"v": {"N": "3"}}, {"v": {"N": "7"}}]
        and got["ScannedCount"] == 10
    )


def sort_keys(dice, kind):
    """Keys that are each other's beginnings and neighbours, with the bytes that a key of the store
    is made of."""
    if kind == "N":
        return [
            dice.choice(("", "-"))
            + str(dice.randrange(1, 10 ** dice.randrange(1, 6)))
            + f"e{dice.randrange(-4, 5) * dice.choice((1, 25))}"
            for _ in range(60)
        ] + ["0", "1", "12", "123", "-1", "-12", "-123"]
    texts = [
        "".join(dice.choices("\0\x01\x7fab\u00e9\uffff", k=dice.randrange(1, 5))) for _ in range(60)
    ] + ["a", "a\0", "a\0b", "ab"]
    return (
        texts
        if kind == "S"
        else [text.encode() for text in texts]
        + [b"\xff", b"\xff\xff", b"\0", b"\0\0", b"\0\xff", b"\0\x01"]
    )


CONDITIONS = {
    "k = :a": lambda k, a, b: k == a,
    "k < :a": lambda k, a, b: k < a,
    "k <= :a": lambda k, a, b: k <= a,
    "k > :a": lambda k, a, b: k > a,
    "k >= :a": lambda k, a, b: k >= a,
    "k BETWEEN :a AND :b": lambda k, a, b: a <= k <= b,
    "begins_with(k, :a)": lambda k, a, b: k.startswith(a),
}


@pytest.mark.parametrize("kind", ["S", "N", "B"])
def test_a_condition_on_the_sort_key_finds_what_comparing_every_item_finds(db, kind):
    table, dice = "Sorted" + kind, random.Random(conftest.SEED)
    order = {"S": str.encode, "N": decimal.Decimal, "B": bytes}[kind]  # how keys compare
    keys = sorted({order(key): key for key in sort_keys(dice, kind)}.values(), key=order)
    create(db, table, keys=(("h", "S"), ("k", kind)))
    for hash_key in ("g", "h", "h\0"):  # neighbours, whose items are not found
        for key in keys:
            db.put_item(TableName=table, Item={"h": {"S": hash_key}, "k": {kind: key}})
    for condition, holds in CONDITIONS.items():
        if kind == "N" and "begins_with" in condition:
            continue
        for _ in range(12):
            bounds = sorted(dice.sample(keys + sort_keys(dice, kind), 2), key=order)
            if "begins" in condition:
                bounds[0] = bounds[0][: dice.randrange(1, 3)]
            values = {":h": {"S": "h"}, ":a": {kind: bounds[0]}} | (
                {":b": {kind: bounds[1]}} if ":b" in condition else {}
            )
            wanted = [order(key) for key in keys if holds(order(key), *map(order, bounds))]
            for forward in (True, False):
                query = {
                    "TableName": table,
                    "KeyConditionExpression": "h = :h AND " + condition,
                    "ExpressionAttributeValues": values,
                    "ScanIndexForward": forward,
                }
                pages = list(
                    db.get_paginator("query").paginate(
                        **query,
                        PaginationConfig={"PageSize": dice.choice((1, 7, 1000))}
                        if len(wanted) < 20
                        else {"PageSize": 7},
                    )
                )
                found = [order(item["k"][kind]) for page in pages for item in page["Items"]]
                assert found == (wanted if forward else wanted[::-1]), (condition, bounds)
                assert sum(page["ScannedCount"] for page in pages) == len(wanted)


def test_a_page_begins_where_its_condition_holds(db):
    query = {
        "TableName": "Readings",
        "KeyConditionExpression": "device_id = :d AND #t < :t",
        "ExpressionAttributeNames": {"#t": "timestamp"},
        "ExpressionAttributeValues": {":d": {"S": "pages"}, ":t": {"S": "05"}},
    }
    for forward, found in ((True, ["03", "04"]), (False, ["01", "00"])):
        page = db.query(**query, ScanIndexForward=forward, ExclusiveStartKey=reading("pages", "02"))
        assert [item["timestamp"]["S"] for item in page["Items"]] == found
        for start in (reading("pages", "05"), reading("other", "02")):
            with pytest.raises(
                botocore.exceptions.ClientError,
                match="starting key does not match the range key predicate",
            ):
                db.query(**query, ScanIndexForward=forward, ExclusiveStartKey=start)
    with pytest.raises(
        botocore.exceptions.ClientError, match="starting key is outside query boundaries"
    ):
        db.query(
            TableName="Readings",
            KeyConditionExpression="device_id = :d",
            ExpressionAttributeValues={":d": {"S": "pages"}},
            ExclusiveStartKey=reading("other", "02"),
        )


PARTITION, ITEM_BYTES = 140, 90_000


def bytes_read(server):
    return int(pathlib.Path(f"/proc/{server.process.pid}/io").read_text().split()[1])


@pytest.fixture(scope="module")
def partition(tmp_path_factory):
    """A partition on disk, and a server that has read nothing of it."""
    server = conftest.Server(tmp_path_factory.mktemp("partition")).start()
    db = server.client("dynamodb")
    create(db, "Readings")
    filling = os.urandom(ITEM_BYTES)
    for number in range(PARTITION):
        db.put_item(TableName="Readings", Item=reading("large", f"{number:03}", v={"B": filling}))
    assert server.stop() == 0
    yield server.start(), server.client("dynamodb")
    assert server.stop() == 0


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    "condition, bounds, found",
    [
        ("#t = :0", ["100"], 1),
        ("#t BETWEEN :0 AND :1", ["050", "051"], 2),
        ("begins_with(#t, :0)", ["120"], 1),
        ("#t < :0", ["001"], 1),
        ("#t <= :0", ["000"], 1),
        ("#t > :0", ["138"], 1),
        ("#t >= :0", ["139"], 1),
    ],
)
def test_a_query_reads_the_items_of_its_condition_and_no_others(
    partition, condition, bounds, found, forward
):
    """Counted in the bytes that the server reads, once it reads nothing by itself: it compacts what
    it was started with."""
    server, db = partition

    def is_quiet():
        before = bytes_read(server)
        time.sleep(0.2)
        return bytes_read(server) == before

    until(is_quiet)
    before = bytes_read(server)
    page = db.query(
        TableName="Readings",
        KeyConditionExpression="device_id = :d AND " + condition,
        ExpressionAttributeNames={"#t": "timestamp"},
        ScanIndexForward=forward,
        ExpressionAttributeValues={":d": {"S": "large"}}
        | {f":{n}": {"S": bound} for n, bound in enumerate(bounds)},
    )
    assert page["Count"] == page["ScannedCount"] == found
    assert bytes_read(server) - before < 10 * ITEM_BYTES


def test_a_batch_is_all_or_nothing_and_scans_count(db, code):
    create(db, "Batch")
    puts = [{"PutRequest": {"Item": reading(f"d{n}", "1")}} for n in range(25)]
    assert db.batch_write_item(RequestItems={"Batch": puts})["UnprocessedItems"] == {}
    assert (
        code(db.batch_write_item, RequestItems={"Batch": puts[:2] + puts[:1]})
        == "ValidationException"
    )
    assert (
        code(
            db.batch_write_item,
            RequestItems={
                "Batch": [
                    {"PutRequest": {"Item": reading("new", "1")}},
                    {"PutRequest": {"Item": {"device_id": {"S": "no range key"}}}},
                ]
            },
        )
        == "ValidationException"
    )
    assert db.scan(TableName="Batch", Select="COUNT")["Count"] == 25
    assert (
        sum(
            db.scan(TableName="Batch", Select="COUNT", Segment=s, TotalSegments=4)["Count"]
            for s in range(4)
        )
        == 25
    )
    got = db.batch_get_item(
        RequestItems={"Batch": {"Keys": [reading("d1", "1"), reading("missing", "1")]}}
    )
    assert len(got["Responses"]["Batch"]) == 1


def test_a_page_ends_at_one_megabyte(db):
    create(db, "Large")
    for n in range(8):
        db.put_item(TableName="Large", Item=reading("d", str(n), pad={"S": "x" * 300_000}))
    page = db.scan(TableName="Large")
    assert len(page["Items"]) == 4 and "LastEvaluatedKey" in page
    assert len(db.scan(TableName="Large", ExclusiveStartKey=page["LastEvaluatedKey"])["Items"]) == 4


@pytest.mark.parametrize(
    "item, text",
    [
        (reading("big", "1", pad={"S": "x" * 409_600}), "Item size has exceeded"),
        (reading("", "1"), "empty string value"),
        (reading("d" * 2049, "1"), "Size of hashkey has exceeded"),
        (reading("d", "t" * 1025), "range keys has exceeded"),
        (reading("d", "1", s={"SS": ["a", "a"]}), "duplicates"),
        ({"device_id": {"N": "1"}, "timestamp": {"S": "1"}}, "Type mismatch for key"),
    ],
)
def test_limits_are_refused_with_their_reason(db, item, text):
    with pytest.raises(botocore.exceptions.ClientError, match=text):
        db.put_item(TableName="Readings", Item=item)


@pytest.mark.parametrize(
    "expression, text",
    [
        ("", "can not be empty"),
        ("a = ", "Syntax error"),
        ("a = :missing", "not defined"),
        ("nope(a)", "Invalid function name"),
        ("size(a, b) > c", "Incorrect number of operands"),
        ("timestamp = a", "reserved keyword"),
        ("(" * 40 + "a = b" + ")" * 40, "nested too deeply"),
        ("a" * 4097, "size has exceeded the maximum allowed size; expression size: 4097"),
    ],
)
def test_expressions_that_do_not_parse_are_refused(db, expression, text):
    with pytest.raises(botocore.exceptions.ClientError, match=text):
        db.put_item(TableName="Readings", Item=reading("e", "1"), ConditionExpression=expression)


@pytest.mark.parametrize(
    "expression, values, text",
    [
        (
            "a < :v",
            {"M": {}},
            r"Invalid ConditionExpression: Incorrect operand type for operator or function; "
            r"operator or function: <, operand type: M",
        ),
        (
            "a BETWEEN :v AND :v",
            {"BOOL": True},
            "operator or function: BETWEEN, operand type: BOOL",
        ),
        ("begins_with(a, :v)", {"N": "1"}, "operator or function: begins_with, operand type: N"),
        ("size(:v) > a", {"N": "1"}, "operator or function: size, operand type: N"),
        (
            "attribute_type(a, :v)",
            {"S": "X"},
            "Invalid attribute type name found; type: X, valid types: ",
        ),
        (
            "#a = :v",
            {"S": "x"},
            "Invalid ConditionExpression: An expression attribute name used in the document "
            "path is not defined; attribute name: #a",
        ),
    ],
)
def test_operands_of_the_wrong_type_are_refused_before_the_item_is_read(
    db, expression, values, text
):
    with pytest.raises(botocore.exceptions.ClientError, match=text):
        db.put_item(
            TableName="Readings",
            Item=reading("operands", "1"),
            ConditionExpression=expression,
            ExpressionAttributeValues={":v": values},
        )


def test_begins_with_compares_bytes_not_their_text(db):
    db.put_item(TableName="Readings", Item=reading("bytes", "1", b={"B": b"abcd"}))
    for prefix, wins in ((b"ab", True), (b"abc", True), (b"bc", False)):
        try:
            db.put_item(
                TableName="Readings",
                Item=reading("bytes", "1", b={"B": b"abcd"}),
                ConditionExpression="begins_with(b, :p)",
                ExpressionAttributeValues={":p": {"B": prefix}},
            )
            assert wins
        except db.exceptions.ConditionalCheckFailedException:
            assert not wins


@pytest.mark.parametrize("word", ["value", "Timestamp", "ZONE", "flattern", "abort"])
def test_reserved_words_need_a_placeholder(db, word):
    with pytest.raises(botocore.exceptions.ClientError, match=f"reserved keyword: {word}"):
        db.scan(TableName="Readings", ProjectionExpression=word)
    db.scan(TableName="Readings", ProjectionExpression="#w", ExpressionAttributeNames={"#w": word})


@pytest.mark.parametrize(
    "arguments, text",
    [
        (
            {"Select": "SPECIFIC_ATTRIBUTES"},
            "Must specify the AttributesToGet or ProjectionExpression",
        ),
        (
            {"Select": "COUNT", "ProjectionExpression": "device_id"},
            "choosing to get only the Count",
        ),
        ({"Select": "ALL_PROJECTED_ATTRIBUTES"}, "using an IndexName"),
        ({"Segment": 4, "TotalSegments": 4}, "Segment: 4 is not less than TotalSegments: 4"),
        ({"TotalSegments": 4}, "The Segment parameter is required"),
        ({"ProjectionExpression": "a.b, a"}, r"path one: \[a, b\], path two: \[a\]"),
        (
            {"ReturnConsumedCapacity": "SOME"},
            r"Value 'SOME' at 'returnConsumedCapacity' failed to satisfy constraint: Member "
            r"must satisfy enum value set: \[INDEXES, TOTAL, NONE\]",
        ),
    ],
)
def test_a_scan_says_what_does_not_go_together(db, arguments, text):
    with pytest.raises(botocore.exceptions.ClientError, match=text):
        db.scan(TableName="Readings", **arguments)


def test_a_query_refuses_the_key_in_its_filter_and_a_value_of_another_type(db):
    for arguments, text in [
        (
            {
                "FilterExpression": "begins_with(#t, :d)",
                "ExpressionAttributeNames": {"#t": "timestamp"},
            },
            "Primary key attribute: timestamp",
        ),
        ({"ExpressionAttributeValues": {":d": {"N": "1"}}}, "does not match schema type"),
    ]:
        with pytest.raises(botocore.exceptions.ClientError, match=text):
            db.query(
                TableName="Readings",
                KeyConditionExpression="device_id = :d",
                **({"ExpressionAttributeValues": {":d": {"S": "x"}}} | arguments),
            )


def test_a_key_condition_may_have_its_value_on_the_left(db):
    for n in "135":
        db.put_item(TableName="Readings", Item=reading("left", n))
    found = db.query(
        TableName="Readings",
        KeyConditionExpression=":d = device_id AND :low < #t",
        ExpressionAttributeNames={"#t": "timestamp"},
        ExpressionAttributeValues={":d": {"S": "left"}, ":low": {"S": "1"}},
    )["Items"]
    assert [item["timestamp"]["S"] for item in found] == ["3", "5"]


@pytest.mark.parametrize(
    "condition, text",
    [
        ("device_id = :s", None),
        ("#t = :s", "Query condition missed key schema element: device_id"),
        ("device_id = :s AND a = :s", "Query condition missed key schema element: timestamp"),
        ("device_id > :s", "Query key condition not supported"),
        ("device_id = :s OR #t = :s", "Invalid operator used in KeyConditionExpression: OR"),
        (
            "device_id = :s AND contains(#t, :s)",
            "Invalid operator used in KeyConditionExpression: contains",
        ),
        (
            "device_id = :s AND #t.a = :s",
            "KeyConditionExpressions cannot have conditions on nested attributes",
        ),
        (
            "device_id = :s AND #t > :s AND #t < :s",
            "KeyConditionExpressions must only contain one condition per key",
        ),
        (
            "device_id = :s AND size(#t) = :s",
            "KeyConditionExpressions cannot contain nested operations",
        ),
    ],
)
def test_each_fault_of_a_key_condition_has_its_text(db, condition, text):
    arguments = {
        "TableName": "Readings",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":s": {"S": "x"}},
    }
    if "#t" in condition:
        arguments["ExpressionAttributeNames"] = {"#t": "timestamp"}
    if text is None:
        db.query(**arguments)
        return
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        db.query(**arguments)
    assert caught.value.response["Error"]["Message"] == text


def test_a_page_begins_with_a_key_of_its_query(db):
    query = {
        "TableName": "Readings",
        "KeyConditionExpression": "device_id = :d AND #t > :low",
        "ExpressionAttributeNames": {"#t": "timestamp"},
        "ExpressionAttributeValues": {":d": {"S": "start"}, ":low": {"S": "3"}},
    }
    for start, text in (
        (reading("start", "2"), "The provided starting key does not match the range key predicate"),
        (
            {"device_id": {"S": "start"}},
            "The provided starting key is invalid: The provided key element does not match the "
            "schema",
        ),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            db.query(**query, ExclusiveStartKey=start)
        assert caught.value.response["Error"]["Message"] == text


def test_a_segment_begins_with_a_key_of_its_own(db):
    create(db, "Segments", keys=(("h", "S"),))
    for n in range(20):
        db.put_item(TableName="Segments", Item={"h": {"S": str(n)}})
    of_segment = [
        db.scan(TableName="Segments", Segment=n, TotalSegments=2)["Items"] for n in range(2)
    ]
    assert len(of_segment[0]) + len(of_segment[1]) == 20
    for n in range(2):
        scan = {"TableName": "Segments", "Segment": n, "TotalSegments": 2}
        db.scan(**scan, ExclusiveStartKey=of_segment[n][0])
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            db.scan(**scan, ExclusiveStartKey=of_segment[1 - n][0])
        assert caught.value.response["Error"]["Message"] == (
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
            f"ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: {n}"
        )


@pytest.mark.parametrize("nested", (False, True), ids=("whole", "nested"))
def test_an_attribute_name_ends_at_65535_bytes(db, nested):
    def put(length):
        name = {"n" * length: {"N": "1"}}
        item = {"m": {"M": name}} if nested else name
        db.put_item(TableName="Readings", Item=reading("names", "1") | item)

    put(65535)
    with pytest.raises(botocore.exceptions.ClientError, match="Attribute name is too large"):
        put(65536)
    with pytest.raises(botocore.exceptions.ClientError, match="Attribute name is too large"):
        db.scan(
            TableName="Readings",
            ProjectionExpression="#n",
            ExpressionAttributeNames={"#n": "n" * 65536},
        )


@pytest.mark.parametrize(
    "count, text",
    [(0, "Map value must satisfy constraint"), (26, "Map value must satisfy constraint")],
)
def test_a_batch_has_1_to_25_requests(db, count, text):
    with pytest.raises(botocore.exceptions.ClientError, match=text):
        db.batch_write_item(
            RequestItems={
                "Readings": [{"DeleteRequest": {"Key": reading("d", str(n))}} for n in range(count)]
            }
        )
    with pytest.raises(
        botocore.exceptions.ClientError,
        match="Too many items requested for the BatchWriteItem call",
    ):
        db.batch_write_item(
            RequestItems={
                name: [{"DeleteRequest": {"Key": reading("d", str(n))}} for n in range(13)]
                for name in ("Readings", "Other")
            }
        )


def test_nesting_ends_at_32_levels(db):
    def nested(levels):
        value = {"S": "x"}
        for _ in range(levels - 1):
            value = {"L": [value]}
        return value

    db.put_item(TableName="Readings", Item=reading("nested", "32", deep=nested(32)))
    assert db.get_item(TableName="Readings", Key=reading("nested", "32"))["Item"]["deep"] == nested(
        32
    )
    with pytest.raises(botocore.exceptions.ClientError, match="Nesting Levels have exceeded"):
        db.put_item(TableName="Readings", Item=reading("nested", "33", deep=nested(33)))


def test_a_table_under_a_customer_key_goes_dark_with_it(server, db, code):
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = create(
        db, "UnderKey", SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    )
    assert made["TableDescription"]["SSEDescription"]["KMSMasterKeyArn"] == key
    db.put_item(TableName="UnderKey", Item=reading("d", "1"))
    kms.disable_key(KeyId=key)
    assert code(db.get_item, TableName="UnderKey", Key=reading("d", "1")) == "AccessDeniedException"
    assert (
        code(db.put_item, TableName="UnderKey", Item=reading("d", "2")) == "AccessDeniedException"
    )
    kms.enable_key(KeyId=key)
    assert "Item" in db.get_item(TableName="UnderKey", Key=reading("d", "1"))


def test_a_deleted_table_is_gone_and_a_new_one_is_empty(db, code):
    create(db, "Gone")
    db.put_item(TableName="Gone", Item=reading("d", "1"))
    db.delete_table(TableName="Gone")
    assert code(db.describe_table, TableName="Gone") == "ResourceNotFoundException"
    create(db, "Gone")
    assert db.scan(TableName="Gone")["Count"] == 0


def test_what_is_not_built_says_so(db, code):
    assert (
        code(
            db.query,
            TableName="Readings",
            IndexName="by-time",
            KeyConditionExpression="a = :a",
            ExpressionAttributeValues={":a": {"S": "x"}},
        )
        == "ValidationException"
    )


@pytest.mark.skipif(
    not (SHARED / "json-parsing").exists(), reason="the shared data is not beside the checkout"
)
def test_hostile_json_as_a_body_is_answered_and_the_server_stays(server, db):
    import urllib.request
    import ssl
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    session = server.session()
    credentials = botocore.credentials.Credentials(
        session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    )
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    statuses = set()
    for path in sorted((SHARED / "json-parsing").rglob("*.json")):
        request = botocore.awsrequest.AWSRequest(
            "POST",
            server.endpoint["endpoint"] + "/",
            data=path.read_bytes(),
            headers={
                "X-Amz-Target": "DynamoDB_20120810.PutItem",
                "Content-Type": "application/x-amz-json-1.0",
            },
        )
        botocore.auth.SigV4Auth(credentials, "dynamodb", "us-east-1").add_auth(request)
        try:
            urllib.request.urlopen(
                urllib.request.Request(
                    request.url, request.data, dict(request.headers), method="POST"
                ),
                context=context,
            )
            statuses.add(200)
        except urllib.error.HTTPError as refused:
            assert json.loads(refused.read())["__type"], path
            statuses.add(refused.code)
    assert statuses == {400}
    assert db.list_tables()["TableNames"]

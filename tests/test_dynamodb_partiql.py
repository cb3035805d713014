# SPDX-License-Identifier: Apache-2.0
"""PartiQL for DynamoDB over the wire, with boto3. Texts of errors are those that AWS answers."""
import base64
import concurrent.futures
import hashlib
import json
import uuid

import botocore.exceptions
import pytest

import wire
from functions import make_assumable
from records import records_of

NOT_WELL_FORMED = "Statement wasn't well formed, can't be processed: "
CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]"
TABLE, SECOND = "Music", "Plain"


def index(name, hash_key, range_key, projection, **more):
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if range_key:
        keys.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return {
        "IndexName": name,
        "KeySchema": keys,
        "Projection": {"ProjectionType": projection, **more},
    }


def make_tables(client):
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
            {"AttributeName": "genre", "AttributeType": "S"},
            {"AttributeName": "won", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            index("by-genre", "genre", "s", "ALL"),
            index("narrow", "genre", None, "INCLUDE", NonKeyAttributes=["won"]),
        ],
        LocalSecondaryIndexes=[index("by-won", "p", "won", "KEYS_ONLY")],
    )
    client.create_table(
        TableName=SECOND,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
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


def run(db, statement, *parameters, **more):
    if parameters:
        more["Parameters"] = list(parameters)
    return db.execute_statement(Statement=statement, **more)


def rows(db, statement, *parameters, **more):
    return run(db, statement, *parameters, **more)["Items"]


def numbers(db, statement, *parameters, **more):
    """The sort keys of what a SELECT gives, page after page."""
    pages = [run(db, statement, *parameters, **more)]
    while "NextToken" in pages[-1]:
        pages.append(run(db, statement, *parameters, NextToken=pages[-1]["NextToken"], **more))
    return [int(row["s"]["N"]) for page in pages for row in page["Items"]]


def refusal(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def message(db, statement, *parameters, **more):
    code, text = refusal(run, db, statement, *parameters, **more)
    assert code == "ValidationException", (code, text)
    return text


def key(name, number=1):
    return {"p": {"S": name}, "s": {"N": str(number)}}


def put(db, name, number=1, **more):
    db.put_item(TableName=TABLE, Item=key(name, number) | more)


def item(db, name, number=1):
    return db.get_item(TableName=TABLE, Key=key(name, number), ConsistentRead=True).get("Item")


def fill(db, name, count, **more):
    for number in range(1, count + 1):
        put(db, name, number, **more)


# SELECT


def test_a_select_gives_the_items_of_a_key(db, name):
    put(db, name, genre={"S": "x" + name}, m={"M": {"a": {"L": [{"S": "deep"}]}}})
    where = f"WHERE p = '{name}' AND s = 1"
    assert rows(db, f'SELECT * FROM "{TABLE}" {where}') == [item(db, name)]
    assert rows(db, f"SELECT s, m.a[0] FROM {TABLE} {where}") == [
        {"s": {"N": "1"}, "a[0]": {"S": "deep"}}
    ]
    assert rows(db, f"SELECT none FROM {TABLE} {where}") == [{}]
    assert rows(db, f"select * from {TABLE} where p = ? and s = ?", *key(name).values()) == [
        item(db, name)
    ]
    assert rows(db, f"SELECT * FROM {TABLE} WHERE p = 'nobody'") == []


def test_conditions_choose_items(db, name):
    fill(db, name, 3)
    put(db, name, 4, a={"S": "text"}, n={"NULL": True}, ss={"SS": ["x"]})
    for condition, found in (
        ("s > 1 AND s < 4", [2, 3]),
        ("s BETWEEN 2 AND 3", [2, 3]),
        ("s IN [1, 3]", [1, 3]),
        ("s <> 2", [1, 3, 4]),
        ("NOT s = 2", [1, 3, 4]),
        ("a IS MISSING", [1, 2, 3]),
        ("a IS NOT MISSING", [4]),
        ("n IS NULL", [4]),
        ("begins_with(a, 'te') AND contains(a, 'x') AND size(a) = 4", [4]),
        ("attribute_type(ss, 'SS') AND attribute_exists(a)", [4]),
        ("NOT (ss IS MISSING AND s <> 1)", [1, 4]),
        ("a >= 'text'", [4]),
    ):
        query = f"SELECT * FROM {TABLE} WHERE p = '{name}' AND {condition}"
        assert numbers(db, query) == found, condition
        scan = f"SELECT * FROM {TABLE} WHERE begins_with(p, '{name}') AND {condition}"
        assert sorted(numbers(db, scan)) == found, condition


def test_several_partitions_are_read_in_order(db, name):
    for letter in "ba":
        fill(db, name + letter, 3)
    both = f"p IN ['{name}b', '{name}a']"
    for order, found in (
        ("", ["a1", "a2", "a3", "b1", "b2", "b3"]),
        ("ORDER BY p DESC, s ASC", ["b1", "b2", "b3", "a1", "a2", "a3"]),
        ("ORDER BY p", ["a3", "a2", "a1", "b3", "b2", "b1"]),
    ):
        for limit in ({}, {"Limit": 1}, {"Limit": 2}, {"Limit": 3}, {"Limit": 4}):
            statement, seen, more = f"SELECT p, s FROM {TABLE} WHERE {both} {order}", [], {}
            while True:
                page = run(db, statement, **limit, **more)
                assert len(page["Items"]) <= limit.get("Limit", 6)
                seen += [one["p"]["S"][-1] + one["s"]["N"] for one in page["Items"]]
                if "NextToken" not in page:
                    break
                more = {"NextToken": page["NextToken"]}
            assert seen == found, (order, limit)
    one_each = f"SELECT * FROM {TABLE} WHERE p = '{name}a' AND s = 1 OR p = '{name}b' AND s > 1"
    assert numbers(db, one_each) == [1, 2, 3]
    # What would need two partitions at once makes no scan of it.
    assert numbers(db, f"{one_each.replace('WHERE ', 'WHERE (')}) AND {both}") == [1, 2, 3]
    assert numbers(db, f"SELECT * FROM {TABLE} WHERE p = '{name}a' ORDER BY s DESC") == [3, 2, 1]


def test_a_page_has_a_limit_and_a_size(db, name):
    for number in range(1, 5):
        put(db, name, number, blob={"S": "x" * 380_000})
    statement = f"SELECT s FROM {TABLE} WHERE p = '{name}'"
    first = run(db, statement)
    assert len(first["Items"]) == 3 and first["LastEvaluatedKey"] == key(name, 3)
    assert numbers(db, statement) == [1, 2, 3, 4]
    none = run(db, f"SELECT s FROM {TABLE} WHERE p = '{name}' AND other = 1", Limit=2)
    assert none["Items"] == [] and none["NextToken"]  # it is of what was looked at
    assert numbers(db, statement, Limit=4) == [1, 2, 3, 4]
    assert "at 'limit' failed" in message(db, statement, Limit=0)


def test_a_token_is_of_its_statement_and_table_alone(db, name):
    fill(db, name, 3)
    statement = f"SELECT * FROM {TABLE} WHERE p = ?"
    token = run(db, statement, {"S": name}, Limit=1)["NextToken"]
    assert numbers(db, statement, {"S": name}, NextToken=token) == [2, 3]
    for other, parameter in ((statement + " ", name), (statement, "else")):
        assert (
            message(db, other, {"S": parameter}, NextToken=token)
            == "NextToken does not match request"
        )
    db.put_item(TableName=SECOND, Item={"id": {"S": name}})
    plain = f"SELECT * FROM {SECOND}"
    assert message(db, plain, NextToken=token) == "Invalid NextToken"
    sealed = bytearray(base64.b64decode(token))
    assert name.encode() not in sealed
    for place in (0, len(sealed) // 2, len(sealed) - 1):
        torn = bytearray(sealed)
        torn[place] ^= 1
        forged = base64.b64encode(torn).decode()
        assert message(db, statement, {"S": name}, NextToken=forged) == "Invalid NextToken"
    for odd in ("x", "x" * 32768, token + token):
        assert message(db, statement, {"S": name}, NextToken=odd) == "Invalid NextToken"
    for wrong in ("", "x" * 32769):
        assert "at 'nextToken'" in message(db, statement, {"S": name}, NextToken=wrong)


def test_an_index_is_read_as_it_is(db, name):
    genre = {"S": name}
    put(db, name, 1, genre=genre, won={"N": "7"}, other={"S": "o"})
    put(db, name, 2, genre=genre)
    of = lambda columns, index, rest: rows(db, f'SELECT {columns} FROM "{TABLE}"."{index}" {rest}')
    keyed, by_key = f"WHERE genre = '{name}'", f"WHERE p = '{name}'"
    assert len(of("*", "by-genre", keyed + " AND s > 1")) == 1
    assert of("*", "narrow", keyed + " AND won = 7") == [
        key(name) | {"genre": genre, "won": {"N": "7"}}
    ]
    assert of("*", "by-won", by_key) == [key(name) | {"won": {"N": "7"}}]
    assert of("other", "by-won", by_key) == [{"other": {"S": "o"}}]  # from the table
    assert len(of("s", "narrow", f"WHERE p = '{name}'")) == 2  # a scan
    assert of("s", "narrow", "WHERE other = 'o'") == []  # the index does not hold it
    assert of("s", "by-won", "WHERE other = 'o'") == []
    invalid = "One or more parameter values were invalid: "
    assert (
        message(db, f'SELECT other FROM {TABLE}."narrow" {keyed}')
        == invalid + "Global secondary index narrow does not project [other]"
    )
    for condition in ("other = 'o'", "NOT other = 'o'", "other IS MISSING"):
        for one, where in (("narrow", keyed), ("by-won", by_key)):
            assert message(db, f'SELECT s FROM {TABLE}."{one}" {where} AND {condition}') == (
                invalid
                + f"Secondary index {one} does not project one or more filter attributes: [other]"
            )
    assert (
        message(db, f'SELECT * FROM {TABLE}."none" {keyed}')
        == "The table does not have the specified index"
    )
    consistent = {"ConsistentRead": True}
    assert len(rows(db, f'SELECT * FROM {TABLE}."by-won" {by_key}', **consistent)) == 1
    assert (
        message(db, f'SELECT * FROM {TABLE}."by-genre" {keyed}', **consistent)
        == "Strongly consistent read is not supported on Global Secondary Indexes"
    )


def test_what_a_statement_costs(db, name):
    fill(db, name, 2)
    cost = lambda statement, **more: run(db, statement, ReturnConsumedCapacity="INDEXES", **more)[
        "ConsumedCapacity"
    ]
    select = f"SELECT * FROM {TABLE} WHERE p = '{name}'"
    assert cost(select)["CapacityUnits"] == 0.5
    assert cost(select, ConsistentRead=True)["CapacityUnits"] == 1
    by_won = cost(f"SELECT * FROM {TABLE}.\"by-won\" WHERE p = '{name}'")
    assert by_won["LocalSecondaryIndexes"]["by-won"]["CapacityUnits"] == by_won["CapacityUnits"]
    assert cost(f"INSERT INTO {SECOND} VALUE {{'id': '{name}'}}")["CapacityUnits"] == 1
    assert "ConsumedCapacity" not in run(db, select)


# INSERT, UPDATE, DELETE


def test_an_insert_makes_an_item_once(db, name):
    values = (
        "'s': 1, 'm': {'a': [1, true, null]}, 'ns': <<2, 10>>, 'ss': <<'b', 'a'>>, 'b': ?, "
        "'q': 'it''s'"
    )
    statement = f"INSERT INTO \"{TABLE}\" VALUE {{'p': '{name}', {values}}}"
    assert rows(db, statement, {"B": b"\0\1"}) == []
    assert item(db, name) == key(name) | {
        "m": {"M": {"a": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": True}]}}},
        "ns": {"NS": ["2", "10"]},
        "ss": {"SS": ["a", "b"]},
        "b": {"B": b"\0\1"},
        "q": {"S": "it's"},
    }
    assert refusal(run, db, statement, {"B": b"\2"}) == (
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )
    assert item(db, name)["b"] == {"B": b"\0\1"}
    run(db, f"DELETE FROM {TABLE} WHERE p = '{name}' AND s = 1")
    run(db, statement, {"B": b"\2"})
    assert item(db, name)["b"] == {"B": b"\2"}


def test_of_racing_inserts_one_succeeds(db, name):
    def insert(number):
        try:
            run(db, f"INSERT INTO {SECOND} VALUE {{'id': '{name}', 'n': {number}}}")
            return True
        except db.exceptions.DuplicateItemException:
            return False

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(insert, range(16))) == 1


def test_an_insert_needs_the_key(db):
    insert = f"INSERT INTO {TABLE} VALUE "
    assert (
        message(db, insert + "{'p': 'x'}") == "Key attribute should be present in the item: Key s"
    )
    assert (
        message(db, insert + "{'p': 'x', 's': 'y'}")
        == "Key attribute's data type should match its data type in table's schema: Key s"
    )
    assert "empty string value. Key: p" in message(db, insert + "{'p': '', 's': 1}")
    assert message(db, insert + "{'p': 'x', 's': 1, 's': 2}").startswith("Duplicate keys in tuple")
    assert message(db, insert + "{p: 'x'}").startswith("Tuple keys must be of type String")
    assert message(db, insert + "?", {"M": {}}).startswith("Unsupported format in item expression")
    many = f"INSERT INTO {TABLE} VALUES <<{{'p': 'x', 's': 1}}>>"
    assert message(db, many).startswith("Unsupported operation: Inserting multiple items")
    assert (
        message(db, insert + "{'p': 'x', 's': 1} RETURNING ALL OLD *")
        == "RETURNING is not supported in INSERT"
    )
    assert (
        message(db, f"INSERT INTO {TABLE}.\"by-genre\" VALUE {{'p': 'x'}}")
        == "FROM clause may only contain a single table name in data manipulation statements"
    )


def test_an_update_changes_what_is_there(db, name):
    put(db, name, n={"N": "5"}, l={"L": [{"N": "1"}]}, ss={"SS": ["a"]}, gone={"S": "x"})
    where = f"WHERE p = '{name}' AND s = 1"
    statement = (
        f"UPDATE {TABLE} SET n = n + 10 - 1 SET l = list_append(l, [2]), t = n "
        f"SET ss = set_add(ss, <<'b'>>) REMOVE gone {where} AND n = 5"
    )
    assert rows(db, statement) == []
    assert item(db, name) == key(name) | {
        "n": {"N": "14"},
        "t": {"N": "5"},
        "l": {"L": [{"N": "1"}, {"N": "2"}]},
        "ss": {"SS": ["a", "b"]},
    }
    assert refusal(run, db, statement) == (
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
    run(db, f"FROM {TABLE} {where} SET ss = set_delete(ss, <<'a', 'b'>>) REMOVE l[0]")
    assert "ss" not in item(db, name) and item(db, name)["l"] == {"L": [{"N": "2"}]}
    for broken, why in (
        ("SET s = 2", "This attribute is part of the key"),
        ("SET n = n + none", "refers to an attribute that does not exist"),
        ("SET n = set_add(n, <<'x'>>)", "incorrect data type"),
        ("SET none.a = 1", "document path provided in the update expression is invalid"),
        ("SET n = 1 REMOVE n", "overlap"),
    ):
        assert why in message(db, f"UPDATE {TABLE} {broken} {where}"), broken
    assert item(db, name)["n"] == {"N": "14"}


def test_an_update_makes_no_item(db, name):
    for change in ("SET a = 1", "REMOVE a"):
        statement = f"UPDATE {TABLE} {change} WHERE p = '{name}' AND s = 1"
        assert refusal(run, db, statement)[0] == "ConditionalCheckFailedException"
    assert item(db, name) is None


def test_a_write_names_one_whole_key(db, name):
    put(db, name, a={"N": "1"})
    incomplete = "Where clause does not contain a mandatory equality on all key attributes"
    for verb in (f"UPDATE {TABLE} SET a = 2", f"DELETE FROM {TABLE}"):
        for where in (
            "",
            f"WHERE p = '{name}'",
            f"WHERE p = '{name}' AND s > 0",
            f"WHERE p IN ['{name}'] AND s = 1",
            f"WHERE p = '{name}' AND s = 1 OR a = 1",
            f"WHERE NOT (p = '{name}' AND s = 1)",
            "WHERE p = p AND s = 1",
        ):
            wanted = "distinct" if "p = p" in where else incomplete
            assert wanted in message(db, f"{verb} {where}"), where
        assert message(db, f"{verb} WHERE p = '{name}' AND s = 1 AND p = 'x'") == (
            "Multiple conditions on same key p. Only single item Update/Insert/Delete are supported"
        )
        assert message(db, f"{verb} WHERE p = '{name}' AND s = '1'") == (
            "Key attribute's data type should match its data type in table's schema: Key s"
        )
    assert item(db, name) == key(name) | {"a": {"N": "1"}}


def test_a_delete_asks_nothing_of_what_is_not_there(db, name):
    where = f"WHERE p = '{name}' AND s = 1"
    assert rows(db, f"DELETE FROM {TABLE} {where} AND a = 1") == []
    put(db, name, a={"N": "2"})
    delete = f"DELETE FROM {TABLE} {where} AND a = 1"
    assert refusal(run, db, delete)[0] == "ConditionalCheckFailedException"
    assert item(db, name)
    assert rows(db, f"DELETE FROM {TABLE} {where} AND a = 2 RETURNING ALL OLD *") == [
        key(name) | {"a": {"N": "2"}}
    ]
    assert item(db, name) is None
    assert rows(db, f"DELETE FROM {TABLE} {where} RETURNING ALL OLD *") == []


def test_what_a_write_returns(db, name):
    put(db, name, a={"S": "old"}, m={"M": {"x": {"N": "1"}, "y": {"N": "2"}}})
    update = f"UPDATE {TABLE} SET a = 'new' SET m.x = 3 WHERE p = '{name}' AND s = 1 RETURNING "
    before = item(db, name)
    assert rows(db, update + "ALL OLD *") == [before]
    assert rows(db, update + "MODIFIED OLD *") == [
        {"a": {"S": "new"}, "m": {"M": {"x": {"N": "3"}}}}
    ]
    assert rows(db, update + "MODIFIED NEW *") == [
        {"a": {"S": "new"}, "m": {"M": {"x": {"N": "3"}}}}
    ]
    assert rows(db, update + "ALL NEW *") == [item(db, name)]
    remove = f"UPDATE {TABLE} REMOVE a WHERE p = '{name}' AND s = 1 RETURNING MODIFIED NEW *"
    assert rows(db, remove) == []


def test_a_failed_condition_tells_the_item_when_asked(db, name):
    put(db, name, a={"N": "1"})
    for verb in (f"UPDATE {TABLE} SET a = 2", f"DELETE FROM {TABLE}"):
        statement = f"{verb} WHERE p = '{name}' AND s = 1 AND a = 9"
        for asked in ({}, {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}):
            with pytest.raises(db.exceptions.ConditionalCheckFailedException) as caught:
                run(db, statement, **asked)
            told = caught.value.response.get("Item")
            assert told == (item(db, name) if asked else None)


# Statements that are none


def test_limits_at_the_edge_and_one_past_it(db, name):
    select = f"SELECT * FROM {SECOND} WHERE note = '"
    run(db, select + "x" * (8192 - len(select) - 1) + "'")
    long = select + "x" * (8192 - len(select)) + "'"
    assert message(db, long) == (
        "1 validation error detected: Value '...' at 'statement' failed to satisfy constraint: "
        "Member must have length less than or equal to 8192"
    )
    run(db, select + "\u00e9" * (8192 - len(select) - 1) + "'")  # characters, not bytes
    select = f"SELECT * FROM {SECOND} WHERE id = '"
    assert "at 'statement'" in message(db, "")
    assert "at 'parameters'" in message(db, select + "'", Parameters=[])
    for count, fits in ((25, True), (26, False)):
        statements = [{"Statement": select + f"{n}'"} for n in range(count)]
        if fits:
            assert len(db.batch_execute_statement(Statements=statements)["Responses"]) == 25
        else:
            code, text = refusal(db.batch_execute_statement, Statements=statements)
            assert code == "ValidationException" and "less than or equal to 25" in text
    for count, fits in ((100, True), (101, False)):
        statements = [{"Statement": select + f"{n}'"} for n in range(count)]
        if fits:
            answer = db.execute_transaction(TransactStatements=statements)
            assert answer["Responses"] == [{}] * 100
        else:
            code, text = refusal(db.execute_transaction, TransactStatements=statements)
            assert code == "ValidationException" and "less than or equal to 100" in text
    for call, member in (
        (db.batch_execute_statement, "Statements"),
        (db.execute_transaction, "TransactStatements"),
    ):
        assert "greater than or equal to 1" in refusal(call, **{member: []})[1]
        assert "must not be null" in refusal(call)[1]


def test_hostile_statements_are_refused(db):
    for statement in (
        "\0",
        "SELECT",
        "'",
        "SELECT * FROM \0",
        "(" * 8192,
        "[" * 8192,
        "SELECT * FROM t WHERE " + "(" * 8000,
        "SELECT * FROM t WHERE " + "size(" * 1600,
        "INSERT INTO t VALUE " + "{'a':" * 1600,
        "INSERT INTO ttt VALUE {'a': " + "<<" * 4000,
        "SELECT * FROM ttt WHERE " + "NOT " * 2000 + "a = 1",
        "SELECT * FROM ttt WHERE a" + "[0]" * 2700 + " = 1",
        "SELECT " + ",".join(f"a{n}" for n in range(1300)) + " FROM",
        "UPDATE ttt " + " ".join(["SET a=1"] * 1000) + " WHERE a = 1",
        "SELECT * FROM ttt WHERE a = 1 " + "OR a=1 " * 1100,
        "DELETE FROM ttt; DROP TABLE ttt",
        "SELECT * FROM x",
        "SELECT * FROM " + "x" * 256,
        'SELECT * FROM "a b"',
        "EXISTS(SELECT * FROM ttt WHERE a = 1)",
    ):
        assert message(db, statement)
    assert refusal(run, db, "SELECT * FROM nobody WHERE a = 1") == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


def test_a_condition_is_no_value_of_an_attribute(db, name):
    """It has no value: who takes it for a sum reads what is not there."""
    put(db, name, a={"N": "1"})
    before = item(db, name)
    for value in (
        "size(a)",
        "(a IS MISSING)",
        "(attribute_exists(a))",
        "(NOT a = 1)",
        "(a = 1)",
        "(a BETWEEN 1 AND 9)",
        "(a IN [1])",
        "(a = 1 OR a = 2)",
        "a + (a = 1)",
        "list_append((a IS MISSING), [1])",
        "list_append([1], size(a))",
    ):
        assert message(db, f"UPDATE {TABLE} SET x = {value} WHERE p = '{name}' AND s = 1"), value
        assert item(db, name) == before


def test_the_work_for_a_statement_has_an_end(db):
    """All of this is done before anybody is asked whether he may."""
    where = f"WHERE p = 'x' AND s = 1"
    most = ", ".join(f"a{n} = 1" for n in range(299))
    assert "operator count: 301" in message(db, f"UPDATE {TABLE} SET {most}, b = 1, c = 1 {where}")
    values = "[" + ",".join("'x'" for _ in range(22)) + "]"
    product = " AND ".join(f"p IN {values}" for _ in range(60))
    text = message(db, f"SELECT * FROM {TABLE} WHERE {product}")
    assert text == "Too many decomposed read operations for a given query."


def test_parameters_are_checked(db):
    where = f"SELECT * FROM {SECOND} WHERE id = ?"
    count = "Number of parameters in request and statement don't match."
    assert message(db, where) == count
    assert message(db, where, {"S": "a"}, {"S": "b"}) == count
    assert "cannot be converted to a numeric value: abc" in message(db, where, {"N": "abc"})
    assert message(db, where, {"S": "a", "N": "1"}).startswith("Supplied AttributeValue has more")
    assert (
        message(db, where, {"N": "1"})
        == "Key attribute's data type should match its data type in table's schema: Key id"
    )
    statement = f"SELECT * FROM {SECOND} WHERE id = 'x' AND a < ?"
    assert "operator or function: <, operand type: BOOL" in message(db, statement, {"BOOL": True})


# Batches


def batch(db, *statements, **more):
    return db.batch_execute_statement(
        Statements=[one if isinstance(one, dict) else {"Statement": one} for one in statements],
        **more,
    )["Responses"]


def test_each_statement_of_a_batch_answers_for_itself(db, name):
    put(db, name, a={"N": "1"})
    of_key = f"WHERE p = '{name}' AND s = 1"
    answers = batch(
        db,
        f"SELECT a FROM {TABLE} {of_key}",
        f"SELECT a FROM {TABLE} WHERE p = '{name}' AND s = 2",
        f"SELECT * FROM {TABLE} WHERE p = '{name}'",
        f"SELECT * FROM {TABLE} {of_key} AND a = 1",
        f"SELECT * FROM {TABLE}.\"by-genre\" WHERE genre = 'x'",
        "SLECT",
        "SELECT * FROM nobody WHERE p = 'x'",
        {"Statement": f"SELECT p FROM {TABLE} WHERE p IN [?] AND s = 1"},
        {
            "Statement": f"SELECT s FROM {TABLE} WHERE p = ? AND s = ?",
            "Parameters": list(key(name).values()),
            "ConsistentRead": True,
        },
    )
    partial = {
        "Error": {
            "Code": "ValidationError",
            "Message": "Select statements within BatchExecuteStatement must specify the primary "
            "key in the where clause.",
        }
    }
    assert answers == [
        {"TableName": TABLE, "Item": {"a": {"N": "1"}}},
        {"TableName": TABLE},
        partial,
        partial,
        partial,
        {
            "Error": {
                "Code": "ValidationError",
                "Message": NOT_WELL_FORMED + "Expected data manipulation",
            }
        },
        {"Error": {"Code": "ResourceNotFound", "Message": "Requested resource not found"}},
        {
            "Error": {
                "Code": "ValidationError",
                "Message": "Number of parameters in request and statement don't match.",
            }
        },
        {"TableName": TABLE, "Item": {"s": {"N": "1"}}},
    ]


def test_a_batch_of_writes_does_what_it_can(db, name):
    put(db, name, a={"N": "1"})
    of_key = f"WHERE p = '{name}' AND s = 1"
    answers = batch(
        db,
        f"INSERT INTO {TABLE} VALUE {{'p': '{name}', 's': 1}}",
        f"INSERT INTO {TABLE} VALUE {{'p': '{name}', 's': 2}}",
        {
            "Statement": f"UPDATE {TABLE} SET a = 2 {of_key} AND a = 9",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
        f"UPDATE {TABLE} SET a = a + 1 {of_key} RETURNING MODIFIED NEW *",
        f"DELETE FROM {TABLE} WHERE p = '{name}'",
    )
    duplicate = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert answers[0] == {"TableName": TABLE, "Error": duplicate}
    assert answers[1] == {"TableName": TABLE}
    assert answers[2] == {"TableName": TABLE, "Error": failed}  # no Item, as on AWS
    assert answers[3] == {"TableName": TABLE, "Item": {"a": {"N": "2"}}}
    assert answers[4]["Error"]["Code"] == "ValidationError" and "TableName" not in answers[4]
    assert item(db, name, 2) == key(name, 2) and item(db, name)["a"] == {"N": "2"}


def test_a_batch_reads_or_writes(db, name):
    text = "BatchExecuteStatement API does not support both read and write operations"
    both = (
        f"SELECT * FROM {SECOND} WHERE id = 'x'",
        f"INSERT INTO {SECOND} VALUE {{'id': '{name}'}}",
    )
    assert text in refusal(batch, db, *both)[1]
    assert db.get_item(TableName=SECOND, Key={"id": {"S": name}}).get("Item") is None


def test_what_a_batch_costs(db, name):
    put(db, name)
    one = f"SELECT * FROM {TABLE} WHERE p = '{name}' AND s = 1"
    answer = db.batch_execute_statement(
        Statements=[{"Statement": one}, {"Statement": one, "ConsistentRead": True}],
        ReturnConsumedCapacity="TOTAL",
    )
    assert [cost["CapacityUnits"] for cost in answer["ConsumedCapacity"]] == [0.5, 1]


# Transactions


def transact(db, *statements, **more):
    return db.execute_transaction(
        TransactStatements=[
            one if isinstance(one, dict) else {"Statement": one} for one in statements
        ],
        **more,
    )


def reasons(db, *statements):
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        transact(db, *statements)
    answer = caught.value.response
    told = answer["CancellationReasons"]
    assert answer["Error"]["Message"] == CANCELLED % ", ".join(one["Code"] for one in told)
    return told


def test_a_transaction_writes_all_or_nothing(db, name):
    put(db, name, 1, a={"N": "1"})
    put(db, name, 2)
    put(db, name, 4)
    at = lambda number: f"WHERE p = '{name}' AND s = {number}"
    answer = transact(
        db,
        f"EXISTS(SELECT * FROM {TABLE} {at(1)} AND b IS MISSING)",
        f"UPDATE {TABLE} SET n = 1 {at(4)} AND a IS MISSING",
        f"DELETE FROM {TABLE} {at(2)}",
        f"INSERT INTO {SECOND} VALUE {{'id': '{name}'}}",
    )
    assert answer["Responses"] == []
    assert item(db, name, 2) is None and item(db, name, 4)["n"] == {"N": "1"}
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    told = reasons(
        db,
        f"EXISTS(SELECT * FROM {TABLE} {at(1)} AND a = 2)",
        f"INSERT INTO {SECOND} VALUE {{'id': '{name}'}}",
        f"UPDATE {TABLE} SET a = 1 {at(9)}",
        f"DELETE FROM {TABLE} {at(8)} AND a = 1",
        f"INSERT INTO {TABLE} VALUE {{'p': '{name}', 's': 7}}",
    )
    assert told == [
        failed,
        {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"},
        failed,
        {"Code": "None"},
        {"Code": "None"},
    ]
    assert item(db, name, 7) is None


def test_a_transaction_reads_one_item_a_statement(db, name):
    put(db, name, a={"M": {"b": {"N": "1"}}})
    answer = transact(
        db,
        f"SELECT a.b FROM {TABLE} WHERE p = '{name}' AND s = 1",
        f"SELECT * FROM {TABLE} WHERE p = '{name}' AND s = 2",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [{"Item": {"b": {"N": "1"}}}, {}]
    assert answer["ConsumedCapacity"][0]["ReadCapacityUnits"] == 4


def test_a_transaction_that_cannot_be(db, name):
    put(db, name)
    of_key = f"WHERE p = '{name}' AND s = 1"
    failed = "Validation failed in TransactStatements[0]: "
    for statement, why in (
        (f"SELECT * FROM {TABLE} WHERE", NOT_WELL_FORMED + "Unexpected term"),
        (
            f"SELECT * FROM {TABLE} WHERE p = '{name}'",
            "Select statements within ExecuteTransaction must specify the primary key in the "
            "where clause.",
        ),
        (
            f"SELECT * FROM {TABLE}.\"by-genre\" WHERE genre = 'x'",
            "Reads on indices are not supported within transactions.",
        ),
        (
            f"EXISTS(SELECT * FROM {TABLE} {of_key})",
            "EXISTS() must contain a single item read with additional condition",
        ),
        (
            f"UPDATE {TABLE} SET a = 1 {of_key} RETURNING ALL NEW *",
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
    ):
        assert refusal(transact, db, statement) == ("ValidationException", failed + why)
    update, select = f"UPDATE {TABLE} SET a = 1 {of_key}", f"SELECT * FROM {TABLE} {of_key}"
    assert refusal(transact, db, update, select)[1] == (
        "ExecuteTransaction API does not support both read and write operations in the same "
        "request."
    )
    assert (
        refusal(transact, db, update, f"DELETE FROM {TABLE} {of_key}")[1]
        == "Transaction request cannot include multiple operations on one item"
    )
    told = reasons(
        db,
        f"UPDATE {TABLE} SET a = 1 WHERE p = '{name}'",
        f"UPDATE {TABLE} SET a = 1 {of_key} AND p = 'x'",
        f"INSERT INTO {TABLE} VALUE {{'p': 'x'}}",
        f"UPDATE {TABLE} SET a = 1 WHERE p = '{name}' AND s = 5",
    )
    mismatch = {
        "Code": "ValidationError",
        "Message": "The provided key element does not match the schema",
    }
    assert told[:2] == [mismatch, mismatch] and told[2]["Code"] == "ValidationError"
    assert told[3]["Code"] == "ConditionalCheckFailed"
    missing = {"Code": "ResourceNotFound", "Message": "Requested resource not found"}
    assert reasons(db, update, "DELETE FROM nobody WHERE p = 'x'") == [{"Code": "None"}, missing]
    assert "a" not in item(db, name)


def test_a_transaction_is_done_once_for_a_token(db, name):
    put(db, name, n={"N": "0"})
    update = f"UPDATE {TABLE} SET n = n + 1 WHERE p = '{name}' AND s = 1"
    token = {"ClientRequestToken": str(uuid.uuid4()), "ReturnConsumedCapacity": "TOTAL"}
    first, again = transact(db, update, **token), transact(db, update, **token)
    assert item(db, name)["n"] == {"N": "1"}
    assert first["ConsumedCapacity"][0]["WriteCapacityUnits"] == 2
    assert "ReadCapacityUnits" in again["ConsumedCapacity"][0]
    assert refusal(transact, db, update + " ", **token)[0] == "IdempotentParameterMismatchException"
    assert (
        "at 'clientRequestToken'" in refusal(transact, db, update, ClientRequestToken="x" * 37)[1]
    )


def test_a_transaction_tells_the_item_of_a_failed_condition(db, name):
    put(db, name, a={"N": "1"})
    told = reasons(
        db,
        {
            "Statement": f"UPDATE {TABLE} SET a = 2 WHERE p = '{name}' AND s = 1 AND a = 9",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    )
    assert told[0]["Item"] == item(db, name)


# Who may


@pytest.fixture(scope="module")
def roles(server, db):
    make_assumable(server, "teller")
    put(db, "mine", a={"N": "1"}, genre={"S": "mine"}, secret={"S": "hidden"})
    put(db, "theirs", a={"N": "1"}, genre={"S": "theirs"}, secret={"S": "hidden"})
    return server.client("dynamodb", role="teller", parameter_validation=False)


@pytest.fixture
def may(server, roles):
    """Whether the role may run a statement, when its policy has these statements."""

    def ask(policy, statement, call=run, **more):
        server.client("iam").put_role_policy(
            RoleName="teller",
            PolicyName="p",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Resource": "*"} | one for one in policy],
                }
            ),
        )
        try:
            call(roles, statement, **more)
        except botocore.exceptions.ClientError as refused:
            assert "hidden" not in json.dumps(refused.response, default=str)
            return refused.response["Error"]["Code"] != "AccessDeniedException"
        return True

    return ask


OF_MINE = "WHERE p = 'mine' AND s = 1"
STATEMENTS = {
    "PartiQLSelect": f"SELECT * FROM {TABLE} {OF_MINE}",
    "PartiQLInsert": f"INSERT INTO {TABLE} VALUE {{'p': 'mine', 's': 1}}",
    "PartiQLUpdate": f"UPDATE {TABLE} SET a = 1 {OF_MINE}",
    "PartiQLDelete": f"DELETE FROM {TABLE} {OF_MINE} AND a = 9",
}


def test_each_statement_has_a_permission_of_its_own(may):
    for action in STATEMENTS:
        for needed, statement in STATEMENTS.items():
            policy = [{"Action": f"dynamodb:{action}"}]
            assert may(policy, statement) == (action == needed), (action, needed)
            assert may(policy, statement, transact) == (action == needed), (action, needed)
    exists = f"EXISTS(SELECT * FROM {TABLE} {OF_MINE} AND a = 1)"
    assert may([{"Action": "dynamodb:PartiQLSelect"}], exists, transact)
    assert not may([{"Action": "dynamodb:PartiQLUpdate"}], exists, transact)
    for others in ("GetItem", "Query", "Scan", "PutItem", "ExecuteStatement"):
        assert not may([{"Action": f"dynamodb:{others}"}], STATEMENTS["PartiQLSelect"])


def test_a_permission_is_of_a_table_or_an_index(may):
    of = lambda resource: [
        {"Action": "dynamodb:*", "Resource": f"arn:aws:dynamodb:*:*:table/{resource}"}
    ]
    of_index = f"SELECT * FROM {TABLE}.\"by-genre\" WHERE genre = 'mine'"
    assert may(of(TABLE), STATEMENTS["PartiQLSelect"])
    assert not may(of(SECOND), STATEMENTS["PartiQLSelect"])
    assert not may(of(TABLE), of_index)
    assert may(of(TABLE + "/index/by-genre"), of_index)
    assert not may(of(SECOND), "SELECT * FROM nobody WHERE a = 1")  # nor learns that it is none
    both = f"INSERT INTO {SECOND} VALUE {{'id': 'x'}}"
    assert not may(of(TABLE), STATEMENTS["PartiQLUpdate"], lambda db, one: transact(db, one, both))


SCANS = (
    f"SELECT * FROM {TABLE}",
    f"SELECT * FROM {TABLE} WHERE a = 1",
    f"SELECT * FROM {TABLE} WHERE p > 'm'",
    f"SELECT * FROM {TABLE} WHERE p = 'mine' OR a = 1",
    f"SELECT * FROM {TABLE} WHERE NOT p = 'mine'",
    f"SELECT * FROM {TABLE} WHERE p = 'mine' AND p = 'theirs'",
    f"SELECT * FROM {TABLE} WHERE p = p2",
    f"SELECT * FROM {TABLE} WHERE p IN ['mine', other]",
    f"SELECT * FROM {TABLE}.\"by-genre\" WHERE p = 'mine'",
    f"SELECT * FROM {TABLE} WHERE p IN ['mine', 'mine']",  # it is refused whoever asks
)


def test_a_scan_can_be_denied(may):
    policy = [
        {"Action": "dynamodb:*"},
        {
            "Effect": "Deny",
            "Action": "dynamodb:PartiQLSelect",
            "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}},
        },
    ]
    for scan in SCANS:
        assert not may(policy, scan), scan
    for keyed in (
        STATEMENTS["PartiQLSelect"],
        f"SELECT * FROM {TABLE} WHERE p IN ['mine', 'theirs']",
        f"SELECT * FROM {TABLE} WHERE p = 'mine' AND (a = 1 OR a = 2)",
        f"SELECT * FROM {TABLE}.\"by-genre\" WHERE genre = 'mine'",
        STATEMENTS["PartiQLUpdate"],
    ):
        assert may(policy, keyed), keyed


def test_a_policy_of_partition_keys_holds_for_every_statement(may):
    policy = [
        {
            "Action": "dynamodb:*",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}},
        }
    ]
    for statement in STATEMENTS.values():
        assert may(policy, statement)
        assert not may(policy, statement.replace("mine", "theirs")), statement
        assert not may(policy, statement.replace("mine", "theirs"), transact), statement
    parameter = {"Parameters": [{"S": "theirs"}]}
    assert not may(policy, f"SELECT * FROM {TABLE} WHERE p = ?", **parameter)
    for other in SCANS + (
        f"SELECT * FROM {TABLE} WHERE p IN ['mine', 'theirs']",
        f"SELECT * FROM {TABLE} WHERE p = 'mine' OR p = 'theirs'",
        f"SELECT * FROM {TABLE}.\"by-genre\" WHERE genre = 'theirs'",
    ):
        assert not may(policy, other), other
    exists = f"EXISTS(SELECT * FROM {TABLE} WHERE p = 'theirs' AND s = 1 AND a = 1)"
    assert not may(policy, exists, transact)


def test_a_policy_of_attributes_holds_for_every_clause(may):
    policy = [
        {
            "Action": "dynamodb:*",
            "Condition": {
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["p", "s", "a", "genre"]},
                "StringEqualsIfExists": {
                    "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
                    "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"],
                },
            },
        }
    ]
    for allowed in (
        f"SELECT p, a FROM {TABLE} {OF_MINE}",
        f"UPDATE {TABLE} SET a = 1 {OF_MINE} RETURNING MODIFIED NEW *",
        f"DELETE FROM {TABLE} {OF_MINE} AND a = 9",
    ):
        assert may(policy, allowed), allowed
    for refused in (
        f"SELECT * FROM {TABLE} {OF_MINE}",
        f"SELECT secret FROM {TABLE} {OF_MINE}",
        f"SELECT a, secret.part FROM {TABLE} {OF_MINE}",
        f"SELECT a FROM {TABLE} {OF_MINE} AND secret = 'hidden'",
        f"SELECT a FROM {TABLE} {OF_MINE} AND NOT begins_with(secret, 'h')",
        f"SELECT a FROM {TABLE} {OF_MINE} AND size(secret) = 6",
        f"SELECT a FROM {TABLE} {OF_MINE} AND a IN [1, secret]",
        f"SELECT a FROM {TABLE} {OF_MINE} ORDER BY secret",
        f"SELECT a FROM {TABLE}.\"by-won\" WHERE p = 'mine'",  # a page tells its keys
        f"UPDATE {TABLE} SET a = secret {OF_MINE}",
        f"UPDATE {TABLE} SET secret = 1 {OF_MINE}",
        f"UPDATE {TABLE} SET a = list_append(secret, [1]) {OF_MINE}",
        f"UPDATE {TABLE} SET secret = set_add(secret, <<1>>) {OF_MINE}",
        f"UPDATE {TABLE} REMOVE secret {OF_MINE}",
        f"UPDATE {TABLE} SET a = 1 {OF_MINE} AND secret = 'hidden'",
        f"UPDATE {TABLE} SET a = 1 {OF_MINE} RETURNING ALL NEW *",
        f"UPDATE {TABLE} SET a = 1 {OF_MINE} RETURNING ALL OLD *",
        f"DELETE FROM {TABLE} {OF_MINE} RETURNING ALL OLD *",
        f"DELETE FROM {TABLE} {OF_MINE} AND secret = 'x'",
        f"INSERT INTO {TABLE} VALUE {{'p': 'mine', 's': 1, 'secret': 'x'}}",
    ):
        assert not may(policy, refused), refused
    told = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    for failing in (
        f"UPDATE {TABLE} SET a = 1 {OF_MINE} AND a = 9",
        f"DELETE FROM {TABLE} {OF_MINE} AND a = 9",
    ):
        assert may(policy, failing)
        assert not may(policy, failing, **told)
        assert not may(policy, {"Statement": failing, **told}, transact)
    exists = f"EXISTS(SELECT * FROM {TABLE} {OF_MINE} AND a = 9)"
    assert may(policy, exists, transact)
    assert not may(policy, {"Statement": exists, **told}, transact)
    assert not may(policy, exists.replace("a = 9", "secret = 'hidden'"), transact)


def test_transactions_can_be_told_from_the_others(may):
    within = {"StringEquals": {"dynamodb:EnclosingOperation": "ExecuteTransaction"}}
    only = [{"Action": "dynamodb:*", "Condition": within}]
    never = [
        {"Action": "dynamodb:*"},
        {"Effect": "Deny", "Action": "dynamodb:*", "Condition": within},
    ]
    for statement in STATEMENTS.values():
        assert may(only, statement, transact) and not may(only, statement)
        assert may(never, statement) and not may(never, statement, transact)


def test_a_batch_is_refused_by_the_statement(server, may, roles):
    policy = [{"Action": "dynamodb:PartiQLUpdate"}]
    assert may(policy, STATEMENTS["PartiQLUpdate"])
    answers = batch(roles, STATEMENTS["PartiQLInsert"], STATEMENTS["PartiQLUpdate"], "SLECT")
    assert answers[0]["Error"]["Code"] == "AccessDenied"
    assert "dynamodb:PartiQLInsert" in answers[0]["Error"]["Message"]
    assert "Error" not in answers[1] and answers[2]["Error"]["Code"] == "ValidationError"
    answers = batch(roles, STATEMENTS["PartiQLSelect"], "SELECT * FROM nobody WHERE a = 1")
    assert [one["Error"]["Code"] for one in answers] == ["AccessDenied"] * 2
    assert "hidden" not in json.dumps(answers)


def test_a_large_statement_is_read_whatever_it_needs(server, may):
    """Who may do one kind of statement alone is not refused before the body tells which it is."""
    policy = [{"Action": "dynamodb:PartiQLUpdate"}]
    large = {"Parameters": [{"S": "x" * 300_000}]}
    assert may(policy, f"UPDATE {TABLE} SET big = ? {OF_MINE}", **large)
    statement = {
        "Statement": f"UPDATE {TABLE} SET big = ? {OF_MINE} AND big = 'none'",
        "Parameters": [{"S": "x" * 3_000_000}],
    }
    digest = hashlib.sha256(json.dumps(statement).encode()).hexdigest()
    call = wire.dynamodb("ExecuteStatement", statement, x_amz_content_sha256=digest)
    answer = wire.Wire(server).ask(call, server.session("teller"))
    assert answer.code == "ConditionalCheckFailedException"


def test_a_statement_needs_the_key_of_the_table(server, db, may):
    kms = server.client("kms")
    root = f"arn:aws:iam::{server.endpoint['account_id']}:root"
    own = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    arn = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]}))[
        "KeyMetadata"
    ]["Arn"]
    db.create_table(
        TableName="Sealed",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn},
    )
    tables, keys = {"Action": "dynamodb:*"}, {"Action": "kms:Decrypt", "Resource": arn}
    for statement in (
        "SELECT * FROM Sealed",
        "INSERT INTO Sealed VALUE {'id': 'x'}",
        "DELETE FROM Sealed WHERE id = 'x'",
    ):
        assert not may([tables], statement), statement
        assert may([tables, keys], statement), statement
    of_key = "SELECT * FROM Sealed WHERE id = 'x'"
    assert not may([tables], of_key, transact) and may([tables, keys], of_key, transact)


# What the trail keeps


def test_the_trail_keeps_no_values_but_of_keys(server, db, name):
    put(db, name, a={"S": "hidden-a"})
    of_key = f"WHERE p = '{name}' AND s = 1"
    requests = [
        run(
            db,
            f"SELECT * FROM {TABLE} {of_key} AND a = 'hidden-b' -- hidden-c",
            Limit=5,
            ConsistentRead=True,
        ),
        run(db, f"UPDATE {TABLE} SET a = ? {of_key}", {"S": "hidden-d"}),
        db.batch_execute_statement(
            Statements=[
                {
                    "Statement": f"INSERT INTO {SECOND} VALUE "
                    "{'id': 'hidden-e', 'm': ['hidden-f']}"
                },
                {"Statement": "SLECT 'hidden-g'"},
            ]
        ),
        transact(
            db, f"DELETE FROM {TABLE} {of_key} AND a <> 'hidden-h'", ClientRequestToken="once"
        ),
    ]
    # What no statement has is not shown, whoever sends it.
    more = {
        "Statement": f"SELECT * FROM {TABLE} {of_key}",
        "UpdateExpression": "SET a = 'hidden-k'",
    }
    assert wire.Wire(server).ask(wire.dynamodb("ExecuteStatement", more), server.session())
    assert message(db, "SLECT 'hidden-i'") and message(db, "SELECT 'hidden-j'" + " " * 8192)
    records = records_of(server)
    assert "hidden-" not in json.dumps(records)
    shown = {one["requestID"]: one for one in records}
    found = [shown[one["ResponseMetadata"]["RequestId"]] for one in requests]
    redacted = "***(Redacted)"
    assert [one["requestParameters"] for one in found] == [
        {
            "statement": f"SELECT * FROM {TABLE} {of_key} AND a = {redacted}",
            "limit": 5,
            "consistentRead": True,
        },
        {"statement": f"UPDATE {TABLE} SET a = ? {of_key}"},
        {
            "requestItems": [
                {
                    "statement": f"INSERT INTO {SECOND} VALUE "
                    f"{{'id': {redacted}, 'm': {redacted}}}"
                },
                {"statement": redacted},
            ]
        },
        {
            "transactStatements": [
                {"statement": f"DELETE FROM {TABLE} {of_key} AND a <> {redacted}"}
            ],
            "clientRequestToken": "once",
        },
    ]
    for one in found:
        assert one["eventCategory"] == "Data" and one["readOnly"] is False
        assert all(r["type"] == "AWS::DynamoDB::Table" for r in one["resources"])
    assert found[2]["responseElements"] == {"errors": {"ValidationError": 1}}

# SPDX-License-Identifier: Apache-2.0
"""Random operations on tables, against plain models of them in memory: after each step the answer
and the items agree, and the stream of a table leads from one state to the next.
SLUICE_MODEL_STEPS says how many steps there are, the seed (conftest.py) which; the server is killed
and started again now and then. `./dev check` makes a million."""
import concurrent.futures
import copy
import decimal
import os
import random
import signal

import botocore.exceptions

import conftest

STEPS = int(os.environ.get("SLUICE_MODEL_STEPS", 20_000))
TABLES, CRASHES = 8, max(3, STEPS // 50_000)  # the tables are worked on side by side
PARTITIONS, SORTS, NAMES = "xyz", range(4), "abcd"
decimal.getcontext().prec = 60


def number(n):
    return {"N": format(n.normalize(), "f") if n else "0"}


def decimal_of(value):
    return decimal.Decimal(value["N"])


class Refused(Exception):
    """The model refuses, as DynamoDB does."""


class Model:
    """A table as a dictionary. It knows only the operations that this test makes."""

    def __init__(self):
        self.items = {}

    def update(self, key, actions):
        """`actions` has tuples of the section and its operands; all read the old item."""
        there = key in self.items
        if not there and all(action[0] in ("REMOVE", "DELETE") for action in actions):
            return
        old = self.items.get(key, {})
        new = copy.deepcopy(old)
        appended, removed = {}, {}
        for section, name, *operands in actions:
            getattr(self, "do_" + section.lower())(old, new, name, *operands, appended, removed)
        for name, elements in appended.items():
            new[name]["L"] += [value for _, value in sorted(elements, key=lambda one: one[0])]
        for name, indexes in removed.items():
            for index in sorted(indexes, reverse=True):
                del new[name]["L"][index]
        self.items[key] = new

    @staticmethod
    def do_set(old, new, name, kind, operand, appended, removed):
        if kind == "value":
            new[name] = operand
        elif kind == "copy":
            if operand not in old:
                raise Refused
            new[name] = copy.deepcopy(old[operand])
        elif kind == "plus":
            if "N" not in old.get(name, {}):
                raise Refused
            new[name] = number(decimal_of(old[name]) + decimal_of(operand))
        elif kind == "default":
            new[name] = copy.deepcopy(old.get(name, operand))
        elif kind == "append":
            before = old.get(name, {"L": []})
            if "L" not in before:
                raise Refused
            new[name] = {"L": copy.deepcopy(before["L"]) + [operand]}
        elif kind == "index":
            index, value = operand
            if "L" not in old.get(name, {}):
                raise Refused
            if index < len(old[name]["L"]):
                new[name]["L"][index] = value
            else:
                appended.setdefault(name, []).append((index, value))
        elif kind == "member":
            member, value = operand
            if "M" not in old.get(name, {}):
                raise Refused
            new[name]["M"][member] = value

    @staticmethod
    def do_remove(old, new, name, kind, operand, appended, removed):
        if kind == "whole":
            new.pop(name, None)
        elif kind == "index":
            if "L" not in old.get(name, {}):
                raise Refused
            if operand < len(old[name]["L"]):
                removed.setdefault(name, []).append(operand)
        elif kind == "member":
            if "M" not in old.get(name, {}):
                raise Refused
            new[name]["M"].pop(operand, None)

    @staticmethod
    def do_add(old, new, name, operand, appended, removed):
        (kind,) = operand
        if name not in old:
            new[name] = operand
        elif kind not in old[name]:
            raise Refused
        elif kind == "N":
            new[name] = number(decimal_of(old[name]) + decimal_of(operand))
        else:
            new[name] = {kind: sorted({*old[name][kind], *operand[kind]})}

    @staticmethod
    def do_delete(old, new, name, operand, appended, removed):
        if name not in old:
            return
        if "SS" not in old[name]:
            raise Refused
        left = sorted({*old[name]["SS"]} - {*operand["SS"]})
        if left:
            new[name] = {"SS": left}
        else:
            del new[name]


class Run:
    def __init__(self, server, table, dice):
        self.server, self.table, self.dice, self.model = server, table, dice, Model()
        self.connect()
        made = self.db.create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            KeySchema=[
                {"AttributeName": "p", "KeyType": "HASH"},
                {"AttributeName": "s", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "p", "AttributeType": "S"},
                {"AttributeName": "s", "AttributeType": "N"},
                {"AttributeName": "i", "AttributeType": "N"},
            ],
            LocalSecondaryIndexes=[
                {
                    "IndexName": "local",
                    "KeySchema": [
                        {"AttributeName": "p", "KeyType": "HASH"},
                        {"AttributeName": "i", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]},
                }
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "global",
                    "KeySchema": [{"AttributeName": "i", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        self.stream = made["TableDescription"]["LatestStreamArn"]
        # What the stream has told so far: the items, and the number of its last record.
        self.followed, self.last = {}, None

    def connect(self):
        self.db = self.server.client("dynamodb", parameter_validation=False)
        self.streams = self.server.client("dynamodbstreams")

    def key(self):
        return self.dice.choice(PARTITIONS), self.dice.choice(SORTS)

    @staticmethod
    def wire(key):
        return {"p": {"S": key[0]}, "s": {"N": str(key[1])}}

    def scalar(self):
        return number(decimal.Decimal(self.dice.randrange(-99, 100)) / 10)

    def members(self):
        return {"SS": sorted(self.dice.sample("pqrst", self.dice.randrange(1, 4)))}

    def value(self):
        return self.dice.choice(
            [
                self.scalar,
                self.members,
                lambda: {"S": self.dice.choice(["", "text", "é"])},
                lambda: {"L": [self.scalar() for _ in range(self.dice.randrange(4))]},
                lambda: {"M": {m: self.scalar() for m in self.dice.sample("kl", 1)}},
            ]
        )()

    def action(self, name):
        """One clause on an attribute: for the model, and as text with its values."""
        v = f":{name}"
        index, member = self.dice.randrange(6), self.dice.choice("kl")
        value, other = self.value(), self.dice.choice(NAMES)
        return self.dice.choice(
            [
                (("SET", name, "value", value), f"{name} = {v}", {v: value}),
                (("SET", name, "copy", other), f"{name} = {other}", {}),
                (
                    ("SET", name, "plus", one := self.scalar()),
                    f"{name} = {name} + {v}",
                    {v: one},
                ),
                (
                    ("SET", name, "default", value),
                    f"{name} = if_not_exists({name}, {v})",
                    {v: value},
                ),
                (
                    ("SET", name, "append", value),
                    f"{name} = list_append(if_not_exists({name}, {v}e), {v})",
                    {v: {"L": [value]}, v + "e": {"L": []}},
                ),
                (("SET", name, "index", (index, value)), f"{name}[{index}] = {v}", {v: value}),
                (("SET", name, "member", (member, value)), f"{name}.{member} = {v}", {v: value}),
                (("REMOVE", name, "whole", None), name, {}),
                (("REMOVE", name, "index", index), f"{name}[{index}]", {}),
                (("REMOVE", name, "member", member), f"{name}.{member}", {}),
                (("ADD", name, one), f"{name} {v}", {v: one}),
                (("ADD", name, some := self.members()), f"{name} {v}", {v: some}),
                (("DELETE", name, some), f"{name} {v}", {v: some}),
            ]
        )

    def update(self, key):
        chosen = [self.action(name) for name in self.dice.sample(NAMES, self.dice.randrange(1, 4))]
        sections, values = {}, {}
        for (section, *_), text, given in chosen:
            sections.setdefault(section, []).append(text)
            values |= given
        arguments = {
            "UpdateExpression": " ".join(
                f"{section} {', '.join(texts)}" for section, texts in sections.items()
            )
        }
        if values:
            arguments["ExpressionAttributeValues"] = values
        return key, arguments, lambda: self.model.update(key, [action for action, *_ in chosen])

    def step_update(self):
        key, arguments, on_model = self.update(self.key())
        before = copy.deepcopy(self.model.items.get(key))
        try:
            on_model()
            refused = False
        except Refused:
            refused = True
        try:
            answer = self.db.update_item(
                TableName=self.table, Key=self.wire(key), ReturnValues="ALL_NEW", **arguments
            )
            assert not refused, (before, arguments, answer)
            after = self.model.items.get(key)
            assert answer.get("Attributes") == (
                None if after is None else self.wire(key) | after
            ), (before, arguments)
        except botocore.exceptions.ClientError as error:
            assert refused and error.response["Error"]["Code"] == "ValidationException", (
                error,
                before,
                arguments,
            )

    def of_index(self):
        return {"N": str(self.dice.randrange(4))}

    def item(self):
        item = {
            name: self.value() for name in self.dice.sample(NAMES, self.dice.randrange(len(NAMES)))
        }
        return item | ({"i": self.of_index()} if self.dice.random() < 0.6 else {})

    def step_transaction(self):
        """Some actions on items of their own: all are done, or none."""
        keys = self.dice.sample(
            [(p, s) for p in PARTITIONS for s in SORTS], self.dice.randrange(1, 4)
        )
        undo, actions, refused = copy.deepcopy(self.model.items), [], False
        for key in keys:
            kind = self.dice.choice(["Put", "Update", "Update", "Delete", "ConditionCheck"])
            action = {"TableName": self.table}
            if kind == "Put":
                self.model.items[key] = self.item()
                action["Item"] = self.wire(key) | self.model.items[key]
            elif kind == "Update":
                _, arguments, on_model = self.update(key)
                action |= {"Key": self.wire(key)} | arguments
                try:
                    on_model()
                except Refused:
                    refused = True
            elif kind == "Delete":
                action["Key"] = self.wire(key)
                self.model.items.pop(key, None)
            else:
                action |= {
                    "Key": self.wire(key),
                    "ConditionExpression": "attribute_exists(p)",
                }
                refused |= key not in undo
            actions.append({kind: action})
        try:
            self.db.transact_write_items(TransactItems=actions)
            assert not refused, (undo, actions)
        except self.db.exceptions.TransactionCanceledException:
            assert refused, (undo, actions)
            self.model.items = undo

    def step_put(self):
        key = self.key()
        item = self.item()
        answer = self.db.put_item(
            TableName=self.table, Item=self.wire(key) | item, ReturnValues="ALL_OLD"
        )
        self.check_old(key, answer)
        self.model.items[key] = item

    def step_delete(self):
        key = self.key()
        answer = self.db.delete_item(
            TableName=self.table, Key=self.wire(key), ReturnValues="ALL_OLD"
        )
        self.check_old(key, answer)
        self.model.items.pop(key, None)

    def check_old(self, key, answer):
        before = self.model.items.get(key)
        assert answer.get("Attributes") == (None if before is None else self.wire(key) | before)

    def step_put_when_absent(self):
        key = self.key()
        try:
            self.db.put_item(
                TableName=self.table,
                Item=self.wire(key),
                ConditionExpression="attribute_not_exists(p)",
            )
            assert key not in self.model.items
            self.model.items[key] = {}
        except self.db.exceptions.ConditionalCheckFailedException:
            assert key in self.model.items

    def step_get(self):
        key = self.key()
        got = self.db.get_item(TableName=self.table, Key=self.wire(key), ConsistentRead=True)
        there = self.model.items.get(key)
        assert got.get("Item") == (None if there is None else self.wire(key) | there)

    def step_query(self):
        partition = self.dice.choice(PARTITIONS)
        low = self.dice.choice(SORTS)
        backwards = self.dice.random() < 0.5
        got = self.db.query(
            TableName=self.table,
            KeyConditionExpression="p = :p AND s >= :low",
            ExpressionAttributeValues={":p": {"S": partition}, ":low": {"N": str(low)}},
            ScanIndexForward=not backwards,
            ConsistentRead=True,
        )["Items"]
        assert got == [
            self.wire(key) | item
            for key, item in sorted(self.model.items.items(), reverse=backwards)
            if key[0] == partition and key[1] >= low
        ]

    def step_indexes(self):
        """The indexes hold what the items say, and nothing else."""
        sought = self.of_index()
        got = self.db.query(
            TableName=self.table,
            IndexName="global",
            KeyConditionExpression="i = :i",
            ExpressionAttributeValues={":i": sought},
        )["Items"]
        wanted = {
            key: self.wire(key) | item
            for key, item in self.model.items.items()
            if item.get("i") == sought
        }
        assert {(one["p"]["S"], int(one["s"]["N"])): one for one in got} == wanted
        partition = self.dice.choice(PARTITIONS)
        got = self.db.query(
            TableName=self.table,
            IndexName="local",
            KeyConditionExpression="p = :p",
            ExpressionAttributeValues={":p": {"S": partition}},
        )["Items"]
        assert got == [
            self.wire(key) | {name: item[name] for name in ("a", "i") if name in item}
            for key, item in sorted(
                self.model.items.items(),
                key=lambda one: (one[1].get("i", {}).get("N", ""), one[0]),
            )
            if key[0] == partition and "i" in item
        ]

    def compare_all(self):
        found = {
            (item.pop("p")["S"], int(item.pop("s")["N"])): item
            for page in self.db.get_paginator("scan").paginate(TableName=self.table, Limit=5)
            for item in page["Items"]
        }
        assert found == self.model.items

    def compare_stream(self):
        """Each change begins with the item as the one before it left it."""
        described = self.streams.describe_stream(StreamArn=self.stream)["StreamDescription"]
        after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.last}
        at = self.streams.get_shard_iterator(
            StreamArn=self.stream,
            ShardId=described["Shards"][0]["ShardId"],
            **after if self.last else {"ShardIteratorType": "TRIM_HORIZON"},
        )["ShardIterator"]
        while records := (page := self.streams.get_records(ShardIterator=at))["Records"]:
            for record in records:
                change = record["dynamodb"]
                key = change["Keys"]["p"]["S"], int(change["Keys"]["s"]["N"])
                assert change.get("OldImage") == self.followed.pop(key, None)
                if "NewImage" in change:
                    self.followed[key] = change["NewImage"]
                self.last = change["SequenceNumber"]
            at = page["NextShardIterator"]
        wanted = {key: self.wire(key) | item for key, item in self.model.items.items()}
        assert self.followed == wanted

    def step(self):
        self.dice.choices(
            [
                self.step_update,
                self.step_put,
                self.step_delete,
                self.step_put_when_absent,
                self.step_get,
                self.step_query,
                self.step_indexes,
                self.step_transaction,
                self.compare_all,
                self.compare_stream,
            ],
            (12, 3, 1, 1, 1, 1, 2, 4, 0.2, 0.2),
        )[0]()

    def steps(self, count):
        for step in range(count):
            try:
                self.step()
            except AssertionError as wrong:
                what = f"{self.table}, step {step} of {STEPS}, seed {conftest.SEED}"
                raise AssertionError(what) from wrong


def test_tables_do_what_dictionaries_do(fresh_server):
    runs = [
        Run(fresh_server, f"model-{n}", random.Random(f"{conftest.SEED} {n}"))
        for n in range(TABLES)
    ]
    for _ in range(CRASHES + 1):
        with concurrent.futures.ThreadPoolExecutor(TABLES) as pool:
            list(pool.map(lambda run: run.steps(STEPS // TABLES // (CRASHES + 1)), runs))
        fresh_server.stop(signal.SIGKILL)
        fresh_server.start()
        for run in runs:
            run.connect()
            run.compare_all()
            run.compare_stream()

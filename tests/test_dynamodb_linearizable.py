# SPDX-License-Identifier: Apache-2.0
"""What many callers at once are told by a table, its transactions among them, is what one caller
after the other could have been told, though the server is killed between; and the checker that says
so is known to find what is wrong."""
import dataclasses
import itertools
import math
import os
import random
import signal
import threading
import time

import botocore.exceptions
import pytest

import conftest
from linearizable import UNTOLD, Action, Answer, Operation, after, objects, why_not

CALLERS, CALLS = 32, int(os.environ.get("SLUICE_LINEARIZABLE_CALLS", 100))  # of each
ALONE = [f"alone-{n}" for n in range(6)]
# The keys of the transactions, and of single calls, too. Their history is searched as one: the work
# doubles with every caller that is at it at once, so that not all of the callers are.
JOINED, JOINERS = [f"joined-{n}" for n in range(4)], 8
TABLE = "Linearizable"
# Nothing was done, and nothing is told by it.
WITHOUT_EFFECT = ("TransactionConflictException", "TransactionInProgressException")


# ---- the checker, on histories that are known


def at(called, answered, *actions, told=None, failed=()):
    answer = None if told is None else Answer(tuple(told), tuple(failed))
    return Operation(called, math.inf if told is None else answered, actions, answer)


def put(key, value):
    return Action("put", key, value)


def read(key):
    return Action("read", key)


def add(key):
    return Action("add", key, 1)


X, Y = ("x", 0), ("y", 0)
GOOD = {
    "one after the other": [
        at(0, 1, put("a", "x"), told=[None]),
        at(2, 3, read("a"), told=[X]),
    ],
    "a read beside a write may see either": [
        at(0, 9, put("a", "x"), told=[None]),
        at(1, 2, read("a"), told=[None]),
        at(3, 4, read("a"), told=[X]),
    ],
    "writes at once, in the other order": [
        at(0, 9, put("a", "x"), told=[Y]),
        at(1, 8, put("a", "y"), told=[None]),
        at(10, 11, read("a"), told=[X]),
    ],
    "a write without an answer that was done late": [
        at(0, 0, put("a", "x")),
        at(1, 2, read("a"), told=[None]),
        at(3, 4, read("a"), told=[X]),
    ],
    "a write without an answer that was never done": [
        at(0, 0, put("a", "x")),
        at(1, 2, put("a", "y"), told=[None]),
        at(3, 4, read("a"), told=[Y]),
    ],
    "a transaction": [
        at(0, 9, put("a", "x"), put("b", "x"), told=[None, None]),
        at(1, 2, read("a"), read("b"), told=[None, None]),
        at(3, 4, read("b"), told=[X]),
        at(5, 6, read("a"), told=[X]),
    ],
    "a condition that fails shows the item": [
        at(0, 1, put("a", "x"), told=[None]),
        at(2, 3, Action("set_if", "a", "z", "y"), told=[X], failed=[True]),
        at(4, 5, Action("set_if", "a", "y", "x"), told=[Y], failed=[False]),
    ],
    "a deletion that was done after the write that it met not yet": [
        at(0, 9, Action("delete", "a"), told=[UNTOLD]),
        at(1, 8, put("a", "x"), told=[None]),
        at(10, 11, read("a"), told=[None]),
    ],
    "many at once": [at(n, 99, add("a"), told=[(None, 20 - n)]) for n in range(20)],
}
BAD = {
    "a stale read": [
        at(0, 1, put("a", "x"), told=[None]),
        at(2, 3, put("a", "y"), told=[X]),
        at(4, 5, read("a"), told=[X]),
    ],
    "a write that is lost": [
        at(0, 1, put("a", "x"), told=[None]),
        at(2, 3, read("a"), told=[None]),
    ],
    "time that goes backwards": [
        at(0, 9, put("a", "x"), told=[None]),
        at(1, 2, read("a"), told=[X]),
        at(3, 4, read("a"), told=[None]),
    ],
    "two that both count to one": [
        at(0, 9, add("a"), told=[(None, 1)]),
        at(1, 8, add("a"), told=[(None, 1)]),
    ],
    "two that both create": [
        at(0, 9, Action("create", "a", "x"), told=[UNTOLD], failed=[False]),
        at(1, 8, Action("create", "a", "y"), told=[UNTOLD], failed=[False]),
    ],
    "a condition that failed though it held": [
        at(0, 1, put("a", "x"), told=[None]),
        at(2, 3, Action("delete_if", "a", expected="x"), told=[UNTOLD], failed=[True]),
    ],
    "half a transaction seen by a transaction": [
        at(0, 9, put("a", "x"), put("b", "x"), told=[None, None]),
        at(1, 2, read("a"), read("b"), told=[X, None]),
    ],
    "half a transaction seen by single reads": [
        at(0, 9, put("a", "x"), put("b", "x"), told=[None, None]),
        at(1, 2, read("a"), told=[X]),
        at(3, 4, read("b"), told=[None]),
    ],
    "each key is in order, but not both": [  # a skew of writes
        at(0, 1, put("a", "x"), put("b", "x"), told=[None, None]),
        at(
            2,
            9,
            Action("check", "a", expected="x"),
            put("b", "y"),
            told=[UNTOLD, X],
            failed=[False, False],
        ),
        at(
            3,
            8,
            Action("check", "b", expected="x"),
            put("a", "y"),
            told=[UNTOLD, X],
            failed=[False, False],
        ),
    ],
    "a transaction that failed and was done": [
        at(0, 1, put("a", "x"), put("b", "x"), told=[None, None]),
        at(
            2,
            3,
            put("a", "y"),
            Action("check", "b", expected="z"),
            told=[UNTOLD, UNTOLD],
            failed=[False, True],
        ),
        at(4, 5, read("a"), told=[Y]),
    ],
    "a write without an answer, done and undone": [
        at(0, 0, put("a", "x")),
        at(1, 2, read("a"), told=[X]),
        at(3, 4, read("a"), told=[None]),
    ],
    "many at once, and one too many": [
        at(n, 99, add("a"), told=[(None, 20 - n)]) for n in range(20)
    ]
    + [at(0, 99, add("a"), told=[(None, 20)])],
}


@pytest.mark.parametrize("name", GOOD)
def test_the_checker_passes_what_is_linearizable(name):
    assert why_not(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_the_checker_finds_what_is_not_linearizable(name):
    """Else the test below would protect nothing."""
    assert why_not(BAD[name])


def test_the_checker_agrees_with_trying_every_order():
    """On small histories: answers of an order by chance, one of them changed now and then."""
    dice, seen = random.Random(1), {True: 0, False: 0}
    for _ in range(400):
        history, items = [], {}
        for called in dice.sample(range(5), 5):
            keys = dice.choice(["a", "b", "ab"])
            actions = [Action(dice.choice(["put", "add", "read"]), key, 1) for key in keys]
            told = []
            for action in actions:
                _, items[action.key], shown = after(items.get(action.key), action)
                told.append(shown if dice.random() < 0.9 else ("other", 7))
            history.append(at(called, called + dice.choice([0.5, 2.5, 4.5]), *actions, told=told))
        found = why_not(history) is None
        assert found == any(map(fits, itertools.permutations(history))), history
        seen[found] += 1
    assert min(seen.values()) > 50, seen


def fits(order):
    items = {}
    for place, one in enumerate(order):
        if any(later.answered < one.called for later in order[place:]):
            return False
        for action, told in zip(one.actions, one.answer.told):
            _, items[action.key], shown = after(items.get(action.key), action)
            if shown != told:
                return False
    return True


# ---- the table


def wire_key(key):
    return {"k": {"S": key}}


def item_of(attributes):
    if not attributes:
        return None
    return attributes.get("v", {}).get("S"), int(attributes.get("n", {"N": "0"})["N"])


UPDATES = {
    "set_if": {
        "UpdateExpression": "SET v = :v",
        "ConditionExpression": "attribute_exists(k) AND v = :e",
    },
    "add": {"UpdateExpression": "ADD n :v"},
}
CONDITIONS = {
    "create": "attribute_not_exists(k)",
    "delete_if": "v = :e",
    "check": "v = :e",
}


def written(action):
    """The name of the call, and its arguments."""
    kind = {"put": "Put", "create": "Put", "check": "ConditionCheck", "read": "Get"}.get(
        action.kind, "Update" if action.kind in UPDATES else "Delete"
    )
    told = {"TableName": TABLE}
    if kind == "Put":
        told["Item"] = wire_key(action.key) | {"v": {"S": action.value}, "n": {"N": "0"}}
    else:
        told["Key"] = wire_key(action.key)
    told |= UPDATES.get(action.kind, {})
    if action.kind in CONDITIONS:
        told["ConditionExpression"] = CONDITIONS[action.kind]
    values = {}
    if kind == "Update":
        values[":v"] = {"N": str(action.value)} if action.kind == "add" else {"S": action.value}
    if action.expected is not None:
        values[":e"] = {"S": action.expected}
    if values:
        told["ExpressionAttributeValues"] = values
    return kind, told


class Caller(threading.Thread):
    def __init__(self, run, number):
        super().__init__()
        self.run_, self.number = run, number
        self.dice = random.Random(f"{conftest.SEED} {number}")
        self.history, self.broken = [], None

    def run(self):
        try:
            for call in range(CALLS):
                self.one(f"{self.number}.{call}")
        except BaseException as broken:  # told by the test
            self.broken = broken
        finally:
            self.run_.done.release()

    def one(self, name):
        actions = self.choose(name)
        client = self.run_.client
        called = time.monotonic_ns()
        try:
            answer = self.ask(client, actions)
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code in WITHOUT_EFFECT:
                return
            answer = self.failed(error, code, actions)
            if answer is None:
                return
        except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
            self.history.append(Operation(called, math.inf, actions, None))
            self.run_.wait_for_another(client)
            return
        self.history.append(Operation(called, time.monotonic_ns(), actions, answer))
        self.run_.seen |= {
            action.key: told[0]
            for action, told in zip(actions, answer.told)
            if told not in (None, UNTOLD)
        }
        self.run_.done.release()

    def choose(self, name):
        """What is expected is mostly what somebody saw not long ago."""
        chance = self.dice.random()
        if self.number >= JOINERS or chance > 0.6:
            keys = JOINED if self.number < JOINERS else ALONE
            return (self.single(self.dice.choice(keys), name),)
        keys = self.dice.sample(JOINED, self.dice.randrange(2, 4))
        if chance > 0.4:
            return tuple(Action("read", key) for key in keys)
        kinds = ["put", "add", "set_if", "check", "delete"]
        return tuple(self.action(self.dice.choice(kinds), key, name) for key in keys)

    def single(self, key, name):
        kinds = ["read", "read", "put", "add", "add", "set_if", "set_if", "create"]
        return self.action(self.dice.choice([*kinds, "delete", "delete_if"]), key, name)

    def action(self, kind, key, name):
        if kind == "add":  # not by one: a sum tells what it is of
            return Action(kind, key, self.dice.randrange(1, 1 << 40))
        value = name if kind in ("put", "create", "set_if") else None
        asks = kind in ("set_if", "delete_if", "check")
        return Action(kind, key, value, self.run_.seen.get(key) or "none" if asks else None)

    def ask(self, client, actions):
        if len(actions) > 1:
            return self.ask_together(client, actions)
        (action,) = actions
        kind, arguments = written(action)
        if kind == "Get":
            got = client.get_item(**arguments, ConsistentRead=True)
            return Answer((item_of(got.get("Item")),))
        call = getattr(client, f"{kind.lower()}_item")
        got = call(**arguments, ReturnValues="ALL_NEW" if kind == "Update" else "ALL_OLD")
        return Answer((item_of(got.get("Attributes")),), (False,))

    def ask_together(self, client, actions):
        if actions[0].kind == "read":
            gets = [{"Get": written(action)[1]} for action in actions]
            got = client.transact_get_items(TransactItems=gets)["Responses"]
            return Answer(tuple(item_of(one.get("Item")) for one in got))
        items = []
        for action in actions:
            kind, arguments = written(action)
            if "ConditionExpression" in arguments:
                arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
            items.append({kind: arguments})
        client.transact_write_items(TransactItems=items)
        return Answer((UNTOLD,) * len(actions), (False,) * len(actions))

    @staticmethod
    def failed(error, code, actions):
        if code == "ConditionalCheckFailedException":
            return Answer((UNTOLD,), (True,))
        assert code == "TransactionCanceledException", error
        reasons = error.response["CancellationReasons"]
        codes = [one["Code"] for one in reasons]
        if "TransactionConflict" in codes:
            return None
        assert set(codes) == {"None", "ConditionalCheckFailed"} or set(codes) == {
            "ConditionalCheckFailed"
        }, codes
        fails = tuple(one == "ConditionalCheckFailed" for one in codes)
        told = tuple(
            item_of(reason.get("Item")) if fail else UNTOLD for reason, fail in zip(reasons, fails)
        )
        return Answer(told, fails)


class Run:
    """The callers, and the server that is killed under them when they have done a half."""

    def __init__(self, server):
        self.server, self.seen = server, {}
        self.done = threading.Semaphore(0)
        self.another = threading.Condition()
        self.connect()
        self.client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        )

    def connect(self):
        self.client = self.server.client("dynamodb", max_pool_connections=CALLERS)

    def wait_for_another(self, client):
        with self.another:
            assert self.another.wait_for(lambda: self.client is not client, timeout=60)

    def history(self):
        callers = [Caller(self, number) for number in range(CALLERS)]
        for one in callers:
            one.start()
        for _ in range(CALLERS * CALLS // 2):
            self.done.acquire()
        self.server.stop(signal.SIGKILL)
        self.server.start()
        with self.another:
            self.connect()
            self.another.notify_all()
        for one in callers:
            one.join()
            if one.broken:
                raise one.broken
        return [operation for one in callers for operation in one.history]


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    server = conftest.Server(tmp_path_factory.mktemp("linearizable")).start()
    recorded = Run(server).history()
    assert server.stop() == 0
    return recorded


def test_a_table_is_linearizable(history):
    """Single calls by key, and transactions over the keys that they join."""
    parts = objects(history)
    assert len(parts) == len(ALONE) + 1
    kinds = {action.kind for one in history for action in one.actions}
    assert kinds == {"put", "create", "set_if", "add", "delete", "delete_if", "check", "read"}
    assert any(one.answer is None for one in history)
    assert why_not(history) is None, f"seed {conftest.SEED}: {why_not(history)}"


def stale(history):
    """A read that is told what a finished write had overwritten before it was asked."""
    for write in history:
        (action, *more) = write.actions
        if more or action.kind != "put" or write.answer is None or not write.answer.told[0]:
            continue
        for number, one in enumerate(history):
            if one.actions == (Action("read", action.key),) and one.answer:
                if one.called > write.answered and one.answer.told[0] != write.answer.told[0]:
                    yield number, dataclasses.replace(one, answer=Answer((write.answer.told[0],)))


def torn(history):
    """A transaction's read that is told a new item, and of another key what was there before."""
    for number, one in enumerate(history):
        if len(one.actions) > 1 and one.actions[0].kind == "read" and one.answer:
            told = list(one.answer.told)
            key = one.actions[0].key
            for write in history:
                (action, *more) = write.actions
                if not more and action.key == key and action.kind == "put" and write.answer:
                    if write.answered < one.called and write.answer.told[0] not in (None, told[0]):
                        yield number, dataclasses.replace(
                            one, answer=Answer((write.answer.told[0], *told[1:]))
                        )


def lost(history):
    """A sum without what was added."""
    for number, one in enumerate(history):
        if [action.kind for action in one.actions] == ["add"] and one.answer:
            value, count = one.answer.told[0]
            before = count - one.actions[0].value
            if before:
                yield number, dataclasses.replace(one, answer=Answer(((value, before),)))


@pytest.mark.parametrize("wrong", [stale, torn, lost])
def test_one_wrong_answer_among_all_is_found(history, wrong):
    """Each is put into the recorded history in place of the right one."""
    tries = list(itertools.islice(wrong(history), 0, None))
    random.Random(conftest.SEED).shuffle(tries)
    assert len(tries) >= 2
    for number, answer in tries[:2]:
        changed = [*history[:number], answer, *history[number + 1 :]]
        assert why_not(changed), answer

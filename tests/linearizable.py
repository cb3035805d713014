# SPDX-License-Identifier: Apache-2.0
"""Whether what concurrent callers of a store of keys were told could have been told by one caller
after the other: the search of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with
the memory of Lowe (Testing for Linearizability, 2017).

Linearizability is local: a history is linearizable if that of each object is. Keys that one
operation touches together, as a transaction does, are one object; every other key is its own. So a
transaction is checked over the joined state of all its keys, and the history is found to be
strictly serializable, too.

    history = [Operation(0, 5, (Action("put", "a", "x"),), Answer((None,)))]
    assert not why_not(history)
"""
import bisect
import dataclasses
import math

UNTOLD = "untold"  # an answer that says nothing of the item
NODES_MAX = 300_000  # a history that fits takes about as many as it has operations


@dataclasses.dataclass(frozen=True)
class Action:
    """put, create, set_if, add, delete, delete_if, check or read, of one key."""

    kind: str
    key: str
    value: object = None  # what is written, or added
    expected: object = None  # what the condition compares with


@dataclasses.dataclass(frozen=True)
class Answer:
    """`told` has an entry for each action: the item that was shown, or UNTOLD. `failed` has a truth
    value for each: whether its condition did not hold; where one is true nothing was done."""

    told: tuple
    failed: tuple = ()


@dataclasses.dataclass(frozen=True)
class Operation:
    """Without an answer it may have been done, at any time since its call, or not."""

    called: int
    answered: float
    actions: tuple
    answer: Answer | None


def after(item, action):
    """(whether the condition holds, the item after it, the item that is shown). An item is None, or
    its value and its counter."""
    value, count = item or (None, 0)
    if action.kind == "put":
        return True, (action.value, 0), item
    if action.kind == "create":
        return item is None, (action.value, 0), None
    if action.kind == "set_if":
        return item is not None and value == action.expected, *[(action.value, count)] * 2
    if action.kind == "add":
        return True, *[(value, count + action.value)] * 2
    if action.kind == "delete":
        return True, None, item
    matches = item is not None and value == action.expected
    if action.kind == "delete_if":
        return matches, None, item
    if action.kind == "check":
        return matches, item, UNTOLD
    if action.kind == "read":
        return True, item, item
    raise ValueError(action.kind)


def step(state, operation, place):
    """The state after the operation, or None where its answer cannot be given in this state."""
    new, answer = list(state), operation.answer
    for at, action in enumerate(operation.actions):
        item = state[place[action.key]]
        holds, changed, shown = after(item, action)
        if answer is None:
            if not holds:
                return None  # nothing is done: as good as never
        else:
            fails = bool(answer.failed and answer.failed[at])
            if fails == holds:
                return None
            if answer.told[at] != UNTOLD and answer.told[at] != (item if fails else shown):
                return None
        new[place[action.key]] = changed
    return state if answer and any(answer.failed) else tuple(new)


def looks_only(operation):
    """Whether it changes nothing wherever it stands."""
    if operation.answer and any(operation.answer.failed):
        return True
    return all(action.kind in ("read", "check") for action in operation.actions)


def needed(action, told, failed):
    """The item that must be there before, for this answer to be given: an item, or of one with
    a value as far as that is known (its counter is None), or UNTOLD."""
    if failed or action.kind in ("put", "delete", "read"):
        return told
    if action.kind == "create":
        return None
    if action.kind == "add":
        if told == UNTOLD or told == (None, action.value):
            return UNTOLD if told == UNTOLD else None
        return told[0], told[1] - action.value
    return action.expected, None if told == UNTOLD else told[1]


def fits(item, need):
    if need == UNTOLD or item is None or need is None:
        return need == UNTOLD or item == need
    return item[0] == need[0] and need[1] in (None, item[1])


def objects(history):
    """The history in parts, none of which has a key of another."""
    root = {}

    def find(key):
        while root.setdefault(key, key) != key:
            key = root[key]
        return key

    for operation in history:
        for action in operation.actions:
            root[find(action.key)] = find(operation.actions[0].key)
    parts = {}
    for operation in history:
        parts.setdefault(find(operation.actions[0].key), []).append(operation)
    return list(parts.values())


class Search:
    """For an order of the operations of one object. Those before `low` are done; bit n of `done`
    says it of number low + n."""

    def __init__(self, operations):
        told = (one for one in operations if one.answer or not looks_only(one))
        self.operations = sorted(told, key=lambda one: one.called)
        keys = sorted({action.key for one in operations for action in one.actions})
        self.place = {key: at for at, key in enumerate(keys)}
        self.start = (0, 0, (None,) * len(keys))
        self.makers = (
            {}
        )  # of each value, of the lack of an item, and of a sum: in the order of calls
        for at, one in enumerate(self.operations):
            for action in one.actions:
                if not looks_only(one):
                    self.makers.setdefault(self.makes(action), []).append(at)

    @staticmethod
    def makes(action):
        if action.kind in ("delete", "delete_if"):
            return action.key, None
        return action.key, "a sum" if action.kind == "add" else ("value", action.value)

    def hopeless(self, low, done, state, at):
        """Whether what this one needs is not there, and nobody is left who can make it."""
        operation = self.operations[at]
        for number, action in enumerate(operation.actions):
            failed = bool(operation.answer.failed and operation.answer.failed[number])
            need = needed(action, operation.answer.told[number], failed)
            item = state[self.place[action.key]]
            if fits(item, need):
                continue
            if need is None:
                wanted = action.key, None
            elif need[0] is None or item is not None and item[0] == need[0]:
                wanted = action.key, "a sum"
            else:
                wanted = action.key, ("value", need[0])
            if not self.left(low, done, self.makers.get(wanted, []), operation.answered):
                return True
        return False

    def left(self, low, done, makers, answered):
        for at in makers[bisect.bisect_left(makers, low) :]:
            if self.operations[at].called > answered:
                return False
            if not done >> (at - low) & 1:
                return True
        return False

    def first(self, low, done):
        """Those that can be the next one: no other that is not done had its answer before their
        call. Who was answered first was mostly done first; those without an answer come last."""
        known, unknown, bound = [], [], math.inf
        for at in range(low, len(self.operations)):
            if done >> (at - low) & 1:
                continue
            operation = self.operations[at]
            if operation.called > bound:
                break
            bound = min(bound, operation.answered)
            (known if operation.answer else unknown).append(at)
        known.sort(key=lambda at: self.operations[at].answered)
        return known, unknown

    def taken(self, low, done, at):
        done |= 1 << (at - low)
        while done & 1:
            low, done = low + 1, done >> 1
        return low, done

    def next_of(self, low, done, state):
        """The nodes that follow, or None at the end."""
        known, unknown = self.first(low, done)
        if not known:
            return None
        if any(self.hopeless(low, done, state, at) for at in known):
            return []
        nodes = []
        for at in known + unknown:
            new = step(state, self.operations[at], self.place)
            if new is None:
                continue
            node = (*self.taken(low, done, at), new)
            if looks_only(self.operations[at]):
                return [node]  # it fits here: no order is lost by taking it
            nodes.append(node)
        return nodes

    def why_not(self):
        """Nothing, or what could not be explained where the search came furthest. It gives up in
        the end: then no order was found, though not every one was tried."""
        seen, stack, best = {self.start}, [self.start], (-1, None)
        while stack and len(seen) < NODES_MAX:
            node = stack.pop()
            low, done, state = node
            following = self.next_of(low, done, state)
            if following is None:
                return None
            count = low + done.bit_count()
            if count > best[0]:
                best = (count, node)
            for one in reversed(following):
                if one not in seen:
                    seen.add(one)
                    stack.append(one)
        low, done, state = best[1]
        known, unknown = self.first(low, done)
        left = "\n".join(str(self.operations[at]) for at in known + unknown)
        return f"after {best[0]} operations, in {dict(zip(self.place, state))}, none of:\n{left}"


def why_not(history):
    """Nothing if the history is linearizable, else what shows that it is not."""
    for part in objects(history):
        found = Search(part).why_not()
        if found:
            return found
    return None

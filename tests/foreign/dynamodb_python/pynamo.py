# SPDX-License-Identifier: Apache-2.0
"""PynamoDB as its documentation shows it: models with indexes, conditions, update actions, batches,
transactions, versions and a time to live."""
import datetime

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, LocalSecondaryIndex
from pynamodb.indexes import KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite


class ByViews(GlobalSecondaryIndex):
    class Meta:
        index_name = "by-views"
        projection = AllProjection()

    forum = UnicodeAttribute(hash_key=True)
    views = NumberAttribute(range_key=True)


class ByAuthor(LocalSecondaryIndex):
    class Meta:
        index_name = "by-author"
        projection = KeysOnlyProjection()

    forum = UnicodeAttribute(hash_key=True)
    author = UnicodeAttribute(range_key=True)


class Place(MapAttribute):
    city = UnicodeAttribute()
    floor = NumberAttribute(null=True)


class Thread(Model):
    class Meta:
        table_name = "Threads"
        billing_mode = "PAY_PER_REQUEST"

    forum = UnicodeAttribute(hash_key=True)
    subject = UnicodeAttribute(range_key=True)
    views = NumberAttribute(default=0)
    author = UnicodeAttribute(null=True)
    tags = UnicodeSetAttribute(null=True)
    scores = NumberSetAttribute(null=True)
    replies = ListAttribute(default=list)
    place = Place(null=True)
    raw = BinaryAttribute(null=True, legacy_encoding=False)
    extra = JSONAttribute(null=True)
    open = BooleanAttribute(default=True)
    written = UTCDateTimeAttribute(null=True)
    gone = TTLAttribute(null=True)
    by_views = ByViews()
    by_author = ByAuthor()


class Account(Model):
    class Meta:
        table_name = "Accounts"
        read_capacity_units = 5
        write_capacity_units = 5

    name = UnicodeAttribute(hash_key=True)
    money = NumberAttribute(default=0)
    version = VersionAttribute()


def refused(kind, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"{call} was not refused")


assert not Thread.exists()
Thread.create_table(wait=True)
Account.create_table(wait=True)
assert Thread.exists() and Thread.describe_table()["TableStatus"] == "ACTIVE"

# Every type, there and back.
now = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
first = Thread("news", "one", views=3, author="zoe", tags={"a", "b"}, scores={1, 2.5})
first.place, first.raw, first.extra = Place(city="Bern", floor=2), b"\0\xff", {"deep": [1, None]}
first.written = first.gone = now
first.replies = ["hello", {"by": "amy"}, 7]
first.save()
back = Thread.get("news", "one", consistent_read=True)
for name, value in first.attribute_values.items():
    if name not in ("place", "replies"):  # maps are equal to themselves alone
        assert back.attribute_values[name] == value, (name, value, back)

assert back.place.as_dict() == {"city": "Bern", "floor": 2}
assert back.replies[0] == "hello" and back.replies[1] == {"by": "amy"}

# Conditions and update actions.
refused(PutError, Thread("news", "one").save, condition=Thread.forum.does_not_exist())
back.update(
    actions=[
        Thread.views.set(Thread.views + 1),
        Thread.replies.set(Thread.replies.append(["more"])),
        Thread.place.city.set("Basel"),
        Thread.author.set(Thread.author | "nobody"),
        Thread.tags.add({"c"}),
        Thread.scores.delete({1}),
        Thread.extra.remove(),
    ],
    condition=(Thread.views == 3) & Thread.tags.contains("a") & Thread.open.is_type(),
)
assert back.views == 4 and back.replies[2:] == [7, "more"] and back.author == "zoe"
back.update(actions=[Thread.replies[1].remove()])
assert back.replies == ["hello", 7, "more"]
assert back.tags == {"a", "b", "c"} and back.scores == {2.5} and back.extra is None
assert back.place.city == "Basel" and back.place.floor == 2
wrong = refused(UpdateError, back.update, actions=[Thread.views.set(0)], condition=Thread.views > 9)
assert wrong.cause_response_code == "ConditionalCheckFailedException"

# Batches, queries and scans in pages.
with Thread.batch_write() as batch:
    for number in range(60):
        batch.save(Thread("talk", f"s{number:02}", views=number % 7, author=f"a{number % 3}"))
asked = [("talk", f"s{number:02}") for number in range(0, 60, 2)] + [("talk", "none")]
assert len(list(Thread.batch_get(asked))) == 30
pages = Thread.query("talk", Thread.subject.startswith("s1"), page_size=3)
assert [one.subject for one in pages] == [f"s1{digit}" for digit in range(10)]
filtered = Thread.query(
    "talk",
    Thread.subject.between("s10", "s29"),
    filter_condition=Thread.author.is_in("a0", "a1") & ~(Thread.views == 0),
    scan_index_forward=False,
    limit=5,
    attributes_to_get=["subject", "views"],
)
assert [one.subject for one in filtered] == ["s27", "s25", "s24", "s22", "s19"]
assert Thread.count("talk") == 60
assert Thread.count("talk", filter_condition=Thread.author == "a0") == 20
viewed = Thread.by_views.query("talk", Thread.views >= 5, page_size=4)
assert [one.views for one in viewed] == [5] * 8 + [6] * 8
assert Thread.by_author.count("talk", Thread.author == "a1", consistent_read=True) == 20
some = Thread.scan(Thread.author.exists() & (Thread.views < 2), page_size=10)
assert len(list(some)) == 18
result = Thread.query("talk", limit=4)
assert len(list(result)) == 4 and result.last_evaluated_key["subject"] == {"S": "s03"}
after = Thread.query("talk", limit=1, last_evaluated_key=result.last_evaluated_key)
assert next(after).subject == "s04"
segments = [Thread.scan(segment=n, total_segments=3) for n in range(3)]
assert sum(len(list(one)) for one in segments) == 61

# Optimistic locking by a version.
ann = Account("ann", money=10)
ann.save()
stale = Account.get("ann")
ann.update(actions=[Account.money.add(5)])
assert ann.version == 2 and ann.money == 15
stale.money = 0
refused(PutError, stale.save)
refused(DoesNotExist, Account.get, "bob")

# Transactions.
connection = Connection()
with TransactWrite(connection=connection, client_request_token="once") as write:
    write.save(Account("bob", money=1))
    write.update(Account("ann", version=2), actions=[Account.money.add(-5)])
    write.condition_check(Thread, "news", "one", condition=Thread.views == 4)
    write.delete(Thread("talk", "s00"), condition=Thread.forum.exists())
with TransactGet(connection=connection) as get:
    futures = [get.get(Account, "ann"), get.get(Account, "bob"), get.get(Thread, "talk", "s00")]
assert [one.get().money for one in futures[:2]] == [10, 1]
refused(DoesNotExist, futures[2].get)
try:
    with TransactWrite(connection=connection) as write:
        write.save(Account("eve"))
        write.save(Account("bob"), condition=Account.name.does_not_exist())
except TransactWriteError as error:
    assert [one and one.code for one in error.cancellation_reasons] == [
        None,
        "ConditionalCheckFailed",
    ]
else:
    raise AssertionError("the transaction was not refused")

# Making the table has set its time to live.
told = connection.client.describe_time_to_live(TableName="Threads")["TimeToLiveDescription"]
assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "gone"}, told
Thread.get("news", "one").delete(condition=Thread.views == 4)
for model in (Thread, Account):
    model.delete_table()
    assert not model.exists()

# SPDX-License-Identifier: Apache-2.0
"""Items that expire, on a clock that is turned."""
import calendar
import json

import pytest

from turned import Turned

TABLE, YEAR_S = "Expiring", 365 * 24 * 3600


@pytest.fixture
def server(tmp_path):
    one = Turned(tmp_path).start()
    yield one
    assert one.stop() == 0
    assert "clean" in one.run("verify").stdout


@pytest.fixture
def db(server):
    client = server.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
    )
    return client


def put(db, name, **attributes):
    db.put_item(TableName=TABLE, Item={"p": {"S": name}} | attributes)


def names(db):
    return sorted(item["p"]["S"] for item in db.scan(TableName=TABLE)["Items"])


def test_what_has_expired_goes_within_minutes_and_nothing_else(server, db):
    now = calendar.timegm(server.clock.timetuple())
    at = lambda seconds: {"expires": {"N": str(now + seconds)}}
    put(db, "passed", **at(-10))
    put(db, "passed with parts", expires={"N": f"{now - 10}.75"})
    put(db, "soon", **at(300))
    put(db, "later", **at(7200))
    put(db, "five years ago", **at(-5 * YEAR_S - 60))
    put(db, "text", expires={"S": str(now - 10)})
    put(db, "negative", expires={"N": "-1"})
    put(db, "huge", expires={"N": "1" + "0" * 30})
    put(db, "no time")
    for n in range(250):  # more than one commit takes
        put(db, f"one of many {n}", **at(-1))
    everything = names(db)
    server.turn(120)
    assert names(db) == everything  # nothing expires where nobody has asked for it

    db.update_time_to_live(
        TableName=TABLE,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
    )
    server.turn(120)
    stays = ["five years ago", "huge", "later", "negative", "no time", "text"]
    assert names(db) == sorted(stays + ["soon"])
    server.turn(300)
    assert names(db) == stays

    events = [
        json.loads(event["CloudTrailEvent"])
        for page in server.client("cloudtrail").get_paginator("lookup_events").paginate()
        for event in page["Events"]
        if event["EventName"] == "DeleteExpiredItems"
    ]
    assert sum(event["serviceEventDetails"]["itemCount"] for event in events) == 253
    assert all(
        event["userIdentity"] == {"type": "AWSService", "invokedBy": "dynamodb.amazonaws.com"}
        and event["eventType"] == "AwsServiceEvent"
        and event["resources"][0]["ARN"].endswith(f":table/{TABLE}")
        for event in events
    )


def test_a_table_whose_key_is_disabled_waits(server, db):
    now = calendar.timegm(server.clock.timetuple())
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    db.update_table(
        TableName=TABLE,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    db.update_time_to_live(
        TableName=TABLE,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
    )
    put(db, "passed", expires={"N": str(now - 10)})
    kms.disable_key(KeyId=key)
    server.turn(120)
    kms.enable_key(KeyId=key)
    assert names(db) == ["passed"]
    server.turn(120)
    assert names(db) == []

# SPDX-License-Identifier: Apache-2.0
"""Clients of DynamoDB above the plain one: boto3's resource, the document client of JavaScript, and
libraries that map objects to items. Each takes its session from credential_process, over TLS."""
import decimal
import os
import sys

import boto3
import boto3.dynamodb.types
import botocore.config
import pytest
from boto3.dynamodb.conditions import Attr, Key

import clients
from registries import FOREIGN, installed

D = decimal.Decimal


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server of their own: others look whether the shared one has their tables and no more."""
    one = clients.World(tmp_path_factory.mktemp("the clients of DynamoDB"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


@pytest.fixture
def resource(world, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in world.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    once = botocore.config.Config(retries={"max_attempts": 0})
    session = boto3.Session(profile_name="sluice")
    assert session.get_credentials().method == "custom-process"
    return session.resource("dynamodb", endpoint_url=world.url, config=once)


@pytest.fixture
def orders(resource):
    """Two customers' orders, with an index by state."""
    keys = [("customer", "HASH"), ("number", "RANGE")]
    table = resource.create_table(
        TableName="Orders",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (("customer", "S"), ("number", "N"), ("state", "S"))
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-state",
                "KeySchema": [
                    {"AttributeName": "state", "KeyType": "HASH"},
                    {"AttributeName": "number", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    table.wait_until_exists()
    with table.batch_writer(overwrite_by_pkeys=["customer", "number"]) as batch:
        for number in range(60):  # three batches
            batch.put_item(Item={"customer": "ann", "number": number, "state": "wrong"})
            batch.put_item(
                Item={
                    "customer": "ann",
                    "number": number,
                    "state": "open" if number % 3 else "done",
                    "price": D("9.50") + number,
                    "lines": [{"sku": f"s{number}", "count": number}],
                    "tags": {"new", "gift"} if number % 2 else {"new"},
                }
            )
        batch.put_item(Item={"customer": "bob", "number": 1, "state": "open"})
        batch.delete_item(Key={"customer": "ann", "number": 59})
    yield table
    table.delete()
    table.wait_until_not_exists()


def test_the_resource_of_boto3_searches(orders):
    """batch_writer, the builders of conditions, paginators, and Python's types both ways."""
    assert orders.key_schema[1] == {"AttributeName": "number", "KeyType": "RANGE"}
    found = orders.query(
        KeyConditionExpression=Key("customer").eq("ann") & Key("number").between(10, 19),
        FilterExpression=Attr("tags").contains("gift")
        & ~Attr("state").eq("done")
        & (Attr("price").gt(D("20.5")) | Attr("lines[0].count").is_in([11]))
        & Attr("lines").attribute_type("L")
        & Attr("state").begins_with("op")
        & Attr("missing").not_exists()
        & Attr("state").size().eq(4),
        ProjectionExpression="#n, #t",
        ExpressionAttributeNames={"#n": "number", "#t": "price"},
        ScanIndexForward=False,
    )
    assert [item["number"] for item in found["Items"]] == [19, 17, 13, 11]
    assert found["Items"][0] == {"number": D(19), "price": D("28.5")}
    assert found["ScannedCount"] == 10
    pages = orders.meta.client.get_paginator("query").paginate(
        TableName=orders.name,
        IndexName="by-state",
        KeyConditionExpression=Key("state").eq("open"),
        PaginationConfig={"PageSize": 7, "MaxItems": 100},
    )
    numbers = [item["number"] for page in pages for item in page["Items"]]
    assert numbers == sorted([n for n in range(59) if n % 3] + [1]), numbers
    whole, more = [], {}
    while True:  # as its documentation shows
        page = orders.scan(Limit=9, FilterExpression=Attr("customer").ne("bob"), **more)
        whole += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert len(whole) == 59 and whole[5]["lines"] == [{"sku": "s5", "count": D(5)}]
    count = orders.scan(Select="COUNT", FilterExpression=Attr("tags").eq({"new", "gift"}))
    assert count["Count"] == 29


def test_the_resource_of_boto3_writes(orders, resource):
    """Updates with their return values, conditions, transactions and batches of reads."""
    key = {"customer": "ann", "number": 1}
    errors = resource.meta.client.exceptions
    changed = orders.update_item(
        Key=key,
        UpdateExpression="SET #l[0].#c = #l[0].#c + :one, seen = if_not_exists(seen, :none)"
        " REMOVE price ADD tags :tags, visits :one",
        ConditionExpression=Attr("state").eq("open") & Attr("visits").not_exists(),
        ExpressionAttributeNames={"#l": "lines", "#c": "count"},
        ExpressionAttributeValues={":one": 1, ":none": None, ":tags": {"late"}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert changed["tags"] == {"new", "gift", "late"} and changed["visits"] == 1
    assert changed["lines"][0]["count"] == 2 and changed["seen"] is None
    with pytest.raises(errors.ConditionalCheckFailedException):
        orders.put_item(Item=key, ConditionExpression=Attr("customer").not_exists())
    binary = boto3.dynamodb.types.Binary(b"\0\xff")
    values = {
        "n": D("12345678901234567890123456789012345678"),
        "b": binary,
        "bs": {binary},
        "ns": {D("1.5"), D(-2)},
        "m": {"deep": [True, None, ""]},
    }
    orders.put_item(Item={**key, **values})
    assert orders.get_item(Key=key, ConsistentRead=True)["Item"] == {**key, **values}
    with pytest.raises(errors.TransactionCanceledException) as cancelled:
        resource.meta.client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "Orders", "Item": {"customer": "eve", "number": 1}}},
                {
                    "ConditionCheck": {
                        "TableName": "Orders",
                        "Key": key,
                        "ConditionExpression": "n = :n",
                        "ExpressionAttributeValues": {":n": 2},
                    }
                },
            ]
        )
    reasons = [one["Code"] for one in cancelled.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    wanted = [{"customer": name, "number": 1} for name in ("ann", "bob", "eve")]
    got = resource.batch_get_item(RequestItems={"Orders": {"Keys": wanted}})
    assert {item["customer"] for item in got["Responses"]["Orders"]} == {"ann", "bob"}
    assert not got["UnprocessedKeys"]
    gone = orders.delete_item(Key=key, ReturnValues="ALL_OLD")["Attributes"]
    assert gone["b"] == binary and "Item" not in orders.get_item(Key=key)


def javascript():
    npm = ["npm", "install", "--no-progress", "--omit=dev"]
    source = FOREIGN / "dynamodb_javascript"
    return installed("DynamoDB in JavaScript", [npm], source, ["npm", "node"])


@pytest.mark.parametrize("program", ["document", "electro", "toolbox"])
def test_clients_in_javascript(world, program):
    """The document client, ElectroDB and DynamoDB-Toolbox: what their users do most."""
    place = javascript()
    world.run(
        "node",
        place / f"{program}.mjs",
        AWS_ENDPOINT_URL=world.url,
        AWS_REGION="us-east-1",
        NODE_EXTRA_CA_CERTS=world.server.endpoint["ca_file"],
    )


@pytest.mark.parametrize("program", ["pynamo", "idempotent"])
def test_clients_in_python(world, program):
    """PynamoDB's models, and the idempotency of Powertools for AWS Lambda."""
    packages = ["pynamodb==6.1.0", "aws-lambda-powertools==3.23.0", "boto3==1.44.8"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "-t", ".", *packages]
    place = installed("DynamoDB in Python", [pip], FOREIGN / "dynamodb_python")
    world.run(
        sys.executable,
        place / f"{program}.py",
        PYTHONPATH=str(place),
        AWS_ENDPOINT_URL=world.url,
        AWS_REGION="us-east-1",
    )

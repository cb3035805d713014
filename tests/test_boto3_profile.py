# SPDX-License-Identifier: Apache-2.0
"""boto3 with a profile: sessions come from `sluice credentials`, by credential_process, and are
renewed that way."""
import json
import os

import boto3
import botocore.config
import pytest

from clients import BUCKET, GROUP, NAMESPACE, TABLE


@pytest.fixture
def client(world, monkeypatch):
    for name in [
        name for name in os.environ if name.startswith("AWS_")
    ]:  # of whoever runs the tests
        monkeypatch.delenv(name)
    for name, value in world.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    session = boto3.Session(profile_name="sluice")
    credentials = session.get_credentials()
    assert credentials.method == "custom-process" and not credentials.refresh_needed()
    # No `verify` and no keys: both are the profile's.
    return lambda service, **more: session.client(
        service,
        endpoint_url=world.url,
        config=botocore.config.Config(
            retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **more
        ),
    )


def test_boto3_by_its_profile(client, world):
    s3 = client("s3", signature_version="s3v4")
    s3.put_object(Bucket=BUCKET, Key="boto3/a b+ü.txt", Body="from boto3")
    assert [
        one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="boto3/")["Contents"]
    ] == ["boto3/a b+ü.txt"]
    assert (
        world.fetch(
            s3.generate_presigned_url(
                "get_object", Params={"Bucket": BUCKET, "Key": "boto3/a b+ü.txt"}, ExpiresIn=60
            )
        )
        == b"from boto3"
    )
    items = client("dynamodb").query(
        TableName=TABLE,
        KeyConditionExpression="device_id = :d",
        ExpressionAttributeValues={":d": {"S": "pump"}},
    )["Items"]
    assert [item["value"]["N"] for item in items] == ["2.5", "1000"]
    events = (
        client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=GROUP, filterPattern="broken")
        .build_full_result()["events"]
    )
    assert [json.loads(event["message"])["level"] for event in events] == ["error"]
    assert {"Given"} <= {
        metric["MetricName"]
        for metric in client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    }
    (made,) = client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTable"}]
    )["Events"]
    assert json.loads(made["CloudTrailEvent"])["requestParameters"]["tableName"] == TABLE

# SPDX-License-Identifier: Apache-2.0
"""Idempotency of Powertools for AWS Lambda over a table: whoever comes together with others, one of
them runs; who comes later is given its result, until that has expired."""
import concurrent.futures
import datetime
import threading

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyValidationError,
)

CALLERS = 8
client = boto3.client("dynamodb")
client.create_table(
    TableName="Idempotency",
    BillingMode="PAY_PER_REQUEST",
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
)
client.update_time_to_live(
    TableName="Idempotency",
    TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiration"},
)


def layer():
    """Each caller has its own, as each environment of a function has."""
    return DynamoDBPersistenceLayer("Idempotency", boto3_client=client)


def settings(**more):
    return IdempotencyConfig(event_key_jmespath="order", **more)


def concurrently():
    ran, go, over = [], threading.Barrier(CALLERS), threading.Event()
    others = threading.Semaphore(0)

    def caller(number):
        @idempotent_function(
            data_keyword_argument="event", persistence_store=layer(), config=settings()
        )
        def pay(event):
            ran.append(number)
            for _ in range(CALLERS - 1):  # until each of the others has been refused
                assert others.acquire(timeout=60)
            return {"paid": event["order"], "by": number}

        go.wait()
        try:
            return pay(event={"order": 7})
        except IdempotencyAlreadyInProgressError:
            others.release()
            return None

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(caller, range(CALLERS)))
    assert len(ran) == 1, ran
    (answer,) = [one for one in answers if one]
    go = threading.Barrier(1)
    assert caller("later") == answer == {"paid": 7, "by": ran[0]} and len(ran) == 1


def after_it_has_expired():
    """A record whose time is over is taken over, though it is still in the table."""
    ran = []

    @idempotent_function(
        data_keyword_argument="event",
        persistence_store=layer(),
        config=settings(expires_after_seconds=3600),
    )
    def pay(event):
        ran.append(event)
        return len(ran)

    def back(attribute, value):
        for item in client.scan(TableName="Idempotency")["Items"]:
            client.update_item(
                TableName="Idempotency",
                Key={"id": item["id"]},
                UpdateExpression="SET #a = :v",
                ExpressionAttributeNames={"#a": attribute},
                ExpressionAttributeValues={":v": value},
            )

    now = int(datetime.datetime.now().timestamp())
    assert [pay(event={"order": 8}) for _ in range(2)] == [1, 1]
    back("expiration", {"N": str(now - 60)})
    assert pay(event={"order": 8}) == 2
    # An execution that ended without a word: in progress, until its own time is over.
    back("status", {"S": "INPROGRESS"})
    try:
        pay(event={"order": 8})
        raise AssertionError("it ran beside another")
    except IdempotencyAlreadyInProgressError:
        pass
    back("in_progress_expiration", {"N": str((now - 60) * 1000)})
    assert pay(event={"order": 8}) == 3


def what_failed_may_run_again():
    ran = []

    @idempotent_function(
        data_keyword_argument="event", persistence_store=layer(), config=settings()
    )
    def pay(event):
        ran.append(event)
        if len(ran) == 1:
            raise ValueError("not this time")
        return "paid"

    try:
        pay(event={"order": 9})
        raise AssertionError("it did not fail")
    except ValueError:
        pass
    assert pay(event={"order": 9}) == "paid" and len(ran) == 2


def another_payload_is_refused():
    @idempotent_function(
        data_keyword_argument="event",
        persistence_store=layer(),
        config=settings(payload_validation_jmespath="amount"),
    )
    def pay(event):
        return event["amount"]

    assert pay(event={"order": 10, "amount": 5}) == 5
    try:
        pay(event={"order": 10, "amount": 6})
        raise AssertionError("it took another amount")
    except IdempotencyValidationError:
        pass


concurrently()
after_it_has_expired()
what_failed_may_run_again()
another_payload_is_refused()
client.delete_table(TableName="Idempotency")

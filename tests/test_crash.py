# SPDX-License-Identifier: Apache-2.0
"""Kill the server at any instant: what was acknowledged is there, what is half done is not seen,
and no event is lost."""
import base64
import concurrent.futures
import contextlib
import json
import pathlib
import random
import signal
import threading
import time

import botocore.exceptions

from conftest import SEED
from functions import make_pipeline, rows_of, until, zipped

KILLS, WORKERS, RECORDS = 50, 3, 12


def upload_until_killed(server, dice, attempt, attempted, acknowledged):
    """Small files of a few sizes from a few clients, for a random moment; then SIGKILL."""
    client, stop = server.client("s3", connect_timeout=5, read_timeout=5), threading.Event()

    def upload(worker):
        for number in range(10000):
            if stop.is_set():
                return
            key = f"{attempt}/{worker}/{number}"
            records = [
                {"device_id": key, "timestamp": f"2026-01-01T00:00:{second:02}Z", "value": second}
                for second in range(RECORDS)
            ]
            padding = " " * (
                dice.choice((0, 0, 200_000))
            )  # kept in the store's log, or in a file of its own
            attempted.add(key)
            try:
                client.put_object(Bucket="pipe-in", Key=key, Body=json.dumps(records) + padding)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                return
            acknowledged.add(key)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(upload, worker) for worker in range(WORKERS)]
        threading.Event().wait(dice.uniform(0.01, 0.35))  # the random moment
        server.stop(signal.SIGKILL)
        stop.set()
        for worker in workers:
            worker.result()


def test_no_acknowledged_upload_loses_its_records(fresh_server):
    server, attempted, acknowledged = fresh_server, set(), set()
    dice = random.Random(SEED)
    make_pipeline(server)
    for attempt in range(KILLS):
        upload_until_killed(server, dice, attempt, attempted, acknowledged)
        if attempt % 10 == 0:
            assert "clean" in server.run("verify").stdout
        server.start()
    assert len(acknowledged) > KILLS
    wanted = {
        (key, f"2026-01-01T00:00:{second:02}Z") for key in acknowledged for second in range(RECORDS)
    }

    def rows():
        return {(row["device_id"]["S"], row["timestamp"]["S"]) for row in rows_of(server, "pipe")}

    until(lambda: wanted <= rows(), seconds=90)
    assert {key for key, _ in rows()} <= attempted  # and nothing that nobody uploaded
    client = server.client("s3")
    for key in dice.sample(sorted(acknowledged), 50):
        assert (
            len(json.loads(client.get_object(Bucket="pipe-in", Key=key)["Body"].read())) == RECORDS
        )
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout
    assert not sandboxes(server)  # nor does a killed server leave processes behind for good


def sandboxes(server):
    """bubblewrap's processes for this data directory."""
    ours, found = str(server.data_dir).encode(), []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes()
            if arguments.startswith(b"bwrap\0") and ours in arguments:
                found.append(process.name)
    return found


CANARY = "CANARY7f3a9c51d2"


def plant(server):
    """The canary in everything that a caller can name or send."""
    s3, iam, kms, logs, metrics, dynamodb, functions = (
        server.client(name)
        for name in ("s3", "iam", "kms", "logs", "cloudwatch", "dynamodb", "lambda")
    )
    bucket, account = make_pipeline(server), server.endpoint["account_id"]
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Sid": CANARY, "Effect": "Deny", "Action": "sqs:*", "Resource": "*"}],
        }
    )
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": CANARY,
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:PutObject",
                        "Resource": f"arn:aws:s3:::{bucket}/{CANARY}",
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        ),
    )
    good, bad = {
        "device_id": CANARY,
        "timestamp": "2026-01-01T00:00:00Z",
        "value": 1,
        CANARY: CANARY,
    }, {"device_id": CANARY, "timestamp": "never", "value": CANARY}
    for name, records in (
        ("small", [good, bad]),
        ("large", [good] * 3000),
    ):  # in the store's log, and in a file of its own
        s3.put_object(
            Bucket=bucket, Key=f"{CANARY}/{name}", Body=json.dumps(records), Metadata={"m": CANARY}
        )
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key=f"{CANARY}/parts", Metadata={"m": CANARY}
    )["UploadId"]
    s3.upload_part(
        Bucket=bucket,
        Key=f"{CANARY}/parts",
        UploadId=upload,
        PartNumber=1,
        Body=CANARY.encode() * 10000,
    )
    key = kms.create_key(Description=CANARY)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{CANARY}", TargetKeyId=key)
    iam.create_role(
        RoleName=CANARY,
        Description=CANARY,
        AssumeRolePolicyDocument=document.replace(
            '"Action": "sqs:*", "Resource": "*"', '"Principal": "*", "Action": "sts:AssumeRole"'
        ),
    )
    iam.put_role_policy(RoleName=CANARY, PolicyName=CANARY, PolicyDocument=document)
    dynamodb.put_item(
        TableName="pipe",
        Item={
            "device_id": {"S": CANARY},
            "timestamp": {"S": CANARY},
            CANARY: {"M": {CANARY: {"S": CANARY}}},
        },
    )
    logs.create_log_group(logGroupName=CANARY)
    logs.create_log_stream(logGroupName=CANARY, logStreamName=CANARY)
    logs.put_log_events(
        logGroupName=CANARY,
        logStreamName=CANARY,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": CANARY}],
    )
    metrics.put_metric_data(
        Namespace=CANARY,
        MetricData=[
            {"MetricName": CANARY, "Dimensions": [{"Name": CANARY, "Value": CANARY}], "Value": 1}
        ],
    )
    functions.create_function(
        FunctionName=CANARY,
        Description=CANARY,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=f"arn:aws:iam::{account}:role/pipe",
        Code={"ZipFile": zipped()},
        Environment={"Variables": {CANARY: CANARY}},
    )
    functions.invoke(
        FunctionName=CANARY, Payload=json.dumps({CANARY: CANARY})
    )  # and it prints its event's name
    functions.invoke(
        FunctionName=CANARY,
        InvocationType="Event",
        Payload=json.dumps({"do": "sleep", "seconds": 60, CANARY: CANARY}),
    )  # waits on disk
    until(lambda: len(rows_of(server, "pipe")) == 2)
    until(lambda: s3.list_objects_v2(Bucket="pipe-quarantine").get("Contents"))


def found_in(directory, needles):
    return [
        (str(path), needle)
        for path in directory.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
        for needle in needles
        if needle in content
    ]


def test_no_plaintext_at_rest(fresh_server):
    """Killed, not stopped: nothing is tidied up. The canary is sought as it is and in the encodings
    that a careless writer would keep."""
    plant(fresh_server)
    fresh_server.stop(signal.SIGKILL)
    needles = [
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        CANARY.encode().hex().encode(),
        *(base64.b64encode(b" " * shift + CANARY.encode())[4:-4] for shift in range(3)),
    ]
    assert found_in(fresh_server.data_dir, needles) == []
    assert any(
        path.stat().st_size > 100_000
        for path in (fresh_server.data_dir / "blobs").rglob("*")
        if path.is_file()
    )

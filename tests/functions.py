# SPDX-License-Identifier: Apache-2.0
"""Small functions for the tests, and the roles and zips they need."""
import io
import json
import pathlib
import time
import zipfile

# Speaks the Runtime API with nothing but Python: {"do": ...} of the event says how to behave.
BOOTSTRAP = """#!/usr/bin/python3
import json, os, socket, sys, time, http.client
calls = 0
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
print("init done", flush=True)
def post(path, body, headers={}):
    api.request("POST", "/2018-06-01/runtime/" + path, json.dumps(body), headers)
    api.getresponse().read()
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, rid = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    calls += 1
    do = event.get("do", "echo") if isinstance(event, dict) else "echo"
    print("event " + do + " " + rid, flush=True)
    if do == "fail":
        post("invocation/" + rid + "/error", {"errorMessage": "told to fail", "errorType": "Told"},
             {"Lambda-Runtime-Function-Error-Type": "Told"})
        continue
    if do == "exit": sys.exit(7)
    if do == "sleep": time.sleep(event["seconds"])
    if do == "eat":
        try: eaten = bytearray(event["mb"] << 20); result = "ate"
        except MemoryError: result = "refused"
    elif do == "env": result = dict(os.environ)
    elif do == "calls": result = calls
    elif do == "count":
        time.sleep(event["seconds"])
        result = calls
    elif do == "arn": result = answer.headers["Lambda-Runtime-Invoked-Function-Arn"]
    elif do == "read":
        try: result = open(event["path"]).read()[:100]
        except OSError as e: result = e.strerror
    elif do == "write":
        try: open(event["path"], "w").write("x"); result = "written"
        except OSError as e: result = e.strerror
    elif do == "connect":
        try: socket.create_connection((event["host"], event["port"]), 2); result = "connected"
        except OSError as e: result = e.strerror or str(e)
    elif do == "unshare":
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        result = os.strerror(ctypes.get_errno()) if libc.unshare(0x10000000) else "unshared"
    elif do == "metric":
        metric = {"Namespace": "Test/Emf", "Dimensions": [["Kind"]],
                  "Metrics": [{"Name": "Eggs", "Unit": "Count"}]}
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
        print(json.dumps({"_aws": about, "Kind": "brown", "Eggs": 12}), flush=True)
        result = "done"
    elif do == "large": result = "x" * event.get("bytes", 7 << 20)
    else: result = event
    post("invocation/" + rid + "/response", result)
"""


def zipped(text=BOOTSTRAP, name="bootstrap", mode=0o755):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.create_system = 3
        archive.writestr(info, text)
    return buffer.getvalue()


def zeros(size):
    """A zip that unfolds to this many bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros", b"\0" * size)
    return buffer.getvalue()


def trust(*services):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": list(services)},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )


def key_policy_for_logs(account):
    """Of a key that its account rules, and that CloudWatch Logs may use for log groups."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
                "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
                "Resource": "*",
                "Condition": {
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:us-east-1:{account}:*"
                    }
                },
            },
        ],
    }


def make_assumable(server, name):
    """A role that the operator may take: server.client(service, role=name)."""
    root = f"arn:aws:iam::{server.endpoint['account_id']}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    server.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )


def make_role(server, name, *statements, service="lambda.amazonaws.com"):
    iam = server.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(
            RoleName=name,
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
    return role


LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "arn:aws:logs:*:*:log-group:/aws/lambda/*",
}


def make_function(server, name, role, **more):
    return server.client("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Code={"ZipFile": zipped()},
        **more,
    )


# Gives every record of its events back through its log group.
RECORDER = """#!/usr/bin/python3
import json, os, http.client
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, rid = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    for record in event["Records"]: print("RECORD " + json.dumps(record), flush=True)
    api.request("POST", "/2018-06-01/runtime/invocation/" + rid + "/response", "null")
    api.getresponse().read()
"""


def make_recorder(server, bucket):
    """A function that is told of all that happens in the bucket, and named after it."""
    role = make_role(server, bucket + "-recorder", LOGS)
    arn = server.client("lambda").create_function(
        FunctionName=bucket,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Code={"ZipFile": zipped(RECORDER)},
    )["FunctionArn"]
    server.client("lambda").add_permission(
        FunctionName=bucket,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=server.endpoint["account_id"],
    )
    server.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
            ]
        },
    )


def recorded(server, bucket):
    """The records of all events that came to the bucket's recorder so far."""
    logs = server.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/" + bucket)["logGroups"]:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/aws/lambda/" + bucket, filterPattern="RECORD"
    )
    return [json.loads(event["message"][7:]) for page in pages for event in page["events"]]


def make_pipeline(server, name="pipe"):
    """Bucket -> the project's own function -> table, with a quarantine bucket, as
    deploy/template.yaml joins them. Returns the bucket's name; the table is called `name`."""
    bucket, quarantine, account = name + "-in", name + "-quarantine", server.endpoint["account_id"]
    s3, dynamodb, functions = (
        server.client("s3"),
        server.client("dynamodb"),
        server.client("lambda"),
    )
    for one in (bucket, quarantine):
        s3.create_bucket(Bucket=one)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "device_id", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "device_id", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "S"},
        ],
    )
    role = make_role(
        server,
        name,
        LOGS,
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": f"arn:aws:s3:::{bucket}/*",
        },
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{quarantine}/*"},
        {
            "Effect": "Allow",
            "Action": ["dynamodb:PutItem", "dynamodb:BatchWriteItem"],
            "Resource": f"arn:aws:dynamodb:*:*:table/{name}",
        },
    )
    code = (pathlib.Path(__file__).parent.parent / "build" / "sluice-ingest.zip").read_bytes()
    arn = functions.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Code={"ZipFile": code},
        Timeout=60,
        Environment={"Variables": {"TABLE_NAME": name, "QUARANTINE_BUCKET": quarantine}},
    )["FunctionArn"]
    functions.add_permission(
        FunctionName=name,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=account,
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    return bucket


def rows_of(server, table, **more):
    """Every item of the table, in AWS's notation."""
    pages = (
        server.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=table, ConsistentRead=True, **more)
    )
    return [item for page in pages for item in page["Items"]]


def until(check, seconds=60):
    """What check() returns once it is true."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def descendants(pid):
    """The processes below this one."""
    found = [pid]
    for parent in found:
        try:
            for children in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        except OSError:  # it ended
            pass
    return found[1:]

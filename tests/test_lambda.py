# SPDX-License-Identifier: Apache-2.0
"""Functions over the wire: what they may do, what they may not, and what becomes of those that
fail."""
import base64
import concurrent.futures
import io
import json
import pathlib
import time
import zipfile

import botocore.exceptions
import pytest

from functions import LOGS, make_function, make_role, trust, until, zipped


@pytest.fixture(scope="module")
def fn(server):
    role = make_role(server, "runner", LOGS)
    make_function(server, "echo", role, Timeout=10, Environment={"Variables": {"TABLE_NAME": "T"}})
    make_function(server, "hasty", role, Timeout=1)
    return server.client("lambda")


def invoke(fn, event, name="echo", **more):
    answer = fn.invoke(FunctionName=name, Payload=json.dumps(event), **more)
    return answer, json.loads(answer["Payload"].read() or "null")


def test_a_function_answers(fn):
    answer, body = invoke(fn, {"hello": "wörld"}, LogType="Tail")
    assert (answer["StatusCode"], body, answer["ExecutedVersion"]) == (
        200,
        {"hello": "wörld"},
        "$LATEST",
    )
    assert "FunctionError" not in answer
    log = base64.b64decode(answer["LogResult"]).decode()
    assert (
        "START RequestId: " in log
        and "event echo" in log
        and "END RequestId: " in log
        and "REPORT RequestId: " in log
    )


def test_an_environment_is_kept_warm(fn):
    first, second = invoke(fn, {"do": "calls"})[1], invoke(fn, {"do": "calls"})[1]
    assert second == first + 1


def test_an_environment_outlives_the_connection_that_started_it(fn, server):
    """The kernel's parent-death signal comes from the thread that started a sandbox, and a
    connection's thread ends with its connection."""
    make_function(server, "outlives", fn.get_function_configuration(FunctionName="echo")["Role"])
    calls = []
    for _ in range(3):
        client = server.client("lambda")
        calls.append(
            json.loads(
                client.invoke(FunctionName="outlives", Payload=b'{"do": "calls"}')["Payload"].read()
            )
        )
        client.close()
    assert calls == [1, 2, 3]


def test_the_environment_is_that_of_aws(fn, server):
    _, env = invoke(fn, {"do": "env"})
    assert (
        env["TABLE_NAME"] == "T"
        and env["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
        and env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
        and env["LAMBDA_TASK_ROOT"] == "/var/task"
    )
    assert (
        env["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        and env["AWS_SESSION_TOKEN"]
        and env["_HANDLER"] == "bootstrap"
    )
    session = {
        "AccessKeyId": env["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": env["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": env["AWS_SESSION_TOKEN"],
    }
    assert (
        server.client("sts", session=session)
        .get_caller_identity()["Arn"]
        .endswith("assumed-role/runner/echo")
    )


@pytest.mark.parametrize(
    "event, wanted",
    [
        ({"do": "read", "path": "/etc/passwd"}, "No such file or directory"),
        ({"do": "read", "path": "/proc/1/environ"}, None),
        ({"do": "write", "path": "/var/task/x"}, "Read-only file system"),
        ({"do": "write", "path": "/usr/x"}, "Read-only file system"),
        ({"do": "write", "path": "/x"}, "Read-only file system"),
        ({"do": "write", "path": "/proc/sys/kernel/hostname"}, "Read-only file system"),
        ({"do": "write", "path": "/tmp/x"}, "written"),
        ({"do": "connect", "host": "1.1.1.1", "port": 443}, "Network is unreachable"),
        ({"do": "unshare"}, "Operation not permitted"),
        ({"do": "eat", "mb": 64}, "ate"),
        ({"do": "eat", "mb": 200}, "refused"),
    ],
)
def test_the_sandbox_holds(fn, event, wanted):
    answer, body = invoke(fn, event)
    assert "FunctionError" not in answer
    assert wanted is None or body == wanted


def test_the_host_cannot_be_read_or_reached(fn, server):
    assert (
        invoke(fn, {"do": "read", "path": str(server.data_dir / "keyring.json")})[1]
        == "No such file or directory"
    )
    http = server.endpoint["http_endpoint"].rsplit(":", 1)[1]
    assert (
        invoke(fn, {"do": "connect", "host": "127.0.0.1", "port": int(http)})[1]
        == "Connection refused"
    )
    tls = server.endpoint["endpoint"].rsplit(":", 1)[1]
    assert invoke(fn, {"do": "connect", "host": "127.0.0.1", "port": int(tls)})[1] == "connected"


def test_failures_are_told_apart(fn):
    answer, body = invoke(fn, {"do": "fail"})
    assert (answer["FunctionError"], body["errorMessage"]) == ("Unhandled", "told to fail")
    answer, body = invoke(fn, {"do": "exit"})
    assert (answer["FunctionError"], body["errorType"]) == (
        "Unhandled",
        "Runtime.ExitError",
    ) and "exit status 7" in body["errorMessage"]
    answer, body = invoke(fn, {"do": "sleep", "seconds": 5}, name="hasty", LogType="Tail")
    assert (
        body["errorType"] == "Sandbox.Timedout"
        and "Task timed out after 1.00 seconds" in body["errorMessage"]
    )
    assert "Status: timeout" in base64.b64decode(answer["LogResult"]).decode()
    limit = 6291556  # of the answer, in which the text has two quotes
    assert len(invoke(fn, {"do": "large", "bytes": limit - 2})[1]) == limit - 2
    for size in (limit - 1, 7 << 20):
        answer, body = invoke(fn, {"do": "large", "bytes": size})
        assert body["errorType"] == "Function.ResponseSizeTooLarge"
    assert invoke(fn, {"a": 1})[1] == {"a": 1}


@pytest.mark.parametrize(
    "name, zip", [("missing", zipped(name="other")), ("unrunnable", zipped(mode=0o644))]
)
def test_a_bootstrap_that_cannot_run_is_told(fn, server, name, zip):
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    fn.create_function(
        FunctionName=name, Runtime="provided.al2", Handler="x", Role=role, Code={"ZipFile": zip}
    )
    answer, body = invoke(fn, {}, name=name)
    assert (
        answer["FunctionError"] == "Unhandled"
        and body["errorType"] == "Runtime.InvalidEntrypoint"
        and "/var/task/bootstrap" in body["errorMessage"]
    )


def entry(name, mode, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr, info.compress_type = (
            3,
            mode << 16,
            zipfile.ZIP_DEFLATED,
        )
        with archive.open(info, "w", force_zip64=False) as file:
            for piece in content:
                file.write(piece)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "zip, text",
    [
        (entry("bootstrap", 0o120777, [b"/etc/passwd"]), "symbolic link"),
        (entry("/bootstrap", 0o100755, [b"x"]), "Could not unzip"),
        (entry("a/../../b", 0o100755, [b"x"]), "Could not unzip"),
        (entry("a\\b", 0o100755, [b"x"]), "Could not unzip"),
        (zipped()[:-30], "Could not unzip"),
        (zipped()[:60] + b"xxxx" + zipped()[64:], "Could not unzip"),
        (b"", "Could not unzip"),
    ],
)
def test_a_hostile_zip_is_refused(fn, server, zip, text):
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        fn.create_function(
            FunctionName="hostile",
            Runtime="provided.al2023",
            Handler="h",
            Role=role,
            Code={"ZipFile": zip},
        )
    assert (
        caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
        and text in caught.value.response["Error"]["Message"]
    )


def test_a_zip_may_unfold_to_the_limit_and_not_a_byte_more(fn, server, code):
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    good = {"Runtime": "provided.al2023", "Handler": "h", "Role": role}
    zeros = [bytes(1 << 20)] * 250
    assert (
        fn.create_function(
            FunctionName="unfolds", Code={"ZipFile": entry("zeros", 0o100644, zeros)}, **good
        )["CodeSize"]
        < 1 << 20
    )
    assert (
        code(
            fn.create_function,
            FunctionName="bomb",
            Code={"ZipFile": entry("zeros", 0o100644, zeros + [b"0"])},
            **good,
        )
        == "InvalidParameterValueException"
    )


def test_sixteen_cold_starts_at_once(fn, server):
    """Each caller finds no environment to reuse; all of them get an answer of their own."""
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    make_function(server, "crowd", role, Timeout=60)
    session = server.session()

    def one(n):
        client = server.client("lambda", session=session, read_timeout=120)
        return invoke(client, {"do": "sleep", "seconds": 1.5, "n": n}, name="crowd")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        done = list(pool.map(one, range(16)))
    assert ["FunctionError" in answer for answer, _ in done] == [False] * 16, [
        body for _, body in done
    ]
    assert sorted(body["n"] for _, body in done) == list(range(16))


def test_a_run_whose_commit_comes_too_late_is_not_run_again(fn, server):
    """Eight first runs at once, and only one of their commits can make the log group. The others
    stage their logs anew; an environment that was called twice would say 2."""
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    make_function(server, "once", role, Timeout=60)
    session = server.session()

    def one(_):
        client = server.client("lambda", session=session, read_timeout=120)
        return invoke(client, {"do": "count", "seconds": 1.5}, name="once")[1]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [1] * 8
    starts = server.client("logs").filter_log_events(
        logGroupName="/aws/lambda/once", filterPattern='"START RequestId"'
    )["events"]
    assert len(starts) == 8


def test_a_function_has_many_names(fn, server, code):
    account = server.endpoint["account_id"]
    for name in (
        "echo",
        "echo:$LATEST",
        f"{account}:function:echo",
        f"us-east-1:{account}:function:echo",
        "function:echo",
        f"arn:aws:lambda:us-east-1:{account}:function:echo",
        f"arn:aws:lambda:us-east-1:{account}:function:echo:$LATEST",
    ):
        assert fn.get_function_configuration(FunctionName=name)["FunctionName"] == "echo"
        assert invoke(fn, [1], name=name)[1] == [1]
    for name in (
        f"arn:aws:lambda:us-east-1:111111111111:function:echo",
        f"arn:aws:lambda:eu-west-1:{account}:function:echo",
        "111111111111:function:echo",
        "echo:1",
        "echo:prod",
    ):
        assert code(fn.get_function_configuration, FunctionName=name) == "ResourceNotFoundException"
        assert code(fn.invoke, FunctionName=name) == "ResourceNotFoundException"
    assert (
        code(fn.invoke, FunctionName="echo:$LATEST", Qualifier="1")
        == "InvalidParameterValueException"
    )
    assert code(fn.get_function, FunctionName="no spaces") == "ValidationException"


def test_functions_are_listed_in_pages(fn, server):
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    for n in range(3):
        make_function(server, f"listed{n}", role)
    everything = [f["FunctionName"] for f in fn.list_functions()["Functions"]]
    for size in (1, 2, 50):
        pages = list(
            fn.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": size})
        )
        assert [
            f["FunctionName"] for page in pages for f in page["Functions"]
        ] == everything and all(len(page["Functions"]) <= size for page in pages)


@pytest.mark.parametrize(
    "setting, good, bad, error",
    [
        ("Timeout", 900, 901, "ValidationException"),
        ("Timeout", 1, 0, "ValidationException"),
        ("MemorySize", 10240, 10241, "InvalidParameterValueException"),
        ("MemorySize", 128, 127, "InvalidParameterValueException"),
        ("Description", "x" * 256, "x" * 257, "InvalidParameterValueException"),
        ("Handler", "x" * 128, "x" * 129, "InvalidParameterValueException"),
        (
            "Environment",
            {"Variables": {"AB": "x" * 4094}},
            {"Variables": {"AB": "x" * 4095}},
            "InvalidParameterValueException",
        ),
        (
            "Environment",
            {"Variables": {"A1_": ""}},
            {"Variables": {"1A": ""}},
            "InvalidParameterValueException",
        ),
        (
            "Environment",
            {"Variables": {"LAMBDA_TASK": ""}},
            {"Variables": {"LAMBDA_TASK_ROOT": ""}},
            "InvalidParameterValueException",
        ),
        (
            "LoggingConfig",
            {"LogGroup": "/x/y"},
            {"LogGroup": "a b"},
            "InvalidParameterValueException",
        ),
        (
            "LoggingConfig",
            {"LogFormat": "Text"},
            {"LogFormat": "XML"},
            "InvalidParameterValueException",
        ),
        ("EphemeralStorage", {"Size": 512}, {"Size": 1024}, "InvalidParameterValueException"),
        (
            "TracingConfig",
            {"Mode": "PassThrough"},
            {"Mode": "Active"},
            "InvalidParameterValueException",
        ),
        (
            "DeadLetterConfig",
            {},
            {"TargetArn": "arn:aws:sqs:us-east-1:0:q"},
            "InvalidParameterValueException",
        ),
    ],
)
def test_settings_at_their_limit_and_past_it(fn, server, code, setting, good, bad, error):
    lax = server.client("lambda", parameter_validation=False)
    try:
        make_function(
            server, "limits", server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
        )
    except lax.exceptions.ResourceConflictException:
        pass
    before = lax.get_function_configuration(FunctionName="limits")["RevisionId"]
    assert code(lax.update_function_configuration, FunctionName="limits", **{setting: bad}) == error
    assert lax.get_function_configuration(FunctionName="limits")["RevisionId"] == before
    lax.update_function_configuration(FunctionName="limits", **{setting: good})


def test_payloads_at_their_limit(fn, code):
    def text(size):
        return b'"' + b"x" * (size - 2) + b'"'

    assert (
        fn.invoke(FunctionName="echo", InvocationType="Event", Payload=text(1 << 20))["StatusCode"]
        == 202
    )
    assert (
        code(fn.invoke, FunctionName="echo", InvocationType="Event", Payload=text((1 << 20) + 1))
        == "RequestTooLargeException"
    )
    assert (
        len(fn.invoke(FunctionName="echo", Payload=text((6 << 20) - 100))["Payload"].read())
        == (6 << 20) - 100
    )
    assert (
        code(fn.invoke, FunctionName="echo", Payload=text((6 << 20) + 1))
        == "RequestTooLargeException"
    )


def test_event_invoke_configs_have_rules(fn, server, code):
    arn = fn.get_function_configuration(FunctionName="echo")["FunctionArn"]
    lax = server.client("lambda", parameter_validation=False)
    assert (
        code(fn.get_function_event_invoke_config, FunctionName="echo")
        == "ResourceNotFoundException"
    )
    assert (
        code(fn.put_function_event_invoke_config, FunctionName="echo")
        == "InvalidParameterValueException"
    )
    for bad in (
        {"MaximumRetryAttempts": 3},
        {"MaximumRetryAttempts": -1},
        {"MaximumEventAgeInSeconds": 59},
        {"MaximumEventAgeInSeconds": 21601},
        {
            "DestinationConfig": {
                "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}
            }
        },
        {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::b"}}},
    ):
        assert (
            code(lax.put_function_event_invoke_config, FunctionName="echo", **bad)
            == "InvalidParameterValueException"
        )
    fn.put_function_event_invoke_config(
        FunctionName="echo", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60
    )
    fn.update_function_event_invoke_config(FunctionName="echo", MaximumRetryAttempts=0)
    got = fn.get_function_event_invoke_config(FunctionName="echo")
    assert (got["FunctionArn"], got["MaximumRetryAttempts"], got["MaximumEventAgeInSeconds"]) == (
        arn + ":$LATEST",
        0,
        60,
    )
    fn.delete_function_event_invoke_config(FunctionName="echo")
    assert (
        code(fn.delete_function_event_invoke_config, FunctionName="echo")
        == "ResourceNotFoundException"
    )


def test_a_running_invocation_outlives_an_update(fn, server):
    """What was begun with the old code and settings ends with them; the next one has the new."""
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    make_function(
        server, "updated", role, Timeout=30, Environment={"Variables": {"GENERATION": "old"}}
    )
    invoke(fn, {}, name="updated")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            invoke,
            server.client("lambda"),
            {"do": "sleep", "seconds": 2, "still": "here"},
            "updated",
        )
        fn.update_function_configuration(
            FunctionName="updated", Environment={"Variables": {"GENERATION": "new"}}
        )
        assert invoke(fn, {"do": "env"}, name="updated")[1]["GENERATION"] == "new"
        assert running.result()[1]["still"] == "here"
    assert invoke(fn, {"do": "env"}, name="updated")[1]["GENERATION"] == "new"


def test_bad_calls_are_refused(fn, server, code):
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    good = {
        "FunctionName": "bad",
        "Runtime": "provided.al2023",
        "Handler": "h",
        "Role": role,
        "Code": {"ZipFile": zipped()},
    }
    assert (
        code(fn.create_function, **{**good, "Code": {"ZipFile": b"no zip"}})
        == "InvalidParameterValueException"
    )
    assert (
        code(fn.create_function, **{**good, "Code": {"ZipFile": zipped(name="../up")}})
        == "InvalidParameterValueException"
    )
    assert (
        code(fn.create_function, **{**good, "Runtime": "python2.7"})
        == "InvalidParameterValueException"
    )
    assert code(fn.create_function, **{**good, "Timeout": 901}) == "ValidationException"
    assert (
        code(fn.create_function, **{**good, "MemorySize": 10241})
        == "InvalidParameterValueException"
    )
    assert (
        code(fn.create_function, **{**good, "Environment": {"Variables": {"AWS_REGION": "x"}}})
        == "InvalidParameterValueException"
    )
    assert (
        code(fn.create_function, **{**good, "Environment": {"Variables": {"BIG": "x" * 4097}}})
        == "InvalidParameterValueException"
    )
    assert (
        code(fn.create_function, **{**good, "FunctionName": "echo"}) == "ResourceConflictException"
    )
    assert (
        code(fn.create_function, **{**good, "Role": role + "x"}) == "InvalidParameterValueException"
    )
    stranger = make_role(server, "for-ec2", service="ec2.amazonaws.com")
    assert (
        code(fn.create_function, **{**good, "Role": stranger}) == "InvalidParameterValueException"
    )
    assert code(fn.invoke, FunctionName="nobody") == "ResourceNotFoundException"
    assert code(fn.invoke, FunctionName="echo", Qualifier="1") == "ResourceNotFoundException"
    assert code(fn.invoke, FunctionName="echo", Payload=b"{") == "InvalidRequestContentException"
    assert (
        code(
            fn.invoke,
            FunctionName="echo",
            Payload=b'"' + b"x" * (1 << 20) + b'"',
            InvocationType="Event",
        )
        == "RequestTooLargeException"
    )
    assert fn.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"] == 204


def test_permission_is_needed_to_invoke_and_to_pass_a_role(fn, server, code):
    make_role(
        server,
        "stranger",
        {
            "Effect": "Allow",
            "Action": ["lambda:CreateFunction", "lambda:GetFunction"],
            "Resource": "*",
        },
        service="lambda.amazonaws.com",
    )
    iam = server.client("iam")
    account = server.endpoint["account_id"]
    iam.update_assume_role_policy(
        RoleName="stranger",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    other = server.client("lambda", role="stranger")
    assert code(other.invoke, FunctionName="echo") == "AccessDeniedException"
    role = iam.get_role(RoleName="runner")["Role"]["Arn"]
    assert (
        code(
            other.create_function,
            FunctionName="theirs",
            Runtime="provided.al2023",
            Handler="h",
            Role=role,
            Code={"ZipFile": zipped()},
        )
        == "AccessDeniedException"
    )


def test_configuration_and_code_change(fn, server):
    role = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    made = make_function(server, "changing", role, Timeout=10)
    assert made["State"] == "Active" and made["CodeSize"] > 0
    invoke(fn, {}, name="changing")
    changed = fn.update_function_configuration(
        FunctionName="changing", MemorySize=256, Environment={"Variables": {"NEW": "1"}}
    )
    assert changed["RevisionId"] != made["RevisionId"]
    assert invoke(fn, {"do": "env"}, name="changing")[1]["NEW"] == "1"
    fn.update_function_code(FunctionName="changing", ZipFile=zipped("#!/bin/sh\nexit 3\n"))
    assert "exit status 3" in invoke(fn, {}, name="changing")[1]["errorMessage"]
    server.client("s3").create_bucket(Bucket="code-bucket")
    server.client("s3").put_object(Bucket="code-bucket", Key="f.zip", Body=zipped())
    fn.update_function_code(FunctionName="changing", S3Bucket="code-bucket", S3Key="f.zip")
    assert invoke(fn, [1], name="changing")[1] == [1]
    assert "changing" in [
        f["FunctionName"]
        for page in fn.get_paginator("list_functions").paginate()
        for f in page["Functions"]
    ]
    fn.delete_function(FunctionName="changing")
    with pytest.raises(fn.exceptions.ResourceNotFoundException):
        fn.get_function(FunctionName="changing")


def test_the_log_is_in_cloudwatch(fn, server):
    answer, _ = invoke(fn, {"do": "echo"})
    request_id = answer["ResponseMetadata"]["RequestId"]
    logs = server.client("logs")
    found = [
        e["message"]
        for e in logs.filter_log_events(
            logGroupName="/aws/lambda/echo", filterPattern=f'"{request_id}"'
        )["events"]
    ]
    assert [m.split()[0] for m in found] == ["START", "event", "END", "REPORT"]


def test_a_log_group_that_goes_while_the_function_runs_comes_again(fn, server):
    """The log of a run is written to the group that is there at its end."""
    make_function(server, "patient", make_role(server, "patient-role", LOGS), Timeout=30)
    logs = server.client("logs")
    group = "/aws/lambda/patient"

    def starts():
        found = logs.filter_log_events(logGroupName=group, filterPattern='"START RequestId"')
        return [e["message"].split()[2] for e in found["events"]]

    for comes_again in (False, True):
        invoke(fn, {}, name="patient")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(invoke, fn, {"do": "sleep", "seconds": 1.5}, name="patient")
            time.sleep(0.5)  # it runs: its call has begun, and nothing outside shows that
            logs.delete_log_group(logGroupName=group)
            if comes_again:
                logs.create_log_group(logGroupName=group)
        answer, _ = running.result()
        assert starts() == [answer["ResponseMetadata"]["RequestId"]]


def test_without_permission_to_log_there_is_no_log(fn, server):
    make_function(server, "mute", make_role(server, "mute-role"))
    assert invoke(fn, {"c": 3}, name="mute")[1] == {"c": 3}
    assert not server.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/mute")[
        "logGroups"
    ]


def test_reserved_concurrency_throttles(fn, server, code):
    fn.put_function_concurrency(FunctionName="hasty", ReservedConcurrentExecutions=0)
    assert code(fn.invoke, FunctionName="hasty") == "TooManyRequestsException"
    assert fn.get_function(FunctionName="hasty")["Concurrency"]["ReservedConcurrentExecutions"] == 0
    fn.delete_function_concurrency(FunctionName="hasty")
    assert invoke(fn, {"b": 2}, name="hasty")[1] == {"b": 2}


def test_policy_statements(fn, server, code):
    fn.add_permission(
        FunctionName="echo",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::b",
        SourceAccount="000000000000",
    )
    assert (
        code(
            fn.add_permission,
            FunctionName="echo",
            StatementId="s3",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
        )
        == "ResourceConflictException"
    )
    statement = json.loads(fn.get_policy(FunctionName="echo")["Policy"])["Statement"][0]
    assert statement["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": "000000000000"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
    }
    for bad in (
        {"SourceAccount": "12"},
        {"SourceArn": "b"},
        {"RevisionId": "x"},
        {"Principal": f"arn:aws:iam::{server.endpoint['account_id']}:role/never-was"},
        {"Principal": "bob"},
        {"PrincipalOrgID": "o-1234567890"},
        {"Action": "s3:GetObject"},
    ):
        assert code(
            server.client("lambda", parameter_validation=False).add_permission,
            **{
                "FunctionName": "echo",
                "StatementId": "bad",
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
            }
            | bad,
        ) in (
            "InvalidParameterValueException",
            "PreconditionFailedException",
            "ValidationException",
        )
    runner = server.client("iam").get_role(RoleName="runner")["Role"]["Arn"]
    fn.add_permission(
        FunctionName="echo", StatementId="role", Action="lambda:InvokeFunction", Principal=runner
    )
    assert json.loads(fn.get_policy(FunctionName="echo")["Policy"])["Statement"][1][
        "Principal"
    ] == {"AWS": runner}
    fn.remove_permission(FunctionName="echo", StatementId="role")
    fn.remove_permission(FunctionName="echo", StatementId="s3")
    assert (
        code(fn.remove_permission, FunctionName="echo", StatementId="s3")
        == "ResourceNotFoundException"
    )
    assert code(fn.get_policy, FunctionName="echo") == "ResourceNotFoundException"


def test_an_upload_runs_the_function_and_its_failure_is_set_aside(fn, server, code):
    s3 = server.client("s3")
    for bucket in ("uploads", "failures"):
        s3.create_bucket(Bucket=bucket)
    role = make_role(
        server,
        "uploader",
        LOGS,
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::failures/*"},
    )
    arn = make_function(server, "on-upload", role)["FunctionArn"]
    wanted = {
        "LambdaFunctionConfigurations": [
            {
                "LambdaFunctionArn": arn,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".json"}]}},
            }
        ]
    }
    assert (
        code(
            s3.put_bucket_notification_configuration,
            Bucket="uploads",
            NotificationConfiguration=wanted,
        )
        == "InvalidArgument"
    )  # the function does not let S3
    fn.add_permission(
        FunctionName="on-upload",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::uploads",
        SourceAccount=server.endpoint["account_id"],
    )
    s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration=wanted)
    fn.update_function_code(FunctionName="on-upload", ZipFile=zipped("#!/bin/sh\nexit 1\n"))
    fn.put_function_event_invoke_config(
        FunctionName="on-upload",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    s3.put_object(Bucket="uploads", Key="a b+ü.json", Body=b"{}")
    s3.put_object(Bucket="uploads", Key="ignored.txt", Body=b"{}")
    found = until(lambda: s3.list_objects_v2(Bucket="failures").get("Contents"))
    record = json.loads(s3.get_object(Bucket="failures", Key=found[0]["Key"])["Body"].read())
    assert (
        record["requestContext"]["condition"] == "RetriesExhausted"
        and record["requestContext"]["functionArn"] == arn + ":$LATEST"
    )
    event = record["requestPayload"]["Records"][0]
    assert (
        event["eventName"] == "ObjectCreated:Put"
        and event["s3"]["object"]["size"] == 2
        and event["s3"]["bucket"]["name"] == "uploads"
    )
    assert len(found) == 1


def test_an_event_is_delivered_across_a_restart(fresh_server):
    server = fresh_server
    role = make_role(server, "runner", LOGS)
    make_function(server, "echo", role)
    fn = server.client("lambda")
    fn.put_function_concurrency(
        FunctionName="echo", ReservedConcurrentExecutions=0
    )  # nothing can run yet
    fn.invoke(FunctionName="echo", InvocationType="Event", Payload=b'{"do": "echo"}')
    import signal

    server.stop(signal.SIGKILL)
    server.start()
    server.client("lambda").delete_function_concurrency(FunctionName="echo")
    logs = server.client("logs")
    until(
        lambda: any(
            g["logGroupName"] == "/aws/lambda/echo" for g in logs.describe_log_groups()["logGroups"]
        )
    )
    assert until(
        lambda: logs.filter_log_events(logGroupName="/aws/lambda/echo", filterPattern="REPORT")[
            "events"
        ]
    )

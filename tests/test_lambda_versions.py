# SPDX-License-Identifier: Apache-2.0
"""Versions, aliases and tags of functions: what each names, who may call it, and what it keeps."""
import base64
import concurrent.futures
import json
import ssl
import urllib.error
import urllib.request

import pytest

from clock import ahead
from records import records_of
from functions import BOOTSTRAP, LOGS, make_function, make_role, until, zipped


def saying(word):
    """The code of a function that answers every event with this word."""
    return zipped(BOOTSTRAP.replace("else: result = event", f'else: result = "{word}"'))


@pytest.fixture(scope="module")
def fn(server):
    make_role(server, "versioned", LOGS)
    return server.client("lambda")


@pytest.fixture
def make(fn, server, request):
    """Makes a function of the test's name and returns that name."""
    made = []

    def of(name, word="one", **more):
        role = server.client("iam").get_role(RoleName="versioned")["Role"]["Arn"]
        fn.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role,
            Timeout=10,
            Code={"ZipFile": saying(word)},
            **more,
        )
        made.append(name)
        return name

    yield of
    for name in made:
        try:
            fn.delete_function(FunctionName=name)
        except fn.exceptions.ResourceNotFoundException:
            pass


def call(fn, name, event={}, **more):
    answer = fn.invoke(FunctionName=name, Payload=json.dumps(event), **more)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return answer["ExecutedVersion"], json.loads(answer["Payload"].read())


def arn_of(server, name):
    account = server.endpoint["account_id"]
    return f"arn:aws:lambda:us-east-1:{account}:function:{name}"


def as_role(server, name, *statements):
    """A session of a new role of this account that has only these permissions."""
    iam, account = server.client("iam"), server.endpoint["account_id"]
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(
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
    if statements:
        iam.put_role_policy(
            RoleName=name,
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
    return server.session(name)


# ---- versions


def test_a_version_stays_what_it_was(fn, server, make):
    name = make("steady", Environment={"Variables": {"STAGE": "1"}}, Description="the first")
    first = fn.publish_version(FunctionName=name)
    assert (first["Version"], first["FunctionArn"]) == ("1", arn_of(server, name) + ":1")
    assert (first["Description"], first["State"]) == ("the first", "Active")
    fn.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
    fn.get_waiter("function_active_v2").wait(FunctionName=name)
    fn.update_function_code(FunctionName=name, ZipFile=saying("two"))
    fn.update_function_configuration(
        FunctionName=name, MemorySize=256, Environment={"Variables": {"STAGE": "2"}}
    )
    fn.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert call(fn, name) == ("$LATEST", "two")
    for named in (
        {"name": name, "Qualifier": "1"},
        {"name": name + ":1"},
        {"name": arn_of(server, name) + ":1"},
    ):
        assert call(fn, **named) == ("1", "one")
    _, env = call(fn, name, {"do": "env"}, Qualifier="1")
    assert (env["STAGE"], env["AWS_LAMBDA_FUNCTION_VERSION"]) == ("1", "1")
    assert "[1]" in env["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert call(fn, name, {"do": "env"})[1]["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert call(fn, name, {"do": "arn"}, Qualifier="1")[1] == arn_of(server, name) + ":1"
    shown = fn.get_function_configuration(FunctionName=name, Qualifier="1")
    assert (shown["MemorySize"], shown["Version"]) == (128, "1")
    assert shown["RevisionId"] == first["RevisionId"]
    log = base64.b64decode(
        fn.invoke(FunctionName=name, Qualifier="1", LogType="Tail")["LogResult"]
    ).decode()
    assert "Version: 1\n" in log


def test_nothing_new_is_not_published(fn, server, make):
    name = make("unchanged")
    assert fn.publish_version(FunctionName=name)["Version"] == "1"
    assert fn.publish_version(FunctionName=name, Description="x")["Version"] == "1"
    # The same code again is no change either.
    assert (
        fn.update_function_code(FunctionName=name, ZipFile=saying("one"), Publish=True)["Version"]
        == "1"
    )
    fn.update_function_configuration(FunctionName=name, Timeout=11)
    assert fn.publish_version(FunctionName=name)["Version"] == "2"
    fn.update_function_configuration(FunctionName=name, Description="said")
    third = fn.publish_version(FunctionName=name, Description="its own")
    assert (third["Version"], third["Description"]) == ("3", "its own")
    assert fn.get_function_configuration(FunctionName=name)["Description"] == "said"


def test_publishing_has_conditions(fn, server, make, code):
    name = make("conditions")
    latest = fn.get_function_configuration(FunctionName=name)
    assert (
        code(fn.publish_version, FunctionName=name, CodeSha256="nothing")
        == "InvalidParameterValueException"
    )
    assert (
        code(fn.publish_version, FunctionName=name, RevisionId="another")
        == "PreconditionFailedException"
    )
    assert (
        code(fn.publish_version, FunctionName=name, Description="x" * 257)
        == "InvalidParameterValueException"
    )
    assert code(fn.publish_version, FunctionName="nobody") == "ResourceNotFoundException"
    assert code(fn.publish_version, FunctionName=name + ":1") == "InvalidParameterValueException"
    made = fn.publish_version(
        FunctionName=name,
        CodeSha256=latest["CodeSha256"],
        RevisionId=latest["RevisionId"],
        Description="x" * 256,
    )
    assert made["Version"] == "1"


def test_publish_with_the_code_and_dry_run(fn, server, make):
    name = make("publishing", Publish=True)
    assert fn.get_function_configuration(FunctionName=name, Qualifier="1")["Version"] == "1"
    before = fn.get_function_configuration(FunctionName=name)
    dry = fn.update_function_code(
        FunctionName=name, ZipFile=saying("two"), DryRun=True, Publish=True
    )
    assert dry["CodeSha256"] != before["CodeSha256"]
    assert fn.get_function_configuration(FunctionName=name) | {"ResponseMetadata": 0} == before | {
        "ResponseMetadata": 0
    }
    made = fn.update_function_code(FunctionName=name, ZipFile=saying("two"), Publish=True)
    assert (made["Version"], made["FunctionArn"]) == ("2", arn_of(server, name) + ":2")
    assert call(fn, name, Qualifier="2") == ("2", "two")


def test_a_number_is_never_used_again(fn, server, make):
    name = make("numbered", Publish=True)
    fn.update_function_configuration(FunctionName=name, Timeout=11)
    assert fn.publish_version(FunctionName=name)["Version"] == "2"
    fn.delete_function(FunctionName=name, Qualifier="2")
    fn.delete_function(FunctionName=name, Qualifier="2")  # as on AWS, no error
    assert fn.publish_version(FunctionName=name)["Version"] == "3"
    fn.delete_function(FunctionName=name)
    make("numbered")
    assert fn.publish_version(FunctionName=name)["Version"] == "4"


def test_versions_are_listed_in_pages(fn, server, make):
    name = make("paged")
    for n in range(12):  # 10 comes after 9
        fn.update_function_configuration(FunctionName=name, Timeout=20 + n)
        fn.publish_version(FunctionName=name)
    pages = fn.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 5}
    )
    found = [[one["Version"] for one in page["Versions"]] for page in pages]
    assert [len(page) for page in found] == [5, 5, 3]
    assert sum(found, []) == ["$LATEST"] + [str(n) for n in range(1, 13)]
    all_of = [
        one["FunctionArn"].split(":function:")[1]
        for page in fn.get_paginator("list_functions").paginate(
            FunctionVersion="ALL", PaginationConfig={"PageSize": 4}
        )
        for one in page["Functions"]
        if one["FunctionName"] == name
    ]
    assert all_of == [f"{name}:{v}" for v in sum(found, [])]
    only_latest = [
        one["FunctionArn"]
        for page in fn.get_paginator("list_functions").paginate()
        for one in page["Functions"]
        if one["FunctionName"] == name
    ]
    assert only_latest == [arn_of(server, name)]


def test_wrong_qualifiers(fn, server, make, code):
    name = make("qualified", Publish=True)
    for qualifier in ("2", "nobody", "01"):
        for operation in (fn.invoke, fn.get_function, fn.get_function_configuration, fn.get_policy):
            assert (
                code(operation, FunctionName=name, Qualifier=qualifier)
                == "ResourceNotFoundException"
            )
    assert code(fn.invoke, FunctionName=name, Qualifier="no blanks") == "ValidationException"
    assert (
        code(fn.invoke, FunctionName=name + ":1", Qualifier="2") == "InvalidParameterValueException"
    )
    assert (
        code(fn.delete_function, FunctionName=name, Qualifier="$LATEST")
        == "InvalidParameterValueException"
    )
    for operation, more in (
        (fn.update_function_configuration, {"Timeout": 4}),
        (fn.update_function_code, {"ZipFile": saying("x")}),
        (fn.put_function_concurrency, {"ReservedConcurrentExecutions": 1}),
        (fn.list_versions_by_function, {}),
    ):
        assert code(operation, FunctionName=name + ":1", **more) == "InvalidParameterValueException"


def files_of(server):
    return {path for path in (server.data_dir / "blobs").rglob("*") if path.is_file()}


def test_the_code_lives_as_long_as_what_names_it(fresh_server):
    server = fresh_server
    functions = server.client("lambda")
    none = files_of(server)
    make_function(server, "kept", make_role(server, "keeper"), Timeout=10)
    functions.update_function_code(FunctionName="kept", ZipFile=saying("one"), Publish=True)
    until(lambda: len(files_of(server) - none) == 1)
    functions.update_function_code(FunctionName="kept", ZipFile=saying("two"))
    assert call(functions, "kept", Qualifier="1") == ("1", "one")
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout
    server.start()
    functions = server.client("lambda")
    assert call(functions, "kept", Qualifier="1") == ("1", "one")
    assert call(functions, "kept") == ("$LATEST", "two")
    assert len(files_of(server) - none) == 2
    # A version with the code of $LATEST: what deletes one keeps the file of the other.
    assert functions.publish_version(FunctionName="kept")["Version"] == "2"
    functions.delete_function(FunctionName="kept", Qualifier="2")
    functions.delete_function(FunctionName="kept", Qualifier="1")
    until(lambda: len(files_of(server) - none) == 1)
    assert call(functions, "kept") == ("$LATEST", "two")
    functions.update_function_configuration(FunctionName="kept", Timeout=9)
    assert functions.publish_version(FunctionName="kept")["Version"] == "3"
    functions.delete_function(FunctionName="kept")
    until(lambda: not files_of(server) - none)
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout
    server.start()


def test_publishers_at_once_get_numbers_of_their_own(fn, server, make):
    name = make("racing")

    def publish(n):
        fn.update_function_configuration(FunctionName=name, Timeout=20 + n)
        return fn.publish_version(FunctionName=name)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(publish, range(16)))
    listed = fn.list_versions_by_function(FunctionName=name)["Versions"][1:]
    assert sorted({one["Version"] for one in made}, key=int) == [v["Version"] for v in listed]
    timeouts = {v["Version"]: v["Timeout"] for v in listed}
    assert all(timeouts[one["Version"]] == one["Timeout"] for one in made)


# ---- the package's URL


def fetch(server, url, **headers):
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    asked = urllib.request.Request(url, headers=headers)
    return urllib.request.urlopen(asked, context=context).read()


def test_the_location_gives_the_package(fn, server, make):
    name = make("located", Publish=True)
    fn.update_function_code(FunctionName=name, ZipFile=saying("two"))
    latest = fn.get_function(FunctionName=name)["Code"]
    assert latest["RepositoryType"] == "S3"
    assert fetch(server, latest["Location"]) == saying("two")
    first = fn.get_function(FunctionName=name, Qualifier="1")["Code"]["Location"]
    assert fetch(server, first) == saying("one")
    assert "X-Amz-Expires=600" in first
    found = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetFunctionCode"}]
    )["Events"]
    assert len(found) == 2


def test_the_location_opens_nothing_else(fn, server, make):
    name = make("closed", Publish=True)
    make("closed-too")
    url = fn.get_function(FunctionName=name, Qualifier="1")["Code"]["Location"]
    for other in (
        url.replace("/closed/", "/closed-too/"),
        url.replace("Qualifier=1", "Qualifier=%24LATEST"),
        url.replace("/code?", "/configuration?"),
        url.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
    ):
        assert other != url
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(server, other)
        assert refused.value.code == 403
    # It is the caller's, and ends with his permission.
    session = as_role(
        server,
        "reader-of-code",
        {
            "Effect": "Allow",
            "Action": "lambda:GetFunction",
            "Resource": arn_of(server, name) + ":1",
        },
    )
    reader = server.client("lambda", session=session)
    theirs = reader.get_function(FunctionName=name, Qualifier="1")["Code"]["Location"]
    assert fetch(server, theirs) == saying("one")
    server.client("iam").delete_role_policy(RoleName="reader-of-code", PolicyName="p")
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(server, theirs)
    assert refused.value.code == 403


def test_the_location_lapses_after_ten_minutes(fresh_server):
    server = fresh_server
    role, fn = make_role(server, "lapsing"), server.client("lambda")
    fn.create_function(
        FunctionName="lapsing",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Code={"ZipFile": saying("one")},
    )
    url = fn.get_function(FunctionName="lapsing")["Code"]["Location"]
    address = server.endpoint["endpoint"]

    def later(**delta):
        """The same URL, of the server as it is then. Its port is another, the signed one stays."""
        server.stop()
        server.start(**ahead(**delta))
        there = url.replace(address, server.endpoint["endpoint"])
        return fetch(server, there, Host=address.split("//")[1])

    assert later(seconds=570) == saying("one")
    with pytest.raises(urllib.error.HTTPError) as refused:
        later(seconds=601)
    assert refused.value.code == 403 and b"expired" in refused.value.read()


# ---- aliases


def test_an_alias_is_moved(fn, server, make, code):
    name = make("aliased", Publish=True)
    fn.update_function_code(FunctionName=name, ZipFile=saying("two"), Publish=True)
    made = fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="1", Description="live")
    assert made["AliasArn"] == arn_of(server, name) + ":prod"
    assert call(fn, name, Qualifier="prod") == ("1", "one")
    assert call(fn, name + ":prod", {"do": "arn"})[1] == arn_of(server, name) + ":prod"
    shown = fn.get_function_configuration(FunctionName=name, Qualifier="prod")
    assert (shown["FunctionArn"], shown["Version"]) == (arn_of(server, name) + ":prod", "1")
    assert (
        code(
            fn.update_alias,
            FunctionName=name,
            Name="prod",
            FunctionVersion="2",
            RevisionId="another",
        )
        == "PreconditionFailedException"
    )
    moved = fn.update_alias(
        FunctionName=name, Name="prod", FunctionVersion="2", RevisionId=made["RevisionId"]
    )
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "live")
    assert moved["RevisionId"] != made["RevisionId"]
    assert call(fn, name, Qualifier="prod") == ("2", "two")
    assert fn.get_alias(FunctionName=name, Name="prod")["FunctionVersion"] == "2"
    assert code(fn.delete_function, FunctionName=name, Qualifier="2") == "ResourceConflictException"
    assert (
        code(fn.delete_function, FunctionName=name, Qualifier="prod")
        == "InvalidParameterValueException"
    )
    fn.delete_alias(FunctionName=name, Name="prod")
    fn.delete_alias(FunctionName=name, Name="prod")  # as on AWS, no error
    assert code(fn.get_alias, FunctionName=name, Name="prod") == "ResourceNotFoundException"
    assert code(fn.invoke, FunctionName=name, Qualifier="prod") == "ResourceNotFoundException"
    fn.delete_function(FunctionName=name, Qualifier="2")


@pytest.mark.parametrize(
    "wanted, error",
    [
        ({"Name": "12"}, "ValidationException"),
        ({"Name": "x" * 129}, "ValidationException"),
        ({"Name": "a.b"}, "ValidationException"),
        ({"Name": "prod"}, "ResourceConflictException"),
        ({"FunctionVersion": "9"}, "ResourceNotFoundException"),
        ({"FunctionVersion": "prod"}, "ResourceNotFoundException"),
        ({"Description": "x" * 257}, "InvalidParameterValueException"),
        ({"RoutingConfig": {"1": 0.5}}, "InvalidParameterValueException"),
        ({"RoutingConfig": {"2": 0.5, "3": 0.1}}, "InvalidParameterValueException"),
        ({"RoutingConfig": {"2": 1.1}}, "ValidationException"),
        ({"RoutingConfig": {"$LATEST": 0.1}}, "ValidationException"),
        ({"RoutingConfig": {"9": 0.1}}, "ResourceNotFoundException"),
        (
            {"FunctionVersion": "$LATEST", "RoutingConfig": {"2": 0.1}},
            "InvalidParameterValueException",
        ),
        ({"RoutingConfig": {"3": 0.1}}, "InvalidParameterValueException"),
    ],
)
def test_aliases_have_rules(fn, server, code, wanted, error):
    if "ruled" not in [f["FunctionName"] for f in fn.list_functions()["Functions"]]:
        role = server.client("iam").get_role(RoleName="versioned")["Role"]["Arn"]
        make_function(server, "ruled", role, Publish=True)
        fn.update_function_configuration(FunctionName="ruled", Timeout=5)
        fn.publish_version(FunctionName="ruled")
        fn.update_function_configuration(
            FunctionName="ruled", Role=make_role(server, "another-role")
        )
        assert fn.publish_version(FunctionName="ruled")["Version"] == "3"
        fn.create_alias(FunctionName="ruled", Name="prod", FunctionVersion="1")
    arguments = {"FunctionName": "ruled", "Name": "new", "FunctionVersion": "1"} | wanted
    if "RoutingConfig" in arguments:
        arguments["RoutingConfig"] = {"AdditionalVersionWeights": arguments["RoutingConfig"]}
    assert code(fn.create_alias, **arguments) == error


def test_a_weighted_alias_shares_its_calls_out(fn, server, make):
    name = make("weighted", Publish=True)
    fn.update_function_code(FunctionName=name, ZipFile=saying("two"), Publish=True)
    alias = {"FunctionName": name, "Name": "split"}
    made = fn.create_alias(
        **alias, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    assert made["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    ran = [call(fn, name, Qualifier="split") for _ in range(64)]
    # That one of them gets none of 64 calls has the probability 2 ** -63.
    assert set(ran) == {("1", "one"), ("2", "two")}
    fn.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert {call(fn, name, Qualifier="split") for _ in range(8)} == {("2", "two")}
    fn.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {"2": 0.0}})
    assert {call(fn, name, Qualifier="split") for _ in range(8)} == {("1", "one")}
    cleared = fn.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in cleared
    metrics = server.client("cloudwatch")

    def dimensions():
        found = metrics.list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
        return [
            {d["Name"]: d["Value"] for d in one["Dimensions"]}
            for one in found
            if {"Name": "FunctionName", "Value": name} in one["Dimensions"]
        ]

    wanted = [{}, {"Resource": name + ":split"}] + [
        {"Resource": name + ":split", "ExecutedVersion": v} for v in ("1", "2")
    ]
    until(lambda: all({"FunctionName": name} | one in dimensions() for one in wanted))


def test_aliases_are_listed_in_pages(fn, server, make):
    name = make("many-aliases", Publish=True)
    fn.update_function_configuration(FunctionName=name, Timeout=11)
    fn.publish_version(FunctionName=name)
    for n in range(6):
        fn.create_alias(FunctionName=name, Name=f"a{n}", FunctionVersion=str(1 + n % 2))
    pages = fn.get_paginator("list_aliases").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 4}
    )
    found = [[one["Name"] for one in page["Aliases"]] for page in pages]
    assert found == [["a0", "a1", "a2", "a3"], ["a4", "a5"]]
    of_two = fn.list_aliases(FunctionName=name, FunctionVersion="2")["Aliases"]
    assert [one["Name"] for one in of_two] == ["a1", "a3", "a5"]


def test_a_deleted_function_leaves_no_alias_and_no_policy(fn, server, make, code):
    name = make("leaving", Publish=True)
    fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    statement = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    for qualifier in ("1", "prod"):
        fn.add_permission(
            FunctionName=name,
            Qualifier=qualifier,
            StatementId="s3",
            SourceAccount="1" * 12,
            **statement,
        )
        fn.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=0
        )
    fn.delete_function(FunctionName=name)
    make("leaving")
    assert fn.list_aliases(FunctionName=name)["Aliases"] == []
    fn.update_function_configuration(FunctionName=name, Timeout=11)
    assert fn.publish_version(FunctionName=name)["Version"] == "2"
    fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="2")
    assert code(fn.get_policy, FunctionName=name, Qualifier="prod") == "ResourceNotFoundException"
    assert (
        fn.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"] == []
    )


def test_an_alias_and_the_end_of_its_version_at_once(fn, server, make, code):
    """Whatever comes first, no alias points to a version that is gone."""
    name = make("ending", Publish=True)

    def create(n):
        try:
            return fn.create_alias(FunctionName=name, Name=f"a{n}", FunctionVersion="1")["Name"]
        except fn.exceptions.ResourceNotFoundException:
            return None

    def delete(_):
        try:
            fn.delete_function(FunctionName=name, Qualifier="1")
            return True
        except fn.exceptions.ResourceConflictException:
            return False

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(delete, n) for n in range(4)]
        made = [pool.submit(create, n) for n in range(4)]
    aliases = fn.list_aliases(FunctionName=name)["Aliases"]
    versions = [v["Version"] for v in fn.list_versions_by_function(FunctionName=name)["Versions"]]
    assert len([one for one in made if one.result()]) == len(aliases)
    assert not aliases or "1" in versions
    assert any(one.result() for one in ended) == ("1" not in versions)


# ---- permissions by qualifier


def test_the_policy_of_a_qualifier_is_its_own(fn, server, make, code):
    name = make("guarded", Publish=True)
    fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    statement = {
        "StatementId": "s3",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::b",
    }
    added = fn.add_permission(FunctionName=name, Qualifier="prod", **statement)
    assert json.loads(added["Statement"])["Resource"] == arn_of(server, name) + ":prod"
    assert code(fn.get_policy, FunctionName=name) == "ResourceNotFoundException"
    assert code(fn.get_policy, FunctionName=name, Qualifier="1") == "ResourceNotFoundException"
    shown = fn.get_policy(FunctionName=name, Qualifier="prod")
    assert json.loads(shown["Policy"])["Statement"][0]["Sid"] == "s3"
    assert (
        code(fn.add_permission, FunctionName=name, Qualifier="$LATEST", **statement)
        == "InvalidParameterValueException"
    )
    assert (
        code(
            fn.remove_permission,
            FunctionName=name,
            Qualifier="prod",
            StatementId="s3",
            RevisionId="another",
        )
        == "PreconditionFailedException"
    )
    fn.remove_permission(FunctionName=name, Qualifier="prod", StatementId="s3")
    assert code(fn.get_policy, FunctionName=name, Qualifier="prod") == "ResourceNotFoundException"


def test_a_policy_on_the_function_does_not_open_its_aliases(fn, server, make, code):
    name = make("exact", Publish=True)
    fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    may = {"Effect": "Allow", "Action": "lambda:InvokeFunction"}
    plain = server.client(
        "lambda", session=as_role(server, "plain-caller", may | {"Resource": arn_of(server, name)})
    )
    assert call(plain, name) == ("$LATEST", "one")
    for qualifier in ("prod", "1", "$LATEST"):
        assert code(plain.invoke, FunctionName=name, Qualifier=qualifier) == "AccessDeniedException"
    prod = server.client(
        "lambda",
        session=as_role(server, "prod-caller", may | {"Resource": arn_of(server, name) + ":prod"}),
    )
    assert call(prod, name, Qualifier="prod") == ("1", "one")
    for more in ({}, {"Qualifier": "1"}):
        assert code(prod.invoke, FunctionName=name, **more) == "AccessDeniedException"
    # By the policy of the alias: a caller who has no policy of his own.
    nobody = server.client("lambda", session=as_role(server, "alias-caller"))
    assert code(nobody.invoke, FunctionName=name, Qualifier="prod") == "AccessDeniedException"
    account = server.endpoint["account_id"]
    fn.add_permission(
        FunctionName=name,
        Qualifier="prod",
        StatementId="one",
        Action="lambda:InvokeFunction",
        Principal=f"arn:aws:iam::{account}:role/alias-caller",
    )
    assert call(nobody, name, Qualifier="prod") == ("1", "one")
    for more in ({}, {"Qualifier": "1"}):
        assert code(nobody.invoke, FunctionName=name, **more) == "AccessDeniedException"


def test_event_invoke_configs_by_qualifier(fn, server, make, code):
    name = make("configured", Publish=True)
    make("configured-too")  # its configurations are not this one's
    fn.put_function_event_invoke_config(FunctionName="configured-too", MaximumRetryAttempts=1)
    fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    for qualifier, retries in (("$LATEST", 0), ("1", 1), ("prod", 2)):
        put = fn.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=retries
        )
        assert put["FunctionArn"] == f"{arn_of(server, name)}:{qualifier}"
    assert fn.get_function_event_invoke_config(FunctionName=name)["MaximumRetryAttempts"] == 0
    pages = fn.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}
    )
    found = [[c["MaximumRetryAttempts"] for c in p["FunctionEventInvokeConfigs"]] for p in pages]
    assert found == [[0, 1], [2]]
    fn.delete_function_event_invoke_config(FunctionName=name, Qualifier="prod")
    assert (
        code(fn.get_function_event_invoke_config, FunctionName=name, Qualifier="prod")
        == "ResourceNotFoundException"
    )
    assert (
        code(
            fn.put_function_event_invoke_config,
            FunctionName=name,
            Qualifier="9",
            MaximumRetryAttempts=1,
        )
        == "ResourceNotFoundException"
    )


def test_a_bucket_notifies_an_alias(fn, server, make, code):
    name = make("notified", Publish=True)
    fn.update_function_code(FunctionName=name, ZipFile=saying("two"))
    alias = fn.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")["AliasArn"]
    s3 = server.client("s3")
    s3.create_bucket(Bucket="notifies-alias")

    def notify(arn):
        s3.put_bucket_notification_configuration(
            Bucket="notifies-alias",
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )

    permission = {
        "FunctionName": name,
        "StatementId": "s3",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::notifies-alias",
        "SourceAccount": server.endpoint["account_id"],
    }
    fn.add_permission(**permission)  # the function's, which does not open the alias
    assert code(notify, arn=alias) == "InvalidArgument"
    fn.add_permission(**permission, Qualifier="prod")
    notify(alias)
    s3.put_object(Bucket="notifies-alias", Key="k", Body=b"x")
    logs = server.client("logs")

    def lines():
        group = "/aws/lambda/" + name
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        events = logs.filter_log_events(logGroupName=group)["events"]
        return [e["message"] for e in events if e["message"].startswith("START")]

    assert until(lines)[0].endswith("Version: 1")
    fn.invoke(FunctionName=name, Qualifier="prod", InvocationType="Event", Payload=b"{}")
    until(lambda: len(lines()) == 2)
    assert lines()[1].endswith("Version: 1")


def test_the_record_names_what_ran_and_no_token(fresh_server):
    server, functions = fresh_server, fresh_server.client("lambda")
    make_function(server, "recorded", make_role(server, "recording"), Publish=True)
    functions.create_alias(FunctionName="recorded", Name="prod", FunctionVersion="1")
    call(functions, "recorded", Qualifier="prod")
    call(functions, "recorded")
    fetch(server, functions.get_function(FunctionName="recorded")["Code"]["Location"])
    records = records_of(server)

    def of(name):
        return [one for one in records if one["eventName"] == name]

    assert of("CreateAlias20150331")[0]["requestParameters"] == {
        "functionName": "recorded",
        "name": "prod",
        "functionVersion": "1",
    }
    arn = arn_of(server, "recorded")
    by_alias, plain = of("Invoke")
    assert by_alias["resources"][0]["ARN"] == arn + ":prod"
    assert by_alias["additionalEventData"]["functionVersion"] == arn + ":1"
    assert plain["resources"][0]["ARN"] == arn
    assert plain["additionalEventData"]["functionVersion"] == arn + ":$LATEST"
    fetched = of("GetFunctionCode")[0]
    assert fetched["resources"][0]["ARN"] == arn
    token = "X-Amz-Security-Token"
    assert not [one for one in records if token in json.dumps(one)]


def test_the_aws_cli_knows_its_way(server, make, tmp_path):
    name = make("by-cli")

    def cli(*arguments):
        done = server.run("aws", "lambda", *arguments).stdout
        return json.loads(done) if done.startswith("{") else done

    cli("wait", "function-active-v2", "--function-name", name)
    assert cli("publish-version", "--function-name", name)["Version"] == "1"
    cli("wait", "published-version-active", "--function-name", name, "--qualifier", "1")
    (tmp_path / "two.zip").write_bytes(saying("two"))
    two = f"fileb://{tmp_path}/two.zip"
    cli("update-function-code", "--function-name", name, "--zip-file", two, "--publish")
    cli("wait", "function-updated-v2", "--function-name", name)
    weights = "AdditionalVersionWeights={2=1.0}"
    alias = ("--function-name", name, "--name", "prod", "--function-version", "1")
    cli("create-alias", *alias, "--routing-config", weights)
    answer = cli(
        "invoke", "--function-name", name, "--qualifier", "prod", str(tmp_path / "out.json")
    )
    assert answer["ExecutedVersion"] == "2"
    assert (tmp_path / "out.json").read_text() == '"two"'
    arn = arn_of(server, name)
    cli("tag-resource", "--resource", arn, "--tags", "Team=red,Stage=dev")
    cli("untag-resource", "--resource", arn, "--tag-keys", "Stage")
    assert cli("list-tags", "--resource", arn)["Tags"] == {"Team": "red"}
    made = cli("publish-layer-version", "--layer-name", "by-cli", "--zip-file", two)
    shown = cli("get-layer-version-by-arn", "--arn", made["LayerVersionArn"])
    assert shown["Version"] == 1
    assert cli("list-event-source-mappings")["EventSourceMappings"] == []


def test_reserved_concurrency_is_the_functions(fn, server, make, code):
    name = make("reserved", Publish=True)
    fn.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    for more in ({}, {"Qualifier": "1"}):
        assert code(fn.invoke, FunctionName=name, **more) == "TooManyRequestsException"
    assert (
        fn.get_function(FunctionName=name, Qualifier="1")["Concurrency"][
            "ReservedConcurrentExecutions"
        ]
        == 0
    )


# ---- tags


def test_tags_come_and_go(fn, server, make, code):
    name = make("tagged", Publish=True, Tags={"Team": "red", "Stage": "dev"})
    arn = arn_of(server, name)
    assert fn.list_tags(Resource=arn)["Tags"] == {"Team": "red", "Stage": "dev"}
    assert fn.get_function(FunctionName=name)["Tags"] == {"Team": "red", "Stage": "dev"}
    before = fn.get_function_configuration(FunctionName=name)["RevisionId"]
    fn.tag_resource(Resource=arn, Tags={"Team": "blue", "Ünï": "🙂"})
    fn.untag_resource(Resource=arn, TagKeys=["Stage", "Absent"])
    assert fn.list_tags(Resource=arn)["Tags"] == {"Team": "blue", "Ünï": "🙂"}
    assert fn.get_function_configuration(FunctionName=name)["RevisionId"] == before
    for wrong, error in (
        ({"x" * 129: "v"}, "InvalidParameterValueException"),
        ({"k": "v" * 257}, "InvalidParameterValueException"),
        ({"aws:k": "v"}, "InvalidParameterValueException"),
        ({f"k{n}": "v" for n in range(49)}, "InvalidParameterValueException"),
    ):
        assert code(fn.tag_resource, Resource=arn, Tags=wrong) == error
    fn.tag_resource(Resource=arn, Tags={f"k{n}": "v" * 256 for n in range(48)} | {})
    assert len(fn.list_tags(Resource=arn)["Tags"]) == 50
    assert (
        code(fn.tag_resource, Resource=arn, Tags={"more": ""}) == "InvalidParameterValueException"
    )
    assert code(fn.list_tags, Resource=arn + ":1") == "InvalidParameterValueException"
    assert code(fn.list_tags, Resource=arn + "x") == "ResourceNotFoundException"
    role = server.client("iam").get_role(RoleName="versioned")["Role"]["Arn"]
    assert (
        code(
            fn.create_function,
            FunctionName="overtagged",
            Runtime="provided.al2023",
            Handler="h",
            Role=role,
            Code={"ZipFile": zipped()},
            Tags={f"k{n}": "v" for n in range(51)},
        )
        == "InvalidParameterValueException"
    )


def test_a_policy_may_ask_for_tags(fn, server, make, code):
    red, blue = make("red-one", Tags={"Team": "red"}, Publish=True), make("blue-one")
    allowed = {
        "Effect": "Allow",
        "Action": "lambda:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Team": "red"}},
    }
    theirs = server.client("lambda", session=as_role(server, "red-team", allowed))
    assert call(theirs, red)[1] == call(theirs, red, Qualifier="1")[1] == "one"
    assert code(theirs.invoke, FunctionName=blue) == "AccessDeniedException"
    # Who may not list the tags gets the function without them, and is told why.
    no_tags = server.client(
        "lambda",
        session=as_role(
            server,
            "no-tags",
            {"Effect": "Allow", "Action": "lambda:GetFunction", "Resource": "*"},
        ),
    )
    shown = no_tags.get_function(FunctionName=red)
    assert "Tags" not in shown
    tagger = server.client(
        "lambda",
        session=as_role(
            server,
            "tagger",
            {
                "Effect": "Allow",
                "Action": ["lambda:TagResource", "lambda:UntagResource"],
                "Resource": "*",
                "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}},
            },
        ),
    )
    arn = arn_of(server, blue)
    tagger.tag_resource(Resource=arn, Tags={"Team": "red"})
    assert (
        code(tagger.tag_resource, Resource=arn, Tags={"Team": "x", "Other": "y"})
        == "AccessDeniedException"
    )
    assert code(tagger.untag_resource, Resource=arn, TagKeys=["Other"]) == "AccessDeniedException"
    assert call(theirs, blue)[1] == "one"


# ---- event source mappings


def test_there_are_no_event_source_mappings(fn, server, code):
    assert fn.list_event_source_mappings()["EventSourceMappings"] == []
    assert (
        code(
            fn.create_event_source_mapping,
            FunctionName="any",
            EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q",
        )
        == "InvalidParameterValueException"
    )
    for operation in (
        fn.get_event_source_mapping,
        fn.update_event_source_mapping,
        fn.delete_event_source_mapping,
    ):
        assert code(operation, UUID="7d1a" * 9) == "ResourceNotFoundException"


def test_a_deny_on_the_principal_of_a_permission_holds_when_it_is_removed(make, server, fn, code):
    """The record has the id of the role; the condition is on the ARN that AddPermission got."""
    make("granted")
    role = make_role(server, "granted-to")
    fn.add_permission(
        FunctionName="granted",
        StatementId="one",
        Action="lambda:InvokeFunction",
        Principal=role,
    )
    may = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    may_not = {
        "Effect": "Deny",
        "Action": "lambda:RemovePermission",
        "Resource": "*",
        "Condition": {"StringEquals": {"lambda:Principal": role}},
    }
    remover = server.client("lambda", session=as_role(server, "remover", may, may_not))
    wanted = {"FunctionName": "granted", "StatementId": "one"}
    assert code(remover.remove_permission, **wanted) == "AccessDeniedException"
    fn.remove_permission(**wanted)

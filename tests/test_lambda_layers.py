# SPDX-License-Identifier: Apache-2.0
"""Layers: published, shared, mounted at /opt, and kept for as long as a function has them."""
import io
import json
import zipfile

import pytest

from functions import BOOTSTRAP, LOGS, make_role, until, zeros, zipped
from test_lambda_versions import arn_of, as_role, call, fetch, files_of

READER = zipped(BOOTSTRAP.replace(".read()[:100]", ".read()"))


def packed(**files):
    """A zip of these files: `a__b` is the file a/b."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name.replace("__", "/"))
            info.external_attr = 0o755 << 16
            info.create_system = 3
            archive.writestr(info, text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def fn(server):
    make_role(server, "layered", LOGS)
    return server.client("lambda")


def role_of(server):
    return server.client("iam").get_role(RoleName="layered")["Role"]["Arn"]


def publish(fn, name, **files):
    return fn.publish_layer_version(LayerName=name, Content={"ZipFile": packed(**files)})[
        "LayerVersionArn"
    ]


def make(fn, server, name, layers, code=READER, **more):
    return fn.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=more.pop("Role", None) or role_of(server),
        Timeout=10,
        Code={"ZipFile": code},
        Layers=layers,
        **more,
    )


def read(fn, name, path, **more):
    return call(fn, name, {"do": "read", "path": path}, **more)[1]


def test_a_layer_is_published(fn, server, code):
    first = fn.publish_layer_version(
        LayerName="shown",
        Description="the first",
        LicenseInfo="MIT",
        CompatibleRuntimes=["provided.al2023"],
        CompatibleArchitectures=["x86_64"],
        Content={"ZipFile": packed(a="1")},
    )
    account = server.endpoint["account_id"]
    arn = f"arn:aws:lambda:us-east-1:{account}:layer:shown"
    assert (first["LayerArn"], first["LayerVersionArn"]) == (arn, arn + ":1")
    assert (first["Version"], first["LicenseInfo"]) == (1, "MIT")
    assert first["Content"]["CodeSize"] == len(packed(a="1"))
    for shown in (
        fn.get_layer_version(LayerName="shown", VersionNumber=1),
        fn.get_layer_version(LayerName=arn, VersionNumber=1),
        fn.get_layer_version_by_arn(Arn=arn + ":1"),
    ):
        assert shown["CompatibleRuntimes"] == ["provided.al2023"]
        assert shown["CompatibleArchitectures"] == ["x86_64"]
        assert (shown["Description"], shown["CreatedDate"]) == ("the first", first["CreatedDate"])
        assert fetch(server, shown["Content"]["Location"]) == packed(a="1")
    server.client("s3").create_bucket(Bucket="layer-code")
    server.client("s3").put_object(Bucket="layer-code", Key="l.zip", Body=packed(a="2"))
    second = fn.publish_layer_version(
        LayerName="shown", Content={"S3Bucket": "layer-code", "S3Key": "l.zip"}
    )
    assert second["Version"] == 2
    fn.delete_layer_version(LayerName="shown", VersionNumber=2)
    fn.delete_layer_version(LayerName="shown", VersionNumber=2)  # as on AWS, no error
    assert (
        code(fn.get_layer_version, LayerName="shown", VersionNumber=2)
        == "ResourceNotFoundException"
    )
    for other in (arn.replace(account, "1" * 12), arn.replace("us-east-1", "eu-west-1")):
        assert (
            code(publish, fn=fn, name=other, a="1")
            == code(fn.get_layer_version, LayerName=other, VersionNumber=1)
            == code(fn.get_layer_version_by_arn, Arn=other + ":1")
            == "ResourceNotFoundException"
        )
    assert publish(fn, "shown", a="3") == arn + ":3"  # a number is never used again


@pytest.mark.parametrize(
    "wanted, error",
    [
        ({"LayerName": "a.b"}, "ValidationException"),
        ({"LayerName": "x" * 141}, "ValidationException"),
        ({"Content": {"ZipFile": b"no zip"}}, "InvalidParameterValueException"),
        ({"Content": {"ZipFile": zipped(name="../up")}}, "InvalidParameterValueException"),
        ({"Content": {}}, "InvalidParameterValueException"),
        ({"Description": "x" * 257}, "InvalidParameterValueException"),
        ({"LicenseInfo": "x" * 513}, "InvalidParameterValueException"),
        ({"CompatibleRuntimes": ["p"] * 16}, "InvalidParameterValueException"),
        ({"CompatibleRuntimes": ["no/runtime"]}, "InvalidParameterValueException"),
        ({"CompatibleArchitectures": ["riscv"]}, "InvalidParameterValueException"),
    ],
)
def test_bad_layers_are_refused(fn, server, code, wanted, error):
    fn = server.client("lambda", parameter_validation=False)
    good = {"LayerName": "bad", "Content": {"ZipFile": packed(a="1")}}
    assert code(fn.publish_layer_version, **good | wanted) == error


def test_layers_are_listed_in_pages(fn):
    for name in ("list-a", "list-b", "list-c"):
        publish(fn, name, a="1")
    for n in range(11):
        publish(fn, "list-b", a=str(n))
    pages = fn.get_paginator("list_layer_versions").paginate(
        LayerName="list-b", PaginationConfig={"PageSize": 5}
    )
    found = [[v["Version"] for v in page["LayerVersions"]] for page in pages]
    assert [len(page) for page in found] == [5, 5, 2]
    assert sum(found, []) == list(range(12, 0, -1))
    fn.delete_layer_version(LayerName="list-b", VersionNumber=12)
    fn.delete_layer_version(LayerName="list-c", VersionNumber=1)
    fn.publish_layer_version(
        LayerName="list-a", CompatibleRuntimes=["python3.12"], Content={"ZipFile": packed(a="2")}
    )
    pages = fn.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1})
    layers = {
        layer["LayerName"]: layer["LatestMatchingVersion"]["Version"]
        for page in pages
        for layer in page["Layers"]
        if layer["LayerName"].startswith("list-")
    }
    assert layers == {"list-a": 2, "list-b": 11}
    fitting = fn.list_layers(CompatibleRuntime="python3.12")["Layers"]
    assert [layer["LayerName"] for layer in fitting] == ["list-a"]
    assert fn.list_layer_versions(LayerName="list-none")["LayerVersions"] == []


def test_layers_are_merged_at_opt(fn, server):
    low = publish(fn, "low", both="low", lib__low="l")
    high = publish(fn, "high", both="high", lib__high="h")
    made = make(fn, server, "merged", [low, high])
    assert made["Layers"] == [
        {"Arn": low, "CodeSize": len(packed(both="low", lib__low="l"))},
        {"Arn": high, "CodeSize": len(packed(both="high", lib__high="h"))},
    ]
    assert read(fn, "merged", "/opt/both") == "high"
    assert (read(fn, "merged", "/opt/lib/low"), read(fn, "merged", "/opt/lib/high")) == ("l", "h")
    for path in ("/opt/both", "/opt/new"):
        assert call(fn, "merged", {"do": "write", "path": path})[1] == "Read-only file system"
    fn.update_function_configuration(FunctionName="merged", Layers=[high, low])
    assert read(fn, "merged", "/opt/both") == "low"
    published = fn.publish_version(FunctionName="merged")
    assert [one["Arn"] for one in published["Layers"]] == [high, low]
    fn.update_function_configuration(FunctionName="merged", Layers=[])
    assert "Layers" not in fn.get_function_configuration(FunctionName="merged")
    assert read(fn, "merged", "/opt/both") == "No such file or directory"
    assert read(fn, "merged", "/opt/both", Qualifier="1") == "low"


def test_a_bootstrap_of_a_layer_counts(fn, server):
    layer = publish(fn, "runtime", bootstrap=BOOTSTRAP)
    make(fn, server, "codeless", [layer], code=packed(data="x"))
    assert read(fn, "codeless", "/var/task/data") == "x"


def test_layers_have_rules(fn, server, code):
    arns = [publish(fn, f"rule-{n}", a="1") for n in range(6)]
    again = publish(fn, "rule-0", a="2")
    extension = publish(fn, "extension", extensions__spy="#!/bin/sh\n")
    account = server.endpoint["account_id"]

    def refused(layers):
        return code(make, fn=fn, server=server, name="ruled-layers", layers=layers)

    assert refused(arns) == "InvalidParameterValueException"
    assert refused([arns[0], again]) == "InvalidParameterValueException"
    assert refused([arns[0], arns[0]]) == "InvalidParameterValueException"
    assert refused([arns[0][:-1] + "9"]) == "InvalidParameterValueException"
    assert refused([arns[0].replace(account, "1" * 12)]) == "InvalidParameterValueException"
    assert refused([arns[0][:-2]]) == "ValidationException"
    with pytest.raises(fn.exceptions.InvalidParameterValueException, match="extensions/spy"):
        make(fn, server, "ruled-layers", [extension])
    make(fn, server, "ruled-layers", arns[:5])
    assert (
        code(fn.update_function_configuration, FunctionName="ruled-layers", Layers=[extension])
        == "InvalidParameterValueException"
    )


def test_code_and_layers_have_one_limit(fn, server, code):
    """250 MB unzipped together, to the byte."""
    limit, half = 262144000, 131072000

    layer = fn.publish_layer_version(LayerName="large", Content={"ZipFile": zeros(half)})
    arn = layer["LayerVersionArn"]
    assert (
        code(make, fn=fn, server=server, name="large", layers=[arn], code=zeros(limit - half + 1))
        == "InvalidParameterValueException"
    )
    make(fn, server, "large", [arn], code=zeros(limit - half))
    assert (
        code(fn.update_function_code, FunctionName="large", ZipFile=zeros(limit - half + 1))
        == "InvalidParameterValueException"
    )
    more = publish(fn, "a-byte", a="1")
    assert (
        code(fn.update_function_configuration, FunctionName="large", Layers=[arn, more])
        == "InvalidParameterValueException"
    )
    fn.delete_function(FunctionName="large")


def test_a_layer_needs_permission(fn, server, code):
    layer = publish(fn, "guarded-layer", a="1")
    session = as_role(
        server,
        "layer-user",
        {
            "Effect": "Allow",
            "Action": [
                "lambda:CreateFunction",
                "lambda:UpdateFunctionConfiguration",
                "iam:PassRole",
            ],
            "Resource": "*",
        },
    )
    theirs = server.client("lambda", session=session)
    arguments = {"server": server, "layers": [layer], "Role": role_of(server)}
    assert code(make, fn=theirs, name="with-layer", **arguments) == "AccessDeniedException"
    make(theirs, server, "with-layer", [], Role=role_of(server))
    assert (
        code(theirs.update_function_configuration, FunctionName="with-layer", Layers=[layer])
        == "AccessDeniedException"
    )
    grant = {"LayerName": "guarded-layer", "VersionNumber": 1}
    added = fn.add_layer_version_permission(
        **grant, StatementId="all", Action="lambda:GetLayerVersion", Principal="*"
    )
    assert json.loads(added["Statement"])["Resource"] == layer
    theirs.update_function_configuration(FunctionName="with-layer", Layers=[layer])
    shown = fn.get_layer_version_policy(**grant)
    assert json.loads(shown["Policy"])["Statement"][0]["Sid"] == "all"
    assert shown["RevisionId"] == added["RevisionId"]
    for wrong, error in (
        ({"StatementId": "all"}, "ResourceConflictException"),
        ({"Action": "lambda:*"}, "ValidationException"),
        ({"Principal": "s3.amazonaws.com"}, "InvalidParameterValueException"),
        ({"RevisionId": "another"}, "PreconditionFailedException"),
        ({"VersionNumber": 9}, "ResourceNotFoundException"),
    ):
        good = {"StatementId": "new", "Action": "lambda:GetLayerVersion", "Principal": "*"}
        assert code(fn.add_layer_version_permission, **grant | good | wrong) == error
    assert (
        code(fn.remove_layer_version_permission, **grant, StatementId="all", RevisionId="another")
        == "PreconditionFailedException"
    )
    fn.remove_layer_version_permission(**grant, StatementId="all")
    assert code(fn.get_layer_version_policy, **grant) == "ResourceNotFoundException"
    # What a function has it keeps; only who adds one is asked.
    theirs.update_function_configuration(FunctionName="with-layer", Timeout=4)
    assert (
        code(theirs.get_layer_version, LayerName="guarded-layer", VersionNumber=1)
        == "AccessDeniedException"
    )


def test_a_deleted_layer_stays_with_its_functions(fresh_server, code):
    server = fresh_server
    functions = server.client("lambda")
    make_role(server, "layered", LOGS)
    none = files_of(server)
    layer = publish(functions, "passing", a="kept")
    make(functions, server, "holder", [layer])
    assert functions.publish_version(FunctionName="holder")["Version"] == "1"
    functions.delete_layer_version(LayerName="passing", VersionNumber=1)
    assert functions.list_layers()["Layers"] == []
    assert (
        code(make, fn=functions, server=server, name="late", layers=[layer])
        == "InvalidParameterValueException"
    )
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout
    server.start()
    functions = server.client("lambda")
    assert read(functions, "holder", "/opt/a") == "kept"
    functions.update_function_configuration(FunctionName="holder", Timeout=9)
    assert functions.publish_version(FunctionName="holder")["Version"] == "2"
    functions.update_function_configuration(FunctionName="holder", Layers=[])
    functions.delete_function(FunctionName="holder", Qualifier="1")
    assert read(functions, "holder", "/opt/a", Qualifier="2") == "kept"
    assert len(files_of(server) - none) == 2
    functions.delete_function(FunctionName="holder", Qualifier="2")
    until(lambda: len(files_of(server) - none) == 1)
    functions.delete_function(FunctionName="holder")
    until(lambda: not files_of(server) - none)
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout
    server.start()


def test_a_stack_makes_layer_version_and_alias(fn, server, code):
    s3, stacks = server.client("s3"), server.client("cloudformation")
    s3.create_bucket(Bucket="stack-code")
    for key, body in (("f.zip", READER), ("l.zip", packed(a="of the stack"))):
        s3.put_object(Bucket="stack-code", Key=key, Body=body)

    def template(description, tags=()):
        name = {"Ref": "Function"}
        alias = {
            "FunctionName": name,
            "Name": "prod",
            "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
            "Description": description,
        }
        return json.dumps(
            {
                "Resources": {
                    "Layer": {
                        "Type": "AWS::Lambda::LayerVersion",
                        "Properties": {
                            "LayerName": "stacked",
                            "Content": {"S3Bucket": "stack-code", "S3Key": "l.zip"},
                            "CompatibleRuntimes": ["provided.al2023"],
                        },
                    },
                    "Function": {
                        "Type": "AWS::Lambda::Function",
                        "Properties": {
                            "FunctionName": "stacked",
                            "Code": {"S3Bucket": "stack-code", "S3Key": "f.zip"},
                            "Role": role_of(server),
                            "Handler": "bootstrap",
                            "Runtime": "provided.al2023",
                            "Layers": [{"Ref": "Layer"}],
                            "Tags": [{"Key": k, "Value": v} for k, v in tags],
                        },
                    },
                    "Version": {
                        "Type": "AWS::Lambda::Version",
                        "Properties": {"FunctionName": name, "Description": "by the stack"},
                    },
                    "Alias": {"Type": "AWS::Lambda::Alias", "Properties": alias},
                    "Permission": {
                        "Type": "AWS::Lambda::Permission",
                        "Properties": {
                            "FunctionName": {"Ref": "Alias"},
                            "Action": "lambda:InvokeFunction",
                            "Principal": "s3.amazonaws.com",
                            "SourceArn": "arn:aws:s3:::stack-code",
                        },
                    },
                },
                "Outputs": {"Alias": {"Value": {"Ref": "Alias"}}},
            }
        )

    waiting = {"StackName": "layered-stack", "WaiterConfig": {"Delay": 1, "MaxAttempts": 60}}
    stacks.create_stack(
        StackName="layered-stack", TemplateBody=template("first", tags=[("Team", "red")])
    )
    stacks.get_waiter("stack_create_complete").wait(**waiting)
    outputs = stacks.describe_stacks(StackName="layered-stack")["Stacks"][0]["Outputs"]
    assert outputs[0]["OutputValue"] == arn_of(server, "stacked:prod")
    assert read(fn, "stacked", "/opt/a", Qualifier="prod") == "of the stack"
    assert fn.get_policy(FunctionName="stacked", Qualifier="prod")
    assert fn.get_function(FunctionName="stacked")["Tags"] == {"Team": "red"}
    stacks.update_stack(
        StackName="layered-stack", TemplateBody=template("second", tags=[("Stage", "dev")])
    )
    stacks.get_waiter("stack_update_complete").wait(**waiting)
    assert fn.get_alias(FunctionName="stacked", Name="prod")["Description"] == "second"
    assert fn.get_function(FunctionName="stacked")["Tags"] == {"Stage": "dev"}
    stacks.delete_stack(StackName="layered-stack")
    stacks.get_waiter("stack_delete_complete").wait(**waiting)
    assert code(fn.get_function, FunctionName="stacked") == "ResourceNotFoundException"
    assert fn.list_layer_versions(LayerName="stacked")["LayerVersions"] == []


def linked(links=(), files=()):
    """A zip of symbolic links, [(path, where it leads)], and of files, [(path, text)]."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for kind, entries in ((0o120777, links), (0o100644, files)):
            for path, text in entries:
                info = zipfile.ZipInfo(path)
                info.external_attr = kind << 16
                info.create_system = 3
                archive.writestr(info, text)
    return buffer.getvalue()


def publish_zip(fn, name, content):
    return fn.publish_layer_version(LayerName=name, Content={"ZipFile": content})["LayerVersionArn"]


def test_links_of_one_layer_lead_no_file_of_another_outside(fn, server, tmp_path):
    """Each of the three is harmless alone. If files were written where the links of the layers
    before lead, the third would write into tmp_path in the name of the server."""
    up = "p/q/r/s/t" + "/.." * 5 + str(tmp_path)
    layers = [
        publish_zip(fn, "first", linked([("p/q/r/s/t", "../../../..")])),
        publish_zip(fn, "second", linked([("x", up)])),
        publish_zip(fn, "third", linked(files=[("x/owned", "of the third")])),
    ]
    make(fn, server, "three-layers", layers)
    assert read(fn, "three-layers", "/opt/x/owned") == "of the third"
    assert list(tmp_path.iterdir()) == []


def test_a_later_layer_lies_over_an_earlier_one_whatever_it_holds(fn, server):
    layers = [
        publish_zip(
            fn,
            "lower",
            linked(
                [("native/libz.so", "libz.so.1"), ("link", "native"), ("b", "native/libz.so.1")],
                [("native/libz.so.1", "one"), ("file", "a file"), ("folder/file", "below")],
            ),
        ),
        publish_zip(
            fn,
            "upper",
            linked(
                [
                    ("native/libz.so", "libz.so.2"),
                    ("file", "native/libz.so.2"),
                    ("folder", "native"),
                ],
                [
                    ("native/libz.so.2", "two"),
                    ("link/file", "no link any more"),
                    ("b", "a file now"),
                ],
            ),
        ),
    ]
    make(fn, server, "laid-over", layers)
    seen = {
        path: read(fn, "laid-over", "/opt/" + path)
        for path in (
            "native/libz.so",
            "native/libz.so.1",
            "file",
            "folder/libz.so.2",
            "link/file",
            "b",
        )
    }
    assert seen == {
        "native/libz.so": "two",
        "native/libz.so.1": "one",
        "file": "two",
        "folder/libz.so.2": "two",
        "link/file": "no link any more",
        "b": "a file now",
    }


@pytest.mark.parametrize(
    "content",
    [
        linked(files=[("a", "file"), ("a/b", "below a file")]),
        linked(files=[("x" * 256, "a part too long")]),
        linked(files=[("d/" * 64 + "f", "too deep")]),
        linked(files=[(".", "no name")]),
        linked([("a", "b")], [("b", "file"), ("b/c", "below a file")]),
        linked([(f"{n}", "a/" * 511) for n in range(1000)]),
    ],
    ids=["below a file", "part", "deep", "dot", "link below a file", "steps"],
)
def test_what_could_not_be_unpacked_is_refused_at_once(fn, content):
    with pytest.raises(fn.exceptions.InvalidParameterValueException):
        publish_zip(fn, "never", content)


def test_a_layers_arn_has_one_spelling(fn, server):
    """So that a policy which denies it by that is not passed by."""
    arn = publish(fn, "spelled", a="1")
    role = role_of(server)
    odd = arn.replace("arn:aws:", "arn:x:")
    with pytest.raises(fn.exceptions.ClientError) as refused:
        make(fn, server, "odd-spelling", [odd], Role=role)
    assert refused.value.response["Error"]["Code"] == "ValidationException"

# SPDX-License-Identifier: Apache-2.0
"""Roles and their policies over the wire: rules, limits, pages, and what a policy may name."""
import json
import urllib.parse

import botocore.exceptions
import pytest

import wire

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal, **more):
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


@pytest.fixture(scope="module")
def account(server):
    return server.endpoint["account_id"]


@pytest.fixture(scope="module")
def here(account):
    return trust({"AWS": f"arn:aws:iam::{account}:root"})


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam", parameter_validation=False)


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_the_life_of_a_role(iam, here, account):
    made = iam.create_role(
        RoleName="Life",
        Path="/a/b/",
        Description="of a role",
        MaxSessionDuration=7200,
        AssumeRolePolicyDocument=here,
    )["Role"]
    assert (
        made["Arn"] == f"arn:aws:iam::{account}:role/a/b/Life"
        and made["RoleId"].startswith("AROA")
        and len(made["RoleId"]) == 21
    )
    got = iam.get_role(RoleName="Life")["Role"]
    assert (
        got["Path"],
        got["Description"],
        got["MaxSessionDuration"],
        got["AssumeRolePolicyDocument"],
    ) == ("/a/b/", "of a role", 7200, json.loads(here))
    assert error_of(iam.create_role, RoleName="Life", AssumeRolePolicyDocument=here) == (
        "EntityAlreadyExists",
        "Role with name Life already exists.",
    )
    iam.update_role(RoleName="Life", Description="changed", MaxSessionDuration=3600)
    got = iam.get_role(RoleName="Life")["Role"]
    assert (got["Description"], got["MaxSessionDuration"]) == ("changed", 3600)
    iam.put_role_policy(RoleName="Life", PolicyName="p", PolicyDocument=document(ALLOW_ALL))
    assert iam.get_role_policy(RoleName="Life", PolicyName="p")["PolicyDocument"] == json.loads(
        document(ALLOW_ALL)
    )
    assert error_of(iam.delete_role, RoleName="Life") == (
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    )
    iam.delete_role_policy(RoleName="Life", PolicyName="p")
    assert error_of(iam.get_role_policy, RoleName="Life", PolicyName="p") == (
        "NoSuchEntity",
        "The role policy with name p cannot be found.",
    )
    iam.delete_role(RoleName="Life")
    assert error_of(iam.get_role, RoleName="Life") == (
        "NoSuchEntity",
        "The role with name Life cannot be found.",
    )


def test_documents_are_url_encoded(server, iam, here):
    iam.create_role(RoleName="Encoded", AssumeRolePolicyDocument=here)
    one = wire.Wire(server)
    body = one.ask(
        wire.capture(server.client("iam"), "GetRole", {"RoleName": "Encoded"}), server.session()
    ).body.decode()
    inside = body.split("<AssumeRolePolicyDocument>")[1].split("<")[0]
    assert inside.startswith("%7B%22Version") and json.loads(
        urllib.parse.unquote(inside)
    ) == json.loads(here)


@pytest.mark.parametrize(
    "arguments",
    [
        {"RoleName": ""},
        {"RoleName": "x" * 65},
        {"RoleName": "a b"},
        {"RoleName": "a/b"},
        {"RoleName": "ü"},
        {"Path": "no-slash"},
        {"Path": "/unended"},
        {"Path": "/a b/"},
        {"Path": "/" + "x" * 511 + "/"},
        {"Description": "x" * 1001},
        {"Description": "\x01"},
        {"MaxSessionDuration": 3599},
        {"MaxSessionDuration": 43201},
        {"AssumeRolePolicyDocument": ""},
        {"AssumeRolePolicyDocument": '{"x":"\u20ac"}'},
    ],
)
def test_what_a_role_may_not_be(iam, here, arguments):
    assert (
        error_of(
            iam.create_role, **{"RoleName": "bad", "AssumeRolePolicyDocument": here} | arguments
        )[0]
        == "ValidationError"
    )


def test_the_limits_hold_at_the_limit(iam, here, code):
    iam.create_role(
        RoleName="x" * 64,
        Path="/" + "y" * 510 + "/",
        Description="z" * 1000,
        AssumeRolePolicyDocument=here,
    )

    def padded(text, size):  # with white space, which does not count
        return (
            json.dumps(
                json.loads(
                    text.replace(
                        '"Action"',
                        '"Sid": "%s", "Action"'
                        % (
                            "s"
                            * (
                                size
                                - len(
                                    text.replace(" ", "").replace('"Action"', '"Sid":"","Action"')
                                )
                            )
                        ),
                    )
                )
            )
            + "\n" * 500
        )

    assert (
        code(iam.update_assume_role_policy, RoleName="x" * 64, PolicyDocument=padded(here, 2049))
        == "LimitExceeded"
    )
    iam.update_assume_role_policy(RoleName="x" * 64, PolicyDocument=padded(here, 2048))
    iam.put_role_policy(
        RoleName="x" * 64, PolicyName="a", PolicyDocument=padded(document(ALLOW_ALL), 6000)
    )
    assert (
        code(
            iam.put_role_policy,
            RoleName="x" * 64,
            PolicyName="b",
            PolicyDocument=padded(document(ALLOW_ALL), 4241),
        )
        == "LimitExceeded"
    )
    iam.put_role_policy(
        RoleName="x" * 64, PolicyName="b", PolicyDocument=padded(document(ALLOW_ALL), 4240)
    )
    iam.put_role_policy(
        RoleName="x" * 64, PolicyName="b", PolicyDocument=padded(document(ALLOW_ALL), 4240)
    )  # in its own place
    assert (
        code(
            iam.put_role_policy,
            RoleName="x" * 64,
            PolicyName="p" * 129,
            PolicyDocument=document(ALLOW_ALL),
        )
        == "ValidationError"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        document({"Effect": "Allow", "Action": "*"}),
        document({**ALLOW_ALL, "Principal": "*"}),
        document({**ALLOW_ALL, "Action": "nonsense"}),
        document({**ALLOW_ALL, "Resource": "not-an-arn"}),
        document({**ALLOW_ALL, "Sid": "no blanks"}),
        document({**ALLOW_ALL, "Sid": "a"}, {**ALLOW_ALL, "Sid": "a"}),
        document({**ALLOW_ALL, "Condition": {"StringSortOf": {"a": "b"}}}),
        document({**ALLOW_ALL, "Condition": {"NumericEquals": {"a": "one"}}}),
        document({**ALLOW_ALL, "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/99"}}}),
        document({**ALLOW_ALL, "Condition": {"Bool": {"a": "yes"}}}),
        document({**ALLOW_ALL, "Resource": "arn:aws:s3:${aws:userid}::b"}),
        json.dumps({"Version": "2012-10-17", "Id": "x", "Statement": ALLOW_ALL}),
        json.dumps({"Version": "2020-01-01", "Statement": ALLOW_ALL}),
    ],
)
def test_what_is_no_policy_is_refused(iam, here, text):
    try:
        iam.create_role(RoleName="Documents", AssumeRolePolicyDocument=here)
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    assert (
        error_of(iam.put_role_policy, RoleName="Documents", PolicyName="p", PolicyDocument=text)[0]
        == "MalformedPolicyDocument"
    )


def test_a_trust_policy_names_only_what_exists(iam, account, code):
    for principal in (
        {"AWS": f"arn:aws:iam::{account}:role/never-was"},
        {"AWS": f"arn:aws:iam::{account}:user/bob"},
        {"AWS": "arn:aws:iam::111111111111:role/x"},
        {"AWS": "bob"},
        {"AWS": f"arn:aws:iam::{account}:role/*"},
        {"AWS": f"arn:aws:sts::{account}:assumed-role/never-was/x"},
        {"Service": "nobody"},
        {"AWS": "AROAAAAAAAAAAAAAAAAAA"},
        "bob",
        {},
    ):
        assert (
            error_of(
                iam.create_role, RoleName="Trusting", AssumeRolePolicyDocument=trust(principal)
            )[0]
            == "MalformedPolicyDocument"
        ), principal
    for n, principal in enumerate(
        (
            {"AWS": account},
            {"AWS": f"arn:aws:iam::{account}:root"},
            {"Service": ["lambda.amazonaws.com", "s3.amazonaws.com"]},
            {"AWS": f"arn:aws:iam::{account}:role/sluice-operator"},
            "*",
        )
    ):
        iam.create_role(RoleName=f"Trusting{n}", AssumeRolePolicyDocument=trust(principal))
        assert (
            iam.get_role(RoleName=f"Trusting{n}")["Role"]["AssumeRolePolicyDocument"]["Statement"][
                0
            ]["Principal"]
            == principal
        )


def test_a_trusted_role_made_anew_is_not_trusted(server, iam, here, account, code):
    allow = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    iam.create_role(RoleName="Friend", AssumeRolePolicyDocument=here)
    iam.create_role(
        RoleName="House",
        AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:role/Friend"}),
    )
    house = {"RoleArn": f"arn:aws:iam::{account}:role/House", "RoleSessionName": "visit"}
    assert server.client("sts", role="Friend").assume_role(**house)["Credentials"]
    iam.delete_role(RoleName="Friend")
    shown = iam.get_role(RoleName="House")["Role"]["AssumeRolePolicyDocument"]["Statement"][0][
        "Principal"
    ]["AWS"]
    assert shown.startswith("AROA")
    iam.create_role(RoleName="Friend", AssumeRolePolicyDocument=here)
    iam.put_role_policy(RoleName="Friend", PolicyName="p", PolicyDocument=allow)
    assert code(server.client("sts", role="Friend").assume_role, **house) == "AccessDenied"


def test_a_bucket_policy_does_not_let_in_a_role_made_anew(server, iam, here, account, code):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="pinned")
    s3.put_object(Bucket="pinned", Key="k", Body=b"x")
    iam.create_role(RoleName="Guest", AssumeRolePolicyDocument=here)
    policy = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:role/Guest"},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::pinned/*",
        }
    )
    s3.put_bucket_policy(Bucket="pinned", Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket="pinned")["Policy"]) == json.loads(policy)
    assert (
        server.client("s3", role="Guest").get_object(Bucket="pinned", Key="k")["Body"].read()
        == b"x"
    )
    iam.delete_role(RoleName="Guest")
    iam.create_role(RoleName="Guest", AssumeRolePolicyDocument=here)
    assert (
        code(server.client("s3", role="Guest").get_object, Bucket="pinned", Key="k")
        == "AccessDenied"
    )
    assert (
        code(s3.put_bucket_policy, Bucket="pinned", Policy=policy.replace("Guest", "never-was"))
        == "MalformedPolicy"
    )


def test_lists_come_in_pages(iam, here, code):
    names = [f"Page{n}" for n in range(5)]
    for name in names:
        iam.create_role(RoleName=name, Path="/pages/", AssumeRolePolicyDocument=here)
    for size in (1, 2, 5, 1000):
        pages = list(
            iam.get_paginator("list_roles").paginate(
                PathPrefix="/pages/", PaginationConfig={"PageSize": size}
            )
        )
        assert [r["RoleName"] for page in pages for r in page["Roles"]] == names and [
            p["IsTruncated"] for p in pages
        ] == [True] * (len(pages) - 1) + [False]
    for name in names:
        iam.put_role_policy(RoleName="Page0", PolicyName=name, PolicyDocument=document(ALLOW_ALL))
    for size in (1, 2, 5):
        assert [
            n
            for page in iam.get_paginator("list_role_policies").paginate(
                RoleName="Page0", PaginationConfig={"PageSize": size}
            )
            for n in page["PolicyNames"]
        ] == names
    assert iam.list_attached_role_policies(RoleName="Page0")["AttachedPolicies"] == []
    assert code(iam.list_roles, MaxItems=1001) == "ValidationError"
    assert code(iam.list_roles, PathPrefix="x") == "ValidationError"


def test_what_is_asked_for_is_what_is_made(server, iam, here, account, code):
    """CreateRole is judged by the ARN the role will have, path and all."""
    iam.create_role(RoleName="Maker", AssumeRolePolicyDocument=here)
    iam.put_role_policy(
        RoleName="Maker",
        PolicyName="p",
        PolicyDocument=document(
            {"Effect": "Allow", "Action": "iam:*", "Resource": f"arn:aws:iam::{account}:role/app/*"}
        ),
    )
    maker = server.client("iam", role="Maker")
    maker.create_role(RoleName="Made", Path="/app/", AssumeRolePolicyDocument=here)
    assert (
        code(maker.create_role, RoleName="Made2", AssumeRolePolicyDocument=here) == "AccessDenied"
    )
    assert (
        code(maker.create_role, RoleName="Made2", Path="/admin/", AssumeRolePolicyDocument=here)
        == "AccessDenied"
    )
    assert (
        code(
            maker.put_role_policy,
            RoleName="Maker",
            PolicyName="more",
            PolicyDocument=document(ALLOW_ALL),
        )
        == "AccessDenied"
    )


def test_the_operators_role_stays_as_it_is(iam, here, code):
    for call, more in (
        (iam.delete_role, {}),
        (iam.update_role, {"Description": "x"}),
        (iam.update_assume_role_policy, {"PolicyDocument": here}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": document(ALLOW_ALL)}),
        (iam.delete_role_policy, {"PolicyName": "operator"}),
    ):
        assert code(call, RoleName="sluice-operator", **more) == "UnmodifiableEntity"


def test_what_is_not_built_says_so(iam, here):
    for call, arguments, why in (
        (iam.create_user, {"UserName": "u"}, "sts:AssumeRole"),
        (iam.create_access_key, {"UserName": "u"}, "do not expire"),
    ):
        got, text = error_of(call, **arguments)
        assert got == "InvalidInput" and why in text
    assert error_of(iam.create_instance_profile, InstanceProfileName="x")[0] == "InvalidAction"


def test_a_role_is_passed_only_where_the_policy_says(server, iam, here, account, code):
    from functions import make_role, zipped

    passed = make_role(server, "Passed")
    iam.create_role(RoleName="Passer", AssumeRolePolicyDocument=here)
    function = {
        "Runtime": "provided.al2023",
        "Handler": "h",
        "Role": passed,
        "Code": {"ZipFile": zipped()},
    }
    create, passing = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}, {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": passed,
    }
    lambdas = server.client("lambda", role="Passer")

    def rule(*statements):
        iam.put_role_policy(RoleName="Passer", PolicyName="p", PolicyDocument=document(*statements))

    rule(create)
    assert code(lambdas.create_function, FunctionName="p1", **function) == "AccessDeniedException"
    rule(
        create,
        {**passing, "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}},
    )
    assert code(lambdas.create_function, FunctionName="p1", **function) == "AccessDeniedException"
    rule(create, {**passing, "Resource": passed + "-not"})
    assert code(lambdas.create_function, FunctionName="p1", **function) == "AccessDeniedException"
    rule(
        create,
        {**passing, "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}},
    )
    assert lambdas.create_function(FunctionName="p1", **function)["State"]
    rule(create)
    assert (
        code(lambdas.update_function_configuration, FunctionName="p1", Role=passed)
        == "AccessDeniedException"
    )
    assert lambdas.update_function_configuration(FunctionName="p1", Timeout=5)["Timeout"] == 5


def test_what_scanners_ask_for_has_true_answers(iam, account, here):
    """Of what there is none a list is empty, not refused; its parameters are checked all the
    same."""
    assert (
        iam.list_users(PathPrefix="/a/")["Users"] == []
        and iam.list_groups(MaxItems=1)["Groups"] == []
    )
    assert (
        iam.list_virtual_mfa_devices(AssignmentStatus="Any")["VirtualMFADevices"] == []
        and iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    )
    assert not any(
        call()["IsTruncated"]
        for call in (
            iam.list_users,
            iam.list_groups,
            iam.list_virtual_mfa_devices,
            iam.list_server_certificates,
        )
    )
    assert (
        error_of(iam.list_users, PathPrefix="a")[0]
        == error_of(iam.list_groups, MaxItems=0)[0]
        == error_of(iam.list_virtual_mfa_devices, AssignmentStatus="Some")[0]
        == "ValidationError"
    )
    assert error_of(iam.get_account_password_policy) == (
        "NoSuchEntity",
        f"The Password Policy with domain name {account} cannot be found.",
    )
    before = iam.get_account_summary()["SummaryMap"]
    assert before["Users"] == before["AccountAccessKeysPresent"] == before[
        "MFADevices"
    ] == 0 and before["Roles"] == len(iam.list_roles(MaxItems=1000)["Roles"])
    iam.create_role(RoleName="Counted", AssumeRolePolicyDocument=here)
    assert iam.get_account_summary()["SummaryMap"] == before | {"Roles": before["Roles"] + 1}

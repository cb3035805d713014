# SPDX-License-Identifier: Apache-2.0
"""Managed policies: the account's own and AWS's, their versions, what they are attached to, and
that they count at the next call."""
import json
import signal
import subprocess
import urllib.parse

import botocore.exceptions
import pytest

import release
import wire
from conftest import SLUICE, Server
from functions import make_function, until
from records import lasting, records_of
from test_race import race

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
AWS = "arn:aws:iam::aws:policy/"
BASIC = AWS + "service-role/AWSLambdaBasicExecutionRole"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, **more):
    return document({"Effect": "Allow", "Action": list(actions), "Resource": "*", **more})


def padded(size):
    """A policy of so many characters, besides the white space, which does not count."""
    text = allow("s3:*", Sid="")
    room = size - len(text.replace(" ", ""))
    return (
        json.dumps(json.loads(text.replace('"Sid": ""', '"Sid": "%s"' % ("s" * room)))) + "\n" * 99
    )


@pytest.fixture(scope="module")
def account(server):
    return server.endpoint["account_id"]


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam", parameter_validation=False)


@pytest.fixture(scope="module")
def role(iam, account):
    """Makes a role that anybody of the account, and Lambda, may take."""

    def make(name, **more):
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": f"arn:aws:iam::{account}:root",
                        "Service": "lambda.amazonaws.com",
                    },
                    "Action": "sts:AssumeRole",
                }
            ),
            **more,
        )
        return name

    return make


@pytest.fixture(scope="module")
def policy(iam):
    def make(name, text=None, **more):
        return iam.create_policy(
            PolicyName=name, PolicyDocument=text or document(ALLOW_ALL), **more
        )["Policy"]["Arn"]

    return make


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def attached(iam, name, **more):
    return [
        one["PolicyArn"]
        for one in iam.list_attached_role_policies(RoleName=name, **more)["AttachedPolicies"]
    ]


# ---- the account's own policies


def test_the_life_of_a_policy(iam, account):
    made = iam.create_policy(
        PolicyName="Life",
        Path="/a/b/",
        Description="of a policy",
        PolicyDocument=allow("s3:GetObject"),
        Tags=[{"Key": "Team", "Value": "red"}],
    )["Policy"]
    arn = f"arn:aws:iam::{account}:policy/a/b/Life"
    assert made == {
        "PolicyName": "Life",
        "PolicyId": made["PolicyId"],
        "Arn": arn,
        "Path": "/a/b/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": made["CreateDate"],
        "UpdateDate": made["CreateDate"],
        "Tags": [{"Key": "Team", "Value": "red"}],
    }
    assert made["PolicyId"].startswith("ANPA") and len(made["PolicyId"]) == 21
    assert iam.get_policy(PolicyArn=arn)["Policy"] == made | {"Description": "of a policy"}
    for name in ("Life", "lIFE"):  # names have no case
        assert error_of(iam.create_policy, PolicyName=name, PolicyDocument=document(ALLOW_ALL)) == (
            "EntityAlreadyExists",
            f"A policy called {name} already exists. Duplicate names are not allowed.",
        )
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version == {
        "Document": json.loads(allow("s3:GetObject")),
        "VersionId": "v1",
        "IsDefaultVersion": True,
        "CreateDate": made["CreateDate"],
    }
    iam.delete_policy(PolicyArn=arn)
    for call in (iam.get_policy, iam.delete_policy, iam.list_entities_for_policy):
        assert error_of(call, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.")
    # An ARN with another path or another case is another policy, though the name is taken.
    iam.create_policy(PolicyName="Life", PolicyDocument=document(ALLOW_ALL))
    for other in (arn, f"arn:aws:iam::{account}:policy/life"):
        assert error_of(iam.get_policy, PolicyArn=other)[0] == "NoSuchEntity"
    iam.delete_policy(PolicyArn=f"arn:aws:iam::{account}:policy/Life")


def test_documents_are_url_encoded(server, iam, policy):
    arn = policy("Encoded")
    body = (
        wire.Wire(server)
        .ask(
            wire.capture(
                server.client("iam"), "GetPolicyVersion", {"PolicyArn": arn, "VersionId": "v1"}
            ),
            server.session(),
        )
        .body.decode()
    )
    inside = body.split("<Document>")[1].split("<")[0]
    assert inside.startswith("%7B%22Version")
    assert json.loads(urllib.parse.unquote(inside)) == json.loads(document(ALLOW_ALL))


def test_versions_are_five_and_their_ids_are_never_used_again(iam, policy):
    arn = policy("Versions")

    def ids():
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        assert all("Document" not in one for one in versions)
        return [(one["VersionId"], one["IsDefaultVersion"]) for one in versions]

    def new(**more):
        return iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=allow("s3:ListBucket"), **more
        )["PolicyVersion"]

    made = new()
    assert made["VersionId"] == "v2" and not made["IsDefaultVersion"] and "Document" not in made
    assert new(SetAsDefault=True)["IsDefaultVersion"]
    new(), new()
    assert ids() == [("v5", False), ("v4", False), ("v3", True), ("v2", False), ("v1", False)]
    assert error_of(new) == (
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version.",
    )
    assert error_of(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    )
    assert error_of(iam.delete_policy, PolicyArn=arn) == (
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the "
        "policy's versions. The default version is deleted with the policy.",
    )
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    assert new()["VersionId"] == "v6"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert got["DefaultVersionId"] == "v1" and got["UpdateDate"] >= got["CreateDate"]
    pages = iam.get_paginator("list_policy_versions").paginate(
        PolicyArn=arn, PaginationConfig={"PageSize": 2}
    )
    assert [[v["VersionId"] for v in page["Versions"]] for page in pages] == [
        ["v6", "v4"],
        ["v3", "v2"],
        ["v1"],
    ]
    for call in (
        iam.get_policy_version,
        iam.set_default_policy_version,
        iam.delete_policy_version,
    ):
        for gone in ("v5", "v7", "v" + "9" * 30, "v1.x"):
            assert error_of(call, PolicyArn=arn, VersionId=gone) == (
                "NoSuchEntity",
                f"Policy {arn} version {gone} does not exist or is not attachable.",
            )
        for bad in ("1", "v0", "v", "", "v01", "V1"):
            assert error_of(call, PolicyArn=arn, VersionId=bad)[0] == "ValidationError"
    for version in ("v2", "v3", "v4", "v6"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.delete_policy(PolicyArn=arn)
    assert policy("Versions")  # anew, it begins with v1
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"


@pytest.mark.parametrize(
    "arguments",
    [
        {"PolicyName": ""},
        {"PolicyName": "x" * 129},
        {"PolicyName": "a b"},
        {"PolicyName": "a/b"},
        {"PolicyName": "a~b"},
        {"Path": "no-slash"},
        {"Path": "/unended"},
        {"Path": "/" + "x" * 511 + "/"},
        {"Description": "x" * 1001},
        {"PolicyDocument": ""},
        {"PolicyDocument": '{"x":"\u20ac"}'},
        {"Tags": [{"Key": "", "Value": "x"}]},
        {"Tags": [{"Key": "x" * 129, "Value": "x"}]},
        {"Tags": [{"Key": "x", "Value": "x" * 257}]},
        {"Tags": [{"Key": "x;", "Value": "x"}]},
        {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
    ],
)
def test_what_a_policy_may_not_be(iam, arguments):
    wanted = {"PolicyName": "bad", "PolicyDocument": document(ALLOW_ALL)} | arguments
    assert error_of(iam.create_policy, **wanted)[0] == "ValidationError"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        document({"Effect": "Allow", "Action": "*"}),
        document({**ALLOW_ALL, "Principal": "*"}),
        document({**ALLOW_ALL, "Condition": {"StringSortOf": {"a": "b"}}}),
    ],
)
def test_what_is_no_policy_is_refused(iam, policy, text):
    assert error_of(iam.create_policy, PolicyName="bad", PolicyDocument=text)[0] == (
        "MalformedPolicyDocument"
    )
    try:
        arn = policy("Documents")
    except iam.exceptions.EntityAlreadyExistsException:
        arn = iam.list_policies(Scope="Local")["Policies"][0]["Arn"]
    assert error_of(iam.create_policy_version, PolicyArn=arn, PolicyDocument=text)[0] == (
        "MalformedPolicyDocument"
    )


def test_the_limits_hold_at_the_limit(iam, role, policy):
    arn = policy(
        "x" * 128,
        padded(6144),
        Path="/" + "y" * 510 + "/",
        Description="z" * 1000,
        Tags=[{"Key": f"{n:0128}", "Value": "v" * 256} for n in range(50)],
    )
    too_large = ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    assert error_of(iam.create_policy, PolicyName="y", PolicyDocument=padded(6145)) == too_large
    assert (
        error_of(iam.create_policy_version, PolicyArn=arn, PolicyDocument=padded(6145)) == too_large
    )
    assert error_of(iam.tag_policy, PolicyArn=arn, Tags=[{"Key": "one", "Value": ""}])[0] == (
        "LimitExceeded"
    )
    role("Full")
    arns = [arn] + [policy(f"Full{n}") for n in range(10)]
    for one in arns[:10]:
        iam.attach_role_policy(RoleName="Full", PolicyArn=one)
    iam.attach_role_policy(RoleName="Full", PolicyArn=arn)  # it is attached already
    assert error_of(iam.attach_role_policy, RoleName="Full", PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )
    pages = iam.get_paginator("list_attached_role_policies").paginate(
        RoleName="Full", PaginationConfig={"PageSize": 3}
    )
    assert [one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]] == (
        arns[1:10] + [arn]
    )


@pytest.mark.parametrize(
    "arn,code",
    [
        ("arn:aws:iam::x", "ValidationError"),
        ("arn:aws:iam::aws:policy/" + "x" * 2048, "ValidationError"),
        ("arn:aws:iam::000000000000:role/of-a-role", "InvalidInput"),
        ("arn:aws:iam::someaccount:policy/name", "InvalidInput"),
        ("arn:aws:iam:us-east-1:000000000000:policy/name", "InvalidInput"),
        ("arn:aws:iam::000000000000:policy/na me", "InvalidInput"),
        ("arn:aws:iam::000000000000:policy/", "InvalidInput"),
        ("arn:aws:iam::000000000000:policy/never-was", "NoSuchEntity"),
        ("arn:aws:iam::111111111111:policy/of-another", "NoSuchEntity"),
        (AWS + "NeverWas", "NoSuchEntity"),
        (AWS + "AWSLambdaBasicExecutionRole", "NoSuchEntity"),  # without its path
    ],
)
def test_what_is_no_policys_arn(iam, role, arn, code):
    try:
        role("Arns")
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    assert error_of(iam.get_policy, PolicyArn=arn)[0] == code
    got, text = error_of(iam.attach_role_policy, RoleName="Arns", PolicyArn=arn)
    assert got == code
    if code == "NoSuchEntity":
        assert text == f"Policy {arn} does not exist or is not attachable."
        assert error_of(iam.detach_role_policy, RoleName="Arns", PolicyArn=arn) == (
            code,
            f"Policy {arn} was not found.",
        )


# ---- what they are attached to


def test_what_is_attached_is_told_from_both_sides(iam, role, policy):
    one, two = policy("Sides1", Path="/sides/"), policy("Sides2")
    names = [role(f"Side{n}", Path="/sides/" if n < 3 else "/") for n in range(5)]
    for name in names:
        iam.attach_role_policy(RoleName=name, PolicyArn=one)
    for arn in (two, BASIC):
        iam.attach_role_policy(RoleName="Side0", PolicyArn=arn)
    assert attached(iam, "Side0") == [one, two, BASIC]
    assert attached(iam, "Side0", PathPrefix="/sides/") == [one]
    assert attached(iam, "Side0", PathPrefix="/service-role/") == [BASIC]
    assert iam.list_attached_role_policies(RoleName="Side0")["AttachedPolicies"][2] == {
        "PolicyName": "AWSLambdaBasicExecutionRole",
        "PolicyArn": BASIC,
    }
    for size in (1, 2, 5, 100):
        pages = list(
            iam.get_paginator("list_entities_for_policy").paginate(
                PolicyArn=one, PaginationConfig={"PageSize": size}
            )
        )
        assert [r["RoleName"] for page in pages for r in page["PolicyRoles"]] == names
    entities = iam.list_entities_for_policy(PolicyArn=one, PathPrefix="/sides/")
    assert [r["RoleName"] for r in entities["PolicyRoles"]] == names[:3]
    assert entities["PolicyUsers"] == entities["PolicyGroups"] == []
    assert entities["PolicyRoles"][0]["RoleId"] == iam.get_role(RoleName="Side0")["Role"]["RoleId"]
    for none in ({"EntityFilter": "User"}, {"PolicyUsageFilter": "PermissionsBoundary"}):
        assert iam.list_entities_for_policy(PolicyArn=one, **none)["PolicyRoles"] == []
    assert error_of(iam.list_entities_for_policy, PolicyArn=one, EntityFilter="Dog")[0] == (
        "ValidationError"
    )
    assert iam.get_policy(PolicyArn=one)["Policy"]["AttachmentCount"] == 5
    assert iam.get_policy(PolicyArn=BASIC)["Policy"]["AttachmentCount"] == 1
    assert error_of(iam.delete_policy, PolicyArn=one) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    assert error_of(iam.delete_role, RoleName="Side1") == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    )
    for name in names:
        iam.detach_role_policy(RoleName=name, PolicyArn=one)
    assert attached(iam, "Side0") == [two, BASIC] and attached(iam, "Side1") == []
    assert error_of(iam.detach_role_policy, RoleName="Side0", PolicyArn=one) == (
        "NoSuchEntity",
        f"Policy {one} was not found.",
    )
    iam.delete_policy(PolicyArn=one)
    iam.delete_role(RoleName="Side1")
    for call in (iam.attach_role_policy, iam.detach_role_policy):
        assert error_of(call, RoleName="Side1", PolicyArn=two) == (
            "NoSuchEntity",
            "The role with name Side1 cannot be found.",
        )
        assert error_of(call, RoleName="sluice-operator", PolicyArn=two)[0] == "UnmodifiableEntity"


def test_policies_are_listed_in_pages(iam, role, policy):
    own = [policy(f"page{n}", Path="/pages/") for n in range(5)]
    iam.attach_role_policy(RoleName=role("Pager"), PolicyArn=own[3])
    for size in (1, 2, 5, 1000):
        pages = list(
            iam.get_paginator("list_policies").paginate(
                Scope="Local", PathPrefix="/pages/", PaginationConfig={"PageSize": size}
            )
        )
        assert [one["Arn"] for page in pages for one in page["Policies"]] == own
        assert [p["IsTruncated"] for p in pages] == [True] * (len(pages) - 1) + [False]

    def arns(size=7, **more):
        pages = iam.get_paginator("list_policies").paginate(
            **more, PaginationConfig={"PageSize": size}
        )
        return [one["Arn"] for page in pages for one in page["Policies"]]

    local, of_aws = arns(Scope="Local"), arns(Scope="AWS")
    assert BASIC in of_aws and all(arn.startswith(AWS) for arn in of_aws)
    assert not any(arn.startswith(AWS) for arn in local) and set(own) < set(local)
    for size in (1, 3, len(local), len(local) + 1):
        assert arns(size) == arns(size, Scope="All") == local + of_aws
    assert arns(Scope="AWS", PathPrefix="/service-role/") == [
        arn for arn in of_aws if "/service-role/" in arn
    ]
    in_use = arns(Scope="Local", OnlyAttached=True)
    assert own[3] in in_use and own[2] not in in_use
    assert arns(PolicyUsageFilter="PermissionsBoundary") == []
    assert arns(PolicyUsageFilter="PermissionsPolicy") == local + of_aws
    listed = next(
        one for one in iam.list_policies(PathPrefix="/pages/")["Policies"] if one["Arn"] == own[3]
    )
    assert listed["AttachmentCount"] == 1 and "Description" not in listed and "Tags" not in listed
    for bad in (
        {"Scope": "Mine"},
        {"PathPrefix": "x"},
        {"MaxItems": 1001},
        {"PolicyUsageFilter": "x"},
    ):
        assert error_of(iam.list_policies, **bad)[0] == "ValidationError"


def test_tags_of_policies(iam, policy):
    arn = policy("Tagged")
    iam.tag_policy(
        PolicyArn=arn, Tags=[{"Key": "Team", "Value": "red"}, {"Key": "Stadt", "Value": "Köln"}]
    )
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "team", "Value": "blue"}])  # keys have no case
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [
        {"Key": "Stadt", "Value": "Köln"},
        {"Key": "team", "Value": "blue"},
    ]
    first = iam.list_policy_tags(PolicyArn=arn, MaxItems=1)
    rest = iam.list_policy_tags(PolicyArn=arn, MaxItems=1, Marker=first["Marker"])
    assert [page["Tags"][0]["Key"] for page in (first, rest)] == ["Stadt", "team"]
    assert first["IsTruncated"] and not rest["IsTruncated"]
    assert error_of(iam.tag_policy, PolicyArn=arn, Tags=[{"Key": "aws:x", "Value": "y"}])[0] == (
        "InvalidInput"
    )
    assert error_of(
        iam.tag_policy,
        PolicyArn=arn,
        Tags=[{"Key": "a", "Value": "y"}, {"Key": "A", "Value": "y"}],
    ) == (
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
    assert error_of(iam.tag_policy, PolicyArn=arn)[0] == "ValidationError"
    iam.untag_policy(PolicyArn=arn, TagKeys=["TEAM", "never-was"])
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Tags"] == [{"Key": "Stadt", "Value": "Köln"}]


# ---- what they allow


def test_a_policy_counts_at_the_next_call_of_a_session_in_force(server, iam, role, policy):
    s3 = server.client("s3", role=role("InForce"))
    operator = server.client("s3")
    operator.create_bucket(Bucket="in-force")

    def may():
        try:
            return bool(s3.list_objects_v2(Bucket="in-force"))
        except botocore.exceptions.ClientError as refused:
            assert refused.response["Error"]["Code"] == "AccessDenied"
            return False

    assert not may()
    arn = policy("InForce", allow("s3:ListBucket"))
    assert not may()
    iam.attach_role_policy(RoleName="InForce", PolicyArn=arn)
    assert may()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:GetObject"))
    assert may()  # v1 is the default
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert not may()
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=allow("s3:ListBucket"), SetAsDefault=True
    )
    assert may()
    deny = policy(
        "InForceDeny", document({"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"})
    )
    iam.attach_role_policy(RoleName="InForce", PolicyArn=deny)
    assert not may()
    iam.detach_role_policy(RoleName="InForce", PolicyArn=deny)
    assert may()
    iam.detach_role_policy(RoleName="InForce", PolicyArn=arn)
    assert not may()
    # Inline and managed policies add up.
    iam.put_role_policy(RoleName="InForce", PolicyName="p", PolicyDocument=allow("s3:ListBucket"))
    assert may()
    iam.attach_role_policy(RoleName="InForce", PolicyArn=deny)
    assert not may()


def test_the_record_names_the_policy_that_decided(fresh_server):
    iam, account = fresh_server.client("iam"), fresh_server.endpoint["account_id"]
    iam.create_role(
        RoleName="Named",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ),
    )
    some = iam.create_policy(
        PolicyName="some", PolicyDocument=allow("s3:ListAllMyBuckets", Sid="Lists")
    )["Policy"]["Arn"]
    none = iam.create_policy(
        PolicyName="none",
        PolicyDocument=document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}),
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="Named", PolicyArn=some)
    s3 = fresh_server.client("s3", role="Named")
    allowed = s3.list_buckets()["ResponseMetadata"]["RequestId"]
    iam.attach_role_policy(RoleName="Named", PolicyArn=none)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.list_buckets()
    refused = caught.value.response["ResponseMetadata"]["RequestId"]
    found = {
        record["requestID"]: record["additionalEventData"].get("determiningStatements")
        for record in records_of(fresh_server)
        if record["requestID"] in (allowed, refused)
    }
    assert found == {
        allowed: [{"policyType": "identity", "policy": some, "sid": "Lists"}],
        refused: [{"effect": "Deny", "policyType": "identity", "policy": none, "index": 0}],
    }


def test_conditions_name_the_policy_and_its_tags(server, iam, role, policy, account):
    """The policy of the User Guide: attach only what was approved; change only one's own."""
    red = policy("CondRed", Tags=[{"Key": "Team", "Value": "red"}])
    blue = policy("CondBlue", Tags=[{"Key": "Team", "Value": "blue"}])
    role("Receiver")
    iam.put_role_policy(
        RoleName=role("Giver"),
        PolicyName="p",
        PolicyDocument=document(
            {
                "Effect": "Allow",
                "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                "Resource": "*",
                "Condition": {
                    "ArnLike": {
                        "iam:PolicyARN": [f"arn:aws:iam::{account}:policy/CondRed", AWS + "*/AWSL*"]
                    }
                },
            },
            {
                "Effect": "Allow",
                "Action": ["iam:CreatePolicyVersion", "iam:TagPolicy"],
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:ResourceTag/Team": "red"}},
            },
            {
                "Effect": "Allow",
                "Action": "iam:CreatePolicy",
                "Resource": f"arn:aws:iam::{account}:policy/mine/*",
                "Condition": {"StringEquals": {"aws:RequestTag/Team": "red"}},
            },
            {
                "Effect": "Allow",
                "Action": "iam:TagPolicy",
                "Resource": f"arn:aws:iam::{account}:policy/mine/Tagging*",
            },
        ),
    )
    giver = server.client("iam", role="Giver")
    for arn, may in (
        (red, True),
        (BASIC, True),
        (blue, False),
        (AWS + "AdministratorAccess", False),
    ):
        for call in (giver.attach_role_policy, giver.detach_role_policy):
            if may:
                call(RoleName="Receiver", PolicyArn=arn)
            else:
                assert error_of(call, RoleName="Receiver", PolicyArn=arn)[0] == "AccessDenied"
    version = {"PolicyDocument": document(ALLOW_ALL)}
    assert giver.create_policy_version(PolicyArn=red, **version)["PolicyVersion"]
    assert error_of(giver.create_policy_version, PolicyArn=blue, **version)[0] == "AccessDenied"
    team = [{"Key": "Team", "Value": "red"}]
    assert error_of(giver.tag_policy, PolicyArn=blue, Tags=team)[0] == "AccessDenied"
    new = {"Path": "/mine/", **version}
    for refused in (
        {"PolicyName": "TaggingNot", **new},
        {"PolicyName": "TaggingBlue", **new, "Tags": [{"Key": "Team", "Value": "blue"}]},
        {"PolicyName": "TaggingElsewhere", **version, "Tags": team},
        {"PolicyName": "NoTagPolicy", **new, "Tags": team},  # iam:TagPolicy is needed besides
    ):
        assert error_of(giver.create_policy, **refused)[0] == "AccessDenied"
    assert giver.create_policy(PolicyName="Tagging", **new, Tags=team)["Policy"]["Tags"] == team


# ---- AWS's


def test_the_policies_of_aws_can_be_read_and_not_changed(iam, role):
    got = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert (got["PolicyId"], got["Path"], got["DefaultVersionId"], got["Description"]) == (
        "ANPAJNCQGXC42545SKXIK",
        "/service-role/",
        "v1",
        "Provides write permissions to CloudWatch Logs.",
    )
    assert got["CreateDate"].isoformat() == "2015-04-09T15:03:43+00:00"
    for one in iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]:
        version = iam.get_policy_version(PolicyArn=one["Arn"], VersionId=one["DefaultVersionId"])[
            "PolicyVersion"
        ]
        assert version["IsDefaultVersion"] and version["Document"]["Version"] == "2012-10-17"
        assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=one["Arn"])["Versions"]]
    assert iam.get_policy_version(PolicyArn=BASIC, VersionId="v1")["PolicyVersion"][
        "Document"
    ] == json.loads(allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"))
    assert iam.list_policy_tags(PolicyArn=BASIC)["Tags"] == []
    arn = AWS + "AdministratorAccess"
    for call, action, more in (
        (iam.delete_policy, "DeletePolicy", {}),
        (
            iam.create_policy_version,
            "CreatePolicyVersion",
            {"PolicyDocument": document(ALLOW_ALL), "SetAsDefault": True},
        ),
        (iam.set_default_policy_version, "SetDefaultPolicyVersion", {"VersionId": "v1"}),
        (iam.delete_policy_version, "DeletePolicyVersion", {"VersionId": "v1"}),
        (iam.tag_policy, "TagPolicy", {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_policy, "UntagPolicy", {"TagKeys": ["a"]}),
    ):
        code, text = error_of(call, PolicyArn=arn, **more)
        assert code == "AccessDenied"
        assert text.endswith(
            f"is not authorized to perform: iam:{action} on resource: policy {arn}"
        )
    assert error_of(
        iam.attach_role_policy,
        RoleName=role("NotAttachable"),
        PolicyArn=AWS + "aws-service-role/CloudTrailServiceRolePolicy",
    ) == ("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")


def test_the_policies_of_aws_allow_what_they_say(server, iam, role, code):
    server.client("s3").create_bucket(Bucket="of-aws")
    s3, named = server.client("s3", role=role("OfAws")), {"Bucket": "of-aws", "Key": "k"}
    assert code(s3.list_objects_v2, Bucket="of-aws") == "AccessDenied"
    iam.attach_role_policy(RoleName="OfAws", PolicyArn=AWS + "AmazonS3ReadOnlyAccess")
    assert s3.list_objects_v2(Bucket="of-aws")["KeyCount"] == 0
    assert code(s3.put_object, **named, Body=b"x") == "AccessDenied"
    iam.attach_role_policy(RoleName="OfAws", PolicyArn=AWS + "AmazonS3FullAccess")
    s3.put_object(**named, Body=b"x")
    assert code(server.client("iam", role="OfAws").list_roles) == "AccessDenied"
    iam.attach_role_policy(RoleName="OfAws", PolicyArn=AWS + "IAMReadOnlyAccess")
    assert server.client("iam", role="OfAws").list_roles()["Roles"]
    assert code(server.client("iam", role="OfAws").delete_role, RoleName="x") == "AccessDenied"


def test_the_policies_of_aws_for_who_only_looks(server, iam, role, code):
    """Of their documents there is what concerns the services here; what reads data differs."""
    server.client("s3").create_bucket(Bucket="looked-at")
    server.client("s3").put_object(Bucket="looked-at", Key="k", Body=b"x")
    for name, path, lists, reads in (
        ("ReadOnlyAccess", "", True, True),
        ("SecurityAudit", "", True, False),
        ("ViewOnlyAccess", "job-function/", True, False),
    ):
        described = iam.get_policy(PolicyArn=AWS + path + name)["Policy"]
        assert "services that Sluice has" in described["Description"] and described["IsAttachable"]
        who = role(name + "-holder")
        iam.attach_role_policy(RoleName=who, PolicyArn=AWS + path + name)
        s3 = server.client("s3", role=who)
        assert s3.list_objects_v2(Bucket="looked-at")["KeyCount"] == 1
        assert server.client("lambda", role=who).list_functions()["Functions"] is not None
        if reads:
            assert s3.get_object(Bucket="looked-at", Key="k")["Body"].read() == b"x"
        else:
            assert code(s3.get_object, Bucket="looked-at", Key="k") == "AccessDenied"
        assert code(s3.put_object, Bucket="looked-at", Key="k", Body=b"y") == "AccessDenied"
        assert code(server.client("iam", role=who).delete_role, RoleName=who) == "AccessDenied"


def test_a_function_whose_role_has_only_a_managed_policy(server, iam, role, account, code):
    """Its log is written with the permissions of the role."""
    logs, functions = server.client("logs"), server.client("lambda")
    role("OnlyManaged")
    iam.attach_role_policy(RoleName="OnlyManaged", PolicyArn=BASIC)
    make_function(server, "only-managed", f"arn:aws:iam::{account}:role/OnlyManaged")

    def lines():
        answer = functions.invoke(FunctionName="only-managed", Payload=b'{"do":"echo"}')
        assert answer["StatusCode"] == 200 and "FunctionError" not in answer
        return logs.filter_log_events(
            logGroupName="/aws/lambda/only-managed",
            filterPattern=f'"{answer["ResponseMetadata"]["RequestId"]}"',
        )["events"]

    assert len(lines()) == 4
    mine = server.client("logs", role="OnlyManaged")
    mine.create_log_stream(logGroupName="/aws/lambda/only-managed", logStreamName="mine")
    iam.detach_role_policy(RoleName="OnlyManaged", PolicyArn=BASIC)
    assert lines() == []
    assert (
        code(mine.create_log_stream, logGroupName="/aws/lambda/only-managed", logStreamName="more")
        == "AccessDeniedException"
    )


# ---- races, restarts, what is kept


def test_no_race_leaves_a_role_with_a_policy_that_is_gone(server, iam, role, policy):
    clients = [server.client("iam") for _ in range(6)]
    for number in range(12):
        name, arn = role(f"Race{number}"), policy(f"Race{number}")
        outcomes = race(
            [
                lambda: clients[0].attach_role_policy(RoleName=name, PolicyArn=arn),
                lambda: clients[1].delete_policy(PolicyArn=arn),
                lambda: clients[2].attach_role_policy(RoleName=name, PolicyArn=BASIC),
                lambda: clients[3].attach_role_policy(
                    RoleName=name, PolicyArn=AWS + "IAMReadOnlyAccess"
                ),
            ]
        )
        kept = attached(iam, name)
        assert outcomes[2:] == ["won", "won"] and len(kept) == 2 + (arn in kept)
        assert outcomes[:2] == (
            ["won", "DeleteConflict"] if arn in kept else ["NoSuchEntity", "won"]
        )
        assert (arn in kept) == any(
            one["Arn"] == arn for one in iam.list_policies(Scope="Local", MaxItems=1000)["Policies"]
        )
        # The same of the role.
        for gone in kept:
            iam.detach_role_policy(RoleName=name, PolicyArn=gone)
        outcomes = race(
            [
                lambda: clients[4].attach_role_policy(RoleName=name, PolicyArn=BASIC),
                lambda: clients[5].delete_role(RoleName=name),
            ]
        )
        assert outcomes in (["won", "DeleteConflict"], ["NoSuchEntity", "won"])
        roles = [
            r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=BASIC)["PolicyRoles"]
        ]
        assert (name in roles) == (outcomes[0] == "won")


def test_racing_versions_and_attachments_keep_the_limits(server, iam, role, policy):
    arn, name = policy("Crowded"), role("Crowded")
    arns = [policy(f"Crowd{n}") for n in range(14)]
    clients = [server.client("iam") for _ in range(14)]
    outcomes = race(
        [
            lambda client=client: client.create_policy_version(
                PolicyArn=arn, PolicyDocument=document(ALLOW_ALL)
            )
            for client in clients[:8]
        ]
    )
    assert sorted(outcomes) == ["LimitExceeded"] * 4 + ["won"] * 4
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions] == ["v5", "v4", "v3", "v2", "v1"]
    outcomes = race(
        [
            lambda client=client, one=one: client.attach_role_policy(RoleName=name, PolicyArn=one)
            for client, one in zip(clients, arns)
        ]
    )
    assert sorted(outcomes) == ["LimitExceeded"] * 4 + ["won"] * 10
    assert len(attached(iam, name)) == 10


def keys_of(server):
    assert server.stop() == 0
    dump = subprocess.run(
        [SLUICE.parent / "dump", server.data_dir], capture_output=True, text=True, check=True
    ).stdout
    server.start()
    return json.loads(dump)["keys"]


def test_a_restart_keeps_everything_and_what_is_deleted_leaves_nothing(fresh_server):
    server = fresh_server
    iam, account = server.client("iam"), server.endpoint["account_id"]
    iam.list_roles()  # of whose caller the last use is noted
    before = keys_of(server)
    iam = server.client("iam")
    iam.create_role(
        RoleName="Kept",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ),
    )
    arn = iam.create_policy(
        PolicyName="Kept",
        Description="kept",
        PolicyDocument=allow("s3:ListAllMyBuckets"),
        Tags=[{"Key": "a", "Value": "b"}],
    )["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:Get*"))
    for one in (arn, BASIC):
        iam.attach_role_policy(RoleName="Kept", PolicyArn=one)

    def look():
        client = server.client("iam")
        told = [
            client.get_policy(PolicyArn=arn)["Policy"],
            client.list_policy_versions(PolicyArn=arn)["Versions"],
            client.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"],
            client.list_attached_role_policies(RoleName="Kept")["AttachedPolicies"],
            client.list_entities_for_policy(PolicyArn=BASIC)["PolicyRoles"],
        ]
        assert server.client("s3", role="Kept").list_buckets()["Buckets"] == []
        return told

    told = look()
    assert keys_of(server) != before
    assert look() == told
    iam = server.client("iam")
    for one in (arn, BASIC):
        iam.detach_role_policy(RoleName="Kept", PolicyArn=one)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    iam.delete_role(RoleName="Kept")

    def of_iam(keys):
        return {key: value for key, value in keys.items() if "iam" in key}

    after = of_iam(keys_of(server))
    assert after.keys() == of_iam(before).keys()
    assert lasting(after) == lasting(of_iam(before))
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout


def test_a_role_of_an_earlier_release_takes_managed_policies(tmp_path, code):
    release.unpack("format-2", tmp_path)
    server = Server(tmp_path).start()
    iam = server.client("iam")
    assert iam.list_attached_role_policies(RoleName="matrix")["AttachedPolicies"] == []
    iam.delete_role_policy(RoleName="matrix", PolicyName="p")
    roles = server.client("iam", role="matrix")
    assert code(roles.list_roles) == "AccessDenied"
    iam.attach_role_policy(RoleName="matrix", PolicyArn=AWS + "IAMReadOnlyAccess")
    assert roles.list_roles()["Roles"]
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout


def test_the_aws_cli_makes_waits_and_attaches(server, role, tmp_path):
    role("ByCli")
    (tmp_path / "policy.json").write_text(allow("s3:ListAllMyBuckets"))

    def aws(*arguments):
        text = server.run("aws", "iam", *arguments).stdout
        return json.loads(text) if text.strip() else None

    arn = aws(
        "create-policy",
        "--policy-name",
        "ByCli",
        "--policy-document",
        f"file://{tmp_path}/policy.json",
        "--tags",
        "Key=Team,Value=red",
    )["Policy"]["Arn"]
    aws("wait", "policy-exists", "--policy-arn", arn)
    aws("attach-role-policy", "--role-name", "ByCli", "--policy-arn", arn)
    listed = aws("list-policies", "--scope", "Local", "--only-attached", "--page-size", "2")
    assert arn in [one["Arn"] for one in listed["Policies"]]
    assert aws("list-policies", "--scope", "AWS")["Policies"]
    document_of_cli = aws("get-policy-version", "--policy-arn", arn, "--version-id", "v1")
    assert document_of_cli["PolicyVersion"]["Document"] == json.loads(allow("s3:ListAllMyBuckets"))
    aws("detach-role-policy", "--role-name", "ByCli", "--policy-arn", arn)
    aws("delete-policy", "--policy-arn", arn)


# ---- stacks


def stack_template(actions, arns, **policy):
    return {
        "Resources": {
            "Reads": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": "of a stack",
                    "PolicyDocument": json.loads(allow(*actions)),
                    **policy,
                },
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"AWS": {"Ref": "AWS::AccountId"}},
                                "Action": "sts:AssumeRole",
                            }
                        ],
                    },
                    "ManagedPolicyArns": arns,
                },
            },
        },
        "Outputs": {
            "Role": {"Value": {"Ref": "Role"}},
            "Policy": {"Value": {"Ref": "Reads"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Reads", "PolicyArn"]}},
            "Id": {"Value": {"Fn::GetAtt": ["Reads", "PolicyId"]}},
        },
    }


def test_a_stack_makes_changes_and_removes_managed_policies(server, iam):
    from test_cloudformation import Stacks

    stacks = Stacks(server)
    state = stacks.create(
        "managed", stack_template(["s3:GetObject"], [{"Ref": "Reads"}, BASIC], Path="/stacks/")
    )
    assert state["StackStatus"] == "CREATE_COMPLETE", stacks.failure("managed")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in state["Outputs"]}
    arn = outputs["Policy"]
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert outputs["Arn"] == arn and outputs["Id"] == got["PolicyId"]
    assert got["Path"] == "/stacks/" and got["PolicyName"].startswith("managed-Reads-")
    assert attached(iam, outputs["Role"]) == [arn, BASIC]

    def statement():
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"][
            "Document"
        ]["Statement"][0]["Action"]

    for number in range(6):  # more often than a policy has versions
        state = stacks.update(
            "managed",
            stack_template([f"s3:Get{number}"], [{"Ref": "Reads"}], Path="/stacks/"),
        )
        assert state["StackStatus"] == "UPDATE_COMPLETE", stacks.failure("managed")
        assert statement() == [f"s3:Get{number}"]
    assert len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 5
    assert attached(iam, outputs["Role"]) == [arn]
    # An update that fails is rolled back: the role has what it had, the policy says what it said.
    broken = stack_template(["s3:Broken"], [BASIC, {"Ref": "Reads"}], Path="/stacks/")
    broken["Resources"]["Never"] = {
        "Type": "AWS::IAM::Role",
        "DependsOn": "Role",
        "Properties": {
            "AssumeRolePolicyDocument": broken["Resources"]["Role"]["Properties"][
                "AssumeRolePolicyDocument"
            ],
            "ManagedPolicyArns": [AWS + "NeverWas"],
        },
    }
    state = stacks.update("managed", broken)
    assert state["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "does not exist or is not attachable" in stacks.failure("managed")
    assert attached(iam, outputs["Role"]) == [arn] and statement() == ["s3:Get5"]
    # What the policy is called cannot be changed in place.
    state = stacks.update(
        "managed", stack_template(["s3:Get5"], [{"Ref": "Reads"}], Path="/elsewhere/")
    )
    assert state["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.delete("managed")["StackStatus"] == "DELETE_COMPLETE"
    assert error_of(iam.get_policy, PolicyArn=arn)[0] == "NoSuchEntity"
    assert error_of(iam.get_role, RoleName=outputs["Role"])[0] == "NoSuchEntity"


def test_nothing_stays_of_policies_whose_stack_was_interrupted(fresh_server):
    from test_cloudformation import Stacks

    server = fresh_server
    count = 120
    policies = {
        f"P{n}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": json.loads(allow("s3:Get*")), "Path": "/long/"},
            **({"DependsOn": f"P{n - 1}"} if n else {}),
        }
        for n in range(count)
    }
    stacks = Stacks(server)
    stacks.cfn.create_stack(
        StackName="long",
        TemplateBody=json.dumps({"Resources": policies}),
        Capabilities=["CAPABILITY_IAM"],
    )
    until(lambda: any(status == "CREATE_COMPLETE" for _, status, _ in stacks.events("long")))
    server.stop(signal.SIGKILL)
    server.start()
    stacks = Stacks(server)
    assert stacks.done("long")["StackStatus"] == "ROLLBACK_COMPLETE", stacks.events("long")[-5:]
    assert server.client("iam").list_policies(Scope="Local")["Policies"] == []


def test_a_managed_policy_of_a_stack_can_name_its_roles(server, iam, role):
    from test_cloudformation import Stacks, bucket

    stacks = Stacks(server)
    names = [role(f"Stacked{n}") for n in range(2)]
    template = {
        "Resources": {
            "Reads": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "ManagedPolicyName": "stacked",
                    "PolicyDocument": json.loads(allow("s3:Get*")),
                    "Roles": names[:1],
                },
            }
        }
    }
    assert stacks.create("named", template)["StackStatus"] == "CREATE_COMPLETE"
    arn = iam.list_attached_role_policies(RoleName=names[0])["AttachedPolicies"][0]["PolicyArn"]
    assert arn.endswith(":policy/stacked")
    template["Resources"]["Reads"]["Properties"]["Roles"] = names[1:]
    assert stacks.update("named", template)["StackStatus"] == "UPDATE_COMPLETE"
    assert attached(iam, names[0]) == [] and attached(iam, names[1]) == [arn]
    assert stacks.delete("named")["StackStatus"] == "DELETE_COMPLETE"
    assert attached(iam, names[1]) == []
    # A create that fails leaves nothing, though the policy was attached.
    template["Resources"]["Broken"] = dict(bucket("UPPER"), DependsOn="Reads")
    assert stacks.create("named", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert attached(iam, names[1]) == []
    assert error_of(iam.get_policy, PolicyArn=arn)[0] == "NoSuchEntity"
    # A property that is not built is refused by name, and so is the making of a policy in silence.
    template["Resources"]["Reads"]["Properties"]["Users"] = ["bob"]
    assert stacks.create("users", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Users" in stacks.failure("users")
    refused = server.client("cloudformation")
    assert error_of(refused.create_stack, StackName="x", TemplateBody=json.dumps(template)) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_NAMED_IAM]",
    )

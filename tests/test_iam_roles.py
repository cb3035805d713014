# SPDX-License-Identifier: Apache-2.0
"""Permissions boundaries and tags of roles: what they allow, who may set them, and that they count
at the next call."""
import datetime
import json
import signal

import pytest

from test_iam_managed import ALLOW_ALL, AWS, account, allow, document, error_of, iam, policy, role

ADMINISTRATOR = AWS + "AdministratorAccess"


def test_the_life_of_a_boundary(server, iam, role, policy):
    role("bounded")
    first, second = policy("first", allow("s3:*")), policy("second", allow("kms:*"))
    assert error_of(iam.delete_role_permissions_boundary, RoleName="bounded")[0] == "NoSuchEntity"
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=first)
    assert iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": first,
    }
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=second)
    usage = {
        one: iam.get_policy(PolicyArn=one)["Policy"]["PermissionsBoundaryUsageCount"]
        for one in (first, second)
    }
    assert usage == {first: 0, second: 1}
    iam.delete_policy(PolicyArn=first)
    assert error_of(iam.delete_policy, PolicyArn=second)[0] == "DeleteConflict"

    def entities(**more):
        return [
            one["RoleName"]
            for one in iam.list_entities_for_policy(PolicyArn=second, **more)["PolicyRoles"]
        ]

    assert entities() == entities(PolicyUsageFilter="PermissionsBoundary") == ["bounded"]
    assert entities(PolicyUsageFilter="PermissionsPolicy") == []
    listed = iam.list_policies(Scope="Local", PolicyUsageFilter="PermissionsBoundary")["Policies"]
    assert [one["Arn"] for one in listed] == [second]
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="bounded")["Role"]
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=second)
    iam.delete_role(RoleName="bounded")
    iam.delete_policy(PolicyArn=second)


@pytest.mark.parametrize(
    "arn, code",
    [
        ("arn:aws:iam::aws:policy/NoSuchPolicyAtAll", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:role/x/y", "InvalidInput"),
        ("short", "ValidationError"),
    ],
)
def test_what_cannot_be_a_boundary(iam, role, account, arn, code):
    role("to-be-bounded-" + code.lower())
    name = "to-be-bounded-" + code.lower()
    assert (
        error_of(iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=arn)[0]
        == code
    )
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    assert (
        error_of(
            iam.create_role,
            RoleName="never",
            AssumeRolePolicyDocument=trust,
            PermissionsBoundary=arn,
        )[0]
        == code
    )
    assert error_of(iam.get_role, RoleName="never")[0] == "NoSuchEntity"


def test_the_operators_role_takes_no_boundary_and_no_tags(iam):
    """Else whoever may call it could take the server from its owner."""
    name = {"RoleName": "sluice-operator"}
    for call, more in (
        (iam.put_role_permissions_boundary, {"PermissionsBoundary": ADMINISTRATOR}),
        (iam.delete_role_permissions_boundary, {}),
        (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_role, {"TagKeys": ["a"]}),
    ):
        assert error_of(call, **name, **more)[0] == "UnmodifiableEntity"


def test_a_boundary_is_the_most_that_a_role_may(server, iam, role, policy, code):
    """Needed twice: what the role's own policies do not allow a boundary does not give, and what
    the boundary lacks nothing gives; its Deny denies; it counts for sessions in force."""
    role("limited")
    iam.put_role_policy(RoleName="limited", PolicyName="all", PolicyDocument=document(ALLOW_ALL))
    s3, tables = (server.client(one, role="limited") for one in ("s3", "dynamodb"))
    assert s3.list_buckets()["Buckets"] is not None and tables.list_tables()
    only_s3 = policy("only-s3", allow("s3:*"))
    iam.put_role_permissions_boundary(RoleName="limited", PermissionsBoundary=only_s3)
    s3.list_buckets()
    assert code(tables.list_tables) == "AccessDeniedException"
    denied = error_of(tables.list_tables)[1]
    assert denied.endswith("because no permissions boundary allows the dynamodb:ListTables action")
    iam.create_policy_version(
        PolicyArn=only_s3,
        PolicyDocument=document(ALLOW_ALL, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}),
        SetAsDefault=True,
    )
    assert code(s3.list_buckets) == "AccessDenied"
    assert "with an explicit deny in a permissions boundary" in error_of(s3.list_buckets)[1]
    assert tables.list_tables()
    iam.delete_role_policy(RoleName="limited", PolicyName="all")
    assert code(tables.list_tables) == "AccessDeniedException"
    assert "no identity-based policy allows" in error_of(tables.list_tables)[1]


def test_a_boundary_and_a_policy_of_the_resource(server, iam, role, policy, account, code):
    """AWS's table: a role that a bucket's policy names by its ARN stays within its boundary; its
    session, named by its ARN, does not."""
    role("guest")
    iam.put_role_permissions_boundary(
        RoleName="guest", PermissionsBoundary=policy("no-s3", allow("kms:*"))
    )
    owner, guest = server.client("s3"), server.client("s3", role="guest")
    owner.create_bucket(Bucket="guests")
    owner.put_object(Bucket="guests", Key="k", Body=b"x")
    me = server.client("sts", role="guest").get_caller_identity()["Arn"]

    def for_principal(principal):
        owner.put_bucket_policy(
            Bucket="guests",
            Policy=document(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": principal},
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::guests/*",
                }
            ),
        )

    for_principal(f"arn:aws:iam::{account}:role/guest")
    assert code(guest.get_object, Bucket="guests", Key="k") == "AccessDenied"
    session = server.session("guest")
    with_session = server.client("s3", session=session)
    me = server.client("sts", session=session).get_caller_identity()["Arn"]
    for_principal(me)
    assert with_session.get_object(Bucket="guests", Key="k")["Body"].read() == b"x"
    iam.delete_role_permissions_boundary(RoleName="guest")
    for_principal(f"arn:aws:iam::{account}:role/guest")
    assert guest.get_object(Bucket="guests", Key="k")["Body"].read() == b"x"


def test_who_may_only_make_bounded_roles(server, iam, role, policy, account, code):
    """The delegation of the IAM User Guide: roles are made, and given policies, only below the
    boundary that their maker is told."""
    limit = policy("the-limit", allow("s3:*"))
    role("maker")
    iam.put_role_policy(
        RoleName="maker",
        PolicyName="p",
        PolicyDocument=document(
            {
                "Effect": "Allow",
                "Action": ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"],
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:PermissionsBoundary": limit}},
            }
        ),
    )
    maker = server.client("iam", role="maker")
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    made = {"RoleName": "made", "AssumeRolePolicyDocument": trust}
    assert code(maker.create_role, **made) == "AccessDenied"
    assert code(maker.create_role, **made, PermissionsBoundary=ADMINISTRATOR) == "AccessDenied"
    maker.create_role(**made, PermissionsBoundary=limit)
    everything = {"PolicyName": "p", "PolicyDocument": document(ALLOW_ALL)}
    maker.put_role_policy(RoleName="made", **everything)
    maker.attach_role_policy(RoleName="made", PolicyArn=ADMINISTRATOR)
    assert code(maker.delete_role_permissions_boundary, RoleName="made") == "AccessDenied"
    role("other")
    assert code(maker.put_role_policy, RoleName="other", **everything) == "AccessDenied"
    assert (
        code(maker.attach_role_policy, RoleName="other", PolicyArn=ADMINISTRATOR) == "AccessDenied"
    )


def test_tags_of_roles(server, iam, role, code):
    role("tagged")
    iam.tag_role(
        RoleName="tagged", Tags=[{"Key": "Team", "Value": "red"}, {"Key": "a", "Value": ""}]
    )
    iam.tag_role(RoleName="tagged", Tags=[{"Key": "team", "Value": "blue"}])
    first = iam.list_role_tags(RoleName="tagged", MaxItems=1)
    assert first["Tags"] == [{"Key": "a", "Value": ""}] and first["IsTruncated"]
    assert iam.list_role_tags(RoleName="tagged", Marker=first["Marker"])["Tags"] == [
        {"Key": "team", "Value": "blue"}
    ]
    assert len(iam.get_role(RoleName="tagged")["Role"]["Tags"]) == 2
    many = [{"Key": f"k{n}", "Value": ""} for n in range(49)]
    assert error_of(iam.tag_role, RoleName="tagged", Tags=many) == (
        "LimitExceeded",
        "Cannot exceed quota for TagsPerRole: 50",
    )
    iam.untag_role(RoleName="tagged", TagKeys=["TEAM", "a", "absent"])
    assert iam.list_role_tags(RoleName="tagged")["Tags"] == []
    assert error_of(iam.list_role_tags, RoleName="absent")[0] == "NoSuchEntity"


def test_a_policy_sees_the_tags_of_the_role_that_asks(server, iam, role, code):
    """Access by attributes: a bucket per team, and one policy for all of them."""
    mine = document(
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::team-${aws:PrincipalTag/Team}",
        }
    )
    owner = server.client("s3")
    for team in ("red", "blue"):
        owner.create_bucket(Bucket="team-" + team)
        role("of-" + team)
        iam.tag_role(RoleName="of-" + team, Tags=[{"Key": "Team", "Value": team}])
        iam.put_role_policy(RoleName="of-" + team, PolicyName="p", PolicyDocument=mine)
    red = server.client("s3", role="of-red")
    red.list_objects_v2(Bucket="team-red")
    assert code(red.list_objects_v2, Bucket="team-blue") == "AccessDenied"
    iam.tag_role(RoleName="of-red", Tags=[{"Key": "Team", "Value": "blue"}])
    red.list_objects_v2(Bucket="team-blue")
    assert code(red.list_objects_v2, Bucket="team-red") == "AccessDenied"


def test_a_restart_keeps_boundaries_and_tags(fresh_server):
    iam = fresh_server.client("iam")
    account = fresh_server.endpoint["account_id"]
    iam.create_role(
        RoleName="kept",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ),
        PermissionsBoundary=ADMINISTRATOR,
        Tags=[{"Key": "a", "Value": "b"}],
    )
    before = iam.get_role(RoleName="kept")["Role"]
    fresh_server.stop(signal.SIGKILL)
    fresh_server.start()
    assert fresh_server.client("iam").get_role(RoleName="kept")["Role"] == before
    assert before["Tags"] and before["PermissionsBoundary"]


def test_a_stack_sets_and_takes_boundaries_and_tags(server, iam, account):
    cloudformation = server.client("cloudformation")

    def template(**more):
        return json.dumps(
            {
                "Resources": {
                    "Role": {
                        "Type": "AWS::IAM::Role",
                        "Properties": {
                            "RoleName": "of-a-stack",
                            "AssumeRolePolicyDocument": {
                                "Statement": {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "lambda.amazonaws.com"},
                                    "Action": "sts:AssumeRole",
                                }
                            },
                            **more,
                        },
                    }
                }
            }
        )

    def run(call, waiter, body):
        call(StackName="roles", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        cloudformation.get_waiter(waiter).wait(StackName="roles", WaiterConfig={"Delay": 1})
        made = iam.get_role(RoleName="of-a-stack")["Role"]
        return (
            made.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            {one["Key"]: one["Value"] for one in made.get("Tags", [])},
        )

    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    assert run(
        cloudformation.create_stack,
        "stack_create_complete",
        template(PermissionsBoundary=ADMINISTRATOR, Tags=tags),
    ) == (ADMINISTRATOR, {"a": "1", "b": "2"})
    other = AWS + "IAMReadOnlyAccess"
    assert run(
        cloudformation.update_stack,
        "stack_update_complete",
        template(PermissionsBoundary=other, Tags=[{"Key": "b", "Value": "3"}]),
    ) == (other, {"b": "3"})
    assert run(cloudformation.update_stack, "stack_update_complete", template()) == (None, {})
    cloudformation.delete_stack(StackName="roles")


def test_the_whole_account_in_pages(server, iam, role, policy):
    role("of-the-account", PermissionsBoundary=ADMINISTRATOR, Tags=[{"Key": "a", "Value": "b"}])
    mine = policy("of-the-account", allow("s3:*"), Description="mine")
    iam.create_policy_version(PolicyArn=mine, PolicyDocument=allow("kms:*"))
    iam.attach_role_policy(RoleName="of-the-account", PolicyArn=mine)
    iam.put_role_policy(RoleName="of-the-account", PolicyName="p", PolicyDocument=allow("a:b"))

    def details(size, **more):
        found = {"RoleDetailList": [], "Policies": []}
        for page in iam.get_paginator("get_account_authorization_details").paginate(
            PaginationConfig={"PageSize": size}, **more
        ):
            assert page["UserDetailList"] == page["GroupDetailList"] == []
            assert len(page["RoleDetailList"]) + len(page["Policies"]) <= size
            for kind, all_of_it in found.items():
                all_of_it += page[kind]
        return found

    def at_rest(found):
        """Without when a role was used last: the one that asks is used meanwhile."""
        roles = [r | {"RoleLastUsed": None} for r in found["RoleDetailList"]]
        return found | {"RoleDetailList": roles}

    whole = details(1000)
    assert at_rest(whole) == at_rest(details(1)) == at_rest(details(3))
    one = next(r for r in whole["RoleDetailList"] if r["RoleName"] == "of-the-account")
    assert one["RolePolicyList"] == [
        {"PolicyName": "p", "PolicyDocument": json.loads(allow("a:b"))}
    ]
    assert one["AttachedManagedPolicies"] == [{"PolicyName": "of-the-account", "PolicyArn": mine}]
    assert one["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMINISTRATOR
    assert one["Tags"] == [{"Key": "a", "Value": "b"}] and one["InstanceProfileList"] == []
    arns = [p["Arn"] for p in whole["Policies"]]
    assert mine in arns and ADMINISTRATOR in arns and AWS + "AmazonS3FullAccess" not in arns
    versions = next(p for p in whole["Policies"] if p["Arn"] == mine)["PolicyVersionList"]
    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in versions] == [
        ("v2", False),
        ("v1", True),
    ]
    assert versions[0]["Document"] == json.loads(allow("kms:*"))
    assert details(1000, Filter=["Role"])["Policies"] == []
    own = details(1000, Filter=["LocalManagedPolicy"])
    assert own["RoleDetailList"] == [] and ADMINISTRATOR not in [p["Arn"] for p in own["Policies"]]
    assert details(1000, Filter=["User", "Group"]) == {"RoleDetailList": [], "Policies": []}
    assert error_of(iam.get_account_authorization_details, Filter=["Thing"])[0] == "ValidationError"


def test_what_an_account_does_not_have(iam):
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    assert report["Content"].startswith(b"user,arn,") and report["Content"].count(b"\n") == 1
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    assert iam.list_account_aliases()["AccountAliases"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
    assert iam.list_instance_profiles_for_role(RoleName="sluice-operator")["InstanceProfiles"] == []
    assert error_of(iam.list_instance_profiles_for_role, RoleName="absent")[0] == "NoSuchEntity"


def used(iam, name):
    """RoleLastUsed, as both calls that tell it have it."""
    own = iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    (listed,) = [
        one["RoleLastUsed"]
        for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
        for one in page["RoleDetailList"]
        if one["RoleName"] == name
    ]
    assert own == listed
    return own


def test_when_a_role_was_used_last(fresh_server):
    """It is kept over a restart, and is that of this role alone, not of one of the same name."""
    server, trust = fresh_server, {"Action": "sts:AssumeRole", "Effect": "Allow"}
    trust["Principal"] = {"AWS": f"arn:aws:iam::{server.endpoint['account_id']}:root"}

    def make():
        made = {"RoleName": "worked", "AssumeRolePolicyDocument": document(trust)}
        server.client("iam").create_role(**made)

    make()
    iam = server.client("iam")
    assert used(iam, "worked") == {}
    begun = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    server.client("sts", role="worked").get_caller_identity()
    first = used(iam, "worked")
    assert first["Region"] == server.endpoint["region"] and first["LastUsedDate"] >= begun
    assert "RoleLastUsed" not in iam.list_roles()["Roles"][0]
    assert used(iam, "sluice-operator")["LastUsedDate"] >= begun
    assert server.stop() == 0
    server.start()
    iam = server.client("iam")
    assert used(iam, "worked") == first
    iam.delete_role(RoleName="worked")
    make()
    assert used(iam, "worked") == {}
    assert server.stop() == 0
    server.start()
    assert used(server.client("iam"), "worked") == {}

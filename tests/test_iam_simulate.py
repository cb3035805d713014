# SPDX-License-Identifier: Apache-2.0
"""SimulatePrincipalPolicy and SimulateCustomPolicy say what the server would decide, and the server
then decides so."""
import json

import botocore.exceptions
import pytest

from test_iam_managed import ALLOW_ALL, AWS, account, allow, document, error_of, iam, policy, role

TWO = {"ActionNames": ["s3:GetObject", "s3:PutObject"], "ResourceArns": ["arn:aws:s3:::b/k"]}


def decisions(call, **arguments):
    return [
        (one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"])
        for one in call(**arguments)["EvaluationResults"]
    ]


def test_policies_that_nobody_has(iam):
    reading = allow("s3:Get*")
    call = iam.simulate_custom_policy
    assert decisions(call, PolicyInputList=[reading], **TWO) == [
        ("s3:GetObject", "arn:aws:s3:::b/k", "allowed"),
        ("s3:PutObject", "arn:aws:s3:::b/k", "implicitDeny"),
    ]
    denying = document({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})
    result = call(PolicyInputList=[reading, denying], ActionNames=["s3:GetObject"])
    assert result["EvaluationResults"][0]["EvalDecision"] == "explicitDeny"
    (matched,) = result["EvaluationResults"][0]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.2"
    assert matched["SourcePolicyType"] == "none"
    bounded = call(
        PolicyInputList=[reading],
        PermissionsBoundaryPolicyInputList=[allow("kms:*")],
        ActionNames=["s3:GetObject"],
    )["EvaluationResults"][0]
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_where_a_statement_stands(iam, role):
    """The first policy and its places are those of the AWS CLI's own example."""
    published = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*",'
        '"Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":'
        '"2018-08-16T12:00:00Z"}}}}'
    )
    spread = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "dynamodb:Get*",
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:userid": '}] {[ \\" {'}},
                },
                {"Effect": "Allow", "Action": "dynamodb:Create*", "Resource": "*", "Sid": "b"},
            ],
        },
        indent=2,
    )

    def places(call, **arguments):
        (result,) = call(ActionNames=["dynamodb:CreateBackup"], **arguments)["EvaluationResults"]
        return [
            (one["SourcePolicyId"],)
            + tuple(one[end][part] for end in ENDS for part in ("Line", "Column"))
            for one in result["MatchedStatements"]
        ]

    ENDS = ("StartPosition", "EndPosition")
    call = iam.simulate_custom_policy
    lines = spread.split("\n")
    start = [n for n, line in enumerate(lines, 1) if line == "    {"][1]
    wanted = (start, 5, start + 5, 6)
    assert places(call, PolicyInputList=[published]) == [("PolicyInputList.1", 1, 38, 1, 167)]
    assert places(call, PolicyInputList=[spread]) == [("PolicyInputList.1", *wanted)]
    role("placed")
    iam.put_role_policy(RoleName="placed", PolicyName="own", PolicyDocument=spread)
    arn = iam.get_role(RoleName="placed")["Role"]["Arn"]
    assert places(iam.simulate_principal_policy, PolicySourceArn=arn) == [("own", *wanted)]


def test_a_role_as_it_is_and_as_it_would_be(server, iam, role, policy):
    role("simulated", Tags=[{"Key": "Team", "Value": "red"}])
    arn = iam.get_role(RoleName="simulated")["Role"]["Arn"]
    call = iam.simulate_principal_policy
    assert [one[2] for one in decisions(call, PolicySourceArn=arn, **TWO)] == ["implicitDeny"] * 2
    iam.attach_role_policy(RoleName="simulated", PolicyArn=AWS + "AmazonS3ReadOnlyAccess")
    iam.put_role_policy(
        RoleName="simulated",
        PolicyName="own",
        PolicyDocument=document(
            {
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/Team}/*",
            }
        ),
    )
    where = {"ResourceArns": ["arn:aws:s3:::b/red/k", "arn:aws:s3:::b/blue/k"]}
    results = call(PolicySourceArn=arn, ActionNames=TWO["ActionNames"], **where)[
        "EvaluationResults"
    ]
    assert [
        (r["EvalActionName"], r["EvalResourceName"][-5:], r["EvalDecision"]) for r in results
    ] == [
        ("s3:GetObject", "red/k", "allowed"),
        ("s3:GetObject", "lue/k", "allowed"),
        ("s3:PutObject", "red/k", "allowed"),
        ("s3:PutObject", "lue/k", "implicitDeny"),
    ]
    assert results[0]["MatchedStatements"][0]["SourcePolicyType"] == "aws-managed"
    (matched,) = results[2]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "own" and matched["SourcePolicyType"] == "role"
    assert "PermissionsBoundaryDecisionDetail" not in results[0]
    iam.put_role_permissions_boundary(
        RoleName="simulated", PermissionsBoundary=policy("only-reading", allow("s3:Get*"))
    )
    results = call(PolicySourceArn=arn, ActionNames=TWO["ActionNames"], **where)[
        "EvaluationResults"
    ]
    assert [r["EvalDecision"] for r in results] == ["allowed"] * 2 + ["implicitDeny"] * 2
    assert results[2]["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] is False
    more = call(
        PolicySourceArn=arn,
        PolicyInputList=[allow("kms:Encrypt")],
        PermissionsBoundaryPolicyInputList=[document(ALLOW_ALL)],
        ActionNames=["kms:Encrypt"],
    )["EvaluationResults"]
    assert more[0]["EvalDecision"] == "allowed"


def test_what_is_simulated_is_what_happens(server, iam, role, code):
    """Each decision of the simulation beside the server's own answer to the call."""
    role("compared")
    owner = server.client("s3")
    owner.create_bucket(Bucket="compared")
    owner.put_object(Bucket="compared", Key="a/k", Body=b"x")
    s3 = server.client("s3", role="compared")
    arn = iam.get_role(RoleName="compared")["Role"]["Arn"]
    statements = [
        [],
        [allow("s3:GetObject")],
        [document({"Effect": "Allow", "Action": "s3:G*", "Resource": "arn:aws:s3:::compared/b/*"})],
        [allow("s3:*"), document({"Effect": "Deny", "Action": "s3:get*", "Resource": "*"})],
        [document({"Effect": "Allow", "NotAction": "kms:*", "Resource": "*"})],
        [document({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::compared/a/*"})],
    ]
    for number, documents in enumerate(statements):
        for name in iam.list_role_policies(RoleName="compared")["PolicyNames"]:
            iam.delete_role_policy(RoleName="compared", PolicyName=name)
        for n, one in enumerate(documents):
            iam.put_role_policy(RoleName="compared", PolicyName=f"p{n}", PolicyDocument=one)
        said = decisions(
            iam.simulate_principal_policy,
            PolicySourceArn=arn,
            ActionNames=["s3:GetObject"],
            ResourceArns=["arn:aws:s3:::compared/a/k"],
        )[0][2]
        try:
            s3.get_object(Bucket="compared", Key="a/k")
            happened = True
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            happened = False
        assert (said == "allowed") == happened, number


def test_conditions_and_the_keys_that_are_missing(iam, role):
    conditional = allow(
        "s3:ListBucket",
        Condition={
            "StringEquals": {"s3:prefix": ["a/", "b/"]},
            "Bool": {"aws:SecureTransport": "true"},
        },
    )
    ask = {"PolicyInputList": [conditional], "ActionNames": ["s3:ListBucket"]}
    bare = iam.simulate_custom_policy(**ask)["EvaluationResults"][0]
    assert bare["EvalDecision"] == "implicitDeny"
    assert sorted(bare["MissingContextValues"]) == ["aws:SecureTransport", "s3:prefix"]

    def key(name, kind, *values):
        return {
            "ContextKeyName": name,
            "ContextKeyType": kind,
            "ContextKeyValues": list(values),
        }

    tls = key("aws:securetransport", "boolean", "true")
    with_keys = iam.simulate_custom_policy(
        **ask, ContextEntries=[tls, key("s3:prefix", "string", "b/")]
    )
    assert with_keys["EvaluationResults"][0]["EvalDecision"] == "allowed"
    assert with_keys["EvaluationResults"][0]["MissingContextValues"] == []
    other = iam.simulate_custom_policy(
        **ask, ContextEntries=[tls, key("s3:prefix", "string", "c/")]
    )
    assert other["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"
    assert iam.get_context_keys_for_custom_policy(
        PolicyInputList=[conditional, allow("s3:*", Resource="arn:aws:s3:::b/${aws:userid}/*")]
    )["ContextKeyNames"] == ["aws:SecureTransport", "aws:userid", "s3:prefix"]
    role("with-keys")
    iam.put_role_policy(RoleName="with-keys", PolicyName="p", PolicyDocument=conditional)
    arn = iam.get_role(RoleName="with-keys")["Role"]["Arn"]
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == [
        "aws:SecureTransport",
        "s3:prefix",
    ]


def test_a_policy_of_the_resource(iam, account):
    guest = f"arn:aws:iam::{account}:role/guest"
    ask = {
        "PolicyInputList": [allow("kms:*")],
        "ActionNames": ["s3:GetObject"],
        "ResourceArns": ["arn:aws:s3:::b/k"],
        "ResourcePolicy": document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": guest},
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/*",
            }
        ),
    }
    assert error_of(iam.simulate_custom_policy, **ask)[0] == "InvalidInput"
    result = iam.simulate_custom_policy(**ask, CallerArn=guest)["EvaluationResults"][0]
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"][0]["SourcePolicyType"] == "resource"
    elsewhere = iam.simulate_custom_policy(
        **ask, CallerArn=guest, ResourceOwner="arn:aws:iam::111122223333:root"
    )
    assert elsewhere["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


def test_results_come_in_pages(iam):
    ask = {
        "PolicyInputList": [allow("s3:Get*")],
        "ActionNames": ["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"],
        "ResourceArns": ["arn:aws:s3:::b/1", "arn:aws:s3:::b/2"],
    }
    whole = iam.simulate_custom_policy(**ask)
    assert len(whole["EvaluationResults"]) == 6 and not whole["IsTruncated"]
    for size in (1, 4, 5, 6, 7):
        pages = iam.get_paginator("simulate_custom_policy").paginate(
            **ask, PaginationConfig={"PageSize": size}
        )
        assert [r for page in pages for r in page["EvaluationResults"]] == whole[
            "EvaluationResults"
        ]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"PolicyInputList": ["{"]}, "InvalidInput"),
        ({"PolicyInputList": []}, "InvalidInput"),
        ({"ActionNames": ["s3:*"]}, "InvalidInput"),
        ({"ActionNames": ["GetObject"]}, "InvalidInput"),
        ({"ActionNames": []}, "InvalidInput"),
        ({"ResourceArns": ["b/k"]}, "InvalidInput"),
        ({"Marker": "x"}, "InvalidInput"),
        ({"ResourceOwner": "me"}, "InvalidInput"),
        ({"ContextEntries": [{"ContextKeyName": "a:b", "ContextKeyType": "text"}]}, "InvalidInput"),
        ({"ActionNames": ["s3:GetObject"] * 257}, "ValidationError"),
        ({"PolicyInputList": [json.dumps({"Statement": []})] * 21}, "ValidationError"),
    ],
)
def test_what_cannot_be_simulated(iam, change, code):
    good = {"PolicyInputList": [allow("s3:*")], "ActionNames": ["s3:GetObject"]}
    assert error_of(iam.simulate_custom_policy, **(good | change))[0] == code


def test_who_may_simulate_whom(server, iam, role, account, code):
    role("asked-about")
    role("asking")
    arn = iam.get_role(RoleName="asked-about")["Role"]["Arn"]
    asking = server.client("iam", role="asking")
    ask = {"PolicySourceArn": arn, "ActionNames": ["s3:GetObject"]}
    assert code(asking.simulate_principal_policy, **ask) == "AccessDenied"
    assert code(asking.get_context_keys_for_principal_policy, PolicySourceArn=arn) == "AccessDenied"
    iam.put_role_policy(
        RoleName="asking",
        PolicyName="p",
        PolicyDocument=document(
            {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": arn}
        ),
    )
    assert decisions(asking.simulate_principal_policy, **ask)[0][2] == "implicitDeny"
    absent = {**ask, "PolicySourceArn": arn + "-not"}
    assert code(asking.simulate_principal_policy, **absent) == "AccessDenied"
    assert error_of(iam.simulate_principal_policy, **absent)[0] == "NoSuchEntity"
    user = {**ask, "PolicySourceArn": f"arn:aws:iam::{account}:user/u"}
    assert error_of(iam.simulate_principal_policy, **user)[0] == "NoSuchEntity"

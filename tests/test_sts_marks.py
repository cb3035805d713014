# SPDX-License-Identifier: Apache-2.0
"""What a session is given when its role is assumed: policies that bound it, tags, a source identity
and what it hands on to the sessions that are taken with it."""
import json

import botocore.exceptions
import pytest

from records import records_of

BUCKET = "marks"
MARKING = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


READS = allow("s3:GetObject")


class World:
    def __init__(self, server):
        self.server, self.account = server, server.endpoint["account_id"]
        self.iam, self.sts = server.client("iam"), server.client("sts", parameter_validation=False)
        self.here = {"AWS": f"arn:aws:iam::{self.account}:root"}
        self.make("worker", [allow(["s3:*", "sts:*"])])
        s3 = server.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key in ("red/k", "blue/k"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    def make(self, name, policies, **trust):
        self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": self.here, "Action": MARKING} | trust
            ),
        )
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*policies))

    def arn(self, role):
        return f"arn:aws:iam::{self.account}:role/{role}"

    def assume(self, role="worker", by=None, **more):
        sts = self.server.client("sts", session=by) if by else self.sts
        return sts.assume_role(RoleArn=self.arn(role), RoleSessionName="me", **more)

    def session(self, *arguments, **more):
        return self.assume(*arguments, **more)["Credentials"]

    def client(self, service, session):
        return self.server.client(service, session=session)

    def bucket_policy(self, *statements):
        self.server.client("s3").put_bucket_policy(
            Bucket=BUCKET,
            Policy=document(
                *(
                    s | {"Resource": f"arn:aws:s3:::{BUCKET}/*", "Effect": "Allow"}
                    for s in statements
                )
            ),
        )


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def tags(**given):
    return [{"Key": key, "Value": value} for key, value in given.items()]


def test_a_session_policy_bounds_what_the_role_may(world):
    answer = world.assume(Policy=document(READS))
    assert 0 < answer["PackedPolicySize"] < 10
    s3 = world.client("s3", answer["Credentials"])
    assert s3.get_object(Bucket=BUCKET, Key="red/k")
    code, text = error_of(s3.put_object, Bucket=BUCKET, Key="red/k", Body=b"")
    assert code == "AccessDenied" and "because no session policy allows the s3:PutObject" in text
    # It gives nothing that the role does not have.
    kms = world.client("kms", world.session(Policy=document(allow("*"))))
    assert error_of(kms.list_keys)[0] == "AccessDeniedException"
    denies = document(allow("*"), {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})
    s3 = world.client("s3", world.session(Policy=denies))
    code, text = error_of(s3.get_object, Bucket=BUCKET, Key="red/k")
    assert code == "AccessDenied" and "with an explicit deny in a session policy" in text
    assert "PackedPolicySize" not in world.assume()


def test_managed_policies_bound_a_session_as_they_were(world):
    arn = world.iam.create_policy(PolicyName="reads", PolicyDocument=document(READS))["Policy"][
        "Arn"
    ]
    s3 = world.client("s3", world.session(PolicyArns=[{"arn": arn}]))
    both = world.session(PolicyArns=[{"arn": arn}], Policy=document(allow("s3:PutObject")))
    assert error_of(s3.put_object, Bucket=BUCKET, Key="red/k", Body=b"")[0] == "AccessDenied"
    assert world.client("s3", both).put_object(Bucket=BUCKET, Key="red/k", Body=b"")
    world.iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document(allow("s3:Put*")), SetAsDefault=True
    )
    assert s3.get_object(Bucket=BUCKET, Key="red/k")
    assert error_of(s3.put_object, Bucket=BUCKET, Key="red/k", Body=b"")[0] == "AccessDenied"


def test_who_is_named_by_a_bucket_policy_and_the_session_policy(world):
    """IAM User Guide, "Policy evaluation within a single account"."""
    world.make("bare", [allow("sts:GetCallerIdentity")])
    session = world.session("bare", Policy=document(allow("s3:ListBucket")))
    whole, s3 = world.client("s3", world.session("bare")), world.client("s3", session)

    def may(client):
        try:
            return bool(client.get_object(Bucket=BUCKET, Key="red/k"))
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            return False

    by_session = {"AWS": f"arn:aws:sts::{world.account}:assumed-role/bare/me"}
    for principal, without, bounded in (
        ({"AWS": world.arn("bare")}, True, False),
        (by_session, True, True),
        (world.here, False, False),
    ):
        world.bucket_policy({"Principal": principal, "Action": "s3:GetObject"})
        assert (may(whole), may(s3)) == (without, bounded), principal
    world.server.client("s3").delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize(
    "policy", ["{}", "no json", document(), document(READS | {"Principal": "*"}), "{\u0100}"]
)
def test_a_session_policy_is_a_policy(world, policy):
    code, _ = error_of(
        world.sts.assume_role, RoleArn=world.arn("worker"), RoleSessionName="me", Policy=policy
    )
    assert code == "MalformedPolicyDocument"


def padded(size):
    """A policy of that many characters."""
    bare = document(READS)
    return bare + " " * (size - len(bare))


def test_how_much_a_session_may_be_given(world):
    full = world.session(Policy=padded(2048))
    assert world.client("s3", full).get_object(Bucket=BUCKET, Key="red/k")
    arn = world.iam.create_policy(PolicyName="long", PolicyDocument=padded(2048))["Policy"]["Arn"]
    asking = {"RoleArn": world.arn("worker"), "RoleSessionName": "me"}
    assert error_of(
        world.sts.assume_role, **asking, PolicyArns=[{"arn": arn}], Policy=document(READS)
    ) == (
        "PackedPolicyTooLarge",
        f"The session policies have {2048 + len(document(READS))} characters together; 2048 are "
        "allowed.",
    )
    many = {f"key{n:02}": "v" * 85 for n in range(50)}
    answer = world.assume(Tags=tags(**many))
    assert 90 < answer["PackedPolicySize"] <= 100
    assert world.client("s3", answer["Credentials"]).get_object(Bucket=BUCKET, Key="red/k")
    url = world.client("s3", answer["Credentials"]).generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": "red/k"}
    )
    assert len(url) > 7000  # the longest token also fits into a URL
    import ssl
    import urllib.request

    trusting = ssl.create_default_context(cafile=world.server.endpoint["ca_file"])
    assert urllib.request.urlopen(url, context=trusting).status == 200
    code, text = error_of(
        world.sts.assume_role, **asking, Tags=tags(**{k: v + "v" * 15 for k, v in many.items()})
    )
    assert code == "PackedPolicyTooLarge" and "% of the allotted space" in text


def test_session_tags_are_the_principals(world):
    world.make("tagged", [allow("s3:*", f"arn:aws:s3:::{BUCKET}/${{aws:PrincipalTag/Team}}/*")])
    s3 = world.client("s3", world.session("tagged", Tags=tags(Team="red")))
    assert s3.get_object(Bucket=BUCKET, Key="red/k")
    assert error_of(s3.get_object, Bucket=BUCKET, Key="blue/k")[0] == "AccessDenied"
    # A tag whose value looks like a wildcard is a text.
    none = world.client("s3", world.session("tagged"))
    assert error_of(none.get_object, Bucket=BUCKET, Key="red/k")[0] == "AccessDenied"


def test_tags_and_a_source_identity_need_to_be_trusted(world):
    for missing, marks in (
        ("sts:TagSession", {"Tags": tags(Team="red")}),
        ("sts:SetSourceIdentity", {"SourceIdentity": "ann"}),
    ):
        name = missing.split(":")[1]
        world.make(name, [READS], Action=[a for a in MARKING if a != missing])
        assert world.assume(name)
        code, text = error_of(
            world.sts.assume_role, RoleArn=world.arn(name), RoleSessionName="me", **marks
        )
        assert code == "AccessDenied" and f"to perform: {missing} on resource" in text
    only_red = {
        "StringEquals": {"aws:RequestTag/Team": "red", "sts:SourceIdentity": "ann"},
        "ForAllValues:StringEquals": {
            "aws:TagKeys": ["Team"],
            "sts:TransitiveTagKeys": ["Team"],
        },
    }
    world.make("guarded", [READS], Condition=only_red)
    good = {"Tags": tags(Team="red"), "SourceIdentity": "ann", "TransitiveTagKeys": ["Team"]}
    assert world.assume("guarded", **good)["SourceIdentity"] == "ann"
    for bad in (
        {"Tags": tags(Team="blue")},
        {"Tags": tags(Team="red", More="x")},
        {"SourceIdentity": "bob"},
        {"Tags": tags(Team="red", More="x"), "TransitiveTagKeys": ["More"]},
    ):
        code, _ = error_of(
            world.sts.assume_role,
            RoleArn=world.arn("guarded"),
            RoleSessionName="me",
            **good | bad,
        )
        assert code == "AccessDenied"


@pytest.mark.parametrize(
    "given, text",
    [
        ({"Tags": tags(Team="a", tEAM="b")}, "Duplicate tag keys found"),
        ({"Tags": tags(**{"aws:x": "a"})}, "reserved"),
        ({"TransitiveTagKeys": ["Team"]}, "must be included in the requested tags"),
    ],
)
def test_tags_that_are_none(world, given, text):
    code, message = error_of(
        world.sts.assume_role, RoleArn=world.arn("worker"), RoleSessionName="me", **given
    )
    assert code == "InvalidParameterValue" and text in message


def test_what_a_session_hands_on(world):
    world.make("next", [allow(["s3:*", "sts:*"])])
    first = world.session(
        Tags=tags(Team="red", Own="x"), TransitiveTagKeys=["team"], SourceIdentity="ann"
    )
    world.iam.put_role_policy(
        RoleName="next",
        PolicyName="p",
        PolicyDocument=document(
            allow("sts:*"),
            allow(
                "s3:*",
                Condition={
                    "StringEquals": {"aws:PrincipalTag/Team": "red", "aws:SourceIdentity": "ann"},
                    "Null": {"aws:PrincipalTag/Own": "true"},
                },
            ),
        ),
    )
    answer = world.assume("next", by=first)
    assert answer["SourceIdentity"] == "ann"
    second = answer["Credentials"]
    assert world.client("s3", second).get_object(Bucket=BUCKET, Key="red/k")
    third = world.session("next", by=second, Tags=tags(More="y"), SourceIdentity="ann")
    assert world.client("s3", third).get_object(Bucket=BUCKET, Key="red/k")
    again = {"RoleArn": world.arn("next"), "RoleSessionName": "me"}
    sts = world.client("sts", second)
    assert error_of(sts.assume_role, **again, Tags=tags(tEam="blue"))[0] == "InvalidParameterValue"
    assert error_of(sts.assume_role, **again, SourceIdentity="bob")[0] == "AccessDenied"
    # What is handed on is asked for beside what the caller adds.
    world.iam.update_assume_role_policy(
        RoleName="next",
        PolicyDocument=document(
            {"Effect": "Allow", "Principal": world.here, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": world.here, "Action": "sts:SetSourceIdentity"},
            {
                "Effect": "Allow",
                "Principal": world.here,
                "Action": "sts:TagSession",
                "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["More"]}},
            },
        ),
    )
    assert error_of(sts.assume_role, **again, Tags=tags(More="y"))[0] == "AccessDenied"
    # What is handed on needs the same trust as what is asked for.
    for missing in ("sts:TagSession", "sts:SetSourceIdentity"):
        world.iam.update_assume_role_policy(
            RoleName="next",
            PolicyDocument=document(
                {
                    "Effect": "Allow",
                    "Principal": world.here,
                    "Action": [a for a in MARKING if a != missing],
                }
            ),
        )
        code, text = error_of(sts.assume_role, **again)
        assert code == "AccessDenied" and missing in text


def test_the_marks_outlive_a_restart_and_are_in_the_records(fresh_server):
    world = World(fresh_server)
    by_sid = document(READS | {"Sid": "Reads"})
    answer = world.assume(
        Policy=by_sid,
        Tags=tags(Team="red"),
        SourceIdentity="ann",
        TransitiveTagKeys=["Team"],
    )
    asked = answer["ResponseMetadata"]["RequestId"]
    fresh_server.stop()
    fresh_server.start()
    s3 = world.server.client("s3", session=answer["Credentials"])
    used = s3.head_object(Bucket=BUCKET, Key="red/k")["ResponseMetadata"]["RequestId"]
    assert error_of(s3.put_object, Bucket=BUCKET, Key="red/k", Body=b"")[0] == "AccessDenied"
    records = {r["requestID"]: r for r in records_of(fresh_server)}
    assert records[used]["userIdentity"]["sessionContext"]["sourceIdentity"] == "ann"
    assert {"policyType": "session", "policy": "session policy", "sid": "Reads"} in records[used][
        "additionalEventData"
    ]["determiningStatements"]
    assert records[asked]["requestParameters"] == {
        "roleArn": world.arn("worker"),
        "roleSessionName": "me",
        "policy": by_sid,
        "sourceIdentity": "ann",
        "tags": [{"key": "Team", "value": "red"}],
        "transitiveTagKeys": ["Team"],
    }
    shown = records[asked]["responseElements"]
    assert (
        shown["packedPolicySize"] == answer["PackedPolicySize"] and shown["sourceIdentity"] == "ann"
    )
    assert answer["Credentials"]["SessionToken"] not in json.dumps(records[asked])


def test_the_aws_cli_narrows_a_session(world):
    got = json.loads(
        world.server.run(
            "aws",
            "sts",
            "assume-role",
            "--role-arn",
            world.arn("worker"),
            "--role-session-name",
            "cli",
            "--policy",
            document(READS),
            "--tags",
            "Key=Team,Value=red",
            "--source-identity",
            "ann",
        ).stdout
    )
    assert got["PackedPolicySize"] > 0 and got["SourceIdentity"] == "ann"
    s3 = world.client("s3", got["Credentials"])
    assert error_of(s3.list_buckets)[0] == "AccessDenied"

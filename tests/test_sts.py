# SPDX-License-Identifier: Apache-2.0
"""Sessions: who gets one, for how long, and what ends it."""
import datetime
import json

import botocore.exceptions
import pytest

import wire
from clock import ahead, signing
from conftest import Server


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def account(server):
    return server.endpoint["account_id"]


@pytest.fixture(scope="module")
def roles(server, account):
    """open: whoever IAM lets; closed: nobody; guarded: with the right external id."""
    iam, here = server.client("iam"), {"AWS": f"arn:aws:iam::{account}:root"}

    def make(name, statement, **more):
        return iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": here, "Action": "sts:AssumeRole", **statement}
            ),
            **more,
        )["Role"]["Arn"]

    made = {
        "open": make("open", {}, MaxSessionDuration=7200),
        "closed": make("closed", {"Principal": {"Service": "ec2.amazonaws.com"}}),
        "guarded": make(
            "guarded",
            {"Condition": {"StringEquals": {"sts:ExternalId": "open sesame".replace(" ", "-")}}},
        ),
    }
    iam.put_role_policy(
        RoleName="open",
        PolicyName="p",
        PolicyDocument=document(
            {
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "s3:ListAllMyBuckets"],
                "Resource": "*",
            }
        ),
    )
    return made


@pytest.fixture(scope="module")
def sts(server):
    return server.client("sts", parameter_validation=False)


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_session_says_whose_it_is(server, sts, roles, account):
    got = sts.assume_role(RoleArn=roles["open"], RoleSessionName="me", DurationSeconds=900)
    assert got["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/open/me" and got[
        "AssumedRoleUser"
    ]["AssumedRoleId"].endswith(":me")
    assert (
        got["Credentials"]["AccessKeyId"].startswith("ASIA")
        and len(got["Credentials"]["AccessKeyId"]) == 20
    )
    left = got["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15)
    who = server.client("sts", session=got["Credentials"]).get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (
        got["AssumedRoleUser"]["Arn"],
        got["AssumedRoleUser"]["AssumedRoleId"],
        account,
    )


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"RoleSessionName": "x"}, "roleSessionName"),
        ({"RoleSessionName": "x" * 65}, "roleSessionName"),
        ({"RoleSessionName": "a b"}, "regular expression"),
        ({"RoleSessionName": "a/b"}, "regular expression"),
        ({"RoleArn": "x"}, "is invalid"),
        ({"RoleArn": "arn:aws:iam::000000000000:user/bob"}, "is invalid"),
        ({"DurationSeconds": 899}, "greater than or equal to 900"),
        ({"DurationSeconds": 43201}, "less than or equal to 43200"),
        ({"DurationSeconds": 7201}, "exceeds the MaxSessionDuration"),
        ({"ExternalId": "x"}, "externalId"),
        ({"ExternalId": "x" * 1225}, "externalId"),
        ({"Policy": ""}, "'policy'"),
        ({"Policy": "x" * 2049}, "'policy'"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/Nothing"}]}, "does not exist"),
        ({"PolicyArns": [{"arn": "x"}]}, "'policyArns'"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/X"}] * 11}, "less than or equal to 10"),
        ({"Tags": [{"Key": "a"}]}, "a Key and a Value"),
        ({"Tags": [{"Key": "", "Value": "b"}]}, "key of a session tag"),
        ({"Tags": [{"Key": "a" * 129, "Value": "b"}]}, "key of a session tag"),
        ({"Tags": [{"Key": "a", "Value": "b" * 257}]}, "value of a session tag"),
        ({"Tags": [{"Key": "a", "Value": "<b>"}]}, "value of a session tag"),
        ({"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, "less than or equal to 50"),
        ({"SourceIdentity": "m"}, "'sourceIdentity'"),
        ({"SourceIdentity": "m" * 65}, "'sourceIdentity'"),
        ({"SourceIdentity": "m e"}, "'sourceIdentity'"),
        ({"SerialNumber": "arn:aws:iam::0:mfa/x", "TokenCode": "123456"}, "not implemented"),
        ({"TokenCode": "123456"}, "not implemented"),
        ({"ProvidedContexts": [{"ProviderArn": "x", "ContextAssertion": "y"}]}, "not implemented"),
    ],
)
def test_what_a_session_may_not_be(sts, roles, arguments, text):
    got, message = error_of(
        sts.assume_role, **{"RoleArn": roles["open"], "RoleSessionName": "me"} | arguments
    )
    assert got == "ValidationError" and text in message


def test_the_longest_sessions(server, sts, roles):
    assert sts.assume_role(RoleArn=roles["open"], RoleSessionName="x" * 64, DurationSeconds=7200)[
        "Credentials"
    ]
    chained = server.client("sts", role="open")
    assert chained.assume_role(RoleArn=roles["open"], RoleSessionName="me", DurationSeconds=3600)[
        "Credentials"
    ]
    assert error_of(
        chained.assume_role, RoleArn=roles["open"], RoleSessionName="me", DurationSeconds=3601
    ) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
        "role chaining",
    )


def test_a_missing_role_is_denied_like_a_closed_one(sts, roles, account):
    texts = {}
    for name, arn in (
        ("closed", roles["closed"]),
        ("never-was", f"arn:aws:iam::{account}:role/never-was"),
        ("open", f"arn:aws:iam::{account}:role/other-path/open"),
        ("foreign", "arn:aws:iam::111111111111:role/open"),
    ):
        got, text = error_of(sts.assume_role, RoleArn=arn, RoleSessionName="me")
        assert got == "AccessDenied"
        texts[name] = text.replace(arn, "ARN")
    assert (
        len(set(texts.values())) == 1
        and "is not authorized to perform: sts:AssumeRole on resource: ARN" in texts["closed"]
    )


def test_the_external_id_is_a_condition(sts, roles, code):
    assert sts.assume_role(
        RoleArn=roles["guarded"], RoleSessionName="me", ExternalId="open-sesame"
    )["Credentials"]
    assert (
        code(
            sts.assume_role,
            RoleArn=roles["guarded"],
            RoleSessionName="me",
            ExternalId="open-barley",
        )
        == "AccessDenied"
    )
    assert code(sts.assume_role, RoleArn=roles["guarded"], RoleSessionName="me") == "AccessDenied"


def test_who_am_i_works_by_get(server):
    one, session = wire.Wire(server), server.session()
    answer = one.ask(
        wire.Call("sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}, b""), session
    )
    assert answer.status == 200 and b":assumed-role/sluice-operator/" in answer.body
    presigned = (
        server.client("sts")
        .generate_presigned_url("get_caller_identity", HttpMethod="GET")
        .removeprefix(server.endpoint["endpoint"])
    )
    answer = one.send(wire.Call("sts", "GET", presigned, {}, b""), {})
    assert answer.status == 200 and b":assumed-role/sluice-operator/" in answer.body


def test_sessions_are_revoked_by_their_time_of_issue(server, roles, code):
    iam, old = server.client("iam"), server.client("s3", role="open")
    assert old.list_buckets()
    future = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    past = "2020-01-01T00:00:00Z"
    for cutoff, wanted in ((past, None), (future, "AccessDenied")):
        iam.put_role_policy(
            RoleName="open",
            PolicyName="AWSRevokeOlderSessions",
            PolicyDocument=document(
                {
                    "Effect": "Deny",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"DateLessThan": {"aws:TokenIssueTime": cutoff}},
                }
            ),
        )
        if wanted:
            assert code(old.list_buckets) == wanted
        else:
            assert old.list_buckets()
    iam.delete_role_policy(RoleName="open", PolicyName="AWSRevokeOlderSessions")
    assert old.list_buckets()


def test_a_session_ends_with_its_role(server, account, code):
    iam = server.client("iam")
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    iam.create_role(RoleName="mayfly", AssumeRolePolicyDocument=trust)
    session = server.session("mayfly")
    assert server.client("sts", session=session).get_caller_identity()
    iam.delete_role(RoleName="mayfly")
    for service, call, wanted in (
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidToken"),
        ("kms", "list_keys", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
    ):
        assert code(getattr(server.client(service, session=session), call)) == wanted


def test_a_session_of_another_server_is_refused(server, tmp_path, code):
    other = Server(tmp_path).start()
    foreign = other.session()
    assert other.stop() == 0
    for service, call, wanted in (
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidToken"),
        ("kms", "list_keys", "UnrecognizedClientException"),
    ):
        assert code(getattr(server.client(service, session=foreign), call)) == wanted


def test_a_session_ends_at_its_time_and_outlives_a_restart(fresh_server, code):
    server = fresh_server
    session = server.session()
    server.stop()
    server.start(**ahead(minutes=55))
    with signing(minutes=55):
        assert server.client("sts", session=session).get_caller_identity()
    server.stop()
    server.start(**ahead(minutes=61))
    for late in (0, 61):  # whatever time the client signs for
        with signing(minutes=late):
            for service, call, wanted in (
                ("sts", "get_caller_identity", "ExpiredToken"),
                ("s3", "list_buckets", "ExpiredToken"),
                ("kms", "list_keys", "ExpiredTokenException"),
                ("dynamodb", "list_tables", "ExpiredTokenException"),
                ("lambda", "list_functions", "ExpiredTokenException"),
            ):
                assert code(getattr(server.client(service, session=session), call)) == wanted
    with signing(minutes=61):
        assert server.client("sts").get_caller_identity()

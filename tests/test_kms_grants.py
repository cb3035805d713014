# SPDX-License-Identifier: Apache-2.0
"""Grants over the wire: what they open beside the policies, to whom, and who ends them."""
import json

import pytest

from keys import account_of, error_of, key_policy, role


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


@pytest.fixture
def key(kms, server):
    """A key that opens itself to the operator alone: no policy of a role counts."""
    return kms.create_key(Policy=key_policy(server))["KeyMetadata"]["KeyId"]


@pytest.fixture(scope="module")
def friend(server):
    """A role with no right at all, and its client."""
    return role(server, "friend")


@pytest.fixture(scope="module")
def other(server):
    return role(server, "other-friend")


def grant(kms, key, to, *operations, **more):
    return kms.create_grant(
        KeyId=key,
        GranteePrincipal=to,
        Operations=list(operations or ["Encrypt", "Decrypt"]),
        **more,
    )


def grants_of(kms, key, **filters):
    return kms.list_grants(KeyId=key, **filters)["Grants"]


def test_a_grant_opens_what_it_lists_and_ends_at_once(kms, server, key, friend, other, code):
    arn, client = friend
    assert code(client.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    made = grant(kms, key, arn, "Encrypt")
    assert len(made["GrantId"]) == 64 and made["GrantToken"]
    blob = client.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert code(client.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    assert code(client.describe_key, KeyId=key) == "AccessDeniedException"
    assert code(other[1].encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    second = kms.create_key(Policy=key_policy(server))["KeyMetadata"]["KeyId"]
    assert code(client.encrypt, KeyId=second, Plaintext=b"x") == "AccessDeniedException"
    shown = grants_of(kms, key)
    assert len(shown) == 1 and shown[0].pop("CreationDate")
    assert shown == [
        {
            "KeyId": kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"],
            "GrantId": made["GrantId"],
            "GranteePrincipal": arn,
            "IssuingAccount": f"arn:aws:iam::{account_of(server)}:root",
            "Operations": ["Encrypt"],
        }
    ]
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert code(client.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert grants_of(kms, key) == []
    assert error_of(kms.revoke_grant, KeyId=key, GrantId=made["GrantId"]) == (
        "NotFoundException",
        f"Grant ID {made['GrantId']} not found",
    )


def test_an_explicit_deny_wins_over_a_grant(kms, server, key, code):
    arn, client = role(
        server, "denied", {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"}
    )
    grant(kms, key, arn)
    assert code(client.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    free, opened = role(server, "denied-by-key")
    grant(kms, key, free)
    blob = opened.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.put_key_policy(
        KeyId=key,
        Policy=key_policy(
            server,
            {
                "Effect": "Deny",
                "Principal": {"AWS": free},
                "Action": "kms:Encrypt",
                "Resource": "*",
            },
        ),
    )
    assert code(opened.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert opened.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_constraints_bind_the_encryption_context(kms, key, friend, code):
    arn, client = friend

    def may(**context):
        try:
            client.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
            return True
        except client.exceptions.ClientError as refused:
            assert refused.response["Error"]["Code"] == "AccessDeniedException"
            return False

    exact = grant(kms, key, arn, Constraints={"EncryptionContextEquals": {"App": "a", "env": "b"}})[
        "GrantId"
    ]
    assert grants_of(kms, key)[0]["Constraints"] == {
        "EncryptionContextEquals": {"App": "a", "env": "b"}
    }
    # The names have no case in a constraint; the values do.
    assert may(App="a", env="b") and may(app="a", ENV="b")
    for wrong in ({}, {"App": "a"}, {"App": "a", "env": "B"}, {"App": "a", "env": "b", "c": "d"}):
        assert not may(**wrong), wrong
    kms.revoke_grant(KeyId=key, GrantId=exact)
    grant(
        kms,
        key,
        arn,
        "Encrypt",
        "DescribeKey",
        Constraints={"EncryptionContextSubset": {"App": "a"}},
    )
    assert may(App="a") and may(app="a", more="yes")
    for wrong in ({}, {"App": "b"}, {"other": "a"}):
        assert not may(**wrong), wrong
    assert client.describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key  # has no context


def test_the_limits_and_rules_of_a_grant(kms, server, key, friend, code):
    arn, _ = friend
    loose = server.client("kms", parameter_validation=False)
    eight = {f"n{n}": "v" * 384 for n in range(8)}
    for kind in ("EncryptionContextEquals", "EncryptionContextSubset"):
        assert grant(kms, key, arn, Constraints={kind: eight})
        assert code(grant, kms=kms, key=key, to=arn, Constraints={kind: eight | {"n8": "v"}}) == (
            "ValidationException"
        )
        assert code(grant, kms=kms, key=key, to=arn, Constraints={kind: {"a": "v" * 385}}) == (
            "ValidationException"
        )
        assert code(grant, kms=kms, key=key, to=arn, Constraints={kind: {}}) == (
            "ValidationException"
        )
    assert grant(kms, key, arn, Name="a" * 256)
    for wrong in (
        {"Name": "a" * 257},
        {"Name": ""},
        {"Name": "no blanks"},
        {"Operations": []},
        {"Operations": ["Fly"]},
        {"GranteePrincipal": "a" * 257},
        {"GrantTokens": [""]},
        {"GrantTokens": ["a" * 8193]},
    ):
        arguments = {"KeyId": key, "GranteePrincipal": arn, "Operations": ["Encrypt"]} | wrong
        assert code(loose.create_grant, **arguments) == "ValidationException", wrong
    account = account_of(server)
    for wrong in (
        "friend",
        "s3.amazonaws.com",
        "*",
        account,
        f"arn:aws:iam::{account}:role/never-was",
        f"arn:aws:iam::{account}:user/x",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws:s3:::bucket",
    ):
        for member in ("GranteePrincipal", "RetiringPrincipal"):
            arguments = {"KeyId": key, "GranteePrincipal": arn, "Operations": ["Encrypt"]}
            assert (
                code(kms.create_grant, **arguments | {member: wrong}) == "InvalidArnException"
            ), wrong
    kms.create_alias(AliasName="alias/of-granted", TargetKeyId=key)
    assert code(grant, kms=kms, key="alias/of-granted", to=arn) == "InvalidArnException"
    own = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"]
    assert code(grant, kms=kms, key=own, to=arn) == "AccessDeniedException"
    assert code(loose.list_grants, KeyId=key, Limit=101) == "ValidationException"
    assert code(loose.revoke_grant, KeyId=key, GrantId="a" * 129) == "InvalidGrantIdException"
    assert code(kms.list_grants, KeyId=key, GrantId="0" * 64) == "NotFoundException"


def test_a_name_makes_a_grant_once(kms, key, friend):
    arn, _ = friend
    first = grant(kms, key, arn, Name="once")
    again = grant(kms, key, arn, Name="once")
    assert again["GrantId"] == first["GrantId"] and again["GrantToken"] != first["GrantToken"]
    assert grant(kms, key, arn, "Encrypt", Name="once")["GrantId"] != first["GrantId"]
    assert grant(kms, key, arn)["GrantId"] != grant(kms, key, arn)["GrantId"]
    assert [g.get("Name") for g in grants_of(kms, key, GrantId=first["GrantId"])] == ["once"]
    assert len(grants_of(kms, key)) == 4


def test_grants_are_listed_in_pages_and_by_whom_they_are_for(kms, key, friend, other):
    one, two = friend[0], other[0]
    made = {grant(kms, key, one)["GrantId"] for _ in range(5)}
    theirs = {grant(kms, key, two, RetiringPrincipal=one)["GrantId"] for _ in range(3)}
    for size in (1, 3, 100):
        pages = kms.get_paginator("list_grants").paginate(
            KeyId=key, PaginationConfig={"PageSize": size}
        )
        listed = [g["GrantId"] for page in pages for g in page["Grants"]]
        assert sorted(listed) == sorted(made | theirs)
        pages = kms.get_paginator("list_grants").paginate(
            KeyId=key, GranteePrincipal=two, PaginationConfig={"PageSize": size}
        )
        listed = [g["GrantId"] for page in pages for g in page["Grants"]]
        assert sorted(listed) == sorted(theirs)
        listed, marker = [], {}
        while True:
            page = kms.list_retirable_grants(RetiringPrincipal=one, Limit=size, **marker)
            listed += [g["GrantId"] for g in page["Grants"]]
            if not page["Truncated"]:
                break
            marker = {"Marker": page["NextMarker"]}
        assert sorted(listed) == sorted(theirs)
    assert kms.list_retirable_grants(RetiringPrincipal=two)["Grants"] == []


def test_who_may_retire_a_grant(kms, server, key, friend, other, code):
    """Its retiring principal, its grantee if it says so, and the account by its IAM policies; the
    policy of the key has no say."""
    arn, client = friend
    retirer, retiring = other
    _, stranger = role(server, "no-retirer")
    made = grant(kms, key, arn, RetiringPrincipal=retirer)
    assert grants_of(kms, key)[0]["RetiringPrincipal"] == retirer
    for nobody in (client, stranger):
        assert code(nobody.retire_grant, KeyId=key, GrantId=made["GrantId"]) == (
            "AccessDeniedException"
        )
        assert code(nobody.retire_grant, GrantToken=made["GrantToken"]) == "AccessDeniedException"
    retiring.retire_grant(GrantToken=made["GrantToken"])
    assert grants_of(kms, key) == []
    assert code(retiring.retire_grant, GrantToken=made["GrantToken"]) == "NotFoundException"
    made = grant(kms, key, arn, "Encrypt", "RetireGrant")
    client.retire_grant(KeyId=key, GrantId=made["GrantId"])
    assert grants_of(kms, key) == []
    made = grant(kms, key, arn)
    named, by_key = role(server, "named-by-key")
    kms.put_key_policy(
        KeyId=key,
        Policy=key_policy(
            server,
            {"Effect": "Allow", "Principal": {"AWS": named}, "Action": "kms:*", "Resource": "*"},
        ),
    )
    assert code(by_key.retire_grant, KeyId=key, GrantId=made["GrantId"]) == "AccessDeniedException"
    _, account = role(
        server, "by-account", {"Effect": "Allow", "Action": "kms:RetireGrant", "Resource": "*"}
    )
    account.retire_grant(KeyId=key, GrantId=made["GrantId"])
    assert code(kms.retire_grant, KeyId=key, GrantId=made["GrantId"]) == "NotFoundException"
    assert code(kms.retire_grant, GrantToken="nonsense") == "InvalidGrantTokenException"
    assert code(kms.retire_grant, GrantId="0" * 64) == "ValidationException"
    assert code(kms.retire_grant) == "ValidationException"


def test_a_grant_of_grants_is_handed_on_but_not_widened(kms, server, key, friend, other, code):
    arn, client = friend
    target, served = other
    grant(
        kms,
        key,
        arn,
        "Encrypt",
        "CreateGrant",
        Constraints={"EncryptionContextSubset": {"app": "a"}},
    )
    within = {"EncryptionContextSubset": {"app": "a", "more": "b"}}
    for wrong in (
        {},
        {"Constraints": {"EncryptionContextSubset": {"app": "b"}}},
        {"Constraints": {"EncryptionContextEquals": {"other": "a"}}},
    ):
        assert code(grant, kms=client, key=key, to=target, **wrong) == "AccessDeniedException"
    arguments = {"KeyId": key, "GranteePrincipal": target, "Constraints": within}
    assert (
        code(client.create_grant, Operations=["Encrypt", "Decrypt"], **arguments)
        == "AccessDeniedException"
    )
    assert client.create_grant(Operations=["Encrypt"], **arguments)["GrantId"]
    assert served.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"app": "a", "more": "b"})
    assert code(served.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"app": "a"}) == (
        "AccessDeniedException"
    )
    exact = {"EncryptionContextEquals": {"app": "a"}}
    assert client.create_grant(
        Operations=["Encrypt", "CreateGrant"], KeyId=key, GranteePrincipal=target, Constraints=exact
    )
    # Of an exact one only the same can come.
    assert code(
        served.create_grant,
        Operations=["Encrypt"],
        KeyId=key,
        GranteePrincipal=arn,
        Constraints=within,
    ) == ("AccessDeniedException")
    assert served.create_grant(
        Operations=["Encrypt"], KeyId=key, GranteePrincipal=arn, Constraints=exact
    )


def test_a_grant_for_a_session_or_for_the_account(kms, server, key, friend, code):
    """A session's grant is that session's; the account's needs an IAM policy beside it."""
    arn, client = friend
    me = server.client("sts", role="friend").get_caller_identity()["Arn"]
    name = me.rsplit("/", 1)[1]
    made = grant(kms, key, me.replace(name, "another-session"))
    assert code(client.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    grant(kms, key, me)
    mine = server.client("kms", session=server.session("friend"))
    assert mine.encrypt(KeyId=key, Plaintext=b"x")
    for one in grants_of(kms, key):
        kms.revoke_grant(KeyId=key, GrantId=one["GrantId"])
    grant(kms, key, f"arn:aws:iam::{account_of(server)}:root")
    assert code(client.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    _, with_policy = role(
        server, "with-policy", {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
    )
    assert with_policy.encrypt(KeyId=key, Plaintext=b"x")
    assert made


def test_a_role_made_anew_does_not_inherit_the_grant(kms, server, key, code):
    arn, _ = role(server, "granted-once")
    grant(kms, key, arn)
    server.client("iam").delete_role(RoleName="granted-once")
    assert grants_of(kms, key)[0]["GranteePrincipal"].startswith("AROA")
    _, again = role(server, "granted-once")
    assert code(again.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_tokens_are_ours_or_refused(kms, key, friend, code):
    arn, client = friend
    token = grant(kms, key, arn)["GrantToken"]
    assert client.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[token])
    blob = client.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert client.decrypt(CiphertextBlob=blob, GrantTokens=[token] * 10)["Plaintext"] == b"x"
    assert kms.describe_key(KeyId=key, GrantTokens=[token])
    for wrong in ("x", token[:-8] + "AAAAAAA=", token[4:]):
        assert code(client.decrypt, CiphertextBlob=blob, GrantTokens=[wrong]) == (
            "InvalidGrantTokenException"
        )
    assert code(client.decrypt, CiphertextBlob=blob, GrantTokens=[token] * 11) == (
        "ValidationException"
    )


def test_the_states_of_a_key_and_its_grants(kms, key, friend, code):
    arn, client = friend
    ids = [grant(kms, key, arn)["GrantId"] for _ in range(4)]
    kms.disable_key(KeyId=key)
    assert code(grant, kms=kms, key=key, to=arn) == "DisabledException"
    assert code(client.encrypt, KeyId=key, Plaintext=b"x") == "DisabledException"
    kms.revoke_grant(KeyId=key, GrantId=ids[0])
    kms.retire_grant(KeyId=key, GrantId=ids[1])
    kms.schedule_key_deletion(KeyId=key)
    assert code(grant, kms=kms, key=key, to=arn) == "KMSInvalidStateException"
    kms.revoke_grant(KeyId=key, GrantId=ids[2])
    assert [g["GrantId"] for g in grants_of(kms, key)] == [ids[3]]


def test_conditions_on_who_may_make_grants(kms, server, friend, other, code):
    """The condition keys of CreateGrant, each with a value that passes and one that does not."""
    arn, target = friend[0], other[0]
    account = account_of(server)
    maker_arn, maker = role(server, "maker")
    base = {"GranteePrincipal": target, "Operations": ["Encrypt"]}
    for condition, passes, fails in (
        (
            {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}},
            {"Operations": ["Encrypt", "Decrypt"]},
            {"Operations": ["Encrypt", "DescribeKey"]},
        ),
        (
            {"StringEquals": {"kms:GranteePrincipal": target}},
            {},
            {"GranteePrincipal": arn},
        ),
        (
            {"StringEquals": {"kms:RetiringPrincipal": target}},
            {"RetiringPrincipal": target},
            {"RetiringPrincipal": arn},
        ),
        (
            {"ForAnyValue:StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}},
            {"Constraints": {"EncryptionContextEquals": {"a": "b"}}},
            {"Constraints": {"EncryptionContextSubset": {"a": "b"}}},
        ),
        (
            {"StringEquals": {"kms:EncryptionContext:a": "b"}},
            {"Constraints": {"EncryptionContextSubset": {"a": "b"}}},
            {"Constraints": {"EncryptionContextSubset": {"a": "c"}}},
        ),
        ({"StringEquals": {"kms:CallerAccount": account}}, {}, None),
        ({"Bool": {"kms:GrantIsForAWSResource": "true"}}, None, {}),
        ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, None, {}),
    ):
        key = kms.create_key(
            Policy=key_policy(
                server,
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": maker_arn},
                    "Action": "kms:CreateGrant",
                    "Resource": "*",
                    "Condition": condition,
                },
            )
        )["KeyMetadata"]["KeyId"]
        if passes is not None:
            assert maker.create_grant(KeyId=key, **base | passes), condition
        if fails is not None:
            assert code(maker.create_grant, KeyId=key, **base | fails) == (
                "AccessDeniedException"
            ), condition


def test_objects_are_read_and_written_by_right_of_a_grant(kms, server, key, code):
    """S3 asks for the caller's right on the key: a grant gives it, and takes it away."""
    arn, _ = role(server, "by-grant", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    s3, bucket = server.client("s3", role="by-grant"), "by-grant"
    server.client("s3").create_bucket(Bucket=bucket)
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    put = {"Bucket": bucket, "Key": "k", "Body": b"x", **sealed}
    assert code(s3.put_object, **put) == "AccessDenied"
    made = grant(
        kms,
        key,
        arn,
        "GenerateDataKey",
        "Decrypt",
        Constraints={"EncryptionContextEquals": {"aws:s3:arn": f"arn:aws:s3:::{bucket}/k"}},
    )
    s3.put_object(**put)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert code(s3.put_object, **put | {"Key": "elsewhere"}) == "AccessDenied"
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert code(s3.get_object, Bucket=bucket, Key="k") == "AccessDenied"


def test_the_record_names_the_grant_that_allowed(kms, server, key, friend):
    arn, client = friend
    made = grant(
        kms, key, arn, "Encrypt", Constraints={"EncryptionContextSubset": {"App": "a"}}, Name="n"
    )
    client.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"App": "a"})

    def newest(name):
        found = server.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=1
        )
        return json.loads(found["Events"][0]["CloudTrailEvent"])

    assert newest("Encrypt")["additionalEventData"]["determiningStatements"] == [
        {"policyType": "grant", "policy": made["GrantId"]}
    ]
    record = newest("CreateGrant")
    assert record["requestParameters"] == {
        "keyId": key,
        "granteePrincipal": arn,
        "operations": ["Encrypt"],
        "name": "n",
        "constraints": {"encryptionContextSubset": {"App": "a"}},
    }
    assert record["responseElements"] == {
        "grantId": made["GrantId"],
        "keyId": kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"],
    }
    assert made["GrantToken"] not in json.dumps(record)


def test_a_dry_run_makes_and_ends_nothing(kms, server, key, friend, code):
    arn, client = friend
    made = grant(kms, key, arn)
    assert code(grant, kms=kms, key=key, to=arn, DryRun=True) == "DryRunOperationException"
    assert code(grant, kms=client, key=key, to=arn, DryRun=True) == "AccessDeniedException"
    for end in (kms.revoke_grant, kms.retire_grant):
        assert code(end, KeyId=key, GrantId=made["GrantId"], DryRun=True) == (
            "DryRunOperationException"
        )
    assert [g["GrantId"] for g in grants_of(kms, key)] == [made["GrantId"]]
    blob = client.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for call, arguments in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.re_encrypt, {"CiphertextBlob": blob, "DestinationKeyId": key}),
        (kms.generate_data_key, {"KeyId": key, "KeySpec": "AES_256"}),
        (kms.generate_data_key_without_plaintext, {"KeyId": key, "KeySpec": "AES_256"}),
    ):
        call(**arguments, DryRun=False)
        assert code(call, **arguments, DryRun=True) == "DryRunOperationException"
    assert code(client.generate_data_key, KeyId=key, KeySpec="AES_256", DryRun=True) == (
        "AccessDeniedException"
    )
    assert code(kms.decrypt, CiphertextBlob=blob[:-1] + b"x", DryRun=True) == (
        "InvalidCiphertextException"
    )
    kms.disable_key(KeyId=key)
    assert code(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True) == "DisabledException"

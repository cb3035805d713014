# SPDX-License-Identifier: Apache-2.0
"""Keys over the wire: who may use them, in which state, and what a ciphertext is good for."""
import json
import signal

import pytest

from clock import ahead, signing
from keys import account_of, error_of, key_policy, role


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


def test_what_is_encrypted_is_decrypted_with_its_context_only(kms, key, code):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "1", "b": "2"})
    assert (
        sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
        and sealed["KeyId"].endswith("key/" + key)
        and b"secret" not in sealed["CiphertextBlob"]
    )
    opened = kms.decrypt(
        CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"b": "2", "a": "1"}
    )
    assert (
        opened["Plaintext"] == b"secret"
        and opened["KeyMaterialId"]
        == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    )
    for context in (
        {},
        {"a": "1"},
        {"a": "1", "b": "3"},
        {"A": "1", "b": "2"},
        {"a": "1", "b": "2", "c": ""},
    ):
        assert (
            code(kms.decrypt, CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
            == "InvalidCiphertextException"
        )


def test_every_byte_of_a_ciphertext_counts(kms, key, code):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for at in range(37, len(blob)):  # material version, nonce, bytes, tag
        assert (
            code(kms.decrypt, CiphertextBlob=blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :])
            == "InvalidCiphertextException"
        )
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    assert (
        code(kms.decrypt, CiphertextBlob=blob.replace(key.encode(), other.encode()))
        == "InvalidCiphertextException"
    )
    assert (
        code(kms.decrypt, CiphertextBlob=blob.replace(key.encode(), b"0" * 36))
        == "AccessDeniedException"
    )


def test_the_limits_of_plaintext_ciphertext_and_data_keys(kms, key, code):
    assert kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)["CiphertextBlob"]
    assert code(kms.encrypt, KeyId=key, Plaintext=b"x" * 4097) == "ValidationException"
    assert code(kms.decrypt, CiphertextBlob=b"x" * 6145) == "ValidationException"
    assert code(kms.decrypt, CiphertextBlob=b"x" * 6144) == "InvalidCiphertextException"
    assert len(kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]) == 32
    assert len(kms.generate_data_key(KeyId=key, KeySpec="AES_128")["Plaintext"]) == 16
    made = kms.generate_data_key(KeyId=key, NumberOfBytes=1024)
    assert (
        len(made["Plaintext"]) == 1024
        and kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    )
    assert "Plaintext" not in kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    assert error_of(kms.generate_data_key, KeyId=key) == (
        "ValidationException",
        "Please specify either number of bytes or key spec.",
    )
    assert (
        code(kms.generate_data_key, KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
        == "ValidationException"
    )
    assert error_of(kms.generate_data_key, KeyId=key, NumberOfBytes=1025)[1].endswith(
        "Member must have value less than or equal to 1024"
    )
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    assert error_of(kms.generate_random) == ("ValidationException", "NumberOfBytes is required.")
    assert code(kms.generate_random, NumberOfBytes=1025) == "ValidationException"


def test_a_decryption_names_the_right_key_or_none(kms, key, code):
    blob, other = (
        kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"],
        kms.create_key()["KeyMetadata"]["KeyId"],
    )
    assert kms.decrypt(CiphertextBlob=blob, KeyId=key)["Plaintext"] == b"x"
    assert error_of(kms.decrypt, CiphertextBlob=blob, KeyId=other) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def test_what_is_not_built_is_refused_not_ignored(kms, key, code):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert (
        code(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        == "InvalidKeyUsageException"
    )
    assert code(kms.decrypt, CiphertextBlob=blob, GrantTokens=["x"]) == "InvalidGrantTokenException"
    assert code(kms.create_key, MultiRegion=True) == "UnsupportedOperationException"
    assert (
        code(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "A": "2"})
        == "ValidationException"
    )


def tags_of(kms, key):
    return {t["TagKey"]: t["TagValue"] for t in kms.list_resource_tags(KeyId=key)["Tags"]}


def tags(**pairs):
    return [{"TagKey": key, "TagValue": value} for key, value in pairs.items()]


def test_keys_have_tags(kms, server, code):
    loose = server.client("kms", parameter_validation=False)
    key = kms.create_key(Tags=tags(Team="red", Empty=""))["KeyMetadata"]["KeyId"]
    assert tags_of(kms, key) == {"Team": "red", "Empty": ""}
    kms.tag_resource(KeyId=key, Tags=tags(Team="blue", Other="one"))
    assert tags_of(kms, key) == {"Team": "blue", "Other": "one", "Empty": ""}
    kms.untag_resource(KeyId=key, TagKeys=["Empty", "never was"])
    assert tags_of(kms, key) == {"Team": "blue", "Other": "one"}
    kms.tag_resource(KeyId=key, Tags=tags(**{f"n{n:02}": "v" for n in range(48)}))
    assert len(tags_of(kms, key)) == 50
    assert code(kms.tag_resource, KeyId=key, Tags=tags(more="v")) == "LimitExceededException"
    kms.tag_resource(KeyId=key, Tags=tags(n00="again"))
    listed, marker = [], {}
    while True:
        page = kms.list_resource_tags(KeyId=key, Limit=20, **marker)
        listed += [t["TagKey"] for t in page["Tags"]]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert listed == sorted(tags_of(kms, key)) and len(listed) == 50
    assert code(loose.list_resource_tags, KeyId=key, Limit=51) == "ValidationException"
    for wrong, answer in (
        (tags(**{"aws:x": "v"}), "TagException"),
        (tags(**{"a" * 128: "v", "a" * 127: "v" * 257}), "ValidationException"),
        (tags(**{"a" * 129: "v"}), "ValidationException"),
        (tags(**{"": "v"}), "ValidationException"),
        (tags(**{"a#b": "v"}), "TagException"),
        (tags(a="b#c"), "TagException"),
        (tags(a="v") + tags(a="w"), "TagException"),
        (tags(**{f"m{n}": "v" for n in range(51)}), "LimitExceededException"),
    ):
        assert code(loose.tag_resource, KeyId=key, Tags=wrong) == answer, wrong
        assert code(loose.create_key, Tags=wrong) == answer, wrong
    kms.untag_resource(KeyId=key, TagKeys=["n01"])
    kms.tag_resource(KeyId=key, Tags=tags(**{"a" * 128: "v" * 256}))
    # Characters count, not bytes.
    kms.untag_resource(KeyId=key, TagKeys=["a" * 128, "n02"])
    kms.tag_resource(KeyId=key, Tags=tags(**{"ä" * 128: "ü" * 256}))
    assert tags_of(kms, key)["ä" * 128] == "ü" * 256
    too_long = tags(**{"ä" * 129: "v"})
    assert code(loose.tag_resource, KeyId=key, Tags=too_long) == "ValidationException"


def test_tags_of_keys_decide(kms, server, code):
    """aws:ResourceTag and aws:RequestTag; and tags at creation need kms:TagResource as well."""
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
    _, red = role(
        server,
        "red-team",
        statement | {"Condition": {"StringEquals": {"aws:ResourceTag/Team": "red"}}},
        {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "kms:TagResource",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:RequestTag/Team": "red"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]},
            },
        },
    )
    key = kms.create_key(Tags=tags(Team="blue"))["KeyMetadata"]["KeyId"]
    assert code(red.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    kms.tag_resource(KeyId=key, Tags=tags(Team="red"))
    assert red.encrypt(KeyId=key, Plaintext=b"x")
    kms.untag_resource(KeyId=key, TagKeys=["Team"])
    assert code(red.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert red.create_key() and red.create_key(Tags=tags(Team="red"))
    for wrong in (tags(Team="blue"), tags(Team="red", More="v")):
        assert code(red.create_key, Tags=wrong) == "AccessDeniedException"
    _, untagged = role(
        server, "no-tags", {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}
    )
    assert code(untagged.create_key, Tags=tags(Team="red")) == "AccessDeniedException"


def test_reencryption_keeps_the_plaintext_inside(kms, key, code):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=other,
        DestinationEncryptionContext={"b": "2"},
    )
    assert (
        "Plaintext" not in moved
        and moved["KeyId"].endswith(other)
        and moved["SourceKeyId"].endswith(key)
    )
    assert (
        kms.decrypt(
            CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"}, KeyId=other
        )["Plaintext"]
        == b"x"
    )
    assert (
        code(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=other)
        == "InvalidCiphertextException"
    )
    assert (
        code(
            kms.re_encrypt,
            CiphertextBlob=blob,
            SourceKeyId=other,
            SourceEncryptionContext={"a": "1"},
            DestinationKeyId=other,
        )
        == "IncorrectKeyException"
    )


# KMS Developer Guide, "Key states": what each operation answers to an enabled, a disabled and a
# doomed key.
OK, DISABLED, STATE = None, "DisabledException", "KMSInvalidStateException"
STATES = {
    "encrypt": (OK, DISABLED, STATE),
    "decrypt": (OK, DISABLED, STATE),
    "generate_data_key": (OK, DISABLED, STATE),
    "generate_data_key_without_plaintext": (OK, DISABLED, STATE),
    "re_encrypt": (OK, DISABLED, STATE),
    "describe_key": (OK, OK, OK),
    "get_key_policy": (OK, OK, OK),
    "put_key_policy": (OK, OK, OK),
    "list_aliases": (OK, OK, OK),
    "list_key_policies": (OK, OK, OK),
    "list_resource_tags": (OK, OK, OK),
    "get_key_rotation_status": (OK, OK, OK),
    "list_key_rotations": (OK, OK, OK),
    "enable_key_rotation": (OK, DISABLED, STATE),
    "disable_key_rotation": (OK, DISABLED, STATE),
    "rotate_key_on_demand": (OK, DISABLED, STATE),
    "update_key_description": (OK, OK, STATE),
    "tag_resource": (OK, OK, STATE),
    "untag_resource": (OK, OK, STATE),
    "generate_data_key_pair": (OK, DISABLED, STATE),
    "list_grants": (OK, OK, OK),
    "create_alias": (OK, OK, STATE),
    "update_alias": (OK, OK, STATE),
    "delete_alias": (OK, OK, OK),
    "cancel_key_deletion": (STATE, STATE, OK),
    "enable_key": (OK, OK, STATE),
    "disable_key": (OK, OK, STATE),
    "schedule_key_deletion": (OK, OK, STATE),
}


@pytest.mark.parametrize("state", ["Enabled", "Disabled", "PendingDeletion"])
@pytest.mark.parametrize("operation", STATES)
def test_the_state_of_a_key_decides(kms, key, operation, state):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    alias, spare = "alias/of-" + key, kms.create_key()["KeyMetadata"]["KeyId"]
    if operation == "delete_alias":
        kms.create_alias(AliasName=alias, TargetKeyId=key)
    if operation == "update_alias":
        kms.create_alias(AliasName=alias, TargetKeyId=spare)
    if state == "Disabled":
        kms.disable_key(KeyId=key)
    if state == "PendingDeletion":
        answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        assert (
            answer["KeyState"] == "PendingDeletion"
            and answer["PendingWindowInDays"] == 7
            and answer["KeyId"].endswith(key)
        )
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (
        described["KeyState"] == state
        and described["Enabled"] == (state == "Enabled")
        and ("DeletionDate" in described) == (state == "PendingDeletion")
    )
    arguments = {
        "encrypt": {"KeyId": key, "Plaintext": b"x"},
        "decrypt": {"CiphertextBlob": blob},
        "re_encrypt": {"CiphertextBlob": blob, "DestinationKeyId": spare},
        "generate_data_key": {"KeyId": key, "KeySpec": "AES_256"},
        "generate_data_key_without_plaintext": {"KeyId": key, "KeySpec": "AES_256"},
        "put_key_policy": {"KeyId": key, "Policy": kms.get_key_policy(KeyId=key)["Policy"]},
        "update_key_description": {"KeyId": key, "Description": "d"},
        "tag_resource": {"KeyId": key, "Tags": [{"TagKey": "k", "TagValue": "v"}]},
        "untag_resource": {"KeyId": key, "TagKeys": ["k"]},
        "generate_data_key_pair": {"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"},
        "create_alias": {"AliasName": alias, "TargetKeyId": key},
        "update_alias": {"AliasName": alias, "TargetKeyId": key},
        "delete_alias": {"AliasName": alias},
    }.get(operation, {"KeyId": key})
    wanted = STATES[operation][["Enabled", "Disabled", "PendingDeletion"].index(state)]
    if wanted is None:
        getattr(kms, operation)(**arguments)
    else:
        got, text = error_of(getattr(kms, operation), **arguments)
        assert got == wanted
        assert text.endswith(
            {
                DISABLED: f"key/{key} is disabled.",
                STATE: "is not pending deletion."
                if operation == "cancel_key_deletion"
                else f"key/{key} is pending deletion.",
            }[wanted]
        )
    if operation == "cancel_key_deletion" and state == "PendingDeletion":
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_the_windows_of_deletion_and_rotation(kms, server, key, code):
    kms = server.client("kms", parameter_validation=False)
    assert (
        code(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=6) == "ValidationException"
    )
    assert (
        code(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=31) == "ValidationException"
    )
    assert (
        code(kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=89) == "ValidationException"
    )
    assert (
        code(kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=2561) == "ValidationException"
    )
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (
        status["KeyRotationEnabled"]
        and status["RotationPeriodInDays"] == 90
        and status["NextRotationDate"]
    )
    kms.disable_key_rotation(KeyId=key)
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_rotation_on_demand_keeps_the_old_material_for_decryption(kms, key, code):
    before = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    current = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert len(current) == 64 and current != first
    opened = kms.decrypt(CiphertextBlob=before)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"old", first)
    assert kms.generate_data_key(KeyId=key, KeySpec="AES_256")["KeyMaterialId"] == current
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [(r["KeyMaterialId"], r["RotationType"], r["KeyMaterialState"]) for r in rotations] == [
        (current, "ON_DEMAND", "CURRENT")
    ]
    assert [
        r["KeyMaterialId"]
        for r in kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")[
            "Rotations"
        ]
    ] == [first, current]
    for _ in range(24):
        kms.rotate_key_on_demand(KeyId=key)
    assert code(kms.rotate_key_on_demand, KeyId=key) == "LimitExceededException"
    pages = list(
        kms.get_paginator("list_key_rotations").paginate(
            KeyId=key, PaginationConfig={"PageSize": 10}
        )
    )
    assert [len(p["Rotations"]) for p in pages] == [10, 10, 5] and kms.decrypt(
        CiphertextBlob=before
    )["Plaintext"] == b"old"


def test_lists_come_in_pages(kms, code):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    target = sorted(made)[0]
    aliases = {f"alias/page/{n}" for n in range(5)}
    for alias in aliases:
        kms.create_alias(AliasName=alias, TargetKeyId=target)
    for size in (1, 2, 1000):
        listed = [
            k["KeyId"]
            for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": size})
            for k in page["Keys"]
        ]
        assert made <= set(listed) and len(listed) == len(set(listed))
    for size in (1, 2, 100):
        listed = [
            a["AliasName"]
            for page in kms.get_paginator("list_aliases").paginate(
                KeyId=target, PaginationConfig={"PageSize": size}
            )
            for a in page["Aliases"]
        ]
        assert sorted(listed) == sorted(aliases)
    assert code(kms.list_keys, Limit=1001) == "ValidationException"
    assert code(kms.list_aliases, Limit=101) == "ValidationException"
    assert kms.list_key_policies(KeyId=target)["PolicyNames"] == ["default"]


def test_aliases_have_rules(kms, key, code):
    assert error_of(kms.create_alias, AliasName="x", TargetKeyId=key)[1].startswith(
        'Alias must start with the prefix "alias/"'
    )
    assert (
        code(kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=key)
        == "NotAuthorizedException"
    )
    kms.create_alias(AliasName="alias/a-" + key, TargetKeyId=key)
    assert error_of(kms.create_alias, AliasName="alias/a-" + key, TargetKeyId=key) == (
        "AlreadyExistsException",
        f"An alias with the name {kms.list_aliases(KeyId=key)['Aliases'][0]['AliasArn']} "
        "already exists",
    )
    for n in range(49):
        kms.create_alias(AliasName=f"alias/{n}-{key}", TargetKeyId=key)
    assert (
        code(kms.create_alias, AliasName="alias/one-more-" + key, TargetKeyId=key)
        == "LimitExceededException"
    )
    assert code(kms.delete_alias, AliasName="alias/nobody") == "NotFoundException"
    assert code(kms.disable_key, KeyId="alias/a-" + key) == "InvalidArnException"
    assert kms.describe_key(KeyId="alias/a-" + key)["KeyMetadata"]["KeyId"] == key


def test_what_does_not_exist_is_told_as_aws_tells_it(kms, server):
    nobody = "00000000-0000-0000-0000-000000000000"
    arn = f"arn:aws:kms:us-east-1:{account_of(server)}:key/{nobody}"
    assert error_of(kms.describe_key, KeyId=nobody) == (
        "NotFoundException",
        f"Key '{arn}' does not exist",
    )
    assert error_of(kms.describe_key, KeyId="nonsense") == (
        "NotFoundException",
        "Invalid keyId 'nonsense'",
    )
    assert error_of(kms.describe_key, KeyId="alias/nobody") == (
        "NotFoundException",
        f"Alias arn:aws:kms:us-east-1:{account_of(server)}:alias/nobody is not found.",
    )
    assert (
        error_of(kms.describe_key, KeyId=arn.replace("us-east-1", "eu-west-1"))[0]
        == "NotFoundException"
    )


def test_without_the_key_policy_iam_opens_no_key(kms, server, code):
    _, other = role(server, "iam-only", {"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    closed = kms.create_key(Policy=key_policy(server))["KeyMetadata"]["KeyId"]
    assert code(other.encrypt, KeyId=closed, Plaintext=b"x") == "AccessDeniedException"
    assert code(other.describe_key, KeyId=closed) == "AccessDeniedException"
    delegated = kms.create_key()["KeyMetadata"]["KeyId"]  # its default policy names the account
    assert other.encrypt(KeyId=delegated, Plaintext=b"x")
    _, nobody = role(server, "nobody")
    assert code(nobody.encrypt, KeyId=delegated, Plaintext=b"x") == "AccessDeniedException"
    assert code(nobody.create_key) == "AccessDeniedException"
    assert code(nobody.list_keys) == "AccessDeniedException"


def test_a_role_the_key_policy_names_needs_no_policy_of_its_own(kms, server, code):
    arn, named = role(server, "named")
    policy = key_policy(
        server,
        {
            "Effect": "Allow",
            "Principal": {"AWS": arn},
            "Action": "kms:Encrypt",
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:EncryptionContext:app": "a",
                    "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                }
            },
        },
    )
    key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    assert named.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"app": "a"})
    assert (
        code(named.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"app": "b"})
        == "AccessDeniedException"
    )
    assert code(named.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert (
        code(
            named.decrypt,
            CiphertextBlob=named.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"app": "a"})[
                "CiphertextBlob"
            ],
            EncryptionContext={"app": "a"},
        )
        == "AccessDeniedException"
    )
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(policy)


def test_a_role_made_anew_does_not_inherit_the_grant(kms, server, code):
    arn, _ = role(server, "reborn")
    key = kms.create_key(
        Policy=key_policy(
            server,
            {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:*", "Resource": "*"},
        )
    )["KeyMetadata"]["KeyId"]
    server.client("iam").delete_role(RoleName="reborn")
    shown = json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"][1]["Principal"]["AWS"]
    assert shown.startswith("AROA")  # as on AWS: the id of a role that is no more
    _, again = role(server, "reborn")
    assert code(again.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_a_key_for_one_service_is_used_through_it_only(kms, server, code):
    via = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_of(server)}:root"},
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    }
    role(server, "via-s3", {"Effect": "Allow", "Action": ["kms:*", "s3:*"], "Resource": "*"})
    key = kms.create_key(Policy=key_policy(server, via))["KeyMetadata"]["Arn"]
    s3 = server.client("s3", role="via-s3")
    server.client("s3").create_bucket(Bucket="via")
    s3.put_object(Bucket="via", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert s3.get_object(Bucket="via", Key="k")["Body"].read() == b"x"
    assert (
        code(server.client("kms", role="via-s3").generate_data_key, KeyId=key, KeySpec="AES_256")
        == "AccessDeniedException"
    )


def test_nobody_locks_himself_out_by_mistake(kms, server, key, code):
    only_other = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "s3.amazonaws.com"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        }
    )
    assert error_of(kms.put_key_policy, KeyId=key, Policy=only_other) == (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    assert code(kms.create_key, Policy=only_other) == "MalformedPolicyDocumentException"
    kms.put_key_policy(KeyId=key, Policy=only_other, BypassPolicyLockoutSafetyCheck=True)
    assert (
        code(kms.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    )  # even the operator: the key policy decides
    stranger = key_policy(
        server,
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_of(server)}:role/never-was"},
            "Action": "kms:*",
            "Resource": "*",
        },
    )
    assert code(kms.create_key, Policy=stranger) == "MalformedPolicyDocumentException"
    assert code(kms.create_key, Policy="{}") == "MalformedPolicyDocumentException"


def test_keys_of_services_cannot_be_changed(kms, server, code):
    server.client("s3").create_bucket(Bucket="own-key")
    server.client("s3").put_object(
        Bucket="own-key", Key="k", Body=b"x", ServerSideEncryption="aws:kms"
    )
    key = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert key["KeyManager"] == "AWS"
    assert code(kms.disable_key, KeyId=key["KeyId"]) == "AccessDeniedException"
    assert code(kms.schedule_key_deletion, KeyId=key["KeyId"]) == "AccessDeniedException"


def test_a_disabled_key_closes_what_it_protects_until_it_is_enabled(kms, server, key, code):
    s3, dynamodb = server.client("s3"), server.client("dynamodb")
    s3.create_bucket(Bucket="guarded")
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket="guarded", Key="k", Body=b"x" * 100_000, **sealed)
    table_under(server, "guarded", key)
    dynamodb.put_item(TableName="guarded", Item={"k": {"S": "a"}})
    for close, answer in (
        (lambda: kms.disable_key(KeyId=key), "KMS.DisabledException"),
        (lambda: kms.schedule_key_deletion(KeyId=key), "KMS.KMSInvalidStateException"),
    ):
        close()
        assert code(s3.get_object, Bucket="guarded", Key="k") == answer
        assert code(s3.put_object, Bucket="guarded", Key="new", Body=b"x", **sealed) == answer
        assert (
            code(dynamodb.get_item, TableName="guarded", Key={"k": {"S": "a"}})
            == "AccessDeniedException"
        )
        assert (
            code(dynamodb.put_item, TableName="guarded", Item={"k": {"S": "b"}})
            == "AccessDeniedException"
        )
        if answer == "KMS.KMSInvalidStateException":
            kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)
        assert s3.get_object(Bucket="guarded", Key="k")["Body"].read() == b"x" * 100_000
        assert dynamodb.get_item(TableName="guarded", Key={"k": {"S": "a"}})["Item"] == {
            "k": {"S": "a"}
        }


def table_under(server, name, key):
    server.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )


def test_a_table_is_closed_to_who_may_not_use_its_key(kms, server, key, code):
    """Every way to its items needs kms:Decrypt through DynamoDB: by a policy, or by a grant."""
    table_under(server, "sealed", key)
    item = {"k": {"S": "a"}}
    tables = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    arn, direct = role(server, "items-only", tables)
    without = server.client("dynamodb", role="items-only")
    calls = (
        ("put_item", {"TableName": "sealed", "Item": item}),
        ("get_item", {"TableName": "sealed", "Key": item}),
        ("delete_item", {"TableName": "sealed", "Key": item}),
        ("scan", {"TableName": "sealed"}),
        (
            "query",
            {
                "TableName": "sealed",
                "KeyConditionExpression": "k = :k",
                "ExpressionAttributeValues": {":k": {"S": "a"}},
            },
        ),
        ("batch_get_item", {"RequestItems": {"sealed": {"Keys": [item]}}}),
        ("batch_write_item", {"RequestItems": {"sealed": [{"PutRequest": {"Item": item}}]}}),
    )
    for name, arguments in calls:
        got, text = error_of(getattr(without, name), **arguments)
        assert got == "AccessDeniedException" and "kms:Decrypt" in text, name
    through = {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:ViaService": "dynamodb.us-east-1.amazonaws.com",
                "kms:EncryptionContext:aws:dynamodb:tableName": "sealed",
            }
        },
    }
    role(server, "items-and-key", tables, through)
    with_key = server.client("dynamodb", role="items-and-key")
    for name, arguments in calls:
        getattr(with_key, name)(**arguments)
    made = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"])
    for name, arguments in calls:
        getattr(without, name)(**arguments)
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert code(without.get_item, TableName="sealed", Key=item) == "AccessDeniedException"
    assert without.describe_table(TableName="sealed")["Table"]["TableStatus"] == "ACTIVE"
    assert code(direct.describe_key, KeyId=key) == "AccessDeniedException"


def test_a_disabled_key_closes_every_way_to_an_object(kms, server, key, code):
    s3, put = server.client("s3"), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.create_bucket(Bucket="every-way")
    s3.put_object(Bucket="every-way", Key="small", Body=b"x", **put)
    s3.put_object(Bucket="every-way", Key="large", Body=b"x" * 200_000, **put)
    upload = s3.create_multipart_upload(Bucket="every-way", Key="parts", **put)["UploadId"]
    named = {"Bucket": "every-way", "Key": "parts", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"x" * (5 << 20))["ETag"]
    ways = (
        (s3.get_object, {"Key": "small"}),
        (s3.get_object, {"Key": "large", "Range": "bytes=0-9"}),
        (s3.put_object, {"Key": "small", "Body": b"x", **put}),
        (s3.copy_object, {"Key": "copy", "CopySource": "every-way/large"}),
        (s3.copy_object, {"Key": "copy", "CopySource": "every-way/small", **put}),
        (s3.upload_part, {**named, "PartNumber": 2, "Body": b"x"}),
    )
    kms.disable_key(KeyId=key)
    for call, arguments in ways:
        assert code(call, **{"Bucket": "every-way"} | arguments) == "KMS.DisabledException"
    assert len(s3.list_objects_v2(Bucket="every-way")["Contents"]) == 2  # names are no secret
    kms.enable_key(KeyId=key)
    for call, arguments in ways:
        call(**{"Bucket": "every-way"} | arguments)
    last = s3.upload_part(**named, PartNumber=2, Body=b"x")["ETag"]
    parts = [{"PartNumber": 1, "ETag": part}, {"PartNumber": 2, "ETag": last}]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="every-way", Key="parts")["ContentLength"] == (5 << 20) + 1


def test_rotation_comes_when_its_period_is_over(fresh_server):
    server = fresh_server
    kms = server.client("kms")
    key, still, off = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3))
    for one in (key, off):
        kms.enable_key_rotation(KeyId=one, RotationPeriodInDays=100)
    kms.disable_key(KeyId=off)
    blob, first = (
        kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"],
        kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"],
    )
    server.stop()
    server.start(**ahead(days=99))
    with signing(days=99):
        assert server.client("kms").list_key_rotations(KeyId=key)["Rotations"] == []
    server.stop()
    server.start(**ahead(days=101))
    with signing(days=101):
        kms = server.client("kms")
        assert [r["RotationType"] for r in kms.list_key_rotations(KeyId=key)["Rotations"]] == [
            "AUTOMATIC"
        ]
        assert (
            kms.list_key_rotations(KeyId=still)["Rotations"] == []
            and kms.list_key_rotations(KeyId=off)["Rotations"] == []
        )
        assert (
            kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"]
            == first
            != kms.generate_data_key(KeyId=key, KeySpec="AES_256")["KeyMaterialId"]
        )
        events = server.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RotateKey"}]
        )["Events"]
        assert [json.loads(e["CloudTrailEvent"])["eventType"] for e in events] == [
            "AwsServiceEvent"
        ]


def test_a_deleted_key_is_gone_for_ever(fresh_server, code):
    """Past its date the material is destroyed, so that even setting the clock back brings nothing
    to light."""
    server = fresh_server
    kms, s3 = server.client("kms"), server.client("s3")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/doomed", TargetKeyId=key)
    s3.create_bucket(Bucket="doomed")
    s3.put_object(
        Bucket="doomed", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    server.stop()
    server.start(**ahead(days=6, hours=23))
    with signing(days=6, hours=23):
        assert (
            server.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
            == "PendingDeletion"
        )
    server.stop()
    server.start(**ahead(days=7, hours=1))
    with signing(days=7, hours=1):
        assert code(server.client("kms").describe_key, KeyId=key) == "NotFoundException"
    server.stop(signal.SIGKILL)
    server.start()
    kms, s3 = server.client("kms"), server.client("s3")
    assert code(kms.describe_key, KeyId=key) == "NotFoundException"
    assert code(kms.describe_key, KeyId="alias/doomed") == "NotFoundException"
    assert code(kms.cancel_key_deletion, KeyId=key) == "NotFoundException"
    assert code(kms.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    assert code(s3.get_object, Bucket="doomed", Key="k") == "KMS.NotFoundException"
    assert key not in [k["KeyId"] for k in kms.list_keys()["Keys"]]


@pytest.mark.parametrize("spoil", ["missing", "other", "damaged"])
def test_without_its_root_key_the_server_does_not_start(fresh_server, spoil):
    server = fresh_server
    root = server.data_dir.with_name(server.data_dir.name + ".root.key")
    kept = root.read_text()
    server.stop()
    if spoil == "missing":
        root.unlink()
    else:
        root.write_text("0" * 64 if spoil == "other" else "nonsense")
    done = server.run("serve", "--listen", "127.0.0.1:0", check=False)
    assert (
        done.returncode == 1
        and len(done.stderr.strip().splitlines()) == 1
        and "root key" in done.stderr
    ), done.stderr
    root.write_text(kept)
    root.chmod(0o600)
    assert server.start().client("kms").list_keys()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_key_is_made_of_the_kind_that_was_asked_about(kms, code):
    """Else a policy on kms:KeySpec would be asked about the one, and a key be made of the other."""
    assert (
        code(
            kms.create_key,
            KeySpec="RSA_2048",
            KeyUsage="SIGN_VERIFY",
            CustomerMasterKeySpec="SYMMETRIC_DEFAULT",
        )
        == "ValidationException"
    )


def test_no_two_tags_differ_by_case_alone(kms, code):
    """Policies do not tell their keys apart, so that one would stand for the other."""
    red, blue = ({"TagKey": k, "TagValue": v} for k, v in (("Team", "red"), ("team", "blue")))
    assert code(kms.create_key, Tags=[red, blue]) == "TagException"
    key = kms.create_key(Tags=[red])["KeyMetadata"]["KeyId"]
    assert code(kms.tag_resource, KeyId=key, Tags=[blue]) == "TagException"
    kms.tag_resource(KeyId=key, Tags=[red | {"TagValue": "green"}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [red | {"TagValue": "green"}]

# SPDX-License-Identifier: Apache-2.0
"""Key pairs and HMAC keys over the wire. What they sign and seal another library checks."""
import base64
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from functions import key_policy_for_logs
from keys import error_of, key_policy, role

RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]
CURVES = {
    "ECC_NIST_P256": ("ECDSA_SHA_256", ec.SECP256R1),
    "ECC_NIST_P384": ("ECDSA_SHA_384", ec.SECP384R1),
    "ECC_NIST_P521": ("ECDSA_SHA_512", ec.SECP521R1),
    "ECC_SECG_P256K1": ("ECDSA_SHA_256", ec.SECP256K1),
}
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512, "1": hashes.SHA1}
RSA_SIGNING = [
    f"{scheme}_SHA_{bits}"
    for scheme in ("RSASSA_PKCS1_V1_5", "RSASSA_PSS")
    for bits in ("256", "384", "512")
]
MACS = {
    "HMAC_224": ("HMAC_SHA_224", "sha224"),
    "HMAC_256": ("HMAC_SHA_256", "sha256"),
    "HMAC_384": ("HMAC_SHA_384", "sha384"),
    "HMAC_512": ("HMAC_SHA_512", "sha512"),
}


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


@pytest.fixture(scope="module")
def make(kms):
    """Makes each kind of key once."""
    made = {}

    def key(spec, usage):
        if (spec, usage) not in made:
            made[spec, usage] = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
        return made[spec, usage]

    return key


def public(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


def verify(key, algorithm, signature, message):
    """By python's cryptography; raises InvalidSignature."""
    hashed = HASHES[algorithm.rsplit("_", 1)[1]]()
    if algorithm.startswith("ECDSA"):
        key.verify(signature, message, ec.ECDSA(hashed))
    elif algorithm.startswith("RSASSA_PSS"):
        pss = padding.PSS(mgf=padding.MGF1(hashed), salt_length=hashed.digest_size)
        key.verify(signature, message, pss, hashed)
    else:
        key.verify(signature, message, padding.PKCS1v15(), hashed)


def signers():
    return [(spec, a) for spec in RSA for a in RSA_SIGNING] + [
        (spec, algorithm) for spec, (algorithm, _) in CURVES.items()
    ]


@pytest.mark.parametrize("spec,algorithm", signers())
def test_what_is_signed_is_verified_by_others_and_by_kms(kms, make, code, spec, algorithm):
    key = make(spec, "SIGN_VERIFY")["KeyId"]
    theirs, arguments = public(kms, key), {"KeyId": key, "SigningAlgorithm": algorithm}
    digest = hashlib.new("sha" + algorithm.rsplit("_", 1)[1], b"message").digest()
    for message, kind in ((b"message", "RAW"), (digest, "DIGEST")):
        signed = kms.sign(Message=message, MessageType=kind, **arguments)
        assert signed["SigningAlgorithm"] == algorithm and signed["KeyId"].endswith(key)
        verify(theirs, algorithm, signed["Signature"], b"message")
        with pytest.raises(InvalidSignature):
            verify(theirs, algorithm, signed["Signature"], b"massage")
        for other, of in ((b"message", "RAW"), (digest, "DIGEST")):
            verified = kms.verify(
                Message=other, MessageType=of, Signature=signed["Signature"], **arguments
            )
            assert verified["SignatureValid"] is True
    bent = bytearray(signed["Signature"])
    bent[len(bent) // 2] ^= 1
    for message, signature in (
        (b"message", bytes(bent)),
        (b"massage", signed["Signature"]),
        (b"message", b"no signature"),
        (b"message", b"x" * 6144),
    ):
        refused = code(kms.verify, Message=message, Signature=signature, **arguments)
        assert refused == "KMSInvalidSignatureException"
    assert error_of(kms.sign, Message=digest[:-1], MessageType="DIGEST", **arguments) == (
        "ValidationException",
        f"Digest is invalid length for algorithm {algorithm}.",
    )


def test_a_signature_made_elsewhere_is_verified(kms, code):
    """GenerateDataKeyPair gives a private key to sign with; its public half is not a key of KMS, so
    only the library knows it."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for spec in ["RSA_2048", *CURVES]:
        made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext={"a": "b"})
        assert made["KeyPairSpec"] == spec and made["KeyId"].endswith(key)
        private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
        assert (
            private.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            == made["PublicKey"]
        )
        opened = kms.decrypt(
            CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"}
        )
        assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
        assert (
            code(kms.decrypt, CiphertextBlob=made["PrivateKeyCiphertextBlob"])
            == "InvalidCiphertextException"
        )
        hidden = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
        assert "PrivateKeyPlaintext" not in hidden
        opened = kms.decrypt(CiphertextBlob=hidden["PrivateKeyCiphertextBlob"])["Plaintext"]
        assert serialization.load_der_private_key(opened, None)
    assert (
        code(kms.generate_data_key_pair, KeyId=key, KeyPairSpec="HMAC_256") == "ValidationException"
    )
    assert (
        code(kms.generate_data_key_pair, KeyId=key, KeyPairSpec="SM2")
        == "UnsupportedOperationException"
    )


@pytest.mark.parametrize("spec", RSA)
@pytest.mark.parametrize("bits", ["1", "256"])
def test_what_is_encrypted_under_rsa(kms, make, code, spec, bits):
    key, algorithm = make(spec, "ENCRYPT_DECRYPT")["KeyId"], "RSAES_OAEP_SHA_" + bits
    hashed = HASHES[bits]()
    oaep = padding.OAEP(mgf=padding.MGF1(hashed), algorithm=hashed, label=None)
    outside = public(kms, key).encrypt(b"secret", oaep)
    arguments = {"KeyId": key, "EncryptionAlgorithm": algorithm}
    opened = kms.decrypt(CiphertextBlob=outside, **arguments)
    assert (opened["Plaintext"], opened["EncryptionAlgorithm"]) == (b"secret", algorithm)
    largest = int(spec[4:]) // 8 - 2 * hashed.digest_size - 2
    sealed = kms.encrypt(Plaintext=b"x" * largest, **arguments)
    assert sealed["EncryptionAlgorithm"] == algorithm
    assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], **arguments)["Plaintext"] == (
        b"x" * largest
    )
    assert code(kms.encrypt, Plaintext=b"x" * (largest + 1), **arguments) == "ValidationException"
    other = "RSAES_OAEP_SHA_" + ("256" if bits == "1" else "1")
    for wrong in (
        {"CiphertextBlob": outside, "KeyId": key, "EncryptionAlgorithm": other},
        {"CiphertextBlob": outside[:-1] + bytes([outside[-1] ^ 1]), **arguments},
        {"CiphertextBlob": outside[:-1], **arguments},
        {"CiphertextBlob": outside},
    ):
        assert code(kms.decrypt, **wrong) == "InvalidCiphertextException"
    assert (
        code(kms.decrypt, CiphertextBlob=outside, EncryptionAlgorithm=algorithm)
        == "ValidationException"
    )
    assert code(kms.encrypt, Plaintext=b"x", EncryptionContext={"a": "b"}, **arguments) == (
        "ValidationException"
    )


def test_reencryption_between_a_pair_and_a_symmetric_key(kms, make):
    pair, key = (
        make("RSA_2048", "ENCRYPT_DECRYPT")["KeyId"],
        kms.create_key()["KeyMetadata"]["KeyId"],
    )
    algorithm = "RSAES_OAEP_SHA_256"
    sealed = kms.encrypt(KeyId=pair, Plaintext=b"x", EncryptionAlgorithm=algorithm)
    moved = kms.re_encrypt(
        CiphertextBlob=sealed["CiphertextBlob"],
        SourceKeyId=pair,
        SourceEncryptionAlgorithm=algorithm,
        DestinationKeyId=key,
        DestinationEncryptionContext={"a": "b"},
    )
    assert moved["SourceEncryptionAlgorithm"] == algorithm
    back = kms.re_encrypt(
        CiphertextBlob=moved["CiphertextBlob"],
        SourceEncryptionContext={"a": "b"},
        DestinationKeyId=pair,
        DestinationEncryptionAlgorithm=algorithm,
    )
    opened = kms.decrypt(
        CiphertextBlob=back["CiphertextBlob"], KeyId=pair, EncryptionAlgorithm=algorithm
    )
    assert opened["Plaintext"] == b"x"


@pytest.mark.parametrize("spec", MACS)
def test_macs(kms, make, code, spec):
    algorithm, name = MACS[spec]
    key = make(spec, "GENERATE_VERIFY_MAC")
    assert key["MacAlgorithms"] == [algorithm] and "EncryptionAlgorithms" not in key
    arguments = {"KeyId": key["KeyId"], "MacAlgorithm": algorithm}
    made = kms.generate_mac(Message=b"m" * 4096, **arguments)
    assert len(made["Mac"]) == hashlib.new(name).digest_size
    assert kms.generate_mac(Message=b"m" * 4096, **arguments)["Mac"] == made["Mac"]
    assert kms.generate_mac(Message=b"n", **arguments)["Mac"] != made["Mac"]
    assert kms.verify_mac(Message=b"m" * 4096, Mac=made["Mac"], **arguments)["MacValid"] is True
    for message, mac in (
        (b"n", made["Mac"]),
        (b"m" * 4096, made["Mac"][:-1]),
        (b"m" * 4096, made["Mac"][:-1] + bytes([made["Mac"][-1] ^ 1])),
    ):
        assert code(kms.verify_mac, Message=message, Mac=mac, **arguments) == (
            "KMSInvalidMacException"
        )
    assert code(kms.generate_mac, Message=b"m" * 4097, **arguments) == "ValidationException"
    wrong = "HMAC_SHA_256" if algorithm != "HMAC_SHA_256" else "HMAC_SHA_512"
    assert code(kms.generate_mac, KeyId=key["KeyId"], Message=b"m", MacAlgorithm=wrong) == (
        "InvalidKeyUsageException"
    )


def test_what_a_key_pair_says_of_itself(kms, make, code):
    for spec, usage, algorithms in (
        ("RSA_2048", "SIGN_VERIFY", ("SigningAlgorithms", sorted(RSA_SIGNING))),
        (
            "RSA_2048",
            "ENCRYPT_DECRYPT",
            ("EncryptionAlgorithms", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]),
        ),
        *((s, "SIGN_VERIFY", ("SigningAlgorithms", [a])) for s, (a, _) in CURVES.items()),
    ):
        key, (member, names) = make(spec, usage), algorithms
        shown = kms.get_public_key(KeyId=key["KeyId"])
        for one in (key, shown):
            assert (one["KeySpec"], one["KeyUsage"], one["CustomerMasterKeySpec"]) == (
                spec,
                usage,
                spec,
            )
            assert sorted(one[member]) == names
        loaded = public(kms, key["KeyId"])
        assert "CurrentKeyMaterialId" not in key
        if spec in CURVES:
            assert isinstance(loaded.curve, CURVES[spec][1])
        else:
            assert loaded.key_size == int(spec[4:])


def test_a_key_does_what_it_is_for_and_nothing_else(kms, make, code):
    arn = {
        name: make(*name)["Arn"]
        for name in (
            ("RSA_2048", "SIGN_VERIFY"),
            ("RSA_2048", "ENCRYPT_DECRYPT"),
            ("ECC_NIST_P256", "SIGN_VERIFY"),
            ("HMAC_256", "GENERATE_VERIFY_MAC"),
            ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
        )
    }
    signing = {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    macs = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    data = {"KeySpec": "AES_256"}
    pairs = {"KeyPairSpec": "ECC_NIST_P256"}
    for (spec, usage), key in arn.items():
        for operation, arguments, wanted in (
            (kms.sign, signing, "SIGN_VERIFY"),
            (kms.generate_mac, macs, "GENERATE_VERIFY_MAC"),
            (kms.encrypt, {"Plaintext": b"x"}, "ENCRYPT_DECRYPT"),
        ):
            if usage == wanted:
                continue
            assert error_of(operation, KeyId=key, **arguments)[0] == "InvalidKeyUsageException"
        if spec != "SYMMETRIC_DEFAULT":
            for operation, arguments in (
                (kms.generate_data_key, data),
                (kms.generate_data_key_pair, pairs),
                (kms.encrypt, {"Plaintext": b"x"}),
            ):
                assert code(operation, KeyId=key, **arguments) == "InvalidKeyUsageException"
            for operation in (
                kms.enable_key_rotation,
                kms.disable_key_rotation,
                kms.get_key_rotation_status,
                kms.rotate_key_on_demand,
                kms.list_key_rotations,
            ):
                assert code(operation, KeyId=key) == "UnsupportedOperationException"
    for spec in ("HMAC_256", "SYMMETRIC_DEFAULT"):
        key = next(k for (s, _), k in arn.items() if s == spec)
        assert code(kms.get_public_key, KeyId=key) == "UnsupportedOperationException"
    assert error_of(kms.sign, KeyId=arn["SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"], **signing)[1] == (
        arn["SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"]
        + " key usage is ENCRYPT_DECRYPT which is not valid for Sign."
    )
    assert code(kms.sign, KeyId=arn["ECC_NIST_P256", "SIGN_VERIFY"], **signing) == (
        "InvalidKeyUsageException"
    )


def test_which_keys_can_be_made(kms, server, code):
    loose = server.client("kms", parameter_validation=False)
    for spec, usage in (
        ("RSA_2048", "GENERATE_VERIFY_MAC"),
        ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
        ("HMAC_256", "SIGN_VERIFY"),
        ("SYMMETRIC_DEFAULT", "SIGN_VERIFY"),
        ("RSA_1024", "SIGN_VERIFY"),
        ("RSA_2048", "FLY"),
    ):
        assert code(loose.create_key, KeySpec=spec, KeyUsage=usage) == "ValidationException"
    assert error_of(kms.create_key, KeySpec="RSA_2048") == (
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    )
    for arguments in (
        {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
        {"KeySpec": "ML_DSA_65", "KeyUsage": "SIGN_VERIFY"},
        {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
        {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY", "Origin": "EXTERNAL"},
        {"Origin": "AWS_CLOUDHSM"},
    ):
        assert code(loose.create_key, **arguments) == "UnsupportedOperationException"


def test_an_alias_moves_between_keys_of_one_kind(kms, make, code):
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/moves", TargetKeyId=symmetric)
    for other in (("RSA_2048", "ENCRYPT_DECRYPT"), ("HMAC_256", "GENERATE_VERIFY_MAC")):
        assert (
            code(kms.update_alias, AliasName="alias/moves", TargetKeyId=make(*other)["KeyId"])
            == "ValidationException"
        )
    kms.update_alias(AliasName="alias/moves", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    kms.delete_alias(AliasName="alias/moves")
    pair = make("RSA_2048", "SIGN_VERIFY")["KeyId"]
    kms.create_alias(AliasName="alias/moves", TargetKeyId=pair)
    kms.update_alias(
        AliasName="alias/moves", TargetKeyId=make("ECC_NIST_P256", "SIGN_VERIFY")["KeyId"]
    )
    kms.delete_alias(AliasName="alias/moves")


def test_the_state_of_a_pair_decides(kms, code):
    pair = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    signing = {"KeyId": pair, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    macs = {"KeyId": mac, "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    signature, made = kms.sign(**signing)["Signature"], kms.generate_mac(**macs)["Mac"]
    for close, wanted in (
        (kms.disable_key, "DisabledException"),
        (kms.schedule_key_deletion, "KMSInvalidStateException"),
    ):
        for key in (pair, mac):
            close(KeyId=key)
        assert code(kms.sign, **signing) == wanted
        assert code(kms.verify, Signature=signature, **signing) == wanted
        assert code(kms.get_public_key, KeyId=pair) == wanted
        assert code(kms.generate_mac, **macs) == wanted
        assert code(kms.verify_mac, Mac=made, **macs) == wanted


def test_grants_and_conditions_of_signing(kms, server, make, code):
    arn, client = role(server, "signer")
    key = kms.create_key(
        KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Policy=key_policy(server)
    )["KeyMetadata"]["KeyId"]
    signing = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert code(client.sign, **signing) == "AccessDeniedException"
    made = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Sign"])
    signature = client.sign(**signing, GrantTokens=[made["GrantToken"]])["Signature"]
    assert code(client.verify, Signature=signature, **signing) == "AccessDeniedException"
    assert code(client.sign, **signing, DryRun=True) == "DryRunOperationException"
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    for operations in (["Encrypt"], ["GenerateMac"], ["Sign", "GenerateDataKey"]):
        assert (
            code(kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=operations)
            == "ValidationException"
        )
    assert (
        code(
            kms.create_grant,
            KeyId=key,
            GranteePrincipal=arn,
            Operations=["Sign"],
            Constraints={"EncryptionContextSubset": {"a": "b"}},
        )
        == "ValidationException"
    )
    kms.put_key_policy(
        KeyId=key,
        Policy=key_policy(
            server,
            {
                "Effect": "Allow",
                "Principal": {"AWS": arn},
                "Action": "kms:Sign",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:MessageType": "DIGEST",
                        "kms:SigningAlgorithm": "ECDSA_SHA_256",
                        "kms:KeySpec": "ECC_NIST_P256",
                    }
                },
            },
        ),
    )
    assert code(client.sign, **signing) == "AccessDeniedException"
    assert client.sign(**signing | {"Message": b"x" * 32, "MessageType": "DIGEST"})


@pytest.mark.parametrize(
    "spec, usage",
    [
        ("RSA_2048", "ENCRYPT_DECRYPT"),
        ("RSA_2048", "SIGN_VERIFY"),
        ("ECC_NIST_P256", "SIGN_VERIFY"),
        ("HMAC_256", "GENERATE_VERIFY_MAC"),
    ],
)
def test_no_service_uses_a_key_that_is_not_symmetric(kms, server, code, spec, usage):
    """Each says so when it is told of the key; S3, as on AWS, when it is to encrypt with it."""
    policy = json.dumps(key_policy_for_logs(server.endpoint["account_id"]))
    made = kms.create_key(KeySpec=spec, KeyUsage=usage, Policy=policy)["KeyMetadata"]
    s3, table, logs = (server.client(name) for name in ("s3", "dynamodb", "logs"))
    name = f"kind-{spec}-{usage}".lower().replace("_", "-")
    s3.create_bucket(Bucket=name)
    by_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": made["Arn"]}
    put = {"Bucket": name, "Key": "k", "Body": b"x"}
    assert code(s3.put_object, **put, **by_key) == "KMS.InvalidKeyUsageException"
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": made["Arn"]}
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    assert code(s3.put_object, **put) == "KMS.InvalidKeyUsageException"
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    attributes = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": made["Arn"]}
    assert code(table.create_table, **attributes, SSESpecification=sse) == "ValidationException"
    group = {"logGroupName": name}
    key = {"kmsKeyId": made["Arn"]}
    assert code(logs.create_log_group, **group, **key) == "InvalidParameterException"
    logs.create_log_group(**group)
    assert code(logs.associate_kms_key, **group, **key) == "InvalidParameterException"


def test_by_the_aws_cli(server, tmp_path):
    def aws(*arguments):
        return json.loads(server.run("aws", "kms", *arguments, "--output", "json").stdout)

    key = aws("create-key", "--key-spec", "ECC_NIST_P384", "--key-usage", "SIGN_VERIFY")
    key = key["KeyMetadata"]["KeyId"]
    (tmp_path / "message").write_bytes(b"message")
    message = ("--message", f"fileb://{tmp_path}/message", "--signing-algorithm", "ECDSA_SHA_384")
    signed = aws("sign", "--key-id", key, *message)
    (tmp_path / "signature").write_bytes(base64.b64decode(signed["Signature"]))
    verified = aws(
        "verify", "--key-id", key, *message, "--signature", f"fileb://{tmp_path}/signature"
    )
    assert verified["SignatureValid"] is True
    made = aws(
        "create-grant",
        "--key-id",
        key,
        "--grantee-principal",
        f"arn:aws:iam::{server.endpoint['account_id']}:root",
        "--operations",
        "Sign",
        "Verify",
    )
    assert [g["GrantId"] for g in aws("list-grants", "--key-id", key)["Grants"]] == [
        made["GrantId"]
    ]
    server.run("aws", "kms", "revoke-grant", "--key-id", key, "--grant-id", made["GrantId"])
    assert aws("list-grants", "--key-id", key)["Grants"] == []
    shown = json.loads(server.run("status", "--json").stdout)["keys"]
    assert {"key": key, "alias": "", "state": "Enabled", "rotation": "off"} in shown

# SPDX-License-Identifier: Apache-2.0
"""Key material of one's own: how it comes in, what is refused, and how it goes."""
import datetime
import hmac
import json
import os
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from clock import ahead, signing
from keys import error_of

ALGORITHMS = {
    "RSAES_OAEP_SHA_1": hashes.SHA1,
    "RSAES_OAEP_SHA_256": hashes.SHA256,
    "RSA_AES_KEY_WRAP_SHA_1": hashes.SHA1,
    "RSA_AES_KEY_WRAP_SHA_256": hashes.SHA256,
}
FOR_EVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms", parameter_validation=False)


@pytest.fixture
def key(kms):
    return empty_key(kms)


def empty_key(kms, **arguments):
    made = kms.create_key(Origin="EXTERNAL", **arguments)["KeyMetadata"]
    assert (made["KeyState"], made["Origin"], made["Enabled"]) == (
        "PendingImport",
        "EXTERNAL",
        False,
    )
    return made["KeyId"]


def parameters(kms, key, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048"):
    return kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec
    )


def wrapped(given, material, algorithm="RSAES_OAEP_SHA_256"):
    public = serialization.load_der_public_key(given["PublicKey"])
    hashed = ALGORITHMS[algorithm]()
    oaep = padding.OAEP(mgf=padding.MGF1(hashed), algorithm=hashed, label=None)
    if "KEY_WRAP" not in algorithm:
        return public.encrypt(material, oaep)
    inner = os.urandom(32)
    return public.encrypt(inner, oaep) + aes_key_wrap_with_padding(inner, material)


def bring(kms, key, material, **more):
    given = parameters(kms, key)
    return kms.import_key_material(
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrapped(given, material),
        **(more or FOR_EVER),
    )


def state(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_material_comes_in_wrapped(kms, key, spec, algorithm):
    material, given = os.urandom(32), parameters(kms, key, algorithm, spec)
    assert given["KeyId"].endswith(key)
    left = given["ParametersValidTo"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=23) < left < datetime.timedelta(hours=25)
    kms.import_key_material(
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrapped(given, material, algorithm),
        **FOR_EVER,
    )
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["ExpirationModel"]) == (
        "Enabled",
        "KEY_MATERIAL_DOES_NOT_EXPIRE",
    )
    assert "ValidTo" not in shown
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "spec,least,most",
    [("HMAC_224", 28, 64), ("HMAC_256", 32, 64), ("HMAC_384", 48, 128), ("HMAC_512", 64, 128)],
)
def test_an_imported_hmac_key_makes_the_macs_that_are_made_outside(kms, code, spec, least, most):
    name = spec.replace("HMAC_", "sha")
    for size in (least, most):
        key = empty_key(kms, KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
        material = os.urandom(size)
        for wrong in (least - 1, most + 1):
            assert code(bring, kms=kms, key=key, material=os.urandom(wrong)) == (
                "IncorrectKeyMaterialException"
            )
        bring(kms, key, material)
        made = kms.generate_mac(
            KeyId=key, Message=b"m", MacAlgorithm=spec.replace("HMAC_", "HMAC_SHA_")
        )
        assert made["Mac"] == hmac.new(material, b"m", name).digest()


def test_what_is_no_material_is_refused(kms, key, code):
    given, material = parameters(kms, key), os.urandom(32)
    good = {
        "KeyId": key,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrapped(given, material),
        **FOR_EVER,
    }
    other = empty_key(kms)
    bent = bytearray(good["EncryptedKeyMaterial"])
    bent[7] ^= 1
    for wrong, answer in (
        ({"EncryptedKeyMaterial": bytes(bent)}, "InvalidCiphertextException"),
        ({"EncryptedKeyMaterial": wrapped(given, os.urandom(31))}, "IncorrectKeyMaterialException"),
        ({"EncryptedKeyMaterial": wrapped(given, os.urandom(33))}, "IncorrectKeyMaterialException"),
        ({"ImportToken": parameters(kms, other)["ImportToken"]}, "InvalidImportTokenException"),
        ({"ImportToken": parameters(kms, key)["ImportToken"]}, "InvalidCiphertextException"),
        ({"ImportToken": given["ImportToken"][:-1] + b"x"}, "InvalidImportTokenException"),
        ({"ImportToken": b"x"}, "InvalidImportTokenException"),
        ({"ImportToken": b"x" * 6145}, "ValidationException"),
        ({"EncryptedKeyMaterial": b"x" * 6145}, "ValidationException"),
        ({"EncryptedKeyMaterial": b"x" * 6144}, "InvalidCiphertextException"),
        ({"KeyId": other}, "InvalidImportTokenException"),
        ({"ExpirationModel": "SOMETIMES"}, "ValidationException"),
        ({"ExpirationModel": "KEY_MATERIAL_EXPIRES"}, "ValidationException"),
        ({"ValidTo": time.time() + 60}, "ValidationException"),
        ({"ImportType": "NEW_KEY_MATERIAL"}, "UnsupportedOperationException"),
        ({"KeyMaterialId": "0" * 64}, "UnsupportedOperationException"),
    ):
        assert code(kms.import_key_material, **good | wrong) == answer, wrong
    assert state(kms, key) == "PendingImport"
    expires = {"ExpirationModel": "KEY_MATERIAL_EXPIRES"}
    for days, answer in ((-1, "ValidationException"), (366, "ValidationException")):
        wrong = expires | {"ValidTo": time.time() + days * 86400}
        assert code(kms.import_key_material, **good | wrong) == answer
    kms.import_key_material(**good | expires | {"ValidTo": time.time() + 364.9 * 86400})
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    # Once imported, only the same material is taken again, also after it was deleted.
    assert code(bring, kms=kms, key=key, material=os.urandom(32)) == "IncorrectKeyMaterialException"
    bring(kms, key, material)
    assert "ValidTo" not in kms.describe_key(KeyId=key)["KeyMetadata"]
    own = kms.create_key()["KeyMetadata"]["KeyId"]
    for call, arguments in (
        (
            kms.get_parameters_for_import,
            {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
        ),
        (kms.import_key_material, {k: v for k, v in good.items() if k != "KeyId"}),
        (kms.delete_imported_key_material, {}),
    ):
        assert code(call, KeyId=own, **arguments) == "UnsupportedOperationException"
    for wrong, answer in (
        ({"WrappingAlgorithm": "RSAES_PKCS1_V1_5"}, "UnsupportedOperationException"),
        ({"WrappingAlgorithm": "ROT13"}, "ValidationException"),
        ({"WrappingKeySpec": "RSA_1024"}, "ValidationException"),
        ({"WrappingKeySpec": "SM2"}, "UnsupportedOperationException"),
    ):
        arguments = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
        assert code(kms.get_parameters_for_import, KeyId=key, **arguments | wrong) == answer


def test_a_key_without_material_can_do_nothing_but_wait(kms, server, key, code):
    for call, arguments in (
        (kms.encrypt, {"Plaintext": b"x"}),
        (kms.generate_data_key, {"KeySpec": "AES_256"}),
        (kms.enable_key, {}),
        (kms.disable_key, {}),
        (
            kms.create_grant,
            {
                "GranteePrincipal": f"arn:aws:iam::{server.endpoint['account_id']}:root",
                "Operations": ["Encrypt"],
            },
        ),
    ):
        got, text = error_of(call, KeyId=key, **arguments)
        assert (got, text.endswith(f"key/{key} is pending import.")) == (
            "KMSInvalidStateException",
            True,
        )
    for call in (kms.enable_key_rotation, kms.get_key_rotation_status, kms.rotate_key_on_demand):
        assert code(call, KeyId=key) == "UnsupportedOperationException"
    kms.update_key_description(KeyId=key, Description="d")
    kms.create_alias(AliasName="alias/waits-" + key, TargetKeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert code(parameters, kms=kms, key=key) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key)
    assert state(kms, key) == "PendingImport"


def test_deleted_material_closes_the_key_until_the_same_comes_back(kms, server, key, code):
    material, s3 = os.urandom(32), server.client("s3")
    bring(kms, key, material)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    s3.create_bucket(Bucket="imported")
    s3.put_object(
        Bucket="imported", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    kms.delete_imported_key_material(KeyId=key)
    kms.delete_imported_key_material(KeyId=key)
    assert state(kms, key) == "PendingImport"
    assert code(kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    assert code(s3.get_object, Bucket="imported", Key="k") == "KMS.KMSInvalidStateException"
    assert code(bring, kms=kms, key=key, material=os.urandom(32)) == "IncorrectKeyMaterialException"
    bring(kms, key, material)
    assert state(kms, key) == "Enabled"
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert s3.get_object(Bucket="imported", Key="k")["Body"].read() == b"x"
    kms.schedule_key_deletion(KeyId=key)
    kms.delete_imported_key_material(KeyId=key)
    assert state(kms, key) == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key)
    assert state(kms, key) == "PendingImport"


def test_material_expires_at_its_time_and_is_then_destroyed(fresh_server, code):
    server = fresh_server
    kms = server.client("kms", parameter_validation=False)
    key, material = empty_key(kms), os.urandom(32)
    soon = time.time() + 4
    bring(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=soon)
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert abs(shown["ValidTo"].timestamp() - soon) < 1
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    while time.time() < soon:
        time.sleep(0.2)
    assert state(kms, key) == "PendingImport"  # at once, before anything is swept
    assert code(kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    server.stop()
    server.start()  # sweeps
    kms = server.client("kms", parameter_validation=False)
    events = server.client("cloudtrail").lookup_events(
        LookupAttributes=[
            {"AttributeKey": "EventName", "AttributeValue": "DeleteExpiredKeyMaterial"}
        ]
    )["Events"]
    assert [json.loads(e["CloudTrailEvent"])["serviceEventDetails"] for e in events] == [
        {"keyId": key}
    ]
    assert code(kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    bring(kms, key, material)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_an_import_token_is_good_for_a_day(fresh_server, code):
    server = fresh_server
    kms = server.client("kms", parameter_validation=False)
    key, material = empty_key(kms), os.urandom(32)
    given = parameters(kms, key)
    arguments = {
        "KeyId": key,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrapped(given, material),
        **FOR_EVER,
    }
    server.stop()
    server.start(**ahead(hours=24, minutes=1))
    with signing(hours=24, minutes=1):
        kms = server.client("kms", parameter_validation=False)
        assert code(kms.import_key_material, **arguments) == "ExpiredImportTokenException"
    server.stop()
    server.start(**ahead(hours=23))
    with signing(hours=23):
        kms = server.client("kms", parameter_validation=False)
        kms.import_key_material(**arguments)
        assert state(kms, key) == "Enabled"

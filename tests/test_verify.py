# SPDX-License-Identifier: Apache-2.0
"""sluice verify opens every seal: what was changed on disk is named, what a disabled key shuts is
not called damage."""
import json
import subprocess

from conftest import SLUICE


def object_files(server):
    return sorted(
        (p for p in (server.data_dir / "blobs").rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )


def test_changed_truncated_and_missing_object_files_are_named(fresh_server):
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="proof")
    for number in range(4):
        s3.put_object(Bucket="proof", Key=f"file-{number}", Body=bytes(100_000 + number))
    fresh_server.stop()
    assert "4 seals opened" in fresh_server.run("verify").stdout
    files = object_files(fresh_server)
    changed = bytearray(files[0].read_bytes())
    changed[70_000] ^= 1
    files[0].write_bytes(changed)
    files[1].write_bytes(files[1].read_bytes()[:-1])
    files[2].write_bytes(
        files[3].read_bytes()[: files[2].stat().st_size]
    )  # another object's sealed bytes
    files[3].unlink()
    done = fresh_server.run("verify", check=False)
    assert done.returncode == 1
    for number in range(4):
        assert f"s3://proof/file-{number} version" in done.stdout, done.stdout


def test_a_disabled_key_is_not_damage(fresh_server):
    s3, kms, dynamodb = (fresh_server.client(name) for name in ("s3", "kms", "dynamodb"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="proof")
    s3.put_object(
        Bucket="proof", Key="shut", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    s3.put_object(Bucket="proof", Key="open", Body=b"x")
    dynamodb.create_table(
        TableName="shut",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    kms.disable_key(KeyId=key)
    fresh_server.stop()
    assert json.loads(fresh_server.run("verify", "--json").stdout) == {
        "findings": [],
        "seals": 1,
        "shut": 2,
    }


def test_records_that_cannot_be_read_are_named_and_the_rest_is_looked_at(fresh_server):
    """Whose value was changed by hand into one that no record has: the finding says which, and does
    not end the search."""
    s3, kms, dynamodb = (fresh_server.client(name) for name in ("s3", "kms", "dynamodb"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for bucket in ("sound", "broken"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(
        Bucket="sound",
        Key="shut",
        Body=b"x",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    dynamodb.create_table(
        TableName="broken",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
    )
    assert fresh_server.stop() == 0
    broken = {"s3.bucket": "broken", "dynamodb.table": "broken", "kms.key": key}
    for table, name in broken.items():
        subprocess.run(
            [SLUICE.parent / "rewrite", fresh_server.data_dir, "record", table, name], check=True
        )
    done = fresh_server.run("verify", check=False)
    assert done.returncode == 1
    for table, name in broken.items():
        record = (table + "\0\1" + name + "\0\1").encode().hex()
        assert (
            f"damaged: record {record} of {table}: a record is not JSON" in done.stdout
        ), done.stdout
    # The server is up for everything else.
    fresh_server.start()
    s3 = fresh_server.client("s3")
    s3.put_object(Bucket="sound", Key="after", Body=b"x")
    assert fresh_server.stop() == 0

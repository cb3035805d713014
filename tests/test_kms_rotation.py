# SPDX-License-Identifier: Apache-2.0
"""A hundred rotations of KMS keys while clients write and read under them: nobody waits or fails,
and what was written under any of the materials is read after all of them."""
import concurrent.futures
import hashlib
import threading

KEYS, EACH = 4, 25  # 25 on demand is what a key may have, as on AWS
WRITERS = 4


def body_of(name):
    return hashlib.sha256(name.encode()).digest() * 64


def test_a_hundred_rotations_under_load(fresh_server):
    server = fresh_server
    kms, s3, table = (server.client(name) for name in ("kms", "s3", "dynamodb"))
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(KEYS)]
    for number, key in enumerate(keys):
        s3.create_bucket(Bucket=f"turning-{number}")
        s3.put_bucket_encryption(
            Bucket=f"turning-{number}",
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": key,
                        }
                    }
                ]
            },
        )
        table.create_table(
            TableName=f"turning-{number}",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        )
    done, written = threading.Event(), []

    def work(writer):
        """Errors end the test: the clients do not try again."""
        s3, table, kms = (server.client(name) for name in ("s3", "dynamodb", "kms"))
        names, sealed, n = [], [], 0
        while not done.is_set() or n < KEYS:
            at = n % KEYS
            name, place = f"{writer}-{n}", f"turning-{at}"
            s3.put_object(Bucket=place, Key=name, Body=body_of(name))
            table.put_item(TableName=place, Item={"k": {"S": name}, "v": {"B": body_of(name)}})
            blob = kms.encrypt(KeyId=keys[at], Plaintext=name.encode())["CiphertextBlob"]
            names.append((place, name))
            sealed.append((name, blob))
            old_place, old = names[n // 2]  # written under a material before this one
            assert s3.get_object(Bucket=old_place, Key=old)["Body"].read() == body_of(old)
            item = table.get_item(TableName=old_place, Key={"k": {"S": old}})["Item"]
            assert item["v"]["B"] == body_of(old)
            old, blob = sealed[n // 2]
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == old.encode()
            n += 1
        return names, sealed

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(work, writer) for writer in range(WRITERS)]
        try:
            for _ in range(EACH):
                for key in keys:
                    kms.rotate_key_on_demand(KeyId=key)
        finally:
            done.set()
        written = [writer.result() for writer in writers]
    for key in keys:
        pages = kms.get_paginator("list_key_rotations").paginate(KeyId=key)
        assert sum(len(page["Rotations"]) for page in pages) == EACH
    names = [one for some, _ in written for one in some]
    assert len(names) >= KEYS * WRITERS
    server.stop()
    server.start()  # what was kept in memory is gone
    kms, s3, table = (server.client(name) for name in ("kms", "s3", "dynamodb"))
    for place, name in names:
        assert s3.get_object(Bucket=place, Key=name)["Body"].read() == body_of(name)
        item = table.get_item(TableName=place, Key={"k": {"S": name}})["Item"]
        assert item["v"]["B"] == body_of(name)
    for _, sealed in written:
        for name, blob in sealed:
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == name.encode()

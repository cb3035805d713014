# SPDX-License-Identifier: Apache-2.0
"""Peers that give or take their bytes slowly keep nothing that others need: no files of what is
deleted, and no memory. And they may finish when the server stops."""
import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import threading

import wire
from clock import sanitized
from functions import BOOTSTRAP, make_assumable, make_function, make_role, until, zipped
from test_crowd import MIB, answer, begin, drip, resident

PIECE = 64 << 10


def s3_of(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="slow-peers")
    return s3


def begin_put(server, s3, key, length):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "slow-peers", "Key": key})
    return begin(server, in_url("PUT", url), {"host": url.split("/")[2]}, length)


def in_url(method, url):
    return wire.Call("s3", method, "/" + url.split("/", 3)[3], {}, b"")


def files(server):
    return [path for path in (server.data_dir / "blobs").rglob("*") if path.is_file()]


def put_and_delete(s3):
    for key in ("one", "two", "three"):
        s3.put_object(Bucket="slow-peers", Key=key, Body=b"x" * MIB)
        s3.delete_object(Bucket="slow-peers", Key=key)


def test_a_slow_upload_keeps_no_file_of_what_is_deleted(fresh_server):
    server = fresh_server
    s3, pieces, enough = s3_of(server), 0, threading.Event()
    spoken = begin_put(server, s3, "slow", 1024 * PIECE)

    def upload():
        nonlocal pieces
        while pieces < 1024:
            spoken.sendall(bytes([pieces % 256]) * PIECE)
            pieces += 1
            enough.wait(0.1)  # until then no faster than this

    uploading = threading.Thread(target=upload)
    uploading.start()
    put_and_delete(s3)
    until(lambda: len(files(server)) <= 1)  # its own
    assert pieces < 1024
    enough.set()
    uploading.join()
    assert answer(spoken) == b"200"
    body = s3.get_object(Bucket="slow-peers", Key="slow")["Body"].read()
    assert body == b"".join(bytes([n % 256]) * PIECE for n in range(1024))


def test_who_may_upload_is_asked_again_after_a_slow_upload(fresh_server):
    """His role has lost the permission meanwhile."""
    server = fresh_server
    s3_of(server)
    make_assumable(server, "device")
    allow = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    policy = dict(RoleName="device", PolicyName="may-upload")
    iam = server.client("iam")
    iam.put_role_policy(
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}), **policy
    )
    spoken = begin_put(server, server.client("s3", role="device"), "slow", 64 * PIECE)
    for n in range(64):
        if n == 3:
            iam.delete_role_policy(**policy)
        threading.Event().wait(
            0.05
        )  # 3.2 seconds in all: a client's pace, not a wait for something
        spoken.sendall(b"x" * PIECE)
    assert answer(spoken) == b"403"
    until(lambda: not files(server))


def test_who_gave_slowly_gets_a_whole_answer_and_keeps_his_connection(fresh_server):
    """A device with a poor line: 25 seconds for what it sends, and more than that would be asked
    of who takes an answer."""
    server, door = fresh_server, wire.Wire(fresh_server)
    s3 = s3_of(server)
    body = "<Delete>" + "".join(
        f"<Object><Key>{n:0>450}</Key></Object>" for n in range(600)
    )  # 300 KB, and the answer names each
    body = (body + "</Delete>").encode()
    call = wire.Call(
        "s3",
        "POST",
        "/slow-peers?delete=",
        {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()},
        body,
    )
    session = server.session()
    spoken = begin(server, call, door.sign(call, session), len(body))
    for at in range(0, len(body), len(body) // 48):
        spoken.sendall(body[at : at + len(body) // 48])
        threading.Event().wait(0.5)  # a client's pace
    head = first_of(spoken)
    assert head.startswith(b"HTTP/1.1 200") and b"connection: close" not in head
    assert is_whole(spoken, head)
    again = s3.generate_presigned_url("list_buckets")
    spoken.sendall(
        f"GET /{again.split('/', 3)[3]} HTTP/1.1\r\nhost: {again.split('/')[2]}\r\n\r\n".encode()
    )
    assert answer(spoken) == b"200"


def test_a_slow_download_keeps_no_other_file_of_what_is_deleted(fresh_server):
    server = fresh_server
    s3 = s3_of(server)
    s3.put_object(Bucket="slow-peers", Key="slow", Body=b"y" * (32 * MIB))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "slow-peers", "Key": "slow"})
    spoken = begin(server, in_url("GET", url), {"host": url.split("/")[2]}, 0)
    got = spoken.recv(PIECE)
    s3.delete_object(Bucket="slow-peers", Key="slow")
    put_and_delete(s3)
    until(lambda: not files(server))
    got = bytearray(got.partition(b"\r\n\r\n")[2])
    while len(got) < 32 * MIB and (piece := spoken.recv(PIECE)):
        got += piece
    assert got == b"y" * (32 * MIB)


def test_an_upload_that_drips_keeps_nothing_and_is_given_up(fresh_server):
    """Each read of a byte is in time; the body, of five gigabytes, never would be."""
    s3 = s3_of(fresh_server)
    spoken = begin_put(fresh_server, s3, "drips", 5 << 30)
    put_and_delete(s3)
    counts = []
    got = drip(spoken, lambda: counts.append(len(files(fresh_server))))
    assert 0 in counts and got.startswith(b"HTTP/1.1 400") and b"RequestTimeout" in got


def test_an_upload_under_a_key_that_is_disabled_meanwhile_is_ended(fresh_server):
    """Else it would go on with what it knew at its beginning, and keep that moment's files."""
    server, s3, kms = fresh_server, s3_of(fresh_server), fresh_server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    asked = {"x-amz-server-side-encryption": "aws:kms"}
    asked["x-amz-server-side-encryption-aws-kms-key-id"] = key
    call = wire.Call("s3", "PUT", "/slow-peers/slow", asked, b"")
    headers = wire.Wire(server).sign(call, server.session(), payload="UNSIGNED-PAYLOAD")
    spoken = begin(server, call, headers, 1024 * PIECE)
    spoken.settimeout(0.1)
    for n in range(1023):
        if n == 3:
            kms.disable_key(KeyId=key)
        with contextlib.suppress(TimeoutError):
            spoken.sendall(b"x" * PIECE)
            if got := spoken.recv(4096):
                break
    assert got.startswith(b"HTTP/1.1 400") and b"KMS.DisabledException" in got
    until(lambda: not files(server))


def test_a_slow_download_of_code_keeps_no_other_file_of_what_is_deleted(fresh_server):
    server, s3 = fresh_server, s3_of(fresh_server)
    make_function(server, "large", make_role(server, "large"))
    large = zipped(BOOTSTRAP + "\n#" + os.urandom(12 * MIB).hex())
    server.client("lambda").update_function_code(FunctionName="large", ZipFile=large)
    own = set(files(server))
    url = server.client("lambda").get_function(FunctionName="large")["Code"]["Location"]
    spoken = begin(server, in_url("GET", url), {"host": url.split("/")[2]}, 0)
    head = first_of(spoken)
    put_and_delete(s3)
    until(lambda: set(files(server)) <= own)
    assert is_whole(spoken, head)


def test_an_upload_is_finished_when_the_server_stops(fresh_server):
    server = fresh_server
    s3 = s3_of(server)
    spoken, idle = begin_put(server, s3, "slow", 8 * PIECE), begin_put(server, s3, "idle", 0)
    assert answer(idle) == b"200"
    for n in range(8):
        spoken.sendall(b"x" * PIECE)
        if n == 3:
            server.process.send_signal(signal.SIGTERM)
            assert idle.recv(1) == b""  # it has begun to stop
    assert answer(spoken) == b"200"
    assert server.process.wait(timeout=30) == 0
    server.start()
    head = server.client("s3").head_object(Bucket="slow-peers", Key="slow")
    assert head["ContentLength"] == 8 * PIECE


def test_answers_that_nobody_takes_do_not_fill_the_memory(fresh_server):
    """Forty items of control characters, each of which takes six bytes in JSON: an answer was a
    hundred megabytes, held twice, for each connection that asked and did not read."""
    server, door = fresh_server, wire.Wire(fresh_server)
    db, session = server.client("dynamodb"), server.session()
    db.create_table(
        TableName="large",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    keys = [{"k": {"S": str(n)}} for n in range(40)]
    for key in keys:
        db.put_item(TableName="large", Item=key | {"v": {"S": "\x01" * 400_000}})
    ask = wire.dynamodb("BatchGetItem", {"RequestItems": {"large": {"Keys": keys}}})
    got = json.loads(door.ask(ask, session).body)
    assert 6 <= len(got["Responses"]["large"]) <= 8  # 16 MB as they are written
    assert len(got["UnprocessedKeys"]["large"]["Keys"]) == 40 - len(got["Responses"]["large"])

    statements = [
        {"Statement": 'SELECT * FROM "large" WHERE k = ?', "Parameters": [key["k"]]}
        for key in keys[:25]
    ]
    got = db.batch_execute_statement(Statements=statements)["Responses"]
    assert 6 <= sum("Item" in one for one in got) <= 8
    assert {one["Error"]["Code"] for one in got if "Error" in one} == {"RequestLimitExceeded"}

    before, held = resident(server), []
    for _ in range(24):
        spoken = begin(server, ask, door.sign(ask, session), len(ask.body))
        spoken.sendall(ask.body)
        held.append(spoken)
    heads = [first_of(spoken) for spoken in held]  # each answer is made
    if not sanitized():  # a second or two after they were not taken
        until(lambda: resident(server) - before < 700 * MIB, seconds=20)
    assert door.ask(ask, session).status == 200
    whole = [is_whole(spoken, head) for spoken, head in zip(held, heads)]
    assert 1 <= whole.count(True) < 24  # 256 MiB of them are held


def first_of(spoken):
    with contextlib.suppress(OSError):
        return spoken.recv(4096)
    return b""


def is_whole(spoken, got):
    if not got:  # it had to go before its head came
        return False
    head, _, body = got.partition(b"\r\n\r\n")
    left = int(re.search(rb"content-length: (\d+)", head)[1]) - len(body)
    with contextlib.suppress(OSError):
        while left and (piece := spoken.recv(MIB)):
            left -= len(piece)
    return left == 0

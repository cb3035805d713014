# SPDX-License-Identifier: Apache-2.0
"""Strangers and the weakest session against everybody else: connections that ask nothing, bodies
without end, bodies that drip."""
import contextlib
import dataclasses
import functools
import json
import pathlib
import socket
import ssl
import threading

import boto3
import pytest
from botocore.config import Config

import wire
from clock import sanitized
from functions import make_role, until

MIB = 1 << 20
ASK = wire.Call(
    "dynamodb",
    "POST",
    "/",
    {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.ListTables"},
    b"{}",
)


@pytest.fixture(scope="module")
def door(server):
    one = wire.Wire(server)
    one.session = server.session()
    return one


def address_of(server):
    host, port = wire.Wire(server).netloc.rsplit(":", 1)
    return host, int(port)


@contextlib.contextmanager
def idle_strangers(server, count, source="127.0.0.1", tls=True):
    """Connections that spoke TLS and then say nothing."""
    context, held = trusting(server.endpoint["ca_file"]), []
    try:
        for _ in range(count):
            raw = socket.create_connection(
                address_of(server), timeout=30, source_address=(source, 0)
            )
            with contextlib.suppress(OSError):  # some are shut out meanwhile
                held.append(context.wrap_socket(raw, server_hostname="127.0.0.1") if tls else raw)
        yield held
    finally:
        for one in held:
            one.close()


def still_open(sockets):
    def alive(one):
        one.settimeout(0.001)
        try:
            return one.recv(1) != b""
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False

    return sum(alive(one) for one in sockets)


@pytest.mark.parametrize("tls", (True, False), ids=("idle", "before the handshake"))
def test_idle_connections_keep_nobody_out(server, door, tls):
    """2,000 of them from the address that the good client has too: every good request is served,
    each on a connection of its own, and they are kept. They cost little, and no thread."""
    before = resident(server), threads(server)
    with idle_strangers(server, 2000, tls=tls) as held:
        assert [door.ask(ASK, door.session).status for _ in range(100)] == [200] * 100
        assert still_open(held) == 2000
        assert sanitized() or (resident(server) - before[0]) / 2000 < 48 << 10
        until(lambda: threads(server) <= before[1] + 4)


def test_a_burst_from_one_address_is_served(server, door):
    """A client that opens 200 connections and then asks on each: none of them is taken for an
    attack."""
    connections = [door.connect() for _ in range(200)]
    for connection in connections:
        connection.connect()
    assert [
        door.send(ASK, door.sign(ASK, door.session), connection=connection).status
        for connection in connections
    ] == [200] * 200
    for connection in connections:
        connection.close()


def test_who_is_known_is_not_sent_away(server, door):
    """A connection on which a request was proven outlives strangers from anywhere."""
    connection = door.connect()
    assert door.send(ASK, door.sign(ASK, door.session), connection=connection).status == 200
    with contextlib.ExitStack() as stack:
        for source in range(2, 12):
            stack.enter_context(idle_strangers(server, 80, f"127.0.0.{source}", tls=False))
        assert door.send(ASK, door.sign(ASK, door.session), connection=connection).status == 200
    connection.close()


@contextlib.contextmanager
def held_up(server, sessions, count, sent=1):
    """Uploads of one presigned URL a session that never come to their end: `count` connections for
    each, `sent` bytes on each."""
    door, threads, held, lock = wire.Wire(server), [], [], threading.Lock()

    def open_some(url, share):
        for _ in range(share):
            with contextlib.suppress(OSError):
                spoken = begin(
                    server, wire.Call("s3", "PUT", url, {}, b""), {"host": door.netloc}, 8 * MIB
                )
                spoken.sendall(b"x" * sent)
                with lock:
                    held.append(spoken)

    for session in sessions:
        client = boto3.client(
            "s3",
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            region_name=server.endpoint["region"],
            endpoint_url=server.endpoint["endpoint"],
            config=Config(signature_version="s3v4"),
        )
        url = client.generate_presigned_url(
            "put_object", Params={"Bucket": "held-up", "Key": "drip"}
        ).split(door.netloc, 1)[1]
        threads += [threading.Thread(target=open_some, args=(url, count // 8)) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield held
    finally:
        for one in held:
            one.close()


def test_one_presigned_url_holds_up_its_own_session_alone(fresh_server):
    """400 uploads of one URL that stop after a byte: its session has its share of the places and no
    more, and its next request waits for those that are slow; others are served at once."""
    server = fresh_server
    server.client("s3").create_bucket(Bucket="held-up")
    one = server.session()
    with held_up(server, [one], 400) as held:
        door, other = wire.Wire(server), server.session()
        assert [door.ask(ASK, other).status for _ in range(50)] == [200] * 50
        assert still_open(held) >= 256
        assert door.ask(ASK, one).status == 200
        assert still_open(held) < 256  # those whose place it was
    until(lambda: door.ask(ASK, one).status == 200)


def test_two_thousand_connections_at_work_are_all_served(fresh_server):
    """2,000 connections of one session ask at the same time, three times over: each is answered
    when its turn comes, and the threads do not become more than the places."""
    server, door = fresh_server, wire.Wire(fresh_server)
    session, other = server.session(), server.session()
    asking = request_of(server, door.sign(ASK, session))
    most = 0
    with idle_strangers(server, 2000) as held:
        assert len(held) == 2000
        for _ in range(3):
            for one in held:
                one.settimeout(60)
                one.sendall(asking)
            most = max(most, threads(server))
            assert door.ask(ASK, other).status == 200
            assert {answer(one) for one in held} == {b"200"}
    assert most < 700


@pytest.mark.parametrize("sent", (1, MIB), ids=("a byte", "a fast beginning"))
def test_slow_peers_make_room_when_every_connection_is_in_use(fresh_server, sent):
    """Three sessions hold all 512 places with uploads that stop: each newcomer takes the place of
    one of them."""
    server = fresh_server
    server.client("s3").create_bucket(Bucket="held-up")
    good, door = server.session(), wire.Wire(server)
    with held_up(server, [server.session() for _ in range(3)], 192, sent) as held:
        until(
            lambda: all(is_served(door, good) for _ in range(50))
        )  # those that began last are slow a little later
        assert b"400" not in set(
            map(answered, held)
        )  # RequestTimeout: it was not that which made the room


def is_served(door, session):
    with contextlib.suppress(OSError):  # there was no room for the connection
        return door.ask(ASK, session).status == 200
    return False


def answered(spoken):
    """The status that has come, if any has."""
    spoken.settimeout(0.001)
    return answer(spoken)


def status(server, field):
    lines = pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field + ":")))


def rss(server):
    """The most that it ever was."""
    return status(server, "VmHWM") * 1024


def resident(server):
    return status(server, "VmRSS") * 1024


def threads(server):
    return status(server, "Threads")


@functools.cache
def trusting(ca_file):
    return ssl.create_default_context(cafile=ca_file)


def begin(server, call, headers, length, source="127.0.0.1", session=None):
    """Sends the head, and says how long its body will be. `session`: of TLS, to be resumed."""
    spoken = trusting(server.endpoint["ca_file"]).wrap_socket(
        socket.create_connection(address_of(server), timeout=60, source_address=(source, 0)),
        server_hostname="127.0.0.1",
        session=session,
    )
    lines = [
        f"{call.method} {call.target} HTTP/1.1",
        *(
            f"{name}: {value}"
            for name, value in (headers | {"content-length": str(length)}).items()
        ),
        "",
        "",
    ]
    spoken.sendall("\r\n".join(lines).encode())
    return spoken


def request_of(server, headers):
    """The bytes of ASK."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"{ASK.method} {ASK.target} HTTP/1.1", *lines])
    return f"{head}\r\ncontent-length: {len(ASK.body)}\r\n\r\n".encode() + ASK.body


def answer(spoken):
    got = b""
    with contextlib.suppress(OSError):
        while piece := spoken.recv(65536):
            got += piece
            if b"\r\n\r\n" in got:
                break
    return got.split(b" ", 2)[1] if got else b""


BIG = wire.Call(
    "lambda", "POST", "/2015-03-31/functions", {"content-type": "application/json"}, b""
)


def test_the_head_is_proven_before_the_body_where_it_can_be(server, door):
    """A signed header names the payload's hash: a wrong signature is told before a byte of the body
    is wanted."""
    headers = door.sign(
        dataclasses.replace(
            BIG, service="lambda", headers=BIG.headers | {"x-amz-content-sha256": "a" * 64}
        ),
        door.session,
        payload="a" * 64,
    )
    forged = headers | {
        "authorization": headers["authorization"][:-1]
        + ("0" if headers["authorization"][-1] != "0" else "1")
    }
    spoken = begin(server, BIG, forged | {"expect": "100-continue"}, 60 * MIB)
    assert answer(spoken) == b"403"
    spoken = begin(server, BIG, headers | {"expect": "100-continue"}, 3)
    assert answer(spoken) == b"100"  # proven; the body is wanted
    spoken.sendall(b"{}\n")
    assert answer(spoken) == b"403"  # and is not what was signed


def test_who_can_never_be_allowed_is_told_before_his_large_body(server, door):
    """No policy of the role allows the action: nothing of 16 MiB is read. Only who has proven the
    head is told; a forged signature learns nothing of the role. A small body is read, and its
    record says what was asked."""
    from functions import trust

    iam = server.client("iam")
    iam.create_role(
        RoleName="powerless",
        AssumeRolePolicyDocument=trust("ec2.amazonaws.com").replace(
            '{"Service": ["ec2.amazonaws.com"]}',
            '{"AWS": "arn:aws:iam::%s:root"}' % server.endpoint["account_id"],
        ),
    )
    put = dataclasses.replace(
        ASK, headers=ASK.headers | {"x-amz-target": "DynamoDB_20120810.PutItem"}
    )
    for call, length, code in ((put, 16 * MIB, b"400"), (BIG, 60 * MIB, b"403")):
        powerless = server.session("powerless")
        call = dataclasses.replace(call, headers=call.headers | {"x-amz-content-sha256": "a" * 64})
        headers = door.sign(call, powerless, payload="a" * 64) | {"expect": "100-continue"}
        spoken = begin(server, call, headers, length)
        assert answer(spoken) == code  # and not 100
        forged = headers | {"authorization": headers["authorization"][:-4] + "0000"}
        spoken = begin(server, call, forged, length)
        told = spoken.recv(65536)
        assert b"InvalidSignatureException" in told and b"powerless" not in told
        iam.put_role_policy(
            RoleName="powerless",
            PolicyName="some",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["dynamodb:Put*", "lambda:Create*"],
                            "Resource": "arn:aws:dynamodb:*:*:table/elsewhere",
                        }
                    ],
                }
            ),
        )
        spoken = begin(server, call, headers, length)
        assert answer(spoken) == b"100"  # somewhere it might: the body says where
        iam.delete_role_policy(RoleName="powerless", PolicyName="some")
    assert (
        door.ask(
            dataclasses.replace(put, body=b'{"TableName": "here", "Item": {}}'), powerless
        ).code
        == "AccessDeniedException"
    )


def test_bodies_have_a_budget(fresh_server):
    """Who holds a token and no key sends twelve bodies of 60 MiB, and a hundred connections of the
    weakest session send 16 MiB each: the server's memory stays within its budget, and others are
    served meanwhile."""
    server = fresh_server
    make_role(server, "weakest", service="ec2.amazonaws.com")
    server.client("iam").update_assume_role_policy(
        RoleName="weakest",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{server.endpoint['account_id']}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    server.client("iam").put_role_policy(
        RoleName="weakest",
        PolicyName="nowhere",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["dynamodb:*", "lambda:*"],
                        "Resource": "arn:aws:dynamodb:*:*:table/nowhere",
                    }
                ],
            }
        ),
    )  # else it is told before its body
    weakest, door = server.session("weakest"), wire.Wire(server)
    before, codes, lock = rss(server), [], threading.Lock()

    def attack(call, headers, length, source):
        spoken = begin(server, call, headers, length, source)
        with contextlib.suppress(OSError):
            for _ in range(length // MIB):
                spoken.sendall(b"[" * MIB)
        code = answer(spoken)
        with lock:
            codes.append(code)
        spoken.close()

    forged = door.sign(BIG, weakest) | {
        "authorization": door.sign(BIG, weakest)["authorization"][:-4] + "0000"
    }
    item = dataclasses.replace(
        ASK, headers=ASK.headers | {"x-amz-target": "DynamoDB_20120810.PutItem"}
    )
    threads = [
        threading.Thread(target=attack, args=(BIG, forged, 60 * MIB, f"127.0.0.{n + 2}"))
        for n in range(12)
    ]
    threads += [
        threading.Thread(
            target=attack,
            args=(
                item,
                door.sign(dataclasses.replace(item, body=b"[" * (16 * MIB)), weakest),
                16 * MIB,
                f"127.0.1.{n % 4 + 2}",
            ),
        )
        for n in range(100)
    ]
    for thread in threads:
        thread.start()
    good = server.session()
    served = [door.ask(ASK, good) for _ in range(20)]
    for thread in threads:
        thread.join()
    assert [(one.status, one.code) for one in served] == [(200, "")] * 20
    assert b"429" in codes or b"400" in codes  # some found no room
    print(
        "peak",
        (rss(server) - before) // MIB,
        "MiB;",
        {code: codes.count(code) for code in set(codes)},
    )
    assert sanitized() or rss(server) - before < 400 * MIB


def drip(spoken, between=lambda: None):
    """Sends a byte now and then until it is answered."""
    spoken.settimeout(0.5)
    for _ in range(200):
        with contextlib.suppress(TimeoutError):
            spoken.sendall(b" ")
            if got := spoken.recv(4096):
                return got
        between()
    raise AssertionError("it is never given up")


def test_a_body_that_drips_is_given_up(server, door):
    """One byte a second would hold its memory for weeks; each single read is in time."""
    got = drip(begin(server, ASK, door.sign(ASK, door.session), 2000))
    assert got.startswith(b"HTTP/1.1 400") and b"RequestTimeout" in got


def test_strangers_from_everywhere_cost_next_to_nothing(fresh_server):
    """12,000 addresses, one forged call each: the disk and the memory of the server hold a count of
    most of them."""
    server, door = fresh_server, wire.Wire(fresh_server)
    session = server.session()
    forged = door.sign(ASK, session) | {
        "authorization": door.sign(ASK, session)["authorization"][:-4] + "0000"
    }
    _, tls = ask(server, forged, "127.0.0.1")
    size, memory, codes = on_disk(server), rss(server), set()

    def some(share):
        for n in share:
            code, _ = ask(server, forged, f"127.1.{n // 200}.{n % 200 + 1}", tls)
            codes.add(code)

    threads = [threading.Thread(target=some, args=(range(n, 12_000, 16),)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        "on disk",
        (on_disk(server) - size) // 1000,
        "kB; in memory",
        (rss(server) - memory) // 1000,
        "kB",
    )
    assert codes == {b"400"}
    assert on_disk(server) - size < 4 * MIB
    assert sanitized() or rss(server) - memory < 32 * MIB
    assert door.ask(ASK, session).status == 200


def ask(server, headers, source, session=None):
    """The status, and a session of TLS: a handshake that resumes one takes half the time."""
    spoken = begin(server, ASK, headers, len(ASK.body), source, session)
    spoken.sendall(ASK.body)
    code, session = answer(spoken), spoken.session
    spoken.close()
    return code, session


def on_disk(server):
    return sum(
        file.stat().st_size for file in pathlib.Path(server.data_dir).rglob("*") if file.is_file()
    )

# SPDX-License-Identifier: Apache-2.0
"""Every row of the operation table against every way to be refused: the expected error in the row's
own dialect, an unchanged store, exactly one audit record. The rows come from the program itself, so
that a new operation is tested by its sample alone (samples.py)."""
import collections
import dataclasses
import functools
import json
import resource
import subprocess

import pytest

import samples
import wire
from conftest import SLUICE, Server
from records import lasting

TABLE = json.loads(
    subprocess.run(
        [SLUICE.parent / "operations"], capture_output=True, text=True, check=True
    ).stdout
)
# What is not signed with a session's key: tests/test_web_identity.py, tests/test_rolesanywhere.py.
ROWS = [(service, row) for service in TABLE for row in service["rows"] if row["signed"]]
# What AWS says, by protocol (S3 "Error responses"; IAM "Common errors").
NO_CREDENTIALS = {
    "rest-xml": (403, "AccessDenied"),
    "query": (403, "MissingAuthenticationToken"),
    "json10": (400, "MissingAuthenticationTokenException"),
    "json11": (400, "MissingAuthenticationTokenException"),
    "rest-json": (403, "MissingAuthenticationTokenException"),
}
# No host and no path tells it from S3, whose bucket may have any name.
PROTOCOL_OF_A_STRANGER = {"rolesanywhere": "rest-xml"}
TAMPERED = {
    "rest-xml": (403, "SignatureDoesNotMatch"),
    "query": (403, "SignatureDoesNotMatch"),
    "json10": (400, "InvalidSignatureException"),
    "json11": (400, "InvalidSignatureException"),
    "rest-json": (403, "InvalidSignatureException"),
}
NO_POLICY = {
    "rest-xml": (403, "AccessDenied"),
    "query": (403, "AccessDenied"),
    "json10": (400, "AccessDeniedException"),
    "json11": (400, "AccessDeniedException"),
    "rest-json": (403, "AccessDeniedException"),
}
TOO_LARGE = {
    "rest-xml": (400, "MaxMessageLengthExceeded"),
    "query": (413, "RequestEntityTooLarge"),
    "json10": (413, "RequestEntityTooLarge"),
    "json11": (413, "RequestEntityTooLarge"),
    "rest-json": (413, "RequestTooLargeException"),
}
MALFORMED = {
    "rest-xml": (400, "MalformedXML"),
    "query": (404, "MalformedQueryString"),
    "json10": (400, "SerializationException"),
    "json11": (400, "SerializationException"),
    "rest-json": (400, "InvalidRequestContentException"),
}
MALFORMED_ROW = {
    "s3:PutBucketPolicy": (400, "MalformedPolicy"),  # its document is JSON
    **{
        f"rolesanywhere:{verb}{kind}": (400, "ValidationException")
        for kind in ("TrustAnchor", "Profile", "Crl")
        for verb in ("Create", "Import", "Update")
    },
    "rolesanywhere:PutAttributeMapping": (400, "ValidationException"),
}
BODY_BYTES_MAX = collections.defaultdict(
    lambda: 2 << 20, {"dynamodb": 17 << 20, "lambda": 70 << 20, "monitoring": 1 << 20}
)
OBJECT_BYTES_MAX = 5 << 30


class Matrix:
    """A server, its samples as requests, and what happened since the last look into its store."""

    def __init__(self, directory):
        self.server = Server(directory).start()
        world = samples.World(self.server)
        self.calls, self.client = {}, functools.cache(self.server.client)
        for service, wanted in samples.samples(world).items():
            for operation, arguments in wanted.items():
                client = self.client(samples.sdk_name(service, operation))
                self.calls[f"{service}:{operation}"] = call = wire.capture(
                    client, operation, arguments
                )
                if service == "monitoring":  # one table, two protocols
                    self.calls[f"{service}:{operation}"] = wire.as_json(
                        call, f"GraniteServiceVersion20100801.{operation}", arguments
                    )
                    self.calls[f"{service}:{operation} (query)"] = wire.as_query(
                        call, operation, "2010-08-01", arguments
                    )
        self.restart()

    def restart(self):
        """Stops, looks at what is kept, starts again."""
        if self.server.process.poll() is None:
            assert self.server.stop() == 0
        dump = json.loads(
            subprocess.run(
                [SLUICE.parent / "dump", self.server.data_dir],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        self.server.start()
        self.operator, self.bare = self.server.session(), self.server.session("bare")
        self.wire = wire.Wire(self.server)
        self.keys, self.records = lasting(dump["keys"]), collections.defaultdict(list)
        for record in dump["audit"]:
            self.records[record["requestID"]].append(record)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    one = Matrix(tmp_path_factory.mktemp("matrix"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


def name_of(service, row):
    return f"{service['service']}:{row['name']}" + (
        " (query)" if (service["service"], service["protocol"]) == ("monitoring", "query") else ""
    )


def check_column(matrix, column, audited=True):
    """Runs `column(service, row, call) -> (answer, (status, code))` for every row, then looks into
    the store."""
    before, problems, answers = matrix.keys, [], []
    for service, row in ROWS:
        call = matrix.calls.get(
            name_of(service, row)
        )  # test_every_operation_has_a_sample says what is missing
        outcome = column(service, row, call) if call else None
        if outcome is None:
            continue
        answer, (status, code) = outcome
        shown = "" if call.method == "HEAD" else code
        if (answer.status, answer.code) != (status, shown):
            problems.append(f"{name_of(service, row)}: {answer}, not {status} {shown}")
        answers.append((service, row, answer, code))
    matrix.restart()
    for service, row, answer, code in answers:
        found = matrix.records[answer.request_id]
        wanted = code.removesuffix("Exception") if code.startswith("AccessDenied") else code
        if len(found) != (1 if audited else 0):
            problems.append(f"{name_of(service, row)}: {len(found)} audit records")
        elif audited and found[0].get("errorCode") != (wanted or None):
            problems.append(
                f"{name_of(service, row)}: recorded as {found[0].get('errorCode')}, not {wanted}"
            )
        elif (
            service["protocol"] == "query"
            and audited
            and found[0]["eventName"] == "POST"
            and found[0].get("additionalEventData", {}).get("payloadProven") is False
        ):
            continue  # the name stands in the body, which was not read
        elif (
            audited
            and "userIdentity" in found[0]
            and found[0]["userIdentity"]["type"] != "Unknown"
            and found[0]["eventName"] != row["event_name"]
        ):
            problems.append(f"{name_of(service, row)}: recorded as {found[0]['eventName']}")
    changed = sorted(
        key for key in before.keys() | matrix.keys.keys() if before.get(key) != matrix.keys.get(key)
    )
    if changed:
        problems.append(f"the store changed: {changed}")
    assert not problems, "\n".join(problems)
    return len(answers)


def test_every_operation_has_a_sample(matrix):
    names = {name_of(service, row) for service, row in ROWS}
    assert names - matrix.calls.keys() == samples.SENT_BY_NO_SDK, "add a line to tests/samples.py"
    assert matrix.calls.keys() - names == set(), "no such operation"


def test_without_credentials(matrix):
    check_column(
        matrix,
        lambda service, row, call: (
            matrix.wire.send(call, call.headers, stranger=True),
            NO_CREDENTIALS[PROTOCOL_OF_A_STRANGER.get(service["service"], service["protocol"])],
        ),
    )


def test_with_a_tampered_signature(matrix):
    def column(service, row, call):
        headers = matrix.wire.sign(call, matrix.operator)
        last = headers["authorization"][-1]
        headers["authorization"] = headers["authorization"][:-1] + ("0" if last != "0" else "1")
        return matrix.wire.send(call, headers, stranger=True), TAMPERED[service["protocol"]]

    check_column(matrix, column)


def test_of_a_role_without_a_policy(matrix):
    """The test that fails when the authorise step is forgotten: these requests are valid, and
    nothing allows them."""

    def column(service, row, call):
        if name_of(service, row) in samples.REFUSED_BY_PART:
            return None
        if name_of(service, row) in samples.NEEDS_NOTHING:
            refused = samples.ALWAYS_REFUSED.get(name_of(service, row))
            return matrix.wire.ask(call, matrix.bare), (403, refused) if refused else (200, "")
        return matrix.wire.ask(call, matrix.bare), NO_POLICY[service["protocol"]]

    assert check_column(matrix, column) >= len(matrix.calls) - len(samples.REFUSED_BY_PART)


def test_with_too_large_a_body(matrix):
    """Refused from the head alone: not a byte of the body is sent."""

    def column(service, row, call):
        size = OBJECT_BYTES_MAX if row["streams"] else BODY_BYTES_MAX[service["service"]]
        headers = matrix.wire.sign(
            call,
            matrix.operator,
            payload="UNSIGNED-PAYLOAD" if service["service"] == "s3" else None,
        )
        headers |= {"content-length": str(size + 1), "expect": "100-continue"}
        return (
            matrix.wire.send(call, headers, stranger=True, body=b""),
            (400, "EntityTooLarge") if row["streams"] else TOO_LARGE[service["protocol"]],
        )

    check_column(matrix, column)


@pytest.mark.parametrize(
    "service", TABLE, ids=lambda service: f"{service['service']}-{service['protocol']}"
)
def test_the_limit_of_a_body_is_exact(matrix, service):
    """Chunked, so that the head does not tell: at the limit the size is no reason, one past it it
    is."""
    protocol, name = next(
        (service["protocol"], name_of(service, r))
        for r in service["rows"]
        if r["signed"]
        and not r["streams"]
        and not r["header"]
        and r["method"] in ("", "POST", "PUT")
    )
    call = matrix.calls[name]
    for extra in (0, 1):
        big = dataclasses.replace(call, body=b" " * (BODY_BYTES_MAX[service["service"]] + extra))
        headers = matrix.wire.sign(big, matrix.operator) | {"transfer-encoding": "chunked"}
        answer = matrix.wire.send(big, headers, stranger=True, chunked=True)
        assert ((answer.status, answer.code) == TOO_LARGE[protocol]) == bool(extra), answer


def malformed(service, row, call):
    """The request with a body that is not what its protocol asks; None when the operation takes no
    document."""
    if service["protocol"] == "query":
        return dataclasses.replace(call, body=call.body + b"&RoleName=%zz")
    if service["protocol"].startswith("json"):
        return dataclasses.replace(call, body=b'{"' + row["name"].encode())
    if row["method"] in ("GET", "HEAD", "DELETE") or row["streams"] or not call.body:
        return None
    body = call.body[:-1] + b"<"
    return dataclasses.replace(
        call,
        body=body,
        headers=wire.with_md5(call.headers, body) if service["service"] == "s3" else call.headers,
    )


def test_with_a_malformed_body(matrix):
    def column(service, row, call):
        bad = malformed(service, row, call)
        if bad is None:
            return None
        return matrix.wire.ask(bad, matrix.operator), MALFORMED_ROW.get(
            name_of(service, row), MALFORMED[service["protocol"]]
        )

    assert check_column(matrix, column) > len(ROWS) * 0.6


def test_with_chunks_that_are_malformed(matrix):
    def column(service, row, call):
        if not row["streams"]:
            return None
        bad = dataclasses.replace(
            call,
            body=b"zz\r\nhello\r\n0\r\n\r\n",
            headers=call.headers
            | {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"},
        )
        headers = matrix.wire.sign(
            bad, matrix.operator, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        )
        return matrix.wire.send(bad, headers), (400, "InvalidRequest")

    assert check_column(matrix, column)


def test_when_the_commit_fails(matrix):
    """No audit record, no answer: when the disk takes nothing more, every call fails, also those
    that only read, the server ends with the status that asks for a new start, and nothing has
    changed when it was started again."""

    def column(service, row, call):
        resource.prlimit(
            matrix.server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)
        )
        answer = matrix.wire.ask(call, matrix.operator)
        assert matrix.server.process.wait(timeout=30) == 75
        matrix.server.process.stdout.close()
        matrix.server.start()
        matrix.wire = wire.Wire(matrix.server)
        return answer, (503, "ServiceUnavailable")

    check_column(matrix, column, audited=False)


def test_when_an_object_does_not_fit_on_the_disk(matrix):
    """The spool of a large object meets the full disk before its commit does: nothing of it is
    left, and the store goes on."""
    blobs = sorted(path for path in (matrix.server.data_dir / "blobs").rglob("*") if path.is_file())
    call = dataclasses.replace(matrix.calls["s3:PutObject"], body=b"x" * (1 << 20))
    resource.prlimit(
        matrix.server.process.pid, resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY)
    )
    answer = matrix.wire.ask(call, matrix.operator)
    resource.prlimit(
        matrix.server.process.pid,
        resource.RLIMIT_FSIZE,
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    )
    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    assert (
        sorted(path for path in (matrix.server.data_dir / "blobs").rglob("*") if path.is_file())
        == blobs
    )
    before = matrix.keys
    matrix.restart()
    assert matrix.keys == before and [
        record["errorCode"] for record in matrix.records[answer.request_id]
    ] == ["ServiceUnavailable"]


def test_every_sample_succeeds(matrix):
    """Last, since it changes things: what was refused above was refused for the reason given, and
    each success leaves one record too."""
    problems, answers = [], []
    for name, call in matrix.calls.items():
        answer = matrix.wire.ask(call, matrix.operator)
        wanted = samples.ALWAYS_REFUSED.get(name, "")
        if answer.status >= 300 and not wanted or answer.code != wanted:
            problems.append(f"{name}: {answer} {answer.body[:300]!r}")
        answers.append((name, answer, wanted))
    matrix.restart()
    problems += [
        f"{name}: {matrix.records[answer.request_id]}"
        for name, answer, wanted in answers
        if [record.get("errorCode", "") for record in matrix.records[answer.request_id]] != [wanted]
    ]
    assert not problems, "\n".join(problems)

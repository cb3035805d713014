# SPDX-License-Identifier: Apache-2.0
"""lambda/ingestion_lambda.py judges records as the function in C++ does (src/ingest), to the
byte."""
import base64
import gzip
import importlib.util
import json
import os
import random
import struct
import subprocess

import pytest

from conftest import ROOT, SEED
from test_hostile_json import DOCUMENTS

READINGS = ROOT.parent / "shared" / "data" / "readings"
GOOD = b'{"device_id":"d","timestamp":"2026-02-01T10:00:00Z","value":1}'


@pytest.fixture(scope="module")
def function():
    """The module as Lambda imports it."""
    kept = dict(os.environ)
    os.environ.update(TABLE_NAME="T", AWS_DEFAULT_REGION="us-east-1")
    try:
        path = ROOT / "lambda" / "ingestion_lambda.py"
        spec = importlib.util.spec_from_file_location("ingestion_lambda", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        os.environ.clear()
        os.environ.update(kept)


def judged_in_cxx(documents):
    frames = b"".join(struct.pack(">I", len(one)) + one for one in documents)
    done = subprocess.run([ROOT / "build" / "judge"], input=frames, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]


def judged_in_python(function, document, chunk):
    function.CHUNK_BYTES = chunk
    chunks = [document[at : at + chunk] for at in range(0, len(document), chunk)]
    plain = function.Plain(chunks)
    records = []
    for record in function.Splitter(plain):
        out = {"index": record.index, "offset": record.offset}
        try:
            if record.broken:
                raise record.broken
            out["item"] = function.item_of(record)
        except function.Rejection as why:
            out |= {"code": why.code, "message": why.message}
            out["record"] = base64.b64encode(record.text).decode()
        records.append(out)
    return {"records": records, "damage": plain.damage or ""}


def check_same(function, documents, chunks=(1 << 18,)):
    for document, expected in zip(documents, judged_in_cxx(documents), strict=True):
        for chunk in chunks:
            got = judged_in_python(function, document, chunk)
            assert got == expected, f"{document[:2000]!r} in pieces of {chunk}"


def test_every_document_of_the_corpus(function):
    check_same(function, list(DOCUMENTS.values()))
    small = [document for document in DOCUMENTS.values() if len(document) < 1000]
    check_same(function, small, chunks=(1, 7))


def test_every_document_of_the_corpus_as_a_part_of_a_record(function):
    """So that what is inside of values is judged too."""
    start, end = b'{"device_id":"d","timestamp":"2026-02-01T10:00:00Z","value":1,"x":', b"}"
    whole = [start + document + end for document in DOCUMENTS.values()]
    check_same(function, whole)
    check_same(function, [b"[" + GOOD + b"," + one + b"]" for one in whole])


def test_all_readings(function):
    documents = [path.read_bytes() for path in sorted(READINGS.glob("*.json"))]
    assert len(documents) == 31
    check_same(function, documents)


@pytest.mark.parametrize(
    "value",
    "0 -0 0.0 -0.00e5 1 -1 1.50 1e2 1E+2 1e-2 1e125 9.99e125 1e126 1e-130 1e-131 0.1e-129 0.1e-130 "
    "0.000e-200000 1e100001 1e0000000000000000002 12345678901234567890123456789012345678 "
    "123456789012345678901234567890123456789 1234567890123456789012345678901234567800 "
    "1e2147483647 1e2147483648 1e99999999999999999999 01 -01 1. .5 1.e5 1e 1e+ - +1 -x 0x1 1_0 "
    'NaN Infinity -Infinity tru true false null nulL "1" [] {} [1,] [,] {"a" 1} {"a":}'.split(),
)
def test_values(function, value):
    record = b'{"device_id":"d","timestamp":"2026-02-01T10:00:00Z",%s:' + value.encode() + b"}"
    check_same(function, [record % b'"value"', record % b'"value":1,"x"', record % b'"device_id"'])


@pytest.mark.parametrize(
    "timestamp",
    "2026-02-01T10:00:00Z 2026-02-01t10:00:00z 2026-02-01T12:00:00.50+02:00 2024-02-29T23:59:59Z "
    "2026-02-29T00:00:00Z 2026-12-31T23:30:00-01:00 2026-01-01T00:30:00+01:00 2026-02-01 "
    "2024-03-01T00:00:00+23:59 0000-01-01T00:00:00Z 0000-01-01T00:00:00+00:01 0000-02-29T00:00:00Z "
    "9999-12-31T23:59:59-00:01 2026-02-01T10:00:60Z 2026-02-01T24:00:00Z 2026-13-01T00:00:00Z "
    "2026-00-01T00:00:00Z 2026-02-01T10:00:00 2026-02-01T10:00:00.Z 2026-02-01T10:00:00+24:00 "
    "2026-02-01T10:00:00+02:60 2026-02-01T10:00:00+0200 2026-02-01T10:00:00Zx "
    "2026-02-01T10:00:00.Z+1 ２026-02-01T10:00:00Z".split()
    + ["2026-02-01T10:00:00." + "1" * digits + "Z" for digits in (1003, 1004)],
)
def test_timestamps(function, timestamp):
    record = {"device_id": "d", "timestamp": timestamp, "value": 1}
    check_same(function, [json.dumps(record).encode()])


def test_strings_and_limits(function):
    def record(device_id=b"d", more=b""):
        return b'{"device_id":"%s","timestamp":"2026-02-01T10:00:00Z","value":1%s}' % (
            device_id,
            more,
        )

    long_name = "é".encode() * 60
    documents = [
        record(one)
        for one in (
            b"",
            b"x" * 2048,
            b"x" * 2049,
            "é".encode() * 1024,
            "é".encode() * 1025,
            b"\\u0000",
            b"\\ud83d\\ude00",
            b"\\ud83d",
            b"\\ude00",
            b"\\ud83dx",
            b"\\ud83d\\u0041",
            b"\\uD83D\\uDE0",
            b"\\x",
            b"\\",
            b"\xff",
            b"a\tb",
            b'\\/\\b\\f\\n\\r\\t\\"',
            b"\xc2\x85\x7f",
        )
    ]
    for levels in (30, 31, 32, 100, 5000):
        documents.append(record(more=b',"deep":' + b"[" * levels + b"]" * levels))
        documents.append(record(more=b',"deep":' + b'{"a":' * levels + b"1" + b"}" * levels))
    documents += [
        record(more=b',"x":1,"x":2'),
        record(more=b',"x":{"y":1,"y":2}'),
        record(more=b',"%s":1,"%s":2' % (long_name, long_name)),
        record(more=b',"%sx":1,"%sx":2' % (b"a" + long_name, b"a" + long_name)),
        record(more=b',"' + b"y" * (400 * 1024 - 70) + b'":1'),
        record(more=b',"' + b"y" * (400 * 1024) + b'":1'),
        b"[" + record() + b" " * (400 * 1024) + b"," + record() + b"]",
        b"[" + b"x" * (500 * 1024) + b"," + record() + b"]",
        b"\xef\xbb\xbf" + record(),
        b"\xef\xbb" + record(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + record(),
        b"[" + record() + b"]\n" + record(),
        b"[" + record() + b"] " + b"z" * (500 * 1024),
        b"[]",
        b"[,]",
        b"[" + record() + b",]",
        b"[" + record() + b",," + record() + b"]",
        b"[" + record() + b" x," + record() + b"]",
        b"[" + record(),
        b"[",
        b"",
        b" \n",
        record() + record() + b"\n7\ntrue\n" + record() + b"x\n" + record(),
        record()[:-1] + b"\n" + record() + b"\n",
        record()[:-1] + b",\n" + record() + b"}\n" + record(),
        record()[:30] + b"\n" + record(),
        b'{"a":[\n' + record() + b"\n]}\n" + record(),
    ]
    check_same(function, documents, chunks=(1 << 18, 4096))


def mutated(chance, document):
    data = bytearray(document)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        act = chance.randrange(4)
        if act == 0:
            data[at] = chance.randrange(256)
        elif act == 1:
            data[at : at + chance.randint(0, 9)] = b""
        elif act == 2:
            data[at:at] = chance.choice([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n"])
        else:
            start = chance.randrange(len(data))
            data[at:at] = data[start : start + chance.randint(1, 60)]
        data = data or bytearray(b"x")
    return bytes(data)


def test_damaged_documents(function):
    chance = random.Random(SEED)
    records = [
        GOOD,
        '{"device_id":"é\\u00e9","timestamp":"2026-02-01T10:00:00.5+01:00","value":-1.5e3,'
        '"x":[1,{"y":null}],"z":"\\ud83d\\ude00"}'.encode(),
    ]
    whole = [
        b"[" + b",\n".join(records * 2) + b"]",
        b"\n".join(records * 2) + b"\n",
        json.dumps([json.loads(one) for one in records], indent=2).encode(),
    ]
    documents = [mutated(chance, chance.choice(whole)) for _ in range(6000)]
    check_same(function, documents, chunks=(1 << 18, chance.randint(1, 300)))


def test_gzip_whole_and_damaged(function):
    chance = random.Random(SEED)
    lines = b"\n".join(GOOD.replace(b"1}", b"%d}" % n) for n in range(300))
    packed = gzip.compress(lines, mtime=0)
    documents = [
        packed,
        packed + gzip.compress(b"\n" + GOOD),
        packed + b"\0",
        packed[:-1],
        packed[:10],
        b"\x1f",
        b"\x1f\x8b",
    ]
    documents += [packed[: chance.randrange(2, len(packed))] for _ in range(50)]
    for _ in range(500):
        data = bytearray(packed)
        data[chance.randrange(2, len(data))] ^= 1 << chance.randrange(8)
        documents.append(bytes(data))
    check_same(function, documents, chunks=(1 << 18, 64))

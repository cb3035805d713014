# SPDX-License-Identifier: Apache-2.0
"""The ingest function in Python: an S3 event names objects of JSON records; the good records go
into the DynamoDB table, the others into the quarantine bucket with the reason, and one line of log
accounts for every record.

An object is a JSON array of records, one record, or records one after the other (newline-delimited
JSON), plain or gzip. A record is a JSON object with
  device_id  a string of 1 to 2,048 bytes: the partition key
  timestamp  an RFC 3339 date-time with an offset: the sort key, kept in UTC
  value      a number of at most 38 significant digits, which never becomes a float
and any other members. src/ingest/ has the same rules in C++ and gives the same results.

Environment:
  TABLE_NAME         the table
  QUARANTINE_BUCKET  where rejected records go. Without it they stay in the uploaded object only,
                     and the log says which ones they are.
Handler: ingestion_lambda.lambda_handler
"""
import array
import base64
import calendar
import collections
import dataclasses
import hashlib
import json
import os
import random
import re
import time
import urllib.parse
import zlib

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

RECORD_BYTES_MAX = 400 * 1024  # DynamoDB's limit of an item; no more is kept of a record
DEVICE_ID_BYTES_MAX = 2048
TIMESTAMP_BYTES_MAX = 1024
DEPTH_MAX = 32
BATCH_ITEMS_MAX = 25
BATCH_BYTES_MAX = 1 << 20
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.025, 5.0
DEADLINE_MARGIN_S = 2.0  # kept for the answer
QUARANTINE_FILE_BYTES = 4 << 20
QUARANTINE_STEM_BYTES_MAX = 900
DOWNLOAD_TRIES = 3
CHUNK_BYTES = 256 * 1024
REJECTIONS_LOGGED_MAX = 100

# The items are checked here and by the table: a third check, by the SDK, would cost half the time.
DYNAMODB = boto3.client("dynamodb", config=Config(parameter_validation=False))
S3 = boto3.client("s3")
TABLE = os.environ["TABLE_NAME"]
QUARANTINE_BUCKET = os.environ.get("QUARANTINE_BUCKET", "")

MALFORMED = "the record is not one JSON value (RFC 8259)"
NO_OBJECT = ("NotAnObject", "a record is a JSON object")
TOO_DEEP = ("TooDeep", "an item nests at most 32 levels")
NOT_A_TIMESTAMP = (
    "InvalidTimestamp",
    "timestamp must be an RFC 3339 date-time with an offset, such as 2026-02-01T10:00:00Z",
)


class Rejection(Exception):
    """Why a record is not stored."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


@dataclasses.dataclass
class Record:
    index: int  # which record of the object it is
    offset: int  # at which byte of the decompressed object it begins
    text: bytes  # as it came, at most RECORD_BYTES_MAX
    value: object = None  # what the text says, when the splitter has parsed it on the way
    broken: Rejection = None


# ---- From bytes to records


class Plain:
    """The bytes of an object, inflated when they are gzip (RFC 1952, also several members).
    `damage` says what is wrong with them when they ended early for it."""

    def __init__(self, chunks):
        self.chunks, self.damage = iter(chunks), None

    def __iter__(self):
        head = b""
        for chunk in self.chunks:
            head += chunk
            if len(head) >= 2:
                break
        if not head.startswith(b"\x1f\x8b"):
            yield head
            yield from self.chunks
            return
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        piece = head
        while piece is not None:
            out = b""
            while piece or len(out) == CHUNK_BYTES:  # it may have more to say
                if member.eof:
                    member = zlib.decompressobj(16 + zlib.MAX_WBITS)
                before = member.copy()
                try:
                    out = member.decompress(piece, CHUNK_BYTES)
                except zlib.error:
                    yield self.up_to_the_damage(before, piece)
                    self.damage = "the gzip data is damaged"
                    return
                if out:
                    yield out
                piece = member.unused_data if member.eof else member.unconsumed_tail
            piece = next(self.chunks, None)
        if not member.eof:
            self.damage = "the gzip data ends early"

    @staticmethod
    def up_to_the_damage(member, piece):
        """zlib gives nothing of a call that fails, so the calls are made small. A byte that comes
        of the same byte as the damage is lost."""
        out = bytearray()
        try:
            for at in range(len(piece)):
                some = piece[at : at + 1]
                while byte := member.decompress(some, 1):
                    out += byte
                    some = member.unconsumed_tail
        except zlib.error:
            pass
        return bytes(out)


BLANK = re.compile(rb"[ \t\r\n]*")
OPENING, CLOSING = b"{[", b"}]"


class Number(str):
    """A JSON number as it came."""


def refuse_constant(name):
    raise ValueError(name)  # NaN and Infinity, which Python takes for JSON


DECODER = json.JSONDecoder(
    parse_float=Number,
    parse_int=Number,
    parse_constant=refuse_constant,
    object_pairs_hook=lambda pairs: unique(pairs),
)


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")  # whether that matters, judge() knows
    return members


class Splitter:
    """Cuts a stream of bytes into records, in bounded memory. Most records are JSON, and their end
    is where Python's parser says. Any other is cut by its strings and brackets alone; one that is
    not closed ends where the next line begins an object, so that a broken line costs one record."""

    def __init__(self, chunks):
        self.chunks = iter(chunks)
        self.data, self.at, self.dropped = b"", 0, 0
        self.next_index = 0
        self.text, self.too_large, self.offset = bytearray(), False, 0

    def more(self):
        """Reads on, never in small pieces: parsed() begins its record again after each. False:
        there is no more."""
        pieces, size = [self.data[self.at :]], 0
        while size < CHUNK_BYTES and (chunk := next(self.chunks, None)) is not None:
            pieces.append(chunk)
            size += len(chunk)
        self.dropped += self.at
        self.data, self.at = b"".join(pieces), 0
        return size > 0

    def look(self):
        """The next byte; None at the end."""
        while self.at >= len(self.data):
            if not self.more():
                return None
        return self.data[self.at]

    def skip_blanks(self):
        while True:
            self.at = BLANK.match(self.data, self.at).end()
            if self.at < len(self.data) or not self.more():
                return self.look()

    def begin(self):
        self.text, self.too_large, self.offset = bytearray(), False, self.dropped + self.at

    def keep(self, byte):
        self.at += 1
        if len(self.text) < RECORD_BYTES_MAX:
            self.text.append(byte)
        else:
            self.too_large = True

    def record(self, why=None):
        broken = Rejection("MalformedJson", why) if why else None
        if self.too_large:
            broken = Rejection(
                "RecordTooLarge",
                "a record is at most 409600 bytes; what is kept here is its beginning",
            )
        text = bytes(self.text).rstrip(b" \t\r\n")
        self.next_index += 1
        return Record(self.next_index - 1, self.offset, text, broken=broken)

    def parsed(self, closers):
        """The record that begins here, when it is JSON; in an array (`closers`) a comma or bracket
        must follow. None: it must be cut byte by byte."""
        while True:
            start = self.at
            text = self.data[start : start + RECORD_BYTES_MAX + 1].decode("latin-1")
            try:
                value, length = DECODER.raw_decode(text)
                end = BLANK.match(self.data, start + length).end() if closers else start + length
                if end - start > RECORD_BYTES_MAX:
                    return None
                if not closers or self.data[end : end + 1] in closers and end < len(self.data):
                    break
                if end < len(self.data):
                    return None
            except (ValueError, RecursionError):
                pass
            if len(self.data) - start > RECORD_BYTES_MAX or not self.more():
                return None
        raw = self.data[start : start + length]
        self.at = end
        self.next_index += 1
        known = value if raw.isascii() else None
        return Record(self.next_index - 1, self.dropped + start, raw, known)

    def __iter__(self):
        for byte in b"\xef\xbb\xbf":  # a byte order mark
            if self.look() == byte:
                self.at += 1
            else:
                break
        first = self.skip_blanks()
        if first == ord("["):
            self.at += 1
            return self.array()
        return self.stream()

    def array(self):
        after_comma = False
        while True:
            byte = self.skip_blanks()
            self.begin()
            if byte is None:
                yield self.record("the file ends before the array is closed")
                return
            if byte in b",]":
                if byte == ord(",") or after_comma:
                    yield self.record("there is nothing between two commas of the array")
            else:
                record = self.parsed((b",", b"]")) if byte in OPENING else None
                yield record or self.cut_of_array()
                byte = self.look()
                if byte is None:
                    return
            self.at += 1
            after_comma = byte == ord(",")
            if byte == ord("]"):
                break
        if self.skip_blanks() is not None:
            self.begin()
            while (byte := self.look()) is not None:
                self.keep(byte)
            yield self.record("there is text after the array's end")

    def cut_of_array(self):
        nesting = Nesting()
        while (byte := self.look()) is not None:
            if nesting.depth == 0 and not nesting.in_string and byte in b",]":
                return self.record()
            self.keep(byte)
            nesting.scan(byte)
        return self.record("the file ends before the array is closed")

    def stream(self):
        while (byte := self.skip_blanks()) is not None:
            self.begin()
            record = self.parsed(None) if byte in OPENING else None
            yield record or self.cut_of_stream()

    def cut_of_stream(self):
        nesting, line_began = Nesting(), False
        while (byte := self.look()) is not None:
            if line_began and byte == ord("{") and not nesting.in_string:
                if nesting.last not in b",:[{":
                    return self.record(
                        "the object is not closed before the next line begins another"
                    )
            newline = byte == ord("\n")
            if newline and nesting.in_string:
                self.at += 1
                return self.record("a string is not closed on its line")
            if newline or byte not in b" \t\r":
                line_began = newline
            bracketed = nesting.depth > 0 or (not self.text and byte in OPENING)
            if newline and not bracketed:  # a scalar, or no JSON at all: one a line
                self.at += 1
                return self.record()
            self.keep(byte)
            nesting.scan(byte)
            if bracketed and nesting.depth == 0:
                return self.record()
        unfinished = nesting.depth > 0 or nesting.in_string
        return self.record("the file ends inside this record" if unfinished else None)


class Nesting:
    """Where in strings and brackets a position is."""

    def __init__(self):
        self.in_string = self.escaped = False
        self.depth, self.last = 0, 0  # the last byte that is not blank

    def scan(self, byte):
        if self.in_string:
            if self.escaped:
                self.escaped = False
            elif byte == ord("\\"):
                self.escaped = True
            elif byte in b'"\n':  # JSON has no raw line feed in a string
                self.in_string = False
        elif byte == ord('"'):
            self.in_string = True
        elif byte in OPENING:
            self.depth += 1
        elif byte in CLOSING and self.depth > 0:
            self.depth -= 1
        if byte not in b" \t\r\n":
            self.last = byte


# ---- From a record to an item

TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
PARTS = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
SURROGATE = re.compile(r"\\u[dD]")


def utc_timestamp(text):
    """2026-02-01T12:00:00.50+02:00 becomes 2026-02-01T10:00:00.50Z; None: not RFC 3339."""
    found = TIMESTAMP.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, hours, minutes = found.groups()[6:]
    if not (1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 59):
        return None
    if not 1 <= day <= days_in(year, month):
        return None
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return None
        ahead = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
        days, total = divmod(hour * 60 + minute - ahead, 24 * 60)
        hour, minute = divmod(total, 60)
        year, month, day = moved(year, month, day, days)
        if not 0 <= year <= 9999:
            return None
    date = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    return f"{date}{fraction or ''}Z"


def days_in(year, month):
    return 29 if month == 2 and calendar.isleap(year) else calendar.mdays[month]


def moved(year, month, day, days):
    """The date one day before or after, or the same one. (datetime has no year 0.)"""
    day += days
    if day == 0:
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        return year, month, days_in(year, month)
    if day > days_in(year, month):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return year, month, 1
    return year, month, day


def is_exact(number):
    """Whether DynamoDB keeps this number without loss."""
    if len(number) > 512:
        return False
    whole, fraction, exponent = PARTS.fullmatch(number).groups()
    exponent = int(exponent or 0)
    if abs(exponent) > 100_000:
        return False
    digits = whole + (fraction or "")
    significant = digits.lstrip("0")
    magnitude = len(whole) - (len(digits) - len(significant)) + exponent - 1
    significant = significant.rstrip("0")
    if not significant:
        return True
    return len(significant) <= 38 and -130 <= magnitude <= 125


def attribute(value, depth=1):
    """The attribute value of DynamoDB for a parsed value. Rejection: judge() says which one."""
    if isinstance(value, Number):
        if not is_exact(value):
            raise Rejection("InvalidNumber", "")
        return {"N": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if depth >= DEPTH_MAX:
        raise Rejection(*TOO_DEEP)
    if isinstance(value, dict):
        return {"M": {name: attribute(one, depth + 1) for name, one in value.items()}}
    return {"L": [attribute(one, depth + 1) for one in value]}


def item_of(record):
    """The item for the table. Rejection: what is wrong with the record."""
    try:
        value = record.value
        text = record.text.decode()
        if value is None:
            value = DECODER.decode(text)
        if SURROGATE.search(text):
            return Judge(text).item()  # Python takes half a pair for a character
        item = {name: attribute(one) for name, one in value.items()}
        if not 1 <= len(item["device_id"]["S"].encode()) <= DEVICE_ID_BYTES_MAX:
            raise Rejection("InvalidDeviceId", "")
        item["timestamp"] = {"S": utc_timestamp(item["timestamp"]["S"])}
        if not 1 <= len(item["timestamp"]["S"]) <= TIMESTAMP_BYTES_MAX:
            raise Rejection(*NOT_A_TIMESTAMP)
        item["value"]["N"]
        return item
    except UnicodeDecodeError:
        raise Rejection("InvalidUtf8", "the record is not UTF-8") from None
    except (Rejection, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return Judge(text).item()


class Judge:
    """Reads a record from left to right and refuses it by the first rule that it breaks. It takes
    its time: only records that item_of() does not know at once come here."""

    BLANK = re.compile(r"[ \t\r\n]*")
    TEXT = re.compile(r'[^"\\\x00-\x1f]*')
    ESCAPES = {
        '"': '"',
        "\\": "\\",
        "/": "/",
        "b": "\b",
        "f": "\f",
        "n": "\n",
        "r": "\r",
        "t": "\t",
    }
    HEX = re.compile(r"[0-9a-fA-F]{4}")
    TYPES = {
        "device_id": ("S", "InvalidDeviceId", "device_id must be a string"),
        "timestamp": ("S", "InvalidTimestamp", "timestamp must be a string"),
        "value": ("N", "InvalidValue", "value must be a number"),
    }

    def __init__(self, text):
        self.text, self.at = text, 0

    def item(self):
        self.skip()
        if self.peek() != "{":
            self.value(None, 0)  # first of all it must be JSON
        item = self.members(0)
        self.skip()
        if self.at != len(self.text):
            raise Rejection("MalformedJson", "there is text after the record")
        for name, what in (
            ("device_id", "DeviceId"),
            ("timestamp", "Timestamp"),
            ("value", "Value"),
        ):
            if name not in item:
                raise Rejection("Missing" + what, f"the record has no {name}")
        return item

    def malformed(self):
        return Rejection("MalformedJson", MALFORMED)

    def peek(self):
        return self.text[self.at : self.at + 1]

    def skip(self):
        self.at = self.BLANK.match(self.text, self.at).end()

    def expect(self, wanted):
        if not self.text.startswith(wanted, self.at):
            raise self.malformed()
        self.at += len(wanted)

    def begin(self, kind, name, depth):
        """Before a value of this type is taken; `name` is that of a member of the record."""
        if depth == 0:
            raise Rejection(*NO_OBJECT)
        if depth == 1 and name in self.TYPES:
            wanted, code, message = self.TYPES[name]
            if kind != wanted:
                raise Rejection(code, message)

    def value(self, name, depth):
        first = self.peek()
        if first == '"':
            return self.string_value(name, depth)
        if first in ("{", "["):
            return self.container(first, name, depth)
        for literal, shown in (
            ("true", {"BOOL": True}),
            ("false", {"BOOL": False}),
            ("null", {"NULL": True}),
        ):
            if first == literal[0]:
                self.expect(literal)
                self.begin(next(iter(shown)), name, depth)
                return shown
        return self.number_value(name, depth)

    def container(self, first, name, depth):
        if depth >= DEPTH_MAX:
            raise Rejection(*TOO_DEEP)
        kind = "M" if first == "{" else "L"
        self.begin(kind, name, depth)
        return {kind: self.members(depth) if kind == "M" else self.elements(depth)}

    def members(self, depth):
        out = {}
        self.expect("{")
        self.skip()
        if self.peek() == "}":
            self.at += 1
            return out
        while True:
            name = self.string()
            if depth == 0 and name in out:
                shown = name.encode()[:100]
                raise Rejection(
                    "DuplicateAttribute",
                    readable(b"the attribute '" + shown + b"' stands twice in the record"),
                )
            self.skip()
            self.expect(":")
            self.skip()
            out[name] = self.value(name, depth + 1)
            self.skip()
            if self.peek() == "}":
                self.at += 1
                return out
            self.expect(",")
            self.skip()

    def elements(self, depth):
        out = []
        self.expect("[")
        self.skip()
        if self.peek() == "]":
            self.at += 1
            return out
        while True:
            out.append(self.value(None, depth + 1))
            self.skip()
            if self.peek() == "]":
                self.at += 1
                return out
            self.expect(",")
            self.skip()

    def number_value(self, name, depth):
        found = NUMBER.match(self.text, self.at)
        if not found:
            raise self.malformed()
        number = found.group()
        self.at = found.end()
        unfinished = self.peek() == "." and "." not in number and "e" not in number.lower()
        unfinished = unfinished or (self.peek() in ("e", "E") and "e" not in number.lower())
        if unfinished:
            raise self.malformed()
        exponent = PARTS.fullmatch(number).group(3)
        if exponent and int(exponent.lstrip("+-").lstrip("0")[:11] or 0) > 2147483647:
            raise Rejection("InvalidNumber", "a number's exponent is too large for DynamoDB")
        self.begin("N", name, depth)
        if not is_exact(number):
            own = depth == 1 and name == "value"
            raise Rejection(
                "InvalidValue" if own else "InvalidNumber",
                f"'{number[:60]}' does not fit DynamoDB's numbers: at most 38 significant digits, "
                "magnitude 1E-130 to 9.99E+125",
            )
        return {"N": number}

    def string_value(self, name, depth):
        text = self.string()
        if depth == 1 and name == "device_id":
            if not 1 <= len(text.encode()) <= DEVICE_ID_BYTES_MAX:
                raise Rejection("InvalidDeviceId", "device_id must be 1 to 2048 bytes")
        if depth == 1 and name == "timestamp":
            text = utc_timestamp(text)
            if text is None or len(text) > TIMESTAMP_BYTES_MAX:
                raise Rejection(*NOT_A_TIMESTAMP)
        self.begin("S", name, depth)
        return {"S": text}

    def string(self):
        self.expect('"')
        out = []
        while True:
            found = self.TEXT.match(self.text, self.at)
            out.append(found.group())
            self.at = found.end()
            if self.peek() == '"':
                self.at += 1
                return "".join(out)
            self.expect("\\")
            escape = self.peek()
            self.at += 1
            out.append(self.unicode() if escape == "u" else self.escaped(escape))

    def escaped(self, escape):
        if escape not in self.ESCAPES:
            raise self.malformed()
        return self.ESCAPES[escape]

    def unicode(self):
        unit = self.hex()
        if not 0xD800 <= unit <= 0xDFFF:
            return chr(unit)
        if unit >= 0xDC00:
            raise self.malformed()
        self.expect("\\u")
        low = self.hex()
        if not 0xDC00 <= low <= 0xDFFF:
            raise self.malformed()
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))

    def hex(self):
        found = self.HEX.match(self.text, self.at)
        if not found:
            raise self.malformed()
        self.at = found.end()
        return int(found.group(), 16)


def readable(message):
    """A message that was cut within a character is percent-encoded."""
    try:
        return message.decode()
    except UnicodeDecodeError:
        return urllib.parse.quote(message, safe="")


# ---- From items to the table and to quarantine


class SeenKeys:
    """Knows which keys an object has had, by 64 bits of a keyed hash, in at most 32 MB. It is exact
    for three million keys."""

    SLOTS_MIN, SLOTS_MAX = 1 << 14, 1 << 22

    def __init__(self):
        self.slots, self.used, self.exact = array.array("Q", bytes(8 * self.SLOTS_MIN)), 0, True
        self.salt = os.urandom(16)

    def insert(self, item):
        """False: the key was seen before."""
        key = json.dumps([item["device_id"]["S"], item["timestamp"]["S"]]).encode()
        digest = hashlib.blake2b(key, digest_size=8, key=self.salt).digest()
        number = int.from_bytes(digest, "big") or 1  # 0 marks an empty slot
        if self.used * 4 >= len(self.slots) * 3:
            if len(self.slots) >= self.SLOTS_MAX:
                self.exact = False
                return True
            self.grow()
        at = self.place_of(number)
        if self.slots[at]:
            return False
        self.slots[at] = number
        self.used += 1
        return True

    def place_of(self, number):
        at = number % len(self.slots)
        while self.slots[at] not in (0, number):
            at = (at + 1) % len(self.slots)
        return at

    def grow(self):
        smaller, self.slots = self.slots, array.array("Q", bytes(16 * len(self.slots)))
        for number in smaller:
            if number:
                self.slots[self.place_of(number)] = number


class WriteFailure(Exception):
    """The table did not take everything: Lambda delivers the event again."""


class TableWriter:
    """Writes items in batches of 25. Of two records with one key the later one wins."""

    def __init__(self, refused, deadline):
        self.refused, self.deadline = refused, deadline
        self.batch, self.bytes = collections.OrderedDict(), 0

    def write(self, record, item):
        self.batch[item["device_id"]["S"], item["timestamp"]["S"]] = record, item
        self.bytes += 2 * len(record.text)
        if len(self.batch) == BATCH_ITEMS_MAX or self.bytes >= BATCH_BYTES_MAX:
            self.flush()

    def flush(self):
        batch, self.batch, self.bytes = list(self.batch.values()), collections.OrderedDict(), 0
        waiting = [{"PutRequest": {"Item": item}} for _, item in batch]
        attempt = 0
        while waiting:
            try:
                answer = DYNAMODB.batch_write_item(RequestItems={TABLE: waiting})
                waiting = answer.get("UnprocessedItems", {}).get(TABLE, [])
            except ClientError as problem:
                if code_of(problem) != "ValidationException":
                    raise
                self.write_singly(batch)  # one bad item spoils a batch
                return
            if waiting:
                self.pause(attempt)
                attempt += 1

    def write_singly(self, batch):
        for record, item in batch:
            try:
                DYNAMODB.put_item(TableName=TABLE, Item=item)
            except ClientError as problem:
                if code_of(problem) != "ValidationException":
                    raise
                self.refused(
                    record, Rejection("RefusedByTable", problem.response["Error"]["Message"])
                )

    def pause(self, attempt):
        """Exponential backoff with full jitter, not past the invocation's end."""
        wait = random.uniform(0, min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2**attempt))
        if time.monotonic() + wait > self.deadline:
            raise WriteFailure(
                "the table did not take every item before the invocation's time ran out"
            )
        time.sleep(wait)


def code_of(problem):
    return problem.response["Error"]["Code"]


class Quarantine:
    """Writes rejected records, as they came, to <key>/<version>.jsonl, one JSON object a line;
    after 4 MB to <key>/<version>.2.jsonl, and so on. Names and bytes depend on the object alone, so
    that processing it again writes the same."""

    def __init__(self, key, version):
        stem = key.encode()
        if len(stem) > QUARANTINE_STEM_BYTES_MAX:  # what is cut off is named by its hash
            digest = hashlib.sha256(stem).hexdigest()[:16]
            key = stem[:QUARANTINE_STEM_BYTES_MAX].decode(errors="ignore") + "." + digest
        self.name = f"{key}/{version or 'null'}"
        self.count = self.files = self.bytes = 0
        self.lines = []

    def add(self, record, why):
        place = {"index": record.index, "offset": record.offset, "code": why.code}
        if not QUARANTINE_BUCKET and self.count < REJECTIONS_LOGGED_MAX:
            print(json.dumps({"rejected": place}))  # the message may have some of the content
        line = {**place, "message": why.message}
        self.count += 1
        try:
            line["record"] = record.text.decode()
        except UnicodeDecodeError:
            line["record_base64"] = base64.b64encode(record.text).decode()
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.lines.append(text)
        self.bytes += len(text)
        if self.bytes >= QUARANTINE_FILE_BYTES:
            self.flush()

    def flush(self):
        body, self.lines, self.bytes = b"".join(self.lines), [], 0
        if not QUARANTINE_BUCKET:
            return
        number = f".{self.files + 1}" if self.files else ""
        S3.put_object(
            Bucket=QUARANTINE_BUCKET,
            Key=f"{self.name}{number}.jsonl",
            Body=body,
            ContentType="application/x-ndjson",
        )
        self.files += 1

    def finish(self):
        """The key of the first file; None when there is none."""
        if self.lines:
            self.flush()
        return f"{self.name}.jsonl" if self.files else None


# ---- The function


def objects_of(event):
    if event.get("Event") == "s3:TestEvent":
        return
    for record in event["Records"]:
        s3 = record["s3"]
        # The key comes form-encoded.
        key = urllib.parse.unquote_plus(s3["object"]["key"])
        yield s3["bucket"]["name"], key, s3["object"].get("versionId", "")


class Counted:
    """The chunks of an object, and how many bytes they were."""

    def __init__(self, body):
        self.body, self.bytes = body, 0

    def __iter__(self):
        for chunk in self.body.iter_chunks(CHUNK_BYTES):
            self.bytes += len(chunk)
            yield chunk


def ingest(bucket, key, version, deadline):
    """One pass over the object. Returns what became of its records."""
    wanted = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    source = Counted(S3.get_object(**wanted)["Body"])
    plain, quarantine, seen = Plain(source), Quarantine(key, version), SeenKeys()
    account = collections.Counter(read=0, stored=0, duplicate=0)

    def refused(record, why):
        quarantine.add(record, why)
        account["stored"] -= min(1, account["stored"])

    writer = TableWriter(refused, deadline)
    for record in Splitter(plain):
        account["read"] += 1
        try:
            if record.broken:
                raise record.broken
            item = item_of(record)
        except Rejection as why:
            quarantine.add(record, why)
            continue
        account["stored" if seen.insert(item) else "duplicate"] += 1
        writer.write(record, item)
    if plain.damage:  # what came before it counts; the rest cannot be read
        record = Record(account["read"], 0, b"")
        account["read"] += 1
        quarantine.add(record, Rejection("MalformedGzip", plain.damage))
    writer.flush()
    file = quarantine.finish()
    return source.bytes, account, quarantine.count, file, seen.exact


def print_account(context, bucket, key, version, done, took_ms):
    """One line in CloudWatch's embedded metric format: a log line and five metrics in one. Never a
    record's content."""
    size, account, rejected, file, exact = done
    units = {
        "RecordsRead": "Count",
        "RecordsStored": "Count",
        "RecordsDuplicate": "Count",
        "RecordsRejected": "Count",
        "IngestTime": "Milliseconds",
    }
    metrics = {
        "Namespace": "Sluice/Ingest",
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metrics]},
        "FunctionName": context.function_name,
        "message": "object ingested",
        "request_id": context.aws_request_id,
        "bucket": bucket,
        "key": key,
        "version_id": version,
        "bytes": size,
        "RecordsRead": account["read"],
        "RecordsStored": account["stored"],
        "RecordsDuplicate": account["duplicate"],
        "RecordsRejected": rejected,
        "IngestTime": took_ms,
    }
    if file:
        line["quarantine"] = f"s3://{QUARANTINE_BUCKET}/{file}"
    if not exact:
        line["duplicates_exact"] = False  # later repeats count as stored
    print(json.dumps(line))


def lambda_handler(event, context):
    """An exception means that the event must be delivered again. This is harmless: the same object
    written twice leaves the same table."""
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - DEADLINE_MARGIN_S
    answer = []
    for bucket, key, version in objects_of(event):
        for attempt in range(DOWNLOAD_TRIES):
            began = time.monotonic()
            try:
                done = ingest(bucket, key, version, deadline)
                break
            except BotoCoreError:  # the connection, not the answer
                if attempt + 1 == DOWNLOAD_TRIES:
                    raise
        print_account(context, bucket, key, version, done, (time.monotonic() - began) * 1000)
        _, account, rejected, file, _ = done
        answer.append(
            {
                "bucket": bucket,
                "key": key,
                "versionId": version,
                "read": account["read"],
                "stored": account["stored"],
                "duplicate": account["duplicate"],
                "rejected": rejected,
                "quarantine": file,
            }
        )
    return {"objects": answer}

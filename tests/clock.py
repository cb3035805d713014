# SPDX-License-Identifier: Apache-2.0
"""Another time: a server whose clock is ahead (libfaketime), and clients that sign for it."""
import contextlib
import datetime
import functools
import glob
import types

import botocore.auth
import botocore.compat
import pytest

from conftest import SLUICE

SIGNERS = [botocore.auth]
if botocore.compat.HAS_CRT:  # Debian's awscli brings the library that botocore then signs with
    import botocore.crt.auth

    SIGNERS.append(botocore.crt.auth)
LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@functools.cache
def sanitized():
    """A sanitizer wants to be the first library; libfaketime wants that too. And it keeps what is
    freed, so that the memory of the process says nothing."""
    program = SLUICE.read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def ahead(**delta):
    """Arguments for Server.start."""
    if not LIBRARY or sanitized():
        pytest.skip("libfaketime is not installed, or not to be had under a sanitizer")
    return {
        "LD_PRELOAD": LIBRARY,
        "FAKETIME": f"+{int(datetime.timedelta(**delta).total_seconds())}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def moved_by(offset, first):
    """The same for a clock that moves while the server runs: what the file says ("-7200s"), at
    first `first`, is added to its wall clock."""
    offset.write_text(first + "\n")
    return {key: value for key, value in ahead(days=0).items() if key != "FAKETIME"} | {
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
    }


@contextlib.contextmanager
def signing(**delta):
    """Within it, botocore signs for a time that is so much later (or, negative, earlier)."""
    by = datetime.timedelta(**delta)

    class Shifted(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return datetime.datetime.utcnow() + by

    with pytest.MonkeyPatch.context() as patch:
        for module in SIGNERS:
            if hasattr(module, "get_current_datetime"):
                patch.setattr(
                    module,
                    "get_current_datetime",
                    lambda: datetime.datetime.now(datetime.timezone.utc) + by,
                )
            else:
                patch.setattr(
                    module,
                    "datetime",
                    types.SimpleNamespace(datetime=Shifted, timezone=datetime.timezone),
                )
        yield

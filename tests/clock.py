"""Another time: a server whose clock is ahead (libfaketime), and clients that sign for it."""
import contextlib
import datetime
import glob

import botocore.auth
import pytest

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


def ahead(**delta):
    """Arguments for Server.start."""
    if not LIBRARY:
        pytest.skip("libfaketime is not installed")
    return {"LD_PRELOAD": LIBRARY, "FAKETIME": f"+{int(datetime.timedelta(**delta).total_seconds())}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@contextlib.contextmanager
def signing(**delta):
    """Within it, botocore signs for a time that is so much later (or, negative, earlier)."""
    by = datetime.timedelta(**delta)
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(botocore.auth, "get_current_datetime"):
            patch.setattr(botocore.auth, "get_current_datetime", lambda: datetime.datetime.now(datetime.timezone.utc) + by)
        else:
            class Shifted(datetime.datetime):
                @classmethod
                def utcnow(cls):
                    return datetime.datetime.utcnow() + by
            module = type("datetime", (), {"datetime": Shifted})
            patch.setattr(botocore.auth, "datetime", module)
        yield

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists every limit of the program: the constants of src/ whose name says that they are one.

A limit stands in the code beside the rule that it belongs to. Here they are all in one list, so
that an auditor can read it and see what is bounded. tidy looks whether docs/limits.md is this list.

    tools/limits.py > docs/limits.md
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
DECLARATION = re.compile(r"constexpr\s+[\w:]+\s+(k[^;(]*?=[^;]*);")
WORDS = (
    "Max|PerMinute|PerSecond|Timeout|Skew|Grace|Drain|SlowAfter|IdleMs|FreeBytes|TmpBytes|LowMark"
)
ONE = re.compile(rf"(k\w*(?:{WORDS})\w*)\s*=\s*(.+?)\s*(?=,\s*k\w+\s*=|$)", re.S)
HEAD = """# Limits

Made by `tools/limits.py`. What somebody outside can make large, many or long has a limit. It stands
in the code beside what it bounds, and this is the list of them all: sizes, counts, rates and
deadlines. `Bytes` in a name are bytes; `S`, `Ms` and `Us` at its end seconds, milliseconds and
microseconds; any other is a count. Most bound a request, which is refused with AWS's error for it;
some bound what the server itself keeps or does at once. How long a peer may take to send or to take
bytes stands in `struct Deadlines` (`src/net/connection.h`).
SECURITY.md says how the limits of connections and bodies work together, and what a hostile caller
can still do.

Not counted are what the disk holds: objects, items, log events, metrics, waiting jobs and the audit
records. They may grow until the disk is nearly full; then what makes them grow is refused, and
reading and deleting go on (`src/store/disk_space.h`).
"""


def limits_of(text):
    """(name, value) of each limit that a source file declares."""
    bare = re.sub(r"//[^\n]*", "", text)
    for declaration in DECLARATION.findall(bare):
        for name, value in ONE.findall(declaration):
            yield name, re.sub(r"(?<=\d)(u?ll|u)\b", "", " ".join(value.split())).replace("'", ",")


def listing():
    parts = [HEAD]
    for folder in sorted(p for p in (ROOT / "src").rglob("*") if p.is_dir()):
        rows = []
        for path in sorted(folder.glob("*.cc")) + sorted(folder.glob("*.h")):
            if path.name.endswith("_test.cc"):
                continue
            for name, value in limits_of(path.read_text()):
                rows.append(f"| `{name}` | {value} | `{path.name}` |")
        if rows:
            parts.append(
                f"\n## {folder.relative_to(ROOT)}\n\n| limit | value | file |\n|---|---|---|\n"
                + "\n".join(rows)
                + "\n"
            )
    return "".join(parts)


if __name__ == "__main__":
    print(listing(), end="")

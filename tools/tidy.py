#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules as a test: format, layers, banned words, openings of headers, list of limits.

Prints file:line, exits 1 at a violation."""
import pathlib
import re
import shutil
import subprocess
import sys

import limits

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLANG_FORMAT = "clang-format-19"
BLACK = "black, 23.1."  # of Debian 12
FILE_BYTES_MAX = 1 << 20

# What each folder under src/ may include of ours (CONTRIBUTING.md).
ALLOWED = {
    "base": {"base"},
    "crypto": {"base", "crypto"},
    "policy": {"base", "policy"},
    "store": {"base", "crypto", "policy", "store"},
    "request": {"base", "crypto", "policy", "store", "request"},
    "net": {"base", "crypto", "policy", "store", "request", "net"},
    "services": {"base", "crypto", "policy", "store", "request"},
    "ingest": {"base", "crypto", "ingest"},
    "cli": {"base", "crypto", "policy", "store", "request", "net", "services", "cli"},
}
# Third-party headers that belong to few files.
CONFINED = {
    "rocksdb/": ("src/store/",),
    "openssl/": (
        "src/crypto/",
        "src/net/",
        "src/ingest/tls",
        "src/base/secret.h",
        "src/cli/client.cc",
        "src/cli/tls_wire.cc",
    ),
    "boost/asio": ("src/net/",),
    "boost/beast": ("src/net/connection.cc", "src/cli/tls_wire.cc", "src/ingest/tls.cc"),
}
BANNED = {
    r"\b(TODO|FIXME|XXX)\b": (),
    r"\bstrtoul\b|\bsystem\(|\brand\(|\bmemcmp\(": (),
    r"\bgetenv\(": ("src/cli/", "src/ingest/"),
    r"\bthrow\b": ("src/base/", "src/crypto/", "src/store/"),
    r"\bassert\(": ("src/base/", "src/store/"),
    r"\bstd::(shared_|recursive_)?mutex\b|\bstd::condition_variable": ("src/base/thread_safety.h",),
}

problems = []


def check_file(path: pathlib.Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text().splitlines()
    folder = name.split("/")[1]
    for number, line in enumerate(lines, 1):
        if match := re.match(r'#include ["<]([^">]+)[">]', line):
            check_include(name, folder, number, match[1])
        for pattern, places in BANNED.items():
            if (
                re.search(pattern, line)
                and not name.startswith(places or ("\0",))
                and not name.endswith("_test.cc")
            ):
                problems.append(f"{name}:{number}: banned: {re.search(pattern, line)[0]}")


def check_mutexes(path: pathlib.Path) -> None:
    """Every mutex says what it guards, so that clang can look who touches it without the lock."""
    text = path.read_text()
    for declared in re.findall(r"^ *(?:static |mutable )*(?:Shared)?Mutex ([\w, ]+);", text, re.M):
        for mutex in declared.split(", "):
            if f"SLUICE_GUARDED_BY({mutex})" not in text:
                problems.append(f"{path.relative_to(ROOT)}: {mutex} guards nothing")


def check_include(name: str, folder: str, number: int, header: str) -> None:
    own = header.split("/")[0]
    if folder in ALLOWED and own in ALLOWED and own != folder and own not in ALLOWED[folder]:
        problems.append(f"{name}:{number}: {folder} may not include {own}")
    if folder == "services" and own == "services" and header.split("/")[1] != name.split("/")[2]:
        problems.append(f"{name}:{number}: a service may not include another")
    for prefix, places in CONFINED.items():
        if header.startswith(prefix) and not name.startswith(places):
            problems.append(f"{name}:{number}: {prefix} belongs to {', '.join(places)}")


def check_format() -> None:
    """What `./dev format` would change; a machine without the formatter cannot tell."""
    if not shutil.which(CLANG_FORMAT):
        return
    sources = [
        str(p)
        for d in ("src", "tests", "bench")
        for p in sorted((ROOT / d).rglob("*"))
        if p.suffix in (".cc", ".h")
    ]
    done = subprocess.run([CLANG_FORMAT, "--dry-run", *sources], capture_output=True, text=True)
    problems.extend(
        sorted(
            {
                line.split(": ")[0] + ": not as ./dev format writes it"
                for line in done.stderr.splitlines()
                if "-Wclang-format" in line
            }
        )
    )


def check_python() -> None:
    """As black writes it; each version of black writes a little differently, so one is asked."""
    if not shutil.which("black"):
        return
    version = subprocess.run(["black", "--version"], capture_output=True, text=True).stdout
    if BLACK not in version:
        return
    done = subprocess.run(
        ["black", "--check", "tests", "tools"], cwd=ROOT, capture_output=True, text=True
    )
    problems.extend(
        f"{line.split(' ', 2)[2]}: not as ./dev format writes it"
        for line in done.stderr.splitlines()
        if line.startswith("would reformat")
    )


def check_lines() -> None:
    """What the formatters cannot break: comments, and texts that are to be cut by hand."""
    for folder in ("src", "tests", "bench", "tools", "deploy", "samples"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cc", ".h", ".py") and "node_modules" not in path.parts:
                problems.extend(
                    f"{path.relative_to(ROOT)}:{number}: longer than 100 columns"
                    for number, line in enumerate(path.read_text().splitlines(), 1)
                    if len(line) > 100
                )


def check_sizes() -> None:
    """A large file in the repository is a mistake, such as what a crash left in a folder."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    for name in filter(None, names.stdout.split("\0")):
        if (ROOT / name).is_file() and (ROOT / name).stat().st_size > FILE_BYTES_MAX:
            problems.append(f"{name}: larger than {FILE_BYTES_MAX} bytes")


def check_openings() -> None:
    """Each header says what it is for and shows its use: comment lines right after #pragma once, of
    which one is an example, indented by more than its comment."""
    for path in sorted((ROOT / "src").rglob("*.h")):
        name = path.relative_to(ROOT)
        opening = re.search(r"^#pragma once\n((?://.*\n)*)", path.read_text(), re.M)
        if not opening or not re.match(r"// \S", opening[1]):
            problems.append(f"{name}: does not say what it is for, right after #pragma once")
        elif not re.search(r"^//   +\S", opening[1], re.M):
            problems.append(f"{name}: its opening comment has no indented example")


def check_licences() -> None:
    """Each source says under which licence it is, in its first two lines."""
    for folder in ("src", "tests", "bench", "tools"):
        for path in sorted((ROOT / folder).rglob("*")):
            if (
                path.suffix in (".cc", ".h", ".py", ".mjs")
                and "node_modules" not in path.parts
                and not any(
                    "SPDX-License-Identifier: Apache-2.0" in line
                    for line in path.read_text().splitlines()[:2]
                )
            ):
                problems.append(f"{path.relative_to(ROOT)}: no SPDX line")


def check_limits() -> None:
    """docs/limits.md is the list of the limits that the sources have."""
    if (ROOT / "docs/limits.md").read_text() != limits.listing():
        problems.append(
            "docs/limits.md: not what the sources say; tools/limits.py > docs/limits.md"
        )


check_limits()
check_format()
check_python()
check_lines()
check_sizes()
check_openings()
check_licences()
for source in sorted((ROOT / "src").rglob("*")):
    if source.suffix in (".cc", ".h"):
        check_file(source)
        check_mutexes(source)
for document in ("ARCHITECTURE.md",):
    if (ROOT / document).exists():
        for mentioned in re.findall(
            r"`((?:src|tests|docs|tools|deploy)/[\w./-]*)`", (ROOT / document).read_text()
        ):
            if not (ROOT / mentioned).exists():
                problems.append(f"{document}: {mentioned} does not exist")

print("\n".join(problems) if problems else "tidy: clean")
sys.exit(1 if problems else 0)

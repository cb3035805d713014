#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes screenshots/ of a real run: types every command of docs/guide.md into a shell, as its test
does, and draws a terminal for each section of the page. Needs a build: tools/screenshots.py"""
import html
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from conftest import Server  # noqa: E402
from test_guide import Reader  # noqa: E402

COLUMNS, LINE_HEIGHT, MARGIN, CHARACTER_WIDTH = 160, 18, 16, 8.4


def sections():
    """Title, and the blocks of commands, of each section of the guide."""
    page = (ROOT / "docs" / "guide.md").read_text()
    for section in re.split(r"^## ", page, flags=re.M):
        title, text = section.split("\n", 1)
        yield title.lstrip("# "), re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)


def wrapped(text):
    for line in text.rstrip("\n").expandtabs().split("\n"):
        yield from (line[at : at + COLUMNS] for at in range(0, max(len(line), 1), COLUMNS))


def drawn(lines):
    """The lines, each with its colour, as an SVG."""
    width = int(COLUMNS * CHARACTER_WIDTH) + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">',
        '<rect width="100%" height="100%" rx="8" fill="#16191f"/>',
    ]
    for number, (colour, line) in enumerate(lines):
        at = MARGIN + (number + 1) * LINE_HEIGHT - 4
        text = html.escape(line, quote=False)
        out.append(
            f'<text x="{MARGIN}" y="{at}" fill="{colour}" xml:space="preserve">{text}</text>'
        )
    return "\n".join(out) + "\n</svg>\n"


def main():
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    with tempfile.TemporaryDirectory() as place:
        server = Server(pathlib.Path(place))
        server.options = ("--trail-interval", "2")
        server.start()
        reader = Reader(server, place)
        reader.type('aws() { sluice aws "$@"; }')
        here = f"RUNTIME=python3.{sys.version_info.minor}"
        for title, blocks in sections():
            lines = []
            for block in blocks:
                command = re.sub(r"RUNTIME=\S+", here, block)
                printed = reader.type(command).replace(place, "/tmp/guide")
                lines += [("#f2f3f3", line) for line in wrapped("$ " + command)]
                if printed:
                    lines += [("#8fd694", line) for line in wrapped(printed)]
            if lines:
                name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
                (folder / f"{name}.svg").write_text(drawn(lines))
        reader.close()
        server.stop()


if __name__ == "__main__":
    main()

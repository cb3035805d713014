# SPDX-License-Identifier: Apache-2.0
"""The AWS CLI without the time that it takes to start: half a second of imports for each call. A
process imports it once and forks for each call (forked/), so that a call is the CLI's own code in a
process of its own, with its own arguments, environment, directory and files.

    aws = forked(shutil.which("aws"))
    subprocess.run([aws, "--version"])

That it does what the CLI itself does: test_cli.py."""
import functools
import pathlib
import shutil
import subprocess
import tempfile

FORKED = pathlib.Path(__file__).resolve().parent / "forked"
_importers = []


def interpreter_of(program):
    """What runs it when it is a script of Python's."""
    with open(program, "rb") as file:
        first = file.readline(200)
    return first[2:].decode().split() if first.startswith(b"#!") and b"python" in first else None


@functools.cache
def forked(program):
    """A program called `aws` that does what this one does; this one, where it cannot be forked."""
    script = program
    if pathlib.Path(program).parent.name == "shims":  # of pyenv
        asked = subprocess.run(["pyenv", "which", "aws"], capture_output=True, text=True)
        script = asked.stdout.strip() or program
    python = interpreter_of(script)
    if not python:
        return program
    place = tempfile.TemporaryDirectory(prefix="aws-cli-")
    process = subprocess.Popen(
        [*python, FORKED / "cli.py", f"{place.name}/socket"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    _importers.append((process, place))
    if process.stdout.readline() != b"ready\n":
        return program
    pathlib.Path(place.name, "aws").symlink_to(FORKED / "aws")
    return f"{place.name}/aws"


def path_to_forked(path):
    """The PATH on which `aws` is what forks, for those who look for it there."""
    program = shutil.which("aws", path=path)
    return f"{pathlib.Path(forked(program)).parent}:{path}" if program else path


def stop():
    """Ends what forked() started."""
    for process, place in _importers:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
        place.cleanup()
    _importers.clear()
    forked.cache_clear()

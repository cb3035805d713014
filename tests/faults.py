# SPDX-License-Identifier: Apache-2.0
"""Calls of the running server that fail, by strace."""
import re
import signal
import subprocess

import pytest

FAILED_STORE = 75  # the server's exit status: start me again


class Faults:
    """A strace that makes one call of the running server fail."""

    def __init__(self, server, call, fault, when=1, path=None):
        self.server, self.log, self.stuck = server, server.directory / "strace.txt", False
        self.process = subprocess.Popen(
            [
                "strace",
                "-f",
                "-p",
                str(server.process.pid),
                "-o",
                self.log,
                "-e",
                f"trace={call}",
                "-e",
                f"inject={call}:{fault}:when={when}",
                *(["-P", path] if path else []),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stderr.readline()
        if "attached" not in line:
            self.process.wait()
            pytest.skip(f"strace may not attach here: {line}")

    def __enter__(self):
        return self

    def wait_for_end(self):
        """The server's exit status. Killed in the middle of a call it now and then stays where
        strace holds it: then strace goes too."""
        try:
            return self.server.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.stuck = True
            self.server.process.kill()
            self.process.kill()
            return self.server.process.wait(timeout=15)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)
        self.process.stderr.close()
        assert self.stuck or re.search(
            r"INJECTED|DELAYED|killed by SIGKILL", self.log.read_text()
        ), "the fault never came"


def current_log(server):
    return str(max(server.data_dir.glob("db/*.log")))

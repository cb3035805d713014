# SPDX-License-Identifier: Apache-2.0
"""A server whose clock of background work stands still until a test turns it."""
import datetime
import json
import socket
import subprocess

from conftest import SLUICE, Server
from functions import until


class Turned(Server):
    """The server, but with a clock (tests/tools/turned.cc) that stands still until it is turned."""

    def start(self):
        self.process = subprocess.Popen(
            [SLUICE.parent / "turned", self.data_dir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.read_clock()
        self.endpoint = json.loads((self.data_dir / "endpoint.json").read_text())
        return self

    def read_clock(self):
        self.clock = datetime.datetime.utcfromtimestamp(int(self.process.stdout.readline()) // 1000)

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

    def status(self):
        with socket.socket(socket.AF_UNIX) as operator:
            operator.connect(str(self.data_dir / "operator.sock"))
            operator.sendall(b"status\n")
            return json.loads(b"".join(iter(lambda: operator.recv(65536), b"")))

    def is_quiet(self):
        """All that is due at this time of the clock was done."""
        now = self.status()
        return (
            not any(queue["waiting"] for queue in now["queues"])
            and not any(one["running"] or one["due_in_ms"] <= 0 for one in now["recurring"])
            and not now["files_to_free"]
        )

    def turn_without_waiting(self, seconds):
        print(seconds * 1000, file=self.process.stdin, flush=True)
        self.read_clock()

    def turn(self, seconds):
        self.turn_without_waiting(seconds)
        until(self.is_quiet)

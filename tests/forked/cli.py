# SPDX-License-Identifier: Apache-2.0
"""The AWS CLI, imported once. It listens on the socket that it is given, and each call is a child
of its own, which does what the script `aws` does. It ends with the end of its standard input."""
import gc
import importlib
import json
import os
import selectors
import socket
import sys
import time

import awscli
import awscli.clidriver


def receive(line):
    head, files, _, _ = socket.recv_fds(line, 9, 3)
    with line.makefile("rb") as stream:
        return json.loads(stream.read(int(head))), files


def become(asked, files):
    """From here on this process is as if the caller had started it."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["cwd"])
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    sys.argv = asked["argv"]
    importlib.reload(awscli)  # it adds to the environment when it is imported


def call():
    try:
        return awscli.clidriver.main() or 0
    except SystemExit as ended:
        return ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def serve(listener):
    line, _ = listener.accept()
    if os.fork() == 0:
        listener.close()
        become(*receive(line))
        code = 255
        try:
            code = call()
        finally:
            line.send(bytes([code]))
            os._exit(code)
    line.close()


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    awscli.clidriver.create_clidriver()  # imports what the CLI loads as plugins
    gc.freeze()
    print("ready", flush=True)
    with selectors.DefaultSelector() as waiting:
        waiting.register(sys.stdin, selectors.EVENT_READ)
        waiting.register(listener, selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _ in waiting.select()):
            serve(listener)
            while children_ended():
                pass


def children_ended():
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0


main()

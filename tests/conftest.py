# SPDX-License-Identifier: Apache-2.0
"""A real server for each test module: TLS, signatures, policies, encryption and sync on, as a user
runs it."""
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import boto3
import botocore.config
import botocore.session
import pytest

import aws_cli

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build" / "sluice"))
# What the tests use of AWS and Debian 12's botocore does not know yet; last on the path, so that a
# newer botocore's own extras win.
sdk = botocore.session.get_session()
sdk.get_component("data_loader").search_paths.append(str(ROOT / "tests" / "models"))
boto3.setup_default_session(botocore_session=sdk)


# What tests choose by chance can be chosen again: SLUICE_TEST_SEED=N ./dev test NAME
SEED = int(os.environ.setdefault("SLUICE_TEST_SEED", str(random.randrange(1 << 30))))


# What takes longest begins first, so that no processor is left with it when the others are done.
LONGEST = """matrix runtimes guide crowd crash faults foreign_ground trail_tampering trail_crash
both_functions foreign_functions growth trail cloudformation trail_faults cli ingestion_lambda
pipeline kms_import lambda_versions rolesanywhere kms_shredding dynamodb""".split()


def pytest_collection_modifyitems(items):
    rank = {f"test_{name}": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


def pytest_sessionfinish():
    aws_cli.stop()


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"SLUICE_TEST_SEED={SEED}")


class Server:
    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.data_dir = directory / "data"
        self.listen = "127.0.0.1:0"
        self.options = ()  # more arguments of `sluice serve`
        self.process = None
        self.kept = (None, None)  # the process that gave a session, and the session

    def start(self, **environment):
        self.process = subprocess.Popen(
            [
                SLUICE,
                "serve",
                "--data-dir",
                self.data_dir,
                "--listen",
                self.listen,
                "--listen-http",
                "127.0.0.1:0",
                *self.options,
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        line = self.process.stdout.readline()  # printed when it is ready
        assert line.startswith("Sluice serves"), line
        self.endpoint = json.loads((self.data_dir / "endpoint.json").read_text())
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        return code

    def run(self, *arguments, check=True):
        environment = dict(os.environ)
        command = [SLUICE, *map(str, arguments), "--data-dir", str(self.data_dir)]
        if arguments[0] == "aws":
            environment["PATH"] = aws_cli.path_to_forked(environment["PATH"])
            command = [SLUICE, "--data-dir", str(self.data_dir), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert not check or done.returncode == 0, done.stderr
        return done

    def session(self, role=None):
        return json.loads(self.run("credentials", *(["--role", role] if role else [])).stdout)

    def kept_session(self):
        """The operator's, asked for once of each process: there are thousands of clients."""
        pid = self.process.pid
        if self.kept[0] != pid:
            self.kept = pid, self.session()
        return self.kept[1]

    def client(self, service, role=None, session=None, endpoint=None, **config):
        session = session or (self.session(role) if role else self.kept_session())
        return boto3.client(
            service,
            region_name=self.endpoint["region"],
            endpoint_url=endpoint or self.endpoint["endpoint"],
            verify=self.endpoint["ca_file"],
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            config=botocore.config.Config(
                retries={"max_attempts": 0},
                signature_version="s3v4" if service == "s3" else None,
                s3={"addressing_style": "path"},
                **config,
            ),
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = Server(tmp_path_factory.mktemp("sluice")).start()
    yield one
    assert one.stop() == 0
    assert "clean" in one.run("verify").stdout


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The server that the clients of other makers share (clients.py)."""
    import clients

    one = clients.World(tmp_path_factory.mktemp("the clients"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


@pytest.fixture
def fresh_server(tmp_path):
    one = Server(tmp_path).start()
    yield one
    if one.process.poll() is None:
        assert one.stop() == 0


@pytest.fixture
def code():
    """The AWS error code that a call ends with."""
    import botocore.exceptions

    def of(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        return caught.value.response["Error"]["Code"]

    return of

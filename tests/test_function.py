# SPDX-License-Identifier: Apache-2.0
"""The function in C++ needs nothing of the system it runs on: it starts in an empty root
directory."""
import http.server
import pathlib
import subprocess
import threading
import zipfile

import pytest

from conftest import ROOT


@pytest.fixture
def bootstrap(tmp_path):
    with zipfile.ZipFile(ROOT / "build" / "sluice-ingest.zip") as archive:
        assert archive.namelist() == ["bootstrap", "ingestion_lambda.py"]
        assert archive.infolist()[0].external_attr >> 16 & 0o111
        path = pathlib.Path(archive.extract("bootstrap", tmp_path))
    path.chmod(0o755)
    return path


def in_empty_root(bootstrap, *options, **environment):
    settings = [part for name, value in environment.items() for part in ("--setenv", name, value)]
    return subprocess.run(
        [
            "bwrap",
            "--unshare-all",
            *options,
            "--clearenv",
            *settings,
            "--ro-bind",
            bootstrap,
            "/bootstrap",
            "/bootstrap",
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_starts_with_nothing_else_mounted(bootstrap):
    done = in_empty_root(bootstrap)
    assert (done.returncode, "AWS_LAMBDA_RUNTIME_API" in done.stderr) == (2, True), done


def test_tells_the_runtime_api_why_it_cannot_start(bootstrap):
    told = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(
                (
                    self.path,
                    self.headers["Lambda-Runtime-Function-Error-Type"],
                    self.rfile.read(int(self.headers["Content-Length"])),
                )
            )
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Api) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        done = in_empty_root(
            bootstrap,
            "--share-net",
            AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{api.server_port}",
            AWS_REGION="eu-central-1",
            AWS_ACCESS_KEY_ID="ASIAEXAMPLE",
            AWS_SECRET_ACCESS_KEY="x",
            TABLE_NAME="T",
        )
        api.shutdown()
    assert done.returncode == 1
    [(path, kind, body)] = told
    assert (path, kind) == ("/2018-06-01/runtime/init/error", "Configuration")
    assert b"QUARANTINE_BUCKET must be set" in body

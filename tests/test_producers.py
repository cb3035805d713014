# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/producers.md, typed in their order, print what the page shows."""
import json
import shutil

import pytest

from conftest import ROOT, Server
from identities import Provider
from test_guide import Reader, matches, steps_of

STEPS = steps_of(ROOT / "docs" / "producers.md")
ISSUER = "https://token.actions.githubusercontent.com"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    home = tmp_path_factory.mktemp("producers")
    ci = Provider(ISSUER, "sts.amazonaws.com")
    (home / "keys.json").write_text(json.dumps(ci.jwks()))
    for name, sub in (
        ("main", "repo:plant/sensors:ref:refs/heads/main"),
        ("a-fork", "repo:fork/sensors:ref:refs/heads/main"),
    ):
        (home / f"token-of-{name}").write_text(ci.token(sub=sub, exp=ci.claims()["exp"] + 3600))
    (home / "server").mkdir()
    server = Server(home / "server").start()
    one = Reader(server, home)
    yield one
    one.close()
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_step_prints_what_the_page_shows(reader, number):
    if "curl" in STEPS[number][0] and not shutil.which("curl"):
        pytest.skip("curl is not here")
    command, shown = STEPS[number]
    printed = reader.type(command)
    assert matches(shown, printed), printed

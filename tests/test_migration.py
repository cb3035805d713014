# SPDX-License-Identifier: Apache-2.0
"""A directory that an earlier release wrote is served by this one as it was (tests/release.py), and
is whole."""
import json

import pytest

import release
from conftest import Server
from functions import zeros


def with_layer(server):
    """The size of a function's code counts with its layers, also of one that did not note it."""
    functions = server.client("lambda")

    def layer(size):
        return functions.publish_layer_version(LayerName="zeros", Content={"ZipFile": zeros(size)})[
            "LayerVersionArn"
        ]

    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="262144000"):
        functions.update_function_configuration(FunctionName="matrix", Layers=[layer(262144000)])
    arn = layer(1 << 20)
    changed = functions.update_function_configuration(FunctionName="matrix", Layers=[arn])
    assert [one["Arn"] for one in changed["Layers"]] == [arn]


@pytest.mark.parametrize(
    "name", sorted(path.name.removesuffix(".tar.xz") for path in release.RELEASES.glob("*.tar.xz"))
)
def test_a_directory_of_an_earlier_release_answers_as_it_did(tmp_path, name):
    calls, answers = release.unpack(name, tmp_path)
    server = Server(tmp_path)
    refused = server.run("verify", check=False)
    assert refused.returncode == 1 and "start `sluice serve` on it once" in refused.stderr
    server.start()
    now = release.look(server, calls)
    changed = [
        (*before, after)
        for before, (_, _, after) in zip(answers, now, strict=True)
        if before[2] != after
    ]
    assert not changed, json.dumps(changed[:3], indent=1)
    # What was stored is changed, and written in the form of today.
    server.client("s3").put_object(Bucket="matrix", Key="after", Body=b"after")
    server.client("iam").update_role(RoleName="matrix", Description="after")
    with_layer(server)
    assert server.stop() == 0
    server.start()
    assert server.client("iam").get_role(RoleName="matrix")["Role"]["Description"] == "after"
    assert server.stop() == 0
    assert "clean" in server.run("verify").stdout

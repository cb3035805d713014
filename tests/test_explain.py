# SPDX-License-Identifier: Apache-2.0
"""sluice explain: why a call was allowed or denied, for the owner of the server alone."""
import json
import os
import socket

import botocore.exceptions
import pytest

from test_iam_managed import account, allow, document, iam, role


def test_a_call_is_explained_by_its_request_id(server, iam, role):
    role("reader")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="explained")
    s3.put_object(Bucket="explained", Key="k", Body=b"x")
    reader = server.client("s3", role="reader")

    def explained(answer):
        return server.run("explain", answer["ResponseMetadata"]["RequestId"]).stdout

    def refused():
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            reader.get_object(Bucket="explained", Key="k")
        return explained(caught.value.response)

    text = refused()
    assert "GetObject of s3.amazonaws.com" in text and ":assumed-role/reader/" in text
    assert "AccessDenied" in text and "none that had to allow it did" in text
    iam.put_role_policy(RoleName="reader", PolicyName="reading", PolicyDocument=allow("s3:*"))
    text = explained(reader.get_object(Bucket="explained", Key="k"))
    assert "done\nallowed by the policy of the role reading, statement number 1" in text
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="not",
        PolicyDocument=document(
            {"Sid": "NotThis", "Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}
        ),
    )
    assert "denied by the policy of the role not, statement NotThis" in refused()


def test_an_event_is_explained_by_its_event_id(server):
    server.client("sts").get_caller_identity()
    event = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetCallerIdentity"}]
    )["Events"][0]
    record = json.loads(server.run("explain", event["EventId"], "--json").stdout)
    assert record == json.loads(event["CloudTrailEvent"])
    text = server.run("explain", event["EventId"]).stdout
    assert "GetCallerIdentity of sts.amazonaws.com" in text and "\ndone\n" in text


def test_what_is_no_id_or_of_no_record_says_so(server):
    done = server.run("explain", "00000000-0000-0000-0000-000000000000", check=False)
    assert done.returncode == 1 and "no audit record has this id" in done.stderr
    done = server.run("explain", "a\nb", check=False)
    assert done.returncode == 2 and "is no id" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_told_nothing(server):
    server.client("sts").get_caller_identity()
    event = server.client("cloudtrail").lookup_events()["Events"][0]["EventId"]
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with socket.socket(socket.AF_UNIX) as wire:
            os.chdir(server.data_dir)
            os.chmod("operator.sock", 0o777)
            os.chmod(".", 0o755)
            os.setresuid(65534, 65534, 65534)
            wire.connect("operator.sock")
            wire.sendall(f"explain {event}\n".encode())
            os.write(tell, wire.recv(65536))
        os._exit(0)
    os.waitpid(child, 0)
    os.chmod(server.data_dir, 0o700)
    os.chmod(server.data_dir / "operator.sock", 0o600)
    assert b"only the user who runs the server" in os.read(told, 65536)

# SPDX-License-Identifier: Apache-2.0
"""Log groups under a KMS key: what is written is sealed under it, and can be written and read while
Logs may use the key."""
import hashlib
import json
import subprocess
import time

import botocore.exceptions
import pytest

from conftest import SLUICE
from functions import LOGS, key_policy_for_logs, make_role, zipped

GROUP = "/sealed"


class Logs:
    def __init__(self, server):
        self.server, self.api, self.kms = server, server.client("logs"), server.client("kms")
        self.account = server.endpoint["account_id"]

    def key(self, policy=None):
        policy = policy or key_policy_for_logs(self.account)
        return self.kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]

    def group(self, name=GROUP, **more):
        self.api.create_log_group(logGroupName=name, **more)
        self.api.create_log_stream(logGroupName=name, logStreamName="s")

    def put(self, *texts, name=GROUP):
        events = [{"timestamp": int(time.time() * 1000), "message": text} for text in texts]
        self.api.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)

    def got(self, name=GROUP):
        """By both ways of reading."""
        one = self.api.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True)
        all_streams = self.api.filter_log_events(logGroupName=name)
        texts = [event["message"] for event in one["events"]]
        assert [event["message"] for event in all_streams["events"]] == texts
        return texts

    def shown(self, name=GROUP):
        [group] = self.api.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return group.get("kmsKeyId")


@pytest.fixture
def logs(fresh_server):
    return Logs(fresh_server)


def refused(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **more)
    return caught.value.response["Error"]["Code"]


def test_what_is_written_is_sealed_under_the_key(logs):
    key = logs.key()
    logs.group(kmsKeyId=key)
    logs.group("/plain")
    for name in (GROUP, "/plain"):
        logs.put("first of " + name, "second", name=name)
        assert logs.got(name) == ["first of " + name, "second"]
    assert logs.shown() == key and logs.shown("/plain") is None
    found = logs.api.filter_log_events(logGroupName=GROUP, filterPattern="second")["events"]
    assert [event["message"] for event in found] == ["second"]
    logs.server.stop()
    dump = subprocess.check_output([SLUICE.parent / "dump", logs.server.data_dir], text=True)
    stored = set(json.loads(dump)["keys"].values())
    digest = {
        name: hashlib.sha256(b"first of " + name.encode()).hexdigest() for name in (GROUP, "/plain")
    }
    assert digest["/plain"] in stored and digest[GROUP] not in stored
    logs.server.start()
    assert Logs(logs.server).got() == ["first of " + GROUP, "second"]


def test_a_key_that_cannot_be_used_hides_the_log_and_takes_nothing(logs):
    key = logs.key()
    logs.group(kmsKeyId=key)
    logs.put("before")
    logs.kms.disable_key(KeyId=key)
    assert refused(logs.got) == "AccessDeniedException"
    assert refused(logs.api.filter_log_events, logGroupName=GROUP) == "AccessDeniedException"
    assert refused(logs.put, "lost") == "AccessDeniedException"
    logs.kms.enable_key(KeyId=key)
    assert logs.got() == ["before"]
    # Its policy counts as it is now.
    account_alone = key_policy_for_logs(logs.account)
    account_alone["Statement"].pop()
    logs.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(account_alone))
    assert refused(logs.got) == "AccessDeniedException"
    assert refused(logs.put, "lost") == "AccessDeniedException"


def test_a_key_that_logs_may_not_use_is_no_groups_key(logs):
    account_alone = key_policy_for_logs(logs.account)
    account_alone["Statement"].pop()
    of_another = key_policy_for_logs(logs.account)
    of_another["Statement"][1]["Condition"]["ArnLike"] = {
        "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:us-east-1:{logs.account}:log-group:/x"
    }
    absent = f"arn:aws:kms:us-east-1:{logs.account}:key/00000000-0000-0000-0000-000000000000"
    for key in (logs.key(account_alone), logs.key(of_another), absent):
        made = refused(logs.api.create_log_group, logGroupName=GROUP, kmsKeyId=key)
        assert made == "AccessDeniedException"
    off = logs.key()
    logs.kms.disable_key(KeyId=off)
    for key in (off, "alias/some", "no key"):
        made = refused(logs.api.create_log_group, logGroupName=GROUP, kmsKeyId=key)
        assert made == "InvalidParameterException"
    assert logs.api.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"] == []


def test_a_group_changes_its_key(logs):
    first, second = logs.key(), logs.key()
    logs.group()
    logs.put("plain")
    logs.api.associate_kms_key(logGroupName=GROUP, kmsKeyId=first)
    logs.put("under the first")
    arn = f"arn:aws:logs:us-east-1:{logs.account}:log-group:{GROUP}"
    logs.api.associate_kms_key(resourceIdentifier=arn + ":*", kmsKeyId=second)
    logs.put("under the second")
    assert logs.shown() == second
    assert logs.got() == ["plain", "under the first", "under the second"]
    logs.api.disassociate_kms_key(logGroupName=GROUP)
    assert logs.shown() is None
    logs.kms.disable_key(KeyId=first)
    logs.put("plain again")  # it needs no key
    assert refused(logs.got) == "AccessDeniedException"
    logs.kms.enable_key(KeyId=first)
    assert logs.got() == ["plain", "under the first", "under the second", "plain again"]
    assert (
        refused(logs.api.associate_kms_key, logGroupName="/absent", kmsKeyId=first)
        == "ResourceNotFoundException"
    )
    assert (
        refused(logs.api.associate_kms_key, resourceIdentifier="arn:aws:s3:::b", kmsKeyId=first)
        == "InvalidParameterException"
    )


def test_a_function_goes_on_when_its_log_cannot_be_written(logs):
    key = logs.key()
    group = "/aws/lambda/quiet"
    logs.group(group, kmsKeyId=key)
    functions = logs.server.client("lambda")
    functions.create_function(
        FunctionName="quiet",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=make_role(logs.server, "quiet", LOGS),
        Code={"ZipFile": zipped()},
    )

    def lines():
        found = logs.api.filter_log_events(logGroupName=group)["events"]
        return [event for event in found if event["message"].startswith("START")]

    def call():
        return json.load(functions.invoke(FunctionName="quiet", Payload='{"n": 1}')["Payload"])

    assert call() == {"n": 1} and len(lines()) == 1
    logs.kms.disable_key(KeyId=key)
    assert call() == {"n": 1}
    logs.kms.enable_key(KeyId=key)
    assert call() == {"n": 1} and len(lines()) == 2

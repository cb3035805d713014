# SPDX-License-Identifier: Apache-2.0
"""What the tests of KMS share: roles, key policies, and the error that a call ends with."""
import json

import botocore.exceptions
import pytest


def account_of(server):
    return server.endpoint["account_id"]


def trust_of(server):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account_of(server)}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )


def role(server, name, *statements):
    """A role the operator can take, with these statements; a KMS client of it."""
    iam = server.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_of(server))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(
            RoleName=name,
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
    return arn, server.client("kms", role=name)


def key_policy(server, *statements):
    """The operator keeps the key; the statements add to that."""
    own = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_of(server)}:role/sluice-operator"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]

# SPDX-License-Identifier: Apache-2.0
"""Audit records for tests: read from the store, and compared field by field."""
import json
import subprocess

from conftest import SLUICE
from trails import ACCOUNT, REGION

ANY = object()  # there, whatever it is
TOP = {
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "requestParameters",
    "responseElements",
    "requestID",
    "eventID",
    "readOnly",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
}


def differences(found, wanted, at=""):
    """Where `found` is not `wanted`; a member that `wanted` does not name must not be there."""
    if wanted is ANY:
        return []
    if isinstance(wanted, dict) and isinstance(found, dict):
        odd = [f"{at}.{k}: only in the record" for k in found.keys() - wanted.keys()] + [
            f"{at}.{k}: missing" for k in wanted.keys() - found.keys()
        ]
        return odd + [
            d
            for k in wanted.keys() & found.keys()
            for d in differences(found[k], wanted[k], f"{at}.{k}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            d
            for i, (f, w) in enumerate(zip(found, wanted))
            for d in differences(f, w, f"{at}[{i}]")
        ]
    return [] if found == wanted else [f"{at}: {found!r}, not {wanted!r}"]


def records_of(server):
    """Every record of the server, which is stopped for it, oldest first."""
    assert server.stop() == 0
    found = json.loads(
        subprocess.run(
            [SLUICE.parent / "dump", server.data_dir], capture_output=True, text=True, check=True
        ).stdout
    )["audit"]
    server.start()
    return found


def operator():
    role = {
        "type": "Role",
        "principalId": ANY,
        "arn": f"arn:aws:iam::{ACCOUNT}:role/sluice-operator",
        "accountId": ACCOUNT,
        "userName": "sluice-operator",
    }
    return {
        "type": "AssumedRole",
        "principalId": ANY,
        "arn": ANY,
        "accountId": ACCOUNT,
        "accessKeyId": ANY,
        "sessionContext": {
            "sessionIssuer": role,
            "attributes": {"creationDate": ANY, "mfaAuthenticated": "false"},
        },
    }


OPERATOR_MAY = {"policyType": "identity", "policy": "operator", "index": 0}


def key_may(arn):
    """The policy of a key that nobody gave another one: it leaves it to the account's policies."""
    return {"policyType": "resource", "policy": arn, "sid": "Enable IAM User Permissions"}


def trust_may(arn):
    """A role's trust policy, of one statement."""
    return {"policyType": "resource", "policy": arn, "index": 0}


def whole(determining=(OPERATOR_MAY,), **own):
    """A whole record of a management call by the operator over TLS, but for `own`.
    `determining`: the statements that decided it."""
    if determining:
        own["additionalEventData"] = own.get("additionalEventData", {}) | {
            "determiningStatements": list(determining)
        }
    tls = {"tlsVersion": "TLSv1.3", "cipherSuite": ANY, "clientProvidedHostHeader": ANY}
    usual = {
        "eventVersion": "1.11",
        "userIdentity": operator(),
        "eventTime": ANY,
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": ANY,
        "requestID": ANY,
        "eventID": ANY,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": tls,
        "responseElements": None,
    }
    return {k: v for k, v in (usual | own).items() if v is not Ellipsis}


def lasting(keys):
    """Of the keys of a dump those that calls change: when a role was used last is noted beside."""
    return {key: value for key, value in keys.items() if "/iam.role-use" not in key}

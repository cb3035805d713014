# SPDX-License-Identifier: Apache-2.0
"""Condition keys: what the table of the program says is filled is filled, by a real call; what is
not filled opens nothing; and the policies that people write with them hold."""
import datetime
import json
import subprocess

import botocore.exceptions
import pytest

import samples
from conftest import SLUICE, Server

TABLE = json.loads(
    subprocess.run(
        [SLUICE.parent / "condition_keys"], capture_output=True, text=True, check=True
    ).stdout
)
OPERATIONS = json.loads(
    subprocess.run(
        [SLUICE.parent / "operations"], capture_output=True, text=True, check=True
    ).stdout
)
TAGGED = "Team=red"
# Keys that no request can bring here: what would bring them is refused before any policy is asked,
# or is not built.
NEVER = {
    (
        "s3:PutObject",
        "s3:x-amz-server-side-encryption-customer-algorithm",
    ): "SSE-C is NotImplemented",
    ("s3:PutObject", "s3:x-amz-website-redirect-location"): "NotImplemented",
    # Only who has a token of an identity provider brings these: tests/test_web_identity.py.
    ("*", "aws:FederatedProvider"): "a web identity",
    **{
        ("sts:AssumeRoleWithWebIdentity", key): "a web identity"
        for key in (
            "aws:FederatedProvider",
            "aws:RequestTag/*",
            "aws:ResourceTag/*",
            "aws:TagKeys",
            "iam:ResourceTag/*",
            "sts:RoleSessionName",
            "sts:SourceIdentity",
            "sts:TransitiveTagKeys",
        )
    },
    **{
        ("s3:PutObject", "s3:x-amz-grant-" + grant): "there are no ACLs"
        for grant in ("full-control", "read", "read-acp", "write", "write-acp")
    },
}


class Scene:
    def __init__(self, directory):
        self.server = Server(directory).start()
        self.world = samples.World(self.server)
        self.samples = samples.samples(self.world)
        self.iam, self.account = self.server.client("iam"), self.server.endpoint["account_id"]
        self.iam.create_role(
            RoleName="asking",
            AssumeRolePolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"},
                        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                    },
                }
            ),
            Tags=[{"Key": "Team", "Value": "red"}],
        )
        self.allow([])
        self.session = self.server.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{self.account}:role/asking",
            RoleSessionName="asking",
            Tags=[{"Key": "Team", "Value": "red"}],
            SourceIdentity="somebody",
        )["Credentials"]
        self.clients = {}
        kms = self.server.client("kms")
        self.tagged_key = kms.create_key(Tags=[{"TagKey": "Team", "TagValue": "red"}])[
            "KeyMetadata"
        ]["KeyId"]
        kms.create_alias(AliasName="alias/tagged", TargetKeyId=self.tagged_key)
        self.grant = kms.create_grant(
            KeyId=self.world.key,
            GranteePrincipal=self.world.role,
            Operations=["Encrypt"],
            Constraints={"EncryptionContextSubset": {"app": "x"}},
        )["GrantId"]
        s3 = self.server.client("s3")
        s3.put_bucket_versioning(
            Bucket="matrix-locked", VersioningConfiguration={"Status": "Enabled"}
        )
        self.version = s3.put_object(
            Bucket="matrix-locked", Key="tagged", Body=b"x", Tagging=TAGGED
        )["VersionId"]
        self.etag = s3.put_object(Bucket=samples.BUCKET, Key="tagged", Body=b"x", Tagging=TAGGED)[
            "ETag"
        ]

    def allow(self, denied, allowed=None):
        self.iam.put_role_policy(
            RoleName="asking",
            PolicyName="p",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        *(allowed or [{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
                        *({"Effect": "Deny", "Resource": "*"} | one for one in denied),
                    ],
                }
            ),
        )

    def client(self, service, operation=""):
        service = samples.sdk_name(service, operation)
        if service not in self.clients:
            self.clients[service] = self.server.client(
                service,
                session=self.session,
                parameter_validation=False,
            )
        return self.clients[service]

    def refuses(self, call):
        """True: AccessDenied. False: anything else."""
        try:
            call()
        except botocore.exceptions.ClientError as error:
            return (
                error.response["Error"]["Code"].startswith("AccessDenied")
                or error.response["Error"]["Code"] == "403"
            )
        return False

    def ask(self, service, operation, **arguments):
        client = self.client(service, operation)
        method = next(
            python
            for python, name in client.meta.method_to_api_mapping.items()
            if name == operation
        )
        return lambda: getattr(client, method)(**arguments)

    def sample(self, action):
        """A valid call that needs this action first."""
        for service in OPERATIONS:
            for row in service["rows"]:
                if row["action"] == action and row["name"] in self.samples.get(
                    service["service"], {}
                ):
                    return self.ask(
                        service["service"],
                        row["name"],
                        **self.samples[service["service"]][row["name"]],
                    )
        return None


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    one = Scene(tmp_path_factory.mktemp("condition-keys"))
    yield one
    assert one.server.stop() == 0
    assert "clean" in one.server.run("verify").stdout


def with_referer(scene):
    client = scene.server.client("dynamodb", session=scene.session)
    client.meta.events.register(
        "before-sign.dynamodb",
        lambda request, **_: request.headers.add_header("Referer", "https://example.com/"),
    )
    return lambda: client.get_item(TableName=samples.TABLE, Key=samples.KEY)


def presigned(scene):
    import ssl
    import urllib.request

    url = scene.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": samples.BUCKET, "Key": "tagged"}
    )

    def call():
        try:
            urllib.request.urlopen(
                url, context=ssl.create_default_context(cafile=scene.server.endpoint["ca_file"])
            ).read()
        except urllib.error.HTTPError as error:
            raise botocore.exceptions.ClientError({"Error": {"Code": str(error.code)}}, "GetObject")

    return call


def calls(s):
    """(actions as in the table, key or None) -> (the action that is denied, a call that brings the
    key)."""
    item, encrypted = {"TableName": samples.TABLE, "Key": samples.KEY}, {
        "EncryptionContext": {"app": "x"}
    }
    alias, until = "alias/matrix", datetime.datetime.now(
        datetime.timezone.utc
    ) + datetime.timedelta(days=1)
    tagged, versioned = {"Bucket": samples.BUCKET, "Key": "tagged"}, {
        "Bucket": "matrix-locked",
        "Key": "tagged",
        "VersionId": s.version,
    }
    sealed = s.server.client("kms").encrypt(KeyId=s.world.key, Plaintext=b"x", **encrypted)[
        "CiphertextBlob"
    ]
    team = {"Tags": [{"Key": "Team", "Value": "red"}]}
    tags = {"TagSet": team["Tags"]}
    constrained = {
        "KeyId": s.world.key,
        "GranteePrincipal": s.world.role,
        "Operations": ["Encrypt"],
        "Constraints": {"EncryptionContextSubset": {"app": "x"}},
    }
    through_s3 = s.ask(
        "s3",
        "PutObject",
        Bucket=samples.BUCKET,
        Key="k",
        Body=b"x",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=s.world.key,
    )

    def put(**more):
        return s.ask("s3", "PutObject", Bucket=samples.BUCKET, Key="k", Body=b"x", **more)

    def make(**more):
        return s.ask("s3", "CreateBucket", Bucket="made", **more)

    out = {
        ("*", None): ("dynamodb:GetItem", s.ask("dynamodb", "GetItem", **item)),
        ("*", "aws:Referer"): ("dynamodb:GetItem", with_referer(s)),
        ("kms:*crypt*", None): (
            "kms:Encrypt",
            s.ask("kms", "Encrypt", KeyId=alias, Plaintext=b"x", **encrypted),
        ),
        ("kms:*", "kms:ViaService"): ("kms:GenerateDataKey", through_s3),
        ("kms:GenerateDataKey*", None): (
            "kms:GenerateDataKey",
            s.ask("kms", "GenerateDataKey", KeyId=alias, NumberOfBytes=32, **encrypted),
        ),
        ("kms:ReEncrypt*", None): (
            "kms:ReEncryptFrom",
            s.ask(
                "kms",
                "ReEncrypt",
                CiphertextBlob=sealed,
                SourceEncryptionContext={"app": "x"},
                DestinationKeyId=s.world.key,
            ),
        ),
        ("kms:*", None): ("kms:DescribeKey", s.ask("kms", "DescribeKey", KeyId=s.tagged_key)),
        ("kms:DescribeKey", None): ("kms:DescribeKey", s.ask("kms", "DescribeKey", KeyId=alias)),
        ("kms:GetPublicKey", None): (
            "kms:GetPublicKey",
            s.ask("kms", "GetPublicKey", KeyId="alias/matrix-pair"),
        ),
        ("kms:Sign", None): (
            "kms:Sign",
            s.ask("kms", "Sign", **s.world.signing | {"KeyId": "alias/matrix-pair"}),
        ),
        ("kms:Verify", None): (
            "kms:Verify",
            s.ask(
                "kms",
                "Verify",
                **s.world.signing | {"KeyId": "alias/matrix-pair"},
                Signature=s.world.signature,
            ),
        ),
        ("kms:*Mac", None): (
            "kms:GenerateMac",
            s.ask("kms", "GenerateMac", **s.world.macs | {"KeyId": "alias/matrix-mac"}),
        ),
        ("kms:GenerateDataKeyPair*", None): (
            "kms:GenerateDataKeyPair",
            s.sample("kms:GenerateDataKeyPair"),
        ),
        ("kms:CreateGrant", None): (
            "kms:CreateGrant",
            s.ask("kms", "CreateGrant", **constrained, RetiringPrincipal=s.world.role),
        ),
        ("kms:RetireGrant", None): (
            "kms:RetireGrant",
            s.ask("kms", "RetireGrant", KeyId=s.world.key, GrantId=s.grant),
        ),
        ("kms:CreateKey", None): (
            "kms:CreateKey",
            s.ask("kms", "CreateKey", Tags=[{"TagKey": "Team", "TagValue": "red"}]),
        ),
        ("kms:TagResource", None): (
            "kms:TagResource",
            s.ask(
                "kms",
                "TagResource",
                KeyId=s.tagged_key,
                Tags=[{"TagKey": "Team", "TagValue": "red"}],
            ),
        ),
        ("kms:ImportKeyMaterial", "kms:ValidTo"): (
            "kms:ImportKeyMaterial",
            s.ask(
                "kms",
                "ImportKeyMaterial",
                KeyId=s.world.imported,
                **s.world.material | {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": until},
            ),
        ),
        ("kms:EnableKeyRotation", None): (
            "kms:EnableKeyRotation",
            s.ask("kms", "EnableKeyRotation", KeyId=s.world.key, RotationPeriodInDays=100),
        ),
        ("iam:PassRole", None): ("iam:PassRole", s.sample("lambda:CreateFunction")),
        ("iam:*PolicyVersion*", None): (
            "iam:GetPolicyVersion",
            s.sample("iam:GetPolicyVersion"),
        ),
        ("iam:CreatePolicy", None): (
            "iam:CreatePolicy",
            s.ask("iam", "CreatePolicy", **s.samples["iam"]["CreatePolicy"], **team),
        ),
        ("iam:DeletePolicy", None): (
            "iam:DeletePolicy",
            s.ask("iam", "DeletePolicy", PolicyArn=s.world.policy),
        ),
        ("iam:*OpenIDConnectProvider*", None): (
            "iam:GetOpenIDConnectProvider",
            s.ask("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=s.world.provider),
        ),
        ("iam:CreateOpenIDConnectProvider", None): (
            "iam:CreateOpenIDConnectProvider",
            s.ask(
                "iam",
                "CreateOpenIDConnectProvider",
                **s.samples["iam"]["CreateOpenIDConnectProvider"] | team,
            ),
        ),
        ("iam:TagOpenIDConnectProvider", None): (
            "iam:TagOpenIDConnectProvider",
            s.ask(
                "iam",
                "TagOpenIDConnectProvider",
                OpenIDConnectProviderArn=s.world.provider,
                **team,
            ),
        ),
        ("iam:TagPolicy", None): (
            "iam:TagPolicy",
            s.ask("iam", "TagPolicy", PolicyArn=s.world.policy, **team),
        ),
        ("iam:CreateRole", None): (
            "iam:CreateRole",
            s.ask(
                "iam",
                "CreateRole",
                **s.samples["iam"]["CreateRole"],
                PermissionsBoundary=s.world.policy,
                **team,
            ),
        ),
        ("iam:TagRole", None): (
            "iam:TagRole",
            s.ask("iam", "TagRole", RoleName=samples.ROLE, **team),
        ),
        ("s3:*", None): ("s3:GetObject", s.ask("s3", "GetObject", **tagged)),
        ("s3:*", "s3:signatureAge"): ("s3:GetObject", presigned(s)),
        ("s3:CreateBucket", "s3:locationconstraint"): (
            "s3:CreateBucket",
            make(CreateBucketConfiguration={"LocationConstraint": "us-east-1"}),
        ),
        ("s3:CreateBucket", "s3:x-amz-acl"): ("s3:CreateBucket", make(ACL="private")),
        ("s3:CreateBucket", "s3:x-amz-object-ownership"): (
            "s3:CreateBucket",
            make(ObjectOwnership="BucketOwnerEnforced"),
        ),
        **{
            ("s3:CreateBucket", "s3:x-amz-grant-" + grant.replace("_", "-").lower()): (
                "s3:CreateBucket",
                make(**{"Grant" + grant.replace("_", ""): "id=1"}),
            )
            for grant in ("Full_Control", "Read", "Read_ACP", "Write", "Write_ACP")
        },
        ("s3:ListBucket", None): (
            "s3:ListBucket",
            s.ask(
                "s3", "ListObjectsV2", Bucket=samples.BUCKET, Prefix="a", Delimiter="/", MaxKeys=1
            ),
        ),
        ("s3:ListBucketVersions", None): (
            "s3:ListBucketVersions",
            s.ask(
                "s3",
                "ListObjectVersions",
                Bucket=samples.BUCKET,
                Prefix="a",
                Delimiter="/",
                MaxKeys=1,
            ),
        ),
        ("s3:PutBucketTagging", None): (
            "s3:PutBucketTagging",
            s.ask("s3", "PutBucketTagging", Bucket=samples.BUCKET, Tagging=tags),
        ),
        ("s3:PutObject", None): (
            "s3:PutObject",
            put(
                Tagging=TAGGED,
                ACL="bucket-owner-full-control",
                StorageClass="STANDARD",
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=s.world.key,
            ),
        ),
        ("s3:PutObject", "s3:if-match"): ("s3:PutObject", put(IfMatch="x")),
        ("s3:PutObject", "s3:if-none-match"): ("s3:PutObject", put(IfNoneMatch="*")),
        **{
            ("s3:PutObject", "s3:object-lock-" + key): (
                "s3:PutObject",
                s.ask(
                    "s3",
                    "PutObject",
                    Bucket="matrix-locked",
                    Key="k",
                    Body=b"x",
                    ObjectLockMode="GOVERNANCE",
                    ObjectLockRetainUntilDate=until,
                    ObjectLockLegalHoldStatus="ON",
                ),
            )
            for key in ("legal-hold", "mode", "remaining-retention-days", "retain-until-date")
        },
        **{
            ("s3:PutObject", key): (
                "s3:PutObject",
                s.ask(
                    "s3",
                    "CopyObject",
                    Bucket=samples.BUCKET,
                    Key="k",
                    CopySource=f"{samples.BUCKET}/tagged",
                    MetadataDirective="REPLACE",
                ),
            )
            for key in ("s3:x-amz-copy-source", "s3:x-amz-metadata-directive")
        },
        ("s3:DeleteObject", None): (
            "s3:DeleteObject",
            s.ask("s3", "DeleteObject", **tagged, IfMatch=s.etag),
        ),
        ("s3:DeleteObjectVersion", None): (
            "s3:DeleteObjectVersion",
            s.ask("s3", "DeleteObject", **versioned),
        ),
        ("s3:GetObject", None): ("s3:GetObject", s.ask("s3", "GetObject", **tagged)),
        ("s3:GetObjectVersion", None): (
            "s3:GetObjectVersion",
            s.ask("s3", "GetObject", **versioned),
        ),
        ("s3:GetObjectVersionAcl", None): (
            "s3:GetObjectVersionAcl",
            s.ask("s3", "GetObjectAcl", **versioned),
        ),
        ("s3:GetObjectVersionAttributes", None): (
            "s3:GetObjectVersionAttributes",
            s.ask("s3", "GetObjectAttributes", **versioned, ObjectAttributes=["ETag"]),
        ),
        ("dynamodb:*", None): (
            "dynamodb:DescribeTable",
            s.ask("dynamodb", "DescribeTable", TableName=samples.TABLE),
        ),
        ("dynamodb:CreateTable", None): (
            "dynamodb:CreateTable",
            s.ask(
                "dynamodb",
                "CreateTable",
                TableName="MatrixTagged",
                Tags=[{"Key": "Team", "Value": "red"}],
                **samples.table_facts(),
            ),
        ),
        ("dynamodb:TagResource", None): (
            "dynamodb:TagResource",
            s.ask(
                "dynamodb",
                "TagResource",
                ResourceArn=s.world.table,
                Tags=[{"Key": "Team", "Value": "red"}],
            ),
        ),
        ("dynamodb:UntagResource", None): (
            "dynamodb:UntagResource",
            s.ask("dynamodb", "UntagResource", ResourceArn=s.world.table, TagKeys=["Team"]),
        ),
        **{
            (f"dynamodb:{permission}", key): (
                f"dynamodb:{permission}",
                s.ask("dynamodb", f"Transact{which}Items", TransactItems=[{kind: action}]),
            )
            for permission, which, kind, action in (
                ("GetItem", "Get", "Get", {"Key": samples.KEY}),
                ("PutItem", "Write", "Put", {"Item": samples.KEY}),
                ("DeleteItem", "Write", "Delete", {"Key": samples.KEY}),
                (
                    "UpdateItem",
                    "Write",
                    "Update",
                    {"Key": samples.KEY, "UpdateExpression": "REMOVE a"},
                ),
                (
                    "ConditionCheckItem",
                    "Write",
                    "ConditionCheck",
                    {"Key": samples.KEY, "ConditionExpression": "attribute_not_exists(a)"},
                ),
            )
            for action in [{"TableName": samples.TABLE} | action]
            for key in ["dynamodb:EnclosingOperation"]
            + [None] * (permission == "ConditionCheckItem")
        },
        **{
            (f"dynamodb:PartiQL{which}", None): (
                f"dynamodb:PartiQL{which}",
                s.ask(
                    "dynamodb",
                    "ExecuteTransaction",
                    TransactStatements=[{"Statement": statement}],
                ),
            )
            for which, statement in (
                ("Select", samples.DELETE_BY_KEY.replace("DELETE", "SELECT *")),
                ("Insert", f"INSERT INTO {samples.TABLE} VALUE {{'device_id': 'd'}}"),
                (
                    "Update",
                    samples.DELETE_BY_KEY.replace("DELETE FROM", "UPDATE").replace(
                        "WHERE", "SET a = 1 WHERE"
                    ),
                ),
                ("Delete", samples.DELETE_BY_KEY),
            )
        },
        ("dynamodb:Scan", "dynamodb:Attributes"): (
            "dynamodb:Scan",
            s.ask("dynamodb", "Scan", TableName=samples.TABLE, ProjectionExpression="device_id"),
        ),
        ("lambda:*", None): (
            "lambda:GetFunction",
            s.ask("lambda", "GetFunction", FunctionName=samples.FUNCTION),
        ),
        ("lambda:CreateFunction", "lambda:Layer"): (
            "lambda:CreateFunction",
            s.ask(
                "lambda",
                "CreateFunction",
                **s.samples["lambda"]["CreateFunction"] | {"Layers": [s.world.layer]},
            ),
        ),
        ("lambda:CreateFunction", None): (
            "lambda:CreateFunction",
            s.ask(
                "lambda",
                "CreateFunction",
                **s.samples["lambda"]["CreateFunction"] | {"Tags": {"Team": "red"}},
            ),
        ),
        ("lambda:UpdateFunctionConfiguration", None): (
            "lambda:UpdateFunctionConfiguration",
            s.ask(
                "lambda",
                "UpdateFunctionConfiguration",
                FunctionName=samples.FUNCTION,
                Layers=[s.world.layer],
            ),
        ),
        ("lambda:RemovePermission", None): (
            "lambda:RemovePermission",
            s.ask("lambda", "RemovePermission", FunctionName=samples.FUNCTION, StatementId="s3"),
        ),
        **{
            (action, None): (
                action,
                s.ask(
                    "sts",
                    "AssumeRole",
                    RoleArn=f"arn:aws:iam::{s.account}:role/asking",
                    RoleSessionName="asked",
                    ExternalId="yes",
                    SourceIdentity="somebody",
                    TransitiveTagKeys=["Team"],
                    **team,
                ),
            )
            for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
        },
    }
    for act, more in (("Get", {}), ("Put", {"Tagging": tags}), ("Delete", {})):
        out["s3:" + act + "ObjectTagging", None] = (
            "s3:" + act + "ObjectTagging",
            s.ask("s3", act + "ObjectTagging", **tagged, **more),
        )
        out["s3:" + act + "ObjectVersionTagging", None] = (
            "s3:" + act + "ObjectVersionTagging",
            s.ask("s3", act + "ObjectTagging", **versioned, **more),
        )
    return out


def concrete(key):
    return {
        "aws:RequestTag/*": "aws:RequestTag/Team",
        "aws:PrincipalTag/*": "aws:PrincipalTag/Team",
        "kms:EncryptionContext:*": "kms:EncryptionContext:app",
        "s3:RequestObjectTag/*": "s3:RequestObjectTag/Team",
        "s3:ExistingObjectTag/*": "s3:ExistingObjectTag/Team",
        "aws:ResourceTag/*": "aws:ResourceTag/Team",
        "iam:ResourceTag/*": "iam:ResourceTag/Team",
    }.get(key, key)


def test_what_is_marked_as_filled_is_filled(scene):
    """A Deny of the action when the key is there must refuse the call."""
    known, problems, walked = calls(scene), [], 0
    for row in TABLE:
        for key in row["filled"]:
            if (row["actions"], key) in NEVER or (
                row["actions"].split(":")[0] + ":*",
                key,
            ) in NEVER:
                continue
            action, call = (
                known.get((row["actions"], key))
                or known.get((row["actions"], None))
                or (row["actions"], scene.sample(row["actions"]))
            )
            if call is None:
                problems.append(f"{action}: no call is known that brings {key}")
                continue
            walked += 1
            scene.allow([{"Action": action, "Condition": {"Null": {concrete(key): "false"}}}])
            if not scene.refuses(call):
                problems.append(f"{action}: {key} is not filled")
    assert not problems, "\n".join(problems)
    assert walked > 140


def test_what_is_not_filled_opens_nothing(scene):
    """Neither its presence nor its absence can be known: a Deny that names it holds, an Allow does
    not."""
    problems, walked = [], 0
    for row in TABLE:
        action = (
            "dynamodb:GetItem"
            if row["actions"] == "*"
            else "cloudtrail:GetTrail"
            if row["actions"] == "cloudtrail:*"
            else row["actions"]
        )
        for key in row["unfilled"]:
            call = scene.sample(action)
            if call is None:
                continue  # an action that only some calls need besides
            walked += 1
            for condition in (
                {"Null": {concrete(key): "true"}},
                {"Null": {concrete(key): "false"}},
                {"StringEquals": {concrete(key): "x"}},
                {"StringNotEqualsIfExists": {concrete(key): "x"}},
                {"ForAllValues:StringLike": {concrete(key): "*"}},
            ):
                scene.allow([{"Action": action, "Condition": condition}])
                if not scene.refuses(call):
                    problems.append(f"{action}: a Deny with {condition} does not hold")
            scene.allow(
                [],
                [
                    {"Effect": "Allow", "NotAction": action, "Resource": "*"},
                    {
                        "Effect": "Allow",
                        "Action": action,
                        "Resource": "*",
                        "Condition": {"ForAllValues:StringLike": {concrete(key): "*"}},
                    },
                ],
            )
            if not scene.refuses(call):
                problems.append(f"{action}: an Allow with {key} holds")
    assert not problems, "\n".join(problems)
    assert walked > 20


@pytest.fixture(scope="module")
def tenants(scene):
    """A table by tenant, and one whose keys are binary; the operator's client to fill them."""
    dynamodb = scene.server.client("dynamodb")
    for table, kind in (("Tenants", "S"), ("Binary", "B")):
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "tenant", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "tenant", "AttributeType": kind}],
        )
    for tenant in ("a", "b"):
        dynamodb.put_item(
            TableName="Tenants",
            Item={"tenant": {"S": tenant}, "covert": {"S": "s"}, "shown": {"S": "o"}},
        )
        dynamodb.put_item(TableName="Binary", Item={"tenant": {"B": tenant.encode()}})
    return dynamodb


def vectors(tenant, table="Tenants"):
    key = {"tenant": {"S": tenant} if table == "Tenants" else {"B": tenant.encode()}}
    return {
        "GetItem": {"TableName": table, "Key": key},
        "PutItem": {"TableName": table, "Item": key},
        "DeleteItem": {"TableName": table, "Key": key},
        "Query": {
            "TableName": table,
            "KeyConditionExpression": "#t = :t",
            "ExpressionAttributeNames": {"#t": "tenant"},
            "ExpressionAttributeValues": {":t": key["tenant"]},
        },
        "UpdateItem": {"TableName": table, "Key": key, "UpdateExpression": "REMOVE a"},
        "BatchGetItem": {"RequestItems": {table: {"Keys": [key]}}},
        "BatchWriteItem": {"RequestItems": {table: [{"PutRequest": {"Item": key}}]}},
        "BatchWriteItem ": {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}},
    }


@pytest.mark.parametrize("table", ("Tenants", "Binary"))
def test_leading_keys_keep_tenants_apart(scene, tenants, table):
    """The policy of the Developer Guide, in every operation that names a key."""
    own = "a" if table == "Tenants" else "YQ=="
    scene.allow(
        [],
        [
            {
                "Effect": "Allow",
                "Action": ["dynamodb:" + name.strip() for name in vectors("a")],
                "Resource": "*",
                "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [own]}},
            }
        ],
    )
    problems = [
        f"{name} of {tenant}"
        for tenant in ("a", "b")
        for name, arguments in vectors(tenant, table).items()
        if scene.refuses(scene.ask("dynamodb", name.strip(), **arguments)) != (tenant == "b")
    ]
    both = {
        table: [
            {"DeleteRequest": {"Key": vectors(tenant, table)["GetItem"]["Key"]}}
            for tenant in ("a", "b")
        ]
    }
    assert scene.refuses(
        scene.ask("dynamodb", "BatchWriteItem", RequestItems=both)
    )  # one of another's is enough
    assert not problems, problems


def test_attributes_hide_columns(scene, tenants):
    """`covert` may be named in no expression, by no placeholder, and a call that names nothing gets
    everything, which is refused by Select."""
    scene.allow(
        [],
        [
            {
                "Effect": "Allow",
                "Action": [
                    "dynamodb:GetItem",
                    "dynamodb:Query",
                    "dynamodb:Scan",
                    "dynamodb:BatchGetItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                "Resource": "*",
                "Condition": {
                    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["tenant", "shown"]},
                    "StringEqualsIfExists": {
                        "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
                        "dynamodb:ReturnValues": "NONE",
                    },
                },
            }
        ],
    )
    key, base = {"tenant": {"S": "a"}}, {"TableName": "Tenants"}
    query = base | {
        "KeyConditionExpression": "tenant = :t",
        "ExpressionAttributeValues": {":t": key["tenant"]},
    }
    hidden = {"ExpressionAttributeNames": {"#s": "covert"}}
    allowed = [
        ("GetItem", base | {"Key": key, "ProjectionExpression": "shown"}),
        ("Query", query | {"ProjectionExpression": "shown"}),
        ("Scan", base | {"ProjectionExpression": "tenant"}),
        (
            "BatchGetItem",
            {"RequestItems": {"Tenants": {"Keys": [key], "ProjectionExpression": "shown"}}},
        ),
        ("PutItem", base | {"Item": key | {"shown": {"S": "o"}}}),
        ("UpdateItem", base | {"Key": key, "UpdateExpression": "SET shown = tenant"}),
    ]
    refused = [
        ("GetItem", base | {"Key": key}),
        ("GetItem", base | {"Key": key, "ProjectionExpression": "shown, #s"} | hidden),
        ("Query", query),
        ("Query", query | {"ProjectionExpression": "covert"}),
        (
            "Query",
            query
            | {"ProjectionExpression": "shown", "FilterExpression": "attribute_exists(#s)"}
            | hidden,
        ),
        ("Scan", base),
        ("Scan", base | {"Select": "COUNT"}),
        (
            "Scan",
            base
            | {
                "ProjectionExpression": "shown",
                "FilterExpression": "covert = :s",
                "ExpressionAttributeValues": {":s": {"S": "s"}},
            },
        ),
        (
            "BatchGetItem",
            {"RequestItems": {"Tenants": {"Keys": [key], "ProjectionExpression": "#s", **hidden}}},
        ),
        ("BatchGetItem", {"RequestItems": {"Tenants": {"Keys": [key]}}}),
        ("PutItem", base | {"Item": key | {"covert": {"S": "s"}}}),
        ("PutItem", base | {"Item": key, "ConditionExpression": "attribute_not_exists(covert)"}),
        ("PutItem", base | {"Item": key, "ReturnValues": "ALL_OLD"}),
        ("UpdateItem", base | {"Key": key, "UpdateExpression": "REMOVE covert"}),
        ("UpdateItem", base | {"Key": key, "UpdateExpression": "SET shown = covert"}),
        (
            "UpdateItem",
            base
            | {
                "Key": key,
                "UpdateExpression": "SET shown = if_not_exists(shown, covert.part)",
                "ReturnValues": "NONE",
            },
        ),
        (
            "UpdateItem",
            base
            | {
                "Key": key,
                "UpdateExpression": "SET shown = tenant",
                "ConditionExpression": "attribute_exists(covert)",
            },
        ),
        (
            "UpdateItem",
            base
            | {
                "Key": key,
                "UpdateExpression": "SET shown = tenant",
                "ReturnValues": "ALL_NEW",
            },
        ),
    ]
    problems = [
        (name, arguments)
        for wanted, cases in ((False, allowed), (True, refused))
        for name, arguments in cases
        if scene.refuses(scene.ask("dynamodb", name, **arguments)) != wanted
    ]
    assert not problems, problems


def test_perimeters_and_values(scene):
    """Values, not only presence: each Deny refuses the one call and lets the other through."""
    s, account = scene, scene.account
    other = s.server.client("kms").create_key()["KeyMetadata"]["KeyId"]
    cipher = s.server.client("kms").encrypt(KeyId=s.world.key, Plaintext=b"x")["CiphertextBlob"]
    kms = {"KeyId": other}
    cases = [
        (
            "*",
            {"StringNotEquals": {"aws:ResourceAccount": account}},
            [],
            [
                s.ask("dynamodb", "GetItem", TableName=samples.TABLE, Key=samples.KEY),
                s.ask("s3", "ListBuckets"),
            ],
        ),
        (
            "s3:*",
            {"StringNotEquals": {"s3:ResourceAccount": account}},
            [],
            [s.ask("s3", "GetObject", Bucket=samples.BUCKET, Key="tagged")],
        ),
        (
            "s3:*",
            {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}},
            [presigned(s)],
            [s.ask("s3", "GetObject", Bucket=samples.BUCKET, Key="tagged")],
        ),
        (
            "s3:PutObject",
            {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
            [
                s.ask("s3", "PutObject", Bucket=samples.BUCKET, Key="once", Body=b"x"),
                s.ask(
                    "s3",
                    "CopyObject",
                    Bucket=samples.BUCKET,
                    Key="once",
                    CopySource=f"{samples.BUCKET}/tagged",
                ),
            ],
            [
                s.ask(
                    "s3", "PutObject", Bucket=samples.BUCKET, Key="once", Body=b"x", IfNoneMatch="*"
                ),
                s.ask("s3", "CreateMultipartUpload", Bucket=samples.BUCKET, Key="once"),
            ],
        ),
        (
            "s3:PutBucketTagging",
            {"StringEquals": {"aws:RequestTag/Team": "red"}},
            [
                s.ask(
                    "s3",
                    "PutBucketTagging",
                    Bucket=samples.BUCKET,
                    Tagging={"TagSet": [{"Key": "Team", "Value": "red"}]},
                )
            ],
            [
                s.ask(
                    "s3",
                    "PutBucketTagging",
                    Bucket=samples.BUCKET,
                    Tagging={"TagSet": [{"Key": "Team", "Value": "blue"}]},
                )
            ],
        ),
        (
            "kms:ScheduleKeyDeletion",
            {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": 30}},
            [s.ask("kms", "ScheduleKeyDeletion", PendingWindowInDays=7, **kms)],
            [s.ask("kms", "ScheduleKeyDeletion", **kms)],
        ),
        (
            "kms:ReEncrypt*",
            {"Bool": {"kms:ReEncryptOnSameKey": "false"}},
            [s.ask("kms", "ReEncrypt", CiphertextBlob=cipher, DestinationKeyId=other)],
            [s.ask("kms", "ReEncrypt", CiphertextBlob=cipher, DestinationKeyId=s.world.key)],
        ),
        (
            "kms:DescribeKey",
            {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/mat*"}},
            [s.ask("kms", "DescribeKey", KeyId=s.world.key)],
            [s.ask("kms", "DescribeKey", **kms)],
        ),
        (
            "kms:CreateKey",
            {"StringNotEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}},
            [s.ask("kms", "CreateKey", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")],
            [s.ask("kms", "CreateKey")],
        ),
        (
            "lambda:AddPermission",
            {"StringEquals": {"lambda:Principal": "*"}},
            [
                s.ask(
                    "lambda",
                    "AddPermission",
                    FunctionName=samples.FUNCTION,
                    StatementId="x",
                    Action="lambda:InvokeFunction",
                    Principal="*",
                )
            ],
            [
                s.ask(
                    "lambda",
                    "AddPermission",
                    FunctionName=samples.FUNCTION,
                    StatementId="y",
                    Action="lambda:InvokeFunction",
                    Principal="s3.amazonaws.com",
                )
            ],
        ),
        (
            "iam:PassRole",
            {"ArnNotLike": {"iam:AssociatedResourceArn": "arn:aws:lambda:*:*:function:matrix-*"}},
            [
                s.ask(
                    "lambda",
                    "CreateFunction",
                    **s.samples["lambda"]["CreateFunction"] | {"FunctionName": "elsewhere"},
                )
            ],
            [
                s.ask(
                    "lambda",
                    "CreateFunction",
                    **s.samples["lambda"]["CreateFunction"] | {"FunctionName": "matrix-here"},
                )
            ],
        ),
    ]
    problems = []
    for action, condition, refused, passed in cases:
        s.allow([{"Action": action, "Condition": condition}])
        problems += [
            f"{action} with {condition}: call {n} of {kind}"
            for kind, wanted, some in (("refused", True, refused), ("passed", False, passed))
            for n, call in enumerate(some)
            if s.refuses(call) != wanted
        ]
    assert not problems, "\n".join(problems)

# SPDX-License-Identifier: Apache-2.0
"""A valid request for each operation of the table, and the world it is valid in. A new operation
needs one line here: tests/test_matrix.py fails without it. The order within a service is one in
which every sample succeeds, each once."""
import datetime
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from functions import key_policy_for_logs, make_role, zipped
from identities import Authority

BUCKET, TABLE, ROLE, FUNCTION, GROUP, STACK = (
    "matrix",
    "Matrix",
    "matrix",
    "matrix",
    "/matrix",
    "matrix",
)
KEY = {"device_id": {"S": "d"}, "timestamp": {"S": "2026-01-01T00:00:00Z"}}
DELETE_BY_KEY = (
    f"DELETE FROM {TABLE} WHERE device_id = 'd' AND \"timestamp\" = '2026-01-01T00:00:01Z'"
)
TOMORROW = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
DENY_PLAIN_HTTP = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{BUCKET}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
)

DENY_ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    }
)


def sdk_name(service, operation):
    """What boto3 calls the service: it has a client of its own for streams."""
    if service == "dynamodb" and operation in (
        "ListStreams",
        "DescribeStream",
        "GetShardIterator",
        "GetRecords",
    ):
        return "dynamodbstreams"
    return "cloudwatch" if service == "monitoring" else service


class World:
    """What the samples are about: made once by the operator."""

    def __init__(self, server):
        self.account, self.now_ms = server.endpoint["account_id"], int(time.time() * 1000)
        self.make_identities(server)
        self.make_buckets(server.client("s3"))
        self.make_tables(server.client("dynamodb"), server.client("dynamodbstreams"))
        self.make_keys(server.client("kms"))
        self.make_functions(server, server.client("lambda"))
        self.make_logs(server.client("logs"))
        self.make_trails(server)
        self.make_stacks(server.client("cloudformation"))
        self.make_anchors(server.client("rolesanywhere"))

    def trust(self, principal):
        return json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
                ],
            }
        )

    def make_anchors(self, anywhere):
        ca = Authority()
        source = {
            "sourceType": "CERTIFICATE_BUNDLE",
            "sourceData": {"x509CertificateData": ca.pem()},
        }
        self.anywhere = {"source": source, "crl": ca.revoking()}
        for name in ("kept", "gone"):
            anchor = anywhere.create_trust_anchor(name=name, source=source)["trustAnchor"]
            profile = anywhere.create_profile(name=name, roleArns=[self.role])["profile"]
            crl = anywhere.import_crl(
                name=name, crlData=ca.revoking(), trustAnchorArn=anchor["trustAnchorArn"]
            )["crl"]
            for one, made in (
                ("trustAnchorId", anchor),
                ("profileId", profile),
                ("crlId", crl),
            ):
                self.anywhere[one if name == "kept" else (name, one)] = made[one]
            if name == "kept":
                self.anywhere["anchor"] = anchor["trustAnchorArn"]

    def make_identities(self, server):
        iam, everyone_here = server.client("iam"), {"AWS": f"arn:aws:iam::{self.account}:root"}
        iam.create_role(
            RoleName="bare", AssumeRolePolicyDocument=self.trust(everyone_here)
        )  # no policy at all
        red = [{"Key": "Team", "Value": "red"}]
        iam.create_role(
            RoleName=ROLE,
            AssumeRolePolicyDocument=self.trust(everyone_here),
            PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
            Tags=red,
        )
        iam.put_role_policy(
            RoleName=ROLE,
            PolicyName="p",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
                }
            ),
        )
        iam.create_role(
            RoleName="matrix-gone",
            AssumeRolePolicyDocument=self.trust(everyone_here),
            Tags=red,
        )
        self.provider = iam.create_open_id_connect_provider(
            Url="https://ci.example.com",
            ClientIDList=["client"],
            ThumbprintList=["a" * 40],
            Tags=red,
        )["OpenIDConnectProviderArn"]
        iam.create_open_id_connect_provider(
            Url="https://ci.example.com-gone", ClientIDList=[], ThumbprintList=[]
        )
        iam.create_policy(PolicyName="matrix-gone", PolicyDocument=DENY_ALL)
        self.policy = iam.create_policy(PolicyName="matrix", PolicyDocument=DENY_ALL, Tags=red)[
            "Policy"
        ]["Arn"]
        for _ in ("v2", "v3"):
            iam.create_policy_version(PolicyArn=self.policy, PolicyDocument=DENY_ALL)
        self.role = f"arn:aws:iam::{self.account}:role/{ROLE}"

    def make_buckets(self, s3):
        for bucket in (BUCKET, "matrix-empty"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=DENY_PLAIN_HTTP)
        for key in ("a/b", "a/c", "a/gone"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"matrix")
        self.upload, self.abandoned = (
            s3.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"] for _ in range(2)
        )
        part = s3.upload_part(
            Bucket=BUCKET, Key="m", UploadId=self.upload, PartNumber=1, Body=b"part"
        )
        self.part = {
            "PartNumber": 1,
            **{
                name: value
                for name, value in part.items()
                if name == "ETag" or name.startswith("Checksum") and name != "ChecksumType"
            },
        }
        s3.create_bucket(Bucket="matrix-locked", ObjectLockEnabledForBucket=True)
        s3.put_object(Bucket="matrix-locked", Key="k", Body=b"matrix")
        s3.put_object_legal_hold(Bucket="matrix-locked", Key="k", LegalHold={"Status": "ON"})
        s3.put_object_retention(
            Bucket="matrix-locked",
            Key="k",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW},
        )

    def make_tables(self, dynamodb, streams):
        for table in (TABLE, "MatrixGone"):
            dynamodb.create_table(
                TableName=table,
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
                **table_facts(),
            )
        dynamodb.update_continuous_backups(
            TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        self.stream = dynamodb.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        self.shard = streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"][
            0
        ]["ShardId"]
        self.iterator = streams.get_shard_iterator(
            StreamArn=self.stream, ShardId=self.shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        dynamodb.put_item(TableName=TABLE, Item=KEY | {"value": {"N": "1"}})
        self.table = dynamodb.describe_table(TableName=TABLE)["Table"]["TableArn"]
        self.table_policy = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "dynamodb:Scan",
                        "Resource": self.table,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        )
        dynamodb.put_resource_policy(ResourceArn=self.table, Policy=self.table_policy)
        self.export = dynamodb.export_table_to_point_in_time(TableArn=self.table, S3Bucket=BUCKET)[
            "ExportDescription"
        ]["ExportArn"]
        self.import_arn = dynamodb.import_table(
            S3BucketSource={"S3Bucket": BUCKET, "S3KeyPrefix": "nothing/"},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters=table_facts() | {"TableName": "MatrixTaken"},
        )["ImportTableDescription"]["ImportArn"]
        dynamodb.tag_resource(ResourceArn=self.table, Tags=[{"Key": "Team", "Value": "red"}])

    def make_keys(self, kms):
        self.key, self.off, self.leaving, self.staying = (
            kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(4)
        )
        self.logs_key = kms.create_key(Policy=json.dumps(key_policy_for_logs(self.account)))[
            "KeyMetadata"
        ]["KeyId"]
        kms.disable_key(KeyId=self.off)
        kms.schedule_key_deletion(KeyId=self.leaving)
        kms.create_alias(AliasName="alias/matrix", TargetKeyId=self.key)
        kms.create_alias(AliasName="alias/matrix-gone", TargetKeyId=self.key)
        self.sealed = kms.encrypt(KeyId=self.key, Plaintext=b"matrix")["CiphertextBlob"]
        self.revoked, self.retired = (
            kms.create_grant(KeyId=self.key, GranteePrincipal=self.role, Operations=["Encrypt"])[
                "GrantId"
            ]
            for _ in range(2)
        )
        self.pair, self.mac_key = (
            kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
            for spec, usage in (
                ("ECC_NIST_P256", "SIGN_VERIFY"),
                ("HMAC_256", "GENERATE_VERIFY_MAC"),
            )
        )
        kms.create_alias(AliasName="alias/matrix-pair", TargetKeyId=self.pair)
        kms.create_alias(AliasName="alias/matrix-mac", TargetKeyId=self.mac_key)
        self.signing = {
            "KeyId": self.pair,
            "Message": b"matrix",
            "SigningAlgorithm": "ECDSA_SHA_256",
        }
        self.signature = kms.sign(**self.signing)["Signature"]
        self.macs = {
            "KeyId": self.mac_key,
            "Message": b"matrix",
            "MacAlgorithm": "HMAC_SHA_256",
        }
        self.mac = kms.generate_mac(**self.macs)["Mac"]
        self.make_import(kms)

    def make_import(self, kms):
        self.imported = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
        given = kms.get_parameters_for_import(
            KeyId=self.imported, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
        )
        hashed = hashes.SHA256()
        self.material = {
            "ImportToken": given["ImportToken"],
            "EncryptedKeyMaterial": serialization.load_der_public_key(given["PublicKey"]).encrypt(
                b"m" * 32,
                padding.OAEP(mgf=padding.MGF1(hashed), algorithm=hashed, label=None),
            ),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        }

    def make_functions(self, server, functions):
        reads = {
            "Effect": "Allow",
            "Resource": "*",
            "Action": [
                "dynamodb:" + name
                for name in ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")
            ],
        }
        self.execution = make_role(server, "matrix-execution", reads)
        for name in (FUNCTION, "matrix-gone"):
            functions.create_function(
                FunctionName=name,
                Runtime="provided.al2023",
                Handler="bootstrap",
                Role=self.execution,
                Code={"ZipFile": zipped()},
            )
        functions.add_permission(
            FunctionName=FUNCTION,
            StatementId="s3",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{BUCKET}",
            SourceAccount=self.account,
        )
        functions.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=0)
        functions.tag_resource(
            Resource=functions.get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"],
            Tags={"Team": "red", "Gone": "x"},
        )
        functions.publish_version(FunctionName=FUNCTION)
        self.mapping, self.mapping_gone = (
            functions.create_event_source_mapping(
                EventSourceArn=self.stream,
                FunctionName=function,
                StartingPosition="LATEST",
                Enabled=False,
            )["UUID"]
            for function in (FUNCTION + ":1", "matrix-gone")
        )
        for alias in ("prod", "gone"):
            functions.create_alias(FunctionName=FUNCTION, Name=alias, FunctionVersion="1")
        for layer in ("matrix", "matrix-gone"):
            self.layer = functions.publish_layer_version(
                LayerName=layer, Content={"ZipFile": zipped(name="python/it.py")}
            )["LayerVersionArn"].replace("matrix-gone", "matrix")
        functions.add_layer_version_permission(
            LayerName="matrix",
            VersionNumber=1,
            StatementId="all",
            Action="lambda:GetLayerVersion",
            Principal=self.account,
        )
        self.function_arn = functions.get_function(FunctionName=FUNCTION)["Configuration"][
            "FunctionArn"
        ]

    def make_logs(self, logs):
        for group in (GROUP, "/matrix-gone"):
            logs.create_log_group(logGroupName=group)
        for stream in ("s", "gone"):
            logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)

    def make_trails(self, server):
        server.client("s3").create_bucket(Bucket="matrix-trail")
        server.client("s3").put_bucket_policy(
            Bucket="matrix-trail",
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "cloudtrail.amazonaws.com"},
                            "Action": "s3:GetBucketAcl",
                            "Resource": "arn:aws:s3:::matrix-trail",
                        },
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "cloudtrail.amazonaws.com"},
                            "Action": "s3:PutObject",
                            "Resource": f"arn:aws:s3:::matrix-trail/AWSLogs/{self.account}/*",
                        },
                    ],
                }
            ),
        )
        for trail in ("matrix", "matrix-gone"):
            server.client("cloudtrail").create_trail(Name=trail, S3BucketName="matrix-trail")

    def make_stacks(self, cloudformation):
        for name, bucket in ((STACK, "matrix-stack"), ("matrix-gone", "matrix-stack-gone")):
            cloudformation.create_stack(StackName=name, TemplateBody=one_bucket(bucket))
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
        for name in ("ready", "gone"):
            cloudformation.create_change_set(
                StackName="matrix-set",
                ChangeSetName=name,
                ChangeSetType="CREATE",
                TemplateBody=one_bucket("matrix-stack-set"),
            )


def one_bucket(name):
    return json.dumps(
        {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}}}
    )


def table_facts():
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "device_id", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "device_id", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "S"},
        ],
    }


def s3_samples(w):
    bucket = {"Bucket": BUCKET}
    one = bucket | {"Key": "a/b"}
    part = bucket | {"Key": "m", "UploadId": w.upload}
    locked, tags = {"Bucket": "matrix-locked", "Key": "k"}, {
        "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}
    }
    return {
        "ListBuckets": {},
        "CreateBucket": {"Bucket": "matrix-new"},
        "HeadBucket": bucket,
        "DeleteBucket": {"Bucket": "matrix-empty"},
        "GetBucketLocation": bucket,
        "PutBucketVersioning": bucket | {"VersioningConfiguration": {"Status": "Enabled"}},
        "GetBucketVersioning": bucket,
        "PutBucketEncryption": bucket
        | {
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            }
        },
        "GetBucketEncryption": bucket,
        "PutBucketPolicy": bucket | {"Policy": DENY_PLAIN_HTTP},
        "GetBucketPolicy": bucket,
        "GetBucketPolicyStatus": bucket,
        "DeleteBucketPolicy": bucket,
        "PutPublicAccessBlock": bucket
        | {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
        "GetPublicAccessBlock": bucket,
        "DeletePublicAccessBlock": bucket,
        "GetBucketOwnershipControls": bucket,
        "PutBucketAcl": bucket | {"ACL": "private"},
        "GetBucketAcl": bucket,
        "PutBucketOwnershipControls": bucket
        | {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        "PutBucketCors": bucket
        | {
            "CORSConfiguration": {
                "CORSRules": [
                    {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}
                ]
            }
        },
        "DeleteBucketCors": bucket,
        "PutBucketTagging": bucket | tags,
        "GetBucketTagging": bucket,
        "DeleteBucketTagging": bucket,
        "DeleteBucketEncryption": bucket,
        **{
            f"GetBucket{name}": bucket
            for name in (
                "LifecycleConfiguration",
                "Cors",
                "Website",
                "Replication",
                "Logging",
                "AccelerateConfiguration",
                "RequestPayment",
            )
        },
        "PutObjectLockConfiguration": {
            "Bucket": "matrix-locked",
            "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"},
        },
        "GetObjectLockConfiguration": {"Bucket": "matrix-locked"},
        "PutObjectRetention": locked
        | {
            "Retention": {
                "Mode": "GOVERNANCE",
                "RetainUntilDate": TOMORROW + datetime.timedelta(days=1),
            }
        },
        "GetObjectRetention": locked,
        "PutObjectLegalHold": locked | {"LegalHold": {"Status": "OFF"}},
        "GetObjectLegalHold": locked,
        "PutObjectTagging": one | tags,
        "GetObjectTagging": one,
        "DeleteObjectTagging": one,
        "PutObjectAcl": one | {"ACL": "private"},
        "GetObjectAcl": one,
        "GetObjectAttributes": one | {"ObjectAttributes": ["ETag"]},
        "PutBucketNotificationConfiguration": bucket
        | {
            "NotificationConfiguration": {
                "LambdaFunctionConfigurations": [
                    {
                        "LambdaFunctionArn": w.function_arn,
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
                    }
                ]
            }
        },
        "GetBucketNotificationConfiguration": bucket,
        "PutObject": one | {"Body": b"x"},
        "GetObject": one,
        "HeadObject": one,
        "CopyObject": bucket | {"Key": "copy", "CopySource": f"{BUCKET}/a/c"},
        "DeleteObject": bucket | {"Key": "a/gone"},
        "ListObjects": bucket,
        "ListObjectsV2": bucket,
        "ListObjectVersions": bucket,
        "DeleteObjects": bucket | {"Delete": {"Objects": [{"Key": "a/c"}]}},
        "CreateMultipartUpload": bucket | {"Key": "n"},
        "UploadPart": part | {"PartNumber": 2, "Body": b"x"},
        "UploadPartCopy": part | {"PartNumber": 3, "CopySource": f"{BUCKET}/a/b"},
        "ListParts": part,
        "ListMultipartUploads": bucket,
        "CompleteMultipartUpload": part | {"MultipartUpload": {"Parts": [w.part]}},
        "AbortMultipartUpload": bucket | {"Key": "m", "UploadId": w.abandoned},
    }


def dynamodb_samples(w):
    table, item = {"TableName": TABLE}, {"TableName": TABLE, "Key": KEY}
    arn = {"ResourceArn": w.table}
    return {
        "CreateTable": table_facts() | {"TableName": "MatrixNew"},
        "DescribeTable": table,
        "UpdateTable": table | {"DeletionProtectionEnabled": False},
        "ListTables": {},
        "ListStreams": table,
        "DescribeStream": {"StreamArn": w.stream},
        "GetShardIterator": {
            "StreamArn": w.stream,
            "ShardId": w.shard,
            "ShardIteratorType": "TRIM_HORIZON",
        },
        "GetRecords": {"ShardIterator": w.iterator, "Limit": 1},
        "TagResource": arn | {"Tags": [{"Key": "k", "Value": "v"}]},
        "ListTagsOfResource": arn,
        "UntagResource": arn | {"TagKeys": ["k"]},
        "PutResourcePolicy": arn | {"Policy": w.table_policy},
        "GetResourcePolicy": arn,
        "DeleteResourcePolicy": arn,
        "UpdateTimeToLive": table
        | {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"}},
        "DescribeTimeToLive": table,
        "UpdateContinuousBackups": table
        | {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
        "DescribeContinuousBackups": table,
        "RestoreTableToPointInTime": {
            "SourceTableName": TABLE,
            "TargetTableName": "MatrixRestored",
            "UseLatestRestorableTime": True,
        },
        "ExportTableToPointInTime": {
            "TableArn": w.table,
            "S3Bucket": BUCKET,
            "ClientToken": "matrix",
        },
        "DescribeExport": {"ExportArn": w.export},
        "ListExports": {"TableArn": w.table},
        "ImportTable": {
            "S3BucketSource": {"S3Bucket": BUCKET, "S3KeyPrefix": "nothing/"},
            "InputFormat": "DYNAMODB_JSON",
            "ClientToken": "matrix",
            "TableCreationParameters": table_facts() | {"TableName": "MatrixImported"},
        },
        "DescribeImport": {"ImportArn": w.import_arn},
        "ListImports": {"TableArn": w.table},
        "DescribeLimits": {},
        "DescribeEndpoints": {},
        "PutItem": table | {"Item": KEY},
        "GetItem": item,
        "UpdateItem": item
        | {
            "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"N": "1"}},
        },
        "BatchWriteItem": {"RequestItems": {TABLE: [{"PutRequest": {"Item": KEY}}]}},
        "BatchGetItem": {"RequestItems": {TABLE: {"Keys": [KEY]}}},
        "TransactWriteItems": {
            "ClientRequestToken": "matrix",
            "TransactItems": [
                {"Put": table | {"Item": KEY, "ConditionExpression": "attribute_exists(device_id)"}}
            ],
        },
        "TransactGetItems": {"TransactItems": [{"Get": item}]},
        "ExecuteStatement": {"Statement": f"SELECT * FROM {TABLE} WHERE device_id = 'd'"},
        "BatchExecuteStatement": {"Statements": [{"Statement": DELETE_BY_KEY}]},
        "ExecuteTransaction": {
            "ClientRequestToken": "matrix-statements",
            "TransactStatements": [{"Statement": DELETE_BY_KEY}],
        },
        "Query": table
        | {
            "KeyConditionExpression": "device_id = :d",
            "ExpressionAttributeValues": {":d": {"S": "d"}},
        },
        "Scan": table,
        "DeleteItem": item,
        "DeleteTable": {"TableName": "MatrixGone"},
    }


def iam_samples(w):
    role, policy = {"RoleName": ROLE}, {"RoleName": ROLE, "PolicyName": "p"}
    own, managed = {"PolicyArn": w.policy}, {
        "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    }
    user, provider = {"UserName": "u"}, {"OpenIDConnectProviderArn": w.provider}
    trust = w.trust({"AWS": f"arn:aws:iam::{w.account}:root"})
    return {
        "CreateRole": {"RoleName": "matrix-new", "AssumeRolePolicyDocument": trust},
        "GetRole": role,
        "ListRoles": {},
        "UpdateRole": role | {"Description": "matrix"},
        "UpdateAssumeRolePolicy": role | {"PolicyDocument": trust},
        "PutRolePolicy": policy | {"PolicyDocument": DENY_ALL},
        "GetRolePolicy": policy,
        "ListRolePolicies": role,
        "DeleteRolePolicy": policy,
        "CreatePolicy": {"PolicyName": "matrix-new", "PolicyDocument": DENY_ALL},
        "GetPolicy": own,
        "ListPolicies": {"Scope": "Local"},
        "CreatePolicyVersion": own | {"PolicyDocument": DENY_ALL},
        "GetPolicyVersion": own | {"VersionId": "v1"},
        "ListPolicyVersions": own,
        "SetDefaultPolicyVersion": own | {"VersionId": "v2"},
        "DeletePolicyVersion": own | {"VersionId": "v3"},
        "AttachRolePolicy": role | own,
        "ListAttachedRolePolicies": role,
        "ListEntitiesForPolicy": own,
        "DetachRolePolicy": role | own,
        "TagPolicy": own | {"Tags": [{"Key": "k", "Value": "v"}]},
        "ListPolicyTags": own,
        "UntagPolicy": own | {"TagKeys": ["k"]},
        "DeletePolicy": {"PolicyArn": own["PolicyArn"] + "-gone"},
        "CreateOpenIDConnectProvider": {
            "Url": "https://new.example.com",
            "ClientIDList": ["client"],
            "ThumbprintList": ["a" * 40],
            "Tags": [{"Key": "k", "Value": "v"}],
        },
        "GetOpenIDConnectProvider": provider,
        "ListOpenIDConnectProviders": {},
        "UpdateOpenIDConnectProviderThumbprint": provider | {"ThumbprintList": ["b" * 40]},
        "AddClientIDToOpenIDConnectProvider": provider | {"ClientID": "another"},
        "RemoveClientIDFromOpenIDConnectProvider": provider | {"ClientID": "another"},
        "TagOpenIDConnectProvider": provider | {"Tags": [{"Key": "k", "Value": "v"}]},
        "ListOpenIDConnectProviderTags": provider,
        "UntagOpenIDConnectProvider": provider | {"TagKeys": ["k"]},
        "DeleteOpenIDConnectProvider": {"OpenIDConnectProviderArn": w.provider + "-gone"},
        "DeleteRole": {"RoleName": "matrix-gone"},
        "ListUsers": {},
        "ListGroups": {},
        "ListVirtualMFADevices": {},
        "ListServerCertificates": {},
        "ListSAMLProviders": {},
        "ListAccountAliases": {},
        "ListInstanceProfiles": {},
        "ListInstanceProfilesForRole": role,
        "GetAccountAuthorizationDetails": {"Filter": ["Role"]},
        "SimulatePrincipalPolicy": {
            "PolicySourceArn": w.role,
            "ActionNames": ["s3:GetObject", "s3:PutObject"],
            "ResourceArns": ["arn:aws:s3:::b/k"],
        },
        "SimulateCustomPolicy": {"PolicyInputList": [DENY_ALL], "ActionNames": ["s3:GetObject"]},
        "GetContextKeysForPrincipalPolicy": {"PolicySourceArn": w.role},
        "GetContextKeysForCustomPolicy": {"PolicyInputList": [DENY_ALL]},
        "GenerateCredentialReport": {},
        "GetCredentialReport": {},
        "GetAccountSummary": {},
        "GetAccountPasswordPolicy": {},
        "CreateUser": user,
        "GetUser": user,
        "PutUserPolicy": user | {"PolicyName": "p", "PolicyDocument": trust},
        "AttachUserPolicy": user | managed,
        "CreateGroup": {"GroupName": "g"},
        "AddUserToGroup": user | {"GroupName": "g"},
        "CreateAccessKey": user,
        "ListAccessKeys": user,
        "UpdateAccessKey": user | {"AccessKeyId": "AKIA" + "A" * 16, "Status": "Inactive"},
        "DeleteAccessKey": user | {"AccessKeyId": "AKIA" + "A" * 16},
        "CreateLoginProfile": user | {"Password": "not-a-password"},
        "CreateServiceSpecificCredential": user | {"ServiceName": "x"},
        "UploadSSHPublicKey": user | {"SSHPublicKeyBody": "x"},
        "UploadSigningCertificate": {"CertificateBody": "x"},
        "PutRolePermissionsBoundary": role | {"PermissionsBoundary": managed["PolicyArn"]},
        "DeleteRolePermissionsBoundary": role,
        "TagRole": role | {"Tags": [{"Key": "k", "Value": "v"}]},
        "ListRoleTags": role,
        "UntagRole": role | {"TagKeys": ["k"]},
    }


def kms_samples(w):
    key = {"KeyId": w.key}
    return {
        "CreateKey": {},
        "DescribeKey": key,
        "ListKeys": {},
        "UpdateKeyDescription": key | {"Description": "matrix"},
        "ListKeyPolicies": key,
        "ReEncrypt": {"CiphertextBlob": w.sealed, "DestinationKeyId": w.key},
        "RotateKeyOnDemand": key,
        "ListKeyRotations": key,
        "TagResource": key | {"Tags": [{"TagKey": "k", "TagValue": "v"}]},
        "ListResourceTags": key,
        "UntagResource": key | {"TagKeys": ["k"]},
        "ListAliases": {},
        "CreateAlias": {"AliasName": "alias/matrix-new", "TargetKeyId": w.key},
        "UpdateAlias": {"AliasName": "alias/matrix", "TargetKeyId": w.key},
        "DeleteAlias": {"AliasName": "alias/matrix-gone"},
        "GetKeyPolicy": key | {"PolicyName": "default"},
        "PutKeyPolicy": key
        | {
            "PolicyName": "default",
            "Policy": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "Enable IAM User Permissions",
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{w.account}:root"},
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ],
                }
            ),
        },
        "Encrypt": key | {"Plaintext": b"x"},
        "Decrypt": {"CiphertextBlob": w.sealed},
        "GenerateDataKey": key | {"KeySpec": "AES_256"},
        "GenerateDataKeyWithoutPlaintext": key | {"KeySpec": "AES_256"},
        "GenerateRandom": {"NumberOfBytes": 8},
        "EnableKey": {"KeyId": w.off},
        "DisableKey": {"KeyId": w.off},
        "EnableKeyRotation": key,
        "GetKeyRotationStatus": key,
        "DisableKeyRotation": key,
        "CreateGrant": key | {"GranteePrincipal": w.role, "Operations": ["Encrypt"]},
        "ListGrants": key,
        "ListRetirableGrants": {"RetiringPrincipal": w.role},
        "RevokeGrant": key | {"GrantId": w.revoked},
        "RetireGrant": key | {"GrantId": w.retired},
        "GenerateDataKeyPair": key | {"KeyPairSpec": "ECC_NIST_P256"},
        "GenerateDataKeyPairWithoutPlaintext": key | {"KeyPairSpec": "ECC_NIST_P256"},
        "GetPublicKey": {"KeyId": w.pair},
        "Sign": w.signing,
        "Verify": w.signing | {"Signature": w.signature},
        "GenerateMac": w.macs,
        "VerifyMac": w.macs | {"Mac": w.mac},
        "GetParametersForImport": {
            "KeyId": w.imported,
            "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
            "WrappingKeySpec": "RSA_2048",
        },
        "ImportKeyMaterial": {"KeyId": w.imported} | w.material,
        "DeleteImportedKeyMaterial": {"KeyId": w.imported},
        "ScheduleKeyDeletion": {"KeyId": w.staying},
        "CancelKeyDeletion": {"KeyId": w.leaving},
    }


def lambda_samples(w):
    one, layer = {"FunctionName": FUNCTION}, {"LayerName": "matrix", "VersionNumber": 1}
    return {
        "CreateFunction": {
            "FunctionName": "matrix-new",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Role": w.execution,
            "Code": {"ZipFile": zipped()},
            "Tags": {"Team": "red"},
        },
        "GetFunction": one,
        "GetFunctionConfiguration": one,
        "ListFunctions": {},
        "UpdateFunctionCode": one | {"ZipFile": zipped()},
        "UpdateFunctionConfiguration": one | {"Timeout": 5},
        "Invoke": one | {"InvocationType": "DryRun", "Payload": b"{}"},
        "GetAccountSettings": {},
        "AddPermission": one
        | {
            "StatementId": "new",
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
        },
        "GetPolicy": one,
        "RemovePermission": one | {"StatementId": "new"},
        "PutFunctionConcurrency": one | {"ReservedConcurrentExecutions": 1},
        "GetFunctionConcurrency": one,
        "DeleteFunctionConcurrency": one,
        "PutFunctionEventInvokeConfig": one | {"MaximumRetryAttempts": 1},
        "UpdateFunctionEventInvokeConfig": one | {"MaximumRetryAttempts": 2},
        "GetFunctionEventInvokeConfig": one,
        "ListFunctionEventInvokeConfigs": one,
        "DeleteFunctionEventInvokeConfig": one,
        "PublishVersion": one | {"Description": "matrix"},
        "ListVersionsByFunction": one,
        "CreateAlias": one | {"Name": "new", "FunctionVersion": "1"},
        "GetAlias": one | {"Name": "prod"},
        "UpdateAlias": one | {"Name": "prod", "Description": "matrix"},
        "DeleteAlias": one | {"Name": "gone"},
        "ListAliases": one,
        "TagResource": {"Resource": w.function_arn, "Tags": {"Team": "blue"}},
        "ListTags": {"Resource": w.function_arn},
        "UntagResource": {"Resource": w.function_arn, "TagKeys": ["Gone"]},
        "PublishLayerVersion": {
            "LayerName": "matrix-new",
            "Content": {"ZipFile": zipped(name="python/it.py")},
        },
        "GetLayerVersion": layer,
        "GetLayerVersionByArn": {"Arn": w.layer},
        "ListLayerVersions": {"LayerName": "matrix"},
        "ListLayers": {},
        "GetLayerVersionPolicy": layer,
        "AddLayerVersionPermission": layer
        | {"StatementId": "new", "Action": "lambda:GetLayerVersion", "Principal": "*"},
        "RemoveLayerVersionPermission": layer | {"StatementId": "new"},
        "DeleteLayerVersion": {"LayerName": "matrix-gone", "VersionNumber": 1},
        "ListEventSourceMappings": {},
        "CreateEventSourceMapping": one
        | {"EventSourceArn": w.stream, "StartingPosition": "LATEST", "Enabled": False},
        "GetEventSourceMapping": {"UUID": w.mapping},
        "UpdateEventSourceMapping": {"UUID": w.mapping, "BatchSize": 1},
        "DeleteEventSourceMapping": {"UUID": w.mapping_gone},
        "DeleteFunction": {"FunctionName": "matrix-gone"},
    }


def logs_samples(w):
    group, stream = {"logGroupName": GROUP}, {"logGroupName": GROUP, "logStreamName": "s"}
    return {
        "CreateLogGroup": {"logGroupName": "/matrix-new"},
        "DescribeLogGroups": {},
        "PutRetentionPolicy": group | {"retentionInDays": 7},
        "DeleteRetentionPolicy": group,
        "AssociateKmsKey": group
        | {"kmsKeyId": f"arn:aws:kms:us-east-1:{w.account}:key/{w.logs_key}"},
        "DisassociateKmsKey": group,
        "ListTagsForResource": {
            "resourceArn": f"arn:aws:logs:us-east-1:{w.account}:log-group:{GROUP}"
        },
        "CreateLogStream": group | {"logStreamName": "new"},
        "DescribeLogStreams": group,
        "PutLogEvents": stream | {"logEvents": [{"timestamp": w.now_ms, "message": "matrix"}]},
        "GetLogEvents": stream,
        "FilterLogEvents": group,
        "DeleteLogStream": group | {"logStreamName": "gone"},
        "DeleteLogGroup": {"logGroupName": "/matrix-gone"},
    }


def cloudtrail_samples(w):
    one, bucket = {"Name": "matrix"}, {"S3BucketName": "matrix-trail"}
    arn, selectors = f"arn:aws:cloudtrail:us-east-1:{w.account}:trail/matrix", [
        {"ReadWriteType": "All", "IncludeManagementEvents": True}
    ]
    return {
        "CreateTrail": bucket | {"Name": "matrix-new"},
        "UpdateTrail": one | {"IncludeGlobalServiceEvents": True},
        "DeleteTrail": {"Name": "matrix-gone"},
        "GetTrail": one,
        "DescribeTrails": {},
        "ListTrails": {},
        "GetTrailStatus": one,
        "StartLogging": one,
        "StopLogging": one,
        "PutEventSelectors": {"TrailName": "matrix", "EventSelectors": selectors},
        "GetEventSelectors": {"TrailName": "matrix"},
        "PutInsightSelectors": {
            "TrailName": "matrix",
            "InsightSelectors": [{"InsightType": "ApiCallRateInsight"}],
        },
        "GetInsightSelectors": {"TrailName": "matrix"},
        "AddTags": {"ResourceId": arn, "TagsList": [{"Key": "k", "Value": "v"}]},
        "ListTags": {"ResourceIdList": [arn]},
        "RemoveTags": {"ResourceId": arn, "TagsList": [{"Key": "k"}]},
        "ListPublicKeys": {},
        "LookupEvents": {},
    }


def monitoring_samples(w):
    metric, end = {"Namespace": "Matrix", "MetricName": "m"}, w.now_ms // 60000 * 60
    times = {"StartTime": end - 3600, "EndTime": end}
    return {
        "PutMetricData": {"Namespace": "Matrix", "MetricData": [{"MetricName": "m", "Value": 1.0}]},
        "GetMetricStatistics": metric | times | {"Period": 60, "Statistics": ["Sum"]},
        "GetMetricData": times
        | {
            "MetricDataQueries": [
                {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
            ]
        },
        "ListMetrics": {},
    }


def cloudformation_samples(w):
    stack = {"StackName": STACK}
    return {
        "CreateStack": {"StackName": "matrix-new", "TemplateBody": one_bucket("matrix-stack-new")},
        "DescribeStacks": stack,
        "ListStacks": {},
        "DescribeStackEvents": stack,
        "DescribeStackResources": stack,
        "DescribeStackResource": stack | {"LogicalResourceId": "Bucket"},
        "ListStackResources": stack,
        "GetTemplate": stack,
        "GetTemplateSummary": stack,
        "ValidateTemplate": {"TemplateBody": one_bucket("matrix-stack")},
        "UpdateStack": stack
        | {
            "TemplateBody": json.dumps(
                json.loads(one_bucket("matrix-stack")) | {"Outputs": {"A": {"Value": "b"}}}
            )
        },
        "DeleteStack": {"StackName": "matrix-gone"},
        "CreateChangeSet": {
            "StackName": "matrix-set",
            "ChangeSetName": "new",
            "ChangeSetType": "CREATE",
            "TemplateBody": one_bucket("matrix-stack-set"),
        },
        "ListChangeSets": {"StackName": "matrix-set"},
        "DescribeChangeSet": {"StackName": "matrix-set", "ChangeSetName": "ready"},
        "DeleteChangeSet": {"StackName": "matrix-set", "ChangeSetName": "gone"},
        "ExecuteChangeSet": {"StackName": "matrix-set", "ChangeSetName": "ready"},
    }


def rolesanywhere_samples(w):
    def of(kind, one, *operations, **more):
        return {f"{operation}{kind}": {one: w.anywhere[one]} | more for operation in operations}

    def gone(one):
        return {one: w.anywhere["gone", one]}

    source = w.anywhere["source"]
    roles = {"roleArns": [w.role]}
    crl = {"crlData": w.anywhere["crl"]}
    switched = ("Get", "Disable", "Enable")
    return {
        "CreateTrustAnchor": {"name": "new", "source": source},
        "ListTrustAnchors": {},
        **of("TrustAnchor", "trustAnchorId", *switched),
        **of("TrustAnchor", "trustAnchorId", "Update", name="renamed"),
        "CreateProfile": {"name": "new"} | roles,
        "ListProfiles": {},
        **of("Profile", "profileId", *switched),
        **of("Profile", "profileId", "Update", durationSeconds=1800),
        "PutAttributeMapping": {
            "profileId": w.anywhere["profileId"],
            "certificateField": "x509SAN",
            "mappingRules": [{"specifier": "URI"}],
        },
        "DeleteAttributeMapping": {
            "profileId": w.anywhere["profileId"],
            "certificateField": "x509SAN",
            "specifiers": ["URI"],
        },
        "ImportCrl": {"name": "new", "trustAnchorArn": w.anywhere["anchor"]} | crl,
        "ListCrls": {},
        **of("Crl", "crlId", *switched),
        **of("Crl", "crlId", "Update", name="renamed"),
        "DeleteCrl": gone("crlId"),
        "DeleteProfile": gone("profileId"),
        "DeleteTrustAnchor": gone("trustAnchorId"),
    }


def samples(world):
    return {
        "s3": s3_samples(world),
        "dynamodb": dynamodb_samples(world),
        "iam": iam_samples(world),
        "kms": kms_samples(world),
        "lambda": lambda_samples(world),
        "logs": logs_samples(world),
        "sts": {
            "GetCallerIdentity": {},
            "AssumeRole": {"RoleArn": world.role, "RoleSessionName": "matrix"},
            "GetSessionToken": {"DurationSeconds": 900},
            "GetFederationToken": {"Name": "matrix"},
            "DecodeAuthorizationMessage": {"EncodedMessage": "x"},
        },
        "rolesanywhere": rolesanywhere_samples(world),
        "cloudtrail": cloudtrail_samples(world),
        "monitoring": monitoring_samples(world),
        "cloudformation": cloudformation_samples(world),
    }


# Operations that AWS, or Sluice, refuses whatever is asked: the code that tells why.
ALWAYS_REFUSED = {
    "sts:GetSessionToken": "AccessDenied",
    "sts:GetFederationToken": "AccessDenied",
    "sts:DecodeAuthorizationMessage": "InvalidAuthorizationMessageException",
    "cloudtrail:PutInsightSelectors": "UnsupportedOperationException",
    "cloudtrail:GetInsightSelectors": "InsightNotEnabledException",
    "s3:PutBucketAcl": "AccessControlListNotSupported",
    "s3:PutObjectAcl": "AccessControlListNotSupported",
    "s3:GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
    "s3:GetBucketCors": "NoSuchCORSConfiguration",
    "iam:GetAccountPasswordPolicy": "NoSuchEntity",
    "s3:GetBucketWebsite": "NoSuchWebsiteConfiguration",
    "s3:GetBucketReplication": "ReplicationConfigurationNotFoundError",
} | {
    "iam:" + name: "InvalidInput"
    for name in (
        "CreateUser GetUser PutUserPolicy AttachUserPolicy CreateGroup AddUserToGroup "
        "CreateAccessKey ListAccessKeys UpdateAccessKey DeleteAccessKey CreateLoginProfile "
        "CreateServiceSpecificCredential UploadSSHPublicKey "
        "UploadSigningCertificate"
    ).split()
}
# No SDK sends it: a browser does, with a form (tests/test_form_upload.py).
SENT_BY_NO_SDK = {
    "s3:PostObject",
    "lambda:GetFunctionCode",
    "lambda:GetLayerVersionContent",
}
# Operations that every session may call, as on AWS.
NEEDS_NOTHING = {"sts:GetCallerIdentity", "sts:GetSessionToken", "sts:GetFederationToken"}
# Answers 200 with a refusal for each part: tests/test_s3_objects.py, test_dynamodb_partiql.py.
REFUSED_BY_PART = {"s3:DeleteObjects", "dynamodb:BatchExecuteStatement"}

# SPDX-License-Identifier: Apache-2.0
"""Trails as resources: names, limits, errors, selectors, tags; the checks of the destination at
creation."""
import json

import pytest

from trails import ACCOUNT, REGION, arn, bucket_policy, make_bucket


@pytest.fixture
def trail(server):
    """A client, and a clean table: at most five trails fit."""
    client = server.client("cloudtrail")
    yield client
    for one in client.describe_trails()["trailList"]:
        client.delete_trail(Name=one["Name"])


def test_a_trail_is_created_described_changed_and_deleted(server, trail, code):
    make_bucket(server, "life", "life", "p/")
    made = trail.create_trail(
        Name="life",
        S3BucketName="life",
        S3KeyPrefix="p",
        IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
        TagsList=[{"Key": "a", "Value": "1"}],
    )
    expected = {
        "Name": "life",
        "S3BucketName": "life",
        "S3KeyPrefix": "p",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "TrailARN": arn("life"),
        "LogFileValidationEnabled": True,
        "IsOrganizationTrail": False,
    }
    del made["ResponseMetadata"]
    assert made == expected
    described = expected | {
        "HomeRegion": REGION,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }
    assert trail.get_trail(Name=arn("life"))["Trail"] == described
    assert trail.describe_trails(trailNameList=["life", "not-there"])["trailList"] == [described]
    assert trail.list_trails()["Trails"] == [
        {"TrailARN": arn("life"), "Name": "life", "HomeRegion": REGION}
    ]
    assert (
        code(trail.create_trail, Name="life", S3BucketName="life") == "TrailAlreadyExistsException"
    )
    assert (
        trail.get_trail_status(Name="life")["IsLogging"] is False
    )  # CreateTrail does not start it
    trail.start_logging(Name=arn("life"))
    status = trail.get_trail_status(Name="life")
    assert status["IsLogging"] is True and status["TimeLoggingStarted"]
    trail.stop_logging(Name="life")
    assert trail.get_trail_status(Name="life")["IsLogging"] is False
    assert (
        trail.update_trail(Name="life", EnableLogFileValidation=False)["LogFileValidationEnabled"]
        is False
    )
    assert (
        code(trail.update_trail, Name="life", S3KeyPrefix="elsewhere")
        == "InsufficientS3BucketPolicyException"
    )
    assert trail.get_trail(Name="life")["Trail"]["S3KeyPrefix"] == "p"
    trail.delete_trail(Name="life")
    assert code(trail.get_trail, Name="life") == "TrailNotFoundException"
    assert trail.describe_trails()["trailList"] == []


@pytest.mark.parametrize(
    "name", ["ab", "a" * 129, "-abc", "abc-", "a..b", "my-_space", "with space", "192.168.5.4"]
)
def test_names_that_aws_refuses(trail, code, name):
    assert (
        code(trail.create_trail, Name=name, S3BucketName="any-bucket")
        == "InvalidTrailNameException"
    )


def test_names_at_the_limits_are_taken(server, trail):
    for name in ("abc", "a" * 128, "A.b_c-9"):
        make_bucket(server, "limit-" + str(len(name)), name)
        trail.create_trail(Name=name, S3BucketName="limit-" + str(len(name)))


def test_the_sixth_trail_is_refused(server, trail, code):
    for i in range(6):
        make_bucket(server, f"many-{i}", f"many-{i}")
    for i in range(5):
        trail.create_trail(Name=f"many-{i}", S3BucketName=f"many-{i}")
    assert (
        code(trail.create_trail, Name="many-5", S3BucketName="many-5")
        == "MaximumNumberOfTrailsExceededException"
    )


def test_the_bucket_and_its_policy_are_checked_at_creation(server, trail, code):
    s3 = server.client("s3")
    assert (
        code(trail.create_trail, Name="checks", S3BucketName="no-such-bucket")
        == "S3BucketDoesNotExistException"
    )
    s3.create_bucket(Bucket="checks")
    assert (
        code(trail.create_trail, Name="checks", S3BucketName="checks")
        == "InsufficientS3BucketPolicyException"
    )
    whole = json.loads(bucket_policy("checks", "checks"))
    for missing in (0, 1):  # each of the two statements is needed
        s3.put_bucket_policy(
            Bucket="checks",
            Policy=json.dumps(whole | {"Statement": [whole["Statement"][1 - missing]]}),
        )
        assert (
            code(trail.create_trail, Name="checks", S3BucketName="checks")
            == "InsufficientS3BucketPolicyException"
        )
    s3.put_bucket_policy(
        Bucket="checks", Policy=bucket_policy("checks", "another")
    )  # the policy is another trail's
    assert (
        code(trail.create_trail, Name="checks", S3BucketName="checks")
        == "InsufficientS3BucketPolicyException"
    )
    s3.put_bucket_policy(Bucket="checks", Policy=json.dumps(whole))
    assert (
        code(trail.create_trail, Name="checks", S3BucketName="checks", S3KeyPrefix="p")
        == "InsufficientS3BucketPolicyException"
    )
    trail.create_trail(Name="checks", S3BucketName="checks")


def test_two_trails_may_share_a_bucket(server, trail):
    make_bucket(server, "shared", "*")
    s3 = server.client("s3")
    s3.put_bucket_policy(
        Bucket="shared", Policy=bucket_policy("shared", "*").replace("StringEquals", "StringLike")
    )
    for name in ("first-of-two", "second-of-two"):
        trail.create_trail(Name=name, S3BucketName="shared")


def test_the_key_is_checked_at_creation(server, trail, code):
    kms, make = server.client("kms"), {"Name": "sealed", "S3BucketName": "sealed"}
    any_trail = f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"
    make_bucket(server, "sealed", "sealed")
    assert code(trail.create_trail, KmsKeyId="alias/none", **make) == "KmsKeyNotFoundException"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert code(trail.create_trail, KmsKeyId=key, **make) == "InsufficientEncryptionPolicyException"
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "kms:GenerateDataKey*",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:SourceArn": arn("sealed")},
                "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": any_trail},
            },
        }
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    kms.disable_key(KeyId=key)
    assert code(trail.create_trail, KmsKeyId=key, **make) == "KmsKeyDisabledException"
    kms.enable_key(KeyId=key)
    # A key of another kind, whatever its policy allows: at delivery it would be too late.
    pair = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT", Policy=json.dumps(policy))
    other = pair["KeyMetadata"]["KeyId"]
    assert code(trail.create_trail, KmsKeyId=other, **make) == "KmsException"
    assert trail.create_trail(KmsKeyId=key, **make)["KmsKeyId"].endswith(":key/" + key)
    assert code(trail.update_trail, Name="sealed", KmsKeyId=other) == "KmsException"


def test_the_role_of_the_log_group_must_be_passed_and_fit(server, trail, code):
    iam, group = server.client("iam"), f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:trail:*"
    make_bucket(server, "logged", "logged")
    make = {"Name": "logged", "S3BucketName": "logged"}
    role = iam.create_role(
        RoleName="to-logs",
        AssumeRolePolicyDocument=(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
            '"Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
        ),
    )["Role"]["Arn"]
    assert (
        code(trail.create_trail, CloudWatchLogsLogGroupArn=group, **make)
        == "InvalidCloudWatchLogsRoleArnException"
    )
    assert (
        code(trail.create_trail, CloudWatchLogsRoleArn=role, **make)
        == "InvalidCloudWatchLogsLogGroupArnException"
    )
    assert (
        code(
            trail.create_trail,
            CloudWatchLogsLogGroupArn="arn:aws:s3:::x",
            CloudWatchLogsRoleArn=role,
            **make,
        )
        == "InvalidCloudWatchLogsLogGroupArnException"
    )
    assert (
        code(
            trail.create_trail, CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role, **make
        )
        == "InvalidCloudWatchLogsRoleArnException"
    )
    stream = f"log-stream:{ACCOUNT}_CloudTrail_{REGION}*"
    iam.put_role_policy(
        RoleName="to-logs",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:trail:{stream}",
                    }
                ],
            }
        ),
    )
    # Who may not pass the role may not give it to a trail.
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    iam.create_role(RoleName="no-pass", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName="no-pass",
        PolicyName="p",
        PolicyDocument=(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudtrail:*",'
            '"Resource":"*"}]}'
        ),
    )
    assert (
        code(
            server.client("cloudtrail", role="no-pass").create_trail,
            CloudWatchLogsLogGroupArn=group,
            CloudWatchLogsRoleArn=role,
            **make,
        )
        == "AccessDeniedException"
    )
    assert (
        trail.create_trail(CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role, **make)[
            "CloudWatchLogsRoleArn"
        ]
        == role
    )


def test_what_is_not_built_says_so(server, trail, code):
    make_bucket(server, "no-sns", "no-sns")
    make = {"Name": "no-sns", "S3BucketName": "no-sns"}
    assert code(trail.create_trail, SnsTopicName="t", **make) == "UnsupportedOperationException"
    assert (
        code(trail.create_trail, IsOrganizationTrail=True, **make)
        == "OrganizationsNotInUseException"
    )
    assert (
        code(trail.create_trail, IsMultiRegionTrail=True, IncludeGlobalServiceEvents=False, **make)
        == "InvalidParameterCombinationException"
    )
    assert code(trail.create_trail, S3KeyPrefix="x" * 201, **make) == "InvalidS3PrefixException"
    trail.create_trail(**make)
    assert code(trail.get_insight_selectors, TrailName="no-sns") == "InsightNotEnabledException"
    assert (
        code(
            trail.put_insight_selectors,
            TrailName="no-sns",
            InsightSelectors=[{"InsightType": "ApiCallRateInsight"}],
        )
        == "UnsupportedOperationException"
    )


def test_selectors_are_kept_as_aws_shows_them(server, trail, code):
    make_bucket(server, "select", "select")
    trail.create_trail(Name="select", S3BucketName="select")
    default = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
    got = trail.get_event_selectors(TrailName="select")
    assert (
        got["EventSelectors"] == [default]
        and got["TrailARN"] == arn("select")
        and "AdvancedEventSelectors" not in got
    )
    mine = {
        "ReadWriteType": "WriteOnly",
        "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b/"]}],
    }
    assert trail.put_event_selectors(TrailName="select", EventSelectors=[mine])[
        "EventSelectors"
    ] == [default | mine]
    assert trail.get_trail(Name="select")["Trail"]["HasCustomEventSelectors"] is True
    advanced = [
        {
            "Name": "data",
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                {"Field": "resources.ARN", "NotStartsWith": ["arn:aws:s3:::select/"]},
            ],
        }
    ]
    assert (
        trail.put_event_selectors(TrailName=arn("select"), AdvancedEventSelectors=advanced)[
            "AdvancedEventSelectors"
        ]
        == advanced
    )
    got = trail.get_event_selectors(TrailName="select")
    assert (
        got["AdvancedEventSelectors"] == advanced and "EventSelectors" not in got
    )  # one kind replaces the other


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"EventSelectors": [{}] * 6},
        {"EventSelectors": [{"ReadWriteType": "Some"}]},
        {
            "EventSelectors": [
                {
                    "DataResources": [
                        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket-without-slash"]}
                    ]
                }
            ]
        },
        {
            "EventSelectors": [
                {"DataResources": [{"Type": "AWS::SNS::Topic", "Values": ["arn:aws:sns"]}]}
            ]
        },
        {
            "EventSelectors": [
                {
                    "DataResources": [
                        {
                            "Type": "AWS::S3::Object",
                            "Values": [f"arn:aws:s3:::b{i}/" for i in range(251)],
                        }
                    ]
                }
            ]
        },
        {"EventSelectors": [{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}]},
        {
            "AdvancedEventSelectors": [
                {"FieldSelectors": [{"Field": "readOnly", "Equals": ["true"]}]}
            ]
        },
        {
            "AdvancedEventSelectors": [
                {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
            ]
        },
        {
            "AdvancedEventSelectors": [
                {"FieldSelectors": [{"Field": "eventCategory", "StartsWith": ["Man"]}]}
            ]
        },
        {
            "AdvancedEventSelectors": [
                {
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Management"]},
                        {"Field": "nonsense", "Equals": ["x"]},
                    ]
                }
            ]
        },
        {
            "AdvancedEventSelectors": [
                {
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Management"]},
                        {"Field": "eventName", "NotEquals": ["x"] * 500},
                    ]
                }
            ]
        },
        {
            "EventSelectors": [{}],
            "AdvancedEventSelectors": [
                {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
            ],
        },
    ],
)
def test_selectors_that_aws_refuses(server, trail, code, bad):
    if not trail.describe_trails()["trailList"]:
        if "refuse" not in [b["Name"] for b in server.client("s3").list_buckets()["Buckets"]]:
            make_bucket(server, "refuse", "refuse")
        trail.create_trail(Name="refuse", S3BucketName="refuse")
    assert (
        code(trail.put_event_selectors, TrailName="refuse", **bad)
        == "InvalidEventSelectorsException"
    )


def test_tags(server, trail, code):
    make_bucket(server, "tagged", "tagged")
    trail.create_trail(Name="tagged", S3BucketName="tagged")
    trail.add_tags(
        ResourceId=arn("tagged"), TagsList=[{"Key": f"k{i}", "Value": "v"} for i in range(50)]
    )
    assert (
        code(trail.add_tags, ResourceId=arn("tagged"), TagsList=[{"Key": "one-more"}])
        == "TagsLimitExceededException"
    )
    trail.remove_tags(ResourceId=arn("tagged"), TagsList=[{"Key": f"k{i}"} for i in range(49)])
    assert trail.list_tags(ResourceIdList=[arn("tagged")])["ResourceTagList"] == [
        {"ResourceId": arn("tagged"), "TagsList": [{"Key": "k49", "Value": "v"}]}
    ]
    assert (
        code(trail.add_tags, ResourceId=arn("nowhere"), TagsList=[{"Key": "k"}])
        == "ResourceNotFoundException"
    )
    assert code(trail.list_tags, ResourceIdList=["tagged"]) == "CloudTrailARNInvalidException"


def test_arns_of_elsewhere_name_no_trail(server, trail, code):
    make_bucket(server, "here", "here")
    trail.create_trail(Name="here", S3BucketName="here")
    for other in (
        "arn:aws:cloudtrail:eu-west-1:000000000000:trail/here",
        "arn:aws:cloudtrail:us-east-1:999999999999:trail/here",
    ):
        assert code(trail.get_trail, Name=other) in (
            "TrailNotFoundException",
            "AccessDeniedException",
        )
    assert code(trail.get_trail, Name="arn:aws:s3:::here") == "CloudTrailARNInvalidException"


def test_trails_are_permissions_of_their_own(server, trail, code):
    iam = server.client("iam")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    iam.create_role(RoleName="one-trail", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName="one-trail",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "cloudtrail:GetTrail", "Resource": arn("mine")}
                ],
            }
        ),
    )
    for name in ("mine", "theirs"):
        make_bucket(server, name, name)
        trail.create_trail(Name=name, S3BucketName=name)
    few = server.client("cloudtrail", role="one-trail")
    assert few.get_trail(Name="mine")["Trail"]["Name"] == "mine"
    assert (
        code(few.get_trail, Name="theirs") == "AccessDeniedException"
        and code(few.stop_logging, Name="mine") == "AccessDeniedException"
    )


def lookup(client, key, value, **more):
    return client.lookup_events(
        LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **more
    )["Events"]


def test_lookup_by_every_attribute(server, trail):
    s3, kms = server.client("s3"), server.client("kms")
    s3.create_bucket(Bucket="looked-up")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.describe_key(KeyId=key)
    made = lookup(trail, "ResourceName", "looked-up")[0]
    assert (
        made["EventName"] == "CreateBucket"
        and {"ResourceType": "AWS::S3::Bucket", "ResourceName": "looked-up"} in made["Resources"]
        and made["ReadOnly"] == "false"
    )
    assert lookup(trail, "ResourceName", key)[0]["EventSource"] == "kms.amazonaws.com"
    assert [e["EventId"] for e in lookup(trail, "EventId", made["EventId"])] == [made["EventId"]]
    for attribute, value in (
        ("EventName", "CreateBucket"),
        ("ReadOnly", "false"),
        ("Username", made["Username"]),
        ("ResourceType", "AWS::S3::Bucket"),
        ("EventSource", "s3.amazonaws.com"),
        ("AccessKeyId", made["AccessKeyId"]),
    ):
        assert lookup(trail, attribute, value), attribute
    at = made["EventTime"]
    assert made["EventId"] in [
        e["EventId"] for e in lookup(trail, "EventName", "CreateBucket", StartTime=at, EndTime=at)
    ]
    assert not lookup(trail, "EventId", made["EventId"], EndTime=at.timestamp() - 1) and not lookup(
        trail, "EventId", made["EventId"], StartTime=at.timestamp() + 1
    )


def test_both_names_of_the_service_are_taken(server):
    """JavaScript's SDK sends CloudTrail_20131101.X, botocore the long form."""
    client = server.client("cloudtrail")
    client.meta.events.register(
        "before-sign.cloudtrail.*",
        lambda request, **_: request.headers.replace_header(
            "X-Amz-Target", request.headers["X-Amz-Target"].rsplit(".v20131101.", 1)[-1]
        ),
    )
    assert client.list_trails()["Trails"] == []


def test_no_public_keys_before_the_first_digest(fresh_server, code):
    client = fresh_server.client("cloudtrail")
    assert client.list_public_keys()["PublicKeyList"] == []
    assert code(client.list_public_keys, StartTime=2, EndTime=1) == "InvalidTimeRangeException"

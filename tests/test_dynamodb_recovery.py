# SPDX-License-Identifier: Apache-2.0
"""Point-in-time recovery: what a table held at any second since can be restored, exported and
imported again."""
import base64
import concurrent.futures
import gzip
import hashlib
import json
import re
import time
import uuid

import botocore.exceptions
import pytest

import wire
from functions import make_assumable, until

KEYS = dict(
    KeySchema=[
        {"AttributeName": "p", "KeyType": "HASH"},
        {"AttributeName": "r", "KeyType": "RANGE"},
    ],
    AttributeDefinitions=[
        {"AttributeName": "p", "AttributeType": "S"},
        {"AttributeName": "r", "AttributeType": "N"},
        {"AttributeName": "g", "AttributeType": "S"},
    ],
    BillingMode="PAY_PER_REQUEST",
    GlobalSecondaryIndexes=[
        {
            "IndexName": "by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
)


@pytest.fixture(scope="module")
def db(server):
    return server.client("dynamodb")


def item(p, r, **more):
    return {"p": {"S": p}, "r": {"N": str(r)}, **more}


def items_of(db, table, **more):
    pages = db.get_paginator("scan").paginate(TableName=table, ConsistentRead=True, **more)
    return sorted(
        (one for page in pages for one in page["Items"]),
        key=lambda i: json.dumps(i["p"]) + i["r"]["N"],
    )


def enable(db, table, enabled=True):
    return db.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]


@pytest.fixture
def table(db):
    name = "t" + uuid.uuid4().hex
    db.create_table(TableName=name, **KEYS)
    return name


@pytest.fixture
def recoverable(db, table):
    """A table with recovery whose first second has come."""
    earliest = enable(db, table)["EarliestRestorableDateTime"].timestamp()
    until(lambda: time.time() > earliest)
    return table


def next_second():
    """The second that is now, and after which this returns."""
    now = int(time.time())
    until(lambda: time.time() >= now + 1)
    return now + 1


def restore(db, source, **more):
    target = "r" + uuid.uuid4().hex
    made = db.restore_table_to_point_in_time(
        SourceTableName=source, TargetTableName=target, **more
    )["TableDescription"]
    assert made["TableStatus"] == "CREATING" and made["RestoreSummary"]["RestoreInProgress"]
    db.get_waiter("table_exists").wait(TableName=target, WaiterConfig={"Delay": 1})
    return target


def test_recovery_is_off_until_it_is_asked_for(db, table, code):
    describe = lambda: db.describe_continuous_backups(TableName=table)[
        "ContinuousBackupsDescription"
    ]["PointInTimeRecoveryDescription"]
    assert describe() == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert (
        code(
            db.restore_table_to_point_in_time,
            SourceTableName=table,
            TargetTableName="other",
            UseLatestRestorableTime=True,
        )
        == "PointInTimeRecoveryUnavailableException"
    )
    shown = enable(db, table)
    assert shown["PointInTimeRecoveryStatus"] == "ENABLED"
    assert shown["EarliestRestorableDateTime"].timestamp() <= time.time() + 1
    assert describe()["EarliestRestorableDateTime"] == shown["EarliestRestorableDateTime"]
    assert enable(db, table, False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    for call in (
        lambda: db.describe_continuous_backups(TableName="nobody"),
        lambda: enable(db, "nobody"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "TableNotFoundException"


def test_a_table_is_restored_to_the_second(db, recoverable):
    for r in range(300):
        db.put_item(TableName=recoverable, Item=item("a", r, g={"S": "x"}, n={"N": "1"}))
    db.put_item(TableName=recoverable, Item=item("gone", 1))
    then = items_of(db, recoverable)
    at = next_second()
    db.delete_item(TableName=recoverable, Key=item("gone", 1))
    for r in range(0, 300, 3):
        db.update_item(
            TableName=recoverable,
            Key=item("a", r),
            UpdateExpression="SET n = n + :one REMOVE g",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    db.put_item(TableName=recoverable, Item=item("new", 1, g={"S": "x"}))
    db.put_item(TableName=recoverable, Item=item("0", 1))
    now = items_of(db, recoverable)
    restored = restore(db, recoverable, RestoreDateTime=at)
    assert items_of(db, restored) == then
    described = db.describe_table(TableName=restored)["Table"]
    assert described["RestoreSummary"]["RestoreDateTime"].timestamp() == at
    assert not described["RestoreSummary"]["RestoreInProgress"]
    assert [one["IndexName"] for one in described["GlobalSecondaryIndexes"]] == ["by-g"]
    # What the copy does not have, as on AWS.
    assert not described.get("StreamSpecification") and not described["DeletionProtectionEnabled"]
    entries = db.scan(TableName=restored, IndexName="by-g")["Count"]
    assert entries == 300
    latest = restore(db, recoverable, UseLatestRestorableTime=True)
    assert items_of(db, latest) == now
    # The copy is a table of its own.
    db.delete_item(TableName=latest, Key=item("new", 1))
    assert items_of(db, recoverable) == now


def test_what_of_a_copy_can_be_otherwise(db, recoverable, code):
    db.put_item(TableName=recoverable, Item=item("a", 1, g={"S": "x"}))
    plain = restore(
        db,
        recoverable,
        UseLatestRestorableTime=True,
        GlobalSecondaryIndexOverride=[],
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride={"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
    )
    described = db.describe_table(TableName=plain)["Table"]
    assert "GlobalSecondaryIndexes" not in described
    assert described["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    assert len(described["AttributeDefinitions"]) == 2
    assert len(items_of(db, plain)) == 1
    ask = lambda **more: code(
        db.restore_table_to_point_in_time,
        **{"SourceTableName": recoverable, "TargetTableName": "t" + uuid.uuid4().hex} | more,
    )
    assert ask() == "ValidationException"
    assert ask(UseLatestRestorableTime=True, RestoreDateTime=int(time.time())) == (
        "ValidationException"
    )
    assert ask(RestoreDateTime=int(time.time()) + 60) == "InvalidRestoreTimeException"
    assert ask(RestoreDateTime=1) == "InvalidRestoreTimeException"
    assert ask(UseLatestRestorableTime=True, TargetTableName=plain) == "TableAlreadyExistsException"
    assert ask(UseLatestRestorableTime=True, SourceTableName="nobody") == "TableNotFoundException"


def test_who_may_restore(server, db, recoverable):
    """To read what a table held one needs to be allowed to, and to write the copy too."""
    make_assumable(server, "restorer")
    arn = db.describe_table(TableName=recoverable)["Table"]["TableArn"]
    iam = server.client("iam")

    def allow(*statements):
        iam.put_role_policy(
            RoleName="restorer",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
        return server.client("dynamodb", role="restorer")

    def ask(client):
        client.restore_table_to_point_in_time(
            SourceTableName=recoverable,
            TargetTableName="restored-" + uuid.uuid4().hex,
            UseLatestRestorableTime=True,
        )

    def refused(client):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            ask(client)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"

    source = {"Effect": "Allow", "Action": "dynamodb:RestoreTableToPointInTime", "Resource": arn}
    names = "Scan Query GetItem PutItem UpdateItem DeleteItem BatchWriteItem".split()
    target = lambda names: {
        "Effect": "Allow",
        "Action": ["dynamodb:" + name for name in names],
        "Resource": arn.rsplit("/", 1)[0] + "/restored-*",
    }
    refused(allow(source))
    refused(allow(target(names)))
    for left_out in names:
        refused(allow(source, target([name for name in names if name != left_out])))
    ask(allow(source, target(names)))


def bucket(server, name="export"):
    made = name + uuid.uuid4().hex[:8]
    server.client("s3").create_bucket(Bucket=made)
    return made


def exported(db, arn):
    def over():
        described = db.describe_export(ExportArn=arn)["ExportDescription"]
        return described if described["ExportStatus"] != "IN_PROGRESS" else None

    return until(over)


def read(server, bucket_name, key):
    return server.client("s3").get_object(Bucket=bucket_name, Key=key)["Body"].read()


def lines_of(server, bucket_name, description):
    """The lines of an export, as its manifests name them, with all that they say checked."""
    summary_key = description["ExportManifest"]
    summary = json.loads(read(server, bucket_name, summary_key))
    checked = lambda key: (
        base64.b64encode(hashlib.md5(read(server, bucket_name, key + ".json")).digest())
        == read(server, bucket_name, key + ".checksum")
    )
    folder = summary_key.rsplit("/", 1)[0]
    assert checked(folder + "/manifest-summary") and checked(folder + "/manifest-files")
    assert read(server, bucket_name, folder + "/_started") == b""
    lines = []
    for line in read(server, bucket_name, summary["manifestFilesS3Key"]).splitlines():
        file = json.loads(line)
        packed = read(server, bucket_name, file["dataFileS3Key"])
        digest = hashlib.md5(packed)
        assert file["etag"] == digest.hexdigest()
        assert file["md5Checksum"] == base64.b64encode(digest.digest()).decode()
        part = [json.loads(one) for one in gzip.decompress(packed).splitlines()]
        assert len(part) == file["itemCount"]
        lines += part
    assert summary["itemCount"] == description["ItemCount"] == len(lines)
    return summary, lines


def test_an_export_has_what_the_table_held_and_can_be_imported_again(server, db, recoverable):
    for r in range(40):
        db.put_item(
            TableName=recoverable,
            Item=item("a", r, g={"S": "x"}, b={"B": b"\x00\xff"}, s={"NS": ["1", "2.5"]}),
        )
    then = items_of(db, recoverable)
    at = next_second()
    db.put_item(TableName=recoverable, Item=item("later", 1))
    arn = db.describe_table(TableName=recoverable)["Table"]["TableArn"]
    to = bucket(server)
    asked = db.export_table_to_point_in_time(
        TableArn=arn, S3Bucket=to, S3Prefix="daily/", ExportTime=at, ClientToken="once"
    )["ExportDescription"]
    assert asked["ExportStatus"] == "IN_PROGRESS"
    done = exported(db, asked["ExportArn"])
    assert done["ExportStatus"] == "COMPLETED", done
    summary, lines = lines_of(server, to, done)
    assert summary["outputFormat"] == "DYNAMODB_JSON" and summary["tableArn"] == arn
    assert done["ExportManifest"].startswith("daily/AWSDynamoDB/")
    wired = [
        json.loads(json.dumps(one, default=lambda b: base64.b64encode(b).decode())) for one in then
    ]
    assert sorted((line["Item"] for line in lines), key=lambda i: int(i["r"]["N"])) == sorted(
        wired, key=lambda i: int(i["r"]["N"])
    )
    # The same token is the same export; with other parameters it is a conflict.
    again = db.export_table_to_point_in_time(
        TableArn=arn, S3Bucket=to, S3Prefix="daily/", ExportTime=at, ClientToken="once"
    )["ExportDescription"]
    assert again["ExportArn"] == asked["ExportArn"]
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        db.export_table_to_point_in_time(TableArn=arn, S3Bucket=to, ClientToken="once")
    assert caught.value.response["Error"]["Code"] == "ExportConflictException"
    listed = db.list_exports(TableArn=arn)["ExportSummaries"]
    assert [one["ExportArn"] for one in listed] == [asked["ExportArn"]]

    imported = "i" + uuid.uuid4().hex
    started = db.import_table(
        S3BucketSource={
            "S3Bucket": to,
            "S3KeyPrefix": done["ExportManifest"].rsplit("/", 1)[0] + "/data/",
        },
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={"TableName": imported, **KEYS},
    )["ImportTableDescription"]
    over = finished(db, started["ImportArn"])
    assert over["ImportStatus"] == "COMPLETED" and over["ImportedItemCount"] == 40, over
    assert over["ErrorCount"] == 0 and items_of(db, imported) == then
    assert db.scan(TableName=imported, IndexName="by-g")["Count"] == 40


def test_requests_at_once_with_one_token_are_one_export(server, db, recoverable):
    # Each client asks again when its answer is late: what it pays for must not be done twice.
    arn = db.describe_table(TableName=recoverable)["Table"]["TableArn"]
    to = bucket(server)
    for token in ("first", "second", "third"):
        asked = dict(TableArn=arn, S3Bucket=to, ClientToken=token)
        with concurrent.futures.ThreadPoolExecutor(8) as at_once:
            calls = [at_once.submit(db.export_table_to_point_in_time, **asked) for _ in range(8)]
        begun = {call.result()["ExportDescription"]["ExportArn"] for call in calls}
        assert len(begun) == 1
        assert exported(db, *begun)["ExportStatus"] == "COMPLETED"
    assert len(db.list_exports(TableArn=arn)["ExportSummaries"]) == 3


def finished(db, arn):
    def over():
        described = db.describe_import(ImportArn=arn)["ImportTableDescription"]
        return described if described["ImportStatus"] != "IN_PROGRESS" else None

    return until(over)


def raw(server, operation, **arguments):
    """A call with members that this machine's SDK does not know."""
    return wire.Wire(server).ask(wire.dynamodb(operation, arguments), server.session())


def test_an_incremental_export_has_what_has_changed(server, db, recoverable):
    put = lambda *key, **more: db.put_item(TableName=recoverable, Item=item(*key, **more))
    put("same", 1)
    put("changed", 1, n={"N": "1"})
    put("deleted", 1)
    begin = next_second()
    put("changed", 1, n={"N": "2"})
    put("changed", 1, n={"N": "3"})
    put("new", 1)
    put("brief", 1)
    db.delete_item(TableName=recoverable, Key=item("brief", 1))
    db.delete_item(TableName=recoverable, Key=item("deleted", 1))
    end = next_second()
    put("too late", 1)
    put("changed", 1, n={"N": "4"})
    arn = db.describe_table(TableName=recoverable)["Table"]["TableArn"]
    to = bucket(server)
    between = {"ExportFromTime": begin, "ExportToTime": end}
    answer = raw(
        server,
        "ExportTableToPointInTime",
        TableArn=arn,
        S3Bucket=to,
        ExportType="INCREMENTAL_EXPORT",
        IncrementalExportSpecification=between,
    )
    assert answer.status == 200, answer.body
    asked = json.loads(answer.body)["ExportDescription"]["ExportArn"]
    done = exported(db, asked)
    assert done["ExportStatus"] == "COMPLETED", done
    summary, lines = lines_of(server, to, done)
    assert summary["exportType"] == "INCREMENTAL_EXPORT"
    assert summary["outputView"] == "NEW_AND_OLD_IMAGES"
    shown = {line["Keys"]["p"]["S"]: (line.get("OldImage"), line.get("NewImage")) for line in lines}
    assert shown == {
        "changed": (item("changed", 1, n={"N": "1"}), item("changed", 1, n={"N": "3"})),
        "new": (None, item("new", 1)),
        "brief": (None, None),
        "deleted": (item("deleted", 1), None),
    }
    for wrong in (
        {"ExportFromTime": end, "ExportToTime": begin},
        {"ExportFromTime": 1, "ExportToTime": end},
        {"ExportFromTime": begin, "ExportToTime": time.time() + 60},
    ):
        refused = raw(
            server,
            "ExportTableToPointInTime",
            TableArn=arn,
            S3Bucket=to,
            ExportType="INCREMENTAL_EXPORT",
            IncrementalExportSpecification=wrong,
        )
        assert refused.code == "InvalidExportTimeException", refused.body


def test_an_export_is_done_in_the_name_of_its_caller(server, db, recoverable):
    """Who may not write into the bucket gets nothing there, whoever else may."""
    make_assumable(server, "exporter")
    arn = db.describe_table(TableName=recoverable)["Table"]["TableArn"]
    to = bucket(server)

    def export(*statements):
        server.client("iam").put_role_policy(
            RoleName="exporter",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
        client = server.client("dynamodb", role="exporter")
        asked = client.export_table_to_point_in_time(TableArn=arn, S3Bucket=to)
        return exported(db, asked["ExportDescription"]["ExportArn"])

    table_only = {"Effect": "Allow", "Action": "dynamodb:Export*", "Resource": arn}
    done = export(table_only)
    assert (done["ExportStatus"], done["FailureCode"]) == ("FAILED", "S3AccessDenied")
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{to}/*"}
    assert export(table_only, put)["ExportStatus"] == "COMPLETED"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        export(put)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    for wrong in ({"S3Bucket": to + "/key?acl"}, {"S3BucketOwner": "111122223333"}):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            db.export_table_to_point_in_time(**{"TableArn": arn, "S3Bucket": to} | wrong)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    lost = db.export_table_to_point_in_time(TableArn=arn, S3Bucket="nobody" + uuid.uuid4().hex)
    done = exported(db, lost["ExportDescription"]["ExportArn"])
    assert (done["ExportStatus"], done["FailureCode"]) == ("FAILED", "S3NoSuchBucket")


def test_csv_is_imported_and_what_is_no_item_is_told(server, db):
    source, name = bucket(server, "import"), "c" + uuid.uuid4().hex
    s3 = server.client("s3")
    s3.put_object(
        Bucket=source,
        Key="in/1.csv",
        Body=b'p,r,note\na,1,"one, ""two"""\na,2,\nb,no number,x\n,3,empty key\na,4,x,too many\n'
        b"a,5,not UTF-8: \xe9\n",
    )
    s3.put_object(Bucket=source, Key="in/2.csv.gz", Body=gzip.compress(b"note,p,r\nsecond,z,9\n"))
    s3.put_object(Bucket=source, Key="other.csv", Body=b"p,r\nnever,1\n")
    started = db.import_table(
        S3BucketSource={"S3Bucket": source, "S3KeyPrefix": "in/"},
        InputFormat="CSV",
        InputCompressionType="GZIP",
        TableCreationParameters={"TableName": name, **KEYS},
    )["ImportTableDescription"]
    over = finished(db, started["ImportArn"])
    assert over["ImportStatus"] == "COMPLETED", over
    assert (over["ProcessedItemCount"], over["ImportedItemCount"], over["ErrorCount"]) == (7, 3, 4)
    assert items_of(db, name) == [
        item("a", 1, note={"S": 'one, "two"'}),
        item("a", 2),
        item("z", 9, note={"S": "second"}),
    ]
    events = server.client("logs").filter_log_events(logGroupName="/aws-dynamodb/imports")["events"]
    told = [json.loads(event["message"]) for event in events]
    assert [one["line"] for one in told if one["s3Key"] == "in/1.csv"] == [4, 5, 6, 7]
    listed = db.list_imports()["ImportSummaryList"]
    assert started["ImportArn"] in [one["ImportArn"] for one in listed]


def test_exports_and_imports_are_listed_page_by_page(server, db, recoverable, code):
    empty = bucket(server)
    arn = db.describe_table(TableName=recoverable)["Table"]["TableArn"]
    exports = [
        db.export_table_to_point_in_time(TableArn=arn, S3Bucket=empty)["ExportDescription"]
        for _ in range(3)
    ]
    imports = [
        db.import_table(
            S3BucketSource={"S3Bucket": empty, "S3KeyPrefix": "nothing"},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters={"TableName": "l" + uuid.uuid4().hex, **KEYS},
        )["ImportTableDescription"]
        for _ in range(3)
    ]

    def pages(call, size, summaries, **arguments):
        found, token = [], {}
        while True:
            page = call(**arguments, **size, **token)
            found.append(page[summaries])
            if "NextToken" not in page:
                return found
            token = {"NextToken": page["NextToken"]}

    by_two = pages(db.list_exports, {"MaxResults": 2}, "ExportSummaries", TableArn=arn)
    assert [len(page) for page in by_two] == [2, 1]
    arns = [one["ExportArn"] for page in by_two for one in page]
    assert sorted(arns) == sorted(one["ExportArn"] for one in exports)
    by_two = pages(db.list_imports, {"PageSize": 2}, "ImportSummaryList")
    arns = [one["ImportArn"] for page in by_two for one in page]
    assert all(len(page) == 2 for page in by_two[:-1]) and len(set(arns)) == len(arns)
    assert {one["ImportArn"] for one in imports} <= set(arns)
    (only,) = db.list_imports(TableArn=imports[0]["TableArn"])["ImportSummaryList"]
    assert only["ImportArn"] == imports[0]["ImportArn"]
    refused, loose = "ValidationException", server.client("dynamodb", parameter_validation=False)
    of_exports = db.list_exports(TableArn=arn, MaxResults=1)["NextToken"]
    assert re.fullmatch("([0-9a-f]{16}){7,64}", of_exports)  # what the SDKs take for imports
    for wrong in (of_exports, of_exports[:-2], "x" * 112, "61" * 56):
        assert code(loose.list_imports, NextToken=wrong) == refused, wrong
    for size in (0, 26):
        assert code(loose.list_exports, MaxResults=size) == refused
        assert code(loose.list_imports, PageSize=size) == refused
    for one in exports:
        assert exported(db, one["ExportArn"])["ExportStatus"] == "COMPLETED"
    for one in imports:
        assert finished(db, one["ImportArn"])["ImportStatus"] == "COMPLETED"


def test_an_import_that_cannot_be_done_leaves_no_table(server, db, code):
    """And until it is done nobody sees a half of it."""
    make_assumable(server, "importer")
    source = bucket(server, "import")
    server.client("s3").put_object(Bucket=source, Key="a", Body=b'{"Item": {"p": {"S": "a"}}}\n')
    table_only = {"Effect": "Allow", "Action": "dynamodb:Import*", "Resource": "*"}
    server.client("iam").put_role_policy(
        RoleName="importer",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [table_only]}),
    )
    name = "t" + uuid.uuid4().hex
    ask = lambda client, **more: client.import_table(
        **{
            "S3BucketSource": {"S3Bucket": source},
            "InputFormat": "DYNAMODB_JSON",
            "TableCreationParameters": {"TableName": name, **KEYS},
        }
        | more
    )["ImportTableDescription"]
    over = finished(db, ask(server.client("dynamodb", role="importer"))["ImportArn"])
    assert (over["ImportStatus"], over["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert code(db.describe_table, TableName=name) == "ResourceNotFoundException"
    for wrong in (
        {"InputFormat": "ION"},
        {"InputFormat": "XML"},
        {"InputCompressionType": "ZSTD"},
        {"InputFormatOptions": {"Csv": {"Delimiter": ";"}}},
        # A bucket's name goes into a path, and must not become more than that.
        {"S3BucketSource": {"S3Bucket": source + "/key?acl"}},
        {"S3BucketSource": {"S3Bucket": source + "?acl"}},
        {"S3BucketSource": {"S3Bucket": source, "S3BucketOwner": "111122223333"}},
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            ask(db, **wrong)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    db.create_table(TableName=name, **KEYS)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        ask(db)
    assert caught.value.response["Error"]["Code"] == "ResourceInUseException"


def test_what_is_done_to_a_table_meanwhile_does_not_end_its_import(server, db, code):
    source, name = bucket(server, "import"), "b" + uuid.uuid4().hex
    lines = "\n".join(json.dumps({"Item": item("a", r)}) for r in range(5000))
    server.client("s3").put_object(Bucket=source, Key="lines", Body=lines)
    started = db.import_table(
        S3BucketSource={"S3Bucket": source},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters={"TableName": name, **KEYS},
    )["ImportTableDescription"]
    refused = code(
        db.update_continuous_backups,
        TableName=name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    assert refused == "ResourceInUseException"
    assert code(db.delete_table, TableName=name) == "ResourceInUseException"
    assert code(db.get_item, TableName=name, Key=item("a", 1)) == "ResourceNotFoundException"
    status = lambda: db.describe_import(ImportArn=started["ImportArn"])["ImportTableDescription"]
    count = 0
    while status()["ImportStatus"] == "IN_PROGRESS":
        db.tag_resource(ResourceArn=started["TableArn"], Tags=[{"Key": "n", "Value": str(count)}])
        count += 1
    assert status()["ImportStatus"] == "COMPLETED" and count, status()
    assert len(items_of(db, name)) == 5000


def test_hostile_lines_spoil_no_other(server, db):
    source, name = bucket(server, "import"), "h" + uuid.uuid4().hex
    good = lambda r: json.dumps({"Item": item("a", r)}).encode()
    lines = [
        good(1),
        b"",
        b"{",
        b"null",
        b'{"Item": []}',
        b'{"Item": {"p": {"S": "a"}}}',
        b'{"Item": {"p": {"S": "a"}, "r": {"N": "x"}}}',
        b'{"Item": {"p": {"S": "a"}, "r": {"N": "1"}, "g": {"N": "1"}}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"Item": {"p": {"S": "' + b"x" * (5 << 20) + b'"}}}',
        good(2),
    ]
    server.client("s3").put_object(Bucket=source, Key="lines", Body=b"\n".join(lines))
    started = db.import_table(
        S3BucketSource={"S3Bucket": source},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters={"TableName": name, **KEYS},
    )["ImportTableDescription"]
    over = finished(db, started["ImportArn"])
    assert over["ImportStatus"] == "COMPLETED" and over["ErrorCount"] == 9, over
    assert items_of(db, name) == [item("a", 1), item("a", 2)]


def test_a_restart_goes_on_with_what_was_begun(fresh_server):
    """A restore, an export and an import that a kill cuts off are done in the end, and whole."""
    import signal

    db = fresh_server.client("dynamodb")
    db.create_table(TableName="source", **KEYS)
    earliest = enable(db, "source")["EarliestRestorableDateTime"].timestamp()
    until(lambda: time.time() > earliest)
    for batch in range(40):
        db.batch_write_item(
            RequestItems={
                "source": [
                    {"PutRequest": {"Item": item(f"{batch}", r, g={"S": "x" * 100})}}
                    for r in range(25)
                ]
            }
        )
    arn = db.describe_table(TableName="source")["Table"]["TableArn"]
    to = bucket(fresh_server)
    db.restore_table_to_point_in_time(
        SourceTableName="source", TargetTableName="target", UseLatestRestorableTime=True
    )
    export = db.export_table_to_point_in_time(TableArn=arn, S3Bucket=to)["ExportDescription"]
    fresh_server.stop(signal.SIGKILL)
    fresh_server.start()
    db = fresh_server.client("dynamodb")
    done = exported(db, export["ExportArn"])
    assert done["ExportStatus"] == "COMPLETED" and done["ItemCount"] == 1000, done
    db.get_waiter("table_exists").wait(TableName="target", WaiterConfig={"Delay": 1})
    assert items_of(db, "target") == items_of(db, "source")
    data = done["ExportManifest"].rsplit("/", 1)[0] + "/data/"
    started = db.import_table(
        S3BucketSource={"S3Bucket": to, "S3KeyPrefix": data},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={"TableName": "imported", **KEYS},
    )["ImportTableDescription"]
    fresh_server.stop(signal.SIGKILL)
    fresh_server.start()
    db = fresh_server.client("dynamodb")
    assert finished(db, started["ImportArn"])["ImportStatus"] == "COMPLETED"
    assert items_of(db, "imported") == items_of(db, "source")
    fresh_server.stop()
    assert "clean" in fresh_server.run("verify").stdout
    fresh_server.start()

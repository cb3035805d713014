# SPDX-License-Identifier: Apache-2.0
"""CloudWatch metrics over both of its protocols: boto3 as it is installed, signed JSON by hand, and
Debian's AWS CLI (query)."""
import concurrent.futures
import datetime
import gzip
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from aws_cli import forked
from functions import LOGS, make_function, make_role

UTC = datetime.timezone.utc
CLI = "/usr/bin/aws"


def ago(**how):
    return datetime.datetime.now(UTC) - datetime.timedelta(**how)


def statistics(cw, space, name, dimensions=(), period=60, **more):
    more = {"Statistics": ["SampleCount", "Sum", "Average", "Minimum", "Maximum"], **more}
    answer = cw.get_metric_statistics(
        Namespace=space,
        MetricName=name,
        Dimensions=[{"Name": n, "Value": v} for n, v in dimensions],
        StartTime=ago(hours=1),
        EndTime=ago(hours=-2),
        Period=period,
        **more,
    )
    return sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])


def eventually(read, enough):
    """What happens after an answer (logs and metrics of an invocation) is awaited, up to a
    bound."""
    deadline = time.monotonic() + 20
    while not enough(value := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert enough(value), value
    return value


def post(server, operation, body, headers=(), session=None):
    """A signed awsJson 1.0 request, whatever protocol the installed boto3 prefers. Status, headers,
    body."""
    session = session or server.session()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = botocore.awsrequest.AWSRequest(
        "POST",
        server.endpoint["endpoint"] + "/",
        data=raw,
        headers={
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "GraniteServiceVersion20100801." + operation,
            "x-amzn-query-mode": "true",
            **dict(headers),
        },
    )
    credentials = botocore.credentials.Credentials(
        session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    )
    botocore.auth.SigV4Auth(credentials, "monitoring", "us-east-1").add_auth(request)
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    try:
        with urllib.request.urlopen(
            urllib.request.Request(request.url, raw, dict(request.headers.items()), method="POST"),
            context=context,
        ) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read())


def cli(server, *arguments, check=True):
    session = server.session()
    done = subprocess.run(
        [
            forked(CLI),
            "--endpoint-url",
            server.endpoint["endpoint"],
            "--ca-bundle",
            server.endpoint["ca_file"],
            "--region",
            "us-east-1",
            "--output",
            "json",
            "cloudwatch",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_PAGER": "",
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        },
    )
    assert not check or done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}") if check else done.stderr


def test_values_counts_and_sets_become_statistics_and_percentiles(server):
    cw = server.client("cloudwatch")
    at = ago(minutes=10)
    cw.put_metric_data(
        Namespace="Store",
        MetricData=[
            {
                "MetricName": "Latency",
                "Timestamp": at,
                "Unit": "Milliseconds",
                "Values": [float(v) for v in range(1, 101)],
                "Counts": [2.0] * 100,
            },
            {"MetricName": "Latency", "Timestamp": at, "Unit": "Milliseconds", "Value": 0.5},
            {"MetricName": "Latency", "Timestamp": at, "Unit": "Seconds", "Value": 7},
            {
                "MetricName": "Set",
                "Timestamp": at,
                "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4},
            },
        ],
    )
    (point,) = statistics(
        cw, "Store", "Latency", Unit="Milliseconds", ExtendedStatistics=["p50", "p99.5"]
    )
    assert (
        point["SampleCount"],
        point["Sum"],
        point["Minimum"],
        point["Maximum"],
        point["Unit"],
    ) == (201, 10100.5, 0.5, 100, "Milliseconds")
    assert point["Timestamp"] == at.replace(second=0, microsecond=0)
    assert point["ExtendedStatistics"]["p50"] == pytest.approx(50, rel=0.01) and point[
        "ExtendedStatistics"
    ]["p99.5"] == pytest.approx(100, rel=0.01)
    assert len(statistics(cw, "Store", "Latency")) == 2  # each unit is a series of its own
    (point,) = statistics(cw, "Store", "Set", ExtendedStatistics=["p50"])
    assert (
        point["Average"] == 2.5 and "ExtendedStatistics" not in point
    )  # nobody knows the percentiles of a set


def test_a_metric_is_its_exact_set_of_dimensions(server):
    cw = server.client("cloudwatch")
    d = lambda **pairs: [{"Name": k, "Value": v} for k, v in pairs.items()]
    for dimensions, value in ((d(A="1", B="2"), 1), (d(B="2", A="1"), 2), (d(A="1"), 4), ([], 8)):
        cw.put_metric_data(
            Namespace="Exact",
            MetricData=[{"MetricName": "M", "Dimensions": dimensions, "Value": value}],
        )
    for dimensions, total in (
        ([("B", "2"), ("A", "1")], 3),
        ([("A", "1")], 4),
        ([], 8),
        ([("B", "2")], 0),
    ):
        assert sum(point["Sum"] for point in statistics(cw, "Exact", "M", dimensions)) == total
    listed = cw.list_metrics(Namespace="Exact", Dimensions=[{"Name": "B"}])["Metrics"]
    assert len(listed) == 1 and {x["Name"]: x["Value"] for x in listed[0]["Dimensions"]} == {
        "A": "1",
        "B": "2",
    }
    assert (
        len(cw.list_metrics(Namespace="Exact", MetricName="M", RecentlyActive="PT3H")["Metrics"])
        == 3
    )
    assert (
        cw.list_metrics(Namespace="Exact", Dimensions=[{"Name": "A", "Value": "9"}])["Metrics"]
        == []
    )


def test_high_resolution_is_kept_by_the_second(server):
    cw = server.client("cloudwatch")
    base = ago(minutes=5).replace(second=0, microsecond=0)
    cw.put_metric_data(
        Namespace="Fine",
        MetricData=[
            {
                "MetricName": "M",
                "Timestamp": base + datetime.timedelta(seconds=s),
                "Value": s,
                "StorageResolution": r,
            }
            for s in (3, 4, 12)
            for r in (1,)
        ]
        + [{"MetricName": "Coarse", "Timestamp": base + datetime.timedelta(seconds=3), "Value": 3}],
    )
    ask = dict(
        Namespace="Fine",
        StartTime=base,
        EndTime=base + datetime.timedelta(minutes=1),
        Statistics=["Sum"],
    )
    assert sorted(
        (p["Timestamp"].second, p["Sum"])
        for p in cw.get_metric_statistics(MetricName="M", Period=10, **ask)["Datapoints"]
    ) == [(0, 7), (10, 12)]
    assert [
        p["Sum"] for p in cw.get_metric_statistics(MetricName="M", Period=60, **ask)["Datapoints"]
    ] == [19]
    assert cw.get_metric_statistics(MetricName="Coarse", Period=10, **ask)["Datapoints"] == []
    assert [
        p["Sum"]
        for p in cw.get_metric_statistics(MetricName="Coarse", Period=60, **ask)["Datapoints"]
    ] == [3]


def test_get_metric_data_computes_and_pages(server):
    cw = server.client("cloudwatch")
    base = ago(minutes=30).replace(second=0, microsecond=0)
    minutes = [base + datetime.timedelta(minutes=m) for m in range(10)]
    cw.put_metric_data(
        Namespace="Math",
        MetricData=[
            {"MetricName": name, "Timestamp": t, "Value": value * (i + 1)}
            for i, t in enumerate(minutes)
            for name, value in (("Errors", 1), ("Calls", 4))
        ],
    )
    stat = lambda name, statistic="Sum": {
        "Metric": {"Namespace": "Math", "MetricName": name},
        "Period": 60,
        "Stat": statistic,
    }
    ask = dict(
        StartTime=base,
        EndTime=base + datetime.timedelta(minutes=10),
        MetricDataQueries=[
            {"Id": "rate", "Expression": "100 * errors / calls", "Label": "Error rate"},
            {"Id": "errors", "MetricStat": stat("Errors")},
            {"Id": "calls", "MetricStat": stat("Calls", "p90"), "ReturnData": False},
        ],
    )
    whole = cw.get_metric_data(**ask)
    assert [(r["Id"], r["Label"], r["StatusCode"]) for r in whole["MetricDataResults"]] == [
        ("rate", "Error rate", "Complete"),
        ("errors", "Errors", "Complete"),
    ]
    assert whole["MetricDataResults"][0]["Values"] == [25.0] * 10
    assert whole["MetricDataResults"][1]["Timestamps"] == minutes[::-1]  # newest first
    for order in ("TimestampAscending", "TimestampDescending"):
        seen, pages, token = {}, 0, {}
        while True:
            page = cw.get_metric_data(ScanBy=order, MaxDatapoints=3, **ask, **token)
            pages += 1
            for result in page["MetricDataResults"]:
                seen.setdefault(result["Id"], []).extend(
                    zip(result["Timestamps"], result["Values"])
                )
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert pages == 7 and [v for _, v in seen["errors"]] == (
            list(range(1, 11)) if order == "TimestampAscending" else list(range(10, 0, -1))
        )
        assert len(seen["rate"]) == 10


def test_the_limits_of_putting(server, code):
    cw = server.client("cloudwatch")
    put = lambda space="L", count=1, **datum: cw.put_metric_data(
        Namespace=space,
        MetricData=[
            {
                "MetricName": "M",
                **({} if {"Values", "StatisticValues"} & set(datum) else {"Value": 1}),
                **datum,
            }
        ]
        * count,
    )
    refused = lambda **what: code(put, **what)
    dimensions = lambda n: [{"Name": f"d{i}", "Value": "v"} for i in range(n)]
    put(count=1000), put(Dimensions=dimensions(30)), put(Values=[1.0] * 150), put(
        Value=2.0**360
    ), put(Value=-(2.0**360))
    put(Timestamp=ago(days=13, hours=23)), put(Timestamp=ago(hours=-1, minutes=-59)), put(
        MetricName="m" * 255
    ), put(space="n" * 255), put(space="AWSome/x"), put(StorageResolution=1)
    bad = "InvalidParameterValue"
    assert (
        refused(count=1001)
        == refused(Dimensions=dimensions(31))
        == refused(Values=[1.0] * 151)
        == refused(Value=2.0**361)
        == bad
    )
    assert (
        refused(Value=float("nan"))
        == refused(Value=float("inf"))
        == refused(Timestamp=ago(days=14, minutes=1))
        == refused(Timestamp=ago(hours=-2, minutes=-1))
        == bad
    )
    assert (
        refused(MetricName="m" * 256)
        == refused(space="n" * 256)
        == refused(space="AWS/Lambda")
        == refused(space=":x")
        == refused(StorageResolution=5)
        == bad
    )
    assert (
        refused(Values=[1.0, 2.0], Counts=[1.0])
        == refused(Values=[1.0], Counts=[0.0])
        == refused(Unit="Fathoms")
        == bad
    )
    assert (
        refused(Dimensions=[{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}])
        == refused(Dimensions=[{"Name": "a", "Value": " "}])
        == bad
    )
    assert (
        refused(StatisticValues={"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1})
        == refused(StatisticValues={"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1})
        == bad
    )
    assert refused(Value=1.0, Values=[1.0]) == "InvalidParameterCombination"


def test_the_limits_of_reading(server, code):
    cw = server.client("cloudwatch")

    def ask(minutes=60, period=60, **more):
        end = ago()
        given = {
            "Namespace": "L",
            "MetricName": "M",
            "StartTime": end - datetime.timedelta(minutes=minutes),
            "EndTime": end,
            "Period": period,
            "Statistics": ["Sum"],
            **more,
        }
        return cw.get_metric_statistics(
            **{name: value for name, value in given.items() if value is not None}
        )

    ask(minutes=1440), ask(period=5), ask(Statistics=None, ExtendedStatistics=["p100", "p0.01"])
    assert code(ask, minutes=1441) == "InvalidParameterCombination"
    assert (
        code(ask, period=90)
        == code(ask, period=2)
        == code(ask, Statistics=["Median"])
        == code(ask, Statistics=None, ExtendedStatistics=["tm90"])
        == code(ask, ExtendedStatistics=["p101"])
        == "InvalidParameterValue"
    )
    assert (
        code(ask, minutes=-1) == "InvalidParameterValue"
        and code(ask, Statistics=None) == "MissingParameter"
    )
    stat = {"Metric": {"Namespace": "L", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}

    def data(queries, **more):
        return cw.get_metric_data(
            **{"MetricDataQueries": queries, "StartTime": ago(hours=1), "EndTime": ago(), **more}
        )

    data([{"Id": f"m{i}", "MetricStat": stat} for i in range(500)])
    for wrong in (
        [{"Id": f"m{i}", "MetricStat": stat} for i in range(501)],
        [{"Id": "M", "MetricStat": stat}],
        [{"Id": "m", "MetricStat": stat}] * 2,
        [{"Id": "m"}],
        [{"Id": "m", "MetricStat": stat, "ReturnData": False}],
        [{"Id": "a", "Expression": "b + 1"}, {"Id": "b", "Expression": "a + 1"}],
        [{"Id": "e", "Expression": "SEARCH('{AWS/Lambda} x', 'Sum')"}],
    ):
        assert code(data, queries=wrong) == "ValidationError"
    assert (
        code(data, queries=[{"Id": "m", "MetricStat": stat}], MaxDatapoints=100801)
        == "ValidationError"
    )
    assert (
        code(data, queries=[{"Id": "m", "MetricStat": stat}], NextToken="bm9uZQ")
        == code(cw.list_metrics, NextToken="!")
        == "InvalidNextToken"
    )


def test_listing_pages_by_five_hundred(server):
    cw = server.client("cloudwatch")
    cw.put_metric_data(
        Namespace="Many",
        MetricData=[
            {"MetricName": "M", "Dimensions": [{"Name": "I", "Value": str(i)}], "Value": 1}
            for i in range(501)
        ],
    )
    first = cw.list_metrics(Namespace="Many")
    assert len(first["Metrics"]) == 500
    assert len(cw.list_metrics(Namespace="Many", NextToken=first["NextToken"])["Metrics"]) == 1


def test_the_json_protocol_with_its_query_error_header(server):
    at = time.time() - 120
    status, headers, body = post(
        server,
        "PutMetricData",
        {"Namespace": "Json", "MetricData": [{"MetricName": "M", "Value": 5, "Timestamp": at}]},
    )
    assert (status, body, headers["content-type"]) == (200, {}, "application/x-amz-json-1.0")
    _, _, body = post(
        server,
        "GetMetricStatistics",
        {
            "Namespace": "Json",
            "MetricName": "M",
            "StartTime": at - 60,
            "EndTime": at + 60,
            "Period": 60,
            "Statistics": ["Sum"],
            "ExtendedStatistics": ["p50"],
        },
    )
    assert body["Datapoints"] == [
        {
            "Timestamp": int(at // 60 * 60),
            "Sum": 5,
            "ExtendedStatistics": {"p50": 5},
            "Unit": "None",
        }
    ]
    status, headers, body = post(
        server,
        "PutMetricData",
        {"Namespace": "AWS/x", "MetricData": [{"MetricName": "M", "Value": 5}]},
    )
    assert (status, headers["x-amzn-query-error"]) == (
        400,
        "InvalidParameterValue;Sender",
    ) and body["__type"].endswith("#InvalidParameterValueException")
    status, _, body = post(
        server,
        "PutMetricData",
        {"Namespace": "Json", "MetricData": [{"MetricName": "M", "Value": "5"}]},
    )
    assert (status, body["__type"].split("#")[-1]) == (400, "SerializationException")
    for later in ("PutMetricAlarm", "DescribeAlarms", "PutDashboard"):
        assert post(server, later, {})[2]["__type"].endswith("UnknownOperationException")


def test_a_packed_body_is_unpacked_up_to_its_limit(server):
    packed = {"Content-Encoding": "gzip"}
    put = lambda values: json.dumps(
        {"Namespace": "Packed", "MetricData": [{"MetricName": "M", "Values": values}]}
    ).encode()
    assert post(server, "PutMetricData", gzip.compress(put([1] * 100)), packed)[0] == 200
    (point,) = statistics(server.client("cloudwatch"), "Packed", "M", period=7200)
    assert point["SampleCount"] == 100
    room = put([1])[:-1]
    assert (
        post(
            server,
            "PutMetricData",
            gzip.compress(room + b" " * ((1 << 20) - len(room) - 1) + b"}"),
            packed,
        )[0]
        == 200
    )
    assert (
        post(
            server,
            "PutMetricData",
            gzip.compress(room + b" " * ((1 << 20) - len(room)) + b"}"),
            packed,
        )[0]
        == 413
    )
    assert (
        post(server, "PutMetricData", gzip.compress(b" " * (100 << 20), 9), packed)[0] == 413
    )  # 100 MB in 100 KB
    assert post(server, "PutMetricData", gzip.compress(put([1]))[:-9], packed)[0] == 400
    assert post(server, "PutMetricData", b"no gzip", packed)[0] == 400
    (point,) = statistics(server.client("cloudwatch"), "Packed", "M", period=7200)
    assert point["SampleCount"] == 101


def test_the_command_line_of_debian_speaks_the_query_protocol(server):
    cli(
        server,
        "put-metric-data",
        "--namespace",
        "Cli",
        "--metric-name",
        "M",
        "--value",
        "2.5",
        "--unit",
        "Count",
        "--dimensions",
        "Host=a,Disk=<b>",
    )
    cli(
        server,
        "put-metric-data",
        "--namespace",
        "Cli",
        "--metric-data",
        json.dumps(
            [
                {
                    "MetricName": "M",
                    "Values": [1, 2],
                    "Counts": [3, 1],
                    "Dimensions": [
                        {"Name": "Disk", "Value": "<b>"},
                        {"Name": "Host", "Value": "a"},
                    ],
                    "Unit": "Count",
                }
            ]
        ),
    )
    times = [
        "--start-time",
        ago(hours=1).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "--end-time",
        ago(hours=-1).strftime("%Y-%m-%dT%H:%M:%SZ"),
    ]
    points = cli(
        server,
        "get-metric-statistics",
        "--namespace",
        "Cli",
        "--metric-name",
        "M",
        "--dimensions",
        "Name=Disk,Value=<b>",
        "Name=Host,Value=a",
        "--period",
        "7200",
        "--statistics",
        "Sum",
        "SampleCount",
        "--extended-statistics",
        "p50",
        *times,
    )["Datapoints"]
    assert (
        sum(p["Sum"] for p in points) == 7.5
        and sum(p["SampleCount"] for p in points) == 5
        and points[0]["ExtendedStatistics"]["p50"] > 0
    )
    (metric,) = cli(server, "list-metrics", "--namespace", "Cli")["Metrics"]
    assert {d["Name"]: d["Value"] for d in metric["Dimensions"]} == {"Host": "a", "Disk": "<b>"}
    query = [
        {
            "Id": "m",
            "MetricStat": {"Metric": metric, "Period": 7200, "Stat": "Sum"},
            "ReturnData": False,
        },
        {"Id": "e", "Expression": "m * 2"},
    ]
    (result,) = cli(server, "get-metric-data", "--metric-data-queries", json.dumps(query), *times)[
        "MetricDataResults"
    ]
    assert sum(result["Values"]) == 15 and len(result["Timestamps"]) == len(result["Values"])
    assert "(InvalidParameterValue)" in cli(
        server,
        "put-metric-data",
        "--namespace",
        "AWS/Cli",
        "--metric-name",
        "M",
        "--value",
        "1",
        check=False,
    )
    assert "(InvalidAction)" in cli(server, "describe-alarms", check=False)


def test_a_client_that_speaks_cbor_is_told_so(server):
    session = server.session()
    request = botocore.awsrequest.AWSRequest(
        "POST",
        server.endpoint["endpoint"]
        + "/service/GraniteServiceVersion20100801/operation/ListMetrics",
        data=b"\xa0",
        headers={"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
    )
    botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(
            session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
        ),
        "monitoring",
        "us-east-1",
    ).add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(
            urllib.request.Request(request.url, b"\xa0", dict(request.headers.items())),
            context=ssl.create_default_context(cafile=server.endpoint["ca_file"]),
        )
    assert caught.value.code == 400 and b"rpc-v2-cbor" in caught.value.read()


def test_a_namespace_can_be_all_that_a_role_may_touch(server):
    iam = server.client("iam")
    operator = iam.get_role(RoleName="sluice-operator")["Role"]["Arn"]
    role = iam.create_role(
        RoleName="meter",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": operator}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="meter",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "cloudwatch:*",
                        "Resource": "*",
                        "Condition": {"StringEquals": {"cloudwatch:namespace": "Mine"}},
                    }
                ],
            }
        ),
    )
    cw = server.client("cloudwatch", role="meter")
    datum = [{"MetricName": "M", "Value": 1}]
    cw.put_metric_data(Namespace="Mine", MetricData=datum)
    stat = lambda i, space: {
        "Id": f"m{i}",
        "MetricStat": {
            "Metric": {"Namespace": space, "MetricName": "M"},
            "Period": 60,
            "Stat": "Sum",
        },
    }
    times = dict(StartTime=ago(hours=1), EndTime=ago(hours=-1))
    assert cw.get_metric_data(MetricDataQueries=[stat(0, "Mine")], **times)["MetricDataResults"][0][
        "Values"
    ] == [1]
    for call in (
        lambda: cw.put_metric_data(Namespace="Theirs", MetricData=datum),
        lambda: cw.list_metrics(),
        lambda: cw.get_metric_data(MetricDataQueries=[stat(0, "Mine"), stat(1, "Theirs")], **times),
        lambda: cw.get_metric_statistics(
            Namespace="Theirs", MetricName="M", Period=60, Statistics=["Sum"], **times
        ),
    ):
        with pytest.raises(cw.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] in (
            "AccessDenied",
            "AccessDeniedException",
        )  # of the query protocol, of JSON
    assert statistics(server.client("cloudwatch"), "Theirs", "M") == []
    names = [
        json.loads(e["CloudTrailEvent"])
        for e in server.client("cloudtrail").lookup_events(
            LookupAttributes=[
                {"AttributeKey": "EventSource", "AttributeValue": "monitoring.amazonaws.com"}
            ]
        )["Events"]
    ]
    assert {"ListMetrics", "GetMetricStatistics"} <= (
        seen := {
            e["eventName"]
            for e in names
            if e.get("errorCode") not in ("SerializationException", "RequestEntityTooLarge")
        }
    ) and not {
        "PutMetricData",
        "GetMetricData",
    } & seen  # what reads and writes data is no management event


def test_an_invocation_counts_and_a_line_of_a_log_can_be_a_metric(server):
    role = make_role(server, "counted", LOGS)
    make_function(server, "counted", role)
    fn = server.client("lambda")
    for event in ({"do": "echo"}, {"do": "fail"}, {"do": "metric"}):
        fn.invoke(FunctionName="counted", Payload=json.dumps(event))
    cw = server.client("cloudwatch")
    total = lambda name, dimensions, field="Sum": sum(
        point[field] for point in statistics(cw, "AWS/Lambda", name, dimensions)
    )
    for dimensions in (
        [],
        [("FunctionName", "counted")],
        [("FunctionName", "counted"), ("Resource", "counted")],
    ):
        eventually(lambda: total("Invocations", dimensions), lambda n: n == 3)
        assert total("Errors", dimensions) == 1 and total("Errors", dimensions, "SampleCount") == 3
        assert total("Duration", dimensions, "Maximum") > 0
    (eggs,) = eventually(
        lambda: statistics(cw, "Test/Emf", "Eggs", [("Kind", "brown")]),
        lambda points: len(points) == 1,
    )
    assert (eggs["Sum"], eggs["Unit"]) == (12, "Count")
    logs = server.client("logs")
    logs.create_log_group(logGroupName="emf")
    logs.create_log_stream(logGroupName="emf", logStreamName="s")
    at = int(time.time() * 1000)
    line = lambda space, **values: {
        "timestamp": at,
        "message": json.dumps(
            {
                "_aws": {
                    "Timestamp": at,
                    "CloudWatchMetrics": [
                        {
                            "Namespace": space,
                            "Dimensions": [["K"], [], ["K"]],
                            "Metrics": [{"Name": "V", "StorageResolution": 1}],
                        }
                    ],
                },
                **values,
            }
        ),
    }
    logs.put_log_events(
        logGroupName="emf",
        logStreamName="s",
        logEvents=[line("Emf", K="k", V=[1, 2, 3]), line("AWS/Emf", K="k", V=1), line("Emf", V=10)],
    )
    assert [
        (p["Sum"], p["SampleCount"]) for p in statistics(cw, "Emf", "V", [("K", "k")], period=7200)
    ] == [(6, 3)]
    assert sum(p["Sum"] for p in statistics(cw, "Emf", "V", period=7200)) == 16
    assert cw.list_metrics(Namespace="AWS/Emf")["Metrics"] == []


def test_racing_writers_lose_nothing_and_a_restart_keeps_it(fresh_server):
    session = fresh_server.session()
    at = ago(minutes=1)

    def write(_):
        cw = fresh_server.client("cloudwatch", session=session)
        for _ in range(25):
            cw.put_metric_data(
                Namespace="Race", MetricData=[{"MetricName": "M", "Timestamp": at, "Value": 1}]
            )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    (point,) = statistics(fresh_server.client("cloudwatch"), "Race", "M")
    assert point["SampleCount"] == point["Sum"] == 200
    assert fresh_server.stop() == 0
    fresh_server.start()
    cw = fresh_server.client("cloudwatch")
    (point,) = statistics(cw, "Race", "M")
    assert point["SampleCount"] == point["Sum"] == 200
    assert len(cw.list_metrics(Namespace="Race")["Metrics"]) == 1

# SPDX-License-Identifier: Apache-2.0
"""Browsers: what a page of another origin may do with a bucket, and what a preflight tells a
stranger."""
import http.client
import ssl
import urllib.parse

import pytest

RULES = {
    "CORSRules": [
        {
            "ID": "app",
            "AllowedOrigins": ["https://*.example.com"],
            "AllowedMethods": ["PUT", "GET"],
            "AllowedHeaders": ["x-amz-*", "content-type"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 300,
        },
        {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
    ]
}


@pytest.fixture(scope="module")
def s3(server):
    s3 = server.client("s3")
    for bucket in ("shared", "closed"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_cors(Bucket="shared", CORSConfiguration=RULES)
    return s3


def ask(server, method, target, **headers):
    at = urllib.parse.urlsplit(server.endpoint["endpoint"])
    connection = http.client.HTTPSConnection(
        at.hostname, at.port, context=ssl.create_default_context(cafile=server.endpoint["ca_file"])
    )
    connection.request(
        method, target, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def preflight(
    server,
    target="/shared/key",
    origin="https://app.example.com",
    method="PUT",
    headers="content-type,x-amz-date",
):
    return ask(
        server,
        "OPTIONS",
        target,
        Origin=origin,
        Access_Control_Request_Method=method,
        Access_Control_Request_Headers=headers,
    )


def test_the_rules_come_back_as_they_were_put(s3, code):
    assert s3.get_bucket_cors(Bucket="shared")["CORSRules"] == [
        {
            "AllowedHeaders": ["x-amz-*", "content-type"],
            "AllowedMethods": ["PUT", "GET"],
            "AllowedOrigins": ["https://*.example.com"],
            "ExposeHeaders": ["ETag"],
            "ID": "app",
            "MaxAgeSeconds": 300,
        },
        {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["*"]},
    ]
    assert code(s3.get_bucket_cors, Bucket="closed") == "NoSuchCORSConfiguration"
    s3.put_bucket_cors(Bucket="closed", CORSConfiguration=RULES)
    s3.delete_bucket_cors(Bucket="closed")
    assert code(s3.get_bucket_cors, Bucket="closed") == "NoSuchCORSConfiguration"


@pytest.mark.parametrize(
    "change",
    [
        {"AllowedMethods": ["PATCH"]},
        {"AllowedOrigins": ["*.*.com"]},
        {"AllowedHeaders": ["*-*"]},
        {"ExposeHeaders": ["x-*"]},
        {"ID": "x" * 256},
    ],
)
def test_a_rule_that_S3_refuses_is_refused(s3, code, change):
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]} | change
    assert (
        code(s3.put_bucket_cors, Bucket="closed", CORSConfiguration={"CORSRules": [rule]})
        == "InvalidRequest"
    )


def test_a_hundred_rules_are_taken_and_one_more_is_not(s3, code):
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://one.example.com"]}
    s3.put_bucket_cors(Bucket="closed", CORSConfiguration={"CORSRules": [rule] * 100})
    assert (
        code(s3.put_bucket_cors, Bucket="closed", CORSConfiguration={"CORSRules": [rule] * 101})
        == "InvalidRequest"
    )
    s3.delete_bucket_cors(Bucket="closed")


def test_a_preflight_needs_no_session_and_says_what_the_first_rule_allows(server, s3):
    status, headers, body = preflight(server)
    assert (status, body) == (200, "")
    assert headers["access-control-allow-origin"] == "https://app.example.com"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-allow-methods"] == "PUT, GET"
    assert headers["access-control-allow-headers"] == "content-type, x-amz-date"
    assert headers["access-control-expose-headers"] == "ETag"
    assert headers["access-control-max-age"] == "300"
    assert "Origin" in headers["vary"]
    status, headers, _ = preflight(
        server, origin="https://elsewhere.test", method="HEAD", headers=""
    )
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://example.com.evil.test"},
        {"method": "DELETE"},
        {"headers": "authorization"},
    ],
)
def test_a_preflight_that_no_rule_allows_is_refused(server, s3, change):
    status, headers, body = preflight(server, **change)
    assert (
        status == 403
        and "<Code>AccessForbidden</Code>" in body
        and "access-control-allow-origin" not in headers
    )


def test_a_preflight_does_not_tell_whether_a_bucket_exists(server, s3):
    def without_ids(answer):
        return answer[0], answer[2].split("<RequestId>")[0].replace("absent", "closed")

    assert without_ids(preflight(server, "/closed/key")) == without_ids(
        preflight(server, "/absent/key")
    )


def test_a_preflight_without_its_headers_is_a_bad_request(server, s3):
    assert ask(server, "OPTIONS", "/shared/key")[0] == 400
    status, _, body = ask(server, "OPTIONS", "/shared/key", Origin="https://app.example.com")
    assert status == 400 and "Access-Control-Request-Method" in body


def test_answers_carry_the_headers_with_which_a_page_may_read_them(server, s3):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "shared", "Key": "from-a-page"})
    target = url[len(server.endpoint["endpoint"]) :]
    at = urllib.parse.urlsplit(server.endpoint["endpoint"])
    connection = http.client.HTTPSConnection(
        at.hostname, at.port, context=ssl.create_default_context(cafile=server.endpoint["ca_file"])
    )
    connection.request("PUT", target, body=b"x", headers={"Origin": "https://app.example.com"})
    answer = connection.getresponse()
    answer.read()
    assert (
        answer.status == 200
        and answer.getheader("access-control-allow-origin") == "https://app.example.com"
    )
    refused = ask(
        server, "GET", "/shared/from-a-page", Origin="https://app.example.com"
    )  # unsigned: a page may read why
    assert (
        refused[0] == 403 and refused[1]["access-control-allow-origin"] == "https://app.example.com"
    )
    other = ask(server, "GET", "/shared/from-a-page", Origin="https://elsewhere.test")
    assert other[0] == 403 and "access-control-allow-origin" not in other[1]

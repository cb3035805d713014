# SPDX-License-Identifier: Apache-2.0
"""Requests as bytes: what botocore would send for an operation, changed, signed anew and sent
without its help."""
import base64
import dataclasses
import hashlib
import hmac
import http.client
import json
import re
import ssl
import time
import urllib.parse

SIGNED_BY = {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}


@dataclasses.dataclass
class Call:
    """One request before it is signed."""

    service: str
    method: str
    target: str
    headers: dict
    body: bytes


class Captured(Exception):
    pass


def capture(client, operation, arguments):
    """The request that `client` would send."""

    def stop(request, **_):
        raise Captured(request)

    client.meta.events.register("before-send.*.*", stop)
    method = next(
        python for python, name in client.meta.method_to_api_mapping.items() if name == operation
    )
    try:
        getattr(client, method)(**arguments)
    except Captured as held:
        request = held.args[0]
    finally:
        client.meta.events.unregister("before-send.*.*", stop)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    if "aws-chunked" in headers.get(
        "content-encoding", ""
    ):  # botocore's trailing checksum: sent plainly here
        body = body[body.index(b"\r\n") + 2 :].split(b"\r\n0\r\n")[0]
        for name in (
            "content-encoding",
            "x-amz-trailer",
            "x-amz-decoded-content-length",
            "transfer-encoding",
            "x-amz-sdk-checksum-algorithm",
        ):
            headers.pop(name, None)
    url = urllib.parse.urlsplit(request.url)
    service = client.meta.service_model.signing_name
    kept = {
        name: value
        for name, value in headers.items()
        if name not in SIGNED_BY | {"content-length", "expect", "user-agent"}
    }
    return Call(
        service,
        request.method,
        url.path + ("?" + url.query if url.query else ""),
        kept,
        body.encode() if isinstance(body, str) else bytes(body),
    )


def as_json(call, target, arguments):
    return dataclasses.replace(
        call,
        headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": target},
        body=json.dumps(arguments).encode(),
    )


def dynamodb(operation, arguments, **headers):
    """A call of DynamoDB that no SDK has checked, or knows."""
    call = Call("dynamodb", "POST", "/", {}, b"")
    call = as_json(call, f"DynamoDB_20120810.{operation}", arguments)
    call.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return call


def as_query(call, operation, version, arguments):
    """The same request in the query protocol: AWS's two ways to ask CloudWatch."""
    fields = {"Action": operation, "Version": version}

    def add(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{name}.{key}" if name else key, inner)
        elif isinstance(value, list):
            for number, inner in enumerate(value, 1):
                add(f"{name}.member.{number}", inner)
        else:
            fields[name] = (
                time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value))
                if name.endswith("Time")
                else str(value)
            )

    add("", arguments)
    return dataclasses.replace(
        call,
        headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        body=urllib.parse.urlencode(fields).encode(),
    )


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = (
            response.status,
            {k.lower(): v for k, v in response.getheaders()},
            response.read(),
        )
        self.request_id = self.headers.get("x-amzn-requestid") or self.headers.get(
            "x-amz-request-id"
        )

    @property
    def code(self):
        """The error code, from wherever this protocol puts it."""
        if "x-amzn-errortype" in self.headers:
            return self.headers["x-amzn-errortype"]
        if self.body.startswith(b"{"):
            return json.loads(self.body).get("__type", "").rsplit("#", 1)[-1]
        found = re.search(rb"<Code>(.*?)</Code>", self.body)
        return found[1].decode() if found else ""

    def __repr__(self):
        return f"{self.status} {self.code or self.body[:60]!r}"


class Wire:
    def __init__(self, server, plain=False):
        self.server = server
        self.netloc = urllib.parse.urlsplit(
            server.endpoint["http_endpoint" if plain else "endpoint"]
        ).netloc
        self.context = (
            None if plain else ssl.create_default_context(cafile=server.endpoint["ca_file"])
        )
        self.strangers = 0

    def sign(self, call, session, payload=None, late_s=0, **scope_parts):
        """The headers of `call`, signed as `session`. `payload`: what stands for the body's digest;
        `scope_parts`: date, region, service or terminator other than they should be."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + late_s))
        payload = payload or hashlib.sha256(call.body).hexdigest()
        headers = call.headers | {
            "host": self.netloc,
            "x-amz-date": moment,
            "x-amz-security-token": session["SessionToken"],
        }
        if call.service == "s3":
            headers["x-amz-content-sha256"] = payload
        path, _, query = call.target.partition("?")
        pairs = sorted(
            tuple(urllib.parse.quote(text, safe="-_.~") for text in pair)
            for pair in urllib.parse.parse_qsl(query, keep_blank_values=True)
        )
        names = ";".join(sorted(headers))
        canonical = "\n".join(
            [
                call.method,
                path if call.service == "s3" else urllib.parse.quote(path, safe="/-_.~"),
                "&".join("=".join(pair) for pair in pairs),
                *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
                "",
                names,
                payload,
            ]
        )
        scope = "/".join(
            (
                {
                    "date": moment[:8],
                    "region": "us-east-1",
                    "service": call.service,
                    "terminator": "aws4_request",
                }
                | scope_parts
            ).values()
        )
        key = b"AWS4" + session["SecretAccessKey"].encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        digest = hashlib.sha256(
            canonical.encode("latin-1")
        ).hexdigest()  # the bytes that http.client sends
        signature = hmac.new(
            key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), "sha256"
        ).hexdigest()
        return headers | {
            "authorization": (
                f"AWS4-HMAC-SHA256 Credential={session['AccessKeyId']}/{scope}, "
                f"SignedHeaders={names}, Signature={signature}"
            )
        }

    def connect(self, source=None):
        host, port = self.netloc.rsplit(":", 1)
        if not self.context:
            return http.client.HTTPConnection(host, int(port), timeout=60, source_address=source)
        return http.client.HTTPSConnection(
            host, int(port), context=self.context, timeout=60, source_address=source
        )

    def send(self, call, headers, stranger=False, body=None, chunked=False, connection=None):
        """Sends `call` with these headers as they are. A stranger comes from an address of its own:
        the audit records ten failures a minute of each."""
        source = None
        if stranger:
            self.strangers += 1
            source = (f"127.1.{self.strangers // 250}.{self.strangers % 250 + 1}", 0)
        own = connection is None
        if own:
            connection = self.connect(source)
        sent = call.body if body is None else body
        if (
            not chunked
            and "content-length" not in headers
            and (sent or call.method in ("POST", "PUT"))
        ):
            headers = headers | {"content-length": str(len(sent))}
        connection.putrequest(
            call.method, call.target, skip_host="host" in headers, skip_accept_encoding=True
        )
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders([sent] if chunked else sent or None, encode_chunked=chunked)
        answer = Answer(connection.getresponse())
        if own:
            connection.close()
        return answer

    def ask(self, call, session):
        return self.send(call, self.sign(call, session))


def with_md5(headers, body):
    """The headers with the body's digest instead of the checksums they had."""
    kept = {
        name: value
        for name, value in headers.items()
        if not name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "content-md5"))
    }
    return kept | {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}

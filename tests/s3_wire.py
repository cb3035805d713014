# SPDX-License-Identifier: Apache-2.0
"""S3 requests made by hand: what no client library would send, signed as it must be."""
import base64
import hashlib
import xml.etree.ElementTree

import wire


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


class Wire:
    """Calls of one session. `path` and `query` are percent-encoded, as they go over the wire."""

    def __init__(self, server, role=None):
        self.session, self.wires = server.session(role), {
            secure: wire.Wire(server, plain=not secure) for secure in (True, False)
        }

    def call(
        self,
        method,
        path,
        query="",
        body=b"",
        headers=None,
        region="us-east-1",
        content_sha256=None,
        secure=True,
    ):
        one = wire.Call(
            "s3",
            method,
            path + ("?" + query if query else ""),
            {name.lower(): value for name, value in (headers or {}).items()},
            body,
        )
        over = self.wires[secure]
        return over.send(one, over.sign(one, self.session, content_sha256, region=region))

    def put_document(self, path, query, body):
        body = body.encode() if isinstance(body, str) else body
        return self.call("PUT", path, query, body, {"content-md5": md5(body)})


def document(answer):
    """The XML of an answer, without its namespace."""
    root = xml.etree.ElementTree.fromstring(answer.body)
    for node in root.iter():
        node.tag = node.tag.split("}")[-1]
    return root


def trailer_body(data, name="x-amz-checksum-crc32", value="", chunk=65536):
    """aws-chunked with an unsigned trailer."""
    out = b"".join(
        b"%x\r\n%s\r\n" % (len(data[i : i + chunk]), data[i : i + chunk])
        for i in range(0, len(data), chunk)
    )
    return out + b"0\r\n" + f"{name}:{value}\r\n\r\n".encode()

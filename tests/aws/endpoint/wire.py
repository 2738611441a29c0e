"""Requests as a client signs them, sent by hand: what comes back is all that is looked at."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

INVOKE = "/2015-03-31/functions/{}/invocations"


@dataclass(frozen=True)
class Came:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


def signed_headers(
    server: Any, service: str, method: str, path: str, body: bytes = b"", **headers: str
) -> dict[str, str]:
    """The headers of a signed request; ``x_amz_target`` stands for x-amz-target."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = AWSRequest(method, server.url + path, data=body, headers=told)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(server.access_key, server.secret_key), service, server.region).add_auth(
        asked
    )
    return dict(asked.headers.items())


def send(
    server: Any, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Came:
    """Send a request, and read what comes back."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Came(answer.status, found, answer.read())
    finally:
        connection.close()


def ask(
    server: Any, service: str, method: str, path: str, body: bytes = b"", **headers: str
) -> Came:
    """Sign a request and send it."""
    told = signed_headers(server, service, method, path, body, **headers)
    return send(server, method, path, body, told)


def raw(server: Any, data: bytes, *, wait: float = 20) -> bytes:
    """Send bytes, and read until the server hangs up."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(data)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def is_alive(server: Any) -> bool:
    """Whether the server still answers who may ask."""
    return ask(server, "lambda", "POST", INVOKE.format("bill"), b"{}").status == 200

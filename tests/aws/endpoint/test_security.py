"""What a server must not let happen: every attack is refused, and the server answers afterwards."""

from __future__ import annotations

import datetime as dt
import io
import json
import socket
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from botocore.config import Config
from botocore.exceptions import ClientError

import lambdalab as ll
from lambdalab.aws.endpoint import running
from tests.aws.endpoint.wire import INVOKE, Came, ask, is_alive, raw, send, signed_headers

PATH = INVOKE.format("bill")
QUICK = {
    "endpoint_body_time": 0.2, "endpoint_head_time": 0.2, "endpoint_idle_time": 0.2,
    "endpoint_body": 2_000, "endpoint_lambda_body": 20_000, "endpoint_s3_body": 20_000,
    "endpoint_requests": 4,
}  # fmt: skip


@pytest.fixture(autouse=True)
def alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each attack the server answers as before."""
    yield
    for name in ("server", "quick", "open_server"):
        if name in request.fixturenames:
            assert is_alive(request.getfixturevalue(name))


@pytest.fixture(scope="module")
def quick() -> Iterator[Any]:
    """A server of little patience."""
    lab = ll.Lab(seed=7, quotas=QUICK)
    lab.create_function("bill", duration=0.1)
    lab.sqs.create_queue("orders")
    lab.s3.create_bucket("photos")
    with running(lab) as server:
        yield server
    lab.audit()


@pytest.fixture(scope="module")
def open_server() -> Iterator[Any]:
    """A server that takes code."""
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)
    with running(lab, allow_code=True) as server:
        yield server
    lab.audit()


def invoke_headers(server: Any, **more: str) -> dict[str, str]:
    return signed_headers(server, "lambda", "POST", PATH, b"{}") | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def invoked(server: Any, **more: str) -> Came:
    return send(server, "POST", PATH, b"{}", invoke_headers(server, **more))


def runs(lab: ll.Lab) -> int:
    """How many invocations there were: an attack must not make one."""
    return len(lab.trace.invocations)


# ---- signatures -----------------------------------------------------------------------------------------


def test_nobody_unsigned(server: Any, served_lab: ll.Lab) -> None:
    before = runs(served_lab)
    came = send(server, "POST", PATH, b"{}")
    assert (came.status, came.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationToken")
    target = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
    came = send(server, "POST", "/", b"{}", target)
    assert (came.status, came.json()["__type"].rpartition("#")[2]) == (
        403, "MissingAuthenticationToken",
    )  # fmt: skip
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    came = send(server, "POST", "/", b"Action=ListTopics", form)
    assert (came.status, b"<Code>MissingAuthenticationToken</Code>" in came.body) == (403, True)
    came = send(server, "GET", "/photos/key")
    assert (came.status, b"<Code>AccessDenied</Code>" in came.body) == (403, True)
    assert runs(served_lab) == before


def test_nobody_with_other_keys(server: Any, served_lab: ll.Lab) -> None:
    from dataclasses import replace

    before = runs(served_lab)
    stranger = replace(server, access_key="AKIAIOSFODNN7EXAMPLE")
    came = invoked(stranger)
    assert (came.status, came.headers["x-amzn-errortype"]) == (403, "InvalidClientTokenId")
    liar = replace(server, secret_key=server.secret_key[::-1])
    came = invoked(liar)
    assert (came.status, came.headers["x-amzn-errortype"]) == (403, "SignatureDoesNotMatch")
    for wrong in (stranger, liar):
        for service in ("sqs", "sns", "s3", "dynamodb"):
            client = wrong.client(service, config=Config(retries={"total_max_attempts": 1}))
            name = {"sqs": "list_queues", "sns": "list_topics", "s3": "list_buckets",
                    "dynamodb": "list_tables"}[service]  # fmt: skip
            with pytest.raises(ClientError, match=r"security token|signature|Access Key Id"):
                getattr(client, name)()
    assert runs(served_lab) == before


def test_a_signature_is_of_one_request(server: Any, served_lab: ll.Lab) -> None:
    before = runs(served_lab)
    headers = invoke_headers(server)
    assert send(server, "POST", PATH, b'{"more": 1}', headers).status == 403
    assert send(server, "POST", INVOKE.format("echo"), b"{}", headers).status == 403
    assert send(server, "POST", PATH + "?Qualifier=1", b"{}", headers).status == 403
    assert send(server, "PUT", PATH, b"{}", headers).status == 403
    later = headers | {"X-Amz-Invocation-Type": "Event"}
    assert send(server, "POST", PATH, b"{}", later).status == 403
    other = {name: value.replace("/lambda/", "/sqs/") for name, value in headers.items()}
    assert send(server, "POST", PATH, b"{}", other).status == 403
    assert runs(served_lab) == before


def test_an_old_signature(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.auth

    now = dt.datetime.now(dt.UTC)
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda *_: now - dt.timedelta(minutes=16)
    )
    came = invoked(server)
    monkeypatch.undo()
    assert (came.status, came.headers["x-amzn-errortype"]) == (403, "SignatureDoesNotMatch")
    assert "15 minutes" in came.json()["message"]


@pytest.mark.parametrize(
    "value", ["", "AWS4-HMAC-SHA256", "Bearer x", 9_000 * "A", "AWS4-HMAC-SHA256 " + 9_000 * "=,"]
)
def test_what_is_no_signature(server: Any, value: str) -> None:
    assert invoked(server, Authorization=value).status == 403


# ---- browsers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{}", "localhost.evil.example:{}",
                                  "127.0.0.1:1", "127.0.0.1", "[::]:{}"])  # fmt: skip
def test_a_name_that_was_made_to_point_here(server: Any, served_lab: ll.Lab, host: str) -> None:
    before = runs(served_lab)
    name = host.format(server.url.rpartition(":")[2])
    for came in (
        invoked(server, Host=name),
        send(server, "GET", "/", headers={"Host": name}),
        send(server, "GET", "/_lambdalab/state", headers={"Host": name}),
    ):
        assert (came.status, b"own names" in came.body) == (403, True)
        assert b"script" not in came.body
    assert runs(served_lab) == before


def test_no_host_and_two(server: Any) -> None:
    assert raw(server, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    port = server.url.rpartition(":")[2].encode()
    twice = b"GET / HTTP/1.1\r\nHost: localhost:%s\r\nHost: evil.example\r\n\r\n" % port
    assert raw(server, twice).startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert raw(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:1"},
     {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_another_site(server: Any, served_lab: ll.Lab, headers: dict[str, str]) -> None:
    before = runs(served_lab)
    assert invoked(server, **headers).status == 403
    for method, path in (("GET", "/"), ("GET", "/_lambdalab/state"), ("POST", "/_lambdalab/run")):
        came = send(server, method, path, headers=headers)
        assert came.status == 403
        assert "access-control-allow-origin" not in came.headers
    asked = send(
        server, "OPTIONS", PATH, headers={**headers, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status in (403, 405)
    assert not [name for name in asked.headers if name.startswith("access-control")]
    assert runs(served_lab) == before


def test_a_form_of_another_site(server: Any, served_lab: ll.Lab) -> None:
    """What a browser sends without asking first: a form, as if it were JSON, with no token."""
    before = runs(served_lab)
    body = b'{"function": "bill", "payload": "{}", "type": "RequestResponse", "x": "="}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        for token in ({}, {"X-Lambdalab-Token": "guessed"}, {"X-Lambdalab-Token": ""}):
            headers = {"Content-Type": kind, **token}
            assert send(server, "POST", "/_lambdalab/invoke", body, headers).status == 403
    assert runs(served_lab) == before


def test_the_page_is_not_for_frames_nor_for_others(server: Any) -> None:
    came = send(server, "GET", "/")
    assert came.status == 200
    assert "frame-ancestors 'none'" in came.headers["content-security-policy"]
    assert came.headers["x-content-type-options"] == "nosniff"
    assert server.secret_key.encode() not in came.body
    assert server.access_key.encode() not in came.body


def test_an_object_is_no_page_of_the_server(server: Any) -> None:
    body = b"<script>fetch('/')</script>"
    ask(server, "s3", "PUT", "/photos/page.html", body, content_type="text/html")
    came = ask(server, "s3", "GET", "/photos/page.html")
    assert came.headers["content-type"] == "text/html"
    assert came.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_no_web_sockets(server: Any) -> None:
    port = server.url.rpartition(":")[2].encode()
    asked = (
        b"GET / HTTP/1.1\r\nHost: localhost:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Origin: http://evil.example\r\nConnection: close\r\n\r\n" % port
    )
    assert not raw(server, asked).startswith(b"HTTP/1.1 101")


# ---- sizes ----------------------------------------------------------------------------------------------


def head(server: Any, *lines: str) -> bytes:
    """The head of a signed Invoke, with more lines."""
    signed = invoke_headers(server)
    signed.pop("Content-Length", None)
    told = [f"{name}: {value}" for name, value in signed.items()]
    host = server.url.removeprefix("http://")
    return "\r\n".join([f"POST {PATH} HTTP/1.1", f"Host: {host}", *told, *lines, "", ""]).encode()


@pytest.mark.parametrize("size", ["20001", "99999999999", "999999999999999999999", "-1", "1e9"])
def test_a_body_that_says_it_is_too_long(quick: Any, size: str) -> None:
    answer = raw(quick, head(quick, f"Content-Length: {size}"))
    status = int(answer[9:12])
    assert status in (400, 413), answer
    assert b"connection: close" in answer.lower()


def test_a_body_that_does_not_say_it(quick: Any) -> None:
    piece = b"1000\r\n" + 0x1000 * b"a" + b"\r\n"
    answer = raw(quick, head(quick, "Transfer-Encoding: chunked") + 8 * piece)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"RequestEntityTooLargeException" in answer


def test_sizes_are_of_the_service(quick: Any) -> None:
    assert ask(quick, "s3", "PUT", "/photos/a", 10_000 * b"a").status == 200
    came = ask(quick, "s3", "PUT", "/photos/a", 20_001 * b"a")
    assert (came.status, b"<Code>EntityTooLarge</Code>" in came.body) == (400, True)
    body = json.dumps({"QueueUrl": "orders", "MessageBody": 3_000 * "a"}).encode()
    came = ask(
        quick, "sqs", "POST", "/", body, x_amz_target="AmazonSQS.SendMessage",
        content_type="application/x-amz-json-1.0",
    )  # fmt: skip
    assert (came.status, came.json()["__type"].rpartition("#")[2]) == (
        413, "RequestEntityTooLargeException",
    )  # fmt: skip


def test_a_stranger_is_refused_before_a_body_is_read(quick: Any) -> None:
    signed = head(quick, "Content-Length: 20000").replace(quick.access_key.encode(), b"LABSTRANGER")
    answer = raw(quick, signed)  # and not a byte of the body; were it awaited, this would be a 408
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"InvalidClientTokenId" in answer


def test_a_request_line_without_end(server: Any) -> None:
    answer = raw(server, b"GET /" + 1_100_000 * b"a")
    assert answer.startswith(b"HTTP/1.1 400 ")


# ---- patience -------------------------------------------------------------------------------------------


def test_a_body_that_does_not_come(quick: Any) -> None:
    answer = raw(quick, head(quick, "Content-Length: 2") + b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_by_the_byte(quick: Any) -> None:
    name, _, port = quick.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(head(quick, "Content-Length: 2000"))
        answer = b""
        connection.settimeout(0.02)
        for _ in range(200):
            try:
                connection.sendall(b"a")
                answer += connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
            if answer:
                break
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("data", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_a_head_that_does_not_come(quick: Any, data: bytes) -> None:
    assert raw(quick, data) == b""


def test_a_second_head_that_does_not_come(quick: Any) -> None:
    name, _, port = quick.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(head(quick, "Content-Length: 2") + b"{}")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET / HTTP/1.1\r\n")
        while connection.recv(4096):
            pass


def test_many_at_once_do_not_hold_it_up(quick: Any) -> None:
    """More requests than there may be are told to come again, and SDKs do."""
    name, _, port = quick.url.removeprefix("http://").rpartition(":")
    waiting = [socket.create_connection((name, int(port)), timeout=10) for _ in range(4)]
    for connection in waiting:
        connection.sendall(head(quick, "Content-Length: 20"))
    came = next(came for came in iter(lambda: invoked(quick), None) if came.status != 200)
    assert (came.status, came.headers["x-amzn-errortype"]) == (503, "ServiceUnavailable")
    for connection in waiting:
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
        connection.close()


def test_more_connections_than_there_may_be() -> None:
    lab = ll.Lab(quotas={"endpoint_connections": 3})
    lab.create_function("bill", duration=0.1)
    with running(lab) as server:
        name, _, port = server.url.removeprefix("http://").rpartition(":")
        idle = [socket.create_connection((name, int(port)), timeout=10) for _ in range(3)]
        came = next(came for came in iter(lambda: invoked(server), None) if came.status != 200)
        assert came.status == 503
        for connection in idle:
            connection.close()
        next(came for came in iter(lambda: invoked(server), None) if came.status == 200)


def test_who_hangs_up_in_the_middle(server: Any) -> None:
    name, _, port = server.url.removeprefix("http://").rpartition(":")
    for data in (b"POST / HTTP/1.1\r\n", head(server, "Content-Length: 9") + b"{", b"\x16\x03\x01"):
        connection = socket.create_connection((name, int(port)), timeout=10)
        connection.sendall(data)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


# ---- what is no HTTP, no JSON, no XML -------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nA\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: a\r\nA: \x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
)  # fmt: skip
def test_what_is_no_http(server: Any, data: bytes) -> None:
    assert raw(server, data)[9:12] in (b"400", b"403", b"501", b"505")


def test_one_request_is_one_request(server: Any, served_lab: ll.Lab) -> None:
    """Length and chunks at once: nobody may read a second request out of the body of the first."""
    before = runs(served_lab)
    hidden = head(server, "Content-Length: 2") + b"{}"
    lines = ("Transfer-Encoding: chunked", "Content-Length: 4", "Connection: close")
    answer = raw(server, head(server, *lines) + b"0\r\n\r\n" + hidden)
    assert answer.count(b"HTTP/1.1") == 1
    assert runs(served_lab) - before <= 1


TARGETS = {
    "sqs": "AmazonSQS.SendMessage", "dynamodb": "DynamoDB_20120810.PutItem",
    "kinesis": "Kinesis_20131202.PutRecord", "logs": "Logs_20140328.FilterLogEvents",
    "events": "AWSEvents.PutEvents", "monitoring": "GraniteServiceVersion20100801.ListMetrics",
}  # fmt: skip
BROKEN = [
    b"{", b"[]", b"1", b'"x"', b"\xff\xfe", b'{"a": NaN}', 5_000 * b"[", b'{"a":' + 5_000 * b'{"a":',
    b'{"QueueUrl": 1e400, "TableName": [], "StreamName": {}, "Entries": 7, "Metrics": true, '
    b'"Namespace": {}, "logGroupName": []}', b'{"QueueUrl": {"a": 1}}, {', b"null x",
]  # fmt: skip


@pytest.mark.parametrize("service", TARGETS)
def test_malformed_json(server: Any, service: str) -> None:
    for body in BROKEN:
        came = ask(
            server, service, "POST", "/", body, x_amz_target=TARGETS[service],
            content_type="application/x-amz-json-1.1",
        )  # fmt: skip
        assert came.status == 400, (body, came)
        assert came.json()["__type"]
        assert b"Traceback" not in came.body


def test_operations_that_are_none(server: Any) -> None:
    for target in ("AmazonSQS.Dance", "AmazonSQS.__class__", "x", "AmazonSQS.", 5_000 * "a"):
        came = ask(server, "sqs", "POST", "/", b"{}", x_amz_target=target)
        assert (came.status, came.json()["__type"].rpartition("#")[2]) == (
            400, "UnknownOperationException",
        )  # fmt: skip
    for service in ("nobody", "motoapi", "..", "a b", "constructor"):
        assert ask(server, service, "GET", "/moto-api/reset").status in (403, 501)


LAUGHS = b"""<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<Delete><Object><Key>&d;</Key></Object></Delete>"""
OUTSIDE = b"""<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<Delete><Object><Key>&f;</Key></Object></Delete>"""


@pytest.mark.parametrize(
    "body",
    [b"<", b"<a>", b"\x00", b"", b"<a/><b/>", b"<Delete>&x;</Delete>", LAUGHS, OUTSIDE,
     LAUGHS.decode().encode("utf-16"), 20_000 * b"<a>", b"<Delete><Object/></Delete>"],
)  # fmt: skip
def test_malformed_xml(server: Any, body: bytes) -> None:
    came = ask(server, "s3", "POST", "/photos?delete", body)
    assert came.status == 400, came
    assert b"<Code>MalformedXML</Code>" in came.body or b"<Code>InvalidArgument</Code>" in came.body
    assert b"hahaha" not in came.body
    assert b"root:" not in came.body


def test_malformed_forms(server: Any) -> None:
    form = "application/x-www-form-urlencoded"
    many = b"&".join(b"a%d=1" % i for i in range(100_001))
    for body in (many, b"\xff=\xff", b"Action=Publish&PublishBatchRequestEntries.member.x=1"):
        came = ask(server, "sns", "POST", "/", body, content_type=form)
        assert came.status == 400, came
        assert b"<Code>" in came.body


# ---- names ----------------------------------------------------------------------------------------------

NAMES = [
    "..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "%00", "a%00b", "a%0d%0aX:%201",
    "%ff%fe", "a%252fb", 300 * "a", 5_000 * "a", "%F0%9F%92%A9", "a;b|c`d`", "$(id)", "__class__",
    "a\\..\\b", "bill%2F..%2Fecho", "%",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_path_tricks(server: Any, served_lab: ll.Lab, name: str) -> None:
    before = runs(served_lab), list(served_lab.s3)
    for method, path in (
        ("POST", INVOKE.format(name)), ("GET", f"/2015-03-31/functions/{name}"),
        ("DELETE", f"/2015-03-31/functions/{name}"), ("GET", f"/2017-03-31/tags/{name}"),
    ):  # fmt: skip
        came = ask(server, "lambda", method, path, b"{}" if method == "POST" else b"")
        assert 400 <= came.status < 405, (method, came)
        assert b"root:" not in came.body
    came = ask(server, "s3", "PUT", f"/{name}")
    assert 400 <= came.status < 500 or name == "__class__", came
    assert 400 <= send(server, "GET", f"/_lambdalab/{name}").status < 500
    assert (runs(served_lab), list(served_lab.s3)) in (before, (runs(served_lab), before[1]))


def test_keys_of_objects_are_no_paths(server: Any) -> None:
    for key in ("../../etc/passwd", "..", "a/../b", "a//b", "a\x01b"):
        from urllib.parse import quote

        path = f"/photos/{quote(key, safe='')}"
        assert ask(server, "s3", "PUT", path, key.encode()).status == 200
        assert ask(server, "s3", "GET", path).body == key.encode()


# ---- code -----------------------------------------------------------------------------------------------


def zipped(*members: tuple[str, bytes], mode: int = 0) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    return data.getvalue()


def lying(size: int) -> bytes:
    """A zip whose one file says it is ten bytes long and is not."""
    body = bytes(size)
    packed = zlib.compress(body, 9)[2:-4]
    name = b"mod.py"
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, zlib.crc32(body), len(packed), 10, 6, 0)
    local = b"PK\x03\x04" + common + name + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    central += name
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


HANDLER = b"def handler(event, context):\n    return 'ran'\n"


def create(server: Any, data: bytes, name: str = "new") -> Any:
    client = server.client("lambda", config=Config(retries={"total_max_attempts": 1}))
    return client.create_function(
        FunctionName=name, Role="arn:aws:iam::123456789012:role/r", Runtime="python3.12",
        Handler="mod.handler", Code={"ZipFile": data},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../mod.py", "/mod.py", "a/../../mod.py", "//mod.py", ".."])
def test_a_zip_that_slips_out(open_server: Any, name: str) -> None:
    with pytest.raises(ClientError, match="lies outside of it") as caught:
        create(open_server, zipped(("mod.py", HANDLER), (name, b"x")))
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_zip_that_is_a_bomb(open_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(("mod.py", HANDLER), ("zeros", bytes(270_000_000)))
    assert len(bomb) < 300_000
    opened: list[object] = []
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *given: opened.append(given))
    with pytest.raises(ClientError, match="Unzipped size must be smaller than 262144000 bytes"):
        create(open_server, bomb)
    assert not opened  # nothing of it was inflated


@pytest.mark.parametrize("size", [1_000, 50_000_000])
def test_a_zip_that_lies_about_its_size(open_server: Any, size: int) -> None:
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        create(open_server, lying(size))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip", zipped(("mod.py", HANDLER))[:-9],
                                  zipped(("mod.py", HANDLER)).replace(b"PK\x01", b"PK\x09")])  # fmt: skip
def test_what_is_no_zip(open_server: Any, data: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        create(open_server, data)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_link_in_a_zip_is_a_file_with_a_path_in_it(open_server: Any) -> None:
    data = zipped(("passwd", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)
    code = (
        b"import pathlib\ndef handler(event, context):\n"
        b"    return pathlib.Path('/var/task/passwd').read_text()\n"
    )
    with io.BytesIO(data) as held:
        with zipfile.ZipFile(held, "a") as archive:
            archive.writestr("mod.py", code)
        data = held.getvalue()
    create(open_server, data, "links")
    client = open_server.client("lambda")
    assert json.loads(client.invoke(FunctionName="links")["Payload"].read()) == "/etc/passwd"


def test_code_is_taken_where_it_was_allowed(open_server: Any) -> None:
    create(open_server, zipped(("mod.py", HANDLER)), "good")
    client = open_server.client("lambda")
    assert client.invoke(FunctionName="good")["Payload"].read() == b'"ran"'
    with pytest.raises(ClientError, match="smaller than") as caught:
        create(open_server, bytes(54_000_000))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 413)


# ---- all at once ----------------------------------------------------------------------------------------


def test_attacks_from_many_sides(server: Any, served_lab: ll.Lab) -> None:
    """The good requests among the bad ones are all answered."""
    good: list[int] = []

    def attack(number: int) -> None:
        for i in range(5):
            send(server, "POST", PATH, b"{}", {"Host": "evil.example"})
            raw(server, b"\x00" * (i + 1) + b"\r\n\r\n")
            good.append(invoked(server).status)

    before = runs(served_lab)
    threads = [threading.Thread(target=attack, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == 30 * [200]
    assert runs(served_lab) - before == 30

"""Who is let in before a signature is read."""

from __future__ import annotations

import pytest

pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint.gate import Gate, is_loopback, length_of, most_of
from lambdalab.aws.operations import ApiError
from lambdalab.rules import Rules

GATE = Gate(4566)


def let_in(gate: Gate = GATE, method: str = "POST", *, page: bool = False, **headers: str) -> bool:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        gate.check(method, {"host": "localhost:4566"} | told, page)
    except ApiError as error:
        return error.status not in (403, 405)
    return True


@pytest.mark.parametrize(
    "host",
    ["localhost:4566", "LocalHost:4566", "127.0.0.1:4566", "[::1]:4566", "photos.localhost:4566",
     "photos.s3.localhost:4566", "s3.localhost:4566"],
)  # fmt: skip
def test_its_own_names(host: str) -> None:
    assert let_in(host=host)


@pytest.mark.parametrize(
    "host",
    ["", "localhost", "localhost:4567", "evil.example:4566", "evil.example", "127.0.0.2:4566",
     "localhost.evil.example:4566", "localhost:4566.evil.example", "evil@localhost:4566",
     ".localhost:4566", "10.0.0.1:4566", "localhost:4566,evil.example"],
)  # fmt: skip
def test_other_names(host: str) -> None:
    assert not let_in(host=host)


def test_names_that_somebody_gave_it() -> None:
    gate = Gate(4566, ["Lab.example", "fe80::1"])
    assert let_in(gate, host="lab.example:4566")
    assert let_in(gate, host="[fe80::1]:4566")
    assert not let_in(gate, host="192.0.2.1:4566")
    assert let_in(Gate(4566, any_address=True), host="192.0.2.1:4566")
    assert let_in(Gate(4566, any_address=True), host="[2001:db8::1]:4566")
    assert not let_in(Gate(4566, any_address=True), host="lab.example:4566")


def test_the_usual_port_needs_not_be_told() -> None:
    assert let_in(Gate(80), host="localhost")
    assert let_in(Gate(80), host="localhost:80")


@pytest.mark.parametrize(
    ("origin", "good"),
    [("http://localhost:4566", True), ("http://127.0.0.1:4566", True), ("null", False),
     ("https://localhost:4566", False), ("http://localhost:8888", False), ("", False),
     ("http://evil.example", False), ("http://photos.localhost:4566", False)],
)  # fmt: skip
def test_origins(origin: str, good: bool) -> None:
    assert let_in(origin=origin) is good


def test_sites() -> None:
    assert let_in(sec_fetch_site="same-origin")
    assert let_in(sec_fetch_site="none")
    assert not let_in(sec_fetch_site="cross-site")
    assert not let_in(sec_fetch_site="same-site")
    opened = {"sec_fetch_site": "cross-site", "sec_fetch_dest": "document"}
    assert let_in(method="GET", page=True, **opened)
    assert not let_in(method="POST", page=True, **opened)
    assert not let_in(method="GET", page=False, **opened)
    assert not let_in(method="GET", page=True, sec_fetch_site="cross-site", sec_fetch_dest="iframe")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", 500 * "X"])
def test_methods_that_no_sdk_uses(method: str) -> None:
    assert not let_in(method=method)


def test_buckets_in_hosts() -> None:
    assert GATE.bucket("photos.localhost:4566") == "photos"
    assert GATE.bucket("my.photos.s3.localhost:4566") == "my.photos"
    for own in ("localhost:4566", "s3.localhost:4566", "127.0.0.1:4566", "photos.example:4566"):
        assert GATE.bucket(own) == ""


def test_loopback() -> None:
    assert is_loopback("127.8.9.1")
    assert is_loopback("::1")
    for host in ("0.0.0.0", "::", "192.168.0.1", "example.com", ""):
        assert not is_loopback(host)


def test_sizes() -> None:
    rules = Rules.as_of(quotas={"endpoint_body": 7})
    assert most_of("sqs", rules) == 7
    assert most_of("lambda", rules) == 70_167_211
    assert length_of({}) == 0
    assert length_of({"content-length": "12"}) == 12
    for wrong in ("-1", "1e3", "٣", "", " 1", 20 * "9"):
        with pytest.raises(ApiError, match="no number"):
            length_of({"content-length": wrong})

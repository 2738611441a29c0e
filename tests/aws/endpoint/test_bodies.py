"""Bodies in chunks, with checksums behind them, compressed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint.bodies import plain
from lambdalab.aws.endpoint.http import Request
from lambdalab.aws.endpoint.signature import Key, Signed, signing_key
from lambdalab.aws.operations import ApiError

KEY = Key("LABKEY", "a secret")
S3 = Signed("LABKEY", "20260101", "us-east-1", "s3", "20260101T000000Z", ("host",), 64 * "a")
OTHER = Signed("LABKEY", "20260101", "us-east-1", "monitoring", S3.at, ("host",), 64 * "a")
MOST = 1000
EMPTY = hashlib.sha256(b"").hexdigest()


def crc(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def chunked(pieces: list[bytes], trailers: str = "") -> bytes:
    """A body in chunks that nobody signed."""
    told = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return told + b"0\r\n" + trailers.encode() + b"\r\n"


def unsigned(body: bytes, length: int, **headers: str) -> Request:
    told = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(length), **headers,
    }  # fmt: skip
    return Request("PUT", "/photos/a", "", told, body)


def refused(request: Request, signed: Signed = S3) -> str:
    with pytest.raises(ApiError) as caught:
        plain(request, signed, KEY, MOST)
    return caught.value.code


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_chunks_are_put_together(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    sent = chunked(pieces, f"x-amz-checksum-crc32:{crc(body)}\r\n")
    found = plain(unsigned(sent, len(body)), S3, KEY, MOST)
    assert found.body == body
    assert "content-encoding" not in found.headers
    assert found.headers["x-amz-checksum-crc32"] == crc(body)


def test_a_checksum_that_is_wrong() -> None:
    sent = chunked([b"abc"], f"x-amz-checksum-crc32:{crc(b'abd')}\r\n")
    assert refused(unsigned(sent, 3)) == "BadDigest"
    assert refused(Request("PUT", "/a/b", "", {"content-md5": "AAAA"}, b"abc")) == "BadDigest"
    sha = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    good = Request("PUT", "/a/b", "", {"x-amz-checksum-sha256": sha}, b"abc")
    assert plain(good, S3, KEY, MOST).body == b"abc"


def test_a_trailer_is_a_checksum_and_no_other_header() -> None:
    sent = chunked([b"abc"], "host: other\r\nx-amz-target: Other\r\n")
    found = plain(unsigned(sent, 3), S3, KEY, MOST)
    assert not {"host", "x-amz-target"} & set(found.headers)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"abc", b"3\r\nab", b"3\r\nabc", b"3\r\nabcX\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n",
        b"fffffffff\r\nabc", b"3\r\nabc\r\n", b"3\r\nabc\r\n0\r\nno trailer\r\n\r\n",
        b"3;chunk-signature=zz\r\nabc\r\n0\r\n\r\n",
    ],
)  # fmt: skip
def test_chunks_that_are_damaged(body: bytes) -> None:
    assert refused(unsigned(body, 3)) == "IncompleteBody"


def test_a_length_that_is_not_true() -> None:
    assert refused(unsigned(chunked([b"abc"]), 4)) == "IncompleteBody"


def signed_chunks(pieces: list[bytes], trailers: dict[str, str] | None = None) -> bytes:
    """A body as an SDK signs its chunks: each signature is made with the one before."""
    key, before, told = signing_key(S3, KEY), S3.signature, b""
    scope = "20260101T000000Z\n20260101/us-east-1/s3/aws4_request"
    for piece in [*pieces, b""]:
        digest = hashlib.sha256(piece).hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{scope}\n{before}\n{EMPTY}\n{digest}"
        before = hmac.new(key, text.encode(), "sha256").hexdigest()
        told += b"%x;chunk-signature=%s\r\n%s" % (len(piece), before.encode(), piece)
        told += b"\r\n" if piece else b""
    if trailers is not None:
        lines = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        digest = hashlib.sha256(lines.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256-TRAILER\n{scope}\n{before}\n{digest}"
        last = hmac.new(key, text.encode(), "sha256").hexdigest()
        told += f"{lines}x-amz-trailer-signature:{last}\r\n".encode()
    return told + b"\r\n"


def test_chunks_that_are_signed() -> None:
    name = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    sent = signed_chunks([b"abc", b"defg"])
    request = unsigned(sent, 7, **{"x-amz-content-sha256": name})
    assert plain(request, S3, KEY, MOST).body == b"abcdefg"
    for changed in (sent.replace(b"defg", b"defh"), sent.replace(b"abc", b"abd")):
        other = unsigned(changed, 7, **{"x-amz-content-sha256": name})
        assert refused(other) == "SignatureDoesNotMatch"
    swapped = signed_chunks([b"abc"])
    other = unsigned(chunked([b"abc"]), 3, **{"x-amz-content-sha256": name})
    assert refused(other) == "SignatureDoesNotMatch"
    assert (
        plain(unsigned(swapped, 3, **{"x-amz-content-sha256": name}), S3, KEY, MOST).body == b"abc"
    )


def test_a_signed_trailer() -> None:
    name = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}
    sent = signed_chunks([b"abc"], {"x-amz-checksum-crc32": crc(b"abc")})
    assert plain(unsigned(sent, 3, **name), S3, KEY, MOST).body == b"abc"
    changed = sent.replace(b"x-amz-checksum-crc32", b"x-amz-checksum-crc31")
    assert refused(unsigned(changed, 3, **name)) == "SignatureDoesNotMatch"


def test_a_compressed_body() -> None:
    headers = {"content-encoding": "gzip"}
    request = Request("POST", "/", "", headers, gzip.compress(b"a=1"))
    found = plain(request, OTHER, KEY, MOST)
    assert (found.body, found.headers) == (b"a=1", {})
    assert plain(request, S3, KEY, MOST) == request  # an object that is stored as it is


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    request = Request("POST", "/", "", {"content-encoding": "gzip"}, bomb)
    assert refused(request, OTHER) == "RequestEntityTooLargeException"
    for broken in (b"no gzip", gzip.compress(b"abc" * 100)[:-9]):
        request = Request("POST", "/", "", {"content-encoding": "gzip"}, broken)
        assert refused(request, OTHER) == "IncompleteBody"

"""Bodies as SDKs send them: in S3's own chunks with a checksum behind, or compressed.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from dataclasses import replace

from lambdalab.aws.endpoint.http import Request
from lambdalab.aws.endpoint.signature import DIGEST, Key, Signed, refusal, signing_key
from lambdalab.aws.operations import ApiError

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?\r\n")
_TRAILER = re.compile(rb"([!-9;-~]+):[ \t]*([ -~]*?)[ \t]*\r?\n?")
_SIGNED, _TRAILING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "-TRAILER"
_EMPTY = hashlib.sha256(b"").hexdigest()
_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "content-md5": lambda body: hashlib.md5(body, usedforsecurity=False).digest(),
}
"""The checksums that are looked at. The others need libraries beside Python's, and are accepted."""


def plain(request: Request, signed: Signed, key: Key, most: int) -> Request:
    """The request with its body as it was meant, and with what checks it checked.

    Parameters: how it is ``signed``, with which ``key``; the ``most`` bytes that a body may have.

    Raises :class:`ApiError` for a body that is damaged, too long, or in chunks of other signatures.
    """
    headers = dict(request.headers)
    body = request.body
    told = headers.get(DIGEST, "")
    if told.startswith("STREAMING-"):
        body, trailers = _unchunked(body, _Chain(signed, key) if _SIGNED in told else None, told)
        headers |= {name: each for name, each in trailers.items() if name in _CHECKSUMS}
        declared = headers.get("x-amz-decoded-content-length", str(len(body)))
        if declared != str(len(body)):
            raise _damaged("its length is not that of x-amz-decoded-content-length")
    coding = [each.strip() for each in headers.get("content-encoding", "").split(",")]
    if signed.service != "s3" and coding[-1] == "gzip":
        body = _unzipped(body, most, signed.service)
    for name, checksum in _CHECKSUMS.items():
        if name in headers and signed.service == "s3":
            actual = base64.b64encode(checksum(body)).decode()
            if actual != headers[name]:
                raise ApiError("BadDigest", f"The {name} you specified did not match our own.")
    left = [each for each in coding if each and each != "aws-chunked"]
    headers.pop("content-encoding", None)
    if left and signed.service == "s3":
        headers["content-encoding"] = ",".join(left)
    return replace(request, headers=headers, body=body)


def _damaged(why: str) -> ApiError:
    return ApiError("IncompleteBody", f"The body could not be read: {why}")


class _Chain:
    """The signatures of chunks: each is made with the one before."""

    def __init__(self, signed: Signed, key: Key) -> None:
        self._key = signing_key(signed, key)
        self._before, self._service = signed.signature, signed.service
        scope = f"{signed.date}/{signed.region}/{signed.service}/aws4_request"
        self._head = f"{signed.at}\n{scope}"

    def check(self, signature: str, digest: str, kind: str = "PAYLOAD", middle: str = "") -> None:
        """Raise unless this is the next one's."""
        text = f"AWS4-HMAC-SHA256-{kind}\n{self._head}\n{self._before}\n{middle}{digest}"
        made = hmac.new(self._key, text.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(made, signature):
            raise refusal("signature", self._service)
        self._before = made


def _unchunked(body: bytes, chain: _Chain | None, told: str) -> tuple[bytes, dict[str, str]]:
    """What is in the chunks, and the headers behind the last one."""
    pieces, place = [], 0
    while True:
        head = _CHUNK.match(body, place)
        if head is None:
            raise _damaged("a chunk does not begin as one does")
        size, begin = int(head[1], 16), head.end()
        piece = body[begin : begin + size]
        if len(piece) != size:
            raise _damaged("a chunk ends too early")
        if chain is not None:
            digest = hashlib.sha256(piece).hexdigest()
            chain.check((head[2] or b"").decode(), digest, middle=f"{_EMPTY}\n")
        place = begin + size
        if not size:
            break
        if body[place : place + 2] != b"\r\n":
            raise _damaged("a chunk does not end as one does")
        pieces.append(piece)
        place += 2
    trailers = _trailers(body[place:])
    signature = trailers.pop("x-amz-trailer-signature", "")
    if chain is not None and told.endswith(_TRAILING):
        lines = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        chain.check(signature, hashlib.sha256(lines.encode()).hexdigest(), "TRAILER")
    return b"".join(pieces), trailers


def _trailers(rest: bytes) -> dict[str, str]:
    """The headers behind the last chunk."""
    found = {}
    for line in rest.replace(b"\r\n", b"\n").split(b"\n"):
        if line:
            parts = _TRAILER.fullmatch(line)
            if parts is None:
                raise _damaged("a trailer is no header")
            found[parts[1].decode().lower()] = parts[2].decode()
    return found


def _unzipped(body: bytes, most: int, service: str) -> bytes:
    """A gzipped body, which is not unpacked further than a body may be long."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise _damaged(str(error)) from None
    if len(found) > most:
        raise too_large(most, service)
    if not unpacker.eof:
        raise _damaged("it is no whole gzip")
    return found


def too_large(most: int, service: str) -> ApiError:
    """The refusal of a body that is longer than a service's may be."""
    if service == "s3":
        told = f"Your proposed upload exceeds the maximum allowed size, {most} bytes in this lab."
        return ApiError("EntityTooLarge", told)
    told = f"Request must be smaller than {most} bytes"
    return ApiError("RequestEntityTooLargeException", told, 413)

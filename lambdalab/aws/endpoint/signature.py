"""Signature Version 4 from the other side: is this request signed with the server's credentials?

The canonical request and the signature are botocore's own: what a client computes to sign is computed
again, from what has arrived. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.credentials import Credentials

from lambdalab.aws.endpoint.http import Request
from lambdalab.aws.operations import ApiError
from lambdalab.rules import Rules

_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{{64}})\Z"
)
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_UNSIGNED = "UNSIGNED-PAYLOAD"
_STREAMED = "STREAMING-"
DIGEST = "x-amz-content-sha256"
_NEVER_SIGNED = frozenset({"x-amz-user-agent"})
"""Headers of AWS's own that some SDKs do not sign; they decide nothing."""

_WORDS = {
    "missing": "Request is missing Authentication Token",
    "incomplete": "Authorization header or parameters are not formed as Signature Version 4 is.",
    "key": "The security token included in the request is invalid.",
    "signature": "The request signature we calculated does not match the signature you provided. Check "
    "your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    "skew": "Signature expired or not yet current: {} is more than {} minutes from now.",
    "expired": "Request has expired",
    "headers": "There were headers present in the request which were not signed: {}",
    "payload": "The provided 'x-amz-content-sha256' header does not match what was computed.",
}
_OLD = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256: a "
    'client of boto3 presigns with it when it is made with Config(signature_version="s3v4").'
)
_CODES = {
    "missing": ("MissingAuthenticationToken", "AccessDenied"),
    "incomplete": ("IncompleteSignature", "AuthorizationHeaderMalformed"),
    "key": ("InvalidClientTokenId", "InvalidAccessKeyId"),
    "signature": ("SignatureDoesNotMatch", "SignatureDoesNotMatch"),
    "skew": ("SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    "expired": ("SignatureDoesNotMatch", "AccessDenied"),
    "headers": ("SignatureDoesNotMatch", "AccessDenied"),
    "payload": ("SignatureDoesNotMatch", "XAmzContentSHA256Mismatch"),
}
"""The codes of most services, and S3's."""


def refusal(what: str, service: str, *about: object) -> ApiError:
    """Why a request is not let in, as a service says it."""
    code = _CODES[what][service == "s3"]
    return ApiError(code, _WORDS[what].format(*about), 403)


@dataclass(frozen=True)
class Key:
    """Credentials that one server takes: ``access_key``, ``secret_key``."""

    access_key: str
    secret_key: str

    @classmethod
    def fresh(cls) -> Key:
        """Others each time, from the system's own chance; no trace knows them."""
        letters = string.ascii_uppercase + "234567"
        name = "LAB" + "".join(secrets.choice(letters) for _ in range(17))
        return cls(name, secrets.token_urlsafe(30))


@dataclass(frozen=True)
class Signed:
    """What a request says of its signature.

    Attributes: the ``access_key``; the ``date``, ``region`` and ``service`` of its scope; ``at``, when it
    was signed; the names of the signed ``headers``; the ``signature``; ``seconds`` for which it holds, 0
    where it stands in a header.
    """

    access_key: str
    date: str
    region: str
    service: str
    at: str
    headers: tuple[str, ...]
    signature: str
    seconds: int = 0


def signed_by(request: Request) -> Signed | None:
    """What a request says of its signature; None where it has none.

    Raises :class:`ApiError` for what is none of Version 4.
    """
    given = request.headers.get("authorization")
    if given is None:
        if "AWSAccessKeyId" in request.query and "Signature" in request.query:
            raise ApiError("InvalidRequest", _OLD)
        return _presigned(request.query) if "X-Amz-Algorithm" in request.query else None
    found = _AUTHORIZATION.match(given)
    if found is None:
        raise refusal("incomplete", "")
    at = request.headers.get("x-amz-date", "")
    return _signed(found[1], at, found[2], found[3], 0)


def _presigned(query: Mapping[str, str]) -> Signed:
    """What the query of a presigned URL says."""
    names = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
    credential, at, headers, signature = (query.get(name, "") for name in names)
    seconds = query.get("X-Amz-Expires", "")
    if query["X-Amz-Algorithm"] != _ALGORITHM or not re.fullmatch("[1-9][0-9]{0,6}", seconds):
        raise refusal("incomplete", "")
    return _signed(credential, at, headers, signature, int(seconds))


def _signed(credential: str, at: str, headers: str, signature: str, seconds: int) -> Signed:
    parts = credential.split("/")
    whole = len(parts) == 5 and all(parts) and parts[4] == "aws4_request"
    if not whole or not at.startswith(parts[1]) or not _DIGEST.match(signature):
        raise refusal("incomplete", "")
    access_key, date, region, service, _ = parts
    names = tuple(headers.lower().split(";"))
    return Signed(access_key, date, region, service, at, names, signature, seconds)


def check_sender(signed: Signed, key: Key, rules: Rules, now: dt.datetime) -> None:
    """Raise unless the request names the server's key and was signed just now: before its body is read."""
    if not hmac.compare_digest(signed.access_key.encode(), key.access_key.encode()):
        raise refusal("key", signed.service)
    try:
        at = dt.datetime.fromisoformat(signed.at)
    except ValueError:
        at = None
    if at is None or not _TIME.match(signed.at):
        raise refusal("incomplete", signed.service)
    skew: int = rules.endpoint_clock_skew
    age = (now - at).total_seconds()
    if signed.seconds:
        if signed.seconds > rules.endpoint_presigned or age > signed.seconds:
            raise refusal("expired", signed.service)
        if age < -skew:
            raise refusal("skew", signed.service, signed.at, skew // 60)
    elif abs(age) > skew:
        raise refusal("skew", signed.service, signed.at, skew // 60)


def check(request: Request, signed: Signed, key: Key) -> None:
    """Raise unless the signature is that of this very request, its body included."""
    service, headers = signed.service, request.headers
    if "host" not in signed.headers:
        raise refusal("headers", service, "host")
    loose = [
        name
        for name in headers
        if name.startswith("x-amz-") and name not in signed.headers and name not in _NEVER_SIGNED
    ]
    if loose:
        raise refusal("headers", service, ", ".join(loose))
    told = headers.get(DIGEST, "")
    if told and not told.startswith((_UNSIGNED, _STREAMED)):
        actual = hashlib.sha256(request.body).hexdigest()
        if not hmac.compare_digest(told.encode(), actual.encode()):
            raise refusal("payload", service)
    elif told and service != "s3":
        raise refusal("payload", service)
    if not hmac.compare_digest(_computed(request, signed, key), signed.signature):
        raise refusal("signature", service)


class _Headers(dict[str, str]):
    """Headers as botocore's signer asks for them."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]]


class _Verifier(SigV4Auth):  # type: ignore[misc]
    """Botocore's signer, for what has been signed already."""

    def headers_to_sign(self, request: Any) -> Any:
        """Those that were signed, whatever this botocore itself would leave out."""
        return request.signed


class _S3Verifier(_Verifier, S3SigV4Auth):  # type: ignore[misc]
    """The same, with S3's paths."""


class _Arrived:
    """A request as botocore's signer looks at one."""

    def __init__(self, request: Request, signed: Signed) -> None:
        self.method, self.body, self.data = request.method, request.body, request.body
        self.url = f"http://localhost{request.raw_path}"
        # only percent signs stand for something here: a plus is a plus
        pairs = [pair.partition("=")[::2] for pair in request.query_string.split("&") if pair]
        self.params = [
            (unquote(name), unquote(value)) for name, value in pairs if name != "X-Amz-Signature"
        ]
        self.context = {"timestamp": signed.at}
        self.signed = _Headers((name, request.headers.get(name, "")) for name in signed.headers)
        told = request.headers.get(DIGEST)
        if told is None and signed.seconds and signed.service == "s3":
            told = _UNSIGNED
        self.headers = {} if told is None else {"X-Amz-Content-SHA256": told}


def _computed(request: Request, signed: Signed, key: Key) -> str:
    """The signature that the request should have."""
    kind = _S3Verifier if signed.service == "s3" else _Verifier
    signer = kind(Credentials(key.access_key, key.secret_key), signed.service, signed.region)
    arrived = _Arrived(request, signed)
    text = signer.string_to_sign(arrived, signer.canonical_request(arrived))
    made: str = signer.signature(text, arrived)
    return made


def signing_key(signed: Signed, key: Key) -> bytes:
    """What signs within the scope of a request: also the chunks of its body."""
    made = f"AWS4{key.secret_key}".encode()
    for part in (signed.date, signed.region, signed.service, "aws4_request"):
        made = hmac.new(made, part.encode(), "sha256").digest()
    return made

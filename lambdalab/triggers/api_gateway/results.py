"""What a function may return to a proxy integration of payload format 1.0, and the response it makes.

Checked as the service checks it (invocation.md 7 of the reference): a key that it does not know, or a
value of another kind, and the answer is a 502. Scalars of another kind are taken: ``"201"`` is a status,
``True`` a header's ``true``.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lambdalab.triggers.http import Response
from lambdalab.triggers.payload_v2 import compact, header_pairs, parsed

MALFORMED = "Malformed Lambda proxy response"
NOT_BASE64 = "Unable to base64 decode the body."
_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_REMAPPED = {
    "authorization", "connection", "content-length", "content-md5", "date", "expect", "host",
    "max-forwards", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "www-authenticate", "x-amzn-requestid",
}  # fmt: skip
"""Headers that belong to the service: a REST API hands a function's own on under another name."""


class NotDecodable(ValueError):
    """A body that says that it is base64, and is not."""


def response_of(payload: bytes, *, strict: bool = True, decode: bool = True) -> Response | None:
    """What a function returned, as an HTTP response; None for what no response can be made of.

    Parameters
    ----------
    payload
        The function's result as JSON.
    strict
        Whether a key that is not known is an error: a REST API's rule. An HTTP API's rules for this
        format are documented nowhere; it leaves such keys alone here, and wants a status.
    decode
        Whether a body in base64 is handed on as its bytes; else as it is.

    Raises :class:`NotDecodable`.

    Example
    -------
    >>> response_of(b'{"statusCode": "201", "headers": {"X-New": true}}').headers
    (('X-New', 'true'), ('Content-Type', 'application/json'))
    >>> response_of(b'{"statusCode": 200, "wrongValue": 1}'), response_of(b'"text"')
    (None, None)
    """
    result = parsed(payload)
    if not isinstance(result, dict) or not result or (strict and set(result) - _KEYS):
        return None
    if not strict and "statusCode" not in result:
        return None
    status, headers = _status(result.get("statusCode")), _headers(result)
    body, encoded = _text(result.get("body")), _flag(result.get("isBase64Encoded"))
    if status is None or headers is None or body is None or encoded is None:
        return None
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    if strict:
        headers = [(remapped(name), value) for name, value in headers]
    return Response(status, _bytes(body, encoded and decode), tuple(headers))


def remapped(name: str) -> str:
    """A header's name as a REST API hands it on.

    >>> remapped("Date"), remapped("X-Order")
    ('x-amzn-Remapped-Date', 'X-Order')
    """
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name


def _status(value: Any) -> int | None:
    """A number, or a text of one; without any a 200."""
    if value is None:
        return 200
    text = isinstance(value, str)
    if isinstance(value, bool) or (text and not (value.isascii() and value.isdigit())):
        return None
    try:
        found = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 100 <= found <= 599 else None


def _headers(result: dict[str, Any]) -> list[tuple[str, str]] | None:
    """The headers; a name that stands in both kinds has the values of ``multiValueHeaders`` only."""
    single, several = header_pairs(result.get("headers")), result.get("multiValueHeaders")
    several = {} if several is None else several
    if single is None or not isinstance(several, dict):
        return None
    pairs: list[tuple[str, str]] = []
    for name, values in several.items():
        if not isinstance(values, list) or any(isinstance(each, (dict, list)) for each in values):
            return None
        pairs += [(name, str(_text(each))) for each in values if each is not None]
    taken = {name.lower() for name in several}
    return [pair for pair in single if pair[0].lower() not in taken] + pairs


def _text(value: Any) -> str | None:
    """A text, "" for null; a number or truth value as JSON writes it; None for anything else."""
    if isinstance(value, (dict, list)):
        return None
    if value is None:
        return ""
    return value if isinstance(value, str) else compact(value)


def _flag(value: Any) -> bool | None:
    """A truth value, or the text of one."""
    if isinstance(value, str):
        return {"true": True, "false": False, "": False}.get(value.lower())
    if isinstance(value, (dict, list)):
        return None
    return bool(value)


def _bytes(body: str, encoded: bool) -> bytes:
    if not encoded:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotDecodable(str(error)) from None

"""How an attempt ended, and the document AWS answers with when the function failed.

Source: invocation.md 2 of the reference, that is AWS's Python runtime client (``make_error``) for what
the runtime reports, and recordings of the service for timeouts and exits.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from lambdalab.trace.schema import AttemptOutcome, Cause

_EPOCH = dt.datetime(1970, 1, 1)  # naive, and UTC


@dataclass(frozen=True, slots=True)
class Failure:
    """A function error: its outcome, the document the caller gets, and the exception behind it.

    ``stack`` has the entries of the stack trace; None where the service reports, not the runtime.
    """

    outcome: int
    cause: int
    error_type: str
    message: str
    document: bytes
    exception: BaseException | None = None
    ends_environment: bool = False
    stack: list[str] | None = None


_MARK = "\ue000"  # a character of nobody's: it stands around a Decimal until its quotes are gone
_MARKED = re.compile(f'"{_MARK}([^"{_MARK}]*){_MARK}"')


def _plain(value: object) -> object:
    if isinstance(value, decimal.Decimal):  # its own digits, as the runtime writes them
        return f"{_MARK}{'NaN' if value.is_nan() else value}{_MARK}"
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _of_result(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else _plain(value)


_LONG_NUMBER = re.compile(rb"\d{19}")
_slow_text = json.JSONEncoder(ensure_ascii=False, default=_plain).encode
_result_text = json.JSONEncoder(ensure_ascii=False, default=_of_result).encode


def _made_once() -> Callable[[Any], str]:
    """The standard encoder, without the new C encoder that ``JSONEncoder`` makes for every value."""
    seen: dict[int, object] = {}
    try:
        pieces = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            seen, _plain, json.encoder.encode_basestring, None, ": ", ", ", False, False, True
        )
        pieces({"ok": [1]}, 0)
    except (AttributeError, TypeError):  # another Python: no C encoder, or another signature
        return _slow_text

    def text(value: Any) -> str:
        if seen:  # a handler sleeps in the middle of its own result
            return _slow_text(value)
        try:
            return "".join(pieces(value, 0))
        except BaseException:
            seen.clear()
            raise

    return text


_text = _made_once()


def encode_text(value: object) -> str:
    """:func:`encode`, as text."""
    text = _text(value)
    return _MARKED.sub(r"\1", text) if _MARK in text else text


def marshal(value: object) -> bytes:
    """A handler's result as the runtime writes it: JSON, in which bytes are UTF-8 text.

    Raises what the runtime reports as ``Runtime.MarshalError``. One difference is left: a named tuple
    is a list here, the runtime's own library makes an object of it.
    """
    try:
        text = _text(value)
    except TypeError:
        if isinstance(value, bytes):
            return bytes(value)
        text = _result_text(value)
    return (_MARKED.sub(r"\1", text) if _MARK in text else text).encode()


def encode(value: object) -> bytes:
    """JSON as AWS's Python runtime writes it: spaces after separators, characters as they are."""
    return encode_text(value).encode()


def decode(payload: bytes) -> Any:
    """JSON in, a fresh Python value out; the empty payload is an empty event.

    orjson where it gives what ``json`` gives; it differs for whole numbers beyond 64 bits.
    """
    if not payload:
        return {}
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)
    if len(payload) > 18 and _LONG_NUMBER.search(payload):
        return json.loads(payload)
    return value


def runtime_failure(
    request_id: str,
    error_type: str,
    message: str,
    stack: list[str],
    exception: BaseException | None = None,
    outcome: int = AttemptOutcome.ERROR,
    cause: int = Cause.FUNCTION_ERROR,
) -> Failure:
    """What the Python runtime reports: an exception of the handler, or a result it cannot encode."""
    document = {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack,
    }
    data = encode_text(document).encode(errors="backslashreplace")
    return Failure(outcome, cause, error_type, message, data, exception, stack=stack)


def platform_document(members: dict[str, str]) -> bytes:
    """A document of the service's own: without the spaces that Python's runtime writes."""
    return orjson.dumps(members)


def platform_failure(
    request_id: str, error_type: str, text: str, outcome: int, cause: int
) -> Failure:
    """What the service reports about an environment that is gone: a timeout, an exit."""
    message = f"RequestId: {request_id} Error: {text}"
    document = platform_document({"errorType": error_type, "errorMessage": message})
    return Failure(outcome, cause, error_type, message, document, None, True)


def timeout_failure(request_id: str, timeout: float, at: str = "") -> Failure:
    """The function's timeout (seconds) has passed; the environment starts its runtime anew.

    ``at`` (a time in ISO's form) makes the document that Lambda wrote until about the end of 2024: one
    line, which stood in the log too, and no type (dated-rules.md of the reference).
    """
    text = f"Task timed out after {timeout:.2f} seconds"
    outcome, cause = AttemptOutcome.TIMEOUT, Cause.TIMEOUT
    if not at:
        return platform_failure(request_id, "Sandbox.Timedout", text, outcome, cause)
    message = f"{at} {request_id} {text}"
    document = platform_document({"errorMessage": message})
    return Failure(outcome, cause, "", message, document, ends_environment=True)


def iso(epoch_us: int) -> str:
    """A moment as AWS writes it, in whole milliseconds.

    >>> iso(1_709_572_958_033_999)
    '2024-03-04T17:22:38.033Z'
    """
    moment = _EPOCH + dt.timedelta(microseconds=epoch_us)
    return moment.isoformat(timespec="milliseconds") + "Z"


def killed_for_memory(request_id: str) -> Failure:
    """The process held more than the function's memory, and the machine's kernel killed it."""
    text = "Runtime exited with error: signal: killed"
    outcome, cause = AttemptOutcome.OUT_OF_MEMORY, Cause.OUT_OF_MEMORY
    return platform_failure(request_id, "Runtime.ExitError", text, outcome, cause)


MODELLED_RESPONSE = b"null"
"""What a modelled function returns."""


def modelled_failure(request_id: str) -> Failure:
    """What ``failure_rate`` makes of some of a modelled function's runs."""
    text = "a modelled failure: failure_rate decided so"
    return runtime_failure(request_id, "ModelledError", text, [])


def text_of(error: BaseException) -> str:
    """An exception's text; a broken ``__str__`` must not break the lab."""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__}>"


def model_error(
    request_id: str,
    error: Exception,
    setting: str,
    outcome: int = AttemptOutcome.ERROR,
    cause: int = Cause.FUNCTION_ERROR,
) -> Failure:
    """The callable given as ``duration=`` or ``init=`` failed, or gave no duration."""
    text, kind = f"{setting} of the function: {text_of(error)}", type(error).__name__
    return runtime_failure(request_id, kind, text, [], error, outcome, cause)

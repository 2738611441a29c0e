"""What PutEvents is given: entries, each checked by itself, and what becomes of them.

An entry that lacks something, or whose detail is no JSON object, fails alone; too many entries, or too
large ones together, are refused as a whole, and none of them is put. Sources: botocore PutEvents,
ebug/eb-putevents and eb-putevent-size; recordings of December 2024 (``LS:test_put_events_*``).
"""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from lambdalab.errors import InvalidSetting, ValidationException, suggestion
from lambdalab.functions.outcome import encode_text
from lambdalab.rules import Rules

TIME_SIZE = 14
"""Bytes for which a time counts (ebug/eb-putevent-size)."""
_KEYS = {
    "Source": "source", "DetailType": "detail_type", "detail-type": "detail_type",
    "Detail": "detail", "Resources": "resources", "Time": "time",
}  # fmt: skip
_FIELDS = ("source", "detail_type", "detail", "resources", "time")
_SOURCE = "botocore PutEvents"
_UTC = dt.timezone.utc  # noqa: UP017 - `dt.UTC` is the same object


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of one entry: its ``event_id``, or an ``error_code`` and ``error_message``.

    ``number`` is the event's in the books (``m12``); 0 where it failed.
    """

    event_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    number: int = 0

    @property
    def good(self) -> bool:
        """Whether the bus took it."""
        return self.error_code is None

    def __repr__(self) -> str:
        return f"m{self.number}" if self.good else f"<{self.error_code}: {self.error_message}>"


class PutResults(list[PutResult]):
    """The results of one PutEvents, in the order of its entries."""

    @property
    def failed_entry_count(self) -> int:
        """How many entries failed."""
        return sum(not result.good for result in self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was given: nothing checked but the kinds of its parts.

    Attributes: ``source``, ``detail_type`` and ``detail`` (a JSON text), ``""`` where missing;
    ``resources``; ``time`` as events have it, or ``""`` for now.
    """

    source: str = ""
    detail_type: str = ""
    detail: str = ""
    resources: tuple[str, ...] = ()
    time: str = ""

    @property
    def size(self) -> int:
        """Bytes that count for the limit: all parts as UTF-8, and 14 for a time.

        >>> Entry("shop", "paid", "{}", ("a", "b"), "2025-01-07T00:00:00Z").size
        26
        """
        texts = (self.source, self.detail_type, self.detail, *self.resources)
        return sum(map(_bytes, texts)) + (TIME_SIZE if self.time else 0)


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def read_entries(given: object, rules: Rules) -> list[Entry]:
    """The entries of one PutEvents.

    Each is a mapping with AWS's names (``Source``, ``DetailType``, ``Detail``, ``Resources``,
    ``Time``) or ours (``source``, ``detail_type``, ``detail``, ``resources``, ``time``).

    Raises
    ------
    InvalidSetting
        For parts of the wrong kind, as the SDK does.
    ValidationException
        For none or more than ten, and for more bytes than EventBridge takes at once.
    """
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Sequence):
        raise InvalidSetting("entries", given, "a list of entries", _SOURCE)
    entries = [read_entry(each) for each in given]
    most = rules.eventbridge_entries
    if not 1 <= len(entries) <= most:
        how, bound = ("greater", 1) if not entries else ("less", most)
        raise ValidationException(
            f"1 validation error detected: Value '[{len(entries)} entries]' at 'entries' failed to "
            f"satisfy constraint: Member must have length {how} than or equal to {bound}",
            f" ({rules.source('eventbridge_entries')})",
        )
    size, room = sum(entry.size for entry in entries), rules.eventbridge_entry_size
    if size > room:
        raise ValidationException(
            "Total size of the entries in the request is over the limit.",
            f" ({size:,} bytes, at most {room:,}; {rules.source('eventbridge_entry_size')})",
        )
    return entries


def read_entry(given: object) -> Entry:
    """One entry, its parts of the right kinds, or :class:`~lambdalab.errors.InvalidSetting`."""
    if not isinstance(given, Mapping):
        raise InvalidSetting("entries", given, "mappings, one for each entry", _SOURCE)
    named: dict[str, Any] = {}
    for key, value in given.items():
        name = _KEYS.get(key, key)
        if name not in _FIELDS:
            _refuse_key(key)
        named[name] = value
    return Entry(
        _text("source", named.get("source")),
        _text("detail_type", named.get("detail_type")),
        _detail(named.get("detail")),
        _resources(named.get("resources")),
        _time(named.get("time")),
    )


def _refuse_key(key: object) -> NoReturn:
    if key == "EventBusName":
        limit = "left out: the entries of one call go to the bus whose put_events is called"
    elif key == "TraceHeader":
        limit = "left out: traces through EventBridge are not simulated"
    else:
        limit = f"a key of an entry{suggestion(str(key), _FIELDS)}"
    raise InvalidSetting("entries", key, limit, _SOURCE)


def _text(setting: str, given: object) -> str:
    if given is not None and not isinstance(given, str):
        raise InvalidSetting(setting, given, "a text", _SOURCE)
    return given or ""


def _detail(given: object) -> str:
    """A JSON text as it is; any other value as the JSON that a Python program writes of it."""
    if given is None or isinstance(given, str):
        return given or ""
    try:
        return encode_text(given)
    except (TypeError, ValueError, RecursionError) as error:
        limit = f"a JSON object, as text or as a dict: {error}"
        raise InvalidSetting("detail", given, limit, _SOURCE) from None


def _resources(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Sequence):
        raise InvalidSetting("resources", given, "a list of texts, ARNs as a rule", _SOURCE)
    return tuple(_text("resources", each) for each in given)


def _time(given: object) -> str:
    """A date or an ISO text, as events have it; "" for none."""
    if given is None:
        return ""
    moment = given
    try:
        if isinstance(moment, str):
            moment = dt.datetime.fromisoformat(moment)
        if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
            moment = dt.datetime(moment.year, moment.month, moment.day)
        if isinstance(moment, dt.datetime):
            aware = moment if moment.tzinfo else moment.replace(tzinfo=_UTC)
            return f"{aware.astimezone(_UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError):
        pass
    limit = "a datetime, a date or an ISO text; the present by default"
    raise InvalidSetting("time", given, limit, _SOURCE)


def check(entry: Entry) -> tuple[dict[str, Any], PutResult | None]:
    """An entry's detail as an object, or why EventBridge does not take the entry."""
    for word, part in (
        ("Source", entry.source), ("DetailType", entry.detail_type), ("Detail", entry.detail),
    ):  # fmt: skip
        if not part:
            message = f"Parameter {word} is not valid. Reason: {word} is a required argument."
            return {}, PutResult(error_code="InvalidArgument", error_message=message)
    if entry.source.startswith("aws."):
        return {}, PutResult(
            error_code="NotAuthorizedForSourceException",
            error_message="Not authorized for the source.",
        )
    detail = parsed(entry.detail)
    if not isinstance(detail, dict) or not _encodes(entry):
        return {}, PutResult(error_code="MalformedDetail", error_message="Detail is malformed.")
    return detail, None


def parsed(text: str) -> Any:
    """JSON as Python has it; None for what is none, and for what has no UTF-8 form."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _encodes(entry: Entry) -> bool:
    try:
        "".join((entry.source, entry.detail_type, *entry.resources)).encode()
    except UnicodeEncodeError:
        return False
    return True

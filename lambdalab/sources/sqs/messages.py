"""Messages: what is kept of one, what a receiver gets, and what a look into a queue shows."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode_text
from lambdalab.invocation.recursion import Chain
from lambdalab.rules import Rules
from lambdalab.sources.sqs.events import Attributes
from lambdalab.trace.ids import short
from lambdalab.trace.schema import Cause

if TYPE_CHECKING:
    from lambdalab.sources.sqs.store import Store

GONE, VISIBLE, DELAYED, IN_FLIGHT = range(4)
STATES = ("gone", "visible", "delayed", "in flight")

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair: a text with one has no UTF-8 form
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")
_RESERVED = ("aws.", "amazon.")  # beginnings of attribute names, in either case
_DATA_TYPE = re.compile(r"(String|Number|Binary)(\.[^\ud800-\udfff]+)?\Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_SHOWN = 10  # messages in the repr of a look into a queue
_WIDTH = 60  # characters of a body there


class Message:
    """A message. People read ``m12``; ``message_id`` is its public id.

    Attributes: ``body`` (text), ``attributes``, ``sent_at`` (microseconds since the lab's start),
    ``receive_count``, ``state``. A FIFO queue's know more: :class:`.groups.FifoMessage`.
    """

    __slots__ = (
        "attributes", "batch", "body", "chain", "dead_letter_source", "fate", "first_received_at",
        "message_id", "number", "receive_count", "received_elsewhere", "request", "sent_at",
        "standing", "store", "trace_header", "visible_at",
    )  # fmt: skip

    def __init__(
        self, number: int, message_id: str, body: str, attributes: Attributes, sent_at: int
    ) -> None:
        self.number = number
        self.message_id = message_id
        self.body = body
        self.attributes = attributes
        self.sent_at = sent_at
        self.standing = GONE
        self.store: Store | None = None  # where it lies; None when it is gone
        self.visible_at = -1
        self.receive_count = 0
        self.received_elsewhere = 0  # of them before it came here, as a dead letter
        self.first_received_at = -1
        self.dead_letter_source = ""
        self.trace_header = ""
        # the chain of requests that led to it; None: somebody outside sent it
        self.chain: Chain | None = None
        # what last became of it while invisible: told when it becomes visible again
        self.fate = Cause.VISIBILITY_TIMEOUT
        self.request = 0
        self.batch = 0

    @property
    def state(self) -> str:
        """``visible``, ``delayed``, ``in flight`` or ``gone``."""
        return STATES[self.standing]

    @property
    def fifo(self) -> tuple[str, str, str] | None:
        """Sequence number, group and deduplication id, where it is a message of a FIFO queue."""
        return None

    @property
    def receipt_handle(self) -> str:
        """The handle of its latest receive."""
        return receipt_handle(self.message_id, self.receive_count)

    def json(self) -> Any:
        """The body parsed as JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        return short("message", self.number)


@dataclass(frozen=True, slots=True)
class Received:
    """What a caller got from ``receive``: the message as it was then, and the handle to delete it by.

    The last three are those of a FIFO queue's messages.
    """

    message: Message
    message_id: str
    receipt_handle: str
    body: str
    attributes: Attributes
    receive_count: int
    sequence_number: str = ""
    message_group_id: str = ""
    message_deduplication_id: str = ""

    @classmethod
    def of(cls, m: Message) -> Received:
        """The message as it is now."""
        fifo = m.fifo or ()
        return cls(m, m.message_id, m.receipt_handle, m.body, m.attributes, m.receive_count, *fifo)

    @property
    def message_attributes(self) -> Attributes:
        """Its message attributes: data type and value, by name; the same as ``attributes``."""
        return self.attributes

    def json(self) -> Any:
        """The body parsed as JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        times = "" if self.receive_count == 1 else f", received {self.receive_count} times"
        group = f" of {self.message_group_id!r}" if self.message_group_id else ""
        return f"{self.message!r}{group}: {_cut(self.body)}{times}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a look into its queue showed it. ``body`` is parsed where it is JSON."""

    message: Message
    message_id: str
    state: str
    body: Any
    receive_count: int
    message_group_id: str = ""

    @classmethod
    def of(cls, message: Message) -> Seen:
        """The message as it is now."""
        body, count = parsed(message.body), message.receive_count
        _, group, _ = message.fifo or ("", "", "")
        return cls(message, message.message_id, message.state, body, count, group)

    @property
    def message_attributes(self) -> Attributes:
        """Its message attributes: data type and value, by name."""
        return self.message.attributes

    def __repr__(self) -> str:
        return "  ".join(self.cells())

    def cells(self) -> tuple[str, ...]:
        """Id, group (in a FIFO queue), state, receives and body, as text."""
        body = self.body if isinstance(self.body, str) else encode_text(self.body)
        group = (self.message_group_id,) if self.message_group_id else ()
        state, times = self.state, f"received {self.receive_count}×"
        return repr(self.message), *group, state, times, _cut(body)


class Messages(Sequence[Seen]):
    """What was in a queue when it was looked at, in the order in which it came there."""

    def __init__(self, queue: str, messages: Sequence[Message]) -> None:
        self._queue = queue
        self._seen = tuple(map(Seen.of, messages))

    @overload
    def __getitem__(self, index: int) -> Seen: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Seen, ...]: ...
    def __getitem__(self, index: int | slice) -> Seen | tuple[Seen, ...]:
        return self._seen[index]

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[Seen]:
        return iter(self._seen)

    def _head(self) -> str:
        number = len(self)
        return f"{number:,} message{'' if number == 1 else 's'} in {self._queue!r}"

    def _more(self) -> list[str]:
        return [f"... and {len(self) - _SHOWN:,} more"] if len(self) > _SHOWN else []

    def __repr__(self) -> str:
        rows = [seen.cells() for seen in self._seen[:_SHOWN]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([self._head(), *lines, *self._more()])

    def _repr_html_(self) -> str:
        rows = [
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in seen.cells()) + "</tr>"
            for seen in self._seen[:_SHOWN]
        ]
        table = f"<table>{''.join(rows)}</table>" if rows else ""
        return f"<div>{html.escape(self._head())}</div>{table}{''.join(self._more())}"


def receipt_handle(message_id: str, receive_count: int) -> str:
    """The handle of one receive of a message: another for each receive."""
    return f"AQEB-{receive_count}-{message_id}"


def message_id_of(handle: str) -> str | None:
    """The message that a receipt handle belongs to; None when it is no receipt handle."""
    kind, _, rest = handle.partition("-")
    count, _, message_id = rest.partition("-")
    return message_id if kind == "AQEB" and count.isdecimal() else None


def parsed(body: str) -> Any:
    """A body parsed as JSON, or as it is."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def _cut(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


# ---- checking what is sent ------------------------------------------------------------------


def text_of(body: object) -> str:
    """A message's body: text as it is, anything else as JSON.

    Raises :class:`InvalidSetting` for what is not JSON, for the empty text, and for characters SQS
    refuses (botocore SendMessage: those XML 1.0 does not allow).
    """
    if isinstance(body, str):
        if not body:
            raise InvalidSetting("body", body, "at least one character", "botocore SendMessage")
        if not body.isprintable() and _REFUSED.search(body):
            raise InvalidSetting(
                "body", _cut(body), "text without control characters other than tab and line ends",
                "botocore SendMessage",
            )  # fmt: skip
        return body
    try:
        return encode_text(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSetting(
            "body", body, f"a text, or a value that JSON can express: {error}"
        ) from None


def attributes_of(given: Mapping[str, Any] | None, rules: Rules) -> Attributes:
    """Message attributes as they are kept.

    A value is a text, a number, bytes, or a pair (data type, value).
    Raises :class:`InvalidSetting` for names, types, values and a number of them that SQS refuses.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidSetting("attributes", given, "a mapping of names to values")
    most, source = rules.sqs_message_attributes, rules.source("sqs_message_attributes")
    if len(given) > most:
        raise InvalidSetting("attributes", f"{len(given)} attributes", f"at most {most}", source)
    return {name: _attribute(name, value) for name, value in given.items()}


def _attribute(name: object, value: object) -> tuple[str, str | bytes]:
    source = "botocore MessageAttributeValue"
    if not isinstance(name, str) or not _ATTRIBUTE_NAME.match(name):
        raise InvalidSetting("attributes", name, "named by letters, digits, _, - and .", source)
    if name.lower().startswith(_RESERVED):
        limit = "named otherwise: names that begin with AWS. or Amazon. are reserved"
        raise InvalidSetting("attributes", name, limit, "SQS developer guide, message metadata")
    pair = value if isinstance(value, tuple) and len(value) == 2 else (_data_type(value), value)
    data_type, content = pair
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        content = str(content)
    good = isinstance(data_type, str) and _DATA_TYPE.match(data_type) is not None
    kind = bytes if good and data_type.startswith("Binary") else str
    if not good or not isinstance(content, kind) or not content:
        what = "a text, a number, bytes, or a pair (String, Number or Binary, value); not empty"
        raise InvalidSetting(f"attributes[{name!r}]", value, what, source)
    if isinstance(content, str) and not _fits(data_type, content):
        what = "digits" if data_type.startswith("Number") else "text as a body may be"
        raise InvalidSetting(f"attributes[{name!r}]", ascii(content), what, source)
    return data_type, content


def _fits(data_type: str, content: str) -> bool:
    """Whether the value is a number, or a text without what SQS refuses in a body."""
    if data_type.startswith("Number"):
        return _NUMBER.match(content) is not None
    return _REFUSED.search(content) is None and _HALF.search(content) is None


def _data_type(value: object) -> str:
    if isinstance(value, bytes):
        return "Binary"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "Number" if is_number else "String"


def size_of(body: str, attributes: Attributes) -> int:
    """Bytes that count for SQS's limit: the body, and name, type and value of each attribute.

    Raises :class:`InvalidSetting` for a body that has no bytes (half of a surrogate pair).
    """
    try:
        size = len(body) if body.isascii() else len(body.encode())
    except UnicodeEncodeError as error:
        raise InvalidSetting(
            "body", ascii(_cut(body)), f"text with a UTF-8 form: {error}"
        ) from None
    for name, (data_type, value) in attributes.items():
        size += len(name.encode()) + len(data_type.encode())
        size += len(value.encode() if isinstance(value, str) else value)
    return size

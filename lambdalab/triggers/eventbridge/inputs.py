"""What a target is given of an event: the whole of it, a constant, a part, or a text made of parts.

An *input transformer* names parts of the event by paths (:mod:`.paths`) and puts them where a template
has their names in angle brackets:

========================= ================================ ==========================================
the template              a text, ``abc``                  an object, ``{"n": 1}``
========================= ================================ ==========================================
``{"v": <x>}``            ``{"v":"abc"}``                  ``{"v":{"n":1}}``
``{"v": "is <x>"}``       ``{"v":"is abc"}``               ``{"v":"is {n:1}"}``
``"is <x>"``              ``"is abc"``                     ``"is {n:1}"``
========================= ================================ ==========================================

What is within quotes stays a string, whatever the event holds: texts are escaped there, and objects and
lists lose their own quotes. A path that finds nothing leaves nothing within quotes (recorded), and an
empty string elsewhere. The result has no white space between its parts. A template that is neither an
object, a list nor a string is a plain text: no function takes it.

Sources: ebug/eb-transform-target-input, botocore PutTargets, recordings of March and May 2024
(``LS:test_put_events_with_input_transformation_to_sqs``, ``LS:TestEventsInputPath``); AWS documents
neither the empty string nor how it writes objects within quotes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

from lambdalab.triggers.eventbridge.paths import MISSING, Path

_TOKEN = re.compile(r'\\.|"|<([^<>]+)>|\s+', re.DOTALL)
WHOLE = ("aws.events.event.json", "aws.events.event")
"""The names that stand for the event itself, with its detail and without."""
RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    *WHOLE,
)
"""The names that every template knows."""
STAND_IN = "\ue000"
"""A character of nobody's: in a trial it stands for what a name within quotes will be."""


class NoInput(Exception):
    """A template and an event that do not make JSON together: no further try can mend it."""


@dataclass(frozen=True, slots=True)
class Matched:
    """An event that a rule matched: ``document``, its JSON as ``data``, and what reserved names mean."""

    document: dict[str, Any]
    data: bytes
    rule_arn: str
    rule_name: str
    ingested_at: str


class Input(Protocol):
    """How the body for a target is made. ``sure``: it is always JSON."""

    sure: bool

    def body(self, event: Matched) -> bytes:
        """The body for an event; raises :class:`NoInput` where it makes none."""

    def as_dict(self) -> dict[str, Any]:
        """AWS's form of it."""


class Whole:
    """The event as it is."""

    sure = True

    def body(self, event: Matched) -> bytes:
        """The event."""
        return event.data

    def as_dict(self) -> dict[str, Any]:
        """No setting at all."""
        return {}


class Constant:
    """The same JSON text, whatever the event."""

    sure = True

    def __init__(self, text: str) -> None:
        self._text = text

    def body(self, event: Matched) -> bytes:
        """The text."""
        return self._text.encode()

    def as_dict(self) -> dict[str, Any]:
        """``Input``."""
        return {"Input": self._text}


class Part:
    """What a path finds in the event; ``null`` where it finds nothing (AWS documents nothing)."""

    sure = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def body(self, event: Matched) -> bytes:
        """The part, as JSON: a text keeps its quotes."""
        found = self._path.find(event.document)
        return compact(None if found is MISSING else found).encode()

    def as_dict(self) -> dict[str, Any]:
        """``InputPath``."""
        return {"InputPath": self._path.text}


class Transformer:
    """A template with parts of the event in it; made by :func:`.input_settings.read_input`."""

    def __init__(self, paths: dict[str, Path], template: str) -> None:
        self._paths, self._template = paths, template
        self.sure = template.strip()[:1] in ("{", "[", '"')
        self._pieces = _pieces(template.strip(), self.sure)

    @property
    def names(self) -> list[str]:
        """The names that stand in the template."""
        return [piece[0] for piece in self._pieces if isinstance(piece, tuple)]

    def trial(self) -> str:
        """The template with ``0`` for each name, or a stand-in within quotes: JSON, where it is good."""
        return "".join(
            piece if isinstance(piece, str) else STAND_IN if piece[1] else "0"
            for piece in self._pieces
        )

    def body(self, event: Matched) -> bytes:
        """The template, filled in."""
        written = []
        for piece in self._pieces:
            if isinstance(piece, str):
                written.append(piece)
            else:
                name, quoted = piece
                written.append(self._written(self._value(name, event), quoted))
        text = "".join(written)
        if self.sure:
            try:
                json.loads(text)
            except (ValueError, RecursionError) as error:
                raise NoInput(
                    f"The input template does not make JSON of this event: {error}"
                ) from None
        return text.encode()

    def _value(self, name: str, event: Matched) -> Any:
        if name in self._paths:
            return self._paths[name].find(event.document)
        if name in WHOLE:
            kept = event.document.items()
            return {key: value for key, value in kept if key != "detail" or name == WHOLE[0]}
        return {
            "aws.events.rule-arn": event.rule_arn,
            "aws.events.rule-name": event.rule_name,
            "aws.events.event.ingestion-time": event.ingested_at,
        }[name]

    def _written(self, value: Any, quoted: bool) -> str:
        if value is MISSING:
            return '""' if self.sure and not quoted else ""
        if self.sure and not quoted:
            return compact(value)
        text = value if isinstance(value, str) else compact(value).replace('"', "")
        return compact(text)[1:-1] if self.sure else text

    def as_dict(self) -> dict[str, Any]:
        """``InputTransformer``."""
        paths = {name: path.text for name, path in self._paths.items()}
        return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": self._template}}


def _pieces(template: str, is_json: bool) -> list[str | tuple[str, bool]]:
    """The template cut at its names: texts, and pairs of a name and whether it is within quotes.

    White space between the parts of JSON goes.
    """
    pieces: list[str | tuple[str, bool]] = []
    at, quoted = 0, False
    for token in _TOKEN.finditer(template):
        pieces.append(template[at : token.start()])
        at = token.end()
        name = token[1]
        if name is not None:
            pieces.append((name, quoted))
        elif not token[0].isspace() or quoted or not is_json:
            pieces.append(token[0])
            quoted = quoted != (is_json and token[0] == '"')
    pieces.append(template[at:])
    return [piece for piece in pieces if piece]


def compact(value: Any) -> str:
    """JSON without white space, characters as they are.

    >>> compact({"a": ["ä", 1]})
    '{"a":["ä",1]}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

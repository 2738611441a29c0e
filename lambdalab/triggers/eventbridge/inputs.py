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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.rules import Rules
from lambdalab.triggers.eventbridge.paths import MISSING, Path

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}\Z")
_TOKEN = re.compile(r'\\.|"|<([^<>]+)>|\s+', re.DOTALL)
_WHOLE = ("aws.events.event.json", "aws.events.event")
RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    *_WHOLE,
)
"""The names that every template knows."""
_STAND_IN = "\ue000"  # a character of nobody's: it stands for what a name within quotes will be
_SOURCE = "botocore InputTransformer"


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
    """A template with parts of the event in it; made by :func:`read_input`."""

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
            piece if isinstance(piece, str) else _STAND_IN if piece[1] else "0"
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
        if name in _WHOLE:
            kept = event.document.items()
            return {key: value for key, value in kept if key != "detail" or name == _WHOLE[0]}
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


# ------------------------------------------------------------------ reading


def read_input(
    target_id: str, given: object, path: object, transformer: object, rules: Rules
) -> Input:
    """The input of a target, of at most one of three settings (None: not given).

    Parameters: the target's id, for errors; ``input``, ``input_path`` and ``input_transformer`` as
    :meth:`~lambdalab.triggers.eventbridge.rule.Rule.put_target` takes them; the lab's rules.

    Raises :class:`~lambdalab.errors.ValidationException` in AWS's words where it has some, and
    :class:`~lambdalab.errors.InvalidSetting` for what has the wrong kind or length.
    """
    if sum(each is not None for each in (given, path, transformer)) > 1:
        raise ValidationException(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target_id}."
        )
    if given is not None:
        return Constant(_constant(given, target_id, rules))
    if path is not None:
        return Part(_path(path, "input_path", "InputPath", target_id, rules))
    if transformer is not None:
        return _transformer(transformer, target_id, rules)
    return Whole()


def _constant(given: object, target_id: str, rules: Rules) -> str:
    if isinstance(given, str):
        text = given
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationException(
                f"JSON syntax error in input for target {target_id}",
                f"; {error}: a text is passed on as it is and has to be JSON, such as '\"done\"'",
            ) from None
    else:
        try:
            text = json.dumps(given, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            limit = f"JSON, or a value that JSON can express: {error}"
            raise InvalidSetting("input", given, limit, "botocore PutTargets") from None
    return _short("input", text, "eventbridge_input_length", rules)


def _path(given: object, setting: str, word: str, target_id: str, rules: Rules) -> Path:
    if not isinstance(given, str):
        raise InvalidSetting(setting, given, "a text such as '$.detail.id'", "botocore PutTargets")
    _short(setting, given, "eventbridge_path_length", rules)
    try:
        return Path(given)
    except ValueError as error:
        raise ValidationException(
            f"{word} for target {target_id} is invalid.", f" ({given!r}, {error})"
        ) from None


def _short(setting: str, text: str, limit: str, rules: Rules) -> str:
    most = getattr(rules, limit)
    if len(text) > most:
        shown = f"{len(text):,} characters"
        raise InvalidSetting(setting, shown, f"at most {most:,} characters", rules.source(limit))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidSetting(setting, ascii(text), f"text with a UTF-8 form: {error}") from None
    return text


def _transformer(given: object, target_id: str, rules: Rules) -> Transformer:
    paths, template = _both(given)
    most = rules.eventbridge_input_paths
    if len(paths) > most:
        source = rules.source("eventbridge_input_paths")
        raise InvalidSetting("input_transformer", f"{len(paths)} paths", f"at most {most}", source)
    for name in paths:
        if not isinstance(name, str) or not _NAME.match(name):
            limit = "letters, digits, '-' and '_', and none of AWS's own names aws.events...."
            raise InvalidSetting("input_transformer", name, limit, _SOURCE)
    _short("input_transformer", template, "eventbridge_input_length", rules)
    if not template:
        raise InvalidSetting("input_transformer", template, "a template that is not empty", _SOURCE)
    word = "InputPathsMap"
    read = {
        name: _path(path, "input_transformer", word, target_id, rules)
        for name, path in paths.items()
    }
    made = Transformer(read, template)
    _check(made, read, template, target_id)
    return made


def _both(given: object) -> tuple[Mapping[str, object], str]:
    """Paths and template, of a pair or of AWS's form."""
    if isinstance(given, Mapping) and set(given) <= {"InputPathsMap", "InputTemplate"}:
        given = given.get("InputPathsMap", {}), given.get("InputTemplate")
    if isinstance(given, (tuple, list)) and len(given) == 2:
        paths, template = given
        if isinstance(paths, Mapping) and isinstance(template, str):
            return paths, template
    limit = (
        "a pair of paths by name and a template, as in ({'id': '$.detail.id'}, '{\"order\": <id>}')"
    )
    raise InvalidSetting("input_transformer", given, limit, _SOURCE)


def _check(made: Transformer, paths: Mapping[str, Path], template: str, target_id: str) -> None:
    """What AWS refuses of a template when it is given."""
    is_object = template.strip().startswith("{")
    for name in made.names:
        if name not in paths and name not in RESERVED:
            known = ", ".join([*paths, *RESERVED])
            raise ValidationException(
                f"InputTemplate for target {target_id} contains invalid placeholder {name}.",
                f"; there are {known}",
            )
        if name in _WHOLE and not is_object:
            raise ValidationException(
                f"InputTemplate for target {target_id} contains placeholder {name} valid only for "
                "JSON template."
            )
    if template.strip()[:1] not in ("{", "[", '"'):
        return
    trial = made.trial()
    try:
        json.loads(trial, object_pairs_hook=_checked_keys)
    except (ValueError, RecursionError) as error:
        shown = trial.replace(_STAND_IN, "?")
        raise ValidationException(
            f"Invalid InputTemplate for target {target_id}.",
            f" ({error}; with 0 for each name, and ? within quotes, it is {shown})",
        ) from None


def _checked_keys(pairs: list[tuple[str, Any]]) -> None:
    if any(_STAND_IN in key for key, _ in pairs):
        raise ValueError("a name cannot be, or be in, the key of an object")

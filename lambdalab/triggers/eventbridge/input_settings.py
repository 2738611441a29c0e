"""Reading how the input of a target is made: what AWS refuses, and in which words.

Source: botocore PutTargets; the words were published by people who met them (September 2026).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.rules import Rules
from lambdalab.triggers.eventbridge.inputs import (
    RESERVED,
    STAND_IN,
    WHOLE,
    Constant,
    Input,
    Part,
    Transformer,
    Whole,
)
from lambdalab.triggers.eventbridge.paths import Path

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}\Z")
_SOURCE = "botocore InputTransformer"
_WORDS = {"input_paths_map": "InputPathsMap", "input_template": "InputTemplate"}


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
            json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ValidationException(
                f"JSON syntax error in input for target {target_id}",
                f"; {error}: a text is passed on as it is and has to be JSON, such as '\"done\"'",
            ) from None
    else:
        try:
            text = json.dumps(given, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            limit = f"JSON, or a value that JSON can express: {error}"
            raise InvalidSetting("input", given, limit, "botocore PutTargets") from None
    return _short("input", text, "eventbridge_input_length", rules)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


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
    if isinstance(given, Mapping):
        told = {_WORDS.get(name, name): value for name, value in given.items()}
        if set(told) <= {"InputPathsMap", "InputTemplate"}:
            given = told.get("InputPathsMap", {}), told.get("InputTemplate")
    if isinstance(given, (tuple, list)) and len(given) == 2:
        paths, template = given
        if isinstance(paths, Mapping) and isinstance(template, str):
            return paths, template
    limit = (
        "a pair of paths by name and a template, as in ({'id': '$.detail.id'}, '{\"order\": <id>}'), "
        "or AWS's {'InputPathsMap': {...}, 'InputTemplate': '...'}"
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
        if name in WHOLE and not is_object:
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
        shown = trial.replace(STAND_IN, "?")
        raise ValidationException(
            f"Invalid InputTemplate for target {target_id}.",
            f" ({error}; with 0 for each name, and ? within quotes, it is {shown})",
        ) from None


def _checked_keys(pairs: list[tuple[str, Any]]) -> None:
    if any(STAND_IN in key for key, _ in pairs):
        raise ValueError("a name cannot be, or be in, the key of an object")

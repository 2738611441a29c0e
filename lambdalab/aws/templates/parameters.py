"""The parameters of a template: given or by default, checked against what they may be.

The constraints (lengths, patterns, ranges, kinds of AWS's own ids) are checked by cloud-radar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloud_radar.cf.unit._template import validate_parameter_constraints

from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.errors import TemplateError, suggestion

_SSM = "AWS::SSM::Parameter::Value<"


def text_of(value: object) -> str:
    """A scalar as CloudFormation has it: a text.

    >>> text_of(True), text_of(5), text_of(0.5)
    ('true', '5', '0.5')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _given_text(value: object) -> str:
    return ",".join(map(text_of, value)) if isinstance(value, (list, tuple)) else text_of(value)


def parameters_of(
    template: Mapping[str, Any], given: Mapping[str, Any] | None, left_out: LeftOut
) -> dict[str, Any]:
    """The value of every parameter: a text, or a list of texts.

    Raises :class:`~lambdalab.errors.TemplateError` for one that is given and not known, one that has no
    value, and for values that are not allowed.
    """
    known: dict[str, dict[str, Any]] = template.get("Parameters") or {}
    for name in given or {}:
        if name not in known:
            raise TemplateError(f"the template has no parameter {name!r}{suggestion(name, known)}")
    values = {name: _given_text(value) for name, value in (given or {}).items()}
    described = {name: _described(name, told) for name, told in known.items()}
    missing = [name for name in known if name not in values and "Default" not in known[name]]
    if missing:
        told = ", ".join(missing)
        raise TemplateError(
            f"parameters without a value: {told}; give parameters={{{missing[0]!r}: ...}}"
        )
    found = {name: values.get(name, _given_text(known[name].get("Default"))) for name in known}
    for name, value in found.items():
        allowed = described[name].get("AllowedValues")
        items = _value(described[name]["Type"], value)
        if allowed is not None and not set([items] if isinstance(items, str) else items) <= {
            *allowed
        }:
            raise TemplateError(f"parameter {name}={value!r}: must be one of {', '.join(allowed)}")
        _check(name, described[name], value)
        if described[name]["Type"].startswith(_SSM):
            left_out.partly(
                name, described[name]["Type"], "Default",
                f"a lab has no Parameter Store: the value is the parameter's name, {value!r}, itself; "
                "parameters= can give the value",
            )  # fmt: skip
    return {name: _value(described[name]["Type"], value) for name, value in found.items()}


def _described(name: str, told: Any) -> dict[str, Any]:
    if not isinstance(told, dict) or not isinstance(told.get("Type"), str):
        raise TemplateError(f"the parameter {name} has no Type")
    found = dict(told)
    if "AllowedValues" in found:
        if not isinstance(found["AllowedValues"], list):
            raise TemplateError(f"AllowedValues of the parameter {name} must be a list")
        found["AllowedValues"] = [text_of(each) for each in found["AllowedValues"]]
    return found


def _check(name: str, described: dict[str, Any], value: str) -> None:
    if (
        value == "" and described["Type"] != "Number"
    ):  # an empty default of a kind of id is let through
        described = {key: told for key, told in described.items() if key != "Type"} | {
            "Type": "String"
        }
    try:
        validate_parameter_constraints(name, described, value)
    except KeyError:
        pass  # a kind of AWS's ids that the library does not know
    except (TypeError, ValueError, re.error) as error:
        raise TemplateError(f"parameter {name}={value!r}: {error}") from None


def _value(kind: str, value: str) -> Any:
    """A list for the types that are lists."""
    if "List<" in kind or "CommaDelimitedList" in kind:
        return [each.strip() for each in value.split(",")]
    return value

"""A template's text: found, parsed, and looked at as CloudFormation looks at it first.

YAML with its short forms (``!Ref``, ``!Sub``) is read by cfn-flip, AWS's own converter of templates. Two
things are stricter and one is looser than there: a key that stands twice is an error, as on AWS, keys are
texts, and a date (``Version: 2012-10-17``) stays the text that it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cfn_tools.yaml_loader import TAG_MAP, CfnYamlLoader
from cfn_tools.yaml_loader import construct_mapping as in_order

from lambdalab.errors import TemplateError, suggestion

SECTIONS = (
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
    "Transform", "Resources", "Outputs", "Globals", "Hooks",
)  # fmt: skip
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


@dataclass(frozen=True, slots=True)
class Source:
    """A template as it was read.

    Attributes: ``name``, of its file ("template" where it has none); ``folder``, where the paths in it
    start; ``template``, its sections.
    """

    name: str
    folder: Path
    template: dict[str, Any]


class _Loader(CfnYamlLoader):  # type: ignore[misc]
    """Dates stay texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, regexp) for tag, regexp in found if tag != _TIMESTAMP]
        for first, found in CfnYamlLoader.yaml_implicit_resolvers.items()
    }


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> Any:
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands there twice", key.start_mark
            )
        seen.add(key.value)
    return in_order(loader, node, deep)


_Loader.add_constructor(TAG_MAP, _mapping)


def read(template: object) -> Source:
    """A template from a path, or from its text.

    Parameters: ``template``, a path, or a text of several lines or one that begins with ``{``; in a text
    paths start at the working directory.

    Raises :class:`~lambdalab.errors.TemplateError`: no such file, a text that does not parse (with its
    line), what is no template.
    """
    if isinstance(template, str) and ("\n" in template or template.lstrip().startswith("{")):
        name, folder, text = "template", Path(), template
    elif isinstance(template, (str, os.PathLike)):
        path = Path(template)
        if not path.is_file():
            raise TemplateError(f"there is no template {os.fspath(template)!r}{_near(path)}")
        name, folder = path.name, path.parent
        text = _text(path)
    else:
        raise TemplateError(f"a template is a path or a text, not {template!r}")
    found = _plain(_parsed(text, name), name)
    _check(found, name)
    return Source(name, folder, found)


def document(path: Path) -> Any:
    """Another document that a template names, such as an OpenAPI definition."""
    return _plain(_parsed(_text(path), path.name), path.name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path.name} cannot be read: {error}") from None


def _near(path: Path) -> str:
    """What else there is in the folder."""
    if not path.parent.is_dir():
        return ""
    kinds = (".yaml", ".yml", ".json", ".template")
    names = sorted(each.name for each in path.parent.iterdir() if each.suffix in kinds)
    return suggestion(path.name, names) if names else ""


def _parsed(text: str, name: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            told = f"{name}, line {error.lineno}: {error.msg}"
            try:  # a mapping of YAML may begin so too
                return yaml.load(text, Loader=_Loader)
            except yaml.YAMLError:
                raise TemplateError(told) from None
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise TemplateError(f"{name}{line}: {problem}") from None


def _plain(value: Any, name: str) -> Any:
    """Dicts with texts as keys, lists and scalars."""
    if isinstance(value, Mapping):
        return {_key(key): _plain(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, name) for each in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TemplateError(f"{name}: {value!r} is nothing that a template can hold")


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _check(template: Any, name: str) -> None:
    """Raise unless it has the sections of a template."""
    if not isinstance(template, dict):
        raise TemplateError(f"{name} is no template: it has no Resources")
    for section in template:
        if section not in SECTIONS:
            told = f"Invalid template property or properties [{section}]"
            raise TemplateError(f"{name}: {told}{suggestion(section, SECTIONS)}")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise TemplateError(f"{name}: At least one Resources member must be defined")
    for section in ("Parameters", "Mappings", "Conditions", "Outputs", "Globals"):
        if not isinstance(template.get(section) or {}, dict):
            raise TemplateError(f"{name}: {section} must be a mapping of names")
    for section in ("Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Globals"):
        for path in _nulls(template.get(section), f"/{section}"):
            raise TemplateError(f"{name}: [{path}] 'null' values are not allowed in templates")
    check_resources(resources, name)


def check_resources(resources: dict[str, Any], name: str) -> None:
    """Raise unless each has a type, and its other parts are of their kind; loops are left for later."""
    for logical_id, resource in resources.items():
        if logical_id.startswith("Fn::"):
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise TemplateError(f"{name}: the resource {logical_id} has no Type")
        if not isinstance(resource.get("Properties", {}), dict):
            raise TemplateError(f"{name}: Properties of {logical_id} must be a mapping")
        after = resource.get("DependsOn", [])
        if not all(
            isinstance(each, str) for each in (after if isinstance(after, list) else [after])
        ):
            raise TemplateError(f"{name}: DependsOn of {logical_id} must be names of resources")


def _nulls(value: Any, path: str) -> Iterator[str]:
    """Where something is named and not given; a whole section may be empty."""
    if not isinstance(value, (dict, list)):
        return
    for name, each in value.items() if isinstance(value, dict) else enumerate(value):
        if each is None:
            yield f"{path}/{name}"
        yield from _nulls(each, f"{path}/{name}")

"""The trace viewer and the flow for the page: what their scripts draw, made when it is asked for."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdalab.aws.endpoint.pages.shown import stamp

if TYPE_CHECKING:
    from lambdalab.lab import Lab

_WIDGETS = "lambdalab.widgets"
"""Stands above this room; it is opened when a picture is asked for."""

_VIEWER = (
    "data", "columns", "about", "view", "selected", "cursor", "hidden", "opened", "focus", "measured",
    "height",
)  # fmt: skip
_FLOW = ("script", "label", "selected", "time", "decision", "playing", "speed")
_STYLE = re.compile(r"^const CSS = `(.*?)`;$", re.MULTILINE | re.DOTALL)
_CONSTANT = re.compile(r"^const (\w+) = [\"'](.*)[\"'];$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def viewer(lab: Lab, select: str = "") -> dict[str, Any]:
    """What the viewer's script draws of the lab's trace, with ``select`` (as in ``"r2"``) lit.

    Raises :class:`~lambdalab.errors.UnknownName` for what is not in the trace.
    """
    made = import_module(_WIDGETS).TraceViewer(lab)
    try:
        if select:
            made.select(select)
        return _values(lab, made, _VIEWER)
    finally:
        _forget(made)


def flow(lab: Lab) -> dict[str, Any]:
    """What the flow's script plays of the lab's trace."""
    made = import_module(_WIDGETS).Flow(lab)
    try:
        return _values(lab, made, _FLOW) | {"left_out": made.left_out}
    finally:
        _forget(made)


def _forget(widget: Any) -> None:
    """Else ipywidgets keeps it, and what it has beside it, for ever."""
    widget.layout.close()
    widget.close()


def _values(lab: Lab, widget: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Traits by name; bytes, which JSON has not got, as base64 beside them; when it was drawn."""
    values = {name: getattr(widget, name) for name in names}
    binary = {name: value for name, value in values.items() if isinstance(value, bytes)}
    return {
        "stamp": stamp(lab),
        "values": {name: value for name, value in values.items() if name not in binary},
        "binary": {name: base64.b64encode(value).decode() for name, value in binary.items()},
    }


@cache
def flow_style(script: Path) -> str:
    """What a policy says of the one style that the flow's script brings itself: the hash of its text."""
    text = script.read_text(encoding="utf-8")
    constants = dict(_CONSTANT.findall(text))
    found = _STYLE.search(text)
    if found is None:
        raise ValueError(f"no style in {script.name}")
    style = _PLACEHOLDER.sub(lambda place: constants[place[1]], found[1])
    digest = hashlib.sha256(style.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

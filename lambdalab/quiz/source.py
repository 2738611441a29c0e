"""A set-up as a program that a reader can run: its own source, and the lines around it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, ModuleType
from typing import Any

Settings = Mapping[str, Any]
_WIDTH = 90
_FOR_TOOLS = re.compile(r"  # (fmt|noqa)\b.*")
"""Comments that are meant for nobody who reads."""


def program(
    setup: Callable[..., Any], runs: Mapping[str, Settings], quotas: Settings, seed: int | str
) -> str:
    """The program that runs a set-up once for each of ``runs``, and prints what was seen.

    Parameters: ``runs`` are settings of the set-up by a comment that stands behind its call.
    """
    changed = f", quotas={dict(quotas)!r}" if quotas else ""
    lab = f"ll.Lab(seed={seed!r}{changed})"
    calls = [
        _call(setup.__name__, [lab, *(f"{name}={value!r}" for name, value in settings.items())])
        + (f"  # {comment}" if comment else "")
        for comment, settings in runs.items()
    ]
    return "\n".join([*_imports(setup), "", "", _source(setup), "", "", *calls, ""])


def _call(name: str, arguments: list[str]) -> str:
    """A line that prints what a call returns; several where one would be too long."""
    line = f"print({name}({', '.join(arguments)}))"
    if len(line) <= _WIDTH:
        return line
    given = "".join(f"        {argument},\n" for argument in arguments)
    return f"print(\n    {name}(\n{given}    )\n)"


def _source(setup: Callable[..., Any]) -> str:
    """The text of a function without its decorators, and without comments for tools."""
    text = textwrap.dedent(inspect.getsource(setup))
    node = ast.parse(text).body[0]
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return "\n".join(_FOR_TOOLS.sub("", line) for line in lines)


def _imports(setup: Callable[..., Any]) -> list[str]:
    """What a program must import for the function, the standard library first."""
    used = {name for code in _codes(setup.__code__) for name in code.co_names}
    found = setup.__globals__
    modules = [name for name in sorted(used) if isinstance(found.get(name), ModuleType)]
    plain = [f"import {name}" for name in modules if name != "ll"]
    return [*plain, *([""] if plain else []), "import lambdalab as ll"]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)

"""Which handlers may hold a clock that was bound before they came in: ``now = datetime.now``.

Such a name is found by a search through all objects of the process, which costs as much as a thousand
invocations. Code that keeps to itself needs none: what it calls it looks up while it runs, and then
it finds the clocks of its lab. A text is judged here, a function object by :mod:`.early_calls`.
"""

from __future__ import annotations

import ast
import builtins
from functools import lru_cache
from typing import TYPE_CHECKING

from lambdalab.functions.early_calls import Reading

if TYPE_CHECKING:
    from lambdalab.functions.code import Code

_PLAIN = frozenset(
    {"datetime", "json", "lambdalab.functions.cpu", "math", "os", "random", "re", "time"}
)
"""Modules that hold no bound clock themselves, and call nothing that others have left with them."""
_DOORS = frozenset(
    {"breakpoint", "compile", "eval", "exec", "getattr", "globals", "modules", "sys", "vars"}
)
"""Names by which code gets hold of what it has not imported; those with two underscores are more."""
_USUAL = frozenset(dir(builtins)) - _DOORS


def may_hold_clocks(code: Code) -> bool:
    """Whether a handler can reach a name that other code has bound; False only where it surely cannot.

    >>> from lambdalab.functions.code import Code
    >>> [may_hold_clocks(Code.from_text(f"import {name}\\ndef handler(e, c): return {name}.now()"))
    ...  for name in ("time", "shop")]
    [False, True]
    """
    if code.function is not None:
        return not Reading(_PLAIN | {"lambdalab"}, _DOORS).is_plain(code.function)
    files = code.folder.files if code.folder is not None else None
    if not files:
        return True
    return not all(path.endswith(".py") and _is_plain(text) for path, text in files.items())


@lru_cache(maxsize=64)  # an update of other settings brings the same text again
def _is_plain(text: bytes) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return False
    imported = {name for node in nodes for name in _imported(node)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    read, bound = set[str](), {name for node in nodes for name in _bound(node)}
    for node in nodes:
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
    reached = attributes | read | bound
    return (
        imported <= _PLAIN
        and read <= bound | _USUAL
        and not reached & _DOORS
        and not any(name.startswith("__") for name in reached)
    )


def _imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports, by their whole names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return []


def _bound(node: ast.AST) -> list[str]:
    """The names that a node binds, but for plain assignments."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [(alias.asname or "", alias.name.partition(".")[0]) for alias in node.names]
        return [name for both in names for name in both if name]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.ExceptHandler) and node.name:
        return [node.name]
    return []

"""Whether a function object can reach a clock that was bound before: what it reads, and what that reads.

A cautious reading of its byte code: every global, default and closed-over value it uses must be plain
data, a module that keeps nothing of others, or code that is plain itself. Whatever is not known to be
harmless may hold a clock.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

_DATA = (type(None), bool, int, float, complex, str, bytes)
_HOLDERS = (tuple, list, set, frozenset)
_MOST = 200  # members of what holds data; more are not looked through
_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"})
_IMPORTS = frozenset({"IMPORT_NAME"})


class Reading:
    """One reading of what a handler reaches.

    Parameters: the names of ``modules`` that hold no clock; ``doors``, names that lead anywhere.
    """

    def __init__(self, modules: frozenset[str], doors: frozenset[str]) -> None:
        self._modules, self._doors = modules, doors
        self._seen: set[int] = set()

    def is_plain(self, value: Any) -> bool:
        """Whether nothing that can be reached from a value is a clock, for all one can see."""
        if isinstance(value, _DATA):
            return type(value) in _DATA
        if id(value) in self._seen:
            return True
        self._seen.add(id(value))
        kind = type(value)
        if kind is FunctionType:
            return self._function(value)
        if kind is MethodType:
            return self._function(value.__func__) and self.is_plain(value.__self__)
        if kind is BuiltinFunctionType:  # time.sleep is re-aimed where it is, datetime.now is not
            owner = value.__self__
            return type(owner) is not type and self.is_plain(owner)
        if kind is ModuleType:
            return value.__name__ in self._modules
        if kind is type:
            return self._class(value)
        if kind is dict:
            return len(value) <= _MOST and all(map(self.is_plain, [*value, *value.values()]))
        if kind in _HOLDERS:
            return len(value) <= _MOST and all(map(self.is_plain, value))
        return kind.__module__.partition(".")[0] == "lambdalab"

    def _function(self, function: FunctionType) -> bool:
        held = [
            *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values(),
            *function.__dict__.values(),
        ]
        for cell in function.__closure__ or ():
            try:
                held.append(cell.cell_contents)
            except ValueError:  # not filled yet: nobody has called for it
                return False
        return all(map(self.is_plain, held)) and self._code(function.__code__, function.__globals__)

    def _code(self, code: CodeType, names: dict[str, Any]) -> bool:
        return all(
            self._instruction(instruction, names)
            for part in _codes(code)
            for instruction in dis.get_instructions(part)
        )

    def _instruction(self, instruction: dis.Instruction, names: dict[str, Any]) -> bool:
        operation, name = instruction.opname, instruction.argval
        if operation in _READS:
            return self._name(name, names)
        if operation in _ATTRIBUTES:
            return name not in self._doors and not name.startswith("__")
        return operation not in _IMPORTS or name in self._modules

    def _name(self, name: str, names: dict[str, Any]) -> bool:
        if name in self._doors:
            return False
        if name in names:
            return self.is_plain(names[name])
        return hasattr(builtins, name) and not name.startswith("__")

    def _class(self, kind: type) -> bool:
        if kind.__module__ in ("builtins", *self._modules):
            return True
        if kind.__module__.partition(".")[0] == "lambdalab":
            return True
        mine = [value for name, value in vars(kind).items() if name not in _OF_CLASSES]
        return all(map(self.is_plain, mine)) and all(map(self.is_plain, kind.__bases__))


_OF_CLASSES = frozenset(
    {"__module__", "__dict__", "__weakref__", "__doc__", "__qualname__", "__firstlineno__"}
    | {"__static_attributes__", "__annotations__"}
)
"""What every class has: data, and what Python itself puts there."""


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)

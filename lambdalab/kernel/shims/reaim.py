"""Making builtins dispatch without replacing them: every name bound early is caught.

A builtin function keeps its identity. Its method definition is exchanged for one of ours with the
same calling convention, whose C function is one of CPython's own call API, and its ``self`` for a
Python function. No ctypes callback is ever on the stack, so exceptions, signals and greenlet
switches behave as in any call. Nothing about the layout of objects is assumed: each word is compared
with something already known before it is followed, and whoever uses this tests it first.
"""

from __future__ import annotations

import ctypes
import gc
import struct
import types
from collections.abc import Callable, Mapping
from typing import Any

_WORD = ctypes.sizeof(ctypes.c_void_p)
_HEAD = (
    object.__basicsize__
)  # what every object begins with: 16 bytes, 32 without the GIL, 8 in wasm
_METH_VARARGS, _METH_KEYWORDS, _METH_NOARGS, _METH_O = 0x1, 0x2, 0x4, 0x8
_METH_FASTCALL = 0x80
_CONVENTION = 0xFF & ~0x70  # the flags without class, static and coexist


class Unsupported(RuntimeError):
    """This interpreter is not laid out as expected; nothing was changed."""


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def _word(address: int) -> int | None:
    return ctypes.c_void_p.from_address(address).value


def _bouncers() -> dict[int, Any]:
    """For each calling convention, the function of CPython's API with just that signature."""
    api = ctypes.pythonapi
    return {
        _METH_NOARGS: api.PyObject_CallObject,
        _METH_VARARGS: api.PyObject_CallObject,
        _METH_O: api.PyObject_CallOneArg,
        _METH_FASTCALL | _METH_KEYWORDS: api.PyObject_Vectorcall,
        _METH_VARARGS | _METH_KEYWORDS: api.PyObject_Call,
    }


def _definition(function: Any) -> tuple[int, _MethodDef]:
    """Where a builtin's method definition lies, and what it says."""
    kind = type(function)
    if kind is not types.BuiltinFunctionType or kind.__basicsize__ != _HEAD + 5 * _WORD:
        raise Unsupported(f"{function!r} is no builtin of a known layout")
    at = id(function) + _HEAD
    owner = function.__self__
    if _word(at + _WORD) != id(owner):
        raise Unsupported(f"{function!r}: its self is not where it should be")
    if isinstance(owner, types.ModuleType) and _word(at + 2 * _WORD) != id(function.__module__):
        raise Unsupported(f"{function!r}: its module is not where it should be")
    address = _word(at)
    if address is None:
        raise Unsupported(f"{function!r} has no method definition")
    definition = _MethodDef.from_address(address)
    if definition.name != function.__name__.encode():
        raise Unsupported(f"{function!r}: its name is not where it should be")
    return address, definition


class Aim:
    """One builtin function, turned to a Python function and back.

    Parameters: the builtin and, now or later as ``shim``, what it shall call. ``real`` is a builtin
    of the same kind that is never turned.
    """

    def __init__(self, function: Any, shim: Callable[..., Any] | None = None) -> None:
        self.function = function
        self._address, definition = _definition(function)
        bouncer = _bouncers().get(definition.flags & _CONVENTION)
        if bouncer is None:
            raise Unsupported(f"{function!r}: calling convention {definition.flags:#x}")
        target = ctypes.cast(bouncer, ctypes.c_void_p).value
        self._ours = _MethodDef(definition.name, target, definition.flags, definition.doc)
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype = ctypes.py_object
        make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
        self.real: Any = make(self._address, function.__self__, function.__module__)
        self._slot = (ctypes.c_char * (2 * _WORD)).from_address(id(function) + _HEAD)
        self._straight = struct.pack("PP", self._address, id(function.__self__))
        self._turned = b""
        self._owner = function.__self__
        self.shim = shim
        self._is_on = False

    def on(self) -> None:
        """Turn it. Both words change in one store: no other thread sees half of it."""
        if not self._is_on:
            if not self._turned:
                self._turned = struct.pack("PP", ctypes.addressof(self._ours), id(self.shim))
            # the function will give back a reference to its self when it dies
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.shim))
            self._slot.raw = self._turned
            self._is_on = True

    def off(self) -> None:
        """Turn it back. A call under way goes on: the shim lives as long as this object."""
        if self._is_on:
            self._slot.raw = self._straight
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(self.shim))
            self._is_on = False


class TypePatch:
    """Methods of a builtin type, exchanged in the type's own dictionary.

    The type object stays the same: instances, ``isinstance``, pickle and users in C see nothing.
    """

    def __init__(self, kind: type, names: tuple[str, ...]) -> None:
        self._kind = ctypes.py_object(kind)
        found = gc.get_referents(kind.__dict__)
        if len(found) != 1 or type(found[0]) is not dict or found[0] != dict(kind.__dict__):
            raise Unsupported(f"the dictionary of {kind!r} cannot be found")
        self._dict: dict[str, Any] = found[0]
        self.real: dict[str, Any] = {name: self._dict[name] for name in names}
        self.shims: Mapping[str, Any] = {}

    def on(self) -> None:
        """Put the shims in."""
        self._dict.update(self.shims)
        ctypes.pythonapi.PyType_Modified(self._kind)

    def off(self) -> None:
        """Put the real methods back."""
        self._dict.update(self.real)
        ctypes.pythonapi.PyType_Modified(self._kind)

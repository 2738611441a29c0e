"""``threading.local`` made inside a task: its values belong to an environment and a green thread."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

from lambdalab.kernel.current import current
from lambdalab.kernel.shims.environ import Names

_real = threading.local


class Locals:
    """Gives handlers a ``threading.local`` that knows green threads.

    The handler's own thread is one for all invocations of an environment (a connection kept there is
    found by the next). Those that libraries made outside a task stay as they are, shared by all
    handlers of the thread.
    """

    def __init__(self) -> None:
        self._names = Names()
        self._names.put(threading, "local", local)

    def on(self) -> None:
        """Dispatch."""
        self._names.on()

    def off(self) -> None:
        """Stop."""
        self._names.off()


class _Choosing(type):
    """Makes ``local(...)`` and ``class X(local)`` a green one inside a task, a real one outside."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> Any:
        if not bases:
            return super().__new__(cls, name, bases, namespace)
        chosen = tuple(_choice() if base is local else base for base in bases)
        return type(chosen[0])(name, chosen, namespace, **kwargs)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return _choice()(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real | GreenLocal)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real | GreenLocal)


class local(metaclass=_Choosing):
    """What ``threading.local`` is during a run."""


def _choice() -> type:
    return _real if current() is None else GreenLocal


def _here() -> object:
    """Whose values are meant: an environment's handler, one of its green threads, or nobody's."""
    task = current()
    if task is None:
        return Locals
    return task.surroundings if task.parent is None else task


class GreenLocal:
    """Attributes per environment and green thread; a subclass's ``__init__`` runs once for each."""

    __slots__ = ("__dict__", "_values", "_arguments")  # noqa: RUF023

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Any:
        """Make one; arguments are for a subclass's ``__init__`` only, as in ``threading.local``."""
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        self = object.__new__(cls)
        values: WeakKeyDictionary[object, dict[str, Any]] = WeakKeyDictionary()
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_arguments", (args, kwargs))
        values[_here()] = object.__getattribute__(self, "__dict__")
        return self

    def __getattribute__(self, name: str) -> Any:
        _turn(self)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__dict__":
            raise AttributeError(
                f"{type(self).__name__!r} object attribute '__dict__' is read-only"
            )
        _turn(self)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _turn(self)
        object.__delattr__(self, name)


def _turn(self: GreenLocal) -> None:
    """Give it the ``__dict__`` of whoever asks."""
    values = object.__getattribute__(self, "_values")
    here = _here()
    own = values.get(here)
    if own is not None:
        object.__setattr__(self, "__dict__", own)
        return
    values[here] = {}
    object.__setattr__(self, "__dict__", values[here])
    args, kwargs = object.__getattribute__(self, "_arguments")
    if type(self).__init__ is not object.__init__:
        type(self).__init__(self, *args, **kwargs)

"""A copy of a lab in which one handler can be tried without touching anything of the user's.

The copy has the queues, tables, streams, topics, buckets and buses of the lab, by the same names and
wired to nothing; tables have their items, buckets their objects. Of the functions it has the one that is tried, with its code;
the others are stand-ins that do nothing. What the handler's code has of the lab - names of its module,
variables it closes over - is replaced by what the copy has, and its plain data by copies. While it runs
the lab itself is shut, and so is every other: what would reach one all the same is refused.
"""

from __future__ import annotations

import copy
import datetime as dt
import inspect
import marshal
import reprlib
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType, MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from lambdalab.functions.code import Code
from lambdalab.functions.function import Function
from lambdalab.lab import _LABS
from lambdalab.sources.sqs.service import Queue
from lambdalab.trace.codes import Action, Cause

if TYPE_CHECKING:
    from lambdalab.lab import Lab

_DATA = (dict, list, set, bytearray, deque)
_ATOMS = {bool, int, float, complex, str, bytes, type(None)}
_COPIED = ("__main__", "numpy", "pandas", "array", "io")  # modules of whose classes things are copied
_HOLDERS = (tuple, SimpleNamespace)  # no data themselves, but they may hold some, or things of the lab
_INSIDE = (
    "rules", "_books", "_clock", "_client", "_functions", "_lambda", "_mappings", "_scheduler",
    "_sources", "_streams", "_time", "_triggers", "_faults",
)  # fmt: skip
"""What a lab is made of: never copied along with a thing that the handler has of it."""
_CREATE = {"sns": "create_topic", "s3": "create_bucket", "eventbridge": "create_event_bus"}
"""By service: the verb that makes what handlers send things to."""


@dataclass(frozen=True)
class Remembered:
    """Data in memory as it was: ``told``, its beginning, for people; ``all``, to compare."""

    told: str
    all: str | bytes = field(repr=False)

    @classmethod
    def of(cls, value: Any) -> Remembered:
        """How a value looks now."""
        try:
            return cls(reprlib.repr(value), marshal.dumps(value, 2))
        except ValueError:
            return cls(reprlib.repr(value), repr(value))


class Twin:
    """A copy of ``lab`` with the handler of ``function``; ``later``: how much later it is there.

    Attributes: ``lab``, the copy; ``mirror``, what was replaced in the handler's code.
    """

    def __init__(self, lab: Lab, function: Function, seed: str, later: dt.timedelta) -> None:
        self.lab = type(lab)(
            seed=seed, start=lab.now + later, rules=lab.rules.date, quotas=lab.rules.quotas
        )
        self.name = function.name
        same: dict[int, Any] = {id(part): part for name in _INSIDE if (part := getattr(lab, name))}
        parts = lab._triggers.parts
        same |= {id(parts): parts, id(lab): self.lab}
        for service in ("sqs", "dynamodb", "kinesis", *lab._triggers.SERVICES):
            same[id(getattr(lab, service))] = getattr(self.lab, service)
        for old, new in _things(lab, self.lab):
            same[id(old)] = new
        for other in list(lab._lambda.functions.values()):
            if other is not function:
                same[id(other)] = self.lab.create_function(
                    other.name, duration=0.1, timeout=other.settings.timeout
                )
        self.mirror = Mirror(same)
        self._tried(lab, function)

    def _tried(self, lab: Lab, function: Function) -> None:
        code = function.latest.code
        assert code is not None
        if code.function is not None:
            code = Code.of(self.mirror.handler(code.function))
        else:
            from lambdalab.examples.orders import sdk

            sdk.connect_twin(lab, self.lab)
        known = function.settings
        settings = {
            name: getattr(known, name)
            for name in ("name", "memory_size", "timeout", "environment", "architecture", "runtime")
        }
        self.lab._functions._put("create_function", code, settings)

    def run(self, event: Any) -> Any:
        """Invoke the handler; the reply."""
        reply = self.lab.invoke(self.name, event)
        self.lab.run()
        return reply

    def sent(self) -> Counter[str]:
        """How many things have been put in each queue, topic, bus ... so far."""
        rows = self.lab.trace._tables.rows("queue_events")
        names = self.lab._books.names
        new = rows[(rows["action"] == Action.SENT) & (rows["cause"] != Cause.DEDUPLICATED)]
        found = Counter({names[code]: 0 for code in self.lab._books.queue_kinds})
        found.update(names[code] for code in new["queue"].tolist())
        for name in self.lab.s3:  # what lies there counts, not how often it was put: see kept()
            found.pop(name, None)
        for name in self.lab.kinesis:
            records = self.lab.kinesis[name].records
            found[f"{name} (stream)"] = len(records)
        return found

    def data(self) -> dict[str, Remembered]:
        """The plain data in memory that the handler reaches, by name."""
        return {name: Remembered.of(value) for name, value in self.mirror.data.items()}

    def kept(self) -> dict[str, dict[Any, Any]]:
        """What lies in each table and bucket, by key."""
        found: dict[str, dict[Any, Any]] = {}
        for name in self.lab.dynamodb:
            table = self.lab.dynamodb[name]
            found[name] = dict(table._items)
        for name in self.lab.s3:
            objects = self.lab.s3[name].objects
            found[name] = {thing.key: thing.body for thing in objects}
        return found


@contextmanager
def only(*labs: Lab) -> Iterator[None]:
    """Refuse every call to another lab than these for a while."""
    others = [lab for lab in _LABS if lab not in labs and not lab._closed]
    for lab in others:
        lab._closed = True
    try:
        yield
    finally:
        for lab in others:
            lab._closed = False


def _things(lab: Lab, twin: Lab) -> Iterator[tuple[Any, Any]]:
    """Everything that the copy has of its own, beside what it stands for."""
    letters = {lab.sqs[name].settings.dead_letter_queue for name in lab.sqs}
    for name in sorted(lab.sqs, key=lambda name: name not in letters):
        queue: Queue = lab.sqs[name]
        yield queue, twin.sqs.create_queue(name, **queue.settings.as_dict())
    for name in lab.dynamodb:
        table = lab.dynamodb[name]
        keys = [tuple(key) for key in table.settings.keys]
        made = twin.dynamodb.create_table(name, keys[0], sort_key=keys[1] if keys[1:] else None)
        made._items.update(table._items)  # an item is replaced, never changed
        yield table, made
    for name in lab.kinesis:
        yield lab.kinesis[name], twin.kinesis.create_stream(name)
    for service, verb in _CREATE.items():
        if service in lab._triggers.SERVICES:
            yield from _made_by(getattr(lab, service), getattr(twin, service), verb)
    for name in lab.s3:
        twin.s3[name]._objects.update(lab.s3[name]._objects)


def _made_by(service: Any, twin: Any, verb: str) -> Iterator[tuple[Any, Any]]:
    for name in service:
        yield service[name], twin[name] if name in twin else getattr(twin, verb)(name)


class Mirror:
    """Copies a handler with whatever it reaches of the lab replaced.

    Parameters: ``same``, by the id of each thing of the lab, what stands for it. ``data``: the plain
    data that the handler reaches, by name, as copies.
    """

    def __init__(self, same: dict[int, Any]) -> None:
        self._same, self.data = same, dict[str, Any]()
        self._functions: dict[int, FunctionType] = {}
        self._globals: dict[int, dict[str, Any]] = {}
        self._home: object = None
        self._kept: list[Any] = []

    def handler(self, handler: Any) -> Any:
        """The handler, as the copy of the lab is to have it."""
        if isinstance(handler, MethodType) and isinstance(handler.__func__, FunctionType):
            self._home = handler.__func__.__globals__
            owner = self.value("", handler.__self__)
            return MethodType(self.function(handler.__func__), owner)
        if not isinstance(handler, FunctionType):
            return copy.deepcopy(handler, dict(self._same))
        inner = inspect.unwrap(handler)  # what decorators of libraries stand around
        self._home = getattr(inner, "__globals__", handler.__globals__)
        return self.function(handler)

    def function(self, function: FunctionType) -> FunctionType:
        """A function whose names and closed-over variables lead to the copy."""
        if id(function) in self._functions:
            return self._functions[id(function)]
        cells = tuple(CellType() for _ in function.__closure__ or ())
        space = self._space(function)
        made = FunctionType(function.__code__, space, function.__name__, None, cells or None)
        self._functions[id(function)] = made
        self._kept.append(function)
        given = function.__defaults__
        made.__defaults__ = given and tuple(self.value("", value) for value in given)
        named = function.__kwdefaults__
        made.__kwdefaults__ = named and {n: self.value(n, value) for n, value in named.items()}
        made.__module__ = function.__module__
        made.__qualname__, made.__doc__ = function.__qualname__, function.__doc__
        for name, cell, new in zip(
            function.__code__.co_freevars, function.__closure__ or (), cells, strict=True
        ):
            try:
                new.cell_contents = self.value(name, cell.cell_contents)
            except ValueError:  # a variable that has no value yet
                continue
        if function.__globals__ is self._home:
            for name in sorted(_names(function.__code__)):
                if name in function.__globals__:
                    space[name] = self.value(name, function.__globals__[name])
        return made

    def value(self, name: str, value: Any) -> Any:
        """What a name of the handler's stands for in the copy."""
        if id(value) in self._same:
            return self._same[id(value)]
        if isinstance(value, FunctionType):
            return self.function(value) if self._reaches(value) else value
        if isinstance(value, (*_DATA, *_HOLDERS)) or _root(value) in _COPIED:
            try:
                made = self._copied(value)
            except Exception:  # what cannot be copied stays; the lab is shut all the same
                return value
            self._same[id(value)] = made
            self._kept.append(value)
            if isinstance(value, _DATA):
                self.data[name] = made
            return made
        return value

    def _copied(self, value: Any) -> Any:
        """A deep copy with the lab's things replaced; what is flat goes the short way: it may be large."""
        if type(value) in (list, set) and set(map(type, value)) <= _ATOMS:
            return value.copy()
        if type(value) is dict and {*map(type, value), *map(type, value.values())} <= _ATOMS:
            return value.copy()
        return copy.deepcopy(value, dict(self._same))

    def _reaches(self, function: FunctionType) -> bool:
        return function.__globals__ is self._home or function.__closure__ is not None

    def _space(self, function: FunctionType) -> dict[str, Any]:
        known = function.__globals__
        if known is not self._home:
            return known
        return self._globals.setdefault(id(known), dict(known))


def _root(value: Any) -> str:
    """The package that the class of a thing is of."""
    return str(type(value).__module__).partition(".")[0]


def _names(code: CodeType) -> set[str]:
    """The global names that a function's code uses, and the functions within it."""
    found = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _names(inner)
    return found

"""A copy of a lab in which one handler can be tried without touching anything of the user's.

The copy has the queues, tables, streams, topics, buckets and buses of the lab, by the same names and
wired to nothing; tables have their items, buckets their objects. Of the functions it has the one that is
tried, with its code; the others are stand-ins that do nothing and answer nothing. What the handler's code
has of the lab - names of its module, variables it closes over - is replaced by what the copy has, and its
data by copies (:mod:`.mirror`). While it runs the lab itself is shut, and so is every other: what would
reach one all the same is refused.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambdalab.advice.mirror import Mirror, Remembered
from lambdalab.functions.code import Code
from lambdalab.functions.function import Function
from lambdalab.lab import _LABS
from lambdalab.sources.sqs.service import Queue
from lambdalab.trace.codes import Action, Cause

if TYPE_CHECKING:
    from lambdalab.lab import Lab

_INSIDE = (
    "rules", "_books", "_clock", "_client", "_functions", "_lambda", "_mappings", "_scheduler",
    "_sources", "_streams", "_time", "_triggers", "_faults",
)  # fmt: skip
"""What a lab is made of: never copied along with a thing that the handler has of it."""
_CREATE = {"sns": "create_topic", "s3": "create_bucket", "eventbridge": "create_event_bus"}
"""By service: the verb that makes what handlers send things to."""


class Twin:
    """A copy of ``lab`` with the handler of ``function``; ``later``: how much later it is there.

    Attributes: ``lab``, the copy; ``mirror``, what was replaced in the handler's code.
    """

    def __init__(self, lab: Lab, function: Function, seed: str, later: dt.timedelta) -> None:
        self.lab = type(lab)(
            seed=seed, start=lab.now + later, rules=lab.rules.date,
            quotas={**lab.rules.quotas, "function_creation": 0},  # else its functions are Pending
        )  # fmt: skip
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

"""A small Lambda around the sources: the real front door and runner, with scripted handlers.

Handlers here need no greenlets: ``bench.function(answer=f, duration=d)`` calls ``f(event)`` when ``d``
seconds have passed. Everything else is the package's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from lambdalab.functions.function import Function
from lambdalab.functions.outcome import decode, encode, runtime_failure
from lambdalab.functions.settings import FunctionSettings
from lambdalab.invocation.destinations import Destinations
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.registry import EventSourceMappings, Mapping
from lambdalab.sources.sqs.service import Queue, Sqs
from lambdalab.trace import schema
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Action, BatchCause, BatchOutcome, Cause

try:
    from lambdalab.trace.audit import audit
except ModuleNotFoundError:
    audit = None

WORDS = {
    "queue_events": {"action": Action, "cause": Cause},
    "batches": {"cause": BatchCause, "outcome": BatchOutcome},
    "scaling": {"cause": Cause, "kind": schema.ScalingKind},
    "invocations": {"status": schema.InvocationStatus, "cause": Cause},
}


@dataclass
class Script:
    """Code of a function: what it answers (raw bytes as they are), and after how many seconds."""

    answer: Callable[[Any], Any]
    duration: Callable[[Any], float]
    handler: str = "scripted.handler"
    function: None = None  # neither an object nor a text: it is never entered
    folder: None = None


class Scripted:
    """Runs scripts in place of real handlers."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner

    def initialise(
        self, version: Any, environment: Any, call: Any, deadline: int, over: Any
    ) -> None:
        over(schema.InitStatus.SUCCESS)

    def invoke(self, call: Any) -> None:
        code, scheduler = call.version.code, self.runner.scheduler
        duration = round(code.duration(decode(call.payload)) * US)
        if duration >= call.version.timeout_us:
            scheduler.at(scheduler.now + call.version.timeout_us, self.runner.timed_out, call)
        else:
            scheduler.at(scheduler.now + duration, self.finish, call)

    def finish(self, call: Any) -> None:
        try:
            answer = call.version.code.answer(decode(call.payload))
        except Exception as error:
            failure = runtime_failure("r", type(error).__name__, str(error), [])
            self.runner.failed(call, failure)
        else:
            self.runner.succeeded(call, answer if isinstance(answer, bytes) else encode(answer))


class Bench:
    """A lab without the lab."""

    made: ClassVar[list[Bench]] = []

    def __init__(self, rules: str = "2025-01-07", **quotas: Any) -> None:
        self.made.append(self)
        self.clock = Clock()
        self.rules = Rules.as_of(rules, {"environment_setup": 0.0, **quotas})
        self._begin()
        parts = (self.scheduler, self.books, self.rules, self.streams, self.service.ids)
        self.caller = Origin(self.books.name("client"), Cause.CALLED)
        self.sqs = Sqs(*parts, self.clock, lambda: self.caller)
        self.mappings = EventSourceMappings(
            *parts,
            self.clock,
            self.service.front_door,
            lambda: None,
            Destinations(),
            lambda function: function.target(),
        )

    def _begin(self) -> None:
        self.scheduler = Scheduler()
        self.books = Recorder(self.clock, 7)
        self.streams = RandomStreams(7)
        self.service = LambdaService(
            self.scheduler, self.books, self.rules, self.streams, self.clock
        )
        self.service._new_tasks = lambda: None  # type: ignore[method-assign,return-value]
        self.service._handlers = Scripted  # type: ignore[method-assign,assignment]
        self.service.runner._handlers_for = Scripted  # type: ignore[assignment]

    def reset(self) -> None:
        functions = self.service.functions
        self._begin()
        for function in functions.values():
            self.service.adopt(function)
        self.sqs.reset(self.scheduler, self.books, self.streams)
        self.mappings.reset(self.scheduler, self.books, self.streams, self.service.front_door)

    # ---- making things

    def queue(self, name: str = "orders", **settings: Any) -> Queue:
        return self.sqs.create_queue(name, **settings)

    def function(
        self, name: str = "bill", *, answer: Any = None, duration: Any = 1.0, **settings: Any
    ) -> Function:
        """A scripted function; its events are kept in ``function.code.seen``."""
        script = Script(
            answer if callable(answer) else lambda _: answer,
            duration if callable(duration) else lambda _: duration,
        )
        made = FunctionSettings.make(
            self.rules, "create_function", name=name, **({"init": 0} | settings)
        )
        return self.service.put_function(made, script)  # type: ignore[arg-type]

    def model(self, name: str = "bill", duration: float = 1.0, **settings: Any) -> Function:
        made = FunctionSettings.make(
            self.rules, "f", name=name, duration=duration, **({"init": 0} | settings)
        )
        return self.service.put_function(made, None)

    def map(self, queue: Queue, function: Function, **settings: Any) -> Mapping:
        return self.mappings.create(queue, function.target(), **settings)

    # ---- time

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Do something at that time."""
        self.scheduler.at(round(seconds * US), lambda _: act())

    def run(self, until: float | None = None) -> float:
        """Run, and tell the time in seconds."""
        self.scheduler.run(None if until is None else round(until * US))
        return self.scheduler.now / US

    # ---- the books

    def audit(self) -> None:
        """The books balance: the package's audit, and the queues' counts beside the books'."""
        for queue in map(self.sqs.__getitem__, self.sqs):
            store = queue.store
            here = store.visible + store.blocked + store.delayed + store.in_flight
            assert here == store.depth
            assert min(store.visible, store.blocked, store.delayed, store.in_flight) >= 0
            rows = self.events(queue.name)
            if rows:
                last = (rows[-1].depth, rows[-1].in_flight, rows[-1].delayed)
                assert last == (store.depth, store.in_flight, store.delayed)
        if audit is not None:
            audit(self.books)

    def rows(self, table: str) -> list[Any]:
        """Rows with words for codes and seconds for times."""
        layout = schema.PACKED[table]
        found = []
        for row in np.frombuffer(bytes(self.books.buffers[table]), dtype=layout.dtype):
            values: dict[str, Any] = {name: row[name].item() for name in layout.dtype.names}
            for name, words in WORDS.get(table, {}).items():
                values[name] = words.names[values[name]]
            found.append(SimpleNamespace(**values))
        return found

    def events(self, queue: str = "orders", action: str | None = None) -> list[Any]:
        code = self.books.name(queue)
        rows = [row for row in self.rows("queue_events") if row.queue == code]
        return [row for row in rows if action in (None, row.action)]

    def batches(self) -> list[Any]:
        return self.rows("batches")

    def messages_of(self, batch: int) -> list[int]:
        return [row.message for row in self.rows("batch_records") if row.batch == batch]


@pytest.fixture
def bench() -> Bench:
    """A bench with the rules of 2025-01-07."""
    return Bench()


@pytest.fixture(scope="session")
def benches() -> type[Bench]:
    """The class, for tests that want other rules or many benches."""
    return Bench


@pytest.fixture(autouse=True)
def balanced() -> Iterator[None]:
    """After every test the books of each bench balance."""
    Bench.made.clear()
    yield
    for bench in Bench.made:
        bench.audit()
    Bench.made.clear()

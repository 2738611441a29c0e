"""The lab: one AWS account in one process, its clock and its verbs. Wiring only, no rules of its own."""

from __future__ import annotations

import datetime as dt
import html
import importlib
import weakref
from _thread import get_ident
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.clock_verbs import ClockVerbs
from lambdalab.errors import InvalidSetting, LabClosed, UnknownName
from lambdalab.faults import Faults
from lambdalab.functions.target import Target, split
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.registry import FunctionRegistry
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import RandomStream, RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.kernel.timekeeper import Timekeeper
from lambdalab.mapping_verbs import MappingVerbs
from lambdalab.reprs import lab_text
from lambdalab.rules import DEFAULT_DATE, Rules
from lambdalab.sources.dynamodb.service import DynamoDb, Table
from lambdalab.sources.finding import CLIENT_NAMES, Sources, not_simulated
from lambdalab.sources.kinesis.service import Kinesis, Stream
from lambdalab.sources.mappings.registry import EventSourceMappings
from lambdalab.sources.sqs.service import Queue, Sqs
from lambdalab.template_verbs import TemplateVerbs
from lambdalab.trace.queue_names import QueueNames
from lambdalab.trace.recorder import Recorder
from lambdalab.traffic.arrivals import Arrivals
from lambdalab.traffic.client import Client
from lambdalab.traffic.traffic import Traffic
from lambdalab.trigger_verbs import TriggerVerbs
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.registry import Triggers
from lambdalab.verbs import LambdaVerbs

if TYPE_CHECKING:
    from lambdalab.trace import Trace
    from lambdalab.trace.findings import Findings


_LABS: weakref.WeakSet[Lab] = weakref.WeakSet()
"""Every lab there is: while a check tries a handler, all but its copies are shut."""
_DOORS = {
    "expressions": "lambdalab.aws.tables",
    "check": "lambdalab.advice",
    "play": "lambdalab.widgets.live",
    "aws": "lambdalab.aws.connection",
    "client": "lambdalab.aws.session",
    "from_template": "lambdalab.aws.templates",
}
"""The doors that open upward, when they are first used; there are no others in the lab."""


def _open(door: str) -> Any:
    return importlib.import_module(_DOORS[door])


class Lab(ClockVerbs, LambdaVerbs, MappingVerbs, TemplateVerbs, TriggerVerbs):
    """One AWS account that lives in virtual time.

    Parameters
    ----------
    seed
        Decides every draw: the same seed and the same calls give the same trace, to the byte.
    start
        The date of the lab's time zero: ISO text, date or datetime (UTC).
    rules
        The date whose rules hold (see :mod:`lambdalab.rules`), or ``"latest"``. They stay, whatever
        the lab's clock passes.
    quotas
        Numbers of the rules to change by name, such as ``{"account_concurrency": 5000}``.

    Raises
    ------
    InvalidSetting, UnknownName
        For a date, a rule or a quota that cannot be, before anything is made.

    Example
    -------
    >>> import time
    >>> from lambdalab import Lab
    >>> lab = Lab(seed=7)
    >>> @lab.function(timeout=10)
    ... def put_order(event, context):
    ...     time.sleep(2)
    ...     return {"ok": event["order"]}
    >>> reply = lab.invoke(put_order, {"order": 1})
    >>> reply.payload, round(lab.elapsed, 3)
    ({'ok': 1}, 2.235)
    """

    def __init__(
        self,
        seed: int | str = 0,
        *,
        start: str | dt.date | dt.datetime = DEFAULT_DATE,
        rules: str | dt.date = DEFAULT_DATE,
        quotas: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, str)):
            raise InvalidSetting("seed", seed, "a whole number or a text")
        self.seed = seed
        self.rules = Rules.as_of(rules, quotas)
        self._clock = Clock(start)
        self._closed, self._home = False, get_ident()
        self._queue_names = QueueNames()
        self._start_afresh()
        parts = (self._scheduler, self._books, self.rules, self._streams, self._lambda.ids)
        self.sqs = Sqs(
            *parts, self._clock, self._origin, lambda bell, us: self._client.linger(bell, us)
        )
        self.kinesis = Kinesis(
            self._scheduler, self._books, self.rules, self._clock, self._origin,
            self.sqs.new_number,
        )  # fmt: skip
        self.dynamodb = DynamoDb(
            *parts, self._clock, self._origin, self.sqs.new_number, lambda: _open("expressions")
        )
        self._functions = FunctionRegistry(self._lambda, self.rules, self.sqs)
        self._sources = Sources(self.sqs, self.kinesis, self.dynamodb)
        self._mappings = EventSourceMappings(
            *parts,
            self._clock,
            self._lambda.front_door,
            self._origin,
            self._functions.destinations,
            self._mapped,
            self._sources.has,
        )
        self._triggers = Triggers(
            Parts(
                self._scheduler, self._books, self._streams, self._lambda, self.rules, self._clock,
                self._lambda.ids, self._functions, self._origin,
                lambda operation, caller: self._client.perform(operation, caller),
                self.sqs.new_number, lambda: self.sqs.sent,
            )
        )  # fmt: skip
        for service in Triggers.SERVICES:
            setattr(self, service, getattr(self._triggers, service))
        self._faults = Faults(
            self._lambda, self._clock, self._functions.find, self._target, self._origin
        )
        _LABS.add(self)

    def _start_afresh(self) -> None:
        """A new run: empty books, clock at zero, the same streams from their beginning."""
        self._scheduler = Scheduler()
        self._books = Recorder(self._clock, self.seed, self._queue_names)
        self._streams = RandomStreams(self.seed)
        self._lambda = LambdaService(
            self._scheduler, self._books, self.rules, self._streams, self._clock
        )
        self._time = Timekeeper(self._scheduler, lambda: self._lambda.tasks)
        self._client = Client(self._lambda, self._time)
        self._traffic = Traffic(self._lambda, self._client.calls)
        self._trace: Trace | None = None

    # ------------------------------------------------------------------ traffic

    def drive(
        self,
        target: Any,
        arrivals: Arrivals,
        *,
        duration: Any = None,
        count: int | None = None,
        payload: Any = None,
        invocation_type: str = "RequestResponse",
        concurrency: int | None = None,
        partition_key: Any = None,
        message_group_id: Any = None,
        caller: Any = None,
    ) -> None:
        """Schedule traffic to a function, API, queue, stream or table; :meth:`run` makes it happen.

        Parameters
        ----------
        target
            A function, a queue, a stream, a table, a topic, a bucket, a bus, an API, or the name of
            one; a function URL; a route, as ``api.routes[0]`` or what ``api.route(...)`` returned.
        arrivals
            When requests come: :class:`Poisson`, :class:`Every`, :class:`Burst`, :class:`Replay`.
        duration
            Traffic ends after so long (seconds, ``"2min"``, a timedelta).
        count
            Traffic ends after so many arrivals.
        payload
            A value, or a function of the arrival's number (from 0). For an API it is the request, as
            in ``"GET /orders/7"``; for a route the body, and every ``{name}`` of its path is the
            arrival's number.
        invocation_type
            For functions: ``"RequestResponse"`` or ``"Event"``.
        concurrency
            At most so many of this traffic's calls are under way; the rest wait with the caller, in
            order, and their requests count from when they arrived. A refusal is an answer too. Events
            and messages are answered at once: they never wait.
        partition_key
            For streams: a text, or a function of the arrival's number; by default each arrival has a
            key of its own. What a shard refuses is not sent again.
        message_group_id
            For FIFO queues, likewise; by default all are of one group.
        caller
            For functions and APIs, who calls (see :meth:`invoke`): one client makes all these calls.
        """
        self._check_open()
        self._traffic.drive(
            self._driven(target), arrivals, duration=duration, count=count, payload=payload,
            invocation_type=invocation_type, concurrency=concurrency, caller=caller,
            keys={"partition_key": partition_key, "message_group_id": message_group_id},
        )  # fmt: skip

    # ------------------------------------------------------------------ chance and failures

    def random(self, name: str) -> RandomStream:
        """The named stream of chance; adding a consumer never shifts another's draws."""
        return self._streams.stream(name)

    @property
    def faults(self) -> Faults:
        """Failures on demand: ``lab.faults.fail("bill", probability=0.1)``, ``slow``, ``throttle``,
        ``service_error``, ``kill``, ``duplicate``."""
        return self._faults

    # ------------------------------------------------------------------ AWS's own clients

    def client(self, service_name: str, **settings: Any) -> Any:
        """A client of boto3 whose calls this lab answers, in this process (needs the ``aws`` extra).

        Parameters: ``service_name`` (``"lambda"``, ``"sqs"`` ...) and ``settings`` as of ``boto3.client``.

        It is botocore's own: it validates, pages, waits and raises as on AWS. docs/aws-api.md lists the
        operations; another raises :class:`~lambdalab.aws.dispatch.OperationNotSimulated`.
        """
        self._check_open()
        return _open("client").client(self, service_name, **settings)

    def session(self) -> Any:
        """A session of boto3 whose clients and resources talk to this lab (needs the ``aws`` extra)."""
        self._check_open()
        return _open("client").session(self)

    def aws(self) -> Any:
        """A block in which every client of boto3 talks to this lab, and whose time is the lab's.

        ``with lab.aws():`` holds for clients made before or in the block, in the notebook or in a
        handler. Credentials and a region are there; nothing leaves the process. What the block's own
        code sleeps lets the lab run, and its clocks show the lab's time. So it is for the threads that it
        starts: they go on while it waits, and calls that several make at once are under way together.
        """
        self._check_open()
        return _open("aws").connected(self)

    # ------------------------------------------------------------------ the books

    @property
    def trace(self) -> Trace:
        """Everything that has happened, as tables, pictures and stories."""
        if self._trace is None:
            from lambdalab.trace import Trace  # brings pandas

            self._trace = Trace(self._books)
        return self._trace

    def audit(self) -> None:
        """Prove that the books balance; raises :class:`AuditError` with what does not."""
        self.trace.audit()

    def check(
        self, *, record_size: int | None = None, events: Mapping[Any, Any] | None = None
    ) -> Findings:
        """What is wrong with the wiring, each finding with a counter-example that has just been run.

        ``record_size``: bytes of a record, where the books have seen none yet; ``events``: by function,
        an event to try its handler with. See :func:`lambdalab.advice.check`.

        Nothing in the lab changes. Raises :class:`InsideHandler` in a handler.
        """
        self._check_open()
        self._time.check_outside("check")
        found: Findings = _open("check").check(self, record_size=record_size, events=events)
        return found

    def reset(self) -> None:
        """Same wiring and seed, empty books, clock at zero. Traces taken before stay valid."""
        self._alone("reset")
        self._lambda.scrap()
        self._start_afresh()
        self._functions.restart(self._lambda)
        self.sqs.reset(self._scheduler, self._books, self._streams)
        self.kinesis.reset(self._scheduler, self._books)
        self.dynamodb.reset(self._scheduler, self._books, self._streams)
        self._mappings.reset(self._scheduler, self._books, self._streams, self._lambda.front_door)
        self._faults.restart(self._lambda)  # before the first calls of the run: buckets send some
        self._own_time.begin()
        self._triggers.parts.begin(self._scheduler, self._books, self._streams, self._lambda)

    def close(self) -> None:
        """End every environment and give back what the lab holds; the trace can still be read."""
        if not self._closed:
            self._alone("close")
            self._lambda.close()
            self._closed = True

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name in CLIENT_NAMES:
            return getattr(self, CLIENT_NAMES[name])
        told = not_simulated(name) or f"a lab has no {name!r}"
        raise AttributeError(told, name=name, obj=self)

    def __repr__(self) -> str:
        wiring = self._of_template() | self._wiring()
        return lab_text(self.seed, self.now, self.elapsed, self.rules, self.trace, wiring)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    # ------------------------------------------------------------------ inside

    def _wiring(self) -> dict[str, list[object]]:
        queues: list[object] = [self.sqs[name] for name in self.sqs]
        streams: list[object] = [self.kinesis[name] for name in self.kinesis]
        functions: list[object] = list(self._lambda.functions.values())
        mappings: list[object] = list(self._mappings)
        faults: list[object] = list(self._faults)
        tables: list[object] = [self.dynamodb[name] for name in self.dynamodb]
        sources = {"queues": queues, "streams": streams, "tables": tables}
        found = {"functions": functions, **sources, "mappings": mappings, "faults": faults}
        return found | self._triggers.wiring()

    def _target(self, target: Any) -> Target | Queue:
        if isinstance(target, str):
            name, _ = split(target) or (target, "")
            if name in self._lambda.functions and target in self._sources.names:
                limit = (
                    f"one of several: a function and a source are called {target!r}; give it itself"
                )
                raise InvalidSetting("target", target, limit)
            if name not in self._lambda.functions:
                if target not in self._sources.names:
                    known = [*self._lambda.functions, *self._sources.names]
                    raise UnknownName("function, queue, stream or table", target, known)
                return self._sources.find(target)  # type: ignore[no-any-return]
        elif isinstance(target, (Queue, Stream, Table)):
            return self._sources.find(target)  # type: ignore[no-any-return]
        return self._functions.target(target)

    def _driven(self, target: Any) -> Any:
        """What traffic goes to: a function or source, or a thing of a service that takes some."""
        if hasattr(target, "arrive") or hasattr(target, "drive_operation"):
            known = isinstance(target, (Queue, Stream, Table))
            return self._target(target) if known else target
        if isinstance(target, str) and target not in self._sources.names:
            name, _ = split(target) or (target, "")
            if name not in self._lambda.functions:
                return self._triggers.driven(target, self._sources.names)
        return self._target(target)

    def _origin(self) -> Origin:
        """Who calls right now; every verb of another service asks for it."""
        self._check_open()
        return self._client.origin()

    @staticmethod
    def _door(door: str) -> Any:
        return _open(door)

    def _check_open(self) -> None:
        if self._closed:
            raise LabClosed("this lab is closed; its trace can still be read. Make a new Lab()")

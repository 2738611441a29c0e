"""Failures on demand: ``lab.faults`` makes functions fail, slow and refuse, and queues deliver twice.

It is a switchboard, no part of AWS (whose Fault Injection Service has the first two): what it does leaves
its cause in the books, and each time it strikes is a row of ``trace.faults``.

* A fault strikes between two times, or with a probability drawn for each try, run or delivery from a
  stream of its own, ``faults/<kind>/<target>``, with ``#2`` and so on for the next of that kind there.
  Another fault never shifts its draws.
* What is under way when a fault begins goes on as it was: a run's fate is drawn when it begins.
* Faults outlive ``lab.reset()`` as functions and queues do; they end with :meth:`Fault.stop`, with
  :meth:`Faults.clear`, and with the function they were made for.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.functions.function import Function
from lambdalab.functions.mishaps import ALWAYS, Mishap, Terms
from lambdalab.functions.target import Target
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import US, Clock, microseconds
from lambdalab.sources.sqs.queue import Queue
from lambdalab.trace.schema import FaultKind


class Fault(Mishap):
    """One fault, as the verbs of ``lab.faults`` return it.

    ``count`` is how often it has struck since the lab's start (or its reset); ``target`` the name of the
    function or queue; ``terms`` what was asked for, times in microseconds.
    """

    def __init__(self, terms: Terms, victim: Function | Queue, number: int) -> None:
        super().__init__(terms)
        self._victim = victim
        self.target = victim.name
        kind = FaultKind.names[terms.kind]
        self.stream = f"faults/{kind}/{victim.name}" + (f"#{number}" if number > 1 else "")
        """The name of its stream of chance."""
        self.stopped = False

    def aims_at(self, victim: Function | Queue | None) -> bool:
        """Whether it was made for this very function or queue."""
        return self._victim is victim

    def arm(self) -> None:
        """Let it strike from now on."""
        self._victim.faults.append(self)

    def stop(self) -> None:
        """End it, for good; a run that it has in its hands already goes its way."""
        if not self.stopped:
            self.stopped = True
            self._victim.faults.remove(self)

    def __repr__(self) -> str:
        over = "; stopped" if self.stopped else ""
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"<fault: {self._told()}; has struck {times}{over}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"

    def _told(self) -> str:
        terms = self.terms
        words = [f"{FaultKind.names[self.kind]} {self.target!r}", *_manner(terms)]
        if terms.probability < 1:
            words.append(f"with probability {terms.probability:g}")
        if terms.start_us:
            words.append(f"from {terms.start_us / US:,.6g} s on")
        if terms.end_us != ALWAYS:
            words.append(f"until {terms.end_us / US:,.6g} s")
        return ", ".join(words)


def _manner(terms: Terms) -> list[str]:
    """What a fault of its kind does, in a few words."""
    if terms.kind == FaultKind.FAIL:
        return [f"with {terms.error_type}"]
    if terms.kind == FaultKind.SLOW:
        return [f"by {terms.by_us / US:,.6g} s" if terms.by_us else f"{terms.factor:g} times"]
    if terms.kind == FaultKind.KILL:
        after = terms.after_us
        return ["before it answers" if after is None else f"after {after / US:,.6g} s"]
    return []


class Faults:
    """The faults of a lab: ``lab.faults``.

    Every verb takes the function (or queue) as a handle or a name, and when it strikes:

    ``probability``
        From 0 to 1: that of each try, run or delivery by itself.
    ``start``, ``end``
        From when on, and until when: seconds since the lab's start, ``"2min"``, a timedelta or a date,
        as in ``lab.run(until=)``. None: from the start, for ever.

    Parameters: the run's Lambda, ``service``; the lab's ``clock``; what finds a function, and a function
    or queue, by a handle or a name; and ``check``, which raises where the lab may not be used.

    The verbs raise :class:`InvalidSetting` for a value that cannot be, and what ``lab.invoke`` and
    ``lab.drive`` raise for a name that nothing has; then nothing has changed. Each returns its
    :class:`Fault`.

    Example
    -------
    >>> from lambdalab import Lab
    >>> lab = Lab()
    >>> bill = lab.create_function("bill", duration=0.1)
    >>> lab.faults.fail(bill, end="1min")
    <fault: fail 'bill', with InjectedFault, until 60 s; has struck 0 times>
    >>> lab.invoke("bill").payload["errorType"]
    'InjectedFault'
    >>> lab.trace.faults[["kind", "subject"]].values.tolist()
    [['fail', 'bill']]
    """

    def __init__(
        self,
        service: LambdaService,
        clock: Clock,
        find: Callable[[Any], Function],
        target: Callable[[Any], Target | Queue],
        check: Callable[[], object],
    ) -> None:
        self._service, self._clock = service, clock
        self._find, self._target, self._check = find, target, check
        self._made: list[Fault] = []
        self._numbers: dict[tuple[int, str], int] = {}

    # ------------------------------------------------------------------ functions

    def fail(
        self,
        function: Any,
        *,
        probability: float = 1.0,
        start: Any = None,
        end: Any = None,
        error_type: str = "InjectedFault",
        message: str = "lab.faults made this run fail",
    ) -> Fault:
        """Let runs end in an exception: the handler runs, and its result is lost.

        The caller gets the document that AWS's Python runtime writes, with an empty ``stackTrace``. A run
        that fails by itself, or times out, does so in its own way.

        Parameters: ``error_type`` and ``message``, those of the document; the others as above.
        """
        for setting, text in (("error_type", error_type), ("message", message)):
            if not isinstance(text, str) or (setting == "error_type" and not text):
                raise InvalidSetting(setting, text, "a text")
        when = probability, start, end
        manner = {"error_type": error_type, "message": message}
        return self._add(self._find(function), FaultKind.FAIL, when, **manner)

    def slow(
        self,
        function: Any,
        *,
        by: Any = None,
        factor: float | None = None,
        probability: float = 1.0,
        start: Any = None,
        end: Any = None,
    ) -> Fault:
        """Let runs take longer; the function's timeout binds all the same.

        Parameters
        ----------
        by
            So much longer (seconds, ``"2s"``, a timedelta): the handler begins so much later, and has
            so much less time left.
        factor
            So many times as long, 2 by default: the answer comes so much later, for how long a handler
            takes is known when it is done.
        """
        if by is not None and factor is not None:
            raise InvalidSetting("factor", factor, "left out where by= is given")
        manner = {"factor": _factor(2.0 if factor is None else factor)}
        if by is not None:
            manner = {"by_us": microseconds(by, "by")}
            if not manner["by_us"]:
                raise InvalidSetting("by", by, "above 0")
        return self._add(self._find(function), FaultKind.SLOW, (probability, start, end), **manner)

    def throttle(
        self, function: Any, *, probability: float = 1.0, start: Any = None, end: Any = None
    ) -> Fault:
        """Let tries find no concurrency, whatever there is.

        Synchronous calls are answered with 429; asynchronous events are accepted, and wait in Lambda's
        queue as after any throttle; a mapping keeps its batch and tries again. The books have the cause
        ``injected``.
        """
        return self._add(self._find(function), FaultKind.THROTTLE, (probability, start, end))

    def service_error(
        self, function: Any, *, probability: float = 1.0, start: Any = None, end: Any = None
    ) -> Fault:
        """Let Lambda itself fail: 500, ``ServiceException``.

        It strikes at Invoke, whatever the invocation type; and where Lambda's own queue would run an
        event it has accepted before, which then waits as after a throttle and uses up no retry. Nothing
        has run. The books have the cause ``service_error``.
        """
        return self._add(self._find(function), FaultKind.SERVICE_ERROR, (probability, start, end))

    def kill(
        self,
        function: Any,
        *,
        after: Any = None,
        probability: float = 1.0,
        start: Any = None,
        end: Any = None,
    ) -> Fault:
        """Let the process of the environment be killed during runs: no ``except``, no ``finally``.

        The caller gets ``Runtime.ExitError``, ``signal: killed``; the outcome is ``killed``. As after any
        crash the environment stays, with its ``/tmp``, and its next run begins with an initialisation
        (dg/lambda-runtime-environment).

        Parameters
        ----------
        after
            How long into the run (seconds, ``"2s"``, a timedelta); a run that is over sooner is not
            killed. None: when it is about to answer, all its work being done.
        """
        after_us = None if after is None else microseconds(after, "after")
        when = probability, start, end
        return self._add(self._find(function), FaultKind.KILL, when, after_us=after_us)

    # ------------------------------------------------------------------ queues

    def duplicate(
        self,
        queue_or_function: Any,
        *,
        probability: float = 1.0,
        start: Any = None,
        end: Any = None,
    ) -> Fault:
        """Let a queue deliver twice, as queues may that deliver at least once.

        A queue: a message that was received and deleted comes back once, when its visibility timeout
        would have been over (SQS developer guide, at-least-once delivery). A function: an asynchronous
        event runs once more when its first run is over, with the same request id and without using up a
        retry (dg/invocation-async-error-handling); ``start`` and ``end`` are about when it is accepted.
        The books have the cause ``duplicate``.
        """
        found = self._target(queue_or_function)
        if isinstance(found, Queue) and found.fifo:
            raise InvalidSetting(
                "queue_or_function", found.name, "a standard queue or a function: a FIFO queue "
                "delivers no copies", "SQS developer guide, exactly-once processing",
            )  # fmt: skip
        if not isinstance(found, (Queue, Target)):
            raise InvalidSetting(
                "queue_or_function", found.name, "a queue or a function: a stream keeps its records, and "
                "a mapping reads them again only after a failure", "dg/with-kinesis",
            )  # fmt: skip
        victim = self._find(queue_or_function) if isinstance(found, Target) else found
        return self._add(victim, FaultKind.DUPLICATE, (probability, start, end))

    # ------------------------------------------------------------------ all of them

    def clear(self) -> None:
        """End every fault."""
        for fault in self:
            fault.stop()

    def restart(self, service: LambdaService) -> None:
        """The lab begins a new run: every fault from its beginning, its stream too."""
        self._service = service
        for fault in self:
            self._begin(fault)

    def __iter__(self) -> Iterator[Fault]:
        functions = self._service.functions
        self._made = [
            fault
            for fault in self._made
            if not fault.stopped
            and (isinstance(fault._victim, Queue) or fault.aims_at(functions.get(fault.target)))
        ]
        return iter(list(self._made))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        lines = [f"  {fault!r}" for fault in self]
        if not lines:
            return f"<faults: none. Kinds: {', '.join(FaultKind.names)}>"
        return "\n".join(["<faults>", *lines])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    # ------------------------------------------------------------------ inside

    def _add(
        self, victim: Function | Queue, kind: int, when: tuple[float, Any, Any], **manner: Any
    ) -> Fault:
        """Check everything, then make the fault."""
        self._check()
        probability, start, end = when
        if not _is_number(probability) or not 0 <= probability <= 1:
            raise InvalidSetting("probability", probability, "a number from 0 to 1")
        start_us = 0 if start is None else self._clock.at(start, "start")
        end_us = ALWAYS if end is None else self._clock.at(end, "end")
        if end_us <= start_us:
            raise InvalidSetting("end", end, f"after the start, {start_us / US:,.6g} s")
        terms = Terms(kind, float(probability), start_us, end_us, **manner)
        number = self._numbers[kind, victim.name] = self._numbers.get((kind, victim.name), 0) + 1
        fault = Fault(terms, victim, number)
        self._begin(fault)
        fault.arm()
        self._made.append(fault)
        return fault

    def _begin(self, fault: Fault) -> None:
        service = self._service
        subject = service.books.name(fault.target)
        fault.begin(service.scheduler, service.books, subject, service.streams.stream(fault.stream))


_MOST = 1_000_000  # times as long: more is a mistake


def _factor(value: object) -> float:
    if not isinstance(value, (int, float)) or not _is_number(value) or not 1 < value <= _MOST:
        raise InvalidSetting("factor", value, f"a number above 1, {_MOST:,} at most")
    return float(value)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -1e12 < value < 1e12

"""The recorder: one method per fact, one packed row per call.

The runtime calls these methods and never reads what they wrote. All arguments of the frequent ones
are positional. Times are microseconds since the lab's start; ids count from 1, 0 means none; names
go through :meth:`Recorder.name` once and are small integers from then on; words are the integers of
the closed lists in :mod:`.schema`. Rows open when a thing begins and are completed in place, so a
trace read in mid-run shows what is in flight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from lambdalab.trace import schema
from lambdalab.trace.callers import Callers
from lambdalab.trace.journal import Journal
from lambdalab.trace.queue_names import QueueNames

_open_invocation = schema.INVOCATIONS.open
_done_invocation, _INVOCATION_DONE = schema.INVOCATIONS.writer()
_INVOCATION_SIZE = schema.INVOCATIONS.size
_INVOCATION_BLANK = schema.INVOCATIONS.blank

_open_attempt = schema.ATTEMPTS.open
_done_attempt, _ATTEMPT_DONE = schema.ATTEMPTS.writer()
_ATTEMPT_SIZE = schema.ATTEMPTS.size
_ATTEMPT_BLANK = schema.ATTEMPTS.blank
_pack_queued_at = schema.QUEUED_AT.open
_pack_waits = schema.WAITS.open

_open_environment = schema.ENVIRONMENTS.open
_ready_environment, _ENVIRONMENT_READY = schema.ENVIRONMENTS.writer(0)
_done_environment, _ENVIRONMENT_DONE = schema.ENVIRONMENTS.writer(1)
_ENVIRONMENT_SIZE = schema.ENVIRONMENTS.size
_ENVIRONMENT_BLANK = schema.ENVIRONMENTS.blank

_pack_queue_event = schema.QUEUE_EVENTS.open

_open_batch = schema.BATCHES.open
_done_batch, _BATCH_DONE = schema.BATCHES.writer()
_BATCH_SIZE = schema.BATCHES.size
_BATCH_BLANK = schema.BATCHES.blank
_pack_batch_record = schema.BATCH_RECORDS.open

_DEFAULT_START_US = 1_736_208_000_000_000  # 2025-01-07T00:00:00Z

_pack_scaling = schema.SCALING.open
_pack_log = schema.LOGS.open
_pack_fault = schema.FAULTS.open
_pack_origin = schema.ORIGINS.open


class Dated(Protocol):
    """Anything that knows when the lab began: the lab's clock."""

    @property
    def start_us(self) -> int:
        """The beginning in microseconds since 1970 (UTC)."""


class Recorder(Callers):
    """The books of one run of one lab.

    Parameters: ``clock`` (its ``start_us`` turns times into dates; None: 2025-01-07) and
    ``seed`` (public ids are made from it), and the ``names`` that queues had in earlier runs.

    >>> from lambdalab.trace.schema import InvocationType, ParentKind
    >>> recorder = Recorder()
    >>> bill, client = recorder.name("bill"), recorder.name("client")
    >>> recorder.invocation(bill, 0, InvocationType.EVENT, client, ParentKind.NONE, 0, 1_000, 2)
    1
    """

    __slots__ = (
        "_add_attempt", "_add_environment", "_add_invocation", "_add_queue_event", "_add_request",
        "_buffers", "_names", "attempts", "clock", "environments", "errors",
        "functions", "invocations", "journal", "log_texts", "message_groups", "names", "payloads",
        "queue_kinds", "queue_names", "requests", "responses", "seed", "wiring",
    )  # fmt: skip

    def __init__(
        self, clock: Dated | None = None, seed: int | str = 0, names: QueueNames | None = None
    ) -> None:
        self.clock, self.seed, self.queue_names = clock, seed, names or QueueNames()
        #: Grows with every row that is completed in place: together with the buffers' lengths it
        #: says whether a table built earlier is still true.
        self.changes = 0
        self._buffers: dict[str, bytearray] = {name: bytearray() for name in schema.PACKED}
        self.invocations = self._buffers["invocations"]
        self.attempts = self._buffers["attempts"]
        self.requests = self._buffers["requests"]
        self.environments = self._buffers["environments"]
        self._add_invocation = self.invocations.extend
        self._add_attempt = self.attempts.extend
        self._add_request = self.requests.extend
        self._add_environment = self.environments.extend
        self._add_queue_event = self._buffers["queue_events"].extend
        self.names: list[str] = [""]
        self._names: dict[str, int] = {"": 0}
        self.queue_kinds: dict[int, int] = {}
        self.errors: dict[int, tuple[str, str, bytes]] = {}
        self.payloads: dict[int, bytes] = {}
        self.responses: dict[int, bytes] = {}
        self.log_texts: list[str] = []
        self.message_groups: dict[int, str] = {}
        self.functions: dict[str, dict[str, object]] = {}
        self.wiring: dict[str, dict[str, dict[str, object]]] = {}
        #: Calls in short-hand; written at length before anybody else writes, or reads.
        self.journal = Journal(self)

    # ---- names ------------------------------------------------------------------------------

    def name(self, text: str) -> int:
        """The number of a name; the same text always gives the same number. "" is 0."""
        code = self._names.get(text)
        if code is None:
            code = self._names[text] = len(self.names)
            self.names.append(text)
        return code

    # ---- invocations ------------------------------------------------------------------------

    def invocation(
        self, function: int, qualifier: int, kind: int, source: int, parent_kind: int, parent: int,
        at: int, payload_bytes: int,
    ) -> int:  # fmt: skip
        """Lambda got an Invoke call (refused ones included), or an asynchronous event.

        ``kind`` is an :class:`.InvocationType`; ``source`` a name ("client", "drive", a mapping's,
        for a nested call the calling function's); ``parent`` the id of the ``parent_kind``'s
        request, batch or message. ``at`` is when the caller sent it: ``latency_ms`` counts from
        here. Returns the request's id, from 1.
        """
        if self.journal.count > self.journal.reserved:
            self.journal.reserve()
        self._add_invocation(
            _open_invocation(
                function, qualifier, kind, source, parent_kind, parent, at, payload_bytes,
                _INVOCATION_BLANK,
            )
        )  # fmt: skip
        return len(self.invocations) // _INVOCATION_SIZE

    def invocation_done(
        self, request: int, at: int, status: int, status_code: int, function_error: int,
        attempts: int, response_bytes: int, cause: int, network_us: int, overhead_us: int,
        version: int,
    ) -> None:  # fmt: skip
        """The invocation is over, with its response or for good.

        ``cause`` says why it ended as it did (``CAUSES["invocations"]``); ``network_us`` and
        ``overhead_us`` are its spans outside queue, environment and handler, so that for each
        invocation network + queued + waiting (:meth:`invocation_waited`) + setup + init + handler
        (its attempts') + overhead = ``at`` - the time it was sent; the audit adds them up.
        ``status_code`` is what the Invoke call was answered with (202 for an asynchronous one).
        """
        _done_invocation(
            self.invocations, request * _INVOCATION_SIZE - _INVOCATION_SIZE + _INVOCATION_DONE,
            at, status, status_code, function_error, attempts, response_bytes, cause, network_us,
            overhead_us, version,
        )  # fmt: skip
        self.changes += 1

    def invocation_waited(self, request: int, queued_us: int, waiting_us: int) -> None:
        """An asynchronous invocation's time in Lambda's queue; at most once, at its end.

        ``queued_us``: dwelling until the first try and waiting between tries after errors;
        ``waiting_us``: backing off because no concurrency was free.
        """
        self._buffers["waits"].extend(_pack_waits(request, queued_us, waiting_us))

    def payload(self, request: int, data: bytes) -> None:
        """The event that came with a request, as JSON."""
        self.payloads[request] = data

    def response(self, request: int, data: bytes) -> None:
        """What a request was answered with, as JSON."""
        self.responses[request] = data

    # ---- attempts ---------------------------------------------------------------------------

    def attempt(
        self, request: int, number: int, environment: int, init_type: int, queued_at: int, at: int,
        cold: bool, memory_mb: int, cause: int,
    ) -> int:  # fmt: skip
        """A try at running an invocation begins: the environment is its own from ``at`` on.

        ``number`` counts from 1 within the request; ``queued_at`` is since when it has waited for
        this try (= ``at`` when it has not); ``cold``: the environment is started for it; ``cause``:
        why it runs now (``CAUSES["attempts"]``). Returns the row, from 0, for
        :meth:`attempt_done`; people read it as ``a1`` = row 0.
        """
        if self.journal.count > self.journal.reserved:
            self.journal.reserve()
        row = len(self.attempts) // _ATTEMPT_SIZE
        self._add_attempt(
            _open_attempt(
                request, number, environment, init_type, at, cold, memory_mb, cause, _ATTEMPT_BLANK
            )
        )
        if queued_at != at:
            self._buffers["queued_at"].extend(_pack_queued_at(row, queued_at))
        return row

    def attempt_done(
        self, row: int, at: int, setup_us: int, init_us: int, duration_us: int, billed_ms: int,
        max_memory_mb: int, outcome: int, cost_nano: int, init_status: int = 0,
        invoke_init_status: int = 0,
    ) -> None:  # fmt: skip
        """A try is over, and its environment free again or ended.

        ``setup_us`` (making the environment) + ``init_us`` (the function's own initialisation) +
        ``duration_us`` (the handler) are the attempt's spans; ``cost_nano`` is in nano-dollars.
        ``init_status`` and ``invoke_init_status`` are :class:`.InitStatus`: how the initialisation
        before the invoke ended, and the one inside it (part of ``duration_us``), if there were any.
        """
        _done_attempt(
            self.attempts, row * _ATTEMPT_SIZE + _ATTEMPT_DONE,
            at, setup_us, init_us, duration_us, billed_ms, max_memory_mb, outcome, cost_nano,
            init_status, invoke_init_status,
        )  # fmt: skip
        self.changes += 1

    def attempt_error(self, row: int, error_type: str, message: str, document: bytes) -> None:
        """What a failed attempt answered: the error's type and text, and the whole document."""
        self.errors[row] = (error_type, message, document)
        self.changes += 1

    # ---- environments -----------------------------------------------------------------------

    def environment(self, function: int, kind: int, at: int, version: int = 0) -> int:
        """An execution environment begins to be made, for a ``version`` (a name). Returns its id."""
        self._add_environment(_open_environment(function, version, kind, at, _ENVIRONMENT_BLANK))
        return len(self.environments) // _ENVIRONMENT_SIZE

    def environment_ready(self, environment: int, at: int, init_us: int) -> None:
        """The environment's initialisation is over; it took ``init_us``."""
        place = environment * _ENVIRONMENT_SIZE - _ENVIRONMENT_SIZE + _ENVIRONMENT_READY
        _ready_environment(self.environments, place, at, init_us)
        self.changes += 1

    def environment_done(self, environment: int, at: int, because: int) -> None:
        """The environment is gone; ``because`` is an :class:`.EnvironmentEnd`."""
        place = environment * _ENVIRONMENT_SIZE - _ENVIRONMENT_SIZE + _ENVIRONMENT_DONE
        _done_environment(self.environments, place, at, because)
        self.changes += 1

    # ---- queues -----------------------------------------------------------------------------

    def queue(self, name: str, kind: int, service: str = "") -> int:
        """Declare a queue (:class:`.QueueKind`) and get its code; its name is by :mod:`.queue_names`."""
        code = self.name(self.queue_names.of(name, service))
        self.queue_kinds[code] = kind
        return code

    def queue_event(
        self, at: int, queue: int, event: int, action: int, depth: int, age_us: int, delay_us: int,
        request: int, batch: int, cause: int, in_flight: int, delayed: int, receive_count: int,
        visible_at: int,
    ) -> None:  # fmt: skip
        """Something happened to one event of one queue (:class:`.Action`).

        ``event`` is the request's id in a function's own queue, the message's in SQS. ``depth``,
        ``in_flight`` and ``delayed`` are the queue's after the event; depth counts visible, delayed
        and in-flight ones alike. ``delay_us`` is the wait that now begins (retry, back-off, delay,
        visibility timeout), ``visible_at`` when it will be visible again (-1: no such time).

        Depth grows by one with ``sent`` and shrinks by one with the event's single end: ``deleted``
        (done, or removed by a caller), ``filtered``, ``expired``, ``dropped``, and in SQS also
        ``dead_lettered`` (followed by ``sent`` in the dead-letter queue). In a function's own queue
        the end is ``deleted`` when the event succeeded, ``expired`` when it grew too old,
        ``dropped`` when it failed for any other reason; ``dead_lettered`` and ``delivered`` are
        there one row per delivery (dead-letter queue, destination) and change no depth. Their cause
        is why the event ended, or ``delivery_failed``.
        """
        self._add_queue_event(
            _pack_queue_event(
                at, queue, event, action, depth, age_us, delay_us, request, batch, cause, in_flight,
                delayed, receive_count, visible_at,
            )
        )  # fmt: skip

    def message_group(self, message: int, group: str) -> None:
        """The group of a message of a FIFO queue."""
        self.message_groups[message] = group

    def came_of(self, message: int, event: int) -> None:
        """A message is what became of an event that a service handed on."""
        self._buffers["origins"].extend(_pack_origin(message, event))

    # ---- batches ----------------------------------------------------------------------------

    def batch(
        self, mapping: int, source: int, shard: int, poller: int, window_opened_at: int,
        opened_at: int, flushed_at: int, cause: int, records: int, size_bytes: int, filtered: int,
        parent_batch: int,
    ) -> int:  # fmt: skip
        """A mapping closed a batch and hands it over. Returns its id, from 1.

        ``mapping``, ``source`` and ``shard`` are names; ``opened_at`` is when its first record
        joined, ``window_opened_at`` when its window began (-1: there is none); ``cause`` a
        :class:`.BatchCause`; ``parent_batch`` the batch it was split from.
        """
        buffer = self._buffers["batches"]
        buffer.extend(
            _open_batch(
                mapping, source, shard, poller, window_opened_at, opened_at, flushed_at, cause,
                records, size_bytes, filtered, parent_batch, _BATCH_BLANK,
            )
        )  # fmt: skip
        return len(buffer) // _BATCH_SIZE

    def batch_done(
        self, batch: int, at: int, request: int, outcome: int, failed_records: int
    ) -> None:
        """The batch is over; ``request`` is its last invocation (each names it as parent)."""
        place = batch * _BATCH_SIZE - _BATCH_SIZE + _BATCH_DONE
        _done_batch(self._buffers["batches"], place, at, request, outcome, failed_records)
        self.changes += 1

    def batch_records(self, batch: int, messages: Sequence[int]) -> None:
        """Which messages a batch holds, in order; once per batch."""
        rows = b"".join([_pack_batch_record(batch, message) for message in messages])
        self._buffers["batch_records"].extend(rows)

    # ---- capacity, logs, wiring -------------------------------------------------------------

    def scaling(
        self, at: int, subject: int, kind: int, before: int, after: int, cause: int
    ) -> None:
        """A capacity changed from ``before`` to ``after``; ``subject`` is whose (a name)."""
        self._buffers["scaling"].extend(_pack_scaling(at, subject, kind, before, after, cause))

    def fault(self, at: int, kind: int, subject: int, request: int, message: int) -> None:
        """``lab.faults`` struck (:class:`.FaultKind`) a function or queue, ``subject``, a name."""
        self._buffers["faults"].extend(_pack_fault(at, kind, subject, request, message))

    def log(self, at: int, function: int, environment: int, request: int, message: str) -> None:
        """A line the function wrote. START, END, REPORT and INIT_START are derived, not recorded.

        ``request`` is 0 outside an invocation (initialisation).
        """
        self._buffers["logs"].extend(_pack_log(at, function, environment, request))
        self.log_texts.append(message)

    def configured(self, function: str, settings: Mapping[str, object]) -> None:
        """A function's settings, as they are from now on (plain values: numbers, text, lists)."""
        self.functions[function] = dict(settings)
        self.changes += 1

    def wired(self, kind: str, name: str, settings: Mapping[str, object]) -> None:
        """A queue, mapping, trigger ... exists: its kind ("sqs", "mapping"), name and settings."""
        self.wiring.setdefault(kind, {})[name] = dict(settings)
        self.changes += 1

    # ---- for readers ------------------------------------------------------------------------

    @property
    def start_us(self) -> int:
        """When the lab began, in microseconds since 1970 (UTC)."""
        return _DEFAULT_START_US if self.clock is None else self.clock.start_us

    @property
    def buffers(self) -> dict[str, bytearray]:
        """The packed rows of every table, for readers: all that was noted in short is in them."""
        self.journal.fill()
        return self._buffers

    @property
    def nbytes(self) -> int:
        """Bytes of packed rows in the books (payloads, errors and texts not counted)."""
        return sum(map(len, self.buffers.values()))

    def version(self) -> tuple[int, ...]:
        """Changes whenever anything is recorded: what the tables' caches are keyed by."""
        lengths = map(len, self.buffers.values())  # first: settling counts as a change
        return (*lengths, self.changes, len(self.names))

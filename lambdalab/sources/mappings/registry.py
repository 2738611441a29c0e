"""Event source mappings: what connects a queue with a function, and their management.

What a mapping does is told in :mod:`.collector` (receiving, and closing batches) and
:mod:`.delivery` (invoking, and what becomes of the messages). Five pollers at the start have one batch
each at a time, which is five concurrent invokes (dg/services-sqs-scaling).
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Iterator
from typing import Any

from lambdalab.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    UnknownName,
)
from lambdalab.functions.context import function_arn
from lambdalab.functions.function import Function
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import FrontDoor
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.collector import Collector
from lambdalab.sources.mappings.delivery import Delivery
from lambdalab.sources.mappings.queue_settings import CREATE, MappingSettings
from lambdalab.sources.sqs.queue import Queue
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause, ScalingKind


class EventSourceMappings:
    """All event source mappings of a lab. Parameters: the lab's parts."""

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        streams: RandomStreams,
        ids: Ids,
        clock: Clock,
        front_door: FrontDoor,
        origin: Callable[[], object],
    ) -> None:
        self.origin = origin
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.ids, self.rules, self.clock, self.front_door = ids, rules, clock, front_door
        self._mappings: dict[str, Mapping] = {}

    def create(self, queue: Queue, target: Target, **settings: Any) -> Mapping:
        """Let a function process a queue's messages in batches.

        Parameters
        ----------
        queue, target
            The source, and the function with its qualifier.
        batch_size
            Most records of a batch: 1 to 10,000, 10 by default.
        maximum_batching_window
            Seconds for which a batch gathers records: 0 (default) to 300. A batch size above 10
            needs at least 1.
        function_response_types
            ``("ReportBatchItemFailures",)``: the function's answer names the records that failed.
        filter_criteria
            ``{"Filters": [{"Pattern": ...}]}``: the function gets what one of the patterns (JSON, or
            a dict) matches; other messages leave the queue at once. See :mod:`lambdalab.sources.filters`.
        enabled
            Whether it receives messages.

        Raises
        ------
        UnknownSetting, InvalidSetting, InvalidParameterValueException
            For settings AWS refuses, the function's timeout being longer than the queue's
            visibility timeout among them; then nothing has been made.
        ResourceConflictException
            The two are connected already.
        """
        made = MappingSettings.make(self.rules, CREATE, **settings)
        name = f"{queue.name}->{target.name}" + (f":{target.qualifier}" if target.qualifier else "")
        if name in self._mappings:
            raise _exists(self._mappings[name])
        check_timeouts(queue, target)
        mapping = Mapping(name, self._uuid(len(self._mappings) + 1), queue, target, made, self)
        self._mappings[name] = mapping
        return mapping

    def _uuid(self, number: int) -> str:
        """The mapping's id: like other ids, its number in front and a tail of the lab's seed."""
        h = hashlib.sha256(f"{self.ids.seed}/id/mapping".encode()).hexdigest()
        return f"{number:08d}-{h[:4]}-4{h[4:7]}-8{h[7:10]}-{h[10:22]}"

    def reset(
        self, scheduler: Scheduler, books: Recorder, streams: RandomStreams, front_door: FrontDoor
    ) -> None:
        """Begin a new run with the same mappings; the queues have been reset before."""
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.front_door = front_door
        for mapping in self._mappings.values():
            mapping.start()

    def __getitem__(self, name: str) -> Mapping:
        try:
            return self._mappings[name]
        except KeyError:
            raise UnknownName("event source mapping", name, self._mappings) from None

    def __contains__(self, name: object) -> bool:
        return name in self._mappings

    def __iter__(self) -> Iterator[Mapping]:
        return iter(self._mappings.values())

    def __len__(self) -> int:
        return len(self._mappings)

    def __repr__(self) -> str:
        lines = [f"  {mapping!r}" for mapping in self]
        return "\n".join(["<event source mappings>", *lines]) if lines else "<no mappings>"


class Mapping:
    """An event source mapping, made by ``lab.create_event_source_mapping``.

    Attributes: ``name`` ("orders->bill"), ``uuid``, ``queue``, ``function``, ``settings``.
    """

    def __init__(
        self,
        name: str,
        uuid: str,
        queue: Queue,
        target: Target,
        settings: MappingSettings,
        mappings: EventSourceMappings,
    ) -> None:
        self.name, self.uuid = name, uuid
        self.queue, self.target, self.settings = queue, target, settings
        self.function: Function = target.function
        self._mappings = mappings
        self._collector: Collector
        self._delivery: Delivery
        self.start()

    @property
    def enabled(self) -> bool:
        """Whether it receives messages."""
        return self.settings.enabled

    @property
    def state(self) -> str:
        """AWS's word for it: ``Enabled`` or ``Disabled``."""
        return "Enabled" if self.enabled else "Disabled"

    def update(self, **settings: Any) -> Mapping:
        """Change settings of ``create_event_source_mapping``; None sets one back to its default.

        They hold for receives and batches that begin from now on. Disabled, a mapping receives
        nothing more; what it has received goes its way.

        Raises as ``create`` does; then nothing has changed.
        """
        self._mappings.origin()  # refused in a lab that is closed, and in a handler that is over
        before = self.enabled
        made = self.settings.changed(self._mappings.rules, **settings)
        check_timeouts(self.queue, self.target)
        self.settings = self._collector.settings = self._delivery.settings = made
        self._note()
        if self.enabled != before:
            self.queue.store.rewatch()
            self._scaled(self.enabled)
        self._collector.wake()
        return self

    def start(self) -> None:
        """Begin a run."""
        parts = self._mappings
        self._collector = Collector(
            self.queue, self.target, self.settings, parts.scheduler, parts.rules, parts.clock
        )
        self._delivery = Delivery(
            self.name, self.queue, self.target, self.settings, parts.scheduler, parts.books,
            parts.rules, parts.front_door, self._collector.free,
        )  # fmt: skip
        self._collector.hand_over = self._delivery.hand_over
        self._collector.answered = self._delivery.answered
        self._note()
        if self.enabled:
            self._scaled(True)
        self.queue.store.attach(self._collector)
        self._collector.wake()

    def _note(self) -> None:
        known = {"source": self.queue.name, "function": self.function.name, "uuid": self.uuid}
        settings = self.settings.as_dict()
        settings["function_response_types"] = list(self.settings.function_response_types)
        criteria = settings.pop("filter_criteria")
        if criteria is not None:
            settings["filter_criteria"] = criteria.as_dict()
        self._mappings.books.wired("mapping", self.name, known | settings)

    def _scaled(self, up: bool) -> None:
        """Pollers start when the mapping is enabled, and stop when it is disabled."""
        parts, number = self._mappings, len(self._collector.pollers)
        before, after = (0, number) if up else (number, 0)
        parts.books.scaling(
            parts.scheduler.now, parts.books.name(self.name), ScalingKind.POLLERS, before, after,
            Cause.CONFIGURED,
        )  # fmt: skip

    def __repr__(self) -> str:
        settings = self.settings
        told = [f"batch size {settings.batch_size:,}"]
        told.append(f"batching window {settings.maximum_batching_window} s")
        told += settings.function_response_types
        if settings.filter_criteria is not None:
            number = len(settings.filter_criteria)
            told.append(f"{number} filter" + ("" if number == 1 else "s"))
        told += [] if self.enabled else ["disabled"]
        return f"<mapping {self.name}: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def check_timeouts(queue: Queue, target: Target) -> None:
    """A function must be over before its messages become visible again (dg/services-sqs-configure)."""
    visibility, timeout = queue.settings.visibility_timeout, target.timeout
    if timeout > visibility:
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: "
            f"{timeout} seconds",
            f"; give the queue a longer one, six times the function's is AWS's advice: "
            f"lab.sqs[{queue.name!r}].update(visibility_timeout={6 * timeout})",
        )


def _exists(mapping: Mapping) -> ResourceConflictException:
    return ResourceConflictException(
        f'An event source mapping with SQS arn (" {mapping.queue.arn} ") and function '
        f'(" {function_arn(mapping.function.name)} ") already exists. Please update or delete the '
        f"existing mapping with UUID {mapping.uuid}",
        "; change it with its update(...); lab.reset() begins a new run with the same mappings",
    )

"""Mappings of queues: what connects an SQS queue with a function.

What one does is told in :mod:`.collector` (receiving, and closing batches) and :mod:`.delivery`
(invoking, and what becomes of the messages).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValueException
from lambdalab.functions.target import Target
from lambdalab.sources.mappings.batch import Batch
from lambdalab.sources.mappings.collector import Collector
from lambdalab.sources.mappings.delivery import Delivery
from lambdalab.sources.mappings.fifo_rules import check_fifo, check_fifo_size
from lambdalab.sources.mappings.mapping import Mapping, filters_told
from lambdalab.sources.mappings.queue_settings import CREATE, MappingSettings
from lambdalab.sources.sqs.queue import Queue

if TYPE_CHECKING:
    from lambdalab.sources.mappings.registry import EventSourceMappings


class QueueMapping(Mapping):
    """An event source mapping of an SQS queue."""

    source: Queue
    settings: MappingSettings

    @classmethod
    def checked(
        cls, mappings: EventSourceMappings, queue: Queue, target: Target, given: dict[str, Any]
    ) -> MappingSettings:
        """The settings of ``create``, or an error of what AWS refuses."""
        check_fifo_size(queue, given, mappings.rules)
        made = MappingSettings.make(mappings.rules, CREATE, **given)
        check_fifo(queue, made, mappings.rules)
        check_timeouts(queue, target)
        return made

    @property
    def queue(self) -> Queue:
        """The queue it polls."""
        return self.source

    def _changed(self, settings: dict[str, Any], target: Target) -> MappingSettings:
        check_fifo_size(self.source, settings, self._parts.rules)
        made = self.settings.changed(self._parts.rules, **settings)
        check_fifo(self.source, made, self._parts.rules)
        if made.enabled:  # one that does harm can always be switched off
            check_timeouts(self.source, target)
        return made

    def _begin(self, settings: MappingSettings) -> None:
        parts = self._parts
        self._done: Callable[[], None] | None = None
        self._collector = Collector(
            self.name, self.source, self.target, settings, parts.scheduler, parts.books,
            parts.rules, parts.clock,
        )  # fmt: skip
        self._delivery = Delivery(
            self.name, self.source, self.target, settings, parts.scheduler, parts.books,
            parts.rules, parts.front_door, self._collector.scaling, self._free,
        )  # fmt: skip
        self._collector.hand_over = self._delivery.hand_over
        self._collector.answered = self._delivery.answered
        self._collector.polled = self._look  # records it held may have become visible again
        self.source.store.attach(self._collector)
        self._collector.wake()

    def _apply(self, settings: MappingSettings) -> None:
        before = self._collector.settings.enabled
        self._collector.target = self._delivery.target = self.target
        self._collector.settings = self._delivery.settings = settings
        if settings.enabled != before:
            self.source.store.rewatch()
        self._collector.wake()

    def _retire(self, done: Callable[[], None]) -> None:
        self._done = done
        self._look()

    def _free(self, batch: Batch) -> None:
        """A batch is over."""
        self._collector.free(batch)
        self._look()

    def _look(self) -> None:
        """Leave the queue once the last batch is over."""
        if self._done is not None and self._collector.idle:
            done, self._done = self._done, None
            self.source.store.detach(self._collector)
            done()

    def _told(self) -> list[str]:
        settings = self.settings
        told = [f"batch size {settings.batch_size:,}"]
        told.append(f"batching window {settings.maximum_batching_window} s")
        told += settings.function_response_types
        if settings.maximum_concurrency is not None:
            told.append(f"maximum concurrency {settings.maximum_concurrency:,}")
        provisioned = settings.provisioned_poller_config
        if provisioned is not None:
            low, high = provisioned.minimum_pollers, provisioned.maximum_pollers
            told.append(f"{low:,} to {high:,} provisioned pollers")
        return told + filters_told(settings.filter_criteria)


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

"""All event source mappings of a lab: making, finding and forgetting them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from lambdalab.errors import InvalidSetting, ResourceConflictException, UnknownName
from lambdalab.functions.target import Target
from lambdalab.invocation.destinations import Destinations
from lambdalab.invocation.front_door import FrontDoor
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.mapping import GONE, Mapping, called
from lambdalab.sources.mappings.queue_mapping import QueueMapping
from lambdalab.sources.mappings.stream_mapping import StreamMapping
from lambdalab.sources.sqs.queue import Queue
from lambdalab.sources.streams.source import StreamSource
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder

_ELSEWHERE = {
    "topics": "Amazon MSK and Apache Kafka",
    "self_managed_event_source": "Apache Kafka",
    "amazon_managed_kafka_event_source_config": "Amazon MSK",
    "queues": "Amazon MQ",
    "document_db_event_source_config": "Amazon DocumentDB",
}
"""Settings of services that no lab has."""


class EventSourceMappings:
    """All event source mappings of a lab. Parameters: the lab's parts; ``destinations``, which hear of
    records that a stream's mapping gives up; ``targets``, which finds a function with its qualifier;
    ``has``, which says whether a source is still there."""

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
        destinations: Destinations,
        targets: Callable[[Any], Target],
        has: Callable[[Any], bool] = lambda source: True,
    ) -> None:
        self.origin, self.destinations, self._targets = origin, destinations, targets
        self.has = has
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.ids, self.rules, self.clock, self.front_door = ids, rules, clock, front_door
        self._mappings: dict[str, Mapping] = {}
        self._made = 0

    def create(self, source: Queue | StreamSource, target: Target, /, **settings: Any) -> Mapping:
        """Connect a source with a function; see :meth:`lambdalab.Lab.create_event_source_mapping`.

        Raises
        ------
        UnknownSetting, InvalidSetting, UnknownName, InvalidParameterValueException
            For settings AWS refuses; then nothing has been made.
        ResourceConflictException
            The two are connected already.
        """
        self.origin()
        for setting, service in _ELSEWHERE.items():
            if setting in settings:
                limit = f"left out: {service} is not simulated as an event source"
                raise InvalidSetting(setting, settings[setting], limit)
        kind: type[QueueMapping] | type[StreamMapping]
        kind = QueueMapping if isinstance(source, Queue) else StreamMapping
        made = kind.checked(self, source, target, settings)  # type: ignore[arg-type]
        self._check_new(None, source, target)
        name = self._name(source, target)
        mapping = kind(name, self._uuid(self._made + 1), source, target, made, self)
        self._made += 1
        self._mappings[name] = mapping
        return mapping

    def _name(self, source: Queue | StreamSource, target: Target) -> str:
        """What a new mapping is called; numbered where one that got another function has the name."""
        version = f":{target.qualifier}" if target.qualifier else ""
        plain = name = f"{called(source)}->{target.name}{version}"
        number = 1
        while name in self._mappings:
            number += 1
            name = f"{plain} ({number})"
        return name

    def retarget(self, mapping: Mapping, function: object) -> Target:
        """The function that a mapping is to have from now on; raises as :meth:`create` does."""
        target = self._targets(function)
        self._check_new(mapping, mapping.source, target)
        return target

    def _check_new(self, mapping: Mapping | None, source: object, target: Target) -> None:
        """Raise where another mapping connects the two already."""
        wanted = target.function, target.qualifier
        for other in self:
            known = other.target.function, other.target.qualifier
            if other is not mapping and other.source is source and known == wanted:
                raise _exists(other)

    def forget(self, mapping: Mapping) -> None:
        """A mapping has been deleted, and nothing of it is under way."""
        del self._mappings[mapping.name]

    def _uuid(self, number: int) -> str:
        """The mapping's id: like other ids, its number in front and a tail of the lab's seed."""
        h = hashlib.sha256(f"{self.ids.seed}/id/mapping".encode()).hexdigest()
        return f"{number:08d}-{h[:4]}-4{h[4:7]}-8{h[7:10]}-{h[10:22]}"

    def reset(
        self, scheduler: Scheduler, books: Recorder, streams: RandomStreams, front_door: FrontDoor
    ) -> None:
        """Begin a new run with the same mappings; the sources have been reset before.

        One that was being deleted is gone, and one whose source has been deleted.
        """
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.front_door = front_door
        for mapping in self._mappings.values():
            if mapping.leaving or not self.has(mapping.source):
                mapping.state = GONE
        kept = {name: m for name, m in self._mappings.items() if m.state != GONE}
        self._mappings = kept
        for mapping in kept.values():
            mapping.start()

    # ------------------------------------------------------------------ finding them

    def find(self, given: object) -> Mapping:
        """The mapping that a handle, a name (``"orders->bill"``) or a UUID stands for.

        The handle of one that was deleted stands for itself: its verbs tell so, in AWS's words.
        """
        for mapping in self._mappings.values():
            if given is mapping or given in (mapping.name, mapping.uuid):
                return mapping
        if isinstance(given, Mapping) and given.state == GONE and given.is_of(self):
            return given
        name = given.name if isinstance(given, Mapping) else given
        raise UnknownName("event source mapping", name, self._mappings)

    def __getitem__(self, name: str) -> Mapping:
        return self.find(name)

    def __contains__(self, name: object) -> bool:
        return name in self._mappings

    def __iter__(self) -> Iterator[Mapping]:
        return iter(list(self._mappings.values()))

    def __len__(self) -> int:
        return len(self._mappings)

    def __repr__(self) -> str:
        lines = [f"  {mapping!r}" for mapping in self]
        return "\n".join(["<event source mappings>", *lines]) if lines else "<no mappings>"


def _exists(mapping: Mapping) -> ResourceConflictException:
    arn, function = mapping.source.arn, mapping.function.name  # by its name (recorded)
    if isinstance(mapping, QueueMapping):
        message = (
            f'An event source mapping with SQS arn (" {arn} ") and function (" {function} ") already '
            f"exists. Please update or delete the existing mapping with UUID {mapping.uuid}"
        )
    else:
        message = (
            f'The event source arn (" {arn} ") and function (" {function} ") provided mapping already '
            f"exists. Please update or delete the existing mapping with UUID {mapping.uuid}"
        )
    return ResourceConflictException(
        message,
        "; change it with its update(...); lab.reset() begins a new run with the same mappings",
    )

"""Mappings of streams: what connects a Kinesis stream with a function, and their management.

Reading is told in :mod:`.stream_reader` and :mod:`.shard_poller`, batches in :mod:`.lane`, what
becomes of them in :mod:`.work`, and what the books hear in :mod:`.ledger`. Not there yet:
filters, tumbling windows.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

from lambdalab.errors import InvalidSetting, ResourceConflictException, UnknownName
from lambdalab.functions.context import function_arn
from lambdalab.functions.function import Function
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import FrontDoor
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.kinesis.events import failure_record
from lambdalab.sources.kinesis.stream import Stream
from lambdalab.sources.mappings.stream_reader import StreamReader
from lambdalab.sources.mappings.stream_settings import FOREVER, StreamMappingSettings
from lambdalab.sources.mappings.work import GivenUp, Workplace
from lambdalab.sources.sqs.service import Queue, Sqs
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause


class StreamMappings:
    """All mappings of a lab's streams.

    Parameters: the lab's parts; ``sqs``, whose queues hear of failures; ``new_uuid``, which makes a
    mapping's id.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        ids: Ids,
        clock: Clock,
        front_door: FrontDoor,
        origin: Callable[[], object],
        sqs: Sqs,
        new_uuid: Callable[[], str],
    ) -> None:
        self.scheduler, self.books, self.front_door = scheduler, books, front_door
        self.rules, self.ids, self.clock, self.origin = rules, ids, clock, origin
        self.sqs, self._new_uuid = sqs, new_uuid
        self._mappings: dict[str, StreamMapping] = {}

    def create(self, stream: Stream, target: Target, **settings: Any) -> StreamMapping:
        """Let a function process a stream's records in batches.

        Parameters
        ----------
        stream, target
            The source, and the function with its qualifier.
        starting_position
            ``TRIM_HORIZON``, ``LATEST``, or ``AT_TIMESTAMP`` with ``starting_position_timestamp``
            (seconds since the lab's start, or a date). It must be given.
        batch_size
            Most records of a batch: 1 to 10,000, 100 by default.
        maximum_batching_window
            Seconds for which a batch gathers records: 0 (default) to 300.
        parallelization_factor
            Batches of a shard at a time, by partition key: 1 (default) to 10.
        maximum_retry_attempts
            How often a failed batch is tried again: 0 to 10,000; -1, the default, without limit.
        maximum_record_age
            Seconds after which a record is given up: 60 to 604,800; -1, the default, never.
        bisect_batch_on_function_error
            Whether a failed batch is cut in two.
        function_response_types
            ``("ReportBatchItemFailures",)``: the function's answer names the first that failed.
        on_failure
            The queue that gets a record of what was given up.
        enabled
            Whether it reads the stream.

        Raises
        ------
        UnknownSetting, InvalidSetting, UnknownName, InvalidParameterValueException
            For settings AWS refuses; then nothing has been made.
        ResourceConflictException
            The two are connected already.
        """
        self.origin()
        made = self.settings(None, settings)
        name = f"{stream.name}->{target.name}" + (
            f":{target.qualifier}" if target.qualifier else ""
        )
        if name in self._mappings:
            raise _exists(self._mappings[name])
        mapping = StreamMapping(name, self._new_uuid(), stream, target, made, self)
        self._mappings[name] = mapping
        return mapping

    def settings(
        self, before: StreamMappingSettings | None, given: dict[str, Any]
    ) -> StreamMappingSettings:
        """Settings of ``create`` (or changed ones), all checked, the queue found."""
        if given.get("on_failure") is not None:
            given = given | {"on_failure": self._queue_name(given["on_failure"])}
        at = given.get("starting_position_timestamp")
        if at is not None and before is None:
            self.clock.at(at, "starting_position_timestamp")
        if before is None:
            return StreamMappingSettings.make(self.rules, "create_event_source_mapping", **given)
        return before.changed(self.rules, **given)

    def _queue_name(self, given: object) -> str:
        by_arn = {self.sqs[name].arn: name for name in self.sqs}
        name = given.name if isinstance(given, Queue) else by_arn.get(str(given), given)
        if not isinstance(name, str):
            raise InvalidSetting("on_failure", given, "a queue, its name or its ARN")
        if name not in self.sqs or (isinstance(given, Queue) and given not in self.sqs):
            raise UnknownName("queue", name, self.sqs)
        return name

    def reset(self, scheduler: Scheduler, books: Recorder, front_door: FrontDoor) -> None:
        """Begin a new run with the same mappings; the streams have been reset before."""
        self.scheduler, self.books, self.front_door = scheduler, books, front_door
        for mapping in self._mappings.values():
            mapping.start()

    def __getitem__(self, name: str) -> StreamMapping:
        try:
            return self._mappings[name]
        except KeyError:
            raise UnknownName("event source mapping", name, self._mappings) from None

    def __contains__(self, name: object) -> bool:
        return name in self._mappings

    def __iter__(self) -> Iterator[StreamMapping]:
        return iter(self._mappings.values())

    def __len__(self) -> int:
        return len(self._mappings)


class StreamMapping:
    """An event source mapping of a stream.

    Attributes: ``name`` ("clicks->count"), ``uuid``, ``stream``, ``function``, ``settings``.
    """

    def __init__(
        self, name: str, uuid: str, stream: Stream, target: Target,
        settings: StreamMappingSettings, mappings: StreamMappings,
    ) -> None:  # fmt: skip
        self.name, self.uuid = name, uuid
        self.stream, self.target, self.settings = stream, target, settings
        self.function: Function = target.function
        self._mappings = mappings
        self._reader: StreamReader
        self.start()

    @property
    def enabled(self) -> bool:
        """Whether it reads the stream."""
        return self.settings.enabled

    @property
    def state(self) -> str:
        """AWS's word for it: ``Enabled`` or ``Disabled``."""
        return "Enabled" if self.enabled else "Disabled"

    def update(self, **settings: Any) -> StreamMapping:
        """Change settings (but where it starts); None sets one back to its default.

        They hold for reads, batches and tries that begin from now on. Disabled, a mapping reads nothing
        more; what it has read goes its way, and enabled once more it goes on from there.

        Raises as ``create`` does; then nothing has changed.
        """
        self._mappings.origin()
        made = self._mappings.settings(self.settings, settings)
        self.settings = self._reader.place.settings = made
        self._note()
        self._reader.wake()
        return self

    @property
    def behind(self) -> int:
        """How many records of the stream it is not done with."""
        return self._reader.behind + self._reader.place.ledger.depth

    def start(self) -> None:
        """Begin a run."""
        parts = self._mappings
        place = Workplace(
            self.name, self.target, self.settings, parts.scheduler, parts.books, parts.rules,
            parts.front_door, self._give_up,
        )  # fmt: skip
        given = self.settings.starting_position_timestamp
        at = None if given is None else parts.clock.at(given, "starting_position_timestamp")
        self._note()
        self._reader = StreamReader(self.stream, place, parts.clock, at)

    def _give_up(self, what: GivenUp) -> None:
        """Tell the on-failure queue, if there is one."""
        name = self.settings.on_failure
        if name is None:
            return
        parts, records = self._mappings, [item.record for item in what.items]
        number = what.request
        record = failure_record(
            request_id=parts.ids.request(number) if number else parts.ids.message(records[0].number),
            function_arn=self.target.arn, condition=what.condition, invoke_count=what.invokes,
            version=what.version, function_error=what.error, records=records,
            stream_arn=self.stream.arn, at=parts.scheduler.now, clock=parts.clock,
        )  # fmt: skip
        # the cause is to be DESTINATION, once the audit knows what a stream's mapping delivers
        parts.sqs[name].deliver(record, {}, number, None, Cause.MESSAGE_SENT)

    def _note(self) -> None:
        known = {"source": self.stream.name, "function": self.function.name, "uuid": self.uuid}
        settings = self.settings.as_dict()
        settings["function_response_types"] = list(self.settings.function_response_types)
        at = settings["starting_position_timestamp"]
        settings["starting_position_timestamp"] = None if at is None else str(at)
        self._mappings.books.wired("mapping", self.name, known | settings)

    def __repr__(self) -> str:
        settings = self.settings
        told = [settings.starting_position, f"batch size {settings.batch_size:,}"]
        told.append(f"batching window {settings.maximum_batching_window} s")
        if settings.parallelization_factor > 1:
            told.append(f"{settings.parallelization_factor} lanes a shard")
        if settings.maximum_retry_attempts != FOREVER:
            told.append(f"{settings.maximum_retry_attempts:,} retries")
        if settings.maximum_record_age != FOREVER:
            told.append(f"records up to {settings.maximum_record_age:,} s old")
        told += ["bisect"] if settings.bisect_batch_on_function_error else []
        told += settings.function_response_types
        told += [] if settings.on_failure is None else [f"failures to {settings.on_failure!r}"]
        told += [] if self.enabled else ["disabled"]
        return f"<mapping {self.name}: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def _exists(mapping: StreamMapping) -> ResourceConflictException:
    return ResourceConflictException(
        f'The event source arn (" {mapping.stream.arn} ") and function (" '
        f'{function_arn(mapping.function.name)} ") provided mapping already exists. Please update or '
        f"delete the existing mapping with UUID {mapping.uuid}",
        "; change it with its update(...)",
    )

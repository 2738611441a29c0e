"""Mappings of streams: what connects a Kinesis stream, or that of a DynamoDB table, with a function.

Reading is told in :mod:`.stream_reader` and :mod:`.shard_poller`, batches in :mod:`.lane` and
:mod:`.tumbling`, what becomes of them in :mod:`.work`, and what the books hear in :mod:`.ledger`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.errors import InvalidSetting
from lambdalab.functions.target import Target
from lambdalab.invocation.destinations import Envelope
from lambdalab.kernel.clock import US
from lambdalab.sources.mappings.event import payload
from lambdalab.sources.mappings.failures import GivenUp, failure_record
from lambdalab.sources.mappings.mapping import Mapping, filters_told
from lambdalab.sources.mappings.place import Workplace
from lambdalab.sources.mappings.queue_settings import CREATE
from lambdalab.sources.mappings.stream_reader import StreamReader
from lambdalab.sources.mappings.stream_settings import (
    FOREVER,
    StreamMappingSettings,
    check_destination,
)
from lambdalab.sources.streams.source import StreamSource
from lambdalab.trace.schema import Cause

if TYPE_CHECKING:
    from lambdalab.sources.mappings.registry import EventSourceMappings


class StreamMapping(Mapping):
    """An event source mapping of a stream.

    Disabled, it begins no batch and tries none again; what is under way comes to its end. Enabled once
    more, it goes on from there.
    """

    reason: ClassVar[str] = "User action"

    source: StreamSource
    settings: StreamMappingSettings
    _reader: StreamReader

    @classmethod
    def checked(
        cls,
        mappings: EventSourceMappings,
        stream: StreamSource,
        target: Target,
        given: dict[str, Any],
    ) -> StreamMappingSettings:
        """The settings of ``create``, or an error of what AWS refuses."""
        at = given.get("starting_position_timestamp")
        if at is not None:
            _check_past(mappings, at)
        given = _destined(mappings, target, given)
        return StreamMappingSettings.make(mappings.rules, CREATE, stream, **given)

    @property
    def last_processing_result(self) -> str:
        """How the last invocation went, in AWS's words: ``No records processed``, ``OK``,
        ``PROBLEM: Function call failed``.

        An answer that names failed records is a call that did not fail (our choice).
        """
        return self._reader.place.last_result

    @property
    def behind(self) -> int:
        """How many records of the stream it is not done with."""
        return self._reader.behind + self._reader.place.ledger.depth

    def _changed(self, settings: dict[str, Any], target: Target) -> StreamMappingSettings:
        given = _destined(self._parts, target, settings)
        return self.settings.changed(self._parts.rules, self.source, **given)

    def _begin(self, settings: StreamMappingSettings) -> None:
        parts = self._parts
        place = Workplace(
            self.name, self.source, self.target, settings, parts.scheduler, parts.books,
            parts.rules, parts.clock, parts.front_door, self._give_up,
        )  # fmt: skip
        given = settings.starting_position_timestamp
        at = None if given is None else parts.clock.at(given, "starting_position_timestamp")
        self._reader = StreamReader(place, at)
        self._polled = settings.enabled

    def _apply(self, settings: StreamMappingSettings) -> None:
        place = self._reader.place
        place.settings, place.target = settings, self.target
        if settings.enabled and not self._polled:
            self._polled = True
            if settings.starting_position == "LATEST":
                # it is the end of the stream where polling begins, which may be minutes after the
                # mapping was made: what came before is passed over (dg/services-kinesis-create)
                self._reader.leave()
                self._reader = StreamReader(self._reader.place, None)
        self._reader.wake()

    def _retire(self, done: Callable[[], None]) -> None:
        reader = self._reader
        reader.leave()

        def closed() -> None:
            reader.rest()
            done()

        reader.place.close(closed)

    def _give_up(self, what: GivenUp) -> None:
        """Tell the on-failure destination, if there is one."""
        parts, place, first = self._parts, self._reader.place, what.items[0]
        destination = place.settings.on_failure
        if destination is None:
            return
        number = what.request
        request_id = parts.ids.request(number) if number else parts.ids.message(first.record.number)
        record = failure_record(
            what, request_id, place.target.arn, self.source, parts.scheduler.now, parts.clock
        )
        folder = f"{self.uuid}/{first.record.shard.shard_id}"
        event = payload([item.json for item in what.items])
        source = place.target.function.name_code
        envelope = Envelope(number, source, {}, "", folder=folder, payload=event)
        refused = parts.destinations.deliver(destination, record, envelope)
        cause = Cause.DELIVERY_FAILED if refused else what.cause
        place.ledger.delivered(first, cause, number, what.batch)

    def _told(self) -> list[str]:
        settings = self.settings
        told = [settings.starting_position, f"batch size {settings.batch_size:,}"]
        told.append(f"batching window {settings.maximum_batching_window} s")
        if settings.tumbling_window:
            told.append(f"tumbling window {settings.tumbling_window} s")
        if settings.parallelization_factor > 1:
            told.append(f"{settings.parallelization_factor} lanes a shard")
        if settings.maximum_retry_attempts != FOREVER:
            told.append(f"{settings.maximum_retry_attempts:,} retries")
        if settings.maximum_record_age != FOREVER:
            told.append(f"records up to {settings.maximum_record_age:,} s old")
        told += ["bisect"] if settings.bisect_batch_on_function_error else []
        told += settings.function_response_types
        told += filters_told(settings.filter_criteria)
        if settings.on_failure is not None:
            told.append(f"failures to {settings.on_failure.name!r}")
        return told


def _check_past(mappings: EventSourceMappings, at: object) -> None:
    """Raise for a starting position that is no moment, or one to come."""
    setting, now = "starting_position_timestamp", mappings.scheduler.now
    if mappings.clock.at(at, setting) > now:
        limit = f"not after now, {now / US:g} s: it cannot be in the future"
        raise InvalidSetting(setting, at, limit, "botocore CreateEventSourceMapping")


def _destined(
    mappings: EventSourceMappings, target: Target, given: dict[str, Any]
) -> dict[str, Any]:
    """Settings with the on-failure destination found."""
    if given.get("on_failure") is None:
        return given
    found = mappings.destinations.resolve("on_failure", given["on_failure"], target.function.name)
    return given | {"on_failure": check_destination(found)}

"""Kinesis: the data streams of the lab's account (``lab.kinesis``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lambdalab.errors import (
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
    UnknownName,
    UnknownSetting,
)
from lambdalab.functions.context import ACCOUNT
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.sources.directory import Directory
from lambdalab.sources.kinesis.consumers import Consumer
from lambdalab.sources.kinesis.input import check_name, check_record_size
from lambdalab.sources.kinesis.stream import Stream
from lambdalab.trace.recorder import Recorder

if TYPE_CHECKING:
    from lambdalab.invocation.front_door import Origin

__all__ = ["Kinesis", "Stream"]


class Kinesis(Directory[Stream]):
    """The data streams of one account, found by name: ``lab.kinesis["clicks"]``.

    Parameters: the lab's parts; ``origin``, which says who calls right now (and raises where a caller
    may not); and ``next_number``, which numbers records, as messages are.
    """

    service, noun = "kinesis", "stream"

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        clock: Clock,
        origin: Callable[[], Origin],
        next_number: Callable[[], int],
    ) -> None:
        super().__init__()
        self.scheduler, self.books = scheduler, books
        self.rules, self.clock, self.origin, self.next_number = rules, clock, origin, next_number

    def create_stream(
        self,
        name: str,
        shard_count: int = 1,
        *,
        max_record_size: int | None = None,
        **unknown: object,
    ) -> Stream:
        """Create a stream in provisioned mode; it can be used at once.

        Parameters
        ----------
        name
            Letters, digits, ``_``, ``-`` and ``.``; at most 128.
        shard_count
            Its shards, each with an even part of the hash keys. The account may have 500 open ones.
        max_record_size
            The largest record in KiB: 1,024 by default, up to 10,240 by rules from 2025-10-27 on.

        Raises
        ------
        InvalidSetting, UnknownSetting
            Before anything has been made.
        ResourceInUseException
            There is a stream of that name.
        LimitExceededException
            For more shards than the account may have.
        """
        self.origin()
        for setting in unknown:
            raise UnknownSetting("create_stream", setting, ["max_record_size", "shard_count"])
        check_name(name, self.rules)
        most, source = self.rules.kinesis_shards, self.rules.source("kinesis_shards")
        whole("shard_count", shard_count, 1, most, "shards", source)
        size = self.rules.kinesis_record_size
        if max_record_size is not None:
            size = check_record_size(max_record_size, self.rules)
        if name in self._found:
            raise ResourceInUseException(
                f"Stream {name} under account {ACCOUNT} already exists.",
                f"; lab.kinesis[{name!r}] is it; lab.reset() empties it and keeps its settings",
            )
        self.check_shards(shard_count)
        hours = self.rules.kinesis_retention_default
        made = self._found[name] = Stream(name, shard_count, hours, size, self)
        return made

    def delete_stream(
        self, stream: str | Stream, *, enforce_consumer_deletion: bool = False
    ) -> None:
        """Delete a stream, with its shards and every record in it; at once.

        Parameters
        ----------
        enforce_consumer_deletion
            Its consumers go with it; without it a stream that has some is not deleted.

        What writes to it or reads it fails from now on. A mapping that is disabled stays, with nothing
        to read, until it is deleted or the lab is reset.

        Raises
        ------
        UnknownName
            There is none of that name.
        ResourceInUseException
            It has consumers, or a mapping that is enabled reads it: this one has to be deleted or
            disabled first.
        """
        self.origin()
        found = self._mine(stream)
        if found.consumers and not enforce_consumer_deletion:
            raise ResourceInUseException(
                f"Stream {found.name} under account {ACCOUNT} has registered consumers.",
                "; enforce_consumer_deletion=True deletes them too",
            )
        if any(reader.enabled for reader in found.store.consumers):
            raise ResourceInUseException(
                f"An event source mapping reads the stream {found.name}",
                "; delete or disable it first",
            )
        del self._found[found.name]
        found.store.clear()

    def deregister_stream_consumer(self, consumer: Consumer) -> None:
        """A consumer with enhanced fan-out is one no more.

        Raises :class:`UnknownName` where it is none of this lab, and :class:`ResourceInUseException`
        while a mapping that is enabled reads through it.
        """
        self.origin()
        if consumer not in self:
            known = [
                each.name for stream in self._found.values() for each in stream.consumers.values()
            ]
            raise UnknownName("consumer", getattr(consumer, "name", consumer), known)
        if any(reader.enabled and reader.source is consumer for reader in consumer.store.consumers):
            raise ResourceInUseException(
                f"An event source mapping reads through the consumer {consumer.name}",
                "; delete or disable it first",
            )
        del consumer.stream.consumers[consumer.consumer_name]

    def _origin_of(self, stream: Stream) -> Origin:
        """Who calls a stream's verb right now; raises where the stream has been deleted."""
        if self._found.get(stream.name) is not stream:
            raise ResourceNotFoundException(
                f"Stream {stream.name} under account {ACCOUNT} not found.", "; it was deleted"
            )
        return self.origin()

    def check_shards(self, more: int) -> None:
        """Raise :class:`LimitExceededException` if the account may not have so many more shards."""
        there = sum(len(stream.store.open_shards) for stream in self._found.values())
        most = self.rules.kinesis_shards
        if there + more > most:
            raise LimitExceededException(
                f"This request would exceed the shard limit for the account {ACCOUNT}. Current shard "
                f"count for the account: {there}. Limit: {most}. Number of additional shards that "
                f"would have resulted from this request: {more}.",
                "; Lab(quotas={'kinesis_shards': ...}) raises it",
            )

    # ------------------------------------------------------------------ finding them

    def __contains__(self, stream: object) -> bool:
        if isinstance(stream, Consumer):
            return (
                stream.stream in self
                and stream.stream.consumers.get(stream.consumer_name) is stream
            )
        return super().__contains__(stream)

    # ------------------------------------------------------------------ another run

    def reset(self, scheduler: Scheduler, books: Recorder) -> None:
        """Begin a new run with the same streams, all empty, each with the shards it was made with."""
        self.scheduler, self.books = scheduler, books
        for stream in self._found.values():
            stream.start()

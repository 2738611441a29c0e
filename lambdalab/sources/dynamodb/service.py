"""DynamoDB: the tables of the lab's account (``lab.dynamodb``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import ResourceInUseException, ResourceNotFoundException, UnknownSetting
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.directory import Directory
from lambdalab.sources.dynamodb.expressions import Open
from lambdalab.sources.dynamodb.settings import TableSettings, check_name
from lambdalab.sources.dynamodb.stream import HOUR_US, TableStream
from lambdalab.sources.dynamodb.table import Table
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder

if TYPE_CHECKING:
    from lambdalab.invocation.front_door import Origin

__all__ = ["DynamoDb", "Table", "TableStream"]

_SETTINGS = ("partition_key", "shards", "sort_key", "stream_view_type", "time_to_live")


class DynamoDb(Directory[Table]):
    """The tables of one account, found by name: ``lab.dynamodb["orders"]``.

    Parameters: the lab's parts; ``origin``, which says who calls right now (and raises where a caller
    may not); ``next_number``, which numbers stream records, as messages are; and ``open_door``, which
    gives what evaluates expressions (:mod:`.expressions`), or raises ImportError.
    """

    service, noun = "dynamodb", "table"

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        streams: RandomStreams,
        ids: Ids,
        clock: Clock,
        origin: Callable[[], Origin],
        next_number: Callable[[], int],
        open_door: Open | None = None,
    ) -> None:
        super().__init__()
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.rules, self.ids, self.clock = rules, ids, clock
        self.origin, self.next_number, self.open_door = origin, next_number, open_door
        self._left: dict[str, tuple[Table, int]] = {}  # deleted, and when

    def create_table(
        self,
        name: str,
        partition_key: Any = "id",
        *,
        sort_key: Any = None,
        stream_view_type: str | None = None,
        time_to_live: str | None = None,
        shards: int | None = None,
        **unknown: object,
    ) -> Table:
        """Create a table; it can be used at once, and takes whatever is written.

        Parameters
        ----------
        name
            Letters, digits, ``_``, ``-`` and ``.``; at most 255 (AWS asks for 3 at least).
        partition_key, sort_key
            The attributes of the key, each a name, or a name and its type: ``("id", "N")``. Types are
            ``"S"`` (text, the default), ``"N"`` (number) and ``"B"`` (bytes). As on AWS they are fixed
            now, and not by the first item.
        stream_view_type
            Whether changes are shown in a stream, and what of an item: ``"KEYS_ONLY"``,
            ``"NEW_IMAGE"``, ``"OLD_IMAGE"`` or ``"NEW_AND_OLD_IMAGES"``.
        time_to_live
            The attribute that holds when an item may be deleted, in seconds since 1970.
        shards
            Of its stream (1 by default): on AWS they follow from the table's size.

        Raises
        ------
        InvalidSetting, UnknownSetting
            Before anything has been made.
        ResourceInUseException
            There is a table of that name.
        """
        self.origin()
        for setting in unknown:
            raise UnknownSetting("create_table", setting, _SETTINGS)
        check_name(name, self.rules)
        settings = TableSettings.make(
            self.rules, partition_key, sort_key, stream_view_type, time_to_live, shards
        )
        if name in self._found:
            raise ResourceInUseException(
                f"Table already exists: {name}",
                f"; lab.dynamodb[{name!r}] is it, and its update(...) changes it; lab.reset() empties "
                "it and keeps its settings",
            )
        left = self._left.pop(name, None)
        if left is not None:
            left[0].stream.store.clear()
        made = self._found[name] = Table(name, settings, self)
        return made

    def delete_table(self, table: str | Table) -> Table:
        """Delete a table with its items; returns it.

        Its stream shows nothing more, and can be read while its records last (24 h), by mappings too:
        unless a new table takes the name before, then they go. Nobody hears of the items.

        Raises :class:`UnknownName` where there is none.
        """
        self.origin()
        found = self._mine(table)
        found.update(stream_view_type=None, time_to_live=None)
        del self._found[found.name]
        if found._stream is not None:
            self._left[found.name] = found, self.scheduler.now
        return found

    def left_streams(self) -> list[Table]:
        """Deleted tables of this run whose streams can still be read."""
        kept_us = round(self.rules.dynamodb_stream_retention * HOUR_US)
        oldest = self.scheduler.now - kept_us
        return [table for table, at in self._left.values() if at > oldest]

    def _origin_of(self, table: Table) -> Origin:
        """Who calls a table's verb right now; raises where the table has been deleted."""
        if self._found.get(table.name) is not table:
            raise ResourceNotFoundException(
                f"Requested resource not found: Table: {table.name} not found", "; it was deleted"
            )
        return self.origin()

    # ------------------------------------------------------------------ another run

    def reset(self, scheduler: Scheduler, books: Recorder, streams: RandomStreams) -> None:
        """Begin a new run with the same tables and settings, all empty."""
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self._left.clear()
        for table in self._found.values():
            table.start()

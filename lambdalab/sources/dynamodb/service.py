"""DynamoDB: the tables of the lab's account (``lab.dynamodb``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import ResourceInUseException, UnknownSetting
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.directory import Directory
from lambdalab.sources.dynamodb.expressions import Open
from lambdalab.sources.dynamodb.settings import TableSettings, check_name
from lambdalab.sources.dynamodb.stream import TableStream
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
        made = self._found[name] = Table(name, settings, self)
        return made

    # ------------------------------------------------------------------ another run

    def reset(self, scheduler: Scheduler, books: Recorder, streams: RandomStreams) -> None:
        """Begin a new run with the same tables and settings, all empty."""
        self.scheduler, self.books, self.streams = scheduler, books, streams
        for table in self._found.values():
            table.start()

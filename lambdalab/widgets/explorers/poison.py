"""The sentences about a bad record: what waited behind it, how long, and what ended it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.plots.blocked import Ordered
from lambdalab.plots.frames import ordinal, ordinals
from lambdalab.trace.words import shard_name

if TYPE_CHECKING:
    from lambdalab.widgets.facts import Telling

_GONE = ("dropped", "expired", "dead_lettered")
_NAMED = re.compile(r"\bm(\d+)\b")


@dataclass(frozen=True, slots=True)
class Poison:
    """The record that a function could not read, in the books' words.

    ``event`` is its id, ``own`` the conditions for its rows in ``queue_events``, ``last`` the row in which
    it ended; ``lane`` its lane or group, a place in ``found.lane_names``.
    """

    tell: Telling
    found: Ordered
    event: str
    last: pd.Series[Any]
    own: dict[str, Any]
    lane: int

    @classmethod
    def of(cls, tell: Telling, found: Ordered) -> Poison | None:
        """What was given up or tried most often; None where nothing has failed."""
        rows = found.rows
        number = _number(tell, rows)
        if number is None:
            return None
        mine = rows[ordinals(rows["event_id"]) == number]
        event = str(mine["event_id"].iloc[0])
        own = {"queue": str(mine["queue"].iloc[0]), "event_id": event}
        return cls(tell, found, event, mine.iloc[-1], own, _lane(found, mine))

    @property
    def end(self) -> str:
        """Why it was let go: a cause."""
        gone = self.found.rows[self.found.rows["event_id"] == self.event]
        gone = gone[gone["action"].isin(_GONE)]
        return str(gone["cause"].iloc[-1]) if len(gone) else "skipped"

    def told(self) -> str:
        """All of it."""
        name = self.tell.id("message", self.event)
        parts = [self._waited(name), self._tried(name), self._company(name), self._others()]
        return " ".join(part for part in parts if part)

    # ---- what waited ---------------------------------------------------------------------------

    def _waited(self, name: str) -> str:
        """How many waited behind it, for how long at most, and how many never came to the function."""
        place = self._place()
        if self.found.kind == "stream" and not self._blocked():
            return f"Nothing waited behind {name} of {place}: its batch was given up at once."
        late, unread = self._behind(), self._unread()
        told = []
        if len(self.tell.rows("queue_events", late)):
            count = self.tell.count(self._thing, "queue_events", late)
            age = self.tell.value("queue_events", "age_ms", late, "max")
            told.append(f"{count} waited behind {name} of {place}, up to {age}")
        if len(self.tell.rows("queue_events", unread)):
            count = self.tell.count(self._thing, "queue_events", unread)
            age = self.tell.value("queue_events", "age_ms", unread, "max")
            behind = f"{count} more" if told else f"{count} waited behind {name} of {place}"
            told.append(f"{behind}, until at {age} they were too old to be read: they are lost")
        if not told:
            return f"Nothing came behind {name} of {place} while it was tried again."
        return "; ".join(told) + "."

    @property
    def _thing(self) -> str:
        return "record" if self.found.kind == "stream" else "message"

    def _place(self) -> str:
        if self.found.kind == "fifo":
            return f"group `{self.found.lane_names[self.lane]}`"
        batches = self.found.batches
        assert batches is not None
        row = int(np.flatnonzero(batches.lanes == self.lane)[0])
        return f"`{shard_name(str(batches.table['shard'].iloc[row]))}`"

    def _blocked(self) -> bool:
        return bool(np.any(self.found.blocks.lane == self.lane))

    def _until(self) -> pd.Timestamp:
        """When what held its lane up was over."""
        blocks = self.found.blocks
        ends = blocks.end[blocks.lane == self.lane]
        since = pd.Timedelta(microseconds=round(float(ends.max(initial=0.0)) * 1_000_000))
        return self.tell.trace.start + since

    def _behind(self) -> dict[str, Any]:
        """The rows in which those that had come meanwhile were first handed over."""
        until = self._until()
        rows = {
            "queue": self.own["queue"], "action": "received", "at": (">=", until),
            "sent_at": ("<", until),
        }  # fmt: skip
        if self.found.kind == "fifo":
            return {**rows, "message_group": self.found.lane_names[self.lane], "receive_count": 1}
        batches = self.found.batches
        assert batches is not None
        fresh = (batches.lanes == self.lane) & ~batches.again
        return {**rows, "batch_id": ("in", tuple(batches.table["batch_id"][fresh]))}

    def _unread(self) -> dict[str, Any]:
        """The rows of those that their source did not keep long enough to be handed over."""
        rows = {**self._queue("expired"), "receive_count": 0}
        return rows if self.found.kind == "stream" else {**rows, "message_group": self._group()}

    def _queue(self, action: str) -> dict[str, Any]:
        return {"queue": self.own["queue"], "action": action}

    # ---- what ended it -------------------------------------------------------------------------

    def _tried(self, name: str) -> str:
        """How often it was handed over, and why it was let go."""
        tell = self.tell
        often = {**self.own, "action": "received"}
        times = tell.times("queue_events", often)
        return f"It was handed over {times}, and then {self._let_go(self.end)}."

    def _let_go(self, end: str) -> str:
        tell = self.tell
        if end == "retries_exhausted":
            retries = tell.setting("mapping", self.found.name, "maximum_retry_attempts")
            used = (
                "no retry was allowed"
                if retries == "0"
                else f"its retries ({retries}) were used up"
            )
            return used + self._destination()
        if end == "record_age_exceeded":
            age = tell.setting("mapping", self.found.name, "maximum_record_age", "s")
            return f"it was older than the {age} that its mapping allows{self._destination()}"
        if end == "max_receive_count":
            queue = str(self.found.rows["queue"].iloc[0])
            most = tell.setting("sqs", queue, "max_receive_count")
            where = tell.trace.wired("sqs")[queue]["dead_letter_queue"]
            return f"went to `{where}`: {most} is its queue's max_receive_count"
        if end == "retention":
            return f"its {'stream' if self.found.kind == 'stream' else 'queue'} kept it no longer"
        return "it was still there"

    def _destination(self) -> str:
        """Whether somebody was told."""
        told = self.tell.rows("queue_events", {**self._queue("delivered")})
        if not len(told):
            return "; nobody is told, and it is lost"
        where = str(self.tell.rows("queue_events", {"cause": "destination"})["queue"].iloc[0])
        return f", and `{where}` was told which records they were"

    def _company(self, name: str) -> str:
        """Good records that were given up with it, for they were in its batch."""
        if self.found.kind == "fifo":
            return ""
        gone = "expired" if str(self.last["action"]) == "expired" else "dropped"
        others = {**self._queue(gone), "event_id": ("!=", self.event)}
        if gone == "expired":
            others["receive_count"] = (">", 0)  # those behind it, never handed over, are told of
        else:
            others["batch_id"] = self.last["batch_id"]
        many = len(self.tell.rows("queue_events", others))
        if not many:
            return ""
        count = self.tell.count(f"other {self._thing}", "queue_events", others)
        them = "it" if many == 1 else "them"
        return f"{count} of its batch went with it, though nothing was wrong with {them}."

    def _others(self) -> str:
        """Lanes and groups that nothing held up."""
        if len(self.found.lane_names) < 2:
            return ""
        if self.found.kind == "fifo":
            others = {"queue": self.own["queue"], "message_group": ("!=", self._group())}
            count = self.tell.value("queue_events", "message_group", others, "unique")
            return (
                f"The other {count} groups went on." if count != "1" else "The other group went on."
            )
        alone = bool(np.all(self.found.blocks.lane == self.lane))
        return "All other lanes went on." if alone else ""

    def _group(self) -> str:
        return self.found.lane_names[self.lane]


def _number(tell: Telling, rows: pd.DataFrame) -> int | None:
    """The ordinal of the record that failed: the one an error names, else the first of those that were
    given up, or received most often."""
    numbers = ordinals(rows["event_id"])
    messages = tell.trace.attempts["error_message"].astype(str)
    named = [found[1] for text in messages.unique() if (found := _NAMED.search(text))]
    if named and int(named[-1]) in numbers:
        return int(named[-1])
    again = rows["action"].eq("returned") | rows["action"].isin(_GONE)
    if not again.any():
        return None
    gone = rows["action"].isin(("dropped", "dead_lettered")).to_numpy()
    if gone.any():
        return int(numbers[gone].min())
    received = np.bincount(numbers[(rows["action"] == "received").to_numpy()])
    return int(np.argmax(received))  # the first of those that tie


def _lane(found: Ordered, mine: pd.DataFrame) -> int:
    """The place of the record's lane, or group."""
    if found.batches is None:
        return found.lane_names.index(str(mine["message_group"].iloc[0]))
    numbers = {ordinal(batch) for batch in mine["batch_id"] if batch}
    table = found.batches.table
    place = next(n for n, batch in enumerate(table["batch_id"]) if ordinal(str(batch)) in numbers)
    return int(found.batches.lanes[place])

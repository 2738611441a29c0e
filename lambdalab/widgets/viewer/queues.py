"""Bars of queues: how long each event waited, was out with somebody, and how it left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lambdalab.widgets.viewer.lanes import fitted
from lambdalab.widgets.viewer.looks import PLACE
from lambdalab.widgets.viewer.making import Making
from lambdalab.widgets.viewer.parts import Floats, Ints, Mask, Part, numbers, times, which, whys

_SIDEWAYS = ("delivered", "dead_lettered")
_ENDS = ("deleted", "filtered", "expired", "dropped")
_STATES = {"sent": "waiting", "returned": "waiting", "received": "in_flight",
           "retry_scheduled": "retry", "throttled": "throttled"}  # fmt: skip
_MARKS = {"dead_lettered": "dead_letter", "expired": "lost", "dropped": "lost", "filtered": "mark",
          "delivered": "mark"}  # fmt: skip


def queues(make: Making) -> Part:
    """One bar for each state an event is in, and a mark where it leaves for no good end."""
    table = make.trace.queue_events
    if not len(table):
        return Part(np.zeros(0), np.zeros(0))
    own = which(table["kind"], "asynchronous")
    group = _groups(make, table, own)
    event = numbers(table["event_id"])
    shared: dict[str, Any] = {
        "group": group, "number": event, "row": np.arange(len(table)), "kind": np.where(own, 0, 3),
        "c": make.words.column(table["queue"].astype(object)),
    }  # fmt: skip
    at = times(make.trace, table["at"])
    stays = _Stays(make, table, own, group, event, at)
    states = stays.states(shared)
    marks = stays.marks(shared)
    names = {name for part in (states, marks) for name in part.columns}
    both = {n: np.concatenate([states.column(n), marks.column(n)]) for n in names}
    return Part(np.append(states.start, marks.start), np.append(states.end, marks.end), both)


def _groups(make: Making, table: pd.DataFrame, own: Mask) -> Ints:
    names, queue = table["queue"].astype(object), np.zeros(len(table), dtype=np.int64)
    queue[own] = make.group_column("event queue", names[own])
    queue[~own] = make.group_column("queue", names[~own])
    return queue


class _Stays:
    """The rows of queue events in order of queue and event, so that each knows the one that follows."""

    def __init__(
        self, make: Making, table: pd.DataFrame, own: Mask, group: Ints, event: Ints, at: Floats
    ) -> None:
        self.make, self.table, self.own, self.at = make, table, own, at
        self.action = table["action"].astype(object).to_numpy()
        aside = (self.action == "delivered") | (own & (self.action == "dead_lettered"))
        # an event that is handed over once more comes back after its end: its stays begin anew
        kept = np.flatnonzero(~aside)
        self.order = kept[np.lexsort((event[kept], group[kept]))]
        self.group, self.event = group, event
        same = (event[self.order][1:] == event[self.order][:-1]) & (
            group[self.order][1:] == group[self.order][:-1]
        )
        self.next = np.append(np.where(same, self.order[1:], -1), -1).astype(np.int64)
        self.next = self.next[: len(self.order)]
        self.lane = np.zeros(len(table), dtype=np.int64)
        self._fit(np.append(True, ~same)[: len(self.order)])
        self._aside(np.flatnonzero(aside))

    def _fit(self, first: Mask) -> None:
        """A lane for each stay, from an event's first row in a queue to its last."""
        begins = np.flatnonzero(first)
        if not len(begins):
            return
        ends = np.append(begins[1:], len(self.order)) - 1
        last = self.order[ends]
        over = np.isin(self.action[last], (*_ENDS, "dead_lettered")) | self._kept_in_stream()[last]
        until = np.where(over, self.at[last], self.make.end)
        heads = self.order[begins]
        lanes = fitted(self.group[heads], self.at[heads], until)
        self.lane[self.order] = np.repeat(lanes, np.diff(np.append(begins, len(self.order))))

    def _aside(self, rows: Ints) -> None:
        """What goes out beside the queue has the lane of its event."""
        if not len(rows):
            return
        scale = int(self.event.max()) + 1
        keys = self.group[self.order] * scale + self.event[self.order]
        place = np.searchsorted(keys, self.group[rows] * scale + self.event[rows])
        found = self.order[np.minimum(place, len(self.order) - 1)]
        self.lane[rows] = self.lane[found]

    def _kept_in_stream(self) -> Mask:
        """Rows of a stream itself, where a record lies whether it is read or not: an instant is drawn."""
        lies: Mask = which(self.table["kind"], "stream") & ~(
            self.table["queue"].str.endswith(" (records)").to_numpy(dtype=bool)
        )
        return lies

    def states(self, shared: dict[str, Any]) -> Part:
        """A bar from each row to the one that follows."""
        known = np.isin(self.action[self.order], list(_STATES))
        rows, after = self.order[known], self.next[known]
        there = after >= 0
        end = np.where(there, self.at[after], self.make.end)
        end = np.where(self._kept_in_stream()[rows] & ~there, self.at[rows], end)
        why = whys(self.table["cause"])
        out = self.action[rows] == "received"
        batch, request = numbers(self.table["batch_id"]), numbers(self.table["request_id"])
        inside = np.where(batch[rows] > 0, batch[rows], np.where(there, batch[after], 0))
        looks = pd.Series(self.action[rows]).map({a: PLACE[k] for a, k in _STATES.items()})
        columns = {
            **{name: values[rows] for name, values in shared.items()},
            "look": looks.to_numpy(dtype=np.int64), "lane": self.lane[rows], "table": 2,
            "why": np.where(out & there, why[after], why[rows]),
            "a": self.table["receive_count"].to_numpy()[rows],
            "d": (self.action[rows] != "sent").astype(np.int64),  # not an arrival
            "b": np.where(out, inside, request[rows]),
            "say": self._says(rows, after, inside, request[rows], end == self.at[rows]),
        }  # fmt: skip
        return Part(self.at[rows], end, columns)

    def _says(self, rows: Ints, after: Ints, inside: Ints, request: Ints, at_once: Mask) -> Ints:
        action, there = self.action[rows], after >= 0
        then = np.where(there, self.action[after], "")
        sent, out = action == "sent", action == "received"
        took = {
            "returned": "visible again", "deleted": "done with", "retry_scheduled": "to be tried again",
            "dropped": "given up", "throttled": "no concurrency", "expired": "too old",
        }  # fmt: skip
        cases = [
            (sent & at_once & (request > 0), "{id} is put into {c#t} by {b#r} ({why})"),
            (sent & at_once, "{id} is put into {c#t} ({why})"),
            ((action == "returned") & at_once, "{id} is visible again in {c#t} ({why})"),
            (sent & self.own[rows], "{id} is queued in {c#t} and waits {took} ({why})"),
            (sent & (request > 0), "{id} is put into {c#t} by {b#r} and waits {took} ({why})"),
            (sent, "{id} is put into {c#t} and waits {took} ({why})"),
            (action == "returned", "{id} is visible again in {c#t} and waits {took} ({why})"),
            (action == "retry_scheduled", "{id} waits {took} in {c#t} for its next try ({why})"),
            (action == "throttled", "{id} waits {took} in {c#t} to try again ({why})"),
            (out & ~there, "{id} is taken from {c#t} and not back yet, {took} so far"),
        ]
        for word, end in took.items():
            mine = out & (then == word)
            told = f"is out of {{c#t}} for {{took}}, then {end} ({{why}})"
            cases.append(
                (mine & (inside > 0), f"{{id}} {told.replace('is out', 'is in {b#b}, out', 1)}")
            )
            cases.append((mine, f"{{id}} {told}"))
        return self.make.say(len(rows), *cases, otherwise="{id} is out of {c#t} for {took} ({why})")

    def marks(self, shared: dict[str, Any]) -> Part:
        """An instant for each dead letter, delivery and loss."""
        rows = np.flatnonzero(np.isin(self.action, list(_MARKS)))
        looks = pd.Series(self.action[rows], dtype=object).map(
            {action: PLACE[key] for action, key in _MARKS.items()}
        )
        cause, action, own = (
            self.table["cause"].to_numpy(dtype=object)[rows],
            self.action[rows],
            self.own,
        )
        failed = cause == "delivery_failed"
        say = self.make.say(
            len(rows),
            (
                (action == "dead_lettered") & failed,
                "{id} could not be sent to the dead-letter queue ({why})",
            ),
            (
                (action == "dead_lettered") & own[rows],
                "{id} is sent to the dead-letter queue ({why})",
            ),
            (action == "dead_lettered", "{id} leaves {c#t} for its dead-letter queue ({why})"),
            ((action == "delivered") & failed, "a record of {id} could not be delivered ({why})"),
            (action == "delivered", "a record of {id} goes to its destination ({why})"),
            (action == "filtered", "{id} is left out by a filter ({why})"),
            (action == "expired", "{id} grew too old in {c#t} ({why})"),
            otherwise="{id} is given up in {c#t} ({why})",
        )
        columns = {
            **{name: values[rows] for name, values in shared.items()},
            "look": np.where(failed, PLACE["lost"], looks.to_numpy(dtype=np.int64)),
            "lane": self.lane[rows], "table": 2, "why": whys(self.table["cause"])[rows], "say": say,
        }  # fmt: skip
        return Part(self.at[rows], self.at[rows].copy(), columns)

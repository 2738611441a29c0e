"""The batches of one mapping as arrays that can be drawn: when, how large, whose, out of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.errors import UnknownName
from lambdalab.plots import words
from lambdalab.plots.frames import (
    Floats,
    Ints,
    Mask,
    account,
    end_of,
    ordinal,
    ordinals,
    seconds,
    wired,
)
from lambdalab.plots.palette import BATCH_CAUSES
from lambdalab.trace.words import shard_name

if TYPE_CHECKING:
    from lambdalab.trace import Trace

MOST_NAMED = 20
"""Up to so many batches have their names beside them."""
_MATTERS = 0.5  # share of the payload limit from which sizes are told


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of one mapping as arrays (seconds), and when the records of its source came.

    ``opened`` is when the first record joined; of what came of another batch, when it was handed over:
    its records had been gathered before. ``over`` is when it was dealt with. ``parents`` are places in
    these arrays, -1 where there is none. ``lanes`` numbers the pollers, or the lanes of shards, from 0 in
    the order of ``lane_names``.
    """

    name: str
    table: pd.DataFrame
    window: Floats
    opened: Floats
    flushed: Floats
    over: Floats
    parents: Ints
    lanes: Ints
    lane_names: list[str]
    causes: list[str]
    outcomes: list[str]
    arrivals: Floats
    kept_out: int
    limit: int
    kind: str
    settings: dict[str, Any]

    @property
    def thing(self) -> str:
        """What its source holds: messages, or records."""
        return "message" if self.kind == "sqs" else "record"

    @property
    def sizes_matter(self) -> bool:
        """Whether a batch came near the payload limit."""
        return bool((self.table["size_bytes"] >= _MATTERS * self.limit).any())

    @property
    def sizes(self) -> Floats:
        """Each batch's size as a share of the payload limit, at most 1."""
        size = self.table["size_bytes"].to_numpy(dtype=float)
        return np.minimum(size / self.limit, 1.0)

    @property
    def again(self) -> Mask:
        """Which came of another batch: its records once more, or some of them."""
        return self.parents >= 0

    @property
    def failed(self) -> Mask:
        """Which were not dealt with at once: they failed, in whole or in part, or never ran."""
        return ~np.isin(self.outcomes, ("success", "in_flight"))

    def by_cause(self) -> list[tuple[str, Mask]]:
        """Each cause there is, in the order of the legend, and which batches have it."""
        causes = np.array(self.causes)
        return [(cause, causes == cause) for cause in BATCH_CAUSES if cause in self.causes]

    def by_outcome(self) -> list[tuple[str, Mask]]:
        """Each outcome there is, and which batches have it."""
        outcomes = np.array(self.outcomes)
        return [(name, outcomes == name) for name in dict.fromkeys(self.outcomes)]

    def labels(self) -> list[str]:
        """What stands beside each batch: its name, its records, and its size where that matters."""
        labels = []
        columns = (self.table[name].tolist() for name in ("batch_id", "records", "size_bytes"))
        for batch, records, size, outcome in zip(*columns, self.outcomes, strict=True):
            name = f"b{ordinal(batch)} · " if len(self.table) <= MOST_NAMED else ""
            text = f"{name}{records:,}"
            if self.sizes_matter:
                text += f" ({words.size(size)})"
            if outcome not in ("success", "in_flight"):
                text += f" {outcome}"
            labels.append(text)
        return labels


def find(trace: Trace, mapping: str | None) -> Batches | None:
    """The batches of a mapping, by default of the one with most; None where there are none.

    Raises :class:`~lambdalab.errors.UnknownName` for a mapping that has handed over none.
    """
    table = trace.batches
    names = [str(known) for known in table["mapping"].unique()]
    if mapping is not None and mapping not in names:
        raise UnknownName("mapping with batches", mapping, names)
    if not names:
        return None
    name = mapping or str(table["mapping"].value_counts().index[0])
    table = table[table["mapping"] == name]
    events = trace.queue_events
    own = np.flatnonzero((events["queue"] == queue_of(trace, name)).to_numpy())
    actions, causes = (events[column].iloc[own] for column in ("action", "cause"))
    came = own[((actions == "sent") & (causes != "retention")).to_numpy()]
    stream = len(own) > 0 and str(events["kind"].iloc[own[0]]) == "stream"
    arrivals = seconds(trace, events["at"].iloc[came])
    if stream:  # the row tells when it was read, and how old it was then
        arrivals = np.sort(arrivals - events["age_ms"].iloc[came].to_numpy() / 1000)
    limit = account(trace, "payload", "mapping", "mapping_payload")
    lanes, lane_names = _lanes(table)
    return Batches(
        name, table, *_times(trace, table), _parents(table), lanes, lane_names,
        table["cause"].astype(str).tolist(), table["outcome"].astype(str).tolist(), arrivals,
        int((actions == "filtered").sum()), limit, "stream" if stream else "sqs",
        wired(trace, "mapping").get(name, {}),
    )  # fmt: skip


def queue_of(trace: Trace, mapping: str) -> str:
    """The queue from which a mapping takes what its batches hold.

    Of a stream it is one of the mapping's own, ``"<mapping> (records)"``, in which the books have what it
    has read; else its source.
    """
    own = f"{mapping} (records)"
    if own in set(trace.queue_events["queue"].unique()):
        return own
    table = trace.batches
    return str(table.loc[table["mapping"] == mapping, "source"].iloc[0])


def _times(trace: Trace, table: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    """Window, first record, hand-over and end of each batch."""
    opened, flushed, over = (
        seconds(trace, table[f"{what}_at"]) for what in ("opened", "flushed", "completed")
    )
    end = end_of(trace)
    flushed = np.where(np.isnan(flushed), end, flushed)
    again = (table["parent_batch_id"] != "").to_numpy()
    opened = np.where(np.isnan(opened) | again, flushed, opened)
    window = np.where(again, np.nan, seconds(trace, table["window_opened_at"]))
    over = np.where(np.isnan(over), np.maximum(flushed, end), over)
    return window, opened, flushed, over


def _parents(table: pd.DataFrame) -> Ints:
    """The place of each batch's parent in the table; -1 where there is none in it."""
    own = table.index.to_numpy() + 1  # batches are numbered in the order of the table they are from
    parent = ordinals(table["parent_batch_id"])
    place = np.minimum(np.searchsorted(own, parent), max(len(own) - 1, 0))
    there = (parent > 0) & (own[place] == parent)
    return np.where(there, place, -1)


def _lanes(table: pd.DataFrame) -> tuple[Ints, list[str]]:
    """The lane of each batch and the names of all: pollers, or shards with their lanes."""
    codes, shards = pd.factorize(table["shard"], sort=True)
    pollers = table["poller"].to_numpy()
    width = int(pollers.max(initial=0)) + 1
    lanes, places = np.unique(codes * width + pollers, return_inverse=True)
    several = len(np.unique(lanes % width)) > 1
    names = []
    for lane in lanes.tolist():
        shard, poller = str(shards[lane // width]), lane % width
        name = shard_name(shard) + (f" · lane {poller}" if several else "")
        names.append(name if shard else f"poller {poller}")
    return np.asarray(places, dtype=np.int64), names

"""What does one bad record hold up? A shard of a stream, or a message group of a FIFO queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lambdalab.plots import shards, words
from lambdalab.plots.blocked import Ordered, ordered
from lambdalab.rules import Rules
from lambdalab.scenarios import Shard
from lambdalab.scenarios.shard import FOREVER, KINDS
from lambdalab.widgets.controls import Control, choice, magnitude, number, switch, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.explorers.poison import Poison
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_OLDEST = Rules.as_of().kinesis_retention_default * 3600
_ENDS = {
    "skipped": "they pass it: what cannot be read is skipped",
    "retries_exhausted": "they wait until its retries are used up",
    "record_age_exceeded": "they wait until it is older than its mapping allows",
    "retention": "they wait until its source no longer keeps it",
    "max_receive_count": "they wait until it has been received too often",
}
"""What becomes of what comes behind a bad record, right or wrong."""


class ShardExplorer(Explorer):
    """What does one bad record hold up? A shard, or a message group, in which one cannot be read.

    Cures: "streams skip bad records", "one bad record is only one record", "a FIFO queue stops as a
    whole".
    """

    name = "shard"
    heading = "What does one bad record hold up? A shard, or a message group, and what sets it free"
    scenario = Shard
    tall = 4.2
    presets: ClassVar = {
        "blocks": {},
        "three retries": {"maximum_retry_attempts": 3},
        "bisect": {"maximum_retry_attempts": 3, "bisect": True},
        "on-failure destination": {"maximum_retry_attempts": 6, "on_failure": True, "bisect": True},
        "partial response": {"maximum_retry_attempts": 3, "on_failure": True, "partial": True},
        "a minute's patience": {"maximum_record_age": 60, "shards": 3},
        "ten lanes": {"maximum_record_age": 60, "parallelization_factor": 10},
        "FIFO group": {
            "kind": "fifo", "shards": 3, "maximum_retry_attempts": 2, "on_failure": True,
        },
    }  # fmt: skip

    def controls(self) -> list[Control]:
        """The source, what is bad in it, and what the mapping does about it."""
        return [
            choice("kind", "source", KINDS),
            whole("shards", "shards, or groups", 1, 6),
            whole("parallelization_factor", "parallelization factor", 1, 10),
            whole("poison", "which record is bad", 1, 200),
            whole("maximum_retry_attempts", "retries (−1: no limit)", -1, 12),
            magnitude(
                "maximum_record_age", "record age (s; 86400: no limit)", np.log10(60),
                np.log10(_OLDEST), "d",
                shown=lambda age: _OLDEST if age == FOREVER else age,
                meant=lambda age: FOREVER if round(age) >= _OLDEST else max(round(age), 60),
            ),
            number("duration", "function works (s)", 0.0, 2.0, 0.1),
            switch("bisect", "cut a failed batch in two (bisect)"),
            switch("partial", "the function names what failed (partial)"),
            switch("on_failure", "with a queue for what is given up"),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """How old records are, and what held them up."""
        return shards(trace, ax=ax)

    def drawing(self) -> str:
        """The plot."""
        return "trace.plot.shards()"

    def explain(self, trace: Trace) -> Why:
        """What waited behind the bad record, how long, and what ended it."""
        found = ordered(trace, None)
        tell = Telling(trace)
        if found is None or not len(found.at):
            return tell.why("Nothing has come yet.")
        poison = Poison.of(tell, found)
        return tell.why("Nothing has failed." if poison is None else poison.told())

    def ask(self, trace: Trace) -> Question:
        """What those behind the bad record have to wait for."""
        found = ordered(trace, None)
        poison = None if found is None else Poison.of(Telling(trace), found)
        end = "skipped" if poison is None else poison.end
        thing = (
            "records behind it" if found is None or found.kind == "stream" else "messages behind it"
        )
        return Question(
            f"One record cannot be read. What becomes of the {thing}?",
            tuple(_ENDS.values()),
            _ENDS[end],
        )

    def figures(self, trace: Trace) -> dict[str, str]:
        """What was handed over and given up, how long something stood still, and how old records got."""
        found = ordered(trace, None)
        if found is None or not len(found.at):
            return {}
        actions = found.rows["action"].astype(str)
        gone = found.rows.loc[actions.isin(("dropped", "expired", "dead_lettered")), "event_id"]
        blocks = found.blocks
        still = float((blocks.end - blocks.begin).max(initial=0.0))
        return {
            "dealt with": f"{int((actions == 'deleted').sum()):,}",
            "given up or lost": f"{gone.nunique():,}",
            "runs": f"{len(trace.attempts):,}",
            "longest standstill": words.duration(still),
            "oldest when handed over": words.duration(_oldest(found)),
        }


def _oldest(found: Ordered) -> float:
    return float(np.nanmax(found.age, initial=0.0))

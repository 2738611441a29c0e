"""Sentences that several places tell alike: counts, shares, and what there is instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lambdalab.errors import suggestion


def times(count: int, noun: str) -> str:
    """A count and its noun.

    >>> times(1, "batch"), times(1_204, "invocation")
    ('1 batch', '1,204 invocations')
    """
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count:,} {noun}{ending}"


def duration(us: int) -> str:
    """A duration for people: "66.2 s", "12 ms", "2 h 5 min"."""
    if us < 1_000_000:
        return f"{us / 1000:.3g} ms"
    if us < 600_000_000:
        return f"{us / 1e6:.3g} s" if us < 100_000_000 else f"{us / 1e6:.0f} s"
    minutes = round(us / 60e6)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def seconds(value: float) -> str:
    """Seconds as people read them, however many: never 7.3e+06.

    >>> seconds(0.25), seconds(375.758), seconds(7_344_000.0)
    ('0.25', '375.758', '7,344,000')
    """
    return f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}"


_SHARD = re.compile(r"shardId-0*(\d{1,6})\Z")


def shard_name(shard: str) -> str:
    """A shard's id as people say it.

    >>> shard_name("shardId-000000000012"), shard_name("shardId-00000001541626099459-0e453a8c")
    ('shard 12', 'shard …0e453a8c')
    """
    found = _SHARD.match(shard)
    return f"shard {found[1]}" if found else f"shard …{shard[-8:]}" if len(shard) > 12 else shard


def cold_starts(cold: int, runs: int, invocations: int) -> str:
    """How often functions started cold, and of what.

    ``invocations`` counts those that ran at all. A retried one runs more than once: where there are
    more runs than invocations, the share is said to be of runs.

    >>> cold_starts(41, 1_204, 1_204), cold_starts(1, 3, 1)
    ('41 cold starts of 1,204 invocations (3.4 %)', '1 cold start of 3 runs (33.3 %)')
    """
    noun = "invocation" if runs == invocations else "run"
    share = f" ({100 * cold / runs:.1f} %)" if runs else ""
    return f"{times(cold, 'cold start')} of {times(runs, noun)}{share}"


def no_attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an attribute that is not there, with the nearest that is."""
    public = [other for other in known if not other.startswith("_")]
    text = f"{owner} has no attribute {name!r}"
    if not name.startswith("_"):
        text += suggestion(name, public)
    # given an object, Python would append a suggestion of its own to the traceback
    return AttributeError(text, name=name, obj=None)

"""What goes into the animation: a stretch of time, and of very many rows the telling ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lambdalab.plots.frames import Ints, Mask
from lambdalab.plots.words import count, duration
from lambdalab.widgets.flow.books import MOST_ROWS, Books

_TELLING = ("retry_scheduled", "throttled", "dead_lettered", "expired", "dropped")
_PLAIN = ("succeeded", "in_flight", "dry_run")
_ROWS_OF_A_BATCH = 4
_MANY_ROWS = 40
_MESSAGES = 1 << 40  # ids of messages and of requests are counted apart


@dataclass(frozen=True)
class _Things:
    """Requests and messages by key: when each begins and ends, its rows, whether it must be shown."""

    keys: Ints
    first: Ints
    last: Ints
    weight: Ints
    telling: Mask


def stretch(books: Books, start: int, end: int, most: int = MOST_ROWS) -> Books:
    """The books of what is there from ``start`` to ``end`` (microseconds), at most ``most`` rows or so.

    Whatever failed, was throttled, retried or given up is always shown, and every batch. Of the rest,
    where it is too much, every n-th; where that is not enough, every n-th of what was tried again many
    times, as the records of a batch that blocks a shard; and at last the end comes sooner. ``left_out``
    says so.
    """
    things = _things(books)
    inside = (things.first <= end) & (things.last >= start)
    keep, end, told = _chosen(books, things, inside, start, end, most)
    whole = bool(keep.all()) and start <= 0 and end >= books.end
    if whole:
        return books
    keys = things.keys[keep]
    return replace(_cut(books, keys, start, end), end=min(end, books.end), left_out=told)


def _keys_of_events(books: Books) -> Ints:
    events = books.events
    own = events["kind"].astype(str) == "asynchronous"
    keys: Ints = np.where(own, events["event"], events["event"] + _MESSAGES)
    return keys


def _things(books: Books) -> _Things:
    events, calls, batches = books.events, books.invocations, books.batches
    failed = batches["batch"][~np.isin(batches["outcome"].astype(str), ("success", "in_flight"))]
    back = (events["action"].astype(str) == "returned") & (events["cause"].astype(str) != "delay")
    telling = np.isin(events["action"].astype(str), _TELLING) | back
    telling |= (events["batch"] > 0) & np.isin(events["batch"], failed)
    bad = ~np.isin(calls["status"].astype(str), _PLAIN) | (calls["attempts"] > 1)
    over = np.where(calls["completed_at"] >= 0, calls["completed_at"], books.end)
    bad |= np.isin(calls["request"], books.attempts["request"][books.attempts["cold_start"]])
    tries = np.bincount(books.attempts["request"], minlength=len(calls) + 1)[calls["request"]]
    keys = np.concatenate([_keys_of_events(books), calls["request"]])
    begun = np.concatenate([events["at"], calls["requested_at"]])
    ended = np.concatenate([events["at"], over])
    weight = np.concatenate([np.ones(len(events), dtype=np.int64), tries + 1])
    found, place = np.unique(keys, return_inverse=True)
    first = np.full(len(found), np.iinfo(np.int64).max)
    last, heavy = np.zeros(len(found), dtype=np.int64), np.zeros(len(found), dtype=np.int64)
    must = np.zeros(len(found), dtype=bool)
    np.minimum.at(first, place, begun)
    np.maximum.at(last, place, ended)
    np.add.at(heavy, place, weight)
    np.logical_or.at(must, place, np.concatenate([telling, bad]))
    last[_open(books, found)] = books.end
    return _Things(found, first, last, heavy, must)


def _open(books: Books, keys: Ints) -> Mask:
    """Which of the messages have not ended."""
    events = books.events
    ends = np.isin(events["action"].astype(str), ("deleted", "filtered", "expired", "dropped"))
    over = np.unique(_keys_of_events(books)[ends])
    return (keys >= _MESSAGES) & ~np.isin(keys, over)


def _chosen(
    books: Books, things: _Things, inside: Mask, start: int, end: int, most: int
) -> tuple[Mask, int, str]:
    """Which things are shown, until when, and what is said about it."""
    batches = _ROWS_OF_A_BATCH * int(
        ((books.batches["flushed_at"] >= start) & (books.batches["flushed_at"] <= end)).sum()
    )
    inside, told = _without_many_tries(things, inside, most - batches)
    heavy = int(things.weight[inside & things.telling].sum()) + batches
    if heavy > most:
        order = np.argsort(things.first, kind="stable")
        order = order[(inside & things.telling)[order]]
        at = np.concatenate([things.first[order], books.batches["flushed_at"]])
        cost = np.concatenate([things.weight[order], np.full(len(books.batches), _ROWS_OF_A_BATCH)])
        ranked = np.argsort(at, kind="stable")
        place = int(np.searchsorted(np.cumsum(cost[ranked]), most))
        sooner = int(at[ranked][min(place, len(ranked) - 1)])
        told += (
            f" Only the first {duration((sooner - start) / 1e6)} of {duration((end - start) / 1e6)}"
            " are shown: there is more to decide than fits. Flow(trace, start=..., end=...) shows"
            " another stretch."
        )
        end = sooner
        inside = inside & (things.first <= end)
        heavy = most
    plain = inside & ~things.telling
    room = max(most - heavy, most // 10)
    every = -(-int(things.weight[plain].sum()) // room)
    if every > 1:
        out = plain & (things.keys % every != 0)
        left = count(
            int(out.sum()), "ordinary request or message", "ordinary requests and messages"
        )
        rule = f"one of {every} is shown, and all that started cold, failed, was throttled or tried again"
        told = f"{left} left out: {rule}. {told}"
        inside = inside & ~out
    return inside, end, told.strip()


def _without_many_tries(things: _Things, inside: Mask, room: int) -> tuple[Mask, str]:
    """What is left inside when of the things that were tried again many times every n-th is kept."""
    telling = inside & things.telling
    often = telling & (things.weight >= _MANY_ROWS)
    heavy = int(things.weight[often].sum())
    room -= int(things.weight[telling & ~often].sum())
    if heavy <= room or room <= 0:
        return inside, ""
    places = np.flatnonzero(often)
    kept = max(len(places) * room // heavy, 1)
    # spread evenly, and by place: no chance in it
    chosen = places[np.linspace(0, len(places) - 1, kept).round().astype(np.int64)]
    out = often.copy()
    out[chosen] = False
    number = int(out.sum())
    if not number:
        return inside, ""
    what = count(number, "request or message", "requests and messages")
    told = f"{what} that came back many times left out: {kept:,} of {len(places):,} such are shown."
    return inside & ~out, told


def _cut(books: Books, keys: Ints, start: int, end: int) -> Books:
    """The tables with the rows of these things alone, up to the end."""
    events, calls, tries = books.events, books.invocations, books.attempts
    batches, homes, asked = books.batches, books.environments, books.requests
    kept_calls = np.isin(calls["request"], keys) | (calls["parent_kind"].astype(str) == "batch")
    calls = calls.only(kept_calls & (calls["requested_at"] <= end))
    numbers = calls["request"]
    over = np.where(batches["completed_at"] >= 0, batches["completed_at"], books.end)
    mine = np.isin(_keys_of_events(books), keys) & (events["at"] <= end)
    gone = np.where(homes["ended_at"] >= 0, homes["ended_at"], books.end)
    tried = asked["request"] == 0
    return replace(
        books,
        events=events.only(mine),
        invocations=calls,
        attempts=tries.only(np.isin(tries["request"], numbers) & (tries["started_at"] <= end)),
        batches=batches.only((batches["flushed_at"] <= end) & (over >= start)),
        environments=homes.only((homes["started_at"] <= end) & (gone >= start)),
        requests=asked.only(
            (np.isin(asked["request"], numbers) | tried) & (asked["sent_at"] <= end)
        ),
        known={},
    )

"""Advice about event source mappings: the throttle trap, blocked shards, thin batches, filters, losses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lambdalab.trace.chains import Chain, chains, roots
from lambdalab.trace.codes import (
    Action,
    BatchCause,
    BatchOutcome,
    Cause,
    QueueKind,
    ScalingKind,
)
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.finding import Finding
from lambdalab.trace.ids import short
from lambdalab.trace.short import Short
from lambdalab.trace.sources import Source, is_open, sources
from lambdalab.trace.summary import most_at_once
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration, times

_SECOND = 1_000_000
#: A lane that is held up for longer than this (seconds) by one batch is worth a word.
BLOCKED_S = 60
#: Records that get older than this share of what their stream keeps are near their loss.
NEAR_RETENTION = 0.5
#: So many batches, on average filled to less than this share of the batch size, are thin.
THIN_BATCHES, THIN_SHARE = 50, 0.2
#: Of so many polled events, more than this share filtered out is worth a word.
FILTERED_EVENTS, FILTERED_SHARE = 20, 0.5
_HOURS = 3600 * _SECOND
_FAILED = (Cause.BATCH_FAILED, Cause.PARTIAL_BATCH_FAILURE)
_THROTTLED = (
    Cause.THROTTLED_ACCOUNT, Cause.THROTTLED_RESERVED, Cause.THROTTLED_RATE,
    Cause.THROTTLED_RESERVED_RATE, Cause.THROTTLED_SCALING, Cause.THROTTLED_PROVISIONED,
    Cause.ZERO_RESERVED_CONCURRENCY, Cause.INJECTED,
)  # fmt: skip


# ---- the throttle trap ---------------------------------------------------------------------------


def throttle_trap(tables: Tables) -> Iterator[Finding]:
    """Messages that became dead letters though no run of theirs failed: they never ran.

    Their batches found no concurrency until the messages had to be let go; each time counts as a receive.
    """
    for source in sources(tables):
        if source.stream:
            continue
        healthy, dead = _healthy_dead(tables, source)
        if not len(healthy):
            continue
        batches = tables.rows("batches")[source.batches]
        never = int((batches["outcome"] == BatchOutcome.THROTTLED).sum())
        advice = (
            f"{times(len(healthy), 'message')} became dead letters though no run of theirs failed"
            f"{_of(dead, len(healthy))}: {never:,} of {times(len(batches), 'batch')} found no "
            f"concurrency until their messages were let go, which counts as a receive. "
            f"{_pollers_and_limit(tables, source, batches)}"
        )
        view = Short(tables).queue_events.iloc[healthy]
        yield Finding("throttle trap", source.name, advice, view)


def _of(dead: int, healthy: int) -> str:
    return "" if dead == healthy else f" (of {dead:,} dead letters)"


def _healthy_dead(tables: Tables, source: Source) -> tuple[Numbers, int]:
    """Rows at which messages left for the dead-letter queue whose every receive ended in a throttle.

    And how many left for it in all.
    """
    events = tables.rows("queue_events")
    places = np.flatnonzero(events["queue"] == source.queue)
    rows = events[places]
    dead = rows["action"] == Action.DEAD_LETTERED
    back = rows["action"] == Action.RETURNED
    failed = _ran_and_failed(tables, rows)
    blamed = np.unique(rows["event"][back & failed])
    throttled = np.unique(rows["event"][back & np.isin(rows["cause"], _THROTTLED)])
    healthy = dead & ~np.isin(rows["event"], blamed) & np.isin(rows["event"], throttled)
    return places[healthy], int(dead.sum())


def _ran_and_failed(tables: Tables, rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows of messages that came back because the function had failed."""
    outcome = np.append(BatchOutcome.SUCCESS, tables.rows("batches")["outcome"])[rows["batch"]]
    failed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    failed = np.isin(rows["cause"], _FAILED) | (outcome == BatchOutcome.FAILURE)
    return failed


def _pollers_and_limit(tables: Tables, source: Source, batches: Rows) -> str:
    """How many batches were held at once, what the function may run, and what to do about it."""
    held = most_at_once(batches["flushed_at"], batches["completed_at"])
    name = tables.recorder.names[source.function]
    reserved = _reserved(tables, source.function)
    text = f"Up to {held:,} batches were held at once"
    if reserved is None:
        least = "less than the concurrency that is free for it"
        return f"{text}; maximum_concurrency on the mapping, {least}, would leave messages in the queue."
    text += f", and {name} reserves {reserved:,} of concurrency"
    if reserved < 2:  # the least that maximum_concurrency may be
        return f"{text}: reserve more, at least as much as maximum_concurrency, which is 2 or more."
    return f"{text}: maximum_concurrency={min(reserved, 1000)} would leave messages in the queue."


def _reserved(tables: Tables, function: int) -> int | None:
    """The least reserved concurrency that a function had, as the books tell it; None: it had none."""
    rows, names = tables.rows("scaling"), tables.recorder.names
    mine = rows[(rows["kind"] == ScalingKind.LIMIT) & (rows["subject"] == function)]
    if len(mine):
        return int(mine["after"].min())
    known = tables.recorder.functions.get(names[function], {}).get("reserved_concurrency")
    return known if isinstance(known, int) else None


def crowded(tables: Tables) -> Iterator[Finding]:
    """Pollers above what the function may run at once: batches wait for concurrency; nothing died yet."""
    for source in sources(tables):
        reserved = _reserved(tables, source.function) if not source.stream else None
        if reserved is None or len(_healthy_dead(tables, source)[0]):
            continue
        batches = tables.rows("batches")
        mine = batches[source.batches]
        held = most_at_once(mine["flushed_at"], mine["completed_at"])
        never = source.batches[mine["outcome"] == BatchOutcome.THROTTLED]
        if held <= reserved or not len(never):
            continue
        advice = (
            f"{times(len(never), 'batch')} found no concurrency until their messages were let go. "
            f"{_pollers_and_limit(tables, source, mine)}"
        )
        yield Finding("pollers", source.name, advice, Short(tables).batches.iloc[never])


# ---- streams -------------------------------------------------------------------------------------


def blocked_shards(tables: Tables) -> Iterator[Finding]:
    """A failed batch of a stream holds up what is behind it until it succeeds or is given up."""
    batches = tables.rows("batches")
    end = int(tables.rows("queue_events")["at"].max(initial=0))
    for source in sources(tables):
        mine = batches[source.batches]
        if not source.stream or not len(mine):
            continue
        found = _troubled(tables, source, mine)
        long = [chain for chain in found if _stood(chain, end) >= BLOCKED_S * _SECOND]
        if not long:
            continue
        worst = max(long, key=lambda chain: _stood(chain, end))
        places = source.batches[np.sort(np.concatenate([chain.places for chain in long]))]
        first = source.batches[worst.first]
        stood = sum(_stood(chain, end) for chain in long)
        records = int(batches["records"][first])
        over = "" if worst.ended >= 0 else ", and still is"
        lanes = len(set(mine[["shard", "poller"]][[chain.first for chain in long]].tolist()))
        advice = (
            f"{times(lanes, 'lane')} of its shards stood still for {duration(stood)} in all, longest "
            f"behind {short('batch', int(first) + 1)} ({times(records, 'record')}): handed over "
            f"{times(worst.tries, 'time')} in whole or in part for "
            f"{duration(_stood(worst, end))}{over}. {_ways_out(tables, source)}"
        )
        yield Finding("blocked shards", source.name, advice, Short(tables).batches.iloc[places])


def _troubled(tables: Tables, source: Source, mine: Rows) -> list[Chain]:
    """The chains of a mapping that begin with a batch that failed; -1 as the end of what goes on."""
    place = np.zeros(int(source.batches.max()) + 2, dtype=np.int64)
    place[source.batches + 1] = np.arange(1, len(mine) + 1)
    parents = place[mine["parent_batch"]]
    well = (BatchOutcome.SUCCESS, BatchOutcome.IN_FLIGHT)
    ill = ~np.isin(mine["outcome"][roots(parents)], well)
    where = np.flatnonzero(ill)
    again = np.append(0, np.cumsum(ill))  # places among these, counted from 1
    of = np.where(parents[ill] > 0, again[parents[ill]], 0)
    found = []
    for chain in chains(of, mine["flushed_at"][ill], mine["completed_at"][ill], 1):
        first = int(where[chain.first])
        goes_on = is_open(tables, source, int(source.batches[first]) + 1)
        ended = -1 if goes_on else chain.ended
        found.append(Chain(first, where[chain.places], chain.began, ended))
    return found


def _stood(chain: Chain, end: int) -> int:
    """For how long a chain has held its lane up, in microseconds."""
    return (end if chain.ended < 0 else chain.ended) - chain.began


def _ways_out(tables: Tables, source: Source) -> str:
    """Which settings would have ended it sooner, of those that the mapping has not got."""
    known = tables.recorder.wiring.get("mapping", {}).get(source.name, {})
    ways = []
    if known.get("maximum_retry_attempts", -1) == -1:
        ways.append("maximum_retry_attempts")
    if known.get("maximum_record_age", -1) == -1:
        ways.append("maximum_record_age")
    if not known.get("bisect_batch_on_function_error"):
        ways.append("bisect_batch_on_function_error")
    if not known.get("function_response_types"):
        ways.append("ReportBatchItemFailures")
    if not ways:
        return "Its settings limit this already; lower limits would end it sooner."
    said = ", ".join(ways[:-1]) + f" or {ways[-1]}" if len(ways) > 1 else ways[0]
    text = f"{said} would let the rest go on"
    kept = (
        "" if known.get("on_failure") else "; an on_failure destination hears of what is given up"
    )
    return f"{text}{kept}."


def near_retention(tables: Tables) -> Iterator[Finding]:
    """Records that nearly outlived their stream before the function was done with them."""
    for source in sources(tables):
        kept = _kept_us(tables, source) if source.stream else 0
        if not kept:
            continue
        events = tables.rows("queue_events")
        taken = (events["queue"] == source.queue) & (events["action"] == Action.RECEIVED)
        old = np.flatnonzero(taken & (events["age_us"] > NEAR_RETENTION * kept))
        if len(old):
            oldest = int(events["age_us"][old].max())
            advice = (
                f"{times(len(old), 'time')} a record was older than half of the {duration(kept)} that "
                f"its stream keeps it when the function got it, at most {duration(oldest)}: what gets "
                "older than that is lost. Watch IteratorAge; a higher parallelization_factor, larger "
                "batches or a quicker function would catch up."
            )
            yield Finding("iterator age", source.name, advice, Short(tables).queue_events.iloc[old])


def _kept_us(tables: Tables, source: Source) -> int:
    """For how long the mapping's stream keeps a record, in microseconds; 0 where the books do not say."""
    known = tables.recorder.wiring
    stream = str(known.get("mapping", {}).get(source.name, {}).get("source", ""))
    for kind in ("kinesis", "stream", "dynamodb"):
        settings = known.get(kind, {}).get(stream, {})
        for name in ("retention_period", "retention", "retention_hours"):
            hours = settings.get(name)
            if isinstance(hours, int) and hours > 0:
                return hours * _HOURS
    return 24 * _HOURS  # the least that any stream keeps: Kinesis' default, DynamoDB's only choice


def lost_records(tables: Tables) -> Iterator[Finding]:
    """Records of which the function never made anything, and nobody else heard."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    ends = np.isin(rows["action"], (Action.EXPIRED, Action.DROPPED))
    for source in sources(tables):
        if not source.stream:
            continue
        own = ends & (rows["queue"] == source.queue)
        expired = np.flatnonzero(own & (rows["cause"] == Cause.RETENTION))
        if len(expired):
            unread = int((rows["receive_count"][expired] == 0).sum())
            told = f", {unread:,} of them before they ever went to the function" if unread else ""
            advice = (
                f"{times(len(expired), 'record')} outlived what the stream keeps{told}. The function is "
                "too slow for the stream, or a batch that fails holds it up; no destination hears of them."
            )
            yield Finding(
                "lost records", source.name, advice, Short(tables).queue_events.iloc[expired]
            )
        given_up = np.flatnonzero(own & (rows["action"] == Action.DROPPED))
        told_of = (rows["action"] == Action.DELIVERED) & (rows["cause"] != Cause.DELIVERY_FAILED)
        heard = set(rows["batch"][told_of & (rows["queue"] == source.queue)].tolist())
        silent = given_up[[batch not in heard for batch in rows["batch"][given_up].tolist()]]
        if len(silent):
            causes = [Cause.names[code] for code in np.unique(rows["cause"][silent]).tolist()]
            were = "was" if len(silent) == 1 else "were"
            stream = _stream(names, tables, source)
            advice = (
                f"{times(len(silent), 'record')} {were} given up ({', '.join(causes)}) and left nothing "
                f"behind. An on_failure destination would have told where in {stream} to find such."
            )
            yield Finding(
                "lost records", source.name, advice, Short(tables).queue_events.iloc[silent]
            )


def _stream(names: list[str], tables: Tables, source: Source) -> str:
    known = tables.recorder.wiring.get("mapping", {}).get(source.name, {})
    return str(known.get("source", "")) or names[source.queue].removesuffix(" (records)")


# ---- batches that are not full, and filters ------------------------------------------------------


def thin_batches(tables: Tables) -> Iterator[Finding]:
    """Many batches far smaller than they may be: each costs an invocation."""
    table, wiring = tables.rows("batches"), tables.recorder.wiring.get("mapping", {})
    for source in sources(tables):
        places = source.batches[table["parent_batch"][source.batches] == 0]
        most = wiring.get(source.name, {}).get("batch_size")
        if len(places) < THIN_BATCHES or not isinstance(most, int):
            continue
        mine = table[places]
        mean = int(mine["records"].sum(dtype=np.int64)) / len(mine)
        if mean >= THIN_SHARE * most:
            continue
        thin = places[mine["records"] < THIN_SHARE * most]
        window = wiring[source.name].get("maximum_batching_window", 0)
        wait = int((mine["cause"] == BatchCause.NO_WINDOW).sum())
        said = (
            f"{wait:,} were sent at once: there is no window"
            if wait
            else f"the window is {window} s"
        )
        advice = (
            f"{times(len(thin), 'batch')} of {len(mine):,} had less than {THIN_SHARE:.0%} of the "
            f"{most:,} records that one may have ({mean:.3g} on average); {said}. A longer "
            "maximum_batching_window makes fewer and larger ones, at the price of that wait."
        )
        yield Finding("thin batches", source.name, advice, Short(tables).batches.iloc[thin])


def filtered(tables: Tables) -> Iterator[Finding]:
    """Most of what is polled is filtered out: on purpose, or because the pattern does not fit."""
    events = tables.rows("queue_events")
    for source in sources(tables):
        polled = len(source.polled)
        out = np.flatnonzero(
            (events["queue"] == source.queue) & (events["action"] == Action.FILTERED)
        )
        if polled < FILTERED_EVENTS or len(out) <= FILTERED_SHARE * polled:
            continue
        kind = tables.recorder.queue_kinds.get(source.queue)
        gone = "deleted from the queue" if kind == QueueKind.SQS else "passed over"
        every = "All" if len(out) == polled else f"{len(out):,} of"
        advice = (
            f"{every} {times(polled, 'event')} were filtered out ({len(out) / polled:.0%}) and {gone} "
            "without a word to anybody. If that is more than you meant, look at one of them beside the "
            "pattern."
        )
        yield Finding("filtered", source.name, advice, Short(tables).queue_events.iloc[out])

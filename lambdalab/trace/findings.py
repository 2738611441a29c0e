"""``trace.findings()``: short advice from what happened, each with the rows that prove it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from lambdalab.trace.codes import (
    Action,
    AttemptOutcome,
    BatchOutcome,
    Cause,
    InvocationStatus,
    QueueKind,
)
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.finding import Finding
from lambdalab.trace.findings_callers import denied, gave_up, lost_pushes, malformed
from lambdalab.trace.findings_sources import (
    blocked_shards,
    crowded,
    filtered,
    lost_records,
    near_retention,
    thin_batches,
    throttle_trap,
)
from lambdalab.trace.findings_waiting import oldest_messages
from lambdalab.trace.ids import short
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.short import Short
from lambdalab.trace.summary import lost
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import times

#: A function whose share of cold starts is above this, over enough runs, is worth a word.
COLD_SHARE, COLD_RUNS = 0.1, 50
#: A message received more often than this is worth a word.
RECEIVED_OFTEN = 3
#: A function more than this share of whose attempts fail, of at least so many, is worth a word.
FAILING_SHARE, FAILING_RUNS = 0.5, 3


class Findings(tuple[Finding, ...]):
    """All advice about one trace; a tuple that shows itself as a list."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self:
            return "nothing to remark"
        return "\n".join(f"{n:>2}. {found!r}" for n, found in enumerate(self, start=1))

    def _repr_html_(self) -> str:
        if not self:
            return "<p>nothing to remark</p>"
        items = (f"<b>{html.escape(f.subject)}</b>: {html.escape(f.advice)}" for f in self)
        return f"<ol>{''.join(f'<li>{item}</li>' for item in items)}</ol>"


def findings(tables: Tables) -> Findings:
    """Look through the books for what an engineer would want to be told."""
    return Findings(found for look in LOOKS for found in look(tables))


def _by_function(tables: Tables, places: Numbers) -> Iterator[tuple[str, Numbers]]:
    """Places of attempts, function by function."""
    attempts = tables.rows("attempts")
    owners = tables.functions_of_requests()[attempts["request"][places]]
    for code in np.unique(owners).tolist():
        yield tables.recorder.names[code], places[owners == code]


def _commonest(view: pd.DataFrame, column: str) -> str:
    """The word that occurs most in a column; of equals the first."""
    return str(view[column].value_counts(sort=False).idxmax())


def failures(tables: Tables) -> Iterator[Finding]:
    """Functions that fail more often than not: something is wrong with them, not with luck."""
    attempts = tables.rows("attempts")
    out = (AttemptOutcome.RUNNING, AttemptOutcome.KILLED)  # tell nothing of the function
    for name, own in _by_function(tables, np.flatnonzero(~np.isin(attempts["outcome"], out))):
        failed = own[attempts["outcome"][own] != AttemptOutcome.SUCCESS]
        if len(own) < FAILING_RUNS or len(failed) <= FAILING_SHARE * len(own):
            continue
        rows = Short(tables).attempts.iloc[failed]
        share = "All" if len(failed) == len(own) else f"{len(failed):,} of"
        advice = (
            f"{share} {times(len(own), 'attempt')} failed, most often with "
            f"{_commonest(rows, 'outcome')}. trace.story({short('attempt', int(failed[0]) + 1)!r}) tells "
            "of the first."
        )
        yield Finding("failures", name, advice, rows)


def timeouts(tables: Tables) -> Iterator[Finding]:
    """Timeouts are billed in full and bring nothing."""
    attempts = tables.rows("attempts")
    places = np.flatnonzero(attempts["outcome"] == AttemptOutcome.TIMEOUT)
    for name, own in _by_function(tables, places):
        billed = int(attempts["billed_ms"][own].sum(dtype=np.int64)) / 1000
        advice = (
            f"{times(len(own), 'attempt')} timed out, and {billed:,.1f} s were billed for nothing. "
            "A longer timeout may let them finish; a deadline inside the handler would tell why not."
        )
        yield Finding("timeouts", name, advice, Short(tables).attempts.iloc[own])


def lost_events(tables: Tables) -> Iterator[Finding]:
    """Events that were given up and of which nothing arrived anywhere."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    for code, kind in tables.recorder.queue_kinds.items():
        of_queue = rows["queue"] == code
        gone = lost(rows[of_queue])
        ends = np.isin(rows["action"], (Action.EXPIRED, Action.DROPPED))
        places = np.flatnonzero(of_queue & ends & np.isin(rows["event"], gone))
        if len(gone) and kind == QueueKind.ASYNCHRONOUS:
            advice = (
                f"{times(len(gone), 'event')} failed for good and left nothing behind. A "
                "dead_letter_queue or an on_failure destination would have kept them."
            )
            function = names[code].removesuffix(" (events)")
            yield Finding("lost events", function, advice, Short(tables).queue_events.iloc[places])
        elif len(gone) and kind == QueueKind.SQS:
            advice = f"{times(len(gone), 'message')} outlived the queue's retention unread."
            yield Finding(
                "lost messages", names[code], advice, Short(tables).queue_events.iloc[places]
            )


def often_received(tables: Tables) -> Iterator[Finding]:
    """Messages that come back again and again."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    often = (rows["action"] == Action.RECEIVED) & (rows["receive_count"] > RECEIVED_OFTEN)
    streams = [c for c, kind in tables.recorder.queue_kinds.items() if kind == QueueKind.STREAM]
    often &= ~asynchronous(tables, rows["queue"]) & ~np.isin(rows["queue"], streams)
    for code in np.unique(rows["queue"][often]).tolist():
        places = _latest(rows, np.flatnonzero(often & (rows["queue"] == code)))
        were = "was" if len(places) == 1 else "were"
        advice = (
            f"{times(len(places), 'message')} {were} received more than {RECEIVED_OFTEN} times, at "
            f"most {int(rows['receive_count'][places].max())} times. A dead_letter_queue with "
            "max_receive_count would take such messages aside."
        )
        yield Finding(
            "received often", names[code], advice, Short(tables).queue_events.iloc[places]
        )


def _latest(rows: Rows, places: Numbers) -> Numbers:
    """Of these rows of queue events, the last one of each event."""
    _, from_the_end = np.unique(rows["event"][places][::-1], return_index=True)
    found: Numbers = np.sort(places[len(places) - 1 - from_the_end])
    return found


def unread_dead_letters(tables: Tables) -> Iterator[Finding]:
    """Dead letters that lie in a queue from which nobody ever receives."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    for code in (c for c, kind in tables.recorder.queue_kinds.items() if kind == QueueKind.SQS):
        own = np.flatnonzero(rows["queue"] == code)
        if (rows["action"][own] == Action.RECEIVED).any():
            continue
        places = _latest(rows, own)
        lying = (rows["action"] == Action.SENT) & (rows["cause"] == Cause.DEAD_LETTER)
        places = places[lying[places]]
        if len(places):
            lie, them = ("lies", "it") if len(places) == 1 else ("lie", "them")
            advice = (
                f"{times(len(places), 'dead letter')} {lie} in it and nobody has read {them}. Look "
                "at what failed, and send it again once the cause is mended: after the queue's "
                "retention it is lost."
            )
            rows_of_view = Short(tables).queue_events.iloc[places]
            yield Finding("unread dead letters", names[code], advice, rows_of_view)


def cold_starts(tables: Tables) -> Iterator[Finding]:
    """Functions that start cold more often than traffic explains away."""
    attempts = tables.rows("attempts")
    for name, own in _by_function(tables, np.arange(len(attempts))):
        cold = own[attempts["cold_start"][own] != 0]
        share = len(cold) / len(own)
        if len(own) >= COLD_RUNS and share > COLD_SHARE:
            spent = attempts["setup_us"][cold] + attempts["init_us"][cold].astype(np.int64)
            advice = (
                f"{times(len(cold), 'cold start')} in {len(own):,} runs ({100 * share:.1f} %), "
                f"{int(spent.sum()) / 1e6:,.1f} s in all. Provisioned concurrency or a smaller "
                "initialisation would shorten them."
            )
            yield Finding("cold starts", name, advice, Short(tables).attempts.iloc[cold])


def throttles(tables: Tables) -> Iterator[Finding]:
    """Functions that were refused capacity: callers got 429, events went back to wait."""
    calls, events = tables.rows("invocations"), tables.rows("queue_events")
    refused = np.flatnonzero(
        (calls["status"] == InvocationStatus.THROTTLED) & (calls["cause"] != Cause.INJECTED)
    )
    own = asynchronous(tables, events["queue"]) & (events["cause"] != Cause.INJECTED)
    waited = np.flatnonzero((events["action"] == Action.THROTTLED) & own)
    owners = tables.functions_of_requests()[events["event"][waited]]
    short_views = Short(tables)
    yield from _throttled(
        tables, calls["function"][refused], calls["cause"], refused, short_views.invocations,
        "a call was answered with 429",
    )  # fmt: skip
    yield from _throttled(
        tables, owners, events["cause"], waited, short_views.queue_events, "an event had to wait"
    )


_LIMITS = {
    Cause.THROTTLED_ACCOUNT: "what the account has left unreserved is less than this traffic needs",
    Cause.THROTTLED_RESERVED: "its reserved concurrency is less than this traffic needs",
    Cause.ZERO_RESERVED_CONCURRENCY: "its reserved concurrency is 0, which switches it off",
    Cause.THROTTLED_RATE: "ten requests a second go with each unit of the account's concurrency",
    Cause.THROTTLED_RESERVED_RATE: "ten requests a second go with each unit that it reserves",
    Cause.THROTTLED_CALLER_RATE: "a caller may send ten events a second for each unit of the "
    "account's concurrency",
    Cause.THROTTLED_SCALING: "new environments came faster than its scaling rate allows; provisioned "
    "concurrency has them ready",
    Cause.THROTTLED_PROVISIONED: "its provisioned concurrency takes all that it reserves",
}
"""What a throttle's cause means for its function."""


def _throttled(
    tables: Tables, owners: Numbers, causes: Numbers, places: Numbers, view: pd.DataFrame, what: str
) -> Iterator[Finding]:
    for code in np.unique(owners).tolist():
        mine = places[owners == code]
        found, often = np.unique(causes[mine], return_counts=True)
        reasons = [
            f"{_LIMITS[cause]} ({number:,})" if len(found) > 1 else _LIMITS[cause]
            for cause, number in sorted(
                zip(found.tolist(), often.tolist(), strict=True), key=lambda one: -one[1]
            )
        ]
        advice = f"{times(len(mine), 'time')} {what}: {'; '.join(reasons)}."
        yield Finding("throttles", tables.recorder.names[code], advice, view.iloc[mine])


def recursive_loops(tables: Tables) -> Iterator[Finding]:
    """Chains of invocations that Lambda stopped (dg/invocation-recursion)."""
    calls = tables.rows("invocations")
    stopped = np.flatnonzero(calls["cause"] == Cause.RECURSIVE_LOOP)
    for code in np.unique(calls["function"][stopped]).tolist():
        places = stopped[calls["function"][stopped] == code]
        advice = (
            f"A recursive loop was stopped {times(len(places), 'time')}: the function leads, by what it "
            "invokes or sends, to itself. Let it write elsewhere than it reads."
        )
        rows = Short(tables).invocations.iloc[places]
        yield Finding("recursive loops", tables.recorder.names[code], advice, rows)


def undelivered(tables: Tables) -> Iterator[Finding]:
    """Records and dead letters that did not arrive: Lambda does not try again."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    sent = np.isin(rows["action"], (Action.DELIVERED, Action.DEAD_LETTERED))
    failed = np.flatnonzero(sent & (rows["cause"] == Cause.DELIVERY_FAILED))
    for code in np.unique(rows["queue"][failed]).tolist():
        places = failed[rows["queue"][failed] == code]
        advice = (
            f"{times(len(places), 'record')} for a destination or dead-letter queue did not arrive, and "
            "nothing is tried again: the place is gone, or what was sent is too large for it."
        )
        function = names[code].removesuffix(" (events)")
        yield Finding("undelivered", function, advice, Short(tables).queue_events.iloc[places])


def retries_of_batches(tables: Tables) -> Iterator[Finding]:
    """Batches that failed whole, so that good records were worked on again."""
    rows = tables.rows("batches")
    failed = (rows["outcome"] == BatchOutcome.FAILURE) & (rows["records"] > 1)
    for code in np.unique(rows["mapping"][failed]).tolist():
        places = np.flatnonzero(failed & (rows["mapping"] == code))
        held = int(rows["records"][places].sum(dtype=np.int64))
        name = tables.recorder.names[code]
        wired = tables.recorder.wiring.get("mapping", {}).get(name, {})
        advice = (
            f"{times(len(places), 'batch')} failed whole, so that {held:,} records come again. "
        )
        if wired.get("function_response_types"):  # its function has not made use of it
            advice += "A handler that catches a record's error and names the record would keep the others."
        else:
            kinds = "function_response_types=['ReportBatchItemFailures']"
            advice += f"With {kinds} only the failed ones would."
        yield Finding("whole batches", name, advice, Short(tables).batches.iloc[places])


def injected(tables: Tables) -> Iterator[Finding]:
    """What ``lab.faults`` did, lest somebody looks for its cause elsewhere."""
    rows, names = tables.rows("faults"), tables.recorder.names
    for code in np.unique(rows["subject"]).tolist():
        view = Short(tables).faults.iloc[np.flatnonzero(rows["subject"] == code)]
        kinds = ", ".join(
            f"{n:,} {kind}" for kind, n in view["kind"].value_counts(sort=False).items()
        )
        advice = (
            f"lab.faults struck {times(len(view), 'time')} ({kinds}): what came of it is no fault of "
            "its own."
        )
        yield Finding("injected faults", names[code], advice, view)


#: What is looked for, in the order in which it is told.
LOOKS: tuple[Callable[[Tables], Iterator[Finding]], ...] = (
    injected,
    recursive_loops,
    throttle_trap,
    lost_events,
    lost_pushes,
    lost_records,
    undelivered,
    unread_dead_letters,
    denied,
    failures,
    timeouts,
    gave_up,
    malformed,
    blocked_shards,
    near_retention,
    throttles,
    crowded,
    often_received,
    oldest_messages,
    retries_of_batches,
    filtered,
    thin_batches,
    cold_starts,
)

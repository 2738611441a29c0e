"""``trace.findings()``: short advice from what happened, each with the rows that prove it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lambdalab.trace.codes import Action, AttemptOutcome, BatchOutcome, QueueKind
from lambdalab.trace.columns import Numbers
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.short import Short
from lambdalab.trace.summary import lost, throttled
from lambdalab.trace.tables import Tables

#: A function whose share of cold starts is above this, over enough runs, is worth a word.
COLD_SHARE, COLD_RUNS = 0.1, 50
#: A message received more often than this is worth a word.
RECEIVED_OFTEN = 3


@dataclass(frozen=True)
class Finding:
    """One piece of advice.

    ``kind`` is a word to filter by, ``subject`` the function or queue it is about, ``advice`` a
    sentence or two, ``rows`` the rows of a short view that prove it.
    """

    kind: str
    subject: str
    advice: str
    rows: pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.kind} · {self.subject}: {self.advice} ({len(self.rows):,} rows)"

    def _repr_html_(self) -> str:
        title = f"<b>{html.escape(self.subject)}</b>: {html.escape(self.advice)}"
        return f"<div>{title}{self.rows.head(10).to_html(index=False)}</div>"


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


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def timeouts(tables: Tables) -> Iterator[Finding]:
    """Timeouts are billed in full and bring nothing."""
    attempts = tables.rows("attempts")
    places = np.flatnonzero(attempts["outcome"] == AttemptOutcome.TIMEOUT)
    for name, own in _by_function(tables, places):
        billed = int(attempts["billed_ms"][own].sum(dtype=np.int64)) / 1000
        advice = (
            f"{_times(len(own), 'attempt')} timed out, and {billed:,.1f} s were billed for nothing. "
            "A longer timeout, or a deadline inside the handler, would cost less."
        )
        yield Finding("timeouts", name, advice, Short(tables).attempts.iloc[own])


def lost_events(tables: Tables) -> Iterator[Finding]:
    """Events that were given up and of which nothing arrived anywhere."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    for code, kind in tables.recorder.queue_kinds.items():
        of_queue = rows["queue"] == code
        gone = lost(rows[of_queue])
        if len(gone) and kind == QueueKind.ASYNCHRONOUS:
            ends = np.isin(rows["action"], (Action.EXPIRED, Action.DROPPED))
            places = np.flatnonzero(of_queue & ends & np.isin(rows["event"], gone))
            advice = (
                f"{_times(len(gone), 'event')} failed for good and left nothing behind. A "
                "dead_letter_queue or an on_failure destination would have kept them."
            )
            function = names[code].removesuffix(" (events)")
            yield Finding("lost events", function, advice, Short(tables).queue_events.iloc[places])
        elif len(gone):
            places = np.flatnonzero(of_queue & (rows["action"] == Action.EXPIRED))
            advice = f"{_times(len(gone), 'message')} outlived the queue's retention unread."
            yield Finding(
                "lost messages", names[code], advice, Short(tables).queue_events.iloc[places]
            )


def often_received(tables: Tables) -> Iterator[Finding]:
    """Messages that come back again and again."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    often = (rows["action"] == Action.RECEIVED) & (rows["receive_count"] > RECEIVED_OFTEN)
    often &= ~asynchronous(tables, rows["queue"])
    for code in np.unique(rows["queue"][often]).tolist():
        places = np.flatnonzero(often & (rows["queue"] == code))
        messages = len(np.unique(rows["event"][places]))
        advice = (
            f"{_times(messages, 'message')} were received more than {RECEIVED_OFTEN} times, at most "
            f"{int(rows['receive_count'][places].max())} times. A dead_letter_queue with "
            "max_receive_count would take them aside."
        )
        yield Finding(
            "received often", names[code], advice, Short(tables).queue_events.iloc[places]
        )


def cold_starts(tables: Tables) -> Iterator[Finding]:
    """Functions that start cold more often than traffic explains away."""
    attempts = tables.rows("attempts")
    for name, own in _by_function(tables, np.arange(len(attempts))):
        cold = own[attempts["cold_start"][own] != 0]
        share = len(cold) / len(own)
        if len(own) >= COLD_RUNS and share > COLD_SHARE:
            spent = attempts["setup_us"][cold] + attempts["init_us"][cold].astype(np.int64)
            advice = (
                f"{_times(len(cold), 'cold start')} in {len(own):,} runs ({100 * share:.1f} %), "
                f"{int(spent.sum()) / 1e6:,.1f} s in all. Provisioned concurrency or a smaller "
                "initialisation would shorten them."
            )
            yield Finding("cold starts", name, advice, Short(tables).attempts.iloc[cold])


def throttles(tables: Tables) -> Iterator[Finding]:
    """Functions that were refused capacity."""
    names = tables.recorder.names
    _, whose = throttled(tables)
    counts = pd.Series(whose).value_counts(sort=False).sort_index()
    for code, count in counts.items():
        rows = _throttle_rows(tables, int(str(code)))
        advice = (
            f"{_times(int(count), 'time')} there was no concurrency for it. Its reserved "
            "concurrency or the account's limit is lower than this traffic needs."
        )
        yield Finding("throttles", names[int(str(code))], advice, rows)


def _throttle_rows(tables: Tables, code: int) -> pd.DataFrame:
    events = tables.rows("queue_events")
    own = tables.functions_of_requests()[np.where(
        asynchronous(tables, events["queue"]), events["event"], 0)] == code  # fmt: skip
    places = np.flatnonzero((events["action"] == Action.THROTTLED) & own)
    if len(places):
        return Short(tables).queue_events.iloc[places]
    view = Short(tables).invocations
    function = tables.rows("invocations")["function"] == code
    refused: pd.DataFrame = view.loc[function & (view["status"] == "throttled").to_numpy()]
    return refused


def retries_of_batches(tables: Tables) -> Iterator[Finding]:
    """Batches that failed whole, so that good records were worked on again."""
    rows = tables.rows("batches")
    failed = (rows["outcome"] == BatchOutcome.FAILURE) & (rows["records"] > 1)
    for code in np.unique(rows["mapping"][failed]).tolist():
        places = np.flatnonzero(failed & (rows["mapping"] == code))
        held = int(rows["records"][places].sum(dtype=np.int64))
        advice = (
            f"{_times(len(places), 'batch').replace('batchs', 'batches')} failed whole, so that "
            f"{held:,} records come again. With function_response_types=['ReportBatchItemFailures']"
            " only the failed ones would."
        )
        name = tables.recorder.names[code]
        yield Finding("whole batches", name, advice, Short(tables).batches.iloc[places])


#: What is looked for, in the order in which it is told.
LOOKS: tuple[Callable[[Tables], Iterator[Finding]], ...] = (
    lost_events,
    timeouts,
    throttles,
    often_received,
    retries_of_batches,
    cold_starts,
)

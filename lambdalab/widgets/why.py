"""The *why* lines: one or two sentences about a trace, made from its books and from nothing else.

Every number in them stands in a table of the trace (in milliseconds or bytes), or is a count of its
rows; what was asked for plays no part. The maximum age is the one that the books keep with the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lambdalab.plots import words
from lambdalab.plots.journey import dead_letter_queue
from lambdalab.plots.waits import History, history, most_interesting

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def sync_vs_async(trace: Trace) -> str:
    """Who waited, for how long, and what happened to the event all the same."""
    calls = trace.invocations
    event, call = (calls[calls["invocation_type"] == kind] for kind in ("Event", "RequestResponse"))
    if not len(event) or not len(call):
        return "Nothing has been called yet."
    return f"{_caller(trace, call.index[0])} {_event(trace, event.index[0])}"


def _caller(trace: Trace, row: int) -> str:
    call = trace.invocations.iloc[row]
    if call["status"] == "refused":
        size = words.size(call["payload_bytes"])
        return f"The synchronous call was refused with {call['status_code']}: {size} is too large."
    waited = words.duration(call["latency_ms"] / 1000)
    if call["function_error"]:
        code = f"in a {call['status_code']}"
        heard = {"timeout": f"{code} that the function timed out"}.get(
            str(call["cause"]), f"the error {code}"
        )
        return f"The client waited {waited}, heard {heard}, and Lambda did not try again."
    return f"The client waited {waited} for its answer."


def _event(trace: Trace, row: int) -> str:
    call = trace.invocations.iloc[row]
    if call["status"] == "refused":
        size = words.size(call["payload_bytes"])
        return f"The Event was refused with {call['status_code']}: {size} is too large for one."
    sent = trace.requests[trace.requests["request_id"] == call["request_id"]]
    waited = float(sent["latency_ms"].iloc[0]) if len(sent) else 0.0
    had = "at once" if waited == 0 else f"after {words.duration(waited / 1000)}"
    runs = trace.attempts[trace.attempts["request_id"] == call["request_id"]]
    if call["status"] == "succeeded" and len(runs) == 1:
        ran = words.duration(runs["duration_ms"].iloc[0] / 1000)
        return f"With Event it had 202 {had}, and the function ran for {ran} all the same."
    age = words.duration(call["latency_ms"] / 1000)
    end = "succeeded in the end" if call["status"] == "succeeded" else _gone(trace, row)
    tries = words.count(len(runs), "time")
    return f"With Event it had 202 {had}; the event was run {tries} within {age} and {end}."


def _gone(trace: Trace, row: int) -> str:
    where = dead_letter_queue(trace, str(trace.invocations["request_id"].iloc[row]))
    return f"went to `{where}`" if where else "was lost"


def backoff(trace: Trace) -> str:
    """Why the event was tried when it was, and what ended the series."""
    row = most_interesting(trace, None)
    if row is None:
        return "No event has been sent yet."
    found = history(trace, row)
    age = words.duration(found.ended_at)
    if found.fate == "succeeded":
        return f"{_before(found)}Attempt {len(found.attempts)} succeeded at an age of {age}."
    if found.fate == "in flight":
        return f"{_before(found)}The event is not over yet."
    end = f"so it {_gone(trace, row)}"
    if found.cause != "event_age_exceeded":
        return f"{_failed(found)} No retry was left at an age of {age}, {end}."
    limit = words.duration(found.maximum_age or 0.0)
    passes = (
        f"at an age of {age} the next wait would have passed the maximum age of {limit}, {end}."
    )
    if not found.attempts:
        return f"{_throttled(found)} It never ran: {passes}"
    number = len(found.attempts)
    return f"No {_ORDINALS[number] if number < 5 else 'further'} attempt: {passes}"


def _before(found: History) -> str:
    if found.throttles:
        return f"{_throttled(found)} "
    return f"{_failed(found)} " if len(found.attempts) > 1 else ""


def _throttled(found: History) -> str:
    waits = found.lengths[found.lengths > 0]
    grew = ""
    if len(waits) > 1:
        grew = (
            f", and the waits grew from {words.duration(waits[0])} to {words.duration(waits.max())}"
        )
    return f"{words.count(found.throttles, 'throttle')} used up no retry{grew}."


def _failed(found: History) -> str:
    failed = sum(attempt[3] != "success" for attempt in found.attempts)
    waits = [words.duration(length) for length in found.lengths if length > 0]
    between = f"{'waits' if len(waits) > 1 else 'a wait'} of {' and '.join(waits)}"
    after = f", with {between} between" if waits else ""
    return f"{words.count(failed, 'attempt')} failed{after}."


def batching(trace: Trace) -> str:
    """Why a telling batch was handed over when it was, and how many went the same way."""
    table = trace.batches
    if not len(table):
        return "No batch yet."
    causes = table["cause"].astype(str).to_numpy()
    names, counts = np.unique(causes, return_counts=True)
    telling = "payload_size" if "payload_size" in names else str(names[np.argmax(counts)])
    place = int(np.flatnonzero(causes == telling)[0])
    batch = table.iloc[place]
    records = words.count(int(batch["records"]), "record")
    said = f"Batch b{place + 1} closed with {records}: {_reason(telling, batch)}."
    same = int(counts[list(names).index(telling)])
    of = words.count(len(table), "batch", "batches")
    return f"{said} So did {same:,} of {of}." if len(table) > 1 else said


def _reason(cause: str, batch: object) -> str:
    gathered = words.duration(batch["gathering_ms"] / 1000)  # type: ignore[index]
    if cause == "payload_size":
        size = words.size(batch["size_bytes"])  # type: ignore[index]
        return f"one more would have passed 6 MB (it is {size} of JSON)"
    if cause == "batch_size":
        return f"that is as many as the mapping allows, after {gathered}"
    if cause == "no_window":
        return "without a window, what a poll brings is handed over at once"
    window = batch["flushed_at"] - batch["window_opened_at"]  # type: ignore[index]
    if cause == "batching_window":
        return f"its window of {words.duration(window.total_seconds())} was over"
    return words.plain(cause)

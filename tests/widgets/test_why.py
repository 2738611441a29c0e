"""The why line: every number in it stands in the books of the trace that it is about."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.plots import words
from lambdalab.scenarios import Backoff, Batching, SyncVsAsync
from lambdalab.trace import Recorder, Trace
from lambdalab.widgets import why

TIME = r"\d[\d.]* (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?"


def durations_of(trace) -> set[str]:
    """Every length of time that a table holds, as people say it; and ages from acceptance."""
    found: set[float] = set()
    for table in (trace.invocations, trace.attempts, trace.retries, trace.queue_events,
                  trace.batches, trace.requests):  # fmt: skip
        for column in table.columns:
            if column.endswith("_ms"):
                found |= {value / 1000 for value in table[column].dropna()}
    windows = trace.batches["flushed_at"] - trace.batches["window_opened_at"]
    found |= set(windows.dropna().dt.total_seconds())
    found |= {s["maximum_event_age"] for s in trace._recorder.functions.values()}
    return {words.duration(value) for value in found}


def counts_of(trace) -> set[int]:
    """Every count that the sentences may name."""
    batches = trace.batches
    found = {len(batches), *batches["records"], *batches["cause"].value_counts()}
    found |= {len(trace.attempts), *trace.attempts["request_id"].value_counts()}
    found |= {int((trace.queue_events["action"] == "throttled").sum())}
    found |= {int((trace.attempts["outcome"] != "success").sum()), *trace.attempts["attempt"]}
    found |= set(trace.invocations["status_code"]) | {202}
    return {int(number) for number in found}


def check(sentence: str, trace) -> None:
    """Take everything out of the sentence that the books account for; no digit may be left."""
    known = durations_of(trace)
    for time in re.findall(TIME, sentence):
        assert time in known, f"{time!r} of {sentence!r} is in no table"
    rest = re.sub(TIME, "", sentence)
    sizes = {
        words.size(n) for n in (*trace.invocations["payload_bytes"], *trace.batches["size_bytes"])
    }
    for size in re.findall(r"\d[\d.]* (?:B|KB|MB)\b", rest):
        assert size in sizes | {"6 MB"}, f"{size!r} of {sentence!r} is in no table"
    rest = re.sub(r"\d[\d.]* (?:B|KB|MB)\b", "", rest)
    batches = {f"b{number}" for number in range(1, len(trace.batches) + 1)}
    for batch in re.findall(r"\bb\d+\b", rest):
        assert batch in batches
    rest = re.sub(r"\bb\d+\b", "", rest)
    for number in re.findall(r"[\d,]*\d", rest):
        assert int(number.replace(",", "")) in counts_of(trace), f"{number} of {sentence!r}"


@given(
    duration=st.floats(0, 6), timeout=st.integers(1, 6), failing=st.booleans(),
    size=st.integers(13, 400_000), init=st.none() | st.floats(0, 5),
)  # fmt: skip
@settings(max_examples=40)
def test_sync_vs_async(duration, timeout, failing, size, init) -> None:
    trace = SyncVsAsync(duration, timeout, init, size, failing).run()
    check(why.sync_vs_async(trace), trace)


@given(
    kind=st.sampled_from(["error", "throttle"]), retries=st.integers(0, 2),
    age=st.integers(60, 21_600), heals=st.none() | st.floats(1, 3600), letters=st.booleans(),
)  # fmt: skip
@settings(max_examples=40)
def test_backoff(kind, retries, age, heals, letters) -> None:
    trace = Backoff(kind, retries, age, heals, letters).run()
    check(why.backoff(trace), trace)


@given(
    rate=st.floats(0.1, 30), size=st.sampled_from([1, 200, 50_000, 200_000]),
    batch=st.sampled_from([1, 7, 10, 100, 10_000]), window=st.integers(0, 30),
    duration=st.floats(0, 10),
)  # fmt: skip
@settings(max_examples=40)
def test_batching(rate, size, batch, window, duration) -> None:
    try:
        scenario = Batching(rate, size, batch, window, duration, seconds=10.0)
    except InvalidSetting:
        return
    trace = scenario.run()
    check(why.batching(trace), trace)


def test_it_is_made_from_the_books_and_not_from_the_settings() -> None:
    """Another trace, the same function: other numbers."""
    one, other = (why.batching(Batching(seconds=20.0).run(seed)) for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize(
    ("trace", "sentence"),
    [
        (
            SyncVsAsync().run(),
            "The client waited 2.23 s for its answer. With Event it had 202 at once, and the function "
            "ran for 2.00 s all the same.",
        ),
        (
            Backoff(maximum_event_age=90).run(),
            "No third attempt: at an age of 70.6 s the next wait would have passed the maximum age of "
            "90 s, so it went to `failed`.",
        ),
        (
            Backoff(maximum_retry_attempts=0, dead_letter_queue=False).run(),
            "1 attempt failed. No retry was left at an age of 1.38 s, so it was lost.",
        ),
        (
            Batching(rate=35.0, record_size=102_400, batch_size=10_000, window=20, seconds=4.0).run(),
            "Batch b1 closed with 61 records: one more would have passed 6 MB (it is 5.99 MB of JSON). "
            "So did 2 of 3 batches.",
        ),
    ],
)  # fmt: skip
def test_the_sentences(trace, sentence) -> None:
    explain = {0: why.backoff, 1: why.sync_vs_async}
    kinds = trace.invocations["invocation_type"]
    both = {"Event", "RequestResponse"} <= set(kinds) and not len(trace.retries)
    tell = why.batching if len(trace.batches) else explain[int(both)]
    assert tell(trace) == sentence


def test_an_empty_trace_has_a_sentence_too() -> None:
    empty = Trace(Recorder())
    for tell in (why.sync_vs_async, why.backoff, why.batching):
        assert tell(empty).endswith("yet.")
    assert pd.DataFrame(empty.batches).empty

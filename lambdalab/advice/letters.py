"""Asynchronous work that leaves nothing behind when it fails for good."""

from __future__ import annotations

from collections.abc import Iterator

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import Small, table
from lambdalab.lab import Lab
from lambdalab.trace.words import times

_LETTERS = "failed-events"


def nowhere_to_fail(design: Design) -> Iterator[Advice]:
    """Asynchronous work with no dead-letter queue and no failure destination."""
    for function in design.functions():
        callers = design.asynchronous(function)
        if not callers or design.failure_place(function):
            continue
        settings = function.settings
        retries, age = settings.maximum_retry_attempts, settings.maximum_event_age
        example = design.small.once(given_up, retries, age, settings.timeout)
        if example is None:
            continue
        advice = (
            f"{function.name} is invoked asynchronously ({', '.join(callers)}), and an event that "
            f"fails {times(retries + 1, 'time')} is gone without a trace. Give it a dead_letter_queue, or "
            "an on_failure destination, which also tells why."
        )
        rule = (
            f"after {_retries(retries)} or {age:,} s an event is "
            f"discarded, unless there is a place for it ({design.rules.source('maximum_retry_attempts')}; "
            "dg/invocation-async-retain-records)"
        )
        yield Advice.of("no failure destination", function.name, advice, rule, example)


def given_up(small: Small, retries: int, age: int, timeout: int) -> Example | None:
    """One event to a function that fails each time."""
    as_is, mended = (
        _failing(small, retries, age, timeout, letters) for letters in (None, _LETTERS)
    )
    kept = [_kept(lab) for lab in (as_is, mended)]
    if kept != [0, 1]:
        return None
    told = f"One event with the function's own settings ({_retries(retries)}), failing each time."
    rows = [
        {
            "settings": name, "attempts": len(lab.trace.attempts),
            "given_up_after_s": _end(lab), "cause": _cause(lab), "kept_in": where,
        }
        for name, lab, where in (("as it is", as_is, "nowhere"), ("as advised", mended, _LETTERS))
    ]  # fmt: skip
    return Example(told, table(*rows), as_is.trace, mended.trace)


def _failing(small: Small, retries: int, age: int, timeout: int, letters: str | None) -> Lab:
    lab = small.lab()
    lab.create_function(
        "notify", duration=0.1, failure_rate=1, timeout=timeout, maximum_retry_attempts=retries,
        maximum_event_age=age, dead_letter_queue=letters,
    )  # fmt: skip
    lab.invoke("notify", {"order": 1}, invocation_type="Event")
    lab.run()
    return lab


def _kept(lab: Lab) -> int:
    return sum(len(lab.sqs[name].messages) for name in lab.sqs)


def _end(lab: Lab) -> float:
    rows = lab.trace.short.queue_events
    return float(rows[rows.action.isin(["dropped", "expired"])].t_s.iloc[-1])


def _cause(lab: Lab) -> str:
    rows = lab.trace.queue_events
    return str(rows[rows.action.isin(["dropped", "expired"])].cause.iloc[-1])


def _retries(count: int) -> str:
    return "1 retry" if count == 1 else f"{count} retries"

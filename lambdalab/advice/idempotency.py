"""Handlers that are retried, and do their work twice when they run twice.

The one rule for which the user's code runs: in a copy of the lab (:mod:`.twin`), twice with the same
event, as a retry would. A third run, in another copy with other chance and another time, tells what
differs only because of those.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import table
from lambdalab.advice.twin import Twin, only
from lambdalab.errors import ServiceError
from lambdalab.functions.function import Function

_RETRY_S = 60
_REFUSED = ("LabClosed", "NetworkRefused")
_ERROR = 100  # and of an error
_ANSWER = 24  # characters of an answer in the proof


def not_idempotent(design: Design) -> Iterator[Advice]:
    """Retries on a handler that is not idempotent."""
    for function in design.functions():
        retried = _who_retries(design, function) if function.latest.code is not None else []
        if not retried:
            continue
        event = design.events.get(function.name, function.last_event)
        if event is None:
            design.left_out.append(
                f"whether {function.name} is idempotent: no event seen yet; "
                f"lab.check(events={{{function.name!r}: ...}})"
            )
            continue
        example = _twice(design, function, event)
        if isinstance(example, str):
            design.left_out.append(f"whether {function.name} is idempotent: {example}")
        elif example is not None:
            first = example.proof.iloc[0]
            advice = (
                f"{function.name} is retried ({', '.join(retried)}), and does its work again each time "
                f"({first.what}: {first.one_run} after one run, {first.two_runs} after two with the same "
                "event). Remember what is done, with a conditional write under a key that the event "
                "brings, and do nothing where it is known."
            )
            rule = (
                "a handler may get the same event more than once and has to be idempotent "
                f"({design.rules.source('maximum_retry_attempts')}; dg/with-sqs)"
            )
            yield Advice.of("not idempotent", function.name, advice, rule, example)


def _who_retries(design: Design, function: Function) -> list[str]:
    """Who runs a function again after a failure."""
    found = [f"by the mapping {m.name}" for m in design.mappings() if m.function is function]
    retries = function.settings.maximum_retry_attempts
    if retries and design.asynchronous(function):
        again = "once" if retries == 1 else f"{retries} times"
        found.append(f"{again} by Lambda's queue of asynchronous events")
    return found


def _twice(design: Design, function: Function, event: Any) -> Example | str | None:
    """What a second run adds; None where it adds nothing; why it could not be told."""
    lab = design.lab
    try:
        twin = Twin(lab, function, "idempotent", dt.timedelta(0))
        other = Twin(lab, function, "other chance", dt.timedelta(hours=1))
    except Exception as error:  # something of the lab that cannot be copied
        return f"the lab could not be copied ({type(error).__name__}: {error})"
    try:
        with only(twin.lab, other.lab):
            seen = [_look(twin, None)]
            seen.append(_look(twin, twin.run(event)))
            twin.lab.advance(_RETRY_S)
            seen.append(_look(twin, twin.run(event)))
            control = _look(other, other.run(event))
    except ServiceError as error:
        return f"the event is refused ({error})"
    finally:
        twin.lab.close()
        other.lab.close()
    refused = next((s["refused"] for s in seen if s["refused"]), "")
    if refused:
        return f"its code reaches for what the copy of the lab has not ({refused})"
    before, once, twice = seen
    rows = [
        *_sent(before, once, twice),
        *_kept(before, once, twice, control),
        *_remembered(once, twice, control),
    ]
    if not rows:
        failure = seen[1]["error"]
        if not failure:
            return None
        return f"it fails in the copy of the lab, where other functions answer nothing ({failure})"
    rows.append(
        {"what": "answer", "one_run": _cut(seen[1]["answer"]), "two_runs": _cut(seen[2]["answer"])}
    )
    told = (
        f"A copy of the lab: {function.name}'s handler runs twice with the same event, {_RETRY_S} s "
        "between."
    )
    return Example(told, table(*rows), twin.lab.trace)


def _look(twin: Twin, reply: Any) -> dict[str, Any]:
    """The state of a copy after a run."""
    error = "" if reply is None or not reply.function_error else _said(reply.payload)
    return {
        "error": error,
        "sent": twin.sent(),
        "kept": twin.kept(),
        "data": twin.data(),
        "answer": "" if reply is None else json.dumps(reply.payload),
        "refused": next((name for name in _REFUSED if name in error), ""),
    }


def _sent(
    before: dict[str, Any], once: dict[str, Any], twice: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Messages, events and asynchronous calls that the second run sends again."""
    for name in twice["sent"]:
        first = once["sent"][name] - before["sent"][name]
        both = twice["sent"][name] - before["sent"][name]
        if both > first:
            what = "calls of" if name.endswith(" (events)") else "sent to"
            plain = name.removesuffix(" (events)")
            yield {"what": f"{what} {plain}", "one_run": str(first), "two_runs": str(both)}


def _kept(
    before: dict[str, Any], once: dict[str, Any], twice: dict[str, Any], control: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Items and objects that the second run adds, or changes once more."""
    for place, things in twice["kept"].items():
        first, other = once["kept"][place], control["kept"].get(place, {})
        if len(things) > len(first):
            counts = [
                len(now[place]) - len(before["kept"][place])
                for now in (once["kept"], twice["kept"])
            ]
            yield {
                "what": f"new items in {place}", "one_run": str(counts[0]), "two_runs": str(counts[1]),
            }  # fmt: skip
            continue
        for key, thing in things.items():
            if thing is first.get(key):
                continue
            name = _changed(first.get(key), thing, other.get(key))
            if name is not None:
                label, one, two = name
                what = f"{place} {_key(key)} {label}".strip()
                yield {"what": what, "one_run": one, "two_runs": two}


def _changed(once: Any, twice: Any, control: Any) -> tuple[str, str, str] | None:
    """What a second run has changed of an item and not only time or chance; name, before, after."""
    if once == twice:
        return None
    if isinstance(once, dict) and isinstance(twice, dict) and isinstance(control, dict):
        for name in sorted(once.keys() | twice.keys()):
            values = [item.get(name) for item in (once, twice, control)]
            if values[0] != values[1] and values[0] == values[2]:
                return name, _plain(values[0]), _plain(values[1])
        return None
    return ("", _cut(str(once)), _cut(str(twice))) if once == control else None


def _said(payload: Any) -> str:
    """A handler's error, as its answer tells it."""
    if not isinstance(payload, dict):
        return str(payload)
    told = f"{payload.get('errorType', 'Error')}: {payload.get('errorMessage', '')}"
    return told if len(told) <= _ERROR else f"{told[: _ERROR - 1]}…"


def _key(key: Any) -> str:
    """The key of an item or object, in words."""
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _plain(value: Any) -> str:
    """A value of DynamoDB's, without its type."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return _cut(str(value))


def _remembered(
    once: dict[str, Any], twice: dict[str, Any], control: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Data in memory that a second run changes again, where its answer tells so."""
    if once["answer"] == twice["answer"] or once["answer"] != control["answer"]:
        return
    for name, now in twice["data"].items():
        before = once["data"][name]
        if now != before:
            yield {
                "what": f"{name} (in memory)", "one_run": _cut(before.told), "two_runs": _cut(now.told),
            }  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= _ANSWER else f"{text[: _ANSWER - 1]}…"

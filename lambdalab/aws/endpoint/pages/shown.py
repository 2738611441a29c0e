"""What the page shows of a lab, as plain values: its clock, its parts, and what happened last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from lambdalab.functions.function import Function
    from lambdalab.lab import Lab
    from lambdalab.sources.sqs.service import Queue
    from lambdalab.trace import Trace

_LATEST = 30
"""So many invocations are shown."""
_MOST = 100
"""So many things of a kind are shown; of more, how many there are."""
_OWN = ("functions", "queues")
"""Those of the lab's parts that have tables of their own."""


def shown(lab: Lab) -> dict[str, Any]:
    """The lab as the page shows it; times in seconds since its start, sizes in MB.

    ``functions`` and ``queues`` with their figures, ``parts`` with a line each, ``latest`` with the last
    invocations, the newest first.
    """
    wiring = lab._wiring()
    functions: list[Any] = wiring["functions"]
    queues: list[Any] = wiring["queues"]
    counts = lab.trace.kept("figures of the page", lambda: _counts(lab.trace))
    urls = [url for function in functions for url in _urls(lab, function)]
    return {
        "now": f"{lab.now:%Y-%m-%d %H:%M:%S}",
        "elapsed_s": round(lab.elapsed, 3),
        "rules": str(lab.rules.date),
        "seed": str(lab.seed),
        "pending": lab._time.pending,
        "stamp": stamp(lab),
        "totals": {
            "functions": len(functions), "queues": len(queues), "invocations": len(lab.trace.invocations),
        },
        "functions": [_function(lab, each, counts) for each in functions[:_MOST]],
        "queues": [_queue(each) for each in queues[:_MOST]],
        "parts": _parts({**wiring, "function_urls": urls}),
        "latest": lab.trace.kept("latest of the page", lambda: _latest(lab.trace)),
    }  # fmt: skip


def stamp(lab: Lab) -> str:
    """Another one whenever the books have gone on."""
    trace = lab.trace
    tables = (
        trace.invocations,
        trace.attempts,
        trace.queue_events,
        trace.batches,
        trace.environments,
    )
    return " ".join([f"{lab.elapsed:f}", *(str(len(table)) for table in tables)])


def story(lab: Lab, thing: str) -> dict[str, Any]:
    """What happened to a request, message, batch or environment, as ``trace.story`` tells it.

    Raises :class:`~lambdalab.errors.UnknownName` for what is not in the trace.
    """
    found = lab.trace.story(thing)
    lines = [{"at_s": at, "said": said} for at, said in found.lines]
    return {"id": thing, "title": found.title, "lines": lines}


def _counts(trace: Trace) -> dict[str, dict[str, int]]:
    """By figure and function, how often."""
    runs = trace.attempts
    over = runs["ended_at"].notna()
    refused = trace.samples("AWS/Lambda", "Throttles")
    return {
        "runs": _tally(runs["function"]),
        "errors": _tally(runs.loc[over & (runs["outcome"] != "success"), "function"]),
        "cold_starts": _tally(runs.loc[runs["cold_start"], "function"]),
        "running": _tally(runs.loc[~over, "function"]),
        "throttles": _tally(refused["name"]),
    }


def _tally(names: pd.Series[Any]) -> dict[str, int]:
    counted = names.value_counts()
    return {str(name): int(n) for name, n in counted.items()}


def _function(lab: Lab, function: Function, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    settings, code = function.settings, function.code
    return {
        "name": function.name,
        "what": f"{settings.runtime} {code.handler}" if code is not None else "a model",
        "memory_mb": settings.memory_size,
        "timeout_s": settings.timeout,
        "reserved": settings.reserved_concurrency,
        "dead_letters_to": settings.dead_letter_queue or "",
        "state": function.state,
        "waiting": lab._lambda.events.depth(function),
        **{figure: count.get(function.name, 0) for figure, count in counts.items()},
    }


def _queue(queue: Queue) -> dict[str, Any]:
    store, settings = queue.store, queue.settings
    return {
        "name": queue.name,
        "visible": store.visible,
        "in_flight": store.in_flight,
        "delayed": store.delayed,
        "visibility_timeout_s": settings.visibility_timeout,
        "dead_letters_to": settings.dead_letter_queue or "",
        "max_receive_count": settings.max_receive_count,
    }


def _urls(lab: Lab, function: Function) -> list[object]:
    return [url for url in lab._triggers.function_urls if url.target.function is function]


def _parts(wiring: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """What else there is: a word for its kind, and a line for each thing, as its repr has them."""
    found = []
    for kind, things in wiring.items():
        if things and kind not in _OWN:
            lines = [repr(each).removeprefix("<").removesuffix(">") for each in things[:_MOST]]
            found.append({"kind": kind, "count": len(things), "lines": lines})
    return found


def _latest(trace: Trace) -> list[dict[str, Any]]:
    """The last invocations, the newest first."""
    table = trace.invocations
    first = len(table) - min(len(table), _LATEST) + 1
    found = []
    rows: Iterable[Any] = table.tail(_LATEST).itertuples(index=False)
    for number, row in enumerate(rows, start=first):
        over = not pd.isna(row.completed_at)
        found.append({
            "id": f"r{number}",
            "at_s": round((row.requested_at - trace.start).total_seconds(), 3),
            "function": row.function,
            "type": row.invocation_type,
            "source": row.source,
            "status": row.status,
            "status_code": row.status_code,
            "attempts": row.attempts,
            "latency_ms": float(row.latency_ms) if over else None,
            "cause": row.cause,
        })  # fmt: skip
    return found[::-1]

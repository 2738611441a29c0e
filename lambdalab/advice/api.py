"""Functions that may run for longer than the API in front of them waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import NEARLY_S, Small, table
from lambdalab.functions.function import Function
from lambdalab.lab import Lab

_LONGER_S = 6  # for how much longer than the API waits the small lab's function runs, at most
_A = {"REST": "a REST", "HTTP": "an HTTP"}
_RULES = {"REST": "api_gateway_rest_timeout", "HTTP": "api_gateway_http_timeout"}


def timeouts(design: Design) -> Iterator[Advice]:
    """Function timeout above the integration timeout of its route."""
    for name, route in design.wired("route").items():
        function = design.function(str(route.get("function", "")))
        if function is None or route.get("deleted") or route.get("invocation_type") == "Event":
            continue
        limit = float(str(route["integration_timeout"]))
        kind, timeout = str(route["kind"]), _timeout(function, str(route.get("qualifier", "")))
        if timeout <= limit:
            continue
        example = design.small.once(gone, kind, timeout, limit)
        if example is None:
            continue
        status = int(example.proof.status.iloc[0])
        advice = (
            f"{function.name} may run for {timeout:,} s, and {route['api']} waits for {limit:g} s: the "
            f"caller gets {status} while the function runs on and is billed. Give it a timeout below "
            f"{limit:g} s, or take the work on with 202 and do it asynchronously."
        )
        source = design.rules.source(_RULES[kind])
        rule = f"{_A[kind]} API waits {limit:g} s at most for its integration ({source})"
        yield Advice.of("api timeout", name, advice, rule, example)


def _timeout(function: Function, qualifier: str) -> int:
    """The timeout of the version that a route calls (s); 0 where that is no more."""
    return int(function.target(qualifier).timeout) if function.knows(qualifier) else 0


def gone(small: Small, kind: str, timeout: int, limit: float) -> Example | None:
    """One caller, and a function that takes longer than the API waits."""
    takes = min(timeout - NEARLY_S, limit + _LONGER_S)
    advised = int(limit) - 1
    as_is = _called(small, kind, timeout, limit, takes)
    if not _ran_on(as_is):
        return None
    rows = [_row("as it is", timeout, as_is)]
    mended = None
    if advised >= 1:
        mended = _called(small, kind, advised, limit, takes)
        rows.append(_row("as advised", advised, mended))
    told = f"One caller of {_A[kind]} API; the function needs {takes:g} s for the answer."
    return Example(told, table(*rows), as_is.trace, None if mended is None else mended.trace)


def _called(small: Small, kind: str, timeout: int, limit: float, takes: float) -> Lab:
    lab = small.lab()
    lab.create_function("report", duration=min(takes, timeout), timeout=timeout)
    verb: Any = getattr(lab.api_gateway, f"create_{kind.lower()}_api")
    api = verb("shop")
    api.route("GET", "/report", "report", integration_timeout=limit)
    api.get("/report")
    lab.run()
    return lab


def _ran_on(lab: Lab) -> bool:
    return bool(lab.trace.requests.answered_at.iloc[0] < lab.trace.invocations.completed_at.iloc[0])


def _row(name: str, timeout: int, lab: Lab) -> dict[str, Any]:
    request, run = lab.trace.requests.iloc[0], lab.trace.attempts.iloc[0]
    ended = lab.trace.invocations.completed_at.iloc[0]
    return {
        "settings": name, "timeout_s": timeout, "status": int(request.status_code),
        "waited_s": round(float(request.latency_ms) / 1000, 3),
        "ran_on_s": round(max((ended - request.answered_at).total_seconds(), 0), 3),
        "billed_s": round(int(run.billed_ms) / 1000, 3),
    }  # fmt: skip

"""Visibility timeouts: shorter than a run may take, or with no room for throttles.

What holds for a mapping: a message is invisible for its queue's timeout, and where a window and the
function's timeout would pass that, for both and ``mapping_visibility_margin`` (dg/with-sqs).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import NEARLY_S, Small, table
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.sources.mappings.mapping import Mapping
from lambdalab.traffic.arrivals import Every

_AT = 0.001  # the other runs of the scene begin so much before the batch is tried


def too_short(design: Design) -> Iterator[Advice]:
    """Visibility timeout below window + function timeout."""
    for mapping in design.queue_mappings():
        timeout, visibility, window = _numbers(mapping)
        if visibility >= window + timeout:
            continue
        scene = twice_at_once if not window else not_what_holds
        example = design.small.once(scene, timeout, visibility, window)
        if example is None:
            continue
        advised = advice_for(design.rules, timeout, window)
        gather = f"its batch may gather for {window:,} s and " if window else ""
        advice = (
            f"A message of {mapping.source.name} is invisible for {visibility:,} s, but {gather}"
            f"{mapping.function.name} may run for {timeout:,} s. "
        )
        if window:
            advice += (
                "Lambda then hides it for longer than the queue says, so failed messages come back "
                f"late. Give the queue visibility_timeout={advised:,}."
            )
        else:
            advice += (
                "It is handed out again while it is still being worked on, and the work is done and "
                f"billed twice. Give the queue visibility_timeout={advised:,}."
            )
        yield Advice.of("visibility timeout", mapping.name, advice, _rule(design.rules), example)


def no_room_for_throttles(design: Design) -> Iterator[Advice]:
    """Visibility timeout below window + 6 x the function timeout, AWS's advice."""
    factor = design.rules.mapping_visibility_factor
    for mapping in design.queue_mappings():
        timeout, visibility, window = _numbers(mapping)
        advised = advice_for(design.rules, timeout, window)
        if not window + timeout <= visibility < advised:
            continue
        example = design.small.once(throttled, timeout, visibility, window)
        if example is None:
            continue
        advice = (
            f"{visibility:,} s leave no room for throttles: a batch that has to wait while "
            f"{mapping.function.name} (timeout {timeout:,} s) is busy is let go and received again, "
            f"and each time counts towards max_receive_count. {factor} x {timeout:,} s"
            f"{f' + {window:,} s' if window else ''} = {advised:,} s would do."
        )
        yield Advice.of(
            "visibility margin", mapping.name, advice, _rule(design.rules), example, "warning"
        )


def advice_for(rules: Rules, timeout: int, window: int) -> int:
    """The visibility timeout that AWS advises (s)."""
    return int(rules.mapping_visibility_factor) * timeout + window


def _numbers(mapping: Mapping) -> tuple[int, int, int]:
    return (
        mapping.target.timeout,
        mapping.source.settings.visibility_timeout,
        mapping.settings.maximum_batching_window,
    )


def _rule(rules: Rules) -> str:
    return (
        f"visibility timeout of at least {rules.mapping_visibility_factor} x the function's timeout + "
        f"the window ({rules.source('mapping_visibility_factor')})"
    )


# ---- the small labs ------------------------------------------------------------------------------


def twice_at_once(small: Small, timeout: int, visibility: int, window: int) -> Example | None:
    """One message whose run just about uses the function's timeout; nothing is throttled."""
    advised = advice_for(small.rules, timeout, window)
    as_is, mended = (_slow_message(small, timeout, v) for v in (visibility, advised))
    if _received(as_is) < 2 or _received(mended) > 1:
        return None
    told = f"One message; the function needs {timeout - NEARLY_S:g} s for it, within its timeout."
    proof = table(_row("as it is", visibility, as_is), _row("as advised", advised, mended))
    return Example(told, proof, as_is.trace, mended.trace)


def _slow_message(small: Small, timeout: int, visibility: int) -> Lab:
    lab = small.lab()
    queue = lab.sqs.create_queue("orders", visibility_timeout=max(visibility, timeout))
    lab.create_function("bill", timeout=timeout, duration=timeout - NEARLY_S)
    lab.create_event_source_mapping(queue, "bill", batch_size=1)
    queue.update(visibility_timeout=visibility)
    queue.send({"order": 1})
    lab.run(until=3 * timeout)
    return lab


def not_what_holds(small: Small, timeout: int, visibility: int, window: int) -> Example | None:
    """One message whose batch fails at once; when does it come back?"""
    advised = advice_for(small.rules, timeout, window)
    as_is, mended = (_failing(small, timeout, v, window) for v in (visibility, advised))
    back_s = _back_after(as_is)
    if back_s is None or back_s <= visibility:
        return None
    told = f"One message; its batch gathers for {window} s and fails within 0.1 s."
    rows = [
        {"settings": name, "visibility_timeout_s": v, "invisible_for_s": _back_after(lab)}
        for name, v, lab in (("as it is", visibility, as_is), ("as advised", advised, mended))
    ]
    return Example(told, table(*rows), as_is.trace, mended.trace)


def _failing(small: Small, timeout: int, visibility: int, window: int) -> Lab:
    lab = small.lab()
    queue = lab.sqs.create_queue(
        "orders", visibility_timeout=max(visibility, timeout),
        dead_letter_queue="failed", max_receive_count=1,
    )  # fmt: skip
    lab.create_function("bill", timeout=timeout, duration=0.1, failure_rate=1)
    lab.create_event_source_mapping(queue, "bill", batch_size=2, maximum_batching_window=window)
    queue.update(visibility_timeout=visibility)
    queue.send({"order": 1})
    lab.run()
    return lab


def throttled(small: Small, timeout: int, visibility: int, window: int) -> Example | None:
    """A batch that comes while five earlier runs, one after another, have all the concurrency."""
    advised = advice_for(small.rules, timeout, window)
    as_is, mended = (_busy(small, timeout, v, window) for v in (visibility, advised))
    if _received(as_is) < 2 or _received(mended) > 1:
        return None
    others = int(small.rules.mapping_visibility_factor) - 1
    told = (
        f"One message. With concurrency for one run at a time, {others} other runs of "
        f"{timeout - NEARLY_S:g} s come first; its batch is tried again every {timeout} s."
    )
    proof = table(_row("as it is", visibility, as_is), _row("as advised", advised, mended))
    return Example(told, proof, as_is.trace, mended.trace)


def _busy(small: Small, timeout: int, visibility: int, window: int) -> Lab:
    lab = small.reserving(  # how often a throttled batch is tried again is nowhere documented
        1, mapping_throttle_backoff_first=timeout, mapping_throttle_backoff_maximum=timeout,
        environment_setup=0,
    )  # fmt: skip
    queue = lab.sqs.create_queue("orders", visibility_timeout=visibility)
    lab.create_function(
        "bill", timeout=timeout, duration=timeout - NEARLY_S, init=0, reserved_concurrency=1
    )
    size: dict[str, Any] = {"batch_size": 2, "maximum_batching_window": window}
    lab.create_event_source_mapping(queue, "bill", **(size if window else {"batch_size": 1}))
    factor = int(small.rules.mapping_visibility_factor)
    for number in range(factor - 1):
        first = max(window + number * timeout - _AT, 0)
        lab.drive("bill", Every(timeout, first=first), count=1)
    queue.send({"order": 1})
    lab.run(until=2 * (window + factor * timeout))
    return lab


def _received(lab: Lab) -> int:
    rows = lab.trace.queue_events
    return int((rows.action == "received").sum())


def _back_after(lab: Lab) -> float | None:
    """Seconds from a message's receive to its coming back."""
    rows = lab.trace.short.queue_events
    taken = rows[rows.action == "received"].t_s
    back = rows[rows.action.isin(["returned", "dead_lettered"])].t_s
    return float(round(back.iloc[0] - taken.iloc[0], 3)) if len(taken) and len(back) else None


def _row(name: str, visibility: int, lab: Lab) -> dict[str, Any]:
    runs = lab.trace.attempts
    own = runs[runs.request_id.isin(_of_batches(lab))]
    return {
        "settings": name,
        "visibility_timeout_s": visibility,
        "received": _received(lab),
        "runs": len(own),
        "billed_s": round(int(own.billed_ms.sum()) / 1000, 3),
    }


def _of_batches(lab: Lab) -> list[str]:
    calls = lab.trace.invocations
    return list(calls[calls.source == "orders->bill"].request_id)

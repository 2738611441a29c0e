"""A queue's pollers that fetch more than the function's reserved concurrency lets run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import Small, table
from lambdalab.lab import Lab
from lambdalab.sources.mappings.mapping import Mapping

_RECEIVES = 3  # max_receive_count of the small lab where the queue has none
_ROUNDS = 12  # messages for each poller
_LARGEST = 50  # of a reservation in a small lab; larger ones are simulated at a smaller scale


def more_than_reserved(design: Design) -> Iterator[Advice]:
    """Reserved concurrency below the mapping's pollers."""
    for mapping in design.queue_mappings():
        reserved = mapping.function.settings.reserved_concurrency
        most = _most(design, mapping)
        if not reserved or most <= reserved:  # 0 switches the function off: on purpose
            continue
        queue = mapping.source.settings
        limit = mapping.settings.maximum_concurrency
        numbers = (reserved, limit, mapping.target.timeout, queue.visibility_timeout)
        example = design.small.once(trapped, *numbers, queue.max_receive_count or _RECEIVES)
        if example is None:
            continue
        at = f"maximum_concurrency={limit:,}" if limit else "without maximum_concurrency"
        advised = max(reserved, int(design.rules.mapping_concurrency_minimum))
        more = f" and reserve {advised} as well" if advised > reserved else ""
        advice = (
            f"{mapping.function.name} reserves {reserved:,}, but the mapping ({at}) may hold up to "
            f"{most:,} batches at once. What cannot run is let go after the visibility timeout and "
            f"counts as received, so healthy messages make their way to the dead-letter queue. Set "
            f"maximum_concurrency={advised}{more}."
        )
        rule = (
            "maximum concurrency of a mapping not above the function's reserved concurrency "
            f"({design.rules.source('mapping_concurrency_maximum')}; dg/services-sqs-scaling)"
        )
        yield Advice.of("reserved concurrency", mapping.name, advice, rule, example)


def _most(design: Design, mapping: Mapping) -> int:
    """The most batches that the mapping may hold at once."""
    settings, rules = mapping.settings, design.rules
    if settings.maximum_concurrency is not None:
        return int(settings.maximum_concurrency)
    if settings.provisioned_poller_config is not None:
        most = settings.provisioned_poller_config.maximum_pollers
        return int(most * rules.mapping_provisioned_invokes)
    return int(rules.mapping_pollers_maximum)


def trapped(
    small: Small, reserved: int, limit: int | None, timeout: int, visibility: int, receives: int
) -> Example | None:
    """A backlog of healthy messages, a batch each, with as many pollers as such a backlog brings."""
    scale = -(-reserved // _LARGEST)
    if scale > 1:
        reserved, limit = reserved // scale, limit and max(limit // scale, reserved // scale + 1)
    enough = max(reserved, int(small.rules.mapping_concurrency_minimum))
    pollers = min(limit or 2 * reserved + 10, 2 * reserved + 10)
    as_is = _backlog(small, reserved, limit, timeout, visibility, receives, pollers)
    mended = _backlog(small, enough, enough, timeout, visibility, receives, pollers)
    if not _let_go(as_is) or _let_go(mended):
        return None
    told = (
        f"{pollers * _ROUNDS:,} healthy messages at once, a run of {_run_s(timeout):g} s for each; the "
        f"backlog has brought {pollers:,} pollers; max_receive_count={receives}."
        f"{f' All concurrency is divided by {scale}.' if scale > 1 else ''}"
    )
    proof = table(
        _row("as it is", reserved, limit, as_is), _row("as advised", enough, enough, mended)
    )
    return Example(told, proof, as_is.trace, mended.trace)


def _run_s(timeout: int) -> float:
    return round(0.8 * timeout, 3)


def _backlog(
    small: Small, reserved: int, limit: int | None, timeout: int, visibility: int, receives: int,
    pollers: int,
) -> Lab:  # fmt: skip
    quotas: dict[str, Any] = {
        "mapping_pollers_start": pollers,
        "mapping_pollers_throttled": pollers,
    }
    lab = small.reserving(reserved, **quotas)
    queue = lab.sqs.create_queue(
        "orders", visibility_timeout=max(visibility, timeout), dead_letter_queue="failed",
        max_receive_count=receives,
    )  # fmt: skip
    lab.create_function(
        "bill", timeout=timeout, duration=_run_s(timeout), reserved_concurrency=reserved
    )
    lab.create_event_source_mapping(queue, "bill", batch_size=1, maximum_concurrency=limit)
    queue.update(visibility_timeout=visibility)
    for number in range(pollers * _ROUNDS):
        queue.send({"order": number})
    lab.run()
    return lab


def _let_go(lab: Lab) -> int:
    """How many times a message came back, or became a dead letter, though no run of it had failed."""
    rows = lab.trace.queue_events
    mine = rows[(rows.queue == "orders") & rows.action.isin(["returned", "dead_lettered"])]
    return len(mine)


def _row(name: str, reserved: int, limit: int | None, lab: Lab) -> dict[str, Any]:
    rows = lab.trace.queue_events
    mine = rows[rows.queue == "orders"]
    return {
        "settings": name,
        "reserved": reserved,
        "maximum_concurrency": "none" if limit is None else str(limit),
        "messages": mine.event_id.nunique(),
        "came_back": int((mine.action == "returned").sum()),
        "dead_letters": int((mine.action == "dead_lettered").sum()),
    }

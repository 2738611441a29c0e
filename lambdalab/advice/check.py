"""``lab.check()``: every rule looks at the wiring, and tells only what a run of a small lab has shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.advice import api, bucket, idempotency, letters, payload, pollers, visibility
from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Checked
from lambdalab.errors import InvalidSetting
from lambdalab.progress import counted

if TYPE_CHECKING:
    from lambdalab.lab import Lab

Look = Callable[[Design], Iterator[Advice]]

LOOKS: tuple[Look, ...] = (
    api.timeouts,
    visibility.too_short,
    visibility.no_room_for_throttles,
    payload.too_large,
    letters.nowhere_to_fail,
    pollers.more_than_reserved,
    bucket.feeds_itself,
    idempotency.not_idempotent,
)
"""The rules, in the order in which they are told; those that lose work on a usual day come first."""


def check(
    lab: Lab, *, record_size: int | None = None, events: Mapping[Any, Any] | None = None
) -> Checked:
    """What is wrong with a lab's wiring, each with a counter-example that has just been run.

    Parameters
    ----------
    lab
        The lab. It is only looked at: nothing in it changes, and its clock stands still.
    record_size
        How large a record of a mapping's source is (bytes). Without it the sizes in the books count.
    events
        By function (or its name): an event to run its handler with, twice, in a copy of the lab.
        Without it the last event that the handler got counts.

    Raises :class:`~lambdalab.errors.InvalidSetting` for a size that cannot be, and
    :class:`~lambdalab.errors.UnknownName` for an event of a function that is not there.

    Example
    -------
    >>> from lambdalab import Lab
    >>> lab = Lab()
    >>> orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    >>> bill = lab.create_function("bill", duration=1, timeout=30)
    >>> mapping = lab.create_event_source_mapping(orders, bill)
    >>> lab.check().kinds
    ['visibility margin']
    """
    size = record_size
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise InvalidSetting("record_size", size, "a whole number of bytes, 1 or more")
    design = Design(lab, size, events)
    found = [advice for look in counted(LOOKS, "check", unit="rules") for advice in look(design)]
    return Checked.of(found, len(LOOKS), [*design.left_out, *dict.fromkeys(design.small.failed)])

"""A bucket's notifications: who hears of which events, and the way there.

Sources: s3ug/notification-how-to-filtering (what may overlap, and what not);
s3ug/EventNotifications; async.md 9 of the reference. How S3 tries again is undocumented: the rules
``s3_retry_*`` are a choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import InvalidArgument, InvalidSetting
from lambdalab.invocation.destinations import Destination
from lambdalab.kernel.clock import US
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import FunctionReceiver, PlaceReceiver, Receiver, Retries
from lambdalab.triggers.s3.events import SUBJECT, each_of

PRINCIPAL = "s3.amazonaws.com"
_DOUBLINGS = 40
_SOURCE = "botocore PutBucketNotificationConfiguration"


@dataclass(frozen=True, slots=True, repr=False)
class Notification:
    """Who hears of what, made by ``bucket.notify``.

    Attributes: ``name`` (AWS: its Id), ``bucket`` (its name), ``events``, ``prefix``, ``suffix``,
    ``destination``.
    """

    name: str
    bucket: str
    events: tuple[str, ...]
    prefix: str
    suffix: str
    destination: Destination

    def wants(self, event: str, key: str) -> bool:
        """Whether its target is told of this event of this key."""
        return (
            event in each_of(self.events)
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
        )

    def overlaps(self, other: Notification) -> bool:
        """Whether one event could be for both."""
        return (
            not each_of(self.events).isdisjoint(each_of(other.events))
            and _one_of_two(self.prefix, other.prefix, str.startswith)
            and _one_of_two(self.suffix, other.suffix, str.endswith)
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values."""
        return {
            "target": self.destination.name, "protocol": self.destination.service,
            "endpoint": self.destination.arn, "events": list(self.events), "prefix": self.prefix,
            "suffix": self.suffix,
        }  # fmt: skip

    def __repr__(self) -> str:
        keys = f"{self.prefix}*{self.suffix}"
        told = "" if keys == "*" else f" of {keys!r}"
        to = f"{self.bucket}->{self.destination.name}"
        return f"<notification {self.name} {to}: {', '.join(self.events)}{told}>"


def _one_of_two(one: str, other: str, within: Any) -> bool:
    return bool(within(one, other) or within(other, one))


def check_overlap(made: Notification, others: Iterable[Notification]) -> None:
    """Raise S3's error for a notification of events that another one has already."""
    for other in others:
        if not made.overlaps(other):
            continue
        hint = f" ({other!r} is there; bucket.remove_notification({other.name!r}) takes it away)"
        if made.prefix or made.suffix or other.prefix or other.suffix:
            raise InvalidArgument(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules "
                "if the prefixes are overlapping for the same event type.", hint,
            )  # fmt: skip
        raise InvalidArgument(
            "Configurations overlap. Configurations on the same bucket cannot share a common event "
            "type.", hint,
        )  # fmt: skip


def target_of(parts: Parts, target: object) -> Destination:
    """The function, queue or topic that a person wants to tell.

    Raises as finding destinations does.
    """
    found = parts.functions.destinations.resolve("target", target, "")
    if found is None or found.service not in ("lambda", "sqs", "sns"):
        shown = target if found is None else found.arn
        limit = "a function, a standard SQS queue or an SNS topic"
        raise InvalidSetting("target", shown, limit, _SOURCE)
    return found


def receiver_of(parts: Parts, target: Destination, bucket_arn: str) -> Receiver:
    """What hands notifications to a target."""
    if target.service == "lambda":
        return FunctionReceiver(parts, target, PRINCIPAL, bucket_arn)
    return PlaceReceiver(parts, target, SUBJECT if target.service == "sns" else "")


def retries(parts: Parts) -> Retries:
    """How S3 tries again: waits that double up to a longest one, for some hours."""

    def wait_us(tries: int) -> int | None:
        rules = parts.rules
        first: float = rules.s3_retry_wait_minimum * 2.0 ** min(tries - 1, _DOUBLINGS)
        longest: float = rules.s3_retry_wait_maximum
        return round(min(first, longest) * US)

    return Retries(wait_us, parts.us("s3_retry_age"))

"""A subscription: what one subscriber wants of a topic, and how it gets it."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterException, InvalidSetting
from lambdalab.invocation.destinations import Destination
from lambdalab.rules import Rules
from lambdalab.sources.shown import Shown
from lambdalab.triggers.parts import Parts, one_of
from lambdalab.triggers.sns.filters import ATTRIBUTES, SCOPES, FilterPolicy
from lambdalab.triggers.sns.messages import Message

if TYPE_CHECKING:
    from lambdalab.triggers.sns.topic import Topic

PRINCIPAL = "sns.amazonaws.com"
_ELSEWHERE = ("http://", "https://", "mailto:", "+")
_SOURCE = "botocore Subscribe"


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """What ``subscribe`` accepts beside the target, checked.

    ``filter_policy`` (None: every message), ``filter_policy_scope``: ``"MessageAttributes"`` or
    ``"MessageBody"``, ``raw_message_delivery``: a queue gets the message as it is, and
    ``dead_letter_queue``.
    """

    filter_policy: FilterPolicy | None = None
    filter_policy_scope: str = ATTRIBUTES
    raw_message_delivery: bool = False
    dead_letter_queue: Destination | None = None

    @classmethod
    def make(
        cls, parts: Parts, protocol: str, *, filter_policy: object = None,
        filter_policy_scope: str = ATTRIBUTES, raw_message_delivery: bool = False,
        dead_letter_queue: object = None,
    ) -> SubscriptionSettings:  # fmt: skip
        """Check what was given for a subscriber of this ``protocol`` ("lambda", "sqs")."""
        one_of("filter_policy_scope", filter_policy_scope, SCOPES, _SOURCE)
        if not isinstance(raw_message_delivery, bool):
            raise InvalidSetting(
                "raw_message_delivery", raw_message_delivery, "True or False", _SOURCE
            )
        if raw_message_delivery and protocol == "lambda":
            raise InvalidParameterException(
                "Attributes Reason: Delivery protocol [lambda] does not support raw message delivery."
            )
        rules: Rules = parts.rules
        policy = FilterPolicy.make(filter_policy, filter_policy_scope, rules)
        letters = parts.functions.letters.queue(dead_letter_queue)
        if letters is not None and letters.service != "sqs":
            limit = "an SQS queue, its name or ARN"
            raise InvalidSetting(
                "dead_letter_queue", letters.arn, limit, "snsdg/sns-dead-letter-queues"
            )
        return cls(policy, filter_policy_scope, raw_message_delivery, letters)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values."""
        policy, letters = self.filter_policy, self.dead_letter_queue
        return {
            "filter_policy": None if policy is None else policy.text,
            "filter_policy_scope": self.filter_policy_scope,
            "raw_message_delivery": self.raw_message_delivery,
            "dead_letter_queue": None if letters is None else letters.name,
        }


SETTINGS = tuple(SubscriptionSettings().as_dict())


def endpoint(parts: Parts, target: object) -> Destination:
    """The function or queue that a person wants to subscribe.

    Raises as finding destinations does, and :class:`~lambdalab.errors.InvalidSetting` for what SNS
    delivers to and no lab has: HTTP, e-mail, SMS and mobile endpoints.
    """
    limit = "a function or a standard SQS queue: {} not simulated"
    if isinstance(target, str) and (target.startswith(_ELSEWHERE) or "@" in target):
        told = limit.format("HTTP, e-mail, SMS and mobile endpoints are")
        raise InvalidSetting("target", target, told, _SOURCE)
    found = parts.functions.destinations.resolve("target", target, "")
    if found is None or found.service not in ("lambda", "sqs"):
        shown = target if found is None else found.arn
        raise InvalidSetting("target", shown, limit.format("other endpoints are"), _SOURCE)
    return found


def subscription_arn(topic_arn: str, seed: object, target_arn: str) -> str:
    """The ARN of a subscription: the topic's and a UUID, the same in every run of a lab."""
    h = hashlib.sha256(f"{seed}/subscription/{topic_arn}/{target_arn}".encode()).hexdigest()
    return f"{topic_arn}:{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:32]}"


class Subscription(Shown):
    """One subscriber of a topic, made by ``topic.subscribe``.

    Attributes: ``name`` ("orders->bill"), ``arn``, ``topic``, ``protocol`` ("lambda" or "sqs"),
    ``endpoint`` (the target's ARN), ``settings``.
    """

    def __init__(
        self, topic: Topic, target: Destination, arn: str, settings: SubscriptionSettings
    ) -> None:
        self.topic, self.destination, self.arn, self.settings = topic, target, arn, settings
        self.protocol, self.endpoint = target.service, target.arn
        self.name = f"{topic.name}->{target.name}"

    def wants(self, message: Message) -> bool:
        """Whether its filter policy lets a message pass."""
        policy = self.settings.filter_policy
        return policy is None or policy.admits(message.text, message.attributes)

    def update(self, **settings: Any) -> Subscription:
        """Change settings of ``subscribe`` (botocore SetSubscriptionAttributes); at once.

        On AWS a filter policy may take 15 minutes until it is in force everywhere.
        """
        return self.topic.change_subscription(self, settings)

    def unsubscribe(self) -> None:
        """End it. What is being tried again still is; doing it twice does nothing, as on AWS."""
        self.topic.drop_subscription(self)

    def __repr__(self) -> str:
        told = [f"{name}={value!r}" for name, value in self.settings.as_dict().items() if value]
        told = [each for each in told if each != f"filter_policy_scope={ATTRIBUTES!r}"]
        return (
            f"<subscription {self.name} ({self.protocol}){': ' if told else ''}{', '.join(told)}>"
        )

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"

"""A topic: who has subscribed to it, and what is published to it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from lambdalab.errors import InvalidParameterException, InvalidSetting, UnknownSetting
from lambdalab.invocation.destinations import Destination
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.recursion import Chain
from lambdalab.sources.checks import whole
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause, ParentKind
from lambdalab.triggers.parts import Parts, arn
from lambdalab.triggers.push import Arrivals, FunctionReceiver, Push, Receiver, Retries
from lambdalab.triggers.sns.delivery import QueueReceiver, dead_letters, wait_us
from lambdalab.triggers.sns.messages import (
    Attributes,
    Message,
    attributes_of,
    check_size,
    check_subject,
    size_of,
    text_of,
)
from lambdalab.triggers.sns.subscription import (
    PRINCIPAL,
    SETTINGS,
    Subscription,
    SubscriptionSettings,
    endpoint,
    subscription_arn,
)


class Topic(Shown):
    """A standard topic, made by ``lab.sns.create_topic``.

    Attributes: ``name``, ``arn``.

    Example
    -------
    >>> from lambdalab import Lab
    >>> lab = Lab()
    >>> bill = lab.create_function("bill", duration=0.1)
    >>> orders = lab.sns.create_topic("orders")
    >>> orders.subscribe(bill, filter_policy={"kind": ["new"]})
    <subscription orders->bill (lambda): filter_policy='{"kind": ["new"]}'>
    >>> orders.publish("an order", attributes={"kind": "new"})
    m1
    """

    drive_key = ""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name, self.arn, self._parts = name, arn("sns", name), parts
        self._subscriptions: dict[str, Subscription] = {}
        self._ways: dict[str, Push] = {}
        self._arrivals = Arrivals(parts, name, "topic")
        self._told()

    # ------------------------------------------------------------------ subscriptions

    def subscribe(
        self,
        target: object,
        *,
        filter_policy: object = None,
        filter_policy_scope: str = "MessageAttributes",
        raw_message_delivery: bool = False,
        dead_letter_queue: object = None,
        **unknown: object,
    ) -> Subscription:
        """Let a function or a queue hear of what is published; the function's policy allows it.

        Parameters
        ----------
        target
            A function or a standard SQS queue: itself, its name or ARN.
        filter_policy
            Which messages it wants, a dict or its JSON (:mod:`.filters`); every one by default.
        filter_policy_scope
            What the policy looks at: ``"MessageAttributes"`` or ``"MessageBody"``.
        raw_message_delivery
            A queue gets the message and its attributes, and no JSON around it.
        dead_letter_queue
            The SQS queue for what cannot be delivered; without one it is lost.

        Subscribing again with the same settings gives the subscription that is there, as on AWS, and
        allows the function to be called again, where that was taken away.

        Raises
        ------
        InvalidSetting, UnknownName, UnknownSetting
            For a target or a setting that cannot be.
        InvalidParameterException
            A filter policy that does not parse (it tells where); other settings than the subscription
            that is there has.
        """
        self._parts.origin()
        if unknown:
            raise UnknownSetting("subscribe", next(iter(unknown)), SETTINGS)
        found = endpoint(self._parts, target)
        settings = SubscriptionSettings.make(
            self._parts, found.service, filter_policy=filter_policy,
            filter_policy_scope=filter_policy_scope, raw_message_delivery=raw_message_delivery,
            dead_letter_queue=dead_letter_queue,
        )  # fmt: skip
        known = self._subscriptions.get(found.arn)
        if known is None:
            return self._subscribed(found, settings)
        if known.settings.as_dict() != settings.as_dict():
            raise InvalidParameterException(
                "Attributes Reason: Subscription already exists with different attributes",
                f" ({known!r}; change it with its update(...), or unsubscribe() first)",
            )
        self._grant(known)  # it may have been taken away, or the function made anew
        return known

    @property
    def subscriptions(self) -> list[Subscription]:
        """Who has subscribed, in that order."""
        return list(self._subscriptions.values())

    def change_subscription(
        self, subscription: Subscription, given: dict[str, Any]
    ) -> Subscription:
        """Change settings of a subscription that is there."""
        self._parts.origin()
        for name in given:
            if name not in SETTINGS:
                raise UnknownSetting("update", name, SETTINGS)
        if self._subscriptions.get(subscription.endpoint) is not subscription:
            raise InvalidParameterException("Subscription does not exist")
        merged = subscription.settings.as_dict() | given
        subscription.settings = SubscriptionSettings.make(
            self._parts, subscription.protocol, **merged
        )
        self._way(subscription)
        self._told()
        return subscription

    def drop_subscription(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._parts.origin()
        if self._subscriptions.get(subscription.endpoint) is subscription:
            del self._subscriptions[subscription.endpoint]
            self._told()

    def _subscribed(self, target: Destination, settings: SubscriptionSettings) -> Subscription:
        own = subscription_arn(self.arn, self._parts.ids.seed, target.arn)
        made = self._subscriptions[target.arn] = Subscription(self, target, own, settings)
        self._grant(made)
        self._way(made)
        self._told()
        return made

    def _grant(self, subscription: Subscription) -> None:
        """Let the topic call the function, as the console does when it is subscribed."""
        if subscription.protocol == "lambda":
            target = self._parts.target(subscription.destination.name)
            self._parts.grant(target, PRINCIPAL, self.arn, f"sns-{self.name}"[:90])

    def _way(self, subscription: Subscription) -> None:
        """The way to a subscriber, new or with the settings of now; it stays for one who comes back."""
        parts, target, settings = self._parts, subscription.destination, subscription.settings
        letters = None
        if settings.dead_letter_queue is not None:
            raw = settings.raw_message_delivery
            letters = dead_letters(parts, settings.dead_letter_queue, subscription.arn, raw)
        receiver: Receiver
        if subscription.protocol == "lambda":
            receiver = FunctionReceiver(parts, target, PRINCIPAL, self.arn)
        else:
            receiver = QueueReceiver(parts, target, settings.raw_message_delivery)
        way = self._ways.get(target.arn)
        if way is not None:
            way.receiver, way.dead_letters = receiver, letters
            return
        stream = f"sns/{subscription.name}/{subscription.protocol}"
        retries = Retries(lambda tries: wait_us(parts, tries, stream))
        kind = f"{subscription.protocol} subscription"
        self._ways[target.arn] = Push(parts, subscription.name, receiver, retries, letters, kind)

    # ------------------------------------------------------------------ publishing

    def publish(
        self,
        message: object,
        *,
        subject: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Message:
        """Publish a message to every subscriber that wants it.

        Parameters
        ----------
        message
            A text as it is; any other value is sent as JSON.
        subject
            One line of fewer than 100 ASCII characters.
        attributes
            Message attributes: name to a text, a number, bytes, a list (``String.Array``) or a pair
            (data type, value). Filter policies see them.

        Returns the message; people read ``m12``.

        Raises :class:`InvalidParameterException` for one that is empty, or larger than the rule
        ``sns_message_size`` with its attributes, and for a subject that cannot be;
        :class:`InvalidSetting` for attributes that cannot be. Then nothing has been published.
        """
        origin = self._parts.origin()
        text, given = self._checked(message, subject, attributes)
        check_size(size_of(text, given), self._parts.rules)
        return self._publish(text, subject, given, *_caller(origin), Cause.PUBLISHED)

    def publish_batch(self, messages: Iterable[object]) -> list[Message]:
        """Publish up to ten messages; together they must be within the size of one.

        Each is a message, or a dict of what :meth:`publish` takes (``{"message": ..., "subject":
        ...}``). Raises as :meth:`publish` does; then none has been published.
        """
        origin, rules = self._parts.origin(), self._parts.rules
        if not isinstance(messages, Iterable) or isinstance(messages, (str, bytes, Mapping)):
            raise InvalidSetting("messages", messages, "a list", "botocore PublishBatch")
        entries = [_entry(each) for each in messages]
        most = rules.sns_publish_batch
        whole("messages", len(entries), 1, most, "at a time", rules.source("sns_publish_batch"))
        ready = [
            (*self._checked(message, subject, attributes), subject)
            for message, subject, attributes in entries
        ]
        check_size(sum(size_of(text, given) for text, given, _ in ready), rules)
        request, chain = _caller(origin)
        return [
            self._publish(text, subject, given, request, chain, Cause.PUBLISHED)
            for text, given, subject in ready
        ]

    def check_arrival(self, body: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        check_size(size_of(text_of(body), {}), self._parts.rules)

    def arrive(self, body: object, number: int, key: object) -> None:
        """What ``lab.drive`` publishes."""
        self.publish(body)

    def deliver(
        self,
        text: str,
        attributes: Attributes,
        request: int,
        chain: Chain | None,
        cause: int,
        subject: str | None = None,
    ) -> str:
        """Publish what another service sends; ``""``, or why it was refused."""
        try:
            check_size(size_of(text, attributes), self._parts.rules)
        except InvalidParameterException as error:
            return error.message
        self._publish(text, subject, attributes, request, chain, cause)
        return ""

    def _checked(
        self, message: object, subject: object, attributes: Mapping[str, Any] | None
    ) -> tuple[str, Attributes]:
        text = text_of(message)
        check_subject(subject, self._parts.rules)
        return text, attributes_of(attributes)

    def _publish(
        self, text: str, subject: str | None, attributes: Attributes, request: int,
        chain: Chain | None, cause: int,
    ) -> Message:  # fmt: skip
        parts = self._parts
        number = parts.new_number()
        message = Message(
            number, parts.ids.message(number), self.arn, text, subject, attributes, parts.iso
        )
        subscriptions = self.subscriptions
        wanted = [each.wants(message) for each in subscriptions]
        self._arrivals.arrive(number, wanted=any(wanted), request=request, cause=cause)
        for subscription, wants in zip(subscriptions, wanted, strict=True):
            way = self._ways[subscription.endpoint]
            if wants:
                way.send(
                    number, _body(message, subscription), request=request, chain=chain,
                    delay_us=parts.us("sns_delivery_latency"), extra=message,
                )  # fmt: skip
            else:
                way.filtered(number, request)
        return message

    # ------------------------------------------------------------------ wiring

    def begin(self) -> None:
        """Begin a run: nothing on its way."""
        self._arrivals.begin()
        for way in self._ways.values():
            way.begin()
        self._told()

    def _told(self) -> None:
        """Tell the books what is wired."""
        told = {
            each.name if each.protocol == "lambda" else f"{each.name} ({each.protocol})": {
                "protocol": each.protocol, "endpoint": each.endpoint,
                "target": each.destination.name, **each.settings.as_dict(),
            }
            for each in self.subscriptions
        }  # fmt: skip
        self._parts.books.wired("topic", self.name, {"arn": self.arn, "subscriptions": told})

    def __repr__(self) -> str:
        number = len(self._subscriptions)
        names = ", ".join(each.destination.name for each in self.subscriptions)
        told = f"{number} subscription{'' if number == 1 else 's'}"
        return f"<topic {self.name}: {told}{f' ({names})' if names else ''}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def _caller(origin: Origin) -> tuple[int, Chain | None]:
    """The invocation whose handler publishes (0: nobody's), and the chain that led here."""
    request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
    return request, origin.chain


def _body(message: Message, subscription: Subscription) -> bytes:
    if subscription.protocol == "lambda":
        return message.event(subscription.arn)
    if subscription.settings.raw_message_delivery:
        return message.text.encode()
    return message.envelope(subscription.arn)


def _entry(given: object) -> tuple[object, Any, Any]:
    """Message, subject and attributes of an entry of a batch."""
    known = ("message", "subject", "attributes")
    if isinstance(given, dict) and {"Id", "Message"} <= set(given):
        raise UnknownSetting("publish_batch", "Message", known)
    if not isinstance(given, dict) or "message" not in given:
        return given, None, None
    for name in given:
        if name not in known:
            raise UnknownSetting("publish_batch", str(name), known)
    return given["message"], given.get("subject"), given.get("attributes")

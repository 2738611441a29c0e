"""SNS: the topics of the lab's account (``lab.sns``), and topics as destinations."""

from __future__ import annotations

import re
from collections.abc import Iterable

import orjson

from lambdalab.errors import InvalidParameterException, InvalidSetting
from lambdalab.invocation.destinations import Destination, Envelope
from lambdalab.sources.directory import Directory
from lambdalab.trace.schema import Cause
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.sns.messages import size_of
from lambdalab.triggers.sns.topic import Topic

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_FIFO = ".fifo"


class Sns(Directory[Topic]):
    """The topics of one account, found by name: ``lab.sns["orders"]``. Parameters: the lab's parts."""

    service, noun = "sns", "topic"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        parts.on_reset(self._begin)
        parts.functions.destinations.add(SnsTarget(self, parts))

    def create_topic(self, name: str) -> Topic:
        """Create a standard topic; or get that of the name (AWS: CreateTopic is idempotent).

        Parameters: ``name``: letters, digits, ``-`` and ``_``; at most 256.

        Raises :class:`InvalidSetting` for a FIFO topic, which cannot call functions and is not
        simulated, and :class:`InvalidParameterException` for another name that cannot be.
        """
        self._parts.origin()
        rules = self._parts.rules
        if isinstance(name, str) and name.endswith(_FIFO):
            limit = "a standard topic: FIFO topics deliver to no function, and are not simulated"
            raise InvalidSetting("name", name, limit, "snsdg/sns-fifo-topics")
        if not isinstance(name, str) or not _NAME.match(name) or len(name) > rules.sns_name_length:
            raise InvalidParameterException(
                "Topic Name",
                f" ({name!r}: letters, digits, - and _, {rules.describe('sns_name_length')})",
            )
        known = self._found.get(name)
        if known is None:
            known = self._found[name] = Topic(name, self._parts)
        return known

    def delete_topic(self, topic: str | Topic) -> None:
        """Delete a topic and its subscriptions; what is on its way still is delivered.

        One that does not exist is no error, as on AWS.
        """
        self._parts.origin()
        name = topic if isinstance(topic, str) else topic.name
        known = self._found.pop(name, None) if topic in self else None
        if known is not None:
            for subscription in known.subscriptions:
                subscription.unsubscribe()

    def _begin(self) -> None:
        for topic in self._found.values():
            topic.begin()


class SnsTarget:
    """The topics of a lab, as far as they take invocation records, dead letters and notifications.

    Source: async.md 5 and 6 of the reference. A record that is too large goes without its payloads, or
    not at all (the rule ``sns_record_drops_payloads``: AWS's sources disagree).
    """

    service, noun = "sns", "topic"

    def __init__(self, sns: Sns, parts: Parts) -> None:
        self._sns, self._parts = sns, parts

    def names(self) -> Iterable[str]:
        """The topics there are."""
        return self._sns

    def find(self, given: object) -> Destination | None:
        """A topic by name, or as such."""
        if given not in self._sns:
            return None
        name = given if isinstance(given, str) else given.name  # type: ignore[attr-defined]
        return Destination(self.service, name, self._sns[name].arn)

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Publish it."""
        if destination.name not in self._sns:
            return "Topic does not exist"
        text, rules = record.decode(), self._parts.rules
        too_large = size_of(text, envelope.attributes) > rules.sns_message_size
        if too_large and envelope.cause == Cause.DESTINATION and rules.sns_record_drops_payloads:
            text = _without_payloads(record)
        return self._sns[destination.name].deliver(
            text, envelope.attributes, envelope.request, envelope.chain, envelope.cause,
            envelope.subject or None,
        )  # fmt: skip


def _without_payloads(record: bytes) -> str:
    """An invocation record without the event and the answer."""
    document = orjson.loads(record)
    for name in ("requestPayload", "responsePayload"):
        document.pop(name, None)
    return orjson.dumps(document).decode()

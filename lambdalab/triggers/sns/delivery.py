"""The way from a topic to a subscriber: who takes messages, when SNS tries again, its dead letters.

An AWS-managed endpoint that cannot be reached is tried again in four phases: at once, after a second
each, with waits that grow, then every 20 seconds, 100,015 times in all over 23 days. Only what the server
is to blame for is tried again (5xx and 429); what the client did (no permission, no such function) is not.
Sources: snsdg/sns-message-delivery-retries, snsdg/sns-dead-letter-queues; async.md 9 of the reference.
"""

from __future__ import annotations

from lambdalab.invocation.destinations import Destination, Envelope
from lambdalab.kernel.clock import US
from lambdalab.trace.schema import Cause
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Event, Letters, Taken, handed_on
from lambdalab.triggers.sns.messages import Message


def wait_us(parts: Parts, tries: int, stream: str) -> int | None:
    """The wait after so many tries, in microseconds; None when there are no more.

    ``stream`` names the stream of chance that jitters it.
    """
    rules = parts.rules
    least, most = rules.sns_retry_wait_minimum, rules.sns_retry_wait_maximum
    place = tries - rules.sns_immediate_tries
    seconds: float
    if place < 0:
        return 0
    place -= rules.sns_tries_before_backoff
    if place < 0:
        seconds = least
    elif place < rules.sns_backoff_tries:
        steps = max(rules.sns_backoff_tries - 1, 1)
        seconds = least * (most / least) ** (place / steps) if least else most
    elif place < rules.sns_backoff_tries + rules.sns_tries_after_backoff:
        seconds = most
    else:
        return None
    low, high = rules.sns_retry_jitter
    drawn: float = low + (high - low) * parts.streams.stream(stream).uniform()
    return round(seconds * drawn * US)


class QueueReceiver:
    """An SQS queue that gets the envelope, or the message as it is with its attributes (``raw``).

    Parameters: the lab's ``parts``, the ``destination``, ``raw``.
    """

    def __init__(self, parts: Parts, destination: Destination, raw: bool) -> None:
        self._parts, self._destination, self._raw = parts, destination, raw
        self.name, self.arn = destination.name, destination.arn

    def take(self, event: Event, source: int) -> Taken:
        """Put it there. A raw message with too many attributes is a client's error."""
        message: Message = event.extra
        attributes = message.attributes if self._raw else {}
        if len(attributes) > self._parts.rules.sns_raw_attributes:
            told = "The message has more attributes than a raw message can bring to a queue"
            return Taken(400, 0, Cause.TARGET_FAILED, message=told)
        envelope = Envelope(
            event.request, source, event.chain, "", cause=Cause.PUBLISHED, attributes=attributes
        )
        told = handed_on(self._parts, self._destination, event.number, event.body, envelope)
        if told:
            return Taken(400, 0, Cause.TARGET_FAILED, message=told)
        return Taken(200, 0, Cause.DELIVERED)


def dead_letters(parts: Parts, queue: Destination, subscription_arn: str, raw: bool) -> Letters:
    """A subscription's dead-letter queue: the message as a queue would have got it.

    Its attributes say why in the words of a function's dead letters (RequestID, ErrorCode,
    ErrorMessage: our choice, SNS's guide names none); a raw message keeps its own beside them.
    """

    def take(event: Event, taken: Taken, cause: int) -> str:
        message: Message = event.extra
        text = taken.message or "Delivery failed"
        told: dict[str, tuple[str, str | bytes]] = {
            "RequestID": ("String", parts.ids.message(event.number)),
            "ErrorCode": ("Number", str(taken.status_code)),
            "ErrorMessage": ("String", text),
        }
        body = message.text.encode() if raw else message.envelope(subscription_arn)
        attributes = {**message.attributes, **told} if raw else told
        envelope = Envelope(
            event.request, 0, event.chain, "", cause=Cause.DEAD_LETTER, attributes=attributes
        )
        return handed_on(parts, queue, event.number, body, envelope)

    return take

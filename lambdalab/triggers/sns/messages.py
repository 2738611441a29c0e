"""Messages: what is checked of one when it is published, and what each kind of subscriber gets.

Sources: metrics-and-shapes.md 3 of the reference (dg-old/with-sns); botocore Publish;
snsdg/sns-message-attributes, sns-message-and-json-formats, sns-large-payload-raw-message-delivery.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lambdalab.errors import InvalidParameterException, InvalidSetting
from lambdalab.functions.context import REGION
from lambdalab.functions.outcome import encode_text
from lambdalab.rules import Rules
from lambdalab.trace.ids import short

Attributes = Mapping[str, tuple[str, str | bytes]]
"""Message attributes as they are kept: name to (data type, value)."""

_DATA_TYPE = re.compile(r"(String(\.Array)?|Number|Binary)(\.[^\ud800-\udfff]+)?\Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")
_NAME_LENGTH = 256
_SOURCE = "snsdg/sns-message-attributes"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A published message. People read ``m12``; ``message_id`` is its public id.

    Attributes: ``number``, ``message_id``, ``topic_arn``, ``text``, ``subject`` (None: without),
    ``attributes`` and ``timestamp`` (ISO).
    """

    number: int
    message_id: str
    topic_arn: str
    text: str
    subject: str | None
    attributes: Attributes
    timestamp: str

    def __repr__(self) -> str:
        return short("message", self.number)

    def _signature(self) -> str:
        """What stands for the signature: it is of the right form, and verifies nothing."""
        return base64.b64encode(hashlib.sha256(self.message_id.encode()).digest() * 8).decode()

    def _attributes(self) -> dict[str, dict[str, str]]:
        return {
            name: {
                "Type": data_type,
                "Value": value if isinstance(value, str) else base64.b64encode(value).decode(),
            }
            for name, (data_type, value) in self.attributes.items()
        }

    def event(self, subscription_arn: str) -> bytes:
        """The event that a function gets: one record."""
        certificate, leave = _urls(subscription_arn)
        notification = {
            "Type": "Notification", "MessageId": self.message_id, "TopicArn": self.topic_arn,
            "Subject": self.subject, "Message": self.text, "Timestamp": self.timestamp,
            "SignatureVersion": "1", "Signature": self._signature(),
            "SigningCertUrl": certificate, "UnsubscribeUrl": leave,
            "MessageAttributes": self._attributes(),
        }  # fmt: skip
        record = {
            "EventSource": "aws:sns", "EventVersion": "1.0",
            "EventSubscriptionArn": subscription_arn, "Sns": notification,
        }  # fmt: skip
        return orjson.dumps({"Records": [record]})

    def envelope(self, subscription_arn: str) -> bytes:
        """The JSON that a queue gets, unless it asked for the message as it is."""
        certificate, leave = _urls(subscription_arn)
        subject = {} if self.subject is None else {"Subject": self.subject}
        attributes = {"MessageAttributes": self._attributes()} if self.attributes else {}
        return orjson.dumps({
            "Type": "Notification", "MessageId": self.message_id, "TopicArn": self.topic_arn,
            **subject, "Message": self.text, "Timestamp": self.timestamp,
            "SignatureVersion": "1", "Signature": self._signature(),
            "SigningCertURL": certificate, "UnsubscribeURL": leave, **attributes,
        })  # fmt: skip


def _urls(subscription_arn: str) -> tuple[str, str]:
    """Where the certificate would be, and where the subscription could be ended; nothing listens there."""
    host = f"https://sns.{REGION}.amazonaws.com"
    certificate = f"{host}/SimpleNotificationService-00000000000000000000000000000000.pem"
    return certificate, f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"


# ---- checking what is published -------------------------------------------------------------


def text_of(message: object) -> str:
    """A message's text: a text as it is, anything else as JSON.

    Raises :class:`~lambdalab.errors.InvalidParameterException` for the empty text,
    :class:`~lambdalab.errors.InvalidSetting` for what is no text and no JSON.
    """
    try:
        text = message if isinstance(message, str) else encode_text(message)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        limit = f"a text, or a value that JSON can express: {error}"
        shown = ascii(message) if isinstance(message, str) else message
        raise InvalidSetting("message", shown, limit) from None
    if not text:
        raise InvalidParameterException("Empty message")
    return text


def check_subject(subject: object, rules: Rules) -> None:
    """ASCII text of one line, beginning with a letter, a digit or punctuation (botocore Publish)."""
    if subject is None:
        return
    if (
        not isinstance(subject, str)
        or not subject
        or not (subject.isascii() and subject.isprintable())
        or subject[0] == " "
        or len(subject) >= rules.sns_subject_length
    ):
        raise InvalidParameterException(
            "Subject",
            f" ({subject!r}: one line of ASCII text, fewer than {rules.sns_subject_length} "
            f"characters; {rules.source('sns_subject_length')})",
        )


def attributes_of(given: Mapping[str, Any] | None) -> Attributes:
    """Message attributes as they are kept.

    A value is a text, a number, bytes, a list (a ``String.Array``), or a pair (data type, value).

    >>> attributes_of({"kind": "a", "price": 1.5, "tags": ["x", 1]})
    {'kind': ('String', 'a'), 'price': ('Number', '1.5'), 'tags': ('String.Array', '["x",1]')}
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidSetting("attributes", given, "a mapping of names to values", _SOURCE)
    return {name: _attribute(name, value) for name, value in given.items()}


def _attribute(name: object, value: object) -> tuple[str, str | bytes]:
    good = isinstance(name, str) and _NAME.match(name) and len(name) <= _NAME_LENGTH
    if not good or str(name).lower().startswith(("aws.", "amazon.")):
        limit = "named by letters, digits, _, - and ., not beginning with AWS. or Amazon."
        raise InvalidSetting("attributes", name, limit, _SOURCE)
    pair = value if isinstance(value, tuple) and len(value) == 2 else (_data_type(value), value)
    data_type, content = pair
    if isinstance(content, list):
        try:
            content = orjson.dumps(content).decode()
        except TypeError as error:
            limit = f"a list of texts, numbers, true, false and null: {error}"
            raise InvalidSetting(f"attributes[{name!r}]", value, limit, _SOURCE) from None
    elif isinstance(content, (int, float)) and not isinstance(content, bool):
        content = str(content)
    known = isinstance(data_type, str) and _DATA_TYPE.match(data_type) is not None
    kind = bytes if known and data_type.startswith("Binary") else str
    if not known or not isinstance(content, kind) or not content:
        limit = "a text, a number, bytes, a list, or a pair (data type, value); not empty"
        raise InvalidSetting(f"attributes[{name!r}]", value, limit, _SOURCE)
    if data_type.startswith("Number") and not _NUMBER.match(str(content)):
        raise InvalidSetting(f"attributes[{name!r}]", value, "digits", _SOURCE)
    if isinstance(content, str) and not content.isascii():
        try:
            content.encode()
        except UnicodeEncodeError as error:
            limit = f"text with a UTF-8 form: {error}"
            raise InvalidSetting(f"attributes[{name!r}]", ascii(value), limit, _SOURCE) from None
    return data_type, content


def _data_type(value: object) -> str:
    if isinstance(value, bytes):
        return "Binary"
    if isinstance(value, list):
        return "String.Array"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "Number" if number else "String"


def size_of(text: str, attributes: Attributes) -> int:
    """Bytes that count for SNS's limit: the text, and name, type and value of each attribute."""
    size = len(text.encode())
    for name, (data_type, value) in attributes.items():
        size += len(name.encode()) + len(data_type.encode())
        size += len(value.encode() if isinstance(value, str) else value)
    return size


def check_size(size: int, rules: Rules) -> None:
    """Raise AWS's error for a message, or a batch of them, that is too large."""
    if size > rules.sns_message_size:
        raise InvalidParameterException(
            "Message too long", f" ({size:,} bytes; {rules.describe('sns_message_size')})"
        )

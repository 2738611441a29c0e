"""The settings of an SQS queue: frozen, and checked against the rules when they are made."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole

FIFO = ".fifo"
"""What the name of a FIFO queue ends with."""

SCOPES = ("queue", "messageGroup")

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.fifo)?\Z")


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What ``create_queue`` and ``queue.update`` accept; seconds, as AWS has them.

    ``dead_letter_queue`` is the name of a queue; ``max_receive_count`` goes with it.
    """

    visibility_timeout: int
    delay: int
    retention: int
    dead_letter_queue: str | None
    max_receive_count: int | None

    @classmethod
    def make(cls, rules: Rules, verb: str, **settings: Any) -> QueueSettings:
        """Settings by keyword, defaults from the rules (for None too), everything checked.

        Raises :class:`UnknownSetting` for a keyword no setting has (with a suggestion) and
        :class:`InvalidSetting` for a value out of range.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise UnknownSetting(
                    verb, name, [*known, *(["fifo"] if verb == "create_queue" else [])]
                )
        given = {name: value for name, value in settings.items() if value is not None}
        made = cls(**(cls._defaults(rules, given) | given))
        made._check(rules)
        return made

    @classmethod
    def _defaults(cls, rules: Rules, given: dict[str, Any]) -> dict[str, Any]:
        letters = given.get("dead_letter_queue")
        return {
            "visibility_timeout": rules.sqs_visibility_default,
            "delay": 0,
            "retention": rules.sqs_retention_default,
            "dead_letter_queue": None,
            "max_receive_count": rules.sqs_max_receive_count_default if letters else None,
        }

    def changed(self, rules: Rules, verb: str, **settings: Any) -> QueueSettings:
        """These settings with some replaced, checked again; None sets one back to its default."""
        merged = self.as_dict() | settings
        if not merged["dead_letter_queue"] and "max_receive_count" not in settings:
            merged["max_receive_count"] = None
        return self.make(rules, verb, **merged)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)

    def _check(self, rules: Rules) -> None:
        _seconds("visibility_timeout", self.visibility_timeout, 0, "sqs_visibility_maximum", rules)
        _seconds("delay", self.delay, 0, "sqs_delay_maximum", rules)
        least = rules.sqs_retention_minimum
        _seconds("retention", self.retention, least, "sqs_retention_maximum", rules)
        if self.max_receive_count is None:
            return
        if self.dead_letter_queue is None:
            raise InvalidSetting(
                "max_receive_count", self.max_receive_count,
                "given together with dead_letter_queue: without one, messages are received until "
                "their retention is over", rules.source("sqs_max_receive_count_default"),
            )  # fmt: skip
        most = rules.sqs_max_receive_count_maximum
        whole(
            "max_receive_count", self.max_receive_count, 1, most, "receives",
            rules.source("sqs_max_receive_count_maximum"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FifoSettings(QueueSettings):
    """What ``create_queue`` and ``queue.update`` accept for a FIFO queue, beside the rest.

    ``deduplication_scope`` is ``queue`` or ``messageGroup`` (botocore SetQueueAttributes): whether a
    deduplication id that comes again is the same everywhere in the queue, or within a group only.
    """

    content_based_deduplication: bool
    deduplication_scope: str
    fifo: bool

    @classmethod
    def _defaults(cls, rules: Rules, given: dict[str, Any]) -> dict[str, Any]:
        own = {
            "content_based_deduplication": False,
            "deduplication_scope": SCOPES[0],
            "fifo": True,
        }
        # not super(): the class that @dataclass(slots=True) returns is another one
        return QueueSettings._defaults(rules, given) | own

    def _check(self, rules: Rules) -> None:
        QueueSettings._check(self, rules)
        source = "botocore SetQueueAttributes"
        if not isinstance(self.content_based_deduplication, bool):
            setting, value = "content_based_deduplication", self.content_based_deduplication
            raise InvalidSetting(setting, value, "True or False", source)
        if self.deduplication_scope not in SCOPES:
            limit = "'queue' or 'messageGroup'"
            raise InvalidSetting("deduplication_scope", self.deduplication_scope, limit, source)
        if self.fifo is not True:
            raise InvalidSetting(
                "fifo", self.fifo, "True, as it was made: no queue changes its kind", source
            )


def check_name(name: object, rules: Rules) -> str:
    """The name of a queue, or :class:`InvalidSetting`."""
    most, source = rules.sqs_name_length, rules.source("sqs_name_length")
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > most:
        limit = f"1 to {most} letters, digits, - or _; a FIFO queue's ends with {FIFO}"
        raise InvalidSetting("name", name, limit, source)
    return name


def is_fifo(name: str, fifo: object, rules: Rules) -> bool:
    """Whether a queue of this name is a FIFO queue; ``fifo`` may be None, or says the same.

    Raises :class:`InvalidSetting` where the two do not go together.
    """
    if fifo is None or fifo is name.endswith(FIFO):
        return name.endswith(FIFO)
    limit = f"True where the name ends with {FIFO} and only there; it is {name!r}"
    raise InvalidSetting("fifo", fifo, limit, rules.source("sqs_name_length"))


def check_delay(delay: object, rules: Rules) -> int:
    """The delay of one message in seconds, or :class:`InvalidSetting`."""
    return _seconds("delay", delay, 0, "sqs_delay_maximum", rules)


def check_visibility(timeout: object, rules: Rules) -> int:
    """A visibility timeout in seconds, or :class:`InvalidSetting`."""
    return _seconds("visibility_timeout", timeout, 0, "sqs_visibility_maximum", rules)


def _seconds(setting: str, value: object, low: int, high: str, rules: Rules) -> int:
    return whole(setting, value, low, getattr(rules, high), "s", rules.source(high))

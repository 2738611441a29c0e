"""AWS IoT Core: rules that hand the messages of devices to functions, asynchronously.

A message is published to a topic, "greenhouse/10/moisture". Each rule whose topic filter matches invokes
its function, with the message itself as the event; what the function makes of it is no concern of IoT any
more. How often IoT tries when Lambda does not accept an event is not documented (rules ``push_tries`` and
``push_wait``). Sources: dg/services-iot, iot/lambda-rule-action, iot/topics, iot/iot-sql-from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting, ServiceError
from lambdalab.functions.target import Target
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import ParentKind
from lambdalab.triggers.parts import Parts, arn
from lambdalab.triggers.push import Arrivals, FunctionReceiver, Push
from lambdalab.triggers.thin import ThinService, as_json, checked_text, few_tries

PRINCIPAL = "iot.amazonaws.com"
SQL = re.compile(r"\s*SELECT\s+\*\s+FROM\s+'([^']+)'\s*", re.IGNORECASE)


class ResourceAlreadyExistsException(ServiceError):
    """There is a rule of that name already."""

    status_code = 409


class TopicRule(Shown):
    """A rule: messages on topics that match its filter go to its function.

    Attributes: ``name``, ``arn``, ``sql``, ``topic_filter``, ``function`` (its name).
    """

    def __init__(self, parts: Parts, name: str, sql: str, target: Target) -> None:
        self.name, self.sql = name, sql
        self.arn = arn("iot", f"rule/{name}")
        self.topic_filter = topic_filter_of(sql)
        self._parts, self._pattern = parts, pattern_of(self.topic_filter)
        parts.grant(target, PRINCIPAL, self.arn, f"iot-{name}"[:90])
        receiver = FunctionReceiver(parts, target, PRINCIPAL, self.arn)
        self.function = receiver.name
        self._push = Push(parts, f"{name}->{receiver.name}", receiver, few_tries(parts))
        self._tell()

    def begin(self) -> None:
        """A run begins: nothing is on its way."""
        self._push.begin()
        self._tell()

    def _tell(self) -> None:
        settings = {"sql": self.sql, "function": self.function}
        self._parts.books.wired("topic rule", self.name, settings)

    def matches(self, topic: str) -> bool:
        """Whether a message on this topic is for it."""
        return self._pattern.fullmatch(topic) is not None

    def hand_on(self, number: int, body: bytes, request: int) -> None:
        """Invoke the function with the message; ``request``: the handler that published it, or 0."""
        self._push.send(number, body, request=request)

    def __repr__(self) -> str:
        return f"<topic rule {self.name}: {self.topic_filter} -> {self.function}>"


class Iot(ThinService[TopicRule]):
    """The rules of a lab, and the broker that its devices publish to."""

    service: ClassVar[str] = "iot"
    noun: ClassVar[str] = "topic rule"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._arrivals = Arrivals(parts, "messages", "iot")
        parts.on_reset(self._arrivals.begin)

    def create_topic_rule(self, name: str, sql: str, function: Any) -> TopicRule:
        """Have a function invoked for messages, and allow IoT to do so (botocore CreateTopicRule).

        Parameters
        ----------
        name
            Letters, digits and ``_``, 128 at most.
        sql
            ``"SELECT * FROM 'greenhouse/+/moisture'"``; in the filter ``+`` stands for one level of a
            topic and ``#``, at its end, for all that follow. Other queries are not simulated.
        function
            The function, or its name.

        With a name that there is: that rule, if everything is the same, else
        :class:`ResourceAlreadyExistsException`.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> water = lab.create_function("water", duration=1)
        >>> lab.iot.create_topic_rule("dry", "SELECT * FROM 'greenhouse/+/moisture'", water)
        <topic rule dry: greenhouse/+/moisture -> water>
        >>> lab.iot.publish("greenhouse/10/moisture", {"row": "10", "moisture": "75"})
        1
        """
        self._parts.origin()
        checked_text("name", name, 128, "botocore CreateTopicRule", "[a-zA-Z0-9_]+")
        topic_filter_of(sql)
        target = self._parts.target(function)
        known = self._found.get(name)
        if known is None:
            self._found[name] = TopicRule(self._parts, name, sql, target)
        elif (known.sql, known.function) != (sql, target.name):
            raise ResourceAlreadyExistsException(
                f"Rule {name} already exists", f"; lab.iot.delete_topic_rule({name!r}) removes it"
            )
        return self._found[name]

    def delete_topic_rule(self, name: str) -> None:
        """Delete a rule; what is on its way arrives. Nothing happens where there is none."""
        self._parts.origin()
        self._found.pop(name, None)

    def publish(self, topic: str, message: Mapping[str, Any]) -> int:
        """What a device does: publish a message, JSON; returns how many rules it is for.

        Raises :class:`~lambdalab.errors.InvalidSetting` for a topic or a message that is too long, and
        for a topic that begins with ``$``, which are IoT's own.
        """
        origin, rules = self._parts.origin(), self._parts.rules
        checked_text("topic", topic, rules.iot_topic_size, "iot/topics", r"[^$#+][^#+]*")
        if not isinstance(message, Mapping):
            raise InvalidSetting("message", message, "a JSON object", "iot/topicdata")
        body = as_json("message", dict(message))
        if len(body) > rules.iot_message_size:
            limit = f"at most {rules.iot_message_size:,} bytes, not {len(body):,}"
            raise InvalidSetting("message", f"{body[:20]!r}...", limit, "iot/topicdata")
        request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
        number = self._parts.new_number()
        wanted = [rule for rule in self._found.values() if rule.matches(topic)]
        self._arrivals.arrive(number, wanted=bool(wanted), request=request)
        for rule in wanted:
            rule.hand_on(number, body, request)
        return len(wanted)


def topic_filter_of(sql: str) -> str:
    """The topic filter of a rule's query; :class:`~lambdalab.errors.InvalidSetting` for other queries.

    >>> topic_filter_of("SELECT * FROM 'greenhouse/#'")
    'greenhouse/#'
    """
    found = SQL.fullmatch(sql) if isinstance(sql, str) else None
    if found is None:
        limit = "SELECT * FROM '<topic filter>'; no other query is simulated"
        raise InvalidSetting("sql", sql, limit, "iot/iot-sql-from")
    levels = found[1].split("/")
    if any("#" in level for level in levels[:-1]) or not all(map(_is_level, levels)):
        limit = "+ is one whole level of a topic filter, # its whole last one"
        raise InvalidSetting("sql", sql, limit, "iot/topics")
    return found[1]


def _is_level(level: str) -> bool:
    return level in ("+", "#") or not set("+#") & set(level)


def pattern_of(topic_filter: str) -> re.Pattern[str]:
    """A topic filter as a regular expression.

    >>> bool(pattern_of("a/+").fullmatch("a/b")), bool(pattern_of("a/+").fullmatch("a/b/c"))
    (True, False)
    """
    wild = {"+": "[^/]*", "#": ".*"}
    levels = topic_filter.split("/")
    return re.compile("/".join(wild.get(level) or re.escape(level) for level in levels), re.DOTALL)

"""An event bus: it takes events, and hands each on to the targets of the rules that match it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import (
    InvalidSetting,
    LimitExceededException,
    ResourceNotFoundException,
    UnknownSetting,
    ValidationException,
)
from lambdalab.sources.directory import Directory
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause, ParentKind
from lambdalab.triggers.eventbridge.entries import (
    Entry,
    PutResult,
    PutResults,
    check,
    read_entries,
)
from lambdalab.triggers.eventbridge.patterns import read_pattern
from lambdalab.triggers.eventbridge.rule import ENABLED, Rule, RuleSettings, check_name
from lambdalab.triggers.parts import ACCOUNT, REGION, arn
from lambdalab.triggers.push import Arrivals
from lambdalab.triggers.schedule_expressions import Expression, parse

if TYPE_CHECKING:
    from lambdalab.triggers.eventbridge.service import EventBridge

DEFAULT = "default"
_PUT_EVENT = ("source", "detail_type", "detail", "resources", "time")
_EVENT_KEYS = {"Source", "DetailType", "Detail", "source", "detail_type", "detail-type", "detail"}


class BusRules(Directory[Rule]):
    """The rules of one bus, by name: ``bus.rules["big"]``."""

    service, noun = "rules", "rule"

    def put(self, rule: Rule) -> Rule:
        """One rule more."""
        self._found[rule.name] = rule
        return rule

    def drop(self, rule: Rule) -> bool:
        """One rule less; whether it was there."""
        return rule in self and self._found.pop(rule.name) is rule

    def matching(self, document: dict[str, Any]) -> list[Rule]:
        """The rules that match an event and tell somebody of it."""
        return [rule for rule in self._found.values() if rule.targets and rule.matches(document)]

    def begin(self) -> None:
        """Begin a run."""
        for rule in self._found.values():
            rule.begin()


class EventBus(Shown):
    """An event bus, made by ``lab.eventbridge.create_event_bus``; ``lab.eventbridge["default"]`` is there.

    Attributes: ``name``, ``arn``, ``description``, ``rules`` by name.

    Example
    -------
    >>> from lambdalab import Lab
    >>> lab = Lab()
    >>> bill, bus = lab.create_function("bill", duration=1), lab.eventbridge.create_event_bus("shop")
    >>> bus.put_rule("paid", event_pattern={"source": ["shop"]}).put_target(bill)
    <target bill: 'bill'>
    >>> bus.put_event(source="shop", detail_type="paid", detail={"order": 1})
    m1
    >>> bus.put_events([{"Source": "shop", "DetailType": "paid", "Detail": '{"order": 1}'}, {}])
    [m2, <InvalidArgument: Parameter Source is not valid. Reason: Source is a required argument.>]
    """

    def __init__(self, service: EventBridge, name: str, description: str = "") -> None:
        self.name, self.description = name, description
        self.arn = arn("events", f"event-bus/{name}")
        self.is_default = name == DEFAULT
        self.implied = self.is_default
        """Whether nobody has used it yet: the default bus of a lab without EventBridge."""
        self.deleted = False
        self.service, self.parts = service, service.parts
        self.rules = BusRules()
        self._arrivals: Arrivals | None = None
        self._forwarded: set[int] = set()
        if not self.is_default:
            self.note()

    # ------------------------------------------------------------------ events

    def put_events(self, entries: Any) -> PutResults:
        """Put up to ten events on the bus, together at most 256 KB (1 MB by rules from 2026-01-29).

        Parameters
        ----------
        entries
            A list of mappings with ``Source``, ``DetailType``, ``Detail`` (a JSON object, as text or as
            a dict), ``Resources`` and ``Time``; ``source``, ``detail_type`` ... do as well.

        Returns what became of each: an ``event_id``, or an ``error_code`` and ``error_message``. As on
        AWS nothing is raised for an entry that fails.

        Raises
        ------
        ValidationException
            For too many, or too large ones together: none has been put.
        InvalidSetting
            For parts of the wrong kind, likewise.
        """
        request = self._caller()
        return PutResults(
            [self._put(entry, request) for entry in read_entries(entries, self.parts.rules)]
        )

    def put_event(
        self,
        *,
        source: str,
        detail_type: str,
        detail: Any,
        resources: Any = (),
        time: Any = None,
        **unknown: object,
    ) -> PutResult:
        """Put one event on the bus; as :meth:`put_events` with one entry.

        Parameters
        ----------
        source, detail_type
            Who tells, and what it is about: "com.example.shop", "Order paid". Sources that begin with
            ``aws.`` are AWS's own.
        detail
            A JSON object, as a dict or as text.
        resources
            ARNs of what it is about.
        time
            When it happened: a datetime, or an ISO text; now by default.
        """
        for name in unknown:
            raise UnknownSetting("put_event", name, _PUT_EVENT)
        entry = {
            "source": source, "detail_type": detail_type, "detail": detail, "resources": resources,
            "time": time,
        }  # fmt: skip
        return self.put_events([entry])[0]

    def receive(
        self,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: tuple[str, ...] = (),
        *,
        request: int = 0,
        cause: int = Cause.PUBLISHED,
    ) -> PutResult:
        """Take an event of an AWS service: S3's "Object Created", a record of Lambda's.

        Parameters: as of :meth:`put_event`; ``request``, the invocation whose handler led to it (0:
        none), and why it comes.
        """
        number = self.parts.new_number()
        document = self.document(number, source, detail_type, detail, resources, self.time())
        self._publish(number, document, request, (), cause)
        return PutResult(document["id"], number=number)

    def forward(self, number: int, event: bytes, request: int, path: tuple[str, ...]) -> None:
        """Take an event of another bus, as it is.

        It keeps its number, unless it has been here before: then it gets a new one, for in one queue
        of the books an event is sent once.
        """
        if self.name in path or number in self._forwarded:
            number = self.parts.new_number()
        self._forwarded.add(number)
        self._publish(number, json.loads(event), request, path, Cause.PUBLISHED)

    def _put(self, entry: Entry, request: int) -> PutResult:
        detail, failed = check(entry)
        if failed is not None:
            return failed
        number = self.parts.new_number()
        document = self.document(
            number, entry.source, entry.detail_type, detail, entry.resources,
            entry.time or self.time(),
        )  # fmt: skip
        self._publish(number, document, request, (), Cause.PUBLISHED)
        return PutResult(document["id"], number=number)

    def _publish(
        self,
        number: int,
        document: dict[str, Any],
        request: int,
        path: tuple[str, ...],
        cause: int,
    ) -> None:
        """Match an event, and hand it on to the targets of every rule that wants it."""
        matching = self.rules.matching(document)
        if self._arrivals is None:
            self._arrivals = Arrivals(self.parts, self.name, "bus")
            self.note()
        self._arrivals.arrive(number, wanted=bool(matching), request=request, cause=cause)
        delay_us = max(self.parts.us("eventbridge_latency"), 1)  # so that loops take time
        for rule in matching:
            rule.hand_on(
                number, document, request=request, path=(*path, self.name), delay_us=delay_us
            )

    def document(
        self,
        number: int,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: tuple[str, ...],
        time: str,
    ) -> dict[str, Any]:
        """An event, its members in AWS's order (metrics-and-shapes.md 3 of the reference)."""
        return {
            "version": "0", "id": self.parts.ids.message(number), "detail-type": detail_type,
            "source": source, "account": ACCOUNT, "time": time, "region": REGION,
            "resources": list(resources), "detail": detail,
        }  # fmt: skip

    def time(self, at: int | None = None) -> str:
        """A time of the lab (microseconds since its start; now by default) as events have it."""
        moment = self.parts.clock.iso(self.parts.now if at is None else at)
        return f"{moment.partition('.')[0]}Z"

    def _caller(self) -> int:
        """The invocation whose handler calls; 0 for a caller outside."""
        origin = self.parts.origin()
        if self.deleted:
            raise ResourceNotFoundException(f"Event bus {self.name} does not exist.")
        return origin.parent if origin.parent_kind == ParentKind.REQUEST else 0

    # ------------------------------------------------------------------ traffic

    drive_key = ""

    def check_arrival(self, body: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        [entry] = read_entries([_driven(body)], self.parts.rules)
        _, failed = check(entry)
        if failed is not None:
            raise InvalidSetting("payload", body, f"an event: {failed.error_message}")

    def arrive(self, body: object, number: int, key: object) -> None:
        """What ``lab.drive`` puts: an entry, or any value as the detail of one."""
        [result] = self.put_events([_driven(body)])
        if not result.good:
            raise InvalidSetting("payload", body, f"an event: {result.error_message}")

    # ------------------------------------------------------------------ rules

    def put_rule(
        self,
        name: str,
        *,
        event_pattern: Any = None,
        schedule_expression: str | None = None,
        state: str = ENABLED,
        description: str = "",
        **unknown: object,
    ) -> Rule:
        """Make a rule, or replace what one of that name matches; its targets stay.

        Parameters
        ----------
        name
            Letters, digits, ``.``, ``-`` and ``_``; at most 64.
        event_pattern
            Which events it wants: a dict or its JSON text, such as ``{"source": ["shop"]}``.
        schedule_expression
            When it fires: ``rate(5 minutes)`` or ``cron(0 9 ? * MON *)``, in UTC; on the default bus.
        state
            ``"ENABLED"``, or ``"DISABLED"``.
        description
            At most 512 characters.

        Raises
        ------
        InvalidEventPatternException
            For a pattern that does not parse, with the place and what was expected.
        ValidationException, InvalidSetting, LimitExceededException
            For everything else that AWS refuses; nothing has been changed.
        """
        self._caller()
        for setting in unknown:
            known = ("event_pattern", "schedule_expression", "state", "description")
            raise UnknownSetting("put_rule", setting, known)
        rules = self.parts.rules
        check_name("name", name, "eventbridge_rule_name_length", rules)
        longest = rules.eventbridge_description_length
        if not isinstance(description, str) or len(description) > longest:
            source = rules.source("eventbridge_description_length")
            limit = f"a text of at most {longest} characters"
            raise InvalidSetting("description", description, limit, source)
        pattern = None if event_pattern is None else read_pattern(event_pattern, rules, name)
        settings = RuleSettings(pattern, self._schedule(schedule_expression), state, description)
        if name in self.rules:
            self.rules[name].change(settings)
            return self.rules[name]
        most = rules.eventbridge_rules
        if len(self.rules) >= most:
            raise LimitExceededException(
                "The requested resource exceeds the maximum number allowed.",
                f" (a bus has at most {most} rules; {rules.source('eventbridge_rules')})",
            )
        return self.rules.put(Rule(self, name, settings))

    def _schedule(self, text: str | None) -> Expression | None:
        if text is None:
            return None
        if not self.is_default:
            raise ValidationException(
                "ScheduleExpression is supported only on the default event bus.",
                " (lab.eventbridge['default'])",
            )
        return parse(text, kinds=("rate", "cron"))

    def test_event_pattern(self, event_pattern: Any, event: Any) -> bool:
        """Whether an event (a dict, or its JSON text) would match a pattern."""
        return self.service.test_event_pattern(event_pattern, event)

    def delete(self) -> None:
        """Take the bus away.

        Raises :class:`ValidationException` for the default bus, and while there are rules.
        """
        self.service.delete_event_bus(self)

    # ------------------------------------------------------------------ runs

    def begin(self) -> None:
        """Begin a run: nothing on its way, schedules from their beginning."""
        self._arrivals = None
        self._forwarded.clear()
        if not self.implied:
            self.note()
        self.rules.begin()

    def note(self) -> None:
        """Tell the books that the bus is there and used."""
        self.implied = False
        settings = {"arn": self.arn, "description": self.description}
        self.parts.books.wired("bus", self.name, settings)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), "rules"} - {"deleted", "receive", "time"})

    def __repr__(self) -> str:
        number = len(self.rules)
        return f"<bus {self.name}: {number or 'no'} rule{'s' * (number != 1)}>"

    def _repr_html_(self) -> str:
        lines = [repr(self), *(f"  {self.rules[name]!r}" for name in self.rules)]
        return f"<pre>{html.escape(chr(10).join(lines))}</pre>"


def _driven(body: object) -> dict[str, Any]:
    """What traffic puts, as an entry: one already where it names a detail, else the detail of one."""
    defaults = {"source": "lambdalab", "detail_type": "drive"}
    if isinstance(body, dict) and set(body) & {"Detail", "detail"}:
        named = {
            "source" if key == "Source" else "detail_type" if key in ("DetailType", "detail-type")
            else key: value
            for key, value in body.items()
        }  # fmt: skip
        return defaults | named
    return {**defaults, "detail": body if isinstance(body, dict) else {"value": body}}

"""EventBridge: the event buses of the lab's account (``lab.eventbridge``)."""

from __future__ import annotations

import json
from typing import Any

from lambdalab.errors import (
    InvalidSetting,
    LimitExceededException,
    ResourceAlreadyExistsException,
    UnknownName,
    UnknownSetting,
    ValidationException,
)
from lambdalab.sources.directory import Directory
from lambdalab.triggers.eventbridge.bus import DEFAULT, EventBus
from lambdalab.triggers.eventbridge.patterns import read_pattern
from lambdalab.triggers.eventbridge.rule import check_name
from lambdalab.triggers.eventbridge.target import BusTarget
from lambdalab.triggers.eventbridge.targets import RuleTarget
from lambdalab.triggers.parts import Parts

_NOT_SIMULATED = {
    "create_archive": "archives and replays",
    "start_replay": "archives and replays",
    "create_endpoint": "region replicas (global endpoints)",
    "create_pipe": "pipes",
    "create_api_destination": "API destinations",
    "create_connection": "API destinations",
    "create_partner_event_source": "partner event sources",
    "put_permission": "events from other accounts",
}


class EventBridge(Directory[EventBus]):
    """The event buses of one account, found by name: ``lab.eventbridge["default"]``.

    Parameters: the lab's ``parts``.
    """

    service, noun = "eventbridge", "event bus"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.parts = parts
        self.ways: dict[str, RuleTarget] = {}
        """Every target of this run by its way, also of rules that are gone: events may be under way."""
        self._found[DEFAULT] = EventBus(self, DEFAULT)
        parts.functions.destinations.add(BusTarget(self))
        parts.on_reset(self._begin)

    def create_event_bus(self, name: str, *, description: str = "", **unknown: object) -> EventBus:
        """Create an event bus of one's own.

        Parameters
        ----------
        name
            Letters, digits, ``.``, ``-`` and ``_``; at most 256.
        description
            A text of at most 512 characters.

        Raises
        ------
        ResourceAlreadyExistsException
            There is one of that name.
        InvalidSetting, UnknownSetting, LimitExceededException
            Before anything has been made.
        """
        self.parts.origin()
        for setting in unknown:
            raise UnknownSetting("create_event_bus", setting, ["description"])
        rules = self.parts.rules
        check_name("name", name, "eventbridge_bus_name_length", rules)
        longest = rules.eventbridge_description_length
        if not isinstance(description, str) or len(description) > longest:
            limit = f"a text of at most {longest} characters"
            raise InvalidSetting("description", description, limit, "botocore CreateEventBus")
        if name in self:
            raise ResourceAlreadyExistsException(
                f"Event bus {name} already exists.",
                f"; it is lab.eventbridge[{name!r}]: lab.reset() empties it and keeps its rules",
            )
        if len(self) >= rules.eventbridge_buses:
            raise LimitExceededException(
                "The requested resource exceeds the maximum number allowed.",
                f" (at most {rules.eventbridge_buses} buses; {rules.source('eventbridge_buses')})",
            )
        bus = self._found[name] = EventBus(self, name, description)
        return bus

    def delete_event_bus(self, bus: EventBus | str) -> None:
        """Take a bus away.

        Raises :class:`ValidationException` for the default bus, and while there are rules.
        """
        self.parts.origin()
        found = self[bus] if isinstance(bus, str) else self.bus_of(bus)
        if found is None:
            raise UnknownName("event bus in this lab", getattr(bus, "name", bus), self._found)
        if found.is_default:
            raise ValidationException("Cannot delete event bus default.")
        if len(found.rules):
            raise ValidationException(
                f"Event bus {found.name} can't be deleted since it has rules.",
                f" ({', '.join(found.rules)}; rule.delete() takes one away)",
            )
        found.deleted = True
        del self._found[found.name]
        self.parts.books.wired("bus", found.name, {"state": "DELETED"})

    def test_event_pattern(self, event_pattern: Any, event: Any) -> bool:
        """Whether an event (a dict, or its JSON text) would match a pattern.

        Raises :class:`InvalidEventPatternException` for a pattern that does not parse.

        >>> from lambdalab import Lab
        >>> test = Lab().eventbridge.test_event_pattern
        >>> test({"detail": {"state": [{"prefix": "run"}]}}, {"detail": {"state": "running"}})
        True
        """
        self.parts.origin()
        pattern = read_pattern(event_pattern, self.parts.rules)
        if isinstance(event, str):
            try:
                event = json.loads(event)
            except (ValueError, RecursionError) as error:
                limit = f"an event, as a dict or as JSON text: {error}"
                raise InvalidSetting("event", event, limit, "botocore TestEventPattern") from None
        if not isinstance(event, dict):
            limit = "an event, as a dict or as JSON text"
            raise InvalidSetting("event", event, limit, "botocore TestEventPattern")
        return pattern.matches(event)

    def bus_of(self, given: object) -> EventBus | None:
        """The bus that a handle, a name or an ARN stands for; None where it is none of this lab."""
        if isinstance(given, str):
            return self._found.get(given.rpartition("event-bus/")[2])
        return given if isinstance(given, EventBus) and given in self else None

    def _begin(self) -> None:
        self.ways.clear()
        for bus in self._found.values():
            bus.begin()

    def __getattr__(self, name: str) -> Any:
        what = _NOT_SIMULATED.get(name)
        told = f"{what} are not simulated" if what else f"lab.eventbridge has no {name!r}"
        if not name.startswith("_") and hasattr(EventBus, name):
            told += f": a bus has it, as in lab.eventbridge['default'].{name}(...)"
        raise AttributeError(told, name=name, obj=self)

"""The event invoke configuration: what becomes of a function's asynchronous events that fail or succeed.

One per qualifier (``$LATEST``, a version, an alias); an event is treated by that of the qualifier it was
invoked with, and by the defaults where there is none. Source: async.md 2 of the reference, that is
botocore PutFunctionEventInvokeConfig and recordings of the service.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.functions.settings import FunctionSettings
from lambdalab.invocation.destinations import Destination, Destinations
from lambdalab.rules import Rules

_USUAL = Rules.as_of()


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """How asynchronous events are retried, and where records of them go.

    ``maximum_retry_attempts`` after errors (0 to 2), ``maximum_event_age`` in seconds (60 to 21,600),
    ``on_success`` and ``on_failure``: the destinations, or None.
    """

    maximum_retry_attempts: int = _USUAL.maximum_retry_attempts
    maximum_event_age: int = _USUAL.event_age_maximum
    on_success: Destination | None = None
    on_failure: Destination | None = None

    @classmethod
    def make(
        cls,
        rules: Rules,
        maximum_retry_attempts: int | None = None,
        maximum_event_age: int | None = None,
        on_success: Destination | None = None,
        on_failure: Destination | None = None,
    ) -> EventInvokeConfig:
        """A configuration with the rules' defaults for what is None.

        Raises :class:`InvalidSetting` for a number out of range.
        """
        most = rules.maximum_retry_attempts
        retries = most if maximum_retry_attempts is None else maximum_retry_attempts
        _check("maximum_retry_attempts", retries, 0, most, "", rules)
        longest = rules.event_age_maximum
        age = longest if maximum_event_age is None else maximum_event_age
        _check("maximum_event_age", age, rules.event_age_minimum, longest, " s", rules)
        return cls(retries, age, on_success, on_failure)

    @classmethod
    def put(
        cls,
        rules: Rules,
        destinations: Destinations,
        function_name: str,
        maximum_retry_attempts: int | None = None,
        maximum_event_age: int | None = None,
        on_success: object = None,
        on_failure: object = None,
    ) -> EventInvokeConfig:
        """The configuration that ``put_function_event_invoke_config`` makes: it replaces all of the old.

        Raises :class:`InvalidParameterValueException` where nothing is given, and what
        :meth:`make` and :meth:`Destinations.resolve` raise.
        """
        given = (maximum_retry_attempts, maximum_event_age, on_success, on_failure)
        if all(value is None for value in given):
            raise InvalidParameterValueException(
                "You must specify at least one of error handling or destination setting."
            )
        success = destinations.resolve("on_success", on_success, function_name)
        failure = destinations.resolve("on_failure", on_failure, function_name)
        return cls.make(rules, maximum_retry_attempts, maximum_event_age, success, failure)

    @classmethod
    def of(cls, settings: FunctionSettings) -> EventInvokeConfig:
        """What a function's own settings say: the configuration of ``$LATEST``."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    def settings(self) -> dict[str, Any]:
        """The settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, destinations as ARNs: what the books keep."""
        return {name: getattr(value, "arn", value) for name, value in self.settings().items()}


def _check(setting: str, value: object, low: int, high: int, unit: str, rules: Rules) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        rule = "event_age_maximum" if setting == "maximum_event_age" else setting
        limit = f"a whole number of {low:,} to {high:,}{unit}"
        raise InvalidSetting(setting, value, limit, rules.source(rule))

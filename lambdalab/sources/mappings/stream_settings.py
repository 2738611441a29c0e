"""The settings of a mapping of a stream: frozen, and checked against the rules when they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lambdalab.errors import InvalidParameterValueException, InvalidSetting, UnknownSetting
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole

REPORT = "ReportBatchItemFailures"
POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
FOREVER = -1
"""``maximum_retry_attempts`` and ``maximum_record_age``: no limit of the mapping's."""

_FIXED = ("starting_position", "starting_position_timestamp")


@dataclass(frozen=True, slots=True)
class StreamMappingSettings:
    """What a mapping of a stream accepts; seconds, as AWS has them.

    ``starting_position_timestamp`` goes with ``AT_TIMESTAMP``. ``on_failure`` names the SQS queue that
    is told of records given up.
    """

    starting_position: str
    batch_size: int
    starting_position_timestamp: Any = None
    maximum_batching_window: int = 0
    parallelization_factor: int = 1
    maximum_retry_attempts: int = FOREVER
    maximum_record_age: int = FOREVER
    bisect_batch_on_function_error: bool = False
    function_response_types: tuple[str, ...] = ()
    on_failure: str | None = None
    enabled: bool = True

    @classmethod
    def make(cls, rules: Rules, verb: str, **settings: Any) -> StreamMappingSettings:
        """Settings by keyword, defaults from the rules (for None too), everything checked.

        Raises :class:`UnknownSetting`, :class:`InvalidSetting` and, for what AWS refuses in its own
        words, :class:`InvalidParameterValueException`.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise UnknownSetting(verb, name, known)
        given = {name: value for name, value in settings.items() if value is not None}
        if "starting_position" not in given:
            raise InvalidParameterValueException(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
                "constraint: Member must not be null.",
                f"; a stream's mapping needs starting_position, one of {', '.join(POSITIONS)}",
            )
        given["function_response_types"] = _response_types(given.get("function_response_types", ()))
        made = cls(**({"batch_size": rules.stream_batch_size_default} | given))
        made._check(rules)
        return made

    def changed(self, rules: Rules, **settings: Any) -> StreamMappingSettings:
        """These settings with some replaced, checked again; where it starts cannot be changed."""
        for name in _FIXED:
            if name in settings:
                raise InvalidSetting(
                    name, settings[name], "chosen when the mapping is made: it has begun",
                    "botocore UpdateEventSourceMapping",
                )  # fmt: skip
        return self.make(rules, "update", **(self.as_dict() | settings))

    @property
    def reports_failures(self) -> bool:
        """Whether the function's answer may name the first record that failed."""
        return REPORT in self.function_response_types

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _check(self, rules: Rules) -> None:
        source = "botocore CreateEventSourceMapping"
        position, at = self.starting_position, self.starting_position_timestamp
        if position not in POSITIONS:
            limit = f"one of {', '.join(POSITIONS)}"
            raise InvalidSetting("starting_position", position, limit, source)
        if (at is not None) != (position == "AT_TIMESTAMP"):
            limit = "given with starting_position='AT_TIMESTAMP', and only with it"
            raise InvalidSetting("starting_position_timestamp", at, limit, source)
        for name, low, high, unit in (
            ("batch_size", 1, "mapping_batch_size_maximum", "records"),
            ("maximum_batching_window", 0, "mapping_window_maximum", "s"),
            ("parallelization_factor", 1, "stream_parallelization_maximum", "lanes"),
            ("maximum_retry_attempts", FOREVER, "stream_retries_maximum", "retries"),
        ):
            whole(name, getattr(self, name), low, getattr(rules, high), unit, rules.source(high))
        for name in ("bisect_batch_on_function_error", "enabled"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidSetting(name, getattr(self, name), "True or False")
        self._check_age(rules)

    def _check_age(self, rules: Rules) -> None:
        age = self.maximum_record_age
        low, high = rules.stream_record_age_minimum, rules.stream_record_age_maximum
        good = isinstance(age, int) and not isinstance(age, bool)
        if not good or not (age == FOREVER or low <= age <= high):
            limit = f"-1 (no limit), or a whole number of {low:,} to {high:,} s"
            source = rules.source("stream_record_age_maximum")
            raise InvalidSetting("maximum_record_age", age, limit, source)


def _response_types(value: object) -> tuple[str, ...]:
    """``()`` or ``("ReportBatchItemFailures",)``, given as a tuple or a list."""
    if isinstance(value, (list, tuple)) and tuple(value) in ((), (REPORT,)):
        return tuple(value)
    raise InvalidSetting(
        "function_response_types", value, f'() or ("{REPORT}",)', "botocore FunctionResponseTypes"
    )

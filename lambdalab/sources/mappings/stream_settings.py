"""The settings of a mapping of a stream: frozen, and checked against the rules when they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    UnknownSetting,
    ValidationException,
)
from lambdalab.invocation.destinations import Destination
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.sources.filters.criteria import FilterCriteria
from lambdalab.sources.streams.source import StreamSource

REPORT = "ReportBatchItemFailures"
FOREVER = -1
"""``maximum_retry_attempts`` and ``maximum_record_age``: no limit of the mapping's."""

_SOURCE = "botocore CreateEventSourceMapping"
_POSITIONS = ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON")
_FIXED = ("starting_position", "starting_position_timestamp")
_OF_QUEUES = ("maximum_concurrency", "provisioned_poller_config", "scaling_config")
_TOLD = ("sqs", "sns", "s3")
"""What an on-failure destination of a stream can be, by the service's name in an ARN."""


@dataclass(frozen=True, slots=True)
class StreamMappingSettings:
    """What a mapping of a stream accepts; seconds, as AWS has them.

    Attributes
    ----------
    starting_position
        ``TRIM_HORIZON``, ``LATEST``, or (Kinesis) ``AT_TIMESTAMP`` with ``starting_position_timestamp``:
        seconds since the lab's start, or a date. It must be given.
    batch_size
        Most records of a batch: 1 to 10,000, 100 by default.
    maximum_batching_window
        Seconds for which a batch gathers records: 0 (default) to 300.
    parallelization_factor
        Batches of a shard at a time, by partition key: 1 (default) to 10.
    maximum_retry_attempts
        How often a failed batch is tried again: 0 to 10,000; -1, the default, without limit.
    maximum_record_age
        Seconds after which a record is given up: 60 to 604,800; -1, the default, never.
    bisect_batch_on_function_error
        Whether a failed batch is cut in two.
    tumbling_window
        Seconds of a window whose state goes from invocation to invocation: 0 (default: none) to 900.
    function_response_types
        ``("ReportBatchItemFailures",)``: the function's answer names the first that failed.
    filter_criteria
        ``{"Filters": [{"Pattern": ...}]}``: the function gets only what one of the patterns matches.
    on_failure
        The queue that gets a record of what was given up.
    enabled
        Whether it reads the stream.
    """

    starting_position: str
    batch_size: int
    starting_position_timestamp: Any = None
    maximum_batching_window: int = 0
    parallelization_factor: int = 1
    maximum_retry_attempts: int = FOREVER
    maximum_record_age: int = FOREVER
    bisect_batch_on_function_error: bool = False
    tumbling_window: int = 0
    function_response_types: tuple[str, ...] = ()
    filter_criteria: FilterCriteria | None = None
    on_failure: Destination | None = None
    enabled: bool = True

    @classmethod
    def make(
        cls, rules: Rules, verb: str, source: StreamSource, /, **settings: Any
    ) -> StreamMappingSettings:
        """Settings by keyword, defaults from the rules (for None too), everything checked.

        Raises :class:`UnknownSetting`, :class:`InvalidSetting` and, for what AWS refuses in its own
        words, :class:`InvalidParameterValueException`.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            _refuse(name, settings[name])
            if name not in known:
                raise UnknownSetting(verb, name, known)
        given = {name: value for name, value in settings.items() if value is not None}
        if "starting_position" not in given:
            raise InvalidParameterValueException(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
                "constraint: Member must not be null.",
                f"; a stream's mapping needs starting_position, one of {', '.join(source.positions)}",
            )
        given["function_response_types"] = _response_types(given.get("function_response_types", ()))
        if "filter_criteria" in given:
            given["filter_criteria"] = FilterCriteria.make(
                given["filter_criteria"], rules, source.filters
            )
        made = cls(**({"batch_size": rules.stream_batch_size_default} | given))
        made._check(rules, source)
        return made

    def changed(
        self, rules: Rules, source: StreamSource, /, **settings: Any
    ) -> StreamMappingSettings:
        """These settings with some replaced, checked again; where it starts cannot be changed."""
        for name in _FIXED:
            if name in settings:
                raise InvalidSetting(
                    name, settings[name], "chosen when the mapping is made: it has begun",
                    "botocore UpdateEventSourceMapping",
                )  # fmt: skip
        before = {field.name: getattr(self, field.name) for field in fields(self)}
        return self.make(rules, "update", source, **(before | settings))

    @property
    def reports_failures(self) -> bool:
        """Whether the function's answer may name the first record that failed."""
        return REPORT in self.function_response_types

    def as_dict(self) -> dict[str, Any]:
        """The settings by name; a destination by its ARN."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return told | {"on_failure": self.on_failure.arn if self.on_failure else None}

    def _check(self, rules: Rules, source: StreamSource) -> None:
        self._check_start(source)
        for name, low, high, unit in (
            ("batch_size", 1, "mapping_batch_size_maximum", "records"),
            ("maximum_batching_window", 0, "mapping_window_maximum", "s"),
            ("parallelization_factor", 1, "stream_parallelization_maximum", "lanes"),
            ("maximum_retry_attempts", FOREVER, "stream_retries_maximum", "retries"),
            ("tumbling_window", 0, "stream_tumbling_maximum", "s"),
        ):
            whole(name, getattr(self, name), low, getattr(rules, high), unit, rules.source(high))
        for name in ("bisect_batch_on_function_error", "enabled"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidSetting(name, getattr(self, name), "True or False")
        self._check_age(rules)
        if self.tumbling_window and self.parallelization_factor > 1:
            limit = "1 with a tumbling window: its state belongs to a whole shard"
            raise InvalidSetting(
                "parallelization_factor", self.parallelization_factor, limit, _LANES
            )

    def _check_start(self, source: StreamSource) -> None:
        """In AWS's words, where they are recorded (LS:test_event_source_mapping_exceptions)."""
        position, at = self.starting_position, self.starting_position_timestamp
        known = (
            f"; starting_position is one of {', '.join(source.positions)} for {source.filters.name}"
        )
        if position not in _POSITIONS:
            raise ValidationException(
                f"1 validation error detected: Value '{position}' at 'startingPosition' failed to satisfy "
                f"constraint: Member must satisfy enum value set: [{', '.join(_POSITIONS)}]",
                known,
            )
        if position not in source.positions:
            raise InvalidParameterValueException(
                f"Unsupported starting position for arn type: {source.arn}", known
            )
        if at is not None and position != "AT_TIMESTAMP":
            raise InvalidParameterValueException(
                "Timestamp only valid with StartingPosition AT_TIMESTAMP",
                f" (starting_position_timestamp={at!r}, starting_position={position!r})",
            )
        if at is None and position == "AT_TIMESTAMP":
            limit = "given with starting_position='AT_TIMESTAMP'"
            raise InvalidSetting("starting_position_timestamp", at, limit, _SOURCE)

    def _check_age(self, rules: Rules) -> None:
        age = self.maximum_record_age
        low, high = rules.stream_record_age_minimum, rules.stream_record_age_maximum
        good = isinstance(age, int) and not isinstance(age, bool)
        if not good or not (age == FOREVER or low <= age <= high):
            limit = f"-1 (no limit), or a whole number of {low:,} to {high:,} s"
            source = rules.source("stream_record_age_maximum")
            raise InvalidSetting("maximum_record_age", age, limit, source)


_LANES = (
    "dg/services-kinesis-windows speaks of one state a shard; AWS's words for it are not recorded"
)


def _refuse(name: str, value: object) -> None:
    """What other sources or services have, and a stream's mapping does not."""
    if name == "on_success":
        limit = "left out: a stream's mapping knows on_failure alone"
        raise InvalidSetting(name, value, limit, "botocore DestinationConfig")
    if name in _OF_QUEUES:
        limit = "left out: it is for mappings of SQS queues; a stream has its shards and "
        raise InvalidSetting(name, value, f"{limit}parallelization_factor", _SOURCE)


def check_destination(found: Destination | None) -> Destination | None:
    """Where failure records can go: AWS takes queues, topics and buckets, but no functions."""
    if found is not None and found.service not in _TOLD:
        limit = "an SQS queue, an SNS topic or an S3 bucket, no function"
        raise InvalidSetting("on_failure", found.arn, limit, "dg/kinesis-on-failure-destination")
    if found is not None and found.arn.endswith(".fifo"):
        limit = "standard, no FIFO queue or topic: AWS delivers to none"
        raise InvalidSetting("on_failure", found.arn, limit, "dg/kinesis-on-failure-destination")
    return found


def _response_types(value: object) -> tuple[str, ...]:
    """``()`` or ``("ReportBatchItemFailures",)``, given as a tuple or a list."""
    if isinstance(value, (list, tuple)) and tuple(value) in ((), (REPORT,)):
        return tuple(value)
    raise InvalidSetting(
        "function_response_types", value, f'() or ("{REPORT}",)', "botocore FunctionResponseTypes"
    )

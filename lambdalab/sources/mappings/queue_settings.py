"""The settings of an event source mapping: frozen, and checked against the rules when they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lambdalab.errors import InvalidParameterValueException, InvalidSetting, UnknownSetting
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.sources.filters.criteria import SQS, FilterCriteria
from lambdalab.sources.mappings.provisioned_pollers import SETTING, PollerConfig

REPORT = "ReportBatchItemFailures"
CREATE, UPDATE = "create_event_source_mapping", "update"


_SOURCE = "botocore CreateEventSourceMapping"
_OF_STREAMS = (
    "parallelization_factor",
    "maximum_retry_attempts", "maximum_record_age", "bisect_batch_on_function_error",
    "tumbling_window",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """What ``create_event_source_mapping`` and ``mapping.update`` accept, for an SQS queue.

    ``maximum_batching_window`` is in seconds. ``function_response_types`` is empty or
    ``("ReportBatchItemFailures",)``. ``filter_criteria``, parsed, is None where there is no filter.
    ``maximum_concurrency`` is the most batches at a time, None for as many as there may be pollers;
    ``provisioned_poller_config`` (given as a mapping with ``minimum_pollers`` and ``maximum_pollers``)
    is None where pollers come and go by demand.
    """

    batch_size: int
    maximum_batching_window: int = 0
    function_response_types: tuple[str, ...] = ()
    filter_criteria: FilterCriteria | None = None
    maximum_concurrency: int | None = None
    provisioned_poller_config: PollerConfig | None = None
    enabled: bool = True

    @classmethod
    def make(cls, rules: Rules, verb: str, /, **settings: Any) -> MappingSettings:
        """Settings by keyword, defaults from the rules (for None too), everything checked.

        Raises :class:`UnknownSetting` for a keyword no setting has (with a suggestion),
        :class:`InvalidSetting` for a value out of range, and
        :class:`InvalidParameterValueException` for values that do not go together, and for a filter
        that does not parse.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name in ("on_failure", "on_success"):
                raise InvalidParameterValueException(
                    "Unsupported DestinationConfig parameter for given event source mapping type.",
                    f" ({name}; what a queue's messages come to is its own dead-letter queue's to know)",
                )
            if name.startswith("starting_position"):
                raise InvalidParameterValueException(
                    "StartingPosition is not valid for SQS event sources.",
                    f" ({name}: a queue has no positions)",
                )
            if name in _OF_STREAMS:
                limit = (
                    "left out: it is for mappings of streams; a queue has its own settings for that"
                )
                raise InvalidSetting(name, settings[name], limit, _SOURCE)
            if name not in known:
                raise UnknownSetting(verb, name, known)
        given = {name: value for name, value in settings.items() if value is not None}
        given["function_response_types"] = _response_types(given.get("function_response_types", ()))
        if "filter_criteria" in given:
            given["filter_criteria"] = FilterCriteria.make(given["filter_criteria"], rules, SQS)
        if SETTING in given:
            given[SETTING] = PollerConfig.make(given[SETTING], rules)
        made = cls(**({"batch_size": rules.mapping_batch_size_default} | given))
        made._check(rules)
        return made

    def changed(self, rules: Rules, /, **settings: Any) -> MappingSettings:
        """These settings with some replaced, checked again; None sets one back to its default."""
        return self.make(rules, UPDATE, **(self.as_dict() | settings))

    @property
    def reports_failures(self) -> bool:
        """Whether the function's answer may name the records that failed."""
        return REPORT in self.function_response_types

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        provisioned = self.provisioned_poller_config
        told[SETTING] = None if provisioned is None else provisioned.as_dict()
        return told

    def _check(self, rules: Rules) -> None:
        whole(
            "batch_size", self.batch_size, 1, rules.mapping_batch_size_maximum, "records",
            rules.source("mapping_batch_size_maximum"),
        )  # fmt: skip
        whole(
            "maximum_batching_window", self.maximum_batching_window, 0,
            rules.mapping_window_maximum, "s", rules.source("mapping_window_maximum"),
        )  # fmt: skip
        if not isinstance(self.enabled, bool):
            raise InvalidSetting("enabled", self.enabled, "True or False")
        self._check_concurrency(rules)
        most = rules.mapping_window_needed_above
        if self.batch_size > most and not self.maximum_batching_window:
            raise InvalidParameterValueException(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
                f"greater than {most}",
                f" (batch_size={self.batch_size}, maximum_batching_window=0; "
                f"{rules.source('mapping_window_needed_above')})",
            )

    def _check_concurrency(self, rules: Rules) -> None:
        """At most so many batches at a time, or provisioned pollers; not both."""
        if self.maximum_concurrency is None:
            return
        whole(
            "maximum_concurrency", self.maximum_concurrency, rules.mapping_concurrency_minimum,
            rules.mapping_concurrency_maximum, "concurrent invokes",
            rules.source("mapping_concurrency_maximum"),
        )  # fmt: skip
        if self.provisioned_poller_config is not None:
            raise InvalidParameterValueException(
                "A mapping cannot have both a maximum concurrency and provisioned pollers",
                f" (maximum_concurrency={self.maximum_concurrency}, {SETTING}="
                f"{self.provisioned_poller_config.as_dict()}; dg/services-sqs-scaling)",
            )


def _response_types(value: object) -> tuple[str, ...]:
    """``()`` or ``("ReportBatchItemFailures",)``, given as a tuple or a list."""
    if isinstance(value, (list, tuple)) and tuple(value) in ((), (REPORT,)):
        return tuple(value)
    raise InvalidSetting(
        "function_response_types", value, f'() or ("{REPORT}",)', "botocore FunctionResponseTypes"
    )

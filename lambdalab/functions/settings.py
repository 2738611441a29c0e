"""The settings of a function: frozen, and checked against the rules when they are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.functions import durations
from lambdalab.functions.model_memory import check_memory
from lambdalab.kernel.clock import microseconds
from lambdalab.rules import RULES, Rules

ARCHITECTURES = ("x86_64", "arm64")
LOG_FORMATS = ("Text", "JSON")
APPLICATION_LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM_LOG_LEVELS = ("DEBUG", "INFO", "WARN")
RECURSIVE_LOOPS = ("Terminate", "Allow")
_USUAL = Rules.as_of()
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What ``create_function`` and ``@lab.function`` accept beside the code.

    Seconds and MB, as AWS has them. ``None`` for ``memory_size``, ``timeout``, ``init``,
    ``idle_expiry``, ``maximum_retry_attempts`` or ``maximum_event_age`` means the rules' default;
    :meth:`make` fills it in. ``duration`` makes a modelled function, ``dead_letter_queue`` is the
    name of an SQS queue or the ARN of an SNS topic. ``maximum_retry_attempts`` (0 to 2),
    ``maximum_event_age`` (s), ``on_success`` and ``on_failure`` (destinations) are the event invoke
    configuration of ``$LATEST``;
    ``recursive_loop`` is ``"Terminate"`` or ``"Allow"``. ``init`` and ``idle_expiry`` are seconds or a
    distribution.
    """

    name: str
    memory_size: int = _USUAL.memory_default
    timeout: int = _USUAL.timeout_default
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    architecture: str = "x86_64"
    runtime: str = _USUAL.runtime_default
    reserved_concurrency: int | None = None
    dead_letter_queue: str | None = None
    maximum_retry_attempts: int = _USUAL.maximum_retry_attempts
    maximum_event_age: int = _USUAL.event_age_maximum
    duration: object = None
    failure_rate: float = 0.0
    init: object = None
    idle_expiry: object = _USUAL.idle_expiry
    log_format: str = "Text"
    allow_network: bool = False
    on_success: object = None
    on_failure: object = None
    recursive_loop: str = "Terminate"
    memory: object = None
    cpu: str | None = None
    application_log_level: str | None = None
    system_log_level: str | None = None

    @classmethod
    def make(cls, rules: Rules, verb: str, **settings: Any) -> FunctionSettings:
        """Settings by keyword, defaults from the rules, everything checked.

        Raises :class:`UnknownSetting` for a keyword no setting has (with a suggestion) and
        :class:`InvalidSetting` for a value out of range.
        """
        known = [f.name for f in fields(cls)]
        for name in settings:
            if name not in known:
                raise UnknownSetting(verb, name, known)
        defaults = {
            "memory_size": rules.memory_default,
            "timeout": rules.timeout_default,
            "runtime": rules.runtime_default,
            "maximum_retry_attempts": rules.maximum_retry_attempts,
            "maximum_event_age": rules.event_age_maximum,
            "idle_expiry": rules.idle_expiry,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        made = cls(**(defaults | given))
        made._check(rules)
        return replace(made, environment=MappingProxyType(dict(made.environment)))

    def changed(self, rules: Rules, verb: str, **settings: Any) -> FunctionSettings:
        """These settings with some replaced, checked again."""
        return self.make(rules, verb, **(self.as_dict() | settings))

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def _check(self, rules: Rules) -> None:
        _check_name(self.name, rules)
        _whole("memory_size", self.memory_size, rules, "memory_minimum", "memory_maximum", "MB")
        _whole("timeout", self.timeout, rules, "timeout_minimum", "timeout_maximum", "s")
        _whole(
            "maximum_event_age", self.maximum_event_age, rules,
            "event_age_minimum", "event_age_maximum", "s",
        )  # fmt: skip
        _whole_between(
            "maximum_retry_attempts", self.maximum_retry_attempts, 0,
            rules.maximum_retry_attempts, "retries", rules.source("maximum_retry_attempts"),
        )  # fmt: skip
        if self.reserved_concurrency is not None:
            _check_reserved(self.reserved_concurrency)
        _check_environment(self.environment, rules)
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _one_of("runtime", self.runtime, sorted({runtime for runtime, _ in rules.init_percentiles}))
        _one_of("log_format", self.log_format, LOG_FORMATS)
        _check_rate("failure_rate", self.failure_rate)
        if not hasattr(self.idle_expiry, "sampler"):
            microseconds(self.idle_expiry, "idle_expiry")
        if self.duration is not None:
            durations.check("duration", self.duration)
        if self.init is not None:
            durations.check("init", self.init)
        _check_loop(self.recursive_loop, rules)
        if not isinstance(self.allow_network, bool):
            raise InvalidSetting("allow_network", self.allow_network, "True or False")
        self._check_resources(rules)

    def _check_resources(self, rules: Rules) -> None:
        """What came with CPU, memory and logs."""
        if self.cpu not in (None, "measured"):
            raise InvalidSetting("cpu", self.cpu, "'measured' or None", "lambdalab's own setting")
        if self.cpu is not None and self.duration is not None:
            raise InvalidSetting("cpu", self.cpu, "left out of a model: code uses the CPU")
        if self.memory is not None:
            check_memory(self.memory)
            if self.duration is None:
                raise InvalidSetting(
                    "memory",
                    self.memory,
                    "left out where code is given: code calls ll.allocate(mb); what a function has is "
                    "memory_size",
                )
        source = "dg/monitoring-cloudwatchlogs-log-level"
        for setting, known in (
            ("application_log_level", APPLICATION_LOG_LEVELS),
            ("system_log_level", SYSTEM_LOG_LEVELS),
        ):
            level = getattr(self, setting)
            if level is None:
                continue
            _one_of(setting, level, known)
            if self.log_format != "JSON":
                raise InvalidSetting(setting, level, "left out unless log_format is 'JSON'", source)


def _check_name(name: object, rules: Rules) -> None:
    limit, source = rules.function_name_length, rules.source("function_name_length")
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > limit:
        raise InvalidSetting("name", name, f"1 to {limit} letters, digits, - or _", source)


def _whole(setting: str, value: object, rules: Rules, low: str, high: str, unit: str) -> None:
    _whole_between(
        setting, value, getattr(rules, low), getattr(rules, high), unit, rules.source(high)
    )


def _whole_between(
    setting: str, value: object, low: int, high: int, unit: str, source: str
) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidSetting(
            setting, value, f"a whole number of {low:,} to {high:,} {unit}", source
        )


def _check_reserved(reserved: object) -> None:
    """How much the account has left is checked where it is reserved."""
    if isinstance(reserved, bool) or not isinstance(reserved, int) or reserved < 0:
        raise InvalidSetting(
            "reserved_concurrency", reserved, "a whole number, 0 or more",
            "botocore PutFunctionConcurrency",
        )  # fmt: skip


def _one_of(setting: str, value: object, known: tuple[str, ...] | list[str]) -> None:
    if value not in known:
        raise InvalidSetting(setting, value, f"one of {', '.join(known)}")


def _check_loop(value: object, rules: Rules) -> None:
    """Terminate or Allow; there is no choice before its day (botocore PutFunctionRecursionConfig)."""
    _one_of("recursive_loop", value, RECURSIVE_LOOPS)
    if value != RECURSIVE_LOOPS[0] and not rules.recursion_setting:
        since = RULES["recursion_setting"].values[-1][0]
        limit = f"{RECURSIVE_LOOPS[0]!r}: functions have a choice since {since}"
        raise InvalidSetting("recursive_loop", value, limit, rules.source("recursion_setting"))


def _check_rate(setting: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InvalidSetting(setting, value, "a share between 0 and 1")


def _check_environment(environment: object, rules: Rules) -> None:
    if not isinstance(environment, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in environment.items()
    ):
        raise InvalidSetting("environment", environment, "a mapping of text to text")
    for name in environment:
        if not _VARIABLE.match(name):
            raise InvalidSetting(
                "environment", name, "names of a letter, then letters, digits or _",
                "botocore EnvironmentVariableName",
            )  # fmt: skip
        if name in rules.reserved_variables:
            raise InvalidSetting(
                "environment", name, "other names: Lambda sets this variable itself",
                rules.source("reserved_variables"),
            )  # fmt: skip
    size = sum(len(key.encode()) + len(value.encode()) for key, value in environment.items())
    if size > rules.environment_size:
        raise InvalidSetting(
            "environment", f"{size:,} bytes", f"{rules.environment_size:,} bytes in all",
            rules.source("environment_size"),
        )  # fmt: skip

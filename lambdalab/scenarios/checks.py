"""What all scenarios' settings are checked with, and the frame of the code they print."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.rules import Rules

Made = TypeVar("Made")
_MOST_MESSAGES = 200_000
_MOST_BYTES = 2 * 1024**3


def number(
    setting: str, value: object, low: float, high: float, unit: str, source: str = ""
) -> None:
    """Refuse what is not a finite number from ``low`` to ``high``."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not (math.isfinite(value) and low <= value <= high)
    ):
        raise InvalidSetting(setting, value, f"a number of {low:,g} to {high:,g} {unit}", source)


def whole(setting: str, value: object, low: int, high: int, unit: str, source: str = "") -> None:
    """Refuse what is not a whole number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidSetting(
            setting, value, f"a whole number of {low:,} to {high:,} {unit}", source
        )


def flag(setting: str, value: object) -> None:
    """Refuse what is not True or False."""
    if not isinstance(value, bool):
        raise InvalidSetting(setting, value, "True or False")


def one_of(setting: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is not one of the known words."""
    known = tuple(known)
    if value not in known:
        raise InvalidSetting(setting, value, f"one of {', '.join(map(repr, known))}")


def made(scenario: Callable[..., Made], settings: Mapping[str, Any]) -> Made:
    """The scenario (a dataclass) with these settings; refuse one that it has not, with the nearest."""
    known = inspect.signature(scenario).parameters
    for name in settings:
        if name not in known:
            raise UnknownSetting(scenario.__name__, name, known)
    return scenario(**settings)


def maximum_concurrency(value: int | None, rules: Rules) -> None:
    """Refuse what a queue's mapping refuses as its ``maximum_concurrency``; None is none."""
    if value is not None:
        whole(
            "maximum_concurrency", value, rules.mapping_concurrency_minimum,
            rules.mapping_concurrency_maximum, "batches at a time",
            rules.source("mapping_concurrency_maximum"),
        )  # fmt: skip


def code(seed: int | str, *lines: str, **lab: object) -> str:
    """A program of a few lines that makes a lab, does what ``lines`` say, and takes its trace.

    ``lab`` is what else the lab is made with: ``quotas={...}``.
    """
    made = "".join(f", {name}={value!r}" for name, value in lab.items())
    frame = [
        "import lambdalab as ll",
        "",
        f"lab = ll.Lab(seed={seed!r}{made})",
        *lines,
        "trace = lab.trace",
    ]
    return "\n".join(frame) + "\n"


def messages(settings: Any, rules: Rules) -> None:
    """Refuse a batch size that needs a window, and more messages than a run should hold.

    ``settings`` are a scenario's with ``rate``, ``seconds``, ``record_size``, ``batch_size``, ``window``.
    """
    most, needed = rules.mapping_window_needed_above, "mapping_window_needed_above"
    if settings.batch_size > most and not settings.window:
        limit = f"at most {most} where there is no window"
        raise InvalidSetting("batch_size", settings.batch_size, limit, rules.source(needed))
    sent, size = settings.rate * settings.seconds, settings.record_size
    if sent > _MOST_MESSAGES or sent * size > _MOST_BYTES:
        limit = f"less: rate × seconds is {sent:,.0f} messages of {size:,} bytes"
        raise InvalidSetting("seconds", settings.seconds, limit)

"""What a modelled function holds of its memory: MB, a distribution of MB, or a callable of the event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.functions import durations
from lambdalab.kernel.clock import US
from lambdalab.kernel.random import RandomStream

DrawMemory = Callable[[Any], int]
"""The event in, whole MB out, rounded up."""

_SOURCE = "dg/configuration-memory"


def check_memory(memory: object) -> None:
    """Raise :class:`~lambdalab.errors.InvalidSetting` unless :func:`memory_drawer` understands it."""
    if not callable(memory) and not hasattr(memory, "sampler"):
        _whole_mb(memory)


def memory_drawer(memory: object, stream: RandomStream) -> DrawMemory:
    """Turn what was given as ``memory=`` into a function of the event.

    Parameters: MB as a number, a distribution such as ``LogNormal`` whose figures are MB, or a callable
    that takes the event and returns MB; the named ``stream`` that distributions draw from.
    """
    if callable(memory):
        return lambda event: _whole_mb(memory(event))
    if hasattr(memory, "sampler"):  # a distribution counts in millionths of its unit
        draw: durations.Draw = memory.sampler(stream)
        return lambda event: -(-draw(event) // US)
    fixed = _whole_mb(memory)
    return lambda _event: fixed


def _whole_mb(value: object) -> int:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not 0 <= value < 1e9:  # type: ignore[operator]
        raise InvalidSetting("memory", value, "MB, 0 or more", _SOURCE)
    return -int(-value // 1)  # type: ignore[operator]

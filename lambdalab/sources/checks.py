"""What several services check in the same way."""

from __future__ import annotations

from lambdalab.errors import InvalidSetting


def whole(setting: str, value: object, low: int, high: int, unit: str, source: str) -> int:
    """A whole number within limits, or :class:`InvalidSetting`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        limit = f"a whole number of {low:,} to {high:,} {unit}"
        raise InvalidSetting(setting, value, limit, source)
    return value

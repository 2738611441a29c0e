"""How each sort of bar looks, in the order in which bars are drawn: what went wrong comes last."""

from __future__ import annotations

from dataclasses import dataclass

from lambdalab.plots.palette import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
)

_NIGHT = "#3B3B7A"
_STONE, _HAZE = "#C4C4C4", "#B5DCF3"
_MEADOW = "#B8E0D2"
_SAND = "#F6D79E"
_ROSE = "#EBCBDD"


@dataclass(frozen=True, slots=True)
class Look:
    """One entry of the legend: ``colour``, and a ``pattern`` where a bar is wide enough to show one.

    ``share`` of the lane's height; ``failing`` bars are drawn last, taller, and never merged away.
    """

    key: str
    label: str
    colour: str
    pattern: str = ""
    share: float = 0.68
    failing: bool = False


def _bad(key: str, label: str, colour: str, pattern: str) -> Look:
    return Look(key, label, colour, pattern, 0.94, True)


LOOKS: tuple[Look, ...] = (
    Look("idle", "environment ready", FAINT, "", 0.9),
    Look("asked", "caller waits", _STONE),
    Look("invoked", "invocation", SKY),
    Look("waiting", "waits in a queue", _HAZE),
    Look("in_flight", "taken from a queue", "#DDE8F0", "//"),
    Look("gathering", "batch gathers", _MEADOW, ".."),
    Look("handed_over", "batch handed over", GREEN),
    Look("cold_start", "cold start", YELLOW, "//"),
    Look("success", "run: success", BLUE),
    Look("running", "still running", FAINT, "++"),
    Look("mark", "handed on, filtered", MUTED, "", 0.5),
    Look("retry", "waits before a retry", _SAND, "\\\\"),
    Look("throttled", "waits after a throttle", _ROSE, "--"),
    _bad("partial", "batch: partial failure", PURPLE, "\\\\"),
    _bad("batch_failed", "batch failed", MUTED, "xx"),
    _bad("batch_throttled", "batch throttled", _NIGHT, ".."),
    _bad("failed", "invocation failed", VERMILLION, "--"),
    _bad("refused", "refused (429 and others)", ORANGE, "xx"),
    _bad("gave_up", "caller failed or gave up", BLACK, "//"),
    _bad("error", "run: error", VERMILLION, "xx"),
    _bad("timeout", "run: timeout", ORANGE, "//"),
    _bad("broken", "run: crash, memory, init", PURPLE, "++"),
    _bad("dead_letter", "dead letter", PURPLE, "xx"),
    _bad("lost", "given up, expired", BLACK, "xx"),
)
"""Every look; its place is the number that bars have."""

PLACE = {look.key: place for place, look in enumerate(LOOKS)}
FAILING = frozenset(place for place, look in enumerate(LOOKS) if look.failing)
LASTING = frozenset(
    PLACE[key] for key in ("idle", "waiting", "in_flight", "retry", "throttled", "running")
)
"""States that may be open when the books end."""

WAITS = frozenset(PLACE[key] for key in ("waiting", "retry", "throttled"))

OUTCOMES = {
    "running": "running", "success": "success", "error": "error", "timeout": "timeout",
}  # fmt: skip
"""How an attempt ended, as a look; any other outcome is "broken"."""

STATUSES = {"in_flight": "invoked", "succeeded": "invoked", "dry_run": "invoked",
            "failed": "failed", "expired": "lost", "dropped": "lost"}  # fmt: skip
"""How an invocation ended, as a look; any other status is "refused"."""

BATCHES = {"in_flight": "running", "success": "handed_over", "partial": "partial",
           "failure": "batch_failed", "throttled": "batch_throttled"}  # fmt: skip
"""How a batch ended, as a look."""

"""What does memory cost? The same function at all usual memory sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lambdalab.functions.settings import ARCHITECTURES
from lambdalab.plots import cost, words
from lambdalab.rules import Rules
from lambdalab.scenarios import MemoryCost
from lambdalab.scenarios.memory_cost import FUNCTION, MONTH
from lambdalab.widgets.controls import Control, choice, magnitude, number, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
Sizes = dict[int, tuple[float, float]]
"""By memory in MB: milliseconds and US dollars of a run."""
_FREE, _FASTER, _DEARER = "faster, at the same price", "faster, and dearer", "no faster, but dearer"
_NEITHER = "no faster, at the same price"
_ANSWERS = {
    (True, False): _FREE, (True, True): _FASTER, (False, True): _DEARER, (False, False): _NEITHER,
}  # fmt: skip
"""By whether it becomes faster, and whether dearer."""
_SAME_TIME, _SAME_PRICE = 0.97, 1.02
"""More than this part of the time is no faster; less than this part of the price is the same."""
_HALF, _TWICE, _NEARLY = (0.49, 0.51), (1.96, 2.04), 1.9
_ALMOST = 0.999


class MemoryCostExplorer(Explorer):
    """What does memory cost? The same function at all usual memory sizes.

    Cures: "less memory is cheaper", "more is always faster".
    """

    name = "memory_cost"
    heading = "What does memory cost? One function, a version for each memory size"
    scenario = MemoryCost
    tall = 4.0
    presets: ClassVar = {
        "CPU bound": {},
        "waiting bound": {"cpu_seconds": 0.01, "waiting": 1.0},
        "sweet spot": {"memory": 1769, "cpu_seconds": 0.5, "waiting": 0.1},
        "both": {"cpu_seconds": 0.3, "waiting": 0.5},
        "arm64": {"architecture": "arm64"},
        "six threads": {"memory": 5120, "threads": 6},
    }

    def controls(self) -> list[Control]:
        """Memory, what the function does, architecture, and how often it is called."""
        return [
            whole("memory", "memory (MB)", _RULES.memory_minimum, _RULES.memory_maximum, 1),
            choice("architecture", "architecture", ARCHITECTURES),
            number("cpu_seconds", "work (CPU-seconds)", 0.0, 10.0, 0.01),
            whole("threads", "on so many threads", 1, 6),
            number("waiting", "waiting (s)", 0.0, 10.0, 0.01),
            magnitude("calls", "calls a month", 3, 8, ",d", meant=round),
        ]

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Time and price against memory."""
        return cost(trace, ax=ax)

    def drawing(self) -> str:
        """The plot."""
        return "trace.plot.cost()"

    def explain(self, trace: Trace) -> Why:
        """What twice the memory changes, and why; which size is cheapest and which fastest."""
        tell = Telling(trace)
        if not len(trace.attempts):
            return tell.why("It has not run yet.")
        less, more = _pair(trace)
        found = _sizes(trace)
        faster, dearer = _ratios(found, less, more)
        time = _both(*(tell.value("attempts", "duration_ms", _of(s), "mean") for s in (less, more)))
        price = _both(
            *(tell.value("attempts", "cost_usd", _of(s), "per_million") for s in (less, more))
        )
        sizes = [tell.value("attempts", "memory_mb", _of(size)) for size in (less, more)]
        return tell.why(
            f"From {sizes[0]} to {sizes[1]} MB: {_time_said(faster)} ({time}), {_price_said(dearer)} "
            f"({price} a million calls): {_because(found, faster, less)}. {_best(tell, found)}"
        )

    def figures(self, trace: Trace) -> dict[str, str]:
        """Time and price of the size in question, what a month of calls costs, and the best sizes."""
        if not len(trace.attempts):
            return {}
        sizes, memory = _sizes(trace), int(str(trace.settings(FUNCTION)["memory_size"]))
        (took, usd), month = sizes[memory], _calls_a_month(trace)
        cheapest, fastest = _cheapest(sizes), _fastest(sizes)
        return {
            "memory": f"{memory:,} MB",
            "a run takes": words.duration(took / 1000),
            "calls a month": _about(month),
            "a month costs": words.money(usd * month),
            "cheapest": f"{cheapest:,} MB: {words.money(sizes[cheapest][1] * month)}",
            "fastest": f"{fastest:,} MB: {words.money(sizes[fastest][1] * month)}",
        }

    def ask(self, trace: Trace) -> Question:
        """What twice the memory does to time and price."""
        less, more = _pair(trace)
        time, price = _ratios(_sizes(trace), less, more)
        answer = _ANSWERS[time <= _SAME_TIME, price > _SAME_PRICE]
        return Question(
            f"From {less:,} to {more:,} MB: what will become of time and price?",
            tuple(_ANSWERS.values()), answer,
        )  # fmt: skip


def _of(memory: int) -> dict[str, int]:
    return {"memory_mb": memory}


def _pair(trace: Trace) -> tuple[int, int]:
    """The size in question and twice as much, as far as there is more; else half as much and it."""
    known = [*_sizes(trace)]
    memory = int(str(trace.settings(FUNCTION)["memory_size"]))
    twice = min(2 * memory, known[-1])
    return (memory, twice) if twice > memory else (known[-2], memory)


def _sizes(trace: Trace) -> Sizes:
    """Of each memory size in ascending order: mean duration (ms) and cost (USD) of a run."""
    runs = trace.attempts
    memory, of = np.unique(runs["memory_mb"].to_numpy(dtype=int), return_inverse=True)
    count = np.bincount(of)
    took = np.bincount(of, runs["duration_ms"].to_numpy(dtype=float)) / count
    usd = np.bincount(of, runs["cost_usd"].to_numpy(dtype=float)) / count
    return {
        size: (ms, dollars)
        for size, ms, dollars in zip(memory.tolist(), took.tolist(), usd.tolist(), strict=True)
    }


def _ratios(sizes: Sizes, less: int, more: int) -> tuple[float, float]:
    """Time and price with more memory, as parts of those with less."""
    (took, usd), (takes, costs) = sizes[less], sizes[more]
    return (takes / took if took else 1.0), costs / usd


def _cheapest(sizes: Sizes) -> int:
    return min(sizes, key=lambda size: sizes[size][1])


def _fastest(sizes: Sizes) -> int:
    """The smallest size that is as good as the fastest."""
    best = min(took for took, _ in sizes.values())
    return next(size for size, (took, _) in sizes.items() if took * _ALMOST <= best)


def _calls_a_month(trace: Trace) -> float:
    """At the pace with which one version is called."""
    runs = trace.invocations
    own = runs["requested_at"][(runs["qualifier"] == runs["qualifier"].iloc[0]).to_numpy()]
    return MONTH / float(own.diff().min().total_seconds())


def _about(number: float) -> str:
    """Four digits that count, with commas."""
    return f"{float(f'{number:.4g}'):,.0f}"


def _both(before: str, after: str) -> str:
    return f"{before}, then {after}" if before != after else before


def _time_said(ratio: float) -> str:
    if _HALF[0] <= ratio <= _HALF[1]:
        return "half the time"
    if ratio > _ALMOST:
        return "the same time"
    return "hardly less time" if ratio > _SAME_TIME else "less time"


def _price_said(ratio: float) -> str:
    if ratio <= _SAME_PRICE:
        return "same price"
    if _TWICE[0] <= ratio <= _TWICE[1]:
        return "twice the price"
    return "almost twice the price" if _NEARLY <= ratio < _TWICE[0] else "higher price"


def _because(sizes: Sizes, faster: float, less: int) -> str:
    """Why more memory helped, or did not."""
    took, smallest = sizes[less][0], next(iter(sizes.values()))[0]
    if not took:
        return "there is nothing to do, and a millisecond is billed all the same"
    if min(took / smallest, faster) > _SAME_TIME:
        return "it waits for others, and waiting takes as long with any memory"
    if faster > _ALMOST:
        return "its threads have a whole CPU each already, and cannot use more"
    if faster > _SAME_TIME:
        return "what is left is almost all waiting, which takes as long with any memory"
    if _HALF[0] <= faster <= _HALF[1]:
        return "it only computes, and twice the memory brings twice the CPU"
    return "what it computes is over sooner, what it waits for is not"


def _best(tell: Telling, sizes: Sizes) -> str:
    """The cheapest size and the fastest, with what the other costs."""
    cheap, fast = _cheapest(sizes), _fastest(sizes)
    cheapest = tell.value("attempts", "memory_mb", _of(cheap))
    price = tell.value("attempts", "cost_usd", _of(cheap), "per_million")
    if cheap == fast:
        return f"Cheapest and fastest: {cheapest} MB ({price})."
    time = tell.value("attempts", "duration_ms", _of(cheap), "mean")
    fastest = tell.value("attempts", "memory_mb", _of(fast))
    soon = tell.value("attempts", "duration_ms", _of(fast), "mean")
    dear = tell.value("attempts", "cost_usd", _of(fast), "per_million")
    return f"Cheapest: {cheapest} MB ({price}, {time}); fastest: {fastest} MB ({dear}, {soon})."

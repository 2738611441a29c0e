"""What memory costs: why twice of it is worth its price or not, for each kind of work."""

from __future__ import annotations

import re

import pytest

from lambdalab.scenarios import MemoryCost
from lambdalab.widgets import MemoryCostExplorer
from tests.widgets import proving

SENTENCES = {
    "CPU bound": "From 512 to 1,024 MB: half the time (3.46 s, then 1.73 s), same price ($29.00 a million "
    "calls): it only computes",
    "waiting bound": "From 512 to 1,024 MB: hardly less time (1.03 s, then 1.02 s), almost twice the "
    "price ($8.82, then $17.17 a million calls): what is left is almost all waiting",
    "sweet spot": "From 1,769 to 3,538 MB: the same time (0.60 s), twice the price ($17.48, then $34.75 a "
    "million calls): its threads have a whole CPU each already",
    "both": "From 512 to 1,024 MB: less time (1.54 s, then 1.02 s), higher price ($13.01, then $17.18 a "
    "million calls): what it computes is over sooner, what it waits for is not",
    "arm64": "From 512 to 1,024 MB: half the time (3.46 s, then 1.73 s), same price ($23.24 a million",
    "six threads": "From 5,120 to 10,240 MB: half the time (0.35 s, then 0.17 s), same price ($29.03",
}
ENDS = {
    "CPU bound": "Cheapest and fastest: 1,769 MB ($28.99).",
    "waiting bound": "Cheapest: 128 MB ($2.57, 1.14 s); fastest: 1,769 MB ($29.28, 1.01 s).",
    "sweet spot": "Cheapest: 128 MB ($14.81, 7.01 s); fastest: 1,769 MB ($17.48, 0.60 s).",
    "both": "Cheapest: 128 MB ($9.88, 4.65 s); fastest: 1,769 MB ($23.23, 0.80 s).",
    "arm64": "Cheapest and fastest: 1,769 MB ($23.23).",
    "six threads": "Cheapest: 1,769 MB ($28.99, 1.00 s); fastest: 10,240 MB ($29.03, 0.17 s).",
}
ANSWERS = {
    "waiting bound": "no faster, but dearer",
    "sweet spot": "no faster, but dearer",
    "both": "faster, and dearer",
}


@pytest.fixture(scope="module")
def explorer():
    return MemoryCostExplorer()


@pytest.mark.parametrize("preset", MemoryCostExplorer.presets)
def test_each_preset_says_what_twice_the_memory_changes(explorer, preset) -> None:
    explorer.preset = preset
    assert explorer.why.startswith(SENTENCES[preset])
    assert explorer.why.endswith(ENDS[preset])
    proving.check(explorer.why, explorer.trace)
    assert explorer.question.answer == ANSWERS.get(preset, "faster, at the same price")
    assert explorer.drawing() == "trace.plot.cost()"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cpu_seconds": 0.0, "waiting": 1.0}, "it waits for others, and waiting takes as long with any"),
        ({"memory": 8000}, "From 8,000 to 10,240 MB: the same time (1.00 s), higher price"),
        ({"memory": 10_240}, "From 5,120 to 10,240 MB: the same time (1.00 s), twice the price"),
        ({"cpu_seconds": 0.0}, "there is nothing to do, and a millisecond is billed all the same"),
    ],
)  # fmt: skip
def test_at_the_ends_of_the_sliders(explorer, settings, told) -> None:
    trace = MemoryCost(**settings).run(7)
    why = explorer.explain(trace)
    assert told in why
    proving.check(why, trace)
    assert explorer.ask(trace).answer in explorer.ask(trace).options


def test_less_memory_is_not_cheaper_and_more_is_not_always_faster(explorer) -> None:
    """The two misconceptions, in the tables."""
    explorer.preset = "CPU bound"
    runs = explorer.trace.attempts.groupby("memory_mb")[["duration_ms", "cost_usd"]].mean()
    assert runs.loc[128, "cost_usd"] >= runs.loc[1769, "cost_usd"]
    assert runs.loc[3008, "duration_ms"] == runs.loc[10_240, "duration_ms"]
    assert "Cheapest and fastest: 1,769 MB" in explorer.why


def test_a_month_costs_what_its_calls_cost(explorer) -> None:
    explorer.set(calls=3_000_000, cpu_seconds=1.0, waiting=0.0, memory=512, threads=1)
    told = explorer.figures(explorer.trace)
    each = explorer.trace.attempts["cost_usd"].iloc[-1]
    assert told["calls a month"] == "3,000,000"
    said = float(re.sub(r"[$,]", "", told["a month costs"]))
    assert said == pytest.approx(each * 3_000_000, abs=0.005)
    assert told["fastest"].startswith("1,769 MB: $")

"""How many environments does it take: the story each run tells, its picture and its question."""

from __future__ import annotations

import pytest

from lambdalab.scenarios import Concurrency
from lambdalab.widgets import ConcurrencyExplorer
from tests.widgets import proving

BEGINNINGS = {
    "steady": "Eight calls overlapped at 3.50 s, so there are eight environments: one serves one event",
    "Poisson": "13 calls overlapped at ",
    "seldom": "Nobody called e1 for 10 min, so it ended at 10 min 4 s; r2 came at 16 min 40 s",
    "ping keeps warm": "At 47 min 55 s 10 calls came at the same moment. Only e1 was there and free",
    "burst of 5,000": "At 10 s 5,000 calls came at the same moment, and all 1,000 that the account",
    "burst, quota 10,000": "At 10 s 5,000 calls came at the same moment, and r1244 got a 429 although",
    "reserved 5": "At 5.12 s the reserved concurrency of 5 was used up: r9 got a 429",
    "provisioned 50": "At 108.6 s all 50 provisioned environments were at work: r80 spilled over to a new",
}
ENDS = {
    "seldom": "So began 8 of 8 runs: cold starts do not come only once.",
    "ping keeps warm": "9 of them began cold. One caller keeps one environment warm.",
    "burst of 5,000": "r1201 got a 429. So did 4,016 more of 5,400 calls.",
    "burst, quota 10,000": "So did 3,969 more of 5,400 calls.",
    "reserved 5": "So did 24 more of 60 calls.",
    "provisioned 50": "e51, and waited 0.40 s for its init. In all, 18 of 600 calls did.",
}
PLOTS = {
    "steady": "timeline", "Poisson": "timeline", "seldom": "cold_starts",
    "ping keeps warm": "cold_starts",
}  # fmt: skip
OTHERS = {
    "alone": ({"rate": 0.1}, "No two calls overlapped, so one environment served all 60, and only r1"),
    "crowd, all cold": (
        {"arrivals": "burst", "calls": 1, "burst": 4, "duration": 0.1, "rate": 0.01},
        "None found an environment free, so each started one of its own, cold",
    ),
    "crowd, some warm": (
        {"arrivals": "burst", "calls": 40, "burst": 12, "rate": 2.0},
        "found an environment free",
    ),
    "enough provisioned": (
        {"provisioned": 20}, "at most 6 of 20 were at work at once, and nobody waited",
    ),
    "many short calls": (
        {"provisioned": 5, "rate": 100.0, "duration": 0.001, "calls": 300},
        "the provisioned concurrency of 5 had let in its ten calls for each within a second",
    ),
    "only one provisioned": (
        {"provisioned": 1, "rate": 1.0, "duration": 5.0},
        "the one provisioned environment was at work",
    ),
    "reserved more than provisioned": (
        {"provisioned": 3, "reserved": 5, "rate": 4.0},
        "the reserved concurrency (2 beside what is provisioned) was used up",
    ),
    "nothing beside": (
        {"provisioned": 5, "reserved": 5, "arrivals": "poisson"},
        "the reservation has room for nothing beside them",
    ),
    "too fast": (
        {"reserved": 5, "rate": 100.0, "duration": 0.0, "calls": 600, "init": 0.0},
        "for each unit of concurrency takes ten calls a second, however short they are",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def explorer():
    return ConcurrencyExplorer()


@pytest.mark.parametrize("preset", ConcurrencyExplorer.presets)
def test_each_preset_tells_its_story_and_shows_it(explorer, preset) -> None:
    explorer.preset = preset
    assert explorer.why.startswith(BEGINNINGS[preset])
    assert explorer.why.endswith(ENDS.get(preset, "one serves one event at a time."))
    proving.check(explorer.why, explorer.trace)
    assert explorer.drawing() == f"trace.plot.{PLOTS.get(preset, 'concurrency')}()"


@pytest.mark.parametrize(("settings", "told"), OTHERS.values(), ids=list(OTHERS))
def test_other_runs_have_other_stories(explorer, settings, told) -> None:
    trace = Concurrency(**settings).run(7)
    why = explorer.explain(trace)
    assert told in why
    proving.check(why, trace)


@pytest.mark.parametrize(
    ("settings", "asked", "answer"),
    [
        ({}, "How many of 60 calls will begin cold?", "8 calls"),
        ({"rate": 0.001, "calls": 8}, "How many of 8 calls will begin cold?", "8 calls"),
        (ConcurrencyExplorer.presets["ping keeps warm"], "10 calls will come at the same", "9 calls"),
        (ConcurrencyExplorer.presets["burst of 5,000"], "will be throttled?", "more than a half"),
        ({"reserved": 60}, "How many of 60 calls will be throttled?", "none"),
        ({"reserved": 1, "calls": 2, "rate": 1.0}, "will be throttled?", "up to a half"),
        ({"provisioned": 50}, "will find no provisioned environment free?", "none"),
        (ConcurrencyExplorer.presets["provisioned 50"], "no provisioned", "a few: less than a tenth"),
    ],
)  # fmt: skip
def test_the_question_and_its_answer(explorer, settings, asked, answer) -> None:
    question = explorer.ask(Concurrency(**settings).run(7))
    assert asked in question.text
    assert question.answer == answer
    assert len(question.options) >= 3


def test_the_misconceptions_are_among_the_options(explorer) -> None:
    """One cold start and never again; one ping for all."""
    assert "1 call" in explorer.ask(Concurrency().run(7)).options
    ping = Concurrency(**ConcurrencyExplorer.presets["ping keeps warm"]).run(7)
    assert "0 calls" in explorer.ask(ping).options


def test_figures_are_those_of_the_tables(explorer) -> None:
    explorer.preset = "burst of 5,000"
    trace = explorer.trace
    told = explorer.figures(trace)
    throttled = int((trace.invocations["status"] == "throttled").sum())
    assert told["calls"] == "5,400"
    assert told["throttled"] == f"{throttled:,}"
    assert told["environments"] == f"{len(trace.environments):,}" == "1,000"
    assert told["cold starts"].startswith("1,000 (")


def test_two_runs_side_by_side_are_drawn_alike(explorer) -> None:
    explorer.preset = "steady"
    explorer.pinned = True
    explorer.preset = "reserved 5"
    assert explorer.drawing() == "trace.plot.concurrency()"
    explorer.preset = "Poisson"
    assert explorer.drawing() == "trace.plot.timeline()"
    explorer.pinned = False


def test_reserved_nothing_is_zero_on_the_slider(explorer) -> None:
    slider = next(c for c in explorer._controls if c.name == "reserved")
    explorer.preset = "reserved 5"
    assert slider.widget.value == 5
    slider.widget.value = 0
    assert explorer.settings.reserved is None

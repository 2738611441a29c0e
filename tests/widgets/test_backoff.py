"""When is it retried: each preset's sentence, question and figures."""

from __future__ import annotations

import pytest

from lambdalab.widgets import BackoffExplorer
from tests.widgets import proving

SENTENCES = {
    "default": (
        "3 attempts failed, with waits of 68.2 s and 125.5 s between. With 2 retries allowed none is "
        "left, so it went to `failed`."
    ),
    "90 s age": (
        "No third attempt: age 70.6 s + next wait 120 s (and 5 to 10 s of jitter) is over the limit of "
        "90 s, so it went to `failed`."
    ),
    "throttled for 6 h": (
        "76 throttles used up no retry: each only made the event wait again, 1.04 s at first and up to "
        "329.7 s. It never ran: at an age of 5 h 56 min one more wait, of 300 s and a little jitter, "
        "would have passed the limit of 6 h, so it went to `failed`."
    ),
    "healed in time": (
        "2 attempts failed, with waits of 68.2 s and 125.5 s between. Attempt 3 succeeded at an age of "
        "197.3 s."
    ),
    "free again in time": (
        "There was room again at 301.2 s, but a wait is waited to its end, at 529.6 s: attempt 1 "
        "succeeded."
    ),
    "nothing kept": (
        "1 attempt failed, and 0 retries are allowed, so it is lost: no dead-letter queue keeps it."
    ),
}
ANSWERS = {
    "default": "its retries are used up, and it is kept",
    "90 s age": "it grows too old, and it is kept",
    "throttled for 6 h": "it grows too old, and it is kept",
    "healed in time": "it succeeds in the end",
    "free again in time": "it succeeds in the end",
    "nothing kept": "its retries are used up, and it is lost",
}


@pytest.fixture(scope="module")
def explorer():
    return BackoffExplorer()


@pytest.mark.parametrize("preset", BackoffExplorer.presets)
def test_each_preset_tells_what_happened(explorer, preset) -> None:
    explorer.preset = preset
    proving.check(explorer.why, explorer.trace)
    assert SENTENCES[preset] in explorer.why
    assert explorer.question.answer == ANSWERS[preset]


def test_a_short_wait_that_would_pass_the_limit_is_twice_the_last(explorer) -> None:
    explorer.settings = explorer.scenario(kind="throttle", maximum_event_age=79)
    assert (
        "one more wait, twice as long as the last, would have passed the limit of 79 s"
        in explorer.why
    )


def test_one_failure_then_success(explorer) -> None:
    explorer.settings = explorer.scenario(failing_for=5.0)
    assert explorer.why.startswith("1 attempt failed; the wait was 68.2 s, and attempt 2 succeeded")
    proving.check(explorer.why, explorer.trace)


def test_the_second_attempt_may_be_the_one_that_never_comes(explorer) -> None:
    explorer.settings = explorer.scenario(maximum_event_age=60)
    assert explorer.why.startswith("No second attempt: age ")
    assert "next wait 60 s" in explorer.why


def test_the_figures_are_the_events(explorer) -> None:
    explorer.preset = "throttled for 6 h"
    figures = explorer.figures(explorer.trace)
    assert (figures["attempts"], figures["throttles"]) == ("0", "76")
    assert figures["ended as"] == "dead letter"

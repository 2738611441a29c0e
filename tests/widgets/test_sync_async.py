"""Who waits: each preset's sentence, question and figures."""

from __future__ import annotations

import pytest

from lambdalab.widgets import SyncAsyncExplorer
from tests.widgets import proving

SENTENCES = {
    "getOrder": (
        "The client waited 2.23 s, and its 200 brought the function's result. With Event the client had "
        "202 at once, when nothing was done yet: the function ran for 2.00 s, up to 2.38 s."
    ),
    "35 s job behind the API": (
        "The caller got 504 at 29 s. The function ran on to 35.2 s and was billed for 35 s. With Event "
        "the client had 202 at once, when nothing was done yet: the function ran for 35 s, up to 35.4 s."
    ),
    "failing sync": (
        "After 2.23 s the client heard in a 200 that the function had failed. Lambda did not try again, "
        "nor did the client: an error in a 200 is an answer. The order is kept nowhere."
    ),
    "failing async": (
        "With Event the client had 202 at once and heard no more: Lambda ran the event 3 times within "
        "203.6 s, and it went to `failed`."
    ),
    "impatient client": (
        "The client waited 3.00 s in each of 3 tries and gave up at 10.9 s. One order made 3 runs: each "
        "try began one, none was stopped when nobody waited any more. The last ran on to 12.9 s; together "
        "they were billed for 15 s."
    ),
    "300 KB": "The Event was refused with 413: 300 KB is more than the 256 KB that one may have.",
}
ANSWERS = {
    "getOrder": "the function's result",
    "35 s job behind the API": "no answer of Lambda in time; the function runs on",
    "failing sync": "an error from Lambda, which does not try again",
    "failing async": "3 runs",
    "impatient client": "no answer of Lambda in time; the function runs on",
    "times out": "an error from Lambda, which does not try again",
}


@pytest.fixture(scope="module")
def explorer():
    return SyncAsyncExplorer()


@pytest.mark.parametrize("preset", SyncAsyncExplorer.presets)
def test_each_preset_tells_what_happened(explorer, preset) -> None:
    explorer.preset = preset
    proving.check(explorer.why, explorer.trace)
    assert SENTENCES.get(preset, "") in explorer.why
    assert explorer.question.answer == ANSWERS.get(preset, explorer.question.answer)


def test_the_client_sends_again_what_lambda_does_not(explorer) -> None:
    explorer.settings = explorer.scenario(
        failing=True, api=True, client_tries=3, sent="RequestResponse"
    )
    assert "That was try 3: after its first 502 the client had sent the order again" in explorer.why
    assert "it made 3 runs" in explorer.why
    proving.check(explorer.why, explorer.trace)


def test_a_size_that_is_refused_is_told_with_what_the_caller_got(explorer) -> None:
    explorer.settings = explorer.scenario(payload_bytes=7 * 1024**2)
    assert "refused with 413: 7.00 MB is more than the 6.00 MB that one may have." in explorer.why
    assert explorer.figures(explorer.trace)["event's client waits"] == "refused"
    explorer.set(api=True, client_tries=3)
    assert (
        "was refused with 500 in each of 3 tries: 7.00 MB is more than the 6.00 MB" in explorer.why
    )
    assert (
        "The Event was refused with 500: 7.00 MB is more than the 256 KB that one" in explorer.why
    )


def test_a_run_that_goes_on_may_yet_be_stopped_by_its_own_timeout(explorer) -> None:
    explorer.settings = explorer.scenario(duration=50.0, timeout=27, client_timeout=20.0)
    assert (
        "ran on to 27.2 s, where its own timeout stopped it, and was billed for 27 s"
        in explorer.why
    )
    explorer.set(client_tries=2)
    assert (
        "2 runs: each try began one, none was stopped when nobody waited any more." in explorer.why
    )


def test_the_figures_tell_what_ran_for_nobody(explorer) -> None:
    explorer.preset = "35 s job behind the API"
    figures = explorer.figures(explorer.trace)
    assert figures["synchronous client waits"] == "29 s"
    assert figures["event's client waits"] == "not at all"
    assert figures["ran on for nobody"] == "6.23 s"
    explorer.preset = "getOrder"
    assert explorer.figures(explorer.trace)["ran on for nobody"] == "0.00 s"


def test_no_answer_of_the_question_is_always_right(explorer) -> None:
    answers = set()
    for preset in explorer.presets:
        explorer.preset = preset
        answers.add(explorer.question.answer)
    assert len(answers) >= 4

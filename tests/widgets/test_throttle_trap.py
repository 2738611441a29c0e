"""The throttle trap's explorer: what each preset shows and says, and the question's answer."""

from __future__ import annotations

import re

import pytest

from lambdalab.widgets import ThrottleTrapExplorer

WAITS, TAKEN, FAILS, HEALTHY = ThrottleTrapExplorer(predict_first=True).question.options


@pytest.mark.parametrize(
    ("preset", "said", "answer"),
    [
        (
            "the trap",
            r"140 messages died\. None of them ever reached your code: m\d+ was received 3 times, "
            r"found both places taken, and went to `failed`\. All 66 runs succeeded\.",
            HEALTHY,
        ),
        ("cured", r"nothing was throttled: the mapping takes at most 2 batches at a time", TAKEN),
        ("too generous", r"died\. None .* by pollers that hold up to 4 batches", HEALTHY),
        (
            "more receives",
            r"Nothing died this time\. But \d+ calls were throttled, and m\d+",
            WAITS,
        ),
        ("more room", r"Nothing died this time\.", WAITS),
    ],
)
def test_each_preset_says_what_happened(preset, said, answer) -> None:
    explorer = ThrottleTrapExplorer(preset=preset)
    assert re.search(said, explorer.why), explorer.why
    assert explorer.question.answer == answer


def test_who_died_while_its_run_was_at_work_is_not_called_unreached() -> None:
    explorer = ThrottleTrapExplorer(messages=1000)
    held = explorer.trace.batch_records
    ran = set(explorer.trace.batches.query("outcome == 'success'")["batch_id"])
    died = set(explorer.trace.queue_events.query("action == 'dead_lettered'")["event_id"])
    tried = died & set(held.loc[held["batch_id"].isin(ran), "event_id"])
    assert 0 < len(tried) < len(died) / 2
    assert "Most of them never reached your code" in explorer.why


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"reserved_concurrency": 1, "messages": 100}, "found the only place taken"),
        ({"reserved_concurrency": 3, "messages": 500, "max_receive_count": 1}, "all 3 places"),
        ({"messages": 10}, "at most 1 batch ran at once"),
        (
            {"reserved_concurrency": 1, "messages": 20, "max_receive_count": 1},
            "was received once, found the only place taken, and went to `failed`. The only run succeeded",
        ),
        (
            {"reserved_concurrency": 1, "messages": 100, "max_receive_count": 2, "duration": 29.0},
            "was received twice, found",
        ),
        ({"max_receive_count": 10}, " of its 10 receives, though it needed one."),
        (
            {
                "messages": 720,
                "reserved_concurrency": 1,
                "maximum_concurrency": 8,
                "duration": 1.0,
                "max_receive_count": 2,
                "visibility_timeout": 100,
            },
            "ran at the last of its 2 receives: once more without a place, and it would have died.",
        ),
    ],
)
def test_other_ends_have_sentences_too(settings, said) -> None:
    assert said in ThrottleTrapExplorer(**settings).why


def test_key_figures_count_what_the_books_have() -> None:
    explorer = ThrottleTrapExplorer()
    figures, trace = explorer.figures(explorer.trace), explorer.trace
    assert figures["messages"] == "800"
    assert figures["dead letters"] == "140"
    assert figures["failed runs"] == "0"
    assert figures["throttles"] == str((trace.invocations["status"] == "throttled").sum())


def test_one_message_is_asked_of_as_one() -> None:
    assert ThrottleTrapExplorer(messages=1).question.text == "Will the message die?"

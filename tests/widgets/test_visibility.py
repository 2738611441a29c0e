"""The visibility explorer: what each preset shows and says, and the question's answer."""

from __future__ import annotations

import re

import pytest

from lambdalab.widgets import VisibilityExplorer

ONCE, TWICE, DEAD, _ = VisibilityExplorer(predict_first=True).question.options


@pytest.mark.parametrize(
    ("preset", "said", "answer"),
    [
        (
            "too short",
            r"m\d+ came back at 30 s while its first run lasted to 3\d\.\d s: processed twice\. "
            r"20 of 30 messages came back so\.",
            TWICE,
        ),
        ("long enough", r"No message came back: the longest run took .* invisible for 120 s\.", ONCE),
        ("a window cures it", r"invisible for 95 s, not the 30 s of the queue: with a window", ONCE),
        (
            "dead, and done",
            r"m1 died at 15 s, after 3 receives of 5\.00 s each\. b1 still had it, and succeeded at "
            r"32\.3 s: dead, and done\. In all, 30 messages went to `failed`\.",
            DEAD,
        ),
        (
            "one bad of ten",
            r"One exception \(`order 6 has no price`\) failed all 10 messages of b1, which stayed "
            r"invisible until 30 s\. After 3 receives, 10 messages died\.",
            "10 messages",
        ),
        (
            "partial response",
            r"b1 named 1 of its 10 messages: 9 were deleted at once, and only m6 stayed, invisible "
            r"until 30 s\. After 3 receives, 1 message died alone\.",
            "1 message",
        ),
        (
            "redrive",
            r"10 dead letters were sent back at 90 s, .* 10 messages were dealt with\.",
            "10 messages",
        ),
    ],
)  # fmt: skip
def test_each_preset_says_what_happened(preset, said, answer) -> None:
    explorer = VisibilityExplorer(preset=preset)
    assert re.search(said, explorer.why), explorer.why
    assert explorer.question.answer == answer


def test_the_message_of_the_sentence_was_in_two_batches() -> None:
    explorer = VisibilityExplorer()
    message = next(fact for fact in explorer.why.facts if fact.text.startswith("m"))
    event = dict(message.where)["event_id"]
    held = explorer.trace.batch_records
    assert (held["event_id"] == event).sum() == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"p50": 60.0, "p99": 60.0, "timeout": 20, "messages": 5},
            "The function's timeout of 20 s",
        ),
        ({"p50": 1.0, "p99": 2.0, "messages": 1, "bad": 1}, "failed its only message of b1"),
        (
            {"p50": 1.0, "p99": 2.0, "messages": 10, "bad": 3, "partial_failures": True},
            "b1 named 3 of its 10 messages: 7 were deleted at once, and only the rest stayed",
        ),
        (
            {"p50": 1.0, "p99": 2.0, "messages": 4, "bad": 4, "partial_failures": True},
            "b1 named all 4 of its messages",
        ),
        (
            {"p50": 1.0, "p99": 2.0, "messages": 2, "bad": 1, "partial_failures": True},
            "b1 named 1 of its 2 messages: 1 was deleted at once",
        ),
        (
            {"p50": 1.0, "p99": 2.0, "messages": 1, "bad": 1, "partial_failures": True},
            "b1 named its only message, invisible",
        ),
        (
            {"p50": 1.0, "p99": 2.0, "bad": 1, "max_receive_count": 1},
            "After 1 receive, 10 messages",
        ),
    ],
)
def test_other_ends_have_sentences_too(settings, said) -> None:
    assert said in VisibilityExplorer(**settings).why


def test_key_figures_count_what_the_books_have() -> None:
    explorer = VisibilityExplorer(preset="dead, and done")
    figures = explorer.figures(explorer.trace)
    assert (
        figures["messages"] == figures["to the function again"] == figures["dead letters"] == "30"
    )
    assert figures["runs"] == str(len(explorer.trace.attempts)) == "9"
    assert figures["invisible for"] == "5.00 s"


def test_p50_above_p99_is_answered_in_words() -> None:
    explorer = VisibilityExplorer()
    slider = next(c.widget for c in explorer._controls if c.name == "p50")
    slider.value = 58.0
    assert "at least p50 (58 s)" in explorer.status.value
    next(c.widget for c in explorer._controls if c.name == "p99").value = 59.0
    assert (explorer.settings.p50, explorer.settings.p99) == (58.0, 59.0)


LATE = {"visibility_timeout": 20, "p50": 23.0, "p99": 60.0, "max_receive_count": 5}


def _came_back_while_running(trace) -> set[str]:
    """The messages that returned to the queue before a batch that had them was over."""
    held = trace.batch_records.merge(trace.batches[["batch_id", "opened_at", "completed_at"]])
    back = trace.queue_events.query("action == 'returned' and cause == 'visibility_timeout'")
    both = held.merge(back[["event_id", "at"]], on="event_id")
    return set(both.query("opened_at < at < completed_at")["event_id"])


@pytest.mark.parametrize("settings", [{"bad": 3}, {"bad": 3, "partial_failures": True}, {}])
def test_only_those_are_counted_that_came_back_while_their_run_was_at_work(settings) -> None:
    explorer = VisibilityExplorer(**LATE, **settings)
    told = re.search(r"(\d+) of 30 messages came back so", explorer.why)
    assert int(told[1]) == len(_came_back_while_running(explorer.trace))
    ran = "given to the function" if settings else "processed"
    assert f"{ran} " in explorer.why


def test_who_is_sent_back_and_dies_again_is_counted_once() -> None:
    explorer = VisibilityExplorer(visibility_timeout=5, redrive=True)
    assert "In all, 30 messages went to `failed`. 30 dead letters were sent back" in explorer.why
    assert explorer.why.endswith("0 messages were dealt with, and 30 died again.")
    assert explorer.figures(explorer.trace)["messages"] == "30"
    late = VisibilityExplorer(**LATE, bad=3, redrive=True)
    assert " of 30 messages came back so" in late.why
    assert late.question.answer == "30 messages"


def test_that_only_the_bad_ones_die_is_offered_as_an_answer() -> None:
    explorer = VisibilityExplorer(p50=1.0, p99=2.0, bad=2, messages=30)
    assert explorer.question.answer == "20 messages"
    assert "2 messages" in explorer.question.options

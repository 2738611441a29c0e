"""Questions: two to five answers that differ, the right one among them."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.widgets.predicting import Question, numbered


def test_a_verdict_names_the_right_answer() -> None:
    question = Question("How often?", ("once", "twice"), "twice")
    assert question.verdict("twice") == "Right: twice."
    assert question.verdict("once") == "Not quite. It is: twice."
    with pytest.raises(dataclasses.FrozenInstanceError):
        question.answer = "once"


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (("a", "b"), "c"),
        (("a", "a"), "a"),
        (("a",), "a"),
        (("a", "b", "c", "d", "e", "f"), "a"),
    ],
)
def test_a_question_without_one_right_answer_is_refused(options, answer) -> None:
    with pytest.raises(ValueError, match=r"must be one of|two to five options"):
        Question("?", options, answer)


@given(right=st.integers(0, 10**6), wrong=st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_counts_stand_in_order_with_the_right_one_among_them(right, wrong) -> None:
    if set(wrong) == {right}:
        return
    question = numbered("How many?", right, tuple(wrong), "batch", "batches")
    assert 2 <= len(question.options) <= 5
    counts = [int(option.split()[0].replace(",", "")) for option in question.options]
    assert counts == sorted(counts)
    assert question.answer == f"{right:,} {'batch' if right == 1 else 'batches'}"
    assert set(counts) <= {right, *wrong}


def test_the_right_one_of_many_is_not_always_the_last() -> None:
    places = {
        numbered("?", right, tuple(range(12)), "run").options.index(
            f"{right:,} run{'' if right == 1 else 's'}"
        )
        for right in range(12)
    }
    assert len(places) > 2

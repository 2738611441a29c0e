"""The card of a quiz, from code: its state, what it shows, its text form and its picture."""

from __future__ import annotations

import base64
import html

import pytest
import traitlets

import lambdalab as ll
from lambdalab.errors import UnknownName
from lambdalab.widgets.question_card import QuestionCard

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def card() -> QuestionCard:
    """Three questions on failures, the first of which wants one answer."""
    return ll.quiz.show(topic="failures", number=3, seed=4)


def right(card: QuestionCard) -> list[str]:
    return list(card.sitting.questions[card.position].prove().right)


def wrong(card: QuestionCard) -> list[str]:
    asked = card.sitting.questions[card.position]
    return [n for n in asked.letters if n not in right(card)][: asked.choose]


def test_nothing_of_the_answer_is_there_before_it_is_given(card: QuestionCard) -> None:
    asked = card.sitting.questions[0]
    assert card.card["text"].startswith(html.escape(asked.text[:20]))
    assert [letter for letter, _ in card.card["options"]] == list(asked.letters)
    assert card.card["verdict"] is None
    assert card.card["run"] is None
    assert card.card["score"] == ""
    assert asked.prove().right
    assert "Right" not in repr(card)


def test_check_judges_what_is_chosen(card: QuestionCard) -> None:
    card.chosen = wrong(card)
    card.check()
    verdict = card.sitting.verdicts[0]
    assert card.checked
    assert card.card["verdict"]["correct"] is False
    assert card.card["verdict"]["right"] == list(verdict.right)
    assert card.card["score"] == "0 of 1 right"
    assert "Not quite" in card.card["verdict"]["headline"]
    asked = card.sitting.questions[0]
    assert html.unescape(card.card["run"]["code"]) == asked.code
    assert card.card["run"]["sources"]
    shown = {letter for letter, _ in card.card["run"]["tables"]}
    assert shown == ({f"with {n})" for n in {*verdict.chosen, *verdict.right}} or {""})
    assert verdict.headline in repr(card)


def test_who_has_seen_the_answer_picks_no_more(card: QuestionCard) -> None:
    card.chosen = wrong(card)
    card.check()
    chosen = list(card.chosen)
    card.chosen = right(card)
    assert card.chosen == chosen
    card.checked = False
    assert card.checked
    assert card.sitting.answered == 1


def test_too_few_or_too_many_are_not_judged(card: QuestionCard) -> None:
    card.check()
    assert not card.checked
    assert card.card["note"] == "Choose one option first."
    card.chosen = ["A", "B"]
    card.check()
    assert card.card["note"] == "Choose one option first."
    assert card.sitting.answered == 0
    card.chosen = right(card)
    card.check()
    assert card.card["note"] == ""
    assert card.card["verdict"]["correct"] is True


def test_next_and_previous(card: QuestionCard) -> None:
    card.chosen = right(card)
    card.check()
    card.previous()
    assert card.position == 0
    card.next()
    assert (card.position, card.chosen, card.checked) == (1, [], False)
    card.chosen = ["A"]
    card.next()
    card.next()
    assert (card.position, card.chosen, card.card["last"]) == (2, [], True)
    card.position = 0
    assert card.checked
    assert card.chosen == list(card.sitting.verdicts[0].chosen)
    with pytest.raises(traitlets.TraitError, match="0 to 2"):
        card.position = 3
    with pytest.raises(UnknownName, match="'Z'"):
        card.position, card.chosen = 1, ["Z"]


def test_card_and_sitting_are_one(card: QuestionCard) -> None:
    assert card.sitting.card() is card
    card.sitting.answer(*right(card))
    assert card.checked
    assert card.card["verdict"]["correct"] is True


def test_the_end(card: QuestionCard) -> None:
    card.chosen = wrong(card)
    card.check()
    for _ in range(2):
        assert card.card["summary"] == ""
        card.next()
        card.chosen = right(card)
        card.check()
    assert "<b>2 of 3 right</b>" in card.card["summary"]
    missed = card.sitting.questions[0].lesson
    assert f"Read again: {missed} {ll.quiz.LESSONS[missed]}." in card.card["summary"]


def test_a_question_with_two_answers_has_check_boxes() -> None:
    sitting = ll.quiz.Quiz(topic="triggers", number=100)
    places = [n for n, each in enumerate(sitting.questions) if each.choose == 2]
    card = sitting.card()
    card.position = places[0]
    assert not card.card["single"]
    assert card.card["text"].endswith("(Choose two.)")
    assert repr(card).startswith(f"Question {places[0] + 1} of ")


def test_where_no_widget_runs(card: QuestionCard) -> None:
    data, _ = card.sitting._repr_mimebundle_()
    before = base64.b64decode(data["image/png"])
    assert before.startswith(PNG)
    assert "A) " in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data
    card.chosen = right(card)
    card.check()
    data, _ = card._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) != before
    assert "Right: " in data["text/plain"]

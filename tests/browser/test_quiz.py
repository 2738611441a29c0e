"""A quiz as a person takes it, in Voila: by mouse and by keys; what a screen reader hears of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

import lambdalab as ll
from tests.browser.pages import Notebook

if os.environ.get("BROWSER_REQUIRED") != "1":  # else the import below fails, as it should
    pytest.importorskip("playwright")
from playwright.sync_api import expect

# Voila's own page asks these for icons and formulas, and does without where it gets no answer.
VOILAS_OWN = (
    "https://cdn.jsdelivr.net/npm/@fortawesome/",
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
)
QUIZ = {"topic": "triggers", "number": 3, "seed": 1}


def option(root: Any, letter: str) -> Any:
    return root.locator(f"label:has(input[value='{letter}'])")


def button(root: Any, name: str) -> Any:
    return root.get_by_role("button", name=name, exact=True)


def plain(text: str) -> re.Pattern[str]:
    """What a page shows of a text, whose backticks are code there."""
    return re.compile(re.escape(text.replace("`", "")))


def test_a_quiz_in_the_browser(
    notebook: Notebook, make_notebook: Callable[[list[str]], str]
) -> None:
    sitting = ll.quiz.Quiz(**QUIZ)  # the twin: it is answered as the page is
    cell = f"import lambdalab as ll\nll.quiz.Quiz(**{QUIZ!r})"
    page = notebook.open_voila(make_notebook([cell])).page
    root = page.locator(".lambdalab-quiz")
    expect(root.get_by_role("heading", name="Question 1 of 3", exact=True)).to_be_visible()
    _wrong_by_mouse(root, sitting)
    notebook.shot("quiz-wrong")
    _look_at_the_run(root, sitting)
    notebook.shot("quiz-run")
    button(root, "Next").click()
    expect(root.get_by_role("heading", name="Question 2 of 3", exact=True)).to_be_focused()
    _right_by_keys(page, root, sitting)
    button(root, "Next").click()
    _to_the_end(root, sitting)
    notebook.shot("quiz-end")
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth")
    notebook.check(outside=VOILAS_OWN)


def _wrong_by_mouse(root: Any, sitting: Any) -> None:
    asked = sitting.current
    right = asked.prove().right
    expect(root.get_by_role("group", name=plain(asked.text))).to_have_count(1)
    status = root.get_by_role("status")
    expect(status).to_be_empty()
    button(root, "Check").click()
    expect(status).to_contain_text("first.")
    picks = [letter for letter in asked.letters if letter not in right][: asked.choose]
    for letter in picks:
        option(root, letter).click()
    button(root, "Check").click()
    verdict = sitting.answer(picks)
    expect(status).to_contain_text(plain(verdict.headline))
    expect(status).to_contain_text(plain(verdict.why))
    for letter in asked.letters:
        marks = [*["✓ right"] * (letter in right), *["✗ your pick"] * (letter in picks)]
        expect(option(root, letter).locator(".mark")).to_have_text(", ".join(marks))
        expect(option(root, letter).locator("input")).to_be_disabled()
    expect(root.locator(".score")).to_have_text("0 of 1 right")
    expect(button(root, "Next")).to_be_focused()


def _look_at_the_run(root: Any, sitting: Any) -> None:
    run = root.locator("details")
    expect(run.locator("pre").first).to_be_hidden()
    run.locator("summary").click()
    expect(run.locator("pre").first).to_have_text(sitting.questions[0].code.strip())


def _right_by_keys(page: Any, root: Any, sitting: Any) -> None:
    """Tab to the options; arrows choose among radio buttons, Space ticks a box; then to Check."""
    asked = sitting.current
    page.keyboard.press("Tab")
    for number, letter in enumerate(asked.letters):
        if asked.choose == 1:
            page.keyboard.press("ArrowDown" if number else "Space")
        elif letter in asked.prove().right:
            page.keyboard.press("Space")
        if (letter,) == asked.prove().right:
            break
        if asked.choose > 1:
            page.keyboard.press("Tab")
    button(root, "Check").focus()
    page.keyboard.press("Enter")
    verdict = sitting.answer(asked.prove().right)
    expect(root.get_by_role("status")).to_contain_text(plain(verdict.headline))
    expect(root.locator(".score")).to_have_text("1 of 2 right")


def _to_the_end(root: Any, sitting: Any) -> None:
    asked = sitting.current
    for letter in asked.prove().right:
        option(root, letter).locator("input").check()
    button(root, "Check").click()
    sitting.answer(asked.prove().right)
    summary = root.locator(".summary", has_text="Read again")
    expect(summary).to_contain_text("2 of 3 right")
    for number, title in sitting.to_read().items():
        expect(summary).to_contain_text(f"{number} {title}")
    button(root, "Previous").click()
    expect(root.get_by_role("heading", name="Question 2 of 3", exact=True)).to_be_visible()
    expect(root.get_by_role("status")).to_contain_text("Right: ")

"""The page of the quiz: every question, and folded below it the answer that a run proves at build time."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

HEAD = """# Quiz

Questions of the kind that certifications ask about invocation. No answer is written down anywhere: each
has been proved by a run while this page was made, and your lab proves it again:

```python
from lambdalab import quiz

quiz.Quiz(number=10)                        # ten questions on a card, in a notebook
quiz.find("{id}").answer("A")  # or one of them, in plain Python
```

Choose before you unfold. Every name is at [the reference](reference/quiz.md).
"""


def there_is_a_quiz() -> bool:
    """Whether the package has its questions."""
    spec = importlib.util.find_spec("lambdalab.quiz")
    return spec is not None and spec.origin is not None


def quiz_page(quiz: Any, topics: dict[str, str], notebooks: dict[str, str]) -> str:
    """The page of these topics; ``notebooks`` are the lessons' files by number."""
    questions = quiz.questions()
    parts = [HEAD.format(id=questions[0].id)]
    for topic, about in topics.items():
        parts.append(f"## {topic.capitalize()}: {about}\n")
        for question in (each for each in questions if each.topic == topic):
            parts += _question(question, notebooks[question.lesson])
    return "\n".join(parts)


def _question(question: Any, notebook: str) -> Iterator[str]:
    choose = f" *Choose {question.choose}.*" if question.choose > 1 else ""
    yield f'<span id="{question.id}"></span>\n\n**{_safe(question.text)}**{choose}\n'
    yield (
        "\n".join(f"- **{letter}** {_safe(text)}" for letter, text in question.letters.items())
        + "\n"
    )
    verdict = question.answer(*list(question.letters)[: question.choose])
    right = ", ".join(f"**{letter}**" for letter in verdict.right)
    yield f"<details><summary>Answer</summary>\n\n{right}. {_safe(verdict.why)}\n"
    shown = [f"- **{letter}** {_safe(text)}" for letter, text in verdict.shown.items()]
    yield from ["\n".join(shown) + "\n"] if shown else []
    yield f"[Lesson {question.lesson}](../notebooks/{notebook}) · `{question.id}`\n\n</details>\n"


def _safe(text: str) -> str:
    """Text in which only backticks mean anything."""
    parts = text.split("`")
    marks = str.maketrans({mark: f"\\{mark}" for mark in "\\*_[]<$"})
    return "`".join(part if n % 2 else part.translate(marks) for n, part in enumerate(parts))

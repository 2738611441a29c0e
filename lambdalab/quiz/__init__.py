"""A quiz on invocation, as the AWS certifications ask: every answer is proved by a simulation.

A question is a set-up that runs, and options that hold, or do not, on what its run shows. No answer is
stored: it is found when you pick.

>>> import lambdalab as ll
>>> question = ll.quiz.find("runs_of_a_failing_event")
>>> question.ask()
A function raises an exception each time. A client invokes it once with invocation type `Event`. The
function and its retries have their default settings. How often does it run?
  A) Once
  B) Twice
  C) Three times
  D) Again and again for 6 hours
>>> verdict = question.answer("B")
>>> verdict
Not quite: C) Three times
Runs: 3, the first one and the retries; then the event is given up (failed). The 6 hours are for
events that find no room, not for a function that fails.

``question.code`` is the program that has run, and ``verdict.trace`` all that has happened in it:

>>> verdict.trace.short.attempts[["t_s", "attempt", "cause"]]
       t_s  attempt              cause
0    0.150        1      first_attempt
1   71.224        2  retry_after_error
2  199.908        3  retry_after_error

With other rules another option may be right: ``question.answer("B", quotas={"maximum_retry_attempts":
1})``. ``questions()`` lists them all, by topic or lesson; a :class:`Quiz` asks some of them, one after
the other. A cell that ends with one, or with ``ll.quiz.show(lesson="04")``, shows a card to answer in.

>>> sitting = ll.quiz.Quiz(topic="failures", number=3, seed=7)
>>> while not sitting.finished:
...     asked = sitting.ask()
...     verdict = sitting.answer(*sitting.current.prove().right)
>>> sitting.summary()
3 of 3 right
  failures  3 of 3
"""

from lambdalab.quiz.lessons import LESSONS, TOPICS
from lambdalab.quiz.question import Option, Question, QuizError
from lambdalab.quiz.seen import Seen
from lambdalab.quiz.shelf import find, questions
from lambdalab.quiz.sitting import Quiz, show
from lambdalab.quiz.verdict import Verdict

__all__ = [
    "LESSONS",
    "TOPICS",
    "Option",
    "Question",
    "Quiz",
    "QuizError",
    "Seen",
    "Verdict",
    "find",
    "questions",
    "show",
]

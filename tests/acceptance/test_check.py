"""Issue 5, shows 6: an order service with one mistake planted per rule, and the same mended."""

from __future__ import annotations

from collections import Counter

import lambdalab as ll
from lambdalab.advice import Advice
from lambdalab.examples import design_review


def test_the_findings_are_the_planted_mistakes(lab: ll.Lab) -> None:
    design_review.a_day(design_review.wrong(lab))
    found = lab.check()
    assert Counter(one.kind for one in found) == Counter(design_review.PLANTED.keys())
    assert all(isinstance(one, Advice) for one in found)


def test_each_counter_example_has_run(lab: ll.Lab) -> None:
    design_review.a_day(design_review.wrong(lab))
    for found in lab.check():
        assert isinstance(found, Advice)
        assert len(found.trace.attempts) > 0, found.kind
        found.trace.audit()
        assert 1 <= len(found.proof) <= 4, "a short table"
        assert found.rule
        assert found.example.told


def test_nothing_is_wrong_with_the_right_one(lab: ll.Lab) -> None:
    design_review.a_day(design_review.right(lab))
    assert lab.check() == ()
    lab.run()
    assert lab.check() == ()
    assert lab.trace.findings() == ()


def test_who_holds_the_oldest_message_until_when_and_why(lab: ll.Lab) -> None:
    design_review.a_day(design_review.wrong(lab))
    told = {found.kind: found.advice for found in lab.trace.findings()}
    assert "is the oldest, sent at 900 s: b" in told["oldest message"]
    assert "of payments->pay holds it and" in told["oldest message"]
    assert "when its visibility timeout ends" in told["oldest message"]
    assert "caller gave up" in told

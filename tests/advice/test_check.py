"""``lab.check()``: what it looks at, how it shows itself, and that it changes nothing."""

from __future__ import annotations

import html

import pytest

import lambdalab as ll
from lambdalab.advice import Advice, Checked
from lambdalab.advice.check import LOOKS
from lambdalab.errors import InsideHandler, InvalidSetting, LabClosed


def queue_of(lab: ll.Lab, visibility: int, timeout: int = 30, **mapping: object) -> ll.Queue:
    queue = lab.sqs.create_queue("orders", visibility_timeout=max(visibility, timeout))
    lab.create_function("bill", duration=1, timeout=timeout)
    lab.create_event_source_mapping(queue, "bill", **mapping)
    queue.update(visibility_timeout=visibility)
    return queue


def test_an_empty_lab_has_nothing(lab: ll.Lab) -> None:
    found = lab.check()
    assert isinstance(found, Checked)
    assert found == ()
    assert repr(found) == f"nothing found: {len(LOOKS)} rules looked at"
    assert "nothing found" in found._repr_html_()
    assert list(found.frame().columns) == ["severity", "kind", "subject", "rule", "advice"]


def test_what_cannot_be_decided_is_said(lab: ll.Lab) -> None:
    queue_of(lab, 180)
    assert lab.check() == ()
    assert "not decided: batch payload of orders->bill" in repr(lab.check())
    assert "not decided" not in repr(lab.check(record_size=100))


def test_a_finding_shows_itself_short_and_with_its_rule(lab: ll.Lab) -> None:
    queue_of(lab, 30)
    [found] = lab.check(record_size=100)
    assert isinstance(found, Advice)
    assert (found.kind, found.subject, found.severity) == (
        "visibility margin", "orders->bill", "warning",
    )  # fmt: skip
    assert "dg/services-sqs-configure" in found.rule
    assert max(map(len, repr(found).splitlines())) <= 100
    assert found.advice in found._repr_html_()
    assert found.proof is found.rows
    assert list(found.proof.settings) == ["as it is", "as advised"]
    assert len(found.trace.queue_events) > 0
    assert "As it is".lower() in repr(found.example)
    assert "1 finding: " in repr(lab.check(record_size=100))
    assert html.escape(found.subject) in lab.check(record_size=100)._repr_html_()


def test_it_changes_nothing_and_says_the_same_again(lab: ll.Lab) -> None:
    queue_of(lab, 30).send("1")
    lab.run()
    before, at = lab.trace.digest(), lab.elapsed
    first = lab.check(record_size=100)
    second = lab.check(record_size=100)
    assert (lab.trace.digest(), lab.elapsed) == (before, at)
    assert repr(first) == repr(second)
    assert first[0].trace is second[0].trace, "the same settings are simulated once"  # type: ignore[attr-defined]


def test_the_small_labs_have_the_rules_of_the_lab() -> None:
    lab = ll.Lab(seed=7, quotas={"mapping_visibility_factor": 2})
    queue_of(lab, 60)
    assert lab.check(record_size=100) == ()
    lab.sqs["orders"].update(visibility_timeout=59)
    [found] = lab.check(record_size=100)
    assert "changed by quotas=" in found.rule  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "1"])
def test_a_size_that_cannot_be_is_refused(lab: ll.Lab, size: object) -> None:
    with pytest.raises(InvalidSetting, match="record_size"):
        lab.check(record_size=size)  # type: ignore[arg-type]


def test_not_in_a_handler_and_not_in_a_closed_lab(lab: ll.Lab) -> None:
    @lab.function
    def curious(event: object, context: object) -> str:
        try:
            lab.check()
        except InsideHandler:
            return "refused"
        return "checked"

    assert lab.invoke(curious).payload == "refused"
    lab.close()
    with pytest.raises(LabClosed):
        lab.check()

"""``lab.check()``: what it looks at, how it shows itself, and that it changes nothing."""

from __future__ import annotations

import html

import pytest

import lambdalab as ll
from lambdalab.advice import Advice, Checked
from lambdalab.advice.check import LOOKS
from lambdalab.advice.design import Design
from lambdalab.advice.small import Small
from lambdalab.errors import InsideHandler, InvalidSetting, LabClosed, UnknownName
from lambdalab.examples import design_review


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


def test_a_small_account_has_small_labs_too() -> None:
    lab = ll.Lab(seed=7, quotas={"account_concurrency": 3})
    queue_of(lab, 30)
    assert lab.check(record_size=100).kinds == ["visibility margin"]  # type: ignore[attr-defined]


def test_a_scene_that_the_rules_do_not_allow_is_left_out() -> None:
    lab = ll.Lab(seed=7, quotas={"timeout_maximum": 20, "api_gateway_rest_timeout": 10})
    lab.create_function("notify", duration=1, dead_letter_queue="failed")
    small = Design(lab).small
    assert small.once(refused, "x") is None
    assert "there are none yet" in small.failed[0]


def refused(small: Small, name: str) -> None:
    small.lab().invoke(name)


def test_the_first_of_a_kind(lab: ll.Lab) -> None:
    queue_of(lab, 30)
    found = lab.check(record_size=100)
    assert isinstance(found, Checked)
    assert found.first("visibility margin") is found[0]
    assert "(warning)" in repr(found[0])
    with pytest.raises(UnknownName, match="did you mean 'visibility margin'"):
        found.first("visibility margins")


def test_no_line_is_longer_than_a_screen(lab: ll.Lab) -> None:
    design_review.a_day(design_review.wrong(lab))
    lab.reset()  # so that some things cannot be decided
    found = lab.check()
    assert "not decided" in repr(found)
    assert max(map(len, repr(found).splitlines())) <= 100
    for one in found:
        assert isinstance(one, Advice)
        assert len(one.proof.columns) <= 9
        assert max(map(len, repr(one.example).splitlines())) <= 100


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

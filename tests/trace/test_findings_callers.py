"""What callers and services between met: gave up, not let in, malformed, lost."""

from __future__ import annotations

import lambdalab as ll
from lambdalab.trace.finding import Finding


def of_kind(lab: ll.Lab, kind: str) -> list[Finding]:
    return [found for found in lab.trace.findings() if found.kind == kind]


def test_a_caller_who_gave_up_while_the_function_ran_on(lab: ll.Lab) -> None:
    lab.create_function("report", duration=35, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/report", "report")
    api.get("/report")
    [found] = of_kind(lab, "caller gave up")  # still running
    lab.run()
    [found] = of_kind(lab, "caller gave up")
    assert found.subject == "shop GET /report"
    assert "1 request ended after 29 s without its answer" in found.advice
    assert "and 35 s were billed" in found.advice
    assert len(found.rows) == 1


def test_several_callers_who_gave_up(lab: ll.Lab) -> None:
    lab.create_function("report", duration=35, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/report", "report")
    lab.drive(api.routes[0], ll.Every(1), count=3)
    lab.run()
    [found] = of_kind(lab, "caller gave up")
    assert "3 requests ended without their answers, after 29 s at most" in found.advice
    assert "105 s were billed for answers that nobody got" in found.advice


def test_a_caller_who_was_answered_in_time_is_none(lab: ll.Lab) -> None:
    lab.create_function("report", lambda event, context: None)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/report", "report")
    api.get("/report")
    assert of_kind(lab, "caller gave up") == []
    [found] = of_kind(lab, "malformed responses")
    assert found.subject == "shop GET /report"
    assert "1 caller got 502 although the function had returned (r1" in found.advice


def test_who_is_not_let_in_is_told(lab: ll.Lab) -> None:
    notify = lab.create_function("notify", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe(notify)
    lab.remove_permission(notify)
    topic.publish("hello")
    lab.run()
    [found] = of_kind(lab, "permission denied")
    assert found.subject == "notify"
    assert "refused with 403" in found.advice
    [lost] = of_kind(lab, "lost events")
    assert lost.subject == "orders->notify"
    assert "1 event was given up (permission_denied) and left nothing behind" in lost.advice


def test_a_push_that_arrives_is_no_finding(lab: ll.Lab) -> None:
    notify = lab.create_function("notify", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe(notify)
    topic.publish("hello")
    lab.run()
    assert lab.trace.findings() == ()

"""A service that waits for a function, and stops waiting."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.trace.schema import Cause, InvocationType
from lambdalab.triggers import front
from tests.triggers.fronts import Shop, parts_of


def test_the_caller_gets_the_functions_answer(lab: ll.Lab) -> None:
    @lab.function
    def hello(event: Any, context: Any) -> Any:
        time.sleep(1)
        return {"got": event}

    reply = Shop(lab, "hello").post("/", {"n": 1})
    assert (reply.status_code, reply.json()) == (200, {"got": {"n": 1}})
    assert reply.headers["x-from"] == "shop"
    (row,) = lab.trace.requests.to_dict("records")
    assert (row["front"], row["status_code"], row["cause"]) == ("shop POST /", 200, "completed")
    assert row["latency_ms"] == reply.latency_ms == lab.trace.invocations["latency_ms"][0]
    assert row["request_id"] == reply.request_id == lab.trace.invocations["request_id"][0]
    assert lab.trace.attempts["cause"].tolist() == ["triggered"]
    assert lab.trace.invocations["source"].tolist() == ["shop"]


def test_a_front_stops_waiting_and_the_function_runs_on(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=35, timeout=60)
    reply = Shop(lab, "slow").get("/")
    assert (reply.status_code, lab.elapsed) == (504, 29)
    assert lab.trace.requests["cause"].tolist() == ["integration_timeout"]
    assert lab.trace.invocations["status"].tolist() == ["in_flight"]
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]
    assert lab.trace.attempts["billed_ms"].tolist() == [35_000]
    assert lab.trace.requests["latency_ms"].tolist() == [29_000]
    story = [line for _, line in lab.trace.story("r1").lines]
    assert any("is answered 504 after 29 s" in line for line in story)


@pytest.mark.parametrize("duration", [28.999, 29.001])
def test_the_limit_counts_the_cold_start(duration: float) -> None:
    lab = ll.Lab(quotas={"environment_setup": 0})
    lab.create_function("f", duration=duration - 1, init=1, timeout=60)
    reply = Shop(lab, "f").get("/")
    assert reply.status_code == (200 if duration < 29 else 504)
    lab.run()


def test_refused_and_failed_calls(lab: ll.Lab) -> None:
    lab.create_function("full", duration=1, reserved_concurrency=0)
    lab.create_function("broken", duration=1, failure_rate=1)
    assert Shop(lab, "full").get("/").status_code == 500
    assert Shop(lab, "broken").get("/").status_code == 502
    assert lab.trace.requests["cause"].tolist() == ["zero_reserved_concurrency", "function_error"]


def test_without_the_permission_nothing_runs(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    shop = Shop(lab, "f")
    assert shop.get("/").status_code == 200
    lab.remove_permission("f", "shop")
    assert shop.get("/").status_code == 500
    assert lab.trace.requests["cause"].tolist() == ["completed", "access_denied"]
    assert lab.trace.invocations["status_code"].tolist() == [200, 403]
    assert len(lab.trace.attempts) == 1


def test_a_function_that_is_gone_and_one_that_took_its_name(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    parts = parts_of(lab)
    heard: list[front.Result] = []
    target = parts.target("f")
    lab.delete_function("f")
    more: dict[str, Any] = {"source": 0, "principal": "", "source_arn": ""}
    front.call(parts, target, b"{}", heard.append, **more)
    assert heard[0].error is not None
    assert heard[0].error.status_code == 404
    lab.create_function("f", duration=1)
    front.call(parts, target, b"{}", heard.append, **more)
    lab.run()
    assert heard[1].good
    assert lab.trace.invocations["status_code"].tolist() == [404, 200]


def test_a_handler_asks_a_front(lab: ll.Lab) -> None:
    lab.create_function("inner", duration=2)
    shop = Shop(lab, "inner")

    @lab.function(timeout=10)
    def outer(event: Any, context: Any) -> Any:
        reply = shop.get("/x")
        return [reply.status_code, time.time()]

    start = 1_736_208_000
    status, at = lab.invoke(outer).payload
    assert status == 200
    assert at > start + 2
    inner = lab.trace.invocations.iloc[1]
    assert (inner["source"], inner["parent_kind"]) == ("shop", "request")
    assert lab.trace.requests["caller"].tolist() == ["client", "outer"]


def test_after_a_reset_all_is_wired_as_before(lab: ll.Lab) -> None:
    lab.create_function("f", duration=40, timeout=60)
    shop = Shop(lab, "f")
    assert shop.get("/").status_code == 504
    lab.reset()
    assert shop.get("/").status_code == 504
    lab.run()
    assert len(lab.trace.requests) == 1


@pytest.mark.parametrize(
    ("kind", "status", "cause"),
    [
        ("Event", 202, "completed"),
        ("DryRun", 204, "dry_run"),
        ("RequestResponse", 200, "completed"),
    ],
)
def test_every_invocation_type(lab: ll.Lab, kind: str, status: int, cause: str) -> None:
    lab.create_function("f", duration=2)
    parts, heard = parts_of(lab), list[front.Result]()
    waiting = front.call(
        parts, parts.target("f"), b"{}", heard.append, source=parts.books.name("shop"), principal="",
        source_arn="", kind=InvocationType.names.index(kind),
    )  # fmt: skip
    lab.run()
    [result] = heard
    assert (waiting.request, result.request, result.error) == (1, 1, None)
    row = lab.trace.invocations.iloc[0]
    assert (row["invocation_type"], row["status_code"], row["cause"]) == (kind, status, cause)
    told = {"Event": Cause.ACCEPTED, "DryRun": Cause.DRY_RUN}.get(kind, Cause.COMPLETED)
    assert result.cause == told


def test_an_event_that_is_no_json(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    parts, heard = parts_of(lab), list[front.Result]()
    front.call(
        parts, parts.target("f"), b"{", heard.append, source=0, principal="", source_arn="",
        problem="unexpected end of data",
    )  # fmt: skip
    [result] = heard
    assert result.error is not None
    assert (result.error.status_code, result.cause) == (400, Cause.INVALID_JSON)


def test_a_modelled_function_gives_each_service_the_answer_it_wants(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    rest, http = lab.api_gateway.create_rest_api("rest"), lab.api_gateway.create_http_api("http")
    old = lab.api_gateway.create_http_api("old", payload_format="1.0")
    for api in (rest, http, old):
        api.route("GET", "/x", "f")
    fronts = [rest, http, old, lab.create_function_url("f"), lab.elb.create_load_balancer("b", "f")]
    replies = [front.get("/x") for front in fronts]
    assert [(reply.status_code, reply.text) for reply in replies] == [(200, "null")] * 5
    pool = lab.cognito.create_user_pool("people", pre_sign_up="f")
    assert pool.sign_up("ann", {"email": "a@b.c"})
    stream = lab.firehose.create_delivery_stream("raw", "f", buffer_interval=1)
    stream.put_record(b"as it is")
    lab.run()
    assert stream.delivered == [b"as it is"]
    pages = lab.cloudfront.create_distribution("pages", origin={"/x": "page"})
    plain = pages.get("/x")
    for event_type in ("viewer-request", "origin-response"):
        pages.associate(event_type, lab.publish_version("f"))
    assert (pages.get("/x").status_code, pages.get("/x").body) == (plain.status_code, plain.body)
    assert set(lab.trace.invocations["status"]) == {"succeeded"}

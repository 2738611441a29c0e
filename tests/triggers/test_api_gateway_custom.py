"""API Gateway: the non-proxy integration of REST APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.triggers.api_gateway import MethodRequest, Route
from lambdalab.triggers.api_gateway.integration import INVOCATION_TYPE, choose, responses_of


class OrderError(Exception):
    """What the functions of these tests fail with."""


def order(event: Any, context: Any) -> Any:
    if isinstance(event, dict) and "fail" in event:
        raise OrderError(event["fail"])
    return {"got": event}


def put(lab: ll.Lab, **more: Any) -> Any:
    """A REST API whose ``PUT /orders/{id}`` is a non-proxy integration."""
    api = lab.api_gateway.create_rest_api("shop", stage_variables={"v": "1"})
    api.route("PUT", "/orders/{id}", lab.create_function("putOrder", order), proxy=False, **more)
    return api


# ---------------------------------------------------------------------- asynchronously


@pytest.mark.parametrize(
    "settings",
    [{"invocation_type": "Event"}, {"request_parameters": {INVOCATION_TYPE: "'Event'"}}],
    ids=["ours", "aws"],
)
def test_put_order_is_queued_and_the_caller_sees_what_is_mapped(lab: ll.Lab, settings: Any) -> None:
    lab.create_function("putOrder", duration=40, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    responses = {"": 202}
    route = api.route(
        "PUT", "/putOrder", "putOrder", proxy=False, integration_responses=responses, **settings
    )
    assert repr(route) == "<route shop PUT /putOrder → putOrder (Event), 29 s>"
    reply = api.put("/putOrder", {"order": 7})
    assert (reply.status_code, reply.body, reply.latency_ms) == (202, b"", 0)
    lab.run()
    request, run = lab.trace.requests.iloc[0], lab.trace.invocations.iloc[0]
    assert (request.front, request.cause) == ("shop PUT /putOrder", "accepted")
    assert (run.invocation_type, run.status, run.source) == (
        "Event", "succeeded", "shop PUT /putOrder",
    )  # fmt: skip
    assert run.request_id == request.request_id
    assert lab.trace.wired("route")["shop PUT /putOrder"]["invocation_type"] == "Event"


def test_without_a_mapping_lambdas_202_is_a_200(lab: ll.Lab) -> None:
    reply = put(lab, invocation_type="Event").put("/orders/7", {})
    assert (reply.status_code, reply.body) == (200, b"")
    assert lab.trace.requests.iloc[0].cause == "accepted"
    lab.run()


def test_a_failure_later_on_never_reaches_the_caller(lab: ll.Lab) -> None:
    api = put(lab, invocation_type="Event", integration_responses={".*": 400, "": 202})
    assert api.put("/orders/7", {"fail": "no"}).status_code == 202
    lab.run()
    assert lab.trace.invocations.iloc[0].attempts == 3


def test_the_caller_may_choose(lab: ll.Lab) -> None:
    told = {INVOCATION_TYPE: "method.request.header.InvocationType"}
    api = put(lab, request_parameters=told)
    assert api.put("/orders/7", {"a": 1}).json() == {"got": {"a": 1}}
    assert api.put("/orders/7", {}, headers={"InvocationType": "Event"}).body == b""
    assert api.put("/orders/7", {}, headers={"InvocationType": "DryRun"}).body == b""
    lab.run()
    assert list(lab.trace.invocations.invocation_type) == ["RequestResponse", "Event", "DryRun"]
    assert api.put("/orders/7", {}, headers={"InvocationType": "Evnt"}).status_code == 500
    assert api.execution_log[-1][1].endswith("Unknown invocation type: Evnt")


def test_an_event_over_256_kb_is_a_500(lab: ll.Lab) -> None:
    api = put(lab, invocation_type="Event", integration_responses={"": 202})
    assert api.put("/orders/7", {"x": "x" * 2**18}).status_code == 500
    assert lab.trace.requests.iloc[-1].cause == "payload_too_large"


# ---------------------------------------------------------------------- what the function gets


def test_the_body_is_the_event(lab: ll.Lab) -> None:
    api = put(lab)
    assert api.put("/orders/7", {"a": 1}).json() == {"got": {"a": 1}}
    assert api.put("/orders/7").json() == {"got": {}}
    assert api.put("/orders/7", "[1]").json() == {"got": [1]}


def test_a_body_that_is_no_json_is_a_400(lab: ll.Lab) -> None:
    reply = put(lab).put("/orders/7", "no json")
    assert reply.status_code == 400
    assert reply.json()["message"].startswith("Could not parse request body into json")
    assert lab.trace.requests.iloc[0].cause == "invalid_json"


def test_a_template_makes_the_event(lab: ll.Lab) -> None:
    seen: list[MethodRequest] = []

    def template(request: MethodRequest) -> dict[str, Any]:
        seen.append(request)
        return {"id": request.path_parameters["id"], "order": request.json()}

    api = put(lab, request_template=template)
    reply = api.put("/orders/7?q=1", {"n": 2}, headers={"X-A": "b"})
    assert reply.json() == {"got": {"id": "7", "order": {"n": 2}}}
    [request] = seen
    assert (request.method, request.path) == ("PUT", "/orders/7")
    assert (request.query, request.stage_variables) == ({"q": "1"}, {"v": "1"})
    assert request.headers["X-A"] == "b"


def test_a_template_may_give_text(lab: ll.Lab) -> None:
    api = put(lab, request_template=lambda request: '{"a": 1}')
    assert api.put("/orders/7").json() == {"got": {"a": 1}}


def test_a_template_that_fails_is_a_500(lab: ll.Lab) -> None:
    api = put(lab, request_template=lambda request: request.json()["n"])
    assert api.put("/orders/7", {}).status_code == 500
    assert api.execution_log == [
        (0.0, "Execution failed due to configuration error: Unable to transform request: "
         "KeyError: 'n'"),
    ]  # fmt: skip
    assert len(lab.trace.invocations) == 0


# ---------------------------------------------------------------------- what the caller gets


def test_integration_responses_are_chosen_by_the_error_message(lab: ll.Lab) -> None:
    responses = {r".*not found.*": 404, r"bad.*": {"status_code": 400}, "": 201}
    api = put(lab, integration_responses=responses)

    def status(message: str) -> int:
        code: int = api.put("/orders/7", {"fail": message}).status_code
        return code

    assert api.put("/orders/7", {}).status_code == 201
    assert (status("order not found"), status("bad order"), status("a bad order")) == (
        404,
        400,
        201,
    )
    assert status("not found\nat all") == 201, "a dot is not a line's end"
    assert list(lab.trace.requests.cause) == ["completed"] + ["function_error"] * 4


def test_without_a_match_the_default_carries_the_error(lab: ll.Lab) -> None:
    reply = put(lab).put("/orders/7", {"fail": "no"})
    assert reply.status_code == 200
    assert reply.json()["errorMessage"] == "no"
    assert reply.json()["errorType"] == "OrderError"


def test_without_a_default_a_500(lab: ll.Lab) -> None:
    api = put(lab, integration_responses={".*no.*": 404})
    assert api.put("/orders/7", {}).status_code == 500
    assert "No match for output mapping" in api.execution_log[0][1]
    assert api.put("/orders/7", {"fail": "no"}).status_code == 404


def test_a_template_makes_the_body(lab: ll.Lab) -> None:
    def shout(error: Any) -> str:
        text: str = error["errorMessage"].upper()
        return text

    responses = {".+": {"status_code": 400, "response_template": shout}, "": 200}
    api = put(
        lab, integration_responses=responses, response_template=lambda result: [result["got"]]
    )
    assert api.put("/orders/7", {"a": 1}).text == '[{"a": 1}]'
    assert api.put("/orders/7", {"fail": "no"}).text == "NO"
    assert api.put("/orders/7", {"fail": "no"}).status_code == 400


def test_a_response_template_that_fails_is_a_500(lab: ll.Lab) -> None:
    api = put(lab, response_template=lambda result: result["nothing"])
    assert api.put("/orders/7", {}).status_code == 500
    assert "Unable to transform response: KeyError" in api.execution_log[0][1]


def test_refusals_and_the_timeout_are_those_of_every_rest_api(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=31, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/slow", "slow", proxy=False, integration_responses={"": 201})
    assert api.get("/slow").status_code == 504
    lab.run()
    lab.put_function_concurrency("slow", 0)
    assert api.get("/slow").status_code == 500
    assert list(lab.trace.requests.cause) == ["integration_timeout", "zero_reserved_concurrency"]


@given(st.dictionaries(st.sampled_from(["", "a", "a.*", ".*b", ".+"]), st.integers(200, 299)),
       st.none() | st.text("ab", max_size=4))  # fmt: skip
def test_the_first_pattern_that_matches_wins_else_the_default(
    given_: dict[str, int], text: str | None
) -> None:
    chosen = choose(responses_of(given_, None), text)
    matching = [
        status
        for pattern, status in given_.items()
        if pattern
        and text is not None
        and {"a": text == "a", "a.*": text[:1] == "a", ".*b": text[-1:] == "b", ".+": text != ""}[
            pattern
        ]
    ]
    wanted = matching[0] if matching else given_.get("")
    assert (None if chosen is None else chosen.status_code) == wanted


# ---------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"invocation_type": "event"}, "RequestResponse, Event, DryRun"),
        ({"request_parameters": {INVOCATION_TYPE: "Event"}}, "single quotes"),
        ({"request_parameters": {INVOCATION_TYPE: "'Evnt'"}}, "Event"),
        ({"request_parameters": {"integration.request.header.X": "'1'"}}, "X-Amz-Invocation-Type"),
        ({"request_parameters": {INVOCATION_TYPE: "'Event'"}, "invocation_type": "DryRun"}, "Event"),
        ({"request_template": "$input.body"}, "Velocity"), ({"response_template": 1}, "Velocity"),
        ({"integration_responses": 202}, "mapping"), ({"integration_responses": {"(": 1}}, "regular"),
        ({"integration_responses": {"": 99}}, "100 to 599"),
        ({"integration_responses": {"": True}}, "100 to 599"),
        ({"integration_responses": {"": {"status": 200}}}, "status_code"),
        ({"integration_timeout": 30}, "29"), ({"throttle_rate": "x"}, "requests a second"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(lab: ll.Lab, settings: Any, told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        put(lab, **settings)
    assert lab.api_gateway["shop"].routes == []
    assert lab.get_policy("putOrder")["Statement"] == []


@pytest.mark.parametrize("settings", [{"invocation_type": "Event"}, {"request_template": str},
                                      {"integration_responses": {"": 202}}])  # fmt: skip
def test_a_proxy_integration_takes_none_of_it(lab: ll.Lab, settings: Any) -> None:
    lab.create_function("f", order)
    api: Any = lab.api_gateway.create_rest_api("shop")
    with pytest.raises(InvalidSetting, match="proxy=False"):
        api.route("GET", "/x", "f", **settings)
    with pytest.raises(InvalidSetting, match="proxy"):
        api.route("GET", "/x", "f", proxy=1)


def test_a_cell_that_runs_twice_makes_one_route(lab: ll.Lab) -> None:
    lab.create_function("f", order)
    api = lab.api_gateway.create_rest_api("shop")

    def cell() -> Route:
        made: Route = api.route(
            "GET", "/x", "f", proxy=False, request_template=lambda request: {"a": 1},
            integration_responses={
                "no": {"status_code": 404, "response_template": lambda r: 1}, "": 200,
            },
        )  # fmt: skip
        return made

    assert cell() is cell()
    assert json.loads(api.get("/x").text) == {"got": {"a": 1}}

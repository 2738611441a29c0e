"""API Gateway: what both kinds of APIs share, and what a REST API's proxy integration does."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventModel
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    BadRequestException,
    ConflictException,
    InvalidSetting,
    LabClosed,
    ResourceNotFoundException,
    UnknownName,
    UnknownSetting,
)
from lambdalab.triggers.http import HttpReply, request_of

ERROR = {"message": "Internal server error"}
MALFORMED = "Execution failed due to configuration error: Malformed Lambda proxy response"


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(event)}


def rest(
    lab: ll.Lab, function: Any = echo, method: str = "GET", path: str = "/x", **more: Any
) -> Any:
    """A REST API with one route to a function that is a Python function, or a result."""
    code = function if callable(function) else (lambda event, context: function)
    api = lab.api_gateway.create_rest_api("shop", **more)
    api.route(method, path, lab.create_function("f", code, timeout=60))
    return api


def answer(lab: ll.Lab, result: Any, **more: Any) -> HttpReply:
    reply: HttpReply = rest(lab, result, **more).get("/x")
    return reply


# ---------------------------------------------------------------------- the document's example


def test_the_caller_hears_504_at_29_seconds_and_the_function_runs_on(lab: ll.Lab) -> None:
    get_order = lab.create_function("getOrder", duration=35, timeout=60, init=0.2)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/getOrder", get_order)
    reply = api.get("/getOrder")
    assert (reply.status_code, reply.body) == (504, b'{"message": "Endpoint request timed out"}')
    assert reply.latency_ms == 29_000  # the cold start included
    lab.run()
    request, run = lab.trace.requests.iloc[0], lab.trace.invocations.iloc[0]
    assert (request.front, request.status_code) == ("shop GET /getOrder", 504)
    assert (request.cause, request.latency_ms) == ("integration_timeout", 29_000)
    assert run.status == "succeeded"
    assert lab.trace.attempts.iloc[0].billed_ms == 35_000
    assert run.latency_ms > 35_000
    assert api.execution_log == [(29.0, "Execution failed due to a timeout error")]


def test_an_answer_in_time_is_the_functions(lab: ll.Lab) -> None:
    api = rest(lab, {"statusCode": 201, "headers": {"X-Order": 7}, "body": "made"})
    reply = api.get("/x")
    assert (reply.status_code, reply.text, reply.headers["x-order"]) == (201, "made", "7")
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.headers["x-amzn-RequestId"]) == 36
    request = lab.trace.requests.iloc[0]
    run = lab.trace.invocations.iloc[0]
    assert (request.front, request.cause) == ("shop GET /x", "completed")
    assert (request.request_id, run.source) == (run.request_id, "shop GET /x")


def test_a_handler_may_call_an_api(lab: ll.Lab) -> None:
    api = rest(lab, {"body": "inner"})

    def outer(event: Any, context: Any) -> str:
        text: str = api.get("/x").text
        return text

    lab.create_function("outer", outer)
    assert lab.invoke("outer", {}).payload == "inner"
    outer_run, inner = (lab.trace.invocations.iloc[n] for n in (0, 1))
    assert (inner.function, inner.parent_id) == ("f", outer_run.request_id)


# ---------------------------------------------------------------------- the event


def test_the_event_is_that_of_payload_format_1(lab: ll.Lab) -> None:
    api = rest(lab, method="ANY", path="/orders/{id}/{proxy+}")
    headers = {"X-A": ["1", "2"], "Content-Type": "text/plain"}
    event = api.post("/orders/7/a/b?q=1&q=2&v", "body", headers=headers).json()
    model = APIGatewayProxyEventModel.model_validate(event)
    assert (event["resource"], event["path"]) == ("/orders/{id}/{proxy+}", "/orders/7/a/b")
    assert (event["httpMethod"], event["body"]) == ("POST", "body")
    assert event["isBase64Encoded"] is False
    assert event["pathParameters"] == {"id": "7", "proxy": "a/b"}
    assert event["queryStringParameters"] == {"q": "2", "v": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "v": [""]}
    assert event["headers"]["X-A"] == "2"
    assert event["multiValueHeaders"]["X-A"] == ["1", "2"]
    assert event["headers"]["Host"] == api.domain
    context = event["requestContext"]
    assert len(context["deploymentId"]) == 6
    assert (context["stage"], context["path"]) == ("prod", "/prod/orders/7/a/b")
    assert (context["resourcePath"], context["apiId"]) == (event["resource"], api.api_id)
    assert context["requestTime"] == "07/Jan/2025:00:00:00 +0000"
    assert context["identity"]["userArn"] is None
    assert str(model.requestContext.identity.sourceIp) == "203.0.113.10/32"


def test_null_where_there_is_nothing(lab: ll.Lab) -> None:
    event = rest(lab).get("/x").json()
    APIGatewayProxyEventModel.model_validate(event)
    nothing = (
        "queryStringParameters", "multiValueQueryStringParameters", "pathParameters",
        "stageVariables", "body",
    )  # fmt: skip
    assert [event[name] for name in nothing] == [None] * 5


def test_stage_variables_and_stage(lab: ll.Lab) -> None:
    event = rest(lab, stage="v1", stage_variables={"table": "orders"}).get("/x").json()
    assert event["stageVariables"] == {"table": "orders"}
    assert event["requestContext"]["path"] == "/v1/x"


def test_ids_repeat_with_the_seed_and_differ_between_requests() -> None:
    def ids() -> list[str]:
        with ll.Lab(seed=3) as lab:
            api = rest(lab)
            return [api.api_id, *(api.get("/x").headers["x-amzn-requestid"] for _ in range(2))]

    first = ids()
    assert first == ids()
    assert len(set(first)) == 3


# ---------------------------------------------------------------------- what a function may return

BAD: list[Any] = [
    {"statusCode": 200, "wrongValue": 1}, {}, "text", None, 7, [],
    {"statusCode": "test"}, {"statusCode": True}, {"statusCode": 99}, {"statusCode": {}},
    {"multiValueHeaders": {"a": "b"}}, {"multiValueHeaders": []}, {"headers": {"a": ["b"]}},
    {"headers": "a"}, {"statusCode": 200, "body": {"a": 1}}, {"isBase64Encoded": "x"},
    {"errorMessage": "no"},
]  # fmt: skip


@pytest.mark.parametrize("result", BAD, ids=repr)
def test_a_malformed_response_is_a_502(lab: ll.Lab, result: Any) -> None:
    api = rest(lab, result)
    reply = api.get("/x")
    assert (reply.status_code, reply.json()) == (502, ERROR)
    assert reply.headers["x-amzn-errortype"] == "InternalServerErrorException"
    assert lab.trace.requests.iloc[0].cause == "malformed_response"
    assert lab.trace.invocations.iloc[0].status == "succeeded"
    assert [text for _, text in api.execution_log] == [MALFORMED]


GOOD = [
    ({"statusCode": 200}, 200, b""), ({"statusCode": 200, "body": None}, 200, b""),
    ({"headers": {"a": "b"}}, 200, b""), ({"headers": None, "body": "x"}, 200, b"x"),
    ({"statusCode": "201", "body": "x"}, 201, b"x"), ({"statusCode": None, "body": "x"}, 200, b"x"),
    ({"statusCode": 204, "multiValueHeaders": None}, 204, b""), ({"body": 1}, 200, b"1"),
]  # fmt: skip


@pytest.mark.parametrize(("result", "status", "body"), GOOD, ids=repr)
def test_what_is_accepted(lab: ll.Lab, result: Any, status: int, body: bytes) -> None:
    reply = answer(lab, result)
    assert (reply.status_code, reply.body) == (status, body)


def test_header_values_and_several_of_one_name(lab: ll.Lab) -> None:
    reply = answer(
        lab,
        {
            "headers": {
                "X-True": True,
                "X-N": 1.5,
                "X-Both": "single",
                "Date": "now",
                "X-No": None,
            },
            "multiValueHeaders": {"X-BOTH": ["a", "b"], "Set-Cookie": ["c=1", "d=2"]},
        },
    )
    headers = reply.headers
    assert (headers["X-True"], headers["X-N"], headers["x-both"]) == ("true", "1.5", "a, b")
    assert headers["set-cookie"] == "c=1, d=2"
    assert headers["x-amzn-remapped-date"] == "now"
    assert "x-no" not in headers


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["statusCode", "headers", "body", "multiValueHeaders", "isBase64Encoded", "x"]),
        inner, max_size=4,
    ), max_leaves=6,
))  # fmt: skip
def test_whatever_a_function_returns_there_is_an_answer(result: Any) -> None:
    with ll.Lab() as lab:
        reply = answer(lab, result)
        keys = set(result) if isinstance(result, dict) else {"x"}
        known = keys and not keys - {
            "statusCode", "headers", "body", "multiValueHeaders", "isBase64Encoded",
        }  # fmt: skip
        assert 100 <= reply.status_code <= 599
        if not known:
            assert reply.status_code == 502


def test_a_function_error_is_a_502(lab: ll.Lab) -> None:
    def fails(event: Any, context: Any) -> None:
        raise KeyError("x")

    api = rest(lab, fails)
    reply = api.get("/x")
    assert (reply.status_code, reply.json()) == (502, ERROR)
    request, run = lab.trace.requests.iloc[0], lab.trace.invocations.iloc[0]
    assert (request.cause, request.request_id) == ("function_error", run.request_id)
    assert len(lab.trace.attempts) == 1, "an API never tries again"


def test_a_result_over_6_mb_is_a_502(lab: ll.Lab) -> None:
    assert answer(lab, lambda event, context: {"body": "x" * (6 * 2**20 + 100)}).status_code == 502
    assert lab.trace.requests.iloc[0].cause == "response_too_large"


# ---------------------------------------------------------------------- binary bodies

PNG = b"\x89PNG\xff\x00"


def returns_png(event: Any, context: Any) -> dict[str, Any]:
    return {"body": base64.b64encode(PNG).decode(), "isBase64Encoded": True,
            "headers": {"Content-Type": "image/png"}}  # fmt: skip


@pytest.mark.parametrize(
    ("types", "accept", "decoded"),
    [
        (["image/png"], "image/png, */*", True), (["image/*"], "image/png", True),
        (["image/png"], "*/*", False), (["image/png"], None, False), ((), "image/png", False),
        ("*/*", None, True),
    ],
)  # fmt: skip
def test_base64_is_decoded_for_those_who_accept_what_is_binary(
    lab: ll.Lab, types: Any, accept: str | None, decoded: bool
) -> None:
    api = rest(lab, returns_png, binary_media_types=types)
    body = api.get("/x", headers={} if accept is None else {"Accept": accept}).body
    assert body == (PNG if decoded else base64.b64encode(PNG))


@pytest.mark.parametrize(
    ("types", "kind", "binary"),
    [(["image/png"], "image/png", True), (["image/png"], "IMAGE/PNG; a=b", True),
     (["image/png"], "text/plain", False), (["*/*"], None, True), ([], "image/png", False)],
)  # fmt: skip
def test_a_binary_body_comes_as_base64(lab: ll.Lab, types: Any, kind: Any, binary: bool) -> None:
    api = rest(lab, method="POST", binary_media_types=types)
    event = api.post("/x", PNG, headers={} if kind is None else {"Content-Type": kind}).json()
    assert event["isBase64Encoded"] is binary
    text = base64.b64encode(PNG).decode() if binary else PNG.decode(errors="replace")
    assert event["body"] == text


def test_what_is_no_base64_is_a_500(lab: ll.Lab) -> None:
    api = rest(lab, {"body": "§", "isBase64Encoded": True}, binary_media_types="*/*")
    assert api.get("/x").status_code == 500
    assert api.execution_log[0][1].endswith("Unable to base64 decode the body.")
    assert lab.trace.requests.iloc[0].cause == "malformed_response"


# ---------------------------------------------------------------------- refusals of Lambda


def test_lambdas_429_is_a_500(lab: ll.Lab) -> None:
    api = rest(lab)
    lab.put_function_concurrency("f", 0)
    reply = api.get("/x")
    assert (reply.status_code, reply.json()) == (500, ERROR)
    request, run = lab.trace.requests.iloc[0], lab.trace.invocations.iloc[0]
    assert (request.cause, run.status_code) == ("zero_reserved_concurrency", 429)


def test_without_permission_a_500(lab: ll.Lab) -> None:
    api = rest(lab, path="/orders/{id}")
    [statement] = lab.get_policy("f")["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == (
        f"arn:aws:execute-api:us-east-1:123456789012:{api.api_id}/*/GET/orders/*"
    )
    lab.remove_permission("f", statement["Sid"])
    reply = api.get("/orders/7")
    assert (reply.status_code, reply.json()) == (500, ERROR)
    assert (lab.trace.requests.iloc[0].cause, lab.trace.invocations.iloc[0].status_code) == (
        "access_denied", 403,
    )  # fmt: skip
    assert api.execution_log[0][1].endswith("Invalid permissions on Lambda function")
    lab.add_permission("f", "again", principal="apigateway.amazonaws.com")
    assert api.get("/orders/7").status_code == 200


def test_the_policy_of_another_route_does_not_help(lab: ll.Lab) -> None:
    api = rest(lab, path="/a")
    api.route("POST", "/b", "f")
    lab.remove_permission("f", lab.get_policy("f")["Statement"][1]["Sid"])
    assert (api.get("/a").status_code, api.post("/b").status_code) == (200, 500)


def test_a_function_that_was_deleted_and_made_again(lab: ll.Lab) -> None:
    api = rest(lab)
    lab.delete_function("f")
    assert api.get("/x").status_code == 500
    assert lab.trace.requests.iloc[0].cause == "unknown_function"
    lab.create_function("f", echo)
    assert api.get("/x").status_code == 500, "the new one's policy is empty"
    assert lab.trace.requests.iloc[1].cause == "access_denied"


def test_an_alias_is_called_and_allowed(lab: ll.Lab) -> None:
    lab.create_function("f", echo)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/x", "f:live")
    assert api.get("/x").status_code == 200
    assert lab.trace.invocations.iloc[0].qualifier == "live"
    assert lab.trace.wired("route")["shop GET /x"]["qualifier"] == "live"


def test_sizes(lab: ll.Lab) -> None:
    api = rest(lab, {"body": "ok"}, method="POST")
    assert api.post("/x", "x" * (6 * 2**20)).status_code == 500  # Lambda's 413: the event is larger
    assert lab.trace.requests.iloc[0].cause == "payload_too_large"
    reply = api.post("/x", "x" * (10 * 2**20 + 1))
    assert (reply.status_code, reply.text) == (413, "HTTP content length exceeded 10485760 bytes.")
    assert dict(reply.headers) == {"Content-Type": "text; charset=utf-8"}
    request = lab.trace.requests.iloc[1]
    assert (request.cause, request.request_id) == ("payload_too_large", "")


def test_the_recorded_status_of_an_event_over_lambdas_limit() -> None:
    with ll.Lab(quotas={"api_gateway_rest_event_too_large": 413}) as lab:
        reply = rest(lab, {"body": "ok"}, method="POST").post("/x", "x" * (6 * 2**20))
        assert (reply.status_code, reply.body) == (413, b'{"message": "Request Too Long"}')
        assert reply.headers["x-amzn-errortype"] == "BadRequestException"


def test_the_apis_own_limit_on_results() -> None:
    with ll.Lab(quotas={"api_gateway_response": 10}) as lab:
        api = rest(lab, {"body": "longer than ten"})
        assert api.get("/x").status_code == 500
        assert "larger than allowed maximum of 10 bytes" in api.execution_log[0][1]


# ---------------------------------------------------------------------- throttling


def test_a_stage_has_a_token_bucket_and_lambda_never_hears_of_the_rest(lab: ll.Lab) -> None:
    api = rest(lab, {"body": "ok"}, throttle_rate=1, throttle_burst=2)
    api.get("/x")  # warm
    lab.run(until="10s")
    replies = [api.get("/x") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].body == b'{"message":"Too Many Requests"}'
    lab.run(until="11s")
    assert [api.get("/x").status_code for _ in range(2)] == [200, 429]
    table = lab.trace.requests
    assert list(table.cause[table.status_code == 429]) == ["throttled_front"] * 2
    assert len(lab.trace.invocations) == 4
    lab.reset()
    assert [api.get("/x").status_code for _ in range(2)] == [200, 200]


def test_a_route_may_have_a_bucket_of_its_own(lab: ll.Lab) -> None:
    api = rest(lab, {"body": "ok"}, throttle_rate=0, throttle_burst=0)
    api.route("GET", "/own", "f", throttle_rate=0.001, throttle_burst=1)
    assert [api.get(path).status_code for path in ("/x", "/own", "/own")] == [429, 200, 429]


def test_the_account_has_one_bucket_for_all_apis() -> None:
    quotas = {"api_gateway_account_rate": 1, "api_gateway_account_burst": 1}
    with ll.Lab(quotas=quotas) as lab:
        api = rest(lab, {"body": "ok"}, throttle_rate=100, throttle_burst=100)
        web = lab.api_gateway.create_http_api("web")
        web.route("GET", "/x", "f")
        lab.drive(web, ll.Burst(1), payload=request_of("GET", "/x"))
        lab.drive(api, ll.Burst(1), payload=request_of("GET", "/x"))
        lab.run()
        assert list(lab.trace.requests.status_code.sort_values()) == [200, 429]


# ---------------------------------------------------------------------- routes


def test_a_route_that_does_not_exist(lab: ll.Lab) -> None:
    api = rest(lab)
    for reply in (api.get("/y"), api.post("/x"), api.get("/x/y")):
        assert (reply.status_code, reply.body) == (
            404,
            b'{"message":"Missing Authentication Token"}',
        )
        assert reply.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert list(lab.trace.requests.cause) == ["no_route"] * 3
    assert len(lab.trace.invocations) == 0


def test_awss_own_status_of_an_unknown_route() -> None:
    with ll.Lab(quotas={"api_gateway_rest_unknown_route": 403}) as lab:
        assert rest(lab).get("/y").status_code == 403


def test_the_most_specific_route_answers(lab: ll.Lab) -> None:
    api = lab.api_gateway.create_rest_api("shop")
    lab.create_function("f", echo)
    for method, path in [("GET", "/orders/{id}"), ("ANY", "/orders/new"), ("GET", "/orders"),
                         ("POST", "/orders"), ("GET", "/")]:  # fmt: skip
        api.route(method, path, "f")

    def taken(method: str, path: str) -> str:
        told: str = api.request(method, path).json()["requestContext"]["resourcePath"]
        return told

    assert taken("GET", "/orders/7") == "/orders/{id}"
    assert taken("GET", "/orders/new") == "/orders/new"
    assert taken("GET", "/orders/") == "/orders"
    api.route("ANY", "/orders", "f")
    api.get("/orders")
    assert lab.trace.requests.front.iloc[-1] == "shop GET /orders", "its own method before ANY"
    api.put("/orders")
    assert lab.trace.requests.front.iloc[-1] == "shop ANY /orders"
    assert taken("GET", "/") == "/"
    assert api.post("/orders/7").status_code == 404
    api.route("ANY", "/{proxy+}", "f")
    assert taken("POST", "/a/b") == "/{proxy+}"
    assert api.post("/orders/7").status_code == 404, "the path is found first, then its methods"
    api.delete_route("GET", "/orders/{id}")
    assert taken("GET", "/orders/7") == "/{proxy+}"
    assert lab.trace.wired("route")["shop GET /orders/{id}"]["deleted"] is True


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("a%20b", "a%20b"), ("a b", "a%20b"), ("a%2Fb", "a%2Fb"), ("100%", "100%25"), ("ü", "%C3%BC"),
        ("test%2Balias@gmail.com", "test%2Balias@gmail.com"), ("a+b", "a+b"),
    ],
)  # fmt: skip
def test_a_path_stays_as_it_was_sent(lab: ll.Lab, sent: str, seen: str) -> None:
    event = rest(lab, path="/o/{id}").get(f"/o/{sent}").json()
    assert event["pathParameters"] == {"id": seen}
    assert event["path"] == f"/o/{seen}"
    assert event["requestContext"]["path"] == f"/prod/o/{seen}"


@pytest.mark.parametrize("code", ["2_00", " 200", "٢٠٠", "+200", "200.0", ""])
def test_a_status_as_a_text_is_digits(lab: ll.Lab, code: str) -> None:
    assert answer(lab, {"statusCode": code}).status_code == 502


def test_a_result_of_any_depth(lab: ll.Lab) -> None:
    """Bytes are a result as they are: nobody has looked at them before."""
    deep = b"[" * 200_000
    api = rest(lab, deep)
    web = lab.api_gateway.create_http_api("web")
    web.route("GET", "/x", "f")
    fronts = [api, web, lab.create_function_url("f"), lab.elb.create_load_balancer("b", "f")]
    assert [front.get("/x").status_code for front in fronts] == [502, 500, 502, 502]


@pytest.mark.parametrize("anew", ["function", "alias", "permission"])
def test_wiring_once_more_lets_the_api_in_again(lab: ll.Lab, anew: str) -> None:
    """A cell run twice: what the policy has lost is there again, and nothing twice."""
    api = rest(lab)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    route = api.route("GET", "/live", "f:live")
    if anew == "function":
        lab.delete_function("f")
        lab.create_function("f", echo)
        lab.publish_version("f")
    elif anew == "alias":
        lab.delete_alias("f", "live")
    else:
        lab.remove_permission("f:live", lab.get_policy("f:live")["Statement"][0]["Sid"])
    if anew != "permission":
        lab.create_alias("f", "live", "2" if anew == "function" else "1")
    assert api.get("/live").status_code == 500
    for _ in range(2):
        assert api.route("GET", "/live", "f:live") is route
    assert api.get("/live").status_code == 200
    assert len(lab.get_policy("f:live")["Statement"]) == 1


BAD_ROUTES = [
    ("FETCH", "/x", "method"), (7, "/x", "method"), ("GET", "x", "begins with '/'"),
    ("GET", None, "path"), ("GET", "/a//b", "segments"), ("GET", "/a/", "segments"),
    ("GET", "/a/{id}/b/{id}", "once"), ("GET", "/{proxy+}/b", "greedy"), ("GET", "/pre{id}", "segments"),
    ("GET", "/{}", "segments"), ("GET", "/ä", "segments"), ("GET", "$default", r"/{proxy\+}"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "told"), BAD_ROUTES, ids=repr)
def test_routes_that_cannot_be(lab: ll.Lab, method: Any, path: Any, told: str) -> None:
    api = rest(lab)
    with pytest.raises(InvalidSetting, match=told):
        api.route(method, path, "f")
    with pytest.raises(InvalidSetting, match="function=None"):
        api.route("GET", "/other")
    assert len(api.routes) == 1


def test_routes_in_each_others_way(lab: ll.Lab) -> None:
    api = rest(lab, path="/orders/{id}")
    with pytest.raises(BadRequestException, match=r"A sibling \(\{id\}\) .* use \{id\} in both"):
        api.route("POST", "/orders/{order}/items", "f")
    with pytest.raises(ConflictException, match=r"Method already exists .*delete_route"):
        api.route("GET", "/orders/{id}", "f", integration_timeout=5)
    with pytest.raises(ResourceNotFoundException):
        api.route("GET", "/other", "nobody")
    with pytest.raises(UnknownSetting, match="integration_timeout"):
        api.route("GET", "/other", "f", timeout=5)
    with pytest.raises(UnknownName, match=r"GET /orders/\{id\}"):
        api.delete_route("GET", "/orders/{idd}")
    assert api.route("GET", "/orders/{id}", "f") is api.routes[0]
    assert len(api.routes) == 1
    assert len(lab.get_policy("f")["Statement"]) == 1


# ---------------------------------------------------------------------- making APIs


def test_an_api_is_found_by_name_and_made_once(lab: ll.Lab) -> None:
    api = lab.api_gateway.create_rest_api("shop", throttle_rate=10, throttle_burst=5)
    assert lab.api_gateway["shop"] is api
    assert lab.api_gateway.create_rest_api("shop", throttle_rate=10, throttle_burst=5) is api
    with pytest.raises(ConflictException, match="other settings"):
        lab.api_gateway.create_rest_api("shop")
    with pytest.raises(ConflictException):
        lab.api_gateway.create_http_api("shop")
    with pytest.raises(UnknownName, match="did you mean 'shop'"):
        lab.api_gateway["shp"]
    assert repr(api) == "<REST API shop: stage prod · 0 routes · 29 s · 10/s, burst 5>"
    assert repr(api) in repr(lab)
    assert repr(api) in repr(lab.api_gateway)
    assert api.url == f"https://{api.api_id}.execute-api.us-east-1.amazonaws.com/prod"
    assert lab.trace.wired("api")["shop"]["throttle_burst"] == 5


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"integration_timeout": 30}, "0.05 to 29 s.*rules of 2025-01-07"),
        ({"integration_timeout": 0.04}, "0.05 to 29"), ({"integration_timeout": "x"}, "0.05"),
        ({"integration_timeout": True}, "0.05"), ({"integration_timeout": float("nan")}, "0.05"),
        ({"throttle_rate": -1}, "requests a second"), ({"throttle_burst": 1.5}, "whole number"),
        ({"stage": "a b"}, "stage"), ({"stage": "$default"}, "stage"),
        ({"stage_variables": {"a b": "c"}}, "stage_variables"), ({"stage_variables": [1]}, "mapping"),
        ({"binary_media_types": ["png"]}, "image/png"), ({"endpoint_type": "EGDE"}, "EDGE"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(lab: ll.Lab, settings: Any, told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        lab.api_gateway.create_rest_api("shop", **settings)
    assert len(lab.api_gateway) == 0


@pytest.mark.parametrize("name", ["", "x" * 129, None])
def test_names_that_cannot_be(lab: ll.Lab, name: Any) -> None:
    with pytest.raises(InvalidSetting, match="name"):
        lab.api_gateway.create_rest_api(name)


def test_unknown_keywords_suggest(lab: ll.Lab) -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'integration_timeout'"):
        lab.api_gateway.create_rest_api("shop", timeout=3)


def test_the_timeout_that_a_quota_raises() -> None:
    quotas = {"api_gateway_rest_timeout_maximum": 120}
    with ll.Lab(quotas=quotas) as lab:
        lab.create_function("f", duration=35, timeout=60)
        api = lab.api_gateway.create_rest_api("shop", integration_timeout=40)
        api.route("GET", "/x", "f")
        assert api.get("/x").status_code == 200
        with pytest.raises(InvalidSetting, match="Regional or private"):
            lab.api_gateway.create_rest_api("edge", integration_timeout=40, endpoint_type="EDGE")
    old = ll.Lab(rules="2024-05-01", quotas=quotas)
    with pytest.raises(InvalidSetting, match=r"since June 2024.*rules of 2024-05-01"):
        old.api_gateway.create_rest_api("shop", integration_timeout=40)


def test_a_route_may_wait_for_less(lab: ll.Lab) -> None:
    lab.create_function("f", duration=3)
    api = lab.api_gateway.create_rest_api("shop")
    route = api.route("GET", "/x", "f", integration_timeout=0.5)
    assert repr(route) == "<route shop GET /x → f, 0.5 s>"
    reply = api.get("/x")
    assert (reply.status_code, reply.latency_ms) == (504, 500)


def test_a_closed_lab(lab: ll.Lab) -> None:
    api = rest(lab)
    lab.close()
    with pytest.raises(LabClosed):
        lab.api_gateway.create_rest_api("other")
    with pytest.raises(LabClosed):
        api.route("GET", "/y", "f")
    with pytest.raises(LabClosed):
        api.get("/x")


# ---------------------------------------------------------------------- traffic, another run


def test_a_route_and_an_api_can_be_driven(lab: ll.Lab) -> None:
    api = rest(lab, path="/orders/{id}")
    [route] = api.routes
    api.route("POST", "/made", "f")
    lab.drive(route, ll.Poisson(5), duration=10)
    lab.drive(api.routes[1], ll.Every(1), count=3, payload={"a": 1})
    lab.drive(api, ll.Every(1), count=2, payload=request_of("GET", "/orders/9"))
    lab.run()
    fronts = lab.trace.requests.front.value_counts()
    assert fronts["shop POST /made"] == 3
    assert fronts["shop GET /orders/{id}"] > 20
    assert set(lab.trace.requests.status_code) == {200}


def test_another_run_is_the_same_again(lab: ll.Lab) -> None:
    api = rest(lab)
    first = api.get("/x").text
    lab.reset()
    assert lab.trace.wired("api")["shop"]["api_id"] == api.api_id
    assert "shop GET /x" in lab.trace.wired("route")
    assert api.get("/x").text == first
    assert list(lab.trace.requests.front) == ["shop GET /x"]


def test_tab_completion_shows_what_people_say(lab: ll.Lab) -> None:
    api = rest(lab)
    shown = {name for name in dir(api) if not name.startswith("_")}
    assert shown == {
        "api_id", "arn", "delete", "delete_route", "domain", "execution_log", "get", "kind", "name",
        "patch", "post", "put", "request", "route", "routes", "settings", "url",
    }  # fmt: skip
    assert {name for name in dir(api.routes[0]) if not name.startswith("_")} == {
        "api", "key", "method", "name", "path", "settings",
    }  # fmt: skip

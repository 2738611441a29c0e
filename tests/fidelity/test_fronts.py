"""Function URLs and API Gateway: what they wait for, what they answer, and what they never do."""

from __future__ import annotations

import re
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ResourceConflictException, ServiceError

BAD_GATEWAY = b'{"message": "Internal server error"}'


def returning(lab: ll.Lab, result: Any, name: str = "f") -> Any:
    """A function that returns this, or raises it."""

    def handler(event: Any, context: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return lab.create_function(name, handler)


def url_of(lab: ll.Lab, result: Any, **settings: Any) -> Any:
    return lab.create_function_url(returning(lab, result), **settings)


def rest(lab: ll.Lab, function: Any, **settings: Any) -> Any:
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/x", function, **settings)
    return api


def runs(lab: ll.Lab) -> int:
    return len(lab.trace.attempts)


# ---------------------------------------------------------------------- function URLs


def test_a_url_is_synchronous_and_has_an_address_of_its_own(lab: ll.Lab) -> None:
    url = url_of(lab, "hi")
    assert re.fullmatch(r"https://[a-z0-9]+\.lambda-url\.us-east-1\.on\.aws/", url.url)
    assert url.get("/").text == "hi"
    assert list(lab.trace.invocations.invocation_type) == ["RequestResponse"]


def test_one_for_a_function_and_one_for_each_alias(lab: ll.Lab) -> None:
    first = url_of(lab, "hi")
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    assert lab.create_function_url("f", qualifier="live").url != first.url
    for qualifier in (None, "live"):
        with pytest.raises(ResourceConflictException):
            lab.create_function_url("f", qualifier=qualifier)
    with pytest.raises(ServiceError, match="qualifier"):
        lab.create_function_url("f", qualifier="1")


def test_none_lets_anybody_in_and_aws_iam_who_signs(lab: ll.Lab) -> None:
    assert url_of(lab, "hi").get("/").status_code == 200
    url = lab.update_function_url("f", auth_type="AWS_IAM")
    assert [url.get("/").status_code, url.get("/", signed=True).status_code] == [403, 200]
    assert runs(lab) == 2
    with pytest.raises(InvalidSetting, match="NONE, AWS_IAM"):
        lab.update_function_url("f", auth_type="JWT")


@pytest.mark.parametrize(("rules", "needed"), [("2025-10-09", 1), ("2025-10-10", 2)])
def test_what_a_caller_needs(rules: str, needed: int) -> None:
    lab = ll.Lab(seed=7, rules=rules)
    url = url_of(lab, "hi")
    statements = lab.get_policy("f")["Statement"]
    wanted = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"][:needed]
    assert [each["Action"] for each in statements] == wanted
    assert url.get("/").status_code == 200
    lab.remove_permission("f", statements[-1]["Sid"])
    assert url.get("/").status_code == 403


def test_a_response_object(lab: ll.Lab) -> None:
    url = url_of(
        lab,
        {
            "statusCode": 201, "headers": {"X-Own": "own"}, "body": "aGk=",
            "cookies": ["a=1; Secure", "b=2"], "isBase64Encoded": True,
        },
    )  # fmt: skip
    reply = url.get("/")
    assert (reply.status_code, reply.text, reply.headers["x-own"]) == (201, "hi", "own")
    assert reply.headers["set-cookie"] == "a=1; Secure, b=2"


@pytest.mark.parametrize(("status", "answered"), [(99, 502), (100, 100), (599, 599), (600, 502)])
def test_a_status_is_100_to_599(lab: ll.Lab, status: int, answered: int) -> None:
    assert url_of(lab, {"statusCode": status}).get("/").status_code == answered


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({"hello": "world"}, '{"hello":"world"}'), ([1, 2], "[1,2]"), ("hello", "hello"),
        (None, "null"), (7, "7"),
    ],
)  # fmt: skip
def test_a_result_without_a_status_is_json_and_a_text_has_no_quotes(
    lab: ll.Lab, result: Any, body: str
) -> None:
    reply = url_of(lab, result).get("/")
    assert (reply.status_code, reply.text) == (200, body)
    assert reply.headers["content-type"] == "application/json"


def test_a_function_error_behind_a_url_is_a_502(lab: ll.Lab) -> None:
    reply = url_of(lab, ValueError("no")).get("/")
    assert (reply.status_code, reply.text) == (502, "Internal Server Error")
    assert runs(lab) == 1


def test_a_throttled_url_is_a_429(lab: ll.Lab) -> None:
    """Where nothing is reserved, where all that is reserved is busy, and above 10 requests a second."""
    lab.create_function("f", duration=5, timeout=10, reserved_concurrency=0)
    url = lab.create_function_url("f")
    assert url.get("/").status_code == 429
    lab.put_function_concurrency("f", 1)
    lab.drive(url, ll.Burst(2))
    lab.run()
    assert sorted(lab.trace.requests.status_code) == [200, 429, 429]
    assert runs(lab) == 1


def test_ten_requests_a_second_for_each_reserved_unit() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.001, reserved_concurrency=1)
    url = lab.create_function_url("f")
    url.get("/")
    lab.advance(60)
    lab.drive(url, ll.Every(0.02), count=30)
    lab.run()
    statuses = list(lab.trace.requests.status_code)
    assert set(statuses[:9]) == {200}
    assert 429 in statuses
    throttles = lab.trace.invocations.throttle_reason.dropna()
    assert "ReservedFunctionInvocationRateLimitExceeded" in set(map(str, throttles))


def test_a_url_is_buffered(lab: ll.Lab) -> None:
    """The answer comes as a whole, of 6 MB at most; a streamed one is refused, by name."""
    url = url_of(lab, "x" * (6 * 1024 * 1024 - 2))
    assert (url.settings.invoke_mode, len(url.get("/").body)) == ("BUFFERED", 6_291_454)
    returning(lab, "x" * (6 * 1024 * 1024 + 101), "large")
    assert lab.create_function_url("large").get("/").status_code == 502
    with pytest.raises(InvalidSetting, match="response streaming"):
        lab.update_function_url("f", invoke_mode="RESPONSE_STREAM")


def test_metrics_of_urls(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": int(event["rawPath"][1:])}

    url = lab.create_function_url(lab.create_function("f", handler))
    for status in (200, 302, 404, 404, 500):
        url.get(f"/{status}")
    lab.put_function_concurrency("f", 0)
    url.get("/200")
    figures = lab.trace.metrics(period=86_400).set_index("metric")
    sums = figures["sum"].to_dict()
    told = [sums[name] for name in ("UrlRequestCount", "Url4xxCount", "Url5xxCount")]
    assert told == [6, 3, 1], "a throttle is a 4xx"
    latency = figures.loc["UrlRequestLatency"]
    assert (latency["samples"], latency["unit"]) == (6, "Milliseconds")
    assert latency["sum"] == pytest.approx(lab.trace.requests.latency_ms.sum())


# ---------------------------------------------------------------------- API Gateway: answers


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_an_api_tries_once(lab: ll.Lab, kind: str) -> None:
    api: Any = getattr(lab.api_gateway, f"create_{kind}_api")("shop")
    api.route("GET", "/x", returning(lab, ValueError("no")))
    api.get("/x")
    lab.put_function_concurrency("f", 0)
    api.get("/x")
    lab.put_function_concurrency("f", None)
    lab.faults.service_error("f")
    api.get("/x")
    lab.run()
    assert len(lab.trace.invocations) == 3
    assert runs(lab) == 1


def test_what_lambda_refuses_is_a_500(lab: ll.Lab) -> None:
    api = rest(lab, returning(lab, {"body": "hi"}))
    replies = []
    lab.put_function_concurrency("f", 0)
    replies.append(api.get("/x"))
    lab.put_function_concurrency("f", None)
    lab.remove_permission("f")
    replies.append(api.get("/x"))
    lab.delete_function("f")
    replies.append(api.get("/x"))
    assert [(each.status_code, each.body) for each in replies] == [(500, BAD_GATEWAY)] * 3
    assert list(lab.trace.invocations.status_code) == [429, 403, 404]


@pytest.mark.parametrize(
    "result",
    [
        ValueError("no"), {"statusCode": 200, "wrongValue": 1}, {}, "text", {"statusCode": "test"},
        {"statusCode": 200, "multiValueHeaders": {"X-A": "no list"}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_function_error_and_a_malformed_response_are_a_502(lab: ll.Lab, result: Any) -> None:
    api = rest(lab, returning(lab, result))
    reply = api.get("/x")
    assert (reply.status_code, reply.body) == (502, BAD_GATEWAY)
    [(_, line)] = api.execution_log
    if isinstance(result, Exception):
        said = "Lambda execution failed with status 200 due to customer function error: no. Lambda "
        assert line == f"{said}request id: {reply.request_id}"
    else:
        assert line == (
            "Execution failed due to configuration error: Malformed Lambda proxy response"
        )


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"statusCode": 200}, 200, ""), ({"statusCode": 200, "headers": None}, 200, ""),
        ({"headers": {"X-A": "a"}}, 200, ""), ({"statusCode": "201", "body": "hi"}, 201, "hi"),
        ({"statusCode": 200, "headers": {"X-A": True}}, 200, ""),
    ],
    ids=repr,
)  # fmt: skip
def test_what_passes_for_a_proxy_response(
    lab: ll.Lab, result: dict[str, Any], status: int, body: str
) -> None:
    reply = rest(lab, returning(lab, result)).get("/x")
    assert (reply.status_code, reply.text) == (status, body)
    if (result.get("headers") or {}).get("X-A") is True:
        assert reply.headers["x-a"] == "true"


# ---------------------------------------------------------------------- API Gateway: time and rate


def test_integration_timeouts(lab: ll.Lab) -> None:
    """REST: 50 ms to 29 s, 29 s by default; HTTP APIs: 30 s, by default and at most."""
    lab.create_function("f", duration=60, timeout=900)
    api = rest(lab, "f")
    assert api.get("/x").latency_ms == 29_000
    short = api.route("GET", "/short", "f", integration_timeout=0.05)
    assert (short.settings.integration_timeout, api.get("/short").latency_ms) == (0.05, 50)
    for wrong in (0.049, 29.001):
        with pytest.raises(InvalidSetting, match="integration_timeout"):
            api.route("GET", "/wrong", "f", integration_timeout=wrong)
    web = lab.api_gateway.create_http_api("web")
    web.route("GET", "/x", "f")
    assert web.get("/x").latency_ms == 30_000
    with pytest.raises(InvalidSetting, match="integration_timeout"):
        web.route("GET", "/y", "f", integration_timeout=30.001)


def test_after_its_timeout_an_api_answers_and_the_function_runs_on(lab: ll.Lab) -> None:
    lab.create_function("f", duration=40, timeout=60)
    web = lab.api_gateway.create_http_api("web")
    web.route("GET", "/x", "f")
    one, other = rest(lab, "f").get("/x"), web.get("/x")
    assert (one.status_code, one.json()) == (504, {"message": "Endpoint request timed out"})
    assert (other.status_code, other.json()) == (503, {"message": "Service Unavailable"})
    lab.run()
    assert list(lab.trace.invocations.status) == ["succeeded"] * 2
    assert list(lab.trace.attempts.billed_ms) == [40_000] * 2


@pytest.mark.parametrize(("rules", "may"), [("2024-06-03", False), ("2024-06-04", True)])
def test_a_rest_apis_timeout_is_raised_by_quota_since_june_2024(rules: str, may: bool) -> None:
    quotas = {"api_gateway_rest_timeout_maximum": 120}
    lab = ll.Lab(seed=7, rules=rules, quotas=quotas)
    lab.create_function("f", duration=60, timeout=90)
    if not may:
        with pytest.raises(InvalidSetting, match="June 2024"):
            rest(lab, "f", integration_timeout=90)
        return
    api = rest(lab, "f", integration_timeout=90)
    assert api.get("/x").latency_ms > 60_000
    with pytest.raises(InvalidSetting, match="Regional or private"):
        lab.api_gateway.create_rest_api("e", endpoint_type="EDGE", integration_timeout=90)
    with pytest.raises(InvalidSetting, match="30 s"):
        lab.api_gateway.create_http_api("h", integration_timeout=90)


def test_an_api_has_a_throttle_of_its_own(lab: ll.Lab) -> None:
    assert lab.rules.api_gateway_account_rate == 10_000
    api = rest(lab, returning(lab, {"body": "hi"}), throttle_rate=1, throttle_burst=1)
    replies = [api.get("/x") for _ in range(2)]
    assert [each.status_code for each in replies] == [200, 429]
    assert replies[1].json() == {"message": "Too Many Requests"}
    assert len(lab.trace.invocations) == 1, "Lambda never hears of it"


# ---------------------------------------------------------------------- API Gateway without a proxy


def test_a_non_proxy_integration_may_be_asynchronous(lab: ll.Lab) -> None:
    """Lambda's 202 and its empty body are all that there is to answer with, whatever becomes of it."""
    header = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    responses = {".+": 400, "": 202}
    api = rest(
        lab, returning(lab, ValueError("no")), proxy=False, request_parameters=header,
        integration_responses=responses,
    )  # fmt: skip
    reply = api.get("/x")
    assert (reply.status_code, reply.body) == (202, b"")
    lab.run()
    [run] = lab.trace.invocations.to_dict("records")
    assert (run["invocation_type"], run["attempts"]) == ("Event", 3)


def test_errors_are_chosen_by_a_pattern_on_their_message(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> Any:
        if event:
            raise ValueError(event["say"])
        return {"ok": True}

    lab.create_function("f", handler)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("POST", "/x", "f", proxy=False, integration_responses={"no .*": 404, "": 200})
    api.route("POST", "/any", "f", proxy=False, integration_responses={".+": 500, "": 200})
    api.route("POST", "/none", "f", proxy=False)
    assert api.post("/x", {"say": "no order"}).status_code == 404
    default = api.post("/x", {"say": "other"})
    assert (default.status_code, default.json()["errorMessage"]) == (200, "other")
    assert [api.post("/any", {"say": "other"}).status_code, api.post("/any", {}).status_code] == [
        500, 200,
    ]  # fmt: skip
    nothing = api.post("/none", {"say": "other"})
    assert (nothing.status_code, nothing.json()["errorType"]) == (200, "ValueError")
    by_status = api.route(
        "POST", "/s", "f", proxy=False, integration_responses={"200": 404, "": 201}
    )
    assert by_status.path == "/s"
    assert api.post("/s", {"say": "other"}).status_code == 201, "Lambda's own 200 is no message"

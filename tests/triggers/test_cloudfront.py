"""CloudFront: which function runs when, what it may return, and what a viewer gets where it fails."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from lambdalab import Lab
from lambdalab.errors import UnknownName
from lambdalab.triggers.errors import AlreadyExistsException, InvalidLambdaFunctionAssociation


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Header(Strict):
    key: str
    value: str


class EdgeConfig(Strict):
    distributionDomainName: str
    distributionId: str
    eventType: str
    requestId: str


class EdgeRequest(Strict):
    clientIp: str
    method: str
    uri: str
    querystring: str
    headers: dict[str, list[Header]]
    body: dict[str, Any] | None = None


class EdgeResponse(Strict):
    status: str
    statusDescription: str
    headers: dict[str, list[Header]]


class Edge(Strict):
    """The event (metrics-and-shapes.md 3 of the reference)."""

    config: EdgeConfig
    request: EdgeRequest
    response: EdgeResponse | None = None


def edge(lab: Lab, name: str, handler: Any, **settings: Any) -> Any:
    lab.create_function(name, handler, **settings)
    return lab.publish_version(name)


def passing(event: Any, context: Any) -> Any:
    cf = event["Records"][0]["cf"]
    return cf.get("response") or cf["request"]


def site_of(lab: Lab, **settings: Any) -> Any:
    return lab.cloudfront.create_distribution("site", {"/": "hello", "/a": "A"}, **settings)


def test_four_events_in_their_order(lab: Lab) -> None:
    seen: list[Any] = []

    def watch(event: Any, context: Any) -> Any:
        seen.append(event)
        return passing(event, context)

    site = site_of(lab)
    version = edge(lab, "watch", watch)
    for kind in ("viewer-request", "origin-request", "origin-response", "viewer-response"):
        site.associate(kind, version)
    reply = site.get("/?x=1", headers={"X-A": "1"})
    assert (reply.status_code, reply.text) == (200, "hello")
    events = [Edge.model_validate(event["Records"][0]["cf"]) for event in seen]
    assert [event.config.eventType for event in events] == list(site.functions)
    assert events[0].request.querystring == "x=1"
    assert events[0].request.headers["x-a"] == [Header(key="X-A", value="1")]
    assert [event.response is not None for event in events] == [False, False, True, True]
    assert len({event.config.requestId for event in events}) == 1
    assert list(lab.trace.requests.front) == ["site GET"]
    assert site.get("/none").status_code == 404


def test_a_request_function_rewrites_or_answers(lab: Lab) -> None:
    def route(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        if request["uri"] == "/old":
            headers = {"location": [{"key": "Location", "value": "/a"}]}
            return {"status": "302", "statusDescription": "Found", "headers": headers}
        request["uri"] = "/a"
        return request

    site = site_of(lab)
    site.associate("viewer-request", edge(lab, "route", route))
    site.associate("viewer-response", edge(lab, "after", passing))
    assert site.get("/whatever").text == "A"
    moved = site.get("/old")
    assert (moved.status_code, moved.headers["location"]) == (302, "/a")
    assert list(lab.trace.invocations.function) == ["route", "after", "route"]


def test_the_cache_spares_the_origin(lab: Lab) -> None:
    site = site_of(lab, ttl=60)
    site.associate("origin-request", edge(lab, "o", passing))
    site.associate("viewer-request", edge(lab, "v", passing))
    for _ in range(3):
        site.get("/")
    lab.advance(61)
    site.get("/")
    calls = list(lab.trace.invocations.function)
    assert (calls.count("v"), calls.count("o")) == (4, 2)
    lab.reset()
    site.get("/")
    assert list(lab.trace.invocations.function) == ["v", "o"]


def test_a_response_function_changes_headers_and_body(lab: Lab) -> None:
    def safe(event: Any, context: Any) -> Any:
        response = event["Records"][0]["cf"]["response"]
        response["headers"]["x-safe"] = [{"key": "X-Safe", "value": "yes"}]
        return response

    def replace(event: Any, context: Any) -> Any:
        response = event["Records"][0]["cf"]["response"]
        return {**response, "body": "aGk=", "bodyEncoding": "base64"}

    site = site_of(lab)
    site.associate("viewer-response", edge(lab, "safe", safe))
    reply = site.get("/")
    assert (reply.headers["x-safe"], reply.text) == ("yes", "hello")
    site.associate("origin-response", edge(lab, "replace", replace))
    assert site.get("/").text == "hi"


def test_the_body_of_a_request(lab: Lab) -> None:
    seen: list[Any] = []

    def watch(event: Any, context: Any) -> Any:
        seen.append(event["Records"][0]["cf"]["request"]["body"])
        return passing(event, context)

    site = site_of(lab)
    site.associate("viewer-request", edge(lab, "watch", watch), include_body=True)
    site.post("/", b"x" * 50_000)
    assert (seen[0]["inputTruncated"], len(seen[0]["data"])) == (True, 4 * -(-40 * 1024 // 3))


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (None, 502, "returned null"),
        ({"status": "abc"}, 502, "invalid status"),
        ({"status": "200", "headers": {"X-A": []}}, 502, "headers object"),
        ({"status": "200", "body": "x" * 41_000}, 502, "limit of a viewer-request event is 40,960"),
        ({"status": "200", "body": "!", "bodyEncoding": "base64"}, 502, "base64"),
        ({"uri": "a", "method": "GET"}, 502, "valid uri"),
    ],
)
def test_what_cloudfront_cannot_use(lab: Lab, answer: Any, status: int, text: str) -> None:
    site = site_of(lab)
    site.associate("viewer-request", edge(lab, "f", lambda event, context: answer))
    reply = site.get("/")
    assert reply.status_code == status
    assert text in reply.text
    assert list(lab.trace.requests.cause) == ["malformed_response"]


def test_an_origin_function_may_answer_with_a_megabyte(lab: Lab) -> None:
    site = site_of(lab)
    body = {"status": "200", "body": "x" * 1_000_000}
    site.associate("origin-request", edge(lab, "f", lambda event, context: body))
    assert len(site.get("/").body) == 1_000_000


def test_a_function_that_fails_is_a_503(lab: Lab) -> None:
    site = site_of(lab)

    def broken(event: Any, context: Any) -> Any:
        raise ValueError("no")

    site.associate("viewer-request", edge(lab, "broken", broken))
    reply = site.get("/")
    assert reply.status_code == 503
    assert "failed: no" in reply.text
    lab.create_function("slow", duration=lambda event: 10, timeout=5)
    site.associate("viewer-request", "slow", qualifier=lab.publish_version("slow").number)
    assert site.get("/").status_code == 503
    lab.put_function_concurrency("slow", 0)
    assert "throttled" in site.get("/").text
    assert list(lab.trace.requests.cause)[:2] == ["function_error", "timeout"]


def test_what_cannot_run_at_the_edge(lab: Lab) -> None:
    site = site_of(lab)
    lab.create_function("f", passing)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    for given in ("f", "f:$LATEST", "f:live"):
        with pytest.raises(
            InvalidLambdaFunctionAssociation, match="must end with the version number"
        ):
            site.associate("viewer-request", given)
    for name, settings, text in (
        ("big", {"memory_size": 256}, "at most 128 MB"),
        ("slow", {"timeout": 6}, "at most 5 seconds"),
        ("env", {"environment": {"A": "1"}}, "environment variables"),
        ("arm", {"architecture": "arm64"}, "x86_64"),
    ):
        version = edge(lab, name, passing, **settings)
        with pytest.raises(InvalidLambdaFunctionAssociation, match=text):
            site.associate("viewer-request", version)
    site.associate("origin-request", "big:1")
    site.associate("origin-request", "slow:1")
    with pytest.raises(InvalidLambdaFunctionAssociation, match="at most 30 seconds"):
        site.associate("origin-request", edge(lab, "slower", passing, timeout=31))
    with pytest.raises(UnknownName, match="viewer-request"):
        site.associate("viewer_request", "f:1")
    with pytest.raises(InvalidLambdaFunctionAssociation, match="IncludeBody"):
        site.associate("viewer-response", "f:1", include_body=True)


def test_origins(lab: Lab) -> None:
    def origin(request: dict[str, Any]) -> Any:
        if request["uri"] == "/down":
            raise OSError("down")
        return {"status": 201, "headers": {"X-From": "origin"}, "body": {"uri": request["uri"]}}

    site = lab.cloudfront.create_distribution("api", origin)
    reply = site.get("/x")
    assert (reply.status_code, reply.json(), reply.headers["x-from"]) == (
        201,
        {"uri": "/x"},
        "origin",
    )
    assert site.get("/down").status_code == 502
    assert lab.cloudfront.create_distribution("api", origin) is site
    with pytest.raises(AlreadyExistsException, match="delete_distribution"):
        lab.cloudfront.create_distribution("api", {})
    lab.cloudfront.delete_distribution("api")
    assert len(lab.cloudfront) == 0


@pytest.mark.parametrize(
    "page",
    [
        {"status": "abc"}, {"status": None}, {"status": 99}, {"status": 200, "headers": 3},
        {1, 2}, object(),
    ],
)  # fmt: skip
def test_an_origin_that_answers_nonsense(lab: Lab, page: Any) -> None:
    site = lab.cloudfront.create_distribution("site", {"/": page})
    response = site.get("/")
    assert response.status_code == 502
    assert "no valid answer" in response.text


@pytest.mark.parametrize(
    "answer",
    [
        "é" * 39, {"status": "²00"}, {"status": 200, "headers": {"x-a": [{"key": 3, "value": "1"}]}},
        {"status": 200, "body": "x", "bodyEncoding": "gzip"},
    ],
)  # fmt: skip
def test_stranger_answers_are_a_502_too(lab: Lab, answer: Any) -> None:
    site = site_of(lab)
    site.associate("viewer-request", edge(lab, "odd", lambda event, context: answer))
    assert site.get("/").status_code == 502


def test_a_query_string_is_a_text(lab: Lab) -> None:
    site = site_of(lab)
    site.associate(
        "viewer-request",
        edge(lab, "odd", lambda event, context: {**passing(event, context), "querystring": 3}),
    )
    assert "querystring" in site.get("/").text
    assert "odd:1" in repr(site)

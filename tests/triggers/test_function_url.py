"""Function URLs: who may come, what they get, and what the books say of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import LambdaFunctionUrlModel

import lambdalab as ll
from lambdalab.errors import (
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    UnknownSetting,
    ValidationException,
)


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(event)}


def test_the_event_is_of_payload_format_2(lab: ll.Lab) -> None:
    url = lab.create_function_url(lab.create_function("echo", echo))
    seen = url.post("/a b?x=1&x=2", {"k": 1}, headers={"Cookie": "a=1"}).json()
    LambdaFunctionUrlModel.model_validate(seen)
    assert (seen["routeKey"], seen["requestContext"]["stage"]) == ("$default", "$default")
    assert seen["requestContext"]["accountId"] == "anonymous"
    assert seen["rawPath"] == "/a%20b"  # a URL keeps what was sent
    assert seen["queryStringParameters"] == {"x": "1,2"}
    assert url.url == f"https://{seen['requestContext']['domainName']}/"
    assert url.url.endswith(".lambda-url.us-east-1.on.aws/")
    assert seen["headers"]["host"] == seen["requestContext"]["domainName"]
    assert seen["requestContext"]["requestId"] != url.get("/").json()["requestContext"]["requestId"]


def test_two_labs_of_one_seed_have_the_same_url() -> None:
    found = []
    for _ in range(2):
        lab = ll.Lab(seed=3)
        lab.create_function("f", duration=0.1)
        found.append(lab.create_function_url("f").url)
    assert found[0] == found[1]


def test_plain_results_become_answers(lab: ll.Lab) -> None:
    lab.create_function("hello", lambda event, context: "hello")
    reply = lab.create_function_url("hello").get("/")
    assert (reply.status_code, reply.text) == (200, "hello")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-amzn-requestid"] == reply.request_id


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        (lambda event, context: 1 / 0, "function_error"),
        (lambda event, context: {"statusCode": 1000}, "malformed_response"),
        (lambda event, context: "x" * 6_300_000, "response_too_large"),
    ],
)
def test_what_goes_wrong_in_the_function_is_a_502(lab: ll.Lab, handler: Any, cause: str) -> None:
    lab.create_function("wrong", handler)
    reply = lab.create_function_url("wrong").get("/")
    assert (reply.status_code, reply.text) == (502, "Internal Server Error")
    row = lab.trace.requests.iloc[-1]
    assert (row["cause"], row["front"], row["request_id"]) == (cause, "wrong url", reply.request_id)


def test_the_function_may_take_as_long_as_it_is_allowed(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=600, timeout=900)
    reply = lab.create_function_url("slow").get("/")
    assert (reply.status_code, reply.latency_ms > 600_000) == (200, True)


def test_a_throttled_caller_gets_429(lab: ll.Lab) -> None:
    lab.create_function("off", duration=1)
    lab.put_function_concurrency("off", 0)
    reply = lab.create_function_url("off").get("/")
    assert reply.status_code == 429
    assert reply.json()["Message"] == "Rate Exceeded."


def test_a_request_above_6_mb_gets_413(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    url = lab.create_function_url("f")
    reply = url.post("/", "x" * 6_300_000, headers={"Content-Type": "text/plain"})
    assert reply.status_code == 413
    assert lab.trace.requests.iloc[-1]["cause"] == "payload_too_large"
    # in base64 the same bytes are a third longer
    assert url.post("/", b"x" * 4_800_000).status_code == 413
    assert url.post("/", "x" * 4_800_000, headers={"Content-Type": "text/plain"}).status_code == 200


# ---------------------------------------------------------------------- who may come


def test_with_aws_iam_only_who_signs_may_come(lab: ll.Lab) -> None:
    url = lab.create_function_url(lab.create_function("echo", echo), auth_type="AWS_IAM")
    refused = url.get("/")
    assert (refused.status_code, refused.json()) == (403, {"Message": "Forbidden"})
    assert len(lab.trace.invocations) == 0
    assert lab.trace.requests.iloc[-1]["cause"] == "access_denied"
    seen = url.get("/", signed=True).json()
    LambdaFunctionUrlModel.model_validate(seen)
    assert seen["requestContext"]["accountId"] == "123456789012"
    assert seen["requestContext"]["authorizer"]["iam"]["accountId"] == "123456789012"


def test_the_policy_lets_anybody_in(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    url = lab.create_function_url("echo")
    [statement] = lab.get_policy("echo")["Statement"]
    assert statement["Sid"] == "FunctionURLAllowPublicAccess"
    assert (statement["Principal"], statement["Action"]) == ("*", "lambda:InvokeFunctionUrl")
    assert statement["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    lab.remove_permission("echo", "FunctionURLAllowPublicAccess")
    assert url.get("/").status_code == 403
    lab.add_permission(
        "echo",
        "mine",
        principal="*",
        action="lambda:InvokeFunctionUrl",
        function_url_auth_type="AWS_IAM",
    )
    assert url.get("/").status_code == 403
    lab.add_permission(
        "echo",
        "none",
        principal="*",
        action="lambda:InvokeFunctionUrl",
        function_url_auth_type="NONE",
    )
    assert url.get("/").status_code == 200


def test_since_october_2025_two_permissions_are_needed() -> None:
    lab = ll.Lab(seed=1, rules="latest")
    lab.create_function("echo", echo)
    url = lab.create_function_url("echo")
    second = lab.get_policy("echo")["Statement"][1]
    assert second["Sid"] == "FunctionURLAllowInvokeAction"
    assert second["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    assert url.get("/").status_code == 200
    # it lets nobody in by another way
    target = lab._triggers.parts.target("echo")
    assert not lab._triggers.parts.allowed(target, "sns.amazonaws.com", "arn")
    lab.remove_permission("echo", "FunctionURLAllowInvokeAction")
    assert url.get("/").status_code == 403


# ---------------------------------------------------------------------- the verbs


def test_there_is_one_for_each_function_and_alias(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: context.function_version)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    url, live = lab.create_function_url("f"), lab.create_function_url("f", qualifier="live")
    assert (url.get("/").text, live.get("/").text) == ("$LATEST", "1")
    assert url.url != live.url
    assert lab.get_function_url("f:live") is live
    with pytest.raises(
        ResourceConflictException, match=r"FunctionUrlConfig exists.*update_function_url"
    ):
        lab.create_function_url("f")
    for version in ("1", "$LATEST"):
        with pytest.raises(ValidationException, match="alias"):
            lab.create_function_url("f", qualifier=version)


def test_a_url_can_be_changed_and_taken_away(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    url = lab.create_function_url("echo", auth_type="AWS_IAM", cors={"allow_origins": ["*"]})
    assert lab.get_policy("echo")["Statement"] == []
    assert lab.update_function_url("echo", auth_type="NONE") is url
    assert url.get("/").status_code == 200
    assert url.settings.cors is not None
    lab.update_function_url("echo", cors={})
    assert url.settings.cors is None
    lab.delete_function_url("echo")
    gone = url.get("/")
    assert (gone.status_code, gone.text) == (403, '{"Message":null}')
    for verb in (lab.get_function_url, lab.delete_function_url, lab.update_function_url):
        with pytest.raises(ResourceNotFoundException, match="create_function_url"):
            verb("echo")
    assert lab.create_function_url("echo").get("/").status_code == 200


def test_a_deleted_function_takes_its_url_along(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    url = lab.create_function_url("echo")
    lab.delete_function("echo")
    lab.create_function("echo", echo)
    assert url.get("/").status_code == 403
    with pytest.raises(ResourceNotFoundException):
        lab.get_function_url("echo")
    assert lab.create_function_url("echo").get("/").status_code == 200


@pytest.mark.parametrize(
    ("error", "settings", "told"),
    [
        (InvalidSetting, {"auth_type": "OPEN"}, "NONE, AWS_IAM"),
        (
            InvalidSetting,
            {"invoke_mode": "RESPONSE_STREAM"},
            "does not simulate response streaming",
        ),
        (InvalidSetting, {"cors": {"max_age": 86_401}}, "86,400"),
        (InvalidSetting, {"cors": {"allow_origins": [1]}}, "list of texts"),
        (UnknownSetting, {"cors": {"allow_origin": ["*"]}}, "allow_origins"),
    ],
)
def test_bad_settings_change_nothing(
    lab: ll.Lab, error: type[Exception], settings: dict[str, Any], told: str
) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(error, match=told):
        lab.create_function_url("f", **settings)
    with pytest.raises(ResourceNotFoundException):
        lab.get_function_url("f")
    assert lab.get_policy("f")["Statement"] == []


def test_after_a_reset_the_url_is_still_there(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    url = lab.create_function_url("echo")
    first = url.get("/").text
    lab.reset()
    assert url.get("/").text == first
    assert lab.trace.wired("function_url")["echo url"]["function"] == "echo"


# ---------------------------------------------------------------------- browsers, metrics


def test_cors_is_answered_without_the_function(lab: ll.Lab) -> None:
    lab.create_function(
        "page", lambda e, c: {"statusCode": 200, "headers": {"access-control-allow-origin": "no"}}
    )
    cors = {"allow_origins": ["https://a"], "allow_methods": ["GET", "PUT"], "max_age": 60,
            "expose_headers": ["X-A"]}  # fmt: skip
    url = lab.create_function_url("page", cors=cors)
    asked = {"Origin": "https://a", "Access-Control-Request-Method": "PUT"}
    before = url.request("OPTIONS", "/", headers=asked)
    assert (before.status_code, len(lab.trace.invocations)) == (200, 0)
    assert before.headers["Access-Control-Allow-Methods"] == "GET,PUT"
    assert before.headers["Access-Control-Max-Age"] == "60"
    reply = url.get("/", headers={"Origin": "https://a"})
    assert reply.headers["Access-Control-Allow-Origin"] == "https://a"
    assert reply.headers["Access-Control-Expose-Headers"] == "X-A"
    assert (
        url.get("/", headers={"Origin": "https://b"}).headers["Access-Control-Allow-Origin"] == "no"
    )


def test_without_cors_settings_the_function_answers_options(lab: ll.Lab) -> None:
    url = lab.create_function_url(lab.create_function("echo", echo))
    asked = {"Origin": "https://a", "Access-Control-Request-Method": "PUT"}
    seen = url.request("OPTIONS", "/", headers=asked).json()
    assert seen["requestContext"]["http"]["method"] == "OPTIONS"


def test_metrics_count_what_urls_answered(lab: ll.Lab) -> None:
    def handler(event: dict[str, Any], context: Any) -> object:
        return {"statusCode": int(event["rawPath"][1:])}

    lab.create_function("f", handler)
    lab.create_function("other", duration=1)
    url = lab.create_function_url("f")
    for status in (200, 404, 503, 500):
        url.get(f"/{status}")
    lab.invoke("other")
    shown = lab.trace.metrics()
    shown = shown[shown["metric"].str.startswith("Url")].set_index("metric")
    assert set(shown["name"]) == {"f"}
    sums = shown["sum"].to_dict()
    spent = lab.trace.requests["front"] == "f url"
    assert (sums["UrlRequestCount"], sums["Url4xxCount"], sums["Url5xxCount"]) == (4, 1, 2)
    assert (shown.loc["UrlRequestLatency", "samples"], spent.sum()) == (4, 4)
    assert float(str(shown.loc["UrlRequestLatency", "maximum"])) > 0


def test_metrics_count_answers_that_came_too_late(lab: ll.Lab) -> None:
    lab.create_function("slow", lambda event, context: time.sleep(40), timeout=20)
    url = lab.create_function_url("slow")
    assert url.get("/", caller=ll.Browser(gives_up_after=5)).gave_up
    before = lab.trace.metrics().set_index("metric")["sum"].to_dict()
    assert (before["UrlRequestCount"], "UrlRequestLatency" in before) == (1, False)
    lab.run()
    after = lab.trace.metrics().set_index("metric")["sum"].to_dict()
    assert (after["UrlRequestCount"], after["Url5xxCount"]) == (1, 1)
    assert after["UrlRequestLatency"] > 20_000


def test_a_lab_without_urls_has_no_such_metrics(lab: ll.Lab) -> None:
    lab.invoke(lab.create_function("f", duration=1))
    assert not lab.trace.metrics()["metric"].str.startswith("Url").any()


def test_a_handler_can_call_a_url(lab: ll.Lab) -> None:
    url = lab.create_function_url(lab.create_function("inner", duration=1))

    def outer(event: Any, context: Any) -> int:
        return url.get("/").status_code

    lab.create_function("outer", outer, timeout=30)
    assert lab.invoke("outer").payload == 200
    shown = lab.trace.invocations.set_index("function")
    parents, requests = shown["parent_id"].to_dict(), shown["request_id"].to_dict()
    assert parents["inner"] == requests["outer"]


def test_keywords_that_nobody_knows(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    with pytest.raises(UnknownSetting, match="did you mean 'auth_type'"):
        lab.create_function_url("echo", authtype="NONE")
    url = lab.create_function_url("echo")
    with pytest.raises(UnknownSetting, match="did you mean 'invoke_mode'"):
        lab.update_function_url("echo", invokemode="BUFFERED")
    assert url.get("/a%2Fb").json()["rawPath"] == "/a%2Fb"

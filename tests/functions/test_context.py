"""The context object: what a handler may ask about its own invocation."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lambdalab as ll


def test_the_context_says_who_runs_and_where(lab: ll.Lab) -> None:
    @lab.function(memory_size=512, timeout=10)
    def who(event: object, context: Any) -> dict[str, Any]:
        return {
            "name": context.function_name,
            "version": context.function_version,
            "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb,
            "request": context.aws_request_id,
            "group": context.log_group_name,
            "stream": context.log_stream_name,
            "identity": context.identity.cognito_identity_id,
            "client": context.client_context,
        }

    reply = lab.invoke(who)
    assert reply.payload == {
        "name": "who",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:who",
        "memory": "512",  # a text, as AWS has it
        "request": reply.request_id,
        "group": "/aws/lambda/who",
        "stream": lab.trace.environments["log_stream"].iloc[0],
        "identity": None,
        "client": None,
    }
    assert reply.payload["stream"].startswith("2025/01/07/[$LATEST]")


def test_the_time_that_remains_is_virtual(lab: ll.Lab) -> None:
    @lab.function(timeout=10)
    def left(event: object, context: Any) -> list[int]:
        seen = [context.get_remaining_time_in_millis()]
        for pause in (0.25, 5, 1.0004):
            time.sleep(pause)
            seen.append(context.get_remaining_time_in_millis())
        return seen

    assert lab.invoke(left).payload == [10_000, 9_750, 4_750, 3_749]


def test_each_invocation_has_a_context_of_its_own_and_an_environment_its_stream(
    lab: ll.Lab,
) -> None:
    @lab.function
    def ids(event: object, context: Any) -> list[str]:
        time.sleep(1)
        return [context.aws_request_id, context.log_stream_name]

    replies = [lab.invoke(ids) for _ in range(2)]
    assert replies[0].payload[0] != replies[1].payload[0]
    assert replies[0].payload[1] == replies[1].payload[1], "the same environment"
    lab.advance(3600)
    assert lab.invoke(ids).payload[1] != replies[0].payload[1], "another one"


def test_the_variables_of_the_environment(lab: ll.Lab) -> None:
    @lab.function(environment={"STAGE": "test"}, memory_size=256)
    def variables(event: object, context: Any) -> dict[str, str]:
        import os

        os.environ["MINE"] = "only here"
        return dict(os.environ)

    found = lab.invoke(variables).payload
    assert found["STAGE"] == "test"
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "variables"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert found["AWS_REGION"] == "us-east-1"
    assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert found["LAMBDA_TASK_ROOT"] == "/var/task"
    import os

    assert "MINE" not in os.environ
    assert "STAGE" not in os.environ


def test_context_log_and_repr(lab: ll.Lab) -> None:
    @lab.function
    def talk(event: object, context: Any) -> str:
        context.log("hello")
        return repr(context)

    reply = lab.invoke(talk)
    assert "\nhello\n" in reply.log
    assert reply.payload == f"LambdaContext('talk', aws_request_id='{reply.request_id}')"


def test_nothing_remains_below_zero(lab: ll.Lab) -> None:
    """After the timeout `finally` may still ask."""
    seen: list[int] = []

    @lab.function(timeout=1)
    def late(event: object, context: Any) -> None:
        try:
            time.sleep(5)
        finally:
            seen.append(context.get_remaining_time_in_millis())

    assert lab.invoke(late).function_error == "Unhandled"
    assert seen == [0]


@pytest.mark.parametrize("word", ["get_remaining_time_in_millis", "log"])
def test_the_methods_have_docstrings(word: str) -> None:
    from lambdalab.functions.context import LambdaContext

    assert getattr(LambdaContext, word).__doc__

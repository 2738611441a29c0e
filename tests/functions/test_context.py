"""The context object: what a handler may ask about its own invocation."""

from __future__ import annotations

import os
import re
import time
import zipfile
from pathlib import Path
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
    stream = lab.trace.environments["log_stream"].iloc[0]
    assert reply.payload == (
        f"LambdaContext([aws_request_id={reply.request_id},log_group_name=/aws/lambda/talk,"
        f"log_stream_name={stream},function_name=talk,memory_limit_in_mb=128,"
        "function_version=$LATEST,"
        "invoked_function_arn=arn:aws:lambda:us-east-1:123456789012:function:talk,"
        "client_context=None,"
        "identity=CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None]),"
        "tenant_id=None])"
    )


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

    kept: list[Any] = []

    @lab.function(timeout=1)
    def keeps(event: object, context: Any) -> int:
        kept.append(context)
        remaining: int = kept[0].get_remaining_time_in_millis()
        return remaining

    assert lab.invoke(keeps).payload == 1000
    lab.advance(60)
    assert lab.invoke(keeps).payload == 0, "of an invocation long over"


@pytest.mark.parametrize("word", ["get_remaining_time_in_millis", "log"])
def test_the_methods_have_docstrings(word: str) -> None:
    from lambdalab.functions.context import LambdaContext

    assert getattr(LambdaContext, word).__doc__


# ---------------------------------------------------------------------- who was called, and by whom


def test_the_arn_bears_the_qualifier_that_the_caller_used(lab: ll.Lab) -> None:
    @lab.function
    def who(event: object, context: Any) -> list[str]:
        return [context.function_version, context.invoked_function_arn]

    arn = "arn:aws:lambda:us-east-1:123456789012:function:who"
    lab.publish_version(who)
    lab.create_alias(who, "live", "1")
    assert lab.invoke(who).payload == ["$LATEST", arn]
    assert lab.invoke("who:$LATEST").payload == ["$LATEST", f"{arn}:$LATEST"]
    assert lab.invoke("who:1").payload == ["1", f"{arn}:1"]
    assert lab.invoke("who", qualifier="live").payload == ["1", f"{arn}:live"]


CLIENT = {
    "client": {"installation_id": "i", "app_title": "Shop", "other": 1},
    "custom": {"theme": "dark"},
    "env": {"locale": "de"},
    "more": 1,
}


def test_the_client_context_of_a_synchronous_call(lab: ll.Lab) -> None:
    seen: list[Any] = []
    lab.create_function("f", lambda event, context: seen.append(context.client_context))
    lab.invoke("f", client_context=CLIENT)
    lab.invoke("f", client_context={})
    lab.invoke("f", client_context=CLIENT, invocation_type="Event")
    lab.run()
    told, empty, none = seen
    assert (told.custom, told.env) == ({"theme": "dark"}, {"locale": "de"})
    assert (told.client.installation_id, told.client.app_title) == ("i", "Shop")
    assert (told.client.app_package_name, hasattr(told.client, "other")) == (None, False)
    assert not hasattr(told, "more")
    assert (empty.custom, empty.env, empty.client) == (None, None, None)
    assert repr(empty) == "ClientContext([custom=None,env=None,client=None])"
    assert none is None, "only synchronous invocations hand it on"


# ---------------------------------------------------------------------- the environment's variables

RECORDED = """
    AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_FUNCTION_MEMORY_SIZE
    AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_INITIALIZATION_TYPE
    AWS_EXECUTION_ENV AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API AWS_XRAY_DAEMON_ADDRESS AWS_XRAY_CONTEXT_MISSING
    _X_AMZN_TRACE_ID _HANDLER LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR TZ LANG PWD PATH LD_LIBRARY_PATH
    PYTHONPATH
"""
SHOW = "import os\nat_init = dict(os.environ)\ndef lambda_handler(event, context):\n    "


def test_every_variable_of_a_real_function_is_there(lab: ll.Lab) -> None:
    lab.create_function("f", SHOW + "return dict(os.environ)")
    found = lab.invoke("f").payload
    assert sorted(found) == sorted(RECORDED.split())
    assert found["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert found["PWD"] == "/var/task"
    assert found["AWS_XRAY_CONTEXT_MISSING"] == "LOG_ERROR"


def test_a_version_of_provisioned_concurrency_knows_both(lab: ll.Lab) -> None:
    lab.create_function("f", SHOW + "return dict(os.environ)")
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.advance(600)
    found = lab.invoke("f:1").payload
    assert found["AWS_LAMBDA_FUNCTION_VERSION"] == "1"
    assert found["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    assert found["AWS_LAMBDA_LOG_STREAM_NAME"].startswith("2025/01/07/[1]")


def test_the_trace_id_is_the_invocations(lab: ll.Lab) -> None:
    code = SHOW + "return [at_init.get('_X_AMZN_TRACE_ID'), os.environ['_X_AMZN_TRACE_ID']]"
    lab.create_function("f", code)
    first, second = lab.invoke("f").payload, lab.invoke("f").payload
    assert first[0] is second[0] is None, "an init belongs to no request"
    assert first[1] != second[1]
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", first[1])


def test_what_a_handler_sets_stays_until_the_process_ends(lab: ll.Lab) -> None:
    code = SHOW + (
        "os.environ['SEEN'] = os.environ.get('SEEN', '') + 'x'\n"
        "    if event: os._exit(1)\n"
        "    return os.environ['SEEN'], os.environ['_X_AMZN_TRACE_ID']"
    )
    lab.create_function("f", code)
    assert [lab.invoke("f").payload[0] for _ in range(2)] == ["x", "xx"]
    lab.invoke("f", {"leave": True})
    reply = lab.invoke("f")
    assert reply.payload[0] == "x"
    assert lab.invoke("f").payload[1] != reply.payload[1]


def test_code_works_in_var_task(lab: ll.Lab, tmp_path: Path) -> None:
    """A function of a notebook stays in the notebook's folder: relative paths go on to work."""
    (tmp_path / "lambda_function.py").write_text(
        "import os\nfrom pathlib import Path\ndef lambda_handler(event, context):\n"
        "    return [os.getcwd(), os.getcwdb().decode(), Path('note.txt').read_text()]\n"
    )
    (tmp_path / "note.txt").write_text("mine")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        for name in ("lambda_function.py", "note.txt"):
            archive.write(tmp_path / name, name)
    lab.create_function("folder", code=tmp_path)
    lab.create_function("zip", code=tmp_path / "code.zip")
    for name in ("folder", "zip"):
        assert lab.invoke(name).payload == ["/var/task", "/var/task", "mine"]
    lab.create_function("own", lambda event, context: os.getcwd())
    assert lab.invoke("own").payload == os.getcwd()

"""What Invoke answers: statuses, bodies, versions, ids, log tail, client context."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError, ResourceNotFoundException

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
PARTIAL = "123456789012:function:f"
CLIENT = {
    "custom": {"plan": "gold"},
    "env": {"locale": "en_GB"},
    "client": {
        "installation_id": "i-1",
        "app_title": "Shop",
        "app_version_name": "2.1",
        "app_version_code": "21",
        "app_package_name": "org.example.shop",
    },
}


def published(lab: ll.Lab) -> None:
    """A function f whose version 1 and alias live answer "one", and $LATEST "latest"."""
    lab.create_function("f", "def lambda_handler(event, context): return 'one'")
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.update_function("f", "def lambda_handler(event, context): return 'latest'")


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
def test_an_event_and_a_dry_run_are_answered_with_nothing(
    lab: ll.Lab, kind: str, status: int
) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    reply = lab.invoke("f", {"order": 1}, invocation_type=kind)
    assert (reply.status_code, reply.body, reply.payload) == (status, b"", None)
    assert reply.executed_version is None
    assert reply.function_error is None
    assert reply.log_result == ""


@pytest.mark.parametrize(
    ("name", "qualifier", "version"),
    [
        ("f", None, "$LATEST"),
        ("f", "$LATEST", "$LATEST"),
        ("f", "1", "1"),
        ("f", "live", "1"),
        ("f:1", None, "1"),
        ("f:live", None, "1"),
        ("f:$LATEST", None, "$LATEST"),
        (ARN, None, "$LATEST"),
        (ARN, "live", "1"),
        (ARN + ":1", None, "1"),
        (ARN + ":live", None, "1"),
        (PARTIAL, None, "$LATEST"),
        (PARTIAL + ":live", None, "1"),
    ],
)
def test_every_way_to_name_what_runs(
    lab: ll.Lab, name: str, qualifier: str | None, version: str
) -> None:
    published(lab)
    reply = lab.invoke(name, qualifier=qualifier)
    assert reply.executed_version == version
    assert reply.payload == ("latest" if version == "$LATEST" else "one")


@pytest.mark.parametrize("qualifier", ["2", "dead"])
def test_a_version_or_alias_that_is_not_there(lab: ll.Lab, qualifier: str) -> None:
    published(lab)
    with pytest.raises(ResourceNotFoundException) as error:
        lab.invoke("f", qualifier=qualifier)
    assert error.value.status_code == 404
    assert error.value.message == f"Function not found: {ARN}:{qualifier}"


def test_nothing_returned_is_null(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): pass")
    reply = lab.invoke("f")
    assert (reply.body, reply.payload) == (b"null", None)


def test_one_request_id_everywhere(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): return context.aws_request_id")
    reply = lab.invoke("f")
    assert reply.payload == reply.request_id
    lines = [line for line in reply.log.splitlines() if "RequestId: " in line]
    assert [line.split()[0] for line in lines] == ["START", "END", "REPORT"]
    assert all(f"RequestId: {reply.request_id}" in line for line in lines)
    assert lab.trace.attempts["request_id"].tolist() == [reply.request_id]


def test_the_log_comes_when_asked_for(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): print('seen')")
    tail = base64.b64decode(lab.invoke("f", log_type="Tail").log_result).decode()
    assert "\nseen\n" in tail
    assert lab.invoke("f", log_type="None").log_result == ""
    assert lab.invoke("f", log_type="Tail", invocation_type="Event").log_result == ""
    with pytest.raises(LabError):
        lab.invoke("f", log_type="All")


def test_a_megabyte_of_log_has_a_tail_of_4_kb(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): print('x' * 1_048_576)")
    reply = lab.invoke("f")
    assert reply.function_error is None
    tail = base64.b64decode(reply.log_result)
    assert len(tail) == 4096
    assert tail.startswith(b"xxx")
    assert b"REPORT RequestId: " in tail


def read_client(event: Any, context: Any) -> Any:
    client = context.client_context
    if client is None:
        return None
    names = ("installation_id", "app_title", "app_version_name", "app_version_code")
    return {
        "custom": client.custom,
        "env": client.env,
        "client": {name: getattr(client.client, name) for name in (*names, "app_package_name")},
    }


def test_the_client_context_reaches_the_handler(lab: ll.Lab) -> None:
    lab.create_function("f", read_client)
    assert lab.invoke("f", client_context=CLIENT).payload == CLIENT
    assert lab.invoke("f").payload is None


def test_the_client_context_has_a_limit(lab: ll.Lab) -> None:
    """3,583 bytes of base64 hold 2,685 bytes of JSON."""
    lab.create_function("f", read_client)
    empty = len('{"custom": {"x": ""}}')
    lab.invoke("f", client_context={"custom": {"x": "a" * (2685 - empty)}})
    with pytest.raises(LabError, match=r"3,?583"):
        lab.invoke("f", client_context={"custom": {"x": "a" * (2689 - empty)}})


def test_an_event_has_no_client_context(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(e, context): print(context.client_context)")
    lab.invoke("f", client_context=CLIENT, invocation_type="Event")
    lab.run()
    assert "None" in lab.trace.logs["message"].tolist()


def test_a_caller_hears_202_whatever_becomes_of_its_event(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    lab.drive("f", ll.Burst(1), invocation_type="Event")
    lab.run()
    assert lab.trace.requests["status_code"].tolist() == [202]
    assert lab.trace.invocations["status"].tolist() == ["failed"]

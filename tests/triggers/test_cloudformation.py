"""CloudFormation: stacks of custom resources, their answers, and the stack that waits in vain."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from aws_lambda_powertools.utilities.parser import models

from lambdalab import Lab
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.triggers.errors import AlreadyExistsException, ValidationError


def template(function: Any, **properties: Any) -> dict[str, Any]:
    return {"X": {"Type": "Custom::X", "ServiceToken": function, "Properties": properties}}


def answering(lab: Lab, seen: list[Any], **more: Any) -> Any:
    """A function that answers every request with success."""

    @lab.function
    def make(event: Any, context: Any) -> None:
        seen.append(event)
        lab.cloudformation.respond(event, **more)

    return make


def answer_of(event: Any, status: str = "SUCCESS", **more: Any) -> bytes:
    told = {
        "Status": status, "PhysicalResourceId": "x-1", "StackId": event["StackId"],
        "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"], **more,
    }  # fmt: skip
    return json.dumps(told).encode()


def by_urllib(event: Any, body: bytes) -> int:
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")
    with urllib.request.urlopen(request) as response:
        return int(response.status)


def by_http_client(event: Any, body: bytes) -> int:
    url = urlsplit(event["ResponseURL"])
    connection = http.client.HTTPSConnection(url.netloc)
    connection.request("PUT", f"{url.path}?{url.query}", body=body)
    return connection.getresponse().status


def by_httpx(event: Any, body: bytes) -> int:
    import httpx

    return int(httpx.put(event["ResponseURL"], content=body).status_code)


def by_urllib3(event: Any, body: bytes) -> int:
    import urllib3

    return int(urllib3.PoolManager().request("PUT", event["ResponseURL"], body=body).status)


@pytest.mark.parametrize("put", [by_urllib, by_http_client, by_urllib3, by_httpx])
def test_a_handler_puts_its_answer(lab: Lab, put: Any) -> None:
    if put is by_httpx:
        pytest.importorskip("httpx")
    seen: list[Any] = []

    @lab.function
    def make(event: Any, context: Any) -> int:
        seen.append(event)
        time.sleep(1)
        return put(event, answer_of(event, Data={"Rows": 3}))  # type: ignore[no-any-return]

    stack = lab.cloudformation.create_stack("shop", template(make, n=1, on=True))
    assert stack.status == "CREATE_IN_PROGRESS"
    lab.run()
    assert stack.status == "CREATE_COMPLETE"
    assert stack.resources["X"].physical_id == "x-1"
    assert stack.resources["X"].data == {"Rows": 3}
    models.CloudFormationCustomResourceCreateModel.model_validate(seen[0])
    assert seen[0]["ServiceToken"].endswith(":function:make")
    assert seen[0]["ResourceProperties"] == {
        "ServiceToken": seen[0]["ServiceToken"], "n": "1", "on": "true"
    }  # fmt: skip
    assert lab.elapsed < 10
    assert list(lab.trace.invocations.invocation_type) == ["Event"]
    assert lab.get_policy("make")["Statement"] == []  # a role's business
    assert [status for _, name, status, _ in stack.events if name == "shop"] == [
        "CREATE_IN_PROGRESS", "CREATE_COMPLETE"
    ]  # fmt: skip


def test_the_network_stays_closed_to_others(lab: Lab) -> None:
    told: list[str] = []

    @lab.function
    def make(event: Any, context: Any) -> None:
        try:
            urllib.request.urlopen(event["ResponseURL"])  # GET
        except urllib.error.HTTPError as error:
            told.append(str(error.code))
        try:
            urllib.request.urlopen("https://example.com/")
        except urllib.error.URLError as error:
            told.append(str(error.reason))
        lab.cloudformation.respond(event)

    lab.cloudformation.create_stack("shop", template(make))
    lab.run()
    assert told[0] == "403"
    assert "reached for the network" in told[1]


def test_a_stack_waits_an_hour_in_vain(lab: Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def forgets(event: Any, context: Any) -> None:
        seen.append(event)
        if event["RequestType"] == "Delete":
            lab.cloudformation.respond(event)

    stack = lab.cloudformation.create_stack("shop", template(forgets))
    lab.advance(3599)
    assert stack.status == "CREATE_IN_PROGRESS"
    assert repr(stack) == "<stack shop CREATE_IN_PROGRESS · 1 resource>"
    assert repr(stack.resources["X"]).endswith(" CREATE_IN_PROGRESS>")
    lab.run()
    assert stack.status == "ROLLBACK_COMPLETE"
    assert 3600 <= lab.elapsed < 3610
    reasons = [reason for _, name, status, reason in stack.events if status == "CREATE_FAILED"]
    assert "did not receive a response from your Custom Resource" in reasons[0]
    assert [event["RequestType"] for event in seen] == ["Create", "Delete"]
    models.CloudFormationCustomResourceDeleteModel.model_validate(seen[1])
    assert seen[1]["PhysicalResourceId"].startswith("shop-X-")


def test_the_timeout_can_be_shorter(lab: Lab) -> None:
    lab.create_function("forgets", duration=0.1)
    stack = lab.cloudformation.create_stack(
        "shop", template("forgets"), service_timeout=60, disable_rollback=True
    )
    lab.run()
    assert (stack.status, lab.elapsed) == ("CREATE_FAILED", 60)
    assert stack.status_reason == "The following resource(s) failed to create: [X]."
    with pytest.raises(InvalidSetting, match="1 to 3,600"):
        lab.cloudformation.create_stack("other", template("forgets"), service_timeout=3601)


def test_a_failure_rolls_the_others_back(lab: Lab) -> None:
    seen: list[Any] = []
    good = answering(lab, seen)

    @lab.function
    def bad(event: Any, context: Any) -> None:
        seen.append(event)
        failed = event["RequestType"] == "Create"
        lab.cloudformation.respond(
            event, "FAILED" if failed else "SUCCESS", reason="no quota" if failed else ""
        )

    stack = lab.cloudformation.create_stack(
        "shop", {"A": {"ServiceToken": good}, "B": {"ServiceToken": bad}}
    )
    lab.run()
    assert stack.status == "ROLLBACK_COMPLETE"
    assert stack.resources == {}
    failures = [reason for _, name, status, reason in stack.events if (name, status) == (
        "B", "CREATE_FAILED"
    )]  # fmt: skip
    assert "Message returned: no quota (RequestId: " in failures[0]
    deleted = sorted(e["LogicalResourceId"] for e in seen if e["RequestType"] == "Delete")
    assert deleted == ["A", "B"]
    with pytest.raises(ValidationError, match="ROLLBACK_COMPLETE state and can not be updated"):
        lab.cloudformation.update_stack("shop", template(good))
    with pytest.raises(AlreadyExistsException, match="delete_stack"):
        lab.cloudformation.create_stack("shop", template(good))


def test_an_update_that_replaces_deletes_the_old_one(lab: Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def make(event: Any, context: Any) -> None:
        seen.append(event)
        name = event["ResourceProperties"]["name"]
        lab.cloudformation.respond(event, physical_resource_id=f"id-{name}")

    stack = lab.cloudformation.create_stack("shop", template(make, name="a"))
    lab.run()
    lab.cloudformation.update_stack("shop", template(make, name="b"))
    lab.run()
    assert stack.status == "UPDATE_COMPLETE"
    assert stack.resources["X"].physical_id == "id-b"
    assert stack.resources["X"].status == "UPDATE_COMPLETE"
    _, update, delete = seen
    models.CloudFormationCustomResourceUpdateModel.model_validate(update)
    assert update["PhysicalResourceId"] == "id-a"
    assert update["OldResourceProperties"]["name"] == "a"
    assert (delete["RequestType"], delete["PhysicalResourceId"]) == ("Delete", "id-a")
    assert delete["ResourceProperties"]["name"] == "a"
    statuses = [status for _, name, status, _ in stack.events if name == "shop"]
    assert "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" in statuses
    with pytest.raises(ValidationError, match="No updates are to be performed"):
        lab.cloudformation.update_stack("shop", template(make, name="b"))


def test_resources_come_and_go_with_an_update(lab: Lab) -> None:
    seen: list[Any] = []
    make = answering(lab, seen)
    stack = lab.cloudformation.create_stack("shop", {"A": {"ServiceToken": make}})
    lab.run()
    lab.cloudformation.update_stack("shop", {"B": {"ServiceToken": make}})
    lab.run()
    assert list(stack.resources) == ["B"]
    told = [(event["RequestType"], event["LogicalResourceId"]) for event in seen]
    assert told == [("Create", "A"), ("Create", "B"), ("Delete", "A")]
    other = lab.create_function("other", duration=1)
    with pytest.raises(ValidationError, match="Modifying service token is not allowed"):
        lab.cloudformation.update_stack("shop", {"B": {"ServiceToken": other}})


def test_an_update_that_fails_goes_back(lab: Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def make(event: Any, context: Any) -> None:
        seen.append(event)
        bad = event["ResourceProperties"].get("n") == "2"
        lab.cloudformation.respond(event, "FAILED" if bad else "SUCCESS", reason="no")

    stack = lab.cloudformation.create_stack("shop", template(make, n=1))
    lab.run()
    lab.cloudformation.update_stack("shop", template(make, n=2))
    lab.run()
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.resources["X"].definition.properties == {"n": "1"}
    assert [event["ResourceProperties"]["n"] for event in seen] == ["1", "2", "1"]
    assert seen[2]["OldResourceProperties"]["n"] == "2"


def test_a_stack_is_deleted(lab: Lab) -> None:
    seen: list[Any] = []
    make = answering(lab, seen, physical_resource_id="x-1")
    stack = lab.cloudformation.create_stack("shop", template(make))
    lab.run()
    lab.cloudformation.delete_stack("shop")
    assert stack.status == "DELETE_IN_PROGRESS"
    lab.run()
    assert stack.status == "DELETE_COMPLETE"
    assert "shop" not in lab.cloudformation
    assert seen[1]["PhysicalResourceId"] == "x-1"
    lab.cloudformation.delete_stack("shop")  # nothing happens
    again = lab.cloudformation.create_stack("shop", template(make))
    lab.run()
    assert again.status == "CREATE_COMPLETE"
    assert again.id != stack.id


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"yes", "Invalid response object"),
        (b'{"Status": "DONE"}', "Invalid response object"),
        (b'{"Status": "SUCCESS"}', "Invalid PhysicalResourceId"),
        (b'{"Status": "SUCCESS", "Data": "' + b"x" * 4096 + b'"}', "Response object is too long"),
    ],
)
def test_an_answer_that_is_none(lab: Lab, body: bytes, reason: str) -> None:
    @lab.function
    def odd(event: Any, context: Any) -> None:
        by_urllib(event, body if event["RequestType"] == "Create" else answer_of(event))

    stack = lab.cloudformation.create_stack("shop", template(odd), disable_rollback=True)
    lab.run()
    assert stack.resources["X"].status_reason.startswith(reason)


def test_a_function_that_cannot_be_invoked(lab: Lab) -> None:
    lab.create_function("make", duration=1)
    lab.faults.service_error("make")
    stack = lab.cloudformation.create_stack("shop", template("make"), disable_rollback=True)
    lab.run()
    assert stack.resources["X"].status_reason.startswith("Failed to invoke the function")
    assert lab.elapsed == 3
    assert list(lab.trace.requests.status_code) == [500, 500, 500]


def test_bad_input_and_reset(lab: Lab) -> None:
    make = lab.create_function("make", duration=1)
    create = lab.cloudformation.create_stack
    with pytest.raises(InvalidSetting, match="ServiceToken"):
        create("shop", {"X": {"Type": "Custom::X"}})
    with pytest.raises(ValidationError, match=r"Unrecognized resource types: \[AWS::S3::Bucket\]"):
        create("shop", {"X": {"Type": "AWS::S3::Bucket", "ServiceToken": make}})
    with pytest.raises(InvalidSetting, match="Properties"):
        create("shop", {"X": {"ServiceToken": make, "Props": {}}})
    with pytest.raises(InvalidSetting, match="ResponseURL"):
        lab.cloudformation.respond({})
    with pytest.raises(UnknownName):
        lab.cloudformation.update_stack("shop", template(make))
    assert len(lab.trace.invocations) == 0
    create("shop", template(make))
    lab.reset()
    assert len(lab.cloudformation) == 0
    lab.run()
    assert lab.elapsed == 0


def test_resources_that_fail_at_one_moment_roll_back_once(lab: Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def make(event: Any, context: Any) -> None:
        seen.append(event["RequestType"])
        status = "FAILED" if event["RequestType"] == "Create" else "SUCCESS"
        lab.cloudformation.respond(event, status, reason="no")

    lab.publish_version(make)
    lab.put_provisioned_concurrency(make, 1, 3)
    lab.run()
    shape = {"Type": "Custom::X", "ServiceToken": "make:1"}
    stack = lab.cloudformation.create_stack("shop", {"A": shape, "B": shape, "C": shape})
    lab.run()
    assert seen == ["Create"] * 3 + ["Delete"] * 3
    assert stack.status == "ROLLBACK_COMPLETE"
    assert [status for *_, status, _ in stack.events].count("ROLLBACK_IN_PROGRESS") == 1
    assert [reason for *_, reason in stack.events].count("Resource creation cancelled") == 2


def test_a_stack_deleted_by_the_handler_that_has_answered(lab: Lab) -> None:
    @lab.function
    def make(event: Any, context: Any) -> None:
        lab.cloudformation.respond(event)
        if event["RequestType"] == "Create":
            lab.cloudformation.delete_stack("shop")

    stack = lab.cloudformation.create_stack("shop", template(make))
    lab.run()
    assert stack.status == "DELETE_COMPLETE"
    assert not stack.resources
    assert "CREATE_COMPLETE" not in [status for *_, status, _ in stack.events]


def test_a_handler_that_was_stopped_sends_no_answer(lab: Lab) -> None:
    @lab.function(timeout=1)
    def make(event: Any, context: Any) -> None:
        try:
            time.sleep(5)
        finally:
            by_urllib(event, answer_of(event))

    stack = lab.cloudformation.create_stack("shop", template(make), service_timeout=20)
    lab.run()
    assert stack.status == "ROLLBACK_FAILED"


def test_only_http_ports_of_the_host_are_answered(lab: Lab) -> None:
    refused: list[str] = []

    @lab.function
    def make(event: Any, context: Any) -> None:
        host = urlsplit(event["ResponseURL"]).netloc
        try:
            socket.create_connection((host, 22))
        except OSError as error:
            refused.append(str(error))
        lab.cloudformation.respond(event)

    lab.cloudformation.create_stack("shop", template(make))
    lab.run()
    assert "reached for the network" in refused[0]


def test_nothing_is_half_made(lab: Lab) -> None:
    make = answering(lab, [])
    create = lab.cloudformation.create_stack
    for properties in ([1], "x", {"tags": {"a", "b"}}):
        with pytest.raises(InvalidSetting, match="Properties"):
            create("shop", {"X": {"ServiceToken": make, "Properties": properties}})
    with pytest.raises(ValidationError, match="Resource name X-1 is non alphanumeric"):
        create("shop", {"X-1": {"ServiceToken": make}})
    for name in ("my shop", "1shop", "möbel"):
        with pytest.raises(InvalidSetting, match="a text that matches"):
            create(name, template(make))
    assert not list(lab.cloudformation)


def test_an_answer_to_nobody_is_refused(lab: Lab) -> None:
    seen: list[Any] = []
    lab.cloudformation.create_stack("shop", template(answering(lab, seen)))
    lab.run()
    lab.cloudformation.respond(seen[0])  # once more: taken, and nothing changes
    for url in ("x", None, "https://example.com/x"):
        with pytest.raises(InvalidSetting, match="this run has sent"):
            lab.cloudformation.respond({**seen[0], "ResponseURL": url})
    for data in (3, {"a": {1}}):
        with pytest.raises(InvalidSetting, match="data"):
            lab.cloudformation.respond(seen[0], data=data)
    lab.reset()
    with pytest.raises(InvalidSetting, match="this run has sent"):
        lab.cloudformation.respond(seen[0])

"""CodeCommit: who is told of a push, and with what."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from lambdalab import Lab
from lambdalab.errors import InvalidSetting
from lambdalab.triggers.errors import (
    BranchDoesNotExistException,
    BranchNameExistsException,
    MaximumRepositoryTriggersExceededException,
    RepositoryDoesNotExistException,
    RepositoryNameExistsException,
)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reference(Strict):
    commit: str
    ref: str
    created: bool = False
    deleted: bool = False


class References(Strict):
    references: list[Reference]


class Record(Strict):
    """The event of Lambda's guide (metrics-and-shapes.md 3 of the reference)."""

    awsRegion: str
    codecommit: References
    customData: str = ""
    eventId: str
    eventName: str
    eventPartNumber: int
    eventSource: str
    eventSourceARN: str
    eventTime: str
    eventTotalParts: int
    eventTriggerConfigId: str
    eventTriggerName: str
    eventVersion: str
    userIdentityARN: str


class Event(Strict):
    Records: list[Record]


def test_each_push_is_an_event(lab: Lab) -> None:
    seen: list[Any] = []
    build = lab.create_function("build", lambda event, context: seen.append(event), init=0)
    shop = lab.codecommit.create_repository("shop")
    trigger = shop.put_trigger("ci", build, custom_data="prod")
    assert repr(trigger) == "<trigger ci: every branch -> build>"
    first = shop.push("main")
    shop.push("main", "a" * 40)
    shop.create_branch("next")
    shop.delete_branch("next")
    lab.run()
    records = [Event.model_validate(event).Records[0] for event in seen]
    made, pushed, branched, gone = (record.codecommit.references[0] for record in records)
    assert made == Reference(commit=first, ref="refs/heads/main", created=True)
    assert pushed == Reference(commit="a" * 40, ref="refs/heads/main")
    assert branched == Reference(commit="a" * 40, ref="refs/heads/next", created=True)
    assert gone == Reference(commit="a" * 40, ref="refs/heads/next", deleted=True)
    assert records[0].eventSource == "aws:codecommit"
    assert records[0].eventName == "ReferenceChanges"
    assert records[0].customData == "prod"
    assert records[0].eventTime == "2025-01-07T00:00:00.000+0000"
    assert records[0].eventSourceARN == "arn:aws:codecommit:us-east-1:123456789012:shop"
    assert len({record.eventId for record in records}) == 4
    assert (lab.trace.invocations.invocation_type == "Event").all()


def test_only_the_branches_and_events_it_wants(lab: Lab) -> None:
    build = lab.create_function("build", duration=1)
    shop = lab.codecommit.create_repository("shop")
    shop.put_trigger("ci", build, branches=["main"], events=["updateReference"])
    shop.push("main")  # makes the branch
    shop.push("next")
    shop.push("main")
    lab.run()
    events = lab.trace.queue_events
    own = events[events.queue == "shop ci->build"]
    assert list(own.action) == ["sent", "filtered", "sent", "filtered", "sent", "deleted"]
    assert len(lab.trace.invocations) == 1


def test_eleven_triggers_are_too_many(lab: Lab) -> None:
    build = lab.create_function("build", duration=1)
    shop = lab.codecommit.create_repository("shop")
    for number in range(10):
        shop.put_trigger(f"t{number}", build)
    with pytest.raises(MaximumRepositoryTriggersExceededException):
        shop.put_trigger("t10", build)
    shop.put_trigger("t3", build, branches=["main"])  # in the place of the other
    assert len(shop.triggers) == 10
    shop.remove_trigger("t3")
    shop.put_trigger("t10", build)


def test_without_the_permission_nothing_runs(lab: Lab) -> None:
    build = lab.create_function("build", duration=1)
    shop = lab.codecommit.create_repository("shop")
    shop.put_trigger("ci", build)
    lab.remove_permission(build)
    shop.push()
    lab.run()
    assert list(lab.trace.requests.cause) == ["permission_denied"]
    assert list(lab.trace.queue_events.action) == ["sent", "dropped"]


def test_a_throttled_event_is_tried_again(lab: Lab) -> None:
    build = lab.create_function("build", duration=1)
    lab.codecommit.create_repository("shop").put_trigger("ci", build)
    lab.faults.service_error("build", end=2.5)
    lab.codecommit["shop"].push()
    lab.run()
    events = lab.trace.queue_events
    own = events[events.queue == "shop ci->build"]
    assert list(own.action) == ["sent", "retry_scheduled", "retry_scheduled", "deleted"]
    assert list(lab.trace.requests.status_code) == [500, 500, 202]


def test_bad_input(lab: Lab) -> None:
    build = lab.create_function("build", duration=1)
    shop = lab.codecommit.create_repository("shop")
    assert lab.codecommit.create_repository("shop") is shop
    with pytest.raises(InvalidSetting, match="updateReference"):
        shop.put_trigger("ci", build, events=["push"])
    with pytest.raises(InvalidSetting, match="list of texts"):
        shop.put_trigger("ci", build, branches="main")
    with pytest.raises(InvalidSetting, match="1,000 characters"):
        shop.put_trigger("ci", build, custom_data="x" * 1001)
    assert shop.triggers == {}
    shop.push("main")
    with pytest.raises(BranchNameExistsException):
        shop.create_branch("main")
    with pytest.raises(BranchDoesNotExistException):
        shop.delete_branch("next")
    with pytest.raises(RepositoryNameExistsException, match="delete_repository"):
        lab.codecommit.create_repository("shop")
    lab.reset()
    assert shop.branches == {}


def test_a_repository_that_is_deleted_takes_no_push(lab: Lab) -> None:
    lab.create_function("build", duration=1)
    shop = lab.codecommit.create_repository("shop")
    shop.put_trigger("build", "build")
    lab.codecommit.delete_repository("shop")
    with pytest.raises(RepositoryDoesNotExistException):
        shop.push()
    assert lab.codecommit.create_repository("shop") is not shop


def test_more_bad_input(lab: Lab) -> None:
    lab.create_function("build", duration=1)
    shop = lab.codecommit.create_repository("shop")
    for lists in ({"branches": None}, {"events": None}, {"events": []}):
        with pytest.raises(InvalidSetting):
            shop.put_trigger("build", "build", **lists)
    for commit in (3, "", ["a"]):
        with pytest.raises(InvalidSetting, match="commit"):
            shop.push("main", commit)
    for name in ("my shop", "möbel"):
        with pytest.raises(InvalidSetting, match="a text that matches"):
            lab.codecommit.create_repository(name)
    assert not shop.branches

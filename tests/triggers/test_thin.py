"""What the services with few rules share: the same lab twice, a reset, and what their books hold."""

from __future__ import annotations

from typing import Any

import pytest

from lambdalab import Lab
from lambdalab.errors import LabClosed


def whole(lab: Lab) -> None:
    """Every service calls a function once."""

    def echo(event: Any, context: Any) -> Any:
        print("ERROR seen")
        return event

    echo_ = lab.create_function("echo", echo)
    sink = lab.create_function("sink", duration=0.2)
    lab.publish_version("echo")
    lab.cognito.create_user_pool("people", pre_sign_up=echo_)
    lab.firehose.create_delivery_stream("clicks", echo_, buffer_interval=5)
    lab.cloudfront.create_distribution("site", {"/": "x"})
    lab.logs.put_subscription_filter("/aws/lambda/echo", sink, filter_pattern="ERROR")
    lab.codecommit.create_repository("shop").put_trigger("ci", sink)
    lab.config.put_config_rule("tags", sink, resource_types=["AWS::S3::Bucket"])


def use(lab: Lab) -> None:
    lab.cognito["people"].sign_up("ann")
    lab.firehose["clicks"].put_record("x")
    lab.cloudfront["site"].get("/")
    lab.codecommit["shop"].push()
    lab.config.record("AWS::S3::Bucket", "photos")
    lab.cloudformation.create_stack("s", {"X": {"ServiceToken": "sink"}}, service_timeout=30)
    lab.run()


def test_the_same_lab_twice_and_after_a_reset() -> None:
    digests = []
    for _ in range(2):
        lab = Lab(seed=5)
        whole(lab)
        use(lab)
        digests.append(lab.trace.digest())
    lab.reset()
    use(lab)
    assert len(set(digests)) == 1
    assert lab.trace.digest() == digests[0]
    wired = lab._books.wiring
    for kind in ("user_pool", "delivery_stream", "distribution", "log_group", "repository",
                 "config_rule", "stack"):  # fmt: skip
        assert wired[kind], kind


def test_every_way_of_an_event_ends_in_the_books(lab: Lab) -> None:
    whole(lab)
    use(lab)
    rows = lab.trace.queue_events
    assert {"clicks", "/aws/lambda/echo->sink", "shop ci->sink", "tags->sink",
            "cloudformation->sink"} <= set(rows["queue"])  # fmt: skip
    for _, own in rows.groupby("queue", observed=True):
        assert own.depth.iloc[-1] == 0


def test_a_closed_lab_refuses(lab: Lab) -> None:
    whole(lab)
    lab.close()
    for verb in (
        lambda: lab.cognito["people"].sign_up("bob"),
        lambda: lab.firehose["clicks"].put_record("x"),
        lambda: lab.codecommit["shop"].push(),
        lambda: lab.config.record("t", "x"),
        lambda: lab.cloudformation.delete_stack("s"),
    ):
        with pytest.raises(LabClosed):
            verb()


def test_the_repr_names_them(lab: Lab) -> None:
    whole(lab)
    text = repr(lab)
    for word in ("user pool people", "delivery stream clicks", "distribution site", "config rule"):
        assert word in text
    assert repr(lab.firehose).startswith("<firehose>")
    assert [name for name in dir(lab.cloudformation) if not name.startswith("_")] == [
        "create_stack", "delete_stack", "respond", "update_stack"
    ]  # fmt: skip

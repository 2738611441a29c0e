"""Each rule but that of handlers: found where it is broken, not where it is kept, and shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import lambdalab as ll
from lambdalab.advice import Advice


def one(lab: ll.Lab, **given: object) -> Advice:
    [found] = lab.check(**({"record_size": 100} | given))  # type: ignore[arg-type]
    assert isinstance(found, Advice)
    return found


def mapped(
    lab: ll.Lab, visibility: int, timeout: int, window: int = 0, **function: object
) -> ll.Queue:
    queue = lab.sqs.create_queue("orders", visibility_timeout=max(visibility, timeout))
    lab.create_function("bill", duration=0.5, timeout=timeout, **function)
    lab.create_event_source_mapping(queue, "bill", maximum_batching_window=window)
    queue.update(visibility_timeout=visibility)
    return queue


# ---- visibility ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visibility", "timeout", "window", "kinds"),
    [
        (10, 30, 0, ["visibility timeout"]),
        (0, 3, 0, ["visibility timeout"]),
        (30, 30, 5, ["visibility timeout"]),
        (30, 30, 0, ["visibility margin"]),
        (179, 30, 0, ["visibility margin"]),
        (184, 30, 5, ["visibility margin"]),
        (17, 3, 0, ["visibility margin"]),
        (5_399, 900, 0, ["visibility margin"]),
        (180, 30, 0, []),
        (185, 30, 5, []),
        (5_400, 900, 0, []),
    ],
)
def test_visibility(
    lab: ll.Lab, visibility: int, timeout: int, window: int, kinds: list[str]
) -> None:
    mapped(lab, visibility, timeout, window)
    assert lab.check(record_size=100).kinds == kinds  # type: ignore[attr-defined]


def test_a_message_is_worked_on_twice_at_once(lab: ll.Lab) -> None:
    mapped(lab, 10, 30)
    as_is, advised = one(lab).proof.to_dict("records")
    assert (as_is["runs"], advised["runs"]) == (4, 1)
    assert as_is["billed_s"] == 4 * advised["billed_s"]


def test_with_a_window_the_queue_does_not_decide(lab: ll.Lab) -> None:
    mapped(lab, 30, 30, 5)
    assert list(one(lab).proof.invisible_for_s) == [65.0, 185.0]


# ---- payload -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "found"), [(200_000, True), (500, False)])
def test_payload(lab: ll.Lab, size: int, found: bool) -> None:
    queue = lab.sqs.create_queue("scans", visibility_timeout=60)
    lab.create_function("read", duration=0.1, timeout=3)
    lab.create_event_source_mapping(queue, "read", batch_size=100, maximum_batching_window=5)
    assert bool(lab.check(record_size=size)) is found
    queue.send("x" * size)
    assert bool(lab.check()) is found, "from a message that waits"
    lab.run()
    assert bool(lab.check()) is found, "from a batch in the books"


def test_a_batch_is_closed_by_its_size(lab: ll.Lab) -> None:
    mapping_of_pictures(lab)
    found = one(lab, record_size=200_000)
    assert found.kind == "batch payload"
    [row] = found.proof.to_dict("records")
    assert row["cause"] == "payload_size"
    assert row["records"] == 31
    assert "here with 31" in found.advice


def test_the_size_of_a_record_is_that_of_what_was_sent(lab: ll.Lab) -> None:
    queue = lab.sqs.create_queue("delivery-notes", visibility_timeout=60)
    lab.create_function("read", duration=0.1, timeout=3)
    lab.create_event_source_mapping(queue, "read", batch_size=1000, maximum_batching_window=5)
    queue.send("x" * 200_000)
    lab.run()
    assert "records of 200,000 bytes" in one(lab, record_size=None).example.told


def mapping_of_pictures(lab: ll.Lab) -> None:
    queue = lab.sqs.create_queue("scans", visibility_timeout=60)
    lab.create_function("read", duration=0.1, timeout=3)
    lab.create_event_source_mapping(queue, "read", batch_size=1000, maximum_batching_window=5)


def test_a_stream_too(lab: ll.Lab) -> None:
    lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    lab.create_event_source_mapping("clicks", "count", starting_position="LATEST", batch_size=100)
    found = one(lab, record_size=100_000)
    assert found.proof.records.iloc[0] < 63  # base64 makes them a third larger
    assert lab.check(record_size=1_000) == ()


# ---- asynchronous work ---------------------------------------------------------------------------


def test_asynchronous_work_without_a_place_for_failures(lab: ll.Lab) -> None:
    notify = lab.create_function("notify", duration=0.1, maximum_retry_attempts=1)
    assert lab.check() == (), "nobody invokes it asynchronously"
    lab.invoke(notify, invocation_type="Event")
    found = one(lab)
    assert found.kind == "no failure destination"
    assert "1 call with invocation_type='Event'" in found.advice
    assert list(found.proof.attempts) == [2, 2]
    assert list(found.proof.kept_in) == ["nowhere", "failed-events"]
    lab.update_function(notify, dead_letter_queue="failed")
    assert lab.check() == ()


def test_services_that_invoke_asynchronously(lab: ll.Lab) -> None:
    notify = lab.create_function("notify", duration=0.1)
    topic = lab.sns.create_topic("orders")
    subscription = topic.subscribe(notify)
    lab.s3.create_bucket("photos").notify(notify)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("PUT", "/orders", notify, proxy=False, invocation_type="Event")
    advice = one(lab).advice
    for who in ("SNS topic orders", "S3 bucket photos", "route shop PUT /orders"):
        assert who in advice
    assert subscription is not None
    lab.sqs.create_queue("failures")
    lab.put_function_event_invoke_config(notify, on_failure=lab.sqs["failures"])
    assert lab.check() == ()


def test_a_function_that_is_a_destination(lab: ll.Lab) -> None:
    lab.create_function("told", duration=0.1)
    lab.create_function("put", duration=0.1, dead_letter_queue="d", on_success="told")
    assert "on_success of put" in one(lab).advice


# ---- pollers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reserved", "limit", "found"),
    [
        (None, None, False), (0, None, False), (2, None, True), (2, 10, True), (1, 2, True),
        (2, 2, False), (10, 5, False), (120, None, True),
    ],
)  # fmt: skip
def test_pollers(lab: ll.Lab, reserved: int | None, limit: int | None, found: bool) -> None:
    queue = lab.sqs.create_queue("orders", visibility_timeout=180)
    lab.create_function("bill", duration=1, timeout=30, reserved_concurrency=reserved)
    lab.create_event_source_mapping(queue, "bill", maximum_concurrency=limit)
    kinds = lab.check(record_size=100).kinds  # type: ignore[attr-defined]
    assert kinds == ["reserved concurrency"] * found


def test_healthy_messages_become_dead_letters(lab: ll.Lab) -> None:
    mapped(lab, 180, 30, reserved_concurrency=2)
    as_is, advised = one(lab).proof.to_dict("records")
    assert as_is["dead_letters"] > 0
    assert advised["came_back"] == advised["dead_letters"] == 0


# ---- APIs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "timeout", "status"), [("rest", 30, 504), ("rest", 29, None), ("http", 31, 503)]
)
def test_api(lab: ll.Lab, kind: str, timeout: int, status: int | None) -> None:
    lab.create_function("report", duration=1, timeout=timeout)
    getattr(lab.api_gateway, f"create_{kind}_api")("shop").route("GET", "/report", "report")
    if status is None:
        assert lab.check() == ()
        return
    found = one(lab)
    as_is, advised = found.proof.to_dict("records")
    assert (found.kind, as_is["status"]) == ("api timeout", status)
    assert as_is["ran_on_s"] > 0 == advised["ran_on_s"]
    lab.api_gateway["shop"].delete_route("GET", "/report")
    assert lab.check() == ()


# ---- buckets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "into", "found"), [("", "small/", True), ("in/", "in/small/", True), ("in/", "out/", False)]
)  # fmt: skip
def test_bucket(lab: ll.Lab, prefix: str, into: str, found: bool) -> None:
    photos = lab.s3.create_bucket("photos")

    @lab.function(dead_letter_queue="failed")
    def shrink(
        event: dict[str, list[dict[str, dict[str, dict[str, str]]]]], context: object
    ) -> None:
        key = event["Records"][0]["s3"]["object"]["key"]
        photos.put_object(into + key.removeprefix(prefix), b"small")

    photos.notify(shrink, prefix=prefix)
    assert lab.check() == (), "nobody knows yet where it writes"
    photos.put_object(f"{prefix}cat", b"large")
    lab.run()
    assert lab.check().kinds == ["bucket loop"] * found  # type: ignore[attr-defined]


def test_a_bucket_loop_runs_until_it_is_stopped(lab: ll.Lab) -> None:
    lab = ll.Lab(seed=7, rules="latest")
    lab.s3.create_bucket("photos")
    lab.create_function("shrink", duration=1, on_failure=lab.s3["photos"])
    lab.s3["photos"].notify("shrink")
    found = one(lab)
    assert "the records of its failures" in found.advice
    as_is, advised = found.proof.to_dict("records")
    assert (as_is["runs"], as_is["stopped_as_a_loop"]) == (16, "yes")
    assert (advised["runs"], advised["stopped_as_a_loop"]) == (1, "no")


# ---- one mistake is told once --------------------------------------------------------------------


def test_a_visibility_timeout_is_not_laid_to_the_pollers(lab: ll.Lab) -> None:
    mapped(lab, 10, 30, reserved_concurrency=2)
    assert lab.check(record_size=100).kinds == ["visibility timeout"]  # type: ignore[attr-defined]


def night(lab: ll.Lab) -> None:
    lab.scheduler.create_schedule("night", "rate(1 day)", target="work")


def config(lab: ll.Lab) -> None:
    lab.config.put_config_rule("sizes", "work", maximum_execution_frequency="One_Hour")


def rule(lab: ll.Lab) -> None:
    lab.eventbridge["default"].put_rule("often", schedule_expression="rate(1 day)").put_target(
        "work"
    )


def repository(lab: ll.Lab) -> None:
    lab.codecommit.create_repository("shop").put_trigger("build", "work")


def lines(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    lab.logs.put_subscription_filter("/aws/lambda/bill", "work", name="all")


@pytest.mark.parametrize(
    ("make", "says", "undo"),
    [
        (night, "schedule night", lambda lab: lab.scheduler.delete_schedule("night")),
        (config, "AWS Config rule sizes", lambda lab: lab.config.delete_config_rule("sizes")),
        (rule, "EventBridge rule", lambda lab: lab.eventbridge["default"].put_rule(
            "often", schedule_expression="rate(1 day)", state="DISABLED")),
        (repository, "CodeCommit repository shop", lambda lab: lab.codecommit.delete_repository("shop")),
        (lines, "log group", lambda lab: lab.logs.delete_subscription_filter(
            "/aws/lambda/bill", "all")),
    ],
)  # fmt: skip
def test_who_invokes_asynchronously_until_it_is_gone(
    lab: ll.Lab, make: Callable[[ll.Lab], None], says: str, undo: Callable[[ll.Lab], None]
) -> None:
    lab.create_function("work", duration=0.1)
    make(lab)
    assert says in one(lab).advice
    undo(lab)
    assert lab.check() == ()


def test_a_queue_of_the_same_name_is_no_function(lab: ll.Lab) -> None:
    lab.create_function("work", duration=0.1)
    queue = lab.sqs.create_queue("work")
    lab.sns.create_topic("orders").subscribe(queue)
    assert lab.check() == ()

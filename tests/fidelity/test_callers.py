"""Who calls: SDK clients that try again, browsers that give up, and what Lambda does of neither."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import ServiceError

FAULTS = {"service_error": 500, "throttle": 429}


def tried(lab: ll.Lab, client: ll.SdkClient, name: str = "f", **more: Any) -> list[int]:
    """The statuses of one call's tries."""
    before = len(lab.trace.requests)
    with contextlib.suppress(ServiceError, ll.ReadTimeoutError):
        lab.invoke(name, caller=client, **more)
    return [int(each) for each in lab.trace.requests.status_code.iloc[before:]]


def gaps(lab: ll.Lab) -> list[float]:
    """Seconds from each answer to the next try."""
    rows = lab.trace.requests
    return [
        (later.timestamp() - earlier.timestamp())
        for earlier, later in itertools.pairwise(rows.sent_at)
    ]


@pytest.mark.parametrize(("mode", "tries"), [("legacy", 5), ("standard", 3), ("adaptive", 3)])
@pytest.mark.parametrize("fault", FAULTS)
def test_clients_repeat_throttles_and_5xx(lab: ll.Lab, mode: str, tries: int, fault: str) -> None:
    lab.create_function("f", duration=0.1)
    getattr(lab.faults, fault)("f")
    assert tried(lab, ll.SdkClient(mode)) == [FAULTS[fault]] * tries
    assert len(lab.trace.attempts) == 0


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_clients_repeat_their_own_timeouts(lab: ll.Lab, mode: str) -> None:
    """After 60 s without an answer; each try runs to its end, and is billed."""
    lab.create_function("f", duration=90, timeout=120)
    client = ll.SdkClient(mode, max_attempts=2)
    assert tried(lab, client) == [0, 0]
    assert gaps(lab)[0] >= 60
    lab.run()
    assert list(lab.trace.attempts.billed_ms) == [90_000] * 2


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_clients_repeat_nothing_else(lab: ll.Lab, mode: str) -> None:
    """Not a function's error, which is a 200, and not a 4xx."""
    lab.create_function("f", lambda event, context: 1 / 0)
    client = ll.SdkClient(mode)
    assert tried(lab, client) == [200]
    assert tried(lab, client, "nobody") == [404]
    assert tried(lab, client, payload=b"no json") == [400]
    assert tried(lab, client, payload="x" * 6_300_000) == [413]


def test_lambda_repeats_nothing_that_is_synchronous(lab: ll.Lab) -> None:
    """Without an SDK there is one try."""
    lab.create_function("f", lambda event, context: 1 / 0)
    lab.invoke("f")
    lab.faults.throttle("f")
    with pytest.raises(ServiceError):
        lab.invoke("f")
    lab.run(until="1h")
    assert len(lab.trace.invocations) == 2


def test_standard_waits_grow_to_20_seconds_with_full_jitter() -> None:
    """A random share of 1, 2, 4 ... 20 s."""
    longest = [0.0] * 7
    for seed in range(60):
        lab = ll.Lab(seed=seed)
        lab.create_function("f", duration=0.1)
        lab.faults.throttle("f")
        tried(lab, ll.SdkClient("standard", max_attempts=8))
        assert len(gaps(lab)) == 7
        for number, wait in enumerate(gaps(lab)):
            assert 0 <= wait <= min(2**number, 20)
            longest[number] = max(longest[number], wait)
    for number, wait in enumerate(longest):
        assert wait > 0.8 * min(2**number, 20)


@pytest.mark.parametrize(("rules", "base"), [("2026-11-09", 1.0), ("2026-11-10", 0.05)])
def test_5xx_are_repeated_sooner_since_november_2026(rules: str, base: float) -> None:
    found = []
    for seed in range(40):
        lab = ll.Lab(seed=seed, rules=rules)
        lab.create_function("f", duration=0.1)
        lab.faults.service_error("f")
        tried(lab, ll.SdkClient("standard", max_attempts=2))
        found += gaps(lab)
    assert 0.7 * base < max(found) <= base


@pytest.mark.parametrize(
    ("rules", "fault", "cost"),
    [
        ("2025-01-07", "service_error", 5), ("2025-01-07", "throttle", 5),
        ("2026-11-10", "service_error", 14), ("2026-11-10", "throttle", 5),
    ],
)  # fmt: skip
def test_a_quota_of_500_tokens_ends_retries(rules: str, fault: str, cost: int) -> None:
    lab = ll.Lab(seed=7, rules=rules)
    lab.create_function("f", duration=0.1)
    getattr(lab.faults, fault)("f")
    client = ll.SdkClient("standard", backoff=ll.Backoff("none"))
    retries = 0
    while len(tries := tried(lab, client)) > 1:
        retries += len(tries) - 1
    assert retries == 500 // cost
    assert tried(lab, client) == [FAULTS[fault]]


def test_a_browser_gives_up_and_does_not_ask_again(lab: ll.Lab) -> None:
    lab.create_function("f", duration=40, timeout=60)
    with pytest.raises(ll.ReadTimeoutError):
        lab.invoke("f", caller=ll.Browser(gives_up_after=30))
    lab.run()
    assert len(lab.trace.invocations) == 1
    assert list(lab.trace.attempts.billed_ms) == [40_000]


# ---------------------------------------------------------------------- who may call


@pytest.mark.parametrize("service", ["sns", "s3", "events", "apigateway", "elb"])
def test_a_service_needs_a_statement_in_the_functions_policy(lab: ll.Lab, service: str) -> None:
    """The lab adds it, as the console does; without it the service is refused with 403."""
    lab.create_function("f", lambda event, context: {"statusCode": 200})
    call: Any
    if service == "sns":
        topic = lab.sns.create_topic("t")
        topic.subscribe("f")
        principal, source, call = "sns", topic.arn, lambda: topic.publish("x")
    elif service == "s3":
        bucket = lab.s3.create_bucket("photos")
        bucket.notify("f")
        principal, source, call = "s3", bucket.arn, lambda: bucket.put_object("k", b"x")
    elif service == "events":
        bus = lab.eventbridge["default"]
        rule = bus.put_rule("r", event_pattern={"source": ["s"]})
        rule.put_target("f")
        principal, source = "events", rule.arn
        call = lambda: bus.put_event(source="s", detail_type="d", detail={})  # noqa: E731
    elif service == "apigateway":
        api = lab.api_gateway.create_rest_api("shop")
        api.route("GET", "/x", "f")
        principal, source, call = "apigateway", f"{api.arn}/*/GET/x", lambda: api.get("/x")
    else:
        balancer = lab.elb.create_load_balancer("shop", "f")
        source = lab.elb.target_groups["shop"].arn
        principal, call = "elasticloadbalancing", lambda: balancer.get("/")
    [statement] = lab.get_policy("f")["Statement"]
    assert statement["Principal"] == {"Service": f"{principal}.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": source}}
    call()
    lab.run()
    lab.remove_permission("f", statement["Sid"])
    call()
    lab.run()
    assert len(lab.trace.attempts) == 1
    refused = lab.trace.requests if service in ("sns", "s3", "events") else lab.trace.invocations
    assert 403 in set(refused.status_code)
    lab.add_permission(
        "f", "other", principal=statement["Principal"]["Service"], source_arn="arn:x"
    )
    call()
    lab.run()
    assert len(lab.trace.attempts) == 1, "a permission of another source"
    lab.add_permission("f", "again", principal=statement["Principal"]["Service"])
    call()
    lab.run()
    assert len(lab.trace.attempts) == 2


def test_services_with_a_role_need_no_statement(lab: ll.Lab) -> None:
    """Scheduler, Firehose, and the pollers of queues and streams."""
    lab.create_function("f", duration=0.1)
    lab.scheduler.create_schedule("s", "at(2025-01-07T00:00:01)", "f")
    lab.firehose.create_delivery_stream("d", "f", retries=0).put_record("x")
    queue = lab.sqs.create_queue("q")
    lab.create_event_source_mapping(queue, "f")
    queue.send("x")
    lab.run(until="5min")
    assert lab.get_policy("f")["Statement"] == []
    assert len(lab.trace.attempts) == 3

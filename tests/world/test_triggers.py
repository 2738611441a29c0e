"""The reckoner of triggers and callers can fail, and worlds with triggers repeat in any process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import lambdalab as ll
from tests.world.reading import TABLES, Books, Difference, Past
from tests.world.reckoner import check
from tests.world.test_world import Change, drop, shift, swap, twice
from tests.world.worlds import START, World

SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("queue", "undelivered"): {},
    ("queue", "jobs"): {},
    ("function", "slow"): {"duration": 2, "timeout": 10, "init": 0.1},
    ("function", "page"): {},
    ("function", "bill"): {"duration": 0.1, "init": 0.1, "maximum_retry_attempts": 0},
    ("api", "web"): {"kind": "rest", "integration_timeout": 1},
    ("front", "web POST /r0"): {
        "api": "web", "kind": "rest", "function": "slow", "integration_timeout": 1,
    },
    ("front", "web POST /r1"): {
        "api": "web", "kind": "rest", "function": "page", "integration_timeout": 1,
        "throttle_rate": 1, "throttle_burst": 2,
    },
    ("front", "web GET /nothing"): {"api": "web", "kind": "rest", "function": None},
    ("way", "news->bill"): {
        "service": "sns", "target": "bill", "policy": {"kind": ["a"]}, "letters": "undelivered",
    },
    ("way", "news->jobs"): {"service": "sns", "target": "jobs", "policy": None, "letters": None},
    ("way", "box->bill"): {
        "service": "s3", "target": "bill", "events": ["s3:ObjectCreated:*"], "prefix": "in/",
        "letters": None,
    },
    ("rule", "big"): {"policy": {"kind": ["a"]}, "enabled": True},
    ("way", "shop/big->bill"): {
        "service": "rule", "target": "bill", "rule": "big", "letters": "undelivered", "tries": 2,
        "age": 60,
    },
    ("way", "schedule tick->bill"): {
        "service": "schedule", "target": "bill", "letters": None, "tries": 185, "age": 86_400,
        "clock": "tick",
    },
    ("clock", "tick"): {"seconds": 60, "cron": False, "at_once": True},
    ("caller", "sdk"): {
        "kind": "sdk", "mode": "standard", "strategy": None, "timeout": 60, "most": 3,
    },
    ("caller", "browser"): {"kind": "browser", "timeout": 0.5},
    ("caller", "queue"): {"kind": "queue", "concurrency": 1},
    ("permission", "web POST /r0"): {"of": "slow", "allowed": True},
    ("permission", "web POST /r1"): {"of": "page", "allowed": True},
    ("permission", "news->bill"): {"of": "bill", "allowed": True},
    ("permission", "box->bill"): {"of": "bill", "allowed": True},
    ("permission", "shop/big->bill"): {"of": "bill", "allowed": True},
}  # fmt: skip


def history() -> tuple[dict[str, pd.DataFrame], Past, int]:
    """A lab with something of every trigger; its tables, its settings and its time."""
    past, lab = Past({}, "2025-01-07"), ll.Lab(seed=8)
    for (kind, name), settings in SETTINGS.items():
        past.note(kind, name, 0, settings)
        if kind == "queue":
            lab.sqs.create_queue(name)

    def page(event: Any, context: Any) -> Any:
        past.answers[context.aws_request_id] = {"statusCode": 201}
        return {"statusCode": 201}

    for name in ("slow", "bill"):
        lab.create_function(name, **SETTINGS["function", name])
    lab.create_function("page", page)
    api = lab.api_gateway.create_rest_api("web", integration_timeout=1)
    slow = api.route("POST", "/r0", "slow")
    quick = api.route("POST", "/r1", "page", throttle_rate=1, throttle_burst=2)
    news, box = lab.sns.create_topic("news"), lab.s3.create_bucket("box")
    news.subscribe("bill", filter_policy={"kind": ["a"]}, dead_letter_queue="undelivered")
    news.subscribe("jobs")
    box.notify("bill", prefix="in/")
    bus = lab.eventbridge.create_event_bus("shop")
    rule = bus.put_rule("big", event_pattern={"detail": {"kind": ["a"]}})
    rule.put_target(
        "bill", maximum_retry_attempts=2, maximum_event_age=60, dead_letter_queue="undelivered"
    )
    lab.scheduler.create_schedule("tick", "rate(1 minute)", "bill")
    lab.faults.service_error("bill", start=10, end=17)
    past.faults.append(("service_error", "bill", 10_000_000, 17_000_000))
    lab.drive(slow, ll.Burst(2), caller=ll.Browser(0.5, name="browser"))
    lab.drive(quick, ll.Burst(4, at=5), caller=ll.SdkClient(name="sdk"))
    lab.drive("slow", ll.Burst(3, at=20), caller=ll.QueueingCaller(name="queue"))
    lab.drive(slow, ll.Burst(1, at=40))
    lab.drive("bill", ll.Burst(1, at=12), caller=ll.SdkClient(name="sdk"))

    def tell(at: float, kind: str) -> None:
        lab.run(until=at)
        past.events[news.publish("x", attributes={"kind": kind}).message_id] = kind
        result = bus.put_event(source="lab", detail_type="told", detail={"kind": kind})
        past.events[result.event_id] = kind
        for key in ("in/1", "out/1"):
            past.puts.append((round(lab.elapsed * 1e6), key, "s3:ObjectCreated:Put"))
            box.put_object(key)

    tell(8.3, "a")
    tell(11.2, "a")
    tell(30.1, "b")
    assert api.get("/nothing").status_code == 404
    lab.run(until=90)
    lab.remove_permission("bill")
    for kind, name in SETTINGS:
        if kind == "permission" and SETTINGS[kind, name]["of"] == "bill":
            past.note(kind, name, 90_000_000, {"of": "bill", "allowed": False})
    tell(91.3, "a")
    lab.run(until=400)
    return {name: getattr(lab.trace, name) for name in TABLES}, past, 400_000_000


@pytest.fixture(scope="module")
def told() -> tuple[dict[str, pd.DataFrame], Past, int]:
    return history()


def reckon(told: tuple[dict[str, pd.DataFrame], Past, int], **tampered: pd.DataFrame) -> None:
    tables, past, now = told
    check(Books(SimpleNamespace(**(tables | tampered)), START, now, past))


def test_what_the_lab_tells_is_right(told: Any) -> None:
    reckon(told)


R, Q = "requests", "queue_events"
TAMPERED: dict[str, tuple[str, Change]] = {
    "a timeout that came late": (R, shift("answered_at", 1, cause="integration_timeout")),
    "a timeout told as an answer": (R, swap("status_code", 200, cause="integration_timeout")),
    "an answer told as an error": (R, swap("status_code", 502, status_code=201)),
    "let through without a token": (R, swap("cause", "completed", cause="throttled_front")),
    "a browser that waited longer": (R, shift("answered_at", 1, caller="browser")),
    "a browser that did not give up": (R, swap("gave_up", False, caller="browser")),
    "a late answer that is gone": (R, swap("front_status_code", 0, front_status_code=504)),
    "a late answer that came later": (R, shift("front_answered_at", 1, front_status_code=504)),
    "a try that waited too long": (R, shift("sent_at", 30_000, caller="sdk", tries=2)),
    "a try too many": (R, swap("tries", 4, caller="sdk", tries=3)),
    "a caller that gave up early": (R, drop(caller="sdk", tries=3)),
    "two at once of a caller with a queue": (R, shift("answered_at", 1, caller="queue")),
    "no route, and yet a function": (R, swap("cause", "throttled_front", cause="no_route")),
    "a push that was told twice": (R, twice(caller="news->bill")),
    "a push that is gone": (R, drop(caller="news->bill")),
    "a push at another time": (R, shift("sent_at", 1, caller="shop/big->bill")),
    "an event that never came": (Q, drop(queue="news->jobs")),
    "delivered too early": (Q, shift("at age_ms", -1, queue="box->bill", action="deleted")),
    "a retry after another wait": (
        Q, shift("delay_ms", 700, queue="shop/big->bill", action="retry_scheduled"),
    ),
    "a retry that is gone": (Q, drop(queue="box->bill", action="retry_scheduled")),
    "filtered for another cause": (
        Q, swap("cause", "filter_mismatch", action="filtered", queue="news->bill"),
    ),
    "an end told otherwise": (Q, swap("action", "dropped", action="dead_lettered")),
    "another cause of its end": (Q, swap("cause", "retries_exhausted", cause="permission_denied")),
    "a dead letter that is gone": (Q, drop(queue="undelivered")),
    "a message that did not arrive": (Q, drop(queue="jobs")),
    "a firing at another time": (Q, shift("at", 1_000, cause="scheduled")),
    "an arrival nobody wanted": (Q, swap("cause", "pattern_mismatch", queue="shop", action="deleted")),
    "a push of another event": ("invocations", swap("parent_id", "", source="news->bill")),
    "a call of another front": ("invocations", swap("source", "web POST /r1", source="web POST /r0")),
    "denied, and yet allowed": ("invocations", swap("cause", "access_denied", cause="service_error")),
    "a wait of a caller": ("retries", shift("waited_ms", 1, lane="client")),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_the_reckoner_sees(what: str, told: Any) -> None:
    table, change = TAMPERED[what]
    with pytest.raises(Difference):
        reckon(told, **{table: change(told[0][table])})


@pytest.mark.parametrize(
    ("kind", "thing", "setting", "value"),
    [
        ("front", "web POST /r0", "integration_timeout", 1.5),
        ("front", "web POST /r0", "kind", "http"),
        ("front", "web POST /r1", "throttle_burst", 3),
        ("front", "web POST /r1", "throttle_burst", 1),
        ("front", "web POST /r1", "function", "bill"),
        ("way", "news->bill", "policy", None),
        ("way", "news->bill", "letters", None),
        ("way", "news->bill", "target", "slow"),
        ("way", "box->bill", "prefix", "out/"),
        ("way", "shop/big->bill", "tries", 1),
        ("way", "shop/big->bill", "age", 2),
        ("rule", "big", "enabled", False),
        ("clock", "tick", "seconds", 120),
        ("clock", "tick", "at_once", False),
        ("caller", "sdk", "most", 2),
        ("caller", "sdk", "timeout", 0.01),
        ("caller", "browser", "timeout", 0.6),
        ("permission", "web POST /r0", "allowed", False),
        ("permission", "news->bill", "allowed", False),
    ],
)
def test_other_settings_would_have_led_elsewhere(
    told: Any, kind: str, thing: str, setting: str, value: Any
) -> None:
    """Each setting is reckoned with: a lab that had another would not have these tables."""
    tables, known, now = told
    past = Past({}, "2025-01-07")
    past.events, past.puts, past.answers = known.events, known.puts, known.answers
    past.faults = known.faults
    for (of, name), changes in known.changes.items():
        for at, settings in changes:
            mine = (of, name) == (kind, thing) and at == 0
            past.note(of, name, at, settings | ({setting: value} if mine else {}))
    with pytest.raises(Difference):
        check(Books(SimpleNamespace(**tables), START, now, past))


def test_an_api_takes_of_its_own_and_of_the_accounts_tokens() -> None:
    lab = ll.Lab(seed=1, quotas={"api_gateway_account_rate": 1, "api_gateway_account_burst": 2})
    lab.create_function("page", duration=0.1)
    api = lab.api_gateway.create_rest_api("web", throttle_rate=9, throttle_burst=9)
    lab.drive(api.route("POST", "/", "page"), ll.Burst(4))
    lab.run()
    assert (lab.trace.requests["cause"] == "throttled_front").sum() == 2


def test_a_push_whose_next_try_would_be_too_late_ends_now() -> None:
    lab = ll.Lab(seed=1, quotas={"s3_retry_age": 5, "s3_delivery_latency": 0})
    lab.create_function("bill", duration=0.1)
    lab.faults.service_error("bill")
    bucket = lab.s3.create_bucket("box")
    bucket.notify("bill")
    bucket.put_object("a")
    lab.run()
    rows = lab.trace.queue_events.query("queue == 'box->bill'")
    assert rows["age_ms"].tolist() == [0, 0, 1_000, 3_000], "the next one would be at 7 s"
    assert rows["action"].iloc[-1] == "expired"


def test_a_route_that_does_not_wait_is_told_that_it_is_queued(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=5, timeout=9)
    api = lab.api_gateway.create_rest_api("web")
    api.route("POST", "/", "bill", proxy=False, invocation_type="Event")
    reply = api.post("/", {})
    lab.run()
    (row,) = lab.trace.requests.to_dict("records")
    assert (reply.status_code, row["cause"], row["latency_ms"]) == (200, "accepted", 0)


def test_worlds_with_triggers_repeat_in_another_process() -> None:
    """Same seed, same digest: whatever order sets and dicts have there."""
    numbers = [number for number in range(40) if World("again", number).wired][:5]
    code = (
        "from tests.world.worlds import World\n"
        f"for number in {numbers}:\n"
        "    world = World('again', number)\n    world.play()\n    print(world.lab.trace.digest())\n"
    )
    told = []
    for hash_seed in ("1", "2"):
        root = str(Path(__file__).resolve().parents[2])
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": root}
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(run.stdout.split())
    assert told[0] == told[1]
    assert len(told[0]) == 5

"""Triggers of random labs: fronts that wait for functions, services that push events, and callers.

What is made here is noted like every other setting: ``way`` (a service's way to one target), ``front``
(a route or a function URL), ``api``, ``clock`` (a schedule), ``caller``, and ``permission`` (whether a
function lets a way or a front in; by the name of that).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lambdalab as ll

if TYPE_CHECKING:
    from tests.world.worlds import World

LETTERS = "undelivered"
POLICIES: tuple[list[Any], ...] = (
    ["a"], ["a", "b"], [{"exists": False}], [{"anything-but": ["a"]}], [{"prefix": "b"}],
)  # fmt: skip
TOPIC, BUCKET, BUS = "news", "box", "shop"
PRINCIPALS = {
    "sns": "sns",
    "s3": "s3",
    "rule": "events",
    "api": "apigateway",
}


class Wires:
    """What a world has of triggers: the lab's own objects, by what they are.

    ``sources`` are those that events can be put into (``topic``, ``bucket``, ``bus``); ``doors`` are
    fronts by name, each with the method and path it is asked for; ``callers`` by name.
    """

    def __init__(self) -> None:
        self.sources: dict[str, Any] = {}
        self.doors: dict[str, tuple[Any, str, str]] = {}
        self.callers: dict[str, Any] = {}
        self.subscriptions: dict[str, Any] = {}
        self.rules: dict[str, Any] = {}
        self.clocks: list[str] = []
        self.inside = ll.SdkClient(max_attempts=2, read_timeout=1, name="inside")  # of handlers

    def __bool__(self) -> bool:
        return bool(self.sources or self.doors or self.callers or self.clocks)


def quotas(draws: Any) -> dict[str, Any]:
    """Numbers of the services' own that a short run can reach."""
    found: dict[str, Any] = draws.pick(
        0.25, s3_retry_age=(5, 40), s3_delivery_latency=(0.0, 3.0), sns_delivery_latency=(0.5,),
        sns_tries_after_backoff=(1,), sns_backoff_tries=(2,), eventbridge_latency=(0.0, 0.5),
        scheduler_delay=(3,), target_retry_longest_wait=(4,), api_gateway_account_rate=(2,),
        api_gateway_account_burst=(3,), sdk_retry_quota=(20,),
    )  # fmt: skip
    return found


def make(world: World) -> None:
    """Some triggers, one or more callers, and an outage now and then."""
    draws = world.draws
    world.set("queue", LETTERS, {})
    world.lab.sqs.create_queue(LETTERS)
    chosen = draws.chance.sample(MAKES, draws.one(1, 2, 3, 4))
    for makes in dict.fromkeys(chosen):
        makes(world)
    for number in range(draws.one(0, 1, 2, 3)):
        make_caller(world, f"c{number}")
    world.set("caller", "inside", {"kind": "sdk", "mode": "standard", "strategy": None, "timeout": 1,
                                   "most": 2, "inside": True})  # fmt: skip
    for _ in range(draws.one(0, 0, 1, 2)):
        outage(world)


def outage(world: World) -> None:
    """Lambda fails for a while: services that push try again."""
    draws, start = world.draws, world.at()
    told = [world.settings["way", way]["target"] for way in world.known("way")]
    name = draws.one(*world.functions, *[name for name in told if name in world.functions] * 2)
    end = start + draws.one(2, 30, 90, 300) * 1_000_000
    terms = {"start": start / 1e6, "end": end / 1e6, "probability": draws.one(0.4, 0.8, 1.0)}
    if world.attempt(lambda: world.lab.faults.service_error(name, **terms)):
        world.past.faults.append(("service_error", name, start, end))


# ---------------------------------------------------------------------- fronts


def make_api(world: World) -> None:
    """A REST or HTTP API with some routes."""
    draws, kind = world.draws, world.draws.one("rest", "http")
    given = draws.pick(integration_timeout=(0.05, 1, 2.5, 29))
    given |= draws.pick(0.3, throttle_rate=(0.5, 3), throttle_burst=(1, 4))
    create = getattr(world.lab.api_gateway, f"create_{kind}_api")
    api = create("web", **given)
    world.set("api", "web", {"kind": kind} | given)
    for number in range(draws.one(1, 2, 3)):
        make_route(world, api, number)
    world.wires.doors["web GET /nothing"] = (api, "GET", "/nothing")
    world.set("front", "web GET /nothing", {"api": "web", "kind": kind, "function": None})


def make_route(world: World, api: Any, number: int) -> None:
    """One route of an API; of a REST API perhaps one that does not wait."""
    draws = world.draws
    name = draws.one(*world.functions)
    own = [thing for thing in world.known("version", "alias") if thing.split(":")[0] == name]
    function = draws.one(name, name, *own)
    kind = world.settings["api", "web"]["kind"]
    given = draws.pick(0.3, integration_timeout=(0.3, 5), throttle_rate=(1,), throttle_burst=(2,))
    if kind == "rest" and draws.often(0.3):
        given |= {"proxy": False, "invocation_type": draws.one("Event", "Event", "RequestResponse")}
    label = f"web POST /r{number}"
    if world.attempt(lambda: api.route("POST", f"/r{number}", function, **given)):
        before = world.settings["api", "web"]
        timeout = before.get("integration_timeout", 29 if kind == "rest" else 30)
        world.set("front", label, {"api": "web", "kind": kind, "function": function,
                                   "integration_timeout": timeout} | given)  # fmt: skip
        allow(world, label, function, "api")
        world.wires.doors[label] = (api, "POST", f"/r{number}")


def make_url(world: World) -> None:
    """A function URL; sometimes one for callers who sign."""
    name, kind = world.draws.one(*world.functions), world.draws.one("NONE", "NONE", "AWS_IAM")
    if world.attempt(lambda: world.lab.create_function_url(name, auth_type=kind)):
        label = f"{name} url"
        world.set("front", label, {"kind": "url", "function": name, "auth_type": kind})
        world.set("permission", label, {"of": name, "by": "url", "allowed": kind == "NONE"})
        world.wires.doors[label] = (world.lab.get_function_url(name), "POST", "/page")


def make_balancer(world: World) -> None:
    """A load balancer before a function."""
    name, given = world.draws.one(*world.functions), world.draws.pick(idle_timeout=(1, 4))
    balancer = world.lab.elb.create_load_balancer("alb", name, **given)
    timeout = given.get("idle_timeout", 60)
    world.set("front", "alb", {"kind": "elb", "function": name, "integration_timeout": timeout})
    allow(world, "alb", name, "elb")
    world.wires.doors["alb"] = (balancer, "POST", "/page")


# ---------------------------------------------------------------------- pushes


def make_topic(world: World) -> None:
    """A topic with one or two subscriptions."""
    world.wires.sources["topic"] = topic = world.lab.sns.create_topic(TOPIC)
    for target in world.draws.chance.sample(world.functions, min(len(world.functions), 2)):
        subscribe(world, topic, target)
    if world.queues and world.draws.often(0.4):
        subscribe(world, topic, world.queues[0])


def subscribe(world: World, topic: Any, target: str) -> None:
    """One subscription."""
    draws = world.draws
    given = {"filter_policy": {"kind": draws.one(*POLICIES)}} if draws.often(0.5) else {}
    given |= draws.pick(0.5, dead_letter_queue=(LETTERS,))
    way = f"{TOPIC}->{target}"
    if world.attempt(
        lambda: world.wires.subscriptions.update({way: topic.subscribe(target, **given)})
    ):
        world.set("way", way, {
            "service": "sns", "target": target, "policy": given.get("filter_policy"),
            "letters": given.get("dead_letter_queue"),
        })  # fmt: skip
        if target in world.functions:
            allow(world, way, target, "sns")


def make_bucket(world: World) -> None:
    """A bucket that tells of what is written, of what is deleted, or of some keys."""
    draws = world.draws
    world.wires.sources["bucket"] = bucket = world.lab.s3.create_bucket(BUCKET)
    places = [
        *world.functions,
        *world.queues[:1],
        *([TOPIC] if "topic" in world.wires.sources else ()),
    ]
    targets = draws.chance.sample(places, min(len(places), draws.one(1, 2)))
    for target, prefix in zip(targets, ("in/", "out/"), strict=False):
        events = draws.one(["s3:ObjectCreated:*"], ["s3:ObjectRemoved:*"],
                           ["s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"])  # fmt: skip
        prefix = prefix if len(targets) > 1 or draws.often(0.5) else ""
        if target not in world.functions:
            world.past.puts.append((world.at(), "", "test"))
        way = f"{BUCKET}->{target}"
        bucket.notify(target, events, prefix=prefix)
        world.set("way", way, {
            "service": "s3", "target": target, "events": events, "prefix": prefix, "letters": None,
        })  # fmt: skip
        if target in world.functions:
            allow(world, way, target, "s3")


def make_bus(world: World) -> None:
    """A bus with a rule or two, each with a target or two."""
    draws = world.draws
    world.wires.sources["bus"] = bus = world.lab.eventbridge.create_event_bus(BUS)
    for name in ("big", "small")[: draws.one(1, 2)]:
        pattern = {"source": ["lab"], "detail": {"kind": draws.one(*POLICIES)}}
        state = draws.one("ENABLED", "ENABLED", "ENABLED", "DISABLED")
        rule = world.wires.rules[name] = bus.put_rule(name, event_pattern=pattern, state=state)
        world.set("rule", name, {"policy": pattern["detail"], "enabled": state == "ENABLED"})
        places = [*world.functions, *world.queues[:1]]
        places += [TOPIC] if "topic" in world.wires.sources else []
        for target in draws.chance.sample(places, min(len(places), draws.one(1, 2))):
            put_target(world, rule, f"{BUS}/{name}->{target}", target)


def put_target(world: World, rule: Any, way: str, target: str) -> None:
    """One target of a rule, or other settings of it."""
    given = world.draws.pick(0.6, maximum_retry_attempts=(0, 1, 4), maximum_event_age=(60, 70),
                             dead_letter_queue=(LETTERS,))  # fmt: skip
    if world.attempt(lambda: rule.put_target(target, **given)):
        world.set("way", way, {
            "service": "rule", "target": target, "rule": rule.name,
            "letters": given.get("dead_letter_queue"),
            "tries": given.get("maximum_retry_attempts", 185),
            "age": given.get("maximum_event_age", 86_400),
        })  # fmt: skip
        if target in world.functions:
            allow(world, way, target, "rule")


def make_clock(world: World) -> None:
    """A schedule of Scheduler's, or a rule of the default bus that fires."""
    draws = world.draws
    if draws.often(0.4):
        text, seconds = draws.one(("rate(1 minute)", 60), ("cron(* * * * ? *)", 60))
        rule = world.wires.rules["often"] = world.lab.eventbridge["default"].put_rule(
            "often", schedule_expression=text
        )
        target = draws.one(*world.functions)
        world.set("clock", "often", {"seconds": seconds, "cron": text[0] == "c", "at_once": False})
        put_target(world, rule, f"often->{target}", target)
        world.change("way", f"often->{target}", {"clock": "often"})
        world.wires.clocks.append("often")
        return
    set_clock(world, draws.one(*world.functions, *world.queues[:1]))
    world.wires.clocks.append("tick")


def set_clock(world: World, target: str) -> None:
    """The schedule of Scheduler's, new or set anew."""
    draws = world.draws
    text, seconds = draws.one(
        ("rate(1 minute)", 60), ("rate(2 minutes)", 120), ("cron(* * * * ? *)", 60)
    )
    given = draws.pick(0.5, maximum_retry_attempts=(0, 1, 3), maximum_event_age=(60, 75),
                       dead_letter_queue=(LETTERS,))  # fmt: skip
    verb = "update" if "tick" in world.lab.scheduler else "create"
    getattr(world.lab.scheduler, f"{verb}_schedule")("tick", text, target, **given)
    world.set(
        "clock", "tick", {"seconds": seconds, "cron": text[0] == "c", "at_once": text[0] != "c"}
    )
    way = f"schedule tick->{target}"
    world.set("way", way, {
        "service": "schedule", "target": target, "letters": given.get("dead_letter_queue"),
        "tries": given.get("maximum_retry_attempts", 185),
        "age": given.get("maximum_event_age", 86_400), "clock": "tick",
    })  # fmt: skip


# ---------------------------------------------------------------------- callers, permissions


def make_caller(world: World, name: str) -> None:
    """Somebody with a timeout or retries, or both."""
    draws = world.draws
    given: dict[str, Any] = {"kind": draws.one("sdk", "sdk", "browser", "queue")}
    if given["kind"] == "browser":
        given["timeout"] = draws.one(0.3, 2, 30)
        made: Any = ll.Browser(given["timeout"], name=name)
    elif given["kind"] == "queue":
        given["concurrency"] = draws.one(1, 2)
        made = ll.QueueingCaller(given["concurrency"], name=name)
    else:
        mode = draws.one("standard", "standard", "legacy", "adaptive")
        settings = draws.pick(0.5, max_attempts=(1, 2, 4), read_timeout=(0.5, 3))
        wait = draws.one(None, None, *STRATEGIES)
        own = None if wait is None else ll.Backoff(wait, base=0.2, cap=1.5)
        made = ll.SdkClient(retry_mode=mode, backoff=own, name=name, **settings)
        given |= {"mode": mode, "strategy": wait, "timeout": settings.get("read_timeout", 60)}
        given["most"] = settings.get("max_attempts", 5 if mode == "legacy" else 3)
    world.wires.callers[name] = made
    world.set("caller", name, given)


STRATEGIES = ("none", "exponential", "equal", "full", "decorrelated")


def allow(world: World, name: str, function: str, service: str) -> None:
    """A trigger that is wired may call."""
    of, _, qualifier = function.partition(":")
    told = {"of": of, "qualifier": qualifier, "by": service, "allowed": True}
    world.set("permission", name, told)


MAKES: tuple[Callable[[World], None], ...] = (
    make_api, make_api, make_url, make_balancer, make_topic, make_topic, make_bucket, make_bus, make_bus,
    make_clock,
)  # fmt: skip

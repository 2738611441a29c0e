"""What happens to the triggers of random labs: requests, events, permissions taken away, outages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.world.contents import body
from tests.world.wiring import (
    BUS,
    PRINCIPALS,
    make_route,
    outage,
    put_target,
    set_clock,
    subscribe,
)

if TYPE_CHECKING:
    from tests.world.worlds import World

KINDS = (None, "a", "b", "c")
KEYS = ("in/1", "in/2", "out/1", "else")


def someone(world: World) -> dict[str, Any]:
    """The caller of a call, or none."""
    callers = world.wires.callers
    return {"caller": callers[world.draws.one(*callers)]} if callers else {}


# ---------------------------------------------------------------------- traffic


def drive(world: World) -> None:
    """Traffic at fronts, at services that push, and of callers who try again."""
    wires, draws = world.wires, world.draws
    for _ in range(draws.one(1, 2)):
        arrivals, terms = draws.traffic()
        terms["count"] = 20
        doors = [name for name in wires.doors if "nothing" not in name]
        places = [*doors, *doors, *[*wires.sources] * 3, "function"]
        place = draws.one(*places)
        more = someone(world) if place not in wires.sources and draws.often(0.7) else {}
        if place == "function":
            kind = draws.one("RequestResponse", "RequestResponse", "Event")
            name = draws.one(*world.functions)
            world.lab.drive(name, arrivals, **terms, **more, invocation_type=kind)
        elif place in wires.sources:
            payload = number_of if place == "bus" else f"driven {world.at()}"
            world.lab.drive(wires.sources[place], arrivals, duration=20, count=12, payload=payload)
        else:
            front, _, _ = wires.doors[place]
            if "POST /r" in place:
                [front] = [route for route in front.routes if route.name == place] or [None]
            if front is not None:
                world.attempt(lambda: world.lab.drive(front, arrivals, **terms, **more))  # noqa: B023


def number_of(number: int) -> dict[str, Any]:
    """What traffic puts on a bus."""
    return {"n": number}


def visit(world: World) -> None:
    """One request from outside, of somebody with little patience or much."""
    if world.wires.doors:
        draws = world.draws
        front, method, path = world.wires.doors[draws.one(*world.wires.doors)]
        held = draws.one(
            None, body(draws.chance, 1), "no json", {"pad": "x" * 3_100}, {"pad": "x" * 45_000}
        )
        more = someone(world) if draws.often(0.5) else {}
        signed = draws.often(0.5)
        held = None if method == "GET" else held
        world.attempt(lambda: front.request(method, path, body=held, signed=signed, **more))


def call(world: World) -> None:
    """One call of a function by a caller who tries again, or gives up."""
    if world.wires.callers:
        name = world.draws.one(*world.functions)
        world.attempt(lambda: world.lab.invoke(name, {"n": 1}, **someone(world)))


def put(world: World) -> None:
    """Something is published, written, deleted or put on a bus."""
    for _ in range(world.draws.one(1, 4, 12)):
        tell(world, world.draws.chance)
        world.tick()
        if world.draws.often(0.3):
            world.lab.advance(world.draws.one(0.3, 2, 9) * world.draws.chance.random())
            world.tick()


def tell(world: World, chance: Any) -> None:
    """An event for a topic, a bucket or a bus: from outside, or by a handler (with chance of its own)."""
    sources = world.wires.sources
    if not sources:
        return
    place, kind = chance.choice(sorted(sources)), chance.choice(KINDS)
    source, events = sources[place], world.past.events
    if place == "topic":
        bare = kind is None and chance.random() < 0.3  # without any attribute it fits no policy
        attributes = {} if bare else {"other": "x"} if kind is None else {"kind": kind}
        message = source.publish("news", attributes=attributes)
        if not bare:
            events[message.message_id] = kind
    elif place == "bus":
        detail = {"n": 1} | ({} if kind is None else {"kind": kind})
        result = source.put_event(source="lab", detail_type="told", detail=detail)
        events[result.event_id] = kind
    else:
        key = chance.choice(KEYS)
        if chance.random() < 0.3:
            if key in source:
                world.past.puts.append((world.at(), key, "s3:ObjectRemoved:Delete"))
            source.delete_object(key)
        else:
            world.past.puts.append((world.at(), key, "s3:ObjectCreated:Put"))
            source.put_object(key, "x")


def fetch(world: World, chance: Any) -> Any:
    """A handler asks a front, and waits for the answer, not for ever or again and again."""
    wires = world.wires
    if not wires.doors:
        return None
    front, method, path = wires.doors[chance.choice(sorted(wires.doors))]
    return {"seen": front.request(method, path, caller=wires.inside).status_code}


# ---------------------------------------------------------------------- what goes wrong


def forbid(world: World) -> None:
    """Nobody may call a function any more."""
    name = world.draws.one(*world.functions)
    if world.attempt(lambda: world.lab.remove_permission(name)):
        for thing in world.known("permission"):
            told = world.settings["permission", thing]
            if told["of"] == name and not told.get("qualifier"):
                world.change("permission", thing, {"allowed": False})


def permit(world: World) -> None:
    """A service may call a function, whatever it is wired to."""
    name, service = world.draws.one(*world.functions), world.draws.one(*PRINCIPALS)
    principal = f"{PRINCIPALS[service]}.amazonaws.com"
    sid = f"again-{world.at()}"
    if world.attempt(lambda: world.lab.add_permission(name, sid, principal=principal)):
        for thing in world.known("permission"):
            told = world.settings["permission", thing]
            if (told["of"], told["by"], told.get("qualifier")) == (name, service, ""):
                world.change("permission", thing, {"allowed": True})


def rewire(world: World) -> None:
    """A trigger is set otherwise, goes, or comes back."""
    wires, draws = world.wires, world.draws
    what = draws.one(*wires.sources, *wires.rules, *wires.doors, *wires.clocks) if wires.sources or (
        wires.doors or wires.clocks) else ""  # fmt: skip
    if what == "topic":
        resubscribe(world)
    elif what in wires.rules and what != "often":
        retarget(world, what)
    elif what == "tick":
        set_again(world)
    elif what.endswith(" url"):
        name = what.removesuffix(" url")
        if world.attempt(lambda: world.lab.delete_function_url(name)):
            world.change("front", what, {"gone": True})
    elif "POST /r" in what:
        reroute(world, what)


def resubscribe(world: World) -> None:
    """A subscription ends, or is there again."""
    way = world.draws.one(*world.wires.subscriptions)
    known = world.settings.get(("way", way))
    if known is not None:
        world.wires.subscriptions[way].unsubscribe()
        world.set("way", way, None)
    else:
        world.attempt(
            lambda: subscribe(world, world.wires.sources["topic"], way.partition("->")[2])
        )


def retarget(world: World, name: str) -> None:
    """A rule is switched off or on, or one of its targets is told otherwise."""
    rule, enabled = world.wires.rules[name], world.settings["rule", name]["enabled"]
    ways = [way for way in world.known("way") if way.startswith(f"{BUS}/{name}->")]
    if world.draws.often(0.5):
        rule.disable() if enabled else rule.enable()
        world.change("rule", name, {"enabled": not enabled})
    elif ways:
        way = world.draws.one(*ways)
        put_target(world, rule, way, way.partition("->")[2])


def set_again(world: World) -> None:
    """The schedule is set anew, for the same target; or it goes."""
    [way] = [way for way in world.known("way") if way.startswith("schedule ")] or [""]
    if way and world.draws.often(0.3):
        world.lab.scheduler.delete_schedule("tick")
        world.set("clock", "tick", None)
        world.set("way", way, None)
    elif way:
        world.attempt(lambda: set_clock(world, way.partition("->")[2]))


def reroute(world: World, label: str) -> None:
    """A route goes, or is made again for another function."""
    api, method, path = world.wires.doors[label]
    if world.settings["front", label]["function"] is None:
        make_route(world, api, int(path[2:]))
    else:
        api.delete_route(method, path)
        world.change("front", label, {"function": None})


ACTS: tuple[Callable[[World], None], ...] = (
    visit, visit, visit, call, put, put, put, put, outage, outage, forbid, permit, rewire, rewire, drive,
)  # fmt: skip

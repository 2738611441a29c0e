"""What happens to random labs: calls, changes of everything that can be changed, faults, resets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.world import visits
from tests.world.contents import TEXTS, body
from tests.world.flows import (
    change_mapping,
    create_mapping,
    delete_mapping,
    drive_source,
    note,
    redrive,
)
from tests.world.numbers import OF_EVENTS
from tests.world.reading import Past
from tests.world.wiring import BUCKET, BUS, TOPIC

if TYPE_CHECKING:
    from tests.world.worlds import World


def qualified(world: World, name: str) -> str:
    """The function, or one of its versions or aliases."""
    own = [thing for thing in world.known("version", "alias") if thing.split(":")[0] == name]
    return str(world.draws.one(name, *own))


def drive(world: World) -> None:
    """Some traffic, from now on."""
    for _ in range(world.draws.one(1, 2, 3)):
        flows = [*world.fifos, *world.streams, *world.tables]
        target = world.draws.one(
            qualified(world, world.draws.one(*world.functions)), *world.queues, *flows, *flows
        )
        if target in flows:
            drive_source(world, target)
            continue
        arrivals, terms = world.draws.traffic()
        if target not in world.queues:
            terms["invocation_type"] = world.draws.one("RequestResponse", "Event")
        world.lab.drive(target, arrivals, **terms)


def invoke(world: World) -> None:
    """One call from outside, some of them refused."""
    name = qualified(world, world.draws.one(*world.functions, "nobody"))
    kind = world.draws.one("RequestResponse", "Event", "Event", "DryRun")
    long, longer = {"pad": "x" * 3_100}, {"pad": "x" * 45_000}
    payload = world.draws.one(None, {"n": 2}, long, longer, b"{no json")
    world.attempt(lambda: world.lab.invoke(name, payload, invocation_type=kind))


# ---------------------------------------------------------------------- functions


def update_function(world: World) -> None:
    """Other settings of $LATEST; its environments are retired."""
    name = world.draws.one(*world.functions)
    real = "duration" not in world.settings["function", name]
    settings = world.draws.function(real, world.queues)
    if world.attempt(lambda: world.lab.update_function(name, **settings)):
        world.change("function", name, settings)
        world.past.note("retired", name, world.at(), {})


def reserve(world: World) -> None:
    """A reservation, or none any more."""
    name, share = world.draws.one(*world.functions), world.draws.one(None, None, 0, 1, 2, 6)
    if world.attempt(lambda: world.lab.put_function_concurrency(name, share)):
        world.change("function", name, {"reserved_concurrency": share})


def configure_events(world: World) -> None:
    """An event invoke configuration for the function, a version or an alias."""
    name = world.draws.one(*world.functions)
    places = (*world.queues, *(other for other in world.functions if other > name))
    names = {"topic": TOPIC, "bucket": BUCKET, "bus": BUS}
    places += tuple(names[source] for source in world.wires.sources)
    settings = world.draws.pick(
        maximum_retry_attempts=(0, 1, 2), maximum_event_age=(60, 75, 130, 21_600)
    )
    if places:
        settings |= world.draws.pick(0.3, on_success=places, on_failure=places)
    thing = qualified(world, name)
    if world.attempt(lambda: world.lab.put_function_event_invoke_config(thing, **settings)):
        if thing == name:
            world.change("function", name, dict.fromkeys(OF_EVENTS) | settings)
        else:
            world.set("events", thing, settings)


def publish(world: World) -> None:
    """A version, and an alias that points somewhere."""
    name = world.draws.one(*world.known("function"))
    published: list[Any] = []
    if not world.attempt(lambda: published.append(world.lab.publish_version(name))):
        return
    version = f"{name}:{published[0].number}"
    if ("version", version) not in world.settings:
        world.set("version", version, world.settings["function", name])
    world.tick()
    point(world, name)


def point(world: World, name: str) -> None:
    """The alias of a function leads to one of its versions, or to two."""
    own = [thing for thing in world.known("version") if thing.split(":")[0] == name]
    first, other = (world.draws.one(*own).split(":")[1] for _ in range(2))
    both = first != other and world.draws.often(0.5)
    routing = {other: world.draws.one(0.0, 0.3, 1.0)} if both else {}
    alias = f"{name}:live"
    before = world.settings.get(("alias", alias))
    verb = world.lab.update_alias if before else world.lab.create_alias
    if world.attempt(lambda: verb(name, "live", first, routing=routing)):
        world.set("alias", alias, {"first": first, "versions": [first, *routing]})
        if before and before["first"] != first and ("provisioned", alias) in world.settings:
            world.change("provisioned", alias, {})  # allocated anew


def provision(world: World) -> None:
    """Provisioned concurrency: more, less or none."""
    things = world.known("version", "alias")
    if things:
        thing, number = world.draws.one(*things), world.draws.one(0, 1, 2, 4)
        put, give_back = (
            world.lab.put_provisioned_concurrency,
            world.lab.delete_provisioned_concurrency,
        )
        name, qualifier = thing.split(":")
        if world.attempt(
            lambda: put(name, qualifier, number) if number else give_back(name, qualifier)
        ):
            world.set("provisioned", thing, {"requested": number})


OWN = ("function", "version", "alias", "events", "provisioned")


def delete_function(world: World) -> None:
    """A function goes, with all that is its own; where nothing uses it."""
    name = world.draws.one(*world.functions)
    if len(world.functions) > 1 and world.attempt(lambda: world.lab.delete_function(name)):
        world.functions.remove(name)
        world.past.note("deleted", name, world.at(), {})
        world.set("gone", name, {"gone": True})
        for kind, thing in list(world.settings):
            if thing.split(":")[0] == name and kind in OWN:
                world.set(kind, thing, None)


def fault(world: World) -> None:
    """Something fails on demand, for a while or by chance."""
    kind, terms = world.draws.fault()
    queues = world.queues * 2 if kind == "duplicate" else []
    target, start = world.draws.one(*world.functions, *queues), world.at()
    end = start + world.draws.one(2, 30, 300) * 1_000_000
    terms |= {"start": start / 1e6, "end": end / 1e6}
    if world.attempt(lambda: getattr(world.lab.faults, kind)(target, **terms)):
        world.past.faults.append((kind, target, start, end))


# ---------------------------------------------------------------------- queues and mappings


def update_queue(world: World) -> None:
    """Other attributes of a queue."""
    if world.queues:
        name = world.draws.one(*world.queues)
        settings = world.draws.pick(
            visibility_timeout=(5, 20, 60), delay=(0, 2), retention=(60, 400)
        )
        world.lab.sqs[name].update(**settings)
        world.change("queue", name, settings)


def use_queue(world: World) -> None:
    """Somebody outside sends, receives or purges."""
    if world.queues:
        name, draws = world.draws.one(*world.queues), world.draws
        queue = world.lab.sqs[name]
        what = draws.one("send", "send", "batch", "receive", "receive", "receive", "purge")
        if what == "send":
            held = {"n": 0, "pad": "x" * draws.chance.randrange(2_000)}
            held = draws.one(held, body(draws.chance, 0), *TEXTS)
            world.attempt(lambda: note(world, queue.send(held, delay=draws.one(None, 0, 4))))
        elif what == "batch":
            bodies = [body(draws.chance, n) for n in range(draws.one(1, 3, 10))]
            world.attempt(lambda: [note(world, sent) for sent in queue.send_batch(bodies)])
        elif what == "receive":
            meddle(world, name, queue.receive(draws.one(1, 3, 10), draws.one(None, 0, 7)))
        else:
            queue.purge()


def meddle(world: World, name: str, received: list[Any]) -> None:
    """Somebody deletes what was received, changes when it comes back, or forgets it."""
    queue = world.lab.sqs[name]
    for message in received:
        world.tick()
        if world.draws.often(0.3):
            world.attempt(lambda: queue.delete(message))  # noqa: B023
        elif world.draws.often(0.5):
            seconds, at = world.draws.one(0, 3, 15), world.at()
            if world.attempt(lambda: queue.change_visibility(message, seconds)):  # noqa: B023
                until = at + seconds * 1_000_000
                world.past.moved[name, message.message_id].append((at, until))


# ---------------------------------------------------------------------- another run


def reset(world: World) -> None:
    """The same lab from the start, after a look at its books."""
    world.check()
    world.lab.reset()
    faults, world.past = world.past.faults, Past(world.quotas, world.rules)
    world.past.faults = faults
    for (kind, name), settings in world.settings.items():
        if kind in ("mapping", "stream_mapping"):
            world.set_mapping(name, settings, comes=True)
        else:
            world.past.note(kind, name, 0, settings)
    for way in world.known("way"):
        told = world.settings["way", way]
        if told["service"] == "s3" and told["target"] in (TOPIC, *world.queues):
            world.past.puts.append((0, "", "test"))  # S3 tries the way again in each run
    drive(world)
    if world.wires:
        visits.drive(world)


ACTS: tuple[Callable[[World], None], ...] = (
    invoke, invoke, update_function, reserve, configure_events, publish, provision, provision,
    delete_function, fault, fault, change_mapping, change_mapping, delete_mapping, create_mapping,
    redrive, update_queue, use_queue, use_queue, reset, drive,
)  # fmt: skip

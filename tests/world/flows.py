"""Streams, tables and FIFO queues of random labs: what is put, and what happens to them.

Whatever is sent or put from here is noted, and so is what lies in a stream or queue when it is looked at
(:func:`look`): what a record holds is nowhere in the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.world.contents import TEXTS, body
from tests.world.reading import Held

if TYPE_CHECKING:
    from tests.world.worlds import World

KEYS = tuple("uvwxyz")
GROUPS = ("ann", "bob", "eve")


# ---------------------------------------------------------------------- looking


def look(world: World) -> None:
    """Note what lies in streams and queues, and which shards there are."""
    known, ids = world.past.held, world.lab.trace.ids
    for name in world.streams:
        stream = world.lab.kinesis[name]
        note_shards(world, name, stream.shards)
        for record in stream.records:
            known.setdefault(
                ids.message(int(repr(record)[1:])),
                Held(record.data.decode(), record.partition_key, record.sequence_number,
                     record.shard.shard_id),
            )  # fmt: skip
    for name in world.tables:
        stream = world.lab.dynamodb[name].stream
        note_shards(world, name, stream.shards)
        for record in stream.records:
            known.setdefault(
                ids.message(int(repr(record)[1:])),
                Held(
                    record.json(),
                    record.partition_key,
                    record.sequence_number,
                    record.shard.shard_id,
                ),
            )
    for name in [*world.fifos, *world.told]:
        for message in world.lab.sqs[name].messages:
            note(world, message)


def note_shards(world: World, name: str, shards: Any) -> None:
    """Each shard with its parents, in the order in which they were made."""
    world.past.shards[name] = {
        shard.shard_id: [p for p in (shard.parent_shard_id, shard.adjacent_parent_shard_id) if p]
        for shard in shards
    }


def note(world: World, message: Any) -> None:
    """What a message holds, given as such or as it was seen."""
    message = getattr(message, "message", message)
    known_by = getattr(message, "message_deduplication_id", "")
    held = Held(message.body, getattr(message, "message_group_id", ""), "", known_by)
    world.past.held.setdefault(message.message_id, held)


# ---------------------------------------------------------------------- making them


def make(world: World) -> None:
    """Streams, tables and FIFO queues; where what the functions give up is told."""
    draws, lab = world.draws, world.lab
    for name in world.streams:
        lab.kinesis.create_stream(name, draws.one(1, 1, 2, 3, 4))
        world.set("stream", name, {})
    for name in world.tables:
        settings = {
            "stream_view_type": draws.one("NEW_AND_OLD_IMAGES", "NEW_IMAGE", "KEYS_ONLY"),
            "shards": draws.one(1, 1, 2), "time_to_live": "until",
        }  # fmt: skip
        lab.dynamodb.create_table(name, **settings)
        world.set("table", name, settings)
    for name in world.fifos:
        settings = draws.fifo_queue(name)
        world.set("queue", name, settings)
        lab.sqs.create_queue(name, **settings)
        if "dead_letter_queue" in settings:
            world.set("queue", settings["dead_letter_queue"], {})
            lab.sqs.create_queue(settings["dead_letter_queue"])
    if world.streams or world.tables:
        world.told.append("told")
        world.set("queue", "told", {})
        lab.sqs.create_queue("told")


def connect(world: World, source: str) -> None:
    """A mapping of a stream or of a table."""
    draws, table = world.draws, source in world.tables
    if draws.often(0.05):
        return
    positions = ("TRIM_HORIZON", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
    settings = draws.stream_mapping(table, world.told)
    settings["starting_position"] = draws.one(*positions[: 3 if table else 4])
    if settings["starting_position"] == "AT_TIMESTAMP":
        settings["starting_position_timestamp"] = draws.one(0, 0.5, 1) * world.lab.elapsed
    thing: Any = world.lab.dynamodb[source] if table else world.lab.kinesis[source]
    begin(world, "stream_mapping", thing, draws.one(*world.functions), settings)


def begin(world: World, kind: str, source: Any, name: str, settings: dict[str, Any]) -> None:
    """Make a mapping; it polls when the time of its transition is over."""
    made: list[Any] = []
    create = world.lab.create_event_source_mapping
    if world.attempt(lambda: made.append(create(source, name, **settings))):
        mapping = made[0]
        world.mappings[mapping.name] = mapping
        world.kinds[mapping.name] = kind
        settings = settings | {"source": mapping.source.name, "function": name}
        world.set_mapping(mapping.name, settings, comes=True)


# ---------------------------------------------------------------------- what happens to them


def drive_source(world: World, target: str) -> None:
    """Some traffic to a stream, a table or a FIFO queue."""
    draws, lab = world.draws, world.lab
    arrivals, terms = draws.traffic()
    terms["count"] = 40
    if target in world.tables:
        terms["payload"] = lambda number: item(world, number)
        lab.drive(lab.dynamodb[target], arrivals, **terms)
    elif target in world.streams:
        lab.drive(
            lab.kinesis[target], arrivals, partition_key=lambda number: draws.one(*KEYS), **terms
        )
    else:
        lab.drive(
            lab.sqs[target], arrivals, message_group_id=lambda number: draws.one(*GROUPS), **terms
        )


def item(world: World, number: int) -> dict[str, Any]:
    """An item of few, so that most are changed; some are to be deleted by the table itself."""
    made = body(world.draws.chance, number % 3) | {"id": str(number % 5)}
    if world.draws.often(0.1):
        made["until"] = int(world.lab.now.timestamp()) + 20
    return made


def use_stream(world: World) -> None:
    """Somebody puts records, or deals with the shards."""
    if not world.streams:
        return
    draws, stream = world.draws, world.lab.kinesis[world.draws.one(*world.streams)]
    what = draws.one("put", "put", "many", "split", "merge", "read")
    shards = [shard for shard in stream.shards if shard.state == "open"]
    if what == "put":
        held = draws.one(*TEXTS) if draws.often(0.1) else body(draws.chance, 7)
        stream.put_record(held, draws.one(*KEYS))
    elif what == "many":
        number = draws.one(2, 8, 20)
        stream.put_records([(body(draws.chance, n), draws.one(*KEYS)) for n in range(number)])
    elif what == "split" and len(shards) < 5:
        stream.split_shard(draws.one(*shards))
    elif what == "merge" and len(shards) > 1:
        shards.sort(key=lambda shard: shard.starting_hash_key)
        place = draws.chance.randrange(len(shards) - 1)
        stream.merge_shards(shards[place], shards[place + 1])
    elif what == "read":
        iterator = stream.get_shard_iterator(draws.one(*shards))
        world.attempt(lambda: stream.get_records(iterator))


def use_table(world: World) -> None:
    """Somebody puts, changes or deletes items."""
    if world.tables:
        draws, table = world.draws, world.lab.dynamodb[world.draws.one(*world.tables)]
        for number in range(draws.one(1, 1, 4)):
            if draws.often(0.7):
                table.put_item(item(world, draws.chance.randrange(9) + number))
            else:
                table.delete_item({"id": str(draws.chance.randrange(5))})


def use_fifo(world: World) -> None:
    """Somebody outside sends to a FIFO queue (some of it twice), or receives."""
    if not world.fifos:
        return
    draws, queue = world.draws, world.lab.sqs[world.draws.one(*world.fifos)]
    what = draws.one("send", "send", "batch", "receive", "purge" if draws.often(0.2) else "send")
    if what == "send":
        known_by = draws.one("one", "two", f"id-{world.at()}")
        terms = {"message_group_id": draws.one(*GROUPS), "message_deduplication_id": known_by}
        held = body(draws.chance, 1)
        world.past.sends[queue.name, world.at()] = [known_by]
        world.attempt(lambda: note(world, queue.send(held, **terms)))
    elif what == "batch":
        number = draws.one(2, 5, 10)
        groups = [draws.one(*GROUPS) for _ in range(number)]
        ids = [f"{world.at()}-{n}" for n in range(number)]
        bodies = [body(draws.chance, n) for n in range(number)]
        terms = {"message_group_id": groups, "message_deduplication_id": ids}
        world.past.sends[queue.name, world.at()] = ids
        world.attempt(lambda: [note(world, sent) for sent in queue.send_batch(bodies, **terms)])
    elif what == "receive":
        world.meddle(queue.name, queue.receive(draws.one(1, 3, 10), draws.one(None, 0, 7)))
    else:
        queue.purge()


def redrive(world: World) -> None:
    """Dead letters go back to where they came from, or elsewhere."""
    letters = [n for n in world.known("queue") if "-letters" in n]
    if letters:
        name, draws = world.draws.one(*letters), world.draws
        others = [n for n in world.known("queue") if n.endswith(".fifo") == name.endswith(".fifo")]
        place = draws.one(None, None, *others)
        rate, queue = draws.one(None, 1, 3), world.lab.sqs[name]
        if world.attempt(
            lambda: queue.start_message_move_task(place, max_messages_per_second=rate)
        ):
            world.past.redrives.append((name, world.at(), rate or 500, place))


# ---------------------------------------------------------------------- mappings


def change_mapping(world: World) -> None:
    """Other settings of a mapping; on or off."""
    if not world.mappings:
        return
    name = world.draws.one(*world.mappings)
    kind, source = world.kinds[name], name.split("->")[0]
    if kind == "mapping":
        settings = world.draws.mapping(source.endswith(".fifo"), world.provisioned)
    else:
        settings = world.draws.stream_mapping(source in world.tables, world.told)
    if world.draws.often(0.4):
        settings = {"enabled": world.draws.often(0.5)}
    if world.attempt(lambda: world.mappings[name].update(**settings)):
        world.set_mapping(name, world.settings[kind, name] | settings)


def delete_mapping(world: World) -> None:
    """A mapping goes; what it has received goes its way."""
    if world.mappings:
        name = world.draws.one(*world.mappings)
        if world.attempt(lambda: world.lab.delete_event_source_mapping(name)):
            world.mappings.pop(name)
            world.set(world.kinds[name], name, None)


def create_mapping(world: World) -> None:
    """Another mapping, or one in place of one that was deleted."""
    sources = [*world.queues, *world.fifos, *world.streams * 2, *world.tables * 2]
    if sources:
        source = world.draws.one(*sources)
        if source in world.streams or source in world.tables:
            connect(world, source)
        else:
            world.map(source, world.draws.one(*world.functions))


ACTS: tuple[Callable[[World], None], ...] = (
    use_stream, use_stream, use_stream, use_table, use_table, use_fifo, use_fifo, redrive,
    change_mapping, change_mapping, change_mapping, delete_mapping, create_mapping, create_mapping,
)  # fmt: skip

"""Questions about streams that Lambda polls: shards, order, and the record that nobody can read."""

import base64
import json

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "streams",
    lesson="06",
    text="A Kinesis stream with one shard feeds a function; the mapping has its default "
    "settings. One record cannot be read, and the function raises an exception. What happens to "
    "the records behind it?",
    options=(
        claim("They wait: the batch is tried again and again until its records expire",
              lambda s: s.done == 0 and s.runs > 10),
        claim("They are processed: Lambda skips the broken record after 3 tries",
              lambda s: s.done > 0 and s.runs > 1),
        claim("They are processed: the broken record goes to the function's dead-letter queue",
              lambda s: s.letters > 0),
        claim("They are processed at once: other records never wait for a broken one",
              lambda s: s.done > 0 and s.runs == 1),
    ),
    explain="After an hour the function had run {runs} times on the same batch, {done} of the "
    "{behind} later records were processed, and {letters} dead letters were there. By default a "
    "stream's batch has no limit of tries; its records live for 24 hours.",
    rules=("kinesis_retention_default", "stream_retries_maximum"),
    source="dg/kinesis-on-failure-destination",
    table="batches",
)  # fmt: skip
def broken_record_in_a_shard(lab):
    done = []

    @lab.function(dead_letter_queue="failed")
    def count(event, context):
        clicks = [base64.b64decode(r["kinesis"]["data"]) for r in event["Records"]]
        if b"broken" in clicks:
            raise ValueError("cannot be read")
        done.extend(clicks)

    stream = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(stream, count, starting_position="TRIM_HORIZON")
    stream.put_record(b"broken", partition_key="1")
    lab.advance(5)
    for _ in range(20):
        stream.put_record(b"fine", partition_key="1")
    lab.run(until="1h")
    return {"done": len(done), "behind": 20, "runs": len(lab.trace.attempts),
            "letters": len(lab.sqs["failed"].messages)}  # fmt: skip


@question(
    "streams",
    lesson="06",
    text="One record in a Kinesis stream makes a function fail, and the whole shard stands "
    "still. All other records are to be processed soon, and the broken one kept for support. "
    "What should be set?",
    options=(
        remedy("In the mapping: 2 retries, bisect on error, and an on-failure destination",
               maximum_retry_attempts=2, bisect_batch_on_function_error=True, destination=True),
        remedy("In the mapping: 2 retries, and an on-failure destination",
               maximum_retry_attempts=2, destination=True),
        remedy("In the function: a dead-letter queue", dead_letter_queue="support"),
        remedy("In the mapping: a parallelization factor of 10", parallelization_factor=10),
    ),
    goal=lambda s: s.done == 99 and s.kept == 1,
    shows="healthy records processed: {done} of 99, reports for support: {kept}",
    explain="Healthy records processed: {done} of 99; reports for support: {kept}. Bisecting "
    "cuts the failed batch in two until the broken record is alone; the retries bound how often "
    "that one is tried. Without bisecting the whole batch is given up.",
    source="dg/kinesis-on-failure-destination",
    table="batches",
)  # fmt: skip
def shard_that_stands_still(lab, destination=False, dead_letter_queue=None, **mapping):
    support, done = lab.sqs.create_queue("support"), set()

    @lab.function(dead_letter_queue=dead_letter_queue)
    def count(event, context):
        numbers = [json.loads(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"]]
        if 42 in numbers:
            raise ValueError("cannot be read")
        done.update(numbers)

    stream = lab.kinesis.create_stream("clicks")
    stream.put_records([(json.dumps(n), str(n)) for n in range(100)])
    given = {"on_failure": support} if destination else {}
    lab.create_event_source_mapping(
        stream, count, starting_position="TRIM_HORIZON", **given, **mapping
    )
    lab.run(until="1h")
    return {"done": len(done), "kept": len(support.messages)}


@question(
    "streams",
    lesson="05",
    text="A Kinesis stream has 4 shards. Each batch keeps the function busy for 2 seconds, and "
    "records come faster than that. The mapping has its default settings. How many invocations "
    "run at a time, at most?",
    options=(
        claim("1", lambda s: s.at_once == 1),
        claim("4", lambda s: s.at_once == 4),
        claim("40", lambda s: s.at_once == 40),
        claim("As many as the account's concurrency allows", lambda s: s.at_once > 100),
    ),
    explain="At most {at_once} batches were under way at the same time, one for each of the 4 "
    "shards that had records. `parallelization_factor` makes that up to 10 for each shard.",
    rules=("stream_parallelization_maximum",),
    in_order=True,
    table="batches",
)
def four_shards(lab):
    stream = lab.kinesis.create_stream("clicks", shard_count=4)
    lab.create_function("count", duration=2)
    lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", batch_size=10
    )
    lab.drive(stream, ll.Every(0.005), count=2000)
    lab.run()
    runs = lab.trace.batches
    at_once = max(((runs.flushed_at <= t) & (runs.completed_at > t)).sum() for t in runs.flushed_at)
    return {"at_once": int(at_once)}


@question(
    "streams",
    lesson="05",
    text="The `IteratorAge` of a function behind a Kinesis stream with one shard grows and "
    "grows: 40 records a second come, and a batch of 10 takes it a second. Order matters for "
    "each device (the partition key). What helps without new shards?",
    options=(
        remedy("Set `parallelization_factor` to 10", parallelization_factor=10),
        remedy("Reserve a concurrency of 100 for the function", reserved_concurrency=100),
        remedy("Raise the function's timeout to 15 minutes", timeout=900),
        remedy("Set a batching window of 5 minutes", maximum_batching_window=300),
    ),
    goal=lambda s: s.age < 30,
    shows="age of the oldest record when its batch began: {age:,.0f} s",
    explain="With that setting no record was older than {age:.0f} s when its batch began. "
    "Several batches of one shard run at the same time then, and the records of one partition "
    "key stay in order.",
    rules=("stream_parallelization_maximum",),
    table="batches",
)
def iterator_age_grows(lab, parallelization_factor=1, maximum_batching_window=0, **settings):
    stream = lab.kinesis.create_stream("devices")
    lab.create_function("follow", duration=1, **settings)
    lab.create_event_source_mapping(
        stream, "follow", starting_position="TRIM_HORIZON", batch_size=10,
        parallelization_factor=parallelization_factor,
        maximum_batching_window=maximum_batching_window,
    )  # fmt: skip
    lab.drive(stream, ll.Every(0.025), duration=60, partition_key=lambda n: f"device {n % 97}")
    lab.run()
    taken = lab.trace.queue_events.query("action == 'received'")
    return {"age": float(taken.age_ms.max() / 1000)}


@question(
    "streams",
    lesson="05",
    text="Two functions must each process every order. Each gets a mapping of its own. Which "
    "sources give every order to both?",
    options=(
        remedy("A Kinesis data stream", kind="stream"),
        remedy("An SNS topic with one SQS queue for each function", kind="topic"),
        remedy("One SQS queue that both mappings poll", kind="queue"),
        remedy("One SQS queue that both mappings poll, with a batch size of 1", kind="queue",
               batch_size=1),
    ),
    goal=lambda s: s.billed == s.packed == 50,
    choose=2,
    shows="one function got {billed} orders, the other {packed}",
    explain="One function got {billed} of 50 orders, the other {packed}. What one consumer of a "
    "queue has dealt with is deleted for all; in a stream each reader has its own place.",
    source="dg/with-kinesis",
    table="batches",
)  # fmt: skip
def two_consumers(lab, kind, batch_size=10):
    start = {}
    if kind == "topic":
        orders = lab.sns.create_topic("orders")
        sources = [lab.sqs.create_queue(name) for name in ("to-bill", "to-pack")]
        for queue in sources:
            orders.subscribe(queue)
    elif kind == "stream":
        orders, start = lab.kinesis.create_stream("orders"), {"starting_position": "TRIM_HORIZON"}
        sources = [orders, orders]
    else:
        orders = lab.sqs.create_queue("orders")
        sources = [orders, orders]
    for name, source in zip(("bill", "pack"), sources, strict=True):
        lab.create_function(name, duration=0.1)
        lab.create_event_source_mapping(source, name, batch_size=batch_size, **start)
    lab.drive(orders, ll.Every(0.1), count=50, payload=lambda n: {"order": n})
    lab.run()
    got = lab.trace.batches.groupby("mapping", observed=True).records.sum()
    billed, packed = (int(got[got.index.str.endswith(name)].sum()) for name in ("bill", "pack"))
    return {"billed": billed, "packed": packed}


@question(
    "streams",
    lesson="05",
    text="A thousand records lie in a Kinesis stream. A mapping to a function is made now, and "
    "it must process these, too. How should it be made?",
    options=(
        remedy("With the starting position `TRIM_HORIZON`", starting_position="TRIM_HORIZON"),
        remedy("With the starting position `LATEST`", starting_position="LATEST"),
        remedy("Without a starting position: the default is the oldest record"),
        remedy("With `LATEST` and a batch size of 10,000", starting_position="LATEST",
               batch_size=10_000),
    ),
    goal=lambda s: s.records == 1000,
    shows="{told}",
    explain="{told}. `LATEST` begins with what comes from now on. A stream's mapping has no "
    "default place to begin at, as a queue's needs none.",
    source="botocore CreateEventSourceMapping",
    table="batches",
)  # fmt: skip
def records_before_the_mapping(lab, **settings):
    stream = lab.kinesis.create_stream("clicks", shard_count=2)
    for _ in range(2):
        stream.put_records([("click", str(n)) for n in range(500)])
    lab.run()
    lab.create_function("count", duration=0.1)
    try:
        lab.create_event_source_mapping(stream, "count", **settings)
    except ll.LabError:
        return {"records": 0, "told": "Refused"}
    lab.run()
    records = int(lab.trace.batches.records.sum())
    return {"records": records, "told": f"{records:,} of the old records reached the function"}


@question(
    "streams",
    lesson="05",
    text="A function behind a DynamoDB stream must write an audit line with an item as it was "
    "and as it is. What should `StreamViewType` be?",
    options=(
        remedy("`NEW_AND_OLD_IMAGES`", stream_view_type="NEW_AND_OLD_IMAGES"),
        remedy("`NEW_IMAGE`", stream_view_type="NEW_IMAGE"),
        remedy("`OLD_IMAGE`", stream_view_type="OLD_IMAGE"),
        remedy("`KEYS_ONLY`", stream_view_type="KEYS_ONLY"),
    ),
    goal=lambda s: {"NewImage", "OldImage"} <= set(s.images),
    shows="the record of the change has {told}",
    explain="The record of the change has {told}. The function is invoked with records that say "
    "what has changed; what they hold is decided at the table.",
    source="ddg/Streams",
    table="batches",
)
def audit_of_a_table(lab, stream_view_type):
    seen = []

    @lab.function
    def audit(event, context):
        seen.extend(record["dynamodb"] for record in event["Records"])

    prices = lab.dynamodb.create_table("prices", stream_view_type=stream_view_type)
    lab.create_event_source_mapping(prices, audit, starting_position="TRIM_HORIZON")
    prices.put_item({"id": "bell", "price": 9})
    prices.put_item({"id": "bell", "price": 12})
    lab.run(until=60)
    images = sorted(key for key in seen[-1] if key in ("Keys", "NewImage", "OldImage"))
    return {"images": images, "told": ", ".join(images)}

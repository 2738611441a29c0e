"""What the lessons about event source mappings show, with the numbers worked out by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import lambdalab as ll
from lambdalab import plots
from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.rules import RULES
from lambdalab.sources.mappings.limits import limits

REPORT = ["ReportBatchItemFailures"]
KB = 1024
SIX_MB = 6 * KB * KB
BODY = 100 * KB
AROUND, BETWEEN = len('{"Records": []}'), len(", ")


def length(value: object) -> int:
    """Bytes of a value as JSON, as Python writes it."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def reading(lab: ll.Lab) -> list[Any]:
    """A function ``read``; the events that it gets."""
    events: list[Any] = []

    def read(event: Any, context: object) -> None:
        events.append(event)

    lab.function(timeout=60)(read)
    return events


def check_six_mb(lab: ll.Lab, events: list[Any]) -> list[int]:
    """Each size is the event's; a batch closed for its size had no room for the next record."""
    batches = lab.trace.batches
    assert batches["size_bytes"].tolist() == [length(event) for event in events]
    assert set(batches["cause"][:-1]) == {"payload_size"}
    assert batches["cause"].iloc[-1] == "batching_window"
    for size, following in zip(batches["size_bytes"], events[1:], strict=False):
        assert size <= SIX_MB < size + BETWEEN + length(following["Records"][0])
    sizes: list[int] = batches["records"].tolist()
    return sizes


# ---- 1: the document's sum ---------------------------------------------------------------------

WIDE = {"batch_size": 10_000, "maximum_batching_window": 300}


def scans(lab: ll.Lab, body: str) -> list[Any]:
    """200 messages at once, and the events that were made of them."""
    queue = lab.sqs.create_queue("scans", visibility_timeout=360)
    events = reading(lab)
    lab.create_event_source_mapping(queue, "read", **WIDE)
    lab.drive(queue, ll.Burst(200), payload=body)
    lab.run()
    return events


def test_a_queue_sends_61_records_of_100_kb_beside_the_documents_60(lab: ll.Lab) -> None:
    assert 6_000 // 100 == 60, "the document divides 6 MB by 100 KB"
    events = scans(lab, "x" * BODY)
    assert check_six_mb(lab, events) == [61, 61, 61, 17]
    # 6 MiB by 102,400 bytes are 61.44; the other fields of a record leave room for 61
    record = length(events[0]["Records"][0])
    assert 400 < record - BODY < 600
    assert (SIX_MB - AROUND + BETWEEN) // (record + BETWEEN) == 61
    assert not lab.trace.batches["filtered"].any()


def test_60_where_the_text_of_a_body_grows_as_json(lab: ll.Lab) -> None:
    # 61 records may have SIX_MB / 61 = 103,138 bytes each: 738 more than their bodies, of which the
    # other fields take about 490; 300 backslashes before quotation marks are too much
    assert check_six_mb(lab, scans(lab, '"' * 300 + "x" * (BODY - 300))) == [60, 60, 60, 20]


def test_kinesis_sends_45_because_of_base64(lab: ll.Lab) -> None:
    stream = lab.kinesis.create_stream("scans")
    events = reading(lab)
    lab.create_event_source_mapping(stream, "read", starting_position="LATEST", **WIDE)
    lab.drive(stream, ll.Every(0.15), count=100, payload="x" * BODY)  # a shard takes 1 MB/s
    lab.run()
    assert check_six_mb(lab, events) == [45, 45, 10]
    data = events[0]["Records"][0]["kinesis"]["data"]
    assert len(data) == 4 * -(-BODY // 3) == 136_536
    assert SIX_MB // len(data) == 46, "the other fields make it 45"


def test_the_picture_of_batches_shows_it(lab: ll.Lab) -> None:
    scans(lab, "x" * BODY)
    ax = plots.batching(lab.trace)
    assert "3 at the size limit" in ax.get_title(loc="left")
    written = [text.get_text() for text in ax.texts]
    assert [text for text in written if text.endswith("MB)")] == [
        "b1 · 61 (5.99 MB)", "b2 · 61 (5.99 MB)", "b3 · 61 (5.99 MB)", "b4 · 17 (1.67 MB)",
    ]  # fmt: skip
    assert "payload_size: 6 MB" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_table_of_sizes_and_windows_for_each_source(lab: ll.Lab) -> None:
    assert [row[:5] for row in limits(lab.rules)] == [
        ("SQS, standard queue", 10, 10_000, 0, 300),
        ("SQS, FIFO queue", 10, 10, 0, 0),
        ("Kinesis stream", 100, 10_000, 0, 300),
        ("DynamoDB stream", 100, 10_000, 0, 300),
        ("Amazon MSK, Apache Kafka", 100, 10_000, 0.5, 300),
        ("Amazon MQ", 100, 10_000, 0.5, 300),
        ("Amazon DocumentDB", 100, 10_000, 0.5, 300),
    ]


Make = Callable[[ll.Lab], Any]
SOURCES: list[tuple[int, Make, dict[str, Any]]] = [
    (0, lambda lab: lab.sqs.create_queue("source"), {}),
    (1, lambda lab: lab.sqs.create_queue("source.fifo"), {}),
    (2, lambda lab: lab.kinesis.create_stream("source"), {"starting_position": "LATEST"}),
    (
        3,
        lambda lab: lab.dynamodb.create_table(
            "source", partition_key="id", stream_view_type="KEYS_ONLY"
        ),
        {"starting_position": "LATEST"},
    ),
]


@pytest.mark.parametrize(("place", "make", "needed"), SOURCES)
def test_mappings_keep_to_that_table(
    lab: ll.Lab, place: int, make: Make, needed: dict[str, Any]
) -> None:
    row, source = limits(lab.rules)[place], make(lab)
    lab.create_function("bill", duration=1)
    mapping = lab.create_event_source_mapping(source, "bill", **needed)
    assert mapping.settings.batch_size == row.batch_size_default
    assert mapping.settings.maximum_batching_window == row.window_default
    mapping.update(
        batch_size=row.batch_size_maximum, maximum_batching_window=row.window_maximum or None
    )
    refused = (InvalidSetting, InvalidParameterValueException)
    with pytest.raises(refused):
        mapping.update(batch_size=row.batch_size_maximum + 1)
    with pytest.raises(refused):
        mapping.update(maximum_batching_window=row.window_maximum + 1)
    assert mapping.settings.batch_size == row.batch_size_maximum


# ---- 2: pollers and windows --------------------------------------------------------------------


def hundred(pollers: int, arrivals: Any) -> list[tuple[int, int, str]]:
    """Poller, records and cause of each batch of 100 messages; the function takes 40 s."""
    quotas = {"mapping_pollers_start": pollers, "mapping_pollers_maximum": pollers}
    lab = ll.Lab(seed=7, quotas=quotas)
    orders = lab.sqs.create_queue("orders", visibility_timeout=360)
    lab.create_function("bill", duration=40, timeout=60)
    lab.create_event_source_mapping(orders, "bill", batch_size=100, maximum_batching_window=120)
    lab.drive(orders, arrivals, count=100)
    lab.run()
    batches = lab.trace.batches
    rows = zip(batches["poller"], batches["records"], batches["cause"], strict=True)
    return [(int(poller), int(records), str(cause)) for poller, records, cause in rows]


def test_one_poller_and_five() -> None:
    window = "batching_window"
    # a message every 3 s: 0 to 117 in the first window (40); the run lasts to 160, the next window
    # from there to 280: 120 to 279 (54); the rest, 282 to 297 (6), waits for the third
    assert hundred(1, ll.Every(3)) == [(1, 40, window), (1, 54, window), (1, 6, window)]
    # the second poller goes on at 120, to 240 (40). At 240 the first is idle; its window has run
    # since 160, to 280: 240 to 279 (14). The second's began at 280 (6)
    assert hundred(5, ll.Every(3)) == [
        (1, 40, window), (2, 40, window), (1, 14, window), (2, 6, window),
    ]  # fmt: skip


def test_all_at_once_are_one_batch_whoever_fills_it() -> None:
    assert hundred(1, ll.Burst(100)) == hundred(5, ll.Burst(100)) == [(1, 100, "batch_size")]


@pytest.mark.parametrize(
    ("long_poll", "waited", "cause"), [(0, 5, "batching_window"), (20, 20, "long_poll")]
)
def test_a_quiet_queue_with_and_without_long_polling(
    long_poll: int, waited: int, cause: str
) -> None:
    lab = ll.Lab(seed=7, quotas={"mapping_long_poll": long_poll})
    orders = lab.sqs.create_queue("orders", visibility_timeout=60)
    lab.create_function("bill", duration=1)
    lab.create_event_source_mapping(orders, "bill", batch_size=100, maximum_batching_window=5)
    lab.drive(orders, ll.Every(60), count=5)
    lab.run()
    batches = lab.trace.short.batches
    assert batches["gathering_s"].tolist() == [waited] * 5
    assert batches["t_s"].tolist() == [waited + 60 * n for n in range(5)]
    assert batches["cause"].tolist() == [cause] * 5
    assert batches["records"].tolist() == [1] * 5


# ---- 3: the trap -------------------------------------------------------------------------------


def trap(maximum_concurrency: int | None = None, timeout: int = 30, **quotas: Any) -> ll.Lab:
    """2,000 messages, ten a batch, and a function of which two can run, 25 s each."""
    lab = ll.Lab(seed=7, quotas=quotas)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=3
    )
    lab.create_function("bill", duration=25, timeout=timeout, reserved_concurrency=2)
    lab.create_event_source_mapping(
        orders, "bill", batch_size=10, maximum_concurrency=maximum_concurrency
    )
    for first in range(0, 2_000, 10):
        orders.send_batch(range(first, first + 10))
    lab.run()
    return lab


@pytest.mark.parametrize("pollers", [5, 3, 1])
def test_how_many_healthy_messages_die_is_a_matter_of_one_rule(pollers: int) -> None:
    lab = trap(mapping_pollers_throttled=pollers)
    dead = lab.sqs["dead"].depth
    # in 150 s two places do 12 batches, and each poller too many lets go of 5: three times in a row
    lets_go = 5 * max(pollers - 2, 0)
    foretold = 2_000 * (lets_go / (12 + lets_go)) ** 3
    assert dead == {5: 340, 3: 50, 1: 0}[pollers]
    assert abs(dead - foretold) <= 10, "a batch more or less"
    assert set(lab.trace.attempts["outcome"]) == {"success"}, "they were healthy"
    assert lab.sqs["orders"].depth == 0
    assert RULES["mapping_pollers_throttled"].source == "choice"


def test_none_dies_where_the_mapping_keeps_to_two() -> None:
    lab = trap(maximum_concurrency=2)
    assert lab.sqs["dead"].depth == 0
    assert lab.trace.invocations["status"].tolist() == ["succeeded"] * 200
    events = lab.trace.queue_events
    assert (events["action"] == "received").sum() == 2_000, "each once"
    assert 2_500 < lab.elapsed < 2_501, "100 times 25 s, and a cold start"


def test_nothing_of_it_is_hidden() -> None:
    lab = trap()
    events = lab.trace.queue_events
    orders = events[events["queue"] == "orders"]
    letters = orders.loc[orders["action"] == "dead_lettered", "event_id"]
    for _, life in orders[orders["event_id"].isin(letters)].groupby("event_id"):
        assert life["action"].tolist() == ["sent", *["received", "returned"] * 3, "dead_lettered"]
        returned = life[life["action"] == "returned"]
        assert returned["cause"].tolist() == ["throttled_reserved"] * 3
        assert returned["receive_count"].tolist() == [1, 2, 3]
    counts = lab.trace.batches["outcome"].value_counts()
    assert counts["success"] * 10 + len(letters) == 2_000
    assert counts["throttled"] * 10 == (orders["action"] == "returned").sum()
    assert "340 dead letters, all though no run failed" in plots.receives(lab.trace).get_title(
        loc="left"
    )


def test_a_function_timeout_over_the_visibility_timeout_is_refused() -> None:
    with pytest.raises(
        InvalidParameterValueException,
        match="Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds",
    ):
        trap(timeout=31)


def test_redriven_messages_are_dealt_with_once_the_cause_is_mended() -> None:
    lab = trap()
    (mapping,) = lab.list_event_source_mappings("orders")
    mapping.update(maximum_concurrency=2)
    task = lab.sqs["dead"].start_message_move_task()
    lab.run()
    assert task.moved == 340
    assert lab.sqs["dead"].depth == lab.sqs["orders"].depth == 0
    events = lab.trace.queue_events
    assert (events["cause"] == "batch_succeeded").sum() == 2_000


# ---- 4: one poisoned record --------------------------------------------------------------------

POISON = 437  # the 38th record of the fifth batch


def poisoned(report: bool = False, **settings: Any) -> ll.Lab:
    """1,000 records in a shard, 100 a batch, a second each; the batch with the poison fails."""
    lab = ll.Lab(seed=7)
    stream = lab.kinesis.create_stream("clicks")
    for first in (0, 500):
        stream.put_records([(number, "k") for number in range(first, first + 500)])
    poison = stream.records[POISON].sequence_number
    settings["function_response_types"] = REPORT if report else None

    @lab.function
    def count(event: Any, context: object) -> Any:
        time.sleep(1)
        if poison in [record["kinesis"]["sequenceNumber"] for record in event["Records"]]:
            if report:
                return {"batchItemFailures": [{"itemIdentifier": poison}]}
            raise ValueError("not a click")
        return None

    lab.create_event_source_mapping(stream, count, starting_position="TRIM_HORIZON", **settings)
    lab.run()
    return lab


def waits(longest: float) -> list[float]:
    """When the fifth batch is tried, in seconds after its first try: a run takes one, and the wait
    after it doubles from 0.25 s to 60 s."""
    at, wait, tries = 0.0, 0.25, []
    while at < longest:
        tries.append(at)
        at += 1 + wait
        wait = min(2 * wait, 60)
    return tries


def shown(lab: ll.Lab) -> tuple[int, int, float]:
    """Invocations, healthy records lost, and how long the last of the others took to its end.

    The cold start of the first invocation is taken off.
    """
    events = lab.trace.queue_events
    events = events[events["queue"] == "clicks->count (records)"]
    ends = events[events["action"].isin(["deleted", "dropped", "expired"])]
    assert len(ends) == 1_000
    lost = (ends["action"] != "deleted").sum() - 1
    cold = lab.trace.batches["completed_at"].iloc[0] - lab.trace.batches["flushed_at"].iloc[0]
    others = ends["age_ms"].max() / 1_000 - (cold.total_seconds() - 1)
    return len(lab.trace.invocations), int(lost), others


def test_without_poison_it_takes_ten_invocations() -> None:
    lab = ll.Lab(seed=7)
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=1)
    lab.create_event_source_mapping(stream, "count", starting_position="TRIM_HORIZON")
    for first in (0, 500):
        stream.put_records([(number, "k") for number in range(first, first + 500)])
    lab.run()
    invocations, _, waited = shown(lab)
    assert invocations == 10
    assert waited == pytest.approx(10)


def test_retried_until_it_expires_it_blocks_the_shard_for_a_day() -> None:
    lab = poisoned()
    day = 86_400.0
    tries = len(waits(day - 4))  # the fifth batch begins after 4 s
    assert tries == 1_424
    invocations, lost, others = shown(lab)
    assert invocations == 4 + tries
    assert lost == 599, "all that came with it have expired too"
    assert day < others < day + 60
    events = lab.trace.queue_events
    assert set(events["cause"][events["action"] == "expired"]) == {"retention"}


def test_its_back_off_curve_is_a_named_setting() -> None:
    for rule, value in (("first", 0.25), ("maximum", 60)):
        found = RULES[f"stream_retry_backoff_{rule}"]
        assert found.source == "choice"
        assert getattr(ll.Rules.as_of("2025-01-07"), found.name) == value
    planned = poisoned(maximum_retry_attempts=9).trace.batches
    starts = planned.loc[planned["outcome"] == "failure", "flushed_at"]
    assert (starts - starts.iloc[0]).dt.total_seconds().tolist() == waits(200)[:10]


def test_two_attempts() -> None:
    # nine healthy batches and twice the fifth, with a wait of 0.25 s between
    invocations, lost, others = shown(poisoned(maximum_retry_attempts=1))
    assert (invocations, lost) == (11, 99)
    assert others == pytest.approx(11.25)


def test_bisected() -> None:
    lab = poisoned(maximum_retry_attempts=1, bisect_batch_on_function_error=True)
    invocations, lost, others = shown(lab)
    fifth = lab.trace.batches.iloc[4:-5]
    found = list(zip(fifth["records"], fifth["outcome"], strict=True))
    assert found == [
        (100, "failure"), (50, "failure"), (25, "success"), (25, "failure"),  # 425 to 449
        (13, "failure"), (7, "success"), (6, "failure"),  # 432 to 437
        (3, "success"), (3, "failure"), (2, "success"), (1, "failure"), (1, "failure"),
        (12, "success"), (50, "success"),
    ]  # fmt: skip
    assert (invocations, lost) == (9 + 14, 0)
    failures = 8
    before_a_new_try = 0.25 * (failures - 1)  # none after the last: it is given up
    assert others == pytest.approx(23 + before_a_new_try)


def test_reported() -> None:
    lab = poisoned(maximum_retry_attempts=1, report=True)
    invocations, lost, others = shown(lab)
    fifth = lab.trace.batches.iloc[4:-5]
    # what comes before it is done; it and what comes after have two attempts of their own
    assert fifth["records"].tolist() == [100, 63, 63]
    assert (invocations, lost) == (9 + 3, 62)
    assert others == pytest.approx(12 + 2 * 0.25)


def test_no_older_than_a_minute() -> None:
    lab = poisoned(maximum_record_age=60)
    tries = len(waits(60 - 4))
    assert tries == 8  # after 0, 1.25, 2.75, 4.75, 7.75, 12.75, 21.75 and 38.75 s; next is 71.75
    assert shown(lab)[:2] == (4 + tries, 599)


def test_a_note_tells_what_was_given_up() -> None:
    lab = ll.Lab(seed=7)
    lab.sqs.create_queue("given-up")
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=1, failure_rate=1.0)
    lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=1,
        on_failure="given-up",
    )  # fmt: skip
    stream.put_record("poison", "k")
    lab.run()
    (message,) = lab.sqs["given-up"].messages
    assert message.body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message.body["requestContext"]["approximateInvokeCount"] == 2
    info = message.body["KinesisBatchInfo"]
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    assert info["batchSize"] == 1


# ---- 4: the third message of a group -----------------------------------------------------------

Answer = Callable[[list[Any], int], Any]


def failures(records: list[Any]) -> dict[str, Any]:
    """The answer that names these records."""
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}


def raises(records: list[Any], place: int) -> Any:
    """No answer."""
    raise ValueError("the third")


ENDS = ["deleted", "dead_lettered"]


@pytest.mark.parametrize(
    ("answer", "batches", "dead"),
    [
        (raises, [5, 5, 5], [1, 2, 3, 4, 5]),
        (lambda records, place: failures(records[place : place + 1]), [5, 1, 1], [3]),
        (lambda records, place: failures(records[place:]), [5, 3, 3], [3, 4, 5]),
    ],
    ids=["an exception", "names 3", "names 3 to 5"],
)
def test_the_third_message_of_a_group_fails(
    lab: ll.Lab, answer: Answer, batches: list[int], dead: list[int]
) -> None:
    queue = lab.sqs.create_queue(
        "bookings.fifo", dead_letter_queue="dead.fifo", max_receive_count=3,
        content_based_deduplication=True,
    )  # fmt: skip

    @lab.function
    def book(event: Any, context: object) -> Any:
        bodies = [record["body"] for record in event["Records"]]
        return answer(event["Records"], bodies.index("3")) if "3" in bodies else None

    lab.create_event_source_mapping(
        queue, book, batch_size=5, function_response_types=None if answer is raises else REPORT
    )
    for number in range(1, 6):
        queue.send(str(number), message_group_id="anna")
    for number in (6, 7):
        queue.send(str(number), message_group_id="ben")
    lab.run()
    table = lab.trace.batches
    assert table.loc[table["outcome"] != "success", "records"].tolist() == batches
    assert table.loc[table["outcome"] == "success", "records"].tolist() == [2], "Ben waits for none"
    letters = [int(message.body) for message in lab.sqs["dead.fifo"].messages]
    assert letters == dead
    events = lab.trace.queue_events
    ends = events[(events["queue"] == "bookings.fifo") & events["action"].isin(ENDS)]
    gone = ends.loc[ends["action"] == "deleted", "event_id"]
    assert len(gone) + len(letters) == 7
    assert len(gone.unique()) == len(gone)

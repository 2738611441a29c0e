import pytest

import lambdalab as ll
from lambdalab.errors import UnknownName
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.schema import AttemptOutcome, Cause, InvocationStatus, ParentKind
from lambdalab.trace.words import duration
from tests.trace.histories import World
from tests.trace.mapped import poisoned, trap


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace(World(3, calls=20, events=20, messages=20, failures=0.6).run())


def sentences(trace: Trace, id: str) -> str:
    return "\n".join(sentence for _, sentence in trace.story(id).lines)


def short_of(trace: Trace, where: str, column: str = "request") -> str:
    view = trace.short.invocations
    return str(view[view.cause == where][column].iloc[0])


def test_an_event_that_failed_for_good(trace: Trace) -> None:
    told = sentences(trace, short_of(trace, "retries_exhausted")).split("\n")
    expected = [
        "client invokes bill asynchronously with 10 bytes",
        "accepted (202) and queued in 'bill (events)'",
        "attempt 1 runs in e",
        "attempt 1 fails after",
        "waits 60 s for its next try (function_error",
        "attempt 2 runs in e",
        "attempt 2 fails after",
        "waits 120 s for its next try (function_error",
        "attempt 3 runs in e",
        "attempt 3 fails after",
        "is sent to the dead-letter queue (retries_exhausted",
        "over: failed after",
    ]
    told = [line for line in told if "finds no concurrency" not in line]
    assert len(told) == len(expected)
    for line, beginning in zip(told, expected, strict=True):
        assert line.startswith(beginning)
    assert "KeyError: 'stock'" in told[3]


def test_a_throttled_caller(trace: Trace) -> None:
    told = sentences(trace, short_of(trace, "throttled_account"))
    assert "answered with 429" in told
    assert "attempt" not in told


def test_a_message_with_all_its_receives(trace: Trace) -> None:
    events = trace.short.queue_events
    event = events[events.cause == "max_receive_count"].event.iloc[0]
    story = trace.story(event)
    assert story.title == f"{event}: a message in orders, letters, received 2 times"
    told = sentences(trace, event)
    for part in ("sent to 'orders'", "time 1", "time 2", "visible again in 'orders'",
                 "leaves 'orders' for its dead-letter queue", "sent to 'letters'"):  # fmt: skip
        assert part in told


def test_a_batch_and_its_invocation(trace: Trace) -> None:
    story = trace.story("b1")
    told = sentences(trace, "b1")
    assert "of orders->ship" in story.title
    assert "no_window" in told
    assert "invokes ship as r" in told
    assert "b1 is over" in told


def test_an_environment_tells_what_it_ran(trace: Trace) -> None:
    story = trace.story("e1")
    assert "an environment of " in story.title
    assert "runs attempt 1 of r" in sentences(trace, "e1")


def test_an_attempt_tells_of_its_request(trace: Trace) -> None:
    request = trace.short.attempts.request[0]
    assert repr(trace.story("a1")) == repr(trace.story(request))


def test_both_forms_of_an_id_tell_the_same(trace: Trace) -> None:
    assert repr(trace.story(trace.invocations.request_id[1])) == repr(trace.story("r2"))


def test_every_story_can_be_told_and_runs_forward(trace: Trace) -> None:
    for letter, count in (
        ("r", len(trace.invocations)), ("b", len(trace.batches)), ("e", len(trace.environments)),
        ("a", len(trace.attempts)), ("m", 20),
    ):  # fmt: skip
        for number in range(1, count + 1):
            lines = trace.story(f"{letter}{number}").lines
            assert [at for at, _ in lines] == sorted(at for at, _ in lines)


def test_what_is_in_flight_has_a_story_without_an_end() -> None:
    trace = Trace(World(3, until=3_000_000).run())
    for number in range(1, len(trace.invocations) + 1):
        assert trace.story(f"r{number}").lines


def test_a_parent_is_named_and_so_is_what_it_calls() -> None:
    books = Recorder()
    bill, ship = books.name("bill"), books.name("ship")
    books.invocation(bill, 0, 0, bill, 0, 0, 0, 2)
    books.invocation(ship, 0, 0, bill, 1, 1, 5, 2)
    trace = Trace(books)
    assert "calls ship as r2" in sentences(trace, "r1")
    assert "bill (r1) invokes ship" in sentences(trace, "r2")


def test_causes_come_before_effects_within_a_microsecond() -> None:
    books = Recorder()
    bill, ship = books.name("bill"), books.name("ship")
    home = books.environment(bill, 0, 0)
    books.invocation(bill, 0, 0, bill, 0, 0, 0, 2)
    row = books.attempt(1, 1, home, 0, 0, 0, True, 128, Cause.CALLED)
    waiting = [sentence for _, sentence in Trace(books).story("e1").lines]
    assert waiting == ["it begins to be made", "attempt 1 of r1 waits for it"]
    books.environment_ready(home, 500, 200)
    assert "runs attempt 1 of r1" in Trace(books).story("e1").lines[-1]
    books.invocation(ship, 0, 1, bill, ParentKind.REQUEST, 1, 500, 2)
    books.attempt_done(row, 500, 300, 200, 0, 1, 40, AttemptOutcome.SUCCESS, 1)
    books.invocation_done(
        1, 500, InvocationStatus.SUCCEEDED, 200, 0, 1, 4, Cause.COMPLETED, 0, 0, 0
    )
    trace = Trace(books)
    told = [
        sentence.split(" in ")[0].split(" after ")[0] for _, sentence in trace.story("r1").lines
    ]
    assert told == [
        "bill invokes bill with 2 bytes",
        "attempt 1 runs",
        "calls ship as r2",
        "attempt 1 succeeds",
        "answered with 200",
    ]
    assert trace.story("e1").lines == [
        (0.0, "it begins to be made"),
        (0.001, "ready after an initialisation of 0.2 ms"),
        (0.001, "runs attempt 1 of r1"),
        (0.001, "attempt 1 of r1 is over: success (the handler returned)"),
    ]


def test_an_unknown_id_is_told_what_there_is(trace: Trace) -> None:
    count = len(trace.invocations)
    for story, text in (
        (trace.story, f"there is no request 'r9999' in this trace; it has r1 to r{count}"),
        (Trace(Recorder()).story, "there is no request 'r9999' in this trace; it has none"),
    ):
        with pytest.raises(UnknownName) as caught:
            story("r9999")
        assert str(caught.value) == text
    with pytest.raises(
        UnknownName, match=r"^'zzz' is no id: an id is r2, e1, b3, m12 or a5, or in "
    ):
        trace.story("zzz")


@pytest.mark.parametrize("id", ["r9999", "b9999", "m9999", "e9999", "a9999", "nonsense"])
def test_unknown_ids_are_refused(trace: Trace, id: str) -> None:
    with pytest.raises(UnknownName):
        trace.story(id)
    with pytest.raises(UnknownName):
        Trace(Recorder()).story(id)


def test_a_story_is_numbered_text_and_a_list(trace: Trace) -> None:
    story = trace.story("r1")
    assert repr(story).split("\n")[1].startswith("  1. ")
    assert story._repr_html_().count("<li>") == len(story.lines)


@pytest.mark.parametrize(
    ("us", "text"),
    [(0, "0 ms"), (12_345, "12.3 ms"), (2_000_000, "2 s"), (66_234_000, "66.2 s"),
     (300_000_000, "300 s"), (7_500_000_000, "2 h 5 min"), (1_800_000_000, "30 min")],
)  # fmt: skip
def test_durations_for_people(us: int, text: str) -> None:
    assert duration(us) == text


def test_a_long_error_is_cut(lab: ll.Lab) -> None:
    @lab.function
    def shout(event: object, context: object) -> None:
        raise ValueError("a" * 100_000)

    reply = lab.invoke(shout)
    assert len(str(lab.trace.story(reply.request))) < 2_000


@pytest.fixture(scope="module")
def bisected() -> Trace:
    return poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)


def test_a_record_of_a_stream(bisected: Trace) -> None:
    story = bisected.story("m138")
    assert story.title == "m138: a record of clicks, in a batch 8 times"
    told = [sentence for _, sentence in story.lines]
    expected = ["put into 'clicks'", "read for clicks->count, 400 ms old",
                "goes to the function in b4, time 1", "b4 is over: failure",
                "is to be tried again after b4"]  # fmt: skip
    for line, beginning in zip(told, expected, strict=False):
        assert line.startswith(beginning)
    assert told[-1].startswith("given up in b15")
    assert "retries_exhausted" in told[-1]


def test_what_came_of_a_batch_of_a_stream(bisected: Trace) -> None:
    story = bisected.story("b4")
    assert story.title == "b4: 50 records of clicks->count (shard 0, lane 1)"
    told = "\n".join(sentence for _, sentence in story.lines)
    assert "its first record joins, from clicks" in told
    assert "b5 follows, with 25 records\nb6 follows, with 25 records" in told
    assert "with 13 batches in all, its lane goes on" in told
    assert "a half of b4, which failed with 50 records" in sentences(bisected, "b5")
    assert "the records of b14 are tried again" in sentences(bisected, "b15")


def test_a_message_that_dies_though_nothing_failed() -> None:
    trace = trap()
    events = trace.short.queue_events
    event = events[events.action == "dead_lettered"].event.iloc[0]
    told = [sentence for _, sentence in trace.story(event).lines]
    assert sum(line.startswith("goes to the function in b") for line in told) == 3
    assert sum("is over: throttled" in line for line in told) == 3
    assert sum("(throttled_reserved: " in line for line in told) == 3
    assert "leaves 'orders' for its dead-letter queue" in told[-2]
    assert not any("records failed" in line for line in told), "none did"


def test_many_refusals_of_a_batch_are_told_once() -> None:
    trace = trap(mapping_throttle_backoff_maximum=1)
    batch = trace.short.batches.query("outcome == 'throttled'").batch.iloc[0]
    told = trace.story(batch).lines
    assert trace.batches.invocations.max() > 10
    assert sum("invokes bill" in line for _, line in told) == 2
    assert any("; so are " in line and line.endswith(" more") for _, line in told)


def test_a_chain_that_is_not_over_does_not_let_its_lane_go_on() -> None:
    assert "its lane goes on" not in sentences(poisoned(until=60), "b4")


def test_a_message_of_a_group(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders.fifo", fifo=True)
    lab.create_function("bill", duration=0.5, init=0)
    lab.create_event_source_mapping(orders, "bill", batch_size=1)
    for number in range(3):
        orders.send(str(number), message_group_id="ann", message_deduplication_id=str(number))
    orders.send("0", message_group_id="ann", message_deduplication_id="0")
    lab.run()
    assert lab.trace.story("m2").title == (
        "m2: a message of group 'ann' in orders.fifo, received once"
    )
    told = sentences(lab.trace, "m2")
    assert "goes to the function in b2" in told
    assert "batch_succeeded" in told
    assert "dropped from 'orders.fifo' (deduplicated: " in sentences(lab.trace, "m4")

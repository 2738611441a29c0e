"""The order service: the story the tour tells, told by its books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lambdalab.errors import LabError
from lambdalab.examples import orders
from lambdalab.examples.orders import sdk, story
from lambdalab.lab import Lab

DIGEST = "e99bc5873014f1f486c7e5c97571cbd66eb67a9233762bcf8b8d058435c93710"
"""The books of the tour's first lab under seed 7: on every Python, numpy and time zone."""

PUT, FAILING, SECOND_PUT = "r4", "r10", "r12"


@pytest.fixture(scope="module")
def day() -> Iterator[Lab]:
    """The tour's lab. What a test of the module adds to the books would show in the others."""
    lab = story.tour_lab(7)
    yield lab
    lab.audit()
    lab.close()


def row(lab: Lab, request: str) -> pd.Series[Any]:
    """One invocation, by its short id."""
    return lab.trace.invocations.iloc[int(request[1:]) - 1]


# ---- the data


def test_five_hundred_orders_and_five_of_them_ask_for_an_old_name() -> None:
    book = orders.load()
    assert len(book) == 500
    assert len({order["id"] for order in book}) == 500
    old = [o["id"] for o in book if any(i["article"] == "velo-lamp" for i in o["items"])]
    assert old == ["A1017", "A1138", "A1251", "A1366", "A1474"]
    assert all(order["total_cents"] > 0 for order in book)


@pytest.mark.parametrize(
    "name", ["get_order", "put_order", "notify_customer", "bill_orders", "reprocess"]
)
def test_handlers_are_short_and_know_nothing_of_the_lab(name: str) -> None:
    text = orders.source(name)
    assert "def handler(event, context):" in text
    assert len(text.splitlines()) < 30
    assert "lambdalab" not in text


def test_the_totals_are_those_of_the_catalogue(lab: Lab) -> None:
    """Every order but the five is put, at the price it was ordered for."""
    service = orders.build(lab)
    for order in orders.load()[10:20]:
        reply = lab.invoke(service.put_order, order)
        if order["id"] == "A1017":
            assert reply.function_error == "Unhandled"
            assert reply.payload["errorType"] == "UnknownArticle"
        else:
            assert reply.payload == {"id": order["id"], "total_cents": order["total_cents"]}


# ---- the day


def test_the_synchronous_client_waits_for_cold_start_and_handler(day: Lab) -> None:
    first, second = row(day, "r1"), row(day, "r2")
    cold = day.trace.attempts.iloc[0]
    assert first.latency_ms == cold.setup_ms + cold.init_ms + 120.0
    assert second.latency_ms == 120.0
    assert list(day.trace.attempts.cold_start[:2]) == [True, False]


def test_the_default_timeout_is_three_seconds_and_the_client_hears_of_it(day: Lab) -> None:
    report = row(day, "r3")
    assert (report.status, report.cause, report.status_code) == ("failed", "timeout", 200)
    assert (report.function_error, report.attempts) == ("Unhandled", 1)
    assert day.trace.attempts.duration_ms[2] == 3000.0


def test_the_asynchronous_client_does_not_wait(lab: Lab) -> None:
    service = orders.build(lab)
    reply = lab.invoke(service.put_order, orders.load()[story.GOOD], invocation_type="Event")
    assert (reply.status_code, reply.payload, reply.latency_ms) == (202, None, 0.0)
    assert lab.elapsed == 0


def test_the_worker_tells_the_customer_when_the_order_is_done(day: Lab) -> None:
    told, put = row(day, "r5"), row(day, PUT)
    assert (told.function, told.invocation_type) == ("notify_customer", "Event")
    assert told.parent_id == put.request_id
    assert told.requested_at == put.completed_at
    log = day.trace.logs
    mails = log[(log.function == "notify_customer") & log.message.str.startswith("mail")].message
    assert list(mails) == [
        "mail to rosa65@example.com: your order A1004 is on its way",
        "mail to quentin86@example.com: your order A1017 is on its way",
    ]


def test_only_the_small_payload_goes_both_ways(day: Lab) -> None:
    archive = day.trace.invocations.query("function == 'archive'")
    assert list(archive.status) == ["succeeded", "refused", "refused", "refused"]
    assert list(archive.status_code) == [200, 413, 413, 413]


def test_the_failing_order_is_tried_three_times_with_growing_waits(day: Lab) -> None:
    failing = row(day, FAILING)
    assert (failing.status, failing.attempts, failing.cause) == ("failed", 3, "retries_exhausted")
    tries = day.trace.attempts[day.trace.attempts.request_id == failing.request_id]
    assert list(tries.error_type) == ["UnknownArticle"] * 3
    first, second = day.trace.retries.waited_ms / 1000
    assert 60 <= first <= 75
    assert 120 <= second <= 140


def test_the_dead_letter_is_the_event_unchanged() -> None:
    """The tour before its reprocessing: the order lies in the queue as the client sent it."""
    lab, order = Lab(seed=7), orders.load()[story.BAD]
    lab.create_function(
        "put_order", code=orders.handlers(lab), handler="put_order.handler",
        dead_letter_queue=orders.FAILED,
    )  # fmt: skip
    reply = lab.invoke("put_order", order, invocation_type="Event")
    lab.run()
    (letter,) = lab.sqs[orders.FAILED].messages
    assert letter.body == order
    attributes = letter.message.attributes
    assert attributes["RequestID"] == ("String", reply.request_id)
    assert attributes["ErrorMessage"] == ("String", "velo-lamp")


def test_the_dead_letter_is_reprocessed_and_the_queue_empty(day: Lab) -> None:
    assert not day.sqs[orders.FAILED].messages
    again = row(day, SECOND_PUT)
    assert (again.function, again.invocation_type) == ("put_order", "RequestResponse")
    assert (again.status, again.source) == ("succeeded", "reprocess")
    (batch,) = day.trace.batches.itertuples()
    assert (batch.outcome, batch.records) == ("success", 1)


# ---- the evening


def test_a_window_makes_fewer_and_fuller_batches() -> None:
    without, gathered = (story.evening_lab(7, window).trace.batches for window in (0, 5))
    assert without.records.sum() == gathered.records.sum()
    assert len(gathered) < len(without) / 2
    assert set(without.cause) == {"no_window", "batch_size"}
    assert set(gathered.cause) == {"batching_window", "batch_size"}
    assert without.records.max() == gathered.records.max() == 10
    full = gathered.cause == "batch_size"
    assert (gathered.records[full] == 10).all()
    assert (gathered.records[~full] < 10).all()


def test_a_window_costs_waiting() -> None:
    def oldest_s(window: int) -> float:
        events = story.evening_lab(7, window).trace.queue_events
        return float(events[events.action == "deleted"].age_ms.max()) / 1000

    assert oldest_s(0) < 2 < 5 < oldest_s(5) < 7


# ---- repeatable


def test_the_digest_is_the_stored_one(day: Lab) -> None:
    assert day.trace.digest() == DIGEST


@pytest.mark.parametrize("pace", ["advance", "step"])
def test_however_time_passes_the_books_are_the_same(pace: str) -> None:
    ends: list[float] = []
    reference = story.tour_lab(11, lambda lab: (lab.run(), ends.append(lab.elapsed)))
    left = iter(ends)

    def step(lab: Lab) -> None:
        while lab.step():
            pass

    def advance(lab: Lab) -> None:
        begin, end = round(lab.elapsed * 1e6), round(next(left) * 1e6)
        for n in range(100):
            lab.advance(((end - begin) * (n + 1) // 100 - (end - begin) * n // 100) / 1e6)

    other = story.tour_lab(11, step if pace == "step" else advance)
    assert other.trace.digest() == reference.trace.digest()


def test_another_seed_is_another_day() -> None:
    assert story.tour_lab(8).trace.digest() != DIGEST


def test_the_notebook_tells_the_same_story() -> None:
    """The digest that the tour prints is that of the labs made here."""
    tour = Path(__file__).resolve().parents[2] / "notebooks" / "00-tour.ipynb"
    cells = {cell["id"]: cell for cell in json.loads(tour.read_text(encoding="utf-8"))["cells"]}
    printed = "".join(cells["digest"]["outputs"][0]["text"])
    assert DIGEST[:12] in printed
    assert story.evening_lab(7, 5).trace.digest()[:12] in printed


# ---- the stand-in for AWS's SDK


def test_two_labs_have_a_service_each() -> None:
    labs = [Lab(seed=1), Lab(seed=2)]
    services = [orders.build(lab) for lab in labs]
    for lab, service in zip(labs, services, strict=True):
        lab.invoke(service.put_order, orders.load()[0])
        lab.run()
        assert list(lab.trace.invocations.function) == ["put_order", "notify_customer"]


def test_outside_a_lab_it_says_what_to_do() -> None:
    with pytest.raises(LabError, match="no lab is running"):
        sdk.client("lambda").invoke(FunctionName="get_order")


def test_other_services_are_not_there() -> None:
    with pytest.raises(LabError, match="'s3'"):
        sdk.client("s3")


def test_a_failed_call_is_told_as_aws_tells_it(lab: Lab) -> None:
    orders.build(lab)

    @lab.function(timeout=10)
    def caller(event: Any, context: Any) -> Any:
        reply = sdk.client("lambda").invoke(
            FunctionName="put_order", Payload=json.dumps(orders.load()[story.BAD])
        )
        return reply["StatusCode"], reply["FunctionError"], json.loads(reply["Payload"].read())

    code, error, document = lab.invoke(caller).payload
    assert (code, error, document["errorType"]) == (200, "Unhandled", "UnknownArticle")


def test_the_demo_leaves_the_pictures_and_returns_the_books(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from lambdalab.examples.orders import demo

    trace = demo.run(tmp_path / "a demo")
    told = capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "a demo").glob("*.png"))
    assert "backoff.png" in names
    assert all(name in told for name in names)
    for table in ("invocations", "attempts", "retries", "queue_events", "batches"):
        assert len(getattr(trace, table))

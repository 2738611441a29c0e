"""Calls with callers: to functions and fronts, by people, traffic and handlers; what the books say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.invocation.front_door import Origin
from lambdalab.triggers import front
from lambdalab.triggers.http import Handed, Handling, HttpFront, Request, Response, message
from lambdalab.triggers.parts import Parts

AT_ONCE = {"environment_setup": 0}


class Gate(HttpFront):
    """A front that waits so many seconds for its function, after thinking for so long."""

    def __init__(self, parts: Parts, function: str, limit: float = 29, thinks: float = 0) -> None:
        self.name, self.parts, self._function = "shop", parts, function
        self._limit_us, self._thinks_us = round(limit * 1e6), round(thinks * 1e6)
        parts.grant(parts.target(function), "apigateway.amazonaws.com", "arn", "shop")

    def handle(self, request: Request, origin: Origin, handling: Handling, answer: Handed) -> None:
        def begin(_: object) -> None:
            handling.waiting = waiting = front.call(
                self.parts, self.parts.target(self._function), request.body or b"{}", heard,
                source=self.parts.books.name("shop"), principal="apigateway.amazonaws.com",
                source_arn="arn", limit_us=self._limit_us, cause_of=origin,
            )  # fmt: skip
            handling.request = waiting.request

        def heard(result: front.Result) -> None:
            if result.timed_out:
                answer(message(504, "Endpoint request timed out", result.request, result.cause))
            elif result.good:
                answer(Response(200, result.response, (), result.request))
            else:
                answer(message(502, "Internal server error", result.request, result.cause))

        if self._thinks_us:
            self.parts.scheduler.at(self.parts.now + self._thinks_us, begin)
        else:
            begin(None)


def shop(lab: ll.Lab, function: str, **settings: float) -> Gate:
    return Gate(lab._triggers.parts, function, **settings)


def seconds(lab: ll.Lab, column: str, table: str = "requests") -> list[float]:
    times = getattr(lab.trace, table)[column] - lab.trace.start
    return times.dt.total_seconds().tolist()


# ---- fronts


def test_a_browser_gives_up_before_the_front_does() -> None:
    lab = ll.Lab(seed=7, quotas=AT_ONCE)
    lab.create_function("slow", duration=35, timeout=60, init=0)
    reply = shop(lab, "slow").get("/orders", caller=ll.Browser(gives_up_after=20))
    assert reply.gave_up
    assert (reply.status_code, reply.tries, reply.latency_ms) == (0, 1, 20_000)
    lab.run()
    row = lab.trace.requests.iloc[0]
    assert (row.front, row.gave_up, row.cause) == ("shop GET /orders", True, "client_timeout")
    assert row.front_status_code == 504
    assert seconds(lab, "front_answered_at") == [29]
    assert row.request_id == reply.request_id == lab.trace.invocations["request_id"][0]
    assert lab.trace.attempts["billed_ms"].tolist() == [35_000]


def test_what_the_front_finds_out_after_the_caller_has_gone_is_in_its_row() -> None:
    lab = ll.Lab(seed=7, quotas=AT_ONCE)
    lab.create_function("slow", duration=1, init=0)
    reply = shop(lab, "slow", thinks=3).get("/", caller=ll.Browser(gives_up_after=2))
    assert reply.request_id == "", "nothing has been invoked yet"
    lab.run()
    row = lab.trace.requests.iloc[0]
    assert row.request_id == lab.trace.invocations["request_id"][0]
    assert (row.latency_ms, row.status_code, row.gave_up) == (2000, 0, True)


def test_an_sdk_tries_a_front_again_that_answers_502() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bad", duration=0.1, failure_rate=0.5)
    api, client = shop(lab, "bad"), ll.SdkClient("legacy")
    replies = [api.get("/", caller=client) for _ in range(20)]
    assert max(reply.tries for reply in replies) > 1
    assert "tries" in repr(next(reply for reply in replies if reply.tries > 1))
    rows = lab.trace.requests
    assert set(rows["status_code"]) == {200, 502}
    assert (rows[rows["tries"] > 1].groupby("call").size() > 0).all()
    lane = lab.trace.retries
    assert set(lane["lane"]) == {"client"}
    assert set(lane["cause"]) == {"server_error"}
    assert len(lab.trace.invocations) == len(rows), "each try ran the function"


def test_a_front_without_a_caller_is_waited_for() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("fine", duration=0.5)
    assert shop(lab, "fine").get("/").status_code == 200
    assert lab.trace.requests["caller"].tolist() == ["client"]


@pytest.mark.parametrize("caller", [None, ll.Browser(1), ll.SdkClient(read_timeout=1)])
def test_traffic_to_a_front(caller: Any) -> None:
    lab = ll.Lab(seed=7, quotas=AT_ONCE)
    lab.create_function("slow", duration=2, init=0)
    api = shop(lab, "slow")
    lab.drive(api, ll.Every(1), count=5, payload=lambda i: {"n": i}, caller=caller)
    lab.run()
    rows = lab.trace.requests
    name = "drive" if caller is None else caller.name
    assert set(rows["caller"]) == {name}
    assert set(rows["front"]) == {"shop POST /"}
    assert (rows["tries"] == 1).sum() == 5
    assert (rows["status_code"] == (200 if caller is None else 0)).all()
    assert lab.trace.invocations["payload_bytes"].tolist() == [8] * len(rows)


def test_a_request_that_never_can_be_is_refused_when_traffic_is_planned() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("fine", duration=1)
    with pytest.raises(InvalidSetting, match="body"):
        lab.drive(shop(lab, "fine"), ll.Every(1), count=1, payload={1, 2})
    lab.run()
    assert lab.trace.requests.empty


# ---- turns


def test_a_caller_that_queues_calls_one_after_the_other() -> None:
    lab = ll.Lab(seed=7, quotas=AT_ONCE)
    lab.create_function("bill", duration=1, init=0)
    queue = ll.QueueingCaller()
    lab.drive("bill", ll.Burst(3), caller=queue)
    lab.drive("bill", ll.Burst(2), caller=queue)
    lab.run()
    assert seconds(lab, "sent_at") == [0] * 5, "since when each wanted to call"
    assert seconds(lab, "answered_at") == [1, 2, 3, 4, 5]
    assert seconds(lab, "requested_at", "invocations") == [0, 1, 2, 3, 4]
    assert set(lab.trace.requests["caller"]) == {"queue"}
    assert len(lab.trace.environments) == 1


def test_a_turn_lasts_until_the_last_try() -> None:
    lab = ll.Lab(seed=7, quotas=AT_ONCE)
    lab.create_function("bill", duration=1, init=0)
    lab.faults.service_error("bill", probability=1.0)
    client = ll.SdkClient(backoff=ll.Backoff("exponential", base=10))
    lab.drive("bill", ll.Burst(2), caller=ll.QueueingCaller(1, client))
    lab.run()
    rows = lab.trace.requests
    assert rows["call"].tolist() == [1, 2, 1, 1, 2, 2]
    assert seconds(lab, "requested_at", "invocations") == [0, 10, 30, 30, 40, 60]
    assert set(rows["caller"]) == {"sdk"}


def test_patience_begins_when_it_is_sent() -> None:
    lab = ll.Lab(seed=7, quotas=AT_ONCE)
    lab.create_function("slow", duration=5, timeout=60, init=0)
    lab.drive("slow", ll.Burst(3), caller=ll.QueueingCaller(1, ll.Browser(2)))
    lab.run()
    assert seconds(lab, "answered_at") == [2, 4, 6]
    assert lab.trace.requests["gave_up"].all()


def test_concurrency_of_the_traffic_and_of_the_caller_both_hold() -> None:
    for concurrency, own in ((2, 3), (3, 2)):
        lab = ll.Lab(seed=7, quotas=AT_ONCE)
        lab.create_function("bill", duration=1, init=0)
        caller = ll.QueueingCaller(own)
        lab.drive("bill", ll.Burst(6), concurrency=concurrency, caller=caller)
        lab.run()
        assert seconds(lab, "answered_at") == [1, 1, 2, 2, 3, 3]


# ---- handlers


def test_a_handler_calls_with_a_client_and_waits(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=30, timeout=60)
    client = ll.SdkClient(read_timeout=2, backoff=ll.Backoff("exponential", base=1))

    @lab.function(timeout=60)
    def outer(event: Any, context: Any) -> str:
        try:
            lab.invoke("slow", caller=client)
        except ll.ReadTimeoutError as error:
            return f"{error.tries} tries"
        return "answered"

    assert lab.invoke(outer).payload == "3 tries"
    lab.run()
    rows = lab.trace.requests
    assert rows[rows["caller"] == "sdk"]["gave_up"].tolist() == [False, False, True]
    nested = lab.trace.invocations[lab.trace.invocations["function"] == "slow"]
    assert set(nested["source"]) == {"outer"}
    assert nested["parent_id"].nunique() == 1


def test_a_handler_that_is_dead_tries_nothing_more(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=30, timeout=60)
    client = ll.SdkClient("legacy", read_timeout=2, backoff=ll.Backoff("exponential", base=1))

    @lab.function(timeout=4)
    def outer(event: Any, context: Any) -> None:
        lab.invoke("slow", caller=client)

    assert "timed out" in str(lab.invoke(outer).payload)
    lab.run()
    rows = lab.trace.requests[lab.trace.requests["caller"] == "sdk"]
    assert len(rows) == 2, "the second was under way at 4 s"
    assert rows["gave_up"].tolist() == [False, True]
    assert rows["latency_ms"].iloc[1] < 2_000, "nobody waits on for a dead handler"


def test_a_handlers_timeout_is_the_end_of_its_waiting(lab: ll.Lab) -> None:
    """Its row is closed when it dies; what the API answers later nobody hears."""
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/slow", lab.create_function("slow", duration=10, timeout=60))

    @lab.function(timeout=3)
    def outer(event: Any, context: Any) -> None:
        api.get("/slow")

    lab.invoke(outer)
    lab.run()
    row = lab.trace.requests.set_index("caller").loc["outer"]
    assert (row["status_code"], row["gave_up"], row["cause"]) == (0, True, "client_timeout")
    assert row["latency_ms"] == 3_000
    assert (row["front_status_code"], row["request_id"][-12:] != "") == (200, True)
    died = lab.trace.attempts.set_index("function").loc["outer", "ended_at"]
    assert row["answered_at"] == died


def test_a_new_run_says_nothing_of_handlers_of_the_last(lab: ll.Lab) -> None:
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/slow", lab.create_function("slow", duration=10, timeout=60))

    @lab.function(timeout=60)
    def outer(event: Any, context: Any) -> None:
        api.get("/slow")

    lab.drive(outer, ll.Burst(1))
    lab.run(until=3)
    trace = lab.trace
    lab.reset()
    assert trace.requests["gave_up"].tolist() == [False, False]
    lab.drive(outer, ll.Burst(1))
    lab.run(until=3)
    lab.close()
    assert lab.trace.requests["gave_up"].tolist() == [False, False]


def test_a_process_that_was_killed_tries_nothing_more(lab: ll.Lab) -> None:
    """No ``finally`` runs in it: nobody is told that it has gone."""
    lab.create_function("bill", duration=0.1)
    lab.faults.service_error("bill", probability=1.0)
    client = ll.SdkClient("legacy", backoff=ll.Backoff("exponential", base=2, cap=2))

    @lab.function(timeout=30)
    def outer(event: Any, context: Any) -> None:
        lab.invoke("bill", caller=client)

    lab.faults.kill(outer, after=3)
    assert "signal: killed" in str(lab.invoke(outer).payload)
    lab.run()
    assert (lab.trace.requests["caller"] == "sdk").sum() == 2, "at 0 and 2 s"


def test_a_dead_handlers_turn_is_given_to_the_next(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=10, timeout=60)
    queue = ll.QueueingCaller()

    @lab.function(timeout=3)
    def outer(event: Any, context: Any) -> None:
        lab.invoke("slow", caller=queue)

    lab.drive("slow", ll.Burst(1), caller=queue)
    lab.drive(outer, ll.Burst(2))
    lab.drive("slow", ll.Burst(1, at=5), caller=queue)
    lab.run()
    rows = lab.trace.requests[lab.trace.requests["caller"] == "queue"]
    assert sorted(rows["status_code"]) == [0, 0, 200, 200]
    slow = lab.trace.invocations[lab.trace.invocations["function"] == "slow"]
    assert len(slow) == 2, "nobody called for those who had gone"


def test_who_interrupts_a_call_tries_nothing_more(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    lab.faults.service_error("bill", probability=1.0)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    lab._scheduler.at(1_000_000, interrupt)
    with pytest.raises(KeyboardInterrupt):
        lab.invoke("bill", caller=ll.SdkClient(backoff=ll.Backoff("exponential", base=5)))
    lab.run()
    assert lab.trace.requests["tries"].tolist() == [1]


@pytest.mark.parametrize(
    "caller",
    [None, ll.Browser(10), ll.SdkClient(read_timeout=5), ll.QueueingCaller(caller=ll.Browser(9))],
    ids=["client", "browser", "sdk", "queue"],
)
@pytest.mark.parametrize("api", [False, True], ids=["lambda", "api"])
def test_who_interrupts_a_call_waits_no_longer(lab: ll.Lab, caller: Any, api: bool) -> None:
    """The row is closed at that moment, and the clock of a later run does not stop for the answer."""
    lab.create_function("slow", duration=20, timeout=60)
    shop = lab.api_gateway.create_rest_api("shop")
    shop.route("GET", "/", "slow")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    lab._scheduler.at(3_000_000, interrupt)
    with pytest.raises(KeyboardInterrupt):
        shop.get("/", caller=caller) if api else lab.invoke("slow", caller=caller)
    lab.run(until=100)
    assert lab.elapsed == 100
    [row] = lab.trace.requests.to_dict("records")
    assert (row["status_code"], row["gave_up"], row["latency_ms"]) == (0, True, 3_000)
    assert row["request_id"] == lab.trace.invocations["request_id"][0]
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]
    shop.get("/", caller=caller)
    lab.run()
    assert len(lab.trace.requests) > 1, "the caller can call again"


def test_a_call_that_broke_does_not_stop_a_later_run(lab: ll.Lab) -> None:
    """Something else raised while somebody waited: nobody takes the answer, and the clock goes on."""
    shop = lab.api_gateway.create_rest_api("shop")
    shop.route("GET", "/", lab.create_function("slow", duration=20, timeout=60))

    def breaks(_: object) -> None:
        raise ValueError("of another event")

    for ask in (lambda: shop.get("/"), lambda: lab.invoke("slow")):
        lab._scheduler.at(lab._scheduler.now + 1_000_000, breaks)
        with pytest.raises(ValueError, match="another event"):
            ask()
        wanted = lab.elapsed + 100
        lab.run(until=wanted)
        assert lab.elapsed == wanted


def test_another_labs_api_is_none_of_this_lab(lab: ll.Lab) -> None:
    other = ll.Lab(seed=7)
    api = other.api_gateway.create_rest_api("shop")
    route = api.route("GET", "/", other.create_function("f", duration=1))
    for target in (api, route, other.create_function_url("f")):
        with pytest.raises(InvalidSetting, match="another one"):
            lab.drive(target, ll.Burst(1))
        other.drive(target, ll.Burst(1))
    other.run()


def test_an_invocation_type_is_of_functions(lab: ll.Lab) -> None:
    api = lab.api_gateway.create_rest_api("shop")
    route = api.route("GET", "/", lab.create_function("f", duration=1))
    for target in (api, route, lab.sqs.create_queue("q")):
        with pytest.raises(InvalidSetting, match=r"invocation_type='Event'.* of functions"):
            lab.drive(target, ll.Burst(1), invocation_type="Event")
    lab.run()
    assert not len(lab.trace.requests)


# ---- functions that change


def test_a_function_that_is_gone_at_the_next_try(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    lab.faults.service_error("bill", probability=1.0)
    lab.drive("bill", ll.Burst(1), caller=ll.SdkClient(backoff=ll.Backoff("exponential", base=10)))
    lab.run(until=1)
    with pytest.raises(ll.LabError, match=r"lab\.drive"):
        lab.delete_function("bill")
    lab.run(until=11)
    assert lab.trace.requests["tries"].tolist() == [1, 2]


def test_a_qualifier_that_is_gone_at_the_next_try(lab: ll.Lab) -> None:
    bill = lab.create_function("bill", duration=0.1)
    lab.publish_version("bill")
    lab.create_alias("bill", "live", "1")
    fault = lab.faults.service_error("bill", probability=1.0)
    client = ll.SdkClient(backoff=ll.Backoff("exponential", base=10))

    @lab.function(timeout=60)
    def outer(event: Any, context: Any) -> str:
        try:
            lab.invoke("bill:live", caller=client)
        except ll.ServiceError as error:
            return f"{error.status_code} {error.code}"
        return "answered"

    lab.drive(outer, ll.Burst(1))
    lab.run(until=5)
    fault.stop()
    lab.delete_alias("bill", "live")
    lab.run()
    assert bill is not None
    assert lab.trace.requests["status_code"].tolist()[-2:] == [500, 404]


# ---- what is refused, and what stays the same


@pytest.mark.parametrize("caller", ["sdk", ll.SdkClient, 3])
def test_what_is_no_caller_is_refused_before_anything_happens(caller: Any, lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    with pytest.raises(InvalidSetting, match="SdkClient"):
        lab.invoke("bill", caller=caller)
    with pytest.raises(InvalidSetting, match="SdkClient"):
        lab.drive("bill", ll.Burst(1), caller=caller)
    with pytest.raises(InvalidSetting, match="SdkClient"):
        ll.QueueingCaller(1, caller)
    lab.run()
    assert lab.trace.requests.empty


def test_whoever_sends_to_a_queue_has_no_caller(lab: ll.Lab) -> None:
    lab.sqs.create_queue("orders")
    with pytest.raises(InvalidSetting, match="answered at once"):
        lab.drive("orders", ll.Burst(1), caller=ll.SdkClient())


def test_a_patient_caller_leaves_the_invocations_of_a_call_without_one() -> None:
    def traces(caller: Any) -> ll.Trace:
        lab = ll.Lab(seed=7)
        lab.create_function("bill", duration=ll.LogNormal(p50=0.1, p99=1))
        lab.drive("bill", ll.Poisson(20), duration=20, caller=caller)
        lab.run()
        return lab.trace

    plain, patient = traces(None), traces(ll.SdkClient(name="drive"))
    for table in ("invocations", "attempts", "requests", "environments"):
        assert getattr(plain, table).equals(getattr(patient, table)), table


CALLERS = st.sampled_from(
    [
        lambda: ll.Browser(0.3),
        lambda: ll.SdkClient(read_timeout=0.5),
        lambda: ll.SdkClient("legacy", read_timeout=0.5, backoff=ll.Backoff("none")),
        lambda: ll.SdkClient("adaptive", backoff=ll.Backoff("decorrelated", base=0.1, cap=2)),
        lambda: ll.QueueingCaller(2, ll.SdkClient("adaptive", read_timeout=0.7)),
        lambda: ll.QueueingCaller(1),
    ]
)


def storm(seed: int, make: Any, kind: str, concurrency: int | None) -> ll.Lab:
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=ll.Exponential(0.3), reserved_concurrency=2)
    lab.faults.service_error("bill", probability=0.2)
    if kind == "front":
        api = shop(lab, "bill", limit=0.6)
        lab.drive(api, ll.Poisson(8), count=30, caller=make(), concurrency=concurrency)
    else:
        lab.drive(
            "bill", ll.Poisson(8), count=30, caller=make(), invocation_type=kind,
            concurrency=concurrency,
        )  # fmt: skip
    lab.run()
    return lab


@given(
    st.integers(0, 1000), CALLERS, st.sampled_from(["RequestResponse", "Event", "front"]),
    st.sampled_from([None, 1, 3]),
)  # fmt: skip
def test_the_books_of_a_storm_tie(seed: int, make: Any, kind: str, most: int | None) -> None:
    lab = storm(seed, make, kind, most)
    lab.audit()
    rows = lab.trace.requests
    assert rows["answered_at"].notna().all()
    assert rows["call"].nunique() == 30
    for _, tries in rows.groupby("call"):
        assert tries["tries"].tolist() == list(range(1, len(tries) + 1))
        assert not tries["gave_up"][:-1].any(), "who gives up does not try again"
        assert (tries["status_code"][:-1] != 200).all(), "who is answered does not try again"
        assert tries["gave_up"].iloc[-1] == (tries["status_code"].iloc[-1] == 0)
        before, after = tries["answered_at"][:-1], tries["sent_at"][1:]
        assert (before.to_numpy() <= after.to_numpy()).all()
    assert (rows["status_code"] == 0).sum() == rows["front_answered_at"].notna().sum()
    assert len(lab.trace.retries.query("lane == 'client'")) == len(rows) - 30
    assert rows["request_id"].nunique() == (rows["request_id"] != "").sum()


@pytest.mark.parametrize("kind", ["RequestResponse", "front"])
def test_the_same_seed_gives_the_same_trace(kind: str) -> None:
    def client() -> ll.SdkClient:
        return ll.SdkClient("adaptive", read_timeout=0.5)

    one, same, other = (storm(seed, client, kind, 5).trace.digest() for seed in (1, 1, 2))
    assert one == same != other
    lab = storm(1, client, kind, 5)
    lab.reset()
    lab.run()
    assert lab.trace.requests.empty

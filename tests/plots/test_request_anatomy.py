"""Who gave up first: the bars are the rows of requests and attempts, and what ran on is hatched."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName
from lambdalab.triggers.http import Request
from lambdalab.triggers.push import FunctionReceiver, Push, Retries
from tests.triggers.fronts import Shop, parts_of

GET = Request("GET", "/f")
THREE = ll.Backoff("exponential", base=3, cap=3)


@pytest.fixture
def timed_out():
    lab = ll.Lab(seed=7)
    lab.create_function("get_order", duration=35, timeout=60)
    Shop(lab, "get_order").get("/getOrder")
    lab.run()
    return lab.trace


def test_the_front_gives_up_and_the_function_runs_on(timed_out, read_bars, words_on) -> None:
    ax = plots.request_anatomy(timed_out)
    assert read_bars(ax, "asked") == [(0.0, 0.0, pytest.approx(29))]
    assert read_bars(ax, "front") == [(1.0, 0.0, pytest.approx(29))]
    attempt = timed_out.attempts.iloc[0]
    cold = (attempt["setup_ms"] + attempt["init_ms"]) / 1000
    assert read_bars(ax, "success") == [(2.0, pytest.approx(cold), pytest.approx(29))]
    assert read_bars(ax, "ran_on") == [(2.0, pytest.approx(29), pytest.approx(35 + cold))]
    (line,) = (line for line in ax.lines if str(line.get_gid()).startswith("gave up"))
    assert line.get_xdata()[0] == pytest.approx(29)
    text = words_on(ax)
    assert "shop GET /getOrder gave up first, after 29 s; the function ran on for 6.23 s" in text
    assert "504: integration timeout" in text
    assert "35.0 s billed" in text


def test_both_lanes_of_retries(read_bars, words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=2, failure_rate=1)
    lab.faults.service_error("bill", end=7)
    parts = parts_of(lab)
    target = parts.target("bill")
    parts.grant(target, "sns.amazonaws.com", "topic", "topic")
    receiver = FunctionReceiver(parts, target, "sns.amazonaws.com", "topic")
    Push(parts, "orders->bill", receiver, Retries(lambda _: 3_000_000)).send(1, b"{}")
    lab.run()
    ax = lab.trace.plot.request_anatomy()
    assert [(start, end) for _, start, end in read_bars(ax, "away")] == [(0, 3), (3, 6), (6, 9)]
    waits = lab.trace.retries
    service = waits[waits["lane"] == "service"]["waited_ms"].to_numpy() / 1000
    drawn = [end - start for _, start, end in read_bars(ax, "queue")][1:]
    assert drawn == pytest.approx(service.tolist())
    assert len(read_bars(ax, "error")) == 3
    assert "Accepted after 9.00 s in 4 tries; the event itself: failed" in words_on(ax)


def test_a_caller_that_is_answered(read_bars, words_on) -> None:
    trace = scenarios.sync_vs_async(duration=2.0)
    ax = plots.request_anatomy(trace, call="r2")
    assert not read_bars(ax, "ran_on")
    assert not read_bars(ax, "front")
    assert "Nobody gave up" in words_on(ax)


def test_the_call_can_be_chosen(timed_out, words_on) -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=1)
    shop = Shop(lab, "f")
    shop.get("/one")
    shop.get("/two")
    assert "/one" in words_on(plots.request_anatomy(lab.trace))
    for call in (2, "r2"):
        assert "/two" in words_on(plots.request_anatomy(lab.trace, call=call))
    with pytest.raises(UnknownName):
        plots.request_anatomy(lab.trace, call=3)
    with pytest.raises(UnknownName):
        plots.request_anatomy(lab.trace, call="r3")


def test_in_mid_run(words_on) -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=100, timeout=200)
    lab.drive("f", ll.Burst(1), count=1)
    lab.run(until=10)
    assert "still waiting" in words_on(plots.request_anatomy(lab.trace))
    lab.run()


def test_an_empty_trace_says_so(empty, words_on) -> None:
    assert "nobody outside has asked" in words_on(plots.request_anatomy(empty))


def shop_of(lab: ll.Lab, name: str = "shop", **settings: object):
    """A REST API with one modelled function behind it."""
    api = lab.api_gateway.create_rest_api(name)
    api.route("GET", "/f", lab.create_function("f", **settings))
    return api


def test_what_goes_on_at_the_same_time_has_lanes_of_its_own(read_bars, words_on) -> None:
    lab = ll.Lab(seed=7)
    shop_of(lab, duration=35, timeout=60).get("/f", caller=ll.SdkClient(read_timeout=10))
    lab.run()
    ax = plots.request_anatomy(lab.trace)
    bars = read_bars(ax, "front")
    assert [lane for lane, _, _ in bars] == [1, 2, 3]
    assert [end - start for _, start, end in bars] == pytest.approx([29, 29, 29])
    assert words_on(ax).count("504, nobody listens") == 3


def test_a_function_that_still_runs_is_on_the_picture(read_bars, words_on) -> None:
    lab = ll.Lab(seed=7)
    shop, client = (
        shop_of(lab, duration=20, timeout=60),
        ll.SdkClient(read_timeout=5, backoff=THREE),
    )
    lab.drive(shop, ll.Burst(1), caller=client, payload=GET)
    lab.run(until=10)
    ax = plots.request_anatomy(lab.trace)
    assert read_bars(ax, "running") == [(2.0, 0.0, 5.0)]
    assert read_bars(ax, "ran_on") == [(2.0, 5.0, 8.0)], "the trace knows of nothing later"
    assert "runs on, for 3.00 s so far" in words_on(ax)


def test_a_cold_start_is_one_whoever_has_left(read_bars, words_on) -> None:
    lab = ll.Lab(seed=7)
    shop_of(lab, duration=0.002).get("/f", caller=ll.Browser(0.004))
    lab.run()
    ax = plots.request_anatomy(lab.trace)
    attempt = lab.trace.attempts.iloc[0]
    cold = (attempt["setup_ms"] + attempt["init_ms"]) / 1000
    assert read_bars(ax, "init") == [(2.0, 0.0, pytest.approx(cold))]
    assert "ran on 2 ms, 2 ms billed" in words_on(ax)


def test_names_of_any_length_with_any_sign(words_on) -> None:
    lab = ll.Lab(seed=7)
    shop = shop_of(lab, "a shop with everything that a bicycle can need", duration=40, timeout=60)
    shop.get("/f", caller=ll.Browser(name="$x$ and $y$"))
    lab.run()
    ax = plots.request_anatomy(lab.trace)
    assert not any(text.get_parse_math() for text in ax.get_yticklabels())
    title = ax.get_title(loc="left")
    assert len(title) < 92
    assert title.startswith("a shop with ever")


def test_a_mark_at_the_beginning_stands_beside_the_axis() -> None:
    lab = ll.Lab(seed=7)
    shop_of(lab, duration=1, reserved_concurrency=0).get("/f", caller=ll.SdkClient())
    assert plots.request_anatomy(lab.trace).get_xlim()[0] < 0

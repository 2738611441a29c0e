"""Cost: areas end at the sums of the table, in whole nano-dollars; memory against time and price."""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab import plots
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.plots.bill import bill, money, nano_dollars
from lambdalab.rules import Rules

SIZES = (128, 512, 1769, 3008)


@pytest.fixture(scope="module")
def trace():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.5, memory_size=512)
    lab.create_function("mail", duration=ll.LogNormal(p50=0.2, p99=1), failure_rate=0.1)
    for name in ("bill", "mail"):
        lab.drive(name, ll.Poisson(rate=5), duration=30)
    lab.run()
    return lab.trace


@pytest.fixture(scope="module")
def tuned():
    lab = ll.Lab(seed=7)

    @lab.function(memory_size=128, timeout=60)
    def work(event, context):
        ll.compute(0.4)
        time.sleep(0.1)

    for memory in SIZES:
        lab.update_function(work, memory_size=memory)
        for _ in range(3):
            lab.invoke(work, {})
    return lab.trace


@pytest.fixture(scope="module")
def reserved():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.5, memory_size=512)
    lab.publish_version("bill")
    lab.put_provisioned_concurrency("bill", "1", 2)
    lab.drive("bill:1", ll.Poisson(rate=2), duration=300)
    lab.run()
    return lab.trace


def top(ax, gid, at):
    """The height of an area just after a moment."""
    for artist in ax.collections:
        if artist.get_gid() == gid:
            (path,) = artist.get_paths()
            x, y = path.vertices[:, 0], path.vertices[:, 1]
            spans = zip(x[:-1], x[1:], y[:-1], y[1:], strict=True)
            found = [max(p, q) for a, b, p, q in spans if a != b and min(a, b) <= at <= max(a, b)]
            return max(found, default=0.0)
    raise AssertionError(gid)


def test_areas_are_the_sums_of_the_table_at_every_time(trace, elapsed) -> None:
    ax = plots.cost(trace)
    table = trace.attempts
    nano = nano_dollars(table["cost_usd"])
    over = np.array(elapsed(table["ended_at"]))
    order = {name: int(nano[table["function"] == name].sum()) for name in ("bill", "mail")}
    dearest, other = sorted(order, key=lambda name: -order[name])
    for at in (3.0001, 10.0001, 29.0001, over.max() + 0.001):
        own = (over <= at) & (table["function"] == dearest).to_numpy()
        assert top(ax, f"cost:{dearest}:requests", at) == nano[own].sum()
        assert top(ax, f"cost:{other}:requests", at) == nano[over <= at].sum()
        duration = nano[own].sum() - own.sum() * Rules.as_of().price_request
        assert top(ax, f"cost:{dearest}:duration", at) == duration


def test_legend_and_title_have_the_sums(trace, words_on) -> None:
    text = words_on(plots.cost(trace))
    table = trace.attempts
    nano = nano_dollars(table["cost_usd"])
    assert f"{money(int(nano.sum()))} for {len(table)} runs: duration " in text
    own = table[table["function"] == "bill"]
    used = own["billed_ms"].sum() * 512 / 1024 / 1000
    assert f"bill: duration {used:.3g} GB-s" in text
    assert f"bill: {len(own)} requests" in text
    assert "paid so far" in text


def test_a_changed_row_changes_the_picture(trace, altered) -> None:
    other = altered(trace, "attempts", 5, "cost_nano", 1000)
    assert bill(other, None).total == bill(trace, None).total + 1000
    assert plots.cost(other).get_ylim()[1] > plots.cost(trace).get_ylim()[1]


def test_what_is_provisioned_is_a_part_of_its_own(reserved, words_on) -> None:
    summary = reserved.summary()
    whole = nano_dollars(summary["cost_usd"].dropna().astype(float)).sum()
    paid = bill(reserved, None)
    assert paid.total == whole
    ax = plots.cost(reserved)
    assert top(ax, "cost:bill:provisioned", ax.get_xlim()[1] - 1e-6) == whole
    assert "bill: provisioned, $" in words_on(ax)


def test_many_functions_are_told_together(lab, words_on) -> None:
    for number in range(8):
        lab.create_function(f"f{number}", duration=0.1 * (number + 1))
        lab.invoke(f"f{number}")
    text = words_on(plots.cost(lab.trace))
    assert "4 others: all of it" in text
    assert "f7: duration" in text
    assert "f0: duration" not in text


@given(st.lists(st.integers(0, 2**31 - 1), max_size=50))
def test_nano_dollars_come_back_whole(nano) -> None:
    assert nano_dollars(pd.Series([n / 1e9 for n in nano], dtype=float)).tolist() == nano


# ---- memory


def test_time_and_price_of_each_size(tuned, read_points) -> None:
    ax = plots.cost(tuned)
    (right,) = (other for other in ax.figure.axes if other is not ax)
    table = tuned.attempts
    for memory, own in table.groupby("memory_mb"):
        took = dict(read_points(ax, "took"))[memory]
        assert took == pytest.approx(own["duration_ms"].mean() / 1000)
        usd = dict(read_points(right, "usd"))[memory]
        assert usd == pytest.approx(own["cost_usd"].sum() / len(own) * 1e6)
    assert ax.get_xscale() == "log"
    assert right.get_ylabel().startswith("■")
    assert ax.get_ylabel().startswith("●")


def test_cheapest_and_fastest_are_ringed_and_named(tuned, words_on, read_points) -> None:
    ax = plots.cost(tuned)
    (right,) = (other for other in ax.figure.axes if other is not ax)
    means = tuned.attempts.groupby("memory_mb")[["duration_ms", "cost_usd"]].mean()
    assert [x for x, _ in read_points(ax, "fastest")] == [means["duration_ms"].idxmin()]
    assert [x for x, _ in read_points(right, "cheapest")] == [means["cost_usd"].idxmin()]
    assert "work: cheapest with 128 MB, fastest with 1,769 MB" in words_on(ax)
    ax.figure.canvas.draw()
    labels = [label.get_text() for label in ax.get_xticklabels() if label.get_text()]
    assert labels == [f"{size:,}" for size in SIZES]


def test_the_right_axis_is_on_one_scale_too(tuned, trace) -> None:
    both = plots.compare({"a": tuned, "b": tuned}, plot="cost")
    rights = [o for o in both.figure.axes if o.get_ylabel().startswith("■")]
    assert len({right.get_ylim() for right in rights}) == 1


def test_by_time_on_request_and_wrong_words(tuned, words_on) -> None:
    assert "paid so far" in words_on(plots.cost(tuned, by="time"))
    with pytest.raises(InvalidSetting, match="time, memory"):
        plots.cost(tuned, by="day")
    with pytest.raises(UnknownName, match="did you mean 'work'"):
        plots.cost(tuned, function="wrok")


def test_one_function(trace, words_on) -> None:
    text = words_on(plots.cost(trace, function="mail"))
    assert text.count("mail: ") >= 2
    assert "bill" not in text


def test_empty_one_and_given_axes(empty, lab, words_on) -> None:
    assert "it cost nothing" in words_on(plots.cost(empty))
    lab.create_function("f", duration=0.1)
    lab.invoke("f")
    _, ax = plt.subplots()
    assert lab.trace.plot.cost(ax=ax) is ax
    assert "for 1 run:" in words_on(ax)
    assert "millionths of a USD" in ax.get_ylabel()


def test_the_price_of_a_request_is_that_of_the_books() -> None:
    lab = ll.Lab(seed=7, quotas={"price_request": 5000})
    lab.create_function("f", duration=1)
    lab.invoke("f")
    lab.run()
    assert lab.trace.wired("account")["prices"]["request"] == 5000
    totals = {part.what: part.total for part in bill(lab.trace, None).parts}
    assert totals == {"duration": 2083, "requests": 5000}


def test_a_small_share_is_not_nothing() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=100, timeout=200)
    lab.invoke("f")
    lab.run()
    assert plots.cost(lab.trace).get_title(loc="left").endswith("duration > 99 %, requests < 1 %")


def test_the_price_of_an_invocation_has_its_retries(lab, read_points) -> None:
    lab.create_function("work", duration=1, failure_rate=0.5)
    for memory in (512, 1024):
        lab.update_function("work", memory_size=memory)
        lab.drive("work", ll.Every(1), count=20, invocation_type="Event")
        lab.run()
    table = lab.trace.attempts
    assert len(table) > 45, "there are retries"
    (right,) = (other for other in plots.cost(lab.trace).figure.axes[1:])
    price = table.groupby("memory_mb")["cost_usd"].sum() / 20 * 1e6
    assert read_points(right, "usd") == [pytest.approx(pair) for pair in price.items()]

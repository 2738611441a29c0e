"""What pictures of lives, waits, order and money must show, counted without lambdalab.plots."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from tests.plots.reading import (
    alike,
    bars,
    between,
    boxes,
    gids,
    points,
    same,
    since,
    steps,
    stretches,
    title,
    words,
)
from tests.plots.truth_calls import end, number, runs

_NANO = 1_000_000_000
_REQUEST = 200  # nano-dollars: $0.20 a million requests (aws.amazon.com/lambda/pricing)
_LEFT = ("deleted", "filtered", "expired", "dropped", "dead_lettered")
_RANKS = (50, 95, 99)


def ranks(values: Any) -> list[float]:
    """p50, p95, p99 by nearest rank."""
    ordered = sorted(values)
    return [ordered[max(int(np.ceil(len(ordered) * share / 100)), 1) - 1] for share in _RANKS]


# ---- latency ---------------------------------------------------------------------------------------


def latency(trace: Any, ax: Axes) -> None:
    """Lanes of functions, the busiest first; events that were accepted have a lane of their own."""
    table = trace.requests
    broken = trace.invocations.loc[trace.invocations["function_error"] != "", "request_id"]
    accepted = table["status_code"] == 202
    bad = (table["status_code"] == 0) | (table["status_code"] >= 400)
    bad |= table["request_id"].isin(set(broken)) & ~accepted
    name = table["front"].where(table["front"] != "", table["function"])
    if accepted.any() and not accepted.all():
        name = name.where(~accepted, name + " (202: accepted)")
    waits = pd.DataFrame({"name": name, "bad": bad, "s": table["latency_ms"] / 1000}).dropna()
    lanes = sorted({*waits["name"]}, key=lambda known: -(waits["name"] == known).sum())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    for lane, known in enumerate(lanes):
        own = waits[waits["name"] == known]
        assert labels[lane].startswith(f"{known}\n{len(own):,} call"), known
        assert not own["bad"].any() or f"\n{own['bad'].sum():,} failed" in labels[lane]
        for what, mine in (("well", own[~own["bad"]]), ("failed", own[own["bad"]])):
            _waits(ax, f"{what}:{lane}", mine["s"].to_numpy(), labels[lane])
        for share, value in zip(_RANKS, ranks(own["s"]), strict=True):
            drawn = [x for x, _ in points(ax, f"p{share}:{lane}")]
            alike(drawn, [max(value, 1e-4)] * 2, f"p{share} of {known}")
        said = " ".join(text.get_text() for text in ax.texts if text.get_gid() == f"named:{lane}")
        for share, value in zip(_RANKS, ranks(own["s"]), strict=True):
            _says(said, f"p{share}", value)
    assert title(ax).startswith(f"{len(waits):,} call")
    for share, value in zip(_RANKS, ranks(waits["s"]), strict=True):
        _says(title(ax), f"p{share}", value)


_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def _says(text: str, name: str, seconds: float) -> None:
    """A name (p99, p50 = p95) is followed by this length of time, to the three digits that are told."""
    told = re.search(
        rf"{name}\b(?: = p\d+)*(?: =)? (?=[\d.])((?:[\d.,]+ (?:ms|s|min|h)\b ?)+)", text
    )
    assert told, f"{name} in {text!r}"
    parts = told.group(1).split()
    value = sum(
        float(number.replace(",", "")) * _UNITS[unit]
        for number, unit in zip(parts[::2], parts[1::2], strict=True)
    )
    assert value == pytest.approx(seconds, rel=0.006, abs=1e-6), f"{name} in {text!r}"


def _waits(ax: Axes, gid: str, values: Any, label: str) -> None:
    """Columns whose heights are counts, or points."""
    values = np.maximum(values, 1e-4)
    columns = boxes(ax, gid)
    if not columns:
        same([(x,) for x, _ in points(ax, gid)], [(x,) for x in values], gid)
        return
    fullest = int(label.rpartition("highest: ")[2].split()[0].replace(",", ""))
    total = 0
    for low, high, bottom, top in columns:
        count = int(((values >= low) & (values < high)).sum())
        shown = (top - bottom) / 0.6 * fullest
        assert abs(shown - count) < 1e-6 or (shown > count and top - bottom <= 0.0121), gid
        total += count
    assert total == len(values), f"{gid}: {total} in the columns of {len(values)}"


# ---- cold_starts -----------------------------------------------------------------------------------


def cold_starts(trace: Any, ax: Axes) -> None:
    table = runs(trace)
    table = table.assign(took=(table["setup_ms"] + table["init_ms"]) / 1000)
    cold = table[table["cold_start"]]
    for name in table["function"].unique():
        own = cold[cold["function"] == name]
        same(points(ax, f"cold:{name}"), list(zip(own["start"], own["took"], strict=True)), name)
        assert not len(own) or f"{name}: {len(own):,} cold start" in words(ax)
    assert title(ax).startswith(f"{len(cold):,} cold start")
    assert f" of {len(table):,} run" in title(ax)
    _shares(ax, table["start"].to_numpy(), table["cold_start"].to_numpy())
    _homes(trace, ax, table)


def _shares(ax: Axes, starts: Any, cold: Any) -> None:
    told = {round(left, 6): top - foot for left, _, foot, top in boxes(ax, "share")}
    (most,) = (
        float(text.get_text().removesuffix(" %")) / 100 for text in ax.texts
        if text.get_gid() == "share label" and text.get_text() != "0 %"
    )  # fmt: skip
    seen = 0
    for left, right, foot, top in boxes(ax, "runs"):
        inside = (starts >= left - 1e-9) & (starts < right - 1e-9)
        assert inside.any(), "a window with runs"
        share = told.get(round(left, 6), 0.0) / (top - foot) * most
        assert abs(share - cold[inside].mean()) < 1e-6, f"share of cold starts at {left}"
        seen += int(inside.sum())
    assert seen == len(starts), "every run is in a window"


def _homes(trace: Any, ax: Axes, table: pd.DataFrame) -> None:
    homes = trace.environments
    if len(homes) > 10:
        return
    last = max(end(trace), table["start"].max())
    began, ended = since(trace, homes["started_at"]), since(trace, homes["ended_at"])
    until = np.where(np.isnan(ended) | (ended > last), last, ended)
    same(
        [(a, b) for a, b in stretches(ax, "life:alive")],
        list(zip(began, until, strict=True)),
        "alive",
    )
    least = np.ptp(ax.get_xlim()) / 500
    busy = stretches(ax, "life:busy")
    for row in table.itertuples():
        assert any(a <= row.begun + 1e-6 and row.end <= b + 1e-6 for a, b in busy), row
    known = np.array([*table["begun"], *table["end"], *(table["begun"] + least)])
    assert all(np.isclose(known, x, atol=1e-5).any() for pair in busy for x in pair), "ends of runs"
    for reason in {*homes["ended_because"].astype(str)} - {""}:
        own = ended[(homes["ended_because"] == reason).to_numpy()]
        drawn = [(x,) for x, _ in points(ax, f"end:{reason}")]
        same(drawn, [(x,) for x in own if x <= last], reason)


# ---- cost ------------------------------------------------------------------------------------------


def cost(trace: Any, ax: Axes) -> None:
    table = trace.attempts[trace.attempts["ended_at"].notna()]
    sizes = table.groupby("function")["memory_mb"].nunique()
    if sizes.max() > 1:
        _by_memory(ax, table[table["function"] == sizes.idxmax()])
        return
    when = since(trace, table["ended_at"])
    nano = np.rint(table["cost_usd"].to_numpy() * _NANO)
    at = between(when, [0.0, ax.get_xlim()[1]])
    tall = 0.0
    for name in table["function"].unique():
        mine = (table["function"] == name).to_numpy()
        for what, price in (
            ("duration", nano - _REQUEST),
            ("requests", np.full(len(nano), _REQUEST)),
        ):
            found = steps(ax, f"cost:{name}:{what}", at)
            paid = np.array([price[mine & (when <= t)].sum() for t in at])
            alike(found[:, 1] - found[:, 0], paid, f"{what} of {name}")
            tall += paid[-1]
        assert f"{name}: {mine.sum():,} request" in words(ax)
    assert f" for {len(table):,} run" in title(ax)
    assert np.isclose(max(steps(ax, gid, at[-1:])[0, 1] for gid in gids(ax, "cost:")), tall)


def _by_memory(ax: Axes, table: pd.DataFrame) -> None:
    (right,) = (other for other in ax.figure.axes if other is not ax)
    took, usd = {}, {}
    for memory, rows in table.groupby("memory_mb"):
        took[memory] = rows["duration_ms"].mean() / 1000
        usd[memory] = rows["cost_usd"].sum() / rows["request_id"].nunique() * 1e6
    drawn = points(ax, "took")[: len(took)]  # then the ends of p5 to p95
    same(drawn, list(took.items()), "time by memory")
    same(points(right, "usd"), list(usd.items()), "price by memory")
    ring = [p for where in (ax, right) for p in points(where, "cheapest")]
    same(ring, [min(usd.items(), key=lambda item: item[1])], "the cheapest")
    (fastest,) = points(ax, "fastest")
    assert np.isclose(fastest[1], min(took.values())), "the fastest"


# ---- shards ----------------------------------------------------------------------------------------


def shards(trace: Any, ax: Axes) -> None:
    table, events = trace.batches, trace.queue_events
    mapping = table["mapping"].value_counts().index[0]
    rows = events[events["queue"] == f"{mapping} (records)"]
    if len(rows):
        _stream(trace, ax, table[table["mapping"] == mapping], rows)
    else:
        source = table.loc[table["mapping"] == mapping, "source"].iloc[0]
        _groups(trace, ax, events[events["queue"] == source])


def _stream(trace: Any, ax: Axes, table: pd.DataFrame, rows: pd.DataFrame) -> None:
    taken = rows[rows["action"] == "received"]
    last = taken.groupby("batch_id")["age_ms"].last()
    flushed, over = since(trace, table["flushed_at"]), since(trace, table["completed_at"])
    table = table.assign(flushed=flushed, over=over, age=table["batch_id"].map(last) / 1000)
    for shard, own in table.groupby("shard"):
        name = f"shard {int(shard.rpartition('-')[2])}"
        same(points(ax, f"age:{name}"), list(zip(own["flushed"], own["age"], strict=True)), name)
    known, roots = set(table["batch_id"]), {}
    for row in table.sort_index().itertuples():
        parent = row.parent_batch_id if row.parent_batch_id in known else row.batch_id
        roots[row.batch_id] = roots.get(parent, parent)
    expected = []
    when = rows.assign(when=since(trace, rows["at"]))
    for root in dict.fromkeys(roots.values()):
        chain = table[table["batch_id"].map(roots) == root]
        if len(chain) > 1:
            held = set(taken.loc[taken["batch_id"] == root, "event_id"])
            gone = when[when["event_id"].isin(held) & when["action"].isin(_LEFT)]
            until = max(chain["over"].max(), gone["when"].max())
            how = _ended(chain, held, gone)
            expected.append((how, chain["over"].iloc[0], until))
    _blocks(ax, expected)
    cut = table["parent_batch_id"].value_counts()
    cut = table[table["batch_id"].isin(cut.index[cut > 1])]
    same([(x,) for x, _ in points(ax, "cut")], [(x,) for x in cut["over"]], "batches cut in two")


def _ended(chain: pd.DataFrame, held: set[str], gone: pd.DataFrame) -> str:
    given_up = gone["action"].isin(["dropped", "dead_lettered"]).sum()
    if len(gone) < len(held):
        return "open"
    if given_up and given_up < len(held) and chain["parent_batch_id"].value_counts().max() > 1:
        return "bisected"
    return (
        "discarded"
        if given_up
        else "expired"
        if (gone["action"] == "expired").any()
        else "succeeded"
    )


def _groups(trace: Any, ax: Axes, rows: pd.DataFrame) -> None:
    rows = rows.assign(when=since(trace, rows["at"]), age=rows["age_ms"] / 1000)
    batches = trace.batches.assign(over=since(trace, trace.batches["completed_at"]))
    over = dict(zip(batches["batch_id"], batches["over"], strict=True))
    expected = []
    for group, own in rows.groupby("message_group"):
        taken = own[own["action"] == "received"]
        same(points(ax, f"age:{group}"), list(zip(taken["when"], taken["age"], strict=True)), group)
        spans = []
        for _, life in own.groupby("event_id"):
            back = life[(life["action"] == "returned") & (life["cause"] != "delay")]
            gone = life[life["action"].isin(_LEFT)]
            if len(back):
                first = back.iloc[0]
                how = "discarded" if (gone["action"] == "dead_lettered").any() else "succeeded"
                spans.append((min(over[first.batch_id], first.when), gone["when"].iloc[0], how))
        while spans:
            begin, until, how = min(spans)
            inside = [span for span in spans if begin <= span[0] < until]
            worst = "discarded" if any(span[2] == "discarded" for span in inside) else how
            expected.append((worst, begin, max(span[1] for span in inside)))
            spans = [span for span in spans if span not in inside]
    _blocks(ax, expected)


def _blocks(ax: Axes, expected: list[tuple[str, float, float]]) -> None:
    least = 0.002 * np.ptp(ax.get_xlim())
    drawn = [
        (gid.partition(":")[2], a, b) for gid in gids(ax, "blocked:") for a, b in stretches(ax, gid)
    ]
    same(drawn, [(how, a, max(b, a + least)) for how, a, b in expected], "what was blocked")
    blocked = sum(b - a for _, a, b in expected)
    assert ("blocked" in title(ax)) == bool(blocked)


# ---- story -----------------------------------------------------------------------------------------


def story(trace: Any, ax: Axes) -> None:
    """The event or message that waited for a retry most often, else the call that took longest."""
    service = trace.retries[trace.retries["lane"] == "service"]["request_id"]
    source = trace.retries[trace.retries["lane"] == "source"]["event_id"]
    waited = service if len(service) else source
    if len(waited):
        counts = waited.value_counts()
        name = min(
            counts.index[counts == counts.max()], key=lambda each: waited.tolist().index(each)
        )
    else:
        name = trace.invocations["request_id"].iloc[int(trace.invocations["latency_ms"].argmax())]
    kind = "r" if name in set(trace.invocations["request_id"]) else "m"
    told = trace.story(f"{kind}{number(name)}")
    alike([x for x, _ in points(ax, "events")], [at for at, _ in told.lines], "what happened")
    assert title(ax) == told.title
    calls = trace.invocations
    if kind == "m":
        calls = calls[calls["parent_id"].isin(_batches_of(trace, name))]
    else:
        calls = calls[calls["request_id"] == name]
        _callers(trace, ax, name)
    own = runs(trace, trace.attempts[trace.attempts["request_id"].isin(set(calls["request_id"]))])
    cold = [(r.start, r.begun) for r in own.itertuples() if r.begun > r.start]
    same([(a, b) for _, a, b, _ in bars(ax, "span:init")], cold, "cold starts")
    for outcome in own["outcome"].cat.categories:
        rows = [(r.begun, r.end) for r in own.itertuples() if r.outcome == outcome]
        same([(a, b) for _, a, b, _ in bars(ax, f"span:{outcome}")], rows, outcome)
    _stays(trace, ax, name)


def _batches_of(trace: Any, name: str) -> set[str]:
    events = trace.queue_events
    return set(events.loc[events["event_id"] == name, "batch_id"]) - {""}


def _callers(trace: Any, ax: Axes, name: str) -> None:
    asked = trace.requests[trace.requests["request_id"] == name]
    sent, answered = since(trace, asked["sent_at"]), since(trace, asked["answered_at"])
    rows = [(a, b) for a, b in zip(sent, answered, strict=True) if b > a]
    same([(a, b) for _, a, b, _ in bars(ax, "span:caller")], rows, "who waits")


def _stays(trace: Any, ax: Axes, name: str) -> None:
    """What each row of the books about one event leads to, until the next one."""
    events = trace.queue_events
    events = events[(events["event_id"] == name) & (events["action"] != "delivered")]
    expected: dict[str, list[Any]] = {"queued": [], "hidden": [], "received": []}
    for _, rows in events.groupby("queue", sort=False):
        own = (rows["kind"] == "asynchronous").any()
        rows = rows[~((rows["kind"] == "asynchronous") & (rows["action"] == "dead_lettered"))]
        at = [*since(trace, rows["at"]), end(trace)]
        for a, b, action in zip(at, at[1:], rows["action"], strict=False):
            what = {"sent": "queued", "returned": "queued", "received": "received"}.get(action)
            what = "hidden" if action in ("retry_scheduled", "throttled") else what
            if what and b > a and not (own and what == "received"):
                expected[what].append((a, b))
    high = ax.get_xlim()[1]
    for what, rows in expected.items():
        drawn = [(a, b) for _, a, b, _ in bars(ax, f"span:{what}")]
        same(drawn, [(a, min(b, high)) for a, b in rows], what)

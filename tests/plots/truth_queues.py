"""What pictures of queues and batches must show, counted from the tables without lambdalab.plots."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tests.plots.reading import (
    alike,
    bars,
    between,
    gids,
    level,
    points,
    same,
    since,
    steps,
    strokes,
    title,
    words,
)
from tests.plots.truth_calls import end, number

_LIMIT = 6 * 1024 * 1024  # bytes that a mapping hands over at once
_SECOND = 1_000  # ms
DEPTHS = ("in_flight", "visible", "delayed")


# ---- batching --------------------------------------------------------------------------------------


def batching(trace: Any, ax: Axes, by: str | None = None) -> None:
    """The mapping with most batches; the batches one by one, by size, or by poller."""
    table = trace.batches
    mapping = table["mapping"].value_counts().index[0]
    table = _times(trace, table[table["mapping"] == mapping])
    said = {
        "batch_size": "full", "batching_window": "out of time", "payload_size": "at the size limit",
        "no_window": "sent at once", "long_poll": "by the end of a poll", "tumbling_window": "by window",
    }  # fmt: skip
    for cause, count in table["cause"].value_counts().items():
        assert not count or f"{count:,} {said[cause]}" in title(ax), cause
    assert title(ax).startswith(f"{len(table):,} batch")
    if by == "poller":
        _by_poller(trace, ax, table)
    elif "windows" in gids(ax):
        _one_by_one(ax, table)
    else:
        _by_size(ax, table)
    _arrivals(trace, ax, mapping, table)


def _times(trace: Any, table: pd.DataFrame) -> pd.DataFrame:
    flushed, over = since(trace, table["flushed_at"]), since(trace, table["completed_at"])
    opened, window = since(trace, table["opened_at"]), since(trace, table["window_opened_at"])
    again = table["parent_batch_id"].isin(set(table["batch_id"])).to_numpy()
    flushed = np.where(np.isnan(flushed), end(trace), flushed)
    came = (table["parent_batch_id"] != "").to_numpy()
    return table.assign(
        opened=np.where(came | np.isnan(opened), flushed, opened), flushed=flushed,
        over=np.where(np.isnan(over), np.maximum(flushed, end(trace)), over),
        window=np.where(came, np.nan, window), again=again,
        cause=table["cause"].astype(str), outcome=table["outcome"].astype(str),
    )  # fmt: skip


def _one_by_one(ax: Axes, table: pd.DataFrame) -> None:
    large = table["size_bytes"].max() >= _LIMIT / 2
    seen: dict[tuple[float, float], float] = {}
    for cause in {*table["cause"], *(gid.partition(":")[2] for gid in gids(ax, "batch:"))}:
        own = table[(table["cause"] == cause) & ~table["again"]]
        full = np.minimum(own["size_bytes"] / _LIMIT, 1) if large else np.ones(len(own))
        drawn = bars(ax, f"batch:{cause}")
        expected = list(zip(own["opened"], own["flushed"], 0.62 * full, strict=True))
        same([(a, b, tall) for _, a, b, tall in drawn], expected, f"batches by {cause}")
        seen |= {(round(a, 5), round(b, 5)): y for y, a, b, _ in drawn}
    for outcome in {*table["outcome"]}:
        own = table[table["outcome"] == outcome]
        found = [(a, b) for _, a, b, _ in bars(ax, f"run:{outcome}")]
        same(found, list(zip(own["flushed"], own["over"], strict=True)), f"runs: {outcome}")
    own = table[(table["cause"] != "no_window") & ~table["window"].isna()]
    same([(x,) for x, _ in points(ax, "windows")], [(x,) for x in own["window"]], "windows")
    short = [text.get_text() for text in ax.texts if text.get_gid() == "records"]
    names = [f"b{number(b)} · " if len(table) <= 20 else "" for b in table["batch_id"]]
    for name, records in zip(names, table["records"], strict=True):
        assert any(text.startswith(f"{name}{records:,}") for text in short), f"{name}{records}"
    if large:
        for size in table["size_bytes"]:
            assert any(f"({size / 2**20:.2f} MB)" in t for t in short), size
    edge, bands = 0.8, []  # each band reaches as far below its name as above it
    for place, label in list(zip(ax.get_yticks(), ax.get_yticklabels(), strict=True))[1:]:
        bands.append((edge, 2 * place - edge, label.get_text()))
        edge = 2 * place - edge
    for row in table[~table["again"]].itertuples():
        y = seen[round(row.opened, 5), round(row.flushed, 5)]
        (name,) = (text for low, high, text in bands if low < y < high)
        assert name.startswith(f"poller {row.poller}" if not row.shard else "shard"), row


def _by_size(ax: Axes, table: pd.DataFrame) -> None:
    step = np.ptp(ax.get_xlim()) / 3_000  # marks on one pixel are one mark
    by_bytes = (table["cause"] == "payload_size").any()
    height = table["size_bytes"] / 2**20 if by_bytes else table["records"]
    assert gids(ax, "batch:") == {f"batch:{cause}" for cause in table["cause"]}
    for cause, rows in table.assign(height=height).groupby("cause"):
        for gid, own in (("flushed", rows[~rows["again"]]), ("again", rows[rows["again"]])):
            drawn = np.array(points(ax, f"{gid}:{cause}")).reshape(-1, 2)
            known = own[["flushed", "height"]].to_numpy(float)
            _each_near(drawn, known, 1e-5, f"{gid}:{cause} is a batch")
            _each_near(known, drawn, step, f"a batch is drawn: {gid}:{cause}")
        lines = strokes(ax, f"batch:{cause}")
        held = [(a, b, y) for a, b, y, _ in lines]
        for row in rows.itertuples():
            assert any(
                a <= row.opened + 1e-6 and row.flushed <= b + 1e-6 and y == row.height
                for a, b, y in held
            ), row
        known = np.array([*rows["opened"], *rows["flushed"]])
        assert all(np.isclose(known, x).any() for a, b, _ in held for x in (a, b)), "ends of lines"
    failed = table[~table["outcome"].isin(["success", "in_flight"])]
    expected = np.column_stack([failed["flushed"], height[failed.index]])
    drawn = np.array(points(ax, "failed")).reshape(-1, 2)
    _each_near(drawn, expected, 1e-5, "a cross is a failure")
    _each_near(
        expected, drawn, step if len(expected) <= 120 else 25 * step, "a failure has a cross"
    )


def _each_near(these: Any, those: Any, x: float, what: str) -> None:
    for one in these:
        assert len(those), what
        near = (np.abs(those[:, 0] - one[0]) <= x) & np.isclose(those[:, 1], one[1])
        assert near.any(), f"{what}: {one}"


def _by_poller(trace: Any, ax: Axes, table: pd.DataFrame) -> None:
    for cause in {*table["cause"]}:
        own = table[(table["cause"] == cause) & ~table["again"]]
        drawn = [(y, a, b) for y, a, b, _ in bars(ax, f"batch:{cause}")]
        same(drawn, list(zip(own["poller"], own["opened"], own["flushed"], strict=True)), cause)
    for outcome in {*table["outcome"]}:
        own = table[table["outcome"] == outcome]
        drawn = [(y, a, b) for y, a, b, _ in bars(ax, f"run:{outcome}")]
        same(drawn, list(zip(own["poller"], own["flushed"], own["over"], strict=True)), outcome)
    change = trace.scaling
    change = change[(change["kind"] == "pollers") & (change["subject"] == table["mapping"].iloc[0])]
    when = since(trace, change["at"])
    at = between(when, [ax.get_xlim()[1]])
    count = [change["after"].to_numpy()[when <= t][-1] + 0.5 for t in at]
    alike(level(ax, "pollers", at), count, "pollers there are")


def _arrivals(trace: Any, ax: Axes, mapping: str, table: pd.DataFrame) -> None:
    events = trace.queue_events
    queues = set(events["queue"].unique())
    name = f"{mapping} (records)"
    name = name if name in queues else table["source"].iloc[0]
    events = events[(events["queue"] == name) & (events["action"] == "sent")]
    events = events[events["cause"] != "retention"]
    came = since(trace, events["at"])
    if (events["kind"] == "stream").any():
        came = came - events["age_ms"].to_numpy() / _SECOND
    assert f" of {len(events):,} " in title(ax)
    if "arrivals" in gids(ax):
        same([(x,) for x, *_ in strokes(ax, "arrivals")], [(float(x),) for x in came], "arrivals")
        return
    low, high = ax.get_xlim()
    counts, edges = np.histogram(came, bins=120, range=(low, high))
    found = steps(ax, "arrival rate", (edges[:-1] + edges[1:]) / 2)
    tall = np.abs(found[:, 1] - found[:, 0])
    alike(tall / tall.max(), counts / counts.max(), "arrivals a second")
    rate = counts.max() / (edges[1] - edges[0])
    assert f"(up to {f'{rate:,.0f}' if rate >= 100 else f'{rate:.3g}'} a second)" in words(ax)


# ---- queue_depth ----------------------------------------------------------------------------------------


def queue_depth(trace: Any, ax: Axes, queue: str | None = None, age: bool = False) -> None:
    table = trace.queue_events
    name = queue or table["queue"].value_counts().index[0]
    rows = table[table["queue"] == name]
    when = since(trace, rows["at"])
    at = between(when, [end(trace)])
    last = np.searchsorted(when, at, side="right") - 1
    below = np.zeros(len(at))
    for column in DEPTHS:
        count = rows[column].to_numpy()[last].astype(float)
        found = steps(ax, f"depth:{column}", at)
        alike(found[:, 1] - found[:, 0], count, column)
        alike(found[count > 0, 0], below[count > 0], f"below {column}")
        below += count
    assert f"{name}: at most {rows['depth'].max():,} " in title(ax)
    assert f", {rows['depth'].iloc[-1]:,} at the end" in title(ax)
    letters = (rows["action"] == "dead_lettered").to_numpy()
    drawn = {(round(x, 5), y) for x, y in points(ax, "dead_lettered")}
    known = {
        (round(float(t), 5), float(d))
        for t, d in zip(when[letters], rows["depth"][letters], strict=True)
    }
    assert drawn <= known, "a cross is a dead letter"
    assert bool(drawn) == bool(known)
    assert not letters.any() or f", {letters.sum():,} dead letter" in title(ax)
    if age:
        _ages(ax, rows, when, at)


def _ages(ax: Axes, rows: pd.DataFrame, when: Any, at: Any) -> None:
    """The age of the oldest message at each moment, by looking at every message."""
    ended = ["deleted", "filtered", "expired", "dropped", "dead_lettered"]
    lives = []
    for _, own in rows.assign(when=when).groupby("event_id"):
        over = own.loc[own["action"].isin(ended), "when"]
        lives.append((own["when"].iloc[0], over.iloc[0] if len(over) else np.inf))
    begun, over = np.array(lives).T
    oldest = np.array([(t - begun[(begun <= t) & (t < over)]).max(initial=0.0) for t in at])
    (right,) = (other for other in ax.figure.axes if other is not ax and "oldest" in gids(other))
    found = np.zeros(len(at))
    lines = strokes(right, "oldest")
    for row, t in enumerate(at):
        found[row] = max(
            (y0 + (y1 - y0) * (t - x0) / (x1 - x0) for x0, x1, y0, y1 in lines if x0 <= t < x1),
            default=0.0,
        )
    if len(lines) < 300:  # of more, each column's highest
        alike(found, oldest, "age of the oldest")


# ---- receives ------------------------------------------------------------------------------------------


def receives(trace: Any, ax: Axes) -> None:
    """Every message's state, followed one by one; the strip of what is held and what runs."""
    table, events = trace.batches, trace.queue_events
    mapping = table["mapping"].value_counts().index[0]
    name = f"{mapping} (records)"
    name = (
        name
        if name in set(events["queue"])
        else table.loc[table["mapping"] == mapping, "source"].iloc[0]
    )
    rows = events[(events["queue"] == name) & (events["action"] != "delivered")]
    rows = rows[~rows["event_id"].isin(set(rows.loc[rows["cause"] == "deduplicated", "event_id"]))]
    when = since(trace, rows["at"])
    at = between(when, pixel=np.ptp(ax.get_xlim()) / 3_000)
    most = min(max(int(rows["receive_count"].max()), 1), 3)
    bad = set(table.loc[table["outcome"] == "failure", "batch_id"])
    counts = _states(rows.assign(when=when), at, most, bad)
    seen = {gid.partition(":")[2]: gid for gid in gids(ax, "messages:")}
    for label, count in counts.items():
        area = next((gid for known, gid in seen.items() if known.startswith(label)), "")
        found = steps(ax, area, at)
        alike(found[:, 1] - found[:, 0], count, label)
    done = rows["action"].isin(["deleted", "filtered"]).sum()
    assert title(ax).startswith(f"{name}: {done:,} of {rows['event_id'].nunique():,} ")
    _strip(
        trace,
        ax,
        table[table["source"] == table.loc[table["mapping"] == mapping, "source"].iloc[0]],
    )


def _states(rows: pd.DataFrame, at: Any, most: int, bad: set[str]) -> dict[str, Any]:
    times = ("never received", "received once", "received twice", "received 3 times")
    counts = {f"in the queue, {text}": np.zeros(len(at)) for text in times}
    ends = {
        "deleted": "dealt with", "filtered": "dealt with", "expired": "lost", "dropped": "lost",
    }  # fmt: skip
    letters = ("dead letter: a run of it failed", "dead letter: no run of it failed")
    counts |= {label: np.zeros(len(at)) for label in (*letters, "dealt with", "lost")}
    begins: dict[str, list[float]] = defaultdict(list)
    overs: dict[str, list[float]] = defaultdict(list)
    columns = (
        rows[name].tolist()
        for name in ("event_id", "action", "cause", "batch_id", "receive_count", "when")
    )
    lives: dict[str, list[Any]] = defaultdict(list)
    for event, *row in zip(*columns, strict=True):
        lives[event].append(row)
    for life in lives.values():
        failed = any(
            action == "returned"
            and (cause in ("batch_failed", "partial_batch_failure") or batch in bad)
            for action, cause, batch, _, _ in life
        )
        state = ""
        for action, _, _, received, when in life:
            if state:
                overs[state].append(when)
            state = f"in the queue, {times[min(received, most)]}"
            if action == "dead_lettered":
                state = letters[0] if failed else letters[1]
            state = ends.get(action, state)
            begins[state].append(when)
    for state in counts:
        began, over = np.sort(begins[state]), np.sort(overs[state])
        counts[state] += np.searchsorted(began, at, "right") - np.searchsorted(over, at, "right")
    return counts


def _strip(trace: Any, ax: Axes, table: pd.DataFrame) -> None:
    """Heights are told as shares of the highest: it is the number in the legend."""
    calls = trace.invocations[trace.invocations["parent_id"].isin(set(table["batch_id"]))]
    tries = trace.attempts[trace.attempts["request_id"].isin(set(calls["request_id"]))]
    held = since(trace, table["flushed_at"]), since(trace, table["completed_at"])
    ran = since(trace, tries["started_at"]), since(trace, tries["ended_at"])
    for (starts, ends), label in ((held, "batches held by pollers"), (ran, "runs of the function")):
        at = between(starts, ends, pixel=np.ptp(ax.get_xlim()) / 3_000)
        count = np.array([((starts <= t) & ~(ends <= t)).sum() for t in at], float)
        found = steps(ax, label, at)
        tall = np.abs(found[:, 1] - found[:, 0])
        highest = tall.max(initial=0.0) or 1.0
        alike(tall / highest, count / max(count.max(initial=0), 1), label)
        assert f"{label} (up to {count.max(initial=0):,.0f})" in words(ax)


# ---- visibility -------------------------------------------------------------------------------------


def visibility(trace: Any, ax: Axes) -> None:
    """A row for each batch of the queue of which most were made, in the order of their first receive."""
    table, events = trace.batches, trace.queue_events
    queue = table["source"].value_counts().index[0]
    table = table[table["source"] == queue]
    events = events[events["queue"] == queue]
    table = table.assign(
        opened=since(trace, table["opened_at"]), flushed=since(trace, table["flushed_at"]),
        over=since(trace, table["completed_at"]), number=table["batch_id"].map(number),
    ).sort_values(["opened", "number"])  # fmt: skip
    taken = events[events["action"] == "received"]
    when, hidden = since(trace, taken["at"]), taken["delay_ms"].to_numpy() / _SECOND
    until = [t + hidden[when <= t][-1] for t in table["opened"]]
    table = table.assign(until=until, row=np.arange(len(table), dtype=float))
    if gids(ax, "took:"):
        _lengths(ax, table, queue)
        return
    rows = [tuple(row) for row in table[["row", "opened", "until"]].to_numpy().tolist()]
    same([bar[:3] for bar in bars(ax, "hidden")], rows, "invisible")
    table["split"] = np.minimum(table["over"], np.maximum(table["until"], table["flushed"]))
    for outcome, own in table.groupby(table["outcome"].astype(str)):
        rows = [tuple(row) for row in own[["row", "flushed", "split"]].to_numpy().tolist()]
        same([bar[:3] for bar in bars(ax, f"run:{outcome}")], rows, outcome)
    late = table[(table["over"] > table["until"]) & (table["outcome"] != "throttled")]
    rows = [tuple(row) for row in late[["row", "split", "over"]].to_numpy().tolist()]
    same([bar[:3] for bar in bars(ax, "late")], rows, "runs that outlast it")
    assert not len(late) or title(ax).startswith(f"{queue}: {len(late):,} of ")
    place = dict(zip(table["batch_id"], table["row"], strict=True))
    held = trace.batch_records[trace.batch_records["batch_id"].isin(place)]
    visits = (
        held.assign(row=held["batch_id"].map(place))
        .sort_values("row")
        .groupby("event_id")["row"]
        .agg(list)
    )
    _letters(trace, ax, events, visits)
    if len(table) <= 40:
        drawn = (
            {(y0, y1) for _, _, y0, y1 in strokes(ax, "again", 4)} if "again" in gids(ax) else set()
        )
        assert drawn == {pair for rows in visits for pair in pairwise(rows)}


def _lengths(ax: Axes, table: pd.DataFrame, queue: str) -> None:
    """Many batches: each a point, as high as it took long, of those on a pixel the first."""
    late = (table["over"] > table["until"]) & (table["outcome"] != "throttled")
    kind = table["outcome"].astype(str).where(~late, "late")
    assert gids(ax, "took:") == {f"took:{each}" for each in kind}
    pixel = np.array([np.ptp(ax.get_xlim()) / 3_000, np.ptp(ax.get_ylim()) / 500])
    for each, own in table.assign(took=table["over"] - table["opened"]).groupby(kind):
        drawn, known = np.array(points(ax, f"took:{each}")), own[["opened", "took"]].to_numpy()
        for these, those, room in ((drawn, known, 1e-6), (known, drawn, pixel)):
            off = np.abs(these[:, None, :] - those[None, :, :])
            assert (off <= room).all(axis=2).any(axis=1).all(), f"lengths of {each}"
    hidden = (table["until"] - table["opened"]).to_numpy()
    alike(level(ax, "invisible", table["opened"].to_numpy() + 1e-7), hidden, "invisible")
    bad = table["outcome"].isin(["failure", "partial"]).sum()
    assert title(ax).startswith(f"{queue}: {late.sum() or bad:,} of ")


def _letters(trace: Any, ax: Axes, events: pd.DataFrame, visits: pd.Series) -> None:
    letters = events[events["action"] == "dead_lettered"]
    died = {
        (round(float(t), 6), visits[event][-1])
        for t, event in zip(since(trace, letters["at"]), letters["event_id"], strict=True)
        if event in visits.index
    }
    assert {(round(x, 6), y) for x, y in points(ax, "dead letters")} == died, "dead letters"
    assert not len(letters) or f"; {len(letters):,} died" in title(ax)

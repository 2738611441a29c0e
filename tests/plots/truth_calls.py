"""What pictures of calls must show, counted from the tables without any help of lambdalab.plots.

Each function takes the trace whose tables are the truth, the axes, and the plot's options, and raises
AssertionError where the axes show anything else.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tests.plots.reading import (
    alike,
    bars,
    between,
    corners,
    gids,
    lane,
    level,
    points,
    same,
    since,
    steps,
    strokes,
    title,
    words,
)

THINNED = 2_900  # moments: of more, pictures show what pixels can


def end(trace: Any) -> float:
    """The last moment in the books: what is still running reaches to it."""
    tables = (
        (trace.invocations, ("requested_at", "completed_at")),
        (trace.attempts, ("started_at", "ended_at")),
        (trace.queue_events, ("at",)),
        (trace.requests, ("sent_at", "answered_at")),
    )
    times = [since(trace, table[name]) for table, names in tables for name in names]
    return float(np.nanmax(np.concatenate([*times, [0.0]])))


def runs(trace: Any, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Attempts with their start, the handler's start and the end, in seconds."""
    table = trace.attempts if table is None else table
    starts, ends = since(trace, table["started_at"]), since(trace, table["ended_at"])
    ends = np.where(np.isnan(ends), end(trace), ends)
    cold = (table["setup_ms"].fillna(0) + table["init_ms"].fillna(0)).to_numpy() / 1000
    return table.assign(start=starts, begun=np.minimum(starts + cold, ends), end=ends)


def number(text: str) -> int:
    return int(text.split("-")[0]) if text else 0


# ---- timeline ------------------------------------------------------------------------------------


def timeline(trace: Any, ax: Axes, lanes: str = "environment") -> None:
    table = runs(trace)
    several = table["function"].nunique() > 1

    def name(row: Any) -> str:
        if lanes == "function":
            return str(row.function)
        if lanes == "request":
            return f"r{number(row.request_id)}"
        known = f"e{number(row.environment_id)}"
        return f"{row.function}  {known}" if several else known

    rows = [(name(row), row) for row in table.itertuples()]
    for outcome in {*table["outcome"].cat.categories}:
        drawn = [(lane(ax, y), low, high) for y, low, high, _ in bars(ax, outcome)]
        same(drawn, [(n, r.begun, r.end) for n, r in rows if r.outcome == outcome], outcome)
    cold = [(lane(ax, y), low, high) for y, low, high, _ in bars(ax, "init")]
    same(cold, [(n, r.start, r.begun) for n, r in rows if r.begun > r.start], "cold starts")
    joints = []
    for _, own in table.sort_values("attempt", kind="stable").groupby("request_id"):
        joints += list(zip(own["end"], own["start"].iloc[1:], strict=False))
    shown = [(a, b) for a, b, _, _ in strokes(ax, "retries")] if "retries" in gids(ax) else []
    same(shown, joints, "waits before retries")
    told = f"{len(table):,} attempts in {table['environment_id'].nunique():,} environment"
    assert title(ax).startswith(
        told.replace("1 attempts", "1 attempt") if len(table) == 1 else told
    )
    assert f", {int(table['cold_start'].sum()):,} cold start" in title(ax)


# ---- backoff ---------------------------------------------------------------------------------------


def backoff(trace: Any, ax: Axes) -> None:
    """By default the event that waited most often, the first of those."""
    waits = trace.retries[trace.retries["lane"] == "service"]
    events = trace.invocations[trace.invocations["invocation_type"] == "Event"]
    often = waits["request_id"].value_counts()
    most = {name for name, count in often.items() if count == often.max()} or {
        *events["request_id"][:1]
    }
    request = min(most, key=number)
    call = trace.invocations[trace.invocations["request_id"] == request]
    zero = float(since(trace, call["requested_at"])[0])
    over = float(since(trace, call["completed_at"])[0]) - zero
    own = waits[waits["request_id"] == request]
    begun = since(trace, own["at"]) - zero
    lengths = own["waited_ms"].to_numpy() / 1000
    tries = runs(trace, trace.attempts[trace.attempts["request_id"] == request])
    assert title(ax).startswith(f"r{number(request)}: {len(tries)} attempt")
    if "steps" in gids(ax):
        _many_waits(ax, begun, lengths, own["cause"].astype(str).to_numpy(), over)
        return
    same(
        [(a, b) for _, a, b, _ in bars(ax, "waits")],
        list(zip(begun, begun + lengths, strict=True)),
        "waits",
    )
    for cause, length in zip(own["cause"], lengths, strict=True):
        assert f"waits {_said(length)}\n{cause.replace('_', ' ')}" in words(ax)
    ends = [(row.end - zero, 0.42) for row in tries.itertuples()]
    same(points(ax, "attempts"), ends, "marks of attempts")
    for outcome in {*tries["outcome"]}:
        expected = [
            (r.begun - zero, r.end - zero) for r in tries.itertuples() if r.outcome == outcome
        ]
        same([(a, b) for _, a, b, _ in bars(ax, outcome)], expected, outcome)
    cold = [(r.start - zero, r.begun - zero) for r in tries.itertuples() if r.begun > r.start]
    same([(a, b) for _, a, b, _ in bars(ax, "init")], cold, "cold starts")
    same(points(ax, "end"), [(over, 0.0)], "the end")


def _said(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s".replace(".0 s", " s")


def _many_waits(ax: Axes, begun: Any, lengths: Any, causes: Any, over: float) -> None:
    real = lengths > 0
    ages, lengths, causes = np.maximum(begun[real], 0.1), lengths[real], causes[real]
    steps_of = list(zip([*ages, over], [*lengths, lengths[-1]], strict=True))
    assert len(points(ax, "steps")) == len(steps_of)
    alike(points(ax, "steps"), steps_of, "steps")
    for cause in {*causes}:
        known = {
            (round(a, 6), round(b, 6))
            for a, b, c in zip(ages, lengths, causes, strict=True)
            if c == cause
        }
        drawn = {(round(a, 6), round(b, 6)) for a, b in points(ax, f"waits:{cause}")}
        assert drawn <= known, "a point is a wait"
    assert gids(ax, "waits:") <= {f"waits:{cause}" for cause in causes}
    everything = [p for gid in gids(ax, "waits:") for p in points(ax, gid)]
    assert (ages[0], lengths[0]) in [(a, b) for a, b in everything], "the first is drawn"
    assert np.isclose(ages[-1], max(a for a, _ in everything)), "the last is drawn"
    if len(everything) < len(ages) and " waits drawn" in words(ax):
        assert f"({len(everything)} of all {len(ages)} waits drawn)" in words(ax)
    throttles = sum(cause.startswith("throttled") for cause in causes)
    if throttles:
        assert f"{throttles + int((~real).sum())} throttle" in title(ax)
    alike([x for x, _ in points(ax, "end line")], [over] * 2, "the end")


# ---- request_anatomy and sync_vs_async -----------------------------------------------------------------


def request_anatomy(trace: Any, ax: Axes) -> None:
    table = trace.requests
    unhappy = table["gave_up"] | table["cause"].isin(["integration_timeout", "client_timeout"])
    again = table["tries"] > 1
    wanted = table[unhappy] if unhappy.any() else table[again] if again.any() else table
    rows = table[table["call"] == wanted["call"].iloc[0]].sort_values("tries")
    sent, answered = since(trace, rows["sent_at"]), since(trace, rows["answered_at"])
    zero = sent[0]
    same(
        [(a, b) for _, a, b, _ in bars(ax, "asked")],
        _spans(sent - zero, answered - zero),
        "the caller waits",
    )
    same(
        [(a, b) for _, a, b, _ in bars(ax, "away")],
        _spans((answered - zero)[:-1], (sent - zero)[1:]),
        "between tries",
    )
    front = rows["front"].iloc[0]
    told = since(trace, rows["front_answered_at"])
    told = np.where(np.isnan(told), answered, told)
    fronts = _spans(sent - zero, told - zero) if front else []
    same([(a, b) for _, a, b, _ in bars(ax, "front")], fronts, "the front waits")
    done: dict[str, list[Any]] = {}
    for request, left in zip(rows["request_id"], answered, strict=True):
        tries = runs(trace, trace.attempts[trace.attempts["request_id"] == request])
        call = trace.invocations[trace.invocations["request_id"] == request]
        waits_for = np.inf if (call["invocation_type"] == "Event").any() else left
        for run in tries.itertuples():
            if run.begun > run.start:
                done.setdefault("init", []).append((run.start - zero, run.begun - zero))
            if run.begun < waits_for:
                done.setdefault(run.outcome, []).append(
                    (run.begun - zero, min(run.end, waits_for) - zero)
                )
            if run.end > waits_for:
                done.setdefault("ran_on", []).append(
                    (max(run.begun, waits_for) - zero, run.end - zero)
                )
    for what in {"init", "ran_on", *trace.attempts["outcome"].cat.categories}:
        same([(a, b) for _, a, b, _ in bars(ax, what)], done.get(what, []), what)
    gave_up = answered[(rows["gave_up"] | rows["cause"].isin(["client_timeout"])).to_numpy()]
    late = told[(rows["cause"] == "integration_timeout").to_numpy()]
    lines = {round(x, 5) for gid in gids(ax, "gave up:") for x, _ in points(ax, gid)}
    assert lines == {round(float(x - zero), 5) for x in [*gave_up, *late]}, "who gave up when"


def _spans(starts: Any, ends: Any) -> list[tuple[float, float]]:
    return [(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True) if b > a]


def sync_vs_async(trace: Any, ax: Axes) -> None:
    table = trace.invocations
    outside = table[table["parent_kind"] == ""]
    call = outside[outside["invocation_type"] == "RequestResponse"].iloc[:1]
    events = outside[outside["invocation_type"] == "Event"]
    of_same = events[events["function"].isin(call["function"])]
    event = (of_same if len(of_same) else events).iloc[:1]
    for kind, row in (("RequestResponse", call), ("Event", event)):
        if not len(row):
            assert not gids(ax, f"{kind}:")
            continue
        request = row["request_id"].iloc[0]
        zero = float(since(trace, row["requested_at"])[0])
        asked = trace.requests[trace.requests["request_id"] == request]
        over = since(trace, asked["answered_at"] if len(asked) else row["completed_at"])[-1] - zero
        clients = [(a, b) for _, a, b, _ in bars(ax, f"{kind}:client")]
        same(clients, [(0.0, over)] if over > 0 else [], f"{kind}: the client")
        _function(trace, ax, kind, request, zero)
        queued = [(a, b) for _, a, b, _ in bars(ax, f"{kind}:queue")]
        same(queued, _queued(trace, request, zero) if kind == "Event" else [], f"{kind}: the queue")


def _function(trace: Any, ax: Axes, kind: str, request: str, zero: float) -> None:
    own = runs(trace, trace.attempts[trace.attempts["request_id"] == request])
    children = trace.invocations[trace.invocations["parent_id"] == request]["request_id"]
    later = runs(trace, trace.attempts[trace.attempts["request_id"].isin(set(children))])
    both = pd.concat([own, later])
    cold = [(r.start - zero, r.begun - zero) for r in both.itertuples() if r.begun > r.start]
    same([(a, b) for _, a, b, _ in bars(ax, f"{kind}:init")], cold, f"{kind}: cold starts")
    for outcome in own["outcome"].cat.categories:
        rows = [(r.begun - zero, r.end - zero) for r in own.itertuples() if r.outcome == outcome]
        same([(a, b) for _, a, b, _ in bars(ax, f"{kind}:{outcome}")], rows, f"{kind}: {outcome}")
    rows = [(r.begun - zero, r.end - zero) for r in later.itertuples()]
    same([(a, b) for _, a, b, _ in bars(ax, f"{kind}:next")], rows, f"{kind}: what came of it")


def _queued(trace: Any, request: str, zero: float) -> list[tuple[float, float]]:
    events = trace.queue_events
    events = events[(events["event_id"] == request) & (events["kind"] == "asynchronous")]
    at = [*(since(trace, events["at"]) - zero), end(trace) - zero]
    waiting = events["action"].isin(["sent", "retry_scheduled", "throttled"]).tolist()
    return [(a, b) for a, b, waits in zip(at, at[1:], waiting, strict=False) if waits]


# ---- concurrency ------------------------------------------------------------------------------------


def concurrency(trace: Any, ax: Axes) -> None:
    table = runs(trace)
    homes = trace.environments
    lived = since(trace, homes["started_at"]), since(trace, homes["ended_at"])
    last = max(
        end(trace),
        float(
            since(trace, trace.scaling["at"][trace.scaling["kind"] == "throttle"]).max(initial=0)
        ),
    )
    at = between(table["start"], table["end"], *lived)
    at = at[at < last] if len(at) < THINNED else corners(ax, "running:")
    below = np.zeros(len(at))
    for kind in ("provisioned", "on_demand"):
        own = table[table["init_type"] == kind]
        count = _at_once(own["start"].to_numpy(), own["end"].to_numpy(), at)
        found = steps(ax, f"running:{kind}", at)
        some = count > 0
        alike(found[some, 0], below[some], f"below {kind}")
        alike((found[:, 1] - found[:, 0]), count, f"running in {kind}")
        below = below + count
    alive = _at_once(lived[0], np.where(np.isnan(lived[1]), np.inf, lived[1]), at)
    shown = level(ax, "environments", at)
    alike(np.nan_to_num(shown), alive, "environments alive")
    _limits(trace, ax, at)
    throttles = trace.scaling[trace.scaling["kind"] == "throttle"]
    when = since(trace, throttles["at"])
    causes = throttles["cause"].astype(str)
    assert gids(ax, "throttles:") == {f"throttles:{cause}" for cause in causes}
    for cause in {*causes}:
        known = {round(float(t), 6) for t in when[(causes == cause).to_numpy()]}
        marks = [x for x, _ in points(ax, f"throttles:{cause}")]
        assert {round(x, 6) for x in marks} <= known, "a mark is a throttle"
        assert marks, cause
        assert re.search(rf"\b{(causes == cause).sum():,} throttles?: ", words(ax)), cause
    assert f"at most {int(below.max()):,} at once" in title(ax)


def _at_once(starts: Any, ends: Any, at: Any) -> Any:
    return np.array([((starts <= t) & (t < ends)).sum() for t in at], float)


def _limits(trace: Any, ax: Axes, at: Any) -> None:
    """Reserved concurrency as set, provisioned as allocated, both over time."""
    table = trace.scaling
    own = table[(table["kind"] == "provisioned").to_numpy()]
    if len(own):
        when, change = since(trace, own["at"]), (own["after"] - own["before"]).to_numpy()
        usable = np.array([change[when <= t].sum() for t in at], float)
        alike(np.nan_to_num(level(ax, "limit:provisioned", at)), usable, "provisioned concurrency")
    own = table[(table["kind"] == "limit").to_numpy()]
    if len(own) and own["subject"].nunique() == 1 == trace.attempts["function"].nunique():
        when, value = since(trace, own["at"]), own["after"].to_numpy(float)
        expected = [value[when <= t][-1] if (when <= t).any() else np.nan for t in at]
        alike(level(ax, "limit:reserved", at), expected, "reserved concurrency")

"""Bars of callers, invocations, batches, environments and the runs in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lambdalab.trace.codes import BatchOutcome
from lambdalab.trace.words import shard_name
from lambdalab.widgets.viewer.lanes import fitted
from lambdalab.widgets.viewer.looks import BATCHES, OUTCOMES, PLACE, STATUSES
from lambdalab.widgets.viewer.making import Making
from lambdalab.widgets.viewer.parts import Ints, Mask, Part, numbers, places, times, which, whys

_LETTERS, _MESSAGES = 200, 5_000
"""Of an error's text so many letters are told, of a trace's texts so many."""


def _looks(column: pd.Series[Any], keys: dict[str, str], otherwise: str) -> Ints:
    return places(column, {word: PLACE[key] for word, key in keys.items()}, PLACE[otherwise])


def _pairs(make: Making, first: pd.Series[Any], second: pd.Series[Any], between: str) -> Ints:
    """The text of two columns joined, by number: "drive invokes put_order"."""
    (one, names), (other, others) = pd.factorize(first), pd.factorize(second)
    scale = max(len(others), 1)
    codes, unique = pd.factorize(one.astype(np.int64) * scale + other)
    texts = [f"{names[pair // scale]} {between} {others[pair % scale]}" for pair in unique.tolist()]
    return np.array([make.words(text) for text in texts] or [0], dtype=np.int64)[codes]


def callers(make: Making) -> Part:
    """What callers outside saw, but where it is just what Lambda's own row says."""
    table = make.trace.requests
    start, end = times(make.trace, table["sent_at"]), times(make.trace, table["answered_at"])
    request, row = numbers(table["request_id"]), np.arange(len(table))
    answered = ~np.isnan(end)
    alike = _same_as_lambdas(make, request, start, end) & (table["front"] == "").to_numpy()
    status = table["status_code"].to_numpy()
    bad = answered & ((status >= 400) | (status == 0))
    group = make.group_column("callers", table["caller"].astype(object))
    front = table["front"].astype(object).where(table["front"] != "", "Lambda")
    again = table["tries"].to_numpy() > 1
    say = make.say(
        len(table),
        (~answered, "{c#t}, and still waits"),
        (answered & (status == 0), "{c#t}, and waits no longer after {took} ({why})"),
        (again, "{c#t}, try {a}, and is answered {b} after {took} ({why})"),
        otherwise="{c#t}, and is answered {b} after {took} ({why})",
    )
    part = make.part(
        "requests", "c", start, make.closed(end), group=group, number=row + 1, row=row, say=say,
        look=np.where(bad, PLACE["gave_up"], PLACE["asked"]), why=whys(table["cause"]),
        a=table["tries"].to_numpy(), b=status, c=_pairs(make, table["caller"], front, "asks"),
    )  # fmt: skip
    part = part.chosen(~alike)
    part.columns["lane"] = fitted(part.column("group"), part.start, part.end)
    return part


def _same_as_lambdas(make: Making, request: Ints, start: Any, end: Any) -> Mask:
    calls = make.trace.invocations
    begun = np.append(np.nan, times(make.trace, calls["requested_at"]))[request]
    ended = np.append(np.nan, times(make.trace, calls["completed_at"]))[request]
    same: Mask = (begun == start) & ((ended == end) | (np.isnan(ended) & np.isnan(end)))
    return same


def invocations(make: Making) -> Part:
    """From Invoke call to its end, for an event also the hours between."""
    table = make.trace.invocations
    start, end = times(make.trace, table["requested_at"]), times(make.trace, table["completed_at"])
    open_ = np.isnan(end)
    parent = table["parent_kind"].astype(object).to_numpy()
    looks = _looks(table["status"], STATUSES, "refused")
    function = table["function"].astype(object).where(table["function"] != "", "(no function)")
    part = make.part(
        "invocations", "r", start, make.closed(end), row=np.arange(len(table)), look=looks,
        group=make.group_column("requests", function), number=np.arange(1, len(table) + 1),
        why=whys(table["cause"]), say=_invocation_says(make, table, open_, parent),
        a=table["status_code"].to_numpy(), b=numbers(table["parent_id"]),
        c=_pairs(make, table["source"], function, "invokes"), d=table["attempts"].to_numpy(),
    )  # fmt: skip
    part.columns["lane"] = fitted(part.column("group"), part.start, part.end)
    return part


def _invocation_says(make: Making, table: pd.DataFrame, open_: Mask, parent: Any) -> Ints:
    """One sentence for each mixture of kind, parent and status that there is."""
    event = which(table["invocation_type"], "Event") & (table["status_code"] == 202).to_numpy()
    status = table["status"].astype(object).to_numpy()
    cases = []
    for kind, letter in (
        ("", ""),
        ("request", "r"),
        ("batch", "b"),
        ("message", "m"),
        ("event", "m"),
    ):
        for of_event in (False, True):
            some = (parent == kind) & (event == of_event)
            for word in pd.unique(status[some]):
                mask = some & (status == word)
                cases.append((mask, _invocation_say(letter, of_event, str(word))))
    return make.say(len(table), *cases, otherwise="")


def _invocation_say(letter: str, event: bool, status: str) -> str:
    of = f" for {{b#{letter}}}" if letter else ""
    how = " asynchronously" if event else ""
    if status == "in_flight":
        return f"{{c#t}}{how} as {{id}}{of}: not over yet"
    told = status.replace("_", " ")
    over = "accepted (202); over" if event else "answered with {a}"
    return f"{{c#t}}{how} as {{id}}{of}: {over} after {{took}}, {told} ({{why}})"


def attempts(make: Making) -> Part:
    """The cold part of each run and its handler, in the lane of its environment."""
    table = make.trace.attempts
    start, end = times(make.trace, table["started_at"]), times(make.trace, table["ended_at"])
    cold_ms = table[["setup_ms", "init_ms"]].sum(axis=1).to_numpy()
    closed = make.closed(end)
    begun = np.minimum(start + cold_ms / 1000, closed)
    number = np.arange(1, len(table) + 1)
    shared: dict[str, Any] = {
        "group": make.group_column("environments", table["function"].astype(object)),
        "number": number, "row": number - 1, "b": numbers(table["environment_id"]),
        "a": numbers(table["request_id"]), "d": table["attempt"].to_numpy(),
        "why": whys(table["cause"]),
    }  # fmt: skip
    cold = make.part(
        "attempts", "a", start, begun, look="cold_start", **shared,
        say=make.says("cold start: {took} to make {b#e} ready for attempt {d} of {a#r}"),
    )  # fmt: skip
    error = _errors(table)
    never = which(table["outcome"], "init_error")
    run = make.part(
        "attempts", "a", np.where(never, closed, begun), closed, **shared,
        look=_looks(table["outcome"], OUTCOMES, "broken"), say=_attempt_says(make, table, end),
        c=make.words.column(error.where(table["error_type"] != "", "")),
        e=table["billed_ms"].fillna(0).to_numpy().astype(np.int64),
    )  # fmt: skip
    parts = [cold.chosen(begun > start), run]
    return _together(parts)


def _errors(table: pd.DataFrame) -> pd.Series[Any]:
    """What went wrong, in words; where almost every run has words of its own, only of what type it was."""
    message = table["error_message"].str.slice(0, _LETTERS)
    if message.nunique() > _MESSAGES:
        return table["error_type"].astype(object)
    return table["error_type"].astype(object) + ": " + message


def _attempt_says(make: Making, table: pd.DataFrame, end: Any) -> Ints:
    verbs = {
        "success": "succeeds", "timeout": "times out", "exit": "ends its process",
        "out_of_memory": "runs out of memory", "init_error": "fails to initialise",
        "response_too_large": "answers with too large a response", "killed": "is ended from outside",
    }  # fmt: skip
    what, tail = "attempt {d} of {a#r} in {b#e}", "after {took} ({why}); billed {e} ms"
    told = (table["error_type"] != "").to_numpy() & which(table["outcome"], "error", "exit")
    cases = [
        (which(table["outcome"], word), f"{what} {verb} {tail}") for word, verb in verbs.items()
    ]
    return make.say(
        len(table),
        (np.isnan(end), f"{what} runs ({{why}})"),
        (told, f"{what} fails after {{took}}: {{c#t}} ({{why}}); billed {{e}} ms"),
        *cases,
        otherwise=f"{what} fails {tail}",
    )


def _together(parts: list[Part]) -> Part:
    """Parts that have the same columns, as one."""
    names = {name for part in parts for name in part.columns}
    columns = {name: np.concatenate([part.column(name) for part in parts]) for name in names}
    return Part(
        np.concatenate([p.start for p in parts]), np.concatenate([p.end for p in parts]), columns
    )


def environments(make: Making) -> Part:
    """The life of each environment; the initialisation of those that were made ahead."""
    table = make.trace.environments
    start, ready, end = (
        times(make.trace, table[name]) for name in ("started_at", "ready_at", "ended_at")
    )
    number = np.arange(1, len(table) + 1)
    shared: dict[str, Any] = {
        "group": make.group_column("environments", table["function"].astype(object)),
        "number": number, "row": number - 1,
        "c": make.words.column(table["ended_because"].astype(object)),
    }  # fmt: skip
    known = ~np.isnan(ready)
    life = make.part(
        "environments", "e", ready, make.closed(end), look="idle", **shared,
        say=make.say(
            len(table), (np.isnan(end), "{id} is ready, and there for {took} so far"),
            otherwise="{id} is ready, and there for {took}; then it ends ({c#t})",
        ),
    )  # fmt: skip
    ahead = make.part(
        "environments",
        "e",
        start,
        make.closed(ready),
        look="cold_start",
        **shared,
        say=make.says("{id} is made ahead, for provisioned concurrency, and ready after {took}"),
    )
    return _together([life.chosen(known), ahead.chosen(which(table["kind"], "provisioned"))])


def in_lanes_of_environments(make: Making, parts: list[Part]) -> None:
    """Give bars of runs and environments the lanes of their environments, in order of their numbers."""
    environment = [
        part.column("number" if part.columns["kind"].max(initial=0) == 4 else "b") for part in parts
    ]
    group = np.concatenate([part.column("group") for part in parts])
    number = np.concatenate(environment)
    pairs = np.unique(np.column_stack([group, number]), axis=0)
    first = np.searchsorted(pairs[:, 0], pairs[:, 0])
    within = np.arange(len(pairs)) - first
    scale = int(number.max(initial=0)) + 1
    for part, own in zip(parts, environment, strict=True):
        wanted = part.column("group") * scale + own
        part.columns["lane"] = within[np.searchsorted(pairs[:, 0] * scale + pairs[:, 1], wanted)]
    for code in np.unique(pairs[:, 0]).tolist():
        make.labels[code] = [f"e{n}" for n in pairs[pairs[:, 0] == code, 1].tolist()]


def batches(make: Making) -> Part:
    """How long each batch gathered, and how long it was with the function."""
    table = make.trace.batches
    window, joined, flushed, completed = (
        times(make.trace, table[name])
        for name in ("window_opened_at", "opened_at", "flushed_at", "completed_at")
    )
    opened = np.fmin(window, joined)
    number = np.arange(1, len(table) + 1)
    shared: dict[str, Any] = {
        "group": make.group_column("batches", table["mapping"].astype(object)),
        "number": number, "row": number - 1, "a": table["records"].to_numpy(),
        "b": table["size_bytes"].to_numpy(), "c": make.words.column(table["source"].astype(object)),
        "d": table["failed_records"].to_numpy(), "why": whys(table["cause"], batches=True),
    }  # fmt: skip
    shared["lane"] = _poller_lanes(make, table, shared["group"])
    one = (table["records"] == 1).to_numpy()
    gathering = make.part(
        "batches", "b", opened, flushed, look="gathering", **shared,
        say=make.say(len(table), (one, "{id} gathers 1 record of {c#t} for {took} ({why})"),
                     otherwise="{id} gathers {a} records of {c#t} for {took} ({why})"),
    )  # fmt: skip
    handed = make.part(
        "batches",
        "b",
        flushed,
        make.closed(completed),
        **shared,
        look=_looks(table["outcome"], BATCHES, "batch_failed"),
        say=_batch_says(make, table, one),
    )
    return _together([gathering.chosen(flushed > opened), handed])


def _batch_says(make: Making, table: pd.DataFrame, one: Mask) -> Ints:
    cases = []
    for outcome, meaning in BatchOutcome.meanings.items():
        for single in (True, False):
            size = "1 record" if single else "{a} records"
            said = f"{outcome.replace('_', ' ')} ({meaning})"
            some = ", {d} of them failed" if outcome == "partial" else ""
            over = (
                "not over yet" if outcome == "in_flight" else f"over after {{took}}: {said}{some}"
            )
            text = f"{{id}} is handed over with {size}, {{b#s}} ({{why}}); {over}"
            cases.append((which(table["outcome"], outcome) & (one == single), text))
    return make.say(len(table), *cases, otherwise="")


def _poller_lanes(make: Making, table: pd.DataFrame, group: Ints) -> Ints:
    """A lane for each poller, or for each lane of a shard."""
    lanes = np.zeros(len(table), dtype=np.int64)
    for code in np.unique(group).tolist():
        mine = group == code
        shard, poller = table["shard"][mine].astype(object), table["poller"][mine]
        keys = pd.MultiIndex.from_arrays([shard, poller])
        codes, unique = pd.factorize(keys, sort=True)
        lanes[mine] = codes
        make.labels[code] = [
            f"{shard_name(name)} · {who}" if name else f"poller {who}" for name, who in unique
        ]
    return lanes

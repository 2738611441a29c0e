"""The sentences of the explorer of concurrency: which of five stories a run tells, and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.widgets.facts import Telling, Why

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.trace import Trace

SPELLED = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
"""Small numbers as they are said."""


def why(trace: Trace) -> Why:
    """The telling thing of a run: throttles, spill-over, idle ends, a crowd, or plain overlap."""
    tell = Telling(trace)
    if not len(trace.invocations):
        return tell.why("Nobody has called yet.")
    if len(tell.rows("invocations", {"status": "throttled"})):
        return tell.why(_throttled(tell))
    if len(tell.rows("environments", {"kind": "provisioned"})):
        return tell.why(_provisioned(tell))
    if (again := cold_again(trace)) is not None:
        return tell.why(_expired(tell, *again))
    if (at := crowd(trace)) is not None:
        return tell.why(_crowded(tell, at))
    return tell.why(_overlapped(tell))


def crowd(trace: Trace) -> Any:
    """The moment at which most calls came; None: no two came at the same moment.

    >>> from lambdalab.scenarios.concurrency import concurrency
    >>> crowd(concurrency()) is None, crowd(concurrency(arrivals="burst")) is None
    (True, False)
    """
    column = trace.invocations["requested_at"]
    found, first, counts = np.unique(_plain(column), return_index=True, return_counts=True)
    if not len(found) or counts.max() < 2:
        return None
    return column.iloc[int(first[counts.argmax()])]


def cold_again(trace: Trace) -> tuple[pd.Series[Any], pd.Series[Any]] | None:
    """The first environment that ended idle, and the attempt that then had to start another."""
    ended = trace.environments[(trace.environments["ended_because"] == "idle_expiry").to_numpy()]
    if not len(ended):
        return None
    first = ended.iloc[int(np.argmin(_plain(ended["ended_at"])))]
    runs = trace.attempts
    later = runs[runs["cold_start"].to_numpy() & (runs["started_at"] >= first["ended_at"])]
    return (first, later.iloc[0]) if len(later) else None


def said(number: int) -> str:
    """A number in words where it is small, else in digits.

    >>> said(7), said(1204)
    ('seven', '1,204')
    """
    return SPELLED[number] if 0 <= number < len(SPELLED) else f"{number:,}"


def _plain(moments: pd.Series[Any]) -> Any:
    """Moments without their zone: as objects they would be slow."""
    return moments.to_numpy(dtype="datetime64[us]")


# ---- throttles ------------------------------------------------------------------------------------


def _throttled(tell: Telling) -> str:
    """What the first refused call met, and how many met the same."""
    refused = tell.rows("invocations", {"status": "throttled"})
    cause = str(refused["cause"].astype(str).mode().iloc[0])
    first = refused[(refused["cause"] == cause).to_numpy()].iloc[0]
    one = {"request_id": first["request_id"]}
    who = tell.id("request", first["request_id"])
    begun = f"At {tell.value('invocations', 'requested_at', one)}"
    same = {"requested_at": first["requested_at"]}
    if len(tell.rows("invocations", same)) > 1:
        begun += f" {tell.count('call', 'invocations', same)} came at the same moment, and"
    got = f"{who} got a {tell.value('invocations', 'status_code', one)}"
    others = {"status": "throttled", "request_id": ("!=", first["request_id"])}
    more = tell.value("invocations", "request_id", others, "unique")
    every = tell.count("call", "invocations")
    rest = "" if more == "0" else f" So did {more} more of {every}."
    return f"{_refusal(tell, cause, begun, got)}{rest}"


def _refusal(tell: Telling, cause: str, begun: str, got: str) -> str:
    throttle = {"kind": "throttle", "cause": cause}
    limit = tell.value("scaling", "after", throttle)
    if cause == "throttled_scaling":
        whole = tell.setting("account", "concurrency", "limit")
        each = tell.setting("account", "concurrency", "scaling_rate")
        return (
            f"{begun} {got} although the account has room for {whole} at once: a function is given "
            f"{limit} new environments at once, and then only {each} more each second."
        )
    if cause == "throttled_account":
        return f"{begun} all {limit} that the account allows at once were at work: {got}."
    if cause == "throttled_reserved":
        whole = f"of {limit}"
        if len(tell.rows("environments", {"kind": "provisioned"})):
            whole = f"({limit} beside what is provisioned)"
        return (
            f"{begun} the reserved concurrency {whole} was used up: {got}, with plenty of room left in "
            "the account."
        )
    if cause == "throttled_provisioned":
        return (
            f"{begun} every provisioned environment was at work, and the reservation has room for "
            f"nothing beside them: {got}."
        )
    return (
        f"{begun} {limit} had been let in within a second: {got}, for each unit of concurrency takes "
        "ten calls a second, however short they are."
    )


# ---- provisioned ----------------------------------------------------------------------------------


def _provisioned(tell: Telling) -> str:
    """Who was served warm, and who spilled over."""
    ready = tell.value("scaling", "after", {"kind": "provisioned"}, "max")
    every = tell.count("call", "invocations")
    spilled = tell.rows("attempts", {"init_type": "on_demand"})
    if not len(spilled):
        most = tell.value("attempts", "started_at", None, "overlap")
        idle = {"kind": "provisioned", "invocations": 0}
        unused = tell.count("environment", "environments", idle)
        paid = "" if unused.startswith("0 ") else f" {unused} never ran, and you pay for them too."
        return (
            f"All of {every} found a provisioned environment: at most {most} of {ready} were at work "
            f"at once, and nobody waited for a cold start.{paid}"
        )
    first = spilled.iloc[0]
    one = {"request_id": first["request_id"]}
    at = tell.value("attempts", "started_at", one)
    who = tell.id("request", first["request_id"])
    began = _beginning(tell, first)
    many = tell.value("attempts", "request_id", {"init_type": "on_demand"}, "unique")
    bound = _bound(tell, first, ready)
    return f"At {at} {bound}: {who} spilled over{began}. In all, {many} of {every} did."


def _bound(tell: Telling, first: pd.Series[Any], ready: str) -> str:
    """Which limit of provisioned concurrency made the first call spill over."""
    at = first["started_at"]
    busy = {"init_type": "provisioned", "started_at": ("<=", at), "ended_at": (">", at)}
    if len(tell.rows("attempts", busy)) >= int(ready.replace(",", "")):
        if ready == "1":
            only = tell.value("scaling", "after", {"kind": "provisioned"}, "max", text="one")
            return f"the {only} provisioned environment was at work"
        return f"all {ready} provisioned environments were at work"
    return (
        f"the provisioned concurrency of {ready} had let in its ten calls for each within a second"
    )


def _beginning(tell: Telling, attempt: pd.Series[Any]) -> str:
    """How a call that spilled over began."""
    where = tell.id("environment", attempt["environment_id"])
    if not attempt["cold_start"]:
        return f" to {where}, which was warm"
    one = {"request_id": attempt["request_id"]}
    return (
        f" to a new one, {where}, and waited {tell.value('attempts', 'init_ms', one)} for its init"
    )


# ---- on demand ------------------------------------------------------------------------------------


def _expired(tell: Telling, ended: pd.Series[Any], cold: pd.Series[Any]) -> str:
    """An environment that nobody called for too long, and who paid for the next."""
    one = {"environment_id": ended["environment_id"]}
    where = tell.id("environment", ended["environment_id"])
    idle = tell.setting("function", str(ended["function"]), "idle_expiry", "s")
    over = tell.value("environments", "ended_at", one)
    request = {"request_id": cold["request_id"]}
    who, at = tell.id("request", cold["request_id"]), tell.value("attempts", "started_at", request)
    again = tell.value("attempts", "request_id", {"cold_start": True}, "unique")
    every = tell.count("run", "attempts")
    return (
        f"Nobody called {where} for {idle}, so it ended at {over}; {who} came at {at} and began cold "
        f"again. So began {again} of {every}: cold starts do not come only once."
    )


def _crowded(tell: Telling, moment: Any) -> str:
    """Calls of the same moment: each takes an environment of its own."""
    at = tell.value("invocations", "requested_at", {"requested_at": moment}, text="")
    same = {"started_at": moment}
    many = tell.count("call", "attempts", same)
    warm = tell.rows("attempts", same | {"cold_start": False})
    cold = tell.value("attempts", "request_id", same | {"cold_start": True}, "unique")
    begun = f"At {at} {many} came at the same moment"
    if not len(warm):
        return (
            f"{begun}. None found an environment free, so each started one of its own, cold: an "
            "environment serves one event at a time."
        )
    if cold == "0":
        return f"{begun}, and as many environments were free: all began warm."
    found = tell.value("attempts", "request_id", same | {"cold_start": False}, "unique")
    if len(warm) == 1:
        found = tell.id("environment", warm["environment_id"].iloc[0])
        return (
            f"{begun}. Only {found} was there and free, and it serves one event at a time: "
            f"{cold} of them began cold. One caller keeps one environment warm."
        )
    return f"{begun}. {found} found an environment free; {cold} had to start one, cold."


def _overlapped(tell: Telling) -> str:
    """How many calls overlapped, and so many environments there are."""
    runs = tell.trace.attempts
    most = int(tell.number("attempts", "started_at", None, "overlap"))
    homes = int(tell.number("environments", "environment_id", None, "unique"))
    if most == 1:
        one = tell.value("environments", "environment_id", None, "unique", text=said(homes))
        every = tell.value("attempts", "request_id", None, "unique")
        first = tell.id("request", runs["request_id"].iloc[0])
        return (
            f"No two calls overlapped, so {one} environment served all {every}, and only {first} "
            "began cold."
        )
    peak = tell.value("attempts", "started_at", None, "overlap", text=said(most).capitalize())
    made = tell.value("environments", "environment_id", None, "unique", text=said(homes))
    at = tell.value("attempts", "started_at", {"request_id": runs["request_id"].iloc[_peak(runs)]})
    so = "so there are" if most == homes else "and there were"
    return f"{peak} calls overlapped at {at}, {so} {made} environments: one serves one event at a time."


def _peak(runs: pd.DataFrame) -> int:
    """The row of the attempt with which the most ran at once, for the first time."""
    began, ended = _plain(runs["started_at"]), _plain(runs["ended_at"])
    order = np.argsort(began, kind="stable")
    over = np.searchsorted(np.sort(ended), began[order], side="right")
    return int(order[np.argmax(np.arange(1, len(runs) + 1) - over)])

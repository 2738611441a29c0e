"""CloudWatch's metrics of concurrency: what runs at once, what is reserved and what is provisioned.

Source: dg/monitoring-metrics-types, dg/monitoring-concurrency.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lambdalab.trace.codes import EnvironmentKind, InitType, ScalingKind
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.tables import Tables

Shares = npt.NDArray[np.float64]


class Levels(NamedTuple):
    """How a metric's level changes: name of the metric, when, of which function, by how much.

    The function 0 is the account.
    """

    metric: str
    at: Numbers
    names: Numbers
    change: Numbers


class Spans(NamedTuple):
    """Attempts as spans: begin, end (-1: not over), the function's name number, and rows of them."""

    began: Numbers
    ended: Numbers
    owners: Numbers
    rows: Rows

    def only(self, chosen: Numbers) -> Spans:
        """Some of them."""
        return Spans(self.began[chosen], self.ended[chosen], self.owners[chosen], self.rows[chosen])

    def levels(self, metric: str) -> Levels:
        """One more from each beginning on, one less from each end."""
        over = self.ended >= 0
        at = np.concatenate([self.ended[over], self.began])
        change = np.concatenate([np.full(int(over.sum()), -1), np.ones(len(self.began), int)])
        return Levels(metric, at, np.concatenate([self.owners[over], self.owners]), change)


def levels(tables: Tables) -> Iterator[Levels]:
    """The level metrics, each by its changes."""
    spans = _attempts(tables)
    yield spans.levels("ConcurrentExecutions")
    yield _account(spans.levels("ConcurrentExecutions"))
    provisioned = spans.only(spans.rows["init_type"] == InitType.PROVISIONED)
    if len(provisioned.began):
        yield provisioned.levels("ProvisionedConcurrentExecutions")
    reserved, claimed = _reserved(tables), _provisioned(tables)
    on_demand = spans.only(spans.rows["init_type"] == InitType.ON_DEMAND)
    open_to_all = on_demand.only(~_held(reserved, on_demand.owners, on_demand.began))
    if len(open_to_all.began):
        unreserved = open_to_all.levels("UnreservedConcurrentExecutions")
        yield _account(unreserved)
        own = claimed.change * ~_held(reserved, claimed.names, claimed.at)
        parts = (unreserved, reserved, claimed._replace(change=own))
        yield Levels(
            "ClaimedAccountConcurrency", np.concatenate([part.at for part in parts]),
            np.zeros(sum(len(part.at) for part in parts), int),
            np.concatenate([part.change for part in parts]),
        )  # fmt: skip


def counts(tables: Tables) -> Iterator[tuple[str, Numbers, Numbers]]:
    """Invocations that provisioned concurrency served, and those that spilled over: when, of whom."""
    spans, claimed = _attempts(tables), _provisioned(tables)
    if not len(claimed.at):
        return
    served = spans.only(spans.rows["init_type"] == InitType.PROVISIONED)
    yield "ProvisionedConcurrencyInvocations", served.began, served.owners
    homes = tables.rows("environments")
    with_some = np.unique(_version(homes[homes["kind"] == EnvironmentKind.PROVISIONED]))
    home = homes[spans.rows["environment"] - 1]
    spilled = np.isin(_version(home), with_some) & (home["kind"] == EnvironmentKind.ON_DEMAND)
    over = spans.only(spilled & _held(claimed, spans.owners, spans.began))
    yield "ProvisionedConcurrencySpilloverInvocations", over.began, over.owners


def utilization(tables: Tables) -> Iterator[tuple[Numbers, Numbers, Shares]]:
    """Share of provisioned concurrency in use, whenever an invocation of it begins: when, whose, share."""
    spans, claimed = _attempts(tables), _provisioned(tables)
    served = spans.only(spans.rows["init_type"] == InitType.PROVISIONED)
    for owner in np.unique(served.owners).tolist():
        mine = served.only(served.owners == owner)
        busy = np.arange(1, len(mine.began) + 1) - np.searchsorted(
            np.sort(mine.ended[mine.ended >= 0]), mine.began, side="right"
        )
        there = _at(claimed, owner, mine.began)
        yield mine.began, mine.owners, busy / np.maximum(there, 1)


def _attempts(tables: Tables) -> Spans:
    rows = tables.rows("attempts")
    owners = tables.functions_of_requests()[rows["request"]]
    return Spans(
        rows["started_at"].astype(np.int64), rows["ended_at"].astype(np.int64), owners, rows
    )


def _account(of_functions: Levels) -> Levels:
    return of_functions._replace(names=np.zeros(len(of_functions.names), int))


def _version(homes: Rows) -> Numbers:
    """Function and version of an environment as one number."""
    number: Numbers = homes["function"].astype(np.int64) << 32 | homes["version"]
    return number


def _reserved(tables: Tables) -> Levels:
    return _changes(tables, ScalingKind.LIMIT)


def _provisioned(tables: Tables) -> Levels:
    return _changes(tables, ScalingKind.PROVISIONED)


def _changes(tables: Tables, kind: int) -> Levels:
    """Changes of a capacity by function ("bill" for the subject "bill:live")."""
    rows, names = tables.rows("scaling"), tables.recorder.names
    rows = rows[rows["kind"] == kind]
    codes = rows["subject"].tolist()
    owners = {code: tables.recorder.name(names[code].partition(":")[0]) for code in codes}
    change = rows["after"].astype(np.int64) - rows["before"]
    at = rows["at"].astype(np.int64)
    return Levels("", at, np.array([owners[code] for code in codes], np.int64), change)


def _at(capacity: Levels, owner: int, at: Numbers) -> Numbers:
    """How large a function's capacity was at each of these times."""
    mine = capacity.names == owner
    sums = np.concatenate([[0], np.cumsum(capacity.change[mine])])
    return sums[np.searchsorted(capacity.at[mine], at, side="right")]


def _held(capacity: Levels, owners: Numbers, at: Numbers) -> Numbers:
    """Whether each function had any of it at that time."""
    held = np.zeros(len(at), bool)
    for owner in np.unique(capacity.names).tolist():
        mine = owners == owner
        held[mine] = _at(capacity, owner, at[mine]) > 0
    return held

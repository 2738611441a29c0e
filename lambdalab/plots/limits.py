"""Limits on concurrency over time, as the books tell them: the account's, reserved, provisioned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lambdalab.plots.frames import Floats, Ints, Mask, function_setting, seconds, wired

if TYPE_CHECKING:
    from lambdalab.trace import Trace


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as a step line: ``value[i]`` holds from ``at[i]`` seconds on; NaN is no limit.

    ``kind`` is account, reserved or provisioned; ``said`` is what its label says before the number.
    """

    kind: str
    said: str
    at: Floats
    value: Floats

    @property
    def highest(self) -> float:
        """The most it ever was; 0 where it never was."""
        return float(np.nanmax(self.value, initial=0.0))

    def label(self, value: float) -> str:
        """Its name with a number: "reserved concurrency 10"."""
        return f"{self.said} {value:,.0f}"

    def steps(self, end: float) -> tuple[Floats, Floats]:
        """The corners of the line, up to ``end``: x and y."""
        at = np.append(self.at, max(end, float(self.at[-1])))
        return np.repeat(at, 2)[1:-1], np.repeat(self.value, 2)


def limits(trace: Trace, functions: list[str]) -> list[Limit]:
    """The limits that hold for these functions together.

    One function has its reserved concurrency or, where it reserves none, what the account leaves
    unreserved; several have the account's. Provisioned concurrency is added up over versions and aliases.
    """
    table = trace.scaling
    reserved = table[(table["kind"] == "limit").to_numpy()]
    found: list[Limit | None] = []
    if len(functions) == 1:
        found.append(_reserved(trace, reserved, functions[0]))
    if not any(found):
        alone = functions[0] if len(functions) == 1 else None
        found.append(_account(trace, reserved, alone))
    found.append(_provisioned(trace, table[(table["kind"] == "provisioned").to_numpy()], functions))
    return [limit for limit in found if limit is not None]


def owners(subjects: pd.Series[str]) -> tuple[Ints, list[str]]:
    """The function of each subject ("bill" of "bill" and of "bill:live"), as its place in a list."""
    codes, unique = pd.factorize(subjects)
    names = [str(subject).partition(":")[0] for subject in unique]
    known = list(dict.fromkeys(names))
    places = np.array([known.index(name) for name in names], dtype=np.int64)
    return places[codes] if len(codes) else np.zeros(0, np.int64), known


def owned(subjects: pd.Series[str], functions: list[str]) -> Mask:
    """Which subjects belong to these functions."""
    places, known = owners(subjects)
    return np.array([name in functions for name in known], dtype=bool)[places]


def _reserved(trace: Trace, rows: pd.DataFrame, function: str) -> Limit | None:
    """What a function reserves; NaN while it reserves nothing."""
    own = rows[(rows["subject"] == function).to_numpy()]
    said = "reserved concurrency"
    if not len(own):
        value = function_setting(trace, function, "reserved_concurrency")
        if value is None:
            return None
        return Limit("reserved", said, np.zeros(1), np.array([float(value)]))
    value = own["after"].to_numpy(dtype=float)
    value[(own["cause"] == "released").to_numpy()] = np.nan
    return Limit("reserved", said, seconds(trace, own["at"]), value)


def _account(trace: Trace, rows: pd.DataFrame, function: str | None) -> Limit | None:
    """The account's limit; for a single function less what all others reserve."""
    known = wired(trace, "account").get("concurrency", {}).get("limit")
    if known is None:
        return None
    whole = Limit("account", "account limit", np.zeros(1), np.array([float(str(known))]))
    if function is None or not len(rows):
        return whole
    at = np.append(0.0, seconds(trace, rows["at"]))
    taken = np.cumsum(np.append(0, (rows["after"] - rows["before"]).to_numpy()))
    said = f"of the account limit {known:,}, unreserved"
    return Limit("account", said, at, whole.value[0] - taken)


def _provisioned(trace: Trace, rows: pd.DataFrame, functions: list[str]) -> Limit | None:
    """Environments of provisioned concurrency that can be used, of all versions and aliases."""
    own = rows[owned(rows["subject"], functions)]
    if not len(own):
        return None
    usable = np.cumsum((own["after"] - own["before"]).to_numpy()).astype(float)
    usable[usable == 0] = np.nan
    return Limit("provisioned", "provisioned concurrency", seconds(trace, own["at"]), usable)

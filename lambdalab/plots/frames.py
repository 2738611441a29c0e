"""From a trace's tables to arrays that can be drawn: seconds, ordinals, short ids.

All that the plots read of a trace goes through its public tables, but for three facts that no table
has: when the lab began, how functions were set up, and how the account is. They are asked for here only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.errors import UnknownName
from lambdalab.rules import Rules

if TYPE_CHECKING:
    from lambdalab.trace import Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def start_of(trace: Trace) -> pd.Timestamp:
    """When the lab began (UTC)."""
    return trace.start


def seconds(trace: Trace, times: pd.Series[Any]) -> Floats:
    """Times as seconds since the lab's start; NaN where there is none."""
    since = (times - start_of(trace)).dt.total_seconds()
    return cast(Floats, since.to_numpy(dtype=np.float64))


def ordinals(ids: pd.Series[Any]) -> Ints:
    """The numbers in front of public ids (0 where there is no id)."""
    codes, unique = pd.factorize(ids)
    texts: list[str] = np.asarray(unique, dtype=object).tolist()  # a column's own iterator is slow
    values = np.array([int(text.partition("-")[0]) if text else 0 for text in texts] or [0])
    return cast(Ints, values[codes].astype(np.int64))


def ordinal(text: str) -> int:
    """The number in front of one public id."""
    return int(text.partition("-")[0]) if text else 0


def request_number(trace: Trace, text: str) -> int:
    """The number of a request named by its id in either form.

    Raises :class:`~lambdalab.errors.UnknownName` for an id that is not in this trace.
    """
    kind: str
    number: int
    kind, number = trace.ids.parse(text)
    last = len(trace.invocations)
    if kind != "request" or number > last:
        raise UnknownName("request in this trace", text, [f"r{last}"] if last else [])
    return number


def function_setting(trace: Trace, function: str, setting: str) -> Any:
    """A setting of a function; None where the books do not have it."""
    return trace.settings(function).get(setting)


def wired(trace: Trace, kind: str) -> dict[str, dict[str, Any]]:
    """The settings of what else stands in the books, by name: of a ``kind`` such as "account"."""
    return trace.wired(kind)


def account(trace: Trace, part: str, name: str, rule: str) -> int:
    """A number of the lab's account ("payload", "mapping"); the usual ``rule`` where the books lack it."""
    known = wired(trace, "account").get(part, {}).get(name)
    return int(known if known is not None else getattr(Rules.as_of(), rule))


def end_of(trace: Trace) -> float:
    """The last moment in the books, in seconds since the lab's start (0 where there is none)."""
    return (trace.end - start_of(trace)).total_seconds()

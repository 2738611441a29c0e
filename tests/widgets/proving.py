"""Is every number of a sentence in the trace's tables? Each fact is worked out anew, another way.

Nothing here uses the code that made the sentence: rows are chosen with ``DataFrame.query``, numbers are
read from the text as a person reads them, and compared to the precision that is printed.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

import numpy as np
import pandas as pd

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
SHORT = re.compile(r"([rebma])(\d+)\Z")
SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400}
BYTES = {"B": 1, "KB": 1024, "MB": 1024**2}
UNITS = re.compile(r"(\d[\d,]*(?:\.\d+)?) ?(ms|min|s|h|d|B|KB|MB)\b")
TIMES = {"once": 1, "twice": 2}
SPELLED = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def check(why, trace) -> None:
    """Raise AssertionError where a number of the sentence is not proved, or its proof is wrong."""
    assert isinstance(why, str)
    for fact in why.facts:
        _check_fact(fact, trace, why)
    rest = str(why)
    for fact in sorted(why.facts, key=lambda fact: -len(fact.text)):
        rest = rest.replace(fact.text, " ")
    left = NUMBER.findall(re.sub(r"`[^`]*`", " ", rest))
    assert not left, f"{left} of {why!r} stands in no table"


def _check_fact(fact, trace, why) -> None:
    found = _worked_out(fact, trace)
    told = f"{fact} of {why!r}: the books have {found!r}"
    short = SHORT.match(fact.text)
    if short and isinstance(found, list):
        assert any(int(str(one).partition("-")[0]) == int(short[2]) for one in found), told
        return
    said, precision = _read(fact.text, fact)
    values = found if isinstance(found, list) else [found]
    assert any(_same(said, precision, value) for value in values), told


def _same(said: float, precision: float, value: float) -> bool:
    return math.isclose(said, value, abs_tol=precision * 0.5000001 + 1e-9, rel_tol=1e-9)


def _read(text: str, fact) -> tuple[float, float]:
    """What a text means in the column's own unit, and the precision with which it is written."""
    timed = UNITS.findall(text)
    if timed:
        factors = SECONDS | BYTES
        said = sum(float(n.replace(",", "")) * factors[unit] for n, unit in timed)
        precision = _precision_of(timed) * factors[timed[-1][1]]
        scale = 1000 if fact.column.endswith("_ms") else 1
        return said * scale, precision * scale
    plain = NUMBER.search(text)
    if plain is None:
        word = text.split()[0].lower()
        return float(TIMES[word] if word in TIMES else SPELLED.index(word)), 0.0
    return float(plain[0].replace(",", "")), _precision(plain[0])


LEFT_OUT = {"ms": 0.01, "s": 0.1, "min": 1 / 60, "h": 1 / 60, "d": 1 / 24, "B": 1, "KB": 1, "MB": 1}
"""The last place that a whole number of one unit leaves out: "29 s" is 29.0 s, "2 h" is 2 h 0 min."""


def _precision_of(timed: list[tuple[str, str]]) -> float:
    """Of a length of time or a size, in its last unit."""
    number, unit = timed[-1]
    if "." in number:
        return _precision(number)
    return 1.0 if len(timed) > 1 else LEFT_OUT[unit]


def _precision(number: str) -> float:
    """Half of it either way is what rounding may have taken; digits that end in zeros count as written."""
    _, dot, decimals = number.partition(".")
    if dot:
        return float(10 ** -len(decimals))
    digits = number.replace(",", "")
    return 1.0 if len(digits) > 3 else 0.0 if int(digits) < 1000 else 1.0


def _worked_out(fact, trace):
    """The number of a fact: a list where any of several rows may be meant."""
    if fact.table == "wired":
        where = dict(fact.where)
        kind, name = where["kind"], where["name"]
        kept = trace.settings(name) if kind == "function" else trace.wired(kind)[name]
        return float(kept[fact.column])
    rows = _chosen(getattr(trace, fact.table), fact.where)
    if fact.how == "count":
        return float(len(rows))
    if fact.how == "overlap":
        return float(_most_at_once(rows))
    if fact.how == "unique":
        return float(rows[fact.column].dropna().nunique())
    values = _numbers(trace, rows, fact.column)
    if fact.how == "value":
        return values
    assert values, f"{fact}: no rows"
    if fact.how == "per_million":
        return 1e6 * math.fsum(values) / len(values)
    if fact.how.startswith("p"):
        rank = math.ceil(int(fact.how[1:]) / 100 * len(values))
        return sorted(values)[max(rank, 1) - 1]
    return {"sum": math.fsum, "min": min, "max": max, "mean": lambda v: math.fsum(v) / len(v)}[
        fact.how
    ](values)


def _chosen(frame: pd.DataFrame, where) -> pd.DataFrame:
    for column, wanted in where:
        operator, _wanted = wanted if isinstance(wanted, tuple) else ("==", wanted)
        if column == "sent_at" and column not in frame:
            frame = frame.assign(
                sent_at=[r.at - timedelta(milliseconds=r.age_ms) for r in frame.itertuples()]
            )
        frame = frame.query(f"`{column}` {operator} @_wanted")
    return frame


def _numbers(trace, rows: pd.DataFrame, column: str) -> list:
    if ".." in column:
        first, last = column.split("..")
        return [(b - a) / pd.Timedelta("1s") for a, b in zip(rows[first], rows[last], strict=True)]
    if column.endswith("_id"):
        return rows[column].tolist()
    values = rows[column].dropna()
    if column == "at" or column.endswith("_at"):
        return [(value - trace.start) / pd.Timedelta("1s") for value in values]
    return [float(value) for value in values]


def _most_at_once(rows: pd.DataFrame) -> int:
    """By looking at each beginning: who else has begun and not ended."""
    began, ended = rows["started_at"].to_numpy(), rows["ended_at"].to_numpy()
    return max((int(np.sum((began <= at) & ~(ended <= at))) for at in began), default=0)

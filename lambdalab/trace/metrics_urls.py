"""The metrics of function URLs (dg/urls-monitoring), under the name of the function.

What a URL answered counts, also where its caller had gone by then. Times are those of the request.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lambdalab.trace.columns import Numbers
from lambdalab.trace.tables import Tables

UrlSample = tuple[str, str, Numbers, Numbers, npt.NDArray[np.float64]]
"""Metric, unit, when, which function (name numbers), how much."""


def urls(tables: Tables) -> Iterator[UrlSample]:
    """UrlRequestCount, Url4xxCount, Url5xxCount and UrlRequestLatency."""
    names = tables.recorder.names
    code = {name: number for number, name in enumerate(names)}
    function_of = {
        code[url]: code[str(known["function"])]
        for url, known in tables.recorder.wiring.get("function_url", {}).items()
        if url in code and str(known["function"]) in code
    }
    rows = tables.rows("requests")
    chosen = np.isin(rows["front"], list(function_of))
    if not chosen.any():
        return
    answered, status = rows["answered_at"].copy(), rows["status_code"].copy()
    late = tables.rows("fronts")
    answered[rows["gave_up"] != 0] = -1
    answered[late["row"]], status[late["row"]] = late["answered_at"], late["status_code"]
    at, answered, status = rows["sent_at"][chosen], answered[chosen], status[chosen]
    owners = np.array([function_of[front] for front in rows["front"][chosen].tolist()], np.int64)
    over = answered >= 0
    yield "UrlRequestCount", "Count", at, owners, np.ones(len(at))
    for metric, kind in (("Url4xxCount", 4), ("Url5xxCount", 5)):
        those = over & (status // 100 == kind)
        yield metric, "Count", at[over], owners[over], those[over].astype(np.float64)
    spent = (answered - at)[over] / 1000
    yield "UrlRequestLatency", "Milliseconds", at[over], owners[over], spent

"""The column of message groups: what group each message of a FIFO queue is of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lambdalab.trace.columns import Numbers, Texts, take, text


def group_column(groups: Mapping[int, str], messages: Numbers) -> Texts:
    """The groups of messages by number, ``""`` where a message has none (0: no message at all)."""
    names = ["", *sorted(set(groups.values()))]
    if not groups:
        return take(text(names), np.zeros(len(messages), dtype=np.int64))
    place = {name: number for number, name in enumerate(names)}
    codes = np.zeros(max(max(groups), int(messages.max(initial=0))) + 1, dtype=np.int64)
    codes[np.fromiter(groups, np.int64, len(groups))] = [place[name] for name in groups.values()]
    return take(text(names), codes[messages])

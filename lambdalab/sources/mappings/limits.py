"""The batch sizes and windows of every kind of source that Lambda polls, by the rules of a date.

Kafka, Amazon MQ and DocumentDB stand in the table for comparison; no lab polls them.
"""

from __future__ import annotations

import html
from typing import NamedTuple

from lambdalab.rules import Rules

_HEAD = ("source", "batch size", "at most", "window", "at most", "in a lab")


class SourceLimits(NamedTuple):
    """What mappings of one kind of source are made with, and what they may be set to.

    Sizes count records, windows are in seconds; ``window_maximum`` is 0 where there can be no window.
    ``simulated`` tells whether a lab has such sources.
    """

    source: str
    batch_size_default: int
    batch_size_maximum: int
    window_default: float
    window_maximum: int
    simulated: bool = True


class LimitsTable(tuple[SourceLimits, ...]):
    """One :class:`SourceLimits` for each kind of source, shown as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        rows = [_HEAD, *map(_cells, self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in _cells(row))}</tr>"
            for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(row: SourceLimits) -> tuple[str, ...]:
    window = ("none", "none")
    if row.window_maximum:
        window = (f"{row.window_default:g} s", f"{row.window_maximum:g} s")
    sizes = (f"{row.batch_size_default:,}", f"{row.batch_size_maximum:,}")
    return row.source, *sizes, *window, "yes" if row.simulated else "no"


def limits(rules: Rules) -> LimitsTable:
    """Default and largest batch size and window of each source, by the rules of a lab.

    Source: botocore CreateEventSourceMapping (event-source-mappings.md 1 of the reference); each
    number has its own at the rule.

    >>> limits(Rules.as_of("2025-01-07"))[0]
    SourceLimits(source='SQS, standard queue', batch_size_default=10, batch_size_maximum=10000, \
window_default=0, window_maximum=300, simulated=True)
    """
    size, most = rules.mapping_batch_size_default, rules.mapping_batch_size_maximum
    stream, window = rules.stream_batch_size_default, rules.mapping_window_maximum
    others = (stream, most, rules.mapping_window_default_elsewhere, window, False)
    return LimitsTable(
        (
            SourceLimits("SQS, standard queue", size, most, 0, window),
            SourceLimits("SQS, FIFO queue", size, rules.mapping_fifo_batch_size_maximum, 0, 0),
            SourceLimits("Kinesis stream", stream, most, 0, window),
            SourceLimits("DynamoDB stream", stream, most, 0, window),
            SourceLimits("Amazon MSK, Apache Kafka", *others),
            SourceLimits("Amazon MQ", *others),
            SourceLimits("Amazon DocumentDB", *others),
        )
    )

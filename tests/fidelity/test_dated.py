"""Sizes that changed on a day, seen from outside; the numbers themselves stand in tests/test_rules.py."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError

MB = 1024 * 1024


@pytest.mark.parametrize(("rules", "most"), [("2025-10-26", 5), ("2025-10-27", 10)])
def test_put_records_takes_5_mb_and_10_mb_later(rules: str, most: int) -> None:
    stream = ll.Lab(seed=7, rules=rules).kinesis.create_stream("clicks", shard_count=20)

    def batch(whole: int) -> list[tuple[Any, str]]:
        return [(b"x" * (MB // 2 - 3), f"k{number:02}") for number in range(2 * whole)]

    assert len(stream.put_records(batch(most))) == 2 * most
    with pytest.raises(LabError):
        stream.put_records([*batch(most), ("more", "k")])


@pytest.mark.parametrize("rules", ["2025-01-07", "2025-10-27", "latest"])
def test_a_streams_records_have_1_mb_unless_it_says_otherwise(rules: str) -> None:
    stream = ll.Lab(seed=7, rules=rules).kinesis.create_stream("clicks")
    stream.put_record(b"x" * (MB - 1), "k")
    with pytest.raises(LabError):
        stream.put_record(b"x" * MB, "k")

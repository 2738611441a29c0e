"""The flow's exported page: where it would be too large, less of the ordinary is in it, and it says so."""

from __future__ import annotations

import base64
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.widgets import flow as module


@pytest.fixture(scope="module")
def flow() -> ll.Flow:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.5, p99=3), failure_rate=0.02)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=1)
    lab.drive(orders, ll.Poisson(rate=40), duration=30)
    lab.run()
    return ll.Flow(lab)


def head(page: Path) -> dict[str, Any]:
    """The script's head, as the page has it."""
    (data,) = re.findall(r"[A-Za-z0-9+/]{1000,}=*", page.read_text(encoding="utf-8"))
    script = base64.b64decode(data)
    (length,) = struct.unpack("<I", script[:4])
    found: dict[str, Any] = json.loads(script[8 : 8 + length])
    return found


def dots(script: dict[str, Any]) -> int:
    return int(script["arrays"]["dKind"][2])


def test_what_fits_is_all_there(flow, tmp_path) -> None:
    script = head(flow.save(tmp_path / "flow.html"))
    assert script["note"] == flow.left_out == ""
    assert dots(script) == len(flow.plan.dots.kinds)


def test_what_does_not_fit_is_made_smaller_and_says_so(flow, tmp_path, monkeypatch) -> None:
    whole = flow.save(tmp_path / "whole.html").stat().st_size
    monkeypatch.setattr(module, "_LARGEST", whole // 2)
    page = flow.save(tmp_path / "small.html")
    assert whole // 5 < page.stat().st_size <= whole // 2
    script = head(page)
    assert "ordinary requests and messages left out" in script["note"]
    assert dots(script) < len(flow.plan.dots.kinds) / 2
    assert any("fails in" in pattern for pattern in script["patterns"]), "what failed stays"

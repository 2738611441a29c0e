"""Which handlers may hold a clock bound before; and that a run finds it for those that do."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import ModuleType

import pytest

from lambdalab import Lab, scenarios
from lambdalab.functions import early
from lambdalab.functions.code import Code
from lambdalab.kernel import shims

START = datetime(2025, 1, 7)


def text(*lines: str, head: str = "") -> Code:
    body = "\n".join(f"    {line}" for line in lines)
    return Code.from_text(f"{head}\ndef handler(event, context):\n{body}\n")


@pytest.mark.parametrize(
    "code",
    [
        text("return event"),
        text("time.sleep(1)", "return json.dumps(event)", head="import json, time"),
        text("now = dt.datetime.now", "return now()", head="import datetime as dt"),
        text("try:", "    return {r: len(event) for r in event}", "except KeyError as e:", "    raise e"),
        text("return Order(*event).total", head="class Order:\n    def total(self): return 1"),
        Code.from_text(scenarios.Shard()._handler()),
        Code.from_text(scenarios.Shard(kind="fifo", partial=True)._handler()),
        Code.from_text(scenarios.Visibility()._source()),
    ],
)  # fmt: skip
def test_a_text_that_keeps_to_itself_holds_no_clock(code: Code) -> None:
    assert not early.may_hold_clocks(code)


@pytest.mark.parametrize(
    "code",
    [
        text("return shop.now()", head="import shop"),
        text("return now()", head="from shop import now"),
        text("return now()", head="from . import now"),
        text("return now()"),  # somebody put it among the builtins
        text("return os.sys.modules['shop'].now()", head="import os"),
        text("return sys.modules['shop'].now()", head="from os import sys"),
        text("return __import__('shop').now()"),
        text("return getattr(os, 'sys')", head="import os"),
        text("return eval('now')()"),
        text("return object.__subclasses__()"),
        Code.from_text("def handler(event, context:\n    return 1\n"),
    ],
)
def test_any_other_may(code: Code) -> None:
    assert early.may_hold_clocks(code)


@pytest.mark.parametrize("source", ["from shop import now", "import shop\nnow = shop.now"])
def test_a_name_bound_between_two_runs_is_found(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a run of a text that needs no search."""
    plain = Lab(start=START)
    plain.create_function("plain", "import time\ndef handler(event, context): return time.time()")
    assert datetime.fromtimestamp(plain.invoke("plain").payload, UTC).year == 2025
    shop = ModuleType("shop")
    shop.now = datetime.now  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", shop)
    lab = Lab(start=START)
    lab.create_function("f", f"{source}\ndef handler(event, context): return now().year")
    assert lab.invoke("f").payload == 2025


def test_only_those_that_may_are_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[bool] = []
    clocks = shims._found(shims.Clocks)._level
    monkeypatch.setattr(clocks, "adopt", lambda: searched.append(True))

    def searches(code: object) -> int:
        before = len(searched)
        with Lab() as lab:
            lab.create_function("f", code)
            lab.invoke("f")
            lab.update_function("f", memory_size=512)
            lab.invoke("f")
        return len(searched) - before

    early_bound = datetime.now
    assert searches("def handler(event, context): return 1") == 0
    assert searches(lambda event, context: 1) == 0
    assert searches(lambda event, context: str(early_bound())) == 2


def test_one_that_may_is_enough() -> None:
    with Lab(start=START) as lab:
        lab.create_function("plain", lambda event, context: None)
        lab.invoke("plain")  # the search that every process begins with is over
        early_bound = datetime.now
        lab.create_function("f", lambda event, context: early_bound().year)
        lab.create_function("plain_too", lambda event, context: None)
        assert lab.invoke("f").payload == 2025

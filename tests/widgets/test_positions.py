"""Wherever the sliders stand: the why line is true, and the code makes the same run elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from random import Random

import pytest

from lambdalab.widgets import EXPLORERS
from tests.widgets import proving
from tests.widgets.positions import position

POSITIONS = int(os.environ.get("POSITIONS", "40"))
"""For each explorer."""

RUN_EACH = """
import json, sys, warnings
import matplotlib
matplotlib.use("agg")
from matplotlib import pyplot as plt
warnings.simplefilter("error")
for line in sys.stdin:
    space = {}
    code, draw = json.loads(line)
    lines = code.rstrip().splitlines()
    exec("\\n".join(lines if draw else lines[:-1]), space)
    plt.close("all")
    print(space["trace"].digest(), flush=True)
"""
"""Runs each program in a namespace of its own. Drawing takes longest: the last line, the plot, is left out
of all but some."""


def digests_elsewhere(codes: list[str]) -> list[str]:
    """The digests of the traces that these programs make in a new process."""
    given = "".join(json.dumps([code, n % 25 == 0]) + "\n" for n, code in enumerate(codes))
    env = dict(os.environ, PYTHONHASHSEED="99")
    done = subprocess.run(
        [sys.executable, "-c", RUN_EACH], input=given, capture_output=True, text=True, env=env,
        check=False, timeout=280,
    )  # fmt: skip
    assert not done.returncode, done.stderr[-3000:]
    return done.stdout.split()


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_sentence_is_in_the_tables_and_the_code_makes_the_run(name) -> None:
    explorer, chance = EXPLORERS[name](), Random(f"positions/{name}")
    codes, digests, sentences = [], [], set()
    for seed in range(POSITIONS):
        settings = position(explorer._controls, explorer.scenario, chance)
        trace = settings.run(seed)
        why = explorer.explain(trace)
        proving.check(why, trace)
        question = explorer.ask(trace)
        assert question.answer in question.options
        explorer.figures(trace)
        codes.append(f"{settings.code(seed)}{explorer.drawing()}\n")
        digests.append(trace.digest())
        sentences.add(str(why))
    assert digests_elsewhere(codes) == digests
    assert len(sentences) > POSITIONS // 10, "the sentence follows the run"


def test_the_check_can_fail() -> None:
    explorer = EXPLORERS["batching"]()
    why, trace = explorer.why, explorer.trace
    proving.check(why, trace)
    other = explorer.scenario(rate=7.0).run(3)
    with pytest.raises(AssertionError, match="the books have"):
        proving.check(why, other)
    more = type(why).of(f"{why} So did 17 others.", why.facts)
    with pytest.raises(AssertionError, match="17"):
        proving.check(more, trace)

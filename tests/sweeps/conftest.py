"""A module of a user's own, whose functions other processes can import."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = '''
"""Scenarios of somebody's own."""

import os
import signal
import time

import lambdalab as ll


def line(seed, x=1, y=0):
    """A number without chance."""
    return {"value": x * seed + y, "none": None}


def stumbles(seed, x):
    """One run fails."""
    if (x, seed) == (1, 2):
        raise KeyError("stock", object())
    return {"value": x}


def dies(seed, x):
    """One run takes its process with it."""
    if (x, seed) == (2, 3):
        os.kill(os.getpid(), signal.SIGKILL)
    began = time.process_time()
    while time.process_time() - began < 0.02:
        pass  # others are under way when it happens
    return {"value": x * seed}


def where(seed, x):
    """Which process ran it."""
    return {"value": x, "process": os.getpid()}


def bill(seed, rate):
    """A trace."""
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.1, p99=0.5))
    lab.drive("bill", ll.Poisson(rate), duration=10)
    lab.run()
    return lab.trace


def waits(seed, x, folder):
    """A run that ends when it is told to, and says where it is."""
    open(os.path.join(folder, f"{x}-{seed}-{os.getpid()}"), "w").close()
    while x and not os.path.exists(os.path.join(folder, "go")):
        pass
    return {"value": x + seed}
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, found by this process and by those it starts."""
    (tmp_path / "own_scenarios.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_scenarios", raising=False)
    importlib.invalidate_caches()
    return importlib.import_module("own_scenarios")

"""Agg, and no widget left open."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets
import matplotlib as mpl
import pytest

mpl.use("agg")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()

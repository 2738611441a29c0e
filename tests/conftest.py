"""Fixtures for every test: a lab, the real data, and an audit of each lab that a test made."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lambdalab.lab import Lab

ROOT = Path(__file__).resolve().parents[1]

# Examples come from the test's own name, so that a run repeats; `make soak` looks further.
settings.register_profile(
    "default", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", max_examples=3000, deadline=None)
settings.load_profile("default")


def pytest_configure(config: pytest.Config) -> None:
    """One marker, beside those of pyproject.toml."""
    config.addinivalue_line(
        "markers", "no_audit: the test leaves a lab's books unbalanced on purpose"
    )


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After every test the books of each lab made in it must balance."""
    made: list[Lab] = []
    create = Lab.__init__

    @functools.wraps(create)
    def create_and_remember(self: Lab, *args: object, **kwargs: object) -> None:
        create(self, *args, **kwargs)  # type: ignore[arg-type]
        made.append(self)

    monkeypatch.setattr(Lab, "__init__", create_and_remember)
    yield
    if request.node.get_closest_marker("no_audit") is None:
        for lab in made:
            lab.audit()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab with seed 7, closed after the test."""
    lab = Lab(seed=7)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real AWS Lambda measurements: `LAMBDALAB_DATA`, or data/ beside the clone."""
    named = os.environ.get("LAMBDALAB_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not list(folder.glob("*.csv.gz")):
        pytest.skip(f"no measurements (*.csv.gz) in {folder}; LAMBDALAB_DATA can name their folder")
    return folder

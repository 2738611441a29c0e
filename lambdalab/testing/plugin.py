"""The pytest plugin: the fixtures, their marker, and what a failed test's report says of its lab."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from lambdalab.errors import MissingExtra, UnknownSetting
from lambdalab.kernel import outside
from lambdalab.lab import Lab
from lambdalab.testing.report import report

__all__ = [
    "lab",
    "lab_aws",
    "lab_settings",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
]

SETTINGS = ("seed", "start", "rules", "quotas")
_LAB = pytest.StashKey[Lab]()
_PAUSE = pytest.StashKey[AbstractContextManager[None] | None]()
_MARKER = (
    "lab(seed=0, start=..., rules=..., quotas={...}): the settings of the lab that the fixtures `lab` and "
    "`lab_aws` make for this test (lambdalab.Lab tells what they mean)"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for ``--strict-markers`` and ``--markers``."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def lab_settings() -> dict[str, Any]:
    """Settings that every test's lab begins with; override it in a ``conftest.py``.

    A test's marker and its parameters come before them.
    """
    return {}


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A new lab for the test, with seed 0 unless told otherwise.

    Its settings come from ``@pytest.mark.lab(seed=7, rules="latest", start="2025-06-01",
    quotas={"account_concurrency": 10})`` at the test, its class or its module, the nearest first; from
    ``@pytest.mark.parametrize("lab", [1, 2, 3], indirect=True)``, a seed or a dictionary of settings each;
    and from the fixture ``lab_settings``.

    After the test its books are audited, and it is closed; books that do not balance are an error of
    the test's teardown.
    """
    made = Lab(**_settings(request))
    request.node.stash[_LAB] = made
    try:
        yield made
        made.audit()
    finally:
        made.close()


@pytest.fixture
def lab_aws(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The fixture ``lab`` within ``with lab.aws():``: every client of boto3 talks to it.

    This holds for the test and for the fixtures that ask for this one, before and after the test. Their
    ``time.sleep`` lets the lab run; pytest's own clocks stay real.

    Raises :class:`~lambdalab.errors.MissingExtra` where the extra ``aws`` is not installed.
    """
    try:
        block = lab.aws()
    except MissingExtra:
        raise
    except ImportError as missing:
        raise MissingExtra(
            f'lab_aws needs {missing.name}, which the extra brings: pip install "lambdalab[aws]"'
        ) from missing
    with block:
        request.node.stash[_PAUSE] = None
        try:
            yield lab
        finally:
            del request.node.stash[_PAUSE]


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test asks for, the nearest first."""
    found: dict[str, Any] = {}
    with suppress(pytest.FixtureLookupError):  # where somebody has imported `lab` alone
        found |= request.getfixturevalue("lab_settings")
    for mark in reversed(list(request.node.iter_markers("lab"))):
        if mark.args:
            said = f"@pytest.mark.lab takes its settings by name: {', '.join(SETTINGS)}"
            pytest.fail(said, pytrace=False)
        found |= mark.kwargs
    if hasattr(request, "param"):
        given = request.param
        found |= dict(given) if isinstance(given, Mapping) else {"seed": given}
    if unknown := [name for name in found if name not in SETTINGS]:
        pytest.fail(str(UnknownSetting("Lab", unknown[0], SETTINGS)), pytrace=False)
    return found


# ---- what pytest does around a test --------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A failed test's report tells what its lab has been through."""
    made = yield
    lab = item.stash.get(_LAB, None)
    if lab is not None and made.failed and made.when in ("setup", "call"):
        made.sections.append(("lambdalab", _said(lab)))
    return made


def _said(lab: Lab) -> str:
    """Whatever goes wrong in telling it must not hide what went wrong in the test."""
    try:
        return report(lab)
    except Exception as error:
        return f"(the lab cannot be told of: {type(error).__name__}: {error})"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """What pytest measures around a phase is real time; within it ``lab_aws`` has the lab's."""
    __tracebackhide__ = True
    try:
        return (yield)
    finally:
        _pause(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """As for the set-up."""
    __tracebackhide__ = True
    _go_on(item)
    try:
        return (yield)
    finally:
        _pause(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """As for the set-up."""
    __tracebackhide__ = True
    _go_on(item)
    return (yield)


def _pause(item: pytest.Item) -> None:
    if _PAUSE in item.stash:
        pause = outside.real()
        pause.__enter__()
        item.stash[_PAUSE] = pause


def _go_on(item: pytest.Item) -> None:
    pause = item.stash.get(_PAUSE, None)
    if pause is not None:
        item.stash[_PAUSE] = None
        pause.__exit__(None, None, None)

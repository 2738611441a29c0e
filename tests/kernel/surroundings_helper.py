"""Two environments and a hub just big enough to run handlers in them by hand."""

from __future__ import annotations

import functools
import random
from _thread import get_ident
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from greenlet import getcurrent, greenlet

from lambdalab.kernel import shims
from lambdalab.kernel.current import running
from lambdalab.kernel.surroundings import CodeFolder, Surroundings

# those of the process, and no others: two sets of stand-ins would be strangers to each other
SHIMS: list[Any] = [
    shim for shim in shims._made() if type(shim).__name__ not in ("Clocks", "Threads", "Loops")
]


@contextmanager
def installed() -> Iterator[None]:
    """All shims of the surroundings, as in a run."""
    for shim in SHIMS:
        shim.on()
    try:
        yield
    finally:
        for shim in reversed(SHIMS):
            shim.off()


def in_a_run(test: Any) -> Any:
    """Install the shims around the body of a test, or of each test of a class.

    Not in a fixture: pytest exchanges ``sys.stdout`` and the warning filters between a fixture and
    its test.
    """
    if isinstance(test, type):
        for name, value in list(vars(test).items()):
            if name.startswith("test_"):
                setattr(test, name, in_a_run(value))
        return test

    @functools.wraps(test)
    def body(*args: Any, **kwargs: Any) -> None:
        with installed():
            test(*args, **kwargs)

    return body


class Left:
    """How a handler left its process."""

    def __init__(self, exit_status: int | None, signal: int | None) -> None:
        self.exit_status, self.signal = exit_status, signal


class Run:
    """A handler that runs until it waits (:func:`wait`) or ends. Takes the part of task and tasks."""

    graves: list[Any] = []  # noqa: RUF012 - parked for good, as the kernel does
    visitor = False

    def __init__(
        self, surroundings: Any, body: Callable[[], Any], parent: Run | None = None
    ) -> None:
        self.surroundings, self.parent, self.tasks = surroundings, parent, self
        self.worker = greenlet(body)
        self.left: Left | None = None
        self.result: Any = None

    def go(self) -> Any:
        """Enter it; what it waits with, or its result."""
        self.surroundings.enter()
        running[get_ident()] = self  # type: ignore[assignment]
        try:
            self.result = self.worker.switch()
        finally:
            del running[get_ident()]
            self.surroundings.leave()
        return self.result

    def leave(self, exit_status: int | None = None, signal: int | None = None) -> None:
        """What ``os._exit`` does: the handler is parked for good."""
        self.left = Left(exit_status, signal)
        Run.graves.append(self.worker)
        self.worker.parent.switch(self.left)


def wait(value: Any = None) -> Any:
    """Give the thread back to the hub, from inside a handler."""
    return getcurrent().parent.switch(value)


class Place:
    """An environment with a log, to run functions in."""

    def __init__(
        self,
        name: str = "orders/e1",
        environ: Mapping[str, str] | None = None,
        code: CodeFolder | None = None,
        **settings: Any,
    ) -> None:
        self.pieces: list[str] = []
        self.surroundings = Surroundings(
            name,
            environ=environ or {},
            stream=random.Random(f"7/{name}"),
            write=self.pieces.append,
            code=code,
            **settings,
        )

    @property
    def log(self) -> str:
        """All that was written."""
        return "".join(self.pieces)

    def start(self, body: Callable[[], Any], parent: Run | None = None) -> Run:
        """A handler, not yet entered."""
        return Run(self.surroundings, body, parent)

    def run(self, body: Callable[[], Any]) -> Any:
        """Run a handler to its end."""
        return self.start(body).go()

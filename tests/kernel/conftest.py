"""Running handlers on the bare kernel."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from lambdalab.kernel import US, Clock, Scheduler
from lambdalab.kernel.surroundings import Surroundings
from lambdalab.kernel.tasks import Ending, Tasks


class World:
    """A scheduler, tasks and surroundings; ``log`` has what handlers print."""

    def __init__(self, **settings: Any) -> None:
        self.scheduler = Scheduler()
        self.tasks = Tasks(self.scheduler, Clock(), **settings)
        self.log: list[str] = []
        self.endings: list[tuple[float, Ending]] = []

    def surroundings(self, name: str = "f/1") -> Surroundings:
        chance = random.Random(name)
        return Surroundings(name, environ={}, stream=chance, write=self.log.append)

    def start(
        self,
        body: Callable[[], object],
        surroundings: Surroundings | None = None,
        *,
        timeout: float = 900,
        **options: Any,
    ) -> Any:
        here = surroundings or self.surroundings(f"f/{len(self.endings)}")
        deadline = self.scheduler.now + round(timeout * US)
        return self.tasks.start(body, here, deadline, self._done, **options)

    def _done(self, _task: object, ending: Ending) -> None:
        self.endings.append((self.scheduler.now / US, ending))

    def at(self, seconds: float, body: Callable[[], object], **options: Any) -> None:
        self.scheduler.at(round(seconds * US), lambda _: self.start(body, **options))

    def run(
        self, *bodies: Callable[[], object], gap: float = 0, **options: Any
    ) -> list[tuple[float, Ending]]:
        """Start the handlers, ``gap`` seconds apart, and run until nothing is left."""
        now = self.scheduler.now / US
        for index, body in enumerate(bodies):
            self.at(now + index * gap, body, **options)
        with self.tasks.active():
            self.scheduler.run()
        return self.endings

    def value(self, body: Callable[[], object], **options: Any) -> Any:
        """What the handler returns; raises what it raises."""
        self.run(body, **options)
        _, ending = self.endings[-1]
        if ending.exception is not None:
            raise ending.exception
        assert ending.kind == "returned"
        return ending.value


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> Callable[..., World]:
    return World


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Run a program in another interpreter process; returns what it prints."""

    def run(program: str, *options: str, **environ: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", *options, "-c", PRELUDE + program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr, done.stderr
        return done.stdout

    return run


PRELUDE = """
import random
from lambdalab.kernel import Clock, Scheduler, US
def run(*bodies, timeout=900, write=lambda text: None):
    from lambdalab.kernel.surroundings import Surroundings
    from lambdalab.kernel.tasks import Tasks
    scheduler = Scheduler(); tasks = Tasks(scheduler, Clock()); endings = []
    for i, body in enumerate(bodies):
        s = Surroundings(f"f/{i}", environ={}, stream=random.Random(i), write=write)
        tasks.start(body, s, timeout * US, lambda _, e: endings.append((scheduler.now / US, e)))
    with tasks.active():
        scheduler.run()
    return endings
"""

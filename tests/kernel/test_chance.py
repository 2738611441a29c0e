"""Chance in a handler: its environment's own, the same on every run, the process's untouched."""

from __future__ import annotations

import os
import random
import secrets
import uuid
from collections.abc import Callable
from random import choice
from typing import Any

import numpy as np
import pytest
from numpy.random import rand

from lambdalab.kernel.shims.environ import adopt
from tests.kernel.surroundings_helper import Place, in_a_run, installed, wait

SOURCES: dict[str, Callable[[], Any]] = {
    "random": lambda: random.random(),
    "randint": lambda: random.randint(0, 10**9),
    "sample": lambda: random.sample(range(1000), 5),
    "uuid4": lambda: uuid.uuid4(),
    "uuid1 node": lambda: (uuid.uuid1().node, uuid.uuid1().clock_seq),
    "getnode": lambda: uuid.getnode(),
    "urandom": lambda: os.urandom(8),
    "getrandom": lambda: os.getrandom(8),
    "secrets": lambda: secrets.token_hex(8),
    "secrets choice": lambda: secrets.choice(range(10**9)),
    "SystemRandom": lambda: random.SystemRandom().random(),
    "unseeded Random": lambda: random.Random().random(),
    "default_rng": lambda: float(np.random.default_rng().random()),
    "numpy global": lambda: float(np.random.rand()),
    "numpy integers": lambda: int(np.random.randint(10**9)),
    "numpy sample": lambda: float(np.random.sample()),
    "RandomState": lambda: float(np.random.RandomState().random_sample()),
}
CONSTANT = {"getnode"}


@in_a_run
class TestRepeatability:
    @pytest.mark.parametrize("name", SOURCES)
    def test_the_same_in_each_run_and_different_between_environments(self, name: str) -> None:
        draw = SOURCES[name]
        one, again, other = Place("r/e1"), Place("r/e1"), Place("r/e2")
        first = [one.run(draw) for _ in range(3)]
        assert [again.run(draw) for _ in range(3)] == first
        if name not in CONSTANT:
            assert [other.run(draw) for _ in range(3)] != first
            assert first[0] != first[1]

    def test_interleaving_does_not_mix_streams(self) -> None:
        def handler() -> list[float]:
            found = [random.random(), float(np.random.rand())]
            wait()
            return [*found, random.random(), float(np.random.rand()), secrets.randbits(32)]

        alone = Place("r/e1").start(handler)
        alone.go()
        expected = alone.go()
        runs = [Place("r/e1").start(handler), Place("r/e2").start(handler)]
        for run in runs:
            run.go()
        assert next(run.go() for run in runs) == expected

    def test_seeding_is_the_environments_and_leaves_ids_alone(self) -> None:
        place = Place()

        def handler() -> tuple[Any, ...]:
            random.seed(1)
            np.random.seed(1)
            return random.random(), float(np.random.rand()), str(uuid.uuid4())

        first, second = place.run(handler), place.run(handler)
        assert first[:2] == second[:2] == (random.Random(1).random(), 0.417022004702574)
        assert first[2] != second[2]
        assert Place("b/e1").run(random.random) != random.Random(1).random()

    def test_uuid1_never_repeats(self) -> None:
        place = Place()
        made = place.run(lambda: [uuid.uuid1() for _ in range(100)])
        assert len(set(made)) == 100
        assert made[0].version == 1


class TestOutside:
    def test_the_process_draws_as_if_nothing_had_happened(self) -> None:
        random.seed(5)
        np.random.seed(5)
        expected = random.random(), np.random.rand()
        random.seed(5)
        np.random.seed(5)
        with installed():
            place = Place()
            for draw in SOURCES.values():
                place.run(draw)
        assert (random.random(), np.random.rand()) == expected

    def test_between_tasks_the_real_functions_answer(self) -> None:
        with installed():
            random.seed(5)
            assert random.random() == random.Random(5).random()
            assert len({os.urandom(8) for _ in range(3)}) == 3
            assert random.Random().random() != random.Random().random()
            assert uuid.uuid1() != uuid.uuid1()
            np.random.seed(1)
            assert np.random.rand() == 0.417022004702574


class TestAdoption:
    def test_names_bound_early_follow_and_come_back(self) -> None:
        before = choice, rand

        def handler() -> tuple[int, float]:
            return choice(range(10**9)), float(rand())

        adopt(globals())
        with installed():
            assert choice is not before[0]
            first = Place("r/e1").run(handler)
            assert Place("r/e1").run(handler) == first
        assert (choice, rand) == before
        with installed():
            assert Place("r/e1").run(handler) == first

    def test_at_once_during_a_run(self) -> None:
        with installed():
            namespace = {"urandom": TestAdoption.real_urandom, "other": print}
            adopt(namespace)
            assert namespace["urandom"] is os.urandom
        assert namespace == {"urandom": os.urandom, "other": print}

    real_urandom = staticmethod(os.urandom)

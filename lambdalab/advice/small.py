"""Small labs for counter-examples: the user's rules, a seed of their own, and each run only once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lambdalab.advice.finding import Example
from lambdalab.errors import LabError
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.trace.short import View

SEED = 5
NEARLY_S = 0.02
"""A run that just about uses its timeout ends so much before it."""
_MOST = 256

_done: dict[str, Example | None] = {}


@dataclass(frozen=True)
class Small:
    """Makes labs with the rules of the lab that is checked."""

    rules: Rules
    failed: list[str] = field(default_factory=list)
    """Scenes that could not be played with these rules, and why."""

    def lab(self, **quotas: Any) -> Lab:
        """An empty lab, with some quotas of its own."""
        own = self.rules.quotas | {"function_creation": 0} | quotas  # none is Pending there
        return Lab(seed=SEED, rules=self.rules.date, quotas=own)

    def reserving(self, reserved: int, **quotas: Any) -> Lab:
        """An empty lab whose account has room for a function that reserves so much."""
        least = reserved + int(self.rules.unreserved_minimum)
        return self.lab(
            account_concurrency=max(int(self.rules.account_concurrency), least), **quotas
        )

    def once(self, scene: Callable[..., Example | None], *settings: Any) -> Example | None:
        """What ``scene(self, *settings)`` shows; None where it shows no trouble.

        The same scene with the same settings and rules is not run again. What the lab's rules do not
        allow in a small lab shows nothing, and stands in ``failed``.
        """
        rules = f"{self.rules.date} {sorted(self.rules.quotas.items(), key=lambda one: one[0])}"
        key = f"{scene.__module__}.{scene.__name__} {settings!r} {rules}"
        if key not in _done:
            if len(_done) >= _MOST:
                del _done[next(iter(_done))]
            try:
                _done[key] = scene(self, *settings)
            except LabError as error:  # quotas with which the scene cannot be played
                self.failed.append(f"{scene.__module__.rpartition('.')[2]}: {error}")
                return None
        return _done[key]


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """A proof: one row for the settings as they are, one as advised."""
    return View(list(rows))

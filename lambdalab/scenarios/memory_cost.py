"""What does memory cost? The same function at all usual memory sizes: power tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.functions.settings import ARCHITECTURES
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Every

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
SIZES = (128, 256, 512, 1024, _RULES.memory_of_one_vcpu, 3008, 5120, _RULES.memory_maximum)
"""MB: those that people try, and the one that brings a whole vCPU."""
MONTH = 30 * 86_400
"""Seconds."""
FUNCTION = "resize"
_APART = 1.25
_EACH = 3
"""Calls at each size: the first of them starts cold."""
_LONGEST = 60.0
"""Seconds of work or of waiting: at the smallest size they just end before the longest timeout."""
_MOST_CALLS = 1_000_000_000
_MOST_THREADS = 6
_SOURCE = """
import time
from lambdalab.functions.cpu import compute

def handler(event, context):
    compute({work!r}, threads={threads!r})
    if {waiting!r}:
        time.sleep({waiting!r})
"""


@dataclass(frozen=True, slots=True)
class MemoryCost:
    """One function that computes and waits: a version for each memory size, called three times.

    A function has memory / 1,769 vCPUs: what it computes takes less time with more memory, as long as
    its threads can use it; what it waits for does not. Each millisecond costs in proportion to the
    memory. So work that only computes costs the same at any size up to a vCPU, and is over sooner.

    Parameters
    ----------
    memory
        MB of the size in question (128 to 10,240): its version is the last, and so is what the function
        has in the end. Twice as much is among the sizes too; usual ones that differ little are not.
    cpu_seconds
        Work: seconds of one whole vCPU in each call (0 to 60).
    waiting
        Seconds that each call waits for somebody else (0 to 60).
    threads
        On how many threads it computes (1 to 6).
    architecture
        ``"x86_64"`` or ``"arm64"``; the same speed here, another price.
    calls
        Calls in a month of 30 days (1,000 to 1,000,000,000): how far apart the calls are. Where that is
        longer than an environment lives idle, each call starts cold.

    Example
    -------
    >>> trace = MemoryCost(cpu_seconds=0.5).run(seed=7)
    >>> runs = trace.attempts.groupby("memory_mb")["duration_ms"].mean()
    >>> [float(runs[size]) for size in (512, 1024, 1769, 3008)]
    [1727.54, 863.77, 500.0, 500.0]
    """

    memory: int = 512
    cpu_seconds: float = 1.0
    waiting: float = 0.0
    threads: int = 1
    architecture: str = "x86_64"
    calls: int = 1_000_000

    def __post_init__(self) -> None:
        rules = _RULES
        checks.whole(
            "memory", self.memory, rules.memory_minimum, rules.memory_maximum, "MB",
            rules.source("memory_maximum"),
        )  # fmt: skip
        checks.number("cpu_seconds", self.cpu_seconds, 0, _LONGEST, "s")
        checks.number("waiting", self.waiting, 0, _LONGEST, "s")
        checks.whole("threads", self.threads, 1, _MOST_THREADS, "threads")
        checks.one_of("architecture", self.architecture, ARCHITECTURES)
        checks.whole("calls", self.calls, 1_000, _MOST_CALLS, "calls a month")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes in the order in which they are tried, the one in question last."""
        twice = min(2 * self.memory, _RULES.memory_maximum)
        asked = {self.memory, twice}
        others = {size for size in SIZES if all(_apart(size, known) for known in asked)}
        return (*sorted((others | asked) - {self.memory}), self.memory)

    def run(self, seed: int | str = 7) -> Trace:
        """Publish a version of each size and call them all, until the last call is over."""
        lab = Lab(seed=seed)
        source = _SOURCE.format(work=self.cpu_seconds, threads=self.threads, waiting=self.waiting)
        resize = lab.create_function(
            FUNCTION, source, timeout=_RULES.timeout_maximum, architecture=self.architecture
        )
        for memory in self.sizes:
            lab.update_function(resize, memory_size=memory)
            lab.drive(lab.publish_version(resize), Every(self._interval()), count=_EACH)
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        waits = [f"    time.sleep({self.waiting!r})"] if self.waiting else []
        lines = checks.code(
            seed,
            "",
            f'@lab.function(timeout={_RULES.timeout_maximum}, architecture="{self.architecture}")',
            f"def {FUNCTION}(event, context):",
            f"    ll.compute({self.cpu_seconds!r}, threads={self.threads})",
            *waits,
            "",
            f"for memory in {self.sizes}:",
            f"    lab.update_function({FUNCTION}, memory_size=memory)",
            f"    version = lab.publish_version({FUNCTION})",
            f"    lab.drive(version, ll.Every({self._interval()!r}), count={_EACH})",
            "lab.run()",
        )
        return f"import time\n\n{lines}" if waits else lines

    def _interval(self) -> float:
        """Seconds from one call to the next, to the microsecond."""
        return round(MONTH / self.calls, 6)


def _apart(size: int, other: int) -> bool:
    """Whether two sizes are so different that both are worth a try."""
    return max(size, other) > _APART * min(size, other)


def memory_cost(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`MemoryCost` with these settings."""
    return checks.made(MemoryCost, settings).run(seed)

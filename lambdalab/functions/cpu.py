"""Work for the CPU in virtual time: what it takes follows from the function's memory.

A function has memory / 1,769 vCPUs (dg/configuration-memory: 1,769 MB are one vCPU, the share is linear).
One thread runs on one vCPU at most, so memory beyond 1,769 MB only helps work on several threads.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US
from lambdalab.kernel.current import current

if TYPE_CHECKING:
    from lambdalab.rules import Rules

_SOURCE = "dg/configuration-memory"


def cpu_share(rules: Rules, memory_mb: int) -> Fraction:
    """The vCPUs of a function with so much memory; more than one from 1,769 MB on."""
    return Fraction(memory_mb, rules.memory_of_one_vcpu)


def init_share(rules: Rules, memory_mb: int) -> Fraction:
    """The vCPUs during the init, which are not throttled however little the memory."""
    return max(cpu_share(rules, memory_mb), Fraction(rules.init_vcpus))


def compute(vcpu_seconds: float, threads: int = 1) -> None:
    """Let the running handler use the CPU: it takes virtual time, none of yours.

    How much follows from the function's memory: on one thread, a second of a whole vCPU takes 13.82 s
    at 128 MB, 3.46 s at 512 MB and 1 s from 1,769 MB (one vCPU) on; several threads share the vCPUs
    that there are. Green threads of one environment that compute at the same time share them too.
    While an environment is initialised it has two vCPUs at least. Time that reaches the function's
    timeout ends the run as a sleep would.

    Outside a handler it returns at once, so that a handler stays an ordinary function.

    Parameters
    ----------
    vcpu_seconds
        The work: seconds of one whole vCPU, over all threads together.
    threads
        On how many threads it runs; the work must divide evenly to gain from it.

    Raises :class:`~lambdalab.errors.InvalidSetting` for work that is no number or negative.

    Sources: dg/configuration-memory; for the init, bitesizedserverless.com ("when is the Lambda init phase
    free"). That n threads get exactly n times as much is a simplification: AWS documents only the share.

    Example
    -------
    >>> import lambdalab as ll
    >>> lab = ll.Lab()
    >>> @lab.function(memory_size=512, timeout=10)
    ... def resize(event, context):
    ...     ll.compute(1.0)
    >>> lab.invoke(resize).function_error
    >>> lab.trace.attempts.duration_ms[0]
    np.float64(3455.079)
    """
    if _not_a_number(vcpu_seconds) or not 0 <= vcpu_seconds < 1e12:
        raise InvalidSetting("vcpu_seconds", vcpu_seconds, "seconds, 0 or more", _SOURCE)
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise InvalidSetting("threads", threads, "a whole number, 1 or more", _SOURCE)
    task = current()
    if task is None:
        return
    task.tasks.refuse_if_dead(task)
    work = round(vcpu_seconds * US)
    if work or vcpu_seconds:
        task.surroundings.processor.use(task, work or 1, threads)


def _not_a_number(value: object) -> bool:
    return isinstance(value, bool) or not isinstance(value, (int, float))

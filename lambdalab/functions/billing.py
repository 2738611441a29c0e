"""What a run costs: whole milliseconds, rounded up, in nano-dollars (integers add up exactly)."""

from __future__ import annotations

from lambdalab.functions.settings import FunctionSettings
from lambdalab.rules import Rules

_PER_NANO = 1000 * 1024 * 10  # ms in a second, MB in a GB, 1e-10 USD in a nano-dollar


class Tariff:
    """The price of one function's runs.

    Parameters: the ``rules`` and the function's ``settings``; ``provisioned``, whether the environment is
    one of provisioned concurrency, whose runs have a lower price (and which has a price of its own, run or
    not: see :mod:`lambdalab.trace.reservations`).

    Source: aws.amazon.com/lambda/pricing, us-east-1; the init of an on-demand environment with a
    managed runtime is billed since 2025-08-01, that of a custom runtime always was.

    >>> rules = Rules.as_of()
    >>> settings = FunctionSettings.make(rules, "doc", name="f", memory_size=1024, duration=1)
    >>> [Tariff(rules, settings, provisioned).cost_nano(1000) for provisioned in (False, True)]
    [16867, 9922]
    """

    __slots__ = ("_init_billed", "_per_ms", "_request", "_step_us")

    def __init__(self, rules: Rules, settings: FunctionSettings, provisioned: bool = False) -> None:
        self._init_billed: bool = rules.init_billed or settings.runtime in rules.init_always_billed
        self._step_us: int = rules.billing_step * 1000
        self._request: int = rules.price_request
        prices: dict[str, int] = rules.price_gb_second
        if provisioned:
            prices = rules.price_provisioned_duration_gb_second
        self._per_ms: int = settings.memory_size * prices[settings.architecture]

    def billed_ms(self, duration_us: int, init_us: int) -> int:
        """The billed milliseconds of a run, rounded up; at least one step. (Arrays will do too.)"""
        if self._init_billed:
            duration_us += init_us
        some = duration_us + (duration_us == 0)  # no run takes no time at all
        return -(-some // self._step_us) * self._step_us // 1000

    def cost_nano(self, billed_ms: int) -> int:
        """The price in nano-dollars, the request's included."""
        return (billed_ms * self._per_ms + _PER_NANO // 2) // _PER_NANO + self._request

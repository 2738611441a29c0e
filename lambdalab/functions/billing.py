"""What a run costs: whole milliseconds, rounded up, in nano-dollars (integers add up exactly)."""

from __future__ import annotations

from lambdalab.functions.settings import FunctionSettings
from lambdalab.rules import Rules

_PER_NANO = 1000 * 1024 * 10  # ms in a second, MB in a GB, 1e-10 USD in a nano-dollar


class Tariff:
    """The price of one function's runs.

    Source: aws.amazon.com/lambda/pricing, us-east-1; the init of an on-demand environment with a
    managed runtime is billed since 2025-08-01.
    """

    __slots__ = ("_init_billed", "_per_ms", "_request", "_step_us")

    def __init__(self, rules: Rules, settings: FunctionSettings) -> None:
        self._init_billed: bool = rules.init_billed
        self._step_us: int = rules.billing_step * 1000
        self._request: int = rules.price_request
        self._per_ms: int = settings.memory_size * rules.price_gb_second[settings.architecture]

    def billed_ms(self, duration_us: int, init_us: int) -> int:
        """The billed milliseconds of a run, rounded up; at least one step. (Arrays will do too.)"""
        if self._init_billed:
            duration_us += init_us
        some = duration_us + (duration_us == 0)  # no run takes no time at all
        return -(-some // self._step_us) * self._step_us // 1000

    def cost_nano(self, billed_ms: int) -> int:
        """The price in nano-dollars, the request's included."""
        return (billed_ms * self._per_ms + _PER_NANO // 2) // _PER_NANO + self._request

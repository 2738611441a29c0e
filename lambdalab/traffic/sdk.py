"""A client of AWS's SDKs: what it tries again, how often, and after which wait.

Source: botocore 1.35.91 (retries/standard, retries/quota, _retry.json); other SDKs agree on the standard
and the adaptive mode, and each has a legacy mode of its own. What changed later is in the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US, microseconds
from lambdalab.rules import Rules
from lambdalab.traffic.backoff import Backoff, Uniform
from lambdalab.traffic.callers import NO_MORE, Go, Manner, check_name, patience
from lambdalab.traffic.limiter import RateLimiter

if TYPE_CHECKING:
    from lambdalab.traffic.calls import Calls

MODES = ("legacy", "standard", "adaptive")
_SOURCE = "AWS SDKs and Tools reference guide, retry behavior"
_THROTTLED, _NO_ANSWER = 429, 0
_DOUBLINGS = 64  # more of them would only be more than any cap


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class SdkClient:
    """One client object of an AWS SDK, as a program keeps it: it remembers how its calls went.

    It tries again after a throttle (429), after an error of the service or a front (500, 502, 503, 504)
    and after a timeout of its own; never after a function's error, which is an answer with status 200.

    Parameters
    ----------
    retry_mode
        - ``"standard"``: 3 tries; waits with full jitter under 1, 2, 4 ... s, 20 s at most. Each retry
          costs tokens of a quota of 500 (5, after a timeout 10), a success puts back what the last try
          cost: in an outage the client soon stops retrying.
        - ``"legacy"``: 5 tries; waits of 1, 2, 4 ... s times a random factor; no quota.
        - ``"adaptive"``: standard, and after a throttle it sends no faster than the service lets through.
    max_attempts
        Tries of a call, the first included; None: as the mode has it.
    backoff
        Other waits than the mode's: a :class:`Backoff`.
    read_timeout
        Seconds it waits for the answer of each try; None: 60, as the SDKs do.
    name
        Who called, in ``requests``.

    Two clients of equal settings are two clients, with a quota and a rate each. The numbers are rules
    (``sdk_...``). There is no connect timeout: the lab's endpoints always take a connection.

    Example
    -------
    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=5)
    >>> bill = lab.create_function("bill", duration=0.1)
    >>> broken = lab.faults.throttle(bill, probability=0.5)
    >>> reply = lab.invoke(bill, {}, caller=ll.SdkClient())
    >>> lab.trace.requests["status_code"].tolist(), reply.tries
    ([429, 200], 2)
    """

    retry_mode: str = "standard"
    max_attempts: int | None = None
    backoff: Backoff | None = None
    read_timeout: float | None = None
    name: str = "sdk"

    def __post_init__(self) -> None:
        if self.retry_mode not in MODES:
            raise InvalidSetting(
                "retry_mode", self.retry_mode, f"one of {', '.join(MODES)}", _SOURCE
            )
        most = self.max_attempts
        whole = isinstance(most, int) and not isinstance(most, bool) and most >= 1
        if most is not None and not whole:
            limit = "a whole number, 1 or more: the first try counts"
            raise InvalidSetting("max_attempts", most, limit, _SOURCE)
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise InvalidSetting("backoff", self.backoff, 'a Backoff("full", ...), or None')
        if self.read_timeout is not None:
            patience("read_timeout", self.read_timeout)
        check_name(self.name)

    def manner(self, calls: Calls) -> Manner:
        """See :class:`~lambdalab.traffic.callers.Caller`."""
        return _Sdk(self, calls)


class _Sdk(Manner):
    """A client in one run: its quota, its rate, its chance."""

    def __init__(self, settings: SdkClient, calls: Calls) -> None:
        super().__init__(settings.name)
        rules = calls.rules
        self.legacy = settings.retry_mode == "legacy"
        mode = "legacy" if self.legacy else "standard"
        self.most: int = settings.max_attempts or getattr(rules, f"sdk_attempts_{mode}")
        self.retried: tuple[int, ...] = (_NO_ANSWER, *getattr(rules, f"sdk_retried_{mode}"))
        self.rules, self.backoff = rules, settings.backoff
        self.uniform: Uniform = calls.streams.stream(f"retries/{settings.name}").uniform
        self.quota = Quota(rules)
        adaptive = settings.retry_mode == "adaptive"
        self.limiter = RateLimiter(calls.scheduler, rules) if adaptive else None
        timeout = settings.read_timeout
        self.timeout_us = microseconds(rules.sdk_read_timeout if timeout is None else timeout)

    def begin(self) -> _SdkCall:
        """A call begins."""
        return _SdkCall(self)

    def send(self, go: Go) -> None:
        """In adaptive mode, when the rate allows it."""
        if self.limiter is None:
            go()
        else:
            self.limiter.send(go)

    def own_wait(self, retry: int, status_code: int) -> int:
        """The mode's own wait before a retry (counted from 0), in microseconds."""
        rules, factor = self.rules, 2 ** min(retry, _DOUBLINGS)
        if self.legacy:
            most: float = rules.sdk_backoff_base_legacy * factor
        else:
            throttled = status_code == _THROTTLED
            base = rules.sdk_backoff_base_throttled if throttled else rules.sdk_backoff_base
            most = min(base * factor, rules.sdk_backoff_maximum)
        return round(self.uniform() * most * US)


class _SdkCall:
    """The tries of one call of an SDK's client."""

    def __init__(self, client: _Sdk) -> None:
        self._client = client
        self._tries = 0
        self._paid = 0  # tokens, for the last retry
        backoff = client.backoff
        self._waits: Iterator[int] | None = None
        if backoff is not None:
            self._waits = backoff.waits(client.uniform)

    def heard(self, status_code: int) -> int:
        """See :class:`~lambdalab.traffic.callers.Tries`."""
        client = self._client
        self._tries += 1
        if client.limiter is not None:
            client.limiter.heard(status_code == _THROTTLED)
        if status_code not in client.retried:
            if 200 <= status_code < 300:
                client.quota.give_back(self._paid)
            return NO_MORE
        if self._tries >= client.most:
            return NO_MORE
        if not client.legacy:
            cost = client.quota.cost(status_code)
            if not client.quota.take(cost):
                return NO_MORE
            self._paid = cost
        if self._waits is not None:
            return next(self._waits)
        return client.own_wait(self._tries - 1, status_code)


class Quota:
    """The tokens a client may spend on retries (botocore retries/quota).

    >>> quota = Quota(Rules.as_of(quotas={"sdk_retry_quota": 8}))
    >>> quota.take(5), quota.take(5), quota.left
    (True, False, 3)
    >>> quota.give_back(5), quota.left
    (None, 8)
    """

    def __init__(self, rules: Rules) -> None:
        self._most: int = rules.sdk_retry_quota
        self.left, self._refund = self._most, rules.sdk_retry_refund
        self._rules = rules

    def cost(self, status_code: int) -> int:
        """What a retry costs after a try that ended so (0: in no answer)."""
        if status_code == _NO_ANSWER:
            cost: int = self._rules.sdk_retry_cost_timeout
        elif status_code == _THROTTLED:
            cost = self._rules.sdk_retry_cost_throttled
        else:
            cost = self._rules.sdk_retry_cost
        return cost

    def take(self, cost: int) -> bool:
        """Pay for a retry; False, and nothing paid, where there is too little left."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def give_back(self, paid: int) -> None:
        """A call has succeeded, its last retry having cost ``paid`` (0: there was none)."""
        self.left = min(self._most, self.left + (paid or self._refund))

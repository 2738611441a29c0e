"""How many runs does one click become? Retries of a client above the retries of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import ServiceError
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.callers import ReadTimeoutError
from lambdalab.traffic.sdk import SdkClient

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
KINDS = ("sync", "event")
FRONT, BACK, API = "shop", "stock", "orders"
_TIMEOUT = 900
_MOST = 10


@dataclass(frozen=True, slots=True)
class ClientRetries:
    """One click that goes through an API to the function ``shop``, which needs the function ``stock``.

    Each layer that tries again multiplies the tries of the one below: look at ``trace.attempts`` of
    ``stock``, and in ``trace.retries`` at the column ``lane``, which tells the client's waits from
    Lambda's (``trace.plot.timeline()`` shows the runs).

    Parameters
    ----------
    kind
        ``"sync"``: ``shop`` calls ``stock`` through an SDK's client that has less patience than ``stock``
        needs, and answers 503 when it has given up. ``"event"``: ``shop`` hands ``stock`` an event and
        then fails with 503; ``stock`` raises, and Lambda tries the event again.
    client_tries
        Tries of the client in front (1 to 10); it sends again after a 5xx.
    service_tries
        Tries of the layer below: of ``shop``'s own client (1 to 10), or runs of one event (1 to 3).
    service_timeout
        Seconds that ``shop``'s client waits for each try (0.1 to 60). Of kind ``"sync"`` alone.
    duration
        Seconds that ``stock`` works (0 to 300).

    Example
    -------
    >>> trace = ClientRetries().run(seed=7)
    >>> len(trace.requests.query("caller == 'client'")), trace.attempts["function"].eq("stock").sum()
    (3, np.int64(9))
    """

    kind: str = "sync"
    client_tries: int = 3
    service_tries: int = 3
    service_timeout: float = 4.0
    duration: float = 10.0

    def __post_init__(self) -> None:
        checks.one_of("kind", self.kind, KINDS)
        checks.whole("client_tries", self.client_tries, 1, _MOST, "tries")
        event = self.kind == "event"
        most = _RULES.maximum_retry_attempts + 1 if event else _MOST
        source = _RULES.source("maximum_retry_attempts") if event else ""
        checks.whole("service_tries", self.service_tries, 1, most, "tries", source)
        checks.number("service_timeout", self.service_timeout, 0.1, 60, "s")
        checks.number("duration", self.duration, 0, 300, "s")

    def run(self, seed: int | str = 7) -> Trace:
        """One click, and everything that comes of it."""
        lab = Lab(seed=seed)
        lab.create_function(BACK, **self._stock())
        lab.create_function(FRONT, self._shop(lab), timeout=_TIMEOUT)
        api = lab.api_gateway.create_rest_api(API)
        api.route("POST", "/", FRONT)
        api.post("/", caller=SdkClient(max_attempts=self.client_tries, name="client"))
        lab.run()
        return lab.trace

    def _shop(self, lab: Lab) -> Any:
        """The handler in front, as :meth:`code` has it too."""
        if self.kind == "event":

            def hand_over(event: Any, context: Any) -> dict[str, int]:
                lab.invoke(BACK, {}, invocation_type="Event")
                return {"statusCode": 503}

            return hand_over
        client = SdkClient(
            read_timeout=self.service_timeout, max_attempts=self.service_tries, name=FRONT
        )

        def ask(event: Any, context: Any) -> dict[str, int]:
            try:
                lab.invoke(BACK, {}, caller=client)
            except (ReadTimeoutError, ServiceError):
                return {"statusCode": 503}
            return {"statusCode": 200}

        return ask

    def _stock(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"duration": self.duration, "timeout": _TIMEOUT}
        if self.kind == "event":
            settings |= {"failure_rate": 1.0, "maximum_retry_attempts": self.service_tries - 1}
        return settings

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        settings = "".join(f", {name}={value!r}" for name, value in self._stock().items())
        body = {
            "event": [
                "def shop(event, context):",
                f'    lab.invoke("{BACK}", {{}}, invocation_type="Event")',
                '    return {"statusCode": 503}  # it fails when the event is sent',
            ],
            "sync": [
                f"client = ll.SdkClient(read_timeout={self.service_timeout!r}, "
                f'max_attempts={self.service_tries}, name="{FRONT}")',
                "def shop(event, context):",
                "    try:",
                f'        lab.invoke("{BACK}", {{}}, caller=client)',
                "    except (ll.ReadTimeoutError, ll.ServiceError):",
                '        return {"statusCode": 503}',
                '    return {"statusCode": 200}',
            ],
        }[self.kind]
        return checks.code(
            seed,
            f'lab.create_function("{BACK}"{settings})',
            *body,
            f'lab.create_function("{FRONT}", shop, timeout={_TIMEOUT})',
            f'api = lab.api_gateway.create_rest_api("{API}")',
            f'api.route("POST", "/", "{FRONT}")',
            f'api.post("/", caller=ll.SdkClient(max_attempts={self.client_tries}, name="client"))',
            "lab.run()",
        )


def client_retries(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`ClientRetries` with these settings."""
    return checks.made(ClientRetries, settings).run(seed)

"""An independent reckoning of fronts: what an API or a function URL answers, and when.

What it answers follows from its settings and from what became of the invocation: a function's answer, its
failure, Lambda's refusal, or no answer within the integration timeout. The function runs on in any case.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from tests.world.numbers import FAR, S
from tests.world.reading import Books, need, same

FAILED = {"rest": 502, "http": 500, "url": 502, "elb": 502}
LATE = {"rest": 504, "http": 503, "elb": 504}
KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
NOTHING = ("no_route", "throttled_front", "access_denied")  # without an invocation


class Answer(NamedTuple):
    """What a front answers: when (FAR: not known yet), with which status, and why."""

    at: int
    status: int
    cause: str


class Tokens:
    """A token bucket: ``left`` of ``burst``, ``rate`` more each second; it begins full."""

    def __init__(self, rate: float | None, burst: int | None) -> None:
        self.rate = 10_000.0 if rate is None else float(rate)
        self.burst = 5_000.0 if burst is None else float(burst)
        self.left, self.since = self.burst, 0

    def at(self, now: int) -> float:
        """How many there are at a time."""
        self.left = min(self.burst, self.left + (now - self.since) * self.rate / S)
        self.since = now
        return self.left


class Fronts:
    """Reckons what fronts answer, and what they let through."""

    def __init__(self, books: Books) -> None:
        self.books, self.past = books, books.past
        self.calls = {row.request_id: row for row in books.invocations}

    def check(self) -> None:
        """Each call of a front was asked for once; no more was let through than may be."""
        rows = [row for row in self.books.requests if row.front]
        told = Counter((row.front, row.request_id) for row in rows if row.request_id)
        names = {row.front for row in rows}
        calls = [call for call in self.books.invocations if call.source in names]
        seen = Counter((call.source, call.request_id) for call in calls)
        same("each request is one invocation", "requests", dict(told - seen), {})
        waiting = Counter(row.front for row in rows if row.answered_at < 0)  # it has no id yet
        under_way = [call for call in calls if (call.source, call.request_id) not in told]
        more = Counter(call.source for call in under_way) - waiting
        same("each invocation was asked for", "invocations", dict(more), {})
        came = [(self.begun(row), row.front, row) for row in rows if row.answered_at >= 0]
        came += [(call.requested_at, call.source, call) for call in under_way]
        # in one moment tokens only become fewer: who is let through came before who is refused
        self.paced(sorted(came, key=lambda one: (one[0], one[2].cause == "throttled_front")))

    # ------------------------------------------------------------------ throttling

    def paced(self, came: list[tuple[int, str, Any]]) -> None:
        """Requests take two tokens each: a refused one found one missing, the others found both."""
        account = Tokens(self.past.quotas.get("api_gateway_account_rate"),
                         self.past.quotas.get("api_gateway_account_burst"))  # fmt: skip
        buckets: dict[str, Tokens] = {"account": account}
        for at, label, row in came:
            front = self.past.of("front", label, at)
            if not front.get("api") or not front["function"]:
                continue
            own = self.bucket(label, front, at, buckets)
            have = min(own.at(at), account.at(at))
            if row.cause == "throttled_front":
                need("a throttled request found no token", row, have < 1 + 1e-6, have, 1)
                continue
            need("who is let through takes a token", row, have > 1 - 1e-6, have, 1)
            for each in {id(own): own, id(account): account}.values():
                each.left -= 1

    def bucket(
        self, label: str, front: dict[str, Any], at: int, known: dict[str, Tokens]
    ) -> Tokens:
        """The token bucket that a request takes from: its route's own, or its API's; the account's."""
        given = front.get("throttle_rate"), front.get("throttle_burst")
        name = f"{label}/{max(t for t in self.past.times('front', label) if t <= at)}"
        if given == (None, None):
            name, api = front["api"], self.past.of("api", front["api"], at)
            given = api.get("throttle_rate"), api.get("throttle_burst")
        if given == (None, None):
            return known["account"]
        rate = self.past.quotas.get("api_gateway_account_rate") if given[0] is None else given[0]
        burst = self.past.quotas.get("api_gateway_account_burst") if given[1] is None else given[1]
        return known.setdefault(name, Tokens(rate, burst))

    # ------------------------------------------------------------------ answers

    def begun(self, row: Any) -> int:
        """When a request reached its front: later than it came where its caller has a queue."""
        call = self.calls.get(row.request_id)
        return int(call.requested_at if call else max(row.answered_at, row.sent_at))

    def front(self, row: Any, at: int) -> dict[str, Any]:
        """The settings of a front then."""
        return self.past.of("front", row.front, at)

    def answer(self, row: Any) -> Answer:
        """What the front makes of a request, however long the caller waits."""
        at = self.begun(row)
        front, call = self.front(row, at), self.calls.get(row.request_id)
        need("a front that was there", row, bool(front), row.front, self.past.names("front"))
        if call is None:
            return self.without(row, front, at)
        same("it calls its own function", row, (call.function, call.source),
             (front["function"].partition(":")[0], row.front))  # fmt: skip
        if call.parent_id:
            parent = self.calls[call.parent_id]
            need("who asked is there", row, parent.requested_at <= at, parent, "before")
        self.allowed(row, call, at)
        kind, waits = front["kind"], front.get("invocation_type") != "Event"
        same("how it calls", row, call.invocation_type, "RequestResponse" if waits else "Event")
        if call.status in ("refused", "throttled"):
            return Answer(call.completed_at, self.refusal(kind, call), call.cause)
        if not waits:
            return Answer(at, 200, "accepted")
        limit = round(front.get("integration_timeout", FAR / S) * S)
        ended = call.completed_at if call.completed_at >= 0 else FAR
        if ended > at + limit:
            return Answer(at + limit, LATE[kind], "integration_timeout")
        timed_out = row.cause == "integration_timeout" or (
            row.cause == "client_timeout" and row.front_status_code == LATE.get(kind)
        )
        if ended == at + limit and timed_out:  # in the very same moment
            return Answer(ended, LATE[kind], "integration_timeout")
        if ended == FAR:
            return Answer(FAR, 0, "")
        return self.of_run(front, call)

    def without(self, row: Any, front: dict[str, Any], at: int) -> Answer:
        """No invocation: no route, no token, or a caller who may not come in."""
        if row.answered_at < 0:
            limit = FAR if front["function"] is None else front.get("integration_timeout", FAR / S)
            kind = self.past.of("caller", row.caller, at).get("kind")
            late = at + round(limit * S) < self.books.now and kind != "queue"
            need("an API waits no longer", row, not late, self.books.now, at + limit)
            return Answer(FAR, 0, "")
        status = {"no_route": 404, "throttled_front": 429}.get(row.cause, 403)
        queues = self.past.of("caller", row.caller, at).get("kind") == "queue"
        came = at if queues else row.sent_at
        if front["kind"] != "url":
            known = "no_route" if front["function"] is None else "throttled_front"
            same("why a request got nowhere", row, row.cause, known)
            return Answer(came, status, known)
        if front.get("gone") or self.gone(front["function"], at):
            return Answer(came, 403, "no_route")
        let_in = front["auth_type"] == "NONE" and self.permitted(row.front, at)
        same("who may come in", row, (row.cause, let_in), ("access_denied", False))
        return Answer(came, 403, "access_denied")

    def gone(self, name: str, at: int) -> bool:
        """Whether a function was deleted."""
        return bool(self.past.of("gone", name.partition(":")[0], at))

    def permitted(self, name: str, at: int) -> bool:
        """Whether a function's policy lets a trigger in."""
        return bool(self.past.of("permission", name, at).get("allowed"))

    def allowed(self, row: Any, call: Any, at: int) -> None:
        """A function that is gone, or does not let the front in, is not run."""
        gone = self.gone(call.function, at)
        same("a function that is gone", row, call.cause == "unknown_function", gone)
        denied = not gone and not row.front.endswith(" url") and not self.permitted(row.front, at)
        same("a front needs permission", row, call.cause == "access_denied", denied)

    @staticmethod
    def refusal(kind: str, call: Any) -> int:
        """What a caller hears of a refusal of Lambda's."""
        if kind == "elb":
            return 502
        if kind == "url":
            return int(call.status_code) if call.status_code < 500 else 502
        return 400 if call.cause == "invalid_json" else 500

    def of_run(self, front: dict[str, Any], call: Any) -> Answer:
        """The function's own answer, or what a failure makes."""
        kind = front["kind"]
        if front.get("proxy") is False:
            return Answer(call.completed_at, 200, call.cause)
        if call.status == "failed":
            return Answer(call.completed_at, FAILED[kind], call.cause)
        if self.modelled(call):  # it returned nothing, and that is taken for an answer
            return Answer(call.completed_at, 200, "completed")
        made = self.past.answers.get(call.request_id)
        status = rest_status(made) if kind == "rest" else status_of(made)
        if kind == "elb" and (not isinstance(made, dict) or "statusCode" not in made):
            status = None
        if status is None:
            return Answer(call.completed_at, FAILED[kind], "malformed_response")
        return Answer(call.completed_at, status, "completed")

    def modelled(self, call: Any) -> bool:
        """Whether what ran was a model, not code."""
        name, version = call.function, call.executed_version
        thing = ("function", name) if version == "$LATEST" else ("version", f"{name}:{version}")
        return "duration" in self.past.of(*thing, call.completed_at)


def rest_status(made: Any) -> int | None:
    """The status that a REST API reads in an answer: nothing but what it knows may stand there."""
    if not isinstance(made, dict) or not made or set(made) - KEYS:
        return None
    return number(made.get("statusCode", 200))


def status_of(made: Any) -> int | None:
    """The status in an answer of payload format 2.0: what has none is the body of a 200."""
    if not isinstance(made, dict) or "statusCode" not in made:
        return 200
    return number(made["statusCode"])


def number(told: Any) -> int | None:
    return told if isinstance(told, int) and 100 <= told <= 599 else None

"""An independent reckoning of pushes: each event on each way to its one end, try after try."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.world.fronts import Fronts
from tests.world.numbers import S
from tests.world.reading import Books, grouped, need, same
from tests.world.wiring import TOPIC

FINAL = {"access_denied": "permission_denied", "unknown_function": "target_gone"}
DAYS = 23 * 86_400
NUMBERS = {
    "s3_retry_age": 21_600, "s3_delivery_latency": 1, "sns_delivery_latency": 0,
    "sns_tries_after_backoff": 100_000, "sns_backoff_tries": 10, "eventbridge_latency": 0.1,
    "target_retry_longest_wait": 650,
}  # fmt: skip
DELAYS = {"sns": "sns_delivery_latency", "s3": "s3_delivery_latency", "rule": "eventbridge_latency"}


def wait(service: str, tries: int, numbers: dict[str, Any]) -> tuple[float, float] | None:
    """The shortest and the longest wait after so many tries, in seconds; None: there is no other."""
    if service == "s3":
        exact = min(2.0 ** (tries - 1), 300)
        return exact, exact
    if service == "sns":
        growing, more = numbers["sns_backoff_tries"], numbers["sns_tries_after_backoff"]
        if tries >= 5 + growing + more:
            return None
        if tries < 3:
            return 0, 0
        exact = 20.0 ** ((tries - 5) / (growing - 1)) if 5 <= tries < 5 + growing else 20
        exact = 1 if tries < 5 else exact
        return exact * 0.95, exact * 1.05
    longest = min(2.0 ** (tries - 1), numbers["target_retry_longest_wait"])
    return longest / 2, longest


class Pushes:
    """Reckons every way from a service to a target."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.fronts = Fronts(books)
        self.calls = self.fronts.calls
        self.tries: Counter[Any] = Counter()
        self.left: Counter[Any] = Counter()  # queue, at, why: what was put into queues and topics

    def check(self) -> None:
        """Every event; then that tries, invocations and what arrived are those, and no more."""
        ways = set(self.past.names("way"))
        for (queue, _), rows in grouped(self.books.queue_events, "queue", "event_id").items():
            if queue in ways:
                Delivery(self, queue, rows).check()
        columns = "caller", "sent_at", "answered_at", "request_id", "status_code", "tries", "cause"
        rows = [row for row in self.books.requests if row.caller in ways]
        told = Counter(tuple(getattr(row, column) for column in columns) for row in rows)
        same("each try is a row", "requests", dict(told - self.tries), dict(self.tries - told))
        seen = Counter(call.request_id for call in self.books.invocations if call.source in ways)
        tried = Counter(key[3] for key in self.tries if key[3])
        same("each try at a function is an invocation", "invocations", tried, seen)
        come = Counter(
            (row.queue, row.at, row.cause) for row in self.books.queue_events
            if row.kind == "sqs" and row.action == "sent"
            and (row.cause == "published" or (row.cause == "dead_letter" and row.queue == "undelivered"))
        )  # fmt: skip
        hops = Counter({key: n for key, n in self.left.items() if key[0] == TOPIC})
        topics = Counter(
            (row.queue, row.at, row.cause) for row in self.books.queue_events
            if row.queue == TOPIC and row.action == "sent"
        )  # fmt: skip
        same("what is put on a topic arrives", "queue_events", dict(hops - topics), {})
        left = self.left - hops
        same(
            "what is put into a queue arrives",
            "queue_events",
            dict(left - come),
            dict(come - left),
        )


class Delivery:
    """One event on one way."""

    def __init__(self, pushes: Pushes, way: str, rows: list[Any]) -> None:
        self.pushes, self.past, self.way, self.rows = pushes, pushes.past, way, rows
        self.numbers = NUMBERS | self.past.quotas
        self.made, self.tried = rows[0].at, 0
        given = self.settings(self.made)
        self.service, self.target = given["service"], given["target"]
        test = (self.made, "", "test") in self.past.puts and not rows[0].delay_us
        at_once = given.get("clock") or (self.service == "s3" and test)
        delay = 0 if at_once else round(self.numbers[DELAYS[self.service]] * S)
        self.due = self.made + (max(delay, 1) if self.service == "rule" and not at_once else delay)
        self.over = False

    def settings(self, at: int) -> dict[str, Any]:
        return self.past.last("way", self.way, at)

    def check(self) -> None:
        """Sent, then filtered, or tried until it is over."""
        first, *others = self.rows
        cause = "scheduled" if self.settings(self.made).get("clock") else "published"
        told = first.action, first.cause, first.delay_us
        filtered = bool(others) and others[0].action == "filtered"
        delay = 0 if filtered else self.due - self.made
        same("an event is sent", first, told, ("sent", cause, delay))
        if filtered:
            told = len(others), others[0].at, others[0].cause
            same(
                "what is filtered goes nowhere", others[0], told, (1, self.made, "pattern_mismatch")
            )
            return
        for row in others:
            need("nothing happens after the end", row, not self.over, row.action, "nothing")
            same(
                "it is tried when it is due",
                row,
                (row.at, row.age_us),
                (self.due, self.due - self.made),
            )
            self.attempt(row)
        if not self.over:
            need(
                "what is due is tried",
                self.rows[-1],
                self.due >= self.pushes.now,
                self.due,
                self.pushes.now,
            )

    def attempt(self, row: Any) -> None:
        """A try, and what follows from it."""
        given = self.settings(row.at)
        if (
            self.tried
            and row.at - self.made > self.age(given)
            and row.cause == "event_age_exceeded"
        ):
            self.end(row, given, row.cause)  # it may be less old than before by now
            return
        self.tried += 1
        status, cause, again = self.outcome(row)
        key = self.way, row.at, row.at, row.request_id, status, self.tried, cause
        self.pushes.tries[key] += 1
        if status < 300:
            told = row.action, row.cause
            same("what is taken is gone", row, told, ("deleted", cause))
            self.over = True
            if not row.request_id:
                self.pushes.left[self.target, row.at, "published"] += 1
        elif not again:
            self.end(row, given, cause)
        else:
            self.again(row, given, "throttled" if status == 429 else "server_error")

    def outcome(self, row: Any) -> tuple[int, str, bool]:
        """Status and cause of a try, and whether another could go better."""
        fronts, at = self.pushes.fronts, row.at
        if not row.request_id or self.target in (TOPIC, *self.past.names("queue")):
            gone = row.cause != "delivered"
            small = "sqs_message_size" in self.past.quotas
            need("a queue takes what fits", row, small or not gone, row.cause, "delivered")
            return (400, "target_failed", False) if gone else (200, "delivered", False)
        call = self.pushes.calls[row.request_id]
        told = (call.source, call.parent_kind, call.parent_id, call.requested_at, call.function,
                call.invocation_type)  # fmt: skip
        same("a try is one invocation", call, told,
             (self.way, "event", row.event_id, at, self.target, "Event"))  # fmt: skip
        gone = fronts.gone(self.target, at)
        same("a function that is gone", row, call.cause == "unknown_function", gone)
        denied = not gone and self.service != "schedule" and not fronts.permitted(self.way, at)
        same("a service needs permission", row, call.cause == "access_denied", denied)
        if call.status not in ("refused", "throttled"):
            return 202, "accepted", False
        if call.cause == "recursive_loop":
            return 202, "accepted", False
        cause = FINAL.get(call.cause, call.cause)
        status = call.status_code
        return status, cause, status == 429 or status >= 500

    def age(self, given: dict[str, Any]) -> int:
        seconds = {"sns": DAYS, "s3": self.numbers["s3_retry_age"]}.get(self.service)
        return int((given["age"] if seconds is None else seconds) * S)

    def again(self, row: Any, given: dict[str, Any], cause: str) -> None:
        """Another try after a wait, unless there is none left, or it would be too old then."""
        allowed = wait(self.service, self.tried, self.numbers)
        low, high = (round(seconds * S) for seconds in allowed or (0, 0))
        left, oldest = given.get("tries", 1_000_000), self.age(given)
        age = row.at - self.made
        if self.tried > left or allowed is None:
            self.end(row, given, "retries_exhausted")
        elif row.action != "retry_scheduled":
            need("it would be too old", row, age + high > oldest, age + high, oldest)
            self.end(row, given, "event_age_exceeded")
        else:
            need("a wait by the rules", row, low <= row.delay_us <= high, row.delay_us, (low, high))
            need("not beyond its age", row, age + row.delay_us <= oldest, age, oldest)
            same("why it waits", row, row.cause, cause)
            self.due += row.delay_us

    def end(self, row: Any, given: dict[str, Any], cause: str) -> None:
        """A dead letter, or the end."""
        self.over = True
        letters = given.get("letters")
        action = "expired" if cause == "event_age_exceeded" else "dropped"
        if letters and row.cause == "delivery_failed" and "sqs_message_size" in self.past.quotas:
            action, cause = "dropped", row.cause
        elif letters:
            action = "dead_lettered"
            self.pushes.left[letters, row.at, "dead_letter"] += 1
        same("how it ends", row, (row.action, row.cause), (action, cause))

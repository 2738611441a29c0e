"""An independent reckoning of callers: what each try saw, how long they waited, what they tried again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.world.fronts import Answer, Fronts
from tests.world.numbers import FAR, IN_TIME, OVERRUN_US, S
from tests.world.reading import Books, grouped, need, same

RETRIED = (0, 429, 500, 502, 503, 504)
TOKENS, A_TIMEOUT, A_FAILURE = 500, 10, 5
LONGEST = 20  # seconds between two tries of the standard mode
BASE, CAP = 0.2, 1.5  # of the strategies that callers of random labs are given


class Callers:
    """Reckons every row of ``requests`` but those of services that push."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.fronts = Fronts(books)
        self.calls = self.fronts.calls
        self.runs = grouped(books.attempts, "request_id")
        self.closed = max(
            (row.answered_at for row in books.requests if row.cause == "lab_closed"), default=FAR
        )

    def check(self) -> None:
        """Every try, then every call."""
        self.fronts.check()
        ways = set(self.past.names("way"))
        rows = [row for row in self.books.requests if row.caller not in ways]
        for row in rows:
            self.saw(row)
        for tries in grouped(rows, "call").values():
            self.tried(tries)
        for name in self.past.names("caller"):
            given = self.past.of("caller", name, self.now)
            if given["kind"] == "queue":
                self.in_turn(given, [row for row in rows if row.caller == name])

    # ------------------------------------------------------------------ a try

    def natural(self, row: Any) -> Answer:
        """What the other side answers, whether anybody waits for it or not."""
        if row.front:
            return self.fronts.answer(row)
        call = self.calls.get(row.request_id)
        if call is None:
            return Answer(FAR, 0, "")
        if call.invocation_type == "Event" and call.status not in ("refused", "throttled"):
            return Answer(call.requested_at, 202, "accepted")
        at = call.completed_at if call.completed_at >= 0 else FAR
        return Answer(at, call.status_code, call.cause)

    def caller(self, row: Any) -> dict[str, Any]:
        """The settings of who called; what handlers ask of fronts, they ask by a caller of their own."""
        known = self.past.of("caller", row.caller, self.now)
        handler = row.front and row.caller not in ("client", "drive")
        return known or (self.past.of("caller", "inside", self.now) if handler else {})

    def patience(self, row: Any) -> int:
        """How long its caller waits for the answer of one try."""
        seconds = self.caller(row).get("timeout")
        return FAR if seconds is None else round(seconds * S)

    def saw(self, row: Any) -> None:
        """The answer, if it came in time; else nothing, and the answer stands beside it."""
        answer = self.natural(row)
        begun = self.fronts.begun(row) if row.front else self.sent(row)
        until = begun + self.patience(row)
        if self.stopped(row, until):
            until = row.answered_at
        late = answer.at > until or (answer.at == until and row.cause == "client_timeout")
        told = row.answered_at, row.status_code, row.cause
        if min(answer.at, until) >= self.now and row.answered_at < 0:
            return
        if late:
            same("who waits no longer", row, told, (until, 0, "client_timeout"))
            after = row.front_answered_at, row.front_status_code
            come = answer.at < self.now or row.front_answered_at >= 0
            same("the answer that came too late", row, after,
                 (answer.at, answer.status) if come else (-1, 0))  # fmt: skip
        else:
            if not row.front and row.cause == "accepted":
                answer = answer._replace(cause="accepted")
            same("what a caller saw", row, told, tuple(answer))
            same("no second answer", row, row.front_answered_at, -1)

    def stopped(self, row: Any, until: int) -> bool:
        """Whether the handler that waits was stopped by its own timeout before its patience was over."""
        call = self.calls.get(row.request_id)
        if call is None or call.parent_kind != "request" or not 0 <= row.answered_at < until:
            return False
        late = OVERRUN_US * (self.past.rules < IN_TIME)
        return any(
            run.outcome == "timeout" and row.answered_at == run.ended_at - late
            for run in self.runs.get(call.parent_id, [])
        )

    def sent(self, row: Any) -> int:
        """When a try was sent: later than it came where its caller has a queue."""
        call = self.calls.get(row.request_id)
        return int(call.requested_at if call else row.sent_at)

    # ------------------------------------------------------------------ a call

    def tried(self, rows: list[Any]) -> None:
        """Tries in order, their waits, and that no more were made than may be, nor fewer."""
        given = self.caller(rows[0])
        most = given.get("most", 1)
        same("tries are counted", rows[0], [row.tries for row in rows], [*range(1, len(rows) + 1)])
        need("no more tries than allowed", rows[-1], len(rows) <= most, len(rows), most)
        for row, after in pairwise(rows):
            again = row.answered_at >= 0 and row.status_code in RETRIED
            need("what is tried again", row, again, row.status_code, RETRIED)
            same("who tries again has not given up", row, row.gave_up, False)
            low, high = self.bounds(given, row, self.sent(after))
            waited = after.sent_at - row.answered_at
            need("a wait within its bounds", after, low <= waited <= high, waited, (low, high))
        last = rows[-1]
        if last.answered_at < 0:
            return
        begun = self.fronts.begun(last) if last.front else self.sent(last)
        if self.stopped(last, begun + self.patience(last)):
            same("who is stopped gives up", last, last.gave_up, True)
            return
        ended = last.status_code not in RETRIED or len(rows) >= most
        if not ended:
            _, high = self.bounds(given, last, FAR)
            waiting = last.answered_at + high >= self.now
            left = self.poor(given, last)
            need("what can be mended is tried again", last, waiting or left, self.now, high)
        gave_up = last.status_code == 0 and last.cause == "client_timeout"
        if ended:
            same("who gives up", last, last.gave_up, gave_up)

    def bounds(self, given: dict[str, Any], row: Any, sent: int) -> tuple[int, int]:
        """The shortest and the longest wait after a try."""
        place, strategy = row.tries - 1, given["strategy"]
        if given["mode"] == "adaptive":  # it may send more slowly than it would like to
            return 0, FAR
        if strategy is None:
            most = 2.0**place if given["mode"] == "legacy" else min(2.0**place, LONGEST)
            return 0, round(most * S)
        temp = min(CAP, BASE * 2**place)
        low, high = {
            "none": (0, 0), "exponential": (temp, temp), "equal": (temp / 2, temp), "full": (0, temp),
            "decorrelated": (BASE, min(CAP, BASE * 3 ** (place + 1))),
        }[strategy]  # fmt: skip
        return round(low * S), round(high * S)

    def poor(self, given: dict[str, Any], last: Any) -> bool:
        """Whether a client may have run out of tokens for retries."""
        own = [row for row in self.books.requests if row.caller == last.caller and row.tries > 1]
        spent = len(own) * A_TIMEOUT
        return bool(given.get("inside")) or (
            given["mode"] != "legacy"
            and spent > self.past.quotas.get("sdk_retry_quota", TOKENS) - A_TIMEOUT
        )

    def in_turn(self, given: dict[str, Any], rows: list[Any]) -> None:
        """A caller with a queue has no more under way than it may, and begins in order."""
        spans = [
            (self.sent(row), row.answered_at if row.answered_at >= 0 else FAR)
            for row in rows if row.request_id
        ]  # fmt: skip
        same(
            "in the order in which they came", rows, spans, sorted(spans, key=lambda span: span[0])
        )
        for begun, _ in spans:
            busy = sum(since < begun < until for since, until in spans)
            need(
                "so many at once", rows, busy < given["concurrency"], busy + 1, given["concurrency"]
            )

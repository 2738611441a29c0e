"""An independent reckoning of what comes to topics, buckets and buses, who is told of it; of schedules."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.world.numbers import S
from tests.world.reading import Books, grouped, need, same
from tests.world.wiring import BUCKET, BUS, TOPIC

SERVICES = {TOPIC: "sns", BUCKET: "s3", BUS: "rule"}


def fits(policy: list[Any], kind: str | None) -> bool:
    """Whether a list of a pattern takes a value (None: there is none)."""
    for each in policy:
        if isinstance(each, str):
            good = kind == each
        elif "exists" in each:
            good = (kind is not None) == each["exists"]
        elif "anything-but" in each:
            good = kind is not None and kind not in each["anything-but"]
        else:
            good = kind is not None and kind.startswith(each["prefix"])
        if good:
            return True
    return False


class Arrivals:
    """Reckons every arrival: each way of the service is told of it, or need not be."""

    def __init__(self, books: Books) -> None:
        self.books, self.past = books, books.past
        self.rows = grouped(books.queue_events, "queue", "event_id")
        self.ways = self.past.names("way")
        self.puts: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for at, key, event in self.past.puts:
            self.puts[at].append((key, event))

    def check(self) -> None:
        """Everything that came; then schedules."""
        written: dict[int, list[Any]] = defaultdict(list)
        sent: Counter[Any] = Counter()
        for (queue, event), rows in self.rows.items():
            if queue in SERVICES and rows[0].kind == "push":
                at = rows[0].at
                same("what comes is handed on, or not", rows[0], (len(rows), rows[1].at), (2, at))
                if queue == BUCKET:
                    written[at].append((event, rows))
                else:
                    self.handed_on(queue, event, rows, sent)
            elif queue in self.ways:
                sent[queue, event] += 1
        for at, came in written.items():
            self.kept(at, came, sent)
        self.clocks(sent)
        same(
            "who is told of what did not come",
            "queue_events",
            {k: n for k, n in sent.items() if n},
            {},
        )

    # ------------------------------------------------------------------ topics and buses

    def handed_on(self, queue: str, event: str, rows: list[Any], sent: Counter[Any]) -> None:
        """Each subscription has it, filtered or not; of a bus each target of a rule that wants it."""
        at, wanted = rows[0].at, False
        known = event in self.past.events
        for way in self.ways:
            given = self.past.of("way", way, at)
            if given.get("service") != SERVICES[queue] or given.get("clock"):
                continue
            if queue == TOPIC:
                policy = given["policy"]
                good = policy is None or (known and fits(policy["kind"], self.past.events[event]))
                self.told(way, event, good, sent)
            else:
                rule = self.past.of("rule", given["rule"], at)
                good = (
                    known
                    and rule["enabled"]
                    and fits(rule["policy"]["kind"], self.past.events[event])
                )
                same("a rule wants it", rows[0], (way, event) in self.rows, good)
                sent[way, event] -= good
            wanted = wanted or good
        if queue == BUS:
            rules = [self.past.of("rule", name, at) for name in self.past.names("rule")]
            wanted = known and any(r["enabled"] and fits(r["policy"]["kind"], self.past.events[event])
                                   for r in rules)  # fmt: skip
        told = rows[1].action, rows[1].cause
        end = ("deleted", "fanned_out") if wanted else ("filtered", "pattern_mismatch")
        same("somebody wants it", rows[1], told, end)

    def told(self, way: str, event: str, good: bool, sent: Counter[Any]) -> None:
        """A way has an event, as filtered where it is not wanted."""
        rows = self.rows.get((way, event), [])
        need("each way has its row", (way, event), bool(rows), len(rows), "some")
        same("what is filtered is not wanted", rows[0], rows[-1].action == "filtered", not good)
        sent[way, event] -= 1

    # ------------------------------------------------------------------ buckets

    def kept(self, at: int, came: list[Any], sent: Counter[Any]) -> None:
        """What was written or deleted then, in order; keys of traffic are not in, nor out."""
        told = self.puts.get(at, [])
        if told and len(told) != len(came):
            for event, _ in came:  # traffic and a handler in one moment: not to be told apart
                for way in self.ways:
                    sent[way, event] = 0
            return
        for number, (event, rows) in enumerate(came):
            key, kind = told[number] if told else ("object", "s3:ObjectCreated:Put")
            wanted = kind != "s3:ObjectRemoved:Delete"
            for way in self.ways:
                given = self.past.of("way", way, at)
                if kind == "test" or given.get("service") != "s3":
                    if kind == "test":
                        sent[way, event] = 0
                    continue
                good = key.startswith(given["prefix"]) and any(
                    kind.startswith(name.rstrip("*")) for name in given["events"]
                )
                self.told(way, event, good, sent)
                wanted = wanted or good
            same("an object is kept", rows[1], rows[1].action == "deleted", wanted)

    # ------------------------------------------------------------------ schedules

    def clocks(self, sent: Counter[Any]) -> None:
        """Each firing, when it is due, while the schedule is there."""
        for name in self.past.names("clock"):
            changes = self.past.changes["clock", name]
            for (since, given), (until, _) in zip(
                changes, [*changes[1:], (self.books.now + 1, None)], strict=True
            ):
                if given is not None:
                    self.fired(name, since, until, given, sent)

    def fired(self, name: str, since: int, until: int, given: Any, sent: Counter[Any]) -> None:
        """From one setting of a schedule to the next."""
        step = given["seconds"] * S
        if given["cron"]:
            first = -(-(since + 1) // step) * step
        else:
            first = since if given["at_once"] else since + step
        late = 0 if name == "often" else round(self.past.quotas.get("scheduler_delay", 0) * S)
        due = [at + late for at in range(first, until - late, step)]
        ways = [way for way in self.ways if self.past.last("way", way, since).get("clock") == name]
        for way in ways:
            came = [rows[0].at for (queue, event), rows in self.rows.items() if queue == way
                    and since <= rows[0].at < until]  # fmt: skip
            if due and due[-1] == self.books.now and len(came) == len(due) - 1:
                due.pop()  # in this very moment: perhaps not yet
            same("a schedule fires when it is due", (way, given), came, due)
            for (queue, event), rows in self.rows.items():
                if queue == way and since <= rows[0].at < until:
                    sent[queue, event] = 0

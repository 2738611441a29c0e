"""Random labs: what they are made of, what happens to them, and what they must keep.

``World(seed, number)`` decides everything from its own stream of chance; ``play`` lets it happen and
checks the books. What it sets and when is noted in a :class:`~tests.world.reading.Past`.
"""

from __future__ import annotations

import os
import random
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd

import lambdalab as ll
from tests.world import waiting
from tests.world.capacity import Capacity
from tests.world.polling import Queues
from tests.world.reading import Books, Past
from tests.world.reckoner import Reckoner

REFUSALS = (ll.errors.LabError,)
START = pd.Timestamp("2025-01-07", tz="UTC")


class World:
    """One random lab and its history."""

    def __init__(self, seed: object, number: int) -> None:
        self.seed, self.number = seed, number
        self.chance = chance = random.Random(f"{seed}/{number}")
        self.reached: set[tuple[str, str]] = set()
        self.rules = chance.choice(["2025-01-07"] * 4 + ["2024-03-01", "2025-09-01", "2026-03-01"])
        self.quotas = self.some_quotas()
        self.lab = ll.Lab(seed=f"{seed}/{number}", rules=self.rules, quotas=self.quotas)
        self.past = Past(self.quotas, self.rules)
        self.now_set: dict[tuple[str, str], dict[str, Any]] = {}
        self.received: list[Any] = []
        self.queues = [f"q{n}" for n in range(chance.choice([0, 1, 1, 1, 2, 3]))]
        self.functions = [f"f{n}" for n in range(chance.choice([1, 1, 2, 2, 3, 4]))]
        self.mappings: dict[str, Any] = {}

    # ------------------------------------------------------------------ chance

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def pick(self, **settings: Any) -> dict[str, Any]:
        """Some of the settings, each with a value drawn from its list."""
        return {name: self.chance.choice(values) for name, values in settings.items() if self.often(0.5)}

    def some_quotas(self) -> dict[str, Any]:
        quotas = self.pick(
            environment_setup=[0.0, 0.15, 1.0], asynchronous_dwell=[0.0, 0.15], network_latency=[0.0, 0.02],
            invoke_overhead=[0.0, 0.003], mapping_pollers_start=[1, 2, 5], mapping_payload=[2_500, 20_000],
            asynchronous_payload=[3_000],
        )  # fmt: skip
        if self.often(0.5):
            quotas |= {"account_concurrency": self.chance.choice([3, 8, 20, 150]), "unreserved_minimum": 2}
        quotas["synchronous_payload"] = 40_000
        if self.often(0.1):
            quotas["sqs_in_flight"] = self.chance.choice([3, 30])
        return quotas

    def function_settings(self, real: bool) -> dict[str, Any]:
        duration = [0.001, 0.05, 0.7, 3, 9.5, ll.Exponential(0.6), ll.LogNormal(p50=0.2, p99=4), 0.05, 0.7,
                    lambda event: 0.3, _bad_duration]  # fmt: skip
        made = self.pick(
            memory_size=[128, 512, 1769, 10_240, 337], timeout=[1, 3, 4, 10, 60, 900], idle_expiry=[0, 5, 60, 600],
            architecture=["x86_64", "arm64"], runtime=["python3.12", "nodejs22.x", "java21"],
            init=[0, 0.4, 2.0, 9.0, ll.LogNormal(p50=0.2, p99=1.0)], dead_letter_queue=["letters"],
            maximum_retry_attempts=[0, 1, 2], maximum_event_age=[60, 75, 90, 200, 21_600],
        )  # fmt: skip
        if self.often(0.4):
            made["reserved_concurrency"] = self.chance.choice([0, 1, 1, 2, 5])
        if self.often(0.3):
            made["log_format"] = "JSON"
        if not real:
            made["duration"] = self.chance.choice(duration)
            if self.often(0.5):
                made["failure_rate"] = self.chance.choice([0.05, 0.3, 1.0])
        return made

    # ------------------------------------------------------------------ making it

    def make(self) -> None:
        """Functions, queues, mappings and traffic."""
        for name in self.queues:
            settings = self.pick(visibility_timeout=[5, 12, 60, 901], delay=[0, 3], retention=[60, 300, 345_600])
            if self.often(0.6):
                settings |= {"dead_letter_queue": f"{name}-letters", "max_receive_count": self.chance.choice([1, 2, 4])}
            self.lab.sqs.create_queue(name, **settings)
            self.set("queue", name, settings)
            if self.often(0.6):
                settings = {"retention": self.chance.choice([60, 120])}
                self.lab.sqs.create_queue(f"{name}-letters", **settings)
                self.set("queue", f"{name}-letters", settings)
        for name in self.functions:
            real = self.often(0.45)
            settings = self.function_settings(real)
            code = self.handler(name) if real else None
            if self.attempt(lambda: self.lab.create_function(name, code, **settings)):
                self.set("function", name, settings)
            else:
                self.lab.create_function(name, duration=0.2)
                self.set("function", name, {"duration": 0.2})
        for queue in self.queues:
            for name in self.chance.sample(self.functions, 2 if len(self.functions) > 1 and self.often(0.07) else 1):
                self.map(queue, name)
        self.drive()

    def map(self, queue: str, function: str) -> None:
        settings = self.mapping_settings()

        def create() -> None:
            made = self.lab.create_event_source_mapping(queue, function, **settings)
            self.mappings[made.name] = made

        if self.attempt(create):
            self.set("mapping", f"{queue}->{function}", settings)

    def mapping_settings(self) -> dict[str, Any]:
        settings = self.pick(batch_size=[1, 2, 5, 10, 10, 25], maximum_batching_window=[0, 1, 5, 20], enabled=[True, True, False])
        if self.often(0.4):
            settings["function_response_types"] = ["ReportBatchItemFailures"]
        return settings

    def drive(self) -> None:
        """Some traffic, from now on."""
        chance = self.chance
        for _ in range(chance.choice([1, 2, 3])):
            target = chance.choice(self.functions + self.queues * 2)
            arrivals = chance.choice([
                ll.Poisson(chance.choice([0.2, 1, 4])), ll.Burst(chance.choice([1, 7, 30]), at=chance.choice([0, 2.5])),
                ll.Every(chance.choice([0.5, 3.0])), ll.Poisson(1),
            ])  # fmt: skip
            payload = chance.choice([None, None, {"n": 1}, lambda i: {"n": i, "note": "x" * (i * 97 % 900)}])
            kind = chance.choice(["RequestResponse", "Event"])
            given = {} if target in self.queues else {"invocation_type": kind}
            self.lab.drive(target, arrivals, duration=chance.choice([5, 20, 40]), count=60, payload=payload, **given)

    # ------------------------------------------------------------------ what happens

    def at(self) -> int:
        return round(self.lab.elapsed * 1e6)

    def set(self, kind: str, name: str, settings: dict[str, Any] | None) -> None:
        """Remember that it is so from now on."""
        self.past.note(kind, name, self.at(), settings)
        if settings is None:
            self.now_set.pop((kind, name), None)
        else:
            self.now_set[kind, name] = settings

    def change(self, kind: str, name: str, settings: dict[str, Any]) -> None:
        self.set(kind, name, self.now_set[kind, name] | settings)

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether the lab did it; what it refuses changes nothing."""
        try:
            act()
        except REFUSALS:
            return False
        return True

    def tick(self) -> None:
        """A moment of its own for what comes next."""
        self.lab.advance(self.chance.randrange(1, 9_973) / 1e6)

    def play(self) -> set[tuple[str, str]]:
        """Everything, with the books checked at the end (and before each reset); the causes reached."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.make()
            for _ in range(self.chance.choice([0, 1, 3, 6, 10])):
                self.piece()
                self.tick()
                self.chance.choice(ACTS)(self)
            self.finish()
        return self.reached

    def piece(self) -> None:
        """Some time passes."""
        how = self.chance.random()
        if how < 0.2:
            for _ in range(self.chance.randrange(30)):
                self.lab.step()
        elif how < 0.7:
            self.lab.advance(self.chance.choice([0.3, 2, 10, 70]) * self.chance.random())
        else:
            self.lab.run(until=self.lab.elapsed + self.chance.choice([1.5, 20, 120]))

    def finish(self) -> None:
        """To the end, or not."""
        if self.often(0.4) and not self.past.names("queue"):
            self.lab.run()
        else:
            self.lab.advance(self.chance.choice([1, 60, 400, 1500]) * self.chance.random())
        if self.often(0.2):
            self.tick()
            self.lab.close()
        self.check()
        self.lab.close()

    def check(self) -> None:
        """The books balance, and nothing differs from what has to be."""
        self.lab.audit()
        books = self.books()
        for table in ("invocations", "attempts", "queue_events", "retries", "scaling", "batches"):
            self.reached |= {(table, row.cause) for row in getattr(books, table)}
        check(books)

    def books(self) -> Books:
        return Books(self.lab.trace, START, self.at(), self.past)

    # ------------------------------------------------------------------ acts

    def invoke(self) -> None:
        name, chance = self.chance.choice(self.functions), self.chance
        kind = chance.choice(["RequestResponse", "Event", "Event", "DryRun"])
        payload = chance.choice([None, {"n": 2}, {"pad": "x" * 45_000}, {"pad": "x" * 3_100}, b"{no json"])
        self.attempt(lambda: self.lab.invoke(name, payload, invocation_type=kind))

    def update_function(self) -> None:
        name = self.chance.choice(self.functions)
        real = "duration" not in self.now_set["function", name]
        settings = self.function_settings(real)
        if self.attempt(lambda: self.lab.update_function(name, **settings)):
            self.change("function", name, settings)
            self.past.note("retired", name, self.at(), {})

    def reserve(self) -> None:
        name, share = self.chance.choice(self.functions), self.chance.choice([None, None, 0, 1, 2, 6])
        if self.attempt(lambda: self.lab.put_function_concurrency(name, share)):
            self.change("function", name, {"reserved_concurrency": share})

    def configure(self) -> None:
        name = self.chance.choice(self.functions)
        settings = self.pick(maximum_retry_attempts=[0, 1, 2], maximum_event_age=[60, 75, 130, 21_600])
        self.lab.put_function_event_invoke_config(name, **settings)
        self.change("function", name, {"maximum_retry_attempts": None, "maximum_event_age": None} | settings)

    def update_mapping(self) -> None:
        if self.mappings:
            name = self.chance.choice(list(self.mappings))
            settings = self.mapping_settings()
            if self.attempt(lambda: self.mappings[name].update(**settings)):
                self.change("mapping", name, settings)

    def update_queue(self) -> None:
        if self.queues:
            name = self.chance.choice(self.queues)
            settings = self.pick(visibility_timeout=[5, 20, 60], delay=[0, 2], retention=[60, 400])
            self.lab.sqs[name].update(**settings)
            self.change("queue", name, settings)

    def use_queue(self) -> None:
        """Somebody outside sends, receives, deletes, changes, purges."""
        if not self.queues:
            return
        chance, name = self.chance, self.chance.choice(self.queues)
        queue, what = self.lab.sqs[name], chance.random()
        if what < 0.3:
            queue.send({"n": 0, "pad": "x" * chance.randrange(2_000)}, delay=chance.choice([None, 0, 4]))
        elif what < 0.5:
            queue.send_batch([{"n": n} for n in range(chance.randrange(1, 11))])
        elif what < 0.95:
            self.received += [(name, m) for m in queue.receive(chance.randrange(1, 11), chance.choice([None, 0, 7]))]
            self.meddle()
        else:
            queue.purge()

    def meddle(self) -> None:
        for name, message in self.received:
            self.tick()
            if self.often(0.3):
                self.lab.sqs[name].delete(message)
            elif self.often(0.5):
                seconds, at = self.chance.choice([0, 3, 15]), self.at()
                if self.attempt(lambda: self.lab.sqs[name].change_visibility(message, seconds)):  # noqa: B023
                    self.past.moved[name, message.message_id].append((at, at + seconds * 1_000_000))
        self.received.clear()

    def reset(self) -> None:
        self.check()
        self.lab.reset()
        self.past = Past(self.quotas, self.rules)
        self.received.clear()
        for (kind, name), settings in self.now_set.items():
            self.past.note(kind, name, 0, settings)
        self.drive()

    def delete(self) -> None:
        name = self.chance.choice(self.functions)
        if len(self.functions) > 1 and self.attempt(lambda: self.lab.delete_function(name)):
            self.functions.remove(name)
            self.past.note("retired", name, self.at(), {})
            self.set("function", name, None)

    def more_traffic(self) -> None:
        self.drive()

    # ------------------------------------------------------------------ real code

    def handler(self, name: str) -> Callable[[Any, Any], Any]:
        """Code that does, by chance, what code does."""
        lab, later = self.lab, [f for f in self.functions if f > name]
        queues = self.queues
        weights = {act: self.chance.choice([0, 0, 1, 3]) for act in DEEDS} | {_good: 4}

        def handler(event: Any, context: Any) -> Any:
            deed = random.choices(list(weights), list(weights.values()))[0]
            return deed(lab, event, later, queues)

        return handler


def check(books: Books) -> None:
    """Hold the tables against what is reckoned."""
    Reckoner(books).check()
    Queues(books).check()
    Capacity(books).check()
    waiting.check(books)


def _bad_duration(event: Any) -> float:
    raise ValueError("no model for this event")


def _good(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    return {"ok": True}


def _sleep(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    time.sleep(random.choice([0.01, 0.5, 2.0]) * random.random())


def _raise(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    time.sleep(0.1)
    raise KeyError("stock")


def _time_out(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    time.sleep(10_000)


def _exit(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    sys.exit(1)


def _die(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    time.sleep(0.02)
    os._exit(1)


def _too_much(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    return "x" * lab.rules.synchronous_payload


def _no_json(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    return {"file": object()}


def _call(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    kind = random.choice(["RequestResponse", "Event"])
    return lab.invoke(random.choice(functions), {"n": 3}, invocation_type=kind).payload if functions else None


def _send(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    if queues and random.random() < 0.3:
        lab.sqs[random.choice(queues)].send({"n": 4})


def _report(lab: Any, event: Any, functions: list[str], queues: list[str]) -> Any:
    names = [record["messageId"] for record in event.get("Records", ())]
    failed = [name for name in names if random.random() < 0.4]
    if random.random() < 0.1:
        failed.append("unknown")
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


DEEDS = (_sleep, _raise, _time_out, _exit, _die, _too_much, _no_json, _call, _send, _report, _report)
ACTS = (
    World.invoke, World.invoke, World.update_function, World.reserve, World.configure, World.update_mapping,
    World.update_queue, World.use_queue, World.use_queue, World.reset, World.delete, World.more_traffic,
)  # fmt: skip

"""Random labs: they are made, something happens to them, and the books are held against the reckoner.

``World(seed, number)`` decides everything from one stream of chance (:mod:`tests.world.draws`); ``play``
lets it happen (:mod:`tests.world.acts`). What is set, and when, is noted in a
:class:`~tests.world.reading.Past`: the reckoner's other source.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd

import lambdalab as ll
from tests.world import acts, flows, visits, wiring
from tests.world.deeds import (
    DEEDS,
    MODULES,
    Place,
    fetch,
    good,
    handler,
    page,
    poison,
    publish,
    report,
)
from tests.world.draws import RULES, Draws
from tests.world.reading import Books, Past, same
from tests.world.reckoner import check

START = pd.Timestamp("2025-01-07", tz="UTC")


class World:
    """One random lab and its history.

    ``settings`` are those in force now, by kind and name; ``reached`` are the causes that its tables
    have shown.
    """

    def __init__(self, seed: object, number: int) -> None:
        name = f"{seed}/{number}"
        self.draws = draws = Draws(name)
        self.wired = draws.often(0.4)
        self.rules, self.quotas = draws.one(*RULES), draws.quotas()
        self.quotas |= wiring.quotas(draws) if self.wired else {}
        self.lab = ll.Lab(seed=name, rules=self.rules, quotas=self.quotas)
        self.past = Past(self.quotas, self.rules)
        self.settings: dict[tuple[str, str], dict[str, Any]] = {}
        self.queues = [f"q{n}" for n in range(draws.one(0, 0, 1, 1, 1, 2))]
        self.fifos = [f"r{n}.fifo" for n in range(draws.one(0, 0, 0, 1, 1))]
        self.streams = [f"s{n}" for n in range(draws.one(0, 0, 0, 0, 1, 1, 2))]
        self.tables = [f"t{n}" for n in range(draws.one(0, 0, 0, 0, 1))]
        self.told: list[str] = []  # queues that hear of records that were given up
        self.functions = [f"f{n}" for n in range(draws.one(1, 1, 2, 2, 3, 4))]
        self.mappings: dict[str, Any] = {}
        self.kinds: dict[str, str] = {}  # of mappings: "mapping" (of a queue), "stream_mapping"
        self.reached: set[tuple[str, str]] = set()
        self.wires = wiring.Wires()

    # ------------------------------------------------------------------ making it

    def make(self) -> None:
        """Queues, functions, mappings and traffic."""
        for name in self.queues:
            self.set("queue", name, self.draws.queue(name))
            self.lab.sqs.create_queue(name, **self.settings["queue", name])
            if self.draws.often(0.6):
                letters = f"{name}-letters"
                self.set("queue", letters, {"retention": self.draws.one(60, 120)})
                self.lab.sqs.create_queue(letters, **self.settings["queue", letters])
        flows.make(self)
        for name in self.functions:
            self.make_function(name)
            if self.draws.often(0.35):
                acts.publish(self)
        for queue in self.queues:
            twice = len(self.functions) > 1 and self.draws.often(0.07)
            for name in self.draws.chance.sample(self.functions, 2 if twice else 1):
                self.map(queue, name)
        for queue in self.fifos:
            self.map(queue, self.draws.one(*self.functions))
        for stream in [*self.streams, *self.tables]:
            for _ in range(self.draws.one(1, 1, 1, 2)):
                flows.connect(self, stream)
        for _ in range(self.draws.one(0, 0, 0, 1, 2)):
            acts.fault(self)
        acts.drive(self)
        if self.wired:
            self.tick()
            wiring.make(self)
            visits.drive(self)

    def make_function(self, name: str) -> None:
        """Real code or a model; a plain one where the settings drawn do not go together."""
        draws, later = self.draws, [other for other in self.functions if other > name]
        real = draws.often(0.45)
        settings = draws.function(real, self.queues)
        weights = {deed: draws.one(0, 0, 1, 3) for deed in DEEDS} | {
            good: 4,
            report: draws.one(0, 6),
            poison: draws.one(0, 0, 9),
        }
        weights |= (
            {page: 6, publish: draws.one(0, 0, 2), fetch: draws.one(0, 0, 2)} if self.wired else {}
        )
        place = Place(self.lab, later, self.queues, self.saw, self.answered, self.tell, self.fetch)
        code: Any = handler(place, weights)
        code = draws.one(*[code] * 6, *MODULES) if real else None
        if not self.attempt(lambda: self.lab.create_function(name, code, **settings)):
            settings = {"duration": 0.2}
            self.lab.create_function(name, **settings)
        self.set("function", name, settings)
        self.past.note("created", name, 0, {})

    def map(self, queue: str, function: str) -> None:
        """A mapping, where the timeouts allow one."""
        settings = self.draws.mapping(queue.endswith(".fifo"), self.provisioned)
        flows.begin(self, "mapping", queue, function, settings)

    @property
    def provisioned(self) -> bool:
        """Whether the rules' date has provisioned pollers for queues."""
        return self.rules >= "2025-11-14"

    # ------------------------------------------------------------------ what handlers saw

    def saw(self, request: str, event: Any) -> None:
        """A handler got an event."""
        self.past.saw[request] = event

    def answered(self, request: str, answer: Any) -> None:
        """A handler returned."""
        self.past.answers[request] = answer

    def tell(self, chance: Any) -> None:
        """A handler publishes, or writes an object."""
        visits.tell(self, chance)

    def fetch(self, chance: Any) -> Any:
        """A handler asks a front."""
        return visits.fetch(self, chance)

    # ------------------------------------------------------------------ what is so, and since when

    def at(self) -> int:
        """Now, in microseconds."""
        return round(self.lab.elapsed * 1e6)

    def set(self, kind: str, name: str, settings: dict[str, Any] | None) -> None:
        """Remember that it is so from now on (None: that it is gone)."""
        self.past.note(kind, name, self.at(), settings)
        if settings is None:
            self.settings.pop((kind, name), None)
        else:
            self.settings[kind, name] = settings

    def set_mapping(self, name: str, settings: dict[str, Any], comes: bool = False) -> None:
        """Remember a mapping's settings: they hold when the time of a transition is over.

        Only switching it off holds at once. ``comes``: it was not there before.
        """
        kind = self.kinds[name]
        before = {} if comes else self.settings[kind, name]
        self.settings[kind, name] = settings
        on, was = settings.get("enabled") is not False, before.get("enabled") is not False
        now, wait = self.at(), round(self.quotas.get("mapping_transition", 0) * 1e6)
        if comes and on and wait:
            self.past.note(kind, name, now, settings | {"enabled": False})
        elif not comes and wait and on != was:
            self.past.note(kind, name, now, before | {"enabled": False})
        at = now if comes and not on else now + wait
        self.past.note(kind, name, at, settings)

    def meddle(self, name: str, received: list[Any]) -> None:
        """Somebody does something with what was received."""
        acts.meddle(self, name, received)

    def change(self, kind: str, name: str, settings: dict[str, Any]) -> None:
        """Some of its settings are others from now on."""
        self.set(kind, name, self.settings[kind, name] | settings)

    def known(self, *kinds: str) -> list[str]:
        """The names of what there is of these kinds."""
        return [name for kind, name in self.settings if kind in kinds]

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether the lab did it; what it refuses changes nothing."""
        try:
            act()
        except ll.LabError:
            return False
        return True

    # ------------------------------------------------------------------ what happens

    def play(self) -> set[tuple[str, str]]:
        """Everything, with the books checked at the end (and before each reset); the causes reached."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.make()
            for _ in range(self.draws.one(0, 1, 3, 6, 10)):
                self.piece()
                self.tick()
                flowing = self.streams or self.tables or self.fifos
                own = [*acts.ACTS, *flows.ACTS] if flowing else [*acts.ACTS]
                more = [*visits.ACTS, acts.delete_function]
                own = more if self.wires and self.draws.often(0.6) else own
                self.draws.one(*own)(self)
                flows.look(self)
            self.finish()
        return self.reached

    def tick(self) -> None:
        """A moment of its own for what comes next: nothing else happens in it."""
        self.lab.advance(self.draws.chance.randrange(1, 9_973) / 1e6)

    def piece(self) -> None:
        """Some time passes."""
        how, share = self.draws.chance.random(), self.draws.chance.random()
        if how < 0.2:
            for _ in range(round(30 * share)):
                self.lab.step()
        elif how < 0.7:
            self.lab.advance(self.draws.one(0.3, 2, 10, 70) * share)
        else:
            self.lab.run(until=self.lab.elapsed + self.draws.one(1.5, 20, 120))
        flows.look(self)

    def finish(self) -> None:
        """To the end, or not."""
        endless = self.queues or self.mappings or self.wires.clocks  # retries outlast a minute
        if self.draws.often(0.4) and not endless:
            self.lab.run()
        else:
            self.lab.advance(self.draws.one(1, 60, 400, 1500) * self.draws.chance.random())
            if (self.streams or self.tables) and self.draws.often(0.15):
                self.lab.advance(100)  # so that nothing comes that is not looked at before it goes
                flows.look(self)
                self.lab.advance(3_700)
        flows.look(self)
        if self.wired and self.draws.often(0.15):
            self.advised()
        if self.draws.often(0.2):
            self.tick()
            self.lab.close()
        self.check()
        self.lab.close()

    def advised(self) -> None:
        """Advice is given of any lab, and changes nothing in it."""
        before = self.lab.trace.digest()
        repr(self.lab.check())
        same("advice changes nothing", "trace", self.lab.trace.digest(), before)

    def check(self) -> None:
        """The books balance, and nothing differs from what has to be."""
        flows.look(self)
        self.lab.audit()
        books = self.books()
        tables = (
            "invocations",
            "attempts",
            "queue_events",
            "retries",
            "scaling",
            "batches",
            "requests",
        )
        for table in tables:
            self.reached |= {(table, row.cause) for row in getattr(books, table)}
        check(books)

    def books(self) -> Books:
        """The tables as they are now."""
        return Books(self.lab.trace, START, self.at(), self.past)

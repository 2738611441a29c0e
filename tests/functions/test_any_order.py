"""Versions, aliases, reservations and provisioned concurrency: anything, in any order, at any time."""

from __future__ import annotations

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
    ServiceError,
)

FEWER = settings(max_examples=settings().max_examples // 4)  # each example is a lab, audited


class Provisioning(RuleBasedStateMachine):
    """Reserving, provisioning, publishing, moving, calling, updating, in any order and at any time."""

    ACCOUNT, MINIMUM = 30, 5

    def __init__(self) -> None:
        super().__init__()
        quotas = {"account_concurrency": self.ACCOUNT, "unreserved_minimum": self.MINIMUM}
        self.lab = ll.Lab(seed=3, quotas=quotas)
        for name in ("f", "g"):
            self.lab.create_function(name, duration=20, timeout=60, init=1)
            self.lab.publish_version(name)
            self.lab.create_alias(name, "live", "1")
        self.sizes = {"f": 128, "g": 128}
        self.reserved: dict[str, int | None] = {"f": None, "g": None}
        self.asked: dict[tuple[str, str], int] = {}

    def leads_to(self, name: str, qualifier: str) -> str:
        function = self.lab._functions.find(name)
        alias = function.aliases.get(qualifier)
        return alias.function_version if alias else qualifier

    def left(self, without: str) -> int:
        """What a function may reserve or provision of the account, if it had nothing."""
        taken = 0
        for name, reserved in self.reserved.items():
            mine = sum(n for (owner, _), n in self.asked.items() if owner == name)
            if name != without:
                taken += mine if reserved is None else reserved
        return self.ACCOUNT - self.MINIMUM - taken

    @rule(name=st.sampled_from(["f", "g"]))
    def publish(self, name: str) -> None:
        self.sizes[name] += 1
        self.lab.update_function(name, memory_size=self.sizes[name])
        self.lab.publish_version(name)

    @rule(name=st.sampled_from(["f", "g"]), reserved=st.none() | st.integers(0, 20))
    def reserve(self, name: str, reserved: int | None) -> None:
        mine = sum(n for (owner, _), n in self.asked.items() if owner == name)
        allowed = reserved is None or mine <= reserved <= max(self.left(name), 0)
        if reserved == self.reserved[name]:
            allowed = True
        try:
            self.lab.put_function_concurrency(name, reserved)
        except InvalidParameterValueException:
            assert not allowed
        else:
            assert allowed
            self.reserved[name] = reserved

    @rule(
        name=st.sampled_from(["f", "g"]),
        qualifier=st.sampled_from(["1", "2", "live"]),
        number=st.integers(1, 12),
    )
    def provision(self, name: str, qualifier: str, number: int) -> None:
        before = sum(n for (owner, q), n in self.asked.items() if owner == name and q != qualifier)
        most = self.reserved[name]
        if most is None:
            most = self.left(name)
        try:
            self.lab.put_provisioned_concurrency(name, qualifier, number)
        except InvalidParameterValueException:
            assert before + number > most
        except ServiceError:
            pass  # no such version, or it has a configuration
        else:
            assert before + number <= most or number <= self.asked.get((name, qualifier), 0)
            self.asked[name, qualifier] = number

    @rule(data=st.data())
    def unprovision(self, data: st.DataObject) -> None:
        if self.asked:
            key = data.draw(st.sampled_from(sorted(self.asked)))
            self.lab.delete_provisioned_concurrency(*key)
            del self.asked[key]

    @rule(name=st.sampled_from(["f", "g"]), version=st.sampled_from(["1", "2"]))
    def move(self, name: str, version: str) -> None:
        with contextlib.suppress(ServiceError):
            self.lab.update_alias(name, "live", version)

    @rule(
        name=st.sampled_from(["f", "f:1", "f:2", "f:live", "g", "g:1", "g:live"]),
        size=st.integers(1, 15),
        kind=st.sampled_from(["RequestResponse", "Event"]),
    )
    def drive(self, name: str, size: int, kind: str) -> None:
        with contextlib.suppress(ResourceNotFoundException):
            self.lab.drive(name, ll.Burst(size), invocation_type=kind)

    @rule(seconds=st.sampled_from([0, 0.5, 3, 25, 70, 130]))
    def advance(self, seconds: float) -> None:
        self.lab.advance(seconds)

    @rule()
    def reset(self) -> None:
        self.lab.reset()

    @invariant()
    def what_is_set_aside_is_what_was_asked_for(self) -> None:
        for name in ("f", "g"):
            function = self.lab._functions.find(name)
            mine = {q: n for (owner, q), n in self.asked.items() if owner == name}
            assert function.provisioned == mine
            assert function.claimed == sum(mine.values())

    @invariant()
    def no_version_runs_more_than_it_was_ever_given(self) -> None:
        for name in ("f", "g"):
            for version in self.lab._functions.find(name).versions.values():
                fleet = version.provisioned
                if fleet is not None:
                    assert fleet.available <= fleet.requested
                    assert len(fleet.idle) <= max(fleet.available, 0)

    def teardown(self) -> None:
        self.lab.run()
        self.lab.audit()
        for name, qualifier in self.asked:
            version = self.lab._functions.find(name).versions[self.leads_to(name, qualifier)]
            fleet = version.provisioned
            assert fleet is not None
            assert (fleet.status, fleet.busy) == ("READY", 0)
            assert len(fleet.idle) == fleet.available == self.asked[name, qualifier]
        before = len(self.lab.trace.attempts)
        for target in ("f:1", "f", "g:1", "g"):
            self.lab.drive(target, ll.Burst(self.ACCOUNT))
        self.lab.run()
        assert len(self.lab.trace.attempts) - before <= self.ACCOUNT, (
            "all that ran has been given back"
        )
        self.lab.close()
        self.lab.audit()


TestProvisioning = Provisioning.TestCase
TestProvisioning.settings = settings(FEWER, stateful_step_count=25)

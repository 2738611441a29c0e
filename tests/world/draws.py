"""What random labs are made of: quotas and settings, each drawn within its limits."""

from __future__ import annotations

import random
from typing import Any

import lambdalab as ll
from tests.world.contents import TEXTS, body, criteria

RULES = ("2025-01-07",) * 4 + ("2024-03-01", "2025-09-01", "2026-03-01")


class Draws:
    """One stream of chance, and what is drawn from it."""

    def __init__(self, name: str) -> None:
        self.chance = random.Random(name)
        self.hurry = self.often(0.06)
        """Whether calls are many and short: the limits on requests a second."""

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def one(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def pick(self, share: float = 0.5, **settings: tuple[Any, ...]) -> dict[str, Any]:
        """Some of the settings, each with one of its values."""
        return {name: self.one(*values) for name, values in settings.items() if self.often(share)}

    def quotas(self) -> dict[str, Any]:
        """Numbers of the rules that a small lab can reach."""
        quotas = {
            "synchronous_payload": 40_000, "mapping_payload": 40_000, "kinesis_retention_default": 1,
            "dynamodb_stream_retention": 1,
        } | self.pick(
            environment_setup=(0.0, 0.15, 1.0), asynchronous_dwell=(0.0, 0.15),
            network_latency=(0.0, 0.02), invoke_overhead=(0.0, 0.003), mapping_pollers_start=(1, 2, 5),
            mapping_payload=(2_500, 20_000), asynchronous_payload=(3_000,),
        )  # fmt: skip
        if self.hurry:
            small = {"account_concurrency": 3, "unreserved_minimum": 1}
            return quotas | small | {"environment_setup": 0.0}
        if self.often(0.5):
            quotas |= {"account_concurrency": self.one(3, 8, 20, 150), "unreserved_minimum": 2}
        quotas |= {"scaling_burst": 3, "scaling_rate": 1} if self.often(0.15) else {}
        quotas |= {"mapping_long_poll": 20} if self.often(0.12) else {}
        quotas |= {"mapping_transition": 2} if self.often(0.1) else {}
        quotas |= self.pick(
            0.3, mapping_growth=(60, 30), mapping_shrink_after=(5,), mapping_idle_after=(20,),
            mapping_pollers_throttled=(1,), mapping_pollers_failing=(1,), kinesis_shard_reads=(1,),
            stream_tumbling_quiet=(3,), stream_retry_backoff_maximum=(5,),
        )  # fmt: skip
        return quotas | self.pick(
            0.15, sqs_message_size=(1_000,), function_creation=(2.5,), sqs_in_flight=(3, 30)
        )

    def function(self, real: bool, queues: list[str]) -> dict[str, Any]:
        """Settings of a function: of real code, or of a model."""
        made = self.pick(
            memory_size=(128, 512, 1769, 10_240, 337), timeout=(1, 3, 4, 10, 60, 900),
            idle_expiry=(0, 5, 60, 600), architecture=("x86_64", "arm64"),
            runtime=("python3.12", "nodejs22.x", "java21", "provided.al2023"),
            init=(0, 0.4, 2.0, 9.0, 12.0, ll.LogNormal(p50=0.2, p99=1.0)), dead_letter_queue=("letters",),
            maximum_retry_attempts=(0, 1, 2), maximum_event_age=(60, 75, 90, 200, 21_600),
        )  # fmt: skip
        if queues:
            made |= self.pick(0.15, on_success=tuple(queues), on_failure=tuple(queues))
        made |= self.pick(0.4, reserved_concurrency=(0, 1, 1, 2, 5), log_format=("JSON",))
        if real:
            return made
        if self.hurry:
            quick = {"duration": 0.001, "timeout": 3, "init": 0, "idle_expiry": 60}
            return made | quick | {"reserved_concurrency": self.one(None, None, 1)}
        made["duration"] = self.one(
            0.001, 0.05, 0.7, 3, 9.5, ll.Exponential(0.6), ll.LogNormal(p50=0.2, p99=4), 0.05, 0.7,
            lambda event: 0.3, no_duration,
        )  # fmt: skip
        return made | self.pick(failure_rate=(0.05, 0.3, 1.0), memory=(20, 90, 300))

    def queue(self, name: str) -> dict[str, Any]:
        """Attributes of a queue."""
        made = self.pick(
            visibility_timeout=(5, 12, 60, 901), delay=(0, 3), retention=(60, 300, 345_600)
        )
        if self.often(0.6):
            most = self.one(1, 2, 4)
            made |= {"dead_letter_queue": f"{name}-letters", "max_receive_count": most}
        return made

    def fifo_queue(self, name: str) -> dict[str, Any]:
        """Attributes of a FIFO queue."""
        made = self.pick(visibility_timeout=(5, 12, 60, 901), retention=(60, 345_600))
        made |= {"delay": 2} if self.often(0.15) else {}
        made |= self.pick(content_based_deduplication=(True,))
        if self.often(0.6):
            letters = f"{name.removesuffix('.fifo')}-letters.fifo"
            made |= {"dead_letter_queue": letters, "max_receive_count": self.one(1, 2, 3)}
        return made

    def mapping(self, fifo: bool = False, provisioned: bool = False) -> dict[str, Any]:
        """Settings of an event source mapping of a queue."""
        types = (["ReportBatchItemFailures"], ["ReportBatchItemFailures"], [])
        made = self.pick(
            batch_size=(1, 2, 5, 10, 10) if fifo else (1, 2, 5, 10, 10, 25),
            enabled=(True, True, False), function_response_types=types,
        )  # fmt: skip
        made |= {} if fifo else self.pick(maximum_batching_window=(0, 1, 5, 20))
        if self.often(0.25):
            made["filter_criteria"] = criteria(self.chance, "queue")
        if self.often(0.3):
            made["maximum_concurrency"] = self.one(2, 3, 7)
        elif provisioned and self.often(0.4):
            made["provisioned_poller_config"] = self.one(
                {"minimum_pollers": 2, "maximum_pollers": 3}, {}, {"maximum_pollers": 5}
            )
        return made

    def stream_mapping(self, table: bool, places: list[str]) -> dict[str, Any]:
        """Settings of an event source mapping of a stream, without where it begins."""
        types = (["ReportBatchItemFailures"], ["ReportBatchItemFailures"], [])
        made = self.pick(
            batch_size=(1, 3, 10, 100), maximum_batching_window=(0, 1, 5), enabled=(True, True, False),
            function_response_types=types, maximum_retry_attempts=(0, 1, 3),
            maximum_record_age=(60, 100), bisect_batch_on_function_error=(True,),
        )  # fmt: skip
        if self.often(0.25):
            made["filter_criteria"] = criteria(self.chance, "table" if table else "stream")
        if self.often(0.2):
            made["tumbling_window"] = self.one(2, 10, 30)
        else:
            made |= self.pick(0.4, parallelization_factor=(2, 3, 10))
        return made | (self.pick(on_failure=tuple(places)) if places else {})

    def fault(self) -> tuple[str, dict[str, Any]]:
        """A kind of fault and its terms."""
        kind = self.one("fail", "slow", "slow", "throttle", "service_error", "kill", "duplicate")
        terms: dict[str, Any] = {"probability": self.one(0.2, 0.6, 1.0)}
        if kind == "slow":
            terms |= self.one({"by": 1.5}, {"factor": 3.0})
        elif kind == "kill":
            terms |= self.pick(after=(0, 0.04, 2.0))
        return kind, terms

    def traffic(self) -> tuple[Any, dict[str, Any]]:
        """Arrivals, and how many, for how long, with which payloads."""
        arrivals = self.one(
            ll.Poisson(self.one(0.2, 1, 4)), ll.Burst(self.one(1, 7, 40), at=self.one(0, 2.5)),
            ll.Every(self.one(0.5, 3.0)), ll.Poisson(1), ll.Poisson(60),
        )  # fmt: skip
        payload = self.one(None, None, {"n": 1}, longer_and_longer, self.bodies, self.bodies)
        terms = {"duration": self.one(5, 20, 40), "count": 60, "payload": payload}
        return ll.Poisson(60) if self.hurry else arrivals, terms

    def bodies(self, number: int) -> Any:
        """Contents that filters tell apart."""
        return self.one(*TEXTS) if self.often(0.1) else body(self.chance, number)


def no_duration(event: Any) -> float:
    """A model of the user's that fails."""
    raise ValueError("no model for this event")


def longer_and_longer(number: int) -> dict[str, Any]:
    """Payloads of many sizes."""
    return {"n": number, "note": "x" * (number * 97 % 900)}

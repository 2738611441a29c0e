"""What AWS documents, written out once more: the reckoner takes no number from lambdalab."""

from __future__ import annotations

from typing import Any

S = 1_000_000
FAR = 1 << 60  # later than anything
FUNCTION = {
    "memory_size": 128, "timeout": 3, "architecture": "x86_64", "maximum_retry_attempts": 2,
    "maximum_event_age": 21_600, "reserved_concurrency": None, "dead_letter_queue": None,
    "on_success": None, "on_failure": None, "idle_expiry": 600,
}  # fmt: skip
OF_EVENTS = ("maximum_retry_attempts", "maximum_event_age", "on_success", "on_failure")
NUMBERS = {
    "account_concurrency": 1000, "asynchronous_dwell": 0.15, "asynchronous_payload": 262_144,
    "environment_setup": 0.15, "function_creation": 0, "init_limit": 10, "invoke_overhead": 0,
    "mapping_payload": 6_291_456, "mapping_pollers_start": 5,
    "mapping_growth": 300, "mapping_growth_interval": 1, "mapping_pollers_maximum": 1250,
    "mapping_pollers_idle": 2, "mapping_shrink_after": 60, "mapping_idle_after": 300,
    "mapping_pollers_throttled": 5, "mapping_pollers_failing": 5, "mapping_long_poll": 0,
    "stream_retry_backoff_maximum": 60, "network_latency": 0, "scaling_burst": 1000,
    "scaling_rate": 100, "sqs_in_flight": 120_000, "synchronous_payload": 6_291_556,
}  # fmt: skip
WAITS = {1: (65, 70), 2: (125, 130)}  # seconds after a failed attempt, jitter included
SHUT_DOWN = (
    "timeout",
    "exit",
    "out_of_memory",
    "killed",
)  # the runtime with its environment's process
PICODOLLARS = {  # a GB-second; a request is 200,000
    ("on_demand", "x86_64"): 16_666_700, ("on_demand", "arm64"): 13_333_400,
    ("provisioned", "x86_64"): 9_722_200, ("provisioned", "arm64"): 7_777_800,
}  # fmt: skip
INIT_BILLED = "2025-08-01"  # of managed runtimes; that of a custom one always was
OVERRUN_US, IN_TIME = 4_920, "2025-01-01"  # a timeout came so late until that day; it is not billed
BUSY = ("throttled_account", "throttled_reserved", "throttled_scaling", "throttled_provisioned",
        "injected")  # fmt: skip
THROTTLES = (*BUSY, "throttled_rate", "throttled_reserved_rate", "zero_reserved_concurrency")
REFUSALS = {"payload_too_large": 413, "invalid_json": 400, "unknown_function": 404, "function_state": 409,
            "recursive_loop": 400, "service_error": 500, "access_denied": 403}  # fmt: skip


def refused(call: Any) -> bool:
    """Whether the call of a stream's mapping was refused before it ran, and comes again as it is."""
    return call.status in ("throttled", "refused") and call.cause != "payload_too_large"


def waits(call: Any) -> bool:
    """Whether a queue's batch is kept after this call, and handed over again."""
    return call.status == "throttled" or call.cause == "service_error"


def dated(past: Any) -> dict[str, Any]:
    """The numbers of a run: those of its rules' date, with its quotas."""
    later = {"asynchronous_payload": 1_048_576} if past.rules >= "2025-10-24" else {}
    return NUMBERS | later | past.quotas


def cause_of(outcome: str) -> str:
    """The cause that a failed attempt gives to what follows from it."""
    return "function_error" if outcome == "error" else outcome

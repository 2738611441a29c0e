"""The platform's log lines, in the text format of CloudWatch Logs.

Form of the lines: dg/python-logging, dg/lambda-runtime-environment, and measured runs of November
2025. Only text is made here: nothing of this brings pandas.
"""

from __future__ import annotations

import hashlib

from lambdalab.trace.codes import AttemptOutcome


def start(request_id: str, version: str) -> str:
    """The START line of an attempt; an unknown version ("") is the latest."""
    return f"START RequestId: {request_id} Version: {version or '$LATEST'}"


def end(request_id: str) -> str:
    """The END line of an attempt."""
    return f"END RequestId: {request_id}"


def report(
    request_id: str, duration_us: int, billed_ms: int, memory_mb: int, max_memory_mb: int,
    init_us: int, status: str = "",
) -> str:  # fmt: skip
    """A REPORT line; ``status`` is what follows the numbers, as in ``Status: timeout``.

    >>> report("id", 1770, 2, 128, 37, 0)
    'REPORT RequestId: id\\tDuration: 1.77 ms\\tBilled Duration: 2 ms\\tMemory Size: 128 MB\\tMax Memory Used: 37 MB\\t'
    """  # noqa: E501
    init = f"Init Duration: {in_ms(init_us)} ms\t" if init_us else ""
    return (
        f"REPORT RequestId: {request_id}\tDuration: {in_ms(duration_us)} ms\t"
        f"Billed Duration: {billed_ms} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: {max_memory_mb} MB\t{init}{status}"
    )


def in_ms(us: int) -> str:
    """Microseconds as milliseconds with two decimals, rounded half up in whole numbers.

    >>> in_ms(2190), in_ms(3_000_000), in_ms(5)
    ('2.19', '3000.00', '0.01')
    """
    hundredths = (us + 5) // 10
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def runtime_line(runtime: str) -> str:
    """The INIT_START line of a runtime ("python3.13")."""
    version = runtime.replace("python", "python:") if runtime.startswith("python") else runtime
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return (
        f"INIT_START Runtime Version: {version}.v1\t"
        f"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:{digest}"
    )


def status(outcome: int, error_type: str) -> str:
    """What a REPORT line says of an attempt that the platform, not the handler, ended."""
    if outcome == AttemptOutcome.TIMEOUT:
        return "Status: timeout"
    if outcome in (AttemptOutcome.EXIT, AttemptOutcome.OUT_OF_MEMORY, AttemptOutcome.INIT_ERROR):
        return f"Status: error\tError Type: {error_type or 'Runtime.Unknown'}"
    return ""


def init_report(init_us: int, error_type: str) -> str:
    """The INIT_REPORT line of an initialisation that failed."""
    return (
        f"INIT_REPORT Init Duration: {in_ms(init_us)} ms\tPhase: init\tStatus: error\t"
        f"Error Type: {error_type or 'Runtime.Unknown'}"
    )

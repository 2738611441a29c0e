import re

import pytest

from lambdalab.trace import Recorder, Trace, loglines
from lambdalab.trace.schema import (
    AttemptOutcome,
    Cause,
    EnvironmentKind,
    InitStatus,
    InitType,
    InvocationType,
    ParentKind,
)
from tests.trace.histories import World


def run(outcome: int = AttemptOutcome.SUCCESS, *, init_us: int = 0, error: str = "") -> Trace:
    """A trace of one attempt of 3,000,000 us, with a line written in it."""
    books = Recorder()
    bill, latest = books.name("bill"), books.name("$LATEST")
    books.configured("bill", {"runtime": "python3.12"})
    environment = books.environment(bill, EnvironmentKind.ON_DEMAND, 0)
    kind = InvocationType.REQUEST_RESPONSE
    request = books.invocation(bill, 0, kind, bill, ParentKind.NONE, 0, 0, 2)
    row = books.attempt(
        request, 1, environment, InitType.ON_DEMAND, 0, 0, init_us > 0, 128, Cause.CALLED
    )
    begin = 1_000 + init_us
    books.environment_ready(environment, begin, init_us)
    books.log(begin + 5, bill, environment, request, "hello\nworld")
    end = begin + 3_000_000
    if error:
        books.attempt_error(row, error, "", b"")
    init = InitStatus.SUCCESS if init_us else InitStatus.NONE
    books.attempt_done(row, end, 1_000, init_us, 3_000_000, 3_000, 37, outcome, 1, init)
    books.invocation_done(request, end, 1, 200, 0, 1, 2, Cause.COMPLETED, 0, 0, latest)
    return Trace(books)


def test_lines_of_a_cold_start_in_their_order() -> None:
    trace = run(init_us=100_160)
    request = trace.invocations.request_id[0]
    assert [re.sub(r"\s.*", "", line) for line in trace.logs.message] == [
        "INIT_START", "START", "hello", "END", "REPORT"
    ]  # fmt: skip
    first, start, own, end, report = trace.logs.message
    assert first.startswith("INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:")
    assert start == f"START RequestId: {request} Version: $LATEST"
    assert own == "hello\nworld"
    assert end == f"END RequestId: {request}"
    assert report == (
        f"REPORT RequestId: {request}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 37 MB\tInit Duration: 100.16 ms\t"
    )
    assert list(trace.logs.request_id) == ["", *[request] * 4]
    assert trace.logs.log_stream.nunique() == 1
    assert set(trace.logs.environment_id) == set(trace.environments.environment_id)


@pytest.mark.parametrize(
    ("outcome", "error", "tail"),
    [
        (AttemptOutcome.SUCCESS, "", "Used: 37 MB\t"),
        (AttemptOutcome.ERROR, "KeyError", "Used: 37 MB\t"),
        (AttemptOutcome.TIMEOUT, "Sandbox.Timedout", "Used: 37 MB\tStatus: timeout"),
        (AttemptOutcome.EXIT, "Runtime.ExitError",
         "Used: 37 MB\tStatus: error\tError Type: Runtime.ExitError"),
        (AttemptOutcome.OUT_OF_MEMORY, "",
         "Used: 37 MB\tStatus: error\tError Type: Runtime.Unknown"),
    ],
)  # fmt: skip
def test_what_the_platform_ended_says_so(outcome: int, error: str, tail: str) -> None:
    assert run(outcome, error=error).logs.message.iloc[-1].endswith(tail)


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0.00"), (4, "0.00"), (5, "0.01"), (1_234_567, "1234.57"), (996, "1.00")]
)
def test_milliseconds_have_two_decimals(us: int, text: str) -> None:
    assert loglines.in_ms(us) == text


def test_numbers_agree_with_the_attempts() -> None:
    trace = Trace(World(2, failures=0.4).run())
    reports = trace.logs[trace.logs.message.str.startswith("REPORT")]
    told = reports.message.str.extract(
        r"RequestId: (?P<id>\S+)\tDuration: (?P<took>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) "
    )
    attempts = trace.attempts.sort_values("ended_at", kind="stable")
    assert sorted(zip(told.id, told.billed.astype(float), strict=True)) == sorted(
        zip(attempts.request_id, attempts.billed_ms, strict=True)
    )
    took = sorted(told.took.astype(float))
    assert took == pytest.approx(sorted(attempts.duration_ms), abs=0.00501)
    starts = trace.logs.message.str.startswith("START").sum()
    assert starts == len(attempts) == (trace.logs.message == "worked").sum()


def test_each_invocation_reads_as_start_line_end_report() -> None:
    trace = Trace(World(6, calls=30, failures=0.2).run())
    for _, lines in trace.logs[trace.logs.request_id != ""].groupby(
        ["log_stream", "request_id"], sort=False
    ):
        words = [line.split(" ")[0] for line in lines.message]
        assert words == ["START", "worked", "END", "REPORT"] * (len(words) // 4)
        assert lines["at"].is_monotonic_increasing


def test_an_attempt_under_way_has_begun_and_not_ended() -> None:
    books = World(1, until=5_000_000).run()
    trace = Trace(books)
    running = trace.attempts[trace.attempts.outcome == "running"].request_id
    assert len(running)
    lines = trace.logs[trace.logs.request_id.isin(running)].message
    assert not lines.str.startswith("REPORT").any()

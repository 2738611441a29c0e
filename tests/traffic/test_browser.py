"""A browser gives up; what it asked for does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, LabError

AT_ONCE = {"environment_setup": 0}


def slow(seconds: float = 40, **quotas: float) -> ll.Lab:
    lab = ll.Lab(seed=7, quotas={**AT_ONCE, **quotas})
    lab.create_function("slow", duration=seconds, timeout=900, init=0)
    return lab


def test_it_gives_up_and_the_function_runs_on() -> None:
    lab = slow()
    with pytest.raises(ll.ReadTimeoutError, match="within 30 s; it runs on \\(r1\\)") as error:
        lab.invoke("slow", caller=ll.Browser(gives_up_after=30))
    assert lab.elapsed == 30
    assert error.value.request == "r1"
    assert error.value.request_id == lab.trace.invocations["request_id"][0]
    assert isinstance(error.value, LabError)
    assert isinstance(error.value, TimeoutError)
    lab.run()
    row = lab.trace.requests.iloc[0]
    assert (row.caller, row.latency_ms, row.status_code) == ("browser", 30_000, 0)
    assert row.gave_up
    assert row.cause == "client_timeout"
    assert (row.front_answered_at - lab.trace.start).total_seconds() == 40
    assert row.front_status_code == 200
    invocation, attempt = lab.trace.invocations.iloc[0], lab.trace.attempts.iloc[0]
    assert (invocation.status, invocation.latency_ms, attempt.billed_ms) == (
        "succeeded",
        40_000,
        40_000,
    )


def test_before_the_answer_the_row_says_nothing_of_it() -> None:
    lab = slow()
    with pytest.raises(ll.ReadTimeoutError):
        lab.invoke("slow", caller=ll.Browser(1))
    row = lab.trace.requests.iloc[0]
    assert row.front_status_code == 0
    assert row.isna()["front_answered_at"]
    lab.audit()


def test_who_is_patient_enough_gets_the_answer() -> None:
    lab = slow(2)
    reply = lab.invoke("slow", caller=ll.Browser(gives_up_after=30))
    assert (reply.status_code, reply.tries, lab.elapsed) == (200, 1, 2)
    assert not lab.trace.requests["gave_up"].any()
    assert lab.run() is not None
    assert lab.elapsed == 2, "no timer is left behind"


def test_it_does_not_ask_again(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    lab.faults.service_error("bill", probability=1.0)
    with pytest.raises(ll.ServiceError):
        lab.invoke("bill", caller=ll.Browser())
    assert len(lab.trace.requests) == 1


@given(st.floats(0.001, 5), st.floats(0.001, 5), st.booleans())
def test_who_comes_first_wins(patience: float, duration: float, remote: bool) -> None:
    lab = slow(duration, network_latency=0.1 if remote else 0)
    lab.drive("slow", ll.Burst(3), caller=ll.Browser(patience, name="people"))
    lab.run()
    requests = lab.trace.requests
    takes = duration + (0.1 if remote else 0)
    if abs(takes - patience) > 1e-3:
        assert (requests["gave_up"] == (takes > patience)).all()
        assert requests["latency_ms"].max() <= 1000 * min(takes, patience) + 1
    assert (requests["front_status_code"] == 200).sum() == requests["gave_up"].sum()
    assert (lab.trace.invocations["status"] == "succeeded").all()
    lab.audit()


@pytest.mark.parametrize("settings", [{"gives_up_after": 0}, {"gives_up_after": -1}, {"name": ""}])
def test_what_is_no_browser_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(settings))):
        ll.Browser(**settings)  # type: ignore[arg-type]

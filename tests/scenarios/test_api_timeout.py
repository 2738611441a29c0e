"""An API's 29 seconds: who gives up first, and what runs on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import ApiTimeout


def test_the_api_gives_up_first_and_the_function_is_billed_for_all() -> None:
    trace = ApiTimeout().run()
    asked = trace.requests.iloc[0]
    assert (asked["status_code"], asked["latency_ms"]) == (504, 29_000)
    assert trace.attempts.iloc[0]["outcome"] == "success"
    assert trace.attempts.iloc[0]["billed_ms"] == 35_000
    assert trace.plot.request_anatomy().get_title(loc="left").startswith("shop GET /report gave up")


def test_somebody_in_front_with_less_patience_hears_nothing() -> None:
    trace = ApiTimeout(gives_up_after=10.0).run()
    asked = trace.requests.iloc[0]
    assert (asked["status_code"], bool(asked["gave_up"]), asked["latency_ms"]) == (0, True, 10_000)
    assert asked["front_status_code"] == 504, "the API waits on, for nobody"


def test_the_functions_own_timeout_is_no_504() -> None:
    asked = ApiTimeout(timeout=20).run().requests.iloc[0]
    assert asked["status_code"] == 502
    assert asked["cause"] == "timeout"


@settings(max_examples=20, deadline=None)
@given(
    st.builds(
        ApiTimeout,
        duration=st.floats(0, 60),
        timeout=st.integers(1, 60),
        integration_timeout=st.floats(0.05, 29),
        gives_up_after=st.floats(0.1, 60),
    ),
    st.integers(0, 9),
)
def test_the_code_makes_the_same_trace_and_nobody_waits_too_long(chosen, seed) -> None:
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    trace = chosen.run(seed)
    assert space["trace"].digest() == trace.digest()
    waited = trace.requests.iloc[0]["latency_ms"]
    most = min(chosen.integration_timeout, chosen.gives_up_after, chosen.timeout + 15)
    assert waited <= 1000 * most + 1


@pytest.mark.parametrize(
    "wrong",
    [{"duration": 901}, {"timeout": 0}, {"integration_timeout": 30}, {"gives_up_after": 0}],
    ids=str,
)
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        ApiTimeout(**wrong)

"""Retries above retries: how many runs one click becomes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import ClientRetries


def runs(trace) -> dict[str, int]:
    """How often each function ran."""
    return trace.attempts["function"].value_counts().to_dict()


def test_each_layer_multiplies_the_tries_of_the_one_below() -> None:
    trace = ClientRetries().run()
    assert runs(trace) == {"stock": 9, "shop": 3}
    assert set(trace.requests.query("caller == 'client'")["status_code"]) == {503}
    assert set(trace.retries["lane"]) == {"client"}


def test_lambdas_own_retries_multiply_the_clients() -> None:
    trace = ClientRetries(kind="event").run()
    assert runs(trace) == {"stock": 9, "shop": 3}
    assert trace.retries["lane"].value_counts().to_dict() == {
        "service": 6,
        "client": 2,
        "source": 0,
    }


def test_with_patience_enough_nothing_is_tried_again() -> None:
    trace = ClientRetries(service_timeout=15.0).run()
    assert runs(trace) == {"stock": 1, "shop": 1}
    assert not len(trace.retries)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["sync", "event"]), st.integers(1, 4), st.integers(1, 3),
    st.sampled_from([0.5, 4.0, 20.0]), st.sampled_from([0.0, 2.0, 10.0]), st.integers(0, 9),
)  # fmt: skip
def test_the_code_makes_the_same_trace(kind, tries, below, timeout, duration, seed) -> None:
    chosen = ClientRetries(kind, tries, below, timeout, duration)
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    trace = chosen.run(seed)
    assert space["trace"].digest() == trace.digest()
    assert runs(trace)["stock"] <= tries * below


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "both"}, {"client_tries": 0}, {"service_tries": 11},
        {"service_tries": 4, "kind": "event"}, {"service_timeout": 0}, {"duration": 301},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        ClientRetries(**wrong)

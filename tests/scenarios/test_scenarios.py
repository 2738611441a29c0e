"""What all scenarios have: frozen settings, a function of their name, code that makes the same trace."""

from __future__ import annotations

import dataclasses
import inspect
import re
import warnings

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.rules import Rules
from lambdalab.scenarios import Batching

RULES = Rules.as_of()
FOUND = [getattr(ll.scenarios, name) for name in ll.scenarios.__all__]
CLASSES = [made for made in FOUND if inspect.isclass(made) and hasattr(made, "code")]
FUNCTIONS = {made.__name__: made for made in FOUND if inspect.isfunction(made)}
SHORTENED = {"ScalingBurst": "burst"}


def function_of(made):
    """The function that runs a class of settings."""
    plain = re.sub(r"(?<!^)([A-Z])", r"_\1", made.__name__).lower()
    return FUNCTIONS[SHORTENED.get(made.__name__, plain)]


def trace_of(result):
    """The trace of what a scenario's function gives."""
    return getattr(result, "trace", result)


@pytest.mark.parametrize("make", CLASSES)
def test_the_code_is_short_and_makes_the_same_trace(make) -> None:
    settings, space = make(), {}
    code = settings.code(seed=3)
    assert code.startswith("import lambdalab as ll\n")
    assert len(code.splitlines()) <= 24
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(code, space)
    assert space["trace"].digest() == trace_of(settings.run(seed=3)).digest()


@pytest.mark.parametrize("make", CLASSES)
def test_settings_are_frozen_told_and_the_function_is_the_class(make) -> None:
    settings = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, dataclasses.fields(settings)[0].name, 1)
    for field in dataclasses.fields(settings):
        assert field.name in make.__doc__, f"{field.name} is explained"
    digest = trace_of(settings.run(seed=5)).digest()
    assert trace_of(function_of(make)(seed=5)).digest() == digest


@pytest.mark.parametrize("make", CLASSES)
def test_an_unknown_setting_is_no_setting(make) -> None:
    with pytest.raises(UnknownSetting, match="no setting 'colour'"):
        function_of(make)(colour="red")
    name = dataclasses.fields(make)[0].name
    with pytest.raises(UnknownSetting, match=f"did you mean '{name}'"):
        function_of(make)(**{f"{name}s": 1})


@pytest.mark.parametrize(
    ("make", "wrong", "named"),
    [
        (Batching, {"rate": 0}, "rate"),
        (Batching, {"record_size": 300_000}, "record_size"),
        (Batching, {"batch_size": 0}, "batch_size"),
        (Batching, {"batch_size": 11, "window": 0}, "batch_size"),
        (Batching, {"window": 301}, "window"),
        (Batching, {"seconds": 0.5}, "seconds"),
        (Batching, {"rate": 1000, "seconds": 86_400}, "seconds"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_happens(make, wrong, named) -> None:
    with pytest.raises(InvalidSetting, match=f"^{named}="):
        make(**wrong)


def test_batching_by_window_size_and_payload() -> None:
    assert set(Batching(window=0).run().batches["cause"]) == {"no_window"}
    slow = Batching(rate=0.5, window=5, seconds=60).run()
    assert set(slow.batches["cause"]) == {"batching_window"}
    fast = Batching(rate=40, window=20, seconds=10).run()
    assert fast.batches["cause"].value_counts().idxmax() == "batch_size"
    heavy = Batching(rate=35, record_size=100 * 1024, batch_size=10_000, window=20, seconds=4).run()
    full = heavy.batches[heavy.batches["cause"] == "payload_size"]
    assert full["records"].tolist() == [61, 61]
    assert (full["size_bytes"] <= RULES.mapping_payload).all()
    bodies = heavy.queue_events[heavy.queue_events["action"] == "sent"]
    assert heavy.batches["records"].sum() == len(bodies)

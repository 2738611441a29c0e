"""Whom a caller names: every form of a name, and which version runs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
    ServiceError,
)
from lambdalab.functions.target import Alias, split, unreachable

ARN = "arn:aws:lambda:us-east-1:123456789012:function:bill"


def published(seed: int = 7, **settings: object) -> ll.Lab:
    """A lab with bill: $LATEST, versions 1 and 2, and live, which leads to 1."""
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=0.1, **settings)  # type: ignore[arg-type]
    lab.publish_version("bill")
    lab.update_function("bill", memory_size=256)
    lab.publish_version("bill")
    lab.update_function("bill", memory_size=512)
    lab.create_alias("bill", "live", "1")
    return lab


NAMED = [
    ("bill", "", "$LATEST"),
    ("bill:$LATEST", "$LATEST", "$LATEST"),
    ("bill:1", "1", "1"),
    ("bill:2", "2", "2"),
    ("bill:live", "live", "1"),
    (ARN, "", "$LATEST"),
    (f"{ARN}:$LATEST", "$LATEST", "$LATEST"),
    (f"{ARN}:2", "2", "2"),
    (f"{ARN}:live", "live", "1"),
    ("123456789012:function:bill", "", "$LATEST"),
    ("123456789012:function:bill:live", "live", "1"),
    ("123456789012:bill:2", "2", "2"),
    ("function:bill:2", "2", "2"),
]


@pytest.mark.parametrize(("name", "qualifier", "version"), NAMED)
@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_every_form_of_a_name(name: str, qualifier: str, version: str, kind: str) -> None:
    lab = published()
    reply = lab.invoke(name, invocation_type=kind)
    assert reply.executed_version == (version if kind == "RequestResponse" else None)
    lab.run()
    (row,) = lab.trace.invocations.itertuples()
    assert (row.function, row.qualifier) == ("bill", qualifier or "$LATEST")
    assert row.executed_version == ("" if kind == "DryRun" else version)


@pytest.mark.parametrize(
    ("name", "qualifier", "version"),
    [
        ("bill", "live", "1"), ("bill", "2", "2"), ("bill", 2, "2"), ("bill", "$LATEST", "$LATEST"),
        ("bill:live", "live", "1"), (f"{ARN}:2", 2, "2"), (ARN, "live", "1"),
    ],
)  # fmt: skip
def test_the_qualifier_by_itself(name: str, qualifier: object, version: str) -> None:
    lab = published()
    assert lab.invoke(name, qualifier=qualifier).executed_version == version


def test_handles_of_versions_and_aliases() -> None:
    lab = published()
    again = lab.publish_version("bill")
    assert again.number == "3"
    live = lab.update_alias("bill", "live", again)
    assert isinstance(live, Alias)
    assert lab.invoke(again).executed_version == "3"
    assert lab.invoke(live).executed_version == "3"
    lab.drive(again, ll.Every(1), count=2)
    lab.drive(live, ll.Every(1), count=2)
    lab.run()
    assert lab.trace.invocations["qualifier"].value_counts().to_dict() == {"3": 3, "live": 3}
    assert set(lab.trace.invocations["executed_version"]) == {"3"}


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_two_qualifiers_that_differ(kind: str) -> None:
    """400, in AWS's words, and a row."""
    lab = published()
    with pytest.raises(InvalidParameterValueException) as error:
        lab.invoke("bill:live", qualifier="1", invocation_type=kind)
    assert (error.value.status_code, error.value.code) == (400, "InvalidParameterValueException")
    assert error.value.message == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.status_code, row.cause) == ("refused", 400, "invalid_parameter")
    assert row.invocation_type == kind
    assert lab.trace.requests["status_code"].tolist() == [400]


@pytest.mark.parametrize("rules", ["2025-01-07", "2025-07-01"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bil", "bil"), ("bill:3", "bill:3"), ("bill:dead", "bill:dead"), ("bill:0", "bill:0"),
        (f"{ARN}:9", "bill:9"), (f"{ARN}s", "bills"), ("123456789012:function:bil", "bil"),
    ],
)  # fmt: skip
def test_what_does_not_exist(name: str, told: str, rules: str) -> None:
    """404 with the ARN, which ends with :$LATEST where no version was named (since 2025)."""
    lab = ll.Lab(seed=1, rules=rules)
    lab.create_function("bill", duration=0.1)
    with pytest.raises(ResourceNotFoundException) as error:
        lab.invoke(name)
    dated = ":$LATEST" if rules == "2025-07-01" and ":" not in told else ""
    assert error.value.message == f"Function not found: {ARN.removesuffix('bill')}{told}{dated}"
    (row,) = lab.trace.invocations.itertuples()
    function, _, qualifier = told.partition(":")
    assert (row.function, row.qualifier) == (function, qualifier or "$LATEST")
    assert (row.status, row.status_code, row.cause) == ("refused", 404, "unknown_function")
    (request,) = lab.trace.requests.itertuples()
    assert (request.status_code, request.request_id) == (404, row.request_id)
    assert len(lab.trace.attempts) == len(lab.trace.scaling) == 0


def test_another_region_and_another_account() -> None:
    lab = published()
    elsewhere = "arn:aws:lambda:eu-west-1:123456789012:function:bill"
    with pytest.raises(ResourceNotFoundException) as error:
        lab.invoke(elsewhere)
    assert error.value.message == (
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    )
    other = ARN.replace("123456789012", "999999999999")
    for name in (f"{other}:live", "999999999999:function:bill:live"):
        with pytest.raises(ResourceNotFoundException) as error:
            lab.invoke(name)
        assert error.value.message == f"Function not found: {other}:live"
    assert lab.trace.invocations["status_code"].tolist() == [404, 404, 404]
    assert set(lab.trace.invocations["cause"]) == {"unknown_function"}


def test_a_handlers_call_to_nobody_has_its_parent(lab: ll.Lab) -> None:
    @lab.function
    def outer(event: object, context: object) -> list[int]:
        codes = []
        for name, qualifier in (("nobody", None), ("outer:7", None), ("outer:7", "8")):
            try:
                lab.invoke(name, qualifier=qualifier)
            except ServiceError as error:
                codes.append(error.status_code)
        return codes

    assert lab.invoke(outer).payload == [404, 404, 400]
    rows = lab.trace.invocations
    assert rows["parent_kind"].tolist() == ["", "request", "request", "request"]
    assert rows["source"].tolist() == ["client", "outer", "outer", "outer"]
    assert len(lab.trace.requests) == 1, "only who is outside sends requests"


def test_a_deleted_functions_versions_are_gone() -> None:
    lab = published()
    bill, one = lab._functions.find("bill"), lab.publish_version("bill")
    lab.delete_function(bill)
    for handle in (bill, one):
        with pytest.raises(ResourceNotFoundException):
            lab.invoke(handle)
    lab.create_function("bill", duration=0.1)
    for handle in (bill, one, "bill:1", "bill:live"):
        with pytest.raises(ResourceNotFoundException):
            lab.invoke(handle)


@pytest.mark.parametrize("verb", ["update_function", "delete_function", "publish_version"])
def test_what_concerns_the_whole_function_takes_no_version(verb: str) -> None:
    lab = published()
    for name in ("bill:1", "bill:live", f"{ARN}:1"):
        with pytest.raises(InvalidParameterValueException):
            getattr(lab, verb)(name)


@given(
    region=st.sampled_from(["", "arn:aws:lambda:us-east-1:"]),
    account=st.sampled_from(["", "123456789012:"]),
    word=st.sampled_from(["", "function:"]),
    name=st.from_regex(r"[A-Za-z0-9_-]{1,11}", fullmatch=True).filter(lambda n: n != "function"),
    qualifier=st.sampled_from(["", ":$LATEST", ":1", ":live", ":A_b-9"]),
)
def test_split_takes_every_form_apart(
    region: str, account: str, word: str, name: str, qualifier: str
) -> None:
    assert split(f"{region}{account}{word}{name}{qualifier}") == (name, qualifier[1:])


@pytest.mark.parametrize("name", ["", ":", "a:b:c:d", "a b", "bill:$latest", "ä", "bill:", ":1"])
def test_what_is_no_name(name: str) -> None:
    assert split(name) is None
    lab = ll.Lab(seed=1)
    with pytest.raises(ResourceNotFoundException):
        lab.invoke(name)
    assert lab.trace.invocations["status_code"].tolist() == [404]
    assert unreachable(name, ":x")[0] == ""


# ---------------------------------------------------------------------- weights


def executed(lab: ll.Lab, calls: int) -> dict[str, int]:
    lab.drive("bill:live", ll.Every(0.2), count=calls)
    lab.run()
    return lab.trace.invocations["executed_version"].value_counts().to_dict()  # type: ignore[no-any-return]


@pytest.mark.parametrize("weight", [0.0, 0.05, 0.3, 0.5, 1.0])
def test_weights_are_shares_of_many_calls(weight: float) -> None:
    """Within three standard deviations."""
    lab, calls = published(), 2_000
    lab.update_alias("bill", "live", "1", routing={"2": weight})
    seen = executed(lab, calls).get("2", 0)
    assert abs(seen - weight * calls) <= 3 * math.sqrt(weight * (1 - weight) * calls)


def test_each_request_draws_events_too() -> None:
    lab = published()
    lab.update_alias("bill", "live", routing={"2": 0.5})
    lab.drive("bill:live", ll.Every(0.2), count=400, invocation_type="Event")
    lab.run()
    seen = lab.trace.invocations["executed_version"].value_counts()
    assert abs(seen["2"] - 200) <= 30
    memory = lab.trace.attempts.groupby("memory_mb").size()
    assert memory.to_dict() == {128: seen["1"], 256: seen["2"]}, "the version's own settings"


def test_routing_has_a_stream_of_its_own() -> None:
    """Whoever else draws, and whatever other aliases do, shifts nothing of it."""

    def versions(others: bool) -> list[str]:
        lab = published()
        lab.update_alias("bill", "live", routing={"2": 0.4})
        lab.create_alias("bill", "other", "2", routing={"1": 0.5})
        lab.create_function("ship", duration=ll.Exponential(0.01))
        found = []
        for _ in range(30):
            found.append(lab.invoke("bill:live").executed_version)
            if others:
                lab.invoke("bill:other")
                lab.invoke("bill:1")
                lab.invoke("ship")
        return found

    assert versions(others=True) == versions(others=False)
    assert len(set(versions(others=False))) == 2


def test_weights_repeat_after_a_reset() -> None:
    lab = published()
    lab.update_alias("bill", "live", routing={"2": 0.4})
    first = [lab.invoke("bill:live").executed_version for _ in range(20)]
    lab.reset()
    assert [lab.invoke("bill:live").executed_version for _ in range(20)] == first


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["1", "2", "$LATEST"]), min_size=1, max_size=6))
def test_an_alias_leads_where_it_was_last_pointed(moves: list[str]) -> None:
    lab = published()
    for version in moves:
        lab.update_alias("bill", "live", version)
        assert lab.invoke("bill:live").executed_version == version

"""Versions and aliases: what is published stays, what is routed is drawn."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.errors import LabError


def code(answer: object) -> str:
    return f"def lambda_handler(event, context): return {answer!r}"


def two(seed: int = 1, **routing: float) -> ll.Lab:
    """A function f with the versions 1 and 2, which answer so."""
    lab = ll.Lab(seed=seed)
    lab.create_function("f", code(1))
    lab.publish_version("f")
    lab.update_function("f", code(2))
    lab.publish_version("f")
    return lab


def test_numbers_rise() -> None:
    lab = ll.Lab()
    lab.create_function("f", code(0))
    for n in range(1, 4):
        lab.update_function("f", code(n))
        assert lab.publish_version("f").number == str(n)
    assert [lab.invoke(f"f:{n}").payload for n in (1, 2, 3)] == [1, 2, 3]


def test_a_published_version_stays_as_it_is() -> None:
    lab = two()
    lab.update_function("f", code("new"), memory_size=512, environment={"STAGE": "1"})
    assert lab.invoke("f:1").payload == 1
    assert lab.invoke("f").payload == "new"
    assert lab.trace.attempts["memory_mb"].tolist() == [128, 512]


def test_publishing_without_a_change_makes_none() -> None:
    lab = two()
    assert lab.publish_version("f").number == "2"
    lab.update_function("f", memory_size=256)
    assert lab.publish_version("f").number == "3"


def test_each_version_has_environments_of_its_own() -> None:
    lab = two()
    assert [lab.invoke(name).cold for name in ("f:1", "f:2", "f", "f:1", "f:2", "f")] == [
        True, True, True, False, False, False
    ]  # fmt: skip
    assert lab.trace.environments["version"].tolist() == ["1", "2", "$LATEST"]
    streams = lab.trace.environments["log_stream"].tolist()
    assert [stream.split("/")[3].split("]")[0] for stream in streams] == ["[1", "[2", "[$LATEST"]


def test_start_and_context_name_the_version() -> None:
    lab = ll.Lab()
    text = "def lambda_handler(e, c): return [c.function_version, c.invoked_function_arn]"
    lab.create_function("f", text, environment={})
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    for name, version, called in (
        ("f", "$LATEST", arn),
        ("f:$LATEST", "$LATEST", arn + ":$LATEST"),
        ("f:1", "1", arn + ":1"),
        ("f:live", "1", arn + ":live"),
    ):
        reply = lab.invoke(name)
        assert reply.payload == [version, called]
        assert f"START RequestId: {reply.request_id} Version: {version}\n" in reply.log


def test_an_alias_leads_where_it_is_pointed() -> None:
    lab = two()
    lab.create_alias("f", "live", "1")
    first = lab.invoke("f:live")
    lab.update_alias("f", "live", "2")
    second = lab.invoke("f:live")
    assert [(r.payload, r.executed_version) for r in (first, second)] == [(1, "1"), (2, "2")]


def test_weights_are_shares_of_requests() -> None:
    """Drawn for each: few requests differ from the weight, many come near."""
    lab = two()
    lab.create_alias("f", "live", "1", routing={"2": 0.1})
    lab.drive("f:live", ll.Every(1), count=4000)
    lab.run()
    versions = lab.trace.invocations["executed_version"]
    assert (versions == "2").mean() == pytest.approx(0.1, abs=0.015)
    assert {int((versions[n : n + 10] == "2").sum()) for n in range(0, 400, 10)} >= {0, 1, 2}


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_weights_at_their_limits(weight: float) -> None:
    lab = two()
    lab.create_alias("f", "live", "1", routing={"2": weight})
    assert {lab.invoke("f:live").payload for _ in range(30)} == {1 + weight}


@pytest.mark.parametrize("routing", [{"2": 1.1}, {"2": -0.1}, {"2": 0.1, "1": 0.1}, {"1": 0.5}])
def test_weights_that_cannot_be(routing: dict[str, float]) -> None:
    with pytest.raises(LabError):
        two().create_alias("f", "live", "1", routing=routing)


def test_latest_cannot_share() -> None:
    lab = two()
    with pytest.raises(LabError):
        lab.create_alias("f", "live", "$LATEST", routing={"1": 0.5})
    with pytest.raises(LabError):
        lab.create_alias("f", "live", "1", routing={"$LATEST": 0.5})


def test_events_that_wait_run_on_the_new_code() -> None:
    """Of the same qualifier: those of a version on the version's."""
    lab = ll.Lab()
    fails = "def lambda_handler(event, context): raise ValueError"
    lab.create_function("f", fails)
    lab.publish_version("f")
    for name in ("f", "f:1"):
        lab.invoke(name, {}, invocation_type="Event")
    lab.run(until=10)
    lab.update_function("f", code("mended"))
    lab.run()
    ended = lab.trace.invocations.set_index("qualifier")["status"]
    assert (ended["$LATEST"], ended["1"]) == ("succeeded", "failed")


def test_a_retry_goes_where_its_alias_leads_by_then() -> None:
    lab = ll.Lab()
    lab.create_function("f", "def lambda_handler(event, context): raise ValueError")
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.update_function("f", code("mended"))
    lab.publish_version("f")
    lab.invoke("f:live", {}, invocation_type="Event")
    lab.run(until=10)
    lab.update_alias("f", "live", "2")
    lab.run()
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.attempts, row.executed_version) == ("succeeded", 2, "2")

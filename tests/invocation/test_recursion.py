"""Recursive loops: what counts, what is stopped, and what then becomes of it."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, RecursiveInvocationException
from lambdalab.invocation.recursion import ALLOW, Recursion, joined, trace_header
from lambdalab.rules import Rules

RULES = Rules.as_of()
LIMIT = RULES.recursion_limit
COUNTS = st.dictionaries(st.sampled_from("fgh"), st.integers(1, 20))


# ---- chains by themselves


def test_a_request_from_outside_has_no_chain_and_begins_one() -> None:
    recursion = Recursion(RULES)
    assert recursion.behind(7, "f") == {"f": 1}
    assert not recursion._chains, "nothing is kept for it"


def test_a_chain_counts_each_function_on_its_own() -> None:
    recursion = Recursion(RULES)
    chain = recursion.behind(1, "f")
    assert recursion.enter(2, "g", chain) == {"f": 1, "g": 1}
    assert recursion.enter(3, "f", recursion.behind(2, "g")) == {"f": 2, "g": 1}
    assert chain == {"f": 1}, "a chain is not changed by what follows"
    recursion.leave(3)
    recursion.leave(99)
    assert recursion.behind(3, "f") == {"f": 1}


def test_the_one_after_the_limit_loops() -> None:
    recursion = Recursion(RULES)
    assert not recursion.loops("f", "Terminate", {"f": LIMIT - 1})
    assert recursion.loops("f", "Terminate", {"f": LIMIT})
    assert not recursion.loops("g", "Terminate", {"f": LIMIT})
    assert not recursion.loops("f", ALLOW, {"f": 10 * LIMIT})


@given(st.lists(st.none() | COUNTS))
def test_a_batch_is_as_deep_as_its_deepest_record(chains: list[dict[str, int] | None]) -> None:
    found = joined(chains) or {}
    assert all(found[name] >= n for chain in chains if chain for name, n in chain.items())
    assert all(any(chain and chain.get(name) == n for chain in chains) for name, n in found.items())


def test_the_error_says_what_was_counted_and_how_to_go_on() -> None:
    error = Recursion(RULES).error("f")
    assert isinstance(error, RecursiveInvocationException)
    assert error.status_code == 400
    assert "16 times" in str(error)
    assert "recursive_loop='Allow'" in str(error)


def test_a_trace_header_looks_like_those_of_aws() -> None:
    header = trace_header(7, 3, 1_736_208_000, "f", {"f": 5})
    root, parent, sampled, lineage = (part.partition("=")[2] for part in header.split(";"))
    version, seconds, unique = root.split("-")
    assert (version, int(seconds, 16), len(unique)) == ("1", 1_736_208_000, 24)
    assert (len(parent), sampled) == (16, "0")
    assert lineage.split(":")[0] == "1"
    assert lineage.split(":")[2] == "4", "runs of the function before this one"
    assert header == trace_header(7, 3, 1_736_208_000, "f", {"f": 5})
    assert header != trace_header(8, 3, 1_736_208_000, "f", {"f": 5})


@pytest.mark.parametrize(("date", "known"), [("2024-08-18", False), ("2024-08-19", True)])
def test_the_setting_has_its_day(date: str, known: bool) -> None:
    assert Rules.as_of(date).recursion_setting is known


# ---- in a lab


def runs_of(lab: ll.Lab) -> dict[str, int]:
    """How many attempts each function had."""
    return dict(lab.trace.attempts["function"].astype(str).value_counts())


def loops(lab: ll.Lab) -> pd.DataFrame:
    """The invocations that were stopped."""
    calls = lab.trace.invocations
    return calls[calls["cause"] == "recursive_loop"]


def dropped(lab: ll.Lab) -> float:
    """The metric of stopped invocations."""
    figures = lab.trace.metrics()
    return float(figures[figures["metric"] == "RecursiveInvocationsDropped"]["sum"].sum())


def idle(lab: ll.Lab) -> bool:
    """Whether no chain is kept any more."""
    return not lab._lambda.front_door.recursion._chains


def test_a_function_that_calls_itself_gets_an_exception_the_seventeenth_time(lab: ll.Lab) -> None:
    told = []

    @lab.function(timeout=60)
    def again(event: dict[str, int], context: object) -> int:
        try:
            reply = lab.invoke("again", {"deep": event["deep"] + 1})
        except RecursiveInvocationException as error:
            told.append(error)
            return event["deep"]
        return int(reply.payload)

    assert lab.invoke(again, {"deep": 1}).payload == LIMIT
    assert runs_of(lab) == {"again": LIMIT}
    (stopped,) = loops(lab).itertuples()
    assert (stopped.status, stopped.status_code, stopped.attempts) == ("refused", 400, 0)
    assert len(told) == 1
    assert dropped(lab) == 1
    assert idle(lab)


def test_asynchronous_calls_of_oneself_end_at_the_destination_and_the_dead_letter_queue(
    lab: ll.Lab,
) -> None:
    lab.sqs.create_queue("failed")

    @lab.function(on_failure="failed", dead_letter_queue="letters")
    def again(event: dict[str, int], context: object) -> None:
        lab.invoke("again", {"deep": event["deep"] + 1}, invocation_type="Event")

    lab.invoke(again, {"deep": 1}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"again": LIMIT}
    (stopped,) = loops(lab).itertuples()
    assert (stopped.status, stopped.status_code, stopped.attempts) == ("dropped", 202, 0)
    (letter,) = lab.sqs["letters"].messages
    assert letter.body == {"deep": LIMIT + 1}
    assert letter.message.attributes["ErrorCode"] == ("Number", "400")
    assert letter.message.attributes["ErrorMessage"][1].startswith("Recursive loop detected: again")
    (seen,) = lab.sqs["failed"].messages
    assert seen.body["requestContext"]["condition"] == lab.rules.recursion_condition
    assert seen.body["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in seen.body
    assert dropped(lab) == 1
    assert idle(lab)


def test_messages_a_function_sends_to_its_own_queue_end_in_the_queues_dead_letter_queue(
    lab: ll.Lab,
) -> None:
    queue = lab.sqs.create_queue(
        "q", visibility_timeout=6, dead_letter_queue="dead", max_receive_count=2
    )

    @lab.function
    def again(event: dict[str, list[dict[str, str]]], context: object) -> None:
        lab.sqs["q"].send({"deep": json.loads(event["Records"][0]["body"])["deep"] + 1})

    lab.create_event_source_mapping(queue, again, batch_size=1)
    queue.send({"deep": 1})
    lab.run()
    assert runs_of(lab) == {"again": LIMIT}
    assert loops(lab)["status_code"].tolist() == [400, 400], "received twice, refused twice"
    (dead,) = lab.sqs["dead"].messages
    assert (dead.body, dead.receive_count) == ({"deep": LIMIT + 1}, 2)
    assert dropped(lab) == 2
    assert idle(lab)


def test_two_functions_that_are_each_others_destination(lab: ll.Lab) -> None:
    """Each is counted on its own: 16 runs of each, in one chain."""
    f = lab.create_function("f", duration=1, failure_rate=1, maximum_retry_attempts=1)
    g = lab.create_function("g", duration=1, on_success=f)
    lab.put_function_event_invoke_config(f, maximum_retry_attempts=1, on_failure=g)
    lab.invoke(f, {}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"f": 2 * LIMIT, "g": LIMIT}, "a retry is no further invocation"
    assert loops(lab)["function"].tolist() == ["f"]
    assert idle(lab)


def test_a_loop_of_failures_ends_where_both_would_be_stopped(lab: ll.Lab) -> None:
    settings = {"duration": 1, "failure_rate": 1, "maximum_retry_attempts": 0}
    f = lab.create_function("f", **settings)
    g = lab.create_function("g", **settings, on_failure=f)
    lab.put_function_event_invoke_config(f, maximum_retry_attempts=0, on_failure=g)
    lab.invoke(f, {}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"f": LIMIT, "g": LIMIT}
    (stopped,) = loops(lab).itertuples()
    assert stopped.function == "f"
    events = lab.trace.queue_events
    assert events[events["action"] == "delivered"]["cause"].tolist()[-1] == "delivery_failed"


def test_functions_that_are_switched_off_do_not_go_round_in_no_time(lab: ll.Lab) -> None:
    settings = {"duration": 1, "reserved_concurrency": 0, "recursive_loop": "Allow"}
    f = lab.create_function("f", **settings)
    g = lab.create_function("g", **settings, on_failure=f)
    lab.put_function_event_invoke_config(f, on_failure=g)
    lab.invoke(f, {}, invocation_type="Event")
    lab.run(until=60)
    assert 300 < len(lab.trace.invocations) < 500


def test_dead_letters_carry_the_chain(lab: ll.Lab) -> None:
    lab.create_function(
        "f", duration=1, failure_rate=1, dead_letter_queue="letters", maximum_retry_attempts=0
    )

    @lab.function(name="retry-for-ever")
    def retry(event: dict[str, list[dict[str, str]]], context: object) -> None:
        for record in event["Records"]:
            lab.invoke("f", json.loads(record["body"]), invocation_type="Event")

    lab.create_event_source_mapping("letters", retry)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"f": LIMIT, "retry-for-ever": LIMIT}
    assert set(loops(lab)["function"]) == {"f", "retry-for-ever"}


def test_a_chain_of_one_is_none_of_anothers(lab: ll.Lab) -> None:
    """Forty events, each handed on once: no function runs often in any one chain."""
    g = lab.create_function("g", duration=0.1)
    lab.create_function("f", duration=0.1, on_success=g)
    for _ in range(40):
        lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"f": 40, "g": 40}
    assert loops(lab).empty
    assert dropped(lab) == 0


def test_allow_lets_it_go_on(lab: ll.Lab) -> None:
    @lab.function(recursive_loop="Allow")
    def again(event: dict[str, int], context: object) -> None:
        if event["deep"] < 3 * LIMIT:
            lab.invoke("again", {"deep": event["deep"] + 1}, invocation_type="Event")

    lab.invoke(again, {"deep": 1}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"again": 3 * LIMIT}
    assert dropped(lab) == 0


def test_the_limit_can_be_changed_like_any_quota() -> None:
    lab = ll.Lab(quotas={"recursion_limit": 3})
    g = lab.create_function("g", duration=1)
    f = lab.create_function("f", duration=1, on_success=g)
    lab.put_function_event_invoke_config(g, on_success=f)
    lab.invoke(f, {}, invocation_type="Event")
    lab.run()
    assert runs_of(lab) == {"f": 3, "g": 3}


@pytest.mark.parametrize("value", ["allow", "terminate", 1, ""])
def test_the_setting_is_awss_word(lab: ll.Lab, value: object) -> None:
    with pytest.raises(InvalidSetting, match=r"recursive_loop=.*Terminate, Allow"):
        lab.create_function("f", duration=1, recursive_loop=value)


def test_before_its_day_there_is_no_choice() -> None:
    lab = ll.Lab(rules="2024-08-18")
    with pytest.raises(InvalidSetting, match="since 2024-08-19"):
        lab.create_function("f", duration=1, recursive_loop="Allow")
    lab.create_function("f", duration=1, recursive_loop="Terminate")
    ll.Lab(rules="2024-08-19").create_function("f", duration=1, recursive_loop="Allow")

"""What an API call looks up once: nothing that a client of botocore does is lost by it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("boto3")

from botocore.config import Config
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

import lambdalab as ll
from lambdalab.aws import operations
from lambdalab.aws.route import Route

_LAB = ll.Lab()
ROUTES = [
    Route(client, name, known)
    for service in sorted(operations.MODULES)
    for client in [_LAB.client(service)]
    for known in [operations.service(service)]
    if known is not None
    for name in sorted(known.operations)
]
VALUES = st.one_of(
    st.text(max_size=3), st.binary(max_size=3), st.integers(-2, 3), st.booleans(), st.none(),
    st.just([]), st.just({}), st.floats(0, 1), st.just(bytearray(b"x")),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[Route, dict[str, Any]]:
    """An operation with some of its parameters, of any type, and sometimes one that it has not."""
    route = draw(st.sampled_from([each for each in ROUTES if each.model.input_shape is not None]))
    shape = route.model.input_shape
    of_type = {"string": st.text(max_size=3), "integer": st.integers(-2, 3), "blob": st.binary()}
    named = {}
    for name in draw(st.sets(st.sampled_from([*shape.members, "Foreign"]), max_size=5)):
        named[name] = draw(VALUES)
    for name in shape.required_members:
        if draw(st.integers(0, 9)):
            named[name] = draw(of_type.get(shape.members[name].type_name, VALUES))
    return route, named


@given(requests())
def test_what_is_surely_valid_is_valid_to_botocore(drawn: tuple[Route, dict[str, Any]]) -> None:
    route, named = drawn
    report = ParamValidator().validate(named, route.model.input_shape)
    if route._surely_valid(named):
        assert not report.has_errors(), report.generate_report()
    if report.has_errors():
        with pytest.raises(ParamValidationError):
            route.validate(named)
    else:
        route.validate(named)


def test_the_usual_requests_are_seen_at_once() -> None:
    usual = {
        ("lambda", "Invoke"): {"FunctionName": "bill", "Payload": b"{}", "LogType": "Tail"},
        ("sqs", "SendMessage"): {"QueueUrl": "u", "MessageBody": "b", "DelaySeconds": 3},
        ("kinesis", "PutRecord"): {"StreamName": "s", "Data": b"x", "PartitionKey": "k"},
    }
    for route in ROUTES:
        named = usual.pop((route.known.name, route.model.name), None)
        assert named is None or route._surely_valid(named)
    assert not usual


def test_listeners_are_heard_also_those_who_come_later() -> None:
    lab = ll.Lab()
    lab.create_function("bill", duration=0.1)
    client = lab.client("lambda")
    client.invoke(FunctionName="bill")
    heard: list[str] = []

    def change(params: dict[str, Any], context: dict[str, Any], **more: Any) -> dict[str, Any]:
        heard.append("provide")
        context["mine"] = 1
        return params | {"FunctionName": "bill"}

    def before(params: dict[str, Any], context: dict[str, Any], **more: Any) -> None:
        heard.append("before")
        assert context["mine"] == 1
        params["LogType"] = "Tail"

    def after(parsed: dict[str, Any], context: dict[str, Any], **more: Any) -> None:
        heard.append("after")
        assert context["mine"] == 1
        parsed["Seen"] = True

    client.meta.events.register("provide-client-params.lambda.Invoke", change)
    client.meta.events.register("before-parameter-build.lambda.Invoke", before)
    client.meta.events.register("after-call.lambda.Invoke", after)
    answer = client.invoke(FunctionName="another")
    assert heard == ["provide", "before", "after"]
    assert answer["Seen"]
    assert "REPORT" in lab.trace.logs["message"].iloc[-1]
    assert answer["LogResult"]
    client.meta.events.unregister("provide-client-params.lambda.Invoke", change)
    client.meta.events.unregister("before-parameter-build.lambda.Invoke", before)
    client.meta.events.unregister("after-call.lambda.Invoke", after)
    assert "Seen" not in client.invoke(FunctionName="bill")


def test_a_client_that_wants_no_validation_gets_none() -> None:
    lab = ll.Lab()
    lab.create_function("bill", duration=0.1)
    easy = lab.client("lambda", config=Config(parameter_validation=False))
    strict = lab.client("lambda")
    assert easy.invoke(FunctionName="bill", Foreign=1)["StatusCode"] == 200
    for _ in range(2):
        with pytest.raises(ParamValidationError, match="Foreign"):
            strict.invoke(FunctionName="bill", Foreign=1)


def test_ids_of_answers_begin_again_with_each_run() -> None:
    def ids(lab: ll.Lab) -> list[str]:
        sqs = lab.client("sqs")
        return [sqs.list_queues()["ResponseMetadata"]["RequestId"] for _ in range(3)]

    lab = ll.Lab(seed=4)
    first = ids(lab)
    assert len(set(first)) == 3
    assert set(ids(lab)).isdisjoint(first)
    lab.reset()
    assert ids(lab) == first == ids(ll.Lab(seed=4))
    assert set(ids(ll.Lab(seed=5))).isdisjoint(first)


def test_what_is_kept_of_a_run_ends_with_it() -> None:
    """A token, an upload, a purge of the run before means nothing in the next."""
    lab = ll.Lab()
    items = lab.client("dynamodb")
    lab.dynamodb.create_table("orders", partition_key="id")
    lab.sqs.create_queue("letters")
    lab.s3.create_bucket("photos")
    write = {"Put": {"TableName": "orders", "Item": {"id": {"S": "1"}}}}

    def run() -> tuple[int, str]:
        items.transact_write_items(TransactItems=[write], ClientRequestToken="again")
        lab.client("sqs").purge_queue(QueueUrl=lab.sqs["letters"].url)
        begun = lab.client("s3").create_multipart_upload(Bucket="photos", Key="a")
        return len(lab.dynamodb["orders"]), begun["UploadId"]

    lab.run(until=30)
    first = run()
    lab.reset()
    lab.run(until=40)
    assert run() == first == (1, first[1])

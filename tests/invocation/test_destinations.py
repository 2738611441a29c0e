"""Destinations: how they are named, what a record says, where it arrives, and what if it does not."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from lambdalab.errors import InvalidParameterValueException, InvalidSetting, UnknownName
from lambdalab.invocation.destinations import Destination, Destinations, Envelope, Ran, record

ARN = "arn:aws:{}:us-east-1:123456789012:{}"


class Fake:
    """A service whose targets are texts."""

    def __init__(self, service: str, noun: str, prefix: str, *names: str) -> None:
        self.service, self.noun, self._prefix, self._names = service, noun, prefix, names
        self.taken: list[bytes] = []

    def names(self) -> Iterable[str]:
        return self._names

    def find(self, given: object) -> Destination | None:
        name = given[0] if isinstance(given, list) else given
        if name not in self._names:
            return None
        return Destination(
            self.service, str(name), ARN.format(self.service, f"{self._prefix}{name}")
        )

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        self.taken.append(record)
        return "" if envelope.request else "no"


@pytest.fixture
def places() -> Destinations:
    queues = Fake("sqs", "queue", "", "failed", "both")
    return Destinations([queues, Fake("lambda", "function", "function:", "notify", "both", "f")])


# ---- naming


@pytest.mark.parametrize(
    "given",
    ["failed", ["failed"], ARN.format("sqs", "failed"), Destination("sqs", "failed", "arn")],
)
def test_a_destination_is_named_in_many_ways(places: Destinations, given: object) -> None:
    found = places.resolve("on_failure", given, "f")
    assert found is not None
    assert (found.service, found.name) == ("sqs", "failed")


def test_no_destination_is_none(places: Destinations) -> None:
    assert places.resolve("on_failure", None, "f") is None


def test_a_function_is_found_by_name_and_arn(places: Destinations) -> None:
    arn = ARN.format("lambda", "function:notify")
    assert places.resolve("on_success", "notify", "f") == Destination("lambda", "notify", arn)
    assert places.resolve("on_success", arn, "f") == Destination("lambda", "notify", arn)


def test_a_name_that_nothing_has_lists_those_there_are(places: Destinations) -> None:
    with pytest.raises(UnknownName, match="no queue or function 'x'; there are .*'failed', 'notify'"):
        places.resolve("on_failure", "x", "f")
    with pytest.raises(UnknownName, match="did you mean 'notify'"):
        places.resolve("on_failure", "notfy", "f")


def test_a_name_that_two_services_have_is_refused(places: Destinations) -> None:
    with pytest.raises(InvalidSetting, match="a queue and a function of this name"):
        places.resolve("on_failure", "both", "f")
    assert places.resolve("on_failure", ARN.format("sqs", "both"), "f") is not None


@pytest.mark.parametrize(
    "arn",
    [
        ARN.format("lambda", "function:nothing"),
        ARN.format("lambda", "notify"),
        ARN.format("sqs", "nothing"),
        ARN.format("sqs", "function:failed"),
        ARN.format("sqs", "failed").replace("123456789012", "999999999999"),
        ARN.format("sqs", "failed").replace("us-east-1", "eu-west-1"),
        ARN.format("dynamodb", "table/t"),
        "arn:",
    ],
)
def test_an_arn_of_nothing_is_invalid_in_awss_words(places: Destinations, arn: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        places.resolve("on_failure", arn, "f")
    assert caught.value.message == f"The destination ARN {arn} is invalid."
    assert caught.value.status_code == 400


@pytest.mark.parametrize("given", ["f", ["f"], ARN.format("lambda", "function:f")])
def test_a_function_is_no_destination_for_itself(places: Destinations, given: object) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        places.resolve("on_success", given, "f")
    assert caught.value.message == "You can't specify the function as a destination for itself."
    if given == ["f"]:
        assert places.resolve("on_success", given, "g") is not None


@pytest.mark.parametrize(
    ("service", "words"), [("sns", "SNS"), ("events", "EventBridge"), ("s3", "S3")]
)
def test_what_comes_later_says_so(places: Destinations, service: str, words: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{words}.* cannot be destinations in this version"):
        places.resolve("on_failure", ARN.format(service, "x"), "f")
    places.add(Fake(service, "thing", "", "x"))
    assert places.resolve("on_failure", ARN.format(service, "x"), "f") is not None


@pytest.mark.parametrize("given", ["orders.fifo", ARN.format("sqs", "orders.fifo")])
def test_no_fifo_queue(places: Destinations, given: str) -> None:
    with pytest.raises(InvalidSetting, match="FIFO"):
        places.resolve("on_failure", given, "f")


@pytest.mark.parametrize("given", [5, b"failed", object()])
def test_what_is_no_destination_is_refused(places: Destinations, given: object) -> None:
    with pytest.raises(InvalidSetting, match="a queue or a function"):
        places.resolve("on_failure", given, "f")


# ---- the record


def made(**changed: object) -> bytes:
    known: dict[str, object] = {
        "timestamp": "2025-01-07T00:00:01.234Z", "request_id": "id",
        "function_arn": ARN.format("lambda", "function:f:$LATEST"), "condition": "RetriesExhausted",
        "invoke_count": 3, "payload": b'{"n": 1}', "ran": Ran("7", True, b'{"errorMessage": "x"}'),
    }  # fmt: skip
    return record(**(known | changed))  # type: ignore[arg-type]


def test_the_record_of_a_failure_has_awss_members_in_awss_order() -> None:
    assert made().decode() == (
        '{"version":"1.0","timestamp":"2025-01-07T00:00:01.234Z",'
        '"requestContext":{"requestId":"id",'
        '"functionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",'
        '"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"n": 1},'
        '"responseContext":{"statusCode":200,"executedVersion":"7","functionError":"Unhandled"},'
        '"responsePayload":{"errorMessage": "x"}}'
    )


def test_the_record_of_a_success_names_no_error() -> None:
    told = json.loads(made(condition="Success", invoke_count=1, ran=Ran("$LATEST", False, b"null")))
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert told["responsePayload"] is None


def test_what_never_ran_has_no_response() -> None:
    told = json.loads(made(condition="ZeroReservedConcurrency", invoke_count=0, ran=None))
    assert list(told) == ["version", "timestamp", "requestContext", "requestPayload"]
    assert told["requestContext"]["approximateInvokeCount"] == 0


@pytest.mark.parametrize("answer", [b"<html>", b"\xff\xfe", b"NaN", b""])
def test_an_answer_that_is_no_json_becomes_a_text(answer: bytes) -> None:
    told = json.loads(made(ran=Ran("1", False, answer)))
    assert told["responsePayload"] == answer.decode(errors="replace")


def test_the_event_is_in_it_as_it_came() -> None:
    event = '{"a" :12345678901234567890123, "b":"Zoë"}'.encode()
    assert event in made(payload=event)

"""AWS::Kinesis."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import FUNCTION, get, left_out, made, names, ref, resource


def test_a_stream_and_a_consumer_of_its_own() -> None:
    lab = made(
        {
            "Fn": FUNCTION,
            "Clicks": resource(
                "AWS::Kinesis::Stream", ShardCount=3, RetentionPeriodHours="48",
                StreamEncryption={"EncryptionType": "KMS", "KeyId": "x"},
            ),
            "Fast": resource("AWS::Kinesis::StreamConsumer", StreamARN=get("Clicks"), ConsumerName="fast"),
            "Map": resource(
                "AWS::Lambda::EventSourceMapping", EventSourceArn=ref("Fast"), FunctionName=ref("Fn"),
                StartingPosition="LATEST",
            ),
        }
    )  # fmt: skip
    found = lab.kinesis["Clicks"]
    assert (len(found.shards), found.retention_hours) == (3, 48)
    assert names(lab)["Fast"] == "Clicks/fast"
    assert [each.name for each in lab.list_event_source_mappings()] == ["Clicks/fast->Fn"]
    assert left_out(lab) == {}


@pytest.mark.parametrize("properties", [{}, {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}])
def test_on_demand_it_has_the_shards_of_its_beginning(properties: dict[str, object]) -> None:
    lab = made({"Clicks": resource("AWS::Kinesis::Stream", **properties)})
    assert len(lab.kinesis["Clicks"].shards) == lab.rules.kinesis_on_demand_shards == 4
    assert "built with 4 shards" in left_out(lab)["Clicks.StreamModeDetails"]

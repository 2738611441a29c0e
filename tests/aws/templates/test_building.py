"""A stack: its order, its names, what refers to what, and what a lab leaves out."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("samtranslator")

import lambdalab as ll
from lambdalab.aws.templates.building import Stack
from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.aws.templates.reading import read
from lambdalab.errors import TemplateError
from lambdalab.examples import templates
from tests.aws.templates.making import (
    FUNCTION,
    function,
    get,
    left_out,
    made,
    names,
    ref,
    resource,
    value,
)

QUEUE = resource("AWS::SQS::Queue")


def refused(resources: dict[str, Any], words: str, **more: Any) -> TemplateError:
    with pytest.raises(TemplateError, match=words) as caught:
        made(resources, **more)
    return caught.value


# ---------------------------------------------------------------------- order and references


def test_each_after_what_it_refers_to_else_as_they_stand() -> None:
    resources = {
        "Orders": resource(
            "AWS::SQS::Queue",
            RedrivePolicy={"deadLetterTargetArn": get("Dead"), "maxReceiveCount": 2},
        ),
        "First": resource("AWS::SNS::Topic") | {"DependsOn": ["Last"]},
        "Dead": QUEUE, "Last": QUEUE,
    }  # fmt: skip
    lab = made(resources)
    assert list(names(lab)) == ["Dead", "Orders", "Last", "First"]
    assert lab.sqs["Orders"].settings.dead_letter_queue == "Dead"


@settings(max_examples=60)
@given(st.data())
def test_the_order_of_any_template(data: st.DataObject) -> None:
    """Each comes after all that it needs; nothing is moved that need not be."""
    count = data.draw(st.integers(1, 8))
    place = data.draw(st.permutations(range(count)))  # who may need whom: those before it here
    needs = {
        f"Q{n}": [f"Q{m}" for m in range(count) if place[m] < place[n] and data.draw(st.booleans())]
        for n in range(count)
    }
    template = {
        name: resource("AWS::SQS::Queue", QueueName={"Fn::Join": ["", [ref(n) for n in of]]})
        for name, of in needs.items()
    }
    source = read(json.dumps({"Resources": template}))
    order = Stack(source, source.template, {}, {}, "s", LeftOut(), 0).order
    assert sorted(order) == sorted(needs)
    for name, of in needs.items():
        assert all(order.index(each) < order.index(name) for each in of)
    free = [name for name in needs if not needs[name]]
    if len(free) == count:
        assert order == list(needs)


def test_circles_are_named() -> None:
    resources = {
        "A": resource("AWS::SQS::Queue", QueueName=ref("B")),
        "B": resource("AWS::SNS::Topic", TopicName=get("C")),
        "C": resource("AWS::IAM::Role", RoleName={"Fn::Sub": "${A}"}),
    }
    error = refused(resources, "Circular dependency between resources: ")
    told = str(error).partition(": ")[2].split(" -> ")
    assert (len(told), told[0]) == (4, told[-1])
    assert {"A", "B", "C"} == set(told)
    refused({"A": QUEUE | {"DependsOn": "A"}}, "Circular dependency between resources: A -> A")


def test_references_to_nothing_are_told_all_at_once() -> None:
    resources = {
        "Queue": resource("AWS::SQS::Queue", QueueName=ref("Nam")),
        "Topic": resource("AWS::SNS::Topic", TopicName={"Fn::Sub": "${Other.Arn}"})
        | {"DependsOn": "Gone"},
    }
    error = refused(
        resources, "refers to what is not there", Outputs={"It": {"Value": get("Quue")}},
        Parameters={"Name": {"Type": "String", "Default": "x"}},
    )  # fmt: skip
    assert [problem.partition("; ")[0] for problem in error.problems] == [
        "Queue refers to 'Nam', which is nothing", "Topic refers to 'Other', which is nothing",
        "Topic: DependsOn 'Gone', which is nothing", "Outputs.It refers to 'Quue', which is nothing",
    ]  # fmt: skip
    assert "did you mean 'Name'" in error.problems[0]


def test_conditions_decide_what_is_made() -> None:
    described = {"Live": {"Type": "String", "Default": "no"}}
    conditions = {"IsLive": {"Fn::Equals": [ref("Live"), "yes"]}}
    resources = {
        "Always": resource(
            "AWS::SQS::Queue", QueueName={"Fn::If": ["IsLive", {"Fn::Sub": "${Extra}"}, "always"]}
        ),
        "Extra": resource("AWS::SNS::Topic") | {"Condition": "IsLive"},
        "After": QUEUE | {"DependsOn": "Extra"},
    }
    outputs = {"It": {"Value": ref("Extra"), "Condition": "IsLive"}, "There": {"Value": "x"}}
    more = {"Parameters": described, "Conditions": conditions, "Outputs": outputs}
    lab = made(resources, **more)
    assert names(lab) == {"Always": "always", "After": "After"}
    assert lab.template is not None
    assert lab.template.outputs == {"There": "x"}
    resources["Always"] = QUEUE
    lab = made(resources, parameters={"Live": "yes"}, **more)
    assert list(names(lab)) == ["Always", "Extra", "After"]
    resources["Always"] = resource("AWS::SQS::Queue", QueueName=ref("Extra"))
    refused(resources, "refers to 'Extra', whose condition IsLive does not hold", **more)
    refused({"A": QUEUE | {"Condition": "IsLiv"}}, "no condition 'IsLiv'", Conditions=conditions)


# ---------------------------------------------------------------------- names and values


def test_names_are_those_given_else_logical_ids() -> None:
    lab = made(
        {
            "Given": resource("AWS::SQS::Queue", QueueName={"Fn::Sub": "${AWS::StackName}-q"}),
            "Fifo": resource("AWS::SQS::Queue", FifoQueue=True),
            "PhotoBucket": resource("AWS::S3::Bucket"), "B": resource("AWS::S3::Bucket"),
            "F" * 80: FUNCTION,
        },
        stack_name="shop",
    )  # fmt: skip
    assert list(names(lab).values()) == ["shop-q", "Fifo.fifo", "photobucket", "shop-b", "F" * 64]


def test_pseudo_parameters() -> None:
    text = "${AWS::Region} ${AWS::AccountId} ${AWS::URLSuffix} ${AWS::StackName} ${AWS::StackId}"
    region, account, suffix, name, stack_id = value({"Fn::Sub": text}, stack_name="shop").split()
    assert (region, account, suffix, name) == ("us-east-1", "123456789012", "amazonaws.com", "shop")
    assert stack_id.startswith("arn:aws:cloudformation:us-east-1:123456789012:stack/shop/")
    assert stack_id == value(ref("AWS::StackId"), stack_name="shop")
    assert stack_id != value(ref("AWS::StackId"), stack_name="shop", seed=8)


def test_parameters_reach_the_lab_as_numbers() -> None:
    described = {"Wait": {"Type": "Number", "Default": "45"}}
    resources = {"Queue": resource("AWS::SQS::Queue", VisibilityTimeout=ref("Wait"))}
    lab = made(resources, Parameters=described)
    assert lab.sqs["Queue"].settings.visibility_timeout == 45
    assert lab.template is not None
    assert lab.template.parameters == {"Wait": "45"}


# ---------------------------------------------------------------------- what is left out


def test_what_a_lab_has_not_is_listed_and_may_be_referred_to() -> None:
    machine = resource("AWS::StepFunctions::StateMachine", DefinitionString="{}")
    secret = resource("AWS::SecretsManager::Secret")
    variables = {"MACHINE": ref("Machine"), "ARN": get("Table"), "S": get("Secret", "Id")}
    lab = made(
        {
            "Machine": machine, "Secret": secret, "Table": resource("AWS::RDS::DBInstance"),
            "Fn": function(Environment={"Variables": variables}),
        }
    )  # fmt: skip
    assert left_out(lab) == dict.fromkeys(("Machine", "Secret", "Table"), "not simulated")
    found = lab.get_function("Fn").settings.environment
    assert found["MACHINE"] == "arn:aws:stepfunctions:us-east-1:123456789012:statemachine/Machine"
    assert found["ARN"] == "arn:aws:rds:us-east-1:123456789012:dbinstance/Table"
    assert "left out (Machine, Secret, Table)" in repr(lab).splitlines()[1]


def test_what_changes_nothing_is_ignored() -> None:
    lab = made(
        {
            "Role": resource("AWS::IAM::Role"), "Alarm": resource("AWS::CloudWatch::Alarm", X=1),
            "Policy": resource("AWS::SQS::QueuePolicy", Queues=[ref("Queue")]),
            "Queue": resource("AWS::SQS::Queue", Tags=[{"Key": "a", "Value": "b"}]),
            "Fn": function(Role=get("Role"), TracingConfig={"Mode": "Active"}, Description="x"),
        },
        strict=True,
    )  # fmt: skip
    assert lab.template is not None
    found = {f"{each.resource}.{each.property}".rstrip(".") for each in lab.template.ignored}
    assert found == {
        "Role", "Alarm", "Queue.Tags", "Policy", "Fn.TracingConfig", "Fn.Description"
    }  # fmt: skip
    assert left_out(lab) == {}


def test_properties_that_nobody_knows_are_listed_by_their_path() -> None:
    lab = made(
        {
            "Queue": resource("AWS::SQS::Queue", Colour="red"),
            "Fn": FUNCTION,
            "Map": resource(
                "AWS::Lambda::EventSourceMapping", EventSourceArn=get("Queue"), FunctionName=ref("Fn"),
                ScalingConfig={"MaximumConcurrency": 5, "Speed": 9},
            ),
        }
    )  # fmt: skip
    assert left_out(lab) == {
        "Queue.Colour": "not simulated",
        "Map.ScalingConfig.Speed": "not simulated",
    }
    (mapping,) = lab.list_event_source_mappings()
    assert mapping.settings.as_dict()["maximum_concurrency"] == 5


def test_strict_refuses_and_tells_everything() -> None:
    resources = {"A": resource("AWS::RDS::DBInstance"), "B": resource("AWS::SQS::Queue", Colour=1)}
    error = refused(resources, r"template has what a lab cannot build \(strict=True\)", strict=True)
    assert error.problems == (
        "A (AWS::RDS::DBInstance): not simulated", "B.Colour (AWS::SQS::Queue): not simulated",
    )  # fmt: skip


def test_macros_includes_and_rules_are_listed() -> None:
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}
    lab = made(
        {"Queue": QUEUE, "Fn::Transform": include}, Transform=["Mine", {"Name": "AWS::Include"}],
        Rules={"R": {"Assertions": []}},
    )  # fmt: skip
    assert set(left_out(lab)) == {"Rules", "Transform", "Fn::Transform"}
    assert list(names(lab)) == ["Queue"]


# ---------------------------------------------------------------------- what AWS would refuse


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (function(Timeout=1000), r"^It \(AWS::Lambda::Function\): timeout=1000: must be .* 900 s"),
        (function(Environment={"Variables": {"AWS_REGION": "x"}}), "reserved keys"),
        (resource("AWS::SQS::Queue", VisibilityTimeout="x"), "Invalid value for the parameter"),
        (resource("AWS::DynamoDB::Table"), "KeySchema is missing"),
        (resource("AWS::DynamoDB::Table", KeySchema=[5]), "not as AWS has them"),
        (resource("AWS::S3::Bucket", BucketName="A"), "bucket is not valid"),
        (resource("AWS::Kinesis::Stream", ShardCount=0), "value: 0, valid min value: 1"),
        (resource("AWS::Events::Rule", EventPattern={"a": 1}), "pattern"),
    ],
)
def test_values_out_of_range(bad: dict[str, Any], words: str) -> None:
    refused({"It": bad}, words)


JUNK: list[Any] = [
    "x", "", 5, -1, 1.5, 10**12, True, [], {}, ["a"], [[1]], {"a": 1}, ref("Nope"), ref("AWS::NoValue"),
    {"Fn::Sub": "${"}, {"Fn::If": ["x", 1, 2]}, {"Fn::Join": ["", [1, [2]]]}, {"Fn::GetAtt": []},
    "arn:aws:lambda:us-east-1:123456789012:function:none",
]  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a template below its sections."""
    if not isinstance(node, (dict, list)):
        return
    for name, each in node.items() if isinstance(node, dict) else enumerate(node):
        if path:
            yield (*path, name)
        yield from places(each, (*path, name))


@settings(max_examples=80)
@given(st.sampled_from(templates.NAMES), st.data())
def test_whatever_stands_in_a_template_the_error_is_its_own(name: str, data: st.DataObject) -> None:
    source = read(templates.path(name)).template
    *path, last = data.draw(st.sampled_from(list(places(source))))
    node: Any = source
    for each in path:
        node = node[each]
    if data.draw(st.booleans()):
        node[last] = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
    else:
        del node[last]
    with suppress(TemplateError):
        ll.Lab.from_template(json.dumps(source)).close()


def test_a_template_that_is_refused_leaves_no_lab_open(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[ll.Lab] = []
    real = ll.Lab.close
    monkeypatch.setattr(ll.Lab, "close", lambda self: (closed.append(self), real(self))[1])
    refused({"It": function(Timeout=1000)}, "timeout")
    assert len(closed) == 1
    refused({"It": resource("AWS::SQS::Queue", QueueName=ref("X"))}, "which is nothing")
    assert len(closed) == 1, "what can be seen before makes none"


def test_code_of_a_function_that_is_not_there() -> None:
    refused({"Fn": FUNCTION}, "code= of 'Fm': no such function; did you mean 'Fn'", code={"Fm": 1})


# ---------------------------------------------------------------------- the lab afterwards


def test_settings_of_the_lab_and_nothing_in_its_books() -> None:
    lab = made({"Fn": FUNCTION}, seed=11, start="2026-01-01", quotas={"account_concurrency": 50})
    assert (lab.seed, lab.now.year, lab.rules.account_concurrency) == (11, 2026, 50)
    assert (lab.elapsed, len(lab.trace.requests), len(lab.trace.invocations)) == (0, 0, 0)
    lab.invoke("Fn", {})
    once = lab.trace.digest()
    lab.reset()
    lab.invoke("Fn", {})
    assert lab.trace.digest() == once


def _said() -> str:
    """What a template says, and what comes of a run of it."""
    lab = ll.Lab.from_template(templates.path("billing"), seed=3)
    assert lab.template is not None
    with lab.aws():
        for number in range(20):
            lab.sqs["Orders"].send({"id": str(number), "amount": number})
        lab.run()
    return f"{lab.template.report()} {dict(lab.template.outputs)} {lab.trace.digest()}"


def test_the_same_in_another_process() -> None:
    """Whatever its hash seed."""
    root = Path(ll.__file__).parents[1]
    code = f"from {__name__} import _said; print(_said())"
    env = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parents[3]}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env | {"PYTHONHASHSEED": "77"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (_said(), "")

"""Templates for the tests: short ways to write them."""

from __future__ import annotations

import json
from typing import Any

import lambdalab as ll

SAM = "AWS::Serverless-2016-10-31"
INLINE = "def handler(event, context):\n    print(event)\n    return event\n"
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": INLINE},
    },
}  # fmt: skip
SERVERLESS = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"Runtime": "python3.13", "Handler": "index.handler", "InlineCode": INLINE},
}


def resource(kind: str, /, **properties: Any) -> dict[str, Any]:
    """A resource as it stands in a template."""
    return {"Type": kind, "Properties": properties}


def function(**properties: Any) -> dict[str, Any]:
    """A function of CloudFormation with more properties."""
    return {"Type": FUNCTION["Type"], "Properties": {**FUNCTION["Properties"], **properties}}  # type: ignore[dict-item]


def serverless(**properties: Any) -> dict[str, Any]:
    """A function of SAM with more properties."""
    return {"Type": SERVERLESS["Type"], "Properties": {**SERVERLESS["Properties"], **properties}}  # type: ignore[dict-item]


def get(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    """``!GetAtt name.attribute``."""
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, str]:
    """``!Ref name``."""
    return {"Ref": name}


def permission(of: str, principal: str, **more: Any) -> dict[str, Any]:
    """A permission to invoke a function."""
    return resource(
        "AWS::Lambda::Permission", FunctionName=ref(of), Action="lambda:InvokeFunction",
        Principal=f"{principal}.amazonaws.com", **more,
    )  # fmt: skip


def made(resources: dict[str, Any], *, sam: bool = False, **more: Any) -> ll.Lab:
    """A lab of a template; sections of it and arguments of ``from_template`` by their names."""
    sections = {name: more.pop(name) for name in list(more) if name[0].isupper()}
    if sam:
        sections.setdefault("Transform", SAM)
    text = json.dumps({"Resources": resources, **sections})
    return ll.Lab.from_template(text, **{"seed": 7, **more})


def value(expression: Any, **more: Any) -> Any:
    """What an expression comes to, as an output of a template with a queue."""
    resources = {"Queue": resource("AWS::SQS::Queue"), **more.pop("resources", {})}
    lab = made(resources, Outputs={"It": {"Value": expression}}, **more)
    assert lab.template is not None
    return lab.template.outputs["It"]


def left_out(lab: ll.Lab) -> dict[str, str]:
    """What was left out: why, by the resource and its property."""
    assert lab.template is not None
    return {
        f"{each.resource}.{each.property}".rstrip("."): each.why for each in lab.template.left_out
    }


def names(lab: ll.Lab) -> dict[str, str]:
    """What each resource is called in the lab."""
    assert lab.template is not None
    return dict(lab.template.names)

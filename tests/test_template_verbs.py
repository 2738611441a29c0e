"""The verb that makes a lab of a template, and what the lab keeps of it; without any library."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import MissingExtra, UnknownName
from lambdalab.template_verbs import Template, Unbuilt


def a_template(**more: Any) -> Template:
    queue = object()
    given: dict[str, Any] = {
        "name": "t.yaml", "names": {"Orders": "orders"}, "resources": {"Orders": queue},
        "parameters": {}, "outputs": {"Url": "x"}, "left_out": [], "ignored": [], "warnings": [],
    }  # fmt: skip
    return Template(**given | more)


def test_what_it_says() -> None:
    assert repr(a_template()) == "<t.yaml: 1 built>"
    rows = [Unbuilt(f"Thing{n}", "AWS::X", "", "not simulated") for n in range(20)]
    part = Unbuilt("Api", "AWS::Y", "Cors", "<no>")
    found = a_template(left_out=[part, *rows], ignored=rows[:1], warnings=["mind this"])
    assert repr(found) == (
        "<t.yaml: 1 built · 21 left out (Api, Thing0, Thing1, Thing2, Thing3, Thing4, Thing5, ...) · "
        "1 warning · 1 ignored>"
    )
    assert found.report().splitlines()[1:3] == [
        "  left out: Api.Cors (AWS::Y): <no>", "  left out: Thing0 (AWS::X): not simulated",
    ]  # fmt: skip
    assert "warning: mind this" in found.report()
    assert "&lt;no&gt;" in found._repr_html_()


def test_its_things_by_their_logical_ids() -> None:
    found = a_template()
    assert found["Orders"] is found.resources["Orders"]
    with pytest.raises(UnknownName, match="did you mean 'Orders'"):
        found["orders"]
    with pytest.raises(TypeError):
        found.outputs["Url"] = "y"  # type: ignore[index]


def test_a_lab_without_one() -> None:
    lab = ll.Lab()
    assert lab.template is None
    assert "template" not in repr(lab)


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *given: Any, **named: Any) -> Any:
        if name.startswith(
            ("cfn_tools", "cloud_radar", "samtranslator", "lambdalab.aws.templates.")
        ):
            raise ModuleNotFoundError(f"No module named {name!r}", name="cfn_tools")
        return real(name, *given, **named)

    import lambdalab.aws.templates  # the door, which brings none of them

    assert lambdalab.aws.templates.load
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtra, match=r'pip install "lambdalab\[templates\]"'):
        ll.Lab.from_template("Resources:\n  Q: {Type: AWS::SQS::Queue}\n")

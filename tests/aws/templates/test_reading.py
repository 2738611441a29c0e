"""A template's text: where it is found, how it is read, what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("samtranslator")

from lambdalab.aws.templates.reading import read
from lambdalab.errors import TemplateError

TEXT = "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n"


def refused(text: object, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        read(text)


def test_a_path_or_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "template.yaml"
    path.parent.mkdir()
    path.write_text("\ufeff" + TEXT, encoding="utf-8")
    for given in (path, str(path)):
        found = read(given)
        assert (found.name, found.folder) == ("template.yaml", path.parent)
        assert found.template == read(TEXT).template
    assert read(TEXT).folder == Path()
    assert read('{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}').template == found.template
    assert read("{Resources: {Queue: {Type: 'AWS::SQS::Queue'}}}").template == found.template


def test_the_short_forms_of_yaml() -> None:
    found = read(
        "AWSTemplateFormatVersion: 2010-09-09\n"
        "Metadata:\n"
        "  A: !Ref X\n"
        "  B: !GetAtt X.Outputs.Y\n"
        "  C: !Sub ['${A}', {A: !Ref X}]\n"
        "  D: !If [Live, !Join ['-', [a, !Ref X]], !Ref 'AWS::NoValue']\n"
        "  E: !Condition Live\n"
        "  F: {Version: 2012-10-17, 123: yes}\n" + TEXT
    ).template
    assert found["AWSTemplateFormatVersion"] == "2010-09-09", "a date stays a text"
    assert found["Metadata"] == {
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["X", "Outputs.Y"]},
        "C": {"Fn::Sub": ["${A}", {"A": {"Ref": "X"}}]},
        "D": {"Fn::If": ["Live", {"Fn::Join": ["-", ["a", {"Ref": "X"}]]}, {"Ref": "AWS::NoValue"}]},
        "E": {"Condition": "Live"},
        "F": {"Version": "2012-10-17", "123": True},
    }  # fmt: skip


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEXT)
    refused(tmp_path / "templat.yaml", "no template .*did you mean 'template.yaml'")
    refused("nowhere/template.yaml", "there is no template 'nowhere/template.yaml'$")
    refused(7, "a path or a text, not 7")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    refused(tmp_path / "binary.yaml", "binary.yaml cannot be read")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources:\n  A: [1\n  B: 2", "template, line 3: "),
        ("Resources:\n\tA: 1", "line 2: .*cannot start any token"),
        ('{"Resources": {\n"A": 1,,}}', "line 2: "),
        (TEXT + "  Queue: {Type: AWS::SNS::Topic}\n", "line 3: the key 'Queue' stands there twice"),
        ("- a\n- b\n", "is no template"),
        ("Resource:\n  A: {}\n", r"\[Resource\]; did you mean 'Resources'"),
        ("Resources: {}\nOutputs: {}\n", "At least one Resources member"),
        ("Resources:\n  A: {Properties: {}}\n", "resource A has no Type"),
        ("Resources:\n  A: {Type: x, Properties: [1]}\n", "Properties of A must be a mapping"),
        (TEXT + "Parameters: [1]\n", "Parameters must be a mapping"),
        ("Resources:\n  A: !!set {a, b}\n", "nothing that a template can hold"),
        (
            "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n",
            r"\[/Resources/Queue/Properties\] 'null' values",
        ),
        (TEXT + "Outputs: {A: {Value: [1, null]}}\n", r"\[/Outputs/A/Value/1\] 'null' values"),
    ],
)
def test_what_is_no_template(text: str, words: str) -> None:
    refused(text, words)

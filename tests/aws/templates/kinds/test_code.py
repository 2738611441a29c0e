"""Where a function's code comes from, and what stands for code that is not there."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from lambdalab.errors import TemplateError
from tests.aws.templates.making import function, left_out, made

APP = "import part\n\ndef handler(event, context):\n    return part.WORD\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(APP)
    (tmp_path / "src" / "part.py").write_text("WORD = 'from a folder'\n")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", APP)
        archive.writestr("part.py", "WORD = 'from a zip'\n")
    (tmp_path / "app.zip").write_bytes(package.getvalue())
    return tmp_path


def lab_of(folder: Path, code: str, handler: str = "app.handler", **more: Any) -> ll.Lab:
    text = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {{Runtime: python3.13, Handler: {handler}, CodeUri: {code}}}
"""
    (folder / "template.yaml").write_text(text)
    return ll.Lab.from_template(folder / "template.yaml", seed=7, **more)


@pytest.mark.parametrize(
    ("code", "word"), [("src", "folder"), ("./src/", "folder"), ("app.zip", "zip")]
)
def test_paths_start_at_the_template(folder: Path, code: str, word: str) -> None:
    lab = lab_of(folder, code)
    assert lab.invoke("Fn").payload == f"from a {word}"
    assert left_out(lab) == {}


def test_a_single_file_and_a_plain_template(folder: Path) -> None:
    text = (
        '{"Resources": {"Fn": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12",\
        "Handler": "app.handler", "Code": "src/app.py"}}}}'
    )
    (folder / "t.json").write_text(text)
    lab = ll.Lab.from_template(folder / "t.json")
    assert lab.invoke("Fn").payload == "from a folder"
    assert lab.get_function("Fn").settings.runtime == "python3.12"


def test_code_in_the_template_is_the_module_index() -> None:
    lab = made({"Fn": function()})
    assert lab.invoke("Fn", {"a": 1}).payload == {"a": 1}
    lab = made({"Fn": function(Handler="app.handler")})
    error = lab.invoke("Fn", {}).payload
    assert error["errorType"] == "Runtime.ImportModuleError", "as on AWS"


def test_a_folder_that_is_not_there_makes_a_model(folder: Path) -> None:
    lab = lab_of(folder, "scr")
    assert left_out(lab) == {
        "Fn.Code": "there is no 'scr' beside the template (did you mean 'src'?): a model that takes "
        "0.1 s; code={'Fn': ...} gives it code"
    }
    lab.invoke("Fn")
    assert lab.trace.attempts["duration_ms"].tolist() == [100.0]
    assert lab_of(folder, "scr", quotas={"template_model": 2}).rules.template_model == 2


def test_a_handler_that_is_not_there_fails_as_on_aws(folder: Path) -> None:
    lab = lab_of(folder, "src", "app.handle")
    assert "did you mean 'app.handler'" in left_out(lab)["Fn.Handler"]
    assert lab.invoke("Fn").payload["errorType"] == "Runtime.HandlerNotFound"


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"Runtime": "nodejs22.x"}, "a lab runs Python, not nodejs22.x"),
        ({"Runtime": "java8"}, "a lab runs Python, not java8"),
        ({"Code": {"S3Bucket": "b", "S3Key": "k"}}, r"its code is elsewhere (s3://b/k)"),
        ({"Code": "s3://b/k"}, r"its code is elsewhere (s3://b/k)"),
        ({"Code": {"ImageUri": "x"}, "PackageType": "Image"}, "a lab runs no images"),
        ({"Code": {"Ref": "AWS::NoValue"}}, "it has no Code"),
    ],
)
def test_code_that_a_lab_cannot_run_makes_a_model(properties: dict[str, Any], why: str) -> None:
    lab = made({"Fn": function(MemorySize=512, **properties)})
    assert left_out(lab)["Fn.Code"].startswith(f"{why}: a model")
    found = lab.get_function("Fn").settings
    assert (found.duration, found.memory_size) == (0.1, 512)
    assert found.runtime == ("nodejs22.x" if "nodejs22.x" in why else lab.rules.runtime_default)


def test_code_that_is_given(folder: Path) -> None:
    away = function(Code={"S3Bucket": "b", "S3Key": "k"}, Handler="app.handler", FunctionName="fn")
    for name in ("Fn", "fn"):
        lab = made({"Fn": away}, code={name: folder / "src"})
        assert lab.invoke("fn").payload == "from a folder"
        assert left_out(lab) == {}
    lab = made({"Fn": away}, code={"Fn": lambda event, context: "mine"})
    assert lab.invoke("fn").payload == "mine"
    lab = made({"Fn": away}, code={"Fn": "def handler(event, context):\n    return 'text'\n"})
    assert lab.invoke("fn").payload == "text"


def test_a_duration_that_is_given() -> None:
    node = function(Runtime="nodejs22.x", Timeout=30)
    lab = made({"Fn": node}, code={"Fn": 2})
    lab.invoke("Fn")
    assert lab.trace.attempts["duration_ms"].tolist() == [2000.0]
    model = ll.LogNormal(p50=1, p99=2)
    lab = made({"Fn": node}, code={"Fn": model})
    assert lab.get_function("Fn").settings.duration is model
    assert lab.get_function("Fn").settings.runtime == "nodejs22.x"
    assert left_out(lab) == {}
    with pytest.raises(TemplateError, match=r"^Fn .*duration=-1: must be"):
        made({"Fn": node}, code={"Fn": -1})

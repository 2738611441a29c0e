"""SAM's transform: offline, with paths of this machine, and what it refuses."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from lambdalab.aws.templates.sam import HERE, is_sam, marked, transformed, unmarked
from lambdalab.errors import TemplateError
from tests.aws.templates.making import SAM, SERVERLESS, left_out, made, names, resource, serverless


def plain(resources: dict[str, Any], folder: Path | None = None, **sections: Any) -> dict[str, Any]:
    template = {"Transform": SAM, "Resources": resources, **sections}
    found: dict[str, Any] = transformed(template, {}, folder or Path())["Resources"]
    return found


def test_who_asks_for_it() -> None:
    assert is_sam({"Transform": SAM})
    assert is_sam({"Transform": ["AWS::LanguageExtensions", SAM]})
    assert not is_sam({"Transform": "AWS::LanguageExtensions"})
    assert not is_sam({})


@pytest.mark.parametrize("path", ["src/", ".", "a b/ü.zip", "../x", "s\\y"])
def test_paths_go_through_it(path: str) -> None:
    uri = marked(path)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    assert unmarked(bucket, key) == path
    found = plain({"Fn": serverless(CodeUri=path, InlineCode=None) | {}}, None)["Fn"]
    code = found["Properties"]["Code"]
    assert unmarked(code["S3Bucket"], code["S3Key"]) == path


def test_what_is_in_s3_stays() -> None:
    assert marked("s3://bucket/key") == "s3://bucket/key"
    assert unmarked("bucket", "key") is None


def test_where_the_code_is_by_default() -> None:
    general = {"Function": {"Runtime": "python3.13", "Handler": "a.b", "CodeUri": "all/"}}
    bare = {"Type": SERVERLESS["Type"], "Properties": {}}
    found = plain({"Fn": dict(bare)}, Globals=general)["Fn"]["Properties"]["Code"]
    assert unmarked(found["S3Bucket"], found["S3Key"]) == "all/"
    own = {"Type": SERVERLESS["Type"], "Properties": {"Runtime": "python3.13", "Handler": "a.b"}}
    code = plain({"Fn": own})["Fn"]["Properties"]["Code"]
    assert code == {"S3Bucket": HERE, "S3Key": "."}, "the template's folder, as the SAM CLI has it"
    image = {"Type": SERVERLESS["Type"], "Properties": {"PackageType": "Image", "ImageUri": "x:y"}}
    assert plain({"Fn": image})["Fn"]["Properties"]["Code"] == {"ImageUri": "x:y"}


def test_a_definition_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(
        "swagger: '2.0'\ninfo: {title: !Ref AWS::StackName}\npaths: {}\n"
    )
    api = resource("AWS::Serverless::Api", StageName="v1", DefinitionUri="api.yaml")
    found = plain({"Api": api}, tmp_path)["Api"]["Properties"]
    assert found["Body"]["info"] == {"title": {"Ref": "AWS::StackName"}}
    lab = made(
        {"Api": resource("AWS::Serverless::Api", StageName="v1", DefinitionUri="no.yaml")}, sam=True
    )
    assert left_out(lab) == {"Api.BodyS3Location": "the document is elsewhere: nothing is fetched"}


def test_what_it_would_fetch_goes_round_it() -> None:
    application = resource("AWS::Serverless::Application", Location="x.yaml")
    outputs = {"It": {"Value": {"Fn::GetAtt": ["App", "Outputs.Url"]}}}
    lab = made({"App": application, "Fn": SERVERLESS}, sam=True, Outputs=outputs)
    assert left_out(lab) == {
        "App": "not simulated",
        "Outputs.It": "a lab knows no Outputs.Url of App: the text App.Outputs.Url stands for it",
    }
    assert list(names(lab)) == ["Fn"]


def test_everything_that_it_finds_wrong_is_told() -> None:
    no_type = serverless(Events={"E": {"Type": "Nothing", "Properties": {}}})
    no_queue = serverless(Events={"E": {"Type": "SQS", "Properties": {"BatchSize": 5}}})
    with pytest.raises(TemplateError, match="SAM cannot transform the template") as caught:
        made({"One": no_type, "Two": no_queue}, sam=True)
    one, two = caught.value.problems
    assert "[One]" in one
    assert "[TwoE]" in two
    with pytest.raises(TemplateError, match="'Globals' section is invalid"):
        made({"Fn": SERVERLESS}, sam=True, Globals={"Function": {"InlineCode": "x"}})


def test_it_takes_parameters_where_it_must_know_them() -> None:
    described = {"Name": {"Type": "String", "Default": "live"}}
    functions = {"Fn": serverless(AutoPublishAlias={"Ref": "Name"})}
    lab = made(functions, sam=True, Parameters=described, parameters={"Name": "blue"})
    assert list(lab.get_function("Fn").aliases) == ["blue"]


def test_it_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    from samtranslator.translator.arn_generator import ArnGenerator

    before = ArnGenerator.BOTO_SESSION_REGION_NAME
    for _ in range(2):
        made(
            {
                "Fn": serverless(
                    Events={"E": {"Type": "Api", "Properties": {"Path": "/", "Method": "get"}}}
                )
            },
            sam=True,
        )
    gc.collect()
    assert before == ArnGenerator.BOTO_SESSION_REGION_NAME
    assert caplog.records == []


OFFLINE = """
import os, sys
for name in list(os.environ):
    if name.startswith("AWS_"):
        del os.environ[name]
seen = []
sys.addaudithook(lambda event, args: seen.append((event, args)) if event.startswith("socket.") else None)
import lambdalab as ll
from lambdalab.examples import templates
for name in templates.NAMES:
    ll.Lab.from_template(templates.path(name))
assert [each for each in seen if each[0] in ("socket.connect", "socket.getaddrinfo")] == []
"""


def test_without_a_region_credentials_or_a_network() -> None:
    root = str(Path(ll.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": root, "PATH": ""},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")

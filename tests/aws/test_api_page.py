"""docs/aws-api.md says which operations there are: those of the code, and none that botocore lacks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import botocore.session
import pytest

import lambdalab as ll
from lambdalab.aws import operations
from lambdalab.aws.dispatch import OperationNotSimulated

ROOT = Path(__file__).resolve().parents[2]


def tool() -> Any:
    spec = importlib.util.spec_from_file_location("aws_api", ROOT / "tools" / "aws_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_code_does() -> None:
    """`python tools/aws_api.py --update` writes it."""
    assert (ROOT / "docs" / "aws-api.md").read_text(encoding="utf-8") == tool().page()


@pytest.mark.parametrize("name", sorted(operations.MODULES))
def test_every_operation_is_one_of_awss(name: str) -> None:
    known = operations.service(name)
    assert known is not None
    assert known.name == name
    assert known.operations
    model = botocore.session.get_session().get_service_model(name)
    assert not set(known.operations) - set(model.operation_names)


def test_a_page_that_lacks_an_operation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = operations.service("sqs")
    assert sqs is not None
    monkeypatch.delitem(sqs.operations, "SendMessage")
    assert (ROOT / "docs" / "aws-api.md").read_text(encoding="utf-8") != tool().page()


@pytest.mark.parametrize("name", sorted(operations.WAITING))
def test_what_the_lab_has_itself_is_answered_by_nobody_else(name: str) -> None:
    with ll.Lab() as lab:
        client = lab.client(name)
        operation = client.meta.service_model.operation_names[0]
        with pytest.raises(OperationNotSimulated, match="its own verbs"):
            client._make_api_call(operation, {})

"""The command line through ``main()``: words in, exit code and both streams out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lambdalab.cli import main


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Types a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def type_it(*words: object) -> Done:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:  # argparse's
            code = int(ended.code or 0)
        streams = capsys.readouterr()
        return Done(code, streams.out, streams.err)

    return type_it


APP = """
import os, time
from prices_of_the_app import PRICES

def handler(event, context):
    time.sleep(0.2)
    print("order", event)
    if event.get("slow"):
        time.sleep(60)
    return {"price": PRICES[event.get("article", "bell")], "stage": os.environ.get("STAGE")}
"""

SHOP = """
import sys
import lambdalab as ll

print("making the shop")
lab = ll.Lab(seed=7)
orders = lab.sqs.create_queue("orders", visibility_timeout=60)

@lab.function(dead_letter_queue="failed")
def bill(event, context):
    if event.get("bad"):
        raise KeyError("stock")
    return event

lab.create_function("model", duration=1)
lab.create_event_source_mapping(orders, bill)

if __name__ == "__main__":
    print("arguments", sys.argv[1:])
    lab.drive(orders, ll.Every(1), count=5, payload={"a": 1})
    lab.invoke(bill, {"bad": 1}, invocation_type="Event")
"""

TEMPLATE = """
Parameters:
  Wait: {Type: Number, Default: 30}
Resources:
  Bill:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 30
      Role: arn:aws:iam::123456789012:role/bill
      Code: {ZipFile: "def handler(event, context): return event"}
  Orders:
    Type: AWS::SQS::Queue
    Properties: {QueueName: orders, VisibilityTimeout: !Ref Wait}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Bill, EventSourceArn: !GetAtt Orders.Arn}
  Network:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A handler beside a module of its own, a file that makes a lab, a template."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "prices_of_the_app.py").write_text('PRICES = {"bell": 12}\n', encoding="utf-8")
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    return tmp_path

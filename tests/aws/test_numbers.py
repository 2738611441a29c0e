"""AWS's numbers stand in the rules, and what answers an API reads them there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from lambdalab.aws import operations
from tests.aws.checked import checked

ROOM = Path(operations.__file__).parent
SMALL = {0, 1, 2}
UNITS = {60, 100, 365, 1_000, 86_400, 1_000_000}
"""What times are counted in, and per cents: only as a factor or a divisor."""
STATUSES = {int(status) for status in HTTPStatus}
OURS = {
    ("cloudwatch.py", 1970): "the year that times are counted from",
    ("constraints.py", 256): "how many shapes are remembered",
    ("kinesis_records.py", 1_000): "microseconds of a millisecond",
    ("sns_topics.py", 5): "the colons of an ARN",
    ("sqs.py", 4): "bytes that a character can have",
    ("sqs.py", 10_000): "how often one moment's loop may ask in vain",
}
"""Numbers that are no rule of AWS's, and why."""
LIMIT_IN_WORDS = re.compile(
    r"(?:at most|up to|between|maximum|less than|greater than|[<>]=|more than|\bto|\band|\{\d*,) ?"
    r"(?:or equal to )?(\d[\d,]*)\b(?!-)",
    re.IGNORECASE,
)
FORMS = {("cloudwatch.py", r"p(\d{1,2}(?:\.\d{1,10})?|100)\Z"): "how a percentile is written"}


def modules() -> list[Path]:
    return sorted(ROOM.glob("*.py"))


def _within(nodes: list[ast.AST]) -> set[int]:
    return {id(inner) for node in nodes for inner in ast.walk(node)}


def excused(tree: ast.Module) -> tuple[set[int], set[int]]:
    """By id: the constants that are places or statuses, and those that are units."""
    places: list[ast.AST] = []
    statuses: list[ast.AST] = []
    units: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            places.append(node.slice)
        elif isinstance(node, ast.Call) and "ApiError" in ast.unparse(node.func):
            statuses += node.args
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Compare | ast.arg):
            if "status" in ast.unparse(node):
                statuses.append(node)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            statuses.append(node.elts[1])  # a code and its status
        elif isinstance(node, ast.Dict):
            statuses += [
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None and "StatusCode" in ast.unparse(key)
            ]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv):
            units |= {id(node.left), id(node.right)}
        elif isinstance(node, ast.FunctionDef):
            names = [each.arg for each in node.args.args]
            defaults = node.args.defaults
            statuses += [
                value
                for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True)
                if name in ("status", "unknown")
            ] + [each for each in node.args.kw_defaults if isinstance(each, ast.Tuple)]
    found = {
        id(inner)
        for node in statuses
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and inner.value in STATUSES
    }
    return _within(places) | found, units


def numbers(source: str) -> Iterator[tuple[int, float]]:
    """The lines and values of numbers that could be a rule of AWS's."""
    tree = ast.parse(source)
    fine, units = excused(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
            continue
        if node.value in SMALL or id(node) in fine:
            continue
        if id(node) in units and node.value in UNITS:
            continue
        yield node.lineno, node.value


def limits_in_texts(source: str) -> Iterator[tuple[int, str]]:
    """The lines and texts (but those that explain) that tell a number as a limit."""
    tree = ast.parse(source)
    told = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings, also of constants
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            for found in LIMIT_IN_WORDS.finditer(node.value):
                if int(found[1].replace(",", "")) not in SMALL:
                    yield node.lineno, node.value


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.name)
def test_no_number_of_awss_stands_outside_the_rules(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    bare = [
        f"{path.name}:{line}: {value}"
        for line, value in numbers(source)
        if (path.name, value) not in OURS
    ]
    bare += [
        f"{path.name}:{line}: {text!r}"
        for line, text in limits_in_texts(source)
        if (path.name, text) not in FORMS
    ]
    assert not bare, "a rule with unit, date and source belongs into api_rules.py"


def test_every_excuse_is_needed() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in modules()}
    seen = {(name, value) for name in sources for _, value in numbers(sources[name])}
    assert set(OURS) <= seen
    texts = {(name, text) for name in sources for _, text in limits_in_texts(sources[name])}
    assert set(FORMS) <= texts


@pytest.mark.parametrize(
    "code",
    [
        "_MOST = 1_000",
        "page(items, token, 50, refusal)",
        "if period % 60: pass",
        "if len(tags) > 400: pass",
        "LIFE = 600 * US",
        "x = min(call.get('Limit', 100), 100)",
        "share = 0.25",
    ],
)
def test_the_search_finds_a_number(code: str) -> None:
    assert list(numbers(code))


@pytest.mark.parametrize(
    "code",
    ["told = 'It can be at most 80 letters long.'", "told = 'between 1 and 10'",
     "form = r'[a-z]{1,80}'", "told = 'must be <= 900.'"],
)  # fmt: skip
def test_the_search_finds_a_limit_in_words(code: str) -> None:
    assert list(limits_in_texts(code))


@pytest.mark.parametrize(
    "code",
    ["raise ApiError('No', 'no', 404)", "call.status = 204", "ms = at // 1_000", "h[8:12]",
     "if status >= 300: pass", "unknown = ('QueueDoesNotExist', 400)"],
)  # fmt: skip
def test_the_search_knows_what_is_no_rule(code: str) -> None:
    assert not list(numbers(code))


# ------------------------------------------------------------------ that they are read


def test_a_changed_quota_changes_what_the_api_does() -> None:
    lab = ll.Lab(quotas={"sqs_list_page": 3, "kinesis_list_page": 2, "s3_list_keys": 1})
    sqs, kinesis, s3 = (checked(lab.client(each)) for each in ("sqs", "kinesis", "s3"))
    with pytest.raises(sqs.exceptions.ClientError, match="Must be between 1 and 3"):
        sqs.list_queues(MaxResults=4)
    for name in ("a", "b", "c"):
        lab.kinesis.create_stream(name)
    assert kinesis.list_streams(Limit=50)["StreamNames"] == ["a", "b"]  # a page has no more
    assert kinesis.list_streams(Limit=1)["StreamNames"] == ["a"]
    bucket = lab.s3.create_bucket("photos")
    bucket.put_object("one", b"1")
    bucket.put_object("two", b"2")
    assert s3.list_objects_v2(Bucket="photos")["IsTruncated"]


def test_a_queues_own_longest_message_counts_attributes_too() -> None:
    lab = ll.Lab()
    sqs = checked(lab.client("sqs"))
    url = sqs.create_queue(QueueName="small", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    long = {"note": {"DataType": "String", "StringValue": "x" * 1_100}}
    with pytest.raises(sqs.exceptions.ClientError, match="shorter than 1024 bytes"):
        sqs.send_message(QueueUrl=url, MessageBody="hi", MessageAttributes=long)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1_024)
    with pytest.raises(sqs.exceptions.ClientError, match="shorter than 1024 bytes"):
        sqs.send_message(QueueUrl=url, MessageBody="é" * 513)

"""The pages of the site that are made from the package: its rules, and the tables of a trace.

`pages()` gives each as (name, MyST text); `tools/make_docs.py` puts them with the others.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Any

import docs_columns
import pandas as pd

import lambdalab as ll
from lambdalab import api_rules, source_rules, trigger_rules
from lambdalab import rules as lambda_rules
from lambdalab.rules import RULES, Rule, Rules
from lambdalab.trace import codes
from lambdalab.trace.tables import TABLES

AWS = "https://docs.aws.amazon.com/"
GUIDES = {
    "dg": "lambda/latest/dg",
    "apigw": "apigateway/latest/developerguide",
    "cloudformation": "AWSCloudFormation/latest/UserGuide",
    "cloudfront": "AmazonCloudFront/latest/DeveloperGuide",
    "codecommit": "codecommit/latest/userguide",
    "cognito": "cognito/latest/developerguide",
    "config": "config/latest/developerguide",
    "ddg": "amazondynamodb/latest/developerguide",
    "ebug": "eventbridge/latest/userguide",
    "elb": "elasticloadbalancing/latest/application",
    "firehose": "firehose/latest/dev",
    "kdg": "streams/latest/dev",
    "logs": "AmazonCloudWatch/latest/logs",
    "s3ug": "AmazonS3/latest/userguide",
    "scheduler": "scheduler/latest/UserGuide",
    "snsdg": "sns/latest/dg",
}
_PAGE = re.compile(rf"\b({'|'.join(GUIDES)})/([\w-]+)")
_BARE = re.compile(r"(?<![\w/.])(?:https://)?((?:aws\.amazon\.com|github\.com)/[\w./-]*\w)")

LAMBDA = "Functions, invocations and environments"
GROUPS = (
    ("SQS", source_rules.SQS),
    ("Kinesis", source_rules.KINESIS),
    ("DynamoDB", source_rules.DYNAMODB),
    ("Event source mappings", source_rules.MAPPINGS),
    ("Event source mappings of streams", source_rules.STREAM_MAPPINGS),
    ("API Gateway", trigger_rules.API_GATEWAY),
    ("Function URLs", trigger_rules.FUNCTION_URLS),
    ("Load balancers", trigger_rules.LOAD_BALANCERS),
    ("S3", trigger_rules.S3),
    ("SNS", trigger_rules.SNS),
    ("EventBridge", trigger_rules.EVENTBRIDGE),
    ("Schedules", trigger_rules.SCHEDULER),
    ("Cognito, Firehose, CloudFront, Logs, CodeCommit, CloudFormation, Config", trigger_rules.THIN),
    ("SDK clients", trigger_rules.CALLERS),
    ("APIs: CloudWatch", api_rules.CLOUDWATCH),
    ("APIs: CloudWatch Logs", api_rules.LOGS),
    ("APIs: Lambda", api_rules.LAMBDA),
    ("APIs: SQS", api_rules.SQS),
    ("APIs: SNS", api_rules.SNS),
    ("APIs: Kinesis", api_rules.KINESIS),
    ("APIs: DynamoDB", api_rules.DYNAMODB),
    ("APIs: S3, Firehose, EventBridge, Scheduler", api_rules.OTHERS),
)
"""The tables of the page of rules. What no list has is Lambda's own."""


def pages() -> dict[str, str]:
    """The text of each page by its path below `docs/`, without the suffix."""
    return {"reference/rules": rules_page(), "reference/tables": tables_page()}


# ---- rules


def rules_page() -> str:
    """Every rule: value, unit, since when, source."""
    usual = Rules.as_of()
    parts = [
        "# Rules and quotas\n",
        f"Every number that lambdalab follows: {len(RULES)} of them, as they were on {usual.date}, the "
        'date whose rules a lab has unless it is told otherwise (`Lab(rules="latest")`, or any day since '
        f"{lambda_rules.EARLIEST}). Where a number has another value on other days, the days stand with "
        "it, and that of the usual date is bold. "
        '`Lab(quotas={"account_concurrency": 5000})` changes any of them by name, and '
        '`lab.rules.describe("timeout_maximum")` tells one line of this page.\n',
        "`choice`: AWS documents no number, and the most plausible one is taken; `measured`: published "
        "measurements; `botocore` with an operation: AWS's own model of its API. A page of AWS's guides "
        "is a link.\n",
    ]
    parts.append("```{eval-rst}\n.. autoclass:: lambdalab.Rules\n   :members:\n```\n")
    for heading, names in _grouped():
        rows = [_rule_row(RULES[name], usual.date) for name in names]
        parts += [f"## {heading}\n", _table(("rule", "value", "source"), rows)]
    return "\n".join(parts)


def _grouped() -> Iterator[tuple[str, list[str]]]:
    listed = [(heading, [row["name"] for row in rows]) for heading, rows in GROUPS]
    taken = {name for _, names in listed for name in names}
    yield LAMBDA, [name for name in RULES if name not in taken]
    yield from listed


def _rule_row(rule: Rule, day: dt.date) -> tuple[str, str, str]:
    """Name; value, or values with their days, that of ``day`` bold; source and note."""
    lines, before = [], None
    for (since, value), (until, _) in zip(
        rule.values, [*rule.values[1:], (None, None)], strict=True
    ):
        told = _value(_news(value, before), rule.unit)
        days = f"{_days(since, until)}: " if len(rule.values) > 1 else ""
        holds = since <= day and (until is None or day < until)
        lines.append(f"**{days.strip(': ')}**: {told}" if holds and days else days + told)
        before = value
    note = f"<br>{_plain(rule.note)}" if rule.note else ""
    return f"[`{rule.name}`]{{#{rule.name}}}", "<br>".join(lines), f"{_linked(rule.source)}{note}"


def _days(since: dt.date, until: dt.date | None) -> str:
    """From when to when a value holds."""
    if since == lambda_rules.EARLIEST:
        return f"until {until - dt.timedelta(days=1)}" if until else ""
    return f"{since} to {until - dt.timedelta(days=1)}" if until else f"from {since}"


def _news(value: Any, before: Any) -> Any:
    """Of a value of many parts only what is new."""
    if not isinstance(value, dict) or before is None:
        return value
    return {key: known for key, known in value.items() if before.get(key) != known}


def _value(value: Any, unit: str) -> str:
    """A value as people read it, with its unit."""
    if isinstance(value, dict):
        parts = [
            f"{' '.join(key) if isinstance(key, tuple) else key}: {_number(known)}"
            for key, known in value.items()
        ]
        return "<br>".join([_plain(unit), *parts])
    if isinstance(value, bool):
        return "yes" if value else "no"
    told = _number(sorted(value) if isinstance(value, frozenset) else value)
    speaks = unit in ("wording", "qualifier", "runtime", "runtimes", "condition", "names")
    return told if speaks else f"{told} {_plain(unit)}"


def _number(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_number, value))
    if isinstance(value, str):
        return f"`{value}`" if value else "nothing"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _linked(source: str) -> str:
    """A source, with the pages of AWS's guides as links."""
    links: list[str] = []

    def keep(text: str, address: str) -> str:
        links.append(f"[{text}]({address})")
        return f"\0{len(links) - 1}\0"

    told = _BARE.sub(lambda m: keep(_short(m[1]), f"https://{m[1]}"), source)
    told = _PAGE.sub(lambda m: keep(m[0], f"{AWS}{GUIDES[m[1]]}/{m[2]}.html"), told)
    return re.sub("\0(\\d+)\0", lambda m: links[int(m[1])], _plain(told))


def _short(address: str) -> str:
    """An address with a breaking point after each slash: nothing is wider than a telephone."""
    return address.replace("/", "/<wbr>").replace("-", "-<wbr>")


def _plain(text: str) -> str:
    """Text that holds no markup."""
    return re.sub(r"([\\`*_\[\]<|$])", r"\\\1", text)


# ---- tables


def tables_page() -> str:
    """Every table of a trace, its columns, and the words that they may hold."""
    trace = ll.Lab().trace
    short = trace.short
    parts = [
        "# Tables of a trace\n",
        "`lab.trace` has a DataFrame for each question; an empty one has its columns and types too. "
        "Times are UTC; columns that end in `_ms` are milliseconds, `_bytes` bytes, `_mb` MB, `_usd` "
        "US dollars. `lab.trace.short` has the same tables as people read them: at most nine columns, "
        "seconds from the lab's start, short ids (r2, e1, b3, m12). Why a thing happened stands in "
        "`cause`; the [words](#words) that such columns may hold are listed below.\n",
        "What the figures of `summary()` and `metrics()` mean is told at {py:class}`~lambdalab.Trace`.\n",
    ]
    for name in (*TABLES, "batch_records"):
        frame = getattr(trace, name)
        says = (getattr(type(trace), name).__doc__ or "").strip()
        rows = [
            (f"`{column}`", _type(frame[column]), _plain(docs_columns.meaning(name, column)))
            for column in frame.columns
        ]
        parts += [f"## {name}\n", f"{says.splitlines()[0].replace('``', '`')}\n"]
        parts.append(_table(("column", "type", "meaning"), rows))
        if name in TABLES:
            view = ", ".join(f"`{column}`" for column in getattr(short, name).columns)
            parts.append(f"`trace.short.{name}` has: {view}.\n")
        parts += list(_causes(name, frame))
    parts += ["## Words\n", "What the columns that hold words may say, and what each word means.\n"]
    parts += list(_words())
    return "\n".join(parts)


def _type(column: pd.Series[Any]) -> str:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        for name, closed in codes.CLOSED_LISTS.items():
            if closed is not codes.Cause and list(kind.categories) == list(closed.names):
                return f"[word](#words-{name.lower()})"
        return "[word](#words-cause)"
    if isinstance(kind, pd.DatetimeTZDtype):
        return "time"
    letter = getattr(kind, "kind", "O")
    return {"i": "integer", "f": "number", "b": "yes or no"}.get(letter, "text")


def _causes(name: str, frame: pd.DataFrame) -> Iterator[str]:
    """Which causes a table may hold."""
    if "cause" in frame and list(frame["cause"].cat.categories) != list(codes.BatchCause.names):
        words = ", ".join(f"[{word}](#cause-{word})" for word in frame["cause"].cat.categories)
        yield f"Its causes may be: {words}.\n"


def _words() -> Iterator[str]:
    for name, closed in codes.CLOSED_LISTS.items():
        says = re.sub(r" \(:class:`\w+`\)|:class:`(\w+)`", r"\1", (closed.__doc__ or "").strip())
        yield f"(words-{name.lower()})=\n### {_spaced(name)}\n"
        yield f"{says.splitlines()[0].replace('``', '`')}\n"
        anchored = closed is codes.Cause
        rows = [
            (
                f"[`{word}`]{{#cause-{word}}}" if anchored else f"`{word}`" if word else "(empty)",
                _plain(meaning),
            )
            for word, meaning in closed.meanings.items()
        ]
        yield _table(("word", "meaning"), rows)


def _spaced(name: str) -> str:
    """``BatchCause`` as people write it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

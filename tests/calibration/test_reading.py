"""Whatever people have of their logs: texts, files, answers of the API, exports, tables, traces."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.calibration import Calibration
from lambdalab.errors import InvalidSetting


@pytest.fixture(scope="module")
def lab() -> ll.Lab:
    """Some runs of a model, warm and cold."""
    lab = ll.Lab(seed=3)
    lab.create_function("orders", duration=ll.LogNormal(p50=0.12, p99=0.8), memory_size=256)
    lab.drive("orders", ll.Poisson(rate=1 / 200), count=60)
    lab.run()
    return lab


@pytest.fixture(scope="module")
def logs(lab: ll.Lab) -> pd.DataFrame:
    return lab.trace.logs


def events(logs: pd.DataFrame) -> list[dict[str, object]]:
    """As filter_log_events answers them."""
    return [
        {
            "logStreamName": row.log_stream,
            "timestamp": row.at.value // 1_000_000,
            "message": f"{row.message}\n",
        }
        for row in logs.itertuples()
    ]


def insights(logs: pd.DataFrame, lab: ll.Lab) -> pd.DataFrame:
    """As Logs Insights exports it."""
    table = lab.trace.attempts
    reports = logs[logs["message"].str.startswith("REPORT")].reset_index(drop=True)
    return pd.DataFrame(
        {
            "@timestamp": table["ended_at"].dt.strftime("%Y-%m-%d %H:%M:%S.%f").str[:-3],
            "@requestId": table["request_id"],
            "@logStream": reports["log_stream"],
            "@duration": table["duration_ms"].round(2),
            "@initDuration": table["init_ms"].round(2).where(table["cold_start"]),
            "@billedDuration": table["billed_ms"],
            "@memorySize": table["memory_mb"] * 1e6,
            "@maxMemoryUsed": table["max_memory_mb"] * 1e6,
            "@log": "123456789012:/aws/lambda/orders",
        }
    )


def same(fit: Calibration, lab: ll.Lab, name: str, known: bool = True) -> None:
    """The fit is that of the lab's own runs (times are told to the millisecond)."""
    table = lab.trace.attempts
    found = fit[name]
    assert list(fit) == [name]
    assert len(found.runs) == len(table) == 60
    assert found.cold_starts == table["cold_start"].sum()
    took = found.runs["duration_ms"].to_numpy()
    assert took == pytest.approx(table["duration_ms"].to_numpy(), abs=0.011)
    assert found.memory_size == 256
    assert found.idle_expiry is not None
    assert found.idle_expiry.known == known
    assert found.idle_expiry.contradictions == 0
    assert found.idle_expiry.low < 600 < found.idle_expiry.high
    assert (found.runs["ended_at"] - table["ended_at"]).abs().max() <= pd.Timedelta("1ms")


def test_a_trace_and_its_tables(lab: ll.Lab, logs: pd.DataFrame) -> None:
    for given in (lab.trace, lab.trace.attempts, logs):
        same(ll.calibrate(given), lab, "orders")


def prefixed(logs: pd.DataFrame) -> list[str]:
    """As `aws logs tail` prints them."""
    return [f"{row.at.isoformat()} {row.log_stream} {row.message}" for row in logs.itertuples()]


def test_lines_and_texts(lab: ll.Lab, logs: pd.DataFrame) -> None:
    lines = prefixed(logs)
    for given in (lines, iter(lines), "\n".join(lines), ["\n".join(lines)]):
        same(ll.calibrate(given, function="f"), lab, "f")
    assert list(ll.calibrate(lines)) == ["function"], "no line tells whose it is"


def test_without_streams_environments_are_reconstructed(lab: ll.Lab, logs: pd.DataFrame) -> None:
    lines = [f"{row.at.isoformat()} {row.message}" for row in logs.itertuples()]
    same(ll.calibrate(lines), lab, "function", known=False)


def test_answers_of_the_api(lab: ll.Lab, logs: pd.DataFrame) -> None:
    found = events(logs)
    for given in (found, {"events": found}, json.dumps({"events": found}), pd.DataFrame(found)):
        same(ll.calibrate(given, function="orders"), lab, "orders")


def test_cells_that_are_empty_name_nobody() -> None:
    """A table with gaps: no environment called nan, no function called None."""
    report = REPORT.format("a")
    table = pd.DataFrame({"message": [report], "logStreamName": [None], "function": [float("nan")]})
    event = {"message": report, "logStreamName": None, "logGroup": None, "timestamp": None}
    for given in (table, [event]):
        fit = ll.calibrate(given)
        assert list(fit) == ["function"]
        assert fit.runs["environment_id"].tolist() == [""]


def test_insights_in_every_form(lab: ll.Lab, logs: pd.DataFrame, tmp_path: Path) -> None:
    table = insights(logs, lab)
    rows = json.loads(table.to_json(orient="records"))
    answer = {
        "results": [
            [{"field": k, "value": str(v)} for k, v in row.items() if v is not None] for row in rows
        ]
    }
    export = tmp_path / "export.csv"
    table.to_csv(export, index=False)
    document = tmp_path / "export.json"
    document.write_text(json.dumps(rows))
    for given in (table, export, str(export), document, rows, answer, table.to_csv(index=False)):
        same(ll.calibrate(given), lab, "orders")


def test_files(lab: ll.Lab, logs: pd.DataFrame, tmp_path: Path) -> None:
    text = "\n".join(prefixed(logs))
    plain, packed = tmp_path / "orders.log", tmp_path / "orders.log.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    console = tmp_path / "console.csv"  # "Download search results (CSV)"
    rows = pd.DataFrame(events(logs))[["timestamp", "message"]]
    rows.to_csv(console, index=False)
    for path in (plain, packed, str(plain)):
        same(ll.calibrate(path, function="orders"), lab, "orders")
    same(ll.calibrate(console, function="orders"), lab, "orders", known=False)


def test_json_lines() -> None:
    lab = ll.Lab(seed=3)
    lab.create_function("orders", duration=0.5, memory_size=256, log_format="JSON")
    lab.drive("orders", ll.Poisson(rate=1 / 200), count=60)
    lab.run()
    messages = lab.trace.logs["message"].tolist()
    same(ll.calibrate("\n".join(messages)), lab, "orders", known=False)
    same(ll.calibrate(json.dumps([json.loads(m) for m in messages])), lab, "orders", known=False)


def test_two_functions_in_one_log() -> None:
    lab = ll.Lab(seed=3)
    for name, rate in (("seldom", 0.01), ("often", 0.1)):
        lab.create_function(name, duration=0.2)
        lab.drive(name, ll.Poisson(rate=rate), duration=3600)
    lab.run()
    fit = ll.calibrate(lab.trace.logs)
    assert list(fit) == ["often", "seldom"], "the busiest first"
    assert len(fit) == 2
    assert len(fit["seldom"].runs) + len(fit["often"].runs) == len(lab.trace.attempts)


REPORT = "REPORT RequestId: {} Duration: 5.00 ms Billed Duration: 5 ms Memory Size: 128 MB"


def test_what_was_left_out_is_counted() -> None:
    """Two runs of one second apart are two; one line that stands there twice is one."""
    lines = [
        "hello", f"2025-01-07T00:00:01Z {REPORT.format('a')}",
        f"2025-01-07T00:00:01Z {REPORT.format('a')}",
        f"2025-01-07T00:00:02Z {REPORT.format('a')}", "REPORT RequestId: b Billed Duration: 3 ms",
    ]  # fmt: skip
    fit = ll.calibrate(lines)
    assert (len(fit.runs), fit.skipped, fit.broken, fit.repeated) == (2, 1, 1, 1)
    heading = repr(fit).splitlines()[0]
    assert heading == (
        "Calibration: 2 runs of 1 function; 1 other line left out; 1 broken REPORT line left out; "
        "1 run stood there twice"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hello\nworld", "2 lines were looked at, and none is a REPORT"),
        ("REPORT RequestId: b Billed Duration: 3 ms\n", "1 REPORT lines have no duration"),
        ([], "0 lines were looked at"),
        (["a", 3], "a list with a int"),
        (3, "reports='int'"),
        (b"REPORT", "reports='bytes'"),
        ("nowhere.log", "there is no such file"),
        (Path("nowhere.csv"), "there is no such file"),
        ([{}], "it has: none"),
        ('{"events": []}', "a document of 0 parts"),
        (pd.DataFrame({"message": ["hello"]}), "1 lines were looked at"),
        (pd.DataFrame({"@duration": [None]}), "none of 1 rows has one"),
        ("@timestamp,@duration\n", "none of 0 rows has one"),
    ],
)
def test_what_cannot_be_read_says_why(given, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        ll.calibrate(given)


def test_a_name_that_is_none() -> None:
    with pytest.raises(InvalidSetting, match="function=3"):
        ll.calibrate(REPORT.format("a"), function=3)

"""Random labs keep the books and the rules, and the reckoner that says so can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lambdalab import Burst, Lab
from lambdalab.trace.causes import CAUSES
from lambdalab.trace.codes import Cause
from tests.world.elsewhere import ELSEWHERE
from tests.world.reading import TABLES, Books, Difference, Past
from tests.world.reckoner import check
from tests.world.worlds import START, World

SEED = "unit"
TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("number", range(25))
def test_a_random_lab_is_as_reckoned(number: int) -> None:
    World(SEED, number).play()


def test_a_world_repeats() -> None:
    worlds = [World(SEED, 3) for _ in range(2)]
    for world in worlds:
        world.play()
    first, second = (world.lab.trace.digest() for world in worlds)
    assert first == second


def test_what_random_labs_do_not_reach_is_shown_elsewhere() -> None:
    """Each cause that is left to others is a documented one, and its test is there."""
    documented = {(table, Cause.names[code]) for table, codes in CAUSES.items() for code in codes}
    assert set(ELSEWHERE) <= documented
    for where in set(ELSEWHERE.values()):
        file, _, name = where.partition("::")
        if name:
            assert f"def {name}(" in (TESTS.parent / file).read_text(encoding="utf-8"), where
        else:
            assert where.startswith("never: ")


# ---------------------------------------------------------------- the reckoner can fail

SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("queue", "done"): {},
    ("function", "ready"): {"duration": 0.1, "init": 0.2},
    ("function", "fails"): {
        "duration": 0.3, "init": 0.2, "failure_rate": 1.0, "dead_letter_queue": "letters",
    },
    ("function", "busy"): {
        "duration": 4, "timeout": 9, "reserved_concurrency": 1, "idle_expiry": 5, "on_success": "done",
    },
    ("queue", "orders"): {
        "visibility_timeout": 12, "dead_letter_queue": "failed", "max_receive_count": 2,
    },
    ("queue", "failed"): {"retention": 3600},
    ("mapping", "orders->fails"): {"batch_size": 3, "maximum_batching_window": 2},
}  # fmt: skip


def history() -> tuple[Any, Past, int]:
    """A lab with something of everything; its tables, its settings and its time."""
    past, lab = Past({}, "2025-01-07"), Lab(seed=3)
    for (kind, name), settings in SETTINGS.items():
        past.note(kind, name, 0, settings)
        if kind == "function":
            lab.create_function(name, **settings)
        elif kind == "queue":
            lab.sqs.create_queue(name, **settings)
    lab.create_event_source_mapping("orders", "fails", **SETTINGS["mapping", "orders->fails"])
    lab.publish_version("ready")
    lab.put_provisioned_concurrency("ready", "1", 1)
    past.note("version", "ready:1", 0, SETTINGS["function", "ready"])
    past.note("provisioned", "ready:1", 0, {"requested": 1})
    lab.drive("ready:1", Burst(1, at=200))
    lab.drive("fails", Burst(2), invocation_type="Event")
    lab.drive("busy", Burst(3), invocation_type="Event")
    lab.drive("busy", Burst(2, at=1.0))
    lab.drive("orders", Burst(4, at=0.5))
    lab.run(until=400)
    tables = {name: getattr(lab.trace, name) for name in TABLES}
    return tables, past, 400_000_000


@pytest.fixture(scope="module")
def told() -> tuple[Any, Past, int]:
    return history()


def reckon(told: tuple[Any, Past, int], **tampered: pd.DataFrame) -> None:
    tables, past, now = told
    check(Books(SimpleNamespace(**(tables | tampered)), START, now, past))


def test_what_the_lab_tells_is_right(told: tuple[Any, Past, int]) -> None:
    reckon(told)


def row_of(frame: pd.DataFrame, **values: Any) -> int:
    """The first row with these values."""
    chosen = pd.Series(True, index=frame.index)
    for column, value in values.items():
        chosen &= frame[column] == value
    return int(frame.index[chosen][0])


Change = Callable[[pd.DataFrame], pd.DataFrame]


def swap(column: str, value: Any, **where: Any) -> Change:
    """Another value in one column of the first row that ..."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        frame.loc[row_of(frame, **where), column] = value
        return frame

    return change


def shift(columns: str, ms: float, **where: Any) -> Change:
    """Times later by so many milliseconds, or numbers greater."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame, row = frame.copy(), row_of(frame, **where)
        for column in columns.split():
            by = pd.Timedelta(milliseconds=ms) if "at" in column.split("_") else ms
            frame.loc[row, column] += by
        return frame

    return change


def drop(**where: Any) -> Change:
    """A row less."""
    return lambda frame: frame.drop(index=row_of(frame, **where)).reset_index(drop=True)


def twice(**where: Any) -> Change:
    """A row told twice."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        row = row_of(frame, **where)
        return pd.concat([frame.loc[:row], frame.loc[row:]], ignore_index=True)

    return change


FAILS, BUSY = "fails (events)", "busy (events)"
EVENTS, IDLE, OLD = "queue_events", "idle_expiry", "event_age_exceeded"
TAMPERED: dict[str, tuple[str, Change]] = {
    "a retry a second late": (EVENTS, shift("at age_ms", 1000, cause="retry_after_error")),
    "a retry that waits 3 s more": (EVENTS, shift("delay_ms", 3000, action="retry_scheduled")),
    "a back-off of half a second": (EVENTS, swap("delay_ms", 500.0, action="throttled")),
    "a bill a millisecond higher": ("attempts", shift("billed_ms", 1, function="busy")),
    "a price a nano-dollar higher": ("attempts", shift("cost_usd", 2e-9, function="busy")),
    "a run a microsecond longer": ("attempts", shift("duration_ms", 0.001, function="busy")),
    "an attempt that is gone": ("attempts", drop(attempt=2)),
    "an event that is gone": (EVENTS, drop(queue=FAILS, action="dropped")),
    "a dead letter that is gone": (EVENTS, drop(queue=FAILS, action="dead_lettered")),
    "a record that is gone": (EVENTS, drop(action="delivered")),
    "a record that never arrived": (EVENTS, drop(cause="destination")),
    "another version": ("invocations", swap("executed_version", "$LATEST", qualifier="1")),
    "a provisioned run told as on demand": (
        "attempts",
        swap("init_type", "on_demand", function="ready"),
    ),
    "more than was asked for": ("scaling", swap("after", 2, kind="provisioned")),
    "ready before it was prepared": ("scaling", shift("at", -70_000, kind="provisioned")),
    "an event told twice": (EVENTS, twice(queue=BUSY, action="throttled")),
    "given up for another cause": (EVENTS, swap("cause", OLD, action="dropped")),
    "an end of another cause": ("invocations", swap("cause", OLD, cause="retries_exhausted")),
    "another limit's throttle": ("scaling", swap("cause", "throttled_account", kind="throttle")),
    "a throttle with another limit": ("scaling", swap("before", 2, kind="throttle")),
    "a throttle when nobody ran": ("scaling", shift("at", 60_000, kind="throttle")),
    "a throttle that is gone": ("scaling", drop(kind="throttle")),
    "a cold start that is gone": ("scaling", drop(cause="cold_start")),
    "a reservation that is gone": ("scaling", drop(kind="limit")),
    "a warm start told as cold": ("attempts", swap("cold_start", True, cold_start=False)),
    "idle for too long": ("environments", shift("ended_at", 1, ended_because=IDLE)),
    "ended for nothing": ("environments", swap("ended_because", "crashed", ended_because=IDLE)),
    "a full batch told as a window": (
        "batches",
        swap("cause", "batching_window", cause="batch_size"),
    ),
    "a window that was longer": ("batches", shift("flushed_at", 1, cause="batching_window")),
    "a window that began before": (
        "batches",
        shift("window_opened_at", -1, cause="batching_window"),
    ),
    "a batch with one record more": ("batches", shift("records", 1, cause="batching_window")),
    "a batch of another poller": ("batches", swap("poller", 4, cause="batch_size")),
    "a batch that is gone": ("batches", drop(cause="batching_window")),
    "a failed batch told as a success": ("batches", swap("outcome", "success", outcome="failure")),
    "a message back too early": (EVENTS, shift("at age_ms", -1, action="returned")),
    "back for another cause": (EVENTS, swap("cause", "visibility_timeout", cause="batch_failed")),
    "a message that died too early": (EVENTS, swap("receive_count", 1, cause="max_receive_count")),
    "a message that never came back": (EVENTS, drop(queue="orders", action="returned")),
    "a receive that is gone": (EVENTS, drop(queue="orders", action="received")),
    "a call answered late": (
        "invocations",
        shift("completed_at", 1, invocation_type="RequestResponse", status="failed"),
    ),
    "a caller that saw something else": ("requests", swap("status_code", 500, status_code=429)),
    "a wait told longer": ("retries", shift("waited_ms", 1, lane="source")),
    "a wait that is gone": ("retries", drop(lane="service")),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_reckoner_sees(what: str, told: tuple[Any, Past, int]) -> None:
    table, change = TAMPERED[what]
    changed = change(told[0][table])
    with pytest.raises(Difference):
        reckon(told, **{table: changed})


@pytest.mark.parametrize(
    ("thing", "setting", "value"),
    [
        ("fails", "maximum_retry_attempts", 1),
        ("fails", "maximum_event_age", 60),
        ("fails", "memory_size", 256),
        ("fails", "architecture", "arm64"),
        ("fails", "dead_letter_queue", None),
        ("fails", "duration", 0.4),
        ("fails", "memory", 200),
        ("busy", "reserved_concurrency", 2),
        ("busy", "idle_expiry", 6),
        ("busy", "timeout", 3),
        ("orders", "visibility_timeout", 13),
        ("orders", "max_receive_count", 3),
        ("failed", "retention", 300),
        ("orders->fails", "batch_size", 4),
        ("orders->fails", "maximum_batching_window", 1),
        ("orders->fails", "enabled", False),
    ],
)
def test_other_settings_would_have_led_elsewhere(
    told: tuple[Any, Past, int], thing: str, setting: str, value: Any
) -> None:
    """Each setting is reckoned with: a lab that had another would not have these tables."""
    past = Past({}, "2025-01-07")
    for (kind, name), settings in SETTINGS.items():
        past.note(kind, name, 0, settings | ({setting: value} if name == thing else {}))
    with pytest.raises(Difference):
        reckon((told[0], past, told[2]))

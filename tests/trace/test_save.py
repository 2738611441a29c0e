import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, LabError
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.tables import TABLES
from tests.trace.histories import World


def full() -> Recorder:
    books = World(3, failures=0.6, lab_seed=9).run()
    books.response(1, b"\xff not text")
    books.log(10**9, 1, 1, 1, "lone surrogate \udc80, tab\t, line\nbreak, ünicode")
    books.wired("sqs", "orders", {"visibility_timeout": 30, "other": Path("x")})
    return books


@pytest.mark.parametrize("make", [full, Recorder])
def test_a_trace_comes_back_as_it_was(make: type[Recorder], tmp_path: Path) -> None:
    trace = Trace(make())
    folder = tmp_path / "with a space" / "trace"
    assert trace.save(folder, tables="csv") == folder
    again = Trace.load(folder)
    assert again.digest() == trace.digest()
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(again, table), getattr(trace, table))
    assert repr(again) == repr(trace)
    assert again._recorder.functions == trace._recorder.functions
    again.audit()


def test_what_was_saved_can_be_saved_again(tmp_path: Path) -> None:
    Trace(full()).save(tmp_path / "one", tables="csv")
    Trace.load(tmp_path / "one").save(tmp_path / "two", tables="csv")
    one, two = ((tmp_path / n / "beside.json").read_text() for n in ("one", "two"))
    assert one == two


def test_a_running_lab_can_go_on_after_a_save(tmp_path: Path) -> None:
    world = World(3, until=5_000_000)
    trace = Trace(world.run())
    trace.save(tmp_path, tables="csv")
    world.until = None
    world.run()
    trace.audit()
    assert trace.digest() != Trace.load(tmp_path).digest()


@pytest.mark.parametrize("form", ["csv", "parquet", None])
def test_other_tools_can_read_the_tables(form: str | None, tmp_path: Path) -> None:
    if form != "csv":
        pytest.importorskip("pyarrow")
    trace = Trace(World(3).run())
    trace.save(tmp_path, tables=form)
    if form == "csv":
        read = pd.read_csv(tmp_path / "attempts.csv")
    else:
        read = pd.read_parquet(tmp_path / "attempts.parquet")
    assert list(read.columns) == list(trace.attempts.columns)
    assert read.request_id.tolist() == trace.attempts.request_id.tolist()
    assert np.allclose(read.duration_ms, trace.attempts.duration_ms)


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="tables"):
        Trace(Recorder()).save(tmp_path, tables="excel")


def test_a_folder_without_a_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no trace"):
        Trace.load(tmp_path)
    (tmp_path / "beside.json").write_text("{}")
    (tmp_path / "rows.npz").write_bytes(b"nothing")
    with pytest.raises(LabError, match="no trace"):
        Trace.load(tmp_path)


@pytest.mark.parametrize("key", ["format", "words"])
def test_a_trace_of_another_version_is_refused(key: str, tmp_path: Path) -> None:
    Trace(Recorder()).save(tmp_path, tables="csv")
    beside = json.loads((tmp_path / "beside.json").read_text())
    beside[key] = {"format": 99, "words": {"Action": ["received", "sent"]}}[key]
    (tmp_path / "beside.json").write_text(json.dumps(beside))
    with pytest.raises(LabError, match="another version"):
        Trace.load(tmp_path)


def test_a_trace_travels_between_processes() -> None:
    trace = Trace(full())
    again = pickle.loads(pickle.dumps(trace))
    assert again.digest() == trace.digest()
    assert again.start == trace.start
    assert str(again.summary()) == str(trace.summary())
    assert str(copy.deepcopy(trace)) == str(trace)


def test_so_does_that_of_a_running_lab() -> None:
    with ll.Lab(seed=1) as lab:
        lab.invoke(lab.create_function("f", duration=1))
        again = pickle.loads(pickle.dumps(lab.trace))
        assert again.digest() == lab.trace.digest()

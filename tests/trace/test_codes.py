import numpy as np
import pytest

from lambdalab.trace.causes import CAUSES
from lambdalab.trace.codes import CLOSED_LISTS, Action, Cause, InvocationType
from lambdalab.trace.schema import PACKED


@pytest.mark.parametrize("name", sorted(CLOSED_LISTS))
def test_every_word_has_its_number_and_a_meaning(name: str) -> None:
    closed = CLOSED_LISTS[name]
    codes = [value for value in vars(closed).values() if type(value) is int]
    assert sorted(codes) == list(range(len(closed.names)))
    assert len(set(closed.names)) == len(closed.names) <= 128
    assert list(closed.meanings) == list(closed.names)
    assert all(meaning for meaning in closed.meanings.values())


def test_words_that_tables_spell_as_aws_does() -> None:
    assert InvocationType.names == ("RequestResponse", "Event", "DryRun")
    assert Action.names == (
        "sent", "received", "deleted", "returned", "retry_scheduled", "throttled", "filtered",
        "expired", "dead_lettered", "dropped", "delivered",
    )  # fmt: skip


@pytest.mark.parametrize("table", sorted(CAUSES))
def test_a_table_lists_each_cause_once(table: str) -> None:
    causes = CAUSES[table]
    assert len(set(causes)) == len(causes)
    assert all(0 <= cause < len(Cause.names) for cause in causes)


@pytest.mark.parametrize("name", sorted(PACKED))
def test_rows_are_packed_tightly_and_read_back(name: str) -> None:
    layout = PACKED[name]
    assert layout.size == sum(layout.dtype[field].itemsize for field in layout.dtype.names or ())
    assert all(layout.dtype[field] == np.uint16 for field in layout.name_fields)

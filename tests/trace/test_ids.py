import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import UnknownName
from lambdalab.trace.ids import LETTERS, Ids, short

KINDS = sorted(LETTERS)


@given(seed=st.integers() | st.text(max_size=5), number=st.integers(1, 99_999_999))
def test_both_forms_of_an_id_are_parsed(seed: int | str, number: int) -> None:
    ids = Ids(seed)
    for kind in KINDS:
        text = getattr(ids, kind)(number)
        assert str(uuid.UUID(text)) == text
        assert uuid.UUID(text).version == 4
        assert text.startswith(f"{number:08d}-")
        assert ids.parse(text) == ids.parse(short(kind, number)) == (kind, number)


def test_tails_differ_by_kind_and_seed() -> None:
    tails = {getattr(Ids(seed), kind)(1) for seed in (1, 2) for kind in KINDS}
    assert len(tails) == 2 * len(KINDS)


@pytest.mark.parametrize("text", ["", "r", "r0", "x3", "r2x", "r-1", "00000000", "r2\nr3"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(UnknownName, match="no id"):
        Ids(7).parse(text)


def test_an_id_of_another_lab_is_refused() -> None:
    with pytest.raises(UnknownName, match="no id of this lab: an id is r2, e1, b3, m12 or a5"):
        Ids(7).parse(Ids(8).request(1))
    with pytest.raises(UnknownName):
        Ids(7).parse("00000000" + Ids(7).request(1)[8:])


def test_they_show_both_forms() -> None:
    assert repr(Ids(7)) == f"Ids(seed=7): r2 is {Ids(7).request(2)}; likewise e1, b3, m12 and a5"


def test_none_has_no_short_form() -> None:
    assert short("request", 0) == ""


@given(first=st.integers(1, 30_000), count=st.integers(0, 20_000))
def test_a_column_of_ids_is_the_ids(first: int, count: int) -> None:
    ids = Ids(1)
    column = ids.column("message", first, first + count - 1)
    assert len(column) == count
    for place in {0, count // 2, count - 1} if count else ():
        assert column[place] == ids.message(first + place)


def test_ids_beyond_eight_digits() -> None:
    ids = Ids(1)
    assert list(ids.column("request", 99_999_999, 100_000_000)) == [
        ids.request(99_999_999),
        ids.request(100_000_000),
    ]
    assert ids.parse(ids.request(100_000_000)) == ("request", 100_000_000)


def test_log_streams_have_the_form_of_aws() -> None:
    stream = Ids(7).log_stream(3, "2025-01-07T10:00:00Z", "12")
    assert stream.startswith("2025/01/07/[12]")
    assert len(stream) == len("2025/01/07/[12]") + 32

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.trace import Recorder, Trace
from lambdalab.trace.digest import digest
from lambdalab.trace.schema import PACKED, QueueKind
from tests.trace.histories import World, change, rows_of

EMPTY = "420fbd14377410e023841e91ab4d8cdbdc75160026bab8aa6f4c1c6abf34f957"
SOME = "354dbce786880d1ccccd144dba06a9ff74331bfc9969352952db889455152ac9"


def test_the_same_run_has_the_same_digest() -> None:
    assert digest(World(3).run()) == digest(World(3).run())
    assert digest(World(3).run()) != digest(World(4).run())
    assert digest(World(3).run()) != digest(World(3, lab_seed=1).run())


def test_it_does_not_change_with_releases() -> None:
    # Whoever changes these changes the format: digests that users wrote down no longer hold.
    books = Recorder(seed=7)
    assert digest(books) == EMPTY
    books.queue("orders", QueueKind.SQS)
    books.invocation(books.name("bill"), 0, 0, books.name("client"), 0, 0, 1_000, 2)
    books.log(5, 0, 0, 1, "hello")
    assert digest(books) == SOME


@given(
    table=st.sampled_from([name for name in PACKED if name != "logs"]),
    row=st.integers(0, 3),
    data=st.data(),
)
def test_any_changed_field_changes_it(table: str, row: int, data: st.DataObject) -> None:
    books = World(3, calls=6, events=6, messages=6, failures=0.6).run()
    before = digest(books)
    field = data.draw(st.sampled_from(PACKED[table].dtype.names or ()))
    value = int(rows_of(books, table)[field][row])
    other = 0 if field in PACKED[table].name_fields else value ^ 1
    if other != value:
        change(books, table, row, **{field: other})
        assert digest(books) != before


def test_the_order_in_which_names_were_met_does_not_count() -> None:
    def run(*names: str) -> str:
        books = Recorder()
        for name in names:
            books.name(name)
        books.queue("orders", QueueKind.SQS)
        books.invocation(books.name("bill"), 0, 0, books.name("client"), 0, 0, 0, 2)
        return digest(books)

    assert run() == run("client", "bill") == run("never used", "orders")


def test_texts_count_but_not_addresses() -> None:
    def run(text: str) -> str:
        books = Recorder()
        books.invocation(books.name("bill"), 0, 0, 0, 0, 0, 0, 2)
        books.attempt(1, 1, 1, 0, 0, 0, False, 128, 1)
        books.attempt_error(0, "KeyError", text, text.encode("utf-8", "surrogatepass"))
        books.payload(1, text.encode("utf-8", "surrogatepass"))
        books.response(1, text.encode("utf-8", "surrogatepass"))
        books.log(1, 1, 1, 1, text)
        return digest(books)

    assert run("<object at 0x7f00>") == run("<object at 0xdeadbeef>")
    assert run("a") != run("b")
    assert run("lone surrogate \udc80") == run("lone surrogate \udc80")


@pytest.mark.slow
def test_another_process_finds_the_same() -> None:
    program = "from tests.trace.histories import World\n"
    program += "from lambdalab.trace.digest import digest\nprint(digest(World(3).run()))"
    out = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert out.strip() == Trace(World(3).run()).digest()

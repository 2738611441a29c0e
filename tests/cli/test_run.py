"""`lambdalab run`: a Python file, and what is told of its labs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import lambdalab as ll
from tests.cli.conftest import Cli


def test_a_lab_is_run_to_its_end_and_told_of(cli: Cli, files: Path) -> None:
    done = cli("run", "shop.py", "--", "--rate", "20")
    assert done.code == 0
    assert done.out.startswith("making the shop\narguments ['--rate', '20']\n\nLab(seed=7) · ")
    assert "bill           8         5      3" in done.out
    assert " 1. unread dead letters · failed: " in done.out
    assert done.err == ""


def test_one_document(cli: Cli, files: Path) -> None:
    done = cli("run", "shop.py", "--json")
    (lab,) = done.json["labs"]
    assert set(lab) == {
        "name", "seed", "now", "elapsed_s", "rules", "in_flight", "summary", "findings", "digest",
    }  # fmt: skip
    assert (lab["name"], lab["seed"], lab["in_flight"]) == ("lab", 7, False)
    (bill,) = [row for row in lab["summary"] if row["name"] == "bill"]
    assert (bill["invocations"], bill["errors"]) == (8, 3)
    assert "sent" not in bill
    assert lab["findings"][0]["kind"] == "unread dead letters"
    assert done.err.startswith("making the shop\n")
    assert cli("run", "shop.py", "--json").json == done.json


def test_a_lab_stays_where_the_file_left_it(cli: Cli, files: Path) -> None:
    (lab,) = cli("run", "shop.py", "--no-run", "--json").json["labs"]
    assert (lab["elapsed_s"], lab["in_flight"]) == (0, True)


def test_what_is_kept(cli: Cli, files: Path) -> None:
    done = cli("run", "shop.py", "--save", "kept", "--flow", "flow.html", "--json")
    (lab,) = done.json["labs"]
    assert (lab["saved"], lab["flow"]) == ("kept", "flow.html")
    assert ll.Trace.load(files / "kept").digest() == lab["digest"]
    assert "<html" in (files / "flow.html").read_text(encoding="utf-8")


def test_every_lab_the_file_made_and_none_that_we_made_for_it(cli: Cli, files: Path) -> None:
    (files / "many.py").write_text(
        """
import lambdalab as ll

def main():
    lab = ll.Lab(seed=3)
    lab.create_function("f", duration=2)
    lab.invoke("f", {}, invocation_type="Event")
    lab.check()

main()
named = ll.Lab(seed=4)
same = named
ll.scenarios.batching(rate=3, seconds=5)
""",
        encoding="utf-8",
    )
    labs = cli("run", "many.py", "--json", "--save", "kept").json["labs"]
    assert [(lab["name"], lab["seed"]) for lab in labs] == [("named", 4), ("lab 1", 3)]
    assert labs[1]["summary"][0]["succeeded"] == 1, "it came to its end"
    assert labs[1]["saved"] == str(Path("kept", "lab-1"))


def test_traffic_that_never_ends_is_a_note(cli: Cli, files: Path) -> None:
    (files / "endless.py").write_text(
        "import lambdalab as ll\nlab = ll.Lab()\nlab.create_function('f', duration=1)\n"
        "lab.drive('f', ll.Every(1))\nlab.run(until=10)\n",
        encoding="utf-8",
    )
    done = cli("run", "endless.py")
    assert done.code == 0
    assert done.err.startswith("lab was not run to its end: ")


def test_the_file_finds_what_python_gives_it(cli: Cli, files: Path) -> None:
    (files / "deep").mkdir()
    (files / "deep" / "beside_the_file.py").write_text("VALUE = 1\n", encoding="utf-8")
    (files / "deep" / "scenario.py").write_text(
        """
import pickle, sys
from dataclasses import dataclass
import beside_the_file
import lambdalab as ll

@dataclass
class Order:
    number: int

lab = ll.Lab()

@lab.function
def handler(event, context):
    return pickle.loads(pickle.dumps(Order(3))).number

lab.invoke(handler, {}, invocation_type="Event")
assert sys.argv[0].endswith("scenario.py") and __name__ == "__main__"
""",
        encoding="utf-8",
    )
    before = list(sys.path), list(sys.argv), sys.modules["__main__"]
    (lab,) = cli("run", "deep/scenario.py", "--json").json["labs"]
    assert lab["summary"][0]["succeeded"] == 1
    assert (sys.path, sys.argv, sys.modules["__main__"]) == before


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("raise ValueError('no')", 1, "lambdalab run: scenario.py:1: ValueError: no\n"),
        ("import sys; sys.exit(3)", 1, "lambdalab run: scenario.py ended with status 3\n"),
        ("import sys; sys.exit(0)", 0, "scenario.py made no lab.\n"),
        ("raise KeyboardInterrupt", 130, "stopped\n"),
    ],
)
def test_how_a_file_may_end(cli: Cli, files: Path, source: str, code: int, said: str) -> None:
    (files / "scenario.py").write_text(source, encoding="utf-8")
    done = cli("run", "scenario.py")
    assert (done.code, done.err) == (code, said)


def test_wrong_words(cli: Cli, files: Path) -> None:
    assert cli("run", "nope.py").code == 2
    (files / "nothing.py").write_text("", encoding="utf-8")
    done = cli("run", "nothing.py", "--save", "kept")
    assert (done.code, done.err) == (2, "lambdalab run: nothing.py made no lab: nothing to save\n")
    assert cli("check", "shop.py", "--", "more").code == 2

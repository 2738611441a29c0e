"""`lambdalab check`: findings, what a template could not build, the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

WELL = """
import lambdalab as ll
lab = ll.Lab()
lab.create_function("f", duration=1)
"""


def test_findings_are_exit_code_1_with_what_shows_them(cli: Cli, files: Path) -> None:
    done = cli("check", "template.yaml")
    assert done.code == 1, done.err
    assert done.out.startswith("template.yaml: ")
    assert "left out: Network" in done.out
    assert " 1. visibility margin · orders->Bill (warning): 30 s leave no room" in done.out
    assert "\n 1. shown by: One message." in done.out
    assert "as advised" in done.out


def test_nothing_found_is_exit_code_0_unless_strict(cli: Cli, files: Path) -> None:
    done = cli("check", "template.yaml", "--parameter", "Wait=180")
    assert done.code == 0, done.out
    assert "nothing found: " in done.out
    assert cli("check", "template.yaml", "--parameter", "Wait=180", "--strict").code == 1
    (files / "well.py").write_text(WELL, encoding="utf-8")
    assert cli("check", "well.py", "--strict").code == 0


def test_one_document(cli: Cli, files: Path) -> None:
    found = cli("check", "template.yaml", "--json").json
    assert set(found) == {"source", "template", "findings", "rules", "not_decided"}
    assert found["template"]["built"] == ["Bill", "Mapping", "Orders"]
    assert [each["resource"] for each in found["template"]["left_out"]] == ["Network"]
    (finding,) = found["findings"]
    assert set(finding) == {"severity", "kind", "subject", "advice", "rule", "proof"}
    assert (finding["severity"], finding["proof"][0]["settings"]) == ("warning", "as it is")
    assert found["rules"] > 5
    assert cli("check", "shop.py", "--json").json["template"] is None


def test_events_and_sizes_decide_more(cli: Cli, files: Path) -> None:
    open_ends = cli("check", "shop.py", "--json").json["not_decided"]
    assert len(open_ends) == 2
    event = '{"Records": []}'
    more = cli("check", "shop.py", "--event", f"bill={event}", "--record-size", 300, "--json").json
    assert more["not_decided"] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["template.yaml", "--parameter", "Wai=1"], 1, "Wai"),
        (["template.yaml", "--event", "Bil={}"], 2, "did you mean 'Bill'?"),
        (["template.yaml", "--event", "Bill={"], 2, "--event { is not JSON"),
        (["bad.yaml"], 1, "bad.yaml"),
    ],
)
def test_what_cannot_be_checked(
    cli: Cli, files: Path, words: list[str], code: int, said: str
) -> None:
    (files / "bad.yaml").write_text("Resources: [1", encoding="utf-8")
    done = cli("check", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err

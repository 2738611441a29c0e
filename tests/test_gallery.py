"""The gallery: a page that shows every plot, and what it says where a plot has no telling run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lambdalab import plots
from tests.plots.gallery import make, shown


def test_every_plot_has_telling_runs_and_nothing_else_has() -> None:
    assert set(shown.TELLING) == set(plots.PLOTS)
    assert {*shown.ONE, *shown.MANY} <= set(plots.PLOTS)


def test_a_plot_without_a_telling_run_is_an_error(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(plots.PLOTS, "novelty", plots.timeline)
    with pytest.raises(
        shown.NoTellingRun, match=r"'novelty' has no telling run: add one to TELLING"
    ):
        make.main([str(tmp_path / "g"), "--rows", "500"])
    assert not (tmp_path / "g").exists(), "found before anything is drawn"


def test_the_page_shows_the_pictures_and_needs_no_network(tmp_path: Path, capsys) -> None:
    names = ("timeline", "receives")
    make.main([str(tmp_path), "--rows", "2000", *(part for n in names for part in ("--only", n))])
    page = (tmp_path / "index.html").read_text("utf-8")
    pictures = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page)
    kinds = ["1", "2", "empty", "one", "many"]
    expected = [f"receives-{kind}.png" for kind in kinds]
    expected += [f"timeline-{kind}.png" for kind in ("1", "2", "3", "empty", "one", "many")]
    assert [name for name, _ in pictures] == expected
    for name, alt in pictures:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert alt
    assert "Look for the hatched yellow beginnings" in page, "what the docstring says to look for"
    assert len(re.findall(r"drawn in \d+\.\d\d s", page)) == len(pictures)
    assert "http" not in page
    assert "11 pictures" in capsys.readouterr().out

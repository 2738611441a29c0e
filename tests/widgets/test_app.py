"""All explorers on one page: a menu, the chosen one, and where to read on."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from lambdalab.errors import UnknownName
from lambdalab.widgets import EXPLORERS
from lambdalab.widgets.app import (
    LESSONS,
    PAGE,
    ExplorerApp,
    asked_for,
    lesson_address,
    lesson_link,
    short,
)

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SERVED = {
    "SCRIPT_NAME": "/user/ann/voila/render/lambdalab/widgets/app/explorers.ipynb",
    "VOILA_BASE_URL": "/user/ann/",
}


def test_every_explorer_is_on_the_menu_by_its_question() -> None:
    app = ExplorerApp()
    assert [name for _, name in app._menu.options] == list(EXPLORERS)
    assert len({short(name) for name in EXPLORERS}) == len(EXPLORERS)
    for name in EXPLORERS:
        assert EXPLORERS[name].heading.startswith(short(name))


def test_only_what_was_chosen_is_built_and_it_stays_as_it_was_left() -> None:
    app = ExplorerApp()
    first = app.explorer
    assert list(app._built) == [app.chosen] == [next(iter(EXPLORERS))]
    app._menu.value = "batching"
    assert list(app._built) == ["sync_vs_async", "batching"]
    assert app._stage.children == (app.explorer,)
    app.explorer.set(rate=9.0)
    app.chosen = "sync_vs_async"
    assert app.explorer is first
    app.chosen = "batching"
    assert app.explorer.settings.rate == 9.0


def test_one_switch_for_predicting_in_all_of_them() -> None:
    app = ExplorerApp("backoff")
    app._switch.value = True
    assert app.explorer.hidden
    app.chosen = "batching"
    assert app.explorer.hidden, "one that is built later asks too"
    app.predict_first = False
    assert not app._switch.value
    assert not any(explorer.hidden for explorer in app._built.values())


def test_no_other_names() -> None:
    with pytest.raises(UnknownName, match="batching"):
        ExplorerApp("bathing")


def test_an_address_may_ask_for_an_explorer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUERY_STRING", "explore=shard")
    assert ExplorerApp().chosen == "shard"
    assert ExplorerApp("backoff").chosen == "backoff"
    assert asked_for({"QUERY_STRING": "explore=nothing"}) == asked_for({}) == ""


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_lesson_it_links_shows_the_explorer(name: str) -> None:
    lesson = nbformat.read(NOTEBOOKS / f"{LESSONS[name]}.ipynb", 4)
    source = "\n".join(cell.source for cell in lesson.cells)
    assert EXPLORERS[name].__name__ in source or f'explore("{name}"' in source


def test_a_link_where_the_server_has_the_lessons(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "lambdalab" / "widgets" / "app"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    lesson = LESSONS["batching"]
    assert lesson_address(lesson, SERVED) is None, "no lessons there"
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / f"{lesson}.ipynb").touch()
    address = f"/user/ann/lab/tree/notebooks/{lesson}.ipynb"
    assert lesson_address(lesson, SERVED) == address
    assert f'href="{address}"' in lesson_link(lesson, SERVED)
    assert lesson_address(lesson, {"SCRIPT_NAME": "/"}) is None, "Voila alone, without JupyterLab"
    assert "in a clone" in lesson_link(lesson, {})


def test_the_page_is_in_the_package_and_has_no_outputs() -> None:
    page = nbformat.read(PAGE, 4)
    nbformat.validate(page)
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    assert len(code) == 1
    assert code[0].outputs == []
    assert code[0].source.endswith("ExplorerApp()")

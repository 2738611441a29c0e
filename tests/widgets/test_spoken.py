"""What a screen reader hears: the picture in words, and a module that names what has no name."""

from __future__ import annotations

import re
from pathlib import Path

from lambdalab.widgets import BatchingExplorer, VisibilityExplorer, spoken
from lambdalab.widgets.spoken import Spoken

MODULE = Path(spoken.__file__).with_name("spoken.js")


def test_the_picture_is_told_by_its_titles() -> None:
    explorer = BatchingExplorer()
    assert explorer.spoken.picture == "8 batches of 77 messages: 6 full, 2 out of time"
    explorer.pinned = True
    explorer.preset = "window 0"
    told = "77 batches of 77 messages: 77 sent at once; pinned · 8 batches of 77 messages: 6 full, "
    assert explorer.spoken.picture.startswith(told)


def test_what_waits_for_a_guess_is_not_told() -> None:
    explorer = VisibilityExplorer(predict_first=True)
    assert explorer.spoken.picture == ""
    explorer.guess = explorer.question.answer
    assert "20 messages came again" in explorer.spoken.picture
    explorer.preset = "redrive"
    assert explorer.spoken.picture == ""


def test_the_heading_is_one() -> None:
    title = BatchingExplorer().children[0].value
    assert "role='heading'" in title
    assert BatchingExplorer.heading in title


def test_the_module_asks_nothing_of_the_network_and_names_what_has_no_name() -> None:
    text = MODULE.read_text(encoding="utf-8")
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|\bimport\b", text)
    assert "export default { render }" in text
    for word in ("aria-label", "aria-valuetext", "aria-pressed", '"alt"'):
        assert word in text
    assert repr(Spoken(picture="8 batches")) == "Spoken('8 batches')"

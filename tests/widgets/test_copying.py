"""The button that shows the code: its text form, its state, one plain module without a network."""

from __future__ import annotations

import re
from pathlib import Path

from lambdalab.widgets import copying
from lambdalab.widgets.copying import CopyButton

MODULE = Path(copying.__file__).with_name("copying.js")


def test_the_code_is_a_trait_of_the_page() -> None:
    button = CopyButton(code="import lambdalab as ll\n\nlab = ll.Lab()\n")
    assert button.trait_metadata("code", "sync")
    assert repr(button) == "CopyButton(3 lines)"
    button.code = ""
    assert repr(button) == "CopyButton(0 lines)"


def test_the_module_asks_nothing_of_the_network_and_helps_a_reader() -> None:
    text = MODULE.read_text(encoding="utf-8")
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|\bimport\b", text)
    assert "export default { render }" in text
    for word in ("aria-expanded", '"role", "status"', "aria-label", "clipboard"):
        assert word in text

"""Every Python block of the README runs, in order, and prints exactly what the README says."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A block of Python, where it begins, and the ``text`` block that follows it, if one does."""

    line: int
    source: str
    shown: str | None


def examples(text: str) -> list[Example]:
    """The Python blocks of a page of Markdown."""
    fences = list(FENCE.finditer(text))
    found = []
    for here, following in zip(fences, [*fences[1:], None], strict=True):
        if here[1] != "python":
            continue
        shown = following[2] if following is not None and following[1] == "text" else None
        found.append(Example(text.count("\n", 0, here.start(2)) + 1, here[2], shown))
    return found


def test_every_python_block_prints_what_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = examples(README.read_text(encoding="utf-8"))
    assert blocks, "the README shows no code"
    namespace: dict[str, object] = {"__name__": "__main__"}
    with mpl.rc_context({"backend": "agg"}):
        for block in blocks:
            printed = io.StringIO()
            # the line numbers of a traceback are those of the README
            source = "\n" * (block.line - 1) + block.source
            with contextlib.redirect_stdout(printed):
                exec(compile(source, str(README), "exec"), namespace)
            assert printed.getvalue().rstrip() == (block.shown or "").rstrip(), (
                f"the block at line {block.line} of README.md"
            )


def test_the_first_screen_has_what_a_newcomer_needs() -> None:
    text = README.read_text(encoding="utf-8")
    for needed in ("make demo", "make test", "python -m lambdalab demo", "docs/pictures/"):
        assert needed in text
    assert "FILL" not in text


def test_links_and_pictures_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if "://" not in target]
    assert not [target for target in local if not (README.parent / target).exists()]

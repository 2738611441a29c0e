"""Run the Python blocks of pages, each page's in order, as one program.

python tools/readme.py                     # does README.md say what its blocks print?
python tools/readme.py docs/how-to/*.md    # do these pages?
python tools/readme.py --update            # write what they print into the text blocks after them
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of Python, the line it begins at, and what the page says it prints.

    `shown` is empty, and `span` None, when no ``text`` block follows.
    """

    line: int
    source: str
    shown: str
    span: tuple[int, int] | None


def blocks(text: str) -> list[Block]:
    """The Python blocks of a page of Markdown."""
    fences = list(FENCE.finditer(text))
    found = []
    for here, following in zip(fences, [*fences[1:], None], strict=False):
        if here[1] != "python":
            continue
        line = text.count("\n", 0, here.start(2)) + 1
        if following is not None and following[1] == "text":
            found.append(Block(line, here[2], following[2], following.span(2)))
        else:
            found.append(Block(line, here[2], "", None))
    return found


def run(text: str, page: Path = README) -> Iterator[tuple[Block, str]]:
    """Each block with what it printed; lines in a traceback are those of the page.

    What the blocks write lands in the current folder.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(text):
        printed = io.StringIO()
        program = compile("\n" * (block.line - 1) + block.source, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(program, namespace)
        yield block, printed.getvalue()


def updated(text: str, page: Path = README) -> str:
    """The page with what its blocks print now."""
    pieces, end = [], 0
    for block, printed in run(text, page):
        if block.span is not None:
            pieces += [text[end : block.span[0]], printed.rstrip() + "\n"]
            end = block.span[1]
    return "".join([*pieces, text[end:]])


def differences(text: str, page: Path) -> Iterator[str]:
    """What the blocks of a page print now and did not, each with its place."""
    for block, printed in run(text, page):
        if printed.rstrip() != block.shown.rstrip():
            yield f"{page.name}:{block.line}: now prints\n{printed}"


def main() -> int:
    """Compare, or update with `--update`."""
    parser = argparse.ArgumentParser(description="Run the Python blocks of pages.")
    parser.add_argument("--update", action="store_true", help="write what they print now")
    parser.add_argument("pages", nargs="*", type=Path, default=[README])
    args = parser.parse_args()
    bad = 0
    for page in [page.resolve() for page in args.pages]:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            if args.update:
                page.write_text(updated(text, page), encoding="utf-8")
                continue
            for difference in differences(text, page):
                bad += 1
                print(difference)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())

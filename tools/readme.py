"""Run the Python blocks of README.md, in order, as one program.

python tools/readme.py            # is what each prints what the README says?
python tools/readme.py --update   # write what they print into the text blocks that follow them
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
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
    for here, following in zip(fences, [*fences[1:], None], strict=True):
        if here[1] != "python":
            continue
        line = text.count("\n", 0, here.start(2)) + 1
        if following is not None and following[1] == "text":
            found.append(Block(line, here[2], following[2], following.span(2)))
        else:
            found.append(Block(line, here[2], "", None))
    return found


def run(text: str) -> Iterator[tuple[Block, str]]:
    """Each block with what it printed; lines in a traceback are those of the page."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(text):
        printed = io.StringIO()
        program = compile("\n" * (block.line - 1) + block.source, str(README), "exec")
        with contextlib.redirect_stdout(printed):
            exec(program, namespace)
        yield block, printed.getvalue()


def updated(text: str) -> str:
    """The page with what its blocks print now."""
    pieces, end = [], 0
    for block, printed in run(text):
        if block.span is not None:
            pieces += [text[end : block.span[0]], printed.rstrip() + "\n"]
            end = block.span[1]
    return "".join([*pieces, text[end:]])


def main() -> int:
    """Compare, or update with `--update`."""
    text = README.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--update"]:
        README.write_text(updated(text), encoding="utf-8")
        return 0
    bad = 0
    for block, printed in run(text):
        if printed.rstrip() != block.shown.rstrip():
            bad += 1
            print(f"{README.name}:{block.line}: now prints\n{printed}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())

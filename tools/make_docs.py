"""Build the site: `make docs`, or

    python tools/make_docs.py            # into build/docs/html
    python tools/make_docs.py --jobs 1

The pages are gathered in build/docs/source as they lie in the clone, so that a link that works in one
works in the other: docs/, notebooks/, and the texts of the root. Notebooks lose what only a running
widget needs; its picture stands for it. A file that a page links to and that is no page (a test, a
module) comes along, to be downloaded. Then sphinx builds, every warning an error, and
tools/check_links.py checks every link. Nothing is fetched from anywhere.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import check_links
import docs_pages
import docs_quiz
import nbformat

import lambdalab as ll

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "docs"
TEXTS = ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")
WIDGET = "application/vnd.jupyter.widget-view+json"
STANDS_FOR = "*A widget: open the notebook in JupyterLab or on Binder to play with it.*"
PAGES = {".md", ".ipynb"}
LINK = re.compile(r"\[([^\[\]]*)\]\((?!\w+:|#)([^)\s]+)\)")
CELL = re.compile(r"\[([^\[\]]*)\]\((\S+\.ipynb)\) `([\w-]+)`")
ORPHAN = "---\norphan: true\n---\n\n"
HEAVY = 1_500_000  # bytes of a page with its pictures, above which it is named


def gather(root: Path, source: Path) -> None:
    """Bring the pages together in a fresh folder, as they lie in the clone."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    left_out = shutil.ignore_patterns("conf.py", "__pycache__", ".*")
    shutil.copytree(root / "docs", source / "docs", ignore=left_out)
    for name in TEXTS:
        if (root / name).is_file():
            head = ORPHAN if name == "README.md" else ""  # the landing page says as much
            text = (root / name).read_text(encoding="utf-8")
            (source / name).write_text(head + text, encoding="utf-8")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        target = source / "notebooks" / path.name
        target.parent.mkdir(exist_ok=True)
        nbformat.write(lighter(nbformat.read(path, as_version=4)), target)
    for name, text in made(root).items():
        target = source / "docs" / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    without_what_is_not_there(source)
    bring_linked(root, source)


def made(root: Path) -> dict[str, str]:
    """The pages that are made from the package."""
    pages = docs_pages.pages()
    if docs_quiz.there_is_a_quiz():
        quiz, lessons = map(importlib.import_module, ("lambdalab.quiz", "lambdalab.quiz.lessons"))
        notebooks = {path.name[:2]: path.name for path in (root / "notebooks").glob("*.ipynb")}
        pages["quiz"] = docs_quiz.quiz_page(quiz, lessons.TOPICS, notebooks)
    return pages


def without_what_is_not_there(source: Path) -> None:
    """Take patterns that match no page out of the lists of pages; and the quiz where there is none."""
    if not docs_quiz.there_is_a_quiz():
        (source / "docs/reference/quiz.md").unlink()
    for page in (source / "docs/index.md", source / "docs/reference/index.md"):
        lines = page.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not _matches_nothing(page.parent, line)]
        page.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _matches_nothing(folder: Path, line: str) -> bool:
    pattern = line.rstrip()
    if pattern != "quiz" and not re.fullmatch(r"[\w./-]+\*", pattern):
        return False
    return not any((folder / pattern).parent.glob(f"{Path(pattern).name}.*"))


def lighter(notebook: Any) -> Any:
    """A notebook without the state of its widgets: where one was, its picture and a line."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["id"] = cell.id  # docs/conf.py makes an anchor of it
            cell.outputs = [shown for output in cell.outputs for shown in _still(output)]
        elif cell is not notebook.cells[0]:
            cell.source = f'<span id="cell-{cell.id}"></span>\n\n{cell.source}'
    return notebook


def _still(output: Any) -> Iterator[Any]:
    data = output.get("data", {})
    if data.pop(WIDGET, None) is None:
        yield output
        return
    if "image/png" in data:
        data.pop("text/html", None)
        yield output
        yield nbformat.v4.new_output("display_data", {"text/markdown": STANDS_FOR})
    elif data.keys() - {"text/plain"}:
        yield output


def bring_linked(root: Path, source: Path) -> None:
    """Copy files that pages link to and that are no pages; a folder is not linked."""
    for page in sorted(source.rglob("*.md")):
        text = page.read_text(encoding="utf-8")

        def brought(match: re.Match[str], page: Path = page) -> str:
            target = match[2].partition("#")[0]
            there = (page.parent / target).resolve()
            if not there.is_relative_to(source.resolve()):
                return match[0]
            original = root / there.relative_to(source.resolve())
            if original.is_dir():
                return match[1]
            if not original.is_file() or original.suffix in PAGES:
                return match[0]
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(original, there)
            return f"[{match[1]}]({target})"  # a line of it is nothing that can be linked to

        changed = LINK.sub(brought, CELL.sub(_to_cell, text))
        if changed != text:
            page.write_text(changed, encoding="utf-8")


def _to_cell(match: re.Match[str]) -> str:
    """A notebook and the id of one of its cells, as one link."""
    page = match[2].removesuffix(".ipynb")
    return f'<a href="{page}.html#cell-{match[3]}">{match[1]} <code>{match[3]}</code></a>'


def play(path: Path) -> None:
    """The throttle trap as a page that plays by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ll.Flow(ll.scenarios.throttle_trap(messages=2000)).save(path)


def build(source: Path, html: Path, jobs: int) -> int:
    """Run sphinx on the package that is here; its exit status. A proxy to nowhere is its network."""
    shutil.rmtree(html, ignore_errors=True)
    nowhere = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    command = (
        sys.executable, "-P", "-m", "sphinx", "--quiet", "--fail-on-warning", "--nitpicky",
        "--jobs", str(jobs), "--conf-dir", str(ROOT / "docs"),
        "--doctree-dir", str(source.parent / "doctrees"), str(source), str(html),
    )  # fmt: skip
    status = subprocess.run(command, env=os.environ | nowhere, check=False).returncode
    (html / "index.html").write_text(_LANDING, encoding="utf-8")
    return status


_LANDING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>lambdalab</title>
<meta http-equiv="refresh" content="0; url=docs/index.html">
<p><a href="docs/index.html">lambdalab</a></p></html>
"""


def heavy(html: Path) -> Iterator[str]:
    """Pages that weigh more than they should, pictures included."""
    for path in sorted(html.rglob("*.html")):
        pictures = {
            (path.parent / address).resolve()
            for tag, _, address in check_links.read(path).links
            if tag == "img" and not address.startswith("data:")
        }
        size = path.stat().st_size + sum(p.stat().st_size for p in pictures if p.is_file())
        if size > HEAVY:
            yield f"{path.relative_to(html)}: {size:,} bytes with its pictures"


def main() -> int:
    """Gather, build, check."""
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument("--jobs", type=int, default=2, help="processes that read and write pages")
    args = parser.parse_args()
    source, html, began = BUILD / "source", BUILD / "html", time.monotonic()
    shutil.rmtree(BUILD / "doctrees", ignore_errors=True)
    gather(ROOT, source)
    gathered = time.monotonic()
    status = build(source, html, args.jobs)
    if status:
        return status
    play(html / "docs" / "flow.html")
    problems, hosts = check_links.check(html)
    for line in (*problems, *heavy(html)):
        print(line)
    print(
        f"{html.relative_to(ROOT)}: {len(list(html.rglob('*.html')))} pages in "
        f"{time.monotonic() - began:.0f} s ({gathered - began:.0f} to gather), "
        f"{len(problems)} broken links, links to {', '.join(sorted(hosts))}"
    )
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

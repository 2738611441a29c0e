"""Check the stored notebooks, or run them and store what they show.

    python tools/check_notebooks.py notebooks            # is every output there, in order, small?
    python tools/check_notebooks.py --update notebooks   # run all cells, store the outputs

`pytest --nbval` compares each output that is stored with what the cell gives now. It says nothing
about a cell that was never run, about pictures, or about a widget nobody can see without
JavaScript. This looks for those. What a picture shows is a matter for tests/.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LIMIT = 1_000_000  # bytes: GitHub still renders it, and a reviewer's diff still opens
CELL_TIMEOUT = 300  # seconds
WIDGET = "application/vnd.jupyter.widget-view+json"


def update(path: Path) -> None:
    """Run a notebook and store it without what differs from machine to machine."""
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources=folder,
        store_widget_state=True,
    ).execute()
    kept = {key: notebook.metadata[key] for key in ("widgets",) if key in notebook.metadata}
    language = {"name": "python"}  # without the patch release of whoever ran it
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": language, **kept}
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each cell ran: noise in every diff
        if cell.cell_type == "code":
            cell.outputs = one_output_a_stream(cell.outputs)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def one_output_a_stream(outputs: list[Any]) -> list[Any]:
    """Join neighbouring pieces of a stream: where the kernel cuts it is a matter of timing."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        both = last is not None and output.output_type == last.output_type == "stream"
        if last is not None and both and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def problems(path: Path) -> Iterator[str]:
    """What a reader, or nbval, would stumble over."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "its kernel is not python3: nobody else has one of that name"
    if path.stat().st_size > LIMIT:
        yield f"{path.stat().st_size:,} bytes, more than {LIMIT:,}"
    number = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or "nbval-skip" in tags:
            continue
        number += 1
        for problem in cell_problems(cell, number, tags):
            yield f"cell {cell.id}: {problem}"


def cell_problems(cell: Any, number: int, tags: list[str]) -> Iterator[str]:
    """What is wrong with one code cell that should have been the `number`-th to run."""
    if cell.execution_count is None:
        yield "was never run, so nbval has nothing to compare"
    elif cell.execution_count != number:
        yield f"ran as number {cell.execution_count}, not {number}: restart and run all"
    for output in cell.outputs:
        if output.output_type == "error" and "raises-exception" not in tags:
            yield f"ends in {output.ename}"
        if output.output_type == "stream" and output.name == "stderr":
            yield f"writes to stderr: {output.text.strip()[:80]!r}"
        seen_as = set(output.get("data", {}))
        if WIDGET in seen_as and seen_as <= {WIDGET, "text/plain"} and "interactive" not in tags:
            yield "shows a widget without an image/png: nothing to see where no JavaScript runs"


def found_in(paths: list[Path]) -> list[Path]:
    """The notebooks among files and folders, in order."""
    inside = [sorted(path.rglob("*.ipynb")) if path.is_dir() else [path] for path in paths]
    return [path for group in inside for path in group if ".ipynb_checkpoints" not in path.parts]


def main() -> int:
    """Update if asked, then check; print every problem."""
    parser = argparse.ArgumentParser(description="Check the stored notebooks.")
    parser.add_argument(
        "--update", action="store_true", help="run them and store the outputs first"
    )
    parser.add_argument("paths", nargs="+", type=Path)
    args = parser.parse_args()
    notebooks = found_in(args.paths)
    if not notebooks:
        sys.exit("no notebooks found")
    count = 0
    for path in notebooks:
        if args.update:
            print(f"running {path}", flush=True)
            update(path)
        for problem in problems(path):
            count += 1
            print(f"{path}: {problem}")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Check the stored notebooks, or run them, tell what changed, and store what they show.

    python tools/check_notebooks.py                      # is every output there, in order, small?
    python tools/check_notebooks.py --update             # run all cells, store the outputs
    python tools/check_notebooks.py --update --diff      # run all cells, tell what changed, store nothing
    python tools/check_notebooks.py --update --reason "why the numbers are others now"
    python tools/check_notebooks.py --freeze             # take what is stored as the golden numbers

Files or folders can be named; `notebooks` is meant otherwise.

`pytest --nbval` compares each output that is stored with what the cell gives now. It says nothing
about a cell that was never run, about pictures, or about a widget nobody can see without
JavaScript. This looks for those. What a picture shows is a matter for tests/.

Once frozen, no text changes by the way: `--update` leaves a notebook alone whose cells say
something else than their golden numbers (tools/golden.py), unless there is a reason, which then
becomes a line of CHANGELOG.md. New cells, cells that are gone, and pictures need none.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import golden
import nbformat
from nbclient import NotebookClient
from notebook_diff import changes, opened
from PIL import Image

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LIMIT = 1_000_000  # bytes: GitHub still renders it, and a reviewer's diff still opens
CELL_TIMEOUT = 300  # seconds
ASK = """Read what changed above. If it is meant, say why, in a line for CHANGELOG.md:
  make notebooks REASON="what changed, and why\""""
WIDGET = "application/vnd.jupyter.widget-view+json"


# ---- run


def run(path: Path) -> Any:
    """The notebook as it is after all cells ran, without what differs from machine to machine."""
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources=folder,
        store_widget_state=False,  # dead sliders and each picture twice; readers get the PNG
    ).execute()
    language = {"name": "python"}  # without the patch release of whoever ran it
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": language})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each cell ran: noise in every diff
        if cell.cell_type == "code":
            cell.outputs = one_output_a_stream(cell.outputs)
            name_widgets(f"{path.name}/{cell.id}", cell.outputs)
            lighten_pictures(cell.outputs)
    nbformat.validate(notebook)
    return notebook


def name_widgets(cell: str, outputs: list[Any]) -> None:
    """Give the widgets on show names that stay: their own are drawn anew in each run."""
    for number, output in enumerate(outputs):
        if view := output.get("data", {}).get(WIDGET):
            view["model_id"] = hashlib.sha256(f"{cell}/{number}".encode()).hexdigest()[:32]


def lighten_pictures(outputs: list[Any]) -> None:
    """Store pictures in 256 colours: half the bytes, and nobody sees a difference in a plot."""
    for output in outputs:
        data = output.get("data", {})
        if shown := data.get("image/png"):
            packed = io.BytesIO()
            few = opened(base64.b64decode(shown)).quantize(256, dither=Image.Dither.NONE)
            few.save(packed, "PNG", optimize=True)
            data["image/png"] = base64.b64encode(packed.getvalue()).decode()


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


# ---- check


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


# ---- the command


def check(notebooks: list[Path], frozen: dict[str, golden.Golden] | None) -> int:
    """Print every problem of the stored notebooks; return how many there are."""
    count = 0
    for path in notebooks:
        found = list(problems(path))
        if frozen is not None and golden.covers(path):
            found += golden.problems(path, nbformat.read(path, as_version=4), frozen)
        count += len(found)
        print("".join(f"{path}: {problem}\n" for problem in found), end="")
    return count


def update(notebooks: list[Path], reason: str, *, store: bool) -> list[Path]:
    """Run the notebooks, tell what changed, store it; return those that are not without a reason."""
    frozen = golden.load() or {}
    refused, stored, explained = [], {}, []
    for path in notebooks:
        print(f"running {path}", flush=True)
        after = run(path)
        print("".join(f"{line}\n" for line in changes(nbformat.read(path, 4), after)), end="")
        own = frozen.get(path.name, golden.Golden()) if golden.covers(path) else golden.Golden()
        if other := golden.changed(after, own):
            print(f"  other golden numbers: {', '.join(other)}")
            if not reason:
                refused.append(path)
                continue
            explained.append(path)
        if store:
            nbformat.write(after, path)
            stored[path] = after
    if store and golden.STORE.exists():
        golden.renew(stored, explained, reason)
    return refused


def asked() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Check the stored notebooks.")
    add = parser.add_argument
    add("--update", action="store_true", help="run them, tell what changed, store the outputs")
    add("--diff", "--dry-run", action="store_true", help="with --update: store nothing")
    add("--reason", default="", help="why golden numbers changed: a line for the changelog")
    add("--freeze", action="store_true", help="take what is stored as the golden numbers")
    add("paths", nargs="*", type=Path, default=[Path("notebooks")])
    return parser.parse_args()


def main() -> int:
    """Update if asked, then check; print every problem."""
    args = asked()
    notebooks = found_in(args.paths)
    if not notebooks:
        sys.exit("no notebooks found")
    if args.freeze:
        golden.freeze([path for path in notebooks if golden.covers(path)])
    refused = []
    if args.update:
        refused = update(notebooks, args.reason.strip(), store=not args.diff)
        if args.diff:
            return 0
    if refused:
        print(f"\nNot stored: {', '.join(map(str, refused))}. {ASK}")
    frozen = golden.load()
    unfrozen = frozen is None and not args.update  # while lessons are written nothing is golden
    if unfrozen:
        print(f"no {golden.STORE.name}: take the golden numbers with --freeze")
    return int(check(notebooks, frozen) + len(refused) + unfrozen > 0)


if __name__ == "__main__":
    sys.exit(main())

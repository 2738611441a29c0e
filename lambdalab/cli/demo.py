"""`lambdalab demo` runs the order service and leaves what it shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from lambdalab.cli.words import Commands, command

if TYPE_CHECKING:
    from lambdalab.trace import Trace

SHOWN = ("invocations", "attempts", "retries", "queue_events", "batches")
TABLES = (*SHOWN, "environments", "requests", "scaling", "logs")
ROWS = 8
TOUR = Path("notebooks", "00-tour.ipynb")
WIDGET = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT = 120  # seconds of real time: a cell of the tour takes less than one
# nbconvert's page gives <pre> inside HTML outputs the font of the text around it
_CODE_IN_OUTPUTS = "<style>.jp-OutputArea-output pre { font-family: monospace !important; }</style>"


DESCRIPTION = """\
Run the order service of the tour in virtual time: synchronous reads, asynchronous writes, retries, a
dead-letter queue, batches. Prints the first rows of the tables a newcomer looks at."""
EXAMPLES = """\
example:
  lambdalab demo build/demo

It leaves in the folder every table as CSV, the pictures as PNG and, in a clone with Jupyter installed, the
tour, run just now, as one HTML page."""


def add(commands: Commands) -> None:
    """The subcommand's words."""
    demo = command(
        commands,
        "demo",
        "run the order service; leave its tables and pictures",
        DESCRIPTION,
        EXAMPLES,
    )
    demo.add_argument(
        "folder", nargs="?", type=Path, default=Path("build", "demo"), help="where to (build/demo)"
    )
    demo.add_argument(
        "--tour", type=Path, default=TOUR, help=f"the notebook to run and export ({TOUR})"
    )
    demo.set_defaults(run=lambda given: run_demo(given.folder, given.tour))


def run_demo(folder: Path, tour: Path = TOUR) -> int:
    """Run the order service in virtual time and leave everything it shows in `folder`.

    Prints the first rows of the short views; writes each table as CSV, the pictures as PNG and,
    where the notebook and what runs it are at hand, the executed tour as one HTML file. Returns 0.
    """
    from lambdalab.examples.orders import demo

    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    trace = demo.run(folder)
    took = time.perf_counter() - began
    _print_tables(trace)
    _write_tables(trace, folder / "tables")
    print(f"The order service took {took:.1f} s of real time.")
    html = export_tour(tour, folder)
    print(f"\nLeft in {folder}/:")
    print("  *.png          the pictures")
    print("  tables/*.csv   every row, with its cause")
    if html is not None:
        print(f"  {html.name:14} the tour, run just now: open it in a browser")
    return 0


def _print_tables(trace: Trace) -> None:
    """The first rows of the tables a newcomer looks at."""
    for name in SHOWN:
        table = getattr(trace.short, name)
        print(f"{name}: {len(table):,} rows")
        print(table.head(ROWS).to_string(index=False), end="\n\n")


def _write_tables(trace: Trace, folder: Path) -> None:
    """Every table of the trace as CSV."""
    folder.mkdir(exist_ok=True)
    for name in TABLES:
        getattr(trace, name).to_csv(folder / f"{name}.csv", index=False)


def export_tour(tour: Path, folder: Path) -> Path | None:
    """Run the notebook and export it as one HTML file; say so where that cannot be."""
    if not tour.is_file():
        print(f"No tour: there is no {tour} here; it comes with a clone of the sources.")
        return None
    try:
        import nbclient
        import nbconvert
        import nbformat
    except ImportError as missing:
        print(
            f'No tour: {missing.name} is not installed; pip install ".[lab]" in a clone brings it.'
        )
        return None
    notebook = nbformat.read(tour, as_version=4)
    where = {"metadata": {"path": str(tour.parent)}}
    nbclient.NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources=where,
    ).execute()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            # a widget's picture instead of the widget: the page tells its story without a network
            output.get("data", {}).pop(WIDGET, None)
    named = {"metadata": {"name": "lambdalab: the tour"}}
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook, resources=named)
    page = page.replace("</head>", f"{_CODE_IN_OUTPUTS}</head>", 1)
    path = folder / f"{tour.stem}.html"
    path.write_text(page, encoding="utf-8")
    return path

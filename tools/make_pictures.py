"""Draw the pictures of the README from real runs: `python tools/make_pictures.py`."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.layout_engine import ConstrainedLayoutEngine

import lambdalab as ll
from lambdalab.examples.orders import story

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
DPI = 110


def overview() -> None:
    """Who waits, when is it retried, why did this batch fire: the order service in one look."""
    day, evening = story.tour_lab(7).trace, story.evening_lab(7, window=5).trace
    layout = ConstrainedLayoutEngine(hspace=0.06)
    figure, axes = plt.subplots(3, 1, figsize=(9, 10.4), height_ratios=(3.9, 2, 3.2), layout=layout)
    day.plot.sync_vs_async(ax=axes[0])
    day.plot.backoff(ax=axes[1], title=f"When is it retried? {tries(day)}")
    evening.plot.batching(ax=axes[2], title=f"Why did this batch fire? {causes(evening)}")
    save(figure, "overview")


def tries(trace: ll.Trace) -> str:
    """How often the failing order was tried, for the title."""
    waits = len(trace.retries)
    return f"{waits + 1} attempts, {waits} growing waits, then the dead-letter queue"


def causes(trace: ll.Trace) -> str:
    """Why the batches fired, for the title."""
    cause = trace.batches.cause
    full, late = (int((cause == why).sum()) for why in ("batch_size", "batching_window"))
    return f"{full} were full, {late} were out of time"


def backoff() -> None:
    """The README's ten lines, drawn."""
    lab = ll.Lab(seed=7)

    @lab.function(dead_letter_queue="failed")
    def notify(event: object, context: object) -> None:
        raise KeyError("customer")

    lab.invoke(notify, {"order": 1}, invocation_type="Event")
    lab.run()
    save(lab.trace.plot.backoff().figure, "backoff")


def throttle_trap() -> ll.Lab:
    """The README's throttle trap, after its run."""
    lab = ll.Lab()
    tasks = lab.sqs.create_queue(
        "tasks", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=3
    )
    lab.create_function("work", duration=25, timeout=30, reserved_concurrency=2)
    lab.create_event_source_mapping(tasks, "work", batch_size=10)
    for number in range(2_000):
        tasks.send({"task": number})
    lab.run()
    return lab


def trap() -> None:
    """The throttle trap, drawn."""
    save(throttle_trap().trace.plot.receives().figure, "trap")


def flow() -> None:
    """The throttle trap as the flow shows it where no widget runs."""
    data, _ = ll.Flow(throttle_trap())._repr_mimebundle_()
    (FOLDER / "flow.png").write_bytes(base64.b64decode(data["image/png"]))
    print("docs/pictures/flow.png")


def anatomy() -> None:
    """The README's API timeout, drawn."""
    lab = ll.Lab(seed=7)
    lab.create_function("get_order", duration=35, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/orders/{id}", "get_order")
    api.get("/orders/7")
    lab.run()
    save(lab.trace.plot.request_anatomy().figure, "anatomy")


def save(figure: mpl.figure.Figure, name: str) -> None:
    """Write one picture, without the version of what wrote it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png", dpi=DPI, metadata={"Software": None})
    print(f"docs/pictures/{name}.png")


def main() -> int:
    """Draw all."""
    overview()
    backoff()
    trap()
    flow()
    anatomy()
    return 0


if __name__ == "__main__":
    sys.exit(main())

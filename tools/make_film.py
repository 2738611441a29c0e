"""Film the README's moving picture from a real run: `python tools/make_film.py`.

One bad message in a queue, drawn by the same flow that a notebook shows, in Chromium, frame after
frame: where a dot is at a moment is a function of the books, so nothing has to be waited for.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import lambdalab as ll

FILM = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "film.gif"
LIMIT = 1_000_000  # bytes
COLOURS = 64
PER_SECOND = 10  # frames of the film
PACE = 0.55  # seconds of the flow's own time in one of the film
FIRST, LAST = 2.5, 3.0  # seconds for which the first picture and the last one stand
TELLING = "goes to the dead-letter queue"  # what the caption of the first picture says
WIDTH, HEIGHT = 960, 440
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# what plays and searches is of no use in a film, and its words are read from farther away
STYLE = """
  .ll-flow button, .ll-flow select, .ll-flow label, .ll-flow .ll-keys, .ll-flow .ll-seek,
  .ll-flow .ll-pace, .ll-flow .ll-fast { display: none !important; }
  .ll-flow .ll-clock { font-size: 17px; }
  .ll-flow .ll-caption { font-size: 18px; min-height: 3em; }
"""
SEEK = """
  (at) => {
    const seek = document.querySelector(".ll-seek input");
    seek.value = at;
    seek.dispatchEvent(new Event("input"));
  }
"""
LENGTH = "Number(document.querySelector('.ll-seek input').max)"


def one_bad_order() -> ll.Lab:
    """Twenty orders in batches of five; one has no customer, and takes its batch along."""
    lab = ll.Lab(seed=7)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=12, dead_letter_queue="failed", max_receive_count=2
    )

    @lab.function(timeout=2)
    def bill(event: dict[str, Any], context: object) -> None:
        time.sleep(1.5)
        if any(record["body"] == "9" for record in event["Records"]):
            raise ValueError("no such customer")

    lab.create_event_source_mapping(orders, bill, batch_size=5, maximum_batching_window=3)
    lab.drive(orders, ll.Every(0.9), duration=18, payload=str)
    lab.run()
    return lab


def pictures(page: Path) -> Iterator[tuple[Image.Image, str]]:
    """The film's pictures, each with its caption."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="no-preference"
        )
        tab.goto(page.as_uri())
        tab.add_style_tag(content=STYLE)
        length = tab.evaluate(LENGTH)
        frames = round(length / PACE * PER_SECOND)
        for frame in range(frames + 1):
            tab.evaluate(SEEK, frame / frames * length)
            caption = tab.inner_text(".ll-caption")
            yield Image.open(io.BytesIO(tab.screenshot())).convert("RGB"), caption
        browser.close()


def colours(shots: Sequence[Image.Image]) -> Image.Image:
    """A palette for all pictures: of the rare colours too, which say how a run ended."""
    some = shots[:: len(shots) // 8]
    sheet = Image.new("RGB", (WIDTH, HEIGHT * len(some)))
    for row, shot in enumerate(some):
        sheet.paste(shot, (0, row * HEIGHT))
    return sheet.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)


def main() -> int:
    """Run, film, store; the telling picture comes first, for where a film stands still."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "flow.html")
        ll.Flow(one_bad_order()).save(page)
        shots, captions = zip(*pictures(page), strict=True)
    telling = next(number for number, said in enumerate(captions) if TELLING in said)
    palette = colours(shots)
    film = [
        shot.quantize(palette=palette, dither=Image.Dither.NONE)
        for shot in (shots[telling], *shots)
    ]
    stands = [FIRST, *[1 / PER_SECOND] * (len(shots) - 1), LAST]
    milliseconds = [round(1000 * seconds) for seconds in stands]
    film[0].save(FILM, save_all=True, append_images=film[1:], duration=milliseconds, loop=0)
    size = FILM.stat().st_size
    print(f"docs/pictures/{FILM.name}: {len(film)} pictures, {sum(stands):.0f} s, {size:,} bytes")
    return int(size > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

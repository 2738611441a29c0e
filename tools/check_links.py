"""Does every link of the built site lead somewhere? Nothing is fetched.

    python tools/check_links.py build/docs/html

Every `href` and `src` that stays on the site must name a page, picture or file that is there, and an
anchor that the page has. Links to other hosts must be https and to a host of the list below. A page
may not load anything (script, style, picture, frame) from another host: a lecture hall may have no
internet, and a reader is nobody's business.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HOSTS = frozenset(
    {
        "aws.amazon.com",
        "docs.aws.amazon.com",
        "docs.getmoto.org",
        "docs.localstack.cloud",
        "github.com",
        "jupyter.org",
        "mybinder.org",
        "mybinder.readthedocs.io",
        "nbgitpuller.readthedocs.io",
        "tljh.jupyter.org",
        "z2jh.jupyter.org",
        "www.contributor-covenant.org",
        "pypi.org",
        "semver.org",
        "www.sphinx-doc.org",
    }
)
"""Where a page may lead. Add a host here when a page needs it."""
GENERATORS = frozenset({"https://github.com/pradyunsg/furo", "https://pradyunsg.me"})
"""What the theme writes below each page."""
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
LOADS |= {"video": "src", "audio": "src", "embed": "src", "object": "data"}
LEADS = {"a": "href", "area": "href"}
NO_LOAD = {"canonical", "next", "prev", "index", "search", "author", "genindex"}
"""Relations of a `<link>` that name a page and load nothing."""


@dataclass
class Page:
    """What a page holds: links (tag, whether it loads, address), and anchors."""

    links: list[tuple[str, bool, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attributes}
        self.page.anchors |= {known[name] for name in ("id", "name") if known.get(name)}
        asked = LOADS.get(tag) or LEADS.get(tag)
        if asked and known.get(asked):
            leads = tag in LEADS or bool(NO_LOAD & set(known.get("rel", "").split()))
            self.page.links.append((tag, not leads, known[asked]))
        for part in known.get("srcset", "").split(","):
            if part.strip():
                self.page.links.append((tag, True, part.split()[0]))


@cache
def read(path: Path) -> Page:
    """A page's links and anchors."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def check(folder: Path) -> tuple[list[str], Counter[str]]:
    """What is wrong with the pages of a folder, and how many links lead to which other host."""
    folder = folder.resolve()
    hosts: Counter[str] = Counter()
    problems: list[str] = []
    for path in sorted(folder.rglob("*.html")):
        where = path.relative_to(folder).as_posix()
        for tag, loads, address in dict.fromkeys(read(path).links):
            parts = urlsplit(address)
            if parts.scheme == "data" or address in GENERATORS:
                continue
            if parts.scheme or parts.netloc:
                hosts[parts.netloc] += 1
                wrong = _outside(loads, parts.scheme, parts.netloc)
            else:
                wrong = _inside(folder, path, unquote(parts.path), unquote(parts.fragment))
            problems += [f"{where}: <{tag}> {address}: {problem}" for problem in wrong]
    return problems, hosts


def _outside(loads: bool, scheme: str, host: str) -> Iterator[str]:
    if loads:
        yield "loaded from another host"
    elif scheme != "https":
        yield "not https"
    elif host not in HOSTS:
        yield "a host that is not in the list of tools/check_links.py"


def _inside(folder: Path, page: Path, target: str, anchor: str) -> Iterator[str]:
    there = page
    if target:
        base = folder if target.startswith("/") else page.parent
        there = (base / target.lstrip("/")).resolve()
        if there.is_dir():
            there /= "index.html"
    if not there.is_relative_to(folder):
        yield "leads out of the site"
    elif not there.is_file():
        yield "there is no such file"
    elif anchor and there.suffix == ".html" and anchor not in read(there).anchors:
        yield "there is no such anchor"


def main() -> int:
    """Check a folder and say what was found."""
    parser = argparse.ArgumentParser(description="Check the links of a built site, offline.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (folder / "index.html").is_file():
        print(f"{folder} has no index.html: build the site first (make docs)")
        return 1
    problems, hosts = check(folder)
    for problem in problems:
        print(problem)
    pages = len(list(folder.rglob("*.html")))
    told = ", ".join(f"{host} {count}" for host, count in sorted(hosts.items()))
    print(f"links of {pages} pages: {len(problems)} problems; to other hosts: {told or 'none'}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

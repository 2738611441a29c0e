"""The site: its tools find what is broken, its pages have every name, its words are used."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest

import lambdalab as ll
from lambdalab import errors, plots, scenarios
from lambdalab.rules import RULES
from lambdalab.trace import codes
from lambdalab.trace.tables import TABLES
from lambdalab.triggers.registry import Triggers
from lambdalab.widgets import EXPLORERS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TOOLS = ("check_links", "docs_columns", "docs_pages", "docs_quiz", "make_docs")

PAGE = """<html><head><link rel="stylesheet" href="site.css"></head>
<body id="top"><h1 id="here">x</h1><img src="p.png"><a href="#here">x</a>
<a href="sub/other.html#there">x</a> <a href="https://github.com/x">x</a></body></html>"""


@pytest.fixture(scope="module")
def tools() -> Iterator[dict[str, ModuleType]]:
    """The scripts of tools/ that build the site."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(ROOT / "tools")
        yield {name: load(name) for name in TOOLS}
        for name in TOOLS:
            sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up, and the tools each other
    spec.loader.exec_module(module)
    return module


# ---- links


def a_site(folder: Path, page: str = PAGE) -> Path:
    (folder / "sub").mkdir()
    (folder / "index.html").write_text(page)
    (folder / "sub" / "other.html").write_text('<a id="there" href="../index.html#top">x</a>')
    (folder / "site.css").touch()
    (folder / "p.png").touch()
    return folder


def test_a_site_whose_links_lead_somewhere(tools: dict[str, Any], tmp_path: Path) -> None:
    problems, hosts = tools["check_links"].check(a_site(tmp_path))
    assert problems == []
    assert hosts == {"github.com": 1}


@pytest.mark.parametrize(
    ("good", "broken", "said"),
    [
        ("sub/other.html#there", "sub/othr.html", "no such file"),
        ("sub/other.html#there", "sub/other.html#ther", "no such anchor"),
        ('"#here"', '"#hre"', "no such anchor"),
        ("p.png", "q.png", "no such file"),
        ("p.png", "../p.png", "out of the site"),
        ("p.png", "https://github.com/p.png", "loaded from another host"),
        ("site.css", "https://fonts.example/site.css", "loaded from another host"),
        ("<img src", '<script src="//cdn.example/x.js"></script><img src', "loaded from another"),
        ("https://github.com/x", "http://github.com/x", "not https"),
        ("https://github.com/x", "https://gitub.com/x", "not in the list"),
    ],
)
def test_a_link_that_leads_nowhere(
    tools: dict[str, Any], tmp_path: Path, good: str, broken: str, said: str
) -> None:
    (problem,), _ = tools["check_links"].check(a_site(tmp_path, PAGE.replace(good, broken)))
    assert said in problem


# ---- gathering


def test_a_widget_is_its_picture_and_a_line(tools: dict[str, Any]) -> None:
    widget = {tools["make_docs"].WIDGET: {}, "image/png": "x", "text/plain": "Explorer()"}
    alone = {tools["make_docs"].WIDGET: {}, "text/plain": "Box()"}
    outputs = [nbformat.v4.new_output("display_data", data) for data in (widget, alone)]
    outputs.append(nbformat.v4.new_output("stream", text="said"))
    cell = nbformat.v4.new_code_cell("explore()", outputs=outputs, id="run")
    words = [
        nbformat.v4.new_markdown_cell(text, id=text.strip("# ")) for text in ("# Title", "Why")
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[words[0], cell, words[1]], metadata={"widgets": {1: 1}}
    )
    made = tools["make_docs"].lighter(notebook)
    assert "widgets" not in made.metadata
    assert made.cells[0].source == "# Title", "a title comes first"
    assert '<span id="cell-Why">' in made.cells[2].source
    assert made.cells[1].metadata["id"] == "run"
    picture, line, said = made.cells[1].outputs
    assert picture.data.keys() == {"image/png", "text/plain"}
    assert "Binder" in line.data["text/markdown"]
    assert said.text == "said"


def test_what_a_page_links_to_comes_along(tools: dict[str, Any], tmp_path: Path) -> None:
    root, source = tmp_path / "clone", tmp_path / "source"
    for folder in (root / "tests", root / "docs", source / "docs"):
        folder.mkdir(parents=True)
    (root / "tests" / "test_x.py").write_text("x")
    (root / "docs" / "b.md").write_text("# b")
    page = source / "docs" / "a.md"
    page.write_text(
        "[t](../tests/test_x.py#L7) [f](../tests) [b](b.md) [s](https://a.example/x) [h](#x) "
        "[03](../notebooks/03-x.ipynb) `who-run`"
    )
    tools["make_docs"].bring_linked(root, source)
    assert page.read_text() == (
        "[t](../tests/test_x.py) f [b](b.md) [s](https://a.example/x) [h](#x) "
        '<a href="../notebooks/03-x.html#cell-who-run">03 <code>who-run</code></a>'
    )
    assert (source / "tests" / "test_x.py").read_text() == "x"


# ---- what is made from the package


def test_every_rule_has_its_line(tools: dict[str, Any]) -> None:
    page = tools["docs_pages"].rules_page()
    for name in RULES:
        assert page.count(f"| [`{name}`]{{#{name}}} |") == 1, name
    for line in (
        "{#timeout_maximum} | 900 s | [dg/configuration-timeout](https://docs.aws.amazon.com/lambda/"
        "latest/dg/configuration-timeout.html) |",
        "| **until 2025-10-23**: 262,144 bytes<br>from 2025-10-24: 1,048,576 bytes |",
        "| until 2024-12-31: 0.00492 s<br>**from 2025-01-01**: 0 s |",
        "{#idle_expiry} | 600 s | choice<br>undocumented",
    ):
        assert line in page


def test_every_column_and_every_word_has_its_line(tools: dict[str, Any]) -> None:
    page, columns = tools["docs_pages"].tables_page(), tools["docs_columns"]
    trace, used = ll.Lab().trace, set()
    for table in (*TABLES, "batch_records"):
        part = page.split(f"\n## {table}\n")[1].split("\n## ")[0]
        for column in getattr(trace, table).columns:
            assert f"| `{column}` |" in part
            own = f"{table}.{column}"
            used.add(own if own in columns.MEANINGS else column)
    assert used == set(columns.MEANINGS), "a meaning for each column, and no other"
    for closed in codes.CLOSED_LISTS.values():
        for word in filter(None, closed.names):
            assert f"`{word}`" in page
    assert (
        "| [`visibility_timeout`]{#cause-visibility_timeout} | nobody deleted the message" in page
    )


def test_a_question_has_its_options_and_the_answer_that_a_run_proves(tools: dict[str, Any]) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(*picks: str) -> SimpleNamespace:
        asked.append(picks)
        return SimpleNamespace(
            right=("B", "C"), why="It ran 3 * 1 times.", shown={"A": "`x_y`: 2 < 3"}
        )

    question = SimpleNamespace(
        id="tries", topic="failures", lesson="04", text="How often?", choose=2, answer=answer,
        letters={"A": "once", "B": "[twice]", "C": "more"},
    )  # fmt: skip
    quiz = SimpleNamespace(questions=lambda: [question])
    page = tools["docs_quiz"].quiz_page(quiz, {"failures": "what fails"}, {"04": "04-x.ipynb"})
    assert asked == [("A", "B")], "any answer gives the verdict"
    assert "**How often?** *Choose 2.*" in page
    assert "- **A** once\n- **B** \\[twice\\]\n- **C** more" in page
    assert "**B**, **C**. It ran 3 \\* 1 times.\n\n- **A** `x_y`: 2 \\< 3\n" in page
    assert "[Lesson 04](../notebooks/04-x.ipynb) · `tries`\n\n</details>" in page


# ---- the reference


def documented() -> set[str]:
    """Every name for which a page of the reference has an entry."""
    found = {"lambdalab.Rules"}  # on the page that is made
    for page in (DOCS / "reference").glob("*.md"):
        name = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if said := re.match(r"\.\. (?:auto\w+|py:\w+):: ([\w.]+)", line):
                name = said[1]
                found.add(name)
            elif said := re.match(r"   :members: (.+)", line):
                found |= {f"{name}.{member}" for member in said[1].split(", ")}
    return found


def public_names() -> Iterator[str]:
    yield from (f"lambdalab.{name}" for name in ll.__all__)
    yield from (f"lambdalab.plots.{name}" for name in plots.PLOTS)
    yield from (f"lambdalab.plots.{name}" for name in plots.__all__ if name != "compare")
    yield from (f"lambdalab.scenarios.{name}" for name in scenarios.__all__)
    yield from (f"lambdalab.{explorer.__name__}" for explorer in EXPLORERS.values())
    yield from (f"lambdalab.Lab.{name}" for name in dir(ll.Lab()) if not name.startswith("_"))
    yield from (
        f"lambdalab.Lab.{name}" for name in ("sqs", "kinesis", "dynamodb", *Triggers.SERVICES)
    )
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.LabError) and not name.startswith("_"):
            yield f"lambdalab.{'' if name in ll.__all__ else 'errors.'}{name}"


def test_the_reference_has_every_public_name() -> None:
    assert set(public_names()) - documented() == set()


INNER = {
    "arrival", "arrive", "begin", "begin_create", "begin_delete", "begin_update", "bus_of", "by_arn",
    "call", "change", "change_subscription", "changed", "check_arrival", "check_shards", "configure",
    "deliver", "depth", "destination", "document", "drive_operation", "drop_subscription", "filter_text",
    "follow", "forward", "handle", "hand_on", "has", "imply", "is_of", "is_same", "label", "left_over",
    "letters_name", "logged", "matches", "new_fifo_message", "new_message", "new_number", "new_tokens",
    "note", "push_latency", "read_budget", "read_limits", "receive", "record_json", "request_ids",
    "reset", "response_of", "sources_of", "start", "take", "take_over", "target_kind", "tell", "time",
    "trigger", "use", "wait_us", "wants",
}  # fmt: skip
"""Methods that the lab's parts have for each other."""


def test_the_reference_has_every_verb_of_every_service_and_its_things() -> None:
    known, missing = documented(), set()
    for name in known:
        module, _, last = name.rpartition(".")
        if module in sys.modules and module.startswith(("lambdalab.sources", "lambdalab.triggers")):
            missing |= {f"{name}.{verb}" for verb in own_verbs(getattr(sys.modules[module], last))}
    assert missing - known == set()


def own_verbs(kind: type) -> set[str]:
    """The verbs of a class for people, without those of the class that it is made of."""
    if kind.__name__.endswith(("Settings", "Consumer", "Message")):
        return set()  # their text tells what they hold
    verbs = {name for name, value in vars(kind).items() if inspect.isfunction(value)}
    return {name for name in verbs - INNER if name[0] != "_" and not hasattr(kind.__base__, name)}


# ---- words


def prose() -> Iterator[tuple[str, str]]:
    """What people read: the lessons cell by cell, the guides, the README."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                yield f"{path.name}, cell {cell.id}", cell.source
    pages = [
        *(DOCS / "how-to").glob("*.md"),
        *(DOCS / "background").glob("*.md"),
        *DOCS.glob("*.md"),
    ]
    pages += [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    for page in sorted(pages):
        if page.is_file() and page.name not in ("fidelity.md", "glossary.md"):
            yield page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")


def terms() -> list[str]:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    return re.findall(r"^(?=\S)(?!#|```|AWS's)([\w -]+)$\n    ", text, re.MULTILINE)


def test_the_glossary_is_in_order_and_its_entries_are_short() -> None:
    assert 40 <= len(terms()) <= 50
    assert terms() == sorted(terms(), key=str.lower)
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for entry in text.split("```{glossary}\n")[1].split("\n\n"):
        says, _, place = re.sub(r"\s+", " ", entry.removesuffix("```\n")).partition("In the lab: ")
        assert re.search(r"See\s+\[[^\]]+\]\(\S+\)\.", place), f"where is it shown? {entry}"
        assert 1 <= len(re.findall(r"\.(?= |$)", says.strip())) <= 3, entry


def test_every_term_is_used() -> None:
    words = re.sub(r"\s+", " ", " ".join(text for _, text in prose())).lower()
    assert not [term for term in terms() if term.lower() not in words]


OTHERS = {
    r"\bDLQs?\b": "dead-letter queue",
    r"dead letter queue": "dead-letter queue",
    r"trigger mapping|event source trigger": "event source mapping",
    r"visibility (window|period)|invisibility": "visibility timeout",
    r"\bbatch window": "batching window",
    r"function instances?|micro-?VM": "execution environment",
    r"(?<!image )\b(a|the|same|new|warm|each) containers?\b(?! image)": "execution environment",
    r"\b[Aa]n? lambdas?\b|\blambdas\b|\bthe lambda\b": "function",
    r"\basync\b": "asynchronous",
    r"polling (unit|thread)": "poller",
    r"reserved? capacity": "reserved concurrency",
    r"poison pill": "bad record",
}
"""What others say, and the glossary's word for it."""


def test_the_glossary_has_the_only_word_for_a_thing() -> None:
    said = []
    for place, text in prose():
        plain = re.sub(r"`[^`]*`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for other, ours in OTHERS.items():
            said += [f"{place}: {found[0]!r}; here: {ours}" for found in re.finditer(other, plain)]
    assert said == []

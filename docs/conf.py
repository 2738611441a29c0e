"""How the site is built: `make docs` (tools/make_docs.py) gathers the pages and runs sphinx on them.

Nothing is fetched: no inventories of other projects, no fonts, no mathematics from elsewhere.
"""

from __future__ import annotations

import pkgutil
import sys
from itertools import pairwise
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment

from lambdalab import __version__

project = "lambdalab"
author = copyright = "The lambdalab authors"  # sphinx knows the name
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc"]
root_doc = "docs/index"
exclude_patterns = ["docs/_static/**"]
nitpicky = True

nb_execution_mode = "off"  # what is stored is what nbval has checked
nb_code_prompt_show = "Unfold"
nb_code_prompt_hide = "Fold"
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "deflist", "fieldlist"]
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "lambdalab"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}

_FACTS = {"docs/coverage", "docs/fidelity", "docs/reference/rules"}
"""Pages whose tables are lists of facts, too wide for columns: site.css sets each row as a paragraph."""
_LISTS = {"Parameters", "Attributes", "Raises"}
_SECTIONS = {*_LISTS, "Example", "Examples"}


def _sections(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Headed sections of a docstring, which reStructuredText does not know, as lists with a title."""
    told, section = list[str](), ""
    for line, following in pairwise([*lines, ""]):
        if line in _SECTIONS and following.startswith("---"):
            section = line
            told += ["", f".. rubric:: {line}", ""]
        elif line.startswith("---"):
            continue
        elif section in _LISTS and _is_term(line, following):
            form = ":exc:`{}`" if section == "Raises" else "``{}``"
            told.append(", ".join(map(form.format, line.split(", "))))
        else:
            told.append(line)
    lines[:] = told


def _is_term(line: str, following: str) -> bool:
    return bool(line) and not line.startswith(" ") and following.startswith("    ")


def _signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str | None] | None:
    """What only the lab makes (a queue, a reply) shows no constructor: nobody calls it."""
    made_by_people = name.count(".") == 1 or name.startswith(
        ("lambdalab.scenarios.", "lambdalab.quiz.Qu", "lambdalab.quiz.Op")
    )
    return None if what not in ("class", "exception") or made_by_people else ("", None)


def _found(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.TextElement
) -> nodes.Element | None:
    """Names of ours by their last parts, where one thing only has them.

    What has no entry (a type of pandas in a signature, a module of Python) stays text; but a name
    that a docstring gives must be one that there is.
    """
    if node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    assert isinstance(domain, PythonDomain)
    target = node["reftarget"]
    if node["reftype"] == "mod" or (not target.startswith("lambdalab.") and _is_there(target)):
        return text if _exists(target) else None
    parts = target.rsplit(".", 2)
    for tail in (".".join(parts[-2:]), parts[-1]):
        named = {
            name
            for name, entry in domain.objects.items()
            if f".{name}".endswith(f".{tail}") and not entry.aliased
        }
        if len(named) == 1:
            (name,) = named
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, text)
    return text if _in_signature(node) or _exists(target) else None


def _marked(app: Sphinx, document: nodes.document) -> None:
    """Mark the cells by their ids, and the tables that are lists of facts by their columns."""
    for cell in document.findall(nodes.container):
        known = cell.get("cell_metadata", {}).get("id")
        cell["ids"] += [f"cell-{known}"] if known else []
    if app.env.docname in _FACTS:
        for group in document.findall(nodes.tgroup):
            assert isinstance(group.parent, nodes.Element)
            group.parent["classes"] += ["facts", f"of-{group['cols']}"] if group["cols"] > 2 else []


def _in_signature(node: nodes.Node) -> bool:
    while node is not None and not isinstance(node, addnodes.desc_signature):
        node = node.parent
    return node is not None


def _exists(name: str) -> bool:
    """Whether Python has a module of that name, or a module of ours something of that name."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return True
    ours = [known for known in sys.modules if f"{known}.".startswith("lambdalab.")]
    return any(_is_there(f"{module}.{name}") for module in ours) or _is_there(name)


def _is_there(name: str) -> bool:
    owner, _, last = name.rpartition(".")
    try:
        return hasattr(found := pkgutil.resolve_name(owner), last) or _is_told(found, last)
    except (ImportError, AttributeError, ValueError):
        return False


def _is_told(owner: object, name: str) -> bool:
    """An attribute that only instances have stands in the docstring of their class."""
    return isinstance(owner, type) and f"\n    {name}\n" in (owner.__doc__ or "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Join in."""
    app.connect("autodoc-process-docstring", _sections)
    app.connect("autodoc-process-signature", _signature)
    app.connect("doctree-read", _marked)
    app.connect("missing-reference", _found)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

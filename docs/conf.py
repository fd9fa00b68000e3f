"""Settings of the manual. Build it with ``sphinx-build -W -n docs build/manual``.

Each build writes the pages of the reference, so none can be forgotten; they are not kept in git.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from sphinx.addnodes import pending_xref

sys.path.insert(0, str(Path(__file__).parent))  # before the next line
import reference_pages

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

HERE: Final = Path(__file__).parent
DRIVERS: Final = ("cassandra", "psycopg", "psycopg_pool")

project = "esmodel"
author = "the esmodel authors"
project_copyright = author
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "described",  # the file beside this one
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["build"]

# --- the look ------------------------------------------------------------------------------------

html_theme = "furo"
html_title = "esmodel"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
highlight_language = "none"  # what is code says so
html_copy_source = False
html_show_copyright = False
maximum_signature_line_length = 72
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

# --- the reference -------------------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "separated"
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "show-inheritance": True,
    "special-members": "__call__, __contains__, __getitem__, __iter__, __len__, __or__, __setitem__",
}
# The reference describes a store whose driver is not installed.
autodoc_mock_imports = [each for each in DRIVERS if importlib.util.find_spec(each) is None]
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Laws", "Handling", ("Class keywords", "params_style")]

# Links into other manuals need the network; `DOCS_INTERSPHINX=1` turns them on.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "attrs": ("https://www.attrs.org/en/stable", None),
        "msgspec": ("https://jcristharif.com/msgspec", None),
    }
    if os.environ.get("DOCS_INTERSPHINX")
    else {}
)

# Without such links, names of other projects lead nowhere. Type variables and private names have no page.
nitpicky = True
nitpick_ignore = {
    (f"py:{kind}", name) for name in reference_pages.private_names() for kind in ("class", "obj")
}
OTHERS = (*sys.stdlib_module_names, "attrs", "cassandra", "hypothesis", "msgspec", "psycopg", "pytest")
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(OTHERS)}|psycopg_pool|typing_extensions)\..*"),
    # the same, by their short names
    ("py:.*", r"UUID|datetime|timedelta|Path|ContextVar|AbstractContextManager|Connection"),
    ("py:.*", r"Convert|Fields"),  # of the parts of a Wire
    ("py:.*", r"(.*\.)?(P|[A-Z]\d|T|T[A-Z]\w*)"),  # type variables
    ("py:.*", r".*\._\w+(\..*)?"),  # private by name, or in a private module
]

# --- markdown ------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4


def is_left_out(_app: Sphinx, _what: str, name: str, obj: object, *_: object) -> bool | None:
    """Leave out what users do not write: type variables, and members that attrs adds."""
    is_added = name.startswith("__attrs") or getattr(obj, "__name__", "") == "_no_init_or_replace_init"
    if isinstance(obj, (TypeVar, ParamSpec)) or is_added or name.startswith("_es_"):
        return True
    return None


def take_builtins_literally(_app: Sphinx, doctree: nodes.document) -> None:
    """Keep Sphinx from resolving ``type[T]`` to an attribute of ours called ``type``."""
    for each in doctree.findall(pending_xref):
        if each.get("refdomain") == "py" and hasattr(builtins, each["reftarget"]):
            each.attributes.pop("refspecific", None)


def setup(app: Sphinx) -> None:
    """Register the two functions."""
    app.connect("autodoc-skip-member", is_left_out)
    app.connect("doctree-read", take_builtins_literally)


reference_pages.write(HERE / "reference")

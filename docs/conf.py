"""The manual. Build it with ``sphinx-build -W -n docs build/manual``.

The pages of the reference are written here, one for each module that is found: none can be
forgotten. They are not kept in git.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from sphinx.addnodes import pending_xref

import esmodel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

HERE: Final = Path(__file__).parent
DRIVERS: Final = ("cassandra", "psycopg", "psycopg_pool")

project = "esmodel"
author = "the esmodel authors"
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.intersphinx"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["build"]

# --- the look ------------------------------------------------------------------------------------

html_theme = "furo"
html_title = "esmodel"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
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
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
# A store can be read about without its driver.
autodoc_mock_imports = [each for each in DRIVERS if importlib.util.find_spec(each) is None]
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Laws", "Handling"]

# Links into other manuals need the network: `DOCS_INTERSPHINX=1` makes them.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "attrs": ("https://www.attrs.org/en/stable", None),
        "msgspec": ("https://jcristharif.com/msgspec", None),
    }
    if os.environ.get("DOCS_INTERSPHINX")
    else {}
)

# Without them, names of other projects lead nowhere, and so do type variables.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(attrs|collections\.abc|contextvars|datetime|msgspec|os|typing_extensions|uuid)\..*"),
    ("py:.*", r"UUID|datetime|ContextVar"),  # the same, not resolved: read by type checkers only
    ("py:.*", r"(.*\.)?(P|E\d|T|T[A-Z]\w*)"),  # type variables
    ("py:.*", r".*\._\w+"),  # bases that nobody else uses
]

# --- markdown ------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4


def module_names() -> Iterator[str]:
    """Yield the name of each public module below the door, without loading it."""
    for found in pkgutil.walk_packages(esmodel.__path__, "esmodel."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield found.name


def title(text: str) -> str:
    """Return a title in reStructuredText."""
    return f"{text}\n{'=' * len(text)}\n"


def home_of(name: str) -> str:
    """Return the module in which a name of the door is written."""
    for each in sorted(module_names(), key=lambda module: (module.count("."), module)):
        source = Path(importlib.util.find_spec(each).origin or "").read_text(encoding="utf-8")
        if re.search(rf"^(class |def )?{name}\b(?!,)", source, re.MULTILINE):
            return each
    raise LookupError(name)


def write_reference() -> None:
    """Write a page for each module, and one for the door."""
    pages = {name: f"{title(name)}\n.. automodule:: {name}\n" for name in (*module_names(), "esmodel")}
    names = "\n".join(f"- :py:obj:`~{home_of(name)}.{name}`" for name in esmodel.__all__)
    pages["esmodel"] = (
        f"{title('esmodel')}\n.. automodule:: esmodel\n   :no-members:\n\n"
        f"What can be imported from ``esmodel``:\n\n.. rst-class:: names\n\n{names}\n"
    )
    folder = HERE / "reference"
    for old in folder.glob("esmodel*.rst"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        page = folder / f"{name}.rst"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def is_left_out(_app: Sphinx, _what: str, name: str, obj: object, *_: object) -> bool | None:
    """Leave out what is no name to use: type variables, and what attrs adds to a class."""
    if isinstance(obj, (TypeVar, ParamSpec)) or name.startswith("__attrs"):
        return True
    return None


def take_builtins_literally(_app: Sphinx, doctree: nodes.document) -> None:
    """Keep Sphinx from taking ``type[T]`` for an attribute of ours with the name ``type``."""
    for each in doctree.findall(pending_xref):
        if each.get("refdomain") == "py" and hasattr(builtins, each["reftarget"]):
            each.attributes.pop("refspecific", None)


def setup(app: Sphinx) -> None:
    """Let Sphinx ask what is left out."""
    app.connect("autodoc-skip-member", is_left_out)
    app.connect("doctree-read", take_builtins_literally)


write_reference()

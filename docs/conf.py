"""The manual. Build it with ``sphinx-build -W -n docs build/manual``.

The pages of the reference are written here, one for each module that is found: none can be
forgotten. They are not kept in git.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from sphinx.addnodes import pending_xref

import esmodel

sys.path.insert(0, str(Path(__file__).parent))  # before the next line
from described import is_unset

if TYPE_CHECKING:
    from collections.abc import Iterator

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
OTHERS = (*sys.stdlib_module_names, "attrs", "cassandra", "hypothesis", "msgspec", "psycopg", "pytest")
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(OTHERS)}|psycopg_pool|typing_extensions)\..*"),
    # the same, not resolved: imported for type checkers only
    ("py:.*", r"UUID|datetime|timedelta|Path|ContextVar|AbstractContextManager|Connection"),
    ("py:.*", r"(.*\.)?(P|[A-Z]\d|T|T[A-Z]\w*)"),  # type variables
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


def tree_of(module: str) -> ast.Module:
    """Return the code of a module, without loading it."""
    spec = importlib.util.find_spec(module)
    source = "" if spec is None or spec.origin is None else Path(spec.origin).read_text(encoding="utf-8")
    return ast.parse(source)


def imported_by(module: str) -> list[str]:
    """Return the names that a module takes from others: their home is where they are documented."""
    nodes = [node for node in tree_of(module).body if isinstance(node, ast.ImportFrom)]
    return [name.asname or name.name for node in nodes for name in node.names]


def handed_on_by(module: str) -> list[str]:
    """Return the names that a door hands on, as its ``__all__`` lists them; no door defines any itself."""
    for node in tree_of(module).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names)):
                listed = [each.value for each in names if isinstance(each, ast.Constant)]
                return listed if all(home_of(module, name) != module for name in listed) else []
            case _:
                pass
    return []


def home_of(module: str, name: str) -> str:
    """Return the module that defines a name, behind all the doors that hand it on."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            for each in node.names:
                if name == (each.asname or each.name) and node.module.startswith("esmodel"):
                    return home_of(node.module, each.name)
    return module


def page_of(module: str) -> str:
    """Return the page of a module; that of a door has links to what it hands on."""
    names = handed_on_by(module)
    if not names:
        left_out = ", ".join(imported_by(module))
        return f"{title(module)}\n.. automodule:: {module}\n   :exclude-members: {left_out}\n"
    links = "\n".join(f"- :py:obj:`~{home_of(module, name)}.{name}`" for name in names)
    return (
        f"{title(module)}\n.. automodule:: {module}\n   :no-members:\n\n"
        f"What can be imported from ``{module}``:\n\n.. rst-class:: names\n\n{links}\n"
    )


def write_reference() -> None:
    """Write a page for each module."""
    pages = {name: page_of(name) for name in ("esmodel", *module_names())}
    folder = HERE / "reference"
    for old in folder.glob("esmodel*.rst"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        page = folder / f"{name}.rst"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            part = page.with_suffix(f".{os.getpid()}")  # two may build at once
            part.write_text(text, encoding="utf-8")
            part.replace(page)


def is_left_out(_app: Sphinx, _what: str, name: str, obj: object, *_: object) -> bool | None:
    """Leave out what is no name to use: type variables, and what a class is given by itself."""
    is_by_itself = name.startswith("__attrs") or getattr(obj, "__name__", "") == "_no_init_or_replace_init"
    if isinstance(obj, (TypeVar, ParamSpec)) or is_by_itself or is_unset(name, obj):
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

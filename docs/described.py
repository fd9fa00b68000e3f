"""Describe each field in the reference with the words of its class.

A class describes its fields in the section ``Attributes:``. Sphinx would print that section, and each field
once more below it, without a description. This extension moves the words to the fields. A field that a base
declares, or that one of the Protocols of events and entities has, gets their words; a handler in a class
body names the events that it applies.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING, get_origin

from docutils import nodes
from sphinx import addnodes

from esmodel.model import ApplyRegistry, Ignored
from esmodel.model import protocols as model_protocols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

HEADING = "Attributes:"
ENTRY = re.compile(r"^ {4}(?P<name>\w+): (?P<words>.*)$")
FIELDS = {"attribute", "property"}


def section_of(cls: type[object]) -> dict[str, str]:
    """Return the descriptions in a class's section ``Attributes:``, by field."""
    lines = inspect.cleandoc(vars(cls).get("__doc__") or "").splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines[lines.index(HEADING) + 1 :] if HEADING in lines else ():
        entry = ENTRY.match(line)
        if entry is not None:
            name = entry["name"]
            found[name] = entry["words"]
        elif not line.startswith(" "):
            break
        else:
            found[name] += f" {line.strip()}"
    return found


def protocols() -> Iterator[type[object]]:
    """Yield the Protocols that describe headers and entities."""
    for value in vars(model_protocols).values():
        if isinstance(value, type) and getattr(value, "_is_protocol", False):
            yield value


def words_for(cls: type[object], name: str) -> str:
    """Return the description of a field: that of the class, of a base, or of a Protocol."""
    for base in cls.__mro__:
        words = section_of(base).get(name)
        if words:
            return words[0].upper() + words[1:]
    for protocol in protocols():
        words = inspect.getdoc(vars(protocol).get(name))
        if words:
            return words
    return ""


def resolved(name: str) -> object:
    """Return the object of a dotted name, ``None`` if there is none."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        for part in parts[count:]:
            found = getattr(found, part, None)
        return found
    return None


def cut(_app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Remove the section ``Attributes:`` from the text of a class."""
    if what == "class" and HEADING in lines:
        start = lines.index(HEADING)
        stop = next((at for at in range(start + 1, len(lines)) if lines[at][:1].strip()), len(lines))
        lines[start:stop] = []


def paragraph(words: str) -> nodes.paragraph:
    """Return words as a paragraph; double backticks enclose code."""
    found = nodes.paragraph()
    for number, part in enumerate(words.split("``")):
        found += nodes.literal(part, part) if number % 2 else nodes.Text(part)
    return found


def paste(_app: Sphinx, doctree: nodes.document) -> None:
    """Describe each field that has no description."""
    for each in doctree.findall(addnodes.desc):
        signature, content = each[0], each[-1]
        if content.astext().startswith("Alias for field number"):  # the default of a NamedTuple
            content.clear()
        if content.children or not signature["ids"]:
            continue
        owner, _, field = signature["ids"][0].rpartition(".")
        if field == "__init__":  # the class documents its arguments
            content += paragraph("See the class.")
        if each["objtype"] not in FIELDS:
            continue
        cls, value = resolved(owner), resolved(signature["ids"][0])
        if isinstance(value, (ApplyRegistry, Ignored)):
            content += paragraph(f"Applies {', '.join(map(_code, value.handlers))}.")
        elif isinstance(cls, type) and (words := words_for(cls, field)):
            content += paragraph(words)


def _code(event: object) -> str:
    cls: object = get_origin(event) or event
    return f"``{cls.__qualname__ if isinstance(cls, type) else cls}``"


def setup(app: Sphinx) -> None:
    """Cut before napoleon turns sections into lists, and paste after reading."""
    app.connect("autodoc-process-docstring", cut, priority=400)
    app.connect("doctree-read", paste)

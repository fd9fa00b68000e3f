"""Gives each field in the reference the words that its class has for it.

A class says in its section ``Attributes:`` what its fields are. Sphinx would print that section, and
below it each field once more without a word. Here the words go to the fields. A field that is
declared by a base, or that a Protocol of the events asks for, has the words of those; a handler
that is joined says what it applies.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes

from esmodel import entity, events
from esmodel.model.apply import ApplyRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

HEADING = "Attributes:"
ENTRY = re.compile(r"^ {4}(?P<name>\w+): (?P<words>.*)$")
FIELDS = {"attribute", "property"}


def section_of(cls: type[object]) -> dict[str, str]:
    """Return what a class says of its fields."""
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
    """Yield the Protocols that say what a header holds, and what the events of an attribute do."""
    for module in (events, entity):
        for value in vars(module).values():
            if isinstance(value, type) and getattr(value, "_is_protocol", False):
                yield value


def words_for(cls: type[object], name: str) -> str:
    """Return what is said of a field, by the class, a base, or a Protocol."""
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
    """Return what a dotted name leads to."""
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


def is_unset(name: str, value: object) -> bool:
    """Whether a field is one that each event class is given by itself, and that says nothing there."""
    return name in {"aliases", "upcaster"} and not value


def cut(_app: Sphinx, what: str, _name: str, obj: object, _options: object, lines: list[str]) -> None:
    """Take the words for the fields out of the text of a class, but for fields that are not shown."""
    if what != "class" or HEADING not in lines:
        return
    start = lines.index(HEADING)
    stop = next((at for at in range(start + 1, len(lines)) if lines[at][:1].strip()), len(lines))
    kept: list[str] = []
    is_kept = False
    for line in lines[start + 1 : stop]:
        entry = ENTRY.match(line)
        if entry is not None:
            is_kept = is_unset(entry["name"], getattr(obj, entry["name"], True))
        if is_kept:
            kept.append(line)
    lines[start:stop] = [HEADING, *kept, ""] if kept else []


def paragraph(words: str) -> nodes.paragraph:
    """Return words as a paragraph; what is between double backticks is code."""
    found = nodes.paragraph()
    for number, part in enumerate(words.split("``")):
        found += nodes.literal(part, part) if number % 2 else nodes.Text(part)
    return found


def paste(_app: Sphinx, doctree: nodes.document) -> None:
    """Give each field its words, if it has none."""
    for each in doctree.findall(addnodes.desc):
        signature, content = each[0], each[-1]
        if content.astext().startswith("Alias for field number"):  # what a NamedTuple says by itself
            content.clear()
        if content.children or not signature["ids"]:
            continue
        owner, _, field = signature["ids"][0].rpartition(".")
        if field == "__init__":  # its arguments are documented by the class
            content += paragraph("See the class.")
        if each["objtype"] not in FIELDS:
            continue
        cls, value = resolved(owner), resolved(signature["ids"][0])
        if isinstance(value, ApplyRegistry):
            content += paragraph(f"Applies {', '.join(_code(one) for one in value.event_classes)}.")
        elif isinstance(cls, type) and (words := words_for(cls, field)):
            content += paragraph(words)


def _code(cls: type[object]) -> str:
    return f"``{cls.__qualname__}``"


def setup(app: Sphinx) -> None:
    """Cut before napoleon turns sections into lists, and paste into what was read."""
    app.connect("autodoc-process-docstring", cut, priority=400)
    app.connect("doctree-read", paste)

"""Write the pages of the reference: one per module that defines a public name.

A name is public if the ``__all__`` of a package lists it, and its spelling is that of the package, the
lowest one that lists it: ``esmodel.model.AggregateEvent``. It stands on the page of the module that defines
it, ``model.events``. A module that no package covers (``esmodel.exceptions``) lists what it defines. Each
package, the root included, gets a page of links to what it exports.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import esmodel

ROOT: Final = esmodel.__name__
SUFFIX: Final = ".rst"
SHOWN: Final = 100  # a longer value is not shown


class Name(NamedTuple):
    """A public name.

    Attributes:
        spelling: how users import it.
        home: the module that defines it.
        name: its last part.
    """

    spelling: str
    home: str
    name: str


@cache
def tree_of(module: str) -> ast.Module:
    """Return the code of a module, without loading it."""
    spec = importlib.util.find_spec(module)
    source = "" if spec is None or spec.origin is None else Path(spec.origin).read_text(encoding="utf-8")
    return ast.parse(source)


def module_names() -> Iterator[str]:
    """Yield the name of each module below the root, without loading it."""
    for found in pkgutil.walk_packages(esmodel.__path__, f"{ROOT}."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield found.name


def exports_of(module: str) -> list[str] | None:
    """Return the ``__all__`` of a module, ``None`` if it has none."""
    for node in tree_of(module).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
                return [
                    each.value
                    for each in elements
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
            case _:
                pass
    return None


def definitions_of(module: str) -> list[str]:
    """Return the names that a module defines without an underscore; type variables left out."""
    found: list[str] = []
    for node in tree_of(module).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.append(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not _is_type_variable(value):
                found.append(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.append(name)
            case _:
                pass
    return list(dict.fromkeys(each for each in found if not each.startswith("_")))


def _is_type_variable(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec")):
            return True
        case _:
            return False


def home_of(module: str, name: str) -> str:
    """Return the module that defines a name which another one imports."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith(ROOT):
            for each in node.names:
                if name == (each.asname or each.name):
                    return home_of(node.module, each.name)
    return module


def public_names() -> list[Name]:
    """Return all public names below the root, those of one home in the order of their definition."""
    packages = {module: exports for module in module_names() if (exports := exports_of(module)) is not None}
    found = [
        Name(f"{each}.{name}", home_of(each, name), name)
        for each, names in packages.items()
        for name in names
    ]
    for module in module_names():
        if module not in packages and not any(module.startswith(f"{each}.") for each in packages):
            found += [Name(f"{module}.{name}", module, name) for name in definitions_of(module)]
    lowest = sorted(found, key=lambda each: -each.spelling.count("."))
    unique = {(each.home, each.name): each for each in reversed(lowest)}
    return [
        unique[home, name]
        for home in dict.fromkeys(each.home for each in unique.values())
        for name in definitions_of(home)
        if (home, name) in unique
    ]


def private_names() -> set[str]:
    """Return what modules define and no ``__all__`` lists, in the spelling of its home."""
    public = {f"{each.home}.{each.name}" for each in public_names()}
    return {f"{module}.{name}" for module in module_names() for name in definitions_of(module)} - public


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n"


def _entry(each: Name) -> str:
    """Return the directive of a name."""
    nodes = tree_of(each.home).body
    for node, following in zip(nodes, [*nodes[1:], None], strict=True):
        match node:
            case ast.ClassDef(name=each.name):
                return f".. autoclass:: {each.spelling}\n"
            case ast.FunctionDef(name=each.name):
                return f".. autofunction:: {each.spelling}\n"
            case ast.Assign(targets=[ast.Name(id=each.name)]) | ast.AnnAssign(target=ast.Name(id=each.name)):
                return _data(each, node.value, following)
            case _:
                pass
    raise LookupError(f"{each.home} defines no {each.name}")


def _data(each: Name, value: ast.expr | None, following: ast.stmt | None) -> str:
    """Return the directive of a constant, described by the string after it."""
    match following:
        case ast.Expr(value=ast.Constant(value=str(text))):
            words = "\n".join(f"   {line}" if line else "" for line in text.splitlines())
        case _:
            words = ""
    code = "" if value is None else ast.unparse(value)
    shown = f"   :value: {code}\n" if 0 < len(code) < SHOWN else ""
    return f".. py:data:: {each.name}\n   :module: {each.spelling.rpartition('.')[0]}\n{shown}\n{words}\n"


def _page(home: str, names: Sequence[Name]) -> str:
    """Return the page of a module."""
    entries = "\n".join(map(_entry, names))
    # a package may export a function with the name of its module, as `testing.scenarios.scenario`
    is_taken = any(each.spelling == home for each in names)
    no_index = "   :no-index:\n" if is_taken else ""
    return f"{_title(_short(home))}\n.. automodule:: {home}\n   :no-members:\n{no_index}\n{entries}"


def _package_page(package: str, names: Iterable[Name]) -> str:
    """Return the page of a package: links to what it exports, or to the modules in it."""
    by_home = {(each.home, each.name): each.spelling for each in names}
    exported = exports_of(package)
    if exported is None:
        known = {*packages(), *(each.home for each in names)}
        inside = [each for each in module_names() if each.rpartition(".")[0] == package and each in known]
        links = "\n".join(f"- :py:mod:`{each}`" for each in inside)
    else:
        links = "\n".join(f"- :py:obj:`~{by_home[home_of(package, name), name]}`" for name in exported)
    return (
        f"{_title(package)}\n.. automodule:: {package}\n   :no-members:\n\n"
        f"Import from ``{package}``:\n\n.. rst-class:: names\n\n{links}\n"
    )


def packages() -> list[str]:
    """Return all packages, the root first."""
    inside = {each.rpartition(".")[0] for each in module_names()}
    return [ROOT, *sorted(inside - {ROOT})]


def pages() -> Mapping[str, str]:
    """Return all pages, by file name without suffix."""
    names = public_names()
    homes = dict.fromkeys(each.home for each in names)
    found = {_short(home): _page(home, [each for each in names if each.home == home]) for home in homes}
    return {_short(each): _package_page(each, names) for each in packages()} | found


def _short(module: str) -> str:
    return module.removeprefix(f"{ROOT}.")


def write(folder: Path) -> None:
    """Write all pages into a folder, and delete those of former modules."""
    texts = pages()
    for old in folder.glob(f"*{SUFFIX}"):
        if old.stem not in texts and old.name.removesuffix(SUFFIX) not in texts:
            old.unlink()
    for name, text in texts.items():
        page = folder / f"{name}{SUFFIX}"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            part = folder / f"{name}.{os.getpid()}"  # two builds may run at once
            part.write_text(text, encoding="utf-8")
            part.replace(page)

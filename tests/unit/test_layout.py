"""The layout of the tree: short files, layers, what examples may import, and the claims of pyproject.toml."""

from __future__ import annotations

import ast
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypedDict

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typing_extensions import is_protocol

import esmodel

ROOT: Final = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
PACKAGE: Final = Path(esmodel.__file__).parent
SOURCES: Final = sorted([*PACKAGE.rglob("*.py"), PACKAGE.parent / "esmodel_pytest.py"])
EXAMPLES: Final = sorted((ROOT / "examples").glob("*.py"))

MOST_LINES: Final = 300
LONGER: Final[dict[str, str]] = {
    "esmodel/exceptions.py": "the tree of all errors, read on one page",
    "esmodel/model/apply.py": "a registry and what it ignores, which are joined with each other",
    "esmodel/model/aggregate.py": "one class, whose hot paths are written out",
    "esmodel/model/entity.py": "one class, the base of all entities",
    "esmodel/model/events.py": "all kinds of events, each with its example, read on one page",
    "esmodel/model/hashchain.py": "one kind of entity, whose hot path is written out",
    "esmodel/repositories/aggregates.py": "one class, the repository",
    "esmodel/stores/postgres/schema.py": "the SQL of all tables and functions, read on one page",
    "esmodel/structures/array.py": "one class, a list over streams",
    "esmodel/testing/scenarios/outcome.py": "one class, whose `then` has an overload a header",
}
"""The files that may be longer, each with its reason."""

PUBLIC: Final = re.compile(
    r"esmodel(\.(model|structures|rows|repositories|codec|clock|ids|retry|exceptions|(stores|testing)\.[a-z]+))?"
)
"""The modules that users import from."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE.parent if path.is_relative_to(PACKAGE.parent) else ROOT).as_posix()


# --- files -----------------------------------------------------------------------------------------


def test_no_file_is_longer_than_300_lines_without_a_reason() -> None:
    lengths = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    long = {name: length for name, length in lengths.items() if length > MOST_LINES}

    assert {name: length for name, length in long.items() if name not in LONGER} == {}
    assert LONGER.keys() - long.keys() == set()


def comments_of(source: str) -> dict[int, str]:
    """Return the comments of some code, by the numbers of their lines."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {each.start[0]: each.string for each in tokens if each.type == tokenize.COMMENT}


def called(node: ast.Call) -> str:
    """Return the last name of a called function."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def unexplained(node: ast.Call, comments: dict[int, str]) -> Iterator[str]:
    """Yield a call without ``# because`` on one of its lines."""
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    if not any("# because" in comments.get(line, "") for line in lines):
        yield f"{node.lineno}: a {called(node)} without `# because`"


def faults_of(source: str) -> Iterator[str]:
    """Yield each place where code hides a type from the checkers, or asserts one without a reason."""
    comments = comments_of(source)
    for line, comment in comments.items():
        if re.search(r"\b(type|pyright|pyrefly|ty): *ignore", comment):
            yield f"{line}: {comment}"
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(args=[_, ast.Constant(value=str(name))]) if called(node) == "getattr":
                yield f"{node.lineno}: getattr of {name!r}"
            case ast.Call(args=[_, ast.Constant(), _]) if called(node) == "getattr":
                yield from unexplained(node, comments)
            case ast.Call() if called(node) == "cast":
                yield from unexplained(node, comments)
            case ast.Name(id="SimpleNamespace") | ast.Attribute(attr="SimpleNamespace"):
                yield f"{node.lineno}: SimpleNamespace"
            case _:
                pass


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_code_hides_nothing_from_the_type_checkers(path: Path) -> None:
    assert list(faults_of(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("x = 1  # type: ignore[assignment]", 1),
        ("x = 1  # pyright: ignore", 1),
        ("x = cast(int, y)", 1),
        ("x = typing.cast('int', y)  # because y was an int", 0),
        ("x = cast(\n    int,\n    y,\n)  # because y was an int", 0),
        ("x = getattr(y, 'name')", 1),
        ("x = getattr(y, 'name')  # because", 1),
        ("x = getattr(y, 'name', None)", 1),
        ("x = getattr(y, 'name', None)  # because not each y has one", 0),
        ("x = getattr(y, name)", 0),
        ("x = types.SimpleNamespace(a=1)", 1),
        ("x = 'cast(int, y)  # type: ignore'", 0),
    ],
)
def test_what_hides_something_is_found(code: str, found: int) -> None:
    assert len(list(faults_of(code))) == found


# --- layers ----------------------------------------------------------------------------------------


INDEPENDENT: Final = "Stores are independent of each other"
LAYERS: Final = "A layer imports only the layers below it"


def contracts_broken(folder: Path) -> set[str]:
    """Return the names of the import contracts that a copy of the package breaks."""
    command = [
        *(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"),
        *("--config", str(ROOT / "pyproject.toml"), "--no-cache"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    broken = set(re.findall(r"^(.+) BROKEN$", done.stdout, re.MULTILINE))
    assert done.returncode == bool(broken), done.stdout + done.stderr
    assert "KEPT" in done.stdout
    return broken


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("codec", "", set[str]()),
        ("codec", "import esmodel.repositories", {LAYERS}),
        ("rows", "import esmodel.model", {LAYERS}),
        ("repositories", "import esmodel.testing", {LAYERS}),
        ("structures", "import sqlite3", {"The kernel has no driver, no input and no output"}),
        # the root imports the layers above too
        ("model", "import esmodel", {LAYERS, "No module imports the package root"}),
        (
            "stores.memory",
            "import esmodel.ids",
            {"Stores import rows and exceptions only"},
        ),
        ("stores.sqlite", "import esmodel.stores.memory", {INDEPENDENT, "Layers of the SQLite store"}),
    ],
)
def test_a_planted_import_breaks_its_contract(
    module: str, line: str, broken: set[str], tmp_path: Path
) -> None:
    shutil.copytree(PACKAGE, tmp_path / "esmodel", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path / "esmodel" / module.replace(".", "/")
    file = target / "planted.py" if target.is_dir() else target.with_suffix(".py")
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"\n{line}\n")

    assert contracts_broken(tmp_path) == broken


# --- examples --------------------------------------------------------------------------------------


def imports_of(source: str) -> Iterator[tuple[str, str | None]]:
    """Yield each module of esmodel that code imports, with the name it takes from there."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((each.name, None) for each in names if each.name.split(".")[0] == "esmodel")
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "esmodel":
                yield from ((module, each.name) for each in names)
            case _:
                pass


def private_imports_of(source: str) -> Iterator[str]:
    """Yield each import that is not of a public name from a public module."""
    for module, name in imports_of(source):
        if PUBLIC.fullmatch(module) is None:
            yield f"{module} is private"
        elif name is not None:
            public: list[str] = vars(importlib.import_module(module)).get("__all__", [])
            if name not in public:
                yield f"{module}.__all__ has no {name}"


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_imports_public_names_only(path: Path) -> None:
    assert list(private_imports_of(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import attrs, esmodel", []),
        ("from esmodel import AggregateRoot", []),
        ("from esmodel.stores.sqlite import SQLiteStore", []),
        ("from esmodel.model.entity import Anything", ["esmodel.model.entity is private"]),
        ("import esmodel.stores.sqlite.store", ["esmodel.stores.sqlite.store is private"]),
        ("def f():\n    from esmodel import Anything", ["esmodel.__all__ has no Anything"]),
        ("from esmodel_pytest import memory_store", []),
    ],
)
def test_a_private_import_is_found(code: str, found: list[str]) -> None:
    assert list(private_imports_of(code)) == found


# --- claims ----------------------------------------------------------------------------------------


Project = TypedDict(
    "Project",
    {"classifiers": list[str], "dependencies": list[str], "optional-dependencies": dict[str, list[str]]},
)


def project() -> Project:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: Project = tomllib.load(file)["project"]
    return found


def test_the_classifiers_name_the_pythons_that_ci_runs() -> None:
    classifier = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    claimed = [found[1] for each in project()["classifiers"] if (found := classifier.fullmatch(each))]
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    versions = re.search(r"^versions=\(([\d. ]+)\)", run, re.MULTILINE)

    assert versions is not None
    assert claimed == versions[1].split()


def test_the_classifiers_claim_no_system_that_ci_does_not_run() -> None:
    systems = [each for each in project()["classifiers"] if each.startswith("Operating System")]

    assert systems == ["Operating System :: POSIX :: Linux"]


def required(extra: str) -> Iterator[Requirement]:
    """Yield the requirements of an extra, and of the extras that it takes in."""
    for requirement in map(Requirement, project()["optional-dependencies"][extra]):
        if requirement.name == "esmodel":
            for each in requirement.extras:
                yield from required(each)
        else:
            yield requirement


def locked(name: str) -> dict[str, list[str]]:
    """Return the versions of each package in a lock; there are several where they depend on the Python."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE):
        found.setdefault(canonicalize_name(package), []).append(version)
    return found


@pytest.mark.parametrize("extra", ["dev", "test"])
def test_the_lock_has_each_requirement_of_its_extra(extra: str) -> None:
    lock = locked(f"{extra}.txt")
    wanted = [*map(Requirement, project()["dependencies"]), *required(extra)]
    pairs = [(each, version) for each in wanted for version in lock.get(each.name, ["0"])]

    assert len(wanted) > 5
    # `just lock` writes it anew
    assert [str(each) for each, version in pairs if version not in each.specifier] == []


@pytest.mark.parametrize("name", ["dev.txt", "test.txt"])
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z])", text)[1:]

    assert len(packages) > 20
    assert [each for each in packages if "--hash=sha256:" not in each] == []
    assert re.findall(r"\S*://\S*|^ *--(?!hash)\S+", text, re.MULTILINE) == []


# --- examples in docstrings ------------------------------------------------------------------------

PACKAGES: Final = [name_of(path.parent).replace("/", ".") for path in SOURCES if path.name == "__init__.py"]
BROUGHT: Final = ("Discarded", "AttributeChanged")
"""How the names of events end that the library brings for each kind; one of each has an example."""


def exported_classes() -> Iterator[tuple[str, type[object]]]:
    for package in PACKAGES:
        module = importlib.import_module(package)
        names: list[str] = getattr(module, "__all__", [])
        for name in names:
            found: object = getattr(module, name)
            if isinstance(found, type) and found.__module__.partition(".")[0] == "esmodel":
                yield name, found


def test_each_public_class_has_an_example() -> None:
    bare = {
        f"{found.__module__}.{name}"
        for name, found in exported_classes()
        if ">>>" not in (found.__doc__ or "")
        and not issubclass(found, BaseException)
        and not is_protocol(found)
        and not (name.endswith(BROUGHT) and name not in BROUGHT)
    }
    assert bare == set()


def test_no_docstring_begins_with_what() -> None:
    lines = [
        f"{name_of(path)}: {docstring.partition(chr(10))[0]}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and (docstring := ast.get_docstring(node) or "").startswith("What ")
    ]
    assert lines == []

"""What type checkers accept and what they reject; and what is said once more at import."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import pytest

from esmodel.exceptions import ApplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

HERE = Path(__file__).resolve().parent
IGNORE = "  # type: ignore"
Checker: TypeAlias = Literal["mypy", "pyright"]
CHECKERS: tuple[Checker, ...] = ("mypy", "pyright")


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # because annotations are looked up in the module of a class
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


# --- what is accepted runs, too --------------------------------------------------------------------

ACCEPTED = load("accepted_by_type_checkers", HERE / "accepted.py")
FUNCTIONS: dict[str, Callable[[], None]] = {
    name: value for name, value in vars(ACCEPTED).items() if name.startswith("check_")
}


@pytest.fixture(autouse=True)
def _accepted_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, ACCEPTED.__name__, ACCEPTED)


def test_there_is_accepted_code_to_run() -> None:
    assert FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_accepted_code_runs(name: str) -> None:
    FUNCTIONS[name]()


# --- the checkers ----------------------------------------------------------------------------------


def root_of_project() -> Path:
    for folder in HERE.parents:
        if all((folder / name).is_file() for name in ("mypy.ini", "pyproject.toml")):
            return folder
    pytest.skip("the settings of the checkers, mypy.ini and pyproject.toml, are not here")


def require(checker: Checker) -> None:
    if importlib.util.find_spec(checker) is not None:
        return
    reason = f"{checker} is not installed"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must not pass without it")
    pytest.skip(reason)


def run(checker: Checker, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", checker, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


class Position(msgspec.Struct):
    """Where pyright found something; lines count from 0."""

    line: int


class Range(msgspec.Struct):
    """From where to where."""

    start: Position


class Finding(msgspec.Struct):
    """One thing that pyright says."""

    severity: str
    message: str
    range: Range


class Findings(msgspec.Struct):
    """All that pyright says."""

    generalDiagnostics: list[Finding]  # noqa: N815  # because pyright calls it so


Rejections: TypeAlias = list[tuple[int, str]]
"""The lines with errors, and the messages."""


class MypyFinding(msgspec.Struct):
    """One thing that mypy says; lines count from 1."""

    severity: str
    message: str
    line: int


def rejected_by_mypy(root: Path, copy: Path) -> Rejections:
    arguments = ["--config-file", str(root / "mypy.ini"), "--output", "json"]
    arguments += ["--cache-dir", str(copy.parent / "cache"), str(copy)]
    ran = run("mypy", arguments, copy.parent)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    found = [msgspec.json.decode(line, type=MypyFinding) for line in lines]
    return [(each.line, each.message) for each in found if each.severity == "error"]


def rejected_by_pyright(root: Path, copy: Path) -> Rejections:
    settings = {
        "include": [copy.name],
        "extraPaths": [str(root / "src")],
        "pythonVersion": "3.11",
        "typeCheckingMode": "strict",
    }
    (copy.parent / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    arguments = ["--pythonpath", sys.executable, "--outputjson", "--project", str(copy.parent)]
    ran = run("pyright", arguments, copy.parent)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = msgspec.json.decode(ran.stdout, type=Findings).generalDiagnostics
    return [(each.range.start.line + 1, each.message) for each in found if each.severity == "error"]


REJECTED_BY: dict[Checker, Callable[[Path, Path], Rejections]] = {
    "mypy": rejected_by_mypy,
    "pyright": rejected_by_pyright,
}


def test_mypy_agrees_with_each_line() -> None:
    require("mypy")
    root = root_of_project()
    ran = run("mypy", ["--config-file", "mypy.ini", str(HERE.relative_to(root))], root)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_pyright_agrees_with_each_line() -> None:
    require("pyright")
    root = root_of_project()
    ran = run("pyright", ["--pythonpath", sys.executable, str(HERE.relative_to(root))], root)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_mistake_is_rejected_and_nothing_else(checker: Checker, tmp_path: Path) -> None:
    require(checker)
    root = root_of_project()
    lines = (HERE / "rejected.py").read_text(encoding="utf-8").splitlines()
    mistakes = {number for number, line in enumerate(lines, 1) if line.endswith(IGNORE)}
    assert len(mistakes) > 50
    copy = tmp_path / "rejected.py"
    bare = "\n".join(line.removesuffix(IGNORE) for line in lines)
    # as for all tests: a coroutine function has the type Coroutine[Any, Any, ...], whatever decorates it
    copy.write_text(f"{bare}\n# mypy: disallow-any-decorated=False\n", encoding="utf-8")
    found = REJECTED_BY[checker](root, copy)
    rejected = {line for line, _ in found}
    accepted_wrongly = {number: lines[number - 1] for number in sorted(mistakes - rejected)}
    assert accepted_wrongly == {}
    rejected_wrongly = {number: lines[number - 1] for number in sorted(rejected - mistakes)}
    assert rejected_wrongly == {}
    for comment, event in MISSING.items():
        line = next(number for number, each in enumerate(lines, 1) if each.strip() == comment) + 1
        messages = [message for at, message in found if at == line]
        assert any(event in message for message in messages), (comment, messages)


MISSING = {
    "# leaving `closed` out of the join": "Closed",
    "# leaving out `deposited`, with `ignores` bound to a name": "Deposited",
    "# leaving out `deposited`, with `ignores` inside the join": "Deposited",
}
"""Mistakes whose messages must name the event that has no handler."""


def test_each_mistake_is_named_in_the_line_above() -> None:
    lines = (HERE / "rejected.py").read_text(encoding="utf-8").splitlines()
    unnamed = {
        number: line
        for number, line in enumerate(lines, 1)
        if line.endswith(IGNORE) and not lines[number - 2].lstrip().startswith("# ")
    }
    assert unnamed == {}


# --- what is said once more at import --------------------------------------------------------------

MODEL = """
from attrs import define, frozen
from esmodel import AggregateEvent, AggregateRoot, applies, ignores

@frozen(kw_only=True)
class Opened(AggregateEvent): pass

@frozen(kw_only=True)
class Deposited(AggregateEvent): pass

@frozen(kw_only=True)
class Closed(AggregateEvent): pass

@define
class Order(AggregateRoot[Closed]):
    @applies
    def order_closed(self, event: Closed) -> None: ...

    apply = order_closed.exhaustive

@define
class Account(AggregateRoot[Opened | Deposited | Closed]):
{handlers}
    apply = {join}
"""

HANDLERS = {
    "opened": "    @applies\n    def opened(self, event: Opened) -> None: ...\n",
    "deposited": "    @applies\n    def deposited(self, event: Deposited) -> None: ...\n",
    "closed": "    @applies\n    def closed(self, event: Closed) -> None: ...\n",
    "ignored": "    ignored = ignores(Closed)\n",
}


def write_model(folder: Path, join: str) -> Path:
    path = folder / "model.py"
    handlers = "".join(text for name, text in HANDLERS.items() if re.search(rf"\b{name}\b", join))
    path.write_text(MODEL.format(handlers=handlers, join=join), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "join",
    [
        "(opened | deposited | closed).exhaustive",
        "(closed | deposited | opened).exhaustive",
        "(opened | deposited | ignored).exhaustive",
        "(opened | deposited | ignores(Closed)).exhaustive",
        "(ignores(Closed, Deposited) | opened).exhaustive",
        "(opened | ignores(Closed | Deposited)).exhaustive",
        "ignores(Opened, Closed, Deposited).exhaustive",
    ],
)
def test_a_registry_of_all_events_is_accepted_at_import(join: str, tmp_path: Path) -> None:
    load("model", write_model(tmp_path, join))


SENTENCE = (
    "Account.apply has no handler for {event}. Write one with @applies and join it: "
    "apply = (... | {handler}).exhaustive, or: apply = (... | ignores({event})).exhaustive."
)


@pytest.mark.parametrize(
    ("join", "event", "handler"),
    [
        ("opened | deposited", "Closed", "closed"),
        ("deposited | closed", "Opened", "opened"),
        ("opened | ignored", "Deposited", "deposited"),
        ("opened | ignores(Closed)", "Deposited", "deposited"),
        ("deposited | ignores(Closed)", "Opened", "opened"),
        ("ignores(Closed)", "Opened", "opened"),
    ],
)
def test_a_missing_handler_is_named_at_import(join: str, event: str, handler: str, tmp_path: Path) -> None:
    with pytest.raises(ApplyError) as caught:
        load("model", write_model(tmp_path, f"({join}).exhaustive"))
    assert str(caught.value) == SENTENCE.format(event=event, handler=handler)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "join",
    [
        "opened | deposited | Order.order_closed",
        "Order.order_closed | opened | deposited",
        "opened | Order.order_closed | deposited",
        "Order.order_closed",
    ],
)
def test_a_handler_of_another_aggregate_is_named_at_import(join: str, tmp_path: Path) -> None:
    with pytest.raises(ApplyError) as caught:
        load("model", write_model(tmp_path, f"({join}).exhaustive"))
    assert str(caught.value).startswith("Account.apply: expected handlers of Account or of a base of it, ")
    assert "Order.order_closed" in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("join", "found"),
    [
        ("5", "5"),
        ("None", "None"),
        ("[opened, deposited, closed]", r"\["),
        ("opened | deposited | closed", "a bare join"),
        ("ignores(Opened, Closed, Deposited)", "a bare join"),
    ],
)
def test_what_is_not_checked_whole_is_refused_at_import(join: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(ApplyError, match=rf"Account\.apply: expected a join .* found {found}.*\.exhaustive"):
        load("model", write_model(tmp_path, join))


def test_two_handlers_of_one_event_are_named_at_import(tmp_path: Path) -> None:
    with pytest.raises(ApplyError, match=r"Account\.closed.*Leave one out") as caught:
        load("model", write_model(tmp_path, "(opened | deposited | closed | Order.order_closed).exhaustive"))
    assert "Order.order_closed" in str(caught.value)

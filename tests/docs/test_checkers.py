"""What the manual says that type checkers say is what they say.

A mistake in a page follows the mark ``<!-- a mistake -->``, what is said of it ``<!-- said -->``.
Each mistake is checked after the code of its page, and that code itself must be accepted.
``UPDATE_DOCS=1`` writes what is said now.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

import pytest

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
MARKED = "<!-- a mistake -->"
ALL_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = sorted(each for each in (ROOT / "docs").rglob("*.md") if MARKED in each.read_text("utf-8"))
FILE = re.compile(r"# \w+\.py\n")  # a file of its own
BLOCK = re.compile(
    r"^(?P<mark><!-- [^\n]*? -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Mistake(NamedTuple):
    """A mistake in a page, and where in the text stands what is said of it."""

    code: str
    said: tuple[int, int]


class MypyFinding(TypedDict):
    """One thing that mypy says."""

    file: str
    severity: str
    message: str
    code: str | None


class PyrightFinding(TypedDict):
    """One thing that pyright says."""

    file: str
    severity: str
    message: str
    rule: str


class PyrightFindings(TypedDict):
    """All that pyright says."""

    generalDiagnostics: list[PyrightFinding]


def mistakes_of(text: str) -> tuple[str, list[Mistake]]:
    """Return the code of a page that runs, and its mistakes."""
    model, code = "", ""
    found: list[Mistake] = []
    for block in BLOCK.finditer(text):
        mark = (block["mark"] or "").strip()
        if mark == "<!-- a mistake -->":
            code = block["code"]
        elif mark == "<!-- said -->":
            found.append(Mistake(code, block.span("code")))
        elif block["language"] == "python" and not mark and not FILE.match(block["code"]):
            model += block["code"] + "\n\n"
    return model, found


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


def said_by_mypy(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    settings = ["--config-file=", "--strict", "--cache-dir", str(folder / "cache")]
    done = run("-m", "mypy", *settings, "--output", "json", *names, folder=folder)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            finding: MypyFinding = json.loads(line)
            if finding["severity"] == "error":
                yield finding["file"], f"{finding['message']}  [{finding['code']}]"


def said_by_pyright(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    settings = {"include": list(names), "pythonVersion": "3.11", "typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    arguments = ["--pythonpath", sys.executable, "--outputjson", "--project", str(folder)]
    done = run("-m", "pyright", *arguments, folder=folder)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    findings: PyrightFindings = json.loads(done.stdout)
    for finding in findings["generalDiagnostics"]:
        if finding["severity"] == "error":
            message = finding["message"].replace("\xa0", " ")
            yield Path(finding["file"]).name, f"{message} ({finding['rule']})"


def said_by_python(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        done = run(name, folder=folder)
        last = done.stderr.strip().rpartition("\n")[2]
        if "esmodel.exceptions." in last:
            yield name, last.replace("esmodel.exceptions.", "")


def said(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return what is said of each file, as the manual prints it."""
    for name, code in files.items():
        (folder / name).write_text(code, encoding="utf-8")
    lines: dict[str, list[str]] = {name: [] for name in files}
    for who, findings in (
        ("mypy", said_by_mypy),
        ("pyright", said_by_pyright),
        ("python", said_by_python),
    ):
        for name, sentence in findings(folder, list(files)):
            lines[name].append(f"{who}: {sentence}\n")
    return {name: "".join(each) for name, each in lines.items()}


def require(*checkers: str) -> None:
    for checker in checkers:
        if importlib.util.find_spec(checker) is None:
            if os.environ.get("CI"):
                pytest.fail(f"{checker} is not installed, and CI must not pass without it")
            pytest.skip(f"{checker} is not installed")


def test_what_a_page_shows_as_right_is_accepted(tmp_path: Path) -> None:
    require("mypy", "pyright")
    names = {page: f"page_{number}.py" for number, page in enumerate(ALL_PAGES)}
    for page, name in names.items():
        model, _ = mistakes_of(page.read_text(encoding="utf-8"))
        (tmp_path / name).write_text(model, encoding="utf-8")
    files = sorted(names.values())

    assert len(files) > 10
    assert list(said_by_mypy(tmp_path, files)) == []
    assert list(said_by_pyright(tmp_path, files)) == []


def test_there_are_pages_with_mistakes() -> None:
    assert PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_says_what_the_checkers_say(page: Path, tmp_path: Path) -> None:
    require("mypy", "pyright")
    text = page.read_text(encoding="utf-8")
    model, mistakes = mistakes_of(text)
    files = {f"mistake_{number}.py": model + each.code for number, each in enumerate(mistakes, 1)}
    found = said(tmp_path, files)

    assert [name for name, sentences in found.items() if "mypy: " not in sentences] == []
    assert [name for name, sentences in found.items() if "pyright: " not in sentences] == []
    if os.environ.get("UPDATE_DOCS"):
        for mistake, sentences in reversed(list(zip(mistakes, found.values(), strict=True))):
            start, stop = mistake.said
            text = text[:start] + sentences + text[stop:]
        page.write_text(text, encoding="utf-8")
    else:
        printed = [text[slice(*mistake.said)] for mistake in mistakes]
        assert printed == list(found.values())

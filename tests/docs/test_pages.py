"""Every code block of the README and the manual runs, or says why not; every link leads somewhere.

The ``python`` blocks of a page are one script: they run in the order of the page, in one namespace
and an empty folder, with warnings as errors. A block whose first line is ``# NAME.py`` is a file beside
that script; files that are named ``test_*.py`` are run by pytest. A comment in the line above a block
says otherwise:

``<!-- not run: REASON -->``       it does not run, for this reason
``<!-- run by PATH -->``           this file of the project runs it
``<!-- run with REQUIREMENTS -->`` it runs as a script of its own, in the environment of this name
``<!-- a mistake -->``, ``<!-- said -->`` what type checkers say: ``test_checkers.py``
``<!-- file: NAME -->``            a step of the first guide: ``newcomer.py``
``<!-- output -->``                the script prints it
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.mark.structures import ParameterSet

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SLOW = [ROOT / "docs" / "testing-a-store.md"]
WITH_LINKS = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md"]
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?(?P<fence>```+)(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(
    r"not run: \S.*|run by (?P<path>\S+)|run with (?P<requirements>\w+)|a mistake|said|output|file: \S+"
)
FILE = re.compile(r"# (\w+\.py)\n")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
SECONDS = 120.0


class Block(NamedTuple):
    """A block of code in a page; the lines count from 1."""

    mark: str
    language: str
    code: str
    line: int


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(found["mark"] or "", found["language"].strip(), found["code"], line)


def script_of(page: Path) -> str:
    """Return the code of a page that runs, each line in its place."""
    script = ""
    for block in blocks_of(page):
        if block.language == "python" and not block.mark and not FILE.match(block.code):
            script += "\n" * (block.line - 1 - script.count("\n")) + block.code
    return script


def files_of(page: Path) -> dict[str, str]:
    """Return the files that a page shows."""
    blocks = [block.code for block in blocks_of(page) if block.language == "python" and not block.mark]
    return {found[1]: code for code in blocks if (found := FILE.match(code))}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def marked(page: Path) -> ParameterSet:
    """Return a page as a parameter; the contracts of a store are slow."""
    return pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if page in SLOW else [])


def run(*arguments: str | Path, folder: Path, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=seconds,
    )


def missing(reason: str) -> None:
    """Skip on a desk, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("page", [each for each in PAGES if script_of(each)], ids=name_of)
def test_code_of_a_page_runs_and_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    script = tmp_path / f"{page.stem}.py"
    script.write_text(script_of(page), encoding="utf-8")

    done = run(sys.executable, "-W", "error", script, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    outputs = [each.code for each in blocks_of(page) if each.mark == "output"]
    assert [each for each in outputs if each not in done.stdout] == []


@pytest.mark.parametrize("page", [marked(page) for page in PAGES])
def test_files_of_a_page_run_and_their_tests_pass(page: Path, tmp_path: Path) -> None:
    files = files_of(page)
    for name, code in files.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    tests = [name for name in files if name.startswith("test_")]
    for name in files:
        if name not in tests:
            done = run(sys.executable, "-W", "error", name, folder=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
    if tests:
        command = ["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *tests]
        done = run(sys.executable, *command, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_block_of_a_page_runs_or_says_why_not(page: Path) -> None:
    silent = [
        f"{page.name}:{block.line}: {block.language}: {block.mark or 'no mark'}"
        for block in blocks_of(page)
        if not block.language.startswith("{")  # a directive, which Sphinx reads
        and not (block.language == "python" and not block.mark)
        and not MARK.fullmatch(block.mark)
    ]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_file_that_is_said_to_run_a_block_is_there(page: Path) -> None:
    marks = [MARK.fullmatch(block.mark) for block in blocks_of(page)]
    paths = [found["path"] for found in marks if found is not None and found["path"]]
    assert [each for each in paths if not (ROOT / each).is_file()] == []


def test_a_block_without_a_mark_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nls\n```\n\n<!-- not run: an example -->\n```sh\nls\n```\n", encoding="utf-8")

    assert [(block.mark, block.line) for block in blocks_of(page)] == [("", 2), ("not run: an example", 7)]


def elsewhere(requirements: str) -> Iterator[tuple[Path, Block]]:
    for page in PAGES:
        for block in blocks_of(page):
            if block.mark == f"run with {requirements}":
                yield page, block


@pytest.mark.slow  # pip installs the other library
@pytest.mark.parametrize("requirements", ["eventsourcing8", "eventsourcing9"])
def test_code_for_another_library_runs_with_it(requirements: str, tmp_path: Path) -> None:
    blocks = list(elsewhere(requirements))
    assert blocks
    python = python_with(requirements)
    for page, block in blocks:
        script = tmp_path / "block.py"
        script.write_text("\n" * (block.line - 1) + block.code, encoding="utf-8")
        done = run(python, script, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), page.name


def python_with(requirements: str) -> str:
    """Return the Python of an environment of the benchmarks."""
    code = (
        "import sys; from benchmarks.contenders import Contender, python_of; "
        f"print(python_of(Contender({requirements!r}, '', {requirements!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        missing(f"the environment {requirements} could not be made: {done.stderr[-500:]}")
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["1-first-model.md", "adding-to-a-project.md"])
def test_a_guide_for_newcomers_works_as_printed(page: str) -> None:
    script = ROOT / "tests" / "docs" / "newcomer.py"
    done = run(sys.executable, script, "--installed", page, folder=ROOT, seconds=300.0)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{page}: " in done.stdout


# --- links -----------------------------------------------------------------------------------------


def prose_of(page: Path) -> str:
    """Return a page without its code."""
    return re.sub(r"`[^`\n]+`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def dead_links_of(page: Path) -> list[str]:
    dead: list[str] = []
    for link in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", link):
            continue  # of the network, which no test needs
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", WITH_LINKS, ids=name_of)
def test_each_link_leads_somewhere(page: Path) -> None:
    assert dead_links_of(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](#one-thing) [b](#two) [c](other.md) [d](page.md#one-thing)\n", "utf-8")

    assert dead_links_of(page) == ["#two", "other.md"]


def test_each_word_of_the_project_is_in_the_glossary() -> None:
    words = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Words")[2].partition(":")[2]
    listed = re.sub(r"\([^)]*\)| and |\.", ",", words.replace("\n", " ")).split(",")
    wanted = {each.strip() for each in listed if each.strip()}
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert {"stream", "head", "record store"} <= wanted
    assert wanted - set(re.findall(r"^([a-z ]+)$", glossary, re.MULTILINE)) == set()

"""The store of docs/testing-a-store.md fails and type-checks as the page says; test_pages.py runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from uncovered import without_coverage

from esmodel.testing import contracts

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
PAGE = (ROOT / "docs" / "testing-a-store.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        name = block.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(block, encoding="utf-8")
    assert {file.name for file in tmp_path.iterdir()} == {"lines_store.py", "test_lines_store.py"}
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_the_store_without_its_flush_loses_acknowledged_batches(folder: Path) -> None:
    store, line = folder / "lines_store.py", "self._file.flush()"
    text = store.read_text(encoding="utf-8")
    assert text.count(line) == 1
    store.write_text(text.replace(line, "pass"), encoding="utf-8")
    arguments = ("pytest", "-q", "-p", "no:cacheprovider", "-k", "Killed")
    ran = run(folder, *arguments)
    if ran.returncode == 0:  # every kill came after the file was written
        ran = run(folder, *arguments)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "ESMODEL_TEST_SEED=" in ran.stdout
    assert "law 1: acknowledged batches are lost" in ran.stdout


@pytest.mark.slow
def test_the_store_of_the_page_passes_mypy(folder: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    ran = run(folder, "mypy", "--strict", "--config-file", os.devnull, ".")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_page_names_every_contract() -> None:
    names = {name for name in contracts.__all__ if name.endswith(("Contract", "_machine"))}
    assert {name for name in names if f"`{name}" not in PAGE} == {
        "RepositoryContract",
        "SnapshotRepositoryContract",
    }


def test_esmodel_does_not_load_the_test_kits() -> None:
    code = (
        "import sys, esmodel; sys.exit(bool({'esmodel.testing', 'pytest', 'hypothesis'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_contracts_without_the_extra_name_it(missing: str) -> None:
    code = (
        f"import importlib.util, sys; sys.modules[{missing!r}] = None; "
        f"importlib.util.find_spec = lambda name: None if name == {missing!r} else object(); "
        "from esmodel.testing.contracts import StoreContract"
    )
    command = [sys.executable, "-c", code]
    # coverage would look for modules too
    ran = subprocess.run(command, env=without_coverage(), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "expected pytest and hypothesis" in ran.stderr
    assert "pip install 'esmodel[testing]'" in ran.stderr

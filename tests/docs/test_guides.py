"""The code of the guides in docs runs as it is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from esmodel.testing.history import LAWS

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
GUIDES = ["testing.md"]


def files_of(guide: str) -> dict[str, str]:
    """Return the blocks of Python by the name in their first line."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return {block.partition("\n")[0].removeprefix("# "): block for block in blocks}


@pytest.mark.parametrize("guide", GUIDES)
def test_code_of_the_guide_runs(guide: str, tmp_path: Path) -> None:
    files = files_of(guide)
    tests = [name for name in files if name.startswith("test_")]
    for name, block in files.items():
        (tmp_path / name).write_text(block, encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert tests
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("guide", GUIDES)
def test_each_link_of_the_guide_leads_somewhere(guide: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "docs" / guide).read_text(encoding="utf-8"))

    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_laws_of_the_guide_are_the_laws() -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8").partition("## Laws")[2]
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", text, re.MULTILINE)

    assert dict(rows[1:]) == dict(LAWS)

"""The code of docs/stores.md runs as it is printed, and the README's example on PostgreSQL."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
MARKED = re.compile(r"<!-- run by tests/docs/test_stores\.py -->\n```python\n(.*?)```", re.DOTALL)
BLOCKS: list[str] = MARKED.findall((ROOT / "docs" / "stores.md").read_text(encoding="utf-8"))
IN_THE_DOCS = "postgresql://localhost/bank"


def run(code: str, folder: Path) -> None:
    script = folder / "block.py"
    script.write_text(code, encoding="utf-8")

    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", BLOCKS)
def test_code_block_of_the_stores_runs(block: str, tmp_path: Path, dsn: str) -> None:
    assert len(BLOCKS) == 3
    assert IN_THE_DOCS in block

    run(block.replace(IN_THE_DOCS, dsn), tmp_path)


def test_example_of_the_readme_runs_on_postgresql_by_changing_its_store(tmp_path: Path, dsn: str) -> None:
    example = PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    lines = {
        "from esmodel.stores.sqlite import SQLiteStore": "from esmodel.stores.postgres import PostgresStore",
        'with SQLiteStore("bank.db") as store:': f"with PostgresStore({dsn!r}, migrate=True) as store:",
    }
    for old, new in lines.items():
        assert example.count(old) == 1
        example = example.replace(old, new)

    run(example, tmp_path)


def test_each_benchmark_that_the_stores_name_is_there() -> None:
    text = (ROOT / "docs" / "stores.md").read_text(encoding="utf-8")
    names = {name.replace(".", "/") for name in re.findall(r"python -m (benchmarks[.\w]*)", text)}

    assert names
    assert [name for name in names if not any(map(Path.exists, (ROOT / f"{name}.py", ROOT / name)))] == []

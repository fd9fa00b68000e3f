from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from postgres_server import MISSING, find_binaries

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())


def run(*arguments: str, module: str = "benchmarks") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def known_rows() -> set[str]:
    code = "import json; from benchmarks.rows import ROWS; print(json.dumps([row.name for row in ROWS]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_quick_run_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    path = tmp_path / "results.json"

    done = run("--quick", "--rows", "trigger", "--repeats", "2", "--json", str(path))

    assert done.returncode in {0, 1}, done.stderr  # 1: a machine so busy that a bound is exceeded
    assert "create and trigger 2,000 events" in done.stdout
    assert [line.split("-")[1].split()[0] for line in done.stdout.splitlines()[1:3]] == [
        "baseline",
        "esmodel",
    ]
    [result] = json.loads(path.read_text(encoding="utf-8"))
    assert result["row"] == "trigger"
    assert len(result["contenders"]["esmodel"]["repeats"]) == 2
    assert result["esmodel_to_baseline"] > 0


def test_an_unknown_row_is_refused() -> None:
    done = run("--quick", "--rows", "nothing")

    assert done.returncode == 2
    assert "nothing" in done.stderr


def test_each_row_has_a_bound_and_each_bound_a_row() -> None:
    bounds = json.loads((ROOT / "benchmarks" / "bounds.json").read_text(encoding="utf-8"))

    assert set(bounds) == known_rows()
    assert all(bound > 0 for bound in bounds.values())


def test_a_contender_that_gives_no_answer_is_an_error_in_time(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    code = (
        "from benchmarks import contenders\n"
        "contenders.PATIENCE = 1.0\n"
        "with contenders.Process(contenders.Contender('the sleeper', 'sleeper')) as process:\n"
        "    process.ask({'do': 'end'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "the sleeper: the process ended, or gave no answer within 1 s" in done.stderr


@pytest.mark.parametrize("work", ["save_one", "array_append", "file_bytes"])
def test_a_row_with_a_file_runs(work: str) -> None:
    done = run("--quick", "--rows", work, "--repeats", "1", "--synchronous", "NORMAL")

    assert done.returncode in {0, 1}, done.stderr
    assert "esmodel" in done.stdout


@pytest.mark.server
@pytest.mark.skipif(find_binaries() is None and not os.environ.get("CI"), reason=MISSING)
@pytest.mark.slow
def test_every_row_runs_on_postgresql(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    server = os.environ.get("ESMODEL_TEST_POSTGRES")

    done = run(
        *([server] if server else []),
        *("--quick", "--repeats", "1", "--json", str(path)),
        module="benchmarks.postgres",
    )

    assert done.returncode == 0, done.stderr
    assert "fsync" in done.stdout
    results = json.loads(path.read_text(encoding="utf-8"))
    assert [result["row"] for result in results] == ["save_many", "save_one", "load_one", "save_together"]
    assert all(result["esmodel_to_baseline"] > 0 for result in results)

"""The example examples/bank.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bank


def test_the_example_runs_twice_in_one_folder(tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(bank.__file__)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr, done.stdout) == (0, "", "Ada has 500 cents\n")

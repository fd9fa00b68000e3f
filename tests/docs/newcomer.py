"""The path of a newcomer: the first guide, step by step as it is printed, in an empty folder.

Run it with ``python tests/docs/newcomer.py WHEEL``. Files are written and commands are run as the
page shows them, in its order; ``pip install esmodel`` takes the wheel that is given. What the page
shows as output must be what was printed. With ``--installed`` in place of a wheel, nothing is
installed: the environment of the running Python serves.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "guides" / "1-first-model.md"
STEP: Final = re.compile(
    r"^<!-- (?P<mark>.*?) -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
INSTALL: Final = re.compile(r"^python3 -m venv \.venv\n.*pip install.*\n", re.MULTILINE)
SECONDS: Final = 300.0  # a command takes at most


class StepError(Exception):
    """A step does not work as it is printed."""


def walk(text: str, folder: Path, environment: dict[str, str]) -> int:
    """Do what a page says, and return how many steps it has.

    Raises:
        StepError: if a command fails, or an output is not the one that is printed.
    """
    printed = ""
    steps = 0
    for step in STEP.finditer(text):
        mark, code = step["mark"], step["code"]
        steps += 1
        if mark.startswith("file: "):
            (folder / mark.removeprefix("file: ")).write_text(code, encoding="utf-8")
        elif mark == "output":
            if code not in printed:
                raise StepError(f"{PAGE.name}: expected the output\n{code}\nfound\n{printed}")
        elif step["language"] == "sh":
            printed = _run(code, folder, environment)
            sys.stdout.write(f"$ {code.strip()}\n{printed}")
        else:
            raise StepError(f"{PAGE.name}: a step marked {mark!r} is no file, no command and no output")
    return steps


def _run(code: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],  # noqa: S607  # because it is what the reader types into
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        raise StepError(f"{PAGE.name}: exit status {done.returncode} of\n{code}\n{done.stdout}")
    return done.stdout


def main(wheel: Path | None) -> None:
    """Walk the path with a wheel, or without one with the packages of the running Python."""
    text = PAGE.read_text(encoding="utf-8")
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MYPYPATH"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "empty"
        folder.mkdir()
        if wheel is None:
            (folder / ".venv").symlink_to(sys.prefix)
            text = INSTALL.sub("", text, count=1)
        else:
            constraint = Path(temporary) / "constraint.txt"
            constraint.write_text(f"esmodel @ {wheel.resolve().as_uri()}\n", encoding="utf-8")
            environment["PIP_CONSTRAINT"] = str(constraint)
        steps = walk(text, folder, environment)
    if not steps:
        raise StepError(f"{PAGE.name}: expected steps, found none")
    sys.stdout.write(f"{steps} steps work as printed.\n")


if __name__ == "__main__":
    main(None if sys.argv[1:] == ["--installed"] else Path(sys.argv[1]))

"""Follow the two guides for newcomers step by step, as printed, each in an empty folder.

Run it with ``python tests/docs/newcomer.py WHEEL [PAGE]``. It writes the files and runs the commands of each
page, in its order; ``pip install esmodel`` takes the wheel. The output in a page must be the output of
the command before it. With ``--installed`` instead of a wheel, it installs nothing and uses the environment
of the running Python.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

GUIDES: Final = Path(__file__).parents[2] / "docs" / "guides"
PAGES: Final = (GUIDES / "1-first-model.md", GUIDES / "adding-to-a-project.md")
STEP: Final = re.compile(
    r"^<!-- (?P<mark>[^\n]*?) -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
INSTALL: Final = re.compile(r"^python3 -m venv \.venv\n.*pip install.*\n", re.MULTILINE)
SECONDS: Final = 300.0  # the limit of a command


class StepError(Exception):
    """A step does not work as printed."""


def walk(page: str, text: str, folder: Path, environment: dict[str, str]) -> int:
    """Follow a page, and return the number of its steps.

    Args:
        page: the name of the page, for errors.
        text: its text.
        folder: where the files go and the commands run.
        environment: of the commands.

    Raises:
        StepError: if a command fails, or prints something else than the page shows.
    """
    printed = ""
    steps = 0
    for step in STEP.finditer(text):
        mark, code = step["mark"], step["code"]
        if mark.startswith("not run: "):
            continue
        steps += 1
        if mark.startswith("file: "):
            file = folder / mark.removeprefix("file: ")
            file.parent.mkdir(exist_ok=True)
            file.write_text(code, encoding="utf-8")
        elif mark == "output":
            if code not in printed:
                raise StepError(f"{page}: expected the output\n{code}\nfound\n{printed}")
        elif step["language"] == "sh":
            printed = _run(page, code, folder, environment)
            sys.stdout.write(f"$ {code.strip()}\n{printed}")
        else:
            raise StepError(f"{page}: expected a file, a command or an output, found the mark {mark!r}")
    return steps


def _run(page: str, code: str, folder: Path, environment: dict[str, str]) -> str:
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
        raise StepError(f"{page}: exit status {done.returncode} of\n{code}\n{done.stdout}")
    return done.stdout


def main(wheel: Path | None, pages: Sequence[Path] = PAGES) -> None:
    """Follow pages with a wheel, or without one with the packages of the running Python."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MYPYPATH"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "empty"
            folder.mkdir()
            if wheel is None:
                (folder / ".venv").symlink_to(sys.prefix)
                text = INSTALL.sub("", text, count=1)
            else:
                # not "esmodel @ file:...": a constraint with an address fails for extras before pip 24
                constraint = Path(temporary) / "constraint.txt"
                constraint.write_text(f"esmodel=={wheel.name.split('-')[1]}\n", encoding="utf-8")
                environment["PIP_CONSTRAINT"] = str(constraint)
                environment["PIP_FIND_LINKS"] = str(wheel.resolve().parent)
            steps = walk(page.name, text, folder, environment)
        if not steps:
            raise StepError(f"{page.name}: expected steps, found none")
        sys.stdout.write(f"{page.name}: {steps} steps work as printed.\n")


if __name__ == "__main__":
    what, *only = sys.argv[1:]
    main(
        None if what == "--installed" else Path(what),
        [page for page in PAGES if page.name in only] if only else PAGES,
    )

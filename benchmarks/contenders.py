"""The contenders: their environments, and their processes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Final, NamedTuple, Self

from benchmarks.rows import BASELINE, DENSE_BASELINE, EIGHT, ESMODEL, EVENT, SOURCERY, STRUCT, TRANSACTION
from benchmarks.worker import Answer, Request

ROOT: Final = Path(__file__).parent.parent
REQUIREMENTS: Final = ROOT / "benchmarks" / "peers"
ENVIRONMENTS: Final = ROOT / ".benchmarks"


class Contender(NamedTuple):
    """A contender.

    Attributes:
        label: what the table calls it.
        module: what its worker loads.
        requirements: the name of its list of packages; without one, the running Python serves.
    """

    label: str
    module: str
    requirements: str | None = None


CONTENDERS: Final = {
    BASELINE: Contender("baseline", "benchmarks.baseline"),
    ESMODEL: Contender("esmodel", "benchmarks.kernel"),
    EVENT: Contender("eventsourcing 9.5 @event", "benchmarks.peers.eventsourcing9", "eventsourcing9"),
    STRUCT: Contender(
        "eventsourcing 9.5 msgspec", "benchmarks.peers.eventsourcing9_msgspec", "eventsourcing9"
    ),
    EIGHT: Contender("eventsourcing 8.2.5", "benchmarks.peers.eventsourcing8", "eventsourcing8"),
    SOURCERY: Contender("python-event-sourcery 0.6", "benchmarks.peers.sourcery", "sourcery"),
}
POSTGRES_CONTENDERS: Final = {
    BASELINE: Contender("baseline", "benchmarks.postgres.baseline"),
    DENSE_BASELINE: Contender("baseline, in commit order", "benchmarks.postgres.dense_baseline"),
    ESMODEL: Contender("esmodel", "benchmarks.postgres.kernel"),
    TRANSACTION: Contender("esmodel, order=transaction", "benchmarks.postgres.transaction"),
    EVENT: Contender(
        "eventsourcing 9.5 @event", "benchmarks.peers.eventsourcing9_postgres", "eventsourcing9_postgres"
    ),
    STRUCT: Contender(
        "eventsourcing 9.5 msgspec",
        "benchmarks.peers.eventsourcing9_msgspec_postgres",
        "eventsourcing9_postgres",
    ),
}
PATIENCE: Final = 900.0
"""The time limit for one answer, in seconds."""

LABELS: Final = {name: each.label for name, each in (CONTENDERS | POSTGRES_CONTENDERS).items()}
"""The labels of the contenders, the same for every database."""


class ContenderError(Exception):
    """A contender failed, or its packages could not be installed."""


def python_of(contender: Contender) -> str:
    """Return the Python of a contender; install its packages at the first use."""
    if contender.requirements is None:
        return sys.executable
    requirements = REQUIREMENTS / f"{contender.requirements}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:8]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = ENVIRONMENTS / f"{contender.requirements}-{version}-{digest}"
    python, finished = folder / "bin" / "python", folder / "finished"
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes may want one environment at once
        if not finished.exists():
            print(f"{contender.label}: installing into {folder.relative_to(ROOT)}", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(folder))
            _run(str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements))
            finished.touch()
    return str(python)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603  # because they are our own
    if done.returncode:
        raise ContenderError(f"{' '.join(command)}: exit status {done.returncode}")


class Process:
    """The process of a contender."""

    def __init__(self, contender: Contender) -> None:
        """Start it."""
        self._contender = contender
        self._process = subprocess.Popen(  # noqa: S603  # because the arguments are of our own
            [python_of(contender), "-m", "benchmarks.worker", contender.module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: Request) -> float:
        """Return the answer.

        Raises:
            ContenderError: if the contender fails, or gives no answer in time.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise ContenderError("the process has no pipes")
        with contextlib.suppress(BrokenPipeError):  # the process has ended
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        timer = Timer(PATIENCE, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise ContenderError(
                f"{self._contender.label}: the process ended, or gave no answer within {PATIENCE:.0f} s"
            )
        answer: Answer = json.loads(line)
        if answer["error"] is not None:
            raise ContenderError(f"{self._contender.label}: {request}\n{answer['error']}")
        return answer["value"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

"""A contender in a process of its own: one line of JSON per request, one per answer.

``python -m benchmarks.worker MODULE`` loads one contender and serves until its input ends.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias, TypedDict

from benchmarks.bank import Synchronous
from benchmarks.turns import Place, Turns
from benchmarks.works import BANK_WORKS, ITEMS_WORKS, MESSAGES_WORKS


class Begin(TypedDict):
    """Prepare a work; ``store`` names an attribute of the contender's module."""

    do: Literal["begin"]
    work: str
    store: str
    path: str
    synchronous: Synchronous
    size: int


class Go(TypedDict):
    """Do the prepared work once and answer the seconds or the quantity; or drop the work."""

    do: Literal["turn", "end"]


class Answer(TypedDict):
    """The figure, or 0; after a failure, a traceback."""

    value: float
    error: str | None


Request: TypeAlias = Begin | Go


class Worker:
    """One contender, and its current work."""

    def __init__(self, contender: ModuleType) -> None:
        """Take the module of the contender."""
        self._contender = contender
        self._turns: Turns | None = None
        self._is_checked = True

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        try:
            return {"value": self._do(request), "error": None}
        except Exception:  # noqa: BLE001  # because the other process must learn of every failure
            return {"value": 0.0, "error": traceback.format_exc()}

    def _do(self, request: Request) -> float:
        if request["do"] == "begin":
            self._turns = _turns(self._contender, request)
        elif self._turns is None:
            raise LookupError("no work was begun")
        elif request["do"] == "turn":
            return self._turn(self._turns)
        else:
            if not self._is_checked:
                next(self._turns)  # checks the last turn
            self._turns.close()
            self._turns = None
        return 0.0

    def _turn(self, turns: Turns) -> float:
        """Check the last turn, prepare this one and measure it."""
        prepared = next(turns)
        self._is_checked = isinstance(prepared, (int, float))
        if isinstance(prepared, (int, float)):
            return prepared
        gc.collect()  # garbage of earlier turns is not part of this one; the collector stays on
        start = time.perf_counter()
        prepared.run()
        return time.perf_counter() - start


def _turns(contender: ModuleType, request: Begin) -> Turns:
    work, size = request["work"], request["size"]
    place = Place(Path(request["path"]), request["synchronous"])
    if work in ITEMS_WORKS:
        return ITEMS_WORKS[work](getattr(contender, request["store"]), place, size)
    if work in MESSAGES_WORKS:
        return MESSAGES_WORKS[work](getattr(contender, request["store"]), place, size)
    return BANK_WORKS[work](getattr(contender, request["store"]), place, size)


def main() -> None:
    """Serve."""
    # A library that prints must not write between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(import_module(sys.argv[1]))
    for line in sys.stdin:
        request: Request = json.loads(line)
        answers.write(json.dumps(worker.answer(request)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

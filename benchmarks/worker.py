"""A contender in a process of its own: a line of JSON asks for something, a line answers.

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
    """Prepare a work; ``store`` is the name of what the module of the contender offers for it."""

    do: Literal["begin"]
    work: str
    store: str
    path: str
    synchronous: Synchronous
    size: int


class Go(TypedDict):
    """Do the prepared work once, and answer the seconds, or the quantity; or forget the work."""

    do: Literal["turn", "end"]


class Answer(TypedDict):
    """What was measured, or 0; or, if something failed, a traceback."""

    value: float
    error: str | None


Request: TypeAlias = Begin | Go


class Worker:
    """One contender, and the work it is at."""

    def __init__(self, contender: ModuleType) -> None:
        """Take the module of the contender."""
        self._contender = contender
        self._turns: Turns | None = None
        self._is_checked = True

    def answer(self, request: Request) -> Answer:
        """Do what is asked."""
        try:
            return {"value": self._do(request), "error": None}
        except Exception:  # noqa: BLE001  # because whatever fails must be told to the other process
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
                next(self._turns)  # which checks the last turn
            self._turns.close()
            self._turns = None
        return 0.0

    def _turn(self, turns: Turns) -> float:
        """Check the turn before, prepare this one, and measure it."""
        prepared = next(turns)
        self._is_checked = isinstance(prepared, (int, float))
        if isinstance(prepared, (int, float)):
            return prepared
        gc.collect()  # what came before is not this turn's; the collector stays on
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
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(import_module(sys.argv[1]))
    for line in sys.stdin:
        request: Request = json.loads(line)
        answers.write(json.dumps(worker.answer(request)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

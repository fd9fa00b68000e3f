"""Microseconds an event: replay, one save, a load."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.growth.account import (
    Account,
    check,
    check_count,
    counted,
    grown,
)
from benchmarks.growth.part import TOLERATED, Part, lengths_up_to, reference_of
from esmodel import EventSourcedRepository
from esmodel.stores.sqlite import SQLiteStore


class Collector:
    """Counts the seconds that Python's garbage collector takes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Record the beginning or the end of a collection."""
        del info
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since


def seconds_of(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds of some work, and the share of the garbage collector.

    What was thrown away before is collected before.
    """
    gc.collect()
    collector = Collector()
    gc.callbacks.append(collector)
    start = time.perf_counter()
    work()
    taken = time.perf_counter() - start
    gc.callbacks.remove(collector)
    return taken, collector.seconds


class Sample:
    """Histories of one length, replayed, saved and loaded.

    Samples of all lengths have the same number of events, unless one history is longer than that. So the
    processor's caches and SQLite's checkpoints, one per thousand pages, affect all lengths alike.
    """

    def __init__(self, length: int, events: int) -> None:
        """Prepare histories of one length, with this many events in total."""
        self._length = length
        self._accounts = [grown(length) for _ in range(max(events // length, 1))]
        self._ids = [each.id for each in self._accounts]
        self._histories = [each.pending_events for each in self._accounts]
        self._events = length * len(self._ids)
        self._found: list[Account] = []

    def microseconds(self, folder: Path) -> dict[str, float]:
        """Return the microseconds per event, measured in a file of its own."""
        replay, _ = seconds_of(self._replay)
        self._check()
        self._histories = []
        # NORMAL: with FULL, the save of a short history measures the disk
        with SQLiteStore(Path(folder, "sample.db"), synchronous="NORMAL") as store:
            repository = EventSourcedRepository(Account, store)
            save, collecting = seconds_of(partial(self._save, repository))
            self._accounts = []
            check_count(counted(store.read_all()), self._events)
            load, _ = seconds_of(partial(self._load, repository))
            self._check()
        for each in folder.glob("sample.db*"):
            each.unlink()
        found = {"replay": replay, "save": save, "save without gc": save - collecting, "load": load}
        return {name: seconds / self._events * 1e6 for name, seconds in found.items()}

    def _replay(self) -> None:
        self._found = [Account.replay(each) for each in self._histories]

    def _save(self, repository: EventSourcedRepository[Account]) -> None:
        for each in self._accounts:
            repository.save(each)

    def _load(self, repository: EventSourcedRepository[Account]) -> None:
        self._found = [repository.get_entity(each) for each in self._ids]

    def _check(self) -> None:
        check_count(len(self._found), len(self._ids))
        for each in self._found:
            check(each, self._length)
        self._found = []


def per_event(folder: Path, events: int, *, quick: bool) -> Part:
    """Measure replay, save and load; the best of several rounds, each of which has all lengths.

    The garbage collector visits the pending events and rows of a save again and again, so its time grows with
    the length of the save. The result therefore shows a save without it, too.
    """
    lengths = lengths_up_to(events)
    size, rounds = min(events, 10_000 if quick else 100_000), 10 if quick else 7
    best: dict[str, dict[int, float]] = {}
    for _ in range(rounds):
        for length in lengths:
            for name, found in Sample(length, size).microseconds(folder).items():
                figures = best.setdefault(name, {})
                figures[length] = min(found, figures.get(length, found))
    return Part(
        "Cost of an event",
        "events in the history",
        "microseconds an event",
        {name: sorted(each.items()) for name, each in best.items()},
        reference_of(lengths),
        f"up to {TOLERATED}",
    )

"""The peak of memory while reading."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from uuid import UUID

from benchmarks.growth.account import (
    PART,
    Account,
    check,
    check_count,
    counted,
    save_in_parts,
)
from benchmarks.growth.part import REFERENCE, TOLERATED, Curve, Part, lengths_up_to, reference_of
from esmodel import EventSourcedRepository
from esmodel.stores.sqlite import SQLiteStore


def peak_of(work: Callable[[], None]) -> float:
    """Return the peak of memory during some work, in KiB.

    ``tracemalloc`` counts each byte that Python allocates from here on. The peak of resident memory of a
    fresh process is coarser: it includes some 30 MB of interpreter and libraries, freed memory that the
    allocator keeps, and the page cache of SQLite, which grows to 2 MB and stays there. (On Linux,
    ``ru_maxrss`` even begins with the peak of the parent.)
    """
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - before) / 1024


def load_one(repository: EventSourcedRepository[Account], originator_id: UUID, length: int) -> None:
    """Load an aggregate."""
    check(repository[originator_id], length)


def read_events(repository: EventSourcedRepository[Account], originator_id: UUID, length: int) -> None:
    """Read the events of an aggregate."""
    check_count(counted(repository.events(originator_id)), length)


def read_rows(store: SQLiteStore, length: int) -> None:
    """Read all rows."""
    check_count(counted(store.read_all()), length)


def memory(folder: Path, events: int) -> Part:
    """Measure the peak of memory while loading an aggregate of each length and reading its events."""
    lengths = lengths_up_to(events, REFERENCE)
    curves: dict[str, Curve] = {"load": [], "events": [], "read_all": []}
    for length in lengths:
        with SQLiteStore(Path(folder, f"memory-{length}.db"), synchronous="NORMAL") as store:
            repository = EventSourcedRepository(Account, store)
            originator_id = save_in_parts(repository, length, PART)
            tasks = {
                "load": partial(load_one, repository, originator_id, length),
                "events": partial(read_events, repository, originator_id, length),
                "read_all": partial(read_rows, store, length),
            }
            for name, task in tasks.items():
                counted(islice(store.read_all(), 1))  # opens the connection that reads
                curves[name].append((length, peak_of(task)))
    return Part(
        "Peak memory while reading",
        "events in the history",
        "KiB",
        curves,
        reference_of(lengths),
        f"up to {TOLERATED}",
    )

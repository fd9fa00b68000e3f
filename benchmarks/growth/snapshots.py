"""Microseconds of a load with snapshots."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.growth.account import (
    Account,
    check,
    save_in_parts,
)
from benchmarks.growth.part import TOLERATED, Part
from esmodel import EventSourcedRepository
from esmodel.stores.sqlite import SQLiteStore

SNAPSHOT_EVERY: Final = 100
SINCE: Final = SNAPSHOT_EVERY // 2  # the average number of events after the latest snapshot


def snapshots(folder: Path, events: int, *, quick: bool) -> Part:
    """Measure loads with a snapshot every 100 events; each load replays 50 more events."""
    longest = max(events // SNAPSHOT_EVERY, 1) * SNAPSHOT_EVERY
    lengths = [each for each in (100, 1_000, 10_000, 100_000) if each < longest] + [longest]
    accounts, rounds, loads = 3, 10 if quick else 40, 20
    best: dict[int, list[float]] = {}
    with SQLiteStore(Path(folder, "snapshots.db"), synchronous="NORMAL") as store:
        repository = EventSourcedRepository(Account, store, snapshot_every=SNAPSHOT_EVERY)
        ids = {
            length: [save_in_parts(repository, length + SINCE, SNAPSHOT_EVERY) for _ in range(accounts)]
            for length in lengths
        }
        for length, each in ids.items():
            for originator_id in each:
                check(repository[originator_id], length + SINCE)
                snapshot = store.read_snapshot(originator_id)
                if snapshot is None or snapshot.position != length - 1:
                    sys.exit(f"expected a snapshot at version {length - 1}, found {snapshot}")
            best[length] = [float("inf")] * accounts
        for _ in range(rounds):
            for length, each in ids.items():
                for position, originator_id in enumerate(each):
                    start = time.perf_counter()
                    for _ in range(loads):
                        repository.get_entity(originator_id)
                    taken = (time.perf_counter() - start) / loads * 1e6
                    best[length][position] = min(taken, best[length][position])
    return Part(
        f"Load with a snapshot every {SNAPSHOT_EVERY} events",
        "events in the history",
        "microseconds a load",
        {"load": [(length, statistics.mean(each)) for length, each in best.items()]},
        lengths[0],
        f"up to {TOLERATED}",
    )

"""Threads that send commands to one aggregate at once, each under ``@retry(ConcurrencyError)``.

Run as a script, it sends 10,000 commands from 16 threads to each store, and prints how many failed, and how
long the others took: ``just contention``, ``just contention --store sqlite --seed 7``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID

from attrs import define, frozen
from postgres_server import MISSING, PostgresServer, find_binaries, make_cluster
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    EventSourcedRepository,
    applies,
    retry,
)
from esmodel.rows import SnapshottingRecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore

STREAM = UUID(int=1)


@frozen
class Counted(AggregateEvent):
    """One command was carried out."""


@define
class Counter(AggregateRoot[Counted]):
    """Counts commands."""

    total: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        """Add one."""
        self.total += 1

    apply = counted.exhaustive


@frozen
class Contention:
    """What became of the commands.

    Attributes:
        failed: the number of commands that gave up.
        seconds: how long each of the others took, in ascending order.
        attempts: the number of calls.
        elapsed: how long all of them took, in seconds.
    """

    failed: int
    seconds: Sequence[float]
    attempts: int
    elapsed: float

    def percentile(self, share: float, /) -> float:
        """Return the seconds that a share of the commands did not exceed."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))]

    @override
    def __str__(self) -> str:
        commands = self.failed + len(self.seconds)
        times = ", ".join(
            f"{name} {self.percentile(share) * 1e3:.0f} ms"
            for name, share in [("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("longest", 1.0)]
        )
        return (
            f"{self.failed} of {commands} failed; {times}; "
            f"{self.attempts / commands:.1f} attempts a command, {commands / self.elapsed:.0f} a second"
        )


def contend(
    store: SnapshottingRecordStore, *, threads: int, commands: int, snapshot_every: int | None = 100
) -> Contention:
    """Send commands to one new aggregate from several threads.

    Raises:
        AssertionError: if an acknowledged command is not in the stream, once.
    """
    counters = EventSourcedRepository(Counter, store, snapshot_every=snapshot_every)
    counters.save(Counter.create_with_id(STREAM, Counted))
    numbers, attempts, start = count(), count(), Barrier(threads)
    seconds: list[float] = []
    failed: list[ConcurrencyError] = []

    @retry(ConcurrencyError)
    def count_once() -> None:
        next(attempts)
        counter = counters[STREAM]
        counter.trigger(Counted)
        counters.save(counter)

    def work() -> None:
        start.wait()
        while next(numbers) < commands:
            begun = time.perf_counter()
            try:
                count_once()
            except ConcurrencyError as error:
                failed.append(error)
            else:
                seconds.append(time.perf_counter() - begun)

    workers = [Thread(target=work) for _ in range(threads)]
    begun = time.perf_counter()
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    elapsed = time.perf_counter() - begun
    assert counters[STREAM].total == 1 + len(seconds)
    assert len(seconds) + len(failed) == commands
    return Contention(len(failed), sorted(seconds), next(attempts), elapsed)


@contextmanager
def _memory() -> Generator[SnapshottingRecordStore]:
    yield MemoryStore()


@contextmanager
def _sqlite() -> Generator[SnapshottingRecordStore]:
    with tempfile.TemporaryDirectory() as folder, SQLiteStore(Path(folder) / "events.db") as store:
        yield store


@contextmanager
def _postgres() -> Generator[SnapshottingRecordStore]:
    binaries = find_binaries()
    if binaries is None:
        sys.exit(MISSING)
    with tempfile.TemporaryDirectory() as folder:
        cluster = Path(folder) / "data"
        make_cluster(binaries, cluster)
        server = PostgresServer(binaries, cluster, fsync=True)
        try:
            server.start()
            with PostgresStore(server.dsn, migrate=True) as store:
                yield store
        finally:
            server.remove()


_STORES: dict[str, Callable[[], AbstractContextManager[SnapshottingRecordStore]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgres": _postgres,
}


def main(arguments: Sequence[str]) -> int:
    """Print what became of the commands; return 1 if 1 in 1,000 failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=_STORES, action="append")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--snapshot-every", type=int, default=100, help="0 for no snapshots")
    parser.add_argument("--seed", type=int, default=None, help="of the pauses; threads run as they like")
    options = parser.parse_args(arguments)
    stores: list[str] = options.store or list(_STORES)
    threads: int = options.threads
    commands: int = options.commands
    every: int = options.snapshot_every
    given: int | None = options.seed
    seed = random.SystemRandom().randrange(2**32) if given is None else given
    random.seed(seed)
    sys.stdout.write(f"seed {seed}: {commands} commands of {threads} threads\n")
    most = 0.0
    for name in stores:
        with _STORES[name]() as store:
            found = contend(store, threads=threads, commands=commands, snapshot_every=every or None)
        sys.stdout.write(f"{name}: {found}\n")
        sys.stdout.flush()
        most = max(most, found.failed / commands)
    return int(most >= 0.001)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

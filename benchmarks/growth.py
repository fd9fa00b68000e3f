"""How cost grows with the length of a history and with the number of writers, on an SQLite file.

``python -m benchmarks.growth`` measures, and prints a table for each part:

1. microseconds an event of replay, of one save and of a load;
2. the peak of memory while loading an aggregate, and while reading its events and all rows;
3. microseconds of a load with snapshots;
4. saves a second of 1, 2, 4 and 8 processes that write to one file.

In parentheses stands the ratio to the figure that the others of its column should be like. It takes some
minutes and about 600 MB of memory; with ``--quick`` some seconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import platform
import sqlite3
import statistics
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, Self, TypeAlias
from uuid import UUID, uuid4

from attrs import define, frozen

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, applies
from esmodel.stores.sqlite import SQLiteStore

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, it finds its neighbour too

from benchmarks.charts import lines

FULL: Final = 1_000_000
QUICK: Final = 10_000
LENGTHS: Final = (10, 1_000, 100_000, 1_000_000)
REFERENCE: Final = 1_000
TOLERATED: Final = 1.15
KEPT: Final = 0.8  # so much of what one writer saves, all others together should at least
PART: Final = 10_000  # what a save holds at most, where saving is not what is measured
SNAPSHOT_EVERY: Final = 100
SINCE: Final = SNAPSHOT_EVERY // 2  # so many events come after the latest snapshot, as on average
WRITERS: Final = (1, 2, 4, 8)
OF_A_WRITER: Final = 10  # aggregates of each writer, and events of each save

Mode: TypeAlias = Literal["FULL", "NORMAL"]
MODES: Final[tuple[Mode, ...]] = ("FULL", "NORMAL")
Curve: TypeAlias = list[tuple[int, float]]
Job: TypeAlias = tuple[str, Mode, float] | None
Answer: TypeAlias = tuple[int, float]


@frozen(kw_only=True)
class Opened(AggregateEvent):
    """An account was opened."""

    owner: str


@frozen(kw_only=True)
class Deposited(AggregateEvent, name="bank.deposited"):
    """Money came in."""

    cents: int
    currency: str


AccountEvent: TypeAlias = Opened | Deposited


@define
class Account(AggregateRoot[AccountEvent]):
    """A bank account."""

    owner: str
    balance: int = 0

    @classmethod
    def open(cls, originator_id: UUID) -> Self:
        """Open an account."""
        return cls.create_with_id(originator_id, Opened, owner="Ada")

    def deposit(self, cents: int) -> None:
        """Put money in."""
        self.trigger(Deposited, cents=cents, currency="EUR")

    @applies
    def opened(self, event: Opened) -> None:
        """Set the owner."""
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        """Add to the balance."""
        self.balance += event.cents

    apply = (opened | deposited).exhaustive


def cents_at(version: int) -> int:
    """Return what the event of a version puts in: of three digits, so that all rows are as long."""
    return 100 + version % 900


def grow(account: Account, length: int) -> None:
    """Deposit until the history is so long."""
    deposit = account.deposit
    for version in range(account.version + 1, length):
        deposit(cents_at(version))


def grown(length: int) -> Account:
    """Return an account with so many events, all of them waiting."""
    account = Account.open(uuid4())
    grow(account, length)
    return account


def check(account: Account, length: int) -> None:
    """Stop unless an account is what its history makes it."""
    expected = (length - 1, sum(map(cents_at, range(1, length))), "Ada")
    found = (account.version, account.balance, account.owner)
    if found != expected:
        sys.exit(f"expected version, balance and owner {expected}, found {found}")


def check_count(found: int, expected: int) -> None:
    """Stop unless so many events were seen."""
    if found != expected:
        sys.exit(f"expected {expected} events, found {found}")


def counted(things: Iterable[object]) -> int:
    """Return how many there are, and keep none of them."""
    return sum(1 for _ in things)


@frozen
class Part:
    """What one part found: curves, and where they should stay.

    Attributes:
        title: what was measured.
        x: what it may depend on.
        y: its unit.
        curves: the figures by name.
        reference: the x whose figure is compared with those of the others.
        wanted: what is wanted of the ratio of the last figure to that.
        least: the lowest ratio of the last figure that is good.
        most: the highest.
    """

    title: str
    x: str
    y: str
    curves: dict[str, Curve]
    reference: int
    wanted: str
    least: float = 0.0
    most: float = TOLERATED

    def ratio(self, name: str, value: float) -> float:
        """Return what a figure is to that of the reference."""
        return value / dict(self.curves[name])[self.reference]

    def last_ratio(self, name: str) -> float:
        """Return what the last figure of a curve is to that of the reference."""
        return self.ratio(name, self.curves[name][-1][1])

    def show(self) -> None:
        """Print a table."""
        print(f"\n{self.title}: {self.y}\n")
        print(f"{self.x:>22}" + "".join(f"{name:>22}" for name in self.curves))
        for x, _ in next(iter(self.curves.values())):
            cells: list[str] = []
            for name, curve in self.curves.items():
                value = dict(curve)[x]
                digits = 0 if value >= 1_000 else 2 if value < 100 else 1
                cells.append(f"{f'{value:,.{digits}f} ({self.ratio(name, value):.2f})':>22}")
            print(f"{x:>22,}" + "".join(cells))
        for name in self.curves:
            ratio = self.last_ratio(name)
            verdict = "" if self.least <= ratio <= self.most else "   <-- NOT"
            print(f"{name}: last / {self.reference:,} = {ratio:.2f}, wanted: {self.wanted}{verdict}")
        sys.stdout.flush()

    def plain(self) -> dict[str, object]:
        """Return what can be written as JSON."""
        return {
            "title": self.title,
            "x": self.x,
            "y": self.y,
            "reference": self.reference,
            "curves": self.curves,
            "last_ratio": {name: self.last_ratio(name) for name in self.curves},
        }


def lengths_up_to(events: int, lowest: int = 1) -> list[int]:
    """Return the lengths of the histories to measure."""
    found = [each for each in LENGTHS if lowest <= each < events]
    return [*found, events]


def reference_of(lengths: Sequence[int]) -> int:
    """Return the length to compare with."""
    return REFERENCE if REFERENCE in lengths else lengths[0]


class Collector:
    """Counts the seconds that Python's collector of garbage takes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Take note of the begin or the end of a collection."""
        del info
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since


def seconds_of(work: Callable[[], None]) -> tuple[float, float]:
    """Return how long something takes, and how much of it the collector took.

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

    A sample of any length has as many events, or more where one history is longer. So the processor's
    caches and SQLite's checkpoints, one in about a thousand pages, weigh on all lengths alike.
    """

    def __init__(self, length: int, events: int) -> None:
        """Take how long a history is, and how many events there are to be."""
        self._length = length
        self._accounts = [grown(length) for _ in range(max(events // length, 1))]
        self._ids = [each.id for each in self._accounts]
        self._histories = [each.pending_events for each in self._accounts]
        self._events = length * len(self._ids)
        self._found: list[Account] = []

    def microseconds(self, folder: Path) -> dict[str, float]:
        """Return how long an event takes, in a file of its own."""
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

    Python's collector looks again and again at all that waits in one save, its events and its rows: what
    it takes grows with the length of that save. So save is shown without it, too.
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


def save_in_parts(repository: EventSourcedRepository[Account], length: int, part: int) -> UUID:
    """Save a history without holding it all in memory, and return the id of the account."""
    account = Account.open(uuid4())
    reached = 0
    while reached < length:
        reached = min(reached + part, length)
        grow(account, reached)
        repository.save(account)
    return account.id


def peak_of(work: Callable[[], None]) -> float:
    """Return the most KiB that something holds at once.

    ``tracemalloc`` counts what Python allocates from here on, each byte of it. The peak of resident memory
    of a fresh process is a coarser measure: it begins with some 30 MB of interpreter and libraries, holds
    what was freed and not given back, and counts SQLite's page cache, which fills up to 2 MB and
    stays there, whatever is read. (On Linux, ``ru_maxrss`` even begins with that of the parent.)
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
    """Measure the peak of memory while an aggregate of each length is loaded, and its events are read."""
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


def snapshots(folder: Path, events: int, *, quick: bool) -> Part:
    """Measure loads with a snapshot every 100 events, each of which has 50 events to replay besides."""
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


def write(connection: Connection[Answer, Job]) -> None:
    """Save as often as it can for as long as it is told, in a process of its own, until told ``None``."""
    while (job := connection.recv()) is not None:
        path, mode, seconds = job
        with SQLiteStore(path, synchronous=mode) as store:
            repository = EventSourcedRepository(Account, store)
            accounts = [Account.open(uuid4()) for _ in range(OF_A_WRITER)]
            connection.send((0, 0.0))  # ready
            connection.recv()  # all are
            saves = 0
            start = time.perf_counter()
            while time.perf_counter() < start + seconds:
                account = accounts[saves % OF_A_WRITER]
                grow(account, OF_A_WRITER * (saves // OF_A_WRITER + 1))
                repository.save(account)
                saves += 1
            connection.send((saves, time.perf_counter() - start))


def saves_a_second(
    connections: Sequence[Connection[Job, Answer]], path: Path, mode: Mode, seconds: float
) -> float:
    """Let writers write to one new file at once, and check what is in it."""
    task = (str(path), mode, seconds)
    for each in connections:
        each.send(task)
    for each in connections:
        each.recv()
    for each in connections:
        each.send(task)
    answers = [each.recv() for each in connections]
    with SQLiteStore(path) as store:
        repository = EventSourcedRepository(Account, store)
        events = Counter(record.originator_id for _, record in store.read_all())
        check_count(events.total(), OF_A_WRITER * sum(saves for saves, _ in answers))
        for originator_id, count in events.items():
            check(repository[originator_id], count)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    return sum(saves for saves, _ in answers) / max(taken for _, taken in answers)


def writers(folder: Path, *, quick: bool) -> Part:
    """Measure how often 1, 2, 4 and 8 processes save to one file; the best of several rounds."""
    rounds, seconds = (1, 0.3) if quick else (5, 1.5)
    context = multiprocessing.get_context("spawn")
    found: dict[tuple[Mode, int], list[float]] = {(mode, each): [] for mode in MODES for each in WRITERS}
    pipes = [context.Pipe() for _ in range(max(WRITERS))]
    ours: list[Connection[Job, Answer]] = [pipe[0] for pipe in pipes]
    processes = [context.Process(target=write, args=(pipe[1],), daemon=True) for pipe in pipes]
    for process, (_, theirs) in zip(processes, pipes, strict=True):
        process.start()
        theirs.close()  # so that a writer that dies is an error here
    for _ in range(rounds):
        for (mode, number), each in found.items():
            each.append(saves_a_second(ours[:number], Path(folder, "writers.db"), mode, seconds))
    for connection in ours:
        connection.send(None)
    for process in processes:
        process.join()
    return Part(
        "Processes that save to one file",
        "writers",
        f"saves of {OF_A_WRITER} events a second, all writers together",
        {mode: [(each, max(found[mode, each])) for each in WRITERS] for mode in MODES},
        1,
        f"from {KEPT}",
        least=KEPT,
        most=float("inf"),
    )


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"up to {QUICK:,} events, fewer repeats")
    parser.add_argument("--events", type=int, help=f"the longest history, by default {FULL:,}")
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    parser.add_argument("--chart", metavar="FILE.svg", help="draw them")
    given = parser.parse_args()
    quick: bool = given.quick
    asked: int | None = given.events
    inside: str | None = given.folder
    json_file: str | None = given.json
    chart_file: str | None = given.chart
    events = asked if asked is not None else QUICK if quick else FULL
    if events < 1:
        parser.error("--events must be 1 or more")
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    print(versions)
    parts: list[Part] = []
    with TemporaryDirectory(dir=inside) as name:
        folder = Path(name)
        for measure in (
            partial(per_event, folder, events, quick=quick),
            partial(memory, folder, events),
            partial(snapshots, folder, events, quick=quick),
            partial(writers, folder, quick=quick),
        ):
            parts.append(measure())
            parts[-1].show()
    if json_file is not None:
        figures = {"versions": versions, "parts": [part.plain() for part in parts]}
        Path(json_file).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if chart_file is not None:
        panels = [(part.title, part.x, part.y, part.curves) for part in parts]
        drawn = lines("How cost grows", panels, note=f"On one SQLite file. {versions}.")
        Path(chart_file).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()

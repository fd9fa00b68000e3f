"""Saves a second of several processes."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Literal, TypeAlias
from uuid import uuid4

from benchmarks.growth.account import (
    Account,
    check,
    check_count,
    grow,
)
from benchmarks.growth.part import Part
from esmodel import EventSourcedRepository
from esmodel.stores.sqlite import SQLiteStore

KEPT: Final = 0.8  # several writers should save at least this much of what one does
WRITERS: Final = (1, 2, 4, 8)
OF_A_WRITER: Final = 10  # aggregates of each writer, and events of each save
Mode: TypeAlias = Literal["FULL", "NORMAL"]
MODES: Final[tuple[Mode, ...]] = ("FULL", "NORMAL")
Job: TypeAlias = tuple[str, Mode, float] | None
Answer: TypeAlias = tuple[int, float]


def write(connection: Connection[Answer, Job]) -> None:
    """Serve as a writer: save as often as possible for the seconds asked for, until told ``None``."""
    while (job := connection.recv()) is not None:
        path, mode, seconds = job
        with SQLiteStore(path, synchronous=mode) as store:
            repository = EventSourcedRepository(Account, store)
            accounts = [Account.open(uuid4()) for _ in range(OF_A_WRITER)]
            connection.send((0, 0.0))  # ready
            connection.recv()  # all of them are
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
    """Let writers write to one new file at once, and check its contents."""
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
        theirs.close()  # so that the death of a writer raises here
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

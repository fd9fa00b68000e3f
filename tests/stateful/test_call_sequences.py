"""Random sequences of calls, by threads and processes: what was acknowledged is there once, in order.

``just storm-calls`` runs many. A failure names the seed of its sequences.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from call_sequences import (
    Acknowledged,
    Notes,
    Writer,
    streams_of,
    token_of,
    write_in_postgres,
    write_in_sqlite,
)
from profiles import examples
from worker_process import WorkerProcess, go_at_once

from esmodel import EventSourcedRepository
from esmodel.rows import SnapshottingRecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore

STORM: Final = int(os.environ.get("ESMODEL_STORM", "0"))
FIRST: Final = int(os.environ.get("ESMODEL_STORM_SEED", str(time.time_ns() // 1000)))
SEEDS: Final = range(FIRST, FIRST + (STORM // 2 or examples(50)))
"""A round has one seed, and two writers with a sequence of calls each."""


def check(stores: Sequence[SnapshottingRecordStore], acknowledged: Sequence[Acknowledged], seed: int) -> None:
    """Check that each acknowledged event is there once and in order, and that every stream can be loaded."""
    expected: dict[tuple[int, UUID], list[str]] = {}
    for number, stream, token in acknowledged:
        expected.setdefault((number, stream), []).append(token)
    for (number, stream), tokens in expected.items():
        repository = EventSourcedRepository(Notes, stores[number])
        found = [token_of(each) for each in repository.events(stream)]
        assert sorted(found) == sorted(tokens), seed  # each one, once, and no other
        for writer, own in by_writer(tokens).items():
            assert [each for each in found if each.startswith(f"{writer}-")] == own, seed
        assert repository[stream].tokens == found, seed
        assert repository.verify(stream).events == len(found), seed
    for stream in streams_of(seed):
        for number, store in enumerate(stores):
            if (number, stream) not in expected:
                assert list(store.read(stream)) == [], seed


def by_writer(tokens: Sequence[str]) -> Mapping[str, list[str]]:
    """Return the tokens of each writer, in the order in which they were acknowledged."""
    found: dict[str, list[str]] = {}
    for token in tokens:
        found.setdefault(token.partition("-")[0], []).append(token)
    return found


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sequence[SnapshottingRecordStore]]:
    """Open the two stores that the aggregates are saved in."""
    kind: str = request.param
    if kind == "memory":
        yield (MemoryStore(), MemoryStore())
    elif kind == "sqlite":
        with SQLiteStore(tmp_path / "calls.db") as store, SQLiteStore(tmp_path / "calls.db-other") as other:
            yield (store, other)
    else:
        dsn: str = request.getfixturevalue("dsn")
        with (
            PostgresStore(dsn, schema="main", migrate=True) as store,
            PostgresStore(dsn, schema="other", migrate=True) as other,
        ):
            yield (store, other)


def test_threads_lose_nothing_and_store_nothing_twice(stores: Sequence[SnapshottingRecordStore]) -> None:
    for seed in SEEDS:
        writers = [Writer(name, seed, stores) for name in ("one", "two")]
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(each.run) for each in writers]:
                done.result()
        check(stores, [each for writer in writers for each in writer.acknowledged], seed)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def test_processes_lose_nothing_and_store_nothing_twice(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    names = ("one", "two")
    with ExitStack() as stack:
        if kind == "sqlite":
            path = str(tmp_path / "calls.db")
            stores = [stack.enter_context(SQLiteStore(each)) for each in (path, f"{path}-other")]
            processes = [WorkerProcess(write_in_sqlite, name, SEEDS, path) for name in names]
            check_lines(stores, lines_of(processes))
        else:
            dsn: str = request.getfixturevalue("dsn")
            servers = [
                stack.enter_context(PostgresStore(dsn, schema=each, migrate=True))
                for each in ("main", "other")
            ]
            processes = [WorkerProcess(write_in_postgres, name, SEEDS, dsn) for name in names]
            check_lines(servers, lines_of(processes))


def lines_of(processes: Sequence[WorkerProcess]) -> list[str]:
    """Let processes go at once, and return what they said."""
    go_at_once(processes)
    return [line for process in processes for line in process.finish()]


def check_lines(stores: Sequence[SnapshottingRecordStore], lines: Sequence[str]) -> None:
    """Check what processes said that saves acknowledged."""
    found: dict[int, list[Acknowledged]] = {seed: [] for seed in SEEDS}
    for line in lines:
        if line != "ready":
            told, number, stream, token = line.split(" ")
            found[int(told)].append((int(number), UUID(stream), token))
    for seed, acknowledged in found.items():
        check(stores, acknowledged, seed)

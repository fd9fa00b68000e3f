"""``SQLiteStore`` in processes that fork."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
import sqlite_tasks
from sample_rows import STREAM, row, rows
from worker_process import run

from esmodel.exceptions import StoreError
from esmodel.rows import FREE, Append
from esmodel.stores.sqlite import SQLiteStore


def test_a_store_works_on_both_sides_of_a_fork(path: Path) -> None:
    assert run(sqlite_tasks.fork_and_outlive_the_parents_store, path) == [
        "child [0, 1, 2]",
        "parent [0, 1, 2]",
    ]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_no_connection_is_open_at_the_moment_of_a_fork(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append(Append([row(0)], FREE))
    reading = store.read(STREAM)
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    with pytest.raises(sqlite3.ProgrammingError, match="Cannot operate on a closed database"):
        connections[0].execute("SELECT 1")
    store.append(Append([row(1)], FREE))
    assert list(reading) == rows(2)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_deleted_file_is_not_created_again_after_a_fork(path: Path, store: SQLiteStore) -> None:
    store.append(Append([row(0)], FREE))
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    path.unlink()
    with pytest.raises(StoreError, match="unable to open database file"):
        store.append(Append([row(1)], FREE))
    assert not path.exists()


@pytest.mark.slow
def test_a_process_may_fork_while_its_threads_append(path: Path) -> None:
    said = run(sqlite_tasks.fork_while_threads_append, path)
    acknowledged = dict(line.split(" ") for line in said)
    assert len(acknowledged) == 23
    with SQLiteStore(path) as store:
        stored = Counter(str(record.originator_id) for _, record in store.read_all())
    assert {stream: str(number) for stream, number in stored.items()} == acknowledged


def test_a_fork_without_the_hooks_of_python_is_refused_in_the_child(path: Path) -> None:
    error, parent = run(sqlite_tasks.fork_without_hooks, path)
    assert error.endswith("Open the store after the fork.")
    assert parent == "parent [0, 1]"

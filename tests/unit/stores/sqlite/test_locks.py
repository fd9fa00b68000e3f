"""``SQLiteStore`` with a locked, busy or full file."""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import StoreError
from esmodel.rows import FREE, Append
from esmodel.stores.sqlite import SQLiteStore

SHORT = timedelta(milliseconds=50)


def test_a_locked_file_is_an_error_for_writers_and_not_for_readers(path: Path, store: SQLiteStore) -> None:
    store.append(Append([row(0)], FREE))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"events\.db: .*locked.*set a longer busy_timeout"):
            store.append(Append([row(1)], FREE))
        assert list(store.read(STREAM)) == [row(0)]
        assert store.last(STREAM) == (0, b"")
    store.append(Append([row(1)], FREE))


def test_a_writer_waits_for_another_writer(path: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(SQLiteStore(path))
        other = stack.enter_context(
            closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
        )
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.1, lambda: other.execute("COMMIT"))
        started = time.monotonic()
        release.start()
        store.append(Append([row(0)], FREE))
        release.join()
        assert time.monotonic() - started > 0.08


def test_creating_a_file_waits_for_another_process_that_creates_it(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.1, lambda: other.execute("COMMIT"))
        release.start()
        SQLiteStore(path).close()
        release.join()


def test_creating_a_file_that_stays_locked_is_an_error(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another process keeps it locked"):
            SQLiteStore(path, busy_timeout=SHORT)


def test_an_append_during_another_cannot_end_its_transaction(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    refused: list[str] = []

    def append_too(statement: str) -> None:  # as a signal handler might
        if "INTO record" in statement:
            connections[0].set_trace_callback(None)
            try:
                store.append(Append([row(0)], FREE))
            except StoreError as error:
                refused.append(str(error))

    connections[0].set_trace_callback(append_too)
    store.append(Append(rows(3), FREE))
    assert len(refused) == 1
    assert "found a call by a signal handler" in refused[0]
    assert list(store.read(STREAM)) == rows(3)


def test_a_full_file_refuses_a_batch_whole_and_accepts_it_once_there_is_space(
    connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append(Append([row(0)], FREE))
    pages: tuple[int] = connections[0].execute("PRAGMA page_count").fetchone()
    connections[0].execute(f"PRAGMA max_page_count = {pages[0] + 10}")
    with pytest.raises(StoreError, match=r"events\.db: .*full\. Free some space on the disk"):
        store.append(Append([row(position, data=b"x" * 1_000) for position in range(1, 100)], FREE))
    assert list(store.read(STREAM)) == [row(0)]
    assert store.last(STREAM) == (0, b"")
    store.append(Append([row(1)], FREE))
    connections[0].execute("PRAGMA max_page_count = 1000000")
    store.append(Append([row(position, data=b"x" * 1_000) for position in range(2, 100)], FREE))

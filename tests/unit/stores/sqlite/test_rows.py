"""``SQLiteStore`` pages long streams and refuses rows that SQLite cannot hold."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import cast

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreClosedError, StoreError
from esmodel.rows import FREE, Append
from esmodel.stores.sqlite import SQLiteStore, _transactions


def test_pages_are_limited_by_bytes_too_so_that_long_rows_need_no_more_memory(
    store: SQLiteStore,
) -> None:
    long = [row(position, data=b"%d" % position * 400_000) for position in range(10)]
    store.append(Append(long, FREE))
    assert list(store.read(STREAM)) == long
    assert list(store.read(STREAM, descending=True, limit=7)) == long[:2:-1]
    assert [record for _, record in store.read_all(limit=9)] == long[:9]


def test_the_memory_of_a_read_does_not_grow_with_the_stream(store: SQLiteStore) -> None:
    for start in range(0, 40, 10):
        store.append(Append([row(start + number, data=b"x" * 1_000_000) for number in range(10)], FREE))
    tracemalloc.start()
    try:
        assert sum(len(record.data) for record in store.read(STREAM)) == 40_000_000
        assert sum(len(record.data) for _, record in store.read_all()) == 40_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_no_transaction_stays_open_while_a_reader_pauses(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(Append(rows(1_200), FREE))
        stream, everything = store.read(STREAM), store.read_all()
        assert next(stream) == row(0)
        assert next(everything) == (1, row(0))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            busy: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert busy == (0, 0, 0)
        assert [*stream] == rows(1_200)[1:]
        assert sum(1 for _ in everything) == 1_199


def test_a_paused_reader_raises_after_the_store_was_closed(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(Append(rows(1_200), FREE))
        stream, everything = store.read(STREAM), store.read_all()
        list(islice(stream, 500))
        list(islice(everything, 500))
    with pytest.raises(StoreClosedError):
        next(stream)
    with pytest.raises(StoreClosedError):
        next(everything)


@pytest.mark.parametrize("length", [10**9 + 1, 2**31])
def test_a_row_that_sqlite_cannot_hold_is_refused(store: SQLiteStore, length: int) -> None:
    # The system provides zeros without using memory until they are read.
    with pytest.raises(PayloadError, match="expected a row that SQLite can hold"):
        store.append(Append([row(0), row(1, data=bytes(length))], FREE))
    with pytest.raises(PayloadError, match="expected a row that SQLite can hold"):
        store.write_snapshot(row(1, data=bytes(length)))
    assert list(store.read(STREAM)) == []
    store.append(Append(rows(2), FREE))


def test_a_batch_with_a_row_of_wrong_types_is_refused_whole(store: SQLiteStore) -> None:
    nothing = cast("bytes", cast("object", None))
    with pytest.raises(StoreError, match=r"NOT NULL constraint failed: record\.data"):
        store.append(Append([row(0), row(1, data=nothing)], FREE))
    assert list(store.read_all()) == []
    store.append(Append(rows(2), FREE))


def test_a_name_of_a_refused_batch_is_not_cached(store: SQLiteStore) -> None:
    store.append(Append([row(0)], FREE))
    for name in ("One", "Two"):
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(1)._replace(name=name), row(0)], FREE))
    store.append(Append([row(1)._replace(name="Two"), row(2)._replace(name="One")], FREE))
    assert [record.name for record in store.read(STREAM)] == ["Happened", "Two", "One"]


def test_two_stores_of_one_file_see_each_others_rows_and_names(path: Path) -> None:
    with SQLiteStore(path) as one, SQLiteStore(path) as two:
        for position in range(0, 20, 2):
            one.append(Append([row(position)._replace(name=f"Name {position}")], FREE))
            two.append(Append([row(position + 1)._replace(name=f"Name {position % 3}")], FREE))
            assert list(one.read(STREAM)) == list(two.read(STREAM))
        with pytest.raises(ConcurrencyError) as caught:
            two.append(Append([row(3), row(4)], FREE))
        assert (caught.value.expected, caught.value.found) == (2, 19)


def test_a_long_write_ahead_log_is_truncated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Path(f"{path}-wal")
    monkeypatch.setattr(_transactions, "_COMMITS", 4)
    monkeypatch.setattr(_transactions, "_LOG_BYTES", 100_000)
    with SQLiteStore(path, synchronous="NORMAL") as store, closing(sqlite3.connect(path)) as connection:
        store.append(Append([row(0)], FREE))
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM record").fetchall()
        # an open read transaction keeps the log from being truncated
        for position in range(1, 41):
            store.append(Append([row(position, data=b"x" * 50_000)], FREE))
        grown = log.stat().st_size
        assert grown > 2_000_000
        connection.execute("COMMIT")
        for position in range(41, 45):
            store.append(Append([row(position)], FREE))
        assert log.stat().st_size < 100_000
        assert [record.position for record in store.read(STREAM)] == list(range(45))

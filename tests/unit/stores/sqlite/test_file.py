"""``SQLiteStore`` opens its own files and refuses others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal, cast

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import PayloadError, StoreError, StoreFormatError
from esmodel.rows import FREE, Append, RecordStore, SupportsReadAll, SupportsSnapshots
from esmodel.stores.sqlite import SQLiteStore


def test_it_implements_each_protocol(store: SQLiteStore) -> None:
    as_record_store: RecordStore = store
    as_read_all: SupportsReadAll = store
    as_snapshots: SupportsSnapshots = store
    as_record_store.append(Append([row(0)], FREE))
    as_snapshots.write_snapshot(row(0))
    assert list(as_read_all.read_all()) == [(1, row(0))]


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL", "EXTRA"])
def test_rows_last_and_snapshots_outlive_the_store(
    path: Path, synchronous: Literal["FULL", "NORMAL", "EXTRA"]
) -> None:
    with SQLiteStore(path, synchronous=synchronous) as store:
        store.append(Append([row(0), row(1)._replace(event_hash=b"hash")], FREE))
        store.write_snapshot(row(1))
    with SQLiteStore(str(path), synchronous=synchronous) as store:
        store.append(Append([row(2)], FREE))
        assert [number for number, _ in store.read_all()] == [1, 2, 3]
        assert store.last(STREAM) == (2, b"")
        assert store.read_snapshot(STREAM) == row(1)


def test_a_closed_store_is_one_file(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(Append(rows(100), FREE))
        assert list(store.read(STREAM)) == rows(100)
    assert [file.name for file in path.parent.iterdir()] == ["events.db"]


def test_a_small_row_costs_few_bytes(path: Path) -> None:
    data, number = b'{"amount": "12.34"}', 10_000
    with SQLiteStore(path) as store:
        store.append(Append([row(position, data=data) for position in range(number)], FREE))
    assert path.stat().st_size / number < len(data) + 40


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?mode=ro.db", "\u00fc#1.db", "file:x.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    with SQLiteStore(tmp_path / name) as store:
        store.append(Append([row(0)], FREE))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_file_stays_the_same_after_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with SQLiteStore("events.db") as store:
        monkeypatch.chdir("elsewhere")
        store.append(Append([row(0)], FREE))
        assert list(store.read(STREAM)) == [row(0)]
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_database_in_memory_is_refused(path: str) -> None:
    with pytest.raises(StoreFormatError, match=r"expected the path of a file.* Use MemoryStore"):
        SQLiteStore(path)


def test_a_wrong_setting_is_refused(path: Path) -> None:
    wrong = cast("Literal['FULL']", "OFF")
    with pytest.raises(PayloadError, match="expected FULL, NORMAL or EXTRA, found OFF"):
        SQLiteStore(path, synchronous=wrong)
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/events\.db: .*Check that its folder exists"):
        SQLiteStore(tmp_path / "nowhere" / "events.db")


def test_a_deleted_file_is_not_created_again(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(Append([row(0)], FREE))
        for file in path.parent.iterdir():
            file.unlink()
        with pytest.raises(StoreError, match="unable to open database file"):
            store.last(STREAM)
    assert not path.exists()


def test_a_newer_format_is_refused(path: Path) -> None:
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreFormatError, match=r"expected format 1, found 2\. Upgrade"):
        SQLiteStore(path)


def test_a_database_of_another_program_is_refused_and_left_unchanged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE record (number)")
    before = path.read_bytes()
    with pytest.raises(StoreFormatError, match="found an SQLite database of another program"):
        SQLiteStore(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["events.db"]


@pytest.mark.parametrize("content", [b"hello", b"date,amount\n" * 1_000, bytes(9_000)])
def test_a_file_that_is_not_a_database_is_refused_and_left_unchanged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreFormatError, match="expected an SQLite database"):
        SQLiteStore(path)
    assert path.read_bytes() == content


def test_an_empty_file_and_a_half_created_one_get_their_tables(path: Path) -> None:
    path.touch()
    SQLiteStore(path).close()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        # a process that was killed before it created the tables
        connection.execute("PRAGMA journal_mode = WAL")
    with SQLiteStore(path) as store:
        store.append(Append([row(0)], FREE))


def test_a_damaged_file_is_an_error(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(Append([row(position, data=b"x" * 500) for position in range(1_000)], FREE))
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 100 * 4096] = b"\x5a" * (92 * 4096)
    path.write_bytes(content)
    with SQLiteStore(path) as store, pytest.raises(StoreError, match="restore the file from a"):
        list(store.read(STREAM))


def test_a_wrong_index_is_an_error_and_not_a_conflict(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.append(Append(rows(3), FREE))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE UNIQUE INDEX other ON record (timestamp)")
    with SQLiteStore(path) as store:
        with pytest.raises(StoreError, match="expected indexes that match the rows"):
            store.append(Append([row(3)._replace(timestamp=0)], FREE))
        store.append(Append([row(3)], FREE))

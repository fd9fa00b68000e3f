"""An index that does not fit its rows gives no rows of another stream, and no stream that looks new."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import StoreError
from esmodel.rows import Append
from esmodel.stores.sqlite import SQLiteStore

OTHER = UUID(int=77)


@contextmanager
def without_index(path: Path, table: str, unique: str) -> Generator[sqlite3.Connection]:
    """Hide the index of a table, so that it does not follow what is done to the rows."""
    index = f"sqlite_autoindex_{table}_1"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        find = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = ?"
        whole: tuple[str | int, ...] = connection.execute(find, (table,)).fetchone()
        entry: tuple[str | int, ...] = connection.execute(find, (index,)).fetchone()
        bare = str(whole[4]).replace(unique, "")
        connection.execute("DELETE FROM sqlite_master WHERE name = ?", (index,))
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (bare, table))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (whole[4], table))
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", entry)


@pytest.fixture
def filled(path: Path) -> Path:
    with SQLiteStore(path) as store:
        store.append(Append(rows(3), None))
        store.append(Append([row(position, OTHER, b"other") for position in range(3)], None))
    return path


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE record SET stream_id = 2 WHERE number = 2",
        "UPDATE record SET position = 7 WHERE number = 2",
        "DELETE FROM record WHERE number = 2",
        "UPDATE record SET number = number + 100 WHERE number = 2",
    ],
)
def test_an_index_that_names_another_row_is_an_error(filled: Path, damage: str) -> None:
    with without_index(filled, "record", ", UNIQUE (stream_id, position)") as connection:
        connection.execute(damage)
    with SQLiteStore(filled) as store:
        with pytest.raises(StoreError, match="expected rows that their index names, found others"):
            list(store.read(STREAM))
        with pytest.raises(StoreError, match="expected rows that their index names, found others"):
            list(store.read(STREAM, descending=True))
        with pytest.raises(StoreError, match="expected rows that their index names, found others"):
            store.read_from_snapshot(STREAM)
        assert len(list(store.read(OTHER))) == 3
        assert store.check().faults


def test_a_stream_that_its_index_has_by_another_id_is_an_error_and_not_a_new_stream(filled: Path) -> None:
    renamed = UUID(int=5)
    with without_index(filled, "stream", " UNIQUE") as connection:
        connection.execute("UPDATE stream SET originator_id = ? WHERE stream_id = 1", (renamed.bytes,))
    with SQLiteStore(filled) as store:
        with pytest.raises(StoreError, match=f"expected an index that fits the streams.*near {renamed}"):
            list(store.read(renamed))
        assert list(store.read(UUID(int=500))) == []


def test_read_all_finds_that_the_last_rows_are_missing(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("DELETE FROM record WHERE number > 4")
    with SQLiteStore(filled) as store:
        with pytest.raises(
            StoreError, match="expected the rows of its streams, found none of the newest one"
        ):
            list(store.read_all())
        assert len(list(store.read_all(limit=4))) == 4
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE record SET number = 20 WHERE number = 4")
    with SQLiteStore(filled) as store, pytest.raises(StoreError, match="expected the rows"):
        list(store.read_all())


def test_read_all_finds_rows_that_only_their_index_has(filled: Path) -> None:
    with without_index(filled, "record", ", UNIQUE (stream_id, position)") as connection:
        connection.execute("DELETE FROM record WHERE number > 4")
    with SQLiteStore(filled) as store, pytest.raises(StoreError, match="expected the rows numbered 1 to 6"):
        list(store.read_all())

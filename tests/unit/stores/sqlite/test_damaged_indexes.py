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
def without_index(path: Path) -> Generator[sqlite3.Connection]:
    """Hide the index of the rows, so that it does not follow what is done to them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        table: tuple[str] = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'record'"
        ).fetchone()
        index: tuple[str, str, str, int] = connection.execute(
            "SELECT type, name, tbl_name, rootpage FROM sqlite_master "
            "WHERE name = 'sqlite_autoindex_record_1'"
        ).fetchone()
        bare = table[0].replace(", UNIQUE (stream_id, position)", "")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_record_1'")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'record'", (bare,))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'record'", table)
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, NULL)", index)


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
    with without_index(filled) as connection:
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


def test_a_stream_without_rows_is_an_error_and_not_a_new_stream(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("DELETE FROM record WHERE stream_id = 1")
    with SQLiteStore(filled) as store:
        with pytest.raises(StoreError, match=f"expected the rows of stream {STREAM}, found none"):
            list(store.read(STREAM))
        with pytest.raises(StoreError, match=f"expected the rows of stream {STREAM}, found none"):
            store.read_from_snapshot(STREAM)
        assert list(store.read(STREAM, gt=2)) == []

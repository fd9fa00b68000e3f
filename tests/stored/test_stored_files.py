"""Files that the first SQLite stores made are read and written by every later one.

``v0_1.db`` was written once, with ``AUTOINCREMENT``, and never changes again.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from esmodel import ConcurrencyError
from esmodel.rows import FREE, Append, Record
from esmodel.stores.sqlite import SQLiteStore

FILE: Final = Path(__file__).with_name("v0_1.db")
ONE, TWO, NEW = UUID(int=1), UUID(int=2), UUID(int=3)
MICROSECONDS: Final = 1_700_000_000_000_000


def deposited(position: int) -> Record:
    name = "Deposited" if position else "Opened"
    data = b'{"cents":%d}' % position
    return Record(ONE, position, name, position, MICROSECONDS + position, data, b"", bytes([position]) * 32)


STORED: Final = [
    *map(deposited, range(3)),
    Record(TWO, 0, "Opened", 0, MICROSECONDS + 9, b'{"owner":"Ada"}', b'{"event_id":null}'),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(FILE, tmp_path / "events.db"))


def tables(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        rows: list[tuple[str]] = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'record'"
        ).fetchall()
    return rows[0][0]


def test_a_file_of_the_first_format_is_read_as_it_was_written(path: Path) -> None:
    with SQLiteStore(path) as store:
        assert [record for _, record in store.read_all()] == STORED
        assert list(store.read(ONE)) == STORED[:3]
        assert (store.last(ONE), store.last(TWO)) == ((2, b"\2" * 32), (0, b""))
        snapshot, following = store.read_from_snapshot(ONE)
        assert snapshot == Record(ONE, 1, "Snapshot", 0, MICROSECONDS + 1, b"{}")
        assert list(following) == STORED[2:3]


def test_a_file_of_the_first_format_is_written_on_without_a_change_of_its_tables(path: Path) -> None:
    before = tables(path)
    with SQLiteStore(path) as store:
        store.append(Append([deposited(position) for position in range(3, 203)], after=2))
        store.append(Append([Record(NEW, 0, "Closed", 0, MICROSECONDS, b"{}")], None))
        with pytest.raises(ConcurrencyError):
            store.append(Append([deposited(100)], FREE))
    with SQLiteStore(path) as store:
        assert list(store.read(ONE)) == [deposited(position) for position in range(203)]
        numbers = [number for number, _ in store.read_all()]
        assert numbers == list(range(1, 206))
    assert tables(path) == before
    assert "AUTOINCREMENT" in before


def test_a_new_file_has_rising_numbers_without_autoincrement(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "new.db") as store:
        store.append(Append([deposited(position) for position in range(100)], None))
        store.append(Append([deposited(100)], after=99))
        assert [number for number, _ in store.read_all()] == list(range(1, 102))
    assert "AUTOINCREMENT" not in tables(tmp_path / "new.db")

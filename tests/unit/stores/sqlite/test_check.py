"""``check`` finds what does not agree in a file, and ``backup`` makes a copy that agrees."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Final
from uuid import UUID

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import EsmodelError, StoreError
from esmodel.rows import Append, Checked, Record, SupportsCheck
from esmodel.stores.sqlite import SQLiteStore

OTHER: Final = UUID(int=2)
FAULTS: Final = {
    "last row deleted": ("DELETE FROM record WHERE number = 3", "expected the last row of the stream"),
    "first row deleted": ("DELETE FROM record WHERE number = 1", "numbers 1 to 4, found 2 to 5"),
    "end behind the rows": ("UPDATE stream SET last_position = 0", "no row after the last position"),
    "hash of the end": ("UPDATE stream SET last_hash = x'00'", "expected the hash that is stored"),
    "stream deleted": ("DELETE FROM stream WHERE stream_id = 1", "expected a stream for the row"),
    "name deleted": ("DELETE FROM name", "expected a name for the row"),
    "name of a snapshot": ("UPDATE snapshot SET name_id = 7", "expected a name for the snapshot"),
    "type of a column": ("UPDATE record SET data = 'text'", "expected columns of the types of a row"),
    "id of a stream": ("UPDATE stream SET originator_id = x'00' WHERE stream_id = 1", "an id of 16 bytes"),
}


@pytest.fixture
def filled(path: Path, store: SQLiteStore) -> SQLiteStore:
    store.append(Append(rows(3), None))
    store.append(Append([Record(OTHER, position, "Other", 0, 0, b"{}") for position in range(2)], None))
    store.write_snapshot(row(1))
    return store


def test_a_whole_file_has_no_faults_and_is_not_changed(filled: SQLiteStore, path: Path) -> None:
    checks: SupportsCheck = filled
    assert checks.check() == Checked(streams=2, rows=5)
    assert list(filled.read(STREAM)) == rows(3)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_agree_is_found(filled: SQLiteStore, path: Path, fault: str) -> None:
    statement, words = FAULTS[fault]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    found = filled.check().faults
    assert any(words in each.message for each in found), found
    with pytest.raises(StoreError, match="expected a copy without faults"):
        filled.backup(path.with_name("copy.db"))
    assert {each.name for each in path.parent.iterdir()} == {"events.db", "events.db-wal", "events.db-shm"}


def test_a_fault_names_its_row(filled: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM record WHERE number = 3")
    (hole, end) = filled.check().faults
    assert (hole.originator_id, end.originator_id, end.position) == (None, STREAM, 2)


def test_a_damaged_page_is_a_fault(filled: SQLiteStore, path: Path) -> None:
    filled.close()
    data = bytearray(path.read_bytes())
    size = 4096
    for page in range(1, len(data) // size):
        damaged = bytearray(data)
        damaged[page * size : page * size + 200] = bytes(200)
        path.write_bytes(damaged)
        with SQLiteStore(path) as store:
            assert store.check().faults, page


def test_rows_that_are_missing_in_the_middle_are_found_by_read_all(filled: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM record WHERE number = 2")
    with pytest.raises(StoreError, match="expected the rows numbered 1 to 5, found 4 of them"):
        list(filled.read_all())
    assert [number for number, _ in filled.read_all(after=2)] == [3, 4, 5]


@pytest.fixture
def appending(store: SQLiteStore) -> Iterator[SQLiteStore]:
    """Append in another thread."""
    ended = Event()

    def append() -> None:
        position = 0
        while not ended.is_set():
            store.append(Append([row(position)], position - 1 if position else None))
            position += 1

    thread = Thread(target=append)
    thread.start()
    yield store
    ended.set()
    thread.join()


def test_a_backup_is_whole_while_others_append(appending: SQLiteStore, path: Path) -> None:
    for number in range(5):
        target = path.with_name(f"backup{number}.db")
        checked = appending.backup(target)
        assert checked.faults == ()
        with SQLiteStore(target) as copy:
            found = list(copy.read(STREAM))
            assert found == rows(len(found))
            assert copy.check() == checked == Checked(int(bool(found)), len(found))
        assert not appending.check().faults


def test_a_restored_backup_goes_on(filled: SQLiteStore, path: Path) -> None:
    filled.backup(path.with_name("backup.db"))
    filled.append(Append([row(3)], 2))
    filled.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.with_name("backup.db").rename(path)
    with SQLiteStore(path) as store:
        assert list(store.read(STREAM)) == rows(3)
        store.append(Append([row(3)], 2))


def test_a_backup_overwrites_nothing_and_needs_a_folder(filled: SQLiteStore, path: Path) -> None:
    path.with_name("there.db").write_bytes(b"mine")
    with pytest.raises(StoreError, match="expected a path without a file, found one"):
        filled.backup(path.with_name("there.db"))
    assert path.with_name("there.db").read_bytes() == b"mine"
    with pytest.raises(StoreError, match="nowhere"):
        filled.backup(path.parent / "nowhere" / "backup.db")


def test_a_closed_store_is_neither_checked_nor_backed_up(filled: SQLiteStore, path: Path) -> None:
    filled.close()
    with pytest.raises(EsmodelError, match="closed"):
        filled.check()
    with pytest.raises(EsmodelError, match="closed"):
        filled.backup(path.with_name("backup.db"))


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_backup_is_not_put_beside_what_is_left_of_another_file(
    filled: SQLiteStore, path: Path, suffix: str
) -> None:
    path.with_name(f"old.db{suffix}").touch()
    with pytest.raises(StoreError, match=f"old.db{suffix}: expected a path without a file, found one"):
        filled.backup(path.with_name("old.db"))
    assert not path.with_name("old.db").exists()

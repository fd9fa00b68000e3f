"""The file or its log is exchanged beneath an open store: it is found before rows are lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import OutcomeUnknownError, StoreError
from esmodel.rows import FREE, Append, Record
from esmodel.stores.sqlite import SQLiteStore
from esmodel.stores.sqlite._names import digest_of


def wait_for_a_look() -> None:
    time.sleep(0.01)


def test_a_file_that_was_replaced_is_found_and_the_next_call_has_the_new_one(
    path: Path, store: SQLiteStore
) -> None:
    store.append(Append(rows(2), None))
    with SQLiteStore(path.with_name("other.db")) as other:
        other.append(Append(rows(1), None))
    os.replace(path.with_name("other.db"), path)  # noqa: PTH105  # because it replaces
    for log in (f"{path}-wal", f"{path}-shm"):
        Path(log).unlink()
    with pytest.raises(StoreError, match="expected the file that was opened, found"):
        store.append(Append([row(2)], 1))
    store.append(Append([row(1)], 0))
    with SQLiteStore(path) as again:
        assert list(again.read(STREAM)) == rows(2)


def test_a_reader_does_not_read_a_file_that_was_replaced(path: Path, store: SQLiteStore) -> None:
    store.append(Append(rows(2), None))
    assert len(list(store.read(STREAM))) == 2
    SQLiteStore(path.with_name("other.db")).close()
    os.replace(path.with_name("other.db"), path)  # noqa: PTH105  # because it replaces
    for log in (f"{path}-wal", f"{path}-shm"):
        Path(log).unlink()
    wait_for_a_look()
    with pytest.raises(StoreError, match="expected the file that was opened, found"):
        list(store.read(STREAM))
    assert list(store.read(STREAM)) == []


def test_a_file_that_was_replaced_while_it_was_opened_is_found(
    path: Path, when_opened: Callable[[Callable[[sqlite3.Connection], None]], None]
) -> None:
    with SQLiteStore(path) as store, SQLiteStore(path.with_name("other.db")) as other:
        store.append(Append(rows(2), None))
        other.append(Append(rows(1), None))

    def replace(_: sqlite3.Connection) -> None:
        with contextlib.suppress(FileNotFoundError):  # the second time
            os.replace(path.with_name("other.db"), path)  # noqa: PTH105  # because it replaces

    when_opened(replace)
    with pytest.raises(StoreError, match="expected the file that was opened, found another one"):
        SQLiteStore(path)
    with SQLiteStore(path) as store:
        store.append(Append([row(1)], 0))
        assert list(store.read(STREAM)) == rows(2)


def test_a_file_that_is_replaced_during_an_append_is_found_before_it_is_acknowledged(
    path: Path, connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append(Append(rows(2), None))
    with SQLiteStore(path.with_name("other.db")) as other:
        other.append(Append(rows(1), None))

    def replace(statement: str) -> None:
        if statement == "COMMIT":
            connections[0].set_trace_callback(None)
            os.replace(path.with_name("other.db"), path)  # noqa: PTH105  # because it replaces
            for log in (f"{path}-wal", f"{path}-shm"):
                Path(log).unlink()

    connections[0].set_trace_callback(replace)
    with pytest.raises(StoreError, match="expected the file that was opened, found none"):
        store.append(Append([row(2)], 1))
    store.append(Append([row(1)], 0))
    assert list(store.read(STREAM)) == rows(2)


def test_an_append_whose_log_is_deleted_meanwhile_has_an_unknown_outcome(
    path: Path, connections: list[sqlite3.Connection], store: SQLiteStore
) -> None:
    store.append(Append(rows(2), None))

    def delete(statement: str) -> None:
        if statement == "COMMIT":
            connections[0].set_trace_callback(None)
            Path(f"{path}-wal").unlink()

    connections[0].set_trace_callback(delete)
    with pytest.raises(OutcomeUnknownError, match="-wal: expected the file that was opened, found none"):
        store.append(Append([row(2)], 1))
    assert list(store.read(STREAM)) == rows(3)  # SQLite saved it when the connection was closed


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_part_of_the_log_that_was_deleted_is_found_before_the_next_commit(
    path: Path, store: SQLiteStore, suffix: str
) -> None:
    store.append(Append(rows(1), None))
    Path(f"{path}{suffix}").unlink()
    with pytest.raises(StoreError, match=f"{suffix}: expected the file that was opened, found none"):
        store.append(Append([row(1)], 0))
    store.append(Append([row(1)], 0))
    with SQLiteStore(path) as other:
        assert list(other.read(STREAM)) == rows(2)


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_link_that_names_another_file_is_found(tmp_path: Path, *, is_folder: bool) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        SQLiteStore(tmp_path / version / "events.db").close()
    target = Path() if is_folder else Path("events.db")
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "1" / target)
    path = link / "events.db" if is_folder else link
    with SQLiteStore(path) as store:
        store.append(Append(rows(1), None))
        other = tmp_path / "other"
        other.symlink_to(tmp_path / "2" / target)
        other.replace(link)
        with pytest.raises(StoreError, match="expected the file that was opened, found another one"):
            store.append(Append([row(1)], 0))
        store.append(Append(rows(1), None))
    with SQLiteStore(tmp_path / "2" / "events.db") as second:
        assert list(second.read(STREAM)) == rows(1)


def test_a_folder_that_became_a_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with SQLiteStore(folder / "events.db") as store:
        store.append(Append(rows(1), None))
        folder.rename(tmp_path / "elsewhere")
        folder.touch()
        with pytest.raises(StoreError, match="found an error: Not a directory"):
            store.append(Append([row(1)], 0))


def test_a_path_that_no_file_can_have_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected the path of a file, found: File name too long"):
        SQLiteStore(tmp_path / ("a" * 300))


def test_a_log_that_was_deleted_is_found(path: Path, store: SQLiteStore) -> None:
    store.append(Append(rows(2), None))
    Path(f"{path}-wal").unlink()
    with pytest.raises(StoreError, match="-wal: expected the file that was opened, found none"):
        store.append(Append([row(2)], 1))


def test_a_second_hard_link_is_refused_at_once(path: Path, store: SQLiteStore) -> None:
    store.append(Append(rows(1), None))
    os.link(path, path.with_name("second.db"))
    for name in (path, path.with_name("second.db")):
        with pytest.raises(StoreError, match="found one with 2 hard links"):
            SQLiteStore(name)
    with pytest.raises(StoreError, match="found one with 2 hard links"):
        store.append(Append([row(1)], 0))
    path.with_name("second.db").unlink()
    store.append(Append([row(1)], 0))
    assert list(store.read(STREAM)) == rows(2)


def test_a_symbolic_link_has_the_log_of_its_file(path: Path, tmp_path: Path) -> None:
    SQLiteStore(path).close()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with SQLiteStore(link) as store:
        store.append(Append(rows(3), None))
        assert list(store.read(STREAM)) == rows(3)
        with SQLiteStore(path) as other:
            other.append(Append([row(3)], 2))
    with SQLiteStore(path) as store:
        assert len(list(store.read(STREAM))) == 4


def test_locks_that_a_copy_took_away_are_found_before_rows_are_lost(path: Path) -> None:
    acknowledged = 0
    with SQLiteStore(path) as store:
        store.append(Append(rows(1), None))
        shutil.copy(path, path.with_name("copy.db"))  # closing the file drops the locks of this process
        visit = "import sys; from esmodel.stores.sqlite import SQLiteStore; SQLiteStore(sys.argv[1]).close()"
        subprocess.run([sys.executable, "-c", visit, str(path)], check=True)
        for position in range(1, 50):
            try:
                store.append(Append([row(position)], position - 1))
            except StoreError:
                break
            acknowledged = position
    with SQLiteStore(path) as again:
        assert len(list(again.read(STREAM))) >= 1 + acknowledged


def test_a_name_has_the_same_id_in_every_file_and_older_ids_are_read(path: Path) -> None:
    other = Record(UUID(int=2), 0, "Other", 0, 0, b"{}")
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO name (name) VALUES ('Happened')")  # as older files have it
    with SQLiteStore(path) as store:
        store.append(Append(rows(3), FREE))
        store.append(Append([other], FREE))
        store.append(Append([row(3)], FREE))
        assert list(store.read(STREAM)) == rows(4)
        assert list(store.read(UUID(int=2))) == [other]
    with closing(sqlite3.connect(path)) as connection:
        found = dict(connection.execute("SELECT name, name_id FROM name"))
    assert found == {"Happened": 1, "Other": digest_of("Other")}


def test_two_names_of_one_digest_have_two_ids(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from esmodel.stores.sqlite import _names  # noqa: PLC0415  # because only this test reaches into it

    def same(name: str) -> int:
        return 1 << 30

    monkeypatch.setattr(_names, "digest_of", same)
    records = [row(number)._replace(name=f"Name{number}") for number in range(3)]
    with SQLiteStore(path) as store:
        store.append(Append(records, None))
        assert list(store.read(STREAM)) == records

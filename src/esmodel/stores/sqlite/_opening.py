"""One file: found, made, and opened as a store's."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from esmodel.exceptions import StoreError, StoreFormatError
from esmodel.stores.sqlite._statements import APPLICATION_ID, BEGIN, COMMIT, FORMAT, IDENTIFY, SCHEMA


def opened(path: Path, mode: str, synchronous: str, seconds: float, *, writes: bool) -> sqlite3.Connection:
    """Open a file, and make its tables where there are none."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        # Of one moment: not half before and half after another process created the tables.
        connection.execute("BEGIN")
        is_new = _identify(connection, path)
        connection.execute(COMMIT)
        _switch_to_wal(connection, path, seconds)
        # What is acknowledged stays, as far as the caller asked; fullfsync: on macOS, too.
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA fullfsync = {int(synchronous != 'NORMAL')}")
        connection.execute("PRAGMA checkpoint_fullfsync = 1")
        if is_new:
            _create(connection, path)
        if writes:
            # From try to try SQLite sleeps longer, and newcomers overtake who waits already:
            # let it give up soon, and `insist` start anew.
            connection.execute("PRAGMA busy_timeout = 10")
    except BaseException:
        connection.close()
        raise
    return connection


def _identify(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is still empty; refuse what is not a file of this store."""
    found: list[int] = []
    for statement in IDENTIFY:
        row: tuple[int] = connection.execute(statement).fetchone()
        found.append(row[0])
    application_id, version, tables = found
    if found == [0, 0, 0]:
        return True
    if application_id != APPLICATION_ID:
        raise StoreFormatError(
            f"{path}: expected a file of SQLiteStore or none, found an SQLite database of "
            f"something else (application_id {application_id}, {tables} tables). "
            "It was not touched."
        )
    if version != FORMAT:
        raise StoreFormatError(
            f"{path}: expected format {FORMAT}, found {version}. Upgrade esmodel. It was not touched."
        )
    return False


def _switch_to_wal(connection: sqlite3.Connection, path: Path, seconds: float) -> None:
    # A reader sees only what was committed, and neither waits for the writer nor stops it. Here
    # SQLite does not wait by itself, where two processes create the file at once.
    row: tuple[str] = insist(connection, "PRAGMA journal_mode = WAL", seconds).fetchone()
    if row[0] != "wal":
        raise StoreError(
            f"{path}: SQLite cannot keep a write-ahead log there, found journal mode {row[0]}. "
            "Put the file on a disk of this machine."
        )


def insist(connection: sqlite3.Connection, statement: str, seconds: float) -> sqlite3.Cursor:
    """Execute a statement; while the file is locked, try again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(BEGIN)
    if _identify(connection, path):  # another process may have been first
        for statement in SCHEMA:
            connection.execute(statement)
    connection.execute(COMMIT)

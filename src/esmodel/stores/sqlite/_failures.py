"""Translate SQLite errors into errors of esmodel."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from esmodel.exceptions import PayloadError, StoreError, StoreFormatError

_ADVICE = {
    sqlite3.SQLITE_BUSY: "Another process keeps it locked: try again, or set a longer busy_timeout.",
    sqlite3.SQLITE_PROTOCOL: "Other processes keep it busy: try again.",
    sqlite3.SQLITE_FULL: "Free some space on the disk.",
    sqlite3.SQLITE_IOERR: "Check the disk, its free space and its limits.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this process.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is writable for this process.",
    sqlite3.SQLITE_PERM: "Give this process permission to read and write it.",
    sqlite3.SQLITE_CORRUPT: "Stop; check the disk, and restore the file from a backup.",
}


def translate(error: sqlite3.Error | OverflowError, path: Path) -> StoreError | PayloadError:
    """Return the error to raise: it says what SQLite found and what to do about it."""
    code = 0 if isinstance(error, OverflowError) else primary_code(error)
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, OverflowError):
        return PayloadError(f"{path}: expected a row that SQLite can hold: {error}.")
    if code == sqlite3.SQLITE_NOTADB:
        return StoreFormatError(f"{path}: expected an SQLite database, found: {error}.")
    if str(error) == "integer overflow":  # see `READ`
        return StoreError(
            f"{path}: expected rows that their index names, found others. "
            "Check the store, and restore the file from a backup."
        )
    advice = _ADVICE.get(code, "See the SQLite error.")
    return StoreError(f"{path}: SQLite reports: {error}. {advice}")


def damaged(error: Exception, path: Path) -> StoreError:
    """Return the error to raise for columns that hold what this package never writes."""
    return StoreError(
        f"{path}: expected columns of the types of a row, found others: {error}. "
        "Check the store, and restore the file from a backup."
    )


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite, or 0 for an error of Python's module itself."""
    try:
        return error.sqlite_errorcode & 0xFF
    except AttributeError:
        return 0

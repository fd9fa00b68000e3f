"""What SQLite says when it fails, in words of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from esmodel.exceptions import PayloadError, StoreError, StoreFormatError

_ADVICE = {
    sqlite3.SQLITE_BUSY: "Another process keeps it locked: wait, or set a longer busy_timeout.",
    sqlite3.SQLITE_PROTOCOL: "Other processes keep it busy: try again.",
    sqlite3.SQLITE_FULL: "Free some space on the disk.",
    sqlite3.SQLITE_IOERR: "Check the disk, its free space and its limits.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this process.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is writable for this process.",
    sqlite3.SQLITE_PERM: "Give this process the right to read and write it.",
    sqlite3.SQLITE_CORRUPT: "Stop; look at the disk, and restore the file from a backup.",
}


def translated(error: sqlite3.Error | OverflowError, path: Path) -> StoreError | PayloadError:
    """Say what SQLite found, and what to do about it."""
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, OverflowError):
        return PayloadError(f"{path}: expected a row that SQLite can hold: {error}.")
    if code == sqlite3.SQLITE_NOTADB:
        return StoreFormatError(f"{path}: expected an SQLite database, found: {error}.")
    advice = _ADVICE.get(code, "See the error of SQLite.")
    return StoreError(f"{path}: SQLite found: {error}. {advice}")

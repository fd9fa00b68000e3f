"""Back a file up while others write to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from esmodel.exceptions import StoreError
from esmodel.rows.checked import Checked
from esmodel.stores.sqlite._check import check_file
from esmodel.stores.sqlite._failures import translate


def back_up(source: sqlite3.Connection, target: Path) -> Checked:
    """Copy the file of a connection, as of one moment, check the copy, and give it its name.

    Raises:
        StoreError: if there is a file of that name, if the copy cannot be made, or if it has faults; then
            there is no copy.
        OSError: if it cannot be written to the disk.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):  # SQLite would take an old log for that of the copy
        name = target.with_name(f"{target.name}{suffix}")
        if name.exists():
            raise StoreError(f"{name}: expected a path without a file, found one. Choose another path.")
    part = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            checked = check_file(copy)
        if checked.faults:
            raise StoreError(
                f"{target}: expected a copy without faults, found {len(checked.faults)}, "
                f"the first one: {checked.faults[0].message} Check the store, and keep earlier backups."
            )
        _sync(part)
        _name(part, target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise translate(error, target) from error
    finally:
        for name in (part, part.with_name(f"{part.name}-journal"), part.with_name(f"{part.name}-wal")):
            with suppress(OSError):
                name.unlink()
    return checked


def _name(part: Path, target: Path) -> None:
    """Give a file its name, unless another one has got it meanwhile."""
    try:
        os.link(part, target)  # which replaces no file, as a rename does on POSIX
    except FileExistsError as error:
        raise StoreError(
            f"{target}: expected a path without a file, found one. Choose another path."
        ) from error
    except OSError:  # the file system has no hard links
        part.rename(target)


def _sync(path: Path) -> None:
    """Write a file or a folder to the disk."""
    with suppress(PermissionError):  # Windows does not open folders
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

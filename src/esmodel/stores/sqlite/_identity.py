"""``FileIdentity``: whether a connection still has the file that its path names."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from esmodel.exceptions import StoreError

_SECONDS: Final = 0.005  # between two looks that are not asked for


class FileExchangedError(StoreError):
    """The path names another file than the connection has: close the connection."""


class FileIdentity:
    """The file of a connection, its write-ahead log, and the index of the log, which all processes share.

    SQLite does not see that a file was replaced, deleted or restored by a copy over its name, that a link
    names another one, or that its log was deleted: it goes on with the files that it has, and what it commits
    there is lost.

    Make it before the connection is opened, and check it afterwards, before anything is written: the file
    may be exchanged in between, and what the path names later is then not what the connection has.

    Args:
        path: the file.

    Attributes:
        next_look: the time on the monotonic clock after which ``check`` is due.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = str(path)
        real = os.path.realpath(path)  # where SQLite keeps the log
        self._log, self._index = f"{real}-wal", f"{real}-shm"
        self._known_file = _file_of(self._file)
        self._known_log: tuple[int, int] | None = None  # they are learned at the first check
        self.next_look = 0.0

    @property
    def log(self) -> str:
        """The path of the write-ahead log."""
        return self._log

    def check(self) -> None:
        """Check that the path names the file and the log of the connection, and the file by no other name.

        Raises:
            FileExchangedError: if it does not.
        """
        _check_links(self._path, self.check_files().st_nlink)
        self.next_look = time.monotonic() + _SECONDS

    def check_files(self) -> os.stat_result:
        """Check that the path names the file and the log of the connection, and return the file's status.

        Raises:
            FileExchangedError: if it does not.
        """
        try:
            # because Path.stat takes twice as long
            file = os.stat(self._file)  # noqa: PTH116
            log = os.stat(self._log).st_ino, os.stat(self._index).st_ino  # noqa: PTH116
        except OSError as error:
            found = "none" if isinstance(error, FileNotFoundError) else f"an error: {error.strerror}"
            raise FileExchangedError(
                f"{error.filename}: expected the file that was opened, found {found}. Rows that were stored "
                "after it went may be lost. Check the store, and make copies with store.backup."
            ) from error
        is_file = (file.st_dev, file.st_ino) == self._known_file
        if self._known_log is None:
            self._known_log = log
        if not is_file or log != self._known_log:
            raise FileExchangedError(
                f"{self._log if is_file else self._file}: expected the file that was opened, found another "
                "one. Call the store again to use the new file; what was stored in the old one since it was "
                "exchanged is not there."
            )
        return file


def _file_of(path: str) -> tuple[int, int] | None:
    """Return the device and the number of a file; ``None`` if there is none, as SQLite will say."""
    try:
        file = os.stat(path)  # noqa: PTH116  # as above
    except OSError:
        return None
    return file.st_dev, file.st_ino


def check_names(path: Path) -> None:
    """Check, before a file is opened, that it has no second name.

    Raises:
        FileExchangedError: if it has one.
        StoreError: if the path cannot be that of a file.
    """
    try:
        links = path.stat().st_nlink
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"{path}: expected the path of a file, found: {error.strerror}. Choose another path."
        ) from error
    _check_links(path, links)


def _check_links(path: Path, links: int) -> None:
    if links > 1:
        raise FileExchangedError(
            f"{path}: expected a file with one name, found one with {links} hard links. "
            "SQLite would keep a log for each name, and lose rows. Delete the other names."
        )

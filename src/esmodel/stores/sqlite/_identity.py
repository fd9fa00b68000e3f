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
    """The file and the write-ahead log of a connection, as they were when it was opened.

    SQLite does not see that a file was replaced, deleted or restored by a copy over its name, or that its
    log was deleted: it goes on with the files that it has, and what it commits there is lost.

    Attributes:
        next_look: the time on the monotonic clock after which ``check`` is due.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.path.realpath(path)  # where SQLite keeps the log too
        self._log = f"{self._file}-wal"
        self._known: tuple[int, int, int] | None = None
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
        try:
            # because Path.stat takes twice as long
            file = os.stat(self._file)  # noqa: PTH116
            log = os.stat(self._log)  # noqa: PTH116
        except FileNotFoundError as error:
            if self._known is None and error.filename == self._log:
                return  # SQLite makes the log when it reads the file for the first time
            raise FileExchangedError(
                f"{error.filename}: expected the file that was opened, found none. What was stored in it "
                "since is lost; restore it from a backup, and copy files with store.backup."
            ) from error
        _check_links(self._path, file.st_nlink)
        self.next_look = time.monotonic() + _SECONDS
        found = file.st_dev, file.st_ino, log.st_ino
        if self._known is None:
            self._known = found
        elif found != self._known:
            which = self._log if found[:2] == self._known[:2] else self._file
            raise FileExchangedError(
                f"{which}: expected the file that was opened, found another one. Call the store again to use "
                "the new file; what was stored in the old one since it was exchanged is not there."
            )


def check_names(path: Path) -> None:
    """Check, before a file is opened, that it has no second name.

    Raises:
        FileExchangedError: if it has one.
    """
    if path.exists():
        _check_links(path, path.stat().st_nlink)


def _check_links(path: Path, links: int) -> None:
    if links > 1:
        raise FileExchangedError(
            f"{path}: expected a file with one name, found one with {links} hard links. "
            "SQLite would keep a log for each name, and lose rows. Delete the other names."
        )

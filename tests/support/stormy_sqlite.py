"""SQLite in a storm: its file is restored in place, and replaced beneath open stores."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from store_storm import Pause, Restore, StormyEngine
from typing_extensions import override

from esmodel.stores.sqlite import SQLiteStore


class StormySQLite(StormyEngine):
    """A database file, and one copy of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("sqlite", str(folder / "events.db"))
        self._copy = folder / "copy.db"
        self._copied: float | None = None
        self.open().close()

    @override
    def faults(self, pause: Pause) -> Mapping[str, Callable[[], None]]:
        return {
            "copy": self._make_copy,
            "restore in place": self._restore,
            "file replaced": lambda: self._replace(pause),
        }

    @override
    def open(self) -> SQLiteStore:
        return SQLiteStore(self.address)

    @override
    def check(self) -> Sequence[str]:
        with self.open() as store:
            return [fault.message for fault in store.check().faults]

    def _make_copy(self) -> None:
        self._copied = time.monotonic()
        _back_up(self.address, self._copy)

    def _restore(self) -> None:
        if self._copied is not None:
            _back_up(self._copy, self.address)
            self.restores.append(Restore(self._copied, time.monotonic()))

    def _replace(self, pause: Pause) -> None:
        """Put a copy in the place of the file, as an operator does, while processes have it open."""
        if self._copied is None:
            return
        with pause():
            for suffix in ("-wal", "-shm"):
                Path(f"{self.address}{suffix}").unlink(missing_ok=True)
            shutil.copyfile(self._copy, f"{self.address}.new")
            Path(f"{self.address}.new").replace(self.address)
            self.restores.append(Restore(self._copied, time.monotonic()))


def _back_up(source: str | Path, target: str | Path) -> None:
    with (
        closing(sqlite3.connect(source, timeout=60)) as one,
        closing(sqlite3.connect(target, timeout=60)) as other,
    ):
        one.backup(other, pages=-1)

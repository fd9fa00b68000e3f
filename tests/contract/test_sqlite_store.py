"""The contracts on ``SQLiteStore``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typing_extensions import override

from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing.contracts import (
    DurableContract,
    ForkContract,
    FullMachineContract,
    FullStoreContract,
    InterruptContract,
    MachineContract,
    RaceContract,
    RestoreContract,
    StoreOpener,
    StreamsCrashContract,
    TailRaceContract,
)


class PausingSQLiteStore(SQLiteStore):
    """Pauses before it commits, if a test asks for it."""

    def pause_before_commit(self, pause: Callable[[], None], /) -> None:
        def trace(sql: str) -> None:
            if sql == "COMMIT":
                pause()

        self._writer.call(lambda session: session.connection.set_trace_callback(trace))


class OpensSQLite(StoreOpener[PausingSQLiteStore]):
    """Opens a file in the folder; ``NORMAL`` is safe where a process is killed, and the machine is not."""

    @override
    def open_store(self, folder: Path, /) -> PausingSQLiteStore:
        return PausingSQLiteStore(folder / "events.db", synchronous="NORMAL")


class TestSQLiteStore(
    OpensSQLite,
    FullStoreContract[PausingSQLiteStore],
    DurableContract[PausingSQLiteStore],
    MachineContract[PausingSQLiteStore],
    FullMachineContract[PausingSQLiteStore],
): ...


@pytest.mark.slow
class TestRacesOfSQLiteStore(
    OpensSQLite, RaceContract[PausingSQLiteStore], TailRaceContract[PausingSQLiteStore]
):
    @override
    def pause_before_commit(self, store: PausingSQLiteStore, pause: Callable[[], None], /) -> None:
        store.pause_before_commit(pause)


@pytest.mark.slow
class TestKilledSQLiteStore(OpensSQLite, StreamsCrashContract[PausingSQLiteStore]):
    @override
    def pause_before_commit(self, store: PausingSQLiteStore, pause: Callable[[], None], /) -> None:
        store.pause_before_commit(pause)


class TestInterruptsOfSQLiteStore(
    OpensSQLite, InterruptContract[PausingSQLiteStore], ForkContract[PausingSQLiteStore]
): ...


class TestRestoredSQLiteStore(OpensSQLite, RestoreContract[PausingSQLiteStore]):
    @override
    def save_state(self, store: PausingSQLiteStore, folder: Path, /) -> None:
        copy(folder / "events.db", folder / "copy.db")

    @override
    def restore_state(self, store: PausingSQLiteStore, folder: Path, /) -> None:
        copy(folder / "copy.db", folder / "events.db")


def copy(source: Path, target: Path) -> None:
    """Copy a file over another one in place, by SQLite's backup interface."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)

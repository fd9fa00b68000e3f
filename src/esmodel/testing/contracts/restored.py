"""RestoreContract: the engine is put back into an earlier state beneath an open store."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar
from uuid import UUID

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows.append import FREE, Append, Appended
from esmodel.rows.protocols import RecordStore
from esmodel.rows.record import Record
from esmodel.testing.contracts._laws import AS_APPENDED, LAST, OUTLIVES
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row

T = TypeVar("T")


class RestoreContract(StoreOpener[TStore]):
    """The laws of ``RecordStore`` for an open store whose engine is restored from a copy, or fails over.

    Whatever the store remembers, such as numbers of streams and names, may then stand for something else.
    Each call gives what the engine has, or raises ``StoreError``, after which the store may be opened again.

    Example:
        >>> import sqlite3
        >>> from contextlib import closing
        >>> from esmodel.stores.sqlite import SQLiteStore
        >>> def copy(source: Path, target: Path) -> None:
        ...     with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        ...         one.backup(other)
        >>> class TestRestored(RestoreContract[SQLiteStore]):
        ...     def open_store(self, folder: Path, /) -> SQLiteStore:
        ...         return SQLiteStore(folder / "events.db")
        ...
        ...     def save_state(self, store: SQLiteStore, folder: Path, /) -> None:
        ...         copy(folder / "events.db", folder / "copy.db")
        ...
        ...     def restore_state(self, store: SQLiteStore, folder: Path, /) -> None:
        ...         copy(folder / "copy.db", folder / "events.db")
    """

    rounds: ClassVar[int] = 5
    """How many times the engine is restored."""

    calls: ClassVar[int] = 30
    """How many appends are made between two steps of a round."""

    @abstractmethod
    def save_state(self, store: TStore, folder: Path, /) -> None:
        """Copy what the engine holds for the store of a folder."""

    @abstractmethod
    def restore_state(self, store: TStore, folder: Path, /) -> None:
        """Put the engine back into the state of the last copy, while the store stays open."""

    def test_nothing_that_a_store_remembers_outlives_what_it_describes(
        self, store: TStore, seed: int, tmp_path: Path
    ) -> None:
        """Rows come back with their own stream and name, whatever the numbers stood for before."""
        choices = random.Random(seed)
        held: dict[UUID, list[Record]] = {}
        opened = store
        for turn in range(self.rounds):
            opened = self._append_some(opened, tmp_path, held, choices, turn)
            self.save_state(opened, tmp_path)
            saved = {stream: list(rows) for stream, rows in held.items()}
            opened = self._append_some(opened, tmp_path, held, choices, turn)
            self.restore_state(opened, tmp_path)
            held = saved
            other = self.open_store(tmp_path)
            try:
                other = self._append_some(other, tmp_path, held, choices, turn)
            finally:
                other.close()
            opened = self._append_some(opened, tmp_path, held, choices, turn)
        opened.close()

    def _append_some(
        self, store: TStore, folder: Path, held: dict[UUID, list[Record]], choices: random.Random, turn: int
    ) -> TStore:
        """Append and read; return the store, which is another one if it had to be opened again.

        Each round has streams and names that the engine does not know when it is copied.
        """
        hint = f"see the seed in the output, round {turn}"
        for call in range(self.calls):
            stream = UUID(int=choices.randrange(1, 25) + 100 * turn)
            rows = held.setdefault(stream, [])
            end = len(rows) - 1
            name = f"Happened{turn}.{choices.randrange(40)}"
            added = [
                row(stream, end + 1 + each, f"{stream.int} {name} {call}".encode())._replace(name=name)
                for each in range(choices.choice([1, 1, 3]))
            ]
            given = Append(added, FREE if choices.random() < 0.3 else end if end >= 0 else None)
            try:
                store, _ = self._call(store, folder, partial(_append, given))
            except ConcurrencyError as error:
                raise AssertionError(f"{OUTLIVES}: a stale position was refused; {hint}") from error
            rows += added
            looked_at = choices.choice(sorted(held))
            store, found = self._call(store, folder, partial(_read, looked_at))
            assert found == held[looked_at], f"{AS_APPENDED}, and those of no other stream; {hint}"
            store, last = self._call(store, folder, partial(_last, looked_at))
            assert (-1 if last is None else last[0]) == len(held[looked_at]) - 1, f"{LAST}; {hint}"
        return store

    def _call(self, store: TStore, folder: Path, call: Callable[[TStore], T]) -> tuple[TStore, T]:
        """Call a store; if it refuses, open it again and repeat the call."""
        try:
            return store, call(store)
        except StoreError:
            store.close()
            store = self.open_store(folder)
            return store, call(store)


def _append(append: Append, store: RecordStore) -> Appended:
    return store.append(append)


def _read(stream: UUID, store: RecordStore) -> list[Record]:
    return list(store.read(stream))


def _last(stream: UUID, store: RecordStore) -> tuple[int, bytes] | None:
    return store.last(stream)

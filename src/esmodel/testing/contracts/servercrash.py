"""ServerCrashContract: the server of a store, or the connection to it, is killed."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import ClassVar, TypeVar
from uuid import uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError, StoreError
from esmodel.rows.append import Append
from esmodel.rows.record import Record
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TAppendIdsStore
from esmodel.testing.contracts.samplerows import rows

TResult = TypeVar("TResult")


class ServerCrashContract(StoreOpener[TAppendIdsStore]):
    """The laws of a store whose server, or the connection to it, is killed at any moment.

    One thread appends without a pause. Another repeatedly kills the server's end of the connection, or
    the server. Each error of ``append`` tells whether the rows are stored, and after an
    ``OutcomeUnknownError``, ``was_appended`` does.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.postgres import PostgresStore
        >>> class TestCrashes(ServerCrashContract[PostgresStore]):
        ...     def open_store(self, folder: Path, /) -> PostgresStore:
        ...         return PostgresStore("postgresql://localhost/test", migrate=True)
        ...
        ...     def kill_backend(
        ...         self, store: PostgresStore, /
        ...     ) -> None: ...  # SELECT pg_terminate_backend(...)
        ...
        ...     def restart(self) -> None:
        ...         pass  # kill the server, and start it again
    """

    kills: ClassVar[int] = 40
    """How many times the connection is killed."""

    restarts: ClassVar[int] = 3
    """How many times the server is restarted."""

    longest: ClassVar[float] = 0.02
    """How many seconds pass between two kills at most."""

    timeout: ClassVar[float] = 60.0
    """How many seconds the store may take to reach the server again."""

    @abstractmethod
    def kill_backend(self, store: TAppendIdsStore, /) -> None:
        """Kill the server's end of the connection that the store appends with."""

    @abstractmethod
    def restart(self) -> None:
        """Kill the server, and start it again on the same data."""

    def test_errors_of_killed_connections_tell_what_is_stored(
        self, store: TAppendIdsStore, seed: int
    ) -> None:
        """Each batch is stored once and whole; none is missing."""
        self._append_while(store, lambda: self.kill_backend(store), self.kills, seed)

    def test_errors_during_restarts_tell_what_is_stored(self, store: TAppendIdsStore, seed: int) -> None:
        """The store stays in use, and reconnects to the server."""
        self._append_while(store, self.restart, self.restarts, seed)

    def _append_while(
        self, store: TAppendIdsStore, disturb: Callable[[], None], times: int, seed: int
    ) -> None:
        choices = random.Random(seed)
        done = Event()
        raised: list[BaseException] = []

        def disturb_often() -> None:
            try:
                for _ in range(times):
                    time.sleep(choices.uniform(0, self.longest))
                    disturb()
            except BaseException as error:  # noqa: BLE001  # because the test raises it again
                raised.append(error)
            finally:
                done.set()

        stream, position = uuid4(), 0
        sizes = random.Random(f"sizes of {seed}")
        thread = Thread(target=disturb_often)
        thread.start()
        try:
            while not done.is_set():
                batch = rows(stream, range(position, position + sizes.choice([1, 1, 2, 10])))
                self._append_surely(store, batch, f"with the seed {seed}")
                position += len(batch)
        finally:
            thread.join()
        if raised:
            raise raised[0]
        expected = rows(stream, range(position))
        assert self._ask(lambda: list(store.read(stream))) == expected, (
            f"RecordStore, law 1: the stored rows are not those acknowledged, with the seed {seed}"
        )

    def _append_surely(self, store: TAppendIdsStore, batch: list[Record], hint: str) -> None:
        """Append a batch exactly once, with retries, and check that each error is right."""
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            try:
                first = batch[0].position
                store.append(Append(batch, first - 1 if first else None))
            except OutcomeUnknownError as error:
                was_appended = self._ask(partial(store.was_appended, error.append_id))
                assert self._is_stored(store, batch) is was_appended, (
                    f"SupportsAppendIds, law 2: was_appended returned {was_appended}, and the rows are "
                    f"{'absent' if was_appended else 'stored'}, {hint}"
                )
                if was_appended:
                    return
            except ConcurrencyError:
                pytest.fail(
                    "RecordStore, law 1: expected an append that raised an error to store nothing, found its "
                    f"rows at the retry, {hint}"
                )
            except StoreError:
                assert not self._is_stored(store, batch), (
                    "RecordStore, law 1: an append that raised an error is stored. Raise OutcomeUnknownError "
                    f"where the outcome is unknown, {hint}"
                )
                time.sleep(0.001)
            else:
                return
        pytest.fail(
            f"expected the store to reach the server again within {self.timeout} s, found it did not, {hint}"
        )

    def _is_stored(self, store: TAppendIdsStore, batch: list[Record]) -> bool:
        first = batch[0]
        found = self._ask(lambda: list(store.read(first.originator_id, gte=first.position)))
        assert found in ([], batch), "RecordStore, law 1: a batch is stored in part"
        return found == batch

    def _ask(self, question: Callable[[], TResult]) -> TResult:
        """Call the store until the server answers."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return question()
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

"""Servers that are lost."""

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
from esmodel.rows.record import Record
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import (
    TAppendIdsStore,
)
from esmodel.testing.contracts.samplerows import rows

TResult = TypeVar("TResult")


class ServerCrashContract(StoreOpener[TAppendIdsStore]):
    """What may be relied on when the server behind a store, or the way to it, is lost at any moment.

    One thread appends without a pause; another kills the server's side of its connection, or the
    server, again and again. Whatever ``append`` raised, the rows are stored or not as the error
    says, and ``was_appended`` knows which where nobody said.
    """

    kills: ClassVar[int] = 40
    """How often the connection is killed."""

    restarts: ClassVar[int] = 3
    """How often the server is restarted."""

    longest: ClassVar[float] = 0.02
    """How many seconds at most lie between two kills."""

    patience: ClassVar[float] = 60.0
    """How many seconds the same store may take to reach the server again."""

    @abstractmethod
    def kill_backend(self, store: TAppendIdsStore, /) -> None:
        """End the server's side of the connection that the store appends with, without a word."""

    @abstractmethod
    def restart(self) -> None:
        """Stop the server without a word, and start it again on the same data."""

    def test_appends_whose_connection_is_killed_are_stored_as_the_errors_say(
        self, store: TAppendIdsStore, seed: int
    ) -> None:
        """Each batch is stored once, whole; none is missing, none is there twice."""
        self._append_while(store, lambda: self.kill_backend(store), self.kills, seed)

    def test_appends_during_restarts_are_stored_as_the_errors_say(
        self, store: TAppendIdsStore, seed: int
    ) -> None:
        """The same store is used on: it finds the server again."""
        self._append_while(store, self.restart, self.restarts, seed)

    def _append_while(
        self, store: TAppendIdsStore, disturb: Callable[[], None], times: int, seed: int
    ) -> None:
        choose = random.Random(seed)
        done = Event()
        raised: list[BaseException] = []

        def disturb_often() -> None:
            try:
                for _ in range(times):
                    time.sleep(choose.uniform(0, self.longest))
                    disturb()
            except BaseException as error:  # noqa: BLE001  # because it is raised again, by the test
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
            f"RecordStore, law 1: what is there is not what was acknowledged, with the seed {seed}"
        )

    def _append_surely(self, store: TAppendIdsStore, batch: list[Record], hint: str) -> None:
        """Append a batch once, however often it takes, and check what each error says."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            try:
                store.append(batch)
            except OutcomeUnknownError as error:
                was_appended = self._ask(partial(store.was_appended, error.append_id))
                assert self._is_stored(store, batch) is was_appended, (
                    f"SupportsAppendIds, law 2: was_appended says {was_appended}, and the rows say "
                    f"the opposite, {hint}"
                )
                if was_appended:
                    return
            except ConcurrencyError:
                pytest.fail(
                    "RecordStore, law 1: expected an append that raised to store nothing, found its rows "
                    f"when it was repeated, {hint}"
                )
            except StoreError:
                assert not self._is_stored(store, batch), (
                    "RecordStore, law 1: an append that raised is stored; where the store cannot know, "
                    f"it must raise OutcomeUnknownError, {hint}"
                )
                time.sleep(0.001)
            else:
                return
        pytest.fail(f"the store did not reach the server again within {self.patience} s, {hint}")

    def _is_stored(self, store: TAppendIdsStore, batch: list[Record]) -> bool:
        first = batch[0]
        found = self._ask(lambda: list(store.read(first.originator_id, gte=first.position)))
        assert found in ([], batch), "RecordStore, law 1: a batch is there in part"
        return found == batch

    def _ask(self, question: Callable[[], TResult]) -> TResult:
        """Ask the store until the server answers."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return question()
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

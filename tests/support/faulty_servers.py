"""A store behind a server that can lose answers, and versions of it that each break a law."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Timer
from uuid import UUID, uuid4

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError, StoreError
from esmodel.rows.append import Append, Appended
from esmodel.stores.memory import MemoryStore


class ServedStore(MemoryStore):
    """Simulates a store behind a server: appends have ids, and the test can make it lose answers."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: set[UUID] = set()
        self.next_is_stored: bool | None = None
        self.is_killed = False
        self.is_down = False

    def new_id(self) -> UUID:
        return uuid4()

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        self.reach()
        append_id, stored, self.next_is_stored = self.new_id(), self.next_is_stored, None
        self.is_killed = False
        time.sleep(0.0005)
        if stored is False or self.is_lost():
            raise self.lost(append_id)
        self.commit(appends, append_id, answered=stored is None)
        time.sleep(0.0005)
        if stored or self.is_lost():
            raise self.lost(append_id)
        return Appended(sum(len(append.records) for append in appends))

    def commit(self, appends: Sequence[Append], append_id: UUID, *, answered: bool) -> None:
        super().append_streams(appends)
        self.appended.add(append_id)

    def is_lost(self) -> bool:
        return self.is_killed or self.is_down

    def lost(self, append_id: UUID) -> StoreError:
        return OutcomeUnknownError(append_id, "the server went away")

    def reach(self) -> None:
        if self.is_down:
            raise StoreError("The server is away: wait for it.")

    def was_appended(self, append_id: UUID, /) -> bool:
        self.reach()
        self._check_open()
        return append_id in self.appended


class GuessesYes(ServedStore):
    @override
    def was_appended(self, append_id: UUID, /) -> bool:
        return True


class GuessesNo(ServedStore):
    @override
    def was_appended(self, append_id: UUID, /) -> bool:
        return False


class SaysNotStored(ServedStore):
    @override
    def lost(self, append_id: UUID) -> StoreError:
        return StoreError("The server went away.")


class GivesAllOneId(ServedStore):
    @override
    def new_id(self) -> UUID:
        return UUID(int=1)


class AnswersBeforeTheEnd(ServedStore):
    @override
    def commit(self, appends: Sequence[Append], append_id: UUID, *, answered: bool) -> None:
        def commit_late() -> None:
            with suppress(ConcurrencyError, StoreError):  # the test may be over
                super(AnswersBeforeTheEnd, self).commit(appends, append_id, answered=answered)

        if answered:
            super().commit(appends, append_id, answered=answered)
        else:
            Timer(0.05, commit_late).start()


class StaysAway(ServedStore):
    was_down = False

    @override
    def reach(self) -> None:
        self.was_down |= self.is_down
        if self.was_down:
            raise StoreError("The server is away.")

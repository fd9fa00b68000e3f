"""Stores that break law 6: what they remember outlives what it describes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from uuid import UUID

from typing_extensions import override

from esmodel.rows.append import FREE, Append, Appended
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore


class StaysLockedAfterAnInterrupt(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.turn = Lock()

    @override
    def append(self, append: Append, /) -> Appended:
        self.turn.acquire()
        appended = super().append(append)
        self.turn.release()
        return appended


class StoresInPartIfInterrupted(MemoryStore):
    @override
    def append(self, append: Append, /) -> Appended:
        for record in append.records:
            super().append(Append([record], FREE))
        return Appended(len(append.records))


class AnswersTheChildForAnother(SQLiteStore):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.process = os.getpid()

    @override
    def read(  # because these are the arguments of the Protocol
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        asked = originator_id if os.getpid() == self.process else UUID(int=1)
        for record in super().read(asked, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending):
            yield record._replace(originator_id=originator_id)


class Engine:
    """Rows that have the number of a name in place of the name, and a copy of them to restore."""

    def __init__(self) -> None:
        self.rows, self.copied = MemoryStore(), list[Record]()
        self.names, self.copied_names = list[str](), list[str]()

    def save(self) -> None:
        self.copied, self.copied_names = [record for _, record in self.rows.read_all()], list(self.names)

    def restore(self) -> None:
        self.rows, self.names = MemoryStore(), list(self.copied_names)
        for record in self.copied:
            self.rows.append(Append([record], FREE))


class RemembersNames(MemoryStore):
    """Remembers the numbers of names for ever."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.numbers: dict[str, int] = {}

    def number_of(self, name: str) -> int:
        if name not in self.numbers:
            if name not in self.engine.names:
                self.engine.names.append(name)
            self.numbers[name] = self.engine.names.index(name)
        return self.numbers[name]

    @override
    def append(self, append: Append, /) -> Appended:
        records = [record._replace(name=str(self.number_of(record.name))) for record in append.records]
        return self.engine.rows.append(Append(records, append.after))

    @override
    def read(  # because these are the arguments of the Protocol
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        names = self.engine.names
        for record in self.engine.rows.read(
            originator_id, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending
        ):
            yield record._replace(name=names[int(record.name)])

    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        return self.engine.rows.last(originator_id)

    @override
    def close(self) -> None:
        """Leave the engine as it is."""

"""Stores that each break a law of streams, of commits or of snapshots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from threading import Lock
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.append import FREE, Append, Appended
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore


class StoresTheFirstStreamOnly(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        super().append_streams(appends[:1])
        return Appended(sum(len(append.records) for append in appends))


class AppendsStreamByStream(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        for append in appends:
            super().append_streams([append])
        return Appended(sum(len(append.records) for append in appends))


class SortsStreams(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        return super().append_streams(sorted(appends, key=lambda append: append.records[0].originator_id))


class ChecksTheFirstStreamOnly(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        others = [Append(append.records, FREE) for append in appends[1:]]
        return super().append_streams([*appends[:1], *others])


class JoinsTheRowsOfAStream(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        streams: dict[UUID, list[Record]] = {}
        for append in appends:
            for record in append.records:
                streams.setdefault(record.originator_id, []).append(record)
        if all(len(streams[append.records[0].originator_id]) == len(append.records) for append in appends):
            return super().append_streams(appends)
        return super().append_streams([Append(dict.fromkeys(rows), FREE) for rows in streams.values()])


class NumbersByStream(MemoryStore):
    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        rows = sorted(self._log, key=lambda record: record.originator_id)
        return islice(enumerate(rows[after:], after + 1), limit)


class CountsWhatWasRefused(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        try:
            return super().append_streams(appends)
        except ConcurrencyError:
            self._log += [record for append in appends for record in append.records]
            raise


class TakesTheLimitFirst(MemoryStore):
    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        return ((number, each) for number, each in super().read_all(limit=limit) if number > after)


class NumbersBeforeItCommits(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.numbering = Lock()
        self.number = 0
        self.numbered: list[tuple[int, Record]] = []

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        records = [record for append in appends for record in append.records]
        with self.numbering:
            first = self.number + 1
            self.number += len(records)
        time.sleep(0.002 if first % 3 == 0 else 0)
        appended = super().append_streams(appends)
        self.numbered += enumerate(records, first)
        return appended

    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        return iter(sorted(pair for pair in self.numbered if pair[0] > after)[:limit])


class KeepsSnapshotsAmongTheRows(MemoryStore):
    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(record)
        self.append(Append([record], FREE))


class KeepsTheFirstSnapshot(MemoryStore):
    @override
    def write_snapshot(self, record: Record, /) -> None:
        if record.position not in self._snapshots.get(record.originator_id, {}):
            super().write_snapshot(record)


class TakesTheHighestSnapshot(MemoryStore):
    @override
    def read_snapshot(self, originator_id: UUID, /, *, lte: int | None = None) -> Record | None:
        return super().read_snapshot(originator_id)


class GivesTheRowOfTheSnapshotToo(MemoryStore):
    @override
    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        snapshot = self.read_snapshot(originator_id, lte=lte)
        after = None if snapshot is None else snapshot.position
        return snapshot, self.read(originator_id, gte=after, lte=lte)


class ReadsTheSnapshotAfterTheRows(MemoryStore):
    @override
    def read_from_snapshot(
        self, originator_id: UUID, /, *, lte: int | None = None
    ) -> tuple[Record | None, Iterator[Record]]:
        _, rows = super().read_from_snapshot(originator_id, lte=lte)
        time.sleep(0.002)
        return self.read_snapshot(originator_id, lte=lte), rows


class LosesTheHeaderOfSnapshots(MemoryStore):
    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(record._replace(header=b""))


class AppendsRowByRow(SQLiteStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        for append in appends:
            for record in append.records:
                self.append(Append([record], FREE))
        return Appended(sum(len(append.records) for append in appends))


class WritesLater(SQLiteStore):
    """Acknowledges rows before it writes them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.waiting: list[Append] = []

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        self.waiting += appends
        if len(self.waiting) > 20:
            for append in self.waiting:
                self.append(append)
            self.waiting.clear()
        return Appended(sum(len(append.records) for append in appends))

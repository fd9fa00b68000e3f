"""Stores that each break a law of streams, of commits or of snapshots."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from threading import Lock
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore


class StoresTheFirstStreamOnly(MemoryStore):
    @override
    def append_streams(self, records: Sequence[Record], /) -> None:
        self.append([each for each in records if each.originator_id == records[0].originator_id])


class AppendsStreamByStream(MemoryStore):
    @override
    def append_streams(self, records: Sequence[Record], /) -> None:
        for stream in dict.fromkeys(record.originator_id for record in records):
            self.append([record for record in records if record.originator_id == stream])


class KnowsPositionsWithoutStreams(MemoryStore):
    @override
    def append_streams(self, records: Sequence[Record], /) -> None:
        self._check_open()
        for position, times in Counter(record.position for record in records).items():
            if times > 1:
                stream = next(each.originator_id for each in reversed(records) if each.position == position)
                raise ConcurrencyError(stream, -1, -1)
        self.append(records)


class NumbersByStream(MemoryStore):
    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        rows = sorted(self._log, key=lambda record: record.originator_id)
        return islice(enumerate(rows[after:], after + 1), limit)


class CountsWhatWasRefused(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        try:
            super().append(records)
        except ConcurrencyError:
            self._log += records
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
    def append(self, records: Sequence[Record], /) -> None:
        with self.numbering:
            first = self.number + 1
            self.number += len(records)
        time.sleep(0.002 if first % 3 == 0 else 0)
        super().append(records)
        self.numbered += enumerate(records, first)

    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        return iter(sorted(pair for pair in self.numbered if pair[0] > after)[:limit])


class KeepsSnapshotsAmongTheRows(MemoryStore):
    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(record)
        self.append([record])


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
    def append_streams(self, records: Sequence[Record], /) -> None:
        for record in records:
            self.append([record])


class WritesLater(SQLiteStore):
    """Acknowledges rows before it writes them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.waiting: list[Record] = []

    @override
    def append_streams(self, records: Sequence[Record], /) -> None:
        self.waiting += records
        if len(self.waiting) > 20:
            self.append(self.waiting)
            self.waiting.clear()

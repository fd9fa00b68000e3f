"""Stores that each break a law of ``read`` or ``close``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

from typing_extensions import override

from esmodel.rows.append import Append, Appended
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore


class DriverRow(Record):
    """A row of a driver's own type."""


class ReadingStore(MemoryStore):
    """Lets a subclass change the bounds or the rows of ``read``."""

    @override
    def read(
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
        found = super().read(
            originator_id,
            gt=self.bound(gt),
            gte=gte,
            lt=lt,
            lte=lte,
            limit=limit,
            descending=self.direction(descending=descending),
        )
        return self.given(originator_id, found)

    def direction(self, *, descending: bool) -> bool:
        return descending

    def bound(self, gt: int | None) -> int | None:
        return gt

    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        return found


class TakesGteForGt(ReadingStore):
    @override
    def bound(self, gt: int | None) -> int | None:
        return None if gt is None else gt - 1


class KnowsOneDirection(ReadingStore):
    @override
    def direction(self, *, descending: bool) -> bool:
        return False


class OverflowsAtTheEnd(ReadingStore):
    @override
    def bound(self, gt: int | None) -> int | None:
        return LEAST - 1 if gt == GREATEST else gt


class GivesTheNewestFirst(ReadingStore):
    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        return reversed(list(found))


class CutsDataAt255Bytes(ReadingStore):
    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        return (record._replace(data=record.data[:255]) for record in found)

    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        found = super().read_all(after=after, limit=limit)
        return ((number, record._replace(data=record.data[:255])) for number, record in found)

    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(record._replace(data=record.data[:255]))


class GivesRowsOfADriver(ReadingStore):
    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        return (DriverRow(*record) for record in found)


class ReadsOnePage(ReadingStore):
    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        return islice(found, 500)


class SkipsWhatComesMeanwhile(ReadingStore):
    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        rows = list(found)
        yield from rows
        with self._lock:
            later = self._positions.get(originator_id, [])[len(rows) + 1 :]
        yield from (self._streams[originator_id][position] for position in later)


class EndsTooSoonWhenItIsClosed(ReadingStore):
    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        for record in found:
            if self._closed:
                return
            yield record


class KeepsTheListOfTheCaller(ReadingStore):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Sequence[Append]] = []

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        self.batches.append(appends)
        return Appended(sum(len(append.records) for append in appends))

    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        rows = (record for batch in self.batches for append in batch for record in append.records)
        return (record for record in rows if record.originator_id == originator_id)


class RefusesLate(MemoryStore):
    @override
    def read(
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
        yield from super().read(originator_id, gt=gt, limit=limit)

    @override
    def read_all(self, *, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Record]]:
        yield from super().read_all(after=after, limit=limit)


class CutsIds(ReadingStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        return super().append_streams([
            Append(
                [row._replace(originator_id=UUID(int=row.originator_id.int >> 8)) for row in each.records],
                each.after,
            )
            for each in appends
        ])  # fmt: skip


class OutlivesItsEnd(MemoryStore):
    @override
    def close(self) -> None:
        """Close nothing."""


SHARED: Final = MemoryStore()


class SharesItsRows(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self._streams, self._positions = SHARED._streams, SHARED._positions

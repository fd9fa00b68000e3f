"""Stores that each break a law of ``append`` or ``last``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreError
from esmodel.rows.append import FREE, Append, Appended, last_known
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore


class StoresPartOfABatch(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        for append in appends:
            for record in append.records:
                super().append_streams([Append([record], FREE)])
        return Appended(sum(len(append.records) for append in appends))


class AcceptsLostUpdates(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        for append in appends:
            for record in append.records:
                if record.position in self._streams.get(record.originator_id, {}):
                    self._streams[record.originator_id][record.position] = record
                else:
                    super().append_streams([Append([record], FREE)])
        return Appended(sum(len(append.records) for append in appends))


class NamesTheWrongEnds(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        try:
            return super().append_streams(appends)
        except ConcurrencyError as error:
            raise ConcurrencyError(error.originator_id, error.expected, error.expected) from error


class StaysLockedAfterARefusal(MemoryStore):
    refused = False

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        if self.refused:
            raise StoreError("The store is locked.")
        try:
            return super().append_streams(appends)
        except ConcurrencyError:
            self.refused = True
            raise


class ChecksAndThenActs(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        with self._lock:
            for append in appends:
                self._check_follows(append)
        time.sleep(0.001)
        rows = [record for append in appends for record in append.records]
        for record in rows:
            with self._lock:
                self._streams.setdefault(record.originator_id, {})[record.position] = record
                self._positions[record.originator_id] = sorted(self._streams[record.originator_id])
        return Appended(len(rows))


class RefusesEmptyBatches(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        if not any(append.records for append in appends):
            raise PayloadError("records: expected some, found none.")
        return super().append_streams(appends)


class IgnoresWhatItFollows(MemoryStore):
    """Checks that the positions are free, and nothing else."""

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        return super().append_streams([Append(append.records, FREE) for append in appends])


class LeavesGaps(MemoryStore):
    """Refuses what comes too late, and takes what comes too early."""

    @override
    def _check_follows(self, append: Append) -> None:
        positions = self._positions.get(append.records[0].originator_id) if append.records else None
        if append.after is FREE or append.after is None or (positions and positions[-1] >= append.after):
            super()._check_follows(append)


class ComparesWhatItRemembers(MemoryStore):
    """Remembers where it has continued a stream, and not that free rows ended it elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[UUID, int] = {}

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        for append in appends:
            if append.after is not FREE and append.records:
                stream = append.records[0].originator_id
                end = self.ends.get(stream)
                if end is not None and end != append.after:
                    raise ConcurrencyError(stream, last_known(append), end)
        appended = super().append_streams(appends)
        for append in appends:
            if append.after is not FREE and append.records:
                self.ends[append.records[0].originator_id] = append.records[-1].position
        return appended


class RefusesFreeRowsBeforeTheEnd(MemoryStore):
    @override
    def _check_follows(self, append: Append) -> None:
        super()._check_follows(append)
        for record in append.records:
            positions = self._positions.get(record.originator_id)
            if positions and positions[-1] >= record.position:
                raise ConcurrencyError(record.originator_id, last_known(append), positions[-1])


class ChangesRows(MemoryStore):
    """Lets a subclass change rows before they are stored."""

    def changed(self, record: Record) -> Record:
        raise NotImplementedError

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        return super().append_streams([Append(map(self.changed, append.records), FREE) for append in appends])

    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(self.changed(record))


class TakesAnyNumber(ChangesRows):
    @override
    def changed(self, record: Record) -> Record:
        position, class_version, timestamp = (
            min(max(number, LEAST), GREATEST)
            for number in (record.position, record.class_version, record.timestamp)
        )
        return record._replace(position=position, class_version=class_version, timestamp=timestamp)


class ReplacesWhatIsNoText(ChangesRows):
    @override
    def changed(self, record: Record) -> Record:
        return record._replace(name=record.name.encode(errors="replace").decode())


class ForgetsHashes(ChangesRows):
    @override
    def changed(self, record: Record) -> Record:
        return record._replace(event_hash=b"")


class StripsNames(ChangesRows):
    @override
    def changed(self, record: Record) -> Record:
        return record._replace(name=record.name.strip())


class ForgetsTheLastRow(MemoryStore):
    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        kept = [Append(each.records[:-1], each.after) if len(each.records) > 1 else each for each in appends]
        return super().append_streams(kept)


class KnowsEveryStream(MemoryStore):
    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        return super().last(originator_id) or (-1, b"")


class TakesTheLatestForTheLast(MemoryStore):
    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        mine = [record for record in self._log if record.originator_id == originator_id]
        return (mine[-1].position, mine[-1].event_hash) if mine else None

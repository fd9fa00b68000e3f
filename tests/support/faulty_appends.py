"""Stores that each break a law of ``append`` or ``last``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreError
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore


class StoresPartOfABatch(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        for record in records:
            super().append([record])


class AcceptsLostUpdates(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        for record in records:
            if record.position in self._streams.get(record.originator_id, {}):
                self._streams[record.originator_id][record.position] = record
            else:
                super().append([record])


class NamesTheWrongEnds(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        try:
            super().append(records)
        except ConcurrencyError as error:
            raise ConcurrencyError(error.originator_id, error.expected, error.expected) from error


class StoresTheLatterOfTwo(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        super().append(list({(each.originator_id, each.position): each for each in records}.values()))


class StaysLockedAfterARefusal(MemoryStore):
    refused = False

    @override
    def append(self, records: Sequence[Record], /) -> None:
        if self.refused:
            raise StoreError("The store is locked.")
        try:
            super().append(records)
        except ConcurrencyError:
            self.refused = True
            raise


class ChecksAndThenActs(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        with self._lock:
            self._check_free(list(records))
        time.sleep(0.001)
        for record in records:
            with self._lock:
                self._streams.setdefault(record.originator_id, {})[record.position] = record
                self._positions[record.originator_id] = sorted(self._streams[record.originator_id])


class RefusesEmptyBatches(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        if not records:
            raise PayloadError("records: expected some, found none.")
        super().append(records)


class TakesAnyNumber(MemoryStore):
    @staticmethod
    def fitting(record: Record) -> Record:
        position, class_version, timestamp = (
            min(max(number, LEAST), GREATEST)
            for number in (record.position, record.class_version, record.timestamp)
        )
        return record._replace(position=position, class_version=class_version, timestamp=timestamp)

    @override
    def append(self, records: Sequence[Record], /) -> None:
        super().append([self.fitting(record) for record in records])

    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(self.fitting(record))


class ReplacesWhatIsNoText(MemoryStore):
    @staticmethod
    def fitting(record: Record) -> Record:
        return record._replace(name=record.name.encode(errors="replace").decode())

    @override
    def append(self, records: Sequence[Record], /) -> None:
        super().append([self.fitting(record) for record in records])

    @override
    def write_snapshot(self, record: Record, /) -> None:
        super().write_snapshot(self.fitting(record))


class KnowsEveryStream(MemoryStore):
    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        return super().last(originator_id) or (-1, b"")


class TakesTheLatestForTheLast(MemoryStore):
    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        mine = [record for record in self._log if record.originator_id == originator_id]
        return (mine[-1].position, mine[-1].event_hash) if mine else None


class ForgetsTheLastRow(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        super().append(records[:-1] if len(records) > 1 else records)


class ForgetsHashes(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        super().append([record._replace(event_hash=b"") for record in records])


class StripsNames(MemoryStore):
    @override
    def append(self, records: Sequence[Record], /) -> None:
        super().append([record._replace(name=record.name.strip()) for record in records])

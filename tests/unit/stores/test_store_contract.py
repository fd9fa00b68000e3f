"""Each law of the contracts is failed by a store that breaks it.

The contracts are run by a pytest of its own on stores with one fault each; ``FAULTS`` says which test
must fail on which store, and with which words. The classes that it runs are not collected otherwise.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Lock, Timer
from typing import ClassVar, Final, NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import Phase, settings
from typing_extensions import override

from esmodel import testing
from esmodel.exceptions import (
    ConcurrencyError,
    ModelError,
    OutcomeUnknownError,
    PayloadError,
    StoreError,
)
from esmodel.rows import Record, RecordStore
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.testing import (
    DurableContract,
    FullMachineContract,
    FullStoreContract,
    LostAnswersContract,
    MachineContract,
    RaceContract,
    ServerCrashContract,
    StreamsCrashContract,
    TailRaceContract,
)

# --- stores with one fault each ------------------------------------------------------------------


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


class DriverRow(Record):
    """A row as a driver would make it."""


class ReadingStore(MemoryStore):
    """Lets a fault into all that is read of a stream, by what it makes of the bounds or of the rows."""

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
        self.batches: list[Sequence[Record]] = []

    @override
    def append(self, records: Sequence[Record], /) -> None:
        self.batches.append(records)

    @override
    def given(self, originator_id: UUID, found: Iterator[Record]) -> Iterator[Record]:
        return (record for batch in self.batches for record in batch)


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
    def append(self, records: Sequence[Record], /) -> None:
        super().append(
            [each._replace(originator_id=UUID(int=each.originator_id.int >> 8)) for each in records]
        )


class OutlivesItsEnd(MemoryStore):
    @override
    def close(self) -> None:
        """Close nothing."""


SHARED: Final = MemoryStore()


class SharesItsRows(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self._streams, self._positions = SHARED._streams, SHARED._positions


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


class AppendsRowByRow(SQLiteStore):
    @override
    def append_streams(self, records: Sequence[Record], /) -> None:
        for record in records:
            self.append([record])


class WritesLater(SQLiteStore):
    """Keeps what it acknowledged until there is more of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.waiting: list[Record] = []

    @override
    def append_streams(self, records: Sequence[Record], /) -> None:
        self.waiting += records
        if len(self.waiting) > 20:
            self.append(self.waiting)
            self.waiting.clear()


# --- a server whose answers may be lost, and its faults ------------------------------------------


class ServedStore(MemoryStore):
    """Stands for a store behind a server: its appends have ids, and their answers can be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: set[UUID] = set()
        self.next_is_stored: bool | None = None
        self.is_killed = False
        self.is_down = False

    def new_id(self) -> UUID:
        return uuid4()

    @override
    def append(self, records: Sequence[Record], /) -> None:
        self.reach()
        append_id, stored, self.next_is_stored = self.new_id(), self.next_is_stored, None
        self.is_killed = False
        time.sleep(0.0005)
        if stored is False or self.is_lost():
            raise self.lost(append_id)
        self.commit(records, append_id, answered=stored is None)
        time.sleep(0.0005)
        if stored or self.is_lost():
            raise self.lost(append_id)

    def commit(self, records: Sequence[Record], append_id: UUID, *, answered: bool) -> None:
        super().append(records)
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
    def commit(self, records: Sequence[Record], append_id: UUID, *, answered: bool) -> None:
        def commit_late() -> None:
            with suppress(ConcurrencyError, StoreError):  # the test may be over
                super(AnswersBeforeTheEnd, self).commit(records, append_id, answered=answered)

        if answered:
            super().commit(records, append_id, answered=answered)
        else:
            Timer(0.05, commit_late).start()


class StaysAway(ServedStore):
    was_down = False

    @override
    def reach(self) -> None:
        self.was_down |= self.is_down
        if self.was_down:
            raise StoreError("The server is away.")


# --- the contracts over them ---------------------------------------------------------------------

settings.register_profile("faults", derandomize=True, phases=(Phase.generate,), print_blob=False)


class TestServedStore(LostAnswersContract[ServedStore], ServerCrashContract[ServedStore]):
    opened: ClassVar[type[ServedStore]] = ServedStore
    served: ClassVar[list[ServedStore]] = []

    @override
    def open_store(self, folder: Path, /) -> ServedStore:
        self.served.append(self.opened())
        return self.served[-1]

    @override
    def lose_answer(self, store: ServedStore, /, *, stored: bool) -> None:
        store.next_is_stored = stored

    @override
    def kill_backend(self, store: ServedStore, /) -> None:
        store.is_killed = True

    @override
    def restart(self) -> None:
        self.served[-1].is_down = True
        time.sleep(0.01)
        self.served[-1].is_down = False


class Faulty:
    """Is run on the stores of ``FAULTS``, and always in the same way."""

    @pytest.fixture(autouse=True)
    def _same_examples(self) -> Iterator[None]:
        before = settings.get_current_profile_name()
        settings.load_profile("faults")
        yield
        settings.load_profile(before)


class BrokenStore(
    Faulty,
    FullStoreContract[MemoryStore],
    DurableContract[MemoryStore],
    MachineContract[MemoryStore],
    FullMachineContract[MemoryStore],
    RaceContract[MemoryStore],
    TailRaceContract[MemoryStore],
):
    is_durable = False
    in_processes = False
    opened: ClassVar[type[MemoryStore]]

    @pytest.fixture(autouse=True)
    def _chosen(self, fault: type[MemoryStore]) -> None:
        type(self).opened = fault

    @override
    def open_store(self, folder: Path, /) -> MemoryStore:
        return self.opened()


class BrokenServer(Faulty, TestServedStore):
    patience = 0.5

    @pytest.fixture(autouse=True)
    def _chosen(self, fault: type[ServedStore]) -> None:
        type(self).opened = fault


class BrokenRows(StreamsCrashContract[SQLiteStore]):
    rounds = 4

    @pytest.fixture(autouse=True)
    def _chosen(self, fault: type[SQLiteStore]) -> None:
        """Have the fault in the name of the test; other processes know only the class."""

    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return AppendsRowByRow(folder / "events.db")


class BrokenPromise(BrokenRows):
    @override
    def open_store(self, folder: Path, /) -> SQLiteStore:
        return WritesLater(folder / "events.db")


class Fault(NamedTuple):
    """A test of a contract, a store that fails it, and words of the failure."""

    test: str
    store: type[RecordStore]
    words: str
    run_by: type = BrokenStore


FAULTS: Final = [
    # what is appended to a record store
    Fault("test_what_was_appended_comes_back_byte_for_byte", CutsDataAt255Bytes, "law 3: .* byte for byte"),
    Fault("test_any_row_comes_back_as_it_was", StripsNames, "law 3: .* byte for byte"),
    Fault("test_every_row_that_comes_back_is_a_record_with_its_types", GivesRowsOfADriver, "is a Record"),
    Fault("test_an_empty_batch_stores_nothing", RefusesEmptyBatches, "expected some, found none"),
    Fault(
        "test_a_batch_may_be_any_sequence_and_is_the_callers_again_afterwards",
        KeepsTheListOfTheCaller,
        "law 3",
    ),
    Fault("test_a_second_append_at_one_position_is_refused", AcceptsLostUpdates, "DID NOT RAISE"),
    Fault(
        "test_a_second_append_at_one_position_is_refused", NamesTheWrongEnds, "law 2: ConcurrencyError names"
    ),
    Fault("test_a_batch_that_is_refused_leaves_nothing", StoresPartOfABatch, "law [12]"),
    Fault("test_one_position_twice_in_a_batch_is_refused", StoresTheLatterOfTwo, "DID NOT RAISE"),
    Fault("test_after_a_refusal_the_store_takes_appends_as_before", StaysLockedAfterARefusal, "is locked"),
    Fault(
        "test_a_number_beyond_64_bits_is_refused_before_anything_is_stored", TakesAnyNumber, "DID NOT RAISE"
    ),
    Fault("test_a_name_that_is_no_unicode_text_is_refused", ReplacesWhatIsNoText, "DID NOT RAISE"),
    # what is read of it
    Fault("test_a_stream_that_was_never_written_is_empty", KnowsEveryStream, "law 4"),
    Fault("test_streams_are_strangers_to_each_other", CutsIds, "ConcurrencyError"),
    Fault("test_bounds_limit_and_direction_do_what_they_do_to_a_list", TakesGteForGt, "law 3: .* order"),
    Fault("test_each_bound_alone_is_exact", TakesGteForGt, "law 3: .* order"),
    Fault("test_a_stream_may_reach_from_the_least_to_the_greatest_position", OverflowsAtTheEnd, "law 3"),
    Fault("test_a_long_stream_is_read_whole_and_in_order", ReadsOnePage, "law 3"),
    Fault("test_a_negative_limit_is_refused_at_the_call", RefusesLate, "DID NOT RAISE"),
    Fault("test_rows_may_be_appended_while_a_stream_is_read", SkipsWhatComesMeanwhile, "law 3"),
    Fault("test_last_is_the_highest_position_ever_appended_and_its_hash", TakesTheLatestForTheLast, "law 4"),
    # its threads, its end and its folder
    Fault("test_of_many_appends_at_one_position_exactly_one_succeeds", ChecksAndThenActs, "law 2"),
    Fault("test_threads_that_try_again_all_get_their_rows_in", ChecksAndThenActs, "law [12]"),
    Fault("test_a_closed_store_says_so_at_every_call", OutlivesItsEnd, "no StoreClosedError"),
    Fault("test_a_store_may_be_closed_while_it_is_read", EndsTooSoonWhenItIsClosed, "cannot be read on"),
    Fault("test_stores_of_two_folders_share_nothing", SharesItsRows, "unseen folder"),
    Fault("test_what_was_appended_is_there_when_the_store_is_opened_again", MemoryStore, "stays"),
    # repositories
    Fault("test_an_aggregate_comes_back_as_it_was_saved", GivesTheNewestFirst, "OriginatorVersionError"),
    Fault(
        "test_a_stale_save_is_refused_stores_nothing_and_keeps_the_events",
        AcceptsLostUpdates,
        "DID NOT RAISE",
    ),
    Fault("test_the_events_after_a_version_are_those_that_were_saved", TakesGteForGt, "gives other events"),
    Fault("test_what_is_absent_or_discarded_is_a_key_error", ForgetsTheLastRow, "what is discarded"),
    Fault("test_a_hash_chain_comes_back_and_verifies", ForgetsHashes, "HashError"),
    Fault("test_an_array_keeps_each_item_at_its_index", AcceptsLostUpdates, "DID NOT RAISE"),
    Fault("test_a_log_keeps_each_message_in_the_order_of_time", KnowsOneDirection, "TimeBucketedLog"),
    # SupportsStreams
    Fault("test_a_batch_of_several_streams_is_stored_whole", StoresTheFirstStreamOnly, "IndexError|law 1"),
    Fault(
        "test_a_batch_that_is_refused_leaves_nothing_of_any_stream", AppendsStreamByStream, "Streams, law 1"
    ),
    Fault(
        "test_one_position_twice_in_one_of_the_streams_is_refused",
        KnowsPositionsWithoutStreams,
        "ConcurrencyError",
    ),
    Fault(
        "test_one_position_twice_in_one_of_the_streams_is_refused", AppendsStreamByStream, "Streams, law 1"
    ),
    Fault("test_a_row_of_any_stream_that_cannot_be_stored_refuses_the_batch", AppendsStreamByStream, "law 1"),
    Fault("test_a_closed_store_takes_no_batch_of_several_streams", OutlivesItsEnd, "no StoreClosedError"),
    Fault(
        "test_a_batch_of_several_streams_is_numbered_in_its_order", AppendsStreamByStream, "Streams, law 2"
    ),
    # SupportsReadAll
    Fault("test_numbers_rise_in_the_order_of_the_commits", NumbersByStream, "ReadAll, law 1"),
    Fault(
        "test_every_numbered_row_is_what_was_appended_with_its_types", CutsDataAt255Bytes, "ReadAll, law 1"
    ),
    Fault("test_a_store_without_rows_has_nothing_to_read", CountsWhatWasRefused, "ReadAll, law 1"),
    Fault("test_read_all_after_a_number_with_a_limit_is_a_slice", TakesTheLimitFirst, "ReadAll, law 2"),
    Fault("test_a_tail_reader_skips_nothing_and_repeats_nothing", NumbersBeforeItCommits, "ReadAll, law 2"),
    Fault("test_a_negative_limit_of_read_all_is_refused_at_the_call", RefusesLate, "DID NOT RAISE"),
    Fault("test_a_closed_store_does_not_read_all", OutlivesItsEnd, "no StoreClosedError"),
    # SupportsSnapshots
    Fault("test_a_snapshot_takes_no_part_in_the_stream", KeepsSnapshotsAmongTheRows, "Snapshots, law 1"),
    Fault("test_a_snapshot_comes_back_byte_for_byte_with_its_types", CutsDataAt255Bytes, "Snapshots, law 2"),
    Fault(
        "test_a_snapshot_at_a_position_that_has_one_replaces_it", KeepsTheFirstSnapshot, "Snapshots, law 2"
    ),
    Fault(
        "test_the_snapshot_with_the_highest_position_within_the_bound_is_read",
        TakesTheHighestSnapshot,
        "Snapshots, law 3",
    ),
    Fault(
        "test_reading_from_a_snapshot_gives_it_and_the_rows_after_it",
        GivesTheRowOfTheSnapshotToo,
        "Snapshots, law 4",
    ),
    Fault("test_a_snapshot_with_a_number_beyond_64_bits_is_refused", TakesAnyNumber, "DID NOT RAISE"),
    Fault("test_a_snapshot_whose_name_is_no_unicode_text_is_refused", ReplacesWhatIsNoText, "DID NOT RAISE"),
    Fault("test_a_closed_store_takes_and_gives_no_snapshot", OutlivesItsEnd, "no StoreClosedError"),
    Fault(
        "test_snapshots_change_nothing_that_a_repository_gives", TakesTheHighestSnapshot, "Snapshots, law 4"
    ),
    Fault("test_a_snapshot_has_no_number", KeepsSnapshotsAmongTheRows, "Snapshots, law 1"),
    # SupportsAppendIds
    Fault("test_an_append_that_nobody_made_was_not_appended", GuessesYes, "AppendIds, law 2", BrokenServer),
    Fault(
        "test_a_closed_store_is_not_asked_what_became_of_an_append", GuessesNo, "StoreClosed", BrokenServer
    ),
    Fault("test_a_lost_answer_is_found_again", GuessesYes, "AppendIds, law 2", BrokenServer),
    Fault("test_a_lost_answer_is_found_again", GuessesNo, "AppendIds, law 2", BrokenServer),
    Fault("test_a_lost_answer_is_found_again", AnswersBeforeTheEnd, "AppendIds, law 2", BrokenServer),
    Fault("test_a_lost_answer_is_found_again", SaysNotStored, "went away", BrokenServer),
    Fault(
        "test_each_append_whose_answer_is_lost_has_an_id_of_its_own",
        GivesAllOneId,
        "ConcurrencyError|AppendIds, law 1",
        BrokenServer,
    ),
    # machines, races, crashes
    Fault(
        "test_the_store_does_what_the_memory_store_does", AcceptsLostUpdates, "expected a ConcurrencyError"
    ),
    Fault(
        "test_the_store_does_what_the_memory_store_does", TakesTheLatestForTheLast, "as of the memory store"
    ),
    Fault(
        "test_the_store_does_all_that_the_memory_store_does", KeepsTheFirstSnapshot, "as of the memory store"
    ),
    Fault("test_the_store_does_all_that_the_memory_store_does", AppendsStreamByStream, "AssertionError"),
    Fault("test_of_writers_that_add_to_one_number_no_update_is_lost", ChecksAndThenActs, "law [12]"),
    Fault("test_of_writers_that_add_to_one_number_no_update_is_lost", StoresPartOfABatch, "law 1"),
    Fault(
        "test_a_reader_at_the_tail_gets_every_commit_once_in_commit_order",
        NumbersBeforeItCommits,
        "ReadAll, law [12]",
    ),
    Fault(
        "test_a_reader_at_the_tail_gets_every_commit_once_in_commit_order",
        NumbersByStream,
        "ReadAll, law [12]",
    ),
    Fault(
        "test_what_was_acknowledged_outlives_kills_whole_and_nothing_is_there_in_part",
        AppendsRowByRow,
        "law 1: a batch is there in part",
        BrokenRows,
    ),
    Fault(
        "test_what_was_acknowledged_outlives_kills_whole_and_nothing_is_there_in_part",
        WritesLater,
        "law 1: (what was acknowledged has gone|a batch is there in part)",
        BrokenPromise,
    ),
    Fault(
        "test_appends_whose_connection_is_killed_are_stored_as_the_errors_say",
        GuessesYes,
        "AppendIds, law 2",
        BrokenServer,
    ),
    Fault(
        "test_appends_whose_connection_is_killed_are_stored_as_the_errors_say",
        GuessesNo,
        "AppendIds, law 2",
        BrokenServer,
    ),
    Fault(
        "test_appends_whose_connection_is_killed_are_stored_as_the_errors_say",
        SaysNotStored,
        "law 1: an append that raised is stored",
        BrokenServer,
    ),
    Fault(
        "test_appends_during_restarts_are_stored_as_the_errors_say",
        StaysAway,
        "The server is away|did not reach",
        BrokenServer,
    ),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    _, *names = metafunc.definition.nodeid.split("::")
    if "fault" in metafunc.fixturenames and len(names) > 1:
        stores = [fault.store for fault in FAULTS if [fault.run_by.__name__, fault.test] == names]
        metafunc.parametrize("fault", stores, ids=[store.__name__ for store in stores])


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that pytest says of the tests that failed, in one run over all faulty stores."""
    classes = [f"{__file__}::{kind.__name__}" for kind in dict.fromkeys(fault.run_by for fault in FAULTS)]
    options = ["-p", "no:cacheprovider", "-o", "python_classes=Broken"]
    folder = tmp_path_factory.mktemp("faults")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "--basetemp", folder, *options, *classes],
        env={**os.environ, "COLUMNS": "2000", "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "ERROR " not in ran.stdout, ran.stdout
    return [line for line in ran.stdout.splitlines() if line.startswith("FAILED ")]


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{each.test}[{each.store.__name__}]" for each in FAULTS])
def test_a_store_that_breaks_a_law_fails_the_test_of_it(failures: list[str], fault: Fault) -> None:
    name = rf"::{fault.run_by.__name__}::{fault.test}\[.*{fault.store.__name__}.*\] - .*(?:{fault.words})"
    found = [line for line in failures if re.search(name, line)]
    assert found, [line for line in failures if f"::{fault.test}[" in line]


def test_a_class_of_tests_that_opens_no_store_is_refused_and_not_passed_over() -> None:
    def open_nothing() -> type[FullStoreContract[MemoryStore]]:
        class TestNothing(FullStoreContract[MemoryStore]):
            """Would have no tests."""

        return TestNothing

    def write_half() -> type[LostAnswersContract[ServedStore]]:
        class TestHalf(LostAnswersContract[ServedStore]):
            @override
            def open_store(self, folder: Path, /) -> ServedStore:
                return ServedStore()

        return TestHalf

    with pytest.raises(ModelError, match=r"TestNothing: expected open_store, found none\. .*def open_store"):
        open_nothing()
    with pytest.raises(ModelError, match="TestHalf: expected lose_answer, found none"):
        write_half()


def test_each_test_of_each_contract_is_failed_by_some_store() -> None:
    contracts = [getattr(testing, name) for name in testing.__all__ if name.endswith("Contract")]
    tests = {name for contract in contracts for name in dir(contract) if name.startswith("test_")}
    assert len(tests) > 50
    assert tests - {fault.test for fault in FAULTS} == set()

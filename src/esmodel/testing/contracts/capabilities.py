"""The laws of what a store may be able to do beyond keeping rows in streams."""

from __future__ import annotations

from abc import abstractmethod
from threading import Barrier
from typing import Final, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError, PayloadError
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.testing.contracts.contract import (
    NEAR_THE_ROWS,
    StoreContract,
    at_once,
    check_closed,
    check_conflict,
    check_types,
    too_large,
)
from esmodel.testing.contracts.opening import (
    AppendIdsStore,
    FullStore,
    ReadAllStore,
    SnapshotsStore,
    StoreOpener,
    StreamsStore,
    on_one_store,
    row,
    rows,
)
from esmodel.testing.contracts.repositories import SnapshotRepositoryContract

_TOGETHER: Final = "SupportsStreams, law 1: the rows of all streams are stored, or none"
_RISING: Final = "SupportsReadAll, law 1: rows come in commit order, with numbers above 0 that rise"
_READ_ON: Final = "SupportsReadAll, law 2: to read on skips nothing and repeats nothing"
_ASIDE: Final = "SupportsSnapshots, law 1: a snapshot takes no part in read, read_all or last"
_REPLACED: Final = "SupportsSnapshots, law 2: a snapshot replaces the one at its position"
_HIGHEST: Final = "SupportsSnapshots, law 3: the snapshot with the highest position within the bound is read"
_AND_ROWS: Final = (
    "SupportsSnapshots, law 4: the snapshot of read_snapshot, and the rows that read gives after"
)
_FINAL: Final = "SupportsAppendIds, law 2: was_appended tells whether the rows are stored, once and for all"

TStreamsStore = TypeVar("TStreamsStore", bound=StreamsStore)
TReadAllStore = TypeVar("TReadAllStore", bound=ReadAllStore)
TSnapshotsStore = TypeVar("TSnapshotsStore", bound=SnapshotsStore)
TAppendIdsStore = TypeVar("TAppendIdsStore", bound=AppendIdsStore)
TFullStore = TypeVar("TFullStore", bound=FullStore)


class StreamsContract(StoreOpener[TStreamsStore]):
    """The laws of ``SupportsStreams``.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestStreams(StreamsContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_a_batch_of_several_streams_is_stored_whole(self, store: TStreamsStore) -> None:
        """Each stream gets its rows, in whatever order the streams take turns."""
        one, two = uuid4(), uuid4()
        store.append_streams([])
        store.append_streams([row(one, 0), row(two, 0), row(one, 1), row(two, 1), row(two, 2)])
        assert list(store.read(one)) == rows(one, range(2)), _TOGETHER
        assert list(store.read(two)) == rows(two, range(3)), _TOGETHER
        assert (store.last(one), store.last(two)) == ((1, b""), (2, b"")), _TOGETHER

    def test_a_batch_that_is_refused_leaves_nothing_of_any_stream(self, store: TStreamsStore) -> None:
        """The error names the stream that conflicts, and the position before its first row."""
        old, new = uuid4(), uuid4()
        first = row(old, 0)._replace(event_hash=b"first")
        store.append([first])
        batch = [row(new, 0), row(new, 1), row(old, 1), row(old, 2), row(old, 0), row(new, 2)]
        with pytest.raises(ConcurrencyError) as caught:
            store.append_streams(batch)
        check_conflict(caught.value, old, expected=0, found=0)
        assert list(store.read(old)) == [first], _TOGETHER
        assert list(store.read(new)) == [], _TOGETHER
        assert store.last(new) is None, _TOGETHER
        assert store.last(old) == (0, b"first"), _TOGETHER

    def test_one_position_twice_in_one_of_the_streams_is_refused(self, store: TStreamsStore) -> None:
        """The same position in two streams is no conflict, twice in one stream is."""
        one, two = uuid4(), uuid4()
        with pytest.raises(ConcurrencyError) as caught:
            store.append_streams([row(one, 0), row(two, 0), row(two, 1), row(one, 1), row(two, 0)])
        check_conflict(caught.value, two, expected=-1, found=-1)
        assert (list(store.read(one)), list(store.read(two))) == ([], []), _TOGETHER
        store.append_streams([row(one, 0), row(two, 0)])
        assert (store.last(one), store.last(two)) == ((0, b""), (0, b"")), _TOGETHER

    def test_a_row_of_any_stream_that_cannot_be_stored_refuses_the_batch(self, store: TStreamsStore) -> None:
        """Before anything is stored."""
        one, two = uuid4(), uuid4()
        refused = {
            "timestamp": too_large(two, "timestamp", GREATEST + 1),
            "name": row(two, 0)._replace(name="half \ud800"),
        }
        for field, bad in refused.items():
            with pytest.raises(PayloadError, match=field):
                store.append_streams([row(one, 0), bad])
            assert (list(store.read(one)), list(store.read(two))) == ([], []), _TOGETHER

    def test_a_closed_store_takes_no_batch_of_several_streams(self, store: TStreamsStore) -> None:
        """Not even an empty one."""
        store.close()
        check_closed({
            "append_streams": lambda: store.append_streams([row(UUID(int=1), 0), row(UUID(int=2), 0)]),
            "append_streams of no rows": lambda: store.append_streams([]),
        })  # fmt: skip


class ReadAllContract(StoreOpener[TReadAllStore]):
    """The laws of ``SupportsReadAll``.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestReadAll(ReadAllContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_numbers_rise_in_the_order_of_the_commits(self, store: TReadAllStore) -> None:
        """Two hundred batches of three streams in turn, some of which are refused in between."""
        streams = [uuid4() for _ in range(3)]
        appended: list[Record] = []
        for turn in range(200):
            stream, position = streams[turn % 3], 2 * (turn // 3)
            batch = [row(stream, position + 1), row(stream, position)]
            store.append(batch)
            appended += batch
            if turn % 5 == 0:
                with pytest.raises(ConcurrencyError):
                    store.append([row(stream, position + 2), row(stream, position)])
        found = list(store.read_all())
        numbers = [number for number, _ in found]
        assert [record for _, record in found] == appended, _RISING
        assert numbers == sorted(set(numbers)), _RISING
        assert min(numbers) > 0, _RISING

    def test_every_numbered_row_is_what_was_appended_with_its_types(self, store: TReadAllStore) -> None:
        """Byte for byte, as ``read`` gives it."""
        stream = uuid4()
        appended = [
            Record(stream, 0, "Gr\u00fc\u00dfe \0", LEAST, GREATEST, bytes(range(256)), b"\0", b"\xff" * 32),
            Record(stream, 1, "", 0, 0, b"\0" * 70_000),
        ]
        store.append(appended)
        found = list(store.read_all())
        assert [record for _, record in found] == appended, _RISING
        assert [type(number) for number, _ in found] == [int, int], _RISING
        for _, record in found:
            check_types(record)

    def test_a_store_without_rows_has_nothing_to_read(self, store: TReadAllStore) -> None:
        """Also after empty batches, and after those that were refused."""
        stream = uuid4()
        store.append([])
        with pytest.raises(ConcurrencyError):
            store.append([row(stream, 0), row(stream, 0)])
        assert list(store.read_all()) == [], _RISING

    def test_read_all_after_a_number_with_a_limit_is_a_slice(self, store: TReadAllStore) -> None:
        """After any number, also one that no row has, and over several pages of the engine."""
        store.append(rows(uuid4(), range(1_501)))
        everything = list(store.read_all())
        assert len(everything) == 1_501, _READ_ON

        @given(
            st.none() | st.integers(0, 1_600),
            st.integers(-3, 1_600) | st.sampled_from([LEAST - 1, GREATEST, GREATEST + 1]),
        )
        @on_one_store
        def check(limit: int | None, after: int) -> None:
            expected = [(number, record) for number, record in everything if number > after]
            assert list(store.read_all(after=after, limit=limit)) == expected[:limit], _READ_ON

        check()

    def test_a_tail_reader_skips_nothing_and_repeats_nothing(self, store: TReadAllStore) -> None:
        """One thread follows the commits of four others."""
        writers, appends = 4, 60

        def write(me: bytes, _: Barrier) -> None:
            stream = uuid4()
            for position in range(0, 2 * appends, 2):
                store.append([row(stream, position, me), row(stream, position + 1, me)])

        seen: list[tuple[int, Record]] = []
        with at_once(write, [b"%d" % me for me in range(writers)]) as are_at_work:
            goes_on = True
            while goes_on:
                goes_on = are_at_work()  # before the last look
                seen += store.read_all(after=seen[-1][0] if seen else 0, limit=37)
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        assert seen == list(store.read_all()), _READ_ON
        assert len(seen) == writers * appends * 2, _READ_ON
        assert [number for number, _ in seen] == sorted({number for number, _ in seen}), _RISING

    def test_a_negative_limit_of_read_all_is_refused_at_the_call(self, store: TReadAllStore) -> None:
        """Not when the first row is asked for."""
        with pytest.raises(PayloadError, match="limit"):
            store.read_all(limit=-1)

    def test_a_closed_store_does_not_read_all(self, store: TReadAllStore) -> None:
        """At the call."""
        store.close()
        check_closed({"read_all": store.read_all})


class SnapshotsContract(SnapshotRepositoryContract[TSnapshotsStore]):
    """The laws of ``SupportsSnapshots``, and of repositories that take snapshots.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestSnapshots(SnapshotsContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_a_snapshot_takes_no_part_in_the_stream(self, store: TSnapshotsStore) -> None:
        """``read`` and ``last`` are the same with and without it, and its position is not taken."""
        stream = uuid4()
        store.write_snapshot(row(stream, 7))
        assert list(store.read(stream)) == [], _ASIDE
        assert store.last(stream) is None, _ASIDE
        store.append(rows(stream, range(8)))
        store.write_snapshot(row(stream, 9))
        assert store.last(stream) == (7, b""), _ASIDE
        assert list(store.read(stream)) == rows(stream, range(8)), _ASIDE

    def test_a_snapshot_comes_back_byte_for_byte_with_its_types(self, store: TSnapshotsStore) -> None:
        """As every row does."""
        stream = uuid4()
        written = Record(stream, 3, "Gr\u00fc\u00dfe \0", 2, -1, bytes(range(256)), b"\0header", b"\xff" * 32)
        store.write_snapshot(written)
        found = store.read_snapshot(stream)
        assert found is not None, _HIGHEST
        assert found == written, _REPLACED
        check_types(found)

    def test_a_snapshot_at_a_position_that_has_one_replaces_it(self, store: TSnapshotsStore) -> None:
        """Each of its columns."""
        stream = uuid4()
        new = Record(stream, 5, "A newer name", 2, 12, b"new", b"header", b"hash")
        store.write_snapshot(row(stream, 5, b"old"))
        store.write_snapshot(new)
        assert store.read_snapshot(stream) == new, _REPLACED

    def test_the_snapshot_with_the_highest_position_within_the_bound_is_read(
        self, store: TSnapshotsStore
    ) -> None:
        """In whatever order they were written; those of other streams are not looked at."""

        @given(st.lists(st.integers(-20, 20)), st.sampled_from(NEAR_THE_ROWS))
        @on_one_store
        def check(positions: list[int], lte: int | None) -> None:
            stream, other = uuid4(), uuid4()
            store.write_snapshot(row(other, 0))
            for position in positions:
                store.write_snapshot(row(stream, position))
            fitting = [position for position in positions if lte is None or position <= lte]
            expected = row(stream, max(fitting)) if fitting else None
            assert store.read_snapshot(stream, lte=lte) == expected, _HIGHEST

        check()

    def test_reading_from_a_snapshot_gives_it_and_the_rows_after_it(self, store: TSnapshotsStore) -> None:
        """At any bound; without a snapshot, the rows are those from the beginning."""
        few = st.sets(st.integers(-20, 20))

        @given(few, few, st.none() | st.integers(-22, 22))
        @on_one_store
        def check(positions: set[int], snapshots: set[int], lte: int | None) -> None:
            stream, other = uuid4(), uuid4()
            store.write_snapshot(row(other, 0))
            store.append(rows(stream, positions))
            for position in snapshots:
                store.write_snapshot(row(stream, position, b"state"))
            snapshot, found = store.read_from_snapshot(stream, lte=lte)
            assert snapshot == store.read_snapshot(stream, lte=lte), _AND_ROWS
            after = None if snapshot is None else snapshot.position
            assert list(found) == list(store.read(stream, gt=after, lte=lte)), _AND_ROWS

        check()

    @pytest.mark.parametrize("number", [LEAST - 1, GREATEST + 1])
    @pytest.mark.parametrize("field", ["position", "class_version", "timestamp"])
    def test_a_snapshot_with_a_number_beyond_64_bits_is_refused(
        self, store: TSnapshotsStore, field: str, number: int
    ) -> None:
        """As in a row."""
        stream = uuid4()
        with pytest.raises(PayloadError, match=field):
            store.write_snapshot(too_large(stream, field, number))
        assert store.read_snapshot(stream) is None, _REPLACED

    def test_a_snapshot_whose_name_is_no_unicode_text_is_refused(self, store: TSnapshotsStore) -> None:
        """As in a row."""
        stream = uuid4()
        with pytest.raises(PayloadError, match="name"):
            store.write_snapshot(row(stream, 0)._replace(name="half \ud800"))
        assert store.read_snapshot(stream) is None, _REPLACED

    def test_a_closed_store_takes_and_gives_no_snapshot(self, store: TSnapshotsStore) -> None:
        """At every call."""
        store.close()
        check_closed({
            "write_snapshot": lambda: store.write_snapshot(row(UUID(int=1), 1)),
            "read_snapshot": lambda: store.read_snapshot(UUID(int=1)),
            "read_from_snapshot": lambda: store.read_from_snapshot(UUID(int=1)),
        })  # fmt: skip


class AppendIdsContract(StoreOpener[TAppendIdsStore]):
    """The laws of ``SupportsAppendIds`` that hold as long as no answer is lost.

    A store whose answers can be lost on purpose has ``LostAnswersContract`` too, and one behind a
    server ``ServerCrashContract``.
    """

    def test_an_append_that_nobody_made_was_not_appended(self, store: TAppendIdsStore) -> None:
        """However often it is asked, before and after other appends; to ask stores nothing."""
        stream, unknown = uuid4(), uuid4()
        assert [store.was_appended(unknown) for _ in range(3)] == [False] * 3, _FINAL
        store.append(rows(stream, range(3)))
        assert not store.was_appended(unknown), _FINAL
        assert not store.was_appended(stream), _FINAL
        assert list(store.read(stream)) == rows(stream, range(3)), _FINAL

    def test_a_closed_store_is_not_asked_what_became_of_an_append(self, store: TAppendIdsStore) -> None:
        """It could only guess."""
        store.close()
        check_closed({"was_appended": lambda: store.was_appended(uuid4())})


class LostAnswersContract(AppendIdsContract[TAppendIdsStore]):
    """The laws of ``SupportsAppendIds`` for a store whose answers can be lost on purpose."""

    @abstractmethod
    def lose_answer(self, store: TAppendIdsStore, /, *, stored: bool) -> None:
        """See to it that the next append hears no answer.

        Args:
            store: the store that will append.
            stored: whether the rows are to be stored. If so, it may be later: when
                ``OutcomeUnknownError`` is raised, the append may still be under way.
        """

    @pytest.mark.parametrize("stored", [True, False])
    def test_a_lost_answer_is_found_again(self, store: TAppendIdsStore, *, stored: bool) -> None:
        """The answer fits the rows, at once and ever after; other appends have other ids."""
        stream = uuid4()
        store.append([row(stream, 0)])
        batch = rows(stream, range(1, 4))
        self.lose_answer(store, stored=stored)
        with pytest.raises(OutcomeUnknownError) as caught:
            store.append(batch)
        lost = caught.value.append_id
        assert store.was_appended(lost) is stored, _FINAL
        found = list(store.read(stream))
        assert found == rows(stream, range(4 if stored else 1)), _FINAL
        if stored:
            with pytest.raises(ConcurrencyError):
                store.append(batch)
        else:
            store.append(batch)
        store.append([row(stream, 4)])
        assert store.was_appended(lost) is stored, _FINAL
        assert list(store.read(stream)) == rows(stream, range(5)), _FINAL

    def test_each_append_whose_answer_is_lost_has_an_id_of_its_own(self, store: TAppendIdsStore) -> None:
        """The answer about one says nothing about another."""
        stream = uuid4()
        ids: dict[UUID, bool] = {}
        position = 0
        for stored in (True, False, False, True, False):
            self.lose_answer(store, stored=stored)
            with pytest.raises(OutcomeUnknownError) as caught:
                store.append([row(stream, position)])
            ids[caught.value.append_id] = stored
            position += store.was_appended(caught.value.append_id)
        assert len(ids) == 5, "SupportsAppendIds, law 1: each append has an id"
        assert {each: store.was_appended(each) for each in ids} == ids, _FINAL
        assert list(store.read(stream)) == rows(stream, range(2)), _FINAL


class FullStoreContract(
    StoreContract[TFullStore],
    StreamsContract[TFullStore],
    ReadAllContract[TFullStore],
    SnapshotsContract[TFullStore],
):
    """The contracts of a store that can do all that the stores of esmodel can.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMemoryStore(FullStoreContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_a_batch_of_several_streams_is_numbered_in_its_order(self, store: TFullStore) -> None:
        """Law 2 of ``SupportsStreams``: ``read_all`` gives the rows in the order of the batch."""
        streams = [uuid4() for _ in range(3)]
        appended: list[Record] = []
        for turn in range(50):
            batch = [row(stream, 2 * turn + place) for place in (0, 1) for stream in streams[: turn % 3 + 1]]
            if turn % 2:
                batch.reverse()
            store.append_streams(batch)
            appended += batch
        found = [record for _, record in store.read_all()]
        assert found == appended, "SupportsStreams, law 2: the order across streams is kept"

    def test_a_snapshot_has_no_number(self, store: TFullStore) -> None:
        """It takes no part in ``read_all``."""
        stream = uuid4()
        store.write_snapshot(row(stream, 0))
        assert list(store.read_all()) == [], _ASIDE
        store.append([row(stream, 0)])
        store.write_snapshot(row(stream, 1))
        assert [record for _, record in store.read_all()] == [row(stream, 0)], _ASIDE

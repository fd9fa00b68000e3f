"""The laws of a record store, as tests that the author of a store inherits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from threading import Barrier, Thread
from typing import Final
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreClosedError
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.testing.contracts.opening import (
    StoreOpener,
    TStore,
    on_one_store,
    row,
    rows,
)
from esmodel.testing.contracts.repositories import RepositoryContract

_ATOMIC: Final = "RecordStore, law 1: an append that raises stores nothing, one that returns stores all"
_ONE_WINS: Final = (
    "RecordStore, law 2: ConcurrencyError names the stream, the position before the first row of "
    "that stream in the batch, and the last position found"
)
_AS_APPENDED: Final = "RecordStore, law 3: read gives the rows as they were appended, byte for byte"
_IN_ORDER: Final = "RecordStore, law 3: read gives the rows within the bounds in the order of positions"
_LAST: Final = "RecordStore, law 4: last is the highest position ever appended, and the hash of that row"

NEAR_THE_ROWS: Final = (None, LEAST - 1, LEAST, *range(-5, 11), GREATEST, GREATEST + 1)
"""No bound, and bounds before, among and after rows at -3 to 8, and beyond what a row holds."""


class StoreContract(RepositoryContract[TStore]):
    """The laws of ``RecordStore``, and of the repositories over it; a store is tested by a subclass.

    A store that can do more than a ``RecordStore`` has more contracts: ``StreamsContract``,
    ``ReadAllContract``, ``SnapshotsContract``, ``AppendIdsContract``, or all but the last at once,
    ``FullStoreContract``. The class of the store says which fit: a type checker refuses the others.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMemoryStore(StoreContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    # append

    def test_what_was_appended_comes_back_byte_for_byte(self, store: TStore) -> None:
        """Empty, long and binary columns, text of any alphabet, numbers of 64 bits."""
        stream = uuid4()
        appended = [
            Record(stream, 0, "Opened", 0, 0, b""),
            Record(stream, 1, "", 3, -1, bytes(range(256)), b"\0header", b"\xff" * 32),
            Record(stream, 2, "Gr\u00fc\u00dfe \U0001f600\0 and more", LEAST, GREATEST, b"\0" * 70_000),
            Record(stream, 3, "x" * 5_000, GREATEST, LEAST, b'{"a": 1}', b"", b"\0"),
        ]
        store.append(appended)
        assert list(store.read(stream)) == appended, _AS_APPENDED

    def test_any_row_comes_back_as_it_was(self, store: TStore) -> None:
        """Any columns that a row can have."""

        @given(
            st.lists(
                st.tuples(
                    st.text(st.characters(exclude_categories=["Cs"])),
                    st.integers(LEAST, GREATEST),
                    st.integers(LEAST, GREATEST),
                    st.binary(),
                    st.binary(),
                    st.binary(),
                )
            )
        )
        @on_one_store
        def check(fields: list[tuple[str, int, int, bytes, bytes, bytes]]) -> None:
            stream = uuid4()
            appended = [Record(stream, position, *rest) for position, rest in enumerate(fields)]
            store.append(appended)
            assert list(store.read(stream)) == appended, _AS_APPENDED

        check()

    def test_every_row_that_comes_back_is_a_record_with_its_types(self, store: TStore) -> None:
        """A driver's own types of rows, ids and bytes end at the store's edge."""
        stream = uuid4()
        store.append([row(stream, 0)])
        (read,) = store.read(stream)
        check_types(read)

    def test_an_empty_batch_stores_nothing(self, store: TStore) -> None:
        """To append no rows is no error, and changes nothing."""
        stream = uuid4()
        store.append([])
        store.append([row(stream, 0)])
        store.append([])
        assert list(store.read(stream)) == [row(stream, 0)], _ATOMIC
        assert store.last(stream) == (0, b""), _LAST

    def test_a_batch_may_be_any_sequence_and_is_the_callers_again_afterwards(self, store: TStore) -> None:
        """A list that is changed after the append changes nothing that is stored."""
        stream = uuid4()
        batch = rows(stream, range(2))
        store.append(batch)
        batch[0] = row(stream, 9)
        del batch[1]
        store.append((row(stream, 2),))
        assert list(store.read(stream)) == rows(stream, range(3)), _AS_APPENDED

    def test_a_second_append_at_one_position_is_refused(self, store: TStore) -> None:
        """Of two appends at one position exactly one succeeds; the other says why it did not."""
        stream = uuid4()
        store.append(rows(stream, range(3)))
        with pytest.raises(ConcurrencyError) as caught:
            store.append([row(stream, 1, b"other")])
        check_conflict(caught.value, stream, expected=0, found=2)
        assert list(store.read(stream)) == rows(stream, range(3)), _ATOMIC

    def test_a_batch_that_is_refused_leaves_nothing(self, store: TStore) -> None:
        """Not the rows before the one that is refused, nor those after it."""
        stream = uuid4()
        first = row(stream, 0)._replace(event_hash=b"first")
        store.append([first])
        with pytest.raises(ConcurrencyError) as caught:
            store.append(rows(stream, [1, 2, 0, 3]))
        check_conflict(caught.value, stream, expected=0, found=0)
        assert list(store.read(stream)) == [first], _ATOMIC
        assert store.last(stream) == (0, b"first"), _ATOMIC

    def test_one_position_twice_in_a_batch_is_refused(self, store: TStore) -> None:
        """A batch that conflicts with itself is stored as little as any other."""
        stream = uuid4()
        with pytest.raises(ConcurrencyError) as caught:
            store.append([row(stream, 0), row(stream, 1), row(stream, 1, b"other")])
        check_conflict(caught.value, stream, expected=-1, found=-1)
        assert list(store.read(stream)) == [], _ATOMIC
        assert store.last(stream) is None, _ATOMIC

    def test_after_a_refusal_the_store_takes_appends_as_before(self, store: TStore) -> None:
        """Nothing of the batch that was refused is in the way: no lock, no name, no position."""
        stream = uuid4()
        store.append([row(stream, 0)])
        unseen = row(stream, 1)._replace(name="A name never seen")
        with pytest.raises(ConcurrencyError):
            store.append([unseen, unseen._replace(position=0)])
        store.append([unseen])
        assert list(store.read(stream)) == [row(stream, 0), unseen], _ATOMIC

    @pytest.mark.parametrize("number", [LEAST - 1, GREATEST + 1])
    @pytest.mark.parametrize("field", ["position", "class_version", "timestamp"])
    def test_a_number_beyond_64_bits_is_refused_before_anything_is_stored(
        self, store: TStore, field: str, number: int
    ) -> None:
        """What one store refuses, all refuse: a model that works with one works with another."""
        stream = uuid4()
        with pytest.raises(PayloadError, match=field):
            store.append([row(stream, 0), too_large(stream, field, number)])
        assert list(store.read(stream)) == [], _ATOMIC

    def test_a_name_that_is_no_unicode_text_is_refused(self, store: TStore) -> None:
        """Half a surrogate pair has no bytes in UTF-8."""
        stream = uuid4()
        with pytest.raises(PayloadError, match="name"):
            store.append([row(stream, 0), row(stream, 1)._replace(name="half \ud800")])
        assert list(store.read(stream)) == [], _ATOMIC

    # read

    def test_a_stream_that_was_never_written_is_empty(self, store: TStore) -> None:
        """It is no error to read it."""
        assert list(store.read(uuid4())) == [], _AS_APPENDED
        assert store.last(uuid4()) is None, _LAST

    def test_streams_are_strangers_to_each_other(self, store: TStore) -> None:
        """Ids that differ in one bit are two streams, with the same positions."""
        streams = [UUID(int=0), *(UUID(int=1 << bit) for bit in range(0, 128, 7))]
        for number, stream in enumerate(streams):
            store.append([row(stream, position, b"%d" % number) for position in range(2)])
        for number, stream in enumerate(streams):
            expected = [row(stream, position, b"%d" % number) for position in range(2)]
            assert list(store.read(stream)) == expected, _AS_APPENDED
            assert store.last(stream) == (1, b""), _LAST

    def test_bounds_limit_and_direction_do_what_they_do_to_a_list(self, store: TStore) -> None:
        """Any of them together, at positions before, among and after those of the rows."""
        bounds = st.none() | st.sampled_from(NEAR_THE_ROWS)

        @given(
            positions=st.sets(st.integers(-3, 8)).map(list),
            gt=bounds,
            gte=bounds,
            lt=bounds,
            lte=bounds,
            limit=st.none() | st.integers(0, 30),
            descending=st.booleans(),
        )
        @on_one_store
        def check(  # noqa: PLR0913  # because these are the bounds of a range
            *,
            positions: list[int],
            gt: int | None,
            gte: int | None,
            lt: int | None,
            lte: int | None,
            limit: int | None,
            descending: bool,
        ) -> None:
            stream = uuid4()
            store.append(rows(stream, positions))
            expected = [
                row(stream, position)
                for position in sorted(positions, reverse=descending)
                if (gt is None or position > gt)
                and (gte is None or position >= gte)
                and (lt is None or position < lt)
                and (lte is None or position <= lte)
            ]
            found = store.read(stream, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending)
            assert list(found) == expected[:limit], _IN_ORDER

        check()

    def test_each_bound_alone_is_exact(self, store: TStore) -> None:
        """At each position, beside each, and from either end."""
        stream, places = uuid4(), [0, 1, 3, 4]
        store.append(rows(stream, places))
        for bound in range(-1, 6):
            above, below = [at for at in places if at > bound], [at for at in places if at < bound]
            here = [bound] if bound in places else []
            for descending in (False, True):
                step = -1 if descending else 1
                ranges = [
                    (store.read(stream, gt=bound, descending=descending), above),
                    (store.read(stream, gte=bound, descending=descending), here + above),
                    (store.read(stream, lt=bound, descending=descending), below),
                    (store.read(stream, lte=bound, descending=descending), below + here),
                ]
                for found, expected in ranges:
                    assert [record.position for record in found] == expected[::step], _IN_ORDER

    def test_a_stream_may_reach_from_the_least_to_the_greatest_position(self, store: TStore) -> None:
        """Positions are numbers of 64 bits, and no bound overflows."""
        stream = uuid4()
        ends = [row(stream, LEAST, b"least"), row(stream, GREATEST, b"greatest")]
        ends = [end._replace(timestamp=0) for end in ends]
        store.append(ends)
        assert list(store.read(stream)) == ends, _IN_ORDER
        assert list(store.read(stream, descending=True)) == ends[::-1], _IN_ORDER
        assert list(store.read(stream, gt=GREATEST)) == [], _IN_ORDER
        assert list(store.read(stream, lt=LEAST)) == [], _IN_ORDER

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("limit", [None, 499, 500, 501, 1_000, 1_999])
    def test_a_long_stream_is_read_whole_and_in_order(
        self, store: TStore, *, limit: int | None, descending: bool
    ) -> None:
        """Wherever a page of the engine ends, nothing is missing and nothing is repeated."""
        stream, other = uuid4(), uuid4()
        store.append(rows(other, range(10)))
        store.append(rows(stream, range(1_700)))
        expected = rows(stream, range(1_700))
        if descending:
            expected.reverse()
        assert list(store.read(stream, descending=descending, limit=limit)) == expected[:limit], _IN_ORDER

    def test_a_negative_limit_is_refused_at_the_call(self, store: TStore) -> None:
        """Not when the first row is asked for: there it would be far from its cause."""
        with pytest.raises(PayloadError, match="limit"):
            store.read(uuid4(), limit=-1)

    def test_rows_may_be_appended_while_a_stream_is_read(self, store: TStore) -> None:
        """Rows that come while we read may be seen or not; the others are, once each and in order."""
        stream = uuid4()
        store.append(rows(stream, range(1_200)))
        reading = store.read(stream)
        first = list(islice(reading, 10))
        store.append(rows(stream, range(1_200, 1_210)))
        found = first + list(reading)
        assert found[:1_200] == rows(stream, range(1_200)), _IN_ORDER
        assert found == rows(stream, range(len(found))), _IN_ORDER

    # last

    def test_last_is_the_highest_position_ever_appended_and_its_hash(self, store: TStore) -> None:
        """In whatever order the positions come, and also after appends that were refused."""

        @given(st.lists(st.lists(st.integers(-50, 50), max_size=5), max_size=8))
        @on_one_store
        def check(batches: list[list[int]]) -> None:
            stream = uuid4()
            appended: set[int] = set()
            for batch in batches:
                refused = len(set(batch)) < len(batch) or not appended.isdisjoint(batch)
                records = [row(stream, position)._replace(event_hash=b"%d" % position) for position in batch]
                if refused:
                    with pytest.raises(ConcurrencyError):
                        store.append(records)
                else:
                    store.append(records)
                    appended.update(batch)
                highest = max(appended, default=None)
                expected = None if highest is None else (highest, b"%d" % highest)
                assert store.last(stream) == expected, _LAST

        check()

    # several threads

    def test_of_many_appends_at_one_position_exactly_one_succeeds(self, store: TStore) -> None:
        """Six threads at once, thirty times; the others find the row of who was first."""
        stream, writers, rounds = uuid4(), 6, 30
        won: list[tuple[int, bytes]] = []
        lost: list[ConcurrencyError] = []

        def write(me: bytes, barrier: Barrier) -> None:
            for position in range(rounds):
                barrier.wait()
                try:
                    store.append([row(stream, position, me)])
                    won.append((position, me))
                except ConcurrencyError as error:
                    lost.append(error)
                barrier.wait()

        with at_once(write, [b"%d" % me for me in range(writers)]):
            pass
        stored = [(record.position, record.data) for record in store.read(stream)]
        assert sorted(won) == stored, "RecordStore, law 2: who was acknowledged is who is stored"
        assert len(won) == rounds, "RecordStore, law 2: exactly one append at a position succeeds"
        assert len(lost) == rounds * (writers - 1), "RecordStore, law 2: all others raise ConcurrencyError"
        assert all(error.found == error.expected + 1 for error in lost), _ONE_WINS

    def test_threads_that_try_again_all_get_their_rows_in(self, store: TStore) -> None:
        """Six threads append to one stream; who is refused looks where it ends, and tries again."""
        stream, writers, each = uuid4(), 6, 25
        acknowledged: list[Record] = []

        def write(me: bytes, _: Barrier) -> None:
            done = 0
            for turn in count():
                last = store.last(stream)
                record = row(stream, 0 if last is None else last[0] + 1, b"%s %d" % (me, turn))
                try:
                    store.append([record])
                except ConcurrencyError:
                    continue
                acknowledged.append(record)
                done += 1
                if done == each:
                    return

        with at_once(write, [b"writer %d:" % me for me in range(writers)]):
            pass
        found = list(store.read(stream))
        assert [record.position for record in found] == list(range(writers * each)), _ONE_WINS
        assert sorted(acknowledged) == found, "RecordStore, law 1: what was acknowledged stays"

    # close

    def test_a_closed_store_says_so_at_every_call(self, store: TStore) -> None:
        """An empty batch and an empty stream are no exceptions; to close twice does no harm."""
        store.append([row(UUID(int=1), 0)])
        store.close()
        store.close()
        check_closed({
            "append": lambda: store.append([row(UUID(int=1), 1)]),
            "append of no rows": lambda: store.append([]),
            "read": lambda: store.read(UUID(int=1)),
            "last": lambda: store.last(UUID(int=1)),
        })  # fmt: skip

    def test_a_store_may_be_closed_while_it_is_read(self, store: TStore) -> None:
        """Reading goes on to the end, or says that the store was closed: it never ends too soon."""
        stream = uuid4()
        store.append(rows(stream, range(1_200)))
        reading = store.read(stream)
        found = list(islice(reading, 10))
        store.close()
        try:
            found += reading
        except StoreClosedError:
            pass
        else:
            assert len(found) == 1_200, "ClosableStore, law 2: what cannot be read on says so"
        assert found == rows(stream, range(len(found))), _IN_ORDER

    def test_stores_of_two_folders_share_nothing(self, store: TStore, tmp_path: Path) -> None:
        """What ``open_store`` opens belongs to the folder that it was given."""
        stream = uuid4()
        store.append([row(stream, 0)])
        folder = tmp_path / "other"
        folder.mkdir()
        other = self.open_store(folder)
        try:
            assert list(other.read(stream)) == [], "StoreOpener: an unseen folder gives an empty store"
        finally:
            other.close()


class DurableContract(StoreOpener[TStore]):
    """For a store that outlives its process: what was acknowledged stays when it is opened again."""

    def test_what_was_appended_is_there_when_the_store_is_opened_again(
        self, store: TStore, tmp_path: Path
    ) -> None:
        """Rows, the last position and the refusal of taken positions outlive the store."""
        stream = uuid4()
        appended = [row(stream, 0), row(stream, 1)._replace(event_hash=b"hash")]
        store.append(appended)
        store.close()
        again = self.open_store(tmp_path)
        try:
            assert list(again.read(stream)) == appended, "RecordStore, law 1: what was acknowledged stays"
            assert again.last(stream) == (1, b"hash"), _LAST
            with pytest.raises(ConcurrencyError) as caught:
                again.append([row(stream, 1)])
            check_conflict(caught.value, stream, expected=0, found=1)
            again.append([row(stream, 2)])
            assert list(again.read(stream)) == [*appended, row(stream, 2)], _AS_APPENDED
        finally:
            again.close()


def check_types(record: Record, /) -> None:
    """Check that a row is a ``Record`` of plain Python types, and of no driver's."""
    assert type(record) is Record, "RecordStore, law 3: every row that comes back is a Record"
    found = [type(field) for field in record]
    assert found == [UUID, int, str, int, int, bytes, bytes, bytes], _AS_APPENDED


def check_conflict(error: ConcurrencyError, stream: UUID, /, *, expected: int, found: int) -> None:
    """Check what a ``ConcurrencyError`` says."""
    assert (error.originator_id, error.expected, error.found) == (stream, expected, found), _ONE_WINS


def check_closed(calls: dict[str, Callable[[], object]], /) -> None:
    """Check that each call on a closed store says that it is closed."""
    for name, call in calls.items():
        try:
            call()
        except StoreClosedError:
            continue
        pytest.fail(f"ClosableStore, law 2: {name} of a closed store raised no StoreClosedError")


def too_large(stream: UUID, field: str, number: int, /) -> Record:
    """Make a row with a number that does not fit 64 bits."""
    fields = {"position": 1, "class_version": 0, "timestamp": 0, field: number}
    return Record(stream, fields["position"], "Happened", fields["class_version"], fields["timestamp"], b"{}")


@contextmanager
def at_once(run: Callable[[bytes, Barrier], None], names: list[bytes], /) -> Generator[Callable[[], bool]]:
    """Run a function in a thread for each name, all from one moment on.

    The block is given what tells whether any thread is at work. At its end all are waited for, and
    what the first of them raised is raised; nobody waits at the barrier for one that has raised.
    """
    barrier = Barrier(len(names), timeout=60)
    raised: list[BaseException] = []

    def run_one(name: bytes) -> None:
        try:
            barrier.wait()
            run(name, barrier)
        except BaseException as error:  # noqa: BLE001  # because it is raised again, by the test
            raised.append(error)
            barrier.abort()

    threads = [Thread(target=run_one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield lambda: any(thread.is_alive() for thread in threads)
    finally:
        for thread in threads:
            thread.join()
    if raised:
        raise raised[0]

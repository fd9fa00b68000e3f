"""The laws of record stores, on every store that runs without a service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Protocol
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmodel.exceptions import ConcurrencyError, PayloadError, StoreClosedError
from esmodel.persistence.record import (
    Record,
    SnapshottingRecordStore,
    SupportsReadAll,
    SupportsStreams,
)
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import Order, PostgresStore
from esmodel.stores.sqlite import SQLiteStore

LEAST, GREATEST = -(2**63), 2**63 - 1


class Store(SnapshottingRecordStore, SupportsReadAll, SupportsStreams, Protocol):
    """What both stores can do."""

    def close(self) -> None: ...


def memory(_: Path) -> Store:
    return MemoryStore()


def sqlite(folder: Path) -> Store:
    return SQLiteStore(folder / "events.db", synchronous="NORMAL")


@pytest.fixture(params=[memory, sqlite, "dense", "transaction"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    open_store: Callable[[Path], Store] | str = request.param
    if isinstance(open_store, str):
        order: Order = "dense" if open_store == "dense" else "transaction"
        dsn: str = request.getfixturevalue("dsn")
        opened: Store = PostgresStore(dsn, order=order, migrate=True)
    else:
        opened = open_store(tmp_path)
    yield opened
    opened.close()


one_store_for_all_examples = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def row(stream: UUID, position: int, data: bytes = b"{}") -> Record:
    return Record(stream, position, "Happened", 0, 1_700_000_000_000_000 + position, data)


def rows(stream: UUID, positions: range) -> list[Record]:
    return [row(stream, position) for position in positions]


# --- append --------------------------------------------------------------------------------------


def test_what_was_appended_comes_back_byte_for_byte(store: Store) -> None:
    stream = uuid4()
    appended = [
        Record(stream, 0, "Opened", 0, 0, b""),
        Record(stream, 1, "", 3, -1, bytes(range(256)), b"\0header", b"\xff" * 32),
        Record(stream, 2, "Gr\u00fc\u00dfe \U0001f600\0 and more", LEAST, GREATEST, b"\0" * 70_000),
        Record(stream, 3, "x" * 5_000, GREATEST, LEAST, b'{"a": 1}', b"", b"\0"),
    ]
    store.append(appended)
    assert list(store.read(stream)) == appended
    assert [record for _, record in store.read_all()] == appended


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
@one_store_for_all_examples
def test_any_row_comes_back_as_it_was(
    store: Store, fields: list[tuple[str, int, int, bytes, bytes, bytes]]
) -> None:
    stream = uuid4()
    appended = [Record(stream, position, *rest) for position, rest in enumerate(fields)]
    store.append(appended)
    assert list(store.read(stream)) == appended


def test_every_row_that_comes_back_is_a_record_with_its_types(store: Store) -> None:
    stream = uuid4()
    store.append([row(stream, 0)])
    store.write_snapshot(row(stream, 0))
    (read,) = store.read(stream)
    ((number, of_all),) = store.read_all()
    snapshot = store.read_snapshot(stream)
    assert type(number) is int
    for record in (read, of_all, snapshot):
        assert isinstance(record, Record)
        assert [type(field) for field in record] == [UUID, int, str, int, int, bytes, bytes, bytes]


def test_an_empty_batch_stores_nothing(store: Store) -> None:
    store.append([])
    assert list(store.read_all()) == []


def test_a_batch_of_several_streams_is_kept_in_its_order(store: Store) -> None:
    one, two = uuid4(), uuid4()
    batch = [row(one, 0), row(two, 0), row(one, 1), row(two, 1), row(two, 2)]
    store.append_streams(batch)
    assert [record for _, record in store.read_all()] == batch
    assert list(store.read(one)) == [batch[0], batch[2]]
    assert store.last(two) == (2, b"")


def test_a_second_append_at_one_position_is_refused(store: Store) -> None:
    stream = uuid4()
    store.append(rows(stream, range(3)))
    with pytest.raises(ConcurrencyError) as caught:
        store.append([row(stream, 1, b"other")])
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (stream, 0, 2)
    assert list(store.read(stream)) == rows(stream, range(3))


def test_a_batch_that_is_refused_leaves_nothing_of_any_stream(store: Store) -> None:
    old, new = uuid4(), uuid4()
    store.append([Record(old, 0, "Opened", 0, 0, b"{}", b"", b"first")])
    batch = [row(new, 0), row(new, 1), row(old, 1), row(old, 2), row(old, 0), row(new, 2)]
    with pytest.raises(ConcurrencyError) as caught:
        store.append_streams(batch)
    # The position before the first row of that stream in the batch, and what was found.
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (old, 0, 0)
    assert len(list(store.read_all())) == 1
    assert list(store.read(new)) == []
    assert store.last(new) is None
    assert store.last(old) == (0, b"first")


def test_one_position_twice_in_a_batch_is_refused(store: Store) -> None:
    stream = uuid4()
    with pytest.raises(ConcurrencyError) as caught:
        store.append([row(stream, 0), row(stream, 1), row(stream, 1, b"other")])
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (
        stream,
        -1,
        -1,
    )
    assert list(store.read_all()) == []
    assert store.last(stream) is None


def test_after_a_refusal_the_store_takes_appends_as_before(store: Store) -> None:
    stream = uuid4()
    store.append([row(stream, 0)])
    with pytest.raises(ConcurrencyError):
        store.append([Record(stream, 0, "A name never seen", 0, 0, b"{}")])
    store.append([Record(stream, 1, "A name never seen", 0, 0, b"{}")])
    assert [record.name for _, record in store.read_all()] == ["Happened", "A name never seen"]
    assert [record.name for record in store.read(stream)] == ["Happened", "A name never seen"]


@pytest.mark.parametrize("number", [LEAST - 1, GREATEST + 1])
@pytest.mark.parametrize("field", ["position", "class_version", "timestamp"])
def test_a_number_beyond_64_bits_is_refused_before_anything_is_stored(
    store: Store, field: str, number: int
) -> None:
    stream = uuid4()
    fields = {"position": 1, "class_version": 0, "timestamp": 0, field: number}
    bad = Record(stream, fields["position"], "Opened", fields["class_version"], fields["timestamp"], b"{}")
    with pytest.raises(PayloadError, match=f"{field}: expected an integer of 64 bits"):
        store.append([row(stream, 0), bad])
    with pytest.raises(PayloadError, match=f"{field}: expected an integer of 64 bits"):
        store.write_snapshot(bad)
    assert list(store.read(stream)) == []
    assert store.read_snapshot(stream) is None


def test_a_name_that_is_no_unicode_text_is_refused(store: Store) -> None:
    bad = Record(uuid4(), 0, "half \ud800", 0, 0, b"{}")
    with pytest.raises(PayloadError, match="name: expected Unicode text"):
        store.append([bad])
    with pytest.raises(PayloadError, match="name: expected Unicode text"):
        store.write_snapshot(bad)
    assert list(store.read_all()) == []


# --- read ----------------------------------------------------------------------------------------


def test_a_stream_that_was_never_written_is_empty(store: Store) -> None:
    assert list(store.read(uuid4())) == []
    assert store.last(uuid4()) is None
    assert store.read_snapshot(uuid4()) is None


near_the_rows = st.none() | st.integers(-8, 30) | st.sampled_from([LEAST - 1, LEAST, GREATEST + 1])


@given(
    positions=st.lists(st.integers(-5, 25), unique=True),
    gt=near_the_rows,
    gte=near_the_rows,
    lt=near_the_rows,
    lte=near_the_rows,
    limit=st.none() | st.integers(0, 30),
    descending=st.booleans(),
)
@one_store_for_all_examples
def test_bounds_limit_and_direction_do_what_they_do_to_a_list(
    *,
    store: Store,
    positions: list[int],
    gt: int | None,
    gte: int | None,
    lt: int | None,
    lte: int | None,
    limit: int | None,
    descending: bool,
) -> None:
    stream = uuid4()
    store.append([row(stream, position) for position in positions])
    expected = [
        row(stream, position)
        for position in sorted(positions, reverse=descending)
        if (gt is None or position > gt)
        and (gte is None or position >= gte)
        and (lt is None or position < lt)
        and (lte is None or position <= lte)
    ]
    found = store.read(stream, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending)
    assert list(found) == expected[:limit]


def test_a_stream_may_reach_from_the_least_to_the_greatest_position(store: Store) -> None:
    stream = uuid4()
    ends = [row(stream, LEAST, b"least"), row(stream, GREATEST, b"greatest")]
    store.append([ends[0]._replace(timestamp=0), ends[1]._replace(timestamp=0)])
    found = list(store.read(stream))
    assert [record.position for record in found] == [LEAST, GREATEST]
    assert list(store.read(stream, descending=True)) == found[::-1]
    assert list(store.read(stream, gt=GREATEST)) == []
    assert list(store.read(stream, lt=LEAST)) == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [None, 499, 500, 501, 1_000, 1_999])
def test_a_long_stream_is_read_whole_and_in_order(
    store: Store, *, limit: int | None, descending: bool
) -> None:
    stream, other = uuid4(), uuid4()
    store.append_streams([*rows(other, range(10)), *rows(stream, range(1_700))])
    expected = rows(stream, range(1_700))
    if descending:
        expected.reverse()
    assert list(store.read(stream, descending=descending, limit=limit)) == expected[:limit]


def test_a_negative_limit_is_refused_at_the_call(store: Store) -> None:
    with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
        store.read(uuid4(), limit=-1)
    with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
        store.read_all(limit=-1)


def test_rows_may_be_appended_while_a_stream_is_read(store: Store) -> None:
    stream = uuid4()
    store.append(rows(stream, range(1_200)))
    reading = store.read(stream)
    first = list(islice(reading, 10))
    store.append(rows(stream, range(1_200, 1_210)))
    found = first + list(reading)
    # Rows that come while we read may be seen or not; the others are, once each and in order.
    assert found[:1_200] == rows(stream, range(1_200))
    assert found == rows(stream, range(len(found)))


# --- last ----------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(-50, 50), max_size=5), max_size=8))
@one_store_for_all_examples
def test_last_is_the_highest_position_ever_appended_and_its_hash(
    store: Store, batches: list[list[int]]
) -> None:
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
        assert store.last(stream) == expected


# --- read_all ------------------------------------------------------------------------------------


def test_numbers_rise_in_the_order_of_the_commits(store: Store) -> None:
    streams = [uuid4() for _ in range(3)]
    appended: list[Record] = []
    for position in range(200):
        batch = [row(stream, position) for stream in streams[: position % 3 + 1]]
        store.append_streams(batch)
        appended += batch
    found = list(store.read_all())
    numbers = [number for number, _ in found]
    assert [record for _, record in found] == appended
    assert numbers == sorted(set(numbers))
    assert min(numbers) > 0


@given(
    st.none() | st.integers(0, 1_600),
    st.integers(-3, 1_600) | st.sampled_from([LEAST - 1, GREATEST + 1]),
)
@settings(one_store_for_all_examples, max_examples=50)
def test_read_all_after_a_number_with_a_limit_is_a_slice(store: Store, limit: int | None, after: int) -> None:
    everything = list(store.read_all())
    if not everything:
        store.append(rows(uuid4(), range(1_501)))
        everything = list(store.read_all())
    expected = [(number, record) for number, record in everything if number > after]
    assert list(store.read_all(after=after, limit=limit)) == expected[:limit]


def test_a_tail_reader_skips_nothing_and_repeats_nothing(store: Store) -> None:
    writers, appends = 4, 60
    barrier, done = Barrier(writers + 1, timeout=60), Event()

    def write() -> None:
        stream, other = uuid4(), uuid4()
        barrier.wait()
        for position in range(appends):
            store.append_streams([row(stream, position), row(other, position)])

    threads = [Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[tuple[int, Record]] = []
    barrier.wait()
    while not done.is_set():
        if not any(thread.is_alive() for thread in threads):
            done.set()  # and once more, for what was committed meanwhile
        seen += store.read_all(after=seen[-1][0] if seen else 0, limit=37)
    for thread in threads:
        thread.join()
    seen += store.read_all(after=seen[-1][0])
    assert seen == list(store.read_all())
    assert len(seen) == writers * appends * 2
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})


# --- several threads -----------------------------------------------------------------------------


def test_of_many_appends_at_one_position_exactly_one_succeeds(store: Store) -> None:
    stream, writers, rounds = uuid4(), 6, 30
    barrier = Barrier(writers, timeout=60)
    won: list[tuple[int, bytes]] = []
    lost: list[ConcurrencyError] = []

    def write(me: bytes) -> None:
        for position in range(rounds):
            barrier.wait()
            try:
                store.append([row(stream, position, me)])
                won.append((position, me))
            except ConcurrencyError as error:
                lost.append(error)
            barrier.wait()

    threads = [Thread(target=write, args=(b"%d" % me,)) for me in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [(record.position, record.data) for record in store.read(stream)]
    assert len(won) == rounds
    assert len(lost) == rounds * (writers - 1)
    assert all(error.found == error.expected + 1 for error in lost)


def test_threads_that_try_again_all_get_their_rows_in(store: Store) -> None:
    stream, writers, each = uuid4(), 6, 25
    acknowledged: list[Record] = []
    barrier = Barrier(writers, timeout=60)

    def write(me: bytes) -> None:
        barrier.wait()
        for turn in count():
            last = store.last(stream)
            record = row(stream, -1 if last is None else last[0], b"%s %d" % (me, turn))
            record = record._replace(position=0 if last is None else last[0] + 1)
            try:
                store.append([record])
            except ConcurrencyError:
                continue
            acknowledged.append(record)
            if sum(record.data.startswith(me) for record in acknowledged) == each:
                return

    threads = [Thread(target=write, args=(b"writer %d:" % me,)) for me in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = list(store.read(stream))
    assert [record.position for record in found] == list(range(writers * each))
    assert sorted(acknowledged) == found


# --- snapshots -----------------------------------------------------------------------------------


def test_a_snapshot_takes_no_part_in_read_read_all_or_last(store: Store) -> None:
    stream = uuid4()
    store.write_snapshot(row(stream, 7))
    assert list(store.read(stream)) == []
    assert list(store.read_all()) == []
    assert store.last(stream) is None
    store.append(rows(stream, range(8)))
    assert store.last(stream) == (7, b"")
    assert list(store.read(stream)) == rows(stream, range(8))


def test_a_snapshot_at_a_position_that_has_one_replaces_it(store: Store) -> None:
    stream = uuid4()
    new = Record(stream, 5, "A newer name", 2, 12, b"new", b"header", b"hash")
    store.write_snapshot(row(stream, 5, b"old"))
    store.write_snapshot(new)
    assert store.read_snapshot(stream) == new


@given(
    st.lists(st.integers(-20, 20)),
    st.none() | st.integers(-22, 22) | st.sampled_from([LEAST - 1, LEAST, GREATEST + 1]),
)
@one_store_for_all_examples
def test_the_snapshot_with_the_highest_position_within_the_bound_is_read(
    store: Store, positions: list[int], lte: int | None
) -> None:
    stream, other = uuid4(), uuid4()
    store.write_snapshot(row(other, 0))
    for position in positions:
        store.write_snapshot(row(stream, position))
    fitting = [position for position in positions if lte is None or position <= lte]
    expected = row(stream, max(fitting)) if fitting else None
    assert store.read_snapshot(stream, lte=lte) == expected


@given(st.sets(st.integers(-20, 20)), st.sets(st.integers(-20, 20)), st.none() | st.integers(-22, 22))
@one_store_for_all_examples
def test_reading_from_a_snapshot_gives_it_and_the_rows_after_it(
    store: Store, positions: set[int], snapshots: set[int], lte: int | None
) -> None:
    stream, other = uuid4(), uuid4()
    store.write_snapshot(row(other, 0))
    store.append([row(stream, position) for position in positions])
    for position in snapshots:
        store.write_snapshot(row(stream, position, b"state"))
    snapshot, found = store.read_from_snapshot(stream, lte=lte)
    assert snapshot == store.read_snapshot(stream, lte=lte)
    after = None if snapshot is None else snapshot.position
    assert list(found) == list(store.read(stream, gt=after, lte=lte))


# --- close ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("open_store", [memory, sqlite])
def test_a_closed_store_says_so_at_every_call(
    open_store: Callable[[Path], MemoryStore | SQLiteStore], tmp_path: Path
) -> None:
    with open_store(tmp_path) as store:
        store.append([row(UUID(int=1), 0)])
    store.close()  # twice does no harm
    calls: list[Callable[[], object]] = [
        lambda: store.append([row(UUID(int=1), 1)]),
        lambda: store.append([]),
        lambda: store.append_streams([]),
        lambda: store.read_from_snapshot(UUID(int=1)),
        lambda: store.read(UUID(int=1)),
        lambda: store.last(UUID(int=1)),
        store.read_all,
        lambda: store.write_snapshot(row(UUID(int=1), 1)),
        lambda: store.read_snapshot(UUID(int=1)),
        store.__enter__,
    ]
    for call in calls:
        with pytest.raises(StoreClosedError, match=r"was closed: open a new one\.$"):
            call()


def test_a_store_may_be_closed_while_it_is_read(store: Store) -> None:
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
        assert len(found) == 1_200
    assert found == rows(stream, range(len(found)))

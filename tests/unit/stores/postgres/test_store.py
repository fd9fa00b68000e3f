"""``PostgresStore`` keeps rows and pages long streams."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from uuid import uuid4

import pytest
from postgres_proxy import Breakpoint
from postgres_sessions import admin
from sample_rows import STREAM, row, rows

from esmodel.exceptions import (
    ConcurrencyError,
    StoreClosedError,
)
from esmodel.rows import (
    FREE,
    Append,
    RecordStore,
    SupportsAppendIds,
    SupportsReadAll,
    SupportsSnapshots,
    SupportsStreams,
)
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server


def test_it_implements_each_protocol(store: PostgresStore) -> None:
    as_record_store: RecordStore = store
    as_streams: SupportsStreams = store
    as_read_all: SupportsReadAll = store
    as_snapshots: SupportsSnapshots = store
    as_append_ids: SupportsAppendIds = store
    as_record_store.append(Append([row(0)], FREE))
    as_streams.append_streams([Append([row(1)], after=0)])
    as_snapshots.write_snapshot(row(0))
    assert [record for _, record in as_read_all.read_all()] == [row(0), row(1)]
    assert not as_append_ids.was_appended(uuid4())
    assert isinstance(store, SupportsAppendIds)


def test_rows_last_and_snapshots_outlive_the_store(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, migrate=True) as store:
        store.append(Append([row(0), row(1)._replace(event_hash=b"hash")], FREE))
        store.write_snapshot(row(1))
    with PostgresStore(dsn, order=order) as store:
        assert list(store.read(STREAM)) == [row(0), row(1)._replace(event_hash=b"hash")]
        assert store.last(STREAM) == (1, b"hash")
        assert store.read_snapshot(STREAM) == row(1)


def test_a_save_and_a_load_from_a_snapshot_are_one_round_trip_each(proxy: Breakpoint, order: Order) -> None:
    with PostgresStore(proxy.dsn, order=order, migrate=True) as store:
        store.append(Append(rows(10), FREE))
        store.write_snapshot(row(4))
        list(store.read(STREAM))
        asked = proxy.questions
        store.append(Append([row(position) for position in range(10, 20)], after=9))
        assert proxy.questions == asked + 1
        snapshot, found = store.read_from_snapshot(STREAM)
        assert (snapshot, len(list(found))) == (row(4), 15)
        assert proxy.questions == asked + 2


def test_appends_and_refused_ones_are_one_round_trip_each(proxy: Breakpoint, order: Order) -> None:
    with PostgresStore(proxy.dsn, order=order, migrate=True) as store:
        store.append(Append(rows(3), None))
        for after in (None, 0, 1, 3):
            asked = proxy.questions
            with pytest.raises(ConcurrencyError) as caught:
                store.append(Append([row(0 if after is None else after + 1)], after))
            assert proxy.questions == asked + 1
            assert (caught.value.expected, caught.value.found) == (-1 if after is None else after, 2)
        asked = proxy.questions
        store.append_streams([Append([row(3)], after=2), Append([row(0, uuid4())], None)])
        store.append(Append([row(9)], FREE))
        assert proxy.questions == asked + 2


def test_the_end_of_a_stream_is_compared_on_the_server(store: PostgresStore, dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order) as other:
        store.append(Append(rows(2), None))
        other.append(Append([row(2)], after=1))
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([row(2)], after=1))
        assert (caught.value.expected, caught.value.found) == (1, 2)
        store.append(Append([row(3)], after=2))


@pytest.mark.parametrize("size", [499, 500, 501, 1_250])
def test_reading_from_a_snapshot_continues_page_by_page(store: PostgresStore, size: int) -> None:
    store.append(Append(rows(size), FREE))
    _, found = store.read_from_snapshot(STREAM)
    assert list(found) == rows(size)
    store.write_snapshot(row(0))
    snapshot, found = store.read_from_snapshot(STREAM, lte=size - 2)
    assert (snapshot, list(found)) == (row(0), rows(size - 1)[1:])
    assert store.read_from_snapshot(STREAM, lte=-(2**63) - 1)[0] is None
    assert store.read_snapshot(STREAM, lte=-(2**63) - 1) is None


def test_pages_are_limited_by_bytes_too_so_that_long_rows_need_no_more_memory(store: PostgresStore) -> None:
    long = b"x" * 2_000_000
    for position in range(10):
        store.append(Append([row(position, data=long)], FREE))
    store.write_snapshot(row(-1))
    readers: list[Callable[[], Iterator[object]]] = [
        lambda: store.read(STREAM),
        lambda: store.read(STREAM, descending=True),
        store.read_all,
        lambda: store.read_from_snapshot(STREAM)[1],
    ]
    for read in readers:
        tracemalloc.start()
        assert sum(1 for _ in read()) == 10
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12_000_000


def test_no_transaction_stays_open_while_a_reader_pauses(store: PostgresStore, dsn: str) -> None:
    store.append(Append(rows(1_200), FREE))
    reading = [store.read(STREAM), store.read_from_snapshot(STREAM)[1]]
    for each in reading:
        next(each)
    numbered = store.read_all()
    next(numbered)
    with admin(dsn) as connection:
        states = connection.execute(
            "SELECT DISTINCT state FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        ).fetchall()
    assert states == [("idle",)]
    assert [len(list(each)) for each in (*reading, numbered)] == [1_199] * 3


def test_a_paused_reader_raises_after_the_store_was_closed(store: PostgresStore) -> None:
    store.append(Append(rows(1_200), FREE))
    reading = store.read(STREAM)
    assert len(list(islice(reading, 10))) == 10
    store.close()
    with pytest.raises(StoreClosedError):
        list(reading)


def test_a_closed_store_says_so_at_every_call(store: PostgresStore) -> None:
    store.append(Append([row(0)], FREE))
    store.close()
    store.close()  # closing twice is harmless
    calls: list[Callable[[], object]] = [
        lambda: store.append(Append([row(1)], FREE)),
        lambda: store.append(Append([], FREE)),
        lambda: store.append_streams([]),
        lambda: store.read(STREAM),
        lambda: store.read_from_snapshot(STREAM),
        lambda: store.last(STREAM),
        store.read_all,
        lambda: store.write_snapshot(row(1)),
        lambda: store.read_snapshot(STREAM),
        lambda: store.was_appended(uuid4()),
        store.migrate,
        store.__enter__,
    ]
    for call in calls:
        with pytest.raises(StoreClosedError, match=r"was closed: open a new one\.$"):
            call()

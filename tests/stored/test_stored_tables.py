"""Tables that earlier PostgreSQL stores made are read and written by every later one.

``v0_1_dense.sql`` and ``v0_1_transaction.sql`` are dumps of format 1, ``format_2_dense.sql`` and
``format_2_transaction.sql`` of format 2, and so on. Each was taken once; they never change again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Final
from uuid import UUID

import psycopg
import pytest
from postgres_sessions import run_in_threads

from esmodel import ConcurrencyError
from esmodel.exceptions import StoreFormatError
from esmodel.rows import FREE, Append, Record
from esmodel.stores.postgres import Order, PostgresStore

ONE, TWO, NEW = UUID(int=1), UUID(int=2), UUID(int=3)
GIVEN_UP: Final = UUID(int=7)
MICROSECONDS: Final = 1_700_000_000_000_000
FORMAT: Final = "SELECT version FROM esmodel.format"
TURNS: Final = """SELECT count(*) FROM pg_proc
    WHERE proname = 'append_rows' AND pronargs = 14 AND prosrc LIKE '%LOCK TABLE%'"""
FORMER: Final = """SELECT oid::regprocedure::text FROM pg_proc
    WHERE proname = 'append_rows' AND pronargs = 13"""
WAITING: Final = """SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()"""
DUMPS: Final = {1: "v0_1", 2: "format_2", 3: "format_3"}


def deposited(position: int) -> Record:
    name = "Deposited" if position else "Opened"
    data = b'{"cents":%d}' % position
    return Record(ONE, position, name, position, MICROSECONDS + position, data, b"", bytes([position]) * 32)


STORED: Final = [
    *map(deposited, range(3)),
    Record(TWO, 0, "Opened", 0, MICROSECONDS + 9, b'{"owner":"Ada"}', b'{"event_id":null}'),
]


@pytest.fixture(params=["dense", "transaction"])
def order(request: pytest.FixtureRequest) -> Order:
    found: Order = request.param
    return found


@pytest.fixture(params=[1, 2, 3])
def stored_format(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def connection(
    dsn: str, order: Order, stored_format: int
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Restore a dump, and give a connection to it."""
    dump = Path(__file__).with_name(f"{DUMPS[stored_format]}_{order}.sql").read_bytes()
    with psycopg.connect(dsn, autocommit=True) as opened:
        opened.execute(dump)
        opened.execute("RESET ALL")  # a dump sets the path on which names are looked for
        yield opened


def check_that_all_is_there(store: PostgresStore) -> None:
    assert [record for _, record in store.read_all()] == STORED
    assert list(store.read(ONE)) == STORED[:3]
    assert (store.last(ONE), store.last(TWO)) == ((2, b"\2" * 32), (0, b""))
    snapshot, following = store.read_from_snapshot(ONE)
    assert snapshot == Record(ONE, 1, "Snapshot", 0, MICROSECONDS + 1, b"{}")
    assert list(following) == STORED[2:3]
    assert not store.was_appended(GIVEN_UP)


def check_that_it_goes_on(store: PostgresStore) -> None:
    before = [number for number, _ in store.read_all()]
    store.append(Append([deposited(position) for position in range(3, 100)], after=2))
    store.append(Append([Record(NEW, 0, "Closed", 0, MICROSECONDS, b"{}")], None))
    with pytest.raises(ConcurrencyError):
        store.append(Append([deposited(50)], FREE))
    check_that_gaps_are_refused(store)
    numbered = list(store.read_all(after=before[-1]))
    assert [record.position for _, record in numbered] == [*range(3, 100), 0]
    numbers = [*before, *(number for number, _ in numbered)]
    assert numbers == sorted(set(numbers))


def check_that_gaps_are_refused(store: PostgresStore) -> None:
    for after, expected in ((None, -1), (98, 98), (100, 100)):
        stale = Append([deposited(expected + 1)], after)
        new = Append([Record(UUID(int=0), 0, "Closed", 0, MICROSECONDS, b"{}")], None)
        for appends in ([stale], [new, stale]):
            with pytest.raises(ConcurrencyError) as caught:
                store.append_streams(appends)
            error = caught.value
            assert (error.originator_id, error.expected, error.found) == (ONE, expected, 99)
    with pytest.raises(ConcurrencyError) as caught:
        store.append(Append([Record(UUID(int=0), 5, "Closed", 0, MICROSECONDS, b"{}")], after=4))
    assert (caught.value.expected, caught.value.found) == (4, -1)


@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_tables_of_earlier_formats_are_read_and_written_as_they_are(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str, stored_format: int
) -> None:
    with PostgresStore(dsn) as store:
        check_that_all_is_there(store)
        check_that_it_goes_on(store)
        assert [number for number, _ in store.read_all()] == list(range(1, 103))
    assert connection.execute(FORMAT).fetchall() == [(stored_format,)]


@pytest.mark.parametrize("order", ["transaction"], indirect=True)
def test_tables_of_earlier_formats_are_written_as_they_are_in_the_order_of_transactions(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str, stored_format: int
) -> None:
    # as if they had been written by this cluster
    connection.execute("UPDATE esmodel.format SET shift = (SELECT max(number) >> 20 FROM esmodel.record)")
    with PostgresStore(dsn, order="transaction") as store:
        check_that_it_goes_on(store)
    assert connection.execute(FORMAT).fetchall() == [(stored_format,)]


@pytest.mark.parametrize("order", ["transaction"], indirect=True)
def test_numbers_of_another_cluster_are_refused_until_they_are_migrated(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str, stored_format: int
) -> None:
    with (
        PostgresStore(dsn, order="transaction") as store,
        pytest.raises(StoreFormatError, match=r"restored from another.*Call store\.migrate\(\)"),
    ):
        list(store.read_all())
    assert connection.execute(FORMAT).fetchall() == [(stored_format,)]


def test_migrate_brings_them_to_this_format(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str, order: Order
) -> None:
    with PostgresStore(dsn, order=order) as new:
        new.migrate()
        assert connection.execute(FORMAT).fetchall() == [(4,)]
        assert connection.execute(TURNS).fetchall() == [(1 if order == "dense" else 0,)]
        check_that_all_is_there(new)
        check_that_it_goes_on(new)
        new.migrate()  # and once more does no harm
        assert len(list(new.read_all())) == 102


@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_a_store_that_was_opened_before_migrate_writes_on_after_it(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str
) -> None:
    with PostgresStore(dsn) as old, PostgresStore(dsn) as new:
        old.append(Append([deposited(3)], after=2))
        new.migrate()
        new.append(Append([deposited(4)], after=3))
        old.append(Append([deposited(5)], after=4))
        for store in (old, new):
            with pytest.raises(ConcurrencyError):
                store.append(Append([deposited(7)], after=6))
        assert list(old.read(ONE)) == [deposited(position) for position in range(6)]
        assert [number for number, _ in new.read_all()] == list(range(1, 8))
    assert connection.execute(FORMAT).fetchall() == [(4,)]


@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_of_many_writers_of_earlier_tables_one_continues_a_stream(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str
) -> None:
    won: list[int] = []
    lost: list[tuple[int, int]] = []

    def write(store: PostgresStore, after: int | None) -> None:
        last = store.last(NEW)
        assert (None if last is None else last[0]) == after
        barrier.wait()
        for stream in (NEW, UUID(int=9)):
            row = Record(stream, 0 if after is None else after + 1, "Closed", 0, 0, b"{}")
            try:
                store.append_streams([Append([row], after)])
            except ConcurrencyError as error:
                lost.append((error.expected, error.found))
            else:
                won.append(row.position)

    barrier = Barrier(4, timeout=60)
    with PostgresStore(dsn) as store:
        for after in (None, 0, 1, 2, 3):
            run_in_threads([partial(write, store, after)] * 4)
        assert [record.position for record in store.read(NEW)] == list(range(5))
    assert sorted(won) == sorted(2 * [*range(5)])
    assert sorted(lost) == sorted((position - 1, position) for position in 6 * [*range(5)])
    assert connection.execute(FORMAT).fetchone() != (4,)


@pytest.mark.parametrize("order", ["dense"], indirect=True)
@pytest.mark.parametrize("migrated", [False, True])
def test_an_append_waits_for_whoever_moves_the_end_of_its_stream(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str, *, migrated: bool
) -> None:
    refused: list[ConcurrencyError] = []

    def append(store: PostgresStore) -> None:
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([deposited(3)], after=2))  # a free position, also at the end
        refused.append(caught.value)

    with PostgresStore(dsn) as store:
        if migrated:
            store.migrate()
        with psycopg.connect(dsn) as rival:
            rival.execute("UPDATE esmodel.stream SET last_position = 9 WHERE originator_id = %s", (ONE,))
            thread = Thread(target=append, args=(store,))
            thread.start()
            deadline = time.monotonic() + 60
            while connection.execute(WAITING).fetchall() == [(0,)]:
                assert time.monotonic() < deadline
        thread.join()  # the rival has committed
        assert [(error.expected, error.found) for error in refused] == [(2, 9)]
        assert list(store.read(ONE)) == STORED[:3]


@pytest.mark.parametrize("stored_format", [1, 2], indirect=True)
@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_the_store_that_migrates_uses_the_new_function(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str
) -> None:
    with PostgresStore(dsn) as store:
        store.append(Append([deposited(3)], after=2))
        store.migrate()
        old = connection.execute(FORMER).fetchall()
        assert len(old) == 1
        connection.execute(f"DROP FUNCTION {old[0][0]}".encode())
        store.append(Append([deposited(4)], after=3))
        assert store.last(ONE) == (4, b"\4" * 32)

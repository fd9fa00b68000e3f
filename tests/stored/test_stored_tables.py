"""Tables that the first PostgreSQL stores made are read and written by every later one.

``v0_1_dense.sql`` and ``v0_1_transaction.sql`` are dumps of format 1, taken once; they never change again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
import pytest

from esmodel import ConcurrencyError
from esmodel.exceptions import StoreFormatError
from esmodel.rows import Record
from esmodel.stores.postgres import Order, PostgresStore

ONE, TWO, NEW = UUID(int=1), UUID(int=2), UUID(int=3)
GIVEN_UP: Final = UUID(int=7)
MICROSECONDS: Final = 1_700_000_000_000_000
FORMAT: Final = "SELECT version FROM esmodel.format"
TURNS: Final = "SELECT count(*) FROM pg_proc WHERE proname = 'append_rows' AND prosrc LIKE '%advisory%'"


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


@pytest.fixture
def connection(dsn: str, order: Order) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Restore a dump, and give a connection to it."""
    dump = Path(__file__).with_name(f"v0_1_{order}.sql").read_bytes()
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
    store.append([deposited(position) for position in range(3, 100)])
    store.append([Record(NEW, 0, "Closed", 0, MICROSECONDS, b"{}")])
    with pytest.raises(ConcurrencyError):
        store.append([deposited(50)])
    numbered = list(store.read_all(after=before[-1]))
    assert [record.position for _, record in numbered] == [*range(3, 100), 0]
    numbers = [*before, *(number for number, _ in numbered)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_tables_of_format_1_are_read_and_written_as_they_are(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str
) -> None:
    with PostgresStore(dsn) as store:
        check_that_all_is_there(store)
        check_that_it_goes_on(store)
        assert [number for number, _ in store.read_all()] == list(range(1, 103))
    assert connection.execute(FORMAT).fetchall() == [(1,)]


@pytest.mark.parametrize("order", ["transaction"], indirect=True)
def test_numbers_of_another_cluster_are_refused_until_they_are_migrated(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str
) -> None:
    with (
        PostgresStore(dsn, order="transaction") as store,
        pytest.raises(StoreFormatError, match=r"restored from another.*Call store\.migrate\(\)"),
    ):
        list(store.read_all())
    assert connection.execute(FORMAT).fetchall() == [(1,)]


def test_migrate_brings_them_to_this_format(
    connection: psycopg.Connection[tuple[object, ...]], dsn: str, order: Order
) -> None:
    with PostgresStore(dsn, order=order) as new:
        new.migrate()
        assert connection.execute(FORMAT).fetchall() == [(2,)]
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
        old.append([deposited(3)])
        new.migrate()
        new.append([deposited(4)])
        old.append([deposited(5)])
        assert list(old.read(ONE)) == [deposited(position) for position in range(6)]
        assert [number for number, _ in new.read_all()] == list(range(1, 8))
    assert connection.execute(FORMAT).fetchall() == [(2,)]

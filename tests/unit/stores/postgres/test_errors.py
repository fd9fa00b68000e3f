"""``PostgresStore`` says what PostgreSQL found and what to do."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from postgres_sessions import CommitBlocker, admin
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool
from sample_rows import STREAM, row, rows

from esmodel.exceptions import (
    ConcurrencyError,
    PayloadError,
    StoreError,
)
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import Order, PostgresStore, _appends, _statements, schema

pytestmark = pytest.mark.server

SHORT = timedelta(milliseconds=300)


def test_waiting_for_a_connection_times_out(dsn: str, order: Order) -> None:
    with (
        ConnectionPool(dsn, min_size=1, max_size=1) as pool,
        PostgresStore(pool, order=order, timeout=SHORT, migrate=True) as store,
    ):
        with pool.connection(), pytest.raises(StoreError, match=r"expected a connection within 0\.3 s"):
            store.append(Append([row(0)], FREE))
        store.append(Append([row(0)], FREE))


def test_waiting_for_a_lock_times_out_and_readers_do_not_wait(
    store: PostgresStore, blocker: CommitBlocker, dsn: str, order: Order
) -> None:
    append = blocker.start_append(store, 0, STREAM)
    with PostgresStore(dsn, order=order, timeout=SHORT) as other:
        started = time.monotonic()
        with pytest.raises(StoreError, match="Another transaction keeps it locked"):
            other.append(Append([row(0)], FREE))
        assert time.monotonic() - started < 5
        assert list(other.read(STREAM)) == []
        blocker.release()
        append.join(30)
        with pytest.raises(ConcurrencyError):
            other.append(Append([row(0)], FREE))


def test_a_read_only_server_is_named_in_the_error(dsn: str, order: Order) -> None:
    with PostgresStore(dsn, order=order, migrate=True) as store, admin(dsn) as connection:
        store.append(Append([row(0)], FREE))
        name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    with PostgresStore(dsn, order=order) as store:
        assert list(store.read(STREAM)) == [row(0)]
        with pytest.raises(StoreError, match=r"read-only transaction.*Connect to the primary server"):
            store.append(Append([row(1)], FREE))


def test_an_append_that_is_too_long_is_refused(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_appends, "_MOST_BYTES", 10_000)
    long = row(0, data=b"x" * 10_001)
    with pytest.raises(PayloadError, match="expected at most 10,000 bytes in one call"):
        store.append(Append([long], FREE))
    with pytest.raises(PayloadError, match="expected at most 10,000 bytes in one call"):
        store.write_snapshot(long)
    assert list(store.read(STREAM)) == []


def test_an_append_in_transaction_order_has_fewer_rows_than_places(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (schema, _appends, _statements):
        monkeypatch.setattr(module, "PLACES", 4)
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        with pytest.raises(PayloadError, match="expected fewer than 16 rows, found 16"):
            store.append(Append(rows(16), FREE))
        store.append(Append(rows(15), FREE))
        assert [record for _, record in store.read_all()] == rows(15)


def test_a_taken_number_is_an_error_and_not_a_conflict(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True) as store, admin(dsn) as connection:
        store.append(Append(rows(3), FREE))
        connection.execute("UPDATE esmodel.counter SET last = 0")
        with pytest.raises(StoreError, match="record_number") as caught:
            store.append(Append([row(3)], FREE))
        assert not isinstance(caught.value, ConcurrencyError)


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_and_a_serialization_failure_are_conflicts(
    store: PostgresStore, dsn: str, state: str
) -> None:
    store.append(Append(rows(2), FREE))
    with admin(dsn) as connection:
        raises = sql.SQL("BEGIN RAISE EXCEPTION USING ERRCODE = {}; END").format(sql.Literal(state))
        connection.execute(
            sql.SQL("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS {}").format(
                sql.Literal(raises.as_string(connection))
            )
        )
        connection.execute("CREATE TRIGGER fail BEFORE INSERT ON esmodel.record EXECUTE FUNCTION fail()")
    with pytest.raises(ConcurrencyError) as caught:
        store.append(Append([row(2)], FREE))
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (STREAM, 1, 1)

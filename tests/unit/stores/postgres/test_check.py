"""``check`` finds what does not agree in the tables."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import pytest
from postgres_sessions import admin
from sample_rows import STREAM, row, rows

from esmodel.exceptions import StoreClosedError
from esmodel.rows import Append, Checked, Record, SupportsCheck
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server

OTHER: Final = UUID(int=2)
FAULTS: Final = {
    "last row deleted": (
        "DELETE FROM esmodel.record WHERE (originator_id, position) = (%s, 2)",
        "expected the last row of the stream",
    ),
    "end behind the rows": (
        "UPDATE esmodel.stream SET last_position = 0 WHERE originator_id = %s",
        "no row after the last position",
    ),
    "hash of the end": (
        "UPDATE esmodel.stream SET last_hash = 'x' WHERE originator_id = %s",
        "expected the hash that is stored",
    ),
    "stream deleted": (
        "DELETE FROM esmodel.stream WHERE originator_id = %s",
        "expected a stream for the row",
    ),
    "name deleted": ("DELETE FROM esmodel.name WHERE %s IS NOT NULL", "expected a name for the row"),
    "name of a snapshot": (
        "UPDATE esmodel.snapshot SET name_id = 7 WHERE originator_id = %s",
        "expected a name for the snapshot",
    ),
}
HOLES: Final = {
    "first row deleted": "DELETE FROM esmodel.record WHERE number = 1",
    "counter ahead": "UPDATE esmodel.counter SET last = last + 1",
}


def fill(store: PostgresStore) -> None:
    store.append(Append(rows(3), None))
    store.append(Append([Record(OTHER, position, "Other", 0, 0, b"{}") for position in range(2)], None))
    store.write_snapshot(row(1))


def test_whole_tables_have_no_faults_and_are_not_changed(store: PostgresStore) -> None:
    checks: SupportsCheck = store
    assert checks.check() == Checked(streams=0, rows=0)
    fill(store)
    assert checks.check() == Checked(streams=2, rows=5)
    assert list(store.read(STREAM)) == rows(3)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_agree_is_found(store: PostgresStore, dsn: str, fault: str) -> None:
    fill(store)
    statement, words = FAULTS[fault]
    with admin(dsn) as connection:
        connection.execute(statement.encode(), (STREAM,))
    found = store.check().faults
    assert any(words in each.message for each in found), found
    assert {each.originator_id for each in found} - {None} <= {STREAM, OTHER}


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_in_the_numbers_is_found(dsn: str, hole: str) -> None:
    with PostgresStore(dsn, migrate=True) as store:
        fill(store)
        with admin(dsn) as connection:
            connection.execute(HOLES[hole].encode())
        assert any("rows with the numbers 1 to" in each.message for each in store.check().faults)


def test_rows_of_another_cluster_are_found(dsn: str) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        fill(store)
        assert store.check() == Checked(streams=2, rows=5)
        with admin(dsn) as connection:
            connection.execute("UPDATE esmodel.record SET number = number + (1000::bigint << 20)")
        assert any("the transaction ids of this cluster" in each.message for each in store.check().faults)


def test_a_closed_store_refuses_a_check(dsn: str, order: Order) -> None:
    store = PostgresStore(dsn, order=order, migrate=True)
    store.close()
    with pytest.raises(StoreClosedError):
        store.check()

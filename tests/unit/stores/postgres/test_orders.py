"""The two orders of ``read_all``."""

from __future__ import annotations

from threading import Thread
from uuid import uuid4

import pytest
from postgres_sessions import BLOCKED, CommitBlocker, admin
from sample_rows import STREAM, row, rows

from esmodel.exceptions import (
    ConcurrencyError,
)
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import PostgresStore

pytestmark = pytest.mark.server


def test_dense_numbers_have_no_gaps_even_after_a_conflict(dsn: str) -> None:
    with PostgresStore(dsn, migrate=True) as store:
        store.append(Append(rows(2), FREE))
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(2), row(0)], FREE))
        store.append(Append([row(2)], FREE))
        assert [number for number, _ in store.read_all()] == [1, 2, 3]


def test_transaction_numbers_are_the_transaction_and_the_place_in_the_append(dsn: str) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store:
        store.append(Append(rows(2), FREE))
        store.append(Append([row(2)], FREE))
        (first, _), (second, _), (third, _) = store.read_all()
    assert [number & 0xFFFFF for number in (first, second, third)] == [1, 2, 1]
    assert first >> 20 == second >> 20 < third >> 20
    assert third < 2**40, "the count begins with the tables, not with the cluster"


@pytest.mark.parametrize("order", ["dense"], indirect=True)
def test_in_dense_order_an_open_append_blocks_writers_and_is_not_skipped(
    store: PostgresStore, blocker: CommitBlocker
) -> None:
    store.append(Append([row(0)], FREE))
    first = blocker.start_append(store, 0, uuid4())
    others = [
        Thread(target=store.append, args=(Append([row(1)], FREE),)),
        Thread(target=store.append, args=(Append([row(0, uuid4())], FREE),)),
    ]
    for thread in others:
        thread.start()
    blocker.wait_until_waiting(3)
    for _ in range(20):
        assert [number for number, _ in store.read_all()] == [1]
    assert all(thread.is_alive() for thread in others)
    blocker.release()
    for thread in (first, *others):
        thread.join(30)
    found = list(store.read_all(after=1))
    assert [number for number, _ in found] == [2, 3, 4]
    assert found[0][1].data == BLOCKED


@pytest.mark.parametrize("order", ["transaction"], indirect=True)
def test_in_transaction_order_an_open_append_delays_readers_only_and_is_not_skipped(
    store: PostgresStore, blocker: CommitBlocker
) -> None:
    store.append(Append([row(0)], FREE))
    seen = list(store.read_all())
    assert len(seen) == 1
    first = blocker.start_append(store, 0, uuid4())
    for position in range(1, 21):
        store.append(Append([row(position)], FREE))
        assert list(store.read_all(after=seen[-1][0])) == []
        assert len(list(store.read(STREAM))) == position + 1
    blocker.release()
    first.join(30)
    found = list(store.read_all(after=seen[-1][0]))
    assert found[0][1].data == BLOCKED
    assert [record for _, record in found[1:]] == [row(position) for position in range(1, 21)]


def test_in_transaction_order_a_transaction_that_has_written_delays_readers_and_one_that_reads_does_not(
    dsn: str,
) -> None:
    with PostgresStore(dsn, order="transaction", migrate=True) as store, admin(dsn) as connection:
        connection.execute("CREATE TABLE mine (at integer)")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM mine")
        store.append(Append([row(0)], FREE))
        assert len(list(store.read_all())) == 1
        connection.execute("INSERT INTO mine VALUES (1)")
        store.append(Append([row(1)], FREE))
        assert len(list(store.read_all())) == 1
        connection.execute("ROLLBACK")
        assert len(list(store.read_all())) == 2

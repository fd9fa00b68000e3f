"""``PostgresStore`` never guesses whether an append was stored."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from postgres_proxy import Breakpoint
from postgres_sessions import BLOCKED, CommitBlocker, wait_until
from sample_rows import STREAM, row, rows

from esmodel.exceptions import (
    OutcomeUnknownError,
    StoreError,
)
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server

SHORT = timedelta(milliseconds=300)


def test_an_append_whose_answer_is_lost_is_acknowledged(proxy: Breakpoint, order: Order) -> None:
    with PostgresStore(proxy.dsn, order=order, migrate=True) as store:
        store.append(Append([row(0)], FREE))
        proxy.at, proxy.times = "answer", 1
        store.append(Append([row(1), row(2)], FREE))
        assert proxy.times == 0
        assert list(store.read(STREAM)) == rows(3)


def test_an_append_that_never_reached_the_server_is_repeated(proxy: Breakpoint, order: Order) -> None:
    with PostgresStore(proxy.dsn, order=order, migrate=True) as store:
        store.append(Append([row(0)], FREE))
        proxy.at, proxy.times = "question", 2
        store.append(Append([row(1), row(2)], FREE))
        assert proxy.times == 0
        assert list(store.read(STREAM)) == rows(3)


def test_an_append_that_never_reaches_the_server_times_out(proxy: Breakpoint, order: Order) -> None:
    with PostgresStore(proxy.dsn, order=order, timeout=SHORT, migrate=True) as store:
        store.append(Append([row(0)], FREE))
        proxy.at, proxy.times = "question", 1_000
        with pytest.raises(StoreError) as caught:
            store.append(Append([row(1)], FREE))
        assert not isinstance(caught.value, OutcomeUnknownError)
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        proxy.times = 0
        assert list(store.read(STREAM)) == [row(0)]
        store.append(Append([row(1)], FREE))


def test_an_append_that_arrives_late_is_refused(proxy: Breakpoint, order: Order) -> None:
    with PostgresStore(proxy.dsn, order=order, migrate=True) as store:
        store.append(Append([row(0)], FREE))
        proxy.at, proxy.times = "late", 1
        store.append(Append([row(1)], FREE))  # stored under a second id before the first one arrives
        proxy.late.set()
        wait_until(lambda: bool(proxy.answers))
        assert b"append_once" in b"".join(proxy.answers)
        assert list(store.read(STREAM)) == rows(2)


@pytest.mark.parametrize("at", ["question", "answer"])
def test_an_unknown_outcome_is_not_guessed(proxy: Breakpoint, order: Order, at: str) -> None:
    with PostgresStore(proxy.dsn, order=order, timeout=SHORT, migrate=True) as store:
        store.append(Append([row(0)], FREE))
        proxy.at, proxy.times, proxy.goes_down = ("question" if at == "question" else "answer"), 1, True
        with pytest.raises(OutcomeUnknownError, match="Check that the server runs") as caught:
            store.append(Append([row(1), row(2)], FREE))
        with pytest.raises(StoreError):
            store.was_appended(caught.value.append_id)
        proxy.is_down = False
        with PostgresStore(proxy.dsn, order=order) as other:
            was_stored = other.was_appended(caught.value.append_id)
            assert was_stored == (at == "answer")
            assert list(other.read(STREAM)) == rows(3 if was_stored else 1)
            assert other.was_appended(caught.value.append_id) == was_stored


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_lost_connection_waits_for_the_append_in_progress(
    store: PostgresStore, blocker: CommitBlocker, proxy: Breakpoint, order: Order, ends: str
) -> None:
    with PostgresStore(proxy.dsn, order=order) as other:
        other.append(Append([row(0)], FREE))
        proxy.at, proxy.times = "answer", 1
        append = blocker.start_append(other, 1, STREAM)
        blocker.wait_until_waiting(2)  # the append, and the question whether it is stored
        assert append.is_alive()
        if ends == "rollback":
            blocker.cancel()  # the store appends again under another id
            blocker.wait_until_blocked()
        blocker.release()
        append.join(30)
        assert not append.is_alive()
    assert list(store.read(STREAM)) == [row(0), row(1, data=BLOCKED)]


def test_the_outcome_of_an_append_in_progress_for_too_long_can_be_asked_later(
    store: PostgresStore, blocker: CommitBlocker, proxy: Breakpoint, order: Order
) -> None:
    with PostgresStore(proxy.dsn, order=order, timeout=SHORT) as other:
        other.append(Append([row(0)], FREE))
        proxy.at, proxy.times = "answer", 1_000
        with pytest.raises(OutcomeUnknownError, match="Another transaction keeps it locked") as caught:
            other.append(Append([row(1, data=BLOCKED)], FREE))
        append_id = caught.value.append_id
        with pytest.raises(StoreError, match="Another transaction keeps it locked"):
            other.was_appended(append_id)
    blocker.release()
    assert store.was_appended(append_id)
    assert list(store.read(STREAM)) == [row(0), row(1, data=BLOCKED)]
    assert (append_id.version, append_id.variant) == (7, "specified in RFC 4122")

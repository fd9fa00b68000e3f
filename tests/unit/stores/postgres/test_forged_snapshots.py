"""What somebody with access to a PostgreSQL database does to a hash chain and its snapshots is found."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Final
from uuid import UUID

import pytest
from attrs import define, frozen
from postgres_sessions import admin

from esmodel import EventSourcedRepository, HashchainedAggregateRoot, HashchainedEvent, applies
from esmodel.exceptions import HeadHashError, IntegrityError, SnapshotError, StoreError
from esmodel.repositories import Verified
from esmodel.stores.postgres import PostgresStore

pytestmark = pytest.mark.server

STREAM, OTHER = UUID(int=77), UUID(int=78)
KEY: Final = b"k" * 32
LAST: Final = 4


@frozen
class Paid(HashchainedEvent):
    cents: int


@define
class Ledger(HashchainedAggregateRoot[Paid]):
    cents: int = 0

    @applies
    def paid(self, event: Paid) -> None:
        self.cents += event.cents

    apply = paid.exhaustive


@pytest.fixture
def ledgers(store: PostgresStore) -> EventSourcedRepository[Ledger]:
    """Return a repository with a key, two ledgers of five events, and a snapshot of each."""
    repository = EventSourcedRepository(Ledger, store, snapshot_key=KEY)
    for stream in (STREAM, OTHER):
        ledger = Ledger.create_with_id(stream, Paid, cents=1)
        for _ in range(LAST):
            ledger.trigger(Paid, cents=1)
        repository.save(ledger)
        repository.take_snapshot(stream, at=2)
        repository.take_snapshot(stream)
    return repository


def execute(dsn: str, *statements: str) -> None:
    with admin(dsn) as connection:
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount != 0


MINE: Final = f"originator_id = '{STREAM}'"
FORGED: Final = """convert_to(replace(convert_from(data, 'UTF8'), '"cents":5', '"cents":9000000'), 'UTF8')"""
CHANGES: Final = {
    "position": "position = position + 1",
    "class_version": "class_version = class_version + 1",
    "timestamp": '"timestamp" = "timestamp" + 1',
    "name_id": "name_id = (SELECT min(n.name_id) FROM esmodel.name n WHERE n.name_id <> snapshot.name_id)",
    "data": f"data = {FORGED}",
    "header": "header = ''",
    "event_hash": "event_hash = ''",
    "data of another stream": f"data = (SELECT data FROM esmodel.snapshot s WHERE originator_id = '{OTHER}'"  # noqa: S608
    f" AND s.position = {LAST}), event_hash = (SELECT event_hash FROM esmodel.snapshot s"
    f" WHERE originator_id = '{OTHER}' AND s.position = {LAST})",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_snapshot_is_refused_with_a_key_and_not_read_without(
    ledgers: EventSourcedRepository[Ledger], store: PostgresStore, dsn: str, change: str
) -> None:
    assert ledgers.verify(STREAM) == Verified(LAST + 1, 2, 0, signed=True)
    execute(dsn, f"UPDATE esmodel.snapshot SET {change} WHERE {MINE} AND position = {LAST}")  # noqa: S608
    for read in (ledgers.get_entity, ledgers.verify):
        with pytest.raises(SnapshotError):
            read(STREAM)
    assert EventSourcedRepository(Ledger, store)[STREAM].cents == LAST + 1
    ledgers.take_snapshot(STREAM)
    assert ledgers[OTHER].cents == LAST + 1


def test_a_snapshot_whose_name_is_gone_is_an_error_of_the_store(
    ledgers: EventSourcedRepository[Ledger], dsn: str
) -> None:
    execute(dsn, f"UPDATE esmodel.snapshot SET name_id = 99 WHERE {MINE}")  # noqa: S608
    with pytest.raises(StoreError, match="Name 99: expected a stored name, found none"):
        ledgers[STREAM]


ENDS: Final = {
    "removed": f"DELETE FROM esmodel.stream WHERE {MINE}",  # noqa: S608
    "lowered": f"UPDATE esmodel.stream SET last_position = 1 WHERE {MINE}",  # noqa: S608
    "raised": f"UPDATE esmodel.stream SET last_position = 9 WHERE {MINE}",  # noqa: S608
    "changed": f"UPDATE esmodel.stream SET last_hash = '' WHERE {MINE}",  # noqa: S608
}
READS: Final[dict[str, Callable[[EventSourcedRepository[Ledger]], object]]] = {
    "load": lambda ledgers: ledgers[STREAM],
    "at": lambda ledgers: ledgers.get_entity(STREAM, at=99),
    "verify": lambda ledgers: ledgers.verify(STREAM),
    "events": lambda ledgers: list(ledgers.events(STREAM)),
}


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("read", READS.values(), ids=list(READS))
@pytest.mark.parametrize("end", ENDS)
def test_an_end_that_is_removed_or_moved_is_found(
    ledgers: EventSourcedRepository[Ledger],
    store: PostgresStore,
    dsn: str,
    end: str,
    read: Callable[[EventSourcedRepository[Ledger]], object],
    *,
    is_signed: bool,
) -> None:
    execute(dsn, ENDS[end])
    with pytest.raises(HeadHashError):
        read(ledgers if is_signed else EventSourcedRepository(Ledger, store))


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_cut_chain_whose_end_is_removed_is_found(
    ledgers: EventSourcedRepository[Ledger], store: PostgresStore, dsn: str, *, is_signed: bool
) -> None:
    execute(
        dsn,
        f"DELETE FROM esmodel.stream WHERE {MINE}",  # noqa: S608
        f"DELETE FROM esmodel.record WHERE {MINE} AND position > 1",  # noqa: S608
    )
    repository = ledgers if is_signed else EventSourcedRepository(Ledger, store)
    for read in READS.values():
        with pytest.raises(IntegrityError):
            read(repository)


def test_a_stream_whose_rows_are_gone_is_found(
    ledgers: EventSourcedRepository[Ledger], store: PostgresStore, dsn: str
) -> None:
    execute(dsn, f"DELETE FROM esmodel.record WHERE {MINE}", f"DELETE FROM esmodel.snapshot WHERE {MINE}")  # noqa: S608
    for read in READS.values():
        for repository in (ledgers, EventSourcedRepository(Ledger, store)):
            with pytest.raises(HeadHashError):
                read(repository)


@pytest.mark.slow
def test_loads_beside_a_session_that_deletes_snapshots_find_no_gap(
    ledgers: EventSourcedRepository[Ledger], store: PostgresStore, dsn: str
) -> None:
    rows = [store.read_snapshot(STREAM, lte=at) for at in (2, LAST)]
    end = time.monotonic() + 2

    def tidy() -> None:
        with admin(dsn) as connection:
            while time.monotonic() < end:
                connection.execute("DELETE FROM esmodel.snapshot")
                for row in rows:
                    assert row is not None
                    store.write_snapshot(row)

    thread = Thread(target=tidy)
    thread.start()
    seen: set[int | None] = set()
    while time.monotonic() < end:
        snapshot, found = store.read_from_snapshot(STREAM)
        seen.add(None if snapshot is None else snapshot.position)
        low = 0 if snapshot is None else snapshot.position + 1
        assert [row.position for row in found] == list(range(low, LAST + 1))
        assert ledgers[STREAM].cents == LAST + 1
    thread.join()
    assert seen == {None, 2, LAST}

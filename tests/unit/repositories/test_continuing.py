"""A save continues its stream: what is not stored is never skipped, and what is triggered meanwhile waits."""

from __future__ import annotations

import gc
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID, uuid4

import pytest
from attrs import define, frozen
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    DomainEvent,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    ModelError,
    applies,
    publish,
    save_together,
    subscribe,
    using_ids,
)
from esmodel.model import Command
from esmodel.rows import Append, Appended
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import Order, PostgresStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import Collection

Store: TypeAlias = MemoryStore | SQLiteStore | PostgresStore
Save: TypeAlias = Callable[[Store, "Account"], None]
ORDERS: Final[dict[str, Order]] = {"dense": "dense", "transaction": "transaction"}


@frozen
class Moved(AggregateEvent):
    cents: int


@define
class Account(AggregateRoot[Moved]):
    balance: int = 0

    @applies
    def moved(self, event: Moved) -> None:
        self.balance += event.cents

    apply = moved.exhaustive


@frozen
class Noted(AggregateEvent):
    lines: list[str]


@define
class Notes(AggregateRoot[Noted]):
    lines: tuple[str, ...] = ()

    @applies
    def noted(self, event: Noted) -> None:
        self.lines += tuple(event.lines)

    apply = noted.exhaustive


def save_alone(store: Store, account: Account) -> None:
    EventSourcedRepository(Account, store).save(account)


def save_with_another(store: Store, account: Account) -> None:
    accounts = EventSourcedRepository(Account, store)
    save_together(store, accounts.to_save(Account.create(Moved, cents=1)), accounts.to_save(account))


@pytest.fixture(params=["memory", "sqlite", *ORDERS])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    """Open stores by name."""
    kind: str = request.param
    opened: list[Store] = []

    def open_one(name: str) -> Store:
        if kind in ORDERS:
            dsn: str = request.getfixturevalue("dsn")
            opened.append(PostgresStore(dsn, order=ORDERS[kind], schema=name, migrate=True))
        else:
            opened.append(MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / f"{name}.db"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture(params=[save_alone, save_with_another])
def save(request: pytest.FixtureRequest) -> Save:
    found: Save = request.param
    return found


def positions(store: Store, stream: UUID) -> list[int]:
    return [record.position for record in store.read(stream)]


@pytest.mark.parametrize("root", [AggregateRoot, HashchainedAggregateRoot, Command, Collection])
def test_no_method_of_an_aggregate_looks_like_saving(root: type) -> None:
    like_saving = re.compile("save|store|persist|commit|flush|publish|append|write|put")
    assert [name for name in dir(root) if like_saving.match(name)] == []


def test_events_after_collected_ones_are_refused(open_store: Callable[[str], Store], save: Save) -> None:
    store = open_store("one")
    account = Account.create(Moved, cents=5)
    batches: list[Sequence[DomainEvent]] = []
    with subscribe(batches.append):
        publish(account.collect_events())  # as AggregateRoot.save() of eventsourcing 8: it stores nothing
    assert len(batches) == 1
    with pytest.raises(ConcurrencyError):
        save(store, account)  # though no event is pending
    account.trigger(Moved, cents=7)
    with pytest.raises(ConcurrencyError) as caught:
        save(store, account)
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (account.id, 0, -1)
    assert positions(store, account.id) == []
    assert store.last(account.id) is None
    assert len(account.pending_events) == 1


def test_events_after_collected_ones_are_refused_in_an_old_stream(
    open_store: Callable[[str], Store], save: Save
) -> None:
    store = open_store("one")
    account = Account.create(Moved, cents=5)
    save_alone(store, account)
    account.trigger(Moved, cents=7)
    account.collect_events()
    account.trigger(Moved, cents=9)
    with pytest.raises(ConcurrencyError) as caught:
        save(store, account)
    assert (caught.value.expected, caught.value.found) == (1, 0)
    assert EventSourcedRepository(Account, store)[account.id].balance == 5


def test_a_save_to_another_store_is_refused(open_store: Callable[[str], Store], save: Save) -> None:
    old, new = open_store("one"), open_store("other")
    account = Account.create(Moved, cents=1)
    save_alone(old, account)
    account.trigger(Moved, cents=2)
    with pytest.raises(ConcurrencyError) as caught:
        save(new, account)
    assert (caught.value.expected, caught.value.found) == (0, -1)
    assert positions(new, account.id) == []
    save_alone(old, account)
    account.trigger(Moved, cents=4)
    save_alone(old, account)
    assert EventSourcedRepository(Account, old)[account.id].balance == 7


def test_a_save_of_an_aggregate_that_exists_already_is_refused(
    open_store: Callable[[str], Store], save: Save
) -> None:
    store, stream = open_store("one"), uuid4()
    with using_ids(lambda: stream):
        first, second = Account.create(Moved, cents=1), Account.create(Moved, cents=2)
    save_alone(store, first)
    with pytest.raises(ConcurrencyError) as caught:
        save(store, second)
    assert (caught.value.expected, caught.value.found) == (-1, 0)
    assert EventSourcedRepository(Account, store)[stream].balance == 1


class Meanwhile(MemoryStore):
    """A store that lets something happen while it stores rows."""

    happens: Callable[[], object] | None = None

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        appended = super().append_streams(appends)
        if self.happens is not None:
            happens, self.happens = self.happens, None
            happens()
        return appended


@pytest.mark.parametrize("together", [False, True])
def test_an_event_that_is_triggered_meanwhile_stays_pending(*, together: bool) -> None:
    store = Meanwhile()
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    account = Account.create(Moved, cents=1)
    account.trigger(Moved, cents=2)
    store.happens = lambda: account.trigger(Moved, cents=4)
    if together:
        save_together(store, accounts.to_save(account))
    else:
        accounts.save(account)
    assert [event.cents for event in account.pending_events if isinstance(event, Moved)] == [4]
    snapshot = store.read_snapshot(account.id)
    assert snapshot is not None
    assert snapshot.position == 1  # that of the last event that is stored
    assert accounts[account.id].balance == 3
    accounts.save(account)
    assert accounts[account.id].balance == 7


def test_the_payload_of_an_event_that_is_triggered_meanwhile_is_that_of_its_trigger() -> None:
    store = Meanwhile()
    notes = EventSourcedRepository(Notes, store)
    note, lines = Notes.create(Noted, lines=["a"]), ["b"]
    store.happens = lambda: note.trigger(Noted, lines=lines)
    notes.save(note)
    lines.append("c")
    assert [event.lines for event in note.pending_events if isinstance(event, Noted)] == [["b"]]
    notes.save(note)
    assert not note.pending_events
    assert [each for each in gc.get_objects() if isinstance(each, Noted)] == []  # a saved event is released
    assert notes[note.id].lines == ("a", "b")


def test_events_that_are_collected_meanwhile_are_not_cleared_twice() -> None:
    store = Meanwhile()
    accounts = EventSourcedRepository(Account, store)
    account = Account.create(Moved, cents=1)

    def collect_and_trigger() -> None:
        account.collect_events()
        account.trigger(Moved, cents=2)

    store.happens = collect_and_trigger
    accounts.save(account)
    assert len(account.pending_events) == 1
    accounts.save(account)
    assert accounts[account.id].balance == 3


def test_an_event_of_another_thread_waits_for_the_next_save(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "one.db") as store, closing(sqlite3.connect(tmp_path / "one.db")) as lock:
        accounts = EventSourcedRepository(Account, store)
        account = Account.create(Moved, cents=0)
        lock.isolation_level = None
        lock.execute("BEGIN IMMEDIATE")
        saving = threading.Thread(target=accounts.save, args=(account,))
        saving.start()
        time.sleep(0.1)  # it has taken the pending events, and waits for the lock
        account.trigger(Moved, cents=100)
        lock.execute("COMMIT")
        saving.join()
        account.trigger(Moved, cents=1)
        accounts.save(account)
        assert accounts[account.id].balance == account.balance == 101
        assert not account.pending_events


class Counted(UUID):
    compared: int = 0

    @override
    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return super().__eq__(other)

    __hash__ = UUID.__hash__


def test_many_aggregates_are_saved_together_in_linear_time() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    with using_ids(lambda: Counted(int=uuid4().int)):
        saves = [accounts.to_save(Account.create(Moved, cents=1)) for _ in range(1_000)]
    Counted.compared = 0
    save_together(store, *saves)
    assert Counted.compared < 20_000
    with pytest.raises(ModelError, match="expected it once, found it twice"):
        save_together(store, *saves, saves[0])


def test_an_aggregate_whose_events_were_collected_follows_nobody_elses_rows() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    mine, theirs = (Account.create_with_id(UUID(int=9), Moved, cents=cents) for cents in (1, 2))
    mine.collect_events()
    accounts.save(theirs)
    mine.trigger(Moved, cents=10)  # its version follows that of the stored event, its state does not
    with pytest.raises(ConcurrencyError) as caught:
        accounts.save(mine)
    assert (caught.value.expected, caught.value.found) == (0, -1)
    with pytest.raises(ConcurrencyError):
        save_together(store, accounts.to_save(mine))
    assert accounts[mine.id].balance == 2

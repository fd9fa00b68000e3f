"""Several aggregates in one save; appends whose answer was lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import UUID, uuid4

import pytest
from attrs import define, frozen
from postgres_proxy import Breakpoint
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    Collection,
    ConcurrencyError,
    DomainEvent,
    EventSourcedArrayRepository,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    OutcomeUnknownError,
    PayloadError,
    StoreError,
    applies,
    save_together,
    subscribe,
)
from esmodel.exceptions import InvalidEntityError
from esmodel.repositories import SnapshotWarning
from esmodel.rows import Append, Appended, Record
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore

Store: TypeAlias = MemoryStore | SQLiteStore | PostgresStore


@frozen(kw_only=True)
class Moved(AggregateEvent):
    cents: int
    note: str = ""


@define
class Account(AggregateRoot[Moved]):
    balance: int = 0

    @applies
    def moved(self, event: Moved) -> None:
        self.balance += event.cents

    apply = moved.exhaustive


@frozen(kw_only=True)
class Noted(HashchainedEvent):
    cents: int


@define
class Ledger(HashchainedAggregateRoot[Noted]):
    cents: int = 0

    @applies
    def noted(self, event: Noted) -> None:
        self.cents += event.cents

    apply = noted.exhaustive


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    kind: str = request.param
    opened: Store
    if kind == "postgres":
        dsn: str = request.getfixturevalue("dsn")
        opened = PostgresStore(dsn, migrate=True)
    else:
        opened = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "events.db")
    yield opened
    opened.close()


def moved(cents: int) -> Account:
    return Account.create(Moved, cents=cents)


# --- several aggregates --------------------------------------------------------------------------


def test_aggregates_of_two_classes_are_saved_together_in_the_order_given(store: Store) -> None:
    accounts, ledgers = EventSourcedRepository(Account, store), EventSourcedRepository(Ledger, store)
    one, other, ledger = moved(-5), moved(5), Ledger.create(Noted, cents=5)
    other.trigger(Moved, cents=1)
    save_together(store, accounts.to_save(one), ledgers.to_save(ledger), accounts.to_save(other))
    assert (accounts[one.id].balance, accounts[other.id].balance) == (-5, 6)
    assert ledgers.verify(ledger.id).events == 1
    stored = [(record.originator_id, record.position) for _, record in store.read_all()]
    assert stored == [(one.id, 0), (ledger.id, 0), (other.id, 0), (other.id, 1)]
    assert not one.pending_events + other.pending_events + ledger.pending_events


def test_if_one_is_stale_nothing_of_any_is_stored_and_all_events_wait(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    known, fresh = moved(1), moved(2)
    accounts.save(known)
    stale = accounts[known.id]
    known.trigger(Moved, cents=10)
    accounts.save(known)
    stale.trigger(Moved, cents=100)
    with pytest.raises(ConcurrencyError) as caught:
        save_together(store, accounts.to_save(fresh), accounts.to_save(stale))
    assert (caught.value.originator_id, caught.value.expected, caught.value.found) == (known.id, 0, 1)
    assert fresh.id not in accounts
    assert accounts[known.id].balance == 11
    assert (len(fresh.pending_events), len(stale.pending_events)) == (1, 1)
    again = accounts[known.id]
    again.trigger(Moved, cents=100)
    save_together(store, accounts.to_save(fresh), accounts.to_save(again))
    assert (accounts[fresh.id].balance, accounts[known.id].balance) == (2, 111)


def test_if_a_value_cannot_be_written_nothing_is_stored(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    words = EventSourcedRepository(Collection[str], store)
    good, bad = moved(1), Collection[int].register()
    bad.add_item(5)
    with pytest.raises(PayloadError, match="expected str, found int 5"):
        save_together(store, accounts.to_save(good), words.to_save(bad))  # type: ignore[arg-type]
    assert list(store.read_all()) == []
    assert (len(good.pending_events), len(bad.pending_events)) == (1, 2)


def test_all_events_are_published_as_one_batch(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    one, other = moved(1), moved(2)
    expected = [*one.pending_events, *other.pending_events]
    batches: list[Sequence[DomainEvent]] = []
    with subscribe(batches.append):
        save_together(store, accounts.to_save(one), accounts.to_save(other))
        save_together(store, accounts.to_save(one))
        save_together(store)
    assert [list(batch) for batch in batches] == [expected]


def test_snapshots_are_taken_of_those_for_which_they_are_due(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store, snapshot_every=2)
    one, other = moved(1), moved(2)
    other.trigger(Moved, cents=3)
    save_together(store, accounts.to_save(one), accounts.to_save(other))
    snapshot = store.read_snapshot(other.id)
    assert (store.read_snapshot(one.id), snapshot and snapshot.position) == (None, 1)


def test_one_aggregate_twice_is_refused(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    account = moved(1)
    with pytest.raises(ModelError, match=f"Account {account.id}: expected it once, found it twice"):
        save_together(store, accounts.to_save(account), accounts.to_save(account))
    assert account.id not in accounts


def test_an_aggregate_of_another_store_is_refused(store: Store) -> None:
    account = moved(1)
    elsewhere = EventSourcedRepository(Account, MemoryStore())
    with pytest.raises(ModelError, match="found one of another store"):
        save_together(store, elsewhere.to_save(account))
    assert len(account.pending_events) == 1


def test_an_aggregate_whose_events_were_collected_is_refused_though_none_is_pending(store: Store) -> None:
    accounts, account = EventSourcedRepository(Account, store), moved(5)
    account.collect_events()
    with pytest.raises(ConcurrencyError):
        accounts.save(account)
    with pytest.raises(ConcurrencyError):
        save_together(store, accounts.to_save(account), accounts.to_save(moved(1)))
    assert account.id not in accounts


def test_saving_together_without_the_store_is_refused(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    with pytest.raises(ModelError, match="expected the store first"):
        methodcaller("__call__", accounts.to_save(moved(1)))(save_together)


def test_an_aggregate_of_another_class_is_refused_at_once() -> None:
    ledger = Ledger.create(Noted, cents=5)
    accounts: EventSourcedRepository[Account] = EventSourcedRepository(Account, MemoryStore())
    to_save: Callable[[object], object] = getattr(accounts, "to_save")  # noqa: B009  # because checkers refuse it
    with pytest.raises(ModelError, match="expected an aggregate of the class Account, found Ledger"):
        to_save(ledger)


# --- lost answers --------------------------------------------------------------------------------

Fate: TypeAlias = Literal["stored", "not stored"]


class FarStore(MemoryStore):
    """A store that is far away: it does what it is asked, and its answer gets lost."""

    def __init__(self, fate: Fate | None = None, *, can_be_reached: bool = True) -> None:
        super().__init__()
        self.fate: Fate | None = fate
        self.can_be_reached = can_be_reached
        self.appended: dict[UUID, bool] = {}

    @override
    def append_streams(self, appends: Sequence[Append], /) -> Appended:
        if self.fate is None:
            return super().append_streams(appends)
        append_id = uuid4()
        self.appended[append_id] = self.fate == "stored"
        if self.fate == "stored":
            super().append_streams(appends)
        raise OutcomeUnknownError(append_id, "the connection was closed")

    def was_appended(self, append_id: UUID, /) -> bool:
        if not self.can_be_reached:
            raise StoreError("the server cannot be reached")
        return self.appended[append_id]


def test_a_save_whose_answer_was_lost_and_that_was_stored_is_a_save() -> None:
    store = FarStore("stored")
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    one, other = moved(5), moved(6)
    batches: list[Sequence[DomainEvent]] = []
    with subscribe(batches.append):
        accounts.save(one)
        save_together(store, accounts.to_save(other))
    assert (accounts[one.id].balance, accounts[other.id].balance) == (5, 6)
    assert (one.pending_events, other.pending_events) == ((), ())
    assert len(batches) == 2
    assert store.read_snapshot(one.id) is not None


def test_a_save_whose_answer_was_lost_and_that_was_not_stored_can_be_repeated() -> None:
    store = FarStore("not stored")
    accounts = EventSourcedRepository(Account, store)
    account = moved(5)
    with pytest.raises(
        StoreError, match=r"was not stored: the connection was closed\. Nothing is lost; save again"
    ):
        accounts.save(account)
    assert len(account.pending_events) == 1
    store.fate = None
    accounts.save(account)
    assert accounts[account.id].balance == 5


@pytest.mark.parametrize("fate", ["stored", "not stored"])
def test_where_nobody_can_tell_the_outcome_is_not_guessed(fate: Fate) -> None:
    store = FarStore(fate, can_be_reached=False)
    accounts = EventSourcedRepository(Account, store)
    account = moved(5)
    with pytest.raises(OutcomeUnknownError, match=r"Ask store\.was_appended") as caught:
        accounts.save(account)
    assert len(account.pending_events) == 1
    with pytest.raises(InvalidEntityError, match=r"before it was known whether the events are stored"):
        account.trigger(Moved, cents=1)
    store.can_be_reached = True
    assert store.was_appended(caught.value.append_id) == (fate == "stored") == (account.id in accounts)


def test_aggregates_that_were_saved_together_do_not_know_either() -> None:
    store = FarStore("stored", can_be_reached=False)
    accounts = EventSourcedRepository(Account, store)
    one, other = moved(5), moved(6)
    with pytest.raises(OutcomeUnknownError):
        save_together(store, accounts.to_save(one), accounts.to_save(other))
    for each in (one, other):
        with pytest.raises(InvalidEntityError, match=r"before it was known whether the events are stored"):
            accounts.save(each)


def test_a_store_that_cannot_be_asked_leaves_the_outcome_to_the_caller() -> None:
    class Silent(MemoryStore):
        @override
        def append(self, append: Append, /) -> Appended:
            raise OutcomeUnknownError(UUID(int=1), "the connection was closed")

    account = moved(5)
    with pytest.raises(OutcomeUnknownError) as caught:
        EventSourcedRepository(Account, Silent()).save(account)
    assert caught.value.append_id == UUID(int=1)
    assert len(account.pending_events) == 1


@pytest.mark.parametrize("fate", ["stored", "not stored"])
def test_the_items_of_an_array_are_asked_for_too(fate: Fate) -> None:
    store = FarStore(fate)
    array = EventSourcedArrayRepository(int, store)[UUID(int=1)]
    if fate == "stored":
        assert array.append(7) == 0
        assert list(array) == [7]
    else:
        with pytest.raises(StoreError, match="was not stored"):
            array.append(7)
        assert list(array) == []


def test_a_snapshot_that_fails_after_the_save_warns_at_the_line_that_saves() -> None:
    class Without(MemoryStore):
        @override
        def write_snapshot(self, record: Record, /) -> None:
            raise StoreError("the disk is full")

    store = Without()
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    with pytest.warns(SnapshotWarning, match="the disk is full") as caught:
        accounts.save(moved(1))
    assert caught[0].filename == __file__


def test_times_of_events_saved_together_are_their_own(store: Store) -> None:
    accounts = EventSourcedRepository(Account, store)
    before = datetime.now(UTC)
    one, other = moved(1), moved(2)
    save_together(store, accounts.to_save(one), accounts.to_save(other))
    assert before <= accounts[one.id].created_on <= accounts[other.id].created_on <= datetime.now(UTC)


class LosingStore(PostgresStore):
    """A store whose line breaks, and comes up again once an append has raised."""

    def __init__(self, line: Breakpoint) -> None:
        self.line = line
        super().__init__(line.dsn, migrate=True, timeout=timedelta(milliseconds=300))

    @override
    def append(self, append: Append, /) -> Appended:
        try:
            return super().append(append)
        finally:
            self.line.is_down = False


@pytest.mark.parametrize("fate", ["stored", "not stored"])
def test_a_line_that_breaks_while_postgresql_commits_is_resolved(fate: Fate, dsn: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="esmodel-") as folder,
        closing(Breakpoint(dsn, Path(folder))) as line,
        LosingStore(line) as store,
    ):
        accounts = EventSourcedRepository(Account, store)
        accounts.save(moved(1))
        account = moved(5)
        line.at = "answer" if fate == "stored" else "question"
        line.times, line.goes_down = 1, True
        if fate == "stored":
            accounts.save(account)
        else:
            with pytest.raises(StoreError, match="was not stored"):
                accounts.save(account)
            assert len(account.pending_events) == 1
            accounts.save(account)
        assert accounts[account.id].balance == 5
        assert len(list(store.read_all())) == 2

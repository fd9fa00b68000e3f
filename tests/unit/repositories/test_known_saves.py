"""A save is known: whatever is raised around the commit, the aggregate knows what is stored, or says so."""

# pyright: reportPrivateUsage=false
# What a save forgets can only be seen from the inside.

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from copy import copy, deepcopy
from pickle import dumps, loads
from threading import Barrier, Event, Thread
from typing import Protocol, TypeAlias
from uuid import UUID

import attrs
import pytest
from attrs import define, frozen
from interrupts import Interrupts
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    DomainEvent,
    EntityIsDiscarded,
    EventSourcedArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    StoreError,
    applies,
    ignores,
    retry,
    save_together,
    subscribe,
)
from esmodel.exceptions import InvalidEntityError, PublishError
from esmodel.repositories import SnapshotWarning
from esmodel.rows import Append, Appended, Record
from esmodel.stores.memory import MemoryStore


@frozen
class Moved(AggregateEvent):
    cents: int


@define
class Account(AggregateRoot[Moved]):
    balance: int = 0

    def move(self, cents: int) -> None:
        self.trigger(Moved, cents=cents)

    @applies
    def moved(self, event: Moved) -> None:
        self.balance += event.cents

    apply = moved.exhaustive


@frozen
class Noted(HashchainedEvent):
    cents: int


@define
class Ledger(HashchainedAggregateRoot[Noted]):
    balance: int = 0

    def move(self, cents: int) -> None:
        self.trigger(Noted, cents=cents)

    @applies
    def noted(self, event: Noted) -> None:
        self.balance += event.cents

    apply = noted.exhaustive


def opened(accounts: EventSourcedRepository[Account]) -> Account:
    account = Account.create(Moved, cents=0)
    accounts.save(account)
    return account


def cents_of(events: Iterable[DomainEvent]) -> list[int]:
    return [each.cents for each in events if isinstance(each, Moved)]


def fail(events: Sequence[DomainEvent]) -> None:
    raise ConcurrencyError(UUID(int=9), 3, 4)


# --- what subscribers raise ------------------------------------------------------------------------


def test_a_conflict_of_a_subscriber_is_no_conflict_of_the_save() -> None:
    accounts = EventSourcedRepository(Account, MemoryStore())
    account = opened(accounts)
    account.move(5)
    with subscribe(fail), pytest.raises(PublishError, match="The events are stored; do not repeat") as caught:
        accounts.save(account)
    assert not isinstance(caught.value, ConcurrencyError)
    assert [type(each) for each in caught.value.exceptions] == [ConcurrencyError]
    assert account.pending_events == ()
    assert accounts[account.id].balance == 5


@pytest.mark.parametrize("errors", [(ConcurrencyError,), (), (Exception,)])
def test_a_command_whose_subscriber_has_a_conflict_is_carried_out_once(
    errors: tuple[type[Exception], ...],
) -> None:
    accounts = EventSourcedRepository(Account, MemoryStore())
    account = opened(accounts)

    @retry(*errors, wait=0)
    def deposit() -> None:
        loaded = accounts[account.id]
        loaded.move(100)
        accounts.save(loaded)

    with subscribe(fail), pytest.raises(PublishError):
        deposit()
    assert accounts[account.id].balance == 100


def test_what_a_subscriber_saves_is_heard_of_after_what_caused_it_by_all() -> None:
    accounts = EventSourcedRepository(Account, MemoryStore())
    total = opened(accounts)
    account = Account.create(Moved, cents=1)
    heard: list[tuple[str, list[int]]] = []

    def add_up(events: Sequence[DomainEvent]) -> None:
        heard.append(("first", cents_of(events)))
        if any(isinstance(each, Moved) and each.originator_id == account.id for each in events):
            loaded = accounts[total.id]
            loaded.move(10)
            accounts.save(loaded)
            assert loaded.pending_events == ()

    def listen(events: Sequence[DomainEvent]) -> None:
        heard.append(("second", cents_of(events)))

    with subscribe(add_up), subscribe(listen):
        accounts.save(account)
    assert heard == [("first", [1]), ("second", [1]), ("first", [10]), ("second", [10])]


def test_an_event_that_a_subscriber_triggers_stays_pending() -> None:
    accounts = EventSourcedRepository(Account, MemoryStore())
    account = Account.create(Moved, cents=1)

    def react(events: Sequence[DomainEvent]) -> None:
        if account.version == 0:
            account.move(2)

    with subscribe(react):
        accounts.save(account)
        assert cents_of(account.pending_events) == [2]
        accounts.save(account)
    assert accounts[account.id].balance == 3


def test_events_that_were_collected_during_a_save_are_not_cleared_twice() -> None:
    class Collecting(MemoryStore):
        @override
        def append(self, rows: Append, /) -> Appended:
            appended = super().append(rows)
            account.collect_events()
            return appended

    account = Account.create(Moved, cents=1)
    accounts = EventSourcedRepository(Account, Collecting())
    accounts.save(account)
    assert (account.pending_events, accounts[account.id].balance) == ((), 1)


def test_arrays_and_logs_say_that_the_item_is_stored() -> None:
    store = MemoryStore()
    array = EventSourcedArrayRepository(int, store, array_size=2)[UUID(int=1)]
    bigger = EventSourcedArrayRepository(int, store, array_size=9)[UUID(int=2)]
    log = EventSourcedTimeBucketedLogRepository(str, store).start(UUID(int=3))
    with subscribe(fail):
        for call in (
            lambda: array.append(1),
            lambda: array.__setitem__(1, 2),
            lambda: bigger.extend([1, 2, 3]),
            lambda: log.log_message("once"),
            lambda: log.change_bucket_size("day"),
        ):
            with pytest.raises(PublishError, match="The events are stored"):
                call()
    assert (array[:], bigger[:], log.bucket_size) == ([1, 2], [1, 2, 3], "day")


# --- snapshots and warnings ------------------------------------------------------------------------


class Without(MemoryStore):
    """A store that has no room for snapshots."""

    error: Exception = StoreError("the disk is full")

    @override
    def write_snapshot(self, record: Record, /) -> None:
        raise self.error


@pytest.mark.parametrize("error", [StoreError("the disk is full"), ZeroDivisionError("of a hook")])
def test_a_snapshot_that_fails_is_no_failed_save_of_anyone(error: Exception) -> None:
    store = Without()
    store.error = error
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    one, other = Account.create(Moved, cents=1), Account.create(Moved, cents=2)
    published: list[Sequence[DomainEvent]] = []
    third = Account.create(Moved, cents=3)
    with subscribe(published.append):
        with pytest.warns(SnapshotWarning, match=str(error)) as caught:
            save_together(store, accounts.to_save(one), accounts.to_save(other))
        with pytest.warns(SnapshotWarning, match=str(error)) as caught_alone:
            accounts.save(third)
    assert {each.filename for each in (*caught, *caught_alone)} == {__file__}
    assert (one.pending_events, other.pending_events) == ((), ())
    assert [len(each) for each in published] == [2, 1]


def test_a_warning_that_is_turned_into_an_error_says_that_the_events_are_stored() -> None:
    store = Without()
    accounts = EventSourcedRepository(Account, store, snapshot_every=1)
    account = Account.create(Moved, cents=1)
    published: list[Sequence[DomainEvent]] = []
    calls: list[int] = []

    @retry(wait=0)
    def save() -> None:
        calls.append(1)
        accounts.save(account)

    with subscribe(published.append), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PublishError, match=r"The events are stored.* SnapshotWarning: .* disk is full"):
            save()
    assert (account.pending_events, len(published), len(calls)) == ((), 1, 1)
    assert accounts[account.id].balance == 1


# --- what comes between ----------------------------------------------------------------------------


class Slow(MemoryStore):
    """A store that stops before it appends, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = Event(), Event()
        self.may_go_on.set()

    @override
    def append(self, rows: Append, /) -> Appended:
        self.begun.set()
        assert self.may_go_on.wait(10)
        return super().append(rows)


@pytest.mark.parametrize("every", [None, 1])
def test_what_another_thread_triggers_during_a_save_stays_pending(every: int | None) -> None:
    store = Slow()
    accounts = EventSourcedRepository(Account, store, snapshot_every=every)
    account = Account.create(Moved, cents=1)
    store.may_go_on.clear()
    saving = Thread(target=accounts.save, args=(account,))
    saving.start()
    assert store.begun.wait(10)
    account.move(100)
    store.may_go_on.set()
    saving.join()
    assert cents_of(account.pending_events) == [100]
    snapshot = store.read_snapshot(account.id)
    assert (None if snapshot is None else snapshot.position) == (None if every is None else 0)
    account.move(1)
    accounts.save(account)
    assert accounts[account.id].balance == 102


def save_twice_at_once(accounts: EventSourcedRepository[Account], account: Account) -> int:
    """Save an aggregate in two threads at once; return the number of conflicts."""
    start = Barrier(2)
    errors: list[ConcurrencyError] = []

    def save() -> None:
        start.wait()
        try:
            accounts.save(account)
        except ConcurrencyError as error:
            errors.append(error)

    threads = [Thread(target=save) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return len(errors)


def test_two_threads_that_save_one_aggregate_at_once_neither_lose_nor_double_events() -> None:
    for _ in range(50):
        accounts = EventSourcedRepository(Account, MemoryStore())
        account = opened(accounts)
        account.move(1)
        assert save_twice_at_once(accounts, account) <= 1
        account.move(2)
        accounts.save(account)
        assert cents_of(accounts.events(account.id)) == [0, 1, 2]


# --- interrupts ------------------------------------------------------------------------------------

FILES = (
    *("model/aggregate.py", "model/bus.py", "model/entity.py", "model/hashchain.py", "model/stored.py"),
    *("repositories/aggregates.py", "repositories/outcome.py", "repositories/saving.py"),
    "repositories/snapshots.py",
)
Holder: TypeAlias = Account | Ledger


class Trial(Protocol):
    """Interrupts a command at one instruction."""

    def __call__(self, at: int, *, together: bool) -> tuple[bool, bool]: ...


def knows(
    entity: Holder, store: MemoryStore, load: Callable[[UUID], Holder], save: Callable[[], None]
) -> bool:
    """Check that an aggregate knows what is stored, or refuses everything; return whether it knows."""
    rows = list(store.read(entity.id))
    assert [row.position for row in rows] == list(range(len(rows)))
    try:
        entity.move(1)
    except InvalidEntityError:
        with pytest.raises(InvalidEntityError, match="Load it again and repeat the command"):
            save()
        assert len(list(store.read(entity.id))) == len(rows)
        if rows:
            load(entity.id)
        return False
    assert [each.originator_version for each in entity.pending_events] == list(
        range(len(rows), entity.version + 1)
    )
    save()
    assert load(entity.id) == entity
    return True


def tried_account(at: int, *, together: bool) -> tuple[bool, bool]:
    """Interrupt a command on an account; return whether it was interrupted, and whether the account knows."""
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store, snapshot_every=2)
    account = Account.create(Moved, cents=0)

    def save() -> None:
        if together:
            save_together(store, accounts.to_save(account))
        else:
            accounts.save(account)

    def command() -> None:
        account.move(5)
        save()

    was_interrupted = Interrupts(FILES, at).run(command)
    return was_interrupted, knows(account, store, accounts.__getitem__, save)


def tried_ledger(at: int, *, together: bool) -> tuple[bool, bool]:
    """Interrupt a command on a ledger; see ``tried_account``."""
    store = MemoryStore()
    ledgers = EventSourcedRepository(Ledger, store)
    ledger = Ledger.create(Noted, cents=0)

    def save() -> None:
        if together:
            save_together(store, ledgers.to_save(ledger))
        else:
            ledgers.save(ledger)

    def command() -> None:
        ledger.move(5)
        save()

    was_interrupted = Interrupts(FILES, at).run(command)
    return was_interrupted, knows(ledger, store, ledgers.__getitem__, save)


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="from 3.12 on, a trace function is not called at every instruction"
)
@pytest.mark.parametrize("tried", [tried_account, tried_ledger])
@pytest.mark.parametrize("together", [False, True])
def test_an_interrupt_at_any_instruction_leaves_an_aggregate_that_knows_or_refuses(
    tried: Trial, *, together: bool
) -> None:
    known: list[bool] = []
    was_interrupted = True
    while was_interrupted:
        was_interrupted, does_know = tried(len(known), together=together)
        known.append(does_know)
    assert len(known) > 300
    assert known.count(True) > 50
    assert known.count(False) > 20


def test_an_error_that_a_store_does_not_translate_leaves_an_aggregate_that_refuses() -> None:
    class Raw(MemoryStore):
        @override
        def append(self, rows: Append, /) -> Appended:
            super().append(rows)
            raise OSError("the line broke")

        @override
        def append_streams(self, appends: Sequence[Append], /) -> Appended:
            super().append_streams(appends)
            raise OSError("the line broke")

    store = Raw()
    accounts = EventSourcedRepository(Account, store)
    one, other = Account.create(Moved, cents=1), Account.create(Moved, cents=2)
    with pytest.raises(OSError, match="the line broke"):
        accounts.save(one)
    with pytest.raises(OSError, match="the line broke"):
        save_together(store, accounts.to_save(other))
    for each in (one, other):
        for call in (
            lambda each=each: each.move(1),
            lambda each=each: accounts.save(each),
            lambda each=each: accounts.to_save(each),
            each.discard,
        ):
            with pytest.raises(InvalidEntityError, match="a save raised OSError before it was known"):
                call()
    assert accounts[one.id].balance == 1


# --- copies ----------------------------------------------------------------------------------------


def pickled(account: Account) -> Account:
    again: Account = loads(dumps(account))  # noqa: S301  # because we made it
    return again


@pytest.mark.parametrize("make", [copy, deepcopy, pickled])
def test_a_copy_shares_no_pending_events(make: Callable[[Account], Account]) -> None:
    accounts = EventSourcedRepository(Account, MemoryStore())
    account = Account.create(Moved, cents=1)
    twin = make(account)
    assert (twin, twin.version, twin.id) == (account, account.version, account.id)
    account.move(2)
    assert cents_of(twin.pending_events) == [1]
    accounts.save(account)
    assert len(twin.pending_events) == 1
    with pytest.raises(ConcurrencyError):
        accounts.save(twin)


@frozen
class Packed(AggregateEvent):
    items: list[str]


@define
class Parcel(AggregateRoot[Packed]):
    apply = ignores(Packed).exhaustive


def test_a_copy_keeps_what_was_triggered_when_the_original_is_saved() -> None:
    items = ["a"]
    store, other = MemoryStore(), MemoryStore()
    parcel = Parcel.create(Packed, items=items)
    twin = copy(parcel)
    items.append("b")
    EventSourcedRepository(Parcel, store).save(parcel)
    EventSourcedRepository(Parcel, other).save(twin)
    rows = [list(each.read(parcel.id)) for each in (store, other)]
    assert [row.data for [row] in rows] == [b'{"items":["a"]}'] * 2
    assert (parcel._es_recordings, twin._es_recordings) == ({}, {})


def test_evolve_does_not_make_an_aggregate_without_an_event() -> None:
    with pytest.raises(TypeError, match="comes from an event"):
        attrs.evolve(Account.create(Moved, cents=1))


# --- ids that are taken ----------------------------------------------------------------------------


def test_a_new_aggregate_at_the_id_of_a_discarded_one_is_told_so() -> None:
    store = MemoryStore()
    accounts = EventSourcedRepository(Account, store)
    account = opened(accounts)
    again = Account.create_with_id(account.id, Moved, cents=1)
    with pytest.raises(ConcurrencyError, match="expected version -1, found 0"):
        accounts.save(again)
    account.discard()
    accounts.save(account)
    with pytest.raises(EntityIsDiscarded, match=f"Account {account.id} is discarded"):
        accounts.save(again)
    with pytest.raises(EntityIsDiscarded, match=f"Account {account.id} is discarded"):
        save_together(store, accounts.to_save(again))
    assert len(again.pending_events) == 1


def test_a_new_aggregate_at_the_id_of_another_class_is_a_conflict() -> None:
    store = MemoryStore()
    account = opened(EventSourcedRepository(Account, store))
    ledger = Ledger.create_with_id(account.id, Noted, cents=1)
    with pytest.raises(ConcurrencyError, match="expected version -1, found 0"):
        EventSourcedRepository(Ledger, store).save(ledger)

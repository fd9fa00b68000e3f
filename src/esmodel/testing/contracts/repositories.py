"""RepositoryContract and SnapshotRepositoryContract: what repositories promise over a record store."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import uuid4

import pytest
from attrs import define, frozen

from esmodel.exceptions import ConcurrencyError, PositionTakenError, RepositoryKeyError, SnapshotError
from esmodel.model.aggregate import AggregateRoot
from esmodel.model.apply import applies
from esmodel.model.events import AggregateEvent, HashchainedEvent
from esmodel.model.hashchain import HashchainedAggregateRoot
from esmodel.repositories.aggregates import EventSourcedRepository
from esmodel.repositories.arrays import EventSourcedArrayRepository, EventSourcedBigArrayRepository
from esmodel.repositories.logs import EventSourcedTimeBucketedLogRepository
from esmodel.repositories.verifying import Verified
from esmodel.rows.append import Append
from esmodel.stores.memory import MemoryStore
from esmodel.structures.logreader import TimeBucketedLogReader
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TSnapshotsStore, TStore

_SAME: Final = "EventSourcedRepository: an aggregate is loaded as it was saved"
_SNAPSHOT: Final = "SupportsSnapshots, law 3: the snapshot of a repository is not read"
_SAME_WITH: Final = "SupportsSnapshots, law 4: an aggregate differs with and without snapshots"
_GAP: Final = "RecordStore, law 5: a save that leaves a gap stores nothing"
_SIGNED: Final = "SupportsSnapshots, law 3: a signed snapshot differs from the one that was written"
_KEY: Final = b"a key for no secrets, of 32 bytes"
_STALE: Final = "EventSourcedRepository: a stale save stores nothing"


@frozen
class _Opened(AggregateEvent):
    """An account was opened."""

    owner: str


@frozen
class _Deposited(AggregateEvent):
    """Money was deposited."""

    cents: int


_AccountEvent: TypeAlias = _Opened | _Deposited


@define
class _Account(AggregateRoot[_AccountEvent]):
    """An account to test a store with."""

    owner: str
    cents: int = 0

    @applies
    def opened(self, event: _Opened) -> None:
        """Name the owner."""
        self.owner = event.owner

    @applies
    def deposited(self, event: _Deposited) -> None:
        """Add to the balance."""
        self.cents += event.cents

    apply = (opened | deposited).exhaustive


@frozen
class _Sealed(HashchainedEvent):
    """A number was added to a chain."""

    number: int


@define
class _Chain(HashchainedAggregateRoot[_Sealed]):
    """A chain of numbers to test a store with."""

    total: int = 0

    @applies
    def sealed(self, event: _Sealed) -> None:
        """Add the number."""
        self.total += event.number

    apply = sealed.exhaustive


def _opened_account(cents: list[int], /) -> _Account:
    """Return an account with deposits, all of whose events are pending."""
    account = _Account.create(_Opened, owner="Ada")
    for amount in cents:
        account.trigger(_Deposited, cents=amount)
    return account


class RepositoryContract(StoreOpener[TStore]):
    """The promises of repositories over any record store; a part of ``StoreContract``.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestRepositories(RepositoryContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_an_aggregate_is_loaded_as_it_was_saved(self, store: TStore) -> None:
        """Load it as it is now and as it was at each version."""
        accounts = EventSourcedRepository(_Account, store)
        account = _opened_account([1, 2, 3])
        accounts.save(account)
        assert account.id in accounts, _SAME
        assert accounts[account.id] == account, _SAME
        account.trigger(_Deposited, cents=4)
        accounts.save(account)
        states = [accounts.get_entity(account.id, at=version).cents for version in range(5)]
        assert states == [0, 1, 3, 6, 10], _SAME
        assert accounts.verify(account.id).events == 5, _SAME

    def test_a_stale_save_stores_nothing_and_keeps_the_events_pending(self, store: TStore) -> None:
        """The error has the expected and the found version, and the events in between can be read."""
        accounts = EventSourcedRepository(_Account, store)
        account = _opened_account([])
        accounts.save(account)
        mine, theirs = accounts[account.id], accounts[account.id]
        theirs.trigger(_Deposited, cents=5)
        theirs.trigger(_Deposited, cents=6)
        between = theirs.pending_events
        accounts.save(theirs)
        mine.trigger(_Deposited, cents=7)
        pending = mine.pending_events
        with pytest.raises(ConcurrencyError) as caught:
            accounts.save(mine)
        error = caught.value
        assert (error.originator_id, error.expected, error.found) == (account.id, 0, 2), _STALE
        assert mine.pending_events == pending, (
            "EventSourcedRepository: the events of a stale save stay pending"
        )
        assert list(accounts.events(account.id, after=error.expected)) == list(between), _STALE
        assert accounts[account.id] == theirs, _STALE

    def test_a_save_that_leaves_a_gap_stores_nothing(self, store: TStore) -> None:
        """The events before it were stored elsewhere, in a new stream and in an old one."""
        accounts = EventSourcedRepository(_Account, store)
        elsewhere = EventSourcedRepository(_Account, MemoryStore())
        account = _opened_account([1])
        elsewhere.save(account)
        account.trigger(_Deposited, cents=2)
        for stored in (-1, 1):
            pending = account.pending_events
            with pytest.raises(ConcurrencyError) as caught:
                accounts.save(account)
            error = caught.value
            assert (error.expected, error.found) == (account.version - 1, stored), _GAP
            assert account.pending_events == pending, _GAP
            assert [row.position for row in store.read(account.id)] == list(range(stored + 1)), _GAP
            account = _opened_account([1])
            elsewhere.save(copy(account))
            accounts.save(account)
            account.trigger(_Deposited, cents=2)
            elsewhere.save(account)
            account.trigger(_Deposited, cents=3)

    def test_the_events_after_a_version_are_those_saved_after_it(self, store: TStore) -> None:
        """Test each version, from before the first to after the last."""
        accounts = EventSourcedRepository(_Account, store)
        account = _opened_account([1, 2])
        events = account.pending_events
        accounts.save(account)
        for after in range(-1, 4):
            found = list(accounts.events(account.id, after=after))
            assert found == list(events[after + 1 :]), (
                "EventSourcedRepository: events(after=) yields other events than were saved"
            )

    def test_an_absent_or_discarded_aggregate_is_a_key_error(self, store: TStore) -> None:
        """A discarded aggregate still exists at an earlier version, and its stream is complete."""
        accounts = EventSourcedRepository(_Account, store)
        account = _opened_account([1])
        assert account.id not in accounts, _SAME
        with pytest.raises(RepositoryKeyError):
            accounts[account.id]
        account.discard()
        accounts.save(account)
        assert account.id not in accounts, "EventSourcedRepository: a discarded aggregate is absent"
        with pytest.raises(RepositoryKeyError):
            accounts[account.id]
        assert accounts.get_entity(account.id, at=1).cents == 1, _SAME
        assert accounts.verify(account.id).events == 3, _SAME

    def test_a_hash_chain_is_loaded_and_verifies(self, store: TStore) -> None:
        """The hash of each row and the hash of ``last`` are those of the chain."""
        chains = EventSourcedRepository(_Chain, store)
        chain = _Chain.create(_Sealed, number=1)
        for number in range(2, 10):
            chain.trigger(_Sealed, number=number)
            if number % 3 == 0:
                chains.save(chain)
        again = chains[chain.id]
        assert (again.total, again.head) == (45, chain.head), "HashchainedAggregateRoot: the chain is broken"
        assert store.last(chain.id) == (8, chain.head), "RecordStore, law 4: last has the hash of its row"
        assert chains.verify(chain.id).events == 9, "HashchainedAggregateRoot: the chain is broken"

    def test_an_array_keeps_each_item_at_its_index(self, store: TStore) -> None:
        """An item is assigned once; slices, gaps and a tree of arrays can be read."""
        array = EventSourcedArrayRepository(str, store, array_size=10)[uuid4()]
        array.append("a")
        array[3] = "d"
        with pytest.raises(PositionTakenError):
            array[3] = "other"
        assert (array[0], array[3], len(array)) == ("a", "d", 4), "Array: an item is not at its index"
        big = EventSourcedBigArrayRepository(int, store, array_size=3)[uuid4()]
        big.extend(range(20))
        assert list(big) == list(range(20)), "BigArray: items are missing, or in another order"
        assert list(big[17:2:-1]) == list(range(17, 2, -1)), "BigArray: a slice differs from that of a list"
        assert big[-1] == 19, "BigArray: the last item is not the last"

    def test_a_log_keeps_each_message_in_the_order_of_time(self, store: TStore) -> None:
        """Read from both ends, across buckets, and after a change of the bucket size."""
        log = EventSourcedTimeBucketedLogRepository(int, store).start(uuid4(), "hour")
        start = datetime(2026, 1, 1, tzinfo=UTC)
        moments = [start + timedelta(minutes=50 * number) for number in range(6)]
        for number in (3, 0, 5, 1):
            log.log_message(number, timestamp=moments[number])
        log.change_bucket_size("day")
        for number in (4, 2):
            log.log_message(number, timestamp=moments[number])
        reader = TimeBucketedLogReader(log)
        assert list(reader.messages()) == [0, 1, 2, 3, 4, 5], "TimeBucketedLog: a message is missing"
        found = list(reader.messages(gt=moments[1], lte=moments[4], descending=True, limit=2))
        assert found == [4, 3], "TimeBucketedLog: a range has other messages than were logged in it"


class SnapshotRepositoryContract(StoreOpener[TSnapshotsStore]):
    """The promises of repositories over a store with snapshots; a part of ``SnapshotsContract``.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestSnapshots(SnapshotRepositoryContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_snapshots_do_not_change_what_a_repository_returns(self, store: TSnapshotsStore) -> None:
        """At each version, a repository with snapshots returns the same aggregate as one without."""
        without = MemoryStore()
        accounts = EventSourcedRepository(_Account, store, snapshot_every=3)
        others = EventSourcedRepository(_Account, without)
        account = _opened_account([])
        for cents in range(1, 12):
            account.trigger(_Deposited, cents=cents)
            if cents % 2:
                accounts.save(account)
        without.append(Append(store.read(account.id), None))
        assert store.read_snapshot(account.id) is not None, _SNAPSHOT
        for version in range(account.version + 1):
            found = accounts.get_entity(account.id, at=version)
            assert found == others.get_entity(account.id, at=version), _SAME_WITH
        assert accounts[account.id] == others[account.id], _SAME_WITH
        assert accounts.verify(account.id).snapshots, _SNAPSHOT
        snapshot = accounts.take_snapshot(account.id, at=4)
        assert snapshot.originator_version == 4, _SNAPSHOT
        assert accounts.get_entity(account.id, at=5) == others.get_entity(account.id, at=5), _SAME_WITH

    def test_a_hash_chain_is_loaded_from_a_snapshot_that_is_signed(self, store: TSnapshotsStore) -> None:
        """The signature comes back with the snapshot; one that was changed or planted is refused."""
        chains = EventSourcedRepository(_Chain, store, snapshot_every=3, snapshot_key=_KEY)
        chain = _Chain.create(_Sealed, number=1)
        for number in range(2, 8):
            chain.trigger(_Sealed, number=number)
            chains.save(chain)
        assert chains[chain.id] == chain, _SAME_WITH
        assert chains.verify(chain.id) == Verified(7, 2, 0, signed=True), _SIGNED
        snapshot = store.read_snapshot(chain.id)
        assert snapshot is not None, _SNAPSHOT
        store.write_snapshot(snapshot._replace(timestamp=snapshot.timestamp + 1))
        with pytest.raises(SnapshotError):
            chains[chain.id]
        assert EventSourcedRepository(_Chain, store)[chain.id] == chain, _SIGNED

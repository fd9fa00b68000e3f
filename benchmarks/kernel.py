"""The contender ``esmodel``, used as its README says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar
from uuid import UUID, uuid4

from attrs import define
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Items, Messages, Synchronous, check
from benchmarks.domain import (
    AccountEvent,
    ChainedAccountEvent,
    ChainedDeposited,
    ChainedOpened,
    Deposited,
    Opened,
)
from esmodel import (
    AggregateRoot,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    HashchainedAggregateRoot,
    TimeBucketedLogReader,
    applies,
)
from esmodel.model.events import DomainEvent, TimestampedVersionedEvent
from esmodel.model.stored import StoredAggregate
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import BigArray

if TYPE_CHECKING:
    from esmodel.stores.postgres import PostgresStore  # its driver may not be installed


@define
class Account(AggregateRoot[AccountEvent]):
    """An account."""

    owner: str
    balance: int = 0

    @classmethod
    def open(cls, owner: str) -> Self:
        """Open an account."""
        return cls.create(Opened, owner=owner)

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        self.trigger(Deposited, cents=cents, currency=currency)

    @applies
    def opened(self, event: Opened) -> None:
        """Set the owner."""
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        """Add to the balance."""
        self.balance += event.cents

    apply = (opened | deposited).exhaustive


@define
class ChainedAccount(HashchainedAggregateRoot[ChainedAccountEvent]):
    """An account whose events form a chain."""

    owner: str
    balance: int = 0

    @classmethod
    def open(cls, owner: str) -> Self:
        """Open an account."""
        return cls.create(ChainedOpened, owner=owner)

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        self.trigger(ChainedDeposited, cents=cents, currency=currency)

    @applies
    def opened(self, event: ChainedOpened) -> None:
        """Set the owner."""
        self.owner = event.owner

    @applies
    def deposited(self, event: ChainedDeposited) -> None:
        """Add to the balance."""
        self.balance += event.cents

    apply = (opened | deposited).exhaustive


class Depositable(StoredAggregate, Protocol):
    """The common part of the two accounts."""

    owner: str
    balance: int

    @classmethod
    def open(cls, owner: str) -> Self:
        """Open an account."""
        ...

    @classmethod
    def replay(cls, events: Iterable[DomainEvent], /) -> Self:
        """Rebuild an account from its events."""
        ...

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        ...


TAccount = TypeVar("TAccount", bound=Depositable)


class KernelBank(Bank[TAccount, TimestampedVersionedEvent], Generic[TAccount]):
    """Accounts in a repository."""

    def __init__(self, account_class: type[TAccount], store: SQLiteStore | PostgresStore) -> None:
        """Take an open store."""
        self._class = account_class
        self._store = store
        self._accounts = EventSourcedRepository(account_class, self._store)

    @override
    def filled(self, events: int, /) -> TAccount:
        account = self._class.open(OWNER)
        for cents in range(events - 1):
            account.deposit(cents, CURRENCY)
        return account

    @override
    def balance(self, account: TAccount, /) -> int:
        check(holds=account.owner == OWNER, finding=account.owner)
        return account.balance

    @override
    def key(self, account: TAccount, /) -> UUID:
        return account.id

    @override
    def pending(self, account: TAccount, /) -> Sequence[TimestampedVersionedEvent]:
        return account.pending_events

    @override
    def replay(self, events: Sequence[TimestampedVersionedEvent], /) -> TAccount:
        return self._class.replay(events)

    @override
    def save(self, account: TAccount, /) -> None:
        self._accounts.save(account)

    @override
    def load(self, key: UUID, /) -> TAccount:
        return self._accounts[key]

    @override
    def snapshot(self, key: UUID, /) -> None:
        self._accounts.take_snapshot(key)

    @override
    def close(self) -> None:
        self._store.close()


class KernelItems(Items):
    """A ``BigArray``."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._store = SQLiteStore(path, synchronous=synchronous)
        self._array: BigArray[int] = EventSourcedBigArrayRepository(int, self._store)[uuid4()]

    @override
    def append(self, item: int, /) -> None:
        self._array.append(item)

    @override
    def read(self, position: int, /) -> int:
        return self._array[position]

    @override
    def slice(self, start: int, stop: int, /) -> Sequence[int | None]:
        return self._array[start:stop]

    @override
    def close(self) -> None:
        self._store.close()


class KernelMessages(Messages):
    """A ``TimeBucketedLog``."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._store = SQLiteStore(path, synchronous=synchronous)
        logs = EventSourcedTimeBucketedLogRepository(str, self._store)
        self._log = logs.start(uuid4(), "year")
        self._reader = TimeBucketedLogReader(self._log)

    @override
    def log(self, message: str, /) -> None:
        self._log.log_message(message)

    @override
    def latest(self, limit: int, /) -> Sequence[str]:
        return list(self._reader.messages(descending=True, limit=limit))

    @override
    def close(self) -> None:
        self._store.close()


def plain(path: Path, synchronous: Synchronous) -> KernelBank[Account]:
    """Return a bank."""
    return KernelBank(Account, SQLiteStore(path, synchronous=synchronous))


snapshotting = plain


def chained(path: Path, synchronous: Synchronous) -> KernelBank[ChainedAccount]:
    """Return a bank of accounts with a chain."""
    return KernelBank(ChainedAccount, SQLiteStore(path, synchronous=synchronous))


unverified = chained  # the peer of that row verifies nothing
array, log = KernelItems, KernelMessages

"""The contender ``eventsourcing`` 8.2.5, for what only it has: hash chains, big arrays, bucketed logs.

Over SQLAlchemy 1.3. That opens a connection to a file for each transaction; here it keeps one, which is
faster. A hook sets the write-ahead log and ``synchronous``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from eventsourcing.application.policies import PersistencePolicy
from eventsourcing.application.sqlalchemy import SQLAlchemyApplication
from eventsourcing.domain.model.aggregate import AggregateRootWithHashchainedEvents, BaseAggregateRoot
from eventsourcing.domain.model.array import ItemAssigned
from eventsourcing.domain.model.events import DomainEvent
from eventsourcing.domain.model.timebucketedlog import (
    MessageLogged,
    Timebucketedlog,
    start_new_timebucketedlog,
)
from eventsourcing.infrastructure.repositories.array import BigArrayRepository
from eventsourcing.infrastructure.sequenceditem import SequencedItem
from eventsourcing.infrastructure.sqlalchemy.factory import construct_sqlalchemy_eventstore
from eventsourcing.infrastructure.sqlalchemy.records import (
    Base,
    IntegerSequencedNoIDRecord,
    TimestampSequencedNoIDRecord,
)
from eventsourcing.infrastructure.timebucketedlog_reader import get_timebucketedlog_reader
from sqlalchemy import create_engine, event
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import QueuePool
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Items, Messages, Synchronous, check


class PlainAccount(BaseAggregateRoot):
    """An account without a chain."""

    class Event(BaseAggregateRoot.Event):
        """What happened."""

    class Opened(Event, BaseAggregateRoot.Created):
        """It was opened."""

    class Deposited(Event):
        """Money was paid in."""

        def mutate(self, obj: PlainAccount) -> None:
            """Add to the balance."""
            obj.balance += self.cents

    def __init__(self, owner: str, **kwargs: object) -> None:
        """Begin."""
        super().__init__(**kwargs)
        self.owner = owner
        self.balance = 0

    @classmethod
    def open(cls, owner: str) -> PlainAccount:
        """Open it."""
        return cls.__create__(event_class=cls.Opened, owner=owner)

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        self.__trigger_event__(self.Deposited, cents=cents, currency=currency)


class ChainedAccount(AggregateRootWithHashchainedEvents):
    """An account whose events form a chain."""

    class Event(AggregateRootWithHashchainedEvents.Event):
        """What happened."""

    class Opened(Event, AggregateRootWithHashchainedEvents.Created):
        """It was opened."""

    class Deposited(Event):
        """Money was paid in."""

        def mutate(self, obj: ChainedAccount) -> None:
            """Add to the balance."""
            obj.balance += self.cents

    def __init__(self, owner: str, **kwargs: object) -> None:
        """Begin."""
        super().__init__(**kwargs)
        self.owner = owner
        self.balance = 0

    @classmethod
    def open(cls, owner: str) -> ChainedAccount:
        """Open it."""
        return cls.__create__(event_class=cls.Opened, owner=owner)

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        self.__trigger_event__(self.Deposited, cents=cents, currency=currency)


Account = PlainAccount | ChainedAccount


class Accounts(SQLAlchemyApplication):
    """An application of accounts."""

    persist_event_type = (PlainAccount.Event, ChainedAccount.Event)


class Database:
    """A file and its session."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self.engine = create_engine(
            f"sqlite:///{path}", poolclass=QueuePool, connect_args={"check_same_thread": False}
        )

        @event.listens_for(self.engine, "connect")
        def _(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")

        self.session = scoped_session(sessionmaker(bind=self.engine))

    def close(self) -> None:
        """Close the file."""
        self.session.remove()
        self.engine.dispose()


class EightBank(Bank[Account, DomainEvent]):
    """Accounts of an application."""

    def __init__(self, account_class: type[Account], path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._class = account_class
        self._database = Database(path, synchronous)
        self._application = Accounts(session=self._database.session)
        Base.metadata.create_all(self._database.engine)

    @override
    def filled(self, events: int, /) -> Account:
        account = self._class.open(OWNER)
        for cents in range(events - 1):
            account.deposit(cents, CURRENCY)
        return account

    @override
    def balance(self, account: Account, /) -> int:
        check(holds=account.owner == OWNER, finding=account.owner)
        return account.balance

    @override
    def key(self, account: Account, /) -> UUID:
        return account.id

    @override
    def pending(self, account: Account, /) -> Sequence[DomainEvent]:
        return account.__pending_events__

    @override
    def replay(self, events: Sequence[DomainEvent], /) -> Account:
        return self._application.repository.project_events(None, events)

    @override
    def save(self, account: Account, /) -> None:
        account.__save__()

    @override
    def load(self, key: UUID, /) -> Account:
        return self._application.repository[key]

    @override
    def snapshot(self, key: UUID, /) -> None:
        raise NotImplementedError

    @override
    def close(self) -> None:
        self._application.close()
        self._database.close()


class EightItems(Items):
    """A ``BigArray``."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._database = Database(path, synchronous)
        Base.metadata.create_all(self._database.engine)
        store = construct_sqlalchemy_eventstore(
            self._database.session,
            sequenced_item_class=SequencedItem,
            sequence_id_attr_name="originator_id",
            position_attr_name="originator_version",
            record_class=IntegerSequencedNoIDRecord,
        )
        self._policy = PersistencePolicy(store, persist_event_type=ItemAssigned)
        self._array = BigArrayRepository(event_store=store)[uuid4()]

    @override
    def append(self, item: int, /) -> None:
        self._array.append(item)

    @override
    def read(self, position: int, /) -> int:
        return self._array[position]

    @override
    def slice(self, start: int, stop: int, /) -> Sequence[int]:
        return list(self._array[start:stop])

    @override
    def close(self) -> None:
        self._policy.close()
        self._database.close()


class EightMessages(Messages):
    """A ``Timebucketedlog``."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._database = Database(path, synchronous)
        Base.metadata.create_all(self._database.engine)
        logs = construct_sqlalchemy_eventstore(
            self._database.session,
            sequenced_item_class=SequencedItem,
            sequence_id_attr_name="originator_id",
            position_attr_name="originator_version",
            record_class=IntegerSequencedNoIDRecord,
        )
        messages = construct_sqlalchemy_eventstore(
            self._database.session,
            sequenced_item_class=SequencedItem,
            sequence_id_attr_name="originator_id",
            position_attr_name="timestamp",
            record_class=TimestampSequencedNoIDRecord,
        )
        self._policies = (
            PersistencePolicy(logs, persist_event_type=Timebucketedlog.Event),
            PersistencePolicy(messages, persist_event_type=MessageLogged),
        )
        self._log = start_new_timebucketedlog(uuid4(), bucket_size="year")
        self._reader = get_timebucketedlog_reader(self._log, messages)

    @override
    def log(self, message: str, /) -> None:
        self._log.log_message(message)

    @override
    def latest(self, limit: int, /) -> Sequence[str]:
        return list(self._reader.get_messages(limit=limit))

    @override
    def close(self) -> None:
        for policy in self._policies:
            policy.close()
        self._database.close()


def unverified(path: Path, synchronous: Synchronous) -> EightBank:
    """Return a bank of accounts without a chain."""
    return EightBank(PlainAccount, path, synchronous)


def chained(path: Path, synchronous: Synchronous) -> EightBank:
    """Return a bank of accounts with a chain."""
    return EightBank(ChainedAccount, path, synchronous)


array, log = EightItems, EightMessages

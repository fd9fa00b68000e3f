"""The contender ``python-event-sourcery`` 0.6 with SQLAlchemy 2.0, as its documentation uses it.

A session for each save and each load. The events have no header until they are saved, and no aggregate
checks ids and versions when events are applied. A hook sets the write-ahead log and ``synchronous``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from event_sourcery import Event, StreamId, StreamUUID
from event_sourcery.event import WrappedEvent
from event_sourcery.event_sourcing import Aggregate, Repository
from event_sourcery_sqlalchemy import SQLAlchemyBackend, configure_models
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Synchronous, check


class Base(DeclarativeBase):
    """The tables."""


configure_models(Base)


class Opened(Event):
    """An account was opened."""

    owner: str


class Deposited(Event):
    """Money was paid in."""

    cents: int
    currency: str


class State(Event):
    """An account as it was."""

    owner: str
    balance: int


class Account(Aggregate):
    """An account."""

    category = "account"

    def __init__(self) -> None:
        """Begin without events."""
        self.owner = ""
        self.balance = 0

    def open(self, owner: str) -> None:
        """Open it."""
        self._emit(Opened(owner=owner))

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        self._emit(Deposited(cents=cents, currency=currency))

    def __apply__(self, event: Event) -> None:
        match event:
            case Deposited():
                self.balance += event.cents
            case Opened():
                self.owner = event.owner
            case State():
                self.owner, self.balance = event.owner, event.balance
            case _:
                raise NotImplementedError(event)


class Keyed(NamedTuple):
    """An account, which does not know its id."""

    key: StreamUUID
    account: Account


class SourceryBank(Bank[Keyed, Event]):
    """Accounts in a repository."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(self._engine, "connect")
        def _(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")

        Base.metadata.create_all(self._engine)

    @contextmanager
    def _backend(self) -> Iterator[SQLAlchemyBackend]:
        with Session(self._engine) as session:
            yield SQLAlchemyBackend().configure(session)
            session.commit()

    @override
    def filled(self, events: int, /) -> Keyed:
        account = Account()
        account.open(OWNER)
        for cents in range(events - 1):
            account.deposit(cents, CURRENCY)
        return Keyed(StreamUUID(), account)

    @override
    def balance(self, account: Keyed, /) -> int:
        check(holds=account.account.owner == OWNER, finding=account.account.owner)
        return account.account.balance

    @override
    def key(self, account: Keyed, /) -> StreamUUID:
        return account.key

    @override
    def pending(self, account: Keyed, /) -> Sequence[Event]:
        return account.account.__changes__

    @override
    def replay(self, events: Sequence[Event], /) -> Keyed:
        account = Account()
        for each in events:
            account.__apply__(each)
        return Keyed(StreamUUID(), account)

    @override
    def save(self, account: Keyed, /) -> None:
        with self._backend() as backend:
            repository = Repository[Account](backend.event_store)
            with repository.aggregate(account.key, account.account):
                pass  # what it has pending is stored on leaving

    @override
    def load(self, key: StreamUUID, /) -> Keyed:
        account = Account()
        with self._backend() as backend:
            repository = Repository[Account](backend.event_store)
            with repository.aggregate(key, account):
                return Keyed(key, account)

    @override
    def snapshot(self, key: UUID, /) -> None:
        stream = StreamId(uuid=key, category=Account.category)
        with self._backend() as backend:
            last = backend.event_store.load_stream(stream)[-1].version
            account = self.load(StreamUUID(uuid=key)).account
            state = State(owner=account.owner, balance=account.balance)
            backend.event_store.save_snapshot(stream, WrappedEvent.wrap(state, last))

    @override
    def close(self) -> None:
        self._engine.dispose()


plain = snapshotting = SourceryBank

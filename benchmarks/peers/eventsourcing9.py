"""The contender ``eventsourcing`` 9.5 as its guide teaches it: ``Aggregate``, ``@event``, an application.

The SQLite module and the transcodings are the default ones. The module has no setting for ``PRAGMA
synchronous``: a hook sets it on each connection that is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from eventsourcing import sqlite
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, CanMutateAggregate, event
from eventsourcing.sqlite import SQLiteConnection, SQLiteConnectionPool
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Synchronous, check


class Account(Aggregate):
    """An account."""

    @event("Opened")
    def __init__(self, owner: str) -> None:
        """Open it."""
        self.owner = owner
        self.balance = 0

    @event("Deposited")
    def deposit(self, cents: int, currency: str) -> None:  # noqa: ARG002  # because it is recorded
        """Pay in."""
        self.balance += cents


class Accounts(Application[UUID]):
    """An application of accounts."""


class SnapshottingAccounts(Application[UUID]):
    """The same, which looks for snapshots."""

    is_snapshotting_enabled = True


class Pool(SQLiteConnectionPool):
    """Connections that wait for the disk as they are told."""

    synchronous: ClassVar[Synchronous] = "FULL"

    @override
    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        connection.cursor().execute(f"PRAGMA synchronous = {self.synchronous}")
        return connection


sqlite.SQLiteConnectionPool = Pool


def environment(path: Path, synchronous: Synchronous) -> dict[str, str]:
    """Return the settings of an application."""
    Pool.synchronous = synchronous
    return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}


class EventBank(Bank[Account, CanMutateAggregate[UUID]]):
    """Accounts of an application."""

    def __init__(self, application: type[Application[UUID]], env: dict[str, str]) -> None:
        """Open the database that the settings name."""
        self._application = application(env=env)

    @override
    def filled(self, events: int, /) -> Account:
        account = Account(OWNER)
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
    def pending(self, account: Account, /) -> Sequence[CanMutateAggregate[UUID]]:
        return account.pending_events

    @override
    def replay(self, events: Iterable[CanMutateAggregate[UUID]], /) -> Account:
        account = None
        for each in events:
            account = each.mutate(account)
        return account

    @override
    def save(self, account: Account, /) -> None:
        self._application.save(account)

    @override
    def load(self, key: UUID, /) -> Account:
        return self._application.repository.get(key)

    @override
    def snapshot(self, key: UUID, /) -> None:
        self._application.take_snapshot(key)

    @override
    def close(self) -> None:
        self._application.close()


def plain(path: Path, synchronous: Synchronous) -> EventBank:
    """Return a bank."""
    return EventBank(Accounts, environment(path, synchronous))


def snapshotting(path: Path, synchronous: Synchronous) -> EventBank:
    """Return a bank that looks for snapshots."""
    return EventBank(SnapshottingAccounts, environment(path, synchronous))

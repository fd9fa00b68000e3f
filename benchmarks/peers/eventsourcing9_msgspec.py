"""The contender ``eventsourcing`` 9.5 in its fastest documented style: immutable msgspec structures.

Functions make events, one function with an overload for each event returns the next account, and a mapper
stores an event as the JSON that msgspec writes. In this style nothing checks ids and versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import singledispatch
from pathlib import Path
from typing import ClassVar, NamedTuple
from uuid import UUID, uuid4

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import datetime_now_with_tzinfo
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import get_topic, resolve_topic
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Synchronous, check
from benchmarks.peers.eventsourcing9 import environment


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What happened."""

    originator_id: UUID
    originator_version: int
    timestamp: datetime = msgspec.field(default_factory=datetime_now_with_tzinfo)


class Opened(Event, frozen=True, kw_only=True):
    """An account was opened."""

    owner: str


class Deposited(Event, frozen=True, kw_only=True):
    """Money was paid in."""

    cents: int
    currency: str


class Account(msgspec.Struct, frozen=True):
    """An account."""

    id: UUID
    version: int
    created_on: datetime
    modified_on: datetime
    owner: str
    balance: int


class Snapshot(Event, frozen=True, kw_only=True):
    """An account as it was."""

    topic: str
    state: bytes

    @classmethod
    def take(cls, account: Account) -> Snapshot:
        """Return the snapshot of an account."""
        return cls(
            originator_id=account.id,
            originator_version=account.version,
            topic=get_topic(type(account)),
            state=msgspec.json.encode(account),
        )


def open_account(owner: str) -> Opened:
    """Open an account."""
    return Opened(originator_id=uuid4(), originator_version=1, owner=owner)


def deposit(account: Account, cents: int, currency: str) -> Deposited:
    """Pay in."""
    return Deposited(
        originator_id=account.id,
        originator_version=account.version + 1,
        cents=cents,
        currency=currency,
    )


@singledispatch
def mutate(event: Event, account: Account | None) -> Account:
    """Return the account after an event."""
    raise NotImplementedError


@mutate.register
def _(event: Opened, _: None) -> Account:
    return Account(
        event.originator_id, event.originator_version, event.timestamp, event.timestamp, event.owner, 0
    )


@mutate.register
def _(event: Deposited, account: Account) -> Account:
    return Account(
        account.id,
        event.originator_version,
        account.created_on,
        event.timestamp,
        account.owner,
        account.balance + event.cents,
    )


@mutate.register
def _(event: Snapshot, _: None) -> Account:
    return msgspec.json.decode(event.state, type=Account)


def project(account: Account | None, events: Iterable[Event]) -> Account | None:
    """Return the account after events."""
    for event in events:
        account = mutate(event, account)
    return account


class StructMapper(Mapper[UUID]):
    """Stores an event as the JSON that msgspec writes."""

    @override
    def to_stored_event(self, domain_event: Event) -> StoredEvent:
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=get_topic(type(domain_event)),
            state=msgspec.json.encode(domain_event),
        )

    @override
    def to_domain_event(self, stored_event: StoredEvent) -> Event:
        return msgspec.json.decode(stored_event.state, type=resolve_topic(stored_event.topic))


class NoTranscoder(Transcoder):
    """Stands where an application wants one."""

    @override
    def encode(self, obj: object) -> bytes:
        raise NotImplementedError

    @override
    def decode(self, data: bytes) -> object:
        raise NotImplementedError


class Accounts(Application[UUID]):
    """An application of accounts."""

    env: ClassVar[dict[str, str]] = {
        "MAPPER_TOPIC": get_topic(StructMapper),
        "TRANSCODER_TOPIC": get_topic(NoTranscoder),
    }
    snapshot_class = Snapshot


class SnapshottingAccounts(Accounts):
    """The same, which looks for snapshots."""

    is_snapshotting_enabled = True


class Pending(NamedTuple):
    """An account and the events that led to it; the application asks it for them.

    To save each event by itself is more usual, but takes three times as long on Python 3.11.
    """

    account: Account
    events: list[Event]

    @property
    def id(self) -> UUID:
        """Whose events they are."""
        return self.account.id

    def collect_events(self) -> Sequence[Event]:
        """Return the events."""
        return self.events


class StructBank(Bank[Pending | Account, Event]):
    """Accounts of an application."""

    def __init__(self, application: type[Accounts], env: dict[str, str]) -> None:
        """Open the database that the settings name."""
        self._application = application(env=env)

    @override
    def filled(self, events: int, /) -> Pending:
        event = open_account(OWNER)
        account = mutate(event, None)
        pending: list[Event] = [event]
        for cents in range(events - 1):
            event = deposit(account, cents, CURRENCY)
            account = mutate(event, account)
            pending.append(event)
        return Pending(account, pending)

    @override
    def balance(self, account: Pending | Account, /) -> int:
        found = account.account if isinstance(account, Pending) else account
        check(holds=found.owner == OWNER, finding=found.owner)
        return found.balance

    @override
    def key(self, account: Pending, /) -> UUID:
        return account.account.id

    @override
    def pending(self, account: Pending, /) -> Sequence[Event]:
        return account.events

    @override
    def replay(self, events: Sequence[Event], /) -> Account | None:
        return project(None, events)

    @override
    def save(self, account: Pending, /) -> None:
        self._application.save(account)

    @override
    def load(self, key: UUID, /) -> Account:
        return self._application.repository.get(key, projector_func=project)

    @override
    def snapshot(self, key: UUID, /) -> None:
        self._application.take_snapshot(key, projector_func=project)

    @override
    def close(self) -> None:
        self._application.close()


def plain(path: Path, synchronous: Synchronous) -> StructBank:
    """Return a bank."""
    return StructBank(Accounts, environment(path, synchronous))


def snapshotting(path: Path, synchronous: Synchronous) -> StructBank:
    """Return a bank that looks for snapshots."""
    return StructBank(SnapshottingAccounts, environment(path, synchronous))

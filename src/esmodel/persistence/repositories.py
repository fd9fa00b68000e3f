"""Repositories over a record store."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar, overload, runtime_checkable
from uuid import UUID

from esmodel.aggregate import Aggregate, Hashchained, hash_event
from esmodel.entity import microseconds, moment_of
from esmodel.events import DomainEvent, HashchainedEvent, publish
from esmodel.exceptions import (
    ClassVersionError,
    EventHashError,
    HeadHashError,
    ModelError,
    OriginatorVersionError,
    RepositoryKeyError,
    StoredDataError,
    UnknownEventError,
)
from esmodel.payload import Payloads, payloads_of
from esmodel.persistence.record import Record, RecordStore, SnapshottingRecordStore, SupportsSnapshots
from esmodel.snapshot import Snapshot, SnapshotCodec, snapshots_of


class SnapshotWarning(UserWarning):
    """A snapshot does not fit its class any more; the events were replayed instead."""


@runtime_checkable
class StoredAggregate(Protocol):
    """What a repository needs to know of a class of aggregates; every aggregate has it."""

    @property
    def id(self) -> UUID:
        """The stream."""
        ...

    @property
    def version(self) -> int:
        """The version of the last event."""
        ...

    @property
    def pending_events(self) -> tuple[DomainEvent, ...]:
        """The events that wait."""
        ...


TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


class EventSourcedRepository(Generic[TAggregate]):
    """Aggregates of one class, kept as their events in a record store.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> @frozen(kw_only=True)
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     owner: str
        ...     @applies(Opened)
        ...     def opened(self, event: Opened) -> None:
        ...         self.owner = event.owner
        ...     apply = opened
        >>> accounts = EventSourcedRepository(Account, MemoryStore())
        >>> account = Account.create(Opened, owner="Ada")
        >>> accounts.save(account)
        >>> accounts[account.id].owner
        'Ada'
    """

    @overload
    def __init__(
        self,
        aggregate_class: type[TAggregate],
        store: SnapshottingRecordStore,
        /,
        *,
        snapshot_every: int | None = None,
    ) -> None: ...
    @overload
    def __init__(self, aggregate_class: type[TAggregate], store: RecordStore, /) -> None: ...
    def __init__(
        self,
        aggregate_class: type[TAggregate],
        store: RecordStore | SnapshottingRecordStore,
        /,
        *,
        snapshot_every: int | None = None,
    ) -> None:
        """Take a class of aggregates and the store.

        Args:
            aggregate_class: the class.
            store: where the rows are kept.
            snapshot_every: after how many events a save takes a snapshot; by default never.

        Raises:
            ModelError: if the class is no aggregate, or has a type that cannot be carried.
        """
        if snapshot_every is not None and snapshot_every < 1:
            msg = f"snapshot_every must be a whole number from 1, not {snapshot_every!r}"
            raise ModelError(msg)
        if not issubclass(aggregate_class, Aggregate):
            msg = f"{aggregate_class.__qualname__} is no aggregate; derive it from AggregateRoot[...]"
            raise ModelError(msg)
        self._class = aggregate_class
        self._store: RecordStore = store
        self._snapshots = store if isinstance(store, SupportsSnapshots) else None
        self._snapshot_every = snapshot_every
        self._is_chained = issubclass(aggregate_class, Hashchained)
        self._payloads: Payloads = payloads_of(aggregate_class)
        self._name = aggregate_class.__qualname__.rpartition("<locals>.")[2]

    def __getitem__(self, originator_id: UUID, /) -> TAggregate:
        """Return an aggregate as it is now.

        Raises:
            RepositoryKeyError: if it is absent or discarded.
            IntegrityError: if its rows do not fit together.
        """
        return self.get_entity(originator_id)

    def __contains__(self, originator_id: object, /) -> bool:
        """Whether the aggregate exists and is not discarded."""
        if not isinstance(originator_id, UUID):
            return False
        try:
            self.get_entity(originator_id)
        except RepositoryKeyError:
            return False
        return True

    def get_entity(self, originator_id: UUID, /, *, at: int | None = None) -> TAggregate:
        """Return an aggregate as it is now, or as it was at an earlier version.

        Args:
            originator_id: the aggregate.
            at: the version of the last event to apply, from 0; a later one than there is gives
                the aggregate as it is now.

        Raises:
            RepositoryKeyError: if it is absent, or discarded by then.
            IntegrityError: if its rows do not fit together.
        """
        return self._load(originator_id, at, self._restored(originator_id, at))

    def verify(self, originator_id: UUID, /) -> int:
        """Read a stream from its first row, snapshots left aside, and check each row.

        Returns:
            The number of events.

        Raises:
            RepositoryKeyError: if there is no such stream.
            IntegrityError: naming the position of the first row that does not fit.
        """
        count = 0
        aggregate = self._begin(originator_id)
        for event in self._checked(aggregate, originator_id, None):
            count += 1
            aggregate.continue_with((event,))
        if not count:
            raise RepositoryKeyError(self._name, originator_id)
        return count

    def events(self, originator_id: UUID, /, *, after: int = -1) -> Iterator[DomainEvent]:
        """Stream the events of an aggregate whose versions are above ``after``.

        After a ``ConcurrencyError``, ``events(error.originator_id, after=error.expected)`` gives
        what came between.

        Raises:
            IntegrityError: if a row cannot be read.
        """
        previous = self._begin(originator_id)
        head = previous.head if isinstance(previous, Hashchained) else b""
        if head and after >= 0:
            for record in self._store.read(originator_id, gte=after, lte=after):
                head = record.event_hash
        for record in self._store.read(originator_id, gt=after):
            yield self._event(record, head)
            head = record.event_hash

    def save(self, entity: TAggregate, /) -> None:
        """Store the pending events of an aggregate as one batch, then publish them.

        Raises:
            ConcurrencyError: if somebody else saved the aggregate first. Nothing is stored, and
                the events still wait; load the aggregate again and repeat the command.
            PayloadError: if a value cannot be written; nothing is stored.
        """
        if not isinstance(entity, self._class) or not isinstance(entity, Aggregate):
            msg = f"a repository of {self._name} cannot save {type(entity).__qualname__}"
            raise ModelError(msg)
        events = entity.pending_events
        if not events:
            return
        self._store.append([self._record(event) for event in events])
        entity.collect_events()
        every = self._snapshot_every
        if every is not None and (entity.version + 1) // every > (entity.version + 1 - len(events)) // every:
            self._write(snapshots_of(type(entity)).take(entity))
        publish(events)

    def take_snapshot(self, originator_id: UUID, /, *, at: int | None = None) -> Snapshot:
        """Store a snapshot of an aggregate as it is now, or as it was at a version.

        Raises:
            RepositoryKeyError: if it is absent or discarded.
            ModelError: if the store keeps no snapshots.
        """
        aggregate = self.get_entity(originator_id, at=at)
        snapshot = snapshots_of(_aggregate_class(type(aggregate))).take(_aggregate(aggregate))
        self._write(snapshot)
        return snapshot

    def _write(self, snapshot: Snapshot) -> None:
        if self._snapshots is None:
            msg = f"{type(self._store).__qualname__} keeps no snapshots"
            raise ModelError(msg)
        self._snapshots.write_snapshot(
            Record(
                snapshot.originator_id,
                snapshot.originator_version,
                snapshot.event_name,
                snapshot.class_version,
                microseconds(snapshot.timestamp),
                snapshot.data,
                b"",
                snapshot.head,
            )
        )

"""Repositories over a record store."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Generic, TypeVar, get_args, overload
from uuid import UUID

from esmodel.clock import EPOCH, MICROSECOND, microseconds, moment_of
from esmodel.codec.typevars import class_of
from esmodel.exceptions import (
    ClassVersionError,
    EventHashError,
    HeadHashError,
    ModelError,
    PayloadError,
    RepositoryKeyError,
    StoredDataError,
    StoreError,
    UnknownEventError,
)
from esmodel.model.aggregate import Hashchained, StoredAggregate, hash_event, is_aggregate, of_aggregate
from esmodel.model.eventcodec import Payload, Payloads, payloads_of
from esmodel.model.events import DomainEvent, HashchainedEvent, TimestampedVersionedEvent, publish
from esmodel.model.snapshot import Snapshot, SnapshotCodec
from esmodel.repositories.saving import PendingSave, append
from esmodel.rows.protocols import RecordStore, SnapshottingRecordStore, SupportsSnapshots
from esmodel.rows.record import Record, make_record


class SnapshotWarning(UserWarning):
    """A snapshot could not be stored, or does not fit its class any more; the events serve instead."""


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
        ...
        ...     @applies(Opened)
        ...     def opened(self, event: Opened) -> None:
        ...         self.owner = event.owner
        ...
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
            aggregate_class: the class; a generic one with its types, as ``Collection[str]``.
            store: where the rows are kept.
            snapshot_every: after how many events a save takes a snapshot; by default never.

        Raises:
            ModelError: if the class is no aggregate, or has a type that cannot be carried.
        """
        if snapshot_every is not None and snapshot_every < 1:
            msg = f"snapshot_every must be a whole number from 1, not {snapshot_every!r}"
            raise ModelError(msg)
        entity = class_of(aggregate_class)
        if not is_aggregate(entity):
            msg = f"{entity.__qualname__} is no aggregate; derive it from AggregateRoot[...]"
            raise ModelError(msg)
        self._named: type[TAggregate] = aggregate_class
        self._class: type[TAggregate] = class_of(aggregate_class)
        self._store: RecordStore = store
        self._snapshots = store if isinstance(store, SupportsSnapshots) else None
        self._snapshot_every = snapshot_every
        self._is_chained = issubclass(entity, Hashchained)
        self._payloads: Payloads = payloads_of(entity, get_args(aggregate_class))
        self._by_name = self._payloads.by_name
        self._codec: SnapshotCodec[TAggregate] | None = None
        self._name = entity.__qualname__.rpartition("<locals>.")[2]
        if snapshot_every is not None:
            self._snapshot_codec()
            if self._snapshots is None:
                msg = f"{type(store).__qualname__} keeps no snapshots; leave snapshot_every out"
                raise ModelError(msg)

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
        if at is not None and at < 0:
            raise RepositoryKeyError(self._name, originator_id)
        aggregate = self._loaded(originator_id, at)
        if aggregate.version < 0 or aggregate.is_discarded:
            raise RepositoryKeyError(self._name, originator_id)
        return aggregate

    def verify(self, originator_id: UUID, /) -> int:
        """Read a stream from its first row, snapshots left aside, and check each row.

        Returns:
            The number of events.

        Raises:
            RepositoryKeyError: if there is no such stream.
            IntegrityError: naming the position of the first row that does not fit.
        """
        # the end before the rows, because a row may be added in between and none may be missing
        last = self._last(originator_id)
        aggregate = self._replayed(self._class.begin(originator_id), self._store.read(originator_id), last)
        if aggregate.version < 0:
            raise RepositoryKeyError(self._name, originator_id)
        return aggregate.version + 1

    def events(self, originator_id: UUID, /, *, after: int = -1) -> Iterator[TimestampedVersionedEvent]:
        """Stream the events of an aggregate whose versions are above ``after``.

        After a ``ConcurrencyError``, ``events(error.originator_id, after=error.expected)`` gives
        what came between.

        Raises:
            IntegrityError: if a row cannot be read.
        """
        head = self._class.begin(originator_id).head
        if head and after >= 0:
            for record in self._store.read(originator_id, gte=after, lte=after):
                head = record.event_hash
        return self._decoded(self._store.read(originator_id, gt=after), head)

    def save(self, entity: TAggregate, /) -> None:
        """Store the pending events of an aggregate as one batch, then publish them.

        Raises:
            ConcurrencyError: if somebody else saved the aggregate first. Nothing is stored, and
                the events still wait; load the aggregate again and repeat the command.
            OutcomeUnknownError: if the store was lost while it committed, and could not be asked.
            PayloadError: if a value cannot be written; nothing is stored.
        """
        self._check(entity)
        events = entity.pending_events
        if events:
            append(self._store, self._store.append, self._records(events))
            self._saved(entity)
            publish(events)

    def to_save(self, entity: TAggregate, /) -> PendingSave:
        """Return an aggregate as ``save_together`` takes it: to be saved with others, all or none."""
        self._check(entity)
        return PendingSave(entity, self._store, self._records, partial(self._saved, entity))

    def _check(self, entity: TAggregate) -> None:
        if not isinstance(entity, self._class):
            msg = f"a repository of {self._name} cannot save {type(entity).__qualname__}"
            raise ModelError(msg)

    def _saved(self, entity: TAggregate) -> None:
        """Keep the events no longer that are stored now, and take the snapshot that is due."""
        after = entity.version + 1
        before = after - len(entity.collect_events())
        every = self._snapshot_every
        if every is not None and after // every > before // every:
            self._spare(entity)

    def take_snapshot(self, originator_id: UUID, /, *, at: int | None = None) -> Snapshot:
        """Store a snapshot of an aggregate as it is now, or as it was at a version.

        Raises:
            RepositoryKeyError: if it is absent or discarded.
            ModelError: if the store keeps no snapshots.
        """
        snapshot = self._snapshot_codec().take(self.get_entity(originator_id, at=at))
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

    def _spare(self, entity: TAggregate) -> None:
        """Take the snapshot of a save, whose events are stored already: a failure is no error."""
        try:
            self._write(self._snapshot_codec().take(entity))
        except (StoreError, PayloadError) as error:
            msg = f"No snapshot of {self._name} {entity.id} was stored: {error} Its events are."
            warnings.warn(msg, SnapshotWarning, stacklevel=4)

    def _snapshot_codec(self) -> SnapshotCodec[TAggregate]:
        if self._codec is None:
            self._codec = SnapshotCodec(self._named)
        return self._codec

    def _loaded(self, originator_id: UUID, at: int | None) -> TAggregate:
        """Return an aggregate from a snapshot and the rows after it, or from all its rows."""
        last = self._last(originator_id)  # before the rows: see `verify`
        restored: TAggregate | None = None
        if self._snapshots is None:
            records = self._store.read(originator_id, lte=at)
        else:
            snapshot, records = self._snapshots.read_from_snapshot(originator_id, lte=at)
            if snapshot is not None:
                restored = self._restored(snapshot)
                if restored is None:
                    records = self._store.read(originator_id, lte=at)
        aggregate = self._class.begin(originator_id) if restored is None else restored
        return self._replayed(aggregate, records, last, at)

    def _restored(self, record: Record) -> TAggregate | None:
        """Return the aggregate of a snapshot, ``None`` with a warning if it does not fit."""
        try:
            return self._snapshot_codec().restore(
                Snapshot(
                    record.originator_id,
                    record.position,
                    moment_of(record.timestamp),
                    record.class_version,
                    record.data,
                    record.event_hash,
                )
            )
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            msg = (
                f"The snapshot of {self._name} {record.originator_id} at version {record.position} is "
                f"passed over, since it does not fit: {error}. Its events are replayed."
            )
            warnings.warn(msg, SnapshotWarning, stacklevel=5)
            return None

    def _last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return where a chain ends; of another stream, ``None``."""
        return self._store.last(originator_id) if self._is_chained else None

    def _replayed(
        self,
        aggregate: TAggregate,
        records: Iterator[Record],
        last: tuple[int, bytes] | None,
        at: int | None = None,
    ) -> TAggregate:
        """Return an aggregate after rows, which reach the end or a version."""
        aggregate.continue_with(self._decoded(records, aggregate.head))
        if last is not None:
            self._check_end(aggregate, last, at)
        return aggregate

    def _check_end(self, aggregate: TAggregate, last: tuple[int, bytes], at: int | None) -> None:
        position, event_hash = last
        expected = position if at is None else min(position, at)
        if aggregate.version < expected:
            finding = f"the chain ends at version {aggregate.version}, expected it to reach {expected}"
            raise HeadHashError(aggregate.id, aggregate.version + 1, finding)
        if aggregate.version == position and aggregate.head != event_hash:
            finding = f"expected the head {event_hash.hex()}, found {aggregate.head.hex()}"
            raise HeadHashError(aggregate.id, position, finding)

    def _decoded(self, records: Iterator[Record], head: bytes) -> Iterator[TimestampedVersionedEvent]:
        return self._verified(records, head) if self._is_chained else self._events(records)

    def _events(self, records: Iterator[Record]) -> Iterator[TimestampedVersionedEvent]:
        by_name = self._by_name
        for record in records:
            # most rows in one step, which spares a call and a tuple: 200 ns
            originator_id, position, name, class_version, timestamp, data, _, _ = record
            try:
                payload = by_name[name]
                if payload.make is not None and class_version == payload.class_version:
                    event = payload.make(data, originator_id, position, EPOCH + MICROSECOND * timestamp)
                else:
                    event = self._event(record)
            except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
                event = self._event(record)  # which says what is wrong
            yield event if isinstance(event, TimestampedVersionedEvent) else of_aggregate(event)

    def _verified(self, records: Iterator[Record], head: bytes) -> Iterator[TimestampedVersionedEvent]:
        for record in records:
            self._verify(record, head)
            yield self._event(record, (head, record.event_hash))
            head = record.event_hash

    def _verify(self, record: Record, head: bytes) -> None:
        """Check the hash of a row."""
        originator_id, position, name, class_version, timestamp, data, extra, event_hash = record
        try:
            signed = hash_event(head, originator_id, position, timestamp, name, class_version, data)
        except (TypeError, AttributeError, struct.error) as error:
            # an engine may hold a value of another type than was written, as SQLite does
            finding = f"a column of {name!r} has another type than was written: {error}"
            raise StoredDataError(originator_id, position, finding) from error
        if signed != event_hash or extra:
            finding = f"the row of {name!r} is not what was signed, or does not continue the chain"
            raise EventHashError(originator_id, position, finding)

    def _event(self, record: Record, hashes: tuple[bytes, ...] = ()) -> TimestampedVersionedEvent:
        """Return the event of a row."""
        originator_id, position, name, class_version, timestamp, data, extra, _ = record
        payload = self._by_name.get(name)
        try:
            moment = EPOCH + MICROSECOND * timestamp  # spares the call of `moment_of`
            if payload is not None and payload.make is not None and class_version == payload.class_version:
                event = payload.make(data, originator_id, position, moment, *hashes)
            else:
                header = (originator_id, position, moment, *hashes)
                event = self._known(record).decode(header, extra, data, class_version)
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            finding = f"the payload of {name} does not fit: {error}"
            if isinstance(error, OverflowError):
                finding = f"the timestamp {timestamp} is no date"
            raise StoredDataError(originator_id, position, finding) from error
        return event if isinstance(event, TimestampedVersionedEvent) else of_aggregate(event)

    def _known(self, record: Record) -> Payload[DomainEvent]:
        """Return how a row is read."""
        payload = self._by_name.get(record.name)
        if payload is None:
            finding = f"expected one of {', '.join(sorted(self._by_name))}; found {record.name!r}"
            raise UnknownEventError(record.originator_id, record.position, finding)
        if not 0 <= record.class_version <= payload.class_version:
            finding = (
                f"expected {record.name} of class version {payload.class_version} or older, found "
                f"{record.class_version}; the code that wrote it is newer"
            )
            raise ClassVersionError(record.originator_id, record.position, finding)
        return payload

    def _records(self, events: Iterable[TimestampedVersionedEvent]) -> list[Record]:
        """Return the rows of events."""
        # one loop, which calls nothing twice: 150 ns less an event than a function for each
        payloads, by_class, is_chained = self._payloads, self._payloads.by_class, self._is_chained
        records: list[Record] = []
        for event in events:
            payload = by_class.get(event.__class__) or payloads.for_event(event)
            columns = (
                event.originator_id,
                event.originator_version,
                payload.name,
                payload.class_version,
                (event.timestamp - EPOCH) // MICROSECOND,
                payload.encode(event),
                payload.encode_header(event) if payload.extra else b"",
                event.event_hash if is_chained and isinstance(event, HashchainedEvent) else b"",
            )
            records.append(make_record(Record, columns))
        return records

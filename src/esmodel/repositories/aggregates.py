"""The repository of aggregates over a record store."""

# pyright: reportPrivateUsage=false
# `events` names its own class by a Protocol, so that it knows the union of the aggregate.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar, cast, overload
from uuid import UUID

from esmodel.codec.typevars import class_of
from esmodel.exceptions import (
    ConcurrencyError,
    EntityIsDiscarded,
    EsmodelError,
    HeadHashError,
    IntegrityError,
    ModelError,
    RepositoryKeyError,
)
from esmodel.ids import checked_id
from esmodel.model.events import TimestampedVersionedEvent
from esmodel.model.hashchain import head_of
from esmodel.model.snapshot import Snapshot
from esmodel.model.stored import (
    Records,
    StoredAggregate,
    begin,
    continue_with,
    mark_saved,
    payloads_of,
    refuse_if_invalid,
)
from esmodel.repositories.mapper import EventMapper
from esmodel.repositories.outcome import append
from esmodel.repositories.saving import PendingSave, announce, bar_unsure, raise_explained
from esmodel.repositories.snapshots import Snapshots
from esmodel.rows.protocols import RecordStore, SnapshottingRecordStore
from esmodel.rows.record import Record

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)
TRecorded_co = TypeVar("TRecorded_co", bound=TimestampedVersionedEvent, covariant=True)
TRecorded = TypeVar("TRecorded", bound=TimestampedVersionedEvent)


class _ReadsEvents(Protocol[TRecorded_co]):
    """A repository, by the events that its aggregates record."""

    def __getitem__(self, originator_id: UUID, /) -> Records[TRecorded_co]: ...

    def _decoded(self, originator_id: UUID, after: int) -> Iterator[TimestampedVersionedEvent]: ...


class EventSourcedRepository(Generic[TAggregate]):
    """Aggregates of one class, kept as their events in a record store.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     owner: str
        ...
        ...     @applies
        ...     def opened(self, event: Opened) -> None:
        ...         self.owner = event.owner
        ...
        ...     apply = opened.exhaustive
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
            snapshot_every: the number of events after which a save takes a snapshot; by default never.

        Raises:
            ModelError: if the class is no aggregate, or has a type that cannot be carried.
        """
        if not _is_count(snapshot_every, 1):
            raise ModelError(f"snapshot_every: expected a whole number from 1, found {snapshot_every!r}.")
        self._class: type[TAggregate] = class_of(aggregate_class)
        self._store: RecordStore = store
        self._mapper: EventMapper[TAggregate] = EventMapper(aggregate_class)
        self._snapshots: Snapshots[TAggregate] = Snapshots(aggregate_class, self._mapper, store)
        self._snapshot_every = snapshot_every
        if snapshot_every is not None:
            _ = self._snapshots.codec, self._snapshots.required_store()

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
            at: the version of the last event to apply, from 0; a version beyond the last one returns
                the aggregate as it is now.

        Raises:
            RepositoryKeyError: if it is absent, or discarded by then.
            IntegrityError: if its rows do not fit together.
        """
        checked_id(originator_id, self._mapper.name)
        if not _is_count(at, None):
            raise ModelError(f"{self._mapper.name}: at: expected a version, a whole number, found {at!r}.")
        if at is not None and at < 0:
            raise RepositoryKeyError(self._mapper.name, originator_id)
        aggregate = self._loaded(originator_id, at)
        if aggregate.version < 0 or aggregate.is_discarded:
            raise RepositoryKeyError(self._mapper.name, originator_id)
        return aggregate

    def verify(self, originator_id: UUID, /) -> int:
        """Check each row of a stream, from the first one on, without snapshots.

        Returns:
            The number of events.

        Raises:
            RepositoryKeyError: if there is no such stream.
            IntegrityError: naming the position of the first row that does not fit.
        """
        checked_id(originator_id, self._mapper.name)
        # read the end first: a row appended in between is then extra, never missing
        last = self._last(originator_id)
        aggregate = self._replayed(begin(self._class, originator_id), self._store.read(originator_id), last)
        if aggregate.version < 0:
            raise RepositoryKeyError(self._mapper.name, originator_id)
        return aggregate.version + 1

    def events(
        self: _ReadsEvents[TRecorded], originator_id: UUID, /, *, after: int = -1
    ) -> Iterator[TRecorded]:
        """Yield the events of an aggregate whose versions are above ``after``.

        After a ``ConcurrencyError``, ``events(error.originator_id, after=error.expected)`` yields those
        that came between.

        Raises:
            IntegrityError: if a row cannot be read.
        """
        found = self._decoded(originator_id, after)
        return cast("Iterator[TRecorded]", found)  # because the mapper rejects all other stored names

    def _decoded(self, originator_id: UUID, after: int) -> Iterator[TimestampedVersionedEvent]:
        head = head_of(begin(self._class, originator_id))  # which checks the id too
        if head and after >= 0:
            for record in self._store.read(originator_id, gte=after, lte=after):
                head = record.event_hash
        return self._mapper.events(self._store.read(originator_id, gt=after), head)

    def save(self, entity: TAggregate, /) -> None:
        """Store the pending events of an aggregate in one append, then publish them.

        Raises:
            ConcurrencyError: if somebody else saved the aggregate first. Nothing is stored, and the
                events stay pending; load the aggregate again and repeat the command.
            EntityIsDiscarded: if a new aggregate has the id of one that was discarded; nothing is stored.
            InvalidEntityError: if its state cannot be trusted; nothing is stored.
            OutcomeUnknownError: if the store was lost while it committed, and could not be asked.
            PayloadError: if a value cannot be written; nothing is stored.
            PublishError: with what subscribers raised. The events are stored; do not repeat the command.
        """
        self._check(entity)
        events = entity.pending_events
        if events:
            records, last = self._records(entity, events), events[-1].originator_version
            try:
                append(self._store, self._store.append, records)
                mark_saved(entity, last)
            except ConcurrencyError as error:
                raise_explained(error, {entity.id: self._explained})
            except EsmodelError:
                raise  # nothing is stored, or the error says whom to ask
            except BaseException as error:
                bar_unsure(error, entity)
                raise
            announce(events, [self._take_snapshot(entity, len(events), last)])

    def to_save(self, entity: TAggregate, /) -> PendingSave:
        """Return an aggregate for ``save_together``, which saves it with others, all or none."""
        self._check(entity)
        take_snapshot = partial(self._take_snapshot, entity)
        return PendingSave(
            entity, self._store, partial(self._records, entity), take_snapshot, self._explained
        )

    def _records(self, entity: TAggregate, events: Sequence[TimestampedVersionedEvent]) -> list[Record]:
        return self._mapper.records(events, payloads_of(entity))

    def _check(self, entity: TAggregate) -> None:
        if not isinstance(entity, self._class):
            raise ModelError(
                f"expected an aggregate of the class {self._mapper.name}, found {type(entity).__qualname__}. "
                f"Save it in a repository of its own class."
            )
        refuse_if_invalid(entity)

    def _explained(self, error: ConcurrencyError) -> EsmodelError:
        """Return a conflict, or the error that no retry can help: the id is that of a discarded aggregate."""
        if error.expected < 0:
            try:
                if self._loaded(error.originator_id, None).is_discarded:
                    return EntityIsDiscarded(self._mapper.name, error.originator_id)
            except IntegrityError:
                pass  # the stream is that of another class
        return error

    def _take_snapshot(self, entity: TAggregate, stored: int, last: int) -> str | None:
        """Take a snapshot after a save if one is due. Return the text of a warning, if any.

        Args:
            entity: the aggregate.
            stored: the number of events that were stored.
            last: the version of the last one.
        """
        every = self._snapshot_every
        if every is not None and (last + 1) // every > (last + 1 - stored) // every:
            return self._snapshots.take_after_save(entity, last)
        return None

    def take_snapshot(self, originator_id: UUID, /, *, at: int | None = None) -> Snapshot:
        """Store a snapshot of an aggregate as it is now, or as it was at a version.

        Raises:
            RepositoryKeyError: if it is absent or discarded.
            ModelError: if the store keeps no snapshots.
        """
        return self._snapshots.take(self.get_entity(originator_id, at=at))

    def _loaded(self, originator_id: UUID, at: int | None) -> TAggregate:
        """Return an aggregate from a snapshot and the rows after it, or from all its rows."""
        last = self._last(originator_id)  # before the rows: see `verify`
        restored: TAggregate | None = None
        if self._snapshots.store is None:
            records = self._store.read(originator_id, lte=at)
        else:
            snapshot, records = self._snapshots.store.read_from_snapshot(originator_id, lte=at)
            if snapshot is not None:
                restored = self._snapshots.restored(snapshot)
                if restored is None:
                    records = self._store.read(originator_id, lte=at)
        aggregate = begin(self._class, originator_id) if restored is None else restored
        return self._replayed(aggregate, records, last, at)

    def _last(self, originator_id: UUID) -> tuple[int, bytes] | None:
        """Return where a chain ends; of another stream, ``None``."""
        return self._store.last(originator_id) if self._mapper.is_chained else None

    def _replayed(
        self,
        aggregate: TAggregate,
        records: Iterator[Record],
        last: tuple[int, bytes] | None,
        at: int | None = None,
    ) -> TAggregate:
        """Return an aggregate after rows, which reach the end or a version."""
        continue_with(aggregate, self._mapper.events(records, head_of(aggregate)))
        if last is not None:
            _check_end(aggregate, last, at)
        return aggregate


def _is_count(given: object, least: int | None) -> bool:
    """Whether a value, which no type checker saw, is ``None`` or a whole number from a least one."""
    if given is None:
        return True
    return isinstance(given, int) and not isinstance(given, bool) and (least is None or given >= least)


def _check_end(aggregate: StoredAggregate, last: tuple[int, bytes], at: int | None) -> None:
    """Check that a chain reaches its end.

    Raises:
        HeadHashError: if it ends before, or with another hash.
    """
    position, event_hash = last
    expected = position if at is None else min(position, at)
    if aggregate.version < expected:
        finding = f"the chain ends at version {aggregate.version}, expected it to reach {expected}"
        raise HeadHashError(aggregate.id, aggregate.version + 1, finding)
    head = head_of(aggregate)
    if aggregate.version == position and head != event_hash:
        finding = f"expected the head {event_hash.hex()}, found {head.hex()}"
        raise HeadHashError(aggregate.id, position, finding)

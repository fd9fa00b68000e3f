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
    IntegrityError,
    ModelError,
    OriginatorVersionError,
    OutcomeUnknownError,
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
    refuse_collected,
    refuse_if_invalid,
)
from esmodel.repositories.ends import check_end, events_to_the_end
from esmodel.repositories.mapper import EventMapper
from esmodel.repositories.outcome import append
from esmodel.repositories.saving import PendingSave, announce, bar_unsure, raise_explained
from esmodel.repositories.snapshots import Snapshots
from esmodel.repositories.verifying import Verified, verify
from esmodel.rows.append import Append
from esmodel.rows.protocols import RecordStore, SnapshottingRecordStore, SupportsSnapshots

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)
TAny = TypeVar("TAny", bound=StoredAggregate)
TChained = TypeVar("TChained", bound="_Chained")
TRecorded_co = TypeVar("TRecorded_co", bound=TimestampedVersionedEvent, covariant=True)
TRecorded = TypeVar("TRecorded", bound=TimestampedVersionedEvent)


class _Chained(StoredAggregate, Protocol):
    """An aggregate with a hash chain."""

    @property
    def head(self) -> bytes: ...


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
        self: EventSourcedRepository[TChained],
        aggregate_class: type[TChained],
        store: SnapshottingRecordStore,
        /,
        *,
        snapshot_every: int | None = None,
        snapshot_key: bytes | Sequence[bytes],
    ) -> None: ...
    @overload
    def __init__(
        self,
        aggregate_class: type[TAggregate],
        store: SnapshottingRecordStore,
        /,
        *,
        snapshot_every: int | None = None,
        snapshot_key: None = None,
    ) -> None: ...
    @overload
    def __init__(self, aggregate_class: type[TAggregate], store: RecordStore, /) -> None: ...
    def __init__(
        self: EventSourcedRepository[TAny],
        aggregate_class: type[TAny],
        store: RecordStore | SnapshottingRecordStore,
        /,
        *,
        snapshot_every: int | None = None,
        snapshot_key: bytes | Sequence[bytes] | None = None,
    ) -> None:
        """Take a class of aggregates and the store.

        Args:
            aggregate_class: the class; a generic one with its types, as ``Collection[str]``.
            store: where the rows are kept.
            snapshot_every: the number of events after which a save takes a snapshot; by default never.
            snapshot_key: for a class with a hash chain, which takes no snapshots without one: the secret
                that signs them, 32 bytes or more. Of several, the first one signs, and each is accepted.

        Raises:
            ModelError: if the class is not an aggregate, or has a type that cannot be carried; if it has a
                hash chain and is to take snapshots without a key, or has none and there is a key.
        """
        if not _is_count(snapshot_every, 1):
            raise ModelError(f"snapshot_every: expected a whole number from 1, found {snapshot_every!r}.")
        self._class: type[TAggregate] = class_of(aggregate_class)
        self._store: RecordStore = store
        self._mapper: EventMapper[TAggregate] = EventMapper(aggregate_class)
        self._snapshots: Snapshots[TAggregate] = Snapshots(aggregate_class, self._mapper, store, snapshot_key)
        self._snapshot_every = snapshot_every
        if snapshot_every is not None:
            _ = self._snapshots.writable(), self._snapshots.codec

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
        return self._found(originator_id, at, self._snapshots.readable)

    def verify(self, originator_id: UUID, /) -> Verified:
        """Check each row of a stream, from the first one on, its end, and its snapshots.

        Each snapshot is compared with the state that the events give at its version.

        Returns:
            What was checked.

        Raises:
            RepositoryKeyError: if there is no such stream.
            IntegrityError: naming the position of the first row or snapshot that does not fit.
        """
        checked_id(originator_id, self._mapper.name)
        return verify(begin(self._class, originator_id), self._mapper, self._store, self._snapshots)

    def events(
        self: _ReadsEvents[TRecorded], originator_id: UUID, /, *, after: int = -1
    ) -> Iterator[TRecorded]:
        """Yield the events of an aggregate whose versions are above ``after``.

        After a ``ConcurrencyError``, ``events(error.originator_id, after=error.expected)`` yields those
        that came between.

        Raises:
            IntegrityError: while iterating, if a row cannot be read, or a hash chain does not reach its end.
        """
        found = self._decoded(originator_id, after)
        return cast("Iterator[TRecorded]", found)  # because the mapper rejects all other stored names

    def _decoded(self, originator_id: UUID, after: int) -> Iterator[TimestampedVersionedEvent]:
        checked_id(originator_id, self._mapper.name)
        if self._mapper.is_chained:
            genesis = head_of(begin(self._class, originator_id))
            return events_to_the_end(self._mapper, self._store, originator_id, after, genesis)
        return self._mapper.events(self._store.read(originator_id, gt=after))

    def save(self, entity: TAggregate, /) -> None:
        """Store the pending events of an aggregate in one append, then publish them.

        Raises:
            ConcurrencyError: if the stream does not end at the version before the first of these events:
                somebody else saved the aggregate first, events were collected and never stored, or they
                were stored elsewhere. Nothing is stored, and the events stay pending; load the aggregate
                again and repeat the command.
            EntityIsDiscarded: if a new aggregate has the id of one that was discarded; nothing is stored.
            InvalidEntityError: if its state cannot be trusted; nothing is stored.
            OutcomeUnknownError: if the store was lost while it committed, and could not be asked. The
                aggregate takes no more events: load it again, and look.
            PayloadError: if a value cannot be written; nothing is stored.
            PublishError: with what subscribers raised. The events are stored; do not repeat the command.
        """
        self._check(entity)
        events = entity.pending_events
        if events:
            to_append, last = self._append_of(entity, events), events[-1].originator_version
            try:
                append(self._store, self._store.append, to_append)
                mark_saved(entity, last)
            except ConcurrencyError as error:
                raise_explained(error, {entity.id: self._explained})
            except OutcomeUnknownError as error:
                bar_unsure(error, entity)
                raise
            except EsmodelError:
                raise  # nothing is stored, or the error says whom to ask
            except BaseException as error:
                bar_unsure(error, entity)
                raise
            announce(events, [self._take_snapshot(entity, len(events), last)])
        else:
            refuse_collected(entity)

    def to_save(self, entity: TAggregate, /) -> PendingSave:
        """Return an aggregate for ``save_together``, which saves it with others, all or none."""
        self._check(entity)
        take_snapshot = partial(self._take_snapshot, entity)
        return PendingSave(
            entity, self._store, partial(self._append_of, entity), take_snapshot, self._explained
        )

    def _append_of(self, entity: TAggregate, events: Sequence[TimestampedVersionedEvent]) -> Append:
        # by its position the append could follow rows of somebody else, which the state does not know
        refuse_collected(entity)
        return self._mapper.append_of(events, payloads_of(entity))

    def _check(self, entity: TAggregate) -> None:
        if type(entity) is not self._class:
            raise ModelError(
                f"expected an aggregate of the class {self._mapper.name}, found {type(entity).__qualname__}. "
                f"Save it in a repository of its own class."
            )
        refuse_if_invalid(entity)

    def _explained(self, error: ConcurrencyError) -> EsmodelError:
        """Return a conflict, or the error that no retry can help: the id is that of a discarded aggregate."""
        if error.expected < 0:
            try:
                if self._loaded(error.originator_id, None, self._snapshots.readable).is_discarded:
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
            load = partial(self._loaded, entity.id, last, self._snapshots.readable)
            return self._snapshots.take_after_save(entity.id, load)
        return None

    def take_snapshot(self, originator_id: UUID, /, *, at: int | None = None) -> Snapshot:
        """Store a snapshot of an aggregate as it is now, or as it was at a version.

        It is taken from the events, not from an earlier snapshot, and replaces the one at its version.

        Raises:
            RepositoryKeyError: if it is absent or discarded.
            ModelError: if the store keeps no snapshots, or the class has a hash chain and there is no key.
        """
        _ = self._snapshots.writable()
        return self._snapshots.take(self._found(originator_id, at, None))

    def _found(self, originator_id: UUID, at: int | None, snapshots: SupportsSnapshots | None) -> TAggregate:
        """Return an aggregate that exists, from its events, or from a snapshot and those after it."""
        checked_id(originator_id, self._mapper.name)
        if not _is_count(at, None):
            raise ModelError(f"{self._mapper.name}: at: expected a version, a whole number, found {at!r}.")
        if at is not None and at < 0:
            raise RepositoryKeyError(self._mapper.name, originator_id)
        aggregate = self._loaded(originator_id, at, snapshots)
        if aggregate.version < 0 and self._store.last(originator_id) is not None:
            aggregate = self._loaded(originator_id, at, snapshots)  # saved a moment ago, or without its rows
            if aggregate.version < 0:
                raise OriginatorVersionError(originator_id, 0, "expected the rows of the stream, found none")
        if aggregate.version < 0 or aggregate.is_discarded:
            raise RepositoryKeyError(self._mapper.name, originator_id)
        return aggregate

    def _loaded(self, originator_id: UUID, at: int | None, snapshots: SupportsSnapshots | None) -> TAggregate:
        # the end before the rows: a row that is appended in between is then extra, never missing
        last = self._store.last(originator_id) if self._mapper.is_chained else None
        restored: TAggregate | None = None
        if snapshots is None:
            records = self._store.read(originator_id, lte=at)
        else:
            snapshot, records = snapshots.read_from_snapshot(originator_id, lte=at)
            if snapshot is not None:
                restored = self._snapshots.restored(snapshot)
                if restored is None:
                    records = self._store.read(originator_id, lte=at)
        aggregate = begin(self._class, originator_id) if restored is None else restored
        continue_with(aggregate, self._mapper.events(records, head_of(aggregate)))
        if self._mapper.is_chained:
            check_end(self._store, originator_id, aggregate.version, head_of(aggregate), last, at)
        return aggregate


def _is_count(given: object, least: int | None) -> bool:
    """Whether a value, which no type checker saw, is ``None`` or a whole number from a least one."""
    if given is None:
        return True
    return isinstance(given, int) and not isinstance(given, bool) and (least is None or given >= least)

"""The interface of an aggregate for snapshots and repositories, and functions that call it."""

# pyright: reportPrivateUsage=false
# `_es_...` belongs to entity and event classes; functions here access it for other modules.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, Self, TypeVar
from uuid import UUID

from attrs import frozen

from esmodel.exceptions import ConcurrencyError
from esmodel.model.events import DomainEvent, TimestampedVersionedEvent

TRecorded_co = TypeVar("TRecorded_co", bound=TimestampedVersionedEvent, covariant=True)


@frozen
class Progress:
    """The part of a snapshot besides the state.

    Attributes:
        version: the version of the last event.
        created_on: when the first event was triggered.
        last_modified: when the last event was triggered.
        is_discarded: whether the aggregate was discarded.
        flags: the flags of a special kind, by their stored names.
        head: the hash of the last event; empty where there is no chain.
    """

    version: int
    created_on: datetime
    last_modified: datetime
    is_discarded: bool
    flags: Mapping[str, bool]
    head: bytes = b""


class Records(Protocol[TRecorded_co]):
    """Any aggregate, by the events that it records.

    It is read-only, because a type variable bound to ``AggregateRoot[DomainEvent]`` would reject every real
    aggregate: their events are invariant.
    """

    @property
    def pending_events(self) -> tuple[TRecorded_co, ...]:
        """The events that are not stored yet."""
        ...


class Continued(Protocol):
    """Any entity, by what rebuilds it from its events."""

    @classmethod
    def _es_begin(cls, originator_id: UUID) -> Self: ...

    def _es_continue_with(self, events: Iterable[DomainEvent]) -> None: ...


class StoredAggregate(Continued, Protocol):
    """The interface of an aggregate for snapshots and repositories; each aggregate has it.

    Laws: an aggregate that is begun and then continued with all its events equals the one that was saved.
    """

    def _es_trigger(
        self, event_class: object, args: tuple[object, ...], payload: Mapping[str, object]
    ) -> None: ...

    def _es_progress(self) -> Progress: ...

    def _es_resume(self, progress: Progress) -> None: ...

    def _es_payloads(self) -> Mapping[int, bytes]: ...

    def _es_saved(self, last: int) -> None: ...

    @property
    def _es_collected(self) -> range: ...

    def _es_bar(self, finding: str) -> None: ...

    def _es_refuse_if_invalid(self) -> None: ...

    @property
    def id(self) -> UUID:
        """The stream."""
        ...

    @property
    def version(self) -> int:
        """The version of the last event."""
        ...

    @property
    def is_discarded(self) -> bool:
        """Whether it takes no more events."""
        ...

    @property
    def pending_events(self) -> tuple[TimestampedVersionedEvent, ...]:
        """The events that are not stored yet."""
        ...

    def collect_events(self) -> tuple[TimestampedVersionedEvent, ...]:
        """Return the pending events and clear them."""
        ...


TEntity = TypeVar("TEntity", bound=Continued)


def begin(entity_class: type[TEntity], originator_id: UUID, /) -> TEntity:
    """Return an entity before its first event."""
    return entity_class._es_begin(originator_id)


def continue_with(entity: Continued, events: Iterable[DomainEvent], /) -> None:
    """Apply recorded events, each checked against the one before.

    Of a hash chain the links are checked, not the hashes: ``replay`` and the repositories, which have the
    bytes as recorded, check those before.

    Raises:
        IntegrityError: if an event is not the next one.
    """
    entity._es_continue_with(events)


def trigger_any(
    aggregate: StoredAggregate,
    event_class: object,
    args: tuple[object, ...],
    payload: Mapping[str, object],
    /,
) -> None:
    """Trigger an event by its payload, unchecked by type checkers: a test kit takes any kind of aggregate."""
    aggregate._es_trigger(event_class, args, payload)


def progress_of(aggregate: StoredAggregate, /) -> Progress:
    """Return what a snapshot holds of an aggregate besides its state."""
    return aggregate._es_progress()


def payloads_of(aggregate: StoredAggregate, /) -> Mapping[int, bytes]:
    """Return the payloads of pending events that were encoded when they were triggered, by version."""
    return aggregate._es_payloads()


def resume(aggregate: StoredAggregate, progress: Progress, /) -> None:
    """Set an aggregate, whose state was restored, to the version and times of its snapshot."""
    aggregate._es_resume(progress)


def refuse_collected(aggregate: StoredAggregate, /) -> None:
    """Refuse to save an aggregate some of whose events were collected, and so are in no store.

    Raises:
        ConcurrencyError: naming the versions before and after those events.
    """
    collected = aggregate._es_collected
    if collected:
        raise ConcurrencyError(aggregate.id, collected.stop - 1, collected.start - 1)


def mark_saved(aggregate: StoredAggregate, last: int, /) -> None:
    """Clear the pending events up to a version, which are stored; later ones stay pending."""
    aggregate._es_saved(last)


def bar(aggregate: StoredAggregate, finding: str, /) -> None:
    """Let an aggregate take no more events, and be saved no more, because its state cannot be trusted."""
    aggregate._es_bar(finding)


def refuse_if_invalid(aggregate: StoredAggregate, /) -> None:
    """Refuse what needs a state that can be trusted.

    Raises:
        InvalidEntityError: if a handler of the aggregate raised, or a save of it was interrupted.
        ModelError: if one of its handlers runs.
    """
    aggregate._es_refuse_if_invalid()

"""Entities and aggregates whose events carry an id, a correlation and a cause (ECC)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Concatenate, ParamSpec, Self, TypeVar, final
from uuid import UUID

from attrs import define, frozen
from typing_extensions import override

from esmodel.ids import new_id
from esmodel.model.aggregate import Aggregate
from esmodel.model.causes import next_ecc
from esmodel.model.events import DomainEvent, ECCEvent, TimestampedVersionedEvent
from esmodel.model.markers import AttributeChangedEvent, DiscardedEvent
from esmodel.model.plan import LibraryEvents
from esmodel.model.properties import WithTimes, WithVersion

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)
TRooted = TypeVar("TRooted", bound=TimestampedVersionedEvent)


class ECCVerbs(WithVersion[TEvent], WithTimes[TEvent]):
    """Creates and triggers where events carry an id, a correlation and a cause; see ``caused_by``."""

    __slots__ = ()

    @classmethod
    @final
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a new id, from its first event and the payload of that event."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    @final
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls._es_begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    @final
    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it and emit it.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            InvalidEntityError: if its state cannot be trusted.
            ApplyError: if no handler applies the event.
        """
        self._es_refuse_if_closed()
        self._es_take(self._es_make(event_class, args, kwargs))

    @override
    def _es_next_header(self) -> tuple[UUID, int, datetime, UUID, UUID, UUID | None]:
        return (self._es_id, self._es_version + 1, self._es_now(), *next_ecc())


@frozen
class EntityWithECCDiscarded(ECCEvent, DiscardedEvent, name="Discarded"):
    """The event of ``EntityWithECC.discard``."""


@frozen
class EntityWithECCAttributeChanged(ECCEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` of an ``EntityWithECC``."""

    name: str
    value: object


@define
class EntityWithECC(ECCVerbs[TEvent]):
    """An entity whose events carry an id, a correlation and a cause; see ``caused_by``.

    Example:
        >>> from esmodel.model import ECCEvent, EntityWithECC
        >>> @frozen
        ... class Begun(ECCEvent):
        ...     title: str
        >>> @define
        ... class Thing(EntityWithECC[Begun]):
        ...     title: str
        ...
        ...     @applies
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun.exhaustive
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    _es_library: ClassVar[LibraryEvents] = LibraryEvents(
        EntityWithECCDiscarded, EntityWithECCAttributeChanged
    )


@frozen
class ECCDiscarded(ECCEvent, DiscardedEvent, name="Discarded"):
    """The event of ``AggregateRootWithECC.discard``."""


@frozen
class ECCAttributeChanged(ECCEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` of an ``AggregateRootWithECC``."""

    name: str
    value: object


@define
class AggregateRootWithECC(
    Aggregate[TRooted, TRooted | ECCDiscarded | ECCAttributeChanged], ECCVerbs[TRooted]
):
    """An aggregate whose events carry an id, a correlation and a cause; see ``caused_by``.

    Example:
        >>> @frozen
        ... class Begun(ECCEvent):
        ...     title: str
        >>> @define
        ... class Thing(AggregateRootWithECC[Begun]):
        ...     title: str
        ...
        ...     @applies
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun.exhaustive
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    _es_library: ClassVar[LibraryEvents] = LibraryEvents(ECCDiscarded, ECCAttributeChanged)

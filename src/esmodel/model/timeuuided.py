"""The kinds of entity whose events carry an id that holds their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Concatenate, ParamSpec, Self, TypeVar, final
from uuid import UUID

from attrs import define, frozen
from typing_extensions import override

from esmodel.ids import new_id
from esmodel.model.events import DomainEvent, TimeuuidedEvent, TimeuuidedVersionedEvent
from esmodel.model.markers import AttributeChangedEvent, DiscardedEvent
from esmodel.model.plan import LibraryEvents
from esmodel.model.properties import WithTimes, WithVersion
from esmodel.model.timeuuid import make_timeuuid

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)


@frozen
class TimeuuidedEntityDiscarded(TimeuuidedEvent, DiscardedEvent, name="Discarded"):
    """The event of ``TimeuuidedEntity.discard``."""


@frozen
class TimeuuidedEntityAttributeChanged(TimeuuidedEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` of a ``TimeuuidedEntity``."""

    name: str
    value: object


@define
class TimeuuidedEntity(WithTimes[TEvent]):
    """An entity whose events carry an id that holds their time.

    Example:
        >>> from esmodel.model import TimeuuidedEvent, TimeuuidedEntity
        >>> @frozen
        ... class Begun(TimeuuidedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimeuuidedEntity[Begun]):
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
        TimeuuidedEntityDiscarded, TimeuuidedEntityAttributeChanged
    )

    @classmethod
    @final
    def create(
        cls, event_class: Callable[Concatenate[UUID, UUID, P], TEvent], /, *args: P.args, **kwargs: P.kwargs
    ) -> Self:
        """Return a new entity with a new id, from its first event and the payload of that event."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    @final
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, UUID, P], TEvent],
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
        self, event_class: Callable[Concatenate[UUID, UUID, P], TEvent], /, *args: P.args, **kwargs: P.kwargs
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
    def _es_next_header(self) -> tuple[UUID, UUID]:
        return (self._es_id, make_timeuuid(self._es_now()))


@frozen
class TimeuuidedVersionedEntityDiscarded(TimeuuidedVersionedEvent, DiscardedEvent, name="Discarded"):
    """The event of ``TimeuuidedVersionedEntity.discard``."""


@frozen
class TimeuuidedVersionedEntityAttributeChanged(
    TimeuuidedVersionedEvent, AttributeChangedEvent, name="AttributeChanged"
):
    """The event of an assignment to an ``@attribute`` of a ``TimeuuidedVersionedEntity``."""

    name: str
    value: object


@define
class TimeuuidedVersionedEntity(WithVersion[TEvent], WithTimes[TEvent]):
    """An entity whose events carry a version, and an id that holds their time.

    Example:
        >>> from esmodel.model import TimeuuidedVersionedEvent, TimeuuidedVersionedEntity
        >>> @frozen
        ... class Begun(TimeuuidedVersionedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimeuuidedVersionedEntity[Begun]):
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
        TimeuuidedVersionedEntityDiscarded, TimeuuidedVersionedEntityAttributeChanged
    )

    @classmethod
    @final
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, UUID, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, int, UUID, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, int, UUID, P], TEvent],
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
    def _es_next_header(self) -> tuple[UUID, int, UUID]:
        return (self._es_id, self._es_version + 1, make_timeuuid(self._es_now()))

"""The kinds of entity, which differ in the header of their events. They publish as they trigger.

Each kind has its own ``create``, ``create_with_id`` and ``trigger``, because a type checker must see the
header to check the payload. Everything else is in ``DomainEntity``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Concatenate, ParamSpec, Self, TypeVar, final
from uuid import UUID

from attrs import define, frozen
from typing_extensions import override

from esmodel.ids import new_id
from esmodel.model.events import DomainEvent, TimestampedEvent, TimestampedVersionedEvent, VersionedEvent
from esmodel.model.markers import AttributeChangedEvent, DiscardedEvent
from esmodel.model.plan import LibraryEvents
from esmodel.model.properties import WithTimes, WithVersion

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)


@frozen
class VersionedEntityDiscarded(VersionedEvent, DiscardedEvent, name="Discarded"):
    """The event of ``VersionedEntity.discard``."""


@frozen
class VersionedEntityAttributeChanged(VersionedEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` of a ``VersionedEntity``."""

    name: str
    value: object


@define
class VersionedEntity(WithVersion[TEvent]):
    """An entity whose events carry a version.

    Example:
        >>> from esmodel.model import VersionedEvent, VersionedEntity
        >>> @frozen
        ... class Begun(VersionedEvent):
        ...     title: str
        >>> @define
        ... class Thing(VersionedEntity[Begun]):
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
        VersionedEntityDiscarded, VersionedEntityAttributeChanged
    )

    @classmethod
    @final
    def create(
        cls, event_class: Callable[Concatenate[UUID, int, P], TEvent], /, *args: P.args, **kwargs: P.kwargs
    ) -> Self:
        """Return a new entity with a new id, from its first event and the payload of that event."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    @final
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, P], TEvent],
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
        self, event_class: Callable[Concatenate[UUID, int, P], TEvent], /, *args: P.args, **kwargs: P.kwargs
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
    def _es_next_header(self) -> tuple[UUID, int]:
        return (self._es_id, self._es_version + 1)


@frozen
class TimestampedEntityDiscarded(TimestampedEvent, DiscardedEvent, name="Discarded"):
    """The event of ``TimestampedEntity.discard``."""


@frozen
class TimestampedEntityAttributeChanged(TimestampedEvent, AttributeChangedEvent, name="AttributeChanged"):
    """The event of an assignment to an ``@attribute`` of a ``TimestampedEntity``."""

    name: str
    value: object


@define
class TimestampedEntity(WithTimes[TEvent]):
    """An entity whose events carry a time.

    Example:
        >>> from esmodel.model import TimestampedEvent, TimestampedEntity
        >>> @frozen
        ... class Begun(TimestampedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimestampedEntity[Begun]):
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
        TimestampedEntityDiscarded, TimestampedEntityAttributeChanged
    )

    @classmethod
    @final
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, datetime, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, datetime, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, datetime, P], TEvent],
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
    def _es_next_header(self) -> tuple[UUID, datetime]:
        return (self._es_id, self._es_now())


class TimestampedVersionedVerbs(WithVersion[TEvent], WithTimes[TEvent]):
    """Creates and triggers where events carry a version and a time."""

    __slots__ = ()

    @classmethod
    @final
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls._es_begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
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
    def _es_next_header(self) -> tuple[UUID, int, datetime]:
        return (self._es_id, self._es_version + 1, self._es_now())


@frozen
class TimestampedVersionedEntityDiscarded(TimestampedVersionedEvent, DiscardedEvent, name="Discarded"):
    """The event of ``TimestampedVersionedEntity.discard``."""


@frozen
class TimestampedVersionedEntityAttributeChanged(
    TimestampedVersionedEvent, AttributeChangedEvent, name="AttributeChanged"
):
    """The event of an assignment to an ``@attribute`` of a ``TimestampedVersionedEntity``."""

    name: str
    value: object


@define
class TimestampedVersionedEntity(TimestampedVersionedVerbs[TEvent]):
    """An entity whose events carry a version and a time.

    Example:
        >>> from esmodel.model import TimestampedVersionedEvent, TimestampedVersionedEntity
        >>> @frozen
        ... class Begun(TimestampedVersionedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimestampedVersionedEntity[Begun]):
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
        TimestampedVersionedEntityDiscarded, TimestampedVersionedEntityAttributeChanged
    )

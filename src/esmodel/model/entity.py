"""Entities: an identity, and a state that only events change.

Kinds of entity differ in the header of their events. Each has a ``trigger`` and a ``create``
of its own, so that a type checker sees the payload; what they share stands in ``DomainEntity``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Concatenate, Final, Never, ParamSpec, Protocol, Self, TypeVar
from uuid import UUID

import attrs
from attrs import define, field, frozen
from typing_extensions import override

from esmodel.clock import clock, now, system_time
from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.codec.fields import default_of
from esmodel.exceptions import (
    ApplyError,
    EntityIsDiscarded,
    ModelError,
    OriginatorIDError,
    OriginatorVersionError,
    PayloadError,
    UnsetFieldError,
)
from esmodel.ids import new_id
from esmodel.model.apply import Applying, Handler, registry_of
from esmodel.model.causes import next_ecc
from esmodel.model.events import (
    AttributeChangedEvent,
    DiscardedEvent,
    DomainEvent,
    ECCEvent,
    TimestampedEvent,
    TimestampedVersionedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    VersionedEvent,
    publish,
)
from esmodel.model.timeuuid import make_timeuuid, timeuuid_time
from esmodel.model.versioning import Upcaster

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)


class Versioned(Protocol):
    """Any entity that knows its version."""

    @property
    def version(self) -> int:
        """The version of the last event, from 0."""
        ...


class Timestamped(Protocol):
    """Any entity that knows when it was changed."""

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        ...

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        ...


class DeclaredAttribute:
    """What a class declares with ``@attribute``: a name and the type of its values.

    Attributes:
        name: what it is called in the class.
        codec: what carries the values.
    """

    __slots__ = ("codec", "name")

    name: str
    codec: Codec

    def value_type(self) -> object:
        """Return the declared type of the values."""
        raise NotImplementedError


def _nothing(entity: DomainEntity[TEvent], event: DomainEvent) -> None:
    """Change nothing."""


def _change_attribute(entity: DomainEntity[TEvent], event: AttributeChanged) -> None:
    setattr(entity, f"_{event.name}", event.value)


def _discarding(handler: Handler) -> Handler:
    def discard(entity: DomainEntity[TEvent], event: DomainEvent) -> None:
        handler(entity, event)
        entity.end()

    return discard


class AttributeChanged(Protocol):
    """What the events of a changed attribute have in common."""

    @property
    def name(self) -> str:
        """The name of the attribute."""
        ...

    @property
    def value(self) -> object:
        """Its new value."""
        ...


@frozen
class EntityPlan:
    """What is derived once for each class of entities.

    Attributes:
        state: the fields that make up the state, the library's own left out.
        required: those of them that have no default.
        attributes: what is declared with ``@attribute``, by name.
        defaults: the defaults of the others.
        codec: what carries the state.
        upcaster: the steps from an older shape of the state.
    """

    state: tuple[str, ...]
    required: tuple[str, ...]
    attributes: Mapping[str, DeclaredAttribute]
    defaults: tuple[tuple[str, object], ...]
    codec: Codec
    upcaster: Upcaster[Never, object] | None


_plans: Final[dict[type[object], EntityPlan]] = {}


def plan_of(entity: type[DomainEntity[TEvent]], /) -> EntityPlan:
    """Return what is derived once for a class of entities.

    Raises:
        ModelError: if the class has annotations of its own and is no attrs class.
    """
    known = _plans.get(entity)
    if known is not None:
        return known
    own: Mapping[str, object] = inspect.get_annotations(entity)
    if "__attrs_attrs__" not in vars(entity) and any("ClassVar" not in str(each) for each in own.values()):
        msg = f"{entity.__qualname__} declares fields; write @define above it"
        raise ModelError(msg)
    if "_dispatch" not in vars(entity):  # its own __init_subclass__ did not call that of DomainEntity
        entity.begin_dispatch()
    fields = [each for each in attrs.fields(entity) if not each.metadata.get("esmodel")]
    attributes = {
        each.name: each
        for base in reversed(entity.__mro__)
        for each in vars(base).values()
        if isinstance(each, DeclaredAttribute)
    }
    plan = EntityPlan(
        state=tuple(each.name for each in fields),
        required=tuple(each.name for each in fields if each.default is attrs.NOTHING),
        attributes=attributes,
        defaults=tuple((each.name, each.default) for each in fields if each.default is not attrs.NOTHING),
        codec=entity.codec,
        upcaster=entity.snapshot_upcaster,
    )
    _plans[entity] = plan
    return plan


_OWN: Final[Mapping[str, bool]] = {"esmodel": True}


@define
class DomainEntity(Applying[TEvent]):
    """An identity, and a state that only events change.

    The attrs fields of a subclass are its state. It is equal by type and state, and unhashable.

    Attributes:
        codec: what carries the state in snapshots and the values of attributes.
        snapshot_upcaster: the chain of steps from the oldest shape of the state to today's.
        LIBRARY_EVENTS: the events that the library brings for this kind, and applies itself.
    """

    codec: ClassVar[Codec] = DEFAULT_CODEC
    snapshot_upcaster: ClassVar[Upcaster[Never, object] | None] = None
    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = ()
    _dispatch: ClassVar[dict[type[object], Handler]] = {}
    _id: UUID = field(init=False, metadata=_OWN)
    _version: int = field(init=False, metadata=_OWN)
    _created_on: datetime | None = field(init=False, metadata=_OWN)
    _last_modified: datetime | None = field(init=False, metadata=_OWN)
    _is_discarded: bool = field(init=False, metadata=_OWN)

    @override
    def __init_subclass__(cls) -> None:
        """Give the class a table of handlers of its own.

        Raises:
            ApplyError: if its registry lacks an event of the union, or has a foreign handler.
        """
        super().__init_subclass__()
        cls.begin_dispatch()

    @classmethod
    def begin_dispatch(cls) -> None:
        """Give the class a table of handlers that is not that of a base."""
        cls._dispatch = {}

    @classmethod
    def handler_for(cls, event_class: type[object], /) -> Handler:
        """Return what applies a class of events, those that the library brings included.

        Raises:
            ApplyError: if there is none.
        """
        known = cls._dispatch.get(event_class)
        if known is not None:
            return known
        registry = registry_of(cls)
        is_ours = issubclass(event_class, cls.LIBRARY_EVENTS)
        if registry is None and not is_ours:
            msg = f"{cls.__qualname__} has no `apply`; write apply = ... | ... of its handlers"
            raise ApplyError(msg)
        found: Handler | None = None
        if registry is not None and (not is_ours or registry.takes(event_class)):
            found = registry.handler_for(event_class)
        if found is None:
            found = _change_attribute if issubclass(event_class, AttributeChangedEvent) else _nothing
        handler = cls._dispatch[event_class] = cls.completed(event_class, found)
        return handler

    def __attrs_pre_init__(self) -> None:
        """Refuse to be made without an event.

        Raises:
            ModelError: always.
        """
        msg = (
            f"{type(self).__qualname__} comes from an event: write a classmethod that returns "
            f"cls.create(TheFirstEvent, ...), or load it from a repository"
        )
        raise ModelError(msg)

    @property
    def id(self) -> UUID:
        """The id of the entity, and of the stream of its events."""
        return self._id

    @property
    def is_discarded(self) -> bool:
        """Whether the entity was discarded."""
        return self._is_discarded

    def end(self) -> None:
        """Take no more events; called when an event is applied that is a ``DiscardedEvent``."""
        self._is_discarded = True

    @classmethod
    def begin(cls, originator_id: UUID, /) -> Self:
        """Return an entity before its first event: defaults are set, nothing else."""
        entity = cls.__new__(cls)
        entity._id = originator_id
        entity._version = -1
        entity._created_on = None
        entity._last_modified = None
        entity._is_discarded = False
        for name, default in plan_of(cls).defaults:
            object.__setattr__(entity, name, default_of(default, entity))
        return entity

    @classmethod
    def completed(cls, event_class: type[object], handler: Handler, /) -> Handler:
        """Return a handler with what the library itself does after it, for a class of events."""
        return _discarding(handler) if issubclass(event_class, DiscardedEvent) else handler

    @classmethod
    def plan(cls) -> EntityPlan:
        """Return what is derived once for the class."""
        return plan_of(cls)

    @classmethod
    def replay(cls, events: Iterable[DomainEvent], /) -> Self:
        """Rebuild an entity from its events, each checked against the one before.

        Raises:
            OriginatorIDError: if an event belongs to another entity.
            OriginatorVersionError: if an event does not follow the one before it.
            PayloadError: if there are no events.
        """
        remaining = iter(events)
        first = next(remaining, None)
        if first is None:
            msg = f"{cls.__qualname__} cannot be replayed from no events"
            raise PayloadError(msg)
        entity = cls.begin(_originator_id(first))
        entity.continue_with((first,))
        entity.continue_with(remaining)
        return entity

    def continue_with(self, events: Iterable[DomainEvent], /) -> None:
        """Apply events that were recorded before, each checked against the one before.

        Of a hash chain it checks the links, not the hashes: ``replay`` and the repositories,
        which have the bytes as recorded, check those before.
        """
        for event in events:
            self._check(event)
            self.handler_for(event.__class__)(self, event)
            if self._version < 0:
                self._check_set(event)
            self._advance(event)

    def _check(self, event: DomainEvent) -> None:
        originator_id = _originator_id(event)
        expected = self._version + 1
        version: int = getattr(event, "originator_version", expected)
        if originator_id != self._id:
            raise OriginatorIDError(self._id, version, f"expected this stream, found {originator_id}")
        if version != expected:
            finding = f"expected version {expected}, found {version}"
            raise OriginatorVersionError(self._id, version, finding)
        if self._is_discarded:
            raise OriginatorVersionError(self._id, version, "expected none after the discarding event")

    def _advance(self, event: DomainEvent) -> None:
        """Count an event that was applied."""
        self._version += 1
        moment = _moment(event)
        if moment is not None:
            self._last_modified = moment
            if self._created_on is None:
                self._created_on = moment

    def _take(self, event: DomainEvent) -> None:
        """Apply an event that is new, and hand it on; a handler that raises changes nothing here."""
        self.handler_for(event.__class__)(self, event)
        if self._version < 0:
            self._check_set(event)
        self._advance(event)
        self._emit(event)

    def _emit(self, event: DomainEvent) -> None:
        publish((event,))

    def _check_set(self, event: DomainEvent) -> None:
        unset = [name for name in plan_of(type(self)).required if not hasattr(self, name)]
        if unset:
            entity, kind = type(self).__qualname__, type(event).__qualname__
            msg = (
                f"{entity}.{unset[0]} has no value after the first event, {kind}: set it in the "
                f"handler of {kind}, or give the field a default"
            )
            raise UnsetFieldError(msg)

    def _refuse_if_discarded(self) -> None:
        if self._is_discarded:
            raise EntityIsDiscarded(type(self).__qualname__, self._id)

    def _now(self) -> datetime:
        # 60 ns less than a call of `now`, where nobody has set a clock
        moment = datetime.now(UTC) if clock.get() is system_time else now()
        last = self._last_modified
        return moment if last is None or moment >= last else last

    def _attribute(self, name: str) -> str:
        if name not in plan_of(type(self)).attributes:
            known = ", ".join(plan_of(type(self)).attributes) or "none"
            msg = f"{type(self).__qualname__} has no @attribute {name!r}; it has: {known}"
            raise ModelError(msg)
        return name

    def change_attribute(self, name: str, value: object, /) -> None:
        """Trigger that an ``@attribute`` changed; assigning to it does the same, typed.

        Raises:
            ModelError: if there is no such attribute.
        """
        raise NotImplementedError

    def discard(self) -> None:
        """Trigger that the entity ends.

        Raises:
            EntityIsDiscarded: if it ended before.
        """
        raise NotImplementedError


def _originator_id(event: DomainEvent) -> UUID:
    originator_id: object = getattr(event, "originator_id", None)
    if not isinstance(originator_id, UUID):
        msg = f"{event!r} has no originator id"
        raise PayloadError(msg)
    return originator_id


def _moment(event: DomainEvent) -> datetime | None:
    moment: object = getattr(event, "timestamp", None)
    if isinstance(moment, datetime):
        return moment
    if isinstance(event, (TimeuuidedEvent, TimeuuidedVersionedEvent)):
        return timeuuid_time(event.event_id)
    return None


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        msg = "the entity has no event yet"
        raise ModelError(msg)
    return moment


@frozen(kw_only=True)
class VersionedEntityDiscarded(VersionedEvent, DiscardedEvent):
    """The event of ``VersionedEntity.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class VersionedEntityAttributeChanged(VersionedEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``VersionedEntity``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class VersionedEntity(DomainEntity[TEvent]):
    """An entity whose events carry a version. It publishes as it triggers.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(VersionedEvent):
        ...     title: str
        >>> @define
        ... class Thing(VersionedEntity[Begun]):
        ...     title: str
        ...
        ...     @applies(Begun)
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (
        VersionedEntityDiscarded,
        VersionedEntityAttributeChanged,
    )

    @property
    def version(self) -> int:
        """The version of the last event, from 0."""
        return self._version

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a random id, from its first event and the payload of that."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls.begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        self._refuse_if_discarded()
        self._take(event_class(self._id, self._version + 1, *args, **kwargs))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            VersionedEntityAttributeChanged(
                self._id, self._version + 1, name=self._attribute(name), value=value
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(VersionedEntityDiscarded(self._id, self._version + 1))


@frozen(kw_only=True)
class TimestampedEntityDiscarded(TimestampedEvent, DiscardedEvent):
    """The event of ``TimestampedEntity.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class TimestampedEntityAttributeChanged(TimestampedEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``TimestampedEntity``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class TimestampedEntity(DomainEntity[TEvent]):
    """An entity whose events carry a time. It publishes as it triggers.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(TimestampedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimestampedEntity[Begun]):
        ...     title: str
        ...
        ...     @applies(Begun)
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (
        TimestampedEntityDiscarded,
        TimestampedEntityAttributeChanged,
    )

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        return _known(self._created_on)

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        return _known(self._last_modified)

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a random id, from its first event and the payload of that."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls.begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        self._refuse_if_discarded()
        self._take(event_class(self._id, self._now(), *args, **kwargs))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            TimestampedEntityAttributeChanged(self._id, self._now(), name=self._attribute(name), value=value)
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(TimestampedEntityDiscarded(self._id, self._now()))


@frozen(kw_only=True)
class TimestampedVersionedEntityDiscarded(TimestampedVersionedEvent, DiscardedEvent):
    """The event of ``TimestampedVersionedEntity.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class TimestampedVersionedEntityAttributeChanged(TimestampedVersionedEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``TimestampedVersionedEntity``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class TimestampedVersionedEntity(DomainEntity[TEvent]):
    """An entity whose events carry a version and a time. It publishes as it triggers.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(TimestampedVersionedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimestampedVersionedEntity[Begun]):
        ...     title: str
        ...
        ...     @applies(Begun)
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (
        TimestampedVersionedEntityDiscarded,
        TimestampedVersionedEntityAttributeChanged,
    )

    @property
    def version(self) -> int:
        """The version of the last event, from 0."""
        return self._version

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        return _known(self._created_on)

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        return _known(self._last_modified)

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a random id, from its first event and the payload of that."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls.begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, datetime, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        self._refuse_if_discarded()
        self._take(event_class(self._id, self._version + 1, self._now(), *args, **kwargs))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            TimestampedVersionedEntityAttributeChanged(
                self._id, self._version + 1, self._now(), name=self._attribute(name), value=value
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(TimestampedVersionedEntityDiscarded(self._id, self._version + 1, self._now()))


@frozen(kw_only=True)
class TimeuuidedEntityDiscarded(TimeuuidedEvent, DiscardedEvent):
    """The event of ``TimeuuidedEntity.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class TimeuuidedEntityAttributeChanged(TimeuuidedEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``TimeuuidedEntity``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class TimeuuidedEntity(DomainEntity[TEvent]):
    """An entity whose events carry an id that holds their time. It publishes as it triggers.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(TimeuuidedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimeuuidedEntity[Begun]):
        ...     title: str
        ...
        ...     @applies(Begun)
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (
        TimeuuidedEntityDiscarded,
        TimeuuidedEntityAttributeChanged,
    )

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        return _known(self._created_on)

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        return _known(self._last_modified)

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, UUID, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a random id, from its first event and the payload of that."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, UUID, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls.begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, UUID, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        self._refuse_if_discarded()
        self._take(event_class(self._id, make_timeuuid(self._now()), *args, **kwargs))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            TimeuuidedEntityAttributeChanged(
                self._id, make_timeuuid(self._now()), name=self._attribute(name), value=value
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(TimeuuidedEntityDiscarded(self._id, make_timeuuid(self._now())))


@frozen(kw_only=True)
class TimeuuidedVersionedEntityDiscarded(TimeuuidedVersionedEvent, DiscardedEvent):
    """The event of ``TimeuuidedVersionedEntity.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class TimeuuidedVersionedEntityAttributeChanged(TimeuuidedVersionedEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``TimeuuidedVersionedEntity``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class TimeuuidedVersionedEntity(DomainEntity[TEvent]):
    """An entity whose events carry a version, and an id that holds their time.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(TimeuuidedVersionedEvent):
        ...     title: str
        >>> @define
        ... class Thing(TimeuuidedVersionedEntity[Begun]):
        ...     title: str
        ...
        ...     @applies(Begun)
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (
        TimeuuidedVersionedEntityDiscarded,
        TimeuuidedVersionedEntityAttributeChanged,
    )

    @property
    def version(self) -> int:
        """The version of the last event, from 0."""
        return self._version

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        return _known(self._created_on)

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        return _known(self._last_modified)

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, UUID, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a random id, from its first event and the payload of that."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, UUID, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls.begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, UUID, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        self._refuse_if_discarded()
        self._take(event_class(self._id, self._version + 1, make_timeuuid(self._now()), *args, **kwargs))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            TimeuuidedVersionedEntityAttributeChanged(
                self._id,
                self._version + 1,
                make_timeuuid(self._now()),
                name=self._attribute(name),
                value=value,
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(
            TimeuuidedVersionedEntityDiscarded(self._id, self._version + 1, make_timeuuid(self._now()))
        )


@frozen(kw_only=True)
class EntityWithECCDiscarded(ECCEvent, DiscardedEvent):
    """The event of ``EntityWithECC.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class EntityWithECCAttributeChanged(ECCEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``EntityWithECC``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class EntityWithECC(DomainEntity[TEvent]):
    """An entity whose events carry an id, a correlation and a cause; see ``caused_by``.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(ECCEvent):
        ...     title: str
        >>> @define
        ... class Thing(EntityWithECC[Begun]):
        ...     title: str
        ...
        ...     @applies(Begun)
        ...     def begun(self, event: Begun) -> None:
        ...         self.title = event.title
        ...
        ...     apply = begun
        >>> Thing.create(Begun, title="one").title
        'one'
    """

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (
        EntityWithECCDiscarded,
        EntityWithECCAttributeChanged,
    )

    @property
    def version(self) -> int:
        """The version of the last event, from 0."""
        return self._version

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        return _known(self._created_on)

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        return _known(self._last_modified)

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with a random id, from its first event and the payload of that."""
        return cls.create_with_id(new_id(), event_class, *args, **kwargs)

    @classmethod
    def create_with_id(
        cls,
        originator_id: UUID,
        event_class: Callable[Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Self:
        """Return a new entity with an id of your choice; see ``create``."""
        entity = cls.begin(originator_id)
        entity.trigger(event_class, *args, **kwargs)
        return entity

    def trigger(
        self,
        event_class: Callable[Concatenate[UUID, int, datetime, UUID, UUID, UUID | None, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        self._refuse_if_discarded()
        self._take(event_class(self._id, self._version + 1, self._now(), *next_ecc(), *args, **kwargs))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            EntityWithECCAttributeChanged(
                self._id,
                self._version + 1,
                self._now(),
                *next_ecc(),
                name=self._attribute(name),
                value=value,
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(EntityWithECCDiscarded(self._id, self._version + 1, self._now(), *next_ecc()))

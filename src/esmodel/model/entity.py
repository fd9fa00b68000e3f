"""Entities: an identity, and a state that only events change.

The kinds of entity differ in the header of their events. Each has ``create``, ``create_with_id`` and
``trigger`` of its own, so that a type checker sees the payload; ``DomainEntity`` has everything else.
"""

# pyright: reportPrivateUsage=false
# `_es_...` belongs to entity and event classes; functions here access it for other modules.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import ClassVar, Final, Never, ParamSpec, Self, TypeVar, final
from uuid import UUID

import attrs
from attrs import define, field
from typing_extensions import override

from esmodel.clock import clock, now, system_time
from esmodel.codec.codec import Codec
from esmodel.codec.containers import is_iterable
from esmodel.codec.instances import Makers, maker_of, new_makers
from esmodel.exceptions import (
    ApplyError,
    EntityIsDiscarded,
    IntegrityError,
    InvalidEntityError,
    ModelError,
    OriginatorIDError,
    OriginatorVersionError,
    PayloadError,
    UnsetFieldError,
)
from esmodel.ids import checked_id
from esmodel.model.apply import Handler
from esmodel.model.bus import publish
from esmodel.model.calls import refuse_call, refuse_event
from esmodel.model.closures import repair_class_cells
from esmodel.model.defaults import refuse_cached_properties, refuse_mutable_defaults
from esmodel.model.events import DomainEvent
from esmodel.model.exhaustive import Applying, events_of, named_parts, registry_of
from esmodel.model.headers import originator_id_of, time_of, version_of
from esmodel.model.markers import AttributeChangedEvent, DiscardedEvent
from esmodel.model.plan import OWN, Planned, plan_of
from esmodel.model.protocols import AttributeChange
from esmodel.model.reserved import RESERVED_BY_ENTITIES, names_of_mixins, refuse_reserved
from esmodel.model.state import change_attribute, change_nothing, fields_shown
from esmodel.model.subclassing import refuse_keywords, refuse_unheard
from esmodel.model.versioning import Upcaster

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=DomainEvent)
TMade = TypeVar("TMade", bound=DomainEvent)

_HOW_TO_BEGIN: Final = (
    "Write a classmethod that returns cls.create(TheFirstEvent, ...), or load it from a repository."
)

APPLYING: Final = "a handler runs"
"""Bars an entity while a handler changes it."""


@define
class DomainEntity(Planned, Applying[TEvent]):
    """An identity, and a state that only events change.

    The attrs fields of a subclass are its state. Entities are equal by type and state, and unhashable.

    Class keywords:
        codec: encodes and decodes the state in snapshots and the values of attributes; inherited.
        snapshot_upcaster: the chain of steps from the oldest shape of the state to today's; inherited.

    Example:
        >>> from esmodel.model import VersionedEntity, VersionedEvent
        >>> @frozen
        ... class Renamed(VersionedEvent):
        ...     name: str
        >>> @define
        ... class Ship(VersionedEntity[Renamed]):
        ...     name: str = ""
        ...
        ...     @applies
        ...     def renamed(self, event: Renamed) -> None:
        ...         self.name = event.name
        ...
        ...     apply = renamed.exhaustive
        >>> Ship.create(Renamed, name="Vega").name
        'Vega'
    """

    _es_reserved: ClassVar[frozenset[str]] = RESERVED_BY_ENTITIES
    _es_dispatch: ClassVar[dict[type[object], Handler]] = {}
    _es_makers: ClassVar[Makers] = new_makers()
    _es_id: UUID = field(init=False, metadata=OWN)
    _es_version: int = field(init=False, metadata=OWN)
    _es_created_on: datetime | None = field(init=False, metadata=OWN)
    _es_last_modified: datetime | None = field(init=False, metadata=OWN)
    _es_is_discarded: bool = field(init=False, metadata=OWN)
    # why the entity takes no events and is not saved, `None` while it does; a snapshot never has it
    _es_barred: str | None = field(init=False, eq=False, metadata=OWN)

    @override
    def __init_subclass__(
        cls,
        *,
        codec: Codec | None = None,
        snapshot_upcaster: Upcaster[Never, object] | None = None,
        **unknown: Never,
    ) -> None:
        """Check the names and the registry of a class, and give it a table of handlers of its own.

        Raises:
            ModelError: if the class uses a reserved name, or a keyword is unknown.
            ApplyError: if its registry lacks an event of the union, or has a foreign handler.
        """
        refuse_keywords(cls, unknown)
        if "__attrs_attrs__" not in vars(
            cls
        ):  # attrs makes a slotted class a second time, from the first one
            names = {**names_of_mixins(cls, "_es_reserved"), **named_parts(cls)}
            refuse_reserved(cls, cls._es_reserved, names)
            refuse_cached_properties(cls)
            for event in events_of(cls):
                refuse_event(cls, event)
        super().__init_subclass__()
        cls._es_declare(codec, snapshot_upcaster)
        cls._es_dispatch = {}
        cls._es_makers = new_makers()

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Check what attrs built, and repair it: ``super()`` in handlers, ``repr`` of a field not set yet."""
        cls._es_prepare()
        refuse_mutable_defaults(cls)
        repair_class_cells(cls)
        made = attrs.inspect(cls)
        if made.is_frozen:
            raise ModelError(
                f"{cls.__qualname__}: expected a class whose fields handlers can set, found a frozen one. "
                f"Write @define above it."
            )
        if made.added_repr:
            delattr(cls, "__repr__")

    @classmethod
    @override
    def _es_prepare(cls) -> None:
        if "_es_dispatch" not in vars(cls):
            refuse_unheard(cls, "DomainEntity")

    def __attrs_pre_init__(self) -> None:
        """Refuse to be made without an event.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            f"{type(self).__qualname__}: expected an entity that comes from an event, found a call of its "
            f"class. {_HOW_TO_BEGIN}"
        )

    @override
    def __repr__(self) -> str:
        kind = type(self).__qualname__
        if not hasattr(self, "_es_barred"):
            return f"{kind}(<never began>)"
        return f"{kind}(id={self._es_id!r}, version={self._es_version}{fields_shown(self)})"

    @property
    @final
    def id(self) -> UUID:
        """The id of the entity, and of the stream of its events."""
        return self._es_id

    @property
    @final
    def is_discarded(self) -> bool:
        """Whether the entity was discarded."""
        return self._es_is_discarded

    @final
    def discard(self) -> None:
        """Trigger the event that discards the entity.

        Raises:
            EntityIsDiscarded: if the entity was discarded before.
            InvalidEntityError: if its state cannot be trusted.
        """
        self._es_refuse_if_closed()
        self._es_record(self._es_library.discarded, {})

    @final
    def change_attribute(self, name: str, value: object, /) -> None:
        """Trigger the event of a changed ``@attribute``; an assignment does the same, typed.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            InvalidEntityError: if its state cannot be trusted.
            ModelError: if there is no such attribute.
        """
        self._es_refuse_if_closed()
        attributes = plan_of(type(self)).attributes
        if name not in attributes:
            known = ", ".join(attributes) or "none"
            raise ModelError(f"{type(self).__qualname__} has no @attribute {name!r}; it has: {known}.")
        self._es_record(self._es_library.changed, {"name": name, "value": value})

    @classmethod
    @final
    def replay(cls, events: Iterable[DomainEvent], /) -> Self:
        """Rebuild an entity from its events, each checked against the one before.

        In a hash chain the links and the hashes are checked too. The hash is that of the event as its class
        writes it today; a repository verifies events that were upcast, by the bytes as recorded.

        Where a handler keeps a list of an event, the entity shares it with the event: give each replay events
        of its own, such as those that a repository reads.

        Raises:
            OriginatorIDError: if an event belongs to another entity.
            OriginatorVersionError: if an event does not follow the one before it.
            EventHashError: if an event is not the one that was signed.
            HeadHashError: if an event does not continue the chain.
            PayloadError: if there are no events.
        """
        if not is_iterable(events):
            raise ModelError(f"{cls.__qualname__}: expected events to replay, found {events!r}.")
        remaining = iter(cls._es_verified(events))
        first = list(islice(remaining, 1))
        if not first:
            raise PayloadError(f"{cls.__qualname__}: expected events to replay, found none.")
        entity = cls._es_begin(originator_id_of(first[0]))
        entity._es_continue_with(first)
        entity._es_continue_with(remaining)
        return entity

    @classmethod
    def _es_verified(cls, events: Iterable[DomainEvent]) -> Iterable[DomainEvent]:
        """Yield events after a check of their hashes, where they have any."""
        return events

    @classmethod
    def _es_begin(cls, originator_id: UUID) -> Self:
        """Return an entity before its first event: with its defaults, and nothing else set.

        Raises:
            ModelError: if the id is not a UUID.
        """
        checked_id(originator_id, cls.__qualname__)
        entity = cls.__new__(cls)
        entity._es_id = originator_id
        entity._es_version = -1
        entity._es_created_on = None
        entity._es_last_modified = None
        entity._es_is_discarded = False
        entity._es_barred = None
        for name, default in plan_of(cls).defaults:
            object.__setattr__(entity, name, default(entity))
        return entity

    def _es_continue_with(self, events: Iterable[DomainEvent]) -> None:
        """Apply recorded events, each checked against the one before.

        An error of a handler bars the entity. After an event that was refused, it is what it was before.
        """
        self._es_refuse_if_invalid()
        try:
            self._es_barred = APPLYING
            self._es_apply_each(events)
            self._es_barred = None
        except BaseException as error:
            if self._es_barred == APPLYING:
                self._es_bar(f"the replay of version {self._es_version + 1} raised {_named(error)}")
            raise

    def _es_apply_each(self, events: Iterable[DomainEvent]) -> None:
        """Apply recorded events; ``_es_continue_with`` does it safely."""
        for event in events:
            self._es_check(event)
            self._es_handler_for(event.__class__)(self, event)
            if self._es_version < 0:
                self._es_check_set(event)
            self._es_advance(event)

    @classmethod
    def _es_handler_for(cls, event_class: type[object]) -> Handler:
        """Return the handler of a class of events, those that the library brings included.

        Raises:
            ApplyError: if there is none.
        """
        known = cls._es_dispatch.get(event_class)
        if known is not None:
            return known
        if issubclass(event_class, DomainEvent):
            refuse_event(cls, event_class)
        registry = registry_of(cls)
        is_library = issubclass(event_class, cls._es_library.all)
        if registry is None and not is_library:
            raise ApplyError(
                f"{cls.__qualname__} has no `apply`: join its handlers: apply = (opened | closed).exhaustive."
            )
        found: Handler | None = None
        if registry is not None and (not is_library or registry.takes(event_class)):
            found = registry.handler_for(event_class)
        if found is None:
            found = change_attribute if issubclass(event_class, AttributeChangedEvent) else change_nothing
        handler = cls._es_dispatch[event_class] = cls._es_completed(event_class, found)
        return handler

    @classmethod
    def _es_completed(cls, event_class: type[object], handler: Handler) -> Handler:
        """Return a handler with what the library does after it, for a class of events."""
        if issubclass(event_class, AttributeChangedEvent) and handler is not change_attribute:
            handler = _changing(handler)
        return _discarding(handler) if issubclass(event_class, DiscardedEvent) else handler

    def _es_check(self, event: DomainEvent) -> None:
        """Check that an event is the next one.

        Raises:
            OriginatorIDError: if it belongs to another entity.
            OriginatorVersionError: if it has another version, or the entity was discarded.
        """
        originator_id = originator_id_of(event)
        expected = self._es_version + 1
        version = version_of(event, expected)
        error: IntegrityError
        if originator_id != self._es_id:
            error = OriginatorIDError(self._es_id, version, f"expected this stream, found {originator_id}")
        elif version != expected:
            finding = f"expected version {expected}, found {version}"
            error = OriginatorVersionError(self._es_id, version, finding)
        elif self._es_is_discarded:
            error = OriginatorVersionError(self._es_id, version, "expected none after the discarding event")
        else:
            return
        self._es_barred = None  # nothing has changed
        raise error

    def _es_advance(self, event: DomainEvent) -> None:
        """Advance the version and times past an applied event."""
        self._es_version += 1
        moment = time_of(event)
        if moment is not None:
            self._es_last_modified = moment
            if self._es_created_on is None:
                self._es_created_on = moment

    def _es_record(
        self, event_class: type[DomainEvent], payload: Mapping[str, object], args: tuple[object, ...] = ()
    ) -> None:
        """Make an event with the next header, and take it."""
        self._es_take(self._es_make(event_class, args, payload))

    def _es_make(
        self, event_class: Callable[P, TMade], args: tuple[object, ...], payload: Mapping[str, object]
    ) -> TMade:
        """Return an event with the next header.

        Raises:
            ModelError: if the payload does not fit the event.
        """
        try:
            return maker_of(event_class)(args, payload, *self._es_next_header())
        except TypeError:
            refuse_call(type(self), event_class, args, payload)
            raise

    def _es_next_header(self) -> tuple[object, ...]:
        """Return the header of the next event."""
        raise NotImplementedError

    def _es_take(self, event: DomainEvent) -> None:
        """Apply a new event and emit it; if the handler raises, neither version nor times change."""
        handler = self._es_handler_for(event.__class__)
        try:
            self._es_barred = APPLYING
            handler(self, event)
            if self._es_version < 0:
                self._es_check_set(event)
            self._es_advance(event)
            self._es_barred = None
        except BaseException as error:
            self._es_bar_after(event, error)
            raise
        self._es_emit(event)

    def _es_emit(self, event: DomainEvent) -> None:
        """Publish a new event."""
        publish((event,))

    def _es_check_set(self, event: DomainEvent) -> None:
        """Check that every field of the state has a value after the first event.

        Raises:
            UnsetFieldError: naming the field and the event.
        """
        unset = [name for name in plan_of(type(self)).required if not hasattr(self, name)]
        if unset:
            entity, kind = type(self).__qualname__, type(event).__qualname__
            raise UnsetFieldError(
                f"{entity}.{unset[0]} has no value after the first event, {kind}: set it in the "
                f"handler of {kind}, or give the field a default."
            )

    def _es_refuse_if_closed(self) -> None:
        """Refuse a command on an entity that takes no events.

        Raises:
            EntityIsDiscarded: if it was discarded.
            InvalidEntityError: if its state cannot be trusted.
            ModelError: if one of its handlers runs.
        """
        self._es_refuse_if_invalid()
        if self._es_is_discarded:
            raise EntityIsDiscarded(type(self).__qualname__, self._es_id)

    def _es_refuse_if_invalid(self) -> None:
        """Refuse what needs a state that can be trusted.

        Raises:
            InvalidEntityError: if a handler raised, or a save was interrupted.
            ModelError: if one of its handlers runs, or it never began.
        """
        if not hasattr(self, "_es_barred"):
            self._es_refuse_unbegun()
        if self._es_barred == APPLYING:
            raise ModelError(
                f"{type(self).__qualname__} {self._es_id}: expected a handler that only changes the state, "
                f"found one that triggers an event or saves. Each load would repeat that. Trigger the second "
                f"event after the first, in the method that triggers the first."
            )
        if self._es_barred is not None:
            raise InvalidEntityError(type(self).__qualname__, self._es_id, self._es_barred)

    def _es_refuse_unbegun(self) -> Never:
        """Refuse an entity that was made like any object, without a first event."""
        raise ModelError(
            f"{type(self).__qualname__}: expected an entity with a first event, found one that never "
            f"began. {_HOW_TO_BEGIN}"
        ) from None

    def _es_bar(self, finding: str) -> None:
        """Let the entity take no more events, and be saved no more."""
        self._es_barred = finding

    def _es_bar_after(self, event: DomainEvent, error: BaseException) -> None:
        """Bar the entity after an error of a handler."""
        self._es_bar(f"the handler of {type(event).__qualname__} raised {_named(error)}")

    def _es_now(self) -> datetime:
        """Return the time of the next event, never earlier than that of the last one."""
        moment = datetime.now(UTC) if clock.get() is system_time else now()  # spares a call of `now`
        last = self._es_last_modified
        return moment if last is None or moment >= last else last


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _changing(handler: Handler) -> Handler:
    def change(entity: DomainEntity[TEvent], event: AttributeChange) -> None:
        change_attribute(entity, event)
        handler(entity, event)

    return change


def _discarding(handler: Handler) -> Handler:
    def discard(entity: DomainEntity[TEvent], event: DomainEvent) -> None:
        handler(entity, event)
        entity._es_is_discarded = True

    return discard

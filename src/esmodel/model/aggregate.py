"""Aggregates: entities whose events wait until a repository, or ``save``, takes them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import ClassVar, Concatenate, Final, ParamSpec, Protocol, Self, TypeVar
from uuid import UUID

from attrs import define, field, frozen
from typing_extensions import TypeIs, override

from esmodel.clock import clock, microseconds, now, system_time
from esmodel.codec.instances import MAKERS, maker_of
from esmodel.exceptions import EventHashError, HeadHashError, ModelError
from esmodel.ids import new_id
from esmodel.model.causes import next_ecc
from esmodel.model.entity import DomainEntity, EntityPlan
from esmodel.model.eventcodec import payloads_of
from esmodel.model.events import (
    AggregateEvent,
    AttributeChangedEvent,
    DiscardedEvent,
    DomainEvent,
    ECCEvent,
    HashchainedEvent,
    TimestampedVersionedEvent,
    publish,
)

# methods of what a module imports are bound before each call, those of its own names are not: 30 ns each
_clock: Final = clock
_datetime: Final = datetime

P = ParamSpec("P")
TEvent = TypeVar("TEvent", bound=TimestampedVersionedEvent)


class StoredAggregate(Protocol):
    """What snapshots and repositories need of an aggregate; each aggregate has it.

    Laws: ``begin`` and then ``continue_with`` all events gives the aggregate as it was saved.
    """

    @classmethod
    def plan(cls) -> EntityPlan:
        """Return what is derived once for the class."""
        ...

    @classmethod
    def begin(cls, originator_id: UUID, /) -> Self:
        """Return an aggregate before its first event."""
        ...

    def continue_with(self, events: Iterable[DomainEvent], /) -> None:
        """Apply events that were recorded before."""
        ...

    @property
    def id(self) -> UUID:
        """The stream."""
        ...

    @property
    def version(self) -> int:
        """The version of the last event."""
        ...

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        ...

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        ...

    @property
    def is_discarded(self) -> bool:
        """Whether it takes no more events."""
        ...

    @property
    def head(self) -> bytes:
        """The hash of the last event; empty where there is no chain."""
        ...

    @property
    def pending_events(self) -> tuple[TimestampedVersionedEvent, ...]:
        """The events that wait."""
        ...

    def collect_events(self) -> tuple[TimestampedVersionedEvent, ...]:
        """Return the events that wait, and keep them no longer."""
        ...


@define
class Aggregate(DomainEntity[TEvent]):
    """What aggregates of every kind share: pending events, a version, times."""

    _pending: list[TimestampedVersionedEvent] = field(init=False, eq=False, metadata={"esmodel": True})

    @classmethod
    @override
    def begin(cls, originator_id: UUID, /) -> Self:
        entity = super().begin(originator_id)
        entity._pending = []
        return entity

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

    @property
    def head(self) -> bytes:
        """The hash of the last event; empty where there is no chain."""
        return b""

    @property
    def pending_events(self) -> tuple[TimestampedVersionedEvent, ...]:
        """The events that wait, in order."""
        return tuple(self._pending)

    def collect_events(self) -> tuple[TimestampedVersionedEvent, ...]:
        """Return the events that wait, in order, and keep them no longer."""
        events = tuple(self._pending)
        self._pending.clear()
        return events

    def save(self) -> None:
        """Publish the events that wait as one batch; a repository's ``save`` stores them too.

        If a subscriber raises, the events still wait.
        """
        publish(tuple(self._pending))
        self._pending.clear()

    @override
    def continue_with(self, events: Iterable[DomainEvent], /) -> None:
        dispatch, own_id, version = self._dispatch, self._id, self._version
        for each in events:
            event = each if isinstance(each, TimestampedVersionedEvent) else of_aggregate(each)
            version += 1
            if (
                # `is` spares a comparison of two UUIDs: 60 ns
                (event.originator_id is not own_id and event.originator_id != own_id)
                or event.originator_version != version
                or self._is_discarded
            ):
                self._check(event)  # which raises
            try:  # 10 ns less than with a dictionary that fills itself
                handler = dispatch[event.__class__]
            except KeyError:
                handler = self.handler_for(event.__class__)
            handler(self, event)
            if version == 0:
                self._check_set(event)
                self._created_on = event.timestamp
            self._version = version
            self._last_modified = event.timestamp

    @override
    def _take(self, event: DomainEvent) -> None:
        """Apply an event that is new, and keep it until it is saved."""
        kept = of_aggregate(event)
        self.handler_for(kept.__class__)(self, kept)
        if self._version < 0:
            self._check_set(kept)
            self._created_on = kept.timestamp
        self._version += 1
        self._last_modified = kept.timestamp
        self._pending.append(kept)


def of_aggregate(event: DomainEvent, /) -> TimestampedVersionedEvent:
    """Return an event if an aggregate can take it.

    Raises:
        ModelError: if it is of another kind.
    """
    if isinstance(event, TimestampedVersionedEvent):
        return event
    msg = f"{type(event).__qualname__} is no event of an aggregate; derive it from AggregateEvent"
    raise ModelError(msg)


def _of_chain(event: DomainEvent) -> HashchainedEvent:
    if isinstance(event, HashchainedEvent):
        return event
    msg = f"{type(event).__qualname__} has no place for a hash; derive it from HashchainedEvent"
    raise ModelError(msg)


def is_aggregate(cls: type[object], /) -> TypeIs[type[Aggregate[TimestampedVersionedEvent]]]:
    """Whether a class is one of aggregates."""
    return issubclass(cls, Aggregate)


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        msg = "the aggregate has no event yet"
        raise ModelError(msg)
    return moment


@frozen(kw_only=True)
class Discarded(AggregateEvent, DiscardedEvent):
    """The event of ``AggregateRoot.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class AttributeChanged(AggregateEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``AggregateRoot``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class AggregateRoot(Aggregate[TEvent]):
    """The root of an aggregate, the unit that is loaded and saved as a whole.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(AggregateEvent):
        ...     title: str
        >>> @define
        ... class Thing(AggregateRoot[Begun]):
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

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (Discarded, AttributeChanged)

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
        # what `_now` and `_take` do, written out: that spares three calls, 120 of 1,500 ns
        if self._is_discarded:
            self._refuse_if_discarded()
        moment = _datetime.now(UTC) if _clock.get() is system_time else now()
        last = self._last_modified
        if last is not None and moment < last:
            moment = last
        version = self._version + 1
        try:
            make = MAKERS[event_class]
        except KeyError:
            make = maker_of(event_class)
        event = make(args, kwargs, self._id, version, moment)
        try:
            handler = self._dispatch[event.__class__]
        except KeyError:
            handler = self.handler_for(event.__class__)
        handler(self, event)
        if last is None:
            self._check_set(event)
            self._created_on = moment
        self._version = version
        self._last_modified = moment
        self._pending.append(event)

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            AttributeChanged(
                self._id, self._version + 1, self._now(), name=self._attribute(name), value=value
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._take(Discarded(self._id, self._version + 1, self._now()))


@frozen(kw_only=True)
class ECCDiscarded(ECCEvent, DiscardedEvent):
    """The event of ``AggregateRootWithECC.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class ECCAttributeChanged(ECCEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``AggregateRootWithECC``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class AggregateRootWithECC(Aggregate[TEvent]):
    """An aggregate whose events carry an id, a correlation and a cause; see ``caused_by``.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(ECCEvent):
        ...     title: str
        >>> @define
        ... class Thing(AggregateRootWithECC[Begun]):
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

    LIBRARY_EVENTS: ClassVar[tuple[type[DomainEvent], ...]] = (ECCDiscarded, ECCAttributeChanged)

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
        make = maker_of(event_class)
        self._take(make(args, kwargs, self._id, self._version + 1, self._now(), *next_ecc()))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._take(
            ECCAttributeChanged(
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
        self._take(ECCDiscarded(self._id, self._version + 1, self._now(), *next_ecc()))


GENESIS_HASH: Final = bytes(32)
"""What the first event of a chain continues, unless its class names another."""


def hash_event(  # noqa: PLR0913, PLR0917  # because each of them is signed
    previous_hash: bytes,
    originator_id: UUID,
    position: int,
    timestamp: int,
    name: str,
    class_version: int,
    data: bytes,
    /,
) -> bytes:
    """Return SHA-256 over an event as it is recorded.

    The layout: the previous hash, the id (16 bytes), then position, microseconds, class version
    and the length of the name (8 bytes each, big endian), the name in UTF-8, the data.
    """
    written = name.encode()
    numbers = struct.pack(">qqqq", position, timestamp, class_version, len(written))
    return hashlib.sha256(b"".join((previous_hash, originator_id.bytes, numbers, written, data))).digest()


@define
class Hashchained(Aggregate[TEvent]):
    """What entities with a hash chain share: the head, and the check of each link.

    Attributes:
        genesis_hash: what the first event continues; 32 bytes.
    """

    genesis_hash: ClassVar[bytes] = GENESIS_HASH
    _head: bytes = field(init=False, metadata={"esmodel": True})

    @classmethod
    @override
    def begin(cls, originator_id: UUID, /) -> Self:
        entity = super().begin(originator_id)
        entity._head = cls.genesis_hash
        return entity

    @property
    @override
    def head(self) -> bytes:
        """The hash of the last event, or the genesis hash."""
        return self._head

    @classmethod
    @override
    def replay(cls, events: Iterable[DomainEvent], /) -> Self:
        """Rebuild an entity, and check each event, each link and each hash.

        The hash is that of the event as its class writes it today: events that were upcast are
        verified by the repository, which has the bytes as they were recorded.

        Raises:
            EventHashError: if an event is not what was signed.
            HeadHashError: if an event does not continue the chain.
        """
        return super().replay(cls._verified(events))

    @classmethod
    def _verified(cls, events: Iterable[DomainEvent]) -> Iterable[DomainEvent]:
        for event in events:
            signed = _of_chain(event)
            if cls._hash(signed) != signed.event_hash:
                finding = f"the hash of {type(event).event_name} is not that of what it says"
                raise EventHashError(signed.originator_id, signed.originator_version, finding)
            yield signed

    @classmethod
    def _hash(cls, event: HashchainedEvent) -> bytes:
        payload = payloads_of(cls).for_event(event)
        return hash_event(
            event.previous_hash,
            event.originator_id,
            event.originator_version,
            microseconds(event.timestamp),
            payload.name,
            payload.class_version,
            payload.encode(event),
        )

    @override
    def continue_with(self, events: Iterable[DomainEvent], /) -> None:
        super().continue_with(self._linked(events))

    def _linked(self, events: Iterable[DomainEvent]) -> Iterator[HashchainedEvent]:
        """Hand on each event that continues the chain; once it is applied, it is the head."""
        for event in events:
            signed = _of_chain(event)
            if signed.previous_hash != self._head:
                self._check(event)  # of another stream, or out of order: that is what is wrong
                finding = f"expected to continue {self._head.hex()}, found {signed.previous_hash.hex()}"
                raise HeadHashError(self._id, signed.originator_version, finding)
            yield signed
            self._head = signed.event_hash

    def _seal(self, event: DomainEvent) -> None:
        """Give a new event its hash, before anyone sees it, and take it."""
        signed = _of_chain(event)
        object.__setattr__(signed, "event_hash", self._hash(signed))
        self._take(signed)
        self._head = signed.event_hash


@frozen(kw_only=True)
class HashchainedDiscarded(HashchainedEvent, DiscardedEvent):
    """The event of ``HashchainedAggregateRoot.discard``."""

    event_name = "Discarded"


@frozen(kw_only=True)
class HashchainedAttributeChanged(HashchainedEvent, AttributeChangedEvent):
    """The event of an assignment to an ``@attribute`` of a ``HashchainedAggregateRoot``."""

    event_name = "AttributeChanged"
    name: str
    value: object


@define
class HashchainedAggregateRoot(Hashchained[TEvent]):
    """An aggregate whose events form a hash chain: no recorded byte changes unseen.

    Example:
        >>> @frozen(kw_only=True)
        ... class Begun(HashchainedEvent):
        ...     title: str
        >>> @define
        ... class Thing(HashchainedAggregateRoot[Begun]):
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
        HashchainedDiscarded,
        HashchainedAttributeChanged,
    )

    @classmethod
    def create(
        cls,
        event_class: Callable[Concatenate[UUID, int, datetime, bytes, bytes, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, int, datetime, bytes, bytes, P], TEvent],
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
        event_class: Callable[Concatenate[UUID, int, datetime, bytes, bytes, P], TEvent],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make an event of the payload, apply it, and hand it on.

        Raises:
            EntityIsDiscarded: if the entity was discarded.
            ApplyError: if no handler applies the event.
        """
        if self._is_discarded:  # spares a call: 40 ns
            self._refuse_if_discarded()
        make = maker_of(event_class)
        self._seal(make(args, kwargs, self._id, self._version + 1, self._now(), self._head, b""))

    @override
    def change_attribute(self, name: str, value: object, /) -> None:
        self._refuse_if_discarded()
        self._seal(
            HashchainedAttributeChanged(
                self._id,
                self._version + 1,
                self._now(),
                self._head,
                b"",
                name=self._attribute(name),
                value=value,
            )
        )

    @override
    def discard(self) -> None:
        self._refuse_if_discarded()
        self._seal(HashchainedDiscarded(self._id, self._version + 1, self._now(), self._head, b""))


@define
class EntityWithHashchain(HashchainedAggregateRoot[TEvent]):
    """An entity with a hash chain that is no aggregate: it publishes as it triggers."""

    @override
    def _seal(self, event: DomainEvent) -> None:
        super()._seal(event)
        self._pending.clear()
        publish((event,))

"""Events: the kinds, told apart by their headers; the markers; the event bus.

The header of an event is positional, its payload keyword only. Each kind declares its
header fields in order; the Protocols ``EventWith...`` serve code that takes any kind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import ClassVar, Final, Never, Protocol, Self, runtime_checkable
from uuid import UUID

from attrs import frozen
from typing_extensions import override

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.exceptions import EventHandlersNotEmptyError
from esmodel.model.versioning import Upcaster


class DomainEvent:
    """Something that happened: an attrs class, ``@frozen(kw_only=True)``, of one of the kinds.

    Attributes:
        HEADER: the fields of the header, in order.
        event_name: the stored name; by default the class's qualified name.
        aliases: names that the class once had, under which rows may still be stored.
        upcaster: the chain of steps from the oldest shape of the payload to today's.
        codec: what carries the payload; give a base class of yours one with hooks.

    Example:
        >>> @frozen(kw_only=True)
        ... class Opened(AggregateEvent):
        ...     aliases = ("Created",)
        ...     owner: str
        >>> Opened.event_name, Opened.class_version()
        ('Opened', 0)
    """

    __slots__ = ()

    HEADER: ClassVar[tuple[str, ...]] = ()
    event_name: ClassVar[str] = "DomainEvent"
    aliases: ClassVar[tuple[str, ...]] = ()
    upcaster: ClassVar[Upcaster[Never, object] | None] = None
    codec: ClassVar[Codec] = DEFAULT_CODEC

    @override
    def __init_subclass__(cls) -> None:
        """Give the class a name, aliases and an upcaster of its own: none is inherited."""
        super().__init_subclass__()
        own = vars(cls)
        if "event_name" not in own:
            cls.event_name = cls.__qualname__.rpartition("<locals>.")[2]
        if "aliases" not in own:
            cls.aliases = ()
        if "upcaster" not in own:
            cls.upcaster = None

    @classmethod
    def class_version(cls) -> int:
        """Return the version of the schema: the number of steps of the upcaster."""
        return 0 if cls.upcaster is None else len(cls.upcaster)


@runtime_checkable
class EventWithOriginatorID(Protocol):
    """An event that names the entity it belongs to.

    Laws: ``originator_id`` is the id of the stream.

    Example:
        >>> issubclass(AggregateEvent, DomainEvent)
        True
    """

    @property
    def originator_id(self) -> UUID:
        """The id of the entity."""
        ...


@runtime_checkable
class EventWithOriginatorVersion(Protocol):
    """An event that knows its place in the stream.

    Laws: ``originator_version`` is 0 for the first event and rises by one.
    """

    @property
    def originator_version(self) -> int:
        """The version of the entity after this event."""
        ...


@runtime_checkable
class EventWithTimestamp(Protocol):
    """An event that knows when it was triggered.

    Laws: ``timestamp`` is aware, in UTC, to the microsecond; never earlier than the one before.
    """

    @property
    def timestamp(self) -> datetime:
        """When the event was triggered."""
        ...


@runtime_checkable
class EventWithTimeuuid(Protocol):
    """An event whose id holds its time.

    Laws: ``event_id`` is a UUID of version 1 with a random node.
    """

    @property
    def event_id(self) -> UUID:
        """The id of the event."""
        ...


@runtime_checkable
class EventWithHash(Protocol):
    """An event in a hash chain.

    Laws: ``previous_hash`` is the ``event_hash`` of the event before, or the genesis hash;
    ``event_hash`` is SHA-256 over the bytes as recorded.
    """

    @property
    def previous_hash(self) -> bytes:
        """The hash of the event before, 32 bytes."""
        ...

    @property
    def event_hash(self) -> bytes:
        """The hash of this event, 32 bytes."""
        ...


@runtime_checkable
class EventWithECC(Protocol):
    """An event with an id of its own, a correlation and a cause.

    Laws: ``causation_id`` is the ``event_id`` of the event that caused this one, or ``None``;
    ``correlation_id`` is the one of its cause, or its own ``event_id``.
    """

    @property
    def event_id(self) -> UUID:
        """The id of the event."""
        ...

    @property
    def correlation_id(self) -> UUID:
        """What all events of one story share."""
        ...

    @property
    def causation_id(self) -> UUID | None:
        """The id of the event that caused this one."""
        ...


class CreatedEvent:
    """Marks an event with which an entity begins."""

    __slots__ = ()


class AttributeChangedEvent:
    """Marks an event of a changed ``@attribute``."""

    __slots__ = ()


class DiscardedEvent:
    """Marks an event that ends its entity: after it no more events are taken."""

    __slots__ = ()


class LoggedEvent:
    """Marks an event of a log, which changes no state."""

    __slots__ = ()


@frozen
class VersionedEvent(DomainEvent):
    """An event of a ``VersionedEntity``."""

    HEADER: ClassVar[tuple[str, ...]] = ("originator_id", "originator_version")
    originator_id: UUID
    originator_version: int


@frozen
class TimestampedEvent(DomainEvent):
    """An event of a ``TimestampedEntity``."""

    HEADER: ClassVar[tuple[str, ...]] = ("originator_id", "timestamp")
    originator_id: UUID
    timestamp: datetime


@frozen
class TimestampedVersionedEvent(DomainEvent):
    """An event of a ``TimestampedVersionedEntity``."""

    HEADER: ClassVar[tuple[str, ...]] = ("originator_id", "originator_version", "timestamp")
    originator_id: UUID
    originator_version: int
    timestamp: datetime


@frozen
class TimeuuidedEvent(DomainEvent):
    """An event of a ``TimeuuidedEntity``."""

    HEADER: ClassVar[tuple[str, ...]] = ("originator_id", "event_id")
    originator_id: UUID
    event_id: UUID


@frozen
class TimeuuidedVersionedEvent(DomainEvent):
    """An event of a ``TimeuuidedVersionedEntity``."""

    HEADER: ClassVar[tuple[str, ...]] = ("originator_id", "originator_version", "event_id")
    originator_id: UUID
    originator_version: int
    event_id: UUID


@frozen
class AggregateEvent(TimestampedVersionedEvent):
    """An event of an ``AggregateRoot``."""


@frozen
class HashchainedEvent(TimestampedVersionedEvent):
    """An event of a ``HashchainedAggregateRoot`` or an ``EntityWithHashchain``."""

    HEADER: ClassVar[tuple[str, ...]] = (
        "originator_id",
        "originator_version",
        "timestamp",
        "previous_hash",
        "event_hash",
    )
    previous_hash: bytes
    event_hash: bytes


@frozen
class ECCEvent(TimestampedVersionedEvent):
    """An event of an ``AggregateRootWithECC`` or an ``EntityWithECC``."""

    HEADER: ClassVar[tuple[str, ...]] = (
        "originator_id",
        "originator_version",
        "timestamp",
        "event_id",
        "correlation_id",
        "causation_id",
    )
    event_id: UUID
    correlation_id: UUID
    causation_id: UUID | None


EventHandler = Callable[[Sequence[DomainEvent]], object]
"""Gets each batch of events that is published; what it returns is left aside."""
EventPredicate = Callable[[Sequence[DomainEvent]], bool]
"""Says whether a handler gets a batch."""


class Subscription:
    """A handler on a bus, until ``cancel`` or the end of the ``with`` block.

    Attributes:
        handler: gets each batch.
        predicate: asked once a batch, if there is one.

    Example:
        >>> bus = EventBus()
        >>> with bus.subscribe(print):
        ...     len(bus.subscriptions)
        1
        >>> len(bus.subscriptions)
        0
    """

    __slots__ = ("_bus", "handler", "predicate")

    def __init__(self, bus: EventBus, handler: EventHandler, predicate: EventPredicate | None) -> None:
        """Made by ``EventBus.subscribe``."""
        self._bus = bus
        self.handler: EventHandler = handler
        self.predicate: EventPredicate | None = predicate

    def cancel(self) -> None:
        """Take the handler off the bus; a second time does nothing."""
        self._bus.cancel(self)

    def __enter__(self) -> Self:
        """Return the subscription."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Take the handler off the bus."""
        self.cancel()


class EventBus:
    """Hands each published batch of events to those who subscribed; safe in threads.

    Example:
        >>> bus = EventBus()
        >>> subscription = bus.subscribe(lambda batch: print(len(batch), "events"))
        >>> bus.publish([AggregateEvent(UUID(int=1), 0, datetime(2026, 1, 1))])
        1 events
    """

    __slots__ = ("_lock", "_subscriptions")

    def __init__(self) -> None:
        """Begin without subscribers."""
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All subscriptions, oldest first."""
        return self._subscriptions

    def subscribe(self, handler: EventHandler, /, predicate: EventPredicate | None = None) -> Subscription:
        """Hand each batch that is published from now on to a handler.

        Args:
            handler: gets the whole batch, in order.
            predicate: asked once a batch; where it says no, the handler does not get it.
        """
        subscription = Subscription(self, handler, predicate)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, handler: EventHandler, /, predicate: EventPredicate | None = None) -> None:
        """Take the oldest subscription of a handler with this predicate off; none is no error."""
        with self._lock:
            for each in self._subscriptions:
                if each.handler == handler and each.predicate == predicate:
                    self._subscriptions = tuple(one for one in self._subscriptions if one is not each)
                    return

    def cancel(self, subscription: Subscription, /) -> None:
        """Take one subscription off; none is no error."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def publish(self, events: Sequence[DomainEvent], /) -> None:
        """Hand a batch to every subscriber, in the order in which they subscribed.

        An error of a handler goes to the caller, and the handlers after it do not get the batch.
        """
        if not events:
            return
        batch = tuple(events)
        for each in self._subscriptions:
            if each.predicate is None or each.predicate(batch):
                each.handler(batch)

    def assert_event_handlers_empty(self) -> None:
        """Check that nobody subscribes any more.

        Raises:
            EventHandlersNotEmptyError: with the handlers that are left.
        """
        if self._subscriptions:
            left = ", ".join(repr(each.handler) for each in self._subscriptions)
            msg = f"{len(self._subscriptions)} handlers still subscribe: {left}"
            raise EventHandlersNotEmptyError(msg)

    def clear_event_handlers(self) -> None:
        """Take every handler off."""
        with self._lock:
            self._subscriptions = ()


DEFAULT_BUS: Final = EventBus()
"""The bus behind the functions of this module."""


def subscribe(handler: EventHandler, /, predicate: EventPredicate | None = None) -> Subscription:
    """Hand each batch that is published on the default bus to a handler; see ``EventBus``."""
    return DEFAULT_BUS.subscribe(handler, predicate)


def unsubscribe(handler: EventHandler, /, predicate: EventPredicate | None = None) -> None:
    """Take a handler off the default bus; see ``EventBus``."""
    DEFAULT_BUS.unsubscribe(handler, predicate)


def publish(events: Sequence[DomainEvent], /) -> None:
    """Hand a batch to every subscriber of the default bus; see ``EventBus``."""
    DEFAULT_BUS.publish(events)


def assert_event_handlers_empty() -> None:
    """Check that nobody subscribes to the default bus; see ``EventBus``."""
    DEFAULT_BUS.assert_event_handlers_empty()


def clear_event_handlers() -> None:
    """Take every handler off the default bus."""
    DEFAULT_BUS.clear_event_handlers()

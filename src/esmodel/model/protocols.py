"""Protocols of events and entities, for code that takes any kind with a certain header."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID


class Versioned(Protocol):
    """Any entity that knows its version."""

    @property
    def version(self) -> int:
        """The version of the last event, from 0."""
        ...


class Timestamped(Protocol):
    """Any entity that knows when it changed."""

    @property
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        ...

    @property
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        ...


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
        """The id that all events of one story share."""
        ...

    @property
    def causation_id(self) -> UUID | None:
        """The id of the event that caused this one."""
        ...


class AttributeChange(Protocol):
    """The event of a changed ``@attribute``."""

    @property
    def name(self) -> str:
        """The name of the attribute."""
        ...

    @property
    def value(self) -> object:
        """The new value."""
        ...

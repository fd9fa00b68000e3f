"""The header of an event, read from an event of any kind."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from esmodel.exceptions import PayloadError
from esmodel.model.events import (
    DomainEvent,
    TimestampedEvent,
    TimestampedVersionedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    VersionedEvent,
)
from esmodel.model.timeuuid import timeuuid_time

_VERSIONED: Final = (VersionedEvent, TimestampedVersionedEvent, TimeuuidedVersionedEvent)
_TIMESTAMPED: Final = (TimestampedEvent, TimestampedVersionedEvent)
_TIMEUUIDED: Final = (TimeuuidedEvent, TimeuuidedVersionedEvent)


def originator_id_of(event: DomainEvent, /) -> UUID:
    """Return the id of the entity that an event belongs to.

    Raises:
        PayloadError: if the event is of none of the kinds.
    """
    if isinstance(event, (*_VERSIONED, *_TIMESTAMPED, *_TIMEUUIDED)):
        return event.originator_id
    raise PayloadError(f"{event!r}: expected an event of one of the kinds, found one without a header.")


def version_of(event: DomainEvent, default: int, /) -> int:
    """Return the version that an event carries, or a default where its kind carries none."""
    return event.originator_version if isinstance(event, _VERSIONED) else default


def time_of(event: DomainEvent, /) -> datetime | None:
    """Return when an event was triggered, ``None`` where its kind carries no time."""
    if isinstance(event, _TIMESTAMPED):
        return event.timestamp
    return timeuuid_time(event.event_id) if isinstance(event, _TIMEUUIDED) else None

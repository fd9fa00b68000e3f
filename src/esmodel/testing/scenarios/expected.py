"""The event that a scenario expects, and the words for events and errors in its failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_origin
from uuid import UUID

from esmodel.clock import EPOCH
from esmodel.codec.instances import maker_of
from esmodel.exceptions import ModelError
from esmodel.model.events import DomainEvent, header_of
from esmodel.model.names import short_name

_HEADER: Final[Mapping[str, object]] = {
    "originator_id": UUID(int=0),
    "originator_version": 0,
    "timestamp": EPOCH,
    "event_id": UUID(int=0),
    "correlation_id": UUID(int=0),
    "causation_id": None,
    "previous_hash": b"",
    "event_hash": b"",
}
"""The header of an expected event that was not found; nobody compares it."""


def expected_event(
    event_class: object, args: tuple[object, ...], payload: Mapping[str, object], found: DomainEvent | None, /
) -> DomainEvent:
    """Return the expected event, with the header of the one that was found.

    Raises:
        ModelError: if it is not a class of events.
    """
    origin: object = get_origin(event_class) or event_class
    if not isinstance(origin, type) or not issubclass(origin, DomainEvent):
        raise ModelError(f"then: expected a class of events and its payload, found {event_class!r}.")
    header = [getattr(found, each, _HEADER.get(each)) for each in header_of(origin)]
    return maker_of(origin)(args, payload, *header)


def name_of(event_class: object, /) -> str:
    """Return the name of a class of events, without the function that it is defined in."""
    origin: object = get_origin(event_class) or event_class
    return short_name(origin) if isinstance(origin, type) else repr(event_class)


def names_of(events: Sequence[DomainEvent], /) -> str:
    """Return the names of the classes of events."""
    return ", ".join(name_of(type(each)) for each in events)


def sentence_of(error: Exception, /) -> str:
    """Return an error as its class and its sentence."""
    return f"{type(error).__qualname__}: {error}"

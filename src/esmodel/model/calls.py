"""Calls of ``trigger`` and ``create`` that do not fit the event, and events that do not fit the entity."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import ForwardRef, get_origin

from esmodel.codec.typevars import is_class
from esmodel.exceptions import ModelError
from esmodel.model.events import DomainEvent, header_of
from esmodel.model.names import short_name
from esmodel.model.plan import Planned, library_of


def refuse_call(
    entity: type[Planned],
    event_class: object,
    args: tuple[object, ...],
    payload: Mapping[str, object],
) -> None:
    """Refuse a call that does not fit an event, in words. Where it fits, the error is one of the user's code.

    Args:
        entity: the class whose ``trigger`` was called.
        event_class: the event.
        args: the payload, as far as it is positional.
        payload: the payload that is passed by keyword.

    Raises:
        ModelError: naming the event, and the fields that are missing or unknown.
    """
    found = get_origin(event_class) or event_class
    if is_class(found):
        refuse_event(entity, found)
        if "__attrs_attrs__" not in vars(found):
            raise ModelError(f"{short_name(found)} is not an attrs class: write @frozen above it.")
    elif not callable(found):
        raise ModelError(
            f"{short_name(entity)}: expected a class of events, found {event_class!r}. Write "
            f"trigger(TheEvent, field=value)."
        )
    header = header_of(_discarded(entity))
    try:
        signature = inspect.signature(found)
    except ValueError:
        return
    try:
        signature.bind(*header, *args, **payload)
    except TypeError as error:
        name = short_name(found) if is_class(found) else repr(found)
        fields = [
            each.name if each.default is each.empty else f"{each.name} (optional)"
            for each in list(signature.parameters.values())[len(header) :]
        ]
        given = [f"{len(args)} by position"] * bool(args) + list(payload)
        raise ModelError(
            f"{short_name(entity)}: {name}: expected the payload {', '.join(fields) or 'to be empty'}; found "
            f"{', '.join(given) or 'none'}: {error}. The header is not passed."
        ) from error


def refuse_event(entity: type[Planned], event: object) -> None:
    """Refuse a class of events that an entity cannot take.

    Raises:
        ModelError: if it is not a class of events, or of another kind: with another header.
    """
    found = get_origin(event) or event
    if isinstance(found, (str, ForwardRef)):
        text = found if isinstance(found, str) else found.__forward_arg__
        raise ModelError(
            f"{short_name(entity)}: expected classes of events that exist by now, found the text {text!r}. "
            f"Move the events above the class, and write their union without quotes."
        )
    expected = header_of(_discarded(entity))
    if not is_class(found) or not issubclass(found, DomainEvent):
        raise ModelError(
            f"{short_name(entity)}: expected classes of events, found {found!r}, which is not an event. "
            f"Derive it from {_base_of(entity)}, or leave it out."
        )
    if expected and found is not DomainEvent and header_of(found) != expected:
        raise ModelError(
            f"{short_name(entity)}: expected events with the header {', '.join(expected)}, found "
            f"{short_name(found)} with {', '.join(header_of(found)) or 'none'}. Derive it from "
            f"{_base_of(entity)}."
        )


def _discarded(entity: type[Planned]) -> type[DomainEvent]:
    """Return an event of the library for an entity, which has the header of all its events."""
    return library_of(entity).discarded


def _base_of(entity: type[Planned]) -> str:
    bases = _discarded(entity).__mro__[1:]
    return next((each.__qualname__ for each in bases if issubclass(each, DomainEvent)), "a kind of event")

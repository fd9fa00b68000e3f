"""The state of an entity: its fields as text, and what the library's own events change in it."""

from __future__ import annotations

from typing import Final

import attrs

from esmodel.codec.fields import fields_of
from esmodel.model.events import DomainEvent
from esmodel.model.protocols import AttributeChange

_UNSET: Final = object()


def change_nothing(entity: object, event: DomainEvent, /) -> None:
    """Apply an event that changes no state."""


def change_attribute(entity: object, event: AttributeChange, /) -> None:
    """Set the field of an ``@attribute``."""
    setattr(entity, f"_{event.name}", event.value)


def fields_shown(entity: object, /) -> str:
    """Return the fields of the state as text, also of those that a handler has not set yet."""
    fields = [each for each in fields_of(type(entity)) if each.repr and "esmodel" not in each.metadata]
    return "".join(f", {each.name}={_shown(entity, each)}" for each in fields)


def _shown(entity: object, field: attrs.Attribute[object]) -> str:
    value: object = getattr(entity, field.name, _UNSET)
    if value is _UNSET:
        return "<unset>"
    return field.repr(value) if callable(field.repr) else repr(value)

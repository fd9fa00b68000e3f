"""Copies of payloads that can change, so that nobody changes what another one holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Final, TypeVar
from uuid import UUID

from esmodel.codec.fields import fields_of
from esmodel.exceptions import EsmodelError
from esmodel.model.events import DomainEvent, header_of, schema_of

TEvent = TypeVar("TEvent", bound=DomainEvent)

_ATOMS: Final = frozenset({
    *(NoneType, bool, int, float, complex, str, bytes, UUID, date, datetime, time, timedelta, Decimal)
})  # fmt: skip
"""Classes whose instances cannot change and hold nothing that can."""

_immutable: Final[dict[type[DomainEvent], bool]] = {}


def are_atoms(values: Iterable[object], /) -> bool:
    """Whether no value can change, or hold anything that can; ``False`` where only its type tells."""
    return all(type(each) in _ATOMS for each in values)


def can_change(event: DomainEvent, /) -> bool:
    """Whether the payload of an event can change, as far as its class and its values tell."""
    cls = type(event)
    known = _immutable.get(cls)
    if known is None:
        known = _immutable[cls] = _is_immutable(cls)
    return not known and not are_atoms(getattr(event, name) for name in _payload(cls))


def copied(events: Sequence[TEvent], /) -> tuple[TEvent, ...]:
    """Return events that share nothing that can change; one that cannot be copied is returned as it is."""
    return tuple(_copied(each) if can_change(each) else each for each in events)


def _copied(event: TEvent) -> TEvent:
    try:
        return deepcopy(event)
    except Exception:  # noqa: BLE001  # because a class of the user's may refuse it with any error
        return event


def _payload(cls: type[DomainEvent]) -> list[str]:
    header = header_of(cls)
    return [each.name for each in fields_of(cls) if each.name not in header]


def _is_immutable(cls: type[DomainEvent]) -> bool:
    try:
        return schema_of(cls).codec.struct_codec(cls, _payload(cls)).is_immutable
    except EsmodelError:  # only its entity knows the types
        return False

"""Strategies: hypothesis draws events and payloads by the types of their fields.

All values that they draw can be stored: integers of 64 bits, times in UTC, valid Unicode text, no ``nan``.
They draw nothing that a validator of a field refuses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final, TypeVar, cast, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from typing_extensions import TypeForm

from esmodel.codec.fields import fields_of
from esmodel.codec.typevars import class_of
from esmodel.exceptions import ModelError
from esmodel.model.events import DomainEvent, header_of
from esmodel.testing.laws.bounds import Bounds
from esmodel.testing.laws.typestrategies import arguments_of, instances_of, strategy_of

T = TypeVar("T")
TEvent = TypeVar("TEvent", bound=DomainEvent)

_HEADER: Final[Mapping[str, SearchStrategy[object]]] = {
    "originator_id": st.uuids(version=4),
    "originator_version": st.integers(0, 2**31),
    "timestamp": st.datetimes(timezones=st.just(dt.UTC)),
    "correlation_id": st.uuids(version=4),
    "causation_id": st.none() | st.uuids(version=4),
    "previous_hash": st.binary(min_size=32, max_size=32),
    "event_hash": st.binary(min_size=32, max_size=32),
}


def events(event_class: type[TEvent], /, **fields: SearchStrategy[object]) -> SearchStrategy[TEvent]:
    """Return a strategy for the events of a class. Name a generic class with its types: ``ItemAdded[str]``.

    Args:
        event_class: the class.
        fields: strategies for single fields, of the payload or the header, in place of those by type.

    Raises:
        UnsupportedTypeError: if there is no strategy for the type of a field.
        ModelError: if the class has no such field.

    Example:
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> from hypothesis import strategies as st
        >>> events(Deposited, cents=st.just(5))
        Deposited()
    """
    cls = class_of(event_class)
    header = [fields.pop(name, _header(cls, name)) for name in header_of(cls)]
    return instances_of(cls, header, _payload(event_class, fields))


def payloads(
    event_class: type[DomainEvent], /, **fields: SearchStrategy[object]
) -> SearchStrategy[dict[str, object]]:
    """Return a strategy for payloads: the keyword arguments of ``trigger``.

    Args:
        event_class: the class.
        fields: strategies for single fields in place of those by type.

    Raises:
        UnsupportedTypeError: if there is no strategy for the type of a field.
        ModelError: if the class has no such field.

    Example:
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> from hypothesis import strategies as st
        >>> payloads(Deposited, cents=st.just(5))
        fixed_dictionaries({'cents': just(5)})
    """
    return st.fixed_dictionaries(_payload(event_class, fields))


def values(as_type: TypeForm[T], /) -> SearchStrategy[T]:
    """Return a strategy for the values of a type that the codec carries.

    Raises:
        UnsupportedTypeError: if there is none. Register one with hypothesis, by ``register_type_strategy``.

    Example:
        >>> values(bool | None)
        one_of(booleans(), none())
    """
    drawn = strategy_of(as_type, {}, Bounds())
    return cast("SearchStrategy[T]", drawn)  # because no type relates as_type to the values that are drawn


def _header(cls: type[DomainEvent], name: str) -> SearchStrategy[object]:
    if name == "event_id":
        return st.uuids(version=4 if "correlation_id" in header_of(cls) else 1)
    return _HEADER[name]


def _payload(
    event_class: type[DomainEvent], given: Mapping[str, SearchStrategy[object]]
) -> dict[str, SearchStrategy[object]]:
    cls = class_of(event_class)
    names = [each.name for each in fields_of(cls) if each.name not in header_of(cls)]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ModelError(
            f"{cls.__qualname__} has no field {unknown[0]!r}. Its fields: {', '.join(names) or 'none'}."
        )
    return arguments_of(cls, get_args(event_class), given, frozenset(header_of(cls)))

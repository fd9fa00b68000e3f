"""Aggregates that keep one value of any type: in events, as an attribute and as state."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from types import GenericAlias
from typing import Generic, TypeVar

from attrs import define, frozen
from codec_types import T
from codec_values import HOOKED

from esmodel import AggregateEvent, AggregateRoot, attribute
from esmodel.model import ApplyRegistry

TEvent = TypeVar("TEvent", bound=AggregateEvent)


@frozen(kw_only=True)
class Kept(AggregateEvent, codec=HOOKED):
    value: object


@frozen(kw_only=True)
class ItemAdded(AggregateEvent, Generic[T], codec=HOOKED):
    item: T


VALUE: Callable[[object], object] = attrgetter("_value")


@define
class Keeper(AggregateRoot[TEvent], codec=HOOKED):
    """Keeps one value; ``keeper_of`` adds its type."""

    _value: object


def keep(keeper: Keeper[AggregateEvent], event: Kept) -> None:
    object.__setattr__(keeper, "_value", event.value)


def add(keeper: Keeper[AggregateEvent], event: ItemAdded[object]) -> None:
    object.__setattr__(keeper, "_value", event.item)


@frozen(kw_only=True)
class Classes:
    event: type[Kept]
    aggregate: type[Keeper[AggregateEvent]]


def keeper_of(hint: object) -> Classes:
    """Return an event and an aggregate that hold a value of a type."""

    def value(keeper: Keeper[AggregateEvent]) -> object:
        return VALUE(keeper)

    value.__annotations__["return"] = hint
    event: type[Kept] = type("Kept1", (Kept,), {"__annotations__": {"value": hint}, "__slots__": ()})
    event = frozen(kw_only=True)(event)
    generic = GenericAlias(ItemAdded, (hint,))
    body: dict[str, object] = {
        "__annotations__": {"_value": hint},
        "value": attribute(value),
        "apply": ApplyRegistry[Keeper[AggregateEvent], AggregateEvent](
            {event: keep, generic: add}
        ).exhaustive,
    }
    aggregate: type[Keeper[AggregateEvent]] = type("Keeper1", (Keeper,), body)
    return Classes(event=event, aggregate=define(aggregate))

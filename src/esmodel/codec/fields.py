"""Fields of attrs classes."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import TypeVar

import attrs

from esmodel.exceptions import ModelError

T = TypeVar("T")


def fields_of(cls: type[object], /) -> tuple[attrs.Attribute[object], ...]:
    """Return the fields of an attrs class.

    Raises:
        ModelError: if it is none.
    """
    if not attrs.has(cls):
        msg = f"{cls.__qualname__} must be an attrs class: write @frozen(kw_only=True) above it"
        raise ModelError(msg)
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(cls)
    return fields


def props_of(cls: type[object], /) -> attrs.ClassProps | None:
    """Return how attrs made a class; ``None`` where it did not, as for a bare subclass of what it made."""
    try:
        return attrs.inspect(cls)
    except attrs.exceptions.NotAnAttrsClassError:
        return None


def caches_hash(cls: type[object], /) -> bool:
    """Whether instances keep their hash, in a field that ``__init__`` sets to ``None``."""
    props = props_of(cls)
    return props is not None and props.hashability is attrs.ClassProps.Hashability.HASHABLE_CACHED


def owner_of_field(cls: type[object], field: str) -> type[object]:
    """Return the class that declares a field: its type variables are those of the annotation."""
    return next((base for base in cls.__mro__ if field in inspect.get_annotations(base)), cls)


def setter_of(cls: type[T], name: str) -> Callable[[T, object], None]:
    """Return what sets a field of a frozen instance; a slot's own setter is the fastest."""
    descriptor: object = getattr(cls, name, None)
    if isinstance(descriptor, types.MemberDescriptorType):
        return descriptor.__set__

    def set_field(instance: T, value: object) -> None:
        object.__setattr__(instance, name, value)

    return set_field


def default_of(default: object, instance: object, /) -> object:
    """Return the value that a field's default gives an instance."""
    # attrs' stubs know Factory only as a function that returns the field's value
    factory: Callable[..., object] | None = getattr(default, "factory", None)
    if factory is None or type(default).__module__ != "attr._make":
        return default
    takes_self: bool = getattr(default, "takes_self", False)
    return factory(instance) if takes_self else factory()

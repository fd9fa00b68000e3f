"""Fields of attrs classes: their defaults, their setters and the classes that declare them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Hashable, Mapping
from copy import deepcopy
from typing import Final, Protocol, TypeAlias, TypeVar

import attrs
from typing_extensions import TypeIs

from esmodel.exceptions import ModelError

T = TypeVar("T")

# the stubs of attrs declare `Factory` as a function that returns the value of the field
_FACTORY: Final[type[object]] = type(attrs.Factory(object))


Initial: TypeAlias = Callable[[object], object]
"""Returns the default of a field, given the instance."""

_CONVERTER: Final = "converter"


class _Converter(Protocol):
    """A converter that may also take the instance and the field."""

    @property
    def takes_self(self) -> bool: ...

    @property
    def takes_field(self) -> bool: ...

    def converter(self, *arguments: object) -> object: ...


class _Factory(Protocol):
    """A default that is computed for each instance."""

    @property
    def takes_self(self) -> bool: ...

    def factory(self, *instance: object) -> object: ...


def fields_of(cls: type[object], /) -> tuple[attrs.Attribute[object], ...]:
    """Return the fields of an attrs class, inherited ones first.

    Raises:
        ModelError: if the class is not an attrs class.
    """
    if not attrs.has(cls):
        msg = f"{cls.__qualname__} must be an attrs class: write @frozen above it"
        raise ModelError(msg)
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(cls)
    return fields


def _props_of(cls: type[object], /) -> attrs.ClassProps | None:
    """Return the settings with which attrs made a class; ``None`` for a bare subclass of such a class."""
    try:
        return attrs.inspect(cls)
    except attrs.exceptions.NotAnAttrsClassError:
        return None


def is_slotted(cls: type[object], /) -> bool:
    """Return whether attrs made a class with slots."""
    props = _props_of(cls)
    return props is not None and props.is_slotted


def has_generated_init(cls: type[object], /) -> bool:
    """Return whether attrs made the ``__init__`` of a class."""
    props = _props_of(cls)
    return props is not None and props.added_init


def caches_hash(cls: type[object], /) -> bool:
    """Return whether instances cache their hash, in a field that ``__init__`` sets to ``None``."""
    props = _props_of(cls)
    return props is not None and props.hashability is attrs.ClassProps.Hashability.HASHABLE_CACHED


def owner_of_field(cls: type[object], field: str, /) -> type[object]:
    """Return the class that declares a field; the annotation uses the type variables of that class."""
    return next((base for base in cls.__mro__ if field in inspect.get_annotations(base)), cls)


def setter_of(cls: type[T], name: str, /) -> Callable[[T, object], None]:
    """Return a function that sets a field of a frozen instance.

    A slot has a setter of its own, which is the fastest.
    """
    descriptor: object = getattr(cls, name, None)
    if isinstance(descriptor, types.MemberDescriptorType):
        return descriptor.__set__

    def set_field(instance: T, value: object) -> None:
        object.__setattr__(instance, name, value)

    return set_field


def initials_by_name(cls: type[object], /) -> Mapping[str, Initial | None]:
    """Return the fields of an attrs class, each with what gives it its default, ``None`` where it has none.

    As in ``__init__``, a default goes through the converter of its field.

    Raises:
        ModelError: if the class is not an attrs class.
    """
    return {each.name: _initial_of(each) for each in fields_of(cls)}


def _initial_of(field: attrs.Attribute[object]) -> Initial | None:
    default, convert = field.default, _converter_of(field)
    if default is attrs.NOTHING:
        return None
    if not _is_factory(default):
        if is_shared(default):
            return lambda instance: convert(deepcopy(default), instance)
        return lambda instance: convert(default, instance)
    make = default.factory
    if default.takes_self:
        return lambda instance: convert(make(instance), instance)
    return lambda instance: convert(make(), instance)


def is_shared(default: object, /) -> bool:
    """Return whether instances would share a default that can change, as a list."""
    return not isinstance(default, Hashable)


def _converter_of(field: attrs.Attribute[object]) -> Callable[[object, object], object]:
    """Return the converter of a field, as a function of a value and the instance."""
    # by name, because the stubs of attrs leave its type open
    found: object = getattr(field, _CONVERTER)
    if _is_converter(found):
        convert, takes_self, takes_field = found.converter, found.takes_self, found.takes_field
        return lambda value, instance: convert(
            value, *((instance,) if takes_self else ()), *((field,) if takes_field else ())
        )
    return (lambda value, _: found(value)) if callable(found) else (lambda value, _: value)


def _is_factory(default: object) -> TypeIs[_Factory]:
    return isinstance(default, _FACTORY)


def _is_converter(found: object) -> TypeIs[_Converter]:
    return isinstance(found, attrs.Converter)

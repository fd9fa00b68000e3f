"""Wires of attrs classes and dataclasses.

Their fields are written by their own wires, and read by them: no validator, no converter and no
``__post_init__`` runs on what was stored.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MemberDescriptorType
from typing import (
    ClassVar,
    Final,
    Protocol,
    TypeVar,
    get_type_hints,
)

import attrs
from typing_extensions import TypeIs

from esmodel.codec.fields import Initial, initials_by_name
from esmodel.codec.struct import StructCodec
from esmodel.codec.wire import MisfitError, Wire, misfit, name_of
from esmodel.exceptions import UnsupportedTypeError

T = TypeVar("T")

_HEAP_TYPE: Final = 1 << 9


def initials_of(cls: type[object], /) -> Mapping[str, Initial | None]:
    """Return the fields of an attrs class or a dataclass, each with what gives it its default.

    Raises:
        ModelError: if the class is neither.
    """
    if attrs.has(cls) or not is_dataclass(cls):
        return initials_by_name(cls)
    return {each.name: _initial_of(each) for each in dataclasses.fields(cls)}


def _initial_of(field: dataclasses.Field[object]) -> Initial | None:
    default, make = field.default, field.default_factory
    if default is not dataclasses.MISSING:
        return lambda _: default
    return None if make is dataclasses.MISSING else lambda _: make()


def is_dataclass(cls: type[object], /) -> TypeIs[type[_Dataclass]]:
    """Return whether a class is a dataclass."""
    return dataclasses.is_dataclass(cls)


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]


def hints_of(cls: type[object], /) -> Mapping[str, object]:
    """Return the annotations of a class and of its bases.

    Raises:
        UnsupportedTypeError: if one cannot be resolved.
    """
    try:
        hints: dict[str, object] = get_type_hints(cls, include_extras=True)
    except NameError as error:
        msg = (
            f"{cls.__qualname__}: the annotation {error.name!r} cannot be resolved at run time; "
            f"import it outside of `if TYPE_CHECKING:` and define it at the top of a module"
        )
        raise UnsupportedTypeError(msg) from error
    return hints


def _other_parts(cls: type[object]) -> set[str]:
    """Return the parts of an instance that some base declares, by another decorator or in bare slots."""
    parts: set[str] = set()
    for base in cls.__mro__:
        own: Mapping[str, object] = vars(base)
        if own.keys().isdisjoint({"__attrs_attrs__", "__dataclass_fields__"}):
            parts |= {name for name, each in own.items() if isinstance(each, MemberDescriptorType)}
        if attrs.has(base):
            parts |= {each.name for each in attrs.fields(base)}
        if is_dataclass(base):
            parts |= {each.name for each in dataclasses.fields(base)}
    return parts


def fields_wire(struct_codec: StructCodec[T], /) -> Wire:
    """Carry the instances of an attrs class or a dataclass, without those of subclasses.

    Raises:
        UnsupportedTypeError: if the class holds more than its fields, as a subclass of ``dict`` does.
    """
    cls = struct_codec.cls
    builtin = next((base for base in cls.__mro__[:-1] if not base.__flags__ & _HEAP_TYPE), None)
    if builtin is not None or cls.__new__ is not object.__new__:
        more = f"derives from {builtin.__name__}" if builtin else "has a __new__ of its own"
        msg = f"the codec cannot carry {cls.__qualname__}, which {more}; add a hook for it"
        raise UnsupportedTypeError(msg)
    new, name, fields = cls.__new__, name_of(cls), frozenset(struct_codec.names)
    cached = {
        key
        for base in cls.__mro__
        for key, each in vars(base).items()
        if isinstance(each, functools.cached_property)
    }
    allowed = fields | cached
    if other := _other_parts(cls) - allowed:
        msg = (
            f"the codec cannot carry {cls.__qualname__}, which has more than its fields: {min(other)}; "
            "decorate all its bases alike, or add a hook for it"
        )
        raise UnsupportedTypeError(msg)

    def to(value: object) -> object:
        if type(value) is not cls:
            raise misfit(name, value)
        if hasattr(value, "__dict__") and not allowed.issuperset(vars(value)):
            extra = min(map(str, vars(value).keys() - allowed))
            raise MisfitError(f"expected no attribute but the fields of {name}, found {extra!r}")
        try:
            return struct_codec.to_struct(value)
        except AttributeError as error:
            raise MisfitError(f"expected a value in each field of {name}, found none: {error}") from error

    def back(value: object) -> object:
        instance = new(cls)
        struct_codec.fill(instance, value)
        return instance

    return Wire(
        struct_codec.wire_type,
        to,
        back,
        f"{cls.__qualname__}({struct_codec.fingerprint})",
        (cls,),
        is_native=is_dataclass(cls) and all(wire.is_native for wire in struct_codec.wires.values()),
        is_immutable=struct_codec.is_immutable and is_frozen(cls),
        fields=struct_codec.fields,
    )


def is_frozen(cls: type[object], /) -> bool:
    """Return whether attrs or dataclasses forbids assignments."""
    if is_dataclass(cls):
        parameters: object = vars(cls).get("__dataclass_params__")
        return _has_frozen(parameters) and parameters.frozen
    props = attrs.inspect(cls) if "__attrs_attrs__" in vars(cls) else None
    return props is not None and props.is_frozen


class _HasFrozen(Protocol):
    @property
    def frozen(self) -> bool: ...


def _has_frozen(parameters: object) -> TypeIs[_HasFrozen]:
    return hasattr(parameters, "frozen")

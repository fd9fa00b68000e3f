"""Wires of named tuples."""

# pyright: reportPrivateUsage=false
# named tuples keep what is theirs under names with an underscore, so as to leave all others to their fields

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import ClassVar, Protocol, Self

import msgspec
from typing_extensions import TypeIs

from esmodel.codec.containers import is_iterable
from esmodel.codec.wire import MisfitError, Wire, exact_class, misfit, name_of, to_within, union_of


class NamedTupleClass(Protocol):
    """A class made by ``typing.NamedTuple``."""

    _fields: ClassVar[tuple[str, ...]]
    _field_defaults: ClassVar[dict[str, object]]

    @classmethod
    def _make(cls, iterable: Iterable[object], /) -> Self: ...


def is_named_tuple(cls: type[object], /) -> TypeIs[type[NamedTupleClass]]:
    """Return whether a class is a ``NamedTuple``."""
    return tuple in cls.__mro__ and hasattr(cls, "_field_defaults")


def fields_of_named_tuple(cls: type[NamedTupleClass], /) -> tuple[str, ...]:
    """Return the names of the items."""
    return cls._fields


def named_tuple_wire(cls: type[NamedTupleClass], wires: Mapping[str, Wire], /) -> Wire:
    """Carry a named tuple as an array."""
    name = name_of(cls)
    defaults = cls._field_defaults
    converts = [to_within(f".{field}", wire) for field, wire in wires.items()]
    struct = msgspec.defstruct(
        cls.__name__,
        [
            (field, union_of([wire.json_type, msgspec.UnsetType]), msgspec.UNSET)
            if field in defaults
            else (field, wire.json_type)
            for field, wire in wires.items()
        ],
        array_like=True,
        forbid_unknown_fields=True,
    )

    def to(value: object) -> object:
        if exact_class(value) is not cls or not is_iterable(value):
            raise misfit(name, value)
        if hasattr(value, "__dict__") and vars(value):
            raise MisfitError(f"expected no attribute but the fields of {name}, found {min(vars(value))!r}")
        return [convert(each) for convert, each in zip(converts, value, strict=True)]

    def back(read: object) -> object:
        values = msgspec.structs.astuple(read) if isinstance(read, msgspec.Struct) else ()
        return cls._make(
            [
                deepcopy(defaults[field])
                if each is msgspec.UNSET
                else each
                if wire.back is None
                else wire.back(each)
                for (field, wire), each in zip(wires.items(), values, strict=True)
            ]
        )

    return Wire(
        struct,
        to,
        back,
        f"{cls.__qualname__}({', '.join(f'{field}: {wire.spelling}' for field, wire in wires.items())})",
        (cls,),
        is_native=all(wire.is_native for wire in wires.values()),
        is_immutable=all(wire.is_immutable for wire in wires.values()),
    )

"""Wires of single values: text, numbers, dates, ids, literals, floats and enums."""

from __future__ import annotations

import datetime as dt
import enum
import math
import struct
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal, get_args, get_origin
from uuid import UUID

import attrs
import msgspec

from esmodel.codec.moments import DATETIME, TIME
from esmodel.codec.typevars import is_class
from esmodel.codec.wire import (
    Convert,
    MisfitError,
    Wire,
    exact_class,
    exactly,
    is_readable,
    misfit,
    name_of,
    scalar,
    union_of,
)
from esmodel.exceptions import UnsupportedTypeError

_LONGEST_INT: Final = 13_000
"""In bits; Python refuses text of integers beyond 4,300 digits, which are some 14,280 bits."""


def _int_to(value: object) -> object:
    if type(value) is not int:
        raise misfit("int", value)
    if value.bit_length() > _LONGEST_INT:
        raise MisfitError(
            f"expected an int of at most {_LONGEST_INT} bits, found one of {value.bit_length()}"
        )
    return value


def _str_to(value: object) -> object:
    if type(value) is not str:
        raise misfit("str", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise misfit("text that UTF-8 can express, without surrogates", value) from None
    return value


def _plain(cls: type[object], to: Convert, more: str) -> Wire:
    """Return the wire of a class with values that msgspec carries, as far as ``more`` holds of them."""
    guard, names = exactly(cls)
    return Wire(
        cls,
        to,
        spelling=name_of(cls),
        classes=(cls,),
        guard=f"({guard} and {more})",
        names=names,
        is_native=True,
    )


_INT: Final = _plain(
    int, _int_to, f"-{1 << 62} < {{v}} < {1 << 62}"
)  # a comparison of small integers is fast
_STR: Final = _plain(str, _str_to, "{v}.isascii()")
_NONE: Final = scalar(type(None))
_NOT_FINITE: Final[Mapping[str, float]] = {
    "nan": math.nan,
    "-nan": math.copysign(math.nan, -1.0),
    "inf": math.inf,
    "-inf": -math.inf,
}
_BITS: Final[Mapping[bytes, str]] = {struct.pack("<d", value): name for name, value in _NOT_FINITE.items()}


def _float_to(value: object) -> object:
    """Write a float, or the int that type checkers take for one; JSON tells the two apart."""
    if type(value) is float:
        if math.isfinite(value):
            return value
        name = _BITS.get(struct.pack("<d", value))
        if name is None:
            raise misfit("nan without a payload of its own", value)
        return name
    if type(value) is int:
        return _int_to(value)
    raise misfit("float", value)


def _float_back(value: object) -> object:
    if isinstance(value, str):
        if value not in _NOT_FINITE:
            msg = f"Expected `float`, got {value!r}"
            raise msgspec.ValidationError(msg)
        return _NOT_FINITE[value]
    return value


def _float_wire() -> Wire:
    guard, names = exactly(float)
    fits = f"({guard} and -{sys.float_info.max} <= {{v}} <= {sys.float_info.max})"
    return Wire(
        union_of([int, float, str]),
        _float_to,
        _float_back,
        "float",
        (float,),
        also=(int,),
        guard=fits,
        names=names,
    )


_SCALARS: Final[Mapping[object, Wire]] = {
    None: _NONE,
    type(None): _NONE,
    int: _INT,
    str: _STR,
    float: _float_wire(),
    **{each: scalar(each) for each in (bool, bytes, Decimal, UUID, dt.date, dt.timedelta)},
    bytearray: scalar(bytearray, is_immutable=False),
    dt.datetime: DATETIME,
    dt.time: TIME,
}


def scalar_wire(hint: object, /) -> Wire | None:
    """Return the wire of a type with single values; ``None`` for any other type.

    Raises:
        UnsupportedTypeError: for a literal that cannot be carried.
    """
    if is_class(hint) and issubclass(hint, enum.Enum):
        return _enum_wire(hint)
    if get_origin(hint) is Literal:
        return _literal_wire(hint)
    return _SCALARS.get(hint) if isinstance(hint, type) or hint is None else None


def _literal_wire(hint: object) -> Wire:
    """Carry the values of a literal as they are; members of an enum by that of the enum."""
    by_value: dict[tuple[type[object], object], object] = {}
    values: dict[tuple[type[object], object], object] = {}
    for value in _flat(get_args(hint)):
        plain = value
        if isinstance(value, enum.Enum):
            plain = _enum_wire(type(value)).to(value)
            plain = plain.value if isinstance(plain, enum.Enum) else plain
        if type(plain) not in {str, int, bool, type(None)} or (type(plain), plain) in values:
            msg = f"the codec cannot carry {hint}; use an Enum"
            raise UnsupportedTypeError(msg)
        by_value[type(value), value] = plain
        values[type(plain), plain] = value

    def to(value: object) -> object:
        try:
            return by_value[type(value), value]
        except (KeyError, TypeError):
            raise misfit(str(hint), value) from None

    def back(plain: object) -> object:
        try:
            return values[type(plain), plain]
        except KeyError:
            msg = f"Invalid enum value {plain!r}, expected {hint}"
            raise msgspec.ValidationError(msg) from None

    kinds = list(dict.fromkeys(type(plain) for _, plain in values))
    classes = tuple(dict.fromkeys(cls for cls, _ in by_value))
    return Wire(union_of(kinds), to, back, str(hint), classes, is_native=is_readable(hint))


def _flat(arguments: tuple[object, ...]) -> list[object]:
    """Return the values of a literal, those of the literals in it too."""
    found: list[object] = []
    for each in arguments:
        found += _flat(get_args(each)) if get_origin(each) is Literal else [each]
    return found


def _enum_wire(cls: type[enum.Enum]) -> Wire:
    """Carry the values of the members if msgspec can, else their names; the bits of a flag."""
    name = name_of(cls)
    is_flag = issubclass(cls, enum.Flag)
    is_native = not is_flag and _has_native_values(cls) and is_readable(cls)
    # those that `auto()` gives were left out in the first format
    has_own_bits = is_flag and [each.value for each in cls.__members__.values()] != [
        1 << number for number in range(len(cls.__members__))
    ]
    members = ", ".join(
        f"{key}={each.value!r}" if is_native or has_own_bits else key for key, each in cls.__members__.items()
    )
    spelling = f"enum {cls.__qualname__}({members})"
    if is_native:
        return attrs.evolve(scalar(cls), spelling=spelling)

    def to(value: object) -> object:
        if type(value) is not cls:
            raise misfit(name, value)
        return value.value if is_flag else value.name

    def back(value: object) -> object:
        if isinstance(value, int):
            return cls(value)
        if str(value) not in cls.__members__:
            msg = f"Expected one of {', '.join(cls.__members__)}, got {value!r}"
            raise msgspec.ValidationError(msg)
        return cls[str(value)]

    return Wire(int if is_flag else str, to, back, spelling, (cls,))


def _has_native_values(cls: type[enum.Enum]) -> bool:
    values: list[object] = [each.value for each in cls]
    kinds = {exact_class(each) for each in values}
    return kinds in ({str}, {int})

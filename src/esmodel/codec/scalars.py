"""Wires of single values: text, numbers, dates, ids, literals, floats and enums."""

from __future__ import annotations

import datetime as dt
import enum
import math
from decimal import Decimal
from typing import Final, Literal, get_origin
from uuid import UUID

import msgspec

from esmodel.codec.typevars import is_class
from esmodel.codec.wire import Wire, is_native, name_of
from esmodel.exceptions import PayloadError

_SCALARS: Final[frozenset[object]] = frozenset({
    None, type(None), str, int, bool, bytes, Decimal, UUID, dt.datetime, dt.date, dt.time, dt.timedelta,
})  # fmt: skip
_NOT_FINITE: Final = frozenset({"nan", "inf", "-inf"})


def scalar_wire(hint: object, /) -> Wire | None:
    """Return the wire of a type with single values; ``None`` for any other type."""
    if hint in _SCALARS:
        return Wire(type(None) if hint is None else hint, spelling=name_of(hint))
    if hint is float:
        return Wire(float | str, _float_to, _float_back, "float")
    if is_class(hint) and issubclass(hint, enum.Enum):
        return _enum_wire(hint)
    if get_origin(hint) is Literal:
        return Wire(hint, spelling=str(hint))
    return None


def _float_to(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _float_back(value: object) -> object:
    if isinstance(value, str):
        if value not in _NOT_FINITE:
            msg = f"Expected `float`, got {value!r}"
            raise msgspec.ValidationError(msg)
        return float(value)
    return value


def _enum_wire(cls: type[enum.Enum]) -> Wire:
    """Carry the values of the members if msgspec can, else their names; the bits of a flag."""
    members = ", ".join(cls.__members__)
    spelling = f"enum {cls.__qualname__}({members})"
    if not issubclass(cls, enum.Flag) and is_native(cls):
        return Wire(cls, spelling=spelling)

    def to(value: object) -> object:
        if not isinstance(value, cls):
            msg = f"expected {cls.__name__}, got {value!r}"
            raise PayloadError(msg)
        return value.value if isinstance(value, enum.Flag) else value.name

    def back(value: object) -> object:
        if isinstance(value, int):
            return cls(value)
        if str(value) not in cls.__members__:
            msg = f"Expected one of {members}, got {value!r}"
            raise msgspec.ValidationError(msg)
        return cls[str(value)]

    return Wire(int if issubclass(cls, enum.Flag) else str, to, back, spelling)

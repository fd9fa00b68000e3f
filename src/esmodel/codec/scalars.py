"""Scalars, floats and enums."""

from __future__ import annotations

import datetime as dt
import enum
import math
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from esmodel.codec.wire import Wire, is_native, name_of
from esmodel.exceptions import PayloadError, UnsupportedTypeError

SCALARS: Final[frozenset[object]] = frozenset({
    str, int, bool, type(None), bytes, Decimal, UUID, dt.datetime, dt.date, dt.time, dt.timedelta,
})  # fmt: skip


_OPEN: Final[frozenset[object]] = frozenset({object, dict, list, set, tuple, frozenset})


_INFINITIES: Final = {"nan", "inf", "-inf"}


def float_to(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def float_back(value: object) -> object:
    if isinstance(value, str):
        if value not in _INFINITIES:
            msg = f"Expected `float`, got {value!r}"
            raise msgspec.ValidationError(msg)
        return float(value)
    return value


def enum_of(hint: type[enum.Enum]) -> Wire:
    """Carry an enum by its values where msgspec can, else by the names of its members."""
    members = ", ".join(hint.__members__)
    shape = f"enum {hint.__qualname__}({members})"
    if not issubclass(hint, enum.Flag) and is_native(hint):
        return Wire(hint, shape=shape)

    def to(value: object) -> object:
        if not isinstance(value, hint):
            msg = f"expected {hint.__name__}, got {value!r}"
            raise PayloadError(msg)
        return value.value if isinstance(value, enum.Flag) else value.name

    def back(value: object) -> object:
        if isinstance(value, int):
            return hint(value)
        if str(value) not in hint.__members__:
            msg = f"Expected one of {members}, got {value!r}"
            raise msgspec.ValidationError(msg)
        return hint[str(value)]

    return Wire(int if issubclass(hint, enum.Flag) else str, to, back, shape)


def native(hint: object) -> Wire:
    if hint in _OPEN or not is_native(hint):
        msg = (
            f"the codec cannot carry {name_of(hint)}; use a type that it can, "
            f"or a hook: codec = Codec(TypeHook({name_of(hint)}, encode=..., decode=...))"
        )
        raise UnsupportedTypeError(msg)
    return Wire(hint, shape=name_of(hint))

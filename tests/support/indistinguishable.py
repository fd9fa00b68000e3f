"""A comparison that sees what ``==`` does not: types, zones, folds, offsets, signs, exponents, orders."""

from __future__ import annotations

import dataclasses
import datetime as dt
import struct
from enum import Enum
from zoneinfo import ZoneInfo

import attrs

from esmodel.codec.classes import initials_of
from esmodel.codec.containers import is_iterable, is_mapping


def seen(value: object) -> object:
    """Return a value in a form in which two that can be told apart differ."""
    return f"{type(value).__module__}.{type(value).__qualname__}", _parts(value)


def _parts(value: object) -> object:
    if isinstance(value, float) and not isinstance(value, Enum):
        return struct.pack("<d", value)
    if isinstance(value, (dt.datetime, dt.time)):
        return value.replace(tzinfo=None).isoformat(), value.fold, value.utcoffset(), zone_seen(value.tzinfo)
    if is_mapping(value):
        return [(seen(key), seen(each)) for key, each in value.items()]
    if attrs.has(type(value)) or dataclasses.is_dataclass(value):
        return [seen(getattr(value, name)) for name in initials_of(type(value))]
    if is_iterable(value) and not isinstance(value, (str, bytes, bytearray, Enum)):
        parts = [seen(each) for each in value]
        return sorted(map(repr, parts)) if isinstance(value, (set, frozenset)) else parts
    return value.name if isinstance(value, Enum) else _written(value)


def _written(value: object) -> str:
    return hex(value) if isinstance(value, int) else repr(value)  # `repr` has a limit of 4,300 digits


def zone_seen(zone: dt.tzinfo | None) -> object:
    """Return a time zone in such a form."""
    return zone.key if isinstance(zone, ZoneInfo) else repr(zone)

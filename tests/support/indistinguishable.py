"""A comparison that sees what ``==`` does not: types, zones, folds, offsets, signs, exponents, orders."""

from __future__ import annotations

import dataclasses
import datetime as dt
import struct
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from esmodel.codec.containers import is_iterable, is_mapping


def seen(value: object) -> object:
    """Return a value in a form in which two that can be told apart differ."""
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, Enum):
        return name, value.name, value.value
    if isinstance(value, float):
        return name, struct.pack("<d", value)
    if isinstance(value, Decimal):
        return name, value.as_tuple()
    if isinstance(value, dt.datetime):
        return (
            name,
            value.replace(tzinfo=None).isoformat(),
            value.fold,
            value.utcoffset(),
            zone_seen(value.tzinfo),
        )
    if isinstance(value, dt.time):
        return name, value.replace(tzinfo=None).isoformat(), value.fold, zone_seen(value.tzinfo)
    if value is None or isinstance(value, (str, int, bytes, bytearray, UUID, dt.date, dt.timedelta, complex)):
        return name, repr(value)
    if is_mapping(value):
        return name, [(seen(key), seen(each)) for key, each in value.items()]
    if isinstance(value, (set, frozenset)):
        return name, sorted(repr(seen(each)) for each in value)
    if attrs.has(type(value)):
        return name, [seen(getattr(value, each.name)) for each in attrs.fields(type(value))]
    if dataclasses.is_dataclass(value):
        return name, [seen(getattr(value, each.name)) for each in dataclasses.fields(value)]
    if is_iterable(value):
        return name, [seen(each) for each in value]
    return name, value


def zone_seen(zone: dt.tzinfo | None) -> object:
    """Return a time zone in such a form."""
    return zone.key if isinstance(zone, ZoneInfo) else repr(zone)

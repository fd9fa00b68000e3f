"""Wires of dates with times, and of times: the zone, the fold and the name of an offset come back.

The text is that of RFC 9557: the local time, its offset and, in brackets, the key of the zone and what else
is needed: ``2026-10-25T02:30:00+01:00[Europe/Berlin]``. Two tags are our own: ``[_fold=1]``, where the
offset does not tell it, and ``[_name=CEST]``, the name of a ``datetime.timezone``.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from esmodel.codec.wire import Convert, MisfitError, Wire, exactly, misfit, shown

# in a tuple: what replaces the time in tests replaces each name of a module that stands for one of them
_CLASSES: Final = (dt.datetime, dt.time)
_UTC: Final = dt.UTC

_SUFFIX: Final = re.compile(r"\[(?:(_fold|_name)=)?([A-Za-z0-9_.+/-]+)\]")
_NAME: Final = re.compile(r"[A-Za-z0-9_.+-]+")
_KEY: Final = re.compile(r"[A-Za-z0-9_.+/-]+")


def _datetime_to(value: object) -> object:
    if not isinstance(value, dt.datetime) or type(value) is not _CLASSES[0]:
        raise misfit("datetime", value)
    zone = value.tzinfo
    if zone is _UTC and not value.fold:
        return value
    suffix = _suffix(value, zone)
    is_told = not value.fold
    if isinstance(zone, ZoneInfo):
        told = _local(value.replace(tzinfo=None, fold=0), _zone_of(zone.key), value.utcoffset())
        if told.replace(tzinfo=None) != value.replace(tzinfo=None):
            raise misfit(f"a datetime by the rules of {zone.key!r}", value)
        is_told = told.fold == value.fold
    text = value.isoformat() + suffix + ("" if is_told else f"[_fold={value.fold}]")
    again = _datetime_back(text)
    if _parts(again) != _parts(value):
        raise misfit("a datetime whose zone its text can express", value)
    return text


def _time_to(value: object) -> object:
    if not isinstance(value, dt.time) or type(value) is not _CLASSES[1]:
        raise misfit("time", value)
    zone = value.tzinfo
    if not value.fold and (zone is None or zone is _UTC):
        return value
    text = value.isoformat() + _suffix(value, zone) + (f"[_fold={value.fold}]" if value.fold else "")
    again = _time_back(text)
    if _parts(again) != _parts(value):
        raise misfit("a time whose zone its text can express", value)
    return text


def _parts(value: dt.datetime | dt.time) -> tuple[object, ...]:
    """Return all that tells a value from others, of which ``==`` sees some only."""
    zone = value.tzinfo
    return (
        value.replace(tzinfo=None),
        value.fold,
        value.utcoffset(),
        zone.key if isinstance(zone, ZoneInfo) else repr(zone),
    )


def _suffix(value: dt.datetime | dt.time, zone: dt.tzinfo | None) -> str:
    """Return the key of a zone, or the name of an offset, in brackets.

    Raises:
        MisfitError: if the zone cannot be carried.
    """
    if zone is None or zone is _UTC:
        return ""
    if type(zone) is ZoneInfo and _KEY.fullmatch(str(zone.key)) and _lookup(str(zone.key)):
        return f"[{zone.key}]"
    if type(zone) is dt.timezone:
        name = zone.tzname(None)
        if repr(zone) == repr(dt.timezone(zone.utcoffset(None))):
            return ""
        if _NAME.fullmatch(name):
            return f"[_name={name}]"
    raise MisfitError(
        f"expected UTC, a timezone without a name or with one of letters and digits, or a ZoneInfo whose key "
        f"this machine knows, found {zone!r} in {shown(value)}"
    )


def _lookup(key: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _local(naive: dt.datetime, zone: ZoneInfo, offset: dt.timedelta | None) -> dt.datetime:
    """Return a local time whose offset was stored; where the rules have changed since, the instant wins."""
    for fold in (0, 1):
        found = naive.replace(tzinfo=zone, fold=fold)
        if found.utcoffset() == offset:
            return found
    return naive.replace(tzinfo=dt.timezone(offset or dt.timedelta())).astimezone(zone)


def _tags(text: str) -> tuple[str, str | None, int | None, str | None]:
    """Return a text without its tags, the key of its zone, its fold, and the name of its offset."""
    bare, _, _ = text.partition("[")
    key: str | None = None
    name: str | None = None
    fold: int | None = None
    end = len(bare)
    for found in _SUFFIX.finditer(text, end):
        if found.start() != end:
            break
        end = found.end()
        tag, value = found.groups()
        if tag == "_fold" and value in {"0", "1"}:
            fold = int(value)
        elif tag == "_name":
            name = value
        elif tag is None and key is None:
            key = value
        else:
            break
    else:
        if end == len(text):
            return bare, key, fold, name
    msg = f"Expected a time with a zone as in RFC 9557, got {text!r}"
    raise msgspec.ValidationError(msg)


def _zone_of(key: str) -> ZoneInfo:
    zone = _lookup(key)
    if zone is None:
        msg = f"this machine has no time zone {key!r}; install the package tzdata"
        raise msgspec.ValidationError(msg)
    return zone


def _named(zone: dt.tzinfo | None, name: str) -> dt.timezone:
    offset = None if zone is None else zone.utcoffset(None)
    if offset is None:
        msg = f"Expected an offset before the name {name!r}"
        raise msgspec.ValidationError(msg)
    return dt.timezone(offset, name)


def _moment(text: str) -> dt.datetime:
    try:
        return _CLASSES[0].fromisoformat(text)
    except ValueError as error:
        msg = f"Invalid RFC3339 encoded datetime {text!r}"
        raise msgspec.ValidationError(msg) from error


def _time(text: str) -> dt.time:
    try:
        return _CLASSES[1].fromisoformat(text)
    except ValueError as error:
        msg = f"Invalid RFC3339 encoded time {text!r}"
        raise msgspec.ValidationError(msg) from error


def _datetime_back(value: object) -> dt.datetime:
    text = str(value)
    if not text.endswith("]"):
        return _moment(text)
    bare, key, fold, name = _tags(text)
    moment = _moment(bare)
    if key is not None:
        moment = _local(moment.replace(tzinfo=None), _zone_of(key), moment.utcoffset())
    if name is not None:
        moment = moment.replace(tzinfo=_named(moment.tzinfo, name))
    return moment if fold is None else moment.replace(fold=fold)


def _time_back(value: object) -> dt.time:
    text = str(value)
    if not text.endswith("]"):
        return _time(text)
    bare, key, fold, name = _tags(text)
    moment = _time(bare)
    if key is not None:
        moment = moment.replace(tzinfo=_zone_of(key))
    if name is not None:
        moment = moment.replace(tzinfo=_named(moment.tzinfo, name))
    return moment if fold is None else moment.replace(fold=fold)


def _wire(cls: type[object], to: Convert, back: Convert, more: str) -> Wire:
    guard, names = exactly(cls)
    fits = f"({guard} and {more} and not {{v}}.fold)"
    known = {**names, "UTC": _UTC}
    return Wire(str, to, back, cls.__name__, (cls,), guard=fits, names=known, is_native=True)


DATETIME: Final = _wire(dt.datetime, _datetime_to, _datetime_back, "{v}.tzinfo is UTC")
TIME: Final = _wire(dt.time, _time_to, _time_back, "({v}.tzinfo is None or {v}.tzinfo is UTC)")

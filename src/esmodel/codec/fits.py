"""Comparison of two types by the JSON that one writes and the other reads."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, get_args, get_origin
from uuid import UUID

import msgspec

from esmodel.codec.plain import ANY, is_open
from esmodel.codec.typevars import is_class
from esmodel.codec.unions import UNIONS
from esmodel.codec.wire import VERSION, Fields, Wire, exact_class

_TEXTS: Final[frozenset[object]] = frozenset({
    *(str, UUID, dt.date, dt.datetime, dt.time, dt.timedelta, Decimal, bytes, bytearray)
})  # fmt: skip
_READ_BY: Final[Mapping[object, frozenset[object]]] = {
    **{each: frozenset({each, str}) for each in _TEXTS},
    str: _TEXTS,
    bytes: frozenset({bytes, bytearray, str}),
    bytearray: frozenset({bytes, bytearray, str}),
    Decimal: frozenset({Decimal, int, float, str}),
    float: frozenset({float, int, str}),
    int: frozenset({int}),
    bool: frozenset({bool}),
}
"""By scalar, those whose stored form it may read; text may be the stored form of any."""

_ARRAYS: Final[frozenset[object]] = frozenset({list, tuple})
_KINDS: Final[Mapping[object, str]] = {
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(_ARRAYS, "array"),
    int: "int",
    float: "float",
    bool: "bool",
    type(None): "null",
    dict: "object",
}
_ALSO_READ: Final[Mapping[object, frozenset[str]]] = {
    Decimal: frozenset({"int", "float"}),
    float: frozenset({"int"}),
}


def misfit_of(given: Wire, wanted: Wire, /, *, may_hold_more: bool = False) -> str | None:
    """Return why JSON of one type cannot be read as another; ``None`` if it can, or nothing tells.

    Args:
        given: the wire of the type that is written.
        wanted: the wire of the type that is read.
        may_hold_more: whether keys are allowed that the type that is read does not name.
    """
    if is_open(given) or is_open(wanted) or given.spelling == wanted.spelling:
        return None
    if wanted.tags:
        found = _tags_misfit(given, wanted)
    elif given.tags and not _takes_tags(given.tags, wanted):
        found = f"the sum type {given.spelling} is stored with tags, which {wanted.spelling} does not have"
    elif given.fields is not None and wanted.fields is not None:
        oldest = wanted.fields.oldest
        if oldest is not None and VERSION not in given.fields.wires:
            return misfit_of(given, oldest, may_hold_more=may_hold_more)
        found = _fields_misfit(given.fields, wanted.fields, may_hold_more=may_hold_more)
    else:
        found = None
    return found or _scalar_misfit(given, wanted)


def _fields_misfit(given: Fields, wanted: Fields, *, may_hold_more: bool) -> str | None:
    unknown = [] if may_hold_more else [key for key in given.wires if key not in wanted.wires]
    if unknown:
        return f"there is no field {unknown[0]!r} to take the key"
    for key in wanted.wires:
        if key in wanted.required and key not in given.written:
            return f"the key {key!r} {'may be absent' if key in given.wires else 'is missing'}"
    for key, wire in given.wires.items():
        found = misfit_of(wire, wanted.wires[key]) if key in wanted.wires else None
        if found is not None:
            return f"the key {key!r}: {found}"
    return None


def _tags_misfit(given: Wire, wanted: Wire) -> str | None:
    members = given.tags or (given.fields.wires if given.fields is not None else {})
    if not members:
        return None
    for tag, wire in members.items():
        found = (
            misfit_of(wire, wanted.tags[tag])
            if tag in wanted.tags
            else f"it is not a tag of {wanted.spelling}"
        )
        if found is not None:
            return f"the tag {tag!r}: {found}"
    return None


def _takes_tags(tags: Iterable[str], wanted: Wire) -> bool:
    """Return whether each tag may be the only key of what is read."""
    fields = wanted.fields
    if fields is None:
        return get_origin(wanted.json_type) is dict
    return all(tag in fields.wires and fields.required <= {tag} for tag in tags)


def _scalar_misfit(given: Wire, wanted: Wire) -> str | None:
    one, other = _only(given.classes), _only(wanted.classes)
    if one in _READ_BY and other in _READ_BY:
        fits = one in _READ_BY[other]
    else:
        fits = _fits(given.json_type, wanted.json_type)
    return None if fits else f"expected {wanted.spelling}, found {given.spelling}"


def _only(classes: tuple[type[object], ...]) -> object:
    return classes[0] if len(classes) == 1 else None


def _fits(given: object, wanted: object) -> bool:
    """Return whether what msgspec writes of one type can be what it reads as another."""
    if ANY in {given, wanted} or msgspec.Raw in {given, wanted}:
        return True
    return all(any(_one_fits(one, other) for other in _members(wanted)) for one in _members(given))


def _members(json_type: object) -> list[object]:
    if get_origin(json_type) in UNIONS:
        return [each for each in get_args(json_type) if each is not msgspec.UnsetType]
    return [json_type]


def _one_fits(given: object, wanted: object) -> bool:
    reads = _kinds(wanted)
    if not _kinds(given) <= reads | _ALSO_READ.get(wanted, frozenset()):
        return False
    if "array" in reads:
        return all(_fits(one, other) for one in _items(given) for other in _items(wanted))
    if get_origin(given) is dict and get_origin(wanted) is dict:
        return _fits(get_args(given)[1], get_args(wanted)[1])
    return True


def _items(json_type: object) -> Iterable[object]:
    """Return the types of items, where all are alike."""
    arguments = [each for each in get_args(json_type) if each is not Ellipsis and each != ()]
    return arguments if len(arguments) == 1 else []


def _kinds(json_type: object) -> frozenset[str]:
    origin: object = get_origin(json_type) or json_type
    if is_class(origin) and issubclass(origin, enum.Enum):
        return frozenset(_KINDS.get(exact_class(each.value), "other") for each in origin)
    if is_class(origin) and issubclass(origin, msgspec.Struct):
        return frozenset({"array" if origin.__struct_config__.array_like else "object"})
    return frozenset({_KINDS.get(origin, "other")})

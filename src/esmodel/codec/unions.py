"""Wires of unions: optional values and sum types."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol, Union, get_origin

import attrs
import msgspec
from typing_extensions import TypeIs

from esmodel.codec.containers import is_iterable, is_mapping
from esmodel.codec.wire import (
    Convert,
    Read,
    Wire,
    exact_class,
    is_readable,
    misfit,
    name_of,
    read_within,
    reader_of,
    scalar,
    union_of,
)
from esmodel.exceptions import UnsupportedTypeError

UNIONS: Final[frozenset[object]] = frozenset({Union, types.UnionType})
"""The origins of a union, whether it is written ``X | Y`` or ``Union[X, Y]``."""

_NONE: Final = type(None)


def union_wire(members: Sequence[tuple[object, Wire]], /) -> Wire:
    """Return the wire of a union.

    msgspec carries the union where it can tell the members apart by their JSON. An optional value is null
    or the value. Any other union is a sum type.

    Args:
        members: each member with its wire.

    Raises:
        UnsupportedTypeError: if the members of a sum type cannot be told apart.
    """
    spelling = " | ".join(wire.spelling for _, wire in members)
    wires = [wire for _, wire in members]
    some = [(member, wire) for member, wire in members if wire.classes != (_NONE,)]
    kinds = [kind for wire in wires for kind in _read_as(wire.json_type)]
    if all(wire.is_native for wire in wires) and len(set(kinds)) == len(kinds):
        union = union_of([wire.json_type for wire in wires])
        if is_readable(union):
            return _native_wire(wires, union, spelling)
    if len(some) == 1:
        return _optional_wire(some[0][1], spelling)
    return _sum_wire(some, spelling, is_optional=len(some) < len(members))


def _native_wire(wires: Sequence[Wire], union: object, spelling: str) -> Wire:
    """Carry a union whose members differ in their JSON."""
    find = _finder(wires, spelling)
    backs = {kind: wire.back for wire in wires if wire.back is not None for kind in _read_as(wire.json_type)}

    def back(value: object) -> object:
        convert = backs.get(type(value))
        return value if convert is None else convert(value)

    return _joined(
        wires, union, lambda value: find(value).to(value), back if backs else None, spelling, is_native=True
    )


def _read_as(wire_type: object) -> list[type[object]]:
    """Return the classes of what msgspec reads as a type."""
    origin = get_origin(wire_type) or wire_type
    if origin in UNIONS:
        return (
            [cls for each in wire_type.__args__ for cls in _read_as(each)]
            if isinstance(wire_type, types.UnionType)
            else []
        )
    return [origin] if isinstance(origin, type) else []


def _joined(  # noqa: PLR0913  # because these are the parts of a wire
    wires: Sequence[Wire],
    wire_type: object,
    to: Convert,
    back: Convert | None,
    spelling: str,
    *,
    is_native: bool = False,
    guarded: bool = True,
) -> Wire:
    """Return the wire of a union, with what holds for all of its members."""
    guards = [wire.guard for wire in wires if wire.guard] if guarded else []
    return Wire(
        wire_type,
        to,
        back,
        spelling,
        classes=tuple(dict.fromkeys(cls for wire in wires for cls in wire.classes)),
        also=tuple(dict.fromkeys(cls for wire in wires for cls in wire.also)),
        guard=f"({' or '.join(guards)})" if guards else "",
        names={name: each for wire in wires for name, each in wire.names.items()},
        is_native=is_native,
        is_immutable=all(wire.is_immutable for wire in wires),
        base=next((wire.base for wire in wires if wire.base is not None), None),
    )


def _finder(wires: Sequence[Wire], spelling: str) -> Callable[[object], Wire]:
    """Return a function that finds the member of a value.

    Raises:
        UnsupportedTypeError: if two members have values of the same class.
    """
    by_class: dict[type[object], Wire] = {}
    for wire in wires:
        for cls in wire.classes:
            if cls in by_class:
                msg = (
                    f"the union {spelling} has two members whose values are of the class {cls.__qualname__}, "
                    f"so that nothing tells them apart; give one a class of its own"
                )
                raise UnsupportedTypeError(msg)
            by_class[cls] = wire
    for wire in wires:
        for cls in wire.also:
            by_class.setdefault(cls, wire)
    hooked = [wire for wire in wires if wire.base is not None]

    def find(value: object) -> Wire:
        found = by_class.get(type(value))
        if found is not None:
            return found
        for wire in hooked:
            if wire.base is not None and isinstance(value, wire.base):
                return wire
        raise misfit(spelling, value)

    return find


def _optional_wire(some: Wire, spelling: str) -> Wire:
    back = some.back
    joined = _joined(
        [some, scalar(_NONE)],
        union_of([some.json_type, _NONE]),
        lambda value: None if value is None else some.to(value),
        None if back is None else lambda value: None if value is None else back(value),
        spelling,
    )
    return attrs.evolve(joined, fields=some.fields, tags=some.tags)


def _sum_wire(members: Sequence[tuple[object, Wire]], spelling: str, *, is_optional: bool) -> Wire:
    """Carry a sum type as an object with one entry: the stable name of the member, and the value."""
    wires = [wire for _, wire in members]
    find = _finder(wires, spelling)
    by_tag: dict[str, tuple[Wire, Read]] = {}
    tags: dict[int, str] = {}
    for member, wire in members:
        tag = _tag_of(member)
        if tag in by_tag:
            msg = f"the sum type {spelling} has two members that are stored as {tag!r}; set `stored_name`"
            raise UnsupportedTypeError(msg)
        by_tag[tag] = (wire, reader_of(wire))
        tags[id(wire)] = tag
    _add_aliases(by_tag, {tags[id(wire)]: _aliases_of(member) for member, wire in members}, spelling)

    def to(value: object) -> object:
        if is_optional and value is None:
            return None
        wire = find(value)
        tag = tags[id(wire)]
        return {tag: wire.to(value)}

    def back(value: object) -> object:
        if is_optional and value is None:
            return None
        pairs = list(value.items()) if is_mapping(value) else []
        if len(pairs) != 1 or pairs[0][0] not in by_tag:
            msg = f"Expected one of {', '.join(by_tag)}, got {', '.join(str(tag) for tag, _ in pairs)}"
            raise msgspec.ValidationError(msg)
        tag = str(pairs[0][0])
        wire, read = by_tag[tag]
        return read_within(tag, wire, read, pairs[0][1])

    wire_type: object = dict[str, msgspec.Raw]
    read = union_of([wire_type, _NONE]) if is_optional else wire_type
    joined = _joined(wires, read, to, back, spelling, guarded=False)
    return attrs.evolve(joined, tags={tag: wire for tag, (wire, _) in by_tag.items()})


def _tag_of(member: object) -> str:
    """Return the stable name of a member: that of its class."""
    origin: object = get_origin(member) or member
    return "Literal" if origin is Literal else name_of(origin)


def _add_aliases(
    by_tag: dict[str, tuple[Wire, Read]], aliases: Mapping[str, tuple[str, ...]], spelling: str
) -> None:
    """Add the former stored names of members.

    Raises:
        UnsupportedTypeError: if two members share one.
    """
    for tag, former in aliases.items():
        for each in former:
            if by_tag.setdefault(each, by_tag[tag]) is not by_tag[tag]:
                msg = f"the sum type {spelling} has two members that are or were stored as {each!r}"
                raise UnsupportedTypeError(msg)


class _HasStoredAliases(Protocol):
    @property
    def stored_aliases(self) -> object: ...


def _has_stored_aliases(hint: object) -> TypeIs[_HasStoredAliases]:
    return hasattr(hint, "stored_aliases")


def _aliases_of(member: object) -> tuple[str, ...]:
    """Return the former stored names of a member: the ``stored_aliases`` of its class.

    Raises:
        UnsupportedTypeError: if they are not a tuple of texts.
    """
    origin: object = get_origin(member) or member
    found: object = origin.stored_aliases if _has_stored_aliases(origin) else ()
    given = list(found) if exact_class(found) is tuple and is_iterable(found) else [None]
    names = tuple(each for each in given if isinstance(each, str))
    if len(names) != len(given):
        msg = f"{name_of(origin)}.stored_aliases: expected a tuple of texts, found {found!r}"
        raise UnsupportedTypeError(msg)
    return names

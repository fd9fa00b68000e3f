"""Wires of unions: optional values and sum types."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Final, Union, get_origin

import msgspec

from esmodel.codec.containers import pairs_of
from esmodel.codec.typevars import is_class
from esmodel.codec.wire import Convert, Wire, is_native, name_of, to_json, union_of
from esmodel.exceptions import PayloadError, UnsupportedTypeError

UNIONS: Final[frozenset[object]] = frozenset({Union, types.UnionType})
"""The origins of a union, whether it is written ``X | Y`` or ``Union[X, Y]``."""


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
    if all(wire.to is None for _, wire in members):
        union = union_of([wire.type for _, wire in members])
        if is_native(union):
            return Wire(union, spelling=spelling)
    some = [(member, wire) for member, wire in members if member is not type(None)]
    only = some[0][1]
    if len(some) == 1 and only.to is not None and only.back is not None:
        return _optional_wire(only.type, only.to, only.back, spelling)
    return _sum_wire(some, spelling, optional=len(some) < len(members))


def _optional_wire(some: object, to_some: Convert, back_some: Convert, spelling: str) -> Wire:
    return Wire(
        union_of([some, type(None)]),
        lambda value: None if value is None else to_some(value),
        lambda value: None if value is None else back_some(value),
        spelling,
    )


def _sum_wire(members: Sequence[tuple[object, Wire]], spelling: str, *, optional: bool) -> Wire:
    """Carry a sum type as an object with one entry: the stable name of the member, and the value."""
    by_tag: dict[str, tuple[Wire, msgspec.json.Decoder[object]]] = {}
    by_class: dict[object, tuple[str, Wire]] = {}
    for member, wire in members:
        cls: object = get_origin(member) or member
        tag = name_of(cls)
        if not is_class(cls):
            msg = f"the sum type {spelling} has the member {tag}, which is not a class; use a class instead"
            raise UnsupportedTypeError(msg)
        if tag in by_tag or cls in by_class:
            msg = f"the sum type {spelling} has two members that are stored as {tag!r}; set `stored_name`"
            raise UnsupportedTypeError(msg)
        by_tag[tag] = (wire, msgspec.json.Decoder(wire.type))
        by_class[cls] = (tag, wire)

    def to(value: object) -> object:
        if optional and value is None:
            return None
        found = by_class.get(type(value))
        if found is None:
            msg = f"expected {spelling}, got {value!r}"
            raise PayloadError(msg)
        tag, wire = found
        return {tag: value if wire.to is None else wire.to(value)}

    def back(value: object) -> object:
        if optional and value is None:
            return None
        pairs = pairs_of(value)
        if len(pairs) != 1 or pairs[0][0] not in by_tag:
            msg = f"Expected one of {', '.join(by_tag)}, got {', '.join(str(tag) for tag, _ in pairs)}"
            raise msgspec.ValidationError(msg)
        wire, decoder = by_tag[str(pairs[0][0])]
        plain = decoder.decode(to_json(pairs[0][1]))
        return plain if wire.back is None else wire.back(plain)

    wire_type: object = dict[str, msgspec.Raw]
    return Wire(union_of([wire_type, type(None)]) if optional else wire_type, to, back, spelling)

"""Optional values and sum types."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Final, Union, get_origin

import msgspec

from esmodel.codec.containers import pairs_of
from esmodel.codec.wire import Convert, Wire, name_of, to_json, union_of
from esmodel.exceptions import PayloadError, UnsupportedTypeError

UNIONS: Final[frozenset[object]] = frozenset({Union, types.UnionType})


def optional_of(wire: Wire, to_some: Convert, back_some: Convert, shape: str) -> Wire:
    return Wire(
        union_of([wire.type, type(None)]),
        lambda value: None if value is None else to_some(value),
        lambda value: None if value is None else back_some(value),
        shape,
    )


def tagged(members: Sequence[tuple[object, Wire]], shape: str, *, optional: bool) -> Wire:
    """Carry a sum type as an object with one entry: the member's stable name and its value."""
    by_tag: dict[str, tuple[Wire, msgspec.json.Decoder[object]]] = {}
    by_class: dict[object, tuple[str, Wire]] = {}
    for member, wire in members:
        cls: object = get_origin(member) or member
        tag = name_of(cls)
        if tag in by_tag or cls in by_class or not isinstance(cls, type):
            msg = f"the sum type {shape} has two members that are written as {tag!r}; set `stored_name`"
            raise UnsupportedTypeError(msg)
        by_tag[tag] = (wire, msgspec.json.Decoder(wire.type))
        by_class[cls] = (tag, wire)

    def to(value: object) -> object:
        if optional and value is None:
            return None
        found = by_class.get(type(value))
        if found is None:
            msg = f"expected {shape}, got {value!r}"
            raise PayloadError(msg)
        tag, wire = found
        return {tag: value if wire.to is None else wire.to(value)}

    def back(value: object) -> object:
        if optional and value is None:
            return None
        pairs = list(pairs_of(value))
        if len(pairs) != 1 or pairs[0][0] not in by_tag:
            msg = f"Expected one of {', '.join(by_tag)}, got {', '.join(str(tag) for tag, _ in pairs)}"
            raise msgspec.ValidationError(msg)
        wire, decoder = by_tag[str(pairs[0][0])]
        plain = decoder.decode(to_json(pairs[0][1]))
        return plain if wire.back is None else wire.back(plain)

    wire_type: object = dict[str, msgspec.Raw]
    return Wire(union_of([wire_type, type(None)]) if optional else wire_type, to, back, shape)

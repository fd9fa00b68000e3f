"""Wires of values that have an upcaster of their own, wherever they are nested.

Their JSON tells the class version, unless it is 0: what was written before there was an upcaster has none.
"""

from __future__ import annotations

from types import GenericAlias
from typing import Final, get_origin

import attrs
import msgspec
from typing_extensions import TypeIs

from esmodel.codec.containers import is_mapping
from esmodel.codec.upcasting import Steps, Upcasting, WireOf
from esmodel.codec.wire import VERSION, Fields, Wire, name_of, reader_of, scalar, to_json

_DECLARED: Final = "_es_upcaster"


def versioned_wire(cls: type[object], plain: Wire, wire_of: WireOf, /) -> Wire:
    """Return the wire of a class of values; the plain one, if it declares no upcaster.

    Args:
        cls: the class.
        plain: the wire of its current fields.
        wire_of: returns the wire of the type of a step.

    Raises:
        ModelError: if the steps do not fit each other, or the class.
    """
    chain: object = vars(cls).get(_DECLARED)
    if not _is_chain(chain):
        return plain
    name, newest = name_of(cls), len(chain.steps)
    upcasting = Upcasting(
        cls.__qualname__,
        chain,
        lambda hint: plain if _class_of(hint) is cls else wire_of(hint),
        plain,
        is_object=True,
    )
    read, back_plain = reader_of(plain), plain.back

    def to(value: object) -> object:
        struct = plain.to(value)
        fields = msgspec.structs.asdict(struct) if isinstance(struct, msgspec.Struct) else {}
        return {VERSION: newest, **fields}

    def back(value: object) -> object:
        keys = dict(value) if is_mapping(value) else {}
        version = msgspec.json.decode(to_json(keys.pop(VERSION, 0)), type=int)
        if not 0 <= version <= newest:
            msg = f"expected {name} of class version {newest} or older, found {version}"
            raise msgspec.ValidationError(msg)
        found = read(upcasting.run(to_json(keys), version))
        return found if back_plain is None else back_plain(found)

    return attrs.evolve(
        plain,
        json_type=GenericAlias(dict, (str, msgspec.Raw)),
        to=to,
        back=back,
        spelling=f"{plain.spelling}@{newest}",
        fields=None if plain.fields is None else _versioned(plain.fields, upcasting.oldest),
    )


def _versioned(fields: Fields, oldest: Wire) -> Fields:
    """Return the keys of a class, its version among them."""
    with_version = frozenset({VERSION})
    return Fields(
        {VERSION: scalar(int), **fields.wires},
        fields.required | with_version,
        fields.written | with_version,
        oldest,
    )


def _class_of(hint: object) -> object:
    origin: object = get_origin(hint)
    return hint if origin is None else origin


def _is_chain(declared: object) -> TypeIs[Steps]:
    return declared is not None

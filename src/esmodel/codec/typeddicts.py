"""Wires of typed dictionaries."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Final, NotRequired, Required, get_origin, is_typeddict

import msgspec
from typing_extensions import ReadOnly

from esmodel.codec.containers import dict_of, is_iterable, pairs_of
from esmodel.codec.wire import (
    Fields,
    MisfitError,
    Wire,
    exact_class,
    misfit,
    name_of,
    read_within,
    reader_of,
    shown,
    to_within,
)

QUALIFIERS: Final[frozenset[object]] = frozenset({Required, NotRequired, ReadOnly})
"""Qualifiers of the type of a key."""


def required_keys(cls: type[object], hints: Mapping[str, object], /) -> frozenset[str]:
    """Return the keys that a typed dictionary must have."""
    found: object = vars(cls).get("__required_keys__")
    named = frozenset(map(str, found if is_iterable(found) else ()))
    # the class does not see the qualifiers in annotations that are text
    for key, hint in hints.items():
        if get_origin(hint) is Required:
            named |= {key}
        elif get_origin(hint) is NotRequired:
            named -= {key}
    return named


def typed_dict_wire(cls: type[object], wires: Mapping[str, Wire], required: frozenset[str], /) -> Wire:
    """Carry a typed dictionary as an object, in the order of its keys."""
    name = name_of(cls)
    converts = {key: to_within(f"[{key!r}]", wire) for key, wire in wires.items()}
    readers = {key: reader_of(wire) for key, wire in wires.items()}

    def to(value: object) -> object:
        pairs = dict_of(value, name)
        plain: dict[str, object] = {}
        for key, each in pairs.items():
            if not isinstance(key, str) or exact_class(key) is not str or key not in converts:
                raise misfit(f"a key of {name}", key)
            plain[key] = converts[key](each)
        missing = required - plain.keys()
        if missing:
            raise MisfitError(f"expected {name} with the key {min(missing)!r}, found {shown(value)}")
        return plain

    def back(read: object) -> object:
        made: dict[str, object] = {}
        for key, raw in pairs_of(read):
            if not isinstance(key, str) or key not in wires:
                msg = f"Object contains unknown field `{key}` of {name}"
                raise msgspec.ValidationError(msg)
            made[key] = read_within(key, wires[key], readers[key], raw)
        missing = required - made.keys()
        if missing:
            msg = f"Object missing required field `{min(missing)}` of {name}"
            raise msgspec.ValidationError(msg)
        return made

    fields = ", ".join(
        f"{key}{'' if key in required else '?'}: {wire.spelling}" for key, wire in wires.items()
    )
    return Wire(
        types.GenericAlias(dict, (str, msgspec.Raw)),
        to,
        back,
        f"{cls.__qualname__}({fields})",
        (dict,),
        is_native=all(wire.is_native for wire in wires.values()),
        is_immutable=False,
        fields=Fields(wires, required, required),
    )


def is_typed_dict(cls: type[object], /) -> bool:
    """Return whether a class is a ``TypedDict``."""
    return is_typeddict(cls)

"""Wires of ``object``, ``Any`` and bare containers: JSON values as they are stored.

Only the steps of upcasters take and return them. A value in what a step returns that is not a JSON value is
written by its own class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import GenericAlias
from typing import Any, Final

import attrs

from esmodel.codec.containers import is_mapping, items_of
from esmodel.codec.wire import Convert, Wire, convert_within, exact_class, misfit, to_json
from esmodel.exceptions import UnsupportedTypeError

ANY: Final[object] = Any
"""The type that msgspec reads as any JSON value."""

_SCALARS: Final[frozenset[object]] = frozenset({bool, type(None)})
_SETS: Final[frozenset[object]] = frozenset({set, frozenset})
_ROWS: Final[frozenset[object]] = frozenset({list, tuple})


def plain_wires(wire_of: Callable[[object], Wire], hooked: Mapping[object, Wire], /) -> Mapping[object, Wire]:
    """Return the wires of the open types, by type.

    Args:
        wire_of: returns the wire of a class; raises ``UnsupportedTypeError`` if it cannot be carried.
        hooked: the wires of the classes that have a hook.
    """
    to = _writer(wire_of, [wire for wire in hooked.values() if wire.base is not None])

    def only(cls: type[object], json_type: object) -> Wire:
        def to_one(value: object) -> object:
            if isinstance(value, cls):
                return to(value)
            raise misfit(cls.__name__, value)

        return attrs.evolve(anything, json_type=json_type, to=to_one, spelling=cls.__name__, classes=(cls,))

    anything = Wire(ANY, to, spelling="JSON", is_native=True, is_immutable=False)
    an_object = only(dict, GenericAlias(dict, (str, ANY)))
    return {
        object: anything,
        ANY: anything,
        dict: an_object,
        Mapping: an_object,
        list: only(list, list),
    }


def _writer(wire_of: Callable[[object], Wire], hooked: Sequence[Wire]) -> Convert:
    """Return a function that converts what a step returned, by the class of each value."""

    def to(value: object) -> object:
        kind = exact_class(value)
        if kind in _SCALARS:
            return value
        if is_mapping(value):
            pairs = [
                (convert_within(f"[key {key!r}]", to, key), convert_within(f"[{key!r}]", to, each))
                for key, each in value.items()
            ]
            return dict(pairs) if all(exact_class(key) is str for key in value) else pairs
        if kind in _ROWS or kind in _SETS:
            items = [convert_within(f"[{index}]", to, each) for index, each in enumerate(items_of(value))]
            return sorted(items, key=to_json) if kind in _SETS else items
        return _wire_for(value, wire_of, hooked).to(value)

    return to


def _wire_for(value: object, wire_of: Callable[[object], Wire], hooked: Sequence[Wire]) -> Wire:
    for wire in hooked:
        if wire.base is not None and isinstance(value, wire.base):
            return wire
    try:
        return wire_of(type(value))
    except UnsupportedTypeError as error:
        raise misfit("JSON, or a value of a class that the codec carries by itself", value) from error


def is_open(wire: Wire, /) -> bool:
    """Return whether a wire carries any JSON value."""
    return wire.json_type is ANY

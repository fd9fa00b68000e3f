"""Wires of sequences, sets, tuples and mappings, and the type guards for them."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from typing_extensions import TypeIs

from esmodel.codec.wire import Wire, to_json
from esmodel.exceptions import PayloadError

_SEQUENCES: Final[Mapping[object, Callable[[list[object]], object]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    AbstractSet: frozenset,
}
_MAPPINGS: Final[frozenset[object]] = frozenset({dict, Mapping})


def container_wire(
    origin: object, arguments: tuple[object, ...], wire_of: Callable[[object], Wire], /
) -> Wire | None:
    """Return the wire of a container; ``None`` for any other type, and where the items have no type.

    Args:
        origin: the class of the container.
        arguments: its type arguments.
        wire_of: returns the wire of a type argument.
    """
    if not arguments:
        return None
    if origin is tuple and arguments[1:] != (Ellipsis,):
        return _tuple_wire([wire_of(each) for each in arguments])
    if origin in _SEQUENCES:
        return _sequence_wire(_SEQUENCES[origin], wire_of(arguments[0]))
    if origin in _MAPPINGS:
        return _mapping_wire(wire_of(arguments[0]), wire_of(arguments[1]))
    return None


def is_iterable(value: object) -> TypeIs[Iterable[object]]:
    """Return whether a value has items."""
    return isinstance(value, Iterable)


def is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    """Return whether a value is a mapping."""
    return isinstance(value, Mapping)


def items_of(value: object) -> list[object]:
    """Return the items of a value.

    Raises:
        PayloadError: if it has none.
    """
    if not is_iterable(value):
        msg = f"expected a collection, got {value!r}"
        raise PayloadError(msg)
    return list(value)


def pairs_of(value: object) -> list[tuple[object, object]]:
    """Return the keys and values of a mapping.

    Raises:
        PayloadError: if the value is not a mapping.
    """
    if not is_mapping(value):
        msg = f"expected a mapping, got {value!r}"
        raise PayloadError(msg)
    return list(value.items())


def _couples(rows: object) -> list[tuple[object, object]]:
    return [(key, value) for key, value in map(items_of, items_of(rows))]


def _tuple_wire(wires: Sequence[Wire]) -> Wire:
    """Carry a tuple with a fixed number of items."""
    wire_type: object = types.GenericAlias(tuple, tuple(wire.type for wire in wires))
    spelling = f"tuple[{', '.join(wire.spelling for wire in wires)}]"
    if all(wire.to is None for wire in wires):
        return Wire(wire_type, spelling=spelling)

    def to(value: object) -> object:
        return tuple(
            each if wire.to is None else wire.to(each)
            for wire, each in zip(wires, items_of(value), strict=True)
        )

    def back(value: object) -> object:
        return tuple(
            each if wire.back is None else wire.back(each)
            for wire, each in zip(wires, items_of(value), strict=True)
        )

    return Wire(wire_type, to, back, spelling)


def _sequence_wire(make: Callable[[list[object]], object], item: Wire) -> Wire:
    """Carry any number of items. Sets are written sorted, so that equal sets have equal bytes."""
    is_set = make in {set, frozenset}
    spelling = f"{'set' if is_set else 'sequence'}[{item.spelling}]"
    to_item, back_item = item.to, item.back
    wire_type: object = types.GenericAlias(list, (item.type,))

    def to(value: object) -> object:
        items = items_of(value) if to_item is None else [to_item(each) for each in items_of(value)]
        return sorted(items, key=to_json) if is_set else items

    def back(value: object) -> object:
        items = items_of(value)
        return make(items if back_item is None else [back_item(each) for each in items])

    if make in {list, tuple} and to_item is None:
        native = list if make is list else tuple
        arguments = (item.type,) if make is list else (item.type, Ellipsis)
        return Wire(types.GenericAlias(native, arguments), spelling=spelling)
    return Wire(wire_type, to, back, spelling)


def _mapping_wire(key: Wire, value: Wire) -> Wire:
    """Carry a mapping in its order: as an object if the keys are text, else as a list of pairs."""
    spelling = f"mapping[{key.spelling}, {value.spelling}]"
    if key.type is str and key.to is None:
        wire_type: object = types.GenericAlias(dict, (str, value.type))
        to_value, back_value = value.to, value.back
        if to_value is None or back_value is None:
            return Wire(wire_type, spelling=spelling)
        return Wire(
            wire_type,
            lambda mapping: {name: to_value(each) for name, each in pairs_of(mapping)},
            lambda mapping: {name: back_value(each) for name, each in pairs_of(mapping)},
            spelling,
        )
    pairs = _sequence_wire(list, _tuple_wire([key, value]))

    def to(mapping: object) -> object:
        items = pairs_of(mapping)
        return items if pairs.to is None else pairs.to(items)

    def back(items: object) -> object:
        return dict(_couples(items if pairs.back is None else pairs.back(items)))

    return Wire(pairs.type, to, back, spelling)

"""Sequences, tuples and mappings."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from typing_extensions import TypeIs

from esmodel.codec.wire import Wire, to_json
from esmodel.exceptions import PayloadError

SEQUENCES: Final[Mapping[object, Callable[[list[object]], object]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    AbstractSet: frozenset,
}


MAPPINGS: Final[frozenset[object]] = frozenset({dict, Mapping})


def fixed(wires: Sequence[Wire]) -> Wire:
    """Carry a tuple of a fixed length."""
    wire_type: object = types.GenericAlias(tuple, tuple(wire.type for wire in wires))
    shape = f"tuple[{', '.join(wire.shape for wire in wires)}]"
    if all(wire.to is None for wire in wires):
        return Wire(wire_type, shape=shape)

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

    return Wire(wire_type, to, back, shape)


def sequence(make: Callable[[list[object]], object], item: Wire) -> Wire:
    """Carry many items; a set is written in the order of its items' bytes."""
    is_set = make in {set, frozenset}
    shape = f"{'set' if is_set else 'sequence'}[{item.shape}]"
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
        return Wire(types.GenericAlias(native, arguments), shape=shape)
    return Wire(wire_type, to, back, shape)


def mapping_of(key: Wire, value: Wire) -> Wire:
    """Carry a mapping: an object if its keys are text, else a list of pairs; in its order."""
    shape = f"mapping[{key.shape}, {value.shape}]"
    if key.type is str and key.to is None:
        wire_type: object = types.GenericAlias(dict, (str, value.type))
        to_value, back_value = value.to, value.back
        if to_value is None or back_value is None:
            return Wire(wire_type, shape=shape)
        return Wire(
            wire_type,
            lambda mapping: {name: to_value(each) for name, each in pairs_of(mapping)},
            lambda mapping: {name: back_value(each) for name, each in pairs_of(mapping)},
            shape,
        )
    pair = fixed([key, value])
    pairs = sequence(list, pair)

    def to(mapping: object) -> object:
        items = list(pairs_of(mapping))
        return items if pairs.to is None else pairs.to(items)

    def back(items: object) -> object:
        return dict(_couples(items if pairs.back is None else pairs.back(items)))

    return Wire(pairs.type, to, back, shape)


def is_iterable(value: object) -> TypeIs[Iterable[object]]:
    """Whether something has items."""
    return isinstance(value, Iterable)


def is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    """Whether something is a mapping."""
    return isinstance(value, Mapping)


def items_of(value: object) -> list[object]:
    if not is_iterable(value):
        msg = f"expected a collection, got {value!r}"
        raise PayloadError(msg)
    return list(value)


def pairs_of(value: object) -> Sequence[tuple[object, object]]:
    return list(value.items()) if is_mapping(value) else []


def _couples(value: object) -> list[tuple[object, object]]:
    return [(key, each) for key, each in map(items_of, items_of(value))]

"""Wires of sequences, sets, tuples and mappings, and the type guards for them."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from typing_extensions import TypeIs

from esmodel.codec.wire import MisfitError, Wire, all_of, exact_class, misfit, shown, to_json, union_of

Make = Callable[[list[object]], object]

_MANY: Final[Mapping[object, type[object]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    MutableSequence: list,
    MutableSet: set,
}
"""The class of a value, by the type of many items."""

_MAKERS: Final[Mapping[type[object], Make]] = {
    list: list[object],
    tuple: tuple[object, ...],
    set: set[object],
    frozenset: frozenset[object],
}

_EITHER: Final[Mapping[object, tuple[type[object], type[object]]]] = {
    Sequence: (tuple, list),
    AbstractSet: (frozenset, set),
}
"""Abstract types: what is written as an array, and what is written with its name."""

_MAPPINGS: Final[frozenset[object]] = frozenset({dict, Mapping, MutableMapping})


def container_wire(
    origin: object, arguments: tuple[object, ...], wire_of: Callable[[object], Wire], /
) -> Wire | None:
    """Return the wire of a container; ``None`` for any other type, and where the items have no type.

    Args:
        origin: the class of the container.
        arguments: its type arguments.
        wire_of: returns the wire of a type argument.
    """
    if origin is tuple and arguments[1:] != (Ellipsis,):
        return _tuple_wire([wire_of(each) for each in arguments if each != ()]) if arguments else None
    if not arguments:
        return None
    if origin in _MANY:
        return _many_wire(_MANY[origin], wire_of(arguments[0]))
    if origin in _EITHER:
        first, second = _EITHER[origin]
        return _either_wire(
            _many_wire(first, wire_of(arguments[0])), _many_wire(second, wire_of(arguments[0]))
        )
    if origin in _MAPPINGS:
        return _mapping_wire(wire_of(arguments[0]), wire_of(arguments[1]))
    return None


def is_iterable(value: object) -> TypeIs[Iterable[object]]:
    """Return whether a value has items."""
    return isinstance(value, Iterable)


def is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    """Return whether a value is a mapping."""
    return isinstance(value, Mapping)


def items_of(read: object) -> list[object]:
    """Return the items of an array that msgspec read."""
    return list(read) if is_iterable(read) else []


def dict_of(value: object, name: str, /) -> Mapping[object, object]:
    """Return a value, if it is a dictionary, and of no subclass."""
    if exact_class(value) is dict and is_mapping(value):
        return value
    raise misfit(name, value)


def pairs_of(read: object, /) -> list[tuple[object, object]]:
    """Return the keys and values of an object that msgspec read, or of an array of pairs."""
    return list(read.items()) if is_mapping(read) else [_pair(each) for each in items_of(read)]


def each_to(wire: Wire, items: Iterable[object]) -> list[object]:
    """Convert items, and tell which one does not fit."""
    found: list[object] = []
    for index, each in enumerate(items):
        try:
            found.append(wire.to(each))
        except MisfitError as error:
            raise error.within(f"[{index}]") from error.__cause__
    return found


def _tuple_wire(wires: Sequence[Wire]) -> Wire:
    """Carry a tuple with a fixed number of items."""
    wire_type: object = types.GenericAlias(tuple, tuple(wire.json_type for wire in wires) or ((),))
    name = f"tuple[{', '.join(wire.spelling for wire in wires)}]"
    length, has_back = len(wires), any(wire.back for wire in wires)

    def to(value: object) -> object:
        items = _exactly(tuple, name, value)
        if len(items) != length:
            raise misfit(f"a tuple of {length}", value)
        found: list[object] = []
        for index, (wire, each) in enumerate(zip(wires, items, strict=True)):
            try:
                found.append(wire.to(each))
            except MisfitError as error:
                raise error.within(f"[{index}]") from error.__cause__
        return found

    def back(value: object) -> object:
        pairs = zip(wires, items_of(value), strict=True)
        return tuple(each if wire.back is None else wire.back(each) for wire, each in pairs)

    return Wire(
        wire_type,
        to,
        back if has_back else None,
        name,
        (tuple,),
        is_native=all(wire.is_native for wire in wires),
        is_immutable=all(wire.is_immutable for wire in wires),
    )


def _exactly(cls: type[object], name: str, value: object) -> Sequence[object]:
    """Return a collection of exactly one class, as a sequence."""
    if exact_class(value) is not cls or not is_iterable(value):
        raise misfit(name, value)
    return value if isinstance(value, Sequence) else list(value)


def _many_wire(cls: type[object], item: Wire) -> Wire:
    """Carry any number of items. Sets are written sorted, so that equal sets have equal bytes."""
    is_set = cls in {set, frozenset}
    make = _MAKERS[cls]
    spelling = f"{'set' if is_set else 'sequence'}[{item.spelling}]"
    name = f"{cls.__name__}[{item.spelling}]"
    fit, back_item = all_of(item), item.back

    def to(value: object) -> object:
        items = _exactly(cls, name, value)
        if fit(items):
            return sorted(items, key=to_json) if is_set else items
        plain = each_to(item, items)
        if is_set:
            plain.sort(key=to_json)
            check_apart(plain)
        return plain

    def back(value: object) -> object:
        items = items_of(value)
        if back_item is not None:
            items = [back_item(each) for each in items]
        if is_set and len(set(items)) != len(items):
            msg = f"Expected each item of a set once, got one of {len(items)} twice"
            raise msgspec.ValidationError(msg)
        return make(items)

    needs_back = is_set or back_item is not None
    wire_type: object = types.GenericAlias(list, (item.json_type,))
    check_apart = _apart(wire_type, back, name)
    if not needs_back and cls is tuple:
        wire_type = types.GenericAlias(tuple, (item.json_type, Ellipsis))
    return Wire(
        wire_type,
        to,
        back if needs_back else None,
        spelling,
        (cls,),
        is_native=item.is_native and not is_set,
        is_immutable=item.is_immutable and cls in {tuple, frozenset},
    )


def _either_wire(first: Wire, second: Wire) -> Wire:
    """Carry an abstract type: one class as an array, the other as an object with its name."""
    (usual,), (other,) = first.classes, second.classes
    tag = other.__name__
    wire_type = union_of(
        [types.GenericAlias(list, (_item_type(first),)), types.GenericAlias(dict, (str, second.json_type))]
    )

    def to(value: object) -> object:
        if type(value) is usual:
            return first.to(value)
        if type(value) is other:
            return {tag: second.to(value)}
        raise misfit(f"{usual.__name__} or {other.__name__}", value)

    def back(value: object) -> object:
        if is_mapping(value):
            if list(value) != [tag]:
                msg = f"Expected {tag!r}, got {', '.join(map(str, value))}"
                raise msgspec.ValidationError(msg)
            return value[tag] if second.back is None else second.back(value[tag])
        items = items_of(value)
        return tuple(items) if first.back is None else first.back(items)

    return Wire(
        wire_type, to, back, first.spelling, (usual, other), is_native=first.is_native, is_immutable=False
    )


def _item_type(wire: Wire) -> object:
    """Return the type of the items of a wire of many."""
    alias = wire.json_type
    return alias.__args__[0] if isinstance(alias, types.GenericAlias) else alias


def _mapping_wire(key: Wire, value: Wire) -> Wire:
    """Carry a dictionary in its order: as an object if the keys are text, else as a list of pairs."""
    name = f"mapping[{key.spelling}, {value.spelling}]"
    is_object = key.json_type is str and key.classes == (str,) and key.back is None
    pair: object = types.GenericAlias(tuple, (key.json_type, value.json_type))
    wire_type: object = (
        types.GenericAlias(dict, (str, value.json_type)) if is_object else types.GenericAlias(list, (pair,))
    )
    fit_keys, fit_values = all_of(key), all_of(value)
    back_key, back_value = key.back, value.back

    def to(mapping: object) -> object:
        given = dict_of(mapping, name.replace("mapping", "dict", 1))
        if is_object and fit_keys(given) and fit_values(given.values()):
            return given
        pairs: list[tuple[object, object]] = []
        for each, item in given.items():
            try:
                plain_key = key.to(each)
            except MisfitError as error:
                raise error.within(f"[key {shown(each)}]") from error.__cause__
            try:
                pairs.append((plain_key, value.to(item)))
            except MisfitError as error:
                raise error.within(f"[{_key_shown(each)}]") from error.__cause__
        if is_object:
            return dict(pairs)
        check_apart(pairs)
        return pairs

    def back(read: object) -> object:
        pairs = pairs_of(read)
        made = {
            each if back_key is None else back_key(each): item if back_value is None else back_value(item)
            for each, item in pairs
        }
        if len(made) != len(pairs):
            msg = "Expected each key of a mapping once, got one twice"
            raise msgspec.ValidationError(msg)
        return made

    check_apart = _apart(wire_type, back, name)
    return Wire(
        wire_type,
        to,
        None if is_object and back_value is None else back,
        name,
        (dict,),
        is_native=is_object and value.is_native,
        is_immutable=False,
    )


def _apart(wire_type: object, back: Callable[[object], object], name: str) -> Callable[[object], None]:
    """Return a check that the items of a set, or the keys of a mapping, stay apart when they are read.

    Two nan are two items, and of one text; so are two times of one zone that is there twice.
    """
    decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(wire_type)

    def check(plain: object) -> None:
        try:
            back(decoder.decode(to_json(plain)))
        except msgspec.ValidationError as error:
            raise MisfitError(f"expected {name} that stays apart when it is read: {error}") from error

    return check


def _key_shown(key: object) -> str:
    return repr(key) if isinstance(key, (str, int)) else shown(key)


def _pair(pair: object) -> tuple[object, object]:
    key, value = items_of(pair)
    return key, value

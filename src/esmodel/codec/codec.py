"""Payload to JSON bytes and back, by type.

What msgspec carries without a loss goes to it as it is. The rest (sum types, attrs classes,
whose validators must not run on history, mappings with rich keys, sets, mixed enums, floats
that JSON lacks, types with a hook) passes through a small converter, made once per type.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import (
    Annotated,
    ClassVar,
    Final,
    Generic,
    Literal,
    NewType,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

import attrs
import msgspec
from typing_extensions import TypeAliasType, TypeForm, TypeIs

from esmodel.codec.instances import fields_of
from esmodel.codec.struct import Convert, Shape, Wire, owner_of_field, to_json, union_of
from esmodel.codec.typevars import bind, bound_in, is_class
from esmodel.exceptions import PayloadError, UnsupportedTypeError

T = TypeVar("T")

_SCALARS: Final[frozenset[object]] = frozenset({
    str, int, bool, type(None), bytes, Decimal, UUID, dt.datetime, dt.date, dt.time, dt.timedelta,
})  # fmt: skip


class CodecHook(Protocol):
    """What a codec needs of a hook for one type; ``TypeHook`` is one.

    Laws: what ``wire().back`` makes of what ``wire().to`` made equals the value.
    """

    @property
    def hooked(self) -> object:
        """The type."""
        ...

    def wire(self) -> Wire:
        """Return how the type is carried."""
        ...


class TypeHook(Generic[T]):
    """How a type of the user's own is carried: as the text that ``encode`` gives.

    Attributes:
        type: the class.
        encode: makes text of a value.
        decode: makes a value of text.

    Example:
        >>> hook = TypeHook(complex, encode=str, decode=complex)
        >>> hook.type, hook.decode(hook.encode(1j))
        (<class 'complex'>, 1j)
    """

    __slots__ = ("decode", "encode", "type")

    def __init__(self, hooked: type[T], /, *, encode: Callable[[T], str], decode: Callable[[str], T]) -> None:
        """Take the class, and the two functions, which must be each other's inverse."""
        self.type: type[T] = hooked
        self.encode: Callable[[T], str] = encode
        self.decode: Callable[[str], T] = decode

    @property
    def hooked(self) -> object:
        """The type."""
        return self.type

    def wire(self) -> Wire:
        """Return the converters of this type."""
        hooked, encode, decode = self.type, self.encode, self.decode

        def to(value: object) -> str:
            if not isinstance(value, hooked):
                msg = f"expected {hooked.__name__}, got {value!r}"
                raise PayloadError(msg)
            return encode(value)

        def back(value: object) -> T:
            return decode(str(value))

        return Wire(str, to, back, f"hook {hooked.__name__}")


def _hints(annotated: object) -> Mapping[str, object]:
    hints: dict[str, object] = get_type_hints(annotated)
    return hints


class Codec:
    """Carries payloads, with hooks for types of the user's own.

    Give it to the base class of the events, and of the aggregates if their state has such
    a type: ``codec = Codec(TypeHook(Money, encode=str, decode=Money.parse))``.

    Example:
        >>> codec = Codec(TypeHook(complex, encode=str, decode=complex))
        >>> data = codec.encode(complex | None, 1j)
        >>> data, codec.decode(complex | None, data)
        (b'"1j"', 1j)
    """

    __slots__ = ("_cache", "_hooks")

    def __init__(self, *hooks: CodecHook) -> None:
        """Take the hooks, one for each type."""
        self._hooks: dict[object, Wire] = {hook.hooked: hook.wire() for hook in hooks}
        self._cache: dict[object, tuple[Wire, msgspec.json.Decoder[object]]] = {}

    def encode(self, as_type: object, value: object, /) -> bytes:
        """Return one value as JSON.

        Raises:
            PayloadError: if the value cannot be written.
        """
        self._for(as_type)  # a type that cannot be carried is no fault of the value
        try:
            return to_json(self.to_plain(as_type, value))
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            msg = f"{value!r} cannot be stored as {_name(as_type)}: {error}"
            raise PayloadError(msg) from error

    def decode(self, as_type: object, data: bytes | msgspec.Raw, /) -> object:
        """Return one value from JSON.

        Raises:
            ValueError: if the bytes do not have the shape of the type.
        """
        wire, decoder = self._for(as_type)
        value = decoder.decode(data)
        return value if wire.back is None else wire.back(value)

    def to_plain(self, as_type: object, value: object, /) -> object:
        """Return a value as something that msgspec writes without a loss."""
        wire, _ = self._for(as_type)
        return value if wire.to is None else wire.to(value)

    def convert(self, payload: object, wanted: object, made_as: object = None, /) -> object:
        """Return what an upcaster step returned, or what was stored, in another type."""
        return self.decode(wanted, self.plain_bytes(payload, made_as))

    def plain_bytes(self, payload: object, made_as: object = None, /) -> bytes:
        """Return what an upcaster step returned as JSON.

        Args:
            payload: what was returned.
            made_as: the type in which it was returned; what it leaves open is taken from the
                type at run time, which does not know the tags of sum types.
        """
        return to_json(self._made(payload, made_as))

    def _made(self, payload: object, made_as: object) -> object:
        if is_typeddict(made_as) and is_mapping(payload):
            hints = _hints(made_as)
            return {key: self._made(each, hints.get(str(key))) for key, each in payload.items()}
        if made_as is None:
            return self._plain(payload)
        try:
            return self.to_plain(made_as, payload)
        except UnsupportedTypeError:
            return self._plain(payload)

    def _plain(self, value: object) -> object:
        if is_mapping(value):
            pairs = [(self._plain(key), self._plain(each)) for key, each in value.items()]
            return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else pairs
        if type(value) in _ROWS:
            return [self._plain(each) for each in _items(value)]
        if type(value) in _SETS:
            return sorted((self._plain(each) for each in _items(value)), key=to_json)
        if type(value) in self._hooks or isinstance(value, (float, enum.Enum)) or attrs.has(type(value)):
            return self.to_plain(type(value), value)
        return value

    def _for(self, as_type: object) -> tuple[Wire, msgspec.json.Decoder[object]]:
        cached = self._cache.get(as_type)
        if cached is None:
            wire = self.wire(as_type, {}, ())
            decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(wire.type)
            cached = self._cache[as_type] = (wire, decoder)
        return cached

    def shape(self, cls: type[T], names: Sequence[str], arguments: tuple[object, ...] = (), /) -> Shape[T]:
        """Return the stored form of some fields of an attrs class.

        Args:
            cls: the attrs class.
            names: the fields to store.
            arguments: the type arguments, where the class is generic.

        Raises:
            UnsupportedTypeError: if the type of a field cannot be carried.
        """
        return self._shape(cls, tuple(names), arguments, ())

    def _shape(
        self,
        cls: type[T],
        names: tuple[str, ...],
        arguments: tuple[object, ...],
        path: tuple[object, ...],
    ) -> Shape[T]:
        try:
            hints = get_type_hints(cls, include_extras=True)
        except NameError as error:
            msg = (
                f"{cls.__qualname__}: the annotation {error.name!r} cannot be resolved at run time; "
                f"import it outside of `if TYPE_CHECKING:` and define it at the top of a module"
            )
            raise UnsupportedTypeError(msg) from error
        bound = bound_in(cls, arguments)
        wires: list[Wire] = []
        for name in names:
            try:
                wires.append(self.wire(hints[name], bound[owner_of_field(cls, name)], path))
            except UnsupportedTypeError as error:
                msg = f"{cls.__qualname__}.{name}: {error}"
                raise UnsupportedTypeError(msg) from error
        return Shape(cls, names, tuple(wires))

    def wire(self, hint: object, bound: Mapping[object, object], path: tuple[object, ...]) -> Wire:  # noqa: C901, PLR0911, PLR0912
        """Return how a type is carried; ``path`` holds the attrs classes around it."""
        if isinstance(hint, TypeVar):
            if hint in bound:
                return self.wire(bound[hint], {}, path)
            msg = f"the type variable {hint} is open; name the class with its type, as in Event[str]"
            raise UnsupportedTypeError(msg)
        if isinstance(hint, NewType):
            return self.wire(hint.__supertype__, bound, path)
        if isinstance(hint, TypeAliasType):
            return self.wire(hint.__value__, bound, path)
        origin: object = get_origin(hint)
        arguments: tuple[object, ...] = get_args(hint)
        if hint in self._hooks:
            return self._hooks[hint]
        if hint is None or hint in _SCALARS:
            return Wire(hint, shape=_name(hint))
        if hint is float:
            return Wire(float | str, _float_to, _float_back, "float")
        if is_class(hint) and issubclass(hint, enum.Enum):
            return _enum(hint)
        if origin in {Annotated, Final, ClassVar}:
            return self.wire(arguments[0], bound, path)
        if origin is Literal:
            return Wire(hint, shape=str(hint))
        if origin in _UNIONS:
            return self._union(tuple(arguments), bound, path)
        cls: object = origin or hint
        if is_class(cls) and attrs.has(cls):
            return self._nested(cls, arguments, bound, path)
        if cls is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis) and arguments:  # noqa: PLR2004
            return _fixed([self.wire(each, bound, path) for each in arguments])
        if cls in _SEQUENCES and arguments:
            return _sequence(_SEQUENCES[cls], self.wire(arguments[0], bound, path))
        if cls in _MAPPINGS and arguments:
            return _mapping(self.wire(arguments[0], bound, path), self.wire(arguments[1], bound, path))
        return _by_msgspec(hint)

    def _nested(
        self,
        cls: type[T],
        arguments: tuple[object, ...],
        bound: Mapping[object, object],
        path: tuple[object, ...],
    ) -> Wire:
        given = tuple(bind(each, bound) for each in arguments)
        if (cls, given) in path or len(path) > _DEEPEST:
            msg = f"{cls.__qualname__} holds itself, which cannot be carried; give the codec a hook"
            raise UnsupportedTypeError(msg)
        names = tuple(each.name for each in fields_of(cls))
        shape = self._shape(cls, names, given, (*path, (cls, given)))
        new = cls.__new__

        def to(value: object) -> object:
            if type(value) is not cls:
                msg = f"expected {cls.__name__}, got {value!r}"
                raise PayloadError(msg)
            return shape.to_struct(value)

        def back(value: object) -> object:
            instance = new(cls)
            shape.fill(instance, value)
            return instance

        return Wire(shape.wire_type, to, back, f"{cls.__qualname__}({shape.fingerprint})")

    def _union(
        self, members: tuple[object, ...], bound: Mapping[object, object], path: tuple[object, ...]
    ) -> Wire:
        wires = [(each, self.wire(each, bound, path)) for each in members]
        shape = " | ".join(wire.shape for _, wire in wires)
        if all(wire.to is None for _, wire in wires):
            union = union_of([wire.type for _, wire in wires])
            if _readable(union):
                return Wire(union, shape=shape)
        some = [(each, wire) for each, wire in wires if each is not type(None)]
        only = some[0][1]
        if len(some) == 1 and only.to is not None and only.back is not None:
            return _optional(only, only.to, only.back, shape)
        return _tagged(some, shape, optional=len(some) < len(wires))


class TypedCodec(Generic[T]):
    """Carries values of one type.

    Attributes:
        decode: returns a value from JSON; ``ValueError`` if the bytes do not have the shape of the
            type.

    Example:
        >>> codec = TypedCodec(int | None)
        >>> codec.encode(5), codec.decode(b"null")
        (b'5', None)
    """

    __slots__ = ("_back", "_name", "_read", "_to", "decode")

    def __init__(self, as_type: TypeForm[T], codec: Codec | None = None, /) -> None:
        """Derive how the type is carried.

        Args:
            as_type: the type.
            codec: what has the hooks, if there are any.

        Raises:
            UnsupportedTypeError: if the type cannot be carried.
        """
        wire = (DEFAULT_CODEC if codec is None else codec).wire(as_type, {}, ())
        self._name = _name(as_type)
        self._to = wire.to
        self._back = wire.back
        read: Callable[[bytes], object] = msgspec.json.Decoder(wire.type).decode
        self._read = read
        whole = read if wire.back is None else _both(read, wire.back)
        # what it gives is of this type, which its own annotation does not say
        self.decode: Callable[[bytes], T] = getattr(types.SimpleNamespace(whole=whole), "whole")  # noqa: B009

    def encode(self, value: T, /) -> bytes:
        """Return a value as JSON.

        Raises:
            PayloadError: if it could not be read again as a value of the type, or would come back
                as another value.
        """
        try:
            data = to_json(value if self._to is None else self._to(value))
            # what cannot be read is not written
            again = self._read(data)
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            msg = f"{value!r} cannot be stored as {self._name}: {error}"
            raise PayloadError(msg) from error
        # nor is what comes back as something else: a UUID where text is declared
        if self._back is None and type(again) is not type(value) and again != value:
            msg = f"{value!r} cannot be stored as {self._name}: it would come back as {again!r}"
            raise PayloadError(msg)
        return data


def _both(read: Callable[[bytes], object], back: Convert) -> Callable[[bytes], object]:
    def decode(data: bytes, /) -> object:
        return back(read(data))

    return decode


_SEQUENCES: Final[Mapping[object, Callable[[list[object]], object]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    AbstractSet: frozenset,
}
_DEEPEST: Final = 32
"""How deep attrs classes may be nested: a generic one that holds more of itself would not end."""
_UNIONS: Final[frozenset[object]] = frozenset({Union, types.UnionType})
_OPEN: Final[frozenset[object]] = frozenset({object, dict, list, set, tuple, frozenset})
_SETS: Final[frozenset[object]] = frozenset({set, frozenset})
_ROWS: Final[frozenset[object]] = frozenset({list, tuple})
_MAPPINGS: Final[frozenset[object]] = frozenset({dict, Mapping})
_INFINITIES: Final = {"nan", "inf", "-inf"}


def _float_to(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _float_back(value: object) -> object:
    if isinstance(value, str):
        if value not in _INFINITIES:
            msg = f"Expected `float`, got {value!r}"
            raise msgspec.ValidationError(msg)
        return float(value)
    return value


def _enum(hint: type[enum.Enum]) -> Wire:
    """Carry an enum by its values where msgspec can, else by the names of its members."""
    members = ", ".join(hint.__members__)
    shape = f"enum {hint.__qualname__}({members})"
    if not issubclass(hint, enum.Flag) and _readable(hint):
        return Wire(hint, shape=shape)

    def to(value: object) -> object:
        if not isinstance(value, hint):
            msg = f"expected {hint.__name__}, got {value!r}"
            raise PayloadError(msg)
        return value.value if isinstance(value, enum.Flag) else value.name

    def back(value: object) -> object:
        if isinstance(value, int):
            return hint(value)
        if str(value) not in hint.__members__:
            msg = f"Expected one of {members}, got {value!r}"
            raise msgspec.ValidationError(msg)
        return hint[str(value)]

    return Wire(int if issubclass(hint, enum.Flag) else str, to, back, shape)


def _fixed(wires: Sequence[Wire]) -> Wire:
    """Carry a tuple of a fixed length."""
    wire_type: object = types.GenericAlias(tuple, tuple(wire.type for wire in wires))
    shape = f"tuple[{', '.join(wire.shape for wire in wires)}]"
    if all(wire.to is None for wire in wires):
        return Wire(wire_type, shape=shape)

    def to(value: object) -> object:
        return tuple(
            each if wire.to is None else wire.to(each)
            for wire, each in zip(wires, _items(value), strict=True)
        )

    def back(value: object) -> object:
        return tuple(
            each if wire.back is None else wire.back(each)
            for wire, each in zip(wires, _items(value), strict=True)
        )

    return Wire(wire_type, to, back, shape)


def _sequence(make: Callable[[list[object]], object], item: Wire) -> Wire:
    """Carry many items; a set is written in the order of its items' bytes."""
    is_set = make in {set, frozenset}
    shape = f"{'set' if is_set else 'sequence'}[{item.shape}]"
    to_item, back_item = item.to, item.back
    wire_type: object = types.GenericAlias(list, (item.type,))

    def to(value: object) -> object:
        items = _items(value) if to_item is None else [to_item(each) for each in _items(value)]
        return sorted(items, key=to_json) if is_set else items

    def back(value: object) -> object:
        items = _items(value)
        return make(items if back_item is None else [back_item(each) for each in items])

    if make in {list, tuple} and to_item is None:
        native = list if make is list else tuple
        arguments = (item.type,) if make is list else (item.type, Ellipsis)
        return Wire(types.GenericAlias(native, arguments), shape=shape)
    return Wire(wire_type, to, back, shape)


def _mapping(key: Wire, value: Wire) -> Wire:
    """Carry a mapping: an object if its keys are text, else a list of pairs; in its order."""
    shape = f"mapping[{key.shape}, {value.shape}]"
    if key.type is str and key.to is None:
        wire_type: object = types.GenericAlias(dict, (str, value.type))
        to_value, back_value = value.to, value.back
        if to_value is None or back_value is None:
            return Wire(wire_type, shape=shape)
        return Wire(
            wire_type,
            lambda mapping: {name: to_value(each) for name, each in _pairs(mapping)},
            lambda mapping: {name: back_value(each) for name, each in _pairs(mapping)},
            shape,
        )
    pair = _fixed([key, value])
    pairs = _sequence(list, pair)

    def to(mapping: object) -> object:
        items = list(_pairs(mapping))
        return items if pairs.to is None else pairs.to(items)

    def back(items: object) -> object:
        return dict(_couples(items if pairs.back is None else pairs.back(items)))

    return Wire(pairs.type, to, back, shape)


def _optional(wire: Wire, to_some: Convert, back_some: Convert, shape: str) -> Wire:
    return Wire(
        union_of([wire.type, type(None)]),
        lambda value: None if value is None else to_some(value),
        lambda value: None if value is None else back_some(value),
        shape,
    )


def _tagged(members: Sequence[tuple[object, Wire]], shape: str, *, optional: bool) -> Wire:
    """Carry a sum type as an object with one entry: the member's stable name and its value."""
    by_tag: dict[str, tuple[Wire, msgspec.json.Decoder[object]]] = {}
    by_class: dict[object, tuple[str, Wire]] = {}
    for member, wire in members:
        cls: object = get_origin(member) or member
        tag = _name(cls)
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
        pairs = list(_pairs(value))
        if len(pairs) != 1 or pairs[0][0] not in by_tag:
            msg = f"Expected one of {', '.join(by_tag)}, got {', '.join(str(tag) for tag, _ in pairs)}"
            raise msgspec.ValidationError(msg)
        wire, decoder = by_tag[str(pairs[0][0])]
        plain = decoder.decode(to_json(pairs[0][1]))
        return plain if wire.back is None else wire.back(plain)

    wire_type: object = dict[str, msgspec.Raw]
    return Wire(union_of([wire_type, type(None)]) if optional else wire_type, to, back, shape)


def _by_msgspec(hint: object) -> Wire:
    if hint in _OPEN or not _readable(hint):
        msg = (
            f"the codec cannot carry {_name(hint)}; use a type that it can, "
            f"or a hook: codec = Codec(TypeHook({_name(hint)}, encode=..., decode=...))"
        )
        raise UnsupportedTypeError(msg)
    return Wire(hint, shape=_name(hint))


def _readable(hint: object) -> bool:
    """Whether msgspec knows the type by itself; any other would need a hook of msgspec's."""
    try:
        msgspec.json.Decoder(hint)
        info = msgspec.inspect.type_info(hint)
    except (TypeError, ValueError):
        return False
    return not isinstance(info, (msgspec.inspect.CustomType, msgspec.inspect.AnyType))


def _name(hint: object) -> str:
    """Return the stable name of a type: its ``stored_name`` if it has one, else its own."""
    stored: object = getattr(hint, "stored_name", None)
    if isinstance(stored, str):
        return stored
    return hint.__name__ if isinstance(hint, type) else str(hint)


def is_iterable(value: object) -> TypeIs[Iterable[object]]:
    """Whether something has items."""
    return isinstance(value, Iterable)


def is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    """Whether something is a mapping."""
    return isinstance(value, Mapping)


def _items(value: object) -> list[object]:
    if not is_iterable(value):
        msg = f"expected a collection, got {value!r}"
        raise PayloadError(msg)
    return list(value)


def _pairs(value: object) -> Sequence[tuple[object, object]]:
    return list(value.items()) if is_mapping(value) else []


def _couples(value: object) -> list[tuple[object, object]]:
    return [(key, each) for key, each in map(_items, _items(value))]


DEFAULT_CODEC: Final = Codec()
"""What carries the payload of a class that names no other codec; it has no hooks."""

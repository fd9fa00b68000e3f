"""Payload to JSON bytes and back, by type.

What msgspec carries without a loss goes to it as it is. The rest (sum types, attrs classes,
whose validators must not run on history, mappings with rich keys, sets, mixed enums, floats
that JSON lacks, types with a hook) passes through a small converter, made once per type.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import (
    Annotated,
    ClassVar,
    Final,
    Literal,
    NewType,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs
import msgspec
from typing_extensions import TypeAliasType

from esmodel.codec.containers import MAPPINGS, SEQUENCES, fixed, is_mapping, items_of, mapping_of, sequence
from esmodel.codec.fields import fields_of, owner_of_field
from esmodel.codec.hook import CodecHook
from esmodel.codec.scalars import SCALARS, enum_of, float_back, float_to, native
from esmodel.codec.struct import Shape
from esmodel.codec.typevars import bind, bound_in, is_class
from esmodel.codec.unions import UNIONS, optional_of, tagged
from esmodel.codec.wire import Wire, is_native, name_of, to_json, union_of
from esmodel.exceptions import PayloadError, UnsupportedTypeError

T = TypeVar("T")


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
            msg = f"{value!r} cannot be stored as {name_of(as_type)}: {error}"
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
            return [self._plain(each) for each in items_of(value)]
        if type(value) in _SETS:
            return sorted((self._plain(each) for each in items_of(value)), key=to_json)
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
        if hint is None or hint in SCALARS:
            return Wire(hint, shape=name_of(hint))
        if hint is float:
            return Wire(float | str, float_to, float_back, "float")
        if is_class(hint) and issubclass(hint, enum.Enum):
            return enum_of(hint)
        if origin in {Annotated, Final, ClassVar}:
            return self.wire(arguments[0], bound, path)
        if origin is Literal:
            return Wire(hint, shape=str(hint))
        if origin in UNIONS:
            return self._union(tuple(arguments), bound, path)
        cls: object = origin or hint
        if is_class(cls) and attrs.has(cls):
            return self._nested(cls, arguments, bound, path)
        if cls is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis) and arguments:  # noqa: PLR2004
            return fixed([self.wire(each, bound, path) for each in arguments])
        if cls in SEQUENCES and arguments:
            return sequence(SEQUENCES[cls], self.wire(arguments[0], bound, path))
        if cls in MAPPINGS and arguments:
            return mapping_of(self.wire(arguments[0], bound, path), self.wire(arguments[1], bound, path))
        return native(hint)

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
            if is_native(union):
                return Wire(union, shape=shape)
        some = [(each, wire) for each, wire in wires if each is not type(None)]
        only = some[0][1]
        if len(some) == 1 and only.to is not None and only.back is not None:
            return optional_of(only, only.to, only.back, shape)
        return tagged(some, shape, optional=len(some) < len(wires))


_DEEPEST: Final = 32
"""How deep attrs classes may be nested: a generic one that holds more of itself would not end."""
_SETS: Final[frozenset[object]] = frozenset({set, frozenset})
_ROWS: Final[frozenset[object]] = frozenset({list, tuple})


DEFAULT_CODEC: Final = Codec()
"""What carries the payload of a class that names no other codec; it has no hooks."""

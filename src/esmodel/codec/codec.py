"""The codec: from a type to its wire, and from there to JSON and back.

msgspec writes what it carries without a loss. Everything else passes through converters, which are derived
once for each type: sum types, attrs classes (whose validators must not run on history), mappings whose keys
are not text, sets, mixed enums, floats that JSON cannot express, and types with a hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, NewType, TypeVar, get_args, get_origin

import attrs
import msgspec

from esmodel.codec.classes import fields_wire, hints_of, initials_of, is_dataclass
from esmodel.codec.containers import container_wire
from esmodel.codec.fields import owner_of_field
from esmodel.codec.hook import CodecHook
from esmodel.codec.namedtuples import fields_of_named_tuple, is_named_tuple, named_tuple_wire
from esmodel.codec.plain import is_open, plain_wires
from esmodel.codec.scalars import scalar_wire
from esmodel.codec.struct import StructCodec
from esmodel.codec.typeddicts import QUALIFIERS, is_typed_dict, required_keys, typed_dict_wire
from esmodel.codec.typevars import alias_of, bind, bound_in, is_class
from esmodel.codec.unions import UNIONS, union_wire
from esmodel.codec.versioned import versioned_wire
from esmodel.codec.wire import MisfitError, Wire, name_of, to_json
from esmodel.exceptions import PayloadError, UnsupportedTypeError

T = TypeVar("T")

_NOTHING_BOUND: Final[Mapping[object, object]] = {}
_QUALIFIERS: Final[frozenset[object]] = frozenset({Annotated, Final, ClassVar}) | QUALIFIERS
_DEEPEST: Final = 32
"""How deep classes and aliases may be nested: a generic one that contains more of itself never ends."""


class Codec:
    """Converts values of any supported type to JSON and back.

    Give it to the base class of the events, and of the aggregates if their state has a type with a hook:
    ``codec=Codec(TypeHook(Money, encode=str, decode=Money.parse))``.

    Args:
        hooks: one for each type that the codec does not support by itself.

    Example:
        >>> codec = Codec(TypeHook(complex, encode=str, decode=complex))
        >>> data = codec.encode(complex | None, 1j)
        >>> data, codec.decode(complex | None, data)
        (b'"1j"', 1j)
    """

    __slots__ = ("_cache", "_hooks", "_shapes")

    def __init__(self, *hooks: CodecHook) -> None:
        """Take the hooks."""
        self._hooks: dict[object, Wire] = {hook.hooked: hook.wire() for hook in hooks}
        self._cache: dict[object, tuple[Wire, msgspec.json.Decoder[object]]] = {}
        self._shapes: Codec | None = None

    def encode(self, as_type: object, value: object, /, *, name: str | None = None) -> bytes:
        """Return a value as JSON.

        Args:
            as_type: the type.
            value: the value.
            name: what an error calls the value, if not by its type.

        Raises:
            PayloadError: if the value cannot be written.
            UnsupportedTypeError: if the codec cannot carry the type.
        """
        self._derived(as_type)  # outside of `try`: an unsupported type is not the fault of the value
        try:
            return to_json(self.to_plain(as_type, value))
        except MisfitError as error:
            raise PayloadError(error.sentence(name or name_of(as_type))) from error.__cause__

    def decode(self, as_type: object, data: bytes | msgspec.Raw, /) -> object:
        """Return the value that JSON holds.

        Raises:
            ValueError: if the bytes do not fit the type.
        """
        wire, decoder = self._derived(as_type)
        value = decoder.decode(data)
        return value if wire.back is None else wire.back(value)

    def to_plain(self, as_type: object, value: object, /) -> object:
        """Return a value in the form that msgspec writes without a loss.

        Raises:
            ValueError: if the value is not of the type.
        """
        wire, _ = self._derived(as_type)
        return wire.to(value)

    def shapes(self) -> Codec:
        """Return the codec of what upcaster steps take and return: it also carries ``object``, as JSON."""
        if self._shapes is None:
            self._shapes = made = Codec()
            made._shapes = made
            made._hooks = {**plain_wires(self.wire, self._hooks), **self._hooks}
        return self._shapes

    def struct_codec(
        self, cls: type[T], names: Sequence[str], arguments: tuple[object, ...] = (), /
    ) -> StructCodec[T]:
        """Return the codec of some fields of an attrs class.

        Args:
            cls: the attrs class.
            names: the fields to store.
            arguments: the type arguments, if the class is generic.

        Raises:
            UnsupportedTypeError: if the codec cannot carry the type of a field.
        """
        return self._struct_codec(cls, tuple(names), arguments, ())

    def wire(
        self,
        hint: object,
        bound: Mapping[object, object] = _NOTHING_BOUND,
        path: tuple[object, ...] = (),
        /,
    ) -> Wire:
        """Return the wire of a type.

        Args:
            hint: the type.
            bound: the meaning of the type variables in it.
            path: the classes and aliases that contain it.

        Raises:
            UnsupportedTypeError: if the codec cannot carry the type.
        """
        if isinstance(hint, TypeVar):
            if hint not in bound:
                msg = (
                    f"the type variable {hint} is open; give the class a type argument, as in Event[str], or "
                    "create a subclass that has one, as in class TextBox(Box[str])"
                )
                raise UnsupportedTypeError(msg)
            return self.wire(bound[hint], _NOTHING_BOUND, path)
        if isinstance(hint, NewType):
            return self.wire(hint.__supertype__, bound, path)
        alias = alias_of(hint, bound)
        if alias is not None:
            return self.wire(*alias, _inside(bind(hint, bound), path, hint))
        hooked = self._hooked(hint)
        if hooked is not None:
            return hooked
        return scalar_wire(hint) or self._composed_wire(hint, bound, path)

    def _hooked(self, hint: object) -> Wire | None:
        """Return the wire of a type with a hook; ``None`` for others, and where a note has no hash."""
        try:
            return self._hooks.get(hint)
        except TypeError:
            return None

    def _composed_wire(self, hint: object, bound: Mapping[object, object], path: tuple[object, ...]) -> Wire:
        """Return the wire of a type that is made of others."""
        arguments: tuple[object, ...] = get_args(hint)
        origin: object = get_origin(hint) or hint
        if not arguments and (origin in _QUALIFIERS or origin in UNIONS):
            raise UnsupportedTypeError(f"expected {name_of(hint)} of a type, found it alone")
        if origin in _QUALIFIERS:
            return self.wire(arguments[0], bound, path)
        if origin in UNIONS:
            members = self._members(hint, bound, path)
            return next((wire for _, wire in members if is_open(wire)), None) or union_wire(members)
        hooked = self._hooked(origin) if arguments else None
        if hooked is not None and hooked.base is not None:
            return hooked  # that of the generic class
        if is_class(origin):
            found = self._class_wire(origin, tuple(bind(each, bound) for each in arguments), path)
            if found is not None:
                return found
        if get_origin(hint) is tuple and not arguments:
            arguments = ((),)  # of no items
        container = container_wire(origin, arguments, lambda each: self.wire(each, bound, path))
        if container is None:
            raise UnsupportedTypeError(_not_carried(hint))
        return container

    def _members(
        self, hint: object, bound: Mapping[object, object], path: tuple[object, ...]
    ) -> list[tuple[object, Wire]]:
        """Return the members of a union, of the unions in it too, each once, with its wire."""
        if isinstance(hint, TypeVar) and hint in bound:
            return self._members(bound[hint], _NOTHING_BOUND, path)
        if isinstance(hint, NewType):
            return self._members(hint.__supertype__, bound, path)
        alias = alias_of(hint, bound)
        if alias is not None:
            return self._members(*alias, _inside(bind(hint, bound), path, hint))
        origin = get_origin(hint)
        if self._hooked(hint) is None and origin in _QUALIFIERS:
            return self._members(get_args(hint)[0], bound, path)
        if origin not in UNIONS:
            return [(bind(hint, bound), self.wire(hint, bound, path))]
        found: list[tuple[object, Wire]] = []
        for each in get_args(hint):
            for member, wire in self._members(each, bound, path):
                if all(member != other for other, _ in found):
                    found.append((member, wire))
        return found

    def _class_wire(
        self, cls: type[T], arguments: tuple[object, ...], path: tuple[object, ...]
    ) -> Wire | None:
        """Return the wire of a class with fields; ``None`` for other classes."""
        has_fields = attrs.has(cls) or is_dataclass(cls)
        if not has_fields and not is_named_tuple(cls) and not is_typed_dict(cls):
            return None
        inside = _inside((cls, arguments), path, cls)
        if has_fields:
            plain = fields_wire(self._struct_codec(cls, tuple(initials_of(cls)), arguments, inside))
            return versioned_wire(cls, plain, lambda hint: self.shapes().wire(hint, _NOTHING_BOUND, inside))
        if is_named_tuple(cls):
            return named_tuple_wire(cls, self._wires(cls, fields_of_named_tuple(cls), arguments, inside))
        hints = hints_of(cls)
        return typed_dict_wire(
            cls, self._wires(cls, tuple(hints), arguments, inside), required_keys(cls, hints)
        )

    def _wires(
        self,
        cls: type[object],
        names: tuple[str, ...],
        arguments: tuple[object, ...],
        path: tuple[object, ...],
    ) -> dict[str, Wire]:
        """Return the wires of fields.

        Raises:
            UnsupportedTypeError: naming the class and the field.
        """
        hints = hints_of(cls)
        bound = bound_in(cls, arguments)
        wires: dict[str, Wire] = {}
        for name in names:
            if name not in hints:
                msg = f"{cls.__qualname__}.{name}: expected an annotation, found none"
                raise UnsupportedTypeError(msg)
            try:
                wires[name] = self.wire(
                    hints[name], bound.get(owner_of_field(cls, name), _NOTHING_BOUND), path
                )
            except UnsupportedTypeError as error:
                msg = f"{cls.__qualname__}.{name}: {error}"
                raise UnsupportedTypeError(msg) from error
        return wires

    def _struct_codec(
        self,
        cls: type[T],
        names: tuple[str, ...],
        arguments: tuple[object, ...],
        path: tuple[object, ...],
    ) -> StructCodec[T]:
        initials = initials_of(cls)
        given = {name: initial for name, initial in initials.items() if initial is not None}
        return StructCodec(cls, self._wires(cls, names, arguments, path), given)

    def _derived(self, as_type: object) -> tuple[Wire, msgspec.json.Decoder[object]]:
        cached = self._cache.get(as_type)
        if cached is None:
            wire = self.wire(as_type)
            decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(wire.json_type)
            cached = self._cache[as_type] = (wire, decoder)
        return cached


def _inside(entry: object, path: tuple[object, ...], hint: object) -> tuple[object, ...]:
    """Return the path within a class or an alias."""
    if entry in path or len(path) > _DEEPEST:
        name = hint.__qualname__ if is_class(hint) else str(hint)
        msg = f"{name} contains itself, and the codec cannot carry recursive types; add a hook for it"
        raise UnsupportedTypeError(msg)
    return (*path, entry)


def _not_carried(hint: object) -> str:
    name = name_of(hint)
    return (
        f"the codec cannot carry {name}; use another type, "
        f"or add a hook: codec=Codec(TypeHook({name}, encode=..., decode=...))"
    )


DEFAULT_CODEC: Final = Codec()
"""The codec of classes that name no other; it has no hooks."""

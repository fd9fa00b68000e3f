"""The codec: from a type to its wire, and from there to JSON and back.

msgspec writes what it carries without a loss. Everything else passes through converters, which are derived
once for each type: sum types, attrs classes (whose validators must not run on history), mappings whose keys
are not text, sets, mixed enums, floats that JSON cannot express, and types with a hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, NewType, TypeVar, get_args, get_origin, get_type_hints

import attrs
import msgspec

from esmodel.codec.containers import container_wire
from esmodel.codec.fields import fields_of, owner_of_field
from esmodel.codec.hook import CodecHook
from esmodel.codec.plain import PlainValues
from esmodel.codec.scalars import scalar_wire
from esmodel.codec.struct import StructCodec
from esmodel.codec.typevars import alias_of, bind, bound_in, is_class
from esmodel.codec.unions import UNIONS, union_wire
from esmodel.codec.wire import Wire, is_native, name_of, to_json
from esmodel.exceptions import PayloadError, UnsupportedTypeError

T = TypeVar("T")

_NOTHING_BOUND: Final[Mapping[object, object]] = {}
_QUALIFIERS: Final[frozenset[object]] = frozenset({Annotated, Final, ClassVar})
_OPEN: Final[frozenset[object]] = frozenset({object, dict, list, set, tuple, frozenset})
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

    __slots__ = ("_cache", "_hooks", "_plain")

    def __init__(self, *hooks: CodecHook) -> None:
        """Take the hooks."""
        self._hooks: dict[object, Wire] = {hook.hooked: hook.wire() for hook in hooks}
        self._cache: dict[object, tuple[Wire, msgspec.json.Decoder[object]]] = {}
        self._plain = PlainValues(self.to_plain, self._hooks)

    def encode(self, as_type: object, value: object, /) -> bytes:
        """Return a value as JSON.

        Args:
            as_type: the type.
            value: the value.

        Raises:
            PayloadError: if the value cannot be written.
            UnsupportedTypeError: if the codec cannot carry the type.
        """
        self._derived(as_type)  # outside of `try`: an unsupported type is not the fault of the value
        try:
            return to_json(self.to_plain(as_type, value))
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            msg = f"{value!r} cannot be stored as {name_of(as_type)}: {error}"
            raise PayloadError(msg) from error

    def decode(self, as_type: object, data: bytes | msgspec.Raw, /) -> object:
        """Return the value that JSON holds.

        Raises:
            ValueError: if the bytes do not fit the type.
        """
        wire, decoder = self._derived(as_type)
        value = decoder.decode(data)
        return value if wire.back is None else wire.back(value)

    def to_plain(self, as_type: object, value: object, /) -> object:
        """Return a value in the form that msgspec writes without a loss."""
        wire, _ = self._derived(as_type)
        return value if wire.to is None else wire.to(value)

    def convert(self, payload: object, wanted: object, returned_as: object = None, /) -> object:
        """Return a stored payload, or the result of an upcaster step, as another type.

        Args:
            payload: the payload.
            wanted: the type to return.
            returned_as: the type that the step declares.
        """
        return self.decode(wanted, self.plain_bytes(payload, returned_as))

    def plain_bytes(self, payload: object, returned_as: object = None, /) -> bytes:
        """Return the result of an upcaster step as JSON.

        Args:
            payload: the result.
            returned_as: the type that the step declares; see ``PlainValues.convert``.
        """
        return to_json(self._plain.convert(payload, returned_as))

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
                msg = f"the type variable {hint} is open; give the class a type argument, as in Event[str]"
                raise UnsupportedTypeError(msg)
            return self.wire(bound[hint], _NOTHING_BOUND, path)
        if isinstance(hint, NewType):
            return self.wire(hint.__supertype__, bound, path)
        alias = alias_of(hint, bound)
        if alias is not None:
            return self.wire(*alias, _inside(bind(hint, bound), path, hint))
        if hint in self._hooks:
            return self._hooks[hint]
        return scalar_wire(hint) or self._composed_wire(hint, bound, path)

    def _composed_wire(self, hint: object, bound: Mapping[object, object], path: tuple[object, ...]) -> Wire:
        """Return the wire of a type that is made of others."""
        arguments: tuple[object, ...] = get_args(hint)
        origin: object = get_origin(hint) or hint
        if origin in _QUALIFIERS:
            return self.wire(arguments[0], bound, path)
        if origin in UNIONS:
            return union_wire([(each, self.wire(each, bound, path)) for each in arguments])
        if is_class(origin) and attrs.has(origin):
            return self._nested_wire(origin, tuple(bind(each, bound) for each in arguments), path)
        container = container_wire(origin, arguments, lambda each: self.wire(each, bound, path))
        return container or _native_wire(hint)

    def _nested_wire(self, cls: type[T], arguments: tuple[object, ...], path: tuple[object, ...]) -> Wire:
        """Return the wire of an attrs class."""
        names = tuple(each.name for each in fields_of(cls))
        inside = _inside((cls, arguments), path, cls)
        struct_codec = self._struct_codec(cls, names, arguments, inside)
        new = cls.__new__

        def to(value: object) -> object:
            if type(value) is not cls:
                msg = f"expected {cls.__name__}, got {value!r}"
                raise PayloadError(msg)
            return struct_codec.to_struct(value)

        def back(value: object) -> object:
            instance = new(cls)
            struct_codec.fill(instance, value)
            return instance

        return Wire(struct_codec.wire_type, to, back, f"{cls.__qualname__}({struct_codec.fingerprint})")

    def _struct_codec(
        self,
        cls: type[T],
        names: tuple[str, ...],
        arguments: tuple[object, ...],
        path: tuple[object, ...],
    ) -> StructCodec[T]:
        hints = _hints_of(cls)
        bound = bound_in(cls, arguments)
        wires: list[Wire] = []
        for name in names:
            try:
                wires.append(self.wire(hints[name], bound[owner_of_field(cls, name)], path))
            except UnsupportedTypeError as error:
                msg = f"{cls.__qualname__}.{name}: {error}"
                raise UnsupportedTypeError(msg) from error
        return StructCodec(cls, names, tuple(wires))

    def _derived(self, as_type: object) -> tuple[Wire, msgspec.json.Decoder[object]]:
        cached = self._cache.get(as_type)
        if cached is None:
            wire = self.wire(as_type)
            decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(wire.type)
            cached = self._cache[as_type] = (wire, decoder)
        return cached


def _inside(entry: object, path: tuple[object, ...], hint: object) -> tuple[object, ...]:
    """Return the path within a class or an alias."""
    if entry in path or len(path) > _DEEPEST:
        name = hint.__qualname__ if is_class(hint) else str(hint)
        msg = f"{name} contains itself, and the codec cannot carry recursive types; add a hook for it"
        raise UnsupportedTypeError(msg)
    return (*path, entry)


def _hints_of(cls: type[object]) -> Mapping[str, object]:
    try:
        hints: dict[str, object] = get_type_hints(cls, include_extras=True)
    except NameError as error:
        msg = (
            f"{cls.__qualname__}: the annotation {error.name!r} cannot be resolved at run time; "
            f"import it outside of `if TYPE_CHECKING:` and define it at the top of a module"
        )
        raise UnsupportedTypeError(msg) from error
    return hints


def _native_wire(hint: object) -> Wire:
    """Return the wire of a type that msgspec carries by itself."""
    if hint in _OPEN or not is_native(hint):
        name = name_of(hint)
        msg = (
            f"the codec cannot carry {name}; use another type, "
            f"or add a hook: codec=Codec(TypeHook({name}, encode=..., decode=...))"
        )
        raise UnsupportedTypeError(msg)
    return Wire(hint, spelling=name_of(hint))


DEFAULT_CODEC: Final = Codec()
"""The codec of classes that name no other; it has no hooks."""

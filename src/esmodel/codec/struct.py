"""The codec of some fields of an attrs class, which are stored as one JSON object.

The functions that read and write the fields are generated for each class: a loop over the fields would take
twice as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import attrs
import msgspec

from esmodel.codec.fields import caches_hash, default_of, fields_of, setter_of
from esmodel.codec.generated import generated
from esmodel.codec.instances import mutable_class_of
from esmodel.codec.wire import Wire, to_json, union_of
from esmodel.exceptions import PayloadError

T = TypeVar("T")
TInstance_co = TypeVar("TInstance_co", covariant=True)


Encoder = Callable[[T], bytes]
"""Returns fields of an instance as JSON."""

Filler = Callable[[T, object], object]
"""Sets fields of an instance from a struct."""


class Loader(Protocol[TInstance_co]):
    """Constructs an instance from JSON and from fields that are stored elsewhere."""

    def __call__(self, data: bytes, /, *given: object) -> TInstance_co:
        """Return an instance.

        Raises:
            ValueError: if the bytes do not fit the fields.
        """
        ...


class StructCodec(Generic[T]):
    """Converts some fields of an attrs class to JSON and back.

    ``Codec.struct_codec`` makes it. No validator, converter or ``__attrs_post_init__`` runs.

    Args:
        cls: the class.
        names: the fields.
        wires: the wire of each field.

    Attributes:
        cls: the class.
        names: the fields, in the order in which they are stored.
        fingerprint: changes when a stored field changes its name or its type.
        read: parses JSON into a struct with the fields in their stored form.
        encode: returns the fields of an instance as JSON; raises ``PayloadError`` if a value cannot be
            written, or could not be read again.

    Example:
        >>> @frozen
        ... class Point:
        ...     x: int
        ...     y: int = 0
        >>> points = Codec().struct_codec(Point, ["x", "y"])
        >>> points.encode(Point(1)), points.fingerprint
        (b'{"x":1,"y":0}', 'x: int, y: int')
        >>> load = points.loader(())
        >>> load(b'{"x":2}')
        Point(x=2, y=0)
    """

    __slots__ = (
        "_defaults",
        "_fill",
        "_struct",
        "_to_struct",
        "_wires",
        "cls",
        "encode",
        "fingerprint",
        "names",
        "read",
    )

    def __init__(self, cls: type[T], names: tuple[str, ...], wires: tuple[Wire, ...], /) -> None:
        """Generate the functions for these fields."""
        self.cls: type[T] = cls
        self.names: tuple[str, ...] = names
        self._wires = wires
        attributes = {each.name: each for each in fields_of(cls)}
        self._defaults: tuple[object, ...] = tuple(attributes[name].default for name in names)
        self._struct = msgspec.defstruct(
            cls.__name__,
            [
                (name, wire.type)
                if attributes[name].default is attrs.NOTHING
                else (name, union_of([wire.type, msgspec.UnsetType]), msgspec.UNSET)
                for name, wire in zip(names, wires, strict=True)
            ],
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        self.read: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(self._struct).decode
        self._to_struct = self._writer()
        self.encode: Encoder[T] = self._encoder()
        self._fill = self._filler()
        self.fingerprint: str = ", ".join(
            f"{name}: {wire.spelling}" for name, wire in zip(names, wires, strict=True)
        )

    @property
    def wire_type(self) -> type[msgspec.Struct]:
        """The type that msgspec reads and writes for these fields."""
        return self._struct

    def to_struct(self, instance: object, /) -> object:
        """Return the fields of an instance in the form that msgspec writes."""
        return self._to_struct(instance)

    def fill(self, instance: T, struct: object, /) -> None:
        """Set the fields of an instance from the struct that msgspec read."""
        self._fill(instance, struct)

    def decode(self, data: bytes, instance: T, /) -> None:
        """Set the fields of an instance from JSON.

        Raises:
            ValueError: if the bytes do not fit the fields; the message names the field.
        """
        self._fill(instance, self.read(data))

    def loader(self, before: tuple[str, ...], /) -> Loader[T]:
        """Return a function that constructs an instance from JSON and from the values of other fields.

        Args:
            before: the other fields; their values follow the JSON, in this order.
        """
        given = [f"given_{number}" for number in range(len(before))]
        mutable = mutable_class_of(self.cls)
        known, steps = self._steps(before, is_mutable=mutable is not None)
        known |= {"cls": self.cls, "mutable": mutable, "new": self.cls.__new__, "read": self.read}
        begin, end = ("new(cls)", []) if mutable is None else ("mutable()", ["instance.__class__ = cls"])
        statements = ["struct = read(data)", f"instance = {begin}", *steps, *end, "return instance"]
        return generated(Loader[T], ", ".join(["data", *given]), statements, known)

    def _filler(self) -> Filler[T]:
        known, steps = self._steps((), is_mutable=False)
        return generated(Filler[T], "instance, struct", [*steps, "pass"], known)

    def _steps(self, before: tuple[str, ...], *, is_mutable: bool) -> tuple[dict[str, object], list[str]]:
        """Return the globals and the statements that set the fields of an instance.

        Args:
            before: fields whose values are given.
            is_mutable: whether the instance takes plain assignments.
        """
        known: dict[str, object] = {"UNSET": msgspec.UNSET, "default_of": default_of}
        values = {name: f"given_{number}" for number, name in enumerate(before)}
        for number, (name, wire) in enumerate(zip(self.names, self._wires, strict=True)):
            default = self._defaults[number]
            known[f"back_{number}"] = wire.back
            known[f"default_{number}"] = default
            value = f"struct.{name}" if wire.back is None else f"back_{number}(struct.{name})"
            if default is not attrs.NOTHING:
                absent = f"default_of(default_{number}, instance)"
                value = f"{absent} if struct.{name} is UNSET else {value}"
            values[name] = value
        if caches_hash(self.cls):
            values["_attrs_cached_hash"] = "None"  # as `__init__` does
        if is_mutable:
            return known, [f"instance.{name} = {value}" for name, value in values.items()]
        known |= {f"set_{name}": setter_of(self.cls, name) for name in values}
        return known, [f"set_{name}(instance, {value})" for name, value in values.items()]

    def _writer(self) -> Callable[[object], object]:
        known, struct = self._as_struct()
        return generated(Callable[[object], object], "instance", [f"return {struct}"], known)

    def _encoder(self) -> Encoder[T]:
        known, struct = self._as_struct()
        known |= {"read": self.read, "to_json": to_json, "refused": self._refused}
        statements = [
            f"try: data = to_json({struct}); read(data)",  # refuses to write a value that cannot be read
            "except (TypeError, ValueError, OverflowError, AttributeError) as error:",
            "    raise refused(error) from error",
            "return data",
        ]
        return generated(Encoder[T], "instance", statements, known)

    def _refused(self, error: Exception) -> PayloadError:
        return PayloadError(f"{self.cls.__qualname__} cannot be stored: {error}")

    def _as_struct(self) -> tuple[dict[str, object], str]:
        """Return the globals and the expression that makes a struct of an instance."""
        known: dict[str, object] = {"struct": self._struct}
        fields: list[str] = []
        for number, (name, wire) in enumerate(zip(self.names, self._wires, strict=True)):
            known[f"to_{number}"] = wire.to
            value = f"instance.{name}"
            fields.append(f"{name}={value}" if wire.to is None else f"{name}=to_{number}({value})")
        return known, f"struct({', '.join(fields)})"

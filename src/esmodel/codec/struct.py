"""Shapes: the stored form of some fields of an attrs class.

What reads and writes the fields of a class is generated once for it, as attrs generates
``__init__``: a loop over the fields would take twice as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import msgspec

from esmodel.codec.fields import caches_hash, default_of, fields_of, setter_of
from esmodel.codec.instances import Generated, generated, open_class_of
from esmodel.codec.wire import Wire, to_json, union_of
from esmodel.exceptions import PayloadError

T = TypeVar("T")


class Shape(Generic[T]):
    """The stored form of some fields of an attrs class.

    Attributes:
        cls: the class.
        names: the fields, in the order in which they are stored.
        fingerprint: changes when a stored field changes its name or type.
        read: what makes of JSON a struct, which holds the fields as they are stored.
        encode: what makes of an instance its fields as JSON; a ``PayloadError`` where a value cannot be
            written, or could not be read again.
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
        """Take the class, its fields and how each is carried; ``Codec.shape`` makes them."""
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
        self.encode: Callable[[T], bytes] = self._encoder()
        self._fill = self._filler()
        self.fingerprint: str = ", ".join(
            f"{name}: {wire.shape}" for name, wire in zip(names, wires, strict=True)
        )

    def to_struct(self, value: object, /) -> object:
        """Return what msgspec writes for the fields of an instance."""
        return self._to_struct(value)

    def fill(self, instance: T, struct: object, /) -> None:
        """Set the fields of an instance from what msgspec read; no validator runs."""
        self._fill(instance, struct)

    def decode(self, data: bytes, instance: T, /) -> None:
        """Set the fields of an instance from JSON.

        Raises:
            ValueError: if the bytes do not have this shape; the sentence names the field.
        """
        self._fill(instance, self.read(data))

    @property
    def wire_type(self) -> type[msgspec.Struct]:
        """The type that msgspec reads and writes for these fields."""
        return self._struct

    def maker(self, before: tuple[str, ...], /) -> Callable[..., T]:
        """Return what makes an instance of JSON, and of other fields as they are given.

        Args:
            before: the others; their values follow the JSON, in this order.
        """
        given = [f"given_{number}" for number in range(len(before))]
        opened = open_class_of(self.cls)
        known, steps = self._steps(before, is_open=opened is not None)
        known |= {"cls": self.cls, "opened": opened, "new": self.cls.__new__, "read": self.read}
        begin, end = ("new(cls)", []) if opened is None else ("opened()", ["instance.__class__ = cls"])
        statements = ["struct = read(data)", f"instance = {begin}", *steps, *end, "return instance"]
        make: Callable[..., T] = generated(", ".join(["data", *given]), statements, known).function
        return make

    def _filler(self) -> Generated:
        known, steps = self._steps((), is_open=False)
        fill: Generated = generated("instance, struct", [*steps, "pass"], known).function
        return fill

    def _steps(self, before: tuple[str, ...], *, is_open: bool) -> tuple[dict[str, object], list[str]]:
        """Return the statements that set the fields of an instance, and what they name.

        Args:
            before: fields that are given as they are.
            is_open: whether the instance can be changed as any other.
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
            values["_attrs_cached_hash"] = "None"  # what `__init__` begins with
        if is_open:
            return known, [f"instance.{name} = {value}" for name, value in values.items()]
        known |= {f"set_{name}": setter_of(self.cls, name) for name in values}
        return known, [f"set_{name}(instance, {value})" for name, value in values.items()]

    def _writer(self) -> Generated:
        known, struct = self._as_struct()
        write: Generated = generated("instance", [f"return {struct}"], known).function
        return write

    def _encoder(self) -> Callable[[T], bytes]:
        known, struct = self._as_struct()
        known |= {"read": self.read, "to_json": to_json, "refused": self._refused}
        statements = [
            f"try: data = to_json({struct}); read(data)",  # what cannot be read is not written: 0.1 us
            "except (TypeError, ValueError, OverflowError, AttributeError) as error:",
            "    raise refused(error) from error",
            "return data",
        ]
        encode: Callable[[T], bytes] = generated("instance", statements, known).function
        return encode

    def _refused(self, error: Exception) -> PayloadError:
        return PayloadError(f"{self.cls.__qualname__} cannot be stored: {error}")

    def _as_struct(self) -> tuple[dict[str, object], str]:
        """Return the expression that makes a struct of an instance, and what it names."""
        known: dict[str, object] = {"struct": self._struct}
        fields: list[str] = []
        for number, (name, wire) in enumerate(zip(self.names, self._wires, strict=True)):
            known[f"to_{number}"] = wire.to
            value = f"instance.{name}"
            fields.append(f"{name}={value}" if wire.to is None else f"{name}=to_{number}({value})")
        return known, f"struct({', '.join(fields)})"

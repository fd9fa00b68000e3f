"""Shapes: the stored form of some fields of an attrs class.

What reads and writes the fields of a class is generated once for it, as attrs generates
``__init__``: a loop over the fields would take twice as long.
"""

from __future__ import annotations

import inspect
import operator
import types
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

import attrs
import msgspec

from esmodel.exceptions import ModelError, PayloadError

T = TypeVar("T")

Convert = Callable[[object], object]
"""Makes of a value what is stored for it, or the other way round."""

Filler = Callable[..., object]
"""A function that was generated for the fields of a class."""


@attrs.frozen
class Wire:
    """How one type is written: as which type that msgspec knows, and through which converters.

    Attributes:
        type: the type that msgspec writes and reads.
        to: the converter on the way into the stored form; ``None`` where there is nothing to do.
        back: the converter on the way back.
        shape: the type spelt out, nested fields included, for fingerprints.
    """

    type: object
    to: Convert | None = None
    back: Convert | None = None
    shape: str = ""


class Shape(Generic[T]):
    """The stored form of some fields of an attrs class.

    Attributes:
        cls: the class.
        names: the fields, in the order in which they are stored.
        fingerprint: changes when a stored field changes its name or type.
        read: what makes of JSON a struct, which holds the fields as they are stored.
    """

    __slots__ = (
        "_defaults",
        "_fill",
        "_struct",
        "_to_struct",
        "_wires",
        "cls",
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

    def encode(self, value: T, /) -> bytes:
        """Return the fields of an instance as JSON.

        Raises:
            PayloadError: if a value cannot be written in the stored form.
        """
        try:
            data = to_json(self._to_struct(value))
            # what cannot be read is not written: 0.1 us for two fields
            self.read(data)
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            msg = f"{self.cls.__qualname__} cannot be stored: {error}"
            raise PayloadError(msg) from error
        return data

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
        known, steps = self._steps(before)
        known |= {"cls": self.cls, "new": self.cls.__new__, "read": self.read}
        body = "; ".join(["instance = new(cls)", "struct = read(data)", *steps, "return instance"])
        given = "".join(f", given_{number}" for number in range(len(before)))
        make: Callable[..., T] = getattr(_generated(f"data{given}", body, known), "generated")  # noqa: B009
        return make

    def _filler(self) -> Filler:
        known, steps = self._steps(())
        fill: Filler = getattr(_generated("instance, struct", "; ".join(steps) or "pass", known), "generated")  # noqa: B009
        return fill

    def _steps(self, before: tuple[str, ...]) -> tuple[dict[str, object], list[str]]:
        """Return the statements that set the fields of an instance, and the names in them."""
        known: dict[str, object] = {"UNSET": msgspec.UNSET, "default_of": default_of}
        steps: list[str] = []
        for number, name in enumerate(before):
            known[f"place_{number}"] = _setter_of(self.cls, name)
            steps.append(f"place_{number}(instance, given_{number})")
        for number, (name, wire) in enumerate(zip(self.names, self._wires, strict=True)):
            default = self._defaults[number]
            known[f"set_{number}"] = _setter_of(self.cls, name)
            known[f"back_{number}"] = wire.back
            known[f"default_{number}"] = default
            value = f"struct.{name}" if wire.back is None else f"back_{number}(struct.{name})"
            if default is not attrs.NOTHING:
                absent = f"default_of(default_{number}, instance)"
                value = f"{absent} if struct.{name} is UNSET else {value}"
            steps.append(f"set_{number}(instance, {value})")
        return known, steps

    def _writer(self) -> Filler:
        known: dict[str, object] = {"struct": self._struct}
        fields: list[str] = []
        for number, (name, wire) in enumerate(zip(self.names, self._wires, strict=True)):
            known[f"to_{number}"] = wire.to
            value = f"instance.{name}"
            fields.append(f"{name}={value}" if wire.to is None else f"{name}=to_{number}({value})")
        body = f"return struct({', '.join(fields)})"
        write: Filler = getattr(_generated("instance", body, known), "generated")  # noqa: B009
        return write


def _generated(parameters: str, body: str, known: dict[str, object]) -> types.SimpleNamespace:
    """Make a function of a line of code, which names nothing but fields and what is known."""
    exec(f"def generated({parameters}): {body}", known)  # noqa: S102  # because fields are identifiers
    return types.SimpleNamespace(generated=known["generated"])


def fields_of(cls: type[object], /) -> tuple[attrs.Attribute[object], ...]:
    """Return the fields of an attrs class.

    Raises:
        ModelError: if it is none.
    """
    if not attrs.has(cls):
        msg = f"{cls.__qualname__} must be an attrs class: write @frozen(kw_only=True) above it"
        raise ModelError(msg)
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(cls)
    return fields


to_json: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
"""Writes what msgspec knows as JSON."""

# by name, because the stubs of `|` say nothing of its types
_either: Final[Callable[[object, object], object]] = getattr(operator, "or_")  # noqa: B009


def union_of(members: Sequence[object], /) -> object:
    """Return the union of some types."""
    joined: object = members[0]
    for each in members[1:]:
        joined = _either(joined, each)
    return joined


def owner_of_field(cls: type[object], field: str) -> type[object]:
    """Return the class that declares a field: its type variables are those of the annotation."""
    return next((base for base in cls.__mro__ if field in inspect.get_annotations(base)), cls)


def _setter_of(cls: type[T], name: str) -> Callable[[T, object], None]:
    """Return what sets a field of a frozen instance; a slot's own setter is the fastest."""
    descriptor: object = getattr(cls, name, None)
    if isinstance(descriptor, types.MemberDescriptorType):
        return descriptor.__set__

    def set_field(instance: T, value: object) -> None:
        object.__setattr__(instance, name, value)

    return set_field


def default_of(default: object, instance: object, /) -> object:
    """Return the value that a field's default gives an instance."""
    # attrs' stubs know Factory only as a function that returns the field's value
    factory: Callable[..., object] | None = getattr(default, "factory", None)
    if factory is None or type(default).__module__ != "attr._make":
        return default
    takes_self: bool = getattr(default, "takes_self", False)
    return factory(instance) if takes_self else factory()

"""The codec of some fields of a class, which are stored as one JSON object.

The functions that read and write the fields are generated for each class: a loop over the fields would take
twice as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

import msgspec

from esmodel.codec.fields import Initial, caches_hash, setter_of
from esmodel.codec.generated import generated
from esmodel.codec.instances import mutable_class_of
from esmodel.codec.wire import Convert, Fields, MisfitError, Wire, to_json, to_within, union_of
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
    """Converts some fields of a class to JSON and back.

    ``Codec.struct_codec`` makes it. No validator, converter, ``__post_init__`` or the like runs.

    Args:
        cls: the class.
        wires: the fields to store, each with its wire.
        initials: what gives a field its default, for those that have one.

    Attributes:
        cls: the class.
        names: the fields, in the order in which they are stored.
        wires: the wire of each.
        fingerprint: changes when a stored field changes its name or its type.
        read: parses JSON into a struct with the fields in their stored form.
        encode: returns the fields of an instance as JSON; raises ``PayloadError``, naming the class and the
            field, if a value cannot be written, or could not be read again as the same.

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
        "_fill",
        "_initials",
        "_struct",
        "_to_struct",
        "cls",
        "encode",
        "fingerprint",
        "names",
        "read",
        "wires",
    )

    def __init__(self, cls: type[T], wires: Mapping[str, Wire], initials: Mapping[str, Initial], /) -> None:
        """Generate the functions for these fields."""
        self.cls: type[T] = cls
        self.names: tuple[str, ...] = tuple(wires)
        self.wires: Mapping[str, Wire] = wires
        self._initials = initials
        self._struct = msgspec.defstruct(
            cls.__name__,
            [
                (name, union_of([wire.json_type, msgspec.UnsetType]), msgspec.UNSET)
                if name in initials
                else (name, wire.json_type)
                for name, wire in wires.items()
            ],
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        self.read: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(self._struct).decode
        self._to_struct = self._writer()
        self.encode: Encoder[T] = self._encoder()
        self._fill = self._filler()
        self.fingerprint: str = ", ".join(f"{name}: {wire.spelling}" for name, wire in wires.items())

    @property
    def wire_type(self) -> type[msgspec.Struct]:
        """The type that msgspec reads and writes for these fields."""
        return self._struct

    @property
    def fields(self) -> Fields:
        """The keys of the JSON object, each with its wire."""
        names = frozenset(self.names)
        return Fields(self.wires, names - self._initials.keys(), names, defaults=self._initials)

    @property
    def form(self) -> Wire:
        """How the fields are written, for comparison with other shapes."""
        spelling = f"{self.cls.__qualname__}({self.fingerprint})"
        return Wire(self._struct, self.to_struct, spelling=spelling, fields=self.fields)

    @property
    def is_immutable(self) -> bool:
        """Whether no field can change, if none is assigned, and each is written the same each time."""
        return all(wire.is_immutable for wire in self.wires.values())

    @property
    def guards(self) -> Mapping[str, str] | None:
        """For each field an expression that is true for most right values; ``None`` if a field has none."""
        guards = {name: wire.guard for name, wire in self.wires.items() if wire.guard}
        return guards if len(guards) == len(self.wires) else None

    @property
    def checks(self) -> Mapping[str, object]:
        """The names in these expressions, and for each field a function that checks a value of it."""
        known: dict[str, object] = {}
        for name, wire in self.wires.items():
            known |= wire.names
            known[f"check_{name}"] = self._check(to_within(f".{name}", wire))
        return known

    def _check(self, convert: Convert) -> Convert:
        def check(value: object) -> object:
            try:
                convert(value)
            except MisfitError as error:
                raise self._refused(error) from error.__cause__
            return value

        return check

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
        known: dict[str, object] = {"UNSET": msgspec.UNSET}
        values = {name: f"given_{number}" for number, name in enumerate(before)}
        for number, (name, wire) in enumerate(self.wires.items()):
            known[f"back_{number}"] = wire.back
            value = f"struct.{name}" if wire.back is None else f"back_{number}(struct.{name})"
            if name in self._initials:
                known[f"initial_{number}"] = self._initials[name]
                value = f"initial_{number}(instance) if struct.{name} is UNSET else {value}"
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
        known |= {"to_json": to_json, "refused": self._refused}
        statements = [
            f"try: return to_json({struct})",
            "except (ValueError, AttributeError) as error:",  # a misfit, or a field that was never set
            "    raise refused(error) from error",
        ]
        return generated(Encoder[T], "instance", statements, known)

    def _refused(self, error: Exception) -> PayloadError:
        cls = self.cls.__qualname__
        return PayloadError(error.sentence(cls) if isinstance(error, MisfitError) else f"{cls}: {error}")

    def _as_struct(self) -> tuple[dict[str, object], str]:
        """Return the globals and the expression that makes a struct of an instance."""
        known: dict[str, object] = {"struct": self._struct}
        fields: list[str] = []
        for number, (name, wire) in enumerate(self.wires.items()):
            known |= wire.names
            known[f"to_{number}"] = to_within(f".{name}", wire)
            value = f"to_{number}(instance.{name})"
            if wire.guard:
                fits = wire.guard.replace("{v}", f"(v{number} := instance.{name})", 1)
                value = f"v{number} if {fits.replace('{v}', f'v{number}')} else to_{number}(v{number})"
            fields.append(f"{name}={value}")
        return known, f"struct({', '.join(fields)})"

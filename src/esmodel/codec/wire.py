"""Wires: how the values of one type are written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Final, Protocol, TypeAlias, cast

import attrs
import msgspec
from typing_extensions import TypeIs

from esmodel.codec.generated import generated

Convert = Callable[[object], object]
"""Converts a value to its stored form, or back."""

VERSION: Final = "@version"
"""The key of the class version of a value; no field can have this name."""

_LONGEST: Final = 80
"""The most characters of a value that a message shows."""

_numbers: Final = count()


class MisfitError(ValueError):
    """A value does not fit its type.

    Attributes:
        path: where the value is, outermost part first: ``[".items", "[3]", ".price"]``.
        finding: what was expected and what was found.
    """

    def __init__(self, finding: str) -> None:
        """Begin at the value itself."""
        super().__init__(finding)
        self.path: list[str] = []
        self.finding = finding

    def within(self, part: str, /) -> MisfitError:
        """Return the misfit as seen from the value that contains this one."""
        self.path.insert(0, part)
        return self

    def sentence(self, of: str, /) -> str:
        """Return the message, given the name of the outermost class or type."""
        return f"{of}{''.join(self.path)}: {self.finding}."


@attrs.frozen
class Fields:
    """The keys of the JSON object that a type is written as.

    Attributes:
        wires: the wire of each.
        required: those that a reader misses if they are absent.
        written: those that a writer always writes.
        oldest: for a class with an upcaster, what is read where the JSON has no version.
        defaults: what gives a field of a class its default, for those that have one.
    """

    wires: Mapping[str, Wire]
    required: frozenset[str]
    written: frozenset[str]
    oldest: Wire | None = None
    defaults: Mapping[str, Convert] = attrs.field(factory=dict[str, Convert])


@attrs.frozen
class Wire:
    """How the values of one type are written: as a type that msgspec supports, with converters to it.

    A writer refuses what its reader would refuse, or return as something else.

    Attributes:
        json_type: the type that msgspec reads.
        to: checks a value, and converts it to what msgspec writes; raises ``MisfitError``.
        back: converts what msgspec read to the value; ``None`` if there is nothing to convert.
        spelling: the type spelled out, with the fields of nested classes, for fingerprints.
        classes: the classes of the values, without subclasses.
        also: classes whose values it takes where no other member of a union does: ``int`` for a float.
        guard: an expression over ``{v}``, true for values that are written as they are, so that ``to``
            need not be called; empty if there are none.
        names: the names in ``guard``, and what they stand for.
        is_native: whether the JSON is the one that msgspec writes for the type, so that a union of such
            types needs no tags where msgspec can tell them apart.
        is_immutable: whether values cannot change, and are written the same each time.
        base: for types with a hook, the class whose instances, of subclasses too, it takes.
        fields: for attrs classes, dataclasses and typed dictionaries, the keys of the JSON object.
        tags: for sum types, the wire of each member by its stored name.

    Example:
        >>> Wire(str, to=str, back=complex, spelling="complex").back("1j")
        1j
    """

    json_type: object
    to: Convert
    back: Convert | None = None
    spelling: str = ""
    classes: tuple[type[object], ...] = ()
    also: tuple[type[object], ...] = ()
    guard: str = ""
    names: Mapping[str, object] = attrs.field(factory=dict[str, object])
    is_native: bool = False
    is_immutable: bool = True
    base: type[object] | None = None
    fields: Fields | None = None
    tags: Mapping[str, Wire] = attrs.field(factory=dict[str, "Wire"])


to_json: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
"""Write a value of a type that msgspec supports as JSON."""


def misfit(expected: str, found: object, /) -> MisfitError:
    """Return the error of a value that is not of the expected type."""
    return MisfitError(f"expected {expected}, found {shown(found)}")


def exact_class(value: object, /) -> type[object]:
    """Return the class of a value; to compare with it narrows no type, which would lose those of items."""
    return type(value)


def shown(value: object, /) -> str:
    """Return the class of a value, and the value itself where it can be shown."""
    name = type(value).__qualname__
    if value is None:
        return "None"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # because a value of any class may be at fault
        return name
    return f"{name} {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"


def scalar(cls: type[object], /, *, is_immutable: bool = True) -> Wire:
    """Return the wire of a class whose values msgspec carries, exactly that class."""

    def to(value: object) -> object:
        if type(value) is cls:
            return value
        raise misfit(cls.__name__, value)

    guard, names = exactly(cls)
    return Wire(
        cls,
        to,
        spelling=name_of(cls),
        classes=(cls,),
        guard=guard,
        names=names,
        is_native=True,
        is_immutable=is_immutable,
    )


def exactly(cls: type[object], /) -> tuple[str, Mapping[str, object]]:
    """Return the guard of values of exactly one class, and its names."""
    name = f"class_{next(_numbers)}"
    return f"{{v}}.__class__ is {name}", {name: cls}


def all_of(wire: Wire, /) -> Callable[[Iterable[object]], bool]:
    """Return a function that tells whether all items are written as they are."""
    if not wire.guard:
        return lambda items: not any(True for _ in items)
    statements = [
        f"for item in items:\n        if not ({wire.guard.format(v='item')}): return False",
        "return True",
    ]
    return generated(Callable[[Iterable[object]], bool], "items", statements, dict(wire.names))


def to_within(part: str, wire: Wire, /) -> Convert:
    """Return the ``to`` of a wire; a misfit names the part that holds the value."""
    convert = wire.to

    def to(value: object) -> object:
        try:
            return convert(value)
        except MisfitError as error:
            raise error.within(part) from error.__cause__

    return to


def convert_within(part: str, convert: Convert, value: object, /) -> object:
    """Convert a part of a value; a misfit names the part."""
    try:
        return convert(value)
    except MisfitError as error:
        raise error.within(part) from error.__cause__


Read: TypeAlias = Callable[[bytes], object]
"""Reads JSON as what a wire converts back."""


def reader_of(wire: Wire, /) -> Read:
    """Return the function that reads JSON as what a wire converts back."""
    decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(wire.json_type)
    return decoder.decode


def read_within(key: str, wire: Wire, read: Read, raw: object, /) -> object:
    """Return the value of a part that is still JSON; an error names the part, as those of msgspec do."""
    try:
        plain = read(to_json(raw))
        return plain if wire.back is None else wire.back(plain)
    except msgspec.ValidationError as error:
        finding, _, path = str(error).partition(" - at `$")
        raise msgspec.ValidationError(f"{finding} - at `$.{key}{path.removesuffix('`')}`") from error


def union_of(members: Sequence[object], /) -> object:
    """Return the union of some types."""
    joined: object = members[0]
    for each in members[1:]:
        joined = cast("_Joinable", joined) | each  # because every type that msgspec reads has this operator
    return joined


def is_readable(hint: object) -> bool:
    """Return whether msgspec can read a type; it cannot where the members of a union look the same."""
    try:
        msgspec.json.Decoder(hint)
    except (TypeError, ValueError, NotImplementedError):
        return False
    return True


def name_of(hint: object) -> str:
    """Return the stable name of a type: its ``stored_name`` if it has one, or else its own name."""
    stored: object = hint.stored_name if _has_stored_name(hint) else None
    if isinstance(stored, str):
        return stored
    return hint.__name__ if isinstance(hint, type) else str(hint)


class _Joinable(Protocol):
    def __or__(self, other: object, /) -> object: ...


class _HasStoredName(Protocol):
    @property
    def stored_name(self) -> object: ...


def _has_stored_name(hint: object) -> TypeIs[_HasStoredName]:
    return hasattr(hint, "stored_name")

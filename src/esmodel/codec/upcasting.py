"""Upcasting: the steps from an older shape of a stored value to the current one, over its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Protocol

import msgspec

from esmodel.codec.fits import misfit_of
from esmodel.codec.plain import is_open
from esmodel.codec.wire import Fields, MisfitError, Wire, name_of, reader_of, to_json
from esmodel.exceptions import ModelError, PayloadError, UnsupportedTypeError

_KEYS: Final[msgspec.json.Decoder[dict[str, msgspec.Raw]]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


class UpcasterStep(Protocol):
    """One step of an upcaster: a function, and the types of what it takes and returns."""

    @property
    def name(self) -> str:
        """The name of the function."""
        ...

    @property
    def wanted(self) -> object:
        """The type of its parameter."""
        ...

    @property
    def returns(self) -> object:
        """The type that it returns."""
        ...

    def run(self, payload: object, /) -> object:
        """Return the payload in the next shape."""
        ...


class Steps(Protocol):
    """A chain of steps, oldest first."""

    @property
    def steps(self) -> Sequence[UpcasterStep]:
        """The steps."""
        ...


class WireOf(Protocol):
    """Returns the wire of the type that a step takes or returns."""

    def __call__(self, hint: object, /) -> Wire:
        """Return the wire.

        Raises:
            UnsupportedTypeError: if the type cannot be carried.
        """
        ...


class Upcasting:
    """The steps to the current shape of one type, each with its types derived.

    A step takes and returns values; in between, they are JSON. Keys of an object that the type of a
    step's parameter does not name are added to its result. A result that has another value for one of them
    is refused, unless it is the default of a field.

    Args:
        of: what is upcast, for messages.
        chain: the steps.
        wire_of: returns the wire of the type of a step.
        current: the wire of the current shape.
        is_object: whether each shape is a JSON object, as a payload is.

    Attributes:
        oldest: the wire of the oldest shape.

    Example:
        >>> from esmodel import upcasts
        >>> from esmodel.codec import Codec
        >>> def to_cents(old: int) -> int:
        ...     return old * 100
        >>> codec = Codec()
        >>> upcasting = Upcasting("Price", upcasts(to_cents), codec.shapes().wire, codec.wire(int))
        >>> upcasting.run(b"5", 0), upcasting.run(b"5", 1)
        (b'500', b'5')
    """

    __slots__ = ("_steps", "oldest")

    def __init__(
        self, of: str, chain: Steps, wire_of: WireOf, current: Wire | None, /, *, is_object: bool = False
    ) -> None:
        """Derive the types of the steps.

        Raises:
            ModelError: if the type of a step cannot be carried, or does not fit what comes after it.
        """
        steps = [_Step(of, each, wire_of, is_object=is_object) for each in chain.steps]
        for one, other in pairwise(steps):
            finding = misfit_of(one.returns, other.takes, may_hold_more=True)
            if finding is not None:
                raise ModelError(
                    f"{of}: expected the upcaster step {one.name} to return what the step {other.name} "
                    f"takes, {other.takes.spelling}; found {one.returns.spelling}: {finding}."
                )
        finding = None if current is None else misfit_of(steps[-1].returns, current)
        if current is not None and finding is not None:
            raise ModelError(
                f"{of}: expected the last step of its upcaster, {steps[-1].name}, to return the shape of "
                f"today, {current.spelling}; found {steps[-1].returns.spelling}: {finding}."
            )
        self._steps: Sequence[_Step] = steps
        self.oldest: Wire = steps[0].takes

    def run(self, data: bytes, class_version: int, /) -> bytes:
        """Return the JSON of an older class version in the current shape.

        Raises:
            ValueError: if a step cannot read it, or returns what cannot be written.
        """
        for step in self._steps[class_version:]:
            data = step.run(data)
        return data


ITEM: Final = "item"
"""The field of an event that holds an item of a collection."""


class ItemUpcasting:
    """The steps to the current shape of the items of a collection, in the payload of an event.

    Args:
        of: the event, for messages.
        chain: the steps.
        wire_of: returns the wire of the type of a step.
        payload: the fields of the event, ``item`` among them.
    """

    __slots__ = ("_item",)

    def __init__(self, of: str, chain: Steps, wire_of: WireOf, payload: Fields, /) -> None:
        """Derive the types of the steps.

        Raises:
            ModelError: see ``Upcasting``.
        """
        self._item = Upcasting(f"{of}.{ITEM}", chain, wire_of, payload.wires[ITEM])

    def run(self, data: bytes, class_version: int, /) -> bytes:
        """Return a payload with its item in the current shape; see ``Upcasting.run``."""
        keys = _KEYS.decode(data)
        if ITEM in keys:  # if it is not, the event says so
            keys[ITEM] = msgspec.Raw(self._item.run(bytes(keys[ITEM]), class_version))
        return to_json(keys)


class _Step:
    """A step, with the wires of what it takes and returns."""

    __slots__ = ("_names", "_read", "_run", "name", "returns", "takes")

    def __init__(self, of: str, step: UpcasterStep, wire_of: WireOf, *, is_object: bool) -> None:
        self.name = step.name
        self._run = step.run
        named = f"{of}: the upcaster step {step.name}"
        self.takes = _wire(f"{named} takes", step.wanted, wire_of, is_object=is_object)
        self.returns = _wire(f"{named} returns", step.returns, wire_of, is_object=is_object)
        self._read = reader_of(self.takes)
        fields = self.takes.fields
        self._names = None if fields is None else frozenset(fields.wires)

    def run(self, data: bytes) -> bytes:
        unnamed: Mapping[str, msgspec.Raw] = {}
        back = self.takes.back
        try:
            if self._names is not None:
                keys = _KEYS.decode(data)
                unnamed = {key: raw for key, raw in keys.items() if key not in self._names}
                data = to_json({key: raw for key, raw in keys.items() if key in self._names})
            read = self._read(data)
            payload = read if back is None else back(read)
        except ValueError as error:
            msg = f"the upcaster step {self.name} cannot take it: {error}"
            raise PayloadError(msg) from error
        result = self._run(payload)
        try:
            made = to_json(self.returns.to(result))
        except MisfitError as error:
            raise PayloadError(error.sentence(f"the result of the upcaster step {self.name}")) from error
        return self._merged(unnamed, result, made) if unnamed else made

    def _merged(self, unnamed: Mapping[str, msgspec.Raw], result: object, made: bytes) -> bytes:
        """Return a result with the keys that the step was not given.

        Args:
            unnamed: these keys.
            result: what the step returned.
            made: the same as JSON.
        """
        if self.returns.tags or not made.startswith(b"{"):
            msg = (
                f"expected the upcaster step {self.name} to name the key {min(unnamed)!r}, "
                f"which its result {self.returns.spelling} cannot keep"
            )
            raise PayloadError(msg)
        own = _KEYS.decode(made)
        for key in sorted(unnamed.keys() & own.keys()):
            stored, written = bytes(unnamed[key]), bytes(own[key])
            if self._is_default(key, result, written):
                del own[key]
            elif stored != written:
                msg = (
                    f"expected the upcaster step {self.name} to name the key {key!r} in the type of its "
                    f"parameter, {self.takes.spelling}: it returns another value for it, and the stored one "
                    f"would be lost"
                )
                raise PayloadError(msg)
        return to_json({**unnamed, **own})

    def _is_default(self, key: str, result: object, written: bytes) -> bool:
        """Whether an instance has a field that the step left at its default."""
        fields = self.returns.fields
        make = None if fields is None else fields.defaults.get(key)
        if fields is None or make is None:
            return False
        return to_json(fields.wires[key].to(make(result))) == written


def _wire(verb: str, hint: object, wire_of: WireOf, *, is_object: bool) -> Wire:
    try:
        wire = wire_of(hint)
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError(f"{verb} {name_of(hint)}: {error}") from error
    if is_object and not _is_object(wire):
        raise ModelError(
            f"{verb} {wire.spelling}: expected a type with the keys of a payload. Write dict[str, object], "
            f"a TypedDict, an attrs class or a dataclass."
        )
    return wire


def _is_object(wire: Wire) -> bool:
    return wire.fields is not None or is_open(wire) or dict in wire.classes

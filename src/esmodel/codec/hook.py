"""Hooks: how a codec carries a type of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from esmodel.codec.wire import Wire
from esmodel.exceptions import PayloadError

T = TypeVar("T")


class CodecHook(Protocol):
    """A hook for one type, as a codec needs it; ``TypeHook`` is the usual one.

    Laws: ``wire().back(wire().to(value))`` equals the value, for each value of the type.
    """

    @property
    def hooked(self) -> object:
        """The type."""
        ...

    def wire(self) -> Wire:
        """Return how the type is written."""
        ...


class TypeHook(Generic[T]):
    """Carries a type as text.

    Attributes:
        type: the class.
        encode: converts a value to text.
        decode: converts the text back to an equal value.

    Example:
        >>> hook = TypeHook(complex, encode=str, decode=complex)
        >>> hook.type, hook.decode(hook.encode(1j))
        (<class 'complex'>, 1j)
    """

    __slots__ = ("decode", "encode", "type")

    def __init__(self, hooked: type[T], /, *, encode: Callable[[T], str], decode: Callable[[str], T]) -> None:
        """Take the class and two functions, each the inverse of the other."""
        self.type: type[T] = hooked
        self.encode: Callable[[T], str] = encode
        self.decode: Callable[[str], T] = decode

    @property
    def hooked(self) -> object:
        """The class."""
        return self.type

    def wire(self) -> Wire:
        """Return how values of the class are written."""
        hooked, encode, decode = self.type, self.encode, self.decode

        def to(value: object) -> str:
            if not isinstance(value, hooked):
                msg = f"expected {hooked.__name__}, got {value!r}"
                raise PayloadError(msg)
            return encode(value)

        def back(value: object) -> T:
            return decode(str(value))

        return Wire(str, to, back, f"hook {hooked.__name__}")

"""How types of the user's own are carried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from esmodel.codec.wire import Wire
from esmodel.exceptions import PayloadError

T = TypeVar("T")


class CodecHook(Protocol):
    """What a codec needs of a hook for one type; ``TypeHook`` is one.

    Laws: what ``wire().back`` makes of what ``wire().to`` made equals the value.
    """

    @property
    def hooked(self) -> object:
        """The type."""
        ...

    def wire(self) -> Wire:
        """Return how the type is carried."""
        ...


class TypeHook(Generic[T]):
    """How a type of the user's own is carried: as the text that ``encode`` gives.

    Attributes:
        type: the class.
        encode: makes text of a value.
        decode: makes a value of text.

    Example:
        >>> hook = TypeHook(complex, encode=str, decode=complex)
        >>> hook.type, hook.decode(hook.encode(1j))
        (<class 'complex'>, 1j)
    """

    __slots__ = ("decode", "encode", "type")

    def __init__(self, hooked: type[T], /, *, encode: Callable[[T], str], decode: Callable[[str], T]) -> None:
        """Take the class, and the two functions, which must be each other's inverse."""
        self.type: type[T] = hooked
        self.encode: Callable[[T], str] = encode
        self.decode: Callable[[str], T] = decode

    @property
    def hooked(self) -> object:
        """The type."""
        return self.type

    def wire(self) -> Wire:
        """Return the converters of this type."""
        hooked, encode, decode = self.type, self.encode, self.decode

        def to(value: object) -> str:
            if not isinstance(value, hooked):
                msg = f"expected {hooked.__name__}, got {value!r}"
                raise PayloadError(msg)
            return encode(value)

        def back(value: object) -> T:
            return decode(str(value))

        return Wire(str, to, back, f"hook {hooked.__name__}")

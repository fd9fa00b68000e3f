"""Hooks: how a codec carries a type of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from types import MemberDescriptorType
from typing import Generic, Protocol, TypeVar

from esmodel.codec.typevars import is_class
from esmodel.codec.wire import MisfitError, Wire, misfit, name_of, shown
from esmodel.exceptions import UnsupportedTypeError

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

    A value is decoded again when it is encoded: it is refused if that fails, or gives another value.

    Attributes:
        type: the class.
        encode: converts a value to text; it may give another text each time, as encryption does.
        decode: converts the text back to an equal value.

    Example:
        >>> hook = TypeHook(complex, encode=str, decode=complex)
        >>> hook.type, hook.decode(hook.encode(1j))
        (<class 'complex'>, 1j)
    """

    __slots__ = ("decode", "encode", "type")

    def __init__(self, hooked: type[T], /, *, encode: Callable[[T], str], decode: Callable[[str], T]) -> None:
        """Take the class and two functions, each the inverse of the other.

        Raises:
            UnsupportedTypeError: if it is not a class, such as a ``NewType`` or ``Box[str]``: values do not
                know that they are of it.
        """
        if not is_class(hooked):
            raise UnsupportedTypeError(
                f"TypeHook: expected a class, found {name_of(hooked)}. Write a hook for the class itself."
            )
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
        name = name_of(hooked)

        def to(value: object) -> str:
            if not isinstance(value, hooked):
                raise misfit(name, value)
            try:
                text = encode(value)
                again: object = decode(_text(text))
                text.encode()
                is_same = type(again) is type(value) and _is_same(value, again)
            except Exception as error:
                finding = f"its TypeHook cannot carry {shown(value)}: {type(error).__name__}: {error}"
                raise MisfitError(finding) from error
            if not is_same:
                raise MisfitError(f"its TypeHook decodes {shown(value)} to {shown(again)}")
            return text

        def back(value: object) -> T:
            return decode(str(value))

        return Wire(str, to, back, f"hook {hooked.__name__}", (hooked,), is_immutable=False, base=hooked)


def _text(text: object) -> str:
    """Return what a hook encoded, if it is text."""
    if type(text) is str:
        return text
    raise TypeError(f"expected text of encode, found {shown(text)}")


def _is_same(value: object, again: object) -> bool:
    """Tell whether a value came back, as far as its class can compare; nan cannot."""
    if type(value).__eq__ is object.__eq__:
        return _parts(value) == _parts(again)
    return bool(value == again) or not bool(value == value)  # noqa: PLR0124  # because nan is not


def _parts(value: object) -> dict[str, object]:
    """Return the attributes of an instance, those in slots included."""
    slots = {
        name: each.__get__(value)
        for base in type(value).__mro__
        for name, each in vars(base).items()
        if isinstance(each, MemberDescriptorType) and hasattr(value, name)
    }
    return {**slots, **(vars(value) if hasattr(value, "__dict__") else {})}

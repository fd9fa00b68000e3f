"""The codec of a single type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, cast

import msgspec
from typing_extensions import TypeForm

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.codec.wire import Convert, MisfitError, name_of, to_json
from esmodel.exceptions import PayloadError

T = TypeVar("T")


class TypedCodec(Generic[T]):
    """Converts the values of one type to JSON and back.

    Attributes:
        decode: returns the value that JSON holds; raises ``ValueError`` if the bytes do not fit the type.

    Example:
        >>> codec = TypedCodec(int | None)
        >>> codec.encode(5), codec.decode(b"null")
        (b'5', None)
    """

    __slots__ = ("_name", "_to", "decode")

    def __init__(
        self, as_type: TypeForm[T], codec: Codec | None = None, /, *, name: str | None = None
    ) -> None:
        """Derive how values of the type are written.

        Args:
            as_type: the type.
            codec: a codec with hooks, if the type needs any.
            name: what an error calls the value, if not by its type.

        Raises:
            UnsupportedTypeError: if the codec cannot carry the type.
        """
        wire = (DEFAULT_CODEC if codec is None else codec).wire(as_type)
        self._name = name_of(as_type) if name is None else name
        self._to = wire.to
        read: Callable[[bytes], object] = msgspec.json.Decoder(wire.json_type).decode
        decode = read if wire.back is None else _composed(read, wire.back)
        self.decode: Callable[[bytes], T] = cast("Callable[[bytes], T]", decode)  # because it reads `as_type`

    def encode(self, value: T, /) -> bytes:
        """Return a value as JSON.

        Raises:
            PayloadError: if the value could not be read again, or would be read as another one.
        """
        try:
            return to_json(self._to(value))
        except MisfitError as error:
            raise PayloadError(error.sentence(self._name)) from error.__cause__


def _composed(read: Callable[[bytes], object], back: Convert) -> Callable[[bytes], object]:
    def decode(data: bytes, /) -> object:
        return back(read(data))

    return decode

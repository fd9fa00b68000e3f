"""The codec of one type."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from typing_extensions import TypeForm

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.codec.wire import Convert, name_of, to_json
from esmodel.exceptions import PayloadError

T = TypeVar("T")


class TypedCodec(Generic[T]):
    """Carries values of one type.

    Attributes:
        decode: returns a value from JSON; ``ValueError`` if the bytes do not have the shape of the
            type.

    Example:
        >>> codec = TypedCodec(int | None)
        >>> codec.encode(5), codec.decode(b"null")
        (b'5', None)
    """

    __slots__ = ("_back", "_name", "_read", "_to", "decode")

    def __init__(self, as_type: TypeForm[T], codec: Codec | None = None, /) -> None:
        """Derive how the type is carried.

        Args:
            as_type: the type.
            codec: what has the hooks, if there are any.

        Raises:
            UnsupportedTypeError: if the type cannot be carried.
        """
        wire = (DEFAULT_CODEC if codec is None else codec).wire(as_type, {}, ())
        self._name = name_of(as_type)
        self._to = wire.to
        self._back = wire.back
        read: Callable[[bytes], object] = msgspec.json.Decoder(wire.type).decode
        self._read = read
        whole = read if wire.back is None else _both(read, wire.back)
        # what it gives is of this type, which its own annotation does not say
        self.decode: Callable[[bytes], T] = getattr(types.SimpleNamespace(whole=whole), "whole")  # noqa: B009

    def encode(self, value: T, /) -> bytes:
        """Return a value as JSON.

        Raises:
            PayloadError: if it could not be read again as a value of the type, or would come back
                as another value.
        """
        try:
            data = to_json(value if self._to is None else self._to(value))
            # what cannot be read is not written
            again = self._read(data)
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            msg = f"{value!r} cannot be stored as {self._name}: {error}"
            raise PayloadError(msg) from error
        # nor is what comes back as something else: a UUID where text is declared
        if self._back is None and type(again) is not type(value) and again != value:
            msg = f"{value!r} cannot be stored as {self._name}: it would come back as {again!r}"
            raise PayloadError(msg)
        return data


def _both(read: Callable[[bytes], object], back: Convert) -> Callable[[bytes], object]:
    def decode(data: bytes, /) -> object:
        return back(read(data))

    return decode

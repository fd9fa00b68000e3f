"""Wires: how the values of one type are written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

import attrs
import msgspec
from typing_extensions import TypeIs

Convert = Callable[[object], object]
"""Converts a value to its stored form, or back."""


@attrs.frozen
class Wire:
    """How the values of one type are written: as a type that msgspec supports, with converters to it.

    Attributes:
        type: the type that msgspec writes and reads.
        to: converts a value to that type; ``None`` if there is nothing to convert.
        back: converts a value of that type back; ``None`` as for ``to``.
        spelling: the type spelled out, with the fields of nested classes, for fingerprints.

    Example:
        >>> Wire(str, to=str, back=complex, spelling="complex").back("1j")
        1j
    """

    type: object
    to: Convert | None = None
    back: Convert | None = None
    spelling: str = ""


to_json: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
"""Write a value of a type that msgspec supports as JSON."""


def union_of(members: Sequence[object], /) -> object:
    """Return the union of some types."""
    joined: object = members[0]
    for each in members[1:]:
        joined = cast("_Joinable", joined) | each  # because every type that msgspec reads has this operator
    return joined


def is_native(hint: object) -> bool:
    """Return whether msgspec supports a type without a hook."""
    try:
        msgspec.json.Decoder(hint)
        info = msgspec.inspect.type_info(hint)
    except (TypeError, ValueError):
        return False
    return not isinstance(info, (msgspec.inspect.CustomType, msgspec.inspect.AnyType))


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

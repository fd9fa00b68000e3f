"""How one type is written."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import msgspec

Convert = Callable[[object], object]
"""Makes of a value what is stored for it, or the other way round."""


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


def is_native(hint: object) -> bool:
    """Whether msgspec knows the type by itself; any other would need a hook of msgspec's."""
    try:
        msgspec.json.Decoder(hint)
        info = msgspec.inspect.type_info(hint)
    except (TypeError, ValueError):
        return False
    return not isinstance(info, (msgspec.inspect.CustomType, msgspec.inspect.AnyType))


def name_of(hint: object) -> str:
    """Return the stable name of a type: its ``stored_name`` if it has one, else its own."""
    stored: object = getattr(hint, "stored_name", None)
    if isinstance(stored, str):
        return stored
    return hint.__name__ if isinstance(hint, type) else str(hint)

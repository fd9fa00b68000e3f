"""Plain JSON values of the payloads that upcaster steps return."""

from __future__ import annotations

import enum
from collections.abc import Callable, Container, Mapping
from typing import Final, get_type_hints, is_typeddict

import attrs

from esmodel.codec.containers import is_mapping, items_of
from esmodel.codec.wire import to_json
from esmodel.exceptions import UnsupportedTypeError

_SETS: Final[frozenset[object]] = frozenset({set, frozenset})
_ROWS: Final[frozenset[object]] = frozenset({list, tuple})


class PlainValues:
    """Converts the values that upcaster steps return to values that msgspec writes without a loss.

    Args:
        to_plain: converts a value of a given type; raises ``UnsupportedTypeError`` for types that cannot
            be carried.
        hooked: the types that have a hook.
    """

    __slots__ = ("_hooked", "_to_plain")

    def __init__(self, to_plain: Callable[[object, object], object], hooked: Container[object], /) -> None:
        """Take the conversion by type."""
        self._to_plain = to_plain
        self._hooked = hooked

    def convert(self, value: object, returned_as: object, /) -> object:
        """Return the plain form of a value.

        Args:
            value: the value.
            returned_as: the type that the step declares. Where it is open, the type at run time decides,
                which does not know the tags of sum types.
        """
        if is_typeddict(returned_as) and is_mapping(value):
            hints = _hints_of(returned_as)
            return {key: self.convert(each, hints.get(str(key))) for key, each in value.items()}
        if returned_as is None:
            return self._by_value(value)
        try:
            return self._to_plain(returned_as, value)
        except UnsupportedTypeError:
            return self._by_value(value)

    def _by_value(self, value: object) -> object:
        cls = type(value)
        if is_mapping(value):
            pairs = [(self._by_value(key), self._by_value(each)) for key, each in value.items()]
            return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else pairs
        if cls in _ROWS:
            return [self._by_value(each) for each in items_of(value)]
        if cls in _SETS:
            return sorted((self._by_value(each) for each in items_of(value)), key=to_json)
        if cls in self._hooked or isinstance(value, (float, enum.Enum)) or attrs.has(cls):
            return self._to_plain(cls, value)
        return value


def _hints_of(annotated: object) -> Mapping[str, object]:
    hints: dict[str, object] = get_type_hints(annotated)
    return hints

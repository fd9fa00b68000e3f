"""State that no event changes: defaults that all instances would share, and cached properties."""

from __future__ import annotations

from functools import cached_property

from esmodel.codec.fields import fields_of
from esmodel.exceptions import ModelError
from esmodel.model.names import short_name


def refuse_mutable_defaults(cls: type[object], /) -> None:
    """Refuse a default that is one list, dictionary or set for all instances, as dataclasses do.

    Raises:
        ModelError: naming the class and the field.
    """
    for each in fields_of(cls):
        if not _is_hashable(each.default):
            kind = type(each.default).__qualname__
            raise ModelError(
                f"{short_name(cls)}.{each.name}: expected a default that cannot change, found a {kind}, "
                f"which all instances would share. Write {each.name}: ... = attrs.Factory({kind})."
            )


def refuse_cached_properties(cls: type[object], /) -> None:
    """Refuse a cached property of an entity, whose value the next event would leave as it was.

    Raises:
        ModelError: naming the class and the property.
    """
    for name, value in vars(cls).items():
        if isinstance(value, cached_property):
            raise ModelError(
                f"{short_name(cls)}.{name}: expected a property that follows the state, found a cached one, "
                f"which the next event would leave as it was. Write @property."
            )


def _is_hashable(default: object) -> bool:
    try:
        hash(default)
    except TypeError:
        return False
    return True

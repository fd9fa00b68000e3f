"""The whole state of an aggregate, in the form in which a snapshot can hold it: each field by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from types import MemberDescriptorType
from typing import Final

import attrs

from esmodel.codec.classes import is_dataclass, is_frozen
from esmodel.codec.containers import is_iterable, is_mapping
from esmodel.codec.fields import fields_of
from esmodel.exceptions import PayloadError
from esmodel.model.copies import are_atoms
from esmodel.model.names import short_name

_MUTABLE: Final = (list, dict, set, bytearray)
_MANY: Final = (Sequence, AbstractSet)
_TEXTS: Final = (str, bytes, bytearray)


def refuse_unstored_state(entity: object, fields: Iterable[str], /) -> None:
    """Refuse a state of which a snapshot would hold a part.

    Args:
        entity: an aggregate.
        fields: the names of the fields of its state that can hold a value that can change.

    Raises:
        PayloadError: naming an attribute that is not a field, or the fields that hold one list, dictionary,
            set or mutable instance twice: it would be two after a load.
    """
    _refuse_other_attributes(entity)
    first: dict[int, str] = {}
    for name in fields:
        remaining: list[object] = [getattr(entity, name)]
        while remaining:
            each = remaining.pop()
            if _is_mutable(each):
                other = first.get(id(each))
                if other is not None:
                    where = f"{other} and {name}" if other != name else f"{name} twice"
                    raise PayloadError(
                        f"{short_name(type(entity))}: expected state that holds each "
                        f"{type(each).__qualname__} once, found one in {where}: a snapshot would make two of "
                        f"it. Copy it in the handler."
                    )
                first[id(each)] = name
            remaining.extend(part for part in _parts_of(each) if not are_atoms((part,)))


def _refuse_other_attributes(entity: object) -> None:
    cls = type(entity)
    known = {each.name for each in fields_of(cls)}
    own: Iterable[str] = vars(entity) if hasattr(entity, "__dict__") else ()
    slots = [
        name
        for base in cls.__mro__
        for name, each in vars(base).items()
        if isinstance(each, MemberDescriptorType) and name not in known and hasattr(entity, name)
    ]
    for name in (*own, *slots):
        if name not in known:
            raise PayloadError(
                f"{short_name(cls)}.{name}: expected all state in fields, found an attribute that is none, "
                f"which a snapshot would lose. Declare it: {name}: TheType."
            )


def _parts_of(value: object) -> Iterable[object]:
    """Return the items of a container, or the fields of an instance; none of anything else."""
    if isinstance(value, _TEXTS):
        return ()
    if is_mapping(value):
        return [*value.keys(), *value.values()]
    if is_iterable(value) and isinstance(value, _MANY):
        return list(value)
    return [getattr(value, name, None) for name in _names_of(type(value))]


def _names_of(cls: type[object]) -> Iterable[str]:
    if attrs.has(cls):
        return [each.name for each in fields_of(cls)]
    return list(cls.__dataclass_fields__) if is_dataclass(cls) else ()


def _is_mutable(value: object) -> bool:
    """Whether a value can change, and keeps parts: a container, or an instance whose fields can be set."""
    cls = type(value)
    if isinstance(value, _MUTABLE):
        return True
    if attrs.has(cls):
        return not attrs.inspect(cls).is_frozen
    return is_dataclass(cls) and not is_frozen(cls)

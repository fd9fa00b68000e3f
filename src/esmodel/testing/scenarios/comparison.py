"""Differences between two values, two states, and an event and its stored form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from esmodel.codec.containers import is_iterable, is_mapping
from esmodel.codec.fields import fields_of
from esmodel.exceptions import PayloadError
from esmodel.model.eventcodec import EventCodecs
from esmodel.model.events import DomainEvent, header_of


class EventChangedError(AssertionError):
    """An event cannot be stored, or what is stored gives another event back.

    Handling: use a type that the codec carries, or mend the type's hook.
    """


def same(one: object, other: object, /) -> bool:
    """Whether two values are equal; ``nan`` is equal to itself, wherever it stands.

    Example:
        >>> from esmodel.testing.scenarios.comparison import same
        >>> same([float("nan")], [float("nan")]), same([1], (1,))
        (True, False)
    """
    if one is other or one == other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one != one and other != other  # noqa: PLR0124  # because of nan
    left, right = _parts(one), _parts(other)
    return bool(left) and left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)


def _parts(value: object) -> Mapping[object, object]:
    """Return the parts of a value, by key; empty where they are unknown or unordered."""
    if is_mapping(value):
        return value
    if issubclass(type(value), (list, tuple)) and is_iterable(value):
        return dict(enumerate(value))
    if attrs.has(type(value)):
        return {each.name: getattr(value, each.name) for each in fields_of(type(value)) if each.eq}
    return {}


def state_of(entity: object, /) -> dict[str, object]:
    """Return the fields by which an entity is compared, and what it keeps beside them, by name.

    Fields with ``eq=False`` are left out, as ``==`` leaves them out.
    """
    fields = fields_of(type(entity))
    state: dict[str, object] = {
        each.name: getattr(entity, each.name) for each in fields if each.eq and hasattr(entity, each.name)
    }
    known = {each.name for each in fields}
    return state | {name: each for name, each in _kept_by(entity) if name not in known}


def _kept_by(entity: object) -> Iterator[tuple[str, object]]:
    """Yield the content of the dictionary and the slots of an instance."""
    if hasattr(entity, "__dict__"):
        yield from vars(entity).items()
    for base in type(entity).__mro__:
        slots: object = vars(base).get("__slots__", ())
        for name in slots if is_iterable(slots) else ():
            if isinstance(name, str) and not name.startswith("__") and hasattr(entity, name):
                yield name, getattr(entity, name)


def differences(expected: Mapping[str, object], found: Mapping[str, object], /) -> list[str]:
    """Return the names whose values are not the same, or that only one side has.

    Example:
        >>> from esmodel.testing.scenarios.comparison import differences
        >>> differences({"owner": "Ada", "balance": 5}, {"owner": "Ada", "balance": 4})
        ['balance']
    """
    names = [*expected, *(name for name in found if name not in expected)]
    return [
        name
        for name in names
        if name not in expected or name not in found or not same(expected[name], found[name])
    ]


def fields_by_name(event: DomainEvent, /, *, header: bool = False) -> dict[str, object]:
    """Return the payload of an event by name, after its header if that is wanted."""
    names = [each.name for each in fields_of(type(event))]
    return {name: getattr(event, name) for name in names if header or name not in header_of(type(event))}


def passed(codecs: EventCodecs, event: DomainEvent, /) -> tuple[bytes, DomainEvent]:
    """Return the stored bytes of an event, and the event that they are decoded to.

    Args:
        codecs: those of the entity.
        event: the event.

    Raises:
        EventChangedError: if it cannot be stored, or comes back as another event.
    """
    kind = type(event).__qualname__.rpartition("<locals>.")[2]
    codec = codecs.for_event(event)
    header = tuple(getattr(event, name) for name in header_of(type(event)) if name not in codec.extra)
    try:
        data = codec.encode(event)
        again = codec.decode(header, codec.encode_header(event), data, codec.class_version)
    except PayloadError as error:
        msg = f"{kind} cannot be stored: {error}"
        raise EventChangedError(msg) from error
    except Exception as error:  # because a hook of the user's own may raise anything
        msg = f"{kind}: what is stored for it cannot be read: {type(error).__qualname__}: {error}"
        raise EventChangedError(msg) from error
    before, after = fields_by_name(event, header=True), fields_by_name(again, header=True)
    changed = [
        f"\n  {name}: expected {before[name]!r}, found {after[name]!r}" for name in differences(before, after)
    ]
    if changed:
        msg = (
            f"{kind} does not come back from its stored form as it was triggered:{''.join(changed)}\n"
            f"Give the field a type whose values the codec carries unchanged, mend the hook of the type, "
            f"or give the type an __eq__."
        )
        raise EventChangedError(msg)
    return data, again

"""Bounds: the limits that the validators of a field put on its values."""

from __future__ import annotations

import re

import attrs

from esmodel.codec.containers import is_iterable
from esmodel.codec.fields import fields_of


@attrs.frozen
class Bounds:
    """Limits that a strategy can keep, so that it draws fewer values that a validator refuses.

    Attributes:
        least: the lowest value, or ``None``.
        greatest: the highest value, or ``None``.
        shortest: the lowest length.
        longest: the highest length, or ``None``.
        options: the only values, or ``None``.
        pattern: the regular expression that a text matches, or ``None``.
    """

    least: object = None
    greatest: object = None
    shortest: int = 0
    longest: int | None = None
    options: tuple[object, ...] | None = None
    pattern: str | None = None


def bounds_of(validator: object, /) -> Bounds:
    """Return the bounds that the validators of attrs set; ignore validators of other kinds.

    Example:
        >>> from attrs import validators
        >>> bounds_of(validators.and_(validators.ge(1), validators.le(3))).greatest
        3
    """
    several = _arguments_of(validator).get("_validators", (validator,))
    bounds = Bounds()
    for each in several if is_iterable(several) else ():
        match _arguments_of(each):
            case {"bound": bound, "compare_op": ">" | ">="}:
                bounds = attrs.evolve(bounds, least=bound)
            case {"bound": bound, "compare_op": "<" | "<="}:
                bounds = attrs.evolve(bounds, greatest=bound)
            case {"options": options} if is_iterable(options):
                bounds = attrs.evolve(bounds, options=tuple(options))
            case {"min_length": int(shortest)}:
                bounds = attrs.evolve(bounds, shortest=shortest)
            case {"max_length": int(longest)}:
                bounds = attrs.evolve(bounds, longest=longest)
            case {"pattern": re.Pattern(pattern=str(pattern))}:
                bounds = attrs.evolve(bounds, pattern=pattern)
            case _:
                pass
    return bounds


def _arguments_of(validator: object) -> dict[str, object]:
    """Return the arguments of a validator that attrs made, which is an attrs instance itself."""
    cls = type(validator)
    return {each.name: getattr(validator, each.name) for each in fields_of(cls)} if attrs.has(cls) else {}

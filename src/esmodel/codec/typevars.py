"""Type arguments: what the type variables of a generic class stand for, in it and in its bases."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final, TypeVar, get_args, get_origin

from typing_extensions import TypeIs

T = TypeVar("T")

# by name, because the stubs of `[]` take no types
_given: Final[Callable[[object, tuple[object, ...]], object]] = getattr(operator, "getitem")  # noqa: B009


def is_class(value: object) -> TypeIs[type[object]]:
    """Whether something is a class."""
    return isinstance(value, type)


def class_of(named: type[T], /) -> type[T]:
    """Return a class without its type arguments: ``Collection`` of ``Collection[str]``."""
    origin: type[T] | None = get_origin(named)
    return named if origin is None else origin


def bind(hint: object, bound: Mapping[object, object], /) -> object:
    """Return a type with its type variables replaced, where it is known what they stand for."""
    if isinstance(hint, TypeVar):
        return bound.get(hint, hint)
    parameters: tuple[object, ...] = getattr(hint, "__parameters__", ())
    if not parameters or is_class(hint):
        return hint
    return _given(hint, tuple(bound.get(each, each) for each in parameters))


def bound_in(
    cls: type[object], arguments: tuple[object, ...] = (), /
) -> Mapping[type[object], Mapping[object, object]]:
    """Return, for a class and each base of it, what its type variables stand for.

    Args:
        cls: the class.
        arguments: its own type arguments, where it is generic.
    """
    found: dict[type[object], Mapping[object, object]] = {}
    _walk(cls, arguments, found)
    return found


def _walk(
    cls: type[object], arguments: tuple[object, ...], found: dict[type[object], Mapping[object, object]]
) -> None:
    parameters: tuple[object, ...] = getattr(cls, "__parameters__", ())
    bound = dict(zip(parameters, arguments, strict=False))
    if not found.get(cls):
        found[cls] = bound
    bases: tuple[object, ...] = vars(cls).get("__orig_bases__", cls.__bases__)
    for base in bases:
        origin: object = get_origin(base) or base
        if is_class(origin):
            _walk(origin, tuple(bind(each, bound) for each in get_args(base)), found)

"""Type variables: resolve what they stand for in a generic class and in its bases."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Final, Protocol, TypeVar, get_args, get_origin

from typing_extensions import TypeAliasType, TypeIs

T = TypeVar("T")

# the `type` statement of Python 3.12 and 3.13 makes another class than `typing_extensions` does
_ALIASES: Final[tuple[type[object], ...]] = (TypeAliasType, vars(typing).get("TypeAliasType", TypeAliasType))


class _Generic(Protocol):
    """A type with type variables, such as ``list[T]``."""

    @property
    def __parameters__(self) -> tuple[object, ...]: ...

    def __getitem__(self, arguments: tuple[object, ...], /) -> object: ...


def is_class(value: object) -> TypeIs[type[object]]:
    """Return whether a value is a class."""
    return isinstance(value, type)


def is_alias(hint: object) -> TypeIs[TypeAliasType]:
    """Return whether a type was made by the ``type`` statement or by ``TypeAliasType``."""
    return isinstance(hint, _ALIASES)


def class_of(named: type[T], /) -> type[T]:
    """Return a class without its type arguments: ``Collection`` for ``Collection[str]``."""
    origin: type[T] | None = get_origin(named)
    return named if origin is None else origin


def bind(hint: object, bound: Mapping[object, object], /) -> object:
    """Replace the type variables in a type.

    Args:
        hint: the type.
        bound: the meaning of each known type variable; the others stay.
    """
    if not bound:
        return hint
    if isinstance(hint, TypeVar):
        return bound.get(hint, hint)
    if isinstance(hint, type) or not _is_generic(hint) or not hint.__parameters__:
        return hint
    return hint[tuple(bound.get(each, each) for each in hint.__parameters__)]


def bound_in(
    cls: type[object], arguments: tuple[object, ...] = (), /
) -> Mapping[type[object], Mapping[object, object]]:
    """Return the meaning of the type variables of a class and of each of its bases.

    Args:
        cls: the class.
        arguments: the type arguments of the class, if it is generic.
    """
    found: dict[type[object], Mapping[object, object]] = {}
    _collect(cls, arguments, found)
    return found


def alias_of(
    hint: object, bound: Mapping[object, object], /
) -> tuple[object, Mapping[object, object]] | None:
    """Return the type behind an alias, and the meaning of the type variables in it.

    Args:
        hint: the alias, with its type arguments if it is generic; ``None`` is returned for other types.
        bound: the meaning of the type variables in these arguments.
    """
    if is_alias(hint):
        return hint.__value__, bound
    origin: object = get_origin(hint)
    if not is_alias(origin):
        return None
    arguments = [bind(each, bound) for each in get_args(hint)]
    return origin.__value__, dict(zip(origin.__type_params__, arguments, strict=False))


def _collect(
    cls: type[object], arguments: tuple[object, ...], found: dict[type[object], Mapping[object, object]]
) -> None:
    bound = dict(zip(_parameters_of(cls), arguments, strict=False))
    if not found.get(cls):
        found[cls] = bound
    bases: tuple[object, ...] = vars(cls).get("__orig_bases__", cls.__bases__)
    for base in bases:
        origin: object = get_origin(base) or base
        if is_class(origin):
            _collect(origin, tuple(bind(each, bound) for each in get_args(base)), found)


def _parameters_of(hint: object) -> tuple[object, ...]:
    return hint.__parameters__ if _is_generic(hint) else ()


def _is_generic(hint: object) -> TypeIs[_Generic]:
    return hasattr(hint, "__parameters__")

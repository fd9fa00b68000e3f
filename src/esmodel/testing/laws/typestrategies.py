"""Strategies by type: the values of any type that the codec carries."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum, Flag
from typing import (
    Annotated,
    ClassVar,
    Final,
    Literal,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, ResolutionFailed
from hypothesis.strategies import SearchStrategy
from typing_extensions import TypeAliasType, TypeIs

from esmodel.codec.fields import fields_of, owner_of_field
from esmodel.codec.typevars import bind, bound_in, is_class
from esmodel.exceptions import UnsupportedTypeError
from esmodel.model.apply import Handler
from esmodel.testing.laws.bounds import Bounds, bounds_of
from esmodel.testing.laws.scalarstrategies import is_scalar, scalars_of

T = TypeVar("T")

_QUALIFIERS: Final[frozenset[object]] = frozenset({Final, ClassVar})
_UNIONS: Final[frozenset[object]] = frozenset({Union, types.UnionType})
_COLLECTIONS: Final[Mapping[object, Callable[[list[object]], object]]] = {
    list: list[object],
    tuple: tuple[object, ...],
    set: set[object],
    frozenset: frozenset[object],
    Sequence: tuple[object, ...],
    AbstractSet: frozenset[object],
}


def strategy_of(  # noqa: C901, PLR0911, PLR0912  # because there is a branch for each kind of type, as in the codec
    hint: object, bound: Mapping[object, object], bounds: Bounds, /
) -> SearchStrategy[object]:
    """Return a strategy for the values of a type.

    Args:
        hint: the type, as it is annotated.
        bound: the types that are bound to type variables.
        bounds: limits of the values.

    Raises:
        UnsupportedTypeError: if there is no strategy for the type.
    """
    if bounds.options is not None:
        return st.sampled_from(bounds.options)
    if isinstance(hint, TypeVar):
        if hint not in bound:
            raise UnsupportedTypeError(
                f"the type variable {hint} is open. Name the class with its type, as in Event[str]."
            )
        return strategy_of(bound[hint], {}, bounds)
    if isinstance(hint, NewType):
        return strategy_of(hint.__supertype__, bound, bounds)
    if isinstance(hint, TypeAliasType):
        return strategy_of(hint.__value__, bound, bounds)
    origin: object = get_origin(hint)
    arguments: tuple[object, ...] = get_args(hint)
    if origin is Annotated:
        own = [each for each in arguments[1:] if _is_strategy(each)]
        return own[-1] if own else strategy_of(arguments[0], bound, bounds)
    if origin in _QUALIFIERS:
        return strategy_of(arguments[0], bound, bounds)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in _UNIONS:
        return st.one_of([strategy_of(each, bound, bounds) for each in arguments])
    if is_scalar(hint):
        return scalars_of(hint, bounds)
    if is_class(hint) and issubclass(hint, Enum) and not issubclass(hint, Flag):
        return st.sampled_from(list(hint))
    cls: object = origin or hint
    if is_class(cls) and attrs.has(cls):
        given = tuple(bind(each, bound) for each in arguments)
        return instances_of(cls, [], arguments_of(cls, given, {}))
    parts = [strategy_of(each, bound, Bounds()) for each in arguments if each is not Ellipsis]
    if cls is tuple and parts and Ellipsis not in arguments:
        return st.tuples(*parts)
    if cls in _COLLECTIONS and parts:
        unique = cls in {set, frozenset, AbstractSet}
        return _lists_of(parts[0], bounds, unique=unique).map(_COLLECTIONS[cls])
    if cls in {dict, Mapping} and parts:
        return st.dictionaries(parts[0], parts[1])
    return _by_hypothesis(hint)


def arguments_of(
    cls: type[object],
    arguments: tuple[object, ...],
    given: Mapping[str, SearchStrategy[object]],
    without: frozenset[str] = frozenset(),
) -> dict[str, SearchStrategy[object]]:
    """Return strategies for the arguments of an attrs class, by the names that its ``__init__`` takes.

    Args:
        cls: the class.
        arguments: the types that a generic class is given.
        given: strategies for single fields, by name, in place of those by type.
        without: fields to leave out.

    Raises:
        UnsupportedTypeError: if there is no strategy for the type of a field.
    """
    hints: dict[str, object] = get_type_hints(cls, include_extras=True)
    bound = bound_in(cls, arguments)
    found: dict[str, SearchStrategy[object]] = {}
    for each in fields_of(cls):
        if each.name in without or not each.init:
            continue
        own = given.get(each.name)
        if own is None:
            try:
                bounds = bounds_of(each.validator)
                own = strategy_of(hints[each.name], bound[owner_of_field(cls, each.name)], bounds)
            except UnsupportedTypeError as error:
                raise UnsupportedTypeError(f"{cls.__qualname__}.{each.name}: {error}") from error
            if each.validator is not None:
                own = own.filter(_accepting(each, each.validator))
        found[each.alias or each.name] = own
    return found


def instances_of(
    cls: type[T], header: Sequence[SearchStrategy[object]], payload: Mapping[str, SearchStrategy[object]], /
) -> SearchStrategy[T]:
    """Return a strategy for the instances of a class, without those that the class refuses.

    Args:
        cls: the class.
        header: strategies for its positional arguments.
        payload: strategies for its keyword arguments.
    """
    payload_strategy = st.fixed_dictionaries(dict(payload))

    make: Handler = cls

    def draw_instance(draw: st.DrawFn) -> T:
        arguments = [draw(each) for each in header]
        keywords = draw(payload_strategy)
        try:
            made = make(*arguments, **keywords)
        except (ValueError, TypeError):
            reject()
        return made if isinstance(made, cls) else reject()

    draw_instance.__name__ = cls.__name__  # hypothesis shows it
    return st.composite(draw_instance)()


def _accepting(field: attrs.Attribute[object], validator: Handler) -> Callable[[object], bool]:
    def accepts(value: object) -> bool:
        try:
            validator(None, field, value)
        except (ValueError, TypeError):
            return False
        except AttributeError:
            return True  # it reads other fields too: the class asks it again when it is made
        return True

    return accepts


def _lists_of(item: SearchStrategy[object], bounds: Bounds, *, unique: bool) -> SearchStrategy[list[object]]:
    return st.lists(item, min_size=bounds.shortest, max_size=bounds.longest, unique=unique)


def _is_strategy(found: object) -> TypeIs[SearchStrategy[object]]:
    return isinstance(found, SearchStrategy)


def _by_hypothesis(hint: object) -> SearchStrategy[object]:
    name = hint.__qualname__ if is_class(hint) else str(hint)
    if is_class(hint) and hint is not object:
        found = st.from_type(hint)
        try:
            found.validate()
        except (ResolutionFailed, InvalidArgument, TypeError) as error:
            raise UnsupportedTypeError(
                f"hypothesis has no strategy for {name}. "
                "Give the field a strategy, or register one with register_type_strategy."
            ) from error
        return found
    raise UnsupportedTypeError(f"there is no strategy for {name}. Give the field a strategy.")

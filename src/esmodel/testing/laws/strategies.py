"""Hypothesis strategies for events, by the types of their fields; needs ``esmodel[testing]``.

What is drawn can be stored: integers of 64 bits, moments in UTC, text that is Unicode, no ``nan``.
What a validator of attrs refuses is not drawn.
"""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
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
from uuid import UUID

import attrs
from typing_extensions import TypeAliasType, TypeForm, TypeIs

from esmodel.codec.codec import is_iterable
from esmodel.codec.instances import fields_of
from esmodel.codec.struct import owner_of_field
from esmodel.codec.typevars import bind, bound_in, class_of, is_class
from esmodel.exceptions import ModelError, UnsupportedTypeError
from esmodel.model.apply import Handler
from esmodel.model.events import DomainEvent, header_of

try:
    from hypothesis import reject
    from hypothesis import strategies as st
    from hypothesis.errors import InvalidArgument, ResolutionFailed
    from hypothesis.strategies import SearchStrategy
except ImportError as _missing:
    raise ImportError(
        "esmodel.testing.laws.strategies needs hypothesis: pip install 'esmodel[testing]'"
    ) from _missing

T = TypeVar("T")
TEvent = TypeVar("TEvent", bound=DomainEvent)

_LEAST: Final = -(2**63)
_GREATEST: Final = 2**63 - 1
_HEADER: Final[Mapping[str, SearchStrategy[object]]] = {
    "originator_id": st.uuids(version=4),
    "originator_version": st.integers(0, 2**31),
    "timestamp": st.datetimes(timezones=st.just(dt.UTC)),
    "correlation_id": st.uuids(version=4),
    "causation_id": st.none() | st.uuids(version=4),
    "previous_hash": st.binary(min_size=32, max_size=32),
    "event_hash": st.binary(min_size=32, max_size=32),
}


def events(event_class: type[TEvent], /, **fields: SearchStrategy[object]) -> SearchStrategy[TEvent]:
    """Return a strategy for the events of a class; a generic one with its types, ``ItemAdded[str]``.

    Args:
        event_class: the class.
        fields: strategies for single fields, of the payload or the header, in place of their types'.

    Raises:
        UnsupportedTypeError: if there is no strategy for the type of a field; give one.
        ModelError: if the class has no such field.

    Example:
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> from hypothesis import strategies as st
        >>> events(Deposited, cents=st.just(5))
        Deposited()
    """
    cls = class_of(event_class)
    header = {name: fields.pop(name, _header(cls, name)) for name in header_of(cls)}
    payload = st.fixed_dictionaries(_payload(event_class, fields))

    def made(draw: st.DrawFn) -> TEvent:
        values = [draw(each) for each in header.values()]
        event = _call(cls, values, draw(payload))
        return event if isinstance(event, cls) else reject()

    made.__name__ = cls.__name__
    return st.composite(made)()


def payloads(
    event_class: type[DomainEvent], /, **fields: SearchStrategy[object]
) -> SearchStrategy[dict[str, object]]:
    """Return a strategy for payloads: the arguments of ``trigger`` beside the class, by name.

    Raises:
        UnsupportedTypeError: if there is no strategy for the type of a field; give one.
        ModelError: if the class has no such field.

    Example:
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> from hypothesis import strategies as st
        >>> payloads(Deposited, cents=st.just(5))
        fixed_dictionaries({'cents': just(5)})
    """
    return st.fixed_dictionaries(_payload(event_class, fields))


def values(as_type: TypeForm[T], /) -> SearchStrategy[T]:
    """Return a strategy for the values of a type that the codec carries.

    Raises:
        UnsupportedTypeError: if there is none; register one with ``register_type_strategy``.

    Example:
        >>> values(bool | None)
        one_of(booleans(), none())
    """
    found = types.SimpleNamespace(drawn=_values(as_type, {}, _Bounds()))
    # what it draws is of this type, which its own annotation does not say
    drawn: SearchStrategy[T] = getattr(found, "drawn")  # noqa: B009
    return drawn


def _header(cls: type[DomainEvent], name: str) -> SearchStrategy[object]:
    if name == "event_id":
        return st.uuids(version=4 if "correlation_id" in header_of(cls) else 1)
    return _HEADER[name]


def _payload(
    event_class: type[DomainEvent], given: Mapping[str, SearchStrategy[object]]
) -> dict[str, SearchStrategy[object]]:
    cls = class_of(event_class)
    names = [each.name for each in fields_of(cls) if each.name not in header_of(cls)]
    unknown = [name for name in given if name not in names]
    if unknown:
        msg = f"{cls.__qualname__} has no field {unknown[0]!r}; it has: {', '.join(names) or 'none'}"
        raise ModelError(msg)
    return _arguments(cls, get_args(event_class), given, frozenset(header_of(cls)))


def _arguments(
    cls: type[object],
    arguments: tuple[object, ...],
    given: Mapping[str, SearchStrategy[object]],
    without: frozenset[str] = frozenset(),
) -> dict[str, SearchStrategy[object]]:
    """Return strategies for the arguments of an attrs class, by the names that its ``__init__`` takes."""
    hints: dict[str, object] = get_type_hints(cls, include_extras=True)
    bound = bound_in(cls, arguments)
    found: dict[str, SearchStrategy[object]] = {}
    for each in fields_of(cls):
        if each.name in without or not each.init:
            continue
        own = given.get(each.name)
        if own is None:
            try:
                bounds = _bounds_of(each.validator)
                own = _values(hints[each.name], bound[owner_of_field(cls, each.name)], bounds)
            except UnsupportedTypeError as error:
                msg = f"{cls.__qualname__}.{each.name}: {error}"
                raise UnsupportedTypeError(msg) from error
            if each.validator is not None:
                own = own.filter(_accepting(each))
        found[each.alias or each.name] = own
    return found


def _call(make: Handler, header: Sequence[object], payload: Mapping[str, object]) -> object:
    """Return an instance, unless its class refuses these values together."""
    try:
        return make(*header, **payload)
    except (ValueError, TypeError):
        reject()


def _accepting(field: attrs.Attribute[object]) -> Callable[[object], bool]:
    # the stubs of attrs know the validator of a class that is not generic only as Any
    validator: Handler = getattr(field, "validator")  # noqa: B009

    def accepts(value: object) -> bool:
        try:
            validator(None, field, value)
        except (ValueError, TypeError):
            return False
        except AttributeError:
            return True  # it looks at other fields too; the class is asked when it is made
        return True

    return accepts


@attrs.frozen
class _Bounds:
    """What is known of the validators of a field, so that less is drawn in vain."""

    least: object = None
    greatest: object = None
    shortest: int = 0
    longest: int | None = None
    options: tuple[object, ...] | None = None
    pattern: object = None


def _bounds_of(validator: object) -> _Bounds:
    bounds = _Bounds()
    if validator is None:
        return bounds
    several: object = getattr(validator, "_validators", (validator,))
    for each in several if is_iterable(several) else ():
        bound: object = getattr(each, "bound", None)
        operator: object = getattr(each, "compare_op", None)
        options: object = getattr(each, "options", None)
        shortest: object = getattr(each, "min_length", None)
        longest: object = getattr(each, "max_length", None)
        pattern: object = getattr(each, "pattern", None)
        if operator in {">", ">="}:
            bounds = attrs.evolve(bounds, least=bound)
        elif operator in {"<", "<="}:
            bounds = attrs.evolve(bounds, greatest=bound)
        elif is_iterable(options):
            bounds = attrs.evolve(bounds, options=tuple(options))
        elif isinstance(shortest, int):
            bounds = attrs.evolve(bounds, shortest=shortest)
        elif isinstance(longest, int):
            bounds = attrs.evolve(bounds, longest=longest)
        elif pattern is not None:
            bounds = attrs.evolve(bounds, pattern=pattern)
    return bounds


def _values(  # noqa: C901, PLR0911, PLR0912  # because there is a branch for each kind of type, as in the codec
    hint: object, bound: Mapping[object, object], bounds: _Bounds
) -> SearchStrategy[object]:
    if bounds.options is not None:
        return st.sampled_from(bounds.options)
    if isinstance(hint, TypeVar):
        if hint not in bound:
            msg = f"the type variable {hint} is open; name the class with its type, as in Event[str]"
            raise UnsupportedTypeError(msg)
        return _values(bound[hint], {}, bounds)
    if isinstance(hint, NewType):
        return _values(hint.__supertype__, bound, bounds)
    if isinstance(hint, TypeAliasType):
        return _values(hint.__value__, bound, bounds)
    origin: object = get_origin(hint)
    arguments: tuple[object, ...] = get_args(hint)
    if origin is Annotated:
        own = [each for each in arguments[1:] if _is_strategy(each)]
        return own[-1] if own else _values(arguments[0], bound, bounds)
    if origin in _QUALIFIERS:
        return _values(arguments[0], bound, bounds)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in _UNIONS:
        return st.one_of([_values(each, bound, bounds) for each in arguments])
    if hint in _SCALARS:
        return _SCALARS[hint](bounds)
    if is_class(hint) and issubclass(hint, Enum) and not issubclass(hint, Flag):
        return st.sampled_from(list(hint))
    cls: object = origin or hint
    if is_class(cls) and attrs.has(cls):
        given = tuple(bind(each, bound) for each in arguments)
        return _built(cls, _arguments(cls, given, {}))
    parts = [_values(each, bound, _Bounds()) for each in arguments if each is not Ellipsis]
    if cls is tuple and parts and Ellipsis not in arguments:
        return st.tuples(*parts)
    if cls in _MANY and parts:
        make = _MANY[cls]
        return _sized(parts[0], bounds, unique=make in {set, frozenset}).map(make)
    if cls in {dict, Mapping} and parts:
        return st.dictionaries(parts[0], parts[1])
    return _by_hypothesis(hint)


def _is_strategy(found: object) -> TypeIs[SearchStrategy[object]]:
    return isinstance(found, SearchStrategy)


def _built(cls: type[object], arguments: Mapping[str, SearchStrategy[object]]) -> SearchStrategy[object]:
    payload = st.fixed_dictionaries(arguments)

    def made(draw: st.DrawFn) -> object:
        return _call(cls, (), draw(payload))

    made.__name__ = cls.__name__
    return st.composite(made)()


def _sized(item: SearchStrategy[object], bounds: _Bounds, *, unique: bool) -> SearchStrategy[list[object]]:
    return st.lists(item, min_size=bounds.shortest, max_size=bounds.longest, unique=unique)


def _by_hypothesis(hint: object) -> SearchStrategy[object]:
    name = hint.__qualname__ if is_class(hint) else str(hint)
    if is_class(hint) and hint is not object:
        found = st.from_type(hint)
        try:
            found.validate()
        except (ResolutionFailed, InvalidArgument, TypeError) as error:
            msg = f"hypothesis has no strategy for {name}: give the field one, or register_type_strategy"
            raise UnsupportedTypeError(msg) from error
        return found
    msg = f"no strategy is known for {name}: give the field one of its own"
    raise UnsupportedTypeError(msg)


def _whole(bounds: _Bounds) -> SearchStrategy[object]:
    least, greatest = bounds.least, bounds.greatest
    return st.integers(
        max(least, _LEAST) if isinstance(least, int) else _LEAST,
        min(greatest, _GREATEST) if isinstance(greatest, int) else _GREATEST,
    )


def _floating(bounds: _Bounds) -> SearchStrategy[object]:
    least, greatest = bounds.least, bounds.greatest
    return st.floats(
        least if isinstance(least, (int, float)) else None,
        greatest if isinstance(greatest, (int, float)) else None,
        allow_nan=False,
    )


def _decimal(bounds: _Bounds) -> SearchStrategy[object]:
    least, greatest = bounds.least, bounds.greatest
    return st.decimals(
        least if isinstance(least, (int, Decimal)) else None,
        greatest if isinstance(greatest, (int, Decimal)) else None,
        allow_nan=False,
        allow_infinity=False,
    )


def _text(bounds: _Bounds) -> SearchStrategy[object]:
    pattern: object = getattr(bounds.pattern, "pattern", None)
    if isinstance(pattern, str):
        return st.from_regex(pattern, fullmatch=True)
    return st.text(min_size=bounds.shortest, max_size=bounds.longest)


_SCALARS: Final[Mapping[object, Callable[[_Bounds], SearchStrategy[object]]]] = {
    int: _whole,
    float: _floating,
    Decimal: _decimal,
    str: _text,
    bytes: lambda bounds: st.binary(min_size=bounds.shortest, max_size=bounds.longest),
    bool: lambda _: st.booleans(),
    None: lambda _: st.none(),
    type(None): lambda _: st.none(),
    UUID: lambda _: st.uuids(),
    dt.datetime: lambda _: st.datetimes(timezones=st.just(dt.UTC)),
    dt.date: lambda _: st.dates(),
    dt.time: lambda _: st.times(),
    dt.timedelta: lambda _: st.timedeltas(),
}
_QUALIFIERS: Final[frozenset[object]] = frozenset({Final, ClassVar})
_UNIONS: Final[frozenset[object]] = frozenset({Union, types.UnionType})
_MANY: Final[Mapping[object, Callable[[list[object]], object]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    AbstractSet: frozenset,
}

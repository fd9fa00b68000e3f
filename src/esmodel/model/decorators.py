"""Decorators: subscribe_to, attribute, retry, subclassevents."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Generic, ParamSpec, Self, TypeVar, get_type_hints, overload

from attrs import frozen
from typing_extensions import override

from esmodel.codec.codec import Codec
from esmodel.codec.typevars import is_class
from esmodel.exceptions import ModelError
from esmodel.model.entity import DeclaredAttribute, DomainEntity
from esmodel.model.events import DEFAULT_BUS, DomainEvent, EventBus

P = ParamSpec("P")
TResult = TypeVar("TResult")
TValue = TypeVar("TValue")
TEntity = TypeVar("TEntity")
TEvent = TypeVar("TEvent", bound=DomainEvent)
E1 = TypeVar("E1", bound=DomainEvent)
E2 = TypeVar("E2", bound=DomainEvent)
E3 = TypeVar("E3", bound=DomainEvent)
E4 = TypeVar("E4", bound=DomainEvent)


@overload
def subscribe_to(
    first: type[E1],
    /,
    *,
    bus: EventBus = DEFAULT_BUS,
) -> Callable[[Callable[[E1], TResult]], Callable[[E1], TResult]]: ...
@overload
def subscribe_to(
    first: type[E1],
    second: type[E2],
    /,
    *,
    bus: EventBus = DEFAULT_BUS,
) -> Callable[[Callable[[E1 | E2], TResult]], Callable[[E1 | E2], TResult]]: ...
@overload
def subscribe_to(
    first: type[E1],
    second: type[E2],
    third: type[E3],
    /,
    *,
    bus: EventBus = DEFAULT_BUS,
) -> Callable[[Callable[[E1 | E2 | E3], TResult]], Callable[[E1 | E2 | E3], TResult]]: ...
@overload
def subscribe_to(
    first: type[E1],
    second: type[E2],
    third: type[E3],
    fourth: type[E4],
    /,
    *,
    bus: EventBus = DEFAULT_BUS,
) -> Callable[[Callable[[E1 | E2 | E3 | E4], TResult]], Callable[[E1 | E2 | E3 | E4], TResult]]: ...
@overload
def subscribe_to(
    *event_classes: type[TEvent], bus: EventBus = DEFAULT_BUS
) -> Callable[[Callable[[TEvent], TResult]], Callable[[TEvent], TResult]]: ...
def subscribe_to(
    *event_classes: type[DomainEvent], bus: EventBus = DEFAULT_BUS
) -> Callable[[Callable[..., TResult]], Callable[..., TResult]]:
    """Call a function with each published event of these classes; it stays callable itself.

    Raises:
        ModelError: if no class is given.

    Example:
        >>> @subscribe_to(AggregateEvent, bus=EventBus())
        ... def show(event: AggregateEvent) -> None:
        ...     print(event.originator_version)
    """
    given: list[object] = list(event_classes)
    if not given or not all(isinstance(each, type) for each in given):
        msg = f"subscribe_to takes classes of events, not {given!r}: @subscribe_to(Opened, Closed)"
        raise ModelError(msg)

    def decorate(handler: Callable[..., TResult], /) -> Callable[..., TResult]:
        def handle(events: Sequence[DomainEvent]) -> None:
            for event in events:
                if isinstance(event, event_classes):
                    handler(event)

        bus.subscribe(handle)
        return handler

    return decorate


class attribute(DeclaredAttribute, Generic[TValue]):  # noqa: N801  # because it is used as a decorator
    """A settable property, whose assignment triggers ``AttributeChanged``.

    The getter reads the field of the same name with an underscore before it, which the event
    sets. The value comes back from every store in the type that the getter returns.

    Example:
        >>> @frozen(kw_only=True)
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     _limit: int = 0
        ...
        ...     @attribute
        ...     def limit(self) -> int:
        ...         return self._limit
        ...
        ...     opened = ignores(Opened)
        ...     apply = opened
        >>> account = Account.create(Opened)
        >>> account.limit = 500
        >>> account.limit, account.version
        (500, 1)
    """

    __slots__ = ("_getter", "_type")

    def __init__(self, getter: Callable[[TEntity], TValue], /) -> None:
        """Take the getter, whose return type is that of the attribute."""
        self._getter: Callable[..., TValue] = getter
        self._type: object = None

    name: str
    codec: Codec

    def __set_name__(self, owner: type[DomainEntity[TEvent]], name: str) -> None:
        """Learn the name, and the codec of the entity."""
        self.name = name
        self.codec = owner.codec

    @override
    def value_type(self) -> object:
        if self._type is None:
            hints = get_type_hints(self._getter, include_extras=True)
            if "return" not in hints:
                msg = f"@attribute {self.name} has no return type: def {self.name}(self) -> TheType"
                raise ModelError(msg)
            self._type = hints["return"]
        return self._type

    @overload
    def __get__(self, instance: None, owner: type[object], /) -> Self: ...
    @overload
    def __get__(self, instance: DomainEntity[TEvent], owner: type[object], /) -> TValue: ...
    def __get__(self, instance: DomainEntity[TEvent] | None, owner: type[object], /) -> Self | TValue:
        """Return the value, or on the class the attribute itself."""
        return self if instance is None else self._getter(instance)

    def __set__(self, instance: DomainEntity[TEvent], value: TValue, /) -> None:
        """Trigger that the attribute changed."""
        instance.change_attribute(self.name, value)


@frozen
class Retry:
    """How often and how long ``retry`` tries.

    Attributes:
        errors: the classes of errors after which to try again.
        attempts: how often it is called at most.
        wait: seconds; the longest first pause.
        stall: seconds that each pause takes at least.
    """

    errors: tuple[type[Exception], ...]
    attempts: int
    wait: float
    stall: float

    def pause(self, attempt: int, /) -> float:
        """Return the seconds to wait after an attempt: up to twice as many each time, with jitter."""
        longest = self.wait * 2.0 ** min(attempt, 6)
        return self.stall + random.uniform(0.0, longest)  # noqa: S311  # because it is no secret


def retry(
    *errors: type[Exception], attempts: int = 5, wait: float = 0.01, stall: float = 0.0
) -> Callable[[Callable[P, TResult]], Callable[P, TResult]]:
    """Call a function again if it raises, with its signature kept.

    Args:
        errors: the classes of errors after which to try again; by default every ``Exception``.
        attempts: how often it is called at most, 1 or more.
        wait: seconds; the pause after a failure is drawn between 0 and this, doubled each time.
        stall: seconds that each pause takes at least.

    Raises:
        TypeError: if an argument is of the wrong type or out of range.

    Example:
        >>> left = [ValueError("first"), None]
        >>> @retry(ValueError, attempts=2, wait=0)
        ... def work() -> str:
        ...     if error := left.pop(0):
        ...         raise error
        ...     return "done"
        >>> work()
        'done'
    """
    for each in _objects(*errors):
        if not is_class(each) or not issubclass(each, Exception):
            msg = f"retry takes classes of exceptions, not {each!r}: @retry(ConcurrencyError), or @retry()"
            raise ModelError(msg)
    number, *waits = _objects(attempts, wait, stall)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        msg = f"retry: attempts must be a whole number from 1, not {attempts!r}"
        raise ModelError(msg)
    for name, seconds in zip(("wait", "stall"), waits, strict=True):
        if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            msg = f"retry: {name} must be seconds from 0, not {seconds!r}"
            raise ModelError(msg)
    rule = Retry(errors or (Exception,), attempts, wait, stall)
    return lambda function: _retrying(function, rule)


def _objects(*values: object) -> Sequence[object]:
    """Forget the declared types, so that what an unchecked caller gave can be looked at."""
    return values


def _retrying(function: Callable[P, TResult], rule: Retry) -> Callable[P, TResult]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> TResult:
        for attempt in range(1, rule.attempts):
            try:
                return function(*args, **kwargs)
            except rule.errors:
                time.sleep(rule.pause(attempt - 1))
        return function(*args, **kwargs)

    return call


def subclassevents(cls: type[TEntity], /) -> type[TEntity]:
    """Name the events that are nested in a class after it, as ``Account.Opened``.

    For those who inherit an entity with nested events: each gets a subclass of the event whose
    name is that of the new class, so that the two are told apart in a store.

    Example:
        >>> class Base:
        ...     @frozen(kw_only=True)
        ...     class Opened(AggregateEvent):
        ...         pass
        >>> @subclassevents
        ... class Account(Base):
        ...     pass
        >>> Account.Opened.event_name
        'Account.Opened'
    """
    for base in cls.__mro__[1:]:
        for name, nested in list(vars(base).items()):
            if isinstance(nested, type) and issubclass(nested, DomainEvent) and name not in vars(cls):
                qualname = f"{cls.__qualname__}.{name}"
                made = type(
                    name,
                    (nested,),
                    {"__module__": cls.__module__, "__qualname__": qualname, "__slots__": ()},
                )
                setattr(cls, name, frozen(kw_only=True)(made))
    return cls

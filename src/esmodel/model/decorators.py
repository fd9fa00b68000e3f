"""Decorators: subscribe_to, attribute, retry, subclassevents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, ParamSpec, Self, TypeVar, get_type_hints, overload

from attrs import frozen
from typing_extensions import override

from esmodel.codec.codec import Codec
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

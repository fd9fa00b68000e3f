"""Decorators: subscribe_to, attribute and subclassevents. ``retry`` is in ``esmodel.retry``."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FunctionType
from typing import Generic, Never, ParamSpec, Protocol, Self, TypeVar, get_type_hints, overload

from attrs import frozen
from typing_extensions import override

from esmodel.exceptions import ModelError, PublishError
from esmodel.model.annotations import annotation_of
from esmodel.model.apply import Handler
from esmodel.model.bus import DEFAULT_BUS, EventBus, refuse_coroutine, refuse_deferred
from esmodel.model.entity import DomainEntity
from esmodel.model.events import DomainEvent, are_texts, schema_of
from esmodel.model.names import qualified_name
from esmodel.model.plan import DeclaredAttribute
from esmodel.model.versioning import Upcaster, refuse_wrong_upcaster

P = ParamSpec("P")
TResult = TypeVar("TResult")
TValue = TypeVar("TValue")
TEntity = TypeVar("TEntity")
TOwner = TypeVar("TOwner")
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
    """Call a function with each published event of these classes; it remains callable itself.

    Raises:
        ModelError: if no class is given, or the function is a coroutine function or a generator function.

    Example:
        >>> @subscribe_to(AggregateEvent, bus=EventBus())
        ... def show(event: AggregateEvent) -> None:
        ...     print(event.originator_version)
    """
    given: list[object] = list(event_classes)
    if not given or not all(isinstance(each, type) for each in given):
        raise ModelError(
            f"subscribe_to: expected classes of events, found {given!r}: @subscribe_to(Opened, Closed)."
        )

    def decorate(handler: Callable[..., TResult], /) -> Callable[..., TResult]:
        refuse_deferred("subscribe_to", handler)

        def handle(events: Sequence[DomainEvent]) -> None:
            errors: list[Exception] = []
            for event in events:
                if isinstance(event, event_classes):
                    try:
                        refuse_coroutine(handler, handler(event))
                    except Exception as error:  # noqa: BLE001  # because the events after it are handed on too
                        errors.append(error)
            if errors:
                raise PublishError("Each event was handed on.", tuple(errors))

        bus.subscribe(handle)
        return handler

    return decorate


class Attribute(DeclaredAttribute, Generic[TValue]):
    """A settable property, whose assignment triggers ``AttributeChanged``; ``attribute`` declares it.

    Example:
        >>> from esmodel.model import Attribute
        >>> def limit(account: object) -> int:
        ...     return 5
        >>> declared: Attribute[int] = attribute(limit)
        >>> declared.value_type()
        <class 'int'>
    """

    __slots__ = ("_read", "_type")

    def __init__(
        self,
        getter: Callable[[TEntity], TValue],
        aliases: tuple[str, ...] = (),
        upcaster: Upcaster[Never, object] | None = None,
        /,
    ) -> None:
        """Take the getter, whose return type is that of the attribute.

        Args:
            getter: reads the value.
            aliases: former names of the attribute.
            upcaster: the steps from the oldest type of its values.

        Raises:
            ModelError: if the aliases are not texts, or the upcaster is not an ``Upcaster``.
        """
        name = qualified_name(getter) or repr(getter)
        if not are_texts(aliases):
            raise ModelError(
                f"@attribute {name}: aliases: expected a tuple of texts, found {aliases!r}: "
                f'aliases=("old_name",).'
            )
        refuse_wrong_upcaster(f"@attribute {name}", "upcaster", upcaster)
        self.aliases: tuple[str, ...] = aliases
        self.upcaster: Upcaster[Never, object] | None = upcaster
        self.getter: Handler = getter
        self._read: Callable[..., TValue] = getter
        self._type: object = (
            annotation_of(getter, "return", inspect.currentframe())
            if isinstance(getter, FunctionType)
            else None
        )

    def __set_name__(self, owner: type[object], name: str) -> None:
        """Learn the name.

        Raises:
            ModelError: if its field would have a reserved name.
        """
        if name.startswith("es_"):
            raise ModelError(
                f"{owner.__qualname__}.{name}: expected an attribute with a name of your own, found the "
                f"prefix 'es_': its field _{name} would have the prefix '_es_', which esmodel reserves."
            )
        self.name = name

    @override
    def value_type(self) -> object:
        if self._type is None:
            hints = get_type_hints(self.getter, include_extras=True)
            if "return" not in hints:
                raise ModelError(
                    f"@attribute {self.name}: expected a getter with a return type, found none: "
                    f"def {self.name}(self) -> TheType."
                )
            self._type = hints["return"]
        return self._type

    @overload
    def __get__(self, instance: None, owner: type[object], /) -> Self: ...
    @overload
    def __get__(self, instance: DomainEntity[TEvent], owner: type[object], /) -> TValue: ...
    def __get__(self, instance: DomainEntity[TEvent] | None, owner: type[object], /) -> Self | TValue:
        """Return the value, or on the class the attribute itself."""
        return self if instance is None else self._read(instance)

    def __set__(self, instance: DomainEntity[TEvent], value: TValue, /) -> None:
        """Trigger that the attribute changed."""
        instance.change_attribute(self.name, value)


class DeclareAttribute(Protocol):
    """Declares an attribute with a history, from its getter."""

    def __call__(self, getter: Callable[[TEntity], TValue], /) -> Attribute[TValue]:
        """Return the attribute."""
        ...


@overload
def attribute(getter: Callable[[TEntity], TValue], /) -> Attribute[TValue]: ...
@overload
def attribute(
    *, aliases: tuple[str, ...] = (), upcaster: Upcaster[Never, object] | None = None
) -> DeclareAttribute: ...
def attribute(
    getter: Callable[[TEntity], TValue] | None = None,
    /,
    *,
    aliases: tuple[str, ...] = (),
    upcaster: Upcaster[Never, object] | None = None,
) -> Attribute[TValue] | DeclareAttribute:
    """Declare a settable property, whose assignment triggers ``AttributeChanged``.

    The getter reads the field of the same name with an underscore before it, which the event sets. The
    value comes back from every store in the type that the getter returns.

    Args:
        getter: the decorated function.
        aliases: former names of the attribute, under which changes may still be stored.
        upcaster: the chain of steps from the oldest type of the value to today's.

    Raises:
        ModelError: if the aliases are not texts, or the upcaster is not an ``Upcaster``.

    Example:
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     _limit: int = 0
        ...
        ...     @attribute(aliases=("ceiling",))
        ...     def limit(self) -> int:
        ...         return self._limit
        ...
        ...     apply = ignores(Opened).exhaustive
        >>> account = Account.create(Opened)
        >>> account.limit = 500
        >>> account.limit, account.version
        (500, 1)
    """
    if getter is not None:
        return Attribute(getter)

    def declare(getter: Callable[[TOwner], TResult], /) -> Attribute[TResult]:
        return Attribute(getter, aliases, upcaster)

    return declare


def subclassevents(cls: type[TEntity], /) -> type[TEntity]:
    """Give a class subclasses of the events nested in its bases, named after it, as ``Account.Opened``.

    For those who inherit an entity with nested events: the subclasses have stored names of their own, so
    that a store tells the two apart. They have the upcasters of those in the bases.

    Example:
        >>> from esmodel.model import stored_name_of, subclassevents
        >>> class Base:
        ...     @frozen
        ...     class Opened(AggregateEvent):
        ...         pass
        >>> @subclassevents
        ... class Account(Base):
        ...     pass
        >>> stored_name_of(Account.Opened)
        'Account.Opened'
    """
    for base in cls.__mro__[1:]:
        for name, nested in list(vars(base).items()):
            if isinstance(nested, type) and issubclass(nested, DomainEvent) and name not in vars(cls):
                qualname = f"{cls.__qualname__}.{name}"
                body = {"__module__": cls.__module__, "__qualname__": qualname, "__slots__": ()}
                keywords = {"upcaster": schema_of(nested).upcaster}
                made = types.new_class(name, (nested,), keywords, partial(_update, body))
                setattr(cls, name, frozen(made))
    return cls


def _update(body: Mapping[str, object], namespace: dict[str, object]) -> None:
    namespace.update(body)

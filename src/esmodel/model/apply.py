"""The apply registry: the only place where an event changes state."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from typing import (
    Any,
    Generic,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from typing_extensions import TypeAliasType, TypeIs, override

from esmodel.codec.typevars import bound_in, is_class
from esmodel.exceptions import ApplyError

TState = TypeVar("TState")
TEvent = TypeVar("TEvent")
TState_contra = TypeVar("TState_contra", contravariant=True)
TEvent_contra = TypeVar("TEvent_contra", contravariant=True)
TOther = TypeVar("TOther")

Handler = Callable[..., object]
"""A handler as it is looked up; what it takes is known to the registry."""


class ApplyRegistry(Generic[TState_contra, TEvent_contra]):
    """Handlers that change a state, one for each class of event; joined with ``|``.

    It is contravariant in the event, so that a registry which lacks an event of the union is
    not assignable to one that must take it: that is how a type checker sees a missing handler.

    Example:
        >>> @applies(int)
        ... def counted(state: list[int], event: int) -> None:
        ...     state.append(event)
        >>> @applies(str)
        ... def named(state: list[int], event: str) -> None:
        ...     state.append(len(event))
        >>> registry = counted | named
        >>> registry.fold([], [1, "abc"])
        [1, 3]
    """

    __slots__ = ("_dispatch", "_handlers")

    def __init__(self, handlers: Mapping[object, Handler], /) -> None:
        """Take handlers by event; write ``applies`` and ``|`` instead."""
        self._handlers = dict(handlers)
        self._dispatch = {_class_of(event): each for event, each in handlers.items()}

    def __call__(self, state: TState_contra, event: TEvent_contra, /) -> None:
        """Change the state by one event.

        Raises:
            ApplyError: if there is no handler for the class of the event or a base of it.
        """
        self.handler_for(event.__class__)(state, event)

    def fold(self, state: TState, events: Iterable[TEvent_contra], /) -> TState:
        """Change the state by each event in turn, and return it."""
        dispatch = self._dispatch
        for event in events:
            try:  # 10 ns less than with a dictionary that fills itself
                handler = dispatch[event.__class__]
            except KeyError:
                handler = self.handler_for(event.__class__)
            handler(state, event)
        return state

    def __or__(
        self, other: ApplyRegistry[TState_contra, TOther], /
    ) -> ApplyRegistry[TState_contra, TEvent_contra | TOther]:
        """Join two registries.

        Raises:
            ApplyError: if both have a handler of one event; it names both.
        """
        mine = {_class_of(event): each for event, each in self._handlers.items()}
        for event, handler in other.handlers.items():
            first = mine.get(_class_of(event))
            if first is not None and first is not handler:
                msg = (
                    f"Two handlers apply {_class_of(event).__qualname__}: {_title(first)} and "
                    f"{_title(handler)}; leave one out of the join."
                )
                raise ApplyError(msg)
        return ApplyRegistry({**self._handlers, **other.handlers})

    def handler_for(self, event_class: type[object], /) -> Handler:
        """Return the handler of a class of events, or of the nearest base of it that has one.

        Raises:
            ApplyError: if there is none.
        """
        dispatch = self._dispatch
        for base in event_class.__mro__:
            if base in dispatch:
                handler = dispatch[event_class] = dispatch[base]  # found at once the next time
                return handler
        taken = ", ".join(sorted(each.__qualname__ for each in dispatch)) or "none"
        msg = (
            f"No handler applies {event_class.__qualname__}; write one with "
            f"@applies({event_class.__qualname__}) and join it. Applied are: {taken}."
        )
        raise ApplyError(msg)

    def takes(self, event_class: type[object], /) -> bool:
        """Whether there is a handler of a class of events, or of a base of it."""
        return any(issubclass(event_class, each) for each in self.event_classes)

    @property
    def handlers(self) -> Mapping[object, Handler]:
        """The handlers by event, a class or a generic class with its type."""
        return self._handlers

    @property
    def event_classes(self) -> tuple[type[object], ...]:
        """The classes of events that have a handler of their own, in the order of the join."""
        return tuple(_class_of(event) for event in self._handlers)

    @override
    def __repr__(self) -> str:
        return f"<ApplyRegistry of {', '.join(each.__qualname__ for each in self.event_classes)}>"


def applies(
    event_class: type[TEvent], /
) -> Callable[[Callable[[TState, TEvent], None]], ApplyRegistry[TState, TEvent]]:
    """Turn a handler into a registry with one entry.

    Example:
        >>> @applies(int)
        ... def counted(state: list[int], event: int) -> None:
        ...     state.append(event)
        >>> counted
        <ApplyRegistry of int>
    """

    def register(handler: Callable[[TState, TEvent], None], /) -> ApplyRegistry[TState, TEvent]:
        return ApplyRegistry({event_class: handler})

    return register


def ignores(event_class: type[TEvent], /) -> ApplyRegistry[Any, TEvent]:
    """Say that an event changes nothing. Bind it to a name before it is joined.

    Written inside the join, mypy infers its type from what is expected there and no longer
    sees that another handler is missing; the check at import sees it all the same.

    Example:
        >>> closed = ignores(int)
        >>> closed.fold("state", [1, 2])
        'state'
    """

    # the state is Any, because `object` and Protocols fail in pyright when joined to a handler
    # that is written in a class body
    def ignore(state: object, event: TEvent, /) -> None:  # noqa: ARG001
        return None

    return ApplyRegistry({event_class: ignore})


class Applying(Generic[TEvent]):
    """What declares ``apply``, and checks at import that it takes every event of the union.

    A plain class, since attrs would take the declaration for a field.

    Attributes:
        apply: the registry, the join of all handlers.
    """

    __slots__ = ()

    # because the state's type is settled by the join: Self is rejected by ty here, and object
    # and Protocols fail in pyright when joined to a handler that is written in a class body
    apply: ApplyRegistry[Any, TEvent]

    @override
    def __init_subclass__(cls) -> None:
        """Check the registry.

        Raises:
            ApplyError: if it lacks an event of the union, or has a handler of another class.
        """
        super().__init_subclass__()
        if "apply" not in vars(cls):
            return
        registry = registry_of(cls)
        if registry is None:
            msg = f"{cls.__qualname__}.apply must be a registry: apply = opened | closed"
            raise ApplyError(msg)
        for handler in registry.handlers.values():
            _check_owner(cls, handler)
        for event in events_of(cls):
            event_class = _class_of(event)
            if not registry.takes(event_class):
                name = _short(event_class)
                verb = name.rpartition(".")[2].lower()
                msg = (
                    f"{_short(cls)}.apply has no handler for {name}; write one with "
                    f"@applies({name}) and join it: apply = ... | {verb}"
                )
                raise ApplyError(msg)


def registry_of(cls: type[object], /) -> ApplyRegistry[Any, Any] | None:
    """Return the registry of a class, ``None`` where it is left to its subclasses."""
    # Any, because the types of a class's state and events are not known where any class is taken,
    # and a contravariant registry of `object` could take neither
    registry: object = getattr(cls, "apply", None)
    return registry if _is_registry(registry) else None


def _is_registry(found: object) -> TypeIs[ApplyRegistry[Any, Any]]:
    return isinstance(found, ApplyRegistry)


def events_of(cls: type[object], arguments: tuple[object, ...] = (), /) -> tuple[object, ...]:
    """Return the members of the union that a class was given for its events.

    Empty where the union is still open, as in a generic base.

    Args:
        cls: the class.
        arguments: its own type arguments, where it is generic.
    """
    found = bound_in(cls, arguments).get(Applying, {}).get(TEvent)
    return () if found is None or isinstance(found, TypeVar) else _members(found)


def _members(union: object) -> tuple[object, ...]:
    if isinstance(union, TypeAliasType):
        return _members(union.__value__)
    if get_origin(union) in {Union, types.UnionType}:
        return tuple(one for each in get_args(union) for one in _members(each))
    return (union,)


def _class_of(event: object) -> type[object]:
    origin = get_origin(event) or event
    if not is_class(origin):
        msg = f"{event!r} is no class of events; write @applies(TheEventClass)"
        raise ApplyError(msg)
    return origin


def _short(cls: type[object]) -> str:
    return cls.__qualname__.rpartition("<locals>.")[2]


def _title(handler: Handler) -> str:
    name: str = getattr(handler, "__qualname__", repr(handler))
    return name.rpartition("<locals>.")[2]


def owner_of(handler: Handler, cls: type[object], /) -> type[object]:
    """Return the base of a class in whose body a handler is written; itself where there is none."""
    owner = str(getattr(handler, "__qualname__", "")).rpartition(".")[0]
    return next((base for base in cls.__mro__ if base.__qualname__ == owner), cls)


def _check_owner(cls: type[object], handler: Handler) -> None:
    owner = str(getattr(handler, "__qualname__", "")).rpartition(".")[0]
    if not owner or owner.endswith("<locals>"):
        return
    if all(owner != base.__qualname__ for base in cls.__mro__):
        msg = (
            f"{_short(cls)}.apply has the handler {_title(handler)} of another class; "
            f"join only handlers of {_short(cls)} or of a base of it"
        )
        raise ApplyError(msg)

"""The apply registry: the only place where an event changes state."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, get_origin, overload

from typing_extensions import TypeForm, is_protocol, override

from esmodel.codec.typevars import is_class
from esmodel.exceptions import ApplyError
from esmodel.model.annotations import annotated_event, members_of, refuse_deferred_handler
from esmodel.model.names import class_of_event, short_name, short_name_of

TState = TypeVar("TState")
TEvent = TypeVar("TEvent")
TState_contra = TypeVar("TState_contra", contravariant=True)
TEvent_contra = TypeVar("TEvent_contra", contravariant=True)
TOther = TypeVar("TOther")
E1 = TypeVar("E1")
E2 = TypeVar("E2")
E3 = TypeVar("E3")
E4 = TypeVar("E4")

Handler = Callable[..., object]
"""A handler as it is looked up; the registry knows what it takes."""


class ApplyRegistry(Generic[TState_contra, TEvent_contra]):
    """Handlers that change a state, one for each class of event; joined with ``|``.

    It is contravariant in the event: a registry that lacks an event of the union is not assignable to
    one that must take it, which is how a type checker sees a missing handler.

    Example:
        >>> @applies
        ... def counted(state: list[int], event: int) -> None:
        ...     state.append(event)
        >>> @applies
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
        self._dispatch = {class_of_event(event): each for event, each in handlers.items()}

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
            try:  # faster than a dictionary that fills itself
                handler = dispatch[event.__class__]
            except KeyError:
                handler = self.handler_for(event.__class__)
            handler(state, event)
        return state

    @overload
    def __or__(self, other: Ignored[TOther], /) -> ApplyRegistry[TState_contra, TEvent_contra | TOther]: ...
    @overload
    def __or__(
        self, other: ApplyRegistry[TState_contra, TOther], /
    ) -> ApplyRegistry[TState_contra, TEvent_contra | TOther]: ...
    def __or__(
        self, other: Ignored[TOther] | ApplyRegistry[TState_contra, TOther], /
    ) -> ApplyRegistry[TState_contra, TEvent_contra | TOther]:
        """Join two registries.

        Raises:
            ApplyError: if both have a handler of one event; it names both. If the other one is a method
                without ``@applies``.
        """
        return ApplyRegistry(_joined(self._handlers, _handlers_of(other)))

    @property
    def exhaustive(self) -> Exhaustive[Any, TEvent_contra]:
        """The registry as the ``apply`` of a class, compared whole with the union of its events.

        An attribute is read without an expectation of its type. So a type checker infers the join by
        itself, and then compares it with the declaration of ``apply``.
        """
        # Any, because mypy refuses a subclass of a concrete aggregate where the state is kept
        return Exhaustive(self._handlers)

    def handler_for(self, event_class: type[object], /) -> Handler:
        """Return the handler of a class of events, or of the nearest base that has one.

        Raises:
            ApplyError: if there is none.
        """
        dispatch = self._dispatch
        for base in event_class.__mro__:
            if base in dispatch:
                handler = dispatch[event_class] = dispatch[base]  # found directly the next time
                return handler
        taken = ", ".join(sorted(each.__qualname__ for each in dispatch)) or "none"
        raise ApplyError(
            f"No handler applies {event_class.__qualname__}: write one with @applies and join it: "
            f"apply = (... | {short_name(event_class).rpartition('.')[2].lower()}).exhaustive. "
            f"It applies: {taken}."
        )

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
        return tuple(class_of_event(event) for event in self._handlers)

    @override
    def __repr__(self) -> str:
        names = ", ".join(each.__qualname__ for each in self.event_classes)
        return f"<{type(self).__name__} of {names}>"


class Exhaustive(ApplyRegistry[TState_contra, TEvent_contra]):
    """A registry that is the ``apply`` of a class; ``.exhaustive`` of a join makes one.

    Example:
        >>> ignores(int, str).exhaustive
        <Exhaustive of int, str>
    """

    __slots__ = ()


class Ignored(Generic[TEvent_contra]):
    """Events that change nothing, for a join with handlers of any state; ``ignores`` makes one.

    It has no state of its own. With a registry of ``Any`` state in its place, type checkers would not see
    that a handler joined to it belongs to another class.

    Example:
        >>> closed = ignores(int)
        >>> closed | ignores(str)
        <Ignored of int, str>
    """

    __slots__ = ("_handlers",)

    def __init__(self, handlers: Mapping[object, Handler], /) -> None:
        """Take handlers by event; write ``ignores`` instead."""
        self._handlers = dict(handlers)

    @overload
    def __or__(self, other: Ignored[TOther], /) -> Ignored[TEvent_contra | TOther]: ...
    @overload
    def __or__(
        self, other: ApplyRegistry[TState, TOther], /
    ) -> ApplyRegistry[TState, TEvent_contra | TOther]: ...
    def __or__(
        self, other: Ignored[TOther] | ApplyRegistry[TState, TOther], /
    ) -> Ignored[TEvent_contra | TOther] | ApplyRegistry[TState, TEvent_contra | TOther]:
        """Join it to a registry, or to other ignored events.

        Raises:
            ApplyError: if one event is in both; it names both handlers.
        """
        handlers = _joined(self._handlers, _handlers_of(other))
        return ApplyRegistry(handlers) if isinstance(other, ApplyRegistry) else Ignored(handlers)

    @property
    def exhaustive(self) -> Exhaustive[Any, TEvent_contra]:
        """The registry of a class that ignores all its events; see ``ApplyRegistry.exhaustive``."""
        return Exhaustive(self._handlers)

    @property
    def handlers(self) -> Mapping[object, Handler]:
        """The handlers by event; each does nothing."""
        return self._handlers

    @override
    def __repr__(self) -> str:
        return f"<Ignored of {', '.join(class_of_event(each).__qualname__ for each in self._handlers)}>"


@overload
def applies(
    event_class: type[TEvent], /
) -> Callable[[Callable[[TState, TEvent], None]], ApplyRegistry[TState, TEvent]]: ...
@overload
def applies(handler: Callable[[TState, TEvent], None], /) -> ApplyRegistry[TState, TEvent]: ...
def applies(given: object, /) -> object:
    """Turn a handler into a registry with one entry.

    ``@applies`` reads the event from the handler's annotation, which may be a union.
    ``@applies(Deposited)`` names it, for a handler whose annotation is a name that does not exist yet.

    Raises:
        ApplyError: if the annotation names no class of events, or another one than is given, or the handler
            is a coroutine function or a generator function.

    Example:
        >>> @applies
        ... def counted(state: list[int], event: int) -> None:
        ...     state.append(event)
        >>> counted
        <ApplyRegistry of int>
    """
    frame = inspect.currentframe()
    caller = None if frame is None else frame.f_back
    if is_class(given) or get_origin(given) is not None:
        events = [class_of_event(each) for each in members_of(given)]

        def register(handler: Handler, /) -> ApplyRegistry[object, object]:
            refuse_deferred_handler(handler)
            found = annotated_event(handler, caller)
            for each in () if found is None else members_of(found):
                origin = get_origin(each) or each
                if (
                    is_class(origin)
                    and not is_protocol(origin)
                    and not any(issubclass(event, origin) for event in events)
                ):
                    raise ApplyError(
                        f"{short_name_of(handler)}: expected a handler of {_names(given)}, found the "
                        f"annotation {_names(found)}. Write @applies alone."
                    )
            return ApplyRegistry(dict.fromkeys(members_of(given), handler))

        return register
    refuse_deferred_handler(given)
    event = annotated_event(given, caller)
    if event is None or not callable(given):
        raise ApplyError(
            f"{short_name_of(given)}: expected a handler whose second parameter is annotated with a class "
            f"of events that exists by now. Annotate it, or name the event: @applies(TheEventClass)."
        )
    return ApplyRegistry[object, object](dict.fromkeys(members_of(event), given))


@overload
def ignores(first: TypeForm[E1], /) -> Ignored[E1]: ...
@overload
def ignores(first: TypeForm[E1], second: TypeForm[E2], /) -> Ignored[E1 | E2]: ...
@overload
def ignores(first: TypeForm[E1], second: TypeForm[E2], third: TypeForm[E3], /) -> Ignored[E1 | E2 | E3]: ...
@overload
def ignores(
    first: TypeForm[E1], second: TypeForm[E2], third: TypeForm[E3], fourth: TypeForm[E4], /
) -> Ignored[E1 | E2 | E3 | E4]: ...
def ignores(*events: object) -> Ignored[Any]:
    """Say that events change nothing: classes, or a union of them.

    Raises:
        ApplyError: if something else is given.

    Example:
        >>> ignores(int | str)
        <Ignored of int, str>
    """

    def ignore(state: object, event: object, /) -> None:
        """Change nothing."""

    classes = [each for event in events for each in members_of(event)]
    if not classes:
        raise ApplyError("ignores: expected classes of events, found none: ignores(Closed).")
    for each in classes:
        class_of_event(each)
    return Ignored(dict.fromkeys(classes, ignore))


def _handlers_of(other: object) -> Mapping[object, Handler]:
    """Return the handlers of what is joined.

    Raises:
        ApplyError: if it has none.
    """
    if isinstance(other, (ApplyRegistry, Ignored)):
        return other.handlers
    name = short_name_of(other) if inspect.isfunction(other) else repr(other)
    raise ApplyError(f"{name}: expected a handler in the join, found none. Write @applies above the method.")


def _joined(mine: Mapping[object, Handler], others: Mapping[object, Handler]) -> Mapping[object, Handler]:
    by_class = {class_of_event(event): each for event, each in mine.items()}
    for event, handler in others.items():
        first = by_class.get(class_of_event(event))
        if first is not None and first is not handler:
            raise ApplyError(
                f"Two handlers apply {class_of_event(event).__qualname__}: {short_name_of(first)} and "
                f"{short_name_of(handler)}. Leave one out of the join."
            )
    return {**mine, **others}


def _names(event: object) -> str:
    return " | ".join(short_name(each) if is_class(each) else str(each) for each in members_of(event))

"""The check of an ``apply`` at import: that it takes every event of the union, and no foreign handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs
from typing_extensions import TypeIs, override

from esmodel.codec.fields import fields_of
from esmodel.codec.typevars import bound_in
from esmodel.exceptions import ApplyError
from esmodel.model.annotations import members_of
from esmodel.model.apply import ApplyRegistry, Exhaustive, Handler, Ignored
from esmodel.model.names import class_of_event, qualified_name, short_name, short_name_of
from esmodel.model.reserved import is_library, own_names

TEvent = TypeVar("TEvent")


class Applying(Generic[TEvent]):
    """Declares ``apply``, and checks at import that it takes every event of the union.

    A plain class, because attrs would take the declaration for a field.

    Attributes:
        apply: the registry, the join of all handlers: ``(opened | deposited).exhaustive``.
    """

    __slots__ = ()

    # Any, because the join settles the state's type; see `ApplyRegistry.exhaustive`
    apply: Exhaustive[Any, TEvent]

    @override
    def __init_subclass__(cls) -> None:
        """Check the registry.

        Raises:
            ApplyError: if it lacks an event of the union, has a handler of another class, or is a join
                that type checkers do not compare whole.
        """
        super().__init_subclass__()
        _check_names(cls)
        if "apply" in vars(cls):
            for handler in _exhaustive(cls).handlers.values():
                _check_owner(cls, handler)
        registry = registry_of(cls)
        if registry is None:
            return
        for event in events_of(cls):
            event_class = class_of_event(event)
            if not registry.takes(event_class):
                name = short_name(event_class)
                verb = name.rpartition(".")[2].lower()
                raise ApplyError(
                    f"{short_name(cls)}.apply has no handler for {name}. Write one with @applies and join "
                    f"it: apply = (... | {verb}).exhaustive, or: apply = (... | ignores({name})).exhaustive."
                )
        _check_joined(cls, registry)


def named_parts(cls: type[object], /) -> Mapping[str, str]:
    """Return the names in a class body, each with what it is; without the registry."""
    parts = {name: what for name, what in own_names(cls).items() if name != "apply" or name not in vars(cls)}
    handlers = {name for name, value in vars(cls).items() if isinstance(value, (ApplyRegistry, Ignored))}
    return {name: "handler" if name in handlers else what for name, what in parts.items()}


def _check_names(cls: type[object]) -> None:
    """Check that no handler has the name of a field; the library's own annotate theirs for other checkers."""
    if is_library(cls):
        return
    names = own_names(cls)
    for name, value in vars(cls).items():
        if not isinstance(value, (ApplyRegistry, Ignored)):
            continue
        if names.get(name) == "field":
            what = "the registry" if name == "apply" else f"the handler {name}"
            raise ApplyError(
                f"{short_name(cls)}.{name}: expected {what} without an annotation or a field of its name, "
                f"found one; attrs takes it for a field. Write {name} = ... alone, or rename the field."
            )
        if name != "apply" and any(_has_field(base, name) for base in cls.__mro__[1:]):
            raise ApplyError(
                f"{short_name(cls)}.{name}: expected a handler with a name of its own, found that of a "
                f"field. Rename the handler."
            )


def _check_joined(cls: type[object], registry: Exhaustive[Any, Any]) -> None:
    """Check that each handler in a class body is in the registry: no event would reach it."""
    joined = {id(each) for each in registry.handlers.values()}
    for name, value in vars(cls).items():
        if name == "apply" or not isinstance(value, (ApplyRegistry, Ignored)):
            continue
        if not all(id(each) in joined for each in value.handlers.values()):
            rest = "..." if "apply" in vars(cls) else f"{short_name(_owner_of_apply(cls))}.apply"
            raise ApplyError(
                f"{short_name(cls)}.{name}: expected each handler in apply, found that it is not joined, so "
                f"that no event reaches it. Write apply = ({rest} | {name}).exhaustive, or remove it."
            )


def _has_field(base: type[object], name: str) -> bool:
    return attrs.has(base) and name in {each.name for each in fields_of(base)}


def _exhaustive(cls: type[object]) -> Exhaustive[Any, Any]:
    found: object = vars(cls)["apply"]
    if _is_exhaustive(found):
        return found
    finding = "a bare join" if isinstance(found, (ApplyRegistry, Ignored)) else repr(found)
    raise ApplyError(
        f"{short_name(cls)}.apply: expected a join that is checked whole, found {finding}. "
        f"Write apply = (opened | deposited).exhaustive."
    )


def _owner_of_apply(cls: type[object]) -> type[object]:
    return next((base for base in cls.__mro__ if "apply" in vars(base)), cls)


def registry_of(cls: type[object], /) -> Exhaustive[Any, Any] | None:
    """Return the registry of a class, ``None`` where it is left to its subclasses."""
    # Any, because the types of a class's state and events are not known where any class is taken,
    # and a contravariant registry of `object` could take neither
    found: object = vars(_owner_of_apply(cls)).get("apply")
    return found if _is_exhaustive(found) else None


def _is_exhaustive(found: object) -> TypeIs[Exhaustive[Any, Any]]:
    return isinstance(found, Exhaustive)


def events_of(cls: type[object], arguments: tuple[object, ...] = (), /) -> tuple[object, ...]:
    """Return the members of the union that a class was given for its events.

    What is still open, as in a generic base, is left out.

    Args:
        cls: the class.
        arguments: its own type arguments, where it is generic.
    """
    found = bound_in(cls, arguments).get(Applying, {}).get(TEvent)
    members = () if found is None else members_of(found)
    return tuple(each for each in members if not isinstance(each, TypeVar))


def owner_of(handler: Handler, cls: type[object], /) -> type[object]:
    """Return the base of a class in whose body a handler is written; itself where there is none."""
    owner = qualified_name(handler).rpartition(".")[0]
    return next((base for base in cls.__mro__ if base.__qualname__ == owner), cls)


def _check_owner(cls: type[object], handler: Handler) -> None:
    owner = qualified_name(handler).rpartition(".")[0]
    if not owner or owner.endswith("<locals>"):
        return
    if all(owner != base.__qualname__ for base in cls.__mro__):
        raise ApplyError(
            f"{short_name(cls)}.apply: expected handlers of {short_name(cls)} or of a base of it, found "
            f"{short_name_of(handler)}. Leave it out of the join."
        )

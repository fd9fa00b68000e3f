"""Names of classes and handlers, for messages."""

from __future__ import annotations

import inspect
from typing import get_origin

from typing_extensions import is_protocol

from esmodel.codec.typevars import is_class
from esmodel.exceptions import ApplyError


def class_of_event(event: object, /) -> type[object]:
    """Return the class of an event, without its type arguments.

    Raises:
        ApplyError: if it is something else.
    """
    origin = get_origin(event) or event
    if not is_class(origin) or is_protocol(origin):
        raise ApplyError(f"{event!r}: expected a class of events: @applies(TheEventClass).")
    return origin


def short_name(cls: type[object], /) -> str:
    """Return the qualified name of a class, without the function that it is defined in."""
    return cls.__qualname__.rpartition("<locals>.")[2]


def short_name_of(handler: object, /) -> str:
    """Return the qualified name of a handler, without the function that it is defined in."""
    return qualified_name(handler).rpartition("<locals>.")[2] or repr(handler)


def qualified_name(handler: object, /) -> str:
    """Return the qualified name of a function, empty where a callable has none."""
    return handler.__qualname__ if inspect.isroutine(handler) else ""

"""Callables: which of them only start something that their caller has to run."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Coroutine
from types import CoroutineType

from typing_extensions import TypeIs


def deferred(function: object, /) -> str | None:
    """Return the kind of a callable if a call of it runs none of its code; ``None`` for any other.

    It looks through ``functools.partial``, class and static methods, and at
    the ``__call__`` of other objects.

    Example:
        >>> from esmodel._callables import deferred
        >>> async def greet() -> None: ...
        >>> deferred(greet), deferred(print)
        ('a coroutine function', None)
    """
    inner: object = getattr(function, "__func__", None)  # because only methods, of each kind, have one
    kind = _kind_of(function if inner is None else inner)
    if kind is None and not isinstance(function, type):
        kind = _kind_of(getattr(type(function), "__call__", None))  # noqa: B004  # because its kind is wanted
    return kind


def _kind_of(function: object) -> str | None:
    if inspect.iscoroutinefunction(function):
        return "a coroutine function"
    if inspect.isasyncgenfunction(function):
        return "an async generator function"
    return "a generator function" if inspect.isgeneratorfunction(function) else None


def is_coroutine(result: object, /) -> TypeIs[Coroutine[object, object, object]]:
    """Whether the result of a call is a coroutine, which has not begun to run."""
    return isinstance(result, CoroutineType)


def is_awaitable(result: object, /) -> TypeIs[Awaitable[object]]:
    """Whether the result of a call can be awaited."""
    return isinstance(result, Awaitable)

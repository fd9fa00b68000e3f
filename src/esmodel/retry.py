"""Retry: call a function again after an error, with exponential back-off, jitter and a deadline."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar, overload

from attrs import define, field, frozen

from esmodel._callables import deferred, is_awaitable, is_coroutine
from esmodel.exceptions import (
    ConcurrencyError,
    ModelError,
    OutcomeUnknownError,
    PositionTakenError,
    PublishError,
)

__all__ = [
    "Retry",
    "retry",
]

P = ParamSpec("P")
TResult = TypeVar("TResult")
TYielded = TypeVar("TYielded")
TSent = TypeVar("TSent")

_ATTEMPTS: Final = 5
"""The default after errors that are not conflicts, of which nothing says that a repetition will help."""


@frozen
class Retry:
    """When and how often to call a function again. It decorates functions and coroutine functions.

    Attributes:
        errors: the errors after which to retry.
        attempts: the maximum number of calls; ``None`` for 5, and for any number after conflicts.
        wait: the upper bound of the first pause, in seconds; 0 for none.
        stall: the lower bound of every pause, in seconds.
        timeout: seconds from the first error until the last call.
    """

    errors: tuple[type[Exception], ...]
    attempts: int | None = None
    wait: float = 0.001
    stall: float = 0.0
    timeout: float = 30.0

    def pause(self, attempt: int, seconds: float = 0.0, /) -> float:
        """Return a random pause in seconds, whose range doubles with each of the first four attempts.

        Of long attempts it begins with a quarter of their time. Otherwise all writers would be at work at
        once, and most of the work in vain.

        Args:
            attempt: the number of the attempt that failed, from 0.
            seconds: how long the attempt took.
        """
        longest = max(self.wait, seconds / 4 if self.wait else 0.0) * 2.0 ** min(attempt, 4)
        return self.stall + random.uniform(0.0, longest)  # noqa: S311  # because this is not a secret

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[TYielded, TSent, TResult]], /
    ) -> Callable[P, Coroutine[TYielded, TSent, TResult]]: ...
    @overload
    def __call__(self, function: Callable[P, TResult], /) -> Callable[P, TResult]: ...
    def __call__(self, function: Callable[P, object], /) -> Callable[P, object]:
        """Return a function that calls another one, and again after an error.

        Raises:
            ModelError: if it is a generator function.
        """
        kind = deferred(function)
        if kind is not None and "generator" in kind:
            raise ModelError(
                f"retry: expected a function that runs when it is called or awaited, found {function!r}, "
                f"{kind}: it fails while it is iterated. Decorate the function that iterates."
            )

        return _calling(function, self) if kind is None else _awaiting(function, self)


@define
class _Course:
    """The attempts of one call.

    Attributes:
        rule: when and how often to repeat.
        failed: the number of attempts that failed.
        deadline: seconds of the monotonic clock, set by the first error.
    """

    rule: Retry
    failed: int = 0
    deadline: float = field(default=math.inf)

    def pause_after(self, error: Exception, begun: float) -> float | None:
        """Return the seconds to wait before the next attempt; ``None`` if there is none.

        Args:
            error: the error of the attempt.
            begun: when the attempt began, in seconds of the monotonic clock.
        """
        rule = self.rule
        if isinstance(error, (PublishError, OutcomeUnknownError)) and type(error) not in rule.errors:
            return None  # the events are stored, or may be
        is_conflict = isinstance(error, ConcurrencyError) and not isinstance(error, PositionTakenError)
        most = _ATTEMPTS if rule.attempts is None and not is_conflict else rule.attempts
        now = time.monotonic()
        if self.failed == 0:
            self.deadline = now + rule.timeout
        self.failed += 1
        if now >= self.deadline or (most is not None and self.failed >= most):
            return None
        return min(rule.pause(self.failed - 1, now - begun), self.deadline - now)


def _calling(function: Callable[P, object], rule: Retry) -> Callable[P, object]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> object:
        course: _Course | None = None
        while True:
            begun = time.monotonic()
            try:
                result = function(*args, **kwargs)
            except rule.errors as error:
                course = course or _Course(rule)
                pause = course.pause_after(error, begun)
                if pause is None:
                    raise
            else:
                # a function may return a coroutine, and not be known as a coroutine function
                return awaited(result, *args, **kwargs) if is_coroutine(result) else result
            time.sleep(pause)

    awaited = _repeating(function, rule)
    return call


def _awaiting(function: Callable[P, object], rule: Retry) -> Callable[P, object]:
    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> object:
        return await awaited(None, *args, **kwargs)

    awaited = _repeating(function, rule)
    return call


def _repeating(
    function: Callable[P, object], rule: Retry
) -> Callable[Concatenate[Coroutine[object, object, object] | None, P], Coroutine[object, object, object]]:
    """Return a coroutine function that awaits a first call, if there was one, and calls again on errors."""

    async def awaited(
        first: Coroutine[object, object, object] | None, /, *args: P.args, **kwargs: P.kwargs
    ) -> object:
        from asyncio import sleep  # noqa: PLC0415  # because it takes 20 ms, and most programs await nothing

        course = _Course(rule)
        while True:
            begun = time.monotonic()
            try:
                result = first or function(*args, **kwargs)
                return await result if is_awaitable(result) else result
            except rule.errors as error:
                pause = course.pause_after(error, begun)
                if pause is None:
                    raise
            first = None
            await sleep(pause)

    return awaited


def retry(
    *errors: type[Exception],
    attempts: int | None = None,
    wait: float = 0.001,
    stall: float = 0.0,
    timeout: float = 30.0,
) -> Retry:
    """Decorate a function or a coroutine function to be called again after an error. Its type stays the same.

    It is never called again after an error that says that its events are stored, or may be: a
    ``PublishError``, or an ``OutcomeUnknownError`` that is not among the errors itself.

    Args:
        errors: the errors after which to retry; by default, every ``Exception``.
        attempts: the maximum number of calls, 1 or more. By default 5, and after a ``ConcurrencyError`` as
            many as the time allows: whenever one writer has a conflict, another one was saved.
        wait: seconds; the first pause is random, between 0 and this, or a quarter of the time that the
            attempt took, if that is longer. The range doubles four times. With 0 there are no pauses.
        stall: seconds that are added to each pause.
        timeout: seconds from the first error until the last call.

    Raises:
        ModelError: if an argument has the wrong type or is out of range; a ``TypeError``.

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
        if not isinstance(each, type) or not issubclass(each, Exception):
            raise ModelError(
                f"retry: expected exception classes, found {each!r}; "
                f"write @retry(ConcurrencyError), or @retry() to retry after every exception."
            )
        if issubclass(each, PublishError):
            raise ModelError(
                f"retry: expected errors after which nothing is stored, found {each.__qualname__}: it says "
                f"that the events are stored. Leave it out."
            )
    [number] = _objects(attempts)
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise ModelError(f"retry: attempts: expected an integer of 1 or more, found {attempts!r}.")
    for name, seconds in zip(("timeout", "wait", "stall"), _objects(timeout, wait, stall), strict=True):
        if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise ModelError(f"retry: {name}: expected seconds, 0 or more, found {seconds!r}.")
    return Retry(errors or (Exception,), attempts, wait, stall, timeout)


def _objects(*values: object) -> Sequence[object]:
    """Return the values as plain objects, so that an unchecked call can be checked at run time."""
    return values

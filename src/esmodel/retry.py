"""Retry: call a function again after an error, with exponential back-off and jitter."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from attrs import frozen

from esmodel.exceptions import ModelError

__all__ = [
    "Retry",
    "retry",
]

P = ParamSpec("P")
TResult = TypeVar("TResult")


@frozen
class Retry:
    """When and how often to call a function again.

    Attributes:
        errors: the errors after which to retry.
        attempts: the maximum number of calls.
        wait: the upper bound of the first pause, in seconds.
        stall: the lower bound of every pause, in seconds.
    """

    errors: tuple[type[Exception], ...]
    attempts: int
    wait: float
    stall: float

    def pause(self, attempt: int, /) -> float:
        """Return a random pause in seconds, whose range doubles with each attempt, up to 64 ``wait``.

        Args:
            attempt: the number of the attempt that failed, from 0.
        """
        longest = self.wait * 2.0 ** min(attempt, 6)
        return self.stall + random.uniform(0.0, longest)  # noqa: S311  # because this is not a secret


def retry(
    *errors: type[Exception], attempts: int = 5, wait: float = 0.01, stall: float = 0.0
) -> Callable[[Callable[P, TResult]], Callable[P, TResult]]:
    """Decorate a function to be called again after an error. Its signature stays the same.

    Args:
        errors: the errors after which to retry; by default, every ``Exception``.
        attempts: the maximum number of calls, 1 or more.
        wait: seconds; the first pause is random, between 0 and this. The range doubles each time.
        stall: seconds that are added to each pause.

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
    number, *waits = _objects(attempts, wait, stall)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ModelError(f"retry: attempts: expected an integer of 1 or more, found {attempts!r}.")
    for name, seconds in zip(("wait", "stall"), waits, strict=True):
        if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise ModelError(f"retry: {name}: expected seconds, 0 or more, found {seconds!r}.")
    rule = Retry(errors or (Exception,), attempts, wait, stall)
    return lambda function: _retrying(function, rule)


def _objects(*values: object) -> Sequence[object]:
    """Return the values as plain objects, so that an unchecked call can be checked at run time."""
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

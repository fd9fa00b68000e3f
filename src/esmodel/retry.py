"""Retry: call a function again after an error, with a growing random pause."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from attrs import frozen

from esmodel.exceptions import ModelError

P = ParamSpec("P")
TResult = TypeVar("TResult")


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
        if not isinstance(each, type) or not issubclass(each, Exception):
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

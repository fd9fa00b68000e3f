"""Scenarios whose outcomes must be asserted to the end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

from esmodel.testing.scenarios.subject import ScenarioError


class UnsettledWarning(UserWarning):
    """A scenario ran a command whose outcome was not asserted to the end."""


class Settling(Protocol):
    """An outcome, by whether it was asserted to the end."""

    @property
    def is_settled(self) -> bool:
        """Whether it was."""
        ...

    def settle(self) -> None:
        """Mark as asserted to the end."""
        ...

    def complaint(self) -> str:
        """Return a sentence that says what was not asserted."""
        ...


_watched: Final[ContextVar[list[Settling] | None]] = ContextVar("watched", default=None)
"""The outcomes of the running test, inside ``scenarios_settled``."""


def watch(outcome: Settling, /) -> None:
    """Have an outcome checked at the end of the block, if there is one."""
    watched = _watched.get()
    if watched is not None:
        watched[:] = [*(each for each in watched if not each.is_settled), outcome]


def is_watched() -> bool:
    """Whether outcomes are checked at the end of a block."""
    return _watched.get() is not None


@contextmanager
def scenarios_settled() -> Generator[None]:
    """Fail if a scenario in the block ran a command whose outcome was not asserted to the end.

    Raises:
        ScenarioError: at the end of the block, naming the aggregate and what was not asserted.

    Example:
        >>> from esmodel.testing.scenarios import scenario, scenarios_settled
        >>> with scenarios_settled():
        ...     outcome = scenario(Collection[str]).when(Collection[str].register)
        Traceback (most recent call last):
        ScenarioError: Collection: when(...) triggered CollectionCreated, and no then(...) asserted it.
    """
    watched: list[Settling] = []
    token = _watched.set(watched)
    try:
        yield
    finally:
        _watched.reset(token)
        left = [each.complaint() for each in watched if not each.is_settled]
        for each in watched:
            each.settle()
    if left:
        raise ScenarioError("\n".join(left))

"""The source of new ids, of entities and of events."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID, uuid4

from esmodel.exceptions import ModelError

__all__ = [
    "new_id",
    "using_ids",
]

ids: ContextVar[Callable[[], UUID]] = ContextVar("ids", default=uuid4)
"""The current source of ids; ``using_ids`` sets it."""


@contextmanager
def using_ids(source: Callable[[], UUID], /) -> Generator[None]:
    """Take new ids from another source inside the block; it must never return an id twice.

    Example:
        >>> with using_ids(lambda: UUID(int=7)):
        ...     new_id().int
        7
    """
    token = ids.set(source)
    try:
        yield
    finally:
        ids.reset(token)


def new_id() -> UUID:
    """Return an id from the current source, by default a random one."""
    return ids.get()()


def checked_id(given: object, subject: str, /) -> UUID:
    """Return an id, which no type checker saw.

    Args:
        given: the id.
        subject: the class that it is an id of, for the message.

    Raises:
        ModelError: if it is not a UUID.
    """
    if isinstance(given, UUID):
        return given
    hint = f"UUID({given!r})" if isinstance(given, str) else "UUID(...)"
    raise ModelError(f"{subject}: expected an id that is a UUID, found {given!r}. Write {hint}.")

"""Correlation and causation: which event caused the ones triggered now."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from esmodel.ids import new_id
from esmodel.model.protocols import EventWithECC

_cause: ContextVar[tuple[UUID, UUID] | None] = ContextVar("cause", default=None)


@contextmanager
def caused_by(event: EventWithECC, /) -> Generator[None]:
    """Trigger events inside the block as caused by an event, with its correlation id.

    The cause follows asyncio tasks and ``asyncio.to_thread``. A bare thread starts without one,
    unless it runs in ``contextvars.copy_context()``.
    """
    token = _cause.set((event.correlation_id, event.event_id))
    try:
        yield
    finally:
        _cause.reset(token)


def next_ecc() -> tuple[UUID, UUID, UUID | None]:
    """Return the event id, correlation id and causation id of an event triggered now."""
    event_id = new_id()
    cause = _cause.get()
    return (event_id, event_id, None) if cause is None else (event_id, *cause)

"""The outcome of an append: if its answer was lost, ask the store whether the rows are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from esmodel.exceptions import OutcomeUnknownError, StoreError
from esmodel.rows.append import Appended
from esmodel.rows.protocols import SupportsAppendIds

TAppends = TypeVar("TAppends")


def append(store: object, to_store: Callable[[TAppends], Appended], appends: TAppends, /) -> None:
    """Store rows; if the answer is lost, ask the store whether they are stored.

    Args:
        store: the store, which is asked if it can be.
        to_store: its ``append``, or its ``append_streams``.
        appends: one ``Append``, or several.

    Raises:
        ConcurrencyError: if a stream ends elsewhere, or a position is taken; nothing is stored.
        OutcomeUnknownError: if the store cannot be asked, or not be reached.
        StoreError: if the engine fails; nothing is stored.
    """
    try:
        to_store(appends)
    except OutcomeUnknownError as error:
        if not isinstance(store, SupportsAppendIds):
            raise
        try:
            was_appended = store.was_appended(error.append_id)
        except StoreError:
            raise error from error.__cause__
        if not was_appended:
            raise StoreError(
                f"Append {error.append_id} was not stored: {error.finding}. Nothing is lost; save again."
            ) from error

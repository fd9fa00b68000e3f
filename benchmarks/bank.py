"""The interface of a contender, so that all do the same work.

The domain is an account: ``Opened(owner: str)``, then ``Deposited(cents: int, currency: str)``. This
module and those that do the work need nothing but the standard library: they run in every environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeAlias, TypeVar
from uuid import UUID

Synchronous: TypeAlias = Literal["FULL", "NORMAL"]

OWNER: Final = "Ada Lovelace"
CURRENCY: Final = "EUR"

TAccount = TypeVar("TAccount")
TEvent = TypeVar("TEvent")


class Bank(Protocol[TAccount, TEvent]):
    """Accounts, in memory and in one SQLite file."""

    def filled(self, events: int, /) -> TAccount:
        """Return a new account with this many pending events: 0, 1, 2, ... cents after the first."""
        ...

    def balance(self, account: TAccount, /) -> int:
        """Return the balance of an account; fail unless ``OWNER`` owns it."""
        ...

    def key(self, account: TAccount, /) -> UUID:
        """Return the id of an account."""
        ...

    def pending(self, account: TAccount, /) -> Sequence[TEvent]:
        """Return the pending events of an account."""
        ...

    def replay(self, events: Sequence[TEvent], /) -> TAccount:
        """Rebuild an account from event objects."""
        ...

    def save(self, account: TAccount, /) -> None:
        """Store the pending events, in one transaction."""
        ...

    def load(self, key: UUID, /) -> TAccount:
        """Return an account from the file."""
        ...

    def snapshot(self, key: UUID, /) -> None:
        """Store a snapshot of an account."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Items(Protocol):
    """A big array of whole numbers in one SQLite file."""

    def append(self, item: int, /) -> None:
        """Append an item, in a transaction of its own."""
        ...

    def read(self, position: int, /) -> int:
        """Return the item at a position."""
        ...

    def slice(self, start: int, stop: int, /) -> Sequence[int | None]:
        """Return the items of a range."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Messages(Protocol):
    """A time-bucketed log of texts in one SQLite file."""

    def log(self, message: str, /) -> None:
        """Log a message, in a transaction of its own."""
        ...

    def latest(self, limit: int, /) -> Sequence[str]:
        """Return messages, the newest first."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def check(*, holds: bool, finding: str) -> None:
    """Stop a row that does not measure what its title says."""
    if not holds:
        raise AssertionError(finding)

"""The account whose history grows."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, Self, TypeAlias
from uuid import UUID, uuid4

from attrs import define, frozen

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, applies


@frozen(kw_only=True)
class Opened(AggregateEvent):
    """An account was opened."""

    owner: str


@frozen(kw_only=True)
class Deposited(AggregateEvent, name="bank.deposited"):
    """Money came in."""

    cents: int
    currency: str


AccountEvent: TypeAlias = Opened | Deposited


@define
class Account(AggregateRoot[AccountEvent]):
    """A bank account."""

    owner: str
    balance: int = 0

    @classmethod
    def open(cls, originator_id: UUID) -> Self:
        """Open an account."""
        return cls.create_with_id(originator_id, Opened, owner="Ada")

    def deposit(self, cents: int) -> None:
        """Put money in."""
        self.trigger(Deposited, cents=cents, currency="EUR")

    @applies
    def opened(self, event: Opened) -> None:
        """Set the owner."""
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        """Add to the balance."""
        self.balance += event.cents

    apply = (opened | deposited).exhaustive


def cents_at(version: int) -> int:
    """Return the cents of the event at a version: three digits, so that all rows have one length."""
    return 100 + version % 900


def grow(account: Account, length: int) -> None:
    """Deposit until the history has this length."""
    deposit = account.deposit
    for version in range(account.version + 1, length):
        deposit(cents_at(version))


def grown(length: int) -> Account:
    """Return an account with this many pending events."""
    account = Account.open(uuid4())
    grow(account, length)
    return account


PART: Final = 10_000  # the largest save, in parts that do not measure saves


def save_in_parts(repository: EventSourcedRepository[Account], length: int, part: int) -> UUID:
    """Save a history in parts, so that memory never holds all of it, and return the id of the account."""
    account = Account.open(uuid4())
    reached = 0
    while reached < length:
        reached = min(reached + part, length)
        grow(account, reached)
        repository.save(account)
    return account.id


def check(account: Account, length: int) -> None:
    """Stop unless an account has the state that its history gives."""
    expected = (length - 1, sum(map(cents_at, range(1, length))), "Ada")
    found = (account.version, account.balance, account.owner)
    if found != expected:
        sys.exit(f"expected version, balance and owner {expected}, found {found}")


def check_count(found: int, expected: int) -> None:
    """Stop unless the count is right."""
    if found != expected:
        sys.exit(f"expected {expected} events, found {found}")


def counted(things: Iterable[object]) -> int:
    """Count things without keeping them."""
    return sum(1 for _ in things)

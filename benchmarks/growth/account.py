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
    """Return what the event of a version puts in: of three digits, so that all rows are as long."""
    return 100 + version % 900


def grow(account: Account, length: int) -> None:
    """Deposit until the history is so long."""
    deposit = account.deposit
    for version in range(account.version + 1, length):
        deposit(cents_at(version))


def grown(length: int) -> Account:
    """Return an account with so many events, all of them waiting."""
    account = Account.open(uuid4())
    grow(account, length)
    return account


PART: Final = 10_000  # what a save holds at most, where saving is not what is measured


def save_in_parts(repository: EventSourcedRepository[Account], length: int, part: int) -> UUID:
    """Save a history without holding it all in memory, and return the id of the account."""
    account = Account.open(uuid4())
    reached = 0
    while reached < length:
        reached = min(reached + part, length)
        grow(account, reached)
        repository.save(account)
    return account.id


def check(account: Account, length: int) -> None:
    """Stop unless an account is what its history makes it."""
    expected = (length - 1, sum(map(cents_at, range(1, length))), "Ada")
    found = (account.version, account.balance, account.owner)
    if found != expected:
        sys.exit(f"expected version, balance and owner {expected}, found {found}")


def check_count(found: int, expected: int) -> None:
    """Stop unless so many events were seen."""
    if found != expected:
        sys.exit(f"expected {expected} events, found {found}")


def counted(things: Iterable[object]) -> int:
    """Return how many there are, and keep none of them."""
    return sum(1 for _ in things)

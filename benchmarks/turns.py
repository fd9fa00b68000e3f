"""Turns: the pieces of work that are timed, and what all works share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from benchmarks.bank import Bank, Synchronous, check

A = TypeVar("A")
E = TypeVar("E")
TDone_co = TypeVar("TDone_co", covariant=True)
TStore = TypeVar("TStore")


class Turn(Generic[TDone_co]):
    """A piece of work, and its result."""

    result: TDone_co

    def __init__(self, work: Callable[[], TDone_co]) -> None:
        """Take the work, not done yet."""
        self._work = work

    def run(self) -> None:
        """Do the work."""
        self.result = self._work()


Turns: TypeAlias = Generator[Turn[object] | float, None, None]


class Place(NamedTuple):
    """The file of a contender, and ``PRAGMA synchronous``."""

    path: Path
    synchronous: Synchronous


Store: TypeAlias = Callable[[Path, Synchronous], TStore]
FEW: Final = 10
"""The events per account, where there are many accounts."""


def check_account(bank: Bank[A, E], account: A, events: int) -> None:
    """Stop unless an account has the balance that its events give."""
    expected = sum(range(events - 1))
    found = bank.balance(account)
    check(holds=found == expected, finding=f"expected a balance of {expected}, found {found}")


def saved(bank: Bank[A, E], events: int) -> UUID:
    """Save a new account with this many events, and return its id."""
    account = bank.filled(events)
    bank.save(account)
    return bank.key(account)


def each_of(do: Callable[[E], object], things: Sequence[E]) -> None:
    """Call a function with each thing."""
    for thing in things:
        do(thing)

"""A bank account, event-sourced into a SQLite file: the example of the README.

Run it with ``python examples/bank.py``; it leaves ``bank.db`` in the current folder.
"""

from typing import Self, TypeAlias

from attrs import define, frozen

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, applies
from esmodel.stores.sqlite import SQLiteStore


@frozen
class Opened(AggregateEvent):
    owner: str


@frozen
class Deposited(AggregateEvent, name="bank.deposited"):
    cents: int
    currency: str


@frozen
class Closed(AggregateEvent):
    pass


AccountEvent: TypeAlias = Opened | Deposited | Closed


@define
class Account(AggregateRoot[AccountEvent]):
    owner: str
    balance: int = 0
    is_open: bool = True

    @classmethod
    def open(cls, owner: str) -> Self:
        return cls.create(Opened, owner=owner)

    def deposit(self, cents: int) -> None:
        if cents <= 0:
            raise ValueError(f"a deposit must be positive, not {cents}")
        self.trigger(Deposited, cents=cents, currency="EUR")

    def close(self) -> None:
        self.trigger(Closed)

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.cents

    @applies
    def closed(self, event: Closed) -> None:
        self.is_open = False

    apply = (opened | deposited | closed).exhaustive


if __name__ == "__main__":
    with SQLiteStore("bank.db") as store:
        accounts = EventSourcedRepository(Account, store)
        account = Account.open(owner="Ada")
        account.deposit(500)
        accounts.save(account)
        assert accounts[account.id].balance == 500
        print(f"{account.owner} has {accounts[account.id].balance} cents")

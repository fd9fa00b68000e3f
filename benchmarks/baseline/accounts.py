"""Accounts of the baseline, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, cast
from uuid import UUID, uuid4

from attrs import define, field
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Synchronous, check
from benchmarks.baseline.data import (
    DepositedData,
    OpenedData,
    State,
    decode_deposited,
    decode_opened,
    decode_state,
    encode,
)
from benchmarks.baseline.tables import (
    ADD,
    ADD_SNAPSHOT,
    EPOCH,
    LAST_SNAPSHOT,
    MICROSECOND,
    READ,
    SNAPSHOTS,
    TABLE,
    connect,
)
from benchmarks.domain import (
    AccountEvent,
    Deposited,
    Opened,
)

TKey = TypeVar("TKey")


@define
class Account:
    """An account."""

    id: UUID
    version: int = -1
    owner: str = ""
    balance: int = 0
    pending: list[AccountEvent] = field(factory=list[AccountEvent])

    def opened(self, event: Opened) -> None:
        """Set the owner."""
        self.owner = event.owner

    def deposited(self, event: Deposited) -> None:
        """Add to the balance."""
        self.balance += event.cents

    def open(self, owner: str) -> None:
        """Open the account."""
        event = Opened(self.id, self.version + 1, datetime.now(UTC), owner=owner)
        APPLY[type(event)](self, event)
        self.version += 1
        self.pending.append(event)

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        event = Deposited(self.id, self.version + 1, datetime.now(UTC), cents=cents, currency=currency)
        APPLY[type(event)](self, event)
        self.version += 1
        self.pending.append(event)


Handler: TypeAlias = Callable[[Account, AccountEvent], None]
APPLY: Final[dict[type[AccountEvent], Handler]] = {
    Opened: cast("Handler", Account.opened),
    Deposited: cast("Handler", Account.deposited),
}
Row: TypeAlias = tuple[int, str, int, int, bytes]
"""Version, name, class version, timestamp, data."""


def encoded(events: Iterable[AccountEvent], key: TKey) -> list[tuple[TKey, int, str, int, int, bytes]]:
    """Return the rows of an account's events, with the key of the account in the database."""
    rows: list[tuple[TKey, int, str, int, int, bytes]] = []
    for event in events:
        if isinstance(event, Deposited):
            name, data = "Deposited", encode(DepositedData(event.cents, event.currency))
        else:
            name, data = "Opened", encode(OpenedData(event.owner))
        timestamp = (event.timestamp - EPOCH) // MICROSECOND
        rows.append((key, event.originator_version, name, 0, timestamp, data))
    return rows


def continued(account: Account, rows: Iterable[Row]) -> Account:
    """Apply the following rows to an account, and return it."""
    key = account.id
    expected, apply = account.version + 1, APPLY
    for version, name, class_version, timestamp, data in rows:
        if version != expected or class_version:
            raise ValueError(version)
        expected += 1
        moment = EPOCH + timedelta(microseconds=timestamp)
        event: AccountEvent
        if name == "Deposited":
            deposited = decode_deposited(data)
            event = Deposited(key, version, moment, cents=deposited.cents, currency=deposited.currency)
        else:
            event = Opened(key, version, moment, owner=decode_opened(data).owner)
        apply[type(event)](account, event)
    account.version = expected - 1
    return account


class AccountBank(Bank[Account, AccountEvent]):
    """The part that is the same for every database."""

    @override
    def filled(self, events: int, /) -> Account:
        account = Account(uuid4())
        account.open(OWNER)
        for cents in range(events - 1):
            account.deposit(cents, CURRENCY)
        return account

    @override
    def balance(self, account: Account, /) -> int:
        check(holds=account.owner == OWNER, finding=account.owner)
        return account.balance

    @override
    def key(self, account: Account, /) -> UUID:
        return account.id

    @override
    def pending(self, account: Account, /) -> Sequence[AccountEvent]:
        return account.pending

    @override
    def replay(self, events: Sequence[AccountEvent], /) -> Account:
        key, version, apply = events[0].originator_id, 0, APPLY
        account = Account(key)
        for event in events:
            if event.originator_version != version or event.originator_id != key:
                raise ValueError(event)
            apply[type(event)](account, event)
            version += 1  # faster than enumerate
        account.version = version - 1
        return account


class BaselineBank(AccountBank):
    """Accounts in one table."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._connection = connect(path, synchronous, TABLE, SNAPSHOTS)
        self._execute = self._connection.execute

    @override
    def save(self, account: Account, /) -> None:
        rows = encoded(account.pending, account.id.bytes)
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany(ADD, rows)
        self._execute("COMMIT")
        account.pending.clear()

    @override
    def load(self, key: UUID, /) -> Account:
        return self._continued(Account(key))

    def _continued(self, account: Account) -> Account:
        return continued(account, self._execute(READ, (account.id.bytes, account.version)))

    @override
    def snapshot(self, key: UUID, /) -> None:
        account = self.load(key)
        data = encode(State(account.owner, account.balance))
        self._execute(ADD_SNAPSHOT, (key.bytes, account.version, data))

    @override
    def close(self) -> None:
        self._connection.close()


class BaselineSnapshots(BaselineBank):
    """Accounts in one table, and their snapshots in another."""

    @override
    def load(self, key: UUID, /) -> Account:
        account = Account(key)
        row: tuple[int, bytes] | None = self._execute(LAST_SNAPSHOT, (key.bytes,)).fetchone()
        if row is not None:
            state = decode_state(row[1])
            account.version, account.owner, account.balance = row[0], state.owner, state.balance
        return self._continued(account)

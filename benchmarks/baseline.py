"""The contender ``baseline``: what a careful hand writes for this one model, and no more.

The same event classes, a dictionary of handlers, msgspec and one table. Each event is checked to be the
next of its account, and is decoded to its typed class.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, cast
from uuid import UUID, uuid4

import msgspec
from attrs import define, field
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Items, Messages, Synchronous, check
from benchmarks.domain import (
    AccountEvent,
    ChainedAccountEvent,
    ChainedDeposited,
    ChainedOpened,
    Deposited,
    Opened,
)

TKey = TypeVar("TKey")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
GENESIS: Final = bytes(32)

TABLE: Final = """CREATE TABLE event (number INTEGER PRIMARY KEY, id BLOB NOT NULL,
    version INTEGER NOT NULL, name TEXT NOT NULL, class_version INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (id, version))"""
CHAINED_TABLE: Final = TABLE.replace("data BLOB", "hash BLOB NOT NULL, data BLOB")
SNAPSHOTS: Final = """CREATE TABLE snapshot (id BLOB NOT NULL, version INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (id, version))"""
ADD: Final = "INSERT INTO event (id, version, name, class_version, timestamp, data) VALUES (?, ?, ?, ?, ?, ?)"
ADD_CHAINED: Final = (
    "INSERT INTO event (id, version, name, class_version, timestamp, hash, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
READ: Final = """SELECT version, name, class_version, timestamp, data FROM event
    WHERE id = ? AND version > ? ORDER BY version"""
READ_CHAINED: Final = """SELECT version, name, class_version, timestamp, hash, data FROM event
    WHERE id = ? ORDER BY version"""
LAST: Final = "SELECT version FROM event WHERE id = ? ORDER BY version DESC LIMIT 1"
ITEM: Final = "SELECT data FROM event WHERE id = ? AND version = ?"
ITEMS: Final = "SELECT data FROM event WHERE id = ? AND version >= ? AND version < ? ORDER BY version"
LATEST: Final = "SELECT data FROM event WHERE id = ? ORDER BY version DESC LIMIT ?"
ADD_SNAPSHOT: Final = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)"
LAST_SNAPSHOT: Final = "SELECT version, data FROM snapshot WHERE id = ? ORDER BY version DESC LIMIT 1"


class OpenedData(msgspec.Struct):
    """What is stored of ``Opened``."""

    owner: str


class DepositedData(msgspec.Struct):
    """What is stored of ``Deposited``."""

    cents: int
    currency: str


class State(msgspec.Struct):
    """What is stored of an account."""

    owner: str
    balance: int


encode = msgspec.json.Encoder().encode
decode_opened = msgspec.json.Decoder(OpenedData).decode
decode_deposited = msgspec.json.Decoder(DepositedData).decode
decode_state = msgspec.json.Decoder(State).decode
decode_item = msgspec.json.Decoder(int).decode
decode_message = msgspec.json.Decoder(str).decode


@define
class Account:
    """An account."""

    id: UUID
    version: int = -1
    owner: str = ""
    balance: int = 0
    pending: list[AccountEvent] = field(factory=list[AccountEvent])

    def opened(self, event: Opened) -> None:
        """Take the owner."""
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
    """Return the rows of the events of an account, with the key that the database knows it by."""
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
    """Return an account after the rows that follow."""
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


def connect(path: Path, synchronous: Synchronous, *tables: str) -> sqlite3.Connection:
    """Open a file, and create its tables."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    for table in tables:
        connection.execute(table)
    return connection


class AccountBank(Bank[Account, AccountEvent]):
    """What is the same for every database."""

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
            version += 1  # because to enumerate is slower
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


@define
class ChainedAccount:
    """An account whose events form a chain."""

    id: UUID
    version: int = -1
    head: bytes = GENESIS
    owner: str = ""
    balance: int = 0
    pending: list[tuple[ChainedAccountEvent, str, bytes]] = field(
        factory=list[tuple[ChainedAccountEvent, str, bytes]]
    )

    def opened(self, event: ChainedOpened) -> None:
        """Take the owner."""
        self.owner = event.owner

    def deposited(self, event: ChainedDeposited) -> None:
        """Add to the balance."""
        self.balance += event.cents

    def open(self, owner: str) -> None:
        """Open the account."""
        version, moment, data = self.version + 1, datetime.now(UTC), encode(OpenedData(owner))
        signed = sign(self.head, self.id, version, (moment - EPOCH) // MICROSECOND, "Opened", data)
        event = ChainedOpened(self.id, version, moment, self.head, signed, owner=owner)
        APPLY_CHAINED[type(event)](self, event)
        self.version, self.head = version, signed
        self.pending.append((event, "Opened", data))

    def deposit(self, cents: int, currency: str) -> None:
        """Pay in."""
        version, moment = self.version + 1, datetime.now(UTC)
        data = encode(DepositedData(cents, currency))
        signed = sign(self.head, self.id, version, (moment - EPOCH) // MICROSECOND, "Deposited", data)
        event = ChainedDeposited(self.id, version, moment, self.head, signed, cents=cents, currency=currency)
        APPLY_CHAINED[type(event)](self, event)
        self.version, self.head = version, signed
        self.pending.append((event, "Deposited", data))


ChainedHandler: TypeAlias = Callable[[ChainedAccount, ChainedAccountEvent], None]
APPLY_CHAINED: Final[dict[type[ChainedAccountEvent], ChainedHandler]] = {
    ChainedOpened: cast("ChainedHandler", ChainedAccount.opened),
    ChainedDeposited: cast("ChainedHandler", ChainedAccount.deposited),
}


def sign(  # noqa: PLR0913, PLR0917  # because each of them is signed
    head: bytes, key: UUID, version: int, timestamp: int, name: str, data: bytes
) -> bytes:
    """Return SHA-256 of an event and of all before it."""
    written = name.encode()
    numbers = struct.pack(">qqqq", version, timestamp, 0, len(written))
    return hashlib.sha256(head + key.bytes + numbers + written + data).digest()


class ChainedBaselineBank(Bank[ChainedAccount, ChainedAccountEvent]):
    """Accounts in one table, each row with its hash."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._connection = connect(path, synchronous, CHAINED_TABLE)
        self._execute = self._connection.execute

    @override
    def filled(self, events: int, /) -> ChainedAccount:
        account = ChainedAccount(uuid4())
        account.open(OWNER)
        for cents in range(events - 1):
            account.deposit(cents, CURRENCY)
        return account

    @override
    def balance(self, account: ChainedAccount, /) -> int:
        check(holds=account.owner == OWNER, finding=account.owner)
        return account.balance

    @override
    def key(self, account: ChainedAccount, /) -> UUID:
        return account.id

    @override
    def pending(self, account: ChainedAccount, /) -> Sequence[ChainedAccountEvent]:
        return [event for event, _, _ in account.pending]

    @override
    def replay(self, events: Sequence[ChainedAccountEvent], /) -> ChainedAccount:
        raise NotImplementedError

    @override
    def save(self, account: ChainedAccount, /) -> None:
        rows = [
            (
                event.originator_id.bytes,
                event.originator_version,
                name,
                0,
                (event.timestamp - EPOCH) // MICROSECOND,
                event.event_hash,
                data,
            )
            for event, name, data in account.pending
        ]
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany(ADD_CHAINED, rows)
        self._execute("COMMIT")
        account.pending.clear()

    @override
    def load(self, key: UUID, /) -> ChainedAccount:
        account = ChainedAccount(key)
        head, expected, apply = account.head, 0, APPLY_CHAINED
        row: tuple[int, str, int, int, bytes, bytes]
        for row in self._execute(READ_CHAINED, (key.bytes,)):
            version, name, class_version, timestamp, signed, data = row
            if version != expected or class_version:
                raise ValueError(version)
            expected += 1
            if sign(head, key, version, timestamp, name, data) != signed:
                raise ValueError(version)
            moment = EPOCH + timedelta(microseconds=timestamp)
            event: ChainedAccountEvent
            if name == "Deposited":
                deposited = decode_deposited(data)
                event = ChainedDeposited(
                    key,
                    version,
                    moment,
                    head,
                    signed,
                    cents=deposited.cents,
                    currency=deposited.currency,
                )
            else:
                owner = decode_opened(data).owner
                event = ChainedOpened(key, version, moment, head, signed, owner=owner)
            apply[type(event)](account, event)
            head = signed
        account.version, account.head = expected - 1, head
        return account

    @override
    def snapshot(self, key: UUID, /) -> None:
        raise NotImplementedError

    @override
    def close(self) -> None:
        self._connection.close()


class BaselineSequence:
    """Values in one stream of the table."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open the file."""
        self._connection = connect(path, synchronous, TABLE)
        self._execute = self._connection.execute
        self._key = uuid4().bytes

    def add(self, name: str, value: int | str) -> None:
        """Add a value after the last one there is."""
        self._execute("BEGIN IMMEDIATE")
        row: tuple[int] | None = self._execute(LAST, (self._key,)).fetchone()
        timestamp = (datetime.now(UTC) - EPOCH) // MICROSECOND
        version = 0 if row is None else row[0] + 1
        self._execute(ADD, (self._key, version, name, 0, timestamp, encode(value)))
        self._execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class BaselineItems(BaselineSequence, Items):
    """An array that is one stream, and no tree."""

    @override
    def append(self, item: int, /) -> None:
        self.add("ItemAssigned", item)

    @override
    def read(self, position: int, /) -> int:
        row: tuple[bytes] = self._execute(ITEM, (self._key, position)).fetchone()
        return decode_item(row[0])

    @override
    def slice(self, start: int, stop: int, /) -> Sequence[int]:
        return [decode_item(data) for (data,) in self._execute(ITEMS, (self._key, start, stop))]


class BaselineMessages(BaselineSequence, Messages):
    """A log that is one stream, without buckets."""

    @override
    def log(self, message: str, /) -> None:
        self.add("MessageLogged", message)

    @override
    def latest(self, limit: int, /) -> Sequence[str]:
        return [decode_message(data) for (data,) in self._execute(LATEST, (self._key, limit))]


plain, snapshotting = BaselineBank, BaselineSnapshots
chained = unverified = ChainedBaselineBank  # "unverified": the peer of that row does less
array, log = BaselineItems, BaselineMessages

"""Accounts of the baseline whose events form a hash chain."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, cast
from uuid import UUID, uuid4

from attrs import define, field
from typing_extensions import override

from benchmarks.bank import CURRENCY, OWNER, Bank, Synchronous, check
from benchmarks.baseline.data import (
    DepositedData,
    OpenedData,
    decode_deposited,
    decode_opened,
    encode,
)
from benchmarks.baseline.tables import (
    ADD_CHAINED,
    CHAINED_TABLE,
    EPOCH,
    MICROSECOND,
    READ_CHAINED,
    connect,
)
from benchmarks.domain import (
    ChainedAccountEvent,
    ChainedDeposited,
    ChainedOpened,
)

GENESIS: Final = bytes(32)


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
        """Set the owner."""
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


def sign(  # noqa: PLR0913, PLR0917  # because each argument is signed
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

"""Moves history that version 8.2.5 of ``eventsourcing`` stored in SQLite over to esmodel.

Run it with ``python examples/move_history.py OLD NEW``. The old file is only read, as rows with JSON in
them: nothing of the old library is needed, and no class is loaded because a row names it. Ids, versions
and times stay, and so does the order of all rows. Stopped at any moment and run again, it goes on.

What is yours to write stands under "the model" and "the moves"; the rest is the same for each model.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypedDict
from uuid import UUID

import msgspec
from attrs import define, frozen

from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, applies, using_clock
from esmodel.stores.sqlite import SQLiteStore

# --- the model -------------------------------------------------------------------------------------


@frozen
class Opened(AggregateEvent, name="account.opened"):
    owner: str


@frozen
class Deposited(AggregateEvent, name="account.deposited"):
    amount: Decimal
    on: date


AccountEvent: TypeAlias = Opened | Deposited


@define
class Account(AggregateRoot[AccountEvent]):
    owner: str
    balance: Decimal = Decimal(0)

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.amount

    apply = (opened | deposited).exhaustive


# --- the moves: what the old rows hold, and which event it is here ---------------------------------

# The old library marks values that JSON does not have by the name of their type.
OldDecimal = TypedDict("OldDecimal", {"__decimal__": str})


class OldDate(TypedDict):
    ISO8601_date: str


class OpenedState(TypedDict):
    owner: str


class DepositedState(TypedDict):
    amount: OldDecimal
    on: OldDate


class OldRow(NamedTuple):
    originator_id: UUID
    version: int
    topic: str
    state: bytes


def move_opened(_: Account | None, row: OldRow) -> Account:
    state = msgspec.json.decode(row.state, type=OpenedState)
    return Account.create_with_id(row.originator_id, Opened, owner=state["owner"])


def move_deposited(account: Account | None, row: OldRow) -> Account:
    state = msgspec.json.decode(row.state, type=DepositedState)
    amount, on = state["amount"]["__decimal__"], state["on"]["ISO8601_date"]
    known = existing(account, row)
    known.trigger(Deposited, amount=Decimal(amount), on=date.fromisoformat(on))
    return known


def move_discarded(account: Account | None, row: OldRow) -> Account:
    known = existing(account, row)
    known.discard()
    return known


# By what comes after the # in a topic: the modules of the old code may be gone.
MOVES: Final[dict[str, Callable[[Account | None, OldRow], Account]]] = {
    "Account.Opened": move_opened,
    "Account.Deposited": move_deposited,
    "Account.Discarded": move_discarded,
}

# --- the rest --------------------------------------------------------------------------------------


class MoveError(Exception):
    """A row cannot be moved as it is: mend the moves, and run again."""

    def __init__(self, row: OldRow, finding: str) -> None:
        super().__init__(f"Row {row.version} of {row.originator_id} ({row.topic}): {finding}")
        self.row = row
        self.finding = finding


class Stamp(TypedDict):
    timestamp: OldDecimal


# By the order in which rows were added, which is that of the commits.
TABLES: Final = {
    "stored_events": "SELECT originator_id, originator_version, topic, state FROM stored_events "
    "ORDER BY rowid",
    "integer_sequenced_items": "SELECT sequence_id, position, topic, state FROM integer_sequenced_items "
    "ORDER BY id",
}


def old_rows(path: Path) -> Iterator[OldRow]:
    """Read the rows of an old database, which is not changed."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as old:
        names: list[tuple[str]] = old.execute("SELECT name FROM sqlite_master").fetchall()
        for table, query in TABLES.items():
            if (table,) in names:
                rows: Iterator[tuple[bytes, int, str, bytes]] = old.execute(query)
                for originator_id, version, topic, state in rows:
                    yield OldRow(UUID(bytes=originator_id), version, topic, state)


def time_of(row: OldRow) -> datetime:
    """Return when an event was triggered; by way of a float it would be another microsecond."""
    seconds = Decimal(msgspec.json.decode(row.state, type=Stamp)["timestamp"]["__decimal__"])
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))


def existing(account: Account | None, row: OldRow) -> Account:
    if account is None:
        raise MoveError(row, "expected an event that begins the stream before it, found none")
    return account


def moved(account: Account | None, row: OldRow) -> Account:
    """Trigger what a row says, at the time when it happened, and see that it has its old place."""
    move = MOVES.get(row.topic.rpartition("#")[2])
    if move is None:
        raise MoveError(row, f"expected one of {', '.join(MOVES)}")
    then = time_of(row)
    with using_clock(lambda: then):
        account = move(account, row)
    if (account.version, account.last_modified) != (row.version, then):
        finding = (
            f"expected version {row.version} at {then}, found {account.version} at {account.last_modified}"
        )
        raise MoveError(row, finding)
    return account


def move_all(rows: Iterator[OldRow], store: SQLiteStore) -> int:
    """Move what was not moved yet, and return how many rows that were."""
    accounts = EventSourcedRepository(Account, store)
    known: dict[UUID, Account | None] = {}
    count = 0
    for originator_id, run in groupby(rows, key=lambda row: row.originator_id):
        last = store.last(originator_id)
        new = [row for row in run if last is None or row.version > last[0]]
        if not new:
            continue
        if last is not None and originator_id not in known:
            known[originator_id] = accounts[originator_id]
        account = known.get(originator_id)
        for row in new:
            account = moved(account, row)
            known[originator_id] = account
        if account is not None:
            accounts.save(account)
        count += len(new)
    return count


def main(old: Path, new: Path) -> None:
    with SQLiteStore(new) as store:
        print(f"moved {move_all(old_rows(old), store):,} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""The bank of ``bank.py`` as a web application, typed from the request to the stored row.

Run it with ``uvicorn --app-dir examples --factory bank_web:serve``; it keeps ``bank.db`` in the current
folder. What goes wrong becomes a status in one place, ``STATUS``: no handler of a request has a ``try``.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse

from bank import Account
from esmodel import ConcurrencyError, EntityIsDiscarded, EventSourcedRepository, RepositoryKeyError
from esmodel.model import ReadsEntities
from esmodel.stores.sqlite import SQLiteStore

STATUS: Final[dict[type[Exception], int]] = {
    RepositoryKeyError: 404,
    ConcurrencyError: 409,  # look again, and repeat the command
    EntityIsDiscarded: 410,
    ValueError: 422,  # what the model refuses, as a deposit of nothing
}


# What requests and responses hold. Data classes of the standard library: FastAPI reads them, and
# mypy takes a class that derives from pydantic's `BaseModel` for one with an explicit Any.
@dataclass(frozen=True)
class NewAccount:
    owner: str


@dataclass(frozen=True)
class NewDeposit:
    cents: int


@dataclass(frozen=True)
class AccountNow:
    id: UUID
    owner: str
    balance: int
    is_open: bool
    version: int

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account.id, account.owner, account.balance, account.is_open, account.version)


IfMatch = Annotated[int | None, Header()]


def refuse(_: Request, error: Exception) -> JSONResponse:
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status_code=status)


def load(accounts: ReadsEntities[Account], account_id: UUID, if_match: int | None) -> Account:
    """Return an account, if it is still as the caller saw it."""
    account = accounts[account_id]
    if if_match is not None and account.version != if_match:
        raise ConcurrencyError(account_id, if_match, account.version)
    return account


def make_app(store: SQLiteStore) -> FastAPI:
    """Return an application over a store, which is closed when the application stops."""
    accounts = EventSourcedRepository(Account, store)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        with store:
            yield

    app = FastAPI(title="Bank", lifespan=lifespan)
    for kind in STATUS:
        app.add_exception_handler(kind, refuse)

    # These are no coroutines: the store waits for the disk, so FastAPI calls them in threads.
    @app.post("/accounts", status_code=201)
    def open_account(new: NewAccount) -> AccountNow:
        account = Account.open(owner=new.owner)
        accounts.save(account)
        return AccountNow.of(account)

    @app.get("/accounts/{account_id}")
    def show_account(account_id: UUID) -> AccountNow:
        return AccountNow.of(accounts[account_id])

    @app.post("/accounts/{account_id}/deposits")
    def deposit(account_id: UUID, new: NewDeposit, if_match: IfMatch = None) -> AccountNow:
        account = load(accounts, account_id, if_match)
        account.deposit(new.cents)
        accounts.save(account)
        return AccountNow.of(account)

    @app.post("/accounts/{account_id}/closing")
    def close(account_id: UUID, if_match: IfMatch = None) -> AccountNow:
        account = load(accounts, account_id, if_match)
        account.close()
        accounts.save(account)
        return AccountNow.of(account)

    @app.delete("/accounts/{account_id}", status_code=204)
    def discard(account_id: UUID) -> None:
        account = accounts[account_id]
        account.discard()
        accounts.save(account)

    return app


def serve() -> FastAPI:
    """Return the application over ``bank.db``."""
    return make_app(SQLiteStore("bank.db"))

"""The contender ``esmodel`` with ``PostgresStore``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bank import Synchronous
from benchmarks.kernel import Account, KernelBank
from benchmarks.postgres.place import dsn, schema
from esmodel.stores.postgres import Order, PostgresStore


def bank(path: Path, order: Order) -> KernelBank[Account]:
    """Return a bank with one of the two orders."""
    store = PostgresStore(dsn(), order=order, schema=schema(path), connections=1, migrate=True)
    return KernelBank(Account, store)


def plain(path: Path, _: Synchronous) -> KernelBank[Account]:
    """Return a bank with the default order."""
    return bank(path, "dense")

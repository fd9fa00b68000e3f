"""The contender ``esmodel`` with ``PostgresStore`` and ``order="transaction"``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bank import Synchronous
from benchmarks.kernel import Account, KernelBank
from benchmarks.postgres.kernel import bank


def plain(path: Path, _: Synchronous) -> KernelBank[Account]:
    """Return a bank with ``order="transaction"``."""
    return bank(path, "transaction")

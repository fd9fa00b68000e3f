"""The contender ``eventsourcing`` 9.5 with msgspec structures and its PostgreSQL module."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bank import Synchronous
from benchmarks.peers.eventsourcing9_msgspec import Accounts, StructBank
from benchmarks.peers.eventsourcing9_postgres import environment


def plain(path: Path, _: Synchronous) -> StructBank:
    """Return a bank."""
    return StructBank(Accounts, environment(path))

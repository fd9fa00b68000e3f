"""The contender ``eventsourcing`` 9.5 with ``@event`` and its PostgreSQL module.

Its functions in the database are switched on. Without them, its way to save is a pipeline of psycopg, which
did not end where one save had 4,000 events.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks.bank import Synchronous
from benchmarks.peers.eventsourcing9 import Accounts, EventBank
from benchmarks.postgres.place import dsn, schema


def environment(path: Path) -> dict[str, str]:
    """Return the settings of an application; make the schema, which the module does not."""
    name = schema(path)
    with psycopg.connect(dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
    parts = conninfo_to_dict(dsn())
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts.get("host", "")),
        "POSTGRES_PORT": str(parts.get("port", "5432")),
        "POSTGRES_USER": str(parts.get("user", "")),
        "POSTGRES_PASSWORD": str(parts.get("password", "")),
        "POSTGRES_SCHEMA": name,
        # A writer does one thing at a time. The default keeps five connections open, of each of 16 writers.
        "POSTGRES_POOL_SIZE": "1",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "yes",
    }


def plain(path: Path, _: Synchronous) -> EventBank:
    """Return a bank."""
    return EventBank(Accounts, environment(path))

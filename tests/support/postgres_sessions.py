"""Sessions with which a test observes and disturbs those of a ``PostgresStore``."""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING, Final

import psycopg
from sample_rows import row

from esmodel.rows import FREE, Append

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from esmodel.stores.postgres import PostgresStore

BLOCKED: Final = b"blocked"
"""The data of the rows whose commit a ``CommitBlocker`` blocks."""

_BLOCKED_BY_US: Final = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 42"
_WAITING: Final = """SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()"""


def admin(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect in autocommit mode."""
    return psycopg.connect(dsn, autocommit=True)


def terminate_all(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """End all other sessions of the database."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "The condition does not hold in time."
        time.sleep(0.005)


def run_in_threads(tasks: Sequence[Callable[[], None]]) -> None:
    """Run each task in a thread, and wait for all."""
    threads = [Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class CommitBlocker:
    """Blocks the commit of each append of a row with the data ``BLOCKED``, until it is released.

    Args:
        dsn: the connection string of the database.

    Attributes:
        connection: the session that holds the lock.
    """

    def __init__(self, dsn: str) -> None:
        self.connection = admin(dsn)
        execute = self.connection.execute
        execute("SELECT pg_advisory_lock(42)")
        execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM set_config('lock_timeout', '0', true); "
            "PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$"
        )
        execute(
            "CREATE TRIGGER wait AFTER INSERT ON esmodel.record FOR EACH ROW "
            "WHEN (NEW.data = 'blocked') EXECUTE FUNCTION wait()"
        )

    def start_append(self, store: PostgresStore, position: int, stream: UUID) -> Thread:
        """Append a row in a thread, and wait until its commit is blocked."""
        thread = Thread(target=store.append, args=(Append([row(position, stream, BLOCKED)], FREE),))
        thread.start()
        self.wait_until_blocked()
        return thread

    def wait_until_blocked(self) -> None:
        """Wait until the commit of an append is blocked."""
        wait_until(lambda: self.connection.execute(f"SELECT 1 {_BLOCKED_BY_US}").rowcount > 0)

    def wait_until_waiting(self, sessions: int) -> None:
        """Wait until so many sessions wait for a lock, blocked commits included."""
        wait_until(lambda: self.connection.execute(_WAITING).fetchall() == [(sessions,)])

    def release(self) -> None:
        """Let the blocked appends commit."""
        self.connection.execute("SELECT pg_advisory_unlock_all()")

    def cancel(self) -> None:
        """Cancel the blocked appends."""
        self.connection.execute(f"SELECT pg_cancel_backend(pid) {_BLOCKED_BY_US}")

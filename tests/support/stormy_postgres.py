"""PostgreSQL in a storm: a primary and a synchronous standby, failed over, killed, dumped and restored."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg
from postgres_server import PostgresServer, find_binaries, unprivileged_user
from store_storm import Pause, Restore, StormyEngine
from typing_extensions import override

from esmodel.stores.postgres import Order, PostgresStore

_SECONDS = 60.0


class DeadlockError(Exception):
    """A restore and an append waited for each other, and PostgreSQL ended the restore."""


class StormyPostgres(StormyEngine):
    """Two servers, of which one is the primary; a commit waits for the other one.

    Args:
        order: that of ``read_all``.
        cluster: what ``make_cluster`` made.
        folder: for the dump.
    """

    def __init__(self, order: Order, cluster: Path, folder: Path) -> None:
        binaries = find_binaries()
        assert binaries is not None
        self._binaries = binaries
        self._order: Order = order
        self._dump = folder / "dump"
        self._dumped: float | None = None
        self._primary = PostgresServer(binaries, cluster)
        self._standby = PostgresServer(binaries, cluster)
        self._primary.start()
        hosts = f"{self._primary.folder},{self._standby.folder}"
        super().__init__(order, f"user=tests dbname=postgres host={hosts} target_session_attrs=read-write")
        self._attach_standby()
        PostgresStore(self.address, order=order, migrate=True).close()

    def remove(self) -> None:
        """Stop both servers and remove their folders."""
        self._primary.remove()
        self._standby.remove()

    @override
    def faults(self, pause: Pause) -> Mapping[str, Callable[[], None]]:
        return {
            "copy": self._make_dump,
            "restore of a dump": self._restore,
            "failover": self._fail_over,
            "kill of the primary": self._kill,
            "end of all sessions": self._end_sessions,
        }

    @override
    def open(self) -> PostgresStore:
        return PostgresStore(self.address, order=self._order)

    @override
    def check(self) -> Sequence[str]:
        with self.open() as store:
            return [fault.message for fault in store.check().faults]

    def _make_dump(self) -> None:
        begun = time.monotonic()
        part = self._dump.with_suffix(".part")
        self._run("pg_dump", "--format=custom", "--schema=esmodel", f"--file={part}", self._primary.dsn)
        part.replace(self._dump)
        self._dumped = begun

    def _restore(self) -> None:
        """Put the dump in the place of the tables, in one transaction, while they are used."""
        if self._dumped is not None:
            options = ["--clean", "--if-exists", "--single-transaction", f"--dbname={self._primary.dsn}"]
            with contextlib.suppress(DeadlockError):  # of the two, PostgreSQL ended the restore
                self._run("pg_restore", *options, str(self._dump))
                self.restores.append(Restore(self._dumped, time.monotonic()))

    def _fail_over(self) -> None:
        """Kill the primary, promote the standby, and make a new standby of it."""
        self._primary.kill()
        self._primary, self._standby = self._standby, self._primary
        with _connected(self._primary) as connection:
            connection.execute("SELECT pg_promote(true, 60)")
        self._attach_standby()

    def _kill(self) -> None:
        self._primary.kill()
        self._primary.start()

    def _end_sessions(self) -> None:
        """End all sessions, also those that wait for the standby."""
        with _connected(self._primary) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def _attach_standby(self) -> None:
        """Make a standby of a base backup, and let commits wait for it."""
        data = self._standby.folder / "data"
        shutil.rmtree(data)
        self._run(
            *("pg_basebackup", "--checkpoint=fast", "--write-recovery-conf", "--no-sync"),
            *(f"--dbname={self._primary.dsn}", f"--pgdata={data}"),
        )
        self._standby.start()
        with _connected(self._primary) as connection:
            connection.execute("SET synchronous_commit = local")
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + _SECONDS
            while not _is_synchronous(connection):
                assert time.monotonic() < deadline, "the standby does not follow"
                time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            user=unprivileged_user() if program == "pg_basebackup" else None,
            cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if "deadlock detected" in done.stderr:
            raise DeadlockError
        assert done.returncode == 0, f"{program}: {done.stderr[-2_000:]}"


def _connected(server: PostgresServer) -> contextlib.closing[psycopg.Connection[tuple[object, ...]]]:
    return contextlib.closing(psycopg.connect(server.dsn, autocommit=True))


def _is_synchronous(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    return connection.execute(query).fetchone() == (1,)

"""PostgreSQL servers for tests, from the binaries on this machine."""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Generator

MISSING = (
    "PostgreSQL: expected its binaries on this machine, found none. Install it (apt-get install postgresql), "
    "or name a running server (ESMODEL_TEST_POSTGRES=postgresql://...)."
)
_SECONDS = 60.0
_SYNCFS = 14  # the first version that can sync a whole file system


def find_binaries() -> Path | None:
    """Return the folder with the newest ``initdb`` and ``postgres``, or ``None``."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    on_the_path = shutil.which("initdb")
    if on_the_path is not None:
        folders.append(Path(on_the_path).resolve().parent)
    complete = [each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()]
    return max(complete, key=_version, default=None)


def _version(folder: Path) -> int:
    return max((int(number) for number in re.findall(r"\d+", str(folder))), default=0)


def make_cluster(binaries: Path, data: Path, /) -> None:
    """Make the data of a new server, from which servers start with a copy.

    Args:
        binaries: the folder of ``initdb``.
        data: the folder to make.
    """
    options = ["--auth=trust", "--username=tests", "--encoding=UTF8", "--locale=C", "--no-sync"]
    user = unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="esmodel-pg-") as folder:  # one that this user can reach
        if user is not None:
            shutil.chown(folder, user)
        subprocess.run(
            [binaries / "initdb", *options, "--pgdata", f"{folder}/data"],
            user=user,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        _copy(Path(folder) / "data", data)


def _copy(data: Path, target: Path) -> None:
    # PostgreSQL insists on its own user, so the owner is kept. The last step makes the whole copy visible.
    part = target.with_name(f"{target.name}.part")
    subprocess.run(["cp", "-a", data, part], check=True)  # noqa: S607
    part.rename(target)


class PostgresServer:
    """A server in a temporary folder, behind a Unix socket, that may be killed and started again.

    PostgreSQL refuses to run as root, so root runs it as an unprivileged user.

    Args:
        binaries: the folder of ``postgres``.
        cluster: what ``make_cluster`` made; without one, the server makes its own.
        fsync: whether what is committed is on the disk; only tests of crashes need it.
        autovacuum: whether the server cleans up and takes statistics by itself.
    """

    def __init__(
        self, binaries: Path, cluster: Path | None = None, *, fsync: bool = False, autovacuum: bool = False
    ) -> None:
        self._binaries = binaries
        self._fsync = "on" if fsync else "off"
        self._autovacuum = "on" if autovacuum else "off"
        self._user = unprivileged_user()
        self._folder = Path(tempfile.mkdtemp(prefix="esmodel-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if self._user is not None:
                shutil.chown(self._folder, self._user)
            data = self._folder / "data"
            if cluster is None:
                make_cluster(binaries, data)
            else:
                _copy(cluster, data)
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    @property
    def folder(self) -> Path:
        """The folder of its socket and its data."""
        return self._folder

    @property
    def dsn(self) -> str:
        """The connection string of the database ``postgres``."""
        return f"postgresql://tests@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": self._fsync,
            # An ANALYZE is a transaction that delays the readers of rows written just now.
            "autovacuum": self._autovacuum,
            "max_connections": "200",
            "max_prepared_transactions": "4",
        }
        if _version(self._binaries) >= _SYNCFS:
            # After a kill, sync the file system once instead of each of a thousand files.
            settings["recovery_init_sync_method"] = "syncfs"
        options = [f"--{name}={value}" for name, value in settings.items()]
        deadline = time.monotonic() + _SECONDS
        process = self._launch(options)
        while True:
            try:
                psycopg.connect(self.dsn).close()
            except psycopg.OperationalError as error:
                log_text = (self._folder / "log").read_text(errors="replace")[-2_000:]
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {log_text}") from error
                if process.poll() is not None:
                    # The shared memory of a killed server may stay in use for a moment.
                    if "is still in use" not in log_text:
                        raise RuntimeError(f"PostgreSQL did not start: {log_text}") from error
                    process = self._launch(options)
                time.sleep(0.02)
            else:
                return

    def _launch(self, options: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *options],
                user=self._user,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which stop the server themselves
            )
        return self._process

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: end its sessions and roll back their transactions."""
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Kill every process of the server, so that none can finish its work."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # so that it starts no more children
        for pid in [process.pid, *_children(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(_SECONDS)
        self._process = None

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.stop(signal.SIGQUIT)  # at once, without writing data that is removed anyway
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(dsn: str) -> Generator[str]:
    """Yield the connection string of an empty database; one test after another uses the same one.

    Emptying a database takes a fraction of the time of creating and dropping one.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Processes that test with one server take turns: an open transaction of one would delay the
        # readers of another in transaction order.
        connection.execute("SELECT pg_advisory_lock(5432)")
        name = _empty_databases.pop(dsn, None)
        if name is None:
            name = f"test_{uuid4().hex}"
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        fresh = make_conninfo(dsn, dbname=name)
        yield fresh
        if not connection.closed:  # otherwise the test killed the server, which is removed
            reset = sql.SQL("ALTER DATABASE {} RESET ALL").format(sql.Identifier(name))
            connection.execute(reset)
            _empty(fresh)
            _empty_databases[dsn] = name


_empty_databases: dict[str, str] = {}  # by the connection strings of their servers

_EMPTY = """DO $$ DECLARE found name; BEGIN
    FOR found IN SELECT nspname FROM pg_namespace
        WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
    LOOP EXECUTE format('DROP SCHEMA %I CASCADE', found); END LOOP;
    CREATE SCHEMA public;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$"""


_END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def _empty(dsn: str) -> None:
    deadline = time.monotonic() + _SECONDS
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute(_END_OTHERS).rowcount:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dsn}: expected all sessions to end, found some that run.")
            time.sleep(0.002)
        connection.execute(_EMPTY)


@atexit.register
def _drop_databases() -> None:
    for dsn, name in _empty_databases.items():
        with (
            contextlib.suppress(psycopg.OperationalError),  # the server of the tests is already gone
            psycopg.connect(dsn, autocommit=True) as connection,
        ):
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def unprivileged_user() -> str | None:
    """Return the user who runs the processes for root, or ``None`` for other users."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [line.split() for line in found.stdout.splitlines()]
    return [int(pid) for pid, of in pairs if int(of) == parent]

"""A PostgreSQL server of the tests' own, made of the binaries that the machine has."""

from __future__ import annotations

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
    "No PostgreSQL to test with: install it (apt-get install postgresql), or name a running server "
    "(ESMODEL_TEST_POSTGRES=postgresql://...)."
)
_SECONDS = 60.0


def find_binaries() -> Path | None:
    """Return the folder with the newest ``initdb`` and ``postgres``, or ``None``."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    on_the_path = shutil.which("initdb")
    if on_the_path is not None:
        folders.append(Path(on_the_path).resolve().parent)
    whole = [each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()]
    return max(whole, key=_version, default=None)


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

    PostgreSQL refuses to run as root: for root, the processes are those of an unprivileged user.

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
    def dsn(self) -> str:
        """The connection string of the database ``postgres``."""
        return f"postgresql://tests@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": self._fsync,
            # Half of the tests ask for what was written just now, and an ANALYZE would hold it back.
            "autovacuum": self._autovacuum,
            "max_connections": "200",
            "max_prepared_transactions": "4",
        }
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
                    # One that was killed may take a moment to give up the memory that it shared.
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
                start_new_session=True,  # Ctrl-C is for the tests: they stop it themselves
            )
        return self._process

    def stop(self) -> None:
        """Stop the server: sessions are ended, and what they had not committed is undone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Kill every process of the server, so that none of them can finish anything."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # it starts no more children
        for pid in [process.pid, *_children(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(_SECONDS)
        self._process = None

    def remove(self) -> None:
        """Stop the server, and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(dsn: str) -> Generator[str]:
    """Make a database for one test; give its connection string."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Where several processes test with one server, they take turns: what one has open would hold
        # back what the other reads in the order of the transactions.
        connection.execute("SELECT pg_advisory_lock(5432)")
        # The server need not log the files that it copies: it waits for no disk.
        strategy = sql.SQL("STRATEGY file_copy" if connection.info.server_version >= 150_000 else "")
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(sql.Identifier(name), strategy)
        connection.execute(create)
        try:
            yield make_conninfo(dsn, dbname=name)
        finally:
            if not connection.closed:  # else the server was killed, and goes with all that it has
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def unprivileged_user() -> str | None:
    """Return whom the processes belong to, where it cannot be who runs the tests: for root."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [line.split() for line in found.stdout.splitlines()]
    return [int(pid) for pid, of in pairs if int(of) == parent]

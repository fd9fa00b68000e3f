"""What may stand between a store and a PostgreSQL server: a line that breaks, and PgBouncer."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Literal

import psycopg
from postgres_server import unprivileged_user
from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from collections.abc import Generator

_PORT = 5432
NO_PGBOUNCER = "No PgBouncer to test with: install it (apt-get install pgbouncer)."


class Breakpoint:
    """A line to a server that breaks where a message holds a word, as often as it is told.

    Args:
        dsn: the connection string of the server.
        folder: where it listens.

    Attributes:
        word: what the message holds that breaks the line.
        at: what is lost: the question itself, its answer, or the question for a while (``"late"``).
        times: how often the line will break.
        goes_down: whether, with the line that breaks, all others do, and new ones are refused.
        is_down: whether new ones are refused.
        late: set it to let a late question through.
        answers: what the server said to late questions.
        questions: how many messages were sent to the server.
    """

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = make_conninfo(dsn, host=str(folder), port=_PORT)
        self.word = b"append_rows"
        self.at: Literal["question", "answer", "late"] = "answer"
        self.times = 0
        self.is_down = False
        self.goes_down = False
        self.late = Event()
        self.answers: list[bytes] = []
        self.questions = 0
        self._clients: set[socket.socket] = set()
        self._deaf: set[socket.socket] = set()
        facts = conninfo_to_dict(dsn)
        self._host, self._target_port = str(facts["host"]), int(facts.get("port") or _PORT)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{_PORT}"))
        self._listener.listen(50)
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End all of its threads; the stores that use it are closed before."""
        self.late.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_down:
                client.close()
                continue
            self._clients.add(client)
            server = self._connect()
            for pump in (self._ask, self._answer):
                thread = Thread(target=pump, args=(client, server), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _connect(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._host}/.s.PGSQL.{self._target_port}")
            return server
        return socket.create_connection((self._host, self._target_port))

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                self.questions += 1
                if self.times and self.word in data:
                    self.times -= 1
                    if self.goes_down:
                        self.is_down = True
                        for other in self._clients - {client}:
                            _end(other)
                    self._break(data, client, server)
                    return
                server.sendall(data)
        _end(server)
        server.close()

    def _break(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        if self.at == "question":
            _end(client)
        elif self.at == "late":
            _end(client)
            self.late.wait(30)
            server.sendall(data)
            # what the other thread is told, it keeps, because its client has gone
            time.sleep(0.2)
        else:
            self._lose_answer(data, client, server)
        _end(server)
        server.close()

    def _lose_answer(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        self._deaf.add(client)
        server.sendall(data)
        time.sleep(0.2)  # the server is at it, or has done it
        _end(client)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                if client in self._deaf:
                    continue
                try:
                    client.sendall(data)
                except OSError:
                    self.answers.append(data)
        _end(client)
        client.close()


def _end(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def pgbouncer(dsn: str) -> Generator[str]:
    """Run PgBouncer, which gives each transaction another connection; give its connection string."""
    binary = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        raise FileNotFoundError(NO_PGBOUNCER)
    user = unprivileged_user()
    facts = conninfo_to_dict(dsn)
    folder = Path(tempfile.mkdtemp(prefix="esmodel-pgb-"))
    if user is not None:
        shutil.chown(folder, user)
    settings = f"""[databases]
* = host={facts["host"]} port={facts.get("port") or _PORT} user={facts["user"]}
[pgbouncer]
pool_mode = transaction
auth_type = any
unix_socket_dir = {folder}
listen_port = {_PORT}
default_pool_size = 3
"""
    (folder / "pgbouncer.ini").write_text(settings, encoding="utf-8")
    bounced = make_conninfo(dsn, host=str(folder), port=_PORT)
    with subprocess.Popen(
        [binary, "-q", folder / "pgbouncer.ini"], user=user, cwd=folder, stdin=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(bounced, process)
            yield bounced
        finally:
            process.kill()
            process.wait(10)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for(dsn: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return

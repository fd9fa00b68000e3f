"""Proxies between a store and a PostgreSQL server: one that breaks connections, and PgBouncer."""

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
_SECONDS_AT_MOST = 0.2  # that the proxy waits for an answer before it breaks the connection
NO_PGBOUNCER = "PgBouncer: expected it on this machine, found none. Install it: apt-get install pgbouncer."


class Breakpoint:
    """A proxy that breaks the connection of a message with a certain word.

    Args:
        dsn: the connection string of the server.
        folder: where it listens.

    Attributes:
        dsn: the connection string of the proxy.
        word: the word in the messages whose connection breaks.
        at: what is lost: the message, its answer, or the message until ``late`` is set (``"late"``).
        times: how many more times a connection breaks.
        goes_down: whether the proxy goes down with the connection that breaks.
        is_down: whether the proxy is down: it ends all connections and refuses new ones.
        late: an event; setting it delivers a late message.
        answers: the answers of the server that reached no client.
        questions: the number of messages sent to the server.
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
        self._cut_off: set[socket.socket] = set()
        self._answered = Event()
        facts = conninfo_to_dict(dsn)
        self._host, self._target_port = str(facts["host"]), int(facts.get("port") or _PORT)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{_PORT}"))
        self._listener.listen(50)
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End all threads of the proxy; the stores that use it must be closed already."""
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
                    self._answered.clear()
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
            self._answered.wait(_SECONDS_AT_MOST)
        else:
            self._cut_off.add(client)
            server.sendall(data)
            self._answered.wait(_SECONDS_AT_MOST)  # the server may wait for a lock
            _end(client)
        _end(server)
        server.close()

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                if client in self._cut_off:
                    self._answered.set()
                    continue
                try:
                    client.sendall(data)
                except OSError:
                    self.answers.append(data)
                    self._answered.set()
        _end(client)
        client.close()


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def pgbouncer(dsn: str) -> Generator[str]:
    """Run PgBouncer, which may run each transaction in another session; yield its connection string."""
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
    pooled = make_conninfo(dsn, host=str(folder), port=_PORT)
    with subprocess.Popen(
        [binary, "-q", folder / "pgbouncer.ini"], user=user, cwd=folder, stdin=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(pooled, process)
            yield pooled
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

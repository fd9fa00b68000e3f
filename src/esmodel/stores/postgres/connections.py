"""``Connections``: the pool of connections that a caller may give to the store."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import psycopg


class Connections(Protocol):
    """A pool of connections, such as ``psycopg_pool.ConnectionPool``.

    Laws:
        1. ``connection`` lends a connection that nobody else uses until it is returned.
    """

    def connection(self, timeout: float | None = None) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend a connection; wait for one for at most ``timeout`` seconds."""
        ...

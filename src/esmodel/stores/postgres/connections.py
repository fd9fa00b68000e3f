"""Where connections to PostgreSQL come from."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import psycopg


class Connections(Protocol):
    """What lends connections: a ``psycopg_pool.ConnectionPool``.

    Laws:
        1. ``connection`` lends a connection that nobody else uses meanwhile.
    """

    def connection(self, timeout: float | None = None) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend a connection; wait for one at most ``timeout`` seconds."""
        ...

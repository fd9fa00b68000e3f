"""``PostgresStore``: a record store in a PostgreSQL database; needs ``pip install 'esmodel[postgres]'``."""

from importlib import import_module

try:
    import_module("psycopg")  # also fails if there is no libpq
    import_module("psycopg_pool")
except ImportError as _failure:
    raise ImportError(
        f"esmodel.stores.postgres: expected psycopg 3 and psycopg_pool, found: {_failure}. "
        "Install them: pip install 'esmodel[postgres]'"
    ) from _failure

from esmodel.stores.postgres.connections import Connections
from esmodel.stores.postgres.schema import Order
from esmodel.stores.postgres.store import PostgresStore

__all__ = ["Connections", "Order", "PostgresStore"]

"""``SQLiteStore``: a record store in one SQLite file."""

from esmodel.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]

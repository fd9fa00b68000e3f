"""The names that an SQLite file has, and their ids."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Mapping
from typing import Final

from esmodel.exceptions import StoreError
from esmodel.stores.sqlite._statements import ADD_COLLIDING_NAME, ADD_NAME, FIND_NAME, GET_NAME, count_names
from esmodel.stores.sqlite._streams import new_id

_LEAST: Final = 1 << 30  # the ids of older files are lower; up to twice this, SQLite needs four bytes


class Names(dict[int, str]):
    """The names of a file by their ids; a name is read when it is first used."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __missing__(self, name_id: int) -> str:
        row: tuple[str] | None = self._connection.execute(GET_NAME, (name_id,)).fetchone()
        if row is None:
            raise StoreError(
                f"Name {name_id}: expected a stored name, found none. Restore the file from a backup."
            )
        return self.setdefault(name_id, row[0])


class NameIds:
    """The ids of names, for a connection that writes; used within its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}

    def of(self, names: Collection[str]) -> Mapping[str, int]:
        """Return the ids of names, and perhaps of others; add the names that the file does not have."""
        known = self._ids
        if all(name in known for name in names):
            ids = [known[name] for name in names]
            found: tuple[int] = self._connection.execute(count_names(len(ids)), ids).fetchone()
            if found[0] == len(ids):  # a file that was restored may lack some
                return known
        for name in names:
            row: tuple[int] | None = self._connection.execute(FIND_NAME, (name,)).fetchone()
            known[name] = row[0] if row else _add(self._connection, name)
        return known


def digest_of(name: str) -> int:
    """Return the id of a name, which is the same in every file: 30 bits of its digest."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    return _LEAST + int.from_bytes(digest) % _LEAST


def _add(connection: sqlite3.Connection, name: str) -> int:
    name_id = digest_of(name)
    try:
        connection.execute(ADD_NAME, (name_id, name))
    except sqlite3.IntegrityError:  # of a thousand names, two have one digest in one file of two thousand
        return new_id(connection.execute(ADD_COLLIDING_NAME, (name,)))
    return name_id

"""``Names``: the names that an SQLite file has, by their ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from esmodel.exceptions import StoreError
from esmodel.stores.sqlite._statements import ADD_NAME, CHANGE_EPOCH, EPOCH, FIND_NAME, GET_NAME
from esmodel.stores.sqlite._streams import new_id


class NamesChangedError(Exception):
    """The file got other names between two statements: read the rows again."""


class Names(dict[int, str]):
    """The names of a file by their ids; a name is read when it is first used.

    What it holds is true in one epoch of the file, and forgotten in another.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._epoch: int | None = None

    def in_epoch(self, epoch: int) -> Mapping[int, str]:
        """Return the names in the epoch in which rows were read."""
        if epoch != self._epoch:
            self.clear()
            self._epoch = epoch
        return self

    def __missing__(self, name_id: int) -> str:
        row: tuple[str, int] | None = self._connection.execute(GET_NAME, (name_id,)).fetchone()
        if row is None:
            found = self._connection.execute(EPOCH).fetchone()
            if found != (self._epoch,):
                raise NamesChangedError
            raise StoreError(
                f"Name {name_id}: expected a stored name, found none. Restore the file from a backup."
            )
        if row[1] != self._epoch:
            raise NamesChangedError
        return self.setdefault(name_id, row[0])


class NameIds:
    """The ids of names, as known to a connection that writes; used within its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        self._epoch: int | None = None

    def resolve(self, names: Iterable[str]) -> Mapping[str, int]:
        """Return the ids of names, and add those that are new."""
        epoch: tuple[int] = self._connection.execute(EPOCH).fetchone()
        known = self._ids if epoch[0] == self._epoch else {}
        missing = [name for name in names if name not in known]
        if not missing:
            return known
        found, is_new = dict(known), False
        for name in missing:
            row: tuple[int] | None = self._connection.execute(FIND_NAME, (name,)).fetchone()
            is_new = is_new or row is None
            found[name] = row[0] if row else new_id(self._connection.execute(ADD_NAME, (name,)))
        if is_new:  # not committed yet: the next call finds another epoch, and looks the names up
            self._connection.execute(CHANGE_EPOCH)
        else:
            self._ids, self._epoch = found, epoch[0]
        return found

"""``SnapshotKeys``: the secret keys that sign the snapshots of a hash chain."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from struct import Struct, error
from typing import Final

from esmodel.codec.containers import is_iterable
from esmodel.exceptions import ModelError, SnapshotError
from esmodel.rows.record import Record

_LEAST_BYTES: Final = 32
_DOMAIN: Final = b"esmodel.snapshot.1\n"
"""Tells these signatures from others that the application may make with the same key."""

_NUMBERS: Final = Struct(">16sqqqqqqq")


class SnapshotKeys:
    """Signs the rows of snapshots with HMAC-SHA-256, and checks their signatures.

    A signature covers all columns of the row and the hash with which the chain of the class begins. It is the
    header of the row.
    """

    __slots__ = ("_genesis", "_keys")

    def __init__(self, keys: bytes | Sequence[bytes], genesis: bytes, /) -> None:
        """Take the keys.

        Args:
            keys: one key, or several: the first one signs, and each of them is accepted.
            genesis: the hash with which the chain of the class begins.

        Raises:
            ModelError: if there is no key, or one of them has not 32 bytes or more.
        """
        if not is_iterable(keys):
            raise ModelError(f"snapshot_key: expected bytes, or several in a list, found {keys!r}.")
        self._keys: tuple[bytes, ...] = (keys,) if isinstance(keys, bytes) else tuple(keys)
        self._genesis = genesis
        if not self._keys:
            raise ModelError("snapshot_key: expected one key or more, found none.")
        for key in self._keys:
            _check_key(key)

    def signed(self, record: Record, /) -> Record:
        """Return the row of a snapshot with its signature."""
        return record._replace(header=self._signature(self._keys[0], record))

    def check(self, record: Record, /) -> None:
        """Check the signature of a row.

        Raises:
            SnapshotError: if none of the keys gives it.
        """
        try:
            found = [hmac.compare_digest(self._signature(key, record), record.header) for key in self._keys]
        except (TypeError, AttributeError, error):
            # an engine may hold a value of another type than was written, as SQLite does
            found = []
        if not any(found):
            finding = (
                "expected a signature by a key of snapshot_key, found none. It was changed, moved or "
                "planted, or its key is no longer given"
            )
            raise SnapshotError(record.originator_id, record.position, finding)

    def _signature(self, key: bytes, record: Record) -> bytes:
        """Return the header of a row: its signature as JSON."""
        originator_id, position, name, class_version, timestamp, data, _, head = record
        written, genesis = name.encode(), self._genesis
        lengths = (len(written), len(genesis), len(head), len(data))
        numbers = _NUMBERS.pack(originator_id.bytes, position, class_version, timestamp, *lengths)
        message = b"".join((_DOMAIN, numbers, written, genesis, head, data))
        return b'{"hmac":"%b"}' % hmac.digest(key, message, "sha256").hex().encode()


def _check_key(key: object) -> None:
    """Refuse a key that is too short; no message shows a key.

    Raises:
        ModelError: if it is not of 32 bytes or more.
    """
    if not isinstance(key, bytes):
        raise ModelError(
            f"snapshot_key: expected bytes, found {type(key).__qualname__}. "
            f"Pass {_LEAST_BYTES} secret bytes or more, as secrets.token_bytes({_LEAST_BYTES}) makes them."
        )
    if len(key) < _LEAST_BYTES:
        raise ModelError(
            f"snapshot_key: expected {_LEAST_BYTES} secret bytes or more, found {len(key)}. "
            f"secrets.token_bytes({_LEAST_BYTES}) makes a key."
        )

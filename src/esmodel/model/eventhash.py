"""The hash of an event in a chain: which bytes are signed, and how."""

from __future__ import annotations

from hashlib import sha256
from struct import Struct
from typing import Final
from uuid import UUID

from esmodel.clock import microseconds
from esmodel.model.eventcodec import EventCodec
from esmodel.model.events import DomainEvent, HashchainedEvent

GENESIS_HASH: Final = bytes(32)
"""The hash that the first event of a chain continues, unless its class names another one."""

_NUMBERS: Final = Struct(">qqqq")


def hash_event(  # noqa: PLR0913, PLR0917  # because each of them is signed
    previous_hash: bytes,
    originator_id: UUID,
    position: int,
    timestamp: int,
    name: str,
    class_version: int,
    data: bytes,
    /,
) -> bytes:
    """Return SHA-256 over an event as it is recorded.

    The layout: the previous hash, the id (16 bytes), then position, microseconds, class version
    and the length of the name (8 bytes each, big endian), the name in UTF-8, the data.
    """
    written = name.encode()
    numbers = _NUMBERS.pack(position, timestamp, class_version, len(written))
    return sha256(b"".join((previous_hash, originator_id.bytes, numbers, written, data))).digest()


def hash_of(codec: EventCodec[DomainEvent], event: HashchainedEvent, data: bytes, /) -> bytes:
    """Return the hash of an event, given its payload as it is stored."""
    return hash_event(
        event.previous_hash,
        event.originator_id,
        event.originator_version,
        microseconds(event.timestamp),
        codec.name,
        codec.class_version,
        data,
    )

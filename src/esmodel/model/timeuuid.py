"""Ids that hold a time: UUIDs of version 1, as in RFC 9562, 5.1."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Final
from uuid import UUID

from esmodel.clock import microseconds, moment_of
from esmodel.exceptions import PayloadError

_UUID_EPOCH: Final = 0x01B21DD213814000
"""The 100 ns intervals from 1582-10-15 to 1970-01-01 (RFC 9562, 5.1)."""


def make_timeuuid(moment: datetime, /) -> UUID:
    """Return a UUID of version 1 for a moment, with a random node and clock sequence.

    Raises:
        PayloadError: if the moment is outside 1582-10-15 to 5236-03-31.
    """
    intervals = microseconds(moment) * 10 + _UUID_EPOCH
    if not 0 <= intervals < 1 << 60:
        raise PayloadError(f"{moment} has no UUID of version 1: use a time from 1582-10-15 to 5236-03-31.")
    draw = random.SystemRandom()
    return UUID(
        fields=(
            intervals & 0xFFFFFFFF,
            intervals >> 32 & 0xFFFF,
            intervals >> 48 & 0x0FFF,
            draw.getrandbits(6),
            draw.getrandbits(8),
            draw.getrandbits(48) | 1 << 40,
        ),
        version=1,
    )


def timeuuid_time(event_id: UUID, /) -> datetime:
    """Return the moment of a UUID of version 1, to the microsecond."""
    return moment_of((event_id.time - _UUID_EPOCH) // 10)
